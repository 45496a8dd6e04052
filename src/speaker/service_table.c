/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "speaker/speaker_int.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the table --- */

static void service_free(struct speaker_service *s)
{
    free(s->record);
    if (s->ip_count > 1)
        free(s->ips.many);
    rule_unref(s->rule);
    free(s);
}

void service_table_done(struct service_table *t)
{
    MAP_EACH (&t->slices, e)
        free(e->value);
    for (int i = 0; i < ANNOUNCE_PROTOCOLS; i++) {
        MAP_EACH (&t->statuses[i], e)
            free(e->value);
        map_done(&t->statuses[i]);
    }
    MAP_EACH (&t->by_key, e)
        service_free(e->value);
    map_done(&t->slices);
    map_done(&t->by_key);
    map_done(&t->rules);
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

static bool status_task_is_used(const struct status_task *t)
{
    return t->objects != NULL || t->is_queued || t->has_failed || t->busy > 0;
}

void service_table_release(struct service_table *t, struct speaker_service *s)
{
    if (s->record != NULL || s->slices != NULL || s->announced != 0)
        return;
    if (s->is_dirty || s->is_unreported)
        return;
    for (int i = 0; i < ANNOUNCE_PROTOCOLS; i++) {
        if (status_task_is_used(&s->status[i]))
            return;
    }
    map_del(&t->by_key, s->key, strlen(s->key));
    service_free(s);
}

/* --- slices and statuses --- */

/* The key of a record that may not be there; the caller frees it. */
static char *key_of(const struct meta *m, size_t *ret_len)
{
    struct text t = {0};

    text_add_n(&t, m->namespace, strlen(m->namespace) + 1);
    text_add(&t, m->name);
    *ret_len = t.len;
    return text_take(&t);
}

/* Returns the Service that had the record of that name, or NULL. */
static struct speaker_service *record_drop(struct map *records, size_t list_at, const char *key,
                                           size_t len)
{
    struct record_link *old = map_del(records, key, len), **at;
    struct speaker_service *s;

    if (old == NULL)
        return NULL;
    s = old->service;
    at = (struct record_link **)(void *)((char *)s + list_at);
    while (*at != old)
        at = &(*at)->next;
    *at = old->next;
    free(old);
    return s;
}

/* The first that came stays the first. */
static void record_append(struct record_link **list, struct record_link *new,
                          struct speaker_service *s)
{
    new->service = s;
    while (*list != NULL)
        list = &(*list)->next;
    *list = new;
}

/* In the place of the record of that name, if there is one; `strings` are those of the new one. */
static struct speaker_service *record_put(struct map *records, size_t list_at,
                                          const struct meta *of, struct record_link *new_take,
                                          const char *strings, struct speaker_service *s)
{
    CLEANUP(xfreep) char *key = NULL;
    struct speaker_service *before;
    size_t len;

    key = key_of(of, &len);
    before = record_drop(records, list_at, key, len);
    if (new_take != NULL) {
        record_append((struct record_link **)(void *)((char *)s + list_at), new_take, s);
        (void)map_put(records, strings, len, new_take); /* replaces nothing */
    }
    return before;
}

struct speaker_service *service_table_put_slice(struct service_table *t, const struct meta *of,
                                                struct slice_record *new_take,
                                                struct speaker_service *s)
{
    return record_put(&t->slices, offsetof(struct speaker_service, slices), of,
                      new_take != NULL ? &new_take->link : NULL,
                      new_take != NULL ? new_take->strings : NULL, s);
}

struct speaker_service *service_table_put_status(struct service_table *t,
                                                 enum announce_protocol protocol,
                                                 const struct meta *of,
                                                 struct status_record *new_take,
                                                 struct speaker_service *s)
{
    size_t list_at = offsetof(struct speaker_service, status) +
                     protocol * sizeof(struct status_task) + offsetof(struct status_task, objects);

    return record_put(&t->statuses[protocol], list_at, of,
                      new_take != NULL ? &new_take->link : NULL,
                      new_take != NULL ? new_take->strings : NULL, s);
}

static void each_service(const struct service_table *t, kube_name_fn fn, void *fn_arg)
{
    MAP_EACH (&t->by_key, e) {
        const struct speaker_service *s = e->value;
        CLEANUP(xfreep) char *namespace = NULL;

        if (s->record == NULL)
            continue;
        namespace = xstrndup(s->key, service_namespace_len(s));
        fn(fn_arg, namespace, service_name(s));
    }
}

static void each_key(const struct map *records, kube_name_fn fn, void *fn_arg)
{
    MAP_EACH (records, e)
        fn(fn_arg, e->key, record_name(e->key));
}

void service_table_each_kept(const struct service_table *t, enum object_kind kind, kube_name_fn fn,
                             void *fn_arg)
{
    if (kind == OBJ_SERVICE)
        each_service(t, fn, fn_arg);
    else if (kind == OBJ_ENDPOINT_SLICE)
        each_key(&t->slices, fn, fn_arg);
    else if (kind == OBJ_SERVICE_L2_STATUS)
        each_key(&t->statuses[ANNOUNCE_LAYER2], fn, fn_arg);
    else if (kind == OBJ_SERVICE_BGP_STATUS)
        each_key(&t->statuses[ANNOUNCE_BGP], fn, fn_arg);
}

/* --- one Service --- */

const struct object *service_object(const struct speaker_service *s, struct arena *a)
{
    struct object *o;

    if (s->record == NULL)
        return NULL;
    o = service_record_read(s->record, a);
    o->meta.namespace = arena_strndup(a, s->key, service_namespace_len(s));
    o->meta.name = service_name(s);
    return o;
}

const struct ip *service_ips(const struct speaker_service *s)
{
    return s->ip_count > 1 ? s->ips.many : &s->ips.one;
}

bool service_is_announced(const struct speaker_service *s, enum announce_protocol protocol)
{
    return (s->announced & 1u << protocol) != 0;
}

const char *service_name(const struct speaker_service *s)
{
    return s->key + service_namespace_len(s) + 1;
}

size_t service_namespace_len(const struct speaker_service *s)
{
    return strcspn(s->key, "/");
}
