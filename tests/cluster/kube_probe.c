/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API client alone, driven by lines on stdin.
 *
 *     kube_probe [--kubeconfig FILE] [--ping SECONDS TIMEOUT] [--patience SECONDS] [--debug]
 *
 *     get PATH            prints "reply N CODE STATUS LEN REASON TEXT", "-" for what is empty
 *     show PATH           the same, then "body N BYTES"
 *     put PATH FILE       likewise; post PATH FILE too
 *     many COUNT PATH     as many GETs at once; prints "many OK FAILED" after the last
 *     watch PATH          prints "head N STATUS", "line N BYTES" for each line, "end N CODE TEXT"
 *     cancel              cancels all watches
 *     chaos COUNT PATH    as many calls, each cancelled in a handler or starting another in one;
 *                         prints "chaos" when there is none left
 *     stats               prints "stats NAME=VALUE..."
 *     free                frees the client; nothing is printed of its calls any more
 *     quit
 *
 * N numbers what was asked for, from 1.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_client.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

enum { FILE_MAX = 4 << 20 };

struct watch {
    LIST_ENTRY(watch) link;
    struct kube_call *call;
    struct text line;
    unsigned number;
};

struct probe {
    struct event_base *base;
    struct kube_client *client;
    struct evbuffer *input;
    struct event *readable;
    LIST_HEAD(, watch) watches;
    LIST_HEAD(, fetch) fetches;
    unsigned number;
    unsigned many_left, many_ok, many_failed, chaos_left;
};

/* Belongs to us: after the end of the client nobody is called who could free it. */
struct fetch {
    LIST_ENTRY(fetch) link;
    unsigned number;
    bool show;
};

static const char *or_dash(const char *text)
{
    return *text != '\0' ? text : "-";
}

static void on_reply(void *arg, const struct kube_reply *reply)
{
    struct fetch *f = arg;

    printf("reply %u %d %u %zu %s %s\n", f->number, reply->code, reply->status, reply->len,
           or_dash(reply->reason), or_dash(reply->text));
    if (f->show)
        printf("body %u %s\n", f->number, reply->bytes);
    LIST_REMOVE(f, link);
    free(f);
}

static void on_many(void *arg, const struct kube_reply *reply)
{
    struct probe *p = arg;

    if (reply->code == 0 && reply->status == 200)
        p->many_ok++;
    else
        p->many_failed++;
    if (--p->many_left == 0)
        printf("many %u %u\n", p->many_ok, p->many_failed);
}

static void fetch(struct probe *p, const struct kube_request *request, bool show)
{
    struct fetch *f = xcalloc(1, sizeof(*f));

    *f = (struct fetch){.number = ++p->number, .show = show};
    LIST_INSERT_HEAD(&p->fetches, f, link);
    (void)kube_fetch_start(p->client, request, on_reply, f);
}

static void on_head(void *arg, const struct kube_answer *answer)
{
    const struct watch *w = arg;

    printf("head %u %u\n", w->number, answer->status);
}

static void on_data(void *arg, const char *bytes, size_t len)
{
    struct watch *w = arg;

    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t piece = end != NULL ? (size_t)(end - bytes) : len;

        text_add_n(&w->line, bytes, piece);
        if (end == NULL)
            return;
        printf("line %u %s\n", w->number, text_str(&w->line));
        text_done(&w->line);
        bytes += piece + 1;
        len -= piece + 1;
    }
}

static void watch_free(struct watch *w)
{
    LIST_REMOVE(w, link);
    text_done(&w->line);
    free(w);
}

static void on_end(void *arg, const struct kube_end *end)
{
    struct watch *w = arg;

    printf("end %u %d %s\n", w->number, end->code, or_dash(end->text));
    watch_free(w);
}

static const struct kube_handlers watch_handlers = {on_head, on_data, on_end};

static void command_watch(struct probe *p, const char *path)
{
    struct kube_request request = {.method = "GET", .path = path, .stall_ns = 900 * NS_PER_SEC};
    struct watch *w = xcalloc(1, sizeof(*w));

    w->number = ++p->number;
    LIST_INSERT_HEAD(&p->watches, w, link);
    w->call = kube_call_start(p->client, &request, &watch_handlers, w);
}

static void command_cancel(struct probe *p)
{
    while (!LIST_EMPTY(&p->watches)) {
        struct watch *w = LIST_FIRST(&p->watches);

        kube_call_cancel(w->call);
        watch_free(w);
    }
    printf("cancelled\n");
}

static void command_many(struct probe *p, const char *count, const char *path)
{
    p->many_left = (unsigned)strtoul(count, NULL, 10);
    p->many_ok = p->many_failed = 0;
    for (unsigned i = p->many_left; i > 0; i--)
        (void)kube_fetch_start(p->client, &(struct kube_request){.method = "GET", .path = path},
                               on_many, p);
}

/* --- calls that are cancelled and started in handlers --- */

enum chaos_kind { CHAOS_HEAD, CHAOS_DATA, CHAOS_END, CHAOS_START };

struct chaos {
    struct probe *probe;
    struct kube_call *call;
    char *path;
    enum chaos_kind kind;
};

static void chaos_start(struct probe *p, enum chaos_kind kind, const char *path);

static void chaos_over(struct chaos *c)
{
    struct probe *p = c->probe;

    kube_call_cancel(c->call);
    if (c->kind == CHAOS_START)
        chaos_start(p, CHAOS_HEAD, c->path);
    free(c->path);
    free(c);
    if (--p->chaos_left == 0)
        printf("chaos\n");
}

static void on_chaos_head(void *arg, const struct kube_answer *answer)
{
    struct chaos *c = arg;

    (void)answer;
    if (c->kind == CHAOS_HEAD || c->kind == CHAOS_START)
        chaos_over(c);
}

static void on_chaos_data(void *arg, const char *bytes, size_t len)
{
    struct chaos *c = arg;

    (void)bytes;
    (void)len;
    if (c->kind == CHAOS_DATA)
        chaos_over(c);
}

static void on_chaos_end(void *arg, const struct kube_end *end)
{
    (void)end;
    chaos_over(arg);
}

static const struct kube_handlers chaos_handlers = {on_chaos_head, on_chaos_data, on_chaos_end};

static void chaos_start(struct probe *p, enum chaos_kind kind, const char *path)
{
    struct chaos *c = xcalloc(1, sizeof(*c));

    *c = (struct chaos){.probe = p, .kind = kind, .path = xstrdup(path)};
    p->chaos_left++;
    c->call = kube_call_start(p->client, &(struct kube_request){.method = "GET", .path = path},
                              &chaos_handlers, c);
}

static void command_chaos(struct probe *p, const char *count, const char *path)
{
    for (unsigned long i = strtoul(count, NULL, 10); i > 0; i--)
        chaos_start(p, (enum chaos_kind)(i % 4), path);
}

static void command_send(struct probe *p, const char *method, const char *path, const char *file)
{
    CLEANUP(xfreep) char *body = xmalloc(FILE_MAX);
    FILE *f = fopen(file, "re");
    size_t len;

    if (f == NULL) {
        printf("no file\n");
        return;
    }
    len = fread(body, 1, FILE_MAX, f);
    fclose(f);
    fetch(p, &(struct kube_request){.method = method, .path = path, .body = body, .body_len = len},
          false);
}

static void command_stats(const struct probe *p)
{
    struct kube_client_stats s = kube_client_stats(p->client);

    printf("stats connected=%d http2=%d connects=%" PRIu64 " calls=%" PRIu64 " retried=%" PRIu64
           " goaways=%" PRIu64 " ping_timeouts=%" PRIu64 " bytes_in=%" PRIu64 " bytes_out=%" PRIu64
           " open_calls=%zu\n",
           s.connected, s.http2, s.connects, s.calls, s.retried, s.goaways, s.ping_timeouts,
           s.bytes_in, s.bytes_out, s.open_calls);
}

static void command(struct probe *p, char *line)
{
    char *rest = line, *words[3];

    for (int i = 0; i < 3; i++) {
        char *word = strsep(&rest, " ");

        words[i] = word != NULL ? word : rest;
    }
    if (str_eq(words[0], "free")) {
        p->client = kube_client_free(p->client);
        printf("freed\n");
    } else if (str_eq(words[0], "quit") || p->client == NULL) {
        event_base_loopbreak(p->base);
    } else if (str_eq(words[0], "stats")) {
        command_stats(p);
    } else if (str_eq(words[0], "cancel")) {
        command_cancel(p);
    } else if (str_eq(words[0], "watch") && words[1] != NULL) {
        command_watch(p, words[1]);
    } else if (str_eq(words[0], "many") && words[2] != NULL) {
        command_many(p, words[1], words[2]);
    } else if (str_eq(words[0], "chaos") && words[2] != NULL) {
        command_chaos(p, words[1], words[2]);
    } else if (str_eq(words[0], "put") && words[2] != NULL) {
        command_send(p, "PUT", words[1], words[2]);
    } else if (str_eq(words[0], "post") && words[2] != NULL) {
        command_send(p, "POST", words[1], words[2]);
    } else if (words[1] != NULL) {
        fetch(p, &(struct kube_request){.method = "GET", .path = words[1]},
              str_eq(words[0], "show"));
    }
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
    struct probe *p = arg;
    char *line;

    (void)what;
    if (evbuffer_read(p->input, fd, -1) <= 0) {
        event_base_loopbreak(p->base);
        return;
    }
    while ((line = evbuffer_readln(p->input, NULL, EVBUFFER_EOL_LF)) != NULL) {
        command(p, line);
        free(line);
    }
}

static int64_t seconds(const char *text)
{
    return (int64_t)(strtod(text, NULL) * (double)NS_PER_SEC);
}

static void run(struct probe *p, const char *kubeconfig, struct kube_client_options *options)
{
    struct kube_environment env = kube_environment_of_process(kubeconfig);
    CLEANUP(kube_config_freep) struct kube_config *config = NULL;
    CLEANUP(err_done) struct err err = {0};

    options->base = p->base;
    options->user_agent = "kube_probe";
    if (kube_config_load(&config, &env, &err) < 0) {
        printf("failed %d %s\n", err.code, err_text(&err));
        return;
    }
    options->config = config;
    if (kube_client_new(&p->client, options, &err) < 0) {
        printf("failed %d %s\n", err.code, err_text(&err));
        return;
    }
    printf("ready %s\n", or_dash(config->namespace));
    event_base_dispatch(p->base);
    p->client = kube_client_free(p->client);
}

int main(int argc, char **argv)
{
    struct probe p = {.base = event_base_new(), .input = evbuffer_new()};
    struct kube_client_options options = {0};
    const char *kubeconfig = "";

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < argc; i++) {
        if (str_eq(argv[i], "--debug")) {
            log_set_level(LOG_DEBUG);
        } else if (str_eq(argv[i], "--kubeconfig") && i + 1 < argc) {
            kubeconfig = argv[++i];
        } else if (str_eq(argv[i], "--patience") && i + 1 < argc) {
            options.connect_patience_ns = seconds(argv[++i]);
        } else if (str_eq(argv[i], "--ping") && i + 2 < argc) {
            options.ping_interval_ns = seconds(argv[++i]);
            options.ping_timeout_ns = seconds(argv[++i]);
        }
    }
    LIST_INIT(&p.watches);
    LIST_INIT(&p.fetches);
    p.readable = event_new(p.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &p);
    event_add(p.readable, NULL);
    run(&p, kubeconfig, &options);
    while (!LIST_EMPTY(&p.watches))
        watch_free(LIST_FIRST(&p.watches));
    while (!LIST_EMPTY(&p.fetches)) {
        struct fetch *f = LIST_FIRST(&p.fetches);

        LIST_REMOVE(f, link);
        free(f);
    }
    event_free(p.readable);
    evbuffer_free(p.input);
    event_base_free(p.base);
    return 0;
}
