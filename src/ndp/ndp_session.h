/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neighbor Discovery on one interface: answers solicitations, sends unsolicited advertisements. It
 * works on packet sockets, since the kernel drops unicast solicitations for addresses that it does
 * not own.
 */
#pragma once

#include <event2/event.h>

#include "base/err.h"
#include "ndp/ndp_responder.h"
#include "net/addr_filter.h"

struct ndp_session;

struct ndp_session_options {
    struct event_base *base;
    struct addr_filter *filter; /* of kind FILTER_ND; outlives the session */
    const char *name;           /* of the interface, for the log; copied */
    uint32_t ifindex;
    uint8_t mac[ETH_ALEN];
    struct ip link_local; /* usable, on that interface */
    ndp_claim_fn claim;
    /* A solicitation for `ip` was accepted, and whether the answer could be sent. May be NULL. */
    void (*answered)(void *arg, struct ip ip, bool sent);
    /* Another station announced `ip`, by an unsolicited advertisement. May be NULL. */
    void (*rival)(void *arg, struct ip ip);
    void *arg; /* of all; none may free the session */
};

NODISCARD int ndp_session_new(struct ndp_session **ret, const struct ndp_session_options *options,
                              struct err *err);
struct ndp_session *ndp_session_free(struct ndp_session *s); /* sends nothing, leaves the groups */
DEFINE_CLEANUP(struct ndp_session, ndp_session_free);

/* Listens, or no longer listens, to the address's solicited-node group. A failure is logged. */
void ndp_session_join(struct ndp_session *s, struct ip ip);
void ndp_session_leave(struct ndp_session *s, struct ip ip);

/* One unsolicited advertisement. 0 or -errno (-EAGAIN, -ENOBUFS: later). Adds 1 to *frames if sent.
 */
NODISCARD int ndp_session_announce(struct ndp_session *s, struct ip ip, uint64_t *frames);

uint64_t ndp_session_count(const struct ndp_session *s, enum ndp_result result);
uint64_t ndp_session_dropped(const struct ndp_session *s); /* all results but NDP_ANSWER */
