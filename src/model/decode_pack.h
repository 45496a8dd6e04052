/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One allocation for an object and all that it points to. A document is read twice: the first time
 * loosely, to learn which strings there are and how much room the rest takes, the second time into
 * a block of that size. Both times the reader asks for the same things in the same order.
 *
 * The block: the object, its arrays, then "namespace\0name", then the other strings, each once.
 */
#pragma once

#include "base/text.h"
#include "model/object.h"

struct pack {
    struct text chars;
    size_t *offsets; /* in `chars`, of each string in the order of reading */
    size_t offset_count, offset_cap;
    size_t struct_bytes; /* of the arrays */

    char *block;     /* NULL while measuring */
    size_t taken;    /* of it, for the object and arrays */
    size_t chars_at; /* in it */
    size_t next;     /* string to be asked for */
};

void pack_done(struct pack *p); /* the block is the object's */

/* Bytes of an array, so that what follows is aligned for any member. */
size_t pack_size(size_t count, size_t size);

void pack_set_key(struct pack *p, const char *namespace, const char *name); /* first of all */
void pack_note_string(struct pack *p, const char *s);

/* Ends the measuring. */
struct object *pack_open(struct pack *p, enum object_kind kind);
void *pack_take(struct pack *p, size_t bytes); /* zeroed */
const char *pack_next_string(struct pack *p);
const char *pack_key(const struct pack *p);
