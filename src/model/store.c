/* SPDX-License-Identifier: Apache-2.0 */
#include "model/store.h"

#include "base/map.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One kind: objects by "namespace/name", and the sorted view, rebuilt when it is asked for after a
 * change. */
struct shelf {
    struct map by_key;
    const struct object **sorted;
    size_t sorted_cap;
    bool is_sorted;
};

struct store {
    struct shelf shelves[OBJECT_KINDS];
    /* Slices grouped by Service: sorted by (namespace, service, slice name). */
    const struct object **by_service;
    size_t by_service_cap;
    bool is_grouped;
};

/* Keys live in the object's arena, so that the map may borrow them. */
static const char *key_in(struct arena *a, const char *namespace, const char *name)
{
    return arena_printf(a, "%s/%s", namespace, name);
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

struct store *store_free(struct store *s)
{
    if (s == NULL)
        return NULL;
    for (size_t k = 0; k < OBJECT_KINDS; k++)
        shelf_done(&s->shelves[k]);
    free(s->by_service);
    free(s);
    return NULL;
}

static void forget_views(struct store *s, enum object_kind kind)
{
    s->shelves[kind].is_sorted = false;
    if (kind == OBJ_ENDPOINT_SLICE)
        s->is_grouped = false;
}

struct object *store_swap(struct store *s, struct object *o)
{
    const char *key = key_in(o->arena, o->meta.namespace, o->meta.name);
    struct object *old = map_put_str(&s->shelves[o->kind].by_key, key, o);

    forget_views(s, o->kind);
    return old;
}

void store_put_take(struct store *s, struct object *o)
{
    object_free(store_swap(s, o));
}

struct object *store_remove(struct store *s, enum object_kind kind, const char *namespace,
                            const char *name)
{
    CLEANUP(xfreep) char *key = xasprintf("%s/%s", namespace, name);
    struct object *o = map_del_str(&s->shelves[kind].by_key, key);

    if (o != NULL)
        forget_views(s, kind);
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
    CLEANUP(xfreep) char *key = xasprintf("%s/%s", namespace, name);

    return map_find_str(&s->shelves[kind].by_key, key);
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

/* Orders slices by the Service they belong to. */
static int service_cmp(const struct object *a, const char *namespace, const char *service)
{
    int c = strcmp(a->meta.namespace, namespace);

    return c != 0 ? c : strcmp(a->slice.service, service);
}

static int by_service(const void *x, const void *y)
{
    const struct object *a = *(const struct object *const *)x,
                        *b = *(const struct object *const *)y;
    int c = service_cmp(a, b->meta.namespace, b->slice.service);

    return c != 0 ? c : strcmp(a->meta.name, b->meta.name);
}

static struct object_list slices_grouped(struct store *s)
{
    struct object_list all = store_list(s, OBJ_ENDPOINT_SLICE);

    if (!s->is_grouped) {
        s->by_service =
            array_grow(s->by_service, &s->by_service_cap, all.count, sizeof(const struct object *));
        for (size_t i = 0; i < all.count; i++)
            s->by_service[i] = all.items[i];
        if (all.count > 0)
            qsort(s->by_service, all.count, sizeof(const struct object *), by_service);
        s->is_grouped = true;
    }
    return (struct object_list){.items = s->by_service, .count = all.count};
}

struct object_list store_slices(struct store *s, const char *namespace, const char *service)
{
    struct object_list all = slices_grouped(s);
    size_t low = 0, high = all.count, end;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (service_cmp(all.items[mid], namespace, service) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (end = low; end < all.count && service_cmp(all.items[end], namespace, service) == 0; end++)
        ;
    if (end == low)
        return (struct object_list){0};
    return (struct object_list){.items = all.items + low, .count = end - low};
}
