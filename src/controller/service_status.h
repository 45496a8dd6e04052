/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Service should say about its addresses, against what it says (spec controller 1.6,
 * changes-0.16.2 8). Ours are status.loadBalancer and two annotations; all else stays as it is.
 *
 * Of the status only the addresses are compared. The server adds `ipMode: VIP` to what we write,
 * and others may add ports.
 */
#pragma once

#include "ipam/ipam.h"
#include "kube/kube_writer.h"

/* Nothing at all: no addresses, no pool. */
struct service_want {
    struct ip ips[IPAM_MAX_ADDRS];
    size_t count;
    const char *pool; /* NULL without addresses */
};

struct service_want service_want_of(const struct ipam_verdict *v); /* the pool is borrowed */
bool service_want_eq(const struct service_want *a, const struct service_want *b);

/* Whether the object says so already. */
bool service_says(const struct object *service, const struct service_want *want);

/* The same on the server's document, which is made to say so; see kube_edit_fn. */
enum kube_edit service_status_edit(json_t *document, const struct service_want *want);

/* Keys of annotations with the prefix that MetalLB has given up. */
bool service_annotation_is_deprecated(const char *key);
