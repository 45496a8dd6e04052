/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/config_metrics.h"

enum fact { UPDATES, ERRORS, LOADED, STALE };

static uint64_t value_of(const struct config_facts *f, enum fact which)
{
    switch (which) {
    case UPDATES:
        return f->updates;
    case ERRORS:
        return f->errors;
    case LOADED:
        return f->is_loaded;
    case STALE:
        return f->is_stale;
    }
    return 0;
}

static void emit(struct exposition *x, unsigned which, const void *owner)
{
    const struct config_metrics *m = owner;
    struct config_facts facts = {0};

    m->read(m->arg, &facts);
    exposition_uint(x, value_of(&facts, (enum fact)which));
}

static const struct metric_family families[] = {
    {"metallb_k8s_client_updates_total", METRIC_COUNTER,
     "Number of k8s object updates that have been processed.", emit, UPDATES},
    {"metallb_k8s_client_update_errors_total", METRIC_COUNTER,
     "Number of k8s object updates that failed for some reason.", emit, ERRORS},
    {"metallb_k8s_client_config_loaded_bool", METRIC_GAUGE,
     "1 if the MetalLB configuration was successfully loaded at least once.", emit, LOADED},
    {"metallb_k8s_client_config_stale_bool", METRIC_GAUGE,
     "1 if running on a stale configuration, because the latest config failed to load.", emit,
     STALE},
};

struct metric_source config_metrics_source(const struct config_metrics *owner)
{
    return (struct metric_source){families, ARRAY_SIZE(families), owner};
}
