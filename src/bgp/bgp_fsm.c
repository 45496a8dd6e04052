/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's surface: its life, what its owner wants of it, and questions.
 *
 * RFC 4271 8 has one machine a connection; here the two connections of a peer are the halves of one
 * machine, and its state is that of the half that has come further. Idle is: stopped, unreachable,
 * or held back after a failure. Active is: the next dial waits for ConnectRetry, or we only listen.
 * While the peer has connected but not said OPEN we go on dialling.
 */
#include "bgp/bgp_fsm.h"

#include "base/mem.h"
#include "bgp/bgp_fsm_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *bgp_state_name(enum bgp_state s)
{
    switch (s) {
    case BGP_STATE_IDLE:
        return "Idle";
    case BGP_STATE_CONNECT:
        return "Connect";
    case BGP_STATE_ACTIVE:
        return "Active";
    case BGP_STATE_OPEN_SENT:
        return "OpenSent";
    case BGP_STATE_OPEN_CONFIRM:
        return "OpenConfirm";
    case BGP_STATE_ESTABLISHED:
        return "Established";
    }
    return "?";
}

struct bgp_fsm *bgp_fsm_new(const struct bgp_fsm_options *o, uint64_t seed, bool restarted,
                            struct mono now)
{
    struct bgp_fsm *f = xcalloc(1, sizeof(*f));

    assert(o->id != 0 && (o->family[BGP_IPV4] || o->family[BGP_IPV6]));
    f->options = *o;
    f->random_state = seed;
    f->reachable = true;
    f->since = now;
    if (restarted)
        f->restarting_until = mono_add(now, o->restart_s * NS_PER_SEC);
    bgp_fsm_calm(f);
    return f;
}

struct bgp_fsm *bgp_fsm_free(struct bgp_fsm *f)
{
    if (f == NULL)
        return NULL;
    text_done(&f->last_error);
    free(f->items);
    free(f);
    return NULL;
}

/* --- configuration --- */

static bool same_open(const struct bgp_fsm_options *a, const struct bgp_fsm_options *b)
{
    return a->local_as == b->local_as && a->id == b->id && a->v4_over_v6 == b->v4_over_v6 &&
           memcmp(a->family, b->family, sizeof(a->family)) == 0;
}

static bool same_peer_as(const struct bgp_fsm_options *a, const struct bgp_fsm_options *b)
{
    return a->peer_as == b->peer_as && (a->peer_as != BGP_AS_IS || a->asn == b->asn) &&
           (a->peer_as == BGP_AS_IS || a->my_as == b->my_as);
}

/* Spec F28: another rule for the peer's AS is no reason while the session's satisfies it, too. */
bool bgp_fsm_needs_reset(const struct bgp_fsm *f, const struct bgp_fsm_options *o)
{
    const struct bgp_agreement *a = bgp_fsm_agreement(f);

    if (!same_open(&f->options, o))
        return true;
    if (same_peer_as(&f->options, o))
        return false;
    return a == NULL || !bgp_agree_as_fits(o, a->peer_as) || a->ibgp != bgp_agree_is_ibgp(o);
}

static bool is_waiting(const struct bgp_fsm *f)
{
    return f->started && f->reachable && !f->held_back && !bgp_fsm_has(f, BGP_PHASE_DIALING);
}

void bgp_fsm_change(struct bgp_fsm *f, struct mono now, const struct bgp_fsm_options *o)
{
    uint16_t connect_s = f->options.connect_s;
    bool dials = f->options.dials;

    f->options = *o;
    if (!o->dials && f->halves[BGP_CONN_OUT].phase == BGP_PHASE_DIALING)
        bgp_fsm_hang_up(f, now, BGP_CONN_OUT, NULL);
    if (o->dials && !dials && is_waiting(f))
        bgp_fsm_dial(f, now);
    else if (o->connect_s != connect_s)
        bgp_fsm_change_retry(f, now);
    bgp_fsm_settle(f, now);
}

/* --- its owner's wishes --- */

void bgp_fsm_start(struct bgp_fsm *f, struct mono now)
{
    if (f->started)
        return;
    f->started = true;
    bgp_fsm_calm(f);
    if (f->reachable)
        bgp_fsm_dial(f, now);
    bgp_fsm_settle(f, now);
}

static void end_all(struct bgp_fsm *f, struct mono now, const struct bgp_error *why)
{
    bgp_fsm_hang_up(f, now, BGP_CONN_OUT, why);
    bgp_fsm_hang_up(f, now, BGP_CONN_IN, why);
    f->retry = (struct mono){0};
    f->held_back = f->refusing = false;
    if (why != NULL)
        bgp_fsm_set_said(f, BGP_CONN_OUT, BGP_WHY_OTHER, "we", why);
}

void bgp_fsm_stop(struct bgp_fsm *f, struct mono now, const struct bgp_error *why)
{
    end_all(f, now, why);
    f->started = false;
    if (why == NULL)
        bgp_fsm_set_error(f, BGP_CONN_OUT, BGP_WHY_OTHER, "stopped");
    bgp_fsm_settle(f, now);
}

void bgp_fsm_reset(struct bgp_fsm *f, struct mono now, const struct bgp_error *why)
{
    if (!f->started)
        return;
    end_all(f, now, why);
    bgp_fsm_calm(f);
    if (f->reachable)
        bgp_fsm_dial(f, now);
    bgp_fsm_settle(f, now);
}

void bgp_fsm_reachable(struct bgp_fsm *f, struct mono now, bool reachable, const char *why)
{
    struct bgp_error cease = bgp_error_of(BGP_ERR_CEASE, BGP_CEASE_CHANGED);
    bool was = f->reachable;

    f->reachable = reachable;
    if (!reachable) {
        end_all(f, now, &cease);
        bgp_fsm_set_error(f, BGP_CONN_OUT, BGP_WHY_OTHER, why);
    } else if (!was && f->started) {
        f->retry_s = BGP_RETRY_FIRST_S;
        bgp_fsm_dial(f, now);
    }
    bgp_fsm_settle(f, now);
}

/* RFC 5882 4.3, spec F27: BFD coming up ends any wait; that it is not up yet delays nothing. */
void bgp_fsm_bfd(struct bgp_fsm *f, struct mono now, bool up)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_CEASE, BGP_CEASE_BFD_DOWN);

    if (up && mono_is_set(bgp_fsm_next_dial(f)))
        bgp_fsm_dial(f, now);
    for (unsigned c = 0; !up && c < BGP_CONNS; c++) {
        if (f->halves[c].phase == BGP_PHASE_ESTABLISHED)
            bgp_fsm_complain(f, now, (enum bgp_conn)c, &e, "BFD says that the peer is down");
    }
    bgp_fsm_settle(f, now);
}

/* --- questions --- */

enum bgp_state bgp_fsm_state(const struct bgp_fsm *f)
{
    return f->state;
}

const struct bgp_agreement *bgp_fsm_agreement(const struct bgp_fsm *f)
{
    for (unsigned c = 0; c < BGP_CONNS; c++) {
        if (f->halves[c].phase == BGP_PHASE_ESTABLISHED)
            return &f->halves[c].agreed;
    }
    return NULL;
}

bool bgp_fsm_extended(const struct bgp_fsm *f, enum bgp_conn c)
{
    const struct bgp_half *h = &f->halves[c];

    return h->phase >= BGP_PHASE_OPEN_CONFIRM && h->agreed.extended_message;
}

const struct bgp_fsm_counts *bgp_fsm_counts(const struct bgp_fsm *f)
{
    return &f->counts;
}

const char *bgp_fsm_last_error(const struct bgp_fsm *f)
{
    return text_str(&f->last_error);
}

bool bgp_fsm_has_verdict(const struct bgp_fsm *f)
{
    return f->why == BGP_WHY_MESSAGE;
}

struct mono bgp_fsm_since(const struct bgp_fsm *f)
{
    return f->since;
}

struct mono bgp_fsm_next_dial(const struct bgp_fsm *f)
{
    bool planned = f->options.dials && f->halves[BGP_CONN_OUT].phase == BGP_PHASE_NONE;

    return planned ? f->retry : (struct mono){0};
}
