/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_rib_int.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_WORDS = 4,
    SLOTS_STEP = 64,  /* the least growth, beside a quarter: memory counts, copies are cheap */
    SPARSE_MIN = 256, /* below, a table is never sparse */
    INDEX_MIN = 64,
};

void bgp_table_init(struct bgp_table *t, enum bgp_family family)
{
    *t = (struct bgp_table){
        .family = family,
        .words = family == BGP_IPV4 ? 1 : MAX_WORDS,
        .free = BGP_NO_SLOT,
    };
}

void bgp_table_done(struct bgp_table *t)
{
    free(t->slots);
    free(t->addresses);
    free(t->index);
    free(t->adjs);
    bgp_table_init(t, t->family);
}

/* --- prefixes as words --- */

static void address_words(uint32_t words[MAX_WORDS], const struct bgp_table *t, struct ip a)
{
    if (t->family == BGP_IPV4) {
        words[0] = ip_to_v4(a);
        return;
    }
    words[0] = (uint32_t)(a.hi >> 32);
    words[1] = (uint32_t)a.hi;
    words[2] = (uint32_t)(a.lo >> 32);
    words[3] = (uint32_t)a.lo;
}

struct prefix bgp_table_prefix(const struct bgp_table *t, uint32_t slot)
{
    const uint32_t *w = t->addresses + slot * t->words;
    struct prefix p = {.len = t->slots[slot].len};

    if (t->family == BGP_IPV4) {
        p.addr = ip_v4(w[0]);
        return p;
    }
    p.addr.family = IP_V6;
    p.addr.hi = (uint64_t)w[0] << 32 | w[1];
    p.addr.lo = (uint64_t)w[2] << 32 | w[3];
    return p;
}

static uint64_t words_hash(const struct bgp_table *t, const uint32_t *words, uint8_t len)
{
    uint64_t h = len;

    for (size_t i = 0; i < t->words; i++)
        h = bgp_hash_mix(h, words[i]);
    return h;
}

static bool slot_is(const struct bgp_table *t, uint32_t slot, const uint32_t *words, uint8_t len)
{
    return t->slots[slot].len == len &&
           memcmp(t->addresses + slot * t->words, words, t->words * sizeof(*words)) == 0;
}

/* --- the index --- */

/* Where the search for the prefix of a slot begins. */
static size_t index_home(const struct bgp_table *t, uint32_t slot)
{
    return words_hash(t, t->addresses + slot * t->words, t->slots[slot].len) & (t->index_size - 1);
}

static void index_put(struct bgp_table *t, uint32_t slot)
{
    size_t i = index_home(t, slot);

    while (t->index[i] != 0)
        i = (i + 1) & (t->index_size - 1);
    t->index[i] = slot + 1;
}

/* Moves later entries up, so that no search ends at the gap (Knuth, 6.4, algorithm R). */
static void index_del(struct bgp_table *t, uint32_t slot)
{
    size_t mask = t->index_size - 1, gap = index_home(t, slot);

    while (t->index[gap] != slot + 1)
        gap = (gap + 1) & mask;
    for (size_t i = (gap + 1) & mask; t->index[i] != 0; i = (i + 1) & mask) {
        size_t home = index_home(t, t->index[i] - 1);

        if (((i - home) & mask) < ((i - gap) & mask))
            continue; /* its search begins behind the gap */
        t->index[gap] = t->index[i];
        gap = i;
    }
    t->index[gap] = 0;
}

/* At most three quarters full with one more. */
static bool index_has_room(const struct bgp_table *t)
{
    return ((size_t)t->used + 1) * 4 <= t->index_size * 3;
}

static void index_rebuild(struct bgp_table *t)
{
    t->index_size = INDEX_MIN;
    while (!index_has_room(t))
        t->index_size *= 2;
    free(t->index);
    t->index = xcalloc(t->index_size, sizeof(*t->index));
    for (uint32_t slot = 0; slot < t->top; slot++) {
        if (t->slots[slot].used)
            index_put(t, slot);
    }
}

uint32_t bgp_table_find(const struct bgp_table *t, struct prefix p)
{
    uint32_t words[MAX_WORDS];
    size_t mask = t->index_size - 1;

    if (t->index_size == 0)
        return BGP_NO_SLOT;
    address_words(words, t, p.addr);
    for (size_t i = words_hash(t, words, p.len) & mask; t->index[i] != 0; i = (i + 1) & mask) {
        if (slot_is(t, t->index[i] - 1, words, p.len))
            return t->index[i] - 1;
    }
    return BGP_NO_SLOT;
}

/* --- slots --- */

static void set_cap(struct bgp_table *t, uint32_t cap)
{
    t->slots = xreallocarray(t->slots, cap, sizeof(*t->slots));
    t->addresses = xreallocarray(t->addresses, cap * t->words, sizeof(*t->addresses));
    for (size_t i = 0; i < t->adj_count; i++)
        bgp_adj_resize(t->adjs[i], t->cap, cap);
    t->cap = cap;
}

static uint32_t take_slot(struct bgp_table *t)
{
    uint32_t slot = t->free;

    if (slot != BGP_NO_SLOT) {
        t->free = t->slots[slot].offer;
        return slot;
    }
    if (t->top == t->cap) {
        assert(t->cap < BGP_NO_SLOT / 2);
        set_cap(t, t->cap + t->cap / 4 + SLOTS_STEP);
    }
    return t->top++;
}

uint32_t bgp_table_add(struct bgp_table *t, struct prefix p)
{
    uint32_t slot;

    if (!index_has_room(t))
        index_rebuild(t);
    slot = take_slot(t);
    t->slots[slot] = (struct bgp_slot){.len = p.len, .used = true};
    address_words(t->addresses + slot * t->words, t, p.addr);
    index_put(t, slot);
    t->used++;
    return slot;
}

void bgp_table_reap(struct bgp_table *t, uint32_t slot)
{
    struct bgp_slot *s = &t->slots[slot];

    if (!s->used || s->offer != 0 || s->holders > 0)
        return;
    index_del(t, slot);
    *s = (struct bgp_slot){.offer = t->free};
    t->free = slot;
    t->used--;
}

bool bgp_table_is_sparse(const struct bgp_table *t)
{
    return t->cap > SPARSE_MIN && t->used < t->cap / 4;
}

void bgp_table_compact(struct bgp_table *t)
{
    uint32_t to = 0;

    for (uint32_t from = 0; from < t->top; from++) {
        if (!t->slots[from].used)
            continue;
        if (from != to) {
            t->slots[to] = t->slots[from];
            memcpy(t->addresses + to * t->words, t->addresses + from * t->words,
                   t->words * sizeof(*t->addresses));
            for (size_t i = 0; i < t->adj_count; i++)
                bgp_adj_move(t->adjs[i], from, to);
        }
        to++;
    }
    t->top = to;
    t->free = BGP_NO_SLOT;
    set_cap(t, to + to / 4 + SLOTS_STEP);
    index_rebuild(t);
}
