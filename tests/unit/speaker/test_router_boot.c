/* SPDX-License-Identifier: Apache-2.0 */
/* Has forwarding survived the restart (spec speaker-bgp 5.9)? The clock is ours: --wrap. */
#include "speaker/router_int.h"

#include "base/log.h"
#include "role/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static struct {
    time_t up_s; /* since the boot */
    int result;
} boot; /* the stand-in has no argument for it */

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    if (id != CLOCK_BOOTTIME)
        return __real_clock_gettime(id, ret);
    *ret = (struct timespec){.tv_sec = boot.up_s};
    return boot.result;
}

static const struct {
    const char *name;
    time_t up_s;
    int result;
    bool forwarding;
} starts[] = {
    {"with the node", 20, 0, false},
    {"just before two minutes", 119, 0, false},
    {"two minutes after the boot", 120, 0, true},
    {"days after", 1000000, 0, true},
    {"without such a clock", 0, -1, true},
};

static void says_so_in_first_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        CLEANUP(router_freep) struct router *r = NULL;
        struct router_options how = {.base = loop_new(), .node = "A"};
        struct err err = {0};

        boot.up_s = starts[i].up_s;
        boot.result = starts[i].result;
        assert_int_equal(router_new(&r, &how, &err), 0);
        if (r->forwarding != starts[i].forwarding)
            fail_msg("%s", starts[i].name);
        r = router_free(r);
        event_base_free(how.base);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_so_in_first_sessions),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
