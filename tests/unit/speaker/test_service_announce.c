/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services as they come and go, without a cluster and without a network: this file stands in for
 * the announcer, the Events and the statuses. What is announced must depend on what is there now,
 * never on the way that led there.
 */
#include "speaker/speaker_int.h"

#include "../decide/fixture.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "fake_router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { NAMES = 5, SLICES = 8, ADDRESSES = 4, STEPS = 60, ROUNDS = 400, CLAIMS_MAX = 64 };

/* --- stand-ins --- */

struct recorded {
    const struct speaker_service *holder;
    struct ip ip;
};

static struct {
    struct recorded claims[CLAIMS_MAX];
    size_t claim_count;
    unsigned assigned_by[ANNOUNCE_PROTOCOLS];
    unsigned flushes, assigned, no_interface, touched, scheduled;
    bool interface_is_there;
    long clock_ms;
} seen; /* the stand-ins have no argument for it */

int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

/* Who looks at the clock finds that a millisecond has passed. */
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    (void)id;
    seen.clock_ms++;
    *ret = (struct timespec){.tv_sec = seen.clock_ms / 1000,
                             .tv_nsec = seen.clock_ms % 1000 * NS_PER_MS};
    return 0;
}

static struct recorded *find_claim(const void *holder, struct ip ip)
{
    for (size_t i = 0; i < seen.claim_count; i++) {
        if (seen.claims[i].holder == holder && ip_eq(seen.claims[i].ip, ip))
            return &seen.claims[i];
    }
    return NULL;
}

void announcer_put(struct announcer *a, const void *holder, const struct announcement *entry)
{
    (void)a;
    if (find_claim(holder, entry->ip) != NULL)
        return;
    assert_true(seen.claim_count < CLAIMS_MAX);
    seen.claims[seen.claim_count++] = (struct recorded){.holder = holder, .ip = entry->ip};
}

void announcer_drop(struct announcer *a, const void *holder, struct ip ip)
{
    struct recorded *r = find_claim(holder, ip);

    (void)a;
    if (r == NULL) {
        fail_msg("%s is dropped, and was not put", ip_format(ip).s);
        return;
    }
    *r = seen.claims[--seen.claim_count];
}

void announcer_flush(struct announcer *a)
{
    (void)a;
    seen.flushes++;
}

bool announcer_has_interface(const struct announcer *a, const char *name)
{
    (void)a;
    (void)name;
    return seen.interface_is_there;
}

void service_event_assigned(struct speaker *sp, const struct speaker_service *s,
                            enum announce_protocol protocol)
{
    (void)sp;
    assert_true(service_is_announced(s, protocol));
    seen.assigned++;
    seen.assigned_by[protocol]++;
}

void service_event_no_interface(struct speaker *sp, const struct speaker_service *s, struct ip ip)
{
    (void)sp;
    (void)s;
    (void)ip;
    seen.no_interface++;
}

void service_note_missing(struct speaker *sp, struct speaker_service *s, const char *missing)
{
    (void)sp;
    (void)s;
    (void)missing;
}

void status_touch(struct speaker *sp, enum announce_protocol protocol, struct speaker_service *s)
{
    (void)sp;
    (void)protocol;
    (void)s;
    seen.touched++;
}

void speaker_schedule(struct speaker *sp, unsigned todo)
{
    sp->todo |= todo;
    seen.scheduled++;
}

/* --- a world to announce in --- */

static const char *const nodes[] = {"iris1", "iris2"};

struct world {
    struct fixture *f; /* owned */
    struct speaker_options options;
    struct speaker sp;
    struct object *services[NAMES], *slices[SLICES]; /* what is there now */
};

static void speaker_begin(struct world *w, struct speaker *sp)
{
    memset(sp, 0, sizeof(*sp));
    memset(&seen, 0, sizeof(seen));
    memset(&fake_router, 0, sizeof(fake_router));
    seen.interface_is_there = true;
    sp->options = &w->options;
    sp->config.cfg = &w->f->cfg;
    sp->config.world = w->f->world;
    services_init(sp);
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->f = xcalloc(1, sizeof(*w->f));
    fixture_init(w->f, "iris1 iris2");
    fixture_l2(w->f, "all", NULL);
    w->options = (struct speaker_options){.node = nodes[0], .lb_class = ""};
    speaker_begin(w, &w->sp);
}

static void world_done(struct world *w)
{
    service_table_done(&w->sp.services);
    fixture_done(w->f);
    free(w->f);
}

/* Objects live as long as the world: the speaker's table only refers to them. */
static struct object *new_object(struct world *w, enum object_kind kind, const char *name)
{
    struct object *o = arena_alloc(w->f->arena, sizeof(*o));

    o->kind = kind;
    o->meta = (struct meta){.namespace = "default", .name = name};
    return o;
}

static struct object *new_service(struct world *w, const char *name, const char *address,
                                  const char *policy)
{
    struct object *o = new_object(w, OBJ_SERVICE, name);

    o->service.type = "LoadBalancer";
    o->service.external_traffic_policy = policy;
    o->service.ingress = arena_calloc(w->f->arena, 1, sizeof(*o->service.ingress));
    o->service.ingress[0].ip = address;
    o->service.ingress_count = address[0] != '\0';
    return o;
}

static struct object *new_slice(struct world *w, const char *name, const char *service,
                                const char *node, enum tri ready)
{
    struct object *o = new_object(w, OBJ_ENDPOINT_SLICE, name);

    o->slice.service = service;
    o->slice.endpoints = arena_calloc(w->f->arena, 1, sizeof(*o->slice.endpoints));
    o->slice.endpoints[0] = (struct endpoint){
        .node = node, .ready = ready, .addresses = fixture_words(w->f, "192.0.2.7")};
    o->slice.endpoint_count = 1;
    return o;
}

static void set_service(struct world *w, size_t i, struct object *o)
{
    const struct kube_change c = {.kind = OBJ_SERVICE, .old = w->services[i], .new = o};

    w->services[i] = o;
    if (c.old != NULL || c.new != NULL)
        services_on_service(&w->sp, &c);
}

static void set_slice(struct world *w, size_t i, struct object *o)
{
    const struct kube_change c = {.kind = OBJ_ENDPOINT_SLICE, .old = w->slices[i], .new = o};

    w->slices[i] = o;
    if (c.old != NULL || c.new != NULL)
        services_on_slice(&w->sp, &c);
}

static void work(struct speaker *sp)
{
    while (services_work(sp))
        ;
}

/* --- one thing at a time --- */

static void announces_once(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w);
    set_service(&w, 0, new_service(&w, "web", "10.20.30.1", "Local"));
    work(&w.sp);
    assert_int_equal(seen.claim_count, 0); /* no endpoint */
    for (int i = 0; i < 3; i++) {
        set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris1", TRI_TRUE));
        work(&w.sp);
        assert_int_equal(seen.claim_count, 1);
        assert_int_equal(seen.assigned, 1); /* only when it starts: changes-0.16.2 4 */
    }
    set_service(&w, 0, new_service(&w, "web", "10.20.30.2", "Local"));
    work(&w.sp);
    assert_int_equal(seen.assigned, 2); /* another address */
    assert_true(ip_eq(seen.claims[0].ip, fixture_ip("10.20.30.2")));
    set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris2", TRI_TRUE));
    work(&w.sp);
    assert_int_equal(seen.claim_count, 0);
    assert_int_equal(seen.assigned, 2);
    set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris1", TRI_TRUE));
    work(&w.sp);
    assert_int_equal(seen.assigned, 3); /* regained */
}

static void forgets_what_is_gone(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w);
    set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris1", TRI_TRUE));
    set_service(&w, 0, new_service(&w, "web", "10.20.30.1", "Local"));
    work(&w.sp);
    assert_int_equal(seen.claim_count, 1);
    set_service(&w, 0, NULL);
    work(&w.sp);
    assert_int_equal(seen.claim_count, 0);
    assert_int_equal(w.sp.services.by_key.count, 1); /* the slice is still there */
    set_slice(&w, 0, NULL);
    assert_int_equal(w.sp.services.by_key.count, 0);
}

/* Everything is evaluated in steps, so that the loop is never held up for long: three looks at the
 * clock later it is enough. */
static void works_in_steps(void **state)
{
    enum { SERVICES = 1000, TURNS = 21 }; /* of 3 * 16 */
    CLEANUP(world_done) struct world w;
    unsigned turns = 0;

    (void)state;
    world_init(&w);
    for (int i = 0; i < SERVICES; i++) {
        const struct kube_change c = {
            .kind = OBJ_SERVICE,
            .new = new_service(&w, arena_printf(w.f->arena, "s%d", i), "10.20.30.1", "Cluster")};

        services_on_service(&w.sp, &c);
    }
    do
        turns++;
    while (services_work(&w.sp));
    assert_int_equal(turns, TURNS);
    assert_int_equal(seen.flushes, turns);
    services_mark_all(&w.sp);
    services_mark_all(&w.sp); /* nobody twice */
    turns = 0;
    do
        turns++;
    while (services_work(&w.sp));
    assert_int_equal(turns, TURNS);
}

static void tells_of_absent_interfaces(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w);
    w.f->l2[0].interfaces = fixture_words(w.f, "eth7");
    seen.interface_is_there = false;
    set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris1", TRI_TRUE));
    set_service(&w, 0, new_service(&w, "web", "10.20.30.1", "Local"));
    work(&w.sp);
    services_mark_all(&w.sp);
    work(&w.sp);
    assert_int_equal(seen.no_interface, 1); /* once a change */
    assert_int_equal(seen.claim_count, 1);  /* it may appear */
}

static void guards_announced_services(void **state)
{
    CLEANUP(world_done) struct world w;
    struct snapshot without = {0};

    (void)state;
    world_init(&w);
    assert_null(services_without_pool(&w.sp, &without));
    set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris1", TRI_TRUE));
    set_service(&w, 0, new_service(&w, "web", "10.20.30.1", "Local"));
    work(&w.sp);
    assert_non_null(services_without_pool(&w.sp, &without));
    assert_null(services_without_pool(&w.sp, &w.f->cfg));
    w.sp.config.is_refused = true;
    set_service(&w, 0, new_service(&w, "web", "", "Local"));
    work(&w.sp);
    assert_true((w.sp.todo & TODO_CONFIG) != 0); /* what was refused may fit now */
}

/* --- BGP --- */

static const struct fake_route *route_of(struct world *w, const char *name)
{
    return fake_route_of(service_table_get(&w->sp.services, "default", name));
}

static void announces_by_both(void **state)
{
    CLEANUP(world_done) struct world w;
    const struct fake_route *r;

    (void)state;
    world_init(&w);
    fixture_bgp(w.f, "routes", NULL);
    set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris1", TRI_TRUE));
    set_service(&w, 0, new_service(&w, "web", "10.20.30.1", "Cluster"));
    work(&w.sp);
    services_mark_all(&w.sp);
    work(&w.sp);
    r = route_of(&w, "web");
    assert_non_null(r);
    assert_int_equal(r->count, 1);
    assert_string_equal(prefix_format(r->prefixes[0]).s, "10.20.30.1/32");
    assert_false(r->draining);
    assert_int_equal(seen.assigned_by[ANNOUNCE_BGP], 1); /* .1 is iris2's by Layer 2 */
    assert_int_equal(seen.assigned_by[ANNOUNCE_LAYER2], 0);
    w.f->nodes[1].exclude_from_lb = true;
    services_mark_all(&w.sp);
    work(&w.sp);
    assert_int_equal(seen.claim_count, 1);
    assert_int_equal(seen.assigned_by[ANNOUNCE_BGP], 1);
    assert_int_equal(seen.assigned_by[ANNOUNCE_LAYER2], 1);
    w.f->nodes[0].exclude_from_lb = true; /* both protocols end, and one address was announced */
    services_mark_all(&w.sp);
    work(&w.sp);
    assert_null(route_of(&w, "web"));
    assert_int_equal(seen.claim_count, 0);
}

/* What the membership says of our own node does not matter to BGP (spec speaker-bgp C11). */
static void routes_need_no_membership(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w);
    fixture_bgp(w.f, "routes", NULL);
    w.f->nodes[0].liveness = NODE_NO_SPEAKER;
    set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris1", TRI_TRUE));
    set_service(&w, 0, new_service(&w, "web", "10.20.30.2", "Local"));
    work(&w.sp);
    assert_non_null(route_of(&w, "web"));
    assert_int_equal(seen.claim_count, 0);
}

static void another_address_is_another_announcement(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w);
    fixture_bgp(w.f, "routes", NULL);
    set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris1", TRI_TRUE));
    set_service(&w, 0, new_service(&w, "web", "10.20.30.1", "Cluster"));
    work(&w.sp);
    set_service(&w, 0, new_service(&w, "web", "10.20.30.9", "Cluster"));
    work(&w.sp);
    assert_string_equal(prefix_format(route_of(&w, "web")->prefixes[0]).s, "10.20.30.9/32");
    assert_int_equal(seen.assigned_by[ANNOUNCE_BGP], 2);
    set_service(&w, 0, NULL);
    work(&w.sp);
    assert_int_equal(fake_router.route_count, 0);
}

static void drains_in_steps(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w);
    fixture_bgp(w.f, "routes", NULL);
    fixture_peer(w.f, "rack", "192.0.2.1", NULL);
    set_slice(&w, 0, new_slice(&w, "web-a", "web", "iris1", TRI_TRUE));
    set_service(&w, 0, new_service(&w, "web", "10.20.30.1", "Cluster"));
    set_slice(&w, 1, new_slice(&w, "own-a", "own", "iris1", TRI_TRUE));
    set_service(&w, 1, new_service(&w, "own", "10.20.30.2", "Local"));
    w.f->nodes[0].drain = NODE_DRAIN;
    work(&w.sp);
    assert_true(route_of(&w, "web")->draining);
    assert_true(route_of(&w, "own")->draining);
    w.sp.drain.has_yielded = true;
    services_mark_all(&w.sp);
    work(&w.sp);
    assert_null(route_of(&w, "web"));           /* iris2 announces it */
    assert_true(route_of(&w, "own")->draining); /* nobody else does */
    w.f->nodes[0].drain = NODE_DRAIN_FORCE;
    services_mark_all(&w.sp);
    work(&w.sp);
    assert_null(route_of(&w, "own"));
    w.f->nodes[0].drain = NODE_DRAIN_NO;
    services_mark_all(&w.sp);
    work(&w.sp);
    assert_false(route_of(&w, "web")->draining);
    assert_false(route_of(&w, "own")->draining);
}

/* --- many things in any order --- */

static const char *const names[NAMES] = {"a", "b", "c", "d", "e"};
static const char *const slice_names[SLICES] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"};
static const char *const addresses[ADDRESSES] = {"", "10.20.30.1", "10.20.30.2", "10.20.31.9"};

static unsigned pick(unsigned *seed, unsigned n)
{
    return (unsigned)rand_r(seed) % n;
}

static void step(struct world *w, unsigned *seed)
{
    unsigned i = pick(seed, NAMES), k = pick(seed, SLICES);

    switch (pick(seed, 7)) {
    case 0:
        set_service(w, i, NULL);
        return;
    case 1:
    case 2:
        set_service(w, i,
                    new_service(w, names[i], addresses[pick(seed, ADDRESSES)],
                                pick(seed, 2) != 0 ? "Local" : "Cluster"));
        return;
    case 3:
        set_slice(w, k, NULL);
        return;
    case 4:
        w->f->nodes[pick(seed, 2)].liveness = pick(seed, 2) != 0 ? NODE_ALIVE : NODE_NO_SPEAKER;
        services_mark_all(&w->sp);
        return;
    case 5: /* the slice may also go to another Service, or lose its label */
    case 6:
        set_slice(w, k,
                  new_slice(w, slice_names[k], pick(seed, 9) == 0 ? "" : names[pick(seed, NAMES)],
                            nodes[pick(seed, 2)], pick(seed, 3) == 0 ? TRI_FALSE : TRI_TRUE));
        return;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *route_text(struct world *w, const struct fake_route *r)
{
    const struct speaker_service *s = r->holder;

    return arena_printf(w->f->arena, "%s by bgp %s%s", s->key, prefix_format(r->prefixes[0]).s,
                        r->draining ? " draining" : "");
}

/* Who holds what, sorted, as one text. */
static const char *claims_text(struct world *w)
{
    struct string_list lines = {
        arena_calloc(w->f->arena, CLAIMS_MAX + FAKE_ROUTES_MAX, sizeof(char *)), 0};

    for (size_t i = 0; i < seen.claim_count; i++)
        lines.items[lines.count++] = arena_printf(w->f->arena, "%s=%s", seen.claims[i].holder->key,
                                                  ip_format(seen.claims[i].ip).s);
    for (size_t i = 0; i < fake_router.route_count; i++)
        lines.items[lines.count++] = route_text(w, &fake_router.routes[i]);
    if (lines.count > 1)
        qsort(lines.items, lines.count, sizeof(char *), by_text);
    return fixture_join(w->f, &lines);
}

/* A fresh speaker that sees the last state only. */
static const char *from_scratch(struct world *w)
{
    struct object *services[NAMES], *slices[SLICES];

    service_table_done(&w->sp.services);
    speaker_begin(w, &w->sp);
    memcpy(services, w->services, sizeof(services));
    memcpy(slices, w->slices, sizeof(slices));
    memset(w->services, 0, sizeof(services));
    memset(w->slices, 0, sizeof(slices));
    for (size_t i = 0; i < NAMES; i++)
        set_service(w, i, services[i]);
    for (size_t i = 0; i < SLICES; i++)
        set_slice(w, i, slices[i]);
    work(&w->sp);
    return claims_text(w);
}

static void depends_on_the_state_only(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct world *w = xcalloc(1, sizeof(*w)); /* a page and a half */
        const char *lived, *fresh;

        world_init(w);
        fixture_bgp(w->f, "routes", round % 3 == 0 ? "iris2" : NULL);
        w->f->nodes[0].drain = round % 5 == 0 ? NODE_DRAIN : NODE_DRAIN_NO;
        for (unsigned i = 0; i < STEPS; i++) {
            step(w, &seed);
            if (pick(&seed, 3) == 0)
                work(&w->sp);
        }
        work(&w->sp);
        lived = claims_text(w);
        fresh = from_scratch(w);
        if (strcmp(lived, fresh) != 0)
            fail_msg("round %u: %s, not %s", round, lived, fresh);
        world_done(w);
        free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announces_once),
        cmocka_unit_test(forgets_what_is_gone),
        cmocka_unit_test(works_in_steps),
        cmocka_unit_test(tells_of_absent_interfaces),
        cmocka_unit_test(guards_announced_services),
        cmocka_unit_test(announces_by_both),
        cmocka_unit_test(routes_need_no_membership),
        cmocka_unit_test(another_address_is_another_announcement),
        cmocka_unit_test(drains_in_steps),
        cmocka_unit_test(depends_on_the_state_only),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
