/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_rib_int.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static uint64_t *resize_words(uint64_t *words, size_t old, size_t count)
{
    words = xreallocarray(words, count, sizeof(*words));
    if (count > old)
        memset(words + old, 0, (count - old) * sizeof(*words));
    return words;
}

void bgp_slot_marks_resize(struct bgp_slot_marks *m, uint32_t slots)
{
    size_t words = ((size_t)slots + 63) / 64, summary = (words + 63) / 64;

    m->words = resize_words(m->words, m->word_count, words);
    m->summary = resize_words(m->summary, m->summary_count, summary);
    m->word_count = words;
    m->summary_count = summary;
}

void bgp_slot_marks_done(struct bgp_slot_marks *m)
{
    free(m->words);
    free(m->summary);
    *m = (struct bgp_slot_marks){0};
}

void bgp_slot_marks_set(struct bgp_slot_marks *m, uint32_t slot, bool marked)
{
    size_t at = slot / 64;
    uint64_t bit = UINT64_C(1) << slot % 64, summary_bit = UINT64_C(1) << at % 64;

    if (bgp_slot_marks_has(m, slot) == marked)
        return;
    m->words[at] ^= bit;
    if (marked)
        m->count++;
    else
        m->count--;
    if (m->words[at] != 0)
        m->summary[at / 64] |= summary_bit;
    else
        m->summary[at / 64] &= ~summary_bit;
}

/* The lowest bit of `word` from bit `from` on; 64: none. */
static unsigned lowest_bit(uint64_t word, unsigned from)
{
    word &= ~UINT64_C(0) << from;
    return word != 0 ? (unsigned)__builtin_ctzll(word) : 64;
}

/* The first word from `at` on that has a mark; word_count: none. */
static size_t next_word(const struct bgp_slot_marks *m, size_t at)
{
    unsigned from = at % 64;

    for (size_t i = at / 64; i < m->summary_count; i++, from = 0) {
        unsigned bit = lowest_bit(m->summary[i], from);

        if (bit < 64)
            return i * 64 + bit;
    }
    return m->word_count;
}

uint32_t bgp_slot_marks_next(const struct bgp_slot_marks *m, uint32_t from)
{
    size_t at = from / 64;
    unsigned bit;

    if (at >= m->word_count)
        return BGP_NO_SLOT;
    bit = lowest_bit(m->words[at], from % 64);
    if (bit == 64) {
        at = next_word(m, at + 1);
        if (at == m->word_count)
            return BGP_NO_SLOT;
        bit = lowest_bit(m->words[at], 0);
    }
    return (uint32_t)(at * 64 + bit);
}
