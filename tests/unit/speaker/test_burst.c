/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/burst.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define T0 (100 * NS_PER_SEC)

static struct mono at_ms(int64_t ms)
{
    return (struct mono){T0 + ms * NS_PER_MS};
}

static int64_t ms_of(struct mono t)
{
    return mono_is_set(t) ? (t.ns - T0) / NS_PER_MS : -1;
}

static struct ip vip(uint32_t i)
{
    return ip_v4(0xc6120000 + i);
}

/* Lets the clock jump from deadline to deadline, as the loop does; returns the number of rounds. */
static size_t run_until(struct burst *b, int64_t until_ms, int64_t *ret_ms, size_t max)
{
    size_t n = 0;

    for (;;) {
        struct mono due = burst_deadline(b);
        struct burst_round r;

        if (!mono_is_set(due) || ms_of(due) > until_ms)
            return n;
        while (burst_next(b, due, &r)) {
            assert_true(n < max);
            ret_ms[n++] = ms_of(due);
        }
    }
}

#define EXPECT(b, until_ms, ...)                                                                   \
    do {                                                                                           \
        const int64_t want_[] = {__VA_ARGS__};                                                     \
        int64_t got_[64];                                                                          \
        assert_int_equal(run_until((b), (until_ms), got_, 64), ARRAY_SIZE(want_));                 \
        for (size_t i_ = 0; i_ < ARRAY_SIZE(want_); i_++)                                          \
            assert_int_equal(got_[i_], want_[i_]);                                                 \
    } while (0)

static void sends_five_rounds(void **state)
{
    CLEANUP(burst_freep) struct burst *b = burst_new(0, at_ms(0));
    struct burst_round r;

    (void)state;
    assert_false(mono_is_set(burst_deadline(b))); /* idle: no wake-up */
    burst_address(b, vip(1), at_ms(0));
    assert_int_equal(ms_of(burst_deadline(b)), 0);
    assert_true(burst_next(b, at_ms(0), &r));
    assert_int_equal(r.kind, BURST_ADDRESS);
    assert_true(ip_eq(r.ip, vip(1)));
    assert_true(r.first);
    assert_false(burst_next(b, at_ms(0), &r));
    assert_false(burst_next(b, at_ms(1099), &r));
    assert_true(burst_next(b, at_ms(1100), &r));
    assert_false(r.first);
    EXPECT(b, 60000, 2200, 3300, 4400);
    assert_false(mono_is_set(burst_deadline(b)));
    assert_false(burst_has_address(b, vip(1)));
}

static void is_prolonged(void **state)
{
    CLEANUP(burst_freep) struct burst *b = burst_new(0, at_ms(0));

    (void)state;
    burst_address(b, vip(1), at_ms(0));
    EXPECT(b, 3000, 0, 1100, 2200);
    burst_address(b, vip(1), at_ms(3000)); /* nothing extra now, the end moves to 8000 */
    EXPECT(b, 4900, 3300, 4400);
    burst_address(b, vip(1), at_ms(5300)); /* past the end of the first trigger, still one burst */
    EXPECT(b, 60000, 5500, 6600, 7700, 8800, 9900);
}

static void begins_anew_after_the_end(void **state)
{
    CLEANUP(burst_freep) struct burst *b = burst_new(0, at_ms(0));

    (void)state;
    burst_address(b, vip(1), at_ms(0));
    EXPECT(b, 6000, 0, 1100, 2200, 3300, 4400);
    burst_address(b, vip(1), at_ms(6000));
    EXPECT(b, 60000, 6000, 7100, 8200, 9300, 10400);
}

static void ends_with_withdrawal(void **state)
{
    CLEANUP(burst_freep) struct burst *b = burst_new(0, at_ms(0));
    struct burst_round r;

    (void)state;
    burst_address(b, vip(1), at_ms(0));
    burst_cancel_address(b, vip(1)); /* before its first round */
    assert_false(burst_next(b, at_ms(0), &r));
    assert_false(mono_is_set(burst_deadline(b)));
    burst_address(b, vip(1), at_ms(10));
    EXPECT(b, 1200, 10, 1110);
    burst_cancel_address(b, vip(2)); /* unknown: nothing */
    burst_cancel_address(b, vip(1));
    assert_false(burst_next(b, at_ms(60000), &r));
    assert_false(mono_is_set(burst_deadline(b)));
}

static void keeps_addresses_apart(void **state)
{
    CLEANUP(burst_freep) struct burst *b = burst_new(0, at_ms(0));

    (void)state;
    burst_address(b, vip(1), at_ms(0));
    EXPECT(b, 500, 0);
    burst_address(b, vip(2), at_ms(500)); /* its second round is at 1600, not at 1100 */
    EXPECT(b, 60000, 500, 1100, 1600, 2200, 2700, 3300, 3800, 4400, 4900);
}

static void keeps_links_apart(void **state)
{
    CLEANUP(burst_freep) struct burst *b = burst_new(0, at_ms(0));
    struct burst_round r;

    (void)state;
    burst_link(b, 3, IP_V4, at_ms(0));
    burst_link(b, 3, IP_V6, at_ms(0));
    burst_link(b, 4, IP_V4, at_ms(0));
    burst_cancel_link(b, 4, IP_V4);
    assert_true(burst_next(b, at_ms(0), &r));
    assert_int_equal(r.kind, BURST_LINK);
    assert_int_equal(r.ifindex, 3);
    assert_int_equal(r.family, IP_V4);
    assert_true(r.first);
    assert_true(burst_next(b, at_ms(0), &r));
    assert_int_equal(r.family, IP_V6);
    assert_false(burst_next(b, at_ms(0), &r));
}

static void ticks(void **state)
{
    CLEANUP(burst_freep) struct burst *b = burst_new(2 * NS_PER_SEC, at_ms(0));
    struct burst_round r;

    (void)state;
    assert_int_equal(ms_of(burst_deadline(b)), 2000); /* after one full interval */
    assert_false(burst_next(b, at_ms(1999), &r));
    assert_true(burst_next(b, at_ms(2000), &r));
    assert_int_equal(r.kind, BURST_PERIODIC);
    assert_false(burst_next(b, at_ms(2000), &r));
    assert_true(burst_next(b, at_ms(9500), &r)); /* 4000, 6000 and 8000 were missed: one round */
    assert_false(burst_next(b, at_ms(9500), &r));
    assert_int_equal(ms_of(burst_deadline(b)), 10000);
    burst_address(b, vip(1), at_ms(9600)); /* neither disturbs the other */
    EXPECT(b, 12200, 9600, 10000, 10700, 11800, 12000);
}

/* --- invariants under a random script --- */

enum { VIPS = 12, STEPS = 60000 };

struct model {
    bool announced;
    int64_t last_round, last_trigger; /* ms; -1: none since it was announced */
    unsigned rounds;
};

static void model_round(struct model *m, int64_t now)
{
    assert_true(m->announced);
    if (m->last_round >= 0)
        assert_true(now - m->last_round >= 1100);
    assert_true(now - m->last_trigger < 5000);
    m->last_round = now;
    m->rounds++;
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

static void model_step(struct burst *b, struct model *m, uint32_t i, unsigned dice, int64_t now)
{
    if (dice % 4 == 0) {
        burst_cancel_address(b, vip(i));
        *m = (struct model){.last_round = -1};
        return;
    }
    if (dice % 4 == 1) {
        burst_address(b, vip(i), at_ms(now));
        if (!m->announced)
            *m = (struct model){.announced = true, .last_round = -1};
        m->last_trigger = now;
    }
}

static void holds_its_invariants(void **state)
{
    CLEANUP(burst_freep) struct burst *b = burst_new(0, at_ms(0));
    struct model models[VIPS] = {0};
    unsigned seed = 20251, total = 0;
    int64_t now = 0;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = next_random(&seed) % VIPS;
        struct burst_round r;
        struct mono due;

        now += next_random(&seed) % 400;
        model_step(b, &models[i], i, next_random(&seed), now);
        while (burst_next(b, at_ms(now), &r)) {
            model_round(&models[r.ip.lo - vip(0).lo], now);
            total++;
        }
        due = burst_deadline(b);
        assert_true(!mono_is_set(due) || ms_of(due) > now); /* nothing that is due is left */
        for (uint32_t k = 0; k < VIPS; k++) {
            if (models[k].announced)
                assert_true(models[k].rounds > 0);
            else
                assert_false(burst_has_address(b, vip(k)));
        }
    }
    assert_true(total > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_five_rounds),
        cmocka_unit_test(is_prolonged),
        cmocka_unit_test(begins_anew_after_the_end),
        cmocka_unit_test(ends_with_withdrawal),
        cmocka_unit_test(keeps_addresses_apart),
        cmocka_unit_test(keeps_links_apart),
        cmocka_unit_test(ticks),
        cmocka_unit_test(holds_its_invariants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
