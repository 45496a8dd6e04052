/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Services to announcements (spec speaker-l2 2.5-2.8). A change of a Service or of one of its
 * slices evaluates that Service; a change of the configuration, of a node or of the membership
 * evaluates all. Evaluations wait in a list, each Service at most once, and a bounded number is
 * done at a time, so that answers on the wire never wait for long.
 */
#include "base/log.h"
#include "base/text.h"
#include "speaker/announce_decide.h"
#include "speaker/speaker_int.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 256 };

void services_init(struct speaker *sp)
{
    sp->dirty.tail = &sp->dirty.head;
}

/* --- the feed --- */

void services_on_service(struct speaker *sp, const struct kube_change *c)
{
    const struct meta *m = c->new != NULL ? &c->new->meta : &c->old->meta;
    struct speaker_service *s = service_table_get(&sp->services, m->namespace, m->name);

    free(s->record);
    s->record = c->new != NULL ? service_record_new(c->new) : NULL;
    services_mark(sp, s);
}

static void slices_changed(struct speaker *sp, struct speaker_service *s)
{
    if (s->record != NULL)
        services_mark(sp, s);
    else
        service_table_release(&sp->services, s);
}

/* A slice belongs to the Service that its label names; without one it belongs to nobody. */
static struct speaker_service *service_of_slice(struct speaker *sp, const struct object *slice)
{
    if (slice->slice.service[0] != '\0')
        return service_table_get(&sp->services, slice->meta.namespace, slice->slice.service);
    log_error("endpointSlice missing the kubernetes.io/service-name label",
              F_S("namespace", slice->meta.namespace), F_S("name", slice->meta.name));
    return NULL;
}

void services_on_slice(struct speaker *sp, const struct kube_change *c)
{
    const struct meta *m = c->new != NULL ? &c->new->meta : &c->old->meta;
    struct speaker_service *after = c->new != NULL ? service_of_slice(sp, c->new) : NULL;
    struct slice_record *record = after != NULL ? slice_record_new(c->new) : NULL;
    struct speaker_service *before = service_table_put_slice(&sp->services, m, record, after);

    if (after != NULL)
        slices_changed(sp, after);
    if (before != NULL && before != after)
        slices_changed(sp, before);
}

/* --- what is to be evaluated --- */

void services_mark(struct speaker *sp, struct speaker_service *s)
{
    if (s->is_dirty)
        return;
    s->is_dirty = true;
    s->next_dirty = NULL;
    *sp->dirty.tail = s;
    sp->dirty.tail = &s->next_dirty;
    speaker_schedule(sp, 0);
}

void services_mark_all(struct speaker *sp)
{
    MAP_EACH (&sp->services.by_key, e) {
        struct speaker_service *s = e->value;

        if (s->record != NULL || s->announced)
            services_mark(sp, s);
    }
}

const struct speaker_service *services_without_pool(const struct speaker *sp,
                                                    const struct snapshot *cfg)
{
    MAP_EACH (&sp->services.by_key, e) {
        const struct speaker_service *s = e->value;

        if (s->announced && snapshot_pool_of(cfg, service_ips(s), s->ip_count) == NULL)
            return s;
    }
    return NULL;
}

/* --- announcing --- */

static void print_ips(struct text *t, const struct ip *ips, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_printf(t, "%s%s", i > 0 ? "," : "", ip_format(ips[i]).s);
}

static void service_set_ips(struct speaker_service *s, const struct ip *ips, size_t count)
{
    if (s->ip_count > 1)
        free(s->ips.many);
    s->ip_count = (uint32_t)count;
    if (count == 1)
        s->ips.one = ips[0];
    if (count > 1)
        s->ips.many = memcpy(xcalloc(count, sizeof(*ips)), ips, count * sizeof(*ips));
}

static void service_withdraw(struct speaker *sp, struct speaker_service *s, const char *reason)
{
    CLEANUP(text_done) struct text ips = {0};

    if (!s->announced)
        return;
    print_ips(&ips, service_ips(s), s->ip_count);
    for (size_t i = 0; i < s->ip_count; i++)
        announcer_drop(sp->announcer, s, service_ips(s)[i]);
    service_set_ips(s, NULL, 0);
    s->rule = rule_unref(s->rule);
    s->announced = false;
    log_info("withdrawing service announcement", F_S("event", "serviceWithdrawn"),
             F_S("service", s->key), F_S("protocol", "layer2"), F_S("ip", text_str(&ips)),
             F_S("ips", text_str(&ips)), F_S("reason", reason));
    l2_status_touch(sp, s);
    if (sp->config.is_refused) /* perhaps this one held it up */
        speaker_schedule(sp, TODO_CONFIG);
}

/* Returns whether the interfaces are others than before. */
static bool service_set_rule(struct speaker *sp, struct speaker_service *s,
                             const struct announce_answer *a)
{
    struct rule *rule = rule_ref(&sp->services.rules, a->all_interfaces, &a->interfaces);
    bool changes = rule != s->rule;

    rule_unref(s->rule); /* it lives on if it is the same */
    s->rule = rule;
    return changes;
}

static bool has_an_interface(const struct speaker *sp, const struct announce_answer *a)
{
    for (size_t i = 0; i < a->interfaces.count; i++) {
        if (announcer_has_interface(sp->announcer, a->interfaces.items[i]))
            return true;
    }
    return a->all_interfaces;
}

static void put_addresses(struct speaker *sp, struct speaker_service *s,
                          const struct announce_answer *a)
{
    bool reachable = has_an_interface(sp, a);

    for (size_t i = 0; i < a->ip_count; i++) {
        const struct announcement entry = {
            .ip = a->ips[i],
            .all_interfaces = a->all_interfaces,
            .interfaces = a->interfaces,
        };

        announcer_put(sp->announcer, s, &entry);
        if (!reachable)
            service_event_no_interface(sp, s, a->ips[i]);
    }
}

/* The order of the addresses may have changed, which elects anew but announces nothing else. */
static void service_announce(struct speaker *sp, struct speaker_service *s,
                             const struct announce_answer *a)
{
    CLEANUP(text_done) struct text ips = {0};
    bool starts = !s->announced;

    if (!service_set_rule(sp, s, a)) {
        log_debug("service already announced from this node", F_S("event", "serviceAnnounced"),
                  F_S("service", s->key), F_S("protocol", "layer2"));
        return;
    }
    put_addresses(sp, s, a);
    l2_status_touch(sp, s);
    if (!starts)
        return;
    s->announced = true;
    service_set_ips(s, a->ips, a->ip_count);
    print_ips(&ips, a->ips, a->ip_count);
    log_info("service has IP, announcing", F_S("event", "serviceAnnounced"), F_S("service", s->key),
             F_S("protocol", "layer2"), F_S("ips", text_str(&ips)), F_S("pool", a->pool->name));
    service_event_assigned(sp, s);
}

/* --- evaluating --- */

static void log_refusal(const struct speaker_service *s, const struct announce_answer *a)
{
    CLEANUP(text_done) struct text ips = {0};

    if (a->bad_address != NULL) {
        log_error("invalid LoadBalancer IP", F_S("op", "setBalancer"), F_S("service", s->key),
                  F_S("ip", a->bad_address));
    } else if (a->ip_count > 0 && a->pool == NULL) {
        print_ips(&ips, a->ips, a->ip_count);
        log_error("IP allocated by controller not allowed by config", F_S("op", "setBalancer"),
                  F_S("service", s->key), F_S("ips", text_str(&ips)));
    } else if (a->reason != NULL && s->announced) {
        log_debug("", F_S("event", "skipping should announce l2"), F_S("service", s->key),
                  F_S("protocol", "layer2"), F_S("reason", a->reason));
    }
}

/* The answer borrows from the Service and the arena. */
static void service_ask(const struct speaker *sp, const struct speaker_service *s, struct arena *a,
                        struct announce_answer *ret)
{
    const struct announce_question q = {
        .world = sp->config.cfg != NULL ? &sp->config.world : NULL,
        .node = sp->options->node,
        .lb_class = sp->options->lb_class,
        .service = service_object(s, a),
        .slices = slice_records_read(s->slices, a),
    };

    announce_decide(&q, a, ret);
}

char *service_missing_link(const struct speaker *sp, const struct speaker_service *s)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct announce_answer answer;

    service_ask(sp, s, a, &answer);
    return answer.is_reporter ? xstrdup(answer.missing) : NULL;
}

static void service_evaluate(struct speaker *sp, struct speaker_service *s)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct announce_answer answer;

    service_ask(sp, s, a, &answer);
    switch (answer.action) {
    case ANNOUNCE_LATER:
        return;
    case ANNOUNCE_WITHDRAW:
        log_refusal(s, &answer);
        service_withdraw(sp, s, answer.reason);
        break;
    case ANNOUNCE:
        if (s->announced &&
            !announce_same_ips(service_ips(s), s->ip_count, answer.ips, answer.ip_count))
            service_withdraw(sp, s, "loadBalancerIPChanged");
        service_announce(sp, s, &answer);
        break;
    }
    service_note_missing(sp, s, answer.is_reporter ? answer.missing : NULL);
}

bool services_work(struct speaker *sp)
{
    for (int i = 0; i < BATCH && sp->dirty.head != NULL; i++) {
        struct speaker_service *s = sp->dirty.head;

        sp->dirty.head = s->next_dirty;
        if (sp->dirty.head == NULL)
            sp->dirty.tail = &sp->dirty.head;
        s->is_dirty = false;
        service_evaluate(sp, s);
        service_table_release(&sp->services, s);
    }
    announcer_flush(sp->announcer);
    return sp->dirty.head != NULL;
}
