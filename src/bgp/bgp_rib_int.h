/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the RIB.
 *
 * A table per family gives every prefix a slot, a small number that is dense. An adj is what one
 * peer was told of one family: an array over the slots of the table with the id of the attribute
 * set, and a mark at every slot where that is not what the peer should have. Marks are exact: a
 * change that is taken back takes its mark back.
 *
 * A deleted route keeps its slot while a peer has still to be told. So `holders` of a slot counts
 * the adjs that remember something of it.
 */
#pragma once

#include "bgp/bgp_rib.h"

#include <assert.h>

/* --- objects that exist once for equal contents (bgp_rib_intern.c) --- */

/* The first member of such an object. Ids begin at 1 and are used again. */
struct bgp_interned {
    uint32_t id, refs, hash;
    uint32_t next; /* id of the next one in the bucket; 0: none */
};

struct bgp_intern {
    struct bgp_interned **by_id; /* NULL: a free id; 0 always is */
    size_t ids, by_id_cap;       /* ids below `ids` have been given */
    uint32_t *free_ids;
    size_t free_count, free_cap;
    uint32_t *buckets; /* ids */
    size_t bucket_count, count;
};

/* The objects of that hash, one after the other: `after` NULL, then what was returned. */
struct bgp_interned *bgp_intern_find(const struct bgp_intern *in, uint32_t hash,
                                     const struct bgp_interned *after);
void bgp_intern_add(struct bgp_intern *in, struct bgp_interned *o, uint32_t hash); /* with a ref */
void bgp_intern_del(struct bgp_intern *in, struct bgp_interned *o); /* frees no object */
void bgp_intern_rehash(struct bgp_intern *in, struct bgp_interned *o, uint32_t hash);
void bgp_intern_done(struct bgp_intern *in); /* frees no object */

static inline uint64_t bgp_hash_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

/* --- attribute sets and offers (bgp_offer.c) --- */

struct bgp_attr_set {
    struct bgp_interned head;
    uint32_t run; /* while a batch is made: 1 + its run there; else 0 */
    struct bgp_attrs attrs;
    struct bgp_community communities[]; /* of attrs */
};

struct bgp_offer {
    struct bgp_interned head;
    uint32_t span;    /* peers 0 .. span - 1 */
    uint32_t attrs[]; /* by peer: id of the set, whose reference it has; 0: no route */
};

static inline uint32_t bgp_offer_attrs(const struct bgp_offer *o, uint32_t peer)
{
    return o != NULL && peer < o->span ? o->attrs[peer] : 0;
}

void bgp_attr_set_ref(struct bgp_rib *r, uint32_t id);
void bgp_attr_set_unref(struct bgp_rib *r, uint32_t id);
struct bgp_attr_set *bgp_attr_set(const struct bgp_rib *r, uint32_t id); /* not 0 */
struct bgp_offer *bgp_offer_at(const struct bgp_rib *r, uint32_t id);    /* NULL for 0 */
void bgp_offers_forget_peer(struct bgp_rib *r, uint32_t peer);
void bgp_offers_done(struct bgp_rib *r); /* frees all offers and attribute sets */

/* --- marks: a set of slots (bgp_rib_marks.c) --- */

struct bgp_slot_marks {
    uint64_t *words, *summary; /* summary: a bit for every word that is not 0 */
    size_t word_count, summary_count;
    size_t count;
};

void bgp_slot_marks_resize(struct bgp_slot_marks *m,
                           uint32_t slots); /* drops no mark below `slots` */
void bgp_slot_marks_done(struct bgp_slot_marks *m);
void bgp_slot_marks_set(struct bgp_slot_marks *m, uint32_t slot, bool marked);
uint32_t bgp_slot_marks_next(const struct bgp_slot_marks *m,
                             uint32_t from); /* BGP_NO_SLOT: no more */

static inline bool bgp_slot_marks_has(const struct bgp_slot_marks *m, uint32_t slot)
{
    return (m->words[slot / 64] >> slot % 64 & 1) != 0;
}

/* --- what a peer was told of a family (bgp_rib_adj.c) --- */

/* Flags of `told`, beside the id of an attribute set. */
#define BGP_TOLD_AGAIN (UINT32_C(1) << 31) /* the peer has it, and is to be told once more */
#define BGP_TOLD_UNFIT (UINT32_C(1) << 30) /* the peer has nothing: these attributes do not fit */
#define BGP_TOLD_ID (BGP_TOLD_UNFIT - 1)

struct bgp_adj {
    uint32_t peer;
    bool carried; /* by the session; what follows `barred` counts only then */
    bool barred;  /* by bgp_rib_peer_allow */
    uint32_t *told;
    struct bgp_slot_marks marks;
    size_t wanted, sent; /* as in bgp_rib_peer_counts */
};

static inline bool bgp_told_is_held(uint32_t told)
{
    return told != 0 && (told & BGP_TOLD_UNFIT) == 0;
}

struct bgp_table;

uint32_t bgp_adj_wanted(const struct bgp_rib *r, const struct bgp_adj *a, const struct bgp_table *t,
                        uint32_t slot);
/* Sets or removes the mark of a slot. */
void bgp_adj_review(struct bgp_rib *r, struct bgp_adj *a, struct bgp_table *t, uint32_t slot);
/* Writes down what the peer now knows, and removes the mark. */
void bgp_adj_tell(struct bgp_rib *r, struct bgp_adj *a, struct bgp_table *t, uint32_t slot,
                  uint32_t told);
void bgp_adj_resize(struct bgp_adj *a, uint32_t old_cap, uint32_t cap);
void bgp_adj_move(struct bgp_adj *a, uint32_t from, uint32_t to); /* `to` is unused */

/* --- prefixes (bgp_rib_table.c) --- */

#define BGP_NO_SLOT UINT32_MAX

struct bgp_slot {
    uint32_t offer;   /* id; 0: deleted. Of a free slot: the next free one */
    uint16_t holders; /* adjs whose `told` is not 0 */
    uint8_t len;      /* of the prefix */
    bool used;
};

struct bgp_table {
    enum bgp_family family;
    size_t words; /* of an address: 1 or 4, the highest first */
    struct bgp_slot *slots;
    uint32_t *addresses;
    uint32_t cap, top, used; /* slots from `top` on were never used */
    uint32_t free;           /* the first free slot below `top`, or BGP_NO_SLOT */
    size_t live;             /* routes: used less deleted */
    uint32_t *index;         /* slot + 1; 0: empty. Linear probing */
    size_t index_size;       /* a power of 2, or 0 */
    struct bgp_adj **adjs;   /* of the peers whose session carries the family */
    size_t adj_count, adj_cap;
};

void bgp_table_init(struct bgp_table *t, enum bgp_family family);
void bgp_table_done(struct bgp_table *t);
uint32_t bgp_table_find(const struct bgp_table *t, struct prefix p); /* BGP_NO_SLOT: unknown */
uint32_t bgp_table_add(struct bgp_table *t, struct prefix p);        /* that is unknown */
/* Frees the slot of a deleted route that nobody holds any more; else does nothing. */
void bgp_table_reap(struct bgp_table *t, uint32_t slot);
struct prefix bgp_table_prefix(const struct bgp_table *t, uint32_t slot);
bool bgp_table_is_sparse(const struct bgp_table *t);
void bgp_table_compact(struct bgp_table *t); /* slots get other numbers */

/* --- draining (bgp_rib_drain.c) --- */

/* Slots of a batch that get the same attributes; those that no longer want them are skipped. */
struct bgp_run {
    uint32_t attrs; /* with a reference; 0: withdrawn */
    uint32_t at, end;
    enum bgp_family family;
    bool withdraw; /* with attributes: they do not fit */
};

struct bgp_batch {
    uint32_t *slots;
    struct bgp_run *runs;
    size_t run_count, run_cap;
    size_t at; /* the run that is being sent */
};

/* The marks are still there: a new one can be made. */
void bgp_batch_done(struct bgp_rib *r, struct bgp_batch *b);

/* --- the whole --- */

struct bgp_rib_peer {
    bool up;
    struct bgp_adj adj[BGP_FAMILIES];
    struct bgp_batch batch; /* of both families */
    uint64_t too_long;
};

struct bgp_rib {
    struct bgp_intern attr_sets, offers;
    struct bgp_table tables[BGP_FAMILIES];
    struct bgp_rib_peer *peers[BGP_PEERS_MAX]; /* by id; NULL: nothing known */
};

static inline struct bgp_rib_peer *bgp_rib_peer_find(const struct bgp_rib *r, uint32_t id)
{
    assert(id < BGP_PEERS_MAX);
    return r->peers[id];
}

/* Gives memory back where a table has become mostly empty. Slots may get other numbers. */
void bgp_rib_trim(struct bgp_rib *r);
