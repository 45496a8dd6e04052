/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of the Kubernetes API. */
#pragma once

#include "base/text.h"
#include "model/object.h"

/* "/api/v1", "/apis/metallb.io/v1beta1": what is read of each kind. BGPPeer is v1beta2. */
const char *kube_api_version(enum object_kind kind); /* "v1", "metallb.io/v1beta1" */
const char *kube_plural(enum object_kind kind);      /* "ipaddresspools" */
bool kube_is_namespaced(enum object_kind kind);

/*
 * "/apis/metallb.io/v1beta1/namespaces/NS/ipaddresspools/NAME/status". `namespace` "": all
 * namespaces, or a cluster-scoped kind; `name` and `subresource` may be NULL. The caller frees it.
 */
char *kube_path(enum object_kind kind, const char *namespace, const char *name,
                const char *subresource);

/* Adds "?name=value" or "&name=value", the value percent-encoded. */
void kube_path_add(struct text *path, const char *name, const char *value);
