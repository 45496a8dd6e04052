/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One write at a time, each taken from what the store has: create the object; labels and owner;
 * result and summary; our condition. After a write that changed something the change comes back
 * through the feed and leads to the next one.
 *
 * The store has no owner references. So metadata is checked in the bytes of the object: in those
 * that a write of ours brought back, else by reading it, once a resource version.
 */
#include "role/config_state.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_body.h"
#include "kube/kube_path.h"
#include "kube/kube_time.h"

#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 32768 };
/* Of a work queue (spec controller 4.2). */
#define FIRST_PAUSE_NS (5 * NS_PER_MS)
#define LONGEST_PAUSE_NS (1000 * NS_PER_SEC)
#define LOG_INTERVAL_NS (10 * NS_PER_SEC)

static const struct {
    const char *component, *condition, *field_manager;
} roles[] = {
    [CONFIG_STATE_CONTROLLER] = {"controller", "poolReconcilerValid", "poolReconciler"},
    [CONFIG_STATE_SPEAKER] = {"speaker", "configReconcilerValid", "configReconciler"},
};

struct config_state {
    struct cluster *cluster;
    enum config_state_of of;
    char *name, *node, *field_selector;
    bool is_reported;
    char *fault; /* NULL: valid */

    bool is_writing;
    bool is_dirty; /* something changed while a write was under way */
    char *seen;    /* the resource version that an edit of the metadata began with */
    char *checked; /* the resource version whose metadata are as they should be; NULL: none */
    struct event retry;
    int64_t pause_ns;
    struct log_limit limit;
};

static void reconcile(struct config_state *s);

static const struct object *stored(const struct config_state *s)
{
    return store_find(s->cluster->store, OBJ_CONFIGURATION_STATE, s->cluster->namespace, s->name);
}

static void replace_text(char **text, const char *value)
{
    char *copy = value == NULL ? NULL : xstrdup(value);

    free(*text);
    *text = copy;
}

/* --- metadata --- */

static json_t *wanted_labels(const struct config_state *s)
{
    json_t *labels = json_pack("{s:s}", "metallb.io/component-type", roles[s->of].component);

    if (s->of == CONFIG_STATE_SPEAKER)
        json_object_set_new(labels, "metallb.io/node-name", json_string(s->node));
    return labels;
}

static bool is_same_owner(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "apiVersion"), json_object_get(b, "apiVersion")) &&
           json_equal(json_object_get(a, "kind"), json_object_get(b, "kind")) &&
           json_equal(json_object_get(a, "name"), json_object_get(b, "name"));
}

/* Other owners stay: they are former Pods, whose references the garbage collector takes out. Ours
 * is there once, with our uid. */
static json_t *wanted_owners(const struct config_state *s, const json_t *owners)
{
    json_t *ours = cluster_owner_references(s->cluster), *wanted = json_array(), *owner;
    const json_t *reference = json_array_get(ours, 0);
    size_t i;
    bool found = false;

    json_array_foreach(owners, i, owner)
    {
        if (!is_same_owner(owner, reference))
            json_array_append(wanted, owner);
        else if (!found)
            json_array_extend(wanted, ours);
        found |= is_same_owner(owner, reference);
    }
    if (!found)
        json_array_extend(wanted, ours);
    json_decref(ours);
    return wanted;
}

/* True when it was not as it should be. The server leaves out an empty list. */
static bool set_member_take(json_t *object, const char *name, json_t *value)
{
    const json_t *has = json_object_get(object, name);
    bool is_empty_list = json_is_array(value) && json_array_size(value) == 0;
    bool differs = is_empty_list ? json_array_size(has) > 0 : !json_equal(has, value);

    if (differs)
        json_object_set(object, name, value);
    json_decref(value);
    return differs;
}

static bool set_metadata(const struct config_state *s, json_t *object)
{
    json_t *meta = json_object_get(object, "metadata");
    json_t *owners = wanted_owners(s, json_object_get(meta, "ownerReferences"));
    bool labels_differ = set_member_take(meta, "labels", wanted_labels(s));

    return set_member_take(meta, "ownerReferences", owners) || labels_differ;
}

static const char *version_of(const json_t *object)
{
    return json_string_value(
        json_object_get(json_object_get(object, "metadata"), "resourceVersion"));
}

/* What a write brought back. */
static void check_written(struct config_state *s, const struct kube_reply *reply)
{
    CLEANUP(kube_body_done) struct kube_body j = {0};
    CLEANUP(err_done) struct err err = {0};

    if (kube_body_read(&j, reply->bytes, reply->len, &err) < 0)
        return; /* then it is read */
    if (!set_metadata(s, j.value))
        replace_text(&s->checked, version_of(j.value));
}

/* --- the result --- */

static bool is_config_error(const struct condition *c)
{
    return str_eq(c->status, "False") && str_eq(c->reason, "ConfigurationError");
}

static const char *summarize(struct text *ret_summary, const struct condition *conditions,
                             size_t count)
{
    const char *result = count == 0 ? "Unknown" : "Valid";

    for (size_t i = 0; i < count; i++) {
        if (!is_config_error(&conditions[i]))
            continue;
        if (str_eq(result, "Invalid"))
            text_add(ret_summary, "\n");
        text_add(ret_summary, conditions[i].message);
        result = "Invalid";
    }
    return result;
}

static struct condition condition_of(const json_t *c)
{
    return (struct condition){.status = json_string_value(json_object_get(c, "status")),
                              .reason = json_string_value(json_object_get(c, "reason")),
                              .message = json_string_value(json_object_get(c, "message"))};
}

static enum kube_edit edit_result(void *arg, json_t *object)
{
    json_t *status = json_object_get(object, "status");
    const json_t *list = json_object_get(status, "conditions");
    size_t count = json_array_size(list);
    CLEANUP(xfreep) struct condition *conditions = xcalloc(count, sizeof(*conditions));
    CLEANUP(text_done) struct text summary = {0};
    const char *result;

    (void)arg;
    for (size_t i = 0; i < count; i++) {
        conditions[i] = condition_of(json_array_get(list, i));
        if (conditions[i].message == NULL)
            conditions[i].message = "";
    }
    result = summarize(&summary, conditions, count);
    if (!json_is_object(status)) {
        status = json_object();
        json_object_set_new(object, "status", status);
    }
    json_object_set_new(status, "result", json_string(result));
    if (summary.len > 0)
        json_object_set_new(status, "errorSummary", json_string(text_str(&summary)));
    else
        json_object_del(status, "errorSummary");
    return KUBE_EDIT_WRITE; /* the writer sees whether anything has changed */
}

static bool is_result_right(const struct configuration_state *have)
{
    CLEANUP(text_done) struct text summary = {0};
    const char *result = summarize(&summary, have->conditions, have->condition_count);

    return str_eq(have->result, result) && str_eq(have->error_summary, text_str(&summary));
}

/* --- our condition --- */

/* The message of the condition, cut to what the schema allows, never within a character. */
static char *condition_message(const char *fault)
{
    char *message = fault == NULL ? xstrdup("") : xasprintf("configuration error: %s", fault);
    size_t len = strlen(message);

    if (len > MESSAGE_MAX) {
        len = MESSAGE_MAX;
        while (len > 0 && ((unsigned char)message[len] & 0xc0) == 0x80)
            len--;
        message[len] = '\0';
    }
    return message;
}

static bool is_condition_right(const struct config_state *s, const struct configuration_state *have)
{
    CLEANUP(xfreep) char *message = condition_message(s->fault);

    for (size_t i = 0; i < have->condition_count; i++) {
        const struct condition *c = &have->conditions[i];

        if (str_eq(c->type, roles[s->of].condition))
            return str_eq(c->status, s->fault == NULL ? "True" : "False") &&
                   str_eq(c->reason, s->fault == NULL ? "Reconciled" : "ConfigurationError") &&
                   str_eq(c->message, message);
    }
    return false;
}

/* --- writes --- */

static void write_failed(struct config_state *s, const struct kube_reply *reply)
{
    struct timeval tv = delay_from_ns(s->pause_ns);

    if (log_limit_pass(&s->limit, mono_now().ns, LOG_INTERVAL_NS))
        log_warn("ConfigurationState not written", F_S("name", s->name), F_S("error", reply->text));
    (void)event_add(&s->retry, &tv); /* fails only without memory */
    s->pause_ns = s->pause_ns * 2 < LONGEST_PAUSE_NS ? s->pause_ns * 2 : LONGEST_PAUSE_NS;
}

static bool has_failed(const struct kube_reply *reply)
{
    return reply->code < 0 || (reply->status != 0 && reply->status / 100 != 2);
}

static void on_written(void *arg, const struct kube_reply *reply)
{
    struct config_state *s = arg;

    s->is_writing = false;
    if (has_failed(reply)) {
        write_failed(s, reply);
    } else {
        s->pause_ns = FIRST_PAUSE_NS;
        if (reply->status != 0)
            check_written(s, reply);
    }
    if (s->is_dirty) {
        s->is_dirty = false;
        reconcile(s);
    }
}

static enum kube_edit edit_metadata(void *arg, json_t *object)
{
    struct config_state *s = arg;

    replace_text(&s->seen, version_of(object));
    return set_metadata(s, object) ? KUBE_EDIT_WRITE : KUBE_EDIT_NOTHING;
}

/* When they were right, the store's version is the checked one, unless the store is behind. */
static void on_metadata_written(void *arg, const struct kube_reply *reply)
{
    struct config_state *s = arg;
    const struct object *o = stored(s);

    if (!has_failed(reply) && reply->status == 0) {
        replace_text(&s->checked, s->seen);
        s->is_dirty |= o != NULL && str_eq(o->meta.resource_version, s->seen);
    }
    on_written(s, reply);
}

/* 409: it is there, ours of a moment ago or our predecessor's, and the store will have it soon. */
static void on_created(void *arg, const struct kube_reply *reply)
{
    struct config_state *s = arg;

    if (reply->status != 409) {
        on_written(s, reply);
        return;
    }
    s->is_writing = s->is_dirty = false;
    if (stored(s) != NULL) /* it has come meanwhile */
        reconcile(s);
}

static json_t *new_object(const struct config_state *s)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion",
                     kube_api_version(OBJ_CONFIGURATION_STATE), "kind",
                     object_kind_name(OBJ_CONFIGURATION_STATE), "metadata", "name", s->name,
                     "namespace", s->cluster->namespace);
}

static void create(struct config_state *s)
{
    CLEANUP(xfreep)
    char *path = kube_path(OBJ_CONFIGURATION_STATE, s->cluster->namespace, NULL, NULL);
    CLEANUP(xfreep)
    char *key = kube_path(OBJ_CONFIGURATION_STATE, s->cluster->namespace, s->name, NULL);
    CLEANUP(xfreep) char *body = NULL;
    json_t *object = new_object(s);
    struct kube_request request = {.method = "POST", .path = path};

    set_metadata(s, object);
    body = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    request.body = body;
    request.body_len = strlen(body);
    kube_writer_send(s->cluster->writer, key, &request, on_created, s);
}

static void edit(struct config_state *s, const char *subresource, kube_edit_fn fn,
                 kube_written_fn done)
{
    const struct kube_edit_request request = {.kind = OBJ_CONFIGURATION_STATE,
                                              .namespace = s->cluster->namespace,
                                              .name = s->name,
                                              .subresource = subresource,
                                              .edit = fn,
                                              .done = done,
                                              .arg = s};

    kube_writer_edit(s->cluster->writer, &request);
}

static void apply_condition(struct config_state *s)
{
    CLEANUP(xfreep) char *message = condition_message(s->fault);
    json_t *object = new_object(s);
    json_t *condition =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", roles[s->of].condition, "status",
                  s->fault == NULL ? "True" : "False", "reason",
                  s->fault == NULL ? "Reconciled" : "ConfigurationError", "message", message,
                  "lastTransitionTime", kube_time_format(kube_time_now()).s);

    json_object_set_new(object, "status", json_pack("{s:[o]}", "conditions", condition));
    kube_writer_apply_status(s->cluster->writer, OBJ_CONFIGURATION_STATE, s->cluster->namespace,
                             s->name, roles[s->of].field_manager, object, on_written, s);
    json_decref(object);
}

/* Begins the next write that is needed, if any. */
static bool begin_write(struct config_state *s, const struct object *o)
{
    if (o == NULL)
        create(s);
    else if (!str_eq(s->checked, o->meta.resource_version))
        edit(s, NULL, edit_metadata, on_metadata_written);
    else if (s->is_reported && !is_condition_right(s, &o->configuration_state))
        apply_condition(s);
    else if (!is_result_right(&o->configuration_state))
        edit(s, "status", edit_result, on_written);
    else
        return false;
    return true;
}

/* Before the feed is complete, what is not in the store may exist. */
static void reconcile(struct config_state *s)
{
    if (s->cluster->feed == NULL || !kube_feed_is_synced(s->cluster->feed))
        return;
    if (s->is_writing)
        s->is_dirty = true;
    else
        s->is_writing = begin_write(s, stored(s));
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    reconcile(arg);
}

/* --- life --- */

struct config_state *config_state_new(struct cluster *c, enum config_state_of of, const char *node)
{
    struct config_state *s = xcalloc(1, sizeof(*s));

    s->cluster = c;
    s->of = of;
    s->node = xstrdup(node == NULL ? "" : node);
    s->name = of == CONFIG_STATE_CONTROLLER ? xstrdup("controller") : xasprintf("speaker-%s", node);
    s->field_selector = xasprintf("metadata.name=%s", s->name);
    s->pause_ns = FIRST_PAUSE_NS;
    (void)event_assign(&s->retry, c->base, -1, 0, on_retry, s); /* cannot fail */
    return s;
}

struct config_state *config_state_free(struct config_state *s)
{
    if (s == NULL)
        return NULL;
    kube_writer_forget(s->cluster->writer, s);
    (void)event_del(&s->retry);
    free(s->name);
    free(s->node);
    free(s->field_selector);
    free(s->fault);
    free(s->seen);
    free(s->checked);
    free(s);
    return NULL;
}

struct kube_selection config_state_selection(const struct config_state *s)
{
    return (struct kube_selection){.kind = OBJ_CONFIGURATION_STATE,
                                   .namespace = s->cluster->namespace,
                                   .field_selector = s->field_selector,
                                   .label_selector = ""};
}

void config_state_on_change(struct config_state *s)
{
    reconcile(s);
}

void config_state_report(struct config_state *s, const char *fault)
{
    if (s->is_reported && str_eq(s->fault, fault))
        return;
    s->is_reported = true;
    replace_text(&s->fault, fault);
    reconcile(s);
}
