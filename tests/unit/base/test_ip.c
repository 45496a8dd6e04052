/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ip must_parse(const char *text)
{
    struct ip a = {0};

    if (!ip_parse(&a, text))
        fail_msg("%s is refused", text);
    return a;
}

/* Accepted by Go's net.ParseIP (ip_test.go, netip_test.go), with what Go prints: RFC 5952. */
static void test_parse_and_print(void **state)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"127.0.1.2", "127.0.1.2"},
        {"127.0.0.1", "127.0.0.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"192.168.140.255", "192.168.140.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"::ffff:127.1.2.3", "127.1.2.3"},
        {"::ffff:7f01:0203", "127.1.2.3"},
        {"0:0:0:0:0000:ffff:127.1.2.3", "127.1.2.3"},
        {"::FFFF:0:0", "0.0.0.0"},
        {"::127.1.2.3", "::7f01:203"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"::1.2.3.4", "::102:304"},
        {"2001:4860:0:2001::68", "2001:4860:0:2001::68"},
        {"2001:4860:0000:2001:0000:0000:0000:0068", "2001:4860:0:2001::68"},
        {"fd7a:115c:a1e0:ab12:4843:cd96:626b:430b", "fd7a:115c:a1e0:ab12:4843:cd96:626b:430b"},
        {"FE80::ABCD", "fe80::abcd"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        /* RFC 5952 4.2.2: one zero group is not shortened. */
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        /* 4.2.3: the longest run, the first one on a tie. */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"0:0:1:0:0:1:0:0", "::1:0:0:1:0:0"},
        {"1:0:0:2:0:0:0:0", "1:0:0:2::"},
        {"0:0:0:1::", "0:0:0:1::"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"1:0:0:0:0:0:0:8", "1::8"},
        {"1:2:0:0:0:0:7:8", "1:2::7:8"},
        {"2001:DB8:0:00:000:0000:A:0f", "2001:db8::a:f"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ip a = must_parse(rows[i].in);

        if (strcmp(ip_format(a).s, rows[i].want) != 0)
            fail_msg("%s: %s, want %s", rows[i].in, ip_format(a).s, rows[i].want);
        assert_true(ip_eq(a, must_parse(rows[i].want)));
    }
}

static void test_parse_refuses(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "127.0.0.256",
        "abc",
        "123:",
        "fe80::1%lo0",
        "fe80::1%911",
        "1.2.3.4%eth0",
        "a1:a2:a3:a4::b1:b2:b3:b4",
        "127.001.002.003",
        "::ffff:127.001.002.003",
        "123.000.000.000",
        "00.0.0.0",
        "1.2..4",
        "0123.0.0.1",
        "1.2.3",
        "1.2.3.",
        ".1.2.3",
        "1.2.3.4.",
        "1.2.3.4.5",
        "1.2.3.4x",
        "1.2.3.-4",
        "1.2.3.+4",
        "1.2.3. 4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4\n",
        "16909060",
        "0x1.2.3.4",
        "1.2.3.4/32",
        "1.2.3.1000",
        ":",
        ":::",
        "::1:",
        ":1::",
        "1:",
        ":1",
        "1::2::3",
        "1:::2",
        "12345::",
        "00001::",
        "g::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8:",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8::",
        "1:2:3:4::5:6:7:8",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "::1.2.3",
        "::1.2.3.256",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "[::1]",
        "::1 ",
        "::1/128",
        "0x1::",
        "::-1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ip a = ip_v4(42);

        if (ip_parse(&a, rows[i]))
            fail_msg("\"%s\" is accepted as %s", rows[i], ip_format(a).s);
        if (!ip_eq(a, ip_v4(42)))
            fail_msg("\"%s\" is refused, but written", rows[i]);
    }
}

static void test_v4_mapped(void **state)
{
    static const struct {
        const char *in;
        bool want;
    } rows[] = {
        {"::ffff:1.2.3.4", true},
        {"::ffff:0102:0304", true},
        {"0:0:0:0:0:FFFF:1.2.3.4", true},
        {"1.2.3.4", false},
        {"::1.2.3.4", false},
        {"64:ff9b::1.2.3.4", false},
        {"::fffe:1.2.3.4", false},
        {"1::ffff:1.2.3.4", false},
        {"::ffff:1.2.3", false},
        {"", false},
        {"::ffff:1.2.3.4/120", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (ip_text_is_v4_mapped(rows[i].in) != rows[i].want)
            fail_msg("%s", rows[i].in);
    }
}

static void test_bytes(void **state)
{
    static const uint8_t want[16] = {0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    uint8_t got[16];

    (void)state;
    assert_string_equal(ip_format(ip_v6(want)).s, "2001:db8:102:304:506:708:90a:b0c");
    ip_to_v6(ip_v6(want), got);
    assert_memory_equal(got, want, 16);
    assert_int_equal(ip_to_v4(must_parse("192.0.2.1")), 0xc0000201);
    assert_string_equal(ip_format(ip_v4(0xc0000201)).s, "192.0.2.1");
    assert_string_equal(ip_format((struct ip){0}).s, "<nil>");
}

/* The text forms are inverse to each other for any address. */
static void test_print_and_parse_random(void **state)
{
    uint64_t seed = 0x5eed;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        struct ip a = {.family = IP_V6}, b;

        for (int group = 0; group < 8; group++) {
            uint64_t bits;

            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bits = seed >> 62 != 0 ? 0 : seed >> 40 & 0xffff; /* most groups are zero */
            a.hi = a.hi << 16 | a.lo >> 48;
            a.lo = a.lo << 16 | bits;
        }
        if (ip_text_is_v4_mapped(ip_format(a).s))
            continue; /* parsed as IPv4 */
        if (!ip_parse(&b, ip_format(a).s) || !ip_eq(a, b))
            fail_msg("%s is not parsed back", ip_format(a).s);
        a = ip_v4((uint32_t)(seed >> 32));
        if (!ip_parse(&b, ip_format(a).s) || !ip_eq(a, b))
            fail_msg("%s is not parsed back", ip_format(a).s);
    }
}

static void test_order(void **state)
{
    static const char *const sorted[] = {
        "0.0.0.0",
        "0.0.0.1",
        "9.255.255.255",
        "10.0.0.0",
        "127.255.255.255",
        "128.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:ffff:ffff:ffff",
        "0:0:0:1::",
        "2001:db8::",
        "7fff:ffff::",
        "8000::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(sorted); k++) {
            struct ip a = must_parse(sorted[i]), b = must_parse(sorted[k]);
            int want = (i > k) - (i < k), got = ip_cmp(a, b);

            if ((got > 0) - (got < 0) != want || ip_eq(a, b) != (want == 0))
                fail_msg("%s and %s: %d", sorted[i], sorted[k], got);
        }
    }
    assert_true(ip_cmp((struct ip){0}, must_parse("0.0.0.0")) < 0);
    assert_false(ip_eq(must_parse("0.0.0.1"), must_parse("::1")));
}

static void test_link_local(void **state)
{
    static const struct {
        const char *in;
        bool want;
    } rows[] = {
        {"fe80::", true},   {"fe80::1", true},      {"febf:ffff::1", true}, {"fec0::", false},
        {"fe7f::1", false}, {"169.254.0.1", false}, {"ff02::1", false},     {"::", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (ip_is_link_local(must_parse(rows[i].in)) != rows[i].want)
            fail_msg("%s", rows[i].in);
    }
}

static void test_next_and_prev(void **state)
{
    static const struct {
        const char *a, *b; /* neighbours */
    } rows[] = {
        {"0.0.0.0", "0.0.0.1"},
        {"192.0.2.255", "192.0.3.0"},
        {"127.255.255.255", "128.0.0.0"},
        {"255.255.255.254", "255.255.255.255"},
        {"::", "::1"},
        {"::ffff:ffff:ffff:ffff", "0:0:0:1::"},
        {"2001:db8::ffff", "2001:db8::1:0"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ip a = must_parse(rows[i].a), b = must_parse(rows[i].b), got;

        if (!ip_next(&got, a) || !ip_eq(got, b))
            fail_msg("after %s", rows[i].a);
        if (!ip_prev(&got, b) || !ip_eq(got, a))
            fail_msg("before %s", rows[i].b);
    }
}

static void test_next_and_prev_end(void **state)
{
    struct ip got = ip_v4(42);

    (void)state;
    assert_false(ip_next(&got, must_parse("255.255.255.255")));
    assert_false(ip_next(&got, must_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
    assert_false(ip_prev(&got, must_parse("0.0.0.0")));
    assert_false(ip_prev(&got, must_parse("::")));
    assert_true(ip_eq(got, ip_v4(42)));
}

static void test_buggy(void **state)
{
    static const struct {
        const char *in;
        bool want;
    } rows[] = {
        {"10.0.0.0", true},      {"10.0.0.255", true},    {"10.0.0.1", false},
        {"10.0.0.254", false},   {"10.255.0.128", false}, {"2001:db8::", false},
        {"2001:db8::ff", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (ip_is_buggy(must_parse(rows[i].in)) != rows[i].want)
            fail_msg("%s", rows[i].in);
    }
}

/* Equal addresses have equal keys, others do not: also one number in both families. */
static void test_key(void **state)
{
    static const char *const ips[] = {"0.0.0.1", "::1", "1::", "192.0.2.1", "::ffff:192.0.2.1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(ips); k++) {
            struct ip a = must_parse(ips[i]), b = must_parse(ips[k]);
            struct ip_key x = ip_key(a), y = ip_key(b);

            assert_int_equal(memcmp(&x, &y, sizeof(x)) == 0, ip_eq(a, b));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_print),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_v4_mapped),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_print_and_parse_random),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_link_local),
        cmocka_unit_test(test_next_and_prev),
        cmocka_unit_test(test_next_and_prev_end),
        cmocka_unit_test(test_buggy),
        cmocka_unit_test(test_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
