/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that peers open. Who connects is known by the address at once, so that there is
 * nothing to wait for: a stranger's connection is reset, which leaves nothing behind.
 */
#include "base/mem.h"
#include "bgp/bgp_int.h"
#include "net/tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPT_BATCH = 16,
    PAUSE_S = 1, /* without descriptors: the connection stays in the backlog */
};
#define STRANGER_INTERVAL_NS (10 * NS_PER_SEC)

/* --- who is it? --- */

/* Of a peer with a password: without the key in the kernel nobody would check signatures. */
static bool lacks_key(const struct bgp_session *s)
{
    return s->options.password[0] != '\0' && !ip_eq(s->listen_key, s->address);
}

static bool is_from(const struct bgp_session *s, const struct bgp_listener *l, struct ip ip,
                    uint32_t scope)
{
    if (!ip_eq(s->address, ip) || strcmp(s->options.key.vrf, l->vrf) != 0 || lacks_key(s))
        return false;
    return !ip_is_link_local(ip) || s->ifindex == scope;
}

/* Of several at one address the one whose own end it is, else the first that has no session. */
static struct bgp_session *find_peer(const struct bgp_listener *l, int fd, struct ip ip,
                                     uint32_t scope)
{
    const struct bgp *b = l->engine;
    struct ip local = tcp_local(fd).ip;
    struct bgp_session *found = NULL;

    for (size_t i = 0; i < b->session_count; i++) {
        struct bgp_session *s = b->sessions[i];
        struct ip source = s->options.key.source;

        if (!is_from(s, l, ip, scope) || (source.family != IP_NONE && !ip_eq(source, local)))
            continue;
        if (found == NULL || (found->up && !s->up))
            found = s;
    }
    return found;
}

static void refuse_stranger(struct bgp *b, int fd_take, struct endpoint from)
{
    const struct linger reset = {.l_onoff = 1};

    /* A failure leaves a connection in TIME-WAIT. */
    (void)setsockopt(fd_take, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd_take);
    b->strangers++;
    if (log_limit_pass(&b->limit_stranger, mono_now().ns, STRANGER_INTERVAL_NS))
        log_debug("connection refused: no peer has that address",
                  F_S("from", endpoint_format(from).s), F_U("so_far", b->strangers));
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    struct bgp_listener *l = arg;

    (void)fd;
    (void)what;
    event_add(&l->readable, NULL);
}

static void listener_pause(struct bgp_listener *l, int error)
{
    const struct timeval pause = {.tv_sec = PAUSE_S};

    log_warn("cannot accept BGP connections", F_S("error", strerror(error)));
    event_del(&l->readable);
    event_add(&l->pause, &pause);
}

static void on_connection(evutil_socket_t listener, short what, void *arg)
{
    struct bgp_listener *l = arg;

    (void)what;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct endpoint from;
        struct bgp_session *s;
        uint32_t scope;
        int fd = tcp_accept(listener, &from, &scope);

        if (fd == -EAGAIN)
            return;
        if (fd < 0) {
            listener_pause(l, -fd);
            return;
        }
        s = find_peer(l, fd, from.ip, scope);
        if (s == NULL)
            refuse_stranger(l->engine, fd, from);
        else
            bgp_session_accept(s, fd);
    }
}

/* --- listeners and their keys --- */

static struct bgp_listener *listener_find(const struct bgp *b, const char *vrf,
                                          enum ip_family family)
{
    struct bgp_listener *l = b->listeners;

    while (l != NULL && (l->family != family || strcmp(l->vrf, vrf) != 0))
        l = l->next;
    return l;
}

NODISCARD static int listener_add(struct bgp *b, const char *vrf, enum ip_family family,
                                  struct err *err)
{
    struct endpoint at = {.ip = {.family = family}, .port = b->options.listen_port};
    struct bgp_listener *l;
    int fd = tcp_listen(at, vrf, err);

    if (fd < 0)
        return fd;
    l = xcalloc(1, sizeof(*l));
    l->engine = b;
    l->fd = fd;
    l->family = family;
    (void)snprintf(l->vrf, sizeof(l->vrf), "%s", vrf); /* an interface of that name was found */
    event_assign(&l->readable, b->options.base, fd, EV_READ | EV_PERSIST, on_connection, l);
    event_priority_set(&l->readable, PRIORITY_WORK);
    evtimer_assign(&l->pause, b->options.base, on_pause_over, l);
    event_add(&l->readable, NULL);
    l->next = b->listeners;
    b->listeners = l;
    return 0;
}

int bgp_listener_open(struct bgp *b, struct err *err)
{
    int r;

    if (b->options.listen_port == 0)
        return 0;
    r = listener_add(b, "", IP_V4, err);
    if (r < 0)
        return r;
    r = listener_add(b, "", IP_V6, err);
    if (r != -EAFNOSUPPORT)
        return r;
    err_done(err); /* a host without IPv6 */
    return 0;
}

/* The VRF may come and go: what cannot be had now is tried again with the next change. */
static void listen_in_vrf(struct bgp *b, const char *vrf, enum ip_family family)
{
    struct err err = {0};

    if (vrf[0] == '\0' || listener_find(b, vrf, family) != NULL)
        return;
    if (listener_add(b, vrf, family, &err) < 0)
        log_warn("cannot listen for BGP peers", F_S("vrf", vrf), F_S("error", err_text(&err)));
    err_done(&err);
}

static void listener_free(struct bgp_listener *l)
{
    event_del(&l->readable);
    event_del(&l->pause);
    close(l->fd);
    free(l);
}

static struct bgp_listener *listener_of(const struct bgp_session *s, struct ip address)
{
    if (address.family == IP_NONE)
        return NULL;
    return listener_find(s->engine, s->options.key.vrf, address.family);
}

void bgp_listener_forget(struct bgp_session *s)
{
    const struct bgp_listener *l = listener_of(s, s->listen_key);

    if (l != NULL && tcp_listen_md5(l->fd, s->listen_key, s->ifindex, "") < 0)
        log_warn("TCP MD5 key is not taken away", F_S("peer", bgp_session_peer(s).s));
    s->listen_key = (struct ip){0};
}

static void set_key(struct bgp_session *s)
{
    const struct bgp_listener *l = listener_of(s, s->address);
    int r;

    if (l == NULL || s->options.password[0] == '\0')
        return;
    r = tcp_listen_md5(l->fd, s->address, s->ifindex, s->options.password);
    if (r >= 0) {
        s->listen_key = s->address;
        return;
    }
    bgp_listener_forget(s);
    log_error("peer cannot connect to us: no TCP MD5 signature", F_S("peer", bgp_session_peer(s).s),
              F_S("error", strerror(-r)));
}

void bgp_listener_sync(struct bgp *b)
{
    if (b->options.listen_port == 0 || b->stopped)
        return;
    for (size_t i = 0; i < b->session_count; i++) {
        struct bgp_session *s = b->sessions[i];
        const char *vrf = s->options.key.vrf;

        if (s->options.refused != NULL)
            continue;
        listen_in_vrf(b, vrf, IP_V4);
        listen_in_vrf(b, vrf, IP_V6);
        set_key(s);
    }
}

void bgp_listener_done(struct bgp *b)
{
    while (b->listeners != NULL) {
        struct bgp_listener *l = b->listeners;

        b->listeners = l->next;
        listener_free(l);
    }
}
