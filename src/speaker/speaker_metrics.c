/* SPDX-License-Identifier: Apache-2.0 */
/* What the metrics of a speaker are read from, and the server that shows them. */
#include "base/text.h"
#include "serve/cluster_metrics.h"
#include "speaker/bgp_metrics.h"
#include "speaker/l2_metrics.h"
#include "speaker/member_metrics.h"
#include "speaker/speaker_int.h"

static void read_config_facts(const void *arg, struct config_facts *ret)
{
    const struct speaker *sp = arg;

    ret->updates = cluster_updates(&sp->cluster);
    ret->errors = cluster_undecodable(&sp->cluster) + sp->config.refusals;
    ret->is_loaded = sp->config.cfg != NULL;
    ret->is_stale = sp->config.is_stale;
}

static void each_announced(const void *arg, announced_fn fn, void *fn_arg)
{
    const struct speaker *sp = arg;

    MAP_EACH (&sp->services.by_key, e) {
        const struct speaker_service *s = e->value;

        for (int p = 0; p < ANNOUNCE_PROTOCOLS; p++) {
            if (!service_is_announced(s, (enum announce_protocol)p))
                continue;
            for (size_t i = 0; i < s->ip_count; i++)
                fn(fn_arg, s->key, (enum announce_protocol)p, service_ips(s)[i]);
        }
    }
}

int speaker_metrics_open(struct speaker *sp, struct err *err)
{
    const struct metric_source all[] = {
        build_metrics_source(),
        config_metrics_source(&sp->config_metrics),
        announced_metrics_source(&sp->announced_metrics),
        l2_metrics_source(sp->announcer),
        bgp_metrics_source(sp->router),
        cluster_metrics_source(&sp->cluster),
        member_metrics_source(sp->membership),
    };
    const struct metrics_server_options how = {
        .base = sp->base,
        .address = "",
        .port = (uint16_t)sp->options->port,
        .sources = all,
        .source_count = sp->membership != NULL ? ARRAY_SIZE(all) : ARRAY_SIZE(all) - 1,
        .tls = &sp->options->tls,
        .client = sp->cluster.client,
    };

    sp->config_metrics = (struct config_metrics){.read = read_config_facts, .arg = sp};
    sp->announced_metrics = (struct announced_metrics){
        .node = sp->options->node,
        .each = each_announced,
        .arg = sp,
    };
    return metrics_server_new(&sp->metrics, &how, err);
}
