/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan.h"

#include "cli/report.h"
#include "cli/view.h"
#include "speaker/json_text.h"

static const char *change_name(const struct route_change *c)
{
    if (c->from == NULL)
        return "added";
    return c->to == NULL ? "removed" : "changed";
}

/* The faults of both sets; those of the old one say so, since the file in front of the reader may
 * be right. */
static void collect_faults(const struct diff *d, struct fault_list *ret)
{
    const struct fault_list *old = &d->old->evaluation->faults, *new = &d->new->evaluation->faults;

    for (size_t i = 0; i < old->count; i++) {
        const struct fault *f = &old->items[i];

        fault_add_named(ret, f->kind, f->namespace, f->name, "in the set to compare against: %s",
                        f->message);
    }
    for (size_t i = 0; i < new->count; i++) {
        const struct fault *f = &new->items[i];

        fault_add_named(ret, f->kind, f->namespace, f->name, "%s", f->message);
    }
}

/* --- JSON --- */

static json_t *name_or_null(const char *name)
{
    return name != NULL ? json_text(name) : json_null();
}

static json_t *addresses_json(const struct diff *d)
{
    json_t *array = json_array();

    for (size_t i = 0; i < d->address_count; i++) {
        const struct address_change *c = &d->addresses[i];
        json_t *o = json_object();

        report_json_put(o, "namespace", c->namespace);
        report_json_put(o, "name", c->name);
        json_object_set_new_nocheck(o, "from", report_json_ips(c->from, c->from_count));
        json_object_set_new_nocheck(o, "to", report_json_ips(c->to, c->to_count));
        json_array_append_new(array, o);
    }
    return array;
}

static json_t *owners_json(const struct diff *d)
{
    json_t *array = json_array();

    for (size_t i = 0; i < d->owner_count; i++) {
        const struct owner_change *c = &d->owners[i];
        json_t *o = json_object();

        report_json_put(o, "namespace", c->namespace);
        report_json_put(o, "name", c->name);
        report_json_put(o, "address", ip_format(c->address).s);
        json_object_set_new_nocheck(o, "from", name_or_null(c->from));
        json_object_set_new_nocheck(o, "to", name_or_null(c->to));
        json_array_append_new(array, o);
    }
    return array;
}

static json_t *attributes_or_null(const struct bgp_route *r, struct arena *a)
{
    json_t *o;

    if (r == NULL)
        return json_null();
    o = json_object();
    plan_route_attributes_json(o, r, a);
    return o;
}

static json_t *route_change_json(const struct route_change *c, struct arena *a)
{
    const struct bgp_route *r = c->to != NULL ? c->to : c->from;
    json_t *o = json_object();

    report_json_put(o, "change", change_name(c));
    report_json_put(o, "node", c->node);
    report_json_put(o, "peer", r->peer->name);
    report_json_put(o, "prefix", prefix_format(r->prefix).s);
    json_object_set_new_nocheck(o, "from", attributes_or_null(c->from, a));
    json_object_set_new_nocheck(o, "to", attributes_or_null(c->to, a));
    return o;
}

void diff_print_json(FILE *out, const struct diff *d)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};

    collect_faults(d, &faults);
    fputs("{\"kind\": \"PlanDiff\", \"version\": 1,\n\"faults\": ", out);
    report_json_dump_take(out, report_json_faults(&faults));
    fputs(",\n\"warnings\": ", out);
    report_json_dump_take(out, report_json_faults(&d->new->evaluation->warnings));
    fputs(",\n\"addresses\": ", out);
    report_json_dump_take(out, addresses_json(d));
    fputs(",\n\"owners\": ", out);
    report_json_dump_take(out, owners_json(d));
    fputs(",\n\"routes\": [", out);
    for (size_t i = 0; i < d->route_count; i++) {
        fputs(i > 0 ? ",\n" : "\n", out);
        report_json_dump_take(out, route_change_json(&d->routes[i], d->arena));
    }
    fputs("]}\n", out);
}

/* --- text --- */

static void address_line(struct text *t, const struct address_change *c)
{
    if (c->from_count == 0) {
        text_add(t, "gets ");
        report_ips(t, c->to, c->to_count);
        return;
    }
    report_ips(t, c->from, c->from_count);
    text_add(t, " -> ");
    if (c->to_count == 0)
        text_add(t, "no address");
    report_ips(t, c->to, c->to_count);
}

static void print_addresses(const struct term *t, const struct diff *d)
{
    if (d->address_count > 0)
        term_print(t, TERM_BOLD, "addresses\n");
    for (size_t i = 0; i < d->address_count; i++) {
        const struct address_change *c = &d->addresses[i];
        CLEANUP(text_done) struct text line = {0};

        address_line(&line, c);
        term_print(t, c->from_count > 0 ? TERM_NOTICE : TERM_GOOD, "  %s/%s  %s\n", c->namespace,
                   c->name, text_str(&line));
    }
}

static void print_owners(const struct term *t, const struct diff *d)
{
    if (d->owner_count > 0)
        term_print(t, TERM_BOLD, "layer 2\n");
    for (size_t i = 0; i < d->owner_count; i++) {
        const struct owner_change *c = &d->owners[i];

        term_print(t, TERM_PLAIN, "  %s/%s  %s: %s -> %s\n", c->namespace, c->name,
                   ip_format(c->address).s, c->from != NULL ? c->from : "nobody",
                   c->to != NULL ? c->to : "nobody");
    }
}

static void print_routes(const struct term *t, const struct diff *d)
{
    if (d->route_count > 0)
        term_print(t, TERM_BOLD, "routes\n");
    for (size_t i = 0; i < d->route_count; i++) {
        const struct route_change *c = &d->routes[i];
        const struct bgp_route *shown = c->from != NULL ? c->from : c->to;
        CLEANUP(text_done) struct text line = {0};

        view_route_text(&line, shown);
        if (c->from != NULL && c->to != NULL) {
            text_add(&line, " -> ");
            view_route_text(&line, c->to);
        }
        term_print(t, TERM_PLAIN, "  %s  %s to %s: %s\n", change_name(c), c->node,
                   shown->peer->name, text_str(&line));
    }
}

void diff_print_text(const struct term *t, const struct diff *d)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};

    collect_faults(d, &faults);
    report_faults(t, &faults);
    report_warnings(t, &d->new->evaluation->warnings);
    if (!d->comparable) {
        term_print(t, TERM_PLAIN,
                   "A configuration with faults replaces nothing, so nothing is compared.\n");
        return;
    }
    print_addresses(t, d);
    print_owners(t, d);
    print_routes(t, d);
    if (d->address_count + d->owner_count + d->route_count == 0)
        term_print(t, TERM_PLAIN, "nothing changes\n");
    if (d->disturbs)
        term_print(t, TERM_BAD, "An address that is in use would move or vanish.\n");
}
