/* SPDX-License-Identifier: Apache-2.0 */
#include "decode_case.h"

#include "model/store.h"

static struct object *service_new(const char *namespace, const char *name, const char *uid)
{
    CLEANUP(xfreep)
    char *doc = xasprintf(
        "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'namespace': '%s', 'name': '%s', "
        "'uid': '%s'}}",
        namespace, name, uid);

    return doc_decode(doc);
}

static struct object *slice_new(const char *namespace, const char *service, const char *name)
{
    CLEANUP(xfreep)
    char *doc = xasprintf(
        "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata': {"
        "'namespace': '%s', 'name': '%s', 'labels': {'kubernetes.io/service-name': '%s'}}, "
        "'addressType': 'IPv4'}",
        namespace, name, service);

    return doc_decode(doc);
}

static void assert_list(struct object_list list, const char *want)
{
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < list.count; i++)
        text_printf(&t, "%s%s/%s", i > 0 ? " " : "", list.items[i]->meta.namespace,
                    list.items[i]->meta.name);
    assert_string_equal(text_str(&t), want);
}

static void test_empty(void **state)
{
    (void)state;
    CLEANUP(store_freep) struct store *s = store_new();

    for (size_t k = 0; k < OBJECT_KINDS; k++)
        assert_list(store_list(s, (enum object_kind)k), "");
    assert_list(store_slices(s, "a", "web"), "");
    assert_null(store_find(s, OBJ_SERVICE, "a", "web"));
    assert_false(store_del(s, OBJ_SERVICE, "a", "web"));
    assert_null(store_free(NULL));
}

static void test_order(void **state)
{
    (void)state;
    CLEANUP(store_freep) struct store *s = store_new();

    store_put_take(s, service_new("b", "a", ""));
    store_put_take(s, service_new("a", "z", ""));
    store_put_take(s, service_new("a", "b", ""));
    store_put_take(s, service_new("a-b", "c", ""));
    assert_list(store_list(s, OBJ_SERVICE), "a/b a/z a-b/c b/a");
    store_put_take(s, service_new("a", "a", ""));
    assert_list(store_list(s, OBJ_SERVICE), "a/a a/b a/z a-b/c b/a");
    assert_list(store_list(s, OBJ_POD), "");
}

static void test_replacement(void **state)
{
    (void)state;
    CLEANUP(store_freep) struct store *s = store_new();

    store_put_take(s, service_new("a", "web", "old"));
    assert_string_equal(store_list(s, OBJ_SERVICE).items[0]->meta.uid, "old");
    store_put_take(s, service_new("a", "web", "new"));
    assert_list(store_list(s, OBJ_SERVICE), "a/web");
    assert_string_equal(store_list(s, OBJ_SERVICE).items[0]->meta.uid, "new");
    assert_string_equal(store_find(s, OBJ_SERVICE, "a", "web")->meta.uid, "new");
}

static void test_deletion(void **state)
{
    (void)state;
    CLEANUP(store_freep) struct store *s = store_new();

    store_put_take(s, service_new("a", "web", ""));
    store_put_take(s, service_new("a", "db", ""));
    assert_list(store_list(s, OBJ_SERVICE), "a/db a/web");
    assert_false(store_del(s, OBJ_NODE, "a", "web"));
    assert_false(store_del(s, OBJ_SERVICE, "", "web"));
    assert_true(store_del(s, OBJ_SERVICE, "a", "web"));
    assert_false(store_del(s, OBJ_SERVICE, "a", "web"));
    assert_null(store_find(s, OBJ_SERVICE, "a", "web"));
    assert_list(store_list(s, OBJ_SERVICE), "a/db");
    assert_true(store_del(s, OBJ_SERVICE, "a", "db"));
    assert_list(store_list(s, OBJ_SERVICE), "");
    store_put_take(s, service_new("a", "web", "again"));
    assert_list(store_list(s, OBJ_SERVICE), "a/web");
}

/* One name in several kinds, and cluster-scoped objects. */
static void test_kinds(void **state)
{
    (void)state;
    CLEANUP(store_freep) struct store *s = store_new();

    store_put_take(s, service_new("a", "web", ""));
    store_put_take(s, slice_new("a", "web", "web"));
    store_put_take(s,
                   doc_decode("{'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'web'}}"));
    assert_int_equal(store_find(s, OBJ_NODE, "", "web")->kind, OBJ_NODE);
    assert_int_equal(store_find(s, OBJ_SERVICE, "a", "web")->kind, OBJ_SERVICE);
    assert_null(store_find(s, OBJ_NODE, "a", "web"));
    assert_list(store_list(s, OBJ_NODE), "/web");
    assert_list(store_list(s, OBJ_ENDPOINT_SLICE), "a/web");
}

static void test_slices(void **state)
{
    (void)state;
    CLEANUP(store_freep) struct store *s = store_new();

    store_put_take(s, slice_new("a", "web", "z"));
    store_put_take(s, slice_new("b", "web", "y"));
    store_put_take(s, slice_new("a", "db", "x"));
    store_put_take(s, slice_new("a", "web", "a"));
    store_put_take(s, slice_new("a", "web2", "b"));
    assert_list(store_slices(s, "a", "web"), "a/a a/z");
    assert_list(store_slices(s, "a", "web2"), "a/b");
    assert_list(store_slices(s, "a", "db"), "a/x");
    assert_list(store_slices(s, "b", "web"), "b/y");
    assert_list(store_slices(s, "b", "db"), "");
    assert_list(store_slices(s, "a", "zzz"), "");
    assert_list(store_slices(s, "", ""), "");

    assert_true(store_del(s, OBJ_ENDPOINT_SLICE, "a", "z"));
    assert_list(store_slices(s, "a", "web"), "a/a");
    store_put_take(s, slice_new("a", "db", "a")); /* the slice moves to another Service */
    assert_list(store_slices(s, "a", "web"), "");
    assert_list(store_slices(s, "a", "db"), "a/a a/x");
    assert_list(store_list(s, OBJ_ENDPOINT_SLICE), "a/a a/b a/x b/y");
}

static void slice_name(char ret[static 16], unsigned i)
{
    snprintf(ret, 16, "s%02u", i * 7 % 40); /* each of 40 once, in no order */
}

/* Many slices of one Service come, are replaced and go; the others' stay. */
static void test_many_slices(void **state)
{
    (void)state;
    CLEANUP(store_freep) struct store *s = store_new();
    char name[16];

    store_put_take(s, slice_new("a", "db", "x"));
    for (unsigned i = 0; i < 40; i++) {
        struct object_list list;

        slice_name(name, i);
        store_put_take(s, slice_new("a", "web", name));
        store_put_take(s, slice_new("a", "web", name));
        list = store_slices(s, "a", "web");
        assert_int_equal(list.count, i + 1);
        for (size_t k = 1; k < list.count; k++)
            assert_true(strcmp(list.items[k - 1]->meta.name, list.items[k]->meta.name) < 0);
    }
    for (unsigned i = 0; i < 40; i++) {
        slice_name(name, i);
        assert_true(store_del(s, OBJ_ENDPOINT_SLICE, "a", name));
        assert_int_equal(store_slices(s, "a", "web").count, 39 - i);
    }
    assert_list(store_slices(s, "a", "db"), "a/x");
    store_put_take(s, slice_new("a", "web", "again"));
    assert_list(store_slices(s, "a", "web"), "a/again");
}

/* A slice of no Service is nobody's, and names do not run together. */
static void test_odd_slices(void **state)
{
    (void)state;
    CLEANUP(store_freep) struct store *s = store_new();

    store_put_take(s, slice_new("a", "bc", "x"));
    store_put_take(s, slice_new("ab", "c", "y"));
    store_put_take(s, slice_new("a", "", "z"));
    assert_list(store_slices(s, "a", "bc"), "a/x");
    assert_list(store_slices(s, "ab", "c"), "ab/y");
    assert_list(store_slices(s, "a", ""), "a/z");
    assert_list(store_slices(s, "a", "b"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),       cmocka_unit_test(test_order),
        cmocka_unit_test(test_replacement), cmocka_unit_test(test_deletion),
        cmocka_unit_test(test_kinds),       cmocka_unit_test(test_slices),
        cmocka_unit_test(test_many_slices), cmocka_unit_test(test_odd_slices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
