/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as timers of the event loop take them. */
#pragma once

#include <stdint.h>
#include <sys/time.h>

/* Rounded up to the microsecond, so that a timer never comes too early; what is past is 0. */
struct timeval delay_from_ns(int64_t ns);
