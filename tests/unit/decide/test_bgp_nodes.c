/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes announce by BGP, and why the others do not: spec speaker-bgp C8, C9, 7.1. */
#include "decide/decide.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The node under test is pandora, the other one iris; the pool has one advertisement. */
static const struct {
    const char *name;
    struct decide_node node;
    bool ignore_label;
    const char *nodes;     /* of the advertisement; NULL: all */
    const char *selectors; /* the Service is app=nginx */
    const char *endpoints;
    const char *policy;
    const char *reason;
} rows[] = {
    /* the steps of TestBGPSpeakerEPSlices that concern the node */
    {"cluster, endpoint elsewhere", {0}, false, NULL, "", "iris/r", "Cluster", ""},
    {"local, endpoint elsewhere", {0}, false, NULL, "", "iris/r", "Local", "noLocalEndpoints"},
    {"local, both", {0}, false, NULL, "", "iris/r|pandora/r", "Local", ""},
    {"local, not ready and ready", {0}, false, NULL, "", "pandora/n|pandora/r", "Local", ""},
    {"cluster, no slices", {0}, false, NULL, "", NULL, "Cluster", "noEndpoints"},
    {"cluster, only not ready", {0}, false, NULL, "", "iris/n", "Cluster", "noEndpoints"},
    {"cluster, one of two ready", {0}, false, NULL, "", "iris/r pandora/n", "Cluster", ""},
    {"not ready but serving", {0}, false, NULL, "", "pandora/s", "Local", ""},
    {"ready but not serving", {0}, false, NULL, "", "pandora/x", "Local", ""},
    {"nothing set", {0}, false, NULL, "", "pandora/a", "Local", ""},
    {"ready, then not ready", {0}, false, NULL, "", "iris/r iris/n", "Cluster", ""},
    {"both not ready", {0}, false, NULL, "", "iris/n iris/n", "Cluster", "noEndpoints"},

    /* an endpoint without address does not count; one without node is never local */
    {"no address", {0}, false, NULL, "", "pandora/r0", "Cluster", "noEndpoints"},
    {"no address, local", {0}, false, NULL, "", "pandora/r0", "Local", "noLocalEndpoints"},
    {"no node", {0}, false, NULL, "", "-/r", "Cluster", ""},
    {"no node, local", {0}, false, NULL, "", "-/r", "Local", "noLocalEndpoints"},

    /* the order of the tests */
    {"speaker first",
     {.liveness = NODE_NO_SPEAKER, .network_unavailable = true, .exclude_from_lb = true},
     false,
     "iris",
     "app=apache",
     NULL,
     "Local",
     "noSpeaker"},
    {"owner before selectors",
     {.network_unavailable = true, .exclude_from_lb = true},
     false,
     "iris",
     "app=apache",
     NULL,
     "Local",
     "notOwner"},
    {"an empty node set announces nowhere", {0}, false, "", "", "iris/r", "Cluster", "notOwner"},
    {"selectors before network",
     {.network_unavailable = true, .exclude_from_lb = true},
     false,
     NULL,
     "app=apache",
     NULL,
     "Local",
     "noMatchingAdvertisement"},
    {"network before label",
     {.network_unavailable = true, .exclude_from_lb = true},
     false,
     NULL,
     "",
     NULL,
     "Local",
     "nodeNetworkUnavailable"},
    {"label before endpoints",
     {.exclude_from_lb = true},
     false,
     NULL,
     "",
     NULL,
     "Local",
     "nodeLabeledExcludeBalancers"},
    {"label ignored", {.exclude_from_lb = true}, true, NULL, "", "iris/r", "Cluster", ""},
    {"local before any", {0}, false, NULL, "", NULL, "Local", "noLocalEndpoints"},

    /* service selectors */
    {"selector matches", {0}, false, NULL, "app=nginx", "iris/r", "Cluster", ""},
    {"one of two selectors", {0}, false, NULL, "app=apache|app=nginx", "iris/r", "Cluster", ""},
    {"selector differs",
     {0},
     false,
     NULL,
     "app=apache",
     "iris/r",
     "Cluster",
     "noMatchingAdvertisement"},
};

static const char *reason_of(struct fixture *f, const struct decide_service *s, const char *node)
{
    struct bgp_verdict v;

    decide_bgp(&f->world, s, f->arena, &v);
    assert_non_null(v.nodes);
    return bgp_reason_name(v.nodes[fixture_node(f, node)].reason);
}

static void test_reasons(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {
            .labels = "app=nginx", .policy = rows[i].policy, .endpoints = rows[i].endpoints};
        struct decide_service s;
        const char *reason;

        fixture_init(&f, "iris pandora");
        fixture_bgp(&f, "main", rows[i].nodes)->service_selectors =
            fixture_selectors(&f, rows[i].selectors);
        f.nodes[fixture_node(&f, "pandora")] = rows[i].node;
        f.world.ignore_exclude_lb = rows[i].ignore_label;
        s = fixture_service(&f, &spec);
        reason = reason_of(&f, &s, "pandora");
        if (!str_eq(reason, rows[i].reason))
            fail_msg("%s: \"%s\", want \"%s\"", rows[i].name, reason, rows[i].reason);
    }
}

/* Two advertisements of one IPv4 pool: TestCheckBGPAdvConflicts and its 0.16.2 rows. */
static const struct {
    const char *name;
    const char *nodes[2], *peers[2], *selectors[2];
    uint32_t local_pref[2];
    uint8_t prepend[2], length[2];
    enum adv_conflict on_a; /* of the nodes A and B */
} conflicts[] = {
    {"same", {"A", "A"}, {"", ""}, {"", ""}, {100, 100}, {0, 0}, {32, 32}, ADV_CONFLICT_NONE},
    {"nodes apart",
     {"A", "B"},
     {"", ""},
     {"", ""},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_NONE},
    {"nodes {A}, {A,B}",
     {"A", "A B"},
     {"", ""},
     {"", ""},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_LOCAL_PREF},
    {"nodes {A}, {A}",
     {"A", "A"},
     {"", ""},
     {"", ""},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_LOCAL_PREF},
    {"peers [1], [2,1]",
     {"A", "A"},
     {"1", "2 1"},
     {"", ""},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_LOCAL_PREF},
    {"nodes {}, {A}",
     {"", "A"},
     {"", ""},
     {"", ""},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_NONE},
    {"peers apart",
     {"A", "A"},
     {"1", "2"},
     {"", ""},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_NONE},
    {"peers meet",
     {"A", "A"},
     {"1 3", "2 1"},
     {"", ""},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_LOCAL_PREF},
    {"no peers means all",
     {"A", "A"},
     {"", "1"},
     {"", ""},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_LOCAL_PREF},
    {"lengths apart",
     {"A", "A"},
     {"", ""},
     {"", ""},
     {100, 200},
     {3, 4},
     {24, 32},
     ADV_CONFLICT_NONE},
    {"unset against set",
     {"A", "A"},
     {"", ""},
     {"", ""},
     {0, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_LOCAL_PREF},
    {"matching by selector",
     {"A", "A"},
     {"", ""},
     {"", "app=nginx"},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_LOCAL_PREF},
    {"one does not match",
     {"A", "A"},
     {"", ""},
     {"", "app=db"},
     {100, 200},
     {0, 0},
     {32, 32},
     ADV_CONFLICT_NONE},
    {"prepend 3 and 3",
     {"A", "A"},
     {"", ""},
     {"", ""},
     {0, 0},
     {3, 3},
     {32, 32},
     ADV_CONFLICT_NONE},
    {"prepend 3 and 5",
     {"A", "A"},
     {"", ""},
     {"", ""},
     {0, 0},
     {3, 5},
     {32, 32},
     ADV_CONFLICT_AS_PATH_PREPEND},
    {"prepend absent is 0",
     {"A", "A"},
     {"", ""},
     {"", ""},
     {0, 0},
     {0, 5},
     {32, 32},
     ADV_CONFLICT_AS_PATH_PREPEND},
    {"prepend, nodes apart",
     {"A", "B"},
     {"", ""},
     {"", ""},
     {0, 0},
     {3, 5},
     {32, 32},
     ADV_CONFLICT_NONE},
    {"prepend, peers apart",
     {"A", "A"},
     {"1", "2"},
     {"", ""},
     {0, 0},
     {4, 5},
     {32, 32},
     ADV_CONFLICT_NONE},
    {"local preference is named first",
     {"A", "A"},
     {"", ""},
     {"", ""},
     {1, 2},
     {3, 5},
     {32, 32},
     ADV_CONFLICT_LOCAL_PREF},
};

static void add_conflict_row(struct fixture *f, size_t row, size_t first)
{
    for (size_t i = 0; i < 2; i++) {
        size_t k = i ^ first;
        struct bgp_adv *adv = fixture_bgp(f, i == 0 ? "one" : "two", conflicts[row].nodes[k]);

        adv->peers = fixture_words(f, conflicts[row].peers[k]);
        adv->service_selectors = fixture_selectors(f, conflicts[row].selectors[k]);
        adv->local_pref = conflicts[row].local_pref[k];
        adv->as_path_prepend = conflicts[row].prepend[k];
        adv->aggregation_length = conflicts[row].length[k];
    }
}

/* Whether the advertisements of the row, the one of this number first, clash as it says. */
static void check_conflict(size_t row, size_t first)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.labels = "app=nginx", .endpoints = "A/r"};
    const struct bgp_node_verdict *a;
    struct decide_service s;
    struct bgp_verdict v;
    bool clash = conflicts[row].on_a != ADV_CONFLICT_NONE;

    fixture_init(&f, "A B");
    add_conflict_row(&f, row, first);
    s = fixture_service(&f, &spec);
    decide_bgp(&f.world, &s, f.arena, &v);
    a = &v.nodes[0];
    if ((a->reason == BGP_CONFLICTING_ADVERTISEMENTS) != clash ||
        a->conflict != conflicts[row].on_a || (a->conflict_a == &f.bgp[0]) != clash ||
        (a->conflict_b == &f.bgp[1]) != clash)
        fail_msg("%s, %zu first: \"%s\", conflict %d", conflicts[row].name, first,
                 bgp_reason_name(a->reason), a->conflict);
}

static void test_conflicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++) {
        check_conflict(i, 0);
        check_conflict(i, 1);
    }
}

/* Two advertisements that meet on one node only stop that node only. */
static void test_conflict_stays_on_its_node(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "A/r"};
    struct decide_service s;

    (void)state;
    fixture_init(&f, "A B C");
    fixture_bgp(&f, "one", "A B")->local_pref = 100;
    fixture_bgp(&f, "two", "B C")->local_pref = 200;
    s = fixture_service(&f, &spec);
    assert_string_equal(reason_of(&f, &s, "A"), "");
    assert_string_equal(reason_of(&f, &s, "B"), "conflictingAdvertisements");
    assert_string_equal(reason_of(&f, &s, "C"), "");
}

static void test_no_bgp_pool(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "A/r"};
    struct decide_service s;
    struct bgp_verdict v;

    (void)state;
    fixture_init(&f, "A");
    s = fixture_service(&f, &spec);
    decide_bgp(&f.world, &s, f.arena, &v);
    assert_null(v.nodes);

    (void)fixture_bgp(&f, "main", NULL);
    s.pool = NULL;
    s.addr_count = 0;
    decide_bgp(&f.world, &s, f.arena, &v);
    assert_null(v.nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_conflict_stays_on_its_node),
        cmocka_unit_test(test_no_bgp_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
