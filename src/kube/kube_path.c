/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_path.h"

#include <string.h>

#define METALLB_V1BETA1 "metallb.io/v1beta1"

static const struct resource {
    const char *api_version, *plural;
    bool is_cluster_scoped;
} resources[OBJECT_KINDS] = {
    [OBJ_IP_ADDRESS_POOL] = {METALLB_V1BETA1, "ipaddresspools", false},
    [OBJ_L2_ADVERTISEMENT] = {METALLB_V1BETA1, "l2advertisements", false},
    [OBJ_BGP_ADVERTISEMENT] = {METALLB_V1BETA1, "bgpadvertisements", false},
    [OBJ_BGP_PEER] = {"metallb.io/v1beta2", "bgppeers", false},
    [OBJ_BFD_PROFILE] = {METALLB_V1BETA1, "bfdprofiles", false},
    [OBJ_COMMUNITY] = {METALLB_V1BETA1, "communities", false},
    [OBJ_SERVICE] = {"v1", "services", false},
    [OBJ_ENDPOINT_SLICE] = {"discovery.k8s.io/v1", "endpointslices", false},
    [OBJ_NODE] = {"v1", "nodes", true},
    [OBJ_NAMESPACE] = {"v1", "namespaces", true},
    [OBJ_POD] = {"v1", "pods", false},
    [OBJ_SECRET] = {"v1", "secrets", false},
    [OBJ_CONFIG_MAP] = {"v1", "configmaps", false},
    [OBJ_SERVICE_L2_STATUS] = {METALLB_V1BETA1, "servicel2statuses", false},
    [OBJ_SERVICE_BGP_STATUS] = {METALLB_V1BETA1, "servicebgpstatuses", false},
    [OBJ_CONFIGURATION_STATE] = {METALLB_V1BETA1, "configurationstates", false},
};

const char *kube_api_version(enum object_kind kind)
{
    return resources[kind].api_version;
}

const char *kube_plural(enum object_kind kind)
{
    return resources[kind].plural;
}

bool kube_is_namespaced(enum object_kind kind)
{
    return !resources[kind].is_cluster_scoped;
}

/* RFC 3986 2.3: what stands for itself everywhere in a URL. */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_encoded(struct text *t, const char *s)
{
    for (; *s != '\0'; s++) {
        if (is_unreserved(*s))
            text_add_n(t, s, 1);
        else
            text_printf(t, "%%%02X", (unsigned char)*s);
    }
}

static void add_segment(struct text *t, const char *s)
{
    text_add(t, "/");
    add_encoded(t, s);
}

char *kube_path(enum object_kind kind, const char *namespace, const char *name,
                const char *subresource)
{
    const struct resource *resource = &resources[kind];
    struct text t = {0};

    /* The core group has no name, and a root of its own. */
    text_add(&t, strchr(resource->api_version, '/') != NULL ? "/apis/" : "/api/");
    text_add(&t, resource->api_version);
    if (!resource->is_cluster_scoped && !str_empty(namespace)) {
        text_add(&t, "/namespaces");
        add_segment(&t, namespace);
    }
    add_segment(&t, resource->plural);
    if (name != NULL)
        add_segment(&t, name);
    if (subresource != NULL)
        add_segment(&t, subresource);
    return text_take(&t);
}

void kube_path_add(struct text *path, const char *name, const char *value)
{
    text_add(path, strchr(text_str(path), '?') != NULL ? "&" : "?");
    text_add(path, name);
    text_add(path, "=");
    add_encoded(path, value);
}
