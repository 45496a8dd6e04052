/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few BGP messages (RFC 4271 4) that the programs of the benchmark speak. On their own, without
 * src/bgp: what is measured does not judge itself.
 */
#pragma once

#include "base/wire.h"

enum {
    BGP_BYTES_HEADER = 19,
    BGP_BYTES_MAX = 4096,
    BGP_BYTES_OPEN = 1,
    BGP_BYTES_UPDATE = 2,
    BGP_BYTES_NOTIFICATION = 3,
    BGP_BYTES_KEEPALIVE = 4
};

/* Header with an open length; returns the place for bytes_end. */
size_t bytes_begin(struct wr *w, uint8_t type);
void bytes_end(struct wr *w, size_t at);

/* IPv4 unicast and an AS of four bytes. Hold time 0: without keepalives. */
void bytes_open(struct wr *w, uint32_t asn, uint32_t id, uint16_t hold_s);
void bytes_keepalive(struct wr *w);
