/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that wait to be gossiped (spec speaker-l2 6.15). Each goes out a limited number of
 * times, to whoever is spoken to; those sent least often go first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "gossip/gossip_wire.h"

struct gossip_queue;

struct gossip_queue *gossip_queue_new(void);
struct gossip_queue *gossip_queue_free(struct gossip_queue *q);
DEFINE_CLEANUP(struct gossip_queue, gossip_queue_free);

/* Copies the message; it takes the place of one with the same subject. Returns its ticket. */
uint64_t gossip_queue_put(struct gossip_queue *q, const char *subject, struct gossip_part message);

bool gossip_queue_has(const struct gossip_queue *q, uint64_t ticket); /* still to be sent */
size_t gossip_queue_count(const struct gossip_queue *q);

struct gossip_pick {
    size_t budget; /* bytes; each message costs `overhead` more than its length */
    size_t overhead;
    unsigned limit; /* transmissions of a message */
    size_t max;     /* messages, at most GOSSIP_PARTS_MAX */
};

/* How often a message is sent in a cluster of n known nodes. */
unsigned gossip_queue_limit(unsigned retransmit_mult, size_t n);

/* Counts a transmission of each message that it returns. They stay valid until the next call on the
 * queue. */
size_t gossip_queue_pick(struct gossip_queue *q, struct gossip_part *ret,
                         const struct gossip_pick *pick);
