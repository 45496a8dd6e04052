/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "kube/kube_scan.h"

#define SMALL 64

/* `want`: the values, each followed by '|'. `end`: 0, or the error of next or finish. */
static const struct scan_case {
    const char *name;
    enum kube_scan_kind kind;
    const char *body, *want;
    int end;
    const char *rest;
} cases[] = {
    {"nothing", KUBE_SCAN_WATCH, "", "", 0, ""},
    {"blanks", KUBE_SCAN_WATCH, " \r\n\t\n", "", 0, ""},
    {"one event", KUBE_SCAN_WATCH, "{\"a\":1}\n", "{\"a\":1}|", 0, ""},
    {"no line end", KUBE_SCAN_WATCH, "{}", "{}|", 0, ""},
    {"two on a line", KUBE_SCAN_WATCH, "{}{\"b\":[]}", "{}|{\"b\":[]}|", 0, ""},
    {"line ends inside", KUBE_SCAN_WATCH, "{\n \"a\": [\n1]\n}\n{}", "{\n \"a\": [\n1]\n}|{}|", 0,
     ""},
    {"brackets in strings", KUBE_SCAN_WATCH, "{\"}\":\"]{\"}\n{}", "{\"}\":\"]{\"}|{}|", 0, ""},
    {"quotes in strings", KUBE_SCAN_WATCH, "{\"a\\\"}\":\"\\\\\"}{}", "{\"a\\\"}\":\"\\\\\"}|{}|",
     0, ""},
    {"deep", KUBE_SCAN_WATCH, "{\"a\":{\"b\":[[{}]]}}", "{\"a\":{\"b\":[[{}]]}}|", 0, ""},
    {"cut in a string", KUBE_SCAN_WATCH, "{}\n{\"a", "{}|", -EBADMSG, ""},
    {"cut behind an escape", KUBE_SCAN_WATCH, "{\"a\\", "", -EBADMSG, ""},
    {"cut between brackets", KUBE_SCAN_WATCH, "{\"a\":{}", "", -EBADMSG, ""},
    {"no object", KUBE_SCAN_WATCH, "{}\n<html>", "{}|", -EBADMSG, ""},
    {"a number", KUBE_SCAN_WATCH, "7", "", -EBADMSG, ""},
    {"a closing bracket", KUBE_SCAN_WATCH, "}", "", -EBADMSG, ""},
    {"as large as allowed", KUBE_SCAN_WATCH,
     "{\"a\":\"01234567890123456789012345678901234567890123456789012345\"}",
     "{\"a\":\"01234567890123456789012345678901234567890123456789012345\"}|", 0, ""},
    {"larger", KUBE_SCAN_WATCH,
     "{}{\"a\":\"012345678901234567890123456789012345678901234567890123456\"}", "{}|", -EMSGSIZE,
     ""},

    {"empty list", KUBE_SCAN_LIST, "{\"kind\":\"L\",\"items\":[]}", "", 0,
     "{\"kind\":\"L\",\"items\":[]}"},
    {"items", KUBE_SCAN_LIST, "{\"metadata\":{\"items\":[1]},\"items\":[{\"a\":1}, {}\n]}\n",
     "{\"a\":1}|{}|", 0, "{\"metadata\":{\"items\":[1]},\"items\":[]}"},
    {"items first", KUBE_SCAN_LIST, " { \"items\" : [ {} ] , \"b\" : \"x\" } ", "{}|", 0,
     "{ \"items\" : [] , \"b\" : \"x\" }"},
    {"null items", KUBE_SCAN_LIST, "{\"items\":null,\"b\":[{}]}", "", 0,
     "{\"items\":null,\"b\":[{}]}"},
    {"the word as a value", KUBE_SCAN_LIST, "{\"a\":\"items\",\"b\":[{}]}", "", 0,
     "{\"a\":\"items\",\"b\":[{}]}"},
    {"other keys", KUBE_SCAN_LIST, "{\"item\":[{}],\"xitems\":[{}],\"items\\\"\":[{}]}", "", 0,
     "{\"item\":[{}],\"xitems\":[{}],\"items\\\"\":[{}]}"},
    {"nested items", KUBE_SCAN_LIST, "{\"items\":[{\"items\":[{\"items\":[]}]}]}",
     "{\"items\":[{\"items\":[]}]}|", 0, "{\"items\":[]}"},
    {"no list at all", KUBE_SCAN_LIST, "", "", -EBADMSG, ""},
    {"an array", KUBE_SCAN_LIST, "[{}]", "", -EBADMSG, ""},
    {"cut between items", KUBE_SCAN_LIST, "{\"items\":[{},", "{}|", -EBADMSG, "{\"items\":[]"},
    {"cut in an item", KUBE_SCAN_LIST, "{\"items\":[{},{\"a\"", "{}|", -EBADMSG, "{\"items\":[]"},
    {"cut behind the items", KUBE_SCAN_LIST, "{\"items\":[{}]", "{}|", -EBADMSG, "{\"items\":[]"},
    {"no comma", KUBE_SCAN_LIST, "{\"items\":[{}{}]}", "{}|", -EBADMSG, "{\"items\":[]"},
    {"comma at the end", KUBE_SCAN_LIST, "{\"items\":[{},]}", "{}|", -EBADMSG, "{\"items\":[]"},
    {"comma at the start", KUBE_SCAN_LIST, "{\"items\":[,{}]}", "", -EBADMSG, "{\"items\":[]"},
    {"a null item", KUBE_SCAN_LIST, "{\"items\":[null]}", "", -EBADMSG, "{\"items\":[]"},
    {"two lists", KUBE_SCAN_LIST, "{\"items\":[]}{}", "", -EBADMSG, "{\"items\":[]}"},
    {"a large item", KUBE_SCAN_LIST,
     "{\"items\":[{\"a\":\"012345678901234567890123456789012345678901234567890123456\"}]}", "",
     -EMSGSIZE, "{\"items\":[]"},
};

/* Adds the values of one piece. 0, or the error. */
static int take_all(struct kube_scan *s, struct text *got)
{
    CLEANUP(err_done) struct err err = {0};
    const char *value;
    size_t len;
    int r;

    while ((r = kube_scan_next(s, &value, &len, &err)) > 0) {
        text_add_n(got, value, len);
        text_add(got, "|");
    }
    assert_true((r < 0) == (err.text != NULL));
    return r;
}

/* The body in pieces of `size`, the first of `first`. Each is a copy of its own, so that a
 * sanitizer sees a look beyond it. */
static void run(const struct scan_case *c, size_t first, size_t size)
{
    CLEANUP(kube_scan_freep) struct kube_scan *s = kube_scan_new(c->kind, SMALL);
    CLEANUP(text_done) struct text got = {0};
    CLEANUP(err_done) struct err err = {0};
    size_t len = strlen(c->body), rest_len;
    int r = 0;

    for (size_t at = 0, n = first; r == 0 && at < len; at += n, n = size) {
        CLEANUP(xfreep) char *piece = NULL;

        n = n < len - at ? n : len - at;
        piece = xmalloc(n);
        memcpy(piece, c->body + at, n);
        kube_scan_feed(s, piece, n);
        r = take_all(s, &got);
    }
    if (r == 0)
        r = kube_scan_finish(s, &err);
    else
        assert_int_equal(kube_scan_finish(s, &err), -EBADMSG);
    if (r != c->end || strcmp(text_str(&got), c->want) != 0)
        fail_msg("%s, pieces of %zu and %zu: %d, %s", c->name, first, size, r, text_str(&got));
    if (strcmp(kube_scan_rest(s, &rest_len), c->rest) != 0 || rest_len != strlen(c->rest))
        fail_msg("%s, pieces of %zu and %zu: rest %s", c->name, first, size,
                 kube_scan_rest(s, &rest_len));
}

static void test_every_border(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t len = strlen(cases[i].body);

        run(&cases[i], len, len);
        for (size_t size = 1; size < len; size++) {
            run(&cases[i], size, size);
            run(&cases[i], size, len);
        }
    }
}

/* A broken body stays broken. */
static void test_broken(void **state)
{
    (void)state;
    CLEANUP(kube_scan_freep) struct kube_scan *s = kube_scan_new(KUBE_SCAN_WATCH, SMALL);
    CLEANUP(text_done) struct text got = {0};

    kube_scan_feed(s, "x", 1);
    assert_int_equal(take_all(s, &got), -EBADMSG);
    kube_scan_feed(s, "{}", 2);
    assert_int_equal(take_all(s, &got), -EBADMSG);
    assert_string_equal(text_str(&got), "");
    assert_null(kube_scan_free(NULL));
}

/* What lies in one piece is not copied. */
static void test_in_place(void **state)
{
    (void)state;
    CLEANUP(kube_scan_freep) struct kube_scan *s = kube_scan_new(KUBE_SCAN_WATCH, SMALL);
    CLEANUP(err_done) struct err err = {0};
    static const char body[] = "{}\n{\"a\":2}";
    const char *value;
    size_t len;

    kube_scan_feed(s, body, strlen(body));
    assert_int_equal(kube_scan_next(s, &value, &len, &err), 1);
    assert_ptr_equal(value, body);
    assert_int_equal(kube_scan_next(s, &value, &len, &err), 1);
    assert_ptr_equal(value, body + 3);
    assert_int_equal(len, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_border),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
