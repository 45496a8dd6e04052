/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters in the status of IPAddressPools (spec controller 3.2): written when they differ from
 * what the pool says, whoever changed that; zeros for a pool that is not in force. One write of a
 * pool is under way at a time, and at most one a second begins, with what the counters are by then.
 */
#pragma once

#include "ipam/ipam.h"
#include "kube/kube_feed.h"
#include "kube/kube_writer.h"

struct pool_status;

struct pool_status *pool_status_new(struct event_base *base, struct kube_writer *writer,
                                    const struct ipam *ipam);
struct pool_status *pool_status_free(struct pool_status *p);
DEFINE_CLEANUP(struct pool_status, pool_status_free);

/* Of an OBJ_IP_ADDRESS_POOL. Returns whether its spec may have changed: MetalLB does not look at
 * changes of labels or status. */
bool pool_status_on_change(struct pool_status *p, const struct kube_change *change);

/* To be called when counters may have changed. Nothing is written before the first call. */
void pool_status_refresh(struct pool_status *p);

void pool_status_stop(struct pool_status *p); /* no more writes begin */

/* Sets the four counters; see kube_edit_fn. */
enum kube_edit pool_status_edit(json_t *document, const struct ipam_counters *counters);
