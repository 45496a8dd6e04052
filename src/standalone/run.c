/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `steellb run`: one folder, one node, one loop.
 *
 * The folder is read at start, after every change in it and on SIGHUP. A reading that cannot be
 * used (not YAML, or with faults) is reported and changes nothing; the last good one stays in
 * force. A good one replaces it as a whole: the evaluation says which addresses this node owns, the
 * announcer is told the set. Services keep the addresses that they have in the reading before, so
 * that an edit elsewhere moves none.
 */
#include "standalone/run_int.h"

#include "base/log.h"
#include "base/text.h"
#include "net/caps.h"
#include "role/loop.h"
#include "role/realtime.h"
#include "speaker/bgp_answer.h"
#include "standalone/pins.h"
#include "standalone/standalone.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

int run_node_index(const struct run *run, const struct evaluation *e)
{
    return e->cfg != NULL ? snapshot_node_index(e->cfg, run->options->node_name) : -1;
}

bool run_owns(const struct run *run, const struct evaluation *e, size_t service)
{
    const struct l2_verdict *v = &e->l2[service];
    int me = run_node_index(run, e);

    return me >= 0 && v->eligible_count > 0 && v->candidates[0].node == (size_t)me;
}

static int by_ip(const void *a, const void *b)
{
    return ip_cmp(((const struct announcement *)a)->ip, ((const struct announcement *)b)->ip);
}

static struct string_list union_of(const struct string_list *x, const struct string_list *y,
                                   struct arena *a)
{
    const char **names = arena_calloc(a, x->count + y->count, sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; i < x->count; i++)
        names[n++] = x->items[i];
    for (size_t i = 0; i < y->count; i++) {
        if (!string_list_has(x, y->items[i]))
            names[n++] = y->items[i];
    }
    return (struct string_list){.items = names, .count = n};
}

/* Several Services may share an address: all interfaces if one says so, else all that are named. */
static size_t merge_announcements(struct announcement *list, size_t count, struct arena *a)
{
    size_t n = 0;

    if (count > 0)
        qsort(list, count, sizeof(*list), by_ip);
    for (size_t i = 0; i < count; i++) {
        if (n == 0 || !ip_eq(list[n - 1].ip, list[i].ip)) {
            list[n++] = list[i];
            continue;
        }
        list[n - 1].all_interfaces = list[n - 1].all_interfaces || list[i].all_interfaces;
        list[n - 1].interfaces = union_of(&list[n - 1].interfaces, &list[i].interfaces, a);
    }
    return n;
}

static void warn_absent_interfaces(const struct run *run, const struct object *service,
                                   const struct announcement *a)
{
    for (size_t i = 0; i < a->interfaces.count; i++) {
        if (announcer_has_interface(run->announcer, a->interfaces.items[i]))
            return;
    }
    log_warn(
        "announceFailed: none of the interfaces that the advertisement names is here; the address "
        "is announced when one appears",
        F_S("service", service->meta.name), F_S("namespace", service->meta.namespace),
        F_S("ip", ip_format(a->ip).s));
}

static void announce(struct run *run, const struct evaluation *e)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct announcement *list = arena_calloc(scratch, e->count * IPAM_MAX_ADDRS, sizeof(*list));
    int me = run_node_index(run, e);
    size_t count = 0;

    for (size_t i = 0; i < e->count; i++) {
        struct announcement add = {0};

        if (!run_owns(run, e, i))
            continue;
        add.interfaces = decide_l2_interfaces(&e->l2[i], (size_t)me, scratch, &add.all_interfaces);
        for (size_t k = 0; k < e->services[i].addr_count; k++) {
            add.ip = e->services[i].addrs[k];
            if (!add.all_interfaces)
                warn_absent_interfaces(run, e->services[i].service, &add);
            list[count++] = add;
        }
    }
    announcer_set(run->announcer, list, merge_announcements(list, count, scratch));
    routes_announce(run, e);
}

static void pin(const struct run *run, const struct evaluation *e)
{
    CLEANUP(err_done) struct err err = {0};

    if (run->options->pin && pins_write(run->options->folder, e, &err) < 0)
        log_error("addresses are not pinned", F_S("error", err_text(&err)));
}

static void refuse(struct run *run, char *why_take)
{
    free(run->refused);
    run->refused = why_take;
    run->refusals++;
    log_error("the folder is not in force, the last good state stays", F_S("error", why_take));
}

/* The new state takes effect; the old one is needed until the difference was told. */
static void adopt(struct run *run, struct folder_state *state_take)
{
    struct folder_state *old = run->state;

    run->state = state_take;
    run->applied_at = time(NULL);
    free(run->refused);
    run->refused = NULL;
    members_tell(run, false);
    if (!run->handover.is_leaving) /* what is announced is then given away, not taken on */
        announce(run, run->state->evaluation);
    report_change(run, old != NULL ? old->evaluation : NULL, run->state->evaluation);
    if (run_node_index(run, run->state->evaluation) < 0)
        log_warn("the folder has no Node of this name: this node announces nothing",
                 F_S("node", run->options->node_name));
    pin(run, run->state->evaluation);
    folder_state_free(old);
}

static struct evaluation_options how_to_evaluate(struct run *run)
{
    struct evaluation_options how = run_evaluation_options(run->options);

    if (run->state != NULL)
        how.held_from = run->state->evaluation;
    if (run->members != NULL) {
        how.node_known = members_node_known;
        how.arg = run;
    }
    return how;
}

void run_decide_again(struct run *run)
{
    struct evaluation_options how = how_to_evaluate(run);
    struct evaluation *old, *new;

    if (run->state == NULL)
        return;
    old = run->state->evaluation;
    new = evaluation_again(old, run->state->store, &how);
    run->state->evaluation = new;
    announce(run, new);
    report_change(run, old, new);
    evaluation_free(old);
}

static void read_folder(struct run *run)
{
    CLEANUP(folder_state_freep) struct folder_state *state = NULL;
    CLEANUP(err_done) struct err err = {0};
    struct evaluation_options how = how_to_evaluate(run);
    int r;

    run->readings++;
    r = folder_read(&state, run->options->folder, &how, &err);
    if (!feed_files_is_settled(run->feed))
        return; /* somebody wrote meanwhile: what was read may be torn, and another call is due */
    if (r < 0) {
        refuse(run, xstrdup(err_text(&err)));
        return;
    }
    if (state->evaluation->cfg == NULL) {
        const struct fault_list *faults = &state->evaluation->faults;

        report_refusal(state->evaluation);
        refuse(run,
               xasprintf("%zu faults, the first: %s", faults->count, faults->items[0].message));
        return;
    }
    adopt(run, TAKE(state));
}

static void on_folder_change(void *arg)
{
    read_folder(arg);
}

static void on_hup(evutil_socket_t signal, short what, void *arg)
{
    (void)signal;
    (void)what;
    log_info("SIGHUP: reading the folder again");
    read_folder(arg);
}

static void on_end(evutil_socket_t signal, short what, void *arg)
{
    struct run *run = arg;

    (void)what;
    log_info("starting shutdown", F_I("signal", signal));
    handover_begin(&run->handover, run->base,
                   &(struct handover_parts){
                       .announcer = run->announcer,
                       .membership = run->members,
                       .router = run->router,
                       /* Of a drained node nothing is to be kept. */
                       .routes = run->drain.is_draining ? BGP_SHUTDOWN_CEASE : BGP_SHUTDOWN_RESTART,
                   });
}

static void add_signal(struct run *run, struct event *e, int signal, event_callback_fn fn)
{
    event_assign(e, run->base, signal, EV_SIGNAL | EV_PERSIST, fn, run);
    event_priority_set(e, LOOP_PRIORITY_USUAL);
    event_add(e, NULL);
}

static int drop_privileges(const struct run_options *o, struct err *err)
{
    const char *name = o->user;
    uint64_t keep = router_privileges(o->bgp_listen_port);
    const struct passwd *entry;
    struct caps_user user;

    if (name == NULL)
        return caps_drop(keep, NULL, err);
    entry = getpwnam(name);
    if (entry == NULL)
        return err_set(err, -ENOENT, "--user %s: there is no such user", name);
    user = (struct caps_user){.uid = entry->pw_uid, .gid = entry->pw_gid};
    return caps_drop(keep, &user, err);
}

static void on_links(void *arg)
{
    struct run *run = arg;

    router_on_links(run->router);
    members_tell(run, true);
}

static json_t *on_question(void *arg)
{
    return status_build(arg);
}

static struct control_answer *on_request(void *arg, const char *request)
{
    const struct run *run = arg;

    return bgp_answer(run->router, request);
}

static int open_control(struct run *run, struct err *err)
{
    const struct control_options how = {
        .base = run->base,
        .path = run->options->control_socket,
        .ask = on_request,
        .answer = on_question,
        .arg = run,
    };

    return str_empty(how.path) ? 0 : control_open(&run->control, &how, err);
}

static int run_open(struct run *run, struct err *err)
{
    struct announcer_options how = {
        .exclude = run->options->exclude,
        .gratuitous_interval_ns = run->options->gratuitous_interval_ns,
        .links_changed = on_links,
        .rival = members_on_rival,
        .arg = run,
    };
    int r;

    run->base = loop_new();
    if (run->base == NULL)
        return err_set(err, -ENOMEM, "cannot make an event loop");
    r = feed_files_new(&run->feed, run->base, run->options->folder, on_folder_change, run, err);
    if (r < 0)
        return r;
    how.base = run->base;
    r = announcer_new(&run->announcer, &how, err);
    if (r == 0)
        r = routes_open(run, err);
    if (r == 0)
        r = open_control(run, err);
    if (r < 0)
        return r;
    if (run->options->peers != NULL) {
        r = members_open(run, err);
        if (r < 0)
            return r;
    }
    r = run_metrics_open(run, err);
    if (r < 0)
        return r;
    if (run->options->fast.interval_ns > 0 || run->options->realtime)
        realtime_begin();
    return drop_privileges(run->options, err);
}

static void run_close(struct run *run)
{
    metrics_server_free(run->metrics);
    control_close(run->control);
    membership_free(run->members);
    handover_done(&run->handover);
    feed_files_free(run->feed);
    routes_close(run);
    announcer_free(run->announcer);
    folder_state_free(run->state);
    free(run->refused);
    if (run->base != NULL)
        event_base_free(run->base);
}

int standalone_run(int argc, char **argv)
{
    CLEANUP(run_options_done) struct run_options options = {0};
    CLEANUP(err_done) struct err err = {0};
    struct run run = {.options = &options, .started = mono_now()};
    int exit_status = 0;

    signal(SIGPIPE, SIG_IGN); /* a client of the control socket may go away at any time */
    if (run_options_parse(&options, argc, argv, &exit_status) < 0)
        return exit_status;
    if (run_open(&run, &err) < 0) {
        log_error("cannot start", F_S("error", err_text(&err)));
        exit_status = run.base != NULL && run.feed == NULL ? 2 : 1; /* 2: no such folder */
        run_close(&run);
        return exit_status;
    }
    add_signal(&run, &run.on_hup, SIGHUP, on_hup);
    add_signal(&run, &run.on_term, SIGTERM, on_end);
    add_signal(&run, &run.on_int, SIGINT, on_end);
    log_info("steellb starting", F_S("version", STEELLB_VERSION), F_S("node", options.node_name),
             F_S("folder", options.folder));
    read_folder(&run);
    exit_status = event_base_dispatch(run.base) < 0 ? 1 : 0;
    event_del(&run.on_hup);
    event_del(&run.on_term);
    event_del(&run.on_int);
    run_close(&run);
    return exit_status;
}
