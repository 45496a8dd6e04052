/* SPDX-License-Identifier: Apache-2.0 */
/* Which next hop a session announces (spec speaker-bgp F23, F23b, F23c; RFC 4760, 8950). Pure. */
#pragma once

#include "bgp/bgp_update.h"

/* An address of this host, as net/links.h knows it. */
struct bgp_local_address {
    struct ip ip;
    uint8_t prefix_len;
    uint32_t ifindex;
    bool usable;    /* not tentative, not a duplicate, not deprecated; interface up */
    struct ip peer; /* the other end of a point-to-point link, which the prefix is about; IP_NONE */
};

struct bgp_ends {
    struct ip local, remote; /* of the TCP connection */
    bool v4_over_v6;         /* agreed */
    bool unnumbered;         /* the peer was named by its interface */
    uint32_t ifindex;  /* that one: link-local addresses may repeat; 0: the one with `local` */
    struct ip node_v6; /* an IPv6 InternalIP of the node; IP_NONE: none */
};

/* No next hop of a family: len 0, and a constant for people in *ret_why; else NULL there. */
void bgp_next_hop_choose(struct bgp_next_hop ret[BGP_FAMILIES], const char *ret_why[BGP_FAMILIES],
                         const struct bgp_ends *ends, const struct bgp_local_address *addresses,
                         size_t count);

/*
 * The router identifier when the configuration names none (F20): the highest IPv4 address on the
 * loopback interface (not 127/8), else node_v4, else the CRC-32 of the node's name, little-endian.
 * Never 0.
 */
uint32_t bgp_router_id(uint32_t loopback_ifindex, const struct bgp_local_address *addresses,
                       size_t count, struct ip node_v4, const char *node);
