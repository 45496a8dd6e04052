/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_router.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fake_router fake_router;

static struct fake_route *find(const void *holder)
{
    for (size_t i = 0; i < fake_router.route_count; i++) {
        if (fake_router.routes[i].holder == holder)
            return &fake_router.routes[i];
    }
    return NULL;
}

const struct fake_route *fake_route_of(const void *holder)
{
    return find(holder);
}

void router_put(struct router *r, void *holder, const struct bgp_ad *ads, size_t count,
                bool draining)
{
    struct fake_route *route = find(holder);

    (void)r;
    if (route == NULL) {
        assert_true(fake_router.route_count < FAKE_ROUTES_MAX);
        route = &fake_router.routes[fake_router.route_count++];
    }
    assert_true(count <= FAKE_PREFIXES_MAX);
    *route = (struct fake_route){.holder = holder, .count = count, .draining = draining};
    for (size_t i = 0; i < count; i++)
        route->prefixes[i] = ads[i].prefix;
}

void router_drop(struct router *r, void *holder)
{
    struct fake_route *route = find(holder);

    (void)r;
    if (route != NULL)
        *route = fake_router.routes[--fake_router.route_count];
}

void router_set_config(struct router *r, struct snapshot *cfg, int node, struct ip node_v4,
                       struct ip node_v6)
{
    (void)r;
    (void)cfg;
    fake_router.configs++;
    fake_router.node = node;
    fake_router.v4 = node_v4;
    fake_router.v6 = node_v6;
}

void router_complete(struct router *r)
{
    (void)r;
    fake_router.completes++;
}

void router_shutdown(struct router *r, enum bgp_shutdown how, const char *text,
                     void (*done)(void *arg), void *arg)
{
    (void)r;
    assert_non_null(text);
    fake_router.shutdowns++;
    fake_router.how = how;
    fake_router.shutdown_done = done;
    fake_router.shutdown_arg = arg;
}

struct string_list router_holder_peers(const struct router *r, const void *holder, struct arena *a)
{
    (void)r;
    (void)a;
    return find(holder) != NULL ? fake_router.peers : (struct string_list){0};
}
