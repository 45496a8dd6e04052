/* SPDX-License-Identifier: Apache-2.0 */
#include "arp/arp_responder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OURS UINT32_C(0xc0000250)      /* 192.0.2.80, announced here */
#define ELSEWHERE UINT32_C(0xc0000251) /* announced, on another interface */
#define FOREIGN UINT32_C(0xc0000252)
#define ASKER UINT32_C(0xc0000209)

static const uint8_t own[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer[ETH_ALEN] = {2, 0, 0, 0, 0, 2};
static const uint8_t third[ETH_ALEN] = {2, 0, 0, 0, 0, 3};
static const uint8_t group[ETH_ALEN] = {1, 0, 0x5e, 0, 0, 1};
static const uint8_t all[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t zeros[ETH_ALEN] = {0};

static enum arp_result claim(void *arg, struct ip target)
{
    (*(unsigned *)arg)++;
    switch (ip_to_v4(target)) {
    case OURS:
        return ARP_ANSWER;
    case ELSEWHERE:
        return ARP_DROP_INTERFACE;
    default:
        return ARP_DROP_ANNOUNCE_IP;
    }
}

static const struct {
    const char *name;
    uint16_t op;
    const uint8_t *eth_to, *sender_mac;
    uint32_t sender_ip, target_ip;
    enum arp_result want;
} cases[] = {
    {"broadcast request", 1, all, peer, ASKER, OURS, ARP_ANSWER},
    {"unicast request", 1, own, peer, ASKER, OURS, ARP_ANSWER},
    {"RFC 5227 probe", 1, all, peer, 0, OURS, ARP_ANSWER},
    {"another owner's announcement", 1, all, peer, OURS, OURS, ARP_ANSWER},
    {"proxied sender", 1, all, third, ASKER, OURS, ARP_ANSWER},
    {"reply", 2, all, peer, ASKER, OURS, ARP_DROP_REPLY},
    {"reverse request", 3, all, peer, ASKER, OURS, ARP_DROP_REPLY},
    {"operation 0", 0, all, peer, ASKER, OURS, ARP_DROP_REPLY},
    {"for another host", 1, third, peer, ASKER, OURS, ARP_DROP_ETH_DESTINATION},
    {"to a group", 1, group, peer, ASKER, OURS, ARP_DROP_ETH_DESTINATION},
    {"sender is everybody", 1, all, all, ASKER, OURS, ARP_DROP_SENDER},
    {"sender is a group", 1, all, group, ASKER, OURS, ARP_DROP_SENDER},
    {"sender is nobody", 1, all, zeros, ASKER, OURS, ARP_DROP_SENDER},
    {"sender is this interface", 1, all, own, OURS, OURS, ARP_DROP_SENDER},
    {"not announced", 1, all, peer, ASKER, FOREIGN, ARP_DROP_ANNOUNCE_IP},
    {"announced elsewhere", 1, all, peer, ASKER, ELSEWHERE, ARP_DROP_INTERFACE},
};

static void judges(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned asked = 0;
        struct arp_responder a = {.claim = claim, .arg = &asked};
        struct arp_packet in = {.op = cases[i].op}, request, reply = {.op = 99};
        uint8_t frame[ARP_FRAME_LEN];
        enum arp_result got;

        memcpy(a.mac, own, ETH_ALEN);
        memcpy(in.eth_to, cases[i].eth_to, ETH_ALEN);
        memcpy(in.eth_from, peer, ETH_ALEN);
        memcpy(in.sender_mac, cases[i].sender_mac, ETH_ALEN);
        in.sender_ip = ip_v4(cases[i].sender_ip);
        in.target_ip = ip_v4(cases[i].target_ip);
        arp_write(frame, &in);
        got = arp_respond(&a, frame, sizeof(frame), &request, &reply);
        if (got != cases[i].want)
            fail_msg("%s: %s", cases[i].name, arp_result_name(got));
        if (got != ARP_ANSWER) {
            assert_int_equal(reply.op, 99);
            continue;
        }
        assert_int_equal(reply.op, ARP_REPLY);
        assert_memory_equal(reply.eth_to, cases[i].sender_mac, ETH_ALEN);
        assert_memory_equal(reply.eth_from, own, ETH_ALEN);
        assert_memory_equal(reply.sender_mac, own, ETH_ALEN);
        assert_memory_equal(reply.target_mac, cases[i].sender_mac, ETH_ALEN);
        assert_int_equal(ip_to_v4(reply.sender_ip), cases[i].target_ip);
        assert_int_equal(ip_to_v4(reply.target_ip), cases[i].sender_ip);
        assert_int_equal(asked, 1);
    }
}

static void drops_the_malformed(void **state)
{
    struct arp_responder a = {.claim = claim};
    struct arp_packet request, reply;
    uint8_t frame[ARP_FRAME_LEN] = {0};

    (void)state;
    assert_int_equal(arp_respond(&a, frame, sizeof(frame), &request, &reply), ARP_DROP_MALFORMED);
    assert_int_equal(arp_respond(&a, frame, 0, &request, &reply), ARP_DROP_MALFORMED);
}

static void names_every_result(void **state)
{
    (void)state;
    for (int i = 0; i < ARP_RESULTS; i++) {
        assert_string_not_equal(arp_result_name((enum arp_result)i), "");
        for (int k = 0; k < i; k++)
            assert_string_not_equal(arp_result_name((enum arp_result)i),
                                    arp_result_name((enum arp_result)k));
    }
}

/* Spec speaker-l2 4.6, byte for byte. */
static void announces(void **state)
{
    static const uint8_t want[ARP_FRAME_LEN] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,    0,    0,    0,    0,   1, 8, 6,
        0,    1,    8,    0,    6,    4,    0,    1,    2,    0,    0,   0, 0, 1,
        192,  0,    2,    80,   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 80,
    };
    uint8_t frame[ARP_FRAME_LEN];
    struct arp_packet p = arp_gratuitous(own, ip_v4(OURS), ARP_REQUEST);

    (void)state;
    arp_write(frame, &p);
    assert_memory_equal(frame, want, sizeof(want));
    p = arp_gratuitous(own, ip_v4(OURS), ARP_REPLY);
    arp_write(frame, &p);
    assert_int_equal(frame[21], 2);
    frame[21] = 1;
    assert_memory_equal(frame, want, sizeof(want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges),
        cmocka_unit_test(drops_the_malformed),
        cmocka_unit_test(names_every_result),
        cmocka_unit_test(announces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
