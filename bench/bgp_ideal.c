/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ideal announcer: one session, one route, and both its UPDATEs are there before they are asked
 * for. A line on stdin writes one. Nothing that decides, packs or keeps a table can be faster.
 *
 *     bgp_ideal PEER LOCAL AS ROUTE      the route is ROUTE/32, its next hop LOCAL
 *
 * Prints "ready" when Established. Then "+" announces the route, "-" withdraws it.
 */
#include "base/ip.h"
#include "bgp_bytes.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BGP_PORT = 179, HOST = 32, RETRY_MS = 50, WELL_KNOWN = 0x40 };

struct ideal {
    int fd;
    uint8_t announce[128], withdraw[64];
    size_t announce_len, withdraw_len;
};

/* -1 where it does not listen. */
static int dial(struct ip peer)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(BGP_PORT)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(ip_to_v4(peer));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* One message; its type, or -1. */
static int receive(int fd)
{
    uint8_t bytes[BGP_BYTES_MAX] = {0};
    struct rd r = rd_from(bytes, BGP_BYTES_HEADER);
    size_t len;
    uint8_t type;

    if (recv(fd, bytes, BGP_BYTES_HEADER, MSG_WAITALL) != BGP_BYTES_HEADER)
        return -1;
    rd_skip(&r, 16);
    len = (size_t)rd_u16(&r) - BGP_BYTES_HEADER;
    type = rd_u8(&r);
    if (len > sizeof(bytes) || (len > 0 && recv(fd, bytes, len, MSG_WAITALL) != (ssize_t)len))
        return -1;
    return type;
}

static bool establish(int fd, uint32_t asn, struct ip id)
{
    uint8_t bytes[128];
    struct wr w = wr_to(bytes, sizeof(bytes));

    bytes_open(&w, asn, ip_to_v4(id), 0);
    bytes_keepalive(&w); /* whatever the peer says */
    return send(fd, bytes, w.len, 0) == (ssize_t)w.len && receive(fd) == BGP_BYTES_OPEN &&
           receive(fd) == BGP_BYTES_KEEPALIVE;
}

static void write_attributes(struct wr *w, uint32_t asn, struct ip next_hop)
{
    wr_u8(w, WELL_KNOWN);
    wr_u8(w, 1); /* ORIGIN: IGP */
    wr_u8(w, 1);
    wr_u8(w, 0);
    wr_u8(w, WELL_KNOWN);
    wr_u8(w, 2); /* AS_PATH: a sequence of one */
    wr_u8(w, 6);
    wr_u8(w, 2);
    wr_u8(w, 1);
    wr_u32(w, asn);
    wr_u8(w, WELL_KNOWN);
    wr_u8(w, 3); /* NEXT_HOP */
    wr_u8(w, 4);
    wr_u32(w, ip_to_v4(next_hop));
}

static void prepare(struct ideal *me, uint32_t asn, struct ip next_hop, struct ip route)
{
    struct wr w = wr_to(me->announce, sizeof(me->announce));
    size_t message = bytes_begin(&w, BGP_BYTES_UPDATE), attributes;

    wr_u16(&w, 0);
    attributes = wr_hole16(&w);
    write_attributes(&w, asn, next_hop);
    wr_fill16(&w, attributes, (uint16_t)(w.len - attributes - 2));
    wr_u8(&w, HOST);
    wr_u32(&w, ip_to_v4(route));
    bytes_end(&w, message);
    me->announce_len = w.len;

    w = wr_to(me->withdraw, sizeof(me->withdraw));
    message = bytes_begin(&w, BGP_BYTES_UPDATE);
    wr_u16(&w, 5);
    wr_u8(&w, HOST);
    wr_u32(&w, ip_to_v4(route));
    wr_u16(&w, 0);
    bytes_end(&w, message);
    me->withdraw_len = w.len;
}

static void serve(const struct ideal *me)
{
    struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = me->fd, .events = POLLIN}};
    uint8_t bytes[BGP_BYTES_MAX];

    while (poll(p, 2, -1) > 0) {
        if (p[1].revents != 0 && recv(me->fd, bytes, sizeof(bytes), 0) <= 0)
            return;
        if (p[0].revents == 0)
            continue;
        if (read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0)
            return;
        if (bytes[0] == '+')
            (void)!send(me->fd, me->announce, me->announce_len, 0);
        else
            (void)!send(me->fd, me->withdraw, me->withdraw_len, 0);
    }
}

int main(int argc, char **argv)
{
    struct ideal me = {.fd = -1};
    struct ip peer, local, route;
    uint32_t asn;

    if (argc != 5 || !ip_parse(&peer, argv[1]) || !ip_parse(&local, argv[2]) ||
        !ip_parse(&route, argv[4])) {
        fprintf(stderr, "usage: bgp_ideal PEER LOCAL AS ROUTE\n");
        return 2;
    }
    asn = (uint32_t)strtoul(argv[3], NULL, 10);
    prepare(&me, asn, local, route);
    while ((me.fd = dial(peer)) < 0 || !establish(me.fd, asn, local)) {
        close(me.fd);
        (void)poll(NULL, 0, RETRY_MS);
    }
    puts("ready");
    fflush(stdout);
    serve(&me);
    close(me.fd);
    return 0;
}
