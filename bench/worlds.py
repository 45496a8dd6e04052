# SPDX-License-Identifier: Apache-2.0
"""Clusters of N Services that can be entered again and again, each time the same.

    with lab.open_net() as net, Worlds(net) as worlds:
        worlds.enter("assigned", 1000)
        ... worlds.plane ...

A world is a folder of etcd. It is written once, and every measurement starts the API server on a copy of it. They build upon
each other:

    base        two nodes, the Pods of a controller and of a speaker, a pool, an L2Advertisement; our resource types, rights
    new         Services of type LoadBalancer without an address, each with an endpoint on either node
    assigned    every Service has its address, and says from which pool
    settled     every Service has its ServiceL2Status too: a controller and a speaker find nothing to do

The API server has a namespace, where controllers run beside it. A node reaches it on eth1 and announces on eth0, where it has
no address; the other end of that cable is an interface of the node's name in the namespace `wire`. The L2Advertisement names
oak, which announces all whether elm has a speaker too or not.
"""
import concurrent.futures
import ipaddress
import os
import shutil
import sys
import threading

import lab  # before the path grows: tests/cluster has a module of this name too

sys.path.insert(0, str(lab.ROOT / "tests" / "cluster"))
import objects  # noqa: E402
from client import METALLB, ApiError, Client  # noqa: E402
from cluster import NAMESPACE, ControlPlane  # noqa: E402
from netns import until  # noqa: E402
from programs import PATIENCE  # noqa: E402
from witness import until_idle  # noqa: E402

PLANE = "192.0.2.1"
NODES = {"oak": "192.0.2.11", "elm": "192.0.2.12"}
ANNOUNCER, NEIGHBOUR = "oak", "elm"
HOST_LABEL = "kubernetes.io/hostname"
POOL = "bench"
POOL_RANGE = ipaddress.ip_network("198.18.0.0/16")
NODE_PORTS = "20000-60000"  # the usual range is for 2,768 Services
CONNECTIONS = 4
STEPS = ("new", "assigned", "settled")
LISTED = ("Service", "EndpointSlice", "IPAddressPool", "L2Advertisement", "BGPAdvertisement", "BGPPeer", "BFDProfile",
          "Community", "ServiceL2Status", "ServiceBGPStatus", "ConfigurationState")
REST_S, REST_SHARE = 1.0, 0.1  # the API server is at rest: for so long, less than this part of a CPU


def service_name(i):
    return "web-%05d" % i


def address(i):
    """Of Service i, where it has one."""
    return str(POOL_RANGE[1 + i])


def endpoint_slice(service):
    """An endpoint on either node."""
    made = objects.endpoints(service, NODES)
    made["ports"] = [{"port": 8080, "protocol": "TCP"}]
    return made


def assigned(at):
    """What a controller writes into a Service."""
    return {"metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": POOL}},
            "status": {"loadBalancer": {"ingress": [{"ip": at}]}}}


class Worlds:
    def __init__(self, net):
        self.net = net
        self._build_net()
        self.plane = ControlPlane(net=net, ns="plane", address=PLANE, args=["--service-node-port-range=" + NODE_PORTS])
        self.copies = os.path.join(self.plane.folder, "worlds")
        self.key_folder = os.path.join(self.plane.folder, "memberlist")
        self.owner = None  # the reference of a ServiceL2Status to the Pod of the speaker that wrote it
        self.thread = threading.local()

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        if error:
            self.plane.print_logs()
        self.plane.close()

    # --- entering ---

    def enter(self, kind, count):
        """Starts the API server on a copy of a world, which is written at the first time. Returns when it is at rest."""
        if not os.path.exists(self._copy("base")):
            self.plane.start()
            self._write_base()
            self._keep("base")
        if not os.path.exists(self._copy(kind, count)):
            self._start("base")
            for step in STEPS:
                getattr(self, "_write_" + step)(count)
                self._keep(step, count)
        self._start(kind, count)

    def _etcd(self):
        return os.path.join(self.plane.folder, "etcd")

    def _copy(self, *of):
        return os.path.join(self.copies, "-".join(map(str, of)))

    def _keep(self, *of):
        """A copy of what is there now. It is as after a loss of power; etcd begins with its log."""
        self.plane.etcd.pause()
        shutil.copytree(self._etcd(), self._copy(*of))
        self.plane.etcd.resume()

    def _start(self, *of):
        self.plane.kill()
        shutil.rmtree(self._etcd())
        shutil.copytree(self._copy(*of), self._etcd())
        self.plane.start()
        for resource in LISTED:
            until(lambda r=resource: self._listed(r), PATIENCE, "the API server lists each " + resource)
        until_idle([p.pid() for p in self.plane.programs()], REST_S, REST_SHARE, PATIENCE)

    def _listed(self, kind):
        """It answers 429 while its caches are empty, even when it says that it is ready."""
        try:
            self.plane.admin.list(kind, limit="1")
            return True
        except ApiError as e:
            if e.code != 429:
                raise
            return False

    # --- writing ---

    def _write_base(self):
        plane = self.plane
        plane.install()
        for name in NODES:
            plane.admin.create(objects.node(name, labels={HOST_LABEL: name}))
        labels = {"app": "metallb", "component": "controller"}
        plane.create_pod(objects.pod("controller-0", ANNOUNCER, "controller", labels), PLANE)
        pod = self.create_speaker_pod(ANNOUNCER)["metadata"]
        self.owner = {"apiVersion": "v1", "kind": "Pod", "name": pod["name"], "uid": pod["uid"]}
        plane.admin.create(objects.pool(POOL, str(POOL_RANGE)))
        plane.admin.create(objects.l2_advertisement(
            ipAddressPools=[POOL], interfaces=["eth0"], nodeSelectors=[{"matchLabels": {HOST_LABEL: ANNOUNCER}}]))
        for account in ("controller", "speaker"):
            plane.kubeconfig(account)
        os.mkdir(self.key_folder)
        with open(os.path.join(self.key_folder, "secretkey"), "w", encoding="ascii") as f:
            f.write("c3RlZWxsYiBiZW5jaCBvZiBhIGNsdXN0ZXIK")

    def create_speaker_pod(self, node):
        return self.plane.create_pod(objects.pod("speaker-" + node, node), NODES[node])

    def _write_new(self, count):
        def write(i, client):
            client.create(endpoint_slice(service_name(i)))
            client.create(objects.service(service_name(i)))
        self._for_all(count, write)

    def _write_assigned(self, count):
        def write(i, client):
            client.patch("Service", service_name(i), assigned(address(i)), sub="status")
        self._for_all(count, write)

    def _write_settled(self, count):
        def write(i, client):
            made = client.create({
                "apiVersion": METALLB, "kind": "ServiceL2Status",
                "metadata": {"generateName": "l2-", "namespace": NAMESPACE, "ownerReferences": [self.owner],
                             "labels": {"metallb.io/node": ANNOUNCER, "metallb.io/service-name": service_name(i),
                                        "metallb.io/service-namespace": "default"}}})
            client.set_status(made, {"node": ANNOUNCER, "serviceName": service_name(i), "serviceNamespace": "default",
                                     "interfaces": [{"name": "eth0"}]})
        self._for_all(count, write)

    def _for_all(self, count, write):
        """write(i, client) for each Service, over several connections."""
        def call(i):
            if not hasattr(self.thread, "client"):
                self.thread.client = self.new_client()
            write(i, self.thread.client)
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            for _ in pool.map(call, range(count)):
                pass

    def new_client(self):
        """As the admin, over a connection of its own."""
        plane = self.plane
        pair = [plane.authority.path("admin." + end) for end in ("crt", "key")]
        return Client(plane.address, plane.port, plane.authority.path("ca.crt"), pair, namespace=plane.namespace)

    # --- the network ---

    def _build_net(self):
        for ns in ("plane", "wire", *NODES):
            self.net.add_ns(ns)
            self.net.run(ns, "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")
        for name, at in NODES.items():
            self.net.veth(name, "eth0", "wire", name)
            self.net.veth(name, "eth1", "plane", name)
            self.net.run(name, "ip", "addr", "add", at + "/24", "dev", "eth1")
        self.net.bridge("plane", "mgmt", *NODES)
        self.net.run("plane", "ip", "addr", "add", PLANE + "/24", "dev", "mgmt")
