/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "model/decode.h"

#include <stdlib.h>
#include <string.h>

#define NAMESPACE "metallb-system"
#define POOL_KEY "metallb.io/ip-allocated-from-pool"

/* ---- in place of kube/ and role/ ---- */

void kube_writer_edit(struct kube_writer *writer, const struct kube_edit_request *request)
{
    struct world *w = writer->world;
    struct world_write write = {.request = *request};

    write.request.namespace = xstrdup(request->namespace);
    write.request.name = xstrdup(request->name);
    if (request->known != NULL) {
        write.read = json_loadb(request->known, request->known_len, 0, NULL);
        assert_non_null(write.read);
    }
    w->writes = array_grow(w->writes, &w->write_cap, w->write_count + 1, sizeof(*w->writes));
    w->writes[w->write_count++] = write;
}

void kube_event(struct kube_events *e, const struct object *about, enum kube_event_type type,
                const char *reason, const char *fmt, ...)
{
    CLEANUP(xfreep) char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    text_printf(&e->world->told, "%s %s %s: %s\n", about->meta.name,
                type == KUBE_EVENT_WARNING ? "Warning" : "Normal", reason, text);
}

struct config_state {
    struct world *world;
};

struct config_state *config_state_new(struct cluster *c, enum config_state_of of, const char *node)
{
    struct config_state *s = xcalloc(1, sizeof(*s));

    assert_int_equal(of, CONFIG_STATE_CONTROLLER);
    assert_string_equal(node, "");
    s->world = c->writer->world;
    return s;
}

struct config_state *config_state_free(struct config_state *s)
{
    free(s);
    return NULL;
}

struct kube_selection config_state_selection(const struct config_state *s)
{
    (void)s;
    return (struct kube_selection){.kind = OBJ_CONFIGURATION_STATE, .namespace = NAMESPACE};
}

void config_state_on_change(struct config_state *s)
{
    (void)s;
}

void config_state_report(struct config_state *s, const char *fault)
{
    free(s->world->fault);
    s->world->fault = fault != NULL ? xstrdup(fault) : NULL;
    s->world->reports++;
}

void cluster_watch(struct cluster *c, struct kube_feed_options options)
{
    c->writer->world->feed = options;
}

/* ---- life ---- */

void world_init(struct world *w, const char *lb_class)
{
    struct event_config *cfg = event_config_new();

    *w = (struct world){.writer = {w}, .events = {w}, .options = {.lb_class = lb_class}};
    w->documents = json_object();
    w->cluster = (struct cluster){.base = event_base_new_with_config(cfg),
                                  .writer = &w->writer,
                                  .events = &w->events,
                                  .store = store_new(),
                                  .namespace = NAMESPACE};
    event_config_free(cfg);
    event_base_priority_init(w->cluster.base, 3);
    reconciler_init(&w->reconciler, &w->cluster, &w->options);
    reconciler_start(&w->reconciler);
}

static void write_done(struct world_write *write)
{
    free((void *)(uintptr_t)write->request.namespace);
    free((void *)(uintptr_t)write->request.name);
    json_decref(write->read);
}

static void news_done(struct world_event *e)
{
    free(e->namespace);
    free(e->name);
    free(e->json);
}

void world_done(struct world *w)
{
    reconciler_done(&w->reconciler);
    for (size_t i = 0; i < w->write_count; i++)
        write_done(&w->writes[i]);
    for (size_t i = 0; i < w->news_count; i++)
        news_done(&w->news[i]);
    for (size_t i = 0; i < w->reply_count; i++)
        free(w->replies[i].bytes);
    free(w->replies);
    free(w->writes);
    free(w->news);
    free(w->fault);
    text_done(&w->told);
    json_decref(w->documents);
    store_free(w->cluster.store);
    event_base_free(w->cluster.base);
}

/* ---- the server ---- */

static char *key_of(enum object_kind kind, const char *namespace, const char *name)
{
    return xasprintf("%s/%s/%s", object_kind_name(kind), namespace, name);
}

static void tell(struct world *w, enum object_kind kind, const char *namespace, const char *name,
                 const json_t *document)
{
    struct world_event e = {.kind = kind, .namespace = xstrdup(namespace), .name = xstrdup(name)};

    if (document != NULL)
        e.json = json_dumps(document, JSON_COMPACT);
    w->news = array_grow(w->news, &w->news_cap, w->news_count + 1, sizeof(*w->news));
    w->news[w->news_count++] = e;
}

static enum object_kind kind_of(const char *name)
{
    for (size_t i = 0; i < OBJECT_KINDS; i++) {
        if (strcmp(object_kind_name((enum object_kind)i), name) == 0)
            return (enum object_kind)i;
    }
    fail_msg("no kind %s", name);
    return OBJ_SERVICE;
}

void world_restart(struct world *w, const struct world *from)
{
    const char *key;
    json_t *document;

    world_init(w, from->options.lb_class);
    w->version = from->version;
    json_object_foreach(from->documents, key, document)
    {
        const json_t *metadata = json_object_get(document, "metadata");
        const char *namespace = json_string_value(json_object_get(metadata, "namespace"));

        tell(w, kind_of(json_string_value(json_object_get(document, "kind"))),
             namespace != NULL ? namespace : "",
             json_string_value(json_object_get(metadata, "name")), document);
    }
    json_object_update(w->documents, from->documents);
}

static void bump(struct world *w, json_t *metadata)
{
    CLEANUP(xfreep) char *version = xasprintf("%lld", (long long)++w->version);

    json_object_set_new(metadata, "resourceVersion", json_string(version));
}

/* People change their own fields and leave ours alone. */
static void keep_pool_annotation(json_t *metadata, const json_t *was)
{
    json_t *pool = json_object_get(json_object_get(was, "annotations"), POOL_KEY);

    if (pool == NULL)
        return;
    if (json_object_get(metadata, "annotations") == NULL)
        json_object_set_new(metadata, "annotations", json_object());
    json_object_set(json_object_get(metadata, "annotations"), POOL_KEY, pool);
}

/* What the server fills in. */
static void complete(struct world *w, json_t *document, const json_t *old)
{
    json_t *metadata = json_object_get(document, "metadata");
    const json_t *was = json_object_get(old, "metadata");
    json_int_t generation = json_integer_value(json_object_get(was, "generation"));

    bump(w, metadata);
    if (old == NULL) {
        CLEANUP(xfreep) char *uid = xasprintf("uid-%lld", (long long)w->version);

        json_object_set_new(metadata, "uid", json_string(uid));
    } else {
        json_object_set(metadata, "uid", json_object_get(was, "uid"));
        keep_pool_annotation(metadata, was);
        if (json_object_get(document, "status") == NULL && json_object_get(old, "status") != NULL)
            json_object_set(document, "status", json_object_get(old, "status"));
    }
    if (old == NULL || !json_equal(json_object_get(old, "spec"), json_object_get(document, "spec")))
        generation++;
    json_object_set_new(metadata, "generation", json_integer(generation));
}

void world_put(struct world *w, const char *json)
{
    json_t *document = json_loads(json, 0, NULL);
    const json_t *metadata = json_object_get(document, "metadata");
    const char *namespace, *name;
    CLEANUP(xfreep) char *key = NULL;
    enum object_kind kind;

    if (document == NULL)
        fail_msg("no JSON: %s", json);
    kind = kind_of(json_string_value(json_object_get(document, "kind")));
    name = json_string_value(json_object_get(metadata, "name"));
    namespace = json_string_value(json_object_get(metadata, "namespace"));
    if (namespace == NULL)
    namespace = "";
    key = key_of(kind, namespace, name);
    complete(w, document, json_object_get(w->documents, key));
    tell(w, kind, namespace, name, document);
    json_object_set_new(w->documents, key, document);
}

void world_delete(struct world *w, enum object_kind kind, const char *namespace, const char *name)
{
    CLEANUP(xfreep) char *key = key_of(kind, namespace, name);

    if (json_object_del(w->documents, key) == 0) {
        w->version++;
        tell(w, kind, namespace, name, NULL);
    }
}

void world_pool(struct world *w, const char *name, const char *addresses)
{
    CLEANUP(xfreep)
    char *json = xasprintf("{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\","
                           "\"metadata\":{\"namespace\":\"" NAMESPACE "\",\"name\":\"%s\"},"
                           "\"spec\":{\"addresses\":[%s]}}",
                           name, addresses);

    world_put(w, json);
}

void world_service_meta(struct world *w, const char *name, const char *meta, const char *more)
{
    json_t *spec = json_loads("{\"type\":\"LoadBalancer\",\"clusterIP\":\"198.18.0.1\","
                              "\"clusterIPs\":[\"198.18.0.1\"],\"ports\":[{\"port\":80}]}",
                              0, NULL);
    json_t *over = json_loads(more, 0, NULL), *metadata = json_loads(meta, 0, NULL), *document;
    CLEANUP(xfreep) char *json = NULL;

    assert_non_null(over);
    assert_non_null(metadata);
    json_object_update(spec, over);
    json_decref(over);
    json_object_set_new(metadata, "name", json_string(name));
    json_object_set_new(metadata, "namespace", json_string("default"));
    document = json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "Service", "metadata",
                         metadata, "spec", spec);
    json = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    world_put(w, json);
}

void world_service(struct world *w, const char *name, const char *more)
{
    world_service_meta(w, name, "{}", more);
}

/* ---- the feed ---- */

static struct object *decode(const char *json)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(err_done) struct err err = {0};
    json_t *document = json_loads(json, 0, NULL);
    struct object *o = NULL;

    if (object_decode(&o, document, (struct origin){.file = ""}, &faults, &err) != DECODE_OK)
        fail_msg("%s: %s", json, faults.count > 0 ? faults.items[0].message : err_text(&err));
    json_decref(document);
    return o;
}

bool world_deliver(struct world *w)
{
    struct world_event e;
    struct kube_change change;
    struct object *old;

    if (w->news_count == 0)
        return false;
    e = w->news[0];
    memmove(w->news, w->news + 1, --w->news_count * sizeof(*w->news));
    if (e.json != NULL) {
        struct object *new = decode(e.json);

        old = store_swap(w->cluster.store, new);
        change = (struct kube_change){e.kind, old, new, e.json, strlen(e.json)};
    } else {
        old = store_remove(w->cluster.store, e.kind, e.namespace, e.name);
        change = (struct kube_change){.kind = e.kind, .old = old};
    }
    if (old != NULL || change.new != NULL)
        w->feed.changed(w->feed.arg, &change);
    object_free(old);
    news_done(&e);
    return true;
}

void world_lose_last(struct world *w)
{
    news_done(&w->news[--w->news_count]);
}

void world_synced(struct world *w)
{
    while (world_deliver(w))
        ;
    w->feed.synced(w->feed.arg);
    world_loop(w);
}

void world_loop(struct world *w)
{
    event_base_loop(w->cluster.base, EVLOOP_NONBLOCK);
}

/* ---- answers ---- */

static void send_reply(struct world_reply *r)
{
    struct kube_reply reply = {.status = r->status,
                               .text = r->status >= 300 ? "the server says no" : "",
                               .reason = "",
                               .bytes = r->bytes,
                               .len = strlen(r->bytes),
                               .retry_after_ns = -1};

    r->done(r->arg, &reply);
    free(r->bytes);
}

bool world_reply(struct world *w)
{
    struct world_reply r;

    if (w->reply_count == 0)
        return false;
    r = w->replies[0];
    memmove(w->replies, w->replies + 1, --w->reply_count * sizeof(*w->replies));
    send_reply(&r);
    return true;
}

static void reply_to(struct world *w, const struct world_write *write, unsigned status,
                     const json_t *body)
{
    struct world_reply r = {.done = write->request.done, .arg = write->request.arg};

    r.status = status;
    r.bytes = body != NULL ? json_dumps(body, JSON_COMPACT) : xstrdup("");
    w->replies = array_grow(w->replies, &w->reply_cap, w->reply_count + 1, sizeof(*w->replies));
    w->replies[w->reply_count++] = r;
    if (!w->holds_replies)
        world_reply(w);
}

/* As the API server: labels and spec are not touched by a write to the status. */
static void store_status(struct world *w, const char *key, json_t *wanted, bool is_service)
{
    json_t *document = json_deep_copy(json_object_get(w->documents, key));
    json_t *metadata = json_object_get(document, "metadata");
    const json_t *annotations = json_object_get(json_object_get(wanted, "metadata"), "annotations");

    json_object_set(document, "status", json_object_get(wanted, "status"));
    if (is_service && annotations != NULL)
        json_object_set(metadata, "annotations", (json_t *)(uintptr_t)annotations);
    else if (is_service)
        json_object_del(metadata, "annotations");
    bump(w, metadata);
    json_object_set_new(w->documents, key, document);
}

static void answer(struct world *w, struct world_write *write)
{
    bool is_service = write->request.kind == OBJ_SERVICE;
    CLEANUP(xfreep)
    char *key = key_of(write->request.kind, write->request.namespace, write->request.name);
    const json_t *now = json_object_get(w->documents, key);
    json_t *document;

    if (now == NULL) {
        reply_to(w, write, 404, NULL);
        return;
    }
    document = json_deep_copy(now);
    if (write->read != NULL &&
        json_equal(json_object_get(write->read, "metadata"), json_object_get(now, "metadata"))) {
        json_decref(document);
        document = json_incref(write->read);
    } else {
        w->reads++;
    }
    if (write->request.edit(write->request.arg, document) == KUBE_EDIT_NOTHING) {
        reply_to(w, write, 0, NULL);
    } else {
        *(is_service ? &w->service_puts : &w->pool_puts) += 1;
        store_status(w, key, document, is_service);
        now = json_object_get(w->documents, key);
        tell(w, write->request.kind, write->request.namespace, write->request.name, now);
        reply_to(w, write, 200, now);
    }
    json_decref(document);
}

void world_answer(struct world *w, size_t i, bool fails)
{
    struct world_write write = w->writes[i];

    memmove(w->writes + i, w->writes + i + 1, (--w->write_count - i) * sizeof(*w->writes));
    if (fails)
        reply_to(w, &write, 500, NULL);
    else
        answer(w, &write);
    write_done(&write);
}

/* A write of a Service that failed waits for its time. */
static bool has_under_way(struct world *w)
{
    struct object_list all = store_list(w->cluster.store, OBJ_SERVICE);

    for (size_t i = 0; i < all.count; i++) {
        if (service_writer_is_under_way(w->reconciler.writer, all.items[i]))
            return true;
    }
    return false;
}

void world_settle(struct world *w)
{
    do {
        while (world_deliver(w))
            ;
        world_loop(w);
        while (w->write_count > 0)
            world_answer(w, 0, false);
        while (world_reply(w))
            ;
        if (w->news_count == 0 && w->write_count == 0 && has_under_way(w))
            event_base_loop(w->cluster.base, EVLOOP_ONCE);
    } while (w->news_count > 0 || w->write_count > 0 || has_under_way(w));
}

void world_settle_pools(struct world *w)
{
    world_settle(w);
    while (event_base_get_num_events(w->cluster.base, EVENT_BASE_COUNT_ADDED) > 0) {
        event_base_loop(w->cluster.base, EVLOOP_ONCE);
        world_settle(w);
    }
}

/* ---- what is there ---- */

json_t *world_document(const struct world *w, enum object_kind kind, const char *name)
{
    CLEANUP(xfreep) char *key = key_of(kind, kind == OBJ_SERVICE ? "default" : NAMESPACE, name);

    return json_object_get(w->documents, key);
}

char *world_ips(const struct world *w, const char *name)
{
    const json_t *status = json_object_get(world_document(w, OBJ_SERVICE, name), "status");
    const json_t *ingress = json_object_get(json_object_get(status, "loadBalancer"), "ingress");
    struct text t = {0};

    for (size_t i = 0; i < json_array_size(ingress); i++) {
        const char *ip = json_string_value(json_object_get(json_array_get(ingress, i), "ip"));

        text_printf(&t, "%s%s", i > 0 ? " " : "", ip != NULL ? ip : "-");
    }
    text_add(&t, "");
    return t.chars != NULL ? text_take(&t) : xstrdup("");
}

const char *world_annotation(const struct world *w, const char *name, const char *key)
{
    const json_t *metadata = json_object_get(world_document(w, OBJ_SERVICE, name), "metadata");

    return json_string_value(json_object_get(json_object_get(metadata, "annotations"), key));
}
