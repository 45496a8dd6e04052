/* SPDX-License-Identifier: Apache-2.0 */
/* An address and a port: as text, and as sockets take them. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "base/ip.h"
#include "base/macro.h"

struct endpoint {
    struct ip ip; /* with a family */
    uint16_t port;
};

/* "198.18.0.1:7946", "[2001:db8::1]:7946" */
struct endpoint_text {
    char s[IP_TEXT_MAX + 9];
};
struct endpoint_text endpoint_format(struct endpoint e);

struct sockaddr_storage endpoint_to_sockaddr(struct endpoint e, socklen_t *ret_len);
struct endpoint endpoint_from_sockaddr(const struct sockaddr_storage *a); /* AF_INET or AF_INET6 */

/* A socket of that type, bound, which neither blocks nor is inherited; or -errno. A listener may
 * take the place of one whose connections still end. */
NODISCARD int endpoint_bind(struct endpoint e, int type);
