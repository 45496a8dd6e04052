/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bfd_echo_session.h"

#include "base/fd.h"
#include "bfd/bfd_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Offsets from the IPv4 header, where frames of a SOCK_DGRAM socket begin. Fragments carry no port.
 */
static int attach_filter(int fd, struct ip local, struct ip peer)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 11),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 9, 0),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BFD_PORT, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BFD_ECHO_PORT, 0, 5),
        BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, ip_to_v4(local)),
        BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
        BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, ip_to_v4(peer)),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, BFD_ECHO_READ_MAX),
    };
    const struct sock_fprog program = {ARRAY_SIZE(code), code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static struct sockaddr_ll link_address(uint32_t ifindex)
{
    return (struct sockaddr_ll){.sll_family = AF_PACKET,
                                .sll_protocol = htons(ETH_P_IP),
                                .sll_ifindex = (int)ifindex,
                                .sll_halen = ETH_ALEN};
}

int bfd_echo_open(uint32_t ifindex, struct ip local, struct ip peer)
{
    /* Protocol 0 receives nothing until bind names one, with the filter in place. */
    CLEANUP(fd_closep) int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_ll at = link_address(ifindex);
    int r, bound;

    if (fd < 0)
        return -errno;
    r = attach_filter(fd, local, peer);
    if (r < 0)
        return r;
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        return -errno;
    bound = fd;
    fd = -1;
    return bound;
}

int bfd_echo_receive(int fd, uint8_t packet[BFD_ECHO_READ_MAX], uint8_t ret_mac[ETH_ALEN])
{
    struct sockaddr_ll from = {0};
    socklen_t len = sizeof(from);
    ssize_t n = recvfrom(fd, packet, BFD_ECHO_READ_MAX, 0, (struct sockaddr *)&from, &len);

    if (n < 0)
        return -errno;
    if (from.sll_pkttype != PACKET_HOST || from.sll_halen != ETH_ALEN)
        return 0;
    memcpy(ret_mac, from.sll_addr, ETH_ALEN);
    return (int)n;
}

int bfd_echo_send(int fd, uint32_t ifindex, const uint8_t mac[ETH_ALEN], const uint8_t *packet,
                  size_t len)
{
    struct sockaddr_ll to = link_address(ifindex);

    memcpy(to.sll_addr, mac, ETH_ALEN);
    return sendto(fd, packet, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}
