/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from byte strings to pointers that keeps insertion order, so that walking it is
 * deterministic. Keys are borrowed (they usually live in the value); values belong to the user of
 * the map.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
    const void *key;
    size_t key_len;
    uint32_t hash;
    void *value; /* NULL marks a deleted entry */
};

struct map {
    struct map_entry *entries;
    size_t used, cap; /* entries in use, deleted ones included */
    size_t count;     /* live entries */
    uint32_t *index;  /* open addressing over entries; UINT32_MAX is empty */
    size_t index_size;
};

void map_done(struct map *m); /* frees the map, not the values; the struct can be used again */

void *map_find(const struct map *m, const void *key, size_t len);
void *map_find_str(const struct map *m, const char *key);

/* value must not be NULL. Returns the value that was replaced, or NULL; the new key replaces the
 * old one. */
void *map_put(struct map *m, const void *key, size_t len, void *value);
void *map_put_str(struct map *m, const char *key, void *value);

/* Returns the value that was removed, or NULL. Safe inside MAP_EACH on the current entry. */
void *map_del(struct map *m, const void *key, size_t len);
void *map_del_str(struct map *m, const char *key);

struct map_entry *map_next(const struct map *m, const struct map_entry *e); /* e NULL: the first */

#define MAP_EACH(m, e) for (struct map_entry *e = map_next(m, NULL); e != NULL; e = map_next(m, e))
