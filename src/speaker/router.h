/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BGP side of a speaker: peers, BFD sessions, router advertisements and routes of this node
 * (spec speaker-bgp 1.2, 1.3, 3). It joins the engines; what to announce is decided elsewhere.
 *
 * Holders (Services) bring in advertisements of prefixes; the route of a prefix to a peer carries
 * what its holders together ask for: the highest local preference, the smallest prepend that is
 * set, the union of the communities.
 */
#pragma once

#include <event2/event.h>

#include "bfd/bfd.h"
#include "bgp/bgp.h"
#include "decide/decide.h"
#include "net/links.h"

struct router;

/* In what the modes of METALLB_BGP_TYPE differ (design 5). */
struct router_defaults {
    uint16_t hold_s, keepalive_s; /* of a peer that sets neither */
    uint8_t ebgp_ttl;             /* without ebgpMultiHop */
};

/* "native": 90/30 and 64; "frr", "frr-k8s", "" and NULL: 180/60 and 1. False for others. */
bool router_defaults_of(struct router_defaults *ret, const char *bgp_type);

struct router_options {
    struct event_base *base;
    const char *node;
    const struct links *links; /* outlives the router; call router_on_links when they change */
    struct router_defaults defaults;
    uint16_t listen_port; /* --bgp-listen-port; 0: does not listen */
    /* May be NULL, and must free nothing: what happened to a peer, for Events and the log. */
    void (*event)(void *arg, enum bgp_event event, const char *peer, const char *text);
    /* Peers that get routes of the holder have changed: ServiceBGPStatus. Comes from inside
     * router_put and router_drop, and later in the turn of the loop for holders that share a prefix
     * with that one, or whose peers changed with the configuration. May be NULL; must not call
     * router_put or router_drop. */
    void (*holder_changed)(void *arg, void *holder);
    void *arg;
};

NODISCARD int router_new(struct router **ret, const struct router_options *options,
                         struct err *err);
struct router *router_free(struct router *r);
DEFINE_CLEANUP(struct router, router_free);

/*
 * The peers that select this node. Takes a reference of the snapshot. `node`: its index there, or
 * -1. The addresses are InternalIPs of the Node object, IP_NONE without one. Advertisements that
 * holders have brought in stay as they are until they are put again.
 */
void router_set_config(struct router *r, struct snapshot *cfg, int node, struct ip node_v4,
                       struct ip node_v6);
void router_on_links(struct router *r);

/* What a process that announces keeps of its privileges (net/caps.h): raw sockets for interfaces
 * that come later, and a low port to listen on. A key of TCP MD5 needs none. */
uint64_t router_privileges(uint16_t listen_port);

/* decide_bgp_ads (decide/decide.h) makes them; what counts is copied. `draining`: announced so that
 * others are preferred, with GRACEFUL_SHUTDOWN (RFC 8326) and local preference 0, unless another
 * holder is not draining.
 */
void router_put(struct router *r, void *holder, const struct bgp_ad *ads, size_t count,
                bool draining);
void router_drop(struct router *r, void *holder); /* may be unknown */
/* All Services were evaluated once: End-of-RIB may follow. */
void router_complete(struct router *r);

/* bgp_shutdown, and BFD brought to AdminDown. */
void router_shutdown(struct router *r, enum bgp_shutdown how, const char *text,
                     void (*done)(void *arg), void *arg);

/* --- questions --- */

/* Names of the peers of this node that are given a route of the holder, Established or not; sorted,
 * in the arena. */
struct string_list router_holder_peers(const struct router *r, const void *holder, struct arena *a);

struct router_peer_view {
    struct bgp_peer_view bgp;
    bool has_bfd;
    struct bfd_view bfd;
    const char *hint; /* what a person may try, a constant; NULL without: "the peer is not on a
                         connected network and ebgpMultiHop is false" */
};

typedef void (*router_view_fn)(void *arg, const struct router_peer_view *v);
void router_each_peer(const struct router *r, router_view_fn fn, void *arg); /* by name */

struct router_route_view {
    struct prefix prefix;
    const char *peer;
    enum bgp_route_state state;
    const struct bgp_attrs *attrs; /* NULL: none for that peer */
};

/* The route of a prefix to every peer that has a share of it, by peer. */
typedef void (*router_route_fn)(void *arg, const struct router_route_view *v);
void router_each_route(const struct router *r, struct prefix p, router_route_fn fn, void *arg);

/* Family IP_NONE stands for no limit. */
struct router_range {
    struct prefix after;  /* only prefixes behind this one */
    struct prefix within; /* only those that have addresses in common with it */
};

/* The first `max` prefixes of that range which have a route, in ascending order; their number. It
 * looks at all routes: 2 to 3 ms for 100,000. */
size_t router_prefixes(const struct router *r, const struct router_range *range, struct prefix *ret,
                       size_t max);
size_t router_prefix_count(const struct router *r);
