# SPDX-License-Identifier: Apache-2.0
"""IPv6, both families over either, and peers without an address, with FRR: the next hops, and that they lead here."""
import pytest

from lab import (MY_AS, ROUTER, ROUTER6, SPEAKER, SPEAKER6, address, announced, bfd_profile, cable, dissected, frr, namespaces, peer,
                 speaker, to_speaker, unnumbered)
from netns import until
from peers import PATIENCE, Frr, Neighbor

ADDRESS, ROUTE = "198.18.0.10", "198.18.0.10/32"
ADDRESS6, ROUTE6 = "2001:db8:ff00::10", "2001:db8:ff00::10/128"
BOTH = ("ipv4", "ipv6")

pytestmark = pytest.mark.skipif(Frr.missing() is not None, reason=str(Frr.missing()))


def answer(net, *addresses):
    """The node takes packets for these, as kube-proxy would."""
    for a in addresses:
        net.run("speaker", "ip", "-6" if ":" in a else "-4", "route", "add", "local", a, "dev", "lo")


def until_reachable(net, a):
    """From the router, through what BGP has put into its kernel."""
    until(lambda: " 0% packet loss" in net.run("router", "ping", "-c", 1, "-W", 1, a, check=False), PATIENCE, f"{a} answers", step=0.1)


def until_next_hops(router, prefix, check):
    """Those of the only path, once check() is content with them."""
    family = "ipv6" if ":" in prefix else "ipv4"

    def found():
        paths = router.routes(family).get(prefix, ())
        return len(paths) == 1 and check(set(paths[0].next_hops)) and paths[0]
    try:
        return until(found, PATIENCE, step=0.1)
    except AssertionError:
        raise AssertionError(f"{prefix}: {router.routes(family)}") from None


def test_ipv6_alone(net):
    cable(net)
    answer(net, ADDRESS6)
    router = frr(net, to_speaker(SPEAKER6, families=("ipv6",)))
    with dissected(net), speaker(net, peer(ROUTER6), *announced(ADDRESS, ADDRESS6, ipFamilyPolicy="RequireDualStack")) as s:
        router.until_routes("ipv6", [ROUTE6])
        own = net.link_local("speaker", "eth0")
        route = until_next_hops(router, ROUTE6, lambda hops: hops == {SPEAKER6, own})
        assert (route.as_path, route.origin) == (str(MY_AS), "IGP") and route.raw["valid"] and route.raw["bestpath"]
        until_reachable(net, ADDRESS6)
        assert s.bgp()["router"]["families"] == ["ipv6"]
        assert router.routes("ipv4") == {}


@pytest.mark.parametrize("at, of", [(ROUTER, SPEAKER), (ROUTER6, SPEAKER6)], ids=["over IPv4", "over IPv6"])
def test_dual_stack(net, at, of):
    cable(net)
    answer(net, ADDRESS, ADDRESS6)
    router = frr(net, to_speaker(of, families=BOTH))
    with dissected(net), speaker(net, peer(at, dualStackAddressFamily=True), *announced(ADDRESS, ADDRESS6)) as s:
        router.until_established(of)
        for family in ("ipv4Unicast", "ipv6Unicast"):
            until(lambda: router.neighbor(of)["addressFamilyInfo"][family].get("acceptedPrefixCounter") == 1, PATIENCE, family)
        until_next_hops(router, ROUTE, lambda hops: hops == {SPEAKER})
        until_next_hops(router, ROUTE6, lambda hops: SPEAKER6 in hops)
        until_reachable(net, ADDRESS)
        until_reachable(net, ADDRESS6)
        assert s.bgp()["router"]["families"] == ["ipv4", "ipv6"]
        s.put(peer(at, dualStackAddressFamily=True), *announced(ADDRESS6))
        router.until_routes("ipv4", [])
        router.until_routes("ipv6", [ROUTE6])


def test_one_family_of_a_dual_stack_service(net):
    cable(net)
    router = frr(net, to_speaker(SPEAKER, families=BOTH))
    with dissected(net), speaker(net, peer(ROUTER), *announced(ADDRESS, ADDRESS6)) as s:
        router.until_routes("ipv4", [ROUTE])
        s.until_peer("router", lambda p: p.get("families") == ["ipv4"])
        assert router.routes("ipv6") == {}


def test_another_address_of_the_interface_is_another_next_hop(net):
    cable(net)
    router = frr(net, to_speaker(SPEAKER, families=BOTH))
    with dissected(net), speaker(net, peer(ROUTER, dualStackAddressFamily=True), *announced(ADDRESS, ADDRESS6)):
        until_next_hops(router, ROUTE6, lambda hops: SPEAKER6 in hops)
        net.run("speaker", "ip", "addr", "del", SPEAKER6 + "/64", "dev", "eth0")
        address(net, "speaker", "eth0", "2001:db8::22/64")
        until_next_hops(router, ROUTE6, lambda hops: "2001:db8::22" in hops)
        assert router.neighbor(SPEAKER)["connectionsDropped"] == 0


def test_no_next_hop_is_told_and_nothing_sent(net):
    """Over IPv4, from a node that has no IPv6 address but its link-local one."""
    cable(net)
    net.run("speaker", "ip", "addr", "del", SPEAKER6 + "/64", "dev", "eth0")
    router = frr(net, to_speaker(SPEAKER, families=BOTH))
    with dissected(net), speaker(net, peer(ROUTER, dualStackAddressFamily=True), *announced(ADDRESS, ADDRESS6)) as s:
        router.until_routes("ipv4", [ROUTE])
        s.until_peer("router", lambda p: "ipv6" in p.get("noNextHop", ()))
        assert router.routes("ipv6") == {}
        address(net, "speaker", "eth0", SPEAKER6 + "/64")
        router.until_routes("ipv6", [ROUTE6])
        s.until_peer("router", lambda p: p["noNextHop"] == {})


def test_ipv4_over_a_network_of_ipv6_alone(net):
    """RFC 8950: neither side has an IPv4 address there. The node takes another one from the RAs of FRR, so its source is named."""
    namespaces(net, "speaker", "router")
    net.veth("speaker", "eth0", "router", "eth0")
    address(net, "speaker", "eth0", SPEAKER6 + "/64")
    address(net, "router", "eth0", ROUTER6 + "/64")
    router = frr(net, to_speaker(SPEAKER6, families=BOTH, extended_next_hop=True))
    with dissected(net), speaker(net, peer(ROUTER6, sourceAddress=SPEAKER6, dualStackAddressFamily=True), *announced(ADDRESS, ADDRESS6)):
        router.until_established(SPEAKER6)
        until_next_hops(router, ROUTE, lambda hops: SPEAKER6 in hops or net.link_local("speaker", "eth0") in hops)
        until_next_hops(router, ROUTE6, lambda hops: SPEAKER6 in hops)
        until(lambda: ROUTE in router.kernel_routes("ipv4"), PATIENCE, "the route in the kernel")


@pytest.mark.parametrize("bfd", [False, True], ids=["plain", "BFD"])
def test_unnumbered(net, bfd):
    own, _ = unnumbered(net)
    answer(net, ADDRESS, ADDRESS6)
    address(net, "router", "lo", ROUTER + "/32", ROUTER6 + "/128")  # to ping from
    router = frr(net, Neighbor(interface="eth0", asn="external", families=BOTH, bfd=bfd))
    more = {"bfdProfile": "fast"} if bfd else {}
    objects = [peer({"interface": "eth0"}, peer_asn="external", **more), bfd_profile(), *announced(ADDRESS, ADDRESS6)]
    with dissected(net, sender=(own,)), speaker(net, *objects) as s:
        router.until_established("eth0")
        assert router.neighbor("eth0")["bgpNeighborAddr"] == own
        until_next_hops(router, ROUTE, lambda hops: hops == {own})
        until_next_hops(router, ROUTE6, lambda hops: hops == {own})
        until(lambda: router.kernel_routes() == {ROUTE: [own]}, PATIENCE, "the route in the kernel")
        assert f"via inet6 {own} dev eth0" in net.run("router", "ip", "route", "show", ROUTE)
        if bfd:
            router.until_bfd()

        net.run("speaker", "ip", "link", "set", "eth0", "down")
        s.until_peer("router", lambda p: p["state"] != "Established")
        router.until_routes("ipv4", [])
        net.run("speaker", "ip", "link", "set", "eth0", "up")
        until_next_hops(router, ROUTE, lambda hops: net.link_local("speaker", "eth0") in hops)
        s.until_peer("router")
