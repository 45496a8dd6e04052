/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte of switches and one Ethernet frame. With switch 1 the frame's checksum is set right
 * first, which a mutator would never find. An answer must keep the rules of RFC 4861 7.1.2.
 */
#include "ndp/ndp_responder.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 2048, AT_FROM = 22, AT_TO = 38, AT_ICMP = 54, AT_CHECKSUM = 56 };

static enum ndp_result claim(void *arg, struct ip target)
{
    (void)arg;
    switch (target.lo & 3) {
    case 0:
        return NDP_ANSWER;
    case 1:
        return NDP_DROP_INTERFACE;
    default:
        return NDP_DROP_ANNOUNCE_IP;
    }
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void set_checksum(uint8_t *frame, size_t len)
{
    size_t payload = len < AT_ICMP + 4 ? 0 : (size_t)(frame[18] << 8 | frame[19]);
    uint16_t sum;

    if (payload < 4 || payload > len - AT_ICMP)
        return;
    frame[AT_CHECKSUM] = frame[AT_CHECKSUM + 1] = 0;
    sum = ndp_checksum(ip_v6(frame + AT_FROM), ip_v6(frame + AT_TO), frame + AT_ICMP, payload);
    frame[AT_CHECKSUM] = (uint8_t)(sum >> 8);
    frame[AT_CHECKSUM + 1] = (uint8_t)sum;
}

static void check_advert(const struct ndp_advert *a)
{
    uint8_t out[NDP_ADVERT_LEN];
    bool to_all = (a->eth_to[0] & 1) != 0;

    ndp_write(out, a);
    require(ndp_checksum(a->from, a->to, out + AT_ICMP, NDP_ADVERT_LEN - AT_ICMP) == 0);
    require(a->solicited != to_all && a->override == to_all);
    require((a->to.hi >> 56 == 0xff) == to_all);
    require(a->target.hi >> 56 != 0xff);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct ndp_responder n = {.mac = {2, 0, 0, 0, 0, 1}, .claim = claim};
    struct ndp_advert a;
    struct ndp_claim c;
    uint8_t frame[FRAME_MAX];

    if (len < 1 || len - 1 > sizeof(frame))
        return 0;
    n.link_local = (struct ip){.hi = UINT64_C(0xfe80) << 48, .lo = 1, .family = IP_V6};
    memcpy(frame, bytes + 1, len - 1);
    if ((bytes[0] & 1) != 0)
        set_checksum(frame, len - 1);
    if (ndp_read_claim(&c, frame, len - 1) == 0)
        require(ndp_respond(&n, frame, len - 1, &a) == NDP_DROP_OTHER);
    if (ndp_respond(&n, frame, len - 1, &a) == NDP_ANSWER)
        check_advert(&a);
    return 0;
}
