/* SPDX-License-Identifier: Apache-2.0 */
/* One ConfigurationState on a server that the test plays, and whose changes come when the test
 * wants them to. */
#include "role/config_state.h"

#include "base/mem.h"
#include "base/text.h"
#include "fake_client.h"
#include "model/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STATES "/apis/metallb.io/v1beta1/namespaces/metallb-system/configurationstates"

struct kube_feed {
    bool is_synced;
};

bool kube_feed_is_synced(const struct kube_feed *f)
{
    return f->is_synced;
}

struct fixture {
    struct cluster cluster;
    struct kube_feed feed;
    struct config_state *s;
    json_t *object; /* what the server has; NULL: nothing */
    unsigned version, gets, puts, posts, applies;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->cluster = (struct cluster){.base = event_base_new(),
                                  .store = store_new(),
                                  .feed = &f->feed,
                                  .namespace = "metallb-system",
                                  .pod_name = "speaker-abc",
                                  .pod_uid = "uid-1"};
    f->cluster.writer = kube_writer_new(f->cluster.base, NULL);
    f->s = config_state_new(&f->cluster, CONFIG_STATE_SPEAKER, "n1");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    config_state_free(f->s);
    kube_writer_free(f->cluster.writer);
    fake_reset();
    store_free(f->cluster.store);
    event_base_free(f->cluster.base);
    json_decref(f->object);
    free(f);
    return 0;
}

static json_t *meta(struct fixture *f)
{
    return json_object_get(f->object, "metadata");
}

static void bump(struct fixture *f)
{
    char version[16];

    snprintf(version, sizeof(version), "%u", ++f->version);
    json_object_set_new(meta(f), "resourceVersion", json_string(version));
}

/* What the feed does with the newest object. */
static void deliver(struct fixture *f)
{
    struct fault_list faults = {0};
    CLEANUP(err_done) struct err err = {0};
    struct object *o;

    if (f->object == NULL) {
        store_del(f->cluster.store, OBJ_CONFIGURATION_STATE, "metallb-system", "speaker-n1");
    } else {
        assert_int_equal(object_decode(&o, f->object, (struct origin){"", 0}, &faults, &err),
                         DECODE_OK);
        store_put_take(f->cluster.store, o);
    }
    config_state_on_change(f->s);
}

/* Server-side apply of one condition. */
static void apply(struct fixture *f, const json_t *body)
{
    json_t *condition =
        json_array_get(json_object_get(json_object_get(body, "status"), "conditions"), 0);
    json_t *status = json_object_get(f->object, "status");

    if (status == NULL) {
        status = json_object();
        json_object_set_new(f->object, "status", status);
    }
    json_object_set_new(status, "conditions", json_pack("[O]", condition));
    bump(f);
}

static void replace(struct fixture *f, const char *part, const json_t *body)
{
    json_t *value = json_object_get(body, part);

    if (!json_equal(value, json_object_get(f->object, part)) && value != NULL) {
        json_object_set(f->object, part, value);
        bump(f);
    }
}

/* Answers the request under way; false when there is none. */
static bool serve_one(struct fixture *f)
{
    CLEANUP(xfreep) char *bytes = NULL;
    const struct kube_fetch *r;
    unsigned status = 200;
    json_t *body;

    for (int i = 0; i < 5; i++)
        event_base_loop(f->cluster.base, EVLOOP_NONBLOCK);
    r = fake_first();
    if (r == NULL)
        return false;
    body = json_loads(r->body, 0, NULL);
    if (strcmp(r->method, "POST") == 0) {
        f->posts++;
        assert_string_equal(r->path, STATES);
        if (f->object == NULL) {
            f->object = json_incref(body);
            bump(f);
        } else {
            status = 409;
        }
    } else if (f->object == NULL) {
        status = 404;
    } else if (strcmp(r->method, "GET") == 0) {
        f->gets++;
    } else if (strcmp(r->method, "PATCH") == 0) {
        f->applies++;
        assert_non_null(strstr(r->path, "/status?fieldManager=configReconciler&force=true"));
        apply(f, body);
    } else {
        f->puts++;
        replace(f, strstr(r->path, "/status") != NULL ? "status" : "metadata", body);
    }
    json_decref(body);
    bytes = f->object == NULL ? xstrdup("{}") : json_dumps(f->object, 0);
    fake_answer(r, status, bytes);
    return true;
}

/* Until nothing is to be done any more; every change is delivered. */
static void settle(struct fixture *f)
{
    unsigned version = 0;

    for (int i = 0; i < 50; i++) {
        bool served = serve_one(f);

        if (!served && version == f->version)
            return;
        if (version != f->version)
            deliver(f);
        version = f->version;
    }
    fail_msg("it never ends");
}

static void start(struct fixture *f)
{
    f->feed.is_synced = true;
    config_state_on_change(f->s);
    settle(f);
}

static const char *status_text(const struct fixture *f, const char *name)
{
    const char *s = json_string_value(json_object_get(json_object_get(f->object, "status"), name));

    return s == NULL ? "" : s;
}

static void is_created(void **state)
{
    struct fixture *f = *state;
    json_t *want;

    config_state_on_change(f->s);
    assert_false(serve_one(f)); /* it may be there: nothing is known before the feed is complete */
    start(f);
    want =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:[{s:s, s:s, s:s, s:s}], s:s}", "name", "speaker-n1",
                  "namespace", "metallb-system", "labels", "metallb.io/component-type", "speaker",
                  "metallb.io/node-name", "n1", "ownerReferences", "apiVersion", "v1", "kind",
                  "Pod", "name", "speaker-abc", "uid", "uid-1", "resourceVersion", "2");
    assert_true(json_equal(meta(f), want));
    json_decref(want);
    assert_string_equal(status_text(f, "result"), "Unknown");
    assert_int_equal(f->posts, 1);
    assert_int_equal(f->puts, 1);
    assert_int_equal(f->gets, 1); /* for the result; the metadata came back with the POST */
}

/* The feed is slower than the answer to what we sent, and something asks us to look meanwhile. */
static void is_created_once(void **state)
{
    struct fixture *f = *state;

    f->feed.is_synced = true;
    config_state_on_change(f->s);
    config_state_report(f->s, NULL); /* while the object is being created */
    assert_true(serve_one(f));
    while (serve_one(f)) {
    }
    assert_int_equal(f->posts, 2); /* the second was refused, and no third follows */
    deliver(f);
    settle(f);
    assert_int_equal(f->posts, 2);
    assert_string_equal(status_text(f, "result"), "Valid");
}

/* The object comes while it is refused. */
static void learns_while_refused(void **state)
{
    struct fixture *f = *state;

    f->object = json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "metallb.io/v1beta1", "kind",
                          "ConfigurationState", "metadata", "name", "speaker-n1", "namespace",
                          "metallb-system");
    bump(f);
    f->feed.is_synced = true;
    config_state_report(f->s, NULL);
    deliver(f);
    settle(f);
    assert_int_equal(f->posts, 1);
    assert_string_equal(status_text(f, "result"), "Valid");
}

static void needs_no_pod(void **state)
{
    struct fixture *f = *state;

    f->cluster.pod_name = f->cluster.pod_uid = "";
    start(f);
    assert_null(json_object_get(meta(f), "ownerReferences"));
    assert_int_equal(f->posts, 1);
    assert_int_equal(f->puts, 1); /* the result; the metadata need nothing */
}

static void reports(void **state)
{
    struct fixture *f = *state;
    unsigned version;

    config_state_report(f->s, NULL);
    start(f);
    assert_string_equal(status_text(f, "result"), "Valid");
    assert_int_equal(f->applies, 1);
    config_state_report(f->s, "pool a: bad");
    settle(f);
    assert_string_equal(status_text(f, "result"), "Invalid");
    assert_string_equal(status_text(f, "errorSummary"), "configuration error: pool a: bad");
    version = f->version;
    config_state_report(f->s, "pool a: bad");
    settle(f);
    assert_int_equal(f->version, version); /* nothing new, nothing written */
    config_state_report(f->s, NULL);
    settle(f);
    assert_string_equal(status_text(f, "result"), "Valid");
    assert_string_equal(status_text(f, "errorSummary"), "");
    assert_int_equal(f->applies, 3);
}

static void is_kept_in_order(void **state)
{
    struct fixture *f = *state;
    json_t *owners;

    config_state_report(f->s, NULL);
    start(f);
    /* Somebody edits it by hand; a former Pod and ours with an old uid own it. */
    json_object_set_new(meta(f), "labels", json_pack("{s:s}", "x", "y"));
    json_object_set_new(meta(f), "annotations", json_pack("{s:s}", "keep", "me"));
    json_object_set_new(meta(f), "ownerReferences",
                        json_pack("[{s:s,s:s,s:s,s:s},{s:s,s:s,s:s,s:s},{s:s,s:s,s:s,s:s}]",
                                  "apiVersion", "v1", "kind", "Pod", "name", "former", "uid", "u0",
                                  "apiVersion", "v1", "kind", "Pod", "name", "speaker-abc", "uid",
                                  "old", "apiVersion", "v1", "kind", "Pod", "name", "speaker-abc",
                                  "uid", "uid-1"));
    json_object_set_new(f->object, "status",
                        json_pack("{s:s, s:s}", "result", "Invalid", "errorSummary", "mine"));
    bump(f);
    deliver(f);
    settle(f);
    assert_int_equal(json_object_size(json_object_get(meta(f), "labels")), 2);
    assert_int_equal(json_object_size(json_object_get(meta(f), "annotations")), 1);
    owners = json_object_get(meta(f), "ownerReferences");
    assert_int_equal(json_array_size(owners), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(owners, 1), "uid")),
                        "uid-1");
    assert_string_equal(status_text(f, "result"), "Valid");
    assert_string_equal(status_text(f, "errorSummary"), "");
}

static void comes_back(void **state)
{
    struct fixture *f = *state;

    config_state_report(f->s, "x");
    start(f);
    json_decref(TAKE(f->object));
    deliver(f);
    settle(f);
    assert_int_equal(f->posts, 2);
    assert_string_equal(status_text(f, "result"), "Invalid");
}

static void fits_the_schema(void **state)
{
    struct fixture *f = *state;
    CLEANUP(xfreep) char *fault = xmalloc(40001);
    size_t len;

    memset(fault, 'x', 40000);
    fault[40000] = '\0';
    memcpy(fault + 32768 - strlen("configuration error: ") - 1, "\xc3\xa9", 2);
    config_state_report(f->s, fault);
    start(f);
    len = strlen(status_text(f, "errorSummary"));
    assert_int_equal(len, 32767); /* not half an "é" */
    assert_int_equal(f->applies, 1);
}

/* A condition of somebody else, and one that is False for another reason. */
static void results(void **state)
{
    static const struct {
        const char *name, *conditions, *want, *summary;
    } rows[] = {
        {"none", "[]", "Unknown", ""},
        {"true",
         "[{\"type\":\"a\",\"status\":\"True\",\"reason\":\"Reconciled\",\"message\":\"\"}]",
         "Valid", ""},
        {"another reason",
         "[{\"type\":\"a\",\"status\":\"False\",\"reason\":\"UnknownError\",\"message\":\"m\"}]",
         "Valid", ""},
        {"true for an error",
         "[{\"type\":\"a\",\"status\":\"True\",\"reason\":\"ConfigurationError\",\"message\":\"m\"}"
         "]",
         "Valid", ""},
        {"two errors",
         "[{\"type\":\"a\",\"status\":\"False\",\"reason\":\"ConfigurationError\",\"message\":\"m\""
         "},{\"type\":\"b\",\"status\":\"True\",\"reason\":\"Reconciled\",\"message\":\"\"},"
         "{\"type\":\"c\",\"status\":\"False\",\"reason\":\"ConfigurationError\",\"message\":\"n\"}"
         "]",
         "Invalid", "m\nn"},
    };
    struct fixture *f = *state;

    start(f);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_object_set_new(
            f->object, "status",
            json_pack("{s:o}", "conditions", json_loads(rows[i].conditions, 0, NULL)));
        bump(f);
        deliver(f);
        settle(f);
        if (strcmp(status_text(f, "result"), rows[i].want) != 0 ||
            strcmp(status_text(f, "errorSummary"), rows[i].summary) != 0)
            fail_msg("%s: %s %s", rows[i].name, status_text(f, "result"),
                     status_text(f, "errorSummary"));
    }
}

static void tries_again(void **state)
{
    struct fixture *f = *state;

    f->feed.is_synced = true;
    config_state_on_change(f->s);
    for (unsigned i = 0; i < 4; i++) {
        while (fake_first() == NULL)
            assert_int_equal(event_base_loop(f->cluster.base, EVLOOP_ONCE), 0);
        assert_string_equal(fake_first()->method, "POST");
        if (i % 2 == 0)
            fake_break(fake_first());
        else
            fake_answer(fake_first(), 500, "{}");
    }
    while (fake_first() == NULL)
        assert_int_equal(event_base_loop(f->cluster.base, EVLOOP_ONCE), 0);
    settle(f);
    assert_string_equal(status_text(f, "result"), "Unknown");
}

static void ends_while_writing(void **state)
{
    struct fixture *f = *state;

    f->feed.is_synced = true;
    config_state_on_change(f->s);
    f->s = config_state_free(f->s);
    while (serve_one(f)) {
    }
    assert_int_equal(f->posts, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_created), TEST(is_created_once),  TEST(learns_while_refused), TEST(needs_no_pod),
        TEST(reports),    TEST(is_kept_in_order), TEST(comes_back),           TEST(fits_the_schema),
        TEST(results),    TEST(tries_again),      TEST(ends_while_writing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
