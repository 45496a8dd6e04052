# SPDX-License-Identifier: Apache-2.0
"""Nodes and a client on one bridge, as in tests/net, and a second network over which the nodes reach the API server.

    build_lab(net)
    with ControlPlane(net=net, ns="plane", address=PLANE) as plane: ...

A node announces on eth0, where it has no address, and talks to the server on eth1.
"""
from programs import ROOT  # noqa: F401  (finds tests/net)

import lan
from folder import NODES
from netns import mac_bytes, until

PLANE = "192.0.2.1"
MANAGEMENT = {name: f"192.0.2.{11 + i}" for i, name in enumerate((*NODES, "yew", "ash"))}


def build_lab(net, nodes=NODES):
    """`nodes` are names of MANAGEMENT."""
    lan.build_lan(net, nodes)
    net.add_ns("plane")
    lan.without_dad(net, "plane")
    for name in nodes:
        net.veth(name, "eth1", "plane", name)
        net.run(name, "ip", "addr", "add", MANAGEMENT[name] + "/24", "dev", "eth1")
    net.bridge("plane", "mgmt", *nodes)
    net.run("plane", "ip", "addr", "add", PLANE + "/24", "dev", "mgmt")


class Asker:
    """The client, who asks by ARP and does not know who will answer."""

    def __init__(self, net):
        self.net = net
        self.ear = lan.Ear(net)
        self.mac = mac_bytes(net.mac("client", "eth0"))
        self.names = {mac_bytes(net.mac(n, "eth0")): n for n in NODES}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ear.socket.close()

    def until_answered(self, ip, timeout=30):
        """The name of the node that answers first."""
        def answered():
            found = next((self.names.get(source) for _, source, op, of, _ in map(lan.arp_fields, self.ear.frames())
                          if op == 2 and of == ip), None)
            if found is None:
                self.ear.socket.send(lan.request(self.mac, ip))
            return found
        self.ear.frames()
        return until(answered, timeout, f"somebody answers for {ip}", step=0.1)
