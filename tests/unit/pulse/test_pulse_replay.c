/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats that somebody recorded, made up or turned around. */
#include "pulse_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SEC NS_PER_SEC
#define MS NS_PER_MS

enum { TAPE_MAX = 4096 };

struct tape {
    struct delivery items[TAPE_MAX];
    size_t count;
};

/* Runs and records what is on its way. */
static void record(struct sim *s, struct tape *t, int64_t ns)
{
    for (int64_t i = 0; i < ns / MS; i++) {
        sim_run(s, MS);
        for (size_t k = 0; k < s->delivery_count && t->count < TAPE_MAX; k++)
            t->items[t->count++] = s->deliveries[k];
    }
}

/* Hands all of it to a node, again. */
static void play(struct sim *s, const struct tape *t, size_t to)
{
    for (size_t i = 0; i < t->count; i++)
        pulse_on_packet(s->nodes[to].p, s->now, t->items[i].d.bytes, t->items[i].d.len);
}

static struct sim *set_up(void)
{
    struct sim *s = sim_new(7, 2);

    sim_start(s, 0);
    sim_start(s, 1);
    return s;
}

static uint64_t dropped(const struct sim *s, size_t node, enum pulse_drop why)
{
    return pulse_dropped(s->nodes[node].p, why);
}

static void a_recording_keeps_nobody_alive(void **state)
{
    static struct tape tape;
    struct sim *s = set_up();

    (void)state;
    tape.count = 0;
    record(s, &tape, 2 * SEC);
    assert_true(tape.count > 20);
    assert_int_equal(dropped(s, 0, PULSE_DROP_OLD), 0);
    sim_stop(s, 1);
    for (unsigned i = 0; i < 30; i++) {
        play(s, &tape, 0);
        sim_run(s, 10 * MS);
    }
    assert_true(s->nodes[0].sees_out[1]);
    assert_true(dropped(s, 0, PULSE_DROP_OLD) > 0);
    assert_true(dropped(s, 0, PULSE_DROP_REFLECTED) > 0);
    sim_free(s);
}

/* From a former life of the peer, of ourselves, and of both. */
static void a_recording_of_former_processes(void **state)
{
    static struct tape tape;
    struct sim *s = set_up();

    (void)state;
    tape.count = 0;
    record(s, &tape, 1 * SEC);
    sim_stop(s, 1);
    sim_run(s, 20 * MS);
    sim_start(s, 1);
    record(s, &tape, 1 * SEC);
    sim_stop(s, 0);
    sim_run(s, 20 * MS);
    sim_start(s, 0);
    record(s, &tape, 50 * MS);
    for (unsigned i = 0; i < 200; i++) { /* it disturbs nobody while all are well */
        play(s, &tape, i % 2);
        sim_run(s, 10 * MS);
    }
    assert_int_equal(sim_outs(s), 0);
    sim_stop(s, 1);
    for (unsigned i = 0; i < 30; i++) { /* and helps nobody who is gone */
        play(s, &tape, 0);
        sim_run(s, 10 * MS);
    }
    assert_true(s->nodes[0].sees_out[1]);
    sim_free(s);
}

/* A new process must find in, whatever is played to it of the times before. */
static void a_recording_keeps_nobody_out(void **state)
{
    static struct tape tape;
    struct sim *s = set_up();
    struct pulse_view v;

    (void)state;
    tape.count = 0;
    record(s, &tape, 1 * SEC);
    sim_stop(s, 1);
    sim_run(s, 1 * SEC);
    sim_start(s, 1);
    for (unsigned i = 0; i < 100; i++) {
        play(s, &tape, i % 2);
        sim_run(s, 7 * MS);
    }
    assert_true(pulse_view(s->nodes[0].p, "n1", &v) && v.met && !v.missed);
    assert_true(pulse_view(s->nodes[1].p, "n0", &v) && v.met && !v.missed);
    sim_free(s);
}

static struct pulse_packet forged(const char *from, const char *to)
{
    return (struct pulse_packet){.from = pulse_id(from),
                                 .to = pulse_id(to),
                                 .boot = 5,
                                 .seq = UINT64_MAX,
                                 .interval_us = 50000,
                                 .count = 1,
                                 .entries = {{.id = pulse_id("n0"), .epoch = 1}}};
}

static void forgery(void **state)
{
    const struct {
        const char *name, *from, *to, *secret;
        enum pulse_drop want;
    } cases[] = {
        {"another secret", "n1", "n0", "other!", PULSE_DROP_TAG},
        {"no secret", "n1", "n0", "", PULSE_DROP_TAG},
        {"for somebody else", "n1", "n2", "secret", PULSE_DROP_REFLECTED},
        {"our own", "n0", "n0", "secret", PULSE_DROP_REFLECTED},
        {"from a stranger", "n9", "n0", "secret", PULSE_DROP_STRANGER},
        {"not for this process", "n1", "n0", "secret", PULSE_DROP_OLD},
    };
    struct sim *s = set_up();

    (void)state;
    sim_run(s, 1 * SEC);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pulse_key key =
            pulse_key_from_secret((const uint8_t *)cases[i].secret, strlen(cases[i].secret));
        struct pulse_packet k = forged(cases[i].from, cases[i].to);
        uint8_t bytes[PULSE_PACKET_MAX];
        uint64_t before = dropped(s, 0, cases[i].want);

        pulse_on_packet(s->nodes[0].p, s->now, bytes, pulse_write(bytes, &k, &key));
        if (dropped(s, 0, cases[i].want) != before + 1)
            fail_msg("%s: not dropped as %s", cases[i].name, pulse_drop_name(cases[i].want));
    }
    pulse_on_packet(s->nodes[0].p, s->now, (const uint8_t *)"hello", 5);
    assert_int_equal(dropped(s, 0, PULSE_DROP_FORM), 1);
    assert_false(pulse_is_out(s->nodes[0].p, "n0"));
    sim_run(s, 2 * SEC);
    assert_int_equal(sim_outs(s), 0);
    sim_free(s);
}

/* Overtaken on the way: not newer, not harmful. No gap gets longer than 170 ms. */
static void order_does_not_matter(void **state)
{
    struct sim *s = set_up();

    (void)state;
    s->delay_ns = 120 * MS;
    sim_run(s, 30 * SEC);
    assert_true(dropped(s, 0, PULSE_DROP_OLD) > 0);
    assert_int_equal(sim_outs(s), 0);
    sim_free(s);
}

/* While more arrives than we can read, nobody can be judged; we go on sending all the same. */
static void a_flood_silences_nobody(void **state)
{
    struct sim *s = set_up();
    struct pulse *p = s->nodes[0].p;
    struct pulse_datagram d;
    struct pulse_view v;
    struct mono now;

    (void)state;
    sim_run(s, 1 * SEC);
    now = s->now;
    for (unsigned i = 0; i < 20; i++) {
        now = mono_add(now, s->interval_ns);
        pulse_beat(p, now);
        assert_true(pulse_next(p, &d));
        assert_true(pulse_view(p, s->nodes[1].name, &v) && v.met && !v.missed && !v.out);
    }
    assert_false(pulse_next(p, &d));
    pulse_tick(p, now);
    assert_true(pulse_view(p, s->nodes[1].name, &v) && v.missed); /* that was silence */
    sim_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recording_keeps_nobody_alive),
        cmocka_unit_test(a_recording_of_former_processes),
        cmocka_unit_test(a_recording_keeps_nobody_out),
        cmocka_unit_test(forgery),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(a_flood_silences_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
