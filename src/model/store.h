/* SPDX-License-Identifier: Apache-2.0 */
/* All objects of a cluster (or of a folder), by kind, namespace and name. The store owns them. */
#pragma once

#include "model/object.h"

struct store;

struct store *store_new(void);
struct store *store_free(struct store *s);
DEFINE_CLEANUP(struct store, store_free);

/* Takes the object; an older one of the same kind, namespace and name is freed. */
void store_put_take(struct store *s, struct object *o);
/* As store_put_take, but hands the older one over instead of freeing it; NULL when there was none.
 */
struct object *store_swap(struct store *s, struct object *o);
/* Hands the object over; NULL when there is none of that name. */
struct object *store_remove(struct store *s, enum object_kind kind, const char *namespace,
                            const char *name);
bool store_del(struct store *s, enum object_kind kind, const char *namespace, const char *name);

const struct object *store_find(const struct store *s, enum object_kind kind, const char *namespace,
                                const char *name);

/* Sorted by namespace and name; valid until the next put or del of that kind. */
struct object_list store_list(struct store *s, enum object_kind kind);

/* The EndpointSlices of a Service, by slice name; valid until the next put or del of a slice. */
struct object_list store_slices(const struct store *s, const char *namespace, const char *service);
