# SPDX-License-Identifier: Apache-2.0
"""The BFD engine against FRR's bfdd and BIRD's (spec speaker-bgp 6.2 I14, 6.3 I35), and against itself.

What is measured is printed (pytest -s shows it); no test asserts how long something took.
"""
import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import time

import pytest

from netns import until

TOOL = os.environ["BFD_TOOL"]
OURS, PEER = "192.0.2.1", "192.0.2.2"
OURS6, PEER6 = "2001:db8::1", "2001:db8::2"
FAR, FAR6 = "203.0.113.2", "2001:db8:1::2"
PATIENCE = 30
FRR = "/usr/lib/frr"
QUICK = {"rx": 60, "tx": 61, "echo": 62, "mult": 3}


class Tool:
    """bfd_tool in a namespace; its log goes to a file."""

    def __init__(self, net, ns="node"):
        self.net, self.events, self.rest = net, [], ""
        self.log = open(os.path.join(net.folder, f"bfd-{ns}-{len(net.processes)}.log"), "ab")
        self.process = net.popen(ns, TOOL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        assert self._line(PATIENCE) == "ready"

    def _line(self, timeout):
        """The next line, or None."""
        deadline = time.monotonic() + timeout
        while "\n" not in self.rest:
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536).decode()
            assert more, "the tool has ended"
            self.rest += more
        line, _, self.rest = self.rest.partition("\n")
        return line

    def _note(self, line):
        _, name, what, at, *diagnostic = line.split(" ", 4)
        self.events.append((name, what, float(at), diagnostic[0] if diagnostic else ""))

    def ask(self, *words):
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()
        while True:
            line = self._line(PATIENCE)
            assert line is not None, words
            if not line.startswith("event "):
                return line
            self._note(line)

    def _words(self, params):
        return [f"{name.replace('_', '-')}={value}" for name, value in params.items()]

    def join(self, name, peer, **params):
        assert self.ask("join", name, peer, *self._words(params)) == "ok"

    def change(self, name, **params):
        assert self.ask("change", name, *self._words(params)) == "ok"

    def view(self, name):
        return json.loads(self.ask("view"))["sessions"][name]

    def all(self):
        return json.loads(self.ask("view"))

    def until(self, name, what="up", **more):
        def holds():
            view = self.view(name)
            return view["state"] == what and all(view[k] == v for k, v in more.items())
        until(holds, PATIENCE, f"{name} {what} {more}: {self.view(name)}")
        return self.view(name)

    def event(self, what):
        """(seconds, diagnostic) of the next event, which must be this one."""
        while not self.events:
            line = self._line(PATIENCE)
            assert line is not None, f"no event {what}"
            self._note(line)
        _, kind, at, diagnostic = self.events.pop(0)
        assert kind == what
        return at, diagnostic

    def no_events(self):
        self.ask("view")
        return not self.events

    def end(self, signum=signal.SIGTERM):
        self.net.stop(self.process, signum)


class Bfdd:
    """FRR's bfdd with the zebra that it needs for interfaces and addresses."""

    def __init__(self, net, ns, config):
        self.net, self.ns = net, ns
        self.run = os.path.join(net.folder, f"frr-{ns}")
        os.mkdir(self.run)
        os.chmod(net.folder, 0o755)
        os.chmod(self.run, 0o777)
        for daemon, text in (("zebra", "ip forwarding\nipv6 forwarding\n"), ("bfdd", config)):
            with open(os.path.join(self.run, daemon + ".conf"), "w", encoding="ascii") as f:
                f.write(text)
        self._start("zebra")
        self.bfdd = self._start("bfdd", "--bfdctl", os.path.join(self.run, "bfdd.sock"))

    def _start(self, daemon, *more):
        log = open(os.path.join(self.run, daemon + ".log"), "wb")
        process = self.net.popen(
            self.ns, os.path.join(FRR, daemon), "-i", os.path.join(self.run, daemon + ".pid"),
            "-f", os.path.join(self.run, daemon + ".conf"), "-z", os.path.join(self.run, "zserv.api"),
            "--vty_socket", self.run, "-A", "127.0.0.1", "-P", "0",
            *more, stdout=log, stderr=log)
        until(lambda: os.path.exists(os.path.join(self.run, daemon + ".vty")), PATIENCE, f"{daemon} starts")
        return process

    def vty(self, *commands):
        words = [w for c in commands for w in ("-c", c)]
        return self.net.run(self.ns, "vtysh", "--vty_socket", self.run, "-d", "bfdd", *words)

    def configure(self, *lines):
        self.vty("configure terminal", "bfd", *lines)

    def peer(self, address=OURS):
        return next((p for p in json.loads(self.vty("show bfd peers json")) if p["peer"] == address), None)

    def counters(self, address=OURS):
        return next(p for p in json.loads(self.vty("show bfd peers counters json")) if p["peer"] == address)

    def until(self, address=OURS, **want):
        def holds():
            p = self.peer(address)
            return p is not None and all(p.get(k.replace("_", "-")) == v for k, v in want.items())
        until(holds, PATIENCE, f"bfdd has {want}: {self.peer(address)}")
        return self.peer(address)


def bfdd_config(*peers):
    """Each: (words after `peer`, lines inside)."""
    lines = ["bfd"]
    for words, inside in peers:
        lines += [f" peer {words}"] + [f"  {line}" for line in inside] + ["  no shutdown", " exit"]
    return "\n".join(lines + ["exit", ""])


def timers(rx, tx, mult=3):
    return [f"receive-interval {rx}", f"transmit-interval {tx}", f"detect-multiplier {mult}"]


class Bird:
    """BIRD 2 with BFD alone: sessions that `neighbor` lines ask for."""

    def __init__(self, net, ns, interface, *neighbors):
        self.net, self.ns = net, ns
        self.path = os.path.join(net.folder, f"bird-{ns}")
        os.mkdir(self.path)
        with open(self.path + "/bird.conf", "w", encoding="ascii") as f:
            f.write("router id 192.0.2.2;\nprotocol device {}\nprotocol bfd {\n  interface \"*\" { %s };\n"
                    "  multihop { %s };\n" % (interface, interface))
            f.writelines(f"  neighbor {n};\n" for n in neighbors)
            f.write("}\n")
        self.process = net.popen(ns, "bird", "-f", "-c", self.path + "/bird.conf", "-s", self.path + "/ctl",
                                 "-P", self.path + "/pid", stdout=open(self.path + "/log", "wb"),
                                 stderr=subprocess.STDOUT)
        until(lambda: os.path.exists(self.path + "/ctl"), PATIENCE, "bird starts")

    def session(self, address):
        """[address, interface, state, since, interval, timeout] or None."""
        out = self.net.run(self.ns, "birdc", "-s", self.path + "/ctl", "show", "bfd", "sessions")
        return next((line.split() for line in out.splitlines() if line.split()[:1] == [address]), None)

    def until(self, address, state="Up"):
        until(lambda: (self.session(address) or [0, 0, 0])[2] == state, PATIENCE, f"bird: {address} {state}")


@pytest.fixture
def cable(net):
    """node:eth0 and peer:eth0; both forward, as nodes of a cluster and routers do."""
    for ns in ("node", "peer"):
        net.add_ns(ns)
        net.run(ns, "sysctl", "-q", "-w", "net.ipv4.conf.all.forwarding=1", "net.ipv6.conf.all.forwarding=1",
                "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0")
    net.veth("node", "eth0", "peer", "eth0")
    for ns, v4, v6 in (("node", OURS, OURS6), ("peer", PEER, PEER6)):
        net.run(ns, "ip", "addr", "add", v4 + "/24", "dev", "eth0")
        net.run(ns, "ip", "addr", "add", v6 + "/64", "dev", "eth0", "nodad")
    return net


@pytest.fixture
def two_hops(cable):
    """far is behind peer."""
    net = cable
    net.add_ns("far")
    net.veth("peer", "eth1", "far", "eth0")
    for ns, dev, v4, v6 in (("peer", "eth1", "203.0.113.1", "2001:db8:1::1"), ("far", "eth0", FAR, FAR6)):
        net.run(ns, "ip", "addr", "add", v4 + "/24", "dev", dev)
        net.run(ns, "ip", "addr", "add", v6 + "/64", "dev", dev, "nodad")
    for ns, via4, via6 in (("node", PEER, PEER6), ("far", "203.0.113.1", "2001:db8:1::1")):
        net.run(ns, "ip", "route", "add", "default", "via", via4)
        net.run(ns, "ip", "-6", "route", "add", "default", "via", via6)
    return net


def blackhole(net, ns="peer"):
    """Nothing from there comes through any more; returns the time."""
    net.run(ns, "nft", "-f", "-", stdin="table inet hole { chain out { type filter hook output priority 0; drop; };"
            "chain forward { type filter hook forward priority 0; drop; }; }")
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def heal(net, ns="peer"):
    net.run(ns, "nft", "delete", "table", "inet", "hole")


def say(what, ms, limit_ms):
    print(f"\n    {what}: {ms:.0f} ms, detection time {limit_ms:.0f} ms")


# --- FRR ---


@pytest.mark.parametrize("profile", [
    {"rx": 300, "tx": 300, "echo": 50, "mult": 3},
    {"rx": 60, "tx": 61, "echo": 62, "mult": 3},
    {"rx": 93, "tx": 95, "echo": 97, "mult": 5, "passive": 1},
])
@pytest.mark.parametrize("family", [4, 6])
def test_frr_sees_the_profile(cable, family, profile):
    ours, peer = (OURS, PEER) if family == 4 else (OURS6, PEER6)
    frr = Bfdd(cable, "peer", bfdd_config((f"{ours} local-address {peer} interface eth0", timers(70, 80, 4))))
    tool = Tool(cable)
    tool.join("a", peer, local=ours, interface="eth0", **profile)
    tool.event("up")
    frr.until(ours, status="up", remote_receive_interval=profile["rx"], remote_transmit_interval=profile["tx"],
              remote_echo_receive_interval=profile["echo"], remote_detect_multiplier=profile["mult"])
    view = tool.until("a", remote_receive_us=70000, remote_transmit_us=80000, remote_multiplier=4)
    # In force on both sides once both Poll sequences have ended.
    assert view["transmit_us"] == 1000 * max(profile["tx"], 70)
    assert view["detect_us"] == 4 * 1000 * max(profile["rx"], 80)
    counters = frr.counters(ours)
    until(lambda: frr.counters(ours)["control-packet-input"] > counters["control-packet-input"] + 5, PATIENCE)
    assert frr.counters(ours)["session-down"] == 0
    assert tool.no_events()


def test_frr_over_the_route_and_link_local(cable):
    """Without an address of ours, without an interface; and between link-local addresses."""
    ours6, peer6 = cable.link_local("node", "eth0"), cable.link_local("peer", "eth0")
    frr = Bfdd(cable, "peer", bfdd_config((f"{OURS}", timers(70, 80)),
                                          (f"{ours6} local-address {peer6} interface eth0", timers(70, 80))))
    tool = Tool(cable)
    tool.join("a", PEER, **QUICK)
    tool.join("b", peer6, interface="eth0", **QUICK)
    tool.until("a")
    tool.until("b")
    assert tool.view("a")["local"] == OURS and tool.view("b")["local"] == ours6
    frr.until(OURS, status="up")
    frr.until(ours6, status="up")


def test_both_passive(cable):
    frr = Bfdd(cable, "peer", bfdd_config((f"{OURS} interface eth0", timers(70, 80) + ["passive-mode"])))
    tool = Tool(cable)
    with cable.capture("peer", "eth0", "udp") as capture:
        tool.join("a", PEER, interface="eth0", passive=1, **QUICK)
        frr.vty("show bfd peers json")
        time.sleep(4)  # longer than any slow interval
    assert tool.view("a")["state"] == "down" and tool.view("a")["control_out"] == 0
    assert frr.peer()["status"] == "down" and capture.bytes() == []
    frr.configure(f"peer {OURS} interface eth0", "no passive-mode")
    tool.event("up")


@pytest.mark.parametrize("family", [4, 6])
def test_multihop_and_its_ttl(two_hops, family):
    ours, far = (OURS, FAR) if family == 4 else (OURS6, FAR6)
    frr = Bfdd(two_hops, "far", bfdd_config(
        (f"{ours} multihop local-address {far}", timers(70, 80) + ["minimum-ttl 250"])))
    tool = Tool(two_hops)
    tool.join("a", far, local=ours, multihop=1, ttl=255, **QUICK)
    until(lambda: tool.view("a")["dropped"] > 2, PATIENCE, "packets with 254 are refused")
    assert tool.view("a")["state"] == "down" and tool.all()["drops"]["ttl"] > 2
    tool.change("a", ttl=254)
    tool.event("up")
    frr.until(ours, status="up", remote_receive_interval=60, remote_transmit_interval=61,
              remote_detect_multiplier=3)


def test_single_hop_refuses_what_was_forwarded(two_hops):
    """The peer behind a router, with single-hop sessions on both sides: 254 arrives."""
    frr = Bfdd(two_hops, "far", bfdd_config((f"{OURS} local-address {FAR}", timers(70, 80))))
    tool = Tool(two_hops)
    tool.join("a", FAR, local=OURS, **QUICK)
    until(lambda: tool.all()["drops"].get("ttl", 0) > 2, PATIENCE, "forwarded packets")
    assert tool.view("a")["state"] == "down" and frr.peer()["status"] == "down"


@pytest.mark.parametrize("how", ["nft", "link"])
def test_blackhole(cable, how):
    frr = Bfdd(cable, "peer", bfdd_config((f"{OURS} interface eth0", timers(50, 50))))
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", rx=50, tx=50, mult=3)
    tool.event("up")
    limit_us = tool.until("a", detect_us=150000)["detect_us"]
    frr.until(OURS, status="up", remote_receive_interval=50)
    if how == "nft":
        since = blackhole(cable)
    else:
        cable.run("peer", "ip", "link", "set", "eth0", "down")
        since = time.clock_gettime(time.CLOCK_MONOTONIC)
    at, diagnostic = tool.event("down")
    say(f"blackhole by {how}", 1000 * (at - since), limit_us / 1000)
    assert diagnostic == "control detection time expired"
    view = tool.view("a")
    assert view["remote_discriminator"] == 0 and view["transmit_us"] == 1000000
    if how == "nft":
        heal(cable)
    else:
        cable.run("peer", "ip", "link", "set", "eth0", "up")
    tool.event("up")
    assert tool.until("a")["ups"] == 2


def test_admin_down_of_the_peer_takes_nothing_down(cable):
    frr = Bfdd(cable, "peer", bfdd_config((f"{OURS} interface eth0", timers(70, 80))))
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", **QUICK)
    tool.event("up")
    frr.configure(f"peer {OURS} interface eth0", "shutdown")
    tool.until("a", "down")
    time.sleep(3.5)  # a detection time of slow packets: neither does the silence that follows
    assert tool.no_events()
    frr.configure(f"peer {OURS} interface eth0", "no shutdown")
    tool.event("up")
    assert tool.view("a")["diagnostic"] == "neighbor signaled session down"


def test_admin_down_of_ours(cable):
    """By leaving, and of all: the peer is told, and told why."""
    frr = Bfdd(cable, "peer", bfdd_config((f"{OURS} interface eth0", timers(70, 80))))
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", **QUICK)
    tool.event("up")
    frr.until(status="up")
    with cable.capture("peer", "eth0", f"udp port 3784 and src {OURS}") as capture:
        assert tool.ask("leave", "a") == "ok"
        frr.until(status="down", diagnostic="neighbor signaled session down")
        until(lambda: len([f for _, f in capture.bytes() if f[43] >> 6 == 0]) >= 2, PATIENCE, "said again")
    assert {f[42] & 31 for _, f in capture.bytes() if f[43] >> 6 == 0} == {7}
    tool.join("b", PEER, local=OURS, interface="eth0", **QUICK)
    tool.event("up")
    frr.until(status="up")
    assert tool.ask("admin-down") == "ok"
    frr.until(status="down", diagnostic="neighbor signaled session down")
    assert tool.view("b")["state"] == "admin-down" and tool.no_events()


def test_change_while_up(cable):
    """By a Poll sequence, without a flap, in both directions."""
    frr = Bfdd(cable, "peer", bfdd_config((f"{OURS} interface eth0", timers(70, 80))))
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", **QUICK)
    tool.event("up")
    frr.until(status="up", remote_receive_interval=60)
    for rx, tx, mult in ((500, 600, 4), (40, 50, 2), (333, 40, 3), (40, 333, 3)):
        with cable.capture("peer", "eth0", "udp port 3784") as capture:
            tool.change("a", rx=rx, tx=tx, mult=mult)
            frr.until(status="up", remote_receive_interval=rx, remote_transmit_interval=tx,
                      remote_detect_multiplier=mult)
            tool.until("a", transmit_us=1000 * max(tx, 70), detect_us=3000 * max(rx, 80))
            flags = [(f[26:30] == socket.inet_aton(OURS), f[43]) for _, f in capture.bytes()]
        assert any(ours and bits & 0x20 for ours, bits in flags), "we poll"
        assert any(not ours and bits & 0x10 for ours, bits in flags), "the peer says Final"
    frr.configure(f"peer {OURS} interface eth0", "receive-interval 200", "transmit-interval 210")
    tool.until("a", remote_receive_us=200000, remote_transmit_us=210000)
    assert tool.no_events() and frr.counters()["session-down"] == 0


def test_users_share_a_session(cable):
    frr = Bfdd(cable, "peer", bfdd_config((f"{OURS} interface eth0", timers(70, 80))))
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", **QUICK)
    assert tool.event("up")
    tool.join("b", PEER, local=OURS, interface="eth0", rx=90, tx=91)
    tool.event("up")
    frr.until(status="up", remote_receive_interval=90, remote_transmit_interval=91)
    assert tool.view("a")["local_discriminator"] == tool.view("b")["local_discriminator"]
    assert tool.ask("leave", "a") == "ok"
    assert tool.view("b")["state"] == "up"
    blackhole(cable)
    tool.event("down")
    assert tool.no_events()


def test_echo_with_frr(cable):
    """In both directions: ours come back from the peer's kernel, the peer's from ours."""
    frr = Bfdd(cable, "peer", bfdd_config(
        (f"{OURS} local-address {PEER} interface eth0",
         timers(80, 81) + ["echo-mode", "echo transmit-interval 82", "echo receive-interval 82"])))
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", rx=80, tx=81, echo=82, mult=3, echo_mode=1)
    tool.event("up")
    frr.until(status="up", remote_echo_receive_interval=82)
    until(lambda: tool.view("a")["echo_in"] > 20, PATIENCE, "echoes come back")
    until(lambda: frr.counters()["echo-packet-input"] > 20, PATIENCE, "those of the peer too")
    assert tool.no_events() and frr.counters()["session-down"] == 0
    # Nobody sends them back any more, while control packets still come.
    cable.run("peer", "sysctl", "-q", "-w", "net.ipv4.conf.all.forwarding=0")
    _, diagnostic = tool.event("down")
    assert diagnostic == "echo function failed"


def test_no_echo_offered_without_forwarding(cable):
    cable.run("node", "sysctl", "-q", "-w", "net.ipv4.conf.all.forwarding=0")
    frr = Bfdd(cable, "peer", bfdd_config((f"{OURS} interface eth0", timers(70, 80))))
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", **QUICK)
    tool.event("up")
    assert frr.until(status="up", remote_receive_interval=60)["remote-echo-receive-interval"] in (0, "disabled")


# --- BIRD ---


@pytest.mark.parametrize("interface", [
    "min rx interval 50 ms; min tx interval 50 ms; multiplier 3;",
    "",  # its defaults: rx 10 ms, tx 100 ms, idle 1000 ms, multiplier 5
])
def test_bird(cable, interface):
    bird = Bird(cable, "peer", interface, f'{OURS} dev "eth0" local {PEER}', f'{OURS6} dev "eth0" local {PEER6}')
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", rx=50, tx=50, mult=3)
    tool.join("b", PEER6, local=OURS6, interface="eth0", rx=50, tx=50, mult=3)
    for name, address in (("a", OURS), ("b", OURS6)):
        tool.until(name)
        bird.until(address)
    detect_us = 150000 if interface else 5 * 100000
    tool.until("a", detect_us=detect_us)
    tool.events.clear()
    bird.process.kill()
    since = time.clock_gettime(time.CLOCK_MONOTONIC)
    at, diagnostic = tool.event("down")
    say("BIRD killed", 1000 * (at - since), detect_us / 1000)
    assert diagnostic == "control detection time expired"
    tool.event("down")


def test_bird_multihop(two_hops):
    """BIRD sends with the TTL of the system, 64, which is below the usual minimum."""
    bird = Bird(two_hops, "far", "interval 60 ms;", f"{OURS} local {FAR} multihop on")
    tool = Tool(two_hops)
    tool.join("a", FAR, local=OURS, multihop=1, **QUICK)
    until(lambda: tool.view("a")["dropped"] > 1, PATIENCE, "packets with 63 are refused")
    tool.change("a", ttl=63)
    tool.event("up")
    bird.until(OURS)


def test_bird_sees_our_death(cable):
    bird = Bird(cable, "peer", "interval 50 ms;", f'{OURS} dev "eth0" local {PEER}')
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", rx=50, tx=50, mult=3)
    tool.event("up")
    bird.until(OURS)
    tool.end(signal.SIGKILL)
    bird.until(OURS, "Down")


# --- ourselves ---


def test_stall_is_not_silence(cable):
    """Ours sleeps for longer than its detection time; the other side, which does not, goes down and says so."""
    node, peer = Tool(cable), Tool(cable, "peer")
    node.join("a", PEER, local=OURS, interface="eth0", rx=50, tx=500, mult=3)
    peer.join("b", OURS, local=PEER, interface="eth0", rx=500, tx=50, mult=3)
    node.event("up")
    peer.event("up")
    node.until("a", detect_us=150000)
    peer.until("b", detect_us=1500000)
    for _ in range(3):
        assert node.ask("stall", 400) == "ok"
    time.sleep(0.5)
    assert node.no_events() and peer.no_events()


def test_ten_ms(cable):
    """10 ms x 3 for 10 s beside whatever else this machine does: printed, not judged."""
    node, peer = Tool(cable), Tool(cable, "peer")
    node.join("a", PEER, local=OURS, interface="eth0", rx=10, tx=10, mult=3)
    peer.join("b", OURS, local=PEER, interface="eth0", rx=10, tx=10, mult=3)
    node.until("a", detect_us=30000)
    peer.until("b", detect_us=30000)
    before = node.all()
    time.sleep(10)
    after = node.all()
    a, b = after["sessions"]["a"], before["sessions"]["a"]
    print("\n    10 ms x 3 for 10 s: %d flaps seen by one side, %d by the other, %d packets out, %d in, %.1f ms CPU a second"
          % (a["downs"], peer.view("b")["downs"], a["control_out"] - b["control_out"], a["control_in"] - b["control_in"],
             100 * (after["cpu_s"] - before["cpu_s"])))
    peer.end(signal.SIGKILL)
    since = time.clock_gettime(time.CLOCK_MONOTONIC)
    until(lambda: node.view("a")["state"] == "down", PATIENCE)
    at = next(e for e in reversed(node.events) if e[1] == "down")[2]
    say("killed", 1000 * (at - since), 30)


def control(state=1, my=7, your=0, version=1, mult=3, flags=0, length=24, tx=100000, rx=100000):
    return struct.pack("!BBBBIIIII", version << 5, state << 6 | flags, mult, length, my, your, tx, rx, 0)


@contextlib.contextmanager
def sender(net, ttl=255, port=50000):
    s = net.socket("peer", None, socket.AF_INET, socket.SOCK_DGRAM, 0)
    try:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        s.bind((PEER, port))
        yield lambda *packets: [s.sendto(p, (OURS, 3784)) for p in packets]
    finally:
        s.close()


def test_hostile_packets_are_counted(cable):
    tool = Tool(cable)
    tool.join("a", PEER, local=OURS, interface="eth0", **QUICK)
    with sender(cable) as send, sender(cable, 254, 50001) as send_far:
        send(control(version=0), control(version=2), control(mult=0), control(flags=1), control(flags=4), control(my=0),
             control(state=2), control(state=3), control(your=99, state=3), control(length=23), control(length=25),
             b"", b"\x20", control()[:23])
        send_far(control())
        want = {"version": 2, "multiplier": 1, "multipoint": 1, "authentication": 1, "my-discriminator": 1, "state": 2,
                "unknown-session": 1, "length": 5, "ttl": 1}
        until(lambda: tool.all()["drops"] == want, PATIENCE, f"{tool.all()['drops']}")
        assert tool.all()["strays"] == sum(want.values())
        assert tool.view("a")["state"] == "down" and tool.view("a")["control_in"] == 0
        send(control(), control() + bytes(40))  # what follows the packet is not looked at
        tool.until("a", "init", control_in=2)
        # Up only with our discriminator; then its old one, its silence, and a stranger's packets change nothing.
        send(control(state=2, your=tool.view("a")["local_discriminator"]))
        tool.event("up")
        assert tool.no_events()


def test_wire(cable):
    """Source port, TTL and class of what we send, for both families (RFC 5881 4 and 5)."""
    tool = Tool(cable)
    with cable.capture("peer", "eth0", "udp dst port 3784") as capture:
        tool.join("a", PEER, **QUICK)
        tool.join("b", PEER6, **QUICK)
        until(lambda: tool.view("a")["control_out"] > 2 and tool.view("b")["control_out"] > 2, PATIENCE)
    v4 = [f for _, f in capture.bytes() if f[12:14] == b"\x08\x00"]
    v6 = [f for _, f in capture.bytes() if f[12:14] == b"\x86\xdd"]
    for frames, ttl, traffic, port in ((v4, 22, lambda f: f[15], 34), (v6, 21, lambda f: (f[14] << 8 | f[15]) >> 4 & 255, 54)):
        assert {f[ttl] for f in frames} == {255}
        assert {traffic(f) for f in frames} == {0xc0}
        ports = {int.from_bytes(f[port:port + 2], "big") for f in frames}
        assert len(ports) == 1 and 49152 <= ports.pop() <= 65535
        assert {f[port + 8:port + 12] for f in frames} == {bytes.fromhex("20400318")}
