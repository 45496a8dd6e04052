# SPDX-License-Identifier: Apache-2.0
"""What ExaBGP alone can show (spec speaker-bgp 6.5): our messages one by one, as JSON."""
import pytest

from lab import MY_AS, ROUTER, SPEAKER, announced, bgp_advertisement, bgp_peer, dissected, speaker, start
from netns import until
from peers import ExaBgp

pytestmark = pytest.mark.skipif(ExaBgp.missing() is not None, reason=str(ExaBgp.missing()))

WEB4, WEB6 = "198.18.0.10", "2001:db8:ff00::10"
WEB4_NET = WEB4 + "/32"
BOTH = ("ipv4", "ipv6")


def updates(router):
    return [e["neighbor"]["message"] for e in router.events() if e.get("type") == "update"]


def ends(router):
    return [(m["eor"]["afi"], m["eor"]["safi"]) for m in updates(router) if "eor" in m]


@pytest.mark.parametrize("graceful", [False, True], ids=["plain", "graceful"])
def test_open(net, graceful):
    """Exactly these capabilities, and an End-of-RIB of each family after all routes."""
    router = start(net, ExaBgp, families=BOTH, graceful=graceful)
    peer = bgp_peer("router", ROUTER, dualStackAddressFamily=True, enableGracefulRestart=graceful, routerID="10.0.0.7", holdTime="57s",
                    keepaliveTime="13s")
    with dissected(net), speaker(net, peer, *announced(WEB4, WEB6)):
        until(lambda: sorted(ends(router)) == [("ipv4", "unicast"), ("ipv6", "unicast")], 30, "End-of-RIB of both")
        said = router.neighbor(SPEAKER)
        assert (said["version"], said["asn"], said["hold_time"], said["router_id"]) == (4, MY_AS, 57, "10.0.0.7")
        assert sorted(map(int, said["capabilities"])) == [1, 2, 6, 64, 65, 70, 73], said
        assert said["capabilities"]["1"]["families"] == ["ipv4/unicast", "ipv6/unicast"]
        restart = said["capabilities"]["64"]
        assert restart["time"] == 120 and len(restart["address-family-flags"]) == (2 if graceful else 0), restart
        kinds = ["eor" if "eor" in m else "announce" for m in updates(router)]
        assert kinds.index("eor") > 0 and kinds.count("announce") == 2, updates(router)


def test_what_changes(net):
    """The fewest messages: of an attribute that changes one, of a Service that goes one withdrawal."""
    router = start(net, ExaBgp)
    shop = announced("198.18.0.11", name="shop")[2:]

    def objects(preference):
        tags = bgp_advertisement(communities=["65000:%d" % preference])
        return [bgp_peer("router", ROUTER), *announced(WEB4, advertisement=tags)]
    with dissected(net), speaker(net, *objects(1), *shop) as s:
        router.until_routes("ipv4", [WEB4_NET, "198.18.0.11/32"])
        until(lambda: ends(router), 30, "End-of-RIB")
        before = len(updates(router))
        s.put(*objects(2), *shop)
        until(lambda: router.routes("ipv4")[WEB4_NET][0].communities == ("65000:2",), 30, "another community")
        assert len(updates(router)) == before + 1  # both prefixes in one
        s.put(*objects(2))
        router.until_routes("ipv4", [WEB4_NET])
        assert len(updates(router)) == before + 2


def test_without_as4(net):
    """AS_TRANS, and the truth in AS4_PATH."""
    router = start(net, ExaBgp, asn=23456, extra=("capability { asn4 disable; }",))
    with dissected(net), speaker(net, bgp_peer("router", ROUTER, my_asn=4200000001), *announced(WEB4)):
        route = router.until_routes("ipv4", [WEB4_NET])[WEB4_NET][0]
        assert route.as_path == "4200000001", route
