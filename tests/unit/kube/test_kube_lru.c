/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_lru.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static unsigned *get(struct lru *l, const char *key)
{
    return lru_get(l, key);
}

static void forgets_the_least_recently_used(void **state)
{
    struct lru l;

    (void)state;
    lru_init(&l, 3, sizeof(unsigned));
    *get(&l, "a") = 1;
    *get(&l, "b") = 2;
    *get(&l, "c") = 3;
    assert_int_equal(*get(&l, "a"), 1);
    *get(&l, "d") = 4; /* "b" goes */
    assert_int_equal(*get(&l, "c"), 3);
    assert_int_equal(*get(&l, "a"), 1);
    assert_int_equal(*get(&l, "d"), 4);
    assert_int_equal(*get(&l, "b"), 0); /* new, and "c" goes */
    assert_int_equal(*get(&l, "a"), 1);
    assert_int_equal(*get(&l, "c"), 0);
    assert_int_equal(l.map.count, 3);
    lru_done(&l);
}

static void stays_within_its_size(void **state)
{
    struct lru l;
    char key[16];

    (void)state;
    lru_init(&l, 100, sizeof(unsigned));
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "%u", i % 150);
        get(&l, key);
        assert_true(l.map.count <= 100);
    }
    lru_done(&l);
    assert_null(l.newest);
    lru_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgets_the_least_recently_used),
        cmocka_unit_test(stays_within_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
