/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How connections begin, collide and end (spec speaker-bgp 5.4, 5.5).
 *
 * Collisions. RFC 4271 6.8 decides when an OPEN arrives and the other connection is in OpenConfirm.
 * Then both ends may have chosen differently: one reaches Established on the connection that the
 * other is closing. Therefore an OPEN on the connection that will lose is not answered while the
 * other still waits for its own OPEN: our KEEPALIVE is withheld, so that the peer cannot come to
 * Established there. It is sent after all when the other connection ends, or shows nothing for
 * BGP_COLLISION_S; then that one is closed.
 *
 * A connection that the peer opens beside a session is a collision's loser, too; only when it
 * comes some time after the session began, and the peer knows graceful restart, then it is the
 * peer that has restarted (RFC 4724 5).
 */
#include "bgp/bgp_fsm_int.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static enum bgp_conn other_of(enum bgp_conn c)
{
    return c == BGP_CONN_OUT ? BGP_CONN_IN : BGP_CONN_OUT;
}

bool bgp_fsm_has(const struct bgp_fsm *f, enum bgp_phase at_least)
{
    return f->halves[BGP_CONN_OUT].phase >= at_least || f->halves[BGP_CONN_IN].phase >= at_least;
}

/* --- last error --- */

void bgp_fsm_set_error(struct bgp_fsm *f, enum bgp_conn c, enum bgp_why why, const char *text)
{
    if (f->halves[other_of(c)].phase >= BGP_PHASE_OPEN_CONFIRM)
        return;
    if (why == BGP_WHY_AFTERMATH && f->why == BGP_WHY_MESSAGE)
        return;
    f->why = why;
    text_done(&f->last_error);
    text_add(&f->last_error, text);
}

void bgp_fsm_set_said(struct bgp_fsm *f, enum bgp_conn c, enum bgp_why why, const char *who,
                      const struct bgp_error *e)
{
    CLEANUP(text_done) struct text said = {0};

    text_printf(&said, "%s said ", who);
    bgp_error_print(&said, e);
    bgp_fsm_set_error(f, c, why, text_str(&said));
}

static enum bgp_why why_of_errno(int error)
{
    switch (error) {
    case 0:
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ECONNREFUSED:
        return BGP_WHY_AFTERMATH;
    default:
        return BGP_WHY_OTHER;
    }
}

static void set_errno(struct bgp_fsm *f, enum bgp_conn c, int error)
{
    const char *name = strerrordesc_np(error);
    CLEANUP(text_done) struct text text = {0};

    if (error == 0)
        text_add(&text, "the peer closed the connection");
    else if (name != NULL)
        text_add(&text, name);
    else
        text_printf(&text, "error %d", error);
    text.chars[0] = (char)tolower((unsigned char)text.chars[0]);
    bgp_fsm_set_error(f, c, why_of_errno(error), text_str(&text));
}

/* --- ends --- */

static void end_session(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    bgp_fsm_act(f, BGP_DO_DOWN, c);
    f->counts.prefixes_received = 0;
    if (mono_sub(now, f->established) >= BGP_STABLE_S * NS_PER_SEC)
        f->idle_s = BGP_RETRY_FIRST_S;
    f->retry_s = BGP_RETRY_FIRST_S;
    f->lenient_until = mono_add(now, BGP_REFUSED_S * NS_PER_SEC);
}

/* The session, if it was one, is over. */
static void forget(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    enum bgp_phase phase = f->halves[c].phase;

    if (phase == BGP_PHASE_ESTABLISHED)
        end_session(f, now, c);
    if (phase == BGP_PHASE_DIALING)
        f->retry = (struct mono){0};
    f->halves[c] = (struct bgp_half){0};
}

void bgp_fsm_hang_up(struct bgp_fsm *f, struct mono now, enum bgp_conn c, const struct bgp_error *e)
{
    enum bgp_phase phase = f->halves[c].phase;

    if (phase == BGP_PHASE_NONE)
        return;
    forget(f, now, c);
    if (e != NULL && phase >= BGP_PHASE_OPEN_SENT)
        bgp_fsm_send_error(f, c, e);
    bgp_fsm_act(f, BGP_DO_CLOSE, c);
}

static void lose_collision(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_CEASE, BGP_CEASE_COLLISION);

    bgp_fsm_hang_up(f, now, c, &e);
}

/* The peer's OPEN on this connection counts. */
static void take(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    struct bgp_half *h = &f->halves[c];

    h->phase = BGP_PHASE_OPEN_CONFIRM;
    h->withheld = (struct mono){0};
    if (f->halves[BGP_CONN_OUT].phase == BGP_PHASE_DIALING)
        bgp_fsm_hang_up(f, now, BGP_CONN_OUT, NULL);
    f->retry = (struct mono){0};
    bgp_fsm_start_hold(h, now);
    bgp_fsm_send_keepalive(f, c, now);
}

static void establish(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    struct bgp_half *h = &f->halves[c];

    h->phase = BGP_PHASE_ESTABLISHED;
    bgp_fsm_start_hold(h, now);
    f->established = now;
    f->restarting_until = (struct mono){0};
    f->counts.established++;
    f->why = BGP_WHY_OTHER;
    bgp_fsm_act(f, BGP_DO_UP, c);
}

static void release(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    take(f, now, c);
    if (f->halves[c].confirmed)
        establish(f, now, c);
}

/* Nothing is left but, possibly, the peer's connection without an OPEN, which does not keep us
 * from dialling. */
static void start_over(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_phase from)
{
    bool lenient = from != BGP_PHASE_ESTABLISHED && mono_before(now, f->lenient_until);

    if (from >= BGP_PHASE_OPEN_CONFIRM)
        bgp_fsm_hold_back(f, now, BGP_ENDED_BY_TCP, lenient);
    else if (c == BGP_CONN_OUT || !mono_is_set(f->retry))
        bgp_fsm_wait(f, now);
}

void bgp_fsm_after(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_phase from,
                   enum bgp_ending how)
{
    enum bgp_conn other = other_of(c);

    switch (f->halves[other].phase) {
    case BGP_PHASE_NONE:
    case BGP_PHASE_DIALING:
        if (how == BGP_ENDED_BY_COMPLAINT) {
            bgp_fsm_hang_up(f, now, other, NULL);
            bgp_fsm_hold_back(f, now, how, false);
        } else if (f->halves[other].phase == BGP_PHASE_NONE) {
            start_over(f, now, c, from);
        }
        return;
    case BGP_PHASE_OPEN_SENT:
        if (c == BGP_CONN_OUT)
            bgp_fsm_wait(f, now);
        return;
    case BGP_PHASE_OPEN_CONFIRM:
        if (mono_is_set(f->halves[other].withheld))
            release(f, now, other);
        return;
    case BGP_PHASE_ESTABLISHED:
        return;
    }
}

/* Silence, and what BFD says, may have the same reason as what follows. */
static enum bgp_why why_of_complaint(const struct bgp_error *e)
{
    bool message =
        e->code != BGP_ERR_HOLD && e->code != BGP_ERR_SEND_HOLD && e->code != BGP_ERR_CEASE;

    return message ? BGP_WHY_MESSAGE : BGP_WHY_OTHER;
}

void bgp_fsm_complain(struct bgp_fsm *f, struct mono now, enum bgp_conn c,
                      const struct bgp_error *e, const char *text)
{
    enum bgp_phase from = f->halves[c].phase;
    enum bgp_why why = why_of_complaint(e);

    if (text != NULL)
        bgp_fsm_set_error(f, c, why, text);
    else
        bgp_fsm_set_said(f, c, why, "we", e);
    bgp_fsm_hang_up(f, now, c, e);
    bgp_fsm_after(f, now, c, from, BGP_ENDED_BY_COMPLAINT);
}

void bgp_fsm_lost(struct bgp_fsm *f, struct mono now, enum bgp_conn c, int error)
{
    enum bgp_phase from = f->halves[c].phase;

    if (from == BGP_PHASE_NONE)
        return;
    set_errno(f, c, error);
    forget(f, now, c);
    bgp_fsm_after(f, now, c, from, BGP_ENDED_BY_TCP);
    bgp_fsm_settle(f, now);
}

/* --- beginnings --- */

static void begin(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    struct bgp_half *h = &f->halves[c];

    *h = (struct bgp_half){
        .phase = BGP_PHASE_OPEN_SENT, .since = now, .graceful = f->options.graceful};
    bgp_fsm_start_hold(h, now);
    bgp_fsm_send_open(f, c, now);
}

void bgp_fsm_connected(struct bgp_fsm *f, struct mono now)
{
    if (f->halves[BGP_CONN_OUT].phase != BGP_PHASE_DIALING)
        return;
    f->retry = (struct mono){0};
    begin(f, now, BGP_CONN_OUT);
    bgp_fsm_settle(f, now);
}

static bool came_later(const struct bgp_fsm *f, struct mono t)
{
    return mono_sub(t, f->established) >= BGP_COLLISION_S * NS_PER_SEC;
}

void bgp_fsm_make_room(struct bgp_fsm *f, struct mono now)
{
    const struct bgp_half *in = &f->halves[BGP_CONN_IN];
    enum bgp_phase from = in->phase;

    switch (from) {
    case BGP_PHASE_NONE:
    case BGP_PHASE_DIALING:
        return;
    case BGP_PHASE_OPEN_SENT:
    case BGP_PHASE_OPEN_CONFIRM:
        lose_collision(f, now, BGP_CONN_IN);
        break;
    case BGP_PHASE_ESTABLISHED:
        if (!in->agreed.peer_caps.graceful || !came_later(f, now))
            return;
        bgp_fsm_set_error(f, BGP_CONN_IN, BGP_WHY_OTHER, "the peer has restarted");
        bgp_fsm_hang_up(f, now, BGP_CONN_IN, NULL);
        break;
    }
    bgp_fsm_after(f, now, BGP_CONN_IN, from, BGP_ENDED_BY_TCP);
    bgp_fsm_settle(f, now);
}

bool bgp_fsm_accepted(struct bgp_fsm *f, struct mono now, struct bgp_error *ret_err)
{
    if (!f->started || !f->reachable || f->refusing) {
        *ret_err = bgp_error_of(BGP_ERR_CEASE, BGP_CEASE_REJECTED);
        return false;
    }
    if (f->halves[BGP_CONN_IN].phase != BGP_PHASE_NONE) {
        *ret_err = bgp_error_of(BGP_ERR_CEASE, BGP_CEASE_COLLISION);
        return false;
    }
    f->held_back = false;
    begin(f, now, BGP_CONN_IN);
    bgp_fsm_settle(f, now);
    return true;
}

/* --- in between --- */

static void withhold(struct bgp_half *h, struct mono now)
{
    h->phase = BGP_PHASE_OPEN_CONFIRM;
    h->withheld = mono_add(now, BGP_COLLISION_S * NS_PER_SEC);
    bgp_fsm_start_hold(h, now);
}

static void give_way(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    enum bgp_phase from = f->halves[c].phase;

    lose_collision(f, now, c);
    bgp_fsm_after(f, now, c, from, BGP_ENDED_BY_TCP);
}

/* An OPEN beside a session. */
static void meet_session(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    const struct bgp_half *h = &f->halves[c];
    enum bgp_conn session = other_of(c);

    if (!h->agreed.peer_caps.graceful || !came_later(f, h->since)) {
        give_way(f, now, c);
        return;
    }
    bgp_fsm_hang_up(f, now, session, NULL);
    bgp_fsm_set_error(f, session, BGP_WHY_OTHER, "the peer has restarted");
    take(f, now, c);
}

void bgp_fsm_got_open(struct bgp_fsm *f, struct mono now, enum bgp_conn c,
                      const struct bgp_agreement *a)
{
    enum bgp_conn other = other_of(c);
    bool wins = bgp_agree_winner(&f->options, a) == c;
    struct bgp_half *h = &f->halves[c];

    h->agreed = *a;
    h->agreed.keeps_routes = h->graceful && a->peer_caps.graceful;
    switch (f->halves[other].phase) {
    case BGP_PHASE_NONE:
    case BGP_PHASE_DIALING:
        take(f, now, c);
        return;
    case BGP_PHASE_OPEN_SENT:
        if (!wins) {
            withhold(h, now);
            return;
        }
        lose_collision(f, now, other);
        take(f, now, c);
        return;
    case BGP_PHASE_OPEN_CONFIRM:
        if (!wins) {
            give_way(f, now, c);
            return;
        }
        lose_collision(f, now, other);
        take(f, now, c);
        return;
    case BGP_PHASE_ESTABLISHED:
        meet_session(f, now, c);
        return;
    }
}

void bgp_fsm_got_keepalive(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    struct bgp_half *h = &f->halves[c];

    if (mono_is_set(h->withheld)) {
        h->confirmed = true;
        bgp_fsm_start_hold(h, now);
        return;
    }
    if (h->phase == BGP_PHASE_OPEN_CONFIRM)
        establish(f, now, c);
    else
        bgp_fsm_start_hold(h, now);
}

void bgp_fsm_end_collision(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    lose_collision(f, now, other_of(c));
    release(f, now, c);
}
