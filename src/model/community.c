/* SPDX-License-Identifier: Apache-2.0 */
#include "model/community.h"

#include <inttypes.h>
#include <stdio.h>

/* The first byte of an extended community (RFC 4360 3.1, 3.2, RFC 5668 2), all transitive. */
enum { TYPE_AS2 = 0, TYPE_V4 = 1, TYPE_AS4 = 2 };

static struct bgp_community extended(uint8_t type, enum bgp_extended_subtype subtype,
                                     uint64_t value)
{
    return (struct bgp_community){
        .kind = BGP_COMMUNITY_EXTENDED,
        .a = (uint32_t)type << 24 | (uint32_t)subtype << 16 | (uint32_t)(value >> 32),
        .b = (uint32_t)value,
    };
}

bool bgp_community_of_as(struct bgp_community *ret, enum bgp_extended_subtype subtype, uint32_t asn,
                         uint32_t number)
{
    if (asn <= UINT16_MAX) {
        *ret = extended(TYPE_AS2, subtype, (uint64_t)asn << 32 | number);
        return true;
    }
    if (number > UINT16_MAX)
        return false;
    *ret = extended(TYPE_AS4, subtype, (uint64_t)asn << 16 | number);
    return true;
}

bool bgp_community_of_v4(struct bgp_community *ret, enum bgp_extended_subtype subtype, uint32_t v4,
                         uint32_t number)
{
    if (number > UINT16_MAX)
        return false;
    *ret = extended(TYPE_V4, subtype, (uint64_t)v4 << 16 | number);
    return true;
}

static const char *subtype_name(uint32_t subtype)
{
    if (subtype == BGP_ROUTE_TARGET)
        return "rt";
    return subtype == BGP_ROUTE_ORIGIN ? "soo" : NULL;
}

static struct community_text format_extended(struct bgp_community c)
{
    const char *name = subtype_name(c.a >> 16 & UINT8_MAX);
    uint32_t type = c.a >> 24, high = c.a << 16 | c.b >> 16, low = c.b & UINT16_MAX;
    struct community_text t;

    if (name != NULL && type == TYPE_AS2)
        snprintf(t.s, sizeof(t.s), "%s:%u:%u", name, c.a & UINT16_MAX, c.b);
    else if (name != NULL && type == TYPE_V4)
        snprintf(t.s, sizeof(t.s), "%s:%u.%u.%u.%u:%u", name, high >> 24, high >> 16 & UINT8_MAX,
                 high >> 8 & UINT8_MAX, high & UINT8_MAX, low);
    else if (name != NULL && type == TYPE_AS4 && high > UINT16_MAX)
        snprintf(t.s, sizeof(t.s), "%s:%u:%u", name, high, low);
    else /* a small AS in 4 bytes as well: in words it would be read back as one of 2 bytes */
        snprintf(t.s, sizeof(t.s), "ext:0x%08" PRIx32 "%08" PRIx32, c.a, c.b);
    return t;
}

struct community_text bgp_community_format(struct bgp_community c)
{
    struct community_text t;

    switch (c.kind) {
    case BGP_COMMUNITY_STANDARD:
        snprintf(t.s, sizeof(t.s), "%u:%u", c.a >> 16, c.a & UINT16_MAX);
        return t;
    case BGP_COMMUNITY_LARGE:
        snprintf(t.s, sizeof(t.s), "large:%u:%u:%u", c.a, c.b, c.c);
        return t;
    case BGP_COMMUNITY_EXTENDED:
        break;
    }
    return format_extended(c);
}

int bgp_community_cmp(struct bgp_community a, struct bgp_community b)
{
    if ((a.kind == BGP_COMMUNITY_EXTENDED) != (b.kind == BGP_COMMUNITY_EXTENDED))
        return a.kind == BGP_COMMUNITY_EXTENDED ? 1 : -1;
    if (a.a != b.a)
        return a.a < b.a ? -1 : 1;
    if (a.b != b.b)
        return a.b < b.b ? -1 : 1;
    if (a.c != b.c)
        return a.c < b.c ? -1 : 1;
    return (int)a.kind - (int)b.kind;
}
