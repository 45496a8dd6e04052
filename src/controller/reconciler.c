/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes in the cluster becomes addresses (spec controller 1 and 4).
 *
 * A Service is decided as soon as it changes, while its bytes are at hand for the write. All else
 * (a new configuration, a pass over Services, counters of pools) is marked and done once before the
 * loop sleeps.
 */
#include "controller/controller_int.h"

#include "base/log.h"
#include "base/text.h"
#include "controller/pools_config.h"
#include "controller/service_report.h"
#include "role/loop.h"

#include <malloc.h>

static void plan_work(struct reconciler *r)
{
    event_active(&r->work, 0, 0);
}

/* ---- decisions ---- */

static void on_decided(void *arg, const struct object *service, const struct ipam_verdict *v,
                       bool is_news)
{
    struct reconciler *r = arg;
    struct service_want want = service_want_of(v);

    if (is_news)
        service_report_verdict(r->cluster->events, service, v);
    if (v->released && v->addr_count == 0)
        log_info("removed loadbalancer from service, services will be reprocessed",
                 F_S("event", "serviceUpdated"), F_S("service", service->meta.name),
                 F_S("namespace", service->meta.namespace));
    if (!v->keeps_old && service_writer_want(r->writer, service, &want))
        service_report_deprecated(r->cluster->events, service);
}

static bool is_under_way(void *arg, const struct object *service)
{
    const struct reconciler *r = arg;

    return service_writer_is_under_way(r->writer, service);
}

static void on_overtaken(void *arg, const struct object *service)
{
    struct reconciler *r = arg;

    allocator_on_service(r->allocator, service, service, false);
    plan_work(r);
}

/* ---- what the feed tells ---- */

static bool is_pending(const struct service *s)
{
    return str_eq(s->type, "LoadBalancer") && s->ingress_count == 0;
}

static void log_deletion(const struct reconciler *r, const struct meta *service)
{
    struct ip ips[IPAM_MAX_ADDRS];
    const struct pool *pool;

    if (ipam_holding(allocator_ipam(r->allocator), service->namespace, service->name, ips, &pool) >
        0)
        log_info("service deleted", F_S("event", "serviceDeleted"), F_S("service", service->name),
                 F_S("namespace", service->namespace));
}

/* Bytes are kept for a write that is to be expected. */
static void on_service(struct reconciler *r, const struct kube_change *change)
{
    bool is_own = service_writer_on_change(r->writer, change->old, change->new);

    if (change->new == NULL)
        log_deletion(r, &change->old->meta);
    else if (!is_own && (r->cfg != NULL || is_pending(&change->new->service)))
        service_writer_offer(r->writer, change->new, change->json, change->json_len);
    allocator_on_service(r->allocator, change->old, change->new, is_own);
    if (r->is_synced)
        plan_work(r);
}

/* Spec controller 4.1, "Update filter". */
static bool concerns_config(struct reconciler *r, const struct kube_change *change)
{
    if (change->kind == OBJ_IP_ADDRESS_POOL)
        return pool_status_on_change(r->pool_status, change);
    if (change->kind == OBJ_NAMESPACE && change->old != NULL && change->new != NULL)
        return !label_set_eq(&change->old->meta.labels, &change->new->meta.labels);
    return change->kind == OBJ_COMMUNITY || change->kind == OBJ_NAMESPACE;
}

static void on_change(void *arg, const struct kube_change *change)
{
    struct reconciler *r = arg;

    if (change->kind == OBJ_SERVICE) {
        on_service(r, change);
        return;
    }
    if (change->kind == OBJ_CONFIGURATION_STATE) {
        config_state_on_change(r->config_state);
        return;
    }
    if (!concerns_config(r, change))
        return;
    r->config_due = true;
    if (r->is_synced)
        plan_work(r);
}

static void on_synced(void *arg)
{
    struct reconciler *r = arg;

    r->is_synced = true;
    config_state_on_change(r->config_state);
    if (r->options->only_webhook)
        return;
    r->config_due = true;
    plan_work(r);
}

/* ---- work ---- */

static void adopt(struct reconciler *r, struct snapshot *cfg_take)
{
    snapshot_unref(r->cfg);
    r->cfg = cfg_take;
    allocator_set_snapshot(r->allocator, cfg_take);
    log_info("", F_S("controller", "PoolReconciler"), F_S("event", "config reloaded"));
}

static void read_config(struct reconciler *r)
{
    CLEANUP(text_done) struct text fault = {0};
    struct snapshot *cfg = NULL;

    switch (pools_read(&cfg, r->cluster->store, r->cluster->namespace, r->cfg, &fault)) {
    case POOLS_CHANGED:
        adopt(r, cfg);
        break;
    case POOLS_SAME:
        break;
    case POOLS_FAULTY:
        log_error("", F_S("controller", "PoolReconciler"), F_S("error", text_str(&fault)));
        break;
    }
    r->is_stale = fault.len > 0;
    config_state_report(r->config_state, r->is_stale ? text_str(&fault) : NULL);
}

/* A pass over all Services and the list before it take much memory, and may be the last for a year:
 * it is given back. */
static void on_work(evutil_socket_t fd, short what, void *arg)
{
    struct reconciler *r = arg;
    bool is_pass;

    (void)fd;
    (void)what;
    if (r->is_stopped)
        return;
    if (r->config_due)
        read_config(r);
    r->config_due = false;
    is_pass = allocator_run(r->allocator);
    service_writer_forget(r->writer);
    if (is_pass)
        malloc_trim(0);
    if (r->cfg != NULL)
        pool_status_refresh(r->pool_status);
}

/* ---- life ---- */

void reconciler_init(struct reconciler *r, struct cluster *cluster,
                     const struct controller_options *options)
{
    const struct allocator_options allocator = {
        .store = cluster->store,
        .lb_class = options->lb_class,
        .decided = on_decided,
        .is_under_way = is_under_way,
        .arg = r,
    };
    const struct service_writer_options writer = {
        .base = cluster->base,
        .writer = cluster->writer,
        .store = cluster->store,
        .overtaken = on_overtaken,
        .arg = r,
    };

    *r = (struct reconciler){.cluster = cluster, .options = options};
    r->allocator = allocator_new(&allocator);
    r->writer = service_writer_new(&writer);
    r->pool_status = pool_status_new(cluster->base, cluster->writer, allocator_ipam(r->allocator));
    r->config_state = config_state_new(cluster, CONFIG_STATE_CONTROLLER, "");
    event_assign(&r->work, cluster->base, -1, 0, on_work, r);
    event_priority_set(&r->work, LOOP_PRIORITY_WORK);
}

void reconciler_done(struct reconciler *r)
{
    if (r->cluster == NULL)
        return;
    event_del(&r->work);
    config_state_free(r->config_state);
    pool_status_free(r->pool_status);
    service_writer_free(r->writer);
    allocator_free(r->allocator);
    snapshot_unref(r->cfg);
}

/* Namespaces matter for their labels alone. */
void reconciler_start(struct reconciler *r)
{
    const char *home = r->cluster->namespace;
    const struct kube_selection all[] = {
        config_state_selection(r->config_state),
        {.kind = OBJ_IP_ADDRESS_POOL, .namespace = home},
        {.kind = OBJ_COMMUNITY, .namespace = home},
        {.kind = OBJ_NAMESPACE, .namespace = "", .only_metadata = true},
        {.kind = OBJ_SERVICE, .namespace = ""},
    };
    const struct kube_feed_options options = {
        .selections = all,
        .selection_count = r->options->only_webhook ? 1 : ARRAY_SIZE(all),
        .changed = on_change,
        .synced = on_synced,
        .arg = r,
    };

    cluster_watch(r->cluster, options);
}

void reconciler_stop(struct reconciler *r)
{
    r->is_stopped = true;
    service_writer_stop(r->writer);
    pool_status_stop(r->pool_status);
}
