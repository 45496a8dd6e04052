# SPDX-License-Identifier: Apache-2.0
"""The manifests against the tables of the decoders: what SteelLB reads is what the API server takes, and the other way round."""
import dataclasses
import re
import sys

import pytest

import crd_schema

sys.path.insert(0, str(crd_schema.ROOT / "tools"))
import source  # noqa: E402

MODEL = crd_schema.ROOT / "src" / "model"

TYPES = {
    "FIELD_STRING": {"string"},
    "FIELD_STRINGS": {"array of string"},
    "FIELD_LABELS": {"map"},
    "FIELD_BOOL": {"boolean"},
    "FIELD_TRI": {"boolean"},
    "FIELD_INT": {"integer"},
    "FIELD_OPT_INT": {"integer"},
    "FIELD_U8": {"integer"},
    "FIELD_U16": {"integer"},
    "FIELD_U32": {"integer"},
    "FIELD_ASN": {"integer"},
    "FIELD_DURATION": {"string"},
    "FIELD_PRESENT": {"object"},
    "FIELD_MAPPING": {"object"},
    "FIELD_LIST": {"array of object"},
}
LIMITS = {"INT32_MIN": -2**31, "INT32_MAX": 2**31 - 1, "UINT32_MAX": 2**32 - 1}
FORMATS = {"int32": (LIMITS["INT32_MIN"], LIMITS["INT32_MAX"])}
# The model takes the whole range of the wire; format int32 is MetalLB's.
WIDER = {("BGPAdvertisement", "spec.localPref")}


@dataclasses.dataclass
class Row:
    name: str
    kind: str
    words: dict  # .min, .table and the like, as text


class Tables:
    """The `struct field`, `struct table` and `struct schema` constants of a C file."""

    def __init__(self, path):
        text = source.without_comments(path.read_text(), keep_strings=True)
        self.defines = dict(re.findall(r"^#define (\w+) (\S+)$", text, re.MULTILINE))
        self.rows = {name: rows_of(body) for name, body in
                     re.findall(r"^static const struct field (\w+)\[\] = (.*?);$", text, re.MULTILINE | re.DOTALL)}
        self.tables = dict(re.findall(r"^static const struct table (\w+) = (?:ITEM_)?TABLE\((\w+)", text, re.MULTILINE))
        self.schemas = {name: (table, int(version or 0)) for name, table, version in
                        re.findall(r"^const struct schema (\w+) = \{\s*\.table = TABLE\((\w+)\)(?:[^;]*?\.version = (\d+))?",
                                   text, re.MULTILINE)}

    def number(self, text):
        text = self.defines.get(text, text)
        return LIMITS[text] if text in LIMITS else int(text)

    def limits(self, row):
        """(min, max), or None."""
        found = tuple(self.number(row.words.get(word, "0")) for word in ("min", "max"))
        return found if found != (0, 0) else None

    def fields(self, rows, version):
        """The rows that a version has, each with the rows inside."""
        for row in self.rows[rows]:
            if int(row.words.get("since", 0)) <= version <= int(row.words.get("until", version)):
                table = row.words.get("table")
                yield row, self.tables[table.strip("&()")] if table else None


def rows_of(body):
    spec = re.fullmatch(r"SPEC\((\w+)\)", body)
    if spec:
        return [Row("spec", "FIELD_MAPPING", {"table": spec.group(1)})]
    rows = []
    for row in re.split(r'(?=SELECTORS\("|\{")', body)[1:]:
        name = re.search(r'"(\w+)"', row).group(1)
        if row.startswith("SELECTORS"):
            rows.append(Row(name, "FIELD_LIST", {"table": "selector_table"}))
        else:
            words = dict(re.findall(r"\.(min|max|table|required|since|until) = ([^,\s}]+)", row))
            rows.append(Row(name, re.search(r"FIELD_\w+", row).group(), words))
    assert len(rows) == len(re.findall(r'"\w+"', body)), body
    return rows


TABLES = Tables(MODEL / "decode_metallb.c")
CRDS = crd_schema.load()
# The kinds that people write; what we report in has tables of its own, of the few fields that are read back.
KINDS = [(kind, version, schema) for version, kind, schema in
         re.findall(r'\{"metallb\.io/(\w+)", "(\w+)", \w+,\s+&(\w+)\}', (MODEL / "decode.c").read_text())
         if schema in TABLES.schemas]


def type_of(schema):
    if schema["type"] == "array":
        return "array of " + schema["items"]["type"]
    return "map" if "additionalProperties" in schema else schema["type"]


def inside(schema):
    return schema.get("items", schema)


def compare(kind, path, rows, version, schema):
    """What differs between the rows of a table and the schema of an object."""
    seen = set()
    for row, inner in TABLES.fields(rows, version):
        at = path + row.name
        seen.add(row.name)
        field = schema["properties"].get(row.name)
        if field is None:
            yield at + ": not in the schema"
            continue
        if type_of(field) not in TYPES[row.kind]:
            yield "%s: %s reads %s" % (at, row.kind, type_of(field))
        if row.words.get("required") and row.name not in schema.get("required", []):
            yield at + ": only the decoder requires it"
        low, high = FORMATS.get(field.get("format"), (None, None))
        limits = field.get("minimum", low), field.get("maximum", high)
        if TABLES.limits(row) not in (None, limits) and (kind, at) not in WIDER:
            yield "%s: %s in the decoder, %s in the schema" % (at, TABLES.limits(row), limits)
        if inner:
            yield from compare(kind, at + ("[]." if "items" in field else "."), inner, version, inside(field))
    yield from (path + name + ": not read" for name in schema["properties"] if name not in seen)


def test_tables_are_found():
    assert {kind for kind, _, _ in KINDS} == {"IPAddressPool", "L2Advertisement", "BGPAdvertisement", "BGPPeer", "BFDProfile",
                                              "Community"}
    assert {schema for _, _, schema in KINDS} == set(TABLES.schemas)


@pytest.mark.parametrize("kind, version, name", KINDS)
def test_decoder(kind, version, name):
    rows, number = TABLES.schemas[name]
    schema = crd_schema.versions(CRDS[kind])[version]
    spec = {"properties": {"spec": schema["properties"]["spec"]}, "required": schema.get("required", [])}
    assert list(compare(kind, "", rows, number, spec)) == []


@pytest.mark.parametrize("kind, path, change, finding", [
    ("BGPPeer", "vrf", None, "spec.vrf: not in the schema"),
    ("BGPPeer", "vrf", {"type": "integer"}, "spec.vrf: FIELD_STRING reads integer"),
    ("BGPPeer", "peerPort", {"maximum": 65535}, "spec.peerPort: (1, 16384) in the decoder, (1, 65535) in the schema"),
    ("L2Advertisement", "colour", {"type": "string"}, "spec.colour: not read"),
])
def test_a_difference_is_found(kind, path, change, finding):
    version, name = [(version, name) for k, version, name in KINDS if k == kind][-1]
    schema = crd_schema.versions(crd_schema.load()[kind])[version]
    fields = schema["properties"]["spec"]["properties"]
    if change is None:
        del fields[path]
    else:
        fields[path] = {**fields.get(path, {}), **change}
    rows, number = TABLES.schemas[name]
    assert list(compare(kind, "", rows, number, {"properties": {"spec": schema["properties"]["spec"]}})) == [finding]
