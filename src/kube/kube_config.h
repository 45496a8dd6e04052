/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the API server is and who we are to it (spec kubernetes-client 1.5): from a kubeconfig, or
 * from what a Pod finds in its environment and its service-account volume.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/macro.h"
#include "model/object.h"

/* PEM or a token: bytes that are given once, or a file that may change while we run. */
struct kube_material {
    const char *data; /* NULL: none, or in the file */
    const char *file; /* NULL: none */
};

struct kube_exec_env {
    const char *name, *value;
};

/* client.authentication.k8s.io/v1: a program that prints credentials. */
struct kube_exec {
    const char *command; /* an absolute path, a path relative to the kubeconfig resolved, or a name
                            to be found in PATH */
    struct string_list args;
    const struct kube_exec_env *env;
    size_t env_count;
    const char *api_version;
    bool provide_cluster_info;
    const char *install_hint; /* "" when absent */
};

enum { KUBE_GROUPS_MAX = 32 }; /* of impersonation */

struct kube_config {
    struct arena *arena;
    const char *host; /* a name or an address, without brackets */
    uint16_t port;
    const char *base_path; /* of the server's URL, "" or "/prefix" */
    bool tls;
    const char *server_name; /* to verify; the host, unless tls-server-name says otherwise */
    bool insecure_skip_tls_verify;
    bool disable_compression;
    struct kube_material ca, client_cert, client_key, token;
    const char *username, *password; /* "" when absent */
    const char *as, *as_uid;         /* impersonation; "" when absent */
    struct string_list as_groups;
    const struct kube_exec *exec; /* NULL without */
    const char *proxy_url;        /* "" for none; from the kubeconfig, else from HTTPS_PROXY with
                                     NO_PROXY applied */
    const char *namespace;        /* of the context or of the service account; "" when unknown */
    const char *source;           /* for messages: the file, or "in-cluster" */
};

/* The process's environment as far as it matters here; NULL for a variable that is not set. */
struct kube_environment {
    const char *kubeconfig_flag;             /* --kubeconfig; "" when not given */
    const char *kubeconfig;                  /* KUBECONFIG */
    const char *service_host, *service_port; /* KUBERNETES_SERVICE_HOST and _PORT */
    const char *service_account_dir;         /* /var/run/secrets/kubernetes.io/serviceaccount */
    const char *home;
    const char *https_proxy, *no_proxy;
};

struct kube_environment kube_environment_of_process(const char *kubeconfig_flag);

/*
 * In this order: --kubeconfig, KUBECONFIG (files merged, the first that sets a value wins),
 * in-cluster, $HOME/.kube/config. -ENOENT when there is none of them; -EINVAL with the file, the
 * context and the field in `err`.
 */
NODISCARD int kube_config_load(struct kube_config **ret, const struct kube_environment *env,
                               struct err *err);
struct kube_config *kube_config_free(struct kube_config *c); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct kube_config, kube_config_free);
