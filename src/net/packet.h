/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_PACKET sockets: whole Ethernet frames of one EtherType on one interface. Needs NET_RAW. The
 * interface's own receive filter stays as it is: no promiscuous mode, no multicast membership.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "net/addr_filter.h"

enum { PACKET_FRAME_MAX = 2048 }; /* longer frames are refused: neither ARP nor ND comes near */

/*
 * Returns a descriptor, non-blocking and close-on-exec, or -errno. The filter is in place before
 * the socket is bound, so that no frame is ever queued unfiltered. Closed with packet_close.
 */
NODISCARD int packet_open(uint32_t ifindex, uint16_t ethertype, struct addr_filter *filter);
void packet_close(int fd, struct addr_filter *filter); /* accepts -1 */

/*
 * Length of the frame that was read into `frame`; 0 for one to ignore: sent by this host, addressed
 * to another one (which includes frames of a VLAN that has no interface here: the kernel strips the
 * tag and marks them so), or too long. Else -errno; -EAGAIN when there is nothing to read.
 */
NODISCARD int packet_recv(int fd, uint8_t frame[PACKET_FRAME_MAX]);

/* 0 or -errno; -EAGAIN and -ENOBUFS mean that the frame can be sent again later. */
NODISCARD int packet_send(int fd, const uint8_t *frame, size_t len);
