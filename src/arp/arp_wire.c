/* SPDX-License-Identifier: Apache-2.0 */
#include "arp/arp_wire.h"

#include "base/wire.h"

#include <assert.h>
#include <errno.h>

enum { ARP_HARDWARE_ETHERNET = 1 };

int arp_read(struct arp_packet *ret, const uint8_t *frame, size_t len)
{
    struct rd r = rd_from(frame, len);
    struct arp_packet p = {0};
    uint16_t ethertype, hardware, protocol, lengths;

    rd_copy(&r, p.eth_to, ETH_ALEN);
    rd_copy(&r, p.eth_from, ETH_ALEN);
    ethertype = rd_u16(&r);
    hardware = rd_u16(&r);
    protocol = rd_u16(&r);
    lengths = rd_u16(&r);
    p.op = rd_u16(&r);
    rd_copy(&r, p.sender_mac, ETH_ALEN);
    p.sender_ip = ip_v4(rd_u32(&r));
    rd_copy(&r, p.target_mac, ETH_ALEN);
    p.target_ip = ip_v4(rd_u32(&r));
    if (r.bad || ethertype != ETH_P_ARP || hardware != ARP_HARDWARE_ETHERNET ||
        protocol != ETH_P_IP || lengths != (ETH_ALEN << 8 | 4))
        return -EBADMSG;
    *ret = p;
    return 0;
}

void arp_write(uint8_t ret[ARP_FRAME_LEN], const struct arp_packet *p)
{
    struct wr w = wr_to(ret, ARP_FRAME_LEN);

    wr_bytes(&w, p->eth_to, ETH_ALEN);
    wr_bytes(&w, p->eth_from, ETH_ALEN);
    wr_u16(&w, ETH_P_ARP);
    wr_u16(&w, ARP_HARDWARE_ETHERNET);
    wr_u16(&w, ETH_P_IP);
    wr_u8(&w, ETH_ALEN);
    wr_u8(&w, 4);
    wr_u16(&w, p->op);
    wr_bytes(&w, p->sender_mac, ETH_ALEN);
    wr_u32(&w, ip_to_v4(p->sender_ip));
    wr_bytes(&w, p->target_mac, ETH_ALEN);
    wr_u32(&w, ip_to_v4(p->target_ip));
    wr_zeros(&w, ARP_FRAME_LEN - w.len);
    assert(!w.bad);
}
