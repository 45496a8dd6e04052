/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the RIB to the sockets. One event of the lowest priority serves all peers in turn, each with
 * a buffer at a time, as long as its socket takes it; a peer that does not read costs the one
 * buffer that it did not take. What changes meanwhile stays in the RIB, and only its last state is
 * sent.
 */
#include "bgp/bgp_int.h"

enum { MARK_MAX = 30 }; /* bytes: End-of-RIB, or a route refresh message */

void bgp_send_later(struct bgp *b)
{
    event_active(&b->flush, EV_TIMEOUT, 0);
}

static bool may_end_rib(const struct bgp_session *s)
{
    return s->engine->complete || !mono_is_set(s->complete_at);
}

/* Messages that go before the next routes. Returns their length; there is room. */
static size_t write_begins(struct bgp_session *s, uint8_t *bytes)
{
    struct wr w = wr_to(bytes, (size_t)BGP_FAMILIES * MARK_MAX);

    for (int f = 0; f < BGP_FAMILIES; f++) {
        struct bgp_marks *m = &s->marks[f];

        if (m->again)
            bgp_rib_peer_again(s->engine->rib, s->id, (enum bgp_family)f);
        m->again = false;
        /* RFC 7313 4: no BoRR before the End-of-RIB. */
        if (!m->refresh_begin || m->end_of_rib)
            continue;
        m->refresh_begin = false;
        m->refresh_end = true;
        bgp_refresh_write(&w, (enum bgp_family)f, BGP_REFRESH_BEGIN);
        s->refreshes_sent++;
        bgp_rib_peer_again(s->engine->rib, s->id, (enum bgp_family)f);
    }
    return w.len;
}

/* Messages that go when all routes are sent. */
static size_t write_ends(struct bgp_session *s, uint8_t *bytes)
{
    struct wr w = wr_to(bytes, (size_t)BGP_FAMILIES * 2 * MARK_MAX);

    for (int f = 0; f < BGP_FAMILIES; f++) {
        struct bgp_marks *m = &s->marks[f];
        uint8_t end[MARK_MAX];

        if (m->refresh_end) {
            m->refresh_end = false;
            bgp_refresh_write(&w, (enum bgp_family)f, BGP_REFRESH_END);
            s->refreshes_sent++;
        }
        if (m->end_of_rib && may_end_rib(s)) {
            m->end_of_rib = false;
            wr_bytes(&w, end, bgp_update_end_of_rib(end, (enum bgp_family)f));
            s->end_of_rib_sent++;
        }
    }
    return w.len;
}

static bool marks_pending(const struct bgp_session *s)
{
    for (int f = 0; f < BGP_FAMILIES; f++) {
        const struct bgp_marks *m = &s->marks[f];

        if (m->again || (m->end_of_rib ? may_end_rib(s) : m->refresh_begin || m->refresh_end))
            return true;
    }
    return false;
}

static bool is_pending(const struct bgp_session *s)
{
    return s->up && (marks_pending(s) || bgp_rib_peer_pending(s->engine->rib, s->id));
}

/* One buffer of messages; 0 when there is nothing to say. */
static size_t fill(struct bgp_session *s, uint8_t *bytes)
{
    bool extended = bgp_fsm_extended(s->machine, s->up_on);
    size_t max = extended ? BGP_EXTENDED_MAX : BGP_MESSAGE_MAX, len = write_begins(s, bytes);

    while (len < FILL_MIN) {
        size_t n = bgp_rib_peer_next(s->engine->rib, s->id, &s->path, bytes + len, max);

        if (n == 0)
            return len + write_ends(s, bytes + len);
        s->updates_sent++;
        len += n;
    }
    return len;
}

/* One buffer. Returns its length; 0 when there is nothing to send, or no room for it. */
static size_t send_some(struct bgp_session *s)
{
    struct bgp_link *l = s->link[s->up_on];
    size_t len;

    if (l == NULL || bgp_link_is_full(l) || !is_pending(s))
        return 0;
    len = fill(s, s->engine->out);
    if (len > 0)
        bgp_link_send_updates(l, s->engine->out, len);
    return len;
}

/*
 * A buffer for each in turn, until nobody has anything, or the budget is spent; then the loop sees
 * to other events first.
 */
static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    struct bgp *b = arg;
    const struct timeval next_round = {0};
    size_t budget = FLUSH_BUDGET, idle = 0;

    (void)fd;
    (void)what;
    while (idle < b->session_count) {
        struct bgp_session *s = b->sessions[b->flush_from++ % b->session_count];
        size_t len = s->up ? send_some(s) : 0;

        idle = len > 0 ? 0 : idle + 1;
        if (len == 0)
            continue;
        bgp_session_act(s);
        if (len >= budget) {
            event_add(&b->flush, &next_round); /* an active event would run in this one again */
            return;
        }
        budget -= len;
    }
}

void bgp_send_last(struct bgp_session *s)
{
    while (s->up && send_some(s) > 0)
        bgp_session_run(s);
}

/* Only noted: a peer that asks a thousand times at once costs one walk over the routes. */
void bgp_send_refresh(struct bgp_session *s, enum bgp_family f, bool enhanced)
{
    if (!s->up || !s->carries[f])
        return;
    if (enhanced) {
        s->marks[f].refresh_begin = true;
        s->marks[f].refresh_end = false; /* a request during the dump starts it anew */
    } else {
        s->marks[f].again = true;
    }
    bgp_send_later(s->engine);
}

void bgp_send_start(struct bgp_session *s)
{
    for (int f = 0; f < BGP_FAMILIES; f++)
        s->marks[f] = (struct bgp_marks){.end_of_rib = s->carries[f]};
    if (!s->engine->complete)
        s->complete_at = mono_add(mono_now(), COMPLETE_S * NS_PER_SEC);
    bgp_send_later(s->engine);
}

void bgp_send_init(struct bgp *b)
{
    event_assign(&b->flush, b->options.base, -1, 0, on_flush, b);
    event_priority_set(&b->flush, PRIORITY_WORK);
}
