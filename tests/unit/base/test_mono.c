/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mono.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_now_does_not_go_back(void **state)
{
    struct mono before = mono_now();

    (void)state;
    assert_true(mono_is_set(before));
    for (int i = 0; i < 1000; i++) {
        struct mono now = mono_now();

        assert_false(mono_before(now, before));
        before = now;
    }
}

static void test_arithmetic(void **state)
{
    struct mono t = {5 * NS_PER_SEC};

    (void)state;
    assert_int_equal(mono_add(t, 3 * NS_PER_MS).ns, 5003000000);
    assert_int_equal(mono_add(t, -NS_PER_SEC).ns, 4 * NS_PER_SEC);
    assert_int_equal(mono_sub(mono_add(t, 7 * NS_PER_US), t), 7000);
    assert_int_equal(mono_sub(t, mono_add(t, 7)), -7);
}

static void test_order(void **state)
{
    static const struct {
        const char *name;
        int64_t a, b, want;
        bool before;
    } rows[] = {
        {"a first", 1, 2, 1, true},     {"b first", 2, 1, 1, false},
        {"equal", 2, 2, 2, false},      {"a is never", 0, 2, 2, true},
        {"b is never", 2, 0, 2, false}, {"both are never", 0, 0, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mono a = {rows[i].a}, b = {rows[i].b};

        if (mono_before(a, b) != rows[i].before)
            fail_msg("%s: mono_before", rows[i].name);
        if (mono_earlier(a, b).ns != rows[i].want)
            fail_msg("%s: mono_earlier is %lld", rows[i].name, (long long)mono_earlier(a, b).ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_now_does_not_go_back),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
