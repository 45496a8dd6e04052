/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this node announces, and what each peer has been told (Adj-RIB-Out, spec speaker-bgp 5.13).
 *
 * A route is a prefix and an offer; an offer says for each peer with which attributes, or that the
 * peer gets none. Offers and attribute sets are interned: equal ones are one object, so that a
 * route costs the same however many peers there are, but for four bytes a peer that remember what
 * was sent. A peer that is told nothing yet (no session) has them empty.
 *
 * Changes mark routes for those peers whose attributes differ from what they were told; a peer's
 * marks are drained in batches of equal attributes, so that the messages are packed: announcements
 * first, then withdrawals (make before break). Pure: no socket, no clock.
 */
#pragma once

#include "bgp/bgp_update.h"

enum { BGP_PEERS_MAX = 1024 }; /* ids */

struct bgp_rib;

struct bgp_rib *bgp_rib_new(void);
struct bgp_rib *bgp_rib_free(struct bgp_rib *r);
DEFINE_CLEANUP(struct bgp_rib, bgp_rib_free);

/* --- what is announced --- */

/* One peer's part of an offer. A peer that is not listed gets no route. */
struct bgp_share {
    uint32_t peer; /* id, 0 .. BGP_PEERS_MAX - 1 */
    struct bgp_attrs attrs;
};

struct bgp_offer;

/*
 * The offer with these shares, sorted by peer, without duplicates; a new reference to the one that
 * exists, or to a new one. Everything is copied. Offers end with the RIB, whoever refers to them.
 */
struct bgp_offer *bgp_offer_get(struct bgp_rib *r, const struct bgp_share *shares, size_t count);
struct bgp_offer *bgp_offer_unref(struct bgp_rib *r, struct bgp_offer *o); /* returns NULL */

/* Adds the route, or gives it another offer; the RIB takes a reference of its own. */
void bgp_rib_put(struct bgp_rib *r, struct prefix p, struct bgp_offer *offer);
void bgp_rib_del(struct bgp_rib *r, struct prefix p); /* may be unknown */
size_t bgp_rib_count(const struct bgp_rib *r);        /* of routes */

/* --- what a peer is told --- */

/* From now on the peer is told, from the beginning; what was said before is forgotten. */
void bgp_rib_peer_up(struct bgp_rib *r, uint32_t peer, const bool family[BGP_FAMILIES]);
/* No session any more. */
void bgp_rib_peer_down(struct bgp_rib *r, uint32_t peer);
/* The peer is gone for good: its id is free, and no share of an offer counts for it any more. */
void bgp_rib_peer_forget(struct bgp_rib *r, uint32_t peer);

/* All routes of a family once more: a route refresh, or another next hop. */
void bgp_rib_peer_again(struct bgp_rib *r, uint32_t peer, enum bgp_family family);
/* Whether the family has a next hop to announce with. Without one its routes are withdrawn, and
 * wait. With one again, all are told, even those whose withdrawal had not been sent: it may be
 * another next hop. True at the start; stays from session to session, until the peer is forgotten.
 */
void bgp_rib_peer_allow(struct bgp_rib *r, uint32_t peer, enum bgp_family family, bool allowed);

/* Is anything to be sent? Constant time. */
bool bgp_rib_peer_pending(const struct bgp_rib *r, uint32_t peer);

/*
 * Writes the next UPDATE to the peer and takes it for sent; 0 when nothing is left. `path` has a
 * next hop for every family that the session carries and bgp_rib_peer_allow has not taken away.
 * `bytes` has room for `max`, at least BGP_MESSAGE_MAX. A route whose attributes do not fit into a
 * message is skipped and counted; if the peer had it with others, it is withdrawn (RFC 8654 section
 * 5).
 */
size_t bgp_rib_peer_next(struct bgp_rib *r, uint32_t peer, const struct bgp_path *path,
                         uint8_t *bytes, size_t max);

/* --- questions --- */

struct bgp_rib_peer_counts {
    size_t wanted;     /* routes with a share for it, of families that its session carries */
    size_t sent;       /* that it has now been told */
    uint64_t too_long; /* routes skipped since their attributes do not fit */
};

struct bgp_rib_peer_counts bgp_rib_peer_counts(const struct bgp_rib *r, uint32_t peer);

enum bgp_route_state {
    BGP_ROUTE_ABSENT,      /* no such route, or no share for that peer */
    BGP_ROUTE_NO_SESSION,  /* the peer is not up */
    BGP_ROUTE_NO_FAMILY,   /* the session does not carry the family */
    BGP_ROUTE_NO_NEXT_HOP, /* bgp_rib_peer_allow said so */
    BGP_ROUTE_TOO_LONG,
    BGP_ROUTE_PENDING, /* about to be sent */
    BGP_ROUTE_SENT,
};

/* *ret_attrs, which may be NULL, borrows; NULL is stored when there is no share. */
enum bgp_route_state bgp_rib_peer_route(const struct bgp_rib *r, uint32_t peer, struct prefix p,
                                        const struct bgp_attrs **ret_attrs);

typedef void (*bgp_rib_fn)(void *arg, struct prefix p);
void bgp_rib_each(const struct bgp_rib *r, bgp_rib_fn fn, void *arg); /* in no promised order */
