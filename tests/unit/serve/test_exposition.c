/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void emit_nothing(struct exposition *x, unsigned which, const void *owner)
{
    (void)x;
    (void)which;
    (void)owner;
}

static void emit_plain(struct exposition *x, unsigned which, const void *owner)
{
    (void)which;
    (void)owner;
    exposition_uint(x, UINT64_MAX);
}

static void emit_two(struct exposition *x, unsigned which, const void *owner)
{
    exposition_int(x, -1, {"peer", owner}, {"vrf", "default"});
    exposition_int(x, which, {"peer", "b"}, {"vrf", ""});
}

/* The value of the owner as it is. */
static void emit_label(struct exposition *x, unsigned which, const void *owner)
{
    (void)which;
    exposition_uint(x, 1, {"l", owner});
}

static void emit_age(struct exposition *x, unsigned which, const void *owner)
{
    (void)which;
    exposition_seconds(x, *(const int64_t *)owner);
}

static const int64_t age = 61000000007;

static const struct {
    const char *name;
    struct metric_family family;
    const void *owner;
    const char *want;
} rows[] = {
    {"no sample, no family", {"m", METRIC_GAUGE, "h", emit_nothing, 0}, NULL, ""},
    {"no label",
     {"m_total", METRIC_COUNTER, "Many.", emit_plain, 0},
     NULL,
     "# HELP m_total Many.\n# TYPE m_total counter\nm_total 18446744073709551615\n"},
    {"one head for two samples",
     {"m", METRIC_GAUGE, "h", emit_two, 7},
     "a",
     "# HELP m h\n# TYPE m gauge\nm{peer=\"a\",vrf=\"default\"} -1\nm{peer=\"b\",vrf=\"\"} 7\n"},
    {"a help of two lines, with a backslash and quotes",
     {"m", METRIC_GAUGE, "a\nb\\ \"c\"", emit_plain, 0},
     NULL,
     "# HELP m a\\nb\\\\ \"c\"\n# TYPE m gauge\nm 18446744073709551615\n"},
    {"a label with all that ends one",
     {"m", METRIC_GAUGE, "h", emit_label, 0},
     "\"a\\\n\"",
     "# HELP m h\n# TYPE m gauge\nm{l=\"\\\"a\\\\\\n\\\"\"} 1\n"},
    {"a label as UTF-8",
     {"m", METRIC_GAUGE, "h", emit_label, 0},
     "\xc3\xa9",
     "# HELP m h\n# TYPE m gauge\nm{l=\"\xc3\xa9\"} 1\n"},
    {"seconds",
     {"m", METRIC_GAUGE, "h", emit_age, 0},
     &age,
     "# HELP m h\n# TYPE m gauge\nm 61.000000007\n"},
};

static void writes_families(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(text_done) struct text out = {0};

        exposition_family(&out, &rows[i].family, rows[i].owner);
        if (strcmp(text_str(&out), rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].name, text_str(&out));
    }
}

static void appends(void **state)
{
    CLEANUP(text_done) struct text out = {0};

    (void)state;
    exposition_family(&out, &rows[1].family, NULL);
    exposition_family(&out, &rows[0].family, NULL);
    exposition_family(&out, &rows[6].family, &age);
    assert_non_null(strstr(text_str(&out), "615\n# HELP m h\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_families),
        cmocka_unit_test(appends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
