/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member of a memberlist cluster (spec speaker-l2 6.10-6.18), byte-compatible with MetalLB's
 * speakers, as a passive machine: bytes and the time go in, actions come out. No socket, no clock,
 * no log; what it does at random comes from a seed.
 *
 * Every call may leave actions; take them until there is none. `now` never runs backwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/mono.h"
#include "gossip/gossip_crypt.h"
#include "gossip/gossip_packet.h"
#include "gossip/gossip_profile.h"
#include "gossip/gossip_wire.h"

struct gossip;

/* Fills `bytes` with numbers that nobody can guess; they become nonces. */
typedef void (*gossip_random_fn)(void *arg, void *bytes, size_t len);

struct gossip_options {
    struct gossip_profile profile;
    const char *name;           /* of the node: spec.nodeName. Copied; 1 to GOSSIP_NAME_MAX bytes */
    struct gossip_addr addr;    /* where the others find us, UDP and TCP */
    struct gossip_keyring keys; /* copied, and wiped at the end */
    uint64_t seed;              /* of shuffles and staggers */
    gossip_random_fn random;    /* may be NULL when there are no keys */
    void *arg;
};

/* Starts as the one live member, and tells so. */
struct gossip *gossip_new(const struct gossip_options *options, struct mono now);
struct gossip *gossip_free(struct gossip *g);
DEFINE_CLEANUP(struct gossip, gossip_free);

/* A datagram that arrived. */
void gossip_on_packet(struct gossip *g, struct mono now, struct gossip_addr from,
                      struct gossip_part bytes);

/*
 * A stream that a peer opened: its frame, as gossip_reader delimits it. *ret_answer is what to send
 * before closing; nothing: just close.
 */
void gossip_on_request(struct gossip *g, struct mono now, struct gossip_addr from,
                       struct gossip_part frame, struct gossip_blob *ret_answer);
/* The same when the bytes are no frame. */
void gossip_on_bad_request(struct gossip *g, enum gossip_reading why,
                           struct gossip_blob *ret_answer);

/* The frame that came back on a stream of GOSSIP_DO_CONNECT, which the caller then closes. */
void gossip_on_reply(struct gossip *g, struct mono now, uint32_t stream, struct gossip_part frame);
/* The stream could not be opened, or ended without a frame. */
void gossip_on_stream_lost(struct gossip *g, struct mono now, uint32_t stream);

/* Does what is due. Call when gossip_deadline, which is never "never", has come. */
void gossip_tick(struct gossip *g, struct mono now);
struct mono gossip_deadline(const struct gossip *g);

/*
 * Push/pull with every address that no live member has; GOSSIP_TELL_JOIN_DONE follows, if there is
 * one. False, and nothing is done, while the join before goes on.
 */
bool gossip_join(struct gossip *g, struct mono now, const struct gossip_addr *addrs, size_t count);

/*
 * What we tell of ourselves beside our address, at most GOSSIP_META_MAX bytes; copied. Every live
 * member is told directly and at once, and it is gossiped. Nothing happens when it is no news.
 */
void gossip_set_meta(struct gossip *g, struct mono now, struct gossip_part meta);

/* Says farewell, to every live member directly, and by gossip; GOSSIP_TELL_LEFT follows when it was
 * gossiped often enough. Keep ticking. */
void gossip_leave(struct gossip *g, struct mono now);

enum gossip_action_kind {
    GOSSIP_DO_SEND,    /* `bytes` as one datagram to `addr` */
    GOSSIP_DO_CONNECT, /* open `stream` to `addr`, send `bytes`, read one frame */
    GOSSIP_DO_CLOSE,   /* nothing more is expected on `stream` */
    /* The rest is news, for the role and for the log. Membership first. */
    GOSSIP_TELL_JOIN,        /* `name` at `addr` is alive */
    GOSSIP_TELL_LEAVE,       /* `name` is dead or has left */
    GOSSIP_TELL_UPDATE,      /* the metadata of `name` changed */
    GOSSIP_TELL_JOIN_DONE,   /* a join ended: `count` of `expected` answered */
    GOSSIP_TELL_LEFT,        /* the farewell is out */
    GOSSIP_TELL_SUSPECT,     /* no answer from `name`: others are asked */
    GOSSIP_TELL_FAILED,      /* `name` did not refute; `count` others had suspected it too */
    GOSSIP_TELL_REFUTE,      /* `name` says that we are not well */
    GOSSIP_TELL_CONFLICT,    /* `name` is said to be at `addr`, too */
    GOSSIP_TELL_TCP_ONLY,    /* `name` answers over TCP, but not over UDP */
    GOSSIP_TELL_PEER_ERROR,  /* the peer at `addr` refused a push/pull: `text` */
    GOSSIP_TELL_PEER_FAILED, /* a push/pull with the peer at `addr` failed: `text` */
};

struct gossip_action {
    enum gossip_action_kind kind;
    struct gossip_addr addr;
    uint32_t stream;
    size_t count, expected;
    /* Valid until the next call of gossip_next_action. */
    struct gossip_part bytes;
    const char *name, *text; /* "" when there is none */
};

bool gossip_next_action(struct gossip *g, struct gossip_action *ret);

struct gossip_member {
    const char *name; /* valid until the next call that takes the time */
    struct gossip_addr addr;
    enum gossip_state state;
    uint32_t incarnation;
    struct gossip_part meta; /* as it told; valid as long as the name. No bytes: none */
};

/* All known nodes, ourselves and the dead ones included, in no particular order. */
size_t gossip_member_count(const struct gossip *g);
struct gossip_member gossip_member_at(const struct gossip *g, size_t i);
/* False when nobody of that name is known. */
bool gossip_member_find(const struct gossip *g, const char *name, struct gossip_member *ret);

bool gossip_is_live(enum gossip_state state); /* alive or suspect: a member */

unsigned gossip_health(const struct gossip *g); /* 0: fine; more: we may be the one in trouble */

enum gossip_drop {
    GOSSIP_DROP_LABEL,
    GOSSIP_DROP_KEY,
    GOSSIP_DROP_CRC,
    GOSSIP_DROP_MALFORMED,
    GOSSIP_DROP_TYPE,       /* unknown or out of place */
    GOSSIP_DROP_WRONG_NODE, /* a ping for somebody else */
    GOSSIP_DROP_FULL,       /* more nodes or relayed pings than we keep */
};
enum { GOSSIP_DROPS = GOSSIP_DROP_FULL + 1 };

uint64_t gossip_dropped(const struct gossip *g, enum gossip_drop why);
const char *gossip_drop_name(enum gossip_drop why); /* "malformed" */
