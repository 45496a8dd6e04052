/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "speaker/speaker_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a few objects --- */

void object_refs_done(struct object_refs *r)
{
    if (r->count > 1)
        free(r->many);
    *r = (struct object_refs){0};
}

static const struct object **refs_items(struct object_refs *r)
{
    return r->count > 1 ? r->many : &r->one;
}

static void refs_add(struct object_refs *r, const struct object *o)
{
    const struct object **items;

    if (r->count == 0) {
        r->one = o;
        r->count = 1;
        return;
    }
    items = r->count > 1 ? r->many : NULL;
    items = xreallocarray(items, r->count + 1, sizeof(*items));
    if (r->count == 1)
        items[0] = r->one;
    items[r->count++] = o;
    r->many = items;
}

static void refs_remove(struct object_refs *r, size_t at)
{
    const struct object **items = refs_items(r), *last;

    items[at] = items[r->count - 1];
    last = items[0];
    if (r->count == 2) {
        free(items);
        r->one = last;
    }
    r->count--;
}

void object_refs_change(struct object_refs *r, const struct object *old, const struct object *new)
{
    const struct object **items = refs_items(r);
    size_t at = 0;

    while (at < r->count && items[at] != old)
        at++;
    if (old == NULL || at == r->count) {
        if (new != NULL)
            refs_add(r, new);
    } else if (new != NULL) {
        items[at] = new;
    } else {
        refs_remove(r, at);
    }
}

struct object_list object_refs_list(const struct object_refs *r)
{
    return (struct object_list){.items = r->count > 1 ? r->many : &r->one, .count = r->count};
}

/* --- the table --- */

static void service_free(struct speaker_service *s)
{
    object_refs_done(&s->slices);
    object_refs_done(&s->statuses);
    free(s->ips);
    free(s->interfaces.items);
    free(s);
}

void service_table_done(struct service_table *t)
{
    MAP_EACH (&t->by_key, e)
        service_free(e->value);
    map_done(&t->by_key);
}

struct speaker_service *service_table_get(struct service_table *t, const char *namespace,
                                          const char *name)
{
    size_t namespace_len = strlen(namespace), len = namespace_len + 1 + strlen(name);
    struct speaker_service *fresh = xcalloc(1, sizeof(*fresh) + len + 1), *found;

    snprintf(fresh->key, len + 1, "%s/%s", namespace, name);
    found = map_find(&t->by_key, fresh->key, len);
    if (found != NULL) {
        free(fresh);
        return found;
    }
    map_put(&t->by_key, fresh->key, len, fresh);
    return fresh;
}

void service_table_release(struct service_table *t, struct speaker_service *s)
{
    if (s->object != NULL || s->slices.count > 0 || s->statuses.count > 0 || s->announced)
        return;
    if (s->is_dirty || s->is_unreported)
        return;
    if (s->status_queued || s->status_failed || s->status_busy > 0)
        return;
    map_del(&t->by_key, s->key, strlen(s->key));
    service_free(s);
}

const char *service_name(const struct speaker_service *s)
{
    return s->key + service_namespace_len(s) + 1;
}

size_t service_namespace_len(const struct speaker_service *s)
{
    return strcspn(s->key, "/");
}
