/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/member_wire.h"

#include <errno.h>

#define MAGIC UINT32_C(0x534c4231) /* "SLB1" */

static void write_prefix(struct wr *w, struct prefix p)
{
    uint8_t v6[16];

    wr_u8(w, (uint8_t)p.addr.family);
    wr_u8(w, p.len);
    if (p.addr.family == IP_V4) {
        wr_u32(w, ip_to_v4(p.addr));
        return;
    }
    ip_to_v6(p.addr, v6);
    wr_bytes(w, v6, sizeof(v6));
}

void member_meta_write(struct wr *w, const struct member_meta *m)
{
    wr_u32(w, MAGIC);
    wr_u16(w, m->fast_port);
    wr_u8(w, (uint8_t)m->cut_off_count);
    for (size_t i = 0; i < m->cut_off_count; i++)
        write_prefix(w, m->cut_off[i]);
}

static bool read_prefix(struct prefix *ret, struct rd *r)
{
    uint8_t family = rd_u8(r), len = rd_u8(r), v6[16];
    struct ip ip;

    if (family != IP_V4 && family != IP_V6)
        return false;
    if (family == IP_V4) {
        ip = ip_v4(rd_u32(r));
    } else {
        rd_copy(r, v6, sizeof(v6));
        ip = ip_v6(v6);
    }
    if (r->bad || len > ip_bits(ip.family))
        return false;
    *ret = prefix_of(ip, len);
    return true;
}

int member_meta_read(struct member_meta *ret, struct rd *r)
{
    struct member_meta m = {0};

    if (rd_u32(r) != MAGIC)
        return -EBADMSG;
    m.fast_port = rd_u16(r);
    m.cut_off_count = rd_u8(r);
    if (r->bad || m.cut_off_count > MEMBER_CUT_OFF_MAX)
        return -EBADMSG;
    for (size_t i = 0; i < m.cut_off_count; i++) {
        if (!read_prefix(&m.cut_off[i], r))
            return -EBADMSG;
    }
    *ret = m;
    return 0;
}
