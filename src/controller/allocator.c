/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/allocator.h"

#include "base/hash.h"
#include "base/map.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* A Service that could gain when others give something up, or whose last events were complaints. */
struct waiter {
    uint64_t told; /* hash of those events */
    char key[];    /* "namespace/name" */
};

struct allocator {
    struct allocator_options options;
    struct ipam *ipam;
    struct map waiters;
    bool has_snapshot, pass_due, wake_due;
};

struct allocator *allocator_new(const struct allocator_options *options)
{
    struct allocator *a = xcalloc(1, sizeof(*a));

    a->options = *options;
    a->ipam = ipam_new();
    return a;
}

struct allocator *allocator_free(struct allocator *a)
{
    if (a == NULL)
        return NULL;
    MAP_EACH (&a->waiters, e)
        free(e->value);
    map_done(&a->waiters);
    ipam_free(a->ipam);
    free(a);
    return NULL;
}

const struct ipam *allocator_ipam(const struct allocator *a)
{
    return a->ipam;
}

/* ---- those who wait ---- */

static struct waiter *waiter_get(struct allocator *a, const char *key)
{
    struct waiter *w = map_find_str(&a->waiters, key);
    size_t size = strlen(key) + 1;

    if (w == NULL) {
        w = xcalloc(1, sizeof(*w) + size);
        memcpy(w->key, key, size);
        map_put_str(&a->waiters, w->key, w);
    }
    return w;
}

static void waiter_del(struct allocator *a, const char *key)
{
    free(map_del_str(&a->waiters, key));
}

static bool is_complaint(enum ipam_event_kind kind)
{
    return kind != IPAM_EVENT_ALLOCATED && kind != IPAM_EVENT_ADDITIONAL_ALLOCATED;
}

static size_t count_complaints(const struct ipam_verdict *v)
{
    size_t count = 0;

    for (size_t i = 0; i < v->event_count; i++)
        count += is_complaint(v->events[i].kind);
    return count;
}

static uint64_t hash_of_events(const struct ipam_verdict *v)
{
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < v->event_count; i++) {
        text_printf(&t, "%d ", v->events[i].kind);
        ipam_event_text(&t, &v->events[i]);
    }
    return hash_text(HASH_START, text_str(&t));
}

/* One that waits for an address, or for a second family. */
static bool could_gain(const struct object *o, const struct ipam_verdict *v)
{
    return v->state == IPAM_PENDING ||
           (v->addr_count == 1 && str_eq(o->service.ip_family_policy, "PreferDualStack"));
}

/* Remembers whether the Service waits. Returns whether its events are other ones than before. */
static bool note(struct allocator *a, const struct object *o, const struct ipam_verdict *v)
{
    CLEANUP(xfreep) char *key = xasprintf("%s/%s", o->meta.namespace, o->meta.name);
    size_t complaints = count_complaints(v);
    struct waiter *w;
    uint64_t told;
    bool is_news;

    if (!could_gain(o, v) && complaints == 0) {
        waiter_del(a, key);
        return true;
    }
    w = waiter_get(a, key);
    told = hash_of_events(v);
    is_news = w->told != told || complaints < v->event_count;
    w->told = told;
    return is_news;
}

/* ---- one verdict ---- */

/*
 * What the status says; but while a decision is on its way there, what the allocator holds. An
 * emptied status gets back what it had: in MetalLB the Service gives the address up and chooses
 * again.
 */
static struct ipam_held held_by(const struct allocator *a, const struct object *o, struct arena *to)
{
    struct ip ips[IPAM_MAX_ADDRS];
    struct ipam_held held = {0};
    const struct pool *pool;

    if (!a->options.is_under_way(a->options.arg, o))
        held = ipam_held_from_status(&o->service, to);
    if (held.count == 0) {
        held.count = ipam_holding(a->ipam, o->meta.namespace, o->meta.name, ips, &pool);
        held.addrs = arena_memdup(to, ips, held.count * sizeof(*ips));
    }
    return held;
}

static void conclude(struct allocator *a, const struct object *o, const struct ipam_verdict *v,
                     bool is_change)
{
    bool is_news = note(a, o, v);

    a->options.decided(a->options.arg, o, v, is_news || is_change);
}

/*
 * Spec controller 1.2. A Service that stops being a LoadBalancer loses its class on the way; what
 * it held under it is given up all the same (7.2 #3).
 */
static bool is_ours(const struct allocator *a, const struct object *o)
{
    struct ip ips[IPAM_MAX_ADDRS];
    const struct pool *pool;

    if (ipam_class_is_ours(&o->service, a->options.lb_class))
        return true;
    return !str_eq(o->service.type, "LoadBalancer") &&
           ipam_holding(a->ipam, o->meta.namespace, o->meta.name, ips, &pool) > 0;
}

static void look_at(struct allocator *a, const struct object *o, bool is_own)
{
    CLEANUP(arena_freep) struct arena *scratch = NULL;
    struct ipam_verdict v;

    if (!is_ours(a, o))
        return;
    scratch = arena_new();
    ipam_converge(a->ipam, o, held_by(a, o, scratch), scratch, &v);
    a->wake_due |= v.released;
    conclude(a, o, &v, !is_own);
}

/* ---- what happens ---- */

void allocator_set_snapshot(struct allocator *a, struct snapshot *cfg)
{
    ipam_set_snapshot(a->ipam, cfg);
    a->has_snapshot = true;
    a->pass_due = true;
}

static void on_gone(struct allocator *a, const struct object *o)
{
    CLEANUP(xfreep) char *key = xasprintf("%s/%s", o->meta.namespace, o->meta.name);

    waiter_del(a, key);
    if (ipam_release(a->ipam, o->meta.namespace, o->meta.name))
        a->wake_due = true;
}

void allocator_on_service(struct allocator *a, const struct object *old, const struct object *new,
                          bool is_own)
{
    /* Another one of the same name starts with nothing. */
    if (old != NULL && (new == NULL || !str_eq(old->meta.uid, new->meta.uid)))
        on_gone(a, old);
    if (new != NULL && a->has_snapshot && !a->pass_due)
        look_at(a, new, is_own);
}

/* ---- passes ---- */

static const struct object *find_waiter(const struct allocator *a, const char *key)
{
    const char *slash = strchr(key, '/');
    CLEANUP(xfreep) char *namespace = xstrndup(key, (size_t)(slash - key));

    return store_find(a->options.store, OBJ_SERVICE, namespace, slash + 1);
}

static void add_turn(const struct allocator *a, struct ipam_service *turns, size_t *count,
                     const struct object *o, struct arena *scratch)
{
    if (is_ours(a, o))
        turns[(*count)++] = (struct ipam_service){.service = o, .held = held_by(a, o, scratch)};
}

static size_t all_turns(const struct allocator *a, struct ipam_service **ret, struct arena *scratch)
{
    struct object_list all = store_list(a->options.store, OBJ_SERVICE);
    size_t count = 0;

    *ret = arena_calloc(scratch, all.count, sizeof(**ret));
    for (size_t i = 0; i < all.count; i++)
        add_turn(a, *ret, &count, all.items[i], scratch);
    return count;
}

static size_t waiting_turns(const struct allocator *a, struct ipam_service **ret,
                            struct arena *scratch)
{
    size_t count = 0;

    *ret = arena_calloc(scratch, a->waiters.count, sizeof(**ret));
    MAP_EACH (&a->waiters, e) {
        const struct waiter *w = e->value;
        const struct object *o = find_waiter(a, w->key);

        if (o != NULL)
            add_turn(a, *ret, &count, o, scratch);
    }
    return count;
}

bool allocator_run(struct allocator *a)
{
    bool is_pass = a->pass_due;
    CLEANUP(arena_freep) struct arena *scratch = NULL;
    struct ipam_service *turns;
    size_t count;

    if (!a->has_snapshot || (!a->pass_due && !a->wake_due))
        return false;
    scratch = arena_new();
    count = is_pass ? all_turns(a, &turns, scratch) : waiting_turns(a, &turns, scratch);
    a->pass_due = a->wake_due = false;
    ipam_settle(a->ipam, turns, count, scratch);
    for (size_t i = 0; i < count; i++)
        conclude(a, turns[i].service, &turns[i].verdict, false);
    return is_pass;
}
