/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_config.h"

#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_file.h"
#include "kube/kube_proxy.h"
#include "kube/kube_url.h"
#include "kube/kubeconfig.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

enum { FILES_MAX = 32 };

/* The files of a list that were there, with their texts. */
struct files {
    struct kubeconfig_text items[FILES_MAX];
    char *texts[FILES_MAX]; /* owned */
    size_t count;
};

static void files_done(struct files *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->texts[i]);
}

static const char *either(const char *a, const char *b)
{
    return !str_empty(a) ? a : b;
}

struct kube_environment kube_environment_of_process(const char *kubeconfig_flag)
{
    return (struct kube_environment){
        .kubeconfig_flag = kubeconfig_flag,
        .kubeconfig = getenv("KUBECONFIG"),
        .service_host = getenv("KUBERNETES_SERVICE_HOST"),
        .service_port = getenv("KUBERNETES_SERVICE_PORT"),
        .service_account_dir = SERVICE_ACCOUNT_DIR,
        .home = getenv("HOME"),
        .https_proxy = either(getenv("HTTPS_PROXY"), getenv("https_proxy")),
        .no_proxy = either(getenv("NO_PROXY"), getenv("no_proxy")),
    };
}

static int files_add(struct files *f, const char *path, struct err *err)
{
    int r;

    if (f->count == FILES_MAX)
        return err_set(err, -EINVAL, "KUBECONFIG: more than %d files", FILES_MAX);
    r = kube_file_read(&f->texts[f->count], path, err);
    if (r < 0)
        return r;
    f->items[f->count] = (struct kubeconfig_text){path, f->texts[f->count]};
    f->count++;
    return 0;
}

static int load_files(struct kube_config *c, const struct files *f, struct err *err)
{
    return kubeconfig_read(c, f->items, f->count, err);
}

static int load_file(struct kube_config *c, const char *path, struct err *err)
{
    CLEANUP(files_done) struct files f = {0};
    int r = files_add(&f, path, err);

    return r < 0 ? r : load_files(c, &f, err);
}

/* Files that are not there are left out, as kubectl does, but one has to be. */
static int load_list(struct kube_config *c, const char *list, struct err *err)
{
    CLEANUP(xfreep) char *copy = xstrdup(list);
    CLEANUP(files_done) struct files f = {0};
    char *rest = copy, *path;

    while ((path = strsep(&rest, ":")) != NULL) {
        int r = *path == '\0' ? 0 : files_add(&f, path, err);

        if (r < 0 && r != -ENOENT)
            return r;
    }
    if (f.count == 0)
        return err_set(err, -ENOENT, "KUBECONFIG: none of the files of \"%s\" is there", list);
    return load_files(c, &f, err);
}

static int load_in_cluster(struct kube_config *c, const struct kube_environment *env,
                           struct err *err)
{
    bool v6 = strchr(env->service_host, ':') != NULL;
    CLEANUP(xfreep)
    char *url = xasprintf("https://%s%s%s:%s", v6 ? "[" : "", env->service_host, v6 ? "]" : "",
                          env->service_port);
    const char *dir = env->service_account_dir;
    CLEANUP(xfreep) char *token = NULL, *namespace = NULL;
    CLEANUP(err_done) struct err ignored = {0};
    struct kube_url parsed;
    int r = kube_url_parse(&parsed, c->arena, url, err);

    if (r < 0)
        return err_wrap(err, "in-cluster: KUBERNETES_SERVICE_HOST and _PORT make \"%s\"", url);
    *c = (struct kube_config){
        .arena = c->arena, .host = parsed.host, .port = parsed.port, .server_name = parsed.host};
    c->base_path = c->username = c->password = c->as = c->as_uid = c->proxy_url = c->namespace = "";
    c->source = "in-cluster";
    c->tls = true;
    c->token.file = arena_printf(c->arena, "%s/token", dir);
    c->ca.file = arena_printf(c->arena, "%s/ca.crt", dir);
    r = kube_file_read(&token, c->token.file, err);
    if (r < 0)
        return err_wrap(err, "in-cluster");
    namespace = NULL;
    if (kube_file_read(&namespace, arena_printf(c->arena, "%s/namespace", dir), &ignored) == 0) {
        namespace[strcspn(namespace, " \r\n")] = '\0';
        c->namespace = arena_strdup(c->arena, namespace);
    }
    return 0;
}

static bool is_in_cluster(const struct kube_environment *env)
{
    return !str_empty(env->service_host) && !str_empty(env->service_port);
}

static int load(struct kube_config *c, const struct kube_environment *env, struct err *err)
{
    CLEANUP(xfreep) char *home = NULL;
    int r;

    if (!str_empty(env->kubeconfig_flag))
        return load_file(c, env->kubeconfig_flag, err);
    if (!str_empty(env->kubeconfig))
        return load_list(c, env->kubeconfig, err);
    if (is_in_cluster(env))
        return load_in_cluster(c, env, err);
    if (!str_empty(env->home)) {
        home = xasprintf("%s/.kube/config", env->home);
        r = load_file(c, home, err);
        if (r != -ENOENT)
            return r;
    }
    return err_set(err, -ENOENT,
                   "no --kubeconfig, no KUBECONFIG, not in a cluster, no ~/.kube/config");
}

/* Go takes a proxy without a scheme for http. */
static int proxy_of_environment(struct kube_config *c, const struct kube_environment *env,
                                struct err *err)
{
    const char *text = env->https_proxy;
    struct kube_url url;
    int r;

    if (!c->tls || *c->proxy_url != '\0' || str_empty(text) ||
        kube_no_proxy(env->no_proxy != NULL ? env->no_proxy : "", c->host, c->port))
        return 0;
    if (strstr(text, "://") == NULL)
        text = arena_printf(c->arena, "http://%s", text);
    r = kube_url_parse(&url, c->arena, text, err);
    if (r < 0)
        return err_wrap(err, "HTTPS_PROXY");
    if (!str_eq(url.scheme, "http"))
        return err_set(err, -EINVAL, "HTTPS_PROXY: only proxies of http:// are supported");
    c->proxy_url = arena_strdup(c->arena, text);
    return 0;
}

int kube_config_load(struct kube_config **ret, const struct kube_environment *env, struct err *err)
{
    CLEANUP(kube_config_freep) struct kube_config *c = xcalloc(1, sizeof(*c));
    int r;

    c->arena = arena_new();
    r = load(c, env, err);
    if (r >= 0)
        r = proxy_of_environment(c, env, err);
    if (r < 0)
        return r;
    *ret = TAKE(c);
    return 0;
}

struct kube_config *kube_config_free(struct kube_config *c)
{
    if (c == NULL)
        return NULL;
    arena_free(c->arena);
    free(c);
    return NULL;
}
