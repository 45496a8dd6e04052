/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/text.h"
#include "feed/json_split.h"

#include <stdlib.h>
#include <string.h>

static void add_span(struct text *out, const struct json_span *s)
{
    text_printf(out, "%u+%u:", s->line, s->lines);
    text_add_n(out, s->text, s->len);
}

/* One value taken apart: "LINE+LINES:text" of each part, with "|" between; "!" and the error. */
static char *split(const char *json)
{
    struct json_span whole = {.text = json, .len = strlen(json), .line = 1};
    struct json_cursor c = json_cursor_at("f.json", whole);
    CLEANUP(err_done) struct err err = {0};
    bool is_array = strchr(json, '[') != NULL &&
                    (strchr(json, '{') == NULL || strchr(json, '[') < strchr(json, '{'));
    struct text out = {0};
    int r = json_open(&c, is_array ? '[' : '{', &err);

    while (r >= 0) {
        struct json_span key, value;

        r = is_array ? json_next_item(&c, &value, &err) : json_next_member(&c, &key, &value, &err);
        if (r <= 0)
            break;
        if (!is_array)
            add_span(&out, &key);
        add_span(&out, &value);
        text_add(&out, "|");
    }
    if (r < 0)
        text_printf(&out, "!%s", err_text(&err));
    else
        text_printf(&out, ".%s", json_skip_blanks(&c) ? c.pos : "");
    return text_take(&out);
}

static const struct {
    const char *name, *json, *want;
} rows[] = {
    {"empty array", "[]", "."},
    {"empty array, blanks", " \n[ \t\r\n]\n", "."},
    {"items", "[1,\"a\" , null,{} ]", "1+0:1|1+0:\"a\"|1+0:null|1+0:{}|."},
    {"nested", "[{\"a\":[1,{\"b\":2}]},[[]]]", "1+0:{\"a\":[1,{\"b\":2}]}|1+0:[[]]|."},
    {"brackets in strings", "[\"]}\",{\"[\":\"\\\"]\"}]", "1+0:\"]}\"|1+0:{\"[\":\"\\\"]\"}|."},
    {"backslash at the end of a string", "[\"\\\\\",1]", "1+0:\"\\\\\"|1+0:1|."},
    {"lines", "[\n{\n}\n,\n2]", "2+1:{\n}|5+0:2|."},
    {"what follows is left", "[1] {}", "1+0:1|.{}"},
    {"members", "{\"a\":1, \"b\" : [2]}", "1+0:\"a\"1+0:1|1+0:\"b\"1+0:[2]|."},
    {"empty object", "{}", "."},
    {"brackets of two kinds are left to the parser", "[{]]", "1+0:{]|."},

    {"no bracket", "x", "!f.json:1: \"{\" expected"},
    {"nothing", " ", "!f.json:1: the text ends where \"{\" is expected"},
    {"no comma", "[1\n2]", "1+0:1|!f.json:2: \",\" or \"]\" expected"},
    {"comma at the end", "[1,]", "1+0:1|!f.json:1: a value expected"},
    {"comma at the start", "[,1]", "!f.json:1: a value expected"},
    {"cut", "[1", "1+0:1|!f.json:1: the text ends where \",\" or \"]\" is expected"},
    {"cut after a comma", "[1,\n", "1+0:1|!f.json:2: the text ends where a value is expected"},
    {"cut in an object", "[\n{\"a\":", "!f.json:2: a bracket is not closed"},
    {"cut in a string", "[\n\"a", "!f.json:2: a string without its closing quote"},
    {"cut after a backslash", "[\"\\", "!f.json:1: a string without its closing quote"},
    {"key without quotes", "{a:1}", "!f.json:1: a key in quotes expected"},
    {"no colon", "{\"a\" 1}", "!f.json:1: \":\" expected"},
    {"no value", "{\"a\":}", "!f.json:1: a value expected"},
    {"member comma", "{\"a\":1 \"b\":2}", "1+0:\"a\"1+0:1|!f.json:1: \",\" or \"}\" expected"},
};

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *got = split(rows[i].json);

        if (!str_eq(got, rows[i].want))
            fail_msg("%s:\n got  %s\n want %s", rows[i].name, got, rows[i].want);
        free(got);
    }
}

static void test_depth(void **state)
{
    (void)state;
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        CLEANUP(text_done) struct text json = {0};
        char *got;

        text_add(&json, "[");
        for (size_t i = 0; i < depth; i++)
            text_add(&json, "[");
        for (size_t i = 0; i <= depth; i++)
            text_add(&json, "]");
        got = split(text_str(&json));
        if (depth == JSON_DEPTH_MAX)
            assert_true(got[0] == '1');
        else
            assert_string_equal(got, "!f.json:1: nested more than 512 deep");
        free(got);
    }
}

/* A NUL byte in the text is no end and no blank. */
static void test_nul(void **state)
{
    static const char json[] = "[\0]";
    struct json_span whole = {.text = json, .len = sizeof(json) - 1, .line = 1}, item;
    struct json_cursor c = json_cursor_at("f.json", whole);
    CLEANUP(err_done) struct err err = {0};

    (void)state;
    assert_int_equal(json_open(&c, '[', &err), 0);
    assert_true(json_next_item(&c, &item, &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
