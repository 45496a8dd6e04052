/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One interface (spec speaker-bgp 3.7): when to send what, and which router is there. Pure.
 *
 * We advertise four times a second apart after the interface came up, then about every 10 s, and
 * within half a second when a router shows up or a solicitation comes, but not more often than
 * every 3 s (RFC 4861 6.2.6). As long as no router is known we solicit along with the quick ones,
 * so that a peer that sends every 10 s, or every 10 minutes, is found at once.
 *
 * The router is the sender of advertisements that appeared last: a peer whose address changes is
 * followed at once, and two routers that take turns do not make us waver. How often a peer sends is
 * not known. One that was silent for 30 s, which are three intervals of FRR's, or for the lifetime
 * that it announced where that is longer, is solicited; one that does not answer within 5 s is
 * gone.
 */
#pragma once

#include "base/mono.h"
#include "ra/ra_wire.h"

#define RA_SILENCE_NS (30 * NS_PER_SEC)
#define RA_PATIENCE_NS (5 * NS_PER_SEC) /* more than 3.5 s, when RFC 4861 6.2.6 lets it answer */

enum { RA_SENDERS_MAX = 4 }; /* those of a peer that changes its address; more push out old ones */

struct ra_sender {
    struct ip ip;
    struct mono silent_at; /* unless it is heard before */
    uint64_t appeared;     /* a number that grows */
};

struct ra_fsm {
    bool running;
    struct ip own;
    uint64_t random; /* state of base/random.h */
    unsigned quick_left;
    struct mono advertised, advertise_at, solicited;
    struct ra_sender senders[RA_SENDERS_MAX];
    size_t sender_count;
    uint64_t appearances;
};

void ra_fsm_init(struct ra_fsm *f, uint64_t seed);
/* The interface came up, or sends from another address now: quick advertisements. */
void ra_fsm_start(struct ra_fsm *f, struct ip own, struct mono now);
void ra_fsm_stop(struct ra_fsm *f); /* forgets the router; may not be running */

enum { RA_DO_ADVERTISE = 1, RA_DO_SOLICIT = 2 };

/* To be called at the deadline, and after everything else. A set of RA_DO_. */
unsigned ra_fsm_tick(struct ra_fsm *f, struct mono now);
struct mono ra_fsm_deadline(const struct ra_fsm *f); /* never: while stopped */

enum ra_result {
    RA_ROUTER,    /* a valid advertisement */
    RA_SOLICITED, /* a valid solicitation */
    RA_DROP_STOPPED,
    RA_DROP_HOP_LIMIT,
    RA_DROP_MALFORMED,
    RA_DROP_OTHER, /* another type */
    RA_DROP_OWN,
    RA_DROP_SENDER, /* RFC 4861 6.1: cannot have sent such a message */
};

const char *ra_result_name(enum ra_result result);
enum ra_result ra_fsm_hear(struct ra_fsm *f, const struct ra_packet *p, struct mono now);

struct ip ra_fsm_router(const struct ra_fsm *f); /* IP_NONE: none */
