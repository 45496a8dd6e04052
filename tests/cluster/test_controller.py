# SPDX-License-Identifier: Apache-2.0
"""Our controller beside the real API server, with no more rights than MetalLB's (spec controller 6.5 and 7.2)."""
import base64
import itertools
import json
import signal
import subprocess
import time

import pytest

from client import ApiError
from cluster import NAMESPACE, ControlPlane
from objects import deployment, ips, pod, pool, service
from programs import PATIENCE

from folder import binary
from netns import ENV, until

POOL = "metallb.io/ip-allocated-from-pool"
OLD_POOL = "metallb.universe.tf/ip-allocated-from-pool"
SHARE = "metallb.io/allow-shared-ip"
WANTED = "metallb.io/loadBalancerIPs"
WANTED_POOL = "metallb.io/address-pool"
DUAL = {"ipFamilyPolicy": "PreferDualStack"}
MANY = 1000


class Lab:
    """Controllers in one control plane, and what is there for them."""

    def __init__(self, plane):
        self.plane, self.admin = plane, plane.admin
        self.controllers = []

    def start(self, *flags, pod_name="controller-0", env=()):
        env = {"METALLB_NAMESPACE": NAMESPACE, "METALLB_POD_NAME": pod_name,
               "KUBECONFIG": self.plane.kubeconfig("controller"), **dict(env)}
        argv = [binary(), "controller", "--port=0", "--health-probe-port=0", "--webhook-mode=disabled", *flags]
        self.controllers.append(self.plane.run("steellb-controller", argv, self.plane.net, self.plane.ns, env))
        return self.controllers[-1]

    def reset(self):
        """No controller, and nothing for it to do."""
        for c in self.controllers:
            c.kill()
        self.controllers.clear()
        for kind, namespace in (("Service", None), ("IPAddressPool", NAMESPACE), ("Community", NAMESPACE),
                                ("ConfigurationState", NAMESPACE), ("Event", None), ("Secret", NAMESPACE)):
            for obj in self.admin.list(kind, namespace):
                if obj["metadata"]["name"] != "kubernetes":
                    self.remove(kind, obj["metadata"])
        for name in ("first", "second"):
            self.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": name}}})

    def lists(self):
        """A server that has just started answers 429 for some kinds, though it is ready."""
        try:
            return all(isinstance(self.admin.list(k), list) for k in ("Service", "IPAddressPool", "Community", "ConfigurationState"))
        except ApiError:
            return False

    def remove(self, kind, meta):
        try:
            self.admin.delete(kind, meta["name"], meta.get("namespace"))
        except ApiError as e:
            if e.code != 404:  # a list may be from before
                raise

    def pools(self, *pools):
        for p in pools:
            self.admin.apply(p)

    def drop_pool(self, name):
        self.admin.delete("IPAddressPool", name, NAMESPACE)

    def create(self, name, namespace="default", annotations=None, labels=None, **spec):
        made = service(name, namespace, annotations, **spec)
        made["metadata"]["labels"] = labels or {}
        return self.admin.create(made)

    def change(self, name, namespace="default", **spec):
        self.admin.patch("Service", name, {"spec": spec}, namespace)

    def annotate(self, name, key, value):
        self.admin.patch("Service", name, {"metadata": {"annotations": {key: value}}}, "default")

    def delete(self, name, namespace="default"):
        self.admin.delete("Service", name, namespace)

    def ips(self, name, namespace="default"):
        return ips(self.admin.get("Service", name, namespace))

    def until_ips(self, name, *want, namespace="default"):
        return self.admin.until(lambda o: ips(o) == list(want), "Service", name, namespace)

    def until_some(self, name, count=1, namespace="default"):
        return ips(self.admin.until(lambda o: len(ips(o)) == count, "Service", name, namespace))

    def stays(self, name, *want, seconds=1.5, namespace="default"):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.ips(name, namespace) == list(want)
            time.sleep(0.1)

    def events(self, name, reason=None):
        return [(e["type"], e["message"]) for e in self.admin.list("Event", "default")
                if e["involvedObject"]["name"] == name and (reason is None or e["reason"] == reason)]

    def until_event(self, name, reason, text):
        until(lambda: any(text in message for _, message in self.events(name, reason)), PATIENCE,
              f"Event {reason} {text!r} of {name}")

    def state(self):
        found = self.admin.find("ConfigurationState", "controller", NAMESPACE)
        return (found or {}).get("status", {})

    def until_state(self, result, summary=None):
        until(lambda: self.state().get("result") == result and self.state().get("errorSummary") in (summary, summary or None),
              PATIENCE, f"ConfigurationState {result} {summary}: {self.state()}")

    def versions(self):
        """Of everything that the controller writes."""
        return {(k, o["metadata"].get("namespace"), o["metadata"]["name"]): o["metadata"]["resourceVersion"]
                for k in ("Service", "IPAddressPool", "ConfigurationState", "Event", "Secret") for o in self.admin.list(k)}

    def until_quiet(self):
        """Nothing has been written for a while, as far as the controller's objects go."""
        while True:
            before = self.versions()
            time.sleep(1.5)
            if self.versions() == before:
                return before


@pytest.fixture(scope="module")
def lab_of_module():
    with ControlPlane() as plane:
        plane.install()
        plane.admin.create(deployment())
        for i in range(2):
            plane.create_pod(pod(f"controller-{i}", "oak", "controller", {"component": "controller"}), f"198.18.250.{i + 1}")
        yield Lab(plane)


@pytest.fixture
def lab(lab_of_module):
    lab_of_module.reset()
    yield lab_of_module
    for c in lab_of_module.controllers:
        if c.process:
            print(c.tail())
            assert "ERROR: " not in c.log() and "runtime error" not in c.log()


# --- one address and two Services ---


@pytest.mark.parametrize("how", ["type", "deletion", "request"])
def test_the_next_gets_a_freed_address(lab, how):
    lab.start()
    lab.pools(pool("one", "198.18.0.1/32"))
    lab.create("a")
    lab.until_ips("a", "198.18.0.1")
    lab.create("b")
    lab.until_event("b", "AllocationFailed", 'Failed to allocate IP for "default/b": no available IPs')
    assert lab.ips("b") == []
    if how == "type":
        lab.change("a", type="ClusterIP")
    elif how == "deletion":
        lab.delete("a")
    else:
        lab.change("a", loadBalancerIP="203.0.113.1")
    lab.until_ips("b", "198.18.0.1")


def test_status_is_written_once_with_all_else_kept(lab):
    lab.start()
    lab.pools(pool("home", "198.18.0.0/24"))
    made = service("web", annotations={"a": "b"})
    made["metadata"].update(labels={"c": "d"}, finalizers=["example.com/f"])
    made = lab.admin.create(made)
    with lab.admin.watch("Service", "default", version=made["metadata"]["resourceVersion"]) as seen:
        _, got = seen.until(lambda _, o: ips(o))
        assert seen.silent(1.5), "one write a Service"
    meta = got["metadata"]
    assert meta["annotations"] == {"a": "b", POOL: "home"}
    assert meta["labels"] == {"c": "d"} and meta["finalizers"] == ["example.com/f"]
    assert got["spec"] == made["spec"]
    conditions = [{"type": "example.com/x", "status": "True", "reason": "R", "message": "",
                   "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    lab.admin.set_status(got, {"conditions": conditions})
    lab.change("web", type="ClusterIP")
    got = lab.admin.until(lambda o: POOL not in o["metadata"]["annotations"], "Service", "web")
    assert got["status"]["conditions"] == conditions and not ips(got)
    lab.admin.patch("Service", "web", {"metadata": {"finalizers": None}})


# --- restarts ---


def test_restarts_keep_addresses(lab):
    """Two that have one, two that wait; five times."""
    lab.pools(pool("home", "198.18.10.100/32", "198.18.20.200/32"))
    controller = lab.start()
    for name, ip in (("a", "198.18.10.100"), ("b", "198.18.20.200")):
        lab.create(name)
        lab.until_ips(name, ip)
    for name in ("c", "d"):
        lab.create(name)
        lab.until_event(name, "AllocationFailed", "no available IPs")
    for i in range(5):
        assert controller.stop() == 0
        controller = lab.start()
        controller.until_log("config reloaded")
        lab.stays("a", "198.18.10.100", seconds=0.5)
        lab.stays("b", "198.18.20.200", seconds=0.1)
        assert lab.ips("c") == lab.ips("d") == []


def create_many(lab, count):
    for i in range(count):
        lab.create(f"s{i}")


def until_all_assigned(lab, count):
    def all_assigned():
        have = {s["metadata"]["name"]: ips(s) for s in lab.admin.list("Service", "default") if s["spec"]["type"] == "LoadBalancer"}
        return have if len(have) == count and all(have.values()) else None
    return until(all_assigned, 4 * PATIENCE, f"{count} Services have addresses", step=0.2)


def assert_unique(have):
    all_ips = list(itertools.chain.from_iterable(have.values()))
    assert len(set(all_ips)) == len(all_ips)


def test_restart_under_load_moves_and_writes_nothing(lab):
    lab.pools(pool("home", "198.18.0.0/20"))
    controller = lab.start()
    create_many(lab, MANY)
    have = until_all_assigned(lab, MANY)
    assert_unique(have)
    before = lab.until_quiet()
    assert controller.stop() == 0
    controller = lab.start()
    lab.create("late")
    lab.until_some("late")
    after = lab.until_quiet()
    changed = {k[2] for k in after if before.get(k) != after[k]}
    assert {c for c in changed if not c.startswith("late.")} == {"late", "home"}
    have["late"] = lab.ips("late")
    assert until_all_assigned(lab, MANY + 1) == have
    assert_unique(have)


def test_killed_while_it_writes(lab):
    count = 400
    lab.pools(pool("home", "198.18.0.0/20"))
    create_many(lab, count)
    controller = lab.start()
    until(lambda: sum(1 for s in lab.admin.list("Service", "default") if ips(s)) > count // 10, PATIENCE, "some are assigned")
    controller.kill()
    half = {s["metadata"]["name"]: ips(s) for s in lab.admin.list("Service", "default") if ips(s)}
    lab.start()
    have = until_all_assigned(lab, count)
    assert {n: have[n] for n in half} == half
    assert_unique(have)


def test_the_server_restarts(lab):
    lab.pools(pool("home", "198.18.0.0/24"))
    lab.start()
    lab.create("a")
    before = lab.until_some("a")
    lab.plane.apiserver.stop(2)
    lab.plane.admin.close()
    lab.plane.apiserver.start()
    lab.plane.until_ready()
    until(lab.lists, PATIENCE, "every kind is listed again")
    lab.create("b")
    lab.until_some("b")
    assert lab.ips("a") == before


# --- sharing ---


def test_sharing_follows_policy_and_selector(lab):
    lab.start()
    lab.pools(pool("one", "198.18.0.1/32"))
    for name, port in (("a", 80), ("b", 81)):
        lab.create(name, annotations={SHARE: "k"}, ports=[{"port": port}], selector={"app": "x"})
        lab.until_ips(name, "198.18.0.1")
    lab.change("b", externalTrafficPolicy="Local")
    lab.until_ips("b")
    lab.stays("a", "198.18.0.1")
    lab.change("a", externalTrafficPolicy="Local")
    lab.until_ips("b", "198.18.0.1")
    lab.until_ips("a", "198.18.0.1")
    lab.change("a", selector={"app": "y"})
    lab.until_ips("a")
    lab.stays("b", "198.18.0.1")
    lab.change("b", selector={"app": "y"})
    lab.until_ips("a", "198.18.0.1")
    lab.until_ips("b", "198.18.0.1")


@pytest.mark.parametrize("families, ip", [(["IPv4"], "198.18.0.7"), (["IPv6"], "2001:db8:1::7")])
def test_sharing_a_requested_address(lab, families, ip):
    lab.start()
    lab.pools(pool("home", "198.18.0.0/28", "2001:db8:1::/124"))
    for name, port in (("a", 80), ("b", 81)):
        lab.create(name, annotations={SHARE: "k"}, ports=[{"port": port}], loadBalancerIP=ip, ipFamilies=families)
        lab.until_ips(name, ip)
    lab.create("c", annotations={SHARE: "k"}, ports=[{"port": 80}], loadBalancerIP=ip, ipFamilies=families)
    lab.until_event("c", "AllocationFailed", f'port TCP/80 is already in use on "{ip}"')


# --- which pool ---


def scoped(name, address, **allocation):
    return pool(name, address, serviceAllocation=allocation)


def team(name):
    return [{"matchLabels": {"team": name}}]


def test_pools_go_and_come(lab):
    lab.start()
    lab.pools(scoped("ns-pool", "198.18.5.0/32", priority=20, namespaces=["first"]), pool("open", "198.18.10.0/32"))
    lab.create("a", "first")
    lab.until_ips("a", "198.18.5.0", namespace="first")
    lab.drop_pool("ns-pool")
    got = lab.until_ips("a", "198.18.10.0", namespace="first")
    assert got["metadata"]["annotations"][POOL] == "open"
    lab.drop_pool("open")
    got = lab.until_ips("a", namespace="first")
    assert POOL not in got["metadata"].get("annotations", {})
    lab.pools(pool("open", "198.18.10.0/32"))
    lab.until_ips("a", "198.18.10.0", namespace="first")
    # Renamed: the address stays, the annotation follows.
    lab.drop_pool("open")
    lab.pools(pool("renamed", "198.18.10.0/31"))
    lab.admin.until(lambda o: o["metadata"].get("annotations", {}).get(POOL) == "renamed", "Service", "a", "first")
    lab.until_ips("a", "198.18.10.0", namespace="first")


PRIORITIES = [
    ("namespaces", [scoped("p20", "198.18.1.1/32", priority=20, namespaces=["first"]),
                    scoped("p10", "198.18.1.2/32", priority=10, namespaces=["first"]),
                    scoped("none", "198.18.1.3/32", namespaces=["first"])], ["198.18.1.2", "198.18.1.1", "198.18.1.3"]),
    ("only priority", [scoped("p20", "198.18.1.1/32", priority=20), scoped("p10", "198.18.1.2/32", priority=10)],
     ["198.18.1.2", "198.18.1.1"]),
    ("namespace labels", [scoped("p20", "198.18.1.1/32", priority=20, namespaces=["first"]),
                          scoped("label", "198.18.1.2/32", priority=10, namespaceSelectors=team("first")),
                          scoped("none", "198.18.1.3/32", namespaces=["first"])], ["198.18.1.2", "198.18.1.1", "198.18.1.3"]),
    ("service labels", [scoped("p20", "198.18.1.1/32", priority=20, serviceSelectors=team("x")),
                        scoped("p10", "198.18.1.2/32", priority=10, serviceSelectors=team("x")),
                        scoped("none", "198.18.1.3/32", namespaces=["first"])], ["198.18.1.2", "198.18.1.1", "198.18.1.3"]),
    ("both", [scoped("p20", "198.18.1.1/32", priority=20, namespaces=["first"]),
              scoped("p10", "198.18.1.2/32", priority=10, serviceSelectors=team("x")),
              scoped("none", "198.18.1.3/32", namespaces=["first"])], ["198.18.1.2", "198.18.1.1", "198.18.1.3"]),
]


@pytest.mark.parametrize("pools, order", [r[1:] for r in PRIORITIES], ids=[r[0] for r in PRIORITIES])
def test_priorities(lab, pools, order):
    lab.pools(*pools)
    lab.start()
    for i, ip in enumerate(order):
        lab.create(f"s{i}", "first", labels={"team": "x"})
        lab.until_ips(f"s{i}", ip, namespace="first")


def test_namespace_labels_are_followed(lab):
    lab.pools(scoped("first", "198.18.1.1/32", priority=10, namespaceSelectors=team("first")),
              scoped("second", "198.18.1.2/32", priority=10, namespaceSelectors=team("second")),
              scoped("extra", "198.18.1.4/32", priority=5, namespaceSelectors=[{"matchLabels": {"team": "second", "new": "1"}}]),
              pool("open", "198.18.1.3/32"))
    lab.start()
    lab.create("a", "second")
    lab.until_ips("a", "198.18.1.2", namespace="second")
    for name, ip in (("b", "198.18.1.1"), ("c", "198.18.1.3")):
        lab.create(name, "first")
        lab.until_ips(name, ip, namespace="first")
    lab.create("d", "second")
    lab.stays("d", namespace="second", seconds=0.5)
    lab.admin.patch("Namespace", "second", {"metadata": {"labels": {"new": "1"}}})
    lab.until_ips("d", "198.18.1.4", namespace="second")
    lab.admin.patch("Namespace", "second", {"metadata": {"labels": {"new": None}}})


@pytest.mark.parametrize("auto", [True, False])
@pytest.mark.parametrize("family, ranges", [("IPv4", ["198.18.1.1/32", "198.18.1.2/32"]),
                                            ("IPv6", ["2001:db8:1::1/128", "2001:db8:1::2/128"])])
def test_requested_pool(lab, auto, family, ranges):
    lab.start()
    for i, cidr in enumerate(ranges):
        lab.pools(pool(f"p{i}", cidr, autoAssign=auto))
        lab.create(f"s{i}", annotations={WANTED_POOL: f"p{i}"}, ipFamilies=[family])
        got = lab.until_ips(f"s{i}", cidr.split("/")[0])
        assert got["metadata"]["annotations"][POOL] == f"p{i}"
    assert lab.ips("s0") == [ranges[0].split("/")[0]]
    lab.annotate("s0", WANTED_POOL, "nowhere")
    lab.until_ips("s0")
    lab.until_event("s0", "AllocationFailed", 'unknown pool "nowhere"')


def test_class(lab):
    lab.pools(pool("home", "198.18.0.0/28"))
    lab.start()
    lab.create("a", loadBalancerClass="example.com/foo")
    lab.create("b")
    lab.until_some("b")
    lab.stays("a")
    lab.controllers[0].stop()
    lab.start("--lb-class=example.com/foo")
    lab.create("c")
    lab.until_some("a")
    lab.stays("c")


# --- families ---


def test_dual_from_one_pool(lab):
    lab.pools(pool("v4", "198.18.1.0/28"), pool("v6", "2001:db8:1::/124"), pool("v46", "198.18.2.0/28", "2001:db8:2::/124"))
    lab.start()
    lab.create("a", **DUAL)
    lab.until_ips("a", "198.18.2.0", "2001:db8:2::")


@pytest.mark.parametrize("families, ip", [(["IPv4", "IPv6"], "198.18.1.0"), (["IPv6", "IPv4"], "2001:db8:1::")])
def test_preferred_family_where_no_pool_has_both(lab, families, ip):
    lab.pools(pool("v4", "198.18.1.0/28"), pool("v6", "2001:db8:1::/124"))
    lab.start()
    lab.create("a", ipFamilies=families, **DUAL)
    lab.until_ips("a", ip)


def test_second_family_arrives(lab):
    lab.pools(scoped("ns", "198.18.1.0/32", namespaces=["first"]))
    lab.start()
    lab.create("a", "first", **DUAL)
    lab.until_ips("a", "198.18.1.0", namespace="first")
    lab.pools(pool("other", "198.18.3.0/28", "2001:db8:3::/124"))
    lab.stays("a", "198.18.1.0", namespace="first")  # a pair comes from one pool
    lab.pools(pool("ns", "198.18.1.0/24", "2001:db8:1::/124", serviceAllocation={"namespaces": ["first"]}))
    lab.until_ips("a", "198.18.1.0", "2001:db8:1::", namespace="first")


def test_policy_back_and_forth(lab):
    lab.pools(pool("v4", "198.18.1.0/28"))
    lab.start()
    lab.create("a", **DUAL)
    lab.until_ips("a", "198.18.1.0")
    lab.change("a", ipFamilyPolicy="RequireDualStack")
    lab.until_ips("a")
    lab.change("a", ipFamilyPolicy="PreferDualStack")
    lab.until_ips("a", "198.18.1.0")


def test_pair_moves_together(lab):
    lab.pools(pool("first", "198.18.1.0/28", "2001:db8:1::/124"))
    lab.start()
    lab.create("a", **DUAL)
    lab.until_ips("a", "198.18.1.0", "2001:db8:1::")
    lab.pools(pool("second", "198.18.2.0/28", "2001:db8:2::/124"))
    lab.admin.until(lambda o: o.get("status", {}).get("availableIPv6"), "IPAddressPool", "second", NAMESPACE)
    lab.pools(pool("first", "2001:db8:1::/124"))
    lab.until_ips("a", "198.18.2.0", "2001:db8:2::")


def test_single_cluster_ip_does_not_flap(lab):
    """In MetalLB a second address comes and goes without end (spec controller 7.2 #1)."""
    with ControlPlane(args=["--service-cluster-ip-range=198.19.0.0/16"]) as plane:
        plane.install()
        plane.create_pod(pod("controller-0", "oak", "controller", {"component": "controller"}), "198.18.250.1")
        one = Lab(plane)
        one.pools(pool("home", "198.18.1.0/28", "2001:db8:1::/124"))
        one.start()
        one.create("a", **DUAL)
        got = one.until_ips("a", "198.18.1.0")
        time.sleep(1.5)
        assert one.admin.get("Service", "a")["metadata"]["resourceVersion"] == got["metadata"]["resourceVersion"]


# --- statuses ---


def counters(assigned4, available4, assigned6, available6):
    return {"assignedIPv4": assigned4, "availableIPv4": available4, "assignedIPv6": assigned6, "availableIPv6": available6}


def until_counters(lab, name, *want):
    lab.admin.until(lambda o: o.get("status") == counters(*want), "IPAddressPool", name, NAMESPACE)


def test_pool_status(lab):
    lab.start()
    lab.pools(pool("home", "198.18.1.0/30", "2001:db8:1::/126"))
    until_counters(lab, "home", 0, 4, 0, 4)
    lab.create("a", **DUAL)
    until_counters(lab, "home", 1, 3, 1, 3)
    lab.pools(pool("home", "198.18.1.0/29", "2001:db8:1::/125"))
    until_counters(lab, "home", 1, 7, 1, 7)
    lab.delete("a")
    until_counters(lab, "home", 0, 8, 0, 8)
    lab.admin.set_status(lab.admin.get("IPAddressPool", "home", NAMESPACE), counters(9, 9, 9, 9))
    until_counters(lab, "home", 0, 8, 0, 8)


def test_foreign_statuses_are_put_right(lab):
    lab.start()
    lab.pools(pool("home", "198.18.1.0/30"))
    lab.create("a")
    made = lab.until_ips("a", "198.18.1.0")
    lab.admin.set_status(made, {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}})
    lab.until_ips("a", "198.18.1.0")
    lab.until_event("a", "ClearAssignment", 'current IP for "default/a" not allowed by config, will attempt for new IP '
                                            'assignment: ["203.0.113.9"] is not allowed in config')
    lab.admin.set_status(made, {"loadBalancer": None})
    lab.until_ips("a", "198.18.1.0")
    lab.admin.set_status(made, {"loadBalancer": {"ingress": [{"hostname": "a.example.com"}]}})
    lab.admin.until(lambda o: [i.get("ip") for i in o["status"]["loadBalancer"].get("ingress", [])] == ["198.18.1.0"],
                    "Service", "a")


# --- Events and annotations ---


EVENTS = [
    ({WANTED: "198.18.1.1", "spec": {"loadBalancerIP": "198.18.1.2"}}, "Warning", "AllocationFailed",
     "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP"),
    ({WANTED: "nonsense"}, "Warning", "AllocationFailed", 'invalid metallb.io/loadBalancerIPs: "nonsense"'),
    ({WANTED: "198.18.1.1,198.18.1.2"}, "Warning", "AllocationFailed", "IPFamilyForAddresses: same address family"),
    ({WANTED: "2001:db8:1::1"}, "Warning", "AllocationFailed",
     'requested loadBalancer IP(s) ["2001:db8:1::1"] does not match the ipFamily of the service'),
    ({WANTED: "203.0.113.1"}, "Warning", "AllocationFailed", '["203.0.113.1"] is not allowed in config'),
    ({WANTED: "198.18.1.1", WANTED_POOL: "other"}, "Warning", "AllocationFailed",
     'requested loadBalancer IP(s) ["198.18.1.1"] is not compatible with requested address pool other'),
    ({"metallb.universe.tf/address-pool": "home"}, "Normal", "IPAllocated", 'Assigned IP ["198.18.1.0"]'),
    ({"metallb.universe.tf/address-pool": "home"}, "Warning", "deprecatedAnnotation",
     "Service uses deprecated annotation metallb.universe.tf/address-pool"),
]


@pytest.mark.parametrize("annotations, kind, reason, text", EVENTS, ids=[f"{i}-{e[2]}" for i, e in enumerate(EVENTS)])
def test_events(lab, annotations, kind, reason, text):
    lab.start()
    lab.pools(pool("home", "198.18.1.0/30"), pool("other", "198.18.2.0/30", autoAssign=False))
    annotations = dict(annotations)
    spec = annotations.pop("spec", {})
    lab.create("a", annotations=annotations, **spec)
    lab.until_event("a", reason, text)
    assert [k for k, message in lab.events("a", reason) if text in message] == [kind]
    event = next(e for e in lab.admin.list("Event", "default") if e["reason"] == reason)
    assert event["source"]["component"] == "metallb-controller"


def test_bad_request_keeps_what_it_has(lab):
    lab.start()
    lab.pools(pool("home", "198.18.1.0/30"))
    lab.create("a")
    lab.until_ips("a", "198.18.1.0")
    lab.annotate("a", WANTED, "nonsense")
    lab.until_event("a", "LoadBalancerFailed", "invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs")
    lab.stays("a", "198.18.1.0")
    lab.annotate("a", WANTED, "198.18.1.3")
    lab.until_ips("a", "198.18.1.3")


def test_deprecated_pool_annotation_goes(lab):
    lab.pools(pool("home", "198.18.1.0/30"))
    lab.create("a", annotations={OLD_POOL: "home"})
    lab.create("b", annotations={OLD_POOL: "home"}, type="ClusterIP")
    lab.start()
    for name in ("a", "b"):
        lab.admin.until(lambda o: OLD_POOL not in o["metadata"].get("annotations", {}), "Service", name)
    lab.until_some("a")


# --- configuration ---


FAULTS = [
    ([pool("p")], "configuration error: parsing address pool p: pool has no prefixes defined"),
    ([pool("p", "198.18.0.0/24"), pool("q", "198.18.0.0/28")],
     'configuration error: CIDR "198.18.0.0/28" in pool "q" overlaps with already defined CIDR "198.18.0.0/24"'),
    ([pool("p", "198.18.0.9-198.18.0.1")],
     'configuration error: parsing address pool p: invalid CIDR "198.18.0.9-198.18.0.1" in pool "p": invalid IP range '
     '"198.18.0.9-198.18.0.1": start IP "198.18.0.9" is after the end IP "198.18.0.1"'),
]


@pytest.mark.parametrize("pools, summary", FAULTS, ids=["empty", "overlap", "range"])
def test_configuration_state(lab, pools, summary):
    lab.pools(*pools)
    lab.create("a")
    lab.start()
    lab.until_state("Invalid", summary)
    assert lab.ips("a") == []
    for p in pools:
        lab.drop_pool(p["metadata"]["name"])
    lab.pools(pool("good", "198.18.1.0/30"))
    lab.until_ips("a", "198.18.1.0")
    lab.until_state("Valid", "")
    # A later fault replaces nothing.
    lab.pools(*pools)
    lab.until_state("Invalid", summary)
    lab.create("b")
    lab.until_ips("b", "198.18.1.1")
    condition, = lab.state()["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("poolReconcilerValid", "False", "ConfigurationError")
    lab.admin.delete("ConfigurationState", "controller", NAMESPACE)
    lab.until_state("Invalid", summary)
    meta = lab.admin.get("ConfigurationState", "controller", NAMESPACE)["metadata"]
    assert meta["labels"] == {"metallb.io/component-type": "controller"}
    assert [o["name"] for o in meta["ownerReferences"]] == ["controller-0"]


def test_faults_of_speakers_are_not_the_controllers(lab):
    lab.pools(pool("home", "198.18.1.0/30"))
    lab.start()
    lab.until_state("Valid", "")
    lab.admin.apply({"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
                     "metadata": {"name": "x", "namespace": NAMESPACE}, "spec": {"ipAddressPools": ["home", "home"]}})
    time.sleep(1)
    lab.until_state("Valid", "")
    lab.admin.delete("L2Advertisement", "x", NAMESPACE)


# --- the memberlist Secret ---


SECRET = {"METALLB_ML_SECRET_NAME": "memberlist", "METALLB_DEPLOYMENT": "controller"}


def test_memberlist_secret(lab):
    controllers = [lab.start(env=SECRET), lab.start(env=SECRET, pod_name="controller-1")]
    secret = lab.admin.until(lambda o: True, "Secret", "memberlist", NAMESPACE)
    key = base64.b64decode(secret["data"]["secretkey"])
    assert len(key) == 22 and len(base64.b64decode(key + b"==")) == 16
    owner, = secret["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"], owner["name"]) == ("apps/v1", "Deployment", "controller")
    for c in controllers:
        c.until_log("config reloaded")
        c.stop()
    lab.start(env=SECRET).until_log("config reloaded")
    assert lab.admin.get("Secret", "memberlist", NAMESPACE) == secret


def test_memberlist_secret_without_its_owner(lab):
    controller = lab.start(env=dict(SECRET, METALLB_DEPLOYMENT="elsewhere"))
    assert controller.process.wait(PATIENCE) == 1
    assert "failed to create memberlist secret" in controller.log()


# --- several replicas ---


LEASE_RIGHTS = [
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "leases", "namespace": NAMESPACE},
     "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}]},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "leases", "namespace": NAMESPACE},
     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "leases"},
     "subjects": [{"kind": "ServiceAccount", "name": "controller", "namespace": NAMESPACE}]},
]


@pytest.fixture
def leases(lab):
    for obj in LEASE_RIGHTS:
        lab.admin.apply(obj)
    until(lambda: lab.plane.client("controller").may("update", "leases", "coordination.k8s.io", NAMESPACE), PATIENCE)
    yield lab
    for obj in LEASE_RIGHTS:
        lab.admin.delete(obj["kind"], "leases", NAMESPACE, api=obj["apiVersion"])
    lab.admin.delete("Lease", "steellb-controller", NAMESPACE, api="coordination.k8s.io/v1")


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_takeover_moves_nothing(leases, how):
    lab = leases
    lab.pools(pool("home", "198.18.1.0/28"))
    first = lab.start()
    lab.create("a")
    before = lab.until_some("a")
    second = lab.start(pod_name="controller-1")
    second.until_log("connected")
    lab.create("b")
    before += lab.until_some("b")
    assert "config reloaded" not in second.log()
    versions = {n: lab.admin.get("Service", n)["metadata"]["resourceVersion"] for n in "ab"}
    if how == "SIGTERM":
        assert first.stop() == 0
    else:
        first.kill()
    lab.create("c")
    lab.until_some("c")
    assert lab.ips("a") + lab.ips("b") == before
    assert {n: lab.admin.get("Service", n)["metadata"]["resourceVersion"] for n in "ab"} == versions


def test_a_paused_replica_ends(leases):
    """Its lease is another's when it wakes: it writes nothing more."""
    lab = leases
    lab.pools(pool("home", "198.18.1.0/28"))
    first = lab.start()
    first.until_log("config reloaded")
    second = lab.start(pod_name="controller-1")
    first.pause()
    lab.create("a")
    lab.until_some("a")
    first.resume()
    assert first.process.wait(PATIENCE) == 1
    assert "the lease is lost" in first.log()
    assert second.running()


def test_two_without_the_right_to_leases(lab):
    """As MetalLB: both work, and what one has written the other leaves alone."""
    lab.pools(pool("home", "198.18.1.0/28"))
    for i in range(2):
        lab.start(pod_name=f"controller-{i}").until_log("config reloaded")
    lab.create("a")
    lab.until_some("a")
    before = lab.until_quiet()
    time.sleep(1)
    assert lab.versions() == before


# --- the process ---


def run(*flags, env=()):
    return subprocess.run([binary(), "controller", *flags], env=dict(ENV, **dict(env)), text=True, timeout=PATIENCE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


EXITS = [
    ({"--no-such-flag": None}, 2, "flag provided but not defined: -no-such-flag"),
    ({"--port": "x"}, 2, "invalid value"),
    ({"-h": None}, 0, "lb-class"),
    ({"--log-level": "loud"}, 1, "failed to initialize logging: failed to parse log level: loud"),
    ({"--webhook-mode": "sometimes"}, 1, "invalid webhookmode value"),
    ({"--tls-min-version": "1.3"}, 1, 'parsing tls-min-version: unknown tls version \\"1.3\\"'),
    ({"--tls-cipher-suites": "none"}, 1, "parsing tls-cipher-suites: Cipher suite none not supported or doesn't exist"),
    ({"--tls-curve-preferences": "23,23"}, 1, "parsing tls-curve-preferences: duplicate curve preference 23"),
    ({"--kubeconfig": "/nowhere"}, 1, "/nowhere"),
]


@pytest.mark.parametrize("flags, status, text", EXITS, ids=[next(iter(e[0])) for e in EXITS])
def test_exit_status(flags, status, text):
    argv = [f if v is None else f"{f}={v}" for f, v in flags.items()]
    ended = run(*argv, env={"METALLB_NAMESPACE": NAMESPACE})
    assert ended.returncode == status, ended
    assert text in ended.stdout + ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(lab, number):
    lab.pools(pool("home", "198.18.1.0/28"))
    controller = lab.start()
    controller.until_log("config reloaded")
    controller.signal(number)
    assert controller.process.wait(PATIENCE) == 0


def test_own_pod_must_exist(lab):
    controller = lab.start(pod_name="nobody")
    assert controller.process.wait(PATIENCE) == 1
    assert "unable to get own pod for owner references" in controller.log()


def test_only_webhook_touches_no_service(lab):
    lab.pools(pool("home", "198.18.1.0/28"))
    lab.create("a")
    lab.start("--webhook-mode=onlywebhook")
    until(lambda: lab.state().get("result") == "Unknown", PATIENCE, "ConfigurationState is Unknown")
    lab.stays("a")
    assert "status" not in lab.admin.get("IPAddressPool", "home", NAMESPACE)


def test_log_is_json(lab):
    lab.pools(pool("home", "198.18.1.0/28"))
    controller = lab.start()
    lab.create("a")
    lab.until_some("a")
    controller.until_log("serviceUpdated")
    lines = [json.loads(x) for x in controller.log().splitlines()]
    assert all({"caller", "level", "ts"} <= set(x) and list(x) == sorted(x) for x in lines)
    assigned, = [x for x in lines if x.get("event") == "ipAllocated"]
    assert assigned["msg"] == "IP address assigned by controller" and assigned["service"] == "default/a"


def test_answers_to_its_name(tmp_path):
    link = tmp_path / "controller"
    link.symlink_to(binary())
    ended = subprocess.run([link, "-h"], env=ENV, text=True, timeout=PATIENCE, capture_output=True, check=False)
    assert ended.returncode == 0 and "ml-secret-name" in ended.stdout + ended.stderr
