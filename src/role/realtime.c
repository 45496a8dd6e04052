/* SPDX-License-Identifier: Apache-2.0 */
#include "role/realtime.h"

#include "base/log.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

enum { NICE = -15 };

void realtime_begin(void)
{
    const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};

    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) == 0)
        return;
    if (setpriority(PRIO_PROCESS, 0, NICE) < 0)
        log_warn("cannot raise the priority of this process: on a busy machine heartbeats and BFD "
                 "packets may be late",
                 F_S("op", "startup"), F_S("error", strerror(errno)));
}
