/* SPDX-License-Identifier: Apache-2.0 */
/* What a Service brings in for BGP, and what several advertisements of one prefix add up to (spec
 * speaker-bgp C25 to C27). The plan and the speakers go by the same rules. */
#include "decide/decide_int.h"

#include <stdlib.h>
#include <string.h>

/* --- what a Service brings in --- */

bool decide_adv_allows_peer(const struct bgp_adv *adv, const struct peer *peer)
{
    return adv->peers.count == 0 || string_list_has(&adv->peers, peer->name);
}

static struct prefix aggregate(const struct bgp_adv *adv, struct ip addr)
{
    return prefix_of(addr,
                     addr.family == IP_V4 ? adv->aggregation_length : adv->aggregation_length_v6);
}

static int ad_cmp(const void *x, const void *y)
{
    const struct bgp_ad *a = x, *b = y;
    int c = prefix_cmp(a->prefix, b->prefix);

    return c != 0 ? c : strcmp(a->adv->name, b->adv->name);
}

struct bgp_ad *decide_service_ads(const struct decide_service *s, struct arena *a,
                                  size_t *ret_count)
{
    size_t adv_count, n = 0;
    const struct bgp_adv *const *advs = decide_bgp_covering(s, a, &adv_count);
    struct bgp_ad *ads = arena_calloc(a, adv_count * s->addr_count, sizeof(*ads));

    for (size_t i = 0; i < s->addr_count; i++) {
        for (size_t k = 0; k < adv_count; k++)
            ads[n++] = (struct bgp_ad){aggregate(advs[k], s->addrs[i]), advs[k]};
    }
    if (n > 1)
        qsort(ads, n, sizeof(*ads), ad_cmp);
    *ret_count = 0;
    for (size_t i = 0; i < n; i++) {
        if (*ret_count == 0 || ad_cmp(&ads[*ret_count - 1], &ads[i]) != 0)
            ads[(*ret_count)++] = ads[i];
    }
    return ads;
}

struct bgp_ad *decide_bgp_ads(const struct decide_service *s, const struct bgp_verdict *v,
                              size_t node, struct arena *a, size_t *ret_count)
{
    struct bgp_ad *ads;
    size_t n = 0, all;

    *ret_count = 0;
    if (v->nodes == NULL || v->nodes[node].reason != BGP_OK)
        return NULL;
    ads = decide_service_ads(s, a, &all);
    for (size_t i = 0; i < all; i++) {
        if (bitset_has(&ads[i].adv->nodes, node))
            ads[n++] = ads[i];
    }
    *ret_count = n;
    return ads;
}

/* --- what it adds up to --- */

static const struct bgp_community *community_union(const struct bgp_wishes *w,
                                                   const struct bgp_adv *adv, struct arena *a,
                                                   size_t *ret_count)
{
    const struct bgp_community *x = w->communities, *y = adv->communities;
    const struct bgp_community *x_end = x + w->community_count, *y_end = y + adv->community_count;
    struct bgp_community *merged =
        arena_calloc(a, w->community_count + adv->community_count, sizeof(*merged));
    size_t n = 0;

    while (x < x_end && y < y_end) {
        int c = bgp_community_cmp(*x, *y);

        merged[n++] = c <= 0 ? *x : *y;
        x += c <= 0;
        y += c >= 0;
    }
    while (x < x_end)
        merged[n++] = *x++;
    while (y < y_end)
        merged[n++] = *y++;
    *ret_count = n;
    return merged;
}

static void add_communities(struct bgp_wishes *w, const struct bgp_adv *adv, struct arena *a)
{
    if (adv->community_count == 0)
        return;
    if (w->community_count == 0) {
        w->communities = adv->communities;
        w->community_count = adv->community_count;
        return;
    }
    w->communities = community_union(w, adv, a, &w->community_count);
}

void bgp_wishes_add(struct bgp_wishes *w, const struct bgp_adv *adv, struct arena *a)
{
    if (!w->any) {
        w->any = true;
        w->first_local_pref = adv->local_pref;
        w->first_prepend = adv->as_path_prepend;
        w->med = adv->med;
    }
    w->local_prefs_differ |= adv->local_pref != w->first_local_pref;
    w->prepends_differ |= adv->as_path_prepend != w->first_prepend;
    if (adv->local_pref > w->local_pref)
        w->local_pref = adv->local_pref;
    if (adv->as_path_prepend > 0 && (w->prepend == 0 || adv->as_path_prepend < w->prepend))
        w->prepend = adv->as_path_prepend;
    if (adv->med < w->med)
        w->med = adv->med;
    add_communities(w, adv, a);
}
