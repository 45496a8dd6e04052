/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table from hashes to small plain values that forgets what has not been used for longest. What a
 * hash is of is not kept: two texts of one hash have one value.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct lru {
    size_t max, value_size;
    unsigned char *entries; /* one block, so that thousands of them cost no more than their bytes */
    uint32_t *buckets;      /* the first entry of each; as many as there is room for entries */
    size_t count, cap;
    uint32_t newest, oldest;
};

/* `max` below UINT32_MAX. Values are aligned for 64 bits. */
void lru_init(struct lru *l, size_t max, size_t value_size);
void lru_done(struct lru *l);

/* The value of `hash`, zeroed when it is new; it counts as used. Valid until the next call. */
void *lru_get(struct lru *l, uint64_t hash);
