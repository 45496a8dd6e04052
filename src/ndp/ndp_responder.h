/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about one received IPv6 frame (RFC 4861 7.1.1, 7.2.3, 7.2.4). Pure. */
#pragma once

#include "ndp/ndp_wire.h"

enum ndp_result {
    NDP_ANSWER,
    NDP_DROP_MALFORMED,
    NDP_DROP_OTHER, /* not a Neighbor Solicitation */
    NDP_DROP_HOP_LIMIT,
    NDP_DROP_CHECKSUM,
    NDP_DROP_CODE,
    NDP_DROP_TARGET,          /* a multicast target */
    NDP_DROP_PROBE,           /* a duplicate-address probe against the rules of 7.1.1 */
    NDP_DROP_ETH_DESTINATION, /* neither a group nor this interface */
    NDP_DROP_SENDER,          /* no station can have that source, or it is our own */
    NDP_DROP_ANNOUNCE_IP,     /* an address that is not announced */
    NDP_DROP_INTERFACE,       /* announced, but not on this interface */
};
enum { NDP_RESULTS = NDP_DROP_INTERFACE + 1 };

const char *ndp_result_name(enum ndp_result result);

/* Is the address announced here? NDP_ANSWER, NDP_DROP_ANNOUNCE_IP or NDP_DROP_INTERFACE. */
typedef enum ndp_result (*ndp_claim_fn)(void *arg, struct ip target);

struct ndp_responder {
    uint8_t mac[ETH_ALEN];
    struct ip link_local; /* source of what we send */
    ndp_claim_fn claim;
    void *arg;
};

/* ret is written only with NDP_ANSWER. */
enum ndp_result ndp_respond(const struct ndp_responder *n, const uint8_t *frame, size_t len,
                            struct ndp_advert *ret);

/* The unsolicited advertisement to all nodes, with Override (spec speaker-l2 4.6). */
struct ndp_advert ndp_unsolicited(const struct ndp_responder *n, struct ip target);

/* The solicited-node group of an address (RFC 4291 2.7.1). */
struct ip ndp_group(struct ip ip);
