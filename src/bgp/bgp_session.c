/* SPDX-License-Identifier: Apache-2.0 */
#include "base/delay.h"
#include "base/mem.h"
#include "base/random.h"
#include "bgp/bgp_int.h"
#include "net/tcp.h"

#include <stdlib.h>
#include <string.h>

static void tell(struct bgp_session *s, enum bgp_event event, const char *text)
{
    const struct bgp_options *o = &s->engine->options;

    if (o->event != NULL)
        o->event(o->arg, event, s->options.name, text);
}

bool bgp_session_needs_hard_reset(const struct bgp_session *s)
{
    const struct bgp_agreement *a = bgp_fsm_agreement(s->machine);

    return a != NULL && a->peer_caps.graceful && a->peer_caps.with_notification;
}

bool bgp_session_is_retained(const struct bgp_session *s)
{
    const struct bgp_agreement *a = bgp_fsm_agreement(s->machine);

    return a != NULL && a->keeps_routes;
}

/* --- next hops --- */

static bool next_hop_eq(const struct bgp_next_hop *a, const struct bgp_next_hop *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static void set_next_hop(struct bgp_session *s, enum bgp_family f, const struct bgp_next_hop *to,
                         bool first)
{
    struct bgp_rib *rib = s->engine->rib;
    struct bgp_next_hop was = s->path.next_hop[f];

    s->path.next_hop[f] = *to;
    if (first || (was.len > 0) != (to->len > 0))
        bgp_rib_peer_allow(rib, s->id, f, to->len > 0);
    else if (!next_hop_eq(&was, to))
        bgp_rib_peer_again(rib, s->id, f);
    if (to->len == 0 && (first || was.len > 0)) {
        bgp_session_log_next_hop(s, f);
        tell(s, BGP_PEER_NO_NEXT_HOP, s->no_next_hop[f]);
    }
}

void bgp_session_choose_next_hops(struct bgp_session *s, bool first)
{
    const struct bgp *b = s->engine;
    const struct bgp_agreement *a = bgp_fsm_agreement(s->machine);
    const struct bgp_link *l = s->link[s->up_on];
    struct bgp_next_hop hops[BGP_FAMILIES] = {0};
    struct bgp_ends ends = {.remote = s->address, .node_v6 = b->options.node_v6};
    const char *why[BGP_FAMILIES] = {0};

    if (!s->up || a == NULL || l == NULL)
        return;
    ends.local = tcp_local(l->fd).ip;
    ends.v4_over_v6 = a->v4_over_v6;
    ends.unnumbered = s->options.key.interface[0] != '\0';
    ends.ifindex = s->ifindex;
    bgp_next_hop_choose(hops, why, &ends, b->addresses, b->address_count);
    for (int f = 0; f < BGP_FAMILIES; f++) {
        s->no_next_hop[f] = s->carries[f] ? why[f] : NULL;
        if (s->carries[f])
            set_next_hop(s, (enum bgp_family)f, &hops[f], first);
    }
    bgp_send_later(s->engine);
}

/* --- what the machine wants --- */

static void session_dial(struct bgp_session *s)
{
    const struct bgp_peer_options *o = &s->options;
    const struct tcp_how how = {
        .source = o->key.source,
        .scope = s->ifindex,
        .device = o->key.vrf,
        .md5 = o->password,
        .ttl = o->ttl,
        .min_ttl = o->min_ttl,
    };
    struct err err = {0};
    struct bgp_link *l;
    int fd = tcp_dial((struct endpoint){s->address, o->key.port}, &how, &err);

    if (fd < 0) {
        bgp_session_log_dial(s, err_text(&err));
        bgp_fsm_lost(s->machine, mono_now(), BGP_CONN_OUT, -fd);
    } else {
        l = bgp_link_new(s, fd, BGP_CONN_OUT);
        l->dialling = true;
        bgp_link_attach(s, l);
    }
    err_done(&err);
}

static void session_close(struct bgp_session *s, struct bgp_link *l)
{
    enum bgp_state state = bgp_fsm_state(s->machine);

    if (l == NULL)
        return;
    /* Nobody has answered; a wrong password looks like this, too. */
    if (l->dialling && !s->resetting && (state == BGP_STATE_CONNECT || state == BGP_STATE_ACTIVE))
        bgp_session_log_dial(s, bgp_fsm_last_error(s->machine));
    bgp_link_close(l);
}

/* A peer that is dead must not hold what we sent longer than the hold time. */
static void set_user_timeout(const struct bgp_link *l, const struct bgp_agreement *a)
{
    if (a->hold_s > 0 && tcp_set_timeout(l->fd, a->hold_s * UINT32_C(1000)) < 0)
        log_debug("no limit on what a peer does not acknowledge");
}

static void forget_dial_error(struct bgp_session *s)
{
    free(TAKE(s->dial_error));
}

static void session_up(struct bgp_session *s, enum bgp_conn on)
{
    const struct bgp_agreement *a = bgp_fsm_agreement(s->machine);

    if (a == NULL || s->link[on] == NULL)
        return;
    s->up = true;
    s->up_on = on;
    s->path = (struct bgp_path){
        .ibgp = a->ibgp,
        .as4 = a->as4,
        .local_as = s->options.fsm.local_as,
    };
    memcpy(s->carries, a->family, sizeof(s->carries));
    forget_dial_error(s);
    set_user_timeout(s->link[on], a);
    bgp_session_log_up(s);
    bgp_rib_peer_up(s->engine->rib, s->id, s->carries);
    bgp_session_choose_next_hops(s, true);
    bgp_send_start(s);
    tell(s, BGP_PEER_UP, "");
}

static void session_down(struct bgp_session *s)
{
    if (!s->up)
        return;
    s->up = false;
    memset(s->marks, 0, sizeof(s->marks));
    memset(s->no_next_hop, 0, sizeof(s->no_next_hop));
    s->complete_at = (struct mono){0};
    bgp_rib_peer_down(s->engine->rib, s->id);
    bgp_session_log_down(s);
    tell(s, BGP_PEER_DOWN, bgp_session_error(s));
}

/* The other reasons for a cease of ours are our own doing, or nobody's fault. */
static bool is_failure(const struct bgp_error *e)
{
    return e->code != BGP_ERR_CEASE || e->subcode == BGP_CEASE_BFD_DOWN;
}

static void session_error(struct bgp_session *s, const struct bgp_error *e, bool sent)
{
    struct text text = {0};

    forget_dial_error(s);
    *(sent ? &s->last_sent : &s->last_received) = *e;
    bgp_session_log_error(s, e, sent);
    bgp_error_print(&text, e);
    if (!sent)
        tell(s, BGP_PEER_GOT_ERROR, text_str(&text));
    else if (is_failure(e))
        tell(s, BGP_PEER_SENT_ERROR, text_str(&text));
    text_done(&text);
}

static void session_perform(struct bgp_session *s, const struct bgp_action *a)
{
    switch (a->kind) {
    case BGP_DO_DIAL:
        session_dial(s);
        return;
    case BGP_DO_SEND:
        if (s->link[a->conn] != NULL)
            bgp_link_send(s->link[a->conn], a->bytes, a->len);
        return;
    case BGP_DO_CLOSE:
        session_close(s, s->link[a->conn]);
        return;
    case BGP_DO_UP:
        session_up(s, a->conn);
        return;
    case BGP_DO_DOWN:
        session_down(s);
        return;
    case BGP_DO_REFRESH:
        bgp_send_refresh(s, a->family, a->enhanced);
        return;
    case BGP_TELL_STATE:
        tell(s, BGP_PEER_STATE, bgp_state_name(bgp_fsm_state(s->machine)));
        return;
    case BGP_TELL_SENT:
        session_error(s, &a->error, true);
        return;
    case BGP_TELL_RECEIVED:
        session_error(s, &a->error, false);
        return;
    }
}

void bgp_session_run(struct bgp_session *s)
{
    struct bgp_action a;

    while (bgp_fsm_next(s->machine, &a))
        session_perform(s, &a);
}

static void session_arm(struct bgp_session *s)
{
    struct mono at = mono_earlier(bgp_fsm_deadline(s->machine), s->complete_at);
    struct timeval tv;

    if (at.ns == s->armed.ns)
        return;
    s->armed = at;
    if (!mono_is_set(at)) {
        event_del(&s->timer);
        return;
    }
    tv = delay_from_ns(mono_sub(at, mono_now()));
    (void)evtimer_add(&s->timer, &tv); /* fails only without memory */
}

void bgp_session_act(struct bgp_session *s)
{
    bgp_session_run(s);
    s->resetting = false;
    session_arm(s);
}

/* After a long stall what the peer has sent meanwhile counts before the hold time does; therefore
 * time passes for the machine here alone. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct bgp_session *s = arg;

    (void)fd;
    (void)what;
    s->armed = (struct mono){0};
    for (int c = 0; c < BGP_CONNS; c++)
        if (s->link[c] != NULL && !s->link[c]->dialling)
            bgp_link_read(s->link[c]);
    if (mono_is_set(s->complete_at) && !mono_before(mono_now(), s->complete_at)) {
        s->complete_at = (struct mono){0};
        bgp_send_later(s->engine);
    }
    bgp_fsm_tick(s->machine, mono_now());
    bgp_session_act(s);
}

/* --- the peer connects --- */

static void session_refuse(struct bgp_link *l, const struct bgp_error *e)
{
    uint8_t bytes[BGP_HEADER_LEN + 2 + BGP_ERROR_DATA_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    bgp_notification_write(&w, e);
    bgp_link_send(l, bytes, w.len);
    bgp_link_close(l);
}

/* The machine first gives up what stands in the way of the new connection. */
void bgp_session_accept(struct bgp_session *s, int fd_take)
{
    struct bgp_link *l = bgp_link_new(s, fd_take, BGP_CONN_IN);
    struct bgp_error why;

    if (tcp_set_ttl(fd_take, s->options.ttl, s->options.min_ttl) < 0) {
        bgp_link_drop(l);
        return;
    }
    bgp_fsm_make_room(s->machine, mono_now());
    bgp_session_run(s);
    if (bgp_fsm_accepted(s->machine, mono_now(), &why))
        bgp_link_attach(s, l);
    else
        session_refuse(l, &why);
    bgp_session_act(s);
}

/* --- life --- */

static const char *why_unreachable(const struct bgp_session *s)
{
    if (s->options.refused != NULL)
        return "it cannot run on this node";
    if (s->blocked != NULL)
        return s->blocked;
    if (s->address.family == IP_NONE)
        return "no router advertisement of the peer yet";
    return NULL;
}

/* Of a dial we know more than the machine, which has seen the error's number alone; but a refused
 * one tells less than what the protocol said before. */
const char *bgp_session_error(const struct bgp_session *s)
{
    if (s->options.refused != NULL)
        return s->options.refused;
    if (s->dial_error != NULL && !s->up && !bgp_fsm_has_verdict(s->machine))
        return s->dial_error;
    return bgp_fsm_last_error(s->machine);
}

void bgp_session_check_reachable(struct bgp_session *s)
{
    const char *why = why_unreachable(s);

    if (why != NULL)
        forget_dial_error(s);
    bgp_fsm_reachable(s->machine, mono_now(), why == NULL, why);
    bgp_session_act(s);
}

void bgp_session_reset(struct bgp_session *s, const struct bgp_error *why)
{
    s->resetting = true;
    bgp_fsm_reset(s->machine, mono_now(), why);
}

void bgp_session_stop(struct bgp_session *s, const struct bgp_error *why)
{
    bgp_fsm_stop(s->machine, mono_now(), why);
    bgp_session_act(s);
}

/* A peer that is configured long after the start has nothing of before. */
static bool is_restarting(const struct bgp *b, const struct bgp_fsm_options *o, struct mono now)
{
    return b->options.restarted && mono_sub(now, b->started) < o->restart_s * NS_PER_SEC;
}

struct bgp_session *bgp_session_new(struct bgp *b, uint32_t id, const struct bgp_peer_options *o)
{
    struct bgp_session *s = xcalloc(1, sizeof(*s));
    struct mono now = mono_now();

    s->engine = b;
    s->id = id;
    b->ids[id] = true;
    bgp_peer_options_copy(&s->options, o);
    s->address = o->key.address;
    s->machine = bgp_fsm_new(&o->fsm, random_next(&b->random), is_restarting(b, &o->fsm, now), now);
    evtimer_assign(&s->timer, b->options.base, on_timer, s);
    return s;
}

struct bgp_session *bgp_session_free(struct bgp_session *s)
{
    if (s == NULL)
        return NULL;
    for (int c = 0; c < BGP_CONNS; c++)
        if (s->link[c] != NULL)
            bgp_link_drop(s->link[c]);
    event_del(&s->timer);
    bgp_listener_forget(s);
    bgp_rib_peer_forget(s->engine->rib, s->id);
    s->engine->ids[s->id] = false;
    bgp_fsm_free(s->machine);
    bgp_peer_options_done(&s->options);
    free(s->dial_error);
    free(s);
    return NULL;
}
