/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/decide_int.h"

static void fill_flags(struct decide_node *nodes, const struct snapshot *cfg, struct store *store)
{
    struct object_list list = store_list(store, OBJ_NODE);

    for (size_t i = 0; i < list.count; i++) {
        const struct object *o = list.items[i];
        int at = snapshot_node_index(cfg, o->meta.name);

        if (at < 0)
            continue;
        nodes[at].network_unavailable = o->node.network_unavailable;
        nodes[at].exclude_from_lb = o->node.exclude_from_lb;
        nodes[at].drain = o->node.drain;
    }
}

static bool is_speaker_pod(const struct object *pod, const char *namespace)
{
    return str_eq(pod->meta.namespace, namespace) &&
           (str_eq(label_find(&pod->meta.labels, "component"), "speaker") ||
            str_eq(label_find(&pod->meta.labels, "app.kubernetes.io/component"), "speaker"));
}

static bool pod_has_ended(const struct pod *p)
{
    return str_eq(p->phase, "Succeeded") || str_eq(p->phase, "Failed");
}

static void lose_all_speakers(struct decide_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        nodes[i].liveness = NODE_NO_SPEAKER;
        nodes[i].liveness_detail = "no speaker Pod runs there";
    }
}

/* Membership as the store knows it: without any speaker Pod every node stays alive (plan-json
 * "Input"). */
static void fill_liveness_from_pods(struct decide_node *nodes, const struct snapshot *cfg,
                                    struct store *store, const char *namespace)
{
    struct object_list pods = store_list(store, OBJ_POD);
    bool seen = false;

    for (size_t i = 0; i < pods.count; i++) {
        const struct object *o = pods.items[i];
        int at;

        if (!is_speaker_pod(o, namespace))
            continue;
        if (!seen)
            lose_all_speakers(nodes, cfg->nodes.count);
        seen = true;
        at = snapshot_node_index(cfg, o->pod.node);
        if (at < 0 || pod_has_ended(&o->pod))
            continue;
        nodes[at].liveness = NODE_ALIVE;
        nodes[at].liveness_detail = NULL;
    }
}

struct decide_world decide_world_from(struct store *store, const struct snapshot *cfg,
                                      const char *namespace, struct arena *a)
{
    struct decide_node *nodes = arena_calloc(a, cfg->nodes.count, sizeof(*nodes));

    fill_flags(nodes, cfg, store);
    fill_liveness_from_pods(nodes, cfg, store, namespace);
    return (struct decide_world){.cfg = cfg, .nodes = nodes};
}

struct decide_world decide_world_alive(const struct decide_world *w, size_t node, struct arena *a)
{
    struct decide_world alive = *w;
    struct decide_node *nodes;

    if (w->nodes[node].liveness == NODE_ALIVE)
        return alive;
    nodes = arena_memdup(a, w->nodes, w->cfg->nodes.count * sizeof(*nodes));
    nodes[node].liveness = NODE_ALIVE;
    alive.nodes = nodes;
    return alive;
}
