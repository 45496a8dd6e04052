# SPDX-License-Identifier: Apache-2.0
"""`steellb run` on three nodes that share a folder: who answers, and who takes over."""
import ipaddress
import re

import pytest

from folder import (EXCLUDE_LABEL, NODES, PATIENCE, endpoints, l2_advertisement, node, plan, pool,
                    service)
from lan import ETH_P_IPV6, Ear
from netns import until

VIP, VIP6 = "198.18.0.10", "2001:db8::a:10"


def put_web(cluster, *families, **spec):
    cluster.folder.put("cluster.yaml", pool("home", "198.18.0.10-198.18.0.19", "2001:db8::a:10/124"),
                       l2_advertisement())
    cluster.folder.put("web.yaml", service("web", *families, **spec), endpoints("web"))


def owner_of(cluster, name="web"):
    return plan(cluster.folder)[name]["layer2"][0].get("node")


def others(name):
    return [n for n in NODES if n != name]


@pytest.fixture
def web(cluster):
    put_web(cluster)
    cluster.start()
    return cluster


def test_one_node_answers(web):
    owner = owner_of(web)
    web.until_answered(VIP, owner)
    out = web.net.run("client", "arping", "-c", "3", "-w", "10", "-I", "eth0", VIP)
    assert set(re.findall(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", out)) == {web.net.mac(owner, "eth0")}
    for name, p in web.processes.items():
        status = p.status()
        assert [(s["name"], s["node"], s["addresses"]) for s in status["services"]] == \
            [("web", owner, [VIP])]
        announced = [(a["address"], a["services"]) for a in status["announcing"]]
        assert announced == ([(VIP, ["default/web"])] if name == owner else [])
    assert web.repliers("198.18.0.11") == set()


def mark_unavailable(cluster, name):
    cluster.folder.put(f"node-{name}.yaml", node(name, unavailable=True))


def mark_excluded(cluster, name):
    cluster.folder.put(f"node-{name}.yaml", node(name, labels={EXCLUDE_LABEL: ""}))


def remove(cluster, name):
    cluster.folder.remove(f"node-{name}.yaml")


@pytest.mark.parametrize("lose", [mark_unavailable, mark_excluded, remove])
def test_lost_and_returned(web, lose):
    first = owner_of(web)
    web.until_answered(VIP, first)
    with Ear(web.net) as ear:
        lose(web, first)
        second = owner_of(web)
        assert second != first
        web.until_answered(VIP, second)
        ear.until_gratuitous(VIP, web.mac_of(second))
        lose(web, second)
        third, = set(NODES) - {first, second}
        assert owner_of(web) == third
        web.until_answered(VIP, third)
        ear.until_gratuitous(VIP, web.mac_of(third))

        web.folder.put(f"node-{first}.yaml", node(first))
        assert owner_of(web) == first
        web.until_answered(VIP, first)
        ear.until_gratuitous(VIP, web.mac_of(first))


def test_all_nodes_lost(web):
    web.until_answered(VIP, owner_of(web))
    for n in NODES:
        mark_unavailable(web, n)
    web.until_answered(VIP)
    mark_excluded(web, "elm")
    web.folder.put("node-fir.yaml", node("fir"))
    web.until_answered(VIP, "fir")


def test_owner_is_killed(web):
    first = owner_of(web)
    web.until_answered(VIP, first)
    web.processes.pop(first).kill()
    web.until_answered(VIP)
    with Ear(web.net) as ear:
        mark_unavailable(web, first)
        second = owner_of(web)
        web.until_answered(VIP, second)
        ear.until_gratuitous(VIP, web.mac_of(second))


def test_excluded_node_may_be_wanted(cluster):
    put_web(cluster)
    for n in NODES:
        mark_excluded(cluster, n)
    cluster.start("oak", "elm")
    cluster.until_answered(VIP)
    cluster.start("fir", args=["--ignore-exclude-lb"])
    cluster.until_adopted(lambda s: s["services"])
    owner = cluster.processes["fir"].status()["services"][0]["node"]
    cluster.until_answered(VIP, *(["fir"] if owner == "fir" else []))
    mark_unavailable(cluster, "oak")
    mark_unavailable(cluster, "elm")
    cluster.until_answered(VIP, "fir")


def test_node_without_object(cluster):
    put_web(cluster)
    remove(cluster, "oak")
    cluster.start("oak")
    oak = cluster.processes["oak"]
    oak.until_log("the folder has no Node of this name", "node=oak")
    assert oak.status()["announcing"] == []
    cluster.until_answered(VIP)
    remove(cluster, "elm")
    remove(cluster, "fir")
    cluster.folder.put("node-oak.yaml", node("oak"))
    cluster.until_answered(VIP, "oak")


@pytest.mark.parametrize("conditions, counts", [
    ({"ready": True}, True),
    ({"ready": True, "serving": False}, True),  # publishNotReadyAddresses
    ({"ready": False, "serving": True, "terminating": True}, True),
    ({"ready": False, "serving": False}, False),
    ({"ready": False}, False),
])
def test_readiness(web, conditions, counts):
    owner = owner_of(web)
    web.folder.put("web.yaml", service("web"), endpoints("web", ready=not counts))
    web.until_answered(VIP, *([] if counts else [owner]))
    web.folder.put("web.yaml", service("web"), endpoints("web", **conditions))
    web.until_answered(VIP, *([owner] if counts else []))


def test_no_endpoints(web):
    web.until_answered(VIP, owner_of(web))
    web.folder.put("web.yaml", service("web"))
    web.until_answered(VIP)
    status = web.processes["oak"].status()
    assert status["services"][0]["addresses"] == [VIP] and "node" not in status["services"][0]


def test_traffic_policy_local(cluster):
    put_web(cluster)
    local = service("web", externalTrafficPolicy="Local")
    cluster.folder.put("web.yaml", local, endpoints("web", ["fir"]))
    cluster.start()
    cluster.until_answered(VIP, "fir")
    cluster.folder.put("web.yaml", local, endpoints("web", ["elm"]))
    cluster.until_answered(VIP, "elm")
    cluster.folder.put("web.yaml", local, endpoints("web", ["elm"], ready=False))
    cluster.until_answered(VIP)


def test_nodes_of_an_advertisement(web):
    web.until_answered(VIP, owner_of(web))
    for n in NODES:
        chosen = {"matchLabels": {"kubernetes.io/hostname": n}}
        web.folder.put(f"node-{n}.yaml", node(n, labels=chosen["matchLabels"]))
        web.folder.put("cluster.yaml", pool("home", "198.18.0.10-198.18.0.19"),
                       l2_advertisement(nodeSelectors=[chosen]))
        web.until_answered(VIP, n)


def test_service_goes(web):
    owner = owner_of(web)
    web.until_answered(VIP, owner)
    web.folder.remove("web.yaml")
    web.until_answered(VIP)
    web.processes[owner].until_log("withdrawing service announcement", "serviceDeleted")
    web.folder.put("web.yaml", service("web"), endpoints("web"))
    web.until_answered(VIP, owner)


def test_shared_address(cluster):
    """It stays as long as one of its Services does."""
    put_web(cluster)
    shares = {"metallb.io/allow-shared-ip": "k"}
    cluster.folder.put("web.yaml", service("web", annotations=shares, loadBalancerIP=VIP),
                       endpoints("web"))
    cluster.folder.put("dns.yaml", service("dns", annotations=shares, loadBalancerIP=VIP,
                                           ports=[{"port": 53, "protocol": "UDP"}]),
                       endpoints("dns"))
    cluster.start()
    owner = owner_of(cluster)
    cluster.until_answered(VIP, owner)
    announced = cluster.processes[owner].status()["announcing"]
    assert [(a["address"], a["services"]) for a in announced] == \
        [(VIP, ["default/dns", "default/web"])]
    cluster.folder.remove("web.yaml")
    cluster.until_adopted(lambda s: [x["name"] for x in s["services"]] == ["dns"])
    cluster.until_answered(VIP, owner)
    cluster.folder.remove("dns.yaml")
    cluster.until_answered(VIP)


# --- IPv6 ---


def adverts(ear, ip):
    """(source, is it an answer?) of the neighbour advertisements that came since the last call."""
    target = ipaddress.IPv6Address(ip).packed
    return {(f[6:12], f[58] & 0x40 != 0) for f in ear.frames()
            if f[20] == 58 and f[54] == 136 and f[62:78] == target}


def solicited(cluster, ip):
    """The hardware addresses that answer ndisc6. It takes answers from the target's own address
    only, so the answers are read off the wire."""
    with Ear(cluster.net, protocol=ETH_P_IPV6) as ear:
        cluster.net.run("client", "ndisc6", "-1", "-r", "1", "-w", "100", ip, "eth0", check=False)
        for p in cluster.processes.values():
            p.status()
        return {source for source, is_answer in adverts(ear, ip) if is_answer}


def until_solicited(cluster, ip, *names):
    want = {cluster.mac_of(n) for n in names}
    until(lambda: solicited(cluster, ip) == want, PATIENCE, f"{ip} from {names}")


def test_ipv6(cluster):
    put_web(cluster, "IPv6")
    cluster.start()
    first = owner_of(cluster)
    until_solicited(cluster, VIP6, first)
    with Ear(cluster.net, protocol=ETH_P_IPV6) as ear:
        mark_unavailable(cluster, first)
        second = owner_of(cluster)
        until_solicited(cluster, VIP6, second)
        mac = cluster.mac_of(second)
        until(lambda: (mac, False) in adverts(ear, VIP6), PATIENCE, "an unsolicited advertisement")
    assert second != first


def test_dual_stack(cluster):
    put_web(cluster, "IPv4", "IPv6")
    cluster.start()
    layer2 = plan(cluster.folder)["web"]["layer2"]
    assert [x["address"] for x in layer2] == [VIP, VIP6]
    owner = layer2[0]["node"]
    cluster.until_answered(VIP, owner)
    until_solicited(cluster, VIP6, owner)
    cluster.folder.put("web.yaml", service("web", "IPv4", "IPv6"), endpoints("web", ready=False))
    cluster.until_answered(VIP)
    until_solicited(cluster, VIP6)
