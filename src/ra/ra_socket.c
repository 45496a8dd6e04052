/* SPDX-License-Identifier: Apache-2.0 */
#include "ra/ra_socket.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct in6_addr all_nodes = {{{0xff, 0x02, [15] = 1}}};
static const struct in6_addr all_routers = {{{0xff, 0x02, [15] = 2}}};

static const struct {
    int option, value;
} options[] = {
    {IPV6_RECVHOPLIMIT, 1},
    {IPV6_RECVPKTINFO, 1},
    {IPV6_MULTICAST_HOPS, RA_HOP_LIMIT},
    {IPV6_MULTICAST_LOOP, 0},
};

static int set_int(int fd, int option, int value)
{
    return setsockopt(fd, IPPROTO_IPV6, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_options(int fd)
{
    struct icmp6_filter filter;

    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
    ICMP6_FILTER_SETPASS(ND_ROUTER_ADVERT, &filter);
    if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0)
        return -errno;
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        int r = set_int(fd, options[i].option, options[i].value);

        if (r < 0)
            return r;
    }
    return 0;
}

int ra_socket_open(void)
{
    int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    int r;

    if (fd < 0)
        return -errno;
    r = set_options(fd);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

static int membership(int fd, uint32_t ifindex, int option)
{
    const struct ipv6_mreq request = {.ipv6mr_multiaddr = all_routers, .ipv6mr_interface = ifindex};

    return setsockopt(fd, IPPROTO_IPV6, option, &request, sizeof(request)) < 0 ? -errno : 0;
}

int ra_socket_join(int fd, uint32_t ifindex)
{
    return membership(fd, ifindex, IPV6_JOIN_GROUP);
}

void ra_socket_leave(int fd, uint32_t ifindex)
{
    (void)membership(fd, ifindex, IPV6_LEAVE_GROUP); /* fails where it went with its interface */
}

/* Room for one in6_pktinfo and one int. */
union control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

int ra_socket_send(int fd, const struct ra_packet *p, enum ra_kind kind)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_scope_id = p->ifindex};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)p->bytes, .iov_len = p->len};
    union control control = {.bytes = {0}};
    struct msghdr msg = {.msg_name = &to,
                         .msg_namelen = sizeof(to),
                         .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = CMSG_SPACE(sizeof(struct in6_pktinfo))};
    struct in6_pktinfo info = {.ipi6_ifindex = p->ifindex};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    to.sin6_addr = kind == RA_ADVERTISEMENT ? all_nodes : all_routers;
    ip_to_v6(p->from, info.ipi6_addr.s6_addr);
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(c), &info, sizeof(info));
    return sendmsg(fd, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void read_control(struct msghdr *msg, struct ra_packet *p)
{
    struct in6_pktinfo info;
    int hop_limit;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != IPPROTO_IPV6)
            continue;
        if (c->cmsg_type == IPV6_PKTINFO && c->cmsg_len == CMSG_LEN(sizeof(info))) {
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            p->ifindex = info.ipi6_ifindex;
        }
        if (c->cmsg_type == IPV6_HOPLIMIT && c->cmsg_len == CMSG_LEN(sizeof(hop_limit))) {
            memcpy(&hop_limit, CMSG_DATA(c), sizeof(hop_limit));
            p->hop_limit = (uint8_t)hop_limit;
        }
    }
}

int ra_socket_recv(int fd, struct ra_packet *ret)
{
    struct sockaddr_in6 from = {0};
    struct iovec iov = {.iov_base = ret->bytes, .iov_len = sizeof(ret->bytes)};
    union control control;
    struct msghdr msg = {.msg_name = &from,
                         .msg_namelen = sizeof(from),
                         .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes)};
    ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

    if (n < 0)
        return -errno;
    if ((msg.msg_flags & MSG_TRUNC) != 0)
        return 0;
    ret->len = (size_t)n;
    ret->from = ip_v6(from.sin6_addr.s6_addr);
    ret->ifindex = 0;
    ret->hop_limit = 0; /* refused, should the kernel not tell */
    read_control(&msg, ret);
    return 1;
}
