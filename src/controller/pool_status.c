/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/pool_status.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mono.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define BETWEEN_WRITES_NS NS_PER_SEC

enum { SLOWEST_SHIFT = 10 }; /* after failures: up to 1,024 s between two writes */

/* What of a pool the server has. */
struct known_pool {
    struct pool_status *owner;
    char *namespace, *name;
    int64_t generation;
    struct ipam_counters says;
    bool has_status;
    bool is_writing, is_gone; /* both: freed when the write ends */
    struct ipam_counters wrote;
    unsigned failures;      /* since the last success */
    struct mono not_before; /* of the next write */
    struct known_pool *next_gone;
};

struct pool_status {
    struct kube_writer *writer;
    const struct ipam *ipam;
    struct map by_name;
    struct known_pool *gone; /* whose writes have not ended */
    struct event *timer;
    bool is_in_force, is_stopped;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    pool_status_refresh(arg);
}

struct pool_status *pool_status_new(struct event_base *base, struct kube_writer *writer,
                                    const struct ipam *ipam)
{
    struct pool_status *p = xcalloc(1, sizeof(*p));

    p->writer = writer;
    p->ipam = ipam;
    p->timer = event_new(base, -1, 0, on_timer, p);
    return p;
}

static void known_free(struct known_pool *k)
{
    free(k->namespace);
    free(k->name);
    free(k);
}

struct pool_status *pool_status_free(struct pool_status *p)
{
    if (p == NULL)
        return NULL;
    while (p->gone != NULL) {
        struct known_pool *k = p->gone;

        p->gone = k->next_gone;
        known_free(k);
    }
    MAP_EACH (&p->by_name, e)
        known_free(e->value);
    map_done(&p->by_name);
    event_free(p->timer);
    free(p);
    return NULL;
}

void pool_status_stop(struct pool_status *p)
{
    p->is_stopped = true;
}

/* ---- the document ---- */

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"assignedIPv4", offsetof(struct ipam_counters, assigned_v4)},
    {"assignedIPv6", offsetof(struct ipam_counters, assigned_v6)},
    {"availableIPv4", offsetof(struct ipam_counters, available_v4)},
    {"availableIPv6", offsetof(struct ipam_counters, available_v6)},
};

static int64_t *field_of(struct ipam_counters *c, size_t i)
{
    return (int64_t *)(void *)((char *)c + fields[i].offset);
}

/* False unless all four are there. */
static bool read_status(struct ipam_counters *ret, const json_t *document)
{
    const json_t *status = json_object_get(document, "status");
    struct ipam_counters c = {0};

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const json_t *value = json_object_get(status, fields[i].name);

        if (!json_is_integer(value))
            return false;
        *field_of(&c, i) = json_integer_value(value);
    }
    *ret = c;
    return true;
}

static bool counters_eq(const struct ipam_counters *a, const struct ipam_counters *b)
{
    return a->assigned_v4 == b->assigned_v4 && a->assigned_v6 == b->assigned_v6 &&
           a->available_v4 == b->available_v4 && a->available_v6 == b->available_v6;
}

enum kube_edit pool_status_edit(json_t *document, const struct ipam_counters *counters)
{
    struct ipam_counters c = *counters, says;
    json_t *status;

    if (read_status(&says, document) && counters_eq(&says, &c))
        return KUBE_EDIT_NOTHING;
    status = json_object_get(document, "status");
    if (!json_is_object(status)) {
        status = json_object();
        json_object_set_new(document, "status", status);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        json_object_set_new(status, fields[i].name, json_integer(*field_of(&c, i)));
    return KUBE_EDIT_WRITE;
}

/* ---- writing ---- */

static struct ipam_counters counters_of(const struct known_pool *k)
{
    const struct pool named = {.name = k->name};

    return ipam_pool_counters(k->owner->ipam, &named);
}

static enum kube_edit on_edit(void *arg, json_t *document)
{
    struct known_pool *k = arg;

    if (k->is_gone)
        return KUBE_EDIT_NOTHING;
    k->wrote = counters_of(k);
    return pool_status_edit(document, &k->wrote);
}

static void forget_gone(struct pool_status *p, struct known_pool *k)
{
    struct known_pool **at = &p->gone;

    while (*at != k)
        at = &(*at)->next_gone;
    *at = k->next_gone;
    known_free(k);
}

static void on_written(void *arg, const struct kube_reply *reply)
{
    struct known_pool *k = arg;
    struct pool_status *p = k->owner;

    k->is_writing = false;
    if (k->is_gone) {
        forget_gone(p, k);
        return;
    }
    if (reply->code == 0 && reply->status < 300) {
        k->says = k->wrote;
        k->has_status = true;
        k->failures = 0;
    } else if (reply->status != 404) {
        k->failures += k->failures < SLOWEST_SHIFT;
        k->not_before = mono_add(mono_now(), BETWEEN_WRITES_NS << k->failures);
        log_error("failed to update the status of a pool", F_S("op", "updatePoolStatus"),
                  F_S("pool", k->name), F_S("error", reply->text));
    }
    pool_status_refresh(p);
}

static void start_write(struct known_pool *k, struct mono now)
{
    struct kube_edit_request request = {
        .kind = OBJ_IP_ADDRESS_POOL,
        .namespace = k->namespace,
        .name = k->name,
        .subresource = "status",
        .edit = on_edit,
        .done = on_written,
        .arg = k,
    };

    k->is_writing = true;
    k->not_before = mono_add(now, BETWEEN_WRITES_NS);
    kube_writer_edit(k->owner->writer, &request);
}

void pool_status_refresh(struct pool_status *p)
{
    struct mono now = mono_now(), wake = {0};

    p->is_in_force = true;
    MAP_EACH (&p->by_name, e) {
        struct known_pool *k = e->value;
        struct ipam_counters c = counters_of(k);

        if (p->is_stopped || k->is_writing || (k->has_status && counters_eq(&c, &k->says)))
            continue;
        if (mono_before(now, k->not_before))
            wake = mono_earlier(wake, k->not_before);
        else
            start_write(k, now);
    }
    if (mono_is_set(wake)) {
        struct timeval tv = delay_from_ns(mono_sub(wake, now));

        event_add(p->timer, &tv);
    }
}

/* ---- what the server has ---- */

static void on_gone(struct pool_status *p, const char *name)
{
    struct known_pool *k = map_del_str(&p->by_name, name);

    if (k == NULL)
        return;
    if (!k->is_writing) {
        known_free(k);
        return;
    }
    k->is_gone = true;
    k->next_gone = p->gone;
    p->gone = k;
}

static struct known_pool *known_get(struct pool_status *p, const struct object *o)
{
    struct known_pool *k = map_find_str(&p->by_name, o->meta.name);

    if (k != NULL)
        return k;
    k = xcalloc(1, sizeof(*k));
    k->owner = p;
    k->namespace = xstrdup(o->meta.namespace);
    k->name = xstrdup(o->meta.name);
    map_put_str(&p->by_name, k->name, k);
    return k;
}

bool pool_status_on_change(struct pool_status *p, const struct kube_change *change)
{
    struct known_pool *k;
    json_t *document;
    int64_t generation;

    if (change->new == NULL) {
        on_gone(p, change->old->meta.name);
        return true;
    }
    k = known_get(p, change->new);
    document = json_loadb(change->json, change->json_len, 0, NULL);
    generation =
        json_integer_value(json_object_get(json_object_get(document, "metadata"), "generation"));
    k->has_status = read_status(&k->says, document);
    json_decref(document);
    if (p->is_in_force)
        pool_status_refresh(p);
    if (change->old != NULL && generation == k->generation &&
        str_eq(change->old->meta.uid, change->new->meta.uid))
        return false;
    k->generation = generation;
    return true;
}
