/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff.h"

#include "cli/view.h"

#include <stdlib.h>
#include <string.h>

/* --- Services --- */

/* What a Service has in a set that does not hold it. */
static const struct ipam_verdict nothing;

static bool holds(const struct ipam_verdict *v, struct ip address)
{
    for (size_t i = 0; i < v->addr_count; i++) {
        if (ip_eq(v->addrs[i], address))
            return true;
    }
    return false;
}

static bool holds_all(const struct ipam_verdict *v, const struct ipam_verdict *of)
{
    for (size_t i = 0; i < of->addr_count; i++) {
        if (!holds(v, of->addrs[i]))
            return false;
    }
    return true;
}

static bool is_still_load_balancer(const struct diff *d, const struct meta *m)
{
    const struct object *o = store_find(d->new->manifest.store, OBJ_SERVICE, m->namespace, m->name);

    return o != NULL && str_eq(o->service.type, "LoadBalancer");
}

/* NULL: that set does not hold the Service. */
static void compare_addresses(struct diff *d, const struct ipam_service *old,
                              const struct ipam_service *new)
{
    const struct meta *m = old != NULL ? &old->service->meta : &new->service->meta;
    const struct ipam_verdict *from = old != NULL ? &old->verdict : &nothing;
    const struct ipam_verdict *to = new != NULL ? &new->verdict : &nothing;
    bool kept = holds_all(to, from);

    if (kept && from->addr_count == to->addr_count)
        return;
    if (!kept && is_still_load_balancer(d, m))
        d->disturbs = true;
    d->addresses =
        array_grow(d->addresses, &d->address_cap, d->address_count + 1, sizeof(*d->addresses));
    d->addresses[d->address_count++] = (struct address_change){
        .namespace = m->namespace,
        .name = m->name,
        .from = from->addrs,
        .from_count = from->addr_count,
        .to = to->addrs,
        .to_count = to->addr_count,
    };
}

static const char *owner_of(const struct evaluation *e, size_t i)
{
    const struct l2_verdict *v = &e->l2[i];

    return v->eligible_count > 0 ? e->cfg->nodes.items[v->candidates[0].node] : NULL;
}

static void compare_owners(struct diff *d, size_t i, size_t k)
{
    const struct evaluation *old = d->old->evaluation, *new = d->new->evaluation;
    const struct ipam_service *s = &new->allocations[k];
    const char *from = owner_of(old, i), *to = owner_of(new, k);

    if (str_eq(from, to))
        return;
    for (size_t n = 0; n < s->verdict.addr_count; n++) {
        if (!holds(&old->allocations[i].verdict, s->verdict.addrs[n]))
            continue;
        d->owners = array_grow(d->owners, &d->owner_cap, d->owner_count + 1, sizeof(*d->owners));
        d->owners[d->owner_count++] = (struct owner_change){
            .namespace = s->service->meta.namespace,
            .name = s->service->meta.name,
            .address = s->verdict.addrs[n],
            .from = from,
            .to = to,
        };
    }
}

static int allocation_cmp(const struct ipam_service *a, const struct ipam_service *b)
{
    const struct meta *x = &a->service->meta, *y = &b->service->meta;
    int c = strcmp(x->namespace, y->namespace);

    return c != 0 ? c : strcmp(x->name, y->name);
}

static void compare_services(struct diff *d)
{
    const struct evaluation *old = d->old->evaluation, *new = d->new->evaluation;
    size_t i = 0, k = 0;

    while (i < old->count || k < new->count) {
        int c = i == old->count   ? 1
                : k == new->count ? -1
                                  : allocation_cmp(&old->allocations[i], &new->allocations[k]);

        if (c < 0) {
            compare_addresses(d, &old->allocations[i++], NULL);
        } else if (c > 0) {
            compare_addresses(d, NULL, &new->allocations[k++]);
        } else {
            compare_addresses(d, &old->allocations[i], &new->allocations[k]);
            compare_owners(d, i++, k++);
        }
    }
}

/* --- routes --- */

struct wire_route {
    const char *node;
    const struct bgp_route *route;
};

struct wire_routes {
    struct wire_route *items;
    size_t count, cap;
};

static int wire_route_cmp(const void *x, const void *y)
{
    const struct wire_route *a = x, *b = y;
    int c = strcmp(a->node, b->node);

    if (c == 0)
        c = strcmp(a->route->peer->name, b->route->peer->name);
    return c != 0 ? c : prefix_cmp(a->route->prefix, b->route->prefix);
}

/* All routes of one evaluation, each once: Services that share a prefix share a route. */
static struct wire_routes wire_routes_of(const struct evaluation *e, struct arena *a)
{
    struct wire_routes all = {0};
    size_t kept = 0;

    for (size_t i = 0; i < e->count; i++) {
        size_t n = 0;
        const struct bgp_route *routes;

        if (e->services[i].addr_count == 0)
            continue;
        routes = route_table_of(e->routes, i, a, &n);
        all.items = array_grow(all.items, &all.cap, all.count + n, sizeof(*all.items));
        for (size_t k = 0; k < n; k++)
            all.items[all.count++] =
                (struct wire_route){e->cfg->nodes.items[routes[k].node], &routes[k]};
    }
    if (all.count > 0)
        qsort(all.items, all.count, sizeof(*all.items), wire_route_cmp);
    for (size_t i = 0; i < all.count; i++) {
        if (kept == 0 || wire_route_cmp(&all.items[kept - 1], &all.items[i]) != 0)
            all.items[kept++] = all.items[i];
    }
    all.count = kept;
    return all;
}

static void add_route_change(struct diff *d, const char *node, const struct bgp_route *from,
                             const struct bgp_route *to)
{
    d->routes = array_grow(d->routes, &d->route_cap, d->route_count + 1, sizeof(*d->routes));
    d->routes[d->route_count++] = (struct route_change){node, from, to};
}

static void compare_routes(struct diff *d)
{
    struct wire_routes old = wire_routes_of(d->old->evaluation, d->arena);
    struct wire_routes new = wire_routes_of(d->new->evaluation, d->arena);
    size_t i = 0, k = 0;

    while (i < old.count || k < new.count) {
        int c = i == old.count   ? 1
                : k == new.count ? -1
                                 : wire_route_cmp(&old.items[i], &new.items[k]);
        const struct bgp_route *from = c <= 0 ? old.items[i].route : NULL;
        const struct bgp_route *to = c >= 0 ? new.items[k].route : NULL;

        if (c != 0 || !view_same_attributes(from, to))
            add_route_change(d, c <= 0 ? old.items[i].node : new.items[k].node, from, to);
        i += c <= 0;
        k += c >= 0;
    }
    free(old.items);
    free(new.items);
}

void diff_compute(struct diff *ret, const struct input *old, const struct input *new)
{
    struct diff d = {.arena = arena_new(), .old = old, .new = new};

    d.comparable = old->evaluation->cfg != NULL && new->evaluation->cfg != NULL;
    if (d.comparable) {
        compare_services(&d);
        compare_routes(&d);
    }
    *ret = d;
}

void diff_done(struct diff *d)
{
    free(d->addresses);
    free(d->owners);
    free(d->routes);
    arena_free(d->arena);
    *d = (struct diff){0};
}
