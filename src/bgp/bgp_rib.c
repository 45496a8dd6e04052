/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_rib_int.h"

#include "base/mem.h"

#include <stdlib.h>

struct bgp_rib *bgp_rib_new(void)
{
    struct bgp_rib *r = xcalloc(1, sizeof(*r));

    for (size_t f = 0; f < BGP_FAMILIES; f++)
        bgp_table_init(&r->tables[f], (enum bgp_family)f);
    return r;
}

static void peer_free(struct bgp_rib *r, struct bgp_rib_peer *p)
{
    if (p == NULL)
        return;
    bgp_batch_done(r, &p->batch);
    for (size_t f = 0; f < BGP_FAMILIES; f++) {
        free(p->adj[f].told);
        bgp_slot_marks_done(&p->adj[f].marks);
    }
    free(p);
}

struct bgp_rib *bgp_rib_free(struct bgp_rib *r)
{
    if (r == NULL)
        return NULL;
    for (size_t i = 0; i < BGP_PEERS_MAX; i++)
        peer_free(r, r->peers[i]);
    for (size_t f = 0; f < BGP_FAMILIES; f++)
        bgp_table_done(&r->tables[f]);
    bgp_offers_done(r);
    free(r);
    return NULL;
}

static struct bgp_table *table_of(struct bgp_rib *r, struct prefix p)
{
    return &r->tables[bgp_family_of(p.addr.family)];
}

/* The route has another offer, or none (0); the reference of the old one is the caller's. */
static void set_offer(struct bgp_rib *r, struct bgp_table *t, uint32_t slot, uint32_t offer)
{
    const struct bgp_offer *before = bgp_offer_at(r, t->slots[slot].offer);
    const struct bgp_offer *after = bgp_offer_at(r, offer);

    t->slots[slot].offer = offer;
    t->live = t->live + (after != NULL) - (before != NULL);
    for (size_t i = 0; i < t->adj_count; i++) {
        struct bgp_adj *a = t->adjs[i];
        uint32_t was = bgp_offer_attrs(before, a->peer), is = bgp_offer_attrs(after, a->peer);

        if (was == is)
            continue;
        a->wanted = a->wanted + (is != 0) - (was != 0);
        bgp_adj_review(r, a, t, slot);
    }
}

void bgp_rib_put(struct bgp_rib *r, struct prefix p, struct bgp_offer *offer)
{
    struct bgp_table *t = table_of(r, p);
    uint32_t slot = bgp_table_find(t, p);
    struct bgp_offer *before;

    if (slot == BGP_NO_SLOT)
        slot = bgp_table_add(t, p);
    before = bgp_offer_at(r, t->slots[slot].offer);
    if (before == offer)
        return;
    offer->head.refs++;
    set_offer(r, t, slot, offer->head.id);
    bgp_offer_unref(r, before);
}

void bgp_rib_del(struct bgp_rib *r, struct prefix p)
{
    struct bgp_table *t = table_of(r, p);
    uint32_t slot = bgp_table_find(t, p);
    struct bgp_offer *before;

    if (slot == BGP_NO_SLOT)
        return;
    before = bgp_offer_at(r, t->slots[slot].offer);
    set_offer(r, t, slot, 0);
    bgp_offer_unref(r, before);
    bgp_table_reap(t, slot);
    bgp_rib_trim(r);
}

static void table_trim(struct bgp_rib *r, struct bgp_table *t)
{
    if (!bgp_table_is_sparse(t))
        return;
    for (size_t i = 0; i < t->adj_count; i++)
        bgp_batch_done(r, &r->peers[t->adjs[i]->peer]->batch);
    bgp_table_compact(t);
}

void bgp_rib_trim(struct bgp_rib *r)
{
    for (size_t f = 0; f < BGP_FAMILIES; f++)
        table_trim(r, &r->tables[f]);
}

/* --- questions --- */

size_t bgp_rib_count(const struct bgp_rib *r)
{
    return r->tables[BGP_IPV4].live + r->tables[BGP_IPV6].live;
}

struct bgp_rib_peer_counts bgp_rib_peer_counts(const struct bgp_rib *r, uint32_t peer)
{
    const struct bgp_rib_peer *p = bgp_rib_peer_find(r, peer);
    struct bgp_rib_peer_counts c = {0};

    if (p == NULL)
        return c;
    for (size_t f = 0; f < BGP_FAMILIES; f++) {
        c.wanted += p->adj[f].wanted;
        c.sent += p->adj[f].sent;
    }
    c.too_long = p->too_long;
    return c;
}

/* Of a route that has attributes for the peer. */
static enum bgp_route_state route_state(const struct bgp_rib_peer *p, enum bgp_family family,
                                        uint32_t slot)
{
    const struct bgp_adj *a;

    if (p == NULL || !p->up)
        return BGP_ROUTE_NO_SESSION;
    a = &p->adj[family];
    if (!a->carried)
        return BGP_ROUTE_NO_FAMILY;
    if (a->barred)
        return BGP_ROUTE_NO_NEXT_HOP;
    if (bgp_slot_marks_has(&a->marks, slot))
        return BGP_ROUTE_PENDING;
    return bgp_told_is_held(a->told[slot]) ? BGP_ROUTE_SENT : BGP_ROUTE_TOO_LONG;
}

enum bgp_route_state bgp_rib_peer_route(const struct bgp_rib *r, uint32_t peer, struct prefix p,
                                        const struct bgp_attrs **ret_attrs)
{
    enum bgp_family family = bgp_family_of(p.addr.family);
    const struct bgp_table *t = &r->tables[family];
    uint32_t slot = bgp_table_find(t, p), attrs = 0;

    if (slot != BGP_NO_SLOT)
        attrs = bgp_offer_attrs(bgp_offer_at(r, t->slots[slot].offer), peer);
    if (ret_attrs != NULL)
        *ret_attrs = attrs != 0 ? &bgp_attr_set(r, attrs)->attrs : NULL;
    return attrs != 0 ? route_state(bgp_rib_peer_find(r, peer), family, slot) : BGP_ROUTE_ABSENT;
}

void bgp_rib_each(const struct bgp_rib *r, bgp_rib_fn fn, void *arg)
{
    for (size_t f = 0; f < BGP_FAMILIES; f++) {
        const struct bgp_table *t = &r->tables[f];

        for (uint32_t slot = 0; slot < t->top; slot++) {
            if (t->slots[slot].used && t->slots[slot].offer != 0)
                fn(arg, bgp_table_prefix(t, slot));
        }
    }
}
