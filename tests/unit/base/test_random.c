/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The figures of the reference implementation (Vigna's splitmix64.c). */
static void test_reference(void **state)
{
    static const uint64_t want[] = {
        UINT64_C(6457827717110365317),  UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423),  UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821),
    };
    uint64_t seed = 1234567;

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        assert_true(random_next(&seed) == want[i]);
}

static void test_below(void **state)
{
    uint64_t seed = 1;
    unsigned seen = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        seen |= 1u << random_below(&seed, 6);
    assert_int_equal(seen, 0x3f);
    assert_int_equal(random_below(&seed, 1), 0);
}

/* FNV-1a of "a" and the NUL behind it; texts in a row do not run together. */
static void test_hash(void **state)
{
    (void)state;
    assert_true(hash_text(HASH_START, "a") ==
                (((HASH_START ^ 'a') * UINT64_C(0x100000001b3)) ^ 0) * UINT64_C(0x100000001b3));
    assert_true(hash_text(hash_text(HASH_START, "ab"), "c") !=
                hash_text(hash_text(HASH_START, "a"), "bc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
