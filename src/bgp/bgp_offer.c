/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_rib_int.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

/* --- attribute sets --- */

static struct bgp_attr_set *set_of(struct bgp_interned *o)
{
    return container_of(o, struct bgp_attr_set, head);
}

struct bgp_attr_set *bgp_attr_set(const struct bgp_rib *r, uint32_t id)
{
    return set_of(r->attr_sets.by_id[id]);
}

/* A preference that is not set has no value that could differ. */
static uint32_t local_pref_of(const struct bgp_attrs *a)
{
    return a->has_local_pref ? a->local_pref : 0;
}

static uint32_t attrs_hash(const struct bgp_attrs *a)
{
    uint64_t h = bgp_hash_mix(a->has_local_pref, local_pref_of(a));

    h = bgp_hash_mix(h, a->med);
    h = bgp_hash_mix(h, a->prepend);
    for (size_t i = 0; i < a->community_count; i++) {
        const struct bgp_community *c = &a->communities[i];

        h = bgp_hash_mix(h, (uint64_t)c->a << 32 | c->b);
        h = bgp_hash_mix(h, (uint64_t)c->c << 2 | c->kind);
    }
    return (uint32_t)h;
}

static bool attrs_eq(const struct bgp_attrs *a, const struct bgp_attrs *b)
{
    if (a->has_local_pref != b->has_local_pref || local_pref_of(a) != local_pref_of(b) ||
        a->med != b->med || a->prepend != b->prepend || a->community_count != b->community_count)
        return false;
    for (size_t i = 0; i < a->community_count; i++) {
        if (bgp_community_cmp(a->communities[i], b->communities[i]) != 0)
            return false;
    }
    return true;
}

static struct bgp_attr_set *attr_set_new(const struct bgp_attrs *attrs)
{
    size_t count = attrs->community_count;
    struct bgp_attr_set *s = xcalloc(1, sizeof(*s) + count * sizeof(s->communities[0]));

    s->attrs = *attrs;
    s->attrs.local_pref = local_pref_of(attrs);
    s->attrs.communities = s->communities;
    for (size_t i = 0; i < count; i++)
        s->communities[i] = attrs->communities[i];
    return s;
}

/* With a reference for the caller. */
static uint32_t attr_set_get(struct bgp_rib *r, const struct bgp_attrs *attrs)
{
    uint32_t hash = attrs_hash(attrs);
    struct bgp_interned *o = bgp_intern_find(&r->attr_sets, hash, NULL);

    while (o != NULL && !attrs_eq(&set_of(o)->attrs, attrs))
        o = bgp_intern_find(&r->attr_sets, hash, o);
    if (o != NULL) {
        o->refs++;
        return o->id;
    }
    o = &attr_set_new(attrs)->head;
    bgp_intern_add(&r->attr_sets, o, hash);
    return o->id;
}

void bgp_attr_set_ref(struct bgp_rib *r, uint32_t id)
{
    if (id != 0)
        r->attr_sets.by_id[id]->refs++;
}

void bgp_attr_set_unref(struct bgp_rib *r, uint32_t id)
{
    struct bgp_interned *o;

    if (id == 0)
        return;
    o = r->attr_sets.by_id[id];
    if (--o->refs > 0)
        return;
    bgp_intern_del(&r->attr_sets, o);
    free(set_of(o));
}

/* --- offers --- */

static struct bgp_offer *offer_of(struct bgp_interned *o)
{
    return container_of(o, struct bgp_offer, head);
}

struct bgp_offer *bgp_offer_at(const struct bgp_rib *r, uint32_t id)
{
    return id != 0 ? offer_of(r->offers.by_id[id]) : NULL;
}

/* The span does not count: a peer that was forgotten leaves it longer than it need be. */
static uint32_t offer_hash(const struct bgp_offer *o)
{
    uint64_t h = 0;

    for (uint32_t peer = 0; peer < o->span; peer++) {
        if (o->attrs[peer] != 0)
            h = bgp_hash_mix(h, (uint64_t)peer << 32 | o->attrs[peer]);
    }
    return (uint32_t)h;
}

static bool offer_eq(const struct bgp_offer *a, const struct bgp_offer *b)
{
    uint32_t span = a->span > b->span ? a->span : b->span;

    for (uint32_t peer = 0; peer < span; peer++) {
        if (bgp_offer_attrs(a, peer) != bgp_offer_attrs(b, peer))
            return false;
    }
    return true;
}

static struct bgp_offer *offer_new(struct bgp_rib *r, const struct bgp_share *shares, size_t count)
{
    uint32_t span = count > 0 ? shares[count - 1].peer + 1 : 0;
    struct bgp_offer *o = xcalloc(1, sizeof(*o) + span * sizeof(o->attrs[0]));

    assert(span <= BGP_PEERS_MAX);
    o->span = span;
    for (size_t i = 0; i < count; i++) {
        assert(i == 0 || shares[i - 1].peer < shares[i].peer);
        o->attrs[shares[i].peer] = attr_set_get(r, &shares[i].attrs);
    }
    return o;
}

static void offer_free(struct bgp_rib *r, struct bgp_offer *o)
{
    for (uint32_t peer = 0; peer < o->span; peer++)
        bgp_attr_set_unref(r, o->attrs[peer]);
    free(o);
}

struct bgp_offer *bgp_offer_get(struct bgp_rib *r, const struct bgp_share *shares, size_t count)
{
    struct bgp_offer *made = offer_new(r, shares, count);
    uint32_t hash = offer_hash(made);
    struct bgp_interned *o = bgp_intern_find(&r->offers, hash, NULL);

    while (o != NULL && !offer_eq(offer_of(o), made))
        o = bgp_intern_find(&r->offers, hash, o);
    if (o == NULL) {
        bgp_intern_add(&r->offers, &made->head, hash);
        return made;
    }
    offer_free(r, made);
    o->refs++;
    return offer_of(o);
}

struct bgp_offer *bgp_offer_unref(struct bgp_rib *r, struct bgp_offer *o)
{
    if (o == NULL || --o->head.refs > 0)
        return NULL;
    bgp_intern_del(&r->offers, &o->head);
    offer_free(r, o);
    return NULL;
}

/* Two offers may have become equal; they stay two, which costs only memory. */
void bgp_offers_forget_peer(struct bgp_rib *r, uint32_t peer)
{
    for (size_t id = 1; id < r->offers.ids; id++) {
        struct bgp_interned *head = r->offers.by_id[id];
        struct bgp_offer *o;

        if (head == NULL || bgp_offer_attrs(offer_of(head), peer) == 0)
            continue;
        o = offer_of(head);
        bgp_attr_set_unref(r, o->attrs[peer]);
        o->attrs[peer] = 0;
        bgp_intern_rehash(&r->offers, head, offer_hash(o));
    }
}

void bgp_offers_done(struct bgp_rib *r)
{
    for (size_t id = 1; id < r->offers.ids; id++) {
        if (r->offers.by_id[id] != NULL)
            free(offer_of(r->offers.by_id[id]));
    }
    for (size_t id = 1; id < r->attr_sets.ids; id++) {
        if (r->attr_sets.by_id[id] != NULL)
            free(set_of(r->attr_sets.by_id[id]));
    }
    bgp_intern_done(&r->offers);
    bgp_intern_done(&r->attr_sets);
}
