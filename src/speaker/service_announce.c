/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Services to announcements (spec speaker-l2 2.5-2.8, speaker-bgp 1.1). A change of a Service
 * or of one of its slices evaluates that Service; a change of the configuration, of a node or of
 * the membership evaluates all. Evaluations wait in a list, each Service at most once, and a
 * bounded number is done at a time, so that answers on the wire never wait for long.
 */
#include "base/log.h"
#include "base/text.h"
#include "speaker/announce_decide.h"
#include "speaker/speaker_int.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 16 }; /* between looks at the clock */
#define TURN_NS (3 * NS_PER_MS)

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

        if (s->record != NULL || s->announced != 0)
            services_mark(sp, s);
    }
}

const struct speaker_service *services_without_pool(const struct speaker *sp,
                                                    const struct snapshot *cfg)
{
    MAP_EACH (&sp->services.by_key, e) {
        const struct speaker_service *s = e->value;

        if (s->announced != 0 && snapshot_pool_of(cfg, service_ips(s), s->ip_count) == NULL)
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

/* --- BGP --- */

static void log_conflict(struct speaker_service *s, const struct announce_answer *a)
{
    bool conflicts = a->bgp.reason == BGP_CONFLICTING_ADVERTISEMENTS;
    bool told = s->conflict_logged;

    s->conflict_logged = conflicts;
    if (!conflicts || told)
        return;
    log_error(
        "advertisements have conflicting values", F_S("event", "conflictingAdvertisements"),
        F_S("service", s->key), F_S("advertisement", a->bgp.conflict_a->name),
        F_S("other", a->bgp.conflict_b->name),
        F_S("field", a->bgp.conflict == ADV_CONFLICT_LOCAL_PREF ? "localPref" : "asPathPrepend"));
}

/* The router compares with what it has. */
static void put_routes(struct speaker *sp, struct speaker_service *s,
                       const struct announce_answer *a)
{
    router_put(sp->router, s, a->ads, a->ad_count, a->draining);
}

static void drop_routes(struct speaker *sp, struct speaker_service *s)
{
    router_drop(sp->router, s);
}

/* --- Layer 2 --- */

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

    if (!service_set_rule(sp, s, a))
        return;
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
    status_touch(sp, ANNOUNCE_LAYER2, s);
}

static void drop_addresses(struct speaker *sp, struct speaker_service *s)
{
    for (size_t i = 0; i < s->ip_count; i++)
        announcer_drop(sp->announcer, s, service_ips(s)[i]);
    s->rule = rule_unref(s->rule);
}

/* --- each protocol --- */

static const struct {
    void (*put)(struct speaker *sp, struct speaker_service *s, const struct announce_answer *a);
    void (*drop)(struct speaker *sp, struct speaker_service *s);
} protocols[ANNOUNCE_PROTOCOLS] = {
    [ANNOUNCE_BGP] = {put_routes, drop_routes},
    [ANNOUNCE_LAYER2] = {put_addresses, drop_addresses},
};

static void service_withdraw(struct speaker *sp, struct speaker_service *s,
                             enum announce_protocol protocol, const char *reason)
{
    CLEANUP(text_done) struct text ips = {0};

    if (!service_is_announced(s, protocol))
        return;
    print_ips(&ips, service_ips(s), s->ip_count);
    protocols[protocol].drop(sp, s);
    s->announced &= (uint8_t) ~(1u << protocol);
    if (s->announced == 0)
        service_set_ips(s, NULL, 0);
    log_info("withdrawing service announcement", F_S("event", "serviceWithdrawn"),
             F_S("service", s->key), F_S("protocol", announce_protocol_name(protocol)),
             F_S("ip", text_str(&ips)), F_S("ips", text_str(&ips)), F_S("reason", reason));
    status_touch(sp, protocol, s);
    if (sp->config.is_refused) /* perhaps this one held it up */
        speaker_schedule(sp, TODO_CONFIG);
}

static void withdraw_all(struct speaker *sp, struct speaker_service *s, const char *reason)
{
    for (int i = 0; i < ANNOUNCE_PROTOCOLS; i++)
        service_withdraw(sp, s, (enum announce_protocol)i, reason);
}

/* The order of the addresses may have changed, which elects anew but announces nothing else. */
static void service_announce(struct speaker *sp, struct speaker_service *s,
                             enum announce_protocol protocol, const struct announce_answer *a)
{
    CLEANUP(text_done) struct text ips = {0};
    bool starts = !service_is_announced(s, protocol);

    if (s->announced == 0)
        service_set_ips(s, a->ips, a->ip_count);
    s->announced |= (uint8_t)(1u << protocol);
    protocols[protocol].put(sp, s, a);
    if (!starts) {
        log_debug("service already announced from this node", F_S("event", "serviceAnnounced"),
                  F_S("service", s->key), F_S("protocol", announce_protocol_name(protocol)));
        return;
    }
    print_ips(&ips, a->ips, a->ip_count);
    log_info("service has IP, announcing", F_S("event", "serviceAnnounced"), F_S("service", s->key),
             F_S("protocol", announce_protocol_name(protocol)), F_S("ips", text_str(&ips)),
             F_S("pool", a->pool->name));
    service_event_assigned(sp, s, protocol);
    status_touch(sp, protocol, s);
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
    }
}

static void log_skip(const struct speaker_service *s, enum announce_protocol protocol,
                     const char *reason)
{
    if (service_is_announced(s, protocol))
        log_debug("",
                  F_S("event", protocol == ANNOUNCE_BGP ? "skipping should announce bgp"
                                                        : "skipping should announce l2"),
                  F_S("service", s->key), F_S("protocol", announce_protocol_name(protocol)),
                  F_S("reason", reason));
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
        .has_yielded = sp->drain.has_yielded,
        .others_unknown = sp->config.is_partial,
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

static void service_follow(struct speaker *sp, struct speaker_service *s,
                           const struct announce_answer *a)
{
    if (s->announced != 0 && !announce_same_ips(service_ips(s), s->ip_count, a->ips, a->ip_count))
        withdraw_all(sp, s, "loadBalancerIPChanged");
    log_conflict(s, a);
    for (int i = 0; i < ANNOUNCE_PROTOCOLS; i++) {
        enum announce_protocol protocol = (enum announce_protocol)i;

        if (a->refusals[i] == NULL) {
            service_announce(sp, s, protocol, a);
            continue;
        }
        log_skip(s, protocol, a->refusals[i]);
        service_withdraw(sp, s, protocol, a->refusals[i]);
    }
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
        withdraw_all(sp, s, answer.reason);
        break;
    case ANNOUNCE:
        service_follow(sp, s, &answer);
        break;
    }
    service_note_missing(sp, s, answer.is_reporter ? answer.missing : NULL);
}

static void evaluate_batch(struct speaker *sp)
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
}

/* What a Service costs depends on the nodes, each of which is hashed to elect one. */
bool services_work(struct speaker *sp)
{
    struct mono begin = mono_now();

    do
        evaluate_batch(sp);
    while (sp->dirty.head != NULL && mono_sub(mono_now(), begin) < TURN_NS);
    announcer_flush(sp->announcer);
    return sp->dirty.head != NULL;
}
