/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the engine share.
 *
 * struct bgp owns the sessions, one a peer; a session owns its machine (bgp_fsm.h) and up to two
 * connections, one in each direction. Everything that happens to a session is told to its machine;
 * session_act then does what the machine wants, and comes last in every callback.
 *
 * A connection that is closed belongs to the engine alone: it lingers until what was written has
 * left and the peer has closed too, since a socket that is closed with unread bytes resets the
 * connection, and the peer may then never read our NOTIFICATION. Memory of connections is freed
 * after the round of the loop, so that no callback frees what it runs on.
 */
#pragma once

#include <event2/event_struct.h>

#include "base/log.h"
#include "bgp/bgp.h"
#include "net/endpoint.h"

enum {
    /* Reading: one chunk a callback. An incomplete message of before stands in front of it. */
    READ_CHUNK = 64 * 1024,
    /* Writing: messages are put behind each other until there are more bytes than this, so that
     * one of usual size still fits into 64 KiB. */
    FILL_MIN = 60 * 1024,
    FLUSH_BUDGET = 256 * 1024, /* bytes of one callback, all peers together */
    PRIORITY_WORK = 2, /* role/loop.h: reads, too: a peer that floods us must not hold up others */
    LINGER_MAX = 256,  /* connections; for one more the oldest is reset */
    LINGER_PEER_MAX = 8, /* ... of one peer: none pushes out those of others */
    LINGER_S = 1,
    SHUTDOWN_S = 2,
    COMPLETE_S = 60, /* End-of-RIB waits so long for bgp_routes_complete (spec 5.9) */
    VRF_NAME_MAX = 16,
};

/* Bytes that wait for the socket; no memory when there are none. */
struct bgp_queue {
    uint8_t *bytes;
    size_t sent, len, cap; /* bytes[sent .. len) wait */
};

struct bgp_link {
    struct bgp *engine;
    struct bgp_session *session; /* NULL: it lingers */
    uint32_t peer;               /* the id of the session's, which may be gone */
    struct bgp_link *next, *prev;
    enum bgp_conn which;
    int fd;
    bool dialling; /* the dial is not answered */
    bool waits;    /* the machine knows that the socket takes no more */
    bool shut;     /* our side is closed: all has been sent */
    int error;     /* of the last write: the end follows once the rest is read */
    struct event readable, writable, expiry; /* expiry: when it lingers */
    uint8_t *partial;                        /* of a message that is not whole yet */
    size_t partial_len;
    struct bgp_queue urgent;  /* of the machine */
    struct bgp_queue updates; /* of the RIB: whole messages, but for the first one */
    size_t message_at;        /* in `updates`: start of the message that has been begun, or of the
                                 next one */
};

/* Per family of a session: what follows the routes. */
struct bgp_marks {
    bool end_of_rib;    /* to be sent */
    bool again;         /* all routes are to be sent once more, without a word about it */
    bool refresh_begin; /* BoRR is to be sent, then all routes, then EoRR (RFC 7313) */
    bool refresh_end;
};

struct bgp_session {
    struct bgp *engine;
    uint32_t id;
    struct bgp_peer_options options; /* texts are owned */
    struct bgp_fsm *machine;
    struct bgp_link *link[BGP_CONNS];
    struct event timer;
    struct mono armed; /* for */
    struct ip address; /* where the peer is; IP_NONE: not known yet */
    uint32_t ifindex;
    const char *blocked;  /* why it cannot be dialled; NULL */
    bool resetting;       /* until the machine's actions are done: nothing has failed */
    bool kept;            /* bgp_set_peers: it is in the new list */
    struct ip listen_key; /* the address whose MD5 key the listener has */

    /* while Established */
    bool up;
    enum bgp_conn up_on;
    struct bgp_path path;
    bool carries[BGP_FAMILIES];
    const char *no_next_hop[BGP_FAMILIES];
    struct bgp_marks marks[BGP_FAMILIES];
    struct mono complete_at; /* End-of-RIB goes then at the latest */

    uint64_t updates_sent, end_of_rib_sent, refreshes_sent;
    struct bgp_error last_sent, last_received;
    char *dial_error; /* why the last dial failed, which is logged; NULL */
    struct log_limit limit_sent, limit_received;
};

struct bgp_listener {
    struct bgp *engine;
    struct bgp_listener *next;
    char vrf[VRF_NAME_MAX];
    enum ip_family family;
    int fd;
    struct event readable, pause;
};

struct bgp {
    struct bgp_options options;
    struct bgp_rib *rib;
    struct bgp_session **sessions; /* by name */
    size_t session_count;
    uint64_t random;
    bool ids[BGP_PEERS_MAX]; /* taken */
    struct bgp_local_address *addresses;
    size_t address_count;
    struct mono started;
    bool complete, stopped;
    struct event flush, reap;
    size_t flush_from; /* index of the session whose turn it is */
    struct bgp_listener *listeners;
    struct log_limit limit_stranger;
    uint64_t strangers;

    struct bgp_link *lingering, *dead; /* lists; the dead are freed after the round */
    size_t linger_count;
    struct event shutdown_event;
    void (*shutdown_done)(void *arg);
    void *shutdown_arg;

    uint8_t in[READ_CHUNK + BGP_EXTENDED_MAX];
    uint8_t out[FILL_MIN + BGP_EXTENDED_MAX];
};

/* --- bgp_session.c: one peer --- */

struct bgp_session *bgp_session_new(struct bgp *b, uint32_t id, const struct bgp_peer_options *o);
struct bgp_session *bgp_session_free(struct bgp_session *s); /* closes silently */
void bgp_session_act(struct bgp_session *s);                 /* after every call into the machine */
void bgp_session_run(struct bgp_session *s);                 /* the same, while more calls follow */
/* The peer connected; takes the descriptor. */
void bgp_session_accept(struct bgp_session *s, int fd_take);
/* Tells the machine whether it may dial, after `options`, `address` or `blocked` have changed. */
void bgp_session_check_reachable(struct bgp_session *s);
void bgp_session_choose_next_hops(struct bgp_session *s, bool first);
void bgp_session_stop(struct bgp_session *s, const struct bgp_error *why);
void bgp_session_reset(struct bgp_session *s, const struct bgp_error *why); /* then act */
/* Why there is no session; "" */
const char *bgp_session_error(const struct bgp_session *s);
/* A plain cease lets a peer that agreed to RFC 8538 keep the routes. */
bool bgp_session_needs_hard_reset(const struct bgp_session *s);
/* The peer keeps routes over a restart. */
bool bgp_session_is_retained(const struct bgp_session *s);

/* --- bgp_session_log.c --- */

/* As MetalLB's logs name it: "198.18.0.1:179", or the interface. */
struct bgp_peer_text {
    char s[sizeof(struct endpoint_text)];
};
struct bgp_peer_text bgp_session_peer(const struct bgp_session *s);
void bgp_session_log_up(const struct bgp_session *s);
void bgp_session_log_down(const struct bgp_session *s);
void bgp_session_log_dial(struct bgp_session *s, const char *error);
void bgp_session_log_error(struct bgp_session *s, const struct bgp_error *e, bool sent);
void bgp_session_log_next_hop(const struct bgp_session *s, enum bgp_family f);

/* --- bgp_session_config.c --- */

void bgp_peer_options_copy(struct bgp_peer_options *ret, const struct bgp_peer_options *o);
void bgp_peer_options_done(struct bgp_peer_options *o);
struct bgp_session *bgp_session_find(const struct bgp *b, const char *name); /* NULL: unknown */

/* --- bgp_session_send.c: from the RIB to the peer --- */

void bgp_send_init(struct bgp *b);
void bgp_send_start(struct bgp_session *s); /* Established */
void bgp_send_refresh(struct bgp_session *s, enum bgp_family f, bool enhanced);
void bgp_send_later(struct bgp *b);        /* in this turn of the loop */
void bgp_send_last(struct bgp_session *s); /* at once, as much as the socket takes */

/* --- bgp_session_link.c: one connection --- */

/* Takes the descriptor; attached later, or closed. */
struct bgp_link *bgp_link_new(const struct bgp_session *s, int fd_take, enum bgp_conn which);
void bgp_link_attach(struct bgp_session *s, struct bgp_link *l);
void bgp_link_read(struct bgp_link *l);                                   /* one chunk */
void bgp_link_send(struct bgp_link *l, const uint8_t *bytes, size_t len); /* ahead of updates */
/* Whole messages of the RIB; only while !bgp_link_is_full. */
void bgp_link_send_updates(struct bgp_link *l, const uint8_t *bytes, size_t len);
bool bgp_link_is_full(const struct bgp_link *l); /* updates wait */
void bgp_link_close(struct bgp_link *l);         /* once all is sent */
void bgp_link_drop(struct bgp_link *l);          /* at once, silently */
void bgp_link_init(struct bgp *b);
void bgp_link_done(struct bgp *b); /* drops those that linger */

/* --- bgp_listener.c --- */

NODISCARD int bgp_listener_open(struct bgp *b, struct err *err); /* as the options say */
/* With the keys of the sessions, and in their VRFs, too. */
void bgp_listener_sync(struct bgp *b);
void bgp_listener_forget(struct bgp_session *s); /* its key, before it goes or changes */
void bgp_listener_done(struct bgp *b);
