/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a store of objects to every verdict: configuration, allocation, announcement. The one path
 * that `plan`, `check`, `explain`, `pin` and `run` share, so that what is planned is what runs.
 */
#pragma once

#include "decide/decide.h"
#include "ipam/ipam.h"
#include "model/fault.h"
#include "model/store.h"

struct evaluation_options {
    const char *namespace; /* of MetalLB */
    const char *lb_class;  /* --lb-class, "" when not given */
    bool ignore_exclude_lb;

    /*
     * NULL, or what is in force now: a Service whose status lists no address is taken to hold what
     * it has there, and keeps it against others whose status claims it. A running process passes
     * its last good evaluation, so that an edit moves no address that is in use.
     */
    const struct evaluation *held_from;

    /* What is known of a node beside its object: liveness, links. May be NULL. What the node then
     * points to is copied, but for the detail, which is a constant. */
    void (*node_known)(void *arg, const char *name, struct decide_node *node, struct arena *a);
    void *arg;
};

/* Without a snapshot the allocations still show what each status holds, since a bad set replaces
 * nothing. */
struct evaluation {
    struct arena *arena;
    struct snapshot *cfg; /* NULL when there are faults: then nothing was decided */
    struct ipam *ipam;
    struct decide_world world;

    /* The Services of type LoadBalancer that pass the class filter, by namespace and name; parallel
     * arrays. */
    size_t count;
    struct ipam_service *allocations;
    struct decide_service
        *services; /* pool NULL and addr_count 0 when the Service has no address */
    struct l2_verdict *l2;
    struct bgp_verdict *bgp;
    struct route_table *routes;

    struct fault_list faults, warnings;
    size_t read_warnings; /* of them, the first: from reading the objects */
};

/* `faults` and `warnings` of reading the objects are moved in. The store must outlive the
 * evaluation. */
struct evaluation *evaluation_new(struct store *store, const struct evaluation_options *options,
                                  struct fault_list *faults, struct fault_list *warnings);
/* The same objects once more, because something else has changed: what is known of a node. */
struct evaluation *evaluation_again(const struct evaluation *old, struct store *store,
                                    const struct evaluation_options *options);
struct evaluation *evaluation_free(struct evaluation *e);
DEFINE_CLEANUP(struct evaluation, evaluation_free);

/* The index of a Service, or -1. */
int evaluation_find(const struct evaluation *e, const char *namespace, const char *name);
