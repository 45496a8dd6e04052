/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a suspected node has before it is declared dead (spec speaker-l2 6.14): a long time at
 * first, a short one once enough others suspect it too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/mono.h"

/* Both for a cluster of n known nodes: how many confirmations shorten the time to its minimum, and
 * that minimum. */
unsigned gossip_suspicion_k(unsigned mult, size_t n);
int64_t gossip_suspicion_min_ns(unsigned mult, size_t n, int64_t probe_interval_ns);

/* From the start, after `confirmations` of the k (k >= 1). */
int64_t gossip_suspicion_timeout_ns(unsigned confirmations, unsigned k, int64_t min_ns,
                                    int64_t max_ns);

struct gossip_suspicion {
    struct mono start, deadline;
    int64_t min_ns, max_ns;
    unsigned k, confirmations;
    char **from; /* who suspects the node, the first among them; owned */
    size_t from_count;
};

struct gossip_suspicion *gossip_suspicion_new(const char *from, unsigned k, int64_t min_ns,
                                              int64_t max_ns, struct mono now);
struct gossip_suspicion *gossip_suspicion_free(struct gossip_suspicion *s);
DEFINE_CLEANUP(struct gossip_suspicion, gossip_suspicion_free);

/* True when that is news; the deadline is then nearer, maybe in the past. */
bool gossip_suspicion_confirm(struct gossip_suspicion *s, const char *from);
