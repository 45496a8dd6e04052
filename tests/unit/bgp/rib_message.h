/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer reads in an UPDATE of ours, for tests of the RIB. */
#pragma once

#include "bgp/bgp_wire.h"

enum { RIB_MESSAGE_PREFIXES = 2048 };

struct rib_message {
    enum bgp_family family;
    bool withdraw;
    uint32_t med;         /* 0 without */
    uint32_t fingerprint; /* of all attributes but MP_REACH_NLRI and MP_UNREACH_NLRI */
    uint32_t communities; /* standard ones */
    size_t count;
    struct prefix prefixes[RIB_MESSAGE_PREFIXES];
};

/* False when it is malformed, is empty, has several families, or announces and withdraws. */
bool rib_message_read(struct rib_message *ret, const uint8_t *bytes, size_t len);
