/* SPDX-License-Identifier: Apache-2.0 */
#include "ndp/ndp_wire.h"

#include "frames.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { AT_PAYLOAD_LEN = 19, AT_ICMP = 54, AT_OPTION = 78 };

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    assert_true(ip_parse(&ip, text));
    return ip;
}

static void reads_a_solicitation(void **state)
{
    struct ndp_solicit s;

    (void)state;
    assert_int_equal(ndp_read(&s, solicit_frame, sizeof(solicit_frame)), 0);
    assert_memory_equal(s.eth_to, solicit_frame, ETH_ALEN);
    assert_memory_equal(s.eth_from, solicit_frame + 6, ETH_ALEN);
    assert_true(ip_eq(s.from, ip("fe80::2")));
    assert_true(ip_eq(s.to, ip("ff02::1:ff00:80")));
    assert_true(ip_eq(s.target, ip("2001:db8::80")));
    assert_int_equal(s.hop_limit, 255);
    assert_int_equal(s.code, 0);
    assert_true(s.checksum_ok);
    assert_true(s.has_source_mac);
    assert_memory_equal(s.source_mac, solicit_frame + 6, ETH_ALEN);
}

static void refuses_every_truncation(void **state)
{
    struct ndp_solicit s = {.hop_limit = 77};

    (void)state;
    for (size_t len = 0; len < sizeof(solicit_frame); len++)
        assert_int_equal(ndp_read(&s, solicit_frame, len), -EBADMSG);
    assert_int_equal(s.hop_limit, 77); /* nothing is written on failure */
}

/* The IPv6 header announces fewer bytes than the frame has: the rest is padding. */
static void refuses_every_shorter_payload(void **state)
{
    (void)state;
    for (uint8_t len = 0; len < 32; len++) {
        struct ndp_solicit s;
        uint8_t frame[sizeof(solicit_frame)];

        memcpy(frame, solicit_frame, sizeof(frame));
        frame[AT_PAYLOAD_LEN] = len;
        if (len == 24) { /* ends before the option, which is allowed */
            assert_int_equal(ndp_read(&s, frame, sizeof(frame)), 0);
            assert_false(s.has_source_mac);
            continue;
        }
        assert_int_equal(ndp_read(&s, frame, sizeof(frame)), -EBADMSG);
    }
}

static const struct {
    const char *name;
    size_t at;
    uint8_t value;
    int want;
} changes[] = {
    {"ARP", 13, 0x06, -ENOMSG},
    {"IPv4 inside", 14, 0x45, -ENOMSG},
    {"hop-by-hop header", 20, 0, -ENOMSG},
    {"UDP", 20, 17, -ENOMSG},
    {"router solicitation", AT_ICMP, 133, -ENOMSG},
    {"advertisement", AT_ICMP, 136, -ENOMSG},
    {"payload beyond the frame", AT_PAYLOAD_LEN, 33, -EBADMSG},
    {"option of length 0", AT_OPTION + 1, 0, -EBADMSG},
    {"option beyond the end", AT_OPTION + 1, 2, -EBADMSG},
    {"unknown option", AT_OPTION, 14, 0},
};

static void judges_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        struct ndp_solicit s;
        uint8_t frame[sizeof(solicit_frame)];
        int got;

        memcpy(frame, solicit_frame, sizeof(frame));
        frame[changes[i].at] = changes[i].value;
        got = ndp_read(&s, frame, sizeof(frame));
        if (got != changes[i].want)
            fail_msg("%s: %d", changes[i].name, got);
        if (got == 0 && (s.has_source_mac || s.checksum_ok))
            fail_msg("%s: taken for the original", changes[i].name);
    }
}

/* Two options: a nonce first. And a source option too long for Ethernet, which says nothing. */
static void walks_options(void **state)
{
    uint8_t frame[sizeof(solicit_frame) + 16] = {0};
    struct ndp_solicit s;

    (void)state;
    memcpy(frame, solicit_frame, AT_OPTION);
    frame[AT_PAYLOAD_LEN] = 48;
    frame[AT_OPTION] = 14;
    frame[AT_OPTION + 1] = 1;
    frame[AT_OPTION + 8] = 1;
    frame[AT_OPTION + 9] = 1;
    frame[AT_OPTION + 10] = 0x42;
    frame[AT_OPTION + 16] = 14;
    frame[AT_OPTION + 17] = 1;
    assert_int_equal(ndp_read(&s, frame, sizeof(frame)), 0);
    assert_true(s.has_source_mac);
    assert_int_equal(s.source_mac[0], 0x42);

    frame[AT_OPTION + 9] = 2;
    assert_int_equal(ndp_read(&s, frame, sizeof(frame)), 0);
    assert_false(s.has_source_mac);
}

static void sees_every_flipped_bit(void **state)
{
    (void)state;
    for (size_t bit = 22 * 8; bit < sizeof(solicit_frame) * 8; bit++) {
        struct ndp_solicit s = {0};
        uint8_t frame[sizeof(solicit_frame)];

        memcpy(frame, solicit_frame, sizeof(frame));
        frame[bit / 8] = (uint8_t)(frame[bit / 8] ^ 1u << bit % 8);
        if (ndp_read(&s, frame, sizeof(frame)) == 0)
            assert_false(s.checksum_ok);
    }
}

static void writes_adverts(void **state)
{
    struct ndp_advert a = {
        .eth_to = {2, 0, 0, 0, 0, 2},
        .mac = {2, 0, 0, 0, 0, 1},
        .from = ip("fe80::1"),
        .to = ip("fe80::2"),
        .target = ip("2001:db8::80"),
        .solicited = true,
    };
    const uint8_t all[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};
    uint8_t out[NDP_ADVERT_LEN];

    (void)state;
    ndp_write(out, &a);
    assert_memory_equal(out, solicited_advert_frame, sizeof(out));
    memcpy(a.eth_to, all, sizeof(all));
    a.to = ip("ff02::1");
    a.solicited = false;
    a.override = true;
    ndp_write(out, &a);
    assert_memory_equal(out, unsolicited_advert_frame, sizeof(out));
}

static void sums_odd_lengths(void **state)
{
    const uint8_t odd[3] = {0x12, 0x34, 0x56}, even[4] = {0x12, 0x34, 0x56, 0};
    uint16_t a = ndp_checksum(ip("::"), ip("::"), odd, 3);
    uint16_t b = ndp_checksum(ip("::"), ip("::"), even, 4);

    (void)state;
    assert_int_equal(a, b + 1); /* the pseudo-header holds the length */
    assert_int_equal(a, (uint16_t) ~(0x1234 + 0x5600 + 3 + 58));
}

/* What we send ourselves when we take an address over. */
static void write_claim(uint8_t ret[NDP_ADVERT_LEN], bool solicited)
{
    struct ndp_advert a = {.eth_to = {0x33, 0x33, 0, 0, 0, 1},
                           .mac = {2, 0, 0, 0, 0, 7},
                           .solicited = solicited,
                           .override = true};

    a.from = ip("fe80::7");
    a.to = ip("ff02::1");
    a.target = ip("2001:db8::80");
    ndp_write(ret, &a);
}

static void reads_a_claim(void **state)
{
    static const uint8_t mac[ETH_ALEN] = {2, 0, 0, 0, 0, 7};
    uint8_t frame[NDP_ADVERT_LEN];
    struct ndp_claim c;

    (void)state;
    write_claim(frame, false);
    assert_int_equal(ndp_read_claim(&c, frame, sizeof(frame)), 0);
    assert_memory_equal(c.eth_from, mac, ETH_ALEN);
    assert_true(ip_eq(c.target, ip("2001:db8::80")));
    for (size_t len = 0; len < sizeof(frame); len++)
        assert_int_equal(ndp_read_claim(&c, frame, len), -EBADMSG);
    for (size_t at = AT_ICMP; at < sizeof(frame); at++) { /* the checksum guards it */
        frame[at] ^= 1;
        assert_int_equal(ndp_read_claim(&c, frame, sizeof(frame)), -ENOMSG);
        frame[at] ^= 1;
    }
    frame[21] = 254; /* hop limit */
    assert_int_equal(ndp_read_claim(&c, frame, sizeof(frame)), -ENOMSG);
}

static void what_is_no_claim(void **state)
{
    uint8_t frame[NDP_ADVERT_LEN];
    struct ndp_claim c;

    (void)state;
    write_claim(frame, true); /* an answer to somebody */
    assert_int_equal(ndp_read_claim(&c, frame, sizeof(frame)), -ENOMSG);
    assert_int_equal(ndp_read_claim(&c, solicit_frame, sizeof(solicit_frame)), -ENOMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_claim),
        cmocka_unit_test(what_is_no_claim),
        cmocka_unit_test(reads_a_solicitation),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_every_shorter_payload),
        cmocka_unit_test(judges_changes),
        cmocka_unit_test(walks_options),
        cmocka_unit_test(sees_every_flipped_bit),
        cmocka_unit_test(writes_adverts),
        cmocka_unit_test(sums_odd_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
