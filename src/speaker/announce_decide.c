/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/announce_decide.h"

#include "base/text.h"
#include "speaker/drain.h"

#include <string.h>

const char *announce_protocol_name(enum announce_protocol p)
{
    return p == ANNOUNCE_BGP ? "bgp" : "layer2";
}

static void withdraw(struct announce_answer *ret, const char *reason)
{
    ret->action = ANNOUNCE_WITHDRAW;
    ret->reason = reason;
}

/* The flag's class and the Service's must be equal; no flag means Services without a class. */
static bool is_our_class(const struct service *s, const char *lb_class)
{
    return str_eq(s->load_balancer_class != NULL ? s->load_balancer_class : "", lb_class);
}

/* False with the text that is no address. An entry with only a hostname has none. */
static bool parse_ips(struct announce_answer *ret, const struct service *s, struct arena *a)
{
    struct ip *ips = arena_calloc(a, s->ingress_count, sizeof(*ips));

    for (size_t i = 0; i < s->ingress_count; i++) {
        if (!ip_parse(&ips[i], s->ingress[i].ip)) {
            ret->bad_address = s->ingress[i].ip;
            return false;
        }
    }
    ret->ips = ips;
    ret->ip_count = s->ingress_count;
    return true;
}

/* Among the live nodes the one of the lowest rank, so that the work spreads over them. */
static bool is_reporter(const struct decide_world *w, const char *node, struct ip first)
{
    uint8_t best[32], rank[32];
    const char *name = NULL;

    for (size_t i = 0; i < w->cfg->nodes.count; i++) {
        if (w->nodes[i].liveness != NODE_ALIVE)
            continue;
        decide_rank(rank, w->cfg->nodes.items[i], first);
        if (name != NULL && memcmp(rank, best, sizeof(best)) >= 0)
            continue;
        memcpy(best, rank, sizeof(best));
        name = w->cfg->nodes.items[i];
    }
    return str_eq(name, node);
}

/* What both protocols are asked about. */
struct inquiry {
    const struct announce_question *q;
    struct decide_service service;
    int me; /* our node in the snapshot; -1: it has no Node object, so that no advertisement lists
               it */
    struct arena *a;
};

/* --- BGP --- */

static const char *refuse_bgp(struct inquiry *in, const struct decide_world *w,
                              const struct bgp_verdict *v, struct announce_answer *ret)
{
    struct drain_question drain = {
        .world = w,
        .service = &in->service,
        .verdict = v,
        .has_yielded = in->q->has_yielded,
        .others_unknown = in->q->others_unknown,
    };
    enum drain_step step;

    if (in->me < 0 || v->nodes == NULL)
        return bgp_reason_name(BGP_NOT_OWNER);
    drain.node = (size_t)in->me;
    ret->bgp = v->nodes[in->me];
    if (ret->bgp.reason != BGP_OK)
        return bgp_reason_name(ret->bgp.reason);
    step = drain_decide(&drain, in->a);
    if (step == DRAIN_WITHDRAW)
        return "draining";
    ret->draining = step == DRAIN_YIELD;
    ret->ads = decide_bgp_ads(&in->service, v, (size_t)in->me, in->a, &ret->ad_count);
    return NULL;
}

/* --- Layer 2 --- */

static const char *refuse_l2(struct inquiry *in, const struct l2_verdict *v,
                             struct announce_answer *ret)
{
    if (in->me < 0)
        return "noMatchingAdvertisement";
    if (v->eligible_count == 0 || v->candidates[0].node != (size_t)in->me)
        return l2_reason_metallb(v, (size_t)in->me);
    ret->interfaces = decide_l2_interfaces(v, (size_t)in->me, in->a, &ret->all_interfaces);
    return NULL;
}

/* --- both --- */

/* Do we give a route to a peer? Then there is no need to look at all other nodes. */
static bool reaches_a_peer(const struct inquiry *in, const struct announce_answer *ret)
{
    const struct snapshot *cfg = in->q->world->cfg;

    for (size_t i = 0; i < cfg->peer_count; i++) {
        const struct peer *p = &cfg->peers[i];

        if (!bitset_has(&p->nodes, (size_t)in->me))
            continue;
        for (size_t k = 0; k < ret->ad_count; k++) {
            if (peer_carries(p, ret->ads[k].prefix.addr.family) &&
                decide_adv_allows_peer(ret->ads[k].adv, p))
                return true;
        }
    }
    return false;
}

static void find_missing_link(const struct inquiry *in, const struct l2_verdict *l2,
                              const struct bgp_verdict *bgp, struct announce_answer *ret)
{
    const struct decide_world *w = in->q->world;
    struct route_table *routes;
    size_t route_count;

    if (l2->eligible_count > 0 || (ret->ad_count > 0 && reaches_a_peer(in, ret)))
        return;
    routes = route_table_new(w, &in->service, bgp, 1, in->a);
    route_table_of(routes, 0, in->a, &route_count);
    ret->missing = decide_missing_link(w, &in->service, l2, bgp, route_count, in->a);
    ret->is_reporter = ret->missing != NULL && is_reporter(w, in->q->node, in->service.addrs[0]);
}

static void decide_protocols(const struct announce_question *q, struct arena *a,
                             struct announce_answer *ret)
{
    struct inquiry in = {
        .q = q,
        .service =
            {
                .service = q->service,
                .slices = q->slices,
                .pool = ret->pool,
                .addrs = ret->ips,
                .addr_count = ret->ip_count,
            },
        .me = snapshot_node_index(q->world->cfg, q->node),
        .a = a,
    };
    struct decide_world w = *q->world;
    struct bgp_verdict bgp;
    struct l2_verdict l2;

    if (in.me >= 0)
        w = decide_world_alive(q->world, (size_t)in.me, a);
    ret->action = ANNOUNCE;
    decide_bgp(&w, &in.service, a, &bgp);
    ret->refusals[ANNOUNCE_BGP] = refuse_bgp(&in, &w, &bgp, ret);
    decide_l2(q->world, &in.service, a, &l2);
    ret->refusals[ANNOUNCE_LAYER2] = refuse_l2(&in, &l2, ret);
    find_missing_link(&in, &l2, &bgp, ret);
}

void announce_decide(const struct announce_question *q, struct arena *a,
                     struct announce_answer *ret)
{
    *ret = (struct announce_answer){.action = ANNOUNCE_LATER};
    if (q->service == NULL) {
        withdraw(ret, "serviceDeleted");
        return;
    }
    /* The type goes before the class: a Service that is no load balancer any more has lost its
     * class, and must not keep its announcement for that. */
    if (!str_eq(q->service->service.type, "LoadBalancer")) {
        withdraw(ret, "notLoadBalancer");
        return;
    }
    /* The class of a load balancer cannot change: if one of this name was announced, it is no more.
     */
    if (!is_our_class(&q->service->service, q->lb_class)) {
        withdraw(ret, "serviceDeleted");
        return;
    }
    if (q->world == NULL)
        return;
    if (q->service->service.ingress_count == 0) {
        withdraw(ret, "noIPAllocated");
        return;
    }
    if (!parse_ips(ret, &q->service->service, a)) {
        withdraw(ret, "invalidIP");
        return;
    }
    ret->pool = snapshot_pool_of(q->world->cfg, ret->ips, ret->ip_count);
    if (ret->pool == NULL) {
        withdraw(ret, "ipNotAllowed");
        return;
    }
    decide_protocols(q, a, ret);
}

static bool has_all(const struct ip *of, size_t of_count, const struct ip *in, size_t in_count)
{
    for (size_t i = 0; i < of_count; i++) {
        size_t k = 0;

        while (k < in_count && !ip_eq(of[i], in[k]))
            k++;
        if (k == in_count)
            return false;
    }
    return true;
}

bool announce_same_ips(const struct ip *a, size_t a_count, const struct ip *b, size_t b_count)
{
    return a_count == b_count && has_all(a, a_count, b, b_count) && has_all(b, b_count, a, a_count);
}
