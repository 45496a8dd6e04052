# SPDX-License-Identifier: Apache-2.0
"""`steellb run --peers`: nodes that fail, leave, stand still or lose a link, and who takes over.

Every node has two interfaces: eth0 on the LAN of the addresses, eth1 on a network of its own for gossip and heartbeats. The
times that are asserted are bounds that no working version misses, not performance; bench/fast_detect.py measures.
"""
import signal
import socket
import time

import pytest

import netns
from folder import NODES, PATIENCE, Folder, Process, endpoints, l2_advertisement, node, pool, service
from netns import mac_bytes, until

ETH_P_ARP = 0x0806
VIP = "198.18.0.10"

pytestmark = pytest.mark.skipif(bool(netns.missing(tools=("ip",))), reason=str(netns.missing(tools=("ip",))))


class Nodes:
    def __init__(self, net, names):
        self.net, self.names, self.processes = net, names, {}
        self.folder = Folder(net.folder + "/cluster")
        self.folder.put("cluster.yaml", pool("home", "198.18.0.10-198.18.0.19"), l2_advertisement())
        for n in names:
            self.folder.put(f"node-{n}.yaml", node(n))
        self.folder.put("web.yaml", service("web"), endpoints("web", names))
        self.secret = net.folder + "/secret"
        with open(self.secret, "w", encoding="utf-8") as f:
            f.write("MDEyMzQ1Njc4OWFiY2RlZg")
        self.build()

    def build(self):
        net = self.net
        for ns in ("lan", "control", "client"):
            net.add_ns(ns)
        for i, n in enumerate(self.names):
            net.add_ns(n)
            net.veth(n, "eth0", "lan", n)
            net.veth(n, "eth1", "control", n)
            net.run(n, "ip", "addr", "add", f"198.18.0.{100 + i}/24", "dev", "eth0")
            net.run(n, "ip", "addr", "add", self.address(n) + "/24", "dev", "eth1")
        net.veth("client", "eth0", "lan", "client")
        net.run("client", "ip", "addr", "add", "198.18.0.1/24", "dev", "eth0")
        net.bridge("lan", "br0", *self.names, "client")
        net.bridge("control", "br0", *self.names)
        self.ear = net.socket("client", "eth0", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))

    def address(self, name):
        return f"198.19.0.{1 + self.names.index(name)}"

    def start(self, name, *args):
        peers = ",".join(map(self.address, self.names))
        self.processes[name] = Process(self.net, name, self.folder.path, "--peers", peers, "--bind", self.address(name),
                                       "--secret-file", self.secret, *args)

    def start_all(self, *args):
        for n in self.names:
            self.start(n, *args)
        for n in self.names:
            self.processes[n].ready()
        until(self.all_alive, PATIENCE, "all know each other")
        return self

    def all_alive(self):
        return all(self.alive(n) == set(self.names) for n in self.names)

    def alive(self, name):
        return {m["node"] for m in self.processes[name].status()["members"] if m["alive"]}

    def all_fast(self):
        return all(sum(m["fast"] for m in p.status()["members"]) == len(self.names) - 1
                   for p in self.processes.values())

    def owners(self, *names):
        return [n for n in names or self.processes if self.processes[n].status()["announcing"]]

    def owner(self):
        """The one owner that all agree on."""
        def found():
            owners = self.owners()
            return owners[0] if len(owners) == 1 else None
        return until(found, PATIENCE, "one owner")

    def listen(self):
        self.ear.setblocking(False)
        try:
            while True:
                self.ear.recv(2048)
        except BlockingIOError:
            pass

    def seconds_until_announced(self, lost, since, patience=PATIENCE):
        """From `since` to the first gratuitous frame of another node than the lost one."""
        own, target = mac_bytes(self.net.mac(lost, "eth0")), socket.inet_aton(VIP)
        self.ear.settimeout(patience)
        while True:
            frame = self.ear.recv(2048)
            if frame[28:32] == target and frame[6:12] != own:
                return time.monotonic() - since


@pytest.fixture(name="net")
def make_net():
    with netns.Net() as net:
        yield net


@pytest.fixture(name="three")
def make_three(net):
    nodes = Nodes(net, list(NODES)).start_all("--fast-detect", "50msx3")
    until(nodes.all_fast, PATIENCE, "heartbeats between all")
    nodes.owner()
    time.sleep(0.3)  # the first burst is on its way
    nodes.listen()
    yield nodes
    for p in nodes.processes.values():
        if p.process.poll() is None:
            p.stop()


def test_killed_owner(three):
    lost = three.owner()
    since = time.monotonic()
    three.processes.pop(lost).kill()
    assert three.seconds_until_announced(lost, since) < 4  # gossip alone takes 5
    heir = three.owner()
    assert heir != lost
    three.start(lost, "--fast-detect", "50msx3")
    three.processes[lost].ready()
    until(lambda: lost in three.alive(lost), PATIENCE, "it is back")
    assert time.monotonic() - since > 3  # not before it was steady
    until(three.all_alive, PATIENCE, "all are back")
    assert three.owner() == lost


def test_frozen_owner(three):
    """SIGSTOP: it does not know that anything happened, and learns from the others that it is out."""
    lost = three.owner()
    since = time.monotonic()
    three.processes[lost].signal(signal.SIGSTOP)
    assert three.seconds_until_announced(lost, since) < 4
    others = [n for n in three.names if n != lost]
    heir, = three.owners(*others)
    three.processes[lost].signal(signal.SIGCONT)
    until(lambda: three.owners() == [heir], PATIENCE, "the frozen one has given up")
    assert three.alive(heir) == three.alive(lost) == set(others)
    until(three.all_alive, PATIENCE, "all are back")
    assert three.owner() == lost


def test_owner_without_lan(three):
    """Its gossip goes on, so it can say that it cannot serve."""
    lost = three.owner()
    since = time.monotonic()
    three.net.run("lan", "ip", "link", "set", lost, "down")
    assert three.seconds_until_announced(lost, since) < 4
    heir = three.owner()
    assert heir != lost
    assert three.all_alive()  # nobody is dead
    three.net.run("lan", "ip", "link", "set", lost, "up")
    until(lambda: three.owners() == [lost], PATIENCE, "it is the owner again")


def test_owner_without_gossip(three):
    """Cut off from the others, it is out; with the cable back, it learns of that before it speaks."""
    lost = three.owner()
    three.net.run("control", "ip", "link", "set", lost, "down")
    since = time.monotonic()
    assert three.seconds_until_announced(lost, since) < 4
    three.net.run("control", "ip", "link", "set", lost, "up")
    until(lambda: len(three.owners()) == 1, PATIENCE, "one owner")
    until(three.all_alive, PATIENCE, "all are back")
    assert three.owner() == lost


def test_farewell(three):
    """The next owner starts before the one that leaves has stopped."""
    lost = three.owner()
    process = three.processes.pop(lost)
    since = time.monotonic()
    process.signal(signal.SIGTERM)
    assert three.seconds_until_announced(lost, since) < 3
    assert process.until_exit() == 0
    log = process.log()
    assert "another node has taken over" in log
    assert log.index("leaving memberlist cluster") < log.index("another node has taken over")
    assert len(three.owners()) == 1
    three.start(lost, "--fast-detect", "50msx3")
    three.processes[lost].ready()
    until(three.all_alive, PATIENCE, "it is back")


def test_farewell_of_both_families(three):
    """By ARP and by Neighbor Discovery: each address goes when its next owner announces it."""
    three.folder.put("cluster.yaml", pool("home", "198.18.0.10-198.18.0.19", "2001:db8::10-2001:db8::19"), l2_advertisement())
    three.folder.put("web.yaml", service("web", "IPv4", "IPv6"), endpoints("web", three.names))
    lost = until(lambda: next((n for n in three.names if len(three.processes[n].status()["announcing"]) == 2), None),
                 PATIENCE, "both addresses")
    for n in three.names:
        three.processes[n].until_status(lambda s: any(x["ndp"] for x in s["interfaces"] if x["name"] == "eth0"))
    process = three.processes.pop(lost)
    process.signal(signal.SIGTERM)
    assert process.until_exit() == 0
    log = process.log()
    assert "another node has taken over op=shutdown ip=198.18.0.10" in log
    assert "another node has taken over op=shutdown ip=2001:db8::10" in log


def test_address_is_defended(three):
    """Somebody who announces it by mistake does not keep it in the neighbours' caches."""
    owner = three.owner()
    own, vip = mac_bytes(three.net.mac("client", "eth0")), socket.inet_aton(VIP)
    time.sleep(6)  # the burst of the owner is over
    three.listen()
    three.ear.send(b"\xff" * 6 + own + bytes.fromhex("0806" "0001" "0800" "06" "04" "0001") + own + vip + b"\xff" * 6 + vip)
    three.processes[owner].until_log("another node announced an address of ours, announcing again", VIP)
    assert three.seconds_until_announced("client", time.monotonic()) < PATIENCE
    assert three.owner() == owner


def test_loss_is_no_outage(three):
    """Every fifth heartbeat is lost, by nft: netem is not in every kernel."""
    if netns.missing(tools=("nft",)):
        pytest.skip("nft is not installed")
    rules = """table inet loss {
        chain in {
            type filter hook input priority 0
            udp dport 7947 numgen inc mod 5 0 drop
        }
    }
    """
    for n in three.names:
        three.net.run(n, "nft", "-f", "-", stdin=rules)
    owner = three.owner()
    for _ in range(30):
        time.sleep(0.1)
        assert three.all_alive() and three.owners() == [owner]


def test_two_nodes_in_halves(net):
    """Both take over; when they hear each other again, one stays, and at once."""
    two = Nodes(net, list(NODES[:2])).start_all("--fast-detect", "50msx3")
    until(two.all_fast, PATIENCE, "heartbeats")
    two.owner()
    net.run("control", "ip", "link", "set", "br0", "down")
    until(lambda: len(two.owners()) == 2, PATIENCE, "two halves")
    net.run("control", "ip", "link", "set", "br0", "up")
    until(lambda: len(two.owners()) == 1, PATIENCE, "one owner")
    for p in two.processes.values():
        p.stop()


def test_halves_of_the_lan(net):
    """The clients of the other half have learned the wrong address: it is announced again when the halves meet, which is at
    the next join, once a minute."""
    if netns.missing(tools=("bridge",)):
        pytest.skip("bridge is not installed")
    two = Nodes(net, list(NODES[:2])).start_all()
    owner = two.owner()
    net.run("lan", "bridge", "link", "set", "dev", owner, "state", "0")  # the carrier stays
    net.run("control", "ip", "link", "set", "br0", "down")
    until(lambda: len(two.owners()) == 2, PATIENCE, "two halves")
    time.sleep(5)  # the burst of the other one is over
    two.listen()
    net.run("lan", "bridge", "link", "set", "dev", owner, "state", "3")
    net.run("control", "ip", "link", "set", "br0", "up")
    other, = set(two.names) - {owner}
    two.seconds_until_announced(other, time.monotonic(), 60 + PATIENCE)
    assert two.owner() == owner
    for p in two.processes.values():
        p.stop()


def test_owner_without_the_named_interface(net):
    """Another link into the network of the address does not help: it is announced on eth2 alone."""
    two = Nodes(net, list(NODES[:2]))
    net.add_ns("more")
    for n in two.names:
        net.veth(n, "eth2", "more", n)
    net.bridge("more", "br0", *two.names)
    home = pool("home", "198.18.0.10-198.18.0.19")
    two.folder.put("cluster.yaml", home, l2_advertisement(interfaces=["eth2", "ens3"]))
    two.start_all("--fast-detect", "50msx3")
    lost = two.owner()
    other, = set(two.names) - {lost}
    net.run("more", "ip", "link", "set", lost, "down")
    until(lambda: two.owners() == [other], PATIENCE, "the other one")
    assert two.all_alive()
    two.folder.put("cluster.yaml", home, l2_advertisement())
    until(lambda: two.owners() == [lost], PATIENCE, "any interface will do")
    two.folder.put("cluster.yaml", home, l2_advertisement(interfaces=["eth2"]))
    until(lambda: two.owners() == [other], PATIENCE, "only that one")
    net.run("more", "ip", "link", "set", lost, "up")
    until(lambda: two.owners() == [lost], PATIENCE, "it is the owner again")
    for p in two.processes.values():
        p.stop()


def test_without_fast_detection(net):
    """Gossip alone, as MetalLB: 5 to 8 s."""
    nodes = Nodes(net, list(NODES)).start_all()
    lost = nodes.owner()
    assert nodes.processes[lost].status()["fastDetection"] == "it is not asked for"
    nodes.listen()
    since = time.monotonic()
    nodes.processes.pop(lost).kill()
    assert nodes.seconds_until_announced(lost, since) > 4
    assert nodes.owner() != lost


def test_one_takes_no_part(net):
    """Then nobody's verdicts count, and all elect as that one does."""
    nodes = Nodes(net, list(NODES))
    nodes.start("oak")
    nodes.start("elm", "--fast-detect", "50msx3")
    nodes.start("fir", "--fast-detect", "50msx3")
    for p in nodes.processes.values():
        p.ready()
    until(nodes.all_alive, PATIENCE, "all know each other")
    elm = nodes.processes["elm"]
    elm.until_status(lambda s: s["fastDetection"] == "not every member takes part")
    elm.until_log("fast detection does not count", "not every member takes part")
    nodes.processes["oak"].stop()
    elm.until_status(lambda s: s["fastDetection"] == "on")


@pytest.mark.parametrize("args, words", [
    (["--peers", "198.19.0.1"], "--peers needs --bind"),
    (["--bind", "198.19.0.1"], "need --peers"),
    (["--peers", "x", "--bind", "198.19.0"], "--bind must be an IP address"),
    (["--peers", "x", "--bind", "198.19.0.1", "--fast-detect", "50ms"], "INTERVALxCOUNT"),
    (["--peers", "x", "--bind", "127.0.0.1"], "--peers: x: not an IP address"),
    (["--peers", "127.0.0.1", "--bind", "127.0.0.1", "--secret-file", "/nowhere"], "memberlist secret /nowhere"),
    (["--peers", "127.0.0.1", "--bind", "198.19.0.77"], "gossip on UDP 198.19.0.77:7946"),
])
def test_command_line(net, args, words):
    net.add_ns("oak")
    process = Process(net, "oak", Folder(net.folder + "/empty").path, *args)
    assert process.until_exit() in (1, 2)
    assert words in process.log()
