/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp_bytes.h"

enum {
    VERSION = 4,
    AS_TRANS = 23456,
    PARAMETER_CAPABILITY = 2,
    CAPABILITY_MP = 1,
    CAPABILITY_AS4 = 65
};

size_t bytes_begin(struct wr *w, uint8_t type)
{
    size_t at;

    for (int i = 0; i < 16; i++)
        wr_u8(w, 0xff);
    at = wr_hole16(w);
    wr_u8(w, type);
    return at;
}

void bytes_end(struct wr *w, size_t at)
{
    wr_fill16(w, at, (uint16_t)(w->len - at + 16));
}

void bytes_open(struct wr *w, uint32_t asn, uint32_t id, uint16_t hold_s)
{
    size_t at = bytes_begin(w, BGP_BYTES_OPEN);

    wr_u8(w, VERSION);
    wr_u16(w, (uint16_t)(asn > UINT16_MAX ? AS_TRANS : asn));
    wr_u16(w, hold_s);
    wr_u32(w, id);
    wr_u8(w, 14);
    wr_u8(w, PARAMETER_CAPABILITY);
    wr_u8(w, 12);
    wr_u8(w, CAPABILITY_MP);
    wr_u8(w, 4);
    wr_u32(w, 1 << 16 | 1); /* IPv4, reserved, unicast */
    wr_u8(w, CAPABILITY_AS4);
    wr_u8(w, 4);
    wr_u32(w, asn);
    bytes_end(w, at);
}

void bytes_keepalive(struct wr *w)
{
    bytes_end(w, bytes_begin(w, BGP_BYTES_KEEPALIVE));
}
