/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/documents.h"

#include "base/mem.h"
#include "base/text.h"
#include "feed/json_split.h"
#include "model/yaml_json.h"

#include <errno.h>
#include <string.h>

struct sink {
    const char *name; /* of the input */
    document_fn fn;
    void *arg;
};

static const char *text_at(const json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

static bool ends_in_list(const char *kind)
{
    size_t len = kind != NULL ? strlen(kind) : 0, suffix = strlen("List");

    return len >= suffix && str_eq(kind + len - suffix, "List");
}

/* A kind of its own may end in "List" too; what makes a list is its items. */
static bool is_list(const json_t *doc)
{
    const json_t *items = json_object_get(doc, "items");

    if (str_eq(text_at(doc, "kind"), "List"))
        return true;
    return ends_in_list(text_at(doc, "kind")) && (json_is_array(items) || json_is_null(items));
}

/* An item of a ServiceList need not say that it is a Service. New reference; items may be shared,
 * so the additions go into a copy. */
static json_t *item_of(json_t *item, const json_t *list)
{
    const char *kind = text_at(list, "kind");
    size_t len = strlen(kind) - strlen("List");
    json_t *copy;

    if (!json_is_object(item) || len == 0 || json_object_get(item, "kind") != NULL ||
        json_object_get(item, "apiVersion") != NULL)
        return json_incref(item);
    copy = json_copy(item);
    (void)json_object_set_new(copy, "kind", json_stringn(kind, len)); /* without: no object */
    (void)json_object_set(copy, "apiVersion", json_object_get(list, "apiVersion"));
    return copy;
}

/* Hands a document over, or its items. A list may hold lists; their depth is the document's. */
static int deliver(const struct sink *sink, json_t *doc, const struct yaml_doc *at, struct err *err)
{
    json_t *items = json_object_get(doc, "items"), *item;
    size_t i;

    if (!is_list(doc))
        return sink->fn(sink->arg, doc, at->line, err);
    if (items != NULL && !json_is_array(items) && !json_is_null(items))
        return err_set(err, -EINVAL, "%s:%u: the items of a List must be a list", sink->name,
                       at->line);
    json_array_foreach(items, i, item)
    {
        CLEANUP(json_decrefp) json_t *whole = item_of(item, doc);
        struct yaml_doc item_at = {.line = i < at->item_count ? at->item_lines[i] : at->line};
        int r = deliver(sink, whole, &item_at, err);

        if (r < 0)
            return r;
    }
    return 0;
}

int documents_read_yaml(struct source *s, document_fn fn, void *arg, struct err *err)
{
    CLEANUP(yaml_reader_freep)
    struct yaml_reader *reader = yaml_reader_new(s->name, s->bytes, s->len);
    const struct sink sink = {.name = s->name, .fn = fn, .arg = arg};

    for (;;) {
        CLEANUP(yaml_doc_done) struct yaml_doc doc = {0};
        int r = yaml_reader_next(reader, &doc, err);

        if (r <= 0)
            return r;
        if (json_is_null(doc.value))
            continue;
        r = deliver(&sink, doc.value, &doc, err);
        if (r < 0)
            return r;
    }
}

static int too_large(const char *name, unsigned line, struct err *err)
{
    return err_set(err, -EFBIG, "%s:%u: one object is larger than 16 MiB", name, line);
}

static int not_json(const char *name, unsigned line, const json_error_t *error, struct err *err)
{
    return err_set(err, -EBADMSG, "%s:%u: %s", name,
                   line + (error->line > 0 ? (unsigned)error->line - 1 : 0), error->text);
}

/* One JSON text becomes one value; the caller owns it. */
static int load_span(json_t **ret, const char *name, const struct json_span *span, struct err *err)
{
    json_error_t error;
    json_t *value;

    if (span->len > DOCUMENT_MAX)
        return too_large(name, span->line, err);
    value = json_loadb(span->text, span->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL)
        return not_json(name, span->line, &error, err);
    *ret = value;
    return 0;
}

/* Where a JSON document lies, and its top-level "items" in it. */
struct outline {
    struct json_span whole, items;
    bool has_items; /* and they are an array */
};

/* Walks over the document at the cursor, which it leaves behind it. */
static int outline_read(struct outline *ret, struct json_cursor *c, struct err *err)
{
    struct outline o = {.whole = {.text = c->pos, .line = c->line}};
    struct json_span key, value;
    int r = json_open(c, '{', err);

    while (r >= 0) {
        r = json_next_member(c, &key, &value, err);
        if (r <= 0)
            break;
        if (key.len == strlen("\"items\"") && memcmp(key.text, "\"items\"", key.len) == 0 &&
            *value.text == '[') {
            o.items = value;
            o.has_items = true;
        }
    }
    if (r < 0)
        return r;
    o.whole.len = (size_t)(c->pos - o.whole.text);
    *ret = o;
    return 0;
}

/* The document with an empty list of items: what it says about itself, checked by jansson. */
static int envelope_load(json_t **ret, const char *name, const struct outline *o, struct err *err)
{
    CLEANUP(text_done) struct text text = {0};
    size_t before = (size_t)(o->items.text - o->whole.text);
    size_t after = o->whole.len - before - o->items.len;
    json_error_t error;
    json_t *value;

    if (before + after > DOCUMENT_MAX)
        return too_large(name, o->whole.line, err);
    text_add_n(&text, o->whole.text, before);
    text_add(&text, "[]");
    text_add_n(&text, o->items.text + o->items.len, after);
    value = json_loadb(text.chars, text.len, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL)
        return not_json(name, o->whole.line + (error.position > (int)before ? o->items.lines : 0),
                        &error, err);
    *ret = value;
    return 0;
}

static int deliver_item(const struct sink *sink, const struct json_span *span, const json_t *list,
                        struct err *err)
{
    CLEANUP(json_decrefp) json_t *item = NULL, *whole = NULL;
    struct yaml_doc at = {.line = span->line};
    int r = load_span(&item, sink->name, span, err);

    if (r < 0)
        return r;
    whole = item_of(item, list);
    return deliver(sink, whole, &at, err);
}

static int deliver_items(const struct sink *sink, struct source *s, const struct outline *o,
                         const json_t *list, struct err *err)
{
    struct json_cursor c = json_cursor_at(s->name, o->items);
    struct json_span span;
    int r = json_open(&c, '[', err);

    while (r >= 0) {
        r = json_next_item(&c, &span, err);
        if (r <= 0)
            break;
        r = deliver_item(sink, &span, list, err);
        source_release(s, c.pos);
    }
    return r;
}

static int deliver_json(const struct sink *sink, struct source *s, const struct outline *o,
                        struct err *err)
{
    CLEANUP(json_decrefp) json_t *doc = NULL;
    struct yaml_doc at = {.line = o->whole.line};
    int r;

    if (o->has_items) {
        r = envelope_load(&doc, s->name, o, err);
        if (r < 0)
            return r;
        if (is_list(doc))
            return deliver_items(sink, s, o, doc, err);
        json_decref(TAKE(doc));
    }
    r = load_span(&doc, s->name, &o->whole, err);
    return r < 0 ? r : deliver(sink, doc, &at, err);
}

/* jansson passes over a NUL byte behind a number or word as if it were a blank. */
static int refuse_nul(const struct source *s, struct err *err)
{
    const char *nul = s->len > 0 ? memchr(s->bytes, '\0', s->len) : NULL;
    unsigned line = 1;

    if (nul == NULL)
        return 0;
    for (const char *p = s->bytes; p < nul; p++)
        line += *p == '\n';
    return err_set(err, -EBADMSG, "%s:%u: a NUL byte", s->name, line);
}

int documents_read_json(struct source *s, document_fn fn, void *arg, struct err *err)
{
    struct json_cursor c =
        json_cursor_at(s->name, (struct json_span){.text = s->bytes, .len = s->len, .line = 1});
    const struct sink sink = {.name = s->name, .fn = fn, .arg = arg};
    int r = refuse_nul(s, err);

    if (r < 0)
        return r;
    while (json_skip_blanks(&c)) {
        struct outline o;

        if (*c.pos != '{')
            return err_set(err, -ENOMSG, "%s:%u: no JSON object", s->name, c.line);
        r = outline_read(&o, &c, err);
        if (r < 0)
            return r;
        r = deliver_json(&sink, s, &o, err);
        if (r < 0)
            return r;
        source_release(s, c.pos);
    }
    return 0;
}
