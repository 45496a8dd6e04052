/* SPDX-License-Identifier: Apache-2.0 */
#include "ndp/ndp_responder.h"

#include "base/wire.h"

#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { AT_CHECKSUM = 56 };

static const uint8_t own[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer[ETH_ALEN] = {2, 0, 0, 0, 0, 2};
static const uint8_t proxy[ETH_ALEN] = {2, 0, 0, 0, 0, 3};
static const uint8_t group[ETH_ALEN] = {0x33, 0x33, 0xff, 0, 0, 0x80};
static const uint8_t all_nodes[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};

#define OURS "2001:db8::80"
#define ELSEWHERE "2001:db8::81"
#define GROUP "ff02::1:ff00:80"

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    assert_true(ip_parse(&ip, text));
    return ip;
}

static enum ndp_result claim(void *arg, struct ip target)
{
    (void)arg;
    if (ip_eq(target, ip(OURS)))
        return NDP_ANSWER;
    return ip_eq(target, ip(ELSEWHERE)) ? NDP_DROP_INTERFACE : NDP_DROP_ANNOUNCE_IP;
}

struct ask {
    const char *name;
    const uint8_t *eth_to, *eth_from, *option; /* option NULL: none */
    const char *from, *to, *target;
    uint8_t hop_limit, type, code;
    uint16_t spoil; /* added to the checksum */
    enum ndp_result want;
    const uint8_t *answer_eth_to; /* with NDP_ANSWER */
    bool to_all;
};

static const struct ask asks[] = {
    {"resolution", group, peer, peer, "fe80::2", GROUP, OURS, 255, 135, 0, 0, NDP_ANSWER, peer, 0},
    {"by proxy", group, peer, proxy, "fe80::2", GROUP, OURS, 255, 135, 0, 0, NDP_ANSWER, proxy, 0},
    {"unicast", own, peer, NULL, "fe80::2", OURS, OURS, 255, 135, 0, 0, NDP_ANSWER, peer, 0},
    {"no option", group, peer, NULL, "fe80::2", GROUP, OURS, 255, 135, 0, 0, NDP_ANSWER, peer, 0},
    {"probe", group, peer, NULL, "::", GROUP, OURS, 255, 135, 0, 0, NDP_ANSWER, all_nodes, 1},
    {"hop limit 254", group, peer, peer, "fe80::2", GROUP, OURS, 254, 135, 0, 0, NDP_DROP_HOP_LIMIT,
     NULL, 0},
    {"checksum", group, peer, peer, "fe80::2", GROUP, OURS, 255, 135, 0, 1, NDP_DROP_CHECKSUM, NULL,
     0},
    {"code 1", group, peer, peer, "fe80::2", GROUP, OURS, 255, 135, 1, 0, NDP_DROP_CODE, NULL, 0},
    {"multicast target", group, peer, peer, "fe80::2", GROUP, GROUP, 255, 135, 0, 0,
     NDP_DROP_TARGET, NULL, 0},
    {"probe with an option", group, peer, peer, "::", GROUP, OURS, 255, 135, 0, 0, NDP_DROP_PROBE,
     NULL, 0},
    {"probe to the address", own, peer, NULL, "::", OURS, OURS, 255, 135, 0, 0, NDP_DROP_PROBE,
     NULL, 0},
    {"probe to another group", group, peer, NULL, "::", "ff02::1", OURS, 255, 135, 0, 0,
     NDP_DROP_PROBE, NULL, 0},
    {"for another host", proxy, peer, NULL, "fe80::2", OURS, OURS, 255, 135, 0, 0,
     NDP_DROP_ETH_DESTINATION, NULL, 0},
    {"from a group", group, peer, peer, "ff02::2", GROUP, OURS, 255, 135, 0, 0, NDP_DROP_SENDER,
     NULL, 0},
    {"group as option", group, peer, all_nodes, "fe80::2", GROUP, OURS, 255, 135, 0, 0,
     NDP_DROP_SENDER, NULL, 0},
    {"our own", group, own, own, "fe80::1", GROUP, OURS, 255, 135, 0, 0, NDP_DROP_SENDER, NULL, 0},
    {"router solicitation", group, peer, peer, "fe80::2", "ff02::2", OURS, 255, 133, 0, 0,
     NDP_DROP_OTHER, NULL, 0},
    {"not announced", group, peer, peer, "fe80::2", GROUP, "2001:db8:1::80", 255, 135, 0, 0,
     NDP_DROP_ANNOUNCE_IP, NULL, 0},
    {"announced elsewhere", group, peer, peer, "fe80::2", "ff02::1:ff00:81", ELSEWHERE, 255, 135, 0,
     0, NDP_DROP_INTERFACE, NULL, 0},
};

static void put_ip(struct wr *w, const char *text)
{
    uint8_t bytes[16];

    ip_to_v6(ip(text), bytes);
    wr_bytes(w, bytes, sizeof(bytes));
}

static size_t build(uint8_t frame[128], const struct ask *a)
{
    struct wr w = wr_to(frame, 128);
    uint16_t len = a->option != NULL ? 32 : 24, sum;

    wr_bytes(&w, a->eth_to, ETH_ALEN);
    wr_bytes(&w, a->eth_from, ETH_ALEN);
    wr_u16(&w, ETH_P_IPV6);
    wr_u32(&w, 6u << 28);
    wr_u16(&w, len);
    wr_u8(&w, 58);
    wr_u8(&w, a->hop_limit);
    put_ip(&w, a->from);
    put_ip(&w, a->to);
    wr_u8(&w, a->type);
    wr_u8(&w, a->code);
    wr_zeros(&w, 6);
    put_ip(&w, a->target);
    if (a->option != NULL) {
        wr_u16(&w, 0x0101);
        wr_bytes(&w, a->option, ETH_ALEN);
    }
    sum = ndp_checksum(ip(a->from), ip(a->to), frame + 54, len);
    wr_fill16(&w, AT_CHECKSUM, (uint16_t)(sum + a->spoil));
    assert_false(w.bad);
    return w.len;
}

static void judges(void **state)
{
    struct ndp_responder n = {.link_local = ip("fe80::1"), .claim = claim};

    (void)state;
    memcpy(n.mac, own, ETH_ALEN);
    for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
        struct ndp_advert a = {.solicited = true, .override = true};
        uint8_t frame[128];
        size_t len = build(frame, &asks[i]);
        enum ndp_result got = ndp_respond(&n, frame, len, &a);

        if (got != asks[i].want)
            fail_msg("%s: %s", asks[i].name, ndp_result_name(got));
        if (got != NDP_ANSWER) {
            assert_true(a.solicited && a.override); /* untouched */
            continue;
        }
        assert_memory_equal(a.eth_to, asks[i].answer_eth_to, ETH_ALEN);
        assert_memory_equal(a.mac, own, ETH_ALEN);
        assert_true(ip_eq(a.from, ip("fe80::1")));
        assert_true(ip_eq(a.to, ip(asks[i].to_all ? "ff02::1" : asks[i].from)));
        assert_true(ip_eq(a.target, ip(OURS)));
        assert_int_equal(a.solicited, !asks[i].to_all);
        assert_int_equal(a.override, asks[i].to_all);
    }
}

static void drops_the_malformed(void **state)
{
    struct ndp_responder n = {.link_local = ip("fe80::1"), .claim = claim};
    struct ndp_advert a;

    (void)state;
    assert_int_equal(ndp_respond(&n, solicit_frame, 60, &a), NDP_DROP_MALFORMED);
    assert_int_equal(ndp_respond(&n, solicit_frame, 0, &a), NDP_DROP_MALFORMED);
}

static void answers_the_real_frame(void **state)
{
    struct ndp_responder n = {.link_local = ip("fe80::1"), .claim = claim};
    struct ndp_advert a;
    uint8_t out[NDP_ADVERT_LEN];

    (void)state;
    memcpy(n.mac, own, ETH_ALEN);
    assert_int_equal(ndp_respond(&n, solicit_frame, sizeof(solicit_frame), &a), NDP_ANSWER);
    ndp_write(out, &a);
    assert_memory_equal(out, solicited_advert_frame, sizeof(out));
    a = ndp_unsolicited(&n, ip(OURS));
    ndp_write(out, &a);
    assert_memory_equal(out, unsolicited_advert_frame, sizeof(out));
}

static void names_every_result(void **state)
{
    (void)state;
    for (int i = 0; i < NDP_RESULTS; i++) {
        assert_string_not_equal(ndp_result_name((enum ndp_result)i), "");
        for (int k = 0; k < i; k++)
            assert_string_not_equal(ndp_result_name((enum ndp_result)i),
                                    ndp_result_name((enum ndp_result)k));
    }
}

static void finds_the_group(void **state)
{
    (void)state;
    assert_true(ip_eq(ndp_group(ip("2001:db8::12:3456:789a")), ip("ff02::1:ff56:789a")));
    assert_true(ip_eq(ndp_group(ip("2001:db8::")), ip("ff02::1:ff00:0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges),
        cmocka_unit_test(drops_the_malformed),
        cmocka_unit_test(answers_the_real_frame),
        cmocka_unit_test(names_every_result),
        cmocka_unit_test(finds_the_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
