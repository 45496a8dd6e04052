/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_done(struct text *t)
{
    free(t->chars);
    *t = (struct text){0};
}

void text_add_n(struct text *t, const char *s, size_t len)
{
    t->chars = array_grow(t->chars, &t->cap, t->len + len + 1, 1);
    if (len > 0)
        memcpy(t->chars + t->len, s, len);
    t->len += len;
    t->chars[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
    text_add_n(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
    CLEANUP(xfreep) char *piece = NULL;
    va_list ap;

    va_start(ap, fmt);
    piece = xvasprintf(fmt, ap);
    va_end(ap);
    text_add(t, piece);
}

static void quote_char(struct text *t, unsigned char c)
{
    switch (c) {
    case '"':
        text_add(t, "\\\"");
        return;
    case '\\':
        text_add(t, "\\\\");
        return;
    case '\a':
        text_add(t, "\\a");
        return;
    case '\b':
        text_add(t, "\\b");
        return;
    case '\f':
        text_add(t, "\\f");
        return;
    case '\n':
        text_add(t, "\\n");
        return;
    case '\r':
        text_add(t, "\\r");
        return;
    case '\t':
        text_add(t, "\\t");
        return;
    case '\v':
        text_add(t, "\\v");
        return;
    default:
        if (c < 0x20 || c == 0x7f)
            text_printf(t, "\\x%02x", c);
        else
            text_add_n(t, (const char *)&c, 1);
    }
}

void text_quote(struct text *t, const char *s)
{
    text_add(t, "\"");
    if (s == NULL)
        text_add(t, "<nil>");
    for (; s != NULL && *s != '\0'; s++)
        quote_char(t, (unsigned char)*s);
    text_add(t, "\"");
}

const char *text_str(const struct text *t)
{
    return t->chars != NULL ? t->chars : "";
}

char *text_take(struct text *t)
{
    char *chars = t->chars != NULL ? t->chars : xstrdup("");

    *t = (struct text){0};
    return chars;
}

void str_replace_controls(char *s)
{
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];

        if ((c < 0x20 && c != '\n') || c == 0x7f)
            *s = '?';
        else if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
            s[0] = s[1] = '?';
    }
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool str_eq(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

bool str_empty(const char *s)
{
    return s == NULL || *s == '\0';
}

int str_cmp_ptr(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}
