/* SPDX-License-Identifier: Apache-2.0 */
#include "role/cluster.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_body.h"
#include "kube/kube_path.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMESPACE_MAX = 256 };
#define PATIENCE_NS (120 * NS_PER_SEC)
#define FIRST_PAUSE_NS (100 * NS_PER_MS)
#define LONGEST_PAUSE_NS (5 * NS_PER_SEC)

/* --- the namespace --- */

/* As MetalLB, white space and all. */
NODISCARD static int read_namespace(const char **ret, const char *dir, struct err *err)
{
    CLEANUP(xfreep) char *path = xasprintf("%s/namespace", dir);
    char text[NAMESPACE_MAX];
    FILE *file = fopen(path, "re");
    size_t len;

    if (file == NULL)
        return err_set(err, -errno, "open %s: %s", path, strerror(errno));
    len = fread(text, 1, sizeof(text), file);
    (void)fclose(file); /* it was only read */
    if (len == 0 || len == sizeof(text))
        return err_set(err, -EINVAL, "%s: not a namespace", path);
    *ret = xstrndup(text, len);
    return 0;
}

NODISCARD static int set_namespace(struct cluster *c, const char *flag, const char *dir)
{
    CLEANUP(err_done) struct err err = {0};

    if (!str_empty(flag)) {
        c->namespace = xstrdup(flag);
        return 0;
    }
    if (read_namespace(&c->namespace, dir, &err) < 0)
        log_error("Unable to get namespace from pod service account data, please specify "
                  "--namespace or METALLB_NAMESPACE",
                  F_S("op", "startup"), F_S("error", err_text(&err)));
    return err.code;
}

/* --- our own Pod --- */

struct own_pod {
    struct cluster *cluster;
    char *path;
    struct kube_fetch *fetch;
    struct event pause;
    int64_t pause_ns;
    struct mono give_up;
    bool is_done;
    struct err err; /* unset when it was found */
};

static void pod_ask(evutil_socket_t fd, short what, void *arg);

static void pod_fail(struct own_pod *p, int code, const char *text)
{
    (void)err_set(&p->err, code, "%s", text); /* it is read when the loop returns */
    p->is_done = true;
}

/* What may pass: nobody there, or somebody who is not ready yet. A wrong certificate is neither. */
static bool is_passing(const struct kube_reply *reply)
{
    if (reply->code < 0)
        return reply->code != -EACCES;
    return reply->status == 429 || reply->status >= 500;
}

static void pod_learn(struct own_pod *p, const struct kube_reply *reply)
{
    CLEANUP(kube_body_done) struct kube_body j = {0};
    CLEANUP(err_done) struct err err = {0};
    const char *uid;

    if (kube_body_read(&j, reply->bytes, reply->len, &err) < 0) {
        pod_fail(p, err.code, err_text(&err));
        return;
    }
    uid = json_string_value(json_object_get(json_object_get(j.value, "metadata"), "uid"));
    if (str_empty(uid)) {
        pod_fail(p, -EBADMSG, "the Pod has no uid");
        return;
    }
    p->cluster->pod_uid = xstrdup(uid);
    p->is_done = true;
}

static void pod_wait(struct own_pod *p, const char *text)
{
    struct timeval tv = delay_from_ns(p->pause_ns);

    log_warn("API server not reached, trying again", F_S("error", text));
    (void)event_add(&p->pause, &tv); /* fails only without memory */
    p->pause_ns = p->pause_ns * 2 < LONGEST_PAUSE_NS ? p->pause_ns * 2 : LONGEST_PAUSE_NS;
}

static void pod_on_reply(void *arg, const struct kube_reply *reply)
{
    struct own_pod *p = arg;

    p->fetch = NULL;
    if (reply->code == 0 && reply->status == 200)
        pod_learn(p, reply);
    else if (is_passing(reply) && mono_before(mono_now(), p->give_up))
        pod_wait(p, reply->text);
    else
        pod_fail(p, reply->code < 0 ? reply->code : -EACCES, reply->text);
}

static void pod_ask(evutil_socket_t fd, short what, void *arg)
{
    struct own_pod *p = arg;
    const struct kube_request get = {.method = "GET", .path = p->path};

    (void)fd;
    (void)what;
    p->fetch = kube_fetch_start(p->cluster->client, &get, pod_on_reply, p);
}

static void pod_done(struct own_pod *p)
{
    if (p->fetch != NULL)
        kube_fetch_cancel(p->fetch);
    (void)event_del(&p->pause);
    free(p->path);
    err_done(&p->err);
}

/* Runs the loop until the Pod was found, or will not be. */
NODISCARD static int find_own_pod(struct cluster *c)
{
    CLEANUP(pod_done)
    struct own_pod p = {
        .cluster = c,
        .path = kube_path(OBJ_POD, c->namespace, c->pod_name, NULL),
        .pause_ns = FIRST_PAUSE_NS,
        .give_up = mono_add(mono_now(), PATIENCE_NS),
    };

    (void)event_assign(&p.pause, c->base, -1, 0, pod_ask, &p); /* cannot fail */
    pod_ask(-1, 0, &p);
    while (!p.is_done) {
        if (event_base_loop(c->base, EVLOOP_ONCE) != 0 || event_base_got_exit(c->base) ||
            event_base_got_break(c->base))
            return -ECANCELED;
    }
    if (p.err.code < 0)
        log_error("unable to get own pod for owner references", F_S("op", "startup"),
                  F_S("error", err_text(&p.err)));
    return p.err.code;
}

/* Outside of the cluster, as a service of the host. */
static void go_without_pod(struct cluster *c)
{
    char host[HOST_NAME_MAX + 1] = "";
    uint64_t random;

    log_warn("no --pod-name and no METALLB_POD_NAME: what is created has no owner",
             F_S("op", "startup"));
    (void)gethostname(host,
                      sizeof(host) - 1); /* an empty name will do: the number tells us apart */
    evutil_secure_rng_get_bytes(&random, sizeof(random));
    c->pod_uid = xstrdup("");
    c->identity = xasprintf("%s_%016" PRIx64, host, random);
}

NODISCARD static int identify(struct cluster *c)
{
    int r;

    if (str_empty(c->pod_name)) {
        go_without_pod(c);
        return 0;
    }
    r = find_own_pod(c);
    if (r == 0)
        c->identity = xasprintf("%s_%s", c->pod_name, c->pod_uid);
    return r;
}

/* --- the cluster --- */

NODISCARD static int connect_client(struct cluster *c, const struct kube_environment *env,
                                    const struct cluster_options *o)
{
    CLEANUP(err_done) struct err err = {0};
    struct kube_client_options options = {.base = c->base, .user_agent = o->user_agent};
    int r;

    r = kube_config_load(&c->config, env, &err);
    if (r == 0) {
        options.config = c->config;
        r = kube_client_new(&c->client, &options, &err);
    }
    if (r < 0) {
        log_error("failed to create k8s client", F_S("op", "startup"),
                  F_S("error", err_text(&err)));
        return r;
    }
    c->writer = kube_writer_new(c->base, c->client);
    c->events = kube_events_new(c->base, c->writer, o->component, o->host);
    return 0;
}

NODISCARD static int open_parts(struct cluster *c, const struct cluster_options *o)
{
    struct kube_environment env = kube_environment_of_process(o->kubeconfig);
    int r;

    r = set_namespace(c, o->namespace, env.service_account_dir);
    if (r < 0)
        return r;
    r = connect_client(c, &env, o);
    if (r < 0)
        return r;
    return identify(c);
}

int cluster_open(struct cluster *ret, struct event_base *base, const struct cluster_options *o)
{
    struct cluster c = {.base = base, .store = store_new(), .pod_name = xstrdup(o->pod_name)};
    int r = open_parts(&c, o);

    if (r < 0) {
        cluster_close(&c);
        return r;
    }
    *ret = c;
    return 0;
}

void cluster_close(struct cluster *c)
{
    kube_feed_free(c->feed);
    kube_events_free(c->events);
    kube_writer_free(c->writer);
    kube_client_free(c->client);
    kube_config_free(c->config);
    store_free(c->store);
    xfreep(&c->namespace);
    xfreep(&c->pod_name);
    xfreep(&c->pod_uid);
    xfreep(&c->identity);
    *c = (struct cluster){0};
}

void cluster_watch(struct cluster *c, struct kube_feed_options options)
{
    options.base = c->base;
    options.client = c->client;
    options.store = c->store;
    c->feed = kube_feed_new(&options);
}
