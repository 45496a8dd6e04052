# SPDX-License-Identifier: Apache-2.0
"""What `steellb run` shows of its BGP sessions, how it gives its routes away, and how it ends."""
import json

from folder import node, steellb, until
from lab import ROUTER, SPEAKER, announced, bgp_peer, bridge, cable, drained, speaker
from peers import Bird, Neighbor

ADDRESS = "198.18.0.10/32"


def router_of(net, *peers):
    return Bird(net, "router", 64513, ROUTER, [Neighbor(p, asn=64512) for p in peers or (SPEAKER,)]).start()


def test_status_tells_of_peers_and_routes(net):
    cable(net)
    router = router_of(net)
    with speaker(net, bgp_peer("router", ROUTER, 64513), *announced("198.18.0.10")) as s:
        router.until_routes("ipv4", [ADDRESS])
        s.until_peer("router")
        peer = s.bgp()["router"]
        assert (peer["address"], peer["localAddress"], peer["peerASN"], peer["localASN"]) == (ROUTER, SPEAKER, 64513, 64512)
        assert (peer["class"], peer["families"]) == ("eBGP", ["ipv4"])
        s.until_status(lambda x: [(r["prefix"], r["peer"], r["state"]) for r in x["bgp"]["routes"]] == [(ADDRESS, "router", "sent")])
        text = steellb("status", "bgp", "--control-socket", s.socket_path).stdout
        assert f"router: {ROUTER}, AS 64513, Established for" in text and "1 of 1 prefixes sent" in text
        text = steellb("status", "routes", "--control-socket", s.socket_path).stdout
        assert f"{ADDRESS} to router: sent" in text
        for words, found in ((("198.18.0.10",), True), (("198.18.0.0/24", "--peer", "router"), True), (("198.18.0.11",), False),
                             (("--peer", "other"), False)):
            text = steellb("status", "routes", *words, "--control-socket", s.socket_path).stdout
            assert (f"{ADDRESS} to router: sent" in text) == found, words
        routes = json.loads(steellb("status", "routes", "--json", "--control-socket", s.socket_path).stdout)
        assert [r["prefix"] for r in routes] == [ADDRESS]
        text = steellb("explain", "web", "-f", s.folder.path, "--control-socket", s.socket_path).stdout
        assert f"{ADDRESS} to router: sent" in text


def test_a_drained_node_yields_and_then_withdraws(net):
    bridge(net, nodes=("oak", "elm"))
    router = router_of(net, "192.0.2.11", "192.0.2.12")
    objects = [bgp_peer("router", ROUTER, 64513), *announced("198.18.0.10", nodes=("oak", "elm"))]
    with speaker(net, *objects, ns="oak", nodes=("oak", "elm"), args=("--drain-delay", "3s")) as oak, \
            speaker(net, *objects, ns="elm", nodes=("oak", "elm")) as elm:
        router.until_established("192.0.2.11")
        router.until_established("192.0.2.12")
        elm.until_peer("router")
        until(lambda: len(router.routes("ipv4").get(ADDRESS, [])) == 2, what="two ways")
        oak.folder.put("nodes.yaml", drained("", "oak"), node("elm"))
        until(lambda: any("65535:0" in r.communities for r in router.routes("ipv4")[ADDRESS]), what="GRACEFUL_SHUTDOWN")
        until(lambda: [r.next_hops for r in router.routes("ipv4")[ADDRESS]] == [("192.0.2.12",)], what="one way")
        oak.folder.put("nodes.yaml", node("oak"), node("elm"))
        until(lambda: len(router.routes("ipv4")[ADDRESS]) == 2, what="two ways again")


def test_the_last_announcer_stays_unless_forced(net):
    cable(net)
    router = router_of(net)
    with speaker(net, bgp_peer("router", ROUTER, 64513), *announced("198.18.0.10"), args=("--drain-delay", "100ms")) as s:
        router.until_routes("ipv4", [ADDRESS])
        s.folder.put("nodes.yaml", drained("true"))
        until(lambda: "65535:0" in router.routes("ipv4")[ADDRESS][0].communities, what="GRACEFUL_SHUTDOWN")
        s.until_log("routes are withdrawn now")
        assert ADDRESS in router.routes("ipv4")
        assert ", gives its BGP routes away\n" in steellb("status", "--control-socket", s.socket_path).stdout
        s.folder.put("nodes.yaml", drained("force"))
        router.until_routes("ipv4", [])
        s.folder.put("nodes.yaml", node("speaker"))
        held = router.until_routes("ipv4", [ADDRESS])
        assert "65535:0" not in held[ADDRESS][0].communities


def test_an_end_takes_the_routes_away(net):
    cable(net)
    router = router_of(net)
    with speaker(net, bgp_peer("router", ROUTER, 64513), *announced("198.18.0.10")) as s:
        router.until_routes("ipv4", [ADDRESS])
        s.stop()
        router.until_routes("ipv4", [])
