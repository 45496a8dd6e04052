/* SPDX-License-Identifier: Apache-2.0 */
#include "net/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

static int packet_bind(int fd, uint32_t ifindex, uint16_t ethertype)
{
    const struct sockaddr_ll at = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ethertype),
        .sll_ifindex = (int)ifindex,
    };

    return bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
}

int packet_open(uint32_t ifindex, uint16_t ethertype, struct addr_filter *filter)
{
    /* Protocol 0 receives nothing until bind names one. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r;

    if (fd < 0)
        return -errno;
    r = addr_filter_attach(filter, fd);
    if (r >= 0)
        r = packet_bind(fd, ifindex, ethertype);
    if (r < 0) {
        packet_close(fd, filter);
        return r;
    }
    return fd;
}

void packet_close(int fd, struct addr_filter *filter)
{
    if (fd < 0)
        return;
    addr_filter_detach(filter, fd);
    close(fd);
}

int packet_recv(int fd, uint8_t frame[PACKET_FRAME_MAX])
{
    struct sockaddr_ll from = {0};
    socklen_t from_len = sizeof(from);
    ssize_t n =
        recvfrom(fd, frame, PACKET_FRAME_MAX, MSG_TRUNC, (struct sockaddr *)&from, &from_len);

    if (n < 0)
        return -errno;
    if (n > PACKET_FRAME_MAX)
        return 0;
    if (from.sll_pkttype == PACKET_OTHERHOST || from.sll_pkttype == PACKET_OUTGOING)
        return 0;
    return (int)n;
}

int packet_send(int fd, const uint8_t *frame, size_t len)
{
    return send(fd, frame, len, 0) < 0 ? -errno : 0;
}
