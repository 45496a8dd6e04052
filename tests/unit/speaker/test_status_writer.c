/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status objects of Services without a server, ServiceL2Status most of the time: this file
 * stands in for the writer. A request is a line of text, and waits until a test answers it.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "fake_router.h"
#include "speaker/speaker_int.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REQUESTS_MAX = 256 };

#define COLLECTION "/apis/metallb.io/v1beta1/namespaces/metallb-system/servicel2statuses"

struct sent {
    char *line; /* "PATCH path body" */
    kube_written_fn done;
    void *arg;
    bool answered;
};

static struct {
    struct sent requests[REQUESTS_MAX];
    size_t count;
    unsigned scheduled;
} seen; /* the stand-ins have no argument for it */

void kube_writer_send(struct kube_writer *w, const char *key, const struct kube_request *request,
                      kube_written_fn done, void *arg)
{
    const char *body = request->body != NULL ? request->body : "";

    (void)w;
    (void)key;
    assert_true(seen.count < REQUESTS_MAX);
    seen.requests[seen.count++] = (struct sent){
        .line = xasprintf("%s %s %s", request->method, request->path, body),
        .done = done,
        .arg = arg,
    };
}

json_t *cluster_owner_references(const struct cluster *c)
{
    (void)c;
    return json_pack("[{s:s}]", "name", "speaker-oak");
}

void speaker_schedule(struct speaker *sp, unsigned todo)
{
    (void)sp;
    (void)todo;
    seen.scheduled++;
}

/* --- the tests' tools --- */

struct fixture {
    struct event_base *base;
    struct speaker_options options;
    struct speaker sp;
    struct arena *arena; /* of the objects */
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    memset(&seen, 0, sizeof(seen));
    memset(&fake_router, 0, sizeof(fake_router));
    f->base = event_base_new();
    f->arena = arena_new();
    f->options.node = "oak";
    f->sp.options = &f->options;
    f->sp.base = f->base;
    f->sp.cluster.namespace = "metallb-system";
    f->sp.passed = true;
    statuses_init(&f->sp);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    statuses_done(&f->sp);
    service_table_done(&f->sp.services);
    event_base_free(f->base);
    arena_free(f->arena);
    for (size_t i = 0; i < seen.count; i++)
        free(seen.requests[i].line);
    free(f);
    return 0;
}

static struct speaker_service *announce(struct fixture *f, const char *name, bool announced)
{
    struct speaker_service *s = service_table_get(&f->sp.services, "default", name);

    s->announced = announced ? 1u << ANNOUNCE_LAYER2 : 0;
    status_touch(&f->sp, ANNOUNCE_LAYER2, s);
    statuses_work(&f->sp);
    return s;
}

/* As the feed shows it; `node_status` "" while its status is not written. */
static struct object *object(struct fixture *f, const char *name, const char *node,
                             const char *node_status)
{
    struct label *l = arena_calloc(f->arena, 3, sizeof(*l));
    struct object *o = arena_alloc(f->arena, sizeof(*o));
    bool written = node_status[0] != '\0';

    l[0] = (struct label){"metallb.io/node", node};
    l[1] = (struct label){"metallb.io/service-name", "web"};
    l[2] = (struct label){"metallb.io/service-namespace", "default"};
    o->kind = OBJ_SERVICE_L2_STATUS;
    o->meta = (struct meta){
        .namespace = "metallb-system", .name = name, .labels = {.items = l, .count = 3}};
    o->service_status = (struct service_status){
        .node = node_status,
        .service = written ? "web" : "",
        .service_namespace = written ? "default" : "",
    };
    return o;
}

static void change(struct fixture *f, const struct object *old, const struct object *new)
{
    const struct kube_change c = {.kind = OBJ_SERVICE_L2_STATUS, .old = old, .new = new};

    status_on_change(&f->sp, ANNOUNCE_LAYER2, &c);
    statuses_work(&f->sp);
}

static void answer(size_t i, int code, unsigned status, const char *body)
{
    const struct kube_reply reply = {
        .code = code,
        .status = status,
        .text = code != 0 || status >= 300 ? "no" : "",
        .reason = "",
        .bytes = body,
        .len = strlen(body),
        .retry_after_ns = -1,
    };

    assert_true(i < seen.count && !seen.requests[i].answered);
    seen.requests[i].answered = true;
    seen.requests[i].done(seen.requests[i].arg, &reply);
}

/* The request of that number begins like this, and nothing has been sent after it. */
static void check_last(size_t i, const char *begin)
{
    assert_int_equal(seen.count, i + 1);
    if (strncmp(seen.requests[i].line, begin, strlen(begin)) != 0)
        fail_msg("%s, not %s", seen.requests[i].line, begin);
}

#define PATCH_A "PATCH " COLLECTION "/l2-a/status {\"status\":{\"node\":\"oak\""

/* --- tests --- */

static void creates_and_then_patches(void **state)
{
    struct fixture *f = *state;
    const struct object *bare = object(f, "l2-a", "oak", ""),
                        *full = object(f, "l2-a", "oak", "oak");

    announce(f, "web", true);
    check_last(0, "POST " COLLECTION " {\"apiVersion\":\"metallb.io/v1beta1\"");
    assert_non_null(strstr(seen.requests[0].line, "\"generateName\":\"l2-\""));
    assert_non_null(
        strstr(seen.requests[0].line, "\"ownerReferences\":[{\"name\":\"speaker-oak\"}]"));
    change(f, NULL, bare); /* may come before the answer */
    answer(0, 0, 201, "{\"metadata\":{\"name\":\"l2-a\"}}");
    check_last(1, PATCH_A ",\"serviceName\":\"web\",\"serviceNamespace\":\"default\"");
    assert_non_null(strstr(seen.requests[1].line, "\"interfaces\":null"));
    answer(1, 0, 200, "{}");
    check_last(1, PATCH_A); /* the feed is late: not again */
    change(f, bare, full);
    announce(f, "web", true);
    check_last(1, PATCH_A);
}

/* The watch may show the bare object when the status is written already. */
static void is_not_misled_by_a_late_feed(void **state)
{
    struct fixture *f = *state;
    struct object *bare = object(f, "l2-a", "oak", ""), *foreign = object(f, "l2-a", "oak", "elm");

    bare->meta.resource_version = "9";
    foreign->meta.resource_version = "11";
    announce(f, "web", true);
    answer(0, 0, 201, "{\"metadata\":{\"name\":\"l2-a\"}}");
    check_last(1, PATCH_A);
    answer(1, 0, 200, "{\"metadata\":{\"resourceVersion\":\"10\"}}");
    change(f, NULL, bare);
    check_last(1, PATCH_A);
    change(f, bare, foreign); /* somebody else wrote it after us */
    check_last(2, PATCH_A);
}

static void writes_what_changed_meanwhile(void **state)
{
    struct fixture *f = *state;
    const char *names[] = {"eth0"};
    struct speaker_service *s;

    f->sp.passed = false; /* at the start */
    s = announce(f, "web", true);
    change(f, NULL, object(f, "l2-a", "oak", "oak"));
    f->sp.passed = true;
    statuses_work(&f->sp);
    assert_int_equal(seen.count, 0); /* it is as it should be */
    s->rule = rule_ref(&f->sp.services.rules, false, &(struct string_list){names, 1});
    announce(f, "web", true);
    check_last(0, PATCH_A);
    assert_non_null(strstr(seen.requests[0].line, "\"interfaces\":[{\"name\":\"eth0\"}]"));
    s->rule = rule_unref(s->rule);
    announce(f, "web", true); /* while the first is under way */
    check_last(0, PATCH_A);
    answer(0, 0, 200, "{}");
    check_last(0, PATCH_A); /* as the feed still has it, which is what is wanted again */
}

static void deletes_what_it_left_behind(void **state)
{
    struct fixture *f = *state;
    const struct object *a = object(f, "l2-a", "oak", "oak"), *b = object(f, "l2-b", "oak", "oak");

    f->sp.passed = false;
    change(f, NULL, a);
    change(f, NULL, b);
    change(f, NULL, object(f, "l2-c", "elm", "elm")); /* is not ours to delete */
    f->sp.passed = true;
    statuses_work(&f->sp);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.requests[0].line, "DELETE " COLLECTION "/l2-a ");
    assert_string_equal(seen.requests[1].line, "DELETE " COLLECTION "/l2-b ");
    change(f, a, NULL);
    change(f, b, NULL);
    answer(0, 0, 200, "{}");
    answer(1, 0, 404, "{}");
    assert_int_equal(seen.count, 2);
}

static void the_owner_deletes_all_but_one(void **state)
{
    struct fixture *f = *state;

    f->sp.passed = false; /* at the start */
    change(f, NULL, object(f, "l2-c", "elm", "elm"));
    change(f, NULL, object(f, "l2-a", "oak", "oak"));
    change(f, NULL, object(f, "l2-b", "oak", "oak"));
    announce(f, "web", true);
    assert_int_equal(seen.count, 0);
    f->sp.passed = true;
    statuses_work(&f->sp);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.requests[0].line, "DELETE " COLLECTION "/l2-c ");
    assert_string_equal(seen.requests[1].line, "DELETE " COLLECTION "/l2-b ");
}

static void stops_with_a_delete(void **state)
{
    struct fixture *f = *state;
    const struct object *full = object(f, "l2-a", "oak", "oak");

    announce(f, "web", true);
    announce(f, "web", false); /* while it is being created */
    answer(0, 0, 201, "{\"metadata\":{\"name\":\"l2-a\"}}");
    assert_int_equal(seen.count, 1); /* no status for it */
    change(f, NULL, full);
    check_last(1, "DELETE " COLLECTION "/l2-a ");
    answer(1, 0, 200, "{}");
    change(f, full, NULL);
    assert_int_equal(f->sp.services.by_key.count, 0); /* nothing is left of it */
}

static void creates_again_what_is_gone(void **state)
{
    struct fixture *f = *state;
    const struct object *bare = object(f, "l2-a", "oak", "");

    announce(f, "web", true);
    answer(0, 0, 201, "{\"metadata\":{\"name\":\"l2-a\"}}");
    change(f, NULL, bare);
    change(f, bare, NULL);
    answer(1, 0, 404, "{}"); /* somebody was faster */
    check_last(2, "POST " COLLECTION " ");
}

static void waits_while_nobody_answers(void **state)
{
    struct fixture *f = *state;
    size_t under_way;

    for (int i = 0; i < 100; i++)
        announce(f, arena_printf(f->arena, "s%d", i), true);
    under_way = seen.count;
    assert_in_range(under_way, 2, 99); /* a window */
    for (size_t i = 0; i < under_way; i++)
        answer(i, -ECONNREFUSED, 0, "");
    assert_int_equal(seen.count, under_way); /* not each in turn */
    event_base_loop(f->base, EVLOOP_ONCE);
    assert_int_equal(seen.count, under_way * 2);
}

static void tries_a_refused_one_again(void **state)
{
    struct fixture *f = *state;

    announce(f, "web", true);
    answer(0, 0, 403, "{}");
    announce(f, "other", true); /* is not held up by it */
    assert_int_equal(seen.count, 2);
    answer(1, 0, 201, "{\"metadata\":{\"name\":\"l2-x\"}}");
    for (int i = 0; i < 4 && seen.count < 4; i++)
        event_base_loop(f->base, EVLOOP_ONCE);
    check_last(3, "POST " COLLECTION " ");
    assert_non_null(strstr(seen.requests[3].line, "\"web\""));
}

/* --- ServiceBGPStatus --- */

#define BGP_COLLECTION "/apis/metallb.io/v1beta1/namespaces/metallb-system/servicebgpstatuses"

static void routes_of_web(struct fixture *f, bool announced)
{
    struct speaker_service *s = service_table_get(&f->sp.services, "default", "web");

    s->announced = announced ? 1u << ANNOUNCE_BGP : 0;
    if (announced)
        router_put(NULL, s, NULL, 0, false);
    else
        router_drop(NULL, s);
    status_touch(&f->sp, ANNOUNCE_BGP, s);
    statuses_work(&f->sp);
}

static void bgp_change(struct fixture *f, struct object *old, struct object *new)
{
    const struct kube_change c = {.kind = OBJ_SERVICE_BGP_STATUS, .old = old, .new = new};

    status_on_change(&f->sp, ANNOUNCE_BGP, &c);
    statuses_work(&f->sp);
}

static void tells_the_peers(void **state)
{
    struct fixture *f = *state;
    const char *names[] = {"rack1", "rack2"};
    struct object *bare = object(f, "bgp-a", "oak", ""), *full = object(f, "bgp-a", "oak", "oak");

    routes_of_web(f, true);
    assert_int_equal(seen.count, 0); /* no peer, no object */
    fake_router.peers = (struct string_list){names, 2};
    routes_of_web(f, true);
    check_last(0, "POST " BGP_COLLECTION " {\"apiVersion\":\"metallb.io/v1beta1\"");
    assert_non_null(strstr(seen.requests[0].line, "\"kind\":\"ServiceBGPStatus\""));
    assert_non_null(strstr(seen.requests[0].line, "\"generateName\":\"bgp-\""));
    bgp_change(f, NULL, bare);
    answer(0, 0, 201, "{\"metadata\":{\"name\":\"bgp-a\"}}");
    check_last(1, "PATCH " BGP_COLLECTION "/bgp-a/status {\"status\":{\"node\":\"oak\"");
    assert_non_null(strstr(seen.requests[1].line, "\"peers\":[\"rack1\",\"rack2\"]"));
    answer(1, 0, 200, "{}");
    full->service_status.names = fake_router.peers;
    bgp_change(f, bare, full);
    assert_int_equal(seen.count, 2); /* as it should be */
    fake_router.peers.count = 1;
    routes_of_web(f, true);
    check_last(2, "PATCH " BGP_COLLECTION "/bgp-a/status ");
    answer(2, 0, 200, "{}");
    fake_router.peers.count = 0;
    routes_of_web(f, true);
    check_last(3, "DELETE " BGP_COLLECTION "/bgp-a ");
}

/* Many nodes announce by BGP: each keeps its own object, and no other. */
static void leaves_the_others_alone(void **state)
{
    struct fixture *f = *state;
    const char *names[] = {"rack1"};
    struct object *own = object(f, "bgp-a", "oak", "oak");

    own->service_status.names = (struct string_list){names, 1};
    fake_router.peers = own->service_status.names;
    f->sp.passed = false; /* at the start */
    bgp_change(f, NULL, object(f, "bgp-b", "elm", "elm"));
    bgp_change(f, NULL, own);
    f->sp.passed = true;
    routes_of_web(f, true);
    assert_int_equal(seen.count, 0); /* ours is as it should be */
}

int main(void)
{
#define STATUS_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STATUS_TEST(creates_and_then_patches),      STATUS_TEST(is_not_misled_by_a_late_feed),
        STATUS_TEST(writes_what_changed_meanwhile), STATUS_TEST(deletes_what_it_left_behind),
        STATUS_TEST(the_owner_deletes_all_but_one), STATUS_TEST(stops_with_a_delete),
        STATUS_TEST(creates_again_what_is_gone),    STATUS_TEST(waits_while_nobody_answers),
        STATUS_TEST(tries_a_refused_one_again),     STATUS_TEST(tells_the_peers),
        STATUS_TEST(leaves_the_others_alone),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
