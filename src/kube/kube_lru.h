/* SPDX-License-Identifier: Apache-2.0 */
/* A map from texts to plain values that forgets what has not been used for longest. */
#pragma once

#include "base/map.h"

struct lru_entry;

struct lru {
    struct map map;
    size_t max, value_size;
    struct lru_entry *newest, *oldest;
};

void lru_init(struct lru *l, size_t max, size_t value_size);
void lru_done(struct lru *l);

/* The value of `key`, zeroed when it is new; it counts as used. Valid until the next call. */
void *lru_get(struct lru *l, const char *key);
