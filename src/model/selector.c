/* SPDX-License-Identifier: Apache-2.0 */
#include "model/selector.h"

#include "model/dns_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Kubernetes' limit on label names and values. */
#define LABEL_NAME_MAX 63

enum selector_op { OP_IN, OP_NOT_IN, OP_EXISTS, OP_DOES_NOT_EXIST, OP_UNKNOWN };

static enum selector_op op_of(const char *name)
{
    static const char *const names[] = {
        [OP_IN] = "In",
        [OP_NOT_IN] = "NotIn",
        [OP_EXISTS] = "Exists",
        [OP_DOES_NOT_EXIST] = "DoesNotExist",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum selector_op)i;
    }
    return OP_UNKNOWN;
}

/* --- checks, in the words of Kubernetes (validation.IsQualifiedName, labels.NewRequirement) --- */

#define NAME_RULE                                                                                  \
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "    \
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "         \
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define VALUE_RULE                                                                                 \
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "    \
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "             \
    "'my_value',  or '12345', regex used for validation is "                                       \
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define SUBDOMAIN_RULE                                                                             \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "   \
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "  \
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

/* Texts that become one, with a separator between them. */
struct texts {
    struct text joined;
    size_t count;
};

static void texts_done(struct texts *t)
{
    text_done(&t->joined);
}

/* Whoever calls it writes one text next. */
static struct text *texts_next(struct texts *t, const char *separator)
{
    if (t->count > 0)
        text_add(&t->joined, separator);
    t->count++;
    return &t->joined;
}

static void add_rule(struct texts *broken, const char *part, const char *rule)
{
    text_printf(texts_next(broken, "; "), "%s%s", part, rule);
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool is_label_name(const char *s)
{
    size_t len = strlen(s);

    for (size_t i = 0; i < len; i++) {
        bool edge = i == 0 || i == len - 1;

        if (!isalnum((unsigned char)s[i]) && (edge || strchr("-_.", s[i]) == NULL))
            return false;
    }
    return len > 0;
}

static void check_prefix(struct texts *broken, const char *prefix, size_t len)
{
    if (len == 0)
        add_rule(broken, "prefix part ", "must be non-empty");
    else if (len > DNS_SUBDOMAIN_MAX)
        text_printf(texts_next(broken, "; "), "prefix part must be no more than %d bytes",
                    DNS_SUBDOMAIN_MAX);
    else if (!dns_is_subdomain(prefix, len))
        add_rule(broken, "prefix part ", SUBDOMAIN_RULE);
}

static void check_name(struct texts *broken, const char *name)
{
    if (*name == '\0')
        add_rule(broken, "name part ", "must be non-empty");
    else if (strlen(name) > LABEL_NAME_MAX)
        text_printf(texts_next(broken, "; "), "name part must be no more than %d bytes",
                    LABEL_NAME_MAX);
    if (!is_label_name(name))
        add_rule(broken, "name part ", NAME_RULE);
}

static void check_key(struct texts *faults, const char *key)
{
    CLEANUP(texts_done) struct texts broken = {0};
    const char *slash = strchr(key, '/');
    struct text *t;

    if (slash != NULL && strchr(slash + 1, '/') != NULL) {
        add_rule(&broken, "a valid label key ",
                 NAME_RULE " with an optional DNS subdomain prefix and '/' (e.g. "
                           "'example.com/MyName')");
    } else {
        if (slash != NULL)
            check_prefix(&broken, key, (size_t)(slash - key));
        check_name(&broken, slash != NULL ? slash + 1 : key);
    }
    if (broken.count == 0)
        return;
    t = texts_next(faults, ", ");
    text_add(t, "key: Invalid value: ");
    text_quote(t, key);
    text_printf(t, ": %s", text_str(&broken.joined));
}

static void check_value(struct texts *faults, const char *key, size_t index, const char *value)
{
    CLEANUP(texts_done) struct texts broken = {0};
    struct text *t;

    if (strlen(value) > LABEL_NAME_MAX)
        text_printf(texts_next(&broken, "; "), "must be no more than %d bytes", LABEL_NAME_MAX);
    if (*value != '\0' && !is_label_name(value))
        add_rule(&broken, "", VALUE_RULE);
    if (broken.count == 0)
        return;
    t = texts_next(faults, ", ");
    text_printf(t, "values[%zu][%s]: Invalid value: ", index, key);
    text_quote(t, value);
    text_printf(t, ": %s", text_str(&broken.joined));
}

static void refuse_values(struct texts *faults, const struct string_list *values, const char *rule)
{
    struct text *t = texts_next(faults, ", ");

    text_add(t, "values: Invalid value: ");
    if (values->count == 0)
        text_add(t, "null");
    for (size_t i = 0; i < values->count; i++) {
        text_add(t, i == 0 ? "[" : ",");
        text_quote(t, values->items[i]);
    }
    text_printf(t, "%s: %s", values->count > 0 ? "]" : "", rule);
}

/* What is wrong with one requirement is one error, however much it is. */
static int requirement_error(struct err *err, const struct texts *faults)
{
    if (faults->count == 0)
        return 0;
    return err_set(err, -EINVAL, faults->count > 1 ? "[%s]" : "%s", text_str(&faults->joined));
}

static int check_label(const struct label *l, struct err *err)
{
    CLEANUP(texts_done) struct texts faults = {0};

    check_key(&faults, l->key);
    check_value(&faults, l->key, 0, l->value);
    return requirement_error(err, &faults);
}

static int check_expr(const struct selector_expr *e, struct err *err)
{
    CLEANUP(texts_done) struct texts faults = {0};
    enum selector_op op = op_of(e->op);

    if (op == OP_UNKNOWN)
        return err_set(err, -EINVAL, "\"%s\" is not a valid label selector operator", e->op);
    check_key(&faults, e->key);
    if ((op == OP_IN || op == OP_NOT_IN) && e->values.count == 0)
        refuse_values(&faults, &e->values,
                      "for 'in', 'notin' operators, values set can't be empty");
    if ((op == OP_EXISTS || op == OP_DOES_NOT_EXIST) && e->values.count > 0)
        refuse_values(&faults, &e->values,
                      "values set must be empty for exists and does not exist");
    for (size_t i = 0; i < e->values.count; i++)
        check_value(&faults, e->key, i, e->values.items[i]);
    return requirement_error(err, &faults);
}

int selector_check(const struct selector *s, struct err *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->labels.count; i++)
        r = check_label(&s->labels.items[i], err);
    for (size_t i = 0; r == 0 && i < s->expr_count; i++)
        r = check_expr(&s->exprs[i], err);
    return r;
}

static bool expr_matches(const struct selector_expr *e, const struct label_set *labels)
{
    const char *value = label_find(labels, e->key);

    switch (op_of(e->op)) {
    case OP_IN:
        return value != NULL && string_list_has(&e->values, value);
    case OP_NOT_IN:
        return value == NULL || !string_list_has(&e->values, value);
    case OP_EXISTS:
        return value != NULL;
    case OP_DOES_NOT_EXIST:
        return value == NULL;
    case OP_UNKNOWN:
        return false;
    }
    return false;
}

bool selector_matches(const struct selector *s, const struct label_set *labels)
{
    for (size_t i = 0; i < s->labels.count; i++) {
        if (!str_eq(label_find(labels, s->labels.items[i].key), s->labels.items[i].value))
            return false;
    }
    for (size_t i = 0; i < s->expr_count; i++) {
        if (!expr_matches(&s->exprs[i], labels))
            return false;
    }
    return true;
}

bool selector_list_matches(const struct selector_list *list, const struct label_set *labels)
{
    for (size_t i = 0; i < list->count; i++) {
        if (selector_matches(&list->items[i], labels))
            return true;
    }
    return false;
}

/* A sorted copy of the values, for printing; the list itself keeps the user's order. */
static const char **sorted_values(const struct string_list *values)
{
    const char **sorted = xcalloc(values->count, sizeof(*sorted));

    for (size_t i = 0; i < values->count; i++)
        sorted[i] = values->items[i];
    qsort(sorted, values->count, sizeof(*sorted), str_cmp_ptr);
    return sorted;
}

void selector_expr_print(struct text *t, const struct selector_expr *e)
{
    CLEANUP(xfreep) const char **values = sorted_values(&e->values);

    text_add(t, "{");
    text_quote(t, e->key);
    text_add(t, " ");
    text_quote(t, e->op);
    text_add(t, " [");
    for (size_t i = 0; i < e->values.count; i++) {
        if (i > 0)
            text_add(t, " ");
        text_quote(t, values[i]);
    }
    text_add(t, "]}");
}

void selector_print(struct text *t, const struct selector *s)
{
    text_add(t, "{map[");
    for (size_t i = 0; i < s->labels.count; i++) {
        if (i > 0)
            text_add(t, " ");
        text_quote(t, s->labels.items[i].key);
        text_add(t, ":");
        text_quote(t, s->labels.items[i].value);
    }
    text_add(t, "] [");
    for (size_t i = 0; i < s->expr_count; i++) {
        if (i > 0)
            text_add(t, " ");
        selector_expr_print(t, &s->exprs[i]);
    }
    text_add(t, "]}");
}

static void expr_print_short(struct text *t, const struct selector_expr *e)
{
    CLEANUP(xfreep) const char **values = sorted_values(&e->values);
    enum selector_op op = op_of(e->op);

    text_printf(t, "%s%s", op == OP_DOES_NOT_EXIST ? "!" : "", e->key);
    if (op == OP_EXISTS || op == OP_DOES_NOT_EXIST)
        return;
    text_add(t, op == OP_NOT_IN ? " notin (" : " in (");
    for (size_t i = 0; i < e->values.count; i++)
        text_printf(t, "%s%s", i > 0 ? "," : "", values[i]);
    text_add(t, ")");
}

void selector_print_short(struct text *t, const struct selector *s)
{
    const char *comma = "";

    for (size_t i = 0; i < s->labels.count; i++, comma = ",")
        text_printf(t, "%s%s=%s", comma, s->labels.items[i].key, s->labels.items[i].value);
    for (size_t i = 0; i < s->expr_count; i++, comma = ",") {
        text_add(t, comma);
        expr_print_short(t, &s->exprs[i]);
    }
    if (*comma == '\0')
        text_add(t, "everything");
}
