/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address allocation (spec controller 1.4, 1.5, 2). Pure: no clock, no log, no I/O; the same calls
 * give the same verdicts.
 *
 * A `struct ipam` is the allocator's memory: who holds which address, with which ports, under which
 * sharing key. It holds a reference on the configuration snapshot. ipam_converge runs the decision
 * table of spec controller 1.4 for one Service; ipam_settle runs it for all of them until nothing
 * changes.
 */
#pragma once

#include "base/ip.h"
#include "base/text.h"
#include "model/object.h"
#include "model/snapshot.h"

enum { IPAM_MAX_ADDRS = 2 };

/* Why something was refused, as data; ipam_reason_text makes the sentence (MetalLB's texts where it
 * has one). */
enum ipam_code {
    IPAM_OK,
    IPAM_NO_POOLS,               /* C2 */
    IPAM_NO_CLUSTER_IP,          /* C3 */
    IPAM_NOT_ENOUGH_CLUSTER_IPS, /* C5 */
    IPAM_BAD_LB_IP_FIELD,        /* 2.6: spec.loadBalancerIP */
    IPAM_BAD_LB_IPS_ANNOTATION,  /* 2.6 */
    IPAM_BOTH_REQUESTS,          /* 2.6: annotation and field */
    IPAM_SAME_FAMILY_TWICE,      /* IPFamilyForAddresses: of held, requested or cluster IPs */
    IPAM_TOO_MANY_ADDRESSES,     /* likewise */
    IPAM_INVALID_ADDRESS,        /* likewise */
    IPAM_FAMILY_MISMATCH,        /* 1.5 step 4a */
    IPAM_NOT_IN_REQUESTED_POOL,  /* 1.5 step 4c */
    IPAM_NOT_IN_ANY_POOL,        /* 2.4 step 1 */
    IPAM_POOL_NOT_COMPATIBLE,    /* 2.4 step 2 */
    IPAM_MORE_THAN_TWO,          /* 2.4 step 3 */
    IPAM_PAIR_OF_ONE_FAMILY,     /* 2.4 step 4 */
    IPAM_SHARING_KEY_IN_USE,     /* 2.5: "can't change sharing key" */
    IPAM_PORT_IN_USE,            /* 2.5 */
    IPAM_HELD_FAMILY_DIFFERS,    /* 2.8, of a Service that already holds addresses */
    IPAM_UNKNOWN_POOL,           /* 2.8 */
    IPAM_POOL_EXHAUSTED,         /* 2.7: neither family has a free address */
    IPAM_POOL_LACKS_FAMILY,      /* 2.7: selection failed */
    IPAM_EXHAUSTED,              /* 2.9 step 5 */
};

/* Why one pool did not give an address. */
enum ipam_try {
    IPAM_TRY_NOT_AUTO,      /* autoAssign is false */
    IPAM_TRY_NAMESPACE,     /* serviceAllocation leaves the namespace out */
    IPAM_TRY_LABELS,        /* serviceAllocation does not select the Service */
    IPAM_TRY_NO_FAMILY,     /* no prefix of the family */
    IPAM_TRY_FULL,          /* no free address of the family */
    IPAM_TRY_NOT_SHAREABLE, /* none free, none that this Service may share */
    IPAM_TRY_SINGLE_STACK,  /* no pool can help: two cluster IPs, but a single-stack policy */
};

struct ipam_tried {
    const char *pool; /* NULL for IPAM_TRY_SINGLE_STACK */
    enum ipam_try why;
    enum ip_family family; /* IP_NONE: either would have done */
};

enum { IPAM_TRIED_MAX = 5 };

/* Which rule of spec controller 2.5 forbids that two Services share. */
enum ipam_sharing_rule {
    IPAM_SHARING_NOT_WANTED,      /* the Service has no allow-shared-ip */
    IPAM_SHARING_NOT_ALLOWED,     /* those on the address have none */
    IPAM_SHARING_KEYS_DIFFER,     /* allow-shared-ip has another value */
    IPAM_SHARING_BACKENDS_DIFFER, /* same value, but traffic policy or selector differ */
};

/* Strings and lists live in the arena of the verdict, names of pools in the snapshot. Which fields
 * are set depends on the code. */
struct ipam_reason {
    enum ipam_code code;
    const char *pool; /* the pool in question */
    const char *text; /* what the user wrote, or the holder of a port, or the Service refused */
    const struct ip *addrs; /* the addresses in question; no family prints as "<nil>" */
    size_t addr_count;
    struct string_list names;    /* cluster IPs as written, other Services (sorted) */
    const char *family;          /* "ipv4", "ipv6", "dual": what the Service needs */
    const char *held_family;     /* IPAM_HELD_FAMILY_DIFFERS */
    const char *protocol;        /* IPAM_PORT_IN_USE */
    uint16_t port;               /* IPAM_PORT_IN_USE */
    enum ipam_sharing_rule rule; /* IPAM_SHARING_KEY_IN_USE */
    const struct ipam_tried
        *tried;         /* what each pool lacked: those that were tried, then the rest */
    size_t tried_count; /* at most IPAM_TRIED_MAX */
    size_t tried_more;  /* pools beyond those */
};

void ipam_reason_text(struct text *t, const struct ipam_reason *r);

/* What MetalLB tells the user as a core/v1 Event on the Service (spec controller 1.4, column
 * Event). */
enum ipam_event_kind {
    IPAM_EVENT_NOT_ENOUGH_CLUSTER_IPS, /* "not enough clusterips" */
    IPAM_EVENT_NO_LB_IPS_FAMILY,       /* nolbIPsIPFamily */
    IPAM_EVENT_NO_CLUSTER_IPS_FAMILY,  /* noclusterIPsIPFamily */
    IPAM_EVENT_CLEAR_ASSIGNMENT,       /* ClearAssignment */
    IPAM_EVENT_LOAD_BALANCER_FAILED,   /* LoadBalancerFailed */
    IPAM_EVENT_ADDITIONAL_FAILED,      /* AdditionalAssignFailed */
    IPAM_EVENT_ALLOCATION_FAILED,      /* AllocationFailed */
    IPAM_EVENT_ADDITIONAL_ALLOCATED,   /* IPAllocated: the second address of PreferDualStack */
    IPAM_EVENT_ALLOCATED,              /* IPAllocated */
    IPAM_EVENT_NO_POOLS,      /* ours: MetalLB clears without a word (spec controller 7.2 #14) */
    IPAM_EVENT_NO_CLUSTER_IP, /* ours, likewise */
};

struct ipam_event {
    enum ipam_event_kind kind;
    const char *service;    /* "namespace/name" */
    struct ipam_reason why; /* IPAM_OK for the two that report success */
    const struct ip *addrs; /* addresses assigned, or held before */
    size_t addr_count;
    struct string_list cluster_ips; /* IPAM_EVENT_NO_CLUSTER_IPS_FAMILY: as written, like */
    const char *cluster_ip;         /* the field beside it */
};

const char *ipam_event_reason(enum ipam_event_kind kind); /* "AllocationFailed" */
bool ipam_event_is_warning(enum ipam_event_kind kind);
void ipam_event_text(struct text *t, const struct ipam_event *e);

enum ipam_state {
    IPAM_NOT_A_LOAD_BALANCER, /* C1: nothing held, nothing wanted */
    IPAM_ASSIGNED,
    IPAM_PENDING, /* wants addresses and has none; the last event says why */
};

struct ipam_verdict {
    enum ipam_state state;
    const struct pool *pool;         /* of the snapshot; NULL unless assigned */
    struct ip addrs[IPAM_MAX_ADDRS]; /* in the order that the status lists them */
    size_t addr_count;
    const struct ipam_event *events; /* in the order they happened */
    size_t event_count;
    bool keeps_old; /* a bad request: what the Service held before stays (C7b, C8c); when nothing of
                       it could be reserved, the state is IPAM_PENDING, and its status is left alone
                     */
    bool released; /* something was given up, or sharing changed: others may now succeed (S5, S8) */
};

struct ipam;

struct ipam *ipam_new(void);
struct ipam *ipam_free(struct ipam *m);
DEFINE_CLEANUP(struct ipam, ipam_free);

/*
 * Installs a snapshot (takes a reference of its own). Holders of addresses that are in no pool any
 * more lose them; others move to the pool that has them now (spec controller 2.10).
 */
void ipam_set_snapshot(struct ipam *m, struct snapshot *cfg);

/* Addresses a Service already has: its status, or what a running process holds. No family: text
 * that did not parse. */
struct ipam_held {
    const struct ip *addrs;
    size_t count;
};

/* The addresses of status.loadBalancer.ingress; entries without `ip` are skipped (C4). */
struct ipam_held ipam_held_from_status(const struct service *s, struct arena *a);

/* Spec controller 1.4 for one Service. A snapshot must have been set. The verdict's lists live in
 * `a`; its pool lives in the snapshot. */
void ipam_converge(struct ipam *m, const struct object *service, struct ipam_held held,
                   struct arena *a, struct ipam_verdict *ret);

/* The Service is gone. False when it held nothing. */
bool ipam_release(struct ipam *m, const char *namespace, const char *name);

/* One Service of a settle run: `held` goes in; afterwards `verdict` is final and `held` is what it
 * has now. */
struct ipam_service {
    const struct object *service;
    struct ipam_held held;
    bool goes_first; /* when others claim to hold the same: it is pinned, or in force */
    struct ipam_verdict verdict;
};

/*
 * Full passes until the fixed point: Services that hold more addresses first (after those that go
 * first), then by creation time, namespace, name (plan-json "Input"). Those that may keep what they
 * hold have it before anybody chooses. The array is not reordered, and its order does not matter. A
 * verdict has the events of the last pass that changed it, and is `released` if anything was in any
 * pass.
 */
void ipam_settle(struct ipam *m, struct ipam_service *services, size_t count, struct arena *a);

/* Lower-level operations (spec controller 2.4, 2.8, 2.9); ipam_converge is made of them, tests use
 * them directly. */
NODISCARD enum ipam_code ipam_assign(struct ipam *m, const struct object *service,
                                     const struct ip *ips, size_t count, struct arena *a,
                                     struct ipam_reason *why);
NODISCARD enum ipam_code ipam_allocate_from_pool(struct ipam *m, const struct object *service,
                                                 const char *pool, struct arena *a,
                                                 struct ipam_reason *why);
NODISCARD enum ipam_code ipam_allocate(struct ipam *m, const struct object *service,
                                       struct arena *a, struct ipam_reason *why);
/* What the Service holds now; returns the number of addresses, 0 when none. */
size_t ipam_holding(const struct ipam *m, const char *namespace, const char *name,
                    struct ip ret[IPAM_MAX_ADDRS], const struct pool **ret_pool);

/* Of one pool: distinct addresses in use, and capacity less that (spec controller 3.1,
 * changes-0.16.2 5: saturating). */
struct ipam_counters {
    int64_t assigned_v4, assigned_v6, available_v4, available_v6, total;
};
struct ipam_counters ipam_pool_counters(const struct ipam *m, const struct pool *p);

/* spec.loadBalancerClass against --lb-class (spec controller 1.2); lb_class "" is the default. */
bool ipam_class_is_ours(const struct service *s, const char *lb_class);
