/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "pulse/pulse_wire.h"
#include "speaker/membership.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { FAST_COUNT_MAX = 100, FAST_NICE = -15 };

int fast_detect_parse(struct fast_detect *ret, const char *text, struct err *err)
{
    CLEANUP(xfreep) char *copy = xstrdup(text);
    char *x = strrchr(copy, 'x'), *end = NULL;
    struct fast_detect f = {0};
    long count = 0;

    if (x != NULL) {
        *x = '\0';
        count = strtol(x + 1, &end, 10);
    }
    if (x == NULL || end == x + 1 || *end != '\0' || !duration_parse(&f.interval_ns, copy))
        return err_set(err, -EINVAL, "%s: must be INTERVALxCOUNT, for instance 50msx3", text);
    if (f.interval_ns < PULSE_INTERVAL_MIN_US * NS_PER_US ||
        f.interval_ns > PULSE_INTERVAL_MAX_US * NS_PER_US)
        return err_set(err, -EINVAL, "%s: the interval must be from 1ms to 10s", text);
    if (count < 1 || count > FAST_COUNT_MAX)
        return err_set(err, -EINVAL, "%s: the count must be from 1 to %d", text, FAST_COUNT_MAX);
    f.count = (unsigned)count;
    *ret = f;
    return 0;
}

void fast_detect_raise_priority(void)
{
    const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};

    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) == 0)
        return;
    if (setpriority(PRIO_PROCESS, 0, FAST_NICE) < 0)
        log_warn("cannot raise the priority of this process: on a busy machine heartbeats may be "
                 "late",
                 F_S("op", "startup"), F_S("error", strerror(errno)));
}
