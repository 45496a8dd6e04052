/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_rib_int.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_BUCKETS = 16 };

void bgp_intern_done(struct bgp_intern *in)
{
    free(in->by_id);
    free(in->free_ids);
    free(in->buckets);
    *in = (struct bgp_intern){0};
}

struct bgp_interned *bgp_intern_find(const struct bgp_intern *in, uint32_t hash,
                                     const struct bgp_interned *after)
{
    uint32_t id;

    if (in->bucket_count == 0)
        return NULL;
    id = after != NULL ? after->next : in->buckets[hash & (in->bucket_count - 1)];
    while (id != 0 && in->by_id[id]->hash != hash)
        id = in->by_id[id]->next;
    return in->by_id[id];
}

static void link_object(struct bgp_intern *in, struct bgp_interned *o)
{
    uint32_t *bucket = &in->buckets[o->hash & (in->bucket_count - 1)];

    o->next = *bucket;
    *bucket = o->id;
}

static void unlink_object(struct bgp_intern *in, struct bgp_interned *o)
{
    uint32_t *at = &in->buckets[o->hash & (in->bucket_count - 1)];

    while (*at != o->id)
        at = &in->by_id[*at]->next;
    *at = o->next;
}

static void grow_buckets(struct bgp_intern *in)
{
    free(in->buckets);
    in->bucket_count = in->bucket_count > 0 ? in->bucket_count * 2 : FIRST_BUCKETS;
    in->buckets = xcalloc(in->bucket_count, sizeof(*in->buckets));
    for (size_t id = 1; id < in->ids; id++) {
        if (in->by_id[id] != NULL)
            link_object(in, in->by_id[id]);
    }
}

static uint32_t take_id(struct bgp_intern *in)
{
    if (in->free_count > 0)
        return in->free_ids[--in->free_count];
    if (in->ids == 0)
        in->ids = 1;
    in->by_id = array_grow(in->by_id, &in->by_id_cap, in->ids + 1, sizeof(struct bgp_interned *));
    in->by_id[0] = NULL;
    assert(in->ids <= BGP_TOLD_ID);
    return (uint32_t)in->ids++;
}

void bgp_intern_add(struct bgp_intern *in, struct bgp_interned *o, uint32_t hash)
{
    if (in->count >= in->bucket_count)
        grow_buckets(in);
    *o = (struct bgp_interned){.id = take_id(in), .refs = 1, .hash = hash};
    in->by_id[o->id] = o;
    link_object(in, o);
    in->count++;
}

void bgp_intern_del(struct bgp_intern *in, struct bgp_interned *o)
{
    unlink_object(in, o);
    in->by_id[o->id] = NULL;
    in->count--;
    if (in->count == 0) {
        bgp_intern_done(in);
        return;
    }
    in->free_ids =
        array_grow(in->free_ids, &in->free_cap, in->free_count + 1, sizeof(*in->free_ids));
    in->free_ids[in->free_count++] = o->id;
}

void bgp_intern_rehash(struct bgp_intern *in, struct bgp_interned *o, uint32_t hash)
{
    unlink_object(in, o);
    o->hash = hash;
    link_object(in, o);
}
