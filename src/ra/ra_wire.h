/* SPDX-License-Identifier: Apache-2.0 */
/* Router Solicitations and Advertisements (RFC 4861 4.1, 4.2) as ICMPv6 messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/macro.h"

enum {
    RA_MESSAGE_MAX = 1500, /* longer ones are ignored */
    RA_WRITE_MAX = 24,
    RA_HOP_LIMIT = 255, /* of the packet: it has crossed no router */
    RA_MAC_LEN = 6,
};

enum ra_kind { RA_SOLICITATION, RA_ADVERTISEMENT };

struct ra_message {
    enum ra_kind kind;
    uint16_t lifetime_s; /* of an advertisement: as a default router; 0: it is none */
    bool has_source_mac; /* source link-layer address option */
};

/* One as it was received, or is to be sent. */
struct ra_packet {
    uint32_t ifindex;
    struct ip from;
    uint8_t hop_limit; /* as received; RA_HOP_LIMIT is what is sent */
    size_t len;
    uint8_t bytes[RA_MESSAGE_MAX];
};

/*
 * 0; -ENOMSG for another type; -EBADMSG when RFC 4861 6.1 wants it discarded for what is in it: a
 * code, too short, an option of length 0 or beyond the end. The kernel has checked the checksum.
 */
NODISCARD int ra_read(struct ra_message *ret, const uint8_t *bytes, size_t len);

/* The checksum is left to the kernel. `mac` NULL: without the option. Returns the length. */
size_t ra_write(uint8_t ret[RA_WRITE_MAX], enum ra_kind kind, const uint8_t *mac);
