/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BGP engine of a node: peers, their sessions, and the routes that are announced to them. It
 * only announces; nothing that is received is kept.
 *
 * Routes and peers are declared; what has changed leaves in the same turn of the loop (an event of
 * the lowest priority), packed. A change of one peer disturbs no other.
 */
#pragma once

#include <event2/event.h>

#include "base/err.h"
#include "bgp/bgp_fsm.h"
#include "bgp/bgp_next_hop.h"
#include "bgp/bgp_rib.h"

struct bgp;

/* Where two of these are equal, it is the same peer: it keeps its session, whatever its name. */
struct bgp_peer_key {
    struct ip address;     /* IP_NONE: named by its interface */
    const char *interface; /* "" when it has an address */
    const char *vrf;       /* "": the default one */
    uint16_t port;         /* where we dial it */
    struct ip source;      /* IP_NONE: the kernel chooses */
};

struct bgp_peer_options {
    const char *name; /* of the BGPPeer; unique */
    struct bgp_peer_key key;
    struct bgp_fsm_options fsm;
    const char *password; /* "": none */
    uint8_t ttl;          /* of what we send: 1 or 255 */
    uint8_t min_ttl;      /* of what we receive; 0: any (GTSM) */
    const char *refused;  /* why it cannot run here, for people (a VRF that the kernel lacks); NULL:
                             it  can */
};

enum bgp_event {
    BGP_PEER_STATE,       /* another state */
    BGP_PEER_UP,          /* Established */
    BGP_PEER_DOWN,        /* no longer */
    BGP_PEER_SENT_ERROR,  /* a NOTIFICATION about a failure: no cease, unless BFD is down */
    BGP_PEER_GOT_ERROR,   /* any NOTIFICATION */
    BGP_PEER_NO_NEXT_HOP, /* a family of a session cannot be announced */
};

struct bgp_options {
    struct event_base *base;
    uint64_t seed;
    bool restarted; /* not the first start since the boot, as bgp_fsm.h has it */
    /* Listens on that port for connections of the peers, on all addresses; 0: does not. */
    uint16_t listen_port;
    struct ip node_v6; /* of bgp_ends */
    /* `text` for people, "" without one; both valid during the call, which must free nothing. */
    void (*event)(void *arg, enum bgp_event event, const char *peer, const char *text);
    void *arg;
};

/* Does the kernel sign connections (RFC 2385)? A peer with a password cannot run without. */
bool bgp_has_passwords(void);

NODISCARD int bgp_new(struct bgp **ret, const struct bgp_options *options, struct err *err);
struct bgp *bgp_free(struct bgp *b); /* closes silently what bgp_shutdown has left */
DEFINE_CLEANUP(struct bgp, bgp_free);

/*
 * The peers from now on, copied. Those that are there already are changed in place where that can
 * be (spec F28), else reset with a cease; those that are not listed are ended with "peer
 * deconfigured". Ids stay with their peers.
 */
void bgp_set_peers(struct bgp *b, const struct bgp_peer_options *peers, size_t count);
int bgp_peer_id(const struct bgp *b, const char *name); /* for bgp_share; -1 when unknown */

/* The addresses of this host, whenever they have changed. Copied. */
void bgp_set_addresses(struct bgp *b, const struct bgp_local_address *addresses, size_t count);
void bgp_set_node_v6(struct bgp *b, struct ip node_v6); /* of bgp_options, as known later */

/* The peer behind an interface (a router advertisement told); IP_NONE: gone. */
void bgp_peer_found(struct bgp *b, const char *name, struct ip address, uint32_t ifindex);
/* Interface or VRF missing or down: `why` is a constant; NULL: all is well. */
void bgp_peer_blocked(struct bgp *b, const char *name, const char *why);
void bgp_peer_bfd(struct bgp *b, const char *name, bool up);

/* --- routes --- */

struct bgp_rib *bgp_routes(struct bgp *b); /* after changes: bgp_routes_changed */
void bgp_routes_changed(struct bgp *b);
/* Everything that should be announced has been put: End-of-RIB may follow the first dump (spec
 * 5.9). Without this call it follows after a minute. */
void bgp_routes_complete(struct bgp *b);

/* --- end --- */

enum bgp_shutdown {
    BGP_SHUTDOWN_CEASE,  /* routes go at once, at every peer: a Hard Reset where it is understood */
    BGP_SHUTDOWN_RESTART /* those with graceful restart keep theirs: silent. The others: cease */
};

/* `done` comes once, when all has been sent, at the latest after 2 s; not from inside the call. */
void bgp_shutdown(struct bgp *b, enum bgp_shutdown how, const char *text, void (*done)(void *arg),
                  void *arg);
/* `steellb` resets one peer; -ENOENT. */
NODISCARD int bgp_reset_peer(struct bgp *b, const char *name, const char *text);

/* --- for status, metrics and tests; borrowed, for the time of the call --- */

struct bgp_peer_view {
    const char *name;
    uint32_t id;
    struct bgp_peer_key key;
    struct ip address; /* where it is; of an unnumbered peer as found */
    uint32_t ifindex;  /* of an unnumbered peer */
    struct ip local;   /* IP_NONE: no session */
    enum bgp_state state;
    struct mono since, next_dial;
    const struct bgp_agreement *agreement; /* NULL: no session */
    const struct bgp_fsm_options *options;
    const struct bgp_fsm_counts *counts;
    struct bgp_rib_peer_counts routes;
    struct bgp_next_hop next_hop[BGP_FAMILIES];
    uint64_t updates_sent, end_of_rib_sent;
    uint64_t refreshes_sent; /* marks around what the peer asked for again (RFC 7313) */
    const char *last_error;  /* "" without */
    struct bgp_error last_sent, last_received; /* code 0: none */
    const char *no_next_hop[BGP_FAMILIES];     /* why; NULL: there is one, or no need */
};

typedef void (*bgp_view_fn)(void *arg, const struct bgp_peer_view *v);
void bgp_each_peer(const struct bgp *b, bgp_view_fn fn, void *arg); /* by name */
bool bgp_peer_view(const struct bgp *b, const char *name, struct bgp_peer_view *ret);
