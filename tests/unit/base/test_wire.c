/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wire.h"

#include "base/macro.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t bytes[] = {0x80, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xff};

/* Every reader by its width, so that one test can cut each of them short. */
static uint64_t read_uint(struct rd *r, size_t width)
{
    switch (width) {
    case 1:
        return rd_u8(r);
    case 2:
        return rd_u16(r);
    case 4:
        return rd_u32(r);
    default:
        return rd_u64(r);
    }
}

static void write_uint(struct wr *w, size_t width, uint64_t v)
{
    switch (width) {
    case 1:
        wr_u8(w, (uint8_t)v);
        return;
    case 2:
        wr_u16(w, (uint16_t)v);
        return;
    case 4:
        wr_u32(w, (uint32_t)v);
        return;
    default:
        wr_u64(w, v);
    }
}

static const struct {
    size_t width;
    uint64_t value; /* of the first `width` of `bytes` */
} uints[] = {
    {1, 0x80},
    {2, 0x8001},
    {4, 0x80010203},
    {8, 0x8001020304050607},
};

static void test_rd_uint_at_every_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(uints); i++) {
        for (size_t len = 0; len <= sizeof(bytes); len++) {
            struct rd r = rd_from(bytes, len);
            bool fits = len >= uints[i].width;
            uint64_t v = read_uint(&r, uints[i].width);

            if (v != (fits ? uints[i].value : 0) || r.bad == fits)
                fail_msg("%zu bytes out of %zu: %#llx, bad %d", uints[i].width, len,
                         (unsigned long long)v, r.bad);
            if (r.left != (fits ? len - uints[i].width : 0))
                fail_msg("%zu bytes out of %zu: %zu left", uints[i].width, len, r.left);
        }
    }
}

static void test_rd_in_sequence(void **state)
{
    struct rd r = rd_from(bytes, sizeof(bytes));

    (void)state;
    assert_int_equal(rd_u8(&r), 0x80);
    assert_int_equal(rd_u16(&r), 0x0102);
    assert_int_equal(rd_u32(&r), 0x03040506);
    assert_false(rd_done(&r));
    assert_int_equal(rd_u16(&r), 0x07ff);
    assert_true(rd_done(&r));
    assert_int_equal(rd_u8(&r), 0);
    assert_false(rd_done(&r));
}

static void test_rd_error_is_sticky(void **state)
{
    struct rd r = rd_from(bytes, 3), child;
    uint8_t copy[2] = {9, 9};

    (void)state;
    assert_int_equal(rd_u32(&r), 0);
    assert_true(r.bad);
    assert_int_equal(r.left, 0);
    assert_int_equal(rd_u8(&r), 0);
    rd_copy(&r, copy, sizeof(copy));
    assert_int_equal(copy[0] | copy[1], 0);
    rd_skip(&r, 0);
    assert_true(r.bad);
    child = rd_sub(&r, 0);
    assert_true(child.bad);
    assert_false(rd_done(&child));
}

static void test_rd_copy_at_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        for (size_t n = 0; n <= sizeof(bytes); n++) {
            struct rd r = rd_from(bytes, len);
            uint8_t to[sizeof(bytes)], want[sizeof(bytes)] = {0};

            memset(to, 0xee, sizeof(to));
            if (n <= len)
                memcpy(want, bytes, n);
            memset(want + n, 0xee, sizeof(want) - n); /* what is behind stays untouched */
            rd_copy(&r, to, n);
            if (memcmp(to, want, sizeof(to)) != 0 || r.bad != (n > len))
                fail_msg("%zu bytes out of %zu", n, len);
        }
    }
}

static void test_rd_skip_at_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        for (size_t n = 0; n <= sizeof(bytes); n++) {
            struct rd r = rd_from(bytes, len);

            rd_skip(&r, n);
            if (r.bad != (n > len) || r.left != (n > len ? 0 : len - n))
                fail_msg("%zu bytes out of %zu", n, len);
        }
    }
}

static void test_rd_sub_at_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        for (size_t n = 0; n <= sizeof(bytes) + 1; n++) {
            struct rd r = rd_from(bytes, len), child = rd_sub(&r, n);

            if (r.bad != (n > len) || child.bad != (n > len))
                fail_msg("%zu bytes out of %zu: bad %d, child %d", n, len, r.bad, child.bad);
            if (child.left != (n > len ? 0 : n))
                fail_msg("%zu bytes out of %zu: child has %zu", n, len, child.left);
        }
    }
}

static void test_rd_sub_keeps_the_child_inside(void **state)
{
    struct rd r = rd_from(bytes, sizeof(bytes)), child = rd_sub(&r, 3);

    (void)state;
    assert_int_equal(rd_u32(&child), 0);
    assert_true(child.bad);
    assert_false(r.bad);
    assert_int_equal(rd_u8(&r), 0x03);
}

static void test_rd_huge_lengths(void **state)
{
    struct rd r = rd_from(bytes, sizeof(bytes));

    (void)state;
    assert_int_equal(rd_u8(&r), 0x80);
    rd_skip(&r, SIZE_MAX);
    assert_true(r.bad);
    r = rd_from(bytes, sizeof(bytes));
    assert_true(rd_sub(&r, SIZE_MAX - 1).bad);
}

/* A library may hand out "no bytes" as NULL. */
static void test_rd_of_nothing(void **state)
{
    struct rd r = rd_from(NULL, 0), child;
    uint8_t to = 7;

    (void)state;
    assert_true(rd_done(&r));
    rd_skip(&r, 0);
    rd_copy(&r, &to, 0);
    child = rd_sub(&r, 0);
    assert_true(rd_done(&child));
    assert_true(rd_done(&r));
    assert_int_equal(to, 7);
    assert_int_equal(rd_u8(&r), 0);
    assert_true(r.bad);
}

/* A loop over `left` ends whatever the bytes say: type, length, value. */
static void test_rd_loops_end(void **state)
{
    uint8_t in[3];

    (void)state;
    for (unsigned v = 0; v < 256; v++) {
        struct rd r;
        int rounds = 0;

        memset(in, (int)v, sizeof(in));
        r = rd_from(in, sizeof(in));
        while (r.left > 0 && rounds <= 3) {
            (void)rd_u8(&r); /* the type */
            (void)rd_sub(&r, rd_u8(&r));
            rounds++;
        }
        if (rounds > 3)
            fail_msg("%u goes round forever", v);
    }
}

static void test_wr_uint_at_every_capacity(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(uints); i++) {
        for (size_t cap = 0; cap <= 9; cap++) {
            uint8_t out[10], want[10];
            struct wr w = wr_to(out, cap);
            bool fits = cap >= uints[i].width;

            memset(out, 0xee, sizeof(out));
            memset(want, 0xee, sizeof(want));
            if (fits)
                memcpy(want, bytes, uints[i].width);
            write_uint(&w, uints[i].width, uints[i].value);
            if (memcmp(out, want, sizeof(out)) != 0 || w.bad == fits)
                fail_msg("%zu bytes into %zu", uints[i].width, cap);
            if (w.len != (fits ? uints[i].width : 0))
                fail_msg("%zu bytes into %zu: length %zu", uints[i].width, cap, w.len);
        }
    }
}

static void test_wr_error_is_sticky(void **state)
{
    uint8_t out[4] = {1, 1, 1, 1};
    struct wr w = wr_to(out, sizeof(out));
    size_t at;

    (void)state;
    wr_u16(&w, 0x0203);
    wr_u32(&w, 0xffffffff);
    assert_true(w.bad);
    at = wr_hole16(&w);
    wr_u8(&w, 9);
    wr_bytes(&w, "z", 1);
    wr_zeros(&w, 1);
    wr_fill16(&w, at, 0x0909);
    assert_true(w.bad);
    assert_int_equal(w.len, 2);
    assert_memory_equal(out, ((const uint8_t[]){2, 3, 1, 1}), 4);
}

static void test_wr_bytes_and_zeros(void **state)
{
    uint8_t out[6];
    struct wr w = wr_to(out, sizeof(out));

    (void)state;
    memset(out, 0xee, sizeof(out));
    wr_bytes(&w, "ab", 2);
    wr_bytes(&w, NULL, 0);
    wr_zeros(&w, 3);
    wr_zeros(&w, 0);
    wr_bytes(&w, "c", 1);
    assert_false(w.bad);
    assert_memory_equal(out, "ab\0\0\0c", 6);
    wr_bytes(&w, "d", 1);
    assert_true(w.bad);
}

static void test_wr_hole(void **state)
{
    uint8_t out[8];
    struct wr w = wr_to(out, sizeof(out));
    size_t at;

    (void)state;
    wr_u8(&w, 7);
    at = wr_hole16(&w);
    wr_u32(&w, 0x01020304);
    assert_int_equal(at, 1);
    assert_memory_equal(out + 1, "\0\0", 2);
    wr_fill16(&w, at, (uint16_t)(w.len - at));
    assert_memory_equal(out, ((const uint8_t[]){7, 0, 6, 1, 2, 3, 4}), 7);
}

static void test_wr_huge_lengths(void **state)
{
    uint8_t out[2] = {5, 5};
    struct wr w = wr_to(out, sizeof(out));

    (void)state;
    wr_u8(&w, 6);
    wr_zeros(&w, SIZE_MAX);
    assert_true(w.bad);
    assert_int_equal(w.len, 1);
    assert_memory_equal(out, ((const uint8_t[]){6, 5}), 2);
}

/* What one cursor writes the other one reads back. */
static void test_round_trip(void **state)
{
    uint8_t out[1 + 2 + 4 + 8 + 3];
    struct wr w = wr_to(out, sizeof(out));
    uint8_t tail[3];
    struct rd r;

    (void)state;
    wr_u8(&w, UINT8_MAX);
    wr_u16(&w, UINT16_MAX - 1);
    wr_u32(&w, UINT32_MAX - 2);
    wr_u64(&w, UINT64_MAX - 3);
    wr_bytes(&w, "xyz", 3);
    assert_false(w.bad);
    r = rd_from(out, w.len);
    assert_true(rd_u8(&r) == UINT8_MAX);
    assert_true(rd_u16(&r) == UINT16_MAX - 1);
    assert_true(rd_u32(&r) == UINT32_MAX - 2);
    assert_true(rd_u64(&r) == UINT64_MAX - 3);
    rd_copy(&r, tail, sizeof(tail));
    assert_memory_equal(tail, "xyz", 3);
    assert_true(rd_done(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rd_uint_at_every_length),
        cmocka_unit_test(test_rd_in_sequence),
        cmocka_unit_test(test_rd_error_is_sticky),
        cmocka_unit_test(test_rd_copy_at_every_length),
        cmocka_unit_test(test_rd_skip_at_every_length),
        cmocka_unit_test(test_rd_sub_at_every_length),
        cmocka_unit_test(test_rd_sub_keeps_the_child_inside),
        cmocka_unit_test(test_rd_huge_lengths),
        cmocka_unit_test(test_rd_of_nothing),
        cmocka_unit_test(test_rd_loops_end),
        cmocka_unit_test(test_wr_uint_at_every_capacity),
        cmocka_unit_test(test_wr_error_is_sticky),
        cmocka_unit_test(test_wr_bytes_and_zeros),
        cmocka_unit_test(test_wr_hole),
        cmocka_unit_test(test_wr_huge_lengths),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
