/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/json_split.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Bytes that mean something outside strings. All others are passed over without a look. */
enum byte_class { BYTE_OTHER, BYTE_LINE_END, BYTE_OPEN, BYTE_CLOSE, BYTE_QUOTE };

static const unsigned char byte_classes[256] = {
    ['\n'] = BYTE_LINE_END, ['{'] = BYTE_OPEN,  ['['] = BYTE_OPEN,
    ['}'] = BYTE_CLOSE,     [']'] = BYTE_CLOSE, ['"'] = BYTE_QUOTE,
};

struct json_cursor json_cursor_at(const char *name, struct json_span text)
{
    return (struct json_cursor){
        .name = name, .pos = text.text, .end = text.text + text.len, .line = text.line};
}

static int unexpected(const struct json_cursor *c, const char *wanted, struct err *err)
{
    if (c->pos == c->end)
        return err_set(err, -EBADMSG, "%s:%u: the text ends where %s is expected", c->name, c->line,
                       wanted);
    return err_set(err, -EBADMSG, "%s:%u: %s expected", c->name, c->line, wanted);
}

static void skip_blanks(struct json_cursor *c)
{
    for (; c->pos < c->end; c->pos++) {
        if (*c->pos == '\n')
            c->line++;
        else if (*c->pos != ' ' && *c->pos != '\t' && *c->pos != '\r')
            return;
    }
}

bool json_skip_blanks(struct json_cursor *c)
{
    skip_blanks(c);
    return c->pos < c->end;
}

static bool take(struct json_cursor *c, char wanted)
{
    if (c->pos == c->end || *c->pos != wanted)
        return false;
    c->pos++;
    return true;
}

/* From behind the opening quote to behind the closing one. */
static int skip_string(struct json_cursor *c, struct err *err)
{
    unsigned line = c->line;

    for (; c->pos < c->end; c->pos++) {
        if (*c->pos == '"') {
            c->pos++;
            return 0;
        }
        if (*c->pos == '\n')
            c->line++; /* no JSON; jansson says so */
        if (*c->pos == '\\' && c->end - c->pos > 1)
            c->pos++;
    }
    return err_set(err, -EBADMSG, "%s:%u: a string without its closing quote", c->name, line);
}

/* From a bracket to behind the one that closes it. Whether the two are of a kind is left to
 * jansson. */
static int skip_brackets(struct json_cursor *c, struct err *err)
{
    unsigned depth = 0, line = c->line;

    while (c->pos < c->end) {
        enum byte_class class = byte_classes[(unsigned char)*c->pos++];
        int r;

        switch (class) {
        case BYTE_OTHER:
            break;
        case BYTE_LINE_END:
            c->line++;
            break;
        case BYTE_OPEN:
            if (++depth > JSON_DEPTH_MAX)
                return err_set(err, -EBADMSG, "%s:%u: nested more than %d deep", c->name, c->line,
                               JSON_DEPTH_MAX);
            break;
        case BYTE_CLOSE:
            if (--depth == 0)
                return 0;
            break;
        case BYTE_QUOTE:
            r = skip_string(c, err);
            if (r < 0)
                return r;
            break;
        }
    }
    return err_set(err, -EBADMSG, "%s:%u: a bracket is not closed", c->name, line);
}

/* Numbers, true, false, null, and whatever else stands there. */
static void skip_word(struct json_cursor *c)
{
    while (c->pos < c->end && strchr(" \t\r\n,:[]{}\"", *c->pos) == NULL)
        c->pos++;
}

/* The value at the cursor, which stands on no blank. */
static int span_value(struct json_cursor *c, struct json_span *ret, struct err *err)
{
    struct json_span span = {.text = c->pos, .line = c->line};
    int r = 0;

    if (c->pos < c->end && (*c->pos == '{' || *c->pos == '['))
        r = skip_brackets(c, err);
    else if (take(c, '"'))
        r = skip_string(c, err);
    else
        skip_word(c);
    if (r < 0)
        return r;
    if (c->pos == span.text)
        return unexpected(c, "a value", err);
    span.len = (size_t)(c->pos - span.text);
    span.lines = c->line - span.line;
    *ret = span;
    return 0;
}

int json_open(struct json_cursor *c, char bracket, struct err *err)
{
    skip_blanks(c);
    if (!take(c, bracket))
        return unexpected(c, bracket == '{' ? "\"{\"" : "\"[\"", err);
    c->has_previous = false;
    return 0;
}

/* To the next element: past the comma that must stand between two. 0 past the closing bracket. */
static int to_element(struct json_cursor *c, char close, struct err *err)
{
    skip_blanks(c);
    if (take(c, close))
        return 0;
    if (c->has_previous && !take(c, ','))
        return unexpected(c, close == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"", err);
    skip_blanks(c);
    c->has_previous = true;
    return 1;
}

int json_next_item(struct json_cursor *c, struct json_span *ret, struct err *err)
{
    int r = to_element(c, ']', err);

    if (r <= 0)
        return r;
    r = span_value(c, ret, err);
    return r < 0 ? r : 1;
}

int json_next_member(struct json_cursor *c, struct json_span *ret_key, struct json_span *ret_value,
                     struct err *err)
{
    struct json_span key, value;
    int r = to_element(c, '}', err);

    if (r <= 0)
        return r;
    if (c->pos == c->end || *c->pos != '"')
        return unexpected(c, "a key in quotes", err);
    r = span_value(c, &key, err);
    if (r < 0)
        return r;
    skip_blanks(c);
    if (!take(c, ':'))
        return unexpected(c, "\":\"", err);
    skip_blanks(c);
    r = span_value(c, &value, err);
    if (r < 0)
        return r;
    *ret_key = key;
    *ret_value = value;
    return 1;
}
