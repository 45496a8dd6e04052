/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process around the reconciler (spec controller 0): its start in MetalLB's order, which of
 * several replicas is active, and its end.
 *
 * A replica that is not active watches nothing. It reads everything anew when it becomes active, so
 * that it starts from what its predecessor wrote last. Without a right to Leases every replica is
 * active, as in MetalLB.
 */
#include "controller/controller.h"

#include "base/log.h"
#include "base/mono.h"
#include "controller/controller_int.h"
#include "controller/memberlist_secret.h"
#include "role/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#define LEASE_NAME "steellb-controller"

/* What is on its way may arrive, so that a successor sees it. */
#define LAST_WRITES_NS (2 * NS_PER_SEC)
enum { LAST_WRITES_LOOK_US = 10000 };

struct controller {
    struct controller_options options;
    struct event_base *base;
    struct cluster cluster;
    bool is_open; /* the cluster */
    struct health *health;
    struct controller_metrics metrics;
    struct kube_lease *lease;
    struct reconciler reconciler;
    bool is_running; /* the start is over */
    bool is_active;
    struct event on_term, on_int, leaving;
    struct mono leave_until; /* set once the end has begun */
    int exit_status;
};

static void end_loop(void *arg)
{
    struct controller *c = arg;

    event_base_loopbreak(c->base);
}

/* ---- which of us ---- */

static void become_active(struct controller *c)
{
    if (c->is_active || mono_is_set(c->leave_until))
        return;
    c->is_active = true;
    reconciler_start(&c->reconciler);
}

static void on_lease(void *arg, enum kube_lease_state state)
{
    struct controller *c = arg;

    switch (state) {
    case KUBE_LEASE_WAITING:
        return;
    case KUBE_LEASE_HELD:
    case KUBE_LEASE_FORBIDDEN:
        become_active(c);
        return;
    case KUBE_LEASE_LOST:
        log_error("the lease is lost: another replica may be active by now",
                  F_S("event", "leaseLost"), F_S("lease", LEASE_NAME));
        c->exit_status = 1;
        end_loop(c);
        return;
    }
}

static void seek_lease(struct controller *c)
{
    struct kube_lease_options options = {
        .base = c->base,
        .client = c->cluster.client,
        .namespace = c->cluster.namespace,
        .name = LEASE_NAME,
        .identity = c->cluster.identity,
        .changed = on_lease,
        .arg = c,
    };

    c->lease = kube_lease_new(&options);
}

/* ---- the end ---- */

static void on_leaving(evutil_socket_t fd, short what, void *arg)
{
    struct controller *c = arg;
    const struct timeval look = {.tv_usec = LAST_WRITES_LOOK_US};

    (void)fd;
    (void)what;
    if (kube_writer_pending(c->cluster.writer) > 0 && mono_before(mono_now(), c->leave_until)) {
        event_add(&c->leaving, &look);
        return;
    }
    if (c->lease != NULL)
        kube_lease_release(c->lease, end_loop, c);
    else
        end_loop(c);
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
    struct controller *c = arg;

    (void)what;
    if (mono_is_set(c->leave_until))
        return;
    log_info("starting shutdown", F_S("op", "shutdown"), F_I("signal", signal));
    if (!c->is_running)
        exit(0); /* from the loop of a step of the start, which could not go on */
    c->leave_until = mono_add(mono_now(), LAST_WRITES_NS);
    reconciler_stop(&c->reconciler);
    event_active(&c->leaving, 0, 0);
}

/* ---- the start ---- */

static int open_cluster(struct controller *c)
{
    const struct controller_options *o = &c->options;
    const struct cluster_options options = {
        .kubeconfig = o->kubeconfig,
        .namespace = o->namespace,
        .pod_name = o->pod_name,
        .component = "metallb-controller",
        .host = "",
        .user_agent = "steellb-controller/" STEELLB_VERSION,
    };
    int r = cluster_open(&c->cluster, c->base, &options);

    if (r < 0)
        return r;
    c->is_open = true;
    reconciler_init(&c->reconciler, &c->cluster, &c->options);
    return 0;
}

static int make_secret(struct controller *c)
{
    const struct memberlist_secret_options options = {
        .base = c->base,
        .client = c->cluster.client,
        .namespace = c->cluster.namespace,
        .name = c->options.ml_secret_name,
        .deployment = c->options.deployment,
    };
    CLEANUP(err_done) struct err err = {0};
    int r;

    if (str_empty(options.name))
        return 0;
    r = memberlist_secret_ensure(&options, &err);
    if (r < 0)
        log_error("failed to create memberlist secret", F_S("op", "startup"),
                  F_S("error", err_text(&err)));
    return r;
}

static void tell_what_is_missing(const struct controller_options *o)
{
    if (!str_eq(o->webhook_mode, "disabled"))
        log_warn("webhooks are not served by this version", F_S("op", "startup"),
                 F_S("webhook-mode", o->webhook_mode));
}

static int controller_open(struct controller *c)
{
    CLEANUP(err_done) struct err err = {0};
    int r;

    c->base = loop_new();
    if (c->base == NULL)
        return -ENOMEM;
    evsignal_assign(&c->on_term, c->base, SIGTERM, on_signal, c);
    evsignal_assign(&c->on_int, c->base, SIGINT, on_signal, c);
    event_assign(&c->leaving, c->base, -1, 0, on_leaving, c);
    event_add(&c->on_term, NULL);
    event_add(&c->on_int, NULL);
    r = open_cluster(c);
    if (r < 0)
        return r;
    r = health_new(&c->health, c->base, "", (uint16_t)c->options.health_probe_port, &err);
    if (r < 0) {
        log_error("cannot serve the probes", F_S("op", "startup"), F_S("error", err_text(&err)));
        return r;
    }
    r = controller_metrics_open(&c->metrics, &c->reconciler, &err);
    if (r < 0) {
        log_error("cannot serve the metrics", F_S("op", "startup"), F_S("error", err_text(&err)));
        return r;
    }
    tell_what_is_missing(&c->options);
    r = make_secret(c);
    if (r < 0)
        return r;
    if (c->options.only_webhook)
        become_active(c);
    else
        seek_lease(c);
    return 0;
}

static void controller_close(struct controller *c)
{
    if (c->base == NULL)
        return;
    event_del(&c->on_term);
    event_del(&c->on_int);
    event_del(&c->leaving);
    kube_lease_free(c->lease);
    controller_metrics_close(&c->metrics);
    health_free(c->health);
    reconciler_done(&c->reconciler);
    if (c->is_open)
        cluster_close(&c->cluster);
    event_base_free(c->base);
}

static void controller_run(struct controller *c)
{
    c->is_running = true;
    c->exit_status = 0;
    if (event_base_dispatch(c->base) < 0)
        c->exit_status = 1;
}

int controller_main(int argc, char **argv)
{
    struct controller c = {0};

    signal(SIGPIPE, SIG_IGN);
    if (controller_options_parse(&c.options, argc, argv, &c.exit_status) < 0)
        return c.exit_status;
    if (controller_open(&c) < 0)
        c.exit_status = 1;
    else
        controller_run(&c);
    controller_close(&c);
    return c.exit_status;
}
