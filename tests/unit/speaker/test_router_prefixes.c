/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of prefixes against the sorted list of all. This file stands in for the RIB. */
#include "speaker/router_int.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ALL = 150, PAGE_MAX = 64 };

static struct {
    struct prefix all[ALL];
    size_t count;
} rib; /* the stand-ins have no argument for it */

struct bgp_rib *bgp_routes(struct bgp *b)
{
    (void)b;
    return NULL;
}

size_t bgp_rib_count(const struct bgp_rib *r)
{
    (void)r;
    return rib.count;
}

void bgp_rib_each(const struct bgp_rib *r, bgp_rib_fn fn, void *arg)
{
    (void)r;
    for (size_t i = 0; i < rib.count; i++)
        fn(arg, rib.all[i]);
}

/* --- tests --- */

static int by_prefix(const void *a, const void *b)
{
    return prefix_cmp(*(const struct prefix *)a, *(const struct prefix *)b);
}

/* Distinct ones of both families, in no order. */
static void fill(uint64_t seed)
{
    rib.count = 0;
    for (uint32_t i = 0; i < ALL; i++) {
        uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};
        uint32_t n;

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        n = (uint32_t)(seed >> 48) << 10 | i; /* i keeps them apart */
        if (i % 3 == 0) {
            memcpy(v6 + 10, &n, sizeof(n));
            rib.all[rib.count++] = prefix_of(ip_v6(v6), 128);
        } else {
            rib.all[rib.count++] = prefix_of(ip_v4(0xc6120000U | n), 32);
        }
    }
}

static void pages_add_up(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 7, 64};
    const struct router router = {0};

    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        struct prefix page[PAGE_MAX], want[ALL];
        struct router_range range = {0};
        size_t n, told = 0;

        fill(s + 1);
        memcpy(want, rib.all, sizeof(want));
        qsort(want, rib.count, sizeof(*want), by_prefix);
        while ((n = router_prefixes(&router, &range, page, sizes[s])) > 0) {
            for (size_t i = 0; i < n; i++)
                assert_true(prefix_eq(page[i], want[told + i]));
            told += n;
            range.after = page[n - 1];
        }
        assert_int_equal(told, rib.count);
        assert_int_equal(router_prefix_count(&router), rib.count);
    }
}

static struct prefix prefix_from(const char *text)
{
    struct prefix p = {0};

    assert_true(text == NULL || prefix_parse(&p, text));
    return p;
}

static const struct {
    const char *name, *within, *after, *want;
} ranges[] = {
    {"all", NULL, NULL,
     "192.0.2.0/24 192.0.2.0/28 192.0.2.17/32 198.18.0.0/32 2001:db8::/64 2001:db8::1/128 "},
    {"inside a prefix", "192.0.2.0/27", NULL, "192.0.2.0/24 192.0.2.0/28 192.0.2.17/32 "},
    {"an address", "192.0.2.17/32", NULL, "192.0.2.0/24 192.0.2.17/32 "},
    {"another one", "192.0.2.18/32", NULL, "192.0.2.0/24 "},
    {"a family", "::/0", NULL, "2001:db8::/64 2001:db8::1/128 "},
    {"nothing", "203.0.113.0/24", NULL, ""},
    {"the rest", NULL, "198.18.0.0/32", "2001:db8::/64 2001:db8::1/128 "},
    {"a longer one of the same address", NULL, "192.0.2.0/24",
     "192.0.2.0/28 192.0.2.17/32 198.18.0.0/32 2001:db8::/64 2001:db8::1/128 "},
    {"behind one that is gone", "192.0.2.0/24", "192.0.2.9/32", "192.0.2.17/32 "},
    {"behind all", NULL, "2001:db8::1/128", ""},
};

static void keeps_to_its_range(void **state)
{
    static const char *const all[] = {"198.18.0.0/32", "2001:db8::1/128", "192.0.2.17/32",
                                      "192.0.2.0/28",  "2001:db8::/64",   "192.0.2.0/24"};
    const struct router router = {0};

    (void)state;
    for (rib.count = 0; rib.count < ARRAY_SIZE(all); rib.count++)
        rib.all[rib.count] = prefix_from(all[rib.count]);
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        const struct router_range range = {.after = prefix_from(ranges[i].after),
                                           .within = prefix_from(ranges[i].within)};
        CLEANUP(text_done) struct text t = {0};
        struct prefix page[PAGE_MAX];
        size_t n = router_prefixes(&router, &range, page, PAGE_MAX);

        for (size_t k = 0; k < n; k++)
            text_printf(&t, "%s ", prefix_format(page[k]).s);
        if (strcmp(text_str(&t), ranges[i].want) != 0)
            fail_msg("%s: %s", ranges[i].name, text_str(&t));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_add_up),
        cmocka_unit_test(keeps_to_its_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
