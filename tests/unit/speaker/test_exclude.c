/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/exclude.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *expression, *name;
    bool want;
} cases[] = {
    {"^lo$", "lo", true},
    {"^lo$", "lo0", false},
    {"^veth.*", "veth12", true},
    {"^veth.*", "myveth", false},
    {"th", "eth0", true},
    {"^(cali|tunl)", "tunl0", true},
    {"^eth[0-9]+$", "eth1x", false},
    {"a|b", "eth0", false},
    {"", "eth0", true},
};

static void searches_unanchored(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *items[] = {"^never-there$", cases[i].expression};
        CLEANUP(exclude_freep) struct exclude *x = NULL;
        struct err err = {0};

        assert_int_equal(exclude_new(&x, &(struct string_list){items, 2}, &err), 0);
        if (exclude_has(x, cases[i].name) != cases[i].want)
            fail_msg("%s on %s", cases[i].expression, cases[i].name);
    }
}

static void excludes_nothing_by_default(void **state)
{
    CLEANUP(exclude_freep) struct exclude *x = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(exclude_new(&x, &(struct string_list){0}, &err), 0);
    assert_false(exclude_has(x, "lo"));
}

static void names_the_bad_one(void **state)
{
    const char *items[] = {"^lo$", "eth[", "x"};
    struct exclude *x = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(exclude_new(&x, &(struct string_list){items, 3}, &err), -EINVAL);
    assert_null(x);
    assert_ptr_equal(strstr(err_text(&err), "interface exclusion \"eth[\": "), err_text(&err));
    err_done(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searches_unanchored),
        cmocka_unit_test(excludes_nothing_by_default),
        cmocka_unit_test(names_the_bad_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
