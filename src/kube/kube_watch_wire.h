/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API server sends, made of what kube_scan finds: the events of a watch, the objects of a
 * list, Status objects (spec kubernetes-client 1.1). Pure.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/macro.h"
#include "model/decode.h"

/* An object as JSON, with what is needed to tell it from others. */
struct kube_item {
    json_t *doc;       /* owned */
    const char *bytes; /* of the object alone, as they came; borrowed from what was read */
    size_t len;
    const char *namespace, *name, *resource_version; /* of `doc`, "" when absent */
};

NODISCARD int kube_item_read(struct kube_item *ret, const char *bytes, size_t len,
                             struct err *err); /* -EBADMSG */
void kube_item_done(struct kube_item *o);

enum kube_watch_type {
    KUBE_WATCH_ADDED,
    KUBE_WATCH_MODIFIED,
    KUBE_WATCH_DELETED,
    KUBE_WATCH_BOOKMARK,
    KUBE_WATCH_ERROR, /* the object is a Status */
    KUBE_WATCH_UNKNOWN,
};

struct kube_watch_event {
    enum kube_watch_type type;
    struct kube_item object;
    bool ends_initial_events; /* a bookmark with k8s.io/initial-events-end */
};

NODISCARD int kube_watch_event_read(struct kube_watch_event *ret, const char *line, size_t len,
                                    struct err *err); /* -EBADMSG */
void kube_watch_event_done(struct kube_watch_event *e);

/* Of a list without its items: "" when absent. */
struct kube_list_meta {
    json_t *doc; /* owned */
    const char *resource_version, *continue_token;
};

NODISCARD int kube_list_meta_read(struct kube_list_meta *ret, const char *bytes, size_t len,
                                  struct err *err); /* -EBADMSG */
void kube_list_meta_done(struct kube_list_meta *m);

/*
 * The typed object, packed. Items of lists of Kubernetes' own kinds have no apiVersion and kind,
 * those of PartialObjectMetadata have that one's: `kind` is what was asked for. Faults that do not
 * hinder are ignored, since the server has checked the object. -EINVAL with the field.
 *
 * Annotations that are not of metallb.io, metallb.universe.tf or steellb.io are left out (the last
 * applied configuration would double an object), and so is the uid of an EndpointSlice.
 */
NODISCARD int kube_item_decode(struct object **ret, struct kube_item *o, enum object_kind kind,
                               struct err *err);
