# SPDX-License-Identifier: Apache-2.0
"""What every daemon must see of a speaker in the same way: one table over BIRD, GoBGP, ExaBGP and OpenBGPD."""
import os
import signal

import pytest

from lab import (FAR, MY_AS, PEER_AS, ROUTER, ROUTER6, SPEAKER, SPEAKER6, announced, bgp_advertisement, bgp_peer, dissect, dissected,
                 drained, notifications, speaker, start, tcp_dropped)
from netns import until
from peers import Bird, ExaBgp, GoBgp, OpenBgpd

DAEMONS = (Bird, GoBgp, ExaBgp, OpenBgpd)
BOTH = ("ipv4", "ipv6")
WEB4, WEB6, SHOP = "198.18.0.10", "2001:db8:ff00::10", "198.18.0.11"
WEB4_NET, WEB6_NET, SHOP_NET = WEB4 + "/32", WEB6 + "/128", SHOP + "/32"

daemons = pytest.mark.parametrize("daemon", DAEMONS, ids=lambda d: d.__name__)


# --- what is told ---


@daemons
def test_external(net, daemon):
    """AS numbers of 32 bits at both ends; both families over IPv4."""
    router = start(net, daemon, of=4200000000, asn=4200000001, families=BOTH)
    tags = bgp_advertisement(communities=["65000:100", "65535:0", "large:65000:1:2"], localPref=50)
    peer = bgp_peer("router", ROUTER, 4200000000, my_asn=4200000001, dualStackAddressFamily=True)
    with dissected(net) as capture, speaker(net, peer, *announced(WEB4, WEB6, advertisement=tags)) as s:
        router.until_established(SPEAKER)
        web4 = router.until_routes("ipv4", [WEB4_NET])[WEB4_NET][0]
        web6 = router.until_routes("ipv6", [WEB6_NET])[WEB6_NET][0]
        assert web4.next_hops == (SPEAKER,) and next_hop6(net, daemon) in web6.next_hops
        for web in (web4, web6):
            assert web.as_path == "4200000001" and web.origin.upper() == "IGP"
            assert sorted(map(in_numbers, web.communities)) == ["65000:100", "65535:0"]
            assert web.large_communities == ("65000:1:2",)
        s.put(peer, *announced(SHOP, advertisement=tags))
        router.until_routes("ipv4", [SHOP_NET])
        router.until_routes("ipv6", [])
        assert s.bgp()["router"]["established"] == 1
    assert not dissect(capture, f"ip.src == {SPEAKER} && bgp.update.path_attribute.type_code == 5"), "LOCAL_PREF at an external peer"


def next_hop6(net, daemon):
    """Of two, the global and the link-local one, ExaBGP tells the last."""
    return net.link_local("speaker", "eth0") if daemon is ExaBgp else SPEAKER6


def in_numbers(community):
    return {"GRACEFUL_SHUTDOWN": "65535:0", "planned-shut": "65535:0"}.get(community, community)


@daemons
def test_internal(net, daemon):
    """Both families over IPv6; the local preference that an advertisement asks for, else 100."""
    router = start(net, daemon, SPEAKER6, of=MY_AS, families=BOTH)
    peer = bgp_peer("router", ROUTER6, MY_AS, dualStackAddressFamily=True)
    with dissected(net), speaker(net, peer, *announced(WEB4, WEB6, advertisement=bgp_advertisement(localPref=50))) as s:
        router.until_established(SPEAKER6)
        web4 = router.until_routes("ipv4", [WEB4_NET])[WEB4_NET][0]
        web6 = router.until_routes("ipv6", [WEB6_NET])[WEB6_NET][0]
        # GoBGP offers RFC 8950 to every neighbor with an IPv6 address.
        assert (SPEAKER6 if daemon is GoBgp else SPEAKER) in web4.next_hops
        assert next_hop6(net, daemon) in web6.next_hops
        assert (web4.as_path, web4.local_pref) == ("", 50) and (web6.as_path, web6.local_pref) == ("", 50)
        s.put(peer, *announced(WEB4, WEB6))
        for family, prefix in (("ipv4", WEB4_NET), ("ipv6", WEB6_NET)):
            until(lambda: router.routes(family)[prefix][0].local_pref == 100, 30, "local preference 100", step=0.1)
        assert s.bgp()["router"]["established"] == 1


@daemons
def test_one_family_of_two(net, daemon):
    """The peer has IPv4 alone."""
    router = start(net, daemon)
    with dissected(net), speaker(net, bgp_peer("router", ROUTER, dualStackAddressFamily=True), *announced(WEB4, WEB6)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        s.until_status(lambda all: {r["prefix"]: r["state"] for r in all["bgp"]["routes"]} == {WEB4_NET: "sent", WEB6_NET: "no-family"})


# --- who may talk to whom ---


@daemons
@pytest.mark.parametrize("ours,theirs", [(SPEAKER, ROUTER), (SPEAKER6, ROUTER6)], ids=["IPv4", "IPv6"])
def test_password(net, daemon, ours, theirs):
    """Without it, with a wrong one, with the right one."""
    family, prefix, web = ("ipv6", WEB6_NET, WEB6) if ":" in ours else ("ipv4", WEB4_NET, WEB4)
    router = start(net, daemon, ours, password="of the router", families=(family,))

    def objects(**password):
        return [bgp_peer("router", theirs, connectTime="1s", **password), *announced(web)]
    with speaker(net, *objects()) as s:
        until(lambda: tcp_dropped(net, "MD5NotFound") > 0, 30, "a connection without signature")
        s.put(*objects(password="of nobody"))
        until(lambda: tcp_dropped(net, "MD5Failure") > 0, 30, "a connection with a wrong signature")
        assert s.bgp()["router"]["established"] == 0
        s.put(*objects(password="of the router"))
        router.until_routes(family, [prefix])


def dials_of_speaker(capture):
    return len(dissect(capture, f"tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.src == {SPEAKER}"))


@daemons
def test_wrong_as(net, daemon):
    router = start(net, daemon)

    def objects(asn):
        return [bgp_peer("router", ROUTER, asn, connectTime="1s"), *announced(WEB4)]
    with dissected(net) as capture, speaker(net, *objects(PEER_AS + 1)) as s:
        until(lambda: (2, 2) in notifications(capture), 30, "bad peer AS", step=0.5)
        reason = f"AS is {PEER_AS}, want {PEER_AS + 1}"
        s.until_peer("router", lambda p: p.get("lastError") == reason, reason)
        dials = dials_of_speaker(capture)
        until(lambda: dials_of_speaker(capture) > dials, 30, "another attempt", step=0.5)
        assert s.bgp()["router"]["lastError"] == reason
        assert s.bgp()["router"]["established"] == 0
        s.put(*objects(PEER_AS))
        if daemon is OpenBgpd:  # stays Idle for half a minute
            router.bgpctl("neighbor", SPEAKER, "clear")
        router.until_routes("ipv4", [WEB4_NET])


# How to tell a daemon of two hops; ExaBGP sends with the kernel's TTL anyway.
HOPS = {Bird: {"multihop": 2}, GoBgp: {"multihop": 2}, ExaBgp: {}, OpenBgpd: {"multihop": 2}}


@daemons
def test_two_hops(net, daemon):
    """An external peer behind a router needs to be called that; an internal one does not."""
    router = start(net, daemon, far=True, **HOPS[daemon])

    def objects(**more):
        return [bgp_peer("far", FAR, connectTime="1s", **more), *announced(WEB4)]
    with dissected(net), speaker(net, *objects()) as s:
        s.until_peer("far", lambda p: p.get("hint"), "hint")
        assert s.bgp()["far"]["established"] == 0
        s.put(*objects(ebgpMultiHop=True))
        router.until_routes("ipv4", [WEB4_NET])


@daemons
def test_internal_two_hops(net, daemon):
    router = start(net, daemon, far=True, of=MY_AS)
    with dissected(net), speaker(net, bgp_peer("far", FAR, MY_AS), *announced(WEB4)):
        router.until_routes("ipv4", [WEB4_NET])


# ExaBGP sets no TTL of connections that it accepts, OpenBGPD its minimum late. GoBGP may miss the first messages, too.
@pytest.mark.parametrize("daemon", (Bird, GoBgp), ids=lambda d: d.__name__)
def test_ttl_security(net, daemon):
    """RFC 5082: without it our segments are dropped, with it there is a session."""
    router = start(net, daemon, ttl_security=1)

    def objects(**more):
        return [bgp_peer("router", ROUTER, connectTime="1s", **more), *announced(WEB4)]
    with speaker(net, *objects()) as s:
        until(lambda: tcp_dropped(net, "MinTTLDrop") > 0, 30, "a segment from too far")
        s.put(*objects(ttlSecurityHops=1))
        router.until_routes("ipv4", [WEB4_NET])


# --- what a session lives through ---


def refresh(router):
    """The neighbor asks for everything again."""
    if isinstance(router, Bird):
        router.birdc("reload in n0")
    elif isinstance(router, ExaBgp):
        router.send("announce route-refresh ipv4 unicast")
    else:
        router.bgpctl("neighbor", SPEAKER, "refresh")


# GoBGP keeps what it received and asks nobody.
@pytest.mark.parametrize("daemon", (Bird, ExaBgp, OpenBgpd), ids=lambda d: d.__name__)
def test_refresh(net, daemon):
    router = start(net, daemon)
    with dissected(net), speaker(net, bgp_peer("router", ROUTER), *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        before = s.bgp()["router"]["updatesSent"]
        refresh(router)
        s.until_peer("router", lambda p: p["updatesSent"] > before, "sent again")
        router.until_routes("ipv4", [WEB4_NET])
        assert s.bgp()["router"]["established"] == 1


QUICK = {"holdTime": "3s", "keepaliveTime": "1s", "connectTime": "1s"}


@daemons
def test_hold_time(net, daemon):
    """The peer sleeps while its kernel goes on acknowledging."""
    router = start(net, daemon, hold=9)
    with dissected(net) as capture, speaker(net, bgp_peer("router", ROUTER, **QUICK), *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        assert (s.bgp()["router"]["holdSeconds"], s.bgp()["router"]["keepaliveSeconds"]) == (3, 1)
        for p in router.processes:
            os.killpg(p.pid, signal.SIGSTOP)
        s.until_peer("router", lambda p: p["holdExpirations"] == 1, "hold timer")
        until(lambda: 4 in [n[0] for n in notifications(capture)], 10, "hold timer expired", step=0.5)
        for p in router.processes:
            os.killpg(p.pid, signal.SIGCONT)
        s.until_peer("router")
        router.until_routes("ipv4", [WEB4_NET])
        assert s.bgp()["router"]["established"] >= 2


@daemons
@pytest.mark.parametrize("graceful", [False, True], ids=["plain", "graceful"])
def test_peer_restarts(net, daemon, graceful):
    router = start(net, daemon, graceful=graceful)
    with dissected(net), speaker(net, bgp_peer("router", ROUTER, connectTime="1s", enableGracefulRestart=graceful), *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        router.stop(9)
        s.until_peer("router", lambda p: p["state"] != "Established", "session over")
        again = daemon(net, "router", PEER_AS, ROUTER, router.neighbors).start()
        again.until_routes("ipv4", [WEB4_NET])
        assert s.bgp()["router"]["established"] == 2


# --- what a peer does at the end of a session (spec speaker-bgp F29b) ---

# What we do; the daemons that keep our routes as stale.
ENDINGS = {
    "killed": {Bird, GoBgp, OpenBgpd},  # a reset
    "restart": {Bird, GoBgp, OpenBgpd},  # an orderly end without a NOTIFICATION
    "changed": {GoBgp},  # Cease/6
    "deconfigured": set(),  # Hard Reset
    "drained": set(),  # Hard Reset
}


def end(s, how, objects):
    if how == "killed":
        s.kill()
    elif how == "restart":
        s.stop()
    elif how == "changed":
        s.put(*objects(password="of nobody"))  # so that the end is not followed by a new session
    elif how == "deconfigured":
        s.put(*objects()[1:])
    else:
        s.folder.put("nodes.yaml", drained("true"))
        s.until_log("drain")
        s.stop()


@daemons
@pytest.mark.parametrize("how", ENDINGS)
def test_endings(net, daemon, how):
    router = start(net, daemon, graceful=True)
    keeps = daemon in ENDINGS[how]

    def objects(**more):
        return [bgp_peer("router", ROUTER, connectTime="1s", enableGracefulRestart=True, **more), *announced(WEB4),
                *announced(SHOP, name="shop")[2:]]
    with speaker(net, *objects()) as s:
        router.until_routes("ipv4", [WEB4_NET, SHOP_NET])
        end(s, how, objects)
        if not keeps:
            router.until_routes("ipv4", [])
            return
        router.until_stale([WEB4_NET, SHOP_NET])
        if s.process.poll() is None:
            s.stop()
    with speaker(net, *objects()[:-2]):
        router.until_routes("ipv4", [WEB4_NET])  # fresh, and SHOP's is gone with End-of-RIB


@daemons
def test_killed_without_graceful_restart(net, daemon):
    """Routes are gone at once, whatever the peer could."""
    router = start(net, daemon, graceful=True)
    with speaker(net, bgp_peer("router", ROUTER), *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        s.kill()
        router.until_routes("ipv4", [])
