/* SPDX-License-Identifier: Apache-2.0 */
/* What an edit does to a system that runs: two evaluations side by side. */
#pragma once

#include "cli/input.h"

/* Sets of addresses; either may be empty. */
struct address_change {
    const char *namespace, *name;
    const struct ip *from, *to;
    size_t from_count, to_count;
};

/* Who announces an address that stays, by Layer 2; NULL: nobody. */
struct owner_change {
    const char *namespace, *name;
    struct ip address;
    const char *from, *to;
};

/* A route as a router sees it: the Services behind it do not matter. NULL: not there. */
struct route_change {
    const char *node;
    const struct bgp_route *from, *to;
};

/* Borrows from the two inputs. Changes are sorted: by namespace, name, address; by node, peer,
 * prefix. */
struct diff {
    struct arena *arena;
    const struct input *old, *new;
    bool comparable; /* neither set has faults; else there are no changes, since a bad set replaces
                        nothing */
    bool disturbs; /* an address in use moves or vanishes while its Service is still a LoadBalancer
                    */
    struct address_change *addresses;
    size_t address_count, address_cap;
    struct owner_change *owners;
    size_t owner_count, owner_cap;
    struct route_change *routes;
    size_t route_count, route_cap;
};

void diff_compute(struct diff *ret, const struct input *old, const struct input *new);
void diff_done(struct diff *d); /* accepts a zeroed one */
