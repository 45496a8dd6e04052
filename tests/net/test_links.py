# SPDX-License-Identifier: Apache-2.0
"""The link monitor's addresses: what the kernel has, is told, after every kind of change."""
import json
import os
import select
import subprocess

import pytest

from lan import without_dad
from netns import until

TOOL = os.environ["LINKS_TOOL"]


class Tool:
    """links_tool in a namespace; `state` is the last line that it printed."""

    def __init__(self, net, ns):
        self.process = net.popen(ns, TOOL, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.rest, self.lines = b"", 0
        self.state = None
        until(self.read, what="the first list")

    def read(self):
        """Takes what is there; True once something was printed at all."""
        while select.select([self.process.stdout], [], [], 0)[0]:
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, "links_tool has ended"
            *lines, self.rest = (self.rest + data).split(b"\n")
            for line in lines:
                self.state = json.loads(line)
                self.lines += 1
        return self.state is not None

    def addresses(self, ip):
        self.read()
        return [a for a in self.state["addresses"] if a["ip"] == ip]

    def usable(self, ip):
        """None: not there."""
        found = self.addresses(ip)
        return found[0]["usable"] if found else None

    def until_usable(self, ip, want):
        until(lambda: self.usable(ip) is want, what=f"{ip} usable: {want}; {self.state}")


@pytest.fixture
def wire(net):
    for ns in ("node", "peer"):
        net.add_ns(ns)
        without_dad(net, ns)
    net.veth("node", "eth0", "peer", "eth0")
    return net


def ip(net, *args):
    net.run("node", "ip", *args)


def test_all_interfaces(wire):
    """Loopback and link-local ones are there; each with its interface."""
    ip(wire, "addr", "add", "192.0.2.1/24", "dev", "eth0")
    tool = Tool(wire, "node")
    link_local = wire.link_local("node", "eth0")
    tool.until_usable(link_local, True)
    loopback, v4 = tool.addresses("127.0.0.1")[0], tool.addresses("192.0.2.1")[0]
    assert (loopback["prefix_len"], loopback["ifindex"], loopback["usable"]) == (8, 1, True)
    assert tool.addresses("::1")[0]["prefix_len"] == 128
    assert v4["prefix_len"] == 24 and v4["usable"] and v4["peer"] == ""
    assert tool.addresses(link_local)[0]["ifindex"] == v4["ifindex"] != 1


def test_changes_are_told(wire):
    tool = Tool(wire, "node")
    for address, prefix in (("192.0.2.1", 24), ("2001:db8::1", 64)):
        ip(wire, "addr", "add", f"{address}/{prefix}", "dev", "eth0")
        tool.until_usable(address, True)
        ip(wire, "addr", "change", f"{address}/{prefix}", "dev", "eth0", "preferred_lft", "0")
        tool.until_usable(address, False)
        ip(wire, "addr", "change", f"{address}/{prefix}", "dev", "eth0", "preferred_lft", "forever")
        tool.until_usable(address, True)
        ip(wire, "addr", "del", f"{address}/{prefix}", "dev", "eth0")
        tool.until_usable(address, None)


def test_tentative(wire):
    """Nobody may use it until it is known to be unique, and never when it is not."""
    wire.run("peer", "ip", "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
    wire.run("node", "sh", "-c", "for n in accept_dad dad_transmits; do "
             "echo 1 >/proc/sys/net/ipv6/conf/eth0/$n; done")
    tool = Tool(wire, "node")
    ip(wire, "addr", "add", "2001:db8::1/64", "dev", "eth0")
    ip(wire, "addr", "add", "2001:db8::2/64", "dev", "eth0")
    tool.until_usable("2001:db8::1", True)
    until(lambda: "dadfailed" in wire.run("node", "ip", "addr", "show", "dev", "eth0"), what="duplicate")
    tool.read()
    assert tool.usable("2001:db8::2") is False


def test_interface_down(wire):
    """IPv4 addresses stay, IPv6 addresses go; the network counts until the interface is back."""
    ip(wire, "addr", "add", "192.0.2.1/24", "dev", "eth0")
    ip(wire, "addr", "add", "2001:db8::1/64", "dev", "eth0")
    tool = Tool(wire, "node")
    tool.until_usable("2001:db8::1", True)
    ip(wire, "link", "set", "eth0", "down")
    tool.until_usable("2001:db8::1", None)
    tool.until_usable("192.0.2.1", False)
    assert "2001:db8::/64" in tool.state["networks"]
    ip(wire, "link", "set", "eth0", "up")
    tool.until_usable("192.0.2.1", True)
    until(lambda: tool.read() and "2001:db8::/64" not in tool.state["networks"], what="network gone")
    ip(wire, "link", "del", "eth0")
    tool.until_usable("192.0.2.1", None)


def test_point_to_point(wire):
    """Ours is the local address; the prefix is the other end's."""
    tool = Tool(wire, "node")
    ip(wire, "addr", "add", "192.0.2.1", "peer", "198.18.0.1/24", "dev", "eth0")
    ip(wire, "addr", "add", "2001:db8::1", "peer", "2001:db8:1::1/128", "dev", "eth0")
    tool.until_usable("192.0.2.1", True)
    tool.until_usable("2001:db8::1", True)
    assert tool.addresses("198.18.0.1") == []
    a = tool.addresses("192.0.2.1")[0]
    assert (a["prefix_len"], a["peer"]) == (24, "198.18.0.1")
    a = tool.addresses("2001:db8::1")[0]
    assert (a["prefix_len"], a["peer"]) == (128, "2001:db8:1::1")
    assert "198.18.0.0/24" in tool.state["networks"]
    assert "192.0.2.0/24" not in tool.state["networks"]


def test_one_address_twice(wire):
    """IPv4 may have the same address with several networks; one of them goes alone."""
    tool = Tool(wire, "node")
    ip(wire, "addr", "add", "192.0.2.1/24", "dev", "eth0")
    ip(wire, "addr", "add", "192.0.2.1/25", "dev", "eth0")
    ip(wire, "addr", "add", "192.0.2.1", "peer", "198.18.0.1", "dev", "eth0")
    until(lambda: len(tool.addresses("192.0.2.1")) == 3, what="three")
    ip(wire, "addr", "del", "192.0.2.1/25", "dev", "eth0")
    until(lambda: len(tool.addresses("192.0.2.1")) == 2, what="two")
    assert {a["prefix_len"] for a in tool.addresses("192.0.2.1")} == {24, 32}
    assert tool.state["networks"].count("192.0.2.0/24") == 1


def test_nothing_is_told_without_a_change(wire):
    """The kernel repeats what is known already when an address is renewed."""
    ip(wire, "addr", "add", "2001:db8::1/64", "dev", "eth0")
    tool = Tool(wire, "node")
    tool.until_usable(wire.link_local("node", "eth0"), True)
    tool.until_usable("2001:db8::1", True)
    lines = tool.lines
    ip(wire, "addr", "change", "2001:db8::1/64", "dev", "eth0")
    ip(wire, "addr", "add", "192.0.2.1/24", "dev", "eth0")
    tool.until_usable("192.0.2.1", True)
    assert tool.lines == lines + 1
