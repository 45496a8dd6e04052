/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bfd.h"

#include "base/mem.h"
#include "base/text.h"
#include "bfd/bfd_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Removes the users who have left and says to the late ones that their session is Up. */
static void serve_users(struct bfd_session *s)
{
    struct bfd_user **at = &s->users;

    while (*at != NULL) {
        struct bfd_user *u = *at;

        if (u->gone) {
            *at = u->next;
            free(u);
            continue;
        }
        if (u->late && s->fsm.state == BFD_UP) {
            u->told = true;
            s->notifications++;
            u->fn(u->arg, true, "");
        }
        u->late = false;
        at = &u->next;
    }
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
    struct bfd_engine *e = arg;
    struct bfd_session **at = &e->sessions;

    (void)fd;
    (void)what;
    for (struct bfd_session *s = e->sessions; s != NULL; s = s->next)
        serve_users(s);
    while (*at != NULL) {
        struct bfd_session *s = *at;

        if (s->ended && s->users == NULL) {
            *at = s->next;
            bfd_session_free(s);
        } else {
            at = &s->next;
        }
    }
}

int bfd_engine_new(struct bfd_engine **ret, struct event_base *base, struct err *err)
{
    CLEANUP(bfd_engine_freep) struct bfd_engine *e = xcalloc(1, sizeof(*e));

    e->base = base;
    if (event_assign(&e->soon, base, -1, 0, on_soon, e) < 0 || event_priority_set(&e->soon, 0) < 0)
        return err_set(err, -EINVAL, "BFD: event loop");
    if (getrandom(&e->random, sizeof(e->random), 0) != sizeof(e->random))
        return err_set(err, -EIO, "BFD: no random numbers");
    *ret = TAKE(e);
    return 0;
}

struct bfd_engine *bfd_engine_free(struct bfd_engine *e)
{
    if (e == NULL)
        return NULL;
    while (e->sessions != NULL) {
        struct bfd_session *s = e->sessions;

        e->sessions = s->next;
        bfd_session_free(s);
    }
    event_del(&e->soon);
    map_done(&e->by_discriminator);
    free(e);
    return NULL;
}

static bool is_session(const struct bfd_session *s, const struct bfd_key *key)
{
    return !s->ended && ip_eq(s->key.peer, key->peer) && ip_eq(s->key.local, key->local) &&
           s->key.ifindex == key->ifindex && s->key.multihop == key->multihop &&
           strcmp(s->vrf, key->vrf != NULL ? key->vrf : "") == 0;
}

struct bfd_user *bfd_join(struct bfd_engine *e, const struct bfd_key *key,
                          const struct bfd_params *params, bfd_fn fn, void *arg)
{
    struct bfd_user *u = xcalloc(1, sizeof(*u));
    struct bfd_session *s = e->sessions;

    while (s != NULL && !is_session(s, key))
        s = s->next;
    *u = (struct bfd_user){.fn = fn, .arg = arg};
    if (s == NULL) {
        s = bfd_session_new(e, key, params);
    } else {
        if (s->leaving)
            bfd_session_return(s);
        bfd_session_change(s, params);
        u->late = s->fsm.state == BFD_UP;
    }
    u->session = s;
    u->next = s->users;
    s->users = u;
    if (u->late)
        event_active(&e->soon, EV_TIMEOUT, 0);
    return u;
}

void bfd_change(struct bfd_user *u, const struct bfd_params *params)
{
    bfd_session_change(u->session, params);
}

void bfd_leave(struct bfd_user *u)
{
    struct bfd_session *s = u->session;

    u->gone = true;
    event_active(&s->engine->soon, EV_TIMEOUT, 0);
    for (const struct bfd_user *other = s->users; other != NULL; other = other->next)
        if (!other->gone)
            return;
    bfd_session_leave(s);
}

void bfd_admin_down(struct bfd_engine *e)
{
    e->held = true;
    for (struct bfd_session *s = e->sessions; s != NULL; s = s->next)
        if (!s->ended)
            bfd_session_hold(s);
}

static uint32_t to_us(int64_t ns)
{
    return ns / NS_PER_US < UINT32_MAX ? (uint32_t)(ns / NS_PER_US) : UINT32_MAX;
}

bool bfd_view(const struct bfd_user *u, struct bfd_view *ret)
{
    const struct bfd_session *s = u->session;
    const struct bfd_fsm *f = &s->fsm;

    if (u->gone)
        return false;
    *ret = (struct bfd_view){.key = s->key,
                             .params = f->params,
                             .state = f->state,
                             .remote_state = f->remote.state,
                             .since = f->since,
                             .diagnostic = bfd_diag_name(f->down_diag),
                             .local_discriminator = f->discriminator,
                             .remote_discriminator = f->remote.discriminator,
                             .transmit_us = bfd_fsm_transmit_us(f),
                             .detect_us = to_us(bfd_fsm_detect_ns(f)),
                             .remote_receive_us = f->remote.rx_us,
                             .remote_transmit_us = f->remote.tx_us,
                             .remote_echo_us = f->remote.echo_us,
                             .remote_multiplier = f->remote.multiplier,
                             .control_in = s->control_in,
                             .control_out = s->control_out,
                             .echo_in = s->echo_in,
                             .echo_out = s->echo_out,
                             .ups = s->ups,
                             .downs = s->downs,
                             .notifications = s->notifications,
                             .dropped = s->dropped};
    if (s->local.family != IP_NONE)
        ret->key.local = s->local;
    return true;
}

uint64_t bfd_engine_dropped(const struct bfd_engine *e)
{
    return e->strays;
}

void bfd_engine_each_drop(const struct bfd_engine *e, bfd_drop_fn fn, void *arg)
{
    for (int i = BFD_TAKE + 1; i < BFD_DROPS; i++)
        if (e->drops[i] > 0)
            fn(arg, bfd_drop_name((enum bfd_drop)i), e->drops[i]);
}
