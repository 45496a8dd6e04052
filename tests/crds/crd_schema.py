# SPDX-License-Identifier: Apache-2.0
"""The CRD manifests, said in one line a field.

`crd KIND PLURAL` begins a resource, `version NAME` one of its versions; then come its printer columns (name, type, path) and its
fields (path, type, then what the schema says of it). `[]` in a path goes into the items of a list. A LabelSelector is always the
one of Kubernetes, so it takes one word. Every word of a schema is either in such a line or an error, but for descriptions.
"""
import pathlib
import shlex

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "crds"

STRING = {"type": "string"}
LABEL_SELECTOR = {
    "type": "object",
    "x-kubernetes-map-type": "atomic",
    "properties": {
        "matchLabels": {"type": "object", "additionalProperties": STRING},
        "matchExpressions": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
                "type": "object",
                "required": ["key", "operator"],
                "properties": {
                    "key": STRING,
                    "operator": STRING,
                    "values": {"type": "array", "x-kubernetes-list-type": "atomic", "items": STRING},
                },
            },
        },
    },
}
# What every object has, and the API server looks after itself.
IDENTITY = {"apiVersion": STRING, "kind": STRING, "metadata": {"type": "object"}}

# What a line says of a field, in this order. `x-kubernetes-` is left out.
WORDS = ["format", "default", "minimum", "maximum", "minItems", "minLength", "maxLength", "enum", "pattern",
         "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"]


def load(folder=FOLDER):
    """The resources of the manifests that the kustomization lists, by kind."""
    names = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    crds = [yaml.safe_load((folder / name).read_text()) for name in names]
    return {crd["spec"]["names"]["kind"]: crd for crd in crds}


def versions(crd):
    """The schema of each version, by name."""
    return {v["name"]: v["schema"]["openAPIV3Schema"] for v in crd["spec"]["versions"]}


def undescribed(schema):
    """The schema without its descriptions. (A field may be named `description`: then it has a mapping for a value.)"""
    if isinstance(schema, list):
        return [undescribed(v) for v in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: undescribed(v) for k, v in schema.items() if not (k == "description" and isinstance(v, str))}


def is_selector(schema):
    return undescribed(schema) == LABEL_SELECTOR


def plain_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return "|".join(value) if isinstance(value, list) else str(value)


def take_type(schema):
    """Takes out of a schema what says the type: the word for it, and the object whose fields have lines of their own, if any."""
    if is_selector(schema):
        schema.clear()
        return "LabelSelector", None
    name = schema.pop("type")
    if name == "array":
        items = {k: v for k, v in schema.pop("items").items() if k != "description"}
        name, inner = take_type(items)
        assert not items, "unexpected in items: %s" % items
        return "[]" + name, inner
    if name == "integer":
        return schema.pop("format", name), None
    if "additionalProperties" in schema:
        assert schema.pop("additionalProperties") == STRING
        return "map", None
    if "properties" in schema:
        return name, {k: schema.pop(k) for k in ("properties", "required") if k in schema}
    return name, None


def field_lines(path, schema, is_required):
    """The line of a field, then those of the fields inside."""
    left = {k: v for k, v in schema.items() if k != "description"}
    name, inner = take_type(left)
    words = [path, name] + (["required"] if is_required else [])
    words += ["%s=%s" % (k.removeprefix("x-kubernetes-"), plain_text(left.pop(k))) for k in WORDS if k in left]
    words += ["cel=" + rule["message"] for rule in left.pop("x-kubernetes-validations", [])]
    assert not left, "%s: unexpected %s" % (path, left)
    yield words
    if inner:
        yield from fields(inner, path + "[]" * name.startswith("[]") + ".")


def fields(schema, prefix=""):
    """The lines of all fields of an object."""
    required = schema.get("required", [])
    assert set(required) <= set(schema["properties"]), prefix
    for name, field in schema["properties"].items():
        if prefix or name not in IDENTITY:
            yield from field_lines(prefix + name, field, name in required)


def version_words(version):
    assert set(version) <= {"name", "served", "storage", "deprecated", "deprecationWarning", "subresources", "schema",
                            "additionalPrinterColumns"}
    assert version["served"] is True
    words = ["version", version["name"]]
    words += ["storage"] if version["storage"] else []
    words += ["deprecated=" + version["deprecationWarning"]] if version.get("deprecated") else []
    return words


def column_words(column):
    assert set(column) <= {"name", "type", "jsonPath", "priority"}
    words = ["column", column["name"], column["type"], column["jsonPath"]]
    return words + (["priority=%d" % column["priority"]] if column.get("priority") else [])


def crd_lines(crd):
    """All lines of a resource, each as a list of words."""
    spec = crd["spec"]
    yield ["crd", spec["names"]["kind"], spec["names"]["plural"]]
    for version in spec["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        assert set(schema) <= {"description", "type", "properties", "required"}
        assert undescribed({k: schema["properties"][k] for k in IDENTITY}) == IDENTITY
        yield version_words(version)
        yield from map(column_words, version.get("additionalPrinterColumns", []))
        yield from fields(schema)


def expected_lines():
    """{kind: lines} of the table."""
    found = {}
    for line in (pathlib.Path(__file__).parent / "expected.txt").read_text().splitlines():
        words = shlex.split(line, comments=False) if not line.startswith("#") else []
        if not words:
            continue
        if words[0] == "crd":
            lines = found.setdefault(words[1], [])
        lines.append(words)
    return found
