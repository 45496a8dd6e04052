/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/kept_bytes.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *in, *want;
} cuts[] = {
    {"none", "{\"a\":1}", "{\"a\":1}"},
    {"last", "{\"a\":1,\"managedFields\":[{}]}", "{\"a\":1}"},
    {"first", "{\"managedFields\":[],\"a\":1}", "{\"a\":1}"},
    {"alone", "{\"managedFields\":[{\"x\":[1]}]}", "{}"},
    {"brackets in strings", "{\"managedFields\":[\"]}\\\"]\",{\"f:a\":{}}],\"a\":1}", "{\"a\":1}"},
    {"the name as a value", "{\"a\":\"managedFields\"}", "{\"a\":\"managedFields\"}"},
    {"the name inside a string",
     "{\"a\":\"{\\\"managedFields\\\":[1]}\",\"managedFields\":[1],\"b\":2}",
     "{\"a\":\"{\\\"managedFields\\\":[1]}\",\"b\":2}"},
};

static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        CLEANUP(xfreep) char *text = xstrdup(cuts[i].in);

        text[json_cut_managed_fields(text, strlen(text))] = '\0';
        if (strcmp(text, cuts[i].want) != 0)
            fail_msg("%s: %s", cuts[i].name, text);
    }
}

static const struct object one = {.meta = {.namespace = "n", .name = "a", .resource_version = "1"}};
static const struct object later = {
    .meta = {.namespace = "n", .name = "a", .resource_version = "2"}};
static const struct object other = {
    .meta = {.namespace = "n", .name = "b", .resource_version = "2"}};

static void test_versions(void **state)
{
    CLEANUP(kept_bytes_done) struct kept_bytes k = {0};
    struct kept kept;

    (void)state;
    kept_bytes_put(&k, &one, "{}", 2);
    assert_null(kept_bytes_take(&k, &later).bytes);
    kept_bytes_put(&k, &later, "[1]", 3);
    assert_null(kept_bytes_take(&k, &other).bytes);
    kept = kept_bytes_take(&k, &later);
    assert_int_equal(kept.len, 3);
    assert_null(kept_bytes_take(&k, &later).bytes);
    assert_memory_equal(kept.bytes, "[1]", 3);
}

/* What is wanted stays until it is taken, is replaced by a later version, or is dropped. */
static void test_wanted(void **state)
{
    CLEANUP(kept_bytes_done) struct kept_bytes k = {0};

    (void)state;
    kept_bytes_put(&k, &one, "[1]", 3);
    kept_bytes_put(&k, &other, "[2]", 3);
    kept_bytes_want(&k, &later); /* another version */
    kept_bytes_want(&k, &other);
    kept_bytes_forget(&k);
    assert_null(kept_bytes_take(&k, &one).bytes);
    assert_memory_equal(kept_bytes_take(&k, &other).bytes, "[2]", 3);

    kept_bytes_put(&k, &one, "[1]", 3);
    kept_bytes_want(&k, &one);
    kept_bytes_put(&k, &later, "[3]", 3);
    kept_bytes_forget(&k);
    assert_null(k.all.chars);

    kept_bytes_put(&k, &one, "[1]", 3);
    kept_bytes_want(&k, &one);
    kept_bytes_drop(&k, "n/a");
    kept_bytes_forget(&k);
    assert_null(k.all.chars);
}

static void test_limit(void **state)
{
    CLEANUP(kept_bytes_done) struct kept_bytes k = {0};
    CLEANUP(xfreep) char *large = xcalloc(1, KEPT_BYTES_MAX);

    (void)state;
    kept_bytes_put(&k, &one, large, KEPT_BYTES_MAX - 1);
    kept_bytes_put(&k, &other, "{}", 2);
    assert_null(kept_bytes_take(&k, &other).bytes);
    assert_int_equal(kept_bytes_take(&k, &one).len, KEPT_BYTES_MAX - 1);
    kept_bytes_put(&k, &other, "{}", 2);
    assert_int_equal(k.all.len, 2);
    kept_bytes_done(&k);
    assert_null(k.all.chars);
    assert_null(kept_bytes_take(&k, &other).bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
