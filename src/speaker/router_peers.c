/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers of this node, and where they are as far as interfaces tell (spec speaker-bgp C14 to
 * C21, F15, F20, F22, F36, F42).
 *
 * A peer that keeps address, interface, VRF, port and source is the same one whatever it is called.
 */
#include "speaker/router_int.h"

#include "base/log.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char no_vrf_kernel[] = "the kernel has no support for VRFs";
static const char no_md5_kernel[] =
    "it has a password, and the kernel has no support for TCP MD5 signatures";
static const char no_vrf[] = "the VRF device does not exist";
static const char vrf_down[] = "the VRF device is down";
static const char no_interface[] = "the interface does not exist";
static const char interface_down[] = "the interface is down";
static const char path_down[] = "the interface towards the peer is down";

/* --- the list --- */

static bool is_same_router(const struct peer *a, const struct peer *b)
{
    return ip_eq(a->address, b->address) && str_eq(a->interface, b->interface) &&
           str_eq(router_vrf(a), router_vrf(b));
}

static bool is_same_peer(const struct peer *a, const struct peer *b)
{
    return is_same_router(a, b) && a->port == b->port &&
           ip_eq(a->source_address, b->source_address);
}

/* Dialled in another way: the engine changes it in place, too. */
static bool is_changed_peer(const struct peer *a, const struct peer *b)
{
    return is_same_router(a, b) && str_eq(a->name, b->name);
}

static struct router_peer *take(struct router_peer **peers, size_t count, const struct peer *cfg,
                                bool (*is)(const struct peer *, const struct peer *))
{
    for (size_t i = 0; i < count; i++) {
        if (peers[i] != NULL && is(peers[i]->cfg, cfg))
            return TAKE(peers[i]);
    }
    return NULL;
}

static struct router_peer *peer_new(struct router *r, const struct peer *cfg)
{
    struct router_peer *p = xcalloc(1, sizeof(*p));
    struct ip_text room;

    p->router = r;
    p->id = -1;
    p->address = cfg->address;
    log_info("peer configured, starting BGP session", F_S("event", "peerAdded"),
             F_S("peer", router_peer_text(cfg, &room)), F_S("name", cfg->name));
    return p;
}

static void peer_free(struct router_peer *p)
{
    if (p->bfd != NULL)
        bfd_leave(p->bfd);
    free(p);
}

static void peer_remove(struct router *r, struct router_peer *p)
{
    bool kept = snapshot_peer_find(r->cfg, p->cfg->name) != NULL;
    struct ip_text room;

    log_info("peer deconfigured, closing BGP session", F_S("event", "peerRemoved"),
             F_S("peer", router_peer_text(p->cfg, &room)), F_S("name", p->cfg->name),
             F_S("reason", kept ? "filteredByNodeSelector" : "removedFromConfig"));
    peer_free(p);
}

/* Those of the configuration that run on this node, at most BGP_PEERS_MAX. */
static const struct peer **select_peers(const struct router *r, size_t *ret_count)
{
    const struct peer **list = xcalloc(r->cfg->peer_count + 1, sizeof(*list));
    size_t n = 0;

    for (size_t i = 0; r->node_index >= 0 && i < r->cfg->peer_count; i++) {
        const struct peer *cfg = &r->cfg->peers[i];

        if (!bitset_has(&cfg->nodes, (size_t)r->node_index))
            continue;
        if (n == BGP_PEERS_MAX)
            log_error("too many peers for one node, ignoring one", F_S("name", cfg->name));
        else
            list[n++] = cfg;
    }
    *ret_count = n;
    return list;
}

void router_peers_set(struct router *r)
{
    CLEANUP(xfreep) struct router_peer **old = r->peers;
    size_t old_count = r->peer_count;
    CLEANUP(xfreep) const struct peer **list = select_peers(r, &r->peer_count);

    r->peers = xcalloc(r->peer_count + 1, sizeof(struct router_peer *));
    for (size_t i = 0; i < r->peer_count; i++)
        r->peers[i] = take(old, old_count, list[i], is_same_peer);
    for (size_t i = 0; i < r->peer_count; i++) {
        if (r->peers[i] == NULL)
            r->peers[i] = take(old, old_count, list[i], is_changed_peer);
    }
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != NULL)
            peer_remove(r, old[i]);
    }
    for (size_t i = 0; i < r->peer_count; i++) {
        if (r->peers[i] == NULL)
            r->peers[i] = peer_new(r, list[i]);
        r->peers[i]->cfg = list[i];
        r->peers[i]->bfd_key.vrf = router_vrf(list[i]); /* the old text may go with its snapshot */
    }
    r->bfd_failed = r->ra_failed = false;
}

void router_peers_done(struct router *r)
{
    for (size_t i = 0; i < r->peer_count; i++)
        peer_free(r->peers[i]);
    free(r->peers);
    r->peers = NULL;
    r->peer_count = 0;
}

/* --- where they are --- */

static struct ip other_end_on(const struct host *h, uint32_t ifindex)
{
    struct ip end = {0};

    for (size_t i = 0; i < h->address_count && end.family == IP_NONE; i++) {
        if (h->addresses[i].ifindex == ifindex)
            end = router_other_end(h->addresses[i].ip, h->addresses[i].prefix_len);
    }
    return end;
}

/* F36: where the interface has an IPv4 network of two hosts, the other one is the peer. */
static void place_interface(struct router *r, struct router_peer *p)
{
    uint32_t before = p->ifindex;
    struct link link;

    if (!host_link(r->options.links, p->cfg->interface, &link)) {
        p->blocked = no_interface;
        p->address = p->found = p->link_local = (struct ip){0};
        p->ifindex = 0;
        return;
    }
    p->ifindex = link.ifindex;
    p->link_local = link.link_local;
    p->address = other_end_on(&r->host, link.ifindex);
    p->on_link = true;
    if (p->address.family != IP_NONE || link.ifindex != before)
        p->found = (struct ip){0};
    if (!link.up || !link.carrier)
        p->blocked = interface_down;
}

/*
 * Fast external failover (F42), for those who can only be reached over the link. When the network
 * itself goes (the interface was deleted), the session ends as well; but the peer is dialled again,
 * since routes may lead to it that are no network of ours.
 */
static void place_address(struct router *r, struct router_peer *p, uint32_t vrf_ifindex)
{
    const struct host_network *n = host_network_of(&r->host, p->address, vrf_ifindex);
    bool near = !peer_is_ibgp(p->cfg) && !router_peer_is_multihop(p->cfg);

    p->lost = near && n == NULL && p->ifindex != 0;
    p->on_link = n != NULL;
    p->ifindex = n != NULL ? n->ifindex : 0;
    if (near && n != NULL && !n->up)
        p->blocked = path_down;
}

static void place(struct router *r, struct router_peer *p)
{
    struct link vrf = {0};

    p->blocked = NULL;
    p->on_link = false;
    p->vrf_there = router_vrf(p->cfg)[0] == '\0' || host_link(r->options.links, p->cfg->vrf, &vrf);
    if (p->cfg->address.family == IP_NONE)
        place_interface(r, p);
    else
        place_address(r, p, vrf.ifindex);
    if (!p->vrf_there)
        p->blocked = no_vrf;
    else if (vrf.ifindex != 0 && !vrf.up)
        p->blocked = vrf_down;
}

/* Two peers of a node never have one address, says the configuration; but the other end of an
 * interface may have the address of a peer. */
static bool is_twin(const struct router *r, size_t at)
{
    const struct router_peer *p = r->peers[at];

    if (p->cfg->address.family != IP_NONE || p->address.family == IP_NONE)
        return false;
    for (size_t i = 0; i < r->peer_count; i++) {
        const struct router_peer *q = r->peers[i];
        bool first = q->cfg->address.family != IP_NONE || i < at;

        if (first && i != at && ip_eq(q->address, p->address) && q->cfg->port == p->cfg->port &&
            ip_eq(q->cfg->source_address, p->cfg->source_address) &&
            str_eq(router_vrf(q->cfg), router_vrf(p->cfg)))
            return true;
    }
    return false;
}

/* It is another peer to the engine, or a new one, which knows nothing of it. */
static void forget_told(struct router_peer *p)
{
    p->told_blocked = NULL;
    p->told_found = (struct ip){0};
}

static bool place_again(struct router *r, struct router_peer *p)
{
    struct ip address = p->address;
    bool vrf_there = p->vrf_there;

    place(r, p);
    if (ip_eq(address, p->address))
        return vrf_there != p->vrf_there;
    forget_told(p);
    return true;
}

bool router_peers_place(struct router *r)
{
    bool changed = false;

    for (size_t i = 0; i < r->peer_count; i++)
        changed |= place_again(r, r->peers[i]);
    for (size_t i = 0; i < r->peer_count; i++) {
        struct router_peer *p = r->peers[i];
        bool twin = is_twin(r, i);

        if (twin == p->twin)
            continue;
        p->twin = twin;
        forget_told(p);
        changed = true;
        if (twin)
            log_warn("the other end of the interface is the address of another BGPPeer",
                     F_S("name", p->cfg->name), F_S("peer", ip_format(p->address).s));
    }
    return changed;
}

/* --- to the BGP engine --- */

/* F20: it stays what it was first, since another one would reset all sessions; but it is not
 * chosen for good while the VRF is missing. */
static uint32_t router_id_in(struct router *r, const struct router_peer *p)
{
    const char *vrf = router_vrf(p->cfg);
    struct link loopback = {0};
    uint32_t id;

    for (size_t i = 0; i < r->id_count; i++) {
        if (str_eq(r->ids[i].vrf, vrf))
            return r->ids[i].id;
    }
    (void)host_link(r->options.links, vrf[0] != '\0' ? vrf : "lo", &loopback); /* 0: no such one */
    id = bgp_router_id(loopback.ifindex, r->host.addresses, r->host.address_count, r->node_v4,
                       r->node);
    if (!p->vrf_there)
        return id;
    r->ids = array_grow(r->ids, &r->id_cap, r->id_count + 1, sizeof(*r->ids));
    r->ids[r->id_count++] = (struct vrf_id){.vrf = xstrdup(vrf), .id = id};
    return id;
}

static void hint_at_distance(struct router *r, struct router_peer *p)
{
    struct ip_text room;

    if (p->hinted || !router_peer_is_far(r, p))
        return;
    p->hinted = true;
    log_warn("peer not directly connected and ebgpMultiHop is false",
             F_S("peer", router_peer_text(p->cfg, &room)), F_S("name", p->cfg->name));
}

bool router_peer_is_far(const struct router *r, const struct router_peer *p)
{
    return r->options.defaults.ebgp_ttl == 1 && p->address.family != IP_NONE && !p->on_link &&
           !ip_is_link_local(p->address) && p->vrf_there && !peer_is_ibgp(p->cfg) &&
           !p->cfg->ebgp_multi_hop && p->cfg->ttl_security_hops == 0;
}

/* Before it is dialled for the first time; blocked comes after that. */
static const char *why_refused(const struct router *r, const struct router_peer *p)
{
    if (!r->has_md5 && !str_empty(p->cfg->password))
        return no_md5_kernel;
    if (router_vrf(p->cfg)[0] == '\0')
        return NULL;
    if (!r->has_vrfs)
        return no_vrf_kernel;
    return p->vrf_there ? NULL : no_vrf;
}

void router_peers_declare(struct router *r)
{
    CLEANUP(xfreep)
    struct bgp_peer_options *options = xcalloc(r->peer_count + 1, sizeof(*options));
    size_t n = 0;

    for (size_t i = 0; i < r->peer_count; i++) {
        struct router_peer *p = r->peers[i];
        struct router_place where = {
            .address = p->address,
            .id = router_id_in(r, p),
            .forwarding = r->forwarding,
            .refused = why_refused(r, p),
            .node = r->node,
        };

        if (!p->twin)
            router_peer_options(&options[n++], p->cfg, &where, &r->options.defaults);
        hint_at_distance(r, p);
    }
    bgp_set_peers(r->bgp, options, n);
    for (size_t i = 0; i < r->peer_count; i++) {
        struct router_peer *p = r->peers[i];

        p->id = p->twin ? -1 : bgp_peer_id(r->bgp, p->cfg->name);
    }
}
