/* SPDX-License-Identifier: Apache-2.0 */
#include "decode_case.h"

#include "model/selector.h"

#include <errno.h>

/* The selector of a pool's serviceSelectors; the object owns it. */
static struct object *selector_parse(const char *quasi_json)
{
    CLEANUP(xfreep)
    char *doc = xasprintf(POOL("'serviceAllocation': {'serviceSelectors': [%s]}"), quasi_json);

    return doc_decode(doc);
}

static struct object *labels_parse(const char *quasi_json)
{
    CLEANUP(xfreep)
    char *doc = xasprintf(
        "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'a', 'labels': {%s}}}",
        quasi_json);

    return doc_decode(doc);
}

#define EXPR(key_, op_, values_)                                                                   \
    "{'matchExpressions': [{'key': '" key_ "', 'operator': '" op_ "', 'values': [" values_ "]}]}"
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A253                                                                                       \
    A63 "." A63 "." A63 "."                                                                        \
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *name, *selector;
    const char *error; /* a part of the text; NULL: valid */
} checks[] = {
    {"empty", "{}", NULL},
    {"label", "{'matchLabels': {'a': 'b'}}", NULL},
    {"empty value", "{'matchLabels': {'a': ''}}", NULL},
    {"prefix", "{'matchLabels': {'example.com/a.b-c_D': '1.2-3_X'}}", NULL},
    {"longest name", "{'matchLabels': {'" A63 "': '" A63 "'}}", NULL},
    {"longest prefix", EXPR(A253 "/a", "Exists", ""), NULL},
    {"In", EXPR("a", "In", "'x', 'y', ''"), NULL},
    {"NotIn", EXPR("a", "NotIn", "'x'"), NULL},
    {"Exists", EXPR("a", "Exists", ""), NULL},
    {"DoesNotExist", EXPR("a", "DoesNotExist", ""), NULL},
    {"In without values", EXPR("a", "In", ""),
     "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty"},
    {"NotIn without values", EXPR("a", "NotIn", ""),
     "for 'in', 'notin' operators, values set can't be empty"},
    {"Exists with values", EXPR("a", "Exists", "'x', 'y'"),
     "values: Invalid value: [\"x\",\"y\"]: values set must be empty for exists and does not exist"},
    {"DoesNotExist with a value", EXPR("a", "DoesNotExist", "'x'"),
     "values set must be empty for exists and does not exist"},
    {"operator", EXPR("a", "Gt", "'1'"), "\"Gt\" is not a valid label selector operator"},
    {"case of an operator", EXPR("a", "in", "'x'"),
     "\"in\" is not a valid label selector operator"},
    {"no operator", "{'matchExpressions': [{'key': 'a'}]}",
     "\"\" is not a valid label selector operator"},
    {"no key", EXPR("", "Exists", ""), "name part must be non-empty"},
    {"key of a prefix", EXPR("a.b/", "Exists", ""), "name part must be non-empty"},
    {"blank in a key", EXPR("a b", "Exists", ""), "name part must consist of"},
    {"key begins with a dash", EXPR("-a", "Exists", ""), "name part must consist of"},
    {"key ends with a dot", "{'matchLabels': {'a.': 'b'}}", "name part must consist of"},
    {"key of 64", EXPR(A63 "a", "Exists", ""),
     "key: Invalid value: \"" A63 "a\": name part must be no more than 63 bytes"},
    {"two slashes", EXPR("a/b/c", "Exists", ""),
     "key: Invalid value: \"a/b/c\": a valid label key must consist of"},
    {"capital in a prefix", EXPR("A.b/c", "Exists", ""),
     "prefix part a lowercase RFC 1123 subdomain"},
    {"empty prefix", EXPR("/a", "Exists", ""), "prefix part must be non-empty"},
    {"prefix of 254", EXPR(A253 "a/a", "Exists", ""), "prefix part must be no more than 253 bytes"},
    {"blank in a value", EXPR("a", "In", "'x', 'y z'"),
     "values[1][a]: Invalid value: \"y z\": a valid label must be an empty string or consist of"},
    {"value of 64", "{'matchLabels': {'a': '" A63 "a'}}",
     "values[0][a]: Invalid value: \"" A63 "a\": must be no more than 63 bytes"},
    {"two rules broken at once", EXPR("b/", "Exists", ""),
     "key: Invalid value: \"b/\": name part must be non-empty; name part must consist of"},
    {"key and value", "{'matchLabels': {'': '-'}}", "[key: Invalid value: \"\": name part must be"},
    {"a value after a key", "{'matchLabels': {'a b': '-'}}",
     "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), values[0][a b]: Invalid value: \"-\": a valid"},
    {"value ends with a dash", EXPR("a", "In", "'x-'"),
     "a valid label must be an empty string or consist of"},
    {"second expression",
     "{'matchExpressions': [{'key': 'a', 'operator': 'Exists'}, {'key': 'b', 'operator': 'In'}]}",
     "values set can't be empty"},
};

static void test_checks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        CLEANUP(object_freep) struct object *o = selector_parse(checks[i].selector);
        CLEANUP(err_done) struct err err = {0};
        int r = selector_check(&o->pool.service_selectors.items[0], &err);

        if (r != (checks[i].error != NULL ? -EINVAL : 0))
            fail_msg("%s: %d %s", checks[i].name, r, err_text(&err));
        if (r < 0 && strstr(err_text(&err), checks[i].error) == NULL)
            fail_msg("%s: %s", checks[i].name, err_text(&err));
    }
}

static const struct {
    const char *name, *selector, *labels;
    bool want;
} matches[] = {
    {"everything", "{}", "", true},
    {"everything, with labels", "{}", "'a': 'b'", true},
    {"label", "{'matchLabels': {'a': 'b'}}", "'x': 'y', 'a': 'b'", true},
    {"other value", "{'matchLabels': {'a': 'b'}}", "'a': 'c'", false},
    {"case", "{'matchLabels': {'a': 'b'}}", "'A': 'b'", false},
    {"no label", "{'matchLabels': {'a': ''}}", "", false},
    {"empty value", "{'matchLabels': {'a': ''}}", "'a': ''", true},
    {"one of two labels", "{'matchLabels': {'a': 'b', 'c': 'd'}}", "'a': 'b'", false},
    {"In", EXPR("a", "In", "'x', 'y'"), "'a': 'y'", true},
    {"In: other", EXPR("a", "In", "'x', 'y'"), "'a': 'z'", false},
    {"In: absent", EXPR("a", "In", "'x', ''"), "", false},
    {"NotIn", EXPR("a", "NotIn", "'x'"), "'a': 'y'", true},
    {"NotIn: in", EXPR("a", "NotIn", "'x'"), "'a': 'x'", false},
    {"NotIn: absent", EXPR("a", "NotIn", "'x'"), "", true},
    {"Exists", EXPR("a", "Exists", ""), "'a': ''", true},
    {"Exists: absent", EXPR("a", "Exists", ""), "'b': ''", false},
    {"DoesNotExist", EXPR("a", "DoesNotExist", ""), "'b': ''", true},
    {"DoesNotExist: present", EXPR("a", "DoesNotExist", ""), "'a': 'x'", false},
    {"both parts",
     "{'matchLabels': {'a': 'b'}, 'matchExpressions': [{'key': 'c', 'operator': 'Exists'}]}",
     "'a': 'b', 'c': ''", true},
    {"one of both",
     "{'matchLabels': {'a': 'b'}, 'matchExpressions': [{'key': 'c', 'operator': 'Exists'}]}",
     "'a': 'b'", false},
    {"list: no selector", "", "'a': 'b'", false},
    {"list: the second", "{'matchLabels': {'a': 'x'}}, {'matchLabels': {'a': 'b'}}", "'a': 'b'",
     true},
    {"list: none", "{'matchLabels': {'a': 'x'}}, {'matchLabels': {'a': 'y'}}", "'a': 'b'", false},
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(matches); i++) {
        CLEANUP(object_freep) struct object *o = selector_parse(matches[i].selector);
        CLEANUP(object_freep) struct object *labelled = labels_parse(matches[i].labels);
        const struct selector_list *list = &o->pool.service_selectors;

        if (selector_list_matches(list, &labelled->meta.labels) != matches[i].want)
            fail_msg("%s", matches[i].name);
        if (list->count == 1 &&
            selector_matches(&list->items[0], &labelled->meta.labels) != matches[i].want)
            fail_msg("%s, without the list", matches[i].name);
    }
}

static const struct {
    const char *name, *selector, *go, *kubectl;
} prints[] = {
    {"empty", "{}", "{map[] []}", "everything"},
    {"labels", "{'matchLabels': {'b': '2', 'a': '1'}}", "{map[\"a\":\"1\" \"b\":\"2\"] []}",
     "a=1,b=2"},
    {"values are sorted", EXPR("k", "In", "'y', 'x'"), "{map[] [{\"k\" \"In\" [\"x\" \"y\"]}]}",
     "k in (x,y)"},
    {"no values", EXPR("k", "Exists", ""), "{map[] [{\"k\" \"Exists\" []}]}", "k"},
    {"all operators",
     "{'matchLabels': {'a': '1'}, 'matchExpressions': [{'key': 'd', 'operator': 'DoesNotExist'}, "
     "{'key': 'b', 'operator': 'NotIn', 'values': ['z']}]}",
     "{map[\"a\":\"1\"] [{\"d\" \"DoesNotExist\" []} {\"b\" \"NotIn\" [\"z\"]}]}",
     "a=1,!d,b notin (z)"},
};

static void test_prints(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(prints); i++) {
        CLEANUP(object_freep) struct object *o = selector_parse(prints[i].selector);
        CLEANUP(text_done) struct text go = {0}, kubectl = {0};

        selector_print(&go, &o->pool.service_selectors.items[0]);
        selector_print_short(&kubectl, &o->pool.service_selectors.items[0]);
        if (strcmp(text_str(&go), prints[i].go) != 0 ||
            strcmp(text_str(&kubectl), prints[i].kubectl) != 0)
            fail_msg("%s: %s, %s", prints[i].name, text_str(&go), text_str(&kubectl));
    }
}

/* Printing sorts a copy: the list keeps the user's order. */
static void test_print_changes_nothing(void **state)
{
    (void)state;
    CLEANUP(object_freep) struct object *o = selector_parse(EXPR("k", "In", "'y', 'x'"));
    CLEANUP(text_done) struct text t = {0};

    selector_expr_print(&t, &o->pool.service_selectors.items[0].exprs[0]);
    assert_string_equal(text_str(&t), "{\"k\" \"In\" [\"x\" \"y\"]}");
    assert_string_equal(o->pool.service_selectors.items[0].exprs[0].values.items[0], "y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_prints),
        cmocka_unit_test(test_print_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
