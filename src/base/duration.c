/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include "base/mono.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    {"ns", 1},
    {"us", NS_PER_US},
    {"\xc2\xb5s", NS_PER_US}, /* micro sign */
    {"\xce\xbcs", NS_PER_US}, /* Greek mu */
    {"ms", NS_PER_MS},
    {"s", NS_PER_SEC},
    {"m", 60 * NS_PER_SEC},
    {"h", 3600 * NS_PER_SEC},
};

/* Nanoseconds of the longest duration, which is negative: 1 << 63. */
#define DURATION_LIMIT ((uint64_t)INT64_MAX + 1)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int64_t unit_at(const char **text)
{
    size_t len = 0;

    while ((*text)[len] != '\0' && (*text)[len] != '.' && !is_digit((*text)[len]))
        len++;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, *text, len) == 0) {
            *text += len;
            return units[i].ns;
        }
    }
    return 0;
}

/* Digits after the point as digits / scale; those beyond int64 are skipped, as in Go's
 * leadingFraction. */
static void digits_behind_point(const char **text, int64_t *ret_digits, double *ret_scale)
{
    int64_t digits = 0;
    double scale = 1;
    bool full = false;

    for (; is_digit(**text); (*text)++) {
        full = full || digits > (INT64_MAX - 9) / 10;
        if (full)
            continue;
        digits = digits * 10 + (**text - '0');
        scale *= 10;
    }
    *ret_digits = digits;
    *ret_scale = scale;
}

/* One "12.5ms" of the text, added to *total. Unsigned: the most negative duration has no positive
 * counterpart. */
static bool parse_part(uint64_t *total, const char **text)
{
    uint64_t whole = 0, part;
    int64_t fraction = 0, unit;
    const char *start = *text;
    double scale = 1;
    bool digits;

    for (; is_digit(**text); (*text)++) {
        if (__builtin_mul_overflow(whole, 10u, &whole) ||
            __builtin_add_overflow(whole, (unsigned)(**text - '0'), &whole))
            return false;
    }
    digits = *text != start;
    if (**text == '.') {
        start = ++*text;
        digits_behind_point(text, &fraction, &scale);
        digits = digits || *text != start;
    }
    unit = digits ? unit_at(text) : 0;
    if (unit == 0 || __builtin_mul_overflow(whole, (uint64_t)unit, &part) || part > DURATION_LIMIT)
        return false; /* the fraction, less than a unit, now finds room in 64 bits */
    part += (uint64_t)((double)fraction * ((double)unit / scale));
    return part <= DURATION_LIMIT && !__builtin_add_overflow(*total, part, total) &&
           *total <= DURATION_LIMIT;
}

bool duration_parse(int64_t *ret_ns, const char *text)
{
    bool negative = *text == '-';
    uint64_t total = 0;

    if (*text == '-' || *text == '+')
        text++;
    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return true;
    }
    if (*text == '\0')
        return false;
    while (*text != '\0') {
        if (!parse_part(&total, &text))
            return false;
    }
    if (!negative && total == DURATION_LIMIT)
        return false;
    *ret_ns = (int64_t)(negative ? -total : total);
    return true;
}

/* "1.5" from a count of `unit` nanoseconds, without trailing zeros. */
static void format_fraction(struct duration_text *t, const char *sign, uint64_t ns, uint64_t unit,
                            const char *name)
{
    char digits[12] = "";
    uint64_t rest = ns % unit;
    size_t n = 0;

    while (rest > 0) {
        rest *= 10;
        digits[n++] = (char)('0' + rest / unit);
        rest %= unit;
    }
    digits[n] = '\0';
    snprintf(t->s, sizeof(t->s), "%s%" PRIu64 "%s%s%s", sign, ns / unit, n > 0 ? "." : "", digits,
             name);
}

struct duration_text duration_format(int64_t ns)
{
    const char *sign = ns < 0 ? "-" : "";
    struct duration_text t = {"0s"}, seconds;
    uint64_t left = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    uint64_t hours = left / (3600 * NS_PER_SEC), minutes = left / (60 * NS_PER_SEC) % 60;

    if (left == 0)
        return t;
    if (left < NS_PER_US)
        format_fraction(&t, sign, left, 1, "ns");
    else if (left < NS_PER_MS)
        format_fraction(&t, sign, left, NS_PER_US, "\xc2\xb5s");
    else if (left < NS_PER_SEC)
        format_fraction(&t, sign, left, NS_PER_MS, "ms");
    if (left < NS_PER_SEC)
        return t;
    format_fraction(&seconds, "", left % (60 * NS_PER_SEC), NS_PER_SEC, "s");
    if (hours > 0)
        snprintf(t.s, sizeof(t.s), "%s%" PRIu64 "h%" PRIu64 "m%.20s", sign, hours, minutes,
                 seconds.s);
    else if (minutes > 0)
        snprintf(t.s, sizeof(t.s), "%s%" PRIu64 "m%.20s", sign, minutes, seconds.s);
    else
        snprintf(t.s, sizeof(t.s), "%s%.20s", sign, seconds.s);
    return t;
}

static bool digits_at(const char **text, int count, int *ret)
{
    int v = 0;

    for (int i = 0; i < count; i++, (*text)++) {
        if (!is_digit(**text))
            return false;
        v = v * 10 + (**text - '0');
    }
    *ret = v;
    return true;
}

static bool char_at(const char **text, const char *any_of)
{
    if (**text == '\0' || strchr(any_of, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; March is the first month of the counted
 * year. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, yoe = y % 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static int64_t fraction_at(const char **text)
{
    int64_t ns = 0, unit = NS_PER_SEC;

    if (**text != '.' || !is_digit((*text)[1]))
        return 0;
    for ((*text)++; is_digit(**text); (*text)++) {
        unit /= 10;
        ns += unit * (**text - '0');
    }
    return ns;
}

/* "Z" or "+hh:mm", in seconds east of UTC. */
static bool zone_at(const char **text, int *ret_seconds)
{
    int sign = **text == '-' ? -1 : 1, hours, minutes;

    if (char_at(text, "Zz")) {
        *ret_seconds = 0;
        return true;
    }
    if (!char_at(text, "+-") || !digits_at(text, 2, &hours) || !char_at(text, ":") ||
        !digits_at(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool timestamp_parse(int64_t *ret_ns, const char *text)
{
    int year, month, day, hour, minute, second, zone;
    int64_t seconds, fraction, ns;

    if (!digits_at(&text, 4, &year) || !char_at(&text, "-") || !digits_at(&text, 2, &month) ||
        !char_at(&text, "-") || !digits_at(&text, 2, &day) || !char_at(&text, "Tt ") ||
        !digits_at(&text, 2, &hour) || !char_at(&text, ":") || !digits_at(&text, 2, &minute) ||
        !char_at(&text, ":") || !digits_at(&text, 2, &second))
        return false;
    fraction = fraction_at(&text);
    if (!zone_at(&text, &zone) || *text != '\0' || month < 1 || month > 12 || day < 1 ||
        day > days_of_month(year, month) || hour > 23 || minute > 59 || second > 60)
        return false;
    seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
    if (__builtin_mul_overflow(seconds, NS_PER_SEC, &ns) ||
        __builtin_add_overflow(ns, fraction, &ns))
        return false;
    *ret_ns = ns;
    return true;
}
