/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/v1 Events about objects, with the correlation of client-go's recorder (spec
 * kubernetes-client 1.6): the same event again is a count; more than ten that differ only in their
 * message within ten minutes become one "(combined from similar events): "; each object may cause
 * 25 at once and one more every five minutes.
 */
#pragma once

#include <event2/event.h>

#include "kube/kube_writer.h"
#include "model/object.h"

struct kube_events;

struct kube_events *kube_events_new(struct event_base *base, struct kube_writer *writer,
                                    const char *component /* "metallb-speaker"; copied */,
                                    const char *host /* of source.host, "" for none; copied */);
struct kube_events *kube_events_free(struct kube_events *e);
DEFINE_CLEANUP(struct kube_events, kube_events_free);

enum kube_event_type { KUBE_EVENT_NORMAL, KUBE_EVENT_WARNING };

PRINTF_LIKE(5, 6)
void kube_event(struct kube_events *e, const struct object *about, enum kube_event_type type,
                const char *reason, const char *fmt, ...);

struct kube_events_stats {
    uint64_t sent, folded, dropped;
};
struct kube_events_stats kube_events_stats(const struct kube_events *e);
