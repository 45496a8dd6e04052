/* SPDX-License-Identifier: Apache-2.0 */
#include "builder.h"

#include "ipam/ipam_set.h"

enum { SPACE = 600, STEPS = 20000 };

static struct ip at(unsigned i)
{
    return ip_v4(0xffffffffu - SPACE + 1 + i); /* up to the last IPv4 address */
}

static void check_against(const struct ip_set *s, const bool *has)
{
    size_t runs = 0;

    for (unsigned i = 0; i < SPACE; i++) {
        assert_int_equal(ip_set_has(s, at(i)), has[i]);
        runs += has[i] && (i == 0 || !has[i - 1]);
    }
    assert_int_equal(s->count, runs);
}

static void check_next(const struct ip_set *s, const bool *has, unsigned from)
{
    unsigned absent = from, present = from;
    struct ip found;

    while (absent < SPACE && has[absent])
        absent++;
    while (present < SPACE && !has[present])
        present++;
    assert_int_equal(ip_set_next_absent(&found, s, at(from), at(SPACE - 1)), absent < SPACE);
    if (absent < SPACE)
        assert_true(ip_eq(found, at(absent)));
    assert_int_equal(ip_set_next_present(&found, s, at(from), at(SPACE - 1)), present < SPACE);
    if (present < SPACE)
        assert_true(ip_eq(found, at(present)));
}

/* A set of runs answers as an array of booleans does. */
static void test_like_an_array(void **state)
{
    struct ip_set s = {0};
    bool has[SPACE] = {false};
    uint64_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned n = draw(&seed, SPACE);

        has[n] = draw(&seed, 2) == 0;
        if (has[n])
            ip_set_add(&s, at(n));
        else
            ip_set_del(&s, at(n));
        check_next(&s, has, draw(&seed, SPACE));
        if (i % 500 == 0)
            check_against(&s, has);
    }
    ip_set_done(&s);
}

static void test_families_never_join(void **state)
{
    struct ip_set s = {0};
    struct ip found;

    (void)state;
    ip_set_add(&s, ip_of("255.255.255.255"));
    ip_set_add(&s, ip_of("::"));
    ip_set_add(&s, ip_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    assert_int_equal(s.count, 3);
    assert_false(
        ip_set_next_absent(&found, &s, ip_of("255.255.255.255"), ip_of("255.255.255.255")));
    assert_false(ip_set_next_present(&found, &s, ip_of("1.2.3.4"), ip_of("9.0.0.0")));
    assert_true(ip_set_next_absent(&found, &s, ip_of("::"), ip_of("::5")));
    assert_true(ip_eq(found, ip_of("::1")));
    ip_set_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_an_array),
        cmocka_unit_test(test_families_never_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
