/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two delays grow from 1 s to 120 s. The one between dials (ConnectRetry) grows while TCP fails,
 * but not soon after a session: a peer that has lost us may refuse connections for a while (spec
 * speaker-bgp 5.4, 9 #41). The idle hold (DampPeerOscillations) follows complaints and lost
 * sessions; only a session that lasted resets it. A connect time that is configured bounds both.
 */
#include "bgp/bgp_fsm_int.h"

#include "base/random.h"

#include <stdio.h>

static bool is_due(struct mono t, struct mono now)
{
    return mono_is_set(t) && !mono_before(now, t);
}

/* RFC 4271 10: 0.75 to 1.0 of it. */
static int64_t jittered(struct bgp_fsm *f, unsigned seconds)
{
    int64_t quarter = (int64_t)seconds * NS_PER_SEC / 4;

    return 3 * quarter + (int64_t)random_below(&f->random_state, (uint64_t)quarter + 1);
}

static struct mono in_seconds(struct mono now, unsigned seconds)
{
    return mono_add(now, (int64_t)seconds * NS_PER_SEC);
}

static unsigned longer(unsigned seconds)
{
    return 2 * seconds < BGP_RETRY_MAX_S ? 2 * seconds : BGP_RETRY_MAX_S;
}

/* Jittered; the next one is longer where that is due. */
static int64_t next_retry(struct bgp_fsm *f, struct mono now)
{
    unsigned seconds = f->retry_s;

    if (f->options.connect_s != 0)
        return jittered(f, f->options.connect_s);
    if (!mono_before(now, f->lenient_until))
        f->retry_s = longer(f->retry_s);
    return jittered(f, seconds);
}

void bgp_fsm_calm(struct bgp_fsm *f)
{
    f->retry_s = f->idle_s = BGP_RETRY_FIRST_S;
}

void bgp_fsm_dial(struct bgp_fsm *f, struct mono now)
{
    int64_t patience;

    f->retry = (struct mono){0};
    f->held_back = f->refusing = false;
    if (!f->options.dials || f->halves[BGP_CONN_OUT].phase != BGP_PHASE_NONE ||
        bgp_fsm_has(f, BGP_PHASE_OPEN_CONFIRM))
        return;
    patience = jittered(f, f->options.connect_s != 0 ? f->options.connect_s : f->retry_s);
    if (patience < BGP_DIAL_MIN_S * NS_PER_SEC)
        patience = BGP_DIAL_MIN_S * NS_PER_SEC;
    f->retry = mono_add(now, patience);
    f->halves[BGP_CONN_OUT] = (struct bgp_half){.phase = BGP_PHASE_DIALING, .since = now};
    bgp_fsm_act(f, BGP_DO_DIAL, BGP_CONN_OUT);
}

void bgp_fsm_wait(struct bgp_fsm *f, struct mono now)
{
    f->held_back = f->refusing = false;
    f->retry = f->options.dials ? mono_add(now, next_retry(f, now)) : (struct mono){0};
}

/* One complaint is nobody's habit: the peer, which may have been told to clear the session, is let
 * in at once; after two it has to wait, else it could keep us busy. */
void bgp_fsm_hold_back(struct bgp_fsm *f, struct mono now, enum bgp_ending how, bool lenient)
{
    unsigned seconds = f->idle_s;

    if (f->options.connect_s != 0 && seconds > f->options.connect_s)
        seconds = f->options.connect_s;
    f->held_back = true;
    f->refusing = how == BGP_ENDED_BY_COMPLAINT && f->idle_s > BGP_RETRY_FIRST_S;
    f->retry = mono_add(now, jittered(f, seconds));
    if (!lenient)
        f->idle_s = longer(f->idle_s);
}

void bgp_fsm_change_retry(struct bgp_fsm *f, struct mono now)
{
    if (mono_is_set(bgp_fsm_next_dial(f)) && !f->held_back)
        f->retry = mono_add(now, next_retry(f, now));
}

/* Seconds; 0: it may be silent for ever. */
static unsigned hold_of(const struct bgp_half *h)
{
    switch (h->phase) {
    case BGP_PHASE_NONE:
    case BGP_PHASE_DIALING:
        return 0;
    case BGP_PHASE_OPEN_SENT:
        return BGP_OPEN_HOLD_S;
    case BGP_PHASE_OPEN_CONFIRM:
        return h->agreed.hold_s != 0 ? h->agreed.hold_s : BGP_OPEN_HOLD_S;
    case BGP_PHASE_ESTABLISHED:
        return h->agreed.hold_s;
    }
    return 0;
}

void bgp_fsm_start_hold(struct bgp_half *h, struct mono now)
{
    unsigned seconds = hold_of(h);

    h->hold = seconds != 0 ? in_seconds(now, seconds) : (struct mono){0};
}

void bgp_fsm_start_keepalive(struct bgp_fsm *f, struct bgp_half *h, struct mono now)
{
    unsigned seconds = h->agreed.keepalive_s;

    h->keepalive = seconds != 0 ? mono_add(now, jittered(f, seconds)) : (struct mono){0};
}

static unsigned send_hold_of(const struct bgp_half *h)
{
    unsigned twice = 2u * h->agreed.hold_s;

    if (h->phase != BGP_PHASE_ESTABLISHED || twice == 0)
        return 0;
    return twice > BGP_SEND_HOLD_MIN_S ? twice : BGP_SEND_HOLD_MIN_S;
}

void bgp_fsm_start_send_hold(struct bgp_half *h, struct mono now)
{
    unsigned seconds = send_hold_of(h);

    h->send_hold = seconds != 0 ? in_seconds(now, seconds) : (struct mono){0};
}

void bgp_fsm_sent(struct bgp_fsm *f, struct mono now, enum bgp_conn c, bool left)
{
    struct bgp_half *h = &f->halves[c];

    if (left)
        bgp_fsm_start_send_hold(h, now);
    else
        h->send_hold = (struct mono){0};
}

static void hold_expired(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_HOLD, 0);
    const struct bgp_half *h = &f->halves[c];
    char why[64];

    if (h->phase == BGP_PHASE_OPEN_SENT)
        snprintf(why, sizeof(why), "no OPEN within %u s", hold_of(h));
    else
        snprintf(why, sizeof(why), "no answer within the hold time of %u s", hold_of(h));
    f->counts.hold_expirations++;
    bgp_fsm_complain(f, now, c, &e, why);
}

static void send_hold_expired(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_SEND_HOLD, 0);
    char why[64];

    snprintf(why, sizeof(why), "the peer took nothing for %u s", send_hold_of(&f->halves[c]));
    f->counts.send_hold_expirations++;
    bgp_fsm_complain(f, now, c, &e, why);
}

static void tick_conn(struct bgp_fsm *f, struct mono now, enum bgp_conn c)
{
    const struct bgp_half *h = &f->halves[c];

    if (is_due(h->hold, now)) {
        hold_expired(f, now, c);
        return;
    }
    if (is_due(h->send_hold, now)) {
        send_hold_expired(f, now, c);
        return;
    }
    if (is_due(h->withheld, now))
        bgp_fsm_end_collision(f, now, c);
    if (is_due(h->keepalive, now))
        bgp_fsm_send_keepalive(f, c, now);
}

static void tick_retry(struct bgp_fsm *f, struct mono now)
{
    if (f->halves[BGP_CONN_OUT].phase == BGP_PHASE_DIALING) {
        bgp_fsm_set_error(f, BGP_CONN_OUT, BGP_WHY_OTHER, "no answer to our dial");
        bgp_fsm_hang_up(f, now, BGP_CONN_OUT, NULL);
        (void)next_retry(f, now); /* more patience the next time */
    }
    bgp_fsm_dial(f, now);
}

void bgp_fsm_tick(struct bgp_fsm *f, struct mono now)
{
    tick_conn(f, now, BGP_CONN_OUT);
    tick_conn(f, now, BGP_CONN_IN);
    if (is_due(f->retry, now))
        tick_retry(f, now);
    bgp_fsm_settle(f, now);
}

struct mono bgp_fsm_deadline(const struct bgp_fsm *f)
{
    struct mono t = f->retry;

    for (unsigned c = 0; c < BGP_CONNS; c++) {
        const struct bgp_half *h = &f->halves[c];

        t = mono_earlier(t, mono_earlier(h->hold, h->keepalive));
        t = mono_earlier(t, mono_earlier(h->send_hold, h->withheld));
    }
    return t;
}
