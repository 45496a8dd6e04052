/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a peer's options, then a script of events for one machine: what TCP does, messages of the
 * peer, some of them with changed bytes, wishes of its owner, and time that passes. The invariants
 * stand in act() and check().
 */
#include "bgp/bgp_fsm.h"

#include "base/text.h"
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 300, MESSAGE_MAX = 512 };

struct script {
    struct rd in;
    struct bgp_fsm *fsm;
    struct bgp_fsm_options options;
    struct mono now;
    bool open[BGP_CONNS]; /* connected, or being dialled */
    bool dialing, up, started, reachable;
    enum bgp_conn up_conn;
    struct mono heard;   /* on the session */
    unsigned ups, downs; /* as told by actions */
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool is_active(const struct script *s)
{
    return s->started && s->reachable;
}

/* --- what it does --- */

static void check_bytes(const struct script *s, const struct bgp_action *a)
{
    struct bgp_header h;
    struct bgp_error e;
    struct bgp_open open;

    require(a->len >= BGP_HEADER_LEN && bgp_header_read(&h, a->bytes, false, &e));
    require(h.len == a->len);
    require(h.type == BGP_OPEN || h.type == BGP_KEEPALIVE || h.type == BGP_NOTIFICATION);
    if (h.type != BGP_OPEN)
        return;
    require(bgp_open_read(&open, a->bytes + BGP_HEADER_LEN, a->len - BGP_HEADER_LEN, &e));
    require(open.asn == s->options.local_as && open.id == s->options.id);
}

static void act(struct script *s, const struct bgp_action *a)
{
    switch (a->kind) {
    case BGP_DO_DIAL:
        require(!s->open[BGP_CONN_OUT] && s->options.dials && is_active(s));
        s->open[BGP_CONN_OUT] = s->dialing = true;
        return;
    case BGP_DO_SEND:
        require(s->open[a->conn] && !(a->conn == BGP_CONN_OUT && s->dialing));
        check_bytes(s, a);
        return;
    case BGP_DO_CLOSE:
        require(s->open[a->conn] && !(s->up && s->up_conn == a->conn));
        s->open[a->conn] = false;
        return;
    case BGP_DO_UP:
        require(!s->up && s->open[a->conn]);
        s->up = true;
        s->up_conn = a->conn;
        s->heard = s->now;
        s->ups++;
        return;
    case BGP_DO_DOWN:
        require(s->up && s->up_conn == a->conn);
        s->up = false;
        s->downs++;
        return;
    case BGP_DO_REFRESH:
        require(s->up && s->up_conn == a->conn && bgp_fsm_agreement(s->fsm)->family[a->family]);
        return;
    case BGP_TELL_STATE:
        return;
    case BGP_TELL_SENT:
    case BGP_TELL_RECEIVED:
        require(a->error.data_len <= BGP_ERROR_DATA_MAX);
        return;
    }
}

static void check(struct script *s)
{
    const struct bgp_agreement *a = bgp_fsm_agreement(s->fsm);
    const struct bgp_fsm_counts *n = bgp_fsm_counts(s->fsm);
    enum bgp_state state = bgp_fsm_state(s->fsm);
    struct bgp_action action;

    while (bgp_fsm_next(s->fsm, &action))
        act(s, &action);
    require(s->up == (state == BGP_STATE_ESTABLISHED) && s->up == (a != NULL));
    require(n->established == s->ups && s->ups == s->downs + (s->up ? 1 : 0));
    require(n->prefixes_received >= 0);
    require(is_active(s) || (!s->open[BGP_CONN_OUT] && !s->open[BGP_CONN_IN]));
    require(is_active(s) || (state == BGP_STATE_IDLE && !mono_is_set(bgp_fsm_deadline(s->fsm))));
    /* Never idle for good. Who only listens may wait, and so may a session without hold time. */
    require(!is_active(s) || !s->options.dials || mono_is_set(bgp_fsm_deadline(s->fsm)) ||
            (s->up && a->hold_s == 0));
    if (s->up && a->hold_s != 0)
        require(mono_sub(s->now, s->heard) <= (a->hold_s + 1) * NS_PER_SEC);
}

static void pass_time(struct script *s, int64_t ns)
{
    struct mono end = mono_add(s->now, ns), t = bgp_fsm_deadline(s->fsm);

    while (mono_is_set(t) && !mono_before(end, t)) {
        require(mono_before(s->now, t));
        s->now = t;
        bgp_fsm_tick(s->fsm, s->now);
        check(s);
        t = bgp_fsm_deadline(s->fsm);
    }
    s->now = end;
}

/* --- messages --- */

static void write_open(struct script *s, struct wr *w)
{
    uint8_t flags = rd_u8(&s->in);
    struct bgp_open o = {
        .asn = (flags & 1) != 0 ? s->options.asn : s->options.my_as,
        .hold_s = (flags & 2) != 0 ? 90 : 3,
        .id = s->options.id - 1 + (flags >> 6),
        .caps = {.family = {(flags & 4) != 0, (flags & 8) != 0},
                 .multiprotocol = (flags & 12) != 0,
                 .refresh = true,
                 .enhanced_refresh = (flags & 16) != 0,
                 .as4 = true,
                 .graceful = (flags & 32) != 0,
                 .restart_s = 120},
    };

    o.id += o.id == 0 ? 1 : 0;
    o.caps.asn = o.asn;
    bgp_open_write(w, &o);
}

static void write_notification(struct script *s, struct wr *w)
{
    struct bgp_error e = bgp_error_of(rd_u8(&s->in), rd_u8(&s->in));

    e.data_len = rd_u8(&s->in) % 32;
    rd_copy(&s->in, e.data, e.data_len);
    bgp_notification_write(w, &e);
}

static void write_raw(struct script *s, struct wr *w, enum bgp_type type)
{
    uint8_t body[64];
    size_t len = rd_u8(&s->in) % sizeof(body);

    len = len < s->in.left ? len : s->in.left;
    rd_copy(&s->in, body, len);
    for (unsigned i = 0; i < 16; i++)
        wr_u8(w, 0xff);
    wr_u16(w, (uint16_t)(BGP_HEADER_LEN + len));
    wr_u8(w, (uint8_t)type);
    wr_bytes(w, body, len);
}

static void write_message(struct script *s, struct wr *w, uint8_t kind)
{
    switch (kind & 7) {
    case 0:
    case 1:
        write_open(s, w);
        return;
    case 2:
    case 3:
    case 4:
        bgp_keepalive_write(w);
        return;
    case 5:
        write_notification(s, w);
        return;
    case 6:
        write_raw(s, w, BGP_UPDATE);
        return;
    default:
        bgp_refresh_write(w, (kind & 8) != 0 ? BGP_IPV6 : BGP_IPV4, BGP_REFRESH_REQUEST);
        return;
    }
}

static void hear(struct script *s, enum bgp_conn c, uint8_t kind)
{
    uint8_t bytes[MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct bgp_header h;
    struct bgp_error e;

    if (!s->open[c] || (c == BGP_CONN_OUT && s->dialing))
        return;
    write_message(s, &w, kind);
    if ((kind & 16) != 0)
        bytes[rd_u8(&s->in) % w.len] ^= rd_u8(&s->in);
    if (!bgp_header_read(&h, bytes, bgp_fsm_extended(s->fsm, c), &e)) {
        bgp_fsm_bad_header(s->fsm, s->now, c, &e);
        return;
    }
    if (h.len > w.len)
        return; /* the rest never comes */
    if (s->up && s->up_conn == c)
        s->heard = s->now;
    bgp_fsm_message(s->fsm, s->now, c, h.type, bytes + BGP_HEADER_LEN, h.len - BGP_HEADER_LEN);
}

/* --- events --- */

static void on_tcp(struct script *s, enum bgp_conn c, uint8_t kind)
{
    struct bgp_error e;

    if ((kind & 3) == 0 && c == BGP_CONN_OUT && s->dialing) {
        s->dialing = false;
        bgp_fsm_connected(s->fsm, s->now);
    } else if ((kind & 3) == 0 && c == BGP_CONN_IN) {
        bgp_fsm_make_room(s->fsm, s->now);
        check(s);
        if (bgp_fsm_accepted(s->fsm, s->now, &e)) {
            require(!s->open[c]);
            s->open[c] = true;
        }
    } else if ((kind & 3) == 1 && s->open[c]) {
        s->open[c] = false;
        bgp_fsm_lost(s->fsm, s->now, c, (kind & 4) != 0 ? ECONNRESET : 0);
    } else if ((kind & 2) != 0 && s->open[c]) {
        bgp_fsm_sent(s->fsm, s->now, c, (kind & 4) != 0);
    }
}

static void change(struct script *s, uint8_t kind)
{
    struct bgp_fsm_options o = s->options;
    struct bgp_error e = bgp_error_of(BGP_ERR_CEASE, BGP_CEASE_CHANGED);

    o.dials = (kind & 1) != 0;
    o.connect_s = (kind & 2) != 0 ? 30 : 0;
    o.family[BGP_IPV6] = (kind & 4) != 0;
    o.asn += kind >> 3 & 1;
    s->options = o;
    if (bgp_fsm_needs_reset(s->fsm, &o)) {
        bgp_fsm_change(s->fsm, s->now, &o);
        check(s);
        bgp_fsm_reset(s->fsm, s->now, &e);
    } else {
        bgp_fsm_change(s->fsm, s->now, &o);
    }
}

static void wish(struct script *s, uint8_t kind)
{
    struct bgp_error e = bgp_error_cease(BGP_CEASE_SHUTDOWN, "fuzz", (kind & 8) != 0);

    switch (kind & 7) {
    case 0:
        s->started = true;
        bgp_fsm_start(s->fsm, s->now);
        return;
    case 1:
        s->started = false;
        bgp_fsm_stop(s->fsm, s->now, (kind & 16) != 0 ? &e : NULL);
        return;
    case 2:
        bgp_fsm_reset(s->fsm, s->now, &e);
        return;
    case 3:
        s->reachable = (kind & 8) != 0;
        bgp_fsm_reachable(s->fsm, s->now, s->reachable, "fuzz");
        return;
    case 4:
    case 5:
        bgp_fsm_bfd(s->fsm, s->now, (kind & 1) != 0);
        return;
    default:
        change(s, rd_u8(&s->in));
        return;
    }
}

static void step(struct script *s)
{
    uint8_t op = rd_u8(&s->in), kind = op >> 3;

    switch (op & 7) {
    case 0:
        on_tcp(s, BGP_CONN_OUT, kind);
        return;
    case 1:
        on_tcp(s, BGP_CONN_IN, kind);
        return;
    case 2:
    case 3:
        hear(s, BGP_CONN_OUT, kind);
        return;
    case 4:
    case 5:
        hear(s, BGP_CONN_IN, kind);
        return;
    case 6:
        pass_time(s, (int64_t)kind * kind * 250 * NS_PER_MS);
        return;
    default:
        wish(s, kind);
        return;
    }
}

static struct bgp_fsm_options options_of(uint8_t flags)
{
    bool foreign = (flags & 2) == 0;

    return (struct bgp_fsm_options){
        .my_as = 65001,
        .local_as = 65001,
        .peer_as = (flags & 1) != 0 ? BGP_AS_IS
                   : foreign        ? BGP_AS_EXTERNAL
                                    : BGP_AS_INTERNAL,
        .asn = foreign ? 65002 : 65001,
        .id = 1 + (flags >> 6),
        .hold_s = (flags & 4) != 0 ? 0 : 90,
        .keepalive_s = (flags & 4) != 0 ? 0 : 30,
        .family = {true, (flags & 8) != 0},
        .v4_over_v6 = (flags & 8) != 0,
        .graceful = (flags & 16) != 0,
        .restart_s = 120,
        .dials = (flags & 32) != 0,
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct script s = {.in = rd_from(bytes, len), .now = {NS_PER_SEC}, .reachable = true};

    s.options = options_of(rd_u8(&s.in));
    s.fsm = bgp_fsm_new(&s.options, len, true, s.now);
    s.started = true;
    bgp_fsm_start(s.fsm, s.now);
    check(&s);
    for (int i = 0; i < STEPS && s.in.left > 0; i++) {
        step(&s);
        check(&s);
    }
    pass_time(&s, 1000 * NS_PER_SEC);
    bgp_fsm_free(s.fsm);
    return 0;
}
