/* SPDX-License-Identifier: Apache-2.0 */
#include "role/listen.h"

#include "base/fd.h"
#include "base/text.h"

#include <errno.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { BACKLOG = 16 };

/* -EAFNOSUPPORT when the kernel has no such addresses. */
NODISCARD static int listen_on(const char *address, uint16_t port)
{
    CLEANUP(fd_closep) int fd = -1;
    struct sockaddr_storage sa = {0};
    int len = sizeof(sa), on = 1, off = 0;
    char text[80];
    int r;

    if (snprintf(text, sizeof(text), strchr(address, ':') == NULL ? "%s:%u" : "[%s]:%u", address,
                 port) >= (int)sizeof(text) ||
        evutil_parse_sockaddr_port(text, (struct sockaddr *)&sa, &len) < 0)
        return -EINVAL;
    fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return -errno;
    if (sa.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&sa, (socklen_t)len) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    r = fd;
    fd = -1;
    return r;
}

int listen_open(const char *address, uint16_t port)
{
    int fd = listen_on(str_empty(address) ? "::" : address, port);

    return str_empty(address) && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
               ? listen_on("0.0.0.0", port)
               : fd;
}
