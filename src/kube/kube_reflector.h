/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list-and-watch machine of one kind (spec kubernetes-client 1.1), as client-go's Reflector:
 * a watch-list first; a list from the watch cache where the server has no watch-lists; a watch from
 * the last resource version; back-off, 410, 429, bookmarks. Passive: what the server answers and
 * the time go in, actions come out. No socket, no clock, no object is kept.
 *
 * Take actions until there is none after every call. `now` never runs backwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/mono.h"

struct kube_reflector;

struct kube_reflector_options {
    const char *path;           /* of the collection, without a query; copied */
    const char *field_selector; /* "" for none; dropped when the server refuses it (400) */
    const char *label_selector; /* "" for none */
    uint64_t seed;              /* of jitter and of watch lengths */
};

struct kube_reflector *kube_reflector_new(const struct kube_reflector_options *options);
struct kube_reflector *kube_reflector_free(struct kube_reflector *r);
DEFINE_CLEANUP(struct kube_reflector, kube_reflector_free);

enum reflect_action_kind {
    REFLECT_START,    /* send GET `path`; the body is a watch or a list by `is_watch` */
    REFLECT_CANCEL,   /* end the request that is under way; nothing more is told of it */
    REFLECT_PUT,      /* the object that was passed in is new, changed, or part of a list */
    REFLECT_DELETE,   /* the object that was passed in is gone */
    REFLECT_BEGIN,    /* what is put from here on is a whole list: remember which keys come */
    REFLECT_REPLACED, /* the list is complete: drop every object that was not put since BEGIN */
    REFLECT_ABANDON,  /* the list broke off: forget the keys, drop nothing */
    REFLECT_LOG,      /* `text` for the log, at `is_warning` or as news of interest in debugging */
};

struct reflect_action {
    enum reflect_action_kind kind;
    const char *path; /* valid until the next call */
    bool is_watch, is_warning;
    int64_t stall_ns; /* REFLECT_START: cancel when nothing comes for so long */
    const char *text;
};

bool kube_reflector_next(struct kube_reflector *r, struct reflect_action *ret);

enum reflect_event { REFLECT_ADDED, REFLECT_MODIFIED, REFLECT_DELETED, REFLECT_BOOKMARK };

void kube_reflector_start(struct kube_reflector *r, struct mono now);

/* The head of the answer to the request under way. `reason` and `text` are those of the Status
 * object when the status is not 2xx; the caller collects it before it calls, and the request is
 * over: kube_reflector_on_end does not follow. */
void kube_reflector_on_answer(struct kube_reflector *r, struct mono now, unsigned status,
                              const char *reason, const char *text, int64_t retry_after_ns);

/* One event of a watch. */
void kube_reflector_on_event(struct kube_reflector *r, struct mono now, enum reflect_event type,
                             const char *resource_version, bool initial_events_end);
/* An ERROR event: a Status object. */
void kube_reflector_on_error_event(struct kube_reflector *r, struct mono now, unsigned code,
                                   const char *reason, const char *text, int64_t retry_after_ns);
/* One item of a list. */
void kube_reflector_on_item(struct kube_reflector *r, struct mono now);

/* The body has ended. For a list: its resource version and `continue` token, "" when the body broke
 * off. `code`: 0, or negative errno with `text`. */
void kube_reflector_on_end(struct kube_reflector *r, struct mono now, int code, const char *text,
                           const char *resource_version, const char *continue_token);

/* An event that could not be read. */
void kube_reflector_on_garbage(struct kube_reflector *r, struct mono now, const char *text);

void kube_reflector_tick(struct kube_reflector *r, struct mono now);
struct mono kube_reflector_deadline(const struct kube_reflector *r); /* may be "never" */

bool kube_reflector_is_synced(const struct kube_reflector *r); /* REPLACED was reached once */
struct mono kube_reflector_last_event(const struct kube_reflector *r); /* bookmarks count */
