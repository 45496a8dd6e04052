/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed objects: of each Kubernetes kind only the fields we use (spec api-and-config 1; controller
 * 1; speaker-l2 1, 8.3).
 *
 * An object and everything it points to lives in its own arena and is immutable once decoded.
 * Strings are never NULL unless the comment says so: an absent string is "". Lists keep the order
 * of the document; label sets are sorted by key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/macro.h"
#include "base/mem.h"

enum object_kind {
    OBJ_IP_ADDRESS_POOL,
    OBJ_L2_ADVERTISEMENT,
    OBJ_BGP_ADVERTISEMENT,
    OBJ_BGP_PEER,
    OBJ_BFD_PROFILE,
    OBJ_COMMUNITY,
    OBJ_SERVICE,
    OBJ_ENDPOINT_SLICE,
    OBJ_NODE,
    OBJ_NAMESPACE,
    OBJ_POD,
    OBJ_SECRET,
    OBJ_CONFIG_MAP,
    OBJ_SERVICE_L2_STATUS,
    OBJ_SERVICE_BGP_STATUS,
    OBJ_CONFIGURATION_STATE,
};
enum { OBJECT_KINDS = OBJ_CONFIGURATION_STATE + 1 };

const char *object_kind_name(enum object_kind kind); /* "IPAddressPool" */
bool object_kind_is_config(enum object_kind kind);   /* a metallb.io kind that people write */

/* A boolean that may be absent from its document. */
enum tri { TRI_ABSENT, TRI_FALSE, TRI_TRUE };

struct opt_int {
    bool set;
    int64_t v;
};

struct opt_duration {
    bool set;
    int64_t ns;
};

struct string_list {
    const char **items;
    size_t count;
};

struct label {
    const char *key, *value;
};

struct label_set {
    struct label *items; /* sorted by key, keys unique */
    size_t count;
};

/* A label selector as written; operators are not checked yet, since their error text belongs to the
 * configuration. */
struct selector_expr {
    const char *key, *op;
    struct string_list values;
};

struct selector {
    struct label_set labels;
    struct selector_expr *exprs;
    size_t expr_count;
};

struct selector_list {
    struct selector *items;
    size_t count;
};

/* Where a document came from; file is "" for objects that did not come from a file. */
struct origin {
    const char *file;
    unsigned line;
};

struct meta {
    const char *namespace, *name; /* namespace "" for cluster-scoped kinds */
    const char *uid, *resource_version;
    int64_t created_ns; /* creationTimestamp, since 1970 UTC; 0 when absent */
    struct label_set labels, annotations;
};

struct ip_address_pool {
    struct string_list addresses;
    enum tri auto_assign; /* absent means true */
    bool avoid_buggy_ips;
    bool has_allocation; /* serviceAllocation is present, even as {} */
    int64_t priority;
    struct string_list namespaces;
    struct selector_list namespace_selectors, service_selectors;
};

struct preferred_node {
    int64_t weight;
    struct selector preference;
};

struct l2_advertisement {
    struct string_list pools, interfaces;
    struct selector_list pool_selectors, node_selectors, service_selectors;
    struct preferred_node *preferred;
    size_t preferred_count;
};

struct bgp_advertisement {
    struct opt_int aggregation_length, aggregation_length_v6;
    uint32_t local_pref; /* 0 is unset */
    uint32_t med;
    uint8_t as_path_prepend;
    struct string_list communities, pools, peers;
    struct selector_list pool_selectors, node_selectors, service_selectors;
};

struct bgp_peer {
    uint32_t my_asn, peer_asn, local_asn; /* 0 is absent */
    const char *dynamic_asn;
    const char *address, *interface, *source_address, *router_id;
    uint16_t port; /* as written, 0 is absent (the schema's default of v1beta2, 179, is applied by
                      the decoder) */
    uint8_t ttl_security_hops; /* 0 is absent */
    struct opt_duration hold_time, keepalive_time, connect_time;
    struct selector_list node_selectors;
    const char *password, *secret_name, *secret_namespace;
    const char *bfd_profile, *vrf;
    bool graceful_restart, ebgp_multi_hop, disable_mp, dual_stack_address_family;
};

struct bfd_profile {
    struct opt_int receive_interval, transmit_interval, echo_interval; /* ms */
    struct opt_int detect_multiplier, minimum_ttl;
    bool echo_mode, passive_mode;
};

struct community_alias {
    const char *name, *value;
};

struct community {
    struct community_alias *aliases;
    size_t alias_count;
};

struct service_port {
    const char *protocol, *name; /* protocol defaults to TCP */
    uint16_t port;
};

struct ingress {
    const char *ip, *hostname, *ip_mode;
};

struct service {
    const char *type; /* defaults to ClusterIP */
    const char *cluster_ip;
    struct string_list cluster_ips, ip_families;
    const char *ip_family_policy; /* "" is SingleStack */
    const char *load_balancer_ip;
    const char *load_balancer_class; /* NULL when absent: differs from "" (spec controller 1.2) */
    const char *external_traffic_policy; /* anything but "Local" is Cluster */
    struct label_set selector;
    struct service_port *ports;
    size_t port_count;
    bool publish_not_ready_addresses;
    struct ingress *ingress; /* status.loadBalancer.ingress */
    size_t ingress_count;
    bool is_pinned; /* the ingress is not what the object says, but what was pinned for it */
};

struct endpoint {
    struct string_list addresses;
    const char *node; /* "" when absent */
    enum tri ready, serving, terminating;
};

struct endpoint_slice {
    const char *service; /* label kubernetes.io/service-name; "" when missing */
    const char *address_type;
    struct endpoint *endpoints;
    size_t endpoint_count;
};

#define ANNOTATION_DRAIN "steellb.io/drain"

/* That annotation of a Node: it gives its routes away. */
enum node_drain {
    NODE_DRAIN_NO,    /* absent, or "false" */
    NODE_DRAIN,       /* any other value: what nobody else announces stays */
    NODE_DRAIN_FORCE, /* "force": that goes, too */
};

struct node {
    bool network_unavailable; /* condition NetworkUnavailable is True */
    bool exclude_from_lb;     /* label node.kubernetes.io/exclude-from-external-load-balancers, any
                                 value */
    enum node_drain drain;
    struct ip internal_v4, internal_v6; /* the first InternalIP of a family; IP_NONE without */
};

struct pod {
    const char *node, *phase, *ip; /* ip: status.podIP */
};

struct secret {
    const char *type;
    bool has_password;
    const char *password; /* data.password decoded, or stringData.password */
};

struct config_map {
    struct label_set data;
};

/* Of both kinds, as in status; "" while it is not written. */
struct service_status {
    const char *node, *service, *service_namespace;
    struct string_list names; /* of interfaces (Layer 2), or of peers (BGP) */
};

struct condition {
    const char *type, *status, *reason, *message;
};

struct configuration_state {
    const char *result, *error_summary;
    struct condition *conditions;
    size_t condition_count;
};

struct object {
    enum object_kind kind;
    struct arena *arena; /* owns this struct too; NULL: packed (model/decode.h), and of the union
                            there is no more than the member of its kind */
    struct origin origin;
    struct meta meta;
    union {
        struct ip_address_pool pool;
        struct l2_advertisement l2_adv;
        struct bgp_advertisement bgp_adv;
        struct bgp_peer peer;
        struct bfd_profile bfd;
        struct community community;
        struct service service;
        struct endpoint_slice slice;
        struct node node;
        struct pod pod;
        struct secret secret;
        struct config_map config_map;
        struct service_status service_status;
        struct configuration_state configuration_state;
    };
};

struct object *object_free(struct object *o); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct object, object_free);

/* Borrowed objects, sorted by namespace and name unless said otherwise. */
struct object_list {
    const struct object *const *items;
    size_t count;
};

/* The value of a label or annotation, or NULL when the key is absent. */
const char *label_find(const struct label_set *set, const char *key);
bool label_set_eq(const struct label_set *a, const struct label_set *b);

/*
 * The value of metallb.io/KEY if that annotation is present, even when empty; else of
 * metallb.universe.tf/KEY; else NULL (spec api-and-config 5.1).
 */
const char *annotation_find(const struct meta *meta, const char *key);

bool string_list_has(const struct string_list *list, const char *s);
