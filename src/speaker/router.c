/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The router joins the engines and keeps no protocol state of its own.
 *
 *     configuration, links --> router_peers   --> router_engines --> BGP, BFD, RA
 *     holders              --> router_offers  --> router_wishes  --> routes of the BGP engine
 *
 * Peers are placed (router_peers.c): which address, behind which interface, reachable or not; then
 * declared to the BGP engine, which hands out ids; then offers are made for these ids. Whenever the
 * list of peers changes, the offers are made again: as many as there are different demands, not as
 * there are Services. A change of links that moves no peer declares nothing.
 *
 * The router owns the engines and a reference of the snapshot; of the snapshots before it keeps no
 * pointer: what holders have brought in was copied.
 */
#include "speaker/router_int.h"

#include "base/hash.h"
#include "base/text.h"
#include "net/caps.h"

#include <linux/capability.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BOOT_S = 120 };

uint64_t router_privileges(uint16_t listen_port)
{
    bool listens_low = listen_port > 0 && listen_port < IPPORT_RESERVED;

    return CAPS_BIT(CAP_NET_RAW) | (listens_low ? CAPS_BIT(CAP_NET_BIND_SERVICE) : 0);
}

static void on_bgp_event(void *arg, enum bgp_event event, const char *peer, const char *text)
{
    struct router *r = arg;

    if (r->options.event != NULL)
        r->options.event(r->options.arg, event, peer, text);
}

/*
 * Forwarding survives a restart of the process but not of the node (spec speaker-bgp 5.9). A
 * process that starts within two minutes of the boot may be the first one since, and says so in its
 * first sessions; a file with the id of the boot would be state on the node.
 */
static bool has_just_booted(void)
{
    struct timespec t;

    return clock_gettime(CLOCK_BOOTTIME, &t) == 0 && t.tv_sec < BOOT_S;
}

/* --- life --- */

static uint64_t seed_of(const char *node)
{
    return hash_text(HASH_START, node) ^ (uint64_t)mono_now().ns;
}

int router_new(struct router **ret, const struct router_options *options, struct err *err)
{
    CLEANUP(router_freep) struct router *r = xcalloc(1, sizeof(*r));
    struct bgp_options bgp = {
        .base = options->base,
        .seed = seed_of(options->node),
        .restarted = true, /* R costs nothing where the process never ran before */
        .listen_port = options->listen_port,
        .event = on_bgp_event,
        .arg = r,
    };
    int code;

    r->options = *options;
    r->options.node = r->node = xstrdup(options->node);
    r->node_index = -1;
    /* There with the l3mdev layer of the kernel, which VRF devices need. */
    r->has_vrfs = access("/proc/sys/net/ipv4/tcp_l3mdev_accept", F_OK) == 0;
    r->has_md5 = bgp_has_passwords();
    offers_init(r);
    r->forwarding = !has_just_booted();
    code = bgp_new(&r->bgp, &bgp, err);
    if (code < 0)
        return code;
    router_on_links(r);
    *ret = TAKE(r);
    return 0;
}

struct router *router_free(struct router *r)
{
    if (r == NULL)
        return NULL;
    offers_done(r);
    router_peers_done(r);
    bfd_engine_free(r->bfd);
    ra_free(r->ra);
    bgp_free(r->bgp);
    host_done(&r->host);
    for (size_t i = 0; i < r->id_count; i++)
        free(r->ids[i].vrf);
    free(r->ids);
    snapshot_unref(r->cfg);
    free(r->node);
    free(r);
    return NULL;
}

/* --- what comes in --- */

void router_set_config(struct router *r, struct snapshot *cfg, int node, struct ip node_v4,
                       struct ip node_v6)
{
    struct snapshot *old = r->cfg; /* until router_peers_set, peers point into it */

    r->cfg = snapshot_ref(cfg);
    r->node_index = node;
    r->node_v4 = node_v4;
    bgp_set_node_v6(r->bgp, node_v6);
    router_peers_set(r);
    (void)router_peers_place(r); /* they are declared whatever it says */
    router_peers_declare(r);
    snapshot_unref(old);
    offers_renew(r);
    router_peers_tell(r);
}

void router_on_links(struct router *r)
{
    if (host_read(&r->host, r->options.links))
        bgp_set_addresses(r->bgp, r->host.addresses, r->host.address_count);
    if (router_peers_place(r)) {
        router_peers_declare(r);
        offers_renew(r);
    }
    router_peers_tell(r);
}

void router_complete(struct router *r)
{
    bgp_routes_complete(r->bgp);
}

/*
 * F29b: BFD that just fell silent would make the peers flush what graceful restart keeps. FRR takes
 * AdminDown, too, for a failure as long as it has the BGP session, so that is closed before.
 */
void router_shutdown(struct router *r, enum bgp_shutdown how, const char *text,
                     void (*done)(void *arg), void *arg)
{
    bgp_shutdown(r->bgp, how, text, done, arg);
    if (r->bfd != NULL)
        bfd_admin_down(r->bfd);
}

/* --- questions --- */

static int name_cmp(const void *key, const void *item)
{
    const struct router_peer *const *p = item;

    return strcmp(key, (*p)->cfg->name);
}

static const struct router_peer *find_peer(const struct router *r, const char *name)
{
    struct router_peer **p = NULL;

    if (r->peer_count > 0)
        p = bsearch(name, r->peers, r->peer_count, sizeof(*r->peers), name_cmp);
    return p != NULL ? *p : NULL;
}

struct peer_walk {
    const struct router *router;
    router_view_fn fn;
    void *arg;
};

static void view_peer(void *arg, const struct bgp_peer_view *bgp)
{
    const struct peer_walk *w = arg;
    const struct router_peer *p = find_peer(w->router, bgp->name);
    struct router_peer_view v = {.bgp = *bgp};

    if (p != NULL) {
        v.has_bfd = p->bfd != NULL && bfd_view(p->bfd, &v.bfd);
        if (bgp->state != BGP_STATE_ESTABLISHED && router_peer_is_far(w->router, p))
            v.hint = "the peer is not on a connected network and ebgpMultiHop is false";
    }
    w->fn(w->arg, &v);
}

void router_each_peer(const struct router *r, router_view_fn fn, void *arg)
{
    struct peer_walk w = {.router = r, .fn = fn, .arg = arg};

    bgp_each_peer(r->bgp, view_peer, &w);
}
