/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the router: it records what it is told. */
#pragma once

#include "speaker/router.h"

enum { FAKE_ROUTES_MAX = 64, FAKE_PREFIXES_MAX = 4 };

struct fake_route {
    const void *holder;
    struct prefix prefixes[FAKE_PREFIXES_MAX];
    size_t count;
    bool draining;
};

struct fake_router {
    struct fake_route routes[FAKE_ROUTES_MAX];
    size_t route_count;
    struct string_list peers; /* of every holder that has routes */
    unsigned configs, completes, shutdowns;
    int node;
    struct ip v4, v6;
    enum bgp_shutdown how;
    void (*shutdown_done)(void *arg);
    void *shutdown_arg;
};

extern struct fake_router fake_router; /* the stand-ins have no argument for it */

const struct fake_route *fake_route_of(const void *holder); /* NULL: it has none */
