/* SPDX-License-Identifier: Apache-2.0 */
/* BGP: which nodes announce a Service (spec speaker-bgp C8 to C11, C24). */
#include "decide/decide_int.h"

/* Two covering advertisements that must not meet on one node. */
struct adv_clash {
    const struct bgp_adv *a, *b;
    enum adv_conflict kind;
};

/* What all nodes have in common while one Service is decided. */
struct bgp_question {
    const struct decide_world *w;
    const struct pool *pool;
    const struct bgp_adv *const *advs; /* whose serviceSelectors match */
    size_t adv_count;
    const struct adv_clash *clashes; /* in the order of the advertisements' names */
    size_t clash_count;
    struct endpoint_sum endpoints;
    bool local;
};

const struct bgp_adv *const *decide_bgp_covering(const struct decide_service *s, struct arena *a,
                                                 size_t *ret_count)
{
    const struct pool *p = s->pool;
    const struct bgp_adv **advs = arena_calloc(a, p->bgp_count, sizeof(*advs));
    size_t n = 0;

    for (size_t i = 0; i < p->bgp_count; i++) {
        if (service_selected(&p->bgp[i]->service_selectors, &s->service->meta.labels))
            advs[n++] = p->bgp[i];
    }
    *ret_count = n;
    return advs;
}

/* Once for a Service rather than once for each of its nodes. Nearly always there are none. */
static void find_clashes(struct bgp_question *q, struct arena *a)
{
    CLEANUP(xfreep) struct adv_clash *found = NULL;
    size_t count = 0, cap = 0;

    for (size_t i = 0; i < q->adv_count; i++) {
        for (size_t k = i + 1; k < q->adv_count; k++) {
            enum adv_conflict kind = bgp_adv_conflict(q->pool, q->advs[i], q->advs[k]);

            if (kind == ADV_CONFLICT_NONE)
                continue;
            found = array_grow(found, &cap, count + 1, sizeof(*found));
            found[count++] = (struct adv_clash){q->advs[i], q->advs[k], kind};
        }
    }
    q->clashes = arena_memdup(a, found, count * sizeof(*found));
    q->clash_count = count;
}

static bool any_lists(const struct bgp_adv *const *advs, size_t count, size_t node)
{
    for (size_t i = 0; i < count; i++) {
        if (bitset_has(&advs[i]->nodes, node))
            return true;
    }
    return false;
}

static const struct adv_clash *clash_on(const struct bgp_question *q, size_t node)
{
    for (size_t i = 0; i < q->clash_count; i++) {
        const struct adv_clash *c = &q->clashes[i];

        if (bitset_has(&c->a->nodes, node) && bitset_has(&c->b->nodes, node))
            return c;
    }
    return NULL;
}

static enum bgp_reason node_state(const struct bgp_question *q, size_t node)
{
    if (q->w->nodes[node].network_unavailable)
        return BGP_NETWORK_UNAVAILABLE;
    if (decide_is_excluded(q->w, node))
        return BGP_EXCLUDED;
    if (q->local && !bitset_has(&q->endpoints.nodes, node))
        return BGP_NO_LOCAL_ENDPOINTS;
    return q->endpoints.any ? BGP_OK : BGP_NO_ENDPOINTS;
}

static struct bgp_node_verdict node_verdict(const struct bgp_question *q, size_t node)
{
    const struct adv_clash *clash;

    if (q->w->nodes[node].liveness == NODE_NO_SPEAKER)
        return (struct bgp_node_verdict){.reason = BGP_NO_SPEAKER};
    if (!any_lists(q->pool->bgp, q->pool->bgp_count, node))
        return (struct bgp_node_verdict){.reason = BGP_NOT_OWNER};
    if (!any_lists(q->advs, q->adv_count, node))
        return (struct bgp_node_verdict){.reason = BGP_NO_MATCHING_ADVERTISEMENT};
    clash = clash_on(q, node);
    if (clash != NULL)
        return (struct bgp_node_verdict){.reason = BGP_CONFLICTING_ADVERTISEMENTS,
                                         .conflict_a = clash->a,
                                         .conflict_b = clash->b,
                                         .conflict = clash->kind};
    return (struct bgp_node_verdict){.reason = node_state(q, node)};
}

void decide_bgp(const struct decide_world *w, const struct decide_service *s, struct arena *a,
                struct bgp_verdict *ret)
{
    struct bgp_question q = {.w = w, .pool = s->pool};
    struct bgp_node_verdict *nodes;

    *ret = (struct bgp_verdict){0};
    if (!decide_has_address(s) || s->pool->bgp_count == 0)
        return;
    q.local = decide_is_local(s);
    q.advs = decide_bgp_covering(s, a, &q.adv_count);
    find_clashes(&q, a);
    decide_endpoints(&q.endpoints, w, s, ENDPOINT_WITH_ADDRESS, a);

    nodes = arena_calloc(a, w->cfg->nodes.count, sizeof(*nodes));
    for (size_t i = 0; i < w->cfg->nodes.count; i++)
        nodes[i] = node_verdict(&q, i);
    ret->nodes = nodes;
}
