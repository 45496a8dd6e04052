# SPDX-License-Identifier: Apache-2.0
"""Router discovery on real interfaces: with FRR, rdisc6, hosts that configure themselves, tshark."""
import json
import os
import select
import struct
import subprocess
import time

import pytest

from lan import icmp6, without_dad
from netns import mac_bytes, until

TOOL = os.environ["RA_TOOL"]
FRR = "/usr/lib/frr"
ALL_NODES = ("ff02::1", b"\x33\x33\x00\x00\x00\x01")
QUICK = 4


class Tool:
    """ra_tool in a namespace; `routers` is what it told, last things last."""

    def __init__(self, net, ns, *interfaces):
        self.net, self.rest, self.routers = net, b"", []
        self.log = open(os.path.join(net.folder, "tool.log"), "ab")
        self.process = net.popen(ns, TOOL, *interfaces, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=self.log)
        until(lambda: self.read() and self.routers[0] == "ready", what="ready")
        del self.routers[0]

    def read(self):
        while select.select([self.process.stdout], [], [], 0)[0]:
            data = os.read(self.process.stdout.fileno(), 4096)
            assert data, "ra_tool has ended"
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.routers += [line.decode() for line in lines]
        return len(self.routers) > 0

    def until_router(self, router, interface="eth0", timeout=30):
        want = f"{interface} {router}"
        until(lambda: self.read() and self.routers[-1] == want, timeout, what=f"{want}; {self.routers}")

    def wait_end(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdin = None
        return self.process.returncode


class Frr:
    """zebra, and bgpd if it is given a configuration, in a namespace."""

    def __init__(self, net, ns, bgp=None):
        self.net, self.ns = net, ns
        self.folder = os.path.join(net.folder, f"frr-{ns}")
        os.mkdir(self.folder)
        os.chmod(net.folder, 0o755)  # FRR becomes the user frr
        os.chmod(self.folder, 0o777)
        self.start("zebra", "interface eth0\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval 10\n")
        if bgp is not None:
            self.start("bgpd", bgp, "-p", "0")

    def start(self, daemon, config, *args):
        path = os.path.join(self.folder, daemon + ".conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(config)
        os.chmod(path, 0o644)
        self.net.popen(
            self.ns, f"{FRR}/{daemon}", "-f", path, "-i", os.path.join(self.folder, daemon + ".pid"),
            "-z", os.path.join(self.folder, "zserv"), "--vty_socket", self.folder, "-A", "127.0.0.1",
            *args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: os.path.exists(os.path.join(self.folder, daemon + ".vty")), what=f"{daemon}'s socket")

    def show(self, command):
        return self.net.run(self.ns, "vtysh", "--vty_socket", self.folder, "-c", command)


@pytest.fixture
def wire(net):
    """A cable between the node and its peer; only link-local addresses."""
    for ns in ("node", "peer"):
        net.add_ns(ns)
        without_dad(net, ns)
    net.veth("node", "eth0", "peer", "eth0")
    for ns in ("node", "peer"):
        net.link_local(ns, "eth0")
    yield net
    log = os.path.join(net.folder, "tool.log")
    if os.path.exists(log):
        with open(log, encoding="utf-8") as f:
            print(f.read())


def advertise(net, source, hop_limit=255, lifetime=30, ns="peer"):
    """A router advertisement that another program than ours sends there."""
    to, eth_to = ALL_NODES
    mac = mac_bytes(net.mac(ns, "eth0"))
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0) + b"\x01\x01" + mac
    with net.socket(ns, "eth0") as s:
        s.send(icmp6(eth_to, mac, source, to, body, hop_limit))


def dissect(path, *fields):
    """tshark's view: a list of rows; fails where it has something to complain about."""
    def run(*args):
        return subprocess.run(["tshark", "-r", path, "-n", *args], capture_output=True, text=True,
                              check=True).stdout
    assert run("-Y", "_ws.malformed || _ws.expert || icmpv6.checksum.status != Good") == ""
    out = run("-T", "fields", *(x for f in fields for x in ("-e", f)))
    return [line.split("\t") for line in out.splitlines()]


def test_what_is_sent(wire):
    """F35, 5.12; four quick ones, and one as a farewell."""
    source, mac = wire.link_local("node", "eth0"), wire.mac("node", "eth0")
    with wire.capture("peer", "eth0", "icmp6") as frames:
        tool = Tool(wire, "node", "eth0")
        until(lambda: sum(f[54] == 134 for _, f in frames.bytes()) >= QUICK, what="quick advertisements")
        assert tool.wait_end() == 0
        until(lambda: sum(f[54] == 134 for _, f in frames.bytes()) > QUICK, what="farewell")
        times = [t for t, f in frames.bytes() if f[54] == 134]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert all(0.9 < gap for gap in gaps[:QUICK - 1])
    rows = dissect(frames.path, "icmpv6.type", "ipv6.src", "ipv6.dst", "ipv6.hlim",
                   "icmpv6.nd.ra.cur_hop_limit", "icmpv6.nd.ra.flag", "icmpv6.nd.ra.router_lifetime",
                   "icmpv6.opt.linkaddr", "icmpv6.nd.ra.reachable_time", "icmpv6.nd.ra.retrans_timer",
                   "eth.dst", "icmpv6.checksum.status")
    adverts = [r for r in rows if r[0] == "134"]
    assert adverts == [["134", source, "ff02::1", "255", "64", "0x00", "0", mac, "0", "0",
                        "33:33:00:00:00:01", "1"]] * (QUICK + 1)
    solicits = [r for r in rows if r[0] == "133"]
    assert solicits == [["133", source, "ff02::2", "255", "", "", "", mac, "", "",
                         "33:33:00:00:00:02", "1"]] * QUICK


def test_solicitations_are_answered(wire):
    """rdisc6 asks all routers: the node has joined their group."""
    tool = Tool(wire, "node", "eth0")
    time.sleep(4)  # the quick ones would answer for it
    out = wire.run("peer", "rdisc6", "-1", "-w", "4000", "eth0")
    assert "Hop limit                 :           64" in out
    assert "Router lifetime           :            0 (0x00000000) seconds" in out
    assert f"from {wire.link_local('node', 'eth0')}" in out
    tool.read()
    assert tool.routers == []  # who asks is no router


def default_routes(net, ns):
    return net.run(ns, "ip", "-6", "route", "show", "default")


def test_hosts_get_no_default_route(wire):
    """F39. A router with a lifetime shows that the host would have taken one."""
    wire.run("peer", "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/eth0/forwarding; "
             "echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra; "
             "echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra_defrtr")

    def heard():
        counters = dict(line.split() for line in wire.run("peer", "cat", "/proc/net/snmp6").splitlines())
        return int(counters["Icmp6InRouterAdvertisements"])

    Tool(wire, "node", "eth0")
    until(lambda: heard() >= QUICK, what="advertisements")
    assert default_routes(wire, "peer") == ""
    advertise(wire, "fe80::77", ns="node")
    until(lambda: "default via fe80::77" in default_routes(wire, "peer"), what="a default route")


def test_only_neighbours_count(wire):
    """An advertisement with hop limit 64 has come over a router, and one from a global address is
    none; the next one that is good shows that both were heard."""
    tool = Tool(wire, "node", "eth0")
    advertise(wire, "fe80::64", hop_limit=64)
    advertise(wire, "fe80::254", hop_limit=254)
    advertise(wire, "2001:db8::1")
    advertise(wire, "fe80::99")
    tool.until_router("fe80::99")
    assert tool.routers == ["eth0 fe80::99"]
    # The lifetime does not matter, and the newest one counts.
    advertise(wire, "fe80::98", lifetime=0)
    tool.until_router("fe80::98")
    advertise(wire, "fe80::99")
    advertise(wire, "fe80::97")
    tool.until_router("fe80::97")
    assert tool.routers == ["eth0 fe80::99", "eth0 fe80::98", "eth0 fe80::97"]


def test_two_nodes(wire):
    """Both ends are ours: each finds the other, nobody itself."""
    tools = {ns: Tool(wire, ns, "eth0") for ns in ("node", "peer")}
    tools["node"].until_router(wire.link_local("peer", "eth0"))
    tools["peer"].until_router(wire.link_local("node", "eth0"))
    assert all(len(t.routers) == 1 for t in tools.values())


def test_frr(wire):
    """FRR is found at once since it answers our solicitation, and finds us (I12)."""
    frr = Frr(wire, "peer", "router bgp 64513\n neighbor eth0 interface remote-as external\n")
    time.sleep(4)  # it has no quick ones left
    tool = Tool(wire, "node", "eth0")
    tool.until_router(wire.link_local("peer", "eth0"), timeout=9)

    def neighbour():
        return json.loads(frr.show("show bgp neighbors eth0 json"))["eth0"].get("bgpNeighborAddr")
    until(lambda: neighbour() == wire.link_local("node", "eth0"), 30, what="FRR's neighbour")


def test_peer_changes_its_address(wire):
    Frr(wire, "peer")
    tool = Tool(wire, "node", "eth0")
    before = wire.link_local("peer", "eth0")
    tool.until_router(before)
    wire.run("peer", "ip", "link", "set", "eth0", "address", "02:00:00:00:00:77")
    wire.run("peer", "ip", "link", "set", "eth0", "down")
    wire.run("peer", "ip", "link", "set", "eth0", "up")
    after = wire.link_local("peer", "eth0")
    assert after == "fe80::ff:fe00:77" != before
    tool.until_router(after)


def test_interface_goes_and_comes(wire):
    """F42"""
    Frr(wire, "peer")
    tool = Tool(wire, "node", "eth0")
    peer = wire.link_local("peer", "eth0")
    tool.until_router(peer)
    wire.run("node", "ip", "link", "set", "eth0", "down")
    tool.until_router("none")
    wire.run("node", "ip", "link", "set", "eth0", "up")
    tool.until_router(peer, timeout=15)
    wire.run("node", "ip", "link", "del", "eth0")
    tool.until_router("none")
    wire.veth("node", "eth0", "peer", "eth0")
    tool.until_router(wire.link_local("peer", "eth0"), timeout=15)


def test_silent_router_is_asked_then_gone(wire):
    tool = Tool(wire, "node", "eth0")
    advertise(wire, "fe80::99")
    tool.until_router("fe80::99")
    start = time.monotonic()
    with wire.capture("peer", "eth0", "icmp6 and ip6[40] = 133") as frames:
        tool.until_router("none", timeout=60)
        assert len(frames.bytes()) >= 4
    assert time.monotonic() - start > 30
