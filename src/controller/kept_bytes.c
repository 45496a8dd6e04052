/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/kept_bytes.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Inside a string the quotes would be escaped: this can only be a name and its value. */
static const char managed_fields[] = "\"managedFields\":[";

struct entry {
    size_t at, len; /* in the block */
    bool is_wanted;
    const char *version;
    char key[]; /* behind it the version */
};

void kept_bytes_done(struct kept_bytes *k)
{
    MAP_EACH (&k->by_key, e)
        free(e->value);
    map_done(&k->by_key);
    text_done(&k->all);
    k->has_unwanted = false;
}

void kept_bytes_drop(struct kept_bytes *k, const char *key)
{
    free(map_del_str(&k->by_key, key));
}

/* The end of the value that begins at `from`: behind the bracket that closes its first one. */
static size_t end_of_value(const char *json, size_t from, size_t len)
{
    unsigned depth = 0;
    bool quoted = false;

    for (size_t i = from; i < len; i++) {
        char c = json[i];

        if (c == '\\' && quoted)
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == '{'))
            depth++;
        else if (!quoted && (c == ']' || c == '}') && --depth == 0)
            return i + 1;
    }
    return len;
}

size_t json_cut_managed_fields(char *json, size_t len)
{
    const size_t name_len = sizeof(managed_fields) - 1;
    char *found = memmem(json, len, managed_fields, name_len);
    size_t start, end;

    if (found == NULL)
        return len;
    start = (size_t)(found - json);
    end = end_of_value(json, start + name_len - 1, len);
    if (end < len && json[end] == ',')
        end++;
    else if (start > 0 && json[start - 1] == ',')
        start--;
    memmove(json + start, json + end, len - end);
    return len - (end - start);
}

static char *key_of(const struct object *o)
{
    return xasprintf("%s/%s", o->meta.namespace, o->meta.name);
}

static struct entry *entry_new(const char *key, const char *version)
{
    size_t key_size = strlen(key) + 1, version_size = strlen(version) + 1;
    struct entry *e = xcalloc(1, sizeof(*e) + key_size + version_size);

    memcpy(e->key, key, key_size);
    e->version = memcpy(e->key + key_size, version, version_size);
    return e;
}

void kept_bytes_put(struct kept_bytes *k, const struct object *o, const char *json, size_t len)
{
    CLEANUP(xfreep) char *key = key_of(o);
    struct entry *e;

    kept_bytes_drop(k, key);
    if (k->by_key.count == 0)
        k->all.len = 0;
    if (len > KEPT_BYTES_MAX - k->all.len)
        return;
    e = entry_new(key, o->meta.resource_version);
    e->at = k->all.len;
    text_add_n(&k->all, json, len);
    e->len = json_cut_managed_fields(k->all.chars + e->at, len);
    k->all.len = e->at + e->len;
    map_put_str(&k->by_key, e->key, e);
    k->has_unwanted = true;
}

static bool is_of(const struct entry *e, const struct object *o)
{
    return e != NULL && str_eq(e->version, o->meta.resource_version);
}

void kept_bytes_want(struct kept_bytes *k, const struct object *o)
{
    CLEANUP(xfreep) char *key = key_of(o);
    struct entry *e = map_find_str(&k->by_key, key);

    if (is_of(e, o))
        e->is_wanted = true;
}

static void drop_unwanted(struct kept_bytes *k)
{
    MAP_EACH (&k->by_key, e) {
        const struct entry *entry = e->value;

        if (!entry->is_wanted)
            kept_bytes_drop(k, entry->key);
    }
    k->has_unwanted = false;
}

void kept_bytes_forget(struct kept_bytes *k)
{
    if (k->has_unwanted)
        drop_unwanted(k);
    if (k->by_key.count == 0)
        kept_bytes_done(k);
}

struct kept kept_bytes_take(struct kept_bytes *k, const struct object *o)
{
    CLEANUP(xfreep) char *key = key_of(o);
    CLEANUP(xfreep) struct entry *e = map_del_str(&k->by_key, key);

    if (!is_of(e, o))
        return (struct kept){0};
    return (struct kept){.bytes = k->all.chars + e->at, .len = e->len};
}
