# SPDX-License-Identifier: Apache-2.0
"""Who announces routes in the BGP benchmark, each driven by its own means:

    engine       the BGP engine of steellb alone (tests/net/bgp_tool), commands on stdin
    steellb run  a folder: a Service, with its endpoints, for each route
    BIRD         static routes; a new configuration and "configure" on its control socket
    FRR          "network" of bgpd, on its vty socket; zebra runs beside it
    GoBGP        gobgp, which is started for each route: only few routes
    OpenBGPD     "network" of its configuration and "bgpctl reload"; one route with "bgpctl network"
    ExaBGP       its API

All speak from 192.0.2.1, AS 64512, and dial the peers, which are one AS. Route i is host i of 198.18.0.0/15.

    one = Bird(cable, Setup(build, peers=10, routes=100))
    before = one.start()

Times are those of CLOCK_MONOTONIC in ns, from before the order was given.
"""
import dataclasses
import ipaddress
import os
import pathlib
import socket
import subprocess
import sys
import time

import lab

sys.path.insert(0, str(lab.ROOT / "tests" / "bgp"))
import folder  # noqa: E402
import peers as daemons  # noqa: E402
from netns import InNamespace, until  # noqa: E402

LOCAL_AS, PEER_AS = 64512, 64513
LOCAL, PREFIX_LEN = "192.0.2.1", 24
FIRST = ipaddress.ip_address("198.18.0.0")
PATIENCE = 60
BFD_MULTIPLIER = 3
INLINE = 200  # routes in one line of ExaBGP's API
PIPELINED = 40  # commands of a vty socket that wait for their answers


def peer(i):
    return "192.0.2.%d" % (101 + i)


def route(i):
    return str(FIRST + i)


def routes(count):
    return [route(i) for i in range(count)]


@dataclasses.dataclass
class Setup:
    """What is announced to whom, and the programs of the build."""
    build: pathlib.Path
    peers: int = 1
    routes: int = 0
    bfd_ms: int = 0  # 0: without BFD


class Announcer:
    """`self.count` routes now, and perhaps one more."""

    patience = PATIENCE  # seconds for many routes
    most = 1 << 17  # routes that it takes in bearable time

    def __init__(self, cable, setup):
        self.net, self.ns, self.setup = cable.net, cable.node, setup
        self.count = setup.routes
        self.peers = [peer(i) for i in range(setup.peers)]
        self.folder = os.path.join(cable.net.folder, cable.node + "-announcer")
        os.mkdir(self.folder)

    @classmethod
    def missing(cls, _setup):
        """Why it cannot run here, or None."""
        return None

    def start(self):
        """Returns the time before the program was started, which is as late as can be."""
        raise NotImplementedError

    def pids(self):
        return [self.process.pid]

    def change(self, count):
        """From now on so many routes, from the first."""
        raise NotImplementedError

    def announce(self, address):
        """One more."""
        raise NotImplementedError

    def withdraw(self, address):
        raise NotImplementedError

    def of(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, text):
        lab.write(self.of(name), text)
        return self.of(name)

    def spawn(self, *argv, **options):
        """Without `ip netns exec`, which would be part of a start."""
        with open(self.of("log"), "ab") as log, InNamespace(self.net._name(self.ns)):
            for channel in ("stdout", "stderr"):
                options.setdefault(channel, log)
            options.setdefault("stdin", subprocess.DEVNULL)
            before = time.monotonic_ns()
            self.process = subprocess.Popen([str(a) for a in argv], env=daemons.ENV, start_new_session=True, **options)
        self.net.processes.append(self.process)
        return before

    def log(self):
        with open(self.of("log"), encoding="utf-8", errors="replace") as f:
            return f.read()


class Engine(Announcer):
    name = "engine"

    @classmethod
    def missing(cls, setup):
        return None if cls.tool(setup).exists() else "%s is not built" % cls.tool(setup)

    @staticmethod
    def tool(setup):
        return setup.build / "tests" / "net" / "bgp_tool"

    def start(self):
        before = self.spawn(self.tool(self.setup), "-i", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, bufsize=0)
        self.order(*("peer p%d %s local-as %d peer-as %d id %s family ipv4" % (i, a, LOCAL_AS, PEER_AS, LOCAL)
                     for i, a in enumerate(self.peers)),
                   *(["routes %s %d" % (route(0), self.count)] if self.count else []), "complete")
        return before

    def order(self, *lines):
        before = time.monotonic_ns()
        self.process.stdin.write("".join(line + "\n" for line in lines).encode())
        return before

    def change(self, count):
        had, self.count = self.count, count
        if count >= had:
            return self.order("routes %s %d" % (route(had), count - had))
        return self.order("withdraw-range %s %d" % (route(count), had - count))

    def announce(self, address):
        return self.order("route %s/32" % address)

    def withdraw(self, address):
        return self.order("withdraw %s/32" % address)


class Steellb(Announcer):
    name = "steellb run"
    node = "node"

    def start(self):
        os.mkdir(self.of("objects"))
        self.write("cluster", *self.cluster())
        self.write("services", *self.services())
        return self.spawn(self.setup.build / "src" / "steellb", "run", "-f", self.of("objects"), "--node-name", self.node,
                          "--control-socket", self.of("control"))

    def write(self, name, *objects):
        return self.put("objects/%s.yaml" % name, folder.documents(*objects))

    def cluster(self):
        bfd = self.setup.bfd_ms
        yield folder.node(self.node)
        yield folder.pool("all", "198.18.0.0/15")
        yield self.custom("BGPAdvertisement", "v1beta1", "all")
        if bfd:
            yield self.custom("BFDProfile", "v1beta1", "fast", receiveInterval=bfd, transmitInterval=bfd,
                              detectMultiplier=BFD_MULTIPLIER)
        for i, address in enumerate(self.peers):
            yield self.custom("BGPPeer", "v1beta2", "p%d" % i, myASN=LOCAL_AS, peerASN=PEER_AS, peerAddress=address,
                              **({"bfdProfile": "fast"} if bfd else {}))

    @staticmethod
    def custom(kind, version, name, **spec):
        return {"apiVersion": "metallb.io/" + version, "kind": kind, "spec": spec,
                "metadata": {"name": name, "namespace": folder.NAMESPACE}}

    def services(self):
        for i, address in enumerate(routes(self.count)):
            yield from self.service("web%d" % i, address)

    def service(self, name, address):
        asks = {"metallb.io/loadBalancerIPs": address}
        return folder.service(name, annotations=asks), folder.endpoints(name, [self.node])

    def change(self, count):
        self.count = count
        text = folder.documents(*self.services())
        before = time.monotonic_ns()
        self.put("objects/services.yaml", text)
        return before

    def announce(self, address):
        before = time.monotonic_ns()
        self.write("one", *self.service("one", address))
        return before

    def withdraw(self, _address):
        before = time.monotonic_ns()
        os.unlink(self.of("objects/one.yaml"))
        return before


class Bird(Announcer):
    name = "BIRD"
    # Without the kernel's table: only what it announces is measured.
    channel = "ipv4 { import none; export where source = RTS_STATIC; };"

    @classmethod
    def missing(cls, _setup):
        return daemons.Bird.missing()

    def config(self):
        bfd = self.setup.bfd_ms
        yield "router id %s;\nprotocol device {}" % LOCAL
        if bfd:
            yield "protocol bfd { interface \"*\" { interval %d ms; multiplier %d; }; }" % (bfd, BFD_MULTIPLIER)
        for i, address in enumerate(self.peers):
            yield "protocol bgp p%d { local %s as %d; neighbor %s as %d; connect delay time 1; %s %s }" \
                % (i, LOCAL, LOCAL_AS, address, PEER_AS, "bfd on;" if bfd else "", self.channel)
        yield 'include "%s";' % self.of("routes.conf")

    def put_routes(self, *more):
        self.put("routes.conf", "protocol static { ipv4;\n%s}\n" % "".join(
            "route %s/32 blackhole;\n" % address for address in [*routes(self.count), *more]))

    def start(self):
        self.put_routes()
        config = self.put("bird.conf", "\n".join(self.config()) + "\n")
        return self.spawn("bird", "-f", "-c", config, "-s", self.of("ctl"), "-P", self.of("pid"))

    def configure(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.of("ctl"))
            s.recv(4096)  # its greeting
            s.sendall(b"configure\n")
            said = b""
            while not said.startswith((b"000", b"8", b"9")) and b"\n000" not in said and b"\n8" not in said:
                said += s.recv(4096)
        assert b"econfigur" in said, said

    def changed(self, *more):
        before = time.monotonic_ns()
        self.put_routes(*more)
        self.configure()
        return before

    def change(self, count):
        self.count = count
        return self.changed()

    def announce(self, address):
        return self.changed(address)

    def withdraw(self, _address):
        return self.changed()


class Frr(Announcer):
    name = "FRR"

    @classmethod
    def missing(cls, _setup):
        return daemons.Frr.missing()

    def start(self):
        lines = ["router bgp %d" % LOCAL_AS, "no bgp network import-check", "exit"]
        self.daemon = daemons.Frr(self.net, self.ns, LOCAL_AS, LOCAL, [daemons.Neighbor(a, asn=PEER_AS) for a in self.peers],
                                  lines=lines)
        before = time.monotonic_ns()
        self.daemon.start()
        self.vty(*("network %s/32" % address for address in routes(self.count)))
        return before

    def pids(self):
        return [p.pid for p in self.daemon.processes]

    def vty(self, *lines):
        """To bgpd, as vtysh does: commands end with a NUL, answers with three and a status, 0 of success."""
        commands = ["enable", "configure terminal", "router bgp %d" % LOCAL_AS, "address-family ipv4 unicast", *lines]
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.daemon.of("bgpd.vty"))
            for i in range(0, len(commands), PIPELINED):
                some = commands[i:i + PIPELINED]
                s.sendall(b"".join(c.encode() + b"\0" for c in some))
                said = b""
                while len(said) < 4 * len(some):
                    said += s.recv(65536)
                if said.strip(b"\0"):  # nothing but that is said where all is well
                    raise AssertionError(said)

    def changed(self, *lines):
        before = time.monotonic_ns()
        self.vty(*lines)
        return before

    def change(self, count):
        had, self.count = self.count, count
        return self.changed(*("network %s/32" % route(i) for i in range(had, count)),
                            *("no network %s/32" % route(i) for i in range(count, had)))

    def announce(self, address):
        return self.changed("network %s/32" % address)

    def withdraw(self, address):
        return self.changed("no network %s/32" % address)


class GoBgp(Announcer):
    name = "GoBGP"
    most = 200

    @classmethod
    def missing(cls, _setup):
        return daemons.GoBgp.missing()

    def start(self):
        self.daemon = daemons.GoBgp(self.net, self.ns, LOCAL_AS, LOCAL, [daemons.Neighbor(a, asn=PEER_AS) for a in self.peers])
        before = time.monotonic_ns()
        self.daemon.start()
        for address in routes(self.count):
            self.announce(address)
        return before

    def pids(self):
        return [self.daemon.processes[0].pid]

    def announce(self, address):
        before = time.monotonic_ns()
        self.daemon.gobgp("global", "rib", "add", address + "/32", "nexthop", LOCAL)
        return before

    def withdraw(self, address):
        before = time.monotonic_ns()
        self.daemon.gobgp("global", "rib", "del", address + "/32")
        return before


class OpenBgpd(Announcer):
    name = "OpenBGPD"

    @classmethod
    def missing(cls, _setup):
        return daemons.OpenBgpd.missing()

    def lines(self):
        return ["network %s/32" % address for address in routes(self.count)] + ["allow to any"]

    def start(self):
        self.daemon = daemons.OpenBgpd(self.net, self.ns, LOCAL_AS, LOCAL,
                                       [daemons.Neighbor(a, asn=PEER_AS) for a in self.peers], lines=self.lines())
        before = time.monotonic_ns()
        self.daemon.start()
        return before

    def pids(self):
        """The parent and its two children."""
        pid = self.daemon.processes[0].pid
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            return [pid] + [int(child) for child in f.read().split()]

    def change(self, count):
        with open(self.daemon.of("bgpd.conf"), encoding="ascii") as f:
            text = "".join(line for line in f if not line.startswith("network "))
        self.count = count
        before = time.monotonic_ns()
        lab.write(self.daemon.of("bgpd.conf"), text + "\n".join(self.lines()) + "\n")
        os.chmod(self.daemon.of("bgpd.conf"), 0o600)
        self.daemon.bgpctl("reload")
        return before

    def announce(self, address):
        before = time.monotonic_ns()
        self.daemon.bgpctl("network", "add", address + "/32")
        return before

    def withdraw(self, address):
        before = time.monotonic_ns()
        self.daemon.bgpctl("network", "delete", address + "/32")
        return before


class QuietExaBgp(daemons.ExaBgp):
    talks = False


class ExaBgp(Announcer):
    name = "ExaBGP"
    most = 20000

    @classmethod
    def missing(cls, _setup):
        return daemons.ExaBgp.missing()

    def start(self):
        self.daemon = QuietExaBgp(self.net, self.ns, LOCAL_AS, LOCAL,
                                  [daemons.Neighbor(a, asn=PEER_AS, source=LOCAL) for a in self.peers])
        before = time.monotonic_ns()
        self.daemon.start()
        until(lambda: os.path.exists(self.daemon.events_path), PATIENCE, "the process of ExaBGP's API")
        self.say("announce", 0, self.count)
        return before

    def pids(self):
        """Without the process of the API, which is of the test."""
        return [self.daemon.processes[0].pid]

    def say(self, verb, first, end):
        before = time.monotonic_ns()
        for i in range(first, end, INLINE):
            some = " ".join(route(n) + "/32" for n in range(i, min(i + INLINE, end)))
            self.daemon.send("%s attributes next-hop self nlri %s" % (verb, some))
        return before

    def change(self, count):
        had, self.count = self.count, count
        return self.say("announce", had, count) if count >= had else self.say("withdraw", count, had)

    def announce(self, address):
        before = time.monotonic_ns()
        self.daemon.send("announce route %s/32 next-hop self" % address)
        return before

    def withdraw(self, address):
        before = time.monotonic_ns()
        self.daemon.send("withdraw route %s/32 next-hop self" % address)
        return before


ALL = (Engine, Steellb, Bird, Frr, GoBgp, OpenBgpd, ExaBgp)
