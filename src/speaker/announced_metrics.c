/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/announced_metrics.h"

struct walk {
    struct exposition *x;
    const char *node;
};

static void emit_one(void *arg, const char *service, enum announce_protocol protocol, struct ip ip)
{
    const struct walk *w = arg;

    exposition_uint(w->x, 1, {"service", service}, {"protocol", announce_protocol_name(protocol)},
                    {"node", w->node}, {"ip", ip_format(ip).s});
}

static void emit(struct exposition *x, unsigned which, const void *owner)
{
    const struct announced_metrics *m = owner;
    struct walk w = {x, m->node};

    (void)which;
    m->each(m->arg, emit_one, &w);
}

static const struct metric_family families[] = {
    {"metallb_speaker_announced", METRIC_GAUGE,
     "Services being announced from this node. This is desired state, it does not guarantee that "
     "the routing protocols have converged.",
     emit, 0},
};

struct metric_source announced_metrics_source(const struct announced_metrics *owner)
{
    return (struct metric_source){families, ARRAY_SIZE(families), owner};
}
