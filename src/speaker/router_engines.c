/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the BGP, BFD and RA engines are to do about the peers (spec speaker-bgp F25, F26, F35 to
 * F42). The BFD and RA engines come when the first peer needs them: a node without such peers
 * leaves the ports of BFD to others.
 */
#include "speaker/router_int.h"

#include "base/log.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char path_gone[] = "the interface towards the peer is gone";

const char *router_peer_text(const struct peer *p, struct ip_text *room)
{
    if (p->address.family == IP_NONE)
        return p->interface;
    *room = ip_format(p->address);
    return room->s;
}

static bool is_unnumbered(const struct router_peer *p)
{
    return p->address.family == IP_NONE;
}

/* --- to the BGP engine --- */

static void tell_bgp(struct router *r, struct router_peer *p)
{
    if (p->id < 0)
        return;
    if (p->lost) {
        p->lost = false;
        p->told_blocked = path_gone;
        bgp_peer_blocked(r->bgp, p->cfg->name, path_gone);
    }
    if (p->blocked != p->told_blocked) {
        p->told_blocked = p->blocked;
        bgp_peer_blocked(r->bgp, p->cfg->name, p->blocked);
    }
    if (is_unnumbered(p) && !ip_eq(p->found, p->told_found)) {
        p->told_found = p->found;
        bgp_peer_found(r->bgp, p->cfg->name, p->found, p->ifindex);
    }
}

/* --- to the BFD engine --- */

static void on_bfd(void *arg, bool up, const char *diagnostic)
{
    struct router_peer *p = arg;
    struct ip_text room;

    if (up)
        log_info("BFD session up", F_S("event", "bfdUp"),
                 F_S("peer", router_peer_text(p->cfg, &room)));
    else
        log_warn("BFD session down", F_S("event", "bfdDown"),
                 F_S("peer", router_peer_text(p->cfg, &room)), F_S("diagnostic", diagnostic));
    bgp_peer_bfd(p->router->bgp, p->cfg->name, up);
}

static bool start_bfd(struct router *r)
{
    struct err err = {0};

    if (r->bfd != NULL || r->bfd_failed)
        return r->bfd != NULL;
    if (bfd_engine_new(&r->bfd, r->options.base, &err) < 0) {
        r->bfd_failed = true;
        log_error("no BFD sessions", F_S("error", err_text(&err)));
    }
    err_done(&err);
    return r->bfd != NULL;
}

/* F26: iBGP to a peer that is not on a connected network is multihop without a flag. */
static struct bfd_key bfd_key_of(const struct router_peer *p)
{
    bool multihop = router_peer_is_multihop(p->cfg) || (peer_is_ibgp(p->cfg) && !p->on_link);
    struct ip local = p->cfg->source_address;

    if (is_unnumbered(p) && local.family == IP_NONE)
        local = p->link_local;
    return (struct bfd_key){
        .peer = is_unnumbered(p) ? p->found : p->address,
        .local = local,
        .ifindex = multihop ? 0 : p->ifindex,
        .vrf = router_vrf(p->cfg),
        .multihop = multihop,
    };
}

static bool wants_bfd(const struct router *r, const struct router_peer *p)
{
    return p->cfg->bfd != NULL && p->id >= 0 && p->vrf_there &&
           (router_vrf(p->cfg)[0] == '\0' || r->has_vrfs) &&
           (!is_unnumbered(p) || p->found.family != IP_NONE);
}

static void tell_bfd(struct router *r, struct router_peer *p)
{
    struct bfd_params params;
    struct bfd_key key;

    if (!wants_bfd(r, p) || !start_bfd(r)) {
        if (p->bfd != NULL)
            bfd_leave(TAKE(p->bfd));
        return;
    }
    key = bfd_key_of(p);
    params = router_bfd_params(&p->cfg->bfd->values, key.multihop);
    if (p->bfd != NULL && !router_bfd_key_eq(&key, &p->bfd_key))
        bfd_leave(TAKE(p->bfd));
    if (p->bfd == NULL)
        p->bfd = bfd_join(r->bfd, &key, &params, on_bfd, p);
    else if (!router_bfd_params_eq(&params, &p->bfd_params))
        bfd_change(p->bfd, &params);
    p->bfd_key = key;
    p->bfd_params = params;
}

/* --- to the RA engine --- */

static bool waits_behind(const struct router_peer *p, const char *interface)
{
    return is_unnumbered(p) && str_eq(p->cfg->interface, interface);
}

static void on_router_found(void *arg, const char *interface, struct ip router)
{
    struct router *r = arg;

    for (size_t i = 0; i < r->peer_count; i++) {
        struct router_peer *p = r->peers[i];

        if (!waits_behind(p, interface))
            continue;
        p->found = router;
        tell_bgp(r, p);
        tell_bfd(r, p);
    }
}

/* What was told before the peer was there is not told again. */
static void learn_found(const struct router *r, struct router_peer *p)
{
    if (r->ra != NULL && is_unnumbered(p) && p->found.family == IP_NONE)
        p->found = ra_router(r->ra, p->cfg->interface);
}

static bool start_ra(struct router *r)
{
    struct err err = {0};

    if (r->ra != NULL || r->ra_failed)
        return r->ra != NULL;
    if (ra_new(&r->ra, r->options.base, on_router_found, r, &err) < 0) {
        r->ra_failed = true;
        log_error("no unnumbered peers: cannot send router advertisements",
                  F_S("error", err_text(&err)));
    }
    err_done(&err);
    return r->ra != NULL;
}

static struct ra_interface ra_interface_of(const struct router *r, const char *name)
{
    struct ra_interface i = {0};
    struct link link;

    snprintf(i.name, sizeof(i.name), "%s", name);
    if (!host_link(r->options.links, name, &link))
        return i;
    i.ifindex = link.ifindex;
    i.link_local = link.link_local;
    memcpy(i.mac, link.mac, sizeof(i.mac));
    i.up = link.up && link.carrier;
    return i;
}

static bool is_listed(const struct ra_interface *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(list[i].name, name))
            return true;
    }
    return false;
}

static void tell_ra(struct router *r)
{
    CLEANUP(xfreep)
    struct ra_interface *list = xcalloc(r->peer_count + 1, sizeof(*list));
    size_t n = 0;

    for (size_t i = 0; i < r->peer_count; i++) {
        const struct router_peer *p = r->peers[i];

        if (is_unnumbered(p) && !is_listed(list, n, p->cfg->interface))
            list[n++] = ra_interface_of(r, p->cfg->interface);
    }
    if (r->ra != NULL || (n > 0 && start_ra(r)))
        ra_set_interfaces(r->ra, list, n);
}

void router_peers_tell(struct router *r)
{
    tell_ra(r); /* first: it must not be asked about an interface as it was before */
    for (size_t i = 0; i < r->peer_count; i++) {
        struct router_peer *p = r->peers[i];

        learn_found(r, p);
        tell_bgp(r, p);
        tell_bfd(r, p);
    }
}
