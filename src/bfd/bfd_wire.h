/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BFD control packets (RFC 5880 4.1) and our own echo packets (RFC 5880 5: the payload is a local
 * matter) with their IPv4 and UDP headers. Authentication is not spoken: a packet with the A bit is
 * dropped (6.8.6).
 */
#pragma once

#include <stddef.h>

#include "base/ip.h"
#include "base/macro.h"
#include "bfd/bfd_params.h"

enum {
    BFD_PORT = 3784, /* RFC 5881 4 */
    BFD_ECHO_PORT = 3785,
    BFD_MULTIHOP_PORT = 4784, /* RFC 5883 5 */
    BFD_TTL = 255,            /* of all that we send (RFC 5881 5, RFC 5082) */
    BFD_ECHO_TTL_BACK = 254,  /* the other side has forwarded it once */
    BFD_PACKET_LEN = 24,
    BFD_ECHO_LEN = 48,
};

enum bfd_diag { /* RFC 5880 4.1 */
                BFD_DIAG_NONE,
                BFD_DIAG_EXPIRED,
                BFD_DIAG_ECHO_FAILED,
                BFD_DIAG_NEIGHBOR_DOWN,
                BFD_DIAG_FORWARDING_RESET,
                BFD_DIAG_PATH_DOWN,
                BFD_DIAG_CONCATENATED_DOWN,
                BFD_DIAG_ADMIN_DOWN,
                BFD_DIAG_REVERSE_DOWN,
};

const char *bfd_diag_name(enum bfd_diag d); /* for people; "" for none */

struct bfd_packet {
    uint8_t diag; /* any 5 bits */
    enum bfd_state state;
    bool poll, final, independent, demand;
    uint8_t multiplier;
    uint32_t my_discriminator, your_discriminator;
    uint32_t desired_tx_us, required_rx_us, required_echo_us;
};

/* Why a packet is not taken. */
enum bfd_drop {
    BFD_TAKE,
    BFD_DROP_LENGTH,
    BFD_DROP_VERSION,
    BFD_DROP_MULTIPLIER,
    BFD_DROP_MULTIPOINT,
    BFD_DROP_AUTHENTICATION,
    BFD_DROP_MY_DISCRIMINATOR,
    BFD_DROP_STATE, /* your discriminator is 0 in a state in which ours is known */
    BFD_DROP_UNKNOWN,
    BFD_DROP_TTL,
    BFD_DROP_INTERFACE,
    BFD_DROP_ADMIN_DOWN, /* for a session that we hold down */
    BFD_DROP_ECHO,       /* not an echo of ours, or an old one */
};
enum { BFD_DROPS = BFD_DROP_ECHO + 1 };

const char *bfd_drop_name(enum bfd_drop d);

/* What a packet says about itself (RFC 5880 6.8.6 up to the look-up); `ret` only with BFD_TAKE. */
enum bfd_drop bfd_read(struct bfd_packet *ret, const uint8_t *bytes, size_t len);
void bfd_write(uint8_t ret[BFD_PACKET_LEN], const struct bfd_packet *p);

struct bfd_echo {
    struct ip address; /* source and destination, IPv4 */
    uint8_t ttl;
    uint32_t discriminator, sequence;
    uint64_t cookie; /* of the session, so that others cannot make one up */
};

/* IPv4 header and all that follows. Checksums are right when written, and not looked at when read:
 * the cookie tells more. 0 or -EBADMSG. */
NODISCARD int bfd_echo_read(struct bfd_echo *ret, const uint8_t *bytes, size_t len);
void bfd_echo_write(uint8_t ret[BFD_ECHO_LEN], const struct bfd_echo *e);

/* An IPv4 packet that carries BFD control of a single hop: where from, its TTL, and what it says.
 * Anything else: false. */
bool bfd_control_read(struct bfd_packet *ret, struct ip *ret_from, const uint8_t *bytes,
                      size_t len);
