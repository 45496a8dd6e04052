/* SPDX-License-Identifier: Apache-2.0 */
#include "model/decode_table.h"

#include "base/duration.h"
#include "base/text.h"
#include "model/decode_pack.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An arena rounds every piece up to 16 bytes. Most strings are shorter, so they share chunks. */
#define CHUNK_SIZE 128u
#define CHUNK_PIECE_MAX 64u
#define SHARED_ARRAY_MAX 16u

/* On every EndpointSlice, of which a cluster has the most: one copy serves all. */
static const char *const common_strings[] = {
    "kubernetes.io/service-name",
    "endpointslice.kubernetes.io/managed-by",
    "endpointslice-controller.k8s.io",
    "endpoints.kubernetes.io/last-change-trigger-time",
};

static void path_print(struct text *t, const struct path *at)
{
    if (at->up != NULL)
        path_print(t, at->up);
    if (at->name == NULL) {
        text_printf(t, "[%zu]", at->index);
    } else if (at->is_key) {
        text_add(t, "[");
        text_quote(t, at->name);
        text_add(t, "]");
    } else {
        text_add(t, at->up != NULL ? "." : "");
        text_add(t, at->name);
    }
}

PRINTF_LIKE(3, 0)
static void report(struct reader *r, const struct path *at, const char *fmt, va_list ap)
{
    CLEANUP(text_done) struct text place = {0};
    CLEANUP(xfreep) char *message = xvasprintf(fmt, ap);

    path_print(&place, at);
    fault_add(r->faults, r->object, "%s: %s", text_str(&place), message);
}

void reader_fault(struct reader *r, const struct path *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report(r, at, fmt, ap);
    va_end(ap);
}

void reader_refuse(struct reader *r, const struct path *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report(r, at, fmt, ap);
    va_end(ap);
    r->invalid = true;
}

static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "a mapping";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "something unknown";
}

static void refuse_type(struct reader *r, const struct path *at, const char *expected,
                        const json_t *got)
{
    reader_refuse(r, at, "expected %s, got %s", expected, type_name(got));
}

bool reader_expect_mapping(struct reader *r, const struct path *at, const json_t *v)
{
    if (!json_is_object(v))
        refuse_type(r, at, "a mapping", v);
    return json_is_object(v);
}

static bool expect_list(struct reader *r, const struct path *at, const json_t *v)
{
    if (!json_is_array(v))
        refuse_type(r, at, "a list", v);
    return json_is_array(v);
}

/* The characters of a JSON string, borrowed; NULL after a fault. */
static const char *expect_string(struct reader *r, const struct path *at, const json_t *v)
{
    if (json_is_number(v) || json_is_boolean(v)) {
        reader_refuse(r, at, "expected a string, got %s; put it in quotes", type_name(v));
        return NULL;
    }
    if (!json_is_string(v)) {
        refuse_type(r, at, "a string", v);
        return NULL;
    }
    if (strlen(json_string_value(v)) != json_string_length(v)) {
        reader_refuse(r, at, "holds a NUL character");
        return NULL;
    }
    return json_string_value(v);
}

/* Zeroed memory of the arena; `size` is not 0, `align` is a power of two. */
static void *carve(struct reader *r, size_t size, size_t align)
{
    size_t skip = -(uintptr_t)r->room & (align - 1);
    void *piece;

    if (size > CHUNK_PIECE_MAX)
        return arena_alloc(r->arena, size);
    if (skip + size > r->room_left) {
        r->room = arena_alloc(r->arena, CHUNK_SIZE);
        r->room_left = CHUNK_SIZE;
        skip = 0;
    }
    piece = r->room + skip;
    r->room += skip + size;
    r->room_left -= skip + size;
    return piece;
}

void *reader_alloc(struct reader *r, size_t count, size_t size)
{
    size_t bytes;

    if (count == 0)
        return NULL;
    bytes = pack_size(count, size);
    if (r->pack != NULL && r->pack->block != NULL)
        return pack_take(r->pack, bytes);
    if (r->pack != NULL)
        r->pack->struct_bytes += bytes;
    return bytes <= SHARED_ARRAY_MAX ? carve(r, bytes, alignof(void *))
                                     : arena_alloc(r->arena, bytes);
}

const char *reader_keep(struct reader *r, const char *s)
{
    size_t size = strlen(s) + 1;

    if (size == 1)
        return "";
    for (size_t i = 0; i < ARRAY_SIZE(common_strings); i++) {
        if (strcmp(common_strings[i], s) == 0)
            return common_strings[i];
    }
    if (r->pack != NULL && r->pack->block != NULL)
        return pack_next_string(r->pack);
    if (r->pack != NULL)
        pack_note_string(r->pack, s);
    return memcpy(carve(r, size, 1), s, size);
}

static void fault_not_allowed(struct reader *r, const struct path *at, const char *const *allowed,
                              const char *s)
{
    CLEANUP(text_done) struct text t = {0};

    text_quote(&t, s);
    text_add(&t, " is not one of ");
    for (size_t i = 0; allowed[i] != NULL; i++)
        text_printf(&t, "%s%s", i > 0 ? ", " : "", allowed[i]);
    reader_fault(r, at, "%s", text_str(&t));
}

/* The string to store: of an enumeration the constant itself, which costs the object nothing. */
static const char *accept_string(struct reader *r, const struct path *at, const struct field *f,
                                 const char *s)
{
    if (f->allowed == NULL)
        return reader_keep(r, s);
    for (size_t i = 0; f->allowed[i] != NULL; i++) {
        if (strcmp(f->allowed[i], s) == 0)
            return f->allowed[i];
    }
    fault_not_allowed(r, at, f->allowed, s);
    return reader_keep(r, s);
}

static void read_string(struct reader *r, const struct path *at, const struct field *f,
                        const json_t *v, void *to)
{
    const char *s = expect_string(r, at, v);

    if (s != NULL)
        *(const char **)to = accept_string(r, at, f, s);
}

static void read_strings(struct reader *r, const struct path *at, const struct field *f,
                         const json_t *v, void *to)
{
    struct string_list list = {0};

    if (!expect_list(r, at, v) || json_array_size(v) == 0)
        return;
    list.count = json_array_size(v);
    list.items = reader_alloc(r, list.count, sizeof(*list.items));
    for (size_t i = 0; i < list.count; i++) {
        struct path item = {.up = at, .index = i};
        const char *s = expect_string(r, &item, json_array_get(v, i));

        list.items[i] = s != NULL ? accept_string(r, &item, f, s) : "";
    }
    *(struct string_list *)to = list;
}

static int by_key(const void *x, const void *y)
{
    const struct label *a = x, *b = y;

    return strcmp(a->key, b->key);
}

static const char *label_value(struct reader *r, const struct path *at, const struct field *f,
                               const json_t *v)
{
    return f->null_is_empty && json_is_null(v) ? "" : expect_string(r, at, v);
}

static void read_labels(struct reader *r, const struct path *at, const struct field *f, json_t *v,
                        void *to)
{
    struct label_set set = {0};

    if (!reader_expect_mapping(r, at, v))
        return;
    set.items = reader_alloc(r, json_object_size(v), sizeof(*set.items));
    for (void *i = json_object_iter(v); i != NULL; i = json_object_iter_next(v, i)) {
        const char *key = json_object_iter_key(i);
        struct path item = {.up = at, .name = key, .is_key = true};
        const char *s = label_value(r, &item, f, json_object_iter_value(i));

        if (strlen(key) != json_object_iter_key_len(i))
            reader_refuse(r, &item, "the key holds a NUL character");
        if (s != NULL)
            set.items[set.count++] =
                (struct label){.key = reader_keep(r, key), .value = reader_keep(r, s)};
    }
    if (set.count > 1)
        qsort(set.items, set.count, sizeof(*set.items), by_key);
    *(struct label_set *)to = set;
}

static void read_bool(struct reader *r, const struct path *at, const struct field *f,
                      const json_t *v, void *to)
{
    if (!json_is_boolean(v))
        refuse_type(r, at, "true or false", v);
    else if (f->kind == FIELD_TRI)
        *(enum tri *)to = json_is_true(v) ? TRI_TRUE : TRI_FALSE;
    else
        *(bool *)to = json_is_true(v);
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    if (v < low)
        return low;
    return v > high ? high : v;
}

static void store_int(enum field_kind kind, int64_t v, void *to)
{
    switch (kind) {
    case FIELD_INT:
        *(int64_t *)to = v;
        return;
    case FIELD_OPT_INT:
        *(struct opt_int *)to = (struct opt_int){.set = true, .v = v};
        return;
    case FIELD_U8:
        *(uint8_t *)to = (uint8_t)clamp(v, 0, UINT8_MAX);
        return;
    case FIELD_U16:
        *(uint16_t *)to = (uint16_t)clamp(v, 0, UINT16_MAX);
        return;
    case FIELD_U32:
        *(uint32_t *)to = (uint32_t)clamp(v, 0, UINT32_MAX);
        return;
    case FIELD_ASN:
        *(uint32_t *)to = (uint32_t)(v < 0 ? 1 : clamp(v, 0, UINT32_MAX));
        return;
    case FIELD_STRING:
    case FIELD_STRING_OR_NULL:
    case FIELD_STRINGS:
    case FIELD_LABELS:
    case FIELD_BOOL:
    case FIELD_TRI:
    case FIELD_DURATION:
    case FIELD_TIME:
    case FIELD_PRESENT:
    case FIELD_MAPPING:
    case FIELD_LIST:
        return; /* no integers */
    }
}

static void read_int(struct reader *r, const struct path *at, const struct field *f,
                     const json_t *v, void *to)
{
    int64_t i;

    if (json_is_real(v)) {
        reader_refuse(r, at,
                      "expected a whole number, got a number with a fraction or an exponent");
        return;
    }
    if (!json_is_integer(v)) {
        refuse_type(r, at, "a number", v);
        return;
    }
    i = json_integer_value(v);
    if (f->min != 0 || f->max != 0) {
        if (i < f->min)
            reader_fault(r, at, "%" PRId64 " is below %" PRId64, i, f->min);
        else if (i > f->max)
            reader_fault(r, at, "%" PRId64 " is above %" PRId64, i, f->max);
    }
    store_int(f->kind, i, to);
}

/* True when the text was one; it stays unset after a fault. */
static bool read_duration(struct reader *r, const struct path *at, const json_t *v, void *to)
{
    CLEANUP(text_done) struct text t = {0};
    const char *s = expect_string(r, at, v);
    struct opt_duration d = {.set = true};

    if (s == NULL)
        return false;
    if (!duration_parse(&d.ns, s)) {
        text_quote(&t, s);
        reader_fault(r, at, "%s is not a duration such as 90s or 1m30s", text_str(&t));
        return false;
    }
    *(struct opt_duration *)to = d;
    return true;
}

static void read_time(struct reader *r, const struct path *at, const json_t *v, void *to)
{
    CLEANUP(text_done) struct text t = {0};
    const char *s = expect_string(r, at, v);
    int64_t ns;

    if (s == NULL)
        return;
    if (!timestamp_parse(&ns, s)) {
        text_quote(&t, s);
        reader_fault(r, at, "%s is not a time such as 2006-01-02T15:04:05Z (RFC 3339)",
                     text_str(&t));
        return;
    }
    *(int64_t *)to = ns;
}

static void read_list(struct reader *r, const struct path *at, const struct field *f,
                      const json_t *v, char *base)
{
    size_t count = json_array_size(v);
    char *items;

    if (!expect_list(r, at, v))
        return;
    items = reader_alloc(r, count, f->table->item_size);
    for (size_t i = 0; i < count; i++) {
        struct path item = {.up = at, .index = i};
        const json_t *mapping = json_array_get(v, i);

        if (reader_expect_mapping(r, &item, mapping))
            table_read(r, &item, mapping, f->table, items + i * f->table->item_size);
    }
    /* The member points to another type, so that a plain assignment would break aliasing. */
    memcpy(base + f->offset, &items, sizeof(items));
    *(size_t *)(void *)(base + f->count_offset) = count;
}

static void read_present(struct reader *r, const struct path *at, const struct field *f, json_t *v,
                         char *base)
{
    void *to = base + f->offset;

    switch (f->kind) {
    case FIELD_STRING:
    case FIELD_STRING_OR_NULL:
        read_string(r, at, f, v, to);
        return;
    case FIELD_STRINGS:
        read_strings(r, at, f, v, to);
        return;
    case FIELD_LABELS:
        read_labels(r, at, f, v, to);
        return;
    case FIELD_BOOL:
    case FIELD_TRI:
        read_bool(r, at, f, v, to);
        return;
    case FIELD_INT:
    case FIELD_OPT_INT:
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_ASN:
        read_int(r, at, f, v, to);
        return;
    case FIELD_DURATION:
        if (read_duration(r, at, v, to) && f->check != NULL)
            f->check(r, at, to);
        return;
    case FIELD_TIME:
        read_time(r, at, v, to);
        return;
    case FIELD_PRESENT:
        *(bool *)to = true;
        return;
    case FIELD_MAPPING:
        table_read(r, at, reader_expect_mapping(r, at, v) ? v : NULL, f->table, to);
        return;
    case FIELD_LIST:
        read_list(r, at, f, v, base);
        return;
    }
}

/* Everything else is zero when absent, and the struct already is. */
static void read_absent(struct reader *r, const struct path *at, const struct field *f, char *base)
{
    if (f->kind == FIELD_STRING)
        *(const char **)(void *)(base + f->offset) = f->initial != NULL ? f->initial : "";
    if (f->kind == FIELD_MAPPING)
        table_read(r, at, NULL, f->table, base + f->offset);
}

static bool is_in_version(const struct field *f, unsigned version)
{
    return version >= f->since && (f->until == 0 || version <= f->until);
}

/* NULL when absent. An empty string stands for the default, as it does in Kubernetes. */
static json_t *find_value(const struct reader *r, const struct field *f, const json_t *mapping)
{
    json_t *v = is_in_version(f, r->version) ? json_object_get(mapping, f->name) : NULL;
    bool has_default = f->allowed != NULL || f->initial != NULL;

    if (json_is_null(v) || (has_default && json_is_string(v) && json_string_length(v) == 0))
        return NULL;
    return v;
}

void table_read(struct reader *r, const struct path *up, const json_t *mapping,
                const struct table *table, void *base)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct field *f = &table->fields[i];
        struct path at = {.up = up, .name = f->name};
        json_t *v = find_value(r, f, mapping);

        if (v != NULL) {
            read_present(r, &at, f, v, base);
            continue;
        }
        if (f->required && mapping != NULL)
            reader_fault(r, &at, "required");
        read_absent(r, &at, f, base);
    }
}
