/* SPDX-License-Identifier: Apache-2.0 */
/* ARP on one interface: answers requests, sends gratuitous frames. */
#pragma once

#include <event2/event.h>

#include "arp/arp_responder.h"
#include "base/err.h"
#include "net/addr_filter.h"

struct arp_session;

struct arp_session_options {
    struct event_base *base;
    struct addr_filter *filter; /* of kind FILTER_ARP; outlives the session */
    const char *name;           /* of the interface, for the log; copied */
    uint32_t ifindex;
    uint8_t mac[ETH_ALEN];
    arp_claim_fn claim;
    /* A request for `ip` was accepted, and whether the answer could be sent. May be NULL. */
    void (*answered)(void *arg, struct ip ip, bool sent);
    /* Another station announced `ip`, by a gratuitous request. Called before the request is
     * answered. May be NULL. */
    void (*rival)(void *arg, struct ip ip);
    void *arg; /* of all; none may free the session */
};

NODISCARD int arp_session_new(struct arp_session **ret, const struct arp_session_options *options,
                              struct err *err);
struct arp_session *arp_session_free(struct arp_session *s); /* sends nothing */
DEFINE_CLEANUP(struct arp_session, arp_session_free);

/*
 * One gratuitous round: a request, then a reply. 0 or -errno (-EAGAIN, -ENOBUFS: later); a failure
 * of the first skips the second. Adds the number of frames that were sent to *frames.
 */
NODISCARD int arp_session_announce(struct arp_session *s, struct ip ip, uint64_t *frames);

uint64_t arp_session_count(const struct arp_session *s, enum arp_result result);
uint64_t arp_session_dropped(const struct arp_session *s); /* all results but ARP_ANSWER */
