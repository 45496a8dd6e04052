/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes to the API server. Many objects are written at the same time; of one object one write is
 * under way, and the newest that was asked for follows it.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>

#include "kube/kube_client.h"

struct kube_writer;

struct kube_writer *kube_writer_new(struct event_base *base, struct kube_client *client);
/* No callback any more. Not to be called from within one. */
struct kube_writer *kube_writer_free(struct kube_writer *w);
DEFINE_CLEANUP(struct kube_writer, kube_writer_free);

enum kube_edit {
    KUBE_EDIT_WRITE,
    KUBE_EDIT_NOTHING, /* the object is as it should be, or should be left alone */
};

/* Changes the object in place; called for every attempt, with what the server has now. The object
 * keeps all that is not touched here. */
typedef enum kube_edit (*kube_edit_fn)(void *arg, json_t *object);

/* How it ended: `reply->status` 404 when the object is gone; a status of 0 and code 0 when the edit
 * had nothing to write. */
typedef void (*kube_written_fn)(void *arg, const struct kube_reply *reply);

struct kube_edit_request {
    enum object_kind kind;
    const char *namespace, *name;
    const char *subresource; /* "status"; NULL: the object itself */
    const char *known; /* the object's bytes if they are at hand, else NULL: it is read first */
    size_t known_len;
    kube_edit_fn edit;
    kube_written_fn done;
    void *arg;
};

/*
 * Read (unless known), edit, PUT under the resource version that was read; on a conflict again from
 * the read, at most five times with a growing pause (spec kubernetes-client 1.1 item 9). A request
 * for an object whose last one has not begun replaces that one, whose `done` is called with code
 * -ECANCELED. Strings and bytes are copied. Callbacks come from the loop, never from within.
 *
 * A limited number of requests is under way; `edit` runs when its turn comes. Bytes that wait are
 * limited too: above that they are forgotten, and the object is read. What the edit leaves as it
 * was is not sent. managedFields are not sent: the server keeps its own (spec 1.6).
 *
 * 429 and 5xx with Retry-After are waited for (kube_fetch_start). Any other failure is reported,
 * and it is the caller who tries again, with the back-off of a work queue: 5 ms, doubling, up to
 * 1000 s.
 */
void kube_writer_edit(struct kube_writer *w, const struct kube_edit_request *request);

/* Everything else, in order an object: POST, PATCH, DELETE. `key` names the object, so that what
 * concerns one comes in order; that of an edit is kube_path(kind, namespace, name, NULL). `done`
 * may be NULL. */
void kube_writer_send(struct kube_writer *w, const char *key, const struct kube_request *request,
                      kube_written_fn done, void *arg);

/* The same for what can wait: it begins when no other write does. What follows it for the same
 * object waits as long. */
void kube_writer_send_late(struct kube_writer *w, const char *key,
                           const struct kube_request *request, kube_written_fn done, void *arg);

/* No callback with this `arg` any more: edits of it are dropped, the rest is still sent. */
void kube_writer_forget(struct kube_writer *w, const void *arg);

size_t kube_writer_pending(const struct kube_writer *w); /* writes not ended */
uint64_t kube_writer_count(const struct kube_writer *w); /* requests sent that write */

/* application/apply-patch+yaml to /status with force (spec 1.6); `object` is borrowed. */
void kube_writer_apply_status(struct kube_writer *w, enum object_kind kind, const char *namespace,
                              const char *name, const char *field_manager, const json_t *object,
                              kube_written_fn done, void *arg);
