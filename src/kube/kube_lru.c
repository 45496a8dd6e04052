/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_lru.h"

#include "base/mem.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct lru_entry {
    uint64_t hash;
    uint32_t newer, older; /* by use; NONE at the ends */
    uint32_t next;         /* in its bucket; NONE at the end */
    alignas(uint64_t) unsigned char value[];
};

void lru_init(struct lru *l, size_t max, size_t value_size)
{
    size_t align = alignof(uint64_t);

    *l = (struct lru){.max = max, .newest = NONE, .oldest = NONE};
    l->value_size = (value_size + align - 1) / align * align;
}

void lru_done(struct lru *l)
{
    free(l->entries);
    free(l->buckets);
    lru_init(l, l->max, l->value_size);
}

static size_t entry_size(const struct lru *l)
{
    return sizeof(struct lru_entry) + l->value_size;
}

static struct lru_entry *entry_at(const struct lru *l, uint32_t i)
{
    return (struct lru_entry *)(void *)(l->entries + i * entry_size(l));
}

/* --- by use --- */

static void unlink_entry(struct lru *l, uint32_t i)
{
    const struct lru_entry *e = entry_at(l, i);

    *(e->newer == NONE ? &l->newest : &entry_at(l, e->newer)->older) = e->older;
    *(e->older == NONE ? &l->oldest : &entry_at(l, e->older)->newer) = e->newer;
}

static void link_newest(struct lru *l, uint32_t i)
{
    struct lru_entry *e = entry_at(l, i);

    e->newer = NONE;
    e->older = l->newest;
    *(l->newest == NONE ? &l->oldest : &entry_at(l, l->newest)->newer) = i;
    l->newest = i;
}

/* --- by hash --- */

static uint32_t *bucket_of(const struct lru *l, uint64_t hash)
{
    return &l->buckets[hash % l->cap];
}

static uint32_t find(const struct lru *l, uint64_t hash)
{
    uint32_t i = l->cap == 0 ? NONE : *bucket_of(l, hash);

    while (i != NONE && entry_at(l, i)->hash != hash)
        i = entry_at(l, i)->next;
    return i;
}

static void bucket_add(struct lru *l, uint32_t i)
{
    uint32_t *bucket = bucket_of(l, entry_at(l, i)->hash);

    entry_at(l, i)->next = *bucket;
    *bucket = i;
}

static void bucket_del(struct lru *l, uint32_t i)
{
    uint32_t *at = bucket_of(l, entry_at(l, i)->hash);

    while (*at != i)
        at = &entry_at(l, *at)->next;
    *at = entry_at(l, i)->next;
}

static void grow(struct lru *l)
{
    l->entries = array_grow(l->entries, &l->cap, l->count + 1, entry_size(l));
    l->buckets = xreallocarray(l->buckets, l->cap, sizeof(*l->buckets));
    memset(l->buckets, 0xff, l->cap * sizeof(*l->buckets)); /* NONE */
    for (uint32_t i = 0; i < l->count; i++)
        bucket_add(l, i);
}

/* --- */

static uint32_t take_oldest(struct lru *l)
{
    uint32_t i = l->oldest;

    unlink_entry(l, i);
    bucket_del(l, i);
    return i;
}

static uint32_t add(struct lru *l, uint64_t hash)
{
    uint32_t i;

    if (l->count == l->max) {
        i = take_oldest(l);
    } else {
        if (l->count == l->cap)
            grow(l);
        i = (uint32_t)l->count++;
    }
    memset(entry_at(l, i), 0, entry_size(l));
    entry_at(l, i)->hash = hash;
    bucket_add(l, i);
    return i;
}

void *lru_get(struct lru *l, uint64_t hash)
{
    uint32_t i = find(l, hash);

    if (i == NONE)
        i = add(l, hash);
    else
        unlink_entry(l, i);
    link_newest(l, i);
    return entry_at(l, i)->value;
}
