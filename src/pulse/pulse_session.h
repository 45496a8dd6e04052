/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats on a UDP socket of their own, with the machine of pulse_fsm.h behind it. */
#pragma once

#include <event2/event.h>

#include "base/err.h"
#include "pulse/pulse_fsm.h"

struct pulse_session;

struct pulse_session_options {
    struct event_base *base;
    const char *name; /* of this node; copied */
    struct pulse_addr bind;
    const uint8_t *secret; /* as in the file; no bytes: no authentication, which is logged */
    size_t secret_len;
    int64_t interval_ns;
    unsigned count;
    void (*changed)(void *arg); /* the version of the machine grew; must not free the session */
    void *arg;
};

NODISCARD int pulse_session_new(struct pulse_session **ret,
                                const struct pulse_session_options *options, struct err *err);
struct pulse_session *pulse_session_free(struct pulse_session *s);
DEFINE_CLEANUP(struct pulse_session, pulse_session_free);

bool pulse_session_set_peers(struct pulse_session *s, const struct pulse_peer *peers, size_t count);

const struct pulse *pulse_session_state(const struct pulse_session *s);
