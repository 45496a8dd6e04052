/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who announces what, and why (spec speaker-l2 1, 3; speaker-bgp 1.1, 1.3). Pure functions: a
 * snapshot, the nodes as they are now, a Service with its slices and addresses in; verdicts with
 * reasons out. A speaker asks "is the owner me?"; the plan prints all of it.
 */
#pragma once

#include "base/ip.h"
#include "base/text.h"
#include "model/object.h"
#include "model/snapshot.h"
#include "model/store.h"

/* --- endpoint conditions --- */

/* What made an endpoint count, or not (spec speaker-l2 1.1). */
enum endpoint_rule {
    ENDPOINT_READY,        /* ready is true */
    ENDPOINT_READY_ABSENT, /* ready is not given, which means true */
    ENDPOINT_SERVING,      /* not ready, but serving: it drains */
    ENDPOINT_NOT_READY,
};

struct endpoint_verdict {
    bool counts;
    enum endpoint_rule rule;
    bool counted_0_13_12; /* MetalLB up to 0.13.12: ready absent or true */
    bool counted_0_14_3;  /* MetalLB 0.14.0 to 0.14.4: serving if given, else as before */
};

struct endpoint_verdict decide_endpoint(const struct endpoint *e);
const char *endpoint_rule_name(enum endpoint_rule rule); /* "ready-absent" */

/* --- nodes --- */

/* Is a speaker alive on the node? Membership (Pods, files, gossip) fills this in; decide does not
 * care who says so. */
enum node_liveness { NODE_ALIVE, NODE_NO_SPEAKER };

struct decide_node {
    enum node_liveness liveness;
    const char *liveness_detail; /* for people: "no speaker Pod on this node"; may be NULL */
    bool network_unavailable;
    bool exclude_from_lb;
    const struct prefix *cut_off; /* networks that its speaker cannot reach: no carrier */
    size_t cut_off_count;
    /* Of the interfaces that L2Advertisements name: those without carrier; those that it lacks. */
    struct string_list dark, absent;
    enum node_drain drain; /* of no consequence to a verdict: speaker/drain.h reads it */
};

struct decide_world {
    const struct snapshot *cfg;
    const struct decide_node *nodes; /* one for each of cfg->nodes, same order */
    bool ignore_exclude_lb;          /* --ignore-exclude-lb */
};

/*
 * The nodes as the store shows them; ignore_exclude_lb is left false. A speaker is taken to run on
 * every node, unless the store has speaker Pods in that namespace (label component or
 * app.kubernetes.io/component is "speaker"): then on the nodes of those that have not ended.
 */
struct decide_world decide_world_from(struct store *store, const struct snapshot *cfg,
                                      const char *namespace, struct arena *a);

/*
 * The same, with that node alive: what its own speaker announces by BGP does not depend on what
 * others can tell of it (spec speaker-bgp C11).
 */
struct decide_world decide_world_alive(const struct decide_world *w, size_t node, struct arena *a);

/* A Service that has addresses. */
struct decide_service {
    const struct object *service;
    struct object_list slices;
    const struct pool *pool; /* that holds all of its addresses; NULL: it has none, every verdict is
                                empty */
    const struct ip *addrs;  /* in status order: the first one elects */
    size_t addr_count;
};

/* --- Layer 2 --- */

/*
 * Why a node may not announce; the order is the order of the tests. The first four concern the node
 * and its links, so that they are named before what the Service lacks. A Service of which no
 * endpoint counts gives L2_NO_ENDPOINT, whatever its policy.
 */
enum l2_reason {
    L2_OK,
    L2_NO_SPEAKER,
    L2_NETWORK_UNAVAILABLE,
    L2_EXCLUDED,          /* label exclude-from-external-load-balancers */
    L2_LINK_DOWN,         /* the link towards one of the addresses has no carrier, or no interface
                             that is named has one */
    L2_NOT_SELECTED,      /* no advertisement that covers the Service lists the node */
    L2_SHARED_SELECTORS,  /* a sharing annotation and an advertisement with serviceSelectors (spec
                             speaker-l2 3.2 step 3) */
    L2_NO_LOCAL_ENDPOINT, /* externalTrafficPolicy: Local */
    L2_NO_ENDPOINT,       /* no endpoint of the Service counts */
};

struct l2_candidate {
    size_t node; /* index in cfg->nodes */
    enum l2_reason reason;
    int64_t score;
    uint8_t rank[32]; /* SHA-256 of NODE#IP; lower wins among equal scores. Only with L2_OK */
};

struct l2_verdict {
    const struct l2_attachment *const
        *advs; /* that cover the Service; none: not a Layer 2 Service */
    size_t adv_count;
    struct l2_candidate
        *candidates; /* every node: eligible ones in election order, then the others by name */
    size_t candidate_count;
    size_t eligible_count; /* 0: nobody announces; else candidates[0] does */
    bool no_endpoint;      /* no endpoint of the Service counts, on any node */
    bool shared_refused;   /* L2_SHARED_SELECTORS, on any node */
};

/* The rank of a node for an address (spec speaker-l2 3.4). */
void decide_rank(uint8_t ret[32], const char *node, struct ip first_address);

void decide_l2(const struct decide_world *w, const struct decide_service *s, struct arena *a,
               struct l2_verdict *ret);

/* On which interfaces that node announces: all when *ret_all, else the sorted union of names (spec
 * speaker-l2 3.6). */
struct string_list decide_l2_interfaces(const struct l2_verdict *v, size_t node, struct arena *a,
                                        bool *ret_all);
/* The names of the covering advertisements that list the node, sorted. */
struct string_list decide_l2_adv_names(const struct l2_verdict *v, size_t node, struct arena *a);

const char *l2_reason_name(enum l2_reason r); /* plan-json: "not-selected"; L2_OK is "ok" */
/* Why that node does not announce, in MetalLB's words and order (spec speaker-l2 3.2):
 * "noMatchingAdvertisement"; "" for the owner. */
const char *l2_reason_metallb(const struct l2_verdict *v, size_t node);
/* One sentence for people. */
void l2_candidate_text(struct text *t, const struct decide_world *w, const struct decide_service *s,
                       const struct l2_candidate *c);

/* --- BGP --- */

/* Why a node does not announce a Service by BGP, with MetalLB's own words (spec speaker-bgp C8). */
enum bgp_reason {
    BGP_OK,
    BGP_NO_SPEAKER,
    BGP_NOT_OWNER, /* no advertisement of the pool lists the node */
    BGP_NO_MATCHING_ADVERTISEMENT,
    BGP_CONFLICTING_ADVERTISEMENTS,
    BGP_NETWORK_UNAVAILABLE,
    BGP_EXCLUDED,
    BGP_NO_LOCAL_ENDPOINTS,
    BGP_NO_ENDPOINTS,
};

/* "nodeNetworkUnavailable"; BGP_OK is "". MetalLB has no word for BGP_NO_SPEAKER: "noSpeaker". */
const char *bgp_reason_name(enum bgp_reason r);

struct bgp_node_verdict {
    enum bgp_reason reason;
    const struct bgp_adv *conflict_a, *conflict_b; /* BGP_CONFLICTING_ADVERTISEMENTS */
    enum adv_conflict conflict;
};

struct bgp_verdict {
    struct bgp_node_verdict *nodes; /* by node index; NULL when the pool has no BGP advertisement */
};

void decide_bgp(const struct decide_world *w, const struct decide_service *s, struct arena *a,
                struct bgp_verdict *ret);

/* What one node brings in for one Service: an address, cut to the length of an advertisement (spec
 * speaker-bgp C25). */
struct bgp_ad {
    struct prefix prefix;
    const struct bgp_adv *adv;
};

/* None unless the verdict of that node is BGP_OK. Sorted by prefix, then by name, unique. */
struct bgp_ad *decide_bgp_ads(const struct decide_service *s, const struct bgp_verdict *v,
                              size_t node, struct arena *a, size_t *ret_count);

/*
 * What several advertisements of one prefix add up to (spec speaker-bgp 0.1, C27, changes-0.16.2
 * 1.4): the highest local preference; the smallest prepend of those that ask for one; the smallest
 * MED, where none is 0; the union of the communities. Start with {0}.
 */
struct bgp_wishes {
    bool any, local_prefs_differ, prepends_differ;
    uint32_t first_local_pref, local_pref; /* 0: unset */
    uint8_t first_prepend, prepend;
    uint32_t med;
    const struct bgp_community *communities; /* sorted, unique; of an advertisement, or in the arena
                                              */
    size_t community_count;
};

void bgp_wishes_add(struct bgp_wishes *w, const struct bgp_adv *adv, struct arena *a);

/* The advertisement's list of peers: empty means all (spec speaker-bgp C27). */
bool decide_adv_allows_peer(const struct bgp_adv *adv, const struct peer *peer);

/* One sentence for people about one node of a verdict that has nodes. */
void bgp_node_text(struct text *t, const struct decide_world *w, const struct decide_service *s,
                   const struct bgp_verdict *v, size_t node);

/* One route as one node sends it to one peer: what is on the wire, and what was wished but has no
 * effect there. */
struct bgp_route {
    size_t node;
    const struct peer *peer;
    struct prefix prefix;
    uint32_t local_pref;                     /* iBGP only; 0: unset */
    uint8_t as_path_prepend;                 /* eBGP only */
    const struct bgp_community *communities; /* sorted, unique: the union of all contributors */
    size_t community_count;
    bool local_pref_ignored,
        as_path_prepend_ignored; /* the wish exists, the session class has no use for it */
    bool values_differ; /* contributors wish for several values of what is sent here; the highest
                           localPref and the smallest prepend that is set win */
};

/*
 * The routes of all Services together, since Services that share a prefix share a route (spec
 * speaker-bgp C27). `services` and `verdicts` run in parallel and must outlive the table.
 */
struct route_table;

struct route_table *route_table_new(const struct decide_world *w,
                                    const struct decide_service *services,
                                    const struct bgp_verdict *verdicts, size_t count,
                                    struct arena *a);

/* The routes that one Service contributes to, by node name, peer name, prefix. */
struct bgp_route *route_table_of(const struct route_table *t, size_t service, struct arena *a,
                                 size_t *ret_count);

/* --- the chain --- */

/* Which link is missing when an allocated Service is announced by nobody, and what to do; NULL when
 * somebody announces it, or it has no address. The text lives in `a`. */
const char *decide_missing_link(const struct decide_world *w, const struct decide_service *s,
                                const struct l2_verdict *l2, const struct bgp_verdict *bgp,
                                size_t route_count, struct arena *a);
