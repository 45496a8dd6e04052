# SPDX-License-Identifier: Apache-2.0
"""A control plane of the real kube-apiserver and etcd, and what runs beside it.

    with ControlPlane() as plane:                      # on loopback; ControlPlane(net=net, ns="lan", address="198.18.0.2")
        plane.install()                                # our resources and rights, in metallb-system
        plane.admin.create(service("web"))
        path = plane.kubeconfig("controller")          # of the service account of that name

Any number of them run at the same time. Everything of one lies in plane.folder, in memory where that can be.
"""
import atexit
import base64
import glob
import ipaddress
import os
import shutil
import socket
import tempfile

import yaml

from certificates import Authority
from client import ApiError, Client
from programs import PATIENCE, ROOT, Program, folder_of, remove_leftovers, tmpfs

from netns import InNamespace, until

PREFIX = "steellb-plane-"
NAMESPACE = "metallb-system"
DEPLOY = ROOT / "deploy"
SERVICE_RANGES = ("198.19.0.0/16", "2001:db8:5e::/112")
CONTROLLERS = ("serviceaccount-controller", "root-ca-certificate-publisher-controller", "namespace-controller",
               "endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller",
               "garbage-collector-controller")
TOKEN_SECONDS = 24 * 3600
ORDER = {"Namespace": 0, "CustomResourceDefinition": 1}  # before what needs them


class Port:
    """A free port that stays reserved: the server that uses it shares the address, and nobody else gets it by chance."""

    def __init__(self, address, namespace=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        if namespace:
            with InNamespace(namespace):
                self.socket = socket.socket(family)
        else:
            self.socket = socket.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind((address, 0))
        self.number = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


class ControlPlane:
    """`module` names the version: `kube`, or `kube-1.34`. With `net` and `ns` it runs in a namespace, at an address that is
    there already. `manager` adds the controllers of CONTROLLERS, or those it lists. `args` are more flags of the API server.

    In it: etcd, apiserver, manager (Programs), admin (a Client), authority (certificates), server (its URL)."""

    _serial = 0
    _open = set()

    def __init__(self, net=None, ns=None, address="127.0.0.1", module="kube", manager=False, args=()):
        ControlPlane._serial += 1
        remove_leftovers(PREFIX)
        binary = folder_of(module) / "kube"
        self.net, self.ns, self.address = net, ns, address
        self.folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{ControlPlane._serial}-", dir=tmpfs())
        self.namespace = net._name(ns) if net else None
        self.ports = {name: Port(at, self.namespace) for name, at in
                      (("api", address), ("etcd", "127.0.0.1"), ("etcd-peer", "127.0.0.1"))}
        self.port = self.ports["api"].number
        host = f"[{address}]" if ":" in address else address
        self.server = f"https://{host}:{self.port}"
        self.authority = self._certificates()
        self.admin = self._client(certificate=[self.authority.path("admin." + e) for e in ("crt", "key")])
        self.accounts = {}  # (namespace, name) -> token
        self.clients = []  # what run() started
        self.etcd = self._program("etcd", binary, self._etcd_flags())
        self.apiserver = self._program("kube-apiserver", binary, [*self._apiserver_flags(), *args])
        self.manager = None
        if manager:
            names = CONTROLLERS if manager is True else manager
            self.manager = self._program("kube-controller-manager", binary, self._manager_flags(names))
        ControlPlane._open.add(self)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, error, *_):
        if error:
            self.print_logs()
        self.close()

    # --- life ---

    def programs(self):
        return [p for p in (self.etcd, self.apiserver, self.manager) if p]

    def run(self, name, argv, net=None, ns=None, env=()):
        """A further process, with its log among the others. It ends with the control plane if not before."""
        self.clients.append(Program(name, argv, self._path(f"{name}-{len(self.clients)}.log"), net, ns, env))
        return self.clients[-1].start()

    def start(self):
        """All of it; on return it answers, and the admin's first requests are allowed."""
        self.etcd.start()
        self.apiserver.start()
        self.until_ready()
        if self.manager:
            self.manager.start()
        return self

    def until_ready(self):
        def ready():
            assert self.etcd.running(), "etcd ended"
            try:
                return self.admin.request("GET", "/readyz") == b"ok"
            except (OSError, ApiError):
                return False
        try:
            self.apiserver.until(ready, "the API server is ready")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.etcd.tail()}") from None

    def stop(self):
        """In good order; start() continues with the same objects. The API server would wait a minute for those who watch."""
        self.admin.close()
        for program in reversed(self.programs()):
            program.stop(2)

    def kill(self):
        """At once, as a machine that loses power, but what etcd has written stays. start() continues."""
        self.admin.close()
        for program in reversed(self.programs()):
            program.kill()

    def restart(self, keep=True):
        """With keep=False all objects are gone, and with them the rights and the tokens."""
        self.stop()
        if not keep:
            shutil.rmtree(self._path("etcd"))
            self.accounts.clear()
        self.start()

    def pause(self):
        """The API server hangs: it takes connections and answers nothing."""
        self.apiserver.pause()

    def resume(self):
        self.apiserver.resume()

    def close(self):
        for program in reversed(self.clients):
            program.kill()
        self.kill()
        for port in self.ports.values():
            port.close()
        if os.environ.get("KEEP_PLANE") is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        ControlPlane._open.discard(self)

    def print_logs(self):
        for program in self.programs() + self.clients:
            if program.process:
                print(program.tail())

    # --- what it is made of ---

    def _path(self, *names):
        return os.path.join(self.folder, *names)

    def _program(self, name, binary, flags):
        return Program(name, [binary, name, *flags], self._path(name + ".log"), self.net, self.ns)

    def _certificates(self):
        authority = Authority(self._path("pki"))
        first = str(next(ipaddress.ip_network(SERVICE_RANGES[0]).hosts()))
        authority.server("apiserver", dict.fromkeys([self.address, "127.0.0.1", "::1", first]),
                         ["localhost", "kubernetes", "kubernetes.default.svc"])
        authority.client("admin", "admin", "system:masters")
        authority.key("accounts")
        return authority

    def _etcd_flags(self):
        client, peer = (f"http://127.0.0.1:{self.ports[name].number}" for name in ("etcd", "etcd-peer"))
        return ["--name=etcd", "--data-dir=" + self._path("etcd"), "--unsafe-no-fsync", "--socket-reuse-port",
                "--listen-client-urls=" + client, "--advertise-client-urls=" + client,
                "--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=etcd=" + peer,
                "--heartbeat-interval=20", "--election-timeout=200", "--log-level=warn"]

    def _apiserver_flags(self):
        pki = self.authority.path
        return [f"--etcd-servers=http://127.0.0.1:{self.ports['etcd'].number}",
                f"--bind-address={self.address}", f"--secure-port={self.port}", "--permit-port-sharing",
                # There is no kubelet, and loopback may not be an endpoint.
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=" + ",".join(SERVICE_RANGES), "--authorization-mode=RBAC",
                "--tls-cert-file=" + pki("apiserver.crt"), "--tls-private-key-file=" + pki("apiserver.key"),
                "--client-ca-file=" + pki("ca.crt"), "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-key-file=" + pki("accounts.pub"),
                "--service-account-signing-key-file=" + pki("accounts.key"), "--allow-privileged", "--profiling=false"]

    def _manager_flags(self, names):
        pki = self.authority.path
        config = self.kubeconfig_of("admin", certificate="admin")
        return ["--kubeconfig=" + config, "--controllers=" + ",".join(names), "--leader-elect=false", "--secure-port=0",
                "--service-account-private-key-file=" + pki("accounts.key"), "--root-ca-file=" + pki("ca.crt"),
                "--profiling=false"]

    # --- who talks to it ---

    def _client(self, certificate=None, token=None):
        return Client(self.address, self.port, self.authority.path("ca.crt"), certificate, token, self.namespace)

    def token(self, name, namespace=NAMESPACE, seconds=TOKEN_SECONDS):
        """Of a service account, for this many seconds (600 at least)."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {},
                   "spec": {"expirationSeconds": seconds}}
        path = self.admin.path("ServiceAccount", namespace, name, sub="token")
        return self.admin.request("POST", path, request)["status"]["token"]

    def _token_of(self, name, namespace):
        if (namespace, name) not in self.accounts:
            self.accounts[namespace, name] = self.token(name, namespace)
        return self.accounts[namespace, name]

    def client(self, name, namespace=NAMESPACE):
        """As a service account."""
        return self._client(token=self._token_of(name, namespace))

    def kubeconfig(self, name, namespace=NAMESPACE):
        """The path of a file for a service account, which may be new to the cluster; `admin` may do everything."""
        if name == "admin":
            return self.kubeconfig_of("admin", certificate="admin")
        return self.kubeconfig_of(f"{namespace}.{name}", token=self._token_of(name, namespace), namespace=namespace)

    def kubeconfig_of(self, stem, certificate=None, token=None, namespace="default"):
        """Writes STEM.kubeconfig for a certificate of the authority, or for a token."""
        def encoded(name):
            return base64.b64encode(self.authority.read(name)).decode()
        user = {"token": token} if token else {"client-certificate-data": encoded(certificate + ".crt"),
                                               "client-key-data": encoded(certificate + ".key")}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "test",
                  "clusters": [{"name": "test", "cluster": {"server": self.server,
                                                            "certificate-authority-data": encoded("ca.crt")}}],
                  "users": [{"name": stem, "user": user}],
                  "contexts": [{"name": "test", "context": {"cluster": "test", "user": stem, "namespace": namespace}}]}
        return self._write(stem + ".kubeconfig", yaml.safe_dump(config, sort_keys=False))

    def pod_files(self, name, namespace=NAMESPACE):
        """The folder that a Pod of a service account has mounted: ca.crt, token, namespace. The environment is pod_env()."""
        folder = os.path.join("pods", f"{namespace}.{name}")
        os.makedirs(self._path(folder), exist_ok=True)
        self._write(os.path.join(folder, "token"), self._token_of(name, namespace))
        self._write(os.path.join(folder, "namespace"), namespace)
        self._write(os.path.join(folder, "ca.crt"), self.authority.read("ca.crt").decode())
        return self._path(folder)

    def pod_env(self):
        return {"KUBERNETES_SERVICE_HOST": self.address, "KUBERNETES_SERVICE_PORT": str(self.port)}

    def _write(self, name, text):
        """Beside it, then renamed over it: readers see the old or the new."""
        path = self._path(name)
        with open(path + ".part", "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
            f.write(text)
        os.rename(path + ".part", path)
        return path

    # --- what is in it ---

    def create_namespace(self, name, labels=None):
        """With its default service account, which Pods need and which a controller makes elsewhere."""
        self.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}})
        self.create_account("default", name)

    def create_account(self, name, namespace=NAMESPACE):
        self.admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})

    def create_pod(self, pod, ip):
        """Running and ready at an address, as if a kubelet had said so. Takes the place of an older one of that name."""
        meta = pod["metadata"]
        if self.admin.find("Pod", meta["name"], meta["namespace"]):
            self.admin.delete("Pod", meta["name"], meta["namespace"], gracePeriodSeconds="0")
        made = self.admin.create(pod)
        return self.admin.set_status(made, {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": ip,
                                            "conditions": [{"type": "Ready", "status": "True"}]})

    def apply(self, *paths):
        """The objects of YAML files, and of all files of folders. Resource types are established on return."""
        objects = [o for p in paths for file in yaml_files(p) for o in documents(file)]
        for obj in sorted(objects, key=lambda o: ORDER.get(o["kind"], 2)):
            self.admin.apply(obj)
        for obj in objects:
            if obj["kind"] == "CustomResourceDefinition":
                self.until_established(obj)

    def until_established(self, crd):
        """The server says so, and serves the newest version."""
        name, spec = crd["metadata"]["name"], crd["spec"]

        def established(found):
            return any(c["type"] == "Established" and c["status"] == "True"
                       for c in found.get("status", {}).get("conditions") or [])

        def served():
            try:
                self.admin.list(spec["names"]["kind"], api=f"{spec['group']}/{spec['versions'][-1]['name']}", limit="1")
                return True
            except (ApiError, KeyError):  # KeyError: not in the list of what is served
                return False
        self.admin.until(established, "CustomResourceDefinition", name)
        until(served, PATIENCE, f"{name} is served")

    def install(self, crds=DEPLOY / "crds", rbac=DEPLOY / "rbac"):
        """What has to be there before our controller and speakers, or MetalLB's: its namespace, resource types, rights."""
        self.create_namespace(NAMESPACE, {f"pod-security.kubernetes.io/{mode}": "privileged"
                                          for mode in ("enforce", "audit", "warn")})
        self.apply(crds, rbac)

    def run_proxy(self, node, net, ns, mode="nftables"):
        """kube-proxy of a node, in the node's namespace, from where the server's address must be reachable."""
        flags = ["--kubeconfig=" + self.kubeconfig("admin"), "--hostname-override=" + node, "--proxy-mode=" + mode,
                 "--healthz-bind-address=127.0.0.1:10256", "--metrics-bind-address=127.0.0.1:10249",
                 # Not to be set from inside a namespace.
                 "--conntrack-max-per-core=0", "--conntrack-min=0", "--conntrack-tcp-timeout-established=0s",
                 "--conntrack-tcp-timeout-close-wait=0s"]
        return self.run("kube-proxy-" + node, [self.apiserver.argv[0], "kube-proxy", *flags], net, ns)


def _close_all():
    for plane in list(ControlPlane._open):
        plane.close()


atexit.register(_close_all)


def yaml_files(path):
    path = str(path)
    if not os.path.isdir(path):
        return [path]
    return sorted(p for p in glob.glob(os.path.join(path, "*.yaml")) if os.path.basename(p) != "kustomization.yaml")


def documents(path):
    with open(path, encoding="utf-8") as f:
        return [d for d in yaml.load_all(f, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if d]
