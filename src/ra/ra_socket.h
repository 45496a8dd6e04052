/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ICMPv6 socket for router discovery, one for all interfaces. Needs NET_RAW to be opened. It
 * lets Router Solicitations and Advertisements through, whatever the kernel's own accept_ra and
 * forwarding say (F40), and does not hear what this host sends.
 */
#pragma once

#include "ra/ra_wire.h"

/* A descriptor, non-blocking and close-on-exec, or -errno. */
NODISCARD int ra_socket_open(void);

/* The group of all routers on an interface: solicitations. 0 or -errno. */
NODISCARD int ra_socket_join(int fd, uint32_t ifindex);
void ra_socket_leave(int fd, uint32_t ifindex);

/* To all nodes or all routers, whom the kind is for. 0 or -errno. */
NODISCARD int ra_socket_send(int fd, const struct ra_packet *p, enum ra_kind kind);

/* 1; 0 for a packet to ignore, being too long; else -errno, -EAGAIN when there is none. */
NODISCARD int ra_socket_recv(int fd, struct ra_packet *ret);
