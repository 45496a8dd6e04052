/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as the rest of the house sees it: one immutable snapshot of pools,
 * advertisements, peers and BFD profiles (spec api-and-config 2.2). config/ builds it from objects;
 * ipam, decide and the engines read it.
 *
 * A snapshot owns copies of all it needs, in its arena; the objects may go. Everything in it is
 * sorted by name, and nodes are known by their index in `nodes`. It is reference counted.
 */
#pragma once

#include "base/bitset.h"
#include "base/ip.h"
#include "model/community.h"
#include "model/object.h"

struct bfd {
    const char *name;
    struct bfd_profile values;
};

enum dynamic_asn { ASN_FIXED, ASN_INTERNAL, ASN_EXTERNAL };

struct peer {
    const char *name;
    uint32_t my_asn, peer_asn, local_asn; /* 0 is absent */
    enum dynamic_asn dynamic_asn;
    struct ip address;     /* no family when the peer is named by its interface */
    const char *interface; /* "" when it has an address */
    struct ip source_address, router_id;
    uint16_t port;
    struct opt_duration hold_time, keepalive_time, connect_time;
    struct bitset nodes;
    const char *password;  /* its own, or from its Secret */
    const struct bfd *bfd; /* NULL without */
    const char *vrf;
    /* How far away it is at most (RFC 5082): what comes must have a TTL of at least 256 less this,
     * what is sent has 255. 0: any, as ebgp_multi_hop says. */
    uint8_t ttl_security_hops;
    bool graceful_restart, ebgp_multi_hop, dual_stack_address_family;
};

struct l2_adv {
    const char *name;
    struct bitset nodes;                    /* that may announce */
    struct string_list interfaces;          /* empty: all */
    struct selector_list service_selectors; /* sorted by text; empty: all Services */
    const int64_t *scores; /* by node index; NULL when no eligible node is preferred */
};

struct bgp_adv {
    const char *name;
    uint8_t aggregation_length, aggregation_length_v6;
    uint32_t local_pref; /* 0: unset */
    uint32_t med;
    uint8_t as_path_prepend;
    const struct bgp_community *communities; /* sorted, unique */
    size_t community_count;
    struct bitset nodes;
    struct string_list peers; /* names; empty: all */
    struct selector_list service_selectors;
};

/* Equal L2 advertisements are attached once; their names stay together (spec 2.10). */
struct l2_attachment {
    const struct l2_adv *adv;
    struct string_list names;
};

/* One entry of spec.addresses and the prefixes that it became. */
struct pool_entry {
    const char *text;
    const struct prefix *prefixes;
    size_t prefix_count;
};

struct pool {
    const char *name;
    const struct prefix *prefixes; /* of all entries, in the order of the entries */
    size_t prefix_count;
    const struct pool_entry *entries;
    size_t entry_count;
    bool avoid_buggy_ips, auto_assign;

    bool is_scoped; /* serviceAllocation is present */
    int64_t priority;
    bool by_namespace; /* namespaces or namespaceSelectors are given; then an empty set serves
                          nobody (design 5) */
    struct string_list namespaces; /* resolved, sorted */
    struct selector_list
        service_selectors; /* a match-everything selector when nothing else scopes the pool */

    const struct l2_attachment *l2;
    size_t l2_count;
    const struct bgp_adv *const *bgp;
    size_t bgp_count;
};

struct snapshot {
    struct arena *arena;
    unsigned refs;
    struct string_list nodes; /* names, sorted; indexes of all node sets */
    const struct pool *pools;
    size_t pool_count;
    const struct peer *peers;
    size_t peer_count;
    const struct bfd *bfd_profiles;
    size_t bfd_profile_count;
};

struct snapshot *snapshot_ref(struct snapshot *c);
struct snapshot *snapshot_unref(struct snapshot *c); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct snapshot, snapshot_unref);

const struct pool *snapshot_pool_find(const struct snapshot *c, const char *name);
const struct peer *snapshot_peer_find(const struct snapshot *c, const char *name);
int snapshot_node_index(const struct snapshot *c, const char *name); /* -1 when unknown */

/* The one pool that holds all of the addresses, or NULL (spec controller 2.3; avoidBuggyIPs
 * applies). */
const struct pool *snapshot_pool_of(const struct snapshot *c, const struct ip *ips, size_t count);

/* serviceAllocation: may this pool serve that Service (spec controller 2.2)? */
bool pool_serves(const struct pool *p, const struct meta *service);

/* Does the advertisement cover a Service with these labels? */
bool service_selected(const struct selector_list *service_selectors,
                      const struct label_set *labels);

/*
 * Two advertisements of one pool that would give one route two values (spec changes-0.16.2 1.3).
 * ADV_CONFLICT_NONE when they agree, or can never meet on a node, peer and prefix length.
 */
enum adv_conflict { ADV_CONFLICT_NONE, ADV_CONFLICT_LOCAL_PREF, ADV_CONFLICT_AS_PATH_PREPEND };
enum adv_conflict bgp_adv_conflict(const struct pool *p, const struct bgp_adv *a,
                                   const struct bgp_adv *b);

/* Session class of RFC 4271 1.1 (spec speaker-bgp 9 #32): localASN replaces myASN for numeric
 * peers. */
bool peer_is_ibgp(const struct peer *p);
bool peer_carries(const struct peer *p, enum ip_family family);
