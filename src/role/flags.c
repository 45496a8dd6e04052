/* SPDX-License-Identifier: Apache-2.0 */
/* As the package flag of Go: its rules and its texts. */
#include "role/flags.h"

#include "base/macro.h"
#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *program;
    const struct flag *flags;
    size_t count;
    char **args, **end; /* what is left to read */
};

enum outcome { OUTCOME_GO_ON, OUTCOME_END, OUTCOME_HELP, OUTCOME_BAD };

/* --- usage --- */

/* The word in back quotes names the value; without one it is the type. */
static void add_value_name(struct text *out, const struct flag *f)
{
    const char *open = strchr(f->help, '`'), *close = open == NULL ? NULL : strchr(open + 1, '`');

    if (close != NULL) {
        text_add(out, " ");
        text_add_n(out, open + 1, (size_t)(close - open - 1));
    } else if (f->kind != FLAG_BOOL) {
        text_add(out, f->kind == FLAG_INT ? " int" : " string");
    }
}

static void add_help(struct text *out, const char *help)
{
    const char *open = strchr(help, '`'), *close = open == NULL ? NULL : strchr(open + 1, '`');

    for (const char *p = help; *p != '\0'; p++) {
        if (close != NULL && (p == open || p == close))
            continue;
        if (*p == '\n')
            text_add(out, "\n    \t");
        else
            text_add_n(out, p, 1);
    }
}

/* The zero values of the types are no default worth telling. */
static void add_default(struct text *out, const struct flag *f)
{
    switch (f->kind) {
    case FLAG_STRING:
        if (str_empty(*(const char **)f->value))
            return;
        text_add(out, " (default ");
        text_quote(out, *(const char **)f->value);
        text_add(out, ")");
        return;
    case FLAG_BOOL:
        if (*(bool *)f->value)
            text_add(out, " (default true)");
        return;
    case FLAG_INT:
        if (*(int64_t *)f->value != 0)
            text_printf(out, " (default %" PRId64 ")", *(int64_t *)f->value);
        return;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct flag *const *)a)->name, (*(const struct flag *const *)b)->name);
}

/* All defaults as they are before the first argument is read. */
static char *usage(const struct parser *p)
{
    CLEANUP(xfreep) const struct flag **sorted = xcalloc(p->count, sizeof(*sorted));
    struct text out = {0};

    for (size_t i = 0; i < p->count; i++)
        sorted[i] = &p->flags[i];
    qsort(sorted, p->count, sizeof(*sorted), by_name);

    text_printf(&out, "Usage of %s:\n", p->program);
    for (size_t i = 0; i < p->count; i++) {
        size_t line = out.len;

        text_printf(&out, "  -%s", sorted[i]->name);
        add_value_name(&out, sorted[i]);
        text_add(&out, out.len - line <= strlen("  -x") ? "\t" : "\n    \t");
        add_help(&out, sorted[i]->help);
        add_default(&out, sorted[i]);
        text_add(&out, "\n");
    }
    return text_take(&out);
}

/* --- values --- */

static bool parse_bool(bool *ret, const char *s)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (str_eq(s, yes[i]) || str_eq(s, no[i])) {
            *ret = str_eq(s, yes[i]);
            return true;
        }
    }
    return false;
}

/* The base that the prefix says; *s is behind it. */
static unsigned take_base(const char **s)
{
    static const struct {
        char letter;
        unsigned base;
    } prefixes[] = {{'x', 16}, {'o', 8}, {'b', 2}};

    if ((*s)[0] != '0' || (*s)[1] == '\0')
        return 10;
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        if (tolower((unsigned char)(*s)[1]) == prefixes[i].letter) {
            *s += 2;
            return prefixes[i].base;
        }
    }
    *s += 1;
    return 8;
}

/* strconv.ParseInt(s, 0, 64): 0 or -EINVAL or -ERANGE. An underscore stands between digits, or
 * between the prefix and a digit. What does not fit into 64 bits is out of range even if something
 * else follows. */
NODISCARD static int parse_int(int64_t *ret, const char *s)
{
    bool negative = *s == '-', after_digit, is_bad = false;
    const char *digits = s + (*s == '-' || *s == '+');
    const char *p = digits;
    unsigned base = take_base(&p);
    uint64_t n = 0;

    after_digit = p != digits;
    if (*p == '\0')
        return -EINVAL;
    for (; *p != '\0'; p++) {
        unsigned digit = (unsigned)hex_digit(*p);

        if (*p == '_') {
            is_bad |= !after_digit;
            after_digit = false;
            continue;
        }
        after_digit = true;
        if (digit >= base)
            return -EINVAL;
        if (n > (UINT64_MAX - digit) / base)
            return -ERANGE;
        n = n * base + digit;
    }
    if (is_bad || !after_digit)
        return -EINVAL;
    if (n > (uint64_t)INT64_MAX + negative)
        return -ERANGE;
    *ret = (int64_t)(negative ? 0 - n : n);
    return 0;
}

/* --- the command line --- */

PRINTF_LIKE(1, 2) static enum outcome complain(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap); /* there is nowhere else to tell that this failed */
    va_end(ap);
    (void)fputc('\n', stderr);
    return OUTCOME_BAD;
}

static enum outcome complain_value(const struct flag *f, const char *value, const char *why)
{
    CLEANUP(text_done) struct text quoted = {0};

    text_quote(&quoted, value);
    if (f->kind == FLAG_BOOL)
        return complain("invalid boolean value %s for -%s: %s", text_str(&quoted), f->name, why);
    return complain("invalid value %s for flag -%s: %s", text_str(&quoted), f->name, why);
}

static enum outcome set_value(const struct flag *f, const char *value)
{
    int r = 0;

    switch (f->kind) {
    case FLAG_STRING:
        *(const char **)f->value = value;
        break;
    case FLAG_BOOL:
        r = parse_bool(f->value, value) ? 0 : -EINVAL;
        break;
    case FLAG_INT:
        r = parse_int(f->value, value);
        break;
    }
    if (r < 0)
        return complain_value(f, value, r == -ERANGE ? "value out of range" : "parse error");
    return OUTCOME_GO_ON;
}

static const struct flag *flag_find(const struct parser *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strlen(p->flags[i].name) == len && memcmp(p->flags[i].name, name, len) == 0)
            return &p->flags[i];
    }
    return NULL;
}

/* `name` is behind the dashes; `value` NULL: none was given with "=". */
static enum outcome parse_flag(struct parser *p, const char *name, size_t len, const char *value)
{
    const struct flag *f = flag_find(p, name, len);

    if (f == NULL) {
        if ((len == 1 && *name == 'h') || (len == 4 && memcmp(name, "help", 4) == 0))
            return OUTCOME_HELP;
        return complain("flag provided but not defined: -%.*s", (int)len, name);
    }
    if (value == NULL && f->kind == FLAG_BOOL)
        return set_value(f, "true");
    if (value == NULL && p->args < p->end)
        value = *p->args++;
    if (value == NULL)
        return complain("flag needs an argument: -%s", f->name);
    return set_value(f, value);
}

static enum outcome parse_one(struct parser *p)
{
    const char *arg, *name, *equals;

    if (p->args == p->end || (*p->args)[0] != '-' || (*p->args)[1] == '\0')
        return OUTCOME_END;
    arg = *p->args++;
    if (str_eq(arg, "--"))
        return OUTCOME_END;
    name = arg + (arg[1] == '-' ? 2 : 1);
    if (*name == '-' || *name == '=')
        return complain("bad flag syntax: %s", arg);
    equals = strchr(name, '=');
    return parse_flag(p, name, equals == NULL ? strlen(name) : (size_t)(equals - name),
                      equals == NULL ? NULL : equals + 1);
}

static void take_environment(const struct flag *flags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = flags[i].env == NULL ? NULL : getenv(flags[i].env);

        if (flags[i].kind == FLAG_STRING && !str_empty(value))
            *(const char **)flags[i].value = value;
    }
}

int flags_parse(const char *program, const struct flag *flags, size_t count, int argc, char **argv,
                int *ret_exit)
{
    struct parser p = {.program = program,
                       .flags = flags,
                       .count = count,
                       .args = argv + (argc > 0),
                       .end = argv + argc};
    CLEANUP(xfreep) char *help = NULL;
    enum outcome outcome;

    take_environment(flags, count);
    help = usage(&p);
    do {
        outcome = parse_one(&p);
    } while (outcome == OUTCOME_GO_ON);
    if (outcome == OUTCOME_END)
        return 0;
    (void)fputs(help, stderr); /* as above */
    *ret_exit = outcome == OUTCOME_HELP ? 0 : 2;
    return -1;
}
