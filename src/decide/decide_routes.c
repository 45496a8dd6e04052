/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BGP: which node sends which route to which peer (spec speaker-bgp C25 to C27, C33).
 *
 * Services meet in a prefix when they share an address or are aggregated. What a route carries
 * depends only on the advertisements behind it, so the table keeps, for each prefix, the
 * advertisements and the nodes on which some Service brings each of them in. The size of the table
 * is that of the configuration and the Services, never nodes times peers times Services: routes are
 * made when they are asked for.
 */
#include "decide/decide_int.h"

#include "base/map.h"

#include <stdlib.h>

/* A prefix as map key: every byte is significant, there is no padding. */
struct prefix_key {
    uint64_t hi, lo;
    uint32_t family, len;
};

/* One advertisement of one prefix, and where it is in force. */
struct prefix_adv {
    struct prefix_adv *next;
    const struct bgp_adv *adv;
    struct bitset nodes;
};

struct prefix_group {
    struct prefix_key key;
    struct prefix prefix;
    struct prefix_adv *advs; /* their order decides nothing */
};

/* That a Service brings an advertisement into a prefix. */
struct contribution {
    struct prefix_group *group;
    const struct bgp_adv *adv;
};

struct service_part {
    struct contribution *items; /* sorted by prefix: those of one group are neighbours */
    size_t count;
};

struct route_table {
    const struct decide_world *w;
    const struct bgp_verdict *verdicts;
    struct service_part *parts; /* by index of the Service */
};

bool decide_adv_allows_peer(const struct bgp_adv *adv, const struct peer *peer)
{
    return adv->peers.count == 0 || string_list_has(&adv->peers, peer->name);
}

static struct prefix aggregate(const struct bgp_adv *adv, struct ip addr)
{
    return prefix_of(addr,
                     addr.family == IP_V4 ? adv->aggregation_length : adv->aggregation_length_v6);
}

static struct prefix_group *group_of(struct map *groups, struct prefix p, struct arena *a)
{
    struct prefix_key key = {p.addr.hi, p.addr.lo, p.addr.family, p.len};
    struct prefix_group *g = map_find(groups, &key, sizeof(key));

    if (g != NULL)
        return g;
    g = arena_alloc(a, sizeof(*g));
    g->key = key;
    g->prefix = p;
    (void)map_put(groups, &g->key, sizeof(g->key), g); /* new: there is no old value */
    return g;
}

static struct prefix_adv *group_adv(struct prefix_group *g, const struct bgp_adv *adv,
                                    size_t node_count, struct arena *a)
{
    struct prefix_adv *pa = g->advs;

    while (pa != NULL && pa->adv != adv)
        pa = pa->next;
    if (pa != NULL)
        return pa;
    pa = arena_alloc(a, sizeof(*pa));
    *pa = (struct prefix_adv){g->advs, adv, bitset_new(a, node_count)};
    g->advs = pa;
    return pa;
}

static void enter_nodes(struct prefix_adv *pa, const struct bgp_verdict *v)
{
    for (size_t i = 0; i < pa->nodes.size; i++) {
        if (v->nodes[i].reason == BGP_OK && bitset_has(&pa->adv->nodes, i))
            bitset_add(&pa->nodes, i);
    }
}

static int contribution_cmp(const void *x, const void *y)
{
    const struct contribution *a = x, *b = y;

    return prefix_cmp(a->group->prefix, b->group->prefix);
}

static struct service_part service_part_of(const struct decide_world *w,
                                           const struct decide_service *s,
                                           const struct bgp_verdict *v, struct map *groups,
                                           struct arena *a)
{
    struct service_part part = {0};
    const struct bgp_adv *const *advs;
    size_t adv_count;

    if (v->nodes == NULL)
        return part;
    advs = decide_bgp_covering(s, a, &adv_count);
    part.items = arena_calloc(a, adv_count * s->addr_count, sizeof(*part.items));
    for (size_t i = 0; i < s->addr_count; i++) {
        for (size_t k = 0; k < adv_count; k++) {
            struct prefix_group *g = group_of(groups, aggregate(advs[k], s->addrs[i]), a);

            enter_nodes(group_adv(g, advs[k], w->cfg->nodes.count, a), v);
            part.items[part.count++] = (struct contribution){g, advs[k]};
        }
    }
    if (part.count > 1)
        qsort(part.items, part.count, sizeof(*part.items), contribution_cmp);
    return part;
}

struct route_table *route_table_new(const struct decide_world *w,
                                    const struct decide_service *services,
                                    const struct bgp_verdict *verdicts, size_t count,
                                    struct arena *a)
{
    CLEANUP(map_done) struct map groups = {0}; /* only the way in; parts point to the groups */
    struct route_table *t = arena_alloc(a, sizeof(*t));

    t->w = w;
    t->verdicts = verdicts;
    t->parts = arena_calloc(a, count, sizeof(*t->parts));
    for (size_t i = 0; i < count; i++)
        t->parts[i] = service_part_of(w, &services[i], &verdicts[i], &groups, a);
    return t;
}

/* --- one route --- */

/* What the advertisements behind one route ask for. */
struct wishes {
    bool any, local_prefs_differ, prepends_differ;
    uint32_t first_local_pref, local_pref;
    uint8_t first_prepend, prepend;
    const struct bgp_community *communities;
    size_t community_count;
};

static const struct bgp_community *community_union(const struct wishes *w,
                                                   const struct bgp_adv *adv, struct arena *a,
                                                   size_t *ret_count)
{
    const struct bgp_community *x = w->communities, *y = adv->communities;
    const struct bgp_community *x_end = x + w->community_count, *y_end = y + adv->community_count;
    struct bgp_community *merged =
        arena_calloc(a, w->community_count + adv->community_count, sizeof(*merged));
    size_t n = 0;

    while (x < x_end && y < y_end) {
        int c = bgp_community_cmp(*x, *y);

        merged[n++] = c <= 0 ? *x : *y;
        x += c <= 0;
        y += c >= 0;
    }
    while (x < x_end)
        merged[n++] = *x++;
    while (y < y_end)
        merged[n++] = *y++;
    *ret_count = n;
    return merged;
}

static void add_communities(struct wishes *w, const struct bgp_adv *adv, struct arena *a)
{
    if (adv->community_count == 0)
        return;
    if (w->community_count == 0) {
        w->communities = adv->communities;
        w->community_count = adv->community_count;
        return;
    }
    w->communities = community_union(w, adv, a, &w->community_count);
}

/* The highest local preference; the smallest prepend of those that ask for one (spec speaker-bgp
 * 0.1, changes-0.16.2 1.4). */
static void add_wishes(struct wishes *w, const struct bgp_adv *adv, struct arena *a)
{
    if (!w->any) {
        w->any = true;
        w->first_local_pref = adv->local_pref;
        w->first_prepend = adv->as_path_prepend;
    }
    w->local_prefs_differ |= adv->local_pref != w->first_local_pref;
    w->prepends_differ |= adv->as_path_prepend != w->first_prepend;
    if (adv->local_pref > w->local_pref)
        w->local_pref = adv->local_pref;
    if (adv->as_path_prepend > 0 && (w->prepend == 0 || adv->as_path_prepend < w->prepend))
        w->prepend = adv->as_path_prepend;
    add_communities(w, adv, a);
}

static struct bgp_route make_route(const struct prefix_group *g, size_t node,
                                   const struct peer *peer, struct arena *a)
{
    bool ibgp = peer_is_ibgp(peer);
    struct wishes w = {0};

    for (const struct prefix_adv *pa = g->advs; pa != NULL; pa = pa->next) {
        if (bitset_has(&pa->nodes, node) && decide_adv_allows_peer(pa->adv, peer))
            add_wishes(&w, pa->adv, a);
    }
    /* LOCAL_PREF never crosses an AS border; prepending the own AS inside it makes a loop. */
    return (struct bgp_route){
        .node = node,
        .peer = peer,
        .prefix = g->prefix,
        .local_pref = ibgp ? w.local_pref : 0,
        .as_path_prepend = ibgp ? 0 : w.prepend,
        .communities = w.communities,
        .community_count = w.community_count,
        .local_pref_ignored = !ibgp && w.local_pref != 0,
        .as_path_prepend_ignored = ibgp && w.prepend != 0,
        .values_differ = ibgp ? w.local_prefs_differ : w.prepends_differ,
    };
}

/* --- the routes of one Service --- */

struct route_list {
    struct bgp_route *items;
    size_t count, cap;
};

static void route_list_done(struct route_list *list)
{
    free(list->items);
}

/* The contributions that share the group of the first one. */
static size_t run_len(const struct service_part *part, size_t from)
{
    size_t n = 1;

    while (from + n < part->count && part->items[from + n].group == part->items[from].group)
        n++;
    return n;
}

static bool run_reaches(const struct contribution *run, size_t len, size_t node,
                        const struct peer *peer)
{
    for (size_t i = 0; i < len; i++) {
        if (bitset_has(&run[i].adv->nodes, node) && decide_adv_allows_peer(run[i].adv, peer))
            return true;
    }
    return false;
}

static void add_routes(struct route_list *list, const struct service_part *part, size_t node,
                       const struct peer *peer, struct arena *a)
{
    for (size_t i = 0, len; i < part->count; i += len) {
        const struct prefix_group *g = part->items[i].group;

        len = run_len(part, i);
        if (!peer_carries(peer, g->prefix.addr.family) ||
            !run_reaches(&part->items[i], len, node, peer))
            continue;
        list->items = array_grow(list->items, &list->cap, list->count + 1, sizeof(*list->items));
        list->items[list->count++] = make_route(g, node, peer, a);
    }
}

struct bgp_route *route_table_of(const struct route_table *t, size_t service, struct arena *a,
                                 size_t *ret_count)
{
    CLEANUP(route_list_done) struct route_list list = {0};
    const struct service_part *part = &t->parts[service];
    const struct snapshot *cfg = t->w->cfg;

    /* Nodes and peers are sorted in the snapshot, contributions by prefix: so is what comes out. */
    for (size_t n = 0; part->count > 0 && n < cfg->nodes.count; n++) {
        if (t->verdicts[service].nodes[n].reason != BGP_OK)
            continue;
        for (size_t p = 0; p < cfg->peer_count; p++) {
            if (bitset_has(&cfg->peers[p].nodes, n))
                add_routes(&list, part, n, &cfg->peers[p], a);
        }
    }
    *ret_count = list.count;
    return arena_memdup(a, list.items, list.count * sizeof(*list.items));
}
