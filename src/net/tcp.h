/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP sockets as routing protocols need them (spec speaker-bgp 5.11): MD5 signatures (RFC 2385),
 * TTL and its minimum (RFC 5082), source address, device. All sockets neither block nor are
 * inherited, have TCP_NODELAY, and DSCP CS6.
 */
#pragma once

#include "base/err.h"
#include "net/endpoint.h"

enum { TCP_MD5_KEY_MAX = 80 };

struct tcp_how {
    struct ip source;    /* IP_NONE: the kernel chooses; else it must be an address of this host */
    uint32_t scope;      /* interface of a link-local peer; 0: none */
    const char *device;  /* VRF or interface to bind to; "" or NULL: none */
    const char *md5;     /* at most TCP_MD5_KEY_MAX bytes; "" or NULL: none */
    uint8_t ttl;         /* 1..255 */
    uint8_t min_ttl;     /* of what is received; 0: any (GTSM) */
    uint32_t timeout_ms; /* TCP_USER_TIMEOUT; 0: the kernel's */
};

/* A socket that connects, or has; wait until it can be written. -errno, with a text that says what
 * failed ("source address 192.0.2.9: no interface has it"). */
NODISCARD int tcp_dial(struct endpoint to, const struct tcp_how *how, struct err *err);
/* 0 when the connection stands, else -errno. For when the socket of tcp_dial can be written. */
NODISCARD int tcp_dialled(int fd);

/* A listener on one port for one family; IPv6 ones take no IPv4. IP_NONE is no address here: use
 * the unspecified one for all addresses. */
NODISCARD int tcp_listen(struct endpoint at, const char *device, struct err *err);
/* The key of a peer, "" or NULL: none any more. Set it before the peer's SYN comes. `scope` as
 * above. 0 or -errno. */
NODISCARD int tcp_listen_md5(int fd, struct ip peer, uint32_t scope, const char *md5);
/* The next connection, or -EAGAIN; what cannot be used is closed and skipped. */
NODISCARD int tcp_accept(int fd, struct endpoint *ret_from, uint32_t *ret_scope);

/* Of a live connection. 0 or -errno. */
NODISCARD int tcp_set_ttl(int fd, uint8_t ttl, uint8_t min_ttl);
NODISCARD int tcp_set_timeout(int fd, uint32_t timeout_ms);
struct endpoint tcp_local(int fd); /* its own end; IP_NONE when it has none */

/* Does the kernel have MD5 signatures? It may have been built without. */
bool tcp_has_md5(void);
