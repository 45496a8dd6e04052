/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/chains.h"

#include "base/mem.h"

#include <stdlib.h>

static struct chain **chain_head(const struct chains *t, uint64_t hash)
{
    return &t->heads[hash & (t->size - 1)];
}

static void chains_grow(struct chains *t)
{
    struct chains bigger = {.size = t->size == 0 ? 16 : 2 * t->size, .hash = t->hash};

    bigger.heads = xcalloc(bigger.size, sizeof(struct chain *));
    for (size_t i = 0; i < t->size; i++) {
        for (struct chain *c = t->heads[i], *next; c != NULL; c = next) {
            struct chain **head = chain_head(&bigger, t->hash(c));

            next = c->next;
            c->next = *head;
            *head = c;
        }
    }
    bigger.count = t->count;
    free(t->heads);
    *t = bigger;
}

void chains_add(struct chains *t, struct chain *c)
{
    struct chain **head;

    if (t->count >= 2 * t->size)
        chains_grow(t);
    head = chain_head(t, t->hash(c));
    c->next = *head;
    *head = c;
    t->count++;
}

void chains_del(struct chains *t, struct chain *c)
{
    struct chain **at = chain_head(t, t->hash(c));

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    t->count--;
}

struct chain *chains_first(const struct chains *t, uint64_t hash)
{
    return t->size == 0 ? NULL : *chain_head(t, hash);
}

void chains_done(struct chains *t)
{
    free(t->heads);
    *t = (struct chains){0};
}
