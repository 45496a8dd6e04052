/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster without sockets around a reconciler: what the server has, what it has not told yet, and
 * what was asked of it and not answered yet. It stands in for kube/ and role/ at link time.
 */
#pragma once

#include "base/text.h"
#include "controller/controller_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct world;

struct kube_writer {
    struct world *world;
};

struct kube_events {
    struct world *world;
};

/* A write that was asked for. */
struct world_write {
    struct kube_edit_request request; /* strings are owned */
    json_t *read;                     /* the known bytes; NULL: it reads first */
};

/* An answer of the server that has not come yet. */
struct world_reply {
    kube_written_fn done;
    void *arg;
    unsigned status;
    char *bytes;
};

struct world_event {
    enum object_kind kind;
    char *namespace, *name;
    char *json; /* NULL: deleted */
};

struct world {
    struct kube_writer writer;
    struct kube_events events;
    struct cluster cluster;
    struct controller_options options;
    struct reconciler reconciler;
    struct kube_feed_options feed;
    json_t *documents; /* by "Kind/namespace/name" */
    int64_t version;
    struct world_event *news; /* not delivered yet */
    size_t news_count, news_cap;
    struct world_write *writes; /* not answered yet */
    size_t write_count, write_cap;
    struct world_reply *replies; /* what was answered while `holds_replies` */
    size_t reply_count, reply_cap;
    bool holds_replies;
    size_t service_puts, pool_puts, reads;
    struct text told; /* Events: "name Reason: message\n" */
    char *fault;      /* reported to the ConfigurationState; NULL: valid */
    size_t reports;
};

void world_init(struct world *w, const char *lb_class);
void world_done(struct world *w);
/* The same cluster under a new process; nothing is delivered yet. */
void world_restart(struct world *w, const struct world *from);

/* A person writes one document; the status of an existing one stays unless it is given. */
void world_put(struct world *w, const char *json);
void world_delete(struct world *w, enum object_kind kind, const char *namespace, const char *name);

/* Shorthands in namespace default and metallb-system. `more` is a JSON object over the spec. */
void world_pool(struct world *w, const char *name, const char *addresses);
void world_service(struct world *w, const char *name, const char *more);
void world_service_meta(struct world *w, const char *name, const char *meta, const char *more);

bool world_deliver(struct world *w);   /* the oldest news; false when there is none */
void world_lose_last(struct world *w); /* the newest news never come, as over a new list */
void world_synced(struct world *w);
void world_loop(struct world *w); /* what the event loop has to do now */

/* Answers a write: as the server would, or with an error. */
void world_answer(struct world *w, size_t i, bool fails);

bool world_reply(struct world *w); /* the oldest that is held; false when there is none */

/* All news, all writes, until nothing is left; of pools, what is due later stays so. */
void world_settle(struct world *w);
void world_settle_pools(struct world *w); /* that too: takes a second at most */

/* On the server: "1.2.3.0 1000::" of status, "" without. The caller frees it. */
char *world_ips(const struct world *w, const char *name);
const char *world_annotation(const struct world *w, const char *name, const char *key);
json_t *world_document(const struct world *w, enum object_kind kind, const char *name);
