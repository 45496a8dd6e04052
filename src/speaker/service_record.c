/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/service_record.h"

#include "base/hash.h"
#include "base/text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_NODE "metallb.io/node"

/* Of an endpoint: three conditions in two bits each, and whether it has an address. */
enum { READY_SHIFT = 0, SERVING_SHIFT = 2, TERMINATING_SHIFT = 4, TRI_MASK = 3, HAS_ADDRESS = 64 };

/* --- writing --- */

static void put(struct text *t, const char *s)
{
    text_add_n(t, s != NULL ? s : "", s != NULL ? strlen(s) + 1 : 1);
}

/* A zeroed struct of `size` bytes with the strings at its end. */
static void *record_new(size_t size, const struct text *strings)
{
    char *block = xcalloc(1, size + strings->len);

    memcpy(block + size, strings->chars, strings->len);
    return block;
}

struct service_record *service_record_new(const struct object *o)
{
    CLEANUP(text_done) struct text t = {0};
    const struct service *s = &o->service;
    struct service_record *r;

    put(&t, o->meta.uid);
    put(&t, o->meta.resource_version);
    put(&t, s->load_balancer_class);
    for (size_t i = 0; i < o->meta.labels.count; i++) {
        put(&t, o->meta.labels.items[i].key);
        put(&t, o->meta.labels.items[i].value);
    }
    for (size_t i = 0; i < s->ingress_count; i++)
        put(&t, s->ingress[i].ip);
    r = record_new(offsetof(struct service_record, strings), &t);
    r->label_count = (uint32_t)o->meta.labels.count;
    r->ingress_count = (uint32_t)s->ingress_count;
    r->is_load_balancer = str_eq(s->type, "LoadBalancer");
    r->is_local = str_eq(s->external_traffic_policy, "Local");
    r->has_class = s->load_balancer_class != NULL;
    r->may_share = annotation_find(&o->meta, "allow-shared-ip") != NULL;
    return r;
}

static char facts_of(const struct endpoint *e)
{
    return (char)(e->ready << READY_SHIFT | e->serving << SERVING_SHIFT |
                  e->terminating << TERMINATING_SHIFT | (e->addresses.count > 0 ? HAS_ADDRESS : 0));
}

struct slice_record *slice_record_new(const struct object *o)
{
    CLEANUP(text_done) struct text t = {0};
    struct slice_record *r;

    put(&t, o->meta.namespace);
    put(&t, o->meta.name);
    for (size_t i = 0; i < o->slice.endpoint_count; i++) {
        const char facts = facts_of(&o->slice.endpoints[i]);

        text_add_n(&t, &facts, 1);
        put(&t, o->slice.endpoints[i].node);
    }
    r = record_new(offsetof(struct slice_record, strings), &t);
    r->endpoint_count = (uint32_t)o->slice.endpoint_count;
    return r;
}

struct status_record *status_record_new(const struct object *o, const char *our_node)
{
    CLEANUP(text_done) struct text t = {0};
    struct status_record *r;

    put(&t, o->meta.namespace);
    put(&t, o->meta.name);
    r = record_new(offsetof(struct status_record, strings), &t);
    r->says = status_hash(&o->service_status);
    r->is_ours = str_eq(label_find(&o->meta.labels, LABEL_NODE), our_node);
    return r;
}

uint64_t status_hash(const struct service_status *s)
{
    uint64_t hash = hash_text(HASH_START, s->node);

    hash = hash_text(hash, s->service_namespace);
    hash = hash_text(hash, s->service);
    for (size_t i = 0; i < s->names.count; i++)
        hash = hash_text(hash, s->names.items[i]);
    return hash;
}

/* --- reading --- */

static const char *take(const char **at)
{
    const char *s = *at;

    *at += strlen(s) + 1;
    return s;
}

const char *record_name(const char *strings)
{
    return strings + strlen(strings) + 1;
}

static void read_labels(struct label_set *ret, size_t count, const char **at, struct arena *a)
{
    ret->items = arena_calloc(a, count, sizeof(*ret->items));
    ret->count = count;
    for (size_t i = 0; i < count; i++) {
        ret->items[i].key = take(at);
        ret->items[i].value = take(at);
    }
}

static void read_ingress(struct service *ret, size_t count, const char **at, struct arena *a)
{
    ret->ingress = arena_calloc(a, count, sizeof(*ret->ingress));
    ret->ingress_count = count;
    for (size_t i = 0; i < count; i++)
        ret->ingress[i] = (struct ingress){.ip = take(at), .hostname = "", .ip_mode = ""};
}

struct object *service_record_read(const struct service_record *r, struct arena *a)
{
    static const struct label may_share = {.key = "metallb.io/allow-shared-ip", .value = ""};
    struct object *o = arena_alloc(a, sizeof(*o));
    const char *at = r->strings, *class;

    o->kind = OBJ_SERVICE;
    o->meta.uid = take(&at);
    o->meta.resource_version = take(&at);
    class = take(&at);
    read_labels(&o->meta.labels, r->label_count, &at, a);
    read_ingress(&o->service, r->ingress_count, &at, a);
    o->service.type = r->is_load_balancer ? "LoadBalancer" : "";
    o->service.external_traffic_policy = r->is_local ? "Local" : "Cluster";
    o->service.load_balancer_class = r->has_class ? class : NULL;
    if (r->may_share)
        o->meta.annotations =
            (struct label_set){.items = arena_memdup(a, &may_share, sizeof(may_share)), .count = 1};
    return o;
}

/* Which address it has was not kept. */
static struct endpoint read_endpoint(const char **at, struct arena *a)
{
    const unsigned facts = (unsigned char)*(*at)++;
    const char **address = arena_alloc(a, sizeof(*address));

    *address = "";
    return (struct endpoint){
        .ready = facts >> READY_SHIFT & TRI_MASK,
        .serving = facts >> SERVING_SHIFT & TRI_MASK,
        .terminating = facts >> TERMINATING_SHIFT & TRI_MASK,
        .addresses = {.items = address, .count = (facts & HAS_ADDRESS) != 0},
        .node = take(at),
    };
}

static struct object *slice_record_read(const struct record_link *link, struct arena *a)
{
    const struct slice_record *r = (const void *)link; /* its first member */
    struct object *o = arena_alloc(a, sizeof(*o));
    const char *at = r->strings;

    o->kind = OBJ_ENDPOINT_SLICE;
    o->meta.namespace = take(&at);
    o->meta.name = take(&at);
    o->slice.endpoints = arena_calloc(a, r->endpoint_count, sizeof(*o->slice.endpoints));
    o->slice.endpoint_count = r->endpoint_count;
    for (size_t i = 0; i < r->endpoint_count; i++)
        o->slice.endpoints[i] = read_endpoint(&at, a);
    return o;
}

struct object_list slice_records_read(const struct record_link *first, struct arena *a)
{
    const struct object **items;
    size_t count = 0, n = 0;

    for (const struct record_link *r = first; r != NULL; r = r->next)
        count++;
    items = arena_calloc(a, count, sizeof(*items));
    for (const struct record_link *r = first; r != NULL; r = r->next)
        items[n++] = slice_record_read(r, a);
    return (struct object_list){.items = items, .count = count};
}
