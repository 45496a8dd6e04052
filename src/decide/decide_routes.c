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

static struct service_part service_part_of(const struct decide_world *w,
                                           const struct decide_service *s,
                                           const struct bgp_verdict *v, struct map *groups,
                                           struct arena *a)
{
    struct service_part part = {0};
    struct bgp_ad *ads;

    if (v->nodes == NULL)
        return part;
    ads = decide_service_ads(s, a, &part.count);
    part.items = arena_calloc(a, part.count, sizeof(*part.items));
    for (size_t i = 0; i < part.count; i++) {
        struct prefix_group *g = group_of(groups, ads[i].prefix, a);

        enter_nodes(group_adv(g, ads[i].adv, w->cfg->nodes.count, a), v);
        part.items[i] = (struct contribution){g, ads[i].adv};
    }
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

static struct bgp_route make_route(const struct prefix_group *g, size_t node,
                                   const struct peer *peer, struct arena *a)
{
    bool ibgp = peer_is_ibgp(peer);
    struct bgp_wishes w = {0};

    for (const struct prefix_adv *pa = g->advs; pa != NULL; pa = pa->next) {
        if (bitset_has(&pa->nodes, node) && decide_adv_allows_peer(pa->adv, peer))
            bgp_wishes_add(&w, pa->adv, a);
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
