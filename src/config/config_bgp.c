/* SPDX-License-Identifier: Apache-2.0 */
/* BGP advertisements, what they ask of each pool, and the cross checks with peers (spec 2.11, 2.12;
 * changes-0.16.2 1.3, 10). */
#include "config/config_int.h"
#include "model/selector.h"

#include <inttypes.h>

/* An advertisement while pools get it. */
struct adv_draft {
    struct subject subject;
    struct bgp_adv *adv;
    bool lengths_known, nodes_known;
    const struct bgp_adv *told; /* the last one whose conflict with this one was reported */
};

/* --- equal objects --- */

static void print_strings(struct text *t, const char *key, const struct string_list *list)
{
    text_add(t, key);
    for (size_t i = 0; i < list->count; i++)
        text_quote(t, list->items[i]);
}

static void print_selectors(struct text *t, const char *key, const struct selector_list *list)
{
    text_add(t, key);
    for (size_t i = 0; i < list->count; i++)
        selector_print(t, &list->items[i]);
}

static void print_opt(struct text *t, const char *key, const struct opt_int *v)
{
    text_printf(t, "%s%d:%" PRId64, key, v->set, v->v);
}

static void print_spec(struct text *t, const struct bgp_advertisement *in)
{
    print_opt(t, "length ", &in->aggregation_length);
    print_opt(t, "length6 ", &in->aggregation_length_v6);
    text_printf(t, "pref %" PRIu32 " med %" PRIu32 " prepend %u", in->local_pref, in->med,
                in->as_path_prepend);
    print_strings(t, "communities ", &in->communities);
    print_strings(t, "pools ", &in->pools);
    print_strings(t, "peers ", &in->peers);
    print_selectors(t, "pools ", &in->pool_selectors);
    print_selectors(t, "nodes ", &in->node_selectors);
    print_selectors(t, "services ", &in->service_selectors);
}

static bool objects_equal(const struct object *a, const struct object *b)
{
    CLEANUP(text_done) struct text x = {0};
    CLEANUP(text_done) struct text y = {0};

    if (!str_eq(a->meta.name, b->meta.name) || !str_eq(a->meta.namespace, b->meta.namespace))
        return false;
    print_spec(&x, &a->bgp_adv);
    print_spec(&y, &b->bgp_adv);
    return str_eq(text_str(&x), text_str(&y));
}

/* Objects of one name are neighbours. */
static void check_equal_objects(struct builder *b)
{
    for (size_t i = 1; i < b->bgp_advs.count; i++) {
        struct subject s = {.b = b, .o = b->bgp_advs.items[i], .wrapper = ""};

        if (objects_equal(b->bgp_advs.items[i - 1], s.o))
            subject_fault(&s,
                          "duplicate definition of bgpadvertisements. advertisement %zu and %zu "
                          "are equal",
                          i, i + 1);
    }
}

/* --- one advertisement --- */

static bool add_length(struct subject *s, uint8_t *ret, const struct opt_int *given,
                       enum ip_family family)
{
    uint8_t bits = ip_bits(family);
    int64_t len = given->set ? given->v : bits;

    if (len < 0 || len > bits) {
        subject_fault(s, "invalid aggregation length %" PRId64 " for IPv%d", len, (int)family);
        return false;
    }
    *ret = (uint8_t)len;
    return true;
}

static void add_lengths(struct adv_draft *d)
{
    struct subject *s = &d->subject;
    const struct bgp_advertisement *in = &s->o->bgp_adv;
    const struct opt_int *v4 = &in->aggregation_length, *v6 = &in->aggregation_length_v6;
    bool good;

    if (in->service_selectors.count > 0 && v4->set && v4->v != 32)
        subject_fault(s,
                      "serviceSelectors and aggregationLength are mutually exclusive, both cannot "
                      "be set in %s",
                      s->o->meta.name);
    if (in->service_selectors.count > 0 && v6->set && v6->v != 128)
        subject_fault(s,
                      "serviceSelectors and aggregationLengthV6 are mutually exclusive, both "
                      "cannot be set in %s",
                      s->o->meta.name);
    good = add_length(s, &d->adv->aggregation_length, v4, IP_V4);
    d->lengths_known = add_length(s, &d->adv->aggregation_length_v6, v6, IP_V6) && good;
}

static bool has_peer(const struct builder *b, const char *name)
{
    for (size_t i = 0; i < b->peer_count; i++) {
        if (str_eq(b->peers[i].peer->name, name))
            return true;
    }
    return false;
}

static void add_peer_names(struct adv_draft *d)
{
    struct subject *s = &d->subject;
    const struct string_list *names = &s->o->bgp_adv.peers;

    config_check_names(s, "peers", names);
    d->adv->peers = config_copy_names(s->b, names);
    for (size_t i = 0; i < d->adv->peers.count; i++) {
        const char *name = d->adv->peers.items[i];

        if (!has_peer(s->b, name))
            subject_warn(s,
                         "peers names %s, and there is no such BGPPeer: create it, or correct the "
                         "name (it is the name of the object, not an address)",
                         config_quote(s->b, name));
    }
}

static void add_adv(struct adv_draft *d)
{
    struct subject *s = &d->subject;
    const struct bgp_advertisement *in = &s->o->bgp_adv;
    struct bgp_adv *adv = d->adv;

    adv->name = arena_strdup(s->b->arena, s->o->meta.name);
    adv->local_pref = in->local_pref;
    adv->med = in->med;
    adv->as_path_prepend = in->as_path_prepend;
    config_check_names(s, "ipAddressPools", &in->pools);
    config_check_names(s, "community", &in->communities);
    add_peer_names(d);
    config_check_duplicates(s, "ipAddressPoolSelectors", &in->pool_selectors);
    config_check_duplicates(s, "nodeSelectors", &in->node_selectors);
    config_check_duplicates(s, "serviceSelectors", &in->service_selectors);
    add_lengths(d);
    adv->communities = config_communities(s, &in->communities, &adv->community_count);
    d->nodes_known = config_node_set(&adv->nodes, s, SELECTS_ADV_NODES, &in->node_selectors);
    if (config_check_selectors(s, SELECTS_ADV_SERVICES, &in->service_selectors))
        adv->service_selectors = config_copy_selectors(s->b, &in->service_selectors);
}

/* --- an advertisement and a pool --- */

/* A range needs only one prefix that is wide enough (spec 9 #5). */
static void check_entry_length(struct adv_draft *d, const struct pool *p,
                               const struct pool_entry *e)
{
    uint8_t lowest = ip_bits(IP_V6), limit;

    if (e->prefix_count == 0)
        return;
    for (size_t i = 0; i < e->prefix_count; i++) {
        if (e->prefixes[i].len < lowest)
            lowest = e->prefixes[i].len;
    }
    limit = e->prefixes[0].addr.family == IP_V6 ? d->adv->aggregation_length_v6
                                                : d->adv->aggregation_length;
    if (limit < lowest)
        subject_fault(&d->subject,
                      "invalid aggregation length %u: prefix %u in this pool is more specific than "
                      "the aggregation length for addresses %s of pool \"%s\"",
                      limit, lowest, e->text, p->name);
}

static void tell_conflict(struct adv_draft *d, const struct pool *p, const struct bgp_adv *old,
                          enum adv_conflict conflict)
{
    static const char where[] = "was already set for the same type of BGP update. Check existing "
                                "BGP advertisements with common pools and aggregation lengths";

    switch (conflict) {
    case ADV_CONFLICT_NONE:
        return;
    case ADV_CONFLICT_LOCAL_PREF:
        subject_fault(&d->subject,
                      "invalid local preference %" PRIu32 ": local preference %" PRIu32
                      " %s: BGPAdvertisement \"%s\" on pool \"%s\"",
                      d->adv->local_pref, old->local_pref, where, old->name, p->name);
        return;
    case ADV_CONFLICT_AS_PATH_PREPEND:
        subject_fault(&d->subject,
                      "invalid as path prepend %u: as path prepend %u %s: BGPAdvertisement \"%s\" "
                      "on pool \"%s\"",
                      d->adv->as_path_prepend, old->as_path_prepend, where, old->name, p->name);
        return;
    }
}

/* Advertisements with service selectors are compared when a Service is known (spec 2.11). */
static void check_conflicts(struct adv_draft *d, const struct pool_draft *pd,
                            const struct adv_draft *all, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        const struct adv_draft *old = &all[i];
        enum adv_conflict conflict;

        if (!bitset_has(&pd->bgp, i) || !old->lengths_known || !old->nodes_known ||
            old->subject.o->bgp_adv.service_selectors.count > 0)
            continue;
        conflict = bgp_adv_conflict(pd->pool, old->adv, d->adv);
        if (conflict == ADV_CONFLICT_NONE)
            continue;
        if (d->told != old->adv)
            tell_conflict(d, pd->pool, old->adv, conflict);
        d->told = old->adv;
        return;
    }
}

static void attach(struct builder *b, struct adv_draft *all, size_t index)
{
    struct adv_draft *d = &all[index];
    const struct bgp_advertisement *in = &d->subject.o->bgp_adv;
    struct bitset pools = config_reach(&d->subject, &in->pools, &in->pool_selectors);

    for (size_t i = 0; i < b->pool_count; i++) {
        struct pool_draft *pd = &b->pools[i];

        if (!bitset_has(&pools, i))
            continue;
        for (size_t k = 0; d->lengths_known && k < pd->pool->entry_count; k++)
            check_entry_length(d, pd->pool, &pd->pool->entries[k]);
        if (d->lengths_known && d->nodes_known && pd->has_all_prefixes &&
            in->service_selectors.count == 0)
            check_conflicts(d, pd, all, index);
        bitset_add(&pd->bgp, index);
    }
}

/* --- pools, advertisements and peers --- */

static bool has_ipv6(const struct pool *p)
{
    for (size_t i = 0; i < p->prefix_count; i++) {
        if (p->prefixes[i].addr.family == IP_V6)
            return true;
    }
    return false;
}

static bool covers_peer(const struct bgp_adv *adv, const struct peer *p)
{
    return adv->peers.count == 0 || string_list_has(&adv->peers, p->name);
}

static void check_echo(struct adv_draft *d, const struct pool *p)
{
    const struct builder *b = d->subject.b;

    for (size_t i = 0; i < b->peer_count; i++) {
        const struct peer *peer = b->peers[i].peer;

        if (peer->bfd != NULL && peer->bfd->values.echo_mode && covers_peer(d->adv, peer))
            subject_fault(&d->subject,
                          "pool %s has bgpadvertisement %s which references peer %s which has bfd "
                          "echo enabled, which is not possible",
                          p->name, d->adv->name, peer->name);
    }
}

static void finish_pool(struct builder *b, struct pool_draft *pd, struct adv_draft *all)
{
    const struct bgp_adv **list = arena_calloc(b->arena, config_count(&pd->bgp), sizeof(*list));
    size_t count = 0;
    bool v6 = has_ipv6(pd->pool);

    for (size_t i = 0; i < b->bgp_advs.count; i++) {
        if (!bitset_has(&pd->bgp, i))
            continue;
        list[count++] = all[i].adv;
        if (v6)
            check_echo(&all[i], pd->pool);
    }
    pd->pool->bgp = list;
    pd->pool->bgp_count = count;
}

void config_add_bgp_advs(struct builder *b)
{
    struct bgp_adv *advs;
    struct adv_draft *drafts;

    b->bgp_advs = config_sorted(b, b->in->bgp_advs);
    advs = arena_calloc(b->arena, b->bgp_advs.count, sizeof(*advs));
    drafts = arena_calloc(b->scratch, b->bgp_advs.count, sizeof(*drafts));
    check_equal_objects(b);
    for (size_t i = 0; i < b->bgp_advs.count; i++) {
        drafts[i] = (struct adv_draft){
            .subject = {.b = b, .o = b->bgp_advs.items[i], .wrapper = ""},
            .adv = &advs[i],
        };
        add_adv(&drafts[i]);
        attach(b, drafts, i);
    }
    for (size_t i = 0; i < b->pool_count; i++)
        finish_pool(b, &b->pools[i], drafts);
}
