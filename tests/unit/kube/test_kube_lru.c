/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_lru.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static unsigned *get(struct lru *l, uint64_t hash)
{
    return lru_get(l, hash);
}

static void forgets_the_least_recently_used(void **state)
{
    struct lru l;

    (void)state;
    lru_init(&l, 3, sizeof(unsigned));
    *get(&l, 10) = 1;
    *get(&l, 20) = 2;
    *get(&l, 30) = 3;
    assert_int_equal(*get(&l, 10), 1);
    *get(&l, 40) = 4; /* 20 goes */
    assert_int_equal(*get(&l, 30), 3);
    assert_int_equal(*get(&l, 10), 1);
    assert_int_equal(*get(&l, 40), 4);
    assert_int_equal(*get(&l, 20), 0); /* new, and 30 goes */
    assert_int_equal(*get(&l, 10), 1);
    assert_int_equal(*get(&l, 30), 0);
    assert_int_equal(l.count, 3);
    lru_done(&l);
}

/* Of `max` values the latest are there, and no others, whatever bucket they share. */
static void stays_within_its_size(void **state)
{
    static const uint64_t strides[] = {1, 128, UINT64_C(1) << 32, UINT64_C(0x9e3779b97f4a7c15)};
    enum { MAX = 100 };

    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(strides); s++) {
        struct lru l;

        lru_init(&l, MAX, sizeof(unsigned));
        for (unsigned i = 1; i < 1000; i++) {
            assert_int_equal(*get(&l, i * strides[s]), 0);
            *get(&l, i * strides[s]) = i;
            assert_true(l.count <= MAX);
        }
        for (unsigned i = 1000 - MAX; i < 1000; i++)
            assert_int_equal(*get(&l, i * strides[s]), i);
        lru_done(&l);
        assert_null(l.entries);
        lru_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgets_the_least_recently_used),
        cmocka_unit_test(stays_within_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
