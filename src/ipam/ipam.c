/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator's memory, and the one way in: claim_assign (spec controller 2.1, 2.3 to 2.5). */
#include "ipam/ipam_int.h"

#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- interned identities and ports ---- */

static struct group *group_get(struct ipam *m, const struct claim *c)
{
    struct group *g;

    if (str_empty(c->sharing))
        return NULL;
    g = map_find(&m->groups, c->group_key, c->group_key_len);
    if (g == NULL) {
        g = xcalloc(1, sizeof(*g) + c->group_key_len);
        g->key_len = c->group_key_len;
        memcpy(g->key, c->group_key, c->group_key_len);
        map_put(&m->groups, g->key, g->key_len, g);
    }
    g->holders++;
    return g;
}

static void group_put(struct ipam *m, struct group *g)
{
    if (g == NULL || --g->holders > 0)
        return;
    map_del(&m->groups, g->key, g->key_len);
    ip_set_done(&g->members);
    free(g);
}

static struct port_use *port_get(struct ipam *m, const char *key)
{
    struct port_use *p = map_find_str(&m->ports, key);

    if (p == NULL) {
        p = xcalloc(1, sizeof(*p) + strlen(key) + 1);
        memcpy(p->key, key, strlen(key) + 1);
        map_put_str(&m->ports, p->key, p);
    }
    p->holders++;
    return p;
}

static void port_put(struct ipam *m, struct port_use *p)
{
    if (--p->holders > 0)
        return;
    map_del_str(&m->ports, p->key);
    ip_set_done(&p->shared);
    free(p);
}

void claim_resolve(const struct ipam *m, struct claim *c)
{
    c->group = str_empty(c->sharing) ? NULL : map_find(&m->groups, c->group_key, c->group_key_len);
    for (size_t i = 0; i < c->port_count; i++)
        c->ports[i].use = map_find_str(&m->ports, c->ports[i].key);
}

/* ---- seats ---- */

static struct seat *seat_find(const struct ipam *m, struct ip a)
{
    struct ip_key key = ip_key(a);

    return map_find(&m->seats, &key, sizeof(key));
}

static void count_address(struct ipam *m, const struct span *s, int by)
{
    struct pool_state *p = &m->pools[s->pool];

    if (s->prefix.addr.family == IP_V4)
        p->assigned_v4 += by;
    else
        p->assigned_v6 += by;
}

static void seat_occupy(struct ipam *m, struct seat *s, struct ip a)
{
    struct span *span = span_of(m, a);

    s->is_used = true;
    ip_set_add(&span->used, span_position(span, a));
    count_address(m, span, 1);
}

static void seat_vacate(struct ipam *m, struct seat *s, struct ip a)
{
    struct span *span;

    if (!s->is_used)
        return;
    span = span_of(m, a);
    ip_set_del(&span->used, span_position(span, a));
    count_address(m, span, -1);
}

static struct holder **seat_holders(struct seat *s)
{
    return s->cap == 0 ? &s->only : s->all;
}

static void seat_grow(struct seat *s)
{
    struct holder *only = s->only, **all = s->cap == 0 ? NULL : s->all;
    size_t cap = s->cap;

    if (s->count == 0 || s->count < s->cap)
        return;
    all = array_grow(all, &cap, s->count + 1, sizeof(*all));
    if (s->cap == 0)
        all[0] = only;
    s->all = all;
    s->cap = (uint32_t)cap;
}

static struct seat *seat_new(struct ipam *m, struct ip a)
{
    struct seat *s = xcalloc(1, sizeof(*s));

    s->key = ip_key(a);
    map_put(&m->seats, &s->key, sizeof(s->key), s);
    seat_occupy(m, s, a);
    return s;
}

static void seat_add(struct ipam *m, struct ip a, struct holder *h)
{
    struct seat *s = seat_find(m, a);

    if (s == NULL) {
        s = seat_new(m, a);
        if (h->group != NULL)
            ip_set_add(&h->group->members, a);
    }
    seat_grow(s);
    seat_holders(s)[s->count++] = h;
    for (size_t i = 0; h->group != NULL && i < h->port_count; i++)
        ip_set_add(&h->ports[i]->shared, a);
}

static struct seat *seat_free(struct seat *s)
{
    if (s != NULL && s->cap > 0)
        free(s->all);
    free(s);
    return NULL;
}

static void seat_del(struct ipam *m, struct ip a, const struct holder *h)
{
    struct seat *s = seat_find(m, a);
    struct holder **holders = seat_holders(s);

    for (size_t i = 0; h->group != NULL && i < h->port_count; i++)
        ip_set_del(&h->ports[i]->shared, a);
    for (size_t i = 0; i < s->count; i++) {
        if (holders[i] == h) {
            holders[i] = holders[--s->count];
            break;
        }
    }
    if (s->count > 0)
        return;
    if (h->group != NULL)
        ip_set_del(&h->group->members, a);
    seat_vacate(m, s, a);
    map_del(&m->seats, &s->key, sizeof(s->key));
    seat_free(s);
}

/* ---- holders ---- */

const char *holder_key(const struct holder *h)
{
    return (const char *)&h->ports[h->port_count];
}

struct holder *holder_find(const struct ipam *m, const char *key)
{
    return map_find_str(&m->holders, key);
}

static struct holder *holder_free(struct ipam *m, struct holder *h)
{
    for (size_t i = 0; i < h->port_count; i++)
        port_put(m, h->ports[i]);
    group_put(m, h->group);
    free(h);
    return NULL;
}

bool holder_release(struct ipam *m, const char *key)
{
    struct holder *h = map_del_str(&m->holders, key);

    if (h == NULL)
        return false;
    for (size_t i = 0; i < h->ip_count; i++)
        seat_del(m, h->ips[i], h);
    holder_free(m, h);
    return true;
}

static void holder_record(struct ipam *m, const struct claim *c, size_t pool, const struct ip *ips,
                          size_t count)
{
    size_t key_size = strlen(c->key) + 1, ports_size = c->port_count * sizeof(struct port_use *);
    struct holder *h = xcalloc(1, sizeof(*h) + ports_size + key_size);

    h->pool = (uint32_t)pool;
    h->group = group_get(m, c);
    h->port_count = (uint32_t)c->port_count;
    for (size_t i = 0; i < c->port_count; i++)
        h->ports[i] = port_get(m, c->ports[i].key);
    memcpy(&h->ports[c->port_count], c->key, key_size);
    h->ip_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        h->ips[i] = ips[i];
        seat_add(m, ips[i], h);
    }
    map_put_str(&m->holders, holder_key(h), h);
}

static bool same_ips(const struct holder *h, const struct ip *ips, size_t count)
{
    if (h->ip_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!ip_eq(h->ips[i], ips[0]) && !ip_eq(h->ips[i], ips[count - 1]))
            return false;
    }
    return true;
}

/* Whether recording the resolved claim would change nothing but the order of the addresses. */
static bool holder_is(const struct holder *h, const struct claim *c, const struct ip *ips,
                      size_t count)
{
    if (!same_ips(h, ips, count) || h->port_count != c->port_count || h->group != c->group ||
        (h->group == NULL) != str_empty(c->sharing))
        return false;
    for (size_t i = 0; i < h->port_count; i++) {
        if (h->ports[i] != c->ports[i].use)
            return false;
    }
    return true;
}

/* ---- assign ---- */

/* The one pool that has all of the addresses (spec controller 2.3). */
static bool pool_of(const struct ipam *m, size_t *ret, const struct ip *ips, size_t count)
{
    const struct span *first = count > 0 ? span_of(m, ips[0]) : NULL;

    if (first == NULL)
        return false;
    for (size_t i = 1; i < count; i++) {
        const struct span *s = span_of(m, ips[i]);

        if (s == NULL || s->pool != first->pool)
            return false;
    }
    *ret = first->pool;
    return true;
}

static enum ipam_sharing_rule broken_rule(const struct claim *c, const struct group *theirs)
{
    if (str_empty(c->sharing))
        return IPAM_SHARING_NOT_WANTED;
    if (theirs == NULL)
        return IPAM_SHARING_NOT_ALLOWED;
    return str_eq(theirs->key, c->sharing) ? IPAM_SHARING_BACKENDS_DIFFER
                                           : IPAM_SHARING_KEYS_DIFFER;
}

static const struct ip *copy_ips(struct arena *a, const struct ip *ips, size_t count)
{
    return count > 0 ? arena_memdup(a, ips, count * sizeof(*ips)) : NULL;
}

static enum ipam_code refuse_identity(const struct claim *c, struct seat *s, struct arena *a,
                                      struct ipam_reason *why)
{
    struct string_list others = {.items = arena_calloc(a, s->count, sizeof(*others.items))};
    struct holder **holders = seat_holders(s);

    for (size_t i = 0; i < s->count; i++) {
        if (!str_eq(holder_key(holders[i]), c->key))
            others.items[others.count++] = arena_strdup(a, holder_key(holders[i]));
    }
    qsort(others.items, others.count, sizeof(*others.items), str_cmp_ptr);
    return ipam_refuse(why, (struct ipam_reason){.code = IPAM_SHARING_KEY_IN_USE,
                                                 .text = c->key,
                                                 .names = others,
                                                 .rule = broken_rule(c, holders[0]->group)});
}

static const struct holder *port_holder(struct seat *s, const struct port_use *p)
{
    struct holder **holders = seat_holders(s);

    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < holders[i]->port_count; k++) {
            if (holders[i]->ports[k] == p)
                return holders[i];
        }
    }
    return NULL;
}

/* Spec controller 2.5. A Service alone on its address may change ports and identity in place. */
static enum ipam_code check_sharing(const struct ipam *m, const struct claim *c, struct ip ip,
                                    struct arena *a, struct ipam_reason *why)
{
    struct seat *s = seat_find(m, ip);

    if (s == NULL || (s->count == 1 && str_eq(holder_key(seat_holders(s)[0]), c->key)))
        return IPAM_OK;
    if (c->group == NULL || seat_holders(s)[0]->group != c->group)
        return refuse_identity(c, s, a, why);
    for (size_t i = 0; i < c->port_count; i++) {
        const struct claim_port *p = &c->ports[i];
        const struct holder *by;

        if (p->use == NULL || !ip_set_has(&p->use->shared, ip))
            continue;
        by = port_holder(s, p->use);
        if (by == NULL || str_eq(holder_key(by), c->key))
            continue;
        return ipam_refuse(why, (struct ipam_reason){.code = IPAM_PORT_IN_USE,
                                                     .text = arena_strdup(a, holder_key(by)),
                                                     .addrs = copy_ips(a, &ip, 1),
                                                     .addr_count = 1,
                                                     .protocol = p->protocol,
                                                     .port = p->port});
    }
    return IPAM_OK;
}

/* The order of the checks is that of spec controller 2.4. */
enum ipam_code claim_assign(struct ipam *m, struct claim *c, const struct ip *ips, size_t count,
                            struct arena *a, struct ipam_reason *why)
{
    struct ipam_reason about = {.addrs = copy_ips(a, ips, count), .addr_count = count};
    enum ipam_code code;
    const struct pool *p;
    struct holder *h;
    size_t pool;

    if (!pool_of(m, &pool, ips, count)) {
        about.code = IPAM_NOT_IN_ANY_POOL;
        return ipam_refuse(why, about);
    }
    p = &m->cfg->pools[pool];
    if (!pool_serves(p, &c->service->meta))
        return ipam_refuse(why,
                           (struct ipam_reason){.code = IPAM_POOL_NOT_COMPATIBLE, .pool = p->name});
    if (count > IPAM_MAX_ADDRS) {
        about.code = IPAM_MORE_THAN_TWO;
        return ipam_refuse(why, about);
    }
    if (count == 2 && ips[0].family == ips[1].family) {
        about.code = IPAM_PAIR_OF_ONE_FAMILY;
        return ipam_refuse(why, about);
    }
    claim_resolve(m, c);
    for (size_t i = 0; i < count; i++) {
        code = check_sharing(m, c, ips[i], a, why);
        if (code != IPAM_OK)
            return code;
    }
    h = holder_find(m, c->key);
    if (h != NULL && holder_is(h, c, ips, count)) {
        memcpy(h->ips, ips, count * sizeof(*ips));
        return IPAM_OK;
    }
    holder_release(m, c->key);
    holder_record(m, c, pool, ips, count);
    return IPAM_OK;
}

/* ---- public ---- */

struct ipam *ipam_new(void)
{
    return xcalloc(1, sizeof(struct ipam));
}

struct ipam *ipam_free(struct ipam *m)
{
    if (m == NULL)
        return NULL;
    MAP_EACH (&m->holders, e) {
        struct holder *h = e->value;

        holder_free(m, h);
    }
    MAP_EACH (&m->seats, e)
        seat_free(e->value);
    map_done(&m->holders);
    map_done(&m->seats);
    map_done(&m->groups);
    map_done(&m->ports);
    ipam_layout_done(m);
    free(m);
    return NULL;
}

static void seat_reoccupy(struct ipam *m, struct ip a)
{
    struct seat *s = seat_find(m, a);

    if (!s->is_used)
        seat_occupy(m, s, a);
}

/* Spec controller 2.10: compatibility and sharing are not looked at again here. */
void ipam_set_snapshot(struct ipam *m, struct snapshot *cfg)
{
    ipam_layout_done(m);
    ipam_layout_init(m, cfg);
    MAP_EACH (&m->seats, e) {
        struct seat *s = e->value;

        s->is_used = false;
    }
    MAP_EACH (&m->holders, e) {
        struct holder *h = e->value;
        size_t pool;

        if (!pool_of(m, &pool, h->ips, h->ip_count)) {
            holder_release(m, holder_key(h));
            continue;
        }
        h->pool = (uint32_t)pool;
        for (size_t i = 0; i < h->ip_count; i++)
            seat_reoccupy(m, h->ips[i]);
    }
}

bool ipam_release(struct ipam *m, const char *namespace, const char *name)
{
    CLEANUP(xfreep) char *key = xasprintf("%s/%s", namespace, name);

    return holder_release(m, key);
}

size_t ipam_holding(const struct ipam *m, const char *namespace, const char *name,
                    struct ip ret[IPAM_MAX_ADDRS], const struct pool **ret_pool)
{
    CLEANUP(xfreep) char *key = xasprintf("%s/%s", namespace, name);
    const struct holder *h = holder_find(m, key);

    if (h == NULL)
        return 0;
    memcpy(ret, h->ips, h->ip_count * sizeof(*ret));
    *ret_pool = &m->cfg->pools[h->pool];
    return h->ip_count;
}

enum ipam_code ipam_assign(struct ipam *m, const struct object *service, const struct ip *ips,
                           size_t count, struct arena *a, struct ipam_reason *why)
{
    struct claim c;

    claim_init(&c, service, a);
    return claim_assign(m, &c, ips, count, a, why);
}

enum ipam_code ipam_allocate_from_pool(struct ipam *m, const struct object *service,
                                       const char *pool, struct arena *a, struct ipam_reason *why)
{
    struct claim c;

    claim_init(&c, service, a);
    return claim_from_pool(m, &c, pool, a, why);
}

enum ipam_code ipam_allocate(struct ipam *m, const struct object *service, struct arena *a,
                             struct ipam_reason *why)
{
    struct claim c;

    claim_init(&c, service, a);
    return claim_from_any(m, &c, a, why);
}
