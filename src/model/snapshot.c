/* SPDX-License-Identifier: Apache-2.0 */
#include "model/snapshot.h"

#include "base/text.h"
#include "model/selector.h"

#include <stdio.h>
#include <string.h>

struct snapshot *snapshot_ref(struct snapshot *c)
{
    c->refs++;
    return c;
}

struct snapshot *snapshot_unref(struct snapshot *c)
{
    if (c != NULL && --c->refs == 0)
        arena_free(c->arena); /* c lives in there */
    return NULL;
}

const struct pool *snapshot_pool_find(const struct snapshot *c, const char *name)
{
    for (size_t i = 0; i < c->pool_count; i++) {
        if (str_eq(c->pools[i].name, name))
            return &c->pools[i];
    }
    return NULL;
}

const struct peer *snapshot_peer_find(const struct snapshot *c, const char *name)
{
    for (size_t i = 0; i < c->peer_count; i++) {
        if (str_eq(c->peers[i].name, name))
            return &c->peers[i];
    }
    return NULL;
}

int snapshot_node_index(const struct snapshot *c, const char *name)
{
    size_t low = 0, high = c->nodes.count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int cmp = strcmp(name, c->nodes.items[mid]);

        if (cmp == 0)
            return (int)mid;
        if (cmp < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return -1;
}

static bool pool_has(const struct pool *p, struct ip a)
{
    if (p->avoid_buggy_ips && ip_is_buggy(a))
        return false;
    for (size_t i = 0; i < p->prefix_count; i++) {
        if (prefix_contains(p->prefixes[i], a))
            return true;
    }
    return false;
}

static bool pool_has_all(const struct pool *p, const struct ip *ips, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!pool_has(p, ips[i]))
            return false;
    }
    return true;
}

const struct pool *snapshot_pool_of(const struct snapshot *c, const struct ip *ips, size_t count)
{
    for (size_t i = 0; i < c->pool_count; i++) {
        if (pool_has_all(&c->pools[i], ips, count))
            return &c->pools[i];
    }
    return NULL;
}

bool pool_serves(const struct pool *p, const struct meta *service)
{
    if (!p->is_scoped)
        return true;
    if (p->by_namespace && !string_list_has(&p->namespaces, service->namespace))
        return false;
    return p->service_selectors.count == 0 ||
           selector_list_matches(&p->service_selectors, &service->labels);
}

bool service_selected(const struct selector_list *service_selectors, const struct label_set *labels)
{
    return service_selectors->count == 0 || selector_list_matches(service_selectors, labels);
}

static bool pool_has_family(const struct pool *p, enum ip_family family)
{
    for (size_t i = 0; i < p->prefix_count; i++) {
        if (p->prefixes[i].addr.family == family)
            return true;
    }
    return false;
}

/* For a pool of both families both lengths must differ: one equal length is enough to meet. */
static bool lengths_differ(const struct pool *p, const struct bgp_adv *a, const struct bgp_adv *b)
{
    bool v4 = a->aggregation_length != b->aggregation_length;
    bool v6 = a->aggregation_length_v6 != b->aggregation_length_v6;

    if (!pool_has_family(p, IP_V6))
        return v4;
    if (!pool_has_family(p, IP_V4))
        return v6;
    return v4 && v6;
}

static bool peers_meet(const struct bgp_adv *a, const struct bgp_adv *b)
{
    if (a->peers.count == 0 || b->peers.count == 0)
        return true;
    for (size_t i = 0; i < a->peers.count; i++) {
        if (string_list_has(&b->peers, a->peers.items[i]))
            return true;
    }
    return false;
}

enum adv_conflict bgp_adv_conflict(const struct pool *p, const struct bgp_adv *a,
                                   const struct bgp_adv *b)
{
    if (lengths_differ(p, a, b) || !peers_meet(a, b) || !bitset_meets(&a->nodes, &b->nodes))
        return ADV_CONFLICT_NONE;
    if (a->local_pref != b->local_pref)
        return ADV_CONFLICT_LOCAL_PREF;
    if (a->as_path_prepend != b->as_path_prepend)
        return ADV_CONFLICT_AS_PATH_PREPEND;
    return ADV_CONFLICT_NONE;
}

bool peer_is_ibgp(const struct peer *p)
{
    switch (p->dynamic_asn) {
    case ASN_INTERNAL:
        return true;
    case ASN_EXTERNAL:
        return false;
    case ASN_FIXED:
        return p->peer_asn == (p->local_asn != 0 ? p->local_asn : p->my_asn);
    }
    return false;
}

bool peer_carries(const struct peer *p, enum ip_family family)
{
    return p->address.family == IP_NONE || p->dual_stack_address_family ||
           p->address.family == family;
}
