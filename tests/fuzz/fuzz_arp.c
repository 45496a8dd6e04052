/* SPDX-License-Identifier: Apache-2.0 */
/* Input: one Ethernet frame. What is read must come back when it is written and read again. */
#include "arp/arp_responder.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* One target in four is announced, so that all verdicts are within reach. */
static enum arp_result claim(void *arg, struct ip target)
{
    (void)arg;
    switch (target.lo & 3) {
    case 0:
        return ARP_ANSWER;
    case 1:
        return ARP_DROP_INTERFACE;
    default:
        return ARP_DROP_ANNOUNCE_IP;
    }
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool same(const struct arp_packet *a, const struct arp_packet *b)
{
    return memcmp(a->eth_to, b->eth_to, ETH_ALEN) == 0 &&
           memcmp(a->eth_from, b->eth_from, ETH_ALEN) == 0 && a->op == b->op &&
           memcmp(a->sender_mac, b->sender_mac, ETH_ALEN) == 0 &&
           memcmp(a->target_mac, b->target_mac, ETH_ALEN) == 0 &&
           ip_eq(a->sender_ip, b->sender_ip) && ip_eq(a->target_ip, b->target_ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct arp_responder a = {.mac = {2, 0, 0, 0, 0, 1}, .claim = claim};
    struct arp_packet request, reply, again;
    uint8_t frame[ARP_FRAME_LEN];

    if (arp_respond(&a, bytes, len, &request, &reply) == ARP_DROP_MALFORMED)
        return 0;
    arp_write(frame, &request);
    require(arp_read(&again, frame, sizeof(frame)) == 0);
    require(same(&request, &again));
    if (arp_respond(&a, bytes, len, &request, &reply) != ARP_ANSWER)
        return 0;
    require(request.op == ARP_REQUEST && reply.op == ARP_REPLY);
    require((reply.eth_to[0] & 1) == 0); /* an answer is never a broadcast */
    arp_write(frame, &reply);
    require(arp_read(&again, frame, sizeof(frame)) == 0);
    require(same(&reply, &again));
    return 0;
}
