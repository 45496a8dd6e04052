/* SPDX-License-Identifier: Apache-2.0 */
/* What OPENs offer and agree on, through the machine and through bgp_agree.h. */
#include "bgp/bgp_agree.h"
#include "bgp_fsm_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { AS = 65001, OTHER_AS = 65002, LOCAL_AS = 64999, LONG_AS = 4200000000 };

/* --- the peer's AS (spec F11, F13) --- */

static void test_peer_as(void **state)
{
    static const struct {
        const char *name;
        uint32_t local_as;
        enum bgp_peer_as rule;
        uint32_t want, is;
        bool fits, ibgp;
    } rows[] = {
        {"number", AS, BGP_AS_IS, OTHER_AS, OTHER_AS, true, false},
        {"another number", AS, BGP_AS_IS, OTHER_AS, 65003, false, false},
        {"4-byte number", AS, BGP_AS_IS, LONG_AS, LONG_AS, true, false},
        {"AS_TRANS is not what it stands for", AS, BGP_AS_IS, LONG_AS, BGP_AS_TRANS, false, false},
        {"our own number", AS, BGP_AS_IS, AS, AS, true, true},
        {"number of localASN", LOCAL_AS, BGP_AS_IS, LOCAL_AS, LOCAL_AS, true, true},
        {"our AS is another beside localASN", LOCAL_AS, BGP_AS_IS, AS, AS, true, false},
        {"internal", AS, BGP_AS_INTERNAL, 0, AS, true, true},
        {"internal, but another", AS, BGP_AS_INTERNAL, 0, OTHER_AS, false, true},
        {"internal looks at our AS", LOCAL_AS, BGP_AS_INTERNAL, 0, LOCAL_AS, false, true},
        {"external", AS, BGP_AS_EXTERNAL, 0, OTHER_AS, true, false},
        {"external, but our own", AS, BGP_AS_EXTERNAL, 0, AS, false, false},
        {"external looks at our AS", LOCAL_AS, BGP_AS_EXTERNAL, 0, LOCAL_AS, true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bgp_fsm_options o = script_options();

        o.local_as = rows[i].local_as;
        o.peer_as = rows[i].rule;
        o.asn = rows[i].want;
        if (bgp_agree_as_fits(&o, rows[i].is) != rows[i].fits ||
            bgp_agree_is_ibgp(&o) != rows[i].ibgp)
            fail_msg("%s", rows[i].name);
    }
}

/* --- refusals --- */

struct refusal {
    const char *name, *error;
    uint8_t subcode, data[12];
    uint16_t data_len;
};

static void check_refusal(const struct refusal *r, const struct bgp_fsm_options *o,
                          const struct bgp_open *peer)
{
    struct script s;

    script_begin(&s, o, false);
    s.peer = *peer;
    script_run(&s, "start connected");
    script_run(&s, "out:open");
    assert_int_equal(bgp_fsm_state(s.fsm), BGP_STATE_IDLE);
    if (strcmp(bgp_fsm_last_error(s.fsm), r->error) != 0)
        fail_msg("%s: \"%s\", want \"%s\"", r->name, bgp_fsm_last_error(s.fsm), r->error);
    if (s.sent_error.code != BGP_ERR_OPEN || s.sent_error.subcode != r->subcode)
        fail_msg("%s: %u/%u", r->name, s.sent_error.code, s.sent_error.subcode);
    assert_int_equal(s.sent_error.data_len, r->data_len);
    assert_memory_equal(s.sent_error.data, r->data, r->data_len);
    script_end(&s);
}

static void test_wrong_as(void **state)
{
    static const struct refusal number = {"number", "AS is 65003, want 65002", 2, {0xfd, 0xeb}, 2};
    static const struct refusal trans = {
        "4 bytes", "AS is 4200000000, want 65002", 2, {0x5b, 0xa0}, 2};
    static const struct refusal internal = {
        "internal", "AS is 65002, want our own, 65001", 2, {0xfd, 0xea}, 2};
    static const struct refusal external = {
        "external", "AS is our own, 65001, want another", 2, {0xfd, 0xe9}, 2};
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    (void)state;
    peer.asn = peer.caps.asn = 65003;
    check_refusal(&number, &o, &peer);
    peer.asn = peer.caps.asn = LONG_AS;
    check_refusal(&trans, &o, &peer);
    peer = script_peer();
    o.peer_as = BGP_AS_INTERNAL;
    check_refusal(&internal, &o, &peer);
    peer.asn = peer.caps.asn = AS;
    o.peer_as = BGP_AS_EXTERNAL;
    check_refusal(&external, &o, &peer);
}

static void test_own_id(void **state)
{
    static const struct refusal r = {
        "iBGP", "the router ID of the peer, 192.0.2.2, is our own", 3, {0}, 0};
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    (void)state;
    o.asn = peer.asn = peer.caps.asn = AS;
    peer.id = o.id;
    check_refusal(&r, &o, &peer);
}

static void test_no_common_family(void **state)
{
    static const struct refusal v6 = {
        "a peer without capability 1",
        "no address family in common: the peer has ipv4, we have ipv6",
        7,
        {1, 4, 0, 2, 0, 1},
        6};
    static const struct refusal others = {
        "a peer with other families only",
        "no address family in common: the peer has others, we have ipv4 and ipv6",
        7,
        {1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1},
        12};
    struct bgp_fsm_options o = script_options();
    struct bgp_agreement a;
    struct bgp_refusal refusal;
    struct bgp_open peer = script_peer();

    (void)state;
    o.family[BGP_IPV4] = false;
    o.family[BGP_IPV6] = true;
    peer.caps.multiprotocol = peer.caps.family[BGP_IPV4] = peer.caps.family[BGP_IPV6] = false;
    check_refusal(&v6, &o, &peer);

    o.family[BGP_IPV4] = true;
    peer.caps.multiprotocol = true;
    assert_false(bgp_agree(&a, &o, &peer, OTHER_AS, &refusal));
    assert_string_equal(refusal.why, others.error);
    assert_int_equal(refusal.error.subcode, others.subcode);
    assert_int_equal(refusal.error.data_len, others.data_len);
    assert_memory_equal(refusal.error.data, others.data, others.data_len);
}

static void test_hold_of_one_second(void **state)
{
    static const struct refusal r = {
        "hold 1", "we said 0x0206 (unacceptable hold time)", 6, {0}, 0};
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    (void)state;
    peer.hold_s = 1;
    check_refusal(&r, &o, &peer);
}

/* --- agreements --- */

static void test_timers(void **state)
{
    static const struct {
        uint16_t hold, keepalive, theirs, agreed_hold, agreed_keepalive;
    } rows[] = {
        {180, 60, 180, 180, 60}, {90, 30, 180, 90, 30}, {180, 60, 9, 9, 3}, {180, 10, 180, 180, 10},
        {180, 0, 180, 180, 60},  {0, 0, 180, 0, 0},     {180, 60, 0, 0, 0}, {3, 1, 3, 3, 1},
        {180, 60, 10, 10, 3},    {90, 90, 90, 90, 30},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bgp_fsm_options o = script_options();
        struct bgp_open peer = script_peer();
        struct bgp_refusal refusal;
        struct bgp_agreement a;

        o.hold_s = rows[i].hold;
        o.keepalive_s = rows[i].keepalive;
        peer.hold_s = rows[i].theirs;
        assert_true(bgp_agree(&a, &o, &peer, OTHER_AS, &refusal));
        if (a.hold_s != rows[i].agreed_hold || a.keepalive_s != rows[i].agreed_keepalive)
            fail_msg("row %zu: %u/%u", i, a.hold_s, a.keepalive_s);
    }
}

static void test_capabilities(void **state)
{
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();
    const struct bgp_agreement *a;
    struct script s;

    (void)state;
    o.family[BGP_IPV6] = o.v4_over_v6 = true;
    script_begin(&s, &o, false);
    s.peer.caps.extended_message = s.peer.caps.enhanced_refresh = s.peer.caps.v4_over_v6 = true;
    script_run(&s, "start connected");
    assert_false(bgp_fsm_extended(s.fsm, BGP_CONN_OUT));
    script_run(&s, "out:open");
    assert_null(bgp_fsm_agreement(s.fsm));
    assert_true(bgp_fsm_extended(s.fsm, BGP_CONN_OUT));
    script_run(&s, "out:keepalive");
    a = bgp_fsm_agreement(s.fsm);
    assert_non_null(a);
    assert_true(a->family[BGP_IPV4] && a->family[BGP_IPV6]);
    assert_true(a->as4 && a->extended_message && a->enhanced_refresh && a->v4_over_v6);
    assert_int_equal(a->peer_as, peer.asn);
    assert_int_equal(a->peer_id, peer.id);
    script_end(&s);

    script_begin(&s, &o, false);
    s.peer.caps = (struct bgp_capabilities){0}; /* of 1995 */
    script_run(&s, "start connected out:open out:keepalive");
    a = bgp_fsm_agreement(s.fsm);
    assert_non_null(a);
    assert_true(a->family[BGP_IPV4] && !a->family[BGP_IPV6]);
    assert_false(a->as4 || a->extended_message || a->enhanced_refresh || a->v4_over_v6);
    script_end(&s);
}

/* What we did not offer is not agreed, whatever the peer says. */
static void test_not_offered(void **state)
{
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();
    struct bgp_refusal refusal;
    struct bgp_agreement a;

    (void)state;
    peer.caps.v4_over_v6 = true;
    assert_true(bgp_agree(&a, &o, &peer, OTHER_AS, &refusal));
    assert_false(a.v4_over_v6);
    assert_false(a.family[BGP_IPV6]);
}

/* Spec speaker-bgp 5.2. */
static void test_offer(void **state)
{
    struct bgp_fsm_options o = script_options();
    const struct bgp_capabilities *c;
    struct script s;

    (void)state;
    o.family[BGP_IPV6] = o.v4_over_v6 = true;
    o.local_as = LONG_AS;
    memcpy(o.hostname, "node-1", 7);
    script_begin(&s, &o, true);
    script_run(&s, "start connected");
    c = &s.sent_open.caps;
    assert_int_equal(s.sent_open.asn, LONG_AS);
    assert_int_equal(s.sent_open.hold_s, 90);
    assert_int_equal(s.sent_open.id, o.id);
    assert_true(c->family[BGP_IPV4] && c->family[BGP_IPV6]);
    assert_true(c->refresh && c->enhanced_refresh && c->extended_message && c->as4);
    assert_true(c->v4_over_v6);
    assert_string_equal(c->hostname, "node-1");
    /* Only told, not asked for: without families, so R and F mean nothing. */
    assert_true(c->graceful && c->with_notification && !c->restarting);
    assert_int_equal(c->restart_s, 120);
    assert_false(c->graceful_family[BGP_IPV4] || c->graceful_family[BGP_IPV6]);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer_as),
        cmocka_unit_test(test_wrong_as),
        cmocka_unit_test(test_own_id),
        cmocka_unit_test(test_no_common_family),
        cmocka_unit_test(test_hold_of_one_second),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_not_offered),
        cmocka_unit_test(test_offer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
