# SPDX-License-Identifier: Apache-2.0
"""What OpenBGPD alone can show: last words both ways, no AS numbers of 32 bits, its strict checks."""
import pytest

from lab import MY_AS, ROUTER, SPEAKER, announced, bgp_peer, dissect, dissected, notifications, speaker, start
from netns import until
from peers import OpenBgpd

pytestmark = pytest.mark.skipif(OpenBgpd.missing() is not None, reason=str(OpenBgpd.missing()))

WEB4, WEB4_NET = "198.18.0.10", "198.18.0.10/32"


def test_last_words(net):
    """Its operator's reach our log; ours reach its operator."""
    router = start(net, OpenBgpd)
    with dissected(net), speaker(net, bgp_peer("router", ROUTER, connectTime="1s"), *announced(WEB4)) as s:
        router.until_routes("ipv4", [WEB4_NET])
        router.bgpctl("neighbor", SPEAKER, "down", "new fans")
        s.until_log("0x0602", "new fans")
        router.bgpctl("neighbor", SPEAKER, "up")
        router.until_routes("ipv4", [WEB4_NET])
        s.stop()
        until(lambda: "the speaker ends" in router.bgpctl("show", "neighbor", SPEAKER), 10, "our last words")
        router.until_routes("ipv4", [])


def test_clear(net):
    """Administrative reset, again and again: we are back each time."""
    router = start(net, OpenBgpd)
    with dissected(net), speaker(net, bgp_peer("router", ROUTER, connectTime="1s"), *announced(WEB4)) as s:
        for turn in range(1, 4):
            s.until_peer("router", lambda p: p["established"] == turn, f"session {turn}")
            router.until_routes("ipv4", [WEB4_NET])
            router.bgpctl("neighbor", SPEAKER, "clear")


def test_without_as4(net):
    """Our AS number needs 32 bits, its AS_PATH has 16: AS_TRANS, and the truth in AS4_PATH, which it then shows."""
    router = start(net, OpenBgpd, asn=4200000001, extra=("announce as-4byte no",))
    with dissected(net) as capture, speaker(net, bgp_peer("router", ROUTER, my_asn=4200000001), *announced(WEB4)):
        router.until_routes("ipv4", [WEB4_NET])
        until(lambda: dissect(capture, f"ip.src == {SPEAKER} && bgp.update.path_attribute.type_code == 17"), 10, "AS4_PATH", step=0.5)


def test_refuses_our_as(net):
    """It complains, not we; we say so and try again."""
    router = start(net, OpenBgpd, asn=MY_AS + 1)
    with dissected(net) as capture, speaker(net, bgp_peer("router", ROUTER, connectTime="1s"), *announced(WEB4)) as s:
        s.until_log("0x0202")
        assert s.bgp()["router"]["established"] == 0 and not notifications(capture)
    assert router.state(SPEAKER) != "Established"
