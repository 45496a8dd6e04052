/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions on their way into the status of Services. What was decided stands until the server has
 * it: a write that fails is tried again from the object as it is then, after 5 ms and twice as long
 * each time (spec kubernetes-client 1.1 item 9), with what the allocator wants by then.
 *
 * A Service is under way until the store shows our write, so that nobody decides by a status that
 * is already history (spec controller 5, "stale cache hazard").
 */
#pragma once

#include "controller/service_status.h"
#include "model/store.h"

struct service_writer;

struct service_writer_options {
    struct event_base *base; /* borrowed, as all here */
    struct kube_writer *writer;
    const struct store *store;
    /* A decision has arrived, but somebody has changed the Service since: it is to be decided
     * again. */
    void (*overtaken)(void *arg, const struct object *service);
    void *arg;
};

struct service_writer *service_writer_new(const struct service_writer_options *options);
struct service_writer *service_writer_free(struct service_writer *w);
DEFINE_CLEANUP(struct service_writer, service_writer_free);

/*
 * The bytes of an object that is about to be decided: a write of it then needs no reading first.
 * Copied, as long as there is room; what is not wanted in the end goes with service_writer_forget.
 */
void service_writer_offer(struct service_writer *w, const struct object *service, const char *json,
                          size_t len);
void service_writer_forget(struct service_writer *w);

/* True when this starts a write, false when the Service says so or is about to. */
bool service_writer_want(struct service_writer *w, const struct object *service,
                         const struct service_want *want);

/* After the store has changed; `new` NULL, gone. Returns whether it shows a write of ours. */
bool service_writer_on_change(struct service_writer *w, const struct object *old,
                              const struct object *new);

bool service_writer_is_under_way(const struct service_writer *w, const struct object *service);

void service_writer_stop(struct service_writer *w);               /* no more writes begin */
uint64_t service_writer_failures(const struct service_writer *w); /* writes that failed */
