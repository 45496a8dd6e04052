/* SPDX-License-Identifier: Apache-2.0 */
/* Services are printed one at a time, one a line: a plan of thousands never exists as one value. */
#include "cli/plan.h"

#include "cli/report.h"
#include "cli/view.h"
#include "speaker/json_text.h"

static json_t *family_counts(int64_t v4, int64_t v6)
{
    json_t *o = json_object();

    json_object_set_new_nocheck(o, "ipv4", json_integer(v4));
    json_object_set_new_nocheck(o, "ipv6", json_integer(v6));
    return o;
}

static json_t *pools_json(const struct evaluation *e)
{
    json_t *array = json_array();

    for (size_t i = 0; e->cfg != NULL && i < e->cfg->pool_count; i++) {
        struct ipam_counters c = ipam_pool_counters(e->ipam, &e->cfg->pools[i]);
        json_t *o = json_object();

        report_json_put(o, "name", e->cfg->pools[i].name);
        json_object_set_new_nocheck(o, "assigned", family_counts(c.assigned_v4, c.assigned_v6));
        json_object_set_new_nocheck(o, "available", family_counts(c.available_v4, c.available_v6));
        json_array_append_new(array, o);
    }
    return array;
}

static json_t *string_array(const struct string_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_text(list->items[i]));
    return array;
}

static json_t *endpoint_json(const struct endpoint *e)
{
    struct endpoint_verdict v = decide_endpoint(e);
    json_t *o = json_object(), *earlier = json_object();

    /* The addresses of one endpoint are interchangeable; consumers take the first (EndpointSlice
     * API). */
    report_json_put(o, "address", e->addresses.count > 0 ? e->addresses.items[0] : "");
    if (*e->node != '\0')
        report_json_put(o, "node", e->node);
    json_object_set_new_nocheck(o, "counts", json_boolean(v.counts));
    report_json_put(o, "rule", endpoint_rule_name(v.rule));
    json_object_set_new_nocheck(earlier, "0.13.12", json_boolean(v.counted_0_13_12));
    json_object_set_new_nocheck(earlier, "0.14.3", json_boolean(v.counted_0_14_3));
    json_object_set_new_nocheck(o, "earlier", earlier);
    return o;
}

static json_t *endpoints_json(const struct view *v)
{
    json_t *array = json_array();

    for (size_t i = 0; i < v->slices.count; i++) {
        const struct endpoint_slice *slice = &v->slices.items[i]->slice;

        for (size_t k = 0; k < slice->endpoint_count; k++)
            json_array_append_new(array, endpoint_json(&slice->endpoints[k]));
    }
    return array;
}

static json_t *candidate_json(const struct view *v, size_t i)
{
    const struct l2_candidate *c = &v->l2->candidates[i];
    CLEANUP(text_done) struct text sentence = {0};
    json_t *o = json_object();

    report_json_put(o, "node", view_node_name(v, c->node));
    if (i < v->l2->eligible_count) {
        report_json_put(o, "verdict", i == 0 ? "owner" : "standby");
        return o;
    }
    l2_candidate_text(&sentence, &v->evaluation->world, v->decided, c);
    report_json_put(o, "verdict", "no");
    report_json_put(o, "reason", l2_reason_name(c->reason));
    report_json_put(o, "message", text_str(&sentence));
    return o;
}

static json_t *layer2_entry(const struct view *v, struct ip address, struct arena *a)
{
    struct string_list names = view_l2_names(v, a), interfaces = {0};
    const char *owner = view_owner(v);
    json_t *o = json_object(), *nodes = json_array();
    bool all = true;

    if (owner != NULL)
        interfaces = decide_l2_interfaces(v->l2, v->l2->candidates[0].node, a, &all);
    if (all)
        interfaces.count = 0;
    report_json_put(o, "address", ip_format(address).s);
    if (owner != NULL)
        report_json_put(o, "node", owner);
    json_object_set_new_nocheck(o, "advertisements", string_array(&names));
    json_object_set_new_nocheck(o, "interfaces", string_array(&interfaces));
    for (size_t i = 0; i < v->l2->candidate_count; i++)
        json_array_append_new(nodes, candidate_json(v, i));
    json_object_set_new_nocheck(o, "nodes", nodes);
    return o;
}

static json_t *layer2_json(const struct view *v, struct arena *a)
{
    json_t *array = json_array();

    for (size_t i = 0; v->l2 != NULL && i < v->decided->addr_count; i++)
        json_array_append_new(array, layer2_entry(v, v->decided->addrs[i], a));
    return array;
}

void plan_route_attributes_json(json_t *o, const struct bgp_route *r, struct arena *a)
{
    struct string_list communities = view_communities(r, a);

    json_object_set_new_nocheck(o, "localPref", json_integer(r->local_pref));
    json_object_set_new_nocheck(o, "communities", string_array(&communities));
    json_object_set_new_nocheck(o, "asPathPrepend", json_integer(r->as_path_prepend));
}

static json_t *bgp_json(const struct view *v, struct arena *a)
{
    json_t *array = json_array();

    for (size_t i = 0; i < v->route_count; i++) {
        const struct bgp_route *r = &v->routes[i];
        json_t *o = json_object();

        report_json_put(o, "node", view_node_name(v, r->node));
        report_json_put(o, "peer", r->peer->name);
        report_json_put(o, "prefix", prefix_format(r->prefix).s);
        plan_route_attributes_json(o, r, a);
        json_array_append_new(array, o);
    }
    return array;
}

static json_t *service_json(const struct view *v, struct arena *a)
{
    CLEANUP(text_done) struct text message = {0};
    json_t *o = json_object();
    const char *reason;

    report_json_put(o, "namespace", v->service->meta.namespace);
    report_json_put(o, "name", v->service->meta.name);
    if (view_pending(v, &reason, &message)) {
        json_t *pending = json_object();

        report_json_put(pending, "reason", reason);
        report_json_put(pending, "message", text_str(&message));
        json_object_set_new_nocheck(o, "pending", pending);
    } else {
        if (v->pool != NULL)
            report_json_put(o, "pool", v->pool);
        json_object_set_new_nocheck(o, "addresses",
                                    report_json_ips(v->verdict->addrs, v->verdict->addr_count));
    }
    json_object_set_new_nocheck(o, "endpoints", endpoints_json(v));
    json_object_set_new_nocheck(o, "layer2", layer2_json(v, a));
    json_object_set_new_nocheck(o, "bgp", bgp_json(v, a));
    return o;
}

static void print_service(FILE *out, const struct input *in, size_t i)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct view v = view_of(in->evaluation, in->manifest.store, i, scratch);

    report_json_dump_take(out, service_json(&v, scratch));
}

void plan_print_json(FILE *out, const struct input *in)
{
    const struct evaluation *e = in->evaluation;

    fputs("{\"kind\": \"Plan\", \"version\": 1,\n\"faults\": ", out);
    report_json_dump_take(out, report_json_faults(&e->faults));
    fputs(",\n\"warnings\": ", out);
    report_json_dump_take(out, report_json_faults(&e->warnings));
    fputs(",\n\"pools\": ", out);
    report_json_dump_take(out, pools_json(e));
    fputs(",\n\"services\": [", out);
    for (size_t i = 0; i < e->count; i++) {
        fputs(i > 0 ? ",\n" : "\n", out);
        print_service(out, in, i);
    }
    fputs("]}\n", out);
}
