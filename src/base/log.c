/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/fd.h"
#include "base/macro.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

/* The log sink is the one global of the house. */
static struct {
    enum log_level level;
    enum log_format format;
    bool silent;
} sink = {.level = LOG_INFO};

enum { JSON_FIELDS_MAX = 24 };

void log_set_format(enum log_format format)
{
    sink.format = format;
}

void log_set_silent(void)
{
    sink.silent = true;
}

void log_set_level(enum log_level most_verbose)
{
    sink.level = most_verbose;
}

bool log_parse_level(enum log_level *ret, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool needs_quotes(const char *s)
{
    if (*s == '\0')
        return true;
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s <= ' ' || *s == '"' || *s == '=' || *s == 0x7f)
            return true;
    }
    return false;
}

static void add_value(struct text *line, const struct log_field *f)
{
    const char *s = f->s != NULL ? f->s : "-";

    switch (f->kind) {
    case LOG_FIELD_STRING:
        if (needs_quotes(s))
            text_quote(line, s);
        else
            text_add(line, s);
        return;
    case LOG_FIELD_UINT:
        text_printf(line, "%" PRIu64, f->u);
        return;
    case LOG_FIELD_INT:
        text_printf(line, "%" PRId64, f->i);
        return;
    case LOG_FIELD_END:
        return;
    }
}

/* Length of the UTF-8 character that begins here; 0 when it is none. */
static size_t utf8_len(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t len = u[0] < 0x80 ? 1 : (u[0] & 0xe0) == 0xc0 ? 2 : (u[0] & 0xf0) == 0xe0 ? 3 : 4;

    if (u[0] >= 0xf8 || (u[0] >= 0x80 && u[0] < 0xc2))
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

static void add_text_line(struct text *line, enum log_level level, const char *stamp,
                          const char *message, const struct log_field *fields)
{
    text_printf(line, "%s %s", stamp, level_names[level]);
    if (*message != '\0')
        text_printf(line, " %s", message);
    for (const struct log_field *f = fields; f->kind != LOG_FIELD_END; f++) {
        text_printf(line, " %s=", f->name);
        add_value(line, f);
    }
}

/* RFC 8259: quotes, backslashes and control characters are escaped. Bytes that are no UTF-8 become
 * U+FFFD, so that a line stays a line of JSON whatever a peer sent. */
static void add_json_string(struct text *line, const char *s)
{
    text_add(line, "\"");
    while (*s != '\0') {
        unsigned char c = (unsigned char)*s;
        size_t len = utf8_len(s);

        if (len == 0) {
            text_add(line, "\\ufffd");
            s++;
        } else if (c == '"' || c == '\\') {
            text_printf(line, "\\%c", c);
            s++;
        } else if (c == '\n') {
            text_add(line, "\\n");
            s++;
        } else if (c < ' ') {
            text_printf(line, "\\u%04x", c);
            s++;
        } else {
            text_add_n(line, s, len);
            s += len;
        }
    }
    text_add(line, "\"");
}

static int by_field_name(const void *x, const void *y)
{
    const struct log_field *a = x, *b = y;

    return strcmp(a->name, b->name);
}

/* A name that is given twice has its last value, as in MetalLB. */
static void add_json_line(struct text *line, const struct log_field *all, size_t count)
{
    struct log_field sorted[JSON_FIELDS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        size_t at = 0;

        while (at < n && strcmp(sorted[at].name, all[i].name) != 0)
            at++;
        sorted[at] = all[i];
        n += at == n;
    }
    qsort(sorted, n, sizeof(sorted[0]), by_field_name);
    for (size_t i = 0; i < n; i++) {
        text_add(line, i == 0 ? "{" : ",");
        add_json_string(line, sorted[i].name);
        text_add(line, ":");
        if (sorted[i].kind == LOG_FIELD_STRING)
            add_json_string(line, sorted[i].s != NULL ? sorted[i].s : "");
        else
            add_value(line, &sorted[i]);
    }
    text_add(line, "}");
}

static void write_json(enum log_level level, const char *caller, const char *stamp,
                       const char *message, const struct log_field *fields)
{
    CLEANUP(text_done) struct text line = {0};
    struct log_field all[JSON_FIELDS_MAX] = {
        F_S("caller", caller),
        F_S("level", level_names[level]),
        F_S("ts", stamp),
    };
    size_t n = 3;

    if (*message != '\0')
        all[n++] = (struct log_field)F_S("msg", message);
    for (; fields->kind != LOG_FIELD_END && n < JSON_FIELDS_MAX; fields++)
        all[n++] = *fields;
    add_json_line(&line, all, n);
    text_add(&line, "\n");
    if (fd_write_all(STDOUT_FILENO, line.chars, line.len) < 0)
        return; /* nowhere to complain */
}

void log_write(enum log_level level, const char *caller, const char *message,
               const struct log_field *fields)
{
    CLEANUP(text_done) struct text line = {0};
    time_t now = time(NULL);
    char stamp[32] = "";
    struct tm tm;

    if (sink.silent || level > sink.level)
        return;
    if (gmtime_r(&now, &tm) != NULL)
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (sink.format == LOG_FORMAT_JSON) {
        write_json(level, caller, stamp, message, fields);
        return;
    }
    add_text_line(&line, level, stamp, message, fields);
    text_add(&line, "\n");
    if (write(STDERR_FILENO, line.chars, line.len) < 0)
        return; /* a log that cannot be written has nowhere to complain */
}

bool log_limit_pass(struct log_limit *l, int64_t now_ns, int64_t interval_ns)
{
    if (now_ns < l->next_ns) {
        l->swallowed++;
        return false;
    }
    l->next_ns = now_ns + interval_ns;
    l->suppressed = l->swallowed;
    l->swallowed = 0;
    return true;
}
