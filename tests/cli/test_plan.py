# SPDX-License-Identifier: Apache-2.0
"""The plan's shape, its text, its exit status. What it decides is the business of tests/cases."""
import json

import pytest

from manifests import bgp, cluster, endpoint, endpoints, l2, metallb, node, peer, pool, ready, service, web

# A type, [item], {key: type}, or {key: (type, "optional")}; a set lists the allowed values.
FAMILIES = {"ipv4": int, "ipv6": int}
FAULT = {"kind": str, "namespace": str, "name": str, "message": str}
SERVICE = {
    "namespace": str,
    "name": str,
    "pool": (str, "optional"),
    "addresses": ([str], "optional"),
    "pending": ({"reason": str, "message": str}, "optional"),
    "endpoints": [
        {
            "address": str,
            "node": (str, "optional"),
            "counts": bool,
            "rule": {"ready", "ready-absent", "serving", "not-ready"},
            "earlier": {"0.13.12": bool, "0.14.3": bool},
        }
    ],
    "layer2": [
        {
            "address": str,
            "node": (str, "optional"),
            "advertisements": [str],
            "interfaces": [str],
            "nodes": [
                {
                    "node": str,
                    "verdict": {"owner", "standby", "no"},
                    "reason": (
                        {
                            "no-speaker",
                            "network-unavailable",
                            "excluded-from-load-balancers",
                            "link-down",
                            "not-selected",
                            "no-local-endpoint",
                            "no-endpoint",
                        },
                        "optional",
                    ),
                    "message": (str, "optional"),
                }
            ],
        }
    ],
    "bgp": [
        {"node": str, "peer": str, "prefix": str, "localPref": int, "communities": [str], "asPathPrepend": int}
    ],
}
PLAN = {
    "kind": {"Plan"},
    "version": {1},
    "faults": [FAULT],
    "warnings": [FAULT],
    "pools": [{"name": str, "assigned": FAMILIES, "available": FAMILIES}],
    "services": [SERVICE],
}


def conforms(value, shape, where="$"):
    if isinstance(shape, set):
        assert value in shape, "%s: %r is none of %s" % (where, value, shape)
    elif isinstance(shape, list):
        assert isinstance(value, list), "%s is no list" % where
        for i, item in enumerate(value):
            conforms(item, shape[0], "%s[%d]" % (where, i))
    elif isinstance(shape, dict):
        assert isinstance(value, dict), "%s is no object" % where
        assert set(value) <= set(shape), "%s: unknown keys %s" % (where, set(value) - set(shape))
        for key, inner in shape.items():
            optional = isinstance(inner, tuple)
            assert optional or key in value, "%s.%s is missing" % (where, key)
            if key in value:
                conforms(value[key], inner[0] if optional else inner, where + "." + key)
    else:
        assert type(value) is shape, "%s: %r is no %s" % (where, value, shape.__name__)


RICH = [
    *cluster("n1", "n2"),
    node("n3", **{"node.kubernetes.io/exclude-from-external-load-balancers": ""}),
    pool("home", "192.0.2.0/29"),
    pool("lab", "203.0.113.0/30", autoAssign=False),
    l2("lan", ipAddressPools=["home"], interfaces=["eth1", "eth0"]),
    bgp("routed", ipAddressPools=["home"], localPref=150, communities=["65000:9", "65000:100", "large:1:2:3"]),
    peer("tor", "198.18.0.1"),
    peer("edge", "198.18.0.2", peer_asn=64999),
    service("web"),
    endpoints(
        "web",
        ready(),
        endpoint("10.0.0.6", "n2", ready=False, serving=True, terminating=True),
        endpoint("10.0.0.7", ready=False, serving=False),
        endpoint("10.0.0.8", "n3"),
    ),
    service("full", loadBalancerIP="198.51.100.1"),
    service("quiet", status=["203.0.113.1"]),
    service("plain", kind="ClusterIP"),
]


@pytest.fixture
def rich(steellb, write):
    result = steellb("plan", "-f", write("rich.yaml", *RICH), "-o", "json")
    assert result.status == 0, result.err
    return result.json


def by_name(plan, name):
    return next(s for s in plan["services"] if s["name"] == name)


def test_shape(rich):
    conforms(rich, PLAN)
    assert [s["name"] for s in rich["services"]] == ["full", "quiet", "web"]


def test_an_allocation_or_a_reason(rich):
    for s in rich["services"]:
        assert ("pending" in s) != ("addresses" in s), s
        assert ("pool" in s) == ("addresses" in s), s
    assert by_name(rich, "full")["pending"]["reason"] == "AllocationFailed"
    assert by_name(rich, "web")["pool"] == "home"
    assert by_name(rich, "quiet")["addresses"] == ["203.0.113.1"]


def test_endpoints(rich):
    got = [(e["address"], e.get("node"), e["counts"], e["rule"]) for e in by_name(rich, "web")["endpoints"]]
    assert got == [
        ("10.0.0.5", "n1", True, "ready"),
        ("10.0.0.6", "n2", True, "serving"),
        ("10.0.0.7", None, False, "not-ready"),
        ("10.0.0.8", "n3", True, "ready-absent"),
    ]
    draining = by_name(rich, "web")["endpoints"][1]
    assert draining["earlier"] == {"0.13.12": False, "0.14.3": True}


def test_layer2(rich):
    (entry,) = by_name(rich, "web")["layer2"]
    assert entry["advertisements"] == ["lan"]
    assert entry["interfaces"] == ["eth0", "eth1"]
    assert [n["verdict"] for n in entry["nodes"]] == ["owner", "standby", "no"]
    assert entry["nodes"][0]["node"] == entry["node"]
    assert entry["nodes"][2]["reason"] == "excluded-from-load-balancers"
    assert by_name(rich, "quiet")["layer2"] == []


def test_layer2_without_an_announcer(steellb, write):
    path = write("in.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), service("web"))
    (entry,) = by_name(steellb("plan", "-f", path, "-o", "json").json, "web")["layer2"]
    assert "node" not in entry
    assert entry["advertisements"] == ["lan"]
    assert {n["reason"] for n in entry["nodes"]} == {"no-endpoint"}


def test_bgp(rich):
    routes = by_name(rich, "web")["bgp"]
    keys = [(r["node"], r["peer"], r["prefix"]) for r in routes]
    assert keys == sorted(keys) and len(keys) == 4
    assert [r["localPref"] for r in routes] == [0, 150, 0, 150]  # edge is eBGP, tor is iBGP
    assert routes[0]["communities"] == ["65000:100", "65000:9", "large:1:2:3"]


def test_pools(rich):
    home, lab = rich["pools"]
    assert (home["name"], home["assigned"]) == ("home", {"ipv4": 1, "ipv6": 0})
    assert (lab["name"], lab["available"]) == ("lab", {"ipv4": 3, "ipv6": 0})


def test_warnings(rich):
    about = [(w["name"], w["message"]) for w in rich["warnings"]]
    assert any(name == "web" and "localPref" in text for name, text in about)
    assert any(name == "quiet" for name, text in about)


def test_one_service_a_line(steellb, write):
    lines = steellb("plan", "-f", write("rich.yaml", *RICH), "-o", "json").out.splitlines()
    assert sum('"endpoints"' in line for line in lines) == 3


def test_text(steellb, write):
    result = steellb("plan", "-f", write("rich.yaml", *RICH))
    assert result.status == 0
    assert "\033" not in result.out
    assert "default/web" in result.out and "pool home" in result.out
    assert "default/full  pending" in result.out
    assert "on eth0, eth1, 1 standby" in result.out
    assert "to tor: 192.0.2.0/32 localPref 150 communities 65000:100,65000:9,large:1:2:3 from n1, n2" in result.out


def test_faults_keep_what_is_held(steellb, write):
    path = write("in.yaml", *cluster(), pool("home", "192.0.2.0/33"), l2(), *web(status=["192.0.2.1"]), service("new"))
    result = steellb("plan", "-f", path, "-o", "json")
    assert result.status == 1
    plan = result.json
    conforms(plan, PLAN)
    assert plan["faults"][0]["name"] == "home"
    assert by_name(plan, "web")["addresses"] == ["192.0.2.1"]
    assert "pending" in by_name(plan, "new")
    text = steellb("plan", "-f", path)
    assert text.status == 1
    assert text.out.startswith("error: IPAddressPool metallb-system/home: ")


def test_several_paths(steellb, write):
    a = write("a.yaml", *cluster())
    b = write("b.yaml", pool("home", "192.0.2.0/29"), l2())
    c = write("c.yaml", *web())
    want = steellb("plan", "-f", a, b, c).out
    assert "192.0.2.0" in want
    assert steellb("plan", "-f", a, "-f", b, "--file", c).out == want
    assert steellb("plan", "--file=" + str(a), str(b), "-f", c).out == want


def test_folder(steellb, write, tmp_path):
    write("a.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    assert "192.0.2.0" in steellb("plan", "-f", tmp_path).out


def test_standard_input(steellb):
    objects = "".join("---\n%s\n" % json.dumps(o) for o in [*cluster(), pool("home", "192.0.2.0/29"), l2(), *web()])
    result = steellb("plan", "-f", "-", "-o", "json", stdin=objects.encode())
    assert result.status == 0
    assert by_name(result.json, "web")["addresses"] == ["192.0.2.0"]


def test_namespace_and_class(steellb, write):
    path = write(
        "in.yaml",
        *cluster(),
        metallb("IPAddressPool", "home", namespace="lb", addresses=["192.0.2.0/29"]),
        metallb("L2Advertisement", "lan", namespace="lb"),
        *web(loadBalancerClass="steellb.io/lan"),
    )
    assert steellb("plan", "-f", path, "-o", "json", "--namespace=lb").json["services"] == []
    plan = steellb("plan", "-f", path, "-o", "json", "--namespace", "lb", "--lb-class", "steellb.io/lan").json
    assert by_name(plan, "web")["addresses"] == ["192.0.2.0"]


def test_ignore_exclude_lb(steellb, write):
    path = write("rich.yaml", *RICH)
    plan = steellb("plan", "-f", path, "-o", "json", "--ignore-exclude-lb").json
    (entry,) = by_name(plan, "web")["layer2"]
    assert sorted(n["verdict"] for n in entry["nodes"]) == ["owner", "standby", "standby"]


@pytest.mark.parametrize(
    "conditions, publish, sentence",
    [
        (
            {"ready": True, "serving": False, "terminating": False},
            True,
            "MetalLB 0.14.0 to 0.14.4 would not have announced this Service: its 2 endpoints are ready only because of "
            "publishNotReadyAddresses (ready, but not serving); 0.13.12, 0.14.5 and SteelLB announce it.",
        ),
        (
            {"ready": False, "serving": True, "terminating": True},
            False,
            "MetalLB up to 0.13.12 would not have announced this Service: its 2 endpoints are terminating (serving, but "
            "not ready); 0.14.0 and later and SteelLB announce it.",
        ),
    ],
)
def test_what_earlier_releases_did(steellb, write, conditions, publish, sentence):
    slices = endpoints("web", endpoint("10.0.0.5", "n1", **conditions), endpoint("10.0.0.6", "n2", **conditions))
    path = write(
        "in.yaml",
        *cluster(),
        pool("home", "192.0.2.0/29"),
        l2(),
        service("web", publishNotReadyAddresses=publish),
        slices,
    )
    assert sentence in steellb("plan", "-f", path).out
    assert sentence in steellb("explain", "web", "-f", path).out


def test_control_characters_stay_out(steellb, write):
    path = write("in.yaml", *cluster(), pool("home", "192.0.2.0/29\u009b\u001b[31m"), l2())
    result = steellb("plan", "-f", path)
    assert result.status == 1
    assert "\033" not in result.out and "\u009b" not in result.out
