/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the engine share. The engine owns listeners, sessions and users; a session or a
 * user that has ended stays in its list until the round after, since callbacks may be running.
 */
#pragma once

#include "base/log.h"
#include "base/map.h"
#include "bfd/bfd.h"
#include "bfd/bfd_echo_session.h"
#include "bfd/bfd_fsm.h"
#include "bfd/bfd_socket.h"

#include <event2/event_struct.h>

struct bfd_user {
    struct bfd_session *session;
    struct bfd_user *next;
    bfd_fn fn;
    void *arg;
    bool gone; /* has left: is not called any more */
    bool late; /* joined a session that was Up: to be told so */
    bool told; /* that it is Up */
};

/* The port of a VRF, a family and a kind of hop. */
struct bfd_listener {
    struct bfd_engine *engine;
    struct bfd_listener *next;
    enum ip_family family;
    bool multihop;
    char vrf[IFNAMSIZ];
    unsigned sessions;
    int fd;
    struct event readable;

    /* When packets come thick and fast: see bfd_listener.c. */
    struct event poll;
    struct mono counted_from;
    unsigned wake_ups, empty_polls;
};

struct bfd_session {
    struct bfd_engine *engine;
    struct bfd_session *next;
    struct bfd_user *users;
    struct bfd_key key;
    char vrf[IFNAMSIZ];
    struct bfd_fsm fsm;
    struct event timer;
    struct mono armed;

    struct bfd_listener *listener; /* NULL: could not be had yet */
    struct mono retry;             /* when to ask for it again */
    int fd;                        /* sends; -1: could not be had yet */
    uint16_t port;                 /* of the source, the same for all its life */
    struct ip local;               /* what fd is bound to */
    uint32_t seen_ifindex;         /* where control packets come in */

    bool leaving; /* nobody is left: the other side is told so until `ends` */
    bool ended;   /* to be freed */
    struct mono ends;

    int echo_fd;
    struct event echo_event;
    uint32_t echo_ifindex;
    uint8_t echo_mac[ETH_ALEN];
    uint32_t echo_sequence;
    uint64_t echo_cookie;

    uint64_t control_in, control_out, echo_in, echo_out;
    uint64_t ups, downs, notifications, dropped;
    struct log_limit limit, limit_change;
};

struct bfd_engine {
    struct event_base *base;
    struct bfd_listener *listeners;
    struct bfd_session *sessions;
    struct map by_discriminator;
    struct event soon; /* once, after what runs now */
    bool held;         /* all sessions are to be AdminDown */
    uint64_t random;
    uint64_t drops[BFD_DROPS];
    uint64_t strays; /* dropped, and of no session */
    struct bfd_inbox inbox;
};

/* bfd_session.c */
struct bfd_session *bfd_session_new(struct bfd_engine *e, const struct bfd_key *key,
                                    const struct bfd_params *params);
struct bfd_session *bfd_session_free(struct bfd_session *s);
void bfd_session_change(struct bfd_session *s, const struct bfd_params *params);
void bfd_session_hold(struct bfd_session *s); /* AdminDown, said at once */
void bfd_session_leave(struct bfd_session *s);
void bfd_session_return(struct bfd_session *s); /* somebody has joined before it ended */
void bfd_session_receive(struct bfd_session *s, const struct bfd_packet *p, uint32_t ifindex);

/* bfd_echo.c */
void bfd_session_update_echo(struct bfd_session *s); /* opens or closes what echoes need */
void bfd_session_send_echo(struct bfd_session *s);
void bfd_session_read_echo(struct bfd_session *s);
void bfd_session_close_echo(struct bfd_session *s);

/* For bfd_echo.c, after a call of the machine. */
void bfd_session_perform(struct bfd_session *s, struct mono now, unsigned acts);

/* bfd_listener.c */
struct bfd_listener *bfd_listener_join(struct bfd_engine *e, const struct bfd_key *key,
                                       struct err *err); /* NULL: it cannot be had */
void bfd_listener_leave(struct bfd_listener *l);         /* accepts NULL */
/* Reads what has arrived at all of them. */
void bfd_listeners_drain(struct bfd_engine *e);
