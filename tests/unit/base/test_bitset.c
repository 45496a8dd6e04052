/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bitset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Sizes around the ends of a word. */
static const size_t sizes[] = {0, 1, 2, 63, 64, 65, 127, 128, 129, 1000};

static void test_each_index_alone(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(sizes); n++) {
        for (size_t i = 0; i < sizes[n]; i++) {
            CLEANUP(arena_freep) struct arena *a = arena_new();
            struct bitset s = bitset_new(a, sizes[n]);

            assert_true(bitset_is_empty(&s));
            bitset_add(&s, i);
            assert_false(bitset_is_empty(&s));
            for (size_t k = 0; k < sizes[n]; k++) {
                if (bitset_has(&s, k) != (k == i))
                    fail_msg("size %zu, added %zu, wrong at %zu", sizes[n], i, k);
            }
        }
    }
}

static void test_outside_is_absent(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(sizes); n++) {
        struct bitset s = bitset_new(a, sizes[n]);

        for (size_t i = 0; i < sizes[n]; i++)
            bitset_add(&s, i);
        if (bitset_has(&s, sizes[n]) || bitset_has(&s, SIZE_MAX))
            fail_msg("size %zu has what is outside of it", sizes[n]);
    }
}

static void test_meets(void **state)
{
    static const struct {
        const char *name;
        size_t a_size, a, b_size, b;
        bool want;
    } rows[] = {
        {"same member", 10, 3, 10, 3, true},
        {"different members", 10, 3, 10, 4, false},
        {"same bit of different words", 130, 3, 130, 67, false},
        {"last word", 130, 129, 130, 129, true},
        {"beyond the end of the shorter one", 130, 100, 10, 3, false},
        {"sizes differ, common member", 130, 3, 10, 3, true},
    };
    CLEANUP(arena_freep) struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bitset a = bitset_new(arena, rows[i].a_size);
        struct bitset b = bitset_new(arena, rows[i].b_size);

        bitset_add(&a, rows[i].a);
        bitset_add(&b, rows[i].b);
        if (bitset_meets(&a, &b) != rows[i].want || bitset_meets(&b, &a) != rows[i].want)
            fail_msg("%s", rows[i].name);
    }
}

static void test_empty_meets_nothing(void **state)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    struct bitset none = bitset_new(arena, 0), empty = bitset_new(arena, 70);
    struct bitset full = bitset_new(arena, 70);

    (void)state;
    for (size_t i = 0; i < 70; i++)
        bitset_add(&full, i);
    assert_false(bitset_meets(&none, &full));
    assert_false(bitset_meets(&full, &none));
    assert_false(bitset_meets(&empty, &full));
    assert_true(bitset_meets(&full, &full));
}

static void test_eq(void **state)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    struct bitset a = bitset_new(arena, 70), b = bitset_new(arena, 70);
    struct bitset longer = bitset_new(arena, 71);

    (void)state;
    assert_true(bitset_eq(&a, &b));
    assert_false(bitset_eq(&a, &longer));
    bitset_add(&a, 69);
    assert_false(bitset_eq(&a, &b));
    bitset_add(&b, 69);
    bitset_add(&b, 69);
    assert_true(bitset_eq(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_index_alone),
        cmocka_unit_test(test_outside_is_absent),
        cmocka_unit_test(test_meets),
        cmocka_unit_test(test_empty_meets_nothing),
        cmocka_unit_test(test_eq),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
