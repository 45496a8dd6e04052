/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include "base/mono.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define US NS_PER_US
#define MS NS_PER_MS
#define SEC NS_PER_SEC
#define MIN (60 * SEC)
#define HOUR (60 * MIN)

/* Go's own table (time_test.go, parseDurationTests), and what Kubernetes users write. */
static void test_parse(void **state)
{
    static const struct {
        const char *in;
        int64_t want;
    } rows[] = {
        {"0", 0},
        {"5s", 5 * SEC},
        {"30s", 30 * SEC},
        {"1478s", 1478 * SEC},
        {"-5s", -5 * SEC},
        {"+5s", 5 * SEC},
        {"-0", 0},
        {"+0", 0},
        {"5.0s", 5 * SEC},
        {"5.6s", 5 * SEC + 600 * MS},
        {"5.s", 5 * SEC},
        {".5s", 500 * MS},
        {"1.0s", 1 * SEC},
        {"1.00s", 1 * SEC},
        {"1.004s", 1 * SEC + 4 * MS},
        {"1.0040s", 1 * SEC + 4 * MS},
        {"100.00100s", 100 * SEC + 1 * MS},
        {"10ns", 10},
        {"11us", 11 * US},
        {"12\xc2\xb5s", 12 * US},
        {"12\xce\xbcs", 12 * US},
        {"13ms", 13 * MS},
        {"14s", 14 * SEC},
        {"15m", 15 * MIN},
        {"16h", 16 * HOUR},
        {"3h30m", 3 * HOUR + 30 * MIN},
        {"10.5s4m", 4 * MIN + 10 * SEC + 500 * MS},
        {"-2m3.4s", -(2 * MIN + 3 * SEC + 400 * MS)},
        {"1h2m3s4ms5us6ns", 1 * HOUR + 2 * MIN + 3 * SEC + 4 * MS + 5 * US + 6},
        {"39h9m14.425s", 39 * HOUR + 9 * MIN + 14 * SEC + 425 * MS},
        {"52763797000ns", 52763797000},
        {"0.3333333333333333333h", 20 * MIN},
        {"9007199254740993ns", (INT64_C(1) << 53) + 1},
        {"9223372036854775807ns", INT64_MAX},
        {"9223372036854775.807us", INT64_MAX},
        {"9223372036s854ms775us807ns", INT64_MAX},
        {"-9223372036854775808ns", INT64_MIN},
        {"-9223372036854775.808us", INT64_MIN},
        {"-9223372036s854ms775us808ns", INT64_MIN},
        {"-2562047h47m16.854775808s", INT64_MIN},
        {"0.100000000000000000000h", 6 * MIN},
        {"0.830103483285477580700h", 49 * MIN + 48 * SEC + 372539827},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ns = -1;

        if (!duration_parse(&ns, rows[i].in))
            fail_msg("%s is refused", rows[i].in);
        if (ns != rows[i].want)
            fail_msg("%s: %lld, want %lld", rows[i].in, (long long)ns, (long long)rows[i].want);
    }
}

/* Every millisecond of a second: decimal fractions have no exact binary form. */
static void test_parse_fractions_are_exact(void **state)
{
    (void)state;
    for (int ms = 0; ms < 1000; ms++) {
        char text[16];
        int64_t ns = -1;

        snprintf(text, sizeof(text), "1.%03ds", ms);
        if (!duration_parse(&ns, text) || ns != SEC + ms * MS)
            fail_msg("%s: %lld", text, (long long)ns);
    }
}

static void test_parse_refuses(void **state)
{
    static const char *const rows[] = {
        "",
        "3",
        "-",
        "+",
        "s",
        ".",
        "-.",
        ".s",
        "+.s",
        "1d",
        "1e3s",
        "1 s",
        " 1s",
        "1s ",
        "--1s",
        "+-1s",
        "1.2.3s",
        "1S",
        "s1",
        "00",
        "\x85\x85",
        "1\xffs",
        "3000000h",
        "5124095.9h", /* 1 << 64 ns and 19 minutes */
        "-307445734.9m",
        "9223372036854775808ns",
        "9223372036854775.808us",
        "9223372036854ms775us808ns",
        "-9223372036854775809ns",
        "99999999999999999999s",
        "9223372036s854ms775us808ns",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ns = 42;

        if (duration_parse(&ns, rows[i]))
            fail_msg("\"%s\" is accepted as %lld", rows[i], (long long)ns);
        if (ns != 42)
            fail_msg("\"%s\" is refused, but written", rows[i]);
    }
}

/* Go's own table (durationTests). */
static const struct {
    const char *text;
    int64_t ns;
} formats[] = {
    {"0s", 0},
    {"1ns", 1},
    {"1.1\xc2\xb5s", 1100},
    {"2.2ms", 2200 * US},
    {"3.3s", 3300 * MS},
    {"4m5s", 4 * MIN + 5 * SEC},
    {"4m5.001s", 4 * MIN + 5001 * MS},
    {"5h6m7.001s", 5 * HOUR + 6 * MIN + 7001 * MS},
    {"8m0.000000001s", 8 * MIN + 1},
    {"2562047h47m16.854775807s", INT64_MAX},
    {"-2562047h47m16.854775808s", INT64_MIN},
    {"-1ns", -1},
    {"-1m30s", -90 * SEC},
    {"999ns", 999},
    {"1\xc2\xb5s", 1000},
    {"999.999\xc2\xb5s", 999999},
    {"1ms", 1 * MS},
    {"999.999999ms", 1 * SEC - 1},
    {"1s", 1 * SEC},
    {"59.999999999s", 1 * MIN - 1},
    {"1m0s", 1 * MIN},
    {"1m30s", 90 * SEC},
    {"59m59.9s", 1 * HOUR - 100 * MS},
    {"1h0m0s", 1 * HOUR},
    {"100h0m0.00001s", 100 * HOUR + 10 * US},
};

static void test_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        struct duration_text t = duration_format(formats[i].ns);

        if (strcmp(t.s, formats[i].text) != 0)
            fail_msg("%s, want %s", t.s, formats[i].text);
    }
}

static void test_format_round_trip(void **state)
{
    uint64_t seed = 0x5eed;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        int64_t ns = 1;

        assert_true(duration_parse(&ns, formats[i].text));
        assert_true(ns == formats[i].ns);
    }
    for (int i = 0; i < 20000; i++) {
        int64_t ns = 0, want;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        want = (int64_t)seed >> (i % 63);
        if (!duration_parse(&ns, duration_format(want).s) || ns != want)
            fail_msg("%lld became %s", (long long)want, duration_format(want).s);
    }
}

/* RFC 3339 5.8, Go's documentation of time.RFC3339, and the ends of int64 nanoseconds. */
static void test_timestamp(void **state)
{
    static const struct {
        const char *in;
        int64_t want;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:01Z", SEC},
        {"1969-12-31T23:59:59Z", -SEC},
        {"1985-04-12T23:20:50.52Z", 482196050 * SEC + 520 * MS},
        {"1996-12-19T16:39:57-08:00", 851042397 * SEC},
        {"1990-12-31T23:59:60Z", 662688000 * SEC},
        {"1990-12-31T15:59:60-08:00", 662688000 * SEC},
        {"1937-01-01T12:00:27.87+00:20", -1041337173 * SEC + 870 * MS},
        {"2006-01-02T15:04:05Z", 1136214245 * SEC},
        {"2006-01-02T15:04:05+07:00", 1136189045 * SEC},
        {"2006-01-02T15:04:05.999999999Z", 1136214245 * SEC + 999999999},
        {"2006-01-02T15:04:05.123456789987Z", 1136214245 * SEC + 123456789},
        {"2000-02-29T00:00:00Z", 951782400 * SEC},
        {"2024-02-29T12:00:00Z", 1709208000 * SEC},
        {"2024-03-01T00:00:00Z", 1709251200 * SEC},
        {"2023-12-31T23:59:59Z", 1704067199 * SEC},
        {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
        {"1677-09-21T00:12:44Z", -9223372036 * SEC},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ns = -1;

        if (!timestamp_parse(&ns, rows[i].in))
            fail_msg("%s is refused", rows[i].in);
        if (ns != rows[i].want)
            fail_msg("%s: %lld, want %lld", rows[i].in, (long long)ns, (long long)rows[i].want);
    }
}

static void test_timestamp_refuses(void **state)
{
    static const char *const rows[] = {
        "",
        "2006",
        "2006-01-02",
        "2006-01-02T15:04:05",
        "2006-01-02T15:04Z",
        "2006-1-02T15:04:05Z",
        "06-01-02T15:04:05Z",
        "2006-01-02T15:04:05Zx",
        "2006-01-02T15:04:05Z ",
        " 2006-01-02T15:04:05Z",
        "2006-01-02T15:04:05.Z",
        "2006-01-02T15:04:05+0700",
        "2006-01-02T15:04:05+07",
        "2006-01-02T15:04:05+24:00",
        "2006-01-02T15:04:05+07:60",
        "2006-00-02T15:04:05Z",
        "2006-13-02T15:04:05Z",
        "2006-01-00T15:04:05Z",
        "2006-01-32T15:04:05Z",
        "2006-04-31T15:04:05Z",
        "2006-02-29T15:04:05Z",
        "2023-02-30T15:04:05Z",
        "1900-02-29T15:04:05Z",
        "2006-01-02T24:04:05Z",
        "2006-01-02T15:60:05Z",
        "2006-01-02T15:04:61Z",
        "+006-01-02T15:04:05Z",
        "2262-04-11T23:47:16.854775808Z",
        "1677-09-21T00:12:42Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ns = 42;

        if (timestamp_parse(&ns, rows[i]))
            fail_msg("\"%s\" is accepted as %lld", rows[i], (long long)ns);
        if (ns != 42)
            fail_msg("\"%s\" is refused, but written", rows[i]);
    }
}

/* Every day of 400 years follows the one before, and bad texts are refused at every cut. */
static void test_timestamp_calendar(void **state)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t want = -5364662400 * SEC; /* 1800-01-01 */
    char text[64];

    (void)state;
    for (int year = 1800; year < 2200; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= days[month - 1] + (leap && month == 2); day++) {
                int64_t ns = 0;

                snprintf(text, sizeof(text), "%04d-%02d-%02dT00:00:00Z", year, month, day);
                if (!timestamp_parse(&ns, text) || ns != want)
                    fail_msg("%s: %lld", text, (long long)ns);
                want += 24 * HOUR;
            }
        }
    }
}

static void test_timestamp_cut_short(void **state)
{
    static const char whole[] = "1996-12-19T16:39:57.5-08:00";

    (void)state;
    for (size_t len = 0; len < strlen(whole); len++) {
        char *cut = strndup(whole, len); /* of its exact size: a sanitizer sees a read behind it */
        int64_t ns = 0;
        bool ok = timestamp_parse(&ns, cut);

        free(cut);
        if (ok)
            fail_msg("%zu characters are accepted", len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_fractions_are_exact),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_round_trip),
        cmocka_unit_test(test_timestamp),
        cmocka_unit_test(test_timestamp_refuses),
        cmocka_unit_test(test_timestamp_calendar),
        cmocka_unit_test(test_timestamp_cut_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
