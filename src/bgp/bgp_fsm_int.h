/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the machine share.
 *
 * bgp_fsm.c is its surface, bgp_fsm_conn.c how connections begin, meet and end, bgp_fsm_message.c
 * what they receive, bgp_fsm_timers.c the clock and the delays, bgp_fsm_action.c what goes out.
 */
#pragma once

#include "bgp/bgp_agree.h"

/* RFC 4271 8 and 10, RFC 9687, spec speaker-bgp 5.4. */
enum {
    BGP_OPEN_HOLD_S = 240,          /* before a hold time is agreed, or while it is 0 */
    BGP_SEND_HOLD_MIN_S = 480,      /* or twice the hold time, when that is more */
    BGP_RETRY_FIRST_S = 1,          /* ConnectRetry and the idle hold double from here ... */
    BGP_RETRY_MAX_S = 120,          /* ... to here */
    BGP_DIAL_MIN_S = 5,             /* for an answer: TCP repeats its SYN after 1 s and 3 s */
    BGP_STABLE_S = 60,              /* a session that lasted makes up for earlier failures */
    BGP_REFUSED_S = 120,            /* after a loss TCP failures do not lengthen the delays */
    BGP_COLLISION_S = 5,            /* connections this near may be a collision */
    BGP_OWN_MESSAGE_MAX = 29 + 255, /* our OPEN; a NOTIFICATION has at most 21 + 260 */
};

enum bgp_phase {
    BGP_PHASE_NONE,
    BGP_PHASE_DIALING,
    BGP_PHASE_OPEN_SENT,
    BGP_PHASE_OPEN_CONFIRM,
    BGP_PHASE_ESTABLISHED,
};

/* How a connection ended, for what comes next. */
enum bgp_ending {
    BGP_ENDED_BY_TCP,       /* lost, or a collision's loser */
    BGP_ENDED_BY_COMPLAINT, /* of ours or the peer's: damped */
};

/* What a last error comes from. */
enum bgp_why {
    BGP_WHY_OTHER,
    BGP_WHY_MESSAGE,   /* the protocol's: what the peer said, or what was wrong with it */
    BGP_WHY_AFTERMATH, /* reset, closed, refused: after a message's this tells nothing new */
};

struct bgp_half {
    enum bgp_phase phase;
    struct mono since;                      /* of the TCP connection */
    struct mono hold, keepalive, send_hold; /* when they expire */
    struct mono withheld;                   /* until when; set while our KEEPALIVE is held back */
    bool confirmed;                         /* the peer's KEEPALIVE came meanwhile */
    bool graceful;                          /* our OPEN listed the families in capability 64 */
    struct bgp_agreement agreed;            /* from OpenConfirm on */
};

struct bgp_item {
    struct bgp_action action;
    uint8_t bytes[BGP_OWN_MESSAGE_MAX];
};

struct bgp_fsm {
    struct bgp_fsm_options options;
    uint64_t random_state;

    bool started, reachable;
    struct bgp_half halves[BGP_CONNS];
    enum bgp_state state; /* as told; bgp_fsm_settle alone writes it */
    struct mono since;

    struct mono retry;            /* to dial; while we dial: to give that dial up */
    bool held_back;               /* `retry` is the end of the idle hold */
    bool refusing;                /* ... during which the peer's connections are refused */
    unsigned retry_s, idle_s;     /* the next delays, before jitter */
    struct mono established;      /* since when; of the last session when there is none */
    struct mono lenient_until;    /* BGP_REFUSED_S after a session */
    struct mono restarting_until; /* R is said up to then; never: no longer */

    struct bgp_fsm_counts counts;
    struct text last_error;
    enum bgp_why why; /* of last_error; a session makes an end of BGP_WHY_MESSAGE */

    struct bgp_item *items; /* owned; those from `next` to `count` wait */
    size_t next, count, cap;
    struct bgp_item current; /* what bgp_fsm_next gave out */
};

/* One of the connections has come so far. */
bool bgp_fsm_has(const struct bgp_fsm *f, enum bgp_phase at_least);

/* --- bgp_fsm_action.c --- */

struct bgp_action *bgp_fsm_act(struct bgp_fsm *f, enum bgp_action_kind kind, enum bgp_conn c);
void bgp_fsm_send_open(struct bgp_fsm *f, enum bgp_conn c, struct mono now);
void bgp_fsm_send_keepalive(struct bgp_fsm *f, enum bgp_conn c, struct mono now);
void bgp_fsm_send_error(struct bgp_fsm *f, enum bgp_conn c, const struct bgp_error *e);
void bgp_fsm_settle(struct bgp_fsm *f, struct mono now); /* the end of every event */

/* --- bgp_fsm_timers.c --- */

void bgp_fsm_calm(struct bgp_fsm *f);                  /* the delays begin anew */
void bgp_fsm_dial(struct bgp_fsm *f, struct mono now); /* if it may; else Active */
void bgp_fsm_wait(struct bgp_fsm *f, struct mono now); /* for ConnectRetry: Active */
/* The idle hold: Idle. Longer the next time, unless `lenient`. */
void bgp_fsm_hold_back(struct bgp_fsm *f, struct mono now, enum bgp_ending how, bool lenient);
void bgp_fsm_change_retry(struct bgp_fsm *f, struct mono now); /* another connect_s */
void bgp_fsm_start_hold(struct bgp_half *h, struct mono now);
void bgp_fsm_start_keepalive(struct bgp_fsm *f, struct bgp_half *h, struct mono now);
void bgp_fsm_start_send_hold(struct bgp_half *h, struct mono now);

/* --- bgp_fsm_conn.c --- */

/* Ends it: with a NOTIFICATION where there was an OPEN, or NULL: silently. What comes next is the
 * caller's. */
void bgp_fsm_hang_up(struct bgp_fsm *f, struct mono now, enum bgp_conn c,
                     const struct bgp_error *e);
/* What comes next: the connection had come to `from`. */
void bgp_fsm_after(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_phase from,
                   enum bgp_ending how);
/* Ends it because of a fault, and what comes next. `text` for people; NULL: the NOTIFICATION. */
void bgp_fsm_complain(struct bgp_fsm *f, struct mono now, enum bgp_conn c,
                      const struct bgp_error *e, const char *text);

void bgp_fsm_got_open(struct bgp_fsm *f, struct mono now, enum bgp_conn c,
                      const struct bgp_agreement *a);
void bgp_fsm_got_keepalive(struct bgp_fsm *f, struct mono now, enum bgp_conn c);
/* A collision that the peer does not end: this connection stays. */
void bgp_fsm_end_collision(struct bgp_fsm *f, struct mono now, enum bgp_conn c);

/* The last error, unless the other connection does better, or the one before says more. */
void bgp_fsm_set_error(struct bgp_fsm *f, enum bgp_conn c, enum bgp_why why, const char *text);
void bgp_fsm_set_said(struct bgp_fsm *f, enum bgp_conn c, enum bgp_why why, const char *who,
                      const struct bgp_error *e);
