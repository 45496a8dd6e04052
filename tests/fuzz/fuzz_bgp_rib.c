/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a script of changes to routes, offers and peers, and of messages that are taken. Beside
 * the RIB stands a model that knows, without any cleverness, what every peer should have and what
 * it was told. The invariants stand in take_message() and check().
 */
#include "bgp/bgp_rib.h"

#include "base/mem.h"
#include "fuzz.h"
#include "rib_message.h"

#include <stdlib.h>
#include <string.h>

enum {
    PEERS = 4,
    FAMILY_ROUTES = 512,
    ROUTES = BGP_FAMILIES * FAMILY_ROUTES,
    NESTED = 16, /* the first ones of a family are of one address and different lengths */
    SETS = 9,    /* 0 is none */
    FIRST_HUGE = 7,
    HUGE_COMMUNITIES = 1100, /* do not fit into a message */
    OFFERS = 4,
};

static const uint32_t peer_ids[PEERS] = {0, 1, 7, BGP_PEERS_MAX - 1};

static const struct bgp_path path = {
    .as4 = true,
    .local_as = 64512,
    .next_hop = {{4, {192, 0, 2, 1}}, {16, {0x20, 0x01, 0x0d, 0xb8}}},
};

struct model_peer {
    bool up, family[BGP_FAMILIES], barred[BGP_FAMILIES];
    uint8_t has[ROUTES]; /* set */
    bool again[ROUTES];
    bool midway; /* a batch may be under way */
    uint64_t too_long;
};

struct model_offer {
    struct bgp_offer *offer;
    uint8_t sets[PEERS];
};

struct script {
    struct rd in;
    struct bgp_rib *r;
    struct bgp_community *communities;
    struct rib_message *message;
    struct model_offer offers[OFFERS];
    bool there[ROUTES];
    uint8_t sets[ROUTES][PEERS];
    struct model_peer peers[PEERS];
    uint32_t fingerprints[BGP_FAMILIES][SETS]; /* of a set as it was first seen; 0: not yet */
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* --- names --- */

static enum bgp_family family_of(size_t route)
{
    return route < FAMILY_ROUTES ? BGP_IPV4 : BGP_IPV6;
}

static struct prefix prefix_at(size_t route)
{
    uint64_t n = route % FAMILY_ROUTES;
    struct ip a = {.lo = UINT64_C(0xc6120000), .family = IP_V4};

    if (family_of(route) == BGP_IPV6)
        a = (struct ip){.hi = UINT64_C(0x20010db800000000), .family = IP_V6};
    if (n < NESTED)
        return prefix_of(a, (uint8_t)(16 + n));
    a.lo += n;
    return prefix_of(a, ip_bits(a.family));
}

static size_t route_at(enum bgp_family family, struct prefix p)
{
    size_t n = p.len < 32 ? p.len - 16u : p.addr.lo & (FAMILY_ROUTES - 1);

    n += family == BGP_IPV4 ? 0 : FAMILY_ROUTES;
    require(n < ROUTES && prefix_eq(prefix_at(n), p));
    return n;
}

static struct bgp_attrs attrs_at(const struct script *s, uint8_t set)
{
    struct bgp_attrs a = {.med = set, .communities = s->communities, .community_count = set % 3};

    if (set >= FIRST_HUGE)
        a.community_count = HUGE_COMMUNITIES;
    return a;
}

/* --- what the model knows --- */

static bool carries(const struct model_peer *p, enum bgp_family f)
{
    return p->up && p->family[f];
}

static uint8_t wanted(const struct script *s, size_t peer, size_t route)
{
    const struct model_peer *p = &s->peers[peer];
    enum bgp_family f = family_of(route);

    return s->there[route] && carries(p, f) && !p->barred[f] ? s->sets[route][peer] : 0;
}

/* What the peer has when all has been sent. */
static uint8_t due(const struct script *s, size_t peer, size_t route)
{
    uint8_t set = wanted(s, peer, route);

    return set < FIRST_HUGE ? set : 0;
}

static void forget_session(struct model_peer *p)
{
    p->up = p->midway = false;
    memset(p->has, 0, sizeof(p->has));
    memset(p->again, 0, sizeof(p->again));
}

/* --- messages --- */

static void got_announcement(struct script *s, size_t peer, size_t route)
{
    struct model_peer *p = &s->peers[peer];
    uint32_t set = s->message->med;
    uint32_t *seen = &s->fingerprints[s->message->family][set % SETS];

    require(set > 0 && set < FIRST_HUGE && set == wanted(s, peer, route));
    require(p->has[route] != set || p->again[route]);
    require(s->message->communities == attrs_at(s, (uint8_t)set).community_count);
    if (*seen == 0)
        *seen = s->message->fingerprint;
    require(*seen == s->message->fingerprint);
    p->has[route] = (uint8_t)set;
    p->again[route] = false;
}

static void got_withdrawal(struct script *s, size_t peer, size_t route)
{
    struct model_peer *p = &s->peers[peer];

    require(p->has[route] != 0 && due(s, peer, route) == 0);
    p->has[route] = 0;
    p->again[route] = false;
}

static bool take_message(struct script *s, size_t peer)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct rib_message *m = s->message;
    size_t len = bgp_rib_peer_next(s->r, peer_ids[peer], &path, bytes, sizeof(bytes));

    if (len == 0)
        return false;
    require(rib_message_read(m, bytes, len));
    require(carries(&s->peers[peer], m->family));
    for (size_t i = 0; i < m->count; i++) {
        size_t route = route_at(m->family, m->prefixes[i]);

        if (m->withdraw)
            got_withdrawal(s, peer, route);
        else
            got_announcement(s, peer, route);
    }
    return true;
}

/* All of it: announcements, then withdrawals; what was midway comes first. */
static void drain(struct script *s, size_t peer)
{
    struct model_peer *p = &s->peers[peer];
    unsigned turns = 0; /* from withdrawals back to announcements */
    bool withdrawals = false;

    while (take_message(s, peer)) {
        if (withdrawals && !s->message->withdraw)
            turns++;
        withdrawals = s->message->withdraw;
    }
    require(turns <= p->midway);
    p->midway = false;
    require(!bgp_rib_peer_pending(s->r, peer_ids[peer]));
    for (size_t i = 0; i < ROUTES; i++)
        require(p->has[i] == due(s, peer, i) && !p->again[i]);
}

/* --- changes --- */

static void new_offer(struct script *s)
{
    struct bgp_share shares[PEERS];
    struct model_offer *o = &s->offers[rd_u8(&s->in) % OFFERS];
    size_t count = 0;

    o->offer = bgp_offer_unref(s->r, o->offer);
    for (size_t i = 0; i < PEERS; i++) {
        o->sets[i] = rd_u8(&s->in) % SETS;
        if (o->sets[i] != 0)
            shares[count++] = (struct bgp_share){peer_ids[i], attrs_at(s, o->sets[i])};
    }
    o->offer = bgp_offer_get(s->r, shares, count);
}

static void put_routes(struct script *s)
{
    const struct model_offer *o = &s->offers[rd_u8(&s->in) % OFFERS];
    size_t from = rd_u16(&s->in) % ROUTES, count = rd_u8(&s->in);

    for (size_t i = from; o->offer != NULL && i < ROUTES && i <= from + count; i++) {
        bgp_rib_put(s->r, prefix_at(i), o->offer);
        s->there[i] = true;
        memcpy(s->sets[i], o->sets, sizeof(o->sets));
    }
}

static void del_routes(struct script *s)
{
    size_t from = rd_u16(&s->in) % ROUTES, count = rd_u8(&s->in);

    for (size_t i = from; i < ROUTES && i <= from + count; i++) {
        bgp_rib_del(s->r, prefix_at(i));
        s->there[i] = false;
    }
}

static void peer_up(struct script *s, size_t peer)
{
    struct model_peer *p = &s->peers[peer];
    uint8_t families = rd_u8(&s->in);

    forget_session(p);
    p->up = true;
    for (size_t f = 0; f < BGP_FAMILIES; f++)
        p->family[f] = (families >> f & 1) != 0;
    bgp_rib_peer_up(s->r, peer_ids[peer], p->family);
}

static void peer_down(struct script *s, size_t peer)
{
    forget_session(&s->peers[peer]);
    bgp_rib_peer_down(s->r, peer_ids[peer]);
}

static void peer_forget(struct script *s, size_t peer)
{
    s->peers[peer] = (struct model_peer){.up = false};
    for (size_t i = 0; i < ROUTES; i++)
        s->sets[i][peer] = 0;
    for (size_t i = 0; i < OFFERS; i++)
        s->offers[i].sets[peer] = 0;
    bgp_rib_peer_forget(s->r, peer_ids[peer]);
}

static void tell_again(struct model_peer *p, enum bgp_family f)
{
    for (size_t i = 0; i < ROUTES; i++)
        p->again[i] |= family_of(i) == f && p->has[i] != 0;
}

static void peer_again(struct script *s, size_t peer)
{
    enum bgp_family f = rd_u8(&s->in) % BGP_FAMILIES;

    tell_again(&s->peers[peer], f);
    bgp_rib_peer_again(s->r, peer_ids[peer], f);
}

static void peer_allow(struct script *s, size_t peer)
{
    enum bgp_family f = rd_u8(&s->in) % BGP_FAMILIES;
    bool allowed = rd_u8(&s->in) % 2;
    struct model_peer *p = &s->peers[peer];

    if (p->barred[f] && allowed)
        tell_again(p, f);
    p->barred[f] = !allowed;
    bgp_rib_peer_allow(s->r, peer_ids[peer], f, allowed);
}

/* --- the whole --- */

/* How a route stands with a peer says what the model says. */
static void check_route(const struct script *s, size_t peer, size_t route)
{
    const struct bgp_attrs *attrs;
    enum bgp_route_state state = bgp_rib_peer_route(s->r, peer_ids[peer], prefix_at(route), &attrs);
    uint8_t set = s->there[route] ? s->sets[route][peer] : 0;
    const struct model_peer *p = &s->peers[peer];

    require((attrs != NULL) == (set != 0) && (set == 0 || attrs->med == set));
    require((state == BGP_ROUTE_ABSENT) == (set == 0));
    if (set == 0)
        return;
    require((state == BGP_ROUTE_NO_SESSION) == !p->up);
    if (state == BGP_ROUTE_SENT)
        require(p->has[route] == set);
    if (state == BGP_ROUTE_TOO_LONG)
        require(p->has[route] == 0 && set >= FIRST_HUGE);
}

static void check_peer(struct script *s, size_t peer)
{
    struct bgp_rib_peer_counts c = bgp_rib_peer_counts(s->r, peer_ids[peer]);
    struct model_peer *p = &s->peers[peer];
    bool pending = bgp_rib_peer_pending(s->r, peer_ids[peer]), must = false, may = false;
    size_t wants = 0, has = 0;

    for (size_t i = 0; i < ROUTES; i++) {
        bool differs = p->has[i] != due(s, peer, i) || p->again[i];

        must |= differs;
        may |= differs || wanted(s, peer, i) >= FIRST_HUGE;
        wants += s->there[i] && s->sets[i][peer] != 0 && carries(p, family_of(i));
        has += p->has[i] != 0;
    }
    require((!must || pending) && (!pending || may));
    require(c.wanted == wants && c.sent == has && c.too_long >= p->too_long);
    p->too_long = c.too_long;
    check_route(s, peer, rd_u16(&s->in) % ROUTES);
}

static void count_route(void *arg, struct prefix p)
{
    struct script *s = arg;

    s->message->count++;
    require(s->there[route_at(bgp_family_of(p.addr.family), p)]);
}

static void check(struct script *s)
{
    size_t count = 0;

    for (size_t i = 0; i < ROUTES; i++)
        count += s->there[i];
    require(bgp_rib_count(s->r) == count);
    s->message->count = 0;
    bgp_rib_each(s->r, count_route, s);
    require(s->message->count == count);
    for (size_t peer = 0; peer < PEERS; peer++)
        check_peer(s, peer);
}

static void step(struct script *s)
{
    uint8_t what = rd_u8(&s->in);
    size_t peer = what / 16 % PEERS;

    switch (what % 16) {
    case 0:
    case 1:
        new_offer(s);
        return;
    case 2:
    case 3:
    case 4:
        put_routes(s);
        return;
    case 5:
    case 6:
        del_routes(s);
        return;
    case 7:
        peer_up(s, peer);
        return;
    case 8:
        peer_down(s, peer);
        return;
    case 9:
        peer_forget(s, peer);
        return;
    case 10:
        peer_again(s, peer);
        return;
    case 11:
        peer_allow(s, peer);
        return;
    case 12:
        check(s);
        return;
    case 13:
        drain(s, peer);
        return;
    default:
        if (take_message(s, peer))
            s->peers[peer].midway = true;
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    CLEANUP(xfreep) struct script *s = xcalloc(1, sizeof(*s));

    s->in = rd_from(bytes, len);
    s->r = bgp_rib_new();
    s->message = xcalloc(1, sizeof(*s->message));
    s->communities = xcalloc(HUGE_COMMUNITIES, sizeof(*s->communities));
    for (uint32_t i = 0; i < HUGE_COMMUNITIES; i++)
        s->communities[i].a = i;
    while (s->in.left > 0)
        step(s);
    for (size_t peer = 0; peer < PEERS; peer++)
        drain(s, peer);
    check(s);
    for (size_t i = 0; i < OFFERS; i++)
        bgp_offer_unref(s->r, s->offers[i].offer);
    bgp_rib_free(s->r);
    free(s->message);
    free(s->communities);
    return 0;
}
