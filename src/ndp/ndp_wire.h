/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbor Solicitations and Advertisements (RFC 4861 4.3, 4.4, 4.6.1) as whole Ethernet frames. */
#pragma once

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/macro.h"

enum { NDP_ADVERT_LEN = 86 }; /* Ethernet 14, IPv6 40, advertisement 24, one option 8 */

/* An ICMPv6 packet of type 135; what RFC 4861 7.1.1 says about its fields is the responder's part.
 */
struct ndp_solicit {
    uint8_t eth_to[ETH_ALEN], eth_from[ETH_ALEN];
    struct ip from, to, target;
    uint8_t hop_limit, code;
    bool checksum_ok;
    bool has_source_mac; /* source link-layer address option */
    uint8_t source_mac[ETH_ALEN];
};

/*
 * 0; -ENOMSG for a well-formed frame of another kind; -EBADMSG for a frame that is cut short, or
 * whose lengths contradict each other: an option of length 0, or one that reaches beyond the end.
 */
NODISCARD int ndp_read(struct ndp_solicit *ret, const uint8_t *frame, size_t len);

/* An unsolicited advertisement, valid after RFC 4861 7.1.2: the sender has the target. */
struct ndp_claim {
    uint8_t eth_from[ETH_ALEN];
    struct ip target;
};

/* 0; -ENOMSG for anything else that is well-formed; -EBADMSG as above. */
NODISCARD int ndp_read_claim(struct ndp_claim *ret, const uint8_t *frame, size_t len);

struct ndp_advert {
    uint8_t eth_to[ETH_ALEN];
    uint8_t mac[ETH_ALEN]; /* Ethernet source and target link-layer address */
    struct ip from, to, target;
    bool solicited, override; /* never Router */
};

void ndp_write(uint8_t ret[NDP_ADVERT_LEN], const struct ndp_advert *a);

/* The Internet checksum of an ICMPv6 packet with its pseudo-header; 0 for one that is right. */
uint16_t ndp_checksum(struct ip from, struct ip to, const uint8_t *icmp, size_t len);
