/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_unset(void **state)
{
    struct err err = {0};

    (void)state;
    assert_string_equal(err_text(&err), "unknown error");
    err_done(&err);
}

static void test_set_returns_its_code(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_set(&err, -EINVAL, "bad prefix %s/%d", "10.0.0.0", 33), -EINVAL);
    assert_int_equal(err.code, -EINVAL);
    assert_string_equal(err_text(&err), "bad prefix 10.0.0.0/33");
    err_done(&err);
}

static void test_set_replaces(void **state)
{
    struct err err = {0};

    (void)state;
    (void)err_set(&err, -EINVAL, "first"); /* only the second one counts here */
    assert_int_equal(err_set(&err, -EIO, "second"), -EIO);
    assert_int_equal(err.code, -EIO);
    assert_string_equal(err_text(&err), "second");
    err_done(&err);
}

/* The old text is often an argument of the new one. */
static void test_set_from_its_own_text(void **state)
{
    struct err err = {0};

    (void)state;
    (void)err_set(&err, -EINVAL, "no such file"); /* read back below */
    assert_int_equal(err_set(&err, -ENOENT, "pins: %s", err_text(&err)), -ENOENT);
    assert_string_equal(err_text(&err), "pins: no such file");
    err_done(&err);
}

static void test_wrap_adds_context(void **state)
{
    struct err err = {0};

    (void)state;
    (void)err_set(&err, -ERANGE, "bad prefix"); /* read back below */
    assert_int_equal(err_wrap(&err, "pool %s", "edge"), -ERANGE);
    assert_int_equal(err_wrap(&err, "%s:%d", "dir/pool.yaml", 12), -ERANGE);
    assert_string_equal(err_text(&err), "dir/pool.yaml:12: pool edge: bad prefix");
    assert_int_equal(err_wrap(&err, "again, %s", err_text(&err)), -ERANGE);
    assert_string_equal(err_text(&err), "again, dir/pool.yaml:12: pool edge: bad prefix: "
                                        "dir/pool.yaml:12: pool edge: bad prefix");
    err_done(&err);
}

static void test_wrap_of_nothing(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_wrap(&err, "pool edge"), 0);
    assert_string_equal(err_text(&err), "pool edge: unknown error");
    err_done(&err);
}

static void test_done_makes_it_new(void **state)
{
    struct err err = {0};

    (void)state;
    (void)err_set(&err, -EINVAL, "gone"); /* forgotten below */
    err_done(&err);
    assert_int_equal(err.code, 0);
    assert_null(err.text);
    err_done(&err);
    assert_int_equal(err_set(&err, -EIO, "new"), -EIO);
    assert_string_equal(err_text(&err), "new");
    err_done(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unset),
        cmocka_unit_test(test_set_returns_its_code),
        cmocka_unit_test(test_set_replaces),
        cmocka_unit_test(test_set_from_its_own_text),
        cmocka_unit_test(test_wrap_adds_context),
        cmocka_unit_test(test_wrap_of_nothing),
        cmocka_unit_test(test_done_makes_it_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
