/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bfd_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* 300 ms, 300 ms, 50 ms, Up, Poll; what each row replaces is one byte of it. */
static const uint8_t good[BFD_PACKET_LEN] = {
    0x20, 0xe0, 3, 24, 0, 0, 0, 7, 0, 0, 0, 9, 0, 4, 0x93, 0xe0, 0, 4, 0x93, 0xe0, 0, 0, 0xc3, 0x50,
};

static const struct {
    const char *name;
    size_t at;
    uint8_t value;
    size_t len;
    enum bfd_drop want;
} cases[] = {
    {"good", 0, 0x20, 24, BFD_TAKE},
    {"any diagnostic", 0, 0x3f, 24, BFD_TAKE},
    {"more in the datagram", 0, 0x20, 30, BFD_TAKE},
    {"longer, and there", 3, 30, 30, BFD_TAKE},
    {"longer than the datagram", 3, 25, 24, BFD_DROP_LENGTH},
    {"shorter than a packet", 3, 23, 24, BFD_DROP_LENGTH},
    {"datagram cut short", 0, 0x20, 23, BFD_DROP_LENGTH},
    {"empty datagram", 0, 0x20, 0, BFD_DROP_LENGTH},
    {"version 0", 0, 0x00, 24, BFD_DROP_VERSION},
    {"version 2", 0, 0x40, 24, BFD_DROP_VERSION},
    {"multiplier 0", 2, 0, 24, BFD_DROP_MULTIPLIER},
    {"multipoint", 1, 0xe1, 24, BFD_DROP_MULTIPOINT},
    {"authenticated", 1, 0xe4, 24, BFD_DROP_AUTHENTICATION},
    {"my discriminator 0", 7, 0, 24, BFD_DROP_MY_DISCRIMINATOR},
    {"your discriminator 0 in Up", 11, 0, 24, BFD_DROP_STATE},
    {"independent and demand", 1, 0xea, 24, BFD_TAKE},
};

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t bytes[32] = {0};
        struct bfd_packet p;
        enum bfd_drop got;

        memcpy(bytes, good, sizeof(good));
        bytes[cases[i].at] = cases[i].value;
        got = bfd_read(&p, bytes, cases[i].len);
        if (got != cases[i].want)
            fail_msg("%s: %s, not %s", cases[i].name, bfd_drop_name(got),
                     bfd_drop_name(cases[i].want));
    }
}

static void test_states_without_your_discriminator(void **state)
{
    static const enum bfd_drop want[] = {
        [BFD_ADMIN_DOWN] = BFD_TAKE,
        [BFD_DOWN] = BFD_TAKE,
        [BFD_INIT] = BFD_DROP_STATE,
        [BFD_UP] = BFD_DROP_STATE,
    };

    (void)state;
    for (unsigned s = BFD_ADMIN_DOWN; s <= BFD_UP; s++) {
        uint8_t bytes[BFD_PACKET_LEN];
        struct bfd_packet p;

        memcpy(bytes, good, sizeof(good));
        bytes[1] = (uint8_t)(s << 6);
        bytes[11] = 0;
        assert_int_equal(bfd_read(&p, bytes, sizeof(bytes)), want[s]);
    }
}

static void test_fields_and_round_trip(void **state)
{
    struct bfd_packet p;
    uint8_t bytes[BFD_PACKET_LEN];

    (void)state;
    assert_int_equal(bfd_read(&p, good, sizeof(good)), BFD_TAKE);
    assert_int_equal(p.state, BFD_UP);
    assert_true(p.poll && !p.final && !p.independent && !p.demand);
    assert_int_equal(p.multiplier, 3);
    assert_int_equal(p.my_discriminator, 7);
    assert_int_equal(p.your_discriminator, 9);
    assert_int_equal(p.desired_tx_us, 300000);
    assert_int_equal(p.required_rx_us, 300000);
    assert_int_equal(p.required_echo_us, 50000);
    bfd_write(bytes, &p);
    assert_memory_equal(bytes, good, sizeof(good));
}

static struct bfd_echo some_echo(void)
{
    return (struct bfd_echo){.address = ip_v4(0xc0000201),
                             .ttl = BFD_TTL,
                             .discriminator = 0x01020304,
                             .sequence = 5,
                             .cookie = 0x1122334455667788};
}

static uint16_t checksum(const uint8_t *bytes, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void test_echo(void **state)
{
    const struct bfd_echo sent = some_echo();
    struct bfd_echo got;
    uint8_t bytes[BFD_ECHO_LEN + 4] = {0};

    (void)state;
    bfd_echo_write(bytes, &sent);
    assert_int_equal(checksum(bytes, 20, 0), 0xffff);
    /* The pseudo header has the addresses, 17, and the length. */
    assert_int_equal(checksum(bytes + 12, BFD_ECHO_LEN - 12, 17 + 28), 0xffff);
    assert_int_equal(bytes[1], 0xc0);
    assert_int_equal(bfd_echo_read(&got, bytes, BFD_ECHO_LEN), 0);
    assert_true(ip_eq(got.address, sent.address) && got.ttl == BFD_TTL);
    assert_true(got.discriminator == sent.discriminator && got.sequence == sent.sequence &&
                got.cookie == sent.cookie);
    /* Padding of the frame is no part of it. */
    assert_int_equal(bfd_echo_read(&got, bytes, sizeof(bytes)), 0);
    for (size_t len = 0; len < BFD_ECHO_LEN; len++)
        assert_true(bfd_echo_read(&got, bytes, len) < 0);
}

static const struct {
    const char *name;
    size_t at;
    uint8_t value;
} bad_echoes[] = {
    {"IPv6", 0, 0x65},
    {"header too short", 0, 0x44},
    {"header too long", 0, 0x4f},
    {"more fragments", 6, 0x20},
    {"later fragment", 7, 1},
    {"TCP", 9, 6},
    {"from another", 15, 2},
    {"to another port", 23, 0xc8},
    {"UDP length", 25, 7},
    {"UDP length over", 25, 29},
    {"version", 28, 2},
    {"length", 29, 19},
};

static void test_what_is_no_echo(void **state)
{
    const struct bfd_echo sent = some_echo();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_echoes); i++) {
        uint8_t bytes[BFD_ECHO_LEN];
        struct bfd_echo got;

        bfd_echo_write(bytes, &sent);
        bytes[bad_echoes[i].at] = bad_echoes[i].value;
        if (bfd_echo_read(&got, bytes, sizeof(bytes)) >= 0)
            fail_msg("%s is taken", bad_echoes[i].name);
    }
}

static void test_control_in_a_frame(void **state)
{
    uint8_t bytes[20 + 8 + BFD_PACKET_LEN] = {0x45,      0,
                                              0,         sizeof(bytes),
                                              0,         0,
                                              0,         0,
                                              BFD_TTL,   17,
                                              0,         0,
                                              192,       0,
                                              2,         9,
                                              192,       0,
                                              2,         1,
                                              0xc0,      0,
                                              3784 >> 8, 3784 & 255,
                                              0,         8 + BFD_PACKET_LEN};
    struct bfd_packet p;
    struct ip from;

    (void)state;
    memcpy(bytes + 28, good, sizeof(good));
    assert_true(bfd_control_read(&p, &from, bytes, sizeof(bytes)));
    assert_true(ip_eq(from, ip_v4(0xc0000209)) && p.my_discriminator == 7);
    bytes[8] = 254; /* forwarded */
    assert_false(bfd_control_read(&p, &from, bytes, sizeof(bytes)));
    bytes[8] = BFD_TTL;
    bytes[28] = 0; /* version */
    assert_false(bfd_control_read(&p, &from, bytes, sizeof(bytes)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_states_without_your_discriminator),
        cmocka_unit_test(test_fields_and_round_trip),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_what_is_no_echo),
        cmocka_unit_test(test_control_in_a_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
