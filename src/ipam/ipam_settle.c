/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All Services until nothing changes (spec controller 1.7; plan-json "Input").
 *
 * After a restart MetalLB lets a Service choose new addresses before all others have claimed what
 * they hold, so that one may lose its address to it. Here everybody who may keep what he holds gets
 * it first: a restart moves no address.
 */
#include "ipam/ipam_int.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Two passes are usual: one that allocates, one that finds nothing to do. */
enum { MAX_PASSES = 16 };

struct turn {
    struct ipam_service *service;
    size_t rank; /* what it holds; more goes first */
};

static int turn_cmp(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    const struct meta *m = &x->service->service->meta, *n = &y->service->service->meta;
    int c;

    if (x->service->goes_first != y->service->goes_first)
        return x->service->goes_first ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    if (m->created_ns != n->created_ns)
        return m->created_ns < n->created_ns ? -1 : 1;
    c = strcmp(m->namespace, n->namespace);
    return c != 0 ? c : strcmp(m->name, n->name);
}

static bool same_verdict(const struct ipam_verdict *x, const struct ipam_verdict *y)
{
    if (x->state != y->state || x->pool != y->pool || x->addr_count != y->addr_count ||
        x->keeps_old != y->keeps_old)
        return false;
    for (size_t i = 0; i < x->addr_count; i++) {
        if (!ip_eq(x->addrs[i], y->addrs[i]))
            return false;
    }
    return true;
}

/*
 * The other events are those of the pass that changed it. Why it still waits is what the latest run
 * says: the obstacle of the first pass may be gone, and another one in its place.
 */
static void refresh_reason(struct ipam_service *s, const struct ipam_verdict *v, struct arena *a)
{
    struct ipam_verdict *old = &s->verdict;
    struct ipam_event *events;

    if (v->state != IPAM_PENDING || v->event_count == 0 || old->event_count == 0)
        return;
    events = arena_memdup(a, old->events, old->event_count * sizeof(*events));
    events[old->event_count - 1] = v->events[v->event_count - 1];
    old->events = events;
}

/* Returns whether anything changed. */
static bool take_turn(struct ipam *m, struct ipam_service *s, bool is_first, struct arena *a)
{
    struct ipam_verdict v;

    ipam_converge(m, s->service, s->held, a, &v);
    if (!is_first && same_verdict(&v, &s->verdict)) {
        s->verdict.released |= v.released;
        refresh_reason(s, &v, a);
        return v.released;
    }
    v.released |= !is_first && s->verdict.released;
    s->verdict = v;
    if (!v.keeps_old || v.addr_count > 0) {
        s->held.addrs = arena_memdup(a, v.addrs, sizeof(v.addrs));
        s->held.count = v.addr_count;
    }
    return true;
}

/* MetalLB counts ingress entries, also those that only have a hostname. */
static size_t first_rank(const struct ipam_service *s)
{
    size_t entries = s->service->service.ingress_count;

    return entries > s->held.count ? entries : s->held.count;
}

static void adopt_all(struct ipam *m, const struct turn *turns, size_t count, struct arena *a)
{
    for (size_t i = 0; i < count; i++)
        ipam_adopt_held(m, turns[i].service->service, turns[i].service->held, true, a);
    for (size_t i = 0; i < count; i++)
        ipam_adopt_held(m, turns[i].service->service, turns[i].service->held, false, a);
}

void ipam_settle(struct ipam *m, struct ipam_service *services, size_t count, struct arena *a)
{
    CLEANUP(xfreep) struct turn *turns = xcalloc(count, sizeof(*turns));
    bool changed = true;

    for (int pass = 0; pass < MAX_PASSES && changed; pass++) {
        changed = false;
        for (size_t i = 0; i < count; i++) {
            struct ipam_service *s = &services[i];

            turns[i] = (struct turn){s, pass == 0 ? first_rank(s) : s->held.count};
        }
        qsort(turns, count, sizeof(*turns), turn_cmp);
        if (pass == 0)
            adopt_all(m, turns, count, a);
        for (size_t i = 0; i < count; i++)
            changed |= take_turn(m, turns[i].service, pass == 0, a);
    }
}
