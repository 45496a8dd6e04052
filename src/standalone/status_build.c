/* SPDX-License-Identifier: Apache-2.0 */
/* What a running process knows about itself, as one JSON document. */
#include "base/text.h"
#include "speaker/bgp_report.h"
#include "speaker/json_text.h"
#include "speaker/l2_report.h"
#include "standalone/run_int.h"

/* The addresses that this node announces, each with its Services. */
static json_t *address_array(const struct run *run)
{
    const struct evaluation *e = run->state != NULL ? run->state->evaluation : NULL;
    struct address_report report;

    address_report_init(&report, run->announcer);
    for (size_t i = 0; e != NULL && i < e->count; i++) {
        const struct ipam_verdict *v = &e->allocations[i].verdict;
        const struct meta *m = &e->allocations[i].service->meta;
        CLEANUP(xfreep) char *name = xasprintf("%s/%s", m->namespace, m->name);

        for (size_t k = 0; run_owns(run, e, i) && k < v->addr_count; k++)
            address_report_add(&report, v->addrs[k], name);
    }
    return address_report_done(&report);
}

/* That announce it by BGP. */
static json_t *bgp_nodes(const struct evaluation *e, size_t i)
{
    const struct bgp_node_verdict *nodes = e->bgp[i].nodes;
    json_t *names = json_array();

    for (size_t n = 0; n < e->cfg->nodes.count; n++) {
        if (nodes[n].reason == BGP_OK)
            json_array_append_new(names, json_string(e->cfg->nodes.items[n]));
    }
    return names;
}

/* Services of the folder that this node does not announce: who does, or why they wait. */
static json_t *service_entry(const struct evaluation *e, size_t i)
{
    const struct ipam_verdict *v = &e->allocations[i].verdict;
    const struct meta *m = &e->allocations[i].service->meta;
    json_t *entry = json_pack("{s:s, s:s}", "namespace", m->namespace, "name", m->name);
    json_t *addresses = json_array();

    for (size_t k = 0; k < v->addr_count; k++)
        json_array_append_new(addresses, json_string(ip_format(v->addrs[k]).s));
    json_object_set_new(entry, "addresses", addresses);
    if (e->l2[i].eligible_count > 0)
        json_object_set_new(entry, "node",
                            json_string(e->cfg->nodes.items[e->l2[i].candidates[0].node]));
    if (e->bgp[i].nodes != NULL)
        json_object_set_new(entry, "bgpNodes", bgp_nodes(e, i));
    if (v->state == IPAM_PENDING && v->event_count > 0) {
        CLEANUP(text_done) struct text why = {0};

        ipam_event_text(&why, &v->events[v->event_count - 1]);
        json_object_set_new(entry, "pending", json_string(text_str(&why)));
    }
    return entry;
}

static json_t *service_array(const struct run *run)
{
    json_t *a = json_array();

    for (size_t i = 0; i < run->state->evaluation->count; i++)
        json_array_append_new(a, service_entry(run->state->evaluation, i));
    return a;
}

json_t *status_build(const struct run *run)
{
    json_t *bgp = bgp_report(run->router);
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "kind", "Status",
                  "version", 1, "steellb", STEELLB_VERSION, "node",
                  json_text(run->options->node_name), "folder", json_text(run->options->folder),
                  "upSeconds", (json_int_t)(mono_sub(mono_now(), run->started) / NS_PER_SEC),
                  "appliedAt", (json_int_t)run->applied_at, "readings", (json_int_t)run->readings,
                  "refusals", (json_int_t)run->refusals, "announcing", address_array(run),
                  "interfaces", link_report(run->announcer));
    json_object_set_new(bgp, "routes", bgp_report_routes(run->router));
    json_object_set_new(root, "bgp", bgp);
    if (run->drain.is_draining)
        json_object_set_new(root, "draining", json_true());
    if (run->refused != NULL)
        json_object_set_new(root, "refused", json_text(run->refused));
    if (run->state != NULL)
        json_object_set_new(root, "services", service_array(run));
    if (run->members != NULL)
        member_report(root, run->members);
    return root;
}
