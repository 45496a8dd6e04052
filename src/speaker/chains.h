/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash of records that begin with their link, for tables with an entry for each Service: 12 to 16
 * bytes an entry, link included. Up to two entries a chain on average: as quick as one, and half
 * the memory. The user compares the entries of a chain.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct chain {
    struct chain *next;
};

struct chains {
    struct chain **heads;                    /* size of them, to walk all: NULL-terminated lists */
    size_t size, count;                      /* size: a power of two, or 0 */
    uint64_t (*hash)(const struct chain *c); /* set by the user */
};

void chains_add(struct chains *t, struct chain *c);
void chains_del(struct chains *t, struct chain *c); /* it is there */
/* The chain in which entries with that hash are; NULL: none. */
struct chain *chains_first(const struct chains *t, uint64_t hash);
void chains_done(struct chains *t); /* frees the table, not the entries */
