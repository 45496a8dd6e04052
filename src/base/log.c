/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/macro.h"
#include "base/text.h"

#include <inttypes.h>
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
} sink = {.level = LOG_INFO};

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

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
    CLEANUP(text_done) struct text line = {0};
    time_t now = time(NULL);
    char stamp[32] = "";
    struct tm tm;

    if (level > sink.level)
        return;
    if (gmtime_r(&now, &tm) != NULL)
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
    text_printf(&line, "%s %s %s", stamp, level_names[level], message);
    for (const struct log_field *f = fields; f->kind != LOG_FIELD_END; f++) {
        text_printf(&line, " %s=", f->name);
        add_value(&line, f);
    }
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
