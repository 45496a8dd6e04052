/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/options.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORDS = 2, FIXED = 5 };

/* What is never used, by the options given: its count, and the first expression. */
static void test_exclude(void **state)
{
    static const struct {
        const char *name;
        const char *given[WORDS];
        size_t want;
        const char *first;
    } rows[] = {
        {"none given: the default list", {NULL}, 14, "^docker.*"},
        {"one replaces the list", {"--exclude-interface=^lan"}, 1, "^lan"},
        {"several", {"--exclude-interface=^a", "--exclude-interface=^b"}, 2, "^a"},
        {"'' is none", {"--exclude-interface="}, 0, NULL},
        {"'' twice", {"--exclude-interface=", "--exclude-interface="}, 0, NULL},
        {"'' adds nothing", {"--exclude-interface=", "--exclude-interface=^b"}, 1, "^b"},
        {"'' takes nothing away", {"--exclude-interface=^a", "--exclude-interface="}, 1, "^a"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(run_options_done) struct run_options o = {0};
        const char *words[FIXED + WORDS + 1] = {"run", "-f", "d", "--node-name", "oak"};
        char *argv[FIXED + WORDS + 1] = {0};
        int argc = FIXED, status = 0;

        for (size_t k = 0; k < WORDS && rows[i].given[k] != NULL; k++)
            words[argc++] = rows[i].given[k];
        for (int k = 0; k < argc; k++)
            argv[k] = xstrdup(words[k]); /* getopt may move them */
        if (run_options_parse(&o, argc, argv, &status) < 0)
            fail_msg("%s: refused", rows[i].name);
        if (o.exclude.count != rows[i].want)
            fail_msg("%s: %zu expressions, want %zu", rows[i].name, o.exclude.count, rows[i].want);
        if (rows[i].first != NULL && !str_eq(o.exclude.items[0], rows[i].first))
            fail_msg("%s: first %s", rows[i].name, o.exclude.items[0]);
        for (int k = 0; k < argc; k++)
            free(argv[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exclude),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
