/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "cli/similar.h"

static const struct {
    const char *name, *a, *b;
    bool similar;
} cases[] = {
    {"the same", "web", "web", true},
    {"both empty", "", "", true},
    {"a letter left out", "explain", "explan", true},
    {"a letter put in", "plan", "pplan", true},
    {"a letter replaced", "check", "chekk", true},
    {"neighbours swapped count once", "status", "sattsu", true},
    {"two letters", "status", "stats", true},
    {"three letters", "status", "sta", false},
    {"nothing alike", "plan", "version", false},
    {"a short word may become empty", "ab", "", true},
    {"64 letters", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", true},
    {"longer than 64", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a",
     false},
};

static void test_similar(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (similar_to(cases[i].a, cases[i].b) != cases[i].similar)
            fail_msg("%s", cases[i].name);
        if (similar_to(cases[i].b, cases[i].a) != cases[i].similar)
            fail_msg("%s, the other way round", cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_similar)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
