/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of a process, with precise timers. What must not wait goes first (answers on the
 * wire, news of the cluster), then signals, probes and timers, then the work that news lead to.
 */
#pragma once

#include <event2/event.h>

enum {
    LOOP_PRIORITY_URGENT,
    LOOP_PRIORITY_USUAL, /* of an event that says nothing */
    LOOP_PRIORITY_WORK,
    LOOP_PRIORITIES,
};

/* The caller frees it with event_base_free. NULL when the system has no room for it. */
struct event_base *loop_new(void);
