/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines about changes. Nothing is said twice: a line appears when what it says became true. */
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "standalone/pins.h"
#include "standalone/run_int.h"

static void add_key(struct text *t, const struct object *o)
{
    text_printf(t, "%s/%s", o->meta.namespace, o->meta.name);
}

static void add_addresses(struct text *t, const struct ipam_verdict *v)
{
    for (size_t i = 0; i < v->addr_count; i++)
        text_printf(t, "%s%s", i > 0 ? "," : "", ip_format(v->addrs[i]).s);
}

static bool same_addresses(const struct ipam_verdict *a, const struct ipam_verdict *b)
{
    if (a->addr_count != b->addr_count)
        return false;
    for (size_t i = 0; i < a->addr_count; i++) {
        if (!ip_eq(a->addrs[i], b->addrs[i]))
            return false;
    }
    return true;
}

/* All of a fault as one text. No part but the last holds a line break. */
static char *fault_key(struct arena *a, const struct fault *f)
{
    return arena_printf(a, "%s\n%s\n%s\n%s", f->kind, f->namespace, f->name, f->message);
}

static void log_object_line(enum log_level level, const struct fault *f)
{
    CLEANUP(text_done) struct text object = {0};

    if (!str_empty(f->kind))
        text_printf(&object, "%s %s%s%s", f->kind, f->namespace, str_empty(f->namespace) ? "" : "/",
                    f->name);
    LOG_AT(level, level == LOG_ERROR ? "fault" : "warning", F_S("object", text_str(&object)),
           F_S("message", f->message));
}

static void report_warnings(const struct evaluation *old, const struct evaluation *new)
{
    CLEANUP(arena_freep) struct arena *keys = arena_new();
    CLEANUP(map_done) struct map told = {0};

    for (size_t i = 0; old != NULL && i < old->warnings.count; i++) {
        struct fault *f = &old->warnings.items[i];

        (void)map_put_str(&told, fault_key(keys, f), f); /* a twin says the same */
    }
    for (size_t i = 0; i < new->warnings.count; i++) {
        const struct fault *f = &new->warnings.items[i];

        if (map_find_str(&told, fault_key(keys, f)) == NULL)
            log_object_line(LOG_WARN, f);
    }
}

static const struct ipam_verdict *old_verdict(const struct evaluation *old, const struct object *o)
{
    int i = old != NULL ? evaluation_find(old, o->meta.namespace, o->meta.name) : -1;

    return i >= 0 ? &old->allocations[i].verdict : NULL;
}

static void report_pending(const struct ipam_service *s)
{
    CLEANUP(text_done) struct text key = {0}, why = {0};
    const struct ipam_event *last =
        s->verdict.event_count > 0 ? &s->verdict.events[s->verdict.event_count - 1] : NULL;

    add_key(&key, s->service);
    if (last != NULL)
        ipam_event_text(&why, last);
    log_warn("service has no address", F_S("service", text_str(&key)),
             F_S("reason", last != NULL ? ipam_event_reason(last->kind) : "Pending"),
             F_S("message", text_str(&why)));
}

/* Then no edit elsewhere moves it. */
static bool asks_for_its_address(const struct object *service)
{
    return annotation_find(&service->meta, "loadBalancerIPs") != NULL ||
           !str_empty(service->service.load_balancer_ip);
}

static void report_allocation(const struct ipam_service *s, const struct ipam_verdict *before)
{
    CLEANUP(text_done) struct text key = {0}, addresses = {0};

    add_key(&key, s->service);
    add_addresses(&addresses, &s->verdict);
    log_info("service has an address", F_S("service", text_str(&key)),
             F_S("ip", text_str(&addresses)), F_S("pool", s->verdict.pool->name));
    if (before != NULL && before->addr_count > 0)
        log_warn("address of a service changed", F_S("service", text_str(&key)),
                 F_S("ip", text_str(&addresses)));
    if (!pins_hold(s) && !asks_for_its_address(s->service))
        log_warn("address is not pinned: an edit of the folder while no process runs may move it; "
                 "run `steellb pin`, or one node with --pin",
                 F_S("service", text_str(&key)), F_S("ip", text_str(&addresses)));
}

static void report_service(const struct evaluation *old, const struct ipam_service *s)
{
    const struct ipam_verdict *before = old_verdict(old, s->service);
    bool changed =
        before == NULL || before->state != s->verdict.state || !same_addresses(before, &s->verdict);

    if (!changed)
        return;
    if (s->verdict.state == IPAM_ASSIGNED)
        report_allocation(s, before);
    else
        report_pending(s);
}

static void report_ownership(const struct run *run, const struct evaluation *old,
                             const struct evaluation *new)
{
    for (size_t i = 0; i < new->count; i++) {
        CLEANUP(text_done) struct text key = {0}, addresses = {0};
        const struct object *o = new->services[i].service;
        int before = old != NULL ? evaluation_find(old, o->meta.namespace, o->meta.name) : -1;
        bool owned = before >= 0 && run_owns(run, old, (size_t)before);
        bool owns = run_owns(run, new, i);

        if (owns == owned)
            continue;
        add_key(&key, o);
        add_addresses(&addresses, &new->allocations[i].verdict);
        if (owns)
            log_info("service has IP, announcing", F_S("service", text_str(&key)),
                     F_S("ip", text_str(&addresses)), F_S("protocol", "layer2"));
        else
            log_info("withdrawing service announcement", F_S("service", text_str(&key)),
                     F_S("protocol", "layer2"));
    }
}

/* Services that are gone altogether. */
static void report_gone(const struct run *run, const struct evaluation *old,
                        const struct evaluation *new)
{
    for (size_t i = 0; old != NULL && i < old->count; i++) {
        CLEANUP(text_done) struct text key = {0};
        const struct object *o = old->services[i].service;

        if (evaluation_find(new, o->meta.namespace, o->meta.name) >= 0 || !run_owns(run, old, i))
            continue;
        add_key(&key, o);
        log_info("withdrawing service announcement", F_S("service", text_str(&key)),
                 F_S("reason", "serviceDeleted"), F_S("protocol", "layer2"));
    }
}

void report_change(const struct run *run, const struct evaluation *old,
                   const struct evaluation *new)
{
    report_warnings(old, new);
    for (size_t i = 0; i < new->count; i++)
        report_service(old, &new->allocations[i]);
    report_gone(run, old, new);
    report_ownership(run, old, new);
}

void report_refusal(const struct evaluation *e)
{
    for (size_t i = 0; i < e->faults.count; i++)
        log_object_line(LOG_ERROR, &e->faults.items[i]);
}
