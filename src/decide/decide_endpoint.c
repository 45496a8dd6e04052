/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/decide_int.h"

static enum endpoint_rule endpoint_rule(const struct endpoint *e)
{
    switch (e->ready) {
    case TRI_TRUE:
        return ENDPOINT_READY;
    case TRI_ABSENT:
        return ENDPOINT_READY_ABSENT;
    case TRI_FALSE:
        /* An absent `serving` does not count here, although the API's text reads it as true (spec
         * speaker-l2 1.1). `terminating` is never asked. */
        return e->serving == TRI_TRUE ? ENDPOINT_SERVING : ENDPOINT_NOT_READY;
    }
    return ENDPOINT_NOT_READY;
}

struct endpoint_verdict decide_endpoint(const struct endpoint *e)
{
    enum endpoint_rule rule = endpoint_rule(e);
    bool ready = e->ready != TRI_FALSE;

    return (struct endpoint_verdict){
        .counts = rule != ENDPOINT_NOT_READY,
        .rule = rule,
        .counted_0_13_12 = ready,
        .counted_0_14_3 = e->serving != TRI_ABSENT ? e->serving == TRI_TRUE : ready,
    };
}

const char *endpoint_rule_name(enum endpoint_rule rule)
{
    switch (rule) {
    case ENDPOINT_READY:
        return "ready";
    case ENDPOINT_READY_ABSENT:
        return "ready-absent";
    case ENDPOINT_SERVING:
        return "serving";
    case ENDPOINT_NOT_READY:
        return "not-ready";
    }
    return "";
}

static void sum_slice(struct endpoint_sum *sum, const struct decide_world *w,
                      const struct endpoint_slice *slice, enum endpoint_need need)
{
    for (size_t i = 0; i < slice->endpoint_count; i++) {
        const struct endpoint *e = &slice->endpoints[i];
        int node;

        if (need == ENDPOINT_WITH_ADDRESS && e->addresses.count == 0)
            continue;
        if (!decide_endpoint(e).counts)
            continue;
        sum->any = true;
        node = snapshot_node_index(w->cfg, e->node);
        if (node >= 0) /* an endpoint without a node, or on an unknown one, is local to nobody */
            bitset_add(&sum->nodes, (size_t)node);
    }
}

void decide_endpoints(struct endpoint_sum *ret, const struct decide_world *w,
                      const struct decide_service *s, enum endpoint_need need, struct arena *a)
{
    struct endpoint_sum sum = {.nodes = bitset_new(a, w->cfg->nodes.count)};

    for (size_t i = 0; i < s->slices.count; i++) {
        sum.total += s->slices.items[i]->slice.endpoint_count;
        sum_slice(&sum, w, &s->slices.items[i]->slice, need);
    }
    *ret = sum;
}
