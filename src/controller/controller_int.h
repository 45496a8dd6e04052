/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this role share. */
#pragma once

#include "base/macro.h"
#include "controller/allocator.h"
#include "controller/controller_options.h"
#include "controller/pool_status.h"
#include "controller/service_writer.h"
#include "kube/kube_lease.h"
#include "role/cluster.h"
#include "role/config_state.h"
#include "role/health.h"
#include "serve/config_metrics.h"
#include "serve/metrics_server.h"

#include <event2/event_struct.h>

/* The part that gives addresses: from when we are the active one. */
struct reconciler {
    struct cluster *cluster;
    const struct controller_options *options;
    struct allocator *allocator;
    struct service_writer *writer;
    struct pool_status *pool_status;
    struct config_state *config_state;
    struct snapshot *cfg; /* in force; NULL before the first */
    struct event work;    /* to be done once, before the loop sleeps */
    bool is_synced;       /* the store is complete */
    bool config_due;      /* pools, communities or namespaces have changed */
    bool is_stale;        /* the newest configuration is faulty */
    bool is_stopped;
};

/* The cluster, its loop included, outlives it. Nothing is watched yet. */
void reconciler_init(struct reconciler *r, struct cluster *cluster,
                     const struct controller_options *options);
void reconciler_done(struct reconciler *r); /* nothing to do on a zeroed one */

void reconciler_start(struct reconciler *r); /* watches, and decides from what it sees */
void reconciler_stop(struct reconciler *r);  /* no write begins any more */

/* --- metrics: controller_metrics.c --- */

struct controller_metrics {
    struct config_metrics config;
    struct metrics_server *server; /* NULL: off */
};

/* The reconciler outlives it. */
NODISCARD int controller_metrics_open(struct controller_metrics *m, const struct reconciler *r,
                                      struct err *err);
void controller_metrics_close(struct controller_metrics *m);
