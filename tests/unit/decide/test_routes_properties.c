/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes of random clusters, from a fixed seed, against the rule written down plainly: for a
 * node, a peer and a prefix, look at every Service, address and advertisement there is (spec
 * speaker-bgp C25 to C27).
 */
#include "decide/decide.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 200, NODES = 5, ADVS = 5, PEERS = 4, SERVICES = 8 };

struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *d, uint32_t sides)
{
    d->state ^= d->state << 13;
    d->state ^= d->state >> 7;
    d->state ^= d->state << 17;
    return (uint32_t)(d->state >> 32) % sides;
}

/* Some of the words, as a list. */
static const char *some(struct fixture *f, struct dice *d, const char *words, uint32_t percent)
{
    struct string_list all = fixture_words(f, words);
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < all.count; i++) {
        if (roll(d, 100) < percent)
            text_printf(&t, "%s ", all.items[i]);
    }
    return arena_strdup(f->arena, text_str(&t));
}

static void random_adv(struct fixture *f, struct dice *d, size_t at)
{
    static const uint8_t lengths[] = {32, 32, 24, 30};
    struct bgp_adv *adv =
        fixture_bgp(f, arena_printf(f->arena, "adv%zu", at), some(f, d, "n0 n1 n2 n3 n4", 70));

    adv->aggregation_length = lengths[roll(d, 4)];
    adv->aggregation_length_v6 = roll(d, 2) == 0 ? 128 : 120;
    adv->local_pref = roll(d, 3) * 100;
    adv->as_path_prepend = (uint8_t)roll(d, 3);
    adv->peers = fixture_words(f, roll(d, 2) == 0 ? "" : some(f, d, "p0 p1 p2 p3", 50));
    adv->service_selectors = fixture_selectors(f, roll(d, 2) == 0 ? "" : "app=x|app=y");
    fixture_communities(f, adv, some(f, d, "1:1 2:2 3:3 large:4:4:4", 40));
}

static void random_peer(struct fixture *f, struct dice *d, size_t at)
{
    static const char *const addresses[] = {"10.9.0.1", "2001:db8::1", NULL};
    struct peer *p = fixture_peer(f, arena_printf(f->arena, "p%zu", at), addresses[roll(d, 3)],
                                  some(f, d, "n0 n1 n2 n3 n4", 70));

    if (roll(d, 2) == 0)
        p->peer_asn = p->my_asn;
    p->dual_stack_address_family = roll(d, 3) == 0;
}

static struct decide_service random_service(struct fixture *f, struct dice *d)
{
    static const char *const labels[] = {"app=x", "app=y", "app=z"};
    struct service_spec spec = {
        .labels = labels[roll(d, 3)],
        .policy = roll(d, 2) == 0 ? "Local" : "Cluster",
        .addrs = arena_printf(f->arena, roll(d, 2) == 0 ? "10.20.30.%u" : "10.20.30.%u 2001:db8::7",
                              roll(d, 8)),
        .endpoints = some(f, d, "n0/r n1/r n2/r n3/r n4/r", 60),
    };

    return fixture_service(f, &spec);
}

/* --- the plain rule --- */

struct expected {
    bool sent, differ;
    uint32_t local_pref;
    uint8_t prepend;
    bool has_community[5]; /* by value of the first part */
};

static struct prefix prefix_by(const struct bgp_adv *adv, struct ip a)
{
    return prefix_of(a, a.family == IP_V4 ? adv->aggregation_length : adv->aggregation_length_v6);
}

static bool adv_goes(const struct bgp_adv *adv, const struct decide_service *s, size_t node,
                     const struct peer *peer)
{
    return bitset_has(&adv->nodes, node) &&
           service_selected(&adv->service_selectors, &s->service->meta.labels) &&
           (adv->peers.count == 0 || string_list_has(&adv->peers, peer->name));
}

static void expect_adv(struct expected *e, const struct bgp_adv *adv, bool ibgp)
{
    uint32_t mine = ibgp ? adv->local_pref : adv->as_path_prepend;
    uint32_t other = ibgp ? e->local_pref : e->prepend;

    e->differ |= e->sent && mine != other;
    if (adv->local_pref > e->local_pref)
        e->local_pref = adv->local_pref;
    if (e->prepend == 0 || (adv->as_path_prepend > 0 && adv->as_path_prepend < e->prepend))
        e->prepend = adv->as_path_prepend;
    e->sent = true;
    for (size_t i = 0; i < adv->community_count; i++) {
        struct bgp_community c = adv->communities[i];

        e->has_community[c.kind == BGP_COMMUNITY_LARGE ? c.a : c.a >> 16] = true;
    }
}

struct plain_cluster {
    struct fixture f;
    struct decide_service services[SERVICES];
    struct bgp_verdict verdicts[SERVICES];
    struct route_table *table;
};

/* `only` limits it to what one Service brings in; SIZE_MAX asks for all of them. */
static struct expected expect(const struct plain_cluster *c, size_t only, size_t node,
                              const struct peer *peer, struct prefix p)
{
    struct expected e = {0};

    for (size_t s = 0; s < SERVICES; s++) {
        const struct decide_service *service = &c->services[s];

        if ((only != SIZE_MAX && s != only) || c->verdicts[s].nodes[node].reason != BGP_OK)
            continue;
        for (size_t k = 0; k < service->addr_count * c->f.pool.bgp_count; k++) {
            struct ip addr = service->addrs[k / c->f.pool.bgp_count];
            const struct bgp_adv *adv = c->f.bgp_list[k % c->f.pool.bgp_count];

            if (prefix_eq(prefix_by(adv, addr), p) && adv_goes(adv, service, node, peer) &&
                bitset_has(&peer->nodes, node) && peer_carries(peer, addr.family))
                expect_adv(&e, adv, peer_is_ibgp(peer));
        }
    }
    return e;
}

static void set_up(struct plain_cluster *c, struct dice *d)
{
    struct fixture *f = &c->f;

    fixture_init(f, "n0 n1 n2 n3 n4");
    for (size_t i = 0; i < ADVS; i++)
        random_adv(f, d, i);
    for (size_t i = 0; i < PEERS; i++)
        random_peer(f, d, i);
    for (size_t i = 0; i < SERVICES; i++) {
        c->services[i] = random_service(f, d);
        decide_bgp(&f->world, &c->services[i], f->arena, &c->verdicts[i]);
        /* What conflicts inside one Service is another test's matter; here everything is allowed to
         * meet. */
        for (size_t n = 0; n < NODES; n++) {
            if (c->verdicts[i].nodes[n].reason == BGP_CONFLICTING_ADVERTISEMENTS)
                c->verdicts[i].nodes[n].reason = BGP_OK;
        }
    }
    c->table = route_table_new(&f->world, c->services, c->verdicts, SERVICES, f->arena);
}

static void check_route(const struct plain_cluster *c, const struct bgp_route *r)
{
    struct expected e = expect(c, SIZE_MAX, r->node, r->peer, r->prefix);
    bool ibgp = peer_is_ibgp(r->peer);
    size_t communities = 0;

    assert_true(e.sent);
    assert_int_equal(r->local_pref, ibgp ? e.local_pref : 0);
    assert_int_equal(r->as_path_prepend, ibgp ? 0 : e.prepend);
    assert_int_equal(r->local_pref_ignored, !ibgp && e.local_pref > 0);
    assert_int_equal(r->as_path_prepend_ignored, ibgp && e.prepend > 0);
    for (size_t i = 0; i < ARRAY_SIZE(e.has_community); i++)
        communities += e.has_community[i];
    assert_int_equal(r->community_count, communities);
    for (size_t i = 0; i < r->community_count; i++) {
        struct bgp_community community = r->communities[i];

        assert_true(e.has_community[community.kind == BGP_COMMUNITY_LARGE ? community.a
                                                                          : community.a >> 16]);
        assert_true(i == 0 || bgp_community_cmp(r->communities[i - 1], community) < 0);
    }
    if (e.differ)
        assert_true(r->values_differ);
}

/* Every combination of node, peer and prefix that the plain rule gives to this Service. */
static size_t count_expected(const struct plain_cluster *c, size_t service)
{
    const struct decide_service *s = &c->services[service];
    size_t total = 0;

    for (size_t k = 0; k < NODES * PEERS; k++) {
        struct prefix seen[ADVS * 2];
        size_t seen_count = 0;

        for (size_t i = 0; i < s->addr_count * ADVS; i++) {
            struct prefix p = prefix_by(c->f.bgp_list[i % ADVS], s->addrs[i / ADVS]);
            bool again = false;

            for (size_t j = 0; j < seen_count; j++)
                again |= prefix_eq(seen[j], p);
            if (again)
                continue;
            seen[seen_count++] = p;
            total += expect(c, service, k / PEERS, &c->f.peers[k % PEERS], p).sent;
        }
    }
    return total;
}

static int route_cmp(const struct bgp_route *a, const struct bgp_route *b)
{
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    if (a->peer != b->peer)
        return strcmp(a->peer->name, b->peer->name);
    return prefix_cmp(a->prefix, b->prefix);
}

static void test_against_the_plain_rule(void **state)
{
    struct dice d = {0x70117e5};
    size_t seen = 0;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct plain_cluster c;

        set_up(&c, &d);
        for (size_t s = 0; s < SERVICES; s++) {
            size_t count;
            struct bgp_route *list = route_table_of(c.table, s, c.f.arena, &count);

            assert_int_equal(count, count_expected(&c, s));
            for (size_t i = 0; i < count; i++) {
                check_route(&c, &list[i]);
                assert_true(expect(&c, s, list[i].node, list[i].peer, list[i].prefix).sent);
                assert_true(i == 0 || route_cmp(&list[i - 1], &list[i]) < 0);
            }
            seen += count;
        }
        fixture_done(&c.f);
    }
    assert_true(seen > ROUNDS * SERVICES); /* the generator makes clusters that announce */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_plain_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
