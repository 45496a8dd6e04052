/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two machines joined by a simulated network that delays, refuses, swallows and resets, from many
 * seeds. However bad it was: when it is well again, both come to Established on the same connection
 * and stay there. What must hold at any time is checked at every step.
 */
#include "bgp/bgp_fsm.h"

#include "base/random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDES = 2, NO_LINK = -1, LINKS_MAX = 4096, PACKETS_MAX = 256, SEEDS = 1000 };

enum packet_kind { SYN, SYN_ACK, DATA, FIN, RST };

struct packet {
    enum packet_kind kind;
    int link, to;
    struct mono at;
    size_t len;
    uint8_t bytes[320];
};

/* A TCP connection. What a direction carries stays in order. */
struct link {
    int dialer;
    bool dead; /* swallows everything */
    struct mono last[SIDES];
};

struct side {
    struct bgp_fsm *fsm;
    struct bgp_fsm_options options;
    int link[BGP_CONNS];
    bool connected; /* the dialled one */
    bool listens, up;
    enum bgp_conn up_conn;
    unsigned ups, downs;
    struct mono heard; /* since it is up, or the last message */
};

struct world {
    uint64_t seed, random, chance; /* `chance` of 1000: how often the network misbehaves */
    struct mono now;
    struct side sides[SIDES];
    struct link links[LINKS_MAX];
    int link_count;
    struct packet packets[PACKETS_MAX];
    size_t packet_count;
};

static void require(const struct world *w, bool holds, const char *what)
{
    if (!holds)
        fail_msg("seed %u, at %.3f s: %s", (unsigned)w->seed, (double)w->now.ns / 1e9, what);
}

static uint64_t pick(struct world *w, uint64_t n)
{
    return random_below(&w->random, n);
}

static bool mischief(struct world *w)
{
    return pick(w, 1000) < w->chance;
}

/* --- network --- */

static struct packet *post(struct world *w, enum packet_kind kind, int link, int to)
{
    struct link *l = &w->links[link];
    int64_t delay = (int64_t)(1 + pick(w, w->chance > 0 && mischief(w) ? 3000 : 80)) * NS_PER_MS;
    struct packet *p;

    require(w, w->packet_count < PACKETS_MAX, "the network is full");
    p = &w->packets[w->packet_count++];
    *p = (struct packet){.kind = kind, .link = link, .to = to, .at = mono_add(w->now, delay)};
    if (mono_before(p->at, l->last[to]))
        p->at = l->last[to];
    p->at.ns++; /* no two at the same time */
    l->last[to] = p->at;
    return p;
}

static void post_bytes(struct world *w, int link, int to, const uint8_t *bytes, size_t len)
{
    struct packet *p = post(w, DATA, link, to);

    require(w, len <= sizeof(p->bytes), "a message of a small kind");
    memcpy(p->bytes, bytes, len);
    p->len = len;
}

static void dial(struct world *w, int me)
{
    struct side *s = &w->sides[me];
    int link;

    require(w, s->link[BGP_CONN_OUT] == NO_LINK, "one dial at a time");
    require(w, w->link_count < LINKS_MAX, "too many connections");
    link = w->link_count++;
    w->links[link] = (struct link){.dialer = me, .dead = mischief(w)};
    s->link[BGP_CONN_OUT] = link;
    s->connected = false;
    if (!w->sides[!me].listens || mischief(w))
        post(w, RST, link, me);
    else
        post(w, SYN, link, !me);
}

static void close_conn(struct world *w, int me, enum bgp_conn c)
{
    struct side *s = &w->sides[me];

    require(w, s->link[c] != NO_LINK, "what is closed was open");
    if (c == BGP_CONN_IN || s->connected) /* else its SYN may still arrive */
        post(w, FIN, s->link[c], !me);
    s->link[c] = NO_LINK;
}

static void act(struct world *w, int me, const struct bgp_action *a)
{
    struct side *s = &w->sides[me];

    switch (a->kind) {
    case BGP_DO_DIAL:
        dial(w, me);
        return;
    case BGP_DO_SEND:
        require(w, s->link[a->conn] != NO_LINK, "sent on what is open");
        require(w, a->conn == BGP_CONN_IN || s->connected, "sent on what is connected");
        post_bytes(w, s->link[a->conn], !me, a->bytes, a->len);
        bgp_fsm_sent(s->fsm, w->now, a->conn, false);
        return;
    case BGP_DO_CLOSE:
        close_conn(w, me, a->conn);
        return;
    case BGP_DO_UP:
        require(w, !s->up && s->link[a->conn] != NO_LINK, "up once, on what is open");
        s->up = true;
        s->up_conn = a->conn;
        s->ups++;
        s->heard = w->now;
        return;
    case BGP_DO_DOWN:
        require(w, s->up && s->up_conn == a->conn, "down after up");
        s->up = false;
        s->downs++;
        return;
    case BGP_DO_REFRESH:
        require(w, s->up, "refreshes what is up");
        return;
    case BGP_TELL_STATE:
    case BGP_TELL_SENT:
    case BGP_TELL_RECEIVED:
        return;
    }
}

static void drain(struct world *w, int me)
{
    struct bgp_action a;

    while (bgp_fsm_next(w->sides[me].fsm, &a))
        act(w, me, &a);
}

static bool find_conn(const struct side *s, int link, enum bgp_conn *ret)
{
    for (unsigned c = 0; c < BGP_CONNS; c++) {
        if (s->link[c] == link) {
            *ret = (enum bgp_conn)c;
            return true;
        }
    }
    return false;
}

static void refuse(struct world *w, int link, int to, const struct bgp_error *e)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct wr out = wr_to(bytes, sizeof(bytes));

    bgp_notification_write(&out, e);
    post_bytes(w, link, to, bytes, out.len);
    post(w, FIN, link, to);
}

static void on_syn(struct world *w, int me, int link)
{
    struct side *s = &w->sides[me];
    struct bgp_error e;

    post(w, SYN_ACK, link, !me);
    bgp_fsm_make_room(s->fsm, w->now);
    drain(w, me);
    if (!bgp_fsm_accepted(s->fsm, w->now, &e)) {
        refuse(w, link, !me, &e);
        return;
    }
    require(w, s->link[BGP_CONN_IN] == NO_LINK, "there was room");
    s->link[BGP_CONN_IN] = link;
}

static void on_data(struct world *w, int me, enum bgp_conn c, const struct packet *p)
{
    struct side *s = &w->sides[me];
    struct bgp_header h;
    struct bgp_error e;

    require(w, bgp_header_read(&h, p->bytes, bgp_fsm_extended(s->fsm, c), &e), "a good header");
    if (s->up && s->up_conn == c)
        s->heard = w->now;
    bgp_fsm_message(s->fsm, w->now, c, h.type, p->bytes + BGP_HEADER_LEN, p->len - BGP_HEADER_LEN);
}

static void on_end(struct world *w, int me, enum bgp_conn c, int error)
{
    w->sides[me].link[c] = NO_LINK;
    bgp_fsm_lost(w->sides[me].fsm, w->now, c, error);
}

static void deliver(struct world *w, const struct packet *p)
{
    struct side *s = &w->sides[p->to];
    enum bgp_conn c = BGP_CONN_OUT;
    bool ours = find_conn(s, p->link, &c);

    if (w->links[p->link].dead)
        return;
    switch (p->kind) {
    case SYN:
        on_syn(w, p->to, p->link);
        break;
    case SYN_ACK:
        if (ours) {
            s->connected = true;
            bgp_fsm_connected(s->fsm, w->now);
        } else {
            post(w, RST, p->link, !p->to);
        }
        break;
    case DATA:
        if (ours)
            on_data(w, p->to, c, p);
        else
            post(w, RST, p->link, !p->to);
        break;
    case FIN:
    case RST:
        if (ours)
            on_end(w, p->to, c, p->kind == RST ? (s->connected ? ECONNRESET : ECONNREFUSED) : 0);
        break;
    }
    drain(w, p->to);
}

/* --- time --- */

static void check_side(const struct world *w, int me)
{
    const struct side *s = &w->sides[me];
    const struct bgp_agreement *a = bgp_fsm_agreement(s->fsm);
    bool up = bgp_fsm_state(s->fsm) == BGP_STATE_ESTABLISHED;
    struct mono t = bgp_fsm_deadline(s->fsm);

    require(w, s->up == up && (a != NULL) == up, "up means Established");
    require(w, s->ups == s->downs + (s->up ? 1 : 0), "each up has its down");
    require(w, !mono_is_set(t) || !mono_before(t, w->now), "deadlines lie ahead");
    if (up)
        require(w, mono_sub(w->now, s->heard) <= (a->hold_s + 1) * NS_PER_SEC, "hold time");
}

static void tick(struct world *w, int me)
{
    struct mono t;

    bgp_fsm_tick(w->sides[me].fsm, w->now);
    drain(w, me);
    t = bgp_fsm_deadline(w->sides[me].fsm);
    require(w, !mono_is_set(t) || mono_before(w->now, t), "deadlines lie ahead of a tick");
}

static size_t first_packet(const struct world *w)
{
    size_t first = 0;

    for (size_t i = 1; i < w->packet_count; i++) {
        if (mono_before(w->packets[i].at, w->packets[first].at))
            first = i;
    }
    return first;
}

static void step(struct world *w, struct mono end)
{
    struct mono t = end;
    size_t first = first_packet(w);
    struct packet p;

    for (int i = 0; i < SIDES; i++)
        t = mono_earlier(t, bgp_fsm_deadline(w->sides[i].fsm));
    if (w->packet_count > 0 && !mono_before(t, w->packets[first].at)) {
        p = w->packets[first];
        w->packets[first] = w->packets[--w->packet_count];
        w->now = p.at;
        deliver(w, &p);
        return;
    }
    w->now = t;
    for (int i = 0; i < SIDES; i++)
        tick(w, i);
}

static void run(struct world *w, int64_t seconds)
{
    struct mono end = mono_add(w->now, seconds * NS_PER_SEC);

    while (mono_before(w->now, end)) {
        step(w, end);
        for (int i = 0; i < SIDES; i++)
            check_side(w, i);
    }
}

/* --- what goes wrong --- */

/* A new process on that side. Its connections are reset, or the peer hears nothing of it. */
static void restart(struct world *w, int me)
{
    struct side *s = &w->sides[me];

    for (unsigned c = 0; c < BGP_CONNS; c++) {
        if (s->link[c] != NO_LINK && pick(w, 2) == 0)
            post(w, RST, s->link[c], !me);
        else if (s->link[c] != NO_LINK)
            w->links[s->link[c]].dead = true;
        s->link[c] = NO_LINK;
    }
    bgp_fsm_free(s->fsm);
    s->fsm = bgp_fsm_new(&s->options, w->random, true, w->now);
    s->up = false;
    s->downs = s->ups;
    bgp_fsm_start(s->fsm, w->now);
    drain(w, me);
}

static void break_link(struct world *w)
{
    int me = (int)pick(w, SIDES), link = w->sides[me].link[pick(w, BGP_CONNS)];

    if (link == NO_LINK)
        return;
    if (pick(w, 2) == 0) {
        w->links[link].dead = true;
        return;
    }
    post(w, RST, link, 0);
    post(w, RST, link, 1);
}

static void complain(struct world *w)
{
    int me = (int)pick(w, SIDES);
    struct bgp_error e = bgp_error_cease(BGP_CEASE_RESET, "", false);

    bgp_fsm_reset(w->sides[me].fsm, w->now, &e);
    drain(w, me);
}

static void vanish(struct world *w)
{
    int me = (int)pick(w, SIDES);

    bgp_fsm_reachable(w->sides[me].fsm, w->now, false, "gone");
    drain(w, me);
    run(w, (int64_t)pick(w, 10));
    bgp_fsm_reachable(w->sides[me].fsm, w->now, true, "");
    drain(w, me);
}

static void disturb(struct world *w)
{
    switch (pick(w, 5)) {
    case 0:
        restart(w, (int)pick(w, SIDES));
        return;
    case 1:
        complain(w);
        return;
    case 2:
        vanish(w);
        return;
    default:
        break_link(w);
        return;
    }
}

/* --- worlds --- */

static struct bgp_fsm_options options_of(struct world *w, int me)
{
    uint16_t hold = pick(w, 2) == 0 ? 9 : 90;
    struct bgp_fsm_options o = {
        .my_as = 65001 + (uint32_t)me,
        .local_as = 65001 + (uint32_t)me,
        .peer_as = pick(w, 2) == 0 ? BGP_AS_IS : BGP_AS_EXTERNAL,
        .asn = 65002 - (uint32_t)me,
        .id = 1 + (uint32_t)pick(w, 3),
        .hold_s = hold,
        .keepalive_s = hold / 3,
        .connect_s = pick(w, 3) == 0 ? 10 : 0,
        .family = {true, pick(w, 2) == 0},
        .graceful = pick(w, 2) == 0,
        .restart_s = 120,
        .forwarding = true,
        .dials = true,
    };

    return o;
}

/* Both dial, or one of them; who does not dial listens. */
static struct world *world_new(uint64_t seed, uint64_t chance, bool both)
{
    struct world *w = calloc(1, sizeof(*w));
    uint64_t kind;

    assert_non_null(w);
    w->seed = w->random = seed;
    w->chance = chance;
    w->now = (struct mono){NS_PER_SEC};
    kind = both ? 0 : pick(w, 3);
    for (int i = 0; i < SIDES; i++) {
        struct side *s = &w->sides[i];

        s->options = options_of(w, i);
        s->options.dials = kind == 0 || kind == 1 + (unsigned)i;
        s->listens = kind == 0 || !s->options.dials;
        s->link[BGP_CONN_OUT] = s->link[BGP_CONN_IN] = NO_LINK;
        s->fsm = bgp_fsm_new(&s->options, random_next(&w->random), false, w->now);
    }
    return w;
}

static void start(struct world *w)
{
    for (int i = 0; i < SIDES; i++) {
        bgp_fsm_start(w->sides[i].fsm, w->now);
        drain(w, i);
        w->now = mono_add(w->now, (int64_t)pick(w, 200) * NS_PER_MS);
    }
}

static void world_free(struct world *w)
{
    for (int i = 0; i < SIDES; i++)
        bgp_fsm_free(w->sides[i].fsm);
    free(w);
}

static void check_joined(const struct world *w)
{
    const struct side *a = &w->sides[0], *b = &w->sides[1];
    const struct bgp_agreement *x = bgp_fsm_agreement(a->fsm), *y = bgp_fsm_agreement(b->fsm);

    require(w, a->up && b->up, "both Established");
    require(w, a->link[a->up_conn] == b->link[b->up_conn], "on the same connection");
    require(w, a->link[!a->up_conn] == NO_LINK && b->link[!b->up_conn] == NO_LINK,
            "only one connection is left");
    require(w, x->hold_s == y->hold_s && x->family[BGP_IPV6] == y->family[BGP_IPV6],
            "they agree on the same");
}

/* Without mischief: at once, at the first attempt, whoever dials. */
static void test_both_dial(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed, 0, true);

        start(w);
        run(w, 10);
        check_joined(w);
        run(w, 600);
        check_joined(w);
        for (int i = 0; i < SIDES; i++)
            require(w, w->sides[i].ups == 1, "no session was given up for a collision");
        world_free(w);
    }
}

static void test_mischief(void **state)
{
    unsigned ups[SIDES];

    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed, 100, false);

        start(w);
        for (int i = 0; i < 20; i++) {
            run(w, 1 + (int64_t)pick(w, 60));
            disturb(w);
        }
        w->chance = 0;
        run(w, 600);
        check_joined(w);
        ups[0] = w->sides[0].ups;
        ups[1] = w->sides[1].ups;
        run(w, 1200);
        check_joined(w);
        require(w, ups[0] == w->sides[0].ups && ups[1] == w->sides[1].ups, "they stay");
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_dial),
        cmocka_unit_test(test_mischief),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
