/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bitset.h"

#include <assert.h>

static size_t word_count(const struct bitset *s)
{
    return (s->size + 63) / 64;
}

static size_t common_words(const struct bitset *a, const struct bitset *b)
{
    size_t x = word_count(a), y = word_count(b);

    return x < y ? x : y;
}

struct bitset bitset_new(struct arena *a, size_t size)
{
    struct bitset s = {.size = size};

    s.words = arena_calloc(a, word_count(&s), sizeof(*s.words));
    return s;
}

void bitset_add(struct bitset *s, size_t i)
{
    assert(i < s->size);
    s->words[i / 64] |= UINT64_C(1) << (i % 64);
}

bool bitset_has(const struct bitset *s, size_t i)
{
    return i < s->size && (s->words[i / 64] >> (i % 64) & 1) != 0;
}

bool bitset_is_empty(const struct bitset *s)
{
    for (size_t i = 0; i < word_count(s); i++) {
        if (s->words[i] != 0)
            return false;
    }
    return true;
}

bool bitset_meets(const struct bitset *a, const struct bitset *b)
{
    for (size_t i = 0; i < common_words(a, b); i++) {
        if ((a->words[i] & b->words[i]) != 0)
            return true;
    }
    return false;
}

bool bitset_eq(const struct bitset *a, const struct bitset *b)
{
    if (a->size != b->size)
        return false;
    for (size_t i = 0; i < word_count(a); i++) {
        if (a->words[i] != b->words[i])
            return false;
    }
    return true;
}
