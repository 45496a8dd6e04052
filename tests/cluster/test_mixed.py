# SPDX-License-Identifier: Apache-2.0
"""Two real MetalLB speakers and two of ours on one LAN: all elect the same owner for every address, whatever happens to them.

Who should own an address is computed here from its text and the names of the live nodes, and compared with who answers for it.
"""
import hashlib
import threading
import time

import pytest

import lab
import lan
from client import ApiError
from cluster import DEPLOY, NAMESPACE, ControlPlane
from objects import endpoints, l2_advertisement, node, pod, pool, service
from programs import PATIENCE
from roles import METALLB, STEELLB

from netns import mac_bytes, until

NODES = ("oak", "elm", "fir", "yew")
SECRET = "MDEyMzQ1Njc4OWFiY2RlZg"
ADDRESSES = [f"198.18.1.{i}" for i in range(1, 201)]
WATCHED = ADDRESSES[::20]  # by the prober, all the time
PROBE_S = 0.02
SETTLED = 60  # seconds for suspicion, confirmation and what a busy machine adds


def owner(address, live):
    """The election of spec speaker-l2 3.4, among nodes that may all serve."""
    return min(live, key=lambda name: hashlib.sha256(f"{name}#{address}".encode()).digest())


class Prober:
    """Asks for some addresses all the time, and remembers who answered when."""

    def __init__(self, net, addresses):
        self.ear = lan.Ear(net)
        self.mac = mac_bytes(net.mac("client", "eth0"))
        self.addresses = addresses
        self.answers = {a: [] for a in addresses}  # (seconds, hardware address)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.began = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.ended = time.monotonic()
        self.ear.socket.close()

    def _run(self):
        while not self.stopped.wait(PROBE_S):
            for address in self.addresses:
                self.ear.socket.send(lan.request(self.mac, address))
            now = time.monotonic()
            for _, source, operation, of, _ in map(lan.arp_fields, self.ear.frames()):
                if operation == 2 and of in self.answers:
                    self.answers[of].append((now, source))

    def longest_silence(self):
        """The longest time for which somebody asked and nobody answered, over all addresses."""
        def longest(times):
            edges = [self.began, *times, self.ended]
            return max(b - a for a, b in zip(edges, edges[1:]))
        return max(longest([t for t, _ in answers]) for answers in self.answers.values())


class Cluster:
    def __init__(self, net, plane, folder):
        self.net, self.plane = net, plane
        self.key = folder / "key"
        self.key.mkdir()
        (self.key / "secretkey").write_text(SECRET)
        self.names = {mac_bytes(net.mac(n, "eth0")): n for n in NODES}
        self.speakers = {}
        self.ear = lan.Ear(net)
        self.mac = mac_bytes(net.mac("client", "eth0"))

    def fill(self):
        admin = self.plane.admin
        admin.apply(pool("home", "198.18.1.0/24"))
        admin.apply(l2_advertisement(interfaces=["eth0"]))
        for name in NODES:
            admin.create(node(name))
            self.plane.create_pod(pod("speaker-" + name, name), lab.MANAGEMENT[name])
        for i, address in enumerate(ADDRESSES):
            made = admin.create(service(f"web-{i}"))
            admin.create(endpoints(f"web-{i}", NODES))
            admin.set_status(made, {"loadBalancer": {"ingress": [{"ip": address}]}})

    def start(self, name, kind):
        self.speakers[name] = kind.speaker(self.plane, self.net, name, lab.MANAGEMENT[name], gossip=True,
                                           key_folder=self.key)

    def stop(self, name):
        self.speakers.pop(name).stop()

    def kill(self, name):
        self.speakers.pop(name).kill()

    def answering(self):
        """{address: set of nodes that answer one request}"""
        self.ear.frames()
        for address in ADDRESSES:
            self.ear.socket.send(lan.request(self.mac, address))
        time.sleep(0.3)
        found = {a: set() for a in ADDRESSES}
        for _, source, operation, of, _ in map(lan.arp_fields, self.ear.frames()):
            if operation == 2 and of in found:
                found[of].add(self.names[source])
        return found

    def until_agreed(self, what):
        """Every address is answered by the one owner that the election gives."""
        wanted = {a: {owner(a, self.speakers)} for a in ADDRESSES}
        try:
            until(lambda: self.answering() == wanted, SETTLED, what, step=0.2)
        except AssertionError:
            wrong = {a: (sorted(n), sorted(wanted[a])) for a, n in self.answering().items() if n != wanted[a]}
            raise AssertionError(f"{what}: {len(wrong)} of {len(ADDRESSES)}: (answers, should) {dict(list(wrong.items())[:5])}"
                                 + "".join("\n" + s.tail() for s in self.speakers.values())) from None


@pytest.fixture
def mixed(net, tmp_path):
    lab.build_lab(net, NODES)
    with ControlPlane(net=net, ns="plane", address=lab.PLANE) as plane:
        plane.install()
        c = Cluster(net, plane, tmp_path)
        c.fill()
        for name, kind in zip(NODES, (METALLB, METALLB, STEELLB, STEELLB)):
            c.start(name, kind)
        c.until_agreed("at the start")
        yield c


def test_kill_leave_rejoin(mixed):
    for name, kind in (("oak", METALLB), ("fir", STEELLB)):
        mixed.kill(name)
        mixed.until_agreed(f"{name} was killed")
        mixed.start(name, kind)
        mixed.until_agreed(f"{name} is back after it was killed")
    for name, kind in (("yew", STEELLB), ("elm", METALLB)):
        mixed.stop(name)
        mixed.until_agreed(f"{name} has left")
        mixed.start(name, kind)
        mixed.until_agreed(f"{name} is back after it had left")


def is_unknown(client, kind):
    try:
        client.list(kind, NAMESPACE)
        return False
    except ApiError as e:
        return e.code == 404


def test_joins_when_it_can_answer(mixed):
    """One that has not read everything yet is no member: the others go on answering for what will be its own."""
    crd = DEPLOY / "crds" / "metallb.io_communities.yaml"
    mixed.stop("fir")
    mixed.until_agreed("fir has left")
    before = {a: {owner(a, mixed.speakers)} for a in ADDRESSES}
    mixed.plane.admin.delete("CustomResourceDefinition", "communities.metallb.io")
    until(lambda: is_unknown(mixed.plane.admin, "Community"), PATIENCE, "the type is served no more")
    mixed.start("fir", STEELLB)
    mixed.speakers["fir"].until_log("watch failed", "Community")
    for _ in range(5):
        answering = mixed.answering()
        assert {a: n for a, n in answering.items() if n != before[a]} == {}
    mixed.plane.apply(crd)
    mixed.until_agreed("fir has read everything")


def replace_all(c, kind):
    """The two of MetalLB, one after the other. Returns for how long an address was without an owner at most."""
    silences = []
    for name in ("oak", "elm"):
        with Prober(c.net, WATCHED) as prober:
            c.stop(name)
            c.start(name, kind)
            c.until_agreed(f"{name} was replaced")
        silences.append(prober.longest_silence())
    return max(silences)


def test_full_replacement(mixed):
    """A rollout from MetalLB to ours leaves no address alone for longer than MetalLB's own restart does."""
    theirs = replace_all(mixed, METALLB)
    ours = replace_all(mixed, STEELLB)
    print(f"longest silence: {ours * 1000:.0f} ms, {theirs * 1000:.0f} ms when MetalLB is restarted")
    assert ours <= max(theirs, 10 * PROBE_S)
    mixed.until_agreed("all four are ours")
    statuses = mixed.plane.admin.list("ServiceL2Status", NAMESPACE)
    wanted = {f"web-{i}": owner(a, NODES) for i, a in enumerate(ADDRESSES)}
    until(lambda: {s["status"].get("serviceName"): s["status"].get("node")
                   for s in mixed.plane.admin.list("ServiceL2Status", NAMESPACE) if s.get("status")} == wanted,
          PATIENCE, f"the statuses say so ({len(statuses)})")
