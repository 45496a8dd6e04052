/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_watch_wire.h"

#include "kube/kube_status.h"

#define META "\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"resourceVersion\":\"7\"}"

static const struct {
    const char *name, *line;
    int result;
    enum kube_watch_type type;
    const char *object;
    bool ends_initial_events;
} events[] = {
    {"added", "{\"type\":\"ADDED\",\"object\":{" META "}}", 0, KUBE_WATCH_ADDED, "{" META "}",
     false},
    {"in the other order", " { \"object\" : {" META "} , \"type\" : \"MODIFIED\" } ", 0,
     KUBE_WATCH_MODIFIED, "{" META "}", false},
    {"brackets in strings", "{\"type\":\"DELETED\",\"object\":{\"a\":\"}\\\"]\"," META "}}", 0,
     KUBE_WATCH_DELETED, "{\"a\":\"}\\\"]\"," META "}", false},
    {"bookmark", "{\"type\":\"BOOKMARK\",\"object\":{" META "}}", 0, KUBE_WATCH_BOOKMARK,
     "{" META "}", false},
    {"the end of the initial events",
     "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"annotations\":{\"k8s.io/"
     "initial-events-end\":\"true\"}}}}",
     0, KUBE_WATCH_BOOKMARK,
     "{\"metadata\":{\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}", true},
    {"the annotation on an object",
     "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"annotations\":{\"k8s.io/"
     "initial-events-end\":\"true\"}}}}",
     0, KUBE_WATCH_ADDED,
     "{\"metadata\":{\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}", false},
    {"error", "{\"type\":\"ERROR\",\"object\":{\"code\":410}}", 0, KUBE_WATCH_ERROR,
     "{\"code\":410}", false},
    {"unknown type", "{\"type\":\"MOVED\",\"object\":{}}", 0, KUBE_WATCH_UNKNOWN, "{}", false},
    {"more members", "{\"a\":[1,{}],\"type\":\"ADDED\",\"b\":null,\"object\":{}}", 0,
     KUBE_WATCH_ADDED, "{}", false},
    {"no object", "{\"type\":\"ADDED\"}", -EBADMSG, KUBE_WATCH_UNKNOWN, NULL, false},
    {"no type", "{\"object\":{}}", -EBADMSG, KUBE_WATCH_UNKNOWN, NULL, false},
    {"an object that is none", "{\"type\":\"ADDED\",\"object\":[]}", -EBADMSG, KUBE_WATCH_UNKNOWN,
     NULL, false},
    {"no JSON inside", "{\"type\":\"ADDED\",\"object\":{\"a\":}}", -EBADMSG, KUBE_WATCH_UNKNOWN,
     NULL, false},
    {"no comma", "{\"type\":\"ADDED\" \"object\":{}}", -EBADMSG, KUBE_WATCH_UNKNOWN, NULL, false},
    {"cut off", "{\"type\":\"ADDED\",\"object\":{", -EBADMSG, KUBE_WATCH_UNKNOWN, NULL, false},
    {"nothing", "", -EBADMSG, KUBE_WATCH_UNKNOWN, NULL, false},
};

static void test_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        CLEANUP(kube_watch_event_done) struct kube_watch_event e = {0};
        CLEANUP(err_done) struct err err = {0};
        int r = kube_watch_event_read(&e, events[i].line, strlen(events[i].line), &err);

        if (r != events[i].result)
            fail_msg("%s: %d, %s", events[i].name, r, err_text(&err));
        if (r < 0)
            continue;
        if (e.type != events[i].type || e.ends_initial_events != events[i].ends_initial_events ||
            e.object.len != strlen(events[i].object) ||
            memcmp(e.object.bytes, events[i].object, e.object.len) != 0)
            fail_msg("%s: type %d, object %.*s", events[i].name, (int)e.type, (int)e.object.len,
                     e.object.bytes);
    }
}

static const struct {
    const char *json;
    unsigned code;
    const char *reason, *message;
    int64_t retry_after_ns;
} statuses[] = {
    {"{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}", 410,
     "Expired", "too old", -1},
    {"{\"code\":429,\"details\":{\"retryAfterSeconds\":3}}", 429, "", "", 3 * NS_PER_SEC},
    {"{\"code\":-1,\"reason\":7,\"details\":{\"retryAfterSeconds\":-3}}", 0, "", "", -1},
    {"{\"code\":1e9,\"details\":[]}", 0, "", "", -1},
    {"null", 0, "", "", -1},
};

static void test_statuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        json_t *doc = json_loads(statuses[i].json, JSON_DECODE_ANY, NULL);
        struct kube_status s = kube_status_of(doc);

        assert_int_equal(s.code, statuses[i].code);
        assert_string_equal(s.reason, statuses[i].reason);
        assert_string_equal(s.message, statuses[i].message);
        assert_int_equal(s.retry_after_ns, statuses[i].retry_after_ns);
        json_decref(doc);
    }
}

static void test_list_meta(void **state)
{
    (void)state;
    static const char list[] = "{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"c\"}}";
    CLEANUP(kube_list_meta_done) struct kube_list_meta m = {0};
    CLEANUP(err_done) struct err err = {0};

    assert_int_equal(kube_list_meta_read(&m, list, strlen(list), &err), 0);
    assert_string_equal(m.resource_version, "9");
    assert_string_equal(m.continue_token, "c");
    kube_list_meta_done(&m);
    assert_int_equal(kube_list_meta_read(&m, "{}", 2, &err), 0);
    assert_string_equal(m.resource_version, "");
    assert_string_equal(m.continue_token, "");
    assert_int_equal(kube_list_meta_read(&m, "7", 1, &err), -EBADMSG);
}

static const struct {
    const char *name;
    enum object_kind kind;
    const char *json;
    const char *error; /* NULL: none */
} items[] = {
    {"an item of a list has no type", OBJ_NODE, "{" META "}", NULL},
    {"metadata alone", OBJ_NAMESPACE,
     "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\"," META "}", NULL},
    {"of the kind", OBJ_SERVICE, "{\"kind\":\"Service\",\"apiVersion\":\"v1\"," META "}", NULL},
    {"of another kind", OBJ_NODE, "{\"kind\":\"Service\",\"apiVersion\":\"v1\"," META "}",
     "no Node"},
    {"of no kind of ours", OBJ_NODE, "{\"kind\":\"Lease\",\"apiVersion\":\"v9\"," META "}",
     "no Node"},
    {"a value out of range is no reason", OBJ_SERVICE,
     "{" META ",\"spec\":{\"ports\":[{\"port\":70000}]}}", NULL},
    {"a wrong type is", OBJ_SERVICE, "{" META ",\"spec\":7}",
     "spec: expected a mapping, got a number"},
};

static void test_items(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        CLEANUP(kube_item_done) struct kube_item item = {0};
        CLEANUP(object_freep) struct object *o = NULL;
        CLEANUP(err_done) struct err err = {0};

        assert_int_equal(kube_item_read(&item, items[i].json, strlen(items[i].json), &err), 0);
        assert_string_equal(item.name, "a");
        if ((kube_item_decode(&o, &item, items[i].kind, &err) < 0) != (items[i].error != NULL))
            fail_msg("%s: %s", items[i].name, err_text(&err));
        if (items[i].error != NULL)
            assert_string_equal(err_text(&err), items[i].error);
        else
            assert_int_equal(o->kind, items[i].kind);
    }
}

static void test_trim(void **state)
{
    (void)state;
    static const char json[] =
        "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"labels\":{\"l\":\"1\"},\"annotations\":{"
        "\"metallb.io/a\":\"1\",\"metallb.universe.tf/b\":\"2\",\"steellb.io/c\":\"3\","
        "\"kubectl.kubernetes.io/last-applied-configuration\":\"{}\",\"metallb.iox/d\":\"\"}},"
        "\"addressType\":\"IPv4\"}";
    static const struct {
        enum object_kind kind;
        const char *uid;
    } rows[] = {{OBJ_SERVICE, "u"}, {OBJ_ENDPOINT_SLICE, ""}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(kube_item_done) struct kube_item item = {0};
        CLEANUP(object_freep) struct object *o = NULL;
        CLEANUP(err_done) struct err err = {0};

        assert_int_equal(kube_item_read(&item, json, strlen(json), &err), 0);
        assert_int_equal(kube_item_decode(&o, &item, rows[i].kind, &err), 0);
        assert_int_equal(o->meta.annotations.count, 3);
        assert_string_equal(annotation_find(&o->meta, "b"), "2");
        assert_int_equal(o->meta.labels.count, 1);
        assert_string_equal(o->meta.uid, rows[i].uid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),    cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_list_meta), cmocka_unit_test(test_items),
        cmocka_unit_test(test_trim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
