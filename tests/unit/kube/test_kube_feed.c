/* SPDX-License-Identifier: Apache-2.0 */
/* The feed over a client that this file plays: it has one call at a time, and says what it likes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_feed.h"

struct kube_client {
    struct kube_call *call; /* the one under way */
    char *path, *accept;
};

struct kube_call {
    struct kube_client *client;
    const struct kube_handlers *handlers;
    void *arg;
};

struct kube_call *kube_call_start(struct kube_client *c, const struct kube_request *request,
                                  const struct kube_handlers *handlers, void *arg)
{
    assert_null(c->call);
    free(c->path);
    free(c->accept);
    c->path = xstrdup(request->path);
    c->accept = xstrdup(request->accept != NULL ? request->accept : "");
    c->call = xcalloc(1, sizeof(*c->call));
    *c->call = (struct kube_call){c, handlers, arg};
    return c->call;
}

void kube_call_cancel(struct kube_call *call)
{
    call->client->call = NULL;
    free(call);
}

struct world {
    struct kube_client client;
    struct event_base *base;
    struct store *store;
    struct kube_feed *feed;
    struct text told;
    bool is_unstored; /* the selection */
    bool keeps;       /* something of the objects */
};

static void on_changed(void *arg, const struct kube_change *change)
{
    struct world *w = arg;
    const struct object *o = change->new != NULL ? change->new : change->old;

    text_printf(&w->told, "%s%s %s", w->told.len > 0 ? ", " : "",
                change->new == NULL   ? "gone"
                : change->old == NULL ? "new"
                                      : "change",
                o->meta.name);
    assert_true((change->new == NULL) == (change->json == NULL));
    if (change->json != NULL)
        text_printf(&w->told, " %.*s", (int)change->json_len, change->json);
    assert_ptr_equal(store_find(w->store, change->kind, o->meta.namespace, o->meta.name),
                     w->is_unstored ? NULL : change->new);
}

/* Keeps "a" and "b". */
static void each_kept(void *arg, enum object_kind kind, kube_name_fn fn, void *fn_arg)
{
    struct world *w = arg;

    assert_true(w->is_unstored);
    assert_int_equal(kind, OBJ_POD);
    if (!w->keeps)
        return;
    fn(fn_arg, "n", "a");
    fn(fn_arg, "n", "b");
    fn(fn_arg, "elsewhere", "b"); /* not of this selection */
}

static void on_synced(void *arg)
{
    struct world *w = arg;

    text_printf(&w->told, "%ssynced", w->told.len > 0 ? ", " : "");
}

static void world_init(struct world *w, const struct kube_selection *selection)
{
    struct kube_feed_options options = {
        .client = &w->client,
        .selections = selection,
        .selection_count = 1,
        .changed = on_changed,
        .synced = on_synced,
        .each_kept = each_kept,
        .arg = w,
    };

    *w = (struct world){.base = event_base_new(), .store = store_new()};
    w->is_unstored = selection->is_unstored;
    options.base = w->base;
    options.store = w->store;
    w->feed = kube_feed_new(&options);
}

static void world_done(struct world *w)
{
    kube_feed_free(w->feed);
    assert_null(w->client.call);
    store_free(w->store);
    event_base_free(w->base);
    text_done(&w->told);
    free(w->client.path);
    free(w->client.accept);
}

static void assert_told(struct world *w, const char *want)
{
    assert_string_equal(text_str(&w->told), want);
    text_done(&w->told);
}

static void say_head(struct world *w, unsigned status)
{
    struct kube_answer answer = {.status = status, .retry_after_ns = -1, .warning = ""};

    w->client.call->handlers->head(w->client.call->arg, &answer);
}

/* In two pieces. */
static void say(struct world *w, const char *body)
{
    size_t len = strlen(body), half = len / 2;
    struct kube_call *call = w->client.call;

    call->handlers->data(call->arg, body, half);
    if (w->client.call == call)
        call->handlers->data(call->arg, body + half, len - half);
}

static void say_end(struct world *w, int code)
{
    struct kube_call *call = w->client.call;
    struct kube_end end = {code, code != 0 ? "broken" : ""};

    w->client.call = NULL;
    call->handlers->end(call->arg, &end);
    free(call);
}

static const struct kube_selection namespaces = {.kind = OBJ_NAMESPACE, .only_metadata = true};
static const struct kube_selection pods = {.kind = OBJ_POD, .namespace = "n"};

#define POD(name_, version_)                                                                       \
    "{\"metadata\":{\"name\":\"" name_ "\",\"namespace\":\"n\",\"resourceVersion\":\"" version_    \
    "\"}}"
#define EVENT(type_, object_) "{\"type\":\"" type_ "\",\"object\":" object_ "}\n"
#define END                                                                                        \
    EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"9\",\"annotations\":{\"k8s.io/"        \
                      "initial-events-end\":\"true\"}}}")
#define NO_WATCH_LIST "{\"kind\":\"Status\",\"message\":\"no WatchList\",\"code\":422}"

static void wait_for_call(struct world *w)
{
    while (w->client.call == NULL)
        event_base_loop(w->base, EVLOOP_ONCE);
}

static void test_watch_list(void **state)
{
    (void)state;
    struct world w;

    world_init(&w, &pods);
    assert_int_equal(strncmp(w.client.path, "/api/v1/namespaces/n/pods?watch=1&", 34), 0);
    assert_string_equal(w.client.accept, "");
    say_head(&w, 200);
    say(&w, EVENT("ADDED", POD("a", "1")) EVENT("ADDED", POD("b", "2")));
    assert_told(&w, "new a " POD("a", "1") ", new b " POD("b", "2"));
    assert_false(kube_feed_is_synced(w.feed));
    say(&w, END);
    assert_told(&w, "synced");
    assert_true(kube_feed_is_synced(w.feed));
    say(&w, EVENT("MODIFIED", POD("a", "1")));
    assert_told(&w, ""); /* it has this version */
    say(&w, EVENT("MODIFIED", POD("a", "10")) EVENT("DELETED", POD("b", "11")));
    assert_told(&w, "change a " POD("a", "10") ", gone b");
    say(&w, EVENT("DELETED", POD("b", "11")));
    assert_told(&w, "");
    world_done(&w);
}

/* What breaks off drops nothing; what is complete drops what it lacks. */
static void test_replace(void **state)
{
    (void)state;
    struct world w;

    world_init(&w, &pods);
    say_head(&w, 200);
    say(&w, EVENT("ADDED", POD("a", "1")) EVENT("ADDED", POD("b", "2")) END);
    assert_told(&w, "new a " POD("a", "1") ", new b " POD("b", "2") ", synced");
    say(&w, EVENT("ERROR", "{\"code\":410,\"reason\":\"Expired\",\"message\":\"old\"}"));
    assert_null(w.client.call);
    wait_for_call(&w);
    say_head(&w, 200);
    say(&w, EVENT("ADDED", POD("c", "3")));
    say_end(&w, -ECONNRESET);
    assert_told(&w, "new c " POD("c", "3"));
    wait_for_call(&w);
    say_head(&w, 200);
    say(&w, EVENT("ADDED", POD("b", "2")) END);
    assert_told(&w, "gone a, gone c");
    world_done(&w);
}

/* The same for a kind of which the store has nothing. */
static void test_unstored(void **state)
{
    (void)state;
    static const struct kube_selection passing = {
        .kind = OBJ_POD, .namespace = "n", .is_unstored = true};
    struct world w;

    world_init(&w, &passing);
    say_head(&w, 200);
    say(&w, EVENT("ADDED", POD("a", "1")) EVENT("ADDED", POD("b", "2")) END);
    assert_told(&w, "new a " POD("a", "1") ", new b " POD("b", "2") ", synced");
    w.keeps = true;
    say(&w, EVENT("MODIFIED", POD("b", "3")) EVENT("DELETED", POD("c", "4")));
    assert_told(&w, "new b " POD("b", "3") ", gone c");
    say(&w, EVENT("ERROR", "{\"code\":410,\"reason\":\"Expired\",\"message\":\"old\"}"));
    wait_for_call(&w);
    say_head(&w, 200);
    say(&w, EVENT("ADDED", POD("b", "3")) END);
    assert_told(&w, "new b " POD("b", "3") ", gone a");
    world_done(&w);
}

static void test_list(void **state)
{
    (void)state;
    struct world w;

    world_init(&w, &pods);
    say_head(&w, 422);
    say(&w, NO_WATCH_LIST);
    say_end(&w, 0);
    assert_string_equal(w.client.path, "/api/v1/namespaces/n/pods?resourceVersion=0");
    say_head(&w, 200);
    say(&w, "{\"items\":[" POD("a", "1") "," POD("b", "2") "],\"metadata\":{\"resourceVersion\":"
                                                           "\"7\"}}");
    assert_told(&w, "new a " POD("a", "1") ", new b " POD("b", "2"));
    say_end(&w, 0);
    assert_told(&w, "synced");
    assert_non_null(strstr(w.client.path, "&resourceVersion=7&"));
    world_done(&w);
}

/* A list that is cut off is none, whatever the connection says. */
static void test_cut_list(void **state)
{
    (void)state;
    struct world w;

    world_init(&w, &pods);
    say_head(&w, 422);
    say(&w, NO_WATCH_LIST);
    say_end(&w, 0);
    say_head(&w, 200);
    say(&w, "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" POD("a", "1"));
    say_end(&w, 0);
    assert_told(&w, "new a " POD("a", "1"));
    assert_null(w.client.call);
    assert_false(kube_feed_is_synced(w.feed));
    world_done(&w);
}

/* What the store had of it stays, also when a whole list comes. */
static void test_undecodable(void **state)
{
    (void)state;
    static const char odd[] =
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"resourceVersion\":\"5\"},\"spec\":7}";
    struct world w;

    world_init(&w, &pods);
    say_head(&w, 200);
    say(&w, EVENT("ADDED", POD("a", "1")) END);
    text_done(&w.told);
    say_end(&w, -ECONNRESET);
    wait_for_call(&w);
    say_head(&w, 200);
    say(&w, EVENT("ERROR", "{\"code\":410,\"reason\":\"Expired\",\"message\":\"old\"}"));
    wait_for_call(&w);
    say_head(&w, 200);
    {
        CLEANUP(xfreep) char *line = xasprintf("{\"type\":\"ADDED\",\"object\":%s}\n" END, odd);

        say(&w, line);
    }
    assert_told(&w, "");
    assert_int_equal(kube_feed_stats(w.feed, 0, mono_now()).undecodable, 1);
    assert_non_null(store_find(w.store, OBJ_POD, "n", "a"));
    world_done(&w);
}

static void test_garbage(void **state)
{
    (void)state;
    struct world w;

    world_init(&w, &pods);
    say_head(&w, 200);
    say(&w, "<html>");
    assert_null(w.client.call);
    wait_for_call(&w);
    say_head(&w, 200);
    say(&w, EVENT("ADDED", "{\"a\":tru}") EVENT("ADDED", POD("a", "1")));
    assert_null(w.client.call);
    assert_told(&w, "");
    world_done(&w);
}

static void test_metadata(void **state)
{
    (void)state;
    struct world w;

    world_init(&w, &namespaces);
    assert_string_equal(w.client.accept,
                        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
    say_head(&w, 200);
    say(&w, EVENT("ADDED", "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
                           "\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"b\"}}}") END);
    assert_int_equal(store_find(w.store, OBJ_NAMESPACE, "", "x")->meta.labels.count, 1);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watch_list), cmocka_unit_test(test_replace),
        cmocka_unit_test(test_unstored),   cmocka_unit_test(test_list),
        cmocka_unit_test(test_cut_list),   cmocka_unit_test(test_undecodable),
        cmocka_unit_test(test_garbage),    cmocka_unit_test(test_metadata),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
