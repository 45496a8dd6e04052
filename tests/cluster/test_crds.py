# SPDX-License-Identifier: Apache-2.0
"""The custom resources in a real API server: that it takes them, and that they do what the specification says."""
import base64
import copy
import dataclasses
import itertools
import json
import pathlib
import sys

import pytest

from client import Connection
from cluster import ControlPlane
from programs import Cannot, until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "crds"))
import crd_rules  # noqa: E402
import crd_schema  # noqa: E402

GROUP = "/apis/metallb.io/"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BGP_PEERS = DEFINITIONS + "/bgppeers.metallb.io"
NAMESPACE = "metallb-system"
CRDS = crd_schema.load()
EXPECTED = crd_schema.expected_lines()
STORED = {kind: next(v["name"] for v in crd["spec"]["versions"] if v["storage"]) for kind, crd in CRDS.items()}
VERSIONS = [(kind, version) for kind, crd in CRDS.items() for version in crd_schema.versions(crd)]
JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
NAMES = ("o-%d" % n for n in itertools.count())
PEER = {"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"}


@dataclasses.dataclass
class Answer:
    status: int
    body: dict
    warnings: list


class Api:
    """Requests to the API server whose refusals are answers like others, with the warnings in their headers."""

    def __init__(self, plane):
        self.plane = plane
        self.connection = Connection(*plane.admin.where)
        found = self.call("GET", "/version").body
        self.version = int(found["major"]), int(found["minor"].rstrip("+"))

    def call(self, method, path, body=None, content_type=JSON, accept=JSON):
        headers = {"Accept": accept, "Content-Type": content_type}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        warnings = [text.split('"')[1] for text in answer.headers.get_all("Warning", [])]
        text = answer.read()
        is_json = answer.headers.get_content_type() == JSON  # not for a group that is not served yet
        return Answer(answer.status, json.loads(text) if is_json else {"message": text.decode()}, warnings)


def path_of(kind, version, name="", tail=""):
    folder = "%s%s/namespaces/%s/%s" % (GROUP, version, NAMESPACE, CRDS[kind]["spec"]["names"]["plural"])
    return folder + ("/" + name if name else "") + tail


def is_established(crd):
    """Nothing else may be true: a schema that is not structural, say, is told by a condition of its own."""
    true = {c["type"] for c in crd.get("status", {}).get("conditions") or [] if c["status"] == "True"}
    assert true <= {"Established", "NamesAccepted"}, crd["status"]["conditions"]
    return "Established" in true


@pytest.fixture(scope="module", params=["kube", "kube-1.34"])
def api(request):
    """A server with the resources and their namespace in it."""
    try:
        plane = ControlPlane(module=request.param)
    except Cannot as reason:
        pytest.skip(str(reason))
    with plane:
        api = Api(plane)
        assert api.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}).status == 201
        for crd in CRDS.values():
            answer = api.call("POST", DEFINITIONS, crd)
            assert (answer.status, answer.warnings) == (201, []), answer.body.get("message")
        for crd in CRDS.values():
            path = DEFINITIONS + "/" + crd["metadata"]["name"]
            until(lambda: is_established(api.call("GET", path).body), what=path)
        for kind, version in VERSIONS:
            until(lambda: api.call("GET", path_of(kind, version)).status == 200, what=kind)
        yield api


def sample(kind, version, **spec):
    o = {"apiVersion": "metallb.io/" + version, "kind": kind, "metadata": {"name": next(NAMES)}}
    o.update(copy.deepcopy(crd_rules.BASES[kind, version]))
    if spec:
        o["spec"].update(spec)
    return o


def create(api, o):
    version = o["apiVersion"].split("/")[1]
    answer = api.call("POST", path_of(o["kind"], version), o)
    assert answer.status == 201, answer.body["message"]
    return answer.body


def get(api, kind, version, name):
    return api.call("GET", path_of(kind, version, name)).body


def expect_refusal(answer, text):
    assert answer.status == 422, answer.body
    assert answer.body["reason"] == "Invalid"
    assert text in answer.body["message"]


# --- what the server made of the manifests ---

@pytest.mark.parametrize("kind", CRDS)
def test_server_keeps_what_is_written(api, kind):
    crd = CRDS[kind]
    stored = api.call("GET", DEFINITIONS + "/" + crd["metadata"]["name"]).body
    want = {"conversion": {"strategy": "None"}, **crd["spec"]}
    del want["preserveUnknownFields"]  # false is not shown
    assert stored["spec"] == want
    assert stored["status"]["acceptedNames"] == crd["spec"]["names"]
    assert stored["status"]["storedVersions"] == [STORED[kind]]


def test_discovery(api):
    for version in ("v1beta1", "v1beta2"):
        found = {r["name"]: r for r in api.call("GET", GROUP + version).body["resources"]}
        kinds = [kind for kind, v in VERSIONS if v == version]
        plurals = [CRDS[kind]["spec"]["names"]["plural"] for kind in kinds]
        assert set(found) == set(plurals) | {name + "/status" for name in plurals}
        for kind, plural in zip(kinds, plurals):
            resource = found[plural]
            assert (resource["kind"], resource["singularName"], resource["namespaced"]) == (kind, kind.lower(), True)
            assert "shortNames" not in resource and "categories" not in resource


# --- rules ---

@pytest.mark.parametrize("rule", crd_rules.SPEC_RULES, ids=str)
def test_rule_of_spec(api, rule):
    o = create(api, rule.object(rule.good, next(NAMES)))
    assert api.call("DELETE", path_of(rule.kind, rule.version, o["metadata"]["name"])).status == 200
    expect_refusal(api.call("POST", path_of(rule.kind, rule.version), rule.object(rule.bad, next(NAMES))), rule.text)


@pytest.mark.parametrize("rule", crd_rules.STATUS_RULES, ids=str)
def test_rule_of_status(api, rule):
    name = next(NAMES)
    create(api, rule.object(rule.good, name))
    put = path_of(rule.kind, rule.version, name, "/status")
    for value in (rule.bad, rule.good, rule.bad):
        answer = api.call("PUT", put, versioned(api, rule, value, name))
        if value is rule.good:
            assert answer.status == 200, answer.body["message"]
        else:
            expect_refusal(answer, rule.text)


@pytest.mark.parametrize("rule", crd_rules.CHANGE_RULES, ids=str)
def test_rule_of_change(api, rule):
    """A field that has such a rule may come, and go, and stay; it may not change."""
    name = next(NAMES)
    create(api, rule.object(crd_rules.MISSING, name))
    put = path_of(rule.kind, rule.version, name, "/status" if rule.path.startswith("status") else "")
    for value in (rule.old, rule.old, rule.bad, crd_rules.MISSING, rule.bad, rule.bad, rule.old):
        before = get(api, rule.kind, rule.version, name)
        answer = api.call("PUT", put, versioned(api, rule, value, name))
        if crd_rules.MISSING in (value, read(before, rule.path)) or value == read(before, rule.path):
            assert answer.status == 200, answer.body["message"]
        else:
            expect_refusal(answer, rule.text)


def read(o, path):
    for name in path.split("."):
        o = o.get(name, crd_rules.MISSING)
        if o is crd_rules.MISSING:
            break
    return o


def versioned(api, rule, value, name):
    o = rule.object(value, name)
    o["metadata"]["resourceVersion"] = get(api, rule.kind, rule.version, name)["metadata"]["resourceVersion"]
    return o


@pytest.mark.parametrize("rule", crd_rules.all_type_rules(EXPECTED), ids=str)
def test_wrong_type(api, rule):
    if rule.path.startswith("status"):
        name = next(NAMES)
        create(api, sample(rule.kind, rule.version) | {"metadata": {"name": name}})
        answer = api.call("PUT", path_of(rule.kind, rule.version, name, "/status"), versioned(api, rule, rule.bad, name))
    else:
        answer = api.call("POST", path_of(rule.kind, rule.version), rule.object(rule.bad, next(NAMES)))
    expect_refusal(answer, rule.text)


@pytest.mark.parametrize("kind, spec", [
    ("IPAddressPool", {"addresses": [], "serviceAllocation": {"priority": -3, "namespaceSelectors": [{}]}}),
    ("IPAddressPool", {"addresses": ["anything"]}),
    ("L2Advertisement", {"nodeSelectors": [{"matchExpressions": [{"key": "a", "operator": "unheard of", "values": []}]}]}),
    ("L2Advertisement", {"preferredNodeSelectors": [{"weight": 1, "preference": {}}]}),
    ("BGPAdvertisement", {"aggregationLength": 33, "aggregationLengthV6": -5, "localPref": 2**31 - 1}),
    ("BGPAdvertisement", {"communities": ["no-such-name"], "peers": ["a", "a"]}),
    ("BGPPeer", {"myASN": 0, "peerASN": 64500, "dynamicASN": "internal", "peerAddress": "a", "interface": "b"}),
    ("BGPPeer", {"holdTime": "1s", "password": "a", "passwordSecret": {"name": "b"}}),
    ("Community", {"communities": [{}, {"name": "a"}, {"name": "a", "value": "b"}]}),
])
def test_left_to_the_configuration(api, kind, spec):
    """What MetalLB's schema lets through is let through: its webhook or ours speaks about it."""
    create(api, sample(kind, STORED[kind], **spec))


@pytest.mark.parametrize("kind", [kind for kind in CRDS if kind not in ("IPAddressPool", "ConfigurationState")])
def test_spec_may_be_absent(api, kind):
    o = sample(kind, STORED[kind])
    del o["spec"]
    create(api, o)


# --- what the server adds and takes away ---

@pytest.mark.parametrize("kind, version, spec", [
    ("IPAddressPool", "v1beta1", {"autoAssign": True, "avoidBuggyIPs": False}),
    ("L2Advertisement", "v1beta1", {}),
    ("BGPAdvertisement", "v1beta1", {"aggregationLength": 32, "aggregationLengthV6": 128}),
    ("BGPPeer", "v1beta1", {"holdTime": "0s", "keepaliveTime": "0s", "peerPort": 179}),  # the port comes from the stored version
    ("BGPPeer", "v1beta2", {"peerPort": 179, "disableMP": False, "dualStackAddressFamily": False}),
    ("BFDProfile", "v1beta1", {}),
    ("Community", "v1beta1", {}),
])
def test_defaults(api, kind, version, spec):
    o = sample(kind, version)
    assert create(api, o)["spec"] == {**o["spec"], **spec}


@pytest.mark.parametrize("kind, version", VERSIONS)
def test_unknown_fields(api, kind, version):
    o = sample(kind, version)
    part = "spec" if "spec" in o else "metadata"
    want = create(api, o)
    o = copy.deepcopy(o)
    o["metadata"]["name"] = next(NAMES)
    o["colour"] = "red"
    o[part]["colour"] = "red"
    strict = api.call("POST", path_of(kind, version, tail="?fieldValidation=Strict"), o)
    assert strict.status == 400 and "unknown field \"%s.colour\"" % part in strict.body["message"]
    got = create(api, o)
    assert "colour" not in got and got.get("spec") == want.get("spec")


@pytest.mark.parametrize("kind, version", VERSIONS)
def test_status_is_a_subresource(api, kind, version):
    status = {**crd_rules.BASES[kind, version]["status"]}
    o = sample(kind, version)
    o["status"] = status
    created = create(api, o)
    name = o["metadata"]["name"]
    assert "status" not in created and created["metadata"]["generation"] == 1

    created["metadata"]["labels"] = {"a": "b"}
    put = api.call("PUT", path_of(kind, version, name, "/status"), {**created, "status": status})
    assert put.status == 200, put.body["message"]
    assert put.body["status"] == status and put.body["metadata"]["generation"] == 1

    changed = api.call("PATCH", path_of(kind, version, name), {"status": None, "metadata": {"labels": {"c": "d"}}}, MERGE)
    assert changed.body["status"] == status


# --- printer columns ---

SHOWN = {
    "IPAddressPool": ({}, [True, False, '["192.0.2.0/24"]']),
    "L2Advertisement": ({"ipAddressPools": ["a", "b"], "ipAddressPoolSelectors": [{"matchLabels": {"x": "y"}}],
                         "interfaces": ["eth0"], "nodeSelectors": [{}]},
                        ['["a","b"]', '[{"matchLabels":{"x":"y"}}]', '["eth0"]', "[{}]"]),
    "BGPAdvertisement": ({"ipAddressPools": ["a"], "peers": ["p"]}, ['["a"]', None, '["p"]', None]),
    "BGPPeer": ({**PEER, "bfdProfile": "fast", "ebgpMultiHop": True}, ["192.0.2.1", "64501", "fast", "true"]),
    "BFDProfile": ({"passiveMode": True, "transmitInterval": 100, "receiveInterval": 200, "detectMultiplier": 3},
                   [True, 100, 200, 3]),
    "ServiceL2Status": ({}, ["north", "web", "default"]),
    "ServiceBGPStatus": ({}, ["north", "web", "default"]),
    "ConfigurationState": ({}, ["Invalid", "bad", None]),
}
JUDGED = {"result": "Invalid", "errorSummary": "bad"}  # dropped by the kinds whose status is empty


@pytest.mark.parametrize("kind, version", VERSIONS)
def test_columns(api, kind, version):
    spec, cells = SHOWN.get(kind, ({}, None))
    o = create(api, sample(kind, version, **spec))
    name = o["metadata"]["name"]
    status = crd_rules.BASES[kind, version]["status"] or JUDGED
    assert api.call("PUT", path_of(kind, version, name, "/status"), {**o, "status": status}).status == 200

    table = api.call("GET", path_of(kind, version, name), accept=TABLE).body
    lines = itertools.dropwhile(lambda words: words[:2] != ["version", version], EXPECTED[kind])
    next(lines)
    columns = list(itertools.takewhile(lambda words: words[0] == "column", lines)) or [["column", "Age", "date", ""]]
    got = [[c["name"], c["type"], c["priority"]] for c in table["columnDefinitions"]]
    assert got[0][0] == "Name"
    assert got[1:] == [[words[1], words[2], 10 if "priority=10" in words else 0] for words in columns]
    row = table["rows"][0]["cells"]
    assert row[0] == name
    if cells:
        assert [(cell if want is not None else None) for cell, want in zip(row[1:], cells)] == cells


# --- versions of BGPPeer ---

def test_v1beta1_peer_is_read_as_v1beta2(api):
    """As MetalLB's conversion has it: timers that were not given are 0, the port that was not given is 179."""
    selector = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}]}
    old = dict(PEER, sourceAddress="192.0.2.2", routerID="192.0.2.3", password="s", bfdProfile="f", ebgpMultiHop=True,
               nodeSelectors=[selector])
    o = sample("BGPPeer", "v1beta1", **old)
    answer = api.call("POST", path_of("BGPPeer", "v1beta1"), o)
    assert (answer.status, answer.warnings) == (201, ["v1beta1 is deprecated, please use v1beta2"])
    new = get(api, "BGPPeer", "v1beta2", o["metadata"]["name"])
    assert new["apiVersion"] == "metallb.io/v1beta2"
    assert new["spec"] == {**old, "holdTime": "0s", "keepaliveTime": "0s", "peerPort": 179, "disableMP": False,
                           "dualStackAddressFamily": False}


def test_v1beta2_peer_is_read_as_v1beta1(api):
    """What v1beta1 lacks is not shown there, and stays until somebody writes the object in that version."""
    o = create(api, sample("BGPPeer", "v1beta2", **PEER, vrf="red", connectTime="10s", holdTime="90s", peerPort=1179))
    name = o["metadata"]["name"]
    old = get(api, "BGPPeer", "v1beta1", name)
    assert old["apiVersion"] == "metallb.io/v1beta1"
    assert {k: v for k, v in old["spec"].items() if k != "keepaliveTime"} == {**PEER, "holdTime": "90s", "peerPort": 1179}
    assert get(api, "BGPPeer", "v1beta2", name)["spec"]["vrf"] == "red"
    assert api.call("PUT", path_of("BGPPeer", "v1beta1", name), old).status == 200
    assert "vrf" not in get(api, "BGPPeer", "v1beta2", name)["spec"]


def test_list_in_the_other_version(api):
    o = create(api, sample("BGPPeer", "v1beta1"))
    items = api.call("GET", path_of("BGPPeer", "v1beta2")).body["items"]
    assert o["metadata"]["name"] in [item["metadata"]["name"] for item in items]
    assert {item["apiVersion"] for item in items} == {"metallb.io/v1beta2"}


# --- writers of one status ---

def test_conditions_of_two_writers(api):
    """Each reconciler applies its own condition; that of the other stays."""
    o = create(api, sample("ConfigurationState", "v1beta1"))
    path = path_of("ConfigurationState", "v1beta1", o["metadata"]["name"], "/status")
    for manager in ("poolReconciler", "configReconciler"):
        mine = {"apiVersion": o["apiVersion"], "kind": o["kind"], "metadata": {"name": o["metadata"]["name"]},
                "status": {"conditions": [dict(crd_rules.CONDITION, type=manager + "Valid")]}}
        answer = api.call("PATCH", path + "?force=true&fieldManager=" + manager, mine, APPLY)
        assert answer.status == 200, answer.body["message"]
    assert [c["type"] for c in answer.body["status"]["conditions"]] == ["poolReconcilerValid", "configReconcilerValid"]


def test_selector_is_atomic(api):
    """A selector has one owner: the labels of two appliers are never mixed."""
    o = sample("L2Advertisement", "v1beta1")
    path = path_of("L2Advertisement", "v1beta1", o["metadata"]["name"])
    for manager, label in (("a", "x"), ("b", "y")):
        o["spec"] = {"preferredNodeSelectors": [{"weight": 1, "preference": {"matchLabels": {label: "1"}}}]}
        answer = api.call("PATCH", path + "?force=true&fieldManager=" + manager, o, APPLY)
        assert answer.status in (200, 201), answer.body["message"]
    assert answer.body["spec"] == o["spec"]


# --- integer formats ---

@pytest.mark.parametrize("kind, path, largest", [
    ("BGPAdvertisement", "spec.localPref", 2**31 - 1),
    ("BGPAdvertisement", "spec.aggregationLength", 2**31 - 1),
    ("BGPAdvertisement", "spec.aggregationLengthV6", 2**31 - 1),
    ("IPAddressPool", "spec.serviceAllocation.priority", 2**63 - 1),
])
def test_integer_formats(api, kind, path, largest):
    """Servers hold values against int32 since 1.36."""
    def answer(value):
        o = sample(kind, "v1beta1")
        crd_rules.put(o, path, value)
        return api.call("POST", path_of(kind, "v1beta1"), o)

    assert answer(largest).status == 201
    if largest < 2**62 and api.version >= (1, 36):
        expect_refusal(answer(largest + 1), path)
    elif largest < 2**62:
        assert answer(largest + 1).status == 201


# --- in the place of MetalLB's ---

def test_over_a_definition_that_converts_by_webhook(api):
    """MetalLB's, with the certificate that its controller has put into it. Ours can be applied over that; who wants no webhook
    takes it away."""
    o = create(api, sample("BGPPeer", "v1beta2", **PEER))
    old, new = (path_of("BGPPeer", version, o["metadata"]["name"]) for version in ("v1beta1", "v1beta2"))
    authority = base64.b64encode(api.plane.authority.read("ca.crt")).decode()
    service = {"namespace": NAMESPACE, "name": "metallb-webhook-service", "path": "/convert"}
    webhook = {"conversionReviewVersions": ["v1beta1", "v1beta2"], "clientConfig": {"caBundle": authority, "service": service}}
    conversion = {"strategy": "Webhook", "webhook": webhook}
    assert api.call("PATCH", BGP_PEERS + "?fieldManager=MetalLB", {"spec": {"conversion": conversion}}, MERGE).status == 200
    until(lambda: api.call("GET", old).status == 500, what="the webhook is asked for")

    applied = api.call("PATCH", BGP_PEERS + "?fieldManager=kubectl&force=true", CRDS["BGPPeer"], APPLY)
    assert applied.status == 200, applied.body["message"]
    assert applied.body["spec"]["conversion"]["strategy"] == "Webhook"
    assert api.call("GET", new).body["spec"] == o["spec"]

    assert api.call("PATCH", BGP_PEERS, {"spec": {"conversion": {"strategy": "None", "webhook": None}}}, MERGE).status == 200
    until(lambda: api.call("GET", old).status == 200, what="no webhook is asked for")
