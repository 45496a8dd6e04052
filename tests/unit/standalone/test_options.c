/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/options.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

static const struct {
    const char *name;
    const char *given[4]; /* behind "status" */
    enum status_part part;
    const char *within, *peer;
    int exit; /* 2: refused */
} asked[] = {
    {"everything", {NULL}, STATUS_ALL, NULL, NULL, 0},
    {"peers", {"bgp"}, STATUS_BGP, NULL, NULL, 0},
    {"routes", {"routes"}, STATUS_ROUTES, NULL, NULL, 0},
    {"of a prefix", {"routes", "198.18.0.0/24"}, STATUS_ROUTES, "198.18.0.0/24", NULL, 0},
    {"of an address", {"routes", "2001:db8::1"}, STATUS_ROUTES, "2001:db8::1", NULL, 0},
    {"to a peer", {"routes", "--peer=tor.a"}, STATUS_ROUTES, NULL, "tor.a", 0},
    {"both", {"--peer", "tor", "routes", "::/0"}, STATUS_ROUTES, "::/0", "tor", 0},
    {"another part", {"peers"}, STATUS_ALL, NULL, NULL, 2},
    {"two parts", {"bgp", "routes"}, STATUS_ALL, NULL, NULL, 2},
    {"no prefix", {"routes", "web"}, STATUS_ALL, NULL, NULL, 2},
    {"too many", {"routes", "::/0", "::/0"}, STATUS_ALL, NULL, NULL, 2},
    {"a peer of nothing", {"--peer=tor"}, STATUS_ALL, NULL, NULL, 2},
    {"no name", {"routes", "--peer=a b"}, STATUS_ALL, NULL, NULL, 2},
};

static void test_status(void **state)
{
    (void)state;
    assert_non_null(freopen("/dev/null", "w", stderr)); /* of the refusals */
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        struct status_options o = {0};
        char *argv[6] = {xstrdup("status")};
        int argc = 1, status = 0;

        for (size_t k = 0; k < ARRAY_SIZE(asked[i].given) && asked[i].given[k] != NULL; k++)
            argv[argc++] = xstrdup(asked[i].given[k]); /* getopt may move them */
        (void)status_options_parse(&o, argc, argv, &status);
        if (status != asked[i].exit || o.part != asked[i].part ||
            !str_eq(o.within, asked[i].within) || !str_eq(o.peer, asked[i].peer))
            fail_msg("%s: %d", asked[i].name, status);
        for (int k = 0; k < argc; k++)
            free(argv[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exclude),
        cmocka_unit_test(test_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
