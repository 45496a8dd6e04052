/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a snapshot the allocator indexes: the prefixes by address, and the pools in the order in
 * which they are tried.
 *
 * With avoidBuggyIPs, IPv4 addresses are numbered without .0 and .255, so that neither the search
 * nor the runs of used addresses ever meet one.
 */
#include "ipam/ipam_int.h"

#include "base/text.h"

#include <stdlib.h>

enum { USABLE_PER_24 = 254 };

struct ip span_position(const struct span *s, struct ip a)
{
    uint32_t v4 = ip_to_v4(a);

    if (!s->avoid_buggy)
        return a;
    return ip_v4((v4 >> 8) * USABLE_PER_24 + (v4 & 255) - 1);
}

struct ip span_address(const struct span *s, struct ip position)
{
    uint32_t n = ip_to_v4(position);

    if (!s->avoid_buggy)
        return position;
    return ip_v4(n / USABLE_PER_24 << 8 | (n % USABLE_PER_24 + 1));
}

/* Two steps are enough: .255 and .0 are neighbours. */
static bool skip_buggy(struct ip *a, bool step(struct ip *, struct ip))
{
    while (ip_is_buggy(*a)) {
        if (!step(a, *a))
            return false;
    }
    return true;
}

static void span_init(struct span *s, size_t pool, const struct pool *p, struct prefix prefix)
{
    struct ip first = prefix_first(prefix), last = prefix_last(prefix);

    *s = (struct span){.pool = pool, .prefix = prefix, .first = first, .last = last};
    if (!p->avoid_buggy_ips || prefix.addr.family != IP_V4)
        return;
    s->avoid_buggy = true;
    if (!skip_buggy(&first, ip_next) || !skip_buggy(&last, ip_prev) || ip_cmp(first, last) > 0) {
        s->first = ip_v4(1);
        s->last = ip_v4(0);
        return;
    }
    s->first = span_position(s, first);
    s->last = span_position(s, last);
}

static int span_cmp(const void *a, const void *b)
{
    const struct span *x = *(struct span *const *)a, *y = *(struct span *const *)b;
    int c = prefix_cmp(x->prefix, y->prefix);

    return c != 0 ? c : (x->pool > y->pool) - (x->pool < y->pool);
}

/* Priority 0 means the last; below 0 MetalLB's order is undefined (spec controller 2.9). */
static int64_t pool_rank(const struct pool *p)
{
    return p->priority > 0 ? p->priority : INT64_MAX;
}

static int pool_rank_cmp(const void *a, const void *b, void *arg)
{
    const struct snapshot *cfg = arg;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    const struct pool *x = &cfg->pools[i], *y = &cfg->pools[j];

    if (x->is_scoped != y->is_scoped)
        return x->is_scoped ? -1 : 1;
    if (x->is_scoped && pool_rank(x) != pool_rank(y))
        return pool_rank(x) < pool_rank(y) ? -1 : 1;
    return (i > j) - (i < j); /* the snapshot's order is by name */
}

void ipam_layout_init(struct ipam *m, struct snapshot *cfg)
{
    size_t n = 0;

    m->cfg = snapshot_ref(cfg);
    for (size_t i = 0; i < cfg->pool_count; i++)
        m->span_count += cfg->pools[i].prefix_count;
    m->pools = xcalloc(cfg->pool_count, sizeof(*m->pools));
    m->ranking = xcalloc(cfg->pool_count, sizeof(*m->ranking));
    m->spans = xcalloc(m->span_count, sizeof(*m->spans));
    m->by_address = xcalloc(m->span_count, sizeof(*m->by_address));
    for (size_t i = 0; i < cfg->pool_count; i++) {
        const struct pool *p = &cfg->pools[i];

        m->ranking[i] = i;
        ipam_pool_capacity(&m->pools[i], p);
        m->pools[i].first_span = n;
        m->pools[i].span_count = p->prefix_count;
        for (size_t k = 0; k < p->prefix_count; k++)
            span_init(&m->spans[n++], i, p, p->prefixes[k]);
    }
    for (size_t i = 0; i < n; i++)
        m->by_address[i] = &m->spans[i];
    qsort(m->by_address, n, sizeof(*m->by_address), span_cmp);
    qsort_r(m->ranking, cfg->pool_count, sizeof(*m->ranking), pool_rank_cmp, cfg);
}

void ipam_layout_done(struct ipam *m)
{
    for (size_t i = 0; i < m->span_count; i++)
        ip_set_done(&m->spans[i].used);
    free(m->spans);
    free(m->by_address);
    free(m->ranking);
    free(m->pools);
    m->spans = NULL;
    m->by_address = NULL;
    m->ranking = NULL;
    m->pools = NULL;
    m->span_count = 0;
    m->cfg = snapshot_unref(m->cfg);
}

struct span *span_of(const struct ipam *m, struct ip a)
{
    size_t low = 0, high = m->span_count;
    struct span *s;

    while (low < high) { /* the first span that starts after `a` */
        size_t mid = low + (high - low) / 2;

        if (ip_cmp(m->by_address[mid]->prefix.addr, a) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == 0)
        return NULL;
    s = m->by_address[low - 1]; /* prefixes do not overlap: no other can have it */
    if (!prefix_contains(s->prefix, a) || (s->avoid_buggy && ip_is_buggy(a)))
        return NULL;
    return s;
}
