/* SPDX-License-Identifier: Apache-2.0 */
/* Whole clusters on a simulated network (pulse_sim.h): what must hold whatever the seed. */
#include "pulse_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SEC NS_PER_SEC
#define MS NS_PER_MS

enum { SEEDS = 3, NODES_MIN = 2, NODES_MAX = 7 };

static void start_all(struct sim *s)
{
    for (size_t i = 0; i < s->node_count; i++) {
        sim_start(s, i);
        sim_run(s, (int64_t)sim_random(s, (uint64_t)s->interval_ns)); /* beats out of step */
    }
    sim_run(s, 1 * SEC);
    for (size_t i = 0; i < s->node_count; i++) {
        for (size_t k = 0; k < s->node_count; k++) {
            struct pulse_view v;

            if (i != k && (!pulse_view(s->nodes[i].p, s->nodes[k].name, &v) || !v.met || v.missed))
                fail_msg("n%zu does not hear n%zu", i, k);
        }
    }
    assert_int_equal(sim_outs(s), 0);
}

static struct sim *set_up(uint64_t seed, size_t nodes)
{
    struct sim *s = sim_new(seed, nodes);

    start_all(s);
    return s;
}

typedef void (*case_fn)(struct sim *s, uint64_t seed);

static void for_all(case_fn fn)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (size_t n = NODES_MIN; n <= NODES_MAX; n++) {
            struct sim *s = set_up(seed, n);

            fn(s, seed);
            sim_free(s);
        }
    }
}

static void case_calm(struct sim *s, uint64_t seed)
{
    (void)seed;
    sim_run(s, 60 * SEC);
    assert_int_equal(sim_outs(s), 0);
}

static void stays_calm(void **state)
{
    (void)state;
    for_all(case_calm);
}

/* Three heartbeats in a row must be lost for one judge to err: at 1 % once in a million. */
static void case_lossy(struct sim *s, uint64_t seed)
{
    (void)seed;
    s->loss_percent = 1;
    s->delay_ns = 20 * MS;
    sim_run(s, 60 * SEC);
    assert_int_equal(sim_outs(s), 0);
}

static void bears_some_loss_and_delay(void **state)
{
    (void)state;
    for_all(case_lossy);
}

/* The bound: `count` intervals, half of one as slack, and the way of the votes. */
static void check_silence(struct sim *s, uint64_t seed, size_t dead)
{
    int64_t bound_ns = s->count * s->interval_ns + s->interval_ns / 2 + 3 * s->delay_ns +
                       s->interval_ns / 20 + 2 * MS;
    struct mono since;

    sim_run(s, (int64_t)sim_random(s, 200 * (uint64_t)MS));
    since = s->now;
    s->nodes[dead].silent = true;
    sim_run(s, bound_ns);
    if (!sim_all_say_out(s, dead))
        fail_msg("seed %u, %zu nodes: not out in time", (unsigned)seed, s->node_count);
    for (size_t i = 0; i < s->node_count; i++) {
        if (i != dead &&
            mono_sub(s->nodes[i].out_at[dead], since) < (int64_t)(s->count - 1) * s->interval_ns)
            fail_msg("seed %u: too early", (unsigned)seed);
    }
    sim_run(s, 10 * SEC);
    for (size_t i = 0; i < s->node_count; i++) {
        if (i != dead)
            assert_int_equal(s->nodes[i].outs, 1); /* nobody else, and only once */
    }
}

static void case_silent(struct sim *s, uint64_t seed)
{
    check_silence(s, seed, seed % s->node_count);
}

static void detects_a_silent_node(void **state)
{
    (void)state;
    for_all(case_silent);
}

static void detects_within_tens_of_milliseconds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim *s = sim_new(seed, 3);

        s->interval_ns = 10 * MS;
        s->delay_ns = 1 * MS;
        start_all(s);
        check_silence(s, seed, 1);
        sim_free(s);
    }
}

/* Any one process stands still, now and then for long: those that go on may not take it for dead
 * before they must, and the one that wakes up accuses nobody. */
static void case_own_stall(struct sim *s, uint64_t seed)
{
    (void)seed;
    for (unsigned k = 0; k < 40; k++) {
        size_t who = sim_random(s, s->node_count);

        sim_stall(s, who, (int64_t)sim_random(s, 95 * (uint64_t)MS));
        sim_run(s, 400 * MS);
        assert_int_equal(sim_outs(s), 0);
    }
    /* It is out with the others, rightly, but takes none of them for out. */
    sim_stall(s, 0, 3 * SEC);
    sim_run(s, 2500 * MS);
    assert_true(sim_all_say_out(s, 0));
    sim_run(s, 30 * SEC);
    for (size_t i = 1; i < s->node_count; i++)
        assert_false(mono_is_set(s->nodes[0].out_at[i]));
    assert_true(sim_agrees(s));
    assert_false(s->nodes[1].sees_out[0]);
}

static void a_stall_accuses_nobody(void **state)
{
    (void)state;
    for_all(case_own_stall);
}

/* The whole machine, with all processes on it, stands still. */
static void case_all_stall(struct sim *s, uint64_t seed)
{
    (void)seed;
    for (unsigned k = 0; k < 20; k++) {
        int64_t ns = (int64_t)sim_random(s, 5 * (uint64_t)SEC);

        for (size_t i = 0; i < s->node_count; i++)
            sim_stall(s, i, ns + (int64_t)sim_random(s, 20 * (uint64_t)MS));
        sim_run(s, ns + 500 * MS);
    }
    assert_int_equal(sim_outs(s), 0);
}

static void a_stall_of_all_is_nobodys_fault(void **state)
{
    (void)state;
    for_all(case_all_stall);
}

/* One cable of many: the others still hear it. With two nodes there is nobody else to ask. */
static void case_one_link(struct sim *s, uint64_t seed)
{
    (void)seed;
    if (s->node_count < 4)
        return;
    sim_cut(s, 0, 1, true);
    sim_run(s, 20 * SEC);
    assert_int_equal(sim_outs(s), 0);
}

static void a_majority_is_needed(void **state)
{
    (void)state;
    for_all(case_one_link);
}

/* What the silent said last is no accusation: n0 misses n2, then it hears n2 again, but n1 can no
 * longer hear that. When n1 misses n2, too, it is alone with that. */
static void the_silent_have_no_vote(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim *s = set_up(seed, 3);

        sim_cut(s, 0, 2, true);
        sim_run(s, 1 * SEC);
        sim_cut(s, 0, 1, true);
        sim_cut(s, 0, 2, false);
        sim_run(s, 1 * SEC);
        assert_int_equal(sim_outs(s), 0);
        sim_cut(s, 1, 2, true);
        sim_run(s, 2 * SEC);
        assert_false(s->nodes[1].sees_out[2]);
        sim_free(s);
    }
}

/* n3 and n4 were out and are on probation: what they miss does not count. */
static void those_out_have_no_vote(void **state)
{
    struct sim *s = set_up(1, 5);

    (void)state;
    s->nodes[3].silent = s->nodes[4].silent = true;
    sim_run(s, 1 * SEC);
    s->nodes[3].silent = s->nodes[4].silent = false;
    sim_run(s, 500 * MS);
    assert_true(s->nodes[2].sees_out[3] && s->nodes[2].sees_out[4]);
    for (size_t i = 1; i < 5; i++)
        sim_cut(s, 0, i, i != 2); /* n1 of n1 and n2 misses n0 */
    sim_run(s, 1 * SEC);
    assert_false(s->nodes[2].sees_out[0]);
    sim_free(s);
}

/* Of three or more, the one that is cut off is out and takes nobody for out. */
static void case_isolated(struct sim *s, uint64_t seed)
{
    size_t lone = seed % s->node_count;

    if (s->node_count < 3)
        return;
    for (size_t i = 0; i < s->node_count; i++)
        sim_cut(s, lone, i, true);
    sim_run(s, 5 * SEC);
    assert_true(sim_all_say_out(s, lone));
    assert_int_equal(s->nodes[lone].outs, 0);
    for (size_t i = 0; i < s->node_count; i++)
        sim_cut(s, lone, i, false);
    assert_true(sim_run_until_agreed(s, 200 * MS) >= 0);
    assert_true(s->nodes[lone].sees_out[lone]); /* it knows what the others think of it */
    sim_run(s, 2500 * MS);
    assert_true(s->nodes[lone].sees_out[lone]);
    sim_run(s, 1 * SEC);
    assert_false(s->nodes[lone].sees_out[lone]); /* 3 s steady */
    assert_true(sim_agrees(s));
}

static void an_isolated_node_decides_nothing(void **state)
{
    (void)state;
    for_all(case_isolated);
}

/* Both sides of two nodes take the other one for out. When they hear each other again, somebody
 * must serve: at once. */
static void two_halves_find_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim *s = set_up(seed, 2);

        for (unsigned k = 0; k < 5; k++) {
            sim_cut(s, 0, 1, true);
            sim_run(s, 3 * SEC);
            assert_true(s->nodes[0].sees_out[1] && s->nodes[1].sees_out[0]);
            assert_false(s->nodes[0].sees_out[0] || s->nodes[1].sees_out[1]);
            sim_cut(s, 0, 1, false);
            sim_run(s, 300 * MS);
            assert_true(sim_agrees(s));
            assert_false(s->nodes[0].sees_out[1] && s->nodes[0].sees_out[0]);
            sim_run(s, 70 * SEC);
            assert_false(s->nodes[0].sees_out[1] || s->nodes[0].sees_out[0]);
        }
        sim_free(s);
    }
}

/* Each outage makes the next return later, up to a minute; calm makes it as short as ever. */
static void flapping_is_damped(void **state)
{
    static const int64_t want_s[] = {3, 6, 12, 24, 48, 60, 60};
    struct sim *s = set_up(1, 3);

    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(want_s); k++) {
        struct mono heard;

        s->nodes[2].silent = true;
        sim_run(s, 1 * SEC);
        assert_true(sim_all_say_out(s, 2));
        s->nodes[2].silent = false;
        heard = s->now;
        sim_run(s, want_s[k] * SEC - 200 * MS);
        assert_true(sim_all_say_out(s, 2));
        sim_run(s, 600 * MS);
        if (sim_all_say_out(s, 2))
            fail_msg("outage %zu: not back after %d s", k, (int)want_s[k]);
        assert_true(mono_sub(s->nodes[0].back_at[2], heard) < want_s[k] * SEC + 300 * MS);
    }
    sim_run(s, 400 * SEC);
    s->nodes[2].silent = true;
    sim_run(s, 1 * SEC);
    s->nodes[2].silent = false;
    sim_run(s, 3300 * MS);
    assert_false(sim_all_say_out(s, 2));
    sim_free(s);
}

/* A gap while it is on probation starts the probation anew. */
static void probation_begins_anew(void **state)
{
    struct sim *s = set_up(1, 3);

    (void)state;
    for (unsigned k = 0; k < 5; k++) {
        s->nodes[2].silent = true;
        sim_run(s, 500 * MS);
        s->nodes[2].silent = false;
        sim_run(s, 2500 * MS);
        assert_true(sim_all_say_out(s, 2));
    }
    sim_run(s, 1 * SEC);
    assert_false(sim_all_say_out(s, 2));
    sim_free(s);
}

/* A killed process is out, and the new one knows that it is until it has been steady. */
static void case_restart(struct sim *s, uint64_t seed)
{
    size_t who = seed % s->node_count;

    sim_stop(s, who);
    sim_run(s, 500 * MS);
    assert_true(sim_all_say_out(s, who));
    sim_start(s, who);
    sim_run(s, 300 * MS);
    assert_true(s->nodes[who].sees_out[who]);
    assert_true(sim_agrees(s));
    sim_run(s, 3500 * MS);
    assert_true(sim_agrees(s));
    assert_false(s->nodes[who].sees_out[who]);
}

static void comes_back_after_a_restart(void **state)
{
    (void)state;
    for_all(case_restart);
}

/* A new process within the time that one may be silent: nobody needs to know. */
static void case_quick_restart(struct sim *s, uint64_t seed)
{
    (void)seed;
    sim_stop(s, 1);
    sim_run(s, 20 * MS);
    sim_start(s, 1);
    sim_run(s, 5 * SEC);
    assert_int_equal(sim_outs(s), 0);
}

static void a_quick_restart_is_not_noticed(void **state)
{
    (void)state;
    for_all(case_quick_restart);
}

/* Who left by gossip takes no part: neither missed nor a judge. When it is back, it is back. */
static void a_farewell_is_no_outage(void **state)
{
    struct sim *s = set_up(1, 4);

    (void)state;
    for (size_t i = 0; i < 3; i++)
        sim_set_peers(s, i, 7);
    sim_stop(s, 3);
    sim_run(s, 5 * SEC);
    sim_start(s, 3);
    sim_run(s, 100 * MS); /* its heartbeats come before the gossip */
    for (size_t i = 0; i < 3; i++)
        sim_set_peers(s, i, 15);
    sim_run(s, 5 * SEC);
    assert_int_equal(sim_outs(s), 0);
    s->nodes[3].silent = true;
    sim_run(s, 300 * MS);
    assert_true(sim_all_say_out(s, 3));
    sim_free(s);
}

/* What gossip forgets meanwhile is remembered: it must still be steady before it serves. */
static void a_verdict_outlives_the_membership(void **state)
{
    struct sim *s = set_up(1, 3);

    (void)state;
    s->nodes[2].silent = true;
    sim_run(s, 300 * MS);
    for (size_t i = 0; i < 2; i++)
        sim_set_peers(s, i, 3);
    sim_run(s, 20 * SEC);
    assert_false(pulse_is_out(s->nodes[0].p, "n2")); /* it takes no part */
    s->nodes[2].silent = false;
    for (size_t i = 0; i < 2; i++)
        sim_set_peers(s, i, 7);
    assert_true(pulse_is_out(s->nodes[0].p, "n2"));
    sim_run(s, 2500 * MS);
    assert_true(pulse_is_out(s->nodes[2].p, "n2"));
    sim_run(s, 1500 * MS);
    assert_false(pulse_is_out(s->nodes[2].p, "n2"));
    sim_free(s);
}

/* Anything at all happens; then the network is quiet, and within an interval or two all agree, and
 * within a minute nobody is out. */
static void case_chaos(struct sim *s, uint64_t seed)
{
    int64_t took_ns;

    for (unsigned step = 0; step < 80; step++) {
        size_t i = sim_random(s, s->node_count), k = sim_random(s, s->node_count);

        switch (sim_random(s, 7)) {
        case 0:
            s->nodes[i].silent = !s->nodes[i].silent;
            break;
        case 1:
            sim_cut(s, i, k, sim_random(s, 2) == 0);
            break;
        case 2:
            s->cut[i][k] = sim_random(s, 2) == 0; /* one way */
            break;
        case 3:
            sim_stall(s, i, (int64_t)sim_random(s, (uint64_t)SEC));
            break;
        case 4:
            s->loss_percent = (unsigned)sim_random(s, 30);
            break;
        default:
            if (s->nodes[i].p == NULL)
                sim_start(s, i);
            else if (sim_random(s, 3) == 0)
                sim_stop(s, i);
            break;
        }
        sim_run(s, (int64_t)sim_random(s, (uint64_t)SEC));
    }
    s->loss_percent = 0;
    for (size_t i = 0; i < s->node_count; i++) {
        s->nodes[i].silent = false;
        for (size_t k = 0; k < s->node_count; k++)
            s->cut[i][k] = false;
        if (s->nodes[i].p == NULL)
            sim_start(s, i);
    }
    sim_run(s, 1 * SEC); /* stalls end */
    took_ns = sim_run_until_agreed(s, 4 * s->interval_ns);
    if (took_ns < 0)
        fail_msg("seed %u, %zu nodes: of two minds", (unsigned)seed, s->node_count);
    for (unsigned k = 0; k < 60; k++) {
        sim_run(s, 1 * SEC);
        if (sim_run_until_agreed(s, 2 * s->interval_ns) < 0)
            fail_msg("seed %u, %zu nodes: of two minds later", (unsigned)seed, s->node_count);
    }
    for (size_t i = 0; i < s->node_count; i++) {
        if (s->nodes[0].sees_out[i])
            fail_msg("seed %u, %zu nodes: n%zu still out", (unsigned)seed, s->node_count, i);
    }
}

static void chaos_ends_in_agreement(void **state)
{
    (void)state;
    for_all(case_chaos);
}

/* News may not set off a storm: what is sent stays near one heartbeat a peer and interval. */
static void news_is_no_storm(void **state)
{
    struct sim *s = set_up(2, 7);
    uint64_t before = s->sent, regular = 7 * 6 * 20;

    (void)state;
    s->loss_percent = 30;
    sim_run(s, 20 * SEC);
    assert_true(s->sent - before < 4 * 20 * regular);
    sim_free(s);
}

static void takes_none_when_there_are_too_many(void **state)
{
    struct pulse_options o = {.name = "me", .interval_ns = 50 * MS, .count = 3, .boot = 1};
    struct mono now = {1 * SEC};
    struct pulse *p = pulse_new(&o, now);
    struct pulse_peer peers[PULSE_NODES_MAX];
    char names[PULSE_NODES_MAX][8];
    struct pulse_datagram d;

    (void)state;
    for (size_t i = 0; i < PULSE_NODES_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "x%zu", i);
        peers[i] = (struct pulse_peer){names[i], {ip_v4(1), 1}};
    }
    assert_true(pulse_set_peers(p, now, peers, PULSE_NODES_MAX - 1));
    pulse_tick(p, now);
    assert_true(pulse_next(p, &d));
    assert_int_equal(d.len, PULSE_PACKET_MAX);
    assert_false(pulse_set_peers(p, now, peers, PULSE_NODES_MAX));
    pulse_tick(p, mono_add(now, 1 * SEC));
    assert_false(pulse_next(p, &d));
    for (size_t i = 0; i < PULSE_NODES_MAX; i++)
        names[i][0] = 'y'; /* others: the slots are used anew */
    assert_true(pulse_set_peers(p, now, peers, PULSE_NODES_MAX - 1));
    pulse_tick(p, mono_add(now, 2 * SEC));
    assert_true(pulse_next(p, &d));
    pulse_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_calm),
        cmocka_unit_test(bears_some_loss_and_delay),
        cmocka_unit_test(detects_a_silent_node),
        cmocka_unit_test(detects_within_tens_of_milliseconds),
        cmocka_unit_test(a_stall_accuses_nobody),
        cmocka_unit_test(a_stall_of_all_is_nobodys_fault),
        cmocka_unit_test(a_majority_is_needed),
        cmocka_unit_test(the_silent_have_no_vote),
        cmocka_unit_test(those_out_have_no_vote),
        cmocka_unit_test(an_isolated_node_decides_nothing),
        cmocka_unit_test(two_halves_find_back),
        cmocka_unit_test(flapping_is_damped),
        cmocka_unit_test(probation_begins_anew),
        cmocka_unit_test(comes_back_after_a_restart),
        cmocka_unit_test(a_quick_restart_is_not_noticed),
        cmocka_unit_test(a_farewell_is_no_outage),
        cmocka_unit_test(a_verdict_outlives_the_membership),
        cmocka_unit_test(chaos_ends_in_agreement),
        cmocka_unit_test(news_is_no_storm),
        cmocka_unit_test(takes_none_when_there_are_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
