/* SPDX-License-Identifier: Apache-2.0 */
/* OPEN messages: those of other speakers, our own, and broken ones. */
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

static void add_if(struct text *t, bool is, const char *word)
{
    if (is)
        text_printf(t, " %s", word);
}

static void add_graceful(struct text *t, const struct bgp_capabilities *c)
{
    if (!c->graceful)
        return;
    text_printf(t, " graceful %u", c->restart_s);
    add_if(t, c->restarting, "R");
    add_if(t, c->with_notification, "N");
    for (int f = 0; f < BGP_FAMILIES; f++) {
        add_if(t, c->graceful_family[f], f == BGP_IPV6 ? "6" : "4");
        add_if(t, c->forwarding[f], "F");
    }
}

static void add_open(struct text *t, const struct bgp_open *o)
{
    const struct bgp_capabilities *c = &o->caps;

    text_printf(t, "as %u hold %u id %08x", o->asn, o->hold_s, o->id);
    add_if(t, c->multiprotocol, "mp");
    add_if(t, c->family[BGP_IPV4], "ipv4");
    add_if(t, c->family[BGP_IPV6], "ipv6");
    add_if(t, c->refresh, "refresh");
    add_if(t, c->enhanced_refresh, "enhanced");
    add_if(t, c->extended_message, "extended");
    add_if(t, c->v4_over_v6, "v4-over-v6");
    if (c->as4)
        text_printf(t, " as4 %u", c->asn);
    add_graceful(t, c);
    if (c->hostname[0] != '\0')
        text_printf(t, " host %s", c->hostname);
}

static void add_result(struct text *t, const uint8_t *body, size_t len)
{
    struct bgp_error e;
    struct bgp_open o;

    if (bgp_open_read(&o, body, len, &e)) {
        add_open(t, &o);
        return;
    }
    text_printf(t, "%u/%u ", e.code, e.subcode);
    add_hex(t, e.data, e.data_len);
}

/* --- what others sent --- */

static const struct {
    const char *name, *bytes, *want;
} captured[] = {
    {"MetalLB's native mode (spec speaker-bgp 2.2)",
     MARKER "0031 01 04 fdea 005a 0a000001 14 0212 010400010001 010400020001 41040000fdea",
     "as 65002 hold 90 id 0a000001 mp ipv4 ipv6 as4 65002"},
    {"Arista EOS 4.13", MARKER "002b 01 04 fde9 00b4 0a000002 0e 020c 010400010001 0200 40020078",
     "as 65001 hold 180 id 0a000002 mp ipv4 refresh graceful 120"},
    {"FRR 8.4.4",
     MARKER "0079 01 04 fdea 00b4 c6120002 5c"
            "0206 010400010001 0206 010400020001 0202 8000 0202 0200 0202 4600"
            "0206 41040000fdea 0202 0600 020a 45080001010100020101 0206 490402723100"
            "020c 400ac07800010100 00020100 0210 470e 00010180000000 00020180000000",
     "as 65002 hold 180 id c6120002 mp ipv4 ipv6 refresh enhanced extended as4 65002"
     " graceful 120 R N 4 6 host r1"},
    {"BIRD 2.0.12",
     MARKER "0051 01 04 5ba0 00f0 c6120001 34 0232 010400010001 010400020001 0200 "
            "400a007800010100 00020100 4104fa56ea01 4600 470e 00010100000e10 00020100000e10",
     "as 4200000001 hold 240 id c6120001 mp ipv4 ipv6 refresh enhanced as4 4200000001"
     " graceful 120 4 6"},
    {"GoBGP 3.10.0",
     MARKER "004d 01 04 fdeb 005a c6120003 30 022e 0200 490402766d00 010400010001 010400020001"
            "41040000fdeb 400a407800010100 00020100 0506000100010002",
     "as 65003 hold 90 id c6120003 mp ipv4 ipv6 refresh v4-over-v6 as4 65003 graceful 120 N 4 6"
     " host vm"},
    {"ExaBGP 4.2.21",
     MARKER "004f 01 04 fdec 00b4 c6120004 32 0206 010400010001 0206 010400020001"
            "0206 41040000fdec 020c 400a800a00010180 00020180 0202 0200 0202 4600 0202 0600",
     "as 65004 hold 180 id c6120004 mp ipv4 ipv6 refresh enhanced extended as4 65004"
     " graceful 10 R 4 F 6 F"},
};

static void reads_those_of_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(captured); i++) {
        CLEANUP(text_done) struct text got = {0};
        uint8_t bytes[512];
        size_t len = unhex(bytes, sizeof(bytes), captured[i].bytes);
        struct bgp_header h;
        struct bgp_error e;

        if (!bgp_header_read(&h, bytes, false, &e) || h.type != BGP_OPEN || h.len != len)
            fail_msg("%s: header", captured[i].name);
        add_result(&got, bytes + BGP_HEADER_LEN, len - BGP_HEADER_LEN);
        if (!str_eq(text_str(&got), captured[i].want))
            fail_msg("%s: %s, not %s", captured[i].name, text_str(&got), captured[i].want);
    }
}

/* --- forms, right and wrong --- */

/* An OPEN of AS 65001 up to its parameters. */
#define FIXED "04 fde9 00b4 0a000002 "
#define PLAIN "as 65001 hold 180 id 0a000002"

static const struct {
    const char *name, *body, *want;
} forms[] = {
    {"no parameters", FIXED "00", PLAIN},
    {"an empty parameter", FIXED "02 0200", PLAIN},
    {"an unknown capability", FIXED "07 0205 c803010203", PLAIN},
    {"role (RFC 9234)", FIXED "05 0203 090103", PLAIN},
    {"old code of route refresh", FIXED "04 0202 8000", PLAIN " refresh"},
    {"another family", FIXED "08 0206 010400190046", PLAIN " mp"},
    {"IPv6 multicast", FIXED "08 0206 010400020002", PLAIN " mp"},
    {"families in two parameters", FIXED "10 0206 010400010001 0206 010400020001",
     PLAIN " mp ipv4 ipv6"},
    {"the same AS twice", FIXED "0e 020c 41040000fde9 41040000fde9", PLAIN " as4 65001"},
    {"another AS the second time", FIXED "0e 020c 41040000fde9 41040000fdea", "2/2 "},
    {"AS_TRANS stands for a long AS", "04 5ba0 00b4 0a000002 08 0206 4104fffffffe",
     "as 4294967294 hold 180 id 0a000002 as4 4294967294"},
    {"the last graceful restart counts", FIXED "0e 020c 4006c07800020180 4002005a",
     PLAIN " graceful 90"},
    {"graceful restart, forwarding of one family", FIXED "0e 020c 400a4fff00010100 00020180",
     PLAIN " graceful 4095 N 4 6 F"},
    {"graceful restart of another family", FIXED "0a 0208 4006007800190180", PLAIN " graceful 120"},
    {"next hops of several kinds", FIXED "10 020e 050c 000100800002 000100010002",
     PLAIN " v4-over-v6"},
    {"next hops of VPN only", FIXED "0a 0208 0506 000100800002", PLAIN},
    {"host name, made printable", FIXED "0a 0208 490604611bc32000", PLAIN " host a???"},
    {"host name longer than said", FIXED "06 0204 490240 61", PLAIN " host a"},
    {"host name without a length", FIXED "04 0202 4900", PLAIN},
    {"hold time 0", "04 fde9 0000 0a000002 00", "as 65001 hold 0 id 0a000002"},
    {"hold time 3", "04 fde9 0003 0a000002 00", "as 65001 hold 3 id 0a000002"},

    {"RFC 9072", FIXED "ff ff 0009 02 0006 010400020001", PLAIN " mp ipv6"},
    {"RFC 9072, first length not 255", FIXED "01 ff 0009 02 0006 010400020001", PLAIN " mp ipv6"},
    {"RFC 9072, nothing", FIXED "ff ff 0000", PLAIN},
    {"RFC 9072, cut short", FIXED "ff ff 00", "2/0 "},
    {"RFC 9072, too long", FIXED "ff ff 000a 02 0006 010400020001", "2/0 "},
    {"RFC 9072, more behind it", FIXED "ff ff 0009 02 0006 010400020001 00", "2/0 "},
    {"RFC 9072, unknown parameter", FIXED "ff ff 0004 07 0001 00", "2/4 "},

    {"version 3", "03 fde9 00b4 0a000002 00", "2/1 0004"},
    {"version 5", "05 fde9 00b4 0a000002 00", "2/1 0004"},
    {"AS 0", "04 0000 00b4 0a000002 00", "2/2 "},
    {"AS 0 in the capability", FIXED "08 0206 410400000000", "2/2 "},
    {"hold time 1", "04 fde9 0001 0a000002 00", "2/6 "},
    {"hold time 2", "04 fde9 0002 0a000002 00", "2/6 "},
    {"identifier 0", "04 fde9 00b4 00000000 00", "2/3 "},
    {"authentication, of old", FIXED "03 0101 00", "2/4 "},
    {"parameters longer than the message", FIXED "03 0200", "2/0 "},
    {"parameters shorter than the message", FIXED "00 0200", "2/0 "},
    {"a parameter longer than all", FIXED "02 0201", "2/0 "},
    {"half a parameter", FIXED "01 02", "2/0 "},
    {"a capability longer than its parameter", FIXED "04 0202 c801", "2/0 "},
    {"half a capability", FIXED "03 0201 c8", "2/0 "},
    {"multiprotocol, short", FIXED "07 0205 0103000100", "2/0 "},
    {"multiprotocol, long", FIXED "09 0207 01050001000100", "2/0 "},
    {"4-byte AS, short", FIXED "07 0205 41030000fd", "2/0 "},
    {"graceful restart, half a family", FIXED "08 0206 400400780001", "2/0 "},
    {"graceful restart, nothing", FIXED "04 0202 4000", "2/0 "},
    {"extended next hop, cut", FIXED "09 0207 05050001000100", "2/0 "},
    {"nothing", "", "2/1 0004"},
    {"no length of the parameters", FIXED, "2/0 "},
};

static void reads_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        CLEANUP(text_done) struct text got = {0};
        uint8_t body[512];

        add_result(&got, body, unhex(body, sizeof(body), forms[i].body));
        if (!str_eq(text_str(&got), forms[i].want))
            fail_msg("%s: %s, not %s", forms[i].name, text_str(&got), forms[i].want);
    }
}

static void long_host_name_is_cut(void **state)
{
    uint8_t body[512];
    size_t len = unhex(body, sizeof(body), FIXED "55 0253 4951 4f");
    struct bgp_error e;
    struct bgp_open o;

    (void)state;
    memset(body + len, 'h', 80);
    assert_true(bgp_open_read(&o, body, len + 80, &e));
    assert_int_equal(strlen(o.caps.hostname), 64);
}

/* Outputs are written on success only. */
static void failure_leaves_the_output(void **state)
{
    struct bgp_open o = {.asn = 7};
    struct bgp_error e;
    uint8_t body[64];

    (void)state;
    assert_false(bgp_open_read(&o, body, unhex(body, sizeof(body), FIXED "01 02"), &e));
    assert_int_equal(o.asn, 7);
}

/* --- our own --- */

static const struct {
    const char *name;
    struct bgp_open open;
    const char *bytes;
} written[] = {
    {"nothing offered",
     {.asn = 65001, .hold_s = 180, .id = 0x0a000002},
     MARKER "001d 01 04 fde9 00b4 0a000002 00"},
    {"a helper with one family",
     {.asn = 65001,
      .hold_s = 9,
      .id = 0x0a000002,
      .caps = {.family = {true, false},
               .refresh = true,
               .enhanced_refresh = true,
               .extended_message = true,
               .as4 = true,
               .graceful = true,
               .with_notification = true,
               .restart_s = 120}},
     MARKER "0035 01 04 fde9 0009 0a000002 18 0216"
            "010400010001 0200 0600 40024078 41040000fde9 4600"},
    {"everything",
     {.asn = 4200000001,
      .hold_s = 180,
      .id = 0xc6120001,
      .caps = {.family = {true, true},
               .refresh = true,
               .enhanced_refresh = true,
               .extended_message = true,
               .v4_over_v6 = true,
               .as4 = true,
               .graceful = true,
               .restarting = true,
               .with_notification = true,
               .restart_s = 120,
               .graceful_family = {true, true},
               .forwarding = {false, true},
               .hostname = "node-1"}},
     MARKER "0055 01 04 5ba0 00b4 c6120001 38 0236"
            "010400010001 010400020001 0200 0506000100010002 0600 400ac07800010100 00020180"
            "4104fa56ea01 4600 4908066e6f64652d3100"},
};

static void writes_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
        CLEANUP(text_done) struct text got = {0}, hex = {0}, want = {0};
        struct bgp_open o = written[i].open;
        uint8_t bytes[512];
        struct wr w = wr_to(bytes, sizeof(bytes));

        bgp_open_write(&w, &o);
        add_hex(&hex, bytes, w.len);
        if (!is_hex(bytes, w.len, written[i].bytes))
            fail_msg("%s: %s", written[i].name, text_str(&hex));
        o.caps.multiprotocol = o.caps.family[BGP_IPV4] || o.caps.family[BGP_IPV6];
        o.caps.asn = o.caps.as4 ? o.asn : 0;
        add_open(&want, &o);
        add_result(&got, bytes + BGP_HEADER_LEN, w.len - BGP_HEADER_LEN);
        if (!str_eq(text_str(&got), text_str(&want)))
            fail_msg("%s: read as %s", written[i].name, text_str(&got));
    }
}

static void longest_needs_no_extension(void **state)
{
    struct bgp_open o = written[2].open;
    CLEANUP(text_done) struct text got = {0};
    uint8_t bytes[512];
    struct wr w = wr_to(bytes, sizeof(bytes));

    (void)state;
    memset(o.caps.hostname, 'n', 64);
    o.caps.hostname[64] = '\0';
    bgp_open_write(&w, &o);
    assert_false(w.bad);
    assert_int_equal(w.len, BGP_HEADER_LEN + 10 + bytes[28]);
    add_result(&got, bytes + BGP_HEADER_LEN, w.len - BGP_HEADER_LEN);
    assert_non_null(strstr(text_str(&got), "nnnnnnnn"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_those_of_others), cmocka_unit_test(reads_forms),
        cmocka_unit_test(long_host_name_is_cut), cmocka_unit_test(failure_leaves_the_output),
        cmocka_unit_test(writes_ours),           cmocka_unit_test(longest_needs_no_extension),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
