/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounds do not go out directly but through one outbox for each interface: an insertion-ordered set
 * of addresses. A node that takes over 2,000 addresses would otherwise spend one long callback on
 * sending, and lose what a full queue refuses. An address that is withdrawn leaves the outboxes.
 */
#include "base/log.h"
#include "speaker/announcer_int.h"

#include <errno.h>
#include <string.h>

#define SEND_BATCH 128                 /* rounds in one callback, some 256 frames */
#define SEND_RETRY_NS (10 * NS_PER_MS) /* after a socket or its device queue was full */
#define SEND_LOG_NS (10 * NS_PER_SEC)

static bool interface_serves(const struct interface *i, enum ip_family family)
{
    return family == IP_V4 ? i->arp != NULL : i->ndp != NULL;
}

static void outbox_put(struct interface *i, struct address *d, struct mono now)
{
    if (!i->link.carrier || !interface_serves(i, d->ip.family) || !address_allows(d, i))
        return;
    map_put(&i->outbox, &d->key, sizeof(d->key), d);
    if (!mono_is_set(i->announcer->send_at))
        i->announcer->send_at = now;
}

static void collect_address(struct announcer *a, struct ip ip, struct mono now)
{
    struct address *d = address_find(a, ip);

    if (d == NULL)
        return;
    MAP_EACH (&a->interfaces, e)
        outbox_put(e->value, d, now);
}

/* After the first round, addresses with a burst of their own are left to that. */
static void collect_link(struct announcer *a, const struct burst_round *r, struct mono now)
{
    struct interface *i = map_find(&a->interfaces, &r->ifindex, sizeof(r->ifindex));

    if (i == NULL)
        return;
    MAP_EACH (&a->addresses, e) {
        struct address *d = e->value;

        if (d->ip.family == r->family && (r->first || !burst_has_address(a->burst, d->ip)))
            outbox_put(i, d, now);
    }
}

static void collect_all(struct announcer *a, struct mono now)
{
    MAP_EACH (&a->addresses, e) {
        MAP_EACH (&a->interfaces, f)
            outbox_put(f->value, e->value, now);
    }
}

void rounds_collect(struct announcer *a, struct mono now)
{
    struct burst_round r;

    while (burst_next(a->burst, now, &r)) {
        switch (r.kind) {
        case BURST_ADDRESS:
            collect_address(a, r.ip, now);
            break;
        case BURST_LINK:
            collect_link(a, &r, now);
            break;
        case BURST_PERIODIC:
            collect_all(a, now);
            break;
        }
    }
}

/* False when it has to be sent again later. */
static bool send_round(struct interface *i, struct address *d, struct mono now)
{
    int r = 0;

    if (!address_allows(d, i))
        return true; /* the rule has changed since the round was put there */
    if (d->ip.family == IP_V4 && i->arp != NULL)
        r = arp_session_announce(i->arp, d->ip, &d->gratuitous_sent);
    if (d->ip.family == IP_V6 && i->ndp != NULL)
        r = ndp_session_announce(i->ndp, d->ip, &d->gratuitous_sent);
    if (r >= 0)
        return true;
    i->failed++;
    if (r == -EAGAIN || r == -ENOBUFS)
        return false;
    if (log_limit_pass(&i->announcer->limit_send, now.ns, SEND_LOG_NS))
        log_warn("failed to make gratuitous announcement", F_S("interface", i->link.name),
                 F_S("ip", ip_format(d->ip).s), F_S("cause", strerror(-r)));
    return true;
}

/* Returns how many rounds it took off the budget. */
static unsigned outbox_send(struct interface *i, unsigned budget, struct mono now)
{
    unsigned sent = 0;

    MAP_EACH (&i->outbox, e) {
        struct address *d = e->value;

        if (sent == budget)
            return sent;
        if (!send_round(i, d, now)) {
            i->blocked = true;
            return sent;
        }
        map_del(&i->outbox, &d->key, sizeof(d->key));
        sent++;
    }
    map_done(&i->outbox); /* empty: start over with a short one */
    return sent;
}

void rounds_send(struct announcer *a, struct mono now)
{
    unsigned budget = SEND_BATCH;
    bool more = false, blocked = false;

    if (!mono_is_set(a->send_at) || mono_before(now, a->send_at))
        return;
    MAP_EACH (&a->interfaces, e) {
        struct interface *i = e->value;

        i->blocked = false;
        budget -= outbox_send(i, budget, now);
        if (i->outbox.count == 0)
            continue;
        blocked = blocked || i->blocked;
        more = more || !i->blocked;
    }
    a->send_at = more ? now : blocked ? mono_add(now, SEND_RETRY_NS) : (struct mono){0};
}
