/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hops_int.h"

static void explain_bgp_refusal(struct hop_list *h, const struct view *v, size_t node,
                                enum hop_mark mark)
{
    CLEANUP(text_done) struct text sentence = {0};

    bgp_node_text(&sentence, &v->evaluation->world, v->decided, v->bgp, node);
    hop_add(h, "node", mark, "%s may not announce by BGP (%s): %s", view_node_name(v, node),
            bgp_reason_name(v->bgp->nodes[node].reason), text_str(&sentence));
}

static void explain_drain(struct hop_list *h, const struct view *v, size_t node)
{
    bool forced = v->evaluation->world.nodes[node].drain == NODE_DRAIN_FORCE;

    hop_add(h, "node", HOP_ATTENTION,
            "%s is being drained (annotation " ANNOTATION_DRAIN
            "): routers prefer others, and %s is withdrawn after --drain-delay",
            view_node_name(v, node), forced ? "every route" : "what another node announces");
}

static void explain_bgp_nodes(struct hop_list *h, const struct view *v)
{
    enum hop_mark mark_lost = view_is_announced(v) ? HOP_ATTENTION : HOP_BROKEN;

    for (size_t i = 0; i < v->evaluation->cfg->nodes.count; i++) {
        size_t routes = 0;

        if (v->bgp->nodes[i].reason != BGP_OK) {
            explain_bgp_refusal(h, v, i, mark_lost);
            continue;
        }
        for (size_t k = 0; k < v->route_count; k++)
            routes += v->routes[k].node == i;
        if (v->evaluation->world.nodes[i].drain != NODE_DRAIN_NO)
            explain_drain(h, v, i);
        if (routes > 0)
            hop_add(h, "node", HOP_OK, "%s announces by BGP", view_node_name(v, i));
        else
            hop_add(h, "node", mark_lost,
                    "%s may announce by BGP, but has no BGPPeer that takes the route",
                    view_node_name(v, i));
    }
}

/* --- each peer --- */

static bool is_sent(const struct view *v, size_t node, const struct peer *peer, struct prefix p)
{
    for (size_t i = 0; i < v->route_count; i++) {
        const struct bgp_route *r = &v->routes[i];

        if (r->node == node && r->peer == peer && prefix_eq(r->prefix, p))
            return true;
    }
    return false;
}

/* Either it does not carry the family, or the advertisements name others. */
static void explain_unsent(struct hop_list *h, const struct view *v, size_t node,
                           const struct peer *peer, struct prefix p)
{
    const struct prefix_text prefix = prefix_format(p);
    const char *name = view_node_name(v, node);

    if (peer_carries(peer, p.addr.family))
        hop_add(h, "route", HOP_ATTENTION,
                "%s to %s: %s is not sent: no advertisement of it lists this peer (spec.peers)",
                name, peer->name, prefix.s);
    else
        hop_add(h, "route", HOP_ATTENTION,
                "%s to %s: %s is not sent: the session does not carry %s "
                "(spec.dualStackAddressFamily)",
                name, peer->name, prefix.s, p.addr.family == IP_V4 ? "IPv4" : "IPv6");
}

static void explain_peer(struct hop_list *h, const struct view *v, size_t node,
                         const struct peer *peer)
{
    size_t count;
    const struct bgp_ad *ads = decide_bgp_ads(v->decided, v->bgp, node, h->arena, &count);

    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && prefix_eq(ads[i].prefix, ads[i - 1].prefix);

        if (!again && !is_sent(v, node, peer, ads[i].prefix))
            explain_unsent(h, v, node, peer, ads[i].prefix);
    }
}

static void explain_peers(struct hop_list *h, const struct view *v)
{
    const struct snapshot *cfg = v->evaluation->cfg;

    for (size_t i = 0; i < cfg->nodes.count; i++) {
        for (size_t k = 0; v->bgp->nodes[i].reason == BGP_OK && k < cfg->peer_count; k++) {
            if (bitset_has(&cfg->peers[k].nodes, i))
                explain_peer(h, v, i, &cfg->peers[k]);
        }
    }
}

static void explain_routes(struct hop_list *h, const struct view *v)
{
    for (size_t i = 0; i < v->route_count; i++) {
        CLEANUP(text_done) struct text line = {0};

        view_route_text(&line, &v->routes[i]);
        hop_add(h, "route", HOP_OK, "%s to %s: %s", view_node_name(v, v->routes[i].node),
                v->routes[i].peer->name, text_str(&line));
    }
}

void hops_explain_bgp(struct hop_list *h, const struct view *v)
{
    explain_bgp_nodes(h, v);
    explain_routes(h, v);
    explain_peers(h, v);
}
