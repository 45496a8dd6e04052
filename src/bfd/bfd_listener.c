/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared ports: which session a packet is for, and whether it may be (RFC 5880 6.8.6, RFC 5881
 * 3 to 5, RFC 5883 2 to 5).
 *
 * What costs most is to wake up. Many fast sessions would do it for nearly every packet; then the
 * port is read on every full millisecond instead, which is when packets are sent, too. So a packet
 * may be read a millisecond late, and never is silence judged before.
 */
#include "bfd/bfd_int.h"

#include "base/delay.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than a socket buffer of the usual size holds: the judgement of a session waits for it. */
enum { DRAIN_BATCHES = 32 };

enum {
    WAKE_UPS_MAX = 16, /* in as many milliseconds: more, and the port is polled */
    EMPTY_POLLS_MAX = 4,
};
#define POLL_NS NS_PER_MS

static bool shares_port(const struct bfd_listener *l, const struct bfd_key *key)
{
    return l->family == key->peer.family && l->multihop == key->multihop &&
           str_eq(l->vrf, key->vrf);
}

static bool is_from(const struct bfd_session *s, const struct bfd_listener *l,
                    const struct bfd_datagram *d)
{
    return !s->ended && shares_port(l, &s->key) && ip_eq(s->key.peer, d->from);
}

static bool came_in_right(const struct bfd_session *s, const struct bfd_datagram *d)
{
    return s->key.ifindex == 0 || s->key.ifindex == d->ifindex;
}

/* The first packets do not know our discriminator. */
static struct bfd_session *find_by_address(const struct bfd_listener *l,
                                           const struct bfd_datagram *d)
{
    for (struct bfd_session *s = l->engine->sessions; s != NULL; s = s->next)
        if (is_from(s, l, d) && came_in_right(s, d) &&
            (s->key.local.family == IP_NONE || ip_eq(s->key.local, d->to)))
            return s;
    return NULL;
}

static struct bfd_session *find_session(const struct bfd_listener *l, const struct bfd_datagram *d,
                                        const struct bfd_packet *p)
{
    struct bfd_session *s;

    if (p->your_discriminator == 0)
        return find_by_address(l, d);
    s = map_find(&l->engine->by_discriminator, &p->your_discriminator,
                 sizeof(p->your_discriminator));
    return s != NULL && is_from(s, l, d) ? s : NULL;
}

static enum bfd_drop judge(const struct bfd_session *s, const struct bfd_datagram *d)
{
    if (s->key.multihop && d->ttl < s->fsm.params.min_ttl)
        return BFD_DROP_TTL;
    if (!came_in_right(s, d))
        return BFD_DROP_INTERFACE;
    return s->fsm.state == BFD_ADMIN_DOWN ? BFD_DROP_ADMIN_DOWN : BFD_TAKE;
}

static void handle(struct bfd_listener *l, const struct bfd_datagram *d)
{
    struct bfd_engine *e = l->engine;
    struct bfd_session *s = NULL;
    struct bfd_packet p;
    enum bfd_drop drop;

    /* Who is not on the link cannot send what arrives with 255 (RFC 5082): no look at the rest. */
    drop = l->multihop || d->ttl == BFD_TTL ? bfd_read(&p, d->bytes, d->len) : BFD_DROP_TTL;
    if (drop == BFD_TAKE) {
        s = find_session(l, d, &p);
        drop = s == NULL ? BFD_DROP_UNKNOWN : judge(s, d);
    }
    e->drops[drop]++;
    if (drop == BFD_TAKE)
        bfd_session_receive(s, &p, d->ifindex);
    else
        (*(s != NULL ? &s->dropped : &e->strays))++;
}

/* The number of datagrams. */
static int read_batch(struct bfd_listener *l)
{
    struct bfd_inbox *inbox = &l->engine->inbox;
    int n = bfd_socket_receive(l->fd, inbox);

    for (int i = 0; i < n; i++) {
        struct bfd_datagram d = bfd_socket_datagram(inbox, i);

        handle(l, &d);
    }
    return n;
}

/* Whether there was something. */
static bool read_all(struct bfd_listener *l)
{
    int n = read_batch(l);
    bool any = n > 0;

    for (int i = 1; i < DRAIN_BATCHES && n == BFD_BATCH; i++)
        n = read_batch(l);
    return any;
}

void bfd_listeners_drain(struct bfd_engine *e)
{
    for (struct bfd_listener *l = e->listeners; l != NULL; l = l->next)
        (void)read_all(l); /* nothing is no news */
}

/* --- when --- */

static void poll_next(struct bfd_listener *l)
{
    const struct timeval delay = delay_from_ns(POLL_NS - mono_now().ns % POLL_NS);

    (void)event_base_update_cache_time(l->engine->base); /* from which it counts */
    (void)event_add(&l->poll, &delay);                   /* fails only without memory */
}

static void watch(struct bfd_listener *l)
{
    l->counted_from = mono_now();
    l->wake_ups = 0;
    (void)event_add(&l->readable, NULL); /* fails only without memory */
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
    struct bfd_listener *l = arg;

    (void)fd;
    (void)what;
    l->empty_polls = read_all(l) ? 0 : l->empty_polls + 1;
    if (l->empty_polls < EMPTY_POLLS_MAX)
        poll_next(l);
    else
        watch(l);
}

static void count_wake_up(struct bfd_listener *l)
{
    struct mono now = mono_now();

    if (++l->wake_ups < WAKE_UPS_MAX)
        return;
    if (mono_sub(now, l->counted_from) < WAKE_UPS_MAX * POLL_NS) {
        event_del(&l->readable);
        l->empty_polls = 0;
        poll_next(l);
    }
    l->counted_from = now;
    l->wake_ups = 0;
}

/* Level-triggered: the loop calls again. An error was taken by reading. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct bfd_listener *l = arg;

    (void)fd;
    (void)what;
    (void)read_batch(l);
    count_wake_up(l);
}

/* --- life --- */

static struct bfd_listener *listener_new(struct bfd_engine *e, const struct bfd_key *key,
                                         struct err *err)
{
    struct bfd_listener *l;
    int fd = bfd_socket_listen(key->peer.family, key->multihop, key->vrf, err);

    if (fd < 0)
        return NULL;
    l = xcalloc(1, sizeof(*l));
    l->engine = e;
    l->family = key->peer.family;
    l->multihop = key->multihop;
    (void)snprintf(l->vrf, sizeof(l->vrf), "%s", key->vrf); /* as long as the key's */
    l->fd = fd;
    if (event_assign(&l->readable, e->base, fd, EV_READ | EV_PERSIST, on_readable, l) < 0 ||
        event_assign(&l->poll, e->base, -1, 0, on_poll, l) < 0 ||
        event_priority_set(&l->readable, 0) < 0 || event_priority_set(&l->poll, 0) < 0 ||
        event_add(&l->readable, NULL) < 0) {
        err_set(err, -EINVAL, "BFD socket: event loop");
        close(fd);
        free(l);
        return NULL;
    }
    l->next = e->listeners;
    e->listeners = l;
    return l;
}

struct bfd_listener *bfd_listener_join(struct bfd_engine *e, const struct bfd_key *key,
                                       struct err *err)
{
    struct bfd_listener *l = e->listeners;

    while (l != NULL && !shares_port(l, key))
        l = l->next;
    if (l == NULL)
        l = listener_new(e, key, err);
    if (l != NULL)
        l->sessions++;
    return l;
}

void bfd_listener_leave(struct bfd_listener *l)
{
    struct bfd_listener **at;

    if (l == NULL || --l->sessions > 0)
        return;
    at = &l->engine->listeners;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    event_del(&l->readable);
    event_del(&l->poll);
    close(l->fd);
    free(l);
}
