# SPDX-License-Identifier: Apache-2.0
"""explain: the whole way of one Service."""
from manifests import bgp, cluster, endpoint, endpoints, l2, node, peer, pool, service, web


def explain(steellb, path, name="default/web"):
    result = steellb("explain", name, "-f", path, "-o", "json")
    doc = result.json
    assert set(doc) == {"kind", "version", "namespace", "name", "announced", "verdict", "releases", "hops"}
    assert (doc["kind"], doc["version"]) == ("Explanation", 1)
    assert all(set(h) == {"link", "mark", "text"} for h in doc["hops"])
    assert {h["mark"] for h in doc["hops"]} <= {"ok", "attention", "broken"}
    assert all("\n" not in h["text"] for h in doc["hops"])
    assert result.status == (0 if doc["announced"] else 1)
    return doc


def links(doc, mark=None):
    return [h["link"] for h in doc["hops"] if mark is None or h["mark"] == mark]


def texts(doc, link):
    return [h["text"] for h in doc["hops"] if h["link"] == link]


def test_good(steellb, write):
    path = write(
        "in.yaml",
        *cluster("n1", "n2"),
        pool("home", "192.0.2.0/29"),
        l2(interfaces=["eth0"]),
        bgp(localPref=100),
        peer("tor", "198.18.0.1"),
        *web(),
    )
    doc = explain(steellb, path)
    assert doc["announced"] and doc["releases"] == ""
    assert links(doc, "broken") == [] and links(doc, "attention") == []
    assert list(dict.fromkeys(links(doc))) == [
        "service",
        "allocation",
        "advertisement",
        "endpoint",
        "node",
        "announcer",
        "route",
    ]
    assert texts(doc, "endpoint") == ["10.0.0.5 on n1 counts (ready): it is ready"]
    assert "on eth0" in texts(doc, "announcer")[0]
    assert texts(doc, "route")[0] == "n1 to tor: 192.0.2.0/32 localPref 100"
    assert "is announced: 192.0.2.0 by " in doc["verdict"] and "2 routes" in doc["verdict"]


def test_text_has_words_when_piped(steellb, write):
    path = write("in.yaml", *cluster("n1"), pool("home", "192.0.2.0/29"), l2(), *web())
    result = steellb("explain", "web", "-f", path)
    assert result.status == 0
    assert result.out.startswith("ok        service       type LoadBalancer, no class")
    assert result.out.endswith("default/web is announced: 192.0.2.0 by n1 on Layer 2\n")
    assert result.out.isascii()


def test_the_name_may_follow_another_option(steellb, write):
    path = write("in.yaml", *cluster("n1"), pool("home", "192.0.2.0/29"), l2(), *web())
    assert steellb("explain", "-f", path, "-o", "text", "default/web").status == 0


def test_publish_not_ready_addresses(steellb, write):
    """The question of everybody who sets the field: no pod is ready, is the Service announced?"""
    path = write(
        "in.yaml",
        *cluster("n1"),
        pool("home", "192.0.2.0/29"),
        l2(),
        service("web", publishNotReadyAddresses=True),
        endpoints("web", endpoint("10.0.0.5", "n1", ready=True, serving=False, terminating=False)),
    )
    doc = explain(steellb, path)
    assert doc["announced"]
    assert texts(doc, "endpoint") == ["10.0.0.5 on n1 counts (ready): it is ready, though not serving"]
    assert doc["releases"] == (
        "MetalLB 0.14.0 to 0.14.4 would not have announced this Service: its 1 endpoint is ready only because of "
        "publishNotReadyAddresses (ready, but not serving); 0.13.12, 0.14.5 and SteelLB announce it."
    )


def test_pending(steellb, write):
    path = write(
        "in.yaml",
        *cluster("n1"),
        pool("taken", "192.0.2.0/32"),
        pool("asked", "203.0.113.0/30", autoAssign=False),
        pool("scoped", "198.51.100.0/30", serviceAllocation={"namespaces": ["other"]}),
        l2(),
        service("aaa", status=["192.0.2.0"]),
        *web(),
    )
    doc = explain(steellb, path)
    assert not doc["announced"]
    assert links(doc, "broken") == ["allocation"]
    assert "AllocationFailed" in texts(doc, "allocation")[0]
    assert [t.split()[0] for t in texts(doc, "pool")] == ["asked", "scoped", "taken"]
    assert "autoAssign" in texts(doc, "pool")[0]
    assert "serviceAllocation" in texts(doc, "pool")[1]
    assert "has 0 IPv4" in texts(doc, "pool")[2]
    assert "it has no address" in doc["verdict"]


def test_no_advertisement(steellb, write):
    path = write("in.yaml", *cluster("n1"), pool("home", "192.0.2.0/29"), *web())
    doc = explain(steellb, path)
    assert links(doc, "broken") == ["advertisement"]
    assert doc["verdict"].startswith("default/web: nobody announces it: ") and "home" in doc["verdict"]


def test_an_advertisement_for_others(steellb, write):
    wants = [{"matchLabels": {"app": "db"}}]
    path = write("in.yaml", *cluster("n1"), pool("home", "192.0.2.0/29"), l2(serviceSelectors=wants), *web())
    doc = explain(steellb, path)
    assert texts(doc, "advertisement") == ["L2Advertisement lan does not: its serviceSelectors want app=db"]
    assert links(doc, "broken") == ["advertisement"]


def test_no_endpoint_counts(steellb, write):
    path = write(
        "in.yaml",
        *cluster("n1"),
        pool("home", "192.0.2.0/29"),
        l2(),
        service("web"),
        endpoints("web", endpoint("10.0.0.5", "n1", ready=False, serving=False)),
    )
    doc = explain(steellb, path)
    assert texts(doc, "endpoint") == [
        "10.0.0.5 on n1 does not count (not-ready): it is neither ready nor serving"
    ]
    assert "endpoint" in links(doc, "broken")


def test_no_slice(steellb, write):
    path = write("in.yaml", *cluster("n1"), pool("home", "192.0.2.0/29"), l2(), service("web"))
    assert "no EndpointSlice names this Service" in texts(explain(steellb, path), "endpoint")[0]


def test_another_node_does_it(steellb, write):
    path = write(
        "in.yaml", *cluster("n1", "n2"), pool("home", "192.0.2.0/29"), l2(), *web(externalTrafficPolicy="Local")
    )
    doc = explain(steellb, path)
    assert doc["announced"]
    assert links(doc, "broken") == [] and links(doc, "attention") == ["node"]
    assert any("n2 may not announce by Layer 2 (no-local-endpoint)" in t for t in texts(doc, "node"))


def test_a_route_nobody_takes(steellb, write):
    path = write("in.yaml", *cluster("n1"), pool("home", "192.0.2.0/29"), bgp(), *web())
    doc = explain(steellb, path)
    assert texts(doc, "node") == ["n1 may announce by BGP, but has no BGPPeer that takes the route"]
    assert links(doc, "broken") == ["node"]


def test_says_why_a_peer_gets_nothing(steellb, write):
    path = write(
        "in.yaml",
        *cluster("n1"),
        pool("home", "192.0.2.0/32"),
        bgp(peers=["rack1", "rack6"]),
        peer("rack1", "198.51.100.1"),
        peer("rack2", "198.51.100.2"),
        peer("rack6", "2001:db8::1"),
        *web(),
    )
    doc = explain(steellb, path)
    assert doc["announced"]
    assert texts(doc, "route") == [
        "n1 to rack1: 192.0.2.0/32",
        "n1 to rack2: 192.0.2.0/32 is not sent: no advertisement of it lists this peer (spec.peers)",
        "n1 to rack6: 192.0.2.0/32 is not sent: the session does not carry IPv4 (spec.dualStackAddressFamily)",
    ]


def test_a_drained_node(steellb, write):
    drained = node("n1")
    drained["metadata"]["annotations"] = {"steellb.io/drain": ""}
    path = write("in.yaml", drained, pool("home", "192.0.2.0/32"), bgp(), peer("rack1", "198.51.100.1"), *web())
    doc = explain(steellb, path)
    assert doc["announced"]
    assert "n1 is being drained" in texts(doc, "node")[0] and "attention" in [h["mark"] for h in doc["hops"]]


def test_not_a_load_balancer(steellb, write):
    doc = explain(steellb, write("in.yaml", *cluster("n1"), service("web", kind="ClusterIP")))
    assert links(doc, "broken") == ["service"]
    assert "ClusterIP" in texts(doc, "service")[0]


def test_another_class(steellb, write):
    doc = explain(steellb, write("in.yaml", *cluster("n1"), *web(loadBalancerClass="other")))
    assert texts(doc, "service") == [
        "its loadBalancerClass is other, but only those without a class are served (--lb-class)"
    ]


def test_faults(steellb, write):
    path = write("in.yaml", *cluster("n1"), pool("home", "192.0.2.0/33"), l2(), *web(status=["192.0.2.1"]))
    doc = explain(steellb, path)
    assert links(doc) == ["service", "configuration", "allocation"]
    assert "192.0.2.1" in texts(doc, "allocation")[0]


def test_unknown_service(steellb, write):
    path = write("in.yaml", service("web"), service("api", namespace="prod"), service("other"))
    result = steellb("explain", "default/wbe", "-f", path)
    assert (result.status, result.out) == (2, "")
    assert "no Service default/wbe; similar: default/web\n" in result.err
    assert "similar: prod/api" in steellb("explain", "api", "-f", path).err
    assert "similar" not in steellb("explain", "default/nothing-alike", "-f", path).err
