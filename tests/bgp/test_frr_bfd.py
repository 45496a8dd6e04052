# SPDX-License-Identifier: Apache-2.0
"""BFD with FRR: the timers of a profile, what its end does to BGP, and what must not disturb it."""
import signal
import time

import pytest

from folder import endpoints, pool, service
from lab import (FAR, ROUTER, ROUTER6, SPEAKER, SPEAKER6, announced, bfd_profile, bridge, cable, dissected, forward, frr, notifications,
                 peer, speaker, to_speaker, two_hops, with_address)
from netns import until
from peers import PATIENCE, Frr

ADDRESS, ROUTE = "198.18.0.10", "198.18.0.10/32"
STILL = 3  # seconds in which something that must not happen would have happened

pytestmark = pytest.mark.skipif(Frr.missing() is not None, reason=str(Frr.missing()))


def fast_peer(where=ROUTER, **spec):
    return peer(where, **{"bfdProfile": "fast", **spec})


def until_both(router, s, of=SPEAKER):
    router.until_established(of)
    s.until_peer("router", lambda p: p["state"] == "Established" and p["bfd"]["state"] == "up", "BGP and BFD")
    return router.until_bfd()


PROFILES = [  # of ours; receive, transmit, echo, multiplier as FRR hears of them
    ("defaults", {}, (300, 300, 50, 3)),
    ("full", {"receiveInterval": 60, "transmitInterval": 61, "echoInterval": 62, "detectMultiplier": 5, "minimumTtl": 254}, (60, 61, 62, 5)),
    ("echo", {"receiveInterval": 80, "transmitInterval": 81, "echoInterval": 82, "echoMode": True}, (80, 81, 82, 3)),
    ("passive", {"receiveInterval": 93, "transmitInterval": 95, "echoInterval": 97, "passiveMode": True, "minimumTtl": 253}, (93, 95, 97, 3)),
]


@pytest.mark.parametrize("profile, told", [r[1:] for r in PROFILES], ids=[r[0] for r in PROFILES])
def test_profile(net, profile, told):
    cable(net)
    forward(net, "speaker", "router")  # a node forwards, or it cannot return the echoes of others
    router = frr(net, to_speaker(bfd=True))
    ipv4 = announced(ADDRESS)
    ipv4[0] = pool("all", "198.18.0.0/16")  # MetalLB has no echo with pools of IPv6
    with dissected(net), speaker(net, fast_peer(), bfd_profile(**profile), *ipv4) as s:
        until_both(router, s)

        def heard():
            p = router.until_bfd()
            return tuple(p[f"remote-{k}"] for k in ("receive-interval", "transmit-interval", "echo-receive-interval", "detect-multiplier"))
        until(lambda: heard() == told, PATIENCE, f"timers {told}", step=0.1)
        router.until_routes("ipv4", [ROUTE])


@pytest.mark.parametrize("at, of, far", [(ROUTER6, SPEAKER6, False), (FAR, SPEAKER, True)], ids=["IPv6", "multihop"])
def test_other_sessions(net, at, of, far):
    (two_hops if far else cable)(net)
    family = "ipv6" if ":" in at else "ipv4"
    address = "2001:db8:ff00::10" if family == "ipv6" else ADDRESS
    neighbor = to_speaker(of, bfd=True, families=(family,), multihop=2 if far else 0)
    router = frr(net, neighbor, **({"ns": "far", "router_id": FAR} if far else {}))
    with dissected(net), speaker(net, fast_peer(at, ebgpMultiHop=far), bfd_profile(receiveInterval=100, transmitInterval=100),
                                 *announced(address)) as s:
        p = until_both(router, s, of)
        assert p["multihop"] is far
        router.processes[1].send_signal(signal.SIGSTOP)
        s.until_peer("router", lambda p: p["bfd"]["downs"] == 1, "BFD notices")
        s.until_peer("router", lambda p: "bfd" in p["lastError"].lower(), "BGP is told")
        router.processes[1].send_signal(signal.SIGCONT)
        until_both(router, s, of)


def test_silence_of_bfd_alone_is_told_to_the_peer(net):
    """RFC 9384: TCP still works, so FRR learns why."""
    cable(net)
    router = frr(net, to_speaker(bfd=True))
    with dissected(net) as capture, \
            speaker(net, fast_peer(), bfd_profile(receiveInterval=100, transmitInterval=100), *announced(ADDRESS)) as s:
        until_both(router, s)
        bfdd = router.processes[1]
        bfdd.send_signal(signal.SIGSTOP)
        try:
            s.until_peer("router", lambda p: p["bfd"]["downs"] == 1, "BFD notices")
        finally:
            bfdd.send_signal(signal.SIGCONT)  # vtysh asks it, too
        until(lambda: router.neighbor(SPEAKER)["connectionsDropped"] == 1, PATIENCE, "the end of the session")
        until_both(router, s)
        router.until_routes("ipv4", [ROUTE])
    assert notifications(capture)[0] == (6, 10)


def test_a_black_hole_ends_bgp_at_once(net):
    """The link stays up, nothing comes through: the hold time of 180 s is not waited for."""
    bridge(net, ("speaker",))
    of = "192.0.2.11"
    router = frr(net, to_speaker(of, bfd=True))
    with dissected(net, sender=(of,)) as capture, \
            speaker(net, fast_peer(), bfd_profile(receiveInterval=100, transmitInterval=100), *announced(ADDRESS)) as s:
        until_both(router, s, of)
        net.run("lan", "ip", "link", "set", "br0", "down")
        s.until_peer("router", lambda p: p["state"] != "Established", "the session ends")
        assert s.bgp()["router"]["holdExpirations"] == 0
        router.until_routes("ipv4", [])
        net.run("lan", "ip", "link", "set", "br0", "up")
        until_both(router, s, of)
        router.until_routes("ipv4", [ROUTE])
    assert (6, 10) in notifications(capture, sender=(of,))


def test_more_services_disturb_nothing(net):
    cable(net)
    router = frr(net, to_speaker(bfd=True))
    with dissected(net), speaker(net, fast_peer(), bfd_profile(receiveInterval=50, transmitInterval=50), *announced(ADDRESS)) as s:
        until_both(router, s)
        objects, prefixes = [*announced(ADDRESS)], [ROUTE]
        for i in range(8):
            a = f"198.18.1.{i}"
            objects += [with_address(service(f"more{i}"), a), endpoints(f"more{i}", ("speaker",))]
            prefixes.append(a + "/32")
            s.put(fast_peer(), bfd_profile(receiveInterval=50, transmitInterval=50), *objects)
            router.until_routes("ipv4", prefixes)
        assert router.neighbor(SPEAKER)["connectionsDropped"] == 0
        assert s.bgp()["router"]["bfd"]["downs"] == 0


def test_a_profile_may_come_change_and_go(net):
    """On the live session of BGP, but that FRR 8.4 ends it when the last of BFD is an AdminDown, against RFC 5882 4.2."""
    cable(net)
    router = frr(net, to_speaker(bfd={"receive-interval": 100, "transmit-interval": 100}))
    with dissected(net), speaker(net, fast_peer(bfdProfile=""), *announced(ADDRESS)) as s:
        router.until_established(SPEAKER)
        router.until_bfd("down")
        for ms in (100, 150, 70):
            s.put(fast_peer(), bfd_profile(receiveInterval=ms, transmitInterval=ms), *announced(ADDRESS))
            until(lambda: router.until_bfd()["remote-receive-interval"] == ms, PATIENCE, f"{ms} ms")
        assert router.neighbor(SPEAKER)["connectionsDropped"] == 0
        s.put(fast_peer(bfdProfile=""), *announced(ADDRESS))
        router.until_bfd("down")
        s.until_peer("router", lambda p: "bfd" not in p and p["state"] == "Established")
        router.until_routes("ipv4", [ROUTE])


def test_two_passive_sides_stay_down(net):
    """And BGP does without."""
    cable(net)
    router = frr(net, to_speaker(bfd={"passive-mode": ""}))
    with dissected(net), speaker(net, fast_peer(), bfd_profile(passiveMode=True), *announced(ADDRESS)) as s:
        router.until_routes("ipv4", [ROUTE])
        time.sleep(STILL)
        assert s.bgp()["router"]["bfd"]["state"] == "down" and router.bfd_peers()[0]["status"] == "down"
        assert router.neighbor(SPEAKER)["connectionsDropped"] == 0
