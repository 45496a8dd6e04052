/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the speaker on this machine about itself. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/macro.h"

/*
 * `path` of its control socket; NULL: that of `steellb run`, else that of `steellb speaker`.
 * `request`: speaker/bgp_answer.h, or "" for everything. Waits for the answer; what the speaker
 * refuses is an error. A new reference.
 */
NODISCARD int status_ask(json_t **ret, const char *path, const char *request, struct err *err);

/* The answer to a `routes` request line by line, as it comes: "[", a route and perhaps a comma,
 * ..., "]". `fn` may change its line. */
NODISCARD int status_list(const char *path, const char *request, void (*fn)(void *arg, char *line),
                          void *arg, struct err *err);
