/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three kinds of solicitations reach us (RFC 4861 7.2.2, RFC 4862 5.4.2):
 *
 *   resolution      to the solicited-node group, with the asker's link-layer address
 *   reachability    to the address itself, usually without that option
 *   duplicate probe to the group, from the unspecified address
 *
 * The first two are answered to the asker with Solicited. The third is answered to all nodes
 * without Solicited and with Override (7.2.4), which makes the prober give the address up.
 *
 * Override stays 0 in solicited answers, as in MetalLB: an address that several nodes could hold is
 * an anycast-like one, and a late answer of the old owner must not push the new one out.
 */
#include "ndp/ndp_responder.h"

#include <errno.h>
#include <string.h>

static const uint8_t all_nodes_mac[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t nobody[ETH_ALEN] = {0};
static const struct ip all_nodes = {.hi = UINT64_C(0xff02) << 48, .lo = 1, .family = IP_V6};

enum { NDP_HOP_LIMIT_NEEDED = 255 };

const char *ndp_result_name(enum ndp_result result)
{
    switch (result) {
    case NDP_ANSWER:
        return "answer";
    case NDP_DROP_MALFORMED:
        return "malformed";
    case NDP_DROP_OTHER:
        return "not a solicitation";
    case NDP_DROP_HOP_LIMIT:
        return "hop limit";
    case NDP_DROP_CHECKSUM:
        return "checksum";
    case NDP_DROP_CODE:
        return "code";
    case NDP_DROP_TARGET:
        return "multicast target";
    case NDP_DROP_PROBE:
        return "bad duplicate-address probe";
    case NDP_DROP_ETH_DESTINATION:
        return "ethernet destination";
    case NDP_DROP_SENDER:
        return "sender address";
    case NDP_DROP_ANNOUNCE_IP:
        return "announce IP";
    case NDP_DROP_INTERFACE:
        return "not-match-interface";
    }
    return "";
}

struct ip ndp_group(struct ip ip)
{
    return (struct ip){
        .hi = UINT64_C(0xff02) << 48,
        .lo = UINT64_C(0x1ff) << 24 | (ip.lo & 0xffffff),
        .family = IP_V6,
    };
}

static bool is_multicast(struct ip ip)
{
    return ip.hi >> 56 == 0xff;
}

static bool is_unspecified(struct ip ip)
{
    return ip.hi == 0 && ip.lo == 0;
}

static bool is_station(const uint8_t *mac, const uint8_t *own)
{
    return (mac[0] & 1) == 0 && memcmp(mac, nobody, ETH_ALEN) != 0 &&
           memcmp(mac, own, ETH_ALEN) != 0;
}

/* RFC 4861 7.1.1, in its order. */
static enum ndp_result ndp_validate(const struct ndp_solicit *s)
{
    if (s->hop_limit != NDP_HOP_LIMIT_NEEDED)
        return NDP_DROP_HOP_LIMIT; /* it has passed a router: forged from outside the link */
    if (!s->checksum_ok)
        return NDP_DROP_CHECKSUM;
    if (s->code != 0)
        return NDP_DROP_CODE;
    if (is_multicast(s->target))
        return NDP_DROP_TARGET;
    if (is_unspecified(s->from) && (s->has_source_mac || !ip_eq(s->to, ndp_group(s->target))))
        return NDP_DROP_PROBE;
    return NDP_ANSWER;
}

static struct ndp_advert ndp_answer(const struct ndp_responder *n, const struct ndp_solicit *s)
{
    struct ndp_advert a = {.from = n->link_local, .target = s->target};

    if (is_unspecified(s->from))
        return ndp_unsolicited(n, s->target);
    memcpy(a.eth_to, s->has_source_mac ? s->source_mac : s->eth_from, ETH_ALEN);
    memcpy(a.mac, n->mac, ETH_ALEN);
    a.to = s->from;
    a.solicited = true;
    return a;
}

enum ndp_result ndp_respond(const struct ndp_responder *n, const uint8_t *frame, size_t len,
                            struct ndp_advert *ret)
{
    struct ndp_solicit s;
    enum ndp_result result;
    int r = ndp_read(&s, frame, len);

    if (r < 0)
        return r == -ENOMSG ? NDP_DROP_OTHER : NDP_DROP_MALFORMED;
    result = ndp_validate(&s);
    if (result != NDP_ANSWER)
        return result;
    if ((s.eth_to[0] & 1) == 0 && memcmp(s.eth_to, n->mac, ETH_ALEN) != 0)
        return NDP_DROP_ETH_DESTINATION;
    if (is_multicast(s.from) || !is_station(s.eth_from, n->mac) ||
        (s.has_source_mac && !is_station(s.source_mac, n->mac)))
        return NDP_DROP_SENDER;
    result = n->claim(n->arg, s.target);
    if (result == NDP_ANSWER)
        *ret = ndp_answer(n, &s);
    return result;
}

struct ndp_advert ndp_unsolicited(const struct ndp_responder *n, struct ip target)
{
    struct ndp_advert a = {
        .from = n->link_local, .to = all_nodes, .target = target, .override = true};

    memcpy(a.eth_to, all_nodes_mac, ETH_ALEN);
    memcpy(a.mac, n->mac, ETH_ALEN);
    return a;
}
