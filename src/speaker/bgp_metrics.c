/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/bgp_metrics.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>

enum { NUMBER_TEXT_MAX = 12 };

/* --- labels --- */

/*
 * `peer` is the address or the interface, without a port. Where that would name two sessions, the
 * later one (by the name of its BGPPeer) has its port, too, and where it still would, its name.
 */
struct walk {
    struct exposition *x;
    unsigned which;
    struct arena *arena;
    struct map seen; /* "peer\nvrf", in the arena */
};

struct labels {
    const char *peer, *vrf;
};

static bool is_new(struct walk *w, const struct labels *l)
{
    const char *key = arena_printf(w->arena, "%s\n%s", l->peer, l->vrf);

    return map_put_str(&w->seen, key, w) == NULL;
}

static struct labels labels_of(struct walk *w, const struct bgp_peer_key *key)
{
    return (struct labels){
        .peer = key->address.family != IP_NONE ? arena_strdup(w->arena, ip_format(key->address).s)
                                               : key->interface,
        .vrf = str_empty(key->vrf) ? "default" : key->vrf,
    };
}

static struct labels bgp_labels(struct walk *w, const struct bgp_peer_view *v)
{
    struct labels l = labels_of(w, &v->key);

    if (is_new(w, &l))
        return l;
    l.peer = arena_printf(w->arena, v->key.address.family == IP_V6 ? "[%s]:%u" : "%s:%u", l.peer,
                          v->key.port);
    if (!is_new(w, &l))
        l.peer = arena_printf(w->arena, "%s/%s", l.peer, v->name);
    return l;
}

/* --- BGP --- */

enum bgp_fact {
    BGP_UP,
    BGP_ANNOUNCED,
    BGP_PENDING,
    BGP_RECEIVED,
    BGP_UPDATES_SENT,
    BGP_UPDATES_RECEIVED,
    BGP_OPENS_SENT,
    BGP_OPENS_RECEIVED,
    BGP_NOTIFICATIONS_SENT,
    BGP_KEEPALIVES_SENT,
    BGP_KEEPALIVES_RECEIVED,
    BGP_REFRESHES_SENT,
    BGP_TOTAL_SENT,
    BGP_TOTAL_RECEIVED,
    BGP_TRANSITIONS,
    BGP_HOLD_EXPIRATIONS,
};

/* The mark of the end of the routes is an UPDATE, too. */
static uint64_t updates_sent(const struct bgp_peer_view *v)
{
    return v->updates_sent + v->end_of_rib_sent;
}

static uint64_t total_sent(const struct bgp_peer_view *v)
{
    const struct bgp_fsm_counts *c = v->counts;

    return c->opens_sent + c->notifications_sent + c->keepalives_sent + updates_sent(v) +
           v->refreshes_sent;
}

static uint64_t total_received(const struct bgp_peer_view *v)
{
    const struct bgp_fsm_counts *c = v->counts;

    return c->opens_received + c->notifications_received + c->keepalives_received +
           c->updates_received + c->refreshes_received;
}

static uint64_t bgp_value(const struct bgp_peer_view *v, enum bgp_fact which)
{
    switch (which) {
    case BGP_UP:
        return v->state == BGP_STATE_ESTABLISHED;
    case BGP_ANNOUNCED:
        return v->routes.sent;
    case BGP_PENDING:
        return v->routes.wanted;
    case BGP_RECEIVED:
        return (uint64_t)v->counts->prefixes_received;
    case BGP_UPDATES_SENT:
        return updates_sent(v);
    case BGP_UPDATES_RECEIVED:
        return v->counts->updates_received;
    case BGP_OPENS_SENT:
        return v->counts->opens_sent;
    case BGP_OPENS_RECEIVED:
        return v->counts->opens_received;
    case BGP_NOTIFICATIONS_SENT:
        return v->counts->notifications_sent;
    case BGP_KEEPALIVES_SENT:
        return v->counts->keepalives_sent;
    case BGP_KEEPALIVES_RECEIVED:
        return v->counts->keepalives_received;
    case BGP_REFRESHES_SENT:
        return v->refreshes_sent;
    case BGP_TOTAL_SENT:
        return total_sent(v);
    case BGP_TOTAL_RECEIVED:
        return total_received(v);
    case BGP_TRANSITIONS:
        return v->counts->transitions;
    case BGP_HOLD_EXPIRATIONS:
        return v->counts->hold_expirations;
    }
    return 0;
}

static void emit_bgp_peer(void *arg, const struct router_peer_view *v)
{
    struct walk *w = arg;
    struct labels l = bgp_labels(w, &v->bgp);

    exposition_uint(w->x, bgp_value(&v->bgp, (enum bgp_fact)w->which), {"peer", l.peer},
                    {"vrf", l.vrf});
}

static void emit_error(struct walk *w, const struct labels *l, const char *direction,
                       const struct bgp_error *e)
{
    char code[NUMBER_TEXT_MAX], subcode[NUMBER_TEXT_MAX];

    if (e->code == 0)
        return;
    (void)snprintf(code, sizeof(code), "%u", e->code); /* they fit */
    (void)snprintf(subcode, sizeof(subcode), "%u", e->subcode);
    exposition_uint(w->x, 1, {"peer", l->peer}, {"vrf", l->vrf}, {"direction", direction},
                    {"code", code}, {"subcode", subcode});
}

static void emit_errors(void *arg, const struct router_peer_view *v)
{
    struct walk *w = arg;
    struct labels l = bgp_labels(w, &v->bgp);

    emit_error(w, &l, "sent", &v->bgp.last_sent);
    emit_error(w, &l, "received", &v->bgp.last_received);
}

/* --- BFD --- */

enum bfd_fact {
    BFD_FACT_UP,
    BFD_FACT_CONTROL_IN,
    BFD_FACT_CONTROL_OUT,
    BFD_FACT_ECHO_IN,
    BFD_FACT_ECHO_OUT,
    BFD_FACT_UPS,
    BFD_FACT_DOWNS,
    BFD_FACT_NOTIFICATIONS,
};

static uint64_t bfd_value(const struct bfd_view *v, enum bfd_fact which)
{
    switch (which) {
    case BFD_FACT_UP:
        return v->state == BFD_UP;
    case BFD_FACT_CONTROL_IN:
        return v->control_in;
    case BFD_FACT_CONTROL_OUT:
        return v->control_out;
    case BFD_FACT_ECHO_IN:
        return v->echo_in;
    case BFD_FACT_ECHO_OUT:
        return v->echo_out;
    case BFD_FACT_UPS:
        return v->ups;
    case BFD_FACT_DOWNS:
        return v->downs;
    case BFD_FACT_NOTIFICATIONS:
        return v->notifications;
    }
    return 0;
}

/* BGP sessions to one address share the BFD session: it is told once. */
static void emit_bfd_peer(void *arg, const struct router_peer_view *v)
{
    struct walk *w = arg;
    struct labels l = labels_of(w, &v->bgp.key);

    if (v->has_bfd && is_new(w, &l))
        exposition_uint(w->x, bfd_value(&v->bfd, (enum bfd_fact)w->which), {"peer", l.peer},
                        {"vrf", l.vrf});
}

/* --- families --- */

static void walk_peers(struct exposition *x, unsigned which, const struct router *router,
                       router_view_fn fn)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    struct walk w = {.x = x, .which = which, .arena = arena};

    router_each_peer(router, fn, &w);
    map_done(&w.seen);
}

static void emit_bgp(struct exposition *x, unsigned which, const void *owner)
{
    walk_peers(x, which, owner, emit_bgp_peer);
}

static void emit_last_errors(struct exposition *x, unsigned which, const void *owner)
{
    walk_peers(x, which, owner, emit_errors);
}

static void emit_bfd(struct exposition *x, unsigned which, const void *owner)
{
    walk_peers(x, which, owner, emit_bfd_peer);
}

static const struct metric_family families[] = {
    {"metallb_bgp_session_up", METRIC_GAUGE, "BGP session state (1 is up, 0 is down)", emit_bgp,
     BGP_UP},
    {"metallb_bgp_announced_prefixes_total", METRIC_GAUGE,
     "Number of prefixes currently being advertised on the BGP session", emit_bgp, BGP_ANNOUNCED},
    {"metallb_bgp_pending_prefixes_total", METRIC_GAUGE,
     "Number of prefixes that should be advertised on the BGP session", emit_bgp, BGP_PENDING},
    {"metallb_bgp_received_prefixes_total", METRIC_GAUGE,
     "Number of prefixes that the peer advertises on the BGP session", emit_bgp, BGP_RECEIVED},
    {"metallb_bgp_updates_total", METRIC_COUNTER, "Number of BGP UPDATE messages sent", emit_bgp,
     BGP_UPDATES_SENT},
    {"metallb_bgp_updates_total_received", METRIC_COUNTER, "Number of BGP UPDATE messages received",
     emit_bgp, BGP_UPDATES_RECEIVED},
    {"metallb_bgp_opens_sent", METRIC_COUNTER, "Number of BGP open messages sent", emit_bgp,
     BGP_OPENS_SENT},
    {"metallb_bgp_opens_received", METRIC_COUNTER, "Number of BGP open messages received", emit_bgp,
     BGP_OPENS_RECEIVED},
    {"metallb_bgp_notifications_sent", METRIC_COUNTER, "Number of BGP notification messages sent",
     emit_bgp, BGP_NOTIFICATIONS_SENT},
    {"metallb_bgp_keepalives_sent", METRIC_COUNTER, "Number of BGP keepalive messages sent",
     emit_bgp, BGP_KEEPALIVES_SENT},
    {"metallb_bgp_keepalives_received", METRIC_COUNTER, "Number of BGP keepalive messages received",
     emit_bgp, BGP_KEEPALIVES_RECEIVED},
    {"metallb_bgp_route_refresh_sent", METRIC_COUNTER, "Number of BGP route refresh messages sent",
     emit_bgp, BGP_REFRESHES_SENT},
    {"metallb_bgp_total_sent", METRIC_COUNTER, "Number of total BGP messages sent", emit_bgp,
     BGP_TOTAL_SENT},
    {"metallb_bgp_total_received", METRIC_COUNTER, "Number of total BGP messages received",
     emit_bgp, BGP_TOTAL_RECEIVED},
    {"metallb_bgp_session_transitions_total", METRIC_COUNTER,
     "Number of changes of the state of the BGP session", emit_bgp, BGP_TRANSITIONS},
    {"metallb_bgp_hold_timer_expirations_total", METRIC_COUNTER,
     "Number of BGP sessions that ended since the peer was silent for the hold time", emit_bgp,
     BGP_HOLD_EXPIRATIONS},
    {"metallb_bgp_last_notification", METRIC_GAUGE,
     "1, with what the last BGP notification message in each direction said", emit_last_errors, 0},
    {"metallb_bfd_session_up", METRIC_GAUGE, "BFD session state (1 is up, 0 is down)", emit_bfd,
     BFD_FACT_UP},
    {"metallb_bfd_control_packet_input", METRIC_COUNTER, "Number of received BFD control packets",
     emit_bfd, BFD_FACT_CONTROL_IN},
    {"metallb_bfd_control_packet_output", METRIC_COUNTER, "Number of sent BFD control packets",
     emit_bfd, BFD_FACT_CONTROL_OUT},
    {"metallb_bfd_echo_packet_input", METRIC_COUNTER, "Number of received BFD echo packets",
     emit_bfd, BFD_FACT_ECHO_IN},
    {"metallb_bfd_echo_packet_output", METRIC_COUNTER, "Number of sent BFD echo packets", emit_bfd,
     BFD_FACT_ECHO_OUT},
    {"metallb_bfd_session_up_events", METRIC_COUNTER, "Number of BFD session up events", emit_bfd,
     BFD_FACT_UPS},
    {"metallb_bfd_session_down_events", METRIC_COUNTER, "Number of BFD session down events",
     emit_bfd, BFD_FACT_DOWNS},
    {"metallb_bfd_zebra_notifications", METRIC_COUNTER, "Number of BFD zebra notifications",
     emit_bfd, BFD_FACT_NOTIFICATIONS},
};

struct metric_source bgp_metrics_source(const struct router *owner)
{
    return (struct metric_source){families, ARRAY_SIZE(families), owner};
}
