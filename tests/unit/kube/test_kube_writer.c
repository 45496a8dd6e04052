/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_writer.h"

#include "base/mem.h"
#include "base/text.h"
#include "fake_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SERVICE(rv, labels)                                                                        \
    "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\",\"resourceVersion\"" \
    ":\"" rv "\",\"labels\":{" labels "}},\"spec\":{\"weight\":0.10}}"
#define WITH_MANAGED                                                                               \
    "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\",\"managedFields\":[{\"time\":1}]}}"

struct fixture {
    struct event_base *base;
    struct kube_writer *w;
};

/* What became of one request. */
struct result {
    const char *label; /* what the edit sets; NULL: nothing */
    unsigned edits, dones, status;
    int code;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->base = event_base_new();
    f->w = kube_writer_new(f->base, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

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

/* Until there is a request, for pauses. */
static const struct kube_fetch *await(struct fixture *f)
{
    while (fake_first() == NULL)
        assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
    return fake_first();
}

static enum kube_edit set_label(void *arg, json_t *object)
{
    struct result *r = arg;
    json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");

    r->edits++;
    if (r->label == NULL)
        return KUBE_EDIT_NOTHING;
    json_object_set_new(labels, "l", json_string(r->label));
    return KUBE_EDIT_WRITE;
}

static void on_done(void *arg, const struct kube_reply *reply)
{
    struct result *r = arg;

    r->dones++;
    r->status = reply->status;
    r->code = reply->code;
}

static struct kube_edit_request edit_of(const char *name, struct result *r)
{
    return (struct kube_edit_request){.kind = OBJ_SERVICE,
                                      .namespace = "ns",
                                      .name = name,
                                      .subresource = "status",
                                      .edit = set_label,
                                      .done = on_done,
                                      .arg = r};
}

static void reads_edits_and_puts(void **state)
{
    struct fixture *f = *state;
    struct result r = {.label = "x"};
    const struct kube_edit_request e = edit_of("a", &r);

    kube_writer_edit(f->w, &e);
    assert_null(fake_first()); /* not from within */
    turn(f);
    assert_string_equal(fake_first()->method, "GET");
    assert_string_equal(fake_first()->path, "/api/v1/namespaces/ns/services/a");
    assert_int_equal(kube_writer_count(f->w), 0);
    fake_answer(fake_first(), 200, SERVICE("7", "\"k\":\"v\""));
    assert_string_equal(fake_first()->method, "PUT");
    assert_string_equal(fake_first()->path, "/api/v1/namespaces/ns/services/a/status");
    assert_string_equal(fake_first()->body, SERVICE("7", "\"k\":\"v\",\"l\":\"x\""));
    assert_int_equal(kube_writer_pending(f->w), 1);
    fake_answer(fake_first(), 200, SERVICE("8", ""));
    assert_int_equal(r.dones, 1);
    assert_int_equal(r.status, 200);
    assert_int_equal(kube_writer_pending(f->w), 0);
    assert_int_equal(kube_writer_count(f->w), 1);
}

static void puts_what_is_known(void **state)
{
    struct fixture *f = *state;
    struct result r = {.label = "x"};
    struct kube_edit_request e = edit_of("a", &r);

    e.known = WITH_MANAGED;
    e.known_len = strlen(WITH_MANAGED);
    kube_writer_edit(f->w, &e);
    turn(f);
    assert_null(fake_first()); /* there are no labels to change: nothing to send */
    assert_int_equal(r.dones, 1);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.code, 0);

    e.known = SERVICE("1", "");
    e.known_len = strlen(e.known);
    kube_writer_edit(f->w, &e);
    turn(f);
    assert_string_equal(fake_first()->method, "PUT");
    fake_answer(fake_first(), 404, "{}");
    assert_int_equal(r.dones, 2);
    assert_int_equal(r.status, 404);
}

static enum kube_edit add_field(void *arg, json_t *object)
{
    (void)arg;
    json_object_set_new(object, "status", json_pack("{s:s}", "a", "b"));
    return KUBE_EDIT_WRITE;
}

/* An item of a list: it says not what it is, and the server keeps its managedFields. */
static void completes_the_object(void **state)
{
    struct fixture *f = *state;
    struct result r = {0};
    struct kube_edit_request e = edit_of("a", &r);

    e.kind = OBJ_IP_ADDRESS_POOL;
    e.edit = add_field;
    e.known = WITH_MANAGED;
    e.known_len = strlen(WITH_MANAGED);
    kube_writer_edit(f->w, &e);
    turn(f);
    assert_string_equal(fake_first()->body,
                        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"},"
                        "\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\","
                        "\"status\":{\"a\":\"b\"}}");
    fake_answer(fake_first(), 200, "{}");
}

static void tries_again_after_conflicts(void **state)
{
    struct fixture *f = *state;
    struct result r = {.label = "x"};
    struct kube_edit_request e = edit_of("a", &r);

    e.known = SERVICE("1", "");
    e.known_len = strlen(e.known);
    kube_writer_edit(f->w, &e);
    turn(f);
    for (unsigned i = 1; i < 5; i++) {
        fake_answer(fake_first(), 409, "{}");
        assert_null(fake_first());
        assert_string_equal(await(f)->method, "GET");
        fake_answer(fake_first(), 200, SERVICE("2", "\"k\":\"v\""));
        assert_string_equal(fake_first()->body, SERVICE("2", "\"k\":\"v\",\"l\":\"x\""));
        assert_int_equal(r.dones, 0);
    }
    fake_answer(fake_first(), 409, "{}");
    assert_int_equal(r.edits, 5);
    assert_int_equal(r.dones, 1);
    assert_int_equal(r.status, 409);
    assert_int_equal(kube_writer_pending(f->w), 0);
}

static void ends_as_it_should(void **state)
{
    static const struct {
        const char *name, *body;
        unsigned status; /* of the GET; 0: it breaks */
        int want_code;
        unsigned want_status, want_edits;
    } rows[] = {
        {"gone", "{}", 404, 0, 404, 0},
        {"forbidden", "{}", 403, 0, 403, 0},
        {"broken", "", 0, -ECONNRESET, 0, 0},
        {"no JSON", "<html>", 200, -EBADMSG, 0, 0},
        {"no resource version", "{\"metadata\":{}}", 200, -EBADMSG, 0, 0},
        {"nothing to do", SERVICE("1", ""), 200, 0, 0, 1},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct result r = {0};
        const struct kube_edit_request e = edit_of("a", &r);

        kube_writer_edit(f->w, &e);
        turn(f);
        if (rows[i].status == 0)
            fake_break(fake_first());
        else
            fake_answer(fake_first(), rows[i].status, rows[i].body);
        if (r.dones != 1 || r.code != rows[i].want_code || r.status != rows[i].want_status ||
            r.edits != rows[i].want_edits || fake_first() != NULL)
            fail_msg("%s: %u %d %u %u", rows[i].name, r.dones, r.code, r.status, r.edits);
    }
}

static void newest_request_waits(void **state)
{
    struct fixture *f = *state;
    struct result r[4] = {{.label = "0"}, {.label = "1"}, {.label = "2"}, {.label = "3"}};
    struct kube_edit_request e;

    for (size_t i = 0; i < 2; i++) { /* before the first has begun */
        e = edit_of("a", &r[i]);
        kube_writer_edit(f->w, &e);
    }
    assert_int_equal(kube_writer_pending(f->w), 1);
    assert_int_equal(r[0].dones, 0);
    turn(f);
    assert_int_equal(r[0].code, -ECANCELED);
    for (size_t i = 2; i < 4; i++) { /* while it is under way */
        e = edit_of("a", &r[i]);
        kube_writer_edit(f->w, &e);
    }
    turn(f);
    assert_int_equal(r[2].code, -ECANCELED);
    assert_int_equal(fake_count(), 1);
    assert_int_equal(kube_writer_pending(f->w), 2);
    fake_answer(fake_first(), 200, SERVICE("1", ""));
    assert_non_null(strstr(fake_first()->body, "\"l\":\"1\""));
    fake_answer(fake_first(), 200, SERVICE("2", ""));
    turn(f);
    fake_answer(fake_first(), 200, SERVICE("2", "\"l\":\"1\""));
    assert_non_null(strstr(fake_first()->body, "\"l\":\"3\""));
    fake_answer(fake_first(), 200, SERVICE("3", ""));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(r[i].dones, 1);
    assert_int_equal(r[0].edits + r[2].edits, 0);
}

/* The object and its status are two things to write. */
static void keeps_other_subresources(void **state)
{
    struct fixture *f = *state;
    struct result r[2] = {{0}, {0}};
    struct kube_edit_request a = edit_of("a", &r[0]), b = edit_of("a", &r[1]);

    b.subresource = NULL;
    kube_writer_edit(f->w, &a);
    kube_writer_edit(f->w, &b);
    for (int i = 0; i < 2; i++) {
        turn(f);
        assert_int_equal(fake_count(), 1);
        fake_answer(fake_first(), 200, SERVICE("1", ""));
    }
    assert_int_equal(r[0].code + r[1].code, 0);
    assert_int_equal(r[0].dones + r[1].dones, 2);
}

static void sends_in_order(void **state)
{
    struct fixture *f = *state;
    const struct kube_request post = {.method = "POST", .path = "/p", .body = "1", .body_len = 1};
    const struct kube_request patch = {
        .method = "PATCH", .path = "/p/1", .content_type = "application/merge-patch+json"};
    struct result r = {0};

    kube_writer_send(f->w, "/p/1", &post, on_done, &r);
    kube_writer_send(f->w, "/p/1", &patch, on_done, &r);
    kube_writer_send(f->w, "/p/2", &post, NULL, NULL);
    turn(f);
    assert_int_equal(fake_count(), 2);
    assert_null(fake_find("PATCH", ""));
    fake_break(fake_first());
    assert_int_equal(r.code, -ECONNRESET);
    turn(f);
    assert_string_equal(fake_find("PATCH", "/p/1")->content_type, "application/merge-patch+json");
    fake_answer(fake_find("PATCH", ""), 200, "{}");
    fake_answer(fake_first(), 201, "{}");
    assert_int_equal(r.dones, 2);
}

/* What can wait begins after all that came later; but what follows it for its object comes last. */
static void sends_late_what_can_wait(void **state)
{
    static const struct {
        const char *key, *path;
        bool is_late;
    } rows[] = {
        {"/a", "/late/1", true}, {"/b", "/late/2", true},   {"/c", "/first/1", false},
        {"/c", "/late/3", true}, {"/b", "/first/3", false}, {"/d", "/first/2", false},
    };
    static const char *const order[] = {"/first/1", "/first/2", "/late/1",
                                        "/late/2",  "/late/3",  "/first/3"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct kube_request post = {.method = "POST", .path = rows[i].path};

        (rows[i].is_late ? kube_writer_send_late : kube_writer_send)(f->w, rows[i].key, &post, NULL,
                                                                     NULL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        turn(f);
        assert_string_equal(fake_first()->path, order[i]);
        fake_answer(fake_first(), 201, "{}");
    }
}

/* Ten thousand writes: a limited number of requests, in the order in which they were asked for. */
static void limits_what_is_under_way(void **state)
{
    enum { MANY = 10000 };
    struct fixture *f = *state;
    struct result r = {.label = "x"};
    struct kube_edit_request e;
    char name[16];

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        e = edit_of(name, &r);
        e.known = SERVICE("1", "");
        e.known_len = strlen(e.known);
        kube_writer_edit(f->w, &e);
    }
    assert_int_equal(kube_writer_pending(f->w), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        turn(f);
        snprintf(name, sizeof(name), "/s%u/", i);
        assert_non_null(strstr(fake_first()->path, name));
        fake_answer(fake_first(), 200, "{}");
    }
    assert_int_equal(fake_most(), 64);
    assert_int_equal(r.dones, MANY);
}

/* Bytes that would take too much room are read again when their turn comes. */
static void limits_what_is_known(void **state)
{
    enum { LEN = 3 << 20 };
    static const char *const names[] = {"a", "b", "c", "d"};
    struct fixture *f = *state;
    struct result r = {.label = "x"};
    CLEANUP(xfreep) char *big = xmalloc(LEN);
    struct kube_edit_request e;

    memset(big, ' ', LEN);
    memcpy(big, SERVICE("1", ""), strlen(SERVICE("1", "")));
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        e = edit_of(names[i], &r);
        e.known = big;
        e.known_len = LEN;
        kube_writer_edit(f->w, &e);
    }
    turn(f);
    assert_int_equal(kube_writer_count(f->w), 2);
    assert_non_null(fake_find("GET", "/c"));
    assert_non_null(fake_find("GET", "/d"));
    kube_writer_edit(f->w, &e); /* there is room again, but "d" is under way */
    while (fake_first() != NULL)
        fake_answer(fake_first(), 404, "{}");
    turn(f);
    assert_non_null(fake_find("PUT", "/d"));
    fake_answer(fake_first(), 404, "{}");
}

static void forgets_its_users(void **state)
{
    struct fixture *f = *state;
    const struct kube_request post = {.method = "POST", .path = "/p"};
    struct result r = {.label = "x"};
    struct kube_edit_request a = edit_of("a", &r), b = edit_of("b", &r);

    kube_writer_edit(f->w, &a);
    turn(f);
    kube_writer_edit(f->w, &b);
    kube_writer_edit(f->w, &b);
    kube_writer_send(f->w, "/p", &post, on_done, &r);
    kube_writer_forget(f->w, &r);
    turn(f);
    assert_non_null(fake_find("POST", "/p"));
    while (fake_first() != NULL)
        fake_answer(fake_first(), 200, SERVICE("1", ""));
    assert_int_equal(r.edits + r.dones, 0);
    assert_int_equal(kube_writer_pending(f->w), 0);
}

static void frees_what_is_under_way(void **state)
{
    struct fixture *f = *state;
    struct result r = {.label = "x"};
    struct kube_edit_request e = edit_of("a", &r);

    kube_writer_edit(f->w, &e);
    turn(f);
    fake_answer(fake_first(), 200, SERVICE("1", ""));
    fake_answer(fake_first(), 409, "{}"); /* a pause */
    e = edit_of("b", &r);
    kube_writer_edit(f->w, &e);
    turn(f);
    assert_int_equal(fake_count(), 1);
    for (int i = 0; i < 3; i++)
        kube_writer_edit(f->w, &e);
    f->w = kube_writer_free(f->w);
    assert_null(fake_first());
    assert_int_equal(r.dones, 0);
}

static void applies_a_status(void **state)
{
    struct fixture *f = *state;
    struct result r = {0};
    json_t *o = json_pack("{s:s}", "kind", "ConfigurationState");

    kube_writer_apply_status(f->w, OBJ_CONFIGURATION_STATE, "ns", "controller", "pool Reconciler",
                             o, on_done, &r);
    json_decref(o);
    turn(f);
    assert_string_equal(fake_first()->method, "PATCH");
    assert_string_equal(fake_first()->path,
                        "/apis/metallb.io/v1beta1/namespaces/ns/configurationstates/controller/"
                        "status?fieldManager=pool%20Reconciler&force=true");
    assert_string_equal(fake_first()->content_type, "application/apply-patch+yaml");
    assert_string_equal(fake_first()->body, "{\"kind\":\"ConfigurationState\"}");
    fake_answer(fake_first(), 200, "{}");
    assert_int_equal(r.dones, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_edits_and_puts),     TEST(puts_what_is_known),
        TEST(completes_the_object),     TEST(tries_again_after_conflicts),
        TEST(ends_as_it_should),        TEST(newest_request_waits),
        TEST(keeps_other_subresources), TEST(sends_in_order),
        TEST(sends_late_what_can_wait), TEST(limits_what_is_under_way),
        TEST(limits_what_is_known),     TEST(forgets_its_users),
        TEST(frees_what_is_under_way),  TEST(applies_a_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
