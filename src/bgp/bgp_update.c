/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_update.h"

#include "bgp/bgp_attr.h"

#include <assert.h>
#include <string.h>

enum { ORIGIN_IGP = 0, SAFI_UNICAST = 1, LOCAL_PREF_DEFAULT = 100 };

enum { SEGMENT_MAX = 255 }; /* AS numbers (RFC 4271 4.3) */

enum { NLRI_MAX = 17 }; /* a length and the bytes of an IPv6 address */

enum { END_OF_RIB_MAX = 30 };

/* --- attributes --- */

/* RFC 4271 4.3: a length of 16 bits only where 8 do not suffice. */
static void write_attr(struct wr *w, uint8_t flags, enum bgp_attr_type type, size_t len)
{
    bool extended = len > UINT8_MAX;

    wr_u8(w, extended ? flags | BGP_ATTR_EXTENDED : flags);
    wr_u8(w, (uint8_t)type);
    if (extended)
        wr_u16(w, (uint16_t)len);
    else
        wr_u8(w, (uint8_t)len);
}

static void write_u32_attr(struct wr *w, uint8_t flags, enum bgp_attr_type type, uint32_t value)
{
    write_attr(w, flags, type, 4);
    wr_u32(w, value);
}

/* One segment of AS numbers with `width` bytes each. */
static void write_sequence(struct wr *w, uint32_t asn, size_t count, size_t width)
{
    wr_u8(w, BGP_AS_SEQUENCE);
    wr_u8(w, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        if (width == 4)
            wr_u32(w, asn);
        else
            wr_u16(w, asn > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)asn);
    }
}

/* The own AS and what is prepended. */
static size_t path_count(const struct bgp_attrs *a)
{
    return a->prepend < SEGMENT_MAX ? a->prepend + 1U : SEGMENT_MAX;
}

static void write_as_path(struct wr *w, const struct bgp_attrs *a, const struct bgp_path *path)
{
    size_t count = path_count(a), width = path->as4 ? 4 : 2;

    if (path->ibgp) {
        write_attr(w, BGP_ATTR_TRANSITIVE, BGP_ATTR_AS_PATH, 0);
        return;
    }
    write_attr(w, BGP_ATTR_TRANSITIVE, BGP_ATTR_AS_PATH, 2 + count * width);
    write_sequence(w, path->local_as, count, width);
}

/* RFC 6793 4.2.2: for a peer that reads AS_TRANS in AS_PATH. */
static void write_as4_path(struct wr *w, const struct bgp_attrs *a, const struct bgp_path *path)
{
    size_t count = path_count(a);

    if (path->ibgp || path->as4 || path->local_as <= UINT16_MAX)
        return;
    write_attr(w, BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE, BGP_ATTR_AS4_PATH, 2 + count * 4);
    write_sequence(w, path->local_as, count, 4);
}

/* One attribute a kind (RFC 1997, RFC 4360 2, RFC 8092 3). */
static const struct {
    enum bgp_attr_type type;
    size_t size; /* of a community */
} community_attrs[] = {
    [BGP_COMMUNITY_STANDARD] = {BGP_ATTR_COMMUNITIES, 4},
    [BGP_COMMUNITY_LARGE] = {BGP_ATTR_LARGE_COMMUNITIES, 12},
    [BGP_COMMUNITY_EXTENDED] = {BGP_ATTR_EXTENDED_COMMUNITIES, 8},
};

static void write_community(struct wr *w, struct bgp_community c)
{
    wr_u32(w, c.a);
    if (c.kind != BGP_COMMUNITY_STANDARD)
        wr_u32(w, c.b);
    if (c.kind == BGP_COMMUNITY_LARGE)
        wr_u32(w, c.c);
}

static void write_communities(struct wr *w, const struct bgp_attrs *a, enum bgp_community_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < a->community_count; i++)
        n += a->communities[i].kind == kind;
    if (n == 0)
        return;
    write_attr(w, BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE, community_attrs[kind].type,
               n * community_attrs[kind].size);
    for (size_t i = 0; i < a->community_count; i++) {
        if (a->communities[i].kind == kind)
            write_community(w, a->communities[i]);
    }
}

/* All but MP_REACH_NLRI. `hop` NULL: without NEXT_HOP, for MP_REACH_NLRI has it (RFC 4760 3). */
static void write_attrs(struct wr *w, const struct bgp_attrs *a, const struct bgp_path *path,
                        const struct bgp_next_hop *hop)
{
    write_attr(w, BGP_ATTR_TRANSITIVE, BGP_ATTR_ORIGIN, 1);
    wr_u8(w, ORIGIN_IGP);
    write_as_path(w, a, path);
    if (hop != NULL) {
        write_attr(w, BGP_ATTR_TRANSITIVE, BGP_ATTR_NEXT_HOP, hop->len);
        wr_bytes(w, hop->bytes, hop->len);
    }
    write_u32_attr(w, BGP_ATTR_OPTIONAL, BGP_ATTR_MED, a->med);
    if (path->ibgp)
        write_u32_attr(w, BGP_ATTR_TRANSITIVE, BGP_ATTR_LOCAL_PREF,
                       a->has_local_pref ? a->local_pref : LOCAL_PREF_DEFAULT);
    write_communities(w, a, BGP_COMMUNITY_STANDARD);
    write_communities(w, a, BGP_COMMUNITY_EXTENDED);
    write_as4_path(w, a, path);
    write_communities(w, a, BGP_COMMUNITY_LARGE);
}

/* --- MP_REACH_NLRI and MP_UNREACH_NLRI --- */

/* With a length of 16 bits, for nobody knows yet how long it gets. */
static void begin_mp(struct bgp_update *u, enum bgp_attr_type type)
{
    wr_u8(&u->w, BGP_ATTR_OPTIONAL | BGP_ATTR_EXTENDED);
    wr_u8(&u->w, (uint8_t)type);
    u->mp_at = wr_hole16(&u->w);
    wr_u16(&u->w, bgp_family_afi(u->family));
    wr_u8(&u->w, SAFI_UNICAST);
}

static void begin_reach(struct bgp_update *u, const struct bgp_next_hop *hop)
{
    begin_mp(u, BGP_ATTR_MP_REACH);
    wr_u8(&u->w, hop->len);
    wr_bytes(&u->w, hop->bytes, hop->len);
    wr_u8(&u->w, 0); /* reserved */
}

static void end_mp(struct bgp_update *u)
{
    struct wr *w = &u->w;
    size_t value = u->mp_at + 2, len = w->len - value;

    if (len > UINT8_MAX) {
        wr_fill16(w, u->mp_at, (uint16_t)len);
        return;
    }
    w->start[u->mp_at - 2] = BGP_ATTR_OPTIONAL;
    w->start[u->mp_at] = (uint8_t)len;
    memmove(w->start + value - 1, w->start + value, len);
    w->len--;
}

/*
 * MP_REACH_NLRI comes first and grows; the attributes behind it are written once, and wait at the
 * end of the room until it is complete.
 */
static void put_tail_aside(struct bgp_update *u, size_t tail_at)
{
    struct wr *w = &u->w;

    if (w->bad)
        return;
    u->tail_len = w->len - tail_at;
    w->cap -= u->tail_len;
    memmove(w->start + w->cap, w->start + tail_at, u->tail_len);
    w->len = tail_at;
}

static void fetch_tail(struct bgp_update *u)
{
    struct wr *w = &u->w;

    memmove(w->start + w->len, w->start + w->cap, u->tail_len);
    w->len += u->tail_len;
    w->cap += u->tail_len;
}

/* --- messages --- */

/* Where the lengths of a message are; that of the attributes while nothing is withdrawn. */
enum { MESSAGE_LEN_AT = 16, WITHDRAWN_LEN_AT = 19, ATTRS_LEN_AT = 21, ATTRS_AT = 23 };

static void begin_message(struct wr *w)
{
    (void)bgp_message_begin(w, BGP_UPDATE); /* the hole is at MESSAGE_LEN_AT */
    wr_u16(w, 0);                           /* withdrawn routes */
    wr_u16(w, 0);                           /* attributes */
}

bool bgp_update_begin(struct bgp_update *ret, uint8_t *bytes, size_t max, enum bgp_family family,
                      const struct bgp_attrs *attrs, const struct bgp_path *path)
{
    const struct bgp_next_hop *hop = &path->next_hop[family];
    struct bgp_update u = {.w = wr_to(bytes, max), .family = family};

    assert(hop->len == 16 || hop->len == 32 || (hop->len == 4 && family == BGP_IPV4));
    begin_message(&u.w);
    if (hop->len == 4) {
        write_attrs(&u.w, attrs, path, hop);
        wr_fill16(&u.w, ATTRS_LEN_AT, (uint16_t)(u.w.len - ATTRS_AT));
    } else {
        size_t tail_at;

        u.mp = true;
        begin_reach(&u, hop);
        tail_at = u.w.len;
        write_attrs(&u.w, attrs, path, NULL);
        put_tail_aside(&u, tail_at);
    }
    if (u.w.bad || u.w.cap - u.w.len < NLRI_MAX)
        return false;
    *ret = u;
    return true;
}

void bgp_update_begin_withdraw(struct bgp_update *ret, uint8_t *bytes, size_t max,
                               enum bgp_family family, bool mp)
{
    struct bgp_update u = {.w = wr_to(bytes, max), .family = family, .withdraws = true};

    u.mp = mp || family == BGP_IPV6;
    begin_message(&u.w);
    if (u.mp) {
        begin_mp(&u, BGP_ATTR_MP_UNREACH);
    } else {
        u.w.len -= 2; /* the length of the attributes, here 0, comes behind the prefixes */
        u.w.cap -= 2;
    }
    *ret = u;
}

/* This runs once a route and peer, so it writes past the checks of struct wr: one is enough. */
bool bgp_update_add(struct bgp_update *u, struct prefix p)
{
    uint64_t word = p.addr.family == IP_V4 ? p.addr.lo << 32 : p.addr.hi;
    size_t n = (p.len + 7U) / 8;
    uint8_t *to = u->w.start + u->w.len;

    if (u->w.cap - u->w.len < n + 1)
        return false;
    *to++ = p.len;
    for (size_t i = 0; i < n; i++) {
        *to++ = (uint8_t)(word >> 56);
        word = i == 7 ? p.addr.lo : word << 8;
    }
    u->w.len += n + 1;
    u->prefix_count++;
    return true;
}

size_t bgp_update_end(struct bgp_update *u)
{
    struct wr *w = &u->w;

    if (u->mp) {
        end_mp(u);
        fetch_tail(u);
        wr_fill16(w, ATTRS_LEN_AT, (uint16_t)(w->len - ATTRS_AT));
    } else if (u->withdraws) {
        wr_fill16(w, WITHDRAWN_LEN_AT, (uint16_t)(w->len - WITHDRAWN_LEN_AT - 2));
        w->cap += 2;
        wr_u16(w, 0);
    }
    bgp_message_end(w, MESSAGE_LEN_AT);
    return w->len;
}

size_t bgp_update_end_of_rib(uint8_t *bytes, enum bgp_family family)
{
    struct bgp_update u;

    bgp_update_begin_withdraw(&u, bytes, END_OF_RIB_MAX, family, family == BGP_IPV6);
    return bgp_update_end(&u);
}
