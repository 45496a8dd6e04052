/* SPDX-License-Identifier: Apache-2.0 */
#include "pulse/pulse_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct pulse_packet sample(size_t count)
{
    struct pulse_packet p = {.from = pulse_id("elm"),
                             .to = pulse_id("oak"),
                             .boot = 1,
                             .seq = UINT64_C(0x1122334455667788),
                             .to_boot = 3,
                             .echo = 4,
                             .interval_us = 50000,
                             .count = count};

    for (size_t i = 0; i < count; i++)
        p.entries[i] = (struct pulse_entry){.id = i,
                                            .epoch = (uint32_t)i * 3,
                                            .level = (uint8_t)(i % 8),
                                            .judges = i % 2 == 0,
                                            .missed = i % 3 == 0};
    return p;
}

static const struct {
    const char *name;
    size_t count;
    const char *secret;
} trips[] = {
    {"no entry", 0, "s"},
    {"some", 3, "s"},
    {"as many as fit", PULSE_NODES_MAX, "s"},
    {"no secret", 2, ""},
};

static void round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(trips); i++) {
        struct pulse_key key =
            pulse_key_from_secret((const uint8_t *)trips[i].secret, strlen(trips[i].secret));
        struct pulse_packet in = sample(trips[i].count), out;
        uint8_t bytes[PULSE_PACKET_MAX];
        size_t len = pulse_write(bytes, &in, &key);

        assert_int_equal(len, PULSE_HEAD_LEN + in.count * PULSE_ENTRY_LEN + PULSE_TAG_LEN);
        if (pulse_read(&out, bytes, len, &key) != PULSE_READ)
            fail_msg("%s: not read", trips[i].name);
        assert_int_equal(out.from, in.from);
        assert_int_equal(out.to, in.to);
        assert_int_equal(out.boot, in.boot);
        assert_int_equal(out.seq, in.seq);
        assert_int_equal(out.to_boot, in.to_boot);
        assert_int_equal(out.echo, in.echo);
        assert_int_equal(out.interval_us, in.interval_us);
        assert_int_equal(out.count, in.count);
        for (size_t k = 0; k < in.count; k++) {
            assert_int_equal(out.entries[k].id, in.entries[k].id);
            assert_int_equal(out.entries[k].epoch, in.entries[k].epoch);
            assert_int_equal(out.entries[k].level, in.entries[k].level);
            assert_int_equal(out.entries[k].judges, in.entries[k].judges);
            assert_int_equal(out.entries[k].missed, in.entries[k].missed);
        }
    }
}

static void every_bit_is_guarded(void **state)
{
    struct pulse_key key = pulse_key_from_secret((const uint8_t *)"s", 1);
    struct pulse_packet in = sample(2), out;
    uint8_t bytes[PULSE_PACKET_MAX];
    size_t len = pulse_write(bytes, &in, &key);

    (void)state;
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(pulse_read(&out, bytes, len, &key), PULSE_READ);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(pulse_read(&out, bytes, cut, &key), PULSE_READ);
}

static void another_secret_is_refused(void **state)
{
    struct pulse_key keys[] = {pulse_key_from_secret((const uint8_t *)"a", 1),
                               pulse_key_from_secret((const uint8_t *)"b", 1),
                               pulse_key_from_secret(NULL, 0)};
    struct pulse_packet in = sample(1), out;
    uint8_t bytes[PULSE_PACKET_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        size_t len = pulse_write(bytes, &in, &keys[i]);

        for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
            assert_int_equal(pulse_read(&out, bytes, len, &keys[k]),
                             i == k ? PULSE_READ : PULSE_BAD_TAG);
    }
}

/* Tagged rightly by somebody who holds the secret, and wrong all the same. */
static void values_have_bounds(void **state)
{
    static const struct {
        const char *name;
        uint64_t boot;
        uint32_t interval_us;
        enum pulse_reading want;
    } cases[] = {
        {"well", 1, 50000, PULSE_READ},
        {"no boot", 0, 50000, PULSE_BAD_FORM},
        {"shortest interval", 1, PULSE_INTERVAL_MIN_US, PULSE_READ},
        {"too short", 1, PULSE_INTERVAL_MIN_US - 1, PULSE_BAD_FORM},
        {"longest interval", 1, PULSE_INTERVAL_MAX_US, PULSE_READ},
        {"too long", 1, PULSE_INTERVAL_MAX_US + 1, PULSE_BAD_FORM},
    };
    struct pulse_key key = pulse_key_from_secret((const uint8_t *)"s", 1);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pulse_packet in = sample(1), out;
        uint8_t bytes[PULSE_PACKET_MAX];

        in.boot = cases[i].boot;
        in.interval_us = cases[i].interval_us;
        if (pulse_read(&out, bytes, pulse_write(bytes, &in, &key), &key) != cases[i].want)
            fail_msg("%s", cases[i].name);
    }
}

/* The form on the wire may not change between releases that meet in a rollout. */
static void known_bytes(void **state)
{
    static const char want[] = "534c425001000001" /* magic, version, flags, entries */
                               "af9b6fe9";        /* the id of elm begins */
    struct pulse_key key = pulse_key_from_secret((const uint8_t *)"s", 1);
    struct pulse_packet in = sample(1);
    uint8_t bytes[PULSE_PACKET_MAX];
    char hex[sizeof(want)];

    (void)state;
    (void)pulse_write(bytes, &in, &key);
    for (size_t i = 0; i < sizeof(want) / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(hex, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(every_bit_is_guarded),
        cmocka_unit_test(another_secret_is_refused),
        cmocka_unit_test(values_have_bounds),
        cmocka_unit_test(known_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
