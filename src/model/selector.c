/* SPDX-License-Identifier: Apache-2.0 */
#include "model/selector.h"

#include "model/dns_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Kubernetes' limit on label names and values (validation.IsQualifiedName, IsValidLabelValue). */
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

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool is_label_name(const char *s, size_t len)
{
    if (len == 0 || len > LABEL_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool edge = i == 0 || i == len - 1;

        if (!isalnum((unsigned char)s[i]) && (edge || strchr("-_.", s[i]) == NULL))
            return false;
    }
    return true;
}

static int check_key(const char *key, struct err *err)
{
    const char *slash = strchr(key, '/');
    const char *name = slash != NULL ? slash + 1 : key;

    if (slash != NULL && !dns_is_subdomain(key, (size_t)(slash - key)))
        return err_set(
            err, -EINVAL,
            "key: Invalid value: \"%s\": prefix part a lowercase RFC 1123 subdomain must "
            "consist of lower case alphanumeric characters, '-' or '.'",
            key);
    if (*name == '\0')
        return err_set(err, -EINVAL, "key: Invalid value: \"%s\": name part must be non-empty",
                       key);
    if (!is_label_name(name, strlen(name)))
        return err_set(
            err, -EINVAL,
            "key: Invalid value: \"%s\": name part must consist of alphanumeric characters, "
            "'-', '_' or '.', and must start and end with an alphanumeric character, no "
            "more than 63 characters",
            key);
    return 0;
}

static int check_value(const char *value, struct err *err)
{
    if (*value != '\0' && !is_label_name(value, strlen(value)))
        return err_set(
            err, -EINVAL,
            "values: Invalid value: \"%s\": a valid label must be an empty string or consist "
            "of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character, no more than 63 characters",
            value);
    return 0;
}

static int check_expr(const struct selector_expr *e, struct err *err)
{
    int r = 0;

    switch (op_of(e->op)) {
    case OP_IN:
    case OP_NOT_IN:
        if (e->values.count == 0)
            return err_set(
                err, -EINVAL,
                "values: Invalid value: []: for 'in', 'notin' operators, values set can't be "
                "empty");
        break;
    case OP_EXISTS:
    case OP_DOES_NOT_EXIST:
        if (e->values.count > 0)
            return err_set(
                err, -EINVAL,
                "values: Invalid value: values set must be empty for exists and does not "
                "exist");
        break;
    case OP_UNKNOWN:
        return err_set(err, -EINVAL, "\"%s\" is not a valid label selector operator", e->op);
    }
    r = check_key(e->key, err);
    for (size_t i = 0; r == 0 && i < e->values.count; i++)
        r = check_value(e->values.items[i], err);
    return r;
}

int selector_check(const struct selector *s, struct err *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->labels.count; i++) {
        r = check_key(s->labels.items[i].key, err);
        if (r == 0)
            r = check_value(s->labels.items[i].value, err);
    }
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
