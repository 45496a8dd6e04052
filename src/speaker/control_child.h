/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long answers of the control socket. With ten thousand Services the whole status takes longer to
 * make than a fast BFD session waits: a child makes it of what it was forked with, and waits for
 * the client, while the loop goes on.
 */
#pragma once

#include <event2/event_struct.h>
#include <jansson.h>
#include <sys/types.h>

#include "base/macro.h"

enum { CONTROL_CHILDREN_MAX = 8 };

struct control_children {
    pid_t pids[CONTROL_CHILDREN_MAX];
    size_t count;
    struct event ended;
    void (*has_room)(void *arg); /* after some have ended */
    void *arg;
};

void control_children_init(struct control_children *c, struct event_base *base,
                           void (*has_room)(void *arg), void *arg);
void control_children_done(struct control_children *c); /* those that are left end by themselves */

/*
 * A child answers the client with what `answer` returns there, as one document. The caller closes
 * its own copy of `client`. 0; -EBUSY: too many are at work; else -errno.
 */
NODISCARD int control_children_answer(struct control_children *c, int client,
                                      json_t *(*answer)(void *arg), void *arg);
