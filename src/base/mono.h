/* SPDX-License-Identifier: Apache-2.0 */
/* Monotonic time as its own type, so that it cannot be mixed with a duration or with the wall
 * clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SEC INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

struct mono {
    int64_t ns; /* CLOCK_MONOTONIC; 0 is "never" */
};

struct mono mono_now(void); /* sessions and roles only; engines get the time as a parameter */
struct mono mono_add(struct mono t, int64_t ns);
int64_t mono_sub(struct mono a, struct mono b); /* a - b, in ns */
bool mono_is_set(struct mono t);
bool mono_before(struct mono a, struct mono b);
struct mono mono_earlier(struct mono a, struct mono b); /* "never" loses */
