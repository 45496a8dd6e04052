# SPDX-License-Identifier: Apache-2.0
"""The daemons that the other tests rely on, each with BIRD as the one that announces: what peers.py tells of them is true."""
import pytest

from peers import ALL, Bird, Neighbor

SPEAKER, ROUTER = "192.0.2.2", "192.0.2.1"
STATIC = """\
protocol static s4 { ipv4; route 198.18.0.10/32 blackhole; route 198.18.0.11/32 blackhole; }
protocol static s6 { ipv6; route 2001:db8:1::10/128 blackhole; }
filter tagged { bgp_community.add((65000,100)); bgp_large_community.add((65000,1,2)); bgp_med = 7; accept; }"""


def wire(net):
    for ns in ("speaker", "router"):
        net.add_ns(ns)
    net.veth("speaker", "eth0", "router", "eth0")
    for ns, last in (("speaker", 2), ("router", 1)):
        net.run(ns, "ip", "addr", "add", f"192.0.2.{last}/24", "dev", "eth0")
        net.run(ns, "ip", "addr", "add", f"2001:db8::{last}/64", "dev", "eth0", "nodad")


@pytest.mark.parametrize("daemon", ALL, ids=lambda d: d.__name__)
def test_tells_what_it_holds(net, daemon):
    if daemon.missing():
        pytest.skip(daemon.missing())
    wire(net)
    router = daemon(net, "router", 65001, "192.0.2.1",
                    [Neighbor(SPEAKER, asn=65000, passive=True, families=("ipv4", "ipv6"), source=ROUTER if daemon.__name__ == "ExaBgp" else "")])
    router.start()
    channel = "{ import none; export filter tagged; }"
    announcer = Bird(net, "speaker", 65000, "192.0.2.2", lines=[STATIC, "protocol bgp up {", "  local as 65000;", f"  neighbor {ROUTER} as 65001;",
                     "  connect retry time 1; connect delay time 1; error wait time 1, 2;",
                     f"  ipv4 {channel};", f"  ipv6 {channel};", "}"])
    announcer.start()
    router.until_established(SPEAKER)
    held = router.until_routes("ipv4", ["198.18.0.10/32", "198.18.0.11/32"])
    route = held["198.18.0.10/32"][0]
    assert route.next_hops == (SPEAKER,)
    assert route.as_path == "65000"
    assert route.med == 7 and route.origin.upper() == "IGP"
    if daemon.__name__ == "Frr":
        route = router.details("ipv4", "198.18.0.10/32")[0]
    assert route.communities == ("65000:100",)
    assert route.large_communities == ("65000:1:2",)
    router.until_routes("ipv6", ["2001:db8:1::10/128"])
    announcer.stop()
    router.until_routes("ipv4", [])
