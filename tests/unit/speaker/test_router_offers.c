/* SPDX-License-Identifier: Apache-2.0 */
/* What holders bring in, and the routes that peers are given: spec speaker-bgp 0.1, C25 to C33,
 * changes-0.16.2 1.4. */
#include "speaker/router.h"

#include "../decide/fixture.h"
#include "base/log.h"
#include "fake_engines.h"
#include "role/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOLDERS = 4 };

/* The node A with an eBGP peer "ext", an iBGP peer "int" and one of IPv6, "six". */
struct world {
    struct event_base *base;
    struct router *router;
    struct fixture f;
    struct bgp_adv *adv[3]; /* "one", "two", "three": all peers, nothing asked for */
    char holders[HOLDERS];  /* their addresses are the holders: a, b, c, d */
    bool changed[HOLDERS];
};

static void on_changed(void *arg, void *holder)
{
    struct world *w = arg;

    for (size_t i = 0; i < HOLDERS; i++)
        w->changed[i] |= holder == &w->holders[i];
}

static void make_config(struct world *w)
{
    static const char *const names[] = {"one", "two", "three"};
    struct peer *p;

    fixture_init(&w->f, "A B");
    w->f.cfg.refs = 1; /* it is part of the fixture */
    fixture_peer(&w->f, "ext", "198.18.0.2", NULL);
    p = fixture_peer(&w->f, "int", "198.18.0.3", NULL);
    p->peer_asn = p->my_asn;
    fixture_peer(&w->f, "six", "2001:db8::2", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        w->adv[i] = fixture_bgp(&w->f, names[i], NULL);
}

static void set_config(struct world *w)
{
    router_set_config(w->router, &w->f.cfg, 0, fixture_ip("198.18.0.1"), (struct ip){0});
}

static void end_config(struct world *w)
{
    assert_int_equal(w->f.cfg.refs, 1);
    fixture_done(&w->f);
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    struct router_options options = {.node = "A", .holder_changed = on_changed, .arg = w};
    struct err err = {0};

    w->base = loop_new();
    options.base = w->base;
    options.defaults = (struct router_defaults){180, 60, 1};
    assert_int_equal(router_new(&w->router, &options, &err), 0);
    for (size_t i = 0; i < HOLDERS; i++)
        w->holders[i] = (char)('a' + i);
    make_config(w);
    set_config(w);
    (void)fake_calls();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    router_free(w->router);
    end_config(w);
    event_base_free(w->base);
    free(w);
    fake_reset();
    return 0;
}

/* Holder `h` brings in the prefixes of `words`, each by the advertisement of that number:
 * "10.20.30.1/32=0". */
static void put(struct world *w, size_t h, const char *words, bool draining)
{
    struct string_list list = fixture_words(&w->f, words);
    struct bgp_ad ads[8];

    for (size_t i = 0; i < list.count; i++) {
        const char *eq = strchr(list.items[i], '=');
        char *prefix = arena_strndup(w->f.arena, list.items[i], (size_t)(eq - list.items[i]));

        assert_true(prefix_parse(&ads[i].prefix, prefix));
        ads[i].adv = w->adv[eq[1] - '0'];
    }
    router_put(w->router, &w->holders[h], ads, list.count, draining);
}

static void expect_routes(const char *want)
{
    assert_string_equal(fake_routes(), want);
}

/* Holders told of since the last call, once the loop has done what was to do: "ac". */
static void expect_changed(struct world *w, const char *want)
{
    char got[HOLDERS + 1] = "", *end = got;

    event_base_loop(w->base, EVLOOP_NONBLOCK);
    for (size_t i = 0; i < HOLDERS; i++) {
        if (w->changed[i])
            *end++ = w->holders[i];
        w->changed[i] = false;
    }
    assert_string_equal(got, want);
}

static const char *peers_of(struct world *w, size_t h)
{
    struct string_list list = router_holder_peers(w->router, &w->holders[h], w->f.arena);

    return fixture_join(&w->f, &list);
}

static void test_families(void **state)
{
    struct world *w = *state;

    put(w, 0, "10.20.30.1/32=0 2001:db8:1::1/128=0", false);
    expect_routes("10.20.30.1/32 int, ext\n2001:db8:1::1/128 six");
    assert_string_equal(peers_of(w, 0), "ext,int,six");
    put(w, 1, "2001:db8:1::1/128=0", false);
    assert_string_equal(peers_of(w, 1), "six");
    expect_changed(w, "ab");
    assert_string_equal(peers_of(w, 2), "");
}

static void test_classes(void **state)
{
    struct world *w = *state;

    w->adv[0]->local_pref = 50;
    w->adv[0]->as_path_prepend = 2;
    fixture_communities(&w->f, w->adv[0], "1:2 large:1:2:3");
    put(w, 0, "10.20.30.1/32=0", false);
    expect_routes("10.20.30.1/32 int lp=50 large:1:2:3 1:2, ext pp=2 large:1:2:3 1:2");
}

static void test_lists_of_peers(void **state)
{
    struct world *w = *state;

    w->adv[0]->peers = fixture_words(&w->f, "ext nobody");
    w->adv[1]->peers = fixture_words(&w->f, "int");
    w->adv[1]->local_pref = 7;
    put(w, 0, "10.20.30.1/32=0", false);
    expect_routes("10.20.30.1/32 ext");
    expect_changed(w, "a");
    /* C31: who shares the prefix is listed with all its peers. */
    put(w, 1, "10.20.30.1/32=1", false);
    expect_routes("10.20.30.1/32 int lp=7, ext");
    assert_string_equal(peers_of(w, 0), "ext,int");
    expect_changed(w, "ab");
    router_drop(w->router, &w->holders[1]);
    expect_routes("10.20.30.1/32 ext");
    expect_changed(w, "ab");
}

static void test_merging(void **state)
{
    struct world *w = *state;

    w->adv[0]->local_pref = 90;
    w->adv[0]->as_path_prepend = 5;
    w->adv[1]->local_pref = 100;
    w->adv[1]->as_path_prepend = 3;
    fixture_communities(&w->f, w->adv[0], "1:1");
    fixture_communities(&w->f, w->adv[1], "1:2");
    w->adv[0]->med = 20;
    w->adv[1]->med = 10;
    put(w, 0, "10.20.30.0/24=0", true);
    expect_routes("10.20.30.0/24 int lp=0 med=20 1:1 65535:0, ext med=20 pp=5 1:1 65535:0");
    put(w, 0, "10.20.30.0/24=0", false);
    put(w, 1, "10.20.30.0/24=1", false);
    expect_routes("10.20.30.0/24 int lp=100 med=10 1:1 1:2, ext med=10 pp=3 1:1 1:2");
    put(w, 2, "10.20.30.0/24=2", false);
    expect_routes("10.20.30.0/24 int lp=100 1:1 1:2, ext pp=3 1:1 1:2");
    router_drop(w->router, &w->holders[1]);
    expect_routes("10.20.30.0/24 int lp=90 1:1, ext pp=5 1:1");
    router_drop(w->router, &w->holders[0]);
    expect_routes("10.20.30.0/24 int, ext");
    router_drop(w->router, &w->holders[2]);
    expect_routes("");
    assert_int_equal(fake_offer_count(), 0);
}

/* The same again, and other holders of the same, are no news for the engine. */
static void test_no_news(void **state)
{
    struct world *w = *state;

    put(w, 0, "10.20.30.1/32=0 10.20.30.2/32=0", false);
    assert_string_equal(fake_route_calls(),
                        "put 10.20.30.1/32 int, ext; put 10.20.30.2/32 int, ext");
    expect_changed(w, "a");
    put(w, 0, "10.20.30.1/32=0 10.20.30.2/32=0", false);
    put(w, 1, "10.20.30.1/32=1", false); /* another advertisement that asks for the same */
    router_drop(w->router, &w->holders[1]);
    assert_string_equal(fake_route_calls(), "");
    expect_changed(w, "b");
    assert_int_equal(fake_offer_count(), 1);
}

/* Make before break: the new address is there before the old one goes. */
static void test_change_of_address(void **state)
{
    struct world *w = *state;

    put(w, 0, "10.20.30.1/32=0 10.20.30.1/32=1", false);
    (void)fake_route_calls();
    put(w, 0, "10.20.30.2/32=0", false);
    assert_string_equal(fake_route_calls(), "put 10.20.30.2/32 int, ext; del 10.20.30.1/32");
    put(w, 0, "", false);
    assert_string_equal(fake_route_calls(), "del 10.20.30.2/32");
    expect_changed(w, "a");
    router_drop(w->router, &w->holders[3]); /* unknown */
}

static void test_draining(void **state)
{
    struct world *w = *state;

    w->adv[0]->local_pref = 50;
    fixture_communities(&w->f, w->adv[0], "1:2");
    put(w, 0, "10.20.30.1/32=0", true);
    expect_routes("10.20.30.1/32 int lp=0 1:2 65535:0, ext 1:2 65535:0");
    put(w, 1, "10.20.30.1/32=0", false);
    expect_routes("10.20.30.1/32 int lp=50 1:2, ext 1:2");
    put(w, 1, "10.20.30.1/32=0", true);
    expect_routes("10.20.30.1/32 int lp=0 1:2 65535:0, ext 1:2 65535:0");
    put(w, 0, "10.20.30.1/32=0", false);
    expect_routes("10.20.30.1/32 int lp=50 1:2, ext 1:2");
    expect_changed(w, "ab"); /* the peers stay the same */
}

/* A peer that has the route from draining holders alone is told so. */
static void test_draining_for_one_peer(void **state)
{
    struct world *w = *state;

    w->adv[0]->peers = fixture_words(&w->f, "ext");
    w->adv[1]->peers = fixture_words(&w->f, "int");
    put(w, 0, "10.20.30.1/32=0", true);
    put(w, 1, "10.20.30.1/32=1", false);
    expect_routes("10.20.30.1/32 int, ext 65535:0");
}

/* A configuration made of other objects with the same content. */
static void test_same_config(void **state)
{
    struct world *w = *state;
    struct world *next = xcalloc(1, sizeof(*next));

    w->adv[0]->local_pref = 50;
    w->adv[0]->peers = fixture_words(&w->f, "int");
    fixture_communities(&w->f, w->adv[0], "1:2");
    put(w, 0, "10.20.30.1/32=0", false);
    put(w, 1, "10.20.30.2/32=1", false);
    expect_changed(w, "ab");
    (void)fake_route_calls();
    make_config(next);
    next->adv[0]->local_pref = 50;
    next->adv[0]->peers = fixture_words(&next->f, "int");
    fixture_communities(&next->f, next->adv[0], "1:2");
    next->router = w->router;
    set_config(next);
    router_put(w->router, &w->holders[0],
               &(struct bgp_ad){{fixture_ip("10.20.30.1"), 32}, next->adv[0]}, 1, false);
    assert_string_equal(fake_route_calls(), "");
    expect_changed(w, "");
    set_config(w);
    end_config(next);
    free(next);
}

static void test_other_peers(void **state)
{
    struct world *w = *state;
    struct peer *late;

    w->adv[0]->peers = fixture_words(&w->f, "int late");
    put(w, 0, "10.20.30.1/32=0", false);
    put(w, 1, "2001:db8:1::1/128=1", false);
    expect_changed(w, "ab");
    (void)fake_route_calls();
    late = fixture_peer(&w->f, "late", "198.18.0.4", NULL);
    w->f.peers[3] = w->f.peers[2]; /* sorted by name */
    w->f.peers[2] = (struct peer){.name = "late",
                                  .my_asn = 64512,
                                  .peer_asn = 64500,
                                  .address = fixture_ip("198.18.0.4"),
                                  .interface = "",
                                  .nodes = late->nodes};
    set_config(w);
    assert_string_equal(fake_route_calls(), "put 10.20.30.1/32 late, int");
    assert_string_equal(peers_of(w, 0), "int,late");
    assert_string_equal(peers_of(w, 1), "six");
    expect_changed(w, "a");
}

/* Renamed, a peer is the same to the engine; ServiceBGPStatus has to change. */
static void test_renamed_peer(void **state)
{
    struct world *w = *state;

    put(w, 0, "2001:db8:1::1/128=0", false);
    put(w, 1, "10.20.30.1/32=0", false);
    expect_changed(w, "ab");
    w->f.peers[2].name = "sixth";
    set_config(w);
    expect_changed(w, "a");
    assert_string_equal(peers_of(w, 0), "sixth");
}

static void test_no_node(void **state)
{
    struct world *w = *state;

    put(w, 0, "10.20.30.1/32=0", false);
    router_set_config(w->router, &w->f.cfg, -1, (struct ip){0}, (struct ip){0});
    expect_routes("10.20.30.1/32");
    expect_changed(w, "a");
    assert_string_equal(peers_of(w, 0), "");
}

static void on_route(void *arg, const struct router_route_view *v)
{
    text_printf(arg, "%s>%s ", prefix_format(v->prefix).s, v->peer);
    assert_int_equal(v->state, BGP_ROUTE_NO_SESSION);
}

static void test_view_of_routes(void **state)
{
    CLEANUP(text_done) struct text t = {0};
    const struct router_range all = {0};
    struct world *w = *state;
    struct prefix prefixes[8];
    size_t n;

    put(w, 0, "10.20.30.2/32=0 2001:db8:1::1/128=0", false);
    put(w, 1, "10.20.30.1/32=0", false);
    assert_int_equal(router_prefix_count(w->router), 3);
    n = router_prefixes(w->router, &all, prefixes, ARRAY_SIZE(prefixes));
    for (size_t i = 0; i < n; i++)
        router_each_route(w->router, prefixes[i], on_route, &t);
    router_each_route(w->router, prefix_of(fixture_ip("10.20.30.3"), 32), on_route, &t);
    assert_string_equal(text_str(&t), "10.20.30.1/32>ext 10.20.30.1/32>int 10.20.30.2/32>ext "
                                      "10.20.30.2/32>int 2001:db8:1::1/128>six ");
}

/* Whatever comes and goes in whatever order, the routes are those of the plain rule. */
static void test_counts(void **state)
{
    enum { STEPS = 4000 };
    struct world *w = *state;
    int brought[HOLDERS] = {-1, -1, -1, -1};
    uint64_t seed = 1;

    for (uint32_t i = 0; i < 3; i++)
        w->adv[i]->local_pref = 10 * (i + 1);
    for (size_t step = 0; step < STEPS; step++) {
        size_t h;
        int a, best = -1;

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        h = seed >> 33 & 3;
        a = (int)(seed >> 40 & 3) - 1;
        brought[h] = a;
        if (a < 0)
            router_drop(w->router, &w->holders[h]);
        else
            put(w, h,
                a == 0   ? "10.20.30.0/24=0"
                : a == 1 ? "10.20.30.0/24=1"
                         : "10.20.30.0/24=2",
                false);
        for (size_t i = 0; i < HOLDERS; i++)
            best = brought[i] > best ? brought[i] : best;
        expect_routes(best < 0    ? ""
                      : best == 0 ? "10.20.30.0/24 int lp=10, ext"
                      : best == 1 ? "10.20.30.0/24 int lp=20, ext"
                                  : "10.20.30.0/24 int lp=30, ext");
    }
    (void)fake_route_calls();
}

/* More than the tables start with: each of many holders has a prefix of its own and a common one.
 */
static void test_many(void **state)
{
    enum { MANY = 500 };
    struct world *w = *state;
    char many[MANY];

    for (uint32_t i = 0; i < MANY; i++) {
        struct bgp_ad ads[2] = {{{fixture_ip("10.20.0.0"), 16}, w->adv[0]},
                                {{ip_v4(0x0a140000 + i), 32}, w->adv[0]}};

        router_put(w->router, &many[i], ads, 2, false);
        assert_int_equal(fake_route_count(), i + 2);
    }
    assert_int_equal(fake_offer_count(), 1);
    for (size_t i = 0; i < MANY; i++) {
        size_t at = i * 7 % MANY;

        assert_int_equal(router_holder_peers(w->router, &many[at], w->f.arena).count, 2);
        router_drop(w->router, &many[at]);
        assert_int_equal(router_holder_peers(w->router, &many[at], w->f.arena).count, 0);
        assert_int_equal(fake_route_count(), i + 1 < MANY ? MANY - i : 0);
    }
    assert_int_equal(fake_offer_count(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_families),       TEST(test_classes),
        TEST(test_lists_of_peers), TEST(test_merging),
        TEST(test_no_news),        TEST(test_change_of_address),
        TEST(test_draining),       TEST(test_draining_for_one_peer),
        TEST(test_same_config),    TEST(test_other_peers),
        TEST(test_renamed_peer),   TEST(test_no_node),
        TEST(test_view_of_routes), TEST(test_counts),
        TEST(test_many),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
