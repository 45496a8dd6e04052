/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks of this host, as the router asks for them. */
#include "speaker/router_int.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>

struct network_walk {
    struct host *host;
    const struct links *links;
    const struct link *link;
};

static void add_address(const struct host_address *a, void *arg)
{
    struct host *h = arg;

    h->addresses =
        array_grow(h->addresses, &h->address_cap, h->address_count + 1, sizeof(*h->addresses));
    h->addresses[h->address_count++] = (struct bgp_local_address){
        .ip = a->ip,
        .prefix_len = a->prefix_len,
        .ifindex = a->ifindex,
        .usable = a->usable,
        .peer = a->peer,
    };
}

static void add_network(struct prefix network, void *arg)
{
    struct network_walk *w = arg;
    struct host *h = w->host;

    h->networks =
        array_grow(h->networks, &h->network_cap, h->network_count + 1, sizeof(*h->networks));
    h->networks[h->network_count++] = (struct host_network){
        .prefix = network,
        .ifindex = w->link->ifindex,
        .master = w->link->master,
        .up = w->link->up && w->link->carrier,
    };
}

static void add_link(const struct link *link, void *arg)
{
    struct network_walk *w = arg;

    w->link = link;
    links_each_network(w->links, link->ifindex, add_network, w);
}

static bool addresses_eq(const struct host *a, const struct host *b)
{
    if (a->address_count != b->address_count)
        return false;
    for (size_t i = 0; i < a->address_count; i++) {
        const struct bgp_local_address *x = &a->addresses[i], *y = &b->addresses[i];

        if (!ip_eq(x->ip, y->ip) || x->prefix_len != y->prefix_len || x->ifindex != y->ifindex ||
            x->usable != y->usable || !ip_eq(x->peer, y->peer))
            return false;
    }
    return true;
}

bool host_read(struct host *h, const struct links *links)
{
    struct host now = {0};
    struct network_walk w = {.host = &now, .links = links};
    bool changed;

    links_each_host_address(links, add_address, &now);
    links_each(links, add_link, &w);
    changed = !addresses_eq(h, &now);
    host_done(h);
    *h = now;
    return changed;
}

void host_done(struct host *h)
{
    free(h->addresses);
    free(h->networks);
    *h = (struct host){0};
}

struct link_search {
    const char *name;
    struct link *ret;
    bool found;
};

static void match_link(const struct link *link, void *arg)
{
    struct link_search *s = arg;

    if (!str_eq(link->name, s->name))
        return;
    *s->ret = *link;
    s->found = true;
}

bool host_link(const struct links *links, const char *name, struct link *ret)
{
    struct link_search s = {.name = name, .ret = ret};

    links_each(links, match_link, &s);
    return s.found;
}

const struct host_network *host_network_of(const struct host *h, struct ip address, uint32_t vrf)
{
    const struct host_network *best = NULL;

    for (size_t i = 0; i < h->network_count; i++) {
        const struct host_network *n = &h->networks[i];

        if ((vrf != 0 && n->master != vrf && n->ifindex != vrf) ||
            !prefix_contains(n->prefix, address))
            continue;
        if (best == NULL || (n->up && !best->up) ||
            (n->up == best->up && n->prefix.len > best->prefix.len))
            best = n;
    }
    return best;
}
