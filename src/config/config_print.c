/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/duration.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The schema's largest weight of a preference; a sum of several is split again, unless it is beyond
 * what preferences of the schema's size add up to. */
enum { WEIGHT_MAX = 100, WEIGHT_SPLIT_MAX = 100 * WEIGHT_MAX };

static const char metallb_v1[] = "metallb.io/v1beta1", metallb_v2[] = "metallb.io/v1beta2";

/* --- pieces --- */

/* Returns where the spec begins, for close_object. */
static size_t open_object(struct text *t, const char *api_version, const char *kind,
                          const char *name)
{
    text_printf(t, "---\napiVersion: %s\nkind: %s\nmetadata:\n  name: ", api_version, kind);
    text_quote(t, name);
    text_add(t, "\nspec:");
    return t->len;
}

static void close_object(struct text *t, size_t spec_start)
{
    text_add(t, t->len == spec_start ? " {}\n" : "\n");
}

static void print_field(struct text *t, const char *key)
{
    text_printf(t, "\n  %s: ", key);
}

static void print_flag(struct text *t, const char *key, bool set)
{
    if (set)
        text_printf(t, "\n  %s: true", key);
}

static void print_number(struct text *t, const char *key, uint32_t v)
{
    if (v != 0)
        text_printf(t, "\n  %s: %" PRIu32, key, v);
}

static void print_string(struct text *t, const char *key, const char *s)
{
    if (str_empty(s))
        return;
    print_field(t, key);
    text_quote(t, s);
}

static void print_ip(struct text *t, const char *key, struct ip a)
{
    if (a.family != IP_NONE)
        print_string(t, key, ip_format(a).s);
}

static void print_time(struct text *t, const char *key, struct opt_duration d)
{
    if (d.set)
        print_string(t, key, duration_format(d.ns).s);
}

static void print_list(struct text *t, const struct string_list *list)
{
    text_add(t, "[");
    for (size_t i = 0; i < list->count; i++) {
        text_add(t, i > 0 ? ", " : "");
        text_quote(t, list->items[i]);
    }
    text_add(t, "]");
}

static void print_names(struct text *t, const char *key, const struct string_list *names)
{
    if (names->count == 0)
        return;
    print_field(t, key);
    print_list(t, names);
}

static void print_labels(struct text *t, const struct label_set *labels)
{
    text_add(t, "matchLabels: {");
    for (size_t i = 0; i < labels->count; i++) {
        text_add(t, i > 0 ? ", " : "");
        text_quote(t, labels->items[i].key);
        text_add(t, ": ");
        text_quote(t, labels->items[i].value);
    }
    text_add(t, "}");
}

static void print_expr(struct text *t, const struct selector_expr *e)
{
    text_add(t, "{key: ");
    text_quote(t, e->key);
    text_printf(t, ", operator: %s", e->op);
    if (e->values.count > 0) {
        text_add(t, ", values: ");
        print_list(t, &e->values);
    }
    text_add(t, "}");
}

static void print_selector(struct text *t, const struct selector *s)
{
    text_add(t, "{");
    if (s->labels.count > 0)
        print_labels(t, &s->labels);
    if (s->expr_count > 0) {
        text_add(t, s->labels.count > 0 ? ", matchExpressions: [" : "matchExpressions: [");
        for (size_t i = 0; i < s->expr_count; i++) {
            text_add(t, i > 0 ? ", " : "");
            print_expr(t, &s->exprs[i]);
        }
        text_add(t, "]");
    }
    text_add(t, "}");
}

static void print_selectors(struct text *t, const char *key, const struct selector_list *list)
{
    if (list->count == 0)
        return;
    print_field(t, key);
    text_add(t, "[");
    for (size_t i = 0; i < list->count; i++) {
        text_add(t, i > 0 ? ", " : "");
        print_selector(t, &list->items[i]);
    }
    text_add(t, "]");
}

/* --- nodes --- */

static bool has_all_nodes(const struct snapshot *c, const struct bitset *set)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        if (!bitset_has(set, i))
            return false;
    }
    return true;
}

/* Nothing for all nodes. No node at all takes a selector that none can match. */
static void print_nodes(struct text *t, const struct snapshot *c, const struct bitset *set)
{
    const char *comma = "";

    if (has_all_nodes(c, set))
        return;
    print_field(t, "nodeSelectors");
    text_add(t, "[{matchExpressions: [{key: kubernetes.io/hostname, operator: ");
    if (bitset_is_empty(set)) {
        text_add(t, "DoesNotExist}]}]");
        return;
    }
    text_add(t, "In, values: [");
    for (size_t i = 0; i < c->nodes.count; i++) {
        if (!bitset_has(set, i))
            continue;
        text_add(t, comma);
        text_quote(t, c->nodes.items[i]);
        comma = ", ";
    }
    text_add(t, "]}]}]");
}

static void print_preference(struct text *t, int64_t weight, const char *node)
{
    text_printf(t, "\n    - {weight: %" PRId64 ", preference: {matchLabels: {", weight);
    text_add(t, "kubernetes.io/hostname: ");
    text_quote(t, node);
    text_add(t, "}}}");
}

static void print_scores(struct text *t, const struct snapshot *c, const int64_t *scores)
{
    if (scores == NULL)
        return;
    text_add(t, "\n  preferredNodeSelectors:");
    for (size_t i = 0; i < c->nodes.count; i++) {
        int64_t left = scores[i];

        for (; left > WEIGHT_MAX && scores[i] <= WEIGHT_SPLIT_MAX; left -= WEIGHT_MAX)
            print_preference(t, WEIGHT_MAX, c->nodes.items[i]);
        if (left != 0)
            print_preference(t, left, c->nodes.items[i]);
    }
}

/* --- pools --- */

static void print_addresses(struct text *t, const struct pool *p)
{
    text_add(t, "\n  addresses: [");
    for (size_t i = 0; i < p->entry_count; i++) {
        text_add(t, i > 0 ? ", " : "");
        text_quote(t, p->entries[i].text);
    }
    text_add(t, "]");
}

static void print_allocation(struct text *t, const struct pool *p)
{
    if (!p->is_scoped)
        return;
    text_printf(t, "\n  serviceAllocation:\n    priority: %" PRId64, p->priority);
    if (p->by_namespace && p->namespaces.count == 0)
        text_add(t, "\n    namespaceSelectors: [{matchExpressions: [{key: "
                    "kubernetes.io/metadata.name, operator: DoesNotExist}]}]");
    print_names(t, "  namespaces", &p->namespaces);
    print_selectors(t, "  serviceSelectors", &p->service_selectors);
}

static void print_pool(struct text *t, const struct pool *p)
{
    size_t spec = open_object(t, metallb_v1, "IPAddressPool", p->name);

    print_addresses(t, p);
    if (!p->auto_assign)
        text_add(t, "\n  autoAssign: false");
    print_flag(t, "avoidBuggyIPs", p->avoid_buggy_ips);
    print_allocation(t, p);
    close_object(t, spec);
}

/* --- advertisements: pools point at them, so they are gathered from there --- */

struct named_adv {
    const char *name;
    const void *adv; /* struct l2_adv or struct bgp_adv */
    const char *pool;
};

struct gathered {
    struct named_adv *items; /* sorted by name, advertisement, pool */
    size_t count, cap;
};

static void gathered_done(struct gathered *g)
{
    free(g->items);
}

static void gather(struct gathered *g, const char *name, const void *adv, const char *pool)
{
    g->items = array_grow(g->items, &g->cap, g->count + 1, sizeof(*g->items));
    g->items[g->count++] = (struct named_adv){.name = name, .adv = adv, .pool = pool};
}

static int by_name_and_pool(const void *a, const void *b)
{
    const struct named_adv *x = a, *y = b;
    int cmp = strcmp(x->name, y->name);

    return cmp != 0 ? cmp : strcmp(x->pool, y->pool);
}

static void gathered_sort(struct gathered *g)
{
    if (g->count > 0)
        qsort(g->items, g->count, sizeof(*g->items), by_name_and_pool);
}

/* The pools of the advertisement at `start`; returns the index behind its entries. */
static size_t print_pools(struct text *t, const struct gathered *g, size_t start)
{
    size_t i = start;

    text_add(t, "\n  ipAddressPools: [");
    for (; i < g->count && str_eq(g->items[i].name, g->items[start].name); i++) {
        text_add(t, i > start ? ", " : "");
        text_quote(t, g->items[i].pool);
    }
    text_add(t, "]");
    return i;
}

static void print_l2_advs(struct text *t, const struct snapshot *c)
{
    CLEANUP(gathered_done) struct gathered g = {0};

    for (size_t i = 0; i < c->pool_count; i++) {
        for (size_t k = 0; k < c->pools[i].l2_count; k++) {
            const struct l2_attachment *at = &c->pools[i].l2[k];

            for (size_t n = 0; n < at->names.count; n++)
                gather(&g, at->names.items[n], at->adv, c->pools[i].name);
        }
    }
    gathered_sort(&g);
    for (size_t i = 0; i < g.count;) {
        const struct l2_adv *adv = g.items[i].adv;
        size_t spec = open_object(t, metallb_v1, "L2Advertisement", g.items[i].name);

        i = print_pools(t, &g, i);
        print_nodes(t, c, &adv->nodes);
        print_names(t, "interfaces", &adv->interfaces);
        print_selectors(t, "serviceSelectors", &adv->service_selectors);
        print_scores(t, c, adv->scores);
        close_object(t, spec);
    }
}

static void print_communities(struct text *t, const struct bgp_adv *adv)
{
    if (adv->community_count == 0)
        return;
    text_add(t, "\n  communities: [");
    for (size_t i = 0; i < adv->community_count; i++) {
        text_add(t, i > 0 ? ", " : "");
        text_quote(t, bgp_community_format(adv->communities[i]).s);
    }
    text_add(t, "]");
}

static void print_bgp_adv(struct text *t, const struct snapshot *c, const struct bgp_adv *adv)
{
    if (adv->aggregation_length != ip_bits(IP_V4))
        text_printf(t, "\n  aggregationLength: %u", adv->aggregation_length);
    if (adv->aggregation_length_v6 != ip_bits(IP_V6))
        text_printf(t, "\n  aggregationLengthV6: %u", adv->aggregation_length_v6);
    print_number(t, "localPref", adv->local_pref);
    print_number(t, "med", adv->med);
    print_number(t, "asPathPrepend", adv->as_path_prepend);
    print_communities(t, adv);
    print_nodes(t, c, &adv->nodes);
    print_names(t, "peers", &adv->peers);
    print_selectors(t, "serviceSelectors", &adv->service_selectors);
}

static void print_bgp_advs(struct text *t, const struct snapshot *c)
{
    CLEANUP(gathered_done) struct gathered g = {0};

    for (size_t i = 0; i < c->pool_count; i++) {
        for (size_t k = 0; k < c->pools[i].bgp_count; k++)
            gather(&g, c->pools[i].bgp[k]->name, c->pools[i].bgp[k], c->pools[i].name);
    }
    gathered_sort(&g);
    for (size_t i = 0; i < g.count;) {
        const struct bgp_adv *adv = g.items[i].adv;
        size_t spec = open_object(t, metallb_v1, "BGPAdvertisement", adv->name);

        i = print_pools(t, &g, i);
        print_bgp_adv(t, c, adv);
        close_object(t, spec);
    }
}

/* --- peers --- */

static const char *dynamic_asn_name(enum dynamic_asn asn)
{
    switch (asn) {
    case ASN_FIXED:
        return "";
    case ASN_INTERNAL:
        return "internal";
    case ASN_EXTERNAL:
        return "external";
    }
    return "";
}

static void print_peer(struct text *t, const struct snapshot *c, const struct peer *p)
{
    size_t spec = open_object(t, metallb_v2, "BGPPeer", p->name);

    print_number(t, "myASN", p->my_asn);
    print_number(t, "peerASN", p->peer_asn);
    print_number(t, "localASN", p->local_asn);
    print_string(t, "dynamicASN", dynamic_asn_name(p->dynamic_asn));
    print_ip(t, "peerAddress", p->address);
    print_string(t, "interface", p->interface);
    print_ip(t, "sourceAddress", p->source_address);
    print_ip(t, "routerID", p->router_id);
    print_number(t, "peerPort", p->port);
    print_time(t, "holdTime", p->hold_time);
    print_time(t, "keepaliveTime", p->keepalive_time);
    print_time(t, "connectTime", p->connect_time);
    print_nodes(t, c, &p->nodes);
    print_string(t, "password", str_empty(p->password) ? "" : "<redacted>");
    print_string(t, "bfdProfile", p->bfd != NULL ? p->bfd->name : "");
    print_string(t, "vrf", p->vrf);
    print_flag(t, "enableGracefulRestart", p->graceful_restart);
    print_flag(t, "ebgpMultiHop", p->ebgp_multi_hop);
    print_number(t, "ttlSecurityHops", p->ttl_security_hops);
    print_flag(t, "dualStackAddressFamily", p->dual_stack_address_family);
    close_object(t, spec);
}

static void print_opt(struct text *t, const char *key, struct opt_int v)
{
    if (v.set)
        text_printf(t, "\n  %s: %" PRId64, key, v.v);
}

static void print_bfd(struct text *t, const struct bfd *b)
{
    size_t spec = open_object(t, metallb_v1, "BFDProfile", b->name);

    print_opt(t, "receiveInterval", b->values.receive_interval);
    print_opt(t, "transmitInterval", b->values.transmit_interval);
    print_opt(t, "detectMultiplier", b->values.detect_multiplier);
    print_opt(t, "echoInterval", b->values.echo_interval);
    print_opt(t, "minimumTtl", b->values.minimum_ttl);
    print_flag(t, "echoMode", b->values.echo_mode);
    print_flag(t, "passiveMode", b->values.passive_mode);
    close_object(t, spec);
}

void config_print(struct text *t, const struct snapshot *c)
{
    for (size_t i = 0; i < c->pool_count; i++)
        print_pool(t, &c->pools[i]);
    print_l2_advs(t, c);
    print_bgp_advs(t, c);
    for (size_t i = 0; i < c->peer_count; i++)
        print_peer(t, c, &c->peers[i]);
    for (size_t i = 0; i < c->bfd_profile_count; i++)
        print_bfd(t, &c->bfd_profiles[i]);
}
