/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to send gratuitous rounds (spec speaker-l2 4.6, changes-0.16.2 2). Pure: times in, rounds
 * out; who sends what is the announcer's part.
 *
 * A burst belongs to a subject: an address (on all its interfaces), or an interface and a family
 * (for all addresses there). It is a round at once and one every 1.1 s, until 5 s after the last
 * trigger; a trigger during a burst prolongs it and sends nothing by itself. Beside the bursts and
 * apart from them runs an optional periodic round for everything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/macro.h"
#include "base/mono.h"

/* More than Linux's ARP locktime of 1 s, within which a neighbour keeps the first answer it got. */
#define BURST_ROUND_NS (1100 * NS_PER_MS)
#define BURST_LENGTH_NS (5 * NS_PER_SEC)

enum burst_kind { BURST_ADDRESS, BURST_LINK, BURST_PERIODIC };

struct burst_round {
    enum burst_kind kind;
    struct ip ip;          /* BURST_ADDRESS */
    uint32_t ifindex;      /* BURST_LINK */
    enum ip_family family; /* BURST_LINK */
    bool first;            /* of its burst */
};

struct burst;

struct burst *burst_new(int64_t interval_ns, struct mono now); /* interval 0: no periodic round */
struct burst *burst_free(struct burst *b);
DEFINE_CLEANUP(struct burst, burst_free);

void burst_address(struct burst *b, struct ip ip, struct mono now);
void burst_link(struct burst *b, uint32_t ifindex, enum ip_family family, struct mono now);

/* Ends a burst; there is no further round unless it is triggered anew. */
void burst_cancel_address(struct burst *b, struct ip ip);
void burst_cancel_link(struct burst *b, uint32_t ifindex, enum ip_family family);

bool burst_has_address(const struct burst *b, struct ip ip); /* a burst of its own is running */

/* When burst_next will have something to say; never when idle. */
struct mono burst_deadline(const struct burst *b);

/* The next round that is due; false when there is none. Call until false. */
bool burst_next(struct burst *b, struct mono now, struct burst_round *ret);
