/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prefixes of the routes in ascending order, a page at a time. Whoever lists them remembers
 * only the last one, so that routes may come and go between two pages. A page is selected from all
 * routes with a heap of its size, the largest on top: most of them are looked at once, and passed.
 */
#include "speaker/router_int.h"

#include <stdlib.h>

struct selection {
    const struct router_range *range;
    struct prefix *heap; /* `count` of them */
    size_t count, max;
};

static void swap(struct prefix *a, struct prefix *b)
{
    struct prefix t = *a;

    *a = *b;
    *b = t;
}

static void sift_up(struct prefix *heap, size_t i)
{
    while (i > 0 && prefix_cmp(heap[(i - 1) / 2], heap[i]) < 0) {
        swap(&heap[(i - 1) / 2], &heap[i]);
        i = (i - 1) / 2;
    }
}

static void sift_down(struct prefix *heap, size_t count)
{
    size_t i = 0;

    for (;;) {
        size_t largest = i;

        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++) {
            if (prefix_cmp(heap[child], heap[largest]) > 0)
                largest = child;
        }
        if (largest == i)
            return;
        swap(&heap[i], &heap[largest]);
        i = largest;
    }
}

static bool is_in_range(const struct router_range *range, struct prefix p)
{
    if (range->after.addr.family != IP_NONE && prefix_cmp(p, range->after) <= 0)
        return false;
    return range->within.addr.family == IP_NONE || prefix_overlaps(range->within, p);
}

static void on_prefix(void *arg, struct prefix p)
{
    struct selection *s = arg;

    if (!is_in_range(s->range, p))
        return;
    if (s->count < s->max) {
        s->heap[s->count] = p;
        sift_up(s->heap, s->count++);
        return;
    }
    if (prefix_cmp(p, s->heap[0]) >= 0)
        return;
    s->heap[0] = p;
    sift_down(s->heap, s->count);
}

static int by_prefix(const void *a, const void *b)
{
    return prefix_cmp(*(const struct prefix *)a, *(const struct prefix *)b);
}

size_t router_prefixes(const struct router *r, const struct router_range *range, struct prefix *ret,
                       size_t max)
{
    struct selection s = {.range = range, .heap = ret, .max = max};

    bgp_rib_each(bgp_routes(r->bgp), on_prefix, &s);
    if (s.count > 1)
        qsort(ret, s.count, sizeof(*ret), by_prefix);
    return s.count;
}

size_t router_prefix_count(const struct router *r)
{
    return bgp_rib_count(bgp_routes(r->bgp));
}
