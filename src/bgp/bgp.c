/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp.h"

#include "base/mem.h"
#include "bgp/bgp_int.h"
#include "net/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the end --- */

/* All connections have ended, or the time is over. */
static void on_shutdown(evutil_socket_t fd, short what, void *arg)
{
    struct bgp *b = arg;
    void (*done)(void *arg) = b->shutdown_done;

    (void)fd;
    (void)what;
    event_del(&b->shutdown_event);
    b->shutdown_done = NULL;
    if (done != NULL)
        done(b->shutdown_arg);
}

/* Spec F29b: a peer with graceful restart keeps the routes when the connection ends without a
 * word; when they are to go, RFC 8538 needs a Hard Reset for it. What it keeps must be the latest
 * state: nothing follows before we are back. */
static void shut_session(struct bgp_session *s, enum bgp_shutdown how, const char *text)
{
    struct bgp_error why;

    if (how == BGP_SHUTDOWN_RESTART && bgp_session_is_retained(s)) {
        bgp_send_last(s);
        bgp_session_stop(s, NULL);
        return;
    }
    why = bgp_error_cease(BGP_CEASE_SHUTDOWN, text, bgp_session_needs_hard_reset(s));
    bgp_session_stop(s, &why);
}

void bgp_shutdown(struct bgp *b, enum bgp_shutdown how, const char *text, void (*done)(void *arg),
                  void *arg)
{
    const struct timeval limit = {.tv_sec = SHUTDOWN_S};

    b->stopped = true;
    bgp_listener_done(b);
    for (size_t i = 0; i < b->session_count; i++)
        shut_session(b->sessions[i], how, text);
    b->shutdown_done = done;
    b->shutdown_arg = arg;
    event_add(&b->shutdown_event, &limit);
    if (b->linger_count == 0)
        event_active(&b->shutdown_event, EV_TIMEOUT, 0);
}

/* --- life --- */

bool bgp_has_passwords(void)
{
    return tcp_has_md5();
}

struct bgp *bgp_free(struct bgp *b)
{
    if (b == NULL)
        return NULL;
    b->shutdown_done = NULL;
    bgp_listener_done(b);
    for (size_t i = 0; i < b->session_count; i++)
        bgp_session_free(b->sessions[i]);
    bgp_link_done(b);
    event_del(&b->flush);
    event_del(&b->shutdown_event);
    bgp_rib_free(b->rib);
    free(b->sessions);
    free(b->addresses);
    free(b);
    return NULL;
}

int bgp_new(struct bgp **ret, const struct bgp_options *options, struct err *err)
{
    CLEANUP(bgp_freep) struct bgp *b = xcalloc(1, sizeof(*b));
    int r;

    b->options = *options;
    b->random = options->seed;
    b->started = mono_now();
    b->rib = bgp_rib_new();
    evtimer_assign(&b->shutdown_event, options->base, on_shutdown, b);
    bgp_send_init(b);
    bgp_link_init(b);
    r = bgp_listener_open(b, err);
    if (r < 0)
        return r;
    *ret = TAKE(b);
    return 0;
}

/* --- what happens around the peers --- */

int bgp_peer_id(const struct bgp *b, const char *name)
{
    const struct bgp_session *s = bgp_session_find(b, name);

    return s != NULL ? (int)s->id : -1;
}

static void choose_next_hops(struct bgp *b)
{
    for (size_t i = 0; i < b->session_count; i++)
        bgp_session_choose_next_hops(b->sessions[i], false);
}

void bgp_set_addresses(struct bgp *b, const struct bgp_local_address *addresses, size_t count)
{
    free(b->addresses);
    b->addresses = xcalloc(count + 1, sizeof(*b->addresses));
    if (count > 0)
        memcpy(b->addresses, addresses, count * sizeof(*b->addresses));
    b->address_count = count;
    choose_next_hops(b);
}

void bgp_set_node_v6(struct bgp *b, struct ip node_v6)
{
    if (ip_eq(b->options.node_v6, node_v6))
        return;
    b->options.node_v6 = node_v6;
    choose_next_hops(b);
}

void bgp_peer_found(struct bgp *b, const char *name, struct ip address, uint32_t ifindex)
{
    struct bgp_session *s = bgp_session_find(b, name);

    if (s == NULL || (ip_eq(s->address, address) && s->ifindex == ifindex))
        return;
    /* What there is goes to another router, or to none. */
    bgp_listener_forget(s);
    s->address = (struct ip){0};
    bgp_session_check_reachable(s);
    s->address = address;
    s->ifindex = ifindex;
    bgp_listener_sync(b);
    bgp_session_check_reachable(s);
}

void bgp_peer_blocked(struct bgp *b, const char *name, const char *why)
{
    struct bgp_session *s = bgp_session_find(b, name);

    if (s == NULL || s->blocked == why)
        return;
    s->blocked = why;
    bgp_session_check_reachable(s);
}

void bgp_peer_bfd(struct bgp *b, const char *name, bool up)
{
    struct bgp_session *s = bgp_session_find(b, name);

    if (s == NULL)
        return;
    bgp_fsm_bfd(s->machine, mono_now(), up);
    bgp_session_act(s);
}

int bgp_reset_peer(struct bgp *b, const char *name, const char *text)
{
    struct bgp_session *s = bgp_session_find(b, name);
    struct bgp_error why = bgp_error_cease(BGP_CEASE_RESET, text, false);

    if (s == NULL)
        return -ENOENT;
    bgp_session_reset(s, &why);
    bgp_session_act(s);
    return 0;
}

/* --- routes --- */

struct bgp_rib *bgp_routes(struct bgp *b)
{
    return b->rib;
}

void bgp_routes_changed(struct bgp *b)
{
    bgp_send_later(b);
}

void bgp_routes_complete(struct bgp *b)
{
    b->complete = true;
    bgp_send_later(b);
}
