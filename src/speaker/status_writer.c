/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status objects of Services: ServiceL2Status and ServiceBGPStatus (spec speaker-l2 8.1,
 * speaker-bgp 4.1, changes-0.16.2 7).
 *
 * An announcing node keeps one object of a kind for a Service; a node that stops deletes its own.
 * One Service after the other is compared with what the feed has; up to WINDOW of them have
 * requests under way. An object is created without a status, which the server would drop, and gets
 * it in a second request as soon as its name is known.
 *
 * What was written is remembered until the feed shows something newer: until then the feed's copy
 * is old, and comparing with it would write the same again.
 */
#include "speaker/status_kind.h"

#include "base/log.h"
#include "base/text.h"
#include "kube/kube_path.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 64,
    FAILURES_MAX = 6, /* the pause doubles up to 64 s */
    PAUSE_MAX_S = 30, /* while the API server does not answer at all */
};

static const char label_node[] = "metallb.io/node";
static const char label_service[] = "metallb.io/service-name";
static const char label_namespace[] = "metallb.io/service-namespace";

static const struct status_kind *const kinds[ANNOUNCE_PROTOCOLS] = {
    [ANNOUNCE_BGP] = &bgp_status_kind,
    [ANNOUNCE_LAYER2] = &l2_status_kind,
};

struct status_writer {
    struct speaker *sp;
    enum announce_protocol protocol;
    const struct status_kind *kind;
    struct event timer;
    struct service_list queue;
    size_t busy;       /* Services with requests under way */
    bool paused;       /* the timer ends it */
    long pause_s;      /* of the last pause; 0: the last request was answered */
    struct map failed; /* key -> Services to try again; their time is a multiple of the tick */
    unsigned ticks;
    struct status_call *calls; /* under way; owned */
};

/* One request. */
struct status_call {
    struct status_call *next, **link; /* in the list of those under way */
    struct status_writer *w;
    struct speaker_service *s;
    uint64_t hash; /* of the status that it writes; 0: none */
    bool is_create;
};

static struct status_task *task_of(const struct status_writer *w, struct speaker_service *s)
{
    return &s->status[w->protocol];
}

/* --- what should be --- */

/* The status of our node; false: there should be none. Lives in the arena. */
static bool wish(const struct status_writer *w, const struct speaker_service *s, struct arena *a,
                 struct service_status *ret)
{
    *ret = (struct service_status){
        .node = w->sp->options->node,
        .service = service_name(s),
        .service_namespace = arena_strndup(a, s->key, service_namespace_len(s)),
    };
    return w->kind->wish(w->sp, s, a, &ret->names);
}

/* --- the queue --- */

static void queue_add(struct status_writer *w, struct speaker_service *s)
{
    struct status_task *t = task_of(w, s);

    if (t->is_queued)
        return;
    if (t->busy > 0) {
        t->again = true;
        return;
    }
    t->is_queued = true;
    t->next = NULL;
    *w->queue.tail = s;
    w->queue.tail = &t->next;
}

static struct speaker_service *queue_take(struct status_writer *w)
{
    struct speaker_service *s = w->queue.head;
    struct status_task *t = task_of(w, s);

    w->queue.head = t->next;
    if (w->queue.head == NULL)
        w->queue.tail = &w->queue.head;
    t->is_queued = false;
    return s;
}

static void timer_arm(struct status_writer *w, long seconds)
{
    const struct timeval delay = {.tv_sec = seconds};

    (void)event_add(&w->timer, &delay); /* fails only without memory */
}

/* Nobody answers: all wait, instead of each failing in turn. */
static void pause_all(struct status_writer *w, const char *why)
{
    if (w->paused)
        return;
    w->paused = true;
    w->pause_s = w->pause_s == 0 ? 1 : w->pause_s * 2;
    if (w->pause_s > PAUSE_MAX_S)
        w->pause_s = PAUSE_MAX_S;
    log_warn("cannot write statuses, trying again", F_S("controller", w->kind->controller),
             F_S("error", why), F_I("seconds", w->pause_s));
    timer_arm(w, w->pause_s);
}

/* The server refused this one. */
static void put_off(struct status_writer *w, struct speaker_service *s, const char *why)
{
    struct status_task *t = task_of(w, s);

    if (t->failures < FAILURES_MAX)
        t->failures++;
    t->has_failed = true;
    log_error("failed to write the status of a service", F_S("controller", w->kind->controller),
              F_S("service", s->key), F_S("error", why));
    if (map_put_str(&w->failed, s->key, s) == NULL && !w->paused && w->failed.count == 1)
        timer_arm(w, 1);
}

static void retry_failed(struct status_writer *w)
{
    w->ticks++;
    MAP_EACH (&w->failed, e) {
        struct speaker_service *s = e->value;
        struct status_task *t = task_of(w, s);

        if (w->ticks % (1u << t->failures) != 0)
            continue;
        map_del_str(&w->failed, s->key);
        t->has_failed = false;
        queue_add(w, s);
    }
}

/* --- requests --- */

static void queue_work(struct status_writer *w);

static char *path_of(const struct status_writer *w, const char *namespace, const char *name,
                     const char *subresource)
{
    return kube_path(w->kind->object, namespace, name, subresource);
}

static struct status_call *call_new(struct status_writer *w, struct speaker_service *s,
                                    uint64_t hash)
{
    struct status_call *call = xcalloc(1, sizeof(*call));

    *call = (struct status_call){.next = w->calls, .link = &w->calls, .w = w, .s = s, .hash = hash};
    if (w->calls != NULL)
        w->calls->link = &call->next;
    w->calls = call;
    if (task_of(w, s)->busy++ == 0)
        w->busy++;
    return call;
}

static void call_free(struct status_call *call)
{
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    free(call);
}

/* A 404 of a patch: the object is gone, and its event, on the way, leads to a new one. Of a create:
 * the type is gone, or the namespace, and no event tells when it comes back. */
static bool is_fine(const struct status_call *call, const struct kube_reply *reply)
{
    return reply->status < 300 || (reply->status == 404 && !call->is_create);
}

/* Resource versions are numbers, and grow. 0 when it is none. */
static uint64_t version_of(const char *text)
{
    char *end;
    uint64_t version = text != NULL ? strtoull(text, &end, 10) : 0;

    return text != NULL && *end == '\0' ? version : 0;
}

static uint64_t version_of_reply(const struct kube_reply *reply)
{
    json_t *root = json_loadb(reply->bytes, reply->len, 0, NULL);
    const json_t *meta = json_object_get(root, "metadata");
    uint64_t version = version_of(json_string_value(json_object_get(meta, "resourceVersion")));

    json_decref(root);
    return version;
}

/* What the answer means for the next attempt. */
static void call_judge(const struct status_call *call, const struct kube_reply *reply)
{
    struct status_task *t = task_of(call->w, call->s);

    if (reply->code != 0) {
        t->again = true;
        pause_all(call->w, reply->text);
        return;
    }
    call->w->pause_s = 0;
    if (!is_fine(call, reply)) {
        put_off(call->w, call->s, reply->text);
        return;
    }
    if (call->hash == 0 || reply->status == 404)
        return;
    t->written = call->hash;
    t->version = version_of_reply(reply);
}

static void call_end(struct status_call *call)
{
    struct status_writer *w = call->w;
    struct speaker_service *s = call->s;
    struct status_task *t = task_of(w, s);

    call_free(call);
    if (--t->busy == 0) {
        w->busy--;
        if (!t->has_failed)
            t->failures = 0;
        if (t->again)
            queue_add(w, s);
        t->again = false;
        service_table_release(&w->sp->services, s);
    }
    queue_work(w);
}

static void on_reply(void *arg, const struct kube_reply *reply)
{
    call_judge(arg, reply);
    call_end(arg);
}

static void send_delete(struct status_writer *w, struct speaker_service *s,
                        const struct status_record *r)
{
    CLEANUP(xfreep) char *path = path_of(w, r->strings, record_name(r->strings), NULL);
    const struct kube_request request = {.method = "DELETE", .path = path};

    kube_writer_send(w->sp->cluster.writer, path, &request, on_reply, call_new(w, s, 0));
}

static json_t *status_json(const struct status_writer *w, const struct service_status *status)
{
    json_t *names = status->names.count > 0 ? json_array() : json_null();

    for (size_t i = 0; i < status->names.count; i++)
        json_array_append_new(names, w->kind->item(status->names.items[i]));
    return json_pack("{s:{s:s, s:s, s:s, s:o}}", "status", "node", status->node, "serviceName",
                     status->service, "serviceNamespace", status->service_namespace, w->kind->list,
                     names);
}

/* As a merge patch, in which null removes what was there before. */
static void send_status(struct status_writer *w, struct speaker_service *s,
                        const struct service_status *status, const char *namespace,
                        const char *name)
{
    CLEANUP(xfreep) char *path = path_of(w, namespace, name, "status");
    CLEANUP(xfreep) char *key = path_of(w, namespace, name, NULL);
    json_t *patch = status_json(w, status);
    CLEANUP(xfreep) char *body = json_dumps(patch, JSON_COMPACT);
    const struct kube_request request = {
        .method = "PATCH",
        .path = path,
        .content_type = "application/merge-patch+json",
        .body = body,
        .body_len = strlen(body),
    };

    json_decref(patch);
    kube_writer_send(w->sp->cluster.writer, key, &request, on_reply,
                     call_new(w, s, status_hash(status)));
}

/* --- creating --- */

static json_t *object_json(const struct status_writer *w, const struct speaker_service *s)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s, s:s, s:s%}, s:o}, s:{}}", "apiVersion",
                     kube_api_version(w->kind->object), "kind", object_kind_name(w->kind->object),
                     "metadata", "generateName", w->kind->prefix, "namespace",
                     w->sp->cluster.namespace, "labels", label_node, w->sp->options->node,
                     label_service, service_name(s), label_namespace, s->key,
                     service_namespace_len(s), "ownerReferences",
                     cluster_owner_references(&w->sp->cluster), "spec");
}

/* The new object's name, in an allocation of its own; NULL when the answer has none. */
static char *created_name(const struct kube_reply *reply)
{
    json_t *root = json_loadb(reply->bytes, reply->len, 0, NULL);
    const char *name =
        json_string_value(json_object_get(json_object_get(root, "metadata"), "name"));
    char *copy = name != NULL ? xstrdup(name) : NULL;

    json_decref(root);
    return copy;
}

static void on_created(void *arg, const struct kube_reply *reply)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct status_call *call = arg;
    struct service_status wanted;

    if (reply->code == 0 && reply->status == 201 && wish(call->w, call->s, a, &wanted)) {
        CLEANUP(xfreep) char *name = created_name(reply);

        if (name != NULL)
            send_status(call->w, call->s, &wanted, call->w->sp->cluster.namespace, name);
    }
    call_judge(call, reply);
    call_end(call);
}

static void send_create(struct status_writer *w, struct speaker_service *s)
{
    CLEANUP(xfreep) char *path = path_of(w, w->sp->cluster.namespace, NULL, NULL);
    CLEANUP(xfreep) char *key = xasprintf("%s for %s", path, s->key);
    json_t *object = object_json(w, s);
    CLEANUP(xfreep) char *body = json_dumps(object, JSON_COMPACT);
    const struct kube_request request = {
        .method = "POST",
        .path = path,
        .body = body,
        .body_len = strlen(body),
    };
    struct status_call *call;

    json_decref(object);
    call = call_new(w, s, 0);
    call->is_create = true;
    kube_writer_send(w->sp->cluster.writer, key, &request, on_created, call);
}

/* --- one Service --- */

/* Returns our object, if there should be one. All that should not be are deleted. */
static const struct status_record *delete_surplus(struct status_writer *w,
                                                  struct speaker_service *s, bool any)
{
    const struct status_record *kept = NULL;

    for (const struct record_link *at = task_of(w, s)->objects; at != NULL; at = at->next) {
        const struct status_record *r = (const void *)at; /* its first member */

        if (any && kept == NULL && r->is_ours)
            kept = r;
        else if (r->is_ours || (any && w->kind->is_exclusive))
            send_delete(w, s, r);
    }
    return kept;
}

static void reconcile(struct status_writer *w, struct speaker_service *s)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct service_status wanted;
    bool any = wish(w, s, a, &wanted);
    const struct status_record *kept = delete_surplus(w, s, any);
    uint64_t hash = status_hash(&wanted);

    if (!any || task_of(w, s)->written == hash)
        return;
    if (kept == NULL)
        send_create(w, s);
    else if (kept->says != hash)
        send_status(w, s, &wanted, kept->strings, record_name(kept->strings));
}

static void queue_work(struct status_writer *w)
{
    while (!w->paused && w->busy < WINDOW && w->queue.head != NULL) {
        struct speaker_service *s = queue_take(w);

        reconcile(w, s);
        service_table_release(&w->sp->services, s);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct status_writer *w = arg;

    (void)fd;
    (void)what;
    w->paused = false;
    retry_failed(w);
    queue_work(w);
    if (!w->paused && w->failed.count > 0)
        timer_arm(w, 1);
}

/* --- what happens --- */

void status_touch(struct speaker *sp, enum announce_protocol protocol, struct speaker_service *s)
{
    queue_add(sp->statuses[protocol], s);
    speaker_schedule(sp, 0);
}

static struct speaker_service *service_of(struct speaker *sp, const struct object *o)
{
    const char *node = label_find(&o->meta.labels, label_node);
    const char *name = label_find(&o->meta.labels, label_service);
    const char *namespace = label_find(&o->meta.labels, label_namespace);

    if (node == NULL || name == NULL || namespace == NULL)
        return NULL;
    return service_table_get(&sp->services, namespace, name);
}

/* `version` 0: of an object that is gone. */
static void objects_changed(struct status_writer *w, struct speaker_service *s, uint64_t version)
{
    struct status_task *t = task_of(w, s);

    if (version == 0 || version >= t->version)
        t->written = 0;
    status_touch(w->sp, w->protocol, s);
}

void status_on_change(struct speaker *sp, enum announce_protocol protocol,
                      const struct kube_change *c)
{
    struct status_writer *w = sp->statuses[protocol];
    const struct meta *m = c->new != NULL ? &c->new->meta : &c->old->meta;
    struct speaker_service *after = c->new != NULL ? service_of(sp, c->new) : NULL;
    struct status_record *record =
        after != NULL ? status_record_new(c->new, sp->options->node) : NULL;
    struct speaker_service *before =
        service_table_put_status(&sp->services, protocol, m, record, after);
    uint64_t version;

    if (c->new != NULL && after == NULL)
        log_error("missing meta", F_S("controller", w->kind->controller),
                  F_S("name", c->new->meta.name));
    version = after != NULL ? version_of(c->new->meta.resource_version) : 0;
    if (before != NULL)
        objects_changed(w, before, before == after ? version : 0);
    if (after != NULL && after != before)
        objects_changed(w, after, version);
}

void statuses_work(struct speaker *sp)
{
    for (int i = 0; sp->passed && i < ANNOUNCE_PROTOCOLS; i++)
        queue_work(sp->statuses[i]);
}

static struct status_writer *writer_new(struct speaker *sp, enum announce_protocol protocol)
{
    struct status_writer *w = xcalloc(1, sizeof(*w));

    w->sp = sp;
    w->protocol = protocol;
    w->kind = kinds[protocol];
    w->queue.tail = &w->queue.head;
    (void)event_assign(&w->timer, sp->base, -1, 0, on_timer, w);
    return w;
}

void statuses_init(struct speaker *sp)
{
    for (int i = 0; i < ANNOUNCE_PROTOCOLS; i++)
        sp->statuses[i] = writer_new(sp, (enum announce_protocol)i);
}

static struct status_writer *writer_free(struct status_writer *w)
{
    if (w == NULL)
        return NULL;
    event_del(&w->timer);
    while (w->calls != NULL)
        call_free(w->calls);
    map_done(&w->failed);
    free(w);
    return NULL;
}

void statuses_done(struct speaker *sp)
{
    for (int i = 0; i < ANNOUNCE_PROTOCOLS; i++)
        sp->statuses[i] = writer_free(sp->statuses[i]);
}
