/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster in a few lines, and its snapshot as text, for the tests of src/config.
 *
 * One object a line: KIND NAME JSON [JSON], with ' for ". The first JSON is the spec (for ns and
 * node: the labels; for secret: the fields beside metadata), the second one the labels. Kinds:
 * pool, l2, bgp, peer, peer1 (v1beta1), bfd, community, secret, ns, node. The name "-" stands for
 * no name.
 */
#pragma once

#include "base/text.h"
#include "config/config.h"

#define WORLD_NAMESPACE "metallb-system"

struct world {
    struct object **objects; /* owned, in the order of the lines */
    size_t count, cap;
    const struct object **views; /* by kind, for the input's lists */
    size_t starts[OBJECT_KINDS + 1];
};

void world_init(struct world *w, const char *lines);
void world_done(struct world *w);

/* The lists in the order of the objects. */
struct config_input world_input(struct world *w);

/* Puts the objects into another order; each seed gives one order. */
void world_shuffle(struct world *w, unsigned seed);

/* All that a snapshot holds: a line for each pool entry, attachment, peer and profile. */
void snapshot_dump(struct text *t, const struct snapshot *c);

/* A row of a table: lines as above; a part of one fault's message, or NULL when there must be none;
 * parts of the dump. */
enum { WORLD_WANTS = 4 };

struct world_row {
    const char *name, *lines, *fault;
    const char *want[WORLD_WANTS];
};

/* Builds the row's configuration and compares. False after printing the row's name and the
 * difference. */
bool world_check(const struct world_row *row);

/* What config_build says about the lines: "Kind name: message\n" each, newlines inside as "|".
 * world_faults returns its result. */
int world_faults(struct text *t, const char *lines);
void world_warnings(struct text *t, const char *lines);
