# SPDX-License-Identifier: Apache-2.0
"""One session with FRR: what it is told, and everything a BGPPeer can say about the session itself."""
import signal
import time

import pytest

from lab import (FAR, MY_AS, PEER_AS, ROUTER, ROUTER6, SPEAKER, SPEAKER6, address, announced, bgp_advertisement, bgp_peer, cable,
                 connections, dissect, dissected, frr, kernel_changes, namespaces, notifications, peer, speaker, tcp_dropped,
                 to_speaker, two_hops)
from netns import Net, until
from peers import PATIENCE, Frr

ADDRESS, ROUTE = "198.18.0.10", "198.18.0.10/32"
STILL = 3  # seconds in which something that must not happen would have happened

pytestmark = pytest.mark.skipif(Frr.missing() is not None, reason=str(Frr.missing()))


def web(**advertisement):
    """A Service with the address of this file."""
    return announced(ADDRESS, advertisement=bgp_advertisement(**advertisement))


def reread(s, *objects):
    """New objects, and they are in force."""
    before = s.status()["readings"]
    s.put(*objects)
    s.until_status(lambda x: x["readings"] > before, "the folder is read")


def next_session(router, act, who=SPEAKER):
    """Does what ends the session, and waits for the next one."""
    before = router.neighbor(who)["connectionsEstablished"]
    act()

    def is_new():
        n = router.neighbor(who)
        return n["bgpState"] == "Established" and n["connectionsEstablished"] > before and n
    return until(is_new, PATIENCE, f"another session with {who}", step=0.1)


def until_detail(router, check, prefix=ROUTE, family="ipv4"):
    """The first path of the prefix, once check() is content with it."""
    def found():
        paths = router.details(family, prefix)
        return paths and check(paths[0]) and paths[0]
    try:
        return until(found, PATIENCE, step=0.1)
    except AssertionError:
        raise AssertionError(f"{prefix} at {router.ns}: {router.details(family, prefix)}") from None


# --- tests that share a session ---


class Pair:
    """A speaker and FRR, eBGP."""

    def __init__(self, net):
        cable(net)
        self.net, self.router = net, frr(net, to_speaker())

    def established(self):
        self.router.until_established(SPEAKER)
        self.speaker.until_peer("router")

    def put(self, *objects, **spec):
        """The peer as in `spec`, and what it is told."""
        reread(self.speaker, peer(**spec), *objects or web())
        self.established()


@pytest.fixture(scope="module")
def pair():
    with Net() as net:
        p = Pair(net)
        with dissected(net), speaker(net, peer(), *web()) as p.speaker:
            p.established()
            yield p


def test_a_route_as_frr_sees_it(pair):
    pair.put()
    route = pair.router.until_routes("ipv4", [ROUTE])[ROUTE][0]
    assert route.raw["valid"] and route.raw["bestpath"]
    assert (route.origin, route.as_path, route.next_hops) == ("IGP", str(MY_AS), (SPEAKER,))
    assert route.med in (None, 0) and route.local_pref is None
    until(lambda: pair.router.kernel_routes() == {ROUTE: [SPEAKER]}, PATIENCE, "the route in the kernel")
    out = pair.net.run("router", "ip", "route", "show", ROUTE)
    assert "proto bgp" in out, out


STANDARD = [f"{64512 + i % 3}:{i}" for i in range(70)]  # 280 bytes: the extended length
LARGE = [f"{4200000000 + i % 3}:{i}:7" for i in range(25)]  # 300


def numbers(community):
    return tuple(map(int, community.split(":")))


@pytest.mark.parametrize("standard, large", [(STANDARD[:16], LARGE[:6]), (STANDARD, LARGE)], ids=["few", "extended length"])
def test_communities_are_sorted_and_found_by_queries(pair, standard, large):
    shuffled = sorted(standard + ["large:" + c for c in large], key=lambda c: c[::-1])
    pair.put(*web(communities=shuffled))
    route = until_detail(pair.router, lambda r: len(r.communities) == len(standard))
    assert list(route.communities) == sorted(standard, key=numbers)
    assert list(route.large_communities) == sorted(large, key=numbers)
    for kind, one in (("community", standard[3]), ("large-community", large[2])):
        assert ROUTE in pair.router.show(f"show bgp ipv4 unicast {kind} {one} json")["routes"]


@pytest.mark.parametrize("value, name", [("65535:65282", "noAdvertise"), ("65535:0", "gracefulShutdown"), ("65535:65281", "noExport")])
def test_wellknown_communities(pair, value, name):
    pair.put(*web(communities=[value]))
    assert until_detail(pair.router, lambda r: r.communities).communities == (name,)


def test_a_change_of_attributes_replaces_the_route(pair):
    pair.put(*web(communities=["65000:1"]))
    until_detail(pair.router, lambda r: r.communities == ("65000:1",))
    dropped = pair.router.neighbor(SPEAKER)["connectionsDropped"]
    pair.put(*web(communities=["65000:2", "123:456"]))
    until_detail(pair.router, lambda r: r.communities == ("123:456", "65000:2"))
    pair.put(*web())
    until_detail(pair.router, lambda r: r.communities == ())
    assert pair.router.neighbor(SPEAKER)["connectionsDropped"] == dropped


def test_aggregation_never_leaves_the_address_without_a_route(pair):
    pair.put()
    until(lambda: ROUTE in pair.router.kernel_routes(), PATIENCE, "the route in the kernel")
    with kernel_changes(pair.router) as lines:
        pair.put(*web(aggregationLength=24))
        until(lambda: pair.router.kernel_routes() == {"198.18.0.0/24": [SPEAKER]}, PATIENCE, "the aggregate alone")
    changes = [line for line in lines() if "198.18.0." in line]
    added = next(i for i, line in enumerate(changes) if line.startswith("198.18.0.0/24"))
    removed = next(i for i, line in enumerate(changes) if line.startswith("Deleted 198.18.0.10"))
    assert added < removed, changes


TIMERS = [  # ours, theirs (keepalive, hold; None: 60, 180) -> hold, keepalive of FRR, of ours
    ({"holdTime": "57s", "keepaliveTime": "13s"}, None, 57, 19, 13),
    ({"holdTime": "9s", "keepaliveTime": "3s"}, None, 9, 3, 3),
    ({"holdTime": "180s", "keepaliveTime": "60s"}, (4, 15), 15, 4, 5),
    ({}, (10, 30), 30, 10, 10),
    ({"holdTime": "0s", "keepaliveTime": "0s"}, None, 0, 0, 0),
]


@pytest.mark.parametrize("ours, theirs, hold, keepalive, own_keepalive", TIMERS, ids=["57/13", "9/3", "theirs are shorter", "none set", "0/0"])
def test_timers(pair, ours, theirs, hold, keepalive, own_keepalive):
    dropped = pair.router.neighbor(SPEAKER)["connectionsDropped"]
    pair.put(**ours)
    assert pair.router.neighbor(SPEAKER)["connectionsDropped"] == dropped, "other timers wait for the next session"
    theirs = "timers %d %d" % theirs if theirs else "timers 60 180"
    n = next_session(pair.router, lambda: (pair.router.configure(f"router bgp {PEER_AS}", f"neighbor {SPEAKER} {theirs}"), pair.router.clear()))
    assert (n["bgpTimerHoldTimeMsecs"], n["bgpTimerKeepAliveIntervalMsecs"]) == (hold * 1000, keepalive * 1000)
    pair.speaker.until_peer("router", lambda p: p.get("holdSeconds") == hold and p["keepaliveSeconds"] == own_keepalive)


def test_without_hold_time_silence_ends_nothing(pair):
    pair.put(holdTime="0s", keepaliveTime="0s")
    next_session(pair.router, pair.router.clear)
    pair.speaker.until_peer("router", lambda p: p.get("holdSeconds") == 0)
    before = pair.speaker.bgp()["router"]["established"]
    bgpd = pair.router.processes[-1]
    bgpd.send_signal(signal.SIGSTOP)
    try:
        time.sleep(STILL + 2)
        p = pair.speaker.bgp()["router"]
        assert (p["state"], p["established"]) == ("Established", before)
    finally:
        bgpd.send_signal(signal.SIGCONT)


def test_silence_ends_a_session_with_hold_time(pair):
    pair.put(holdTime="3s", keepaliveTime="1s")
    n = next_session(pair.router, pair.router.clear)
    assert n["bgpTimerHoldTimeMsecs"] == 3000
    pair.speaker.until_peer("router")
    before = pair.speaker.bgp()["router"]["holdExpirations"]
    bgpd = pair.router.processes[-1]
    with pair.net.capture("speaker", "eth0", "tcp port 179") as capture:
        bgpd.send_signal(signal.SIGSTOP)
        try:
            pair.speaker.until_peer("router", lambda p: p["holdExpirations"] == before + 1, "the hold timer expires")
        finally:
            bgpd.send_signal(signal.SIGCONT)
        pair.established()
    assert notifications(capture) == [(4, 0)]
    pair.router.until_routes("ipv4", [ROUTE])


def test_a_reset_by_the_peer_heals(pair):
    pair.put()
    next_session(pair.router, pair.router.clear)
    pair.speaker.until_peer("router")
    pair.router.until_routes("ipv4", [ROUTE])
    assert "administrative reset" in pair.speaker.bgp()["router"]["lastError"].lower()


def test_route_refresh(pair):
    pair.put()
    pair.router.until_routes("ipv4", [ROUTE])
    before = pair.router.neighbor(SPEAKER)
    assert before["neighborCapabilities"]["routeRefresh"].startswith("advertisedAndReceived")
    with pair.net.capture("speaker", "eth0", "tcp port 179") as capture:
        pair.router.clear(SPEAKER, soft_in=True)
        until(lambda: pair.router.neighbor(SPEAKER)["messageStats"]["updatesRecv"] > before["messageStats"]["updatesRecv"], PATIENCE,
              "the route again")
        until(lambda: 2 in refreshes(capture), PATIENCE, "the end of the answer", step=0.2)
    assert refreshes(capture) == [1, 2]
    after = pair.router.neighbor(SPEAKER)
    assert after["messageStats"]["updatesRecv"] == before["messageStats"]["updatesRecv"] + 1
    assert after["connectionsDropped"] == before["connectionsDropped"]
    pair.router.until_routes("ipv4", [ROUTE])


def refreshes(capture):
    """Subtypes of the ROUTE-REFRESH messages of the speaker: 1 begins an answer, 2 ends it (RFC 7313)."""
    lines = dissect(capture, f"bgp.type == 5 && ip.src == {SPEAKER}", "-T", "fields", "-e", "bgp.route_refresh.subtype")
    return [int(x, 0) for line in lines for x in line.split(",")]


def test_shutdown_texts_both_ways(pair):
    pair.put()
    neighbor = f"neighbor {SPEAKER} shutdown"
    pair.router.configure(f"router bgp {PEER_AS}", neighbor + " message new power supply")
    try:
        p = pair.speaker.until_peer("router", lambda p: "new power supply" in p.get("lastError", "") and p)
        assert p
        pair.speaker.until_log("new power supply")
    finally:
        pair.router.configure(f"router bgp {PEER_AS}", "no " + neighbor)
    pair.established()


def test_another_port(pair):
    """It counts from the next connection on: the session on 179 stays until it ends."""
    pair.put()
    other = frr(pair.net, to_speaker(), ns="router", port=180)
    try:
        reread(pair.speaker, peer(peerPort=180), *web())
        pair.router.until_routes("ipv4", [ROUTE])
        pair.router.clear()
        other.until_routes("ipv4", [ROUTE])
        pair.router.until_routes("ipv4", [])
    finally:
        other.stop()
    pair.put()


# --- AS numbers ---


AS_ROWS = [  # peer_asn of ours, more of the BGPPeer, advertisement, AS of FRR, what it expects -> path, local preference
    ("iBGP", MY_AS, {}, {}, MY_AS, MY_AS, "", 100),
    ("iBGP with a preference", MY_AS, {}, {"localPref": 50}, MY_AS, MY_AS, "", 50),
    ("eBGP with a preference", PEER_AS, {}, {"localPref": 50}, PEER_AS, MY_AS, str(MY_AS), None),
    ("four bytes on both sides", 4200000000, {"my_asn": 4200000001}, {}, 4200000000, 4200000001, "4200000001", None),
    ("local AS", PEER_AS, {"localASN": 64520}, {}, PEER_AS, 64520, "64520", None),
    ("local AS equal to the peer's: iBGP", 64520, {"localASN": 64520}, {}, 64520, 64520, "", 100),
    ("internal", "internal", {}, {}, MY_AS, MY_AS, "", 100),
    ("external", "external", {}, {}, 65099, MY_AS, str(MY_AS), None),
    ("prepended", PEER_AS, {}, {"asPathPrepend": 2}, PEER_AS, MY_AS, " ".join([str(MY_AS)] * 3), None),
]


@pytest.mark.parametrize("asn, spec, advertisement, frr_as, expects, path, preference", [r[1:] for r in AS_ROWS], ids=[r[0] for r in AS_ROWS])
def test_as_numbers(net, asn, spec, advertisement, frr_as, expects, path, preference):
    cable(net)
    router = frr(net, to_speaker(asn=expects), asn=frr_as)
    with dissected(net), speaker(net, peer(peer_asn=asn, **spec), *web(**advertisement)):
        router.until_established(SPEAKER)
        route = router.until_routes("ipv4", [ROUTE])[ROUTE][0]
        assert (route.as_path, route.local_pref) == (path, preference)
        n = router.neighbor(SPEAKER)
        assert (n["remoteAs"], n["localAs"]) == (expects, frr_as)
        assert n["nbrInternalLink" if path == "" else "nbrExternalLink"]


def test_a_change_of_preference_replaces_the_route(net):
    cable(net)
    router = frr(net, to_speaker(), asn=MY_AS)
    with dissected(net), speaker(net, peer(peer_asn=MY_AS), *web(localPref=200)) as s:
        until_detail(router, lambda r: r.local_pref == 200)
        s.put(peer(peer_asn=MY_AS), *web(localPref=300))
        until_detail(router, lambda r: r.local_pref == 300)
        assert router.neighbor(SPEAKER)["connectionsDropped"] == 0


def test_updates_of_advertisements(net):
    """Preference, community, then the aggregate in place of the address: of both families only that one is withdrawn, at last."""
    cable(net)
    families = ("ipv4", "ipv6")
    router = frr(net, to_speaker(families=families), asn=MY_AS)
    one, whole = (ROUTE, "2001:db8:ff00::10/128"), ("198.18.0.0/24", "2001:db8:ff00::10/124")

    def objects(**advertisement):
        return [peer(peer_asn=MY_AS, dualStackAddressFamily=True),
                *announced(ADDRESS, "2001:db8:ff00::10", advertisement=bgp_advertisement(**advertisement))]

    def until_all(prefixes, preference, *communities):
        for family, prefix in zip(families, prefixes):
            until_detail(router, lambda r: (r.local_pref, r.communities) == (preference, communities), prefix, family)
    with dissected(net) as capture, speaker(net, *objects(localPref=200, communities=["65535:65282"])) as s:
        until_all(one, 200, "noAdvertise")
        until(lambda: [set(router.kernel_routes(f)) for f in families] == [{one[0]}, {one[1]}], PATIENCE, "routes in the kernel")
        s.put(*objects(localPref=300, communities=["65535:65282"]))
        until_all(one, 300, "noAdvertise")
        s.put(*objects(localPref=300, communities=["123:456"]))
        until_all(one, 300, "123:456")
        s.put(*objects(localPref=50, communities=["123:457"], aggregationLength=24, aggregationLengthV6=124))
        until_all(whole, 50, "123:457")
        until(lambda: [set(router.kernel_routes(f)) for f in families] == [{whole[0]}, {whole[1]}], PATIENCE, "the aggregates alone")
        assert router.neighbor(SPEAKER)["connectionsDropped"] == 0
    assert routes_told(capture, "bgp.nlri_prefix", "bgp.withdrawn_prefix") == ["+198.18.0.10"] * 3 + ["+198.18.0.0", "-198.18.0.10"]
    assert routes_told(capture, "bgp.mp_reach_nlri_ipv6_prefix", "bgp.mp_unreach_nlri_ipv6_prefix") == \
        ["+2001:db8:ff00::10"] * 4 + ["-2001:db8:ff00::10"]


def routes_told(capture, announced_field, withdrawn_field):
    """What the speaker has announced (+) and withdrawn (-), in that order where one segment has both."""
    lines = dissect(capture, f"bgp.type == 2 && ip.src == {SPEAKER}", "-T", "fields", "-e", announced_field, "-e", withdrawn_field)
    return [sign + prefix for line in lines for sign, field in zip("+-", line.split("\t")) for prefix in field.split(",") if prefix]


BAD_AS = [("internal", PEER_AS), ("external", MY_AS), (PEER_AS, 64599)]


@pytest.mark.parametrize("asn, frr_as", BAD_AS, ids=["internal", "external", "number"])
def test_a_peer_of_another_as_is_refused(net, asn, frr_as):
    cable(net)
    router = frr(net, to_speaker(), asn=frr_as)
    with dissected(net) as capture, speaker(net, peer(peer_asn=asn), *web()) as s:
        s.until_peer("router", lambda p: "AS" in p.get("lastError", ""))
        assert s.bgp()["router"]["established"] == 0
        assert router.routes("ipv4") == {}
    assert set(notifications(capture)) == {(2, 2)}


def test_a_peer_that_refuses_our_as(net):
    cable(net)
    frr(net, to_speaker(asn=64999))
    with dissected(net), speaker(net, peer(), *web()) as s:
        s.until_peer("router", lambda p: "bad peer as" in p.get("lastError", "").lower())
        assert s.bgp()["router"]["established"] == 0


# --- distance ---


def test_multihop_needs_its_option(net):
    two_hops(net)
    router = frr(net, to_speaker(multihop=2), ns="far", router_id=FAR)
    with dissected(net), speaker(net, peer(FAR), *web()) as s:
        s.until_peer("router", lambda p: "ebgpMultiHop" in p.get("hint", "") and p.get("lastError"))
        assert s.bgp()["router"]["established"] == 0
        s.put(peer(FAR, ebgpMultiHop=True), *web())
        router.until_established(SPEAKER)
        route = router.until_routes("ipv4", [ROUTE])[ROUTE][0]
        assert route.next_hops == (SPEAKER,)


def test_ibgp_over_two_hops_needs_no_option(net):
    two_hops(net)
    router = frr(net, to_speaker(), ns="far", router_id=FAR, asn=MY_AS)
    with dissected(net), speaker(net, peer(FAR, peer_asn=MY_AS), *web()):
        router.until_established(SPEAKER)
        router.until_routes("ipv4", [ROUTE])


def test_ttl_security(net):
    cable(net)
    router = frr(net, to_speaker(ttl_security=1))
    with dissected(net), speaker(net, peer(), *web()) as s:
        # FRR sets the minimum after it has accepted, so that an OPEN may slip through before
        until(lambda: tcp_dropped(net, "MinTTLDrop"), PATIENCE, "FRR takes nothing that may have come from far away")
        s.put(peer(ttlSecurityHops=1), *web())
        router.until_established(SPEAKER)
        router.until_routes("ipv4", [ROUTE])


# --- passwords ---


@pytest.mark.parametrize("at, of", [(ROUTER, SPEAKER), (ROUTER6, SPEAKER6)], ids=["ipv4", "ipv6"])
def test_password(net, at, of):
    cable(net)
    family = "ipv6" if ":" in at else "ipv4"
    address, route = ("2001:db8:ff00::10", "2001:db8:ff00::10/128") if family == "ipv6" else (ADDRESS, ROUTE)
    router = frr(net, to_speaker(address=of, password="secret", families=(family,)))
    with dissected(net), speaker(net, peer(at), *announced(address)) as s:
        until(lambda: tcp_dropped(net, "MD5NotFound") > 0, PATIENCE, "a segment without signature")
        s.put(peer(at, password="another"), *announced(address))
        until(lambda: tcp_dropped(net, "MD5Failure") > 0, PATIENCE, "a segment with a wrong signature")
        assert s.bgp()["router"]["established"] == 0
        s.put(peer(at, password="secret"), *announced(address))
        router.until_established(of)
        router.until_routes(family, [route])

        before = router.neighbor(of)["connectionsEstablished"]
        router.configure(f"router bgp {PEER_AS}", f"neighbor {of} password changed")
        s.put(peer(at, password="changed"), *announced(address))
        until(lambda: router.neighbor(of)["connectionsEstablished"] > before, PATIENCE, "a session with the new key", step=0.1)
        router.until_routes(family, [route])

        router.configure(f"router bgp {PEER_AS}", f"no neighbor {of} password", f"do clear bgp {of}")
        until(lambda: tcp_dropped(net, "MD5Unexpected") > 0, PATIENCE, "a signature that nobody asked for")
        assert "secret" not in s.log() and "changed" not in s.log()


# --- endings, as the peer is told of them ---


def test_a_peer_that_is_deconfigured(net):
    cable(net)
    router = frr(net, to_speaker())
    with dissected(net) as capture, speaker(net, peer(), *web()) as s:
        router.until_routes("ipv4", [ROUTE])
        s.put(*web())
        until(lambda: router.neighbor(SPEAKER).get("lastNotificationReason") in ("Cease/Hard Reset", "Cease/Peer De-configured"), PATIENCE,
              "the reason")
        router.until_routes("ipv4", [])
        assert s.bgp() == {}
    assert hard_resets(capture)[0][:2] == bytes((6, 3))


def test_the_end_of_the_process_is_told_with_a_text(net):
    cable(net)
    router = frr(net, to_speaker())
    with dissected(net) as capture, speaker(net, peer(), *web()) as s:
        router.until_routes("ipv4", [ROUTE])
        s.stop()
        router.until_routes("ipv4", [])
        assert router.neighbor(SPEAKER)["lastNotificationReason"] in ("Cease/Hard Reset", "Cease/Administrative Shutdown")
    assert notifications(capture) == [(6, 9)]
    told = hard_resets(capture)[0]
    assert told[:2] == bytes((6, 2)) and len(told) == 3 + told[2] and told[3:] == b"the speaker ends", told


def hard_resets(capture):
    """The errors inside (RFC 8538 3.1): code, subcode, data. FRR understands them, or a plain cease would be sent."""
    lines = dissect(capture, f"bgp.notify.minor_error_cease == 9 && ip.src == {SPEAKER}", "-T", "fields", "-e", "bgp.notify.minor_data")
    return [bytes.fromhex(line.replace(":", "")) for line in lines]


# --- what a router may ask for ---


def test_dynamic_neighbors(net):
    cable(net)
    router = frr(net, lines=[
        f"router bgp {PEER_AS}", " neighbor NODES peer-group", f" neighbor NODES remote-as {MY_AS}",
        " bgp listen range 192.0.2.0/24 peer-group NODES", " address-family ipv4 unicast", "  neighbor NODES activate",
        " exit-address-family", "exit"])
    with dissected(net), speaker(net, peer(), *web()):
        router.until_established(SPEAKER)
        router.until_routes("ipv4", [ROUTE])


STRICT = [  # lines of FRR's -> whether there is a session
    ("enforce-first-as", True),
    ("strict-capability-match", True),
    ("capability extended-nexthop", True),
    ("local-role provider", True),
    ("local-role provider strict-mode", False),
]


@pytest.mark.parametrize("line, comes_up", STRICT, ids=[r[0] for r in STRICT])
def test_strict_neighbors(net, line, comes_up):
    cable(net)
    router = frr(net, to_speaker(extra=(line,)))
    with dissected(net), speaker(net, peer(), *web()) as s:
        if comes_up:
            router.until_established(SPEAKER)
            router.until_routes("ipv4", [ROUTE])
            return
        s.until_peer("router", lambda p: "role" in p.get("lastError", "").lower())
        assert s.bgp()["router"]["established"] == 0


# --- both dial ---


@pytest.mark.parametrize("router_id", ["10.0.0.1", "10.0.0.200"], ids=["theirs is smaller", "theirs is larger"])
def test_collisions_leave_one_connection(net, router_id):
    cable(net)
    router = frr(net, to_speaker(), router_id=router_id)
    with dissected(net), speaker(net, peer(routerID="10.0.0.100"), *web(), args=("--bgp-listen-port", "179")) as s:
        router.until_established(SPEAKER)
        for _ in range(10):
            next_session(router, router.clear)
            until(lambda: connections(net) == 1, PATIENCE, "one connection", step=0.1)
            router.until_routes("ipv4", [ROUTE])
            s.until_peer("router")


def make_vrf(net, ns, name, table, interface):
    """Puts the interface into a VRF of its own; skips where the kernel has none."""
    out = net.run(ns, "ip", "link", "add", name, "type", "vrf", "table", table, check=False)
    if out:
        pytest.skip(f"the kernel has no VRF devices: {out.strip()}")
    net.run(ns, "ip", "link", "set", name, "up")
    net.run(ns, "ip", "link", "set", interface, "master", name)


def test_one_address_in_two_vrfs(net):
    """Each peer has the same address; each gets its own routes alone."""
    cable(net)
    make_vrf(net, "speaker", "red", 10, "eth0")
    namespaces(net, "other")
    net.veth("speaker", "eth1", "other", "eth0")
    make_vrf(net, "speaker", "blue", 11, "eth1")
    address(net, "speaker", "eth1", SPEAKER + "/24")
    address(net, "other", "eth0", ROUTER + "/24")
    red, blue = frr(net, to_speaker()), frr(net, to_speaker(), ns="other")
    objects = [bgp_peer("red", ROUTER, vrf="red"), bgp_peer("blue", ROUTER, vrf="blue"),
               *announced(ADDRESS, advertisement=bgp_advertisement("red", peers=["red"])),
               bgp_advertisement("blue", peers=["blue"], aggregationLength=24)]
    with dissected(net), speaker(net, *objects):
        red.until_routes("ipv4", [ROUTE])
        blue.until_routes("ipv4", ["198.18.0.0/24"])
