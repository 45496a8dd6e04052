/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a role in a cluster stands on: the API client with its writer and recorder, the store and
 * the feed that fills it, our own Pod. Built once at start, by both roles alike.
 */
#pragma once

#include "kube/kube_events.h"
#include "kube/kube_feed.h"
#include "kube/kube_writer.h"
#include "model/store.h"

struct cluster_options {
    const char *kubeconfig; /* --kubeconfig */
    const char *namespace;  /* --namespace; "": read from the service-account volume, untrimmed */
    const char *pod_name;   /* ours; "": not in a Pod, so that what we create has no owner */
    const char *component;  /* of Events: "metallb-controller" */
    const char *host;       /* of Events: the node's name, or "" */
    const char *user_agent;
};

struct cluster {
    struct event_base *base;
    struct kube_config *config;
    struct kube_client *client;
    struct kube_writer *writer;
    struct kube_events *events;
    struct store *store;
    struct kube_feed *feed; /* NULL until cluster_watch */
    const char *namespace;
    const char *pod_name, *pod_uid; /* of owner references; "" when we are in no Pod */
    const char *identity;           /* of this process and no other, for a Lease */
};

/*
 * Connects, and reads our own Pod; runs the loop until that is done. An API server that cannot be
 * reached is tried again for two minutes. Errors have been logged in MetalLB's words when it
 * returns -errno ("unable to get own pod for owner references").
 */
NODISCARD int cluster_open(struct cluster *ret, struct event_base *base,
                           const struct cluster_options *options);
void cluster_close(struct cluster *c);

/* Starts the feed. `options`: selections, changed, synced and arg; the rest is filled in. */
void cluster_watch(struct cluster *c, struct kube_feed_options options);

/* A metadata.ownerReferences list with our Pod, or an empty one; a new reference. */
json_t *cluster_owner_references(const struct cluster *c);
