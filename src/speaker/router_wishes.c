/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked for prefixes, and the offers that this makes (spec speaker-bgp 0.1, C27,
 * changes-0.16.2 1.4).
 *
 * A wish is what an advertisement asks for, copied out of the snapshot, so that a configuration
 * with other objects and the same content changes nothing. A demand is the set of wishes for a
 * prefix. Both are interned: there are as many as there are different ones, not as many as there
 * are Services, and the offer of a demand is made once.
 */
#include "speaker/router_int.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct wish {
    unsigned refs;
    char *key;
    struct arena *arena;
    struct bgp_adv adv; /* what decide looks at: values, communities, peers; all in the arena */
};

/* RFC 8326 4.1: GRACEFUL_SHUTDOWN, 65535:0. */
static const struct bgp_community graceful_shutdown = {.a = UINT32_C(0xffff0000)};
static const struct bgp_adv drain = {.communities = &graceful_shutdown, .community_count = 1};

/* --- wishes --- */

/* All that counts, as a text. */
static void wish_key(struct text *t, const struct bgp_adv *adv)
{
    text_printf(t, "%u %u %u", adv->local_pref, adv->as_path_prepend, adv->med);
    for (size_t i = 0; i < adv->community_count; i++)
        text_printf(t, " %s", bgp_community_format(adv->communities[i]).s);
    for (size_t i = 0; i < adv->peers.count; i++)
        text_quote(t, adv->peers.items[i]);
}

static struct string_list copy_list(const struct string_list *list, struct arena *a)
{
    struct string_list copy = {.items = arena_calloc(a, list->count, sizeof(*copy.items)),
                               .count = list->count};

    for (size_t i = 0; i < list->count; i++)
        copy.items[i] = arena_strdup(a, list->items[i]);
    return copy;
}

static struct wish *wish_new(const struct bgp_adv *adv, char *key_take)
{
    struct wish *w = xcalloc(1, sizeof(*w));

    w->key = key_take;
    w->arena = arena_new();
    w->adv = (struct bgp_adv){
        .local_pref = adv->local_pref,
        .as_path_prepend = adv->as_path_prepend,
        .med = adv->med,
        .communities = arena_memdup(w->arena, adv->communities,
                                    adv->community_count * sizeof(*adv->communities)),
        .community_count = adv->community_count,
        .peers = copy_list(&adv->peers, w->arena),
    };
    return w;
}

struct wish *wish_get(struct offers *o, const struct bgp_adv *adv)
{
    CLEANUP(text_done) struct text key = {0};
    struct wish *w;

    wish_key(&key, adv);
    w = map_find_str(&o->wishes, text_str(&key));
    if (w == NULL) {
        w = wish_new(adv, text_take(&key));
        (void)map_put_str(&o->wishes, w->key, w); /* new: there is no old value */
    }
    w->refs++;
    return w;
}

void wish_unref(struct offers *o, struct wish *w)
{
    if (--w->refs > 0)
        return;
    (void)map_del_str(&o->wishes, w->key); /* it is there: that is this one */
    arena_free(w->arena);
    free(w->key);
    free(w);
}

/* --- what a peer gets --- */

static void warn_once(struct demand *d, const struct peer *p, const struct bgp_wishes *w)
{
    bool ibgp = peer_is_ibgp(p);

    if (!d->told_differ && (ibgp ? w->local_prefs_differ : w->prepends_differ)) {
        d->told_differ = true;
        log_warn(ibgp ? "advertisements of one prefix differ in localPref: the highest counts"
                      : "advertisements of one prefix differ in asPathPrepend: the smallest counts",
                 F_S("prefix", prefix_format(d->example).s), F_S("peer", p->name));
    }
    if (!d->told_ignored && ibgp && w->prepend != 0) {
        d->told_ignored = true;
        log_warn("asPathPrepend has no effect on iBGP peers",
                 F_S("prefix", prefix_format(d->example).s), F_S("peer", p->name));
    }
}

/* LOCAL_PREF never crosses an AS border; prepending the own AS inside it makes a loop. */
static bool attrs_for(struct demand *d, const struct peer *p, struct arena *a,
                      struct bgp_attrs *ret)
{
    bool ibgp = peer_is_ibgp(p), draining = true;
    struct bgp_wishes w = {0};
    uint32_t med;

    if (!peer_carries(p, d->example.addr.family))
        return false;
    for (size_t i = 0; i < d->part_count; i++) {
        const struct bgp_adv *adv = &d->parts[i].wish->adv;

        if (!decide_adv_allows_peer(adv, p))
            continue;
        bgp_wishes_add(&w, adv, a);
        draining = draining && d->parts[i].draining;
    }
    if (!w.any)
        return false;
    warn_once(d, p, &w);
    med = w.med; /* what drains adds a community, and wishes for no MED */
    if (draining)
        bgp_wishes_add(&w, &drain, a);
    *ret = (struct bgp_attrs){
        .has_local_pref = ibgp && (draining || w.local_pref != 0),
        .local_pref = ibgp && !draining ? w.local_pref : 0,
        .med = med,
        .prepend = ibgp ? 0 : w.prepend,
        .communities = w.communities,
        .community_count = w.community_count,
    };
    return true;
}

static int share_cmp(const void *x, const void *y)
{
    const struct bgp_share *a = x, *b = y;

    return (a->peer > b->peer) - (a->peer < b->peer);
}

/* --- demands --- */

static struct bgp_offer *demand_offer(struct router *r, struct demand *d)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct bgp_share *shares = arena_calloc(a, r->peer_count, sizeof(*shares));
    size_t count = 0;

    d->peers = (struct peer_set){0};
    d->peer_names = HASH_START;
    for (size_t i = 0; i < r->peer_count; i++) {
        const struct router_peer *p = r->peers[i];

        if (p->id < 0 || !attrs_for(d, p->cfg, a, &shares[count].attrs))
            continue;
        shares[count++].peer = (uint32_t)p->id;
        d->peers.words[i / 64] |= UINT64_C(1) << i % 64;
        d->peer_names = hash_text(d->peer_names, p->cfg->name);
    }
    if (count > 1)
        qsort(shares, count, sizeof(*shares), share_cmp);
    return bgp_offer_get(bgp_routes(r->bgp), shares, count);
}

static struct demand *demand_new(struct router *r, struct prefix p, const struct demand_part *parts,
                                 size_t count)
{
    struct demand *d = xcalloc(1, sizeof(*d) + count * sizeof(*parts));

    d->family = bgp_family_of(p.addr.family);
    d->example = p;
    d->part_count = count;
    for (size_t i = 0; i < count; i++)
        d->parts[i] = parts[i];
    d->offer = demand_offer(r, d);
    return d;
}

struct demand *demand_get(struct router *r, struct prefix p, const struct demand_part *parts,
                          size_t count)
{
    struct map *demands = &r->offers.demands[bgp_family_of(p.addr.family)];
    struct demand *d = map_find(demands, parts, count * sizeof(*parts));

    if (d == NULL) {
        d = demand_new(r, p, parts, count);
        (void)map_put(demands, d->parts, count * sizeof(*parts), d); /* new, as above */
    }
    d->refs++;
    return d;
}

/* Wishes stay while a prefix asks for them, and so for as long as the demand does. */
void demand_unref(struct router *r, struct demand *d)
{
    if (--d->refs > 0)
        return;
    (void)map_del(&r->offers.demands[d->family], d->parts, d->part_count * sizeof(*d->parts));
    bgp_offer_unref(bgp_routes(r->bgp), d->offer);
    free(d);
}

static void demand_renew(struct router *r, struct demand *d)
{
    uint64_t names = d->peer_names;
    struct bgp_offer *old = d->offer;

    d->offer = demand_offer(r, d);
    d->offer_changed = d->offer != old;
    d->peers_changed = d->peer_names != names;
    bgp_offer_unref(bgp_routes(r->bgp), old);
}

void demands_renew(struct router *r)
{
    for (size_t f = 0; f < BGP_FAMILIES; f++) {
        MAP_EACH (&r->offers.demands[f], e)
            demand_renew(r, e->value);
    }
}
