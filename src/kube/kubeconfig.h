/* SPDX-License-Identifier: Apache-2.0 */
/* The kubeconfig format (spec kubernetes-client 1.5). Pure: texts in, a configuration out. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "kube/kube_config.h"

struct kubeconfig_text {
    const char *path; /* its folder is where relative paths begin */
    const char *text; /* YAML or JSON */
};

/*
 * Fills `c`, whose arena is there, for the current context. Of several texts the first that has a
 * cluster, user or context of a name, or a current-context, counts. -EINVAL names the file, what it
 * is about and the field. `proxy_url` stays "" unless a cluster sets it.
 */
NODISCARD int kubeconfig_read(struct kube_config *c, const struct kubeconfig_text *texts,
                              size_t count, struct err *err);
