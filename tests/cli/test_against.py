# SPDX-License-Identifier: Apache-2.0
"""plan --against: what an edit does to a system that runs."""
from manifests import bgp, cluster, l2, node, peer, pool, service, web

EMPTY = {"addresses": [], "owners": [], "routes": []}


def changes(result):
    diff = result.json
    assert (diff["kind"], diff["version"]) == ("PlanDiff", 1)
    assert set(diff) == {"kind", "version", "faults", "warnings", *EMPTY}
    return {key: diff[key] for key in EMPTY}


def compare(steellb, old, new):
    return steellb("plan", "--against", old, "-f", new, "-o", "json")


def test_nothing_changes(steellb, write):
    old = write("old.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), bgp(), peer("tor", "198.18.0.1"), *web())
    result = compare(steellb, old, old)
    assert result.status == 0
    assert changes(result) == EMPTY
    assert steellb("plan", "-f", old, "--against", old).out.endswith("nothing changes\n")


def test_a_pool_edit_moves_an_address(steellb, write):
    old = write("old.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    new = write("new.yaml", *cluster(), pool("home", "192.0.2.128/29"), l2(), *web())
    result = compare(steellb, old, new)
    assert result.status == 3
    assert changes(result)["addresses"] == [
        {"namespace": "default", "name": "web", "from": ["192.0.2.0"], "to": ["192.0.2.128"]}
    ]
    text = steellb("plan", "-f", new, "--against", old)
    assert text.status == 3
    assert "default/web  192.0.2.0 -> 192.0.2.128" in text.out


def test_a_pool_that_vanishes(steellb, write):
    old = write("old.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    new = write("new.yaml", *cluster(), l2(), *web())
    result = compare(steellb, old, new)
    assert result.status == 3
    assert changes(result)["addresses"][0]["to"] == []
    assert "192.0.2.0 -> no address" in steellb("plan", "-f", new, "--against", old).out


def test_what_is_held_stays(steellb, write):
    """The new set alone would give 192.0.2.0 to the other Service; a running system would not."""
    old = write("old.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    new = write("new.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), service("aaa"), *web())
    result = compare(steellb, old, new)
    assert result.status == 0
    assert changes(result)["addresses"] == [
        {"namespace": "default", "name": "aaa", "from": [], "to": ["192.0.2.1"]}
    ]
    assert "default/aaa  gets 192.0.2.1" in steellb("plan", "-f", new, "--against", old).out


def test_a_status_of_the_new_set_counts(steellb, write):
    old = write("old.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    new = write("new.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web(status=["192.0.2.5"]))
    result = compare(steellb, old, new)
    assert result.status == 3
    assert changes(result)["addresses"][0]["to"] == ["192.0.2.5"]


def test_a_deleted_service_is_no_disturbance(steellb, write):
    old = write("old.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    new = write("new.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2())
    result = compare(steellb, old, new)
    assert result.status == 0
    assert changes(result)["addresses"][0]["to"] == []


def test_a_service_that_is_no_load_balancer_any_more(steellb, write):
    old = write("old.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    new = write("new.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web(kind="ClusterIP"))
    assert compare(steellb, old, new).status == 0


def test_a_service_that_leaves_for_another_class(steellb, write):
    old = write("old.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    new = write("new.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web(loadBalancerClass="other"))
    assert compare(steellb, old, new).status == 3


def test_the_owner_moves(steellb, write):
    rest = [pool("home", "192.0.2.0/29"), l2(), *web()]
    old = write("old.yaml", *cluster("n1"), *rest)
    new = write("new.yaml", *cluster("n2"), *rest)
    result = compare(steellb, old, new)
    assert result.status == 0
    assert changes(result) == {
        **EMPTY,
        "owners": [{"namespace": "default", "name": "web", "address": "192.0.2.0", "from": "n1", "to": "n2"}],
    }
    assert "default/web  192.0.2.0: n1 -> n2" in steellb("plan", "-f", new, "--against", old).out


def test_the_owner_goes(steellb, write):
    old = write("old.yaml", *cluster("n1"), pool("home", "192.0.2.0/29"), l2(), *web())
    new = write("new.yaml", *cluster("n1"), pool("home", "192.0.2.0/29"), *web())
    result = compare(steellb, old, new)
    assert result.status == 0
    assert [(c["from"], c["to"]) for c in changes(result)["owners"]] == [("n1", None)]
    assert "n1 -> nobody" in steellb("plan", "-f", new, "--against", old).out


def test_route_attributes_change(steellb, write):
    rest = [node("n1"), pool("home", "192.0.2.0/29"), peer("tor", "198.18.0.1"), *web()]
    old = write("old.yaml", *rest, bgp(localPref=100))
    new = write("new.yaml", *rest, bgp(localPref=200, communities=["65000:1"]))
    result = compare(steellb, old, new)
    assert result.status == 0
    assert changes(result) == {
        **EMPTY,
        "routes": [
            {
                "change": "changed",
                "node": "n1",
                "peer": "tor",
                "prefix": "192.0.2.0/32",
                "from": {"localPref": 100, "communities": [], "asPathPrepend": 0},
                "to": {"localPref": 200, "communities": ["65000:1"], "asPathPrepend": 0},
            }
        ],
    }
    want = "changed  n1 to tor: 192.0.2.0/32 localPref 100 -> 192.0.2.0/32 localPref 200 communities 65000:1"
    assert want in steellb("plan", "-f", new, "--against", old).out


def test_routes_come_and_go(steellb, write):
    rest = [node("n1"), pool("home", "192.0.2.0/29"), bgp(), *web()]
    old = write("old.yaml", *rest, peer("left", "198.18.0.1"))
    new = write("new.yaml", *rest, peer("right", "198.18.0.1"))
    got = changes(compare(steellb, old, new))["routes"]
    assert [(r["change"], r["peer"], r["from"] is None, r["to"] is None) for r in got] == [
        ("removed", "left", False, True),
        ("added", "right", True, False),
    ]


def test_a_shared_route_outlives_one_of_its_services(steellb, write):
    """Both Services are inside one aggregate: the router sees no change when one goes."""
    rest = [node("n1"), pool("home", "192.0.2.0/29"), bgp(aggregationLength=29), peer("tor", "198.18.0.1"), *web()]
    other = [service("zzz"), *web()[1:]]
    other[1] = {**other[1], "metadata": {**other[1]["metadata"], "name": "zzz-1"}}
    other[1]["metadata"]["labels"] = {"kubernetes.io/service-name": "zzz"}
    old = write("old.yaml", *rest, *other)
    new = write("new.yaml", *rest)
    result = compare(steellb, old, new)
    assert changes(result)["routes"] == []
    assert len(changes(result)["addresses"]) == 1


def test_faults_replace_nothing(steellb, write):
    good = write("good.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    bad = write("bad.yaml", *cluster(), pool("home", "192.0.2.0/33"), l2(), *web())
    result = compare(steellb, good, bad)
    assert result.status == 1
    assert changes(result) == EMPTY
    assert result.json["faults"][0]["name"] == "home"
    back = compare(steellb, bad, good)
    assert back.status == 1
    assert back.json["faults"][0]["message"].startswith("in the set to compare against: ")


def test_several_paths_each(steellb, write):
    nodes, service_file = write("nodes.yaml", *cluster()), write("web.yaml", *web())
    old = write("old.yaml", pool("home", "192.0.2.0/29"), l2())
    new = write("new.yaml", pool("home", "192.0.2.128/29"), l2())
    result = steellb("plan", "-f", nodes, service_file, new, "--against", nodes, service_file, old)
    assert result.status == 3


def test_unreadable(steellb, write, tmp_path):
    good = write("good.yaml", *cluster())
    result = steellb("plan", "-f", good, "--against", tmp_path / "absent.yaml")
    assert (result.status, result.out) == (2, "")
    assert "absent.yaml" in result.err
