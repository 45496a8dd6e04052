/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/view.h"

#include <inttypes.h>
#include <stdlib.h>

/* Without a snapshot the pool is only known from what the controller wrote down (spec
 * controller 1.4 C13). */
static const char *pool_name(const struct view *v)
{
    if (v->verdict->pool != NULL)
        return v->verdict->pool->name;
    if (v->evaluation->cfg != NULL || v->verdict->addr_count == 0)
        return NULL;
    return annotation_find(&v->service->meta, "ip-allocated-from-pool");
}

struct view view_of(const struct evaluation *e, struct store *store, size_t i, struct arena *a)
{
    struct view v = {
        .evaluation = e,
        .service = e->allocations[i].service,
        .verdict = &e->allocations[i].verdict,
        .decided = &e->services[i],
    };

    v.slices = store_slices(store, v.service->meta.namespace, v.service->meta.name);
    v.pool = pool_name(&v);
    if (e->cfg == NULL || v.verdict->addr_count == 0)
        return v;
    v.bgp = &e->bgp[i];
    if (e->l2[i].adv_count > 0)
        v.l2 = &e->l2[i];
    v.routes = route_table_of(e->routes, i, a, &v.route_count);
    return v;
}

const char *view_node_name(const struct view *v, size_t node)
{
    return v->evaluation->cfg->nodes.items[node];
}

const char *view_owner(const struct view *v)
{
    if (v->l2 == NULL || v->l2->eligible_count == 0)
        return NULL;
    return view_node_name(v, v->l2->candidates[0].node);
}

bool view_is_announced(const struct view *v)
{
    return view_owner(v) != NULL || v->route_count > 0;
}

bool view_pending(const struct view *v, const char **ret_reason, struct text *message)
{
    const struct ipam_event *last;

    if (v->verdict->addr_count > 0)
        return false;
    if (v->verdict->event_count == 0) {
        *ret_reason = "ConfigurationInvalid";
        text_add(message, "the configuration has faults, so nothing is allocated");
        return true;
    }
    last = &v->verdict->events[v->verdict->event_count - 1];
    *ret_reason = ipam_event_reason(last->kind);
    ipam_event_text(message, last);
    return true;
}

static struct string_list all_l2_names(const struct l2_verdict *l2, struct arena *a)
{
    struct string_list names = {0};
    size_t total = 0;

    for (size_t i = 0; i < l2->adv_count; i++)
        total += l2->advs[i]->names.count;
    names.items = arena_calloc(a, total, sizeof(*names.items));
    for (size_t i = 0; i < l2->adv_count; i++) {
        const struct string_list *more = &l2->advs[i]->names;

        for (size_t k = 0; k < more->count; k++) {
            if (!string_list_has(&names, more->items[k]))
                names.items[names.count++] = more->items[k];
        }
    }
    qsort(names.items, names.count, sizeof(*names.items), str_cmp_ptr);
    return names;
}

struct string_list view_l2_names(const struct view *v, struct arena *a)
{
    if (v->l2->eligible_count == 0)
        return all_l2_names(v->l2, a);
    return decide_l2_adv_names(v->l2, v->l2->candidates[0].node, a);
}

struct string_list view_communities(const struct bgp_route *r, struct arena *a)
{
    struct string_list list = {.items = arena_calloc(a, r->community_count, sizeof(*list.items))};

    for (size_t i = 0; i < r->community_count; i++)
        list.items[list.count++] = arena_strdup(a, bgp_community_format(r->communities[i]).s);
    qsort(list.items, list.count, sizeof(*list.items), str_cmp_ptr);
    return list;
}

void view_route_text(struct text *t, const struct bgp_route *r)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct string_list communities = view_communities(r, scratch);

    text_add(t, prefix_format(r->prefix).s);
    if (r->local_pref != 0)
        text_printf(t, " localPref %" PRIu32, r->local_pref);
    if (r->as_path_prepend != 0)
        text_printf(t, " asPathPrepend %u", r->as_path_prepend);
    for (size_t i = 0; i < communities.count; i++)
        text_printf(t, "%s%s", i == 0 ? " communities " : ",", communities.items[i]);
}

bool view_same_attributes(const struct bgp_route *a, const struct bgp_route *b)
{
    if (a->local_pref != b->local_pref || a->as_path_prepend != b->as_path_prepend ||
        a->community_count != b->community_count)
        return false;
    for (size_t i = 0; i < a->community_count; i++) {
        if (bgp_community_cmp(a->communities[i], b->communities[i]) != 0)
            return false;
    }
    return true;
}
