/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work in progress of one config_build, shared by the files of this room. Each file adds its
 * part to the snapshot and its faults to the list; parts that are broken are marked, so that later
 * checks leave them alone instead of reporting consequences.
 */
#pragma once

#include "base/map.h"
#include "base/text.h"
#include "config/config.h"

/* A pool in the snapshot and what the snapshot does not keep. Broken pools have drafts too: they do
 * exist for those who name them. */
struct pool_draft {
    const struct object *o;
    struct pool *pool;
    bool has_all_prefixes; /* every entry of spec.addresses was understood */
    bool is_covered;       /* an advertisement reaches it, even a broken one */
    struct bitset l2, bgp; /* the advertisements to attach, by their index in name order */
};

struct peer_draft {
    const struct object *o;
    struct peer *peer;
    bool is_identified; /* address, source address and nodes are known: duplicates can be told */
};

struct builder {
    const struct config_input *in;
    struct arena *arena;   /* becomes the snapshot's */
    struct arena *scratch; /* sorted views and printed texts; gone when config_build returns */
    struct snapshot *snap;
    struct fault_list *faults, *warnings;
    struct object_list nodes; /* one for each of snap->nodes */
    struct pool_draft *pools; /* one for each object, by name */
    size_t pool_count;
    bool is_reach_unknown; /* a broken selector: nobody can say which pools are covered */
    struct peer_draft *peers;
    size_t peer_count;
    struct object_list l2_advs, bgp_advs; /* by name */
    struct map aliases;                   /* community alias → struct alias */
};

/* The object under examination. `wrapper` is what MetalLB puts in front of its texts, or "". */
struct subject {
    struct builder *b;
    const struct object *o;
    const char *wrapper;
    size_t faults; /* so far */
};

PRINTF_LIKE(2, 3) void subject_fault(struct subject *s, const char *fmt, ...);
PRINTF_LIKE(2, 3) void subject_fault_bare(struct subject *s, const char *fmt, ...);
PRINTF_LIKE(2, 3) void subject_warn(struct subject *s, const char *fmt, ...);

/* Go's %q, in the scratch arena. */
const char *config_quote(struct builder *b, const char *s);

/* The same objects by name, in the scratch arena. */
struct object_list config_sorted(struct builder *b, struct object_list list);

/* Copies in the snapshot's arena: strings sorted and unique; selectors sorted by their text. */
struct string_list config_copy_names(struct builder *b, const struct string_list *names);
struct selector_list config_copy_selectors(struct builder *b, const struct selector_list *list);

/* Spec 2.9: "duplicate definition of <type> …", once for each entry that is repeated. */
void config_check_names(struct subject *s, const char *type, const struct string_list *names);
void config_check_duplicates(struct subject *s, const char *type, const struct selector_list *list);

/* Where a selector stands decides the text of its error (spec 2.5, 2.6, 2.9, 2.10). */
enum selector_use {
    SELECTS_POOL_NAMESPACES,
    SELECTS_POOL_SERVICES,
    SELECTS_PEER_NODES,
    SELECTS_ADV_NODES,
    SELECTS_ADV_POOLS,
    SELECTS_ADV_SERVICES,
    SELECTS_PREFERRED_NODES,
};

/* Duplicates are another matter. False, and faults, when Kubernetes would refuse a selector. */
bool config_check_selector(struct subject *s, enum selector_use use, const struct selector *sel);
bool config_check_selectors(struct subject *s, enum selector_use use,
                            const struct selector_list *list);

/* The nodes that the selectors choose, all of them when there is no selector. False when a selector
 * is broken; the set is empty then. */
bool config_node_set(struct bitset *ret, struct subject *s, enum selector_use use,
                     const struct selector_list *selectors);

/*
 * The pools that an advertisement reaches, by index: all without names and selectors, else the
 * union of both. Warns about names and selectors that lead nowhere, and marks the pools as covered.
 */
struct bitset config_reach(struct subject *s, const struct string_list *names,
                           const struct selector_list *selectors);

size_t config_count(const struct bitset *set); /* of its members */

/* A community or the alias of one in a BGPAdvertisement: sorted and unique in the snapshot. */
const struct bgp_community *config_communities(struct subject *s, const struct string_list *names,
                                               size_t *ret_count);

/* The parts, in the order in which they need each other. */
void config_add_nodes(struct builder *b);
void config_add_bfd_profiles(struct builder *b);
void config_add_peers(struct builder *b);
void config_add_aliases(struct builder *b);
void config_add_pools(struct builder *b);
void config_add_l2_advs(struct builder *b);
void config_add_bgp_advs(struct builder *b);
void config_warn_uncovered(struct builder *b);
