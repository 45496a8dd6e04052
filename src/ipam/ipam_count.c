/* SPDX-License-Identifier: Apache-2.0 */
/* Capacity and use of pools (spec controller 3.1, changes-0.16.2 5). */
#include "ipam/ipam_int.h"

#include "base/text.h"

enum { HUGE_HOST_BITS = 62 }; /* from here on a prefix counts as endless */

static int64_t add_saturating(int64_t a, int64_t b)
{
    return b > INT64_MAX - a ? INT64_MAX : a + b;
}

/* Addresses of an IPv4 prefix that end in .0 or .255. */
static int64_t buggy_count(struct prefix p)
{
    if (p.len == 32)
        return ip_is_buggy(p.addr) ? 1 : 0;
    if (p.len > 24)
        return (ip_is_buggy(prefix_first(p)) ? 1 : 0) + (ip_is_buggy(prefix_last(p)) ? 1 : 0);
    return INT64_C(2) << (24 - p.len);
}

static int64_t prefix_size(struct prefix p, bool avoid_buggy)
{
    unsigned host_bits = (unsigned)ip_bits(p.addr.family) - p.len;

    if (host_bits >= HUGE_HOST_BITS)
        return INT64_MAX;
    if (avoid_buggy && p.addr.family == IP_V4)
        return (INT64_C(1) << host_bits) - buggy_count(p);
    return INT64_C(1) << host_bits;
}

void ipam_pool_capacity(struct pool_state *ret, const struct pool *p)
{
    for (size_t i = 0; i < p->prefix_count; i++) {
        int64_t size = prefix_size(p->prefixes[i], p->avoid_buggy_ips);

        if (p->prefixes[i].addr.family == IP_V4)
            ret->capacity_v4 = add_saturating(ret->capacity_v4, size);
        else
            ret->capacity_v6 = add_saturating(ret->capacity_v6, size);
        ret->capacity = add_saturating(ret->capacity, size);
    }
}

struct ipam_counters ipam_pool_counters(const struct ipam *m, const struct pool *p)
{
    for (size_t i = 0; m->cfg != NULL && i < m->cfg->pool_count; i++) {
        const struct pool_state *s = &m->pools[i];

        if (!str_eq(m->cfg->pools[i].name, p->name))
            continue;
        return (struct ipam_counters){
            .assigned_v4 = s->assigned_v4,
            .assigned_v6 = s->assigned_v6,
            .available_v4 = s->capacity_v4 - s->assigned_v4,
            .available_v6 = s->capacity_v6 - s->assigned_v6,
            .total = s->capacity,
        };
    }
    return (struct ipam_counters){0}; /* a pool that is gone (spec controller 3.2) */
}
