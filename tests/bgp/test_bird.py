# SPDX-License-Identifier: Apache-2.0
"""What BIRD alone can show (spec speaker-bgp 6.3): BFD, unnumbered peers, RFC 8950, the kernel's routes, both ends dialling."""
import time

import pytest

from lab import (MY_AS, PEER_AS, ROUTER, ROUTER6, SPEAKER, SPEAKER6, announced, bfd_profile, bgp_peer, blackhole, bridge, cable,
                 connections, dissect, dissected, notifications, speaker, start, to_speaker, unnumbered)
from netns import until
from peers import Bird, Neighbor

pytestmark = pytest.mark.skipif(Bird.missing() is not None, reason=str(Bird.missing()))

WEB4, WEB6 = "198.18.0.10", "2001:db8:ff00::10"
WEB4_NET, WEB6_NET = WEB4 + "/32", WEB6 + "/128"
BOTH = ("ipv4", "ipv6")


def test_three_speakers(net):
    """One route with three next hops in the kernel; of a speaker that ends, however it does, none is left."""
    nodes = ("oak", "elm", "fir")
    bridge(net, nodes)
    hops = [f"192.0.2.{11 + i}" for i in range(3)]
    router = Bird(net, "router", PEER_AS, ROUTER, [to_speaker(a, passive=True) for a in hops]).start()
    objects = [bgp_peer("router", ROUTER, connectTime="1s"), *announced(WEB4, nodes=nodes)]

    def until_hops(wanted):
        until(lambda: router.kernel_routes().get(WEB4_NET, []) == wanted, 30, f"next hops {wanted}", step=0.1)
    with speaker(net, *objects, ns="oak", nodes=nodes) as oak, speaker(net, *objects, ns="elm", nodes=nodes) as elm, \
            speaker(net, *objects, ns="fir", nodes=nodes):
        until_hops(hops)
        oak.stop()
        until_hops(hops[1:])
        elm.kill()
        until_hops(hops[2:])
        with speaker(net, *objects, ns="oak", nodes=nodes):
            until_hops([hops[0], hops[2]])


def test_one_family_each_way(net):
    """RFC 8950: IPv4 by an IPv6 next hop, where the peer can; the kernel's route is `via inet6`."""
    router = start(net, Bird, SPEAKER6, families=BOTH, extended_next_hop=True)
    with dissected(net), speaker(net, bgp_peer("router", ROUTER6, dualStackAddressFamily=True), *announced(WEB4, WEB6)):
        web4 = router.until_routes("ipv4", [WEB4_NET])[WEB4_NET][0]
        web6 = router.until_routes("ipv6", [WEB6_NET])[WEB6_NET][0]
        link_local = net.link_local("speaker", "eth0")
        assert web4.next_hops == web6.next_hops == (SPEAKER6, link_local)
        until(lambda: router.kernel_routes().get(WEB4_NET) in ([SPEAKER6], [link_local]), 10, "kernel route")
        until(lambda: router.kernel_routes("ipv6").get(WEB6_NET) in ([SPEAKER6], [link_local]), 10, "kernel route")


def test_unnumbered(net):
    """Link-local addresses alone; its advertisements tell us where it is. A cable that is pulled out and put back."""
    ours, _ = unnumbered(net)
    router = Bird(net, "router", PEER_AS, ROUTER, [Neighbor(interface="eth0", asn="external", families=BOTH, extended_next_hop=True)],
                  lines=['protocol radv { interface "eth0" { min ra interval 3; max ra interval 4; }; }']).start()
    peer = bgp_peer("router", {"interface": "eth0"}, "external", dualStackAddressFamily=True, connectTime="1s")
    with speaker(net, peer, *announced(WEB4, WEB6)) as s:
        until(lambda: router.kernel_routes().get(WEB4_NET) == [ours], 30, "kernel route", step=0.1)
        until(lambda: router.kernel_routes("ipv6").get(WEB6_NET) == [ours], 30, "kernel route", step=0.1)
        net.run("router", "ip", "link", "set", "eth0", "down")
        s.until_peer("router", lambda p: p["state"] != "Established", "session over")
        net.run("router", "ip", "link", "set", "eth0", "up")
        until(lambda: router.kernel_routes().get(WEB4_NET) == [ours], 30, "kernel route", step=0.1)


@pytest.mark.parametrize("timers", [True, {"min rx interval": "50 ms", "min tx interval": "50 ms", "multiplier": 3}],
                         ids=["defaults", "50 ms"])
def test_bfd(net, timers):
    """The wire dies: the session ends long before its hold time, and comes back."""
    router = start(net, Bird, bfd=timers)
    profile = bfd_profile("fast", receiveInterval=50, transmitInterval=50, detectMultiplier=3)
    peer = bgp_peer("router", ROUTER, connectTime="1s", holdTime="90s", keepaliveTime="30s", bfdProfile="fast")
    with dissected(net), speaker(net, peer, profile, *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        until(lambda: "Up" in router.bfd_sessions(), 30, "BFD session at BIRD", step=0.1)
        s.until_peer("router", lambda p: p.get("bfd", {}).get("state", "").lower() == "up", "BFD session")
        with blackhole(net, "router"):
            s.until_peer("router", lambda p: p["state"] != "Established", "session over")
            assert s.bgp()["router"]["holdExpirations"] == 0
            router.until_routes("ipv4", [])
        s.until_peer("router")
        router.until_routes("ipv4", [WEB4_NET])


def test_killed_under_bfd(net):
    """Nobody says goodbye: BIRD sees the connection end, or BFD."""
    router = start(net, Bird, bfd=True)
    peer = bgp_peer("router", ROUTER, bfdProfile="fast")
    with speaker(net, peer, bfd_profile("fast"), *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        until(lambda: "Up" in router.bfd_sessions(), 30, "BFD session at BIRD", step=0.1)
        s.kill()
        router.until_routes("ipv4", [])


def test_without_capabilities(net):
    """A peer of RFC 1771: AS numbers of 16 bits, IPv4."""
    router = start(net, Bird, extra=("capabilities off;",))
    with dissected(net), speaker(net, bgp_peer("router", ROUTER, dualStackAddressFamily=True), *announced(WEB4, WEB6)):
        assert router.until_routes("ipv4", [WEB4_NET])[WEB4_NET][0].as_path == str(MY_AS)


def test_without_as4(net):
    """Our AS number needs 32 bits, the peer's AS_PATH has 16: AS_TRANS, and the truth in AS4_PATH."""
    router = start(net, Bird, asn="external", extra=("enable as4 off;",))
    with dissected(net) as capture, speaker(net, bgp_peer("router", ROUTER, my_asn=4200000001), *announced(WEB4)):
        assert router.until_routes("ipv4", [WEB4_NET])[WEB4_NET][0].as_path == "4200000001"
    assert dissect(capture, f"ip.src == {SPEAKER} && bgp.update.path_attribute.type_code == 17")


def test_no_family_in_common(net):
    router = start(net, Bird, families=("ipv6",))
    with speaker(net, bgp_peer("router", ROUTER, connectTime="1s"), *announced(WEB4)) as s:
        s.until_peer("router", lambda p: p.get("lastError"), "an error")
        assert s.bgp()["router"]["established"] == 0


def test_fast_timers(net):
    """A hold time of 3 s and keepalives each second: no flap (spec I36, shortened)."""
    router = start(net, Bird, hold=3, keepalive=1)
    peer = bgp_peer("router", ROUTER, holdTime="3s", keepaliveTime="1s")
    with dissected(net), speaker(net, peer, *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        time.sleep(8)
        assert s.bgp()["router"]["established"] == 1
        assert router.state(SPEAKER) == "Established"


@pytest.mark.parametrize("router_id", ["1.0.0.1", "254.0.0.1"])
def test_both_dial(net, router_id):
    """Whoever has the larger router ID: one connection is left, over and over."""
    cable(net)
    router = Bird(net, "router", PEER_AS, router_id, [to_speaker()]).start()
    objects = [bgp_peer("router", ROUTER, connectTime="1s", routerID="10.0.0.1"), *announced(WEB4)]
    with dissected(net) as capture, speaker(net, *objects, args=("--bgp-listen-port", "179")) as s:
        for turn in range(3):
            router.until_routes("ipv4", [WEB4_NET])
            s.until_peer("router")
            assert connections(net) == 1
            if turn < 2:
                before = s.bgp()["router"]["established"]
                router.birdc("restart n0")
                s.until_peer("router", lambda p: p["established"] > before, "a new session")
    assert all(n[0] == 6 for n in notifications(capture))
