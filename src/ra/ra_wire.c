/* SPDX-License-Identifier: Apache-2.0 */
#include "ra/ra_wire.h"

#include "base/wire.h"

#include <assert.h>
#include <errno.h>

enum {
    TYPE_SOLICITATION = 133,
    TYPE_ADVERTISEMENT = 134,
    OPTION_SOURCE_MAC = 1,
    CURRENT_HOP_LIMIT = 64, /* what hosts shall send with */
};

static void read_options(struct rd *r, struct ra_message *m)
{
    while (r->left > 0) {
        uint8_t type = rd_u8(r);
        uint8_t units = rd_u8(r); /* of 8 bytes, these two included */

        if (units == 0) {
            r->bad = true;
            return;
        }
        rd_skip(r, (size_t)units * 8 - 2);
        m->has_source_mac = m->has_source_mac || type == OPTION_SOURCE_MAC;
    }
}

int ra_read(struct ra_message *ret, const uint8_t *bytes, size_t len)
{
    struct rd r = rd_from(bytes, len);
    struct ra_message m = {0};
    uint8_t type = rd_u8(&r), code = rd_u8(&r);

    rd_skip(&r, 2); /* checksum */
    if (r.bad)
        return -EBADMSG;
    if (type != TYPE_SOLICITATION && type != TYPE_ADVERTISEMENT)
        return -ENOMSG;
    m.kind = type == TYPE_SOLICITATION ? RA_SOLICITATION : RA_ADVERTISEMENT;
    rd_skip(&r, 2); /* reserved; or hop limit and flags, which are for hosts */
    m.lifetime_s = rd_u16(&r);
    if (m.kind == RA_SOLICITATION)
        m.lifetime_s = 0; /* reserved */
    else
        rd_skip(&r, 4 + 4); /* reachable time, retransmission timer */
    read_options(&r, &m);
    if (!rd_done(&r) || code != 0)
        return -EBADMSG;
    *ret = m;
    return 0;
}

size_t ra_write(uint8_t ret[RA_WRITE_MAX], enum ra_kind kind, const uint8_t *mac)
{
    struct wr w = wr_to(ret, RA_WRITE_MAX);

    wr_u8(&w, kind == RA_SOLICITATION ? TYPE_SOLICITATION : TYPE_ADVERTISEMENT);
    wr_u8(&w, 0);
    wr_u16(&w, 0); /* checksum */
    if (kind == RA_SOLICITATION) {
        wr_u32(&w, 0);
    } else {
        wr_u8(&w, CURRENT_HOP_LIMIT);
        wr_u8(&w, 0);  /* no flags */
        wr_u16(&w, 0); /* lifetime: nobody's default router (F39) */
        wr_u32(&w, 0); /* reachable time: unspecified */
        wr_u32(&w, 0); /* retransmission timer: unspecified */
    }
    if (mac != NULL) {
        wr_u8(&w, OPTION_SOURCE_MAC);
        wr_u8(&w, 1);
        wr_bytes(&w, mac, RA_MAC_LEN);
    }
    assert(!w.bad);
    return w.len;
}
