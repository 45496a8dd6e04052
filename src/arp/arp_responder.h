/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about one received ARP frame (spec speaker-l2 4.4). Pure. */
#pragma once

#include "arp/arp_wire.h"

enum arp_result {
    ARP_ANSWER,
    ARP_DROP_MALFORMED,
    ARP_DROP_REPLY,           /* any operation but a request */
    ARP_DROP_ETH_DESTINATION, /* neither broadcast nor this interface */
    ARP_DROP_SENDER,          /* no station can have that sender address, or it is our own */
    ARP_DROP_ANNOUNCE_IP,     /* an address that is not announced */
    ARP_DROP_INTERFACE,       /* announced, but not on this interface */
};
enum { ARP_RESULTS = ARP_DROP_INTERFACE + 1 };

const char *arp_result_name(enum arp_result result); /* "announce IP", as in MetalLB's reasons */

/* Is the address announced here? ARP_ANSWER, ARP_DROP_ANNOUNCE_IP or ARP_DROP_INTERFACE. */
typedef enum arp_result (*arp_claim_fn)(void *arg, struct ip target);

struct arp_responder {
    uint8_t mac[ETH_ALEN];
    arp_claim_fn claim;
    void *arg;
};

/* ret_request is written unless the frame is malformed, ret_reply only with ARP_ANSWER. */
enum arp_result arp_respond(const struct arp_responder *a, const uint8_t *frame, size_t len,
                            struct arp_packet *ret_request, struct arp_packet *ret_reply);

/* Does the sender say that the address is its own? */
bool arp_is_gratuitous(const struct arp_packet *p);

/* One frame of a gratuitous round: `op` is ARP_REQUEST, then ARP_REPLY (spec speaker-l2 4.6). */
struct arp_packet arp_gratuitous(const uint8_t mac[ETH_ALEN], struct ip ip, uint16_t op);
