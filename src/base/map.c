/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAP_EMPTY UINT32_MAX
#define MAP_MIN_INDEX 8u

void map_done(struct map *m)
{
    free(m->entries);
    free(m->index);
    *m = (struct map){0};
}

/* FNV-1a: keys come from the cluster's own objects, not from the wire, so flooding is not a
 * concern. */
static uint32_t map_hash(const void *key, size_t len)
{
    const uint8_t *p = key;
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 16777619u;
    return h;
}

static bool entry_is(const struct map_entry *e, uint32_t hash, const void *key, size_t len)
{
    return e->value != NULL && e->hash == hash && e->key_len == len &&
           (len == 0 || memcmp(e->key, key, len) == 0);
}

static struct map_entry *map_lookup(const struct map *m, uint32_t hash, const void *key, size_t len)
{
    if (m->index_size == 0)
        return NULL;
    for (size_t i = hash & (m->index_size - 1);; i = (i + 1) & (m->index_size - 1)) {
        if (m->index[i] == MAP_EMPTY)
            return NULL;
        if (entry_is(&m->entries[m->index[i]], hash, key, len))
            return &m->entries[m->index[i]];
    }
}

static void map_index_entry(struct map *m, uint32_t at)
{
    size_t i = m->entries[at].hash & (m->index_size - 1);

    while (m->index[i] != MAP_EMPTY)
        i = (i + 1) & (m->index_size - 1);
    m->index[i] = at;
}

/* Drops deleted entries and rebuilds an index with room for at least one more. */
static void map_rebuild(struct map *m)
{
    size_t live = 0, size = MAP_MIN_INDEX;

    for (size_t i = 0; i < m->used; i++) {
        if (m->entries[i].value != NULL)
            m->entries[live++] = m->entries[i];
    }
    m->used = live;
    while (size < (live + 1) * 2)
        size *= 2;
    m->index = xreallocarray(m->index, size, sizeof(*m->index));
    m->index_size = size;
    memset(m->index, 0xff, size * sizeof(*m->index));
    for (size_t i = 0; i < live; i++)
        map_index_entry(m, (uint32_t)i);
}

void *map_find(const struct map *m, const void *key, size_t len)
{
    struct map_entry *e = map_lookup(m, map_hash(key, len), key, len);

    return e != NULL ? e->value : NULL;
}

void *map_put(struct map *m, const void *key, size_t len, void *value)
{
    uint32_t hash = map_hash(key, len);
    struct map_entry *e = map_lookup(m, hash, key, len);
    void *old;

    assert(value != NULL);
    if (e != NULL) {
        old = e->value;
        e->value = value;
        e->key = key;
        return old;
    }
    if ((m->used + 1) * 4 > m->index_size * 3)
        map_rebuild(m);
    m->entries = array_grow(m->entries, &m->cap, m->used + 1, sizeof(*m->entries));
    m->entries[m->used] = (struct map_entry){key, len, hash, value};
    map_index_entry(m, (uint32_t)m->used);
    m->used++;
    m->count++;
    return NULL;
}

void *map_del(struct map *m, const void *key, size_t len)
{
    struct map_entry *e = map_lookup(m, map_hash(key, len), key, len);
    void *old;

    if (e == NULL)
        return NULL;
    old = e->value;
    e->value = NULL;
    m->count--;
    return old;
}

void *map_find_str(const struct map *m, const char *key)
{
    return map_find(m, key, strlen(key));
}

void *map_put_str(struct map *m, const char *key, void *value)
{
    return map_put(m, key, strlen(key), value);
}

void *map_del_str(struct map *m, const char *key)
{
    return map_del(m, key, strlen(key));
}

struct map_entry *map_next(const struct map *m, const struct map_entry *e)
{
    size_t i = e == NULL ? 0 : (size_t)(e - m->entries) + 1;

    for (; i < m->used; i++) {
        if (m->entries[i].value != NULL)
            return &m->entries[i];
    }
    return NULL;
}
