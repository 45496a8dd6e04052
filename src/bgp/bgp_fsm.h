/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One BGP peer as a passive machine (RFC 4271 8, spec speaker-bgp 5.4-5.9): events and the time go
 * in, actions come out. No socket, no clock, no log.
 *
 * A peer has up to two connections, the one that we dial and one that it opened; collisions are
 * resolved by 5.5. Every call may leave actions: take them until there is none, in their order,
 * before the next event. What carrying one out leads to at once (a dial or a write that fails) may
 * be told in between; what then still waits for a connection that is gone is void. `now` never runs
 * backwards.
 *
 * Only bgp_fsm_tick lets timers expire. After a stall of ours the peer is not to blame: hand in
 * what the sockets hold, then tick.
 */
#pragma once

#include "base/mono.h"
#include "bgp/bgp_wire.h"

enum bgp_state {
    BGP_STATE_IDLE,
    BGP_STATE_CONNECT,
    BGP_STATE_ACTIVE,
    BGP_STATE_OPEN_SENT,
    BGP_STATE_OPEN_CONFIRM,
    BGP_STATE_ESTABLISHED,
};

const char *bgp_state_name(enum bgp_state s); /* "OpenSent" */

enum bgp_conn { BGP_CONN_OUT, BGP_CONN_IN };
enum { BGP_CONNS = 2 };

enum bgp_peer_as {
    BGP_AS_IS,
    BGP_AS_INTERNAL,
    BGP_AS_EXTERNAL
}; /* remote-as N | internal | external */

struct bgp_fsm_options {
    uint32_t my_as;    /* of the CR: what internal and external compare with */
    uint32_t local_as; /* what we say: localASN, else my_as */
    enum bgp_peer_as peer_as;
    uint32_t asn; /* BGP_AS_IS */
    uint32_t id;  /* ours, not 0 */
    uint16_t hold_s, keepalive_s;
    uint16_t connect_s;        /* 0: 1 s doubling to 120 s */
    bool family[BGP_FAMILIES]; /* that we offer; at least one */
    bool v4_over_v6;           /* offer RFC 8950 */
    bool graceful;             /* list the families in capability 64 */
    uint16_t restart_s;        /* of capability 64 */
    bool forwarding;           /* F: forwarding survived; false for the first start after a boot,
                                  which counts until there was a session */
    bool dials;                /* false: only listens */
    char hostname[65];         /* for capability 73; "": none */
};

struct bgp_fsm;

/* Idle, until started. `restarted`: the process began not long ago, so R is set for the first
 * session within restart_s. `seed` of jitter. */
struct bgp_fsm *bgp_fsm_new(const struct bgp_fsm_options *o, uint64_t seed, bool restarted,
                            struct mono now);
struct bgp_fsm *bgp_fsm_free(struct bgp_fsm *f);
DEFINE_CLEANUP(struct bgp_fsm, bgp_fsm_free);

/* What needs no new session takes effect at once (connect time) or with the next session (timers,
 * graceful restart); the caller restarts the machine where bgp_fsm_needs_reset says so. */
bool bgp_fsm_needs_reset(const struct bgp_fsm *f, const struct bgp_fsm_options *o);
void bgp_fsm_change(struct bgp_fsm *f, struct mono now, const struct bgp_fsm_options *o);

/* --- events --- */

void bgp_fsm_start(struct bgp_fsm *f, struct mono now);

/* Ends every connection: with a NOTIFICATION, or NULL: silently (planned restart, RFC 4724). The
 * machine stays Idle until started. */
void bgp_fsm_stop(struct bgp_fsm *f, struct mono now, const struct bgp_error *why);
/* The same, but it starts again by itself, at once: the configuration changed. */
void bgp_fsm_reset(struct bgp_fsm *f, struct mono now, const struct bgp_error *why);

/* Whether the peer can be dialled now (its address is known, the interface and the VRF are there).
 * False ends what there is, at once. `why` is a constant for people. At the start: true. */
void bgp_fsm_reachable(struct bgp_fsm *f, struct mono now, bool reachable, const char *why);

void bgp_fsm_connected(struct bgp_fsm *f, struct mono now); /* BGP_DO_DIAL succeeded */
/* The peer has connected: before bgp_fsm_accepted, this ends an earlier connection of the peer's
 * where the new one shows that it is over. Take the actions: they concern the earlier one. */
void bgp_fsm_make_room(struct bgp_fsm *f, struct mono now);
/* The peer connected. False: refuse it, with *ret_err. */
bool bgp_fsm_accepted(struct bgp_fsm *f, struct mono now, struct bgp_error *ret_err);
/* A dial failed, or the connection ended without a NOTIFICATION: it is gone, no BGP_DO_CLOSE
 * follows. `error`: errno, 0 for an orderly end. */
void bgp_fsm_lost(struct bgp_fsm *f, struct mono now, enum bgp_conn c, int error);
/* A whole message, header included, in its form as bgp_header_read let it through. */
void bgp_fsm_message(struct bgp_fsm *f, struct mono now, enum bgp_conn c, enum bgp_type type,
                     const uint8_t *body, size_t len);
/* bgp_header_read refused a header. */
void bgp_fsm_bad_header(struct bgp_fsm *f, struct mono now, enum bgp_conn c,
                        const struct bgp_error *e);
/* TCP took bytes of the connection, whosever they were; `left`: more are waiting. The send hold
 * timer (RFC 9687): our first KEEPALIVE starts it, too, and nothing but `left` false ends it. */
void bgp_fsm_sent(struct bgp_fsm *f, struct mono now, enum bgp_conn c, bool left);

void bgp_fsm_bfd(struct bgp_fsm *f, struct mono now, bool up);

void bgp_fsm_tick(struct bgp_fsm *f, struct mono now);
struct mono bgp_fsm_deadline(const struct bgp_fsm *f); /* "never" when stopped */

/* --- actions --- */

enum bgp_action_kind {
    BGP_DO_DIAL,  /* answer with bgp_fsm_connected or bgp_fsm_lost(BGP_CONN_OUT) */
    BGP_DO_SEND,  /* `bytes` on connection `conn`, ahead of UPDATEs that wait */
    BGP_DO_CLOSE, /* connection `conn`, once what was to be sent is sent; an unanswered dial, too */
    BGP_DO_UP,    /* Established on `conn`; bgp_fsm_agreement says what was agreed */
    BGP_DO_DOWN,  /* no longer; forget what the peer was told */
    BGP_DO_REFRESH,   /* send `family` again; with `enhanced` between markers (RFC 7313) */
    BGP_TELL_STATE,   /* the state is another one */
    BGP_TELL_SENT,    /* a NOTIFICATION: `error` */
    BGP_TELL_RECEIVED /* a NOTIFICATION: `error` */
};

struct bgp_action {
    enum bgp_action_kind kind;
    enum bgp_conn conn;
    enum bgp_family family;
    bool enhanced;
    const uint8_t *bytes; /* valid until the next call of bgp_fsm_next */
    size_t len;
    struct bgp_error error;
};

bool bgp_fsm_next(struct bgp_fsm *f, struct bgp_action *ret);

/* --- questions --- */

/* What was agreed on the connection that is Established. */
struct bgp_agreement {
    bool ibgp, as4, extended_message, enhanced_refresh, v4_over_v6;
    bool keeps_routes; /* the peer, when we restart: the OPENs of both had graceful restart */
    bool family[BGP_FAMILIES];
    uint16_t hold_s, keepalive_s;
    uint32_t peer_as, peer_id;
    struct bgp_capabilities peer_caps;
};

enum bgp_state bgp_fsm_state(const struct bgp_fsm *f);
const struct bgp_agreement *bgp_fsm_agreement(const struct bgp_fsm *f); /* NULL: not Established */
bool bgp_fsm_extended(const struct bgp_fsm *f, enum bgp_conn c);        /* for bgp_header_read */

struct bgp_fsm_counts {
    uint64_t opens_sent, opens_received, notifications_sent, notifications_received;
    uint64_t keepalives_sent, keepalives_received, updates_received;
    uint64_t refreshes_received, hold_expirations, send_hold_expirations, transitions;
    uint64_t established;                            /* how often */
    uint64_t updates_as_withdraw, updates_discarded; /* RFC 7606 */
    int64_t prefixes_received; /* announced less withdrawn in this session; never below 0; without
                                  one 0 */
};

const struct bgp_fsm_counts *bgp_fsm_counts(const struct bgp_fsm *f);

/* Why the last session ended or none comes about, for people; "" at the start. */
const char *bgp_fsm_last_error(const struct bgp_fsm *f);
/* That is what a message was about, and there was no session since. It stays while connections are
 * refused and reset. */
bool bgp_fsm_has_verdict(const struct bgp_fsm *f);
struct mono bgp_fsm_since(const struct bgp_fsm *f);     /* of the state */
struct mono bgp_fsm_next_dial(const struct bgp_fsm *f); /* never: none is planned */
