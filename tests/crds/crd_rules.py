# SPDX-License-Identifier: Apache-2.0
"""For every rule of the schemas a value that keeps it, one that breaks it, and what the API server then says."""
import copy
import dataclasses


class Missing:
    """In the place of a value: the field is not there."""

    def __repr__(self):
        return "missing"


MISSING = Missing()
SELECTOR = {"matchExpressions": [{"key": "site", "operator": "In", "values": ["north"]}]}
CONDITION = {"type": "configReconcilerValid", "status": "True", "reason": "Reconciled", "message": "",
             "lastTransitionTime": "2026-01-02T03:04:05Z"}
COUNTERS = {"assignedIPv4": 1, "assignedIPv6": 2, "availableIPv4": 3, "availableIPv6": 2**63 - 1}
HOLDER = {"node": "north", "serviceName": "web", "serviceNamespace": "default"}

# The least that each kind takes.
BASES = {
    ("IPAddressPool", "v1beta1"): {"spec": {"addresses": ["192.0.2.0/24"]}, "status": COUNTERS},
    ("L2Advertisement", "v1beta1"): {"spec": {}, "status": {}},
    ("BGPAdvertisement", "v1beta1"): {"spec": {}, "status": {}},
    ("BGPPeer", "v1beta1"): {"spec": {"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"}, "status": {}},
    ("BGPPeer", "v1beta2"): {"spec": {"myASN": 64500}, "status": {}},
    ("BFDProfile", "v1beta1"): {"spec": {}, "status": {}},
    ("Community", "v1beta1"): {"spec": {}, "status": {}},
    ("ServiceL2Status", "v1beta1"): {"spec": {}, "status": HOLDER},
    ("ServiceBGPStatus", "v1beta1"): {"spec": {}, "status": HOLDER},
    ("ConfigurationState", "v1beta1"): {"status": {}},
}


@dataclasses.dataclass
class Rule:
    kind: str
    version: str
    path: str  # of the field that has the rule; [] is the first item of a list
    word: str  # of the schema
    good: object
    bad: object
    text: str
    around: dict = dataclasses.field(default_factory=dict)  # further fields of spec
    old: object = MISSING  # the value before an update, for rules about a change

    def __str__(self):
        return "%s-%s-%s-%s-%s" % (self.kind, self.version, self.path, self.word, repr(self.bad)[:24])

    def object(self, value, name):
        o = {"apiVersion": "metallb.io/" + self.version, "kind": self.kind, "metadata": {"name": name}}
        o.update(copy.deepcopy(BASES[self.kind, self.version]))
        o.get("spec", {}).update(copy.deepcopy(self.around))
        put(o, self.path, value)
        return o


def put(o, path, value):
    """Sets a field, or takes it away; the way there is made where it is missing."""
    *way, last = path.split(".")
    for name in way:
        o = o.setdefault(name.removesuffix("[]"), [{}] if name.endswith("[]") else {})
        o = o[0] if isinstance(o, list) else o
    if value is MISSING:
        o.pop(last.removesuffix("[]"), None)
    else:
        o[last.removesuffix("[]")] = [value] if last.endswith("[]") else value


def required(kind, version, path, good, around=None):
    return Rule(kind, version, path, "required", good, MISSING, "%s: Required value" % path.replace("[]", "[0]"), around or {})


def between(kind, version, path, low, high, word="", **around):
    """Both ends of a range, each with the value just outside."""
    where = word or path
    said = where.replace("[]", "[0]")
    rows = []
    if low is not None:
        rows.append(Rule(kind, version, path, "minimum", low, low - 1,
                         "%s in body should be greater than or equal to %d" % (said, low), around))
    if high is not None:
        rows.append(Rule(kind, version, path, "maximum", high, high + 1,
                         "%s in body should be less than or equal to %d" % (said, high), around))
    return rows


def enum(kind, version, path, values, bad):
    return [Rule(kind, version, path, "enum", value, bad,
                 "%s: Unsupported value: \"%s\"" % (path.replace("[]", "[0]"), bad)) for value in values]


def cel(kind, version, path, good, bad, text, **around):
    return Rule(kind, version, path, "cel", good, bad, text, around)


ASN_MAX = 2**32 - 1
PREFERRED = "spec.preferredNodeSelectors[]"
OLD_EXPR = "spec.nodeSelectors[].matchExpressions[]"
EXPR = {"key": "site", "operator": "In", "values": ["north"]}
LENGTHS = ("serviceSelectors and aggregationLength are mutually exclusive, can only be used together with default "
           "aggregationLength (32) and aggregationLengthV6 (128)")
RANGE = "connect time should be between 1 seconds to 65535"
WHOLE = "connect time should contain a whole number of seconds"
CHANGED = "EnableGracefulRestart cannot be changed after creation"


def expr_without(name):
    return {k: v for k, v in EXPR.items() if k != name}


def selector_rules(kind, version, path, around=None):
    """The two rules inside a LabelSelector."""
    item = path + ".matchExpressions[]"
    said = item.replace("[]", "[0]")
    return [Rule(kind, version, item, "required", EXPR, expr_without(name), "%s.%s: Required value" % (said, name), around or {})
            for name in ("key", "operator")]


SPEC_RULES = [
    required("IPAddressPool", "v1beta1", "spec", {"addresses": ["192.0.2.0/24"]}),
    required("IPAddressPool", "v1beta1", "spec.addresses", ["192.0.2.1-192.0.2.9", "2001:db8::/64"]),

    *between("L2Advertisement", "v1beta1", PREFERRED + ".weight", 1, 100, preferredNodeSelectors=[{"preference": {}}]),
    required("L2Advertisement", "v1beta1", PREFERRED + ".weight", 50, {"preferredNodeSelectors": [{"preference": {}}]}),
    required("L2Advertisement", "v1beta1", PREFERRED + ".preference", SELECTOR, {"preferredNodeSelectors": [{"weight": 1}]}),

    *between("BGPAdvertisement", "v1beta1", "spec.aggregationLength", 1, None),
    *between("BGPAdvertisement", "v1beta1", "spec.asPathPrepend", 1, 10),
    *between("BGPAdvertisement", "v1beta1", "spec.med", 0, 2**32 - 1),
    cel("BGPAdvertisement", "v1beta1", "spec.aggregationLength", 32, 24, LENGTHS, serviceSelectors=[SELECTOR]),
    cel("BGPAdvertisement", "v1beta1", "spec.aggregationLengthV6", 128, 64, LENGTHS, serviceSelectors=[{}]),
    cel("BGPAdvertisement", "v1beta1", "spec.serviceSelectors", [], [SELECTOR], LENGTHS, aggregationLength=24),
    cel("BGPAdvertisement", "v1beta1", "spec", {"serviceSelectors": [SELECTOR]},
        {"serviceSelectors": [SELECTOR], "aggregationLength": 33, "aggregationLengthV6": 127}, LENGTHS),

    required("BGPPeer", "v1beta1", "spec.myASN", 64500),
    required("BGPPeer", "v1beta1", "spec.peerASN", 64501),
    required("BGPPeer", "v1beta1", "spec.peerAddress", "2001:db8::1"),
    *between("BGPPeer", "v1beta1", "spec.myASN", 0, ASN_MAX),
    *between("BGPPeer", "v1beta1", "spec.peerASN", 0, ASN_MAX),
    *between("BGPPeer", "v1beta1", "spec.peerPort", 0, 16384),
    *(Rule("BGPPeer", "v1beta1", OLD_EXPR, "required", EXPR, expr_without(name),
           "spec.nodeSelectors[0].matchExpressions[0].%s: Required value" % name) for name in EXPR),
    Rule("BGPPeer", "v1beta1", OLD_EXPR + ".values", "minItems", ["north"], [],
         "spec.nodeSelectors[0].matchExpressions[0].values in body should have at least 1 items",
         {"nodeSelectors": [{"matchExpressions": [{"key": "site", "operator": "In"}]}]}),

    required("BGPPeer", "v1beta2", "spec.myASN", 64500),
    *between("BGPPeer", "v1beta2", "spec.myASN", 0, ASN_MAX),
    *between("BGPPeer", "v1beta2", "spec.peerASN", 0, ASN_MAX),
    *between("BGPPeer", "v1beta2", "spec.localASN", 1, ASN_MAX),
    *between("BGPPeer", "v1beta2", "spec.ttlSecurityHops", 1, 254),
    *between("BGPPeer", "v1beta2", "spec.peerPort", 1, 16384),
    *enum("BGPPeer", "v1beta2", "spec.dynamicASN", ["internal", "external"], "Internal"),
    cel("BGPPeer", "v1beta2", "spec.connectTime", "1s", "999ms", RANGE),
    cel("BGPPeer", "v1beta2", "spec.connectTime", "1000ms", "0s", RANGE),
    cel("BGPPeer", "v1beta2", "spec.connectTime", "65535s", "65536s", RANGE),
    cel("BGPPeer", "v1beta2", "spec.connectTime", "18h12m15s", "18h12m15.5s", RANGE),
    cel("BGPPeer", "v1beta2", "spec.connectTime", "1m30s", "-90s", RANGE),
    cel("BGPPeer", "v1beta2", "spec.connectTime", "2000ms", "2500ms", WHOLE),
    cel("BGPPeer", "v1beta2", "spec.connectTime", "2000000us", "2000001us", WHOLE),
    cel("BGPPeer", "v1beta2", "spec.connectTime", "10s", "10",
        "type conversion error from 'string' to 'google.protobuf.Duration'"),

    *(row for name in ("receiveInterval", "transmitInterval", "echoInterval")
      for row in between("BFDProfile", "v1beta1", "spec." + name, 10, 60000)),
    *between("BFDProfile", "v1beta1", "spec.detectMultiplier", 2, 255),
    *between("BFDProfile", "v1beta1", "spec.minimumTtl", 1, 254),

    *selector_rules("IPAddressPool", "v1beta1", "spec.serviceAllocation.namespaceSelectors[]"),
    *selector_rules("IPAddressPool", "v1beta1", "spec.serviceAllocation.serviceSelectors[]"),
    *(row for kind in ("L2Advertisement", "BGPAdvertisement")
      for name in ("ipAddressPoolSelectors", "nodeSelectors", "serviceSelectors")
      for row in selector_rules(kind, "v1beta1", "spec.%s[]" % name)),
    *selector_rules("L2Advertisement", "v1beta1", PREFERRED + ".preference", {"preferredNodeSelectors": [{"weight": 1}]}),
    *selector_rules("BGPPeer", "v1beta2", "spec.nodeSelectors[]"),
]


def change(kind, version, path, old, bad, text):
    return Rule(kind, version, path, "cel", old, bad, text, old=old)


# About what was there before.
CHANGE_RULES = [
    change("BGPPeer", "v1beta2", "spec.enableGracefulRestart", True, False, CHANGED),
    change("BGPPeer", "v1beta2", "spec.enableGracefulRestart", False, True, CHANGED),
    *(change(kind, "v1beta1", "status." + name, HOLDER[name], "other", "status.%s: Invalid value" % name)
      for kind in ("ServiceL2Status", "ServiceBGPStatus") for name in HOLDER),
]

CONDITIONS = "status.conditions[]"


def condition(name, word, good, bad, text):
    """A rule of one field of a condition. Messages that go on with "in body" count paths from the status."""
    broken = {k: v for k, v in dict(CONDITION, **{name: bad}).items() if v is not MISSING}
    where = "conditions[0]." if text.startswith(" in body") else "status.conditions[0]."
    return Rule("ConfigurationState", "v1beta1", CONDITIONS, word + " " + name, dict(CONDITION, **{name: good}), broken,
                where + name + text)


STATUS_RULES = [
    *(required("IPAddressPool", "v1beta1", "status." + name, 7) for name in COUNTERS),
    *enum("ConfigurationState", "v1beta1", "status.result", ["Valid", "Invalid", "Unknown"], "valid"),
    *(condition(name, "required", CONDITION[name], MISSING, ": Required value") for name in CONDITION),
    *(condition("status", "enum", good, "true", ": Unsupported value: \"true\"") for good in ("True", "False", "Unknown")),
    condition("type", "maxLength", "a" * 316, "a" * 317, ": Too long"),
    condition("type", "pattern", "example.com/Ready", "not ready", " in body should match '^([a-z0-9]("),
    condition("reason", "minLength", "a", "", " in body should be at least 1 chars long"),
    condition("reason", "maxLength", "a" * 1024, "a" * 1025, ": Too long"),
    condition("reason", "pattern", "Re_con,ci:led", "9lives", " in body should match '^[A-Za-z]("),
    condition("message", "maxLength", "x" * 32768, "x" * 32769, ": Too long"),
    condition("lastTransitionTime", "format", "2026-01-02T03:04:05.678Z", "yesterday", " in body must be of type date-"),
    condition("observedGeneration", "minimum", 0, -1, " in body should be greater than or equal to 0"),
    Rule("ConfigurationState", "v1beta1", "status.conditions", "list-type",
         [CONDITION, dict(CONDITION, type="poolReconcilerValid")], [CONDITION, dict(CONDITION, status="False")],
         "status.conditions[1]: Duplicate value"),
]


# --- wrong types ---

WRONG = {"string": 5, "boolean": "yes", "integer": "5", "int32": 1.5, "int64": True, "object": "text", "map": ["a"],
         "LabelSelector": "text"}


def type_rules(kind, version, path, word):
    """A value of the wrong type for a field, and for an item of it."""
    said = path.replace("[]", "[0]").removeprefix("status.")
    inner = word.removeprefix("[]")
    wrong = WRONG[word] if inner == word else {"a": 1}
    yield Rule(kind, version, path, "type", MISSING, wrong, said + " in body must be of type")
    if inner != word:
        yield Rule(kind, version, path + "[]", "type", MISSING, WRONG[inner], said + "[0] in body must be of type")


def all_type_rules(lines_of_kinds):
    """For every field of the table of crd_schema.py."""
    for kind, lines in lines_of_kinds.items():
        for first, second, *_ in lines:
            if first == "version":
                version = second
            elif first not in ("crd", "column", "spec", "status"):
                yield from type_rules(kind, version, first, second)
