/* SPDX-License-Identifier: Apache-2.0 */
/* UPDATE messages as we write them. */
#include "bgp/bgp_update.h"

#include "base/macro.h"
#include "base/mem.h"
#include "bgp_hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOP4                                                                                       \
    {                                                                                              \
        .len = 4, .bytes = { 192, 0, 2, 1 }                                                        \
    }
#define HOP_GLOBAL                                                                                 \
    {                                                                                              \
        .len = 16, .bytes = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }                                   \
    }
#define HOP_BOTH                                                                                   \
    {                                                                                              \
        .len = 32, .bytes = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1, 0xfe, 0x80, [31] = 2 }             \
    }

static const struct bgp_path ebgp = {
    .as4 = true, .local_as = 65001, .next_hop = {HOP4, HOP_GLOBAL}};
static const struct bgp_path ebgp_long_as = {
    .as4 = true, .local_as = 4200000001, .next_hop = {HOP4, HOP_BOTH}};
static const struct bgp_path old_peer = {.local_as = 65001, .next_hop = {HOP4, HOP_GLOBAL}};
static const struct bgp_path old_peer_long_as = {.local_as = 4200000001,
                                                 .next_hop = {HOP4, HOP_GLOBAL}};
static const struct bgp_path ibgp = {
    .ibgp = true, .as4 = true, .local_as = 65001, .next_hop = {HOP4, HOP_GLOBAL}};
static const struct bgp_path ibgp_old_peer = {
    .ibgp = true, .local_as = 4200000001, .next_hop = {HOP4, HOP_GLOBAL}};
static const struct bgp_path unnumbered = {
    .as4 = true, .local_as = 65001, .next_hop = {HOP_BOTH, HOP_BOTH}};

static const struct bgp_community communities[] = {
    {BGP_COMMUNITY_STANDARD, 0xfde90001, 0, 0},
    {BGP_COMMUNITY_LARGE, 0xfde90001, 2, 3},
    {BGP_COMMUNITY_STANDARD, 0xffff0000, 0, 0},
    {BGP_COMMUNITY_LARGE, 4200000001, 0, 0xffffffff},
    {BGP_COMMUNITY_EXTENDED, 0x0002fde9, 0x00000064, 0},
    {BGP_COMMUNITY_EXTENDED, 0x0102c000, 0x02010007, 0},
    {BGP_COMMUNITY_EXTENDED, 0x0203fa56, 0xea010005, 0},
};

/* --- bytes --- */

static const struct {
    const char *name;
    enum bgp_family family;
    struct bgp_attrs attrs;
    const struct bgp_path *path;
    const char *prefixes[3];
    const char *bytes;
} announced[] = {
    {"external",
     BGP_IPV4,
     {0},
     &ebgp,
     {"203.0.113.1/32", "203.0.113.0/24", "198.18.0.0/15"},
     MARKER "003e 02 0000 001b 40010100 40020602010000fde9 400304c0000201 80040400000000"
            "20cb00710118cb00710fc612"},
    {"default routes, odd lengths",
     BGP_IPV4,
     {0},
     &ebgp,
     {"0.0.0.0/0", "128.0.0.0/1", "198.19.128.0/17"},
     MARKER "0039 02 0000 001b 40010100 40020602010000fde9 400304c0000201 80040400000000"
            "00018011c61380"},
    {"external, long AS",
     BGP_IPV4,
     {.med = 5},
     &ebgp_long_as,
     {"203.0.113.1/32"},
     MARKER "0037 02 0000 001b 40010100 4002060201fa56ea01 400304c0000201 80040400000005"
            "20cb007101"},
    {"external, prepended",
     BGP_IPV4,
     {.prepend = 3},
     &ebgp,
     {"203.0.113.1/32"},
     MARKER "0043 02 0000 0027 40010100 40021202040000fde90000fde90000fde90000fde9"
            "400304c0000201 80040400000000 20cb007101"},
    {"peer without 4-byte AS",
     BGP_IPV4,
     {.prepend = 1},
     &old_peer,
     {"203.0.113.1/32"},
     MARKER "0037 02 0000 001b 40010100 4002060202fde9fde9 400304c0000201 80040400000000"
            "20cb007101"},
    {"peer without 4-byte AS, long AS",
     BGP_IPV4,
     {0},
     &old_peer_long_as,
     {"203.0.113.1/32"},
     MARKER "003e 02 0000 0022 40010100 40020402015ba0 400304c0000201 80040400000000"
            "c011060201fa56ea01 20cb007101"},
    {"peer without 4-byte AS, long AS, prepended, communities",
     BGP_IPV4,
     {.prepend = 2, .communities = communities, .community_count = 4},
     &old_peer_long_as,
     {"203.0.113.1/32"},
     MARKER "0070 02 0000 0054 40010100 40020802035ba05ba05ba0 400304c0000201"
            "80040400000000 c00808fde90001ffff0000 c0110e0203fa56ea01fa56ea01fa56ea01"
            "c02018fde900010000000200000003fa56ea0100000000ffffffff 20cb007101"},
    {"external: no LOCAL_PREF",
     BGP_IPV4,
     {.has_local_pref = true, .local_pref = 7},
     &ebgp,
     {"203.0.113.1/32"},
     MARKER "0037 02 0000 001b 40010100 40020602010000fde9 400304c0000201 80040400000000"
            "20cb007101"},
    {"internal",
     BGP_IPV4,
     {.prepend = 3},
     &ibgp,
     {"203.0.113.1/32"},
     MARKER "0038 02 0000 001c 40010100 400200 400304c0000201 80040400000000 40050400000064"
            "20cb007101"},
    {"internal, LOCAL_PREF 0",
     BGP_IPV4,
     {.has_local_pref = true, .med = 4294967295},
     &ibgp,
     {"203.0.113.1/32"},
     MARKER "0038 02 0000 001c 40010100 400200 400304c0000201 800404ffffffff 40050400000000"
            "20cb007101"},
    {"internal, peer without 4-byte AS",
     BGP_IPV4,
     {.has_local_pref = true, .local_pref = 300},
     &ibgp_old_peer,
     {"203.0.113.1/32"},
     MARKER "0038 02 0000 001c 40010100 400200 400304c0000201 80040400000000 4005040000012c"
            "20cb007101"},
    {"communities",
     BGP_IPV4,
     {.communities = communities, .community_count = 4},
     &ebgp,
     {"203.0.113.1/32"},
     MARKER "005d 02 0000 0041 40010100 40020602010000fde9 400304c0000201 80040400000000"
            "c00808fde90001ffff0000 c02018fde900010000000200000003fa56ea0100000000ffffffff"
            "20cb007101"},
    {"extended communities alone",
     BGP_IPV4,
     {.communities = communities + 4, .community_count = 3},
     &ebgp,
     {"203.0.113.1/32"},
     MARKER "0052 02 0000 0036 40010100 40020602010000fde9 400304c0000201 80040400000000"
            "c010180002fde9000000640102c000020100070203fa56ea010005 20cb007101"},
    {"communities of all kinds around AS4_PATH",
     BGP_IPV4,
     {.communities = communities, .community_count = 7},
     &old_peer_long_as,
     {"203.0.113.1/32"},
     MARKER "007f 02 0000 0063 40010100 40020402015ba0 400304c0000201 80040400000000"
            "c00808fde90001ffff0000 c010180002fde9000000640102c000020100070203fa56ea010005"
            "c011060201fa56ea01"
            "c02018fde900010000000200000003fa56ea0100000000ffffffff 20cb007101"},
    {"IPv6",
     BGP_IPV6,
     {0},
     &ebgp,
     {"2001:db8::1/128", "2001:db8::/33", "::/0"},
     MARKER "005b 02 0000 0044"
            "800e2d0002011020010db8000000000000000000000001008020010db800000000000000000000000121"
            "20010db80000 40010100 40020602010000fde9 80040400000000"},
    {"IPv6, link-local next hop, communities",
     BGP_IPV6,
     {.communities = communities, .community_count = 4},
     &ebgp_long_as,
     {"2001:db8::1/128"},
     MARKER "008a 02 0000 0073"
            "800e360002012020010db8000000000000000000000001fe800000000000000000000000000002008020"
            "010db8000000000000000000000001 40010100 4002060201fa56ea01 80040400000000"
            "c00808fde90001ffff0000 c02018fde900010000000200000003fa56ea0100000000ffffffff"},
    {"IPv6, internal",
     BGP_IPV6,
     {0},
     &ibgp,
     {"2001:db8::1/128"},
     MARKER "0055 02 0000 003e"
            "800e260002011020010db8000000000000000000000001008020010db8000000000000000000000001"
            "40010100 400200 80040400000000 40050400000064"},
    {"IPv4 with a next hop of IPv6",
     BGP_IPV4,
     {0},
     &unnumbered,
     {"203.0.113.1/32", "203.0.113.0/24"},
     MARKER "005c 02 0000 0045"
            "800e2e0001012020010db8000000000000000000000001fe8000000000000000000000000000020020cb"
            "00710118cb0071 40010100 40020602010000fde9 80040400000000"},
};

static void add_prefixes(struct bgp_update *u, const char *const prefixes[3])
{
    for (size_t i = 0; i < 3 && prefixes[i] != NULL; i++) {
        struct prefix p;

        assert_true(prefix_parse(&p, prefixes[i]));
        assert_true(bgp_update_add(u, p));
        assert_int_equal(u->prefix_count, i + 1);
    }
}

static void announces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(announced); i++) {
        CLEANUP(text_done) struct text got = {0};
        uint8_t bytes[BGP_MESSAGE_MAX];
        struct bgp_update u;
        size_t len;

        assert_true(bgp_update_begin(&u, bytes, sizeof(bytes), announced[i].family,
                                     &announced[i].attrs, announced[i].path));
        add_prefixes(&u, announced[i].prefixes);
        len = bgp_update_end(&u);
        add_hex(&got, bytes, len);
        if (!is_hex(bytes, len, announced[i].bytes))
            fail_msg("%s: %s", announced[i].name, text_str(&got));
    }
}

static const struct {
    const char *name;
    enum bgp_family family;
    bool mp;
    const char *prefixes[3];
    const char *bytes;
} withdrawn[] = {
    {"IPv4",
     BGP_IPV4,
     false,
     {"203.0.113.1/32", "198.18.0.0/15"},
     MARKER "001f 02 0008 20cb0071010fc612 0000"},
    {"IPv4 with MP_UNREACH_NLRI",
     BGP_IPV4,
     true,
     {"203.0.113.1/32", "198.18.0.0/15"},
     MARKER "0025 02 0000 000e 800f0b00010120cb0071010fc612"},
    {"IPv6",
     BGP_IPV6,
     true,
     {"2001:db8::1/128", "2001:db8::/32"},
     MARKER "0033 02 0000 001c 800f190002018020010db80000000000000000000000012020010db8"},
};

static void withdraws(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(withdrawn); i++) {
        CLEANUP(text_done) struct text got = {0};
        uint8_t bytes[BGP_MESSAGE_MAX];
        struct bgp_update u;
        size_t len;

        bgp_update_begin_withdraw(&u, bytes, sizeof(bytes), withdrawn[i].family, withdrawn[i].mp);
        add_prefixes(&u, withdrawn[i].prefixes);
        len = bgp_update_end(&u);
        add_hex(&got, bytes, len);
        if (!is_hex(bytes, len, withdrawn[i].bytes))
            fail_msg("%s: %s", withdrawn[i].name, text_str(&got));
    }
}

static void ends_of_rib(void **state)
{
    uint8_t bytes[30];

    (void)state;
    assert_true(is_hex(bytes, bgp_update_end_of_rib(bytes, BGP_IPV4), MARKER "0017 02 0000 0000"));
    assert_true(is_hex(bytes, bgp_update_end_of_rib(bytes, BGP_IPV6),
                       MARKER "001d 02 0000 0006 800f03000201"));
}

/* --- packing --- */

enum how { ANNOUNCE, WITHDRAW, WITHDRAW_MP };

static const struct {
    const char *name;
    enum bgp_family family;
    enum how how;
    const struct bgp_path *path;
    size_t max, want; /* prefixes in a full message */
} packed[] = {
    {"IPv4", BGP_IPV4, ANNOUNCE, &ebgp, BGP_MESSAGE_MAX, 809},
    {"IPv4, extended", BGP_IPV4, ANNOUNCE, &ebgp, BGP_EXTENDED_MAX, 13097},
    {"IPv4, next hop of IPv6", BGP_IPV4, ANNOUNCE, &unnumbered, BGP_MESSAGE_MAX, 802},
    {"IPv6", BGP_IPV6, ANNOUNCE, &ebgp, BGP_MESSAGE_MAX, 236},
    {"IPv6, extended", BGP_IPV6, ANNOUNCE, &ebgp, BGP_EXTENDED_MAX, 3851},
    {"IPv4, withdrawn", BGP_IPV4, WITHDRAW, NULL, BGP_MESSAGE_MAX, 814},
    {"IPv4, withdrawn, MP_UNREACH_NLRI", BGP_IPV4, WITHDRAW_MP, NULL, BGP_MESSAGE_MAX, 813},
    {"IPv6, withdrawn", BGP_IPV6, WITHDRAW_MP, NULL, BGP_MESSAGE_MAX, 239},
};

static struct prefix host(enum bgp_family family, size_t i)
{
    uint8_t bytes[16] = {0x20, 0x01, 0x0d, 0xb8};

    if (family == BGP_IPV4)
        return prefix_of(ip_v4(0xc6120000U + (uint32_t)i), 32);
    bytes[14] = (uint8_t)(i >> 8);
    bytes[15] = (uint8_t)i;
    return prefix_of(ip_v6(bytes), 128);
}

static void begin(struct bgp_update *u, uint8_t *bytes, size_t row)
{
    struct bgp_attrs attrs = {0};

    if (packed[row].how == ANNOUNCE)
        assert_true(bgp_update_begin(u, bytes, packed[row].max, packed[row].family, &attrs,
                                     packed[row].path));
    else
        bgp_update_begin_withdraw(u, bytes, packed[row].max, packed[row].family,
                                  packed[row].how == WITHDRAW_MP);
}

/* That what was written is read as so many prefixes, all of one kind. */
static void check(const uint8_t *bytes, size_t len, size_t row, size_t count)
{
    struct bgp_update_sum sum;
    struct bgp_header h;
    struct bgp_error e;
    bool announce = packed[row].how == ANNOUNCE;
    enum bgp_family f = packed[row].family;

    if (!bgp_header_read(&h, bytes, packed[row].max > BGP_MESSAGE_MAX, &e) || h.len != len)
        fail_msg("%s, %zu: header", packed[row].name, count);
    if (bgp_update_check(&sum, bytes + BGP_HEADER_LEN, len - BGP_HEADER_LEN, true, false, &e) !=
        BGP_UPDATE_GOOD)
        fail_msg("%s, %zu: %s", packed[row].name, count, sum.problem);
    assert_int_equal(sum.announced[f], announce ? count : 0);
    assert_int_equal(sum.withdrawn[f], announce ? 0 : count);
    assert_int_equal(sum.announced[!f] + sum.withdrawn[!f], 0);
}

static void fills_messages(void **state)
{
    CLEANUP(xfreep) uint8_t *bytes = xmalloc(BGP_EXTENDED_MAX);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(packed); i++) {
        struct bgp_update u;
        size_t n = 0, len;

        begin(&u, bytes, i);
        while (bgp_update_add(&u, host(packed[i].family, n)))
            n++;
        assert_int_equal(u.prefix_count, n);
        len = bgp_update_end(&u);
        if (n != packed[i].want || len > packed[i].max)
            fail_msg("%s: %zu prefixes, %zu bytes", packed[i].name, n, len);
        check(bytes, len, i, n);
    }
}

/* Above and below 255 bytes of MP_REACH_NLRI, where its length takes another form. */
static void any_number_of_prefixes(void **state)
{
    uint8_t bytes[BGP_MESSAGE_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(packed); i++) {
        for (size_t count = 0; packed[i].max == sizeof(bytes) && count < 64; count++) {
            struct bgp_update u;

            begin(&u, bytes, i);
            for (size_t k = 0; k < count; k++)
                assert_true(bgp_update_add(&u, host(packed[i].family, k)));
            check(bytes, bgp_update_end(&u), i, count);
        }
    }
}

/* --- long attributes --- */

enum { LIST_MAX = 1100 };

static const struct {
    const char *name;
    enum bgp_family family;
    enum bgp_community_kind kind;
    size_t count;
    const char *head; /* of the attribute; NULL: it does not fit */
} long_lists[] = {
    {"63 communities", BGP_IPV4, BGP_COMMUNITY_STANDARD, 63, "c008fc"},
    {"64 communities", BGP_IPV4, BGP_COMMUNITY_STANDARD, 64, "d0080100"},
    {"21 large communities", BGP_IPV4, BGP_COMMUNITY_LARGE, 21, "c020fc"},
    {"22 large communities", BGP_IPV4, BGP_COMMUNITY_LARGE, 22, "d0200108"},
    {"a full message, but for a prefix", BGP_IPV4, BGP_COMMUNITY_STANDARD, 1000, "d0080fa0"},
    {"a full message", BGP_IPV4, BGP_COMMUNITY_STANDARD, 1010, NULL},
    {"too many", BGP_IPV4, BGP_COMMUNITY_STANDARD, LIST_MAX, NULL},
    {"22 large communities, IPv6", BGP_IPV6, BGP_COMMUNITY_LARGE, 22, "d0200108"},
    {"a full message, IPv6", BGP_IPV6, BGP_COMMUNITY_STANDARD, 1002, NULL},
    {"31 extended communities", BGP_IPV4, BGP_COMMUNITY_EXTENDED, 31, "c010f8"},
    {"32 extended communities", BGP_IPV4, BGP_COMMUNITY_EXTENDED, 32, "d0100100"},
    {"too many extended communities", BGP_IPV4, BGP_COMMUNITY_EXTENDED, 600, NULL},
    {"too many, IPv6", BGP_IPV6, BGP_COMMUNITY_LARGE, 400, NULL},
};

static bool has_bytes(const uint8_t *bytes, size_t len, const char *hex)
{
    uint8_t want[8];
    size_t n = unhex(want, sizeof(want), hex);

    return memmem(bytes, len, want, n) != NULL;
}

static void long_attributes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(long_lists); i++) {
        CLEANUP(xfreep) struct bgp_community *list = xcalloc(LIST_MAX, sizeof(*list));
        struct bgp_attrs attrs = {.communities = list, .community_count = long_lists[i].count};
        struct bgp_update u = {.prefix_count = 77};
        uint8_t bytes[BGP_MESSAGE_MAX];
        struct bgp_update_sum sum;
        struct bgp_error e;
        size_t len;

        for (size_t k = 0; k < long_lists[i].count; k++)
            list[k] = (struct bgp_community){.kind = long_lists[i].kind, .a = (uint32_t)k};
        if (bgp_update_begin(&u, bytes, sizeof(bytes), long_lists[i].family, &attrs, &ebgp) !=
            (long_lists[i].head != NULL))
            fail_msg("%s", long_lists[i].name);
        if (long_lists[i].head == NULL) {
            assert_int_equal(u.prefix_count, 77);
            continue;
        }
        assert_true(bgp_update_add(&u, host(long_lists[i].family, 1)));
        len = bgp_update_end(&u);
        if (!has_bytes(bytes, len, long_lists[i].head))
            fail_msg("%s: head", long_lists[i].name);
        assert_int_equal(
            bgp_update_check(&sum, bytes + BGP_HEADER_LEN, len - BGP_HEADER_LEN, true, false, &e),
            BGP_UPDATE_GOOD);
        assert_int_equal(sum.announced[long_lists[i].family], 1);
    }
}

/* What no configuration asks for must still be a message. */
static void longest_path(void **state)
{
    struct bgp_attrs attrs = {.prepend = 255};
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct bgp_update_sum sum;
    struct bgp_update u;
    struct bgp_error e;
    size_t len;

    (void)state;
    assert_true(bgp_update_begin(&u, bytes, sizeof(bytes), BGP_IPV4, &attrs, &ebgp));
    assert_true(bgp_update_add(&u, host(BGP_IPV4, 1)));
    len = bgp_update_end(&u);
    assert_true(has_bytes(bytes, len, "500203fe02ff"));
    assert_int_equal(
        bgp_update_check(&sum, bytes + BGP_HEADER_LEN, len - BGP_HEADER_LEN, true, false, &e),
        BGP_UPDATE_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announces),
        cmocka_unit_test(withdraws),
        cmocka_unit_test(ends_of_rib),
        cmocka_unit_test(fills_messages),
        cmocka_unit_test(any_number_of_prefixes),
        cmocka_unit_test(long_attributes),
        cmocka_unit_test(longest_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
