/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who brings in which prefix. For each prefix the wishes are counted, so that a change costs the
 * same however many Services an aggregate has. Only where the set of wishes becomes another one,
 * the route gets another offer.
 *
 * A wish counts as draining when all who have it do; what a peer is told is then drained when all
 * wishes behind it are.
 */
#include "speaker/router_int.h"

#include "role/loop.h"

#include <stdlib.h>
#include <string.h>

/* A wish for a prefix, by how many holders. */
struct part {
    struct wish *wish; /* a reference; NULL: the first part of a group without holders */
    uint32_t total, draining;
    struct part *next;
};

struct group {
    struct chain chain;
    uint64_t hi, lo;
    struct demand *demand; /* NULL: not settled yet */
    uint32_t changed_in;   /* offers.round when its peers were changed */
    uint8_t family, len;
    struct part first;
};

/* One prefix of one holder. */
struct bring {
    struct group *group;
    struct wish *wish; /* of the group */
};

struct holder {
    struct chain chain;
    void *id;
    uint32_t count;
    bool draining;
    struct bring brings[]; /* by prefix */
};

/* --- keys --- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t hash_id(const void *id)
{
    return mix((uintptr_t)id);
}

static uint64_t hash_prefix(uint64_t hi, uint64_t lo, uint8_t len)
{
    return mix(mix(hi) ^ lo ^ (uint64_t)len << 56);
}

static uint64_t holder_hash(const struct chain *c)
{
    return hash_id(((const struct holder *)(const void *)c)->id);
}

static uint64_t group_hash(const struct chain *c)
{
    const struct group *g = (const void *)c;

    return hash_prefix(g->hi, g->lo, g->len);
}

/* --- groups --- */

static struct prefix group_prefix(const struct group *g)
{
    return (struct prefix){{g->hi, g->lo, (enum ip_family)g->family}, g->len};
}

static struct group *group_find(const struct offers *o, struct prefix p)
{
    struct chain *c = chains_first(&o->groups, hash_prefix(p.addr.hi, p.addr.lo, p.len));

    for (; c != NULL; c = c->next) {
        if (prefix_eq(group_prefix((struct group *)(void *)c), p))
            return (struct group *)(void *)c;
    }
    return NULL;
}

static struct group *group_get(struct offers *o, struct prefix p)
{
    struct group *g = group_find(o, p);

    if (g != NULL)
        return g;
    g = xcalloc(1, sizeof(*g));
    g->hi = p.addr.hi;
    g->lo = p.addr.lo;
    g->family = (uint8_t)p.addr.family;
    g->len = p.len;
    chains_add(&o->groups, &g->chain);
    return g;
}

/* The part with that wish. A reference of the wish comes in: the group keeps it, or gives it back
 * when it has one. */
static struct part *part_get(struct offers *o, struct group *g, struct wish *wish_take)
{
    struct part *p;

    if (g->first.wish == NULL) {
        g->first.wish = wish_take;
        return &g->first;
    }
    for (p = &g->first; p != NULL; p = p->next) {
        if (p->wish != wish_take)
            continue;
        wish_unref(o, wish_take);
        return p;
    }
    p = xcalloc(1, sizeof(*p));
    p->wish = wish_take;
    p->next = g->first.next;
    g->first.next = p;
    return p;
}

/* The first part has its place inside the group: the next one moves in. */
static void part_end(struct offers *o, struct group *g, struct part *p)
{
    struct part **at = &g->first.next, *gone = p;

    wish_unref(o, p->wish);
    if (p == &g->first && p->next == NULL) {
        *p = (struct part){0};
        return;
    }
    if (p == &g->first) {
        gone = p->next;
        *p = *gone;
    } else {
        while (*at != p)
            at = &(*at)->next;
        *at = p->next;
    }
    free(gone);
}

static void group_leave(struct offers *o, struct bring *b, bool draining)
{
    struct part *p = &b->group->first;

    while (p->wish != b->wish)
        p = p->next;
    p->total--;
    p->draining -= draining;
    if (p->total == 0)
        part_end(o, b->group, p);
}

static int demand_part_cmp(const void *x, const void *y)
{
    const struct demand_part *a = x, *b = y;

    return ((uintptr_t)a->wish > (uintptr_t)b->wish) - ((uintptr_t)a->wish < (uintptr_t)b->wish);
}

static struct demand *group_demand(struct router *r, struct group *g)
{
    struct offers *o = &r->offers;
    size_t n = 0;

    for (const struct part *p = &g->first; p != NULL; p = p->next) {
        o->parts = array_grow(o->parts, &o->part_cap, n + 1, sizeof(*o->parts));
        o->parts[n++] = (struct demand_part){p->wish, p->draining == p->total};
    }
    if (n > 1)
        qsort(o->parts, n, sizeof(*o->parts), demand_part_cmp);
    return demand_get(r, group_prefix(g), o->parts, n);
}

static void group_end(struct router *r, struct group *g)
{
    bgp_rib_del(bgp_routes(r->bgp), group_prefix(g));
    bgp_routes_changed(r->bgp);
    demand_unref(r, g->demand);
    chains_del(&r->offers.groups, &g->chain);
    free(g);
}

static void group_peers_changed(struct router *r, struct group *g)
{
    g->changed_in = r->offers.round;
    event_active(&r->offers.tell, EV_TIMEOUT, 0);
}

/* The route becomes what the holders ask for by now; without holders the group is freed. */
static void group_settle(struct router *r, struct group *g)
{
    struct demand *old = g->demand, *d;

    if (g->first.wish == NULL) {
        group_end(r, g);
        return;
    }
    d = group_demand(r, g);
    g->demand = d;
    if (d != old) {
        bgp_rib_put(bgp_routes(r->bgp), group_prefix(g), d->offer);
        bgp_routes_changed(r->bgp);
    }
    if (old == NULL)
        return;
    if (old->peer_names != d->peer_names)
        group_peers_changed(r, g);
    demand_unref(r, old);
}

/* --- holders --- */

static struct holder *holder_find(const struct offers *o, const void *id)
{
    struct chain *c = chains_first(&o->holders, hash_id(id));

    while (c != NULL && ((struct holder *)(void *)c)->id != id)
        c = c->next;
    return (struct holder *)(void *)c;
}

static struct holder *holder_new(struct offers *o, void *id, const struct bgp_ad *ads, size_t count)
{
    struct holder *h = xcalloc(1, sizeof(*h) + count * sizeof(h->brings[0]));

    h->id = id;
    h->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        h->brings[i].group = group_get(o, ads[i].prefix);
        h->brings[i].wish = wish_get(o, ads[i].adv);
    }
    return h;
}

static void holder_join(struct offers *o, struct holder *h, bool draining)
{
    h->draining = draining;
    for (size_t i = 0; i < h->count; i++) {
        struct part *p = part_get(o, h->brings[i].group, h->brings[i].wish);

        p->total++;
        p->draining += draining;
    }
    chains_add(&o->holders, &h->chain);
}

static void holder_leave(struct offers *o, struct holder *h)
{
    chains_del(&o->holders, &h->chain);
    for (size_t i = 0; i < h->count; i++)
        group_leave(o, &h->brings[i], h->draining);
}

/* Each group once: those of one prefix are neighbours, and a group without holders goes. */
static void holder_settle(struct router *r, struct holder *h)
{
    struct group *last = NULL;

    for (size_t i = 0; i < h->count; i++) {
        struct group *g = h->brings[i].group;

        if (g == last)
            continue;
        last = g;
        group_settle(r, g);
    }
}

static struct peer_set holder_peer_set(const struct holder *h)
{
    struct peer_set s = {0};

    for (size_t i = 0; h != NULL && i < h->count; i++) {
        for (size_t w = 0; w < ARRAY_SIZE(s.words); w++)
            s.words[w] |= h->brings[i].group->demand->peers.words[w];
    }
    return s;
}

static void holder_report(struct router *r, void *id)
{
    if (r->options.holder_changed != NULL)
        r->options.holder_changed(r->options.arg, id);
}

static void report_difference(struct router *r, void *id, const struct peer_set *before,
                              const struct peer_set *after)
{
    if (memcmp(before, after, sizeof(*before)) != 0)
        holder_report(r, id);
}

/* New prefixes come before old ones go: what stays the same does not move. */
void router_put(struct router *r, void *id, const struct bgp_ad *ads, size_t count, bool draining)
{
    struct offers *o = &r->offers;
    struct holder *old = holder_find(o, id), *h;
    struct peer_set before = holder_peer_set(old), after;

    if (count == 0) {
        router_drop(r, id);
        return;
    }
    h = holder_new(o, id, ads, count);
    holder_join(o, h, draining);
    if (old != NULL)
        holder_leave(o, old);
    holder_settle(r, h);
    if (old != NULL)
        holder_settle(r, old);
    free(old);
    after = holder_peer_set(h);
    report_difference(r, id, &before, &after);
}

void router_drop(struct router *r, void *id)
{
    struct holder *h = holder_find(&r->offers, id);
    struct peer_set before = holder_peer_set(h), none = {0};

    if (h == NULL)
        return;
    holder_leave(&r->offers, h);
    holder_settle(r, h);
    free(h);
    report_difference(r, id, &before, &none);
}

/* --- when others have changed the peers of a prefix --- */

static bool holder_is_concerned(const struct holder *h, uint32_t round)
{
    for (size_t i = 0; i < h->count; i++) {
        if (h->brings[i].group->changed_in == round)
            return true;
    }
    return false;
}

/* All holders are asked, once for whatever has happened in this turn: so none needs to be listed
 * with its prefixes. */
static void on_tell(evutil_socket_t fd, short what, void *arg)
{
    struct router *r = arg;
    uint32_t round = r->offers.round++;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < r->offers.holders.size; i++) {
        for (struct chain *c = r->offers.holders.heads[i]; c != NULL; c = c->next) {
            struct holder *h = (void *)c;

            if (holder_is_concerned(h, round))
                holder_report(r, h->id);
        }
    }
}

void offers_renew(struct router *r)
{
    struct chains *groups = &r->offers.groups;

    demands_renew(r);
    for (size_t i = 0; i < groups->size; i++) {
        for (struct chain *c = groups->heads[i]; c != NULL; c = c->next) {
            struct group *g = (void *)c;

            if (g->demand->offer_changed)
                bgp_rib_put(bgp_routes(r->bgp), group_prefix(g), g->demand->offer);
            if (g->demand->peers_changed)
                group_peers_changed(r, g);
        }
    }
    bgp_routes_changed(r->bgp);
}

/* --- questions --- */

struct string_list router_holder_peers(const struct router *r, const void *id, struct arena *a)
{
    const struct holder *h = holder_find(&r->offers, id);
    struct peer_set s = holder_peer_set(h);
    struct string_list names = {.items = arena_calloc(a, r->peer_count, sizeof(*names.items))};

    for (size_t i = 0; i < r->peer_count; i++) {
        if (s.words[i / 64] >> i % 64 & 1)
            names.items[names.count++] = arena_strdup(a, r->peers[i]->cfg->name);
    }
    return names;
}

void router_each_route(const struct router *r, struct prefix p, router_route_fn fn, void *arg)
{
    const struct group *g = group_find(&r->offers, p);
    const struct bgp_rib *rib = bgp_routes(r->bgp);

    for (size_t i = 0; g != NULL && i < r->peer_count; i++) {
        struct router_route_view v = {.prefix = p, .peer = r->peers[i]->cfg->name};

        if (!(g->demand->peers.words[i / 64] >> i % 64 & 1))
            continue;
        v.state = bgp_rib_peer_route(rib, (uint32_t)r->peers[i]->id, p, &v.attrs);
        fn(arg, &v);
    }
}

/* --- life --- */

void offers_init(struct router *r)
{
    struct offers *o = &r->offers;

    o->groups.hash = group_hash;
    o->holders.hash = holder_hash;
    o->round = 1;
    event_assign(&o->tell, r->options.base, -1, 0, on_tell, r);
    event_priority_set(&o->tell, LOOP_PRIORITY_WORK);
}

void offers_done(struct router *r)
{
    struct offers *o = &r->offers;

    event_del(&o->tell);
    for (size_t i = 0; i < o->holders.size; i++) {
        while (o->holders.heads[i] != NULL) {
            struct holder *h = (void *)o->holders.heads[i];

            holder_leave(o, h);
            holder_settle(r, h);
            free(h);
        }
    }
    chains_done(&o->holders);
    chains_done(&o->groups);
    free(o->parts);
    map_done(&o->wishes);
    for (size_t f = 0; f < BGP_FAMILIES; f++)
        map_done(&o->demands[f]);
}
