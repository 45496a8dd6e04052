/* SPDX-License-Identifier: Apache-2.0 */
/* From BGPPeer and BFDProfile to what the engines take (spec speaker-bgp 3.2, 3.3, 9). */
#include "speaker/router_int.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum {
    DEFAULT_PORT = 179,
    RESTART_S = 120,
    MAX_TTL = 255,
};

bool router_defaults_of(struct router_defaults *ret, const char *bgp_type)
{
    if (str_eq(bgp_type, "native")) {
        *ret = (struct router_defaults){.hold_s = 90, .keepalive_s = 30, .ebgp_ttl = 64};
        return true;
    }
    if (!str_empty(bgp_type) && !str_eq(bgp_type, "frr") && !str_eq(bgp_type, "frr-k8s"))
        return false;
    *ret = (struct router_defaults){.hold_s = 180, .keepalive_s = 60, .ebgp_ttl = 1};
    return true;
}

const char *router_vrf(const struct peer *p)
{
    return p->vrf != NULL ? p->vrf : "";
}

/* Interface peers ignore ebgpMultiHop (F15), and inside an AS it has no meaning. */
bool router_peer_is_multihop(const struct peer *p)
{
    return (p->ebgp_multi_hop || p->ttl_security_hops > 1) && p->address.family != IP_NONE &&
           !peer_is_ibgp(p);
}

static uint16_t whole_seconds(struct opt_duration d)
{
    int64_t s = d.set ? d.ns / NS_PER_SEC : 0;

    return (uint16_t)(s < 0 ? 0 : s > UINT16_MAX ? UINT16_MAX : s);
}

/* A keepalive interval that is cut to 0 would let the session of a peer with a hold time die. */
static void set_timers(struct bgp_fsm_options *o, const struct peer *p,
                       const struct router_defaults *d)
{
    o->connect_s = whole_seconds(p->connect_time);
    o->hold_s = d->hold_s;
    o->keepalive_s = d->keepalive_s;
    if (!p->hold_time.set)
        return;
    o->hold_s = whole_seconds(p->hold_time);
    o->keepalive_s = whole_seconds(p->keepalive_time);
    if (o->hold_s > 0 && o->keepalive_s == 0)
        o->keepalive_s = p->keepalive_time.ns > 0 ? 1 : (uint16_t)(o->hold_s / 3);
}

static enum bgp_peer_as peer_as(enum dynamic_asn a)
{
    switch (a) {
    case ASN_FIXED:
        return BGP_AS_IS;
    case ASN_INTERNAL:
        return BGP_AS_INTERNAL;
    case ASN_EXTERNAL:
        return BGP_AS_EXTERNAL;
    }
    return BGP_AS_IS;
}

/* localASN equal to myASN is as good as none (F13). */
static void set_as(struct bgp_fsm_options *o, const struct peer *p)
{
    o->my_as = p->my_asn;
    o->local_as = p->local_asn != 0 ? p->local_asn : p->my_asn;
    o->peer_as = peer_as(p->dynamic_asn);
    o->asn = p->peer_asn;
}

static void set_families(struct bgp_fsm_options *o, const struct peer *p, struct ip address)
{
    o->family[BGP_IPV4] = peer_carries(p, IP_V4);
    o->family[BGP_IPV6] = peer_carries(p, IP_V6);
    /* A peer without address is found by its link-local one. */
    o->v4_over_v6 = o->family[BGP_IPV4] && address.family != IP_V4;
}

static uint32_t router_id(const struct peer *p, uint32_t otherwise)
{
    uint32_t id = p->router_id.family == IP_V4 ? ip_to_v4(p->router_id) : 0;

    return id != 0 ? id : otherwise;
}

/* GTSM (RFC 5082): both send 255, and what comes has passed fewer routers than the hops given. */
static void set_ttl(struct bgp_peer_options *o, const struct peer *p,
                    const struct router_defaults *d)
{
    bool far = peer_is_ibgp(p) || router_peer_is_multihop(p) || p->ttl_security_hops > 0;

    o->ttl = far ? MAX_TTL : d->ebgp_ttl;
    o->min_ttl = p->ttl_security_hops > 0 ? (uint8_t)(MAX_TTL + 1 - p->ttl_security_hops) : 0;
}

void router_peer_options(struct bgp_peer_options *ret, const struct peer *p,
                         const struct router_place *place, const struct router_defaults *d)
{
    *ret = (struct bgp_peer_options){
        .name = p->name,
        .key =
            {
                .address = place->address,
                .interface = place->address.family == IP_NONE ? p->interface : "",
                .vrf = router_vrf(p),
                .port = p->port != 0 ? p->port : DEFAULT_PORT, /* spec 9 #30 */
                .source = p->source_address,
            },
        .password = p->password != NULL ? p->password : "",
        .refused = place->refused,
    };
    set_ttl(ret, p, d);
    set_as(&ret->fsm, p);
    set_timers(&ret->fsm, p, d);
    set_families(&ret->fsm, p, place->address);
    ret->fsm.id = router_id(p, place->id);
    ret->fsm.graceful = p->graceful_restart;
    ret->fsm.restart_s = RESTART_S;
    ret->fsm.forwarding = place->forwarding;
    ret->fsm.dials = true;
    snprintf(ret->fsm.hostname, sizeof(ret->fsm.hostname), "%.*s",
             (int)sizeof(ret->fsm.hostname) - 1, place->node);
}

static uint32_t microseconds(struct opt_int ms, uint32_t otherwise)
{
    return ms.set ? (uint32_t)ms.v * 1000 : otherwise;
}

struct bfd_params router_bfd_params(const struct bfd_profile *p, bool multihop)
{
    struct bfd_params q = bfd_params_default();

    q.receive_us = microseconds(p->receive_interval, q.receive_us);
    q.transmit_us = microseconds(p->transmit_interval, q.transmit_us);
    q.echo_us = microseconds(p->echo_interval, q.echo_us);
    if (p->detect_multiplier.set)
        q.multiplier = (uint8_t)p->detect_multiplier.v;
    if (p->minimum_ttl.set)
        q.min_ttl = (uint8_t)p->minimum_ttl.v;
    q.echo = p->echo_mode && !multihop; /* RFC 5883 3 */
    q.passive = p->passive_mode;
    return q;
}

bool router_bfd_params_eq(const struct bfd_params *a, const struct bfd_params *b)
{
    return a->receive_us == b->receive_us && a->transmit_us == b->transmit_us &&
           a->echo_us == b->echo_us && a->multiplier == b->multiplier && a->min_ttl == b->min_ttl &&
           a->echo == b->echo && a->passive == b->passive;
}

bool router_bfd_key_eq(const struct bfd_key *a, const struct bfd_key *b)
{
    return ip_eq(a->peer, b->peer) && ip_eq(a->local, b->local) && a->ifindex == b->ifindex &&
           str_eq(a->vrf, b->vrf) && a->multihop == b->multihop;
}

struct ip router_other_end(struct ip own, uint8_t len)
{
    uint32_t a;

    if (own.family != IP_V4 || (len != 30 && len != 31))
        return (struct ip){0};
    a = ip_to_v4(own);
    if (len == 31)
        return ip_v4(a ^ 1);
    return (a & 3) == 1 || (a & 3) == 2 ? ip_v4(a ^ 3) : (struct ip){0};
}
