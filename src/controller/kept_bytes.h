/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of objects that will probably be written: a PUT begins with them, and without them the
 * object is read again first. Bounded, since a cluster may have any number of Services.
 *
 * They lie in one block: thousands of texts between the objects that come at the same time, and
 * stay, would leave holes behind in which little fits.
 */
#pragma once

#include "base/map.h"
#include "base/text.h"
#include "model/object.h"

enum { KEPT_BYTES_MAX = 4 << 20 };

struct kept_bytes {
    struct map by_key;
    struct text all;   /* emptied once none is left */
    bool has_unwanted; /* there may be some */
};

struct kept {
    const char *bytes; /* NULL: none */
    size_t len;
};

void kept_bytes_done(struct kept_bytes *k);

/* All but those of objects that will be written for certain. */
void kept_bytes_forget(struct kept_bytes *k);
void kept_bytes_want(struct kept_bytes *k, const struct object *o);

/* Copies what may be sent back: all but metadata.managedFields, which the server has itself.
 * Nothing happens when it is full. */
void kept_bytes_put(struct kept_bytes *k, const struct object *o, const char *json, size_t len);
/* The bytes of the object, if they are of this version, for the last time: they live until the next
 * call. */
struct kept kept_bytes_take(struct kept_bytes *k, const struct object *o);

void kept_bytes_drop(struct kept_bytes *k, const char *key /* "namespace/name" */);

/* Cuts metadata.managedFields out of compact JSON, in place. Returns the new length. */
size_t json_cut_managed_fields(char *json, size_t len);
