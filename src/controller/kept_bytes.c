/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/kept_bytes.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Inside a string the quotes would be escaped: this can only be a name and its value. */
static const char managed_fields[] = "\"managedFields\":[";

struct entry {
    char *key, *version;
    struct kept kept;
};

static struct entry *entry_free(struct entry *e)
{
    free(e->key);
    free(e->version);
    free(e->kept.bytes);
    free(e);
    return NULL;
}

void kept_bytes_done(struct kept_bytes *k)
{
    MAP_EACH (&k->by_key, e) {
        struct entry *entry = e->value;

        entry_free(entry);
    }
    map_done(&k->by_key);
    k->total = 0;
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

static void drop(struct kept_bytes *k, const char *key)
{
    struct entry *e = map_del_str(&k->by_key, key);

    if (e == NULL)
        return;
    k->total -= e->kept.len;
    entry_free(e);
}

void kept_bytes_put(struct kept_bytes *k, const struct object *o, const char *json, size_t len)
{
    CLEANUP(xfreep) char *key = key_of(o);
    struct entry *e;

    drop(k, key);
    if (len > KEPT_BYTES_MAX - k->total)
        return;
    e = xcalloc(1, sizeof(*e));
    e->kept.bytes = xmalloc(len);
    memcpy(e->kept.bytes, json, len);
    e->kept.len = json_cut_managed_fields(e->kept.bytes, len);
    e->kept.bytes = xreallocarray(e->kept.bytes, e->kept.len, 1);
    e->version = xstrdup(o->meta.resource_version);
    e->key = TAKE(key);
    k->total += e->kept.len;
    map_put_str(&k->by_key, e->key, e);
}

struct kept kept_bytes_take(struct kept_bytes *k, const struct object *o)
{
    CLEANUP(xfreep) char *key = key_of(o);
    struct entry *e = map_find_str(&k->by_key, key);
    struct kept kept = {0};

    if (e == NULL || !str_eq(e->version, o->meta.resource_version))
        return kept;
    kept = e->kept;
    k->total -= kept.len;
    e->kept = (struct kept){0};
    drop(k, key);
    return kept;
}
