/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Services are looked at, and when (spec controller 1.1 to 1.3, 1.7). Pure: objects and
 * configurations come in, verdicts go out; no clock, no socket, no log.
 *
 * A Service that changes is decided at once. A new configuration asks for a pass over all Services.
 * When a Service gives something up, MetalLB looks at all of them again; here those that wait for
 * something are, since nobody else could gain by it.
 */
#pragma once

#include "ipam/ipam.h"
#include "model/store.h"

struct allocator;

struct allocator_options {
    struct store *store;  /* borrowed, as all here */
    const char *lb_class; /* --lb-class */
    /*
     * What a Service should have. `is_news` false: its events have been told before, and neither
     * they nor the Service have changed since. The verdict lives for the time of the call.
     */
    void (*decided)(void *arg, const struct object *service, const struct ipam_verdict *verdict,
                    bool is_news);
    /* An earlier decision is on its way into the status, so that what the store has is old. */
    bool (*is_under_way)(void *arg, const struct object *service);
    void *arg;
};

struct allocator *allocator_new(const struct allocator_options *options);
struct allocator *allocator_free(struct allocator *a);
DEFINE_CLEANUP(struct allocator, allocator_free);

/* Before the first one no Service is touched. Takes a reference of its own. */
void allocator_set_snapshot(struct allocator *a, struct snapshot *cfg);

/* The store has changed: `old` NULL, created; `new` NULL, gone. `is_own`: by our own write. */
void allocator_on_service(struct allocator *a, const struct object *old, const struct object *new,
                          bool is_own);

/* Looks again at what is due: all Services, those that wait, or nothing. True when it was all. */
bool allocator_run(struct allocator *a);

const struct ipam *allocator_ipam(const struct allocator *a);
