/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

#include "base/mem.h"

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

static struct prefix must_parse_prefix(const char *text)
{
    struct prefix p = {0};

    if (!prefix_parse(&p, text))
        fail_msg("%s is refused", text);
    return p;
}

/* Accepted by Go's net.ParseCIDR (ip_test.go, parseCIDRTests), with the network that Go returns. */
static void test_prefix_parse(void **state)
{
    static const struct {
        const char *in, *want, *first, *last;
    } rows[] = {
        {"135.104.0.0/32", "135.104.0.0/32", "135.104.0.0", "135.104.0.0"},
        {"0.0.0.0/24", "0.0.0.0/24", "0.0.0.0", "0.0.0.255"},
        {"135.104.0.1/24", "135.104.0.0/24", "135.104.0.0", "135.104.0.255"},
        {"127.0.0.1/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
        {"192.0.2.77/31", "192.0.2.76/31", "192.0.2.76", "192.0.2.77"},
        {"255.255.255.255/32", "255.255.255.255/32", "255.255.255.255", "255.255.255.255"},
        {"10.0.0.0/08", "10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
        {"10.0.0.0/0000000000008", "10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
        {"::1/128", "::1/128", "::1", "::1"},
        {"abcd:2345::/127", "abcd:2345::/127", "abcd:2345::", "abcd:2345::1"},
        {"abcd:2345::/65", "abcd:2345::/65", "abcd:2345::", "abcd:2345::7fff:ffff:ffff:ffff"},
        {"abcd:2345::/64", "abcd:2345::/64", "abcd:2345::", "abcd:2345::ffff:ffff:ffff:ffff"},
        {"abcd:2345::/63", "abcd:2345::/63", "abcd:2345::", "abcd:2345:0:1:ffff:ffff:ffff:ffff"},
        {"abcd:2345::/33", "abcd:2345::/33",
         "abcd:2345::", "abcd:2345:7fff:ffff:ffff:ffff:ffff:ffff"},
        {"abcd:2300::/24", "abcd:2300::/24",
         "abcd:2300::", "abcd:23ff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"abcd:2345::/24", "abcd:2300::/24",
         "abcd:2300::", "abcd:23ff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"2001:DB8::1/48", "2001:db8::/48", "2001:db8::", "2001:db8:0:ffff:ffff:ffff:ffff:ffff"},
        {"::/0", "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"ffff::1/0", "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"2001:db8::1.2.3.4/128", "2001:db8::102:304/128", "2001:db8::102:304",
         "2001:db8::102:304"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct prefix p = must_parse_prefix(rows[i].in);

        if (strcmp(prefix_format(p).s, rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].in, prefix_format(p).s);
        if (!ip_eq(prefix_first(p), must_parse(rows[i].first)))
            fail_msg("%s: first is %s", rows[i].in, ip_format(prefix_first(p)).s);
        if (!ip_eq(prefix_last(p), must_parse(rows[i].last)))
            fail_msg("%s: last is %s", rows[i].in, ip_format(prefix_last(p)).s);
    }
}

static void test_prefix_parse_refuses(void **state)
{
    static const char *const rows[] = {
        "",
        "/",
        "/24",
        "10.0.0.0",
        "10.0.0.0/",
        "192.168.1.1/255.255.255.0",
        "192.168.1.1/35",
        "10.0.0.0/33",
        "2001:db8::1/-1",
        "2001:db8::1/-0",
        "-0.0.0.0/32",
        "0.-1.0.0/32",
        "0.0.-2.0/32",
        "0.0.0.-3/32",
        "0.0.0.0/-0",
        "127.000.000.001/32",
        "::/129",
        "::/1280",
        "::/99999999999999999999",
        "::/256",
        "10.0.0.0/288",
        "10.0.0.0/4294967304",
        "10.0.0.0/+8",
        "10.0.0.0/ 8",
        "10.0.0.0/8 ",
        " 10.0.0.0/8",
        "10.0.0.0 /8",
        "10.0.0.0/0x8",
        "10.0.0.0/8/8",
        "10.0.0.0//8",
        "10.0.0.0/a",
        "10.0.0/8",
        "fe80::1%lo0/64",
        "::ffff:10.0.0.0/104",
        "::ffff:10.0.0.0/0",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255x/128",
        "0000000000000000000000000000000000000000000000000000::/64",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct prefix p = {.addr = ip_v4(42), .len = 32};

        if (prefix_parse(&p, rows[i]))
            fail_msg("\"%s\" is accepted as %s", rows[i], prefix_format(p).s);
        if (p.len != 32 || !ip_eq(p.addr, ip_v4(42)))
            fail_msg("\"%s\" is refused, but written", rows[i]);
    }
}

static void test_prefix_contains(void **state)
{
    static const struct {
        const char *p, *a;
        bool want;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::", false},
        {"::/0", "1.2.3.4", false},
        {"::/0", "ffff::", true},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"192.0.2.1/32", "192.0.2.0", false},
        {"2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true},
        {"2001:db8::/64", "2001:db8:0:1::", false},
        {"2001:db8::/128", "2001:db8::", true},
        {"2001:db8::/128", "2001:db8::1", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (prefix_contains(must_parse_prefix(rows[i].p), must_parse(rows[i].a)) != rows[i].want)
            fail_msg("%s in %s", rows[i].a, rows[i].p);
    }
}

static void test_prefix_overlaps(void **state)
{
    static const struct {
        const char *a, *b;
        bool want;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0/8", true},        {"10.0.0.0/8", "10.1.0.0/16", true},
        {"10.0.0.0/8", "11.0.0.0/8", false},       {"10.0.0.0/9", "10.128.0.0/9", false},
        {"0.0.0.0/0", "255.255.255.255/32", true}, {"0.0.0.0/0", "::/0", false},
        {"::/0", "2001:db8::/32", true},           {"2001:db8::/33", "2001:db8:8000::/33", false},
        {"192.0.2.0/31", "192.0.2.1/32", true},    {"192.0.2.0/31", "192.0.2.2/32", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct prefix a = must_parse_prefix(rows[i].a), b = must_parse_prefix(rows[i].b);

        if (prefix_overlaps(a, b) != rows[i].want || prefix_overlaps(b, a) != rows[i].want)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

static void test_prefix_order(void **state)
{
    static const char *const sorted[] = {"0.0.0.0/0",     "0.0.0.0/8",    "10.0.0.0/8",
                                         "10.0.0.0/16",   "10.1.0.0/16",  "::/0",
                                         "2001:db8::/32", "2001:db8::/48"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(sorted); k++) {
            struct prefix a = must_parse_prefix(sorted[i]), b = must_parse_prefix(sorted[k]);
            int want = (i > k) - (i < k), got = prefix_cmp(a, b);

            if ((got > 0) - (got < 0) != want || prefix_eq(a, b) != (want == 0))
                fail_msg("%s and %s: %d", sorted[i], sorted[k], got);
        }
    }
}

static void test_prefix_of_every_length(void **state)
{
    struct ip ones4 = must_parse("255.255.255.255");
    struct ip ones6 = must_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");

    (void)state;
    for (unsigned len = 0; len <= 32; len++) {
        struct prefix p = prefix_of(ones4, (uint8_t)len);
        uint64_t want = len == 0 ? 0 : UINT32_MAX << (32 - len);

        assert_true(p.len == len && p.addr.hi == 0 && p.addr.lo == (want & UINT32_MAX));
        assert_true(ip_eq(prefix_last(p), ones4));
    }
    for (unsigned len = 0; len <= 128; len++) {
        struct prefix p = prefix_of(ones6, (uint8_t)len);
        uint64_t hi = len == 0 ? 0 : len < 64 ? UINT64_MAX << (64 - len) : UINT64_MAX;
        uint64_t lo = len <= 64 ? 0 : UINT64_MAX << (128 - len);

        if (p.len != len || p.addr.hi != hi || p.addr.lo != lo || !ip_eq(prefix_last(p), ones6))
            fail_msg("%s", prefix_format(p).s);
    }
}

/* --- ranges --- */

/* The model: the longest block that starts at `at`, is aligned and ends in time, tried from large
 * to small. Offsets are from `base`, which is aligned to 256. */
static size_t model_cover(struct prefix *ret, struct ip base, unsigned first, unsigned last)
{
    uint8_t bits = ip_bits(base.family);
    size_t n = 0;

    for (unsigned at = first; at <= last;) {
        unsigned host = 8;

        while (at % (1u << host) != 0 || at + (1u << host) - 1 > last)
            host--;
        ret[n].addr = base;
        ret[n].addr.lo += at;
        ret[n].len = (uint8_t)(bits - host);
        n++;
        at += 1u << host;
    }
    return n;
}

static void check_cover(struct ip base, unsigned first, unsigned last)
{
    CLEANUP(xfreep) struct prefix *got = xcalloc(PREFIX_RANGE_MAX, sizeof(*got));
    struct prefix want[16];
    size_t want_count = model_cover(want, base, first, last);
    struct ip a = base, b = base;
    size_t count;

    a.lo += first;
    b.lo += last;
    count = prefix_cover(got, a, b);
    if (count != want_count)
        fail_msg("%s + %u..%u: %zu prefixes, want %zu", ip_format(base).s, first, last, count,
                 want_count);
    for (size_t i = 0; i < count; i++) {
        if (!prefix_eq(got[i], want[i]))
            fail_msg("%s + %u..%u: %s, want %s", ip_format(base).s, first, last,
                     prefix_format(got[i]).s, prefix_format(want[i]).s);
    }
}

/* Every range inside 256 addresses: in the middle of the space and at both of its ends. */
static void test_cover_against_model(void **state)
{
    static const char *const bases[] = {
        "192.0.2.0",  "0.0.0.0", "255.255.255.0",
        "2001:db8::", "::",      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        struct ip base = must_parse(bases[i]);

        for (unsigned first = 0; first < 256; first++) {
            for (unsigned last = first; last < 256; last++) {
                if (first != 0 || last != 255) /* one block, whose size depends on the base */
                    check_cover(base, first, last);
            }
        }
    }
}

/* What a cover must be: it starts and ends where asked, without a gap, and no neighbours could be
 * one. */
static size_t check_cover_shape(struct ip first, struct ip last)
{
    CLEANUP(xfreep) struct prefix *p = xcalloc(PREFIX_RANGE_MAX, sizeof(*p));
    size_t n = prefix_cover(p, first, last);

    assert_true(n >= 1 && n <= PREFIX_RANGE_MAX);
    assert_true(ip_eq(prefix_first(p[0]), first));
    assert_true(ip_eq(prefix_last(p[n - 1]), last));
    for (size_t i = 0; i < n; i++) {
        struct ip next = {0};

        assert_true(prefix_eq(prefix_of(p[i].addr, p[i].len), p[i]));
        if (i == 0)
            continue;
        assert_true(ip_next(&next, prefix_last(p[i - 1])));
        assert_true(ip_eq(next, prefix_first(p[i])));
        if (p[i].len == p[i - 1].len)
            assert_false(
                prefix_contains(prefix_of(p[i].addr, (uint8_t)(p[i].len - 1)), p[i - 1].addr));
    }
    return n;
}

static void test_cover_of_wide_ranges(void **state)
{
    static const struct {
        const char *first, *last;
        size_t want;
    } rows[] = {
        {"0.0.0.0", "255.255.255.255", 1},
        {"0.0.0.1", "255.255.255.254", 62},
        {"0.0.0.1", "255.255.255.255", 32},
        {"0.0.0.0", "255.255.255.254", 32},
        {"255.255.255.255", "255.255.255.255", 1},
        {"0.0.0.0", "0.0.0.0", 1},
        {"127.255.255.255", "128.0.0.0", 2},
        {"10.0.0.10", "10.0.1.20", 9},
        {"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1},
        {"::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", PREFIX_RANGE_MAX},
        {"::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128},
        {"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 128},
        {"::ffff:ffff:ffff:ffff", "0:0:0:1::", 2},
        {"7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::", 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t n = check_cover_shape(must_parse(rows[i].first), must_parse(rows[i].last));

        if (n != rows[i].want)
            fail_msg("%s-%s: %zu prefixes, want %zu", rows[i].first, rows[i].last, n, rows[i].want);
    }
}

static void test_cover_of_random_ranges(void **state)
{
    uint64_t seed = 0x5eed, r[5];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct ip a = {.family = IP_V6}, b = {.family = IP_V6};

        for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            r[i] = seed;
        }
        a.hi = r[0] >> (r[4] & 63);
        a.lo = r[1];
        b.hi = r[2] >> (r[4] >> 6 & 63);
        b.lo = r[3];
        if (ip_cmp(a, b) <= 0)
            check_cover_shape(a, b);
        else
            check_cover_shape(b, a);
        a = ip_v4((uint32_t)(r[0] < r[1] ? r[0] >> 32 : r[1] >> 32));
        b = ip_v4((uint32_t)(r[0] < r[1] ? r[1] >> 32 : r[0] >> 32));
        check_cover_shape(a, b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_parse),
        cmocka_unit_test(test_prefix_parse_refuses),
        cmocka_unit_test(test_prefix_contains),
        cmocka_unit_test(test_prefix_overlaps),
        cmocka_unit_test(test_prefix_order),
        cmocka_unit_test(test_prefix_of_every_length),
        cmocka_unit_test(test_cover_against_model),
        cmocka_unit_test(test_cover_of_wide_ranges),
        cmocka_unit_test(test_cover_of_random_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
