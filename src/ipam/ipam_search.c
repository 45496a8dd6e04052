/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding addresses (spec controller 2.7 to 2.9): the lowest one of a family that is free or may be
 * shared, in the first prefix of the pool that has one; then the choice between families and pools.
 */
#include "ipam/ipam_int.h"

#include "base/text.h"

#include <string.h>

/* No family: not found, or not asked for. */
struct found {
    struct ip v4, v6;
};

/* What the Service can do with the families. */
struct need {
    enum stack stack;
    enum policy policy;
    bool v6_first; /* PreferDualStack in a pool of one family */
};

/* ---- one pool ---- */

static bool lowest_free(struct ip *ret, const struct span *s)
{
    struct ip position;

    if (!ip_set_next_absent(&position, &s->used, s->first, s->last))
        return false;
    *ret = span_address(s, position);
    return true;
}

/*
 * The lowest address in from..last held by the claim's group, on which none of its ports is taken.
 * Whenever a port is taken, the search goes on behind the run of addresses that have it taken.
 */
static bool lowest_shared(struct ip *ret, const struct claim *c, struct ip from, struct ip last)
{
    struct ip at;

    if (c->group == NULL)
        return false;
    while (ip_set_next_present(&at, &c->group->members, from, last)) {
        from = at;
        for (size_t i = 0; i < c->port_count; i++) {
            if (c->ports[i].use != NULL &&
                !ip_set_next_absent(&from, &c->ports[i].use->shared, from, last))
                return false;
        }
        if (ip_eq(from, at)) {
            *ret = at;
            return true;
        }
    }
    return false;
}

static bool lowest_in_span(struct ip *ret, const struct span *s, const struct claim *c)
{
    struct ip free, shared;
    bool is_free = lowest_free(&free, s);

    if (lowest_shared(&shared, c, prefix_first(s->prefix), is_free ? free : prefix_last(s->prefix)))
        *ret = shared; /* below `free`, which nobody holds */
    else if (is_free)
        *ret = free;
    else
        return false;
    return true;
}

/* The claim must be resolved. */
static struct found search_pool(const struct ipam *m, size_t pool, const struct claim *c,
                                enum stack wanted)
{
    const struct pool_state *p = &m->pools[pool];
    struct found f = {0};

    for (size_t i = 0; i < p->span_count; i++) {
        const struct span *s = &m->spans[p->first_span + i];
        enum stack stack = stack_of_family(s->prefix.addr.family);
        struct ip *slot = stack == STACK_V4 ? &f.v4 : &f.v6;

        if ((wanted & stack) != 0 && slot->family == IP_NONE)
            (void)lowest_in_span(slot, s, c); /* leaves the slot as it was when there is none */
    }
    return f;
}

/* ---- which of the families found (spec controller 2.7, "Selection") ---- */

static bool has(struct ip a)
{
    return a.family != IP_NONE;
}

/* Returns the number of addresses, 0 when the selection fails. */
static size_t select_ips(struct ip ret[IPAM_MAX_ADDRS], const struct need *n, struct found f)
{
    size_t count = 0;

    if (n->stack != STACK_DUAL) {
        ret[0] = n->stack == STACK_V4 ? f.v4 : f.v6;
        return has(ret[0]) ? 1 : 0;
    }
    if (n->policy == POLICY_SINGLE || (n->policy == POLICY_REQUIRE && (!has(f.v4) || !has(f.v6))))
        return 0;
    if (has(f.v4))
        ret[count++] = f.v4;
    if (has(f.v6))
        ret[count++] = f.v6;
    return count;
}

/* ---- why a pool did not do ---- */

static bool pool_has_family(const struct pool *p, enum ip_family family)
{
    for (size_t i = 0; i < p->prefix_count; i++) {
        if (p->prefixes[i].addr.family == family)
            return true;
    }
    return false;
}

static struct ipam_tried lacks(const struct pool *p, const struct claim *c, enum ip_family family)
{
    struct ipam_tried t = {.pool = p->name, .why = IPAM_TRY_FULL, .family = family};

    if (family != IP_NONE && !pool_has_family(p, family))
        t.why = IPAM_TRY_NO_FAMILY;
    else if (!str_empty(c->sharing))
        t.why = IPAM_TRY_NOT_SHAREABLE;
    return t;
}

static struct ipam_tried why_not_enough(const struct pool *p, const struct claim *c,
                                        const struct need *n, struct found f)
{
    if (n->stack == STACK_DUAL && n->policy == POLICY_SINGLE)
        return (struct ipam_tried){.why = IPAM_TRY_SINGLE_STACK};
    if (n->stack != STACK_DUAL)
        return lacks(p, c, n->stack == STACK_V4 ? IP_V4 : IP_V6);
    if (n->policy == POLICY_PREFER)
        return lacks(p, c, IP_NONE);
    return lacks(p, c, has(f.v4) ? IP_V6 : IP_V4);
}

static void reason_add_tried(struct ipam_reason *r, struct arena *a, struct ipam_tried t)
{
    r->tried = arena_memdup(a, &t, sizeof(t));
    r->tried_count = 1;
}

/* ---- requested pool ---- */

static enum ipam_code need_of(struct need *ret, const struct claim *c, struct arena *a,
                              struct ipam_reason *why)
{
    const struct service *s = &c->service->service;
    struct need n = {.policy = ipam_policy_of(s)};
    enum ipam_code code = stack_of_service(&n.stack, s, a, why);

    if (code != IPAM_OK)
        return code;
    n.v6_first = s->ip_families.count > 0 && str_eq(s->ip_families.items[0], "IPv6");
    *ret = n;
    return IPAM_OK;
}

static enum ipam_code assign_again(struct ipam *m, struct claim *c, const struct holder *h,
                                   struct arena *a, struct ipam_reason *why)
{
    struct ip ips[IPAM_MAX_ADDRS];
    size_t count = h->ip_count;

    memcpy(ips, h->ips, sizeof(ips)); /* the holder may be replaced */
    return claim_assign(m, c, ips, count, a, why);
}

static enum ipam_code held_from_pool(struct ipam *m, struct claim *c, const struct need *n,
                                     struct arena *a, struct ipam_reason *why)
{
    const struct holder *h = holder_find(m, c->key);
    enum stack held;
    enum ipam_code code = stack_of_ips(&held, h->ips, h->ip_count, why);

    if (code != IPAM_OK)
        return code;
    if (held != n->stack && n->policy != POLICY_PREFER)
        return ipam_refuse(why, (struct ipam_reason){.code = IPAM_HELD_FAMILY_DIFFERS,
                                                     .family = stack_name(n->stack),
                                                     .held_family = stack_name(held)});
    return assign_again(m, c, h, a, why);
}

static bool pool_index(const struct ipam *m, size_t *ret, const char *name)
{
    for (size_t i = 0; i < m->cfg->pool_count; i++) {
        if (str_eq(m->cfg->pools[i].name, name)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* MetalLB passes the missing address on and reports it as one that is in no pool. */
static enum ipam_code refuse_missing(const struct pool *p, const struct claim *c, struct ip held,
                                     enum ip_family missing, struct arena *a,
                                     struct ipam_reason *why)
{
    struct ip pair[2] = {held, {0}};
    size_t skip = has(held) ? 0 : 1;
    struct ipam_reason r = {.code = IPAM_NOT_IN_ANY_POOL, .pool = p->name};

    r.addrs = arena_memdup(a, pair + skip, (2 - skip) * sizeof(*pair));
    r.addr_count = 2 - skip;
    reason_add_tried(&r, a, lacks(p, c, missing));
    return ipam_refuse(why, r);
}

static enum ipam_code refuse_selection(const struct pool *p, const struct claim *c,
                                       const struct need *n, struct found f, struct arena *a,
                                       struct ipam_reason *why)
{
    struct ipam_reason r = {
        .code = IPAM_POOL_LACKS_FAMILY, .pool = p->name, .family = stack_name(n->stack)};

    if (!has(f.v4) && !has(f.v6))
        return ipam_refuse(why, (struct ipam_reason){.code = IPAM_POOL_EXHAUSTED, .pool = p->name});
    if (n->stack != STACK_DUAL)
        return refuse_missing(p, c, (struct ip){0}, n->stack == STACK_V4 ? IP_V4 : IP_V6, a, why);
    reason_add_tried(&r, a, why_not_enough(p, c, n, f));
    return ipam_refuse(why, r);
}

enum ipam_code claim_from_pool(struct ipam *m, struct claim *c, const char *pool, struct arena *a,
                               struct ipam_reason *why)
{
    struct ip ips[IPAM_MAX_ADDRS];
    struct need n;
    enum ipam_code code = need_of(&n, c, a, why);
    struct found f;
    size_t i, count;

    if (code != IPAM_OK)
        return code;
    if (holder_find(m, c->key) != NULL)
        return held_from_pool(m, c, &n, a, why);
    if (!pool_index(m, &i, pool))
        return ipam_refuse(
            why, (struct ipam_reason){.code = IPAM_UNKNOWN_POOL, .text = arena_strdup(a, pool)});
    claim_resolve(m, c);
    f = search_pool(m, i, c, STACK_DUAL); /* the error depends on the other family too */
    count = select_ips(ips, &n, f);
    if (count == 0)
        return refuse_selection(&m->cfg->pools[i], c, &n, f, a, why);
    return claim_assign(m, c, ips, count, a, why);
}

/* ---- any pool (spec controller 2.9) ---- */

/* Pools that did not do: those that were searched are told before those that were left out. */
struct trail {
    struct ipam_tried searched[IPAM_TRIED_MAX], skipped[IPAM_TRIED_MAX];
    size_t searched_count, skipped_count;
};

static void trail_skip(struct trail *t, const struct pool *p, const struct claim *c)
{
    struct ipam_tried why = {.pool = p->name, .why = IPAM_TRY_LABELS};

    if (t->skipped_count++ >= IPAM_TRIED_MAX)
        return;
    if (!p->auto_assign)
        why.why = IPAM_TRY_NOT_AUTO;
    else if (p->by_namespace && !string_list_has(&p->namespaces, c->service->meta.namespace))
        why.why = IPAM_TRY_NAMESPACE;
    t->skipped[t->skipped_count - 1] = why;
}

static enum ipam_code refuse_all(const struct trail *t, struct arena *a, struct ipam_reason *why)
{
    size_t total = t->searched_count + t->skipped_count, n = 0;
    struct ipam_tried *tried = arena_calloc(a, IPAM_TRIED_MAX, sizeof(*tried));

    for (size_t i = 0; i < t->searched_count && n < IPAM_TRIED_MAX; i++)
        tried[n++] = t->searched[i];
    for (size_t i = 0; i < t->skipped_count && n < IPAM_TRIED_MAX; i++)
        tried[n++] = t->skipped[i];
    return ipam_refuse(why, (struct ipam_reason){.code = IPAM_EXHAUSTED,
                                                 .tried = tried,
                                                 .tried_count = n,
                                                 .tried_more = total - n});
}

/* The best pool of one tier: a pool with all the families that are needed; else, for
 * PreferDualStack, the first with the primary family, else the first with the other. */
struct best {
    struct found primary, secondary;
};

static bool is_enough(const struct need *n, struct found f)
{
    return ((n->stack & STACK_V4) == 0 || has(f.v4)) && ((n->stack & STACK_V6) == 0 || has(f.v6));
}

static void best_consider(struct best *b, const struct need *n, struct found f)
{
    bool is_primary = n->v6_first ? has(f.v6) : has(f.v4);
    struct found *slot = is_primary ? &b->primary : &b->secondary;

    if (!has(slot->v4) && !has(slot->v6))
        *slot = f;
}

/*
 * Goes through the scoped pools, or the others, whichever begin at ranking[*next]; afterwards *next
 * is behind them. False when none of them does. A dual pool later in a tier beats an earlier one of
 * a single family, but not one of the tier before.
 */
static bool search_tier(const struct ipam *m, const struct claim *c, const struct need *n,
                        size_t *next, struct found *ret, struct trail *trail)
{
    bool scoped = m->cfg->pools[m->ranking[*next]].is_scoped;
    struct best best = {0};

    for (; *next < m->cfg->pool_count; ++*next) {
        size_t i = m->ranking[*next];
        const struct pool *p = &m->cfg->pools[i];
        struct found f;

        if (p->is_scoped != scoped)
            break;
        if (!p->auto_assign || !pool_serves(p, &c->service->meta)) {
            trail_skip(trail, p, c);
            continue;
        }
        f = search_pool(m, i, c, n->stack);
        if (is_enough(n, f)) {
            *ret = f;
            return true;
        }
        if (n->policy == POLICY_PREFER && (has(f.v4) || has(f.v6)))
            best_consider(&best, n, f);
        else if (trail->searched_count++ < IPAM_TRIED_MAX)
            trail->searched[trail->searched_count - 1] = why_not_enough(p, c, n, f);
    }
    *ret = has(best.primary.v4) || has(best.primary.v6) ? best.primary : best.secondary;
    return has(ret->v4) || has(ret->v6);
}

enum ipam_code claim_from_any(struct ipam *m, struct claim *c, struct arena *a,
                              struct ipam_reason *why)
{
    const struct holder *h = holder_find(m, c->key);
    struct trail trail = {0};
    struct ip ips[IPAM_MAX_ADDRS];
    struct need n;
    enum ipam_code code = need_of(&n, c, a, why);

    if (code != IPAM_OK)
        return code;
    if (h != NULL)
        return assign_again(m, c, h, a, why);
    if (n.stack == STACK_DUAL && n.policy == POLICY_SINGLE) {
        struct ipam_reason r = {.code = IPAM_EXHAUSTED};

        reason_add_tried(&r, a, (struct ipam_tried){.why = IPAM_TRY_SINGLE_STACK});
        return ipam_refuse(why, r);
    }
    claim_resolve(m, c);
    for (size_t next = 0; next < m->cfg->pool_count;) {
        struct found f;
        size_t count;

        if (!search_tier(m, c, &n, &next, &f, &trail))
            continue;
        count = select_ips(ips, &n, f);
        return claim_assign(m, c, ips, count, a, why);
    }
    return refuse_all(&trail, a, why);
}

/* ---- the second family of PreferDualStack ---- */

enum ipam_code claim_second_family(struct ipam *m, struct claim *c, struct ip held, struct arena *a,
                                   struct ipam_reason *why)
{
    enum ip_family missing = held.family == IP_V4 ? IP_V6 : IP_V4;
    const struct holder *h = holder_find(m, c->key);
    struct ip pair[IPAM_MAX_ADDRS] = {held};
    struct found f;

    claim_resolve(m, c);
    f = search_pool(m, h->pool, c, stack_of_family(missing));
    pair[1] = missing == IP_V4 ? f.v4 : f.v6;
    if (!has(pair[1]))
        return refuse_missing(&m->cfg->pools[h->pool], c, held, missing, a, why);
    return claim_assign(m, c, pair, 2, a, why);
}
