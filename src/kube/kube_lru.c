/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_lru.h"

#include "base/mem.h"

#include <stdalign.h>
#include <stdlib.h>

struct lru_entry {
    char *key;
    struct lru_entry *newer, *older;
    alignas(max_align_t) unsigned char value[];
};

void lru_init(struct lru *l, size_t max, size_t value_size)
{
    *l = (struct lru){.max = max, .value_size = value_size};
}

static void lru_unlink(struct lru *l, struct lru_entry *e)
{
    *(e->newer == NULL ? &l->newest : &e->newer->older) = e->older;
    *(e->older == NULL ? &l->oldest : &e->older->newer) = e->newer;
}

static void lru_link(struct lru *l, struct lru_entry *e)
{
    e->newer = NULL;
    e->older = l->newest;
    *(l->newest == NULL ? &l->oldest : &l->newest->newer) = e;
    l->newest = e;
}

static void lru_forget(struct lru *l, struct lru_entry *e)
{
    lru_unlink(l, e);
    map_del_str(&l->map, e->key);
    free(e->key);
    free(e);
}

void lru_done(struct lru *l)
{
    while (l->oldest != NULL)
        lru_forget(l, l->oldest);
    map_done(&l->map);
}

void *lru_get(struct lru *l, const char *key)
{
    struct lru_entry *e = map_find_str(&l->map, key);

    if (e != NULL) {
        lru_unlink(l, e);
    } else {
        if (l->map.count == l->max)
            lru_forget(l, l->oldest);
        e = xcalloc(1, sizeof(*e) + l->value_size);
        e->key = xstrdup(key);
        map_put_str(&l->map, e->key, e);
    }
    lru_link(l, e);
    return e->value;
}
