/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/drain.h"

static bool comes_from_another(const struct drain_question *q, struct prefix p,
                               const struct bgp_route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (routes[i].node != q->node && prefix_eq(routes[i].prefix, p) &&
            q->world->nodes[routes[i].node].drain == NODE_DRAIN_NO)
            return true;
    }
    return false;
}

/* Is every prefix that our node announces announced by another one that will go on? */
static bool is_covered(const struct drain_question *q, struct arena *a)
{
    const struct route_table *table = route_table_new(q->world, q->service, q->verdict, 1, a);
    size_t count;
    const struct bgp_route *routes = route_table_of(table, 0, a, &count);

    for (size_t i = 0; i < count; i++) {
        if (routes[i].node == q->node && !comes_from_another(q, routes[i].prefix, routes, count))
            return false;
    }
    return true;
}

enum drain_step drain_decide(const struct drain_question *q, struct arena *a)
{
    enum node_drain drain = q->world->nodes[q->node].drain;

    if (drain == NODE_DRAIN_NO)
        return DRAIN_NOT;
    if (!q->has_yielded)
        return DRAIN_YIELD;
    if (drain == NODE_DRAIN_FORCE)
        return DRAIN_WITHDRAW;
    return !q->others_unknown && is_covered(q, a) ? DRAIN_WITHDRAW : DRAIN_YIELD;
}
