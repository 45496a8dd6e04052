/* SPDX-License-Identifier: Apache-2.0 */
/* A session outside its machine: socket, timer, log, and the users who hear of it. */
#include "base/delay.h"
#include "base/mem.h"
#include "base/random.h"
#include "bfd/bfd_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_NS NS_PER_SEC
#define LOG_NS (60 * NS_PER_SEC)
#define CHANGE_LOG_NS (20 * NS_PER_MS)
#define FAREWELL_NS                                                                                \
    (2 * NS_PER_SEC) /* at least: AdminDown is sent once a second, and may be lost */

/* --- the wire --- */

static void warn(struct bfd_session *s, struct mono now, const char *what, struct err *err)
{
    if (log_limit_pass(&s->limit, now.ns, LOG_NS))
        log_warn(what, F_S("peer", ip_format(s->key.peer).s), F_S("vrf", s->vrf),
                 F_S("cause", err_text(err)));
    err_done(err);
}

static void listen_again(struct bfd_session *s, struct mono now)
{
    struct err err = {0};

    s->retry = (struct mono){0};
    s->listener = bfd_listener_join(s->engine, &s->key, &err);
    if (s->listener != NULL)
        return;
    s->retry = mono_add(now, RETRY_NS);
    warn(s, now, "BFD cannot receive", &err);
}

static bool dial_again(struct bfd_session *s, struct mono now)
{
    struct err err = {0};

    s->fd = bfd_socket_dial(&s->key, &s->port, &s->engine->random, &s->local, &err);
    if (s->fd >= 0)
        return true;
    s->fd = -1;
    warn(s, now, "BFD cannot send", &err);
    return false;
}

static void send_packet(struct bfd_session *s, struct mono now, bool final)
{
    const struct bfd_packet p = bfd_fsm_packet(&s->fsm, final);
    uint8_t bytes[BFD_PACKET_LEN];
    ssize_t n;

    if (s->fd < 0 && !dial_again(s, now))
        return;
    bfd_write(bytes, &p);
    n = send(s->fd, bytes, sizeof(bytes), 0);
    /* An ICMP answer to an earlier one was told in the place of sending this one. */
    if (n < 0 && errno == ECONNREFUSED)
        n = send(s->fd, bytes, sizeof(bytes), 0);
    if (n >= 0) {
        s->control_out++;
    } else if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED) {
        /* The address, the route or the interface may be another by the next packet. */
        close(s->fd);
        s->fd = -1;
    }
}

/* Echoes of the other side come back only from an interface that forwards (spec 9 #28). */
static uint32_t echo_offer(const struct bfd_session *s)
{
    bool forwards = bfd_socket_forwards(s->key.peer.family, s->key.ifindex);

    return forwards ? s->fsm.params.echo_us : 0;
}

/* --- the users --- */

static void tell(struct bfd_session *s, bool up, const char *diagnostic)
{
    for (struct bfd_user *u = s->users; u != NULL; u = u->next) {
        if (u->gone || (!up && !u->told))
            continue;
        u->late = false;
        u->told = up;
        s->notifications++;
        u->fn(u->arg, up, diagnostic);
    }
}

/* Up and its end are for people, but the other side can make them come as often as it likes. */
static void log_change(struct bfd_session *s)
{
    const struct bfd_fsm *f = &s->fsm;
    const char *cause = bfd_diag_name(f->diag);

    if (f->state != BFD_UP && f->from != BFD_UP)
        log_debug("BFD session", F_S("peer", ip_format(s->key.peer).s), F_S("vrf", s->vrf),
                  F_S("state", bfd_state_name(f->state)), F_S("cause", cause));
    else if (log_limit_pass(&s->limit_change, f->since.ns, CHANGE_LOG_NS))
        log_info("BFD session", F_S("peer", ip_format(s->key.peer).s), F_S("vrf", s->vrf),
                 F_S("state", bfd_state_name(f->state)), F_S("from", bfd_state_name(f->from)),
                 F_S("cause", cause));
}

static void note_change(struct bfd_session *s, unsigned acts)
{
    const char *cause = bfd_diag_name(s->fsm.diag);

    s->downs += s->fsm.from == BFD_UP ? 1 : 0;
    s->ups += (acts & BFD_ACT_UP) != 0 ? 1 : 0;
    log_change(s);
    bfd_session_update_echo(s);
    if ((acts & BFD_ACT_UP) != 0)
        tell(s, true, cause);
    if ((acts & BFD_ACT_DOWN) != 0)
        tell(s, false, cause);
}

/* --- time --- */

static struct mono deadline_of(const struct bfd_session *s)
{
    return mono_earlier(bfd_fsm_deadline(&s->fsm), mono_earlier(s->retry, s->ends));
}

/* A deadline that has moved away lets the timer come for nothing, which is cheaper than to move it
 * with every packet. */
static void arm(struct bfd_session *s)
{
    struct mono deadline = deadline_of(s);
    struct timeval delay;

    if (s->ended || !mono_is_set(deadline) ||
        (mono_is_set(s->armed) && !mono_before(deadline, s->armed)))
        return;
    s->armed = deadline;
    /* The loop counts from the time when it woke, which is past by what was done since. Not to
     * come later than full milliseconds counts, too: sessions would no longer be due together. */
    (void)event_base_update_cache_time(s->engine->base);
    delay = delay_from_ns(mono_sub(deadline, mono_now()));
    (void)event_add(&s->timer, &delay); /* fails only without memory */
}

static void end(struct bfd_session *s)
{
    s->ended = true;
    event_del(&s->timer);
    (void)map_del(&s->engine->by_discriminator, &s->fsm.discriminator,
                  sizeof(s->fsm.discriminator));
    event_active(&s->engine->soon, EV_TIMEOUT, 0);
}

void bfd_session_perform(struct bfd_session *s, struct mono now, unsigned acts)
{
    if ((acts & BFD_ACT_UP) != 0)
        s->fsm.echo_rx_us = echo_offer(s); /* forwarding may be on since */
    if ((acts & BFD_ACT_FINAL) != 0)
        send_packet(s, now, true);
    if ((acts & BFD_ACT_SEND) != 0) {
        send_packet(s, now, false);
        bfd_fsm_sent(&s->fsm, now);
    }
    if ((acts & BFD_ACT_ECHO) != 0) {
        bfd_session_send_echo(s);
        bfd_fsm_echo_sent(&s->fsm, now);
    }
    if ((acts & BFD_ACT_CHANGED) != 0)
        note_change(s, acts);
    arm(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct bfd_session *s = arg;
    struct mono now = mono_now();

    (void)fd;
    (void)what;
    s->armed = (struct mono){0};
    /* What has arrived while we were busy is no silence. */
    if (!mono_before(now, mono_earlier(s->fsm.silent, s->fsm.echo_silent))) {
        bfd_listeners_drain(s->engine);
        bfd_session_read_echo(s);
    }
    if (s->ended)
        return;
    if (mono_is_set(s->ends) && !mono_before(now, s->ends)) {
        end(s);
        return;
    }
    if (mono_is_set(s->retry) && !mono_before(now, s->retry))
        listen_again(s, now);
    bfd_session_perform(s, now, bfd_fsm_tick(&s->fsm, now));
}

void bfd_session_receive(struct bfd_session *s, const struct bfd_packet *p, uint32_t ifindex)
{
    struct mono now = mono_now();

    s->control_in++;
    s->seen_ifindex = ifindex;
    bfd_session_perform(s, now, bfd_fsm_receive(&s->fsm, now, p));
}

/* --- what the operator wants --- */

void bfd_session_change(struct bfd_session *s, const struct bfd_params *params)
{
    struct mono now = mono_now();
    unsigned acts = bfd_fsm_change(&s->fsm, now, params);

    acts |= bfd_fsm_offer_echo(&s->fsm, echo_offer(s));
    bfd_session_update_echo(s);
    bfd_session_perform(s, now, acts);
}

void bfd_session_hold(struct bfd_session *s)
{
    struct mono now = mono_now();

    bfd_session_perform(s, now, bfd_fsm_admin_down(&s->fsm, now));
}

/* RFC 5880 6.8.16: AdminDown for a detection time, so that the other side hears of it. */
void bfd_session_leave(struct bfd_session *s)
{
    struct mono now = mono_now();
    int64_t detect_ns = bfd_fsm_remote_detect_ns(&s->fsm);

    s->leaving = true;
    if (detect_ns == 0) {
        end(s);
        return;
    }
    s->ends = mono_add(now, detect_ns > FAREWELL_NS ? detect_ns : FAREWELL_NS);
    bfd_session_perform(s, now, bfd_fsm_admin_down(&s->fsm, now));
}

void bfd_session_return(struct bfd_session *s)
{
    struct mono now = mono_now();

    s->leaving = false;
    s->ends = (struct mono){0};
    if (!s->engine->held)
        bfd_session_perform(s, now, bfd_fsm_admin_up(&s->fsm, now));
}

/* --- life --- */

static uint32_t unused_discriminator(struct bfd_engine *e)
{
    uint32_t d;

    do
        d = (uint32_t)random_next(&e->random);
    while (d == 0 || map_find(&e->by_discriminator, &d, sizeof(d)) != NULL);
    return d;
}

struct bfd_session *bfd_session_new(struct bfd_engine *e, const struct bfd_key *key,
                                    const struct bfd_params *params)
{
    struct bfd_session *s = xcalloc(1, sizeof(*s));
    struct mono now = mono_now();

    s->engine = e;
    s->key = *key;
    (void)snprintf(s->vrf, sizeof(s->vrf), "%s", key->vrf != NULL ? key->vrf : "");
    s->key.vrf = s->vrf;
    s->fd = s->echo_fd = -1;
    s->echo_cookie = random_next(&e->random);
    (void)event_assign(&s->timer, e->base, -1, EV_TIMEOUT, on_timer, s); /* fails for bad flags */
    (void)event_priority_set(&s->timer, 0); /* fails for an active event */
    bfd_fsm_init(&s->fsm, params, unused_discriminator(e), random_next(&e->random), now);
    s->fsm.echo_rx_us = echo_offer(s);
    (void)map_put(&e->by_discriminator, &s->fsm.discriminator, sizeof(s->fsm.discriminator), s);
    s->next = e->sessions;
    e->sessions = s;
    listen_again(s, now);
    if (e->held)
        bfd_session_hold(s);
    arm(s);
    return s;
}

struct bfd_session *bfd_session_free(struct bfd_session *s)
{
    if (s == NULL)
        return NULL;
    while (s->users != NULL) {
        struct bfd_user *u = s->users;

        s->users = u->next;
        free(u);
    }
    event_del(&s->timer);
    bfd_session_close_echo(s);
    bfd_listener_leave(s->listener);
    if (s->fd >= 0)
        close(s->fd);
    (void)map_del(&s->engine->by_discriminator, &s->fsm.discriminator,
                  sizeof(s->fsm.discriminator)); /* gone before when it had ended */
    free(s);
    return NULL;
}
