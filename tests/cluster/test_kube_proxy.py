# SPDX-License-Identifier: Apache-2.0
"""From a client's packet to an endpoint, with nothing of ours: MetalLB's speaker answers, kube-proxy forwards."""
import shutil
import socket
import threading

import pytest

import lab
import roles
from cluster import ControlPlane
from objects import endpoints, l2_advertisement, node_at, pool, service

from netns import ENV, InNamespace

VIP, ENDPOINT = "198.18.0.10", "198.18.254.1"


def serve(net, node_name, address, text):
    """A TCP server in a node's namespace, which says one thing to everybody. It ends when its socket is closed."""
    net.run(node_name, "ip", "addr", "add", address + "/32", "dev", "lo")
    with InNamespace(net._name(node_name)):
        listener = socket.create_server((address, 80))

    def answer():
        while True:
            try:
                with listener.accept()[0] as peer:
                    peer.sendall(text)
            except OSError:
                return
    threading.Thread(target=answer, daemon=True).start()
    return listener


def ask(net, address):
    with InNamespace(net._name("client")):
        s = socket.socket()
    with s:
        s.settimeout(1)
        try:
            s.connect((address, 80))
            return s.recv(64)
        except OSError:
            return b""


def test_a_client_is_served(net):
    if shutil.which("nft", path=ENV["PATH"]) is None:
        pytest.skip("nft is not installed")
    lab.build_lab(net)
    net.run("oak", "ip", "route", "add", "198.18.0.0/24", "dev", "eth0")
    with ControlPlane(net=net, ns="plane", address=lab.PLANE) as plane, serve(net, "oak", ENDPOINT, b"oak"):
        plane.install()
        plane.admin.create(node_at("oak", lab.MANAGEMENT["oak"]))
        plane.admin.create(pool("home", f"{VIP}/32"))
        plane.admin.create(l2_advertisement(interfaces=["eth0"]))
        plane.admin.create(service("web"))
        plane.admin.set_status(plane.admin.get("Service", "web"), {"loadBalancer": {"ingress": [{"ip": VIP}]}})
        proxy = plane.run_proxy("oak", net, "oak")
        roles.METALLB.speaker(plane, net, "oak", lab.MANAGEMENT["oak"], gossip=True)
        assert ask(net, VIP) == b""
        slice_ = endpoints("web", ["oak"])
        slice_["endpoints"][0]["addresses"] = [ENDPOINT]
        slice_["ports"] = [{"port": 80, "protocol": "TCP", "name": ""}]
        plane.admin.create(slice_)
        proxy.until(lambda: ask(net, VIP) == b"oak", "an answer")
