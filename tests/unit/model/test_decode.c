/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for all kinds: which kind it is, metadata, wrong types. */
#include "decode_case.h"

#include <errno.h>

static const struct {
    const char *name, *doc, *err;
} not_objects[] = {
    {"null", "null", "not a Kubernetes object: expected a mapping"},
    {"list", "[]", "not a Kubernetes object: expected a mapping"},
    {"string", "'Service'", "not a Kubernetes object: expected a mapping"},
    {"nothing in it", "{}", "not a Kubernetes object: apiVersion is missing"},
    {"no kind", "{'apiVersion': 'v1'}", "not a Kubernetes object: kind is missing"},
    {"null kind", "{'apiVersion': 'v1', 'kind': null}", "not a Kubernetes object: kind is missing"},
    {"no apiVersion", "{'kind': 'Service'}", "not a Kubernetes object: apiVersion is missing"},
    {"number", "{'apiVersion': 1, 'kind': 'Service'}",
     "not a Kubernetes object: apiVersion is not a string"},
    {"empty kind", "{'apiVersion': 'v1', 'kind': ''}", "not a Kubernetes object: kind is empty"},
    {"case", "{'apiversion': 'v1', 'kind': 'Service'}",
     "not a Kubernetes object: apiVersion is missing"},
};

static void test_not_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(not_objects); i++) {
        json_t *doc = doc_parse(not_objects[i].doc);
        struct fault_list faults = {0};
        struct err err = {0};
        struct object *o = NULL;

        if (object_decode(&o, doc, (struct origin){.file = ""}, &faults, &err) !=
                DECODE_NOT_OBJECT ||
            o != NULL || faults.count != 0 || err.code != -EINVAL ||
            strcmp(err_text(&err), not_objects[i].err) != 0)
            fail_msg("%s: %s", not_objects[i].name, err_text(&err));
        err_done(&err);
        json_decref(doc);
    }
}

#define TYPED(api_version_, kind_) "{'apiVersion': '" api_version_ "', 'kind': '" kind_ "'}"

static const struct decode_case ignored[] = {
    {"other kind", TYPED("v1", "Endpoints"), DECODE_IGNORED, {0}},
    {"other group", TYPED("apps/v1", "Deployment"), DECODE_IGNORED, {0}},
    {"list", TYPED("v1", "List"), DECODE_IGNORED, {0}},
    {"list of a kind", TYPED("v1", "ServiceList"), DECODE_IGNORED, {0}},
    {"unknown version", TYPED("metallb.io/v1", "IPAddressPool"), DECODE_IGNORED, {0}},
    {"version of another kind", TYPED("metallb.io/v1beta2", "IPAddressPool"), DECODE_IGNORED, {0}},
    {"retired kind", TYPED("metallb.io/v1beta1", "AddressPool"), DECODE_IGNORED, {0}},
    {"core kind of a group", TYPED("metallb.io/v1beta1", "Service"), DECODE_IGNORED, {0}},
    {"Knative's", TYPED("serving.knative.dev/v1", "Service"), DECODE_IGNORED, {0}},
    {"case", TYPED("v1", "service"), DECODE_IGNORED, {0}},
};

static void test_ignored(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
        decode_case_run(&ignored[i]);
}

static const struct {
    const char *api_version, *kind, *namespace;
    enum object_kind object;
} known[] = {
    {"metallb.io/v1beta1", "IPAddressPool", "", OBJ_IP_ADDRESS_POOL},
    {"metallb.io/v1beta1", "L2Advertisement", "", OBJ_L2_ADVERTISEMENT},
    {"metallb.io/v1beta1", "BGPAdvertisement", "", OBJ_BGP_ADVERTISEMENT},
    {"metallb.io/v1beta1", "BGPPeer", "", OBJ_BGP_PEER},
    {"metallb.io/v1beta2", "BGPPeer", "", OBJ_BGP_PEER},
    {"metallb.io/v1beta1", "BFDProfile", "", OBJ_BFD_PROFILE},
    {"metallb.io/v1beta1", "Community", "", OBJ_COMMUNITY},
    {"v1", "Service", "default", OBJ_SERVICE},
    {"discovery.k8s.io/v1", "EndpointSlice", "default", OBJ_ENDPOINT_SLICE},
    {"discovery.k8s.io/v1beta1", "EndpointSlice", "default", OBJ_ENDPOINT_SLICE},
    {"v1", "Node", "", OBJ_NODE},
    {"v1", "Namespace", "", OBJ_NAMESPACE},
    {"v1", "Pod", "default", OBJ_POD},
    {"v1", "Secret", "default", OBJ_SECRET},
    {"v1", "ConfigMap", "default", OBJ_CONFIG_MAP},
    {"metallb.io/v1beta1", "ServiceL2Status", "default", OBJ_SERVICE_L2_STATUS},
    {"metallb.io/v1beta1", "ServiceBGPStatus", "default", OBJ_SERVICE_BGP_STATUS},
    {"metallb.io/v1beta1", "ConfigurationState", "default", OBJ_CONFIGURATION_STATE},
};

/* Also: what the namespace is when the document has none. */
static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        CLEANUP(object_freep) struct object *o = NULL;
        CLEANUP(xfreep)
        char *doc = xasprintf(
            "{'apiVersion': '%s', 'kind': '%s', 'metadata': {'name': 'a', 'namespace': ''}, "
            "'addressType': 'IPv4'}",
            known[i].api_version, known[i].kind);

        o = doc_decode(doc);
        if (o->kind != known[i].object || strcmp(o->meta.namespace, known[i].namespace) != 0)
            fail_msg("%s %s: namespace '%s'", known[i].api_version, known[i].kind,
                     o->meta.namespace);
        assert_string_equal(o->meta.name, "a");
    }
}

static void test_meta(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o =
        doc_decode("{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {"
                   "'name': 'a.b-c', 'namespace': 'web', 'uid': 'u-1', 'resourceVersion': '42', "
                   "'creationTimestamp': '1970-01-01T00:01:00Z', 'generation': 3, "
                   "'labels': {'zone': 'z', 'app': 'web', 'metallb.io/x': ''}, "
                   "'annotations': {'metallb.universe.tf/address-pool': 'old', 'x': null}}}");

    assert_string_equal(o->meta.name, "a.b-c");
    assert_string_equal(o->meta.namespace, "web");
    assert_string_equal(o->meta.uid, "u-1");
    assert_string_equal(o->meta.resource_version, "42");
    assert_int_equal(o->meta.created_ns, INT64_C(60000000000));
    assert_int_equal(o->meta.labels.count, 3);
    assert_string_equal(o->meta.labels.items[0].key, "app");
    assert_string_equal(o->meta.labels.items[1].key, "metallb.io/x");
    assert_string_equal(o->meta.labels.items[2].key, "zone");
    assert_string_equal(label_find(&o->meta.labels, "zone"), "z");
    assert_string_equal(label_find(&o->meta.labels, "metallb.io/x"), "");
    assert_null(label_find(&o->meta.labels, "Zone"));
    assert_string_equal(annotation_find(&o->meta, "address-pool"), "old");
    assert_string_equal(label_find(&o->meta.annotations, "x"), "");
    assert_null(annotation_find(&o->meta, "loadBalancerIPs"));
}

/* Spec api-and-config 5.1: the new prefix wins, even when its value is empty. */
static void test_annotation_precedence(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(
        "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'a', 'annotations': {"
        "'metallb.universe.tf/address-pool': 'old', 'metallb.io/address-pool': ''}}}");

    assert_string_equal(annotation_find(&o->meta, "address-pool"), "");
}

static void test_origin(void **state)
{
    char file[] = "pools.yaml";
    json_t *doc = doc_parse("{'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'a'}}");
    struct fault_list faults = {0};
    struct err err = {0};
    struct object *o = NULL;

    (void)state;
    assert_int_equal(
        object_decode(&o, doc, (struct origin){.file = file, .line = 12}, &faults, &err),
        DECODE_OK);
    file[0] = 'X';
    assert_string_equal(o->origin.file, "pools.yaml");
    assert_int_equal(o->origin.line, 12);
    object_free(o);
    json_decref(doc);
}

#define META(fields_) "{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {" fields_ "}}"
#define NAMED(kind_, name_)                                                                        \
    "{'apiVersion': 'v1', 'kind': '" kind_ "', 'metadata': {'name': '" name_ "'}}"
#define NOT_LABEL(path_, name_)                                                                    \
    path_ ": \"" name_ "\" is not a valid name: at most 63 of a-z, 0-9 and '-', beginning and "    \
          "ending with a letter or digit"
#define NOT_SUBDOMAIN(name_)                                                                       \
    "metadata.name: \"" name_ "\" is not a valid name: at most 253 of a-z, 0-9, '.' and '-', "     \
    "beginning and ending with a letter or digit"
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct decode_case identities[] = {
    {"no metadata",
     "{'apiVersion': 'v1', 'kind': 'Node'}",
     DECODE_INVALID,
     {"metadata.name: required (f.yaml:7)"}},
    {"null metadata",
     "{'apiVersion': 'v1', 'kind': 'Node', 'metadata': null}",
     DECODE_INVALID,
     {"metadata.name: required (f.yaml:7)"}},
    {"metadata is a list",
     "{'apiVersion': 'v1', 'kind': 'Node', 'metadata': []}",
     DECODE_INVALID,
     {"metadata: expected a mapping, got a list"}},
    {"no name",
     META("'generateName': 'a-'"),
     DECODE_INVALID,
     {"metadata.name: required (f.yaml:7)"}},
    {"empty name", META("'name': ''"), DECODE_INVALID, {"metadata.name: required (f.yaml:7)"}},
    {"name is a number",
     META("'name': 7"),
     DECODE_INVALID,
     {"metadata.name: expected a string, got a number; put it in quotes"}},
    {"no name, and a bad label",
     META("'labels': {'a': 1}"),
     DECODE_INVALID,
     {"metadata.name: required (f.yaml:7)",
      "metadata.labels[\"a\"]: expected a string, got a number; put it in quotes"}},
    {"namespace is a number",
     META("'name': 'a', 'namespace': 1"),
     DECODE_INVALID,
     {"metadata.namespace: expected a string, got a number; put it in quotes"}},
    {"subdomain", NAMED("Node", "n1.example.com"), DECODE_OK, {0}},
    {"63 letters and a dot", NAMED("Secret", A63 ".a"), DECODE_OK, {0}},
    {"capital", NAMED("Node", "N1"), DECODE_OK, {NOT_SUBDOMAIN("N1")}},
    {"underscore", NAMED("Pod", "a_b"), DECODE_OK, {NOT_SUBDOMAIN("a_b")}},
    {"dash at the end", NAMED("Pod", "a-.b"), DECODE_OK, {NOT_SUBDOMAIN("a-.b")}},
    {"empty part", NAMED("Pod", "a..b"), DECODE_OK, {NOT_SUBDOMAIN("a..b")}},
    {"253",
     NAMED("Pod", A63 "." A63 "." A63 "." A63),
     DECODE_OK,
     {NOT_SUBDOMAIN(A63 "." A63 "." A63 "." A63)}},
    {"Service with a dot", NAMED("Service", "a.b"), DECODE_OK, {NOT_LABEL("metadata.name", "a.b")}},
    {"Service of 63", NAMED("Service", A63), DECODE_OK, {0}},
    {"Service of 64", NAMED("Service", A63 "a"), DECODE_OK, {NOT_LABEL("metadata.name", A63 "a")}},
    {"Namespace with a dot",
     NAMED("Namespace", "a.b"),
     DECODE_OK,
     {NOT_LABEL("metadata.name", "a.b")}},
    {"in a namespace that is none",
     META("'name': 'a', 'namespace': 'B'"),
     DECODE_OK,
     {NOT_LABEL("metadata.namespace", "B")}},
    {"escapes of a name", META("'name': 'a\\u001bb'"), DECODE_OK, {NOT_SUBDOMAIN("a\\x1bb")}},
    {"timestamp",
     META("'name': 'a', 'creationTimestamp': '2026-11-25T09:44:28.5+01:00'"),
     DECODE_OK,
     {0}},
    {"null timestamp", META("'name': 'a', 'creationTimestamp': null"), DECODE_OK, {0}},
    {"timestamp without zone",
     META("'name': 'a', 'creationTimestamp': '2026-11-25'"),
     DECODE_OK,
     {"metadata.creationTimestamp: \"2026-11-25\" is not a time such as 2006-01-02T15:04:05Z "
      "(RFC 3339)"}},
    {"timestamp is a number",
     META("'name': 'a', 'creationTimestamp': 5"),
     DECODE_INVALID,
     {"metadata.creationTimestamp: expected a string, got a number; put it in quotes"}},
    {"labels are a list",
     META("'name': 'a', 'labels': []"),
     DECODE_INVALID,
     {"metadata.labels: expected a mapping, got a list"}},
    {"null label", META("'name': 'a', 'labels': {'a.b/c': null}"), DECODE_OK, {NULL}},
    {"null in a selector",
     "{'apiVersion': 'metallb.io/v1beta1', 'kind': 'L2Advertisement', 'metadata': {'name': 'a'}, "
     "'spec': {'nodeSelectors': [{'matchLabels': {'a.b/c': null}}]}}",
     DECODE_INVALID,
     {"spec.nodeSelectors[0].matchLabels[\"a.b/c\"]: expected a string, got null"}},
    {"annotation is a boolean",
     META("'name': 'a', 'annotations': {'metallb.io/x': true}"),
     DECODE_INVALID,
     {"metadata.annotations[\"metallb.io/x\"]: expected a string, got a boolean; put it in "
      "quotes"}},
};

static void test_identities(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(identities); i++)
        decode_case_run(&identities[i]);
}

/* Each wrong field is reported, with its path. */
static const struct decode_case wrong_types[] = {
    {"spec is a list",
     DOC("v1", "Service", "'spec': []"),
     DECODE_INVALID,
     {"spec: expected a mapping, got a list"}},
    {"spec is a string",
     DOC("metallb.io/v1beta1", "BFDProfile", "'spec': 'fast'"),
     DECODE_INVALID,
     {"spec: expected a mapping, got a string"}},
    {"null spec", DOC("metallb.io/v1beta1", "BFDProfile", "'spec': null"), DECODE_OK, {0}},
    {"string",
     POOL("'addresses': [1, '192.0.2.0/24', null]"),
     DECODE_INVALID,
     {"spec.addresses[0]: expected a string, got a number; put it in quotes",
      "spec.addresses[2]: expected a string, got null"}},
    {"list",
     POOL("'addresses': '192.0.2.0/24', 'autoAssign': 'false', 'avoidBuggyIPs': 0"),
     DECODE_INVALID,
     {"spec.addresses: expected a list, got a string",
      "spec.autoAssign: expected true or false, got a string",
      "spec.avoidBuggyIPs: expected true or false, got a number"}},
    {"deep",
     POOL("'serviceAllocation': {'priority': '1', 'serviceSelectors': [{'matchLabels': {'a': 1}}, "
          "{'matchExpressions': [{'key': [], 'operator': {}, 'values': 'b'}]}, 'x']}"),
     DECODE_INVALID,
     {"spec.serviceAllocation.priority: expected a number, got a string",
      "spec.serviceAllocation.serviceSelectors[0].matchLabels[\"a\"]: expected a string, got a "
      "number; put it in quotes",
      "spec.serviceAllocation.serviceSelectors[1].matchExpressions[0].key: expected a string, "
      "got a list",
      "spec.serviceAllocation.serviceSelectors[1].matchExpressions[0].operator: expected a "
      "string, got a mapping",
      "spec.serviceAllocation.serviceSelectors[1].matchExpressions[0].values: expected a list, "
      "got a string",
      "spec.serviceAllocation.serviceSelectors[2]: expected a mapping, got a string"}},
    {"serviceAllocation",
     POOL("'serviceAllocation': true"),
     DECODE_INVALID,
     {"spec.serviceAllocation: expected a mapping, got a boolean"}},
    {"real",
     SERVICE("'ports': [{'port': 80.0}]"),
     DECODE_INVALID,
     {"spec.ports[0].port: expected a whole number, got a number with a fraction or an exponent"}},
    {"boolean for a number",
     PEER2("'myASN': true"),
     DECODE_INVALID,
     {"spec.myASN: expected a number, got a boolean"}},
    {"duration",
     PEER2("'holdTime': 90"),
     DECODE_INVALID,
     {"spec.holdTime: expected a string, got a number; put it in quotes"}},
    {"with a fault of the schema",
     PEER2("'peerPort': 70000, 'vrf': 1"),
     DECODE_INVALID,
     {"spec.peerPort: 70000 is above 16384",
      "spec.vrf: expected a string, got a number; put it in quotes"}},
    {"items",
     SERVICE("'ports': [null, [], 5]"),
     DECODE_INVALID,
     {"spec.ports[0]: expected a mapping, got null",
      "spec.ports[1]: expected a mapping, got a list",
      "spec.ports[2]: expected a mapping, got a number"}},
    {"v1beta1 selectors",
     PEER1("'nodeSelectors': [5, {'matchExpressions': [1, {'values': 2}]}]"),
     DECODE_INVALID,
     {"spec.nodeSelectors[0]: expected a mapping, got a number",
      "spec.nodeSelectors[1].matchExpressions[0]: expected a mapping, got a number",
      "spec.nodeSelectors[1].matchExpressions[1].values: expected a list, got a number"}},
    {"conditions of an endpoint",
     DOC("discovery.k8s.io/v1", "EndpointSlice",
         "'addressType': 'IPv4', 'endpoints': [{'conditions': {'ready': 'True'}, 'addresses': "
         "{}}]"),
     DECODE_INVALID,
     {"endpoints[0].addresses: expected a list, got a mapping",
      "endpoints[0].conditions.ready: expected true or false, got a string"}},
    {"conditions of a Node",
     DOC("v1", "Node", "'status': {'conditions': [{'type': 1, 'status': true}, null]}"),
     DECODE_INVALID,
     {"status.conditions[0].type: expected a string, got a number; put it in quotes",
      "status.conditions[0].status: expected a string, got a boolean; put it in quotes",
      "status.conditions[1]: expected a mapping, got null"}},
    {"Secret, without its value",
     DOC("v1", "Secret", "'data': {'password': 4711}, 'stringData': {'password': false}"),
     DECODE_INVALID,
     {"data.password: expected a string, got a number; put it in quotes",
      "stringData.password: expected a string, got a boolean; put it in quotes"}},
    {"fields without a row",
     SERVICE("'sessionAffinity': 5, 'Type': 7, 'ports': [{'port': 80, 'nodePort': 'x'}]"),
     DECODE_OK,
     {0}},
    {"null is absent",
     PEER2("'myASN': null, 'holdTime': null, 'nodeSelectors': null, 'passwordSecret': null, "
           "'vrf': null"),
     DECODE_OK,
     {0}},
};

static void test_wrong_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong_types); i++)
        decode_case_run(&wrong_types[i]);
}

/* A NUL cannot come from our JSON reader, but a YAML scalar may hold one: nothing may be cut off
 * silently. */
static void test_nul_in_texts(void **state)
{
    json_t *doc = doc_parse(META("'name': 'a', 'labels': {}"));
    json_t *labels = json_object_get(json_object_get(doc, "metadata"), "labels");
    struct fault_list faults = {0};
    struct err err = {0};
    struct object *o = NULL;

    (void)state;
    json_object_set_new(labels, "value", json_stringn("a\0b", 3));
    json_object_setn_new(labels, "key\0x", 5, json_string("v"));
    assert_int_equal(object_decode(&o, doc, (struct origin){.file = ""}, &faults, &err),
                     DECODE_INVALID);
    assert_int_equal(faults.count, 2);
    assert_string_equal(faults.items[0].message,
                        "metadata.labels[\"value\"]: holds a NUL character");
    assert_string_equal(faults.items[1].message,
                        "metadata.labels[\"key\"]: the key holds a NUL character");
    fault_list_done(&faults);
    json_decref(doc);
}

static void test_fault_names_the_object(void **state)
{
    json_t *doc = doc_parse(
        "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'labels': 1, 'name': 'web'}}");
    struct fault_list faults = {0};
    struct err err = {0};
    struct object *o = NULL;

    (void)state;
    assert_int_equal(object_decode(&o, doc, (struct origin){.file = ""}, &faults, &err),
                     DECODE_INVALID);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].kind, "Service");
    assert_string_equal(faults.items[0].namespace, "default");
    assert_string_equal(faults.items[0].name, "web");
    fault_list_done(&faults);
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_objects),
        cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_annotation_precedence),
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_nul_in_texts),
        cmocka_unit_test(test_fault_names_the_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
