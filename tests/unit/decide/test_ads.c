/* SPDX-License-Identifier: Apache-2.0 */
/* What a Service brings in on one node, and what advertisements add up to: spec speaker-bgp 0.1,
 * C25 to C27; changes-0.16.2 1.4. */
#include "decide/decide.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- decide_bgp_ads --- */

/* Nodes A and B; "host" on both, "net" (/24 and /64) on A, "other" for Services with app=db. */
struct ads_row {
    const char *name;
    struct service_spec service;
    const char *node, *want;
};

static const struct ads_row ads_rows[] = {
    {"both advertisements", {.endpoints = "A/r"}, "A", "10.20.30.0/24 net, 10.20.30.1/32 host"},
    {"one of them lists the node", {.endpoints = "A/r"}, "B", "10.20.30.1/32 host"},
    {"host bits are cut, and what is then the same comes once",
     {.endpoints = "A/r", .addrs = "10.20.30.9 10.20.30.1"},
     "A",
     "10.20.30.0/24 net, 10.20.30.1/32 host, 10.20.30.9/32 host"},
    {"two families",
     {.endpoints = "A/r", .addrs = "2001:db8::7 10.20.30.1"},
     "A",
     "10.20.30.0/24 net, 10.20.30.1/32 host, 2001:db8::/64 net, 2001:db8::7/128 host"},
    {"by the labels of the Service",
     {.endpoints = "A/r", .labels = "app=db"},
     "B",
     "10.20.30.1/32 host, 10.20.30.1/32 other"},
    {"no endpoint", {.endpoints = NULL}, "A", ""},
    {"no endpoint here", {.endpoints = "A/r", .policy = "Local"}, "B", ""},
    {"an endpoint here", {.endpoints = "B/r", .policy = "Local"}, "B", "10.20.30.1/32 host"},
};

static const char *ads_of(struct fixture *f, const struct ads_row *row)
{
    struct decide_service s = fixture_service(f, &row->service);
    CLEANUP(text_done) struct text t = {0};
    struct bgp_verdict v;
    struct bgp_ad *ads;
    size_t count;

    decide_bgp(&f->world, &s, f->arena, &v);
    ads = decide_bgp_ads(&s, &v, fixture_node(f, row->node), f->arena, &count);
    for (size_t i = 0; i < count; i++)
        text_printf(&t, "%s%s %s", i > 0 ? ", " : "", prefix_format(ads[i].prefix).s,
                    ads[i].adv->name);
    return arena_strdup(f->arena, text_str(&t));
}

static void test_ads(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ads_rows); i++) {
        struct fixture f;
        struct bgp_adv *net;
        const char *got;

        fixture_init(&f, "A B");
        fixture_bgp(&f, "host", NULL);
        net = fixture_bgp(&f, "net", "A");
        net->aggregation_length = 24;
        net->aggregation_length_v6 = 64;
        fixture_bgp(&f, "other", NULL)->service_selectors = fixture_selectors(&f, "app=db");
        got = ads_of(&f, &ads_rows[i]);
        if (strcmp(got, ads_rows[i].want) != 0)
            fail_msg("%s: %s, not %s", ads_rows[i].name, got, ads_rows[i].want);
        fixture_done(&f);
    }
}

/* An advertisement that reaches a pool by name and by selector is attached twice (C26). */
static void test_attached_twice(void **state)
{
    static const struct ads_row row = {"", {.endpoints = "A/r"}, "A", ""};
    struct fixture f;

    (void)state;
    fixture_init(&f, "A");
    fixture_bgp(&f, "host", NULL);
    f.bgp_list[1] = f.bgp_list[0];
    f.pool.bgp_count = 2;
    assert_string_equal(ads_of(&f, &row), "10.20.30.1/32 host");
    fixture_done(&f);
}

static void test_pool_without_advertisement(void **state)
{
    static const struct ads_row row = {"", {.endpoints = "A/r"}, "A", ""};
    struct fixture f;

    (void)state;
    fixture_init(&f, "A");
    assert_string_equal(ads_of(&f, &row), "");
    fixture_done(&f);
}

/* --- bgp_wishes_add --- */

struct wish {
    uint32_t local_pref;
    uint8_t prepend;
    const char *communities;
};

static const struct {
    const char *name;
    struct wish wishes[3];
    size_t count;
    const char *want;
} wish_rows[] = {
    {"nothing", {{0}}, 0, "none"},
    {"nothing asked for", {{0, 0, ""}}, 1, "lp 0 pp 0"},
    {"one", {{100, 2, "1:2"}}, 1, "lp 100 pp 2 1:2"},
    {"the highest preference", {{90, 0, ""}, {100, 0, ""}, {0, 0, ""}}, 3, "lp 100! pp 0"},
    {"the smallest prepend that is set", {{0, 0, ""}, {0, 5, ""}, {0, 3, ""}}, 3, "lp 0 pp 3!"},
    {"all communities",
     {{0, 0, "1:2 1:3"}, {0, 0, ""}, {0, 0, "1:1 1:3 2:0"}},
     3,
     "lp 0 pp 0 1:1 1:2 1:3 2:0"},
    {"equal ones do not differ", {{7, 1, "1:1"}, {7, 1, "1:1"}}, 2, "lp 7 pp 1 1:1"},
};

static void print_wishes(struct text *t, const struct bgp_wishes *w)
{
    if (!w->any) {
        text_add(t, "none");
        return;
    }
    text_printf(t, "lp %u%s pp %u%s", w->local_pref, w->local_prefs_differ ? "!" : "", w->prepend,
                w->prepends_differ ? "!" : "");
    for (size_t i = 0; i < w->community_count; i++)
        text_printf(t, " %s", bgp_community_format(w->communities[i]).s);
}

static void test_wishes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wish_rows); i++) {
        CLEANUP(text_done) struct text t = {0};
        struct bgp_wishes w = {0};
        struct fixture f;

        fixture_init(&f, "A");
        for (size_t k = 0; k < wish_rows[i].count; k++) {
            const struct wish *wish = &wish_rows[i].wishes[k];
            struct bgp_adv *adv = fixture_bgp(&f, "adv", NULL);

            adv->local_pref = wish->local_pref;
            adv->as_path_prepend = wish->prepend;
            fixture_communities(&f, adv, wish->communities);
            bgp_wishes_add(&w, adv, f.arena);
        }
        print_wishes(&t, &w);
        if (strcmp(text_str(&t), wish_rows[i].want) != 0)
            fail_msg("%s: %s, not %s", wish_rows[i].name, text_str(&t), wish_rows[i].want);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ads),
        cmocka_unit_test(test_attached_twice),
        cmocka_unit_test(test_pool_without_advertisement),
        cmocka_unit_test(test_wishes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
