/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_rib_int.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

uint32_t bgp_adj_wanted(const struct bgp_rib *r, const struct bgp_adj *a, const struct bgp_table *t,
                        uint32_t slot)
{
    return a->barred ? 0 : bgp_offer_attrs(bgp_offer_at(r, t->slots[slot].offer), a->peer);
}

void bgp_adj_tell(struct bgp_rib *r, struct bgp_adj *a, struct bgp_table *t, uint32_t slot,
                  uint32_t told)
{
    uint32_t before = a->told[slot];

    a->told[slot] = told;
    bgp_slot_marks_set(&a->marks, slot, false);
    bgp_attr_set_ref(r, told & BGP_TOLD_ID);
    bgp_attr_set_unref(r, before & BGP_TOLD_ID);
    t->slots[slot].holders = (uint16_t)(t->slots[slot].holders + (told != 0) - (before != 0));
    a->sent = a->sent + bgp_told_is_held(told) - bgp_told_is_held(before);
}

void bgp_adj_review(struct bgp_rib *r, struct bgp_adj *a, struct bgp_table *t, uint32_t slot)
{
    uint32_t wanted = bgp_adj_wanted(r, a, t, slot);

    if (wanted == 0 && (a->told[slot] & BGP_TOLD_UNFIT) != 0)
        bgp_adj_tell(r, a, t, slot, 0); /* it never had the route */
    bgp_slot_marks_set(&a->marks, slot, (a->told[slot] & ~BGP_TOLD_UNFIT) != wanted);
}

void bgp_adj_resize(struct bgp_adj *a, uint32_t old_cap, uint32_t cap)
{
    a->told = xreallocarray(a->told, cap, sizeof(*a->told));
    if (cap > old_cap)
        memset(a->told + old_cap, 0, (cap - old_cap) * sizeof(*a->told));
    bgp_slot_marks_resize(&a->marks, cap);
}

void bgp_adj_move(struct bgp_adj *a, uint32_t from, uint32_t to)
{
    a->told[to] = a->told[from];
    a->told[from] = 0;
    bgp_slot_marks_set(&a->marks, to, bgp_slot_marks_has(&a->marks, from));
    bgp_slot_marks_set(&a->marks, from, false);
}

/* --- peers --- */

static struct bgp_rib_peer *peer_get(struct bgp_rib *r, uint32_t id)
{
    struct bgp_rib_peer *p = bgp_rib_peer_find(r, id);

    if (p != NULL)
        return p;
    p = xcalloc(1, sizeof(*p));
    for (size_t f = 0; f < BGP_FAMILIES; f++)
        p->adj[f].peer = id;
    r->peers[id] = p;
    return p;
}

static void adj_open(struct bgp_rib *r, struct bgp_adj *a, struct bgp_table *t)
{
    a->carried = true;
    bgp_adj_resize(a, 0, t->cap);
    t->adjs = array_grow(t->adjs, &t->adj_cap, t->adj_count + 1, sizeof(struct bgp_adj *));
    t->adjs[t->adj_count++] = a;
    for (uint32_t slot = 0; slot < t->top; slot++) {
        if (!t->slots[slot].used ||
            bgp_offer_attrs(bgp_offer_at(r, t->slots[slot].offer), a->peer) == 0)
            continue;
        a->wanted++;
        bgp_adj_review(r, a, t, slot);
    }
}

static void adj_close(struct bgp_rib *r, struct bgp_adj *a, struct bgp_table *t)
{
    size_t i = 0;

    for (uint32_t slot = 0; slot < t->top; slot++) {
        if (a->told[slot] == 0)
            continue;
        bgp_adj_tell(r, a, t, slot, 0);
        bgp_table_reap(t, slot);
    }
    while (t->adjs[i] != a)
        i++;
    t->adjs[i] = t->adjs[--t->adj_count];
    free(a->told);
    bgp_slot_marks_done(&a->marks);
    *a = (struct bgp_adj){.peer = a->peer, .barred = a->barred};
}

void bgp_rib_peer_up(struct bgp_rib *r, uint32_t peer, const bool family[BGP_FAMILIES])
{
    struct bgp_rib_peer *p = peer_get(r, peer);

    bgp_rib_peer_down(r, peer);
    p->up = true;
    for (size_t f = 0; f < BGP_FAMILIES; f++) {
        if (family[f])
            adj_open(r, &p->adj[f], &r->tables[f]);
    }
}

void bgp_rib_peer_down(struct bgp_rib *r, uint32_t peer)
{
    struct bgp_rib_peer *p = bgp_rib_peer_find(r, peer);

    if (p == NULL || !p->up)
        return;
    p->up = false;
    bgp_batch_done(r, &p->batch);
    for (size_t f = 0; f < BGP_FAMILIES; f++) {
        if (p->adj[f].carried)
            adj_close(r, &p->adj[f], &r->tables[f]);
    }
    bgp_rib_trim(r);
}

void bgp_rib_peer_forget(struct bgp_rib *r, uint32_t peer)
{
    bgp_rib_peer_down(r, peer);
    bgp_offers_forget_peer(r, peer);
    free(r->peers[peer]);
    r->peers[peer] = NULL;
}

static void adj_review_all(struct bgp_rib *r, struct bgp_adj *a, struct bgp_table *t)
{
    for (uint32_t slot = 0; slot < t->top; slot++) {
        if (t->slots[slot].used)
            bgp_adj_review(r, a, t, slot);
    }
}

static void adj_again(struct bgp_rib *r, struct bgp_adj *a, struct bgp_table *t)
{
    for (uint32_t slot = 0; slot < t->top; slot++) {
        if (bgp_told_is_held(a->told[slot]))
            a->told[slot] |= BGP_TOLD_AGAIN;
        else if (a->told[slot] != 0)
            bgp_adj_tell(r, a, t, slot, 0); /* the attributes may fit now */
    }
    adj_review_all(r, a, t);
}

void bgp_rib_peer_again(struct bgp_rib *r, uint32_t peer, enum bgp_family family)
{
    struct bgp_rib_peer *p = bgp_rib_peer_find(r, peer);

    if (p != NULL && p->adj[family].carried)
        adj_again(r, &p->adj[family], &r->tables[family]);
}

void bgp_rib_peer_allow(struct bgp_rib *r, uint32_t peer, enum bgp_family family, bool allowed)
{
    struct bgp_adj *a = &peer_get(r, peer)->adj[family];

    if (a->barred == !allowed)
        return;
    a->barred = !allowed;
    if (!a->carried)
        return;
    if (allowed)
        adj_again(r, a, &r->tables[family]);
    else
        adj_review_all(r, a, &r->tables[family]);
}

bool bgp_rib_peer_pending(const struct bgp_rib *r, uint32_t peer)
{
    const struct bgp_rib_peer *p = bgp_rib_peer_find(r, peer);

    return p != NULL && p->adj[BGP_IPV4].marks.count + p->adj[BGP_IPV6].marks.count > 0;
}
