/* SPDX-License-Identifier: Apache-2.0 */
/* OPEN messages and the capabilities in them. */
#include "bgp/bgp_wire.h"

#include <string.h>

enum { VERSION = 4 };

enum { PARAMETER_CAPABILITIES = 2, PARAMETERS_EXTENDED = 255 };

enum {
    OPEN_MALFORMED = 0, /* RFC 4271 6.2: a recognised parameter that is malformed */
    OPEN_BAD_VERSION = 1,
    OPEN_BAD_AS = 2,
    OPEN_BAD_ID = 3,
    OPEN_UNKNOWN_PARAMETER = 4,
    OPEN_BAD_HOLD_TIME = 6,
};

enum { SAFI_UNICAST = 1 };

enum capability {
    CAP_MULTIPROTOCOL = 1,
    CAP_REFRESH = 2,
    CAP_EXTENDED_NEXT_HOP = 5,
    CAP_EXTENDED_MESSAGE = 6,
    CAP_GRACEFUL = 64,
    CAP_AS4 = 65,
    CAP_ENHANCED_REFRESH = 70,
    CAP_FQDN = 73,
    CAP_OLD_REFRESH = 128,
};

/* RFC 4724 3, RFC 8538 2: above the 12 bits of the time */
enum { GRACEFUL_RESTARTING = 0x8000, GRACEFUL_NOTIFICATION = 0x4000, GRACEFUL_TIME = 0x0fff };
enum { GRACEFUL_FORWARDING = 0x80 };

/* --- writing --- */

/* Code and a hole for the length. */
static size_t begin_capability(struct wr *w, enum capability code)
{
    wr_u8(w, (uint8_t)code);
    wr_u8(w, 0);
    return w->len;
}

/* Fills an 8-bit length with what was written since `at`. */
static void end_len8(struct wr *w, size_t at)
{
    if (!w->bad)
        w->start[at - 1] = (uint8_t)(w->len - at);
}

static void write_flag(struct wr *w, bool offered, enum capability code)
{
    if (offered)
        end_len8(w, begin_capability(w, code));
}

static void write_families(struct wr *w, const struct bgp_capabilities *c)
{
    for (int f = 0; f < BGP_FAMILIES; f++) {
        size_t at;

        if (!c->family[f])
            continue;
        at = begin_capability(w, CAP_MULTIPROTOCOL);
        wr_u16(w, bgp_family_afi((enum bgp_family)f));
        wr_u8(w, 0);
        wr_u8(w, SAFI_UNICAST);
        end_len8(w, at);
    }
}

/* RFC 8950 4: IPv4, unicast, with a next hop of IPv6; the SAFI has 16 bits here. */
static void write_extended_next_hop(struct wr *w, bool offered)
{
    size_t at;

    if (!offered)
        return;
    at = begin_capability(w, CAP_EXTENDED_NEXT_HOP);
    wr_u16(w, bgp_family_afi(BGP_IPV4));
    wr_u16(w, SAFI_UNICAST);
    wr_u16(w, bgp_family_afi(BGP_IPV6));
    end_len8(w, at);
}

static void write_graceful(struct wr *w, const struct bgp_capabilities *c)
{
    size_t at;

    if (!c->graceful)
        return;
    at = begin_capability(w, CAP_GRACEFUL);
    wr_u16(w,
           (uint16_t)((c->restart_s & GRACEFUL_TIME) | (c->restarting ? GRACEFUL_RESTARTING : 0) |
                      (c->with_notification ? GRACEFUL_NOTIFICATION : 0)));
    for (int f = 0; f < BGP_FAMILIES; f++) {
        if (!c->graceful_family[f])
            continue;
        wr_u16(w, bgp_family_afi((enum bgp_family)f));
        wr_u8(w, SAFI_UNICAST);
        wr_u8(w, c->forwarding[f] ? GRACEFUL_FORWARDING : 0);
    }
    end_len8(w, at);
}

static void write_as4(struct wr *w, bool offered, uint32_t asn)
{
    size_t at;

    if (!offered)
        return;
    at = begin_capability(w, CAP_AS4);
    wr_u32(w, asn);
    end_len8(w, at);
}

/* draft-walton-bgp-hostname-capability: host name and domain, each with its length */
static void write_fqdn(struct wr *w, const char *hostname)
{
    size_t len = strlen(hostname), at;

    if (len == 0)
        return;
    at = begin_capability(w, CAP_FQDN);
    wr_u8(w, (uint8_t)len);
    wr_bytes(w, hostname, len);
    wr_u8(w, 0);
    end_len8(w, at);
}

static void write_capabilities(struct wr *w, const struct bgp_open *o)
{
    const struct bgp_capabilities *c = &o->caps;

    write_families(w, c);
    write_flag(w, c->refresh, CAP_REFRESH);
    write_extended_next_hop(w, c->v4_over_v6);
    write_flag(w, c->extended_message, CAP_EXTENDED_MESSAGE);
    write_graceful(w, c);
    write_as4(w, c->as4, o->asn);
    write_flag(w, c->enhanced_refresh, CAP_ENHANCED_REFRESH);
    write_fqdn(w, c->hostname);
}

void bgp_open_write(struct wr *w, const struct bgp_open *o)
{
    size_t len_at = bgp_message_begin(w, BGP_OPEN), parameters, capabilities;

    wr_u8(w, VERSION);
    wr_u16(w, o->asn > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)o->asn);
    wr_u16(w, o->hold_s);
    wr_u32(w, o->id);
    wr_u8(w, 0);
    parameters = w->len;
    wr_u8(w, PARAMETER_CAPABILITIES);
    wr_u8(w, 0);
    capabilities = w->len;
    write_capabilities(w, o);
    if (w->len == capabilities)
        w->len = parameters; /* nothing is offered: no parameter either */
    else
        end_len8(w, capabilities);
    end_len8(w, parameters);
    bgp_message_end(w, len_at);
}

/* --- reading --- */

/* The state of reading one OPEN. */
struct reading {
    struct bgp_open open;
    struct bgp_error *err;
};

static bool refuse(struct reading *in, uint8_t subcode)
{
    *in->err = bgp_error_of(BGP_ERR_OPEN, subcode);
    return false;
}

static bool read_multiprotocol(struct reading *in, struct rd r)
{
    uint16_t afi = rd_u16(&r);
    enum bgp_family f;
    uint8_t safi;

    rd_skip(&r, 1); /* reserved */
    safi = rd_u8(&r);
    if (!rd_done(&r))
        return refuse(in, OPEN_MALFORMED);
    in->open.caps.multiprotocol = true;
    if (bgp_family_find(&f, afi, safi))
        in->open.caps.family[f] = true;
    return true;
}

static bool read_extended_next_hop(struct reading *in, struct rd r)
{
    while (r.left > 0) {
        uint16_t afi = rd_u16(&r), safi = rd_u16(&r), hop = rd_u16(&r);

        if (afi == bgp_family_afi(BGP_IPV4) && safi == SAFI_UNICAST &&
            hop == bgp_family_afi(BGP_IPV6))
            in->open.caps.v4_over_v6 = true;
    }
    return rd_done(&r) || refuse(in, OPEN_MALFORMED);
}

/* RFC 4724 3: of several instances the last one counts. */
static bool read_graceful(struct reading *in, struct rd r)
{
    struct bgp_capabilities *c = &in->open.caps;
    uint16_t head = rd_u16(&r);

    c->graceful = true;
    c->restarting = (head & GRACEFUL_RESTARTING) != 0;
    c->with_notification = (head & GRACEFUL_NOTIFICATION) != 0;
    c->restart_s = head & GRACEFUL_TIME;
    for (size_t i = 0; i < BGP_FAMILIES; i++)
        c->graceful_family[i] = c->forwarding[i] = false;
    while (r.left > 0) {
        uint16_t afi = rd_u16(&r);
        uint8_t safi = rd_u8(&r), flags = rd_u8(&r);
        enum bgp_family f;

        if (r.bad || !bgp_family_find(&f, afi, safi))
            continue;
        c->graceful_family[f] = true;
        c->forwarding[f] = (flags & GRACEFUL_FORWARDING) != 0;
    }
    return rd_done(&r) || refuse(in, OPEN_MALFORMED);
}

static bool read_as4(struct reading *in, struct rd r)
{
    struct bgp_capabilities *c = &in->open.caps;
    uint32_t asn = rd_u32(&r);

    if (!rd_done(&r))
        return refuse(in, OPEN_MALFORMED);
    if (c->as4 && c->asn != asn)
        return refuse(in, OPEN_BAD_AS);
    c->as4 = true;
    c->asn = asn;
    return true;
}

/* Only for people: what is malformed or too long is no reason to refuse a session. */
static bool read_fqdn(struct reading *in, struct rd r)
{
    char *name = in->open.caps.hostname;
    size_t room = sizeof(in->open.caps.hostname) - 1, len = rd_u8(&r);

    len = len < r.left ? len : r.left;
    len = len < room ? len : room;
    rd_copy(&r, name, len);
    name[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] > '~')
            name[i] = '?';
    }
    return true;
}

static bool read_capability(struct reading *in, uint8_t code, struct rd value)
{
    struct bgp_capabilities *c = &in->open.caps;

    switch (code) {
    case CAP_MULTIPROTOCOL:
        return read_multiprotocol(in, value);
    case CAP_REFRESH:
    case CAP_OLD_REFRESH:
        c->refresh = true;
        return true;
    case CAP_EXTENDED_NEXT_HOP:
        return read_extended_next_hop(in, value);
    case CAP_EXTENDED_MESSAGE:
        c->extended_message = true;
        return true;
    case CAP_GRACEFUL:
        return read_graceful(in, value);
    case CAP_AS4:
        return read_as4(in, value);
    case CAP_ENHANCED_REFRESH:
        c->enhanced_refresh = true;
        return true;
    case CAP_FQDN:
        return read_fqdn(in, value);
    default: /* RFC 5492 3 */
        return true;
    }
}

static bool read_capabilities(struct reading *in, struct rd r)
{
    while (r.left > 0) {
        uint8_t code = rd_u8(&r);
        struct rd value = rd_sub(&r, rd_u8(&r));

        if (r.bad)
            break;
        if (!read_capability(in, code, value))
            return false;
    }
    return rd_done(&r) || refuse(in, OPEN_MALFORMED);
}

/*
 * RFC 9072 2: when the first parameter has type 255, the length before it is not one, if only it is
 * not 0; the true one follows, and each parameter has a length of 16 bits.
 */
static bool is_extended(struct rd r, uint8_t len)
{
    return len != 0 && rd_u8(&r) == PARAMETERS_EXTENDED;
}

static bool read_parameters(struct reading *in, struct rd *r)
{
    uint8_t len = rd_u8(r);
    bool extended = is_extended(*r, len);
    struct rd all;

    if (extended)
        rd_skip(r, 1);
    all = rd_sub(r, extended ? rd_u16(r) : len);
    while (all.left > 0) {
        uint8_t type = rd_u8(&all);
        struct rd value = rd_sub(&all, extended ? rd_u16(&all) : rd_u8(&all));

        if (all.bad)
            break;
        if (type != PARAMETER_CAPABILITIES)
            return refuse(in, OPEN_UNKNOWN_PARAMETER);
        if (!read_capabilities(in, value))
            return false;
    }
    return (rd_done(&all) && rd_done(r)) || refuse(in, OPEN_MALFORMED);
}

static bool refuse_version(struct reading *in)
{
    struct wr w = wr_to(in->err->data, sizeof(in->err->data));

    (void)refuse(in, OPEN_BAD_VERSION); /* the answer is below */
    wr_u16(&w, VERSION);                /* RFC 4271 6.2: the largest one that we know */
    in->err->data_len = (uint16_t)w.len;
    return false;
}

bool bgp_open_read(struct bgp_open *ret, const uint8_t *body, size_t len, struct bgp_error *ret_err)
{
    struct rd r = rd_from(body, len);
    struct reading in = {.err = ret_err};
    struct bgp_open *o = &in.open;
    uint16_t as2;

    if (rd_u8(&r) != VERSION)
        return refuse_version(&in);
    as2 = rd_u16(&r);
    o->hold_s = rd_u16(&r);
    o->id = rd_u32(&r);
    if (!read_parameters(&in, &r))
        return false;
    o->asn = o->caps.as4 ? o->caps.asn : as2;
    if (as2 == 0 || o->asn == 0) /* RFC 7607 2 */
        return refuse(&in, OPEN_BAD_AS);
    if (o->hold_s == 1 || o->hold_s == 2)
        return refuse(&in, OPEN_BAD_HOLD_TIME);
    if (o->id == 0)
        return refuse(&in, OPEN_BAD_ID);
    *ret = *o;
    return true;
}
