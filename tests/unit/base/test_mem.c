/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool is_zero(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

static void test_sizes_of_zero(void **state)
{
    CLEANUP(xfreep) void *a = xmalloc(0);
    CLEANUP(xfreep) void *b = xcalloc(0, 8);
    CLEANUP(xfreep) void *c = xcalloc(8, 0);
    CLEANUP(xfreep) void *d = xreallocarray(NULL, 0, 8);

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
}

static void test_strings(void **state)
{
    CLEANUP(xfreep) char *whole = xstrdup("pool edge");
    CLEANUP(xfreep) char *part = xstrndup("pool edge", 4);
    CLEANUP(xfreep) char *shorter = xstrndup("pool", 100);
    CLEANUP(xfreep) char *made = xasprintf("%s/%d", "10.0.0.0", 8);

    (void)state;
    assert_string_equal(whole, "pool edge");
    assert_string_equal(part, "pool");
    assert_string_equal(shorter, "pool");
    assert_string_equal(made, "10.0.0.0/8");
}

static void test_take_moves_ownership(void **state)
{
    CLEANUP(xfreep) char *from = xstrdup("owned once");
    CLEANUP(xfreep) char *to = NULL;

    (void)state;
    to = TAKE(from);
    assert_null(from);
    assert_string_equal(to, "owned once");
}

static void test_array_grow(void **state)
{
    CLEANUP(xfreep) uint32_t *items = NULL;
    size_t cap = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        items = array_grow(items, &cap, i + 1, sizeof(*items));
        assert_true(cap > i);
        items[i] = i * 7;
    }
    assert_true(cap < 2048);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i * 7);
}

static void test_array_grow_keeps_what_is_enough(void **state)
{
    CLEANUP(xfreep) uint32_t *items = NULL;
    size_t cap = 0;
    uint32_t *before;

    (void)state;
    items = array_grow(items, &cap, 100, sizeof(*items));
    before = items;
    items = array_grow(items, &cap, 0, sizeof(*items));
    items = array_grow(items, &cap, cap, sizeof(*items));
    assert_ptr_equal(items, before);
}

/* Sizes around an alignment step, a first block and a last block. */
static void test_arena_is_zeroed_and_aligned(void **state)
{
    static const size_t sizes[] = {0,   1,   15,   16,   17,    511,   512,
                                   513, 600, 4095, 4096, 65535, 65536, 300000};
    CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            char *p = arena_alloc(a, sizes[i]);

            if ((uintptr_t)p % alignof(max_align_t) != 0)
                fail_msg("%zu bytes are not aligned", sizes[i]);
            if (!is_zero(p, sizes[i]))
                fail_msg("%zu bytes are not zero", sizes[i]);
            memset(p, 0xa5, sizes[i]);
        }
    }
}

static void test_arena_pieces_do_not_overlap(void **state)
{
    enum { PIECES = 900 };
    CLEANUP(arena_freep) struct arena *a = arena_new();
    size_t *pieces[PIECES];

    (void)state;
    for (size_t i = 0; i < PIECES; i++) {
        size_t count = i % 37 + 1;

        pieces[i] = arena_calloc(a, count, sizeof(size_t));
        for (size_t k = 0; k < count; k++)
            pieces[i][k] = i;
    }
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < i % 37 + 1; k++)
            assert_int_equal(pieces[i][k], i);
    }
}

static void test_arena_copies(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    char from[] = "edge";
    char *copy = arena_strdup(a, from);
    char *part = arena_strndup(a, from, 2);
    char *none = arena_strndup(a, from, 0);
    char *made = arena_printf(a, "%s-%u", from, 7u);
    unsigned char *bytes = arena_memdup(a, from, 3);

    (void)state;
    from[0] = 'X';
    assert_string_equal(copy, "edge");
    assert_string_equal(part, "ed");
    assert_string_equal(none, "");
    assert_string_equal(made, "edge-7");
    assert_memory_equal(bytes, "edg", 3);
    assert_non_null(arena_memdup(a, NULL, 0));
}

static void test_arena_free_accepts_null(void **state)
{
    (void)state;
    assert_null(arena_free(NULL));
    assert_null(arena_free(arena_new()));
}

/* Requests that no machine can satisfy: the process must end, not get less than it asked for. */
static const size_t absurd[] = {SIZE_MAX,      SIZE_MAX - 15, SIZE_MAX - 16,   SIZE_MAX - 31,
                                SIZE_MAX - 32, SIZE_MAX - 47, SIZE_MAX / 2 + 1};

static bool child_survives(void (*request)(size_t), size_t size)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        close(STDERR_FILENO); /* the message about memory is expected */
        request(size);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void request_arena(size_t size)
{
    struct arena *a = arena_new();

    *(volatile char *)arena_alloc(a, size) = 1;
    arena_free(a);
}

static void request_heap(size_t size)
{
    char *volatile p = xmalloc(size);

    free(p);
}

static void request_product(size_t size)
{
    struct arena *a = arena_new();

    *(volatile char *)arena_calloc(a, size / 2, 4) = 1;
    arena_free(a);
}

static void test_exhaustion_aborts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(absurd); i++) {
        if (child_survives(request_heap, absurd[i]))
            fail_msg("xmalloc(%zu) returned", absurd[i]);
        if (child_survives(request_arena, absurd[i]))
            fail_msg("arena_alloc(%zu) returned", absurd[i]);
        if (child_survives(request_product, absurd[i]))
            fail_msg("arena_calloc(%zu, 4) returned", absurd[i] / 2);
    }
    assert_true(child_survives(request_arena, 100));
    assert_true(child_survives(request_heap, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_of_zero),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_take_moves_ownership),
        cmocka_unit_test(test_array_grow),
        cmocka_unit_test(test_array_grow_keeps_what_is_enough),
        cmocka_unit_test(test_arena_is_zeroed_and_aligned),
        cmocka_unit_test(test_arena_pieces_do_not_overlap),
        cmocka_unit_test(test_arena_copies),
        cmocka_unit_test(test_arena_free_accepts_null),
        cmocka_unit_test(test_exhaustion_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
