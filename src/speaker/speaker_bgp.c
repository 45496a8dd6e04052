/* SPDX-License-Identifier: Apache-2.0 */
/* The router (router.h) in the speaker: how it starts, what it is told of the configuration and of
 * our node, and what it tells. */
#include "base/log.h"
#include "speaker/speaker_int.h"

/* --- Events on BGPPeers (spec speaker-bgp S12) --- */

/* NULL: not worth a Warning. */
static const char *reason_of(enum bgp_event event)
{
    switch (event) {
    case BGP_PEER_SENT_ERROR:
        return "notificationSent";
    case BGP_PEER_GOT_ERROR:
        return "notificationReceived";
    case BGP_PEER_NO_NEXT_HOP:
        return "noNextHop";
    case BGP_PEER_STATE:
    case BGP_PEER_UP:
    case BGP_PEER_DOWN:
        return NULL;
    }
    return NULL;
}

/* How a session ended that nobody here ended is in the NOTIFICATION: an expired hold time, too. */
static void on_event(void *arg, enum bgp_event event, const char *peer, const char *text)
{
    const struct speaker *sp = arg;
    const char *reason = reason_of(event);
    const struct object *o;

    if (reason == NULL || sp->handover.is_leaving || !sp->cluster_open)
        return;
    o = store_find(sp->cluster.store, OBJ_BGP_PEER, sp->cluster.namespace, peer);
    if (o == NULL)
        return; /* its end is what is told */
    kube_event(sp->cluster.events, o, KUBE_EVENT_WARNING, reason, "node \"%s\": %s",
               sp->options->node, text);
}

static void on_holder_changed(void *arg, void *holder)
{
    status_touch(arg, ANNOUNCE_BGP, holder);
}

/* --- what it is told --- */

void bgp_refresh(struct speaker *sp)
{
    const struct object *o = store_find(sp->cluster.store, OBJ_NODE, "", sp->options->node);
    const struct node none = {0}, *node = o != NULL ? &o->node : &none;

    router_set_config(sp->router, sp->config.cfg,
                      snapshot_node_index(sp->config.cfg, sp->options->node), node->internal_v4,
                      node->internal_v6);
}

int bgp_open(struct speaker *sp, struct err *err)
{
    const struct router_options how = {
        .base = sp->base,
        .node = sp->options->node,
        .links = announcer_links(sp->announcer),
        .defaults = sp->options->bgp,
        .listen_port = sp->options->bgp_listen_port,
        .event = on_event,
        .holder_changed = on_holder_changed,
        .arg = sp,
    };

    return router_new(&sp->router, &how, err);
}
