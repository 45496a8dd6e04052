/* SPDX-License-Identifier: Apache-2.0 */
#include "model/store.h"

#include "base/map.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* One kind: objects by "namespace\0name", and the sorted view, rebuilt when it is asked for after a
 * change. */
struct shelf {
    struct map by_key;
    const struct object **sorted;
    size_t sorted_cap;
    bool is_sorted;
};

/* The EndpointSlices of one Service, by name. Most have one. */
struct slice_group {
    const struct object **items; /* `single`, or an array of its own */
    size_t count, cap;
    const struct object *single[1];
    size_t key_len;
    char key[]; /* "namespace\0service" */
};

struct store {
    struct shelf shelves[OBJECT_KINDS];
    struct map groups; /* struct slice_group by its key */
};

/* "namespace\0name". Of a packed object it lies in there already. */
static const char *key_of(struct object *o, size_t *ret_len)
{
    size_t namespace_size = strlen(o->meta.namespace) + 1, name_len = strlen(o->meta.name);
    char *key;

    *ret_len = namespace_size + name_len;
    if (o->meta.name == o->meta.namespace + namespace_size)
        return o->meta.namespace;
    key = arena_alloc(o->arena, *ret_len + 1);
    memcpy(key, o->meta.namespace, namespace_size);
    memcpy(key + namespace_size, o->meta.name, name_len + 1);
    return key;
}

/* The same for names that come alone; the caller frees it. */
static char *key_new(const char *namespace, const char *name, size_t *ret_len)
{
    struct text t = {0};

    text_add_n(&t, namespace, strlen(namespace) + 1);
    text_add(&t, name);
    *ret_len = t.len;
    return text_take(&t);
}

struct store *store_new(void)
{
    return xcalloc(1, sizeof(struct store));
}

static void shelf_done(struct shelf *shelf)
{
    MAP_EACH (&shelf->by_key, e)
        object_free(e->value);
    map_done(&shelf->by_key);
    free(shelf->sorted);
}

/* --- slices by Service --- */

static void group_free(struct slice_group *g)
{
    if (g->items != g->single)
        free(g->items);
    free(g);
}

static struct slice_group *group_of(struct store *s, const struct object *slice)
{
    CLEANUP(xfreep) char *key = NULL;
    struct slice_group *g;
    size_t len;

    key = key_new(slice->meta.namespace, slice->slice.service, &len);
    g = map_find(&s->groups, key, len);
    if (g != NULL)
        return g;
    g = xcalloc(1, sizeof(*g) + len + 1);
    g->items = g->single;
    g->cap = ARRAY_SIZE(g->single);
    g->key_len = len;
    memcpy(g->key, key, len + 1);
    (void)map_put(&s->groups, g->key, len, g); /* replaces nothing */
    return g;
}

static void group_grow(struct slice_group *g)
{
    const struct object *single = g->single[0];

    if (g->count < g->cap)
        return;
    if (g->items == g->single) {
        g->items = NULL;
        g->cap = 0;
    }
    g->items = array_grow(g->items, &g->cap, g->count + 1, sizeof(const struct object *));
    if (g->count == 1)
        g->items[0] = single;
}

static void group_add(struct store *s, const struct object *slice)
{
    struct slice_group *g = group_of(s, slice);
    size_t at;

    group_grow(g);
    at = g->count++;
    for (; at > 0 && strcmp(g->items[at - 1]->meta.name, slice->meta.name) > 0; at--)
        g->items[at] = g->items[at - 1];
    g->items[at] = slice;
}

static void group_del(struct store *s, const struct object *slice)
{
    struct slice_group *g = group_of(s, slice);
    size_t kept = 0;

    for (size_t i = 0; i < g->count; i++) {
        if (g->items[i] != slice)
            g->items[kept++] = g->items[i];
    }
    g->count = kept;
    if (kept > 0)
        return;
    (void)map_del(&s->groups, g->key, g->key_len); /* which is g */
    group_free(g);
}

struct object_list store_slices(const struct store *s, const char *namespace, const char *service)
{
    CLEANUP(xfreep) char *key = NULL;
    const struct slice_group *g;
    size_t len;

    key = key_new(namespace, service, &len);
    g = map_find(&s->groups, key, len);
    return g != NULL ? (struct object_list){.items = g->items, .count = g->count}
                     : (struct object_list){0};
}

/* --- all kinds --- */

struct store *store_free(struct store *s)
{
    if (s == NULL)
        return NULL;
    MAP_EACH (&s->groups, e)
        group_free(e->value);
    map_done(&s->groups);
    for (size_t k = 0; k < OBJECT_KINDS; k++)
        shelf_done(&s->shelves[k]);
    free(s);
    return NULL;
}

struct object *store_swap(struct store *s, struct object *o)
{
    struct shelf *shelf = &s->shelves[o->kind];
    size_t len;
    const char *key = key_of(o, &len);
    struct object *old = map_put(&shelf->by_key, key, len, o);

    shelf->is_sorted = false;
    if (o->kind != OBJ_ENDPOINT_SLICE)
        return old;
    group_add(s, o);
    if (old != NULL)
        group_del(s, old);
    return old;
}

void store_put_take(struct store *s, struct object *o)
{
    object_free(store_swap(s, o));
}

struct object *store_remove(struct store *s, enum object_kind kind, const char *namespace,
                            const char *name)
{
    CLEANUP(xfreep) char *key = NULL;
    struct object *o;
    size_t len;

    key = key_new(namespace, name, &len);
    o = map_del(&s->shelves[kind].by_key, key, len);
    if (o == NULL)
        return NULL;
    s->shelves[kind].is_sorted = false;
    if (kind == OBJ_ENDPOINT_SLICE)
        group_del(s, o);
    return o;
}

bool store_del(struct store *s, enum object_kind kind, const char *namespace, const char *name)
{
    struct object *o = store_remove(s, kind, namespace, name);

    object_free(o);
    return o != NULL;
}

const struct object *store_find(const struct store *s, enum object_kind kind, const char *namespace,
                                const char *name)
{
    CLEANUP(xfreep) char *key = NULL;
    size_t len;

    key = key_new(namespace, name, &len);
    return map_find(&s->shelves[kind].by_key, key, len);
}

static int by_name(const void *x, const void *y)
{
    const struct object *a = *(const struct object *const *)x,
                        *b = *(const struct object *const *)y;
    int c = strcmp(a->meta.namespace, b->meta.namespace);

    return c != 0 ? c : strcmp(a->meta.name, b->meta.name);
}

struct object_list store_list(struct store *s, enum object_kind kind)
{
    struct shelf *shelf = &s->shelves[kind];
    size_t n = 0;

    if (!shelf->is_sorted) {
        shelf->sorted = array_grow(shelf->sorted, &shelf->sorted_cap, shelf->by_key.count,
                                   sizeof(const struct object *));
        MAP_EACH (&shelf->by_key, e)
            shelf->sorted[n++] = e->value;
        if (n > 0)
            qsort(shelf->sorted, n, sizeof(const struct object *), by_name);
        shelf->is_sorted = true;
    }
    return (struct object_list){.items = shelf->sorted, .count = shelf->by_key.count};
}
