/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_watch_wire.h"

#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_path.h"

#include <errno.h>
#include <string.h>

#define JSON_FLAGS JSON_ALLOW_NUL
#define INITIAL_EVENTS_END "k8s.io/initial-events-end"

static const char *string_of(const json_t *mapping, const char *name)
{
    const char *s = json_string_value(json_object_get(mapping, name));

    return s != NULL ? s : "";
}

static int parse(json_t **ret, const char *bytes, size_t len, struct err *err)
{
    json_error_t error;
    json_t *doc = json_loadb(bytes, len, JSON_FLAGS, &error);

    if (doc == NULL)
        return err_set(err, -EBADMSG, "no JSON: %s", error.text);
    if (!json_is_object(doc)) {
        json_decref(doc);
        return err_set(err, -EBADMSG, "no JSON object");
    }
    *ret = doc;
    return 0;
}

int kube_item_read(struct kube_item *ret, const char *bytes, size_t len, struct err *err)
{
    struct kube_item o = {.bytes = bytes, .len = len};
    const json_t *meta;
    int r = parse(&o.doc, bytes, len, err);

    if (r < 0)
        return r;
    meta = json_object_get(o.doc, "metadata");
    o.namespace = string_of(meta, "namespace");
    o.name = string_of(meta, "name");
    o.resource_version = string_of(meta, "resourceVersion");
    *ret = o;
    return 0;
}

void kube_item_done(struct kube_item *o)
{
    json_decref(o->doc);
    *o = (struct kube_item){0};
}

/* --- the members of an event --- */

struct span {
    const char *at;
    size_t len;
};

struct cursor {
    const char *pos, *end;
};

static void skip_blanks(struct cursor *c)
{
    while (c->pos < c->end && memchr(" \t\r\n", *c->pos, 4) != NULL)
        c->pos++;
}

static bool take(struct cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->pos == c->end || *c->pos != wanted)
        return false;
    c->pos++;
    return true;
}

static void skip_string(struct cursor *c)
{
    for (c->pos++; c->pos < c->end; c->pos++) {
        if (*c->pos == '"') {
            c->pos++;
            return;
        }
        if (*c->pos == '\\' && c->end - c->pos > 1)
            c->pos++;
    }
}

/* A string, or brackets and what they hold, or a word; what it is worth is the parser's business.
 */
static struct span take_value(struct cursor *c)
{
    size_t depth = 0;
    const char *start;

    skip_blanks(c);
    start = c->pos;
    while (c->pos < c->end) {
        char b = *c->pos;

        if (depth == 0 && memchr(",:]} \t\r\n", b, 8) != NULL)
            break;
        if (b == '"') {
            skip_string(c);
        } else {
            depth += b == '{' || b == '[';
            depth -= depth > 0 && (b == '}' || b == ']');
            c->pos++;
        }
        if (depth == 0 && memchr("\"}]", b, 3) != NULL)
            break;
    }
    return (struct span){start, (size_t)(c->pos - start)};
}

static bool span_is(struct span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

struct members {
    struct span type, object;
};

/* The object's bytes must be known on their own, and it is not worth to parse it twice. */
static bool find_members(struct members *ret, const char *line, size_t len)
{
    struct cursor c = {line, line + len};
    struct members m = {{NULL, 0}, {NULL, 0}};

    if (!take(&c, '{'))
        return false;
    do {
        struct span key = take_value(&c), value;

        if (!take(&c, ':'))
            return false;
        value = take_value(&c);
        if (span_is(key, "\"type\""))
            m.type = value;
        else if (span_is(key, "\"object\""))
            m.object = value;
    } while (take(&c, ','));
    if (!take(&c, '}') || m.type.at == NULL || m.object.at == NULL)
        return false;
    *ret = m;
    return true;
}

static enum kube_watch_type type_of(struct span s)
{
    static const char *const names[] = {
        [KUBE_WATCH_ADDED] = "\"ADDED\"",     [KUBE_WATCH_MODIFIED] = "\"MODIFIED\"",
        [KUBE_WATCH_DELETED] = "\"DELETED\"", [KUBE_WATCH_BOOKMARK] = "\"BOOKMARK\"",
        [KUBE_WATCH_ERROR] = "\"ERROR\"",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (span_is(s, names[i]))
            return (enum kube_watch_type)i;
    }
    return KUBE_WATCH_UNKNOWN;
}

static bool ends_initial_events(const json_t *doc)
{
    const json_t *meta = json_object_get(doc, "metadata");

    return strcmp(string_of(json_object_get(meta, "annotations"), INITIAL_EVENTS_END), "true") == 0;
}

int kube_watch_event_read(struct kube_watch_event *ret, const char *line, size_t len,
                          struct err *err)
{
    struct kube_watch_event e = {0};
    struct members m;
    int r;

    if (!find_members(&m, line, len))
        return err_set(err, -EBADMSG, "no watch event");
    r = kube_item_read(&e.object, m.object.at, m.object.len, err);
    if (r < 0)
        return r;
    e.type = type_of(m.type);
    e.ends_initial_events = e.type == KUBE_WATCH_BOOKMARK && ends_initial_events(e.object.doc);
    *ret = e;
    return 0;
}

void kube_watch_event_done(struct kube_watch_event *e)
{
    kube_item_done(&e->object);
}

int kube_list_meta_read(struct kube_list_meta *ret, const char *bytes, size_t len, struct err *err)
{
    struct kube_list_meta m = {0};
    const json_t *meta;
    int r = parse(&m.doc, bytes, len, err);

    if (r < 0)
        return r;
    meta = json_object_get(m.doc, "metadata");
    m.resource_version = string_of(meta, "resourceVersion");
    m.continue_token = string_of(meta, "continue");
    *ret = m;
    return 0;
}

void kube_list_meta_done(struct kube_list_meta *m)
{
    json_decref(m->doc);
    *m = (struct kube_list_meta){0};
}

/* --- the typed object --- */

static void set_type(json_t *doc, enum object_kind kind)
{
    const char *is = string_of(doc, "kind");

    if (*is != '\0' && strcmp(is, "PartialObjectMetadata") != 0)
        return;
    /* Both can only fail for want of memory or for text that is no UTF-8. */
    (void)json_object_set_new(doc, "apiVersion", json_string(kube_api_version(kind)));
    (void)json_object_set_new(doc, "kind", json_string(object_kind_name(kind)));
}

static bool is_annotation_kept(const char *key)
{
    static const char *const prefixes[] = {"metallb.io/", "metallb.universe.tf/", "steellb.io/"};

    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

static void trim(json_t *doc, enum object_kind kind)
{
    json_t *meta = json_object_get(doc, "metadata");
    json_t *annotations = json_object_get(meta, "annotations"), *value;
    const char *key;
    void *next;

    json_object_foreach_safe(annotations, next, key, value)
    {
        if (!is_annotation_kept(key))
            (void)json_object_del(annotations, key); /* it is there */
    }
    if (kind == OBJ_ENDPOINT_SLICE)
        (void)json_object_del(meta, "uid"); /* or it is not there */
}

int kube_item_decode(struct object **ret, struct kube_item *o, enum object_kind kind,
                     struct err *err)
{
    CLEANUP(object_freep) struct object *object = NULL;
    CLEANUP(fault_list_done) struct fault_list faults = {0};

    set_type(o->doc, kind);
    trim(o->doc, kind);
    switch (object_decode_packed(&object, o->doc, &faults, err)) {
    case DECODE_OK:
        break;
    case DECODE_INVALID:
        return err_set(err, -EINVAL, "%s",
                       faults.count > 0 ? faults.items[0].message : "a field of a wrong type");
    case DECODE_IGNORED:
    case DECODE_NOT_OBJECT:
        return err_set(err, -EINVAL, "no %s", object_kind_name(kind));
    }
    if (object->kind != kind)
        return err_set(err, -EINVAL, "no %s", object_kind_name(kind));
    *ret = TAKE(object);
    return 0;
}
