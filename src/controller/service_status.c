/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/service_status.h"

#include <string.h>

#define POOL_ANNOTATION "metallb.io/ip-allocated-from-pool"
#define DEPRECATED_PREFIX "metallb.universe.tf"
#define DEPRECATED_POOL_ANNOTATION DEPRECATED_PREFIX "/ip-allocated-from-pool"

struct service_want service_want_of(const struct ipam_verdict *v)
{
    struct service_want want = {.count = v->addr_count};

    memcpy(want.ips, v->addrs, v->addr_count * sizeof(*want.ips));
    want.pool = v->addr_count > 0 ? v->pool->name : NULL;
    return want;
}

bool service_want_eq(const struct service_want *a, const struct service_want *b)
{
    if (a->count != b->count || !str_eq(a->pool, b->pool))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!ip_eq(a->ips[i], b->ips[i]))
            return false;
    }
    return true;
}

bool service_annotation_is_deprecated(const char *key)
{
    return strncmp(key, DEPRECATED_PREFIX, strlen(DEPRECATED_PREFIX)) == 0;
}

bool service_says(const struct object *service, const struct service_want *want)
{
    const struct service *s = &service->service;
    const struct label_set *annotations = &service->meta.annotations;

    if (s->ingress_count != want->count ||
        !str_eq(label_find(annotations, POOL_ANNOTATION), want->pool) ||
        label_find(annotations, DEPRECATED_POOL_ANNOTATION) != NULL)
        return false;
    for (size_t i = 0; i < want->count; i++) {
        if (!str_eq(s->ingress[i].ip, ip_format(want->ips[i]).s))
            return false;
    }
    return true;
}

/* ---- the document ---- */

static json_t *ingress_of(const json_t *document)
{
    const json_t *balancer = json_object_get(json_object_get(document, "status"), "loadBalancer");

    return json_object_get(balancer, "ingress");
}

static bool document_says(const json_t *document, const struct service_want *want)
{
    const json_t *annotations =
        json_object_get(json_object_get(document, "metadata"), "annotations");
    const char *pool = json_string_value(json_object_get(annotations, POOL_ANNOTATION));
    const json_t *ingress = ingress_of(document);

    if (json_array_size(ingress) != want->count || !str_eq(pool, want->pool) ||
        json_object_get(annotations, DEPRECATED_POOL_ANNOTATION) != NULL)
        return false;
    for (size_t i = 0; i < want->count; i++) {
        const json_t *ip = json_object_get(json_array_get(ingress, i), "ip");

        if (!str_eq(json_string_value(ip), ip_format(want->ips[i]).s))
            return false;
    }
    return true;
}

static json_t *object_in(json_t *parent, const char *name)
{
    json_t *child = json_object_get(parent, name);

    if (!json_is_object(child)) {
        child = json_object();
        json_object_set_new(parent, name, child);
    }
    return child;
}

static void set_annotations(json_t *metadata, const char *pool)
{
    if (pool != NULL)
        json_object_set_new(object_in(metadata, "annotations"), POOL_ANNOTATION, json_string(pool));
    else
        json_object_del(json_object_get(metadata, "annotations"), POOL_ANNOTATION);
    json_object_del(json_object_get(metadata, "annotations"), DEPRECATED_POOL_ANNOTATION);
}

static void set_ingress(json_t *status, const struct service_want *want)
{
    json_t *balancer = json_object(), *ingress;

    json_object_set_new(status, "loadBalancer", balancer);
    if (want->count == 0)
        return;
    ingress = json_array();
    json_object_set_new(balancer, "ingress", ingress);
    for (size_t i = 0; i < want->count; i++)
        json_array_append_new(ingress, json_pack("{s:s}", "ip", ip_format(want->ips[i]).s));
}

enum kube_edit service_status_edit(json_t *document, const struct service_want *want)
{
    json_t *metadata = json_object_get(document, "metadata");

    if (document_says(document, want))
        return KUBE_EDIT_NOTHING;
    set_annotations(metadata, want->pool);
    set_ingress(object_in(document, "status"), want);
    /* The server keeps its own in a write to a subresource; sending them back is half the bytes. */
    json_object_del(metadata, "managedFields");
    return KUBE_EDIT_WRITE;
}
