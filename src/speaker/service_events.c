/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on Services: who announces (spec speaker-l2 8.2, changes-0.16.2 4), and what keeps an
 * assigned Service from being announced by anybody.
 *
 * The latter is told by one speaker, the live one of the lowest rank for the address, once for each
 * change of its text, and after it has lasted for a moment: between the assignment and the first
 * ready endpoint nothing is wrong.
 */
#include "base/delay.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "speaker/speaker_int.h"

#include <stdlib.h>

#define REPORT_AFTER_NS (5 * NS_PER_SEC)

/* What will be told about a Service, unless it is mended until then. */
struct report {
    struct report *next;
    struct speaker_service *service;
    struct mono at;
};

void service_event_assigned(struct speaker *sp, const struct speaker_service *s,
                            enum announce_protocol protocol)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();

    kube_event(sp->cluster.events, service_object(s, a), KUBE_EVENT_NORMAL, "nodeAssigned",
               "announcing from node \"%s\" with protocol \"%s\"", sp->options->node,
               announce_protocol_name(protocol));
}

void service_event_no_interface(struct speaker *sp, const struct speaker_service *s, struct ip ip)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct ip_text text = ip_format(ip);

    log_warn("the specified interfaces used to announce LB IP don't exist",
             F_S("op", "SetBalancer"), F_S("protocol", "layer2"), F_S("service", s->key),
             F_S("IP", text.s));
    kube_event(
        sp->cluster.events, service_object(s, a), KUBE_EVENT_WARNING, "announceFailed",
        "the interfaces specified by LB IP \"%s\" doesn't exist in assigned node \"%s\" with "
        "protocol \"layer2\"",
        text.s, sp->options->node);
}

/* --- the missing link --- */

static void report_arm(struct speaker *sp, struct mono now)
{
    const struct report *first = sp->unreported;
    struct timeval delay;

    if (first == NULL)
        return;
    delay = delay_from_ns(mono_sub(first->at, now));
    (void)event_add(&sp->report_timer, &delay); /* fails only without memory */
}

static void report_add(struct speaker *sp, struct speaker_service *s)
{
    struct report *r = xcalloc(1, sizeof(*r));
    bool was_empty = sp->unreported == NULL;
    struct mono now = mono_now();

    r->service = s;
    r->at = mono_add(now, REPORT_AFTER_NS);
    s->is_unreported = true;
    *sp->unreported_tail = r;
    sp->unreported_tail = &r->next;
    if (was_empty)
        report_arm(sp, now);
}

static struct speaker_service *report_take(struct speaker *sp)
{
    struct report *r = sp->unreported;
    struct speaker_service *s = r->service;

    sp->unreported = r->next;
    if (sp->unreported == NULL)
        sp->unreported_tail = &sp->unreported;
    free(r);
    s->is_unreported = false;
    return s;
}

void service_note_missing(struct speaker *sp, struct speaker_service *s, const char *missing)
{
    uint64_t hash = missing != NULL ? hash_text(HASH_START, missing) : 0;

    if (sp->config.is_partial) /* what other nodes announce by BGP is not known */
        hash = 0;
    if (hash == s->missing_hash)
        return;
    s->missing_hash = hash;
    if (hash == 0)
        return;
    if (!s->is_unreported)
        report_add(sp, s);
}

static void report(struct speaker *sp, struct speaker_service *s)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(xfreep) char *missing = NULL;

    if (s->missing_hash == 0 || s->record == NULL)
        return; /* it has been mended */
    missing = service_missing_link(sp, s);
    if (missing == NULL)
        return;
    s->missing_hash = hash_text(HASH_START, missing); /* an evaluation may be still to come */
    log_warn("no node announces the service", F_S("event", "notAnnounced"), F_S("service", s->key),
             F_S("reason", missing));
    kube_event(sp->cluster.events, service_object(s, a), KUBE_EVENT_WARNING, "notAnnounced",
               "no node announces the addresses: %s", missing);
}

static void on_report_timer(evutil_socket_t fd, short what, void *arg)
{
    struct speaker *sp = arg;
    struct mono now = mono_now();

    (void)fd;
    (void)what;
    while (sp->unreported != NULL && !mono_before(now, sp->unreported->at)) {
        struct speaker_service *s = report_take(sp);

        report(sp, s);
        service_table_release(&sp->services, s);
    }
    report_arm(sp, now);
}

void service_events_init(struct speaker *sp)
{
    sp->unreported_tail = &sp->unreported;
    (void)event_assign(&sp->report_timer, sp->base, -1, 0, on_report_timer, sp);
}

void service_events_done(struct speaker *sp)
{
    if (event_initialized(&sp->report_timer))
        event_del(&sp->report_timer);
    while (sp->unreported != NULL)
        (void)report_take(sp); /* the table owns it */
}
