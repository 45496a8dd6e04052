/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"
#include "base/mem.h"
#include "pulse/pulse_wire.h"
#include "speaker/membership.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FAST_COUNT_MAX = 100 };

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
