/* SPDX-License-Identifier: Apache-2.0 */
/* metallb_allocator_* (spec controller 3), and the server that shows the metrics of a controller.
 */
#include "base/text.h"
#include "controller/controller_int.h"
#include "serve/cluster_metrics.h"

/* --- pools --- */

enum pool_fact { TOTAL, TOTAL_V4, TOTAL_V6, IN_USE, IN_USE_V4, IN_USE_V6 };

/* Both can be the greatest number that there is. */
static int64_t sum(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int64_t pool_value(const struct ipam_counters *c, enum pool_fact which)
{
    switch (which) {
    case TOTAL:
        return c->total;
    case TOTAL_V4:
        return sum(c->assigned_v4, c->available_v4);
    case TOTAL_V6:
        return sum(c->assigned_v6, c->available_v6);
    case IN_USE:
        return sum(c->assigned_v4, c->assigned_v6);
    case IN_USE_V4:
        return c->assigned_v4;
    case IN_USE_V6:
        return c->assigned_v6;
    }
    return 0;
}

static void emit_pools(struct exposition *x, unsigned which, const void *owner)
{
    const struct reconciler *r = owner;

    for (size_t i = 0; r->cfg != NULL && i < r->cfg->pool_count; i++) {
        const struct pool *p = &r->cfg->pools[i];
        struct ipam_counters c = ipam_pool_counters(allocator_ipam(r->allocator), p);

        exposition_int(x, pool_value(&c, (enum pool_fact)which), {"pool", p->name});
    }
}

static const struct metric_family families[] = {
    {"metallb_allocator_addresses_total", METRIC_GAUGE, "Number of usable IP addresses, per pool",
     emit_pools, TOTAL},
    {"metallb_allocator_ipv4_addresses_total", METRIC_GAUGE,
     "Number of usable IPV4 addresses, per pool", emit_pools, TOTAL_V4},
    {"metallb_allocator_ipv6_addresses_total", METRIC_GAUGE,
     "Number of usable IPV6 addresses, per pool", emit_pools, TOTAL_V6},
    {"metallb_allocator_addresses_in_use_total", METRIC_GAUGE,
     "Number of IP addresses in use, per pool", emit_pools, IN_USE},
    {"metallb_allocator_ipv4_addresses_in_use_total", METRIC_GAUGE,
     "Number of IPV4 addresses in use, per pool", emit_pools, IN_USE_V4},
    {"metallb_allocator_ipv6_addresses_in_use_total", METRIC_GAUGE,
     "Number of IPV6 addresses in use, per pool", emit_pools, IN_USE_V6},
};

/* --- the server --- */

static void read_config_facts(const void *arg, struct config_facts *ret)
{
    const struct reconciler *r = arg;

    ret->updates = cluster_updates(r->cluster);
    ret->errors = cluster_undecodable(r->cluster) + service_writer_failures(r->writer);
    ret->is_loaded = r->cfg != NULL;
    ret->is_stale = r->is_stale;
}

int controller_metrics_open(struct controller_metrics *m, const struct reconciler *r,
                            struct err *err)
{
    const struct metric_source all[] = {
        build_metrics_source(),
        {families, ARRAY_SIZE(families), r},
        config_metrics_source(&m->config),
        cluster_metrics_source(r->cluster),
    };
    const struct metrics_server_options how = {
        .base = r->cluster->base,
        .address = "",
        .port = (uint16_t)r->options->port,
        .sources = all,
        .source_count = ARRAY_SIZE(all),
        .tls = &r->options->tls,
        .client = r->cluster->client,
    };

    m->config = (struct config_metrics){.read = read_config_facts, .arg = r};
    return metrics_server_new(&m->server, &how, err);
}

void controller_metrics_close(struct controller_metrics *m)
{
    m->server = metrics_server_free(m->server);
}
