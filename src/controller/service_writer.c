/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/service_writer.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/mono.h"
#include "controller/kept_bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

/*
 * In the hands of the kube_writer, which sends 64 at a time. The others wait here, where they are
 * smaller: what would wait there for its turn lies in memory between the objects that come
 * meanwhile and stay, and leaves holes.
 */
enum { WRITING_MAX = 128 };

#define FIRST_PAUSE_NS (5 * NS_PER_MS)
#define LONGEST_PAUSE_NS (1000 * NS_PER_SEC)

enum stage {
    STAGE_WAITING, /* for its turn */
    STAGE_WRITING, /* in the hands of the kube_writer */
    STAGE_PAUSED,  /* after a failure */
    STAGE_WRITTEN, /* the store does not show it yet */
};

/* A Service whose status in the store is not what was decided. One allocation with its names. */
struct unwritten {
    struct service_writer *owner;
    const char *key, *namespace, *name, *uid; /* the name is the end of the key */
    struct service_want want;
    char *pool; /* owned; of `want` */
    enum stage stage;
    bool is_gone;           /* the Service is; freed when the write ends */
    unsigned asked, edited; /* counts changes of `want`; the latest that an edit has seen */
    char *version;          /* resource version that the server had, or gave to our write */
    int64_t pause_ns;
    struct event *retry;                           /* NULL until a write fails */
    struct unwritten *next_gone, *previous, *next; /* the latter among those that wait */
    char texts[];
};

struct service_writer {
    struct service_writer_options options;
    struct map by_key;
    struct kept_bytes kept;
    struct unwritten *first, *last; /* of those that wait */
    size_t writing;
    struct unwritten *gone; /* whose writes have not ended */
    bool is_stopped;
    uint64_t failures;
};

struct service_writer *service_writer_new(const struct service_writer_options *options)
{
    struct service_writer *w = xcalloc(1, sizeof(*w));

    w->options = *options;
    return w;
}

static struct unwritten *unwritten_free(struct unwritten *u)
{
    if (u->retry != NULL)
        event_free(u->retry);
    free(u->pool);
    free(u->version);
    free(u);
    return NULL;
}

struct service_writer *service_writer_free(struct service_writer *w)
{
    if (w == NULL)
        return NULL;
    while (w->gone != NULL) {
        struct unwritten *u = w->gone;

        w->gone = u->next_gone;
        unwritten_free(u);
    }
    MAP_EACH (&w->by_key, e)
        unwritten_free(e->value);
    map_done(&w->by_key);
    kept_bytes_done(&w->kept);
    free(w);
    return NULL;
}

void service_writer_stop(struct service_writer *w)
{
    w->is_stopped = true;
}

static struct unwritten *unwritten_find(const struct service_writer *w, const struct object *o)
{
    CLEANUP(xfreep) char *key = xasprintf("%s/%s", o->meta.namespace, o->meta.name);

    return map_find_str(&w->by_key, key);
}

bool service_writer_is_under_way(const struct service_writer *w, const struct object *service)
{
    return unwritten_find(w, service) != NULL;
}

void service_writer_offer(struct service_writer *w, const struct object *service, const char *json,
                          size_t len)
{
    kept_bytes_put(&w->kept, service, json, len);
}

void service_writer_forget(struct service_writer *w)
{
    kept_bytes_forget(&w->kept);
}

/* ---- those that wait ---- */

static void waiting_add(struct service_writer *w, struct unwritten *u)
{
    u->stage = STAGE_WAITING;
    u->previous = w->last;
    u->next = NULL;
    *(w->last == NULL ? &w->first : &w->last->next) = u;
    w->last = u;
}

static void waiting_del(struct service_writer *w, struct unwritten *u)
{
    *(u->previous == NULL ? &w->first : &u->previous->next) = u->next;
    *(u->next == NULL ? &w->last : &u->next->previous) = u->previous;
}

/* ---- the end of one ---- */

static void drop(struct service_writer *w, struct unwritten *u)
{
    if (u->stage == STAGE_WAITING)
        waiting_del(w, u);
    kept_bytes_drop(&w->kept, u->key);
    map_del_str(&w->by_key, u->key);
    unwritten_free(u);
    if (w->by_key.count == 0)
        map_done(&w->by_key);
}

/* The Service is gone, or is another one of the same name. */
static void detach(struct service_writer *w, struct unwritten *u)
{
    if (u->stage != STAGE_WRITING) {
        drop(w, u);
        return;
    }
    map_del_str(&w->by_key, u->key);
    u->is_gone = true;
    u->next_gone = w->gone;
    w->gone = u;
}

static void forget_gone(struct service_writer *w, struct unwritten *u)
{
    struct unwritten **at = &w->gone;

    while (*at != u)
        at = &(*at)->next_gone;
    *at = u->next_gone;
    unwritten_free(u);
}

/* Resource versions are decimal numbers without leading zeros. */
static bool is_older(const char *version, const char *than)
{
    size_t a = strlen(version), b = strlen(than);

    return a != b ? a < b : strcmp(version, than) < 0;
}

/* ---- writing ---- */

static void start_write(struct unwritten *u);

static enum kube_edit on_edit(void *arg, json_t *document)
{
    struct unwritten *u = arg;
    const json_t *metadata = json_object_get(document, "metadata");
    const char *uid = json_string_value(json_object_get(metadata, "uid"));
    const char *version = json_string_value(json_object_get(metadata, "resourceVersion"));

    u->edited = u->asked;
    free(u->version);
    u->version = xstrdup(version != NULL ? version : "");
    if (u->is_gone || u->owner->is_stopped || !str_eq(uid, u->uid))
        return KUBE_EDIT_NOTHING;
    return service_status_edit(document, &u->want);
}

static void take_version(struct unwritten *u, const struct kube_reply *reply)
{
    json_t *document = json_loadb(reply->bytes, reply->len, 0, NULL);
    const json_t *metadata = json_object_get(document, "metadata");
    const char *version = json_string_value(json_object_get(metadata, "resourceVersion"));

    if (version != NULL) {
        free(u->version);
        u->version = xstrdup(version);
    }
    json_decref(document);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    start_write(arg);
}

static void on_failure(struct service_writer *w, struct unwritten *u,
                       const struct kube_reply *reply)
{
    struct timeval pause;

    w->failures++;
    log_error("failed to update service", F_S("op", "updateServiceStatus"), F_S("service", u->key),
              F_S("error", reply->text));
    u->stage = STAGE_PAUSED;
    u->pause_ns = u->pause_ns == 0 ? FIRST_PAUSE_NS : 2 * u->pause_ns;
    if (u->pause_ns > LONGEST_PAUSE_NS)
        u->pause_ns = LONGEST_PAUSE_NS;
    if (u->retry == NULL)
        u->retry = event_new(w->options.base, -1, 0, on_retry, u);
    pause = delay_from_ns(u->pause_ns);
    event_add(u->retry, &pause);
}

/* Done once the store shows the version that was written, or a later one. */
static void on_arrival(struct service_writer *w, struct unwritten *u)
{
    const struct object *o = store_find(w->options.store, OBJ_SERVICE, u->namespace, u->name);
    bool is_overtaken;

    u->stage = STAGE_WRITTEN;
    if (o != NULL && is_older(o->meta.resource_version, u->version))
        return;
    is_overtaken = o != NULL && !service_says(o, &u->want);
    drop(w, u);
    if (is_overtaken)
        w->options.overtaken(w->options.arg, o);
}

static void on_success(struct service_writer *w, struct unwritten *u,
                       const struct kube_reply *reply)
{
    u->pause_ns = 0;
    if (reply->status != 0) {
        take_version(u, reply);
        log_info("updated service object", F_S("event", "serviceUpdated"), F_S("service", u->key));
    }
    if (u->asked != u->edited)
        start_write(u);
    else
        on_arrival(w, u);
}

static void write_next(struct service_writer *w);

static void on_written(void *arg, const struct kube_reply *reply)
{
    struct unwritten *u = arg;
    struct service_writer *w = u->owner;

    w->writing--;
    if (u->is_gone)
        forget_gone(w, u);
    else if (reply->status == 404)
        drop(w, u);
    else if (reply->code != 0 || reply->status >= 300)
        on_failure(w, u, reply);
    else
        on_success(w, u, reply);
    write_next(w);
}

static void hand_over(struct service_writer *w, struct unwritten *u)
{
    const struct object *o = store_find(w->options.store, OBJ_SERVICE, u->namespace, u->name);
    struct kept known = o != NULL ? kept_bytes_take(&w->kept, o) : (struct kept){0};
    struct kube_edit_request request = {
        .kind = OBJ_SERVICE,
        .namespace = u->namespace,
        .name = u->name,
        .subresource = "status",
        .known = known.bytes,
        .known_len = known.len,
        .edit = on_edit,
        .done = on_written,
        .arg = u,
    };

    waiting_del(w, u);
    u->stage = STAGE_WRITING;
    w->writing++;
    kube_writer_edit(w->options.writer, &request);
}

static void write_next(struct service_writer *w)
{
    while (w->first != NULL && w->writing < WRITING_MAX && !w->is_stopped)
        hand_over(w, w->first);
}

static void start_write(struct unwritten *u)
{
    waiting_add(u->owner, u);
    write_next(u->owner);
}

/* ---- what is wanted ---- */

static struct unwritten *unwritten_new(struct service_writer *w, const struct object *o)
{
    size_t namespace_len = strlen(o->meta.namespace), name_len = strlen(o->meta.name);
    size_t key_size = namespace_len + 1 + name_len + 1, uid_size = strlen(o->meta.uid) + 1;
    size_t size = key_size + namespace_len + 1 + uid_size;
    struct unwritten *u = xcalloc(1, sizeof(*u) + size);
    char *key = u->texts, *namespace = key + key_size, *uid = namespace + namespace_len + 1;

    snprintf(key, key_size, "%s/%s", o->meta.namespace, o->meta.name);
    memcpy(namespace, o->meta.namespace, namespace_len + 1);
    memcpy(uid, o->meta.uid, uid_size);
    u->owner = w;
    u->key = key;
    u->namespace = namespace;
    u->name = key + namespace_len + 1;
    u->uid = uid;
    map_put_str(&w->by_key, u->key, u);
    return u;
}

static void set_want(struct unwritten *u, const struct service_want *want)
{
    free(u->pool);
    u->pool = want->pool != NULL ? xstrdup(want->pool) : NULL;
    u->want = *want;
    u->want.pool = u->pool;
    u->asked++;
}

static void begin(struct service_writer *w, struct unwritten *u, const struct object *service)
{
    kept_bytes_want(&w->kept, service);
    start_write(u);
}

bool service_writer_want(struct service_writer *w, const struct object *service,
                         const struct service_want *want)
{
    struct unwritten *u = unwritten_find(w, service);

    if (u == NULL) {
        if (service_says(service, want))
            return false;
        u = unwritten_new(w, service);
        set_want(u, want);
        begin(w, u, service);
        return true;
    }
    if (service_want_eq(&u->want, want))
        return false;
    set_want(u, want);
    switch (u->stage) {
    case STAGE_WAITING:
        kept_bytes_want(&w->kept, service);
        break;
    case STAGE_WRITING: /* its end looks at what is wanted by then */
        break;
    case STAGE_PAUSED:
        event_del(u->retry);
        u->pause_ns = 0;
        begin(w, u, service);
        break;
    case STAGE_WRITTEN:
        begin(w, u, service);
        break;
    }
    return true;
}

bool service_writer_on_change(struct service_writer *w, const struct object *old,
                              const struct object *new)
{
    struct unwritten *u = unwritten_find(w, new != NULL ? new : old);
    bool is_own;

    if (u == NULL)
        return false;
    if (new == NULL || !str_eq(new->meta.uid, u->uid)) {
        detach(w, u);
        return false;
    }
    is_own = service_says(new, &u->want);
    if (u->stage == STAGE_WRITTEN && !is_older(new->meta.resource_version, u->version))
        drop(w, u);
    return is_own;
}

uint64_t service_writer_failures(const struct service_writer *w)
{
    return w->failures;
}
