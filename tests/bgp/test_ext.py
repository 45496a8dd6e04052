# SPDX-License-Identifier: Apache-2.0
"""Extended communities (RFC 4360, 5668), as BIRD, GoBGP and tshark read them."""
import json

from folder import steellb
from lab import ROUTER, SPEAKER, announced, bgp_advertisement, bgp_object, bgp_peer, cable, dissect, dissected, speaker
from peers import Bird, GoBgp, Neighbor

ADDRESS = "198.18.0.10/32"
WISHED = ["ext:0x0380deadbeefcafe", "soo:192.0.2.1:7", "rt:65001:100000", "rt:4200000001:5", "site", "65000:100", "large:65000:1:2"]
PRINTED = ["65000:100", "large:65000:1:2", "soo:65001:3", "rt:65001:100000", "soo:192.0.2.1:7", "rt:4200000001:5", "ext:0x0380deadbeefcafe"]


def objects():
    site = bgp_object("Community", "names", communities=[{"name": "site", "value": "soo:65001:3"}])
    return [bgp_peer("router", ROUTER, 64513), *announced("198.18.0.10", advertisement=bgp_advertisement(communities=WISHED)), site]


def test_bird_and_tshark_read_them(net):
    cable(net)
    router = Bird(net, "router", 64513, ROUTER, [Neighbor(SPEAKER, asn=64512)]).start()
    with dissected(net) as capture, speaker(net, *objects()) as s:
        route = router.until_routes("ipv4", [ADDRESS])[ADDRESS][0]
        assert route.communities == ("65000:100",) and route.large_communities == ("65000:1:2",)
        assert route.extended_communities == ("rt, 65001, 100000", "ro, 65001, 3", "ro, 192.0.2.1, 7", "rt, 4200000001, 5",
                                              "generic, 0x380dead, 0xbeefcafe")
        shown = json.loads(steellb("status", "routes", "-o", "json", "--control-socket", s.socket_path).stdout)
        assert sorted(shown[0]["communities"]) == sorted(PRINTED)
        text = steellb("explain", "web", "-f", s.folder.path, "--control-socket", s.socket_path).stdout
        assert "soo:192.0.2.1:7" in text and "ext:0x0380deadbeefcafe" in text
        plan = json.loads(steellb("plan", "-f", s.folder.path, "-o", "json").stdout)
        assert plan["services"][0]["bgp"][0]["communities"] == sorted(PRINTED)
    fields = ("bgp.update.path_attribute.type_code", "bgp.ext_com.stype_tr_as2", "bgp.ext_com.stype_tr_IP4", "bgp.ext_com.stype_tr_as4")
    told = dissect(capture, "bgp.type == 2 && bgp.ext_communities", "-T", "fields", *(a for f in fields for a in ("-e", f)))
    assert told == ["1,2,3,4,8,16,32\t0x02,0x03\t0x03\t0x02"]


def test_gobgp_reads_them(net):
    cable(net)
    router = GoBgp(net, "router", 64513, ROUTER, [Neighbor(SPEAKER, asn=64512)]).start()
    with speaker(net, *objects()):
        route = router.until_routes("ipv4", [ADDRESS])[ADDRESS][0]
        told = next(a["value"] for a in route.raw["attrs"] if a["type"] == 16)
        assert [(c["type"], c["subtype"]) for c in told] == [(0, 2), (0, 3), (1, 3), (2, 2), (3, 0x80)]
        assert [c["value"] for c in told[:4]] == ["65001:100000", "65001:3", "192.0.2.1:7", "64086.59905:5"]
