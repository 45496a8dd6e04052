/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bfd_socket.h"

#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "bfd/bfd_wire.h"
#include "net/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/in6.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PORT_FIRST = 49152, /* RFC 5881 4 */
    PORT_LAST = 65535,
    PORT_TRIES = 64,
    TOS_CS6 = 0xc0,
    SEND_TTL = BFD_TTL,
};

struct option {
    int level, name, value;
};

static const struct option listen_v4[] = {
    {IPPROTO_IP, IP_RECVTTL, 1},
    {IPPROTO_IP, IP_PKTINFO, 1},
};
static const struct option listen_v6[] = {
    {IPPROTO_IPV6, IPV6_V6ONLY, 1},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
};
/* Nothing is read from a socket that sends: the other side answers to the port of the protocol. */
static const struct option send_v4[] = {
    {IPPROTO_IP, IP_TTL, SEND_TTL},
    {IPPROTO_IP, IP_TOS, TOS_CS6},
    {SOL_SOCKET, SO_RCVBUF, 0},
};
static const struct option send_v6[] = {
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, SEND_TTL},
    {IPPROTO_IPV6, IPV6_TCLASS, TOS_CS6},
    {SOL_SOCKET, SO_RCVBUF, 0},
};

static int set_options(int fd, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int)) < 0)
            return -errno;
    return 0;
}

static int bind_device(int fd, const char *name)
{
    if (str_empty(name))
        return 0;
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1) < 0
               ? -errno
               : 0;
}

static int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

static int open_udp(enum ip_family family)
{
    int fd =
        socket(family == IP_V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

static uint16_t port_of(bool multihop)
{
    return multihop ? BFD_MULTIHOP_PORT : BFD_PORT;
}

static struct ip any_address(enum ip_family family)
{
    return (struct ip){.family = family};
}

static int bind_to(int fd, struct ip ip, uint16_t port, uint32_t scope)
{
    socklen_t len;
    struct sockaddr_storage at = endpoint_to_sockaddr((struct endpoint){ip, port}, &len);

    if (ip_is_link_local(ip))
        ((struct sockaddr_in6 *)(void *)&at)->sin6_scope_id = scope;
    return bind(fd, (struct sockaddr *)&at, len) < 0 ? -errno : 0;
}

int bfd_socket_listen(enum ip_family family, bool multihop, const char *vrf, struct err *err)
{
    CLEANUP(fd_closep) int fd = open_udp(family);
    int r = fd;

    if (r >= 0)
        r = family == IP_V4 ? set_options(fd, listen_v4, ARRAY_SIZE(listen_v4))
                            : set_options(fd, listen_v6, ARRAY_SIZE(listen_v6));
    if (r >= 0)
        r = bind_device(fd, vrf);
    if (r < 0)
        return err_set(err, r, "BFD socket%s%s: %s", str_empty(vrf) ? "" : " in VRF ", vrf,
                       strerror(-r));
    r = bind_to(fd, any_address(family), port_of(multihop), 0);
    if (r < 0)
        return err_set(err, r, "BFD port %u: %s", port_of(multihop), strerror(-r));
    return take_fd(&fd);
}

int bfd_socket_receive(int fd, struct bfd_inbox *inbox)
{
    int n;

    for (int i = 0; i < BFD_BATCH; i++) {
        inbox->parts[i] = (struct iovec){inbox->bytes[i], BFD_DATAGRAM_MAX};
        inbox->headers[i].msg_hdr = (struct msghdr){.msg_name = &inbox->from[i],
                                                    .msg_namelen = sizeof(inbox->from[i]),
                                                    .msg_iov = &inbox->parts[i],
                                                    .msg_iovlen = 1,
                                                    .msg_control = inbox->control[i],
                                                    .msg_controllen = sizeof(inbox->control[i])};
    }
    n = recvmmsg(fd, inbox->headers, BFD_BATCH, 0, NULL);
    return n < 0 ? -errno : n;
}

static struct ip from_in_addr(struct in_addr a)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *at = (struct sockaddr_in *)(void *)&storage;

    at->sin_family = AF_INET;
    at->sin_addr = a;
    return endpoint_from_sockaddr(&storage).ip;
}

static void read_control(struct bfd_datagram *d, const struct cmsghdr *c)
{
    struct in_pktinfo v4;
    struct in6_pktinfo v6;

    if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
        memcpy(&d->ttl, CMSG_DATA(c), sizeof(d->ttl));
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        memcpy(&v4, CMSG_DATA(c), sizeof(v4));
        d->ifindex = (uint32_t)v4.ipi_ifindex;
        d->to = from_in_addr(v4.ipi_addr);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
        memcpy(&v6, CMSG_DATA(c), sizeof(v6));
        d->ifindex = v6.ipi6_ifindex;
        d->to = ip_v6(v6.ipi6_addr.s6_addr);
    }
}

struct bfd_datagram bfd_socket_datagram(const struct bfd_inbox *inbox, int i)
{
    const struct mmsghdr *h = &inbox->headers[i];
    struct msghdr message = h->msg_hdr; /* CMSG_NXTHDR wants one that is not const */
    struct bfd_datagram d = {.from = endpoint_from_sockaddr(&inbox->from[i]).ip,
                             .ttl = -1,
                             .bytes = inbox->bytes[i],
                             .len = h->msg_len};

    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c))
        read_control(&d, c);
    return d;
}

static int bind_source(int fd, const struct bfd_key *key, uint16_t *port, uint64_t *random)
{
    struct ip local = key->local.family == IP_NONE ? any_address(key->peer.family) : key->local;
    int r = *port != 0 ? bind_to(fd, local, *port, key->ifindex) : -EADDRINUSE;

    for (int i = 0; i < PORT_TRIES && r == -EADDRINUSE; i++) {
        uint16_t p = (uint16_t)(PORT_FIRST + random_below(random, PORT_LAST - PORT_FIRST + 1));

        r = bind_to(fd, local, p, key->ifindex);
        if (r >= 0)
            *port = p;
    }
    return r;
}

static int connect_to(int fd, const struct bfd_key *key)
{
    const struct endpoint to = {key->peer, port_of(key->multihop)};
    socklen_t len;
    struct sockaddr_storage at = endpoint_to_sockaddr(to, &len);

    if (ip_is_link_local(key->peer))
        ((struct sockaddr_in6 *)(void *)&at)->sin6_scope_id = key->ifindex;
    return connect(fd, (struct sockaddr *)&at, len) < 0 ? -errno : 0;
}

static int local_of(int fd, struct ip *ret)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);

    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        return -errno;
    *ret = endpoint_from_sockaddr(&at).ip;
    return 0;
}

static int bind_interface(int fd, const struct bfd_key *key)
{
    int ifindex = (int)key->ifindex;

    if (ifindex == 0)
        return bind_device(fd, key->vrf);
    return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex, sizeof(ifindex)) < 0 ? -errno : 0;
}

int bfd_socket_dial(const struct bfd_key *key, uint16_t *port, uint64_t *random,
                    struct ip *ret_local, struct err *err)
{
    CLEANUP(fd_closep) int fd = open_udp(key->peer.family);
    const char *what = "socket";
    int r = fd;

    if (r >= 0)
        r = key->peer.family == IP_V4 ? set_options(fd, send_v4, ARRAY_SIZE(send_v4))
                                      : set_options(fd, send_v6, ARRAY_SIZE(send_v6));
    if (r >= 0) {
        what = "interface";
        r = bind_interface(fd, key);
    }
    if (r >= 0) {
        what = "source address";
        r = bind_source(fd, key, port, random);
    }
    if (r >= 0) {
        what = "route";
        r = connect_to(fd, key);
    }
    if (r >= 0)
        r = local_of(fd, ret_local);
    if (r < 0)
        return err_set(err, r, "%s: %s", what, strerror(-r));
    return take_fd(&fd);
}

bool bfd_socket_forwards(enum ip_family family, uint32_t ifindex)
{
    char path[96], name[IF_NAMESIZE] = "all", digit = '0';
    CLEANUP(fd_closep) int fd = -1;

    if (ifindex != 0 && if_indextoname(ifindex, name) == NULL)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/sys/net/ipv%d/conf/%s/forwarding",
                   family == IP_V4 ? 4 : 6, name); /* it fits */
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, &digit, 1) == 1 && digit != '0';
}
