/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of Kubernetes itself. */
#include "decode_case.h"

#include "base/mem.h"

#include <malloc.h>

static void assert_strings(const struct string_list *list, const char *joined)
{
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < list->count; i++)
        text_printf(&t, "%s%s", i > 0 ? " " : "", list->items[i]);
    assert_string_equal(text_str(&t), joined);
}

static void test_service(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(
        "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web', 'namespace': "
        "'shop'}, 'spec': {"
        "'type': 'LoadBalancer', 'clusterIP': '10.96.0.1', 'clusterIPs': ['10.96.0.1', 'fd00::1'], "
        "'ipFamilies': ['IPv4', 'IPv6'], 'ipFamilyPolicy': 'PreferDualStack', "
        "'loadBalancerIP': '192.0.2.1', "
        "'loadBalancerClass': 'example.com/lb', 'externalTrafficPolicy': 'Local', "
        "'selector': {'tier': 'front', 'app': 'web'}, 'publishNotReadyAddresses': true, "
        "'ports': [{'name': 'dns', 'protocol': 'UDP', 'port': 53, 'targetPort': 'dns', "
        "'nodePort': 30053}, "
        "{'port': 65535}]}, "
        "'status': {'loadBalancer': {'ingress': [{'ip': '192.0.2.1', 'ipMode': 'VIP'}, "
        "{'hostname': 'h.example'}]}}}");
    const struct service *s = &o->service;

    assert_string_equal(s->type, "LoadBalancer");
    assert_string_equal(s->cluster_ip, "10.96.0.1");
    assert_strings(&s->cluster_ips, "10.96.0.1 fd00::1");
    assert_strings(&s->ip_families, "IPv4 IPv6");
    assert_string_equal(s->ip_family_policy, "PreferDualStack");
    assert_string_equal(s->load_balancer_ip, "192.0.2.1");
    assert_string_equal(s->load_balancer_class, "example.com/lb");
    assert_string_equal(s->external_traffic_policy, "Local");
    assert_int_equal(s->selector.count, 2);
    assert_string_equal(s->selector.items[0].key, "app");
    assert_string_equal(label_find(&s->selector, "tier"), "front");
    assert_true(s->publish_not_ready_addresses);
    assert_int_equal(s->port_count, 2);
    assert_string_equal(s->ports[0].name, "dns");
    assert_string_equal(s->ports[0].protocol, "UDP");
    assert_int_equal(s->ports[0].port, 53);
    assert_string_equal(s->ports[1].name, "");
    assert_string_equal(s->ports[1].protocol, "TCP");
    assert_int_equal(s->ports[1].port, 65535);
    assert_int_equal(s->ingress_count, 2);
    assert_string_equal(s->ingress[0].ip, "192.0.2.1");
    assert_string_equal(s->ingress[0].ip_mode, "VIP");
    assert_string_equal(s->ingress[0].hostname, "");
    assert_string_equal(s->ingress[1].ip, "");
    assert_string_equal(s->ingress[1].hostname, "h.example");
}

static void assert_service_defaults(const char *doc)
{
    CLEANUP(object_freep) struct object *o = doc_decode(doc);
    const struct service *s = &o->service;

    assert_string_equal(s->type, "ClusterIP");
    assert_string_equal(s->cluster_ip, "");
    assert_string_equal(s->ip_family_policy, "");
    assert_string_equal(s->load_balancer_ip, "");
    assert_null(s->load_balancer_class);
    assert_string_equal(s->external_traffic_policy, "");
    assert_false(s->publish_not_ready_addresses);
    assert_int_equal(s->cluster_ips.count + s->ip_families.count + s->selector.count +
                         s->port_count + s->ingress_count,
                     0);
    assert_string_equal(o->meta.uid, "");
    assert_string_equal(o->meta.resource_version, "");
}

static void test_service_defaults(void **state)
{
    (void)state;
    assert_service_defaults("{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'a'}}");
    assert_service_defaults(SERVICE(""));
    assert_service_defaults(
        SERVICE("'type': '', 'externalTrafficPolicy': '', 'ipFamilyPolicy': null, 'ports': []"));
}

/* Spec controller 1.2: an empty class is a class. */
static void test_empty_class(void **state)
{
    (void)state;
    CLEANUP(object_freep) struct object *o = doc_decode(SERVICE("'loadBalancerClass': ''"));

    assert_non_null(o->service.load_balancer_class);
    assert_string_equal(o->service.load_balancer_class, "");
}

#define SLICE(fields_) DOC("discovery.k8s.io/v1", "EndpointSlice", fields_)

static void test_slice(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(
        "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata': {'name': "
        "'web-1', "
        "'labels': {'kubernetes.io/service-name': 'web', 'a': 'b'}}, 'addressType': 'IPv6', "
        "'endpoints': ["
        "{'addresses': ['2001:db8::1'], 'nodeName': 'n1', "
        "'conditions': {'ready': true, 'serving': false, 'terminating': true}}, "
        "{'addresses': ['2001:db8::2', '2001:db8::3'], 'conditions': {'ready': false}}, "
        "{'addresses': []}]}");
    const struct endpoint_slice *s = &o->slice;

    assert_string_equal(s->service, "web");
    assert_string_equal(s->address_type, "IPv6");
    assert_int_equal(s->endpoint_count, 3);
    assert_strings(&s->endpoints[0].addresses, "2001:db8::1");
    assert_string_equal(s->endpoints[0].node, "n1");
    assert_int_equal(s->endpoints[0].ready, TRI_TRUE);
    assert_int_equal(s->endpoints[0].serving, TRI_FALSE);
    assert_int_equal(s->endpoints[0].terminating, TRI_TRUE);
    assert_strings(&s->endpoints[1].addresses, "2001:db8::2 2001:db8::3");
    assert_string_equal(s->endpoints[1].node, "");
    assert_int_equal(s->endpoints[1].ready, TRI_FALSE);
    assert_int_equal(s->endpoints[1].serving, TRI_ABSENT);
    assert_int_equal(s->endpoints[2].ready, TRI_ABSENT);
    assert_int_equal(s->endpoints[2].addresses.count, 0);
}

static void test_slice_without_service(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(SLICE("'addressType': 'FQDN', 'endpoints': null"));

    assert_string_equal(o->slice.service, "");
    assert_int_equal(o->slice.endpoint_count, 0);
}

/* Found by fuzzing: an empty list before the first string of the object. */
static void test_slice_with_an_empty_list(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(
        "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', "
        "'metadata': {'name': 'endpointslice-controller.k8s.io'}, 'addressType': 'IPv4', "
        "'endpoints': [{'addresses': []}]}");

    assert_int_equal(o->slice.endpoints[0].addresses.count, 0);
}

/* The plan holds 10,000 slices at once. */
static void test_slice_memory(void **state)
{
    enum { SLICES = 100, BYTES_MAX = 2300 };
    struct object *slices[SLICES];
    CLEANUP(text_done) struct text doc = {0};
    size_t before;

    (void)state;
    text_add(
        &doc,
        "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata': {'name': "
        "'web-x7k2q', "
        "'namespace': 'default', 'uid': '0b7d2f0e-7d3c-4f0a-9a6e-0d7c1b2a3f4e', 'resourceVersion': "
        "'123456', 'creationTimestamp': '2026-01-02T03:04:05Z', 'labels': "
        "{'kubernetes.io/service-name': "
        "'web', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io', "
        "'app': 'web'}, "
        "'annotations': {'endpoints.kubernetes.io/last-change-trigger-time': "
        "'2026-01-02T03:04:05Z'}}, "
        "'addressType': 'IPv4', 'endpoints': [");
    for (int i = 0; i < 10; i++)
        text_printf(
            &doc,
            "%s{'addresses': ['198.18.100.%d'], 'nodeName': 'worker-%d.example', 'conditions': "
            "{'ready': true, "
            "'serving': true, 'terminating': false}}",
            i > 0 ? ", " : "", i, i);
    text_add(&doc, "]}");
    object_free(doc_decode(text_str(&doc))); /* the first one pays for what the libraries keep */
    before = mallinfo2().uordblks;
    for (size_t i = 0; i < SLICES; i++)
        slices[i] = doc_decode(text_str(&doc));
    print_message("%zu bytes a slice\n", (mallinfo2().uordblks - before) / SLICES);
    assert_true(mallinfo2().uordblks - before <= (size_t)SLICES * BYTES_MAX);
    for (size_t i = 0; i < SLICES; i++)
        object_free(slices[i]);
}

#define NODE(labels_, conditions_)                                                                 \
    "{'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'n1', 'namespace': 'default', "     \
    "'labels': {" labels_ "}}, 'status': {'conditions': [" conditions_ "]}}"

static const struct {
    const char *name, *doc;
    bool network_unavailable, exclude;
} nodes[] = {
    {"plain", NODE("", "{'type': 'Ready', 'status': 'True'}"), false, false},
    {"no network",
     NODE("",
          "{'type': 'Ready', 'status': 'True'}, {'type': 'NetworkUnavailable', 'status': 'True'}"),
     true, false},
    {"network", NODE("", "{'type': 'NetworkUnavailable', 'status': 'False'}"), false, false},
    {"unknown", NODE("", "{'type': 'NetworkUnavailable', 'status': 'Unknown'}"), false, false},
    {"twice: the first counts",
     NODE("", "{'type': 'NetworkUnavailable', 'status': 'False'}, {'type': 'NetworkUnavailable', "
              "'status': 'True'}"),
     false, false},
    {"no status", NODE("", "{'type': 'NetworkUnavailable'}"), false, false},
    {"excluded", NODE("'node.kubernetes.io/exclude-from-external-load-balancers': ''", ""), false,
     true},
    {"excluded by false",
     NODE("'node.kubernetes.io/exclude-from-external-load-balancers': 'false'", ""), false, true},
    {"other label", NODE("'exclude-from-external-load-balancers': ''", ""), false, false},
    {"nothing", "{'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'n1'}}", false, false},
};

static void test_nodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        CLEANUP(object_freep) struct object *o = doc_decode(nodes[i].doc);

        if (o->node.network_unavailable != nodes[i].network_unavailable ||
            o->node.exclude_from_lb != nodes[i].exclude)
            fail_msg("%s", nodes[i].name);
        assert_string_equal(o->meta.namespace, "");
    }
}

static void test_pod(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(DOC("v1", "Pod",
                                      "'spec': {'nodeName': 'n1'}, "
                                      "'status': {'phase': 'Running', 'podIP': '198.18.0.7'}"));
    CLEANUP(object_freep) struct object *pending = doc_decode(DOC("v1", "Pod", "'spec': {}"));

    assert_string_equal(o->pod.node, "n1");
    assert_string_equal(o->pod.phase, "Running");
    assert_string_equal(o->pod.ip, "198.18.0.7");
    assert_string_equal(pending->pod.node, "");
    assert_string_equal(pending->pod.phase, "");
}

static void test_config_map(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(
        DOC("v1", "ConfigMap", "'data': {'extras': 'x', 'a': ''}, 'binaryData': {'b': 'AA=='}"));

    assert_int_equal(o->config_map.data.count, 2);
    assert_string_equal(o->config_map.data.items[0].key, "a");
    assert_string_equal(label_find(&o->config_map.data, "extras"), "x");
}

static const struct {
    const char *name, *fields, *type, *password; /* NULL: none */
} secrets[] = {
    {"data", "'type': 'kubernetes.io/basic-auth', 'data': {'password': 'c2VjcmV0'}",
     "kubernetes.io/basic-auth", "secret"},
    {"padding", "'data': {'password': 'czE='}", "Opaque", "s1"},
    {"more padding", "'data': {'password': 'cw=='}", "Opaque", "s"},
    {"line ends", "'data': {'password': '\\nc2Vj\\r\\ncm\\nV0\\n'}", "Opaque", "secret"},
    {"empty", "'data': {'password': ''}", "Opaque", ""},
    {"stringData", "'stringData': {'password': 'plain'}", "Opaque", "plain"},
    {"stringData wins", "'data': {'password': 'c2VjcmV0'}, 'stringData': {'password': 'plain'}",
     "Opaque", "plain"},
    {"empty stringData wins", "'data': {'password': 'c2VjcmV0'}, 'stringData': {'password': ''}",
     "Opaque", ""},
    {"other keys", "'data': {'username': 'eA==', 'Password': 'eA=='}", "Opaque", NULL},
    {"nothing", "'data': null", "Opaque", NULL},
    {"bytes that are not UTF-8", "'data': {'password': '/w=='}", "Opaque", "\xff"},
};

static void test_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
        CLEANUP(xfreep) char *doc = xasprintf(DOC("v1", "Secret", "%s"), secrets[i].fields);
        CLEANUP(object_freep) struct object *o = doc_decode(doc);
        bool has = secrets[i].password != NULL;

        if (strcmp(o->secret.type, secrets[i].type) != 0 || o->secret.has_password != has ||
            strcmp(o->secret.password, has ? secrets[i].password : "") != 0)
            fail_msg("%s: '%s'", secrets[i].name, o->secret.password);
    }
}

#define SECRET(password_) DOC("v1", "Secret", "'data': {'password': '" password_ "'}")
#define NOT_BASE64 "data.password: not valid base64; plain text belongs into stringData"

static const struct decode_case rules[] = {
    {"type", SERVICE("'type': 'ExternalName'"), DECODE_OK, {0}},
    {"bad type",
     SERVICE("'type': 'Loadbalancer'"),
     DECODE_OK,
     {"spec.type: \"Loadbalancer\" is not one of ClusterIP, NodePort, LoadBalancer, ExternalName"}},
    {"ports",
     SERVICE("'ports': [{'port': 1}, {'port': 65535, 'protocol': 'SCTP'}]"),
     DECODE_OK,
     {0}},
    {"bad ports",
     SERVICE("'ports': [{'port': 0}, {'port': 65536}, {'port': -1}, {}]"),
     DECODE_OK,
     {"spec.ports[0].port: 0 is below 1", "spec.ports[1].port: 65536 is above 65535",
      "spec.ports[2].port: -1 is below 1", "spec.ports[3].port: required"}},
    {"bad protocol",
     SERVICE("'ports': [{'port': 80, 'protocol': 'tcp'}]"),
     DECODE_OK,
     {"spec.ports[0].protocol: \"tcp\" is not one of TCP, UDP, SCTP"}},
    {"policy", SERVICE("'ipFamilyPolicy': 'RequireDualStack'"), DECODE_OK, {0}},
    {"bad policy",
     SERVICE("'ipFamilyPolicy': 'DualStack'"),
     DECODE_OK,
     {"spec.ipFamilyPolicy: \"DualStack\" is not one of SingleStack, PreferDualStack, "
      "RequireDualStack"}},
    {"bad families",
     SERVICE("'ipFamilies': ['IPv4', 'ipv6', '']"),
     DECODE_OK,
     {"spec.ipFamilies[1]: \"ipv6\" is not one of IPv4, IPv6",
      "spec.ipFamilies[2]: \"\" is not one of IPv4, IPv6"}},
    {"traffic policy", SERVICE("'externalTrafficPolicy': 'Cluster'"), DECODE_OK, {0}},
    {"bad traffic policy",
     SERVICE("'externalTrafficPolicy': 'local'"),
     DECODE_OK,
     {"spec.externalTrafficPolicy: \"local\" is not one of Cluster, Local"}},
    {"address type", SLICE("'addressType': 'FQDN'"), DECODE_OK, {0}},
    {"bad address type",
     SLICE("'addressType': 'IP'"),
     DECODE_OK,
     {"addressType: \"IP\" is not one of IPv4, IPv6, FQDN"}},
    {"no address type", SLICE("'endpoints': []"), DECODE_OK, {"addressType: required"}},
    {"base64: symbol", SECRET("c2V*"), DECODE_OK, {NOT_BASE64}},
    {"base64: no padding", SECRET("czE"), DECODE_OK, {NOT_BASE64}},
    {"base64: padding too early", SECRET("c==="), DECODE_OK, {NOT_BASE64}},
    {"base64: padding inside", SECRET("cw=E"), DECODE_OK, {NOT_BASE64}},
    {"base64: something behind", SECRET("cw==cw=="), DECODE_OK, {NOT_BASE64}},
    {"base64: spare bits", SECRET("cx=="), DECODE_OK, {NOT_BASE64}},
    {"base64: spare bits", SECRET("czF="), DECODE_OK, {NOT_BASE64}},
    {"base64: blank", SECRET("czE= "), DECODE_OK, {NOT_BASE64}},
    {"base64: URL alphabet", SECRET("_w=="), DECODE_OK, {NOT_BASE64}},
    {"base64: only padding", SECRET("===="), DECODE_OK, {NOT_BASE64}},
    {"NUL in a password", SECRET("YQBi"), DECODE_OK, {"data.password: holds a NUL byte"}},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        decode_case_run(&rules[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service),
        cmocka_unit_test(test_service_defaults),
        cmocka_unit_test(test_empty_class),
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_slice_without_service),
        cmocka_unit_test(test_slice_with_an_empty_list),
        cmocka_unit_test(test_slice_memory),
        cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_pod),
        cmocka_unit_test(test_config_map),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
