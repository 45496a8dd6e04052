/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds in every cluster: one owner among the eligible, nobody moves when somebody else goes,
 * and the order in which advertisements and slices arrive decides nothing. The clusters are random,
 * from a fixed seed.
 */
#include "decide/decide.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 500, NODES = 12, ADVS = 5, SLICES = 3 };

/* xorshift64: the same clusters in every run. */
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

static bool chance(struct dice *d, uint32_t percent)
{
    return roll(d, 100) < percent;
}

static void random_adv(struct fixture *f, struct dice *d, size_t at)
{
    struct l2_adv *adv = fixture_l2(f, arena_printf(f->arena, "adv%zu", at), "");
    int64_t *scores = arena_calloc(f->arena, NODES, sizeof(*scores));

    for (size_t i = 0; i < NODES; i++) {
        if (chance(d, 60))
            bitset_add(&adv->nodes, i);
        scores[i] = chance(d, 30) ? roll(d, 3) * 50 : 0;
    }
    adv->scores = chance(d, 50) ? scores : NULL;
    if (chance(d, 30))
        adv->service_selectors = fixture_selectors(f, chance(d, 50) ? "app=web" : "app=db");
}

static const char *random_endpoints(struct fixture *f, struct dice *d)
{
    static const char conditions[] = "rnsxaf";
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < SLICES; i++) {
        for (size_t k = roll(d, 4); k > 0; k--)
            text_printf(&t, "node-%02u/%c ", roll(d, NODES), conditions[roll(d, 6)]);
        text_add(&t, "|");
    }
    return arena_strdup(f->arena, text_str(&t));
}

static struct decide_service random_cluster(struct fixture *f, struct dice *d)
{
    struct service_spec spec = {.labels = "app=web"};
    CLEANUP(text_done) struct text names = {0};

    for (unsigned i = 0; i < NODES; i++)
        text_printf(&names, "node-%02u ", i);
    fixture_init(f, text_str(&names));
    for (size_t i = roll(d, ADVS + 1); i > 0; i--)
        random_adv(f, d, i);
    for (size_t i = 0; i < NODES; i++)
        f->nodes[i] = (struct decide_node){.liveness = chance(d, 10) ? NODE_NO_SPEAKER : NODE_ALIVE,
                                           .network_unavailable = chance(d, 10),
                                           .exclude_from_lb = chance(d, 10)};
    f->world.ignore_exclude_lb = chance(d, 20);
    spec.policy = chance(d, 50) ? "Local" : "Cluster";
    spec.annotations = chance(d, 10) ? "metallb.io/allow-shared-ip=k" : "";
    spec.addrs = arena_printf(f->arena, "10.20.30.%u", roll(d, 256));
    spec.endpoints = random_endpoints(f, d);
    return fixture_service(f, &spec);
}

static struct l2_verdict decide(struct fixture *f, const struct decide_service *s)
{
    struct l2_verdict v;

    decide_l2(&f->world, s, f->arena, &v);
    return v;
}

/* Which node announces, or -1. */
static long owner(const struct l2_verdict *v)
{
    return v->eligible_count > 0 ? (long)v->candidates[0].node : -1;
}

static void test_one_owner(void **state)
{
    struct dice d = {0x5eed};
    size_t owned = 0;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        CLEANUP(fixture_done) struct fixture f;
        struct decide_service s = random_cluster(&f, &d);
        struct l2_verdict v = decide(&f, &s);
        bool seen[NODES] = {false};
        size_t owners = 0;

        assert_int_equal(v.candidate_count, NODES);
        for (size_t i = 0; i < NODES; i++) {
            const struct l2_candidate *c = &v.candidates[i];

            assert_false(seen[c->node]);
            seen[c->node] = true;
            assert_int_equal(c->reason == L2_OK, i < v.eligible_count);
            owners += str_eq(l2_reason_metallb(&v, c->node), "");
        }
        assert_int_equal(owners, v.eligible_count > 0);
        owned += owners;
    }
    /* The generator must reach both worlds for this to say anything. */
    assert_true(owned > ROUNDS / 5 && owned < ROUNDS);
}

/* Takes each node that is not the owner away, by itself: the owner stays. When the owner goes, the
 * first standby takes over. */
static void test_failover_moves_nobody_else(void **state)
{
    struct dice d = {0xfa11};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        CLEANUP(fixture_done) struct fixture f;
        struct decide_service s = random_cluster(&f, &d);
        struct l2_verdict v = decide(&f, &s);
        long standby = v.eligible_count > 1 ? (long)v.candidates[1].node : -1;

        for (size_t i = 0; i < NODES; i++) {
            enum node_liveness before = f.nodes[i].liveness;
            struct l2_verdict after;

            f.nodes[i].liveness = NODE_NO_SPEAKER;
            after = decide(&f, &s);
            f.nodes[i].liveness = before;
            if (owner(&after) != ((long)i == owner(&v) ? standby : owner(&v)))
                fail_msg("round %d: node %zu gone, owner %ld became %ld", round, i, owner(&v),
                         owner(&after));
        }
    }
}

static void reverse_advs(struct fixture *f)
{
    for (size_t i = 0, k = f->pool.l2_count; i + 1 < k; i++) {
        struct l2_attachment first = f->attachments[i];

        f->attachments[i] = f->attachments[--k];
        f->attachments[k] = first;
    }
}

static struct object_list reversed(struct fixture *f, struct object_list list)
{
    const struct object **items = arena_calloc(f->arena, list.count, sizeof(*items));

    for (size_t i = 0; i < list.count; i++)
        items[i] = list.items[list.count - 1 - i];
    return (struct object_list){items, list.count};
}

static void test_order_of_inputs(void **state)
{
    struct dice d = {0x0de5};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        CLEANUP(fixture_done) struct fixture f;
        struct decide_service s = random_cluster(&f, &d);
        struct l2_verdict v = decide(&f, &s), w;

        reverse_advs(&f);
        s.slices = reversed(&f, s.slices);
        w = decide(&f, &s);
        assert_int_equal(v.eligible_count, w.eligible_count);
        for (size_t i = 0; i < NODES; i++) {
            assert_int_equal(v.candidates[i].node, w.candidates[i].node);
            assert_int_equal(v.candidates[i].reason, w.candidates[i].reason);
            assert_int_equal(v.candidates[i].score, w.candidates[i].score);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_owner),
        cmocka_unit_test(test_failover_moves_nobody_else),
        cmocka_unit_test(test_order_of_inputs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
