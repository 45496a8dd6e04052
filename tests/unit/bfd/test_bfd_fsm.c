/* SPDX-License-Identifier: Apache-2.0 */
/* One machine, step by step; what two of them do together is in test_bfd_sim.c. */
#include "bfd/bfd_fsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { OURS = 11, THEIRS = 22 };

static const struct mono start = {1000 * NS_PER_SEC};

static struct mono after_ms(int64_t ms)
{
    return mono_add(start, ms * NS_PER_MS);
}

static struct bfd_packet packet(enum bfd_state s)
{
    return (struct bfd_packet){.state = s,
                               .multiplier = 3,
                               .my_discriminator = THEIRS,
                               .your_discriminator = OURS,
                               .desired_tx_us = 100000,
                               .required_rx_us = 100000,
                               .required_echo_us = 50000};
}

static struct bfd_fsm fresh(void)
{
    const struct bfd_params params = bfd_params_default();
    struct bfd_fsm f;

    bfd_fsm_init(&f, &params, OURS, 1, start);
    return f;
}

static unsigned hear(struct bfd_fsm *f, int64_t ms, enum bfd_state s)
{
    const struct bfd_packet p = packet(s);

    return bfd_fsm_receive(f, after_ms(ms), &p);
}

/* Up, and its Poll sequence is over: 300 ms, 300 ms. */
static struct bfd_fsm up(void)
{
    struct bfd_fsm f = fresh();
    struct bfd_packet p = packet(BFD_UP);

    (void)!hear(&f, 0, BFD_DOWN);
    (void)!hear(&f, 10, BFD_INIT);
    p.final = true;
    (void)!bfd_fsm_receive(&f, after_ms(20), &p);
    assert_int_equal(f.state, BFD_UP);
    assert_false(f.polling);
    return f;
}

/* Brings a machine into a state. */
static struct bfd_fsm in_state(enum bfd_state s)
{
    struct bfd_fsm f = s == BFD_UP ? up() : fresh();

    if (s == BFD_ADMIN_DOWN)
        (void)!bfd_fsm_admin_down(&f, start);
    if (s == BFD_INIT)
        (void)!hear(&f, 0, BFD_DOWN);
    assert_int_equal(f.state, s);
    return f;
}

/* RFC 5880 6.8.6; spec speaker-bgp 5.10. */
static const struct {
    enum bfd_state at, heard, want;
    enum bfd_diag diag;
    unsigned acts; /* of UP and DOWN */
} moves[] = {
    {BFD_DOWN, BFD_ADMIN_DOWN, BFD_DOWN, BFD_DIAG_NONE, 0},
    {BFD_DOWN, BFD_DOWN, BFD_INIT, BFD_DIAG_NONE, 0},
    {BFD_DOWN, BFD_INIT, BFD_UP, BFD_DIAG_NONE, BFD_ACT_UP},
    {BFD_DOWN, BFD_UP, BFD_DOWN, BFD_DIAG_NONE, 0},
    {BFD_INIT, BFD_ADMIN_DOWN, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN, 0},
    {BFD_INIT, BFD_DOWN, BFD_INIT, BFD_DIAG_NONE, 0},
    {BFD_INIT, BFD_INIT, BFD_UP, BFD_DIAG_NONE, BFD_ACT_UP},
    {BFD_INIT, BFD_UP, BFD_UP, BFD_DIAG_NONE, BFD_ACT_UP},
    {BFD_UP, BFD_ADMIN_DOWN, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN, 0},
    {BFD_UP, BFD_DOWN, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN, BFD_ACT_DOWN},
    {BFD_UP, BFD_INIT, BFD_UP, BFD_DIAG_NONE, 0},
    {BFD_UP, BFD_UP, BFD_UP, BFD_DIAG_NONE, 0},
    {BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_DIAG_ADMIN_DOWN, 0},
    {BFD_ADMIN_DOWN, BFD_DOWN, BFD_ADMIN_DOWN, BFD_DIAG_ADMIN_DOWN, 0},
    {BFD_ADMIN_DOWN, BFD_INIT, BFD_ADMIN_DOWN, BFD_DIAG_ADMIN_DOWN, 0},
    {BFD_ADMIN_DOWN, BFD_UP, BFD_ADMIN_DOWN, BFD_DIAG_ADMIN_DOWN, 0},
};

static void test_moves(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
        struct bfd_fsm f = in_state(moves[i].at);
        unsigned acts = hear(&f, 30, moves[i].heard);
        bool moved = moves[i].at != moves[i].want;

        if (f.state != moves[i].want || f.diag != moves[i].diag ||
            (acts & (BFD_ACT_UP | BFD_ACT_DOWN)) != moves[i].acts ||
            ((acts & BFD_ACT_CHANGED) != 0) != moved || ((acts & BFD_ACT_SEND) != 0) != moved)
            fail_msg("%s hears %s: %s, acts %#x", bfd_state_name(moves[i].at),
                     bfd_state_name(moves[i].heard), bfd_state_name(f.state), acts);
    }
}

static void test_every_poll_is_answered_but_in_admin_down(void **state)
{
    (void)state;
    for (unsigned s = BFD_ADMIN_DOWN; s <= BFD_UP; s++) {
        struct bfd_fsm f = in_state((enum bfd_state)s);
        struct bfd_packet p = packet(BFD_UP);
        unsigned acts;

        p.poll = true;
        acts = bfd_fsm_receive(&f, after_ms(30), &p);
        assert_int_equal((acts & BFD_ACT_FINAL) != 0, s != BFD_ADMIN_DOWN);
    }
}

static void test_final_does_not_poll(void **state)
{
    struct bfd_fsm f = fresh();

    (void)state;
    (void)!hear(&f, 0, BFD_INIT);
    assert_true(f.polling);
    assert_true(bfd_fsm_packet(&f, false).poll && !bfd_fsm_packet(&f, false).final);
    assert_true(!bfd_fsm_packet(&f, true).poll && bfd_fsm_packet(&f, true).final);
}

static void test_slow_until_up(void **state)
{
    struct bfd_fsm f = fresh();

    (void)state;
    assert_int_equal(bfd_fsm_packet(&f, false).desired_tx_us, BFD_SLOW_US);
    assert_int_equal(bfd_fsm_packet(&f, false).required_rx_us, BFD_SLOW_US);
    assert_int_equal(bfd_fsm_transmit_us(&f), BFD_SLOW_US);
    (void)!hear(&f, 0, BFD_INIT);
    assert_int_equal(bfd_fsm_packet(&f, false).desired_tx_us, 300000);
    assert_int_equal(bfd_fsm_packet(&f, false).required_rx_us, 300000);
    assert_int_equal(bfd_fsm_detect_ns(&f), 3 * NS_PER_SEC); /* until the Final */
}

static void test_longer_transmit_waits_for_final(void **state)
{
    struct bfd_fsm f = up();
    struct bfd_params params = f.params;
    struct bfd_packet p = packet(BFD_UP);

    (void)state;
    params.transmit_us = 700000;
    assert_int_equal(bfd_fsm_change(&f, after_ms(100), &params), BFD_ACT_SEND);
    assert_true(bfd_fsm_packet(&f, false).poll);
    assert_int_equal(bfd_fsm_packet(&f, false).desired_tx_us, 700000);
    (void)!hear(&f, 110, BFD_UP);
    assert_int_equal(bfd_fsm_transmit_us(&f), 300000);
    p.final = true;
    (void)!bfd_fsm_receive(&f, after_ms(120), &p);
    assert_int_equal(bfd_fsm_transmit_us(&f), 700000);
    assert_false(bfd_fsm_packet(&f, false).poll);
}

static void test_shorter_detection_waits_for_final(void **state)
{
    struct bfd_fsm f = up();
    struct bfd_params params = f.params;
    struct bfd_packet p = packet(BFD_UP);

    (void)state;
    params.receive_us = 120000;
    (void)!bfd_fsm_change(&f, after_ms(100), &params);
    (void)!hear(&f, 110, BFD_UP);
    assert_int_equal(bfd_fsm_detect_ns(&f), 900 * NS_PER_MS);
    p.final = true;
    (void)!bfd_fsm_receive(&f, after_ms(120), &p);
    assert_int_equal(bfd_fsm_detect_ns(&f), 360 * NS_PER_MS);
}

static void test_longer_detection_and_shorter_transmit_at_once(void **state)
{
    struct bfd_fsm f = up();
    struct bfd_params params = f.params;

    (void)state;
    params.receive_us = 2000000;
    params.transmit_us = 110000;
    (void)!bfd_fsm_change(&f, after_ms(100), &params);
    assert_int_equal(bfd_fsm_detect_ns(&f), 6 * NS_PER_SEC);
    assert_int_equal(bfd_fsm_transmit_us(&f), 110000);
    /* Not only for what comes from now on: the answer may be lost. */
    assert_int_equal(mono_sub(f.silent, f.heard), 6 * NS_PER_SEC);
}

static void test_a_change_during_a_poll_waits(void **state)
{
    struct bfd_fsm f = up();
    struct bfd_params params = f.params;
    struct bfd_packet p = packet(BFD_UP);

    (void)state;
    p.final = true;
    params.transmit_us = 400000;
    (void)!bfd_fsm_change(&f, after_ms(100), &params);
    params.transmit_us = 500000;
    assert_int_equal(bfd_fsm_change(&f, after_ms(110), &params), 0);
    assert_int_equal(bfd_fsm_packet(&f, false).desired_tx_us, 400000);
    (void)!bfd_fsm_receive(&f, after_ms(140), &p);
    assert_int_equal(bfd_fsm_transmit_us(&f), 400000);
    (void)!bfd_fsm_receive(&f, after_ms(150), &p); /* an answer to the first one, once more */
    assert_int_equal(bfd_fsm_transmit_us(&f), 400000);
    assert_false(f.polling);
    assert_true(bfd_fsm_tick(&f, after_ms(180)) & BFD_ACT_SEND);
    assert_true(f.polling);
    (void)!bfd_fsm_receive(&f, after_ms(190), &p);
    assert_int_equal(bfd_fsm_transmit_us(&f), 500000);
}

static void test_remote_zero_wants_nothing(void **state)
{
    struct bfd_fsm f = up();
    struct bfd_packet p = packet(BFD_UP);

    (void)state;
    p.required_rx_us = 0;
    (void)!bfd_fsm_receive(&f, after_ms(100), &p);
    assert_int_equal(bfd_fsm_transmit_us(&f), 0);
    assert_int_equal(bfd_fsm_deadline(&f).ns, f.silent.ns);
    (void)!hear(&f, 110, BFD_UP);
    assert_int_equal(bfd_fsm_transmit_us(&f), 300000);
}

static void test_demand(void **state)
{
    struct bfd_fsm f = up();
    struct bfd_packet p = packet(BFD_UP);
    struct bfd_params params = f.params;

    (void)state;
    p.demand = true;
    (void)!bfd_fsm_receive(&f, after_ms(100), &p);
    assert_int_equal(bfd_fsm_transmit_us(&f), 0);
    params.receive_us = 100000;
    (void)!bfd_fsm_change(&f, after_ms(110), &params); /* a Poll goes out all the same */
    assert_int_equal(bfd_fsm_transmit_us(&f), 300000);
    p.final = true;
    (void)!bfd_fsm_receive(&f, after_ms(120), &p);
    assert_int_equal(bfd_fsm_transmit_us(&f), 0);
    p.state = BFD_DOWN;
    assert_true(bfd_fsm_receive(&f, after_ms(130), &p) & BFD_ACT_SEND);
    assert_int_equal(bfd_fsm_transmit_us(&f), BFD_SLOW_US);
}

/* However often the other side changes its mind, the interval counts from our last packet. */
static void test_flickering_interval_is_no_burst(void **state)
{
    struct bfd_fsm f = up();
    struct bfd_packet p = packet(BFD_UP);

    (void)state;
    bfd_fsm_sent(&f, after_ms(100));
    for (int i = 0; i < 50; i++) {
        p.required_rx_us = i % 2 == 0 ? 1 : 500000;
        (void)!bfd_fsm_receive(&f, after_ms(100 + i), &p);
        assert_int_equal(bfd_fsm_tick(&f, after_ms(100 + i)), 0);
        assert_true(mono_sub(f.next_send, after_ms(100)) >= 225 * NS_PER_MS);
    }
}

/* RFC 5880 6.8.7: 75 to 100 percent of the interval; on a full millisecond, which all sessions
 * share, where the spread has room for one. */
static const struct {
    uint32_t interval_us;
    bool even;
} spreads[] = {{10000, true}, {50000, true}, {300000, true}, {2000, false}};

static void test_spread(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(spreads); i++) {
        int64_t full_ns = spreads[i].interval_us * NS_PER_US;
        struct bfd_fsm f = up();

        f.planned_us = spreads[i].interval_us;
        for (int n = 0; n < 1000; n++) {
            struct mono now = mono_add(after_ms(100), n * 12345);
            int64_t wait_ns;

            bfd_fsm_sent(&f, now);
            wait_ns = mono_sub(f.next_send, now);
            if (wait_ns < full_ns - full_ns / 4 || wait_ns > full_ns)
                fail_msg("%u us: %lld ns", spreads[i].interval_us, (long long)wait_ns);
            if (spreads[i].even && f.next_send.ns % NS_PER_MS != 0)
                fail_msg("%u us: not on a millisecond", spreads[i].interval_us);
        }
    }
}

static void test_grace_once(void **state)
{
    struct bfd_fsm f = up(); /* 900 ms from 20 ms on */

    (void)state;
    f.next_send = (struct mono){0};
    assert_int_equal(bfd_fsm_tick(&f, after_ms(920 + 2000)), 0);
    assert_int_equal(f.state, BFD_UP);
    assert_int_equal(f.silent.ns, after_ms(920 + 2000 + 900).ns);
    assert_true(bfd_fsm_tick(&f, after_ms(920 + 8000)) & BFD_ACT_DOWN);
    assert_int_equal(f.down_diag, BFD_DIAG_EXPIRED);
}

static void test_echo(void **state)
{
    struct bfd_fsm f = up();
    struct bfd_params params = f.params;

    (void)state;
    params.echo = true;
    (void)!bfd_fsm_change(&f, after_ms(30), &params);
    assert_false(f.echoing); /* where to? */
    bfd_fsm_set_echo_path(&f, after_ms(30), true);
    assert_true(bfd_fsm_tick(&f, after_ms(30)) & BFD_ACT_ECHO);
    bfd_fsm_echo_sent(&f, after_ms(30)); /* 50 ms x 3 from here */
    bfd_fsm_echo_received(&f, after_ms(60));
    (void)!bfd_fsm_tick(&f, after_ms(200));
    assert_int_equal(f.state, BFD_UP);
    (void)!hear(&f, 205, BFD_UP);
    f.next_send = f.next_echo = (struct mono){0};
    assert_true(bfd_fsm_tick(&f, after_ms(210)) & BFD_ACT_DOWN);
    assert_int_equal(bfd_fsm_packet(&f, false).diag, BFD_DIAG_ECHO_FAILED);
    assert_false(f.echoing);
}

static void test_no_echo_that_is_not_wanted(void **state)
{
    struct bfd_fsm f = up();
    struct bfd_packet p = packet(BFD_UP);
    struct bfd_params params = f.params;

    (void)state;
    params.echo = true;
    (void)!bfd_fsm_change(&f, after_ms(30), &params);
    bfd_fsm_set_echo_path(&f, after_ms(30), true);
    assert_true(f.echoing);
    p.required_echo_us = 0;
    (void)!bfd_fsm_receive(&f, after_ms(40), &p);
    assert_false(f.echoing);
    assert_false(mono_is_set(f.echo_silent) || mono_is_set(f.next_echo));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_every_poll_is_answered_but_in_admin_down),
        cmocka_unit_test(test_final_does_not_poll),
        cmocka_unit_test(test_slow_until_up),
        cmocka_unit_test(test_longer_transmit_waits_for_final),
        cmocka_unit_test(test_shorter_detection_waits_for_final),
        cmocka_unit_test(test_longer_detection_and_shorter_transmit_at_once),
        cmocka_unit_test(test_a_change_during_a_poll_waits),
        cmocka_unit_test(test_remote_zero_wants_nothing),
        cmocka_unit_test(test_demand),
        cmocka_unit_test(test_flickering_interval_is_no_burst),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_grace_once),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_no_echo_that_is_not_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
