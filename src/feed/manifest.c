/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file is loaded as a whole or not at all: its objects wait in a `struct load` until the last
 * document was read. That is also what lets a text be tried as JSON first and read as YAML
 * afterwards.
 */
#include "feed/manifest.h"

#include "base/mem.h"
#include "base/text.h"
#include "feed/documents.h"
#include "feed/source.h"
#include "model/decode.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void manifest_init(struct manifest *m, const char *namespace)
{
    *m = (struct manifest){.store = store_new(), .namespace = namespace};
}

void manifest_done(struct manifest *m)
{
    map_done(&m->services);
    MAP_EACH (&m->pins, e)
        object_free(e->value);
    map_done(&m->pins);
    for (size_t i = 0; i < m->ignored_kind_count; i++)
        free(m->ignored_kinds[i]);
    fault_list_done(&m->faults);
    fault_list_done(&m->warnings);
    store_free(m->store);
    *m = (struct manifest){0};
}

bool manifest_is_file_name(const char *name)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    size_t len = strlen(name);

    if (*name == '.')
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
        size_t n = strlen(endings[i]);

        if (len > n && str_eq(name + len - n, endings[i]))
            return true;
    }
    return false;
}

/* What one file adds, until it is known to be good. */
struct load {
    const struct manifest *m;
    const char *file;
    struct object **objects; /* owned */
    size_t object_count, object_cap;
    struct fault_list faults, warnings;
    char **ignored; /* the kind of each document that is not read; owned */
    size_t ignored_count, ignored_cap;
};

static void load_done(struct load *l)
{
    for (size_t i = 0; i < l->object_count; i++)
        object_free(l->objects[i]);
    free(l->objects);
    for (size_t i = 0; i < l->ignored_count; i++)
        free(l->ignored[i]);
    free(l->ignored);
    fault_list_done(&l->faults);
    fault_list_done(&l->warnings);
}

static const char *text_at(const json_t *mapping, const char *key)
{
    const char *text = json_string_value(json_object_get(mapping, key));

    return text != NULL ? text : "";
}

static bool is_config_kind(const json_t *doc)
{
    const char *kind = text_at(doc, "kind");

    if (strncmp(text_at(doc, "apiVersion"), "metallb.io/", strlen("metallb.io/")) != 0)
        return false;
    for (enum object_kind k = 0; object_kind_is_config(k); k++) {
        if (str_eq(kind, object_kind_name(k)))
            return true;
    }
    return false;
}

/* Kinds that are read in one namespace only. */
static bool is_settled_kind(const json_t *doc)
{
    const char *kind = text_at(doc, "kind");

    return str_eq(text_at(doc, "apiVersion"), "v1") &&
           (str_eq(kind, object_kind_name(OBJ_SECRET)) ||
            str_eq(kind, object_kind_name(OBJ_CONFIG_MAP)));
}

static json_t *with_namespace(json_t *doc, const char *namespace)
{
    json_t *copy = json_copy(doc); /* the document may be shared with another */
    json_t *metadata = json_copy(json_object_get(doc, "metadata"));

    (void)json_object_set_new(metadata, "namespace", json_string(namespace));
    (void)json_object_set_new(copy, "metadata", metadata);
    return copy;
}

/*
 * The document as it is decoded: MetalLB's objects, and the Secrets and ConfigMaps beside them, are
 * in its namespace when they name none. A new reference; NULL when the document is of another
 * namespace, and so not ours.
 */
static json_t *place(struct load *l, json_t *doc)
{
    bool is_config = is_config_kind(doc);
    const json_t *metadata = json_object_get(doc, "metadata");
    const json_t *given = json_object_get(metadata, "namespace");
    const char *namespace = text_at(metadata, "namespace");

    if (!is_config && !is_settled_kind(doc))
        return json_incref(doc);
    if (!json_is_object(metadata) || str_eq(namespace, l->m->namespace))
        return json_incref(doc);
    if (given == NULL || json_is_null(given) || (json_is_string(given) && *namespace == '\0'))
        return with_namespace(doc, l->m->namespace);
    if (!json_is_string(given))
        return json_incref(doc); /* the decoder has a fault for that */
    if (is_config)
        fault_add_named(&l->warnings, text_at(doc, "kind"), namespace, text_at(metadata, "name"),
                        "ignored: MetalLB objects are read from namespace \"%s\" only",
                        l->m->namespace);
    return NULL;
}

static void load_ignore(struct load *l, const json_t *doc)
{
    l->ignored = array_grow(l->ignored, &l->ignored_cap, l->ignored_count + 1, sizeof(*l->ignored));
    l->ignored[l->ignored_count++] = xstrdup(text_at(doc, "kind"));
}

static void load_add_take(struct load *l, struct object *o)
{
    l->objects = array_grow(l->objects, &l->object_cap, l->object_count + 1, sizeof(*l->objects));
    l->objects[l->object_count++] = o;
}

static int load_document(void *arg, json_t *doc, unsigned line, struct err *err)
{
    struct load *l = arg;
    CLEANUP(json_decrefp) json_t *placed = place(l, doc);
    struct origin origin = {.file = l->file, .line = line};
    struct object *o;

    if (placed == NULL)
        return 0;
    switch (object_decode(&o, placed, origin, &l->faults, err)) {
    case DECODE_OK:
        load_add_take(l, o);
        return 0;
    case DECODE_IGNORED:
        load_ignore(l, doc);
        return 0;
    case DECODE_INVALID:
        return 0;
    case DECODE_NOT_OBJECT:
        (void)err_wrap(err, "%s:%u", l->file, line);
        return -EINVAL; /* -EBADMSG would have the text tried as YAML */
    }
    return 0;
}

static const char *key_of(const struct object *o)
{
    return arena_printf(o->arena, "%s/%s", o->meta.namespace, o->meta.name);
}

static void duplicate_fault(struct manifest *m, const struct object *first, const struct object *o,
                            const char *what)
{
    CLEANUP(text_done) struct text name = {0};

    if (o->kind != OBJ_IP_ADDRESS_POOL && *o->meta.namespace != '\0')
        text_printf(&name, "%s/", o->meta.namespace);
    text_add(&name, o->meta.name);
    fault_add(&m->faults, o, "duplicate definition of %s \"%s\": %s:%u and %s:%u", what,
              text_str(&name), first->origin.file, first->origin.line, o->origin.file,
              o->origin.line);
}

static bool is_pin(const struct object *o)
{
    return o->kind == OBJ_SERVICE &&
           str_eq(label_find(&o->meta.annotations, MANIFEST_PINNED_ANNOTATION), "true");
}

static void add_pin_take(struct manifest *m, struct object *o)
{
    const char *key = key_of(o);
    const struct object *first = map_find_str(&m->pins, key);

    if (first != NULL) {
        duplicate_fault(m, first, o, "pinned Service");
        object_free(o);
        return;
    }
    (void)map_put_str(&m->pins, key, o); /* replaces nothing */
}

static void add_object_take(struct manifest *m, struct object *o)
{
    const struct object *first = store_find(m->store, o->kind, o->meta.namespace, o->meta.name);

    if (first != NULL) {
        duplicate_fault(m, first, o,
                        o->kind == OBJ_IP_ADDRESS_POOL ? "pool" : object_kind_name(o->kind));
        object_free(o);
        return;
    }
    if (o->kind == OBJ_SERVICE)
        (void)map_put_str(&m->services, key_of(o), o); /* replaces nothing */
    store_put_take(m->store, o);
}

static void note_kind(struct manifest *m, const char *kind)
{
    m->ignored++;
    for (size_t i = 0; i < m->ignored_kind_count; i++) {
        if (str_eq(m->ignored_kinds[i], kind))
            return;
    }
    if (m->ignored_kind_count < ARRAY_SIZE(m->ignored_kinds))
        m->ignored_kinds[m->ignored_kind_count++] = xstrdup(kind);
}

static void load_commit(struct load *l, struct manifest *m)
{
    fault_move_all(&m->faults, &l->faults);
    fault_move_all(&m->warnings, &l->warnings);
    for (size_t i = 0; i < l->ignored_count; i++)
        note_kind(m, l->ignored[i]);
    for (size_t i = 0; i < l->object_count; i++) {
        struct object *o = TAKE(l->objects[i]);

        if (is_pin(o))
            add_pin_take(m, o);
        else
            add_object_take(m, o);
    }
}

typedef int (*documents_fn)(struct source *s, document_fn fn, void *arg, struct err *err);

static int load_as(struct manifest *m, struct source *s, documents_fn read, struct err *err)
{
    CLEANUP(load_done) struct load l = {.m = m, .file = s->name};
    int r = read(s, load_document, &l, err);

    if (r < 0)
        return r;
    load_commit(&l, m);
    return 0;
}

static const char *first_byte(const char *p, const char *end)
{
    while (p < end && strchr(" \t\r\n", *p) != NULL && *p != '\0')
        p++;
    return p;
}

/* `{"` or `{}` can be YAML as well, but a person who writes it means JSON. */
static bool looks_like_json(const struct source *s)
{
    const char *end = s->bytes + s->len, *p = first_byte(s->bytes, end);

    if (p < end)
        p = first_byte(p + 1, end);
    return p < end && (*p == '"' || *p == '}');
}

static int load_source(struct manifest *m, struct source *s, struct err *err)
{
    const char *end = s->bytes + s->len, *start = first_byte(s->bytes, end);
    CLEANUP(err_done) struct err json_err = {0};
    bool blame_json;
    int json_r, r;

    if (start == end || *start != '{')
        return load_as(m, s, documents_read_yaml, err);
    blame_json = looks_like_json(s); /* before the bytes are released */
    json_r = load_as(m, s, documents_read_json, &json_err);
    if (json_r == 0)
        return 0;
    if (json_r == -EBADMSG || json_r == -ENOMSG) {
        r = source_rewind(s, err);
        if (r < 0)
            return r;
        r = load_as(m, s, documents_read_yaml, err);
        if (r != -EBADMSG || json_r == -ENOMSG || !blame_json)
            return r;
    }
    return err_set(err, json_r, "%s", err_text(&json_err));
}

int manifest_load_bytes(struct manifest *m, const char *name, const char *bytes, size_t len,
                        struct err *err)
{
    struct source s = source_borrow(name, bytes, len);

    if (len > SOURCE_MAX)
        return err_set(err, -EFBIG, "%s: larger than 1 GiB", name);
    return load_source(m, &s, err);
}

static int load_path(struct manifest *m, const char *path, enum source_kind kind, struct err *err)
{
    CLEANUP(source_done) struct source s = {0};
    int r = source_open(&s, path, kind, err);

    return r < 0 ? r : load_source(m, &s, err);
}

struct names {
    char **items; /* owned */
    size_t count, cap;
};

static void names_done(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->items[i]);
    free(n->items);
}

/* The manifests of a folder, in name order. */
static int names_read(struct names *ret, const char *folder, struct err *err)
{
    DIR *dir = opendir(folder);

    if (dir == NULL)
        return err_set(err, -errno, "%s: %s", folder, strerror(errno));
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (!manifest_is_file_name(e->d_name))
            continue;
        ret->items = array_grow(ret->items, &ret->cap, ret->count + 1, sizeof(char *));
        ret->items[ret->count++] = xstrdup(e->d_name);
    }
    closedir(dir);
    if (ret->count > 0)
        qsort(ret->items, ret->count, sizeof(char *), str_cmp_ptr);
    return 0;
}

/* Is it gone since the folder was listed? A dangling link is there, and an error. */
static bool is_gone(const char *path)
{
    struct stat st;

    return lstat(path, &st) < 0 && errno == ENOENT;
}

/* 1 when the entry was a file, 0 when it was none (a folder, a pipe) or has just been removed. */
static int load_entry(struct manifest *m, const char *path, struct err *err)
{
    int r = load_path(m, path, SOURCE_FILE_ONLY, err);

    if (r == -ENOTSUP || (r == -ENOENT && is_gone(path))) {
        err_done(err);
        return 0;
    }
    return r < 0 ? r : 1;
}

static int load_folder(struct manifest *m, const char *folder, struct err *err)
{
    CLEANUP(names_done) struct names names = {0};
    size_t len = strlen(folder), files = 0;
    int r = names_read(&names, folder, err);

    if (r < 0)
        return r;
    while (len > 1 && folder[len - 1] == '/')
        len--;
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(xfreep)
        char *path = xasprintf("%.*s%s%s", (int)len, folder, folder[len - 1] == '/' ? "" : "/",
                               names.items[i]);

        r = load_entry(m, path, err);
        if (r < 0)
            return r;
        files += (size_t)r;
    }
    if (files == 0)
        fault_add(&m->warnings, NULL, "%s: no file named *.yaml, *.yml or *.json in this folder",
                  folder);
    return 0;
}

int manifest_load(struct manifest *m, const char *path, struct err *err)
{
    struct stat st;

    if (!str_eq(path, "-") && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return load_folder(m, path, err);
    return load_path(m, path, SOURCE_ANY, err);
}

/* Strings move to the arena of the Service, for pins go when the manifest goes. */
static void pin_lay(struct object *service, const struct object *pin)
{
    size_t count = pin->service.ingress_count;
    struct ingress *to;

    if (count == 0)
        return;
    to = arena_calloc(service->arena, count, sizeof(*to));
    for (size_t i = 0; i < count; i++) {
        const struct ingress *from = &pin->service.ingress[i];

        to[i].ip = arena_strdup(service->arena, from->ip);
        to[i].hostname = arena_strdup(service->arena, from->hostname);
        to[i].ip_mode = arena_strdup(service->arena, from->ip_mode);
    }
    service->service.ingress = to;
    service->service.ingress_count = count;
    service->service.is_pinned = true;
}

static void warn_of_ignored(struct manifest *m)
{
    CLEANUP(text_done) struct text kinds = {0};

    for (size_t i = 0; i < m->ignored_kind_count; i++) {
        if (i > 0)
            text_add(&kinds, ", ");
        text_add(&kinds, i < MANIFEST_KINDS_SHOWN ? m->ignored_kinds[i] : "…");
    }
    if (m->ignored == 1)
        fault_add(&m->warnings, NULL, "1 document of another kind was ignored (%s)",
                  text_str(&kinds));
    else if (m->ignored > 1)
        fault_add(&m->warnings, NULL, "%zu documents of other kinds were ignored (%s)", m->ignored,
                  text_str(&kinds));
}

void manifest_finish(struct manifest *m)
{
    MAP_EACH (&m->pins, e) {
        const struct object *pin = e->value;
        struct object *service = map_find(&m->services, e->key, e->key_len);

        if (service != NULL)
            pin_lay(service, pin);
        else
            fault_add(&m->warnings, pin, "pinned, but there is no such Service");
    }
    warn_of_ignored(m);
}
