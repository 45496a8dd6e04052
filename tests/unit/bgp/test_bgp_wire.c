/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, KEEPALIVE, NOTIFICATION and ROUTE-REFRESH, and how NOTIFICATIONs are told. */
#include "bgp/bgp_wire.h"

#include "base/macro.h"
#include "bgp_hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add_error(struct text *t, const struct bgp_error *e)
{
    text_printf(t, "%u/%u ", e->code, e->subcode);
    add_hex(t, e->data, e->data_len);
}

/* --- headers --- */

static const struct {
    const char *name, *bytes;
    bool extended;
    const char *want; /* type and length, or the error */
} headers[] = {
    {"OPEN, the shortest", MARKER "001d 01", false, "type 1 len 29"},
    {"OPEN, one byte less", MARKER "001c 01", false, "1/2 001c"},
    {"OPEN, the longest", MARKER "1000 01", true, "type 1 len 4096"},
    {"OPEN is never extended", MARKER "1001 01", true, "1/2 1001"},
    {"UPDATE, the shortest", MARKER "0017 02", false, "type 2 len 23"},
    {"UPDATE, one byte less", MARKER "0016 02", false, "1/2 0016"},
    {"UPDATE, the longest", MARKER "1000 02", false, "type 2 len 4096"},
    {"UPDATE, one byte more", MARKER "1001 02", false, "1/2 1001"},
    {"UPDATE, extended", MARKER "ffff 02", true, "type 2 len 65535"},
    {"NOTIFICATION, the shortest", MARKER "0015 03", false, "type 3 len 21"},
    {"NOTIFICATION, one byte less", MARKER "0014 03", false, "1/2 0014"},
    {"NOTIFICATION, extended", MARKER "1001 03", true, "type 3 len 4097"},
    {"KEEPALIVE", MARKER "0013 04", false, "type 4 len 19"},
    {"KEEPALIVE with a body", MARKER "0014 04", false, "1/2 0014"},
    {"KEEPALIVE with a body, extended", MARKER "0014 04", true, "1/2 0014"},
    {"ROUTE-REFRESH", MARKER "0017 05", false, "type 5 len 23"},
    {"ROUTE-REFRESH, shorter", MARKER "0016 05", false, "1/2 0016"},
    {"ROUTE-REFRESH, longer", MARKER "0018 05", true, "type 5 len 24"},
    {"shorter than a header", MARKER "0012 04", false, "1/2 0012"},
    {"no length", MARKER "0000 02", true, "1/2 0000"},
    {"no such type", MARKER "0013 06", false, "1/3 06"},
    {"type 0", MARKER "0013 00", false, "1/3 00"},
    {"no such type, too long", MARKER "1001 09", false, "1/2 1001"},
    {"marker, first byte", "feffffffffffffffffffffffffffffff 0013 04", false, "1/1 "},
    {"marker, last byte", "ffffffffffffffffffffffffffffff00 0013 04", false, "1/1 "},
};

static void reads_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        CLEANUP(text_done) struct text got = {0};
        uint8_t bytes[BGP_HEADER_LEN];
        struct bgp_header h;
        struct bgp_error e;

        assert_int_equal(unhex(bytes, sizeof(bytes), headers[i].bytes), BGP_HEADER_LEN);
        if (bgp_header_read(&h, bytes, headers[i].extended, &e))
            text_printf(&got, "type %d len %u", h.type, h.len);
        else
            add_error(&got, &e);
        if (!str_eq(text_str(&got), headers[i].want))
            fail_msg("%s: %s, not %s", headers[i].name, text_str(&got), headers[i].want);
    }
}

static void families(void **state)
{
    enum bgp_family f = BGP_IPV4;

    (void)state;
    assert_int_equal(bgp_family_of(IP_V4), BGP_IPV4);
    assert_int_equal(bgp_family_of(IP_V6), BGP_IPV6);
    assert_string_equal(bgp_family_name(BGP_IPV4), "ipv4");
    assert_string_equal(bgp_family_name(BGP_IPV6), "ipv6");
    assert_true(bgp_family_find(&f, 2, 1));
    assert_int_equal(f, BGP_IPV6);
    assert_false(bgp_family_find(&f, 2, 2));
    assert_false(bgp_family_find(&f, 25, 1));
    assert_false(bgp_family_find(&f, 0, 1));
}

/* --- small messages --- */

static void writes_keepalive(void **state)
{
    uint8_t bytes[64];
    struct wr w = wr_to(bytes, sizeof(bytes));

    (void)state;
    bgp_keepalive_write(&w);
    bgp_keepalive_write(&w); /* behind another message */
    assert_true(is_hex(bytes, w.len, MARKER "0013 04" MARKER "0013 04"));
}

static const struct {
    const char *name;
    enum bgp_family family;
    enum bgp_refresh_kind kind;
    const char *bytes;
} refreshes[] = {
    {"IPv4", BGP_IPV4, BGP_REFRESH_REQUEST, MARKER "0017 05 0001 00 01"},
    {"IPv6, begin", BGP_IPV6, BGP_REFRESH_BEGIN, MARKER "0017 05 0002 01 01"},
    {"IPv6, end", BGP_IPV6, BGP_REFRESH_END, MARKER "0017 05 0002 02 01"},
};

static void refreshes_round(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refreshes); i++) {
        uint8_t bytes[64];
        struct wr w = wr_to(bytes, sizeof(bytes));
        struct bgp_refresh m;
        struct bgp_error e;

        bgp_refresh_write(&w, refreshes[i].family, refreshes[i].kind);
        if (!is_hex(bytes, w.len, refreshes[i].bytes))
            fail_msg("%s", refreshes[i].name);
        if (!bgp_refresh_read(&m, bytes + BGP_HEADER_LEN, w.len - BGP_HEADER_LEN, &e) || !m.known ||
            m.family != refreshes[i].family || m.kind != refreshes[i].kind)
            fail_msg("%s: read as something else", refreshes[i].name);
    }
}

static const char *const unknown_bodies[] = {"0001 00 02", "0019 00 01", "0001 03 01"};

static void unknown_refreshes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(unknown_bodies); i++) {
        uint8_t bytes[4];
        size_t len = unhex(bytes, sizeof(bytes), unknown_bodies[i]);
        struct bgp_refresh m;
        struct bgp_error e;

        if (!bgp_refresh_read(&m, bytes, len, &e) || m.known)
            fail_msg("%s is known", unknown_bodies[i]);
    }
}

/* RFC 7313 5: the answer shows the message, here as much of it as fits. */
static void refreshes_of_another_length(void **state)
{
    uint8_t bytes[300] = {0, 1, 1, 1}, want[64];
    size_t len = unhex(want, sizeof(want), MARKER "0018 05 0001 01 01 00");
    struct bgp_refresh m;
    struct bgp_error e;

    (void)state;
    assert_false(bgp_refresh_read(&m, bytes, 5, &e));
    assert_int_equal(e.code, BGP_ERR_REFRESH);
    assert_int_equal(e.subcode, 1);
    assert_int_equal(e.data_len, len);
    assert_memory_equal(e.data, want, len);
    assert_false(bgp_refresh_read(&m, bytes, sizeof(bytes), &e));
    assert_int_equal(e.data_len, BGP_ERROR_DATA_MAX);
    bytes[2] = 0; /* a request, which RFC 7313 does not speak of */
    assert_false(bgp_refresh_read(&m, bytes, 5, &e));
    assert_int_equal(e.code, BGP_ERR_HEADER);
    assert_int_equal(e.subcode, 2);
}

static void notification_round(void **state)
{
    uint8_t bytes[64];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct bgp_error e = bgp_error_of(BGP_ERR_OPEN, 1), back;

    (void)state;
    e.data[1] = 4;
    e.data_len = 2;
    bgp_notification_write(&w, &e);
    assert_true(is_hex(bytes, w.len, MARKER "0017 03 02 01 0004"));
    bgp_notification_read(&back, bytes + BGP_HEADER_LEN, w.len - BGP_HEADER_LEN);
    assert_int_equal(back.code, 2);
    assert_int_equal(back.subcode, 1);
    assert_int_equal(back.data_len, 2);
    assert_memory_equal(back.data, e.data, 2);
}

static void long_notification_is_cut(void **state)
{
    uint8_t body[BGP_MESSAGE_MAX - BGP_HEADER_LEN];
    struct bgp_error e;

    (void)state;
    memset(body, 7, sizeof(body));
    bgp_notification_read(&e, body, sizeof(body));
    assert_int_equal(e.data_len, BGP_ERROR_DATA_MAX);
    assert_int_equal(e.data[BGP_ERROR_DATA_MAX - 1], 7);
}

/* --- texts of a cease --- */

static const struct {
    const char *name;
    uint8_t subcode;
    const char *text;
    bool hard;
    const char *want; /* subcode and data */
} ceases[] = {
    {"with a text", BGP_CEASE_SHUTDOWN, "abc", false, "6/2 03616263"},
    {"without", BGP_CEASE_SHUTDOWN, NULL, false, "6/2 "},
    {"empty", BGP_CEASE_RESET, "", false, "6/4 "},
    {"RFC 9003 has no text for it", BGP_CEASE_DECONFIGURED, "abc", false, "6/3 "},
    {"hard", BGP_CEASE_SHUTDOWN, "abc", true, "6/9 060203616263"},
    {"hard, without a text", BGP_CEASE_DECONFIGURED, NULL, true, "6/9 0603"},
    {"not UTF-8, and controls", BGP_CEASE_SHUTDOWN, "\xff\n\xc3\xa9", false, "6/2 043f3fc3a9"},
};

static void writes_ceases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ceases); i++) {
        struct bgp_error e = bgp_error_cease(ceases[i].subcode, ceases[i].text, ceases[i].hard);
        CLEANUP(text_done) struct text got = {0};

        add_error(&got, &e);
        if (!str_eq(text_str(&got), ceases[i].want))
            fail_msg("%s: %s, not %s", ceases[i].name, text_str(&got), ceases[i].want);
    }
}

/* 254 bytes and a character of two bytes: only whole ones are sent. */
static void text_is_cut_at_a_character(void **state)
{
    char text[400];
    struct bgp_error e;

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text + 254, "\xc3\xa9", 2);
    text[sizeof(text) - 1] = '\0';
    e = bgp_error_cease(BGP_CEASE_SHUTDOWN, text, true);
    assert_int_equal(e.data_len, 3 + 254);
    assert_int_equal(e.data[2], 254);
    text[254] = 'x';
    text[255] = '\0';
    e = bgp_error_cease(BGP_CEASE_SHUTDOWN, text, true);
    assert_int_equal(e.data_len, 3 + 255);
}

static const struct {
    uint8_t code, subcode;
    const char *data, *want;
} printed[] = {
    {6, 2, "0b 6d61696e74656e616e6365", "0x0602 (administrative shutdown): maintenance"},
    {6, 4, "", "0x0604 (administrative reset)"},
    {6, 4, "00", "0x0604 (administrative reset)"},
    {6, 2, "05 6162", "0x0602 (administrative shutdown): data 056162"},
    {6, 2, "04 611b5b6d", "0x0602 (administrative shutdown): a?[m"},
    {6, 2, "04 0a0dc285", "0x0602 (administrative shutdown): ???"},
    {6, 2, "04 c3a9c3c3", "0x0602 (administrative shutdown): \xc3\xa9??"},
    {6, 2, "03 eda080", "0x0602 (administrative shutdown): ???"}, /* a surrogate */
    {6, 2, "02 c0ae", "0x0602 (administrative shutdown): ??"},    /* not the shortest form */
    {6, 2, "03 e282ac", "0x0602 (administrative shutdown): \xe2\x82\xac"},
    {6, 2, "04 f0908d88", "0x0602 (administrative shutdown): \xf0\x90\x8d\x88"},
    {6, 9, "06 02 02 6869", "0x0609 (hard reset): 0x0602 (administrative shutdown): hi"},
    {6, 9, "06 03", "0x0609 (hard reset): 0x0603 (peer deconfigured)"},
    {6, 9, "06", "0x0609 (hard reset): data 06"},
    {6, 10, "", "0x060a (BFD down)"},
    {2, 7, "0104000200 01", "0x0207 (unsupported capability): data 010400020001"},
    {2, 2, "", "0x0202 (bad peer AS)"},
    {4, 0, "", "0x0400 (hold timer expired)"},
    {5, 3, "", "0x0503 (unexpected message in Established)"},
    {8, 0, "", "0x0800 (send hold timer expired)"},
    {3, 99, "", "0x0363 (UPDATE message error)"},
    {77, 1, "", "0x4d01 (unknown)"},
    {1, 1, "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f 20",
     "0x0101 (connection not synchronised): data "
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f..."},
};

static void prints_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(printed); i++) {
        struct bgp_error e = bgp_error_of(printed[i].code, printed[i].subcode);
        CLEANUP(text_done) struct text got = {0};

        e.data_len = (uint16_t)unhex(e.data, sizeof(e.data), printed[i].data);
        bgp_error_print(&got, &e);
        if (!str_eq(text_str(&got), printed[i].want))
            fail_msg("%s, not %s", text_str(&got), printed[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_headers),      cmocka_unit_test(families),
        cmocka_unit_test(writes_keepalive),   cmocka_unit_test(refreshes_round),
        cmocka_unit_test(unknown_refreshes),  cmocka_unit_test(refreshes_of_another_length),
        cmocka_unit_test(notification_round), cmocka_unit_test(long_notification_is_cut),
        cmocka_unit_test(writes_ceases),      cmocka_unit_test(text_is_cut_at_a_character),
        cmocka_unit_test(prints_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
