/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The echo function of a single-hop IPv4 session (RFC 5881 4; spec speaker-bgp 5.10): packets to
 * our own address, put on the wire with the other side's MAC, which its kernel sends back.
 * AF_PACKET, since our own kernel would take them for Martians when they come. The MAC is that of
 * the frames which carry the control packets of the session, so these are heard here too. Needs
 * NET_RAW.
 */
#pragma once

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/macro.h"

enum { BFD_ECHO_READ_MAX = 128 };

/* A descriptor or -errno. It hears control packets from `peer` and echoes of `local`, nothing else.
 */
NODISCARD int bfd_echo_open(uint32_t ifindex, struct ip local, struct ip peer);
/* The length of an IPv4 packet and the MAC that it came from; 0: one to ignore; else -errno. */
NODISCARD int bfd_echo_receive(int fd, uint8_t packet[BFD_ECHO_READ_MAX],
                               uint8_t ret_mac[ETH_ALEN]);
NODISCARD int bfd_echo_send(int fd, uint32_t ifindex, const uint8_t mac[ETH_ALEN],
                            const uint8_t *packet, size_t len);
