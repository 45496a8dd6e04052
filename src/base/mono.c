/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mono.h"

#include <time.h>

struct mono mono_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (struct mono){ts.tv_sec * NS_PER_SEC + ts.tv_nsec};
}

struct mono mono_add(struct mono t, int64_t ns)
{
    return (struct mono){t.ns + ns};
}

int64_t mono_sub(struct mono a, struct mono b)
{
    return a.ns - b.ns;
}

bool mono_is_set(struct mono t)
{
    return t.ns != 0;
}

bool mono_before(struct mono a, struct mono b)
{
    return a.ns < b.ns;
}

struct mono mono_earlier(struct mono a, struct mono b)
{
    if (!mono_is_set(a))
        return b;
    if (!mono_is_set(b))
        return a;
    return mono_before(a, b) ? a : b;
}
