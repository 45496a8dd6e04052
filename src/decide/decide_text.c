/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the verdicts: short names that other programs read, and sentences for people. */
#include "decide/decide_int.h"

#include <inttypes.h>

#define EXCLUDE_LABEL "node.kubernetes.io/exclude-from-external-load-balancers"

const char *l2_reason_name(enum l2_reason r)
{
    switch (r) {
    case L2_OK:
        return "ok";
    case L2_NO_SPEAKER:
        return "no-speaker";
    case L2_NETWORK_UNAVAILABLE:
        return "network-unavailable";
    case L2_EXCLUDED:
        return "excluded-from-load-balancers";
    case L2_LINK_DOWN:
        return "link-down";
    case L2_NOT_SELECTED:
    case L2_SHARED_SELECTORS: /* the plan knows six reasons; the sentence tells these two apart */
        return "not-selected";
    case L2_NO_LOCAL_ENDPOINT:
        return "no-local-endpoint";
    case L2_NO_ENDPOINT:
        return "no-endpoint";
    }
    return "";
}

const char *bgp_reason_name(enum bgp_reason r)
{
    switch (r) {
    case BGP_OK:
        return "";
    case BGP_NO_SPEAKER:
        return "noSpeaker";
    case BGP_NOT_OWNER:
        return "notOwner";
    case BGP_NO_MATCHING_ADVERTISEMENT:
        return "noMatchingAdvertisement";
    case BGP_CONFLICTING_ADVERTISEMENTS:
        return "conflictingAdvertisements";
    case BGP_NETWORK_UNAVAILABLE:
        return "nodeNetworkUnavailable";
    case BGP_EXCLUDED:
        return "nodeLabeledExcludeBalancers";
    case BGP_NO_LOCAL_ENDPOINTS:
        return "noLocalEndpoints";
    case BGP_NO_ENDPOINTS:
        return "noEndpoints";
    }
    return "";
}

enum link decide_l2_link(enum l2_reason r)
{
    switch (r) {
    case L2_OK:
        return LINK_OK;
    case L2_NO_SPEAKER:
        return LINK_NO_SPEAKER;
    case L2_NETWORK_UNAVAILABLE:
        return LINK_NETWORK_UNAVAILABLE;
    case L2_EXCLUDED:
        return LINK_EXCLUDED;
    case L2_LINK_DOWN:
        return LINK_DOWN;
    case L2_NOT_SELECTED:
        return LINK_NOT_SELECTED;
    case L2_SHARED_SELECTORS:
        return LINK_SHARED;
    case L2_NO_LOCAL_ENDPOINT:
        return LINK_NO_LOCAL_ENDPOINT;
    case L2_NO_ENDPOINT:
        return LINK_NO_ENDPOINT;
    }
    return LINK_OK;
}

enum link decide_bgp_link(enum bgp_reason r)
{
    switch (r) {
    case BGP_OK:
        return LINK_OK;
    case BGP_NO_SPEAKER:
        return LINK_NO_SPEAKER;
    case BGP_NOT_OWNER:
    case BGP_NO_MATCHING_ADVERTISEMENT:
        return LINK_NOT_SELECTED;
    case BGP_CONFLICTING_ADVERTISEMENTS:
        return LINK_CONFLICT;
    case BGP_NETWORK_UNAVAILABLE:
        return LINK_NETWORK_UNAVAILABLE;
    case BGP_EXCLUDED:
        return LINK_EXCLUDED;
    case BGP_NO_LOCAL_ENDPOINTS:
        return LINK_NO_LOCAL_ENDPOINT;
    case BGP_NO_ENDPOINTS:
        return LINK_NO_ENDPOINT;
    }
    return LINK_OK;
}

/* Of several nodes ("2 …"), of one ("node n1 …"), and what to do. */
static const struct {
    const char *counted, *one, *advice;
} link_words[LINKS] = {
    [LINK_OK] = {"able to announce", "may announce", ""},
    [LINK_NO_SPEAKER] = {"without a live speaker", "has no live speaker",
                         "run a speaker Pod on the node"},
    [LINK_NETWORK_UNAVAILABLE] = {"with the condition NetworkUnavailable",
                                  "has the condition NetworkUnavailable",
                                  "see the node's network plugin"},
    [LINK_EXCLUDED] = {"with the label " EXCLUDE_LABEL, "carries the label " EXCLUDE_LABEL,
                       "remove the label, or start the speakers with --ignore-exclude-lb"},
    [LINK_DOWN] = {"whose link towards the address has no carrier",
                   "has no carrier on its link towards the address",
                   "see the node's cable, switch port or bond"},
    [LINK_NOT_SELECTED] = {"not selected by nodeSelectors", "is not selected by nodeSelectors",
                           "widen nodeSelectors or label the node"},
    [LINK_SHARED] = {"refused because of the allow-shared-ip annotation",
                     "is refused because of the allow-shared-ip annotation",
                     "remove the annotation or the serviceSelectors"},
    [LINK_CONFLICT] = {"with conflicting advertisements", "has conflicting advertisements",
                       "give both the same values, or keep their nodes, peers or aggregation "
                       "lengths apart"},
    [LINK_NO_LOCAL_ENDPOINT] = {"without an endpoint that counts (externalTrafficPolicy: Local)",
                                "has no endpoint that counts (externalTrafficPolicy: Local)",
                                "run a Pod of the Service there, or set externalTrafficPolicy: "
                                "Cluster"},
    [LINK_NO_ENDPOINT] = {"because no endpoint of the Service counts",
                          "waits for an endpoint of the Service that counts",
                          "see the Pods and their readiness"},
};

const char *decide_link_counted(enum link l)
{
    return link_words[l].counted;
}

const char *decide_link_advice(enum link l)
{
    return link_words[l].advice;
}

void decide_add_l2_names(struct text *t, const struct l2_attachment *const *advs, size_t count)
{
    const char *comma = "";

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < advs[i]->names.count; k++, comma = ", ")
            text_printf(t, "%s%s", comma, advs[i]->names.items[k]);
    }
}

void decide_add_bgp_names(struct text *t, const struct bgp_adv *const *advs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_printf(t, "%s%s", i > 0 ? ", " : "", advs[i]->name);
}

void decide_add_labels(struct text *t, const struct label_set *labels)
{
    if (labels->count == 0)
        text_add(t, "it has none");
    for (size_t i = 0; i < labels->count; i++)
        text_printf(t, "%s%s=%s", i > 0 ? "," : "", labels->items[i].key, labels->items[i].value);
}

void decide_add_conflict(struct text *t, const struct bgp_node_verdict *v)
{
    const struct bgp_adv *a = v->conflict_a, *b = v->conflict_b;

    switch (v->conflict) {
    case ADV_CONFLICT_NONE:
        return;
    case ADV_CONFLICT_LOCAL_PREF:
        text_printf(t,
                    "advertisements '%s' and '%s' have conflicting local preferences "
                    "(%" PRIu32 " vs %" PRIu32 ")",
                    a->name, b->name, a->local_pref, b->local_pref);
        return;
    case ADV_CONFLICT_AS_PATH_PREPEND: /* MetalLB's own words (spec changes-0.16.2 1.3) */
        text_printf(t, "advertisements '%s' and '%s' have conflicting as-path prepend (%u vs %u)",
                    a->name, b->name, a->as_path_prepend, b->as_path_prepend);
        return;
    }
}

void decide_add_no_endpoint(struct text *t, const struct decide_world *w,
                            const struct decide_service *s, enum endpoint_need need)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct endpoint_sum sum;

    decide_endpoints(&sum, w, s, need, a);
    text_add(t, "no endpoint of the Service counts: ");
    if (s->slices.count == 0)
        text_add(t, "it has no EndpointSlice");
    else if (sum.total == 0)
        text_add(t, "its EndpointSlices are empty");
    else
        text_printf(t, "of %zu none is ready or serving", sum.total);
}

static const char *node_name(const struct decide_world *w, size_t node)
{
    return w->cfg->nodes.items[node];
}

/* "; what to do" */
static void add_advice(struct text *t, enum link l)
{
    text_printf(t, "; %s", decide_link_advice(l));
}

/* The reasons that concern the node or its endpoints, in the same words for both protocols. */
static void add_node_sentence(struct text *t, const struct decide_world *w, size_t node,
                              enum link l)
{
    const struct decide_node *n = &w->nodes[node];

    text_printf(t, "node %s %s", node_name(w, node), link_words[l].one);
    if (l == LINK_NO_SPEAKER && n->liveness_detail != NULL)
        text_printf(t, ": %s", n->liveness_detail);
    add_advice(t, l);
}

static void add_l2_not_selected(struct text *t, const struct decide_world *w,
                                const struct decide_service *s, size_t node)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct l2_attachment *const *advs;
    size_t count;

    advs = decide_l2_covering(s, a, &count);
    if (s->pool->l2_count == 0) {
        text_printf(t, "no L2Advertisement covers pool %s; list it in the ipAddressPools of one",
                    s->pool->name);
        return;
    }
    if (count == 0) {
        text_printf(t,
                    "no L2Advertisement of pool %s matches the labels of the Service "
                    "(serviceSelectors); label the Service or widen serviceSelectors",
                    s->pool->name);
        return;
    }
    text_printf(t, "node %s is not selected by L2Advertisement ", node_name(w, node));
    decide_add_l2_names(t, advs, count);
    text_add(t, " (nodeSelectors)");
    add_advice(t, LINK_NOT_SELECTED);
}

static void add_l2_shared(struct text *t, const struct decide_service *s)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct l2_attachment *const *advs;
    const struct l2_attachment *with_selectors = NULL;
    size_t count;

    advs = decide_l2_covering(s, a, &count);
    for (size_t i = 0; i < count && with_selectors == NULL; i++) {
        if (advs[i]->adv->service_selectors.count > 0)
            with_selectors = advs[i];
    }
    text_add(t, "the Service carries the annotation allow-shared-ip and L2Advertisement ");
    if (with_selectors != NULL)
        decide_add_l2_names(t, &with_selectors, 1);
    text_add(t, " has serviceSelectors: Services on one address could then be announced from "
                "different nodes, so none is");
    add_advice(t, LINK_SHARED);
}

void l2_candidate_text(struct text *t, const struct decide_world *w, const struct decide_service *s,
                       const struct l2_candidate *c)
{
    switch (c->reason) {
    case L2_OK:
        text_printf(t, "node %s may announce: score %" PRId64 ", hash %02x%02x%02x%02x",
                    node_name(w, c->node), c->score, c->rank[0], c->rank[1], c->rank[2],
                    c->rank[3]);
        return;
    case L2_NOT_SELECTED:
        add_l2_not_selected(t, w, s, c->node);
        return;
    case L2_SHARED_SELECTORS:
        add_l2_shared(t, s);
        return;
    case L2_NO_ENDPOINT:
        decide_add_no_endpoint(t, w, s, ENDPOINT_ANY);
        add_advice(t, LINK_NO_ENDPOINT);
        return;
    case L2_NO_SPEAKER:
    case L2_NETWORK_UNAVAILABLE:
    case L2_EXCLUDED:
    case L2_LINK_DOWN:
    case L2_NO_LOCAL_ENDPOINT:
        add_node_sentence(t, w, c->node, decide_l2_link(c->reason));
        return;
    }
}

static void add_bgp_not_owner(struct text *t, const struct decide_world *w,
                              const struct decide_service *s, size_t node)
{
    text_printf(t, "node %s is not selected by BGPAdvertisement ", node_name(w, node));
    decide_add_bgp_names(t, s->pool->bgp, s->pool->bgp_count);
    text_add(t, " (nodeSelectors)");
    add_advice(t, LINK_NOT_SELECTED);
}

void bgp_node_text(struct text *t, const struct decide_world *w, const struct decide_service *s,
                   const struct bgp_verdict *v, size_t node)
{
    const struct bgp_node_verdict *n = &v->nodes[node];

    switch (n->reason) {
    case BGP_OK:
        text_printf(t, "node %s announces to the peers that select it", node_name(w, node));
        return;
    case BGP_NOT_OWNER:
        add_bgp_not_owner(t, w, s, node);
        return;
    case BGP_NO_MATCHING_ADVERTISEMENT:
        text_printf(t,
                    "no BGPAdvertisement of pool %s that selects node %s matches the labels of the "
                    "Service (serviceSelectors); label the Service or widen serviceSelectors",
                    s->pool->name, node_name(w, node));
        return;
    case BGP_CONFLICTING_ADVERTISEMENTS:
        decide_add_conflict(t, n);
        add_advice(t, LINK_CONFLICT);
        return;
    case BGP_NO_ENDPOINTS:
        decide_add_no_endpoint(t, w, s, ENDPOINT_WITH_ADDRESS);
        add_advice(t, LINK_NO_ENDPOINT);
        return;
    case BGP_NO_SPEAKER:
    case BGP_NETWORK_UNAVAILABLE:
    case BGP_EXCLUDED:
    case BGP_NO_LOCAL_ENDPOINTS:
        add_node_sentence(t, w, node, decide_bgp_link(n->reason));
        return;
    }
}
