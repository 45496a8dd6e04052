# SPDX-License-Identifier: Apache-2.0
"""The speaker on a real API server, with exactly the rights of MetalLB's speaker. No controller runs: addresses and slices
are written by hand."""
import json
import signal
import subprocess
import time

import lab
import netns
import pytest
from client import ApiError
from cluster import NAMESPACE, ControlPlane
from folder import EXCLUDE_LABEL, NODES, binary
from objects import endpoints, l2_advertisement, node, pool, service
from programs import PATIENCE
from roles import METALLB
from speakers import Speakers, natural_owner

from netns import ENV, until

VIP = "198.18.0.10"
LAB = (*NODES, "ash")
OURS = {"metallb.io/node", "metallb.io/service-name", "metallb.io/service-namespace"}


@pytest.fixture(scope="module")
def wires():
    reason = netns.missing()
    if reason:
        pytest.skip(reason)
    with netns.Net() as net:
        lab.build_lab(net, LAB)
        yield net


@pytest.fixture(scope="module")
def shared_plane(wires):
    with ControlPlane(net=wires, ns="plane", address=lab.PLANE) as plane:
        plane.install()
        yield plane


@pytest.fixture
def plane(shared_plane):
    """Empty but for our resource types and rights."""
    yield shared_plane
    shared_plane.print_logs()
    for kind in ("Service", "EndpointSlice", "Node", "Pod", "ServiceL2Status", "ConfigurationState", "IPAddressPool",
                 "L2Advertisement", "BGPAdvertisement", "BGPPeer", "BFDProfile", "Community", "Event"):
        shared_plane.admin.remove_all(kind)


@pytest.fixture
def speakers(wires, plane):
    with Speakers(wires, plane, LAB) as s:
        yield s


# --- objects ---


def configure(plane, nodes=("oak", "elm"), **adv):
    plane.admin.apply(pool("home", "198.18.0.10-198.18.0.99"))
    plane.admin.apply(l2_advertisement(**adv))
    for name in nodes:
        plane.admin.create(node(name))


def assign(plane, name="web", ip=VIP, nodes=("oak", "elm"), conditions=None, **spec):
    """A Service with an address and endpoints."""
    made = plane.admin.create(service(name, **spec))
    plane.admin.create(endpoints(name, nodes, **(conditions or {})))
    if ip:
        plane.admin.set_status(made, {"loadBalancer": {"ingress": [{"ip": ip}]}})
    return made


def statuses(plane):
    return plane.admin.list("ServiceL2Status", NAMESPACE)


def until_statuses(plane, *wanted):
    """Exactly these: (node, service, interfaces)."""
    def found():
        have = [(o.get("status", {}).get("node"), o.get("status", {}).get("serviceName"),
                 [i["name"] for i in o.get("status", {}).get("interfaces", [])]) for o in statuses(plane)]
        return sorted(have, key=str) == sorted(wanted, key=str)
    try:
        until(found, PATIENCE, f"statuses {wanted}")
    except AssertionError as e:
        raise AssertionError(f"{e}\n{json.dumps(statuses(plane), indent=1)}") from None


def events(plane, reason, name="web"):
    return [e for e in plane.admin.list("Event", "default")
            if e["reason"] == reason and e["involvedObject"]["name"] == name]


def until_event(plane, reason, text, name="web"):
    def found():
        return next((e for e in events(plane, reason, name) if text in e["message"]), None)
    return until(found, PATIENCE, f"an Event {reason} with '{text}'")


def until_state(plane, name, result, summary=""):
    return plane.admin.until(lambda o: o.get("status", {}).get("result") == result and
                             o["status"].get("errorSummary", "") == summary,
                             "ConfigurationState", f"speaker-{name}", NAMESPACE)


# --- announcing ---


def start_two(plane, speakers):
    """On oak and elm, with one Service. Returns the node that owns its address, and the other one."""
    configure(plane)
    assign(plane)
    for name in ("oak", "elm"):
        speakers.start(name)
    owner = natural_owner(VIP, ("oak", "elm"))
    other = {"oak": "elm", "elm": "oak"}[owner]
    speakers.until_owned(VIP, owner)
    return owner, other


def test_announces(plane, speakers):
    owner, _ = start_two(plane, speakers)
    event = until_event(plane, "nodeAssigned", "")
    assert event["message"] == f'announcing from node "{owner}" with protocol "layer2"'
    assert event["type"] == "Normal" and event["source"]["component"] == "metallb-speaker"
    until_statuses(plane, (owner, "web", []))
    status, = statuses(plane)
    assert status["metadata"]["name"].startswith("l2-")
    assert {k: v for k, v in status["metadata"]["labels"].items() if k in OURS} == {
        "metallb.io/node": owner, "metallb.io/service-name": "web", "metallb.io/service-namespace": "default"}
    ref, = status["metadata"]["ownerReferences"]
    assert (ref["kind"], ref["name"], ref.get("controller")) == ("Pod", f"speaker-{owner}", None)
    # What changes nothing starts nothing.
    plane.admin.patch("EndpointSlice", "web-1", {"metadata": {"labels": {"touched": "yes"}}})
    plane.admin.patch("Service", "web", {"metadata": {"labels": {"touched": "yes"}}})
    assign(plane, "later", "198.18.0.11")
    speakers.until_owned("198.18.0.11", natural_owner("198.18.0.11", ("oak", "elm")))
    assert sum(e.get("count", 1) for e in events(plane, "nodeAssigned")) == 1
    # The address goes, and everything with it.
    plane.admin.delete("Service", "web")
    speakers.until_owned(VIP)
    until_statuses(plane, (natural_owner("198.18.0.11", ("oak", "elm")), "later", []))


def test_follows_the_endpoints(plane, speakers):
    configure(plane)
    assign(plane, nodes=["oak"], externalTrafficPolicy="Local")
    for name in ("oak", "elm"):
        speakers.start(name)
    speakers.until_owned(VIP, "oak")
    plane.admin.apply(dict(endpoints("web", ["elm"]), kind="EndpointSlice"))
    speakers.until_owned(VIP, "elm")
    until_statuses(plane, ("elm", "web", []))
    assert len(events(plane, "nodeAssigned")) == 2


@pytest.mark.parametrize("conditions, answered", [
    ({"ready": True, "serving": False, "terminating": False}, True),  # publishNotReadyAddresses
    ({"ready": False, "serving": True, "terminating": True}, True),
    ({"ready": False, "serving": False}, False)])
def test_endpoint_conditions(plane, speakers, conditions, answered):
    configure(plane, ["oak"])
    assign(plane, nodes=["oak"], conditions=conditions, publishNotReadyAddresses=True)
    assign(plane, "other", "198.18.0.11", nodes=["oak"])
    speakers.start("oak")
    speakers.until_owned("198.18.0.11", "oak")
    speakers.until_owned(VIP, *(["oak"] if answered else []))


def test_node_inputs(plane, speakers):
    """The condition and the label move an address away and back."""
    owner, other = start_two(plane, speakers)
    plane.admin.patch("Node", owner, {"metadata": {"labels": {EXCLUDE_LABEL: ""}}})
    speakers.until_owned(VIP, other)
    until_statuses(plane, (other, "web", []))
    plane.admin.patch("Node", owner, {"metadata": {"labels": {EXCLUDE_LABEL: None}}})
    speakers.until_owned(VIP, owner)
    for status, name in (("True", other), ("False", owner)):
        plane.admin.patch("Node", owner, {"status": {"conditions": [
            {"type": "NetworkUnavailable", "status": status, "reason": "test", "message": ""}]}}, sub="status")
        speakers.until_owned(VIP, name)


def test_ignore_exclude_label(plane, speakers):
    configure(plane, ["oak"])
    plane.admin.patch("Node", "oak", {"metadata": {"labels": {EXCLUDE_LABEL: ""}}})
    assign(plane, nodes=["oak"])
    speakers.start("oak", "--ignore-exclude-lb")
    speakers.until_owned(VIP, "oak")


def test_class(plane, speakers):
    configure(plane, ["oak"])
    assign(plane, nodes=["oak"])
    assign(plane, "classy", "198.18.0.11", nodes=["oak"], loadBalancerClass="example.org/steel")
    speakers.start("oak", "--lb-class=example.org/steel")
    speakers.until_owned("198.18.0.11", "oak")
    assert speakers.owners(VIP) == set()


def test_excluded_interface(plane, speakers):
    configure(plane, ["oak"])
    assign(plane, nodes=["oak"])
    program = speakers.start("oak", files={"excludel2.yaml": "announcedInterfacesToExclude: ['^eth0$']\n"})
    until_statuses(plane, ("oak", "web", []))
    assert speakers.owners(VIP) == set()
    assert '"interface":"eth0"' not in "".join(x for x in program.log().splitlines() if "created ARP responder" in x)


def test_interfaces(plane, speakers):
    configure(plane, ["oak"], interfaces=["eth0", "eth1"])
    assign(plane, nodes=["oak"])
    speakers.start("oak")
    speakers.until_owned(VIP, "oak")
    until_statuses(plane, ("oak", "web", ["eth0", "eth1"]))
    plane.admin.patch("L2Advertisement", "lan", {"spec": {"interfaces": ["eth7"]}}, NAMESPACE)
    speakers.until_owned(VIP)
    until_statuses(plane, ("oak", "web", ["eth7"]))
    event = until_event(plane, "announceFailed", "")
    assert event["message"] == f'the interfaces specified by LB IP "{VIP}" doesn\'t exist in assigned node "oak" with ' \
                               'protocol "layer2"'
    plane.admin.patch("L2Advertisement", "lan", {"spec": {"interfaces": None}}, NAMESPACE)
    speakers.until_owned(VIP, "oak")
    until_statuses(plane, ("oak", "web", []))
    assert len(events(plane, "nodeAssigned")) == 1


def test_without_membership(plane, speakers):
    """Every known node is taken to be alive, until its Node object goes."""
    configure(plane)
    assign(plane)
    owner = natural_owner(VIP, ("oak", "elm"))
    other = {"oak": "elm", "elm": "oak"}[owner]
    speakers.start(other, gossip=False).until_log("config reloaded")
    assert speakers.owners(VIP) == set()
    plane.admin.delete("Node", owner)
    speakers.until_owned(VIP, other)


# --- what is missing ---


def test_missing_link(plane, speakers):
    """One Event from one node for each change of what is missing; nothing once it is announced."""
    plane.admin.apply(pool("home", "198.18.0.10-198.18.0.99"))
    for name in ("oak", "elm"):
        plane.admin.create(node(name))
    assign(plane, nodes=["oak"])
    for name in ("oak", "elm"):
        speakers.start(name)
    until_event(plane, "notAnnounced", "no L2Advertisement and no BGPAdvertisement covers pool home")
    plane.admin.apply(l2_advertisement(serviceSelectors=[{"matchLabels": {"tier": "front"}}]))
    until_event(plane, "notAnnounced", "serviceSelectors of L2Advertisement")
    plane.admin.patch("Service", "web", {"metadata": {"labels": {"tier": "front"}}})
    until_event(plane, "nodeAssigned", "")
    found = events(plane, "notAnnounced")
    assert len(found) == 2 and all(e["type"] == "Warning" and e.get("count", 1) == 1 for e in found)


# --- statuses ---


def test_status_is_repaired(plane, speakers):
    configure(plane, ["oak"])
    assign(plane, nodes=["oak"])
    strangers = [{"apiVersion": "metallb.io/v1beta1", "kind": "ServiceL2Status",
                  "metadata": {"generateName": "l2-", "namespace": NAMESPACE,
                               "labels": {"metallb.io/node": name, "metallb.io/service-name": service_name,
                                          "metallb.io/service-namespace": "default"}}}
                 for name, service_name in (("elm", "web"), ("oak", "web"), ("oak", "gone"), ("elm", "elsewhere"))]
    for stranger in strangers:
        plane.admin.create(stranger)
    speakers.start("oak")
    # Ours is the one that was there; that of another node for our Service goes, that for another Service stays.
    until_statuses(plane, ("oak", "web", []), (None, None, []))
    kept = next(o for o in statuses(plane) if o.get("status"))
    plane.admin.delete("ServiceL2Status", kept["metadata"]["name"], NAMESPACE)
    plane.admin.until_gone("ServiceL2Status", kept["metadata"]["name"], NAMESPACE)
    until_statuses(plane, ("oak", "web", []), (None, None, []))
    kept = next(o for o in statuses(plane) if o.get("status"))
    plane.admin.set_status(kept, {"interfaces": [{"name": "eth9"}]})
    until_statuses(plane, ("oak", "web", []), (None, None, []))


# --- the configuration ---


def bgp_peer(name, **spec):
    return {"apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer", "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.77", **spec}}


def test_configuration_state(plane, speakers):
    configure(plane)
    assign(plane)
    for name in ("oak", "elm"):
        speakers.start(name)
    owner = natural_owner(VIP, ("oak", "elm"))
    for name in ("oak", "elm"):
        state = until_state(plane, name, "Valid")
        assert state["metadata"]["labels"] == {"metallb.io/component-type": "speaker", "metallb.io/node-name": name}
        assert [(c["type"], c["status"], c["reason"]) for c in state["status"]["conditions"]] == [
            ("configReconcilerValid", "True", "Reconciled")]
    speakers.until_owned(VIP, owner)
    # A bad peer concerns the nodes that it selects; what ran goes on.
    plane.admin.patch("Node", "oak", {"metadata": {"labels": {"rack": "1"}}})
    plane.admin.create(bgp_peer("peer1", bfdProfile="my-bfd-profile", nodeSelectors=[{"matchLabels": {"rack": "1"}}]))
    until_state(plane, "oak", "Invalid", "configuration error: peer peer1 referencing non existing bfd profile my-bfd-profile")
    until_state(plane, "elm", "Valid")
    assert speakers.owners(VIP) == {owner}
    plane.admin.create({"apiVersion": "metallb.io/v1beta1", "kind": "BFDProfile",
                        "metadata": {"name": "my-bfd-profile", "namespace": NAMESPACE}, "spec": {}})
    until_state(plane, "oak", "Valid")
    # Deleted by hand, it comes back.
    plane.admin.delete("ConfigurationState", "speaker-oak", NAMESPACE)
    until_state(plane, "oak", "Valid")


@pytest.mark.parametrize("peers, text", [
    ([bgp_peer("bgp-secret-fail", passwordSecret={"name": "bgp-secret-fail"})],
     'configuration error: parsing peer bgp-secret-fail secret ref not found for peer config '
     '"metallb-system"/"bgp-secret-fail"\nfailed to parse peer bgp-secret-fail password secret'),
    ([bgp_peer("b", bfdProfile="two"), bgp_peer("a", peerAddress="192.0.2.78", bfdProfile="one")],
     "configuration error: peer a referencing non existing bfd profile one")])
def test_configuration_errors(plane, speakers, peers, text):
    configure(plane, ["oak"])
    for bad in peers:
        plane.admin.create(bad)
    speakers.start("oak", gossip=False)
    until_state(plane, "oak", "Invalid", text)


def test_announced_address_keeps_its_pool(plane, speakers):
    configure(plane, ["oak"])
    assign(plane, nodes=["oak"])
    speakers.start("oak")
    speakers.until_owned(VIP, "oak")
    plane.admin.delete("IPAddressPool", "home", NAMESPACE)
    until_state(plane, "oak", "Invalid", "configuration error: general handler sync state error")
    assert speakers.owners(VIP) == {"oak"}
    plane.admin.set_status(plane.admin.get("Service", "web"), {"loadBalancer": None})
    until_state(plane, "oak", "Valid")
    assert speakers.owners(VIP) == set()


# --- the API server is gone ---


def is_served(plane):
    try:
        return statuses(plane) is not None
    except ApiError:
        return False


@pytest.mark.parametrize("how", ["pause", "kill"])
def test_api_server_gone(plane, speakers, how):
    """Announcements stay, another node takes over, and what was not written is written afterwards."""
    owner, other = start_two(plane, speakers)
    until_statuses(plane, (owner, "web", []))
    (plane.pause if how == "pause" else plane.kill)()
    try:
        time.sleep(2)
        assert speakers.owners(VIP) == {owner}
        speakers.programs[owner].kill()
        speakers.until_owned(VIP, other)
    finally:
        (plane.resume if how == "pause" else plane.start)()
    until(lambda: is_served(plane), PATIENCE, "the server has its resource types again")
    until_statuses(plane, (other, "web", []))
    if how == "pause":  # a server that has just started refuses an Event, and then it is lost, as with client-go
        until_event(plane, "nodeAssigned", other)
    speakers.until_owned(VIP, other)


# --- life ---


def test_leaves_at_sigterm(plane, speakers):
    """The other one takes over at once, not after a missed probe."""
    owner, other = start_two(plane, speakers)
    leaving = speakers.programs[owner]
    leaving.signal(signal.SIGTERM)
    speakers.until_owned(VIP, other, timeout=4)
    assert speakers.stop(owner) == 0
    assert "starting shutdown" in leaving.log()
    # It comes back to what is its own, without ever taking what is not.
    speakers.start(owner)
    speakers.until_owned(VIP, owner)


BASE = {"METALLB_NODE_NAME": "oak", "METALLB_POD_NAME": "speaker-oak", "METALLB_NAMESPACE": NAMESPACE,
        "KUBECONFIG": "/nonexistent"}


@pytest.mark.parametrize("flags, env, status, said", [
    (["--no-such-flag"], {}, 2, "no-such-flag"),
    (["--gratuitous-arp-interval=x"], {}, 2, "gratuitous-arp-interval"),
    (["--help"], {}, 0, "ml-bindaddr"),
    (["-log-level", "loud"], {}, 1, "failed to initialize logging: failed to parse log level: loud"),
    (["--gratuitous-arp-interval=-1"], {}, 1, "invalid --gratuitous-arp-interval value, must be a non-negative integer number "
                                              "of seconds within bound"),
    (["--tls-min-version=1.3"], {}, 1, "failed to parse TLS flags"),
    ([], {"METALLB_BGP_DEBOUNCE_TIMEOUT": "0"}, 1, "invalid BGP debounce timeout value, must be a positive integer value"),
    ([], {"METALLB_BGP_TYPE": "quagga"}, 1, "METALLB_BGP_TYPE"),
    (["--frrk8s-secret-passthrough"], {}, 1, "--frrk8s-secret-passthrough requires METALLB_BGP_TYPE=frr-k8s"),
    (["--frrk8s-secret-passthrough"], {"METALLB_BGP_TYPE": "frr-k8s"}, 1,
     "--frrk8s-secret-passthrough requires --frrk8s-namespace to be set"),
    ([], {"METALLB_NODE_NAME": ""}, 1, "must specify --node-name or METALLB_NODE_NAME"),
    (["--ml-bindport=http"], {}, 1, "unable to parse ml-bindport"),
    (["--ml-secret-key-path=/nonexistent"], {}, 1, "failed to read memberlist secret key"),
    (["--fast-detect=soon"], {}, 1, "invalid --fast-detect"),
    ([], {"EXCLUDE": "announcedInterfacesToExclude: ['(']"}, 1, "failed to parse announcedInterfacesToExclude from configMap"),
    ([], {"EXCLUDE": "announcedInterfacesToExclude: {"}, 1, "failed to parse announcedInterfacesToExclude from configMap"),
    ([], {}, 1, "failed to create k8s client")])
def test_exit_statuses(wires, tmp_path, flags, env, status, said):
    env = dict(BASE, STEELLB_CONFIG_DIR=str(tmp_path), **env)
    if "EXCLUDE" in env:
        (tmp_path / "excludel2.yaml").write_text(env.pop("EXCLUDE"))
    got = subprocess.run(wires.command("oak", binary(), "speaker", *flags), env=dict(ENV, **env), text=True, timeout=PATIENCE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert got.returncode == status, got.stdout
    assert said in got.stdout


def test_log_formats(plane, speakers):
    configure(plane, ["oak"])
    assign(plane, nodes=["oak"])
    lines = speakers.start("oak")
    line = json.loads(lines.until_log('"event":"serviceAnnounced"'))
    assert {k: line[k] for k in ("event", "ips", "level", "msg", "pool", "protocol", "service")} == {
        "event": "serviceAnnounced", "ips": VIP, "level": "info", "msg": "service has IP, announcing", "pool": "home",
        "protocol": "layer2", "service": "default/web"}
    assert list(line) == sorted(line)
    speakers.stop("oak")
    speakers.start("oak", "--log-format=text").until_log(" info service has IP, announcing ")


# --- beside MetalLB ---


def test_elects_as_metallb(plane, wires):
    """Two of MetalLB's speakers and two of ours on one LAN: for every address exactly one answers, the same as computed."""
    configure(plane, LAB)
    vips = [f"198.18.0.{i}" for i in range(10, 30)]
    for i, vip in enumerate(vips):
        assign(plane, f"s{i}", vip, nodes=["oak"])
    with Speakers(wires, plane, LAB) as speakers:
        for name in ("oak", "elm"):
            speakers.start(name)
        for name in ("fir", "ash"):
            METALLB.speaker(plane, wires, name, lab.MANAGEMENT[name], gossip=True)
        for vip in vips:
            speakers.until_owned(vip, natural_owner(vip, LAB), timeout=120)
        owners = {natural_owner(vip, LAB) for vip in vips}
        assert owners == set(LAB)  # else the addresses prove little
        until_statuses(plane, *((natural_owner(vip, LAB), f"s{i}", []) for i, vip in enumerate(vips)))
