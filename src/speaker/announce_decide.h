/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one speaker does with one Service (spec speaker-l2 2.4-2.6, 3.2, 3.6; speaker-bgp 1.1).
 * Pure: the Service, its slices and the world in, one answer out.
 */
#pragma once

#include "decide/decide.h"

/* In the order in which they are dealt with (spec speaker-bgp C3). */
enum announce_protocol { ANNOUNCE_BGP, ANNOUNCE_LAYER2 };
enum { ANNOUNCE_PROTOCOLS = ANNOUNCE_LAYER2 + 1 };

const char *announce_protocol_name(enum announce_protocol p); /* "bgp", "layer2" */

struct announce_question {
    const struct decide_world *world; /* NULL: no configuration was accepted yet */
    const char *node;                 /* ours */
    const char *lb_class;             /* --lb-class */
    const struct object *service;     /* NULL: it does not exist (any more) */
    struct object_list slices;
    bool has_yielded, others_unknown; /* drain.h */
};

enum announce_action {
    ANNOUNCE_LATER,    /* nothing can be said yet: all stays as it is */
    ANNOUNCE_WITHDRAW, /* by every protocol by which it is announced */
    ANNOUNCE,          /* by each protocol that has no refusal */
};

struct announce_answer {
    enum announce_action action;
    const char *reason;      /* ANNOUNCE_WITHDRAW: MetalLB's word, "notLoadBalancer" */
    const char *bad_address; /* with the reason "invalidIP" */

    /* Once the Service has addresses of one pool; they live in the arena. */
    const struct ip *ips;
    size_t ip_count;
    const struct pool *pool;

    /* ANNOUNCE */
    const char
        *refusals[ANNOUNCE_PROTOCOLS]; /* why not, in MetalLB's word; NULL: it is announced */

    /* BGP */
    const struct bgp_ad *ads;
    size_t ad_count;
    bool draining;               /* so that others are preferred */
    struct bgp_node_verdict bgp; /* ours: the advertisements of a conflict */

    /* Layer 2 */
    bool all_interfaces;
    struct string_list interfaces; /* sorted */

    /* Nobody announces the Service, on any node: which link is missing. NULL otherwise. */
    const char *missing;
    bool is_reporter; /* we are the one node that tells so */
};

void announce_decide(const struct announce_question *q, struct arena *a,
                     struct announce_answer *ret);

/* The same addresses, in whatever order. */
bool announce_same_ips(const struct ip *a, size_t a_count, const struct ip *b, size_t b_count);
