/* SPDX-License-Identifier: Apache-2.0 */
/* --metrics-listen: the metrics of a speaker, over plain HTTP and for everybody who can connect. */
#include "serve/cluster_metrics.h"
#include "speaker/bgp_metrics.h"
#include "speaker/l2_metrics.h"
#include "speaker/member_metrics.h"
#include "standalone/run_int.h"

static void read_config_facts(const void *arg, struct config_facts *ret)
{
    const struct run *run = arg;

    ret->updates = run->readings;
    ret->errors = run->refusals;
    ret->is_loaded = run->state != NULL;
    ret->is_stale = run->refused != NULL;
}

static void each_announced(const void *arg, announced_fn fn, void *fn_arg)
{
    const struct run *run = arg;
    const struct evaluation *e = run->state != NULL ? run->state->evaluation : NULL;

    for (size_t i = 0; e != NULL && i < e->count; i++) {
        const struct decide_service *s = &e->services[i];
        const struct meta *m = &s->service->meta;
        CLEANUP(xfreep) char *name = xasprintf("%s/%s", m->namespace, m->name);
        bool by_l2 = run_owns(run, e, i);
        bool by_bgp = map_find_str(&run->holders, name) != NULL;

        for (size_t k = 0; k < s->addr_count; k++) {
            if (by_bgp)
                fn(fn_arg, name, ANNOUNCE_BGP, s->addrs[k]);
            if (by_l2)
                fn(fn_arg, name, ANNOUNCE_LAYER2, s->addrs[k]);
        }
    }
}

int run_metrics_open(struct run *run, struct err *err)
{
    const struct gossip_addr *at = &run->options->metrics_listen;
    const struct metric_source all[] = {
        build_metrics_source(),
        config_metrics_source(&run->config_metrics),
        announced_metrics_source(&run->announced_metrics),
        l2_metrics_source(run->announcer),
        bgp_metrics_source(run->router),
        member_metrics_source(run->members),
    };
    const struct ip_text address = ip_format(at->ip);
    const struct metrics_server_options how = {
        .base = run->base,
        .address = address.s,
        .port = at->port,
        .sources = all,
        .source_count = run->members != NULL ? ARRAY_SIZE(all) : ARRAY_SIZE(all) - 1,
    };

    if (at->ip.family == IP_NONE)
        return 0;
    run->config_metrics = (struct config_metrics){.read = read_config_facts, .arg = run};
    run->announced_metrics = (struct announced_metrics){
        .node = run->options->node_name,
        .each = each_announced,
        .arg = run,
    };
    return metrics_server_new(&run->metrics, &how, err);
}
