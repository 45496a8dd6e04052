/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_events.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_events_fsm.h"
#include "kube/kube_path.h"
#include "kube/kube_time.h"

#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { MESSAGE_MAX = 8192 };
#define LOG_INTERVAL_NS (10 * NS_PER_SEC)

/* What a reply comes back with. */
struct waiting {
    struct kube_events *events;
    size_t slot;
};

struct kube_events {
    struct kube_writer *writer;
    struct events_fsm *machine;
    char *component, *host;
    struct waiting waiting[EVENTS_SLOTS];
    struct event timer; /* fires at once when there is work, or at the machine's deadline */
    struct log_limit limit;
};

/* --- bodies --- */

static json_t *time_value(int64_t ns)
{
    return json_string(kube_time_format(ns).s);
}

/* Only what is not empty, as the "omitempty" of client-go's types. */
static void set_text(json_t *object, const char *name, const char *value)
{
    if (!str_empty(value))
        json_object_set_new(object, name, json_string(value));
}

static json_t *about_body(const struct events_input *about)
{
    json_t *o = json_object();

    set_text(o, "kind", about->kind);
    set_text(o, "namespace", about->namespace);
    set_text(o, "name", about->name);
    set_text(o, "uid", about->uid);
    set_text(o, "apiVersion", about->api_version);
    set_text(o, "resourceVersion", about->resource_version);
    return o;
}

/* A cluster-scoped object's events live in "default". */
static const char *event_namespace(const struct events_record *r)
{
    return str_empty(r->about.namespace) ? "default" : r->about.namespace;
}

static json_t *meta_body(const struct events_record *r)
{
    json_t *meta = json_object();

    set_text(meta, "name", r->name);
    set_text(meta, "namespace", event_namespace(r));
    return meta;
}

static json_t *source_body(const struct kube_events *e)
{
    json_t *source = json_object();

    set_text(source, "component", e->component);
    set_text(source, "host", e->host);
    return source;
}

static json_t *create_body(const struct kube_events *e, const struct events_record *r)
{
    json_t *o = json_object();

    set_text(o, "apiVersion", "v1");
    set_text(o, "kind", "Event");
    json_object_set_new(o, "metadata", meta_body(r));
    json_object_set_new(o, "involvedObject", about_body(&r->about));
    set_text(o, "reason", r->about.reason);
    set_text(o, "message", r->about.message);
    json_object_set_new(o, "source", source_body(e));
    json_object_set_new(o, "firstTimestamp", time_value(r->first_ns));
    json_object_set_new(o, "lastTimestamp", time_value(r->last_ns));
    json_object_set_new(o, "count", json_integer((json_int_t)r->count));
    set_text(o, "type", r->about.type);
    json_object_set_new(o, "eventTime", json_null()); /* not omitted by client-go either */
    json_object_set_new(o, "reportingComponent", json_string(e->component));
    json_object_set_new(o, "reportingInstance", json_string(e->host));
    return o;
}

static json_t *patch_body(const struct events_record *r)
{
    json_t *o = json_object();

    json_object_set_new(o, "count", json_integer((json_int_t)r->count));
    json_object_set_new(o, "lastTimestamp", time_value(r->last_ns));
    set_text(o, "message", r->about.message);
    return o;
}

/* --- sending --- */

static void look_again(struct kube_events *e, int64_t ns)
{
    struct timeval tv = delay_from_ns(ns);

    (void)event_add(&e->timer, &tv); /* fails only without memory */
}

static enum events_reply judge(const struct kube_reply *reply)
{
    if (reply->status == 0)
        return EVENTS_UNREACHABLE;
    if (reply->status == 404)
        return EVENTS_MISSING;
    return reply->status / 100 == 2 ? EVENTS_WRITTEN : EVENTS_REFUSED;
}

/* An event that is there already, or whose namespace is going, is nothing to worry about. */
static void log_given_up(struct kube_events *e, struct mono now, const struct kube_reply *reply)
{
    bool is_usual = reply->status == 409 || strstr(reply->bytes, "NamespaceTerminating") != NULL;

    if (is_usual)
        log_debug("event not written", F_S("error", reply->text));
    else if (log_limit_pass(&e->limit, now.ns, LOG_INTERVAL_NS))
        log_warn("event not written", F_S("error", reply->text),
                 F_U("suppressed", e->limit.suppressed));
}

static void on_written(void *arg, const struct kube_reply *reply)
{
    const struct waiting *w = arg;
    struct kube_events *e = w->events;
    struct mono now = mono_now();

    if (events_fsm_on_reply(e->machine, now, w->slot, judge(reply)))
        log_given_up(e, now, reply);
    look_again(e, 0);
}

static void send_request(struct kube_events *e, const struct events_request *r)
{
    bool is_patch = r->kind == EVENTS_PATCH;
    CLEANUP(xfreep)
    char *all = xasprintf("/api/v1/namespaces/%s/events", event_namespace(r->record));
    CLEANUP(xfreep) char *one = xasprintf("%s/%s", all, r->record->name);
    CLEANUP(xfreep) char *body = NULL;
    json_t *value = is_patch ? patch_body(r->record) : create_body(e, r->record);
    struct kube_request request = {.method = is_patch ? "PATCH" : "POST",
                                   .path = is_patch ? one : all,
                                   .content_type =
                                       is_patch ? "application/merge-patch+json" : NULL};

    body = json_dumps(value, JSON_COMPACT);
    json_decref(value);
    request.body = body;
    request.body_len = strlen(body);
    /* A status tells the same, and is what somebody waits for. */
    kube_writer_send_late(e->writer, one, &request, on_written, &e->waiting[r->slot]);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct kube_events *e = arg;
    struct mono now = mono_now(), deadline;
    struct events_request r;

    (void)fd;
    (void)what;
    while (events_fsm_next(e->machine, now, &r))
        send_request(e, &r);
    deadline = events_fsm_deadline(e->machine);
    if (mono_is_set(deadline))
        look_again(e, mono_before(now, deadline) ? mono_sub(deadline, now) : 0);
}

/* --- the recorder --- */

struct kube_events *kube_events_new(struct event_base *base, struct kube_writer *writer,
                                    const char *component, const char *host)
{
    struct kube_events *e = xcalloc(1, sizeof(*e));
    uint64_t seed;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        abort(); /* never for so few bytes */
    e->writer = writer;
    e->component = xstrdup(component);
    e->host = xstrdup(host);
    e->machine = events_fsm_new(component, host, seed);
    for (size_t i = 0; i < EVENTS_SLOTS; i++)
        e->waiting[i] = (struct waiting){e, i};
    (void)event_assign(&e->timer, base, -1, 0, on_timer, e); /* cannot fail */
    return e;
}

struct kube_events *kube_events_free(struct kube_events *e)
{
    if (e == NULL)
        return NULL;
    (void)event_del(&e->timer);
    for (size_t i = 0; i < EVENTS_SLOTS; i++)
        kube_writer_forget(e->writer, &e->waiting[i]);
    events_fsm_free(e->machine);
    free(e->component);
    free(e->host);
    free(e);
    return NULL;
}

/* At most MESSAGE_MAX bytes, never half a character, and always UTF-8. */
static void cut_message(char *s)
{
    size_t len = strlen(s);

    if (len <= MESSAGE_MAX)
        return;
    len = MESSAGE_MAX;
    while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
        len--;
    s[len] = '\0';
}

void kube_event(struct kube_events *e, const struct object *about, enum kube_event_type type,
                const char *reason, const char *fmt, ...)
{
    CLEANUP(xfreep) char *message = NULL;
    struct events_input in = {.api_version = kube_api_version(about->kind),
                              .kind = object_kind_name(about->kind),
                              .namespace = about->meta.namespace,
                              .name = about->meta.name,
                              .uid = about->meta.uid,
                              .resource_version = about->meta.resource_version,
                              .type = type == KUBE_EVENT_NORMAL ? "Normal" : "Warning",
                              .reason = reason,
                              .wall_ns = kube_time_now()};
    va_list ap;

    va_start(ap, fmt);
    message = xvasprintf(fmt, ap);
    va_end(ap);
    cut_message(message);
    in.message = message;
    if (!events_fsm_add(e->machine, &in) &&
        log_limit_pass(&e->limit, mono_now().ns, LOG_INTERVAL_NS))
        log_warn("event dropped: too many are waiting", F_S("reason", reason),
                 F_S("name", about->meta.name));
    look_again(e, 0);
}

struct kube_events_stats kube_events_stats(const struct kube_events *e)
{
    struct events_fsm_stats s = events_fsm_stats(e->machine);

    return (struct kube_events_stats){.sent = s.sent, .folded = s.folded, .dropped = s.dropped};
}
