/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What writes to the API server, driven by lines on stdin.
 *
 *     write_probe [FLAG]...      the flags are those of the roles, and --state controller|speaker
 *
 *     status NAMESPACE NAME IP            writes the status of a Service, and an annotation
 *     many NAMESPACE COUNT                the same for s0, s1, ... with 198.18.0.0 plus the number
 *     event NAMESPACE NAME UID REASON MESSAGE...
 *     fault TEXT...                       reports it to the ConfigurationState; "-": none
 *     lease NAMESPACE NAME IDENTITY       competes for it: 4 s, renewed within 3 s, tried every 1 s
 *     release                             gives it up
 *     stats                               prints "stats writes=N sent=N folded=N dropped=N"
 *     quit
 *
 * It prints "ready"; "written NAME CODE STATUS" and "many WRITTEN FAILED" when writes have ended;
 * "lease STATE" when that changes; "released".
 */
#include "base/ip.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_lease.h"
#include "role/cluster.h"
#include "role/config_state.h"
#include "role/flags.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 6 };

struct probe {
    struct cluster cluster;
    struct config_state *state;
    struct kube_lease *lease;
    struct evbuffer *input;
    unsigned many_left, many_written, many_failed;
};

/* One status to write. */
struct job {
    struct probe *probe;
    bool is_one_of_many;
    char name[64], ip[64];
};

PRINTF_LIKE(1, 2) static void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

/* --- Services --- */

static enum kube_edit edit_service(void *arg, json_t *object)
{
    const struct job *job = arg;
    json_t *meta = json_object_get(object, "metadata");
    json_t *annotations = json_object_get(meta, "annotations");
    json_t *status = json_object_get(object, "status");

    if (annotations == NULL) {
        annotations = json_object();
        json_object_set_new(meta, "annotations", annotations);
    }
    json_object_set_new(annotations, "metallb.io/ip-allocated-from-pool", json_string("edge"));
    json_object_set_new(status, "loadBalancer",
                        json_pack("{s:[{s:s, s:s}]}", "ingress", "ip", job->ip, "ipMode", "VIP"));
    return KUBE_EDIT_WRITE;
}

static void on_service_written(void *arg, const struct kube_reply *reply)
{
    CLEANUP(xfreep) struct job *job = arg;
    struct probe *p = job->probe;
    bool ok = reply->code == 0 && (reply->status == 0 || reply->status == 200);

    if (!job->is_one_of_many) {
        say("written %s %d %u", job->name, reply->code, reply->status);
        return;
    }
    p->many_written += ok;
    p->many_failed += !ok;
    if (--p->many_left == 0)
        say("many %u %u", p->many_written, p->many_failed);
}

static void write_service(struct probe *p, const char *namespace, const char *name, const char *ip,
                          bool is_one_of_many)
{
    struct job *job = xcalloc(1, sizeof(*job));
    const struct kube_edit_request request = {.kind = OBJ_SERVICE,
                                              .namespace = namespace,
                                              .name = name,
                                              .subresource = "status",
                                              .edit = edit_service,
                                              .done = on_service_written,
                                              .arg = job};

    job->probe = p;
    job->is_one_of_many = is_one_of_many;
    snprintf(job->name, sizeof(job->name), "%s", name);
    snprintf(job->ip, sizeof(job->ip), "%s", ip);
    kube_writer_edit(p->cluster.writer, &request);
}

static void write_many(struct probe *p, const char *namespace, unsigned count)
{
    char name[16];

    p->many_left = count;
    p->many_written = p->many_failed = 0;
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        write_service(p, namespace, name, ip_format(ip_v4(UINT32_C(0xc6120000) + i)).s, true);
    }
}

/* --- Events --- */

static void send_event(struct probe *p, char *const *words)
{
    const struct object about = {
        .kind = OBJ_SERVICE,
        .meta = {
            .namespace = words[1], .name = words[2], .uid = words[3], .resource_version = "1"}};

    kube_event(p->cluster.events, &about, KUBE_EVENT_WARNING, words[4], "%s", words[5]);
}

/* --- the Lease --- */

static void on_lease(void *arg, enum kube_lease_state state)
{
    static const char *const names[] = {
        [KUBE_LEASE_WAITING] = "waiting",
        [KUBE_LEASE_HELD] = "held",
        [KUBE_LEASE_LOST] = "lost",
        [KUBE_LEASE_FORBIDDEN] = "forbidden",
    };

    (void)arg;
    say("lease %s", names[state]);
}

static void start_lease(struct probe *p, char *const *words)
{
    const struct kube_lease_options o = {.base = p->cluster.base,
                                         .client = p->cluster.client,
                                         .namespace = words[1],
                                         .name = words[2],
                                         .identity = words[3],
                                         .duration_ns = 4 * NS_PER_SEC,
                                         .renew_deadline_ns = 3 * NS_PER_SEC,
                                         .retry_ns = 1 * NS_PER_SEC,
                                         .changed = on_lease};

    p->lease = kube_lease_new(&o);
}

static void on_left(void *arg)
{
    (void)arg;
    say("released");
}

/* --- lines --- */

static void print_stats(const struct probe *p)
{
    struct kube_events_stats e = kube_events_stats(p->cluster.events);

    say("stats writes=%" PRIu64 " sent=%" PRIu64 " folded=%" PRIu64 " dropped=%" PRIu64,
        kube_writer_count(p->cluster.writer), e.sent, e.folded, e.dropped);
}

/* `words` has WORDS_MAX entries; those that are not there are "". */
static void obey(struct probe *p, char *const *words)
{
    const char *what = words[0];

    if (str_eq(what, "status"))
        write_service(p, words[1], words[2], words[3], false);
    else if (str_eq(what, "many"))
        write_many(p, words[1], (unsigned)strtoul(words[2], NULL, 10));
    else if (str_eq(what, "event"))
        send_event(p, words);
    else if (str_eq(what, "fault"))
        config_state_report(p->state, str_eq(words[1], "-") ? NULL : words[1]);
    else if (str_eq(what, "lease"))
        start_lease(p, words);
    else if (str_eq(what, "release"))
        kube_lease_release(p->lease, on_left, p);
    else if (str_eq(what, "stats"))
        print_stats(p);
    else if (str_eq(what, "quit"))
        (void)event_base_loopbreak(p->cluster.base);
    else
        say("what? %s", what);
}

static void on_line(struct probe *p, char *line)
{
    static char nothing[] = "";
    char *words[WORDS_MAX] = {nothing, nothing, nothing, nothing, nothing, nothing};
    size_t last = strncmp(line, "fault ", 6) == 0 ? 1 : WORDS_MAX - 1; /* takes the rest */

    for (size_t i = 0; i <= last && line != NULL; i++)
        words[i] = i == last ? line : strsep(&line, " ");
    obey(p, words);
}

static void on_stdin(evutil_socket_t fd, short what, void *arg)
{
    struct probe *p = arg;
    char *line;

    (void)what;
    if (evbuffer_read(p->input, fd, 65536) <= 0)
        (void)event_base_loopbreak(p->cluster.base);
    while ((line = evbuffer_readln(p->input, NULL, EVBUFFER_EOL_LF)) != NULL) {
        on_line(p, line);
        free(line);
    }
}

/* --- life --- */

static void on_changed(void *arg, const struct kube_change *change)
{
    const struct probe *p = arg;

    (void)change;
    config_state_on_change(p->state);
}

static void on_synced(void *arg)
{
    const struct probe *p = arg;

    config_state_on_change(p->state);
}

static void watch_state(struct probe *p, const char *of, const char *node)
{
    struct kube_selection selection;

    p->state = config_state_new(
        &p->cluster, str_eq(of, "speaker") ? CONFIG_STATE_SPEAKER : CONFIG_STATE_CONTROLLER, node);
    selection = config_state_selection(p->state);
    cluster_watch(&p->cluster, (struct kube_feed_options){.selections = &selection,
                                                          .selection_count = 1,
                                                          .changed = on_changed,
                                                          .synced = on_synced,
                                                          .arg = p});
}

static void run(struct probe *p, const char *state, const char *node)
{
    struct event *readable =
        event_new(p->cluster.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_stdin, p);

    p->input = evbuffer_new();
    event_add(readable, NULL);
    say("ready");
    if (!str_empty(state))
        watch_state(p, state, node);
    event_base_dispatch(p->cluster.base);
    event_free(readable);
    evbuffer_free(p->input);
}

int main(int argc, char **argv)
{
    struct cluster_options o = {.kubeconfig = "",
                                .namespace = "",
                                .pod_name = "",
                                .component = "metallb-controller",
                                .host = "",
                                .user_agent = "write_probe"};
    const char *state = "", *node = "";
    const struct flag flags[] = {
        {"kubeconfig", FLAG_STRING, &o.kubeconfig, NULL, "of the API server"},
        {"namespace", FLAG_STRING, &o.namespace, "METALLB_NAMESPACE", "our own"},
        {"pod-name", FLAG_STRING, &o.pod_name, "METALLB_POD_NAME", "our own"},
        {"node-name", FLAG_STRING, &node, NULL, "of a speaker"},
        {"state", FLAG_STRING, &state, NULL, "keep a ConfigurationState"},
    };
    struct probe p = {0};
    struct event_base *base;
    int code;

    if (flags_parse(argv[0], flags, ARRAY_SIZE(flags), argc, argv, &code) < 0)
        return code;
    log_set_level(LOG_DEBUG);
    base = event_base_new();
    if (cluster_open(&p.cluster, base, &o) < 0)
        return 1;
    run(&p, state, node);
    kube_lease_free(p.lease);
    config_state_free(p.state);
    cluster_close(&p.cluster);
    event_base_free(base);
    return 0;
}
