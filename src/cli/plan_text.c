/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan.h"

#include "cli/releases.h"
#include "cli/report.h"
#include "cli/view.h"

#include <inttypes.h>
#include <string.h>

enum { LABEL_WIDTH = 9 };

static void print_row(const struct term *t, enum term_style style, const char *label,
                      const char *content)
{
    term_print(t, TERM_DIM, "  %-*s", LABEL_WIDTH, label);
    term_print(t, style, " %s\n", content);
}

static void print_pools(const struct term *t, const struct evaluation *e)
{
    int width = 0;

    if (e->cfg == NULL || e->cfg->pool_count == 0)
        return;
    for (size_t i = 0; i < e->cfg->pool_count; i++) {
        int len = (int)strlen(e->cfg->pools[i].name);

        width = len > width ? len : width;
    }
    term_print(t, TERM_BOLD, "pools\n");
    for (size_t i = 0; i < e->cfg->pool_count; i++) {
        const struct pool *p = &e->cfg->pools[i];
        struct ipam_counters c = ipam_pool_counters(e->ipam, p);

        term_print(t, TERM_PLAIN,
                   "  %-*s  IPv4 %" PRId64 " assigned, %" PRId64 " free;  IPv6 %" PRId64
                   " assigned, %" PRId64 " free\n",
                   width, p->name, c.assigned_v4, c.available_v4, c.assigned_v6, c.available_v6);
    }
    term_print(t, TERM_PLAIN, "\n");
}

static void print_address(const struct term *t, const struct view *v, struct ip address,
                          struct arena *a)
{
    CLEANUP(text_done) struct text line = {0};
    const char *owner = view_owner(v);
    struct string_list interfaces;
    bool all;

    text_add(&line, ip_format(address).s);
    if (owner == NULL) {
        text_add(&line, ": no node may announce it");
        print_row(t, TERM_NOTICE, "layer 2", text_str(&line));
        return;
    }
    interfaces = decide_l2_interfaces(v->l2, v->l2->candidates[0].node, a, &all);
    text_printf(&line, ": %s on ", owner);
    if (all)
        text_add(&line, "all interfaces");
    else
        report_names(&line, interfaces.items, interfaces.count);
    text_add(&line, ", ");
    report_count(&line, v->l2->eligible_count - 1, "standby", "standbys");
    print_row(t, TERM_PLAIN, "layer 2", text_str(&line));
}

static bool same_announcement(const struct bgp_route *a, const struct bgp_route *b)
{
    return a->peer == b->peer && prefix_eq(a->prefix, b->prefix) && view_same_attributes(a, b);
}

/* One line for a route that several nodes send alike. */
static void print_route_group(const struct term *t, const struct view *v, size_t first,
                              struct arena *a)
{
    CLEANUP(text_done) struct text line = {0};
    struct string_list nodes = {.items = arena_calloc(a, v->route_count, sizeof(*nodes.items))};

    for (size_t i = first; i < v->route_count; i++) {
        if (same_announcement(&v->routes[first], &v->routes[i]))
            nodes.items[nodes.count++] = view_node_name(v, v->routes[i].node);
    }
    text_printf(&line, "to %s: ", v->routes[first].peer->name);
    view_route_text(&line, &v->routes[first]);
    text_add(&line, " from ");
    report_names(&line, nodes.items, nodes.count);
    print_row(t, TERM_PLAIN, "bgp", text_str(&line));
}

static void print_routes(const struct term *t, const struct view *v, struct arena *a)
{
    for (size_t i = 0; i < v->route_count; i++) {
        bool seen = false;

        for (size_t k = 0; k < i && !seen; k++)
            seen = same_announcement(&v->routes[k], &v->routes[i]);
        if (!seen)
            print_route_group(t, v, i, a);
    }
}

/* Requests that were refused while the Service kept or got an address. */
static void print_notes(const struct term *t, const struct view *v)
{
    for (size_t i = 0; i < v->verdict->event_count; i++) {
        const struct ipam_event *e = &v->verdict->events[i];
        CLEANUP(text_done) struct text line = {0}, one_line = {0};

        if (e->why.code == IPAM_OK)
            continue;
        text_printf(&line, "%s: ", ipam_event_reason(e->kind));
        ipam_event_text(&line, e);
        report_one_line(&one_line, text_str(&line));
        print_row(t, TERM_NOTICE, "note", text_str(&one_line));
    }
}

static void print_state(const struct term *t, const struct view *v)
{
    CLEANUP(text_done) struct text line = {0}, message = {0};
    const char *reason;

    term_print(t, TERM_BOLD, "%s/%s", v->service->meta.namespace, v->service->meta.name);
    if (view_pending(v, &reason, &message)) {
        term_print(t, TERM_BAD, "  pending\n");
        text_printf(&line, "%s: ", reason);
        report_one_line(&line, text_str(&message));
        print_row(t, TERM_PLAIN, "why", text_str(&line));
        return;
    }
    report_ips(&line, v->verdict->addrs, v->verdict->addr_count);
    term_print(t, TERM_GOOD, "  %s", text_str(&line));
    if (v->pool != NULL)
        term_print(t, TERM_PLAIN, "  pool %s", v->pool);
    term_print(t, TERM_PLAIN, "\n");
    print_notes(t, v);
}

static void print_service(const struct term *t, const struct input *in, size_t i)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct view v = view_of(in->evaluation, in->manifest.store, i, scratch);
    CLEANUP(text_done) struct text releases = {0};

    print_state(t, &v);
    for (size_t k = 0; v.l2 != NULL && k < v.decided->addr_count; k++)
        print_address(t, &v, v.decided->addrs[k], scratch);
    print_routes(t, &v, scratch);
    if (v.bgp != NULL && v.l2 == NULL && v.route_count == 0)
        print_row(t, TERM_BAD, "announced", "by nobody");
    releases_text(&releases, &v.service->service, v.slices, view_is_announced(&v));
    if (releases.len > 0)
        print_row(t, TERM_NOTICE, "releases", text_str(&releases));
}

void plan_print_text(const struct term *t, const struct input *in)
{
    const struct evaluation *e = in->evaluation;

    report_faults(t, &e->faults);
    if (e->faults.count > 0)
        term_print(
            t, TERM_PLAIN,
            "A configuration with faults replaces nothing: addresses that are assigned stay as they are.\n");
    report_warnings(t, &e->warnings);
    if (e->faults.count + e->warnings.count > 0)
        term_print(t, TERM_PLAIN, "\n");
    print_pools(t, e);
    if (e->count == 0)
        term_print(t, TERM_PLAIN, "no Service of type LoadBalancer\n");
    for (size_t i = 0; i < e->count; i++)
        print_service(t, in, i);
}
