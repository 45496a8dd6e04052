/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of a speaker (spec api-and-config 2.1, 2.13, controller 4.5): built from
 * everything the namespace has, whenever any of it changes. A set with faults, or one that would
 * leave an announced Service without a pool, replaces nothing and is reported.
 *
 * MetalLB leaves out the BGPPeers and BGPAdvertisements whose nodeSelectors do not match this node,
 * so that only the nodes which they concern become invalid. The whole set says more (which node
 * announces what by BGP), so it is tried first; the smaller one is built when that has faults.
 */
#include "config/config.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "model/selector.h"
#include "speaker/reach.h"
#include "speaker/speaker_int.h"

#include <stdlib.h>
#include <string.h>

void speaker_config_done(struct speaker_config *c)
{
    snapshot_unref(c->cfg);
    free(c->nodes);
    arena_free(c->heard);
    *c = (struct speaker_config){0};
}

/* --- the objects that concern this node --- */

static bool selects(const struct selector_list *selectors, const struct label_set *labels)
{
    CLEANUP(err_done) struct err err = {0};

    for (size_t i = 0; i < selectors->count; i++) {
        if (selector_check(&selectors->items[i], &err) < 0)
            return true; /* its fault is for everybody to see */
    }
    return selectors->count == 0 || selector_list_matches(selectors, labels);
}

static bool concerns(const struct object *o, const struct label_set *labels)
{
    return selects(o->kind == OBJ_BGP_PEER ? &o->peer.node_selectors : &o->bgp_adv.node_selectors,
                   labels);
}

static struct object_list keep_ours(const struct object_list *all, const struct label_set *labels,
                                    struct arena *a)
{
    const struct object **kept = arena_calloc(a, all->count, sizeof(*kept));
    size_t n = 0;

    for (size_t i = 0; i < all->count; i++) {
        if (concerns(all->items[i], labels))
            kept[n++] = all->items[i];
    }
    return (struct object_list){.items = kept, .count = n};
}

/* --- building --- */

struct reading {
    struct snapshot *cfg; /* NULL when there are faults */
    bool is_partial;
    struct fault_list faults, warnings;
};

static void reading_done(struct reading *r)
{
    snapshot_unref(r->cfg);
    fault_list_done(&r->faults);
    fault_list_done(&r->warnings);
}

static void read_whole(struct reading *r, const struct config_input *in)
{
    if (config_build(&r->cfg, in, &r->faults, &r->warnings) < 0)
        r->cfg = NULL;
}

static void read_config(struct speaker *sp, struct reading *r)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct config_input in = config_input_from(sp->cluster.store, sp->cluster.namespace);
    const struct object *node = store_find(sp->cluster.store, OBJ_NODE, "", sp->options->node);
    const struct label_set none = {0}, *labels = node != NULL ? &node->meta.labels : &none;

    read_whole(r, &in);
    if (r->cfg != NULL)
        return;
    fault_list_done(&r->faults);
    fault_list_done(&r->warnings);
    in.peers = keep_ours(&in.peers, labels, a);
    in.bgp_advs = keep_ours(&in.bgp_advs, labels, a);
    r->is_partial = true;
    read_whole(r, &in);
}

/* --- the same again? --- */

/* Everything that it says, and whether that is all; the printed form leaves passwords out. */
static uint64_t config_hash(const struct reading *r)
{
    CLEANUP(text_done) struct text t = {0};
    const struct snapshot *c = r->cfg;
    uint64_t hash;

    config_print(&t, c);
    hash = hash_text(HASH_START, r->is_partial ? "partial" : "whole");
    hash = hash_text(hash, text_str(&t));
    for (size_t i = 0; i < c->peer_count; i++)
        hash = hash_text(hash, c->peers[i].password != NULL ? c->peers[i].password : "");
    for (size_t i = 0; i < c->nodes.count; i++)
        hash = hash_text(hash, c->nodes.items[i]);
    return hash;
}

/* --- taking it --- */

static void log_faults(const struct fault_list *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        log_error("failed to parse the configuration", F_S("controller", "ConfigReconciler"),
                  F_S("kind", faults->items[i].kind), F_S("name", faults->items[i].name),
                  F_S("error", faults->items[i].message));
}

static void log_warnings(const struct fault_list *warnings)
{
    for (size_t i = 0; i < warnings->count; i++)
        log_warn(warnings->items[i].message, F_S("controller", "ConfigReconciler"),
                 F_S("kind", warnings->items[i].kind), F_S("name", warnings->items[i].name));
}

/* MetalLB's words: the addresses have to be taken from the Service first. */
static void refuse(struct speaker *sp, const struct speaker_service *s)
{
    sp->config.is_refused = true;
    sp->config.is_stale = true;
    sp->config.refusals++;
    log_error("new configuration rejected", F_S("op", "setConfig"), F_S("service", s->key),
              F_S("error", "service has no configuration under new config"));
    config_state_report(sp->config_state, "general handler sync state error");
}

static void adopt(struct speaker *sp, struct reading *r, uint64_t hash)
{
    struct speaker_config *c = &sp->config;

    snapshot_unref(c->cfg);
    c->cfg = TAKE(r->cfg);
    c->hash = hash;
    c->is_partial = r->is_partial;
    free(c->nodes);
    c->nodes = xcalloc(c->cfg->nodes.count + 1, sizeof(*c->nodes));
    c->world = (struct decide_world){
        .cfg = c->cfg,
        .nodes = c->nodes,
        .ignore_exclude_lb = sp->options->ignore_exclude_lb,
    };
    if (sp->membership != NULL && !sp->handover.is_leaving)
        reach_tell(sp->membership, sp->announcer, c->cfg, false);
    speaker_config_refresh_nodes(sp);
    log_warnings(&r->warnings);
    log_info("config reloaded", F_S("controller", "ConfigReconciler"), F_S("event", "configLoaded"),
             F_U("pools", c->cfg->pool_count), F_U("nodes", c->cfg->nodes.count));
}

bool speaker_config_rebuild(struct speaker *sp)
{
    CLEANUP(reading_done) struct reading r = {0};
    const struct speaker_service *orphan;
    uint64_t hash;

    read_config(sp, &r);
    if (r.cfg == NULL) {
        log_faults(&r.faults);
        sp->config.is_stale = true;
        config_state_report(sp->config_state, r.faults.items[0].message);
        return false;
    }
    sp->config.is_refused = false;
    sp->config.is_stale = false;
    hash = config_hash(&r);
    if (sp->config.cfg != NULL && hash == sp->config.hash) {
        config_state_report(sp->config_state, NULL);
        return false;
    }
    orphan = services_without_pool(sp, r.cfg);
    if (orphan != NULL) {
        refuse(sp, orphan);
        return false;
    }
    adopt(sp, &r, hash);
    config_state_report(sp->config_state, NULL);
    return true;
}

void config_map_on_change(const struct kube_change *c)
{
    if (c->new != NULL && str_eq(c->new->meta.name, "bgpextras") &&
        !str_empty(label_find(&c->new->config_map.data, "extras")))
        log_warn("the ConfigMap bgpextras has no effect: there is no FRR to read it",
                 F_S("controller", "ConfigReconciler"));
}

static struct decide_node node_now(const struct speaker *sp, const char *name)
{
    const struct object *o = store_find(sp->cluster.store, OBJ_NODE, "", name);
    struct decide_node n = {
        .network_unavailable = o != NULL && o->node.network_unavailable,
        .exclude_from_lb = o != NULL && o->node.exclude_from_lb,
        .drain = o != NULL ? o->node.drain : NODE_DRAIN_NO,
    };

    if (sp->membership == NULL)
        return n; /* every known node is taken to be alive */
    if (!membership_is_alive(sp->membership, name)) {
        n.liveness = NODE_NO_SPEAKER;
        n.liveness_detail = "no live speaker there";
    }
    reach_heard(&n, sp->membership, name, sp->config.heard);
    return n;
}

void speaker_config_refresh_nodes(struct speaker *sp)
{
    struct speaker_config *c = &sp->config;
    int me;

    if (c->cfg == NULL)
        return;
    arena_free(c->heard);
    c->heard = arena_new();
    for (size_t i = 0; i < c->cfg->nodes.count; i++)
        c->nodes[i] = node_now(sp, c->cfg->nodes.items[i]);
    me = snapshot_node_index(c->cfg, sp->options->node);
    drain_clock_set(&sp->drain, me >= 0 ? c->nodes[me].drain : NODE_DRAIN_NO, !sp->passed);
    bgp_refresh(sp);
}
