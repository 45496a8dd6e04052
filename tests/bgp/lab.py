# SPDX-License-Identifier: Apache-2.0
"""Wires between a speaker and a router, the objects that make it announce, and an ear that lets tshark judge what we send.

    cable(net)                                     # speaker - router: 192.0.2.2 and .1, 2001:db8::2 and ::1
    router = Frr(net, "router", 64513, "192.0.2.1", [Neighbor(SPEAKER, asn=64512)]).start()
    with speaker(net, bgp_peer("router", ROUTER, 64513), *announced("198.18.0.10")) as s, dissected(net):
        router.until_routes("ipv4", ["198.18.0.10/32"])
"""
import contextlib
import ipaddress
import subprocess

import pytest

from folder import NAMESPACE, Folder, Process, documents, endpoints, node, pool, service
from lan import address, forward, namespaces
from netns import ENV
from peers import ExaBgp, Frr, Neighbor

MY_AS, PEER_AS = 64512, 64513
SPEAKER, ROUTER = "192.0.2.2", "192.0.2.1"
SPEAKER6, ROUTER6 = "2001:db8::2", "2001:db8::1"
WHOLE = 1 << 17  # octets of a capture: also of the longest segment
FAR, FAR6 = "203.0.113.1", "2001:db8:1::1"  # of a router behind the router


# --- wires ---


def cable(net):
    """A speaker and a router on one cable."""
    namespaces(net, "speaker", "router")
    net.veth("speaker", "eth0", "router", "eth0")
    address(net, "speaker", "eth0", SPEAKER + "/24", SPEAKER6 + "/64")
    address(net, "router", "eth0", ROUTER + "/24", ROUTER6 + "/64")


def two_hops(net):
    """The peer, in the namespace "far", is behind "router"."""
    cable(net)
    namespaces(net, "far")
    forward(net, "router")
    net.veth("router", "eth1", "far", "eth0")
    address(net, "router", "eth1", "203.0.113.254/24", "2001:db8:1::254/64")
    address(net, "far", "eth0", FAR + "/24", FAR6 + "/64")
    for ns, v4, v6 in (("speaker", ROUTER, ROUTER6), ("far", "203.0.113.254", "2001:db8:1::254")):
        net.run(ns, "ip", "route", "add", "default", "via", v4)
        net.run(ns, "ip", "-6", "route", "add", "default", "via", v6)


def bridge(net, nodes=("oak", "elm", "fir")):
    """Several speakers, .11 and on, and a router on one network."""
    namespaces(net, "lan", "router", *nodes)
    for ns in ("router", *nodes):
        net.veth(ns, "eth0", "lan", ns)
    net.bridge("lan", "br0", "router", *nodes)
    address(net, "router", "eth0", ROUTER + "/24", ROUTER6 + "/64")
    for i, ns in enumerate(nodes):
        address(net, ns, "eth0", f"192.0.2.{11 + i}/24", f"2001:db8::{11 + i}/64")


def unnumbered(net):
    """A cable with link-local addresses alone. Returns those of speaker and router."""
    namespaces(net, "speaker", "router")
    net.veth("speaker", "eth0", "router", "eth0")
    return net.link_local("speaker", "eth0"), net.link_local("router", "eth0")


@contextlib.contextmanager
def blackhole(net, ns):
    """Links stay up, but nothing gets in or out."""
    net.run(ns, "nft", "add table inet hole; add chain inet hole in { type filter hook input priority 0; policy drop; }; "
            "add chain inet hole out { type filter hook output priority 0; policy drop; }")
    try:
        yield
    finally:
        net.run(ns, "nft", "delete table inet hole")


def connections(net):
    """That are established, of the speaker."""
    out = net.run("speaker", "ss", "-Htn", "state", "established", "( sport = :179 or dport = :179 )")
    return len(out.splitlines())


def tcp_dropped(net, counter):
    """How many segments the router's TCP has not taken, for that reason."""
    return int(net.run("router", "nstat", "-asz", "TcpExtTCP" + counter).split()[-2])


@contextlib.contextmanager
def kernel_changes(router):
    """Yields a function that returns what `ip monitor` has told of the router's routes meanwhile, line by line."""
    path = router.of("monitor")
    with open(path, "wb") as out:
        monitor = router.net.popen(router.ns, "ip", "-o", "monitor", "route", stdout=out)

    def lines():
        with open(path, encoding="utf-8") as f:
            return f.readlines()
    try:
        yield lines
    finally:
        router.net.stop(monitor)


# --- the router ---


def to_speaker(address=SPEAKER, **options):
    return Neighbor(address, **{"asn": MY_AS, **options})


def frr(net, *neighbors, asn=PEER_AS, ns="router", router_id=ROUTER, **options):
    return Frr(net, ns, asn, router_id, neighbors, **options).start()


def start(net, daemon, address=SPEAKER, of=PEER_AS, far=False, lines=(), **options):
    """A daemon of the AS `of` that waits for us, at the far end of a cable or behind the router there."""
    if daemon.missing():
        pytest.skip(daemon.missing())
    (two_hops if far else cable)(net)
    options = {"passive": True, **options}
    if daemon is ExaBgp:  # it wants its own end named
        options["source"] = FAR if far else ROUTER6 if ":" in address else ROUTER
    return daemon(net, "far" if far else "router", of, ROUTER, [to_speaker(address, **options)], lines=lines).start()


# --- objects ---


def bgp_object(kind, name, version="v1beta1", **spec):
    return {"apiVersion": "metallb.io/" + version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def bgp_peer(name, where, peer_asn=PEER_AS, my_asn=MY_AS, **spec):
    """`where`: an address, or an interface as {"interface": NAME}. `peer_asn`: a number, "internal" or "external"."""
    asn = {"peerASN": peer_asn} if isinstance(peer_asn, int) else {"dynamicASN": peer_asn}
    at = where if isinstance(where, dict) else {"peerAddress": where}
    return bgp_object("BGPPeer", name, "v1beta2", myASN=my_asn, **asn, **at, **spec)


def peer(where=ROUTER, **spec):
    """One that is dialled often."""
    return bgp_peer("router", where, **{"connectTime": "1s", **spec})


def bgp_advertisement(name="all", **spec):
    return bgp_object("BGPAdvertisement", name, **spec)


def bfd_profile(name="fast", **spec):
    return bgp_object("BFDProfile", name, **spec)


def drained(value, name="speaker"):
    """A node whose speaker gives its routes away, as the annotation wants it."""
    n = node(name)
    n["metadata"]["annotations"] = {"steellb.io/drain": value}
    return n


def with_address(svc, *addresses):
    """Asks for these; `steellb run` gives them."""
    svc["metadata"]["annotations"]["metallb.io/loadBalancerIPs"] = ",".join(addresses)
    return svc


def announced(*addresses, name="web", nodes=("speaker",), advertisement=None, **spec):
    """A pool of the documentation's networks, an advertisement, and a Service with these addresses and an endpoint on each node."""
    families = sorted({"IPv6" if ":" in a else "IPv4" for a in addresses})
    return [pool("all", "198.18.0.0/16", "2001:db8:ff00::/64"), advertisement or bgp_advertisement(),
            with_address(service(name, *families, **spec), *addresses), endpoints(name, nodes)]


def many(count, first="198.18.0.0"):
    """Services web0 and on, one address each from `first`."""
    start = ipaddress.ip_address(first)
    objects = [pool("all", "198.18.0.0/15"), bgp_advertisement()]
    for i in range(count):
        objects += [with_address(service(f"web{i}"), str(start + i)), endpoints(f"web{i}", ("speaker",))]
    return objects


# --- the speaker ---


class Speaker(Process):
    """`steellb run` with a folder of its own; put() replaces all objects but the nodes."""

    def __init__(self, net, *objects, ns="speaker", nodes=("speaker",), args=(), prefix=()):
        self.folder = Folder(f"{net.folder}/{ns}-folder{Process.serial}")
        self.folder.put("nodes.yaml", *(node(n) for n in nodes))
        self.put(*objects)
        super().__init__(net, ns, self.folder.path, "--exclude-interface", "^lo$", "--log-level", "debug", *args, prefix=prefix)

    def put(self, *objects):
        self.folder.write("objects.yaml", documents(*objects))

    def bgp(self):
        """{peer: what `steellb status bgp` tells}"""
        return {p["name"]: p for p in self.status()["bgp"]["peers"]}

    def until_peer(self, name, check=lambda p: p["state"] == "Established", what=None):
        try:
            return self.until_status(lambda s: check(next((p for p in s["bgp"]["peers"] if p["name"] == name), {"state": ""})),
                                     what or f"peer {name}")
        finally:
            self.check_log()


@contextlib.contextmanager
def speaker(net, *objects, **options):
    s = Speaker(net, *objects, **options)
    try:
        yield s.ready()
    except BaseException:
        print(s.log())
        raise
    finally:
        if s.process.poll() is None:
            s.stop()


# --- what we send ---


# TCP's own affairs, and a message longer than 4,096 octets, which tshark 4.0 does not expect (RFC 8654).
HARMLESS = "tcp.flags.reset == 1 || tcp.options.sack.dsack || (bgp.length.invalid && bgp.length > 4096)"


@contextlib.contextmanager
def dissected(net, ns="speaker", interface="eth0", sender=(SPEAKER, SPEAKER6), ports="tcp port 179 or udp port 3784 or udp port 4784"):
    """tshark finds nothing to complain of in what `sender` sent meanwhile. Yields the capture."""
    with net.capture(ns, interface, ports, snaplen=WHOLE) as capture:
        yield capture
    from_us = " || ".join(("ipv6.src == " if ":" in a else "ip.src == ") + a for a in sender)
    complaints = dissect(capture, f"({from_us}) && (_ws.malformed || _ws.expert.severity >= \"Warning\") && !({HARMLESS})", "-T", "fields",
                         "-e", "frame.number", "-e", "_ws.expert.message", "-o", "tcp.analyze_sequence_numbers:FALSE")
    assert not complaints, complaints


def dissect(capture, display_filter, *args):
    """Lines that tshark prints of a capture."""
    r = subprocess.run(["tshark", "-r", capture.path, "-Y", display_filter, *args], env=ENV, text=True, timeout=60,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert r.returncode == 0, r.stderr
    return r.stdout.splitlines()


def notifications(capture, sender=(SPEAKER, SPEAKER6)):
    """(code, subcode) of the NOTIFICATION messages that `sender` sent."""
    minors = ["minor_error", "minor_error_open", "minor_error_update", "minor_error_expired", "minor_error_state", "minor_error_cease",
              "minor_error_unknown"]
    lines = dissect(capture, "bgp.type == 3 && (%s)" % " || ".join(("ipv6.src == " if ":" in a else "ip.src == ") + a for a in sender),
                    "-T", "fields", "-E", "separator=;", "-e", "bgp.notify.major_error",
                    *(x for m in minors for x in ("-e", "bgp.notify." + m)))
    return [tuple(int(x) for x in line.split(";") if x) for line in lines]
