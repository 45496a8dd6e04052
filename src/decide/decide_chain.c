/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which link of the chain is missing when an allocated Service is announced by nobody: "assigned
 * but unreachable, and nothing says why" is the field's first complaint (design 1).
 *
 * The chain is the same for both protocols: an advertisement covers the pool, matches the Service,
 * lists nodes, one of which may announce; for BGP some peer takes the route. The first broken link
 * is named.
 */
#include "decide/decide_int.h"

/* How many nodes stop at each link. */
struct link_counts {
    size_t of[LINKS];
};

static struct link_counts count_l2(const struct l2_verdict *v)
{
    struct link_counts n = {0};

    for (size_t i = 0; i < v->candidate_count; i++)
        n.of[decide_l2_link(v->candidates[i].reason)]++;
    return n;
}

static struct link_counts count_bgp(const struct bgp_verdict *v, size_t nodes)
{
    struct link_counts n = {0};

    for (size_t i = 0; i < nodes; i++)
        n.of[decide_bgp_link(v->nodes[i].reason)]++;
    return n;
}

/* The link that the nodes which came furthest stop at: what is worth mending. */
static enum link furthest(const struct link_counts *n)
{
    for (enum link l = LINK_NO_ENDPOINT; l > LINK_OK; l--) {
        if (n->of[l] > 0)
            return l;
    }
    return LINK_OK;
}

/* "no node can announce: 2 without a live speaker, 1 not selected by nodeSelectors; …" */
static void add_counts(struct text *t, const struct link_counts *n)
{
    const char *comma = "";

    text_add(t, "no node can announce: ");
    for (enum link l = LINK_NO_SPEAKER; l <= LINK_NO_ENDPOINT; l++) {
        if (n->of[l] == 0)
            continue;
        text_printf(t, "%s%zu %s", comma, n->of[l], decide_link_counted(l));
        comma = ", ";
    }
    text_printf(t, "; %s", decide_link_advice(furthest(n)));
}

static void add_uncovered(struct text *t, const struct pool *p)
{
    text_printf(t,
                "no L2Advertisement and no BGPAdvertisement covers pool %s; create one, or list %s "
                "in its ipAddressPools",
                p->name, p->name);
}

/* Ends what "… advertisement a, b" began. */
static void add_labels_differ(struct text *t, const struct decide_service *s)
{
    text_add(t, " match the labels of the Service (");
    decide_add_labels(t, &s->service->meta.labels);
    text_add(t, "); label the Service or widen serviceSelectors");
}

static void add_no_nodes(struct text *t)
{
    text_add(t, " match no node; label a node or widen nodeSelectors");
}

/* --- Layer 2 --- */

static bool l2_lists_any_node(const struct l2_verdict *v)
{
    for (size_t i = 0; i < v->adv_count; i++) {
        if (!bitset_is_empty(&v->advs[i]->adv->nodes))
            return true;
    }
    return false;
}

static void add_l2_mismatch(struct text *t, const struct decide_service *s)
{
    text_add(t, "the serviceSelectors of L2Advertisement ");
    for (size_t i = 0; i < s->pool->l2_count; i++) {
        const struct l2_attachment *att = &s->pool->l2[i];

        text_add(t, i > 0 ? ", " : "");
        decide_add_l2_names(t, &att, 1);
    }
    text_add(t, " do not");
    add_labels_differ(t, s);
}

/* The first node that stops at this reason, or NULL. */
static const struct l2_candidate *stopped_at(const struct l2_verdict *v, enum l2_reason reason)
{
    for (size_t i = 0; i < v->candidate_count; i++) {
        if (v->candidates[i].reason == reason)
            return &v->candidates[i];
    }
    return NULL;
}

static void add_l2_link(struct text *t, const struct decide_world *w,
                        const struct decide_service *s, const struct l2_verdict *v)
{
    struct link_counts n = count_l2(v);
    const struct l2_candidate *shared = stopped_at(v, L2_SHARED_SELECTORS);

    if (v->adv_count == 0) {
        add_l2_mismatch(t, s);
        return;
    }
    if (!l2_lists_any_node(v)) {
        text_add(t, "the nodeSelectors of L2Advertisement ");
        decide_add_l2_names(t, v->advs, v->adv_count);
        add_no_nodes(t);
        return;
    }
    if (shared != NULL) {
        l2_candidate_text(t, w, s, shared);
        return;
    }
    add_counts(t, &n);
}

/* --- BGP --- */

static bool bgp_lists_any_node(const struct bgp_adv *const *advs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!bitset_is_empty(&advs[i]->nodes))
            return true;
    }
    return false;
}

/* How far the routes of nodes that may announce come towards a peer. */
enum peer_link { PEER_NOT_ALLOWED, PEER_SELECTS_NO_NODE, PEER_LACKS_FAMILY, PEER_OK };

static enum peer_link peer_link_on(const struct peer *peer, size_t node,
                                   const struct decide_service *s)
{
    if (!bitset_has(&peer->nodes, node))
        return PEER_SELECTS_NO_NODE;
    for (size_t i = 0; i < s->addr_count; i++) {
        if (peer_carries(peer, s->addrs[i].family))
            return PEER_OK;
    }
    return PEER_LACKS_FAMILY;
}

/* The furthest that any node gets with this peer through this advertisement. */
static enum peer_link peer_link_of(const struct peer *peer, const struct bgp_adv *adv,
                                   const struct decide_service *s, const struct bgp_verdict *v)
{
    enum peer_link best = PEER_NOT_ALLOWED;

    if (!decide_adv_allows_peer(adv, peer))
        return best;
    for (size_t n = 0; n < adv->nodes.size; n++) {
        enum peer_link l;

        if (v->nodes[n].reason != BGP_OK || !bitset_has(&adv->nodes, n))
            continue;
        l = peer_link_on(peer, n, s);
        best = l > best ? l : best;
    }
    return best;
}

static enum peer_link best_peer_link(const struct decide_world *w, const struct decide_service *s,
                                     const struct bgp_verdict *v)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    enum peer_link best = PEER_NOT_ALLOWED;
    const struct bgp_adv *const *advs;
    size_t count;

    advs = decide_bgp_covering(s, a, &count);
    for (size_t i = 0; i < count; i++) {
        for (size_t p = 0; p < w->cfg->peer_count; p++) {
            enum peer_link l = peer_link_of(&w->cfg->peers[p], advs[i], s, v);

            best = l > best ? l : best;
        }
    }
    return best;
}

static void add_peer_link(struct text *t, const struct decide_world *w,
                          const struct decide_service *s, const struct bgp_verdict *v)
{
    if (w->cfg->peer_count == 0) {
        text_add(t, "there is no BGPPeer; create one");
        return;
    }
    switch (best_peer_link(w, s, v)) {
    case PEER_NOT_ALLOWED:
        text_add(t, "the peers of the BGPAdvertisements name no BGPPeer that exists; correct the "
                    "names or leave peers empty");
        return;
    case PEER_SELECTS_NO_NODE:
        text_add(t, "no BGPPeer selects a node that may announce; widen the nodeSelectors of a "
                    "BGPPeer or label a node");
        return;
    case PEER_LACKS_FAMILY: /* so the Service has one family only */
        text_printf(t,
                    "no BGPPeer of the nodes that may announce carries IPv%d; set "
                    "dualStackAddressFamily or add a peer of that family",
                    (int)s->addrs[0].family);
        return;
    case PEER_OK: /* then there is a route, and nobody asks */
        return;
    }
}

static const struct bgp_node_verdict *first_conflict(const struct bgp_verdict *v, size_t nodes)
{
    for (size_t i = 0; i < nodes; i++) {
        if (v->nodes[i].reason == BGP_CONFLICTING_ADVERTISEMENTS)
            return &v->nodes[i];
    }
    return NULL;
}

/* Once it is known which advertisements match the Service, and that they list nodes. */
static void add_bgp_node_link(struct text *t, const struct decide_world *w,
                              const struct decide_service *s, const struct bgp_verdict *v)
{
    struct link_counts n = count_bgp(v, w->cfg->nodes.count);
    const struct bgp_node_verdict *conflict = first_conflict(v, w->cfg->nodes.count);

    if (n.of[LINK_OK] > 0) {
        add_peer_link(t, w, s, v);
    } else if (conflict != NULL) {
        decide_add_conflict(t, conflict);
        text_printf(t, "; %s", decide_link_advice(LINK_CONFLICT));
    } else {
        add_counts(t, &n);
    }
}

static void add_bgp_link(struct text *t, const struct decide_world *w,
                         const struct decide_service *s, const struct bgp_verdict *v)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct bgp_adv *const *advs;
    size_t count;

    advs = decide_bgp_covering(s, a, &count);
    if (count == 0) {
        text_add(t, "the serviceSelectors of BGPAdvertisement ");
        decide_add_bgp_names(t, s->pool->bgp, s->pool->bgp_count);
        text_add(t, " do not");
        add_labels_differ(t, s);
        return;
    }
    if (!bgp_lists_any_node(advs, count)) {
        text_add(t, "the nodeSelectors of BGPAdvertisement ");
        decide_add_bgp_names(t, advs, count);
        add_no_nodes(t);
        return;
    }
    add_bgp_node_link(t, w, s, v);
}

/* --- both --- */

/* Without any endpoint there is one thing to mend, whatever the protocols say; unless no node would
 * announce anyway: then that comes first. */
static bool lacks_only_endpoints(const struct l2_verdict *l2, const struct bgp_verdict *bgp,
                                 size_t nodes)
{
    struct link_counts n = count_l2(l2);

    if (!l2->no_endpoint)
        return false;
    if (n.of[LINK_NO_ENDPOINT] > 0)
        return true;
    if (bgp->nodes == NULL)
        return false;
    n = count_bgp(bgp, nodes);
    return n.of[LINK_NO_ENDPOINT] + n.of[LINK_NO_LOCAL_ENDPOINT] > 0;
}

static void add_missing_link(struct text *t, const struct decide_world *w,
                             const struct decide_service *s, const struct l2_verdict *l2,
                             const struct bgp_verdict *bgp)
{
    const struct pool *p = s->pool;
    bool both = p->l2_count > 0 && p->bgp_count > 0;
    CLEANUP(text_done) struct text l2_text = {0};
    CLEANUP(text_done) struct text bgp_text = {0};

    if (p->l2_count == 0 && p->bgp_count == 0) {
        add_uncovered(t, p);
        return;
    }
    if (w->cfg->nodes.count == 0) {
        text_add(t, "there is no Node");
        return;
    }
    if (lacks_only_endpoints(l2, bgp, w->cfg->nodes.count)) {
        decide_add_no_endpoint(t, w, s, ENDPOINT_ANY);
        text_printf(t, "; %s", decide_link_advice(LINK_NO_ENDPOINT));
        return;
    }
    if (p->l2_count > 0)
        add_l2_link(&l2_text, w, s, l2);
    if (p->bgp_count > 0)
        add_bgp_link(&bgp_text, w, s, bgp);
    if (!both)
        text_printf(t, "%s%s", text_str(&l2_text), text_str(&bgp_text));
    else if (str_eq(text_str(&l2_text), text_str(&bgp_text)))
        text_printf(t, "Layer 2 and BGP: %s", text_str(&l2_text));
    else
        text_printf(t, "Layer 2: %s; BGP: %s", text_str(&l2_text), text_str(&bgp_text));
}

const char *decide_missing_link(const struct decide_world *w, const struct decide_service *s,
                                const struct l2_verdict *l2, const struct bgp_verdict *bgp,
                                size_t route_count, struct arena *a)
{
    CLEANUP(text_done) struct text t = {0};

    if (!decide_has_address(s) || l2->eligible_count > 0 || route_count > 0)
        return NULL;
    text_add(&t, "nobody announces it: ");
    add_missing_link(&t, w, s, l2, bgp);
    return arena_strdup(a, text_str(&t));
}
