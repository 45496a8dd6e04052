/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_empty(void **state)
{
    struct text t = {0};
    char *taken;

    (void)state;
    assert_string_equal(text_str(&t), "");
    taken = text_take(&t);
    assert_string_equal(taken, "");
    free(taken);
    text_done(&t);
}

static void test_add(void **state)
{
    CLEANUP(text_done) struct text t = {0};

    (void)state;
    text_add(&t, "");
    assert_string_equal(text_str(&t), "");
    text_add(&t, "pool ");
    text_add_n(&t, "edge and more", 4);
    text_printf(&t, ": %d of %u", -1, 2u);
    assert_string_equal(text_str(&t), "pool edge: -1 of 2");
    assert_int_equal(t.len, strlen("pool edge: -1 of 2"));
}

static void test_grows(void **state)
{
    CLEANUP(text_done) struct text t = {0};

    (void)state;
    for (int i = 0; i < 10000; i++)
        text_printf(&t, "%d,", i % 10);
    assert_int_equal(t.len, 20000);
    assert_int_equal(strlen(text_str(&t)), 20000);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(t.chars[2 * i], '0' + (int)(i % 10));
}

static void test_keeps_nul_bytes_inside(void **state)
{
    CLEANUP(text_done) struct text t = {0};

    (void)state;
    text_add_n(&t, "a\0b", 3);
    assert_int_equal(t.len, 3);
    assert_memory_equal(t.chars, "a\0b", 4);
}

static void test_take_empties(void **state)
{
    CLEANUP(text_done) struct text t = {0};
    CLEANUP(xfreep) char *taken = NULL;

    (void)state;
    text_add(&t, "one");
    taken = text_take(&t);
    assert_string_equal(taken, "one");
    assert_string_equal(text_str(&t), "");
    text_add(&t, "two");
    assert_string_equal(text_str(&t), "two");
    assert_string_equal(taken, "one");
}

/* What fmt.Sprintf("%q") prints in Go. */
static void test_quote(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } rows[] = {
        {"plain", "edge", "\"edge\""},
        {"empty", "", "\"\""},
        {"quotes and backslashes", "a\"b\\c", "\"a\\\"b\\\\c\""},
        {"named controls", "\a\b\f\n\r\t\v", "\"\\a\\b\\f\\n\\r\\t\\v\""},
        {"other controls", "\x01\x1f\x7f", "\"\\x01\\x1f\\x7f\""},
        {"UTF-8 stays", "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
        {"single quotes stay", "it's", "\"it's\""},
        {"nothing", NULL, "\"<nil>\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(text_done) struct text t = {0};

        text_quote(&t, rows[i].in);
        if (strcmp(text_str(&t), rows[i].want) != 0)
            fail_msg("%s: %s, want %s", rows[i].name, text_str(&t), rows[i].want);
    }
}

static void test_str_eq(void **state)
{
    static const struct {
        const char *a, *b;
        bool want;
    } rows[] = {
        {"a", "a", true},   {"a", "b", false}, {"a", "aa", false}, {"", "", true},
        {NULL, NULL, true}, {NULL, "", false}, {"", NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (str_eq(rows[i].a, rows[i].b) != rows[i].want)
            fail_msg("row %zu", i);
    }
    assert_true(str_empty(NULL));
    assert_true(str_empty(""));
    assert_false(str_empty(" "));
}

static void test_sorts(void **state)
{
    const char *names[] = {"b", "", "ba", "a", "B"};
    static const char *const want[] = {"", "B", "a", "b", "ba"};

    (void)state;
    qsort(names, ARRAY_SIZE(names), sizeof(names[0]), str_cmp_ptr);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_string_equal(names[i], want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),        cmocka_unit_test(test_add),
        cmocka_unit_test(test_grows),        cmocka_unit_test(test_keeps_nul_bytes_inside),
        cmocka_unit_test(test_take_empties), cmocka_unit_test(test_quote),
        cmocka_unit_test(test_str_eq),       cmocka_unit_test(test_sorts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
