/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_body.h"

#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { INT_DIGITS = 18 }; /* any integer of so many digits fits into int64 */

/* Of a string, escapes included: `p` is at its opening quote. The end of the text if it is cut off.
 */
static const char *string_end(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
        else if (*p == '"')
            return p + 1;
    }
    return end;
}

static const char *digits_end(const char *p, const char *end)
{
    while (p < end && isdigit((unsigned char)*p))
        p++;
    return p;
}

/* RFC 8259 section 6; NULL when there is no number at `p`. */
static const char *number_end(const char *p, const char *end)
{
    const char *digits;

    if (p < end && *p == '-')
        p++;
    digits = p;
    p = digits_end(p, end);
    if (p == digits || (*digits == '0' && p - digits > 1))
        return NULL;
    if (p < end && *p == '.') {
        digits = p + 1;
        p = digits_end(digits, end);
        if (p == digits)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        digits = p + 1;
        if (digits < end && (*digits == '+' || *digits == '-'))
            digits++;
        p = digits_end(digits, end);
        if (p == digits)
            return NULL;
    }
    return p;
}

static bool is_kept_by_jansson(const char *number, size_t len)
{
    if (number[0] == '-') {
        number++;
        len--;
        if (number[0] == '0')
            return false; /* -0 would become 0 */
    }
    return len <= INT_DIGITS && digits_end(number, number + len) == number + len;
}

/* A control character stands in JSON only as an escape, so one that is nowhere in the text can mark
 * what we add. Those with a short escape (\b to \r) are left out. 0: all are there. */
static char free_mark(const char *bytes, size_t len)
{
    uint32_t used = 0;

    for (size_t i = 0; i + 6 <= len; i++) {
        const char *p = bytes + i;
        char hex[3] = {p[4], p[5], '\0'};

        if (memcmp(p, "\\u00", 4) == 0 && (p[4] == '0' || p[4] == '1') &&
            isxdigit((unsigned char)p[5]))
            used |= UINT32_C(1) << strtoul(hex, NULL, 16);
    }
    for (char c = 0x0e; c < 0x20; c++) {
        if ((used & UINT32_C(1) << c) == 0)
            return c;
    }
    return 0;
}

/* The text with its delicate numbers as marked strings. False when a mark is needed and none is
 * free. */
static bool protect_numbers(struct text *out, char *ret_mark, const char *bytes, size_t len)
{
    const char *end = bytes + len, *from = bytes, *p = bytes;
    char mark = 0;

    while (p < end) {
        const char *stop;

        if (*p == '"') {
            p = string_end(p, end);
            continue;
        }
        stop = *p == '-' || isdigit((unsigned char)*p) ? number_end(p, end) : NULL;
        if (stop == NULL) {
            p++;
            continue;
        }
        if (!is_kept_by_jansson(p, (size_t)(stop - p))) {
            if (mark == 0)
                mark = free_mark(bytes, len);
            if (mark == 0)
                return false;
            text_add_n(out, from, (size_t)(p - from));
            text_printf(out, "\"\\u%04X%.*s\"", (unsigned)mark, (int)(stop - p), p);
            from = stop;
        }
        p = stop;
    }
    text_add_n(out, from, (size_t)(end - from));
    *ret_mark = mark;
    return true;
}

int kube_body_read(struct kube_body *ret, const char *bytes, size_t len, struct err *err)
{
    struct text protected = {0};
    struct kube_body j = {0};
    json_error_t error = {.text = "numbers that cannot be kept"};

    if (protect_numbers(&protected, &j.mark, bytes, len))
        j.value = json_loadb(text_str(&protected), protected.len, JSON_ALLOW_NUL, &error);
    text_done(&protected);
    if (!json_is_object(j.value)) {
        json_decref(j.value);
        return err_set(err, -EBADMSG, "not a JSON object: %s", error.text);
    }
    *ret = j;
    return 0;
}

void kube_body_done(struct kube_body *j)
{
    json_decref(j->value);
    *j = (struct kube_body){0};
}

/* Of the string at `p`, if it is a marked number: where the number begins; else NULL. */
static const char *marked_number(const char *p, const char *end, char mark)
{
    char escape[sizeof("\"\\u0000")] = "";
    size_t len = sizeof(escape) - 1;

    if (mark == 0 || (size_t)(end - p) < len + 1)
        return NULL;
    (void)snprintf(escape, sizeof(escape), "\"\\u%04X", (unsigned char)mark); /* it fits */
    if (memcmp(p, escape, len) != 0 || number_end(p + len, end) != end - 1)
        return NULL;
    return p + len;
}

char *kube_body_write(const struct kube_body *j, size_t *ret_len)
{
    CLEANUP(xfreep) char *dump = json_dumps(j->value, JSON_COMPACT);
    struct text out = {0};
    const char *p = dump, *from = dump, *end;

    assert(dump != NULL); /* only values that are no JSON can fail */
    end = dump + strlen(dump);
    while (p < end) {
        const char *stop, *number;

        if (*p != '"') {
            p++;
            continue;
        }
        stop = string_end(p, end);
        number = marked_number(p, stop, j->mark);
        if (number != NULL) {
            text_add_n(&out, from, (size_t)(p - from));
            text_add_n(&out, number, (size_t)(stop - 1 - number));
            from = stop;
        }
        p = stop;
    }
    text_add_n(&out, from, (size_t)(end - from));
    *ret_len = out.len;
    return text_take(&out);
}
