/* SPDX-License-Identifier: Apache-2.0 */
#include "rib_message.h"

enum { TYPE_MED = 4, TYPE_COMMUNITIES = 8, TYPE_MP_REACH = 14, TYPE_MP_UNREACH = 15 };

struct reading {
    struct rib_message *m;
    size_t fields; /* lists of prefixes that were not empty */
    bool bad;
};

static struct prefix read_prefix(struct rd *in, enum bgp_family family)
{
    uint8_t bytes[16] = {0}, len = rd_u8(in), size = (uint8_t)((len + 7) / 8);

    if (len > (family == BGP_IPV4 ? 32 : 128)) {
        in->bad = true;
        in->left = 0;
        return (struct prefix){.len = 0};
    }
    rd_copy(in, bytes, size);
    if (family == BGP_IPV4) {
        struct rd four = rd_from(bytes, 4);

        return prefix_of(ip_v4(rd_u32(&four)), len);
    }
    return prefix_of(ip_v6(bytes), len);
}

static void read_prefixes(struct reading *x, struct rd in, enum bgp_family family, bool withdraw)
{
    if (in.left == 0)
        return;
    x->fields++;
    x->m->family = family;
    x->m->withdraw = withdraw;
    while (in.left > 0 && x->m->count < RIB_MESSAGE_PREFIXES)
        x->m->prefixes[x->m->count++] = read_prefix(&in, family);
    if (!rd_done(&in))
        x->bad = true;
}

static void read_mp(struct reading *x, struct rd in, bool withdraw)
{
    uint16_t afi = rd_u16(&in);

    if (rd_u8(&in) != 1 || (afi != 1 && afi != 2))
        x->bad = true;
    if (!withdraw) {
        rd_skip(&in, rd_u8(&in)); /* next hop */
        rd_skip(&in, 1);
    }
    read_prefixes(x, in, afi == 2 ? BGP_IPV6 : BGP_IPV4, withdraw);
}

static void read_attribute(struct reading *x, struct rd *in)
{
    struct rd body, all;
    uint8_t flags = rd_u8(in), type = rd_u8(in);

    body = all = rd_sub(in, (flags & 0x10) != 0 ? rd_u16(in) : rd_u8(in));
    if (type == TYPE_MP_REACH || type == TYPE_MP_UNREACH) {
        read_mp(x, body, type == TYPE_MP_UNREACH);
        return;
    }
    x->m->fingerprint = (x->m->fingerprint ^ type) * 16777619u;
    while (all.left > 0)
        x->m->fingerprint = (x->m->fingerprint ^ rd_u8(&all)) * 16777619u;
    if (type == TYPE_MED)
        x->m->med = rd_u32(&body);
    if (type == TYPE_COMMUNITIES)
        x->m->communities = (uint32_t)(body.left / 4);
    if (body.bad)
        x->bad = true;
}

bool rib_message_read(struct rib_message *ret, const uint8_t *bytes, size_t len)
{
    struct reading x = {.m = ret};
    struct rd in = rd_from(bytes, len), withdrawn, attributes;

    *ret = (struct rib_message){.count = 0};
    rd_skip(&in, 16);
    if (rd_u16(&in) != len || rd_u8(&in) != BGP_UPDATE)
        return false;
    withdrawn = rd_sub(&in, rd_u16(&in));
    attributes = rd_sub(&in, rd_u16(&in));
    if (in.bad || withdrawn.bad || attributes.bad)
        return false;
    read_prefixes(&x, withdrawn, BGP_IPV4, true);
    while (attributes.left > 0)
        read_attribute(&x, &attributes);
    read_prefixes(&x, in, BGP_IPV4, false);
    return !x.bad && !attributes.bad && x.fields == 1;
}
