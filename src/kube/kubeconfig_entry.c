/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig_entry.h"

#include "base/text.h"
#include "model/base64.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The first document; kubectl knows no others either. */
static int read_doc(struct yaml_doc *ret, const struct kubeconfig_text *t, struct err *err)
{
    CLEANUP(yaml_reader_freep)
    struct yaml_reader *reader = yaml_reader_new(t->path, t->text, strlen(t->text));
    int r = yaml_reader_next(reader, ret, err);

    if (r < 0)
        return err_set(err, -EINVAL, "%s", err_text(err)); /* it names the file and the line */
    return 0;
}

void kubeconfig_docs_done(struct kubeconfig_docs *d)
{
    for (size_t i = 0; i < d->count; i++)
        yaml_doc_done(&d->docs[i]);
    free(d->docs);
    *d = (struct kubeconfig_docs){0};
}

int kubeconfig_docs_read(struct kubeconfig_docs *ret, const struct kubeconfig_text *texts,
                         size_t count, struct err *err)
{
    CLEANUP(kubeconfig_docs_done) struct kubeconfig_docs d = {.texts = texts};

    d.docs = xcalloc(count, sizeof(*d.docs));
    d.count = count;
    for (size_t i = 0; i < count; i++) {
        int r = read_doc(&d.docs[i], &texts[i], err);

        if (r < 0)
            return r;
        if (d.docs[i].value != NULL && !json_is_object(d.docs[i].value) &&
            !json_is_null(d.docs[i].value))
            return err_set(err, -EINVAL, "%s: not a kubeconfig", texts[i].path);
    }
    *ret = d;
    d = (struct kubeconfig_docs){0};
    return 0;
}

int kubeconfig_wrap(const struct kubeconfig_entry *e, struct err *err)
{
    if (*e->part != '\0')
        err_wrap(err, "%s", e->part);
    return err_wrap(err, "%s: %s \"%s\"", e->path, e->kind, e->name);
}

int kubeconfig_fault(const struct kubeconfig_entry *e, struct err *err, const char *fmt, ...)
{
    CLEANUP(xfreep) char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    err_set(err, -EINVAL, "%s", text);
    return kubeconfig_wrap(e, err);
}

/* Looks in one document; 1 when it is there. */
static int find_in_doc(const json_t *doc, const char *kind, struct kubeconfig_entry *e,
                       struct err *err)
{
    CLEANUP(xfreep) char *plural = xasprintf("%ss", kind);
    const json_t *list = json_object_get(doc, plural);
    const json_t *item;
    size_t i;

    if (list != NULL && !json_is_null(list) && !json_is_array(list))
        return err_set(err, -EINVAL, "%s: %s is not a list", e->path, plural);
    json_array_foreach(list, i, item)
    {
        if (!str_eq(json_string_value(json_object_get(item, "name")), e->name))
            continue;
        e->value = json_object_get(item, kind);
        if (e->value == NULL || json_is_null(e->value))
            return 1; /* an entry without fields */
        return json_is_object(e->value) ? 1 : kubeconfig_fault(e, err, "not a mapping");
    }
    return 0;
}

int kubeconfig_find(const struct kubeconfig_docs *d, struct arena *a, const char *kind,
                    const char *name, struct kubeconfig_entry *ret, struct err *err)
{
    struct kubeconfig_entry e = {.arena = a, .kind = kind, .name = name, .part = ""};

    for (size_t i = 0; i < d->count; i++) {
        int r;

        e.path = d->texts[i].path;
        r = find_in_doc(d->docs[i].value, kind, &e, err);
        if (r < 0)
            return r;
        if (r > 0) {
            *ret = e;
            return 0;
        }
    }
    return err_set(err, -EINVAL, "%s: no %s \"%s\"", d->texts[0].path, kind, name);
}

static const json_t *field(const struct kubeconfig_entry *e, const char *key)
{
    const json_t *v = json_object_get(e->value, key);

    return json_is_null(v) ? NULL : v;
}

/* What ends up in heads of requests, in paths and in arguments: no NUL, no line ends. */
static bool is_one_line(const json_t *v)
{
    const char *text = json_string_value(v);

    return strlen(text) == json_string_length(v) && strpbrk(text, "\r\n") == NULL;
}

int kubeconfig_string(const struct kubeconfig_entry *e, const char *key, const char **ret,
                      struct err *err)
{
    const json_t *v = field(e, key);

    if (v == NULL) {
        *ret = "";
        return 0;
    }
    if (!json_is_string(v))
        return kubeconfig_fault(e, err, "%s is not a string", key);
    if (!is_one_line(v))
        return kubeconfig_fault(e, err, "%s is not a single line", key);
    *ret = arena_strdup(e->arena, json_string_value(v));
    return 0;
}

int kubeconfig_bool(const struct kubeconfig_entry *e, const char *key, bool *ret, struct err *err)
{
    const json_t *v = field(e, key);

    if (v != NULL && !json_is_boolean(v))
        return kubeconfig_fault(e, err, "%s is not a boolean", key);
    *ret = json_is_true(v);
    return 0;
}

int kubeconfig_strings(const struct kubeconfig_entry *e, const char *key, struct string_list *ret,
                       struct err *err)
{
    const json_t *v = field(e, key);
    struct string_list list = {0};
    const json_t *item;
    size_t i;

    if (v != NULL && !json_is_array(v))
        return kubeconfig_fault(e, err, "%s is not a list", key);
    list.items = arena_calloc(e->arena, json_array_size(v), sizeof(*list.items));
    json_array_foreach(v, i, item)
    {
        if (!json_is_string(item) || strlen(json_string_value(item)) != json_string_length(item))
            return kubeconfig_fault(e, err, "%s: an item is not a string", key);
        list.items[list.count++] = arena_strdup(e->arena, json_string_value(item));
    }
    *ret = list;
    return 0;
}

const char *kubeconfig_path(const struct kubeconfig_entry *e, const char *path)
{
    const char *slash = strrchr(e->path, '/');

    if (*path == '/' || slash == NULL)
        return arena_strdup(e->arena, path);
    return arena_printf(e->arena, "%.*s/%s", (int)(slash - e->path), e->path, path);
}

static int decode_material(const struct kubeconfig_entry *e, const char *key, const json_t *v,
                           struct kube_material *ret, struct err *err)
{
    uint8_t *bytes;
    size_t len;

    if (!json_is_string(v))
        return kubeconfig_fault(e, err, "%s is not a string", key);
    if (!base64_decode(&bytes, &len, e->arena, json_string_value(v)))
        return kubeconfig_fault(e, err, "%s is not base64", key);
    if (strlen((const char *)bytes) != len)
        return kubeconfig_fault(e, err, "%s is not a text", key);
    ret->data = (const char *)bytes;
    return 0;
}

int kubeconfig_material(const struct kubeconfig_entry *e, const char *key,
                        struct kube_material *ret, struct err *err)
{
    CLEANUP(xfreep) char *data_key = xasprintf("%s-data", key);
    const json_t *data = field(e, data_key);
    const char *file;
    int r;

    if (data != NULL && !(json_is_string(data) && json_string_length(data) == 0))
        return decode_material(e, data_key, data, ret, err);
    r = kubeconfig_string(e, key, &file, err);
    if (r >= 0 && *file != '\0')
        ret->file = kubeconfig_path(e, file);
    return r;
}
