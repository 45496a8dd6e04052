/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of objects that will probably be written: a PUT begins with them, and without them the
 * object is read again first. Bounded, since a cluster may have any number of Services.
 */
#pragma once

#include "base/map.h"
#include "model/object.h"

enum { KEPT_BYTES_MAX = 4 << 20 };

struct kept_bytes {
    struct map by_key;
    size_t total;
};

struct kept {
    char *bytes; /* NULL: none */
    size_t len;
};

void kept_bytes_done(struct kept_bytes *k);

/* Copies what may be sent back: all but metadata.managedFields, which the server has itself.
 * Nothing happens when it is full. */
void kept_bytes_put(struct kept_bytes *k, const struct object *o, const char *json, size_t len);
/* Hands over the bytes of this version of the object; the caller frees them. */
struct kept kept_bytes_take(struct kept_bytes *k, const struct object *o);

/* Cuts metadata.managedFields out of compact JSON, in place. Returns the new length. */
size_t json_cut_managed_fields(char *json, size_t len);
