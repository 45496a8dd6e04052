/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as Kubernetes writes them (Go's time.ParseDuration and Duration.String), and RFC 3339
 * time stamps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

/* "1m30s", "500ms", "0", "-1.5h". False when malformed or outside int64 nanoseconds. */
bool duration_parse(int64_t *ret_ns, const char *text);

enum { DURATION_TEXT_MAX = 40 };

struct duration_text {
    char s[DURATION_TEXT_MAX];
};

struct duration_text duration_format(int64_t ns); /* "1m30s", as Go prints it */

/* RFC 3339 with optional fraction and zone offset, to nanoseconds since 1970 UTC. */
bool timestamp_parse(int64_t *ret_ns, const char *text);
