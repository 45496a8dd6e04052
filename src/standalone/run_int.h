/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the running role share: run.c drives, control.c answers questions, report.c
 * tells what changed. */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <jansson.h>
#include <time.h>

#include "base/map.h"
#include "base/mono.h"
#include "feed/feed_files.h"
#include "serve/config_metrics.h"
#include "serve/metrics_server.h"
#include "speaker/announced_metrics.h"
#include "speaker/announcer.h"
#include "speaker/control.h"
#include "speaker/drain_clock.h"
#include "speaker/handover.h"
#include "speaker/membership.h"
#include "speaker/router.h"
#include "standalone/folder.h"
#include "standalone/options.h"

struct run {
    const struct run_options *options;
    struct event_base *base;
    struct announcer *announcer;
    struct router *router;
    struct map holders; /* "namespace/name" -> struct route_holder, of Services with routes */
    struct drain_clock drain;
    bool passed; /* there was a state to announce */
    struct feed_files *feed;
    struct control *control;
    struct membership *members;     /* NULL without --peers */
    struct metrics_server *metrics; /* NULL without --metrics-listen */
    struct config_metrics config_metrics;
    struct announced_metrics announced_metrics;
    struct event on_hup, on_term, on_int;
    struct handover handover;

    struct folder_state *state; /* the last good one; NULL before */
    char *refused;              /* why the newest reading is not in force; NULL when it is */
    struct mono started;
    time_t applied_at; /* wall clock, for people */
    uint64_t readings, refusals;
};

/* The index of our node in an evaluation, or -1 when the folder has no such Node. */
int run_node_index(const struct run *run, const struct evaluation *e);
/* Does our node announce the Service by Layer 2? */
bool run_owns(const struct run *run, const struct evaluation *e, size_t service);

/* The members, the cut links or something else than the folder changed: decides anew. */
void run_decide_again(struct run *run);

/* --- run_routes.c: BGP --- */

NODISCARD int routes_open(struct run *run, struct err *err);
void routes_close(struct run *run);
/* What our node announces by BGP from now on. */
void routes_announce(struct run *run, const struct evaluation *e);

/* --- run_metrics.c: with --metrics-listen --- */

NODISCARD int run_metrics_open(struct run *run, struct err *err);

/* --- members.c: with --peers --- */

NODISCARD int members_open(struct run *run, struct err *err);
/* evaluation_options.node_known; `arg` is the run. */
void members_node_known(void *arg, const char *name, struct decide_node *node, struct arena *a);
/* The links may have changed, or the configuration. */
void members_tell(struct run *run, bool links_changed);
void members_on_rival(void *arg, struct ip ip);

/* Logs the way from one good state to the next: what starts and stops here, what is pending, what
 * deserves a warning. */
void report_change(const struct run *run, const struct evaluation *old,
                   const struct evaluation *new);
void report_refusal(const struct evaluation *e);

/* The whole answer to `steellb status`; a new reference. */
json_t *status_build(const struct run *run);
