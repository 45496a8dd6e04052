/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for the tests of decide: one pool, its advertisements, peers and nodes, built by
 * hand. Lists are written as words with blanks between them; a list of nodes that is NULL means all
 * of them.
 */
#pragma once

#include "decide/decide.h"

enum { FIXTURE_MAX = 16 };

struct fixture {
    struct arena *arena;
    struct snapshot cfg;
    struct pool pool;
    struct decide_node *nodes;
    struct decide_world world;
    struct l2_adv l2[FIXTURE_MAX];
    struct l2_attachment attachments[FIXTURE_MAX];
    struct bgp_adv bgp[FIXTURE_MAX];
    const struct bgp_adv *bgp_list[FIXTURE_MAX];
    struct peer peers[FIXTURE_MAX];
};

/* Pool "lan" with 10.20.30.0/24. Everything points into `f`: it must not be moved. */
void fixture_init(struct fixture *f, const char *node_names);
void fixture_done(struct fixture *f);

size_t fixture_node(const struct fixture *f, const char *name); /* fails the test when unknown */

struct string_list fixture_words(struct fixture *f, const char *words);
struct bitset fixture_nodes(struct fixture *f, const char *names);
struct ip fixture_ip(const char *text);

/* Label selectors, written "app=web|app=db": each part is a selector; "*" is {}. "" is no list. */
struct selector_list fixture_selectors(struct fixture *f, const char *text);
struct label_set fixture_labels(struct fixture *f, const char *text); /* "a=1 b=2", sorted */

/* Advertisements with defaults (all Services, all interfaces, /32 and /128, all peers), to be
 * changed through the result. */
struct l2_adv *fixture_l2(struct fixture *f, const char *name, const char *nodes);
struct bgp_adv *fixture_bgp(struct fixture *f, const char *name, const char *nodes);
struct peer *fixture_peer(struct fixture *f, const char *name, const char *address,
                          const char *nodes);

/* "iris1=100 iris2=50" */
void fixture_scores(struct fixture *f, struct l2_adv *adv, const char *scores);
void fixture_communities(struct fixture *f, struct bgp_adv *adv, const char *communities);

struct service_spec {
    const char *labels, *annotations; /* as of fixture_labels */
    const char *policy;               /* NULL: Cluster */
    const char *addrs;                /* words; NULL: 10.20.30.1 */

    /*
     * Slices parted by "|", in them NODE/CONDITIONS: r ready, n not ready, s not ready but serving,
     * x ready but not serving, a nothing set, f only serving=false; 0 means without address. NODE -
     * is no node. NULL: no slice.
     */
    const char *endpoints;
};

struct decide_service fixture_service(struct fixture *f, const struct service_spec *spec);

const char *fixture_join(struct fixture *f, const struct string_list *list); /* "a,b" */
