/* SPDX-License-Identifier: Apache-2.0 */
/* Which networks, and which interfaces, are of no use because of a lost carrier. */
#include "base/mem.h"
#include "speaker/announcer_int.h"

#include <stdlib.h>
#include <string.h>

struct networks {
    struct prefix *items; /* owned */
    size_t count, cap;
};

static void networks_done(struct networks *n)
{
    free(n->items);
}

static void networks_add(struct prefix network, void *arg)
{
    struct networks *n = arg;

    n->items = array_grow(n->items, &n->cap, n->count + 1, sizeof(*n->items));
    n->items[n->count++] = network;
}

/* The networks of all interfaces that have, or have not, a carrier. */
static void collect(struct networks *ret, const struct announcer *a, bool carrier)
{
    MAP_EACH (&a->interfaces, e) {
        const struct interface *i = e->value;

        if (!i->excluded && i->link.master == 0 && i->link.carrier == carrier)
            links_each_network(a->links, i->link.ifindex, networks_add, ret);
    }
}

static bool is_reached(const struct networks *reached, struct prefix p)
{
    for (size_t i = 0; i < reached->count; i++) {
        if (prefix_overlaps(reached->items[i], p))
            return true;
    }
    return false;
}

static int by_prefix(const void *a, const void *b)
{
    return prefix_cmp(*(const struct prefix *)a, *(const struct prefix *)b);
}

size_t announcer_cut_off(const struct announcer *a, struct prefix *ret, size_t max)
{
    CLEANUP(networks_done) struct networks reached = {0}, lost = {0};
    size_t count = 0;

    collect(&reached, a, true);
    collect(&lost, a, false);
    if (lost.count > 1)
        qsort(lost.items, lost.count, sizeof(*lost.items), by_prefix);
    for (size_t i = 0; i < lost.count && count < max; i++) {
        if (!is_reached(&reached, lost.items[i]) &&
            (count == 0 || !prefix_eq(ret[count - 1], lost.items[i])))
            ret[count++] = lost.items[i];
    }
    return count;
}

enum announcer_link announcer_link_state(const struct announcer *a, const char *name)
{
    MAP_EACH (&a->interfaces, e) {
        const struct interface *i = e->value;

        if (strcmp(i->link.name, name) != 0 || i->excluded || i->link.master != 0)
            continue;
        return i->link.carrier ? ANNOUNCER_LINK_WELL : ANNOUNCER_LINK_DARK;
    }
    return ANNOUNCER_LINK_ABSENT;
}
