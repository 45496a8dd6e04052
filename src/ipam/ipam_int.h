/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share.
 *
 * Each prefix of a pool is a `struct span` with the set of its addresses in use; each address in
 * use has a `struct seat` with the Services on it. A Service that holds addresses is a
 * `struct holder`. Sharing identities and ports are interned, so that comparing them is comparing
 * pointers, and each keeps the set of its addresses: a Service that may share looks at those only.
 */
#pragma once

#include "base/map.h"
#include "ipam/ipam.h"
#include "ipam/ipam_set.h"

/* A mask; both bits are dual-stack. */
enum stack { STACK_NONE = 0, STACK_V4 = 1, STACK_V6 = 2, STACK_DUAL = 3 };

/* allow-shared-ip and the backend key (spec controller 2.1); only for Services that allow sharing.
 */
struct group {
    unsigned holders;
    size_t key_len;        /* sharing key, NUL, backend key */
    struct ip_set members; /* addresses held under it */
    char key[];
};

/* A protocol and port, "TCP/80". */
struct port_use {
    unsigned holders;
    struct ip_set shared; /* addresses held by groups on which it is taken */
    char key[];
};

/* One allocation, and what it holds is small: there is one for each Service. */
struct holder {
    struct ip ips[IPAM_MAX_ADDRS];
    struct group *group; /* NULL: shares with nobody */
    uint32_t pool;       /* index in the snapshot */
    uint32_t ip_count, port_count;
    struct port_use *ports[]; /* behind them the key */
};

struct span {
    size_t pool; /* index in the snapshot */
    struct prefix prefix;
    bool avoid_buggy;      /* IPv4 of such a pool: positions leave .0 and .255 out */
    struct ip first, last; /* positions; first > last when no address is usable */
    struct ip_set used;    /* positions */
};

/* Never empty; several holders only when all are of one group. */
struct seat {
    struct ip_key key;
    bool is_used; /* its span says so; false while a new snapshot is being installed */
    uint32_t count, cap;
    union {
        struct holder *only; /* cap 0 */
        struct holder **all;
    };
};

struct pool_state {
    size_t first_span, span_count;
    int64_t capacity_v4, capacity_v6, capacity; /* saturating */
    int64_t assigned_v4, assigned_v6;           /* distinct addresses */
};

struct ipam {
    struct snapshot *cfg;
    struct pool_state *pools; /* by index in the snapshot */
    struct span *spans;       /* by pool, in the order of its prefixes */
    size_t span_count;
    struct span **by_address; /* sorted */
    size_t *ranking;          /* pool indexes: scoped pools by priority, then the others by name */
    struct map holders, seats, groups, ports;
};

/* What a Service brings to the allocator; lives in an arena. `group` and the `use`s are as of the
 * last claim_resolve, and go stale when anything is recorded. */
struct claim_port {
    const char *key, *protocol;
    uint16_t port;
    const struct port_use *use; /* NULL: nobody has it */
};

struct claim {
    const struct object *service;
    const char *key;     /* "namespace/name" */
    const char *sharing; /* "" does not share */
    const char *backend;
    const char *group_key;
    size_t group_key_len;
    const struct group *group; /* NULL: no Service has this identity */
    struct claim_port *ports;  /* unique */
    size_t port_count;
};

/* ipam_request.c */
NODISCARD enum ipam_code ipam_refuse(struct ipam_reason *why, struct ipam_reason reason);
struct string_list ipam_copy_strings(struct arena *a, const char *const *items, size_t count);
void claim_init(struct claim *ret, const struct object *service, struct arena *a);
NODISCARD enum ipam_code stack_of_ips(enum stack *ret, const struct ip *ips, size_t count,
                                      struct ipam_reason *why);
NODISCARD enum ipam_code stack_of_service(enum stack *ret, const struct service *s, struct arena *a,
                                          struct ipam_reason *why);
/* Spec controller 2.6; *ret_count 0 without a request. */
NODISCARD enum ipam_code ipam_requested_ips(const struct ip **ret, size_t *ret_count,
                                            const struct object *service, struct arena *a,
                                            struct ipam_reason *why);
const char *ipam_requested_pool(const struct object *service); /* "" without */
enum stack stack_of_family(enum ip_family family);
const char *stack_name(enum stack s); /* "ipv4", "ipv6", "dual" */

enum policy { POLICY_SINGLE, POLICY_PREFER, POLICY_REQUIRE };
enum policy ipam_policy_of(const struct service *s);

/* ipam.c */
void claim_resolve(const struct ipam *m, struct claim *c);
const char *holder_key(const struct holder *h); /* "namespace/name" */
struct holder *holder_find(const struct ipam *m, const char *key);
bool holder_release(struct ipam *m, const char *key); /* false when it held nothing */
NODISCARD enum ipam_code claim_assign(struct ipam *m, struct claim *c, const struct ip *ips,
                                      size_t count, struct arena *a, struct ipam_reason *why);

/* ipam_layout.c: what of a snapshot the allocator indexes */
void ipam_layout_init(struct ipam *m, struct snapshot *cfg);
void ipam_layout_done(struct ipam *m);
/* The span that has the address, or NULL; avoidBuggyIPs applies. */
struct span *span_of(const struct ipam *m, struct ip a);
struct ip span_position(const struct span *s, struct ip a);
struct ip span_address(const struct span *s, struct ip position);

/* ipam_search.c */
NODISCARD enum ipam_code claim_from_pool(struct ipam *m, struct claim *c, const char *pool,
                                         struct arena *a, struct ipam_reason *why);
NODISCARD enum ipam_code claim_from_any(struct ipam *m, struct claim *c, struct arena *a,
                                        struct ipam_reason *why);
/* Spec controller 2.7, "additional family": after success the Service holds both, the old one
 * first. */
NODISCARD enum ipam_code claim_second_family(struct ipam *m, struct claim *c, struct ip held,
                                             struct arena *a, struct ipam_reason *why);

/* ipam_converge.c: reserves what a Service holds if the table lets it keep that: because it may
 * (C7, C8), or, with `examined` false, because its families are unknown (C7b). Nothing happens when
 * the allocator knows the Service already. */
void ipam_adopt_held(struct ipam *m, const struct object *service, struct ipam_held held,
                     bool examined, struct arena *a);

/* ipam_count.c */
void ipam_pool_capacity(struct pool_state *ret, const struct pool *p);
