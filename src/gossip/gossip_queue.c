/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_queue.h"

#include "base/map.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct item {
    char *subject;
    uint8_t *bytes;
    size_t len;
    uint64_t ticket;
    unsigned transmissions;
};

struct gossip_queue {
    struct map by_subject; /* subject -> struct item, owned here */
    struct item **order;   /* the same, in the order of sending unless `unsorted` */
    size_t count, cap;
    bool unsorted;
    struct item **spent; /* sent for the last time; freed at the next call */
    size_t spent_count, spent_cap;
    uint64_t tickets;
};

static void item_free(struct item *i)
{
    free(i->subject);
    free(i->bytes);
    free(i);
}

static void queue_free_spent(struct gossip_queue *q)
{
    for (size_t i = 0; i < q->spent_count; i++)
        item_free(q->spent[i]);
    q->spent_count = 0;
}

struct gossip_queue *gossip_queue_new(void)
{
    return xcalloc(1, sizeof(struct gossip_queue));
}

struct gossip_queue *gossip_queue_free(struct gossip_queue *q)
{
    if (q == NULL)
        return NULL;
    queue_free_spent(q);
    for (size_t i = 0; i < q->count; i++)
        item_free(q->order[i]);
    map_done(&q->by_subject);
    free(q->order);
    free(q->spent);
    free(q);
    return NULL;
}

/* An item for that subject, without a message. */
static struct item *queue_item(struct gossip_queue *q, const char *subject)
{
    struct item *i = map_find_str(&q->by_subject, subject);

    if (i != NULL) {
        free(i->bytes);
        return i;
    }
    i = xcalloc(1, sizeof(*i));
    i->subject = xstrdup(subject);
    (void)map_put_str(&q->by_subject, i->subject, i); /* it is new */
    q->order = array_grow(q->order, &q->cap, q->count + 1, sizeof(struct item *));
    q->order[q->count++] = i;
    return i;
}

uint64_t gossip_queue_put(struct gossip_queue *q, const char *subject, struct gossip_part message)
{
    struct rd in = rd_from(message.bytes, message.len);
    struct item *i;

    queue_free_spent(q);
    i = queue_item(q, subject);
    i->bytes = xmalloc(message.len + 1);
    i->len = message.len;
    rd_copy(&in, i->bytes, message.len);
    i->transmissions = 0;
    i->ticket = ++q->tickets;
    q->unsorted = true;
    return i->ticket;
}

bool gossip_queue_has(const struct gossip_queue *q, uint64_t ticket)
{
    for (size_t i = 0; i < q->count; i++) {
        if (q->order[i]->ticket == ticket)
            return true;
    }
    return false;
}

size_t gossip_queue_count(const struct gossip_queue *q)
{
    return q->count;
}

unsigned gossip_queue_limit(unsigned retransmit_mult, size_t n)
{
    return retransmit_mult * (unsigned)ceil(log10((double)(n + 1)));
}

/* Least often sent, then largest, then newest. */
static int item_cmp(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;

    if (x->transmissions != y->transmissions)
        return x->transmissions < y->transmissions ? -1 : 1;
    if (x->len != y->len)
        return x->len > y->len ? -1 : 1;
    return x->ticket > y->ticket ? -1 : 1;
}

static void queue_retire(struct gossip_queue *q, struct item *i)
{
    map_del_str(&q->by_subject, i->subject);
    q->spent = array_grow(q->spent, &q->spent_cap, q->spent_count + 1, sizeof(struct item *));
    q->spent[q->spent_count++] = i;
}

/* The room only shrinks: what did not fit never fits later, so one pass in order is enough. */
size_t gossip_queue_pick(struct gossip_queue *q, struct gossip_part *ret,
                         const struct gossip_pick *pick)
{
    size_t picked = 0, kept = 0, left = pick->budget;

    queue_free_spent(q);
    if (q->unsorted && q->count > 1)
        qsort(q->order, q->count, sizeof(struct item *), item_cmp);
    q->unsorted = false;
    for (size_t i = 0; i < q->count; i++) {
        struct item *item = q->order[i];

        q->order[kept] = item;
        if (picked == pick->max || item->len + pick->overhead > left) {
            kept++;
            continue;
        }
        left -= item->len + pick->overhead;
        ret[picked++] = (struct gossip_part){item->bytes, item->len};
        item->transmissions++;
        q->unsorted = true;
        if (item->transmissions >= pick->limit)
            queue_retire(q, item);
        else
            kept++;
    }
    q->count = kept;
    return picked;
}
