/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/member_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void known_bytes(void **state)
{
    static const uint8_t want[] = {'S', 'L', 'B', '1', 0x1f, 0x0b, 1, 4, 24, 198, 18, 10, 0};
    struct member_meta m = {.fast_port = 7947, .cut_off_count = 1};
    uint8_t bytes[MEMBER_META_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    (void)state;
    assert_true(prefix_parse(&m.cut_off[0], "198.18.10.0/24"));
    member_meta_write(&w, &m);
    assert_false(w.bad);
    assert_int_equal(w.len, sizeof(want));
    assert_memory_equal(bytes, want, sizeof(want));
}

/* The most that a node may say fits, and comes out as it went in. */
static void round_trip(void **state)
{
    struct member_meta m = {.fast_port = 1, .cut_off_count = MEMBER_CUT_OFF_MAX}, out;
    uint8_t bytes[MEMBER_META_MAX], v6[16] = {0x20, 1};
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct rd r;

    (void)state;
    for (size_t i = 0; i < MEMBER_CUT_OFF_MAX; i++) {
        v6[2] = (uint8_t)i;
        m.cut_off[i] = prefix_of(ip_v6(v6), (uint8_t)(24 + i));
    }
    member_meta_write(&w, &m);
    assert_false(w.bad);
    assert_int_equal(w.len, MEMBER_META_MAX);
    r = rd_from(bytes, w.len);
    assert_int_equal(member_meta_read(&out, &r), 0);
    assert_int_equal(out.fast_port, 1);
    assert_int_equal(out.cut_off_count, MEMBER_CUT_OFF_MAX);
    for (size_t i = 0; i < MEMBER_CUT_OFF_MAX; i++)
        assert_true(prefix_eq(out.cut_off[i], m.cut_off[i]));
    for (size_t cut = 0; cut < w.len; cut++) {
        r = rd_from(bytes, cut);
        assert_int_equal(member_meta_read(&out, &r), -EBADMSG);
    }
}

static const struct {
    const char *name;
    uint8_t bytes[20];
    size_t len;
    int want;
} cases[] = {
    {"nothing", {0}, 0, -EBADMSG},
    {"somebody else's", {'h', 'e', 'l', 'l', 'o', 0, 0}, 7, -EBADMSG},
    {"no prefix", {'S', 'L', 'B', '1', 0, 0, 0}, 7, 0},
    {"more follows", {'S', 'L', 'B', '1', 0, 0, 0, 9, 9}, 9, 0},
    {"too many", {'S', 'L', 'B', '1', 0, 0, MEMBER_CUT_OFF_MAX + 1}, 7, -EBADMSG},
    {"unknown family", {'S', 'L', 'B', '1', 0, 0, 1, 5, 8, 10, 0, 0, 0}, 13, -EBADMSG},
    {"longer than the address", {'S', 'L', 'B', '1', 0, 0, 1, 4, 33, 10, 0, 0, 0}, 13, -EBADMSG},
    {"cut short", {'S', 'L', 'B', '1', 0, 0, 1, 4, 8, 10, 0, 0}, 12, -EBADMSG},
};

static void reads_only_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rd r = rd_from(cases[i].bytes, cases[i].len);
        struct member_meta m;

        if (member_meta_read(&m, &r) != cases[i].want)
            fail_msg("%s", cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(reads_only_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
