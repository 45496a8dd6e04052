/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/token_cache.h"

#include <string.h>

#define USER_NS (60 * NS_PER_SEC)
#define ALLOWED_NS (300 * NS_PER_SEC)
#define DENIED_NS (30 * NS_PER_SEC)

void token_cache_done(struct token_cache *c)
{
    for (size_t i = 0; i < TOKEN_CACHE_MAX; i++)
        json_decref(c->entries[i].user);
    *c = (struct token_cache){0};
}

static struct token_entry *entry_of(struct token_cache *c, const struct token_digest *digest)
{
    for (size_t i = 0; i < TOKEN_CACHE_MAX; i++) {
        struct token_entry *e = &c->entries[i];

        if (mono_is_set(e->user_until) && memcmp(&e->digest, digest, sizeof(*digest)) == 0)
            return e;
    }
    return NULL;
}

const struct token_entry *token_cache_find(const struct token_cache *c,
                                           const struct token_digest *digest, struct mono now)
{
    for (size_t i = 0; i < TOKEN_CACHE_MAX; i++) {
        const struct token_entry *e = &c->entries[i];

        if (mono_before(now, e->user_until) && memcmp(&e->digest, digest, sizeof(*digest)) == 0)
            return e;
    }
    return NULL;
}

enum token_access token_entry_access(const struct token_entry *e, struct mono now)
{
    if (!mono_before(now, e->access_until))
        return TOKEN_ACCESS_UNKNOWN;
    return e->is_allowed ? TOKEN_ACCESS_ALLOWED : TOKEN_ACCESS_DENIED;
}

/* Tokens of nobody go first, then those that were asked about the longest time ago; an empty entry
 * is both. */
static bool goes_before(const struct token_entry *a, const struct token_entry *b)
{
    if ((a->user == NULL) != (b->user == NULL))
        return a->user == NULL;
    return mono_before(a->user_until, b->user_until);
}

static struct token_entry *make_room(struct token_cache *c)
{
    struct token_entry *e = &c->entries[0];

    for (size_t i = 1; i < TOKEN_CACHE_MAX; i++) {
        if (goes_before(&c->entries[i], e))
            e = &c->entries[i];
    }
    return e;
}

void token_cache_put(struct token_cache *c, const struct token_digest *digest, json_t *user_take,
                     struct mono now)
{
    struct token_entry *e = entry_of(c, digest);
    bool is_same = e != NULL && user_take != NULL && json_equal(e->user, user_take);

    if (e == NULL)
        e = make_room(c);
    if (!is_same)
        e->access_until = (struct mono){0};
    json_decref(e->user);
    e->digest = *digest;
    e->user = user_take;
    e->user_until = mono_add(now, USER_NS);
}

void token_cache_put_access(struct token_cache *c, const struct token_digest *digest, bool allowed,
                            struct mono now)
{
    struct token_entry *e = entry_of(c, digest);

    if (e == NULL)
        return;
    e->is_allowed = allowed;
    e->access_until = mono_add(now, allowed ? ALLOWED_NS : DENIED_NS);
}
