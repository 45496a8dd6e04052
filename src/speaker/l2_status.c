/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ServiceL2Status: which node announces a Service by Layer 2, and on which interfaces (spec
 * speaker-l2 8.1, changes-0.16.2 7).
 *
 * The announcing node keeps one object for a Service and deletes all others; a node that stops
 * deletes its own. One Service after the other is compared with what the feed has; up to WINDOW of
 * them have requests under way. An object is created without a status, which the server would drop,
 * and gets it in a second request as soon as its name is known.
 *
 * What was written is remembered until the feed shows something newer: until then the feed's copy
 * is old, and comparing with it would write the same again.
 */
#include "base/log.h"
#include "base/text.h"
#include "kube/kube_path.h"
#include "speaker/speaker_int.h"

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

struct l2_statuses {
    struct speaker *sp;
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
    struct l2_statuses *l;
    struct speaker_service *s;
    uint64_t hash; /* of the status that it writes; 0: none */
    bool is_create;
};

/* --- what should be --- */

/* None while nothing is announced, or everywhere. */
static struct string_list interfaces_of(const struct speaker_service *s)
{
    return s->rule != NULL ? s->rule->interfaces : (struct string_list){0};
}

static uint64_t hash_of(const struct l2_statuses *l, const struct speaker_service *s)
{
    CLEANUP(xfreep) char *namespace = xstrndup(s->key, service_namespace_len(s));

    return status_hash(&(struct service_l2_status){
        .node = l->sp->options->node,
        .service = service_name(s),
        .service_namespace = namespace,
        .interfaces = interfaces_of(s),
    });
}

/* --- the queue --- */

static void queue_add(struct l2_statuses *l, struct speaker_service *s)
{
    if (s->status_queued)
        return;
    if (s->status_busy > 0) {
        s->status_again = true;
        return;
    }
    s->status_queued = true;
    s->next_status = NULL;
    *l->queue.tail = s;
    l->queue.tail = &s->next_status;
}

static struct speaker_service *queue_take(struct l2_statuses *l)
{
    struct speaker_service *s = l->queue.head;

    l->queue.head = s->next_status;
    if (l->queue.head == NULL)
        l->queue.tail = &l->queue.head;
    s->status_queued = false;
    return s;
}

static void timer_arm(struct l2_statuses *l, long seconds)
{
    const struct timeval delay = {.tv_sec = seconds};

    (void)event_add(&l->timer, &delay); /* fails only without memory */
}

/* Nobody answers: all wait, instead of each failing in turn. */
static void pause_all(struct l2_statuses *l, const char *why)
{
    if (l->paused)
        return;
    l->paused = true;
    l->pause_s = l->pause_s == 0 ? 1 : l->pause_s * 2;
    if (l->pause_s > PAUSE_MAX_S)
        l->pause_s = PAUSE_MAX_S;
    log_warn("cannot write statuses, trying again", F_S("controller", "Layer2StatusReconciler"),
             F_S("error", why), F_I("seconds", l->pause_s));
    timer_arm(l, l->pause_s);
}

/* The server refused this one. */
static void put_off(struct l2_statuses *l, struct speaker_service *s, const char *why)
{
    if (s->status_failures < FAILURES_MAX)
        s->status_failures++;
    s->status_failed = true;
    log_error("failed to write the status of a service",
              F_S("controller", "Layer2StatusReconciler"), F_S("service", s->key),
              F_S("error", why));
    if (map_put_str(&l->failed, s->key, s) == NULL && !l->paused && l->failed.count == 1)
        timer_arm(l, 1);
}

static void retry_failed(struct l2_statuses *l)
{
    l->ticks++;
    MAP_EACH (&l->failed, e) {
        struct speaker_service *s = e->value;

        if (l->ticks % (1u << s->status_failures) != 0)
            continue;
        map_del_str(&l->failed, s->key);
        s->status_failed = false;
        queue_add(l, s);
    }
}

/* --- requests --- */

static void queue_work(struct l2_statuses *l);

static char *path_of(const char *namespace, const char *name, const char *subresource)
{
    return kube_path(OBJ_SERVICE_L2_STATUS, namespace, name, subresource);
}

static struct status_call *call_new(struct l2_statuses *l, struct speaker_service *s, uint64_t hash)
{
    struct status_call *call = xcalloc(1, sizeof(*call));

    *call = (struct status_call){.next = l->calls, .link = &l->calls, .l = l, .s = s, .hash = hash};
    if (l->calls != NULL)
        l->calls->link = &call->next;
    l->calls = call;
    if (s->status_busy++ == 0)
        l->busy++;
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
    struct speaker_service *s = call->s;

    if (reply->code != 0) {
        s->status_again = true;
        pause_all(call->l, reply->text);
        return;
    }
    call->l->pause_s = 0;
    if (!is_fine(call, reply)) {
        put_off(call->l, s, reply->text);
        return;
    }
    if (call->hash == 0 || reply->status == 404)
        return;
    s->status_written = call->hash;
    s->status_version = version_of_reply(reply);
}

static void call_end(struct status_call *call)
{
    struct l2_statuses *l = call->l;
    struct speaker_service *s = call->s;

    call_free(call);
    if (--s->status_busy == 0) {
        l->busy--;
        if (!s->status_failed)
            s->status_failures = 0;
        if (s->status_again)
            queue_add(l, s);
        s->status_again = false;
        service_table_release(&l->sp->services, s);
    }
    queue_work(l);
}

static void on_reply(void *arg, const struct kube_reply *reply)
{
    call_judge(arg, reply);
    call_end(arg);
}

static void send_delete(struct l2_statuses *l, struct speaker_service *s,
                        const struct status_record *r)
{
    CLEANUP(xfreep) char *path = path_of(r->strings, record_name(r->strings), NULL);
    const struct kube_request request = {.method = "DELETE", .path = path};

    kube_writer_send(l->sp->cluster.writer, path, &request, on_reply, call_new(l, s, 0));
}

static json_t *status_json(const struct l2_statuses *l, const struct speaker_service *s)
{
    struct string_list names = interfaces_of(s);
    json_t *interfaces = names.count > 0 ? json_array() : json_null();

    for (size_t i = 0; i < names.count; i++)
        json_array_append_new(interfaces, json_pack("{s:s}", "name", names.items[i]));
    return json_pack("{s:{s:s, s:s, s:s%, s:o}}", "status", "node", l->sp->options->node,
                     "serviceName", service_name(s), "serviceNamespace", s->key,
                     service_namespace_len(s), "interfaces", interfaces);
}

/* As a merge patch, in which null removes what an earlier rule left. */
static void send_status(struct l2_statuses *l, struct speaker_service *s, const char *namespace,
                        const char *name)
{
    CLEANUP(xfreep) char *path = path_of(namespace, name, "status");
    CLEANUP(xfreep) char *key = path_of(namespace, name, NULL);
    json_t *patch = status_json(l, s);
    CLEANUP(xfreep) char *body = json_dumps(patch, JSON_COMPACT);
    const struct kube_request request = {
        .method = "PATCH",
        .path = path,
        .content_type = "application/merge-patch+json",
        .body = body,
        .body_len = strlen(body),
    };

    json_decref(patch);
    kube_writer_send(l->sp->cluster.writer, key, &request, on_reply, call_new(l, s, hash_of(l, s)));
}

/* --- creating --- */

static json_t *object_json(const struct l2_statuses *l, const struct speaker_service *s)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s, s:s, s:s%}, s:o}, s:{}}", "apiVersion",
                     kube_api_version(OBJ_SERVICE_L2_STATUS), "kind", "ServiceL2Status", "metadata",
                     "generateName", "l2-", "namespace", l->sp->cluster.namespace, "labels",
                     label_node, l->sp->options->node, label_service, service_name(s),
                     label_namespace, s->key, service_namespace_len(s), "ownerReferences",
                     cluster_owner_references(&l->sp->cluster), "spec");
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
    struct status_call *call = arg;

    if (reply->code == 0 && reply->status == 201) {
        CLEANUP(xfreep) char *name = created_name(reply);

        if (name != NULL && call->s->announced)
            send_status(call->l, call->s, call->l->sp->cluster.namespace, name);
    }
    call_judge(call, reply);
    call_end(call);
}

static void send_create(struct l2_statuses *l, struct speaker_service *s)
{
    CLEANUP(xfreep) char *path = path_of(l->sp->cluster.namespace, NULL, NULL);
    CLEANUP(xfreep) char *key = xasprintf("%s for %s", path, s->key);
    json_t *object = object_json(l, s);
    CLEANUP(xfreep) char *body = json_dumps(object, JSON_COMPACT);
    const struct kube_request request = {
        .method = "POST",
        .path = path,
        .body = body,
        .body_len = strlen(body),
    };
    struct status_call *call;

    json_decref(object);
    call = call_new(l, s, 0);
    call->is_create = true;
    kube_writer_send(l->sp->cluster.writer, key, &request, on_created, call);
}

/* --- one Service --- */

/* Returns our object, of which there should be one. All that should not be are deleted. */
static const struct status_record *delete_surplus(struct l2_statuses *l, struct speaker_service *s)
{
    const struct status_record *kept = NULL;

    for (const struct record_link *at = s->statuses; at != NULL; at = at->next) {
        const struct status_record *r = (const void *)at; /* its first member */

        if (s->announced && kept == NULL && r->is_ours)
            kept = r;
        else if (s->announced || r->is_ours)
            send_delete(l, s, r);
    }
    return kept;
}

static void reconcile(struct l2_statuses *l, struct speaker_service *s)
{
    const struct status_record *kept = delete_surplus(l, s);
    uint64_t wanted = hash_of(l, s);

    if (!s->announced || s->status_written == wanted)
        return;
    if (kept == NULL)
        send_create(l, s);
    else if (kept->says != wanted)
        send_status(l, s, kept->strings, record_name(kept->strings));
}

static void queue_work(struct l2_statuses *l)
{
    while (!l->paused && l->busy < WINDOW && l->queue.head != NULL) {
        struct speaker_service *s = queue_take(l);

        reconcile(l, s);
        service_table_release(&l->sp->services, s);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct l2_statuses *l = arg;

    (void)fd;
    (void)what;
    l->paused = false;
    retry_failed(l);
    queue_work(l);
    if (!l->paused && l->failed.count > 0)
        timer_arm(l, 1);
}

/* --- what happens --- */

void l2_status_touch(struct speaker *sp, struct speaker_service *s)
{
    queue_add(sp->statuses, s);
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
static void statuses_changed(struct speaker *sp, struct speaker_service *s, uint64_t version)
{
    if (version == 0 || version >= s->status_version)
        s->status_written = 0;
    l2_status_touch(sp, s);
}

void l2_status_on_change(struct speaker *sp, const struct kube_change *c)
{
    const struct meta *m = c->new != NULL ? &c->new->meta : &c->old->meta;
    struct speaker_service *after = c->new != NULL ? service_of(sp, c->new) : NULL;
    struct status_record *record =
        after != NULL ? status_record_new(c->new, sp->options->node) : NULL;
    struct speaker_service *before = service_table_put_status(&sp->services, m, record, after);
    uint64_t version;

    if (c->new != NULL && after == NULL)
        log_error("missing meta", F_S("controller", "Layer2StatusReconciler"),
                  F_S("name", c->new->meta.name));
    version = after != NULL ? version_of(c->new->meta.resource_version) : 0;
    if (before != NULL)
        statuses_changed(sp, before, before == after ? version : 0);
    if (after != NULL && after != before)
        statuses_changed(sp, after, version);
}

void l2_status_work(struct speaker *sp)
{
    if (sp->passed)
        queue_work(sp->statuses);
}

void l2_status_init(struct speaker *sp)
{
    struct l2_statuses *l = xcalloc(1, sizeof(*l));

    l->sp = sp;
    l->queue.tail = &l->queue.head;
    (void)event_assign(&l->timer, sp->base, -1, 0, on_timer, l);
    sp->statuses = l;
}

void l2_status_done(struct speaker *sp)
{
    if (sp->statuses == NULL)
        return;
    event_del(&sp->statuses->timer);
    while (sp->statuses->calls != NULL)
        call_free(sp->statuses->calls);
    map_done(&sp->statuses->failed);
    free(sp->statuses);
    sp->statuses = NULL;
}
