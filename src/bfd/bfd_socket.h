/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP sockets of BFD (RFC 5881 4, 5; RFC 5883 5; spec speaker-bgp 5.10): one that receives for
 * each VRF, family and kind of hop, one that sends for each session.
 */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/ip.h"
#include "bfd/bfd.h"

enum { BFD_BATCH = 16, BFD_DATAGRAM_MAX = 64 /* the rest of a longer one is not read */ };

struct bfd_datagram {
    struct ip from, to;
    uint32_t ifindex;
    int ttl; /* -1: the kernel did not say */
    const uint8_t *bytes;
    size_t len;
};

struct bfd_inbox {
    struct mmsghdr headers[BFD_BATCH];
    struct iovec parts[BFD_BATCH];
    struct sockaddr_storage from[BFD_BATCH];
    _Alignas(struct cmsghdr) uint8_t control[BFD_BATCH][128];
    uint8_t bytes[BFD_BATCH][BFD_DATAGRAM_MAX];
};

/* `vrf`: device to bind to, "": none. A descriptor or -errno. */
NODISCARD int bfd_socket_listen(enum ip_family family, bool multihop, const char *vrf,
                                struct err *err);
/* The number of datagrams, at most BFD_BATCH, or -errno. */
NODISCARD int bfd_socket_receive(int fd, struct bfd_inbox *inbox);
/* They live until the next bfd_socket_receive. */
struct bfd_datagram bfd_socket_datagram(const struct bfd_inbox *inbox, int i);

/*
 * Connected to the peer. `*port` is the source port; where it is 0, or somebody else has it,
 * another is chosen and written there. *ret_local is the address that it has. A descriptor or
 * -errno.
 */
NODISCARD int bfd_socket_dial(const struct bfd_key *key, uint16_t *port, uint64_t *random,
                              struct ip *ret_local, struct err *err);

/* Does this host forward what comes in there (0: in general)? Echoes of others need it. */
bool bfd_socket_forwards(enum ip_family family, uint32_t ifindex);
