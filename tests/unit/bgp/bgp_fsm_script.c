/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp_fsm_script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bgp_fsm_options script_options(void)
{
    return (struct bgp_fsm_options){
        .my_as = 65001,
        .local_as = 65001,
        .peer_as = BGP_AS_IS,
        .asn = 65002,
        .id = 0xc0000202,
        .hold_s = 90,
        .keepalive_s = 30,
        .family = {[BGP_IPV4] = true},
        .restart_s = 120,
        .forwarding = true,
        .dials = true,
    };
}

struct bgp_open script_peer(void)
{
    return (struct bgp_open){
        .asn = 65002,
        .hold_s = 180,
        .id = 0xc0000201,
        .caps = {.family = {true, true},
                 .refresh = true,
                 .as4 = true,
                 .asn = 65002,
                 .graceful = true,
                 .restart_s = 120,
                 .multiprotocol = true},
    };
}

/* --- what it does --- */

static void note(struct script *s, const char *prefix, const char *word)
{
    text_printf(&s->trace, "%s%s%s", s->trace.len > 0 ? " " : "", prefix, word);
}

static void note_sent(struct script *s, const char *prefix, const struct bgp_action *a)
{
    struct bgp_error e = {0};
    struct bgp_header h;
    char word[16];

    if (!bgp_header_read(&h, a->bytes, false, &e) || h.len != a->len)
        abort();
    switch (h.type) {
    case BGP_OPEN:
        if (!bgp_open_read(&s->sent_open, a->bytes + BGP_HEADER_LEN, a->len - BGP_HEADER_LEN, &e))
            abort();
        note(s, prefix, "open");
        return;
    case BGP_KEEPALIVE:
        note(s, prefix, "keepalive");
        return;
    case BGP_NOTIFICATION:
        bgp_notification_read(&s->sent_error, a->bytes + BGP_HEADER_LEN, a->len - BGP_HEADER_LEN);
        snprintf(word, sizeof(word), "%u/%u", s->sent_error.code, s->sent_error.subcode);
        note(s, prefix, word);
        return;
    case BGP_UPDATE:
    case BGP_ROUTE_REFRESH:
        abort();
    }
}

static void note_action(struct script *s, const struct bgp_action *a)
{
    const char *prefix = a->conn == BGP_CONN_OUT ? "out:" : "in:";

    switch (a->kind) {
    case BGP_DO_DIAL:
        note(s, "", "dial");
        return;
    case BGP_DO_SEND:
        note_sent(s, prefix, a);
        return;
    case BGP_DO_CLOSE:
        note(s, prefix, "close");
        return;
    case BGP_DO_UP:
        note(s, prefix, "up");
        return;
    case BGP_DO_DOWN:
        note(s, prefix, "down");
        return;
    case BGP_DO_REFRESH:
        text_printf(&s->trace, "%srefresh-%s%s", s->trace.len > 0 ? " " : "",
                    bgp_family_name(a->family), a->enhanced ? "+" : "");
        return;
    case BGP_TELL_STATE:
        note(s, "", bgp_state_name(bgp_fsm_state(s->fsm)));
        return;
    case BGP_TELL_SENT:
    case BGP_TELL_RECEIVED:
        return;
    }
}

static void drain(struct script *s)
{
    struct bgp_action a;

    while (bgp_fsm_next(s->fsm, &a))
        note_action(s, &a);
}

/* --- words --- */

static void start(struct script *s)
{
    bgp_fsm_start(s->fsm, s->now);
}

static void stop(struct script *s)
{
    struct bgp_error e = bgp_error_cease(BGP_CEASE_DECONFIGURED, "", false);

    bgp_fsm_stop(s->fsm, s->now, &e);
}

static void silence(struct script *s)
{
    bgp_fsm_stop(s->fsm, s->now, NULL);
}

static void reset(struct script *s)
{
    struct bgp_error e = bgp_error_cease(BGP_CEASE_CHANGED, "", false);

    bgp_fsm_reset(s->fsm, s->now, &e);
}

static void connected(struct script *s)
{
    bgp_fsm_connected(s->fsm, s->now);
}

static void accept_it(struct script *s)
{
    bgp_fsm_make_room(s->fsm, s->now);
    drain(s);
    s->refused = !bgp_fsm_accepted(s->fsm, s->now, &s->refusal);
    if (s->refused)
        text_printf(&s->trace, "%srefused-%u/%u", s->trace.len > 0 ? " " : "", s->refusal.code,
                    s->refusal.subcode);
}

static void unreachable(struct script *s)
{
    bgp_fsm_reachable(s->fsm, s->now, false, "interface eth1 is down");
}

static void reachable(struct script *s)
{
    bgp_fsm_reachable(s->fsm, s->now, true, "");
}

static void bfd_up(struct script *s)
{
    bgp_fsm_bfd(s->fsm, s->now, true);
}

static void bfd_down(struct script *s)
{
    bgp_fsm_bfd(s->fsm, s->now, false);
}

static void tick(struct script *s)
{
    bgp_fsm_tick(s->fsm, s->now);
}

static const struct {
    const char *word;
    void (*run)(struct script *s);
} plain[] = {
    {"start", start},
    {"stop", stop},
    {"silence", silence},
    {"reset", reset},
    {"connected", connected},
    {"accept", accept_it},
    {"unreachable", unreachable},
    {"reachable", reachable},
    {"bfd-up", bfd_up},
    {"bfd-down", bfd_down},
    {"tick", tick},
};

static void hand_in(struct script *s, enum bgp_conn c, struct wr *w)
{
    bgp_fsm_message(s->fsm, s->now, c, w->start[18], w->start + BGP_HEADER_LEN,
                    w->len - BGP_HEADER_LEN);
}

static void hand_in_error(struct script *s, enum bgp_conn c, const struct bgp_error *e)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    bgp_notification_write(&w, e);
    hand_in(s, c, &w);
}

static void hear_open(struct script *s, enum bgp_conn c)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    bgp_open_write(&w, &s->peer);
    hand_in(s, c, &w);
}

static void hear_bad_open(struct script *s, enum bgp_conn c)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    bgp_open_write(&w, &s->peer);
    bytes[BGP_HEADER_LEN] = 3;
    hand_in(s, c, &w);
}

static void hear_keepalive(struct script *s, enum bgp_conn c)
{
    bgp_fsm_message(s->fsm, s->now, c, BGP_KEEPALIVE, NULL, 0);
}

/* 198.18.0.0/24 by way of 65002. */
static void hear_update(struct script *s, enum bgp_conn c)
{
    static const uint8_t body[] = {0, 0,    0,    20,   0x40, 1, 1,   0, 0x40, 2, 6,  2,   1,  0,
                                   0, 0xfd, 0xea, 0x40, 3,    4, 192, 0, 2,    1, 24, 198, 18, 0};

    bgp_fsm_message(s->fsm, s->now, c, BGP_UPDATE, body, sizeof(body));
}

/* More withdrawn bytes than there are. */
static void hear_bad_update(struct script *s, enum bgp_conn c)
{
    static const uint8_t body[] = {0, 99, 0, 0};

    bgp_fsm_message(s->fsm, s->now, c, BGP_UPDATE, body, sizeof(body));
}

static void hear_refresh(struct script *s, enum bgp_conn c)
{
    static const uint8_t body[] = {0, 1, 0, 1};

    bgp_fsm_message(s->fsm, s->now, c, BGP_ROUTE_REFRESH, body, sizeof(body));
}

/* Of a family that was not agreed. */
static void hear_other_refresh(struct script *s, enum bgp_conn c)
{
    static const uint8_t body[] = {0, 2, 0, 1};

    bgp_fsm_message(s->fsm, s->now, c, BGP_ROUTE_REFRESH, body, sizeof(body));
}

static void hear_cease(struct script *s, enum bgp_conn c)
{
    struct bgp_error e = bgp_error_cease(BGP_CEASE_SHUTDOWN, "maintenance", false);

    hand_in_error(s, c, &e);
}

static void hear_collision(struct script *s, enum bgp_conn c)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_CEASE, BGP_CEASE_COLLISION);

    hand_in_error(s, c, &e);
}

static void hear_bad_header(struct script *s, enum bgp_conn c)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_HEADER, 1);

    bgp_fsm_bad_header(s->fsm, s->now, c, &e);
}

static void lose(struct script *s, enum bgp_conn c)
{
    bgp_fsm_lost(s->fsm, s->now, c, 0);
}

static void lose_by_reset(struct script *s, enum bgp_conn c)
{
    bgp_fsm_lost(s->fsm, s->now, c, ECONNRESET);
}

static void lose_refused(struct script *s, enum bgp_conn c)
{
    bgp_fsm_lost(s->fsm, s->now, c, ECONNREFUSED);
}

static void take_all(struct script *s, enum bgp_conn c)
{
    bgp_fsm_sent(s->fsm, s->now, c, false);
}

static void take_some(struct script *s, enum bgp_conn c)
{
    bgp_fsm_sent(s->fsm, s->now, c, true);
}

static const struct {
    const char *word;
    void (*run)(struct script *s, enum bgp_conn c);
} of_a_conn[] = {
    {"open", hear_open},
    {"bad-open", hear_bad_open},
    {"keepalive", hear_keepalive},
    {"update", hear_update},
    {"bad-update", hear_bad_update},
    {"refresh", hear_refresh},
    {"other-refresh", hear_other_refresh},
    {"cease", hear_cease},
    {"collided", hear_collision},
    {"bad-header", hear_bad_header},
    {"eof", lose},
    {"reset-by-peer", lose_by_reset},
    {"refused", lose_refused},
    {"took-all", take_all},
    {"took-some", take_some},
};

static void wait_for(struct script *s, int64_t ns)
{
    struct mono end = mono_add(s->now, ns), t;

    for (t = bgp_fsm_deadline(s->fsm); mono_is_set(t) && !mono_before(end, t);
         t = bgp_fsm_deadline(s->fsm)) {
        if (!mono_before(s->now, t))
            abort(); /* a deadline has to be ahead of the tick before */
        s->now = t;
        bgp_fsm_tick(s->fsm, s->now);
        drain(s);
    }
    s->now = end;
}

static void run_conn_word(struct script *s, const char *word)
{
    enum bgp_conn c = word[0] == 'o' ? BGP_CONN_OUT : BGP_CONN_IN;
    const char *rest = strchr(word, ':') + 1;

    for (size_t i = 0; i < ARRAY_SIZE(of_a_conn); i++) {
        if (str_eq(rest, of_a_conn[i].word)) {
            of_a_conn[i].run(s, c);
            return;
        }
    }
    abort();
}

static void run_word(struct script *s, const char *word)
{
    const char *number = strchr(word, '=');

    if (number != NULL) {
        int64_t ns = (int64_t)(strtod(number + 1, NULL) * (double)NS_PER_SEC);

        if (word[0] == 's')
            s->now = mono_add(s->now, ns);
        else
            wait_for(s, ns);
        return;
    }
    if (strchr(word, ':') != NULL) {
        run_conn_word(s, word);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
        if (str_eq(word, plain[i].word)) {
            plain[i].run(s);
            return;
        }
    }
    abort();
}

void script_begin(struct script *s, const struct bgp_fsm_options *o, bool restarted)
{
    *s = (struct script){.now = {1000 * NS_PER_SEC}, .peer = script_peer()};
    s->fsm = bgp_fsm_new(o, 7, restarted, s->now);
}

void script_end(struct script *s)
{
    bgp_fsm_free(s->fsm);
    text_done(&s->trace);
}

void script_run(struct script *s, const char *words)
{
    char word[32];

    text_done(&s->trace);
    while (*words != '\0') {
        size_t len = strcspn(words, " ");

        snprintf(word, sizeof(word), "%.*s", (int)len, words);
        run_word(s, word);
        drain(s);
        words += len;
        words += strspn(words, " ");
    }
}
