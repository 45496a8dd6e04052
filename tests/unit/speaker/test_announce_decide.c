/* SPDX-License-Identifier: Apache-2.0 */
/* One Service on one speaker: the decision list of spec speaker-l2 2.5, the class filter of 2.4,
 * and rows of the tables of 9.2. */
#include "speaker/announce_decide.h"

#include "../decide/fixture.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OK "announce"
#define LATER "later"

/* What the speaker of a node does by Layer 2, as one word: a reason is a withdrawal. */
static const char *verdict(const struct announce_answer *a)
{
    switch (a->action) {
    case ANNOUNCE_LATER:
        return LATER;
    case ANNOUNCE:
        return a->refusals[ANNOUNCE_LAYER2] == NULL ? OK : a->refusals[ANNOUNCE_LAYER2];
    case ANNOUNCE_WITHDRAW:
        return a->reason;
    }
    return "";
}

static void check(const char *row, const char *want, const struct announce_answer *got)
{
    if (strcmp(want, verdict(got)) != 0)
        fail_msg("%s: %s, not %s", row, verdict(got), want);
}

/* --- the list of 2.5, and the class --- */

static const struct {
    const char *name, *type, *class, *flag;
    const char *ingress; /* words; "-" is an entry with a hostname only */
    bool no_service, no_config;
    const char *want;
} list[] = {
    {"gone", NULL, NULL, "", "10.20.30.1", true, false, "serviceDeleted"},
    {"gone, no configuration", NULL, NULL, "", "10.20.30.1", true, true, "serviceDeleted"},
    {"gone, class set", NULL, NULL, "x", "10.20.30.1", true, false, "serviceDeleted"},
    {"type", "ClusterIP", NULL, "", "10.20.30.1", false, false, "notLoadBalancer"},
    {"type, no configuration", "NodePort", NULL, "", "", false, true, "notLoadBalancer"},
    {"type before class", "ClusterIP", NULL, "x", "10.20.30.1", false, false, "notLoadBalancer"},
    {"no configuration", "LoadBalancer", NULL, "", "10.20.30.1", false, true, LATER},
    {"no address", "LoadBalancer", NULL, "", "", false, false, "noIPAllocated"},
    {"hostname only", "LoadBalancer", NULL, "", "-", false, false, "invalidIP"},
    {"one of two", "LoadBalancer", NULL, "", "10.20.30.1 10.20.30", false, false, "invalidIP"},
    {"no pool", "LoadBalancer", NULL, "", "10.20.31.1", false, false, "ipNotAllowed"},
    {"half a pool", "LoadBalancer", NULL, "", "10.20.30.1 10.20.31.1", false, false,
     "ipNotAllowed"},
    {"announced", "LoadBalancer", NULL, "", "10.20.30.1", false, false, OK},
    {"two addresses", "LoadBalancer", NULL, "", "10.20.30.1 10.20.30.2", false, false, OK},
    {"mapped", "LoadBalancer", NULL, "", "::ffff:10.20.30.1", false, false, OK},

    {"class unset, flag set", "LoadBalancer", NULL, "x", "10.20.30.1", false, false,
     "serviceDeleted"},
    {"class set, no flag", "LoadBalancer", "x", "", "10.20.30.1", false, false, "serviceDeleted"},
    {"class set, no configuration", "LoadBalancer", "x", "", "10.20.30.1", false, true,
     "serviceDeleted"},
    {"class equal", "LoadBalancer", "x", "x", "10.20.30.1", false, false, OK},
    {"class differs", "LoadBalancer", "x", "y", "10.20.30.1", false, false, "serviceDeleted"},
    {"class empty, no flag", "LoadBalancer", "", "", "10.20.30.1", false, false, OK},
};

static void put_ingress(struct fixture *f, struct object *o, const char *words)
{
    struct string_list ips = fixture_words(f, words);

    o->service.ingress = arena_calloc(f->arena, ips.count, sizeof(*o->service.ingress));
    o->service.ingress_count = ips.count;
    for (size_t i = 0; i < ips.count; i++) {
        bool named = str_eq(ips.items[i], "-");

        o->service.ingress[i] = (struct ingress){.ip = named ? "" : ips.items[i],
                                                 .hostname = named ? "example.org" : ""};
    }
}

static void follows_the_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {.endpoints = "iris1/r"};
        struct announce_question q = {.node = "iris1", .lb_class = list[i].flag};
        struct announce_answer a;
        struct decide_service s;
        struct object o;

        fixture_init(&f, "iris1");
        fixture_l2(&f, "adv", NULL);
        s = fixture_service(&f, &spec);
        o = *s.service;
        o.service.type = list[i].type != NULL ? list[i].type : "LoadBalancer";
        o.service.load_balancer_class = list[i].class;
        put_ingress(&f, &o, list[i].ingress);
        q.service = list[i].no_service ? NULL : &o;
        q.slices = s.slices;
        q.world = list[i].no_config ? NULL : &f.world;
        announce_decide(&q, f.arena, &a);
        check(list[i].name, list[i].want, &a);
    }
}

/* --- two speakers, as in 9.2 --- */

#define NOT_OWNER "notOwner"
#define NO_MATCH "noMatchingAdvertisement"

static const struct {
    const char *name, *policy, *address, *endpoints;
    const char *advs;     /* node lists, parted by "|"; "*" is all */
    const char *excluded; /* nodes with the label */
    bool ignore_label;
    const char *want[2]; /* iris1, iris2 */
} pairs[] = {
    {"ready on one", "Local", "10.20.30.1", "iris1/r iris1/r", "*", "", false, {OK, NOT_OWNER}},
    {"not ready", "Local", "10.20.30.1", "iris1/n", "*", "", false, {NOT_OWNER, NOT_OWNER}},
    {"serving counts", "Local", "10.20.30.1", "iris1/r iris2/s", "*", "", false, {NOT_OWNER, OK}},
    {".1 on both", "Local", "10.20.30.1", "iris1/r iris2/r", "*", "", false, {NOT_OWNER, OK}},
    {".2 on both", "Local", "10.20.30.2", "iris1/r iris2/r", "*", "", false, {OK, NOT_OWNER}},
    {"two slices",
     "Local",
     "10.20.30.1",
     "iris1/r iris2/r|iris2/r",
     "*",
     "",
     false,
     {NOT_OWNER, OK}},
    {"cluster", "Cluster", "10.20.30.1", "iris1/r", "*", "", false, {NOT_OWNER, OK}},
    {"ad lists iris1", "Cluster", "10.20.30.1", "iris1/r", "iris1", "", false, {OK, NO_MATCH}},
    {"an ad each, Local",
     "Local",
     "10.20.30.1",
     "iris1/r",
     "iris1|iris2",
     "",
     false,
     {OK, NOT_OWNER}},
    {"ad lists iris2, Local",
     "Local",
     "10.20.30.1",
     "iris1/r",
     "iris2",
     "",
     false,
     {NO_MATCH, NOT_OWNER}},
    {"iris2 excluded", "Cluster", "10.20.30.1", "iris1/r", "*", "iris2", false, {OK, NOT_OWNER}},
    {"iris1 excluded", "Cluster", "10.20.30.1", "iris1/r", "*", "iris1", false, {NOT_OWNER, OK}},
    {"both excluded",
     "Cluster",
     "10.20.30.1",
     "iris1/r",
     "*",
     "iris1 iris2",
     false,
     {NOT_OWNER, NOT_OWNER}},
    {"label ignored", "Local", "10.20.30.1", "iris1/r", "*", "iris1 iris2", true, {OK, NOT_OWNER}},
};

static void add_advs(struct fixture *f, char *lists)
{
    for (char *rest = lists, *nodes; (nodes = strsep(&rest, "|")) != NULL;)
        fixture_l2(f, nodes, str_eq(nodes, "*") ? NULL : nodes);
}

static void elects_as_metallb(void **state)
{
    static const char *const nodes[] = {"iris1", "iris2"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {
            .policy = pairs[i].policy, .addrs = pairs[i].address, .endpoints = pairs[i].endpoints};
        struct string_list excluded;
        struct decide_service s;
        struct object o;

        fixture_init(&f, "iris1 iris2");
        add_advs(&f, arena_strdup(f.arena, pairs[i].advs));
        excluded = fixture_words(&f, pairs[i].excluded);
        for (size_t k = 0; k < excluded.count; k++)
            f.nodes[fixture_node(&f, excluded.items[k])].exclude_from_lb = true;
        f.world.ignore_exclude_lb = pairs[i].ignore_label;
        s = fixture_service(&f, &spec);
        o = *s.service;
        o.service.type = "LoadBalancer";
        put_ingress(&f, &o, pairs[i].address);
        for (size_t k = 0; k < ARRAY_SIZE(nodes); k++) {
            const struct announce_question q = {.world = &f.world,
                                                .node = nodes[k],
                                                .lb_class = "",
                                                .service = &o,
                                                .slices = s.slices};
            struct announce_answer a;

            announce_decide(&q, f.arena, &a);
            check(pairs[i].name, pairs[i].want[k], &a);
        }
    }
}

/* --- what else is in the answer --- */

struct world {
    struct fixture f;
    struct object o;
    struct announce_question q;
};

static void world_init(struct world *w, const char *nodes, const char *endpoints)
{
    struct service_spec spec = {.endpoints = endpoints};
    struct decide_service s;

    fixture_init(&w->f, nodes);
    s = fixture_service(&w->f, &spec);
    w->o = *s.service;
    w->o.service.type = "LoadBalancer";
    put_ingress(&w->f, &w->o, "10.20.30.1");
    w->q = (struct announce_question){.world = &w->f.world,
                                      .node = w->f.cfg.nodes.items[0],
                                      .lb_class = "",
                                      .service = &w->o,
                                      .slices = s.slices};
}

static void world_done(struct world *w)
{
    fixture_done(&w->f);
}

static void merges_interfaces(void **state)
{
    CLEANUP(world_done) struct world w;
    struct announce_answer a;

    (void)state;
    world_init(&w, "iris1", "iris1/r");
    fixture_l2(&w.f, "a", NULL)->interfaces = fixture_words(&w.f, "eth1 eth0");
    fixture_l2(&w.f, "b", NULL)->interfaces = fixture_words(&w.f, "eth2 eth0");
    announce_decide(&w.q, w.f.arena, &a);
    assert_false(a.all_interfaces);
    assert_string_equal(fixture_join(&w.f, &a.interfaces), "eth0,eth1,eth2");
    fixture_l2(&w.f, "c", NULL);
    announce_decide(&w.q, w.f.arena, &a);
    assert_true(a.all_interfaces);
    assert_int_equal(a.interfaces.count, 0);
}

/* Of all speakers exactly one says that nobody announces the Service. */
static void one_node_reports(void **state)
{
    CLEANUP(world_done) struct world w;
    int reporters = 0;

    (void)state;
    world_init(&w, "iris1 iris2 iris3", "iris1/r");
    for (size_t i = 0; i < w.f.cfg.nodes.count; i++) {
        struct announce_answer a;

        w.q.node = w.f.cfg.nodes.items[i];
        announce_decide(&w.q, w.f.arena, &a);
        check(w.q.node, NO_MATCH, &a);
        assert_non_null(a.missing);
        assert_non_null(strstr(a.missing, "no L2Advertisement"));
        reporters += a.is_reporter;
    }
    assert_int_equal(reporters, 1);
}

/* The reporter's speaker dies: another one takes over. */
static void only_a_live_node_reports(void **state)
{
    CLEANUP(world_done) struct world w;
    struct announce_answer a;

    (void)state;
    world_init(&w, "iris1 iris2", "iris1/r");
    for (size_t i = 0; i < 2; i++) {
        w.f.nodes[i].liveness = NODE_ALIVE;
        w.f.nodes[1 - i].liveness = NODE_NO_SPEAKER;
        w.q.node = w.f.cfg.nodes.items[i];
        announce_decide(&w.q, w.f.arena, &a);
        assert_true(a.is_reporter);
    }
}

static void an_owner_elsewhere_is_nothing_to_report(void **state)
{
    CLEANUP(world_done) struct world w;
    struct announce_answer a;

    (void)state;
    world_init(&w, "iris1 iris2", "iris1/r");
    fixture_l2(&w.f, "a", NULL);
    announce_decide(&w.q, w.f.arena, &a);
    check("iris1", NOT_OWNER, &a);
    assert_null(a.missing);
    assert_false(a.is_reporter);
}

/* A node that says its link is down is no candidate for what is behind it. */
static void a_cut_off_node_loses(void **state)
{
    CLEANUP(world_done) struct world w;
    struct prefix behind = {0};
    struct announce_answer a;

    (void)state;
    world_init(&w, "iris1 iris2", "iris1/r");
    fixture_l2(&w.f, "a", NULL);
    w.f.nodes[1].cut_off = &behind; /* of the natural owner */
    w.f.nodes[1].cut_off_count = 1;
    assert_true(prefix_parse(&behind, "10.20.30.0/24"));
    announce_decide(&w.q, w.f.arena, &a);
    check("iris1", OK, &a);
    assert_true(prefix_parse(&behind, "10.20.31.0/24"));
    announce_decide(&w.q, w.f.arena, &a);
    check("iris1, other network", NOT_OWNER, &a);
}

static void a_node_without_its_object_stays_silent(void **state)
{
    CLEANUP(world_done) struct world w;
    struct announce_answer a;

    (void)state;
    world_init(&w, "iris1", "iris1/r");
    fixture_l2(&w.f, "a", NULL);
    w.q.node = "iris9";
    announce_decide(&w.q, w.f.arena, &a);
    check("iris9", NO_MATCH, &a);
}

static void compares_sets_of_addresses(void **state)
{
    const struct ip a = fixture_ip("10.0.0.1"), b = fixture_ip("10.0.0.2"),
                    c = fixture_ip("2001:db8::1");

    (void)state;
    assert_true(announce_same_ips((struct ip[]){a, c}, 2, (struct ip[]){c, a}, 2));
    assert_false(announce_same_ips((struct ip[]){a, c}, 2, (struct ip[]){a, b}, 2));
    assert_false(announce_same_ips((struct ip[]){a, c}, 2, &a, 1));
    assert_false(announce_same_ips(&a, 1, (struct ip[]){a, c}, 2));
    assert_false(announce_same_ips((struct ip[]){a, a}, 2, (struct ip[]){a, b}, 2));
    assert_false(announce_same_ips((struct ip[]){a, b}, 2, (struct ip[]){a, a}, 2));
    assert_true(announce_same_ips(NULL, 0, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_list),
        cmocka_unit_test(elects_as_metallb),
        cmocka_unit_test(merges_interfaces),
        cmocka_unit_test(one_node_reports),
        cmocka_unit_test(only_a_live_node_reports),
        cmocka_unit_test(an_owner_elsewhere_is_nothing_to_report),
        cmocka_unit_test(a_cut_off_node_loses),
        cmocka_unit_test(a_node_without_its_object_stays_silent),
        cmocka_unit_test(compares_sets_of_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
