# SPDX-License-Identifier: Apache-2.0
"""No rule of the schemas is without a row in the table of the server's test."""
import crd_rules
import crd_schema

RULES = crd_rules.SPEC_RULES + crd_rules.STATUS_RULES + crd_rules.CHANGE_RULES


def places(rule):
    """What a row is about, as (kind, version, path, word). A row about a whole item names what it breaks inside, in its text."""
    word, *name = rule.word.split()
    path = ".".join([rule.path, *name])
    yield rule.kind, rule.version, path, word
    if word == "required" and rule.bad is not crd_rules.MISSING and not name:
        yield rule.kind, rule.version, path + "." + rule.text.split(": ")[0].rsplit(".", 1)[1], word


def wanted():
    """The same for every rule that the table of the specification has. The inside of a LabelSelector has two."""
    for kind, lines in crd_schema.expected_lines().items():
        version = None
        for words in lines:
            if words[0] == "version":
                version = words[1]
            if words[0] in ("crd", "version", "column"):
                continue
            path, word, *rules = words
            for rule in rules:
                name = rule.split("=")[0]
                if name in ("required", "minimum", "maximum", "minItems", "minLength", "maxLength", "enum", "pattern", "format",
                            "cel", "list-type"):
                    yield kind, version, path, name
            if word.endswith("LabelSelector"):
                inside = path + "[]" * word.startswith("[]") + ".matchExpressions[]."
                yield kind, version, inside + "key", "required"
                yield kind, version, inside + "operator", "required"


def test_every_rule_has_a_row():
    have = {place for rule in RULES for place in places(rule)}
    assert sorted(set(wanted()) - have) == []


def test_every_message_has_a_row():
    texts = {rule.text for rule in RULES}
    messages = {rule["message"] for crd in crd_schema.load().values() for rule in validations(crd)}
    assert messages - texts == {"Value is immutable"}  # its rows name the field instead


def validations(node):
    if isinstance(node, dict):
        yield from node.get("x-kubernetes-validations", [])
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from validations(inner)


def test_good_and_bad_differ():
    for rule in RULES:
        assert rule.object(rule.good, "a") != rule.object(rule.bad, "a"), rule
