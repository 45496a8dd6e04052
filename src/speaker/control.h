/* SPDX-License-Identifier: Apache-2.0 */
/* A UNIX stream socket of mode 0600 that answers each connection with one JSON document, for
 * `steellb status`. */
#pragma once

#include <event2/event.h>
#include <jansson.h>

#include "base/err.h"
#include "base/macro.h"

struct control;

struct control_options {
    struct event_base *base;
    const char *path;
    json_t *(*answer)(void *arg); /* a new reference */
    void *arg;
};

NODISCARD int control_open(struct control **ret, const struct control_options *options,
                           struct err *err);
struct control *control_close(struct control *c); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct control, control_close);
