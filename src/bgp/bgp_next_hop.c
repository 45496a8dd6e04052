/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the local end of the connection is no next hop of the family itself, one is looked for on
 * the interface that owns it. A link-local address is added when the peer is on the same link (RFC
 * 2545 3), alone in both halves only towards a peer that was named by its interface: others than
 * FRR and BIRD refuse that (F23c).
 */
#include "bgp/bgp_next_hop.h"

struct place {
    const struct bgp_ends *ends;
    const struct bgp_local_address *addresses;
    size_t count;
    uint32_t ifindex;     /* which owns the local end; 0: none does */
    bool on_link;         /* the peer is on a network of it */
    struct ip link_local; /* IP_NONE: none to add */
};

/* --- kinds of addresses --- */

static bool is_v4_loopback(struct ip a)
{
    return a.family == IP_V4 && ip_to_v4(a) >> 24 == 127;
}

/* Neither for one link only, nor loopback, unspecified, multicast. Unique local ones count. */
static bool is_v6_global(struct ip a)
{
    return a.family == IP_V6 && !ip_is_link_local(a) && a.hi >> 56 != 0xff &&
           !(a.hi == 0 && a.lo <= 1);
}

static bool reaches(const struct bgp_local_address *a, struct ip peer)
{
    struct ip base = a->peer.family != IP_NONE ? a->peer : a->ip;

    return a->usable && base.family == peer.family &&
           prefix_contains(prefix_of(base, a->prefix_len), peer);
}

/* --- the interface of the local end --- */

static uint32_t find_owner(const struct bgp_ends *ends, const struct bgp_local_address *addresses,
                           size_t count)
{
    if (ends->ifindex != 0)
        return ends->ifindex;
    for (size_t i = 0; i < count; i++) {
        if (ip_eq(addresses[i].ip, ends->local))
            return addresses[i].ifindex;
    }
    return 0;
}

static bool is_here(const struct place *p, const struct bgp_local_address *a)
{
    return a->usable && a->ifindex == p->ifindex;
}

static bool shares_link(const struct place *p)
{
    if (p->ends->unnumbered || ip_is_link_local(p->ends->remote))
        return true;
    for (size_t i = 0; i < p->count; i++) {
        if (is_here(p, &p->addresses[i]) && reaches(&p->addresses[i], p->ends->remote))
            return true;
    }
    return false;
}

/* The lowest one, so that the choice does not depend on the order in which they came. */
static struct ip find_link_local(const struct place *p)
{
    struct ip found = {0};

    if (ip_is_link_local(p->ends->local))
        return p->ends->local;
    for (size_t i = 0; i < p->count; i++) {
        struct ip a = p->addresses[i].ip;

        if (is_here(p, &p->addresses[i]) && ip_is_link_local(a) &&
            (found.family == IP_NONE || ip_cmp(a, found) < 0))
            found = a;
    }
    return found;
}

/* What the Node object names, if it is here; else the lowest, which puts unique local ones last. */
static struct ip find_v6_global(const struct place *p)
{
    struct ip found = {0};

    for (size_t i = 0; i < p->count; i++) {
        struct ip a = p->addresses[i].ip;

        if (!is_here(p, &p->addresses[i]) || !is_v6_global(a))
            continue;
        if (ip_eq(a, p->ends->node_v6))
            return a;
        if (found.family == IP_NONE || ip_cmp(a, found) < 0)
            found = a;
    }
    return found;
}

/* The first one: the kernel lists primary addresses before secondary ones. */
static struct ip find_v4(const struct place *p)
{
    for (size_t i = 0; i < p->count; i++) {
        struct ip a = p->addresses[i].ip;

        if (is_here(p, &p->addresses[i]) && a.family == IP_V4 && !is_v4_loopback(a))
            return a;
    }
    return (struct ip){0};
}

/* Of the Node object, unless this host knows better: it is there, but not usable. */
static struct ip find_node_v6(const struct place *p)
{
    bool known = false, usable = false;

    for (size_t i = 0; i < p->count; i++) {
        if (!ip_eq(p->addresses[i].ip, p->ends->node_v6))
            continue;
        known = true;
        usable = usable || p->addresses[i].usable;
    }
    return is_v6_global(p->ends->node_v6) && (usable || !known) ? p->ends->node_v6 : (struct ip){0};
}

/* --- the next hops --- */

static struct bgp_next_hop next_hop_v4(struct ip a)
{
    struct bgp_next_hop h = {0};
    struct wr w = wr_to(h.bytes, sizeof(h.bytes));

    wr_u32(&w, ip_to_v4(a));
    h.len = (uint8_t)w.len;
    return h;
}

/* `link_local` may be absent: 16 bytes then. */
static struct bgp_next_hop next_hop_v6(struct ip a, struct ip link_local)
{
    struct bgp_next_hop h = {.len = 16};

    ip_to_v6(a, h.bytes);
    if (link_local.family == IP_NONE)
        return h;
    ip_to_v6(link_local, h.bytes + 16);
    h.len = 32;
    return h;
}

static const char *choose_v6(const struct place *p, struct bgp_next_hop *ret)
{
    struct ip local = p->ends->local;
    struct ip chosen = is_v6_global(local) ? local : find_v6_global(p);

    if (chosen.family == IP_NONE && !ip_is_link_local(local))
        chosen = find_node_v6(p);
    if (chosen.family == IP_NONE && p->ends->unnumbered)
        chosen = p->link_local;
    if (chosen.family == IP_NONE)
        return "neither the interface of the session nor the Node has a global IPv6 address";
    *ret = next_hop_v6(chosen, p->link_local);
    return NULL;
}

/*
 * Where an IPv6 next hop was agreed (RFC 8950), it is preferred to an IPv4 address of the interface
 * that the peer may have no route to.
 */
static const char *choose_v4(const struct place *p, struct bgp_next_hop *ret)
{
    struct ip chosen = p->ends->local;

    if (chosen.family == IP_V6 && p->ends->v4_over_v6)
        return choose_v6(p, ret);
    if (ip_is_link_local(chosen))
        return "the peer takes no IPv6 next hop for IPv4 (RFC 8950)";
    if (chosen.family == IP_V6)
        chosen = find_v4(p);
    if (chosen.family == IP_NONE)
        return "the interface of the session has no IPv4 address";
    *ret = next_hop_v4(chosen);
    return NULL;
}

void bgp_next_hop_choose(struct bgp_next_hop ret[BGP_FAMILIES], const char *ret_why[BGP_FAMILIES],
                         const struct bgp_ends *ends, const struct bgp_local_address *addresses,
                         size_t count)
{
    struct place p = {.ends = ends, .addresses = addresses, .count = count};

    p.ifindex = find_owner(ends, addresses, count);
    p.on_link = p.ifindex != 0 && shares_link(&p);
    if (p.on_link)
        p.link_local = find_link_local(&p);
    for (int i = 0; i < BGP_FAMILIES; i++)
        ret[i] = (struct bgp_next_hop){0};
    ret_why[BGP_IPV4] = choose_v4(&p, &ret[BGP_IPV4]);
    ret_why[BGP_IPV6] = choose_v6(&p, &ret[BGP_IPV6]);
}

/* --- router identifier --- */

/* CRC-32 of IEEE 802.3, as Go's hash/crc32 and MetalLB have it. */
static uint32_t crc32_of(const char *text)
{
    uint32_t crc = UINT32_MAX;

    for (; *text != '\0'; text++) {
        crc ^= (uint8_t)*text;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

uint32_t bgp_router_id(uint32_t loopback_ifindex, const struct bgp_local_address *addresses,
                       size_t count, struct ip node_v4, const char *node)
{
    uint32_t highest = 0, crc;

    /* Usable or not does not matter: it must not change with an interface's state. */
    for (size_t i = 0; i < count; i++) {
        struct ip a = addresses[i].ip;

        if (addresses[i].ifindex == loopback_ifindex && a.family == IP_V4 && !is_v4_loopback(a) &&
            ip_to_v4(a) > highest)
            highest = ip_to_v4(a);
    }
    if (highest != 0)
        return highest;
    if (node_v4.family == IP_V4 && ip_to_v4(node_v4) != 0)
        return ip_to_v4(node_v4);
    crc = __builtin_bswap32(crc32_of(node)); /* its lowest byte is the first of the identifier */
    return crc != 0 ? crc : 1;
}
