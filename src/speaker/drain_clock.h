/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the routes of a drained node may go (drain.h): some time after routers have been told to
 * prefer others.
 */
#pragma once

#include <event2/event_struct.h>

#include "model/object.h"

struct drain_clock {
    struct event timer;
    int64_t delay_ns;
    bool is_draining, has_yielded;
    void (*yielded)(void *arg);
    void *arg;
};

/* `yielded`: evaluate anew, has_yielded has become true. */
void drain_clock_init(struct drain_clock *c, struct event_base *base, int64_t delay_ns,
                      void (*yielded)(void *arg), void *arg);
void drain_clock_done(struct drain_clock *c); /* also of a zeroed one */

/* What our Node says now; may be repeated. `is_start`: nothing has been announced yet, so that
 * there is nothing to give away slowly. */
void drain_clock_set(struct drain_clock *c, enum node_drain drain, bool is_start);
