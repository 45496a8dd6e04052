/* SPDX-License-Identifier: Apache-2.0 */
/* Whole clusters on a simulated network (gossip_sim.h): what must hold whatever the seed. */
#include "gossip_sim.h"

#include "base/text.h"
#include "gossip_hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEC NS_PER_SEC
#define MS NS_PER_MS

enum { SEEDS = 5 };

static void begin(struct sim *s)
{
    for (size_t i = 0; i < s->count; i++)
        sim_start(s, i);
    for (size_t i = 0; i < s->count; i++)
        sim_join(s, i);
    if (sim_run_until_agreed(s, 5 * SEC) < 0)
        fail_msg("%zu nodes do not find each other", s->count);
    sim_run(s, 10 * SEC);
}

/* Nodes that know each other. */
static struct sim *set_up(uint64_t seed, size_t count)
{
    struct sim *s = sim_new(seed, count);

    begin(s);
    return s;
}

static unsigned told(const struct sim *s, enum gossip_action_kind kind)
{
    unsigned sum = 0;

    for (size_t i = 0; i < s->count; i++)
        sum += s->nodes[i].told[kind];
    return sum;
}

static void agrees_and_stays_calm(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (size_t n = 1; n <= 10; n += 3) {
            struct sim *s;

            s = set_up(seed, n);
            sim_run(s, 120 * SEC);
            assert_true(sim_agrees(s));
            assert_int_equal(told(s, GOSSIP_TELL_SUSPECT), 0);
            assert_int_equal(told(s, GOSSIP_TELL_LEAVE), 0);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(gossip_health(s->nodes[i].g), 0);
            sim_free(s);
        }
    }
}

/* A join with one other node is enough to know all. */
static void spreads_what_one_knows(void **state)
{
    struct sim *s;

    (void)state;
    s = sim_new(1, 8);
    for (size_t i = 0; i < s->count; i++)
        sim_start(s, i);
    for (size_t i = 1; i < s->count; i++)
        assert_true(gossip_join(s->nodes[i].g, s->now, &s->nodes[i - 1].addr, 1));
    assert_true(sim_run_until_agreed(s, 5 * SEC) >= 0);
    sim_free(s);
}

/* Loss raises suspicions. They must be refuted, and nobody may stay dead. */
static void bears_loss(void **state)
{
    unsigned suspicions = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (size_t n = 3; n <= 10; n++) {
            struct sim *s;

            s = sim_new(seed, n);
            s->profile.disable_tcp_pings = true;
            begin(s);
            s->loss_percent = 40;
            s->delay_ns = 100 * MS;
            sim_run(s, 120 * SEC);
            suspicions += told(s, GOSSIP_TELL_REFUTE);
            s->loss_percent = 0;
            for (size_t i = 0; i < n; i++)
                sim_join(s, i); /* as the speaker does every minute: some may be forgotten */
            if (sim_run_until_agreed(s, 60 * SEC) < 0)
                fail_msg("seed %u, %zu nodes: still apart after the loss", (unsigned)seed, n);
            sim_free(s);
        }
    }
    assert_true(suspicions > 0); /* or the test tests nothing */
}

/* The bounds of spec speaker-l2 7, with a round of probing more for large clusters. */
static void declares_a_silent_node_dead(void **state)
{
    (void)state;
    for (size_t n = 2; n <= 10; n++) {
        int64_t sum_ns = 0, count = 0;

        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct mono since;
            struct sim *s;
            size_t dead = seed % n;
            int64_t took_ns;

            s = set_up(seed, n);
            sim_run(s, (int64_t)sim_random(s, 5 * SEC));
            s->nodes[dead].state = SIM_SILENT;
            since = s->now;
            took_ns = sim_run_until_agreed(s, 60 * SEC);
            if (took_ns < 0)
                fail_msg("seed %u, %zu nodes: never declared dead", (unsigned)seed, n);
            for (size_t i = 0; i < n; i++) {
                int64_t after_ns = mono_sub(s->nodes[i].leave_at[dead], since);

                if (i == dead)
                    continue;
                sum_ns += after_ns;
                count++;
                if (after_ns < 49 * SEC / 10 ||
                    after_ns > (n <= 3 ? 82 * SEC / 10 : (int64_t)(2 * n + 26) * SEC))
                    fail_msg("seed %u, %zu nodes: dead after %d ms", (unsigned)seed, n,
                             (int)(after_ns / MS));
            }
            sim_run(s, 90 * SEC);
            assert_true(sim_agrees(s)); /* it stays dead */
            for (size_t i = 0; i < n; i++) {
                if (i != dead)
                    assert_null(sim_view(s, i, dead).name); /* and is forgotten */
            }
            sim_free(s);
        }
        /* Means of 5.8 to 6.1 s in the real library. */
        if (sum_ns / count < 5200 * MS || sum_ns / count > 7200 * MS)
            fail_msg("%zu nodes: dead after %d ms on average", n, (int)(sum_ns / count / MS));
    }
}

static void leaves_fast(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (size_t n = 2; n <= 10; n++) {
            struct mono since;
            struct sim *s;

            s = set_up(seed, n);
            since = s->now;
            sim_leave(s, 0);
            s->nodes[0].sees[0] = false;
            sim_run(s, 1 * SEC);
            if (!mono_is_set(s->nodes[0].left_at))
                fail_msg("seed %u, %zu nodes: its farewell is not out", (unsigned)seed, n);
            for (size_t i = 1; i < n; i++) {
                if (mono_sub(s->nodes[i].leave_at[0], since) <= 0)
                    fail_msg("seed %u, %zu nodes: n%zu did not hear it", (unsigned)seed, n, i);
                assert_int_equal(sim_view(s, i, 0).state, GOSSIP_HAS_LEFT);
            }
            sim_stop(s, 0);
            sim_run(s, 60 * SEC);
            assert_true(sim_agrees(s));
            assert_int_equal(told(s, GOSSIP_TELL_SUSPECT), 0); /* nobody asks who left */
            sim_free(s);
        }
    }
}

static void leaves_alone(void **state)
{
    struct sim *s;

    (void)state;
    s = sim_new(1, 1);
    sim_start(s, 0);
    sim_leave(s, 0);
    assert_true(mono_is_set(s->nodes[0].left_at)); /* there is nobody to tell */
    sim_free(s);
}

/* How long the process was away decides what the others believe of it when it is back. */
static const struct {
    const char *name;
    bool farewell;
    int64_t away_ns;
} absences[] = {
    {"not missed", false, 10 * MS}, {"suspected", false, 3 * SEC},
    {"dead", false, 15 * SEC},      {"forgotten", false, 120 * SEC},
    {"left", true, 1 * SEC},        {"left and forgotten", true, 120 * SEC},
};

static void comes_back_after_a_restart(void **state)
{
    (void)state;
    for (size_t a = 0; a < ARRAY_SIZE(absences); a++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct sim *s;

            s = set_up(seed, 5);
            if (absences[a].farewell) {
                sim_leave(s, 2);
                sim_run(s, 1 * SEC);
            }
            sim_stop(s, 2);
            sim_run(s, absences[a].away_ns);
            sim_start(s, 2);
            sim_join(s, 2);
            if (sim_run_until_agreed(s, 4 * SEC) < 0)
                fail_msg("%s, seed %u: it is not back", absences[a].name, (unsigned)seed);
            sim_run(s, 60 * SEC);
            if (!sim_agrees(s))
                fail_msg("%s, seed %u: it did not stay", absences[a].name, (unsigned)seed);
            for (size_t i = 0; i < s->count; i++)
                assert_int_equal(sim_view(s, i, 2).incarnation, sim_view(s, 2, 2).incarnation);
            sim_free(s);
        }
    }
}

/* Both halves declare the other dead and forget it; the join that the speaker tries every minute
 * unites them. */
static void heals_after_a_partition(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim *s;

        s = set_up(seed, 6);
        for (size_t i = 0; i < 3; i++) {
            for (size_t j = 3; j < 6; j++)
                s->cut[i][j] = s->cut[j][i] = true;
        }
        sim_run(s, (seed % 2 == 0 ? 20 : 120) * SEC);
        assert_false(s->nodes[0].sees[5]);
        assert_false(s->nodes[5].sees[0]);
        assert_true(s->nodes[0].sees[2]);
        for (size_t i = 0; i < 3; i++) {
            for (size_t j = 3; j < 6; j++)
                s->cut[i][j] = s->cut[j][i] = false;
        }
        sim_join(s, 0);
        if (sim_run_until_agreed(s, 10 * SEC) < 0)
            fail_msg("seed %u: still two", (unsigned)seed);
        sim_free(s);
    }
}

/* One direction of one link is dead: the others relay, nobody is declared dead. */
static void relays_around_a_broken_link(void **state)
{
    struct sim *s;

    (void)state;
    s = set_up(3, 5);
    s->cut[0][1] = true;
    sim_run(s, 120 * SEC);
    assert_int_equal(told(s, GOSSIP_TELL_LEAVE), 0);
    assert_int_equal(told(s, GOSSIP_TELL_SUSPECT), 0);
    sim_free(s);
}

/* A firewall that drops only UDP must not take the node out (spec speaker-l2 6.12 step 4). */
static void falls_back_to_tcp(void **state)
{
    struct sim *s;

    (void)state;
    s = set_up(4, 3);
    s->nodes[1].udp_blocked = true;
    sim_run(s, 60 * SEC);
    assert_true(sim_agrees(s));
    assert_true(told(s, GOSSIP_TELL_TCP_ONLY) > 0);
    assert_int_equal(told(s, GOSSIP_TELL_LEAVE), 0);
    sim_free(s);
}

static struct gossip_keyring ring(bool now, bool before)
{
    struct gossip_keyring both, some = {0};

    assert_int_equal(gossip_keyring_from_secret(&both, (const uint8_t *)SECRET, strlen(SECRET)), 0);
    if (now)
        some.keys[some.count++] = both.keys[0];
    if (before)
        some.keys[some.count++] = both.keys[1];
    return some;
}

/* Ours hold both keys; the peers are MetalLB of one release (changes-0.16.2 3). */
static void joins_speakers_of_either_key(void **state)
{
    (void)state;
    for (int before = 0; before <= 1; before++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct sim *s;

            s = sim_new(seed, 6);
            for (size_t i = 0; i < s->count; i++)
                s->nodes[i].keys = i < 3 ? ring(true, true) : ring(before == 0, before == 1);
            for (size_t i = 0; i < s->count; i++)
                sim_start(s, i);
            sim_join(s, seed % 2 == 0 ? 0 : 5); /* begun by us, or by them */
            sim_join(s, 1);
            sim_join(s, 2);
            if (sim_run_until_agreed(s, 10 * SEC) < 0)
                fail_msg("seed %u, %s key: apart", (unsigned)seed, before ? "old" : "new");
            assert_int_equal(s->nodes[1].joined, s->nodes[1].expected);
            sim_run(s, 120 * SEC);
            if (!sim_agrees(s) || told(s, GOSSIP_TELL_LEAVE) > 0)
                fail_msg("seed %u, %s key: not for long", (unsigned)seed, before ? "old" : "new");
            sim_free(s);
        }
    }
}

/* A speaker is replaced by one with the other key, under the same name and address. */
static void follows_a_peer_to_its_new_key(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim *s;

        s = sim_new(seed, 4);
        for (size_t i = 0; i < s->count; i++) {
            s->nodes[i].keys = i < 3 ? ring(true, true) : ring(false, true);
            sim_start(s, i);
        }
        sim_join(s, 0);
        assert_true(sim_run_until_agreed(s, 10 * SEC) >= 0);
        sim_stop(s, 3);
        s->nodes[3].keys = ring(true, false);
        sim_run(s, (int64_t)(seed % 4) * 4 * SEC);
        sim_start(s, 3);
        if (seed % 2 == 0)
            sim_join(s, 3);
        else
            sim_join(s, 0); /* if it is given up by now; else a push/pull finds it in time */
        if (sim_run_until_agreed(s, (seed % 2 == 0 ? 10 : 300) * SEC) < 0)
            fail_msg("seed %u: it is not back", (unsigned)seed);
        sim_free(s);
    }
}

/* Nodes of both kinds that hear of each other from third ones need no push/pull to be understood.
 */
static void gossips_across_keys(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim *s = sim_new(seed, 6);

        for (size_t i = 0; i < s->count; i++)
            s->nodes[i].keys = i % 2 == 0 ? ring(true, true) : ring(false, true);
        for (size_t i = 0; i < s->count; i++) {
            struct gossip_addr to = s->nodes[i < 2 ? 0 : i - 2].addr;

            sim_start(s, i);
            if (i > 0)
                assert_true(gossip_join(s->nodes[i].g, s->now, &to, 1));
            sim_run(s, (int64_t)sim_random(s, 300 * MS));
        }
        if (sim_run_until_agreed(s, 5 * SEC) < 0)
            fail_msg("seed %u", (unsigned)seed);
        sim_run(s, 60 * SEC);
        assert_true(sim_agrees(s));
        assert_int_equal(told(s, GOSSIP_TELL_LEAVE), 0);
        sim_free(s);
    }
}

static void keeps_strangers_out(void **state)
{
    struct gossip_keyring other = ring(true, true);
    struct sim *s;

    (void)state;
    s = sim_new(1, 3);
    other.keys[0].bytes[0] ^= 1;
    other.keys[1].bytes[0] ^= 1;
    s->nodes[0].keys = s->nodes[1].keys = ring(true, true);
    s->nodes[2].keys = other;
    for (size_t i = 0; i < s->count; i++)
        sim_start(s, i);
    for (size_t i = 0; i < s->count; i++)
        sim_join(s, i);
    sim_run(s, 30 * SEC);
    assert_true(s->nodes[0].sees[1]);
    assert_false(s->nodes[0].sees[2]);
    assert_false(s->nodes[2].sees[0]);
    assert_int_equal(s->nodes[2].joined, 0);
    assert_int_equal(s->nodes[2].expected, 2);
    assert_true(gossip_dropped(s->nodes[0].g, GOSSIP_DROP_KEY) > 0);
    sim_free(s);
}

/* Many nodes start and stop at random on a bad network. In the end all agree. */
static void survives_churn(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim *s;

        s = set_up(seed, 8);
        s->loss_percent = 10;
        s->delay_ns = 50 * MS;
        for (unsigned step = 0; step < 40; step++) {
            size_t i = sim_random(s, s->count);

            if (s->nodes[i].state == SIM_SILENT && sim_random(s, 2) == 0)
                s->nodes[i].state = SIM_RUNNING; /* the same process, with what it knew */
            else if (s->nodes[i].g != NULL && sim_random(s, 3) == 0)
                s->nodes[i].state = SIM_SILENT;
            else if (s->nodes[i].g != NULL)
                sim_stop(s, i);
            else
                sim_start(s, i);
            sim_run(s, (int64_t)sim_random(s, 8 * SEC));
        }
        s->loss_percent = 0;
        for (size_t i = 0; i < s->count; i++) {
            if (s->nodes[i].g == NULL)
                sim_start(s, i);
            s->nodes[i].state = SIM_RUNNING;
        }
        sim_run(s, 11 * SEC); /* joins under way come to their end */
        sim_join(s, 0);
        if (sim_run_until_agreed(s, 90 * SEC) < 0)
            fail_msg("seed %u", (unsigned)seed);
        sim_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_and_stays_calm),
        cmocka_unit_test(spreads_what_one_knows),
        cmocka_unit_test(bears_loss),
        cmocka_unit_test(declares_a_silent_node_dead),
        cmocka_unit_test(leaves_fast),
        cmocka_unit_test(leaves_alone),
        cmocka_unit_test(comes_back_after_a_restart),
        cmocka_unit_test(heals_after_a_partition),
        cmocka_unit_test(relays_around_a_broken_link),
        cmocka_unit_test(falls_back_to_tcp),
        cmocka_unit_test(joins_speakers_of_either_key),
        cmocka_unit_test(follows_a_peer_to_its_new_key),
        cmocka_unit_test(gossips_across_keys),
        cmocka_unit_test(keeps_strangers_out),
        cmocka_unit_test(survives_churn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
