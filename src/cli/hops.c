/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hops_int.h"

#include "cli/releases.h"
#include "cli/report.h"
#include "model/selector.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void hop_add(struct hop_list *h, const char *link, enum hop_mark mark, const char *fmt, ...)
{
    CLEANUP(text_done) struct text line = {0};
    CLEANUP(xfreep) char *s = NULL;
    va_list ap;

    va_start(ap, fmt);
    s = xvasprintf(fmt, ap);
    va_end(ap);
    report_one_line(&line, s);
    h->items = array_grow(h->items, &h->cap, h->count + 1, sizeof(*h->items));
    h->items[h->count++] = (struct hop){link, mark, arena_strdup(h->arena, text_str(&line))};
}

/* --- the Service and its address --- */

static void verdict_not(struct hop_list *h, const struct object *o, const char *why)
{
    h->announced = false;
    h->verdict =
        arena_printf(h->arena, "%s/%s is not announced: %s", o->meta.namespace, o->meta.name, why);
}

/* False when it is none of ours. */
static bool explain_service(struct hop_list *h, const struct object *o, const char *lb_class)
{
    const struct service *s = &o->service;
    const char *class = s->load_balancer_class;

    if (!str_eq(s->type, "LoadBalancer")) {
        hop_add(h, "service", HOP_BROKEN,
                "it is of type %s; only Services of type LoadBalancer get an address", s->type);
        verdict_not(h, o, "it is not of type LoadBalancer");
        return false;
    }
    if (!ipam_class_is_ours(s, lb_class)) {
        hop_add(h, "service", HOP_BROKEN,
                "its loadBalancerClass is %s, but %s%s are served (--lb-class)",
                class != NULL ? class : "not set",
                *lb_class != '\0' ? "only Services of class " : "only those without a class",
                lb_class);
        verdict_not(h, o, "its loadBalancerClass belongs to another load balancer");
        return false;
    }
    hop_add(h, "service", HOP_OK, "type LoadBalancer, %s%s, externalTrafficPolicy %s",
            class != NULL ? "class " : "no class", class != NULL ? class : "",
            str_eq(s->external_traffic_policy, "Local") ? "Local" : "Cluster");
    return true;
}

static void explain_faults(struct hop_list *h, const struct view *v)
{
    const struct fault_list *faults = &v->evaluation->faults;
    CLEANUP(text_done) struct text held = {0};

    for (size_t i = 0; i < faults->count; i++) {
        CLEANUP(text_done) struct text line = {0};

        report_fault(&line, &faults->items[i]);
        hop_add(h, "configuration", HOP_BROKEN, "%s", text_str(&line));
    }
    if (v->verdict->addr_count > 0) {
        report_ips(&held, v->verdict->addrs, v->verdict->addr_count);
        hop_add(h, "allocation", HOP_ATTENTION, "its status holds %s, which stays",
                text_str(&held));
    }
    verdict_not(
        h, v->service,
        "the configuration has faults, so nothing is decided; what runs keeps its last good one");
}

/* What each pool could have done for a Service that got nothing. */
static void explain_pools(struct hop_list *h, const struct view *v)
{
    const struct snapshot *cfg = v->evaluation->cfg;

    for (size_t i = 0; i < cfg->pool_count; i++) {
        const struct pool *p = &cfg->pools[i];
        struct ipam_counters c = ipam_pool_counters(v->evaluation->ipam, p);

        if (!pool_serves(p, &v->service->meta))
            hop_add(h, "pool", HOP_ATTENTION, "%s is not for this Service (serviceAllocation)",
                    p->name);
        else
            hop_add(h, "pool", c.available_v4 + c.available_v6 > 0 ? HOP_OK : HOP_ATTENTION,
                    "%s has %" PRId64 " IPv4 and %" PRId64 " IPv6 addresses free%s", p->name,
                    c.available_v4, c.available_v6,
                    p->auto_assign
                        ? ""
                        : ", but only for Services that ask for them (autoAssign: false)");
    }
}

/* False when it has no address. */
static bool explain_allocation(struct hop_list *h, const struct view *v)
{
    const struct ipam_verdict *a = v->verdict;
    CLEANUP(text_done) struct text addresses = {0};
    CLEANUP(text_done) struct text pending = {0};
    const char *reason;

    for (size_t i = 0; i < a->event_count; i++) {
        CLEANUP(text_done) struct text event = {0};

        if (a->events[i].why.code == IPAM_OK)
            continue;
        ipam_event_text(&event, &a->events[i]);
        hop_add(h, "allocation", a->addr_count > 0 ? HOP_ATTENTION : HOP_BROKEN, "%s: %s",
                ipam_event_reason(a->events[i].kind), text_str(&event));
    }
    if (view_pending(v, &reason, &pending)) {
        explain_pools(h, v);
        verdict_not(
            h, v->service,
            arena_printf(h->arena, "it has no address (%s: %s)", reason, text_str(&pending)));
        return false;
    }
    report_ips(&addresses, a->addrs, a->addr_count);
    hop_add(h, "allocation", HOP_OK, "%s from pool %s", text_str(&addresses), v->pool);
    return true;
}

/* --- advertisements --- */

static void selectors_text(struct text *t, const struct selector_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            text_add(t, " or ");
        selector_print_short(t, &list->items[i]);
    }
}

static void explain_advertisement(struct hop_list *h, const char *kind, const char *name,
                                  const struct selector_list *selectors, const struct view *v)
{
    CLEANUP(text_done) struct text wanted = {0};

    if (service_selected(selectors, &v->service->meta.labels)) {
        hop_add(h, "advertisement", HOP_OK, "%s %s covers it", kind, name);
        return;
    }
    selectors_text(&wanted, selectors);
    hop_add(h, "advertisement", view_is_announced(v) ? HOP_ATTENTION : HOP_BROKEN,
            "%s %s does not: its serviceSelectors want %s", kind, name, text_str(&wanted));
}

static void explain_advertisements(struct hop_list *h, const struct view *v)
{
    const struct pool *p = v->verdict->pool;

    for (size_t i = 0; i < p->l2_count; i++) {
        for (size_t k = 0; k < p->l2[i].names.count; k++)
            explain_advertisement(h, "L2Advertisement", p->l2[i].names.items[k],
                                  &p->l2[i].adv->service_selectors, v);
    }
    for (size_t i = 0; i < p->bgp_count; i++)
        explain_advertisement(h, "BGPAdvertisement", p->bgp[i]->name, &p->bgp[i]->service_selectors,
                              v);
    if (p->l2_count + p->bgp_count == 0)
        hop_add(h, "advertisement", HOP_BROKEN,
                "no L2Advertisement and no BGPAdvertisement selects pool %s", p->name);
}

/* --- endpoints --- */

static const char *rule_words(enum endpoint_rule rule, const struct endpoint *e)
{
    switch (rule) {
    case ENDPOINT_READY:
        if (e->serving ==
            TRI_FALSE) /* what publishNotReadyAddresses makes of a Pod that is not ready */
            return "it is ready, though not serving";
        return "it is ready";
    case ENDPOINT_READY_ABSENT:
        return "no condition 'ready' is given, which means ready";
    case ENDPOINT_SERVING:
        return "it is not ready, but still serving";
    case ENDPOINT_NOT_READY:
        return "it is neither ready nor serving";
    }
    return "";
}

static bool any_endpoint_counts(const struct view *v)
{
    for (size_t i = 0; i < v->slices.count; i++) {
        const struct endpoint_slice *slice = &v->slices.items[i]->slice;

        for (size_t k = 0; k < slice->endpoint_count; k++) {
            if (decide_endpoint(&slice->endpoints[k]).counts)
                return true;
        }
    }
    return false;
}

static void explain_endpoint(struct hop_list *h, const struct endpoint *e, enum hop_mark mark_lost)
{
    struct endpoint_verdict v = decide_endpoint(e);
    const char *address =
        e->addresses.count > 0 ? e->addresses.items[0] : "an endpoint without address";
    bool has_node = *e->node != '\0';

    hop_add(h, "endpoint", v.counts ? HOP_OK : mark_lost, "%s on %s %s (%s): %s", address,
            has_node ? e->node : "no node", v.counts ? "counts" : "does not count",
            endpoint_rule_name(v.rule), rule_words(v.rule, e));
}

static void explain_endpoints(struct hop_list *h, const struct view *v)
{
    enum hop_mark mark_lost = any_endpoint_counts(v) ? HOP_ATTENTION : HOP_BROKEN;
    size_t total = 0;

    for (size_t i = 0; i < v->slices.count; i++) {
        const struct endpoint_slice *slice = &v->slices.items[i]->slice;

        for (size_t k = 0; k < slice->endpoint_count; k++)
            explain_endpoint(h, &slice->endpoints[k], mark_lost);
        total += slice->endpoint_count;
    }
    if (total == 0)
        hop_add(h, "endpoint", HOP_BROKEN, "%s",
                v->slices.count == 0
                    ? "no EndpointSlice names this Service (label kubernetes.io/service-name)"
                    : "its EndpointSlices are empty");
}

/* --- Layer 2 --- */

static void explain_candidates(struct hop_list *h, const struct view *v)
{
    enum hop_mark mark_lost = view_is_announced(v) ? HOP_ATTENTION : HOP_BROKEN;

    for (size_t i = 0; i < v->l2->candidate_count; i++) {
        const struct l2_candidate *c = &v->l2->candidates[i];
        const char *name = view_node_name(v, c->node);
        CLEANUP(text_done) struct text sentence = {0};

        if (i < v->l2->eligible_count) {
            hop_add(h, "node", HOP_OK, "%s may announce by Layer 2: %s", name,
                    i == 0 ? "first in the election" : "standby");
            continue;
        }
        l2_candidate_text(&sentence, &v->evaluation->world, v->decided, c);
        hop_add(h, "node", mark_lost, "%s may not announce by Layer 2 (%s): %s", name,
                l2_reason_name(c->reason), text_str(&sentence));
    }
}

static void explain_owner(struct hop_list *h, const struct view *v)
{
    const char *owner = view_owner(v);
    CLEANUP(text_done) struct text addresses = {0};
    CLEANUP(text_done) struct text where = {0};
    struct string_list interfaces;
    bool all;

    if (owner == NULL) {
        hop_add(h, "announcer", view_is_announced(v) ? HOP_ATTENTION : HOP_BROKEN,
                "no node may announce by Layer 2");
        return;
    }
    report_ips(&addresses, v->decided->addrs, v->decided->addr_count);
    interfaces = decide_l2_interfaces(v->l2, v->l2->candidates[0].node, h->arena, &all);
    if (all)
        text_add(&where, "all interfaces");
    else
        report_names(&where, interfaces.items, interfaces.count);
    hop_add(h, "announcer", HOP_OK, "%s answers for %s on %s", owner, text_str(&addresses),
            text_str(&where));
}

/* --- the whole way --- */

static void verdict_announced(struct hop_list *h, const struct view *v)
{
    CLEANUP(text_done) struct text how = {0};
    const char *owner = view_owner(v);

    report_ips(&how, v->decided->addrs, v->decided->addr_count);
    if (owner != NULL)
        text_printf(&how, " by %s on Layer 2", owner);
    if (v->route_count > 0) {
        text_printf(&how, "%s by BGP with ", owner != NULL ? " and" : "");
        report_count(&how, v->route_count, "route", "routes");
    }
    h->announced = true;
    h->verdict = arena_printf(h->arena, "%s/%s is announced: %s", v->service->meta.namespace,
                              v->service->meta.name, text_str(&how));
}

static void explain_announcement(struct hop_list *h, const struct view *v)
{
    const char *missing;

    explain_advertisements(h, v);
    explain_endpoints(h, v);
    if (v->l2 != NULL) {
        explain_candidates(h, v);
        explain_owner(h, v);
    }
    if (v->bgp->nodes != NULL)
        hops_explain_bgp(h, v);
    if (view_is_announced(v)) {
        verdict_announced(h, v);
        return;
    }
    missing = decide_missing_link(&v->evaluation->world, v->decided,
                                  v->l2 != NULL ? v->l2 : &(struct l2_verdict){0}, v->bgp,
                                  v->route_count, h->arena);
    h->verdict =
        arena_printf(h->arena, "%s/%s: %s", v->service->meta.namespace, v->service->meta.name,
                     missing != NULL ? missing : "nobody announces it");
}

static void explain_decided(struct hop_list *h, const struct input *in, size_t i)
{
    struct view v = view_of(in->evaluation, in->manifest.store, i, h->arena);
    CLEANUP(text_done) struct text releases = {0};

    if (in->evaluation->cfg == NULL)
        explain_faults(h, &v);
    else if (explain_allocation(h, &v))
        explain_announcement(h, &v);
    releases_text(&releases, &v.service->service, v.slices, view_is_announced(&v));
    h->releases = arena_strdup(h->arena, text_str(&releases));
}

void hops_explain(struct hop_list *ret, const struct input *in, const struct object *service,
                  const struct evaluation_options *options)
{
    struct hop_list h = {.arena = arena_new(), .releases = ""};

    if (explain_service(&h, service, options->lb_class)) {
        int i = evaluation_find(in->evaluation, service->meta.namespace, service->meta.name);

        assert(i >= 0); /* the evaluation takes the same Services as explain_service */
        explain_decided(&h, in, (size_t)i);
    }
    *ret = h;
}

void hops_done(struct hop_list *h)
{
    free(h->items);
    arena_free(h->arena);
    *h = (struct hop_list){0};
}
