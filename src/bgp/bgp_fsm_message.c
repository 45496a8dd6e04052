/* SPDX-License-Identifier: Apache-2.0 */
/* What connections receive (RFC 4271 8.2.2, RFC 6608, spec speaker-bgp 5.4, 5.7, 5.8). */
#include "bgp/bgp_fsm_int.h"

/* RFC 6608: the subcode names the state, the data the type. */
static void unexpected(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_type type)
{
    enum bgp_phase phase = f->halves[c].phase;
    struct bgp_error e = bgp_error_of(BGP_ERR_FSM, (uint8_t)(phase - BGP_PHASE_OPEN_SENT + 1));

    e.data[0] = (uint8_t)type;
    e.data_len = 1;
    bgp_fsm_complain(f, now, c, &e, NULL);
}

static void on_open(struct bgp_fsm *f, struct mono now, enum bgp_conn c, struct rd body)
{
    struct bgp_refusal refusal = {0};
    struct bgp_agreement a;
    struct bgp_open open;
    struct rd r = body;

    f->counts.opens_received++;
    if (!bgp_open_read(&open, body.pos, body.left, &refusal.error)) {
        bgp_fsm_complain(f, now, c, &refusal.error, NULL);
        return;
    }
    rd_skip(&r, 1); /* version */
    if (!bgp_agree(&a, &f->options, &open, rd_u16(&r), &refusal)) {
        bgp_fsm_complain(f, now, c, &refusal.error, refusal.why);
        return;
    }
    bgp_fsm_got_open(f, now, c, &a);
}

/* The peer complains about this connection, not about us. Were a rejection a reason to reject, two
 * that hold each other back would do so for ever. */
static bool is_refusal(const struct bgp_error *e)
{
    return e->code == BGP_ERR_CEASE &&
           (e->subcode == BGP_CEASE_COLLISION || e->subcode == BGP_CEASE_REJECTED);
}

static void on_notification(struct bgp_fsm *f, struct mono now, enum bgp_conn c, struct rd body)
{
    enum bgp_phase from = f->halves[c].phase;
    struct bgp_error e;

    bgp_notification_read(&e, body.pos, body.left);
    f->counts.notifications_received++;
    bgp_fsm_act(f, BGP_TELL_RECEIVED, c)->error = e;
    bgp_fsm_set_said(f, c, is_refusal(&e) ? BGP_WHY_AFTERMATH : BGP_WHY_MESSAGE, "peer", &e);
    bgp_fsm_hang_up(f, now, c, NULL);
    bgp_fsm_after(f, now, c, from, is_refusal(&e) ? BGP_ENDED_BY_TCP : BGP_ENDED_BY_COMPLAINT);
}

/* Families that were not agreed do not count (RFC 7606 7). */
static void count_prefixes(struct bgp_fsm *f, const struct bgp_agreement *a,
                           const struct bgp_update_sum *sum, bool good)
{
    int64_t *total = &f->counts.prefixes_received;

    for (unsigned i = 0; i < BGP_FAMILIES; i++) {
        if (!a->family[i])
            continue;
        *total += good ? (int64_t)sum->announced[i] : -(int64_t)sum->announced[i];
        *total -= sum->withdrawn[i];
    }
    if (*total < 0)
        *total = 0;
}

static void on_update(struct bgp_fsm *f, struct mono now, enum bgp_conn c, struct rd body)
{
    const struct bgp_agreement *a = &f->halves[c].agreed;
    struct bgp_update_sum sum = {0};
    struct bgp_error e = {0};

    f->counts.updates_received++;
    bgp_fsm_start_hold(&f->halves[c], now);
    switch (bgp_update_check(&sum, body.pos, body.left, a->as4, a->ibgp, &e)) {
    case BGP_UPDATE_GOOD:
        count_prefixes(f, a, &sum, true);
        return;
    case BGP_UPDATE_AS_WITHDRAW:
        f->counts.updates_as_withdraw++;
        count_prefixes(f, a, &sum, false);
        return;
    case BGP_UPDATE_DISCARD:
        f->counts.updates_discarded++;
        count_prefixes(f, a, &sum, true);
        return;
    case BGP_UPDATE_RESET:
        bgp_fsm_complain(f, now, c, &e, NULL);
        return;
    }
}

static void on_refresh(struct bgp_fsm *f, struct mono now, enum bgp_conn c, struct rd body)
{
    const struct bgp_agreement *a = &f->halves[c].agreed;
    struct bgp_refresh refresh;
    struct bgp_error e;
    struct bgp_action *act;

    f->counts.refreshes_received++;
    bgp_fsm_start_hold(&f->halves[c], now);
    if (!bgp_refresh_read(&refresh, body.pos, body.left, &e)) {
        bgp_fsm_complain(f, now, c, &e, NULL);
        return;
    }
    if (!refresh.known || !a->family[refresh.family] || refresh.kind != BGP_REFRESH_REQUEST)
        return;
    act = bgp_fsm_act(f, BGP_DO_REFRESH, c);
    act->family = refresh.family;
    act->enhanced = a->enhanced_refresh;
}

static void in_open_sent(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_type type,
                         struct rd body)
{
    if (type == BGP_OPEN)
        on_open(f, now, c, body);
    else
        unexpected(f, now, c, type);
}

static void in_open_confirm(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_type type)
{
    if (type != BGP_KEEPALIVE) {
        unexpected(f, now, c, type);
        return;
    }
    f->counts.keepalives_received++;
    bgp_fsm_got_keepalive(f, now, c);
}

static void in_established(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_type type,
                           struct rd body)
{
    switch (type) {
    case BGP_OPEN:
    case BGP_NOTIFICATION: /* dealt with before */
        unexpected(f, now, c, type);
        return;
    case BGP_UPDATE:
        on_update(f, now, c, body);
        return;
    case BGP_KEEPALIVE:
        f->counts.keepalives_received++;
        bgp_fsm_got_keepalive(f, now, c);
        return;
    case BGP_ROUTE_REFRESH:
        on_refresh(f, now, c, body);
        return;
    }
}

static void on_message(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_type type,
                       struct rd body)
{
    switch (f->halves[c].phase) {
    case BGP_PHASE_NONE:
    case BGP_PHASE_DIALING:
        return;
    case BGP_PHASE_OPEN_SENT:
        in_open_sent(f, now, c, type, body);
        return;
    case BGP_PHASE_OPEN_CONFIRM:
        in_open_confirm(f, now, c, type);
        return;
    case BGP_PHASE_ESTABLISHED:
        in_established(f, now, c, type, body);
        return;
    }
}

void bgp_fsm_message(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_type type,
                     const uint8_t *body, size_t len)
{
    struct rd r = rd_from(body, len);

    if (type == BGP_NOTIFICATION && f->halves[c].phase >= BGP_PHASE_OPEN_SENT)
        on_notification(f, now, c, r);
    else
        on_message(f, now, c, type, r);
    bgp_fsm_settle(f, now);
}

void bgp_fsm_bad_header(struct bgp_fsm *f, struct mono now, enum bgp_conn c,
                        const struct bgp_error *e)
{
    if (f->halves[c].phase < BGP_PHASE_OPEN_SENT)
        return;
    bgp_fsm_complain(f, now, c, e, NULL);
    bgp_fsm_settle(f, now);
}
