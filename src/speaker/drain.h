/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node that is being drained (annotation steellb.io/drain, `steellb drain`) gives its routes
 * away: it announces them so that routers prefer others (RFC 8326), and after a while no longer.
 * What no other node announces stays, unless it is told otherwise. Pure.
 *
 * Layer 2 is left alone: its election must be the same on every node, MetalLB's included.
 */
#pragma once

#include "decide/decide.h"

enum drain_step {
    DRAIN_NOT,      /* as ever */
    DRAIN_YIELD,    /* announced so that others are preferred */
    DRAIN_WITHDRAW, /* announced no longer */
};

struct drain_question {
    const struct decide_world *world;
    const struct decide_service *service;
    const struct bgp_verdict *verdict; /* of that Service */
    size_t node;                       /* ours */
    bool has_yielded;                  /* for as long as routers need */
    bool others_unknown; /* the configuration may lack what concerns other nodes alone */
};

enum drain_step drain_decide(const struct drain_question *q, struct arena *a);
