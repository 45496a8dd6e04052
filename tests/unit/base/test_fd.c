/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_close(void **state)
{
    int pair[2], absent = -1;

    (void)state;
    assert_int_equal(pipe(pair), 0);
    fd_closep(&pair[0]);
    fd_closep(&pair[1]);
    fd_closep(&absent);
    assert_int_equal(fcntl(pair[1], F_GETFD), -1);
    assert_int_equal(errno, EBADF);
}

static void test_write_all(void **state)
{
    char got[16] = "";
    int pair[2];

    (void)state;
    assert_int_equal(pipe(pair), 0);
    assert_int_equal(fd_write_all(pair[1], "addresses", 9), 0);
    assert_int_equal(fd_write_all(pair[1], "", 0), 0);
    assert_int_equal(read(pair[0], got, sizeof(got)), 9);
    assert_string_equal(got, "addresses");
    fd_closep(&pair[0]);
    fd_closep(&pair[1]);
}

static void test_write_errors(void **state)
{
    int pair[2];

    (void)state;
    assert_int_equal(fd_write_all(-1, "a", 1), -EBADF);
    assert_int_equal(pipe(pair), 0);
    fd_closep(&pair[0]);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(fd_write_all(pair[1], "a", 1), -EPIPE);
    signal(SIGPIPE, SIG_DFL);
    fd_closep(&pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_write_all),
        cmocka_unit_test(test_write_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
