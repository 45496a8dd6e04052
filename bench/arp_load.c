/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for an IPv4 address over ARP as fast as it is answered, or at a fixed rate without waiting.
 *
 *     arp_load ask IFNAME ADDRESS SECONDS        prints "replies N seconds S"
 *     arp_load flood IFNAME ADDRESS RATE SECONDS  prints "sent N seconds S"
 */
#include "base/ip.h"
#include "base/mono.h"
#include "base/wire.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_LEN = 42, WINDOW = 32, PATIENCE_MS = 20 };

struct asker {
    int fd;
    uint8_t frame[FRAME_LEN];
};

static void build_request(uint8_t frame[FRAME_LEN], const uint8_t mac[6], struct ip target)
{
    static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
    struct wr w = wr_to(frame, FRAME_LEN);

    wr_bytes(&w, broadcast, 6);
    wr_bytes(&w, mac, 6);
    wr_u16(&w, ETH_P_ARP);
    wr_u16(&w, 1);
    wr_u16(&w, ETH_P_IP);
    wr_u8(&w, 6);
    wr_u8(&w, 4);
    wr_u16(&w, 1);
    wr_bytes(&w, mac, 6);
    wr_u32(&w, 0); /* RFC 5227 probe: no sender address, so that nobody learns anything */
    wr_zeros(&w, 6);
    wr_u32(&w, ip_to_v4(target));
}

static int asker_open(struct asker *a, const char *ifname, struct ip target)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
    struct ifreq request = {0};

    a->fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP));
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
    if (a->fd < 0 || ioctl(a->fd, SIOCGIFHWADDR, &request) < 0)
        return -1;
    address.sll_ifindex = (int)if_nametoindex(ifname);
    if (bind(a->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    build_request(a->frame, (const uint8_t *)request.ifr_hwaddr.sa_data, target);
    return 0;
}

/* ARP replies that arrive until `wanted` of them did, or nothing came for a while. */
static int collect(struct asker *a, int wanted)
{
    struct pollfd p = {.fd = a->fd, .events = POLLIN};
    uint8_t frame[128];
    int got = 0;

    while (got < wanted && poll(&p, 1, PATIENCE_MS) > 0) {
        ssize_t n = recv(a->fd, frame, sizeof(frame), MSG_DONTWAIT);

        if (n >= FRAME_LEN && frame[21] == 2)
            got++;
    }
    return got;
}

static void ask(struct asker *a, int64_t duration_ns)
{
    struct mono start = mono_now();
    unsigned long replies = 0;

    while (mono_sub(mono_now(), start) < duration_ns) {
        for (int i = 0; i < WINDOW; i++)
            (void)!send(a->fd, a->frame, FRAME_LEN,
                        0); /* a lost request shows as a missing reply */
        replies += (unsigned long)collect(a, WINDOW);
    }
    printf("replies %lu seconds %.3f\n", replies,
           (double)mono_sub(mono_now(), start) / (double)NS_PER_SEC);
}

/* Sends what is due, a millisecond's worth at a time. */
static void flood(struct asker *a, long rate, int64_t duration_ns)
{
    const struct timespec millisecond = {.tv_nsec = NS_PER_MS};
    struct mono start = mono_now();
    unsigned long sent = 0;
    int64_t passed;

    while ((passed = mono_sub(mono_now(), start)) < duration_ns) {
        unsigned long due = (unsigned long)((double)passed / (double)NS_PER_SEC * (double)rate);

        while (sent < due) {
            (void)!send(a->fd, a->frame, FRAME_LEN,
                        0); /* counted as sent: the rate is what matters */
            sent++;
        }
        nanosleep(&millisecond, NULL);
    }
    printf("sent %lu seconds %.3f\n", sent, (double)passed / (double)NS_PER_SEC);
}

int main(int argc, char **argv)
{
    struct asker a;
    struct ip target;

    if (argc < 5 || !ip_parse(&target, argv[3]) || asker_open(&a, argv[2], target) < 0) {
        fprintf(stderr, "usage: arp_load ask IF ADDRESS SECONDS | flood IF ADDRESS RATE SECONDS\n");
        return 2;
    }
    if (strcmp(argv[1], "ask") == 0)
        ask(&a, strtol(argv[4], NULL, 10) * NS_PER_SEC);
    else if (argc == 6)
        flood(&a, strtol(argv[4], NULL, 10), strtol(argv[5], NULL, 10) * NS_PER_SEC);
    close(a.fd);
    return 0;
}
