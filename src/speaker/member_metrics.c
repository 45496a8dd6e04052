/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/member_metrics.h"

struct tally {
    unsigned alive, fast;
};

static void count(const struct membership_peer *p, void *arg)
{
    struct tally *t = arg;

    t->alive += p->alive;
    t->fast += p->fast;
}

static void emit_members(struct exposition *x, unsigned which, const void *owner)
{
    struct tally t = {0};

    (void)which;
    membership_each(owner, count, &t);
    exposition_uint(x, t.alive, {"detection", "gossip"});
    exposition_uint(x, t.fast, {"detection", "fast"});
}

static void emit_drop(void *arg, const char *protocol, const char *reason, uint64_t n)
{
    struct exposition *x = arg;

    exposition_uint(x, n, {"protocol", protocol}, {"reason", reason});
}

static void emit_drops(struct exposition *x, unsigned which, const void *owner)
{
    (void)which;
    membership_each_drop(owner, emit_drop, x);
}

static const struct metric_family families[] = {
    {"steellb_members", METRIC_GAUGE,
     "Speakers that are alive, this one too; and those with which heartbeats are exchanged.",
     emit_members, 0},
    {"steellb_members_packets_dropped_total", METRIC_COUNTER,
     "Packets of the membership that were not taken.", emit_drops, 0},
};

struct metric_source member_metrics_source(const struct membership *owner)
{
    return (struct metric_source){families, ARRAY_SIZE(families), owner};
}
