/* SPDX-License-Identifier: Apache-2.0 */
/* A set of small indexes (nodes of a snapshot). Memory belongs to the arena it was made in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct bitset {
    uint64_t *words;
    size_t size; /* indexes 0 .. size - 1 */
};

struct bitset bitset_new(struct arena *a, size_t size);
void bitset_add(struct bitset *s, size_t i);
bool bitset_has(const struct bitset *s, size_t i); /* false outside the set's size */
bool bitset_is_empty(const struct bitset *s);
bool bitset_meets(const struct bitset *a, const struct bitset *b); /* a common member */
bool bitset_eq(const struct bitset *a, const struct bitset *b);
