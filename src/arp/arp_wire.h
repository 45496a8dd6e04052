/* SPDX-License-Identifier: Apache-2.0 */
/* ARP for IPv4 over Ethernet (RFC 826), as whole frames. */
#pragma once

#include <linux/if_ether.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/macro.h"

enum { ARP_FRAME_LEN = 60 }; /* as sent: 14 + 28 bytes and padding to Ethernet's minimum */
enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_packet {
    uint8_t eth_to[ETH_ALEN], eth_from[ETH_ALEN];
    uint16_t op;
    uint8_t sender_mac[ETH_ALEN], target_mac[ETH_ALEN];
    struct ip sender_ip, target_ip;
};

/*
 * 0, or -EBADMSG for anything but untagged ARP with Ethernet and IPv4 addresses. Whatever follows
 * is padding. A tag is refused: the kernel takes off those that concern us.
 */
NODISCARD int arp_read(struct arp_packet *ret, const uint8_t *frame, size_t len);
void arp_write(uint8_t ret[ARP_FRAME_LEN], const struct arp_packet *p);
