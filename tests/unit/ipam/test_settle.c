/* SPDX-License-Identifier: Apache-2.0 */
/* All Services to the fixed point: order, events, and what must hold for any input. */
#include "builder.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SERVICES = 40 };

/* ---- rows ---- */

struct settle_row {
    const char *name;
    struct pool_row pools[3];
    struct service_row services[5];
    const char *want[5]; /* "addresses | event reasons", or "- | event reasons" */
};

#define ONE POOL("one", "1.2.3.0/32")
#define TWO POOL("two", "1.2.3.0/31")

static const struct settle_row rows[] = {
    {"age, then namespace, then name",
     {POOL("p", "1.2.3.0/29")},
     {{.name = "c", .created = 5},
      {.name = "b", .namespace = "ns", .created = 7},
      {.name = "z", .created = 7},
      {.name = "a", .namespace = "ns", .created = 7},
      {.name = "d", .namespace = "zz", .created = 1}},
     {"1.2.3.1 | IPAllocated", "1.2.3.4 | IPAllocated", "1.2.3.2 | IPAllocated",
      "1.2.3.3 | IPAllocated", "1.2.3.0 | IPAllocated"}},
    {"those that hold more go first",
     {POOL("p", "1.2.3.0/30,1000::/126")},
     {{.name = "new", .created = 1},
      {.name = "one", .created = 2, .status = "1.2.3.0"},
      {.name = "two",
       .created = 3,
       .cluster = "1.2.3.4,1::1",
       .policy = "RequireDualStack",
       .status = "1.2.3.0,1000::"}},
     {"1.2.3.2 | IPAllocated", "1.2.3.1 | ClearAssignment,IPAllocated", "1.2.3.0 1000:: | "}},
    {"an ingress entry that only has a hostname counts",
     {TWO},
     {{.name = "new", .created = 1}, {.name = "host", .created = 2, .status = "@x"}},
     {"1.2.3.1 | IPAllocated", "1.2.3.0 | IPAllocated"}},
    {"of two that hold one, the one who may keep it does",
     {ONE},
     {{.name = "a", .created = 1, .lb_ip = "9.9.9.9", .status = "1.2.3.0"},
      {.name = "b", .created = 2, .status = "1.2.3.0"},
      {.name = "c", .created = 3}},
     {"- | ClearAssignment,AllocationFailed", "1.2.3.0 | ", "- | AllocationFailed"}},
    {"of two that claim one, the one in whose hands it is keeps it",
     {TWO},
     {{.name = "a", .created = 1, .status = "1.2.3.0"},
      {.name = "b", .created = 2, .status = "1.2.3.0", .in_force = true}},
     {"1.2.3.1 | ClearAssignment,IPAllocated", "1.2.3.0 | "}},
    {"also against one that claims more",
     {POOL("p", "1.2.3.0/30,1000::/126")},
     {{.name = "a", .created = 2, .status = "1.2.3.0", .in_force = true},
      {.name = "b",
       .created = 1,
       .cluster = "1.2.3.4,1::1",
       .policy = "RequireDualStack",
       .status = "1.2.3.0,1000::"}},
     {"1.2.3.0 | ", "1.2.3.1 1000:: | ClearAssignment,IPAllocated"}},
    {"given up late",
     {TWO},
     {{.name = "a", .created = 1, .lb_ip = "1.2.3.1"},
      {.name = "b", .created = 2, .lb_ip = "1.2.3.0", .status = "1.2.3.1"}},
     {"1.2.3.1 | IPAllocated", "1.2.3.0 | IPAllocated"}},
    {"a waiting Service gets what another one left",
     {TWO},
     {{.name = "a", .created = 1, .lb_ip = "1.2.3.0", .status = "9.9.9.9"},
      {.name = "b", .created = 2, .lb_ip = "1.2.3.1", .status = "1.2.3.0"}},
     {"1.2.3.0 | ClearAssignment,IPAllocated", "1.2.3.1 | ClearAssignment,IPAllocated"}},
    {"a requested pair ends in the order of its text",
     {POOL("p", "1.2.3.0/30,1000::/126")},
     {{.name = "a",
       .cluster = "1.2.3.4,1::1",
       .policy = "RequireDualStack",
       .lb_ips = "1000::1,1.2.3.1"},
      {.name = "b", .cluster = "1.2.3.4,1::1", .policy = "RequireDualStack"}},
     {"1.2.3.1 1000::1 | ", "1.2.3.0 1000:: | IPAllocated"}},
    {"a second family that comes free is taken",
     {POOL("p", "1.2.3.0/30,1000::/128"), POOL("q", "5.0.0.0/32", .manual = true)},
     {{.name = "a",
       .created = 1,
       .cluster = "1.2.3.4,1::1",
       .policy = "PreferDualStack",
       .status = "1.2.3.0"},
      {.name = "b", .created = 2, .cluster = "1::1", .status = "1000::", .pool = "q"}},
     {"1.2.3.0 1000:: | IPAllocated", "- | ClearAssignment,AllocationFailed"}},
    {"PreferDualStack on one cluster IP is stable",
     {POOL("p", "1.2.3.0/30,1000::/126")},
     {{.name = "a", .policy = "PreferDualStack"}},
     {"1.2.3.0 | IPAllocated"}},
    {"a second family is not taken from one who holds it",
     {POOL("p", "1.2.3.0/32,1000::/126")},
     {{.name = "a",
       .created = 1,
       .cluster = "1.2.3.4,1::1",
       .policy = "PreferDualStack",
       .status = "1000::1"},
      {.name = "b", .created = 2, .status = "1.2.3.0"}},
     {"1000::1 | AdditionalAssignFailed", "1.2.3.0 | "}},
    {"nor is an address, by one who has lost his",
     {TWO},
     {{.name = "a", .created = 1, .status = "9.9.9.9"},
      {.name = "b", .created = 2, .status = "1.2.3.0"}},
     {"1.2.3.1 | ClearAssignment,IPAllocated", "1.2.3.0 | "}},
    {"but one that will be given up is free",
     {TWO, POOL("other", "5.0.0.0/32", .manual = true)},
     {{.name = "a", .created = 1, .status = "1000::"},
      {.name = "b", .created = 2, .status = "1.2.3.0", .pool = "other"}},
     {"1.2.3.0 | IPAllocated", "5.0.0.0 | ClearAssignment,IPAllocated"}},
    {"others are told what they are",
     {ONE},
     {{.name = "a", .type = "ClusterIP", .status = "1.2.3.0"}, {.name = "b"}},
     {"- | ", "1.2.3.0 | IPAllocated"}},
    {"why it waits is what the last run says",
     {TWO},
     {{.name = "a", .lb_ip = "junk", .status = "9.9.9.9"}},
     {"- | ClearAssignment,AllocationFailed"}},
    {"a bad request keeps what it has",
     {TWO},
     {{.name = "a", .created = 2, .lb_ip = "junk", .status = "1.2.3.1"},
      {.name = "b", .created = 1},
      {.name = "c", .created = 3}},
     {"1.2.3.1 | LoadBalancerFailed", "1.2.3.0 | IPAllocated", "- | AllocationFailed"}},
};

static const char *outcome(struct arena *a, const struct ipam_service *s)
{
    CLEANUP(text_done) struct text t = {0};
    const struct ipam_verdict *v = &s->verdict;

    text_printf(&t, "%s | ", v->addr_count > 0 ? ips_text(a, v->addrs, v->addr_count) : "-");
    for (size_t i = 0; i < v->event_count; i++)
        text_printf(&t, "%s%s", i > 0 ? "," : "", ipam_event_reason(v->events[i].kind));
    return arena_strdup(a, text_str(&t));
}

static void run_row(const struct settle_row *r)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    struct ipam_service services[ARRAY_SIZE(r->services)];
    struct object *objects[ARRAY_SIZE(r->services)];
    size_t pools = 0, count = 0;

    while (pools < ARRAY_SIZE(r->pools) && r->pools[pools].name != NULL)
        pools++;
    while (count < ARRAY_SIZE(objects) && r->services[count].name != NULL) {
        objects[count] = build_service(&r->services[count]);
        services[count] =
            (struct ipam_service){.service = objects[count],
                                  .held = ipam_held_from_status(&objects[count]->service, a),
                                  .goes_first = r->services[count].in_force};
        count++;
    }
    use_snapshot(m, build_snapshot(r->pools, pools));
    ipam_settle(m, services, count, a);
    for (size_t i = 0; i < count; i++) {
        const char *row = arena_printf(a, "%s: %s", r->name, r->services[i].name);

        check_text(row, outcome(a, &services[i]), r->want[i]);
        assert_int_equal(services[i].held.count, services[i].verdict.addr_count);
        object_free(objects[i]);
    }
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        run_row(&rows[i]);
}

/* ---- any input ---- */

struct world {
    struct arena *a;
    struct snapshot *cfg;
    struct object *objects[MAX_SERVICES];
    size_t count;
};

static const char *pick(uint64_t *seed, const char *const *from, size_t count)
{
    return from[draw(seed, (uint32_t)count)];
}

#define PICK(seed, ...)                                                                            \
    pick(seed, (const char *const[]){__VA_ARGS__},                                                 \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct snapshot *random_pools(uint64_t *seed, struct arena *a)
{
    struct pool_row pools[5];
    size_t count = 1 + draw(seed, 5);

    for (size_t i = 0; i < count; i++) {
        unsigned n = (unsigned)i;
        const char *v4 =
            arena_printf(a, "10.0.%u.%u/%u", n, draw(seed, 2) * 252, 30 + draw(seed, 3));
        const char *v6 = arena_printf(a, "2001:db8:%u::/%u", n, 126 + draw(seed, 3));

        pools[i] = (struct pool_row){
            .name = arena_printf(a, "p%u", 9 - n),
            .addresses = draw(seed, 3) == 0   ? v4
                         : draw(seed, 2) == 0 ? v6
                                              : arena_printf(a, "%s,%s", v6, v4),
            .avoid = draw(seed, 3) == 0,
            .manual = draw(seed, 5) == 0,
            .scoped = draw(seed, 4) == 0,
            .priority = (int64_t)draw(seed, 4) - 1,
            .namespaces = draw(seed, 4) == 0 ? PICK(seed, "n0", "n1", "n0,n1", "") : NULL,
            .labels = draw(seed, 5) == 0 ? "team=x" : NULL,
        };
    }
    return build_snapshot(pools, count);
}

static const char *random_ip(uint64_t *seed, struct arena *a)
{
    if (draw(seed, 2) == 0)
        return arena_printf(a, "10.0.%u.%u", draw(seed, 5), draw(seed, 2) * 252 + draw(seed, 4));
    return arena_printf(a, "2001:db8:%u::%x", draw(seed, 5), draw(seed, 4));
}

static struct object *random_service(uint64_t *seed, struct arena *a, unsigned n)
{
    struct service_row row = {
        .namespace = PICK(seed, "n0", "n1", "n2"),
        .name = arena_printf(a, "s%u", n),
        .created = draw(seed, 4),
        .type = draw(seed, 10) == 0 ? "ClusterIP" : "LoadBalancer",
        .cluster = PICK(seed, "1.1.1.1", "1.1.1.1", "1::1", "1.1.1.1,1::1", "1::1,1.1.1.1", "None"),
        .families = PICK(seed, "IPv4,IPv6", "IPv6,IPv4"),
        .policy =
            PICK(seed, "SingleStack", "PreferDualStack", "PreferDualStack", "RequireDualStack"),
        .share = PICK(seed, NULL, NULL, "k", "l"),
        .ports = PICK(seed, "TCP/80", "TCP/81", "UDP/80", "TCP/80,TCP/81", "TCP/82"),
        .local = draw(seed, 5) == 0 ? "app=x" : NULL,
        .labels = draw(seed, 2) == 0 ? "team=x" : "",
        .pool = draw(seed, 6) == 0 ? PICK(seed, "p9", "p8", "p7", "nowhere") : NULL,
    };

    if (draw(seed, 6) == 0)
        row.lb_ips = draw(seed, 2) == 0
                         ? random_ip(seed, a)
                         : arena_printf(a, "%s,%s", random_ip(seed, a), random_ip(seed, a));
    if (draw(seed, 2) == 0)
        row.status = draw(seed, 2) == 0
                         ? random_ip(seed, a)
                         : arena_printf(a, "%s,%s", random_ip(seed, a), random_ip(seed, a));
    return build_service(&row);
}

static void world_init(struct world *w, uint64_t seed)
{
    seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    w->a = arena_new();
    w->cfg = random_pools(&seed, w->a);
    w->count = 1 + draw(&seed, MAX_SERVICES);
    for (unsigned i = 0; i < w->count; i++)
        w->objects[i] = random_service(&seed, w->a, i);
}

static void world_done(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        object_free(w->objects[i]);
    snapshot_unref(w->cfg);
    arena_free(w->a);
}

/* Settles from the status of the Services, which are handed over in a random order. */
static void settle(struct world *w, struct ipam *m, struct ipam_service *services, uint64_t seed)
{
    struct ipam_service *shuffled = arena_calloc(w->a, w->count, sizeof(*shuffled));
    size_t order[MAX_SERVICES];

    for (size_t i = 0; i < w->count; i++) {
        size_t k = draw(&seed, (uint32_t)i + 1);

        order[i] = order[k];
        order[k] = i;
    }
    for (size_t i = 0; i < w->count; i++)
        shuffled[i] = services[order[i]];
    ipam_settle(m, shuffled, w->count, w->a);
    for (size_t i = 0; i < w->count; i++)
        services[order[i]] = shuffled[i];
}

static void from_status(struct world *w, struct ipam_service *services)
{
    for (size_t i = 0; i < w->count; i++)
        services[i] = (struct ipam_service){
            .service = w->objects[i], .held = ipam_held_from_status(&w->objects[i]->service, w->a)};
}

static const char *share_of(const struct object *o)
{
    const char *share = annotation_find(&o->meta, "allow-shared-ip");

    return share != NULL ? share : "";
}

static bool ports_meet(const struct service *x, const struct service *y)
{
    for (size_t i = 0; i < x->port_count; i++) {
        for (size_t k = 0; k < y->port_count; k++) {
            if (x->ports[i].port == y->ports[k].port &&
                str_eq(x->ports[i].protocol, y->ports[k].protocol))
                return true;
        }
    }
    return false;
}

static bool may_share(const struct object *x, const struct object *y)
{
    const struct service *s = &x->service, *t = &y->service;

    return share_of(x)[0] != '\0' && strcmp(share_of(x), share_of(y)) == 0 &&
           str_eq(s->external_traffic_policy, t->external_traffic_policy) && !ports_meet(s, t);
}

static bool have_common_ip(const struct ipam_verdict *x, const struct ipam_verdict *y)
{
    for (size_t i = 0; i < x->addr_count; i++) {
        for (size_t k = 0; k < y->addr_count; k++) {
            if (ip_eq(x->addrs[i], y->addrs[k]))
                return true;
        }
    }
    return false;
}

static void check_one(const struct world *w, uint64_t seed, const struct ipam_service *s)
{
    const struct ipam_verdict *v = &s->verdict;

    if (v->addr_count > 0 && snapshot_pool_of(w->cfg, v->addrs, v->addr_count) != v->pool)
        fail_msg("world %ju: %s has addresses outside its pool", (uintmax_t)seed,
                 s->service->meta.name);
    if (v->addr_count > 0 && !pool_serves(v->pool, &s->service->meta))
        fail_msg("world %ju: pool does not serve %s", (uintmax_t)seed, s->service->meta.name);
    if (v->state == IPAM_PENDING && v->event_count == 0)
        fail_msg("world %ju: %s is not told why", (uintmax_t)seed, s->service->meta.name);
}

static void check_world(const struct world *w, uint64_t seed, const struct ipam_service *services)
{
    for (size_t i = 0; i < w->count; i++) {
        check_one(w, seed, &services[i]);
        for (size_t k = 0; k < i; k++) {
            if (have_common_ip(&services[i].verdict, &services[k].verdict) &&
                !may_share(services[i].service, services[k].service))
                fail_msg("world %ju: s%zu and s%zu have one address", (uintmax_t)seed, i, k);
        }
    }
}

static void check_same(const struct world *w, uint64_t seed, const char *what,
                       const struct ipam_service *x, const struct ipam_service *y)
{
    for (size_t i = 0; i < w->count; i++) {
        const char *row = arena_printf(w->a, "world %ju, %s, s%zu", (uintmax_t)seed, what, i);

        check_text(row, ips_text(w->a, x[i].verdict.addrs, x[i].verdict.addr_count),
                   ips_text(w->a, y[i].verdict.addrs, y[i].verdict.addr_count));
        assert_int_equal(x[i].verdict.state, y[i].verdict.state);
    }
}

static void release_all(const struct world *w, struct ipam *m)
{
    for (size_t i = 0; i < w->count; i++)
        ipam_release(m, w->objects[i]->meta.namespace, w->objects[i]->meta.name);
    for (size_t i = 0; i < w->cfg->pool_count; i++) {
        struct ipam_counters c = ipam_pool_counters(m, &w->cfg->pools[i]);

        assert_int_equal(c.assigned_v4, 0);
        assert_int_equal(c.assigned_v6, 0);
    }
}

static void run_world(uint64_t seed)
{
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    CLEANUP(ipam_freep) struct ipam *other = ipam_new();
    CLEANUP(ipam_freep) struct ipam *restarted = ipam_new();
    struct ipam_service *first, *second;
    struct world w;

    world_init(&w, seed);
    first = arena_calloc(w.a, w.count, sizeof(*first));
    second = arena_calloc(w.a, w.count, sizeof(*second));
    ipam_set_snapshot(m, w.cfg);
    ipam_set_snapshot(other, w.cfg);
    ipam_set_snapshot(restarted, w.cfg);
    from_status(&w, first);
    settle(&w, m, first, seed + 1);
    check_world(&w, seed, first);
    from_status(&w, second);
    settle(&w, other, second, seed + 2);
    check_same(&w, seed, "another order", first, second);
    for (size_t i = 0; i < w.count; i++)
        second[i] = (struct ipam_service){.service = w.objects[i], .held = first[i].held};
    settle(&w, restarted, second, seed + 3);
    check_same(&w, seed, "after a restart", first, second);
    ipam_set_snapshot(m, w.cfg); /* the same again: everything stays */
    for (size_t i = 0; i < w.count; i++)
        second[i] = (struct ipam_service){.service = w.objects[i], .held = first[i].held};
    settle(&w, m, second, seed + 4);
    check_same(&w, seed, "once more", first, second);
    release_all(&w, m);
    world_done(&w);
}

static void test_any_world(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++)
        run_world(seed);
}

/* ---- many ---- */

enum { MANY = 10000, MANY_POOLS = 100 };

static struct snapshot *many_pools(struct arena *a)
{
    struct pool_row *pools = arena_calloc(a, MANY_POOLS, sizeof(*pools));

    for (unsigned i = 0; i < MANY_POOLS; i++)
        pools[i] = (struct pool_row){
            .name = arena_printf(a, "p%02u", i),
            .addresses = arena_printf(a, "10.%u.0.0/28,10.%u.1.0/28,2001:db8:%u::/64", i, i, i),
            .scoped = i % 3 == 0,
            .priority = i % 7,
            .labels = i % 3 == 0 ? arena_printf(a, "team=t%u", i % 10) : NULL,
        };
    return build_snapshot(pools, MANY_POOLS);
}

static struct object *one_of_many(struct arena *a, unsigned i)
{
    return build_service(&(struct service_row){
        .name = arena_printf(a, "s%u", i),
        .created = i,
        .cluster = i % 5 == 0 ? "1.1.1.1,1::1" : "1.1.1.1",
        .policy = i % 5 == 0 ? "PreferDualStack" : "SingleStack",
        .share = i % 2 == 0 ? arena_printf(a, "k%u", i % 20) : NULL,
        .ports = arena_printf(a, "TCP/%u", 80 + i % 3),
        .labels = arena_printf(a, "team=t%u", i % 10),
    });
}

/* 10,000 Services on 100 pools that have too few IPv4 addresses for them. */
static void test_many(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    struct ipam_service *services = arena_calloc(a, MANY, sizeof(*services));
    struct object **objects = arena_calloc(a, MANY, sizeof(*objects));
    size_t assigned = 0;
    int64_t used = 0;
    struct snapshot *cfg = many_pools(a);

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        objects[i] = one_of_many(a, i);
        services[i].service = objects[i];
    }
    ipam_set_snapshot(m, cfg);
    ipam_settle(m, services, MANY, a);
    for (size_t i = 0; i < MANY; i++) {
        assigned += services[i].verdict.state == IPAM_ASSIGNED;
        object_free(objects[i]);
    }
    for (size_t i = 0; i < cfg->pool_count; i++) {
        struct ipam_counters c = ipam_pool_counters(m, &cfg->pools[i]);

        used += c.assigned_v4;
        if (!cfg->pools[i].is_scoped)
            assert_int_equal(c.available_v4, 0);
    }
    assert_true(assigned > (size_t)used); /* some share */
    assert_true(assigned < MANY);
    snapshot_unref(cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_any_world),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
