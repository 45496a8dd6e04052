/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the wire. What becomes of events before is in test_kube_events_fsm.c. */
#include "kube/kube_events.h"

#include "base/mem.h"
#include "fake_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct event_base *base;
    struct kube_writer *w;
    struct kube_events *e;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->base = event_base_new();
    f->w = kube_writer_new(f->base, NULL);
    f->e = kube_events_new(f->base, f->w, "metallb-speaker", "n1");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    kube_events_free(f->e);
    kube_writer_free(f->w);
    fake_reset();
    event_base_free(f->base);
    free(f);
    return 0;
}

static void turn(struct fixture *f)
{
    for (int i = 0; i < 20; i++)
        event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static struct object about(enum object_kind kind, const char *namespace)
{
    return (struct object){
        .kind = kind,
        .meta = {.namespace = namespace, .name = "web", .uid = "u1", .resource_version = "12"}};
}

/* The text of a member, and takes it out. */
static void take(json_t *o, const char *name, char *ret, size_t size)
{
    snprintf(ret, size, "%s", json_string_value(json_object_get(o, name)));
    json_object_del(o, name);
}

static void creates_and_counts(void **state)
{
    struct fixture *f = *state;
    const struct object o = about(OBJ_SERVICE, "ns");
    char first[32], last[32], name[64], path[128];
    json_t *body, *want;

    kube_event(f->e, &o, KUBE_EVENT_NORMAL, "nodeAssigned", "announcing from node \"%s\"", "n1");
    assert_null(fake_first());
    turn(f);
    assert_string_equal(fake_first()->method, "POST");
    assert_string_equal(fake_first()->path, "/api/v1/namespaces/ns/events");
    body = json_loads(fake_first()->body, 0, NULL);
    take(body, "firstTimestamp", first, sizeof(first));
    take(body, "lastTimestamp", last, sizeof(last));
    take(json_object_get(body, "metadata"), "name", name, sizeof(name));
    assert_string_equal(first, last);
    assert_int_equal(strlen(first), strlen("2026-11-25T14:00:00Z"));
    assert_memory_equal(name, "web.", 4);
    want = json_pack(
        "{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:s, s:s, s:{s:s, s:s}, "
        "s:i, s:s, s:n, s:s, s:s}",
        "apiVersion", "v1", "kind", "Event", "metadata", "namespace", "ns", "involvedObject",
        "kind", "Service", "namespace", "ns", "name", "web", "uid", "u1", "apiVersion", "v1",
        "resourceVersion", "12", "reason", "nodeAssigned", "message", "announcing from node \"n1\"",
        "source", "component", "metallb-speaker", "host", "n1", "count", 1, "type", "Normal",
        "eventTime", "reportingComponent", "metallb-speaker", "reportingInstance", "n1");
    assert_true(json_equal(body, want));
    json_decref(want);
    json_decref(body);

    kube_event(f->e, &o, KUBE_EVENT_NORMAL, "nodeAssigned", "announcing from node \"%s\"", "n1");
    turn(f);
    assert_int_equal(fake_count(), 1); /* behind the POST */
    fake_answer(fake_first(), 201, "{}");
    turn(f);
    assert_string_equal(fake_first()->method, "PATCH");
    snprintf(path, sizeof(path), "/api/v1/namespaces/ns/events/%s", name);
    assert_string_equal(fake_first()->path, path);
    assert_string_equal(fake_first()->content_type, "application/merge-patch+json");
    body = json_loads(fake_first()->body, 0, NULL);
    json_object_del(body, "lastTimestamp");
    want = json_pack("{s:i, s:s}", "count", 2, "message", "announcing from node \"n1\"");
    assert_true(json_equal(body, want));
    json_decref(want);
    json_decref(body);
    fake_answer(fake_first(), 404, "{}");
    turn(f);
    assert_string_equal(fake_first()->method, "POST");
    assert_non_null(strstr(fake_first()->body, name));
    assert_non_null(strstr(fake_first()->body, "\"count\":2"));
    fake_answer(fake_first(), 201, "{}");
    assert_int_equal(kube_events_stats(f->e).sent, 2);
    assert_int_equal(kube_events_stats(f->e).folded, 1);
}

static void cluster_scoped_objects_are_in_default(void **state)
{
    struct fixture *f = *state;
    const struct object o = about(OBJ_NODE, "");

    kube_event(f->e, &o, KUBE_EVENT_WARNING, "R", "m");
    turn(f);
    assert_string_equal(fake_first()->path, "/api/v1/namespaces/default/events");
    assert_non_null(strstr(fake_first()->body, "\"involvedObject\":{\"kind\":\"Node\",\"name\""));
    fake_answer(fake_first(), 403, "{\"reason\":\"Forbidden\"}");
    turn(f);
    assert_null(fake_first());
    assert_int_equal(kube_events_stats(f->e).dropped, 1);
}

static void cuts_long_messages(void **state)
{
    struct fixture *f = *state;
    const struct object o = about(OBJ_SERVICE, "ns");
    CLEANUP(xfreep) char *message = xmalloc(20000);
    json_t *body;

    memset(message, 'x', 19999);
    message[19999] = '\0';
    memcpy(message + 8191, "\xc3\xa9", 2);
    kube_event(f->e, &o, KUBE_EVENT_WARNING, "R", "%s", message);
    turn(f);
    body = json_loads(fake_first()->body, 0, NULL);
    assert_int_equal(json_string_length(json_object_get(body, "message")), 8191);
    json_decref(body);
    fake_answer(fake_first(), 201, "{}");
}

static void ends_with_requests_under_way(void **state)
{
    struct fixture *f = *state;
    const struct object o = about(OBJ_SERVICE, "ns");

    for (int i = 0; i < 30; i++)
        kube_event(f->e, &o, KUBE_EVENT_WARNING, "R", "%d", i % 3);
    turn(f);
    assert_int_equal(fake_count(), 3);
    f->e = kube_events_free(f->e);
    while (fake_first() != NULL) {
        fake_answer(fake_first(), 201, "{}");
        turn(f);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(creates_and_counts),
        TEST(cluster_scoped_objects_are_in_default),
        TEST(cuts_long_messages),
        TEST(ends_with_requests_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
