/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One socket and one timer serve all interfaces. What an interface does is decided by its ra_fsm;
 * the router that it knows is reported when it is another one than was reported last.
 */
#include "ra/ra.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "ra/ra_fsm.h"
#include "ra/ra_socket.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RA_BATCH 16 /* packets in one callback */
#define RA_LOG_NS (1 * NS_PER_SEC)

struct ra_link {
    struct ra_interface interface;
    struct ra_fsm fsm;
    struct ip reported;
    bool joined;
    struct log_limit limit_router, limit_error;
};

struct ra {
    int fd;
    bool events_ready;
    struct event readable, timer;
    struct ra_link *links;
    size_t count;
    uint64_t random;
    struct log_limit limit_drop, limit_error;
    ra_fn fn;
    void *arg;
};

/* --- sending --- */

static void link_send(struct ra *r, struct ra_link *l, enum ra_kind kind)
{
    const uint8_t no_mac[RA_MAC_LEN] = {0};
    struct ra_packet p = {.ifindex = l->interface.ifindex, .from = l->interface.link_local};
    bool has_mac = memcmp(l->interface.mac, no_mac, sizeof(no_mac)) != 0;
    int e;

    p.len = ra_write(p.bytes, kind, has_mac ? l->interface.mac : NULL);
    e = ra_socket_send(r->fd, &p, kind);
    if (e < 0 && log_limit_pass(&l->limit_error, mono_now().ns, RA_LOG_NS))
        log_warn("failed to send router discovery packet", F_S("interface", l->interface.name),
                 F_S("cause", strerror(-e)));
}

static void link_tick(struct ra *r, struct ra_link *l, struct mono now)
{
    unsigned acts = ra_fsm_tick(&l->fsm, now);

    if ((acts & RA_DO_ADVERTISE) != 0)
        link_send(r, l, RA_ADVERTISEMENT);
    if ((acts & RA_DO_SOLICIT) != 0)
        link_send(r, l, RA_SOLICITATION);
}

/* --- interfaces --- */

static bool is_served(const struct ra_interface *i)
{
    return i->up && i->ifindex != 0 && ip_is_link_local(i->link_local);
}

static void link_join(struct ra *r, struct ra_link *l)
{
    int e = l->joined ? 0 : ra_socket_join(r->fd, l->interface.ifindex);

    l->joined = e >= 0;
    if (e < 0 && log_limit_pass(&l->limit_error, mono_now().ns, RA_LOG_NS))
        log_warn("router solicitations cannot be heard", F_S("interface", l->interface.name),
                 F_S("cause", strerror(-e)));
}

static void link_stop(struct ra *r, struct ra_link *l)
{
    ra_fsm_stop(&l->fsm);
    if (l->joined)
        ra_socket_leave(r->fd, l->interface.ifindex);
    l->joined = false;
}

static void link_update(struct ra *r, struct ra_link *l, const struct ra_interface *next)
{
    bool same_ends = ip_eq(l->interface.link_local, next->link_local) &&
                     memcmp(l->interface.mac, next->mac, sizeof(next->mac)) == 0;

    if (!is_served(next) || l->interface.ifindex != next->ifindex)
        link_stop(r, l);
    l->interface = *next;
    if (!is_served(next))
        return;
    link_join(r, l);
    if (!l->fsm.running || !same_ends)
        ra_fsm_start(&l->fsm, next->link_local, mono_now());
}

static struct ra_link *find_link(struct ra_link *links, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(links[i].interface.name, name) == 0)
            return &links[i];
    }
    return NULL;
}

/* Takes over the array; says farewell on the interfaces that are not in it. */
static void replace_links(struct ra *r, struct ra_link *next_take, size_t count)
{
    for (size_t i = 0; i < r->count; i++) {
        struct ra_link *l = &r->links[i];

        if (find_link(next_take, count, l->interface.name) != NULL)
            continue;
        if (l->fsm.running)
            link_send(r, l, RA_ADVERTISEMENT);
        link_stop(r, l);
    }
    free(r->links);
    r->links = next_take;
    r->count = count;
}

static void ra_arm(struct ra *r, struct mono now)
{
    struct mono next = {0};
    struct timeval delay;

    for (size_t i = 0; i < r->count; i++)
        next = mono_earlier(next, ra_fsm_deadline(&r->links[i].fsm));
    if (!mono_is_set(next)) {
        event_del(&r->timer);
        return;
    }
    delay = delay_from_ns(mono_sub(next, now));
    (void)event_add(&r->timer, &delay); /* fails only without memory */
}

void ra_set_interfaces(struct ra *r, const struct ra_interface *interfaces, size_t count)
{
    const struct timeval at_once = {0};
    struct ra_link *links = xcalloc(count, sizeof(*links));

    for (size_t i = 0; i < count; i++) {
        struct ra_link *old = find_link(r->links, r->count, interfaces[i].name);

        if (old != NULL)
            links[i] = *old;
        else
            ra_fsm_init(&links[i].fsm, random_next(&r->random));
        link_update(r, &links[i], &interfaces[i]);
    }
    replace_links(r, links, count);
    (void)event_add(&r->timer, &at_once); /* fails only without memory */
}

struct ip ra_router(const struct ra *r, const char *interface)
{
    const struct ra_link *l = find_link(r->links, r->count, interface);

    return l != NULL ? ra_fsm_router(&l->fsm) : (struct ip){0};
}

/* --- the loop --- */

static void link_report(struct ra *r, struct ra_link *l, struct mono now)
{
    struct ip router = ra_fsm_router(&l->fsm);

    if (ip_eq(router, l->reported))
        return;
    l->reported = router;
    if (log_limit_pass(&l->limit_router, now.ns, RA_LOG_NS)) {
        if (router.family == IP_NONE)
            log_info("router gone", F_S("interface", l->interface.name));
        else
            log_info("router found", F_S("interface", l->interface.name),
                     F_S("router", ip_format(router).s));
    }
    r->fn(r->arg, l->interface.name, router);
}

static void ra_run(struct ra *r)
{
    struct mono now = mono_now();

    for (size_t i = 0; i < r->count; i++) {
        link_tick(r, &r->links[i], now);
        link_report(r, &r->links[i], now);
    }
    ra_arm(r, now);
}

static void ra_handle(struct ra *r, const struct ra_packet *p)
{
    enum ra_result result = RA_DROP_STOPPED;
    struct mono now = mono_now();
    const char *name = "";

    for (size_t i = 0; i < r->count; i++) {
        struct ra_link *l = &r->links[i];

        if (l->interface.ifindex != p->ifindex)
            continue;
        result = ra_fsm_hear(&l->fsm, p, now);
        name = l->interface.name;
    }
    if (result == RA_ROUTER || result == RA_SOLICITED || result == RA_DROP_STOPPED)
        return;
    if (log_limit_pass(&r->limit_drop, now.ns, RA_LOG_NS))
        log_debug("router discovery packet ignored", F_S("interface", name),
                  F_S("from", ip_format(p->from).s), F_S("reason", ra_result_name(result)));
}

static void ra_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct ra *r = arg;
    struct ra_packet p;

    (void)what;
    for (int i = 0; i < RA_BATCH; i++) {
        int n = ra_socket_recv(fd, &p);

        if (n == -EAGAIN)
            break;
        if (n > 0)
            ra_handle(r, &p);
        /* What a packet of ours came back with; reading took the error off the socket. */
        if (n < 0 && log_limit_pass(&r->limit_error, mono_now().ns, RA_LOG_NS))
            log_debug("router discovery socket", F_S("cause", strerror(-n)));
    }
    ra_run(r);
}

static void ra_on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ra_run(arg);
}

int ra_new(struct ra **ret, struct event_base *base, ra_fn fn, void *arg, struct err *err)
{
    CLEANUP(ra_freep) struct ra *r = xcalloc(1, sizeof(*r));

    r->fn = fn;
    r->arg = arg;
    r->random = (uint64_t)mono_now().ns;
    r->fd = ra_socket_open();
    if (r->fd < 0)
        return err_set(err, r->fd, "socket for router advertisements: %s", strerror(-r->fd));
    if (event_assign(&r->timer, base, -1, 0, ra_on_timer, r) < 0 ||
        event_assign(&r->readable, base, r->fd, EV_READ | EV_PERSIST, ra_on_readable, r) < 0)
        return err_set(err, -EINVAL, "socket for router advertisements: event loop");
    r->events_ready = true;
    if (event_add(&r->readable, NULL) < 0)
        return err_set(err, -ENOMEM, "socket for router advertisements: event loop");
    *ret = TAKE(r);
    return 0;
}

struct ra *ra_free(struct ra *r)
{
    if (r == NULL)
        return NULL;
    replace_links(r, NULL, 0);
    if (r->events_ready) {
        event_del(&r->readable);
        event_del(&r->timer);
    }
    if (r->fd >= 0)
        close(r->fd);
    free(r);
    return NULL;
}
