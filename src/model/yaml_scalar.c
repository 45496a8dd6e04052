/* SPDX-License-Identifier: Apache-2.0 */
#include "model/yaml_scalar.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TAG_PREFIX "tag:yaml.org,2002:"

/* The words of go-yaml v2; they are the whole of YAML 1.1's list, in exactly these spellings. */
enum word_kind { WORD_TRUE, WORD_FALSE, WORD_NULL, WORD_NOT_JSON };

static const struct {
    const char *text;
    enum word_kind kind;
} words[] = {
    {"y", WORD_TRUE},         {"Y", WORD_TRUE},         {"yes", WORD_TRUE},
    {"Yes", WORD_TRUE},       {"YES", WORD_TRUE},       {"true", WORD_TRUE},
    {"True", WORD_TRUE},      {"TRUE", WORD_TRUE},      {"on", WORD_TRUE},
    {"On", WORD_TRUE},        {"ON", WORD_TRUE},        {"n", WORD_FALSE},
    {"N", WORD_FALSE},        {"no", WORD_FALSE},       {"No", WORD_FALSE},
    {"NO", WORD_FALSE},       {"false", WORD_FALSE},    {"False", WORD_FALSE},
    {"FALSE", WORD_FALSE},    {"off", WORD_FALSE},      {"Off", WORD_FALSE},
    {"OFF", WORD_FALSE},      {"", WORD_NULL},          {"~", WORD_NULL},
    {"null", WORD_NULL},      {"Null", WORD_NULL},      {"NULL", WORD_NULL},
    {".nan", WORD_NOT_JSON},  {".NaN", WORD_NOT_JSON},  {".NAN", WORD_NOT_JSON},
    {".inf", WORD_NOT_JSON},  {".Inf", WORD_NOT_JSON},  {".INF", WORD_NOT_JSON},
    {"+.inf", WORD_NOT_JSON}, {"+.Inf", WORD_NOT_JSON}, {"+.INF", WORD_NOT_JSON},
    {"-.inf", WORD_NOT_JSON}, {"-.Inf", WORD_NOT_JSON}, {"-.INF", WORD_NOT_JSON},
};

/* Numbers have at least a digit and begin with one of these; most strings are told apart here. */
static bool may_be_number(const char *text)
{
    return *text != '\0' && strchr("+-.0123456789", *text) != NULL;
}

static char *without_underscores(const char *text)
{
    char *copy = xstrdup(text), *to = copy;

    for (const char *from = copy; *from != '\0'; from++) {
        if (*from != '_')
            *to++ = *from;
    }
    *to = '\0';
    return copy;
}

/* Cuts the prefix off: 0x, 0o, 0b, or a leading 0 before further digits, which is octal too. */
static unsigned take_base(const char **digits)
{
    const char *s = *digits;

    if (s[0] != '0' || s[1] == '\0')
        return 10;
    *digits += 2;
    switch (s[1]) {
    case 'x':
    case 'X':
        return 16;
    case 'o':
    case 'O':
        return 8;
    case 'b':
    case 'B':
        return 2;
    default:
        *digits -= 1;
        return 8;
    }
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return UINT32_MAX;
}

static bool digits_read(uint64_t *ret, const char *digits)
{
    unsigned base = take_base(&digits);
    uint64_t v = 0;

    if (*digits == '\0')
        return false;
    for (; *digits != '\0'; digits++) {
        unsigned d = digit_value(*digits);

        if (d >= base || __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v))
            return false;
    }
    *ret = v;
    return true;
}

/* Go's strconv.ParseInt with base 0, then ParseUint, over text without underscores. */
static json_t *integer_read(const char *text)
{
    bool is_signed = *text == '+' || *text == '-', is_negative = *text == '-';
    uint64_t v;

    if (!digits_read(&v, text + (is_signed ? 1 : 0)))
        return NULL;
    if (is_negative)
        return v <= (uint64_t)INT64_MAX + 1 ? json_integer((json_int_t)(0 - v)) : NULL;
    if (v <= INT64_MAX)
        return json_integer((json_int_t)v);
    return is_signed ? NULL : json_real((double)v); /* jansson's integers end at 63 bits */
}

static const char *skip_digits(const char *s)
{
    while (*s >= '0' && *s <= '9')
        s++;
    return s;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float_text(const char *s)
{
    const char *digits;

    if (*s == '+' || *s == '-')
        s++;
    digits = s;
    s = skip_digits(s);
    if (*s == '.') {
        const char *fraction = s + 1;

        s = skip_digits(fraction);
        if (fraction - 1 == digits && s == fraction)
            return false;
    } else if (s == digits) {
        return false;
    }
    if (*s != 'e' && *s != 'E')
        return *s == '\0';
    s++;
    if (*s == '+' || *s == '-')
        s++;
    digits = s;
    s = skip_digits(s);
    return s != digits && *s == '\0';
}

static json_t *float_read(const char *text)
{
    double v;

    if (!is_float_text(text))
        return NULL;
    v = strtod(text, NULL);
    if (!isfinite(v))
        return NULL; /* out of range is a string to go-yaml */
    if (fabs(v) < 0x1p63 && v == (double)(json_int_t)v)
        return json_integer((json_int_t)v); /* Go prints it without a fraction */
    return json_real(v);
}

/* NULL when the text is no number. */
static json_t *number_read(const char *text)
{
    CLEANUP(xfreep) char *digits = NULL;
    json_t *v;

    if (!may_be_number(text))
        return NULL;
    digits = without_underscores(text);
    v = integer_read(digits);
    return v != NULL ? v : float_read(digits);
}

static const char *short_tag(const char *tag)
{
    size_t prefix = strlen(TAG_PREFIX);

    return tag != NULL && strncmp(tag, TAG_PREFIX, prefix) == 0 ? tag + prefix : NULL;
}

static json_t *word_value(enum word_kind kind)
{
    switch (kind) {
    case WORD_TRUE:
        return json_true();
    case WORD_FALSE:
        return json_false();
    case WORD_NULL:
        return json_null();
    case WORD_NOT_JSON:
        return NULL;
    }
    return NULL;
}

/* By its looks alone. */
static int resolve(json_t **ret, const char *text, struct err *err)
{
    json_t *v = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (*text != *words[i].text || !str_eq(text, words[i].text))
            continue; /* the first character settles nearly all: every scalar passes here */
        v = word_value(words[i].kind);
        if (v == NULL)
            return err_set(err, -EBADMSG, "%s is not a number that JSON can hold", text);
        *ret = v;
        return 0;
    }
    v = number_read(text);
    *ret = v != NULL ? v : json_string(text);
    return 0;
}

/* 1.0 is read as the integer 1, but it is not written as one. */
static bool is_integer_text(const char *text)
{
    CLEANUP(xfreep) char *digits = without_underscores(text);
    json_t *v = integer_read(digits);
    bool is_integer = v != NULL;

    json_decref(v);
    return is_integer;
}

static bool fits_tag(const json_t *v, const char *text, const char *name)
{
    if (str_eq(name, "bool"))
        return json_is_boolean(v);
    if (str_eq(name, "int"))
        return json_is_number(v) && is_integer_text(text);
    if (str_eq(name, "float"))
        return json_is_number(v);
    return json_is_null(v);
}

static int resolve_tagged(json_t **ret, const char *text, const char *name, struct err *err)
{
    CLEANUP(json_decrefp) json_t *v = NULL;
    CLEANUP(text_done) struct text quoted = {0};
    int r = resolve(&v, text, err);

    if (r < 0)
        return r;
    if (!fits_tag(v, text, name)) {
        text_quote(&quoted, text);
        return err_set(err, -EBADMSG, "%s is not a !!%s", text_str(&quoted), name);
    }
    *ret = TAKE(v);
    return 0;
}

int yaml_scalar_read(json_t **ret, const struct yaml_scalar *s, struct err *err)
{
    const char *name = short_tag(s->tag);
    json_t *v = NULL;
    int r = 0;

    if (s->tag == NULL && s->is_plain)
        r = resolve(&v, s->text, err);
    else if (name != NULL && (str_eq(name, "bool") || str_eq(name, "int") ||
                              str_eq(name, "float") || str_eq(name, "null")))
        r = resolve_tagged(&v, s->text, name, err);
    else
        v = json_string(s->text); /* quoted, !!str, or a tag that means nothing to Kubernetes */
    if (r < 0)
        return r;
    if (v == NULL)
        return err_set(err, -EBADMSG, "a scalar is not valid UTF-8");
    *ret = v;
    return 0;
}

bool yaml_scalar_is_merge(const struct yaml_scalar *s)
{
    return str_eq(s->text, "<<") && (s->is_plain || str_eq(s->tag, TAG_PREFIX "merge"));
}

/* The fewest digits that give the same float back, as Go's FormatFloat(v, 'g', -1, 32). */
static char *real_text(double v)
{
    for (int digits = 1; digits < 9; digits++) {
        char *text = xasprintf("%.*g", digits, v);

        if (strtof(text, NULL) == (float)v)
            return text;
        free(text);
    }
    return xasprintf("%.9g", v);
}

char *yaml_key_text(const json_t *key)
{
    switch (json_typeof(key)) {
    case JSON_STRING:
        return xstrdup(json_string_value(key));
    case JSON_INTEGER:
        return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(key));
    case JSON_REAL:
        return real_text(json_real_value(key));
    case JSON_TRUE:
        return xstrdup("true");
    case JSON_FALSE:
        return xstrdup("false");
    case JSON_NULL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        return NULL;
    }
    return NULL;
}
