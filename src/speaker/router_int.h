/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the router share. */
#pragma once

#include "base/map.h"
#include "ra/ra.h"
#include "speaker/chains.h"
#include "speaker/router.h"

#include <event2/event_struct.h>

/* A set of peers of this node, by their place in router.peers. */
struct peer_set {
    uint64_t words[BGP_PEERS_MAX / 64];
};

struct router_peer {
    const struct peer *cfg; /* of router.cfg */
    int id;                 /* in the engine; -1: not there */
    bool twin;              /* has the address of another peer, and so does not run */

    /* Where it is, as far as links tell. */
    struct ip address;    /* IP_NONE: behind an interface, to be found by its advertisements */
    uint32_t ifindex;     /* of the interface, or of the network that has the address; or 0 */
    struct ip link_local; /* ours there, of an interface */
    bool on_link, vrf_there;
    bool lost;           /* the link to it has just gone */
    struct ip found;     /* the router that advertises itself on the interface */
    const char *blocked; /* why it cannot be reached; NULL: it can */
    bool hinted;

    /* What the engine knows of that. */
    const char *told_blocked;
    struct ip told_found;

    struct router *router; /* for BFD */
    struct bfd_user *bfd;  /* NULL: none */
    struct bfd_key bfd_key;
    struct bfd_params bfd_params;
};

/* A network of one of our interfaces. */
struct host_network {
    struct prefix prefix;
    uint32_t ifindex, master;
    bool up;
};

/* What links say of this host. */
struct host {
    struct bgp_local_address *addresses;
    size_t address_count, address_cap;
    struct host_network *networks;
    size_t network_count, network_cap;
};

/* The router identifier of sessions in a VRF, chosen once. */
struct vrf_id {
    char *vrf;
    uint32_t id;
};

/* What holders have brought in, and what comes of it. */
struct offers {
    struct map wishes;                /* text of the wish -> struct wish */
    struct map demands[BGP_FAMILIES]; /* parts -> struct demand */
    struct chains groups, holders;
    struct demand_part *parts; /* for group_settle */
    size_t part_cap;
    uint32_t round;    /* counts the walks of `tell` */
    struct event tell; /* holders whose peers were changed by somebody else */
};

struct router {
    struct router_options options;
    char *node;
    struct snapshot *cfg; /* NULL before the first router_set_config */
    int node_index;
    struct ip node_v4;

    struct bgp *bgp;
    struct bfd_engine *bfd; /* NULL until a peer needs it */
    struct ra *ra;          /* likewise */
    bool bfd_failed, ra_failed;

    bool has_vrfs, has_md5;     /* of the kernel */
    bool forwarding;            /* F of graceful restart, in first sessions */
    struct router_peer **peers; /* by name */
    size_t peer_count;
    struct host host;
    struct vrf_id *ids;
    size_t id_count, id_cap;
    struct offers offers;
};

/* --- router_options.c: pure --- */

const char *router_vrf(const struct peer *p);       /* "": the default one */
bool router_peer_is_multihop(const struct peer *p); /* by ebgpMultiHop or GTSM */

/* `address`, `id` and `refused` are of the place where the peer runs: router_peer.address, the
 * router identifier when the CR has none. Strings are borrowed. */
struct router_place {
    struct ip address;
    uint32_t id;
    bool forwarding;
    const char *refused, *node;
};

void router_peer_options(struct bgp_peer_options *ret, const struct peer *p,
                         const struct router_place *place, const struct router_defaults *d);
struct bfd_params router_bfd_params(const struct bfd_profile *p, bool multihop);
bool router_bfd_params_eq(const struct bfd_params *a, const struct bfd_params *b);
bool router_bfd_key_eq(const struct bfd_key *a, const struct bfd_key *b);
/* The other host of a /30 or /31; IP_NONE when it is no such network, or `own` no host of it. */
struct ip router_other_end(struct ip own, uint8_t len);

/* --- router_host.c --- */

/* True when the addresses are other ones than before. */
bool host_read(struct host *h, const struct links *links);
void host_done(struct host *h);
bool host_link(const struct links *links, const char *name, struct link *ret);
/* The network that has the address, one that is up first; NULL: none. `vrf`: ifindex, 0: any. */
const struct host_network *host_network_of(const struct host *h, struct ip address, uint32_t vrf);

/* --- router_peers.c --- */

/* The list of peers as router.cfg has it. */
void router_peers_set(struct router *r);
/* Links have changed; true when the peers of the engine are other ones, or moved. */
bool router_peers_place(struct router *r);
/* All peers to the engine, ids back. */
void router_peers_declare(struct router *r);
void router_peers_done(struct router *r);
/* eBGP that is not on a connected network, without ebgpMultiHop (F15). */
bool router_peer_is_far(const struct router *r, const struct router_peer *p);

/* --- router_engines.c --- */

/* What is blocked, found, watched by BFD. */
void router_peers_tell(struct router *r);
const char *router_peer_text(const struct peer *p, struct ip_text *room); /* address or interface */

/* --- router_wishes.c --- */

struct wish;

/* What adv asks for, copied; a new reference. Equal ones are one object. */
struct wish *wish_get(struct offers *o, const struct bgp_adv *adv);
void wish_unref(struct offers *o, struct wish *w);

/* Is the wish that of draining holders only? Without padding: a map key. */
struct demand_part {
    struct wish *wish;
    uintptr_t draining;
};

/* All that is asked for a prefix. Prefixes with the same demand have the same routes. */
struct demand {
    size_t refs;
    enum bgp_family family;
    struct prefix example; /* the first prefix, for the log */
    struct bgp_offer *offer;
    struct peer_set peers;             /* that get a route */
    uint64_t peer_names;               /* hash */
    bool offer_changed, peers_changed; /* by the last demands_renew */
    bool told_differ, told_ignored;
    size_t part_count;
    struct demand_part parts[];
};

/* A new reference. `parts` are sorted by wish, and not empty. */
struct demand *demand_get(struct router *r, struct prefix p, const struct demand_part *parts,
                          size_t count);
void demand_unref(struct router *r, struct demand *d);
void demands_renew(struct router *r); /* the peers are other ones */

/* --- router_offers.c --- */

void offers_init(struct router *r);
void offers_renew(struct router *r); /* the peers are other ones */
void offers_done(struct router *r);
