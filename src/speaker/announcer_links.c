/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interfaces have which sessions (spec speaker-l2 4.2). Unlike MetalLB, which looks every 10
 * s, this follows the kernel's events: a session ends when the name, the MAC or the link-local
 * address that it works with changes, and a new one takes its place at once. An interface on which
 * announced addresses become reachable, by a new session or by its carrier, gets a burst.
 */
#include "base/log.h"
#include "base/mem.h"
#include "speaker/announcer_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REOPEN_NS (10 * NS_PER_SEC)
#define DEFEND_NS (10 * NS_PER_SEC)
#define DEFEND_WAIT_NS (500 * NS_PER_MS)

/* --- what sessions ask --- */

static enum arp_result claim_arp(void *arg, struct ip target)
{
    const struct interface *i = arg;
    const struct address *d = address_find(i->announcer, target);

    if (d == NULL)
        return ARP_DROP_ANNOUNCE_IP;
    return address_allows(d, i) ? ARP_ANSWER : ARP_DROP_INTERFACE;
}

static enum ndp_result claim_ndp(void *arg, struct ip target)
{
    const struct interface *i = arg;
    const struct address *d = address_find(i->announcer, target);

    if (d == NULL)
        return NDP_DROP_ANNOUNCE_IP;
    return address_allows(d, i) ? NDP_ANSWER : NDP_DROP_INTERFACE;
}

static void on_answered(void *arg, struct ip ip, bool sent)
{
    const struct interface *i = arg;
    struct address *d = address_find(i->announcer, ip);

    if (d == NULL)
        return;
    d->requests_received++;
    d->responses_sent += sent;
}

/*
 * Some node that has just come back takes itself for the owner until it hears of us. Its
 * announcement would stay in the neighbours' caches, and so we announce again, in the rhythm of RFC
 * 5227 2.4; but not at once: it may be us who learn in a moment that we are the owner no longer.
 */
static void on_rival(void *arg, struct ip ip)
{
    const struct interface *i = arg;
    struct announcer *a = i->announcer;
    struct mono now = mono_now();
    struct address *d;

    if (a->rival != NULL)
        a->rival(a->arg, ip);
    d = address_find(a, ip); /* the call may have withdrawn it */
    if (d == NULL || mono_before(now, d->defend_before))
        return;
    d->defend_before = mono_add(now, DEFEND_NS);
    d->defend_at = mono_add(now, DEFEND_WAIT_NS);
    announcer_defend_at(a, d->defend_at);
}

/* --- sessions --- */

/* An interface that is already gone is no fault: the event that says so is on its way. */
static void open_failed(struct interface *i, const char *protocol, struct err *err, struct mono now)
{
    struct announcer *a = i->announcer;
    bool gone = err->code == -ENODEV || err->code == -ENXIO;

    if (!gone && log_limit_pass(&a->limit_open, now.ns, REOPEN_NS))
        log_error("failed to create responder", F_S("protocol", protocol),
                  F_S("interface", i->link.name), F_S("cause", err_text(err)));
    err_done(err);
    i->reason = "cannot open a socket";
    a->reopen_at = mono_earlier(a->reopen_at, mono_add(now, REOPEN_NS));
}

static bool arp_open(struct interface *i, struct mono now)
{
    struct arp_session_options o = {
        .base = i->announcer->base,
        .filter = i->announcer->arp_filter,
        .name = i->link.name,
        .ifindex = i->link.ifindex,
        .claim = claim_arp,
        .answered = on_answered,
        .rival = on_rival,
        .arg = i,
    };
    struct err err = {0};

    memcpy(o.mac, i->link.mac, sizeof(o.mac));
    if (arp_session_new(&i->arp, &o, &err) < 0) {
        open_failed(i, "arp", &err, now);
        return false;
    }
    log_info("created ARP responder for interface", F_S("interface", i->link.name));
    return true;
}

static bool ndp_open(struct interface *i, struct mono now)
{
    struct ndp_session_options o = {
        .base = i->announcer->base,
        .filter = i->announcer->nd_filter,
        .name = i->link.name,
        .ifindex = i->link.ifindex,
        .link_local = i->link.link_local,
        .claim = claim_ndp,
        .answered = on_answered,
        .rival = on_rival,
        .arg = i,
    };
    struct err err = {0};

    memcpy(o.mac, i->link.mac, sizeof(o.mac));
    if (ndp_session_new(&i->ndp, &o, &err) < 0) {
        open_failed(i, "ndp", &err, now);
        return false;
    }
    MAP_EACH (&i->announcer->addresses, e) {
        const struct address *d = e->value;

        if (d->ip.family == IP_V6 && address_allows(d, i))
            ndp_session_join(i->ndp, d->ip);
    }
    log_info("created NDP responder for interface", F_S("interface", i->link.name));
    return true;
}

static void arp_close(struct interface *i)
{
    if (i->arp == NULL)
        return;
    i->dropped += arp_session_dropped(i->arp);
    i->arp = arp_session_free(i->arp);
    burst_cancel_link(i->announcer->burst, i->link.ifindex, IP_V4);
    log_info("deleted ARP responder for interface", F_S("interface", i->link.name));
}

static void ndp_close(struct interface *i)
{
    if (i->ndp == NULL)
        return;
    i->dropped += ndp_session_dropped(i->ndp);
    i->ndp = ndp_session_free(i->ndp);
    burst_cancel_link(i->announcer->burst, i->link.ifindex, IP_V6);
    log_info("deleted NDP responder for interface", F_S("interface", i->link.name));
}

/* --- interfaces --- */

struct interface *interface_free(struct interface *i)
{
    if (i == NULL)
        return NULL;
    arp_close(i);
    ndp_close(i);
    map_done(&i->outbox);
    free(i);
    return NULL;
}

/* Spec speaker-l2 4.2, in its order. Not Ethernet: no 6-byte MAC, no frames that we could write. */
static const char *link_refusal(const struct interface *i)
{
    if (i->excluded)
        return "excluded";
    if (!i->link.up)
        return "down";
    if (i->link.master != 0)
        return "enslaved";
    if (i->link.noarp)
        return "noarp";
    return i->link.ethernet ? NULL : "not Ethernet";
}

/* A burst needs somebody to burst for; addresses that are added later bring their own. */
static void interface_burst(struct interface *i, enum ip_family family, struct mono now)
{
    if (i->link.carrier && i->announcer->addresses.count > 0)
        burst_link(i->announcer->burst, i->link.ifindex, family, now);
}

static void interface_sync(struct interface *i, bool carrier_came, struct mono now)
{
    const char *refusal = link_refusal(i);
    bool arp = refusal == NULL && i->link.broadcast;
    bool ndp = refusal == NULL && i->link.link_local.family == IP_V6;

    i->reason = refusal != NULL ? refusal
                : !ndp          ? "no link-local address"
                : !arp          ? "not broadcast"
                                : NULL;
    if (!arp)
        arp_close(i);
    if (!ndp)
        ndp_close(i);
    if (arp && (i->arp == NULL ? arp_open(i, now) : carrier_came))
        interface_burst(i, IP_V4, now);
    if (ndp && (i->ndp == NULL ? ndp_open(i, now) : carrier_came))
        interface_burst(i, IP_V6, now);
}

static void interface_update(struct interface *i, const struct link *next, struct mono now)
{
    bool other = i->link.generation != next->generation || strcmp(i->link.name, next->name) != 0 ||
                 memcmp(i->link.mac, next->mac, ETH_ALEN) != 0;
    bool flapped = i->link.carrier_ups != next->carrier_ups;
    bool carrier_came = next->carrier && (!i->link.carrier || flapped);

    if (other)
        arp_close(i);
    if (other || !ip_eq(i->link.link_local, next->link_local))
        ndp_close(i);
    if (i->link.carrier && (!next->carrier || flapped)) { /* its return starts a new one */
        burst_cancel_link(i->announcer->burst, i->link.ifindex, IP_V4);
        burst_cancel_link(i->announcer->burst, i->link.ifindex, IP_V6);
    }
    i->link = *next;
    if (other)
        i->excluded = exclude_has(i->announcer->exclude, i->link.name);
    interface_sync(i, carrier_came, now);
}

struct refresh {
    struct announcer *announcer;
    struct mono now;
};

static void refresh_link(const struct link *link, void *arg)
{
    const struct refresh *f = arg;
    struct announcer *a = f->announcer;
    struct interface *i = map_find(&a->interfaces, &link->ifindex, sizeof(link->ifindex));

    if (i == NULL) {
        i = xcalloc(1, sizeof(*i));
        i->announcer = a;
        i->link.ifindex = link->ifindex;
        map_put(&a->interfaces, &i->link.ifindex, sizeof(i->link.ifindex), i);
    }
    i->seen = true;
    interface_update(i, link, f->now);
}

void interfaces_refresh(struct announcer *a, struct mono now)
{
    struct refresh f = {.announcer = a, .now = now};

    a->reopen_at = (struct mono){0};
    MAP_EACH (&a->interfaces, e)
        ((struct interface *)e->value)->seen = false;
    links_each(a->links, refresh_link, &f);
    MAP_EACH (&a->interfaces, e) {
        struct interface *i = e->value;

        if (i->seen)
            continue;
        map_del(&a->interfaces, &i->link.ifindex, sizeof(i->link.ifindex));
        interface_free(i);
    }
}
