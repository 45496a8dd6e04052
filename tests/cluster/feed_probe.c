/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints every change of a feed as one line, until it is ended:
 *
 *     feed_probe KUBECONFIG KIND[,NAMESPACE[,FIELD-SELECTOR[,LABEL-SELECTOR[,metadata]]]]...
 *
 *     new Service default/web 123 4711 bytes
 *     change Service default/web 124 4711 bytes
 *     gone Service default/web
 *     synced 17
 *     stats Service synced=1 lists=0 watches=2 events=40 undecodable=0 stored=17      (on SIGUSR1)
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_feed.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { SELECTIONS_MAX = 16 };

struct probe {
    struct event_base *base;
    struct kube_feed *feed;
    struct store *store;
    struct kube_selection selections[SELECTIONS_MAX];
    size_t count;
};

static void on_changed(void *arg, const struct kube_change *change)
{
    const struct object *o = change->new != NULL ? change->new : change->old;
    const char *kind = object_kind_name(change->kind);

    (void)arg;
    if (change->new == NULL)
        printf("gone %s %s/%s\n", kind, o->meta.namespace, o->meta.name);
    else
        printf("%s %s %s/%s %s %zu bytes\n", change->old != NULL ? "change" : "new", kind,
               o->meta.namespace, o->meta.name, o->meta.resource_version, change->json_len);
}

static void on_synced(void *arg)
{
    const struct probe *p = arg;
    size_t stored = 0;

    for (size_t i = 0; i < p->count; i++)
        stored += store_list(p->store, p->selections[i].kind).count;
    printf("synced %zu\n", stored);
}

static void on_usr1(evutil_socket_t fd, short what, void *arg)
{
    const struct probe *p = arg;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < p->count; i++) {
        struct kube_feed_stats s = kube_feed_stats(p->feed, i, mono_now());

        printf("stats %s synced=%d lists=%" PRIu64 " watches=%" PRIu64 " events=%" PRIu64
               " undecodable=%" PRIu64 " stored=%zu\n",
               object_kind_name(s.kind), s.synced, s.lists, s.watches, s.events, s.undecodable,
               store_list(p->store, s.kind).count);
    }
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
    const struct probe *p = arg;

    (void)fd;
    (void)what;
    event_base_loopbreak(p->base);
}

static bool parse_selection(struct kube_selection *ret, char *text)
{
    char *fields[5] = {text, NULL, NULL, NULL, NULL};

    for (size_t i = 1; i < ARRAY_SIZE(fields) && fields[i - 1] != NULL; i++) {
        fields[i] = strchr(fields[i - 1], ',');
        if (fields[i] != NULL)
            *fields[i]++ = '\0';
    }
    for (size_t k = 0; k < OBJECT_KINDS; k++) {
        if (strcmp(object_kind_name((enum object_kind)k), text) != 0)
            continue;
        *ret = (struct kube_selection){
            .kind = (enum object_kind)k,
            .namespace = fields[1] != NULL ? fields[1] : "",
            .field_selector = fields[2],
            .label_selector = fields[3],
            .only_metadata = fields[4] != NULL,
        };
        return true;
    }
    return false;
}

static int run(struct probe *p, const char *kubeconfig)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(kube_config_freep) struct kube_config *config = NULL;
    CLEANUP(kube_client_freep) struct kube_client *client = NULL;
    struct kube_environment env = kube_environment_of_process(kubeconfig);
    struct kube_client_options options = {.base = p->base, .user_agent = "feed-probe"};
    struct kube_feed_options feed = {
        .base = p->base,
        .store = p->store,
        .selections = p->selections,
        .selection_count = p->count,
        .changed = on_changed,
        .synced = on_synced,
        .arg = p,
    };

    if (kube_config_load(&config, &env, &err) < 0) {
        fprintf(stderr, "feed_probe: %s\n", err_text(&err));
        return 1;
    }
    options.config = config;
    if (kube_client_new(&client, &options, &err) < 0) {
        fprintf(stderr, "feed_probe: %s\n", err_text(&err));
        return 1;
    }
    feed.client = client;
    p->feed = kube_feed_new(&feed);
    event_base_dispatch(p->base);
    p->feed = kube_feed_free(p->feed);
    return 0;
}

int main(int argc, char **argv)
{
    struct probe p = {.base = event_base_new(), .store = store_new()};
    struct event *usr1, *term;
    int r;

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_DEBUG);
    for (int i = 2; i < argc && p.count < SELECTIONS_MAX; i++) {
        if (!parse_selection(&p.selections[p.count++], argv[i])) {
            fprintf(stderr, "feed_probe: no kind %s\n", argv[i]);
            return 2;
        }
    }
    if (p.count == 0) {
        fputs("feed_probe KUBECONFIG KIND[,NAMESPACE[,FIELD[,LABEL[,metadata]]]]...\n", stderr);
        return 2;
    }
    usr1 = evsignal_new(p.base, SIGUSR1, on_usr1, &p);
    term = evsignal_new(p.base, SIGTERM, on_term, &p);
    evsignal_add(usr1, NULL);
    evsignal_add(term, NULL);
    r = run(&p, argv[1]);
    event_free(usr1);
    event_free(term);
    store_free(p.store);
    event_base_free(p.base);
    return r;
}
