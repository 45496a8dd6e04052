/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One active process among several, by a coordination.k8s.io/v1 Lease (spec kubernetes-client 1.6).
 * Whoever may not read or write the Lease (403) is told so: MetalLB's rights do not include it.
 */
#pragma once

#include <event2/event.h>

#include "kube/kube_client.h"

struct kube_lease;

enum kube_lease_state {
    KUBE_LEASE_WAITING, /* somebody else is active, or nothing is known yet */
    KUBE_LEASE_HELD,
    KUBE_LEASE_LOST, /* it was ours and could not be renewed in time: stop at once. It goes on to
                        compete, and the next state is HELD */
    KUBE_LEASE_FORBIDDEN, /* we have no right to it: as if there were no Lease */
};

struct kube_lease_options {
    struct event_base *base;
    struct kube_client *client;
    const char *namespace, *name, *identity; /* copied; at most 253 bytes, other than all others */
    int64_t duration_ns, renew_deadline_ns, retry_ns; /* 0: 15 s, 10 s, 2 s, as client-go */
    void (*changed)(void *arg, enum kube_lease_state state);
    void *arg;
};

struct kube_lease *kube_lease_new(const struct kube_lease_options *options);
/* Gives a held lease up, from now on not active, in one request that is not waited for longer than
 * until `left`. */
void kube_lease_release(struct kube_lease *l, void (*left)(void *arg), void *arg);
struct kube_lease *kube_lease_free(struct kube_lease *l);
DEFINE_CLEANUP(struct kube_lease, kube_lease_free);
/* At this moment: after the process was stopped for a while it knows more than `changed` has told.
 */
enum kube_lease_state kube_lease_state(const struct kube_lease *l);
