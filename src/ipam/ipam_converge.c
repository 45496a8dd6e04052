/* SPDX-License-Identifier: Apache-2.0 */
/* The decision table of one Service (spec controller 1.4 and 1.5); the row names are its own. */
#include "ipam/ipam_int.h"

#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EVENTS = 5 }; /* C7, C8a, C8c, C9, C10: each once */

struct run {
    struct ipam *m;
    const struct object *service;
    struct arena *a;
    struct claim claim;
    struct ip ips[IPAM_MAX_ADDRS]; /* what it has at this point of the table */
    size_t count;
    enum stack cluster;         /* set by C7b */
    const struct ip *requested; /* set by C8c */
    size_t requested_count;
    struct ipam_event events[MAX_EVENTS];
    struct ipam_verdict verdict;
};

/* ---- steps ---- */

static struct ipam_event *emit(struct run *r, enum ipam_event_kind kind,
                               const struct ipam_reason *why)
{
    struct ipam_event *e = &r->events[r->verdict.event_count];

    assert(r->verdict.event_count < MAX_EVENTS);
    *e = (struct ipam_event){.kind = kind, .service = r->claim.key, .why = *why};
    r->verdict.event_count++;
    return e;
}

static void event_addrs(struct run *r, struct ipam_event *e, const struct ip *ips, size_t count)
{
    e->addrs = arena_memdup(r->a, ips, count * sizeof(*ips));
    e->addr_count = count;
}

static void clear(struct run *r)
{
    holder_release(r->m, r->claim.key);
    r->count = 0;
}

/* What the allocator holds becomes the verdict. */
static void conclude(struct run *r)
{
    const struct holder *h = holder_find(r->m, r->claim.key);
    struct ipam_verdict *v = &r->verdict;

    if (h == NULL) {
        v->state = IPAM_PENDING;
        return;
    }
    v->state = IPAM_ASSIGNED;
    v->pool = &r->m->cfg->pools[h->pool];
    v->addr_count = h->ip_count;
    memcpy(v->addrs, h->ips, sizeof(v->addrs));
}

static void give_up(struct run *r, enum ipam_event_kind kind, const struct ipam_reason *why)
{
    clear(r);
    emit(r, kind, why);
    r->verdict.state = IPAM_PENDING;
}

/* ---- C7: the families of what it holds ---- */

/*
 * C7b. Its status stays and speakers announce it, so a process that has just started reserves the
 * addresses: nobody else may get them meanwhile.
 */
static void keep_unexamined(struct run *r, struct ipam_held held, bool is_valid)
{
    bool holds = holder_find(r->m, r->claim.key) != NULL;
    struct ipam_reason why;

    if (!holds && is_valid)
        holds = claim_assign(r->m, &r->claim, held.addrs, held.count, r->a, &why) == IPAM_OK;
    r->verdict.keeps_old = true;
    r->verdict.state = IPAM_PENDING;
    if (holds)
        conclude(r);
}

/* False: the run ends here. */
static bool check_families(struct run *r, struct ipam_held held)
{
    const struct service *s = &r->service->service;
    struct ipam_reason why = {0};
    enum stack stack = STACK_NONE;
    bool is_valid;

    held.addrs = arena_memdup(r->a, held.addrs, held.count * sizeof(*held.addrs));
    is_valid = stack_of_ips(&stack, held.addrs, held.count, &why) == IPAM_OK;
    if (!is_valid)
        event_addrs(r, emit(r, IPAM_EVENT_NO_LB_IPS_FAMILY, &why), held.addrs, held.count);
    if (stack_of_service(&r->cluster, s, r->a, &why) != IPAM_OK) {
        struct ipam_event *e = emit(r, IPAM_EVENT_NO_CLUSTER_IPS_FAMILY, &why);

        e->cluster_ips = ipam_copy_strings(r->a, s->cluster_ips.items, s->cluster_ips.count);
        e->cluster_ip = arena_strdup(r->a, s->cluster_ip);
        keep_unexamined(r, held, is_valid);
        return false;
    }
    if (!is_valid || (stack != r->cluster &&
                      !(r->cluster == STACK_DUAL && ipam_policy_of(s) == POLICY_PREFER))) {
        clear(r);
        return true;
    }
    memcpy(r->ips, held.addrs, held.count * sizeof(*r->ips));
    r->count = held.count;
    return true;
}

/* ---- C8: may it keep them? ---- */

static int text_cmp(const void *a, const void *b)
{
    return strcmp(ip_format(*(const struct ip *)a).s, ip_format(*(const struct ip *)b).s);
}

/* C8d. When they are the requested ones, they come out in the order of their texts. */
static void compare_with_request(struct run *r)
{
    struct ip want[IPAM_MAX_ADDRS] = {{0}};

    if (r->requested_count == 0 || r->count == 0)
        return;
    memcpy(want, r->requested, r->requested_count * sizeof(*want));
    qsort(want, r->requested_count, sizeof(*want), text_cmp);
    qsort(r->ips, r->count, sizeof(*r->ips), text_cmp);
    if (r->count != r->requested_count || !ip_eq(want[0], r->ips[0]) ||
        (r->count == 2 && !ip_eq(want[1], r->ips[1])))
        clear(r);
    else
        memcpy(holder_find(r->m, r->claim.key)->ips, r->ips, sizeof(r->ips));
}

/* False: the run ends here. */
static bool check_held(struct run *r)
{
    const char *pool = ipam_requested_pool(r->service);
    struct ipam_reason why;

    if (claim_assign(r->m, &r->claim, r->ips, r->count, r->a, &why) != IPAM_OK) {
        event_addrs(r, emit(r, IPAM_EVENT_CLEAR_ASSIGNMENT, &why), r->ips, r->count);
        clear(r);
    }
    if (r->count > 0 && !str_empty(pool)) {
        const struct holder *h = holder_find(r->m, r->claim.key);

        if (!str_eq(r->m->cfg->pools[h->pool].name, pool))
            clear(r);
    }
    if (ipam_requested_ips(&r->requested, &r->requested_count, r->service, r->a, &why) != IPAM_OK) {
        emit(r, IPAM_EVENT_LOAD_BALANCER_FAILED, &why);
        r->verdict.keeps_old = r->count > 0;
        conclude(r);
        return false;
    }
    compare_with_request(r);
    return true;
}

/* ---- C9: a second family for PreferDualStack ---- */

/*
 * MetalLB also adds one where the Service has cluster IPs of one family, or asks for one address,
 * and takes it away in the next run (spec controller 7.2 #1, #2).
 */
static bool wants_second(const struct run *r)
{
    return r->count == 1 && ipam_policy_of(&r->service->service) == POLICY_PREFER &&
           r->cluster == STACK_DUAL && r->requested_count == 0;
}

static void add_second(struct run *r)
{
    const struct ipam_reason none = {0};
    const struct holder *h;
    struct ipam_reason why;

    if (claim_second_family(r->m, &r->claim, r->ips[0], r->a, &why) != IPAM_OK) {
        emit(r, IPAM_EVENT_ADDITIONAL_FAILED, &why);
        return;
    }
    h = holder_find(r->m, r->claim.key);
    event_addrs(r, emit(r, IPAM_EVENT_ADDITIONAL_ALLOCATED, &none), &h->ips[1], 1);
}

/* ---- C10: a new allocation (spec controller 1.5) ---- */

static enum ipam_code assign_requested(struct run *r, enum stack cluster, struct ipam_reason *why)
{
    const char *pool = ipam_requested_pool(r->service);
    struct ipam_reason about = {.addrs = r->requested, .addr_count = r->requested_count};
    enum stack stack = STACK_NONE;
    enum ipam_code code;

    code = stack_of_ips(&stack, r->requested, r->requested_count, why);
    if (code != IPAM_OK)
        return code;
    if (stack != cluster) {
        about.code = IPAM_FAMILY_MISMATCH;
        return ipam_refuse(why, about);
    }
    code = claim_assign(r->m, &r->claim, r->requested, r->requested_count, r->a, why);
    if (code != IPAM_OK || str_empty(pool))
        return code;
    if (!str_eq(r->m->cfg->pools[holder_find(r->m, r->claim.key)->pool].name, pool)) {
        holder_release(r->m, r->claim.key);
        about.code = IPAM_NOT_IN_REQUESTED_POOL;
        about.text = arena_strdup(r->a, pool);
        return ipam_refuse(why, about);
    }
    return IPAM_OK;
}

static enum ipam_code choose(struct run *r, struct ipam_reason *why)
{
    const char *pool = ipam_requested_pool(r->service);
    enum stack cluster = STACK_NONE;
    enum ipam_code code;

    code = stack_of_service(&cluster, &r->service->service, r->a, why);
    if (code != IPAM_OK)
        return code;
    code = ipam_requested_ips(&r->requested, &r->requested_count, r->service, r->a, why);
    if (code != IPAM_OK)
        return code;
    if (r->requested_count > 0)
        return assign_requested(r, cluster, why);
    if (!str_empty(pool))
        return claim_from_pool(r->m, &r->claim, pool, r->a, why);
    return claim_from_any(r->m, &r->claim, r->a, why);
}

static void allocate(struct run *r)
{
    const struct ipam_reason none = {0};
    const struct holder *h;
    struct ipam_reason why;

    if (choose(r, &why) != IPAM_OK) {
        emit(r, IPAM_EVENT_ALLOCATION_FAILED, &why);
        return;
    }
    h = holder_find(r->m, r->claim.key);
    event_addrs(r, emit(r, IPAM_EVENT_ALLOCATED, &none), h->ips, h->ip_count);
}

/* ---- the table ---- */

/* C1 to C5. False: the run ends here. */
static bool check_service(struct run *r)
{
    const struct service *s = &r->service->service;
    struct ipam_reason why = {0};

    if (!str_eq(s->type, "LoadBalancer")) { /* C1 */
        clear(r);
        r->verdict.state = IPAM_NOT_A_LOAD_BALANCER;
        return false;
    }
    if (r->m->cfg->pool_count == 0) { /* C2 */
        why.code = IPAM_NO_POOLS;
        give_up(r, IPAM_EVENT_NO_POOLS, &why);
        return false;
    }
    if (s->cluster_ips.count == 0 && str_empty(s->cluster_ip)) { /* C3 */
        why.code = IPAM_NO_CLUSTER_IP;
        give_up(r, IPAM_EVENT_NO_CLUSTER_IP, &why);
        return false;
    }
    if (ipam_policy_of(s) == POLICY_REQUIRE && s->cluster_ips.count < 2) { /* C5 */
        why.code = IPAM_NOT_ENOUGH_CLUSTER_IPS;
        why.names = ipam_copy_strings(r->a, s->cluster_ips.items, s->cluster_ips.count);
        give_up(r, IPAM_EVENT_NOT_ENOUGH_CLUSTER_IPS, &why);
        return false;
    }
    return true;
}

static void decide(struct run *r, struct ipam_held held)
{
    if (!check_service(r))
        return;
    if (held.count == 0) /* C6 */
        clear(r);
    else if (!check_families(r, held)) /* C7 */
        return;
    if (r->count > 0 && !check_held(r)) /* C8 */
        return;
    if (wants_second(r)) /* C9 */
        add_second(r);
    if (r->count == 0) /* C10 */
        allocate(r);
    conclude(r);
}

void ipam_adopt_held(struct ipam *m, const struct object *service, struct ipam_held held,
                     bool examined, struct arena *a)
{
    struct run r = {.m = m, .service = service, .a = a};
    struct ipam_reason why;
    enum stack cluster;
    bool is_known;

    claim_init(&r.claim, service, a);
    is_known = stack_of_service(&cluster, &service->service, a, &why) == IPAM_OK;
    if (held.count == 0 || holder_find(m, r.claim.key) != NULL || is_known != examined)
        return;
    if (check_service(&r) && check_families(&r, held) && r.count > 0)
        check_held(&r); /* what it refuses, it has released */
}

/* ---- what was given up ---- */

struct before {
    struct ip ips[IPAM_MAX_ADDRS];
    size_t count;
    struct string_list ports;
    const char *group;
    size_t group_len;
};

static struct before remember(const struct ipam *m, const char *key, struct arena *a)
{
    const struct holder *h = holder_find(m, key);
    struct before b = {.count = 0};

    if (h == NULL)
        return b;
    memcpy(b.ips, h->ips, sizeof(b.ips));
    b.count = h->ip_count;
    b.ports.items = arena_calloc(a, h->port_count, sizeof(*b.ports.items));
    for (; b.ports.count < h->port_count; b.ports.count++)
        b.ports.items[b.ports.count] = arena_strdup(a, h->ports[b.ports.count]->key);
    if (h->group != NULL) {
        b.group = arena_memdup(a, h->group->key, h->group->key_len);
        b.group_len = h->group->key_len;
    }
    return b;
}

static bool has_ip(const struct holder *h, struct ip a)
{
    for (size_t i = 0; i < h->ip_count; i++) {
        if (ip_eq(h->ips[i], a))
            return true;
    }
    return false;
}

static bool has_port(const struct holder *h, const char *key)
{
    for (size_t i = 0; i < h->port_count; i++) {
        if (str_eq(h->ports[i]->key, key))
            return true;
    }
    return false;
}

static bool same_group(const struct before *b, const struct group *g)
{
    if (b->group == NULL || g == NULL)
        return b->group == NULL && g == NULL;
    return b->group_len == g->key_len && memcmp(b->group, g->key, g->key_len) == 0;
}

static bool gave_up(const struct before *b, const struct holder *h)
{
    if (b->count == 0)
        return false;
    if (h == NULL || !same_group(b, h->group))
        return true;
    for (size_t i = 0; i < b->count; i++) {
        if (!has_ip(h, b->ips[i]))
            return true;
    }
    for (size_t i = 0; i < b->ports.count; i++) {
        if (!has_port(h, b->ports.items[i]))
            return true;
    }
    return false;
}

void ipam_converge(struct ipam *m, const struct object *service, struct ipam_held held,
                   struct arena *a, struct ipam_verdict *ret)
{
    struct run r = {.m = m, .service = service, .a = a};
    struct before before;

    assert(m->cfg != NULL);
    claim_init(&r.claim, service, a);
    before = remember(m, r.claim.key, a);
    decide(&r, held);
    r.verdict.released = gave_up(&before, holder_find(m, r.claim.key));
    if (r.verdict.event_count > 0)
        r.verdict.events =
            arena_memdup(a, r.events, r.verdict.event_count * sizeof(*r.verdict.events));
    *ret = r.verdict;
}
