/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig.h"

#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_url.h"
#include "kube/kubeconfig_entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXEC_V1 "client.authentication.k8s.io/v1"
#define EXEC_V1BETA1 "client.authentication.k8s.io/v1beta1"

enum { FILES_MAX = 64 };

static int read_proxy_url(const struct kubeconfig_entry *e, struct kube_config *c, struct err *err)
{
    struct kube_url url;
    int r = kubeconfig_string(e, "proxy-url", &c->proxy_url, err);

    if (r < 0 || *c->proxy_url == '\0')
        return r;
    r = kube_url_parse(&url, c->arena, c->proxy_url, err);
    if (r < 0) {
        err_wrap(err, "proxy-url \"%s\"", kube_url_shown(c->arena, c->proxy_url));
        return kubeconfig_wrap(e, err);
    }
    if (!str_eq(url.scheme, "http"))
        return kubeconfig_fault(e, err, "proxy-url \"%s\": only proxies of http:// are supported",
                                kube_url_shown(c->arena, c->proxy_url));
    return 0;
}

static int read_server(const struct kubeconfig_entry *e, struct kube_config *c, struct err *err)
{
    const char *server;
    struct kube_url url;
    int r = kubeconfig_string(e, "server", &server, err);

    if (r < 0)
        return r;
    if (*server == '\0')
        return kubeconfig_fault(e, err, "server is missing");
    r = kube_url_parse(&url, c->arena, server, err);
    if (r < 0) {
        err_wrap(err, "server \"%s\"", kube_url_shown(c->arena, server));
        return kubeconfig_wrap(e, err);
    }
    c->tls = str_eq(url.scheme, "https");
    if (!c->tls && !str_eq(url.scheme, "http"))
        return kubeconfig_fault(e, err, "server \"%s\": neither http nor https",
                                kube_url_shown(c->arena, server));
    if (*url.userinfo != '\0')
        return kubeconfig_fault(e, err, "server: credentials in the URL");
    c->host = url.host;
    c->port = url.port != 0 ? url.port : c->tls ? 443 : 80;
    c->base_path = url.path;
    return 0;
}

static int read_cluster(const struct kubeconfig_entry *e, struct kube_config *c, struct err *err)
{
    int r = read_server(e, c, err);

    if (r < 0)
        return r;
    r = kubeconfig_string(e, "tls-server-name", &c->server_name, err);
    if (r < 0)
        return r;
    if (*c->server_name == '\0')
        c->server_name = c->host;
    r = kubeconfig_bool(e, "insecure-skip-tls-verify", &c->insecure_skip_tls_verify, err);
    if (r < 0)
        return r;
    r = kubeconfig_bool(e, "disable-compression", &c->disable_compression, err);
    if (r < 0)
        return r;
    r = kubeconfig_material(e, "certificate-authority", &c->ca, err);
    if (r < 0)
        return r;
    if (c->insecure_skip_tls_verify && (c->ca.data != NULL || c->ca.file != NULL))
        return kubeconfig_fault(e, err, "certificate-authority with insecure-skip-tls-verify");
    return read_proxy_url(e, c, err);
}

static int read_exec_env(const struct kubeconfig_entry *e, struct kube_exec *exec, struct err *err)
{
    const json_t *list = json_object_get(e->value, "env");
    struct kube_exec_env *env;
    const json_t *item;
    size_t i;

    if (list == NULL || json_is_null(list))
        return 0;
    if (!json_is_array(list))
        return kubeconfig_fault(e, err, "env is not a list");
    env = arena_calloc(e->arena, json_array_size(list), sizeof(*env));
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *value = json_string_value(json_object_get(item, "value"));

        if (str_empty(name) || strchr(name, '=') != NULL || value == NULL)
            return kubeconfig_fault(e, err, "env without a name or a value");
        env[i] =
            (struct kube_exec_env){arena_strdup(e->arena, name), arena_strdup(e->arena, value)};
    }
    exec->env = env;
    exec->env_count = json_array_size(list);
    return 0;
}

static int check_exec(const struct kubeconfig_entry *e, const struct kube_exec *exec,
                      struct err *err)
{
    const char *mode;
    int r = kubeconfig_string(e, "interactiveMode", &mode, err);

    if (r < 0)
        return r;
    if (str_eq(mode, "Always"))
        return kubeconfig_fault(e, err, "interactiveMode is Always, but there is nobody to ask");
    if (*exec->command == '\0')
        return kubeconfig_fault(e, err, "command is missing");
    if (!str_eq(exec->api_version, EXEC_V1) && !str_eq(exec->api_version, EXEC_V1BETA1))
        return kubeconfig_fault(e, err, "apiVersion \"%s\" is not supported", exec->api_version);
    return 0;
}

static int read_exec(const struct kubeconfig_entry *user, struct kube_config *c, struct err *err)
{
    struct kubeconfig_entry e = *user;
    struct kube_exec *exec = arena_alloc(c->arena, sizeof(*exec));
    int r;

    e.value = json_object_get(user->value, "exec");
    if (e.value == NULL || json_is_null(e.value))
        return 0;
    if (!json_is_object(e.value))
        return kubeconfig_fault(user, err, "exec is not a mapping");
    e.part = "exec";
    r = kubeconfig_string(&e, "command", &exec->command, err);
    if (r >= 0)
        r = kubeconfig_strings(&e, "args", &exec->args, err);
    if (r >= 0)
        r = kubeconfig_string(&e, "apiVersion", &exec->api_version, err);
    if (r >= 0)
        r = kubeconfig_string(&e, "installHint", &exec->install_hint, err);
    if (r >= 0)
        r = kubeconfig_bool(&e, "provideClusterInfo", &exec->provide_cluster_info, err);
    if (r >= 0)
        r = read_exec_env(&e, exec, err);
    if (r >= 0)
        r = check_exec(&e, exec, err);
    if (r < 0)
        return r;
    if (strchr(exec->command, '/') != NULL)
        exec->command = kubeconfig_path(&e, exec->command);
    c->exec = exec;
    return 0;
}

static int read_token(const struct kubeconfig_entry *e, struct kube_config *c, struct err *err)
{
    const char *token, *file;
    int r = kubeconfig_string(e, "token", &token, err);

    if (r < 0)
        return r;
    r = kubeconfig_string(e, "tokenFile", &file, err);
    if (r < 0)
        return r;
    /* With both, the file counts from the moment that it can be read, as in client-go. */
    if (*token != '\0')
        c->token.data = token;
    if (*file != '\0')
        c->token.file = kubeconfig_path(e, file);
    return 0;
}

static int read_impersonation(const struct kubeconfig_entry *e, struct kube_config *c,
                              struct err *err)
{
    int r = kubeconfig_string(e, "as", &c->as, err);

    if (r >= 0)
        r = kubeconfig_string(e, "as-uid", &c->as_uid, err);
    if (r >= 0)
        r = kubeconfig_strings(e, "as-groups", &c->as_groups, err);
    if (r < 0)
        return r;
    if (*c->as == '\0' && (*c->as_uid != '\0' || c->as_groups.count > 0))
        return kubeconfig_fault(e, err, "as-uid or as-groups without as");
    if (json_object_size(json_object_get(e->value, "as-user-extra")) > 0)
        return kubeconfig_fault(e, err, "as-user-extra is not supported");
    if (c->as_groups.count > KUBE_GROUPS_MAX)
        return kubeconfig_fault(e, err, "as-groups: more than %d", KUBE_GROUPS_MAX);
    for (size_t i = 0; i < c->as_groups.count; i++) {
        if (strpbrk(c->as_groups.items[i], "\r\n") != NULL)
            return kubeconfig_fault(e, err, "as-groups: an item is not a single line");
    }
    return 0;
}

static bool has(const struct kube_material *m)
{
    return m->data != NULL || m->file != NULL;
}

static int read_user(const struct kubeconfig_entry *e, struct kube_config *c, struct err *err)
{
    int r = kubeconfig_material(e, "client-certificate", &c->client_cert, err);

    if (r >= 0)
        r = kubeconfig_material(e, "client-key", &c->client_key, err);
    if (r >= 0)
        r = read_token(e, c, err);
    if (r >= 0)
        r = kubeconfig_string(e, "username", &c->username, err);
    if (r >= 0)
        r = kubeconfig_string(e, "password", &c->password, err);
    if (r >= 0)
        r = read_impersonation(e, c, err);
    if (r >= 0)
        r = read_exec(e, c, err);
    if (r < 0)
        return r;
    if (has(&c->client_cert) != has(&c->client_key))
        return kubeconfig_fault(e, err, "client-certificate and client-key need each other");
    if (json_is_object(json_object_get(e->value, "auth-provider")))
        return kubeconfig_fault(e, err, "auth-provider is not supported, use exec");
    return 0;
}

/* The name of the current context in the first text that has one. */
static int current_context(const struct kubeconfig_docs *docs, struct kube_config *c,
                           const char **ret, struct err *err)
{
    for (size_t i = 0; i < docs->count; i++) {
        const json_t *name = json_object_get(docs->docs[i].value, "current-context");
        const char *path = docs->texts[i].path;

        if (name == NULL || json_is_null(name) || str_eq(json_string_value(name), ""))
            continue;
        if (!json_is_string(name))
            return err_set(err, -EINVAL, "%s: current-context is not a string", path);
        *ret = arena_strdup(c->arena, json_string_value(name));
        c->source = arena_strdup(c->arena, path);
        return 0;
    }
    return err_set(err, -EINVAL, "%s: no current-context", docs->texts[0].path);
}

static int read_context(const struct kubeconfig_docs *docs, struct kube_config *c, struct err *err)
{
    struct kubeconfig_entry context, cluster, user;
    const char *context_name, *cluster_name, *user_name;
    int r = current_context(docs, c, &context_name, err);

    if (r < 0)
        return r;
    r = kubeconfig_find(docs, c->arena, "context", context_name, &context, err);
    if (r < 0)
        return r;
    r = kubeconfig_string(&context, "cluster", &cluster_name, err);
    if (r < 0)
        return r;
    r = kubeconfig_string(&context, "user", &user_name, err);
    if (r < 0)
        return r;
    r = kubeconfig_string(&context, "namespace", &c->namespace, err);
    if (r < 0)
        return r;
    r = kubeconfig_find(docs, c->arena, "cluster", cluster_name, &cluster, err);
    if (r < 0)
        return r;
    r = read_cluster(&cluster, c, err);
    if (r < 0 || *user_name == '\0')
        return r; /* without a user: anonymous */
    r = kubeconfig_find(docs, c->arena, "user", user_name, &user, err);
    return r < 0 ? r : read_user(&user, c, err);
}

int kubeconfig_read(struct kube_config *c, const struct kubeconfig_text *texts, size_t count,
                    struct err *err)
{
    CLEANUP(kubeconfig_docs_done) struct kubeconfig_docs docs = {0};
    int r;

    if (count == 0 || count > FILES_MAX)
        return err_set(err, -EINVAL, "%zu kubeconfig files", count);
    c->username = c->password = c->as = c->as_uid = c->namespace = c->proxy_url = "";
    r = kubeconfig_docs_read(&docs, texts, count, err);
    return r < 0 ? r : read_context(&docs, c, err);
}
