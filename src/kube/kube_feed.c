/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the client, which has bytes, and a reflector, which knows what they are part of. A stream
 * is the one request that a reflector has under way; its scan, like the bytes, ends with it.
 */
#include "kube/kube_feed.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "kube/kube_path.h"
#include "kube/kube_reflector.h"
#include "kube/kube_scan.h"
#include "kube/kube_status.h"
#include "kube/kube_watch_wire.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPT_METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define ACCEPT_METADATA_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

enum { STATUS_BODY_MAX = 64 << 10 };

struct stream {
    struct kube_call *call; /* NULL when there is none */
    struct kube_scan *scan;
    uint64_t serial; /* tells it from the one before */
    bool is_watch;
    unsigned status; /* 0 before the head */
    int64_t retry_after_ns;
    struct text error_body; /* of an answer that is none */
};

struct source {
    struct kube_feed *feed;
    struct kube_selection selection;
    struct kube_reflector *reflector;
    struct event timer;
    struct stream stream;
    struct map unseen; /* while a list comes: "namespace\0name" of what the store has and the list
                          did not have yet; the keys are the values, owned */
    uint64_t lists, watches, events, undecodable;
};

struct kube_feed {
    struct kube_feed_options options;
    struct source *sources;
    size_t count;
    bool is_synced;
};

static const char *kind_name(const struct source *s)
{
    return object_kind_name(s->selection.kind);
}

/* --- the store --- */

static void tell(struct source *s, const struct object *old, const struct object *new,
                 const struct kube_item *item)
{
    struct kube_change change = {
        .kind = s->selection.kind,
        .old = old,
        .new = new,
        .json = item != NULL ? item->bytes : NULL,
        .json_len = item != NULL ? item->len : 0,
    };

    s->feed->options.changed(s->feed->options.arg, &change);
}

static void drop_unstored(struct source *s, const char *namespace, const char *name)
{
    const struct object old = {
        .kind = s->selection.kind,
        .meta = {.namespace = namespace, .name = name, .uid = "", .resource_version = ""},
    };

    tell(s, &old, NULL, NULL);
}

static void drop(struct source *s, const char *namespace, const char *name)
{
    CLEANUP(object_freep) struct object *old = NULL;

    if (s->selection.is_unstored) {
        drop_unstored(s, namespace, name);
        return;
    }
    old = store_remove(s->feed->options.store, s->selection.kind, namespace, name);
    if (old != NULL)
        tell(s, old, NULL, NULL);
}

/* The store's key of an object, also of one that cannot be decoded. */
static char *key_of(const char *namespace, const char *name, size_t *ret_len)
{
    struct text t = {0};

    text_add_n(&t, namespace, strlen(namespace) + 1);
    text_add(&t, name);
    *ret_len = t.len;
    return text_take(&t);
}

static void note_seen(struct source *s, const struct kube_item *item)
{
    CLEANUP(xfreep) char *key = NULL;
    size_t len;

    if (s->unseen.count == 0)
        return;
    key = key_of(item->namespace, item->name, &len);
    free(map_del(&s->unseen, key, len));
}

static bool is_known(const struct source *s, const struct kube_item *item)
{
    const struct object *known =
        store_find(s->feed->options.store, s->selection.kind, item->namespace, item->name);

    return known != NULL && *item->resource_version != '\0' &&
           strcmp(known->meta.resource_version, item->resource_version) == 0;
}

/* NULL after a line in the log. */
static struct object *decode(struct source *s, struct kube_item *item)
{
    CLEANUP(err_done) struct err err = {0};
    struct object *o;

    if (kube_item_decode(&o, item, s->selection.kind, &err) == 0)
        return o;
    s->undecodable++;
    log_warn("object not understood", F_S("kind", kind_name(s)), F_S("namespace", item->namespace),
             F_S("name", item->name), F_S("error", err_text(&err)));
    return NULL;
}

static void put(struct source *s, struct kube_item *item)
{
    CLEANUP(object_freep) struct object *to_free = NULL;
    struct object *new;

    note_seen(s, item);
    if (is_known(s, item))
        return;
    new = decode(s, item);
    if (new == NULL)
        return;
    if (s->selection.is_unstored) {
        to_free = new;
        tell(s, NULL, new, item);
    } else {
        to_free = store_swap(s->feed->options.store, new);
        tell(s, to_free, new, item);
    }
}

static void forget_unseen(struct source *s)
{
    MAP_EACH (&s->unseen, e)
        free(e->value);
    map_done(&s->unseen);
}

/* A kube_name_fn. */
static void await(void *arg, const char *namespace, const char *name)
{
    struct source *s = arg;
    size_t len;
    char *key;

    if (!str_empty(s->selection.namespace) && strcmp(namespace, s->selection.namespace) != 0)
        return;
    key = key_of(namespace, name, &len);
    free(map_put(&s->unseen, key, len, key));
}

static void begin_replacing(struct source *s)
{
    const struct kube_feed_options *o = &s->feed->options;
    struct object_list all;

    forget_unseen(s);
    if (s->selection.is_unstored) {
        o->each_kept(o->arg, s->selection.kind, await, s);
        return;
    }
    all = store_list(o->store, s->selection.kind);
    for (size_t i = 0; i < all.count; i++)
        await(s, all.items[i]->meta.namespace, all.items[i]->meta.name);
}

static void finish_replacing(struct source *s)
{
    MAP_EACH (&s->unseen, e) {
        const char *namespace = e->value;

        drop(s, namespace, namespace + strlen(namespace) + 1);
    }
    forget_unseen(s);
}

static bool are_all_synced(const struct kube_feed *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (!kube_reflector_is_synced(f->sources[i].reflector))
            return false;
    }
    return true;
}

static void note_synced(struct kube_feed *f)
{
    if (f->is_synced || !are_all_synced(f))
        return;
    f->is_synced = true;
    f->options.synced(f->options.arg);
}

/* --- what the reflector wants --- */

static void stream_end(struct stream *stream)
{
    stream->call = NULL;
    stream->scan = kube_scan_free(stream->scan);
    text_done(&stream->error_body);
    stream->status = 0;
}

static void cancel(struct source *s)
{
    if (s->stream.call != NULL)
        kube_call_cancel(s->stream.call);
    stream_end(&s->stream);
}

static void on_head(void *arg, const struct kube_answer *answer);
static void on_data(void *arg, const char *bytes, size_t len);
static void on_end(void *arg, const struct kube_end *end);

static const struct kube_handlers handlers = {.head = on_head, .data = on_data, .end = on_end};

static const char *accept_of(const struct source *s, bool is_watch)
{
    if (!s->selection.only_metadata)
        return NULL;
    return is_watch ? ACCEPT_METADATA : ACCEPT_METADATA_LIST;
}

static void start(struct source *s, const struct reflect_action *a)
{
    struct kube_request request = {
        .method = "GET",
        .path = a->path,
        .accept = accept_of(s, a->is_watch),
        .stall_ns = a->stall_ns,
    };
    struct stream *stream = &s->stream;

    stream_end(stream);
    stream->is_watch = a->is_watch;
    stream->serial++;
    stream->scan = kube_scan_new(a->is_watch ? KUBE_SCAN_WATCH : KUBE_SCAN_LIST, KUBE_OBJECT_MAX);
    *(a->is_watch ? &s->watches : &s->lists) += 1;
    stream->call = kube_call_start(s->feed->options.client, &request, &handlers, s);
}

static void log_action(const struct source *s, const struct reflect_action *a)
{
    if (a->is_warning)
        log_warn(a->text, F_S("kind", kind_name(s)));
    else
        log_debug(a->text, F_S("kind", kind_name(s)));
}

/* `item` is the object that was passed in, or NULL. */
static void act(struct source *s, const struct reflect_action *a, struct kube_item *item)
{
    switch (a->kind) {
    case REFLECT_START:
        start(s, a);
        break;
    case REFLECT_CANCEL:
        cancel(s);
        break;
    case REFLECT_PUT:
        put(s, item);
        break;
    case REFLECT_DELETE:
        drop(s, item->namespace, item->name);
        break;
    case REFLECT_BEGIN:
        begin_replacing(s);
        break;
    case REFLECT_REPLACED:
        finish_replacing(s);
        note_synced(s->feed);
        break;
    case REFLECT_ABANDON:
        forget_unseen(s);
        break;
    case REFLECT_LOG:
        log_action(s, a);
        break;
    }
}

static void arm_timer(struct source *s, struct mono now)
{
    struct mono deadline = kube_reflector_deadline(s->reflector);
    struct timeval tv = delay_from_ns(mono_sub(deadline, now));

    if (mono_is_set(deadline))
        event_add(&s->timer, &tv);
    else
        event_del(&s->timer);
}

static void act_all(struct source *s, struct kube_item *item)
{
    struct reflect_action a;

    while (kube_reflector_next(s->reflector, &a))
        act(s, &a, item);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct source *s = arg;
    struct mono now = mono_now();

    (void)fd;
    (void)what;
    kube_reflector_tick(s->reflector, now);
    act_all(s, NULL);
    arm_timer(s, now);
}

/* --- what the server says --- */

static void pass_garbage(struct source *s, const struct err *err)
{
    kube_reflector_on_garbage(s->reflector, mono_now(), err_text(err));
    act_all(s, NULL);
}

static void pass_event(struct source *s, struct kube_watch_event *e)
{
    static const enum reflect_event types[] = {
        [KUBE_WATCH_ADDED] = REFLECT_ADDED,
        [KUBE_WATCH_MODIFIED] = REFLECT_MODIFIED,
        [KUBE_WATCH_DELETED] = REFLECT_DELETED,
        [KUBE_WATCH_BOOKMARK] = REFLECT_BOOKMARK,
    };
    struct kube_status status;

    switch (e->type) {
    case KUBE_WATCH_ADDED:
    case KUBE_WATCH_MODIFIED:
    case KUBE_WATCH_DELETED:
    case KUBE_WATCH_BOOKMARK:
        kube_reflector_on_event(s->reflector, mono_now(), types[e->type],
                                e->object.resource_version, e->ends_initial_events);
        break;
    case KUBE_WATCH_ERROR:
        status = kube_status_of(e->object.doc);
        kube_reflector_on_error_event(s->reflector, mono_now(), status.code, status.reason,
                                      status.message, status.retry_after_ns);
        break;
    case KUBE_WATCH_UNKNOWN:
        log_warn("watch event of an unknown type", F_S("kind", kind_name(s)));
        return;
    }
    act_all(s, &e->object);
}

static void take_line(struct source *s, const char *text, size_t len)
{
    CLEANUP(kube_watch_event_done) struct kube_watch_event e = {0};
    CLEANUP(err_done) struct err err = {0};

    s->events++;
    if (kube_watch_event_read(&e, text, len, &err) < 0)
        pass_garbage(s, &err);
    else
        pass_event(s, &e);
}

static void take_item(struct source *s, const char *text, size_t len)
{
    CLEANUP(kube_item_done) struct kube_item item = {0};
    CLEANUP(err_done) struct err err = {0};

    s->events++;
    if (kube_item_read(&item, text, len, &err) < 0) {
        pass_garbage(s, &err);
        return;
    }
    kube_reflector_on_item(s->reflector, mono_now());
    act_all(s, &item);
}

static bool is_success(unsigned status)
{
    return status / 100 == 2;
}

static void on_head(void *arg, const struct kube_answer *answer)
{
    struct source *s = arg;
    struct mono now = mono_now();

    s->stream.status = answer->status;
    s->stream.retry_after_ns = answer->retry_after_ns;
    if (!is_success(answer->status))
        return; /* the reason is in the body */
    kube_reflector_on_answer(s->reflector, now, answer->status, "", "", -1);
    act_all(s, NULL);
    arm_timer(s, now);
}

/* Each value may end the stream, and begin another. */
static void on_data(void *arg, const char *bytes, size_t len)
{
    struct source *s = arg;
    struct stream *stream = &s->stream;
    uint64_t serial = stream->serial;
    CLEANUP(err_done) struct err err = {0};
    const char *text;
    size_t text_len;
    int r = 0;

    if (!is_success(stream->status)) {
        if (stream->error_body.len + len <= STATUS_BODY_MAX)
            text_add_n(&stream->error_body, bytes, len);
        return;
    }
    kube_scan_feed(stream->scan, bytes, len);
    while (stream->serial == serial && stream->call != NULL &&
           (r = kube_scan_next(stream->scan, &text, &text_len, &err)) > 0) {
        if (stream->is_watch)
            take_line(s, text, text_len);
        else
            take_item(s, text, text_len);
    }
    if (r < 0)
        pass_garbage(s, &err);
    arm_timer(s, mono_now());
}

static void refuse(struct source *s, struct mono now)
{
    const struct stream *stream = &s->stream;
    json_t *doc = json_loadb(text_str(&stream->error_body), stream->error_body.len, 0, NULL);
    struct kube_status status = kube_status_of(doc);
    CLEANUP(xfreep) char *plain = xasprintf("the server answers %u", stream->status);
    const char *text = *status.message != '\0' ? status.message : plain;
    int64_t after = stream->retry_after_ns >= 0 ? stream->retry_after_ns : status.retry_after_ns;

    kube_reflector_on_answer(s->reflector, now, stream->status, status.reason, text, after);
    json_decref(doc);
}

static void end_list(struct source *s, struct mono now)
{
    CLEANUP(kube_list_meta_done) struct kube_list_meta meta = {0};
    CLEANUP(err_done) struct err err = {0};
    const char *rest;
    size_t len;
    int r = kube_scan_finish(s->stream.scan, &err);

    if (r == 0) {
        rest = kube_scan_rest(s->stream.scan, &len);
        r = kube_list_meta_read(&meta, rest, len, &err);
    }
    if (r < 0)
        kube_reflector_on_end(s->reflector, now, r, err_text(&err), "", "");
    else
        kube_reflector_on_end(s->reflector, now, 0, "", meta.resource_version, meta.continue_token);
}

static void end_watch(struct source *s, struct mono now)
{
    CLEANUP(err_done) struct err err = {0};
    int r = kube_scan_finish(s->stream.scan, &err);

    kube_reflector_on_end(s->reflector, now, r, r < 0 ? err_text(&err) : "", "", "");
}

static void on_end(void *arg, const struct kube_end *end)
{
    struct source *s = arg;
    struct stream *stream = &s->stream;
    struct mono now = mono_now();

    stream->call = NULL;
    if (end->code != 0)
        kube_reflector_on_end(s->reflector, now, end->code, end->text, "", "");
    else if (!is_success(stream->status))
        refuse(s, now);
    else if (stream->is_watch)
        end_watch(s, now);
    else
        end_list(s, now);
    act_all(s, NULL);
    arm_timer(s, now);
}

/* --- life --- */

static void source_start(struct source *s, struct kube_feed *f, const struct kube_selection *what)
{
    const char *namespace = what->namespace != NULL ? what->namespace : "";
    CLEANUP(xfreep) char *path = kube_path(what->kind, namespace, NULL, NULL);
    struct kube_reflector_options options = {
        .path = path,
        .field_selector = what->field_selector,
        .label_selector = what->label_selector,
    };
    struct mono now = mono_now();

    evutil_secure_rng_get_bytes(&options.seed, sizeof(options.seed));
    s->feed = f;
    s->selection = *what;
    s->reflector = kube_reflector_new(&options);
    event_assign(&s->timer, f->options.base, -1, 0, on_timer, s);
    kube_reflector_start(s->reflector, now);
    act_all(s, NULL);
    arm_timer(s, now);
}

struct kube_feed *kube_feed_new(const struct kube_feed_options *options)
{
    struct kube_feed *f = xcalloc(1, sizeof(*f));

    f->options = *options;
    f->count = options->selection_count;
    f->sources = xcalloc(f->count, sizeof(*f->sources));
    for (size_t i = 0; i < f->count; i++)
        source_start(&f->sources[i], f, &options->selections[i]);
    return f;
}

struct kube_feed *kube_feed_free(struct kube_feed *f)
{
    if (f == NULL)
        return NULL;
    for (size_t i = 0; i < f->count; i++) {
        struct source *s = &f->sources[i];

        cancel(s);
        event_del(&s->timer);
        forget_unseen(s);
        kube_reflector_free(s->reflector);
    }
    free(f->sources);
    free(f);
    return NULL;
}

/* --- how it goes --- */

bool kube_feed_is_synced(const struct kube_feed *f)
{
    return f->is_synced;
}

size_t kube_feed_count(const struct kube_feed *f)
{
    return f->count;
}

struct kube_feed_stats kube_feed_stats(const struct kube_feed *f, size_t i, struct mono now)
{
    const struct source *s = &f->sources[i];
    struct mono last = kube_reflector_last_event(s->reflector);

    return (struct kube_feed_stats){
        .kind = s->selection.kind,
        .synced = kube_reflector_is_synced(s->reflector),
        .last_event_age_ns = mono_is_set(last) ? mono_sub(now, last) : -1,
        .lists = s->lists,
        .watches = s->watches,
        .events = s->events,
        .undecodable = s->undecodable,
    };
}
