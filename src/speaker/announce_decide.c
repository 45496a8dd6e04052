/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/announce_decide.h"

#include "base/text.h"

#include <string.h>

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

static void find_missing_link(const struct announce_question *q, const struct decide_service *s,
                              const struct l2_verdict *l2, struct arena *a,
                              struct announce_answer *ret)
{
    const struct decide_world *w = q->world;
    struct bgp_verdict bgp;
    struct route_table *routes;
    size_t route_count;

    decide_bgp(w, s, a, &bgp);
    routes = route_table_new(w, s, &bgp, 1, a);
    route_table_of(routes, 0, a, &route_count);
    ret->missing = decide_missing_link(w, s, l2, &bgp, route_count, a);
    ret->is_reporter = ret->missing != NULL && is_reporter(w, q->node, s->addrs[0]);
}

static void decide_owner(const struct announce_question *q, struct arena *a,
                         struct announce_answer *ret)
{
    const struct decide_service s = {
        .service = q->service,
        .slices = q->slices,
        .pool = ret->pool,
        .addrs = ret->ips,
        .addr_count = ret->ip_count,
    };
    int me = snapshot_node_index(q->world->cfg, q->node);
    struct l2_verdict v;

    decide_l2(q->world, &s, a, &v);
    if (v.eligible_count == 0)
        find_missing_link(q, &s, &v, a, ret);
    if (me < 0) { /* no Node object of ours: no advertisement can list us */
        withdraw(ret, "noMatchingAdvertisement");
        return;
    }
    if (v.eligible_count == 0 || v.candidates[0].node != (size_t)me) {
        withdraw(ret, l2_reason_metallb(&v, (size_t)me));
        return;
    }
    ret->action = ANNOUNCE;
    ret->interfaces = decide_l2_interfaces(&v, (size_t)me, a, &ret->all_interfaces);
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
    decide_owner(q, a, ret);
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
