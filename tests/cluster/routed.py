# SPDX-License-Identifier: Apache-2.0
"""A routed cluster: nodes with kube-proxy behind a router that speaks BGP, and a client behind that.

    client 198.18.1.2 --- .1 router .1 --- 203.0.113.0/24 --- .11 oak, .12 elm, .13 fir
                                           192.0.2.0/24: the nodes reach the API server

    with built() as (net, plane, router): ...
    ask(net, VIP)       # ("oak", "203.0.113.12"): who answered, and whom it took for the client

Each node has a server at an address of its own, which the others reach through it: what a Pod network would do.
"""
import contextlib
import socket
import sys
import threading
import time

import lab
from cluster import ControlPlane
from folder import NODES
from lan import address, forward, namespaces
from objects import node_at
from programs import ROOT

from netns import InNamespace, Net

sys.path.append(str(ROOT / "tests" / "bgp"))  # behind our own: it has a lab, too

from peers import Frr, Neighbor  # noqa: E402

MY_AS, ROUTER_AS = 64512, 64513
ROUTER, CLIENT = "203.0.113.1", "198.18.1.2"
AT = {name: f"203.0.113.{11 + i}" for i, name in enumerate(NODES)}
AT6 = {name: f"2001:db8::{11 + i}" for i, name in enumerate(NODES)}
ENDPOINTS = {name: f"198.18.254.{1 + i}" for i, name in enumerate(NODES)}
PORT = 80
ANSWER_S = 3  # a missing route is told at once; a SYN that a busy machine lost is sent again after a second


# --- wires ---


def build_wires(net):
    namespaces(net, "plane", "lan", "router", "client", *NODES)
    forward(net, "router", *NODES)
    for ns in ("router", *NODES):
        net.run(ns, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy")
        net.veth(ns, "eth0", "lan", ns)
    net.bridge("lan", "br0", "router", *NODES)
    net.veth("router", "eth1", "client", "eth0")
    address(net, "router", "eth0", ROUTER + "/24", "2001:db8::1/64")
    address(net, "router", "eth1", "198.18.1.1/24")
    address(net, "client", "eth0", CLIENT + "/24")
    net.run("client", "ip", "route", "add", "default", "via", "198.18.1.1")
    for name in NODES:
        net.veth(name, "eth1", "plane", name)
        address(net, name, "eth0", AT[name] + "/24", AT6[name] + "/64")
        address(net, name, "eth1", lab.MANAGEMENT[name] + "/24")
        address(net, name, "lo", ENDPOINTS[name] + "/32")
        net.run(name, "ip", "route", "add", "default", "via", ROUTER)
        for other in set(NODES) - {name}:
            net.run(name, "ip", "route", "add", ENDPOINTS[other], "via", AT[other])
    net.bridge("plane", "mgmt", *NODES)
    address(net, "plane", "mgmt", lab.PLANE + "/24")


def cut(net, node):
    """Its cable to the router's network is dead, and neither end sees that."""
    net.run("lan", "ip", "link", "set", node, "nomaster")


def mend(net, node):
    net.run("lan", "ip", "link", "set", node, "master", "br0")


# --- who answers ---


def serve(net, name):
    """Tells everybody its name and whom it takes the other for. Ends when its socket is closed.

    The client closes first: connections that wait for their end here would meet new ones, whose ports kube-proxy draws."""
    with InNamespace(net._name(name)):
        listener = socket.create_server((ENDPOINTS[name], PORT))

    def answer():
        while True:
            try:
                peer, (address, _) = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), peer:
                peer.settimeout(ANSWER_S)
                peer.sendall(f"{name} {address}".encode())
                peer.recv(1)
    threading.Thread(target=answer, daemon=True).start()
    return listener


def _ask(address):
    with socket.socket() as s:
        s.settimeout(ANSWER_S)
        try:
            s.connect((address, PORT))
            return tuple(s.recv(64).decode().split())
        except OSError:
            return ()


def ask(net, address):
    """(name of the server, address it sees), or ()."""
    with InNamespace(net._name("client")):
        return _ask(address)


class Asking:
    """A client who asks over and over, in the background. `unanswered` are the times at which nobody answered.

    With `again`, who is not answered asks once more: a router that gets another set of next hops moves connections to nodes
    that do not know them, and FRR is without a route for a moment."""

    EVERY_S = 0.03

    def __init__(self, net, address, again=False):
        self.namespace, self.address, self.again = net._name("client"), address, again
        self.count, self.unanswered = 0, []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.began = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def _run(self):
        with InNamespace(self.namespace):
            while not self.stopped.wait(self.EVERY_S):
                self.count += 1
                answer = _ask(self.address)
                if not answer and self.again:
                    time.sleep(self.EVERY_S)
                    answer = _ask(self.address)
                if not answer:
                    self.unanswered.append(time.monotonic() - self.began)


# --- the router and the cluster ---


def neighbors():
    """One for each node. With BFD, which a node is free to leave."""
    return [Neighbor(address, asn=MY_AS, passive=True, graceful=True, bfd=True, families=("ipv4", "ipv6")) for address in AT.values()]


@contextlib.contextmanager
def built():
    """(net, plane, router), with nodes, kube-proxies and servers; no speaker."""
    with Net() as net, contextlib.ExitStack() as closing:
        build_wires(net)
        for name in NODES:
            closing.enter_context(serve(net, name))
        router = Frr(net, "router", ROUTER_AS, ROUTER, neighbors()).start()
        plane = closing.enter_context(ControlPlane(net=net, ns="plane", address=lab.PLANE))
        plane.install()
        for name in NODES:
            plane.admin.create(node_at(name, AT[name]))
            plane.run_proxy(name, net, name)
        yield net, plane, router
