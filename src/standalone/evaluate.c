/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/evaluate.h"

#include "base/text.h"
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

static bool wants_address(const struct object *o, const struct evaluation_options *options)
{
    return str_eq(o->service.type, "LoadBalancer") &&
           ipam_class_is_ours(&o->service, options->lb_class);
}

static struct ipam_held held_in(const struct evaluation *e, const struct object *o, struct arena *a)
{
    int i = evaluation_find(e, o->meta.namespace, o->meta.name);
    const struct ipam_verdict *v = i >= 0 ? &e->allocations[i].verdict : NULL;

    if (v == NULL || v->addr_count == 0)
        return (struct ipam_held){0};
    return (struct ipam_held){
        .addrs = arena_memdup(a, v->addrs, v->addr_count * sizeof(v->addrs[0])),
        .count = v->addr_count,
    };
}

static bool same_held(const struct ipam_held *x, const struct ipam_held *y)
{
    if (x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++) {
        if (!ip_eq(x->addrs[i], y->addrs[i]))
            return false;
    }
    return true;
}

/*
 * A status can claim any address, for instance that of the Service whose manifest was copied. What
 * is pinned or in force goes before such a claim.
 */
static void settle_claim(struct ipam_service *s, const struct evaluation_options *options,
                         struct arena *a)
{
    struct ipam_held in_force = {0};

    if (options->held_from != NULL)
        in_force = held_in(options->held_from, s->service, a);
    s->held = ipam_held_from_status(&s->service->service, a);
    if (s->held.count == 0)
        s->held = in_force;
    s->goes_first =
        s->held.count > 0 && (s->service->service.is_pinned || same_held(&s->held, &in_force));
}

static void collect_services(struct evaluation *e, struct store *store,
                             const struct evaluation_options *options)
{
    struct object_list all = store_list(store, OBJ_SERVICE);

    e->allocations = arena_calloc(e->arena, all.count, sizeof(*e->allocations));
    for (size_t i = 0; i < all.count; i++) {
        struct ipam_service *s = &e->allocations[e->count];

        if (!wants_address(all.items[i], options))
            continue;
        s->service = all.items[i];
        settle_claim(s, options, e->arena);
        e->count++;
    }
}

/* A bad configuration replaces nothing: what a status holds stays. */
static void keep_held_addresses(struct evaluation *e)
{
    for (size_t i = 0; i < e->count; i++) {
        struct ipam_service *s = &e->allocations[i];

        s->verdict.state = IPAM_PENDING;
        for (size_t k = 0; k < s->held.count && s->verdict.addr_count < IPAM_MAX_ADDRS; k++) {
            if (s->held.addrs[k].family == IP_NONE)
                continue;
            s->verdict.state = IPAM_ASSIGNED;
            s->verdict.addrs[s->verdict.addr_count++] = s->held.addrs[k];
        }
    }
}

static void add_known(struct evaluation *e, const struct evaluation_options *options)
{
    struct decide_node *nodes =
        arena_memdup(e->arena, e->world.nodes, e->cfg->nodes.count * sizeof(*e->world.nodes));

    for (size_t i = 0; i < e->cfg->nodes.count; i++)
        options->node_known(options->arg, e->cfg->nodes.items[i], &nodes[i], e->arena);
    e->world.nodes = nodes;
}

static void decide_all(struct evaluation *e, struct store *store)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct ipam_verdict *v = &e->allocations[i].verdict;
        const struct object *o = e->allocations[i].service;

        e->services[i] = (struct decide_service){
            .service = o,
            .slices = store_slices(store, o->meta.namespace, o->meta.name),
            .pool = v->pool,
            .addrs = v->addrs,
            .addr_count = v->addr_count,
        };
        if (v->addr_count == 0)
            continue;
        decide_l2(&e->world, &e->services[i], e->arena, &e->l2[i]);
        decide_bgp(&e->world, &e->services[i], e->arena, &e->bgp[i]);
    }
    e->routes = route_table_new(&e->world, e->services, e->bgp, e->count, e->arena);
}

/* What a Service wished for and what its routes carry; each kind of difference is told once. */
struct wish_report {
    const char *peer_local_pref, *peer_prepend;
    bool values_differ;
};

static struct wish_report report_wishes(const struct bgp_route *routes, size_t count)
{
    struct wish_report report = {0};

    for (size_t i = 0; i < count; i++) {
        if (routes[i].local_pref_ignored && report.peer_local_pref == NULL)
            report.peer_local_pref = routes[i].peer->name;
        if (routes[i].as_path_prepend_ignored && report.peer_prepend == NULL)
            report.peer_prepend = routes[i].peer->name;
        report.values_differ = report.values_differ || routes[i].values_differ;
    }
    return report;
}

static void warn_about_wishes(struct evaluation *e, const struct object *o,
                              const struct bgp_route *routes, size_t count)
{
    struct wish_report report = report_wishes(routes, count);

    if (report.peer_local_pref != NULL)
        fault_add(&e->warnings, o,
                  "localPref has no effect on the eBGP session with peer %s: LOCAL_PREF is sent on "
                  "iBGP sessions only",
                  report.peer_local_pref);
    if (report.peer_prepend != NULL)
        fault_add(
            &e->warnings, o,
            "asPathPrepend has no effect on the iBGP session with peer %s: a router would drop "
            "the route as looped",
            report.peer_prepend);
    if (report.values_differ)
        fault_add(
            &e->warnings, o,
            "Services that share a prefix wish for different values: the highest localPref and "
            "the smallest asPathPrepend are sent");
}

static void warn_about_service(struct evaluation *e, size_t i)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new();
    const struct object *o = e->services[i].service;
    const char *missing;
    struct bgp_route *routes;
    size_t count;

    routes = route_table_of(e->routes, i, scratch, &count);
    warn_about_wishes(e, o, routes, count);
    missing =
        decide_missing_link(&e->world, &e->services[i], &e->l2[i], &e->bgp[i], count, scratch);
    if (missing != NULL)
        fault_add(&e->warnings, o, "%s", missing);
}

struct evaluation *evaluation_new(struct store *store, const struct evaluation_options *options,
                                  struct fault_list *faults, struct fault_list *warnings)
{
    struct evaluation *e = xcalloc(1, sizeof(*e));
    struct config_input input = config_input_from(store, options->namespace);
    int r;

    e->arena = arena_new();
    fault_move_all(&e->faults, faults);
    fault_move_all(&e->warnings, warnings);
    e->read_warnings = e->warnings.count;
    e->ipam = ipam_new();
    collect_services(e, store, options);
    e->services = arena_calloc(e->arena, e->count, sizeof(*e->services));
    e->l2 = arena_calloc(e->arena, e->count, sizeof(*e->l2));
    e->bgp = arena_calloc(e->arena, e->count, sizeof(*e->bgp));

    r = config_build(&e->cfg, &input, &e->faults, &e->warnings);
    if (r < 0 || e->faults.count > 0) {
        e->cfg = snapshot_unref(e->cfg);
        keep_held_addresses(e);
        return e;
    }
    ipam_set_snapshot(e->ipam, e->cfg);
    ipam_settle(e->ipam, e->allocations, e->count, e->arena);
    e->world = decide_world_from(store, e->cfg, options->namespace, e->arena);
    e->world.ignore_exclude_lb = options->ignore_exclude_lb;
    if (options->node_known != NULL)
        add_known(e, options);
    decide_all(e, store);
    for (size_t i = 0; i < e->count; i++) {
        if (e->services[i].addr_count > 0)
            warn_about_service(e, i);
    }
    return e;
}

struct evaluation *evaluation_again(const struct evaluation *old, struct store *store,
                                    const struct evaluation_options *options)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0}, warnings = {0};

    for (size_t i = 0; i < old->read_warnings; i++) {
        const struct fault *f = &old->warnings.items[i];

        fault_add_named(&warnings, f->kind, f->namespace, f->name, "%s", f->message);
    }
    return evaluation_new(store, options, &faults, &warnings);
}

struct evaluation *evaluation_free(struct evaluation *e)
{
    if (e == NULL)
        return NULL;
    ipam_free(e->ipam);
    snapshot_unref(e->cfg);
    fault_list_done(&e->faults);
    fault_list_done(&e->warnings);
    arena_free(e->arena);
    free(e);
    return NULL;
}

int evaluation_find(const struct evaluation *e, const char *namespace, const char *name)
{
    size_t low = 0, high = e->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct meta *m = &e->allocations[mid].service->meta;
        int c = strcmp(namespace, m->namespace);

        if (c == 0)
            c = strcmp(name, m->name);
        if (c == 0)
            return (int)mid;
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return -1;
}
