/* SPDX-License-Identifier: Apache-2.0 */
/* metallb_k8s_client_*: what became of the objects that a role watches, and of its configuration
 * (spec controller 3.3, api-and-config 2.13). */
#pragma once

#include "serve/exposition.h"

struct config_facts {
    uint64_t updates; /* changes of objects that were looked at */
    uint64_t errors;  /* of these, without the effect that they should have had */
    bool is_loaded;   /* a configuration has been in force */
    bool is_stale;    /* the newest one is not */
};

struct config_metrics {
    void (*read)(const void *arg, struct config_facts *ret);
    const void *arg;
};

struct metric_source config_metrics_source(const struct config_metrics *owner);
