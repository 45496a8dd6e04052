# SPDX-License-Identifier: Apache-2.0
"""The announcer on real interfaces: arping, ndisc6, the kernel's own neighbour code, tcpdump."""
import ipaddress
import json
import os
import select
import socket
import struct
import subprocess
import time

import pytest

from lan import icmp6
from netns import mac_bytes, until

TOOL = os.environ["ANNOUNCE_TOOL"]
VIP4, VIP6 = "192.0.2.80", "2001:db8::80"
BROADCAST = b"\xff" * 6
ETH_P_ALL, PACKET_OUTGOING = 3, 4


class Tool:
    """announce_tool in a namespace; its log goes to a file."""

    def __init__(self, net, ns, *args, prefix=()):
        self.net, self.ns = net, ns
        self.log = open(os.path.join(net.folder, "tool.log"), "ab")
        self.process = net.popen(ns, *prefix, TOOL, *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=self.log, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def set(self, *addresses):
        assert self.ask(" ".join(["set", *addresses])) == "ok"

    def status(self):
        return json.loads(self.ask("status"))

    def link(self, name):
        return self.status()["links"].get(name, {"arp": False, "ndp": False, "reason": "gone"})

    def counters(self, ip):
        return self.status()["addresses"][ip]

    def wait_link(self, name, **want):
        def ready():
            link = self.link(name)
            return all(link[k] == v for k, v in want.items())
        until(ready, what=f"{name} {want}")

    def wakes(self):
        """How often the process went to sleep, asleep itself at the moment."""
        path = f"/proc/{self.process.pid}/status"
        with open(path) as f:
            fields = dict(line.split(":", 1) for line in f)
        return int(fields["voluntary_ctxt_switches"])

    def logged(self):
        with open(self.log.name) as f:
            return f.read()

    def quit(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.flush()
        assert self.process.wait(10) == 0


@pytest.fixture
def lan(net):
    """node:eth0 and client:eth0 on one cable; the node has no IPv4 address at all."""
    net.add_ns("node")
    net.add_ns("client")
    net.veth("node", "eth0", "client", "eth0")
    net.run("client", "ip", "addr", "add", "192.0.2.9/24", "dev", "eth0")
    net.run("client", "ip", "addr", "add", "2001:db8::9/64", "dev", "eth0", "nodad")
    net.link_local("node", "eth0")
    net.link_local("client", "eth0")
    return net


# --- frames ---


def arp(op, eth_to, mac, sender_ip, target_mac, target_ip):
    ip = lambda a: ipaddress.IPv4Address(a).packed
    return (eth_to + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, op) + mac +
            ip(sender_ip) + target_mac + ip(target_ip) + bytes(18))


def solicit(target, option=b""):
    return bytes([135, 0, 0, 0, 0, 0, 0, 0]) + ipaddress.IPv6Address(target).packed + option


def advert(target, flags, mac):
    return (bytes([136, 0, 0, 0, flags, 0, 0, 0]) + ipaddress.IPv6Address(target).packed +
            b"\x02\x01" + mac)


def group_of(ip):
    low = ipaddress.IPv6Address(ip).packed[-3:]
    return str(ipaddress.IPv6Address(ipaddress.IPv6Address("ff02::1:ff00:0").packed[:13] + low)), \
        b"\x33\x33\xff" + low


def all_of(s, seconds):
    """What arrives at a packet socket within a time; our own frames left out."""
    frames, deadline = [], time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([s], [], [], left)[0]:
            break
        frame, address = s.recvfrom(2048)
        if address[2] != PACKET_OUTGOING:
            frames.append(frame)
    return frames


def exchange(net, frame, kind, seconds=0.5, interface="eth0"):
    """Sends a frame from the client and returns what comes back, of one kind."""
    with net.socket("client", interface, socket.AF_PACKET, socket.SOCK_RAW,
                    socket.htons(ETH_P_ALL)) as s:
        all_of(s, 0.01)
        s.send(frame)
        return [f for f in all_of(s, seconds) if kind(f)]


def is_arp(frame):
    return frame[12:14] == b"\x08\x06"


def is_advert(frame):
    return frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 136


def is_advert_of(ip):
    packed = ipaddress.IPv6Address(ip).packed
    return lambda f: is_advert(f) and f[62:78] == packed


def settled(tool, ip):
    """Past the last round of the burst on one interface, which would mix with what a test looks for."""
    rounds = 10 if "." in ip else 5
    until(lambda: tool.counters(ip)["gratuitous"] >= rounds, what="end of the burst")


def asleep(tool, seconds=1.5):
    """Until the process has not woken up for a while; longer than the distance of two rounds."""
    def quiet():
        before = tool.wakes()
        time.sleep(seconds)
        return tool.wakes() == before
    until(quiet, 20, "the process to fall asleep")
    return tool.wakes()


# --- answers ---


def test_arping_is_answered(lan):
    tool = Tool(lan, "node")
    tool.set(VIP4)
    out = lan.run("client", "arping", "-c", "2", "-w", "3", "-I", "eth0", VIP4)
    assert lan.mac("node", "eth0") in out
    counters = tool.counters(VIP4)
    assert counters["requests"] == counters["responses"] >= 2
    tool.quit()


def test_reply_is_exact(lan):
    tool = Tool(lan, "node")
    tool.set(VIP4)
    settled(tool, VIP4)
    node, client = (mac_bytes(lan.mac(n, "eth0")) for n in ("node", "client"))
    want = arp(2, client, node, VIP4, client, "192.0.2.9")
    for eth_to in (BROADCAST, node):
        got = exchange(lan, arp(1, eth_to, client, "192.0.2.9", bytes(6), VIP4), is_arp)
        assert got == [want]
    # RFC 5227: a probe has no sender address; it is answered, which defends ours.
    got = exchange(lan, arp(1, BROADCAST, client, "0.0.0.0", bytes(6), VIP4), is_arp)
    assert got == [arp(2, client, node, VIP4, client, "0.0.0.0")]


def test_what_is_not_answered(lan):
    tool = Tool(lan, "node")
    tool.set(VIP4, VIP6)
    settled(tool, VIP4)
    node, client = (mac_bytes(lan.mac(n, "eth0")) for n in ("node", "client"))
    stranger = b"\x02\0\0\0\0\x77"
    ask = lambda **k: arp(**{**dict(op=1, eth_to=BROADCAST, mac=client, sender_ip="192.0.2.9",
                                    target_mac=bytes(6), target_ip=VIP4), **k})
    frames = {
        "a reply": ask(op=2),
        "for another host": ask(eth_to=stranger),
        "another address": ask(target_ip="192.0.2.81"),
        "VLAN without an interface": ask()[:12] + b"\x81\x00\x00\x05" + ask()[12:],
        "two tags": ask()[:12] + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + ask()[12:],
        "group address as sender": ask(mac=BROADCAST),
        "cut short": ask()[:41],
    }
    for name, frame in frames.items():
        assert exchange(lan, frame, is_arp, 0.2) == [], name
    tagged0 = ask()[:12] + b"\x81\x00\x00\x00" + ask()[12:]  # priority only: it is for us
    assert len(exchange(lan, tagged0, is_arp)) == 1


def test_interface_rule(lan):
    lan.veth("node", "eth1", "client", "eth1")
    lan.run("client", "ip", "addr", "add", "192.0.2.10/24", "dev", "eth1")
    tool = Tool(lan, "node")
    tool.set(f"{VIP4}@eth1,eth7")
    assert lan.mac("node", "eth1") in lan.run("client", "arping", "-c", "1", "-w", "3", "-I", "eth1",
                                              VIP4)
    before = tool.link("eth0")["dropped"]
    out = lan.run("client", "arping", "-c", "2", "-w", "2", "-I", "eth0", VIP4, check=False)
    assert "bytes from" not in out and "reply" not in out.replace("replies", "")
    assert tool.link("eth0")["dropped"] > before
    # The other family's interface knows nothing of it; moving the rule moves the answers.
    tool.set(f"{VIP4}@eth0")
    assert lan.mac("node", "eth0") in lan.run("client", "arping", "-c", "1", "-w", "3", "-I", "eth0",
                                              VIP4)


def test_exclusion(lan):
    tool = Tool(lan, "node", "-x", "^lo$", "-x", "th0")
    tool.set(VIP4)
    assert tool.link("eth0")["reason"] == "excluded" and not tool.link("eth0")["arp"]
    assert tool.ask("has eth0") == "false"
    lan.run("node", "ip", "link", "set", "eth0", "down")
    lan.run("node", "ip", "link", "set", "eth0", "name", "wan0")
    until(lambda: tool.ask("has wan0") == "true")  # down, but not excluded
    assert tool.link("wan0")["reason"] == "down"


# --- gratuitous rounds ---


def times_of(capture, frame):
    return [t for t, f in capture.bytes() if f == frame]


def check_rhythm(times):
    assert len(times) == 5
    for i, t in enumerate(times):
        assert abs(t - times[0] - 1.1 * i) < 0.15, times


def test_burst_is_exact(lan):
    tool = Tool(lan, "node")
    node = mac_bytes(lan.mac("node", "eth0"))
    link_local = lan.link_local("node", "eth0")
    request = arp(1, BROADCAST, node, VIP4, BROADCAST, VIP4)
    reply = arp(2, BROADCAST, node, VIP4, BROADCAST, VIP4)
    all_nodes = b"\x33\x33\0\0\0\x01"
    na = icmp6(all_nodes, node, link_local, "ff02::1", advert(VIP6, 0x20, node))
    with lan.capture("client", "eth0", "arp or icmp6") as capture:
        start = time.time()
        tool.set(VIP4, VIP6)
        tool.set(VIP4, VIP6)  # unchanged: nothing more
        until(lambda: len(times_of(capture, na)) >= 5 and len(times_of(capture, reply)) >= 5)
        time.sleep(1.3)  # a sixth round would have come
    for frame in (request, reply, na):
        check_rhythm(times_of(capture, frame))
    assert times_of(capture, request)[0] - start < 0.2
    ours = [f for _, f in capture.bytes() if is_arp(f)]
    assert ours == [request, reply] * 5
    assert tool.counters(VIP4)["gratuitous"] == 10
    assert tool.counters(VIP6)["gratuitous"] == 5


def test_withdrawal_is_silent(lan):
    tool = Tool(lan, "node")
    node = mac_bytes(lan.mac("node", "eth0"))
    tool.set(VIP4, VIP6)
    with lan.capture("client", "eth0", "arp or icmp6") as capture:
        time.sleep(0.3)
        tool.set()
        frames = len(capture.bytes())
        client = mac_bytes(lan.mac("client", "eth0"))
        assert exchange(lan, arp(1, BROADCAST, client, "192.0.2.9", bytes(6), VIP4), is_arp) == []
        time.sleep(1.5)  # the next round would have come
    later = [f for _, f in capture.bytes()[frames:] if f[6:12] == node and (is_arp(f) or is_advert(f))]
    assert later == []
    assert tool.status()["addresses"] == {}


def test_interval(lan):
    tool = Tool(lan, "node", "-i", "400")
    node = mac_bytes(lan.mac("node", "eth0"))
    reply = arp(2, BROADCAST, node, VIP4, BROADCAST, VIP4)
    tool.set(VIP4)
    time.sleep(5.6)  # past the burst
    with lan.capture("client", "eth0", "arp") as capture:
        until(lambda: len(times_of(capture, reply)) >= 4)
    times = times_of(capture, reply)
    assert all(abs(b - a - 0.4) < 0.1 for a, b in zip(times, times[1:])), times


# --- idle ---


def flood(net, frames, count):
    with net.socket("client", "eth0") as s:
        for i in range(count):
            s.send(frames[i % len(frames)])


def foreign_requests(net):
    client = mac_bytes(net.mac("client", "eth0"))
    requests = [arp(1, BROADCAST, client, "192.0.2.9", bytes(6), f"198.18.{i}.7") for i in range(50)]
    solicits = []
    for i in range(50):
        target = f"2001:db8:1::{i + 1:x}"
        to, eth_to = group_of(target)
        solicits.append(icmp6(eth_to, client, "2001:db8::9", to,
                              solicit(target, b"\x01\x01" + client)))
    return requests + solicits


def many(count):
    v4 = [str(ipaddress.IPv4Address("198.19.0.0") + i) for i in range(count)]
    v6 = [str(ipaddress.IPv6Address("2001:db8:5::") + i * 7) for i in range(count)]
    return v4 + v6


@pytest.mark.parametrize("count,drop", [(1, False), (32, False), (33, False), (200, True)])
def test_foreign_requests_do_not_wake(lan, count, drop):
    tool = Tool(lan, "node")
    if drop:  # the privileges that BPF maps need are gone before the first address comes
        assert tool.ask("drop") == "ok"
    tool.set(*many(count))
    before = asleep(tool)
    flood(lan, foreign_requests(lan), 20000)
    time.sleep(0.3)
    assert tool.wakes() == before
    assert tool.link("eth0")["dropped"] == 0
    # And it is not deaf: the last address of each family, added last to the filter.
    client = mac_bytes(lan.mac("client", "eth0"))
    v4, v6 = many(count)[count - 1], many(count)[-1]
    assert exchange(lan, arp(1, BROADCAST, client, "192.0.2.9", bytes(6), v4), is_arp)
    to, eth_to = group_of(v6)
    ask = icmp6(eth_to, client, "2001:db8::9", to, solicit(v6, b"\x01\x01" + client))
    assert exchange(lan, ask, is_advert_of(v6))


def test_without_bpf_maps(lan):
    """A process that may not use bpf(2) from the start: more gets through, and all of ours does."""
    tool = Tool(lan, "node", prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                     "--inh-caps=+net_raw", "--ambient-caps=+net_raw"])
    tool.set(*many(200))
    settled(tool, many(1)[0])
    assert "no BPF maps here" in tool.logged()
    client = mac_bytes(lan.mac("client", "eth0"))
    for v4, v6 in zip(many(200)[:200:20], many(200)[200::20]):
        assert exchange(lan, arp(1, BROADCAST, client, "192.0.2.9", bytes(6), v4), is_arp, 0.2)
        to, eth_to = group_of(v6)
        ask = icmp6(eth_to, client, "2001:db8::9", to, solicit(v6, b"\x01\x01" + client))
        assert exchange(lan, ask, is_advert_of(v6), 0.2)
    before = asleep(tool)  # far from the addresses it is still exact
    flood(lan, foreign_requests(lan), 2000)
    time.sleep(0.2)
    assert tool.wakes() == before


def test_idle(lan):
    tool = Tool(lan, "node")
    tool.set(VIP4, VIP6)
    before = asleep(tool)
    time.sleep(3)
    assert tool.wakes() == before


# --- NDP ---


def asked_by_ndisc6(net, ip, interface="eth0"):
    """
    The MAC that answers, or None. Debian's ndisc6 sends a proper solicitation but takes answers
    from the target's own address only, so the answer is read off the wire.
    """
    with net.capture("client", interface, "icmp6") as capture:
        net.run("client", "ndisc6", "-1", "-r", "1", "-w", "500", ip, interface, check=False)
    for _, frame in capture.bytes():
        if is_advert_of(ip)(frame) and frame[58] == 0x40:
            return frame[80:86]
    return None


def test_ndisc6_is_answered(lan):
    tool = Tool(lan, "node")
    tool.set(VIP6)
    assert asked_by_ndisc6(lan, VIP6) == mac_bytes(lan.mac("node", "eth0"))
    assert tool.counters(VIP6)["responses"] >= 1


def test_advert_is_exact(lan):
    tool = Tool(lan, "node")
    tool.set(VIP6)
    settled(tool, VIP6)
    node, client = (mac_bytes(lan.mac(n, "eth0")) for n in ("node", "client"))
    link_local = lan.link_local("node", "eth0")
    to, eth_to = group_of(VIP6)
    want = icmp6(client, node, link_local, "2001:db8::9", advert(VIP6, 0x40, node))
    asks = {
        "resolution": icmp6(eth_to, client, "2001:db8::9", to, solicit(VIP6, b"\x01\x01" + client)),
        "reachability": icmp6(node, client, "2001:db8::9", VIP6, solicit(VIP6)),
        "without option": icmp6(eth_to, client, "2001:db8::9", to, solicit(VIP6)),
    }
    for name, ask in asks.items():
        assert exchange(lan, ask, is_advert_of(VIP6)) == [want], name

    probe = icmp6(eth_to, client, "::", to, solicit(VIP6))
    want = icmp6(b"\x33\x33\0\0\0\x01", node, link_local, "ff02::1", advert(VIP6, 0x20, node))
    assert exchange(lan, probe, is_advert_of(VIP6)) == [want]

    refused = {
        "hop limit": icmp6(eth_to, client, "2001:db8::9", to, solicit(VIP6), hop_limit=254),
        "checksum": asks["reachability"][:56] + b"\x12\x34" + asks["reachability"][58:],
        "option of length 0": icmp6(eth_to, client, "2001:db8::9", to,
                                    solicit(VIP6, b"\x01\x00" + client)),
        "probe with an option": icmp6(eth_to, client, "::", to,
                                      solicit(VIP6, b"\x01\x01" + client)),
        "for another host": icmp6(b"\x02\0\0\0\0\x77", client, "2001:db8::9", VIP6, solicit(VIP6)),
    }
    for name, ask in refused.items():
        assert exchange(lan, ask, is_advert_of(VIP6), 0.2) == [], name


def test_duplicate_is_defended(lan):
    tool = Tool(lan, "node")
    tool.set(VIP6)
    lan.run("client", "ip", "addr", "add", f"{VIP6}/64", "dev", "eth0")
    until(lambda: "dadfailed" in lan.run("client", "ip", "-6", "addr", "show", "dev", "eth0"))


def test_kernel_neighbour_stays_reachable(lan):
    """The kernel's own unicast probes keep the entry alive."""
    tool = Tool(lan, "node")
    tool.set(VIP6)
    settled(tool, VIP6)
    for name, value in (("base_reachable_time_ms", 500), ("delay_first_probe_time", 1)):
        lan.run("client", "sysctl", "-qw", f"net.ipv6.neigh.eth0.{name}={value}")
    node = mac_bytes(lan.mac("node", "eth0"))
    with lan.capture("client", "eth0", "icmp6") as capture:
        probes = lambda: [f for _, f in capture.bytes() if f[54] == 135 and f[:6] == node]

        def probed():
            lan.run("client", "ping", "-c", "1", "-W", "1", VIP6, check=False)
            return len(probes()) >= 2
        until(probed, 30)
        adverts = [f for _, f in capture.bytes() if is_advert_of(VIP6)(f) and f[58] == 0x40]
    assert len(adverts) >= len(probes())
    assert "FAILED" not in lan.run("client", "ip", "-6", "neigh", "show", VIP6, "dev", "eth0")


def groups(net, interface):
    return net.run("node", "ip", "-6", "maddr", "show", "dev", interface)


def test_groups_are_refcounted(lan):
    tool = Tool(lan, "node")
    twin = "2001:db8:77::80"  # the same last 24 bits as VIP6
    group = group_of(VIP6)[0]
    tool.set(VIP6, twin)
    assert groups(lan, "eth0").count(group) == 1
    tool.set(twin)
    assert group in groups(lan, "eth0")
    tool.set(f"{twin}@eth9")
    assert group not in groups(lan, "eth0")
    tool.set(twin)
    lan.veth("node", "eth1", "client", "eth1")
    tool.wait_link("eth1", ndp=True)
    assert group in groups(lan, "eth1")
    tool.set()
    assert group not in groups(lan, "eth0") + groups(lan, "eth1")


# --- interfaces that come and go ---


def answers(net, tool_ns, ip, node_if="eth0", client_if="eth0"):
    out = net.run("client", "arping", "-c", "1", "-w", "2", "-I", client_if, ip, check=False)
    return net.mac(tool_ns, node_if) in out


def test_interface_comes_later(lan):
    tool = Tool(lan, "node")
    tool.set(VIP4, VIP6)
    settled(tool, VIP4)
    lan.veth("node", "eth1", "client", "eth1", up=False)
    lan.run("client", "ip", "link", "set", "eth1", "up")
    node = mac_bytes(lan.mac("node", "eth1"))
    reply = arp(2, BROADCAST, node, VIP4, BROADCAST, VIP4)
    old = arp(2, BROADCAST, mac_bytes(lan.mac("node", "eth0")), VIP4, BROADCAST, VIP4)
    with lan.capture("client", "eth0", "arp") as other:
        with lan.capture("client", "eth1", "arp or icmp6") as capture:
            start = time.time()
            lan.run("node", "ip", "link", "set", "eth1", "up")
            until(lambda: len(times_of(capture, reply)) >= 5)
            link_local = lan.link_local("node", "eth1")
            na = icmp6(b"\x33\x33\0\0\0\x01", node, link_local, "ff02::1", advert(VIP6, 0x20, node))
            until(lambda: len(times_of(capture, na)) >= 5)
    check_rhythm(times_of(capture, reply))
    check_rhythm(times_of(capture, na))
    assert times_of(capture, reply)[0] - start < 0.5
    assert times_of(other, old) == []  # only the new interface has news
    client = mac_bytes(lan.mac("client", "eth1"))
    ask = arp(1, BROADCAST, client, "192.0.2.9", bytes(6), VIP4)
    assert exchange(lan, ask, is_arp, interface="eth1")


def test_interface_goes(lan):
    tool = Tool(lan, "node")
    tool.set(VIP4)
    lan.veth("node", "eth1", "client", "eth1")
    tool.wait_link("eth1", arp=True)
    lan.run("node", "ip", "link", "del", "eth1")
    tool.wait_link("eth1", reason="gone")
    lan.run("node", "ip", "link", "set", "eth0", "down")
    tool.wait_link("eth0", arp=False, ndp=False, reason="down")
    lan.run("node", "ip", "link", "set", "eth0", "up")
    tool.wait_link("eth0", arp=True)
    assert answers(lan, "node", VIP4)
    tool.quit()


def test_interface_is_renamed(lan):
    tool = Tool(lan, "node")
    tool.set(f"{VIP4}@wan0")
    assert not answers(lan, "node", VIP4)
    lan.run("node", "ip", "link", "set", "eth0", "down")
    lan.run("node", "ip", "link", "set", "eth0", "name", "wan0")
    lan.run("node", "ip", "link", "set", "wan0", "up")
    tool.wait_link("wan0", arp=True)
    assert answers(lan, "node", VIP4, "wan0")
    assert tool.ask("has eth0") == "false" and tool.ask("has wan0") == "true"


def test_mac_changes(lan):
    tool = Tool(lan, "node")
    tool.set(VIP4, VIP6)
    settled(tool, VIP4)
    mac = "02:00:00:00:00:42"
    reply = arp(2, BROADCAST, mac_bytes(mac), VIP4, BROADCAST, VIP4)
    with lan.capture("client", "eth0", "arp") as capture:
        lan.run("node", "ip", "link", "set", "eth0", "address", mac)
        until(lambda: times_of(capture, reply), 1.0)
    assert answers(lan, "node", VIP4)
    # The link-local address is the old one until the interface is set up again.
    assert asked_by_ndisc6(lan, VIP6) == mac_bytes(mac)


def test_enslaved(lan):
    tool = Tool(lan, "node")
    tool.set(VIP4)
    lan.bridge("node", "br0", "eth0")
    tool.wait_link("eth0", arp=False, ndp=False, reason="enslaved")
    tool.wait_link("br0", arp=True)
    until(lambda: answers(lan, "node", VIP4, "br0"))
    lan.run("node", "ip", "link", "set", "eth0", "nomaster")
    tool.wait_link("eth0", arp=True)
    assert answers(lan, "node", VIP4)
    lan.run("node", "ip", "link", "set", "eth0", "arp", "off")
    tool.wait_link("eth0", arp=False, ndp=False, reason="noarp")


def test_carrier_returns(lan):
    """The kernel reports at most one change of carrier a second, often down and up in one event."""
    tool = Tool(lan, "node")
    tool.set(VIP4)
    settled(tool, VIP4)
    lan.run("client", "ip", "link", "set", "eth0", "down")
    sent = tool.counters(VIP4)["gratuitous"]
    lan.run("client", "ip", "link", "set", "eth0", "up")
    until(lambda: tool.counters(VIP4)["gratuitous"] >= sent + 2, 3)


def test_events_are_lost(lan):
    """More link events than its receive buffer holds, while it is stopped: it lists anew."""
    tool = Tool(lan, "node")
    os.kill(tool.process.pid, 19)
    batch = "\n".join(f"link set eth0 alias {'x' * 200}{i % 2}" for i in range(6000))
    lan.run("node", "ip", "-batch", "-", stdin=batch, timeout=60)
    lan.run("node", "ip", "link", "add", "name", "late0", "type", "veth", "peer", "name", "late1")
    lan.run("node", "ip", "link", "set", "late0", "up")
    lan.run("node", "ip", "link", "set", "eth0", "down")
    os.kill(tool.process.pid, 18)
    tool.wait_link("late0", arp=True)
    tool.wait_link("eth0", arp=False)


# --- many ---


def test_two_thousand_addresses(lan):
    tool = Tool(lan, "node")
    addresses = many(2000)
    node, client = (mac_bytes(lan.mac(n, "eth0")) for n in ("node", "client"))
    with lan.capture("client", "eth0", "arp or icmp6") as capture:
        tool.set(*addresses)
        started = time.monotonic()
        until(lambda: sum(is_arp(f) or is_advert(f) for _, f in capture.bytes()) >= 6000, 5)
        assert time.monotonic() - started < 3
        last = lambda: min(c["gratuitous"] for c in tool.status()["addresses"].values())
        until(lambda: last() >= 5, 10, step=0.2)
        time.sleep(1.3)  # a sixth round would have come
    frames = [f for _, f in capture.bytes()]
    claimed = {f[28:32] for f in frames if is_arp(f) and f[21] == 2}
    assert claimed == {ipaddress.IPv4Address(a).packed for a in addresses[:2000]}
    claimed = {f[62:78] for f in frames if is_advert(f)}
    assert claimed >= {ipaddress.IPv6Address(a).packed for a in addresses[2000:]}
    status = tool.status()["addresses"]
    assert {status[a]["gratuitous"] for a in addresses[:2000]} == {10}
    assert {status[a]["gratuitous"] for a in addresses[2000:]} == {5}
    assert groups(lan, "eth0").count("ff02::1:ff") >= 2000
    for a in (addresses[0], addresses[999], addresses[1999]):
        assert exchange(lan, arp(1, BROADCAST, client, "192.0.2.9", bytes(6), a), is_arp) == \
            [arp(2, client, node, a, client, "192.0.2.9")]
    lan.run("client", "ip", "-6", "addr", "add", "2001:db8:5::ffff/64", "dev", "eth0", "nodad")
    assert asked_by_ndisc6(lan, addresses[3999]) == node
    tool.set()
    assert "ff02::1:ff00:7" not in groups(lan, "eth0")
    tool.quit()


def test_groups_fill_more_sockets(lan):
    """With little option memory one socket holds few memberships; more are opened."""
    before = lan.run("node", "cat", "/proc/sys/net/core/optmem_max", check=False)
    if not before.strip().isdigit():
        pytest.skip("net.core.optmem_max cannot be set in a namespace")
    lan.run("node", "sysctl", "-qw", "net.core.optmem_max=2048")
    tool = Tool(lan, "node")
    addresses = [str(ipaddress.IPv6Address("2001:db8:5::") + i) for i in range(20, 220)]
    tool.set(*addresses)
    listed = groups(lan, "eth0")
    assert all(group_of(a)[0] in listed for a in addresses)
