/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/bgp_report.h"

#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "speaker/json_text.h"

struct listing {
    json_t *array;
    struct mono now;
};

static void put_take(json_t *o, const char *name, json_t *value_take)
{
    json_object_set_new(o, name, value_take);
}

static void put_number(json_t *o, const char *name, uint64_t n)
{
    put_take(o, name, json_integer((json_int_t)n));
}

/* "" and NULL are left out. */
static void put_text(json_t *o, const char *name, const char *s)
{
    if (!str_empty(s))
        put_take(o, name, json_text(s));
}

static void put_address(json_t *o, const char *name, struct ip ip)
{
    if (ip.family != IP_NONE)
        put_text(o, name, ip_format(ip).s);
}

static json_int_t seconds_between(struct mono from, struct mono to)
{
    int64_t ns = mono_is_set(from) && mono_is_set(to) ? mono_sub(to, from) : 0;

    return ns > 0 ? ns / NS_PER_SEC : 0;
}

/* --- peers --- */

static json_t *families(const bool family[BGP_FAMILIES])
{
    json_t *a = json_array();

    for (int i = 0; i < BGP_FAMILIES; i++) {
        if (family[i])
            json_array_append_new(a, json_string(bgp_family_name((enum bgp_family)i)));
    }
    return a;
}

static void put_place(json_t *o, const struct bgp_peer_view *v)
{
    put_address(o, "address", v->address);
    put_text(o, "interface", v->key.interface);
    put_text(o, "vrf", v->key.vrf);
    put_number(o, "port", v->key.port);
    put_address(o, "localAddress", v->local);
}

static void put_agreement(json_t *o, const struct bgp_peer_view *v)
{
    const struct bgp_agreement *g = v->agreement;

    put_number(o, "localASN", v->options->local_as);
    if (g == NULL) {
        if (v->options->peer_as == BGP_AS_IS)
            put_number(o, "peerASN", v->options->asn);
        put_take(o, "offeredFamilies", families(v->options->family));
        return;
    }
    put_number(o, "peerASN", g->peer_as);
    put_text(o, "class", g->ibgp ? "iBGP" : "eBGP");
    put_take(o, "families", families(g->family));
    put_number(o, "holdSeconds", g->hold_s);
    put_number(o, "keepaliveSeconds", g->keepalive_s);
    put_take(o, "gracefulRestart", json_boolean(g->keeps_routes));
}

static void put_counts(json_t *o, const struct bgp_peer_view *v)
{
    put_number(o, "prefixesWanted", v->routes.wanted);
    put_number(o, "prefixesSent", v->routes.sent);
    put_number(o, "prefixesTooLong", v->routes.too_long);
    put_number(o, "prefixesReceived", (uint64_t)v->counts->prefixes_received);
    put_number(o, "updatesSent", v->updates_sent);
    put_number(o, "updatesReceived", v->counts->updates_received);
    put_number(o, "established", v->counts->established);
    put_number(o, "holdExpirations", v->counts->hold_expirations);
}

static void put_obstacles(json_t *o, const struct router_peer_view *v)
{
    json_t *no_next_hop = json_object();

    put_text(o, "lastError", v->bgp.last_error);
    put_text(o, "hint", v->hint);
    for (int i = 0; i < BGP_FAMILIES; i++)
        put_text(no_next_hop, bgp_family_name((enum bgp_family)i), v->bgp.no_next_hop[i]);
    put_take(o, "noNextHop", no_next_hop);
}

static void put_bfd(json_t *o, const struct bfd_view *v, struct mono now)
{
    json_t *bfd = json_object();

    put_text(bfd, "state", bfd_state_name(v->state));
    put_text(bfd, "remoteState", bfd_state_name(v->remote_state));
    put_number(bfd, "sinceSeconds", (uint64_t)seconds_between(v->since, now));
    put_number(bfd, "transmitMicroseconds", v->transmit_us);
    put_number(bfd, "detectMicroseconds", v->detect_us);
    put_number(bfd, "downs", v->downs);
    put_text(bfd, "diagnostic", v->diagnostic);
    put_take(o, "bfd", bfd);
}

static void add_peer(void *arg, const struct router_peer_view *v)
{
    const struct listing *l = arg;
    json_t *o = json_object();

    put_text(o, "name", v->bgp.name);
    put_place(o, &v->bgp);
    put_text(o, "state", bgp_state_name(v->bgp.state));
    put_number(o, "sinceSeconds", (uint64_t)seconds_between(v->bgp.since, l->now));
    if (mono_is_set(v->bgp.next_dial))
        put_number(o, "nextDialSeconds", (uint64_t)seconds_between(l->now, v->bgp.next_dial));
    put_agreement(o, &v->bgp);
    put_counts(o, &v->bgp);
    put_obstacles(o, v);
    if (v->has_bfd)
        put_bfd(o, &v->bfd, l->now);
    json_array_append_new(l->array, o);
}

/* --- routes --- */

static const char *state_word(enum bgp_route_state s)
{
    switch (s) {
    case BGP_ROUTE_ABSENT:
        return "absent";
    case BGP_ROUTE_NO_SESSION:
        return "no-session";
    case BGP_ROUTE_NO_FAMILY:
        return "no-family";
    case BGP_ROUTE_NO_NEXT_HOP:
        return "no-next-hop";
    case BGP_ROUTE_TOO_LONG:
        return "too-long";
    case BGP_ROUTE_PENDING:
        return "pending";
    case BGP_ROUTE_SENT:
        return "sent";
    }
    return "absent";
}

static void put_attributes(json_t *o, const struct bgp_attrs *attrs)
{
    json_t *communities = json_array();

    if (attrs->has_local_pref)
        put_number(o, "localPref", attrs->local_pref);
    if (attrs->med > 0)
        put_number(o, "med", attrs->med);
    if (attrs->prepend > 0)
        put_number(o, "asPathPrepend", attrs->prepend);
    for (size_t i = 0; i < attrs->community_count; i++)
        json_array_append_new(communities,
                              json_string(bgp_community_format(attrs->communities[i]).s));
    put_take(o, "communities", communities);
}

json_t *bgp_report_route(const struct router_route_view *v)
{
    json_t *o = json_object();

    put_text(o, "prefix", prefix_format(v->prefix).s);
    put_text(o, "peer", v->peer);
    put_text(o, "state", state_word(v->state));
    if (v->attrs != NULL)
        put_attributes(o, v->attrs);
    return o;
}

static void add_route(void *arg, const struct router_route_view *v)
{
    json_array_append_new(arg, bgp_report_route(v));
}

json_t *bgp_report_routes(const struct router *r)
{
    CLEANUP(xfreep) struct prefix *prefixes = xcalloc(BGP_REPORT_ROUTES, sizeof(*prefixes));
    const struct router_range all = {0};
    size_t n = router_prefixes(r, &all, prefixes, BGP_REPORT_ROUTES);
    json_t *routes = json_array();

    for (size_t i = 0; i < n && json_array_size(routes) < BGP_REPORT_ROUTES; i++)
        router_each_route(r, prefixes[i], add_route, routes);
    return routes;
}

/* --- the whole --- */

json_t *bgp_report(const struct router *r)
{
    struct listing peers = {.array = json_array(), .now = mono_now()};
    json_t *report = json_object();

    router_each_peer(r, add_peer, &peers);
    put_take(report, "peers", peers.array);
    put_number(report, "prefixes", router_prefix_count(r));
    return report;
}
