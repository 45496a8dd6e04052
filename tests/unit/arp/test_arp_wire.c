/* SPDX-License-Identifier: Apache-2.0 */
#include "arp/arp_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* arping -I eth0 192.0.2.80, as tcpdump saw it. */
static const uint8_t request[42] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x42, 0xa4, 0xd2, 0xe6, 0x2f, 0x7f, 0x08, 0x06,
    0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x42, 0xa4, 0xd2, 0xe6, 0x2f, 0x7f,
    0xc0, 0x00, 0x02, 0x09, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc0, 0x00, 0x02, 0x50,
};

static void reads_a_request(void **state)
{
    struct arp_packet p;

    (void)state;
    assert_int_equal(arp_read(&p, request, sizeof(request)), 0);
    assert_int_equal(p.op, ARP_REQUEST);
    assert_memory_equal(p.eth_to, request, 6);
    assert_memory_equal(p.eth_from, request + 6, 6);
    assert_memory_equal(p.sender_mac, request + 6, 6);
    assert_memory_equal(p.target_mac, request, 6);
    assert_true(ip_eq(p.sender_ip, ip_v4(0xc0000209)));
    assert_true(ip_eq(p.target_ip, ip_v4(0xc0000250)));
}

static void refuses_every_truncation(void **state)
{
    struct arp_packet p = {.op = 77};

    (void)state;
    for (size_t len = 0; len < sizeof(request); len++)
        assert_int_equal(arp_read(&p, request, len), -EBADMSG);
    assert_int_equal(p.op, 77); /* nothing is written on failure */
}

static const struct {
    const char *name;
    size_t at;
    uint8_t value;
} bad_bytes[] = {
    {"IPv4, not ARP", 13, 0x00},        {"802.1Q tag", 12, 0x81},
    {"hardware type IEEE 802", 15, 6},  {"protocol type IPv6", 16, 0x86},
    {"hardware address of 20", 18, 20}, {"protocol address of 16", 19, 16},
};

static void refuses_other_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_bytes); i++) {
        struct arp_packet p;
        uint8_t frame[sizeof(request)];

        memcpy(frame, request, sizeof(frame));
        frame[bad_bytes[i].at] = bad_bytes[i].value;
        if (arp_read(&p, frame, sizeof(frame)) != -EBADMSG)
            fail_msg("%s: accepted", bad_bytes[i].name);
    }
}

static void writes_what_it_read(void **state)
{
    struct arp_packet p;
    uint8_t out[ARP_FRAME_LEN], want[ARP_FRAME_LEN] = {0};

    (void)state;
    memcpy(want, request, sizeof(request)); /* 18 zeros follow */
    assert_int_equal(arp_read(&p, request, sizeof(request)), 0);
    arp_write(out, &p);
    assert_memory_equal(out, want, sizeof(want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_request),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_other_kinds),
        cmocka_unit_test(writes_what_it_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
