/* SPDX-License-Identifier: Apache-2.0 */
#include "model/community.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define EXTENDED(a, b)                                                                             \
    {                                                                                              \
        BGP_COMMUNITY_EXTENDED, a, b, 0                                                            \
    }

/* In ascending order. */
static const struct {
    struct bgp_community community;
    const char *text;
} communities[] = {
    {{BGP_COMMUNITY_STANDARD, 0, 0, 0}, "0:0"},
    {{BGP_COMMUNITY_LARGE, 0, 0, 1}, "large:0:0:1"},
    {{BGP_COMMUNITY_LARGE, 1, 2, 3}, "large:1:2:3"},
    /* MetalLB's own rows (spec speaker-bgp 7.2): a standard one counts as its 32 bits. */
    {{BGP_COMMUNITY_LARGE, 123, 456, 789}, "large:123:456:789"},
    {{BGP_COMMUNITY_STANDARD, 1234, 0, 0}, "0:1234"},
    {{BGP_COMMUNITY_LARGE, 1234, 0, 0}, "large:1234:0:0"},
    {{BGP_COMMUNITY_LARGE, 1234, 0, 1}, "large:1234:0:1"},
    {{BGP_COMMUNITY_LARGE, 1234, 1, 0}, "large:1234:1:0"},
    {{BGP_COMMUNITY_LARGE, 1235, 0, 0}, "large:1235:0:0"},
    {{BGP_COMMUNITY_STANDARD, 2345, 0, 0}, "0:2345"},
    {{BGP_COMMUNITY_STANDARD, 12345u << 16 | 12345, 0, 0}, "12345:12345"},
    {{BGP_COMMUNITY_STANDARD, 65000u << 16 | 100, 0, 0}, "65000:100"},
    {{BGP_COMMUNITY_LARGE, 65000u << 16 | 100, 0, 0}, "large:4259840100:0:0"},
    {{BGP_COMMUNITY_STANDARD, UINT32_MAX, 0, 0}, "65535:65535"},
    {{BGP_COMMUNITY_LARGE, UINT32_MAX, UINT32_MAX, UINT32_MAX},
     "large:4294967295:4294967295:4294967295"},
    {EXTENDED(0, 0), "ext:0x0000000000000000"},
    {EXTENDED(0x0002fde9, 0x00000064), "rt:65001:100"},
    {EXTENDED(0x0002ffff, 0xffffffff), "rt:65535:4294967295"},
    {EXTENDED(0x00030001, 0x00000002), "soo:1:2"},
    {EXTENDED(0x00040001, 0x00000002), "ext:0x0004000100000002"},
    {EXTENDED(0x0102c000, 0x02010007), "rt:192.0.2.1:7"},
    {EXTENDED(0x0103ffff, 0xffffffff), "soo:255.255.255.255:65535"},
    {EXTENDED(0x02020000, 0x00010005), "ext:0x0202000000010005"},
    {EXTENDED(0x0202fa56, 0xea010005), "rt:4200000001:5"},
    {EXTENDED(0x0203ffff, 0xffffffff), "soo:4294967295:65535"},
    {EXTENDED(0x4002fde9, 0x00000064), "ext:0x4002fde900000064"},
    {EXTENDED(0xffffffff, 0xffffffff), "ext:0xffffffffffffffff"},
};

static const struct {
    const char *name;
    bool is_v4;
    enum bgp_extended_subtype subtype;
    uint32_t admin, number;
    const char *text; /* NULL: refused */
} made[] = {
    {"AS of 2 bytes", false, BGP_ROUTE_TARGET, 65535, UINT32_MAX, "rt:65535:4294967295"},
    {"AS of 4 bytes", false, BGP_ROUTE_ORIGIN, 65536, 65535, "soo:65536:65535"},
    {"number too large for it", false, BGP_ROUTE_ORIGIN, 65536, 65536, NULL},
    {"address", true, BGP_ROUTE_TARGET, 0xc0000201, 65535, "rt:192.0.2.1:65535"},
    {"number too large for an address", true, BGP_ROUTE_TARGET, 0xc0000201, 65536, NULL},
};

static void test_makes_extended(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        struct bgp_community c = {0};
        bool ok = (made[i].is_v4 ? bgp_community_of_v4 : bgp_community_of_as)(
            &c, made[i].subtype, made[i].admin, made[i].number);

        if (ok != (made[i].text != NULL) ||
            strcmp(bgp_community_format(c).s, ok ? made[i].text : "0:0") != 0)
            fail_msg("%s: %s", made[i].name, bgp_community_format(c).s);
    }
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void test_communities(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(communities); i++) {
        assert_string_equal(bgp_community_format(communities[i].community).s, communities[i].text);
        for (size_t j = 0; j < ARRAY_SIZE(communities); j++) {
            int want = (i > j) - (i < j);

            if (sign(bgp_community_cmp(communities[i].community, communities[j].community)) != want)
                fail_msg("%s and %s", communities[i].text, communities[j].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_communities),
        cmocka_unit_test(test_makes_extended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
