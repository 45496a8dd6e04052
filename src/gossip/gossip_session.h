/* SPDX-License-Identifier: Apache-2.0 */
/* Membership on real sockets: a UDP socket and a TCP listener on one address and port, and the
 * machine of gossip_fsm.h between them. */
#pragma once

#include <event2/event.h>

#include "base/err.h"
#include "gossip/gossip_fsm.h"

struct gossip_session;

struct gossip_session_options {
    struct event_base *base;
    struct gossip_profile profile;
    const char *name;        /* of this node: 1 to GOSSIP_NAME_MAX bytes; copied */
    struct gossip_addr bind; /* no port 0: peers assume that all have the same */
    struct ip advertise;     /* where the others find us; IP_NONE: `bind` */
    const uint8_t *secret;   /* as in the file; no bytes: no encryption, which is logged */
    size_t secret_len;
    bool is_held; /* hear nobody, and let nobody connect, until gossip_session_admit */
    /* `kind` is GOSSIP_TELL_JOIN, _LEAVE or _UPDATE. Our own name comes first, from
     * gossip_session_new. */
    void (*changed)(void *arg, enum gossip_action_kind kind, const char *name,
                    struct gossip_addr addr);
    /* A join ended. May be NULL, */
    void (*joined)(void *arg, size_t count, size_t expected);
    void (*left)(void *arg); /* as may this: the farewell is out */
    void *arg;               /* of all; none may free the session */
};

NODISCARD int gossip_session_new(struct gossip_session **ret,
                                 const struct gossip_session_options *options, struct err *err);
struct gossip_session *gossip_session_free(struct gossip_session *s); /* says no farewell */
DEFINE_CLEANUP(struct gossip_session, gossip_session_free);

/* From now on others are heard. Does nothing when they are already. */
NODISCARD int gossip_session_admit(struct gossip_session *s, struct err *err);

/* As gossip_join; how it ended is logged. */
bool gossip_session_join(struct gossip_session *s, const struct gossip_addr *addrs, size_t count);
void gossip_session_leave(struct gossip_session *s);
void gossip_session_set_meta(struct gossip_session *s, struct gossip_part meta);

const struct gossip *gossip_session_state(const struct gossip_session *s); /* members, counters */
