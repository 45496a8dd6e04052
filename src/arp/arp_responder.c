/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every well-formed request for an announced address is answered, whoever asks: also the probes of
 * RFC 5227 (sender 0.0.0.0), so that the address is defended against a second owner, and unicast
 * requests, by which neighbours keep their caches fresh (RFC 1122 2.3.2.1).
 *
 * The answer goes to the sender hardware address, as MetalLB's does. An address that no station can
 * have there (a group address, zeros) would turn it into a broadcast, and so gets none.
 */
#include "arp/arp_responder.h"

#include <string.h>

static const uint8_t broadcast[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t nobody[ETH_ALEN] = {0};

const char *arp_result_name(enum arp_result result)
{
    switch (result) {
    case ARP_ANSWER:
        return "answer";
    case ARP_DROP_MALFORMED:
        return "malformed";
    case ARP_DROP_REPLY:
        return "ARP reply";
    case ARP_DROP_ETH_DESTINATION:
        return "ethernet destination";
    case ARP_DROP_SENDER:
        return "sender address";
    case ARP_DROP_ANNOUNCE_IP:
        return "announce IP";
    case ARP_DROP_INTERFACE:
        return "not-match-interface";
    }
    return "";
}

static bool mac_eq(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, ETH_ALEN) == 0;
}

/* Our own address there means that our gratuitous request came back to us. */
static bool is_station(const uint8_t *mac, const uint8_t *own)
{
    return (mac[0] & 1) == 0 && !mac_eq(mac, nobody) && !mac_eq(mac, own);
}

enum arp_result arp_respond(const struct arp_responder *a, const uint8_t *frame, size_t len,
                            struct arp_packet *ret_request, struct arp_packet *ret_reply)
{
    struct arp_packet request, reply = {.op = ARP_REPLY};
    enum arp_result result;

    if (arp_read(&request, frame, len) < 0)
        return ARP_DROP_MALFORMED;
    *ret_request = request;
    if (request.op != ARP_REQUEST)
        return ARP_DROP_REPLY;
    if (!mac_eq(request.eth_to, broadcast) && !mac_eq(request.eth_to, a->mac))
        return ARP_DROP_ETH_DESTINATION;
    if (!is_station(request.sender_mac, a->mac))
        return ARP_DROP_SENDER;
    result = a->claim(a->arg, request.target_ip);
    if (result != ARP_ANSWER)
        return result;

    memcpy(reply.eth_to, request.sender_mac, ETH_ALEN);
    memcpy(reply.eth_from, a->mac, ETH_ALEN);
    memcpy(reply.sender_mac, a->mac, ETH_ALEN);
    memcpy(reply.target_mac, request.sender_mac, ETH_ALEN);
    reply.sender_ip = request.target_ip;
    reply.target_ip = request.sender_ip;
    *ret_reply = reply;
    return ARP_ANSWER;
}

bool arp_is_gratuitous(const struct arp_packet *p)
{
    return ip_eq(p->sender_ip, p->target_ip);
}

struct arp_packet arp_gratuitous(const uint8_t mac[ETH_ALEN], struct ip ip, uint16_t op)
{
    struct arp_packet p = {.op = op, .sender_ip = ip, .target_ip = ip};

    memcpy(p.eth_to, broadcast, ETH_ALEN);
    memcpy(p.eth_from, mac, ETH_ALEN);
    memcpy(p.sender_mac, mac, ETH_ALEN);
    memcpy(p.target_mac, broadcast, ETH_ALEN); /* not zeros: exactly MetalLB's frame */
    return p;
}
