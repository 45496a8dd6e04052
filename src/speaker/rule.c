/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/rule.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* A letter, and the names with their NULs. */
static void make_key(struct text *t, bool all_interfaces, const struct string_list *interfaces)
{
    text_add(t, all_interfaces ? "a" : "s");
    for (size_t i = 0; i < interfaces->count; i++)
        text_add_n(t, interfaces->items[i], strlen(interfaces->items[i]) + 1);
}

static struct rule *rule_new(struct map *set, const struct text *key, size_t count)
{
    struct rule *r = xcalloc(1, sizeof(*r) + key->len);
    const char *at = r->key + 1;

    memcpy(r->key, key->chars, key->len);
    r->key_len = key->len;
    r->set = set;
    r->all_interfaces = r->key[0] == 'a';
    r->interfaces.items = xcalloc(count + 1, sizeof(*r->interfaces.items));
    r->interfaces.count = count;
    for (size_t i = 0; i < count; i++) {
        r->interfaces.items[i] = at;
        at += strlen(at) + 1;
    }
    (void)map_put(set, r->key, r->key_len, r); /* it is new */
    return r;
}

struct rule *rule_ref(struct map *set, bool all_interfaces, const struct string_list *interfaces)
{
    CLEANUP(text_done) struct text key = {0};
    struct rule *r;

    make_key(&key, all_interfaces, interfaces);
    r = map_find(set, key.chars, key.len);
    if (r == NULL)
        r = rule_new(set, &key, interfaces->count);
    r->refs++;
    return r;
}

struct rule *rule_unref(struct rule *r)
{
    if (r == NULL || --r->refs > 0)
        return NULL;
    (void)map_del(r->set, r->key, r->key_len); /* which is r */
    free(r->interfaces.items);
    free(r);
    return NULL;
}
