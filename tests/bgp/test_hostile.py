# SPDX-License-Identifier: Apache-2.0
"""Whatever one peer does: the session with another stays, its routes stay, ARP goes on, memory is bounded, and we complain with the
right words (spec speaker-bgp 5.6, 6.6).

The speaker and BIRD live for the whole file; every test has a hostile peer at an address of its own.
"""
import contextlib
import os
import random
import re
import struct

import pytest

from folder import endpoints, l2_advertisement, service
from lab import ROUTER, Speaker, bgp_peer, blackhole, bridge, many, with_address
from netns import Net, until
from peers import Bird, Neighbor
from script_peer import (END_OF_RIB, IPV4, KEEPALIVE, NOTIFICATION, OPEN, REFRESH, UPDATE, Ear, attribute, attributes, capability, dial,
                         extended_parameters, family, graceful, hello, hosts, message, parameter, update, usual)

ME, EVIL, HOSTILE = 64512, 64666, "192.0.2.%d"
SPEAKER = "192.0.2.11"
PREFIXES = 2000
VIP = "198.18.0.10"
MEMORY_KIB = 64 << 10  # more than at the start


class Stage:
    def __init__(self, net):
        self.net, self.last = net, 100
        bridge(net, ("speaker", "hostile"))
        # Writes are short ones, and a peer that does not read is soon felt.
        net.run("speaker", "sh", "-c", "echo 4096 4096 8192 >/proc/sys/net/ipv4/tcp_wmem")
        self.bird = Bird(net, "router", 64513, ROUTER, [Neighbor(SPEAKER, asn=ME, passive=True)]).start()
        self.bird_peer = bgp_peer("bird", ROUTER, 64513)
        self.services = [*many(PREFIXES), l2_advertisement()]
        self.speaker = Speaker(net, self.bird_peer, *self.services, args=("--bgp-listen-port", "179")).ready()
        self.until_well()
        self.memory = self.rss()
        self.ear = Ear(net, "hostile")

    def rss(self):
        with open(f"/proc/{self.speaker.pid()}/status", encoding="utf-8") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.speaker.pid()}/fd"))

    def until_well(self):
        """The session with BIRD is the first one still, all routes are there, ARP is answered."""
        until(lambda: self.speaker.bgp()["bird"].get("established") == 1, 30, "session with BIRD", step=0.1)
        until(lambda: f"{PREFIXES} of {PREFIXES}" in self.bird.birdc("show route count table master4"), 30, "routes at BIRD", step=0.1)
        self.net.run("router", "arping", "-c", "1", "-w", "3", "-I", "eth0", VIP)

    def addresses(self, count, **spec):
        """So many hostile peers that the speaker dials, one address each."""
        these = [HOSTILE % (self.last + i) for i in range(count)]
        self.last += count
        for a in these:
            self.net.run("hostile", "ip", "addr", "add", a + "/24", "dev", "eth0")
        spec = {"peer_asn": EVIL, "connectTime": "1s", "holdTime": "90s", "keepaliveTime": "30s", **spec}
        self.peers = [bgp_peer("evil" + a.split(".")[3], a, **spec) for a in these]
        self.speaker.put(self.bird_peer, *self.peers, *self.services)
        return these

    def meet(self, **spec):
        """A new hostile peer. Returns our dial to it, as its end."""
        self.address, = self.addresses(1, **spec)
        return self.ear.accept(self.address)

    def evil(self):
        return self.speaker.bgp()["evil" + self.address.split(".")[3]]


@pytest.fixture(scope="module")
def whole_stage():
    with Net() as net:
        s = Stage(net)
        yield s
        s.speaker.stop()


@pytest.fixture
def stage(whole_stage):
    yield whole_stage
    whole_stage.until_well()
    whole_stage.speaker.check_log()
    grown = whole_stage.rss() - whole_stage.memory
    if "ASAN_OPTIONS" in os.environ:  # it keeps what is freed
        return
    assert grown < MEMORY_KIB, f"{grown} KiB more than at the start"


# --- what we complain of ---

GARBLED = parameter(capability(1, b"\0\1"))  # half a family

BAD_OPENS = {
    "version 3": (hello(EVIL, version=3), (2, 1, b"\0\4")),
    "another AS": (hello(EVIL + 1), (2, 2, struct.pack(">H", EVIL + 1))),
    "another AS of 32 bits": (hello(4200000000), (2, 2, struct.pack(">H", 23456))),
    "two AS numbers": (hello(EVIL, usual(EVIL) + capability(65, struct.pack(">I", 1))), (2, 2, None)),
    "no router id": (hello(EVIL, router_id=b"\0\0\0\0"), (2, 3, None)),
    "unknown parameter": (hello(EVIL, parameters=b"\4" + parameter(b"ab", kind=9)), (2, 4, b"")),
    "hold time 1": (hello(EVIL, hold=1), (2, 6, None)),
    "hold time 2": (hello(EVIL, hold=2), (2, 6, None)),
    "parameters beyond the message": (hello(EVIL, parameters=b"\x40\2\2"), (2, 0, b"")),
    "bytes behind the parameters": (hello(EVIL, parameters=b"\0abc"), (2, 0, b"")),
    "capability beyond its parameter": (hello(EVIL, parameters=b"\4" + parameter(b"\x41\4")), (2, 0, b"")),
    "capability of a wrong length": (hello(EVIL, parameters=bytes([len(GARBLED)]) + GARBLED), (2, 0, b"")),
    "no family in common": (hello(EVIL, family(1, 2) + capability(65, struct.pack(">I", EVIL))), (2, 7, capability(1, b"\0\1\0\1"))),
    "marker": (message(OPEN, hello(EVIL)[19:], marker=b"\xff" * 15 + b"\0"), (1, 1, b"")),
    "length 18": (message(KEEPALIVE, length=18), (1, 2, b"\0\x12")),
    "length 65535": (message(OPEN, hello(EVIL)[19:], length=65535), (1, 2, b"\xff\xff")),
    "length 4097": (message(UPDATE, END_OF_RIB, length=4097), (1, 2, b"\x10\1")),
    "OPEN of 28 bytes": (message(OPEN, b"\0" * 9), (1, 2, b"\0\x1c")),
    "KEEPALIVE of 20 bytes": (message(KEEPALIVE, b"\0"), (1, 2, b"\0\x14")),
    "type 6": (message(6), (1, 3, b"\6")),
    "type 0": (message(0), (1, 3, b"\0")),
    "KEEPALIVE first": (message(KEEPALIVE), (5, 1, bytes([KEEPALIVE]))),
    "UPDATE first": (message(UPDATE, END_OF_RIB), (5, 1, bytes([UPDATE]))),
    "ROUTE-REFRESH first": (message(REFRESH, b"\0\1\0\1"), (5, 1, bytes([REFRESH]))),
}


def is_complaint(got, wanted):
    return got[:2] == wanted[:2] and (wanted[2] is None or got[2] == wanted[2])


def test_bad_opens(stage):
    """All at once, each to a peer of its own."""
    addresses = stage.addresses(len(BAD_OPENS))
    wrong = []
    for address, (name, (data, wanted)) in zip(addresses, BAD_OPENS.items()):
        with stage.ear.accept(address) as wire:
            wire.send(data)
            got = wire.until_notification()
            if not is_complaint(got, wanted):
                wrong.append((name, got, wanted))
            wire.until_closed()
    assert not wrong


def test_our_own_router_id(stage):
    """An external peer may have it, an internal one may not."""
    with stage.meet() as wire:
        ours = wire.until(OPEN)[5:9]
        wire.send(hello(EVIL, router_id=ours), message(KEEPALIVE))
        wire.until_prefixes(PREFIXES)
    with stage.meet(peer_asn=ME) as wire:
        wire.send(hello(ME, router_id=ours))
        assert wire.until_notification()[:2] == (2, 3)


GOOD = attributes(EVIL)
BAD_REACH = attribute(14, b"\0\2\1\7" + b"\0" * 8, flags=0x80)
REACH = attribute(14, b"\0\2\1\x10" + b"\x20\1\x0d\xb8" + b"\0" * 12 + b"\0" + b"\x20\x20\1\x0d\xb8", flags=0x80)

# In a session: what is sent, and what we say; None: the session goes on (RFC 7606).
IN_SESSION = {
    "OPEN again": (hello(EVIL), (5, 3, bytes([OPEN]))),
    "withdrawn routes beyond the message": (message(UPDATE, b"\xff\xff\0\0"), (3, 1, b"")),
    "attributes beyond the message": (message(UPDATE, b"\0\0\xff\xff"), (3, 1, b"")),
    "prefix of 33 bits": (update(attrs=GOOD, prefixes=b"\x21\1\2\3\4\5"), (3, 10, b"")),
    "prefix cut short": (update(attrs=GOOD, prefixes=b"\x20\1\2"), (3, 10, b"")),
    "withdrawn prefix of 33 bits": (update(withdrawn=b"\x21\1\2\3\4\5"), (3, 10, b"")),
    "MP_REACH twice": (update(attrs=REACH + REACH + GOOD), (3, 1, b"")),
    "MP_REACH with a next hop of 7 bytes": (update(attrs=BAD_REACH + GOOD), (3, 9, BAD_REACH)),
    "unknown well-known attribute": (update(attrs=GOOD + attribute(200, b"ab")), (3, 2, attribute(200, b"ab"))),
    "ROUTE-REFRESH of 24 bytes": (message(REFRESH, b"\0\1\0\1\0"), (1, 2, b"\0\x18")),
    "marker": (message(KEEPALIVE, marker=b"\0" * 16), (1, 1, b"")),
    "KEEPALIVE of 20 bytes": (message(KEEPALIVE, b"\0"), (1, 2, b"\0\x14")),
    "type 7": (message(7), (1, 3, b"\7")),
    "ORIGIN 7": (update(attrs=attribute(1, b"\7") + GOOD[4:], prefixes=hosts(0xC6130000, 3)), None),
    "ORIGIN of two bytes": (update(attrs=attribute(1, b"\0\0") + GOOD[4:], prefixes=hosts(0xC6130000, 3)), None),
    "AS_PATH cut short": (update(attrs=GOOD[:4] + attribute(2, b"\2\5\0\0\0\1") + GOOD[-7:], prefixes=hosts(0xC6130000, 3)), None),
    "no NEXT_HOP": (update(attrs=GOOD[:-7], prefixes=hosts(0xC6130000, 3)), None),
    "no attribute at all": (update(prefixes=hosts(0xC6130000, 3)), None),
    "COMMUNITIES of 3 bytes": (update(attrs=GOOD + attribute(8, b"abc", flags=0xc0), prefixes=hosts(0xC6130000, 3)), None),
    "AGGREGATOR of 3 bytes": (update(attrs=GOOD + attribute(7, b"abc", flags=0xc0), prefixes=hosts(0xC6130000, 3)), None),
    "MED with wrong flags": (update(attrs=GOOD + attribute(4, b"\0\0\0\0", flags=0x40), prefixes=hosts(0xC6130000, 3)), None),
    "attribute longer than the field": (update(attrs=GOOD + b"\xc0\x08\xff\0", prefixes=hosts(0xC6130000, 3)), None),
    "ORIGIN twice": (update(attrs=GOOD + attribute(1, b"\0"), prefixes=hosts(0xC6130000, 3)), None),
    "unknown optional attribute": (update(attrs=GOOD + attribute(222, b"x" * 300, flags=0xc0), prefixes=hosts(0xC6130000, 3)), None),
    "family that was not agreed": (update(attrs=REACH + GOOD), None),
    "End-of-RIB of a family that was not agreed": (update(attrs=b"\x90\x0f\0\3\0\2\1"), None),
    "refresh of a family that was not agreed": (message(REFRESH, b"\0\2\0\1"), None),
    "refresh of an unknown kind": (message(REFRESH, b"\0\1\7\1"), None),
    "a message of 60,000 bytes": (update(attrs=GOOD, prefixes=hosts(0xC6130000, 12000)), None),
}


def test_bad_messages_in_a_session(stage):
    addresses = stage.addresses(len(IN_SESSION))
    wrong = []
    for address, (name, (data, wanted)) in zip(addresses, IN_SESSION.items()):
        with stage.ear.accept(address) as wire:
            wire.establish(EVIL)
            wire.until_prefixes(PREFIXES)
            wire.send(data)
            got = answer(wire)
            if got != wanted if None in (got, wanted) else not is_complaint(got, wanted):
                wrong.append((name, got, wanted))
    assert not wrong


def answer(wire):
    """Our complaint; None when a refresh is answered instead."""
    wire.send(message(REFRESH, b"\0\1\0\1"))
    while True:
        m = wire.read()
        assert m is not None, "the connection ended without a word"
        kind, body = m
        if kind == NOTIFICATION:
            return body[0], body[1], body[2:]
        if kind == REFRESH and body == b"\0\1\2\1":  # EoRR
            return None


# --- unusual but right ---

ONE_EACH = b"".join(parameter(c) for c in (family(*IPV4), capability(2), capability(65, struct.pack(">I", EVIL))))
ODD_OPENS = {
    "a parameter for each capability": hello(EVIL, parameters=bytes([len(ONE_EACH)]) + ONE_EACH),
    "RFC 9072": hello(EVIL, parameters=extended_parameters(parameter(usual(EVIL), extended=True))),
    "RFC 9072 with 600 bytes": hello(EVIL, parameters=extended_parameters(
        parameter(usual(EVIL), extended=True), parameter(capability(250, b"x" * 200) * 3, extended=True))),
    "capabilities twice": hello(EVIL, usual(EVIL) * 2),
    "unknown capabilities": hello(EVIL, usual(EVIL) + capability(200, b"abc") + capability(76, b"\0\1\1\0\1")),
    "no parameters": hello(EVIL, parameters=b"\0"),
    "an empty parameter": hello(EVIL, parameters=b"\2" + parameter(b"")),
    "hold time 0": hello(EVIL, hold=0),
    "hold time 65535": hello(EVIL, hold=65535),
}


def test_odd_opens(stage):
    for address, (name, data) in zip(stage.addresses(len(ODD_OPENS)), ODD_OPENS.items()):
        with stage.ear.accept(address) as wire:
            wire.send(data, message(KEEPALIVE))
            assert wire.until_prefixes(PREFIXES) == PREFIXES, name


def test_byte_at_a_time(stage):
    with stage.meet() as wire:
        wire.trickle(hello(EVIL) + message(KEEPALIVE) + update(attrs=GOOD, prefixes=hosts(0xC6130000, 20)) + message(KEEPALIVE))
        wire.until_prefixes(PREFIXES)
        until(lambda: stage.evil()["prefixesReceived"] == 20, 20, "our prefixes")


# --- silence ---


def test_says_nothing(stage):
    """A connection without an OPEN is no session, and no obstacle to others."""
    with stage.meet() as wire:
        wire.until(OPEN)
        assert stage.evil()["state"] == "OpenSent"
        stage.until_well()


def test_no_keepalive(stage):
    with stage.meet(holdTime="3s", keepaliveTime="1s") as wire:
        wire.establish(EVIL)
        assert wire.until_notification()[:2] == (4, 0)


def test_goes_away_without_a_word(stage):
    """Half open: the other end says nothing more, not even in TCP."""
    with stage.meet(holdTime="3s", keepaliveTime="1s") as wire:
        wire.establish(EVIL)
        with blackhole(stage.net, "hostile"):
            until(lambda: stage.evil()["holdExpirations"] == 1, 30, "hold timer")
            assert stage.evil()["state"] != "Established"


def test_never_reads(stage):
    """Its window is closed in the middle of the table; it goes on sending KEEPALIVEs."""
    with Ear(stage.net, "hostile", port=1179, receive_buffer=2048) as ear:
        address, = stage.addresses(1, peerPort=1179, holdTime="6s", keepaliveTime="2s")
        stage.address = address
        with ear.accept(address) as wire:
            wire.send(hello(EVIL), message(KEEPALIVE))
            until(lambda: stage.evil()["state"] == "Established", 20, "session")
            # Others hear of a change meanwhile.
            more = [with_address(service("late"), "198.19.0.1"), endpoints("late", ("speaker",))]
            stage.speaker.put(stage.bird_peer, *stage.peers, *stage.services, *more)
            until(lambda: "198.19.0.1/32" in stage.bird.birdc("show route for 198.19.0.1", check=False), 20, "route at BIRD")
            assert stage.evil()["state"] == "Established"

            def over():
                try:
                    wire.send(message(KEEPALIVE))
                except OSError:
                    return True
                return stage.evil()["state"] != "Established"
            until(over, 60, "the end of the session", step=0.5)
        stage.speaker.put(stage.bird_peer, *stage.services)


# --- endings ---


@pytest.mark.parametrize("data", [b"\xc8abc", b"\x04a\0\n\x1b", b"\x04\xff\xfe\xc0\x80", b"", b"\xff" + b"x" * 255, b"x" * 4000],
                         ids=["longer than it is", "control characters", "no UTF-8", "none", "255 bytes", "no text"])
def test_last_words(stage, data):
    """Of a shutdown: they reach the log without a control character, and the session ends."""
    with stage.meet() as wire:
        wire.establish(EVIL)
        wire.send(message(NOTIFICATION, b"\6\2" + data))
        wire.until_closed()
    line = stage.speaker.until_log("0x0602", stage.address)[-1]
    assert line.isprintable(), line


def test_returns_without_closing(stage):
    """RFC 4724 4.2: the new connection takes the place of the old one; without the capability the old one stays."""
    with stage.meet() as old:
        old.establish(EVIL, usual(EVIL) + graceful(120, IPV4))
        old.until_prefixes(PREFIXES)
        until(lambda: stage.evil()["sinceSeconds"] >= 6, 20, "a while", step=0.2)
        with dial(stage.net, "hostile", stage.address, SPEAKER) as new:
            new.establish(EVIL, usual(EVIL) + graceful(120, IPV4, restarting=True))
            new.until_prefixes(PREFIXES)
            old.until_closed()
            until(lambda: stage.evil()["sinceSeconds"] >= 6, 20, "a while", step=0.2)
            with dial(stage.net, "hostile", stage.address, SPEAKER) as third:
                third.establish(EVIL, usual(EVIL) + graceful(120, IPV4, restarting=True))
                new.until_closed()
                third.until_prefixes(PREFIXES)


def test_dials_beside_a_session(stage):
    with stage.meet() as first:
        first.establish(EVIL)
        with dial(stage.net, "hostile", stage.address, SPEAKER) as second:
            second.send(hello(EVIL))
            assert second.until_notification()[:2] == (6, 7)
        first.send(message(REFRESH, b"\0\1\0\1"))
        first.until_prefixes(PREFIXES)


# --- too much ---


def test_thousand_connections(stage):
    """Half of them from the address of a peer, half from a stranger's."""
    before = stage.descriptors()
    with stage.meet() as wire:
        wire.establish(EVIL)
        stranger = HOSTILE % 99
        stage.net.run("hostile", "ip", "addr", "add", stranger + "/24", "dev", "eth0")
        wires = []
        for i in range(1000):
            with contextlib.suppress(ConnectionResetError):  # a stranger's may be over before connect() is
                wires.append(dial(stage.net, "hostile", (stage.address, stranger)[i % 2], SPEAKER))
        until(lambda: stage.descriptors() < before + 20, 20, "connections are refused", step=0.1)
        stage.until_well()
        for w in wires:
            w.close()
        wire.send(message(REFRESH, b"\0\1\0\1"))
        wire.until_prefixes(PREFIXES)


def test_flood(stage):
    """A million prefixes, our own among them, as fast as we read."""
    with stage.meet() as wire:
        wire.establish(EVIL)
        wire.until_prefixes(PREFIXES)
        batch = b"".join(update(attrs=GOOD, prefixes=hosts(0xC6120000 + 800 * i, 800)) for i in range(50))
        for _ in range(25):
            wire.send(batch)
        stage.until_well()
        until(lambda: stage.evil()["updatesReceived"] >= 1250, 60, "all was read")
        wire.send(message(REFRESH, b"\0\1\0\1"))
        wire.until_prefixes(PREFIXES)


def test_flood_of_refreshes(stage):
    """Each asks for the whole table; it reads nothing meanwhile."""
    with stage.meet() as wire:
        wire.establish(EVIL)
        for _ in range(100):
            wire.send(message(REFRESH, b"\0\1\0\1") * 100)
        stage.until_well()
        wire.until_prefixes(PREFIXES)


# --- anything ---

CONVERSATION = [
    hello(EVIL, usual(EVIL) + graceful(120, IPV4)), message(KEEPALIVE), update(attrs=GOOD, prefixes=hosts(0xC6130000, 40)),
    update(attrs=REACH + GOOD + attribute(8, b"\0\1\0\2", flags=0xc0)), message(REFRESH, b"\0\1\0\1"),
    update(withdrawn=hosts(0xC6130000, 40)), message(KEEPALIVE), message(NOTIFICATION, b"\6\2\5hello")]


def mutated(rng):
    """A conversation with some messages left out, repeated or swapped, and some bytes changed, cut or put in."""
    parts = list(CONVERSATION)
    if rng.random() < 0.5:
        i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
        parts[i] = parts[j]
    data = bytearray(b"".join(parts))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, what = rng.randrange(len(data)), rng.randrange(4)
        if what == 0:
            data[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
        elif what == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            del data[at:at + rng.randrange(1, 8)]
        else:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 8)))
    return bytes(data)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_streams(stage, seed):
    rng = random.Random(seed)
    for address in stage.addresses(30):
        with stage.ear.accept(address) as wire:
            try:
                wire.send(mutated(rng))
                while wire.read(0.3) is not None:
                    pass
            except OSError:
                pass  # we hung up first
    stage.speaker.put(stage.bird_peer, *stage.services)
