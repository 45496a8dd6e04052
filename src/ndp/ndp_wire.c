/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extension headers in front of ICMPv6 are not followed: no neighbour sends them, RFC 6980 forbids
 * the only one that would carry a meaning here, and the kernel's filter does not let them through.
 */
#include "ndp/ndp_wire.h"

#include "base/wire.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum {
    NDP_SOLICIT = 135,
    NDP_ADVERT = 136,
    NDP_ICMP_LEN = 32, /* of an advertisement with its option */
    NDP_OPT_SOURCE_MAC = 1,
    NDP_OPT_TARGET_MAC = 2,
    NDP_HOP_LIMIT = 255,
};
#define NDP_FLAG_SOLICITED (UINT32_C(1) << 30)
#define NDP_FLAG_OVERRIDE (UINT32_C(1) << 29)

static struct ip read_ip(struct rd *r)
{
    uint8_t bytes[16];

    rd_copy(r, bytes, sizeof(bytes));
    return ip_v6(bytes);
}

static void write_ip(struct wr *w, struct ip ip)
{
    uint8_t bytes[16];

    ip_to_v6(ip, bytes);
    wr_bytes(w, bytes, sizeof(bytes));
}

static uint32_t sum_words(struct rd r)
{
    uint32_t sum = 0;

    while (r.left >= 2)
        sum += rd_u16(&r);
    return r.left == 1 ? sum + ((uint32_t)rd_u8(&r) << 8) : sum;
}

uint16_t ndp_checksum(struct ip from, struct ip to, const uint8_t *icmp, size_t len)
{
    uint8_t pseudo[40]; /* RFC 8200 8.1 */
    struct wr w = wr_to(pseudo, sizeof(pseudo));
    uint32_t sum;

    write_ip(&w, from);
    write_ip(&w, to);
    wr_u32(&w, (uint32_t)len);
    wr_u32(&w, IPPROTO_ICMPV6);
    sum = sum_words(rd_from(pseudo, sizeof(pseudo))) + sum_words(rd_from(icmp, len));
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void read_options(struct rd *r, struct ndp_solicit *s)
{
    while (r->left > 0) {
        uint8_t type = rd_u8(r);
        uint8_t units = rd_u8(r); /* of 8 bytes, these two included */
        struct rd body;

        if (units == 0) { /* RFC 4861 4.6: must be discarded */
            r->bad = true;
            return;
        }
        body = rd_sub(r, (size_t)units * 8 - 2);
        if (type != NDP_OPT_SOURCE_MAC || body.left != ETH_ALEN)
            continue; /* others are none of our business, nonces (RFC 7527) included */
        rd_copy(&body, s->source_mac, ETH_ALEN);
        s->has_source_mac = true;
    }
}

static int read_icmp(struct rd icmp, struct ndp_solicit *s)
{
    uint8_t type;

    s->checksum_ok = ndp_checksum(s->from, s->to, icmp.pos, icmp.left) == 0;
    type = rd_u8(&icmp);
    s->code = rd_u8(&icmp);
    rd_skip(&icmp, 2 + 4); /* checksum, reserved */
    if (!icmp.bad && type != NDP_SOLICIT)
        return -ENOMSG;
    s->target = read_ip(&icmp);
    read_options(&icmp, s);
    return rd_done(&icmp) ? 0 : -EBADMSG;
}

/* Up to the ICMPv6 message. What is read does not depend on its type. */
static int read_head(struct rd r, struct ndp_solicit *s, struct rd *ret_icmp)
{
    uint16_t ethertype, payload_len;
    uint8_t version, next;
    struct rd icmp;

    rd_copy(&r, s->eth_to, ETH_ALEN);
    rd_copy(&r, s->eth_from, ETH_ALEN);
    ethertype = rd_u16(&r);
    version = (uint8_t)(rd_u32(&r) >> 28);
    payload_len = rd_u16(&r);
    next = rd_u8(&r);
    s->hop_limit = rd_u8(&r);
    s->from = read_ip(&r);
    s->to = read_ip(&r);
    icmp = rd_sub(&r, payload_len); /* what follows is padding */
    if (icmp.bad)
        return -EBADMSG;
    if (ethertype != ETH_P_IPV6 || version != 6 || next != IPPROTO_ICMPV6)
        return -ENOMSG;
    *ret_icmp = icmp;
    return 0;
}

int ndp_read(struct ndp_solicit *ret, const uint8_t *frame, size_t len)
{
    struct ndp_solicit s = {0};
    struct rd icmp;
    int e = read_head(rd_from(frame, len), &s, &icmp);

    if (e == 0)
        e = read_icmp(icmp, &s);
    if (e < 0)
        return e;
    *ret = s;
    return 0;
}

int ndp_read_claim(struct ndp_claim *ret, const uint8_t *frame, size_t len)
{
    struct ndp_solicit s = {0};
    struct rd icmp;
    int e = read_head(rd_from(frame, len), &s, &icmp);
    uint8_t type, code;
    uint32_t flags;
    bool valid;

    if (e < 0)
        return e;
    valid = s.hop_limit == NDP_HOP_LIMIT && ndp_checksum(s.from, s.to, icmp.pos, icmp.left) == 0;
    type = rd_u8(&icmp);
    code = rd_u8(&icmp);
    rd_skip(&icmp, 2); /* checksum */
    flags = rd_u32(&icmp);
    s.target = read_ip(&icmp);
    if (icmp.bad)
        return -EBADMSG;
    if (!valid || type != NDP_ADVERT || code != 0 || (flags & NDP_FLAG_SOLICITED) != 0)
        return -ENOMSG;
    memcpy(ret->eth_from, s.eth_from, ETH_ALEN);
    ret->target = s.target;
    return 0;
}

void ndp_write(uint8_t ret[NDP_ADVERT_LEN], const struct ndp_advert *a)
{
    struct wr w = wr_to(ret, NDP_ADVERT_LEN);
    size_t icmp, checksum;

    wr_bytes(&w, a->eth_to, ETH_ALEN);
    wr_bytes(&w, a->mac, ETH_ALEN);
    wr_u16(&w, ETH_P_IPV6);
    wr_u32(&w, UINT32_C(6) << 28); /* no traffic class, no flow label */
    wr_u16(&w, NDP_ICMP_LEN);
    wr_u8(&w, IPPROTO_ICMPV6);
    wr_u8(&w, NDP_HOP_LIMIT);
    write_ip(&w, a->from);
    write_ip(&w, a->to);
    icmp = w.len;
    wr_u8(&w, NDP_ADVERT);
    wr_u8(&w, 0);
    checksum = wr_hole16(&w);
    wr_u32(&w, (a->solicited ? NDP_FLAG_SOLICITED : 0) | (a->override ? NDP_FLAG_OVERRIDE : 0));
    write_ip(&w, a->target);
    wr_u8(&w, NDP_OPT_TARGET_MAC);
    wr_u8(&w, 1);
    wr_bytes(&w, a->mac, ETH_ALEN);
    assert(!w.bad && w.len == NDP_ADVERT_LEN);
    wr_fill16(&w, checksum, ndp_checksum(a->from, a->to, ret + icmp, NDP_ICMP_LEN));
}
