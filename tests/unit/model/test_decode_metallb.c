/* SPDX-License-Identifier: Apache-2.0 */
/* The metallb.io kinds: every field, the defaults, and each rule of the CRD schemas with a good and
 * a bad row. */
#include "decode_case.h"

#include <inttypes.h>

#define SECOND INT64_C(1000000000)

static void assert_strings(const struct string_list *list, const char *joined)
{
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < list->count; i++)
        text_printf(&t, "%s%s", i > 0 ? " " : "", list->items[i]);
    assert_string_equal(text_str(&t), joined);
}

/* As "k=v,... key op values;..." of each selector, joined by " | ". */
static void assert_selectors(const struct selector_list *list, const char *want)
{
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < list->count; i++) {
        const struct selector *s = &list->items[i];

        text_add(&t, i > 0 ? " | " : "");
        for (size_t j = 0; j < s->labels.count; j++)
            text_printf(&t, "%s=%s;", s->labels.items[j].key, s->labels.items[j].value);
        for (size_t j = 0; j < s->expr_count; j++) {
            text_printf(&t, "%s %s", s->exprs[j].key, s->exprs[j].op);
            for (size_t k = 0; k < s->exprs[j].values.count; k++)
                text_printf(&t, " %s", s->exprs[j].values.items[k]);
            text_add(&t, ";");
        }
    }
    assert_string_equal(text_str(&t), want);
}

static void assert_opt(struct opt_int v, bool set, int64_t want)
{
    assert_int_equal(v.set, set);
    assert_int_equal(v.v, want);
}

static void assert_duration(struct opt_duration d, bool set, int64_t want_ns)
{
    assert_int_equal(d.set, set);
    assert_int_equal(d.ns, want_ns);
}

static void test_pool(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(
        POOL("'addresses': ['192.0.2.0/28', '2001:db8::1-2001:db8::9'], 'autoAssign': false, "
             "'avoidBuggyIPs': true, "
             "'serviceAllocation': {'priority': 10, 'namespaces': ['b', 'a'], "
             "'namespaceSelectors': [{'matchLabels': {'b': '2', 'a': '1'}}, {}], "
             "'serviceSelectors': [{'matchExpressions': [{'key': 'k', 'operator': 'In', 'values': "
             "['y', 'x']}, "
             "{'key': 'l', 'operator': 'Exists'}]}]}"));
    const struct ip_address_pool *p = &o->pool;

    assert_strings(&p->addresses, "192.0.2.0/28 2001:db8::1-2001:db8::9");
    assert_int_equal(p->auto_assign, TRI_FALSE);
    assert_true(p->avoid_buggy_ips);
    assert_true(p->has_allocation);
    assert_int_equal(p->priority, 10);
    assert_strings(&p->namespaces, "b a");
    assert_selectors(&p->namespace_selectors, "a=1;b=2; | ");
    assert_selectors(&p->service_selectors, "k In y x;l Exists;");
}

static const struct {
    const char *name, *spec;
    enum tri auto_assign;
    bool has_allocation;
} pool_defaults[] = {
    {"empty", "", TRI_ABSENT, false},
    {"null", "'serviceAllocation': null, 'autoAssign': null", TRI_ABSENT, false},
    {"empty allocation", "'serviceAllocation': {}, 'autoAssign': true", TRI_TRUE, true},
};

static void test_pool_defaults(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pool_defaults); i++) {
        CLEANUP(xfreep) char *doc = xasprintf(POOL("%s"), pool_defaults[i].spec);
        CLEANUP(object_freep) struct object *o = doc_decode(doc);

        if (o->pool.auto_assign != pool_defaults[i].auto_assign ||
            o->pool.has_allocation != pool_defaults[i].has_allocation || o->pool.avoid_buggy_ips ||
            o->pool.priority != 0 || o->pool.addresses.count != 0)
            fail_msg("%s", pool_defaults[i].name);
    }
}

static void test_l2_advertisement(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(L2ADV(
        "'ipAddressPools': ['p2', 'p1'], 'interfaces': ['eth0'], "
        "'ipAddressPoolSelectors': [{'matchLabels': {'p': '1'}}], "
        "'nodeSelectors': [{'matchLabels': {'n': '1'}}], 'serviceSelectors': [{'matchLabels': "
        "{'s': '1'}}], "
        "'preferredNodeSelectors': [{'weight': 1, 'preference': {}}, "
        "{'weight': 100, 'preference': {'matchLabels': {'rack': 'r1'}, "
        "'matchExpressions': [{'key': 'k', 'operator': 'DoesNotExist'}]}}]"));
    const struct l2_advertisement *a = &o->l2_adv;

    assert_strings(&a->pools, "p2 p1");
    assert_strings(&a->interfaces, "eth0");
    assert_selectors(&a->pool_selectors, "p=1;");
    assert_selectors(&a->node_selectors, "n=1;");
    assert_selectors(&a->service_selectors, "s=1;");
    assert_int_equal(a->preferred_count, 2);
    assert_int_equal(a->preferred[0].weight, 1);
    assert_int_equal(
        a->preferred[0].preference.labels.count + a->preferred[0].preference.expr_count, 0);
    assert_int_equal(a->preferred[1].weight, 100);
    assert_string_equal(label_find(&a->preferred[1].preference.labels, "rack"), "r1");
    assert_string_equal(a->preferred[1].preference.exprs[0].op, "DoesNotExist");
}

static void test_bgp_advertisement(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(BGPADV(
        "'aggregationLength': 24, 'aggregationLengthV6': 64, 'localPref': 4294967295, "
        "'asPathPrepend': 10, "
        "'communities': ['65000:1', 'site'], 'ipAddressPools': ['p'], 'peers': ['tor'], "
        "'ipAddressPoolSelectors': [{'matchLabels': {'p': '1'}}], "
        "'nodeSelectors': [{'matchLabels': {'n': '1'}}], 'serviceSelectors': [{'matchLabels': "
        "{'s': '1'}}]"));
    CLEANUP(object_freep) struct object *empty = doc_decode(BGPADV(""));
    const struct bgp_advertisement *a = &o->bgp_adv;

    assert_opt(a->aggregation_length, true, 24);
    assert_opt(a->aggregation_length_v6, true, 64);
    assert_int_equal(a->local_pref, UINT32_MAX);
    assert_int_equal(a->as_path_prepend, 10);
    assert_strings(&a->communities, "65000:1 site");
    assert_strings(&a->pools, "p");
    assert_strings(&a->peers, "tor");
    assert_selectors(&a->pool_selectors, "p=1;");
    assert_selectors(&a->node_selectors, "n=1;");
    assert_selectors(&a->service_selectors, "s=1;");

    assert_opt(empty->bgp_adv.aggregation_length, false, 0);
    assert_opt(empty->bgp_adv.aggregation_length_v6, false, 0);
    assert_int_equal(empty->bgp_adv.local_pref, 0);
    assert_int_equal(empty->bgp_adv.as_path_prepend, 0);
}

#define PEER_FIELDS_OF_BOTH                                                                        \
    "'myASN': 64512, 'peerASN': 4294967295, 'peerAddress': '192.0.2.1', 'sourceAddress': "         \
    "'192.0.2.2', "                                                                                \
    "'peerPort': 1179, 'holdTime': '1m30s', 'keepaliveTime': '500ms', 'routerID': '192.0.2.3', "   \
    "'nodeSelectors': [{'matchLabels': {'n': '1'}}, {'matchExpressions': [{'key': 'k', "           \
    "'operator': 'In', "                                                                           \
    "'values': ['v']}]}], 'password': 'p', 'bfdProfile': 'fast', 'ebgpMultiHop': true, "

#define PEER_FIELDS_OF_V1BETA2                                                                     \
    "'localASN': 64513, 'dynamicASN': 'internal', 'interface': 'eth0', 'connectTime': '10s', "     \
    "'passwordSecret': {'name': 's', 'namespace': 'ns'}, 'enableGracefulRestart': true, 'vrf': "   \
    "'red', "                                                                                      \
    "'disableMP': true, 'dualStackAddressFamily': true"

static void assert_peer_of_both(const struct bgp_peer *p)
{
    assert_int_equal(p->my_asn, 64512);
    assert_int_equal(p->peer_asn, UINT32_MAX);
    assert_string_equal(p->address, "192.0.2.1");
    assert_string_equal(p->source_address, "192.0.2.2");
    assert_int_equal(p->port, 1179);
    assert_duration(p->hold_time, true, 90 * SECOND);
    assert_duration(p->keepalive_time, true, SECOND / 2);
    assert_string_equal(p->router_id, "192.0.2.3");
    assert_selectors(&p->node_selectors, "n=1; | k In v;");
    assert_string_equal(p->password, "p");
    assert_string_equal(p->bfd_profile, "fast");
    assert_true(p->ebgp_multi_hop);
}

static void assert_peer_without_v1beta2(const struct bgp_peer *p)
{
    assert_int_equal(p->local_asn, 0);
    assert_string_equal(p->dynamic_asn, "");
    assert_string_equal(p->interface, "");
    assert_duration(p->connect_time, false, 0);
    assert_string_equal(p->secret_name, "");
    assert_string_equal(p->secret_namespace, "");
    assert_string_equal(p->vrf, "");
    assert_false(p->graceful_restart || p->disable_mp || p->dual_stack_address_family);
}

static void test_peer_v1beta2(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(PEER2(PEER_FIELDS_OF_BOTH PEER_FIELDS_OF_V1BETA2));
    const struct bgp_peer *p = &o->peer;

    assert_peer_of_both(p);
    assert_int_equal(p->local_asn, 64513);
    assert_string_equal(p->dynamic_asn, "internal");
    assert_string_equal(p->interface, "eth0");
    assert_duration(p->connect_time, true, 10 * SECOND);
    assert_string_equal(p->secret_name, "s");
    assert_string_equal(p->secret_namespace, "ns");
    assert_string_equal(p->vrf, "red");
    assert_true(p->graceful_restart && p->disable_mp && p->dual_stack_address_family);
}

static void test_peer_v1beta2_defaults(void **state)
{
    (void)state;
    CLEANUP(object_freep) struct object *o = doc_decode(PEER2(""));
    const struct bgp_peer *p = &o->peer;

    assert_int_equal(p->my_asn, 0);
    assert_int_equal(p->peer_asn, 0);
    assert_int_equal(p->port, 179);
    assert_string_equal(p->address, "");
    assert_string_equal(p->password, "");
    assert_string_equal(p->bfd_profile, "");
    assert_duration(p->hold_time, false, 0);
    assert_duration(p->keepalive_time, false, 0);
    assert_int_equal(p->node_selectors.count, 0);
    assert_peer_without_v1beta2(p);
}

/* Spec api-and-config 1.5 "Conversion": v1beta2's fields are unknown there, absent timers become 0
 * s. */
static void test_peer_v1beta1(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(PEER1(PEER_FIELDS_OF_BOTH PEER_FIELDS_OF_V1BETA2));
    CLEANUP(object_freep) struct object *empty = doc_decode(PEER1("'peerPort': 0"));
    CLEANUP(object_freep)
    struct object *null = doc_decode(PEER1("'holdTime': null, 'peerPort': null"));

    assert_peer_of_both(&o->peer);
    assert_peer_without_v1beta2(&o->peer);
    assert_int_equal(empty->peer.port, 179);
    assert_duration(empty->peer.hold_time, true, 0);
    assert_duration(empty->peer.keepalive_time, true, 0);
    assert_peer_without_v1beta2(&empty->peer);
    assert_int_equal(null->peer.port, 179);
    assert_duration(null->peer.hold_time, true, 0);
}

/* Numbers reach the configuration as written: their ranges are its business (spec 2.7). */
static void test_bfd_profile(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(
        SPEC_DOC("metallb.io/v1beta1", "BFDProfile",
                 "'receiveInterval': 9, 'transmitInterval': 60001, 'detectMultiplier': -1, "
                 "'echoInterval': 9223372036854775807, 'minimumTtl': 0, 'echoMode': true, "
                 "'passiveMode': true, 'minimumTTL': 5"));
    CLEANUP(object_freep)
    struct object *empty = doc_decode(DOC("metallb.io/v1beta1", "BFDProfile", "'spec': {}"));

    assert_opt(o->bfd.receive_interval, true, 9);
    assert_opt(o->bfd.transmit_interval, true, 60001);
    assert_opt(o->bfd.detect_multiplier, true, -1);
    assert_opt(o->bfd.echo_interval, true, INT64_MAX);
    assert_opt(o->bfd.minimum_ttl, true, 0);
    assert_true(o->bfd.echo_mode && o->bfd.passive_mode);
    assert_opt(empty->bfd.receive_interval, false, 0);
    assert_opt(empty->bfd.minimum_ttl, false, 0);
    assert_false(empty->bfd.echo_mode || empty->bfd.passive_mode);
}

static void test_community(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(SPEC_DOC("metallb.io/v1beta1", "Community",
                                           "'communities': [{'name': 'b', 'value': '65000:1'}, "
                                           "{'value': 'large:1:2:3'}, {'name': 'a'}]"));
    const struct community *c = &o->community;

    assert_int_equal(c->alias_count, 3);
    assert_string_equal(c->aliases[0].name, "b");
    assert_string_equal(c->aliases[0].value, "65000:1");
    assert_string_equal(c->aliases[1].name, "");
    assert_string_equal(c->aliases[1].value, "large:1:2:3");
    assert_string_equal(c->aliases[2].value, "");
}

static const struct decode_case rules[] = {
    {"weights",
     L2ADV("'preferredNodeSelectors': [{'weight': 1, 'preference': {}}, {'weight': 100, "
           "'preference': {}}]"),
     DECODE_OK,
     {0}},
    {"bad weights",
     L2ADV("'preferredNodeSelectors': [{'weight': 0, 'preference': {}}, {'weight': 101, "
           "'preference': {}}]"),
     DECODE_OK,
     {"spec.preferredNodeSelectors[0].weight: 0 is below 1",
      "spec.preferredNodeSelectors[1].weight: 101 is above 100"}},
    {"no weight, no preference",
     L2ADV("'preferredNodeSelectors': [{'weight': 5}, {'preference': {}}, {}, {'weight': null, "
           "'preference': {}}]"),
     DECODE_OK,
     {"spec.preferredNodeSelectors[0].preference: required",
      "spec.preferredNodeSelectors[1].weight: required",
      "spec.preferredNodeSelectors[2].weight: required",
      "spec.preferredNodeSelectors[2].preference: required",
      "spec.preferredNodeSelectors[3].weight: required"}},
    {"aggregation length",
     BGPADV("'aggregationLength': 1, 'aggregationLengthV6': 0"),
     DECODE_OK,
     {0}},
    {"too long is for the configuration",
     BGPADV("'aggregationLength': 33, 'aggregationLengthV6': 129"),
     DECODE_OK,
     {0}},
    {"bad aggregation length",
     BGPADV("'aggregationLength': 0"),
     DECODE_OK,
     {"spec.aggregationLength: 0 is below 1"}},
    {"no int32",
     BGPADV("'aggregationLength': 2147483648, 'aggregationLengthV6': 2147483648"),
     DECODE_OK,
     {"spec.aggregationLength: 2147483648 is above 2147483647",
      "spec.aggregationLengthV6: 2147483648 is above 2147483647"}},
    {"prepend", BGPADV("'asPathPrepend': 1"), DECODE_OK, {0}},
    {"prepend nothing",
     BGPADV("'asPathPrepend': 0"),
     DECODE_OK,
     {"spec.asPathPrepend: 0 is below 1"}},
    {"prepend too much",
     BGPADV("'asPathPrepend': 11"),
     DECODE_OK,
     {"spec.asPathPrepend: 11 is above 10"}},
    {"local preference", BGPADV("'localPref': 0"), DECODE_OK, {0}},
    {"local preference below",
     BGPADV("'localPref': -1"),
     DECODE_OK,
     {"spec.localPref: -1 is below 0"}},
    {"local preference above",
     BGPADV("'localPref': 4294967296"),
     DECODE_OK,
     {"spec.localPref: 4294967296 is above 4294967295"}},
    {"service selectors with a length are for the configuration",
     BGPADV("'aggregationLength': 24, 'serviceSelectors': [{}]"),
     DECODE_OK,
     {0}},
    {"AS numbers", PEER2("'myASN': 4294967295, 'peerASN': 0, 'localASN': 1"), DECODE_OK, {0}},
    {"bad AS numbers",
     PEER2("'myASN': 4294967296, 'peerASN': -1, 'localASN': 0"),
     DECODE_OK,
     {"spec.myASN: 4294967296 is above 4294967295", "spec.peerASN: -1 is below 0",
      "spec.localASN: 0 is below 1"}},
    {"port", PEER2("'peerPort': 1"), DECODE_OK, {0}},
    {"highest port", PEER2("'peerPort': 16384"), DECODE_OK, {0}},
    {"port 0", PEER2("'peerPort': 0"), DECODE_OK, {"spec.peerPort: 0 is below 1"}},
    {"port too high",
     PEER2("'peerPort': 16385"),
     DECODE_OK,
     {"spec.peerPort: 16385 is above 16384"}},
    {"v1beta1: port 0", PEER1("'peerPort': 0"), DECODE_OK, {0}},
    {"v1beta1: port below", PEER1("'peerPort': -1"), DECODE_OK, {"spec.peerPort: -1 is below 0"}},
    {"v1beta1: port too high",
     PEER1("'peerPort': 70000"),
     DECODE_OK,
     {"spec.peerPort: 70000 is above 16384"}},
    {"connect time", PEER2("'connectTime': '1s'"), DECODE_OK, {0}},
    {"longest connect time", PEER2("'connectTime': '65535s'"), DECODE_OK, {0}},
    {"connect time above",
     PEER2("'connectTime': '65536s'"),
     DECODE_OK,
     {"spec.connectTime: connect time should be between 1 seconds to 65535"}},
    {"connect time 0",
     PEER2("'connectTime': '0'"),
     DECODE_OK,
     {"spec.connectTime: connect time should be between 1 seconds to 65535"}},
    {"connect time with a fraction",
     PEER2("'connectTime': '1500ms'"),
     DECODE_OK,
     {"spec.connectTime: connect time should contain a whole number of seconds"}},
    {"connect time below, with a fraction",
     PEER2("'connectTime': '0.5s'"),
     DECODE_OK,
     {"spec.connectTime: connect time should be between 1 seconds to 65535",
      "spec.connectTime: connect time should contain a whole number of seconds"}},
    {"connect time just above the longest",
     PEER2("'connectTime': '65535.5s'"),
     DECODE_OK,
     {"spec.connectTime: connect time should be between 1 seconds to 65535",
      "spec.connectTime: connect time should contain a whole number of seconds"}},
    {"durations", PEER2("'holdTime': '0', 'keepaliveTime': '-1.5h'"), DECODE_OK, {0}},
    {"bad durations",
     PEER2("'holdTime': '90', 'keepaliveTime': '', 'connectTime': 'soon'"),
     DECODE_OK,
     {"spec.holdTime: \"90\" is not a duration such as 90s or 1m30s",
      "spec.keepaliveTime: \"\" is not a duration such as 90s or 1m30s",
      "spec.connectTime: \"soon\" is not a duration such as 90s or 1m30s"}},
    {"what the configuration reports itself",
     PEER2("'dynamicASN': 'sideways', 'peerAddress': 'x', 'routerID': 'x', "
           "'nodeSelectors': [{'matchExpressions': [{'key': '', 'operator': 'Near', 'values': "
           "[]}]}]"),
     DECODE_OK,
     {0}},
    {"v1beta1: Exists",
     PEER1("'nodeSelectors': [{}, {'matchExpressions': [{'key': 'a', 'operator': 'In', 'values': "
           "['b']}, "
           "{'key': 'a', 'operator': 'Exists'}, {'key': 'a', 'operator': 'DoesNotExist', "
           "'values': []}]}]"),
     DECODE_OK,
     {"spec.nodeSelectors[1].matchExpressions[1].values: metallb.io/v1beta1 requires at least one; "
      "use metallb.io/v1beta2 for Exists",
      "spec.nodeSelectors[1].matchExpressions[2].values: metallb.io/v1beta1 requires at least one; "
      "use metallb.io/v1beta2 for DoesNotExist"}},
    {"v1beta2: Exists",
     PEER2("'nodeSelectors': [{'matchExpressions': [{'key': 'a', 'operator': 'Exists'}]}]"),
     DECODE_OK,
     {0}},
    {"v1beta1 does not know them",
     PEER1("'localASN': 0, 'connectTime': '0', 'passwordSecret': 7"),
     DECODE_OK,
     {0}},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        decode_case_run(&rules[i]);
}

/* What is kept of a value that the schema refuses. */
static const struct {
    const char *name, *doc;
    uint32_t my_asn, peer_asn, local_asn;
    uint16_t port;
} kept[] = {
    {"above",
     PEER2("'myASN': 4294967296, 'peerASN': 9223372036854775807, 'localASN': 4294967296, "
           "'peerPort': 65536"),
     UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT16_MAX},
    {"below 0 is not absent",
     PEER2("'myASN': -1, 'peerASN': -9223372036854775807, 'localASN': -5, 'peerPort': 20000"), 1, 1,
     1, 20000},
    {"0 is", PEER2("'localASN': 0, 'peerPort': 0"), 0, 0, 0, 179},
};

static void test_kept_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        json_t *doc = doc_parse(kept[i].doc);
        struct fault_list faults = {0};
        struct err err = {0};
        CLEANUP(object_freep) struct object *o = NULL;

        assert_int_equal(object_decode(&o, doc, (struct origin){.file = ""}, &faults, &err),
                         DECODE_OK);
        if (o->peer.my_asn != kept[i].my_asn || o->peer.peer_asn != kept[i].peer_asn ||
            o->peer.local_asn != kept[i].local_asn || o->peer.port != kept[i].port)
            fail_msg("%s: %" PRIu32 " %" PRIu32 " %" PRIu32 " %u", kept[i].name, o->peer.my_asn,
                     o->peer.peer_asn, o->peer.local_asn, o->peer.port);
        fault_list_done(&faults);
        json_decref(doc);
    }
}

static void test_service_l2_status(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(DOC(
        "metallb.io/v1beta1", "ServiceL2Status",
        "'spec': {}, 'status': {'node': 'n1', 'serviceName': 'web', 'serviceNamespace': 'shop', "
        "'interfaces': [{'name': 'eth0'}, {'name': 'eth1'}]}"));
    CLEANUP(object_freep)
    struct object *fresh = doc_decode(DOC("metallb.io/v1beta1", "ServiceL2Status", "'spec': {}"));

    assert_string_equal(o->service_status.node, "n1");
    assert_string_equal(o->service_status.service, "web");
    assert_string_equal(o->service_status.service_namespace, "shop");
    assert_int_equal(o->service_status.names.count, 2);
    assert_string_equal(o->service_status.names.items[1], "eth1");
    assert_string_equal(fresh->service_status.node, "");
    assert_int_equal(fresh->service_status.names.count, 0);
}

static void test_service_bgp_status(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(DOC(
        "metallb.io/v1beta1", "ServiceBGPStatus",
        "'spec': {}, 'status': {'node': 'n1', 'serviceName': 'web', 'serviceNamespace': 'shop', "
        "'peers': ['rack1', 'rack2']}"));

    assert_string_equal(o->service_status.node, "n1");
    assert_string_equal(o->service_status.service, "web");
    assert_int_equal(o->service_status.names.count, 2);
    assert_string_equal(o->service_status.names.items[1], "rack2");
}

static void test_configuration_state(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = doc_decode(
        DOC("metallb.io/v1beta1", "ConfigurationState",
            "'status': {'result': 'Invalid', 'errorSummary': 'no', 'conditions': [{'type': "
            "'poolReconcilerValid', 'status': 'False', 'reason': 'ConfigurationError', 'message': "
            "'no', 'lastTransitionTime': '2026-07-19T11:42:17Z'}]}"));

    assert_string_equal(o->configuration_state.result, "Invalid");
    assert_string_equal(o->configuration_state.error_summary, "no");
    assert_int_equal(o->configuration_state.condition_count, 1);
    assert_string_equal(o->configuration_state.conditions[0].type, "poolReconcilerValid");
    assert_string_equal(o->configuration_state.conditions[0].status, "False");
    assert_string_equal(o->configuration_state.conditions[0].reason, "ConfigurationError");
    assert_string_equal(o->configuration_state.conditions[0].message, "no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_l2_status),
        cmocka_unit_test(test_service_bgp_status),
        cmocka_unit_test(test_configuration_state),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_pool_defaults),
        cmocka_unit_test(test_l2_advertisement),
        cmocka_unit_test(test_bgp_advertisement),
        cmocka_unit_test(test_peer_v1beta2),
        cmocka_unit_test(test_peer_v1beta2_defaults),
        cmocka_unit_test(test_peer_v1beta1),
        cmocka_unit_test(test_bfd_profile),
        cmocka_unit_test(test_community),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_kept_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
