/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All rounds have the same distance and time does not run backwards, so a queue in the order of
 * sending is also sorted by due time: the head has the deadline, and no step costs more than O(1).
 * Subjects whose first round is still to come wait in a queue of their own, which goes first.
 */
#include "speaker/burst.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_LEN = 1 + 16 + 4, BLOCK_SUBJECTS = 64 };

struct subject {
    uint8_t key[KEY_LEN];
    bool waiting; /* in `waiting`, else in `fresh` */
    struct burst_round round;
    struct mono due, end;
    struct subject *next, *prev;
};

/* Subjects live for seconds among what lives for months, and a start has thousands. So they get
 * memory in blocks, which goes back when the last of them has ended, and leaves no holes. */
struct block {
    struct block *next;
    struct subject subjects[BLOCK_SUBJECTS];
};

struct queue {
    struct subject *head, *tail;
};

struct burst {
    struct map subjects; /* key -> struct subject */
    struct queue fresh, waiting;
    struct block *blocks;
    struct subject *unused; /* of the blocks, linked by `next` */
    int64_t interval_ns;
    struct mono periodic; /* next round; never when off */
};

static void queue_add(struct queue *q, struct subject *s)
{
    s->next = NULL;
    s->prev = q->tail;
    if (q->tail != NULL)
        q->tail->next = s;
    else
        q->head = s;
    q->tail = s;
}

static void queue_del(struct queue *q, struct subject *s)
{
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        q->head = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    else
        q->tail = s->prev;
}

static void add_block(struct burst *b)
{
    struct block *block = xcalloc(1, sizeof(*block));

    block->next = b->blocks;
    b->blocks = block;
    for (size_t i = 0; i < BLOCK_SUBJECTS; i++) {
        block->subjects[i].next = b->unused;
        b->unused = &block->subjects[i];
    }
}

static void free_blocks(struct burst *b)
{
    while (b->blocks != NULL) {
        struct block *block = b->blocks;

        b->blocks = block->next;
        free(block);
    }
    b->unused = NULL;
}

static struct subject *subject_new(struct burst *b)
{
    struct subject *s;

    if (b->unused == NULL)
        add_block(b);
    s = b->unused;
    b->unused = s->next;
    *s = (struct subject){0};
    return s;
}

static void subject_key(uint8_t ret[KEY_LEN], const struct burst_round *r)
{
    uint64_t words[2] = {r->ip.hi, r->ip.lo};
    /* An address and a link never have the same family byte: the link's is marked. */
    uint8_t family = (uint8_t)(r->kind == BURST_LINK ? r->family | 0x80 : r->ip.family);

    ret[0] = family;
    memcpy(ret + 1, words, sizeof(words));
    memcpy(ret + 17, &r->ifindex, sizeof(r->ifindex));
}

static struct subject *subject_find(const struct burst *b, const struct burst_round *r)
{
    uint8_t key[KEY_LEN];

    subject_key(key, r);
    return map_find(&b->subjects, key, sizeof(key));
}

static void subject_del(struct burst *b, struct subject *s)
{
    queue_del(s->waiting ? &b->waiting : &b->fresh, s);
    map_del(&b->subjects, s->key, sizeof(s->key));
    s->next = b->unused;
    b->unused = s;
    if (b->subjects.count > 0)
        return;
    free_blocks(b);
    map_done(&b->subjects);
}

static void burst_trigger(struct burst *b, const struct burst_round *r, struct mono now)
{
    struct subject *s = subject_find(b, r);

    if (s != NULL) {
        s->end = mono_add(now, BURST_LENGTH_NS);
        return;
    }
    s = subject_new(b);
    s->round = *r;
    s->round.first = true;
    s->due = now;
    s->end = mono_add(now, BURST_LENGTH_NS);
    subject_key(s->key, r);
    map_put(&b->subjects, s->key, sizeof(s->key), s);
    queue_add(&b->fresh, s);
}

static void burst_cancel(struct burst *b, const struct burst_round *r)
{
    struct subject *s = subject_find(b, r);

    if (s != NULL)
        subject_del(b, s);
}

struct burst *burst_new(int64_t interval_ns, struct mono now)
{
    struct burst *b = xcalloc(1, sizeof(*b));

    b->interval_ns = interval_ns;
    if (interval_ns > 0)
        b->periodic = mono_add(now, interval_ns);
    return b;
}

struct burst *burst_free(struct burst *b)
{
    if (b == NULL)
        return NULL;
    free_blocks(b);
    map_done(&b->subjects);
    free(b);
    return NULL;
}

void burst_address(struct burst *b, struct ip ip, struct mono now)
{
    burst_trigger(b, &(struct burst_round){.kind = BURST_ADDRESS, .ip = ip}, now);
}

void burst_link(struct burst *b, uint32_t ifindex, enum ip_family family, struct mono now)
{
    burst_trigger(
        b, &(struct burst_round){.kind = BURST_LINK, .ifindex = ifindex, .family = family}, now);
}

void burst_cancel_address(struct burst *b, struct ip ip)
{
    burst_cancel(b, &(struct burst_round){.kind = BURST_ADDRESS, .ip = ip});
}

void burst_cancel_link(struct burst *b, uint32_t ifindex, enum ip_family family)
{
    burst_cancel(b,
                 &(struct burst_round){.kind = BURST_LINK, .ifindex = ifindex, .family = family});
}

bool burst_has_address(const struct burst *b, struct ip ip)
{
    return subject_find(b, &(struct burst_round){.kind = BURST_ADDRESS, .ip = ip}) != NULL;
}

struct mono burst_deadline(const struct burst *b)
{
    struct mono deadline = b->periodic;

    if (b->waiting.head != NULL)
        deadline = mono_earlier(deadline, b->waiting.head->due);
    if (b->fresh.head != NULL)
        deadline = mono_earlier(deadline, b->fresh.head->due);
    return deadline;
}

/* The round counts from when it is sent, not from when it was due: two never come closer. */
static void subject_sent(struct burst *b, struct subject *s, struct mono now)
{
    queue_del(s->waiting ? &b->waiting : &b->fresh, s);
    s->round.first = false;
    s->due = mono_add(now, BURST_ROUND_NS);
    s->waiting = true;
    queue_add(&b->waiting, s);
}

static bool burst_next_periodic(struct burst *b, struct mono now, struct burst_round *ret)
{
    int64_t late_ns = mono_sub(now, b->periodic);

    if (!mono_is_set(b->periodic) || late_ns < 0)
        return false;
    /* Ticks that were missed are dropped, and the rhythm is kept. */
    b->periodic = mono_add(b->periodic, (late_ns / b->interval_ns + 1) * b->interval_ns);
    *ret = (struct burst_round){.kind = BURST_PERIODIC};
    return true;
}

bool burst_next(struct burst *b, struct mono now, struct burst_round *ret)
{
    if (b->fresh.head != NULL) {
        *ret = b->fresh.head->round;
        subject_sent(b, b->fresh.head, now);
        return true;
    }
    while (b->waiting.head != NULL && !mono_before(now, b->waiting.head->due)) {
        struct subject *s = b->waiting.head;

        if (!mono_before(now, s->end)) {
            subject_del(b, s);
            continue;
        }
        *ret = s->round;
        subject_sent(b, s, now);
        return true;
    }
    return burst_next_periodic(b, now, ret);
}
