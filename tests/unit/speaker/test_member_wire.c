/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/member_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void known_bytes(void **state)
{
    static const uint8_t want[] = {'S', 'L', 'B', '1', 0x1f, 0x0b, 1, 4, 24, 198, 18, 10, 0};
    struct member_meta m = {.fast_port = 7947, .links.cut_off_count = 1};
    uint8_t bytes[MEMBER_META_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    (void)state;
    assert_true(prefix_parse(&m.links.cut_off[0], "198.18.10.0/24"));
    member_meta_write(&w, &m);
    assert_false(w.bad);
    assert_int_equal(w.len, sizeof(want));
    assert_memory_equal(bytes, want, sizeof(want));
}

static void known_bytes_of_names(void **state)
{
    static const uint8_t want[] = {'S', 'L', 'B', '1', 0,   0,   0,   2, 4, 'e', 't',
                                   'h', '1', 4,   'e', 't', 'h', '2', 1, 2, 'e', 'n'};
    struct member_meta m = {0};
    uint8_t bytes[MEMBER_META_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    (void)state;
    assert_true(member_names_add(&m.links.absent, "en"));
    member_meta_write(&w, &m); /* what it lacks is of no interest alone */
    assert_int_equal(w.len, 7);
    assert_true(member_names_add(&m.links.dark, "eth1") && member_names_add(&m.links.dark, "eth2"));
    w = wr_to(bytes, sizeof(bytes));
    member_meta_write(&w, &m);
    assert_int_equal(w.len, sizeof(want));
    assert_memory_equal(bytes, want, sizeof(want));
}

static void fill_prefixes(struct member_links *l, size_t count)
{
    uint8_t v6[16] = {0x20, 1};

    l->cut_off_count = count;
    for (size_t i = 0; i < count; i++) {
        v6[2] = (uint8_t)i;
        l->cut_off[i] = prefix_of(ip_v6(v6), (uint8_t)(24 + i));
    }
}

static void fill_names(struct member_names *n, int name_len, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof(name), "e%0*u", name_len - 1, (unsigned)i);
        assert_true(member_names_add(n, name));
    }
}

/* How many come out of what goes in: what does not fit is left out from the end. */
static const struct {
    const char *name;
    int name_len;
    size_t prefixes, dark, absent;
    size_t want_dark, want_absent, len;
} trips[] = {
    {"nothing", 1, 0, 0, 0, 0, 0, 7},
    {"all prefixes", 1, 24, 0, 0, 0, 0, 439},
    {"long names", 15, 0, 31, 0, 31, 0, 505},
    {"one too many", 15, 0, 32, 0, 31, 0, 505},
    {"short names", 3, 0, 32, 32, 32, 32, 265},
    {"of both kinds", 15, 0, 20, 20, 20, 11, 505},
    {"behind all prefixes", 15, 24, 3, 3, 3, 1, 505},
    {"no room for what it lacks", 15, 24, 9, 3, 4, 0, 505},
};

static void round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(trips); i++) {
        struct member_meta m = {.fast_port = 1}, out;
        uint8_t bytes[MEMBER_META_MAX];
        struct wr w = wr_to(bytes, sizeof(bytes));
        struct rd r;

        fill_prefixes(&m.links, trips[i].prefixes);
        fill_names(&m.links.dark, trips[i].name_len, trips[i].dark);
        fill_names(&m.links.absent, trips[i].name_len, trips[i].absent);
        member_meta_write(&w, &m);
        r = rd_from(bytes, w.len);
        if (w.bad || w.len != trips[i].len || member_meta_read(&out, &r) < 0 || r.left > 0)
            fail_msg("%s: %zu bytes", trips[i].name, w.len);
        assert_int_equal(out.fast_port, 1);
        assert_int_equal(out.links.cut_off_count, trips[i].prefixes);
        for (size_t k = 0; k < trips[i].prefixes; k++)
            assert_true(prefix_eq(out.links.cut_off[k], m.links.cut_off[k]));
        if (out.links.dark.count != trips[i].want_dark ||
            out.links.absent.count != trips[i].want_absent)
            fail_msg("%s: %zu and %zu names", trips[i].name, out.links.dark.count,
                     out.links.absent.count);
        for (size_t k = 0; k < out.links.dark.count; k++)
            assert_string_equal(out.links.dark.names[k], m.links.dark.names[k]);
        for (size_t k = 0; k < out.links.absent.count; k++)
            assert_string_equal(out.links.absent.names[k], m.links.absent.names[k]);
    }
}

/* Up to the names every byte is needed; names that are cut short are none. */
static void cut_short(void **state)
{
    struct member_meta m = {0}, out;
    uint8_t bytes[MEMBER_META_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    (void)state;
    fill_prefixes(&m.links, 2);
    fill_names(&m.links.dark, 4, 2);
    member_meta_write(&w, &m);
    for (size_t cut = 0; cut < w.len; cut++) {
        struct rd r = rd_from(bytes, cut);

        assert_int_equal(member_meta_read(&out, &r), cut < 7 + 2 * 18 ? -EBADMSG : 0);
        if (cut >= 7 + 2 * 18)
            assert_int_equal(out.links.dark.count, 0);
    }
}

static const struct {
    const char *name;
    uint8_t bytes[20];
    size_t len;
    int want;
    size_t dark; /* names */
} cases[] = {
    {"nothing", {0}, 0, -EBADMSG, 0},
    {"somebody else's", {'h', 'e', 'l', 'l', 'o', 0, 0}, 7, -EBADMSG, 0},
    {"no prefix", {'S', 'L', 'B', '1', 0, 0, 0}, 7, 0, 0},
    {"more follows", {'S', 'L', 'B', '1', 0, 0, 0, 9, 9}, 9, 0, 0},
    {"a name", {'S', 'L', 'B', '1', 0, 0, 0, 1, 2, 'e', '1', 0}, 12, 0, 1},
    {"more follows names", {'S', 'L', 'B', '1', 0, 0, 0, 1, 2, 'e', '1', 0, 9, 9}, 14, 0, 1},
    {"an empty name", {'S', 'L', 'B', '1', 0, 0, 0, 1, 0, 0}, 10, 0, 0},
    {"a name that ends early", {'S', 'L', 'B', '1', 0, 0, 0, 1, 2, 'e', 0, 0}, 12, 0, 0},
    {"a long name", {'S', 'L', 'B', '1', 0, 0, 0, 1, 16, 'e'}, 20, 0, 0},
    {"no second list", {'S', 'L', 'B', '1', 0, 0, 0, 1, 2, 'e', '1'}, 11, 0, 0},
    {"too many", {'S', 'L', 'B', '1', 0, 0, MEMBER_CUT_OFF_MAX + 1}, 7, -EBADMSG, 0},
    {"unknown family", {'S', 'L', 'B', '1', 0, 0, 1, 5, 8, 10, 0, 0, 0}, 13, -EBADMSG, 0},
    {"longer than the address", {'S', 'L', 'B', '1', 0, 0, 1, 4, 33, 10, 0, 0, 0}, 13, -EBADMSG, 0},
    {"cut short", {'S', 'L', 'B', '1', 0, 0, 1, 4, 8, 10, 0, 0}, 12, -EBADMSG, 0},
};

static void reads_only_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rd r = rd_from(cases[i].bytes, cases[i].len);
        struct member_meta m = {0};

        if (member_meta_read(&m, &r) != cases[i].want || m.links.dark.count != cases[i].dark)
            fail_msg("%s", cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),     cmocka_unit_test(known_bytes_of_names),
        cmocka_unit_test(round_trips),     cmocka_unit_test(cut_short),
        cmocka_unit_test(reads_only_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
