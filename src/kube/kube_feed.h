/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a store in step with the API server: one reflector a kind, objects decoded one at a time.
 *
 * An object that cannot be decoded is logged with its name and the field, and what the store had of
 * it stays. Faults of a decoded object (values outside the schema) are the server's business and
 * are ignored.
 */
#pragma once

#include <event2/event.h>

#include "base/mono.h"
#include "kube/kube_client.h"
#include "model/store.h"

/* Which objects to keep. Two selections of one kind must be of different namespaces, neither of
 * them all. */
struct kube_selection {
    enum object_kind kind;
    const char *namespace; /* "" for all; borrowed, as all strings here, until kube_feed_free */
    const char *field_selector; /* "" or NULL: none */
    const char *label_selector;
    bool only_metadata; /* ask for PartialObjectMetadata */
    bool is_unstored;   /* the caller keeps what it wants of the objects; the store has none */
};

typedef void (*kube_name_fn)(void *arg, const char *namespace, const char *name);

struct kube_change {
    enum object_kind kind;
    const struct object *old, *new; /* `old` NULL: created; `new` NULL: gone */
    const char *json; /* the bytes of `new`, whole, as the server sent them; NULL when gone */
    size_t json_len;
};

struct kube_feed_options {
    struct event_base *base;
    struct kube_client *client;
    struct store *store;
    const struct kube_selection *selections;
    size_t selection_count;
    /*
     * After the store has changed; `old` and the bytes live for the time of the call. An object
     * that comes again with the resource version that the store has is no change. The handler must
     * not change the store nor free the feed.
     */
    void (*changed)(void *arg, const struct kube_change *change);
    void (*synced)(void *arg); /* once: every selection is complete */
    /*
     * Of an unstored kind, `new` lives for the time of the call only; `old` is NULL while there is
     * a `new`, whether it was known or not, and nothing but a name when it is gone, if it ever was
     * there. Before a whole list comes, the caller is asked to call `fn` with the name of each
     * object of which it keeps anything. May be NULL without selections of that sort.
     */
    void (*each_kept)(void *arg, enum object_kind kind, kube_name_fn fn, void *fn_arg);
    void *arg;
};

struct kube_feed;

struct kube_feed *kube_feed_new(const struct kube_feed_options *options);
struct kube_feed *kube_feed_free(struct kube_feed *f);
DEFINE_CLEANUP(struct kube_feed, kube_feed_free);

bool kube_feed_is_synced(const struct kube_feed *f);

struct kube_feed_stats {
    enum object_kind kind;
    bool synced;
    int64_t last_event_age_ns; /* -1 before the first */
    uint64_t lists, watches, events, undecodable;
};
size_t kube_feed_count(const struct kube_feed *f); /* selections */
struct kube_feed_stats kube_feed_stats(const struct kube_feed *f, size_t i, struct mono now);
