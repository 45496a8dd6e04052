/* SPDX-License-Identifier: Apache-2.0 */
/* One Service of an evaluation with all its verdicts side by side, as the listings want it. */
#pragma once

#include "base/text.h"
#include "standalone/evaluate.h"

/* Borrows from the evaluation and the store; the routes live in the arena that was given. */
struct view {
    const struct evaluation *evaluation;
    const struct object *service;
    const struct decide_service *decided;
    const struct ipam_verdict *verdict;
    const char *pool;              /* NULL when not known */
    const struct l2_verdict *l2;   /* NULL unless an L2Advertisement covers the Service */
    const struct bgp_verdict *bgp; /* NULL when nothing was decided */
    const struct bgp_route *routes;
    size_t route_count;
    struct object_list slices;
};

struct view view_of(const struct evaluation *e, struct store *store, size_t i, struct arena *a);

const char *view_node_name(const struct view *v, size_t node);
const char *view_owner(const struct view *v); /* the node that announces by Layer 2, or NULL */
bool view_is_announced(const struct view *v);

/* Why it has no address: the reason and the text of the last Event. False when it has one. */
bool view_pending(const struct view *v, const char **ret_reason, struct text *message);

/* The names of the covering L2Advertisements: those that list the owner, or all when there is no
 * owner. */
struct string_list view_l2_names(const struct view *v, struct arena *a);

/* As the plan prints them: in the order of their text. */
struct string_list view_communities(const struct bgp_route *r, struct arena *a);

/* "192.0.2.1/32 localPref 100 asPathPrepend 2 communities 65000:1": the prefix and what is set. */
void view_route_text(struct text *t, const struct bgp_route *r);

/* Do both carry the same attributes? */
bool view_same_attributes(const struct bgp_route *a, const struct bgp_route *b);
