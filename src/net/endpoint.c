/* SPDX-License-Identifier: Apache-2.0 */
#include "net/endpoint.h"

#include "base/fd.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

struct endpoint_text endpoint_format(struct endpoint e)
{
    struct endpoint_text t;
    bool v6 = e.ip.family == IP_V6;

    (void)snprintf(t.s, sizeof(t.s), "%s%s%s:%u", v6 ? "[" : "", ip_format(e.ip).s, v6 ? "]" : "",
                   e.port); /* it fits */
    return t;
}

struct sockaddr_storage endpoint_to_sockaddr(struct endpoint e, socklen_t *ret_len)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&storage;

    if (e.ip.family == IP_V4) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(e.port);
        v4->sin_addr.s_addr = htonl(ip_to_v4(e.ip));
        *ret_len = sizeof(*v4);
    } else {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(e.port);
        ip_to_v6(e.ip, v6->sin6_addr.s6_addr);
        *ret_len = sizeof(*v6);
    }
    return storage;
}

struct endpoint endpoint_from_sockaddr(const struct sockaddr_storage *a)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a;

    if (a->ss_family == AF_INET)
        return (struct endpoint){ip_v4(ntohl(v4->sin_addr.s_addr)), ntohs(v4->sin_port)};
    return (struct endpoint){ip_v6(v6->sin6_addr.s6_addr), ntohs(v6->sin6_port)};
}

int endpoint_bind(struct endpoint e, int type)
{
    socklen_t len;
    struct sockaddr_storage at = endpoint_to_sockaddr(e, &len);
    CLEANUP(fd_closep) int fd = socket(at.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, bound;

    if (fd < 0)
        return -errno;
    if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&at, len) < 0)
        return -errno;
    bound = fd;
    fd = -1;
    return bound;
}
