/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which nodes have a live speaker, and what each of them can serve (spec speaker-l2 5). Under it
 * lie the gossip of MetalLB's speakers and, between speakers of ours that ask for it, heartbeats
 * that notice a silent node within milliseconds.
 */
#pragma once

#include "base/ip.h"
#include "gossip/gossip_session.h"
#include "speaker/member_wire.h"

struct membership;

/* --fast-detect: a heartbeat every `interval_ns`; `count` in a row missed, and the node is out. */
struct fast_detect {
    int64_t interval_ns; /* 0: off */
    unsigned count;
};

/* "50msx3". -EINVAL with what to write instead. */
NODISCARD int fast_detect_parse(struct fast_detect *ret, const char *text, struct err *err);

struct membership_options {
    struct event_base *base;
    const char *node; /* our name: spec.nodeName */
    struct gossip_addr bind;
    struct ip advertise; /* no family: `bind` */
    struct gossip_profile profile;
    const uint8_t *secret;   /* bytes of the file, unchanged; copied */
    size_t secret_len;       /* 0: no encryption, which is logged */
    struct fast_detect fast; /* its heartbeats go to the port after the gossip's */
    /* Who is alive, or what somebody can serve, has changed. Called once for what one round of the
     * loop brought, before the loop sleeps. It must not free the membership. */
    void (*changed)(void *arg);
    /* Somebody whom we took for dead is a member. It may have taken our addresses for its own, and
     * whoever heard that sends to it. Called half a second later: by then it knows who the owner
     * is. May be NULL; must not free the membership. */
    void (*returned)(void *arg);
    void *arg;
};

NODISCARD int membership_new(struct membership **ret, const struct membership_options *options,
                             struct err *err);
struct membership *membership_free(struct membership *m); /* without a farewell */
DEFINE_CLEANUP(struct membership, membership_free);

/* Until then nobody is heard and nobody can join us: whoever takes us for a member leaves to us
 * what is ours, so we should be able to answer for it. */
void membership_admit(struct membership *m);

/*
 * Where the others may be: joined at once, and those that are no member again every minute. Copied.
 * Our own address may be among them.
 */
void membership_set_peers(struct membership *m, const struct gossip_addr *addrs, size_t count);
void membership_rejoin(struct membership *m); /* joins now instead of at the next minute */

/*
 * Of our own name: not before the first join has ended, or two seconds have passed, since a speaker
 * that knows nobody would win every election; not while the others have us for out; and no longer
 * once we leave.
 */
bool membership_is_alive(const struct membership *m, const char *node);

/* What the node has said of its links; NULL: we never heard of it. Valid until the loop goes on. */
const struct member_links *membership_links(const struct membership *m, const char *node);

/* Our own links: told to all members at once, on what interfaces are left. `returns`: where less is
 * lost than before, something works again, and is not merely asked for no longer. Copied. */
void membership_set_links(struct membership *m, const struct member_links *links, bool returns);

/* Tells every member directly that we go; `left` comes when that is out, at most a second later. */
void membership_leave(struct membership *m, void (*left)(void *arg), void *arg);

/* --- for `steellb status`, metrics and tests --- */

struct membership_peer {
    const char *node;
    struct gossip_addr addr;
    bool alive, fast;              /* fast: heartbeats are exchanged with it */
    int64_t last_heartbeat_age_ns; /* -1 without */
};
/* NULL when verdicts of fast detection count, else why they do not: a constant. */
const char *membership_fast_obstacle(const struct membership *m);

typedef void (*membership_peer_fn)(const struct membership_peer *p, void *arg);
void membership_each(const struct membership *m, membership_peer_fn fn, void *arg);

/* Packets that were not taken, by their protocol ("gossip", "heartbeat") and the reason. */
typedef void (*membership_drop_fn)(void *arg, const char *protocol, const char *reason,
                                   uint64_t count);
void membership_each_drop(const struct membership *m, membership_drop_fn fn, void *arg);
