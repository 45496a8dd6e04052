/* SPDX-License-Identifier: Apache-2.0 */
#include "base/delay.h"

#include "base/macro.h"
#include "base/mono.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *name;
    int64_t ns;
    long seconds, micros;
} delays[] = {
    {"nothing", 0, 0, 0},
    {"past", -5 * NS_PER_SEC, 0, 0},
    {"a moment is a microsecond", 1, 0, 1},
    {"whole", 1500 * NS_PER_MS, 1, 500000},
    {"rounded up", 1500 * NS_PER_MS + 1, 1, 500001},
    {"just below a second", NS_PER_SEC - 1, 1, 0},
    {"long", INT64_C(86400) * NS_PER_SEC, 86400, 0},
};

static void test_delays(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(delays); i++) {
        struct timeval tv = delay_from_ns(delays[i].ns);

        if (tv.tv_sec != delays[i].seconds || tv.tv_usec != delays[i].micros)
            fail_msg("%s: %ld s %ld us", delays[i].name, (long)tv.tv_sec, (long)tv.tv_usec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
