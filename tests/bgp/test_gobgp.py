# SPDX-License-Identifier: Apache-2.0
"""What GoBGP alone can show (spec speaker-bgp 6.4): every capability, in words."""
import re

import pytest

from lab import ROUTER, ROUTER6, SPEAKER, SPEAKER6, announced, bgp_peer, dissected, many, speaker, start
from peers import GoBgp

pytestmark = pytest.mark.skipif(GoBgp.missing() is not None, reason=str(GoBgp.missing()))

WEB4, WEB4_NET = "198.18.0.10", "198.18.0.10/32"
BOTH = ("ipv4", "ipv6")


def test_capabilities(net):
    router = start(net, GoBgp, SPEAKER6, families=BOTH, graceful=True)
    peer = bgp_peer("router", ROUTER6, dualStackAddressFamily=True, enableGracefulRestart=True)
    with dissected(net), speaker(net, peer, *announced(WEB4)):
        router.until_routes("ipv4", [WEB4_NET])
        text = router.gobgp("neighbor", SPEAKER6)
        for name in ("ipv4-unicast", "ipv6-unicast", "4-octet-as", "route-refresh", "graceful-restart", "extended-nexthop"):
            assert re.search(rf"\s{name}:\s+advertised and received", text), text
        received = text[text.index("graceful-restart"):]
        received = received[received.index("Remote:"):]
        assert re.search(r"restart time 120 sec.*notification", received), text
        assert received.count("forward flag set") == 2, text


def test_soft_reset(net):
    """GoBGP looks again at what it has; nobody is asked, nothing flaps."""
    router = start(net, GoBgp)
    with dissected(net), speaker(net, bgp_peer("router", ROUTER), *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        router.gobgp("neighbor", SPEAKER, "softreset")
        router.until_routes("ipv4", [WEB4_NET])
        assert s.bgp()["router"]["established"] == 1


def test_disabled(net):
    """Refused for as long as its operator wants; back soon after. (After `reset` it refuses for half a minute.)"""
    router = start(net, GoBgp)
    with dissected(net), speaker(net, bgp_peer("router", ROUTER, connectTime="1s"), *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        router.gobgp("neighbor", SPEAKER, "disable")
        s.until_log("0x0602")
        router.gobgp("neighbor", SPEAKER, "enable")
        s.until_peer("router", lambda p: p["established"] == 2, "a new session")
        router.until_routes("ipv4", [WEB4_NET])


def test_thousands(net):
    router = start(net, GoBgp)
    with dissected(net), speaker(net, bgp_peer("router", ROUTER), *many(3000)) as s:
        s.until_peer("router", lambda p: p.get("prefixesSent") == 3000, "all is sent")
        s.until_peer("router", lambda p: p["updatesSent"] < 20, "few messages")
        router.until_routes("ipv4", [f"198.18.{i >> 8}.{i & 255}/32" for i in range(3000)])
        s.put(bgp_peer("router", ROUTER), *announced(WEB4))
        router.until_routes("ipv4", [WEB4_NET])
