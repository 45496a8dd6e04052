/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_wire.h"

#include <assert.h>
#include <string.h>

enum { AFI_IPV4 = 1, AFI_IPV6 = 2, SAFI_UNICAST = 1 };

enum { MARKER_LEN = 16 };

enum { REFRESH_BAD_LENGTH = 1 };

enum { HEADER_NOT_SYNCHRONISED = 1, HEADER_BAD_LENGTH = 2, HEADER_BAD_TYPE = 3 };

static const uint8_t marker[MARKER_LEN] = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

/* Lengths of whole messages (RFC 4271 4, RFC 8654 4, RFC 2918 3). Of a
 * ROUTE-REFRESH that is too long its subtype decides what is said (RFC 7313 5). */
struct limits {
    uint16_t min, max, max_extended;
};

static const struct limits limits_of[] = {
    [BGP_OPEN] = {29, BGP_MESSAGE_MAX, BGP_MESSAGE_MAX},
    [BGP_UPDATE] = {23, BGP_MESSAGE_MAX, BGP_EXTENDED_MAX},
    [BGP_NOTIFICATION] = {21, BGP_MESSAGE_MAX, BGP_EXTENDED_MAX},
    [BGP_KEEPALIVE] = {BGP_HEADER_LEN, BGP_HEADER_LEN, BGP_HEADER_LEN},
    [BGP_ROUTE_REFRESH] = {23, BGP_MESSAGE_MAX, BGP_EXTENDED_MAX},
};

/* --- families --- */

enum bgp_family bgp_family_of(enum ip_family family)
{
    assert(family != IP_NONE);
    return family == IP_V6 ? BGP_IPV6 : BGP_IPV4;
}

const char *bgp_family_name(enum bgp_family f)
{
    return f == BGP_IPV6 ? "ipv6" : "ipv4";
}

uint16_t bgp_family_afi(enum bgp_family f)
{
    return f == BGP_IPV6 ? AFI_IPV6 : AFI_IPV4;
}

bool bgp_family_find(enum bgp_family *ret, uint16_t afi, uint8_t safi)
{
    if ((afi != AFI_IPV4 && afi != AFI_IPV6) || safi != SAFI_UNICAST)
        return false;
    *ret = afi == AFI_IPV6 ? BGP_IPV6 : BGP_IPV4;
    return true;
}

/* --- header --- */

size_t bgp_message_begin(struct wr *w, enum bgp_type type)
{
    size_t len_at;

    wr_bytes(w, marker, sizeof(marker));
    len_at = wr_hole16(w);
    wr_u8(w, (uint8_t)type);
    return len_at;
}

void bgp_message_end(struct wr *w, size_t len_at)
{
    wr_fill16(w, len_at, (uint16_t)(w->len - len_at + MARKER_LEN));
}

static struct bgp_error bad_length(uint16_t len)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_HEADER, HEADER_BAD_LENGTH);
    struct wr w = wr_to(e.data, sizeof(e.data));

    wr_u16(&w, len);
    e.data_len = (uint16_t)w.len;
    return e;
}

static struct bgp_error bad_type(uint8_t type)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_HEADER, HEADER_BAD_TYPE);

    e.data[0] = type;
    e.data_len = 1;
    return e;
}

bool bgp_header_read(struct bgp_header *ret, const uint8_t *bytes, bool extended,
                     struct bgp_error *ret_err)
{
    struct rd r = rd_from(bytes, BGP_HEADER_LEN);
    uint8_t mark[MARKER_LEN], type;
    uint16_t len, max = extended ? BGP_EXTENDED_MAX : BGP_MESSAGE_MAX;
    const struct limits *limits;

    rd_copy(&r, mark, sizeof(mark));
    len = rd_u16(&r);
    type = rd_u8(&r);
    if (memcmp(mark, marker, sizeof(mark)) != 0) {
        *ret_err = bgp_error_of(BGP_ERR_HEADER, HEADER_NOT_SYNCHRONISED);
        return false;
    }
    if (len < BGP_HEADER_LEN || len > max) {
        *ret_err = bad_length(len);
        return false;
    }
    if (type < BGP_OPEN || type > BGP_ROUTE_REFRESH) {
        *ret_err = bad_type(type);
        return false;
    }
    limits = &limits_of[type];
    if (len < limits->min || len > (extended ? limits->max_extended : limits->max)) {
        *ret_err = bad_length(len);
        return false;
    }
    *ret = (struct bgp_header){.type = (enum bgp_type)type, .len = len};
    return true;
}

/* --- KEEPALIVE, NOTIFICATION, ROUTE-REFRESH --- */

void bgp_keepalive_write(struct wr *w)
{
    bgp_message_end(w, bgp_message_begin(w, BGP_KEEPALIVE));
}

void bgp_notification_write(struct wr *w, const struct bgp_error *e)
{
    size_t len_at = bgp_message_begin(w, BGP_NOTIFICATION);

    wr_u8(w, e->code);
    wr_u8(w, e->subcode);
    wr_bytes(w, e->data, e->data_len);
    bgp_message_end(w, len_at);
}

void bgp_notification_read(struct bgp_error *ret, const uint8_t *body, size_t len)
{
    struct rd r = rd_from(body, len);
    struct bgp_error e = {0};

    e.code = rd_u8(&r);
    e.subcode = rd_u8(&r);
    e.data_len = (uint16_t)(r.left < sizeof(e.data) ? r.left : sizeof(e.data));
    rd_copy(&r, e.data, e.data_len);
    *ret = e;
}

void bgp_refresh_write(struct wr *w, enum bgp_family family, enum bgp_refresh_kind kind)
{
    size_t len_at = bgp_message_begin(w, BGP_ROUTE_REFRESH);

    wr_u16(w, bgp_family_afi(family));
    wr_u8(w, (uint8_t)kind);
    wr_u8(w, SAFI_UNICAST);
    bgp_message_end(w, len_at);
}

/* RFC 7313 5: for its own subtypes the data are the message, as much of it as fits. */
static struct bgp_error bad_refresh(const uint8_t *body, size_t len, uint8_t subtype)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_REFRESH, REFRESH_BAD_LENGTH);
    struct wr w = wr_to(e.data, sizeof(e.data));
    size_t len_at = bgp_message_begin(&w, BGP_ROUTE_REFRESH), room = sizeof(e.data) - w.len;

    if (subtype != BGP_REFRESH_BEGIN && subtype != BGP_REFRESH_END)
        return bad_length((uint16_t)(BGP_HEADER_LEN + len));
    wr_fill16(&w, len_at, (uint16_t)(BGP_HEADER_LEN + len));
    wr_bytes(&w, body, len < room ? len : room);
    e.data_len = (uint16_t)w.len;
    return e;
}

bool bgp_refresh_read(struct bgp_refresh *ret, const uint8_t *body, size_t len,
                      struct bgp_error *ret_err)
{
    struct rd r = rd_from(body, len);
    struct bgp_refresh m = {0};

    m.afi = rd_u16(&r);
    m.subtype = rd_u8(&r);
    m.safi = rd_u8(&r);
    if (!rd_done(&r)) {
        *ret_err = bad_refresh(body, len, m.subtype);
        return false;
    }
    if (bgp_family_find(&m.family, m.afi, m.safi) && m.subtype <= BGP_REFRESH_END) {
        m.known = true;
        m.kind = (enum bgp_refresh_kind)m.subtype;
    }
    *ret = m;
    return true;
}
