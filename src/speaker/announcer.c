/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The announcer owns the link monitor, the sessions on each interface, the packet filters and the
 * burst machine. This file holds the set of addresses and the timer; announcer_links.c the
 * interfaces, announcer_send.c the way of a round from the burst machine to the wire.
 *
 * Nothing runs without a cause: a frame for one of our addresses, an interface event, a round that
 * is due. Where this differs from MetalLB: interface events instead of a look every 10 s; a burst
 * on an interface that becomes usable; an address that is declared again unchanged gets no burst.
 */
#include "speaker/announcer.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/mem.h"
#include "speaker/announcer_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- addresses --- */

struct address *address_find(const struct announcer *a, struct ip ip)
{
    struct ip_key key = ip_key(ip);

    return map_find(&a->addresses, &key, sizeof(key));
}

static bool rule_allows(const struct rule *r, const char *name)
{
    return r->all_interfaces || string_list_has(&r->interfaces, name);
}

bool address_allows(const struct address *d, const struct interface *i)
{
    return rule_allows(d->rule, i->link.name);
}

static struct address *address_free(struct address *d)
{
    while (d->claims != NULL) {
        struct claim *c = d->claims;

        d->claims = c->next;
        claim_free(c);
    }
    rule_unref(d->rule);
    free(d);
    return NULL;
}

/* --- rounds and the timer --- */

static void announcer_arm(struct announcer *a, struct mono now)
{
    struct mono deadline = burst_deadline(a->burst);
    struct timeval delay;

    deadline = mono_earlier(deadline, a->send_at);
    deadline = mono_earlier(deadline, a->reopen_at);
    deadline = mono_earlier(deadline, a->defend_at);
    if (deadline.ns == a->armed.ns)
        return;
    a->armed = deadline;
    if (!mono_is_set(deadline)) {
        event_del(&a->timer);
        return;
    }
    delay = delay_from_ns(mono_sub(deadline, now));
    (void)event_add(&a->timer, &delay); /* fails only without memory */
}

void announcer_defend_at(struct announcer *a, struct mono when)
{
    a->defend_at = mono_earlier(a->defend_at, when);
    announcer_arm(a, mono_now());
}

static void defend(struct announcer *a, struct mono now)
{
    a->defend_at = (struct mono){0};
    MAP_EACH (&a->addresses, e) {
        struct address *d = e->value;

        if (!mono_is_set(d->defend_at) || mono_before(now, d->defend_at)) {
            a->defend_at = mono_earlier(a->defend_at, d->defend_at);
            continue;
        }
        d->defend_at = (struct mono){0};
        log_info("another node announced an address of ours, announcing again",
                 F_S("ip", ip_format(d->ip).s));
        burst_address(a->burst, d->ip, now);
    }
}

void announcer_work(struct announcer *a, struct mono now)
{
    if (mono_is_set(a->defend_at) && !mono_before(now, a->defend_at))
        defend(a, now);
    if (mono_is_set(a->reopen_at) && !mono_before(now, a->reopen_at))
        interfaces_refresh(a, now);
    rounds_collect(a, now);
    rounds_send(a, now);
    announcer_arm(a, now);
}

/* --- the set --- */

/* Joins and leaves groups where a rule begins or ceases to allow an interface. `next` may be NULL:
 * withdrawn. */
static void address_regroup(struct announcer *a, const struct address *d, const struct rule *next)
{
    if (d->ip.family != IP_V6)
        return;
    MAP_EACH (&a->interfaces, e) {
        struct interface *i = e->value;
        bool before = d->rule != NULL && address_allows(d, i);
        bool after = next != NULL && rule_allows(next, i->link.name);

        if (i->ndp != NULL && after && !before)
            ndp_session_join(i->ndp, d->ip);
        if (i->ndp != NULL && before && !after)
            ndp_session_leave(i->ndp, d->ip);
    }
}

bool address_declare(struct announcer *a, const struct announcement *n, struct mono now)
{
    struct address *d = address_find(a, n->ip);
    struct rule *rule = rule_ref(&a->rules, n->all_interfaces, &n->interfaces);
    bool is_new = d == NULL;

    if (is_new) {
        d = xcalloc(1, sizeof(*d));
        d->ip = n->ip;
        d->key = ip_key(n->ip);
        d->since = now;
        map_put(&a->addresses, &d->key, sizeof(d->key), d);
    }
    d->kept = true;
    if (d->rule == rule) {
        rule_unref(rule);
        return false;
    }
    address_regroup(a, d, rule);
    rule_unref(d->rule);
    d->rule = rule;
    burst_address(a->burst, d->ip, now);
    return is_new;
}

void address_withdraw(struct announcer *a, struct address *d)
{
    address_regroup(a, d, NULL);
    burst_cancel_address(a->burst, d->ip);
    MAP_EACH (&a->interfaces, e) {
        struct interface *i = e->value;

        map_del(&i->outbox, &d->key, sizeof(d->key));
    }
    map_del(&a->addresses, &d->key, sizeof(d->key));
    address_free(d);
}

static void filters_update(struct announcer *a)
{
    struct ip *ips = xcalloc(a->addresses.count + 1, sizeof(*ips));
    size_t count = 0;

    MAP_EACH (&a->addresses, e)
        ips[count++] = ((const struct address *)e->value)->ip;
    addr_filter_set(a->arp_filter, ips, count);
    addr_filter_set(a->nd_filter, ips, count);
    free(ips);
}

void announcer_set(struct announcer *a, const struct announcement *entries, size_t count)
{
    struct mono now = mono_now();
    bool changed = false;

    MAP_EACH (&a->addresses, e)
        ((struct address *)e->value)->kept = false;
    for (size_t i = 0; i < count; i++)
        changed = address_declare(a, &entries[i], now) || changed;
    MAP_EACH (&a->addresses, e) {
        struct address *d = e->value;

        if (d->kept)
            continue;
        changed = true;
        address_withdraw(a, d);
    }
    if (changed)
        filters_update(a); /* before the first round, which makes neighbours ask */
    announcer_work(a, now);
}

void announcer_withdraw(struct announcer *a, struct ip ip)
{
    struct address *d = address_find(a, ip);

    if (d == NULL)
        return;
    address_withdraw(a, d);
    addr_filter_del(ip.family == IP_V4 ? a->arp_filter : a->nd_filter, ip);
    announcer_arm(a, mono_now());
}

void announcer_again(struct announcer *a)
{
    struct mono now = mono_now();

    MAP_EACH (&a->addresses, e)
        burst_address(a->burst, ((const struct address *)e->value)->ip, now);
    announcer_work(a, now);
}

size_t announcer_count(const struct announcer *a)
{
    return a->addresses.count;
}

/* --- the loop --- */

static void announcer_on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct announcer *a = arg;

    (void)fd;
    (void)what;
    a->armed = (struct mono){0};
    announcer_work(a, mono_now());
}

static void announcer_on_links(void *arg)
{
    struct announcer *a = arg;
    struct mono now = mono_now();

    interfaces_refresh(a, now);
    announcer_work(a, now);
    if (a->links_changed != NULL)
        a->links_changed(a->arg);
}

const struct links *announcer_links(const struct announcer *a)
{
    return a->links;
}

/* --- life --- */

int announcer_new(struct announcer **ret, const struct announcer_options *options, struct err *err)
{
    CLEANUP(announcer_freep) struct announcer *a = xcalloc(1, sizeof(*a));
    struct mono now = mono_now();
    int r;

    a->base = options->base;
    a->links_changed = options->links_changed;
    a->rival = options->rival;
    a->arg = options->arg;
    a->burst = burst_new(options->gratuitous_interval_ns, now);
    a->arp_filter = addr_filter_new(FILTER_ARP);
    a->nd_filter = addr_filter_new(FILTER_ND);
    r = exclude_new(&a->exclude, &options->exclude, err);
    if (r < 0)
        return r;
    if (event_assign(&a->timer, a->base, -1, 0, announcer_on_timer, a) < 0)
        return err_set(err, -EINVAL, "event loop");
    a->timer_ready = true;
    r = links_new(&a->links, a->base, announcer_on_links, a, err);
    if (r < 0)
        return r;
    interfaces_refresh(a, now);
    announcer_arm(a, now);
    *ret = TAKE(a);
    return 0;
}

struct announcer *announcer_free(struct announcer *a)
{
    if (a == NULL)
        return NULL;
    links_free(a->links);
    MAP_EACH (&a->interfaces, e)
        interface_free(e->value);
    map_done(&a->interfaces);
    MAP_EACH (&a->addresses, e)
        address_free(e->value);
    map_done(&a->addresses);
    map_done(&a->rules);
    if (a->timer_ready)
        event_del(&a->timer);
    addr_filter_free(a->arp_filter);
    addr_filter_free(a->nd_filter);
    burst_free(a->burst);
    exclude_free(a->exclude);
    free(a);
    return NULL;
}

/* --- questions --- */

bool announcer_has_interface(const struct announcer *a, const char *name)
{
    MAP_EACH (&a->interfaces, e) {
        const struct interface *i = e->value;

        if (!i->excluded && strcmp(i->link.name, name) == 0)
            return true;
    }
    return false;
}

void announcer_each_address(const struct announcer *a, announcer_address_fn fn, void *arg)
{
    struct mono now = mono_now();

    MAP_EACH (&a->addresses, e) {
        const struct address *d = e->value;
        const struct announcer_address_status s = {
            .ip = d->ip,
            .since_ns = mono_sub(now, d->since),
            .gratuitous_sent = d->gratuitous_sent,
            .requests_received = d->requests_received,
            .responses_sent = d->responses_sent,
            .all_interfaces = d->rule->all_interfaces,
            .interfaces = d->rule->interfaces,
        };

        fn(&s, arg);
    }
}

void announcer_each_link(const struct announcer *a, announcer_link_fn fn, void *arg)
{
    MAP_EACH (&a->interfaces, e) {
        const struct interface *i = e->value;
        const struct announcer_link_status s = {
            .name = i->link.name,
            .ifindex = i->link.ifindex,
            .arp = i->arp != NULL,
            .ndp = i->ndp != NULL,
            .reason = i->reason,
            .dropped = i->dropped + (i->arp != NULL ? arp_session_dropped(i->arp) : 0) +
                       (i->ndp != NULL ? ndp_session_dropped(i->ndp) : 0),
            .failed = i->failed,
        };

        fn(&s, arg);
    }
}
