/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_fsm_int.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

static struct bgp_item *add_item(struct bgp_fsm *f, enum bgp_action_kind kind, enum bgp_conn c)
{
    struct bgp_item *i;

    f->items = array_grow(f->items, &f->cap, f->count + 1, sizeof(struct bgp_item));
    i = &f->items[f->count++];
    i->action = (struct bgp_action){.kind = kind, .conn = c};
    return i;
}

struct bgp_action *bgp_fsm_act(struct bgp_fsm *f, enum bgp_action_kind kind, enum bgp_conn c)
{
    return &add_item(f, kind, c)->action;
}

bool bgp_fsm_next(struct bgp_fsm *f, struct bgp_action *ret)
{
    if (f->next == f->count) {
        f->next = f->count = 0;
        return false;
    }
    f->current = f->items[f->next++];
    if (f->current.action.kind == BGP_DO_SEND)
        f->current.action.bytes = f->current.bytes;
    *ret = f->current.action;
    return true;
}

void bgp_fsm_send_open(struct bgp_fsm *f, enum bgp_conn c, struct mono now)
{
    struct bgp_restart_bits bits = {
        .restarting = mono_before(now, f->restarting_until),
        /* After a session of this process nothing but the connection was lost. */
        .forwarding = f->options.forwarding || mono_is_set(f->established),
    };
    struct bgp_open open = bgp_agree_offer(&f->options, bits);
    struct bgp_item *i = add_item(f, BGP_DO_SEND, c);
    struct wr w = wr_to(i->bytes, sizeof(i->bytes));

    bgp_open_write(&w, &open);
    assert(!w.bad);
    i->action.len = w.len;
    f->counts.opens_sent++;
}

void bgp_fsm_send_keepalive(struct bgp_fsm *f, enum bgp_conn c, struct mono now)
{
    struct bgp_item *i = add_item(f, BGP_DO_SEND, c);
    struct wr w = wr_to(i->bytes, sizeof(i->bytes));

    bgp_keepalive_write(&w);
    assert(!w.bad);
    i->action.len = w.len;
    f->counts.keepalives_sent++;
    bgp_fsm_start_keepalive(f, &f->halves[c], now);
    if (!mono_is_set(f->halves[c].send_hold))
        bgp_fsm_start_send_hold(&f->halves[c], now);
}

void bgp_fsm_send_error(struct bgp_fsm *f, enum bgp_conn c, const struct bgp_error *e)
{
    struct bgp_item *i = add_item(f, BGP_DO_SEND, c);
    struct wr w = wr_to(i->bytes, sizeof(i->bytes));

    bgp_notification_write(&w, e);
    assert(!w.bad);
    i->action.len = w.len;
    f->counts.notifications_sent++;
    bgp_fsm_act(f, BGP_TELL_SENT, c)->error = *e;
}

static enum bgp_state state_of(const struct bgp_fsm *f)
{
    if (bgp_fsm_has(f, BGP_PHASE_ESTABLISHED))
        return BGP_STATE_ESTABLISHED;
    if (bgp_fsm_has(f, BGP_PHASE_OPEN_CONFIRM))
        return BGP_STATE_OPEN_CONFIRM;
    if (bgp_fsm_has(f, BGP_PHASE_OPEN_SENT))
        return BGP_STATE_OPEN_SENT;
    if (bgp_fsm_has(f, BGP_PHASE_DIALING))
        return BGP_STATE_CONNECT;
    return f->started && f->reachable && !f->held_back ? BGP_STATE_ACTIVE : BGP_STATE_IDLE;
}

void bgp_fsm_settle(struct bgp_fsm *f, struct mono now)
{
    enum bgp_state state = state_of(f);

    if (state == f->state)
        return;
    f->state = state;
    f->since = now;
    f->counts.transitions++;
    bgp_fsm_act(f, BGP_TELL_STATE, BGP_CONN_OUT);
}
