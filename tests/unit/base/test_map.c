/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/macro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { KEYS = 200, STEPS = 50000 };

/* The model: what a map of KEYS keys holds, and in which order it was put in. */
struct model {
    char keys[KEYS][12];
    int *values[KEYS]; /* NULL: absent */
    uint64_t order[KEYS];
    uint64_t clock;
    size_t count;
};

/* A small generator with a fixed seed, so that a failure can be repeated (xorshift64). */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void check_walk(const struct map *m, const struct model *model)
{
    uint64_t last = 0;
    size_t seen = 0;

    MAP_EACH (m, e) {
        size_t k = (size_t)strtoul((const char *)e->key + 1, NULL, 10);

        assert_true(k < KEYS && model->values[k] != NULL);
        assert_ptr_equal(e->value, model->values[k]);
        assert_true(model->order[k] > last);
        last = model->order[k];
        seen++;
    }
    assert_int_equal(seen, model->count);
    assert_int_equal(m->count, model->count);
}

static void step_put(struct map *m, struct model *model, size_t k, int *value)
{
    void *old = map_put_str(m, model->keys[k], value);

    assert_ptr_equal(old, model->values[k]);
    if (model->values[k] == NULL) {
        model->order[k] = ++model->clock; /* a replaced value keeps its place */
        model->count++;
    }
    model->values[k] = value;
}

static void step_del(struct map *m, struct model *model, size_t k)
{
    void *old = map_del_str(m, model->keys[k]);

    assert_ptr_equal(old, model->values[k]);
    if (model->values[k] != NULL)
        model->count--;
    model->values[k] = NULL;
}

/* `deletes` of ten steps delete: a map that grows, one that stays, one that empties. */
static void run_script(unsigned deletes, uint64_t seed)
{
    struct model model = {0};
    CLEANUP(map_done) struct map m = {0};
    int values[16] = {0};

    for (size_t k = 0; k < KEYS; k++)
        snprintf(model.keys[k], sizeof(model.keys[k]), "k%zu", k);
    for (int step = 0; step < STEPS; step++) {
        size_t k = next_random(&seed) % KEYS;

        if (next_random(&seed) % 10 < deletes)
            step_del(&m, &model, k);
        else
            step_put(&m, &model, k, &values[next_random(&seed) % ARRAY_SIZE(values)]);
        k = next_random(&seed) % KEYS;
        assert_ptr_equal(map_find_str(&m, model.keys[k]), model.values[k]);
        if (step % 100 == 0)
            check_walk(&m, &model);
    }
    check_walk(&m, &model);
    assert_true(m.used <= 4 * KEYS); /* deleted entries do not pile up */
}

static void test_against_model(void **state)
{
    (void)state;
    for (unsigned deletes = 1; deletes < 10; deletes += 2)
        run_script(deletes, 0x5eed0000 + deletes);
}

static void test_empty(void **state)
{
    struct map m = {0};

    (void)state;
    assert_null(map_find_str(&m, "a"));
    assert_null(map_del_str(&m, "a"));
    assert_null(map_next(&m, NULL));
    map_done(&m);
    map_done(&m);
}

static void test_keys_are_bytes(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
    } rows[] = {
        {"empty", "", 0},
        {"a NUL", "\0", 1},
        {"two NULs", "\0\0", 2},
        {"prefix", "ab", 2},
        {"longer", "abc", 3},
        {"NUL inside", "a\0b", 3},
        {"NUL inside, other end", "a\0c", 3},
    };
    CLEANUP(map_done) struct map m = {0};
    int values[ARRAY_SIZE(rows)];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_null(map_put(&m, rows[i].bytes, rows[i].len, &values[i]));
    assert_int_equal(m.count, ARRAY_SIZE(rows));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (map_find(&m, rows[i].bytes, rows[i].len) != &values[i])
            fail_msg("%s", rows[i].name);
    }
    assert_ptr_equal(map_find_str(&m, ""), &values[0]);
    assert_ptr_equal(map_find(&m, NULL, 0), &values[0]);
}

/* The old key may live in the old value, which the caller now frees. */
static void test_replacing_takes_the_new_key(void **state)
{
    CLEANUP(map_done) struct map m = {0};
    char first[] = "key", second[] = "key";
    int a, b;

    (void)state;
    assert_null(map_put_str(&m, first, &a));
    assert_ptr_equal(map_put_str(&m, second, &b), &a);
    memset(first, 'x', 3);
    assert_ptr_equal(map_find_str(&m, "key"), &b);
    assert_ptr_equal(map_next(&m, NULL)->key, second);
    assert_int_equal(m.count, 1);
}

static void test_deleting_while_walking(void **state)
{
    CLEANUP(map_done) struct map m = {0};
    char keys[100][4];
    int values[100];
    size_t seen = 0;

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%02zu", i);
        assert_null(map_put_str(&m, keys[i], &values[i]));
    }
    MAP_EACH (&m, e) {
        assert_ptr_equal(e->value, &values[seen]);
        if (seen % 3 != 0)
            assert_ptr_equal(map_del(&m, e->key, e->key_len), &values[seen]);
        seen++;
    }
    assert_int_equal(seen, 100);
    assert_int_equal(m.count, 34);
    seen = 0;
    MAP_EACH (&m, e) {
        assert_ptr_equal(e->value, &values[seen]);
        seen += 3;
    }
}

static void test_put_again_goes_to_the_end(void **state)
{
    CLEANUP(map_done) struct map m = {0};
    static const char *const want = "bca";
    size_t at = 0;
    int v;

    (void)state;
    assert_null(map_put_str(&m, "a", &v));
    assert_null(map_put_str(&m, "b", &v));
    assert_null(map_put_str(&m, "c", &v));
    assert_ptr_equal(map_del_str(&m, "a"), &v);
    assert_null(map_put_str(&m, "a", &v));
    MAP_EACH (&m, e)
        assert_int_equal(*(const char *)e->key, want[at++]);
    assert_int_equal(at, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_keys_are_bytes),
        cmocka_unit_test(test_replacing_takes_the_new_key),
        cmocka_unit_test(test_deleting_while_walking),
        cmocka_unit_test(test_put_again_goes_to_the_end),
        cmocka_unit_test(test_against_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
