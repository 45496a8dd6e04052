/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick of bench/arp.py: a responder without a kernel-side filter, built as MetalLB's is
 * (spec speaker-l2 4.4): every ARP frame of the interface wakes the process, which looks whether
 * the address is its own.
 *
 *     arp_unfiltered IFNAME ADDRESS
 */
#include "base/ip.h"
#include "base/wire.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REPLY_LEN = 60 };

struct request {
    uint8_t sender_mac[6];
    uint32_t sender_ip, target_ip;
};

static bool read_request(struct request *ret, const uint8_t *frame, size_t len)
{
    struct rd r = rd_from(frame, len);
    struct request q;
    uint16_t op;

    rd_skip(&r, 14 + 6);
    op = rd_u16(&r);
    rd_copy(&r, q.sender_mac, 6);
    q.sender_ip = rd_u32(&r);
    rd_skip(&r, 6);
    q.target_ip = rd_u32(&r);
    if (r.bad || op != 1)
        return false;
    *ret = q;
    return true;
}

static void answer(int fd, const uint8_t mac[6], const struct request *q)
{
    uint8_t frame[REPLY_LEN];
    struct wr w = wr_to(frame, sizeof(frame));

    wr_bytes(&w, q->sender_mac, 6);
    wr_bytes(&w, mac, 6);
    wr_u16(&w, ETH_P_ARP);
    wr_u16(&w, 1);
    wr_u16(&w, ETH_P_IP);
    wr_u8(&w, 6);
    wr_u8(&w, 4);
    wr_u16(&w, 2);
    wr_bytes(&w, mac, 6);
    wr_u32(&w, q->target_ip);
    wr_bytes(&w, q->sender_mac, 6);
    wr_u32(&w, q->sender_ip);
    wr_zeros(&w, REPLY_LEN - w.len);
    (void)!send(fd, frame, sizeof(frame), 0); /* the asker counts what arrives */
}

int main(int argc, char **argv)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
    struct ifreq hw = {0};
    uint8_t frame[128];
    struct ip mine;
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP));

    if (argc != 3 || fd < 0 || !ip_parse(&mine, argv[2]))
        return 2;
    snprintf(hw.ifr_name, sizeof(hw.ifr_name), "%s", argv[1]);
    address.sll_ifindex = (int)if_nametoindex(argv[1]);
    if (ioctl(fd, SIOCGIFHWADDR, &hw) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return 1;
    for (;;) {
        ssize_t n = recv(fd, frame, sizeof(frame), 0);
        struct request q;

        if (n > 0 && read_request(&q, frame, (size_t)n) && q.target_ip == ip_to_v4(mine))
            answer(fd, (const uint8_t *)hw.ifr_hwaddr.sa_data, &q);
    }
}
