/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch holds the slots that were marked when it was made, in runs of equal attributes:
 * announcements first, then withdrawals. It is a plan, no promise: what is sent of a run are the
 * slots that are still marked and still want its attributes, so that neither changes nor slots
 * that were used again meanwhile can do harm. The others wait for the next batch.
 */
#include "bgp/bgp_rib_int.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

void bgp_batch_done(struct bgp_rib *r, struct bgp_batch *b)
{
    for (size_t i = 0; i < b->run_count; i++)
        bgp_attr_set_unref(r, b->runs[i].attrs);
    free(b->slots);
    free(b->runs);
    *b = (struct bgp_batch){0};
}

static void push_run(struct bgp_rib *r, struct bgp_batch *b, struct bgp_run run)
{
    bgp_attr_set_ref(r, run.attrs);
    b->runs = array_grow(b->runs, &b->run_cap, b->run_count + 1, sizeof(*b->runs));
    b->runs[b->run_count++] = run;
}

/* --- making a batch: a counting sort that touches only the attributes in it --- */

/* The run of those attributes, which is made when it is missing; 0 is *withdraw. */
static struct bgp_run *run_of(struct bgp_rib *r, struct bgp_batch *b, uint32_t attrs,
                              struct bgp_run *withdraw)
{
    struct bgp_attr_set *s;

    if (attrs == 0)
        return withdraw;
    s = bgp_attr_set(r, attrs);
    if (s->run == 0) {
        push_run(r, b, (struct bgp_run){.attrs = attrs, .family = withdraw->family});
        s->run = (uint32_t)b->run_count;
    }
    return &b->runs[s->run - 1];
}

/* `end` is the length of the run on entry. */
static void place_run(struct bgp_run *run, uint32_t *at)
{
    uint32_t len = run->end;

    run->at = run->end = *at;
    *at += len;
}

/* The marked slots of a family, from *at on; the run of those that are withdrawn is returned. */
static struct bgp_run batch_family(struct bgp_rib *r, struct bgp_rib_peer *p,
                                   enum bgp_family family, uint32_t *at)
{
    const struct bgp_adj *a = &p->adj[family];
    const struct bgp_table *t = &r->tables[family];
    struct bgp_run withdraw = {.family = family, .withdraw = true};
    struct bgp_batch *b = &p->batch;
    size_t first = b->run_count;

    for (uint32_t s = bgp_slot_marks_next(&a->marks, 0); s != BGP_NO_SLOT;
         s = bgp_slot_marks_next(&a->marks, s + 1))
        run_of(r, b, bgp_adj_wanted(r, a, t, s), &withdraw)->end++;
    for (size_t i = first; i < b->run_count; i++)
        place_run(&b->runs[i], at);
    place_run(&withdraw, at);
    for (uint32_t s = bgp_slot_marks_next(&a->marks, 0); s != BGP_NO_SLOT;
         s = bgp_slot_marks_next(&a->marks, s + 1))
        b->slots[run_of(r, b, bgp_adj_wanted(r, a, t, s), &withdraw)->end++] = s;
    for (size_t i = first; i < b->run_count; i++)
        bgp_attr_set(r, b->runs[i].attrs)->run = 0;
    return withdraw;
}

static void batch_make(struct bgp_rib *r, struct bgp_rib_peer *p)
{
    struct bgp_batch *b = &p->batch;
    struct bgp_run withdraw[BGP_FAMILIES];
    size_t count = 0;
    uint32_t at = 0;

    for (size_t f = 0; f < BGP_FAMILIES; f++)
        count += p->adj[f].marks.count;
    b->slots = xreallocarray(NULL, count, sizeof(*b->slots));
    for (size_t f = 0; f < BGP_FAMILIES; f++)
        withdraw[f] = batch_family(r, p, (enum bgp_family)f, &at);
    assert(at == count);
    for (size_t f = 0; f < BGP_FAMILIES; f++) {
        if (withdraw[f].at < withdraw[f].end)
            push_run(r, b, withdraw[f]);
    }
}

/* --- sending it --- */

struct outlet {
    struct bgp_rib *r;
    struct bgp_rib_peer *p;
    struct bgp_adj *a;   /* of the family of the run */
    struct bgp_table *t; /* likewise */
    const struct bgp_path *path;
    uint8_t *bytes;
    size_t max;
};

/* Goes to the next slot for which the run still holds; false at its end. */
static bool run_next(const struct outlet *o, struct bgp_run *run, uint32_t *ret_slot)
{
    for (; run->at < run->end; run->at++) {
        uint32_t slot = o->p->batch.slots[run->at];

        if (bgp_slot_marks_has(&o->a->marks, slot) &&
            bgp_adj_wanted(o->r, o->a, o->t, slot) == run->attrs) {
            *ret_slot = slot;
            return true;
        }
    }
    return false;
}

/* The attributes do not fit: what is left of the run is withdrawn after all else. */
static size_t run_give_up(const struct outlet *o, struct bgp_run *run)
{
    struct bgp_run rest = *run;

    rest.withdraw = true;
    run->at = run->end;
    push_run(o->r, &o->p->batch, rest);
    return 0;
}

static size_t run_announce(const struct outlet *o, struct bgp_run *run)
{
    struct bgp_update u;
    uint32_t slot;
    size_t added = 0;

    if (!run_next(o, run, &slot))
        return 0;
    if (!bgp_update_begin(&u, o->bytes, o->max, run->family, &bgp_attr_set(o->r, run->attrs)->attrs,
                          o->path))
        return run_give_up(o, run);
    for (; run_next(o, run, &slot); run->at++, added++) {
        if (!bgp_update_add(&u, bgp_table_prefix(o->t, slot)))
            break;
        bgp_adj_tell(o->r, o->a, o->t, slot, run->attrs);
    }
    return added > 0 ? bgp_update_end(&u) : run_give_up(o, run);
}

/* Of routes whose attributes do not fit, the peer may have had others (RFC 8654 section 5). */
static size_t run_withdraw(const struct outlet *o, struct bgp_run *run)
{
    bool mp = run->family == BGP_IPV6 || o->path->next_hop[run->family].len > 4;
    uint32_t told = run->attrs != 0 ? BGP_TOLD_UNFIT | run->attrs : 0;
    struct bgp_update u;
    uint32_t slot;
    size_t added = 0;

    bgp_update_begin_withdraw(&u, o->bytes, o->max, run->family, mp);
    for (; run_next(o, run, &slot); run->at++) {
        if (bgp_told_is_held(o->a->told[slot])) {
            if (!bgp_update_add(&u, bgp_table_prefix(o->t, slot)))
                break;
            added++;
        }
        o->p->too_long += told != 0;
        bgp_adj_tell(o->r, o->a, o->t, slot, told);
        bgp_table_reap(o->t, slot);
    }
    return added > 0 ? bgp_update_end(&u) : 0; /* one without prefixes would say End-of-RIB */
}

/* 0: nothing is left of the batch. */
static size_t batch_send(struct outlet *o)
{
    struct bgp_batch *b = &o->p->batch;
    size_t len = 0;

    while (len == 0 && b->at < b->run_count) {
        struct bgp_run run = b->runs[b->at]; /* a copy: run_give_up may move the array */

        o->a = &o->p->adj[run.family];
        o->t = &o->r->tables[run.family];
        len = run.withdraw ? run_withdraw(o, &run) : run_announce(o, &run);
        b->runs[b->at] = run;
        if (run.at == run.end)
            b->at++;
    }
    return len;
}

size_t bgp_rib_peer_next(struct bgp_rib *r, uint32_t peer, const struct bgp_path *path,
                         uint8_t *bytes, size_t max)
{
    struct bgp_rib_peer *p = bgp_rib_peer_find(r, peer);
    struct outlet o = {.r = r, .p = p, .path = path, .bytes = bytes, .max = max};
    size_t len = 0;

    assert(max >= BGP_MESSAGE_MAX); /* a withdrawal of one prefix always fits */
    while (len == 0 && bgp_rib_peer_pending(r, peer)) {
        if (p->batch.at == p->batch.run_count) {
            bgp_batch_done(r, &p->batch);
            batch_make(r, p);
        }
        len = batch_send(&o);
    }
    if (p != NULL && !bgp_rib_peer_pending(r, peer))
        bgp_batch_done(r, &p->batch);
    bgp_rib_trim(r);
    return len;
}
