/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/speaker.h"

#include "base/log.h"
#include "base/text.h"
#include "net/caps.h"
#include "role/loop.h"
#include "role/realtime.h"
#include "speaker/membership_options.h"
#include "speaker/reach.h"
#include "speaker/speaker_int.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const int ends[] = {SIGINT, SIGQUIT, SIGTERM};

/* --- work --- */

/* What the first lists were read with is needed no more, and would stay with the allocator. */
static void first_pass_ended(struct speaker *sp)
{
    sp->passed = true;
    router_complete(sp->router);
    malloc_trim(0);
}

static void on_work(evutil_socket_t fd, short what, void *arg)
{
    struct speaker *sp = arg;
    unsigned todo = sp->todo;

    (void)fd;
    (void)what;
    if (!sp->synced ||
        sp->handover.is_leaving) /* what is announced is then given away, not taken on */
        return;
    sp->todo = 0;
    if ((todo & TODO_CONFIG) != 0 && speaker_config_rebuild(sp))
        todo |= TODO_EVALUATE;
    if ((todo & TODO_NODES) != 0) {
        speaker_config_refresh_nodes(sp);
        todo |= TODO_EVALUATE;
    }
    if ((todo & TODO_EVALUATE) != 0)
        services_mark_all(sp);
    if (!sp->settled || sp->config.cfg == NULL)
        return;
    if (services_work(sp))
        speaker_schedule(sp, 0);
    else if (!sp->passed)
        first_pass_ended(sp);
    statuses_work(sp);
}

void speaker_schedule(struct speaker *sp, unsigned todo)
{
    sp->todo |= todo;
    event_active(&sp->work, 0, 0);
}

/* --- the feed --- */

static void on_change(void *arg, const struct kube_change *c)
{
    struct speaker *sp = arg;

    switch (c->kind) {
    case OBJ_SERVICE:
        services_on_service(sp, c);
        return;
    case OBJ_ENDPOINT_SLICE:
        services_on_slice(sp, c);
        return;
    case OBJ_NODE:
        nodes_on_change(sp, c);
        return;
    case OBJ_NAMESPACE:
    case OBJ_IP_ADDRESS_POOL:
    case OBJ_L2_ADVERTISEMENT:
    case OBJ_BGP_ADVERTISEMENT:
    case OBJ_BGP_PEER:
    case OBJ_BFD_PROFILE:
    case OBJ_COMMUNITY:
    case OBJ_SECRET:
        speaker_schedule(sp, TODO_CONFIG);
        return;
    case OBJ_CONFIG_MAP:
        config_map_on_change(c);
        return;
    case OBJ_SERVICE_L2_STATUS:
        status_on_change(sp, ANNOUNCE_LAYER2, c);
        return;
    case OBJ_SERVICE_BGP_STATUS:
        status_on_change(sp, ANNOUNCE_BGP, c);
        return;
    case OBJ_CONFIGURATION_STATE:
        config_state_on_change(sp->config_state);
        return;
    case OBJ_POD:
        return;
    }
}

static void on_settled(struct speaker *sp)
{
    sp->settled = true;
    speaker_schedule(sp, TODO_NODES);
}

static void on_synced(void *arg)
{
    struct speaker *sp = arg;

    sp->synced = true;
    config_state_on_change(sp->config_state);
    speaker_schedule(sp, TODO_CONFIG);
    if (sp->discovery != NULL)
        discovery_on_synced(sp->discovery);
}

static void each_kept(void *arg, enum object_kind kind, kube_name_fn fn, void *fn_arg)
{
    const struct speaker *sp = arg;

    service_table_each_kept(&sp->services, kind, fn, fn_arg);
}

static void watch(struct speaker *sp)
{
    const char *ns = sp->cluster.namespace;
    CLEANUP(xfreep) char *ours = xasprintf("metallb.io/node=%s", sp->options->node);
    const struct kube_selection selections[] = {
        {.kind = OBJ_IP_ADDRESS_POOL, .namespace = ns},
        {.kind = OBJ_L2_ADVERTISEMENT, .namespace = ns},
        {.kind = OBJ_BGP_ADVERTISEMENT, .namespace = ns},
        {.kind = OBJ_BGP_PEER, .namespace = ns},
        {.kind = OBJ_BFD_PROFILE, .namespace = ns},
        {.kind = OBJ_COMMUNITY, .namespace = ns},
        {.kind = OBJ_SECRET, .namespace = ns},
        {.kind = OBJ_CONFIG_MAP, .namespace = ns, .field_selector = "metadata.name=bgpextras"},
        {.kind = OBJ_NODE, .namespace = ""},
        {.kind = OBJ_NAMESPACE, .namespace = "", .only_metadata = true},
        {.kind = OBJ_SERVICE,
         .namespace = "",
         .field_selector = "spec.type=LoadBalancer",
         .is_unstored = true},
        {.kind = OBJ_ENDPOINT_SLICE,
         .namespace = "",
         .label_selector = "!service.kubernetes.io/headless",
         .is_unstored = true},
        {.kind = OBJ_SERVICE_L2_STATUS, .namespace = "", .is_unstored = true},
        {.kind = OBJ_SERVICE_BGP_STATUS,
         .namespace = ns,
         .label_selector = ours,
         .is_unstored = true},
        config_state_selection(sp->config_state),
    };

    cluster_watch(&sp->cluster, (struct kube_feed_options){
                                    .selections = selections,
                                    .selection_count = ARRAY_SIZE(selections),
                                    .changed = on_change,
                                    .synced = on_synced,
                                    .each_kept = each_kept,
                                    .arg = sp,
                                });
}

/* --- membership --- */

static void on_members(void *arg)
{
    struct speaker *sp = arg;

    if (sp->discovery != NULL)
        discovery_on_members(sp->discovery);
    speaker_schedule(sp, TODO_NODES);
}

static void on_returned(void *arg)
{
    const struct speaker *sp = arg;

    if (!sp->handover.is_leaving)
        announcer_again(sp->announcer);
}

static int read_secret(struct membership_secret *ret, const struct speaker_options *o,
                       struct err *err)
{
    if (str_empty(o->ml_secret_dir))
        return 0;
    return membership_secret_read_in(ret, o->ml_secret_dir, err);
}

/* A secret that cannot be read is an error even when there is no membership, as in MetalLB. */
static int open_membership(struct speaker *sp, struct err *err)
{
    CLEANUP(membership_secret_done) struct membership_secret secret = {0};
    CLEANUP(xfreep) char *file = xasprintf("%s/memberlist/config.json", sp->options->config_dir);
    struct membership_options how = {
        .base = sp->base,
        .node = sp->options->node,
        .bind = sp->options->bind,
        .fast = sp->options->fast,
        .changed = on_members,
        .returned = on_returned,
        .arg = sp,
    };
    int r = read_secret(&secret, sp->options, err);

    if (r < 0)
        return err_wrap(err, "failed to read memberlist secret key");
    if (!speaker_options_has_membership(sp->options)) {
        log_info("not starting fast dead node detection (memberlist), need ml-bindaddr and "
                 "ml-labels; the speakers must run on all nodes",
                 F_S("op", "startup"));
        return 0;
    }
    how.secret = secret.bytes;
    how.secret_len = secret.len;
    r = membership_profile_read(&how.profile, file, sp->options->ml_wan, err);
    if (r < 0)
        return err_wrap(err, "failed to read memberlist configuration");
    r = membership_new(&sp->membership, &how, err);
    return r < 0 ? err_wrap(err, "failed to create memberlist") : 0;
}

/* Sessions and next hops depend on them, and the others are told what this node cannot reach any
 * more. */
static void on_links(void *arg)
{
    const struct speaker *sp = arg;

    router_on_links(sp->router);
    if (sp->membership != NULL && !sp->handover.is_leaving)
        reach_tell(sp->membership, sp->announcer, sp->config.cfg, true);
}

static void on_yielded(void *arg)
{
    speaker_schedule(arg, TODO_EVALUATE);
}

/* --- start and end --- */

static void on_rival(void *arg, struct ip ip)
{
    struct speaker *sp = arg;

    handover_on_rival(&sp->handover, ip);
}

static int open_announcer(struct speaker *sp, struct err *err)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct announcer_options how = {
        .base = sp->base,
        .gratuitous_interval_ns = sp->options->gratuitous_interval_ns,
        .links_changed = on_links,
        .rival = on_rival,
        .arg = sp,
    };

    if (speaker_read_exclude(&how.exclude, sp->options, a, err) < 0)
        return err_wrap(err, "failed to parse announcedInterfacesToExclude from configMap");
    return announcer_new(&sp->announcer, &how, err);
}

/* What needs no API server, in MetalLB's order (spec speaker-l2 2.1). */
static int open_node(struct speaker *sp, struct err *err)
{
    int r = open_membership(sp, err);

    if (r == 0)
        r = open_announcer(sp, err);
    if (r == 0)
        r = bgp_open(sp, err);
    if (r == 0)
        r = speaker_control_open(sp, err);
    if (sp->options->fast.interval_ns > 0 || sp->options->realtime)
        realtime_begin();
    if (r == 0)
        r = caps_drop(router_privileges(sp->options->bgp_listen_port), NULL, err);
    if (r == 0)
        on_links(sp); /* a link may be down from the start */
    return r;
}

/* What is wrong has been logged when it fails. */
static int open_cluster(struct speaker *sp)
{
    CLEANUP(err_done) struct err err = {0};
    const struct cluster_options how = {
        .kubeconfig = sp->options->kubeconfig,
        .namespace = sp->options->namespace,
        .pod_name = sp->options->pod_name,
        .component = "metallb-speaker",
        .host = "",
        .user_agent = "steellb-speaker/" STEELLB_VERSION,
    };
    int r = cluster_open(&sp->cluster, sp->base, &how);

    if (r < 0)
        return r;
    sp->cluster_open = true;
    r = health_new(&sp->health, sp->base, "127.0.0.1", (uint16_t)sp->options->health_port, &err);
    if (r < 0) {
        log_error("cannot start the health probes", F_S("op", "startup"),
                  F_S("error", err_text(&err)));
        return r;
    }
    r = speaker_metrics_open(sp, &err);
    if (r < 0) {
        log_error("cannot serve the metrics", F_S("op", "startup"), F_S("error", err_text(&err)));
        return r;
    }
    sp->config_state = config_state_new(&sp->cluster, CONFIG_STATE_SPEAKER, sp->options->node);
    if (sp->membership != NULL)
        sp->discovery = discovery_new(sp, on_settled);
    else
        on_settled(sp);
    watch(sp);
    return 0;
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    struct speaker *sp = arg;

    (void)what;
    log_info("starting shutdown", F_S("op", "shutdown"), F_I("signal", signal_number));
    handover_begin(&sp->handover, sp->base,
                   &(struct handover_parts){
                       .announcer = sp->announcer,
                       .membership = sp->membership,
                       .router = sp->router,
                       /* Of a drained node nothing is to be kept. */
                       .routes = sp->drain.is_draining ? BGP_SHUTDOWN_CEASE : BGP_SHUTDOWN_RESTART,
                   });
}

static void speaker_close(struct speaker *sp)
{
    metrics_server_free(sp->metrics);
    control_close(sp->control);
    router_free(sp->router);
    announcer_free(sp->announcer); /* answers end with the farewell */
    discovery_free(sp->discovery);
    membership_free(sp->membership);
    config_state_free(sp->config_state);
    health_free(sp->health);
    if (sp->cluster_open)
        cluster_close(&sp->cluster);
    statuses_done(sp);
    drain_clock_done(&sp->drain);
    service_events_done(sp);
    service_table_done(&sp->services);
    speaker_config_done(&sp->config);
    event_del(&sp->work);
    handover_done(&sp->handover);
}

static int speaker_run(struct speaker *sp)
{
    CLEANUP(err_done) struct err err = {0};

    if (open_node(sp, &err) < 0) {
        log_error("cannot start", F_S("op", "startup"), F_S("error", err_text(&err)));
        return 1;
    }
    if (open_cluster(sp) < 0)
        return sp->handover.is_leaving ? 0 : 1; /* 0: a signal came first */
    return event_base_dispatch(sp->base) < 0 ? 1 : 0;
}

int speaker_main(int argc, char **argv)
{
    struct speaker_options options;
    struct event signals[ARRAY_SIZE(ends)];
    struct speaker sp = {.options = &options, .started = mono_now()};
    int status;

    signal(SIGPIPE, SIG_IGN);
    if (speaker_options_parse(&options, argc, argv, &status) < 0)
        return status;
    sp.base = loop_new();
    if (sp.base == NULL)
        return 1;
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        (void)event_assign(&signals[i], sp.base, ends[i], EV_SIGNAL | EV_PERSIST, on_signal, &sp);
        (void)event_add(&signals[i], NULL);
    }
    (void)event_assign(&sp.work, sp.base, -1, 0, on_work, &sp);
    event_priority_set(&sp.work, LOOP_PRIORITY_WORK);
    services_init(&sp);
    service_events_init(&sp);
    statuses_init(&sp);
    drain_clock_init(&sp.drain, sp.base, options.drain_delay_ns, on_yielded, &sp);
    status = speaker_run(&sp);
    speaker_close(&sp);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        event_del(&signals[i]);
    event_base_free(sp.base);
    return status;
}
