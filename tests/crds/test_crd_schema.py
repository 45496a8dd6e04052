# SPDX-License-Identifier: Apache-2.0
"""The manifests against the table of the specification."""
import copy

import pytest

import crd_schema

CRDS = crd_schema.load()
EXPECTED = crd_schema.expected_lines()


def test_all_kinds_and_files():
    assert set(CRDS) == set(EXPECTED)
    listed = {"metallb.io_%s.yaml" % crd["spec"]["names"]["plural"] for crd in CRDS.values()}
    assert {path.name for path in crd_schema.FOLDER.iterdir()} == listed | {"kustomization.yaml"}


@pytest.mark.parametrize("kind", EXPECTED)
def test_identity(kind):
    crd = CRDS[kind]
    plural = EXPECTED[kind][0][2]
    assert (crd["apiVersion"], crd["kind"]) == ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    assert crd["metadata"] == {"name": plural + ".metallb.io"}
    spec = {k: v for k, v in crd["spec"].items() if k != "versions"}
    assert spec == {
        "group": "metallb.io",
        "scope": "Namespaced",
        "names": {"kind": kind, "listKind": kind + "List", "plural": plural, "singular": kind.lower()},
        "preserveUnknownFields": False,
    }
    assert all(version["subresources"] == {"status": {}} for version in crd["spec"]["versions"])


@pytest.mark.parametrize("kind", EXPECTED)
def test_fields(kind):
    assert list(crd_schema.crd_lines(CRDS[kind])) == EXPECTED[kind]


def described(schema, path):
    """The path of every part that a person can ask `kubectl explain` about and gets no answer for."""
    if "description" not in schema:
        yield path
    for name, field in schema.get("properties", {}).items():
        if name != "metadata":
            yield from described(field, path + "." + name)
    if schema.get("items", {}).get("type") == "object":
        yield from described(schema["items"], path + "[]")


@pytest.mark.parametrize("kind", EXPECTED)
def test_everything_is_described(kind):
    for name, schema in crd_schema.versions(CRDS[kind]).items():
        assert list(described(schema, name)) == []


def at(schema, path):
    for name in path.split("."):
        schema = schema["properties"][name.removesuffix("[]")]
        schema = schema["items"] if name.endswith("[]") else schema
    return schema


@pytest.mark.parametrize("kind, path, change", [
    ("BGPPeer", "spec.peerPort", {"maximum": 65535}),
    ("BGPPeer", "spec.myASN", {"format": "int32"}),
    ("BGPPeer", "spec.password", {"description": "text", "minLength": 1}),
    ("L2Advertisement", "spec.preferredNodeSelectors[]", {"required": ["weight"]}),
    ("IPAddressPool", "spec", {"required": []}),
    ("ConfigurationState", "status.conditions", {"x-kubernetes-list-map-keys": ["type", "status"]}),
])
def test_a_change_is_seen(kind, path, change):
    crd = copy.deepcopy(CRDS[kind])
    at(crd["spec"]["versions"][-1]["schema"]["openAPIV3Schema"], path).update(change)
    assert list(crd_schema.crd_lines(crd)) != EXPECTED[kind]


@pytest.mark.parametrize("kind, path, change", [
    ("BFDProfile", "spec.echoMode", {"nullable": True}),
    ("BFDProfile", "spec", {"x-kubernetes-preserve-unknown-fields": True}),
    ("Community", "spec.communities[]", {"oneOf": []}),
    ("L2Advertisement", "spec.nodeSelectors[]", {"x-kubernetes-map-type": "granular"}),
])
def test_a_new_word_is_an_error(kind, path, change):
    crd = copy.deepcopy(CRDS[kind])
    at(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], path).update(change)
    with pytest.raises(AssertionError):
        list(crd_schema.crd_lines(crd))
