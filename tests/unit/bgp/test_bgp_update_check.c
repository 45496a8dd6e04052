/* SPDX-License-Identifier: Apache-2.0 */
/* Received UPDATEs by RFC 7606: those of other speakers, and every kind of fault. */
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

static const char *const verdicts[] = {
    [BGP_UPDATE_GOOD] = "good",
    [BGP_UPDATE_DISCARD] = "discard",
    [BGP_UPDATE_AS_WITHDRAW] = "as-withdraw",
    [BGP_UPDATE_RESET] = "reset",
};

/* "good 4+2-1 6-1 eor4", "reset 3/10 (bad prefix)" */
static void add_sum(struct text *t, enum bgp_update_verdict v, const struct bgp_update_sum *s,
                    const struct bgp_error *e)
{
    text_add(t, verdicts[v]);
    if (v == BGP_UPDATE_RESET) {
        text_printf(t, " %u/%u ", e->code, e->subcode);
        add_hex(t, e->data, e->data_len);
    }
    for (int f = 0; f < BGP_FAMILIES; f++) {
        if (s->announced[f] > 0 || s->withdrawn[f] > 0)
            text_printf(t, " %d", f == BGP_IPV6 ? 6 : 4);
        if (s->announced[f] > 0)
            text_printf(t, "+%u", s->announced[f]);
        if (s->withdrawn[f] > 0)
            text_printf(t, "-%u", s->withdrawn[f]);
        if (s->end_of_rib[f])
            text_printf(t, " eor%d", f == BGP_IPV6 ? 6 : 4);
    }
    if (s->problem != NULL)
        text_printf(t, " (%s)", s->problem);
}

enum session { EBGP, EBGP_AS2, IBGP };

static void check(const char *name, const uint8_t *body, size_t len, enum session session,
                  const char *want)
{
    CLEANUP(text_done) struct text got = {0};
    struct bgp_update_sum sum;
    struct bgp_error e;

    add_sum(&got, bgp_update_check(&sum, body, len, session != EBGP_AS2, session == IBGP, &e), &sum,
            &e);
    if (!str_eq(text_str(&got), want))
        fail_msg("%s: %s, not %s", name, text_str(&got), want);
}

/* --- whole messages --- */

static const struct {
    const char *name, *bytes, *want;
} captured[] = {
    {"ExaBGP 4.2.21",
     MARKER "0046 02 0000 002a 40010100 40020602010000fdec 400304c6120004 c00804fdec0001"
            "c0200c000000010000000200000003 20cb007104",
     "good 4+1"},
    {"ExaBGP 4.2.21, IPv6",
     MARKER "004d 02 0000 0036 40010100 40020602010000fdec 800e26000201"
            "1020010db8000000000000000000000009 00 8020010db8000000000000000000000004",
     "good 6+1"},
    {"ExaBGP 4.2.21, end of RIB", MARKER "0017 02 0000 0000", "good eor4"},
    {"ExaBGP 4.2.21, end of RIB, IPv6, extended length", MARKER "001e 02 0000 0007 900f0003000201",
     "good eor6"},
    {"FRR 8.4.4, AS_PATH with an extended length",
     MARKER "0038 02 0000 001c 40010100 5002000602010000fdea 400304c6120002 80040400000000"
            "20cb007102",
     "good 4+1"},
    {"FRR 8.4.4, IPv6",
     MARKER "0056 02 0000 003f 900e0026000201"
            "1000000000000000000000ffffc6120002 00 8020010db8000000000000000000000002"
            "40010100 5002000602010000fdea 80040400000000",
     "good 6+1"},
    {"FRR 8.4.4, end of RIB, IPv6", MARKER "001d 02 0000 0006 800f03000201", "good eor6"},
    {"BIRD 2.0.12",
     MARKER "0034 02 0000 0014 40010100 4002060201fa56ea01 400304c6120001 20cb007101 18cb0071",
     "good 4+2"},
    {"BIRD 2.0.12, IPv6",
     MARKER "004e 02 0000 0037 900e0026000201"
            "1000000000000000000000000000000001 00 8020010db8000000000000000000000001"
            "40010100 4002060201fa56ea01",
     "good 6+1"},
    {"GoBGP 3.10.0",
     MARKER "0030 02 0000 0014 40010102 40020602010000fdeb 400304c6120003 20cb007103", "good 4+1"},
};

static void takes_those_of_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(captured); i++) {
        uint8_t bytes[512];
        size_t len = unhex(bytes, sizeof(bytes), captured[i].bytes);
        struct bgp_header h;
        struct bgp_error e;

        if (!bgp_header_read(&h, bytes, false, &e) || h.type != BGP_UPDATE || h.len != len)
            fail_msg("%s: header", captured[i].name);
        check(captured[i].name, bytes + BGP_HEADER_LEN, len - BGP_HEADER_LEN, EBGP,
              captured[i].want);
    }
}

static const struct {
    const char *name, *body, *want;
} lengths[] = {
    {"nothing", "", "reset 3/1  (lengths beyond the message)"},
    {"half a length", "00", "reset 3/1  (lengths beyond the message)"},
    {"no length of attributes", "0000", "reset 3/1  (lengths beyond the message)"},
    {"withdrawn routes beyond the end", "0003 0000", "reset 3/1  (lengths beyond the message)"},
    {"attributes beyond the end", "0000 0001", "reset 3/1  (lengths beyond the message)"},
    {"both", "0001 00 0001", "reset 3/1  (lengths beyond the message)"},
};

static void checks_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        uint8_t body[16];
        size_t len = unhex(body, sizeof(body), lengths[i].body);

        check(lengths[i].name, body, len, EBGP, lengths[i].want);
    }
}

/* --- fields --- */

#define ORIGIN "400101 00"
#define PATH "400206 0201 0000fde9"
#define HOP "400304 c0000201"
#define PREF "400504 00000064"
#define GOOD ORIGIN PATH HOP
#define HOP6 "20010db8000000000000000000000009"
#define REACH6 "800e1b 000201 10" HOP6 "00 2020010db8 00"

static const struct {
    const char *name;
    enum session session;
    const char *withdrawn, *attrs, *nlri, *want;
} updates[] = {
    {"all together", EBGP, "18cb0071 00", GOOD REACH6, "18cb0071", "good 4+1-2 6+2"},
    {"withdrawn only", EBGP, "20cb007101", "", "", "good 4-1"},
    {"default route", EBGP, "", GOOD, "00", "good 4+1"},
    {"IPv6, withdrawn", EBGP, "", "800f0b 000201 3020010db80001 00", "", "good 6-2"},
    {"IPv4 with MP_REACH_NLRI", EBGP, "", "800e1a 000101 10" HOP6 "00 18cb0071 00" ORIGIN PATH, "",
     "good 4+2"},
    {"IPv4 with MP_UNREACH_NLRI", EBGP, "", "800f07 000101 18cb0071", "", "good 4-1"},
    {"end of RIB of IPv4 with MP_UNREACH_NLRI", EBGP, "", "800f03 000101", "", "good eor4"},
    {"no end of RIB: another attribute", EBGP, "", "800f03 000201" ORIGIN, "", "good"},
    {"no end of RIB: a high attribute", EBGP, "", "800f03 000201 c0c801 00", "", "good"},
    {"no end of RIB: withdrawn routes", EBGP, "00", "800f03 000201", "", "good 4-1"},
    {"end of RIB of another family", EBGP, "", "800f03 001946", "", "good"},
    {"attributes without routes", EBGP, "", ORIGIN PATH, "", "good"},
    {"another family", EBGP, "", "800e09 001946 00 00 ffffffff" ORIGIN PATH, "", "good"},
    {"another family, withdrawn", EBGP, "", "800f05 000180 ffff", "", "good"},
    {"link-local next hop", EBGP, "", "800e29 000201 20" HOP6 HOP6 "00 0800 00 00" ORIGIN PATH, "",
     "good 6+3"},
    {"unknown optional attribute", EBGP, "", GOOD "c0fe02 0102", "00", "good 4+1"},
    {"all that we know", IBGP, "",
     GOOD PREF "800404 00000000 400600 c00708 0000fde9 c0000201 c00804 fde90001 800904 c0000201"
               "800a08 c0000201c0000202 c01008 0002fde900000001 c01914 000200000000000000000000"
               "000000000000fde9 c0200c 000000010000000200000003 c02304 0000fde9",
     "00", "good 4+1"},

    {"prefix of 33 bits", EBGP, "", GOOD, "21cb00710100", "reset 3/10  (bad prefix)"},
    {"prefix cut short", EBGP, "", GOOD, "18cb00", "reset 3/10  (bad prefix)"},
    {"withdrawn prefix of 33 bits", EBGP, "21cb00710100", "", "", "reset 3/10  (bad prefix)"},
    {"withdrawn prefix cut short", EBGP, "20cb0071", GOOD, "00", "reset 3/10  (bad prefix)"},
    {"IPv6 prefix of 129 bits", EBGP, "", "800e27 000201 10" HOP6 "00 81" HOP6 "00" ORIGIN PATH, "",
     "reset 3/9 800e2700020110" HOP6 "0081" HOP6 "00 (bad MP_REACH_NLRI)"},
    {"IPv6 prefix cut short", EBGP, "", "800f05 000201 1020", "",
     "reset 3/9 800f050002011020 (bad MP_UNREACH_NLRI)"},
    {"IPv6 next hop of 4 bytes", EBGP, "", "800e09 000201 04 c0000201 00" ORIGIN PATH, "",
     "reset 3/9 800e0900020104c000020100 (bad MP_REACH_NLRI)"},
    {"no next hop", EBGP, "", "800e05 000201 00 00" ORIGIN PATH, "",
     "reset 3/9 800e050002010000 (bad MP_REACH_NLRI)"},
    {"MP_REACH_NLRI without reserved byte", EBGP, "", "800e14 000201 10" HOP6 ORIGIN PATH, "",
     "reset 3/9 800e1400020110" HOP6 " (bad MP_REACH_NLRI)"},
    {"MP_UNREACH_NLRI cut", EBGP, "", "800f02 0002", "",
     "reset 3/9 800f020002 (bad MP_UNREACH_NLRI)"},
    {"MP_UNREACH_NLRI is transitive", EBGP, "", "c00f03 000201", "",
     "reset 3/4 c00f03000201 (bad MP_UNREACH_NLRI)"},
    {"MP_REACH_NLRI twice", EBGP, "", REACH6 REACH6 ORIGIN PATH, "",
     "reset 3/1  (MP attribute twice)"},
    {"MP_UNREACH_NLRI twice", EBGP, "", "800f03 000201 800f03 000101", "",
     "reset 3/1  (MP attribute twice)"},
    {"unknown well-known attribute", EBGP, "", GOOD "40c801 07", "00",
     "reset 3/2 40c80107 (unknown well-known attribute)"},

    {"ORIGIN twice", EBGP, "", GOOD "400101 09", "00", "discard 4+1 (attribute twice)"},
    {"ORIGIN 3", EBGP, "", "400101 03" PATH HOP, "18cb0071 00", "as-withdraw 4-2 (bad ORIGIN)"},
    {"ORIGIN empty", EBGP, "", "400100" PATH HOP, "00", "as-withdraw 4-1 (bad ORIGIN)"},
    {"ORIGIN optional", EBGP, "", "c00101 00" PATH HOP, "00", "as-withdraw 4-1 (bad ORIGIN)"},
    {"ORIGIN partial", EBGP, "", "600101 00" PATH HOP, "00", "good 4+1"},
    {"AS_PATH empty", EBGP, "", ORIGIN "400200" HOP, "00", "good 4+1"},
    {"AS_PATH, all kinds of segments", EBGP, "",
     ORIGIN "400218 010100000001 020100000002 030100000003 040100000004" HOP, "00", "good 4+1"},
    {"AS_PATH, unknown segment", EBGP, "", ORIGIN "400206 0501 00000001" HOP, "00",
     "as-withdraw 4-1 (bad AS_PATH)"},
    {"AS_PATH, segment 0", EBGP, "", ORIGIN "400206 0001 00000001" HOP, "00",
     "as-withdraw 4-1 (bad AS_PATH)"},
    {"AS_PATH, empty segment", EBGP, "", ORIGIN "400202 0200" HOP, "00",
     "as-withdraw 4-1 (bad AS_PATH)"},
    {"AS_PATH, overrun", EBGP, "", ORIGIN "400206 0202 00000001" HOP, "00",
     "as-withdraw 4-1 (bad AS_PATH)"},
    {"AS_PATH, underrun", EBGP, "", ORIGIN "400207 0201 00000001 02" HOP, "00",
     "as-withdraw 4-1 (bad AS_PATH)"},
    {"AS_PATH of 2 bytes where 4 are agreed", EBGP, "", ORIGIN "400204 0201 fde9" HOP, "00",
     "as-withdraw 4-1 (bad AS_PATH)"},
    {"AS_PATH of 2 bytes", EBGP_AS2, "", ORIGIN "400204 0201 fde9" HOP, "00", "good 4+1"},
    {"AS_PATH of 4 bytes where 2 are agreed", EBGP_AS2, "", GOOD, "00",
     "as-withdraw 4-1 (bad AS_PATH)"},
    {"NEXT_HOP of 16 bytes", EBGP, "", ORIGIN PATH "400310" HOP6, "00",
     "as-withdraw 4-1 (bad NEXT_HOP)"},
    {"MULTI_EXIT_DISC of 3 bytes", EBGP, "", GOOD "800403 000000", "00",
     "as-withdraw 4-1 (bad MULTI_EXIT_DISC)"},
    {"LOCAL_PREF from an external peer", EBGP, "", GOOD PREF, "00",
     "discard 4+1 (attribute of internal peers from an external one)"},
    {"LOCAL_PREF of 3 bytes from an external peer", EBGP, "", GOOD "400503 000000", "00",
     "discard 4+1 (attribute of internal peers from an external one)"},
    {"LOCAL_PREF of 3 bytes", IBGP, "", GOOD "400503 000000", "00",
     "as-withdraw 4-1 (bad LOCAL_PREF)"},
    {"ATOMIC_AGGREGATE of 1 byte", EBGP, "", GOOD "400601 00", "00",
     "discard 4+1 (bad ATOMIC_AGGREGATE)"},
    {"AGGREGATOR of 6 bytes", EBGP, "", GOOD "c00706 fde9c0000201", "00",
     "discard 4+1 (bad AGGREGATOR)"},
    {"AGGREGATOR of 6 bytes, 2-byte AS", EBGP_AS2, "", ORIGIN "400200" HOP "c00706 fde9c0000201",
     "00", "good 4+1"},
    {"AGGREGATOR not optional", EBGP, "", GOOD "400708 0000fde9c0000201", "00",
     "discard 4+1 (bad AGGREGATOR)"},
    {"COMMUNITIES empty", EBGP, "", GOOD "c00800", "00", "as-withdraw 4-1 (bad COMMUNITIES)"},
    {"COMMUNITIES of 6 bytes", EBGP, "", GOOD "c00806 000000000000", "00",
     "as-withdraw 4-1 (bad COMMUNITIES)"},
    {"EXTENDED COMMUNITIES of 4 bytes", EBGP, "", GOOD "c01004 00000000", "00",
     "as-withdraw 4-1 (bad EXTENDED COMMUNITIES)"},
    {"LARGE_COMMUNITY of 8 bytes", EBGP, "", GOOD "c02008 0000000000000000", "00",
     "as-withdraw 4-1 (bad LARGE_COMMUNITY)"},
    {"ORIGINATOR_ID from an external peer", EBGP, "", GOOD "800904 c0000201", "00",
     "discard 4+1 (attribute of internal peers from an external one)"},
    {"CLUSTER_LIST of 5 bytes", IBGP, "", GOOD PREF "800a05 c000020100", "00",
     "as-withdraw 4-1 (bad CLUSTER_LIST)"},
    {"AS4_PATH where 4 bytes are agreed", EBGP, "", GOOD "c01106 0201 00010000", "00",
     "discard 4+1 (AS4 attribute from a peer with 4-byte AS numbers)"},
    {"AS4_PATH", EBGP_AS2, "", ORIGIN "400204 0201 5ba0" HOP "c01106 0201 00010000", "00",
     "good 4+1"},
    {"AS4_PATH empty", EBGP_AS2, "", ORIGIN "400204 0201 5ba0" HOP "c01100", "00",
     "discard 4+1 (bad AS4_PATH)"},
    {"AS4_AGGREGATOR of 6 bytes", EBGP_AS2, "", ORIGIN "400204 0201 5ba0" HOP "c01206 fde9c0000201",
     "00", "discard 4+1 (bad AS4_AGGREGATOR)"},
    {"no ORIGIN", EBGP, "", PATH HOP, "00", "as-withdraw 4-1 (mandatory attribute is missing)"},
    {"no AS_PATH", EBGP, "", ORIGIN HOP, "00", "as-withdraw 4-1 (mandatory attribute is missing)"},
    {"no NEXT_HOP", EBGP, "", ORIGIN PATH, "00",
     "as-withdraw 4-1 (mandatory attribute is missing)"},
    {"no LOCAL_PREF from an internal peer", IBGP, "", GOOD, "00",
     "as-withdraw 4-1 (mandatory attribute is missing)"},
    {"IPv6 without ORIGIN", EBGP, "", REACH6 PATH, "",
     "as-withdraw 6-2 (mandatory attribute is missing)"},

    {"an attribute beyond the field", EBGP, "", GOOD "c00809 00000000", "00",
     "as-withdraw 4-1 (attributes longer than their field)"},
    {"an attribute without a length", EBGP, "", GOOD "c008", "00",
     "as-withdraw 4-1 (attributes longer than their field)"},
    {"an attribute with half an extended length", EBGP, "", GOOD "d00800", "00",
     "as-withdraw 4-1 (attributes longer than their field)"},
    {"MP_UNREACH_NLRI beyond the field", EBGP, "", GOOD "800f04 000201", "00",
     "reset 3/1  (attributes longer than their field)"},

    /* RFC 7606 5.2 */
    {"bad attribute, nothing announced", EBGP, "00", "400101 03", "",
     "reset 3/6 40010103 (bad ORIGIN)"},
    {"bad attribute, IPv6 withdrawn", EBGP, "", "800f03 000201 c00800", "",
     "reset 3/5 c00800 (bad COMMUNITIES)"},
    {"discarded attribute, nothing announced", EBGP, "00", "400601 00", "",
     "discard 4-1 (bad ATOMIC_AGGREGATE)"},

    /* RFC 7606 3 h: the strongest decides, not the first. */
    {"discard, then withdraw", EBGP, "", GOOD "400601 00 c00800", "00",
     "as-withdraw 4-1 (bad COMMUNITIES)"},
    {"withdraw, then discard", EBGP, "", GOOD "c00800 400601 00", "00",
     "as-withdraw 4-1 (bad COMMUNITIES)"},
    {"withdraw, then reset", EBGP, "", GOOD "c00800 800f00", "00",
     "reset 3/9 800f00 (bad MP_UNREACH_NLRI)"},
};

static size_t compose(uint8_t *body, size_t cap, size_t row)
{
    uint8_t field[512];
    struct wr w = wr_to(body, cap);
    size_t n;

    n = unhex(field, sizeof(field), updates[row].withdrawn);
    wr_u16(&w, (uint16_t)n);
    wr_bytes(&w, field, n);
    n = unhex(field, sizeof(field), updates[row].attrs);
    wr_u16(&w, (uint16_t)n);
    wr_bytes(&w, field, n);
    n = unhex(field, sizeof(field), updates[row].nlri);
    wr_bytes(&w, field, n);
    assert_false(w.bad);
    return w.len;
}

static void judges(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(updates); i++) {
        uint8_t body[1024];
        size_t len = compose(body, sizeof(body), i);

        check(updates[i].name, body, len, updates[i].session, updates[i].want);
    }
}

/* A NOTIFICATION quotes no more than it has room for. */
static void long_quote_is_cut(void **state)
{
    uint8_t body[2048] = {0};
    struct wr w = wr_to(body, sizeof(body));
    struct bgp_update_sum sum;
    struct bgp_error e;

    (void)state;
    wr_u16(&w, 0);
    wr_u16(&w, 1004);
    wr_u8(&w, 0x50); /* well-known, extended length */
    wr_u8(&w, 200);
    wr_u16(&w, 1000);
    wr_zeros(&w, 1000);
    assert_int_equal(bgp_update_check(&sum, body, w.len, true, false, &e), BGP_UPDATE_RESET);
    assert_int_equal(e.data_len, BGP_ERROR_DATA_MAX);
    assert_memory_equal(e.data, body + 4, BGP_ERROR_DATA_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_those_of_others),
        cmocka_unit_test(checks_lengths),
        cmocka_unit_test(judges),
        cmocka_unit_test(long_quote_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
