/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Kubernetes makes of YAML. The expected values are those of sigs.k8s.io/yaml 1.4.0, except
 * where a row's comment says otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/text.h"
#include "model/yaml_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All documents as compact JSON, one a line; then "!" and the error, if there is one. */
static char *read_bytes(const char *yaml, size_t len)
{
    CLEANUP(yaml_reader_freep) struct yaml_reader *r = yaml_reader_new("f.yaml", yaml, len);
    CLEANUP(err_done) struct err err = {0};
    struct text out = {0};

    for (;;) {
        CLEANUP(yaml_doc_done) struct yaml_doc d = {0};
        int rc = yaml_reader_next(r, &d, &err);
        char *json;

        if (rc < 0) {
            text_printf(&out, "!%s", err_text(&err));
            assert_int_equal(rc, err.code);
        }
        if (rc <= 0)
            return text_take(&out);
        json = json_dumps(d.value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS |
                                       JSON_REAL_PRECISION(15));
        text_printf(&out, "%s\n", json);
        free(json);
    }
}

static char *read_text(const char *yaml)
{
    return read_bytes(yaml, strlen(yaml));
}

static void check(const char *name, const char *yaml, const char *want)
{
    char *got = read_text(yaml);

    if (!str_eq(got, want))
        fail_msg("%s:\n got  %s\n want %s", name, got, want);
    free(got);
}

static const struct {
    const char *scalar, *want;
} scalars[] = {
    {"y", "true"},
    {"Y", "true"},
    {"yes", "true"},
    {"Yes", "true"},
    {"YES", "true"},
    {"true", "true"},
    {"True", "true"},
    {"TRUE", "true"},
    {"on", "true"},
    {"On", "true"},
    {"ON", "true"},
    {"n", "false"},
    {"N", "false"},
    {"no", "false"},
    {"No", "false"},
    {"NO", "false"},
    {"false", "false"},
    {"False", "false"},
    {"FALSE", "false"},
    {"off", "false"},
    {"Off", "false"},
    {"OFF", "false"},
    {"yEs", "\"yEs\""},
    {"tRUE", "\"tRUE\""},
    {"oN", "\"oN\""},
    {"'yes'", "\"yes\""},
    {"\"no\"", "\"no\""},
    {"|\n  yes", "\"yes\\n\""},
    {">-\n  off", "\"off\""},

    {"", "null"},
    {"~", "null"},
    {"null", "null"},
    {"Null", "null"},
    {"NULL", "null"},
    {"nULL", "\"nULL\""},
    {"''", "\"\""},
    {"'~'", "\"~\""},

    {"0", "0"},
    {"-0", "0"},
    {"+1", "1"},
    {"-12", "-12"},
    {"1_000", "1000"},
    {"1__0_", "10"},
    {"_1", "\"_1\""},
    {"0x1F", "31"},
    {"0X1f", "31"},
    {"-0x10", "-16"},
    {"+0x10", "16"},
    {"0x", "\"0x\""},
    {"0xg", "\"0xg\""},
    {"0b101", "5"},
    {"0B11", "3"},
    {"-0b11", "-3"},
    {"0b2", "\"0b2\""},
    {"0o17", "15"},
    {"0O17", "15"},
    {"017", "15"},
    {"-017", "-15"},
    {"0_17", "15"},
    {"00", "0"},
    {"08", "8"}, /* no octal, so a float: 8.0 */
    {"0999", "999"},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"9223372036854775808", "9.22337203685478e18"}, /* Go: exact, as uint64 */
    {"'1'", "\"1\""},
    {"1.2.3.4", "\"1.2.3.4\""},
    {"10.0.0.0/8", "\"10.0.0.0/8\""},
    {"1-2", "\"1-2\""},
    {"12:30:45", "\"12:30:45\""}, /* no base 60 */
    {"0x1p3", "\"0x1p3\""},

    {"1.5", "1.5"},
    {"-1.5", "-1.5"},
    {"+.5", "0.5"},
    {".5", "0.5"},
    {"5.", "5"},
    {"80.0", "80"},
    {"1e3", "1000"},
    {"1E-2", "0.01"},
    {"1_0.5", "10.5"},
    {"1e400", "\"1e400\""},
    {".", "\".\""},
    {"+", "\"+\""},
    {"-.", "\"-.\""},
    {".e3", "\".e3\""},
    {"1e", "\"1e\""},
    {"1.5.2", "\"1.5.2\""},

    {"2001-01-01", "\"2001-01-01\""},
    {"2001-12-14t21:59:43.10-05:00", "\"2001-12-14t21:59:43.10-05:00\""},
    {"<<", "\"<<\""},
    {"=", "\"=\""},

    {"!!str 5", "\"5\""},
    {"!!str yes", "\"yes\""},
    {"!!str", "\"\""},
    {"!!int '5'", "5"},
    {"!!int 0x1F", "31"},
    {"!!bool 'yes'", "true"},
    {"!!float 3", "3"},
    {"!!float '1.5'", "1.5"},
    {"!!null ''", "null"},
    {"!!null ~", "null"},
    {"!!timestamp 2001-01-01", "\"2001-01-01\""},
    {"!!binary aGVsbG8=", "\"aGVsbG8=\""}, /* Go decodes it */
    {"!mine 5", "\"5\""},
    {"! 5", "\"5\""},
};

static void test_scalars(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(scalars); i++) {
        char yaml[128], want[128];

        snprintf(yaml, sizeof(yaml), "v: %s\n", scalars[i].scalar);
        snprintf(want, sizeof(want), "{\"v\":%s}\n", scalars[i].want);
        check(scalars[i].scalar, yaml, want);
    }
}

struct row {
    const char *name, *yaml, *want;
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(rows[i].name, rows[i].yaml, rows[i].want);
}

static const struct row key_rows[] = {
    {"boolean key", "yes: a\noff: b\n", "{\"false\":\"b\",\"true\":\"a\"}\n"},
    {"number keys", "1: a\n0x10: b\n1.50: c\n", "{\"1\":\"a\",\"1.5\":\"c\",\"16\":\"b\"}\n"},
    {"quoted keys stay", "'yes': a\n\"0x10\": b\n", "{\"0x10\":\"b\",\"yes\":\"a\"}\n"},
    {"y is a key like that too", "{x: 1, y: 2}\n", "{\"true\":2,\"x\":1}\n"},
    {"key by alias", "a: &k b\n*k : 1\n", "{\"a\":\"b\",\"b\":1}\n"},
    {"null key", "a: 1\n~: 1\n", "!f.yaml:2: a mapping key must be a string, number or boolean"},
    {"mapping as key", "? {a: b}\n: 1\n",
     "!f.yaml:1: a mapping key must be a string, number or boolean"},
    {"twice", "a: 1\nb: 2\na: 3\n", "!f.yaml:3: key \"a\" is given twice in this mapping"},
    {"twice, further down", "x:\n  - a: 1\n    a: 1\n",
     "!f.yaml:3: key \"a\" is given twice in this mapping"},
    {"twice in two spellings", "1: a\n'1': b\n",
     "!f.yaml:2: key \"1\" is given twice in this mapping"},
    {"twice in two mappings", "x: {a: 1}\nz: {a: 1}\n", "{\"x\":{\"a\":1},\"z\":{\"a\":1}}\n"},
};

static void test_keys(void **state)
{
    (void)state;
    check_rows(key_rows, ARRAY_SIZE(key_rows));
}

static const struct row document_rows[] = {
    {"nothing", "", ""},
    {"comments only", "# a\n\n# b\n", ""},
    {"empty documents", "---\n---\n# x\n---\na: 1\n---\n", "null\nnull\n{\"a\":1}\nnull\n"},
    {"end mark", "a: 1\n...\n---\nb: 2\n...\n", "{\"a\":1}\n{\"b\":2}\n"},
    {"byte order mark",
     "\xef\xbb\xbf"
     "a: 1\n",
     "{\"a\":1}\n"},
    {"directive", "%YAML 1.1\n---\na: 1\n", "{\"a\":1}\n"},
    {"carriage returns", "a: 1\r\nb:\r\n- x\r\n", "{\"a\":1,\"b\":[\"x\"]}\n"},
    {"flow", "{\"a\": [1, two, {b: c}], d}\n", "{\"a\":[1,\"two\",{\"b\":\"c\"}],\"d\":null}\n"},
    {"block scalar", "a: |\n  x\n   z\n\nb: >\n  x\n  w\n",
     "{\"a\":\"x\\n z\\n\",\"b\":\"x w\\n\"}\n"},
    {"escapes", "a: \"\\x41\\u00e9\\t\"\n", "{\"a\":\"A\xc3\xa9\\t\"}\n"},
    {"the first document is good", "a: 1\n---\nb: [\n",
     "{\"a\":1}\n!f.yaml:4: did not find expected node content (while parsing a flow node that "
     "begins in line 4)"},
};

static void test_documents(void **state)
{
    (void)state;
    check_rows(document_rows, ARRAY_SIZE(document_rows));
}

static const struct row alias_rows[] = {
    {"scalar", "a: &x 1\nb: *x\n", "{\"a\":1,\"b\":1}\n"},
    {"the later anchor counts", "a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}\n"},
    {"anchor within one of its name", "&x [&x 1, *x]\n", "[1,1]\n"},
    {"unknown", "a: 1\nb: *x\n", "!f.yaml:2: alias \"x\" has no anchor"},
    {"ends with its document", "a: &x 1\n---\nb: *x\n",
     "{\"a\":1}\n!f.yaml:3: alias \"x\" has no anchor"},
    {"itself", "a: &x\n  - *x\n", "!f.yaml:2: anchor \"x\" contains itself"},

    {"merge", "a: &a {x: 1, z: 2}\nb:\n  <<: *a\n  x: 3\n",
     "{\"a\":{\"x\":1,\"z\":2},\"b\":{\"x\":3,\"z\":2}}\n"},
    {"a merge replaces what stands before it", "a: &a {x: 1, z: 2}\nb:\n  x: 3\n  <<: *a\n",
     "{\"a\":{\"x\":1,\"z\":2},\"b\":{\"x\":1,\"z\":2}}\n"},
    {"of several the first wins", "<<: [{a: 1}, {a: 2, b: 3}]\n", "{\"a\":1,\"b\":3}\n"},
    {"merge by tag", "!!merge <<: {a: 1}\n", "{\"a\":1}\n"},
    {"quoted it is a key", "'<<': {a: 1}\n", "{\"<<\":{\"a\":1}}\n"},
    {"own key twice beside a merge", "<<: {a: 1}\na: 2\na: 3\n",
     "!f.yaml:3: key \"a\" is given twice in this mapping"},
    {"merge of a scalar", "a: 1\n<<: 3\n",
     "!f.yaml:2: << needs a mapping or a sequence of mappings"},
    {"merge of scalars", "<<: [1]\n", "!f.yaml:1: << needs a mapping or a sequence of mappings"},
};

static void test_aliases(void **state)
{
    (void)state;
    check_rows(alias_rows, ARRAY_SIZE(alias_rows));
}

static const struct row error_rows[] = {
    {"tag int", "a: 1\nb: !!int x\n", "!f.yaml:2: \"x\" is not a !!int"},
    {"tag int on a float", "a: !!int 1.0\n", "!f.yaml:1: \"1.0\" is not a !!int"},
    {"tag bool", "a: !!bool 1\n", "!f.yaml:1: \"1\" is not a !!bool"},
    {"tag float", "a: !!float x\n", "!f.yaml:1: \"x\" is not a !!float"},
    {"tag null", "a: !!null x\n", "!f.yaml:1: \"x\" is not a !!null"},
    {"infinity", "a:\n- -.inf\n", "!f.yaml:2: -.inf is not a number that JSON can hold"},
    {"not a number", "a: .NaN\n", "!f.yaml:1: .NaN is not a number that JSON can hold"},
    {"NUL", "a: \"x\\0y\"\n", "!f.yaml:1: a string holds a NUL character"},
    {"not UTF-8", "a: 1\nb: \xff\n", "!f.yaml:2: invalid leading UTF-8 octet"},
    {"tab", "a:\n\tb: 1\n",
     "!f.yaml:2: found character that cannot start any token (while scanning for the next token "
     "that begins in line 2)"},
    {"open flow", "a: {b: 1\n",
     "!f.yaml:2: did not find expected ',' or '}' (while parsing a flow mapping that begins in "
     "line 1)"},
};

static void test_errors(void **state)
{
    (void)state;
    check_rows(error_rows, ARRAY_SIZE(error_rows));
}

static void test_utf16_is_refused(void **state)
{
    static const char utf16[] = "\xff\xfe"
                                "a\0:\0 \0001\0\n";
    char *got = read_bytes(utf16, sizeof(utf16));

    (void)state;
    assert_true(got[0] == '!');
    free(got);
}

static void test_lines(void **state)
{
    static const char yaml[] = "# c\n\nkind: List\nitems:\n- a: 1\n\n-\n  b: 1\nother:\n- x\n"
                               "---\n\nitems: 1\n---\nx:\n  items: [1]\n";
    CLEANUP(yaml_reader_freep)
    struct yaml_reader *r = yaml_reader_new("f.yaml", yaml, strlen(yaml));
    CLEANUP(yaml_doc_done) struct yaml_doc d = {0};
    CLEANUP(err_done) struct err err = {0};

    (void)state;
    assert_int_equal(yaml_reader_next(r, &d, &err), 1);
    assert_int_equal(d.line, 3);
    assert_int_equal(d.item_count, 2);
    assert_int_equal(d.item_lines[0], 5);
    assert_int_equal(d.item_lines[1], 8);
    yaml_doc_done(&d);
    assert_int_equal(yaml_reader_next(r, &d, &err), 1);
    assert_int_equal(d.line, 13);
    assert_int_equal(d.item_count, 0);
    yaml_doc_done(&d);
    assert_int_equal(yaml_reader_next(r, &d, &err), 1);
    assert_int_equal(d.item_count, 0);
    yaml_doc_done(&d);
    assert_int_equal(yaml_reader_next(r, &d, &err), 0);
    assert_int_equal(yaml_reader_next(r, &d, &err), 0);
}

/* Each line stands for nine of the line before. */
static void test_billion_laughs(void **state)
{
    CLEANUP(text_done) struct text yaml = {0};
    char *got;

    (void)state;
    text_add(&yaml, "a0: &a0 lol\n");
    for (int i = 1; i < 10; i++)
        text_printf(&yaml, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
                    i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    got = read_text(text_str(&yaml));
    assert_string_equal(got,
                        "!f.yaml:8: the document is too large, counting what aliases stand for");
    free(got);
}

/* A long string many times over: few values, but readers copy strings. */
static void test_long_string_by_aliases(void **state)
{
    CLEANUP(text_done) struct text yaml = {0};
    char *got;

    (void)state;
    text_add(&yaml, "- &a ");
    for (int i = 0; i < 100000; i++)
        text_add(&yaml, "0123456789");
    for (int i = 0; i < 300; i++)
        text_add(&yaml, "\n- *a");
    got = read_text(text_str(&yaml));
    assert_string_equal(got,
                        "!f.yaml:256: the document is too large, counting what aliases stand for");
    free(got);
}

/* A chain of aliases makes a deep tree out of flat text. */
static void test_depth_by_aliases(void **state)
{
    CLEANUP(text_done) struct text yaml = {0};
    char *got;

    (void)state;
    text_add(&yaml, "a0: &a0 [x]\n");
    for (int i = 1; i < 600; i++)
        text_printf(&yaml, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    got = read_text(text_str(&yaml));
    assert_string_equal(got, "!f.yaml:511: nested more than 512 deep");
    free(got);
}

static void test_depth(void **state)
{
    (void)state;
    for (size_t depth = 511; depth <= 513; depth++) {
        CLEANUP(text_done) struct text yaml = {0};
        char *got;

        for (size_t i = 0; i < depth; i++)
            text_add(&yaml, "[");
        for (size_t i = 0; i < depth; i++)
            text_add(&yaml, "]");
        got = read_text(text_str(&yaml));
        if (depth <= 512)
            assert_true(got[0] == '[');
        else
            assert_string_equal(got, "!f.yaml:1: nested more than 512 deep");
        free(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_utf16_is_refused),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_billion_laughs),
        cmocka_unit_test(test_long_string_by_aliases),
        cmocka_unit_test(test_depth_by_aliases),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
