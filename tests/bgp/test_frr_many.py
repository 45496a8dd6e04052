# SPDX-License-Identifier: Apache-2.0
"""Many speakers at one FRR, and many routes in either direction."""
import contextlib
import ipaddress

import pytest

from lab import PEER_AS, SPEAKER, announced, bridge, cable, dissected, frr, many, peer, speaker, to_speaker
from netns import until
from peers import PATIENCE, Frr

ADDRESS, ROUTE = "198.18.0.10", "198.18.0.10/32"
NODES = {"oak": "192.0.2.11", "elm": "192.0.2.12", "fir": "192.0.2.13"}
COUNT = 10000
LONG = 120

pytestmark = pytest.mark.skipif(Frr.missing() is not None, reason=str(Frr.missing()))


# --- many speakers ---


def hops_in_kernel(router):
    return router.kernel_routes().get(ROUTE, [])


def test_three_speakers_share_the_traffic(net):
    bridge(net, NODES)
    router = frr(net, *(to_speaker(a) for a in NODES.values()))
    objects = [peer(), *announced(ADDRESS, nodes=NODES)]
    with contextlib.ExitStack() as stack:
        for ns, a in NODES.items():
            stack.enter_context(dissected(net, ns, sender=(a,)))
        running = {ns: stack.enter_context(speaker(net, *objects, ns=ns, nodes=NODES)) for ns in NODES}
        until(lambda: hops_in_kernel(router) == sorted(NODES.values()), PATIENCE, "three ways in the kernel")
        paths = router.routes("ipv4")[ROUTE]
        assert len(paths) == 3 and all(p.raw.get("multipath") or p.raw.get("bestpath") for p in paths)

        running["fir"].stop()
        until(lambda: hops_in_kernel(router) == sorted([NODES["oak"], NODES["elm"]]), PATIENCE, "two ways")
        running["elm"].kill()
        until(lambda: hops_in_kernel(router) == [NODES["oak"]], PATIENCE, "one way")
        for s in running.values():  # a node without endpoint, of a Service that wants one
            s.put(peer(), *announced(ADDRESS, nodes=("elm",), externalTrafficPolicy="Local"))
        router.until_routes("ipv4", [])


def test_next_hops_of_both_families_in_one_group(net):
    """One node over IPv4, the other over IPv6 with RFC 8950."""
    bridge(net, ("oak", "elm"))
    neighbors = [to_speaker("192.0.2.11"), to_speaker("2001:db8::12", families=("ipv4", "ipv6"), extended_next_hop=True)]
    net.run("elm", "ip", "addr", "del", "192.0.2.12/24", "dev", "eth0")
    router = frr(net, *neighbors)
    common = announced(ADDRESS, nodes=("oak", "elm"))
    with dissected(net, "oak", sender=("192.0.2.11",)), dissected(net, "elm", sender=("2001:db8::12",)), \
            speaker(net, peer(), *common, ns="oak", nodes=("oak", "elm")), \
            speaker(net, peer("2001:db8::1", sourceAddress="2001:db8::12", dualStackAddressFamily=True), *common, ns="elm", nodes=("oak", "elm")):
        until(lambda: len(hops_in_kernel(router)) == 2, PATIENCE, "two ways in the kernel")
        assert sorted(":" in h for h in hops_in_kernel(router)) == [False, True]


# --- many routes ---


class Many:
    """FRR that was told of COUNT Services."""

    def __init__(self, net, *lines):
        cable(net)
        self.net = net
        self.router = frr(net, to_speaker(), lines=lines)

    def accepted(self):
        return self.router.neighbor(SPEAKER).get("addressFamilyInfo", {}).get("ipv4Unicast", {}).get("acceptedPrefixCounter", 0)

    def updates(self):
        return self.router.neighbor(SPEAKER)["messageStats"]["updatesRecv"]

    def in_kernel(self):
        return self.net.run("router", "ip", "-4", "route", "show", "proto", "bgp").count("\n")

    def until_accepted(self, count):
        until(lambda: self.accepted() == count, LONG, f"{count} routes at FRR", step=0.2)

    def until_in_kernel(self, count):
        until(lambda: self.in_kernel() == count, LONG, f"{count} routes in the kernel", step=0.2)


def test_many_routes_come_and_go(net):
    m = Many(net)
    with dissected(net), speaker(net, peer(), *many(COUNT)) as s:
        m.until_accepted(COUNT)
        m.until_in_kernel(COUNT)
        # FRR counts an End-of-RIB, too. A message of 4,096 bytes has room for over 800 routes of /32.
        assert m.updates() <= COUNT // 800 + 3
        table = m.router.routes("ipv4")
        first = ipaddress.ip_address("198.18.0.0")
        assert set(table) == {f"{first + i}/32" for i in range(COUNT)}

        before = m.updates()
        s.put(peer(), *many(COUNT - 1))
        m.until_accepted(COUNT - 1)
        assert m.updates() == before + 1, "one route less is one message"

        before = m.updates()
        s.put(peer())
        m.until_accepted(0)
        m.until_in_kernel(0)
        assert m.updates() <= before + COUNT // 800 + 3
        n = m.router.neighbor(SPEAKER)
        assert (n["connectionsEstablished"], n["connectionsDropped"]) == (1, 0)


def test_many_routes_of_the_peer_are_taken_and_forgotten(net):
    first = ipaddress.ip_address("203.0.0.0")
    m = Many(net, f"router bgp {PEER_AS}", " no bgp network import-check", " address-family ipv4 unicast",
             *(f"  network {first + i}/32" for i in range(COUNT)), " exit-address-family", "exit")
    with dissected(net), speaker(net, peer(), *announced(ADDRESS)) as s:
        until(lambda: s.bgp()["router"]["prefixesReceived"] >= COUNT, LONG, "all that FRR has")  # 8.4 returns ours, too
        assert m.accepted() == 1
        before = s.bgp()["router"]["updatesReceived"]
        m.router.vtysh(f"clear bgp {SPEAKER} soft out")
        until(lambda: s.bgp()["router"]["updatesReceived"] > before, LONG, "all of it again")
        s.put(peer(), *many(2))
        m.until_accepted(2)
        n = m.router.neighbor(SPEAKER)
        assert (n["connectionsEstablished"], n["connectionsDropped"]) == (1, 0)
        assert "203.0." not in net.run("speaker", "ip", "route")
