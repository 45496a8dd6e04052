/* SPDX-License-Identifier: Apache-2.0 */
/* The metallb.io kinds (spec api-and-config 1, changes-0.16.2 1.1). */
#include "model/decode_int.h"

#include "base/mono.h"
#include "base/text.h"

/* CRD default of peerPort in v1beta2. */
#define BGP_PORT 179
#define PEER_PORT_MAX 16384
#define CONNECT_TIME_MAX (65535 * NS_PER_SEC)

static const struct field expr_fields[] = {
    {"key", FIELD_STRING, AT(selector_expr, key)},
    {"operator", FIELD_STRING, AT(selector_expr, op)},
    {"values", FIELD_STRINGS, AT(selector_expr, values)},
};
static const struct table expr_table = ITEM_TABLE(expr_fields, selector_expr);

static const struct field selector_fields[] = {
    {"matchLabels", FIELD_LABELS, AT(selector, labels)},
    {"matchExpressions", FIELD_LIST, LIST_AT(selector, exprs, expr_count), .table = &expr_table},
};
static const struct table selector_table = ITEM_TABLE(selector_fields, selector);

#define SELECTORS(name_, member_)                                                                  \
    {                                                                                              \
        (name_), FIELD_LIST, LIST_AT(object, member_.items, member_.count),                        \
            .table = &selector_table                                                               \
    }

/* Addresses and selectors are checked by the configuration (spec 2.4, 2.5). */
static const struct field allocation_fields[] = {
    {"priority", FIELD_INT, AT(object, pool.priority)},
    {"namespaces", FIELD_STRINGS, AT(object, pool.namespaces)},
    SELECTORS("namespaceSelectors", pool.namespace_selectors),
    SELECTORS("serviceSelectors", pool.service_selectors),
};
static const struct table allocation_table = TABLE(allocation_fields);

static const struct field pool_fields[] = {
    {"addresses", FIELD_STRINGS, AT(object, pool.addresses)},
    {"autoAssign", FIELD_TRI, AT(object, pool.auto_assign)},
    {"avoidBuggyIPs", FIELD_BOOL, AT(object, pool.avoid_buggy_ips)},
    {"serviceAllocation", FIELD_PRESENT, AT(object, pool.has_allocation)},
    {"serviceAllocation", FIELD_MAPPING, .table = &allocation_table},
};
static const struct table pool_table = TABLE(pool_fields);

static const struct field preferred_fields[] = {
    {"weight", FIELD_INT, AT(preferred_node, weight), .min = 1, .max = 100, .required = true},
    {"preference", FIELD_MAPPING, AT(preferred_node, preference), .table = &selector_table,
     .required = true},
};
static const struct table preferred_table = ITEM_TABLE(preferred_fields, preferred_node);

static const struct field l2_adv_fields[] = {
    {"ipAddressPools", FIELD_STRINGS, AT(object, l2_adv.pools)},
    {"interfaces", FIELD_STRINGS, AT(object, l2_adv.interfaces)},
    SELECTORS("ipAddressPoolSelectors", l2_adv.pool_selectors),
    SELECTORS("nodeSelectors", l2_adv.node_selectors),
    SELECTORS("serviceSelectors", l2_adv.service_selectors),
    {"preferredNodeSelectors", FIELD_LIST,
     LIST_AT(object, l2_adv.preferred, l2_adv.preferred_count), .table = &preferred_table},
};
static const struct table l2_adv_table = TABLE(l2_adv_fields);

/* The upper limits of the lengths, and the rule about serviceSelectors, belong to the configuration
 * (spec 2.11). */
static const struct field bgp_adv_fields[] = {
    {"aggregationLength", FIELD_OPT_INT, AT(object, bgp_adv.aggregation_length), .min = 1,
     .max = INT32_MAX},
    {"aggregationLengthV6", FIELD_OPT_INT, AT(object, bgp_adv.aggregation_length_v6),
     .min = INT32_MIN, .max = INT32_MAX},
    {"localPref", FIELD_U32, AT(object, bgp_adv.local_pref), .max = UINT32_MAX},
    {"med", FIELD_U32, AT(object, bgp_adv.med), .max = UINT32_MAX},
    {"asPathPrepend", FIELD_U8, AT(object, bgp_adv.as_path_prepend), .min = 1, .max = 10},
    {"communities", FIELD_STRINGS, AT(object, bgp_adv.communities)},
    {"ipAddressPools", FIELD_STRINGS, AT(object, bgp_adv.pools)},
    {"peers", FIELD_STRINGS, AT(object, bgp_adv.peers)},
    SELECTORS("ipAddressPoolSelectors", bgp_adv.pool_selectors),
    SELECTORS("nodeSelectors", bgp_adv.node_selectors),
    SELECTORS("serviceSelectors", bgp_adv.service_selectors),
};
static const struct table bgp_adv_table = TABLE(bgp_adv_fields);

/* The CEL rules of the CRD, with their messages (spec 1.5). */
static void check_connect_time(struct reader *r, const struct path *at, const void *member)
{
    const struct opt_duration *d = member;

    if (d->ns < NS_PER_SEC || d->ns > CONNECT_TIME_MAX)
        reader_fault(r, at, "connect time should be between 1 seconds to 65535");
    if (d->ns % NS_PER_SEC != 0)
        reader_fault(r, at, "connect time should contain a whole number of seconds");
}

/* passwordSecret.namespace is kept, although the lookup ignores it (spec 2.6). */
static const struct field password_secret_fields[] = {
    {"name", FIELD_STRING, AT(object, peer.secret_name)},
    {"namespace", FIELD_STRING, AT(object, peer.secret_namespace)},
};
static const struct table password_secret_table = TABLE(password_secret_fields);

/* A missing ASN, address or interface, and a bad dynamicASN, are reported by the configuration
 * (spec 2.6). */
static const struct field peer_fields[] = {
    {"myASN", FIELD_ASN, AT(object, peer.my_asn), .max = UINT32_MAX},
    {"peerASN", FIELD_ASN, AT(object, peer.peer_asn), .max = UINT32_MAX},
    {"localASN", FIELD_ASN, AT(object, peer.local_asn), .min = 1, .max = UINT32_MAX, .since = 2},
    {"dynamicASN", FIELD_STRING, AT(object, peer.dynamic_asn), .since = 2},
    {"peerAddress", FIELD_STRING, AT(object, peer.address)},
    {"interface", FIELD_STRING, AT(object, peer.interface), .since = 2},
    {"sourceAddress", FIELD_STRING, AT(object, peer.source_address)},
    {"peerPort", FIELD_U16, AT(object, peer.port), .max = PEER_PORT_MAX, .until = 1},
    {"peerPort", FIELD_U16, AT(object, peer.port), .min = 1, .max = PEER_PORT_MAX, .since = 2},
    {"holdTime", FIELD_DURATION, AT(object, peer.hold_time)},
    {"keepaliveTime", FIELD_DURATION, AT(object, peer.keepalive_time)},
    {"connectTime", FIELD_DURATION, AT(object, peer.connect_time), .check = check_connect_time,
     .since = 2},
    {"routerID", FIELD_STRING, AT(object, peer.router_id)},
    SELECTORS("nodeSelectors", peer.node_selectors),
    {"password", FIELD_STRING, AT(object, peer.password)},
    {"passwordSecret", FIELD_MAPPING, .table = &password_secret_table, .since = 2},
    {"bfdProfile", FIELD_STRING, AT(object, peer.bfd_profile)},
    {"enableGracefulRestart", FIELD_BOOL, AT(object, peer.graceful_restart), .since = 2},
    {"ebgpMultiHop", FIELD_BOOL, AT(object, peer.ebgp_multi_hop)},
    {"ttlSecurityHops", FIELD_U8, AT(object, peer.ttl_security_hops), .min = 1, .max = 254,
     .since = 2},
    {"vrf", FIELD_STRING, AT(object, peer.vrf), .since = 2},
    {"disableMP", FIELD_BOOL, AT(object, peer.disable_mp), .since = 2},
    {"dualStackAddressFamily", FIELD_BOOL, AT(object, peer.dual_stack_address_family), .since = 2},
};
static const struct table peer_table = TABLE(peer_fields);

/* Conversion from v1beta1 leaves an absent port absent, so it too reads back with the default of
 * v1beta2 (spec 1.5). */
static void finish_peer(struct reader *r, const json_t *doc, struct object *o)
{
    (void)r;
    (void)doc;
    if (o->peer.port == 0)
        o->peer.port = BGP_PORT;
}

/*
 * v1beta1 wants a value in every expression. With In and NotIn the configuration says so; Exists
 * and DoesNotExist, which take none, cannot be written in v1beta1 at all.
 */
static void check_v1beta1_exprs(struct reader *r, const struct path *at, const struct selector *s)
{
    struct path exprs = {.up = at, .name = "matchExpressions"};

    for (size_t i = 0; i < s->expr_count; i++) {
        const struct selector_expr *e = &s->exprs[i];
        struct path item = {.up = &exprs, .index = i}, values = {.up = &item, .name = "values"};

        if (e->values.count == 0 && (str_eq(e->op, "Exists") || str_eq(e->op, "DoesNotExist")))
            reader_fault(r, &values,
                         "metallb.io/v1beta1 requires at least one; use metallb.io/v1beta2 for %s",
                         e->op);
    }
}

static void finish_peer_v1beta1(struct reader *r, const json_t *doc, struct object *o)
{
    struct path spec = {.name = "spec"}, selectors = {.up = &spec, .name = "nodeSelectors"};
    const struct selector_list *list = &o->peer.node_selectors;

    for (size_t i = 0; i < list->count; i++) {
        struct path item = {.up = &selectors, .index = i};

        check_v1beta1_exprs(r, &item, &list->items[i]);
    }
    o->peer.hold_time.set = true; /* an absent timer converts to an explicit 0 s (spec 1.5) */
    o->peer.keepalive_time.set = true;
    finish_peer(r, doc, o);
}

/* Ranges are checked by the configuration (spec 2.7). */
static const struct field bfd_fields[] = {
    {"receiveInterval", FIELD_OPT_INT, AT(object, bfd.receive_interval)},
    {"transmitInterval", FIELD_OPT_INT, AT(object, bfd.transmit_interval)},
    {"detectMultiplier", FIELD_OPT_INT, AT(object, bfd.detect_multiplier)},
    {"echoInterval", FIELD_OPT_INT, AT(object, bfd.echo_interval)},
    {"minimumTtl", FIELD_OPT_INT, AT(object, bfd.minimum_ttl)},
    {"echoMode", FIELD_BOOL, AT(object, bfd.echo_mode)},
    {"passiveMode", FIELD_BOOL, AT(object, bfd.passive_mode)},
};
static const struct table bfd_table = TABLE(bfd_fields);

static const struct field alias_fields[] = {
    {"name", FIELD_STRING, AT(community_alias, name)},
    {"value", FIELD_STRING, AT(community_alias, value)},
};
static const struct table alias_table = ITEM_TABLE(alias_fields, community_alias);

static const struct field community_fields[] = {
    {"communities", FIELD_LIST, LIST_AT(object, community.aliases, community.alias_count),
     .table = &alias_table},
};
static const struct table community_table = TABLE(community_fields);

/* Every kind of the group keeps its fields under spec. */
#define SPEC(table_)                                                                               \
    {                                                                                              \
        {                                                                                          \
            "spec", FIELD_MAPPING, .table = &(table_)                                              \
        }                                                                                          \
    }

static const struct field pool_doc[] = SPEC(pool_table);
static const struct field l2_adv_doc[] = SPEC(l2_adv_table);
static const struct field bgp_adv_doc[] = SPEC(bgp_adv_table);
static const struct field peer_doc[] = SPEC(peer_table);
static const struct field bfd_doc[] = SPEC(bfd_table);
static const struct field community_doc[] = SPEC(community_table);

const struct schema schema_ip_address_pool = {.table = TABLE(pool_doc)};
const struct schema schema_l2_advertisement = {.table = TABLE(l2_adv_doc)};
const struct schema schema_bgp_advertisement = {.table = TABLE(bgp_adv_doc)};
const struct schema schema_bgp_peer_v1beta1 = {
    .table = TABLE(peer_doc), .finish = finish_peer_v1beta1, .version = 1};
const struct schema schema_bgp_peer_v1beta2 = {
    .table = TABLE(peer_doc), .finish = finish_peer, .version = 2};
const struct schema schema_bfd_profile = {.table = TABLE(bfd_doc)};
const struct schema schema_community = {.table = TABLE(community_doc)};
