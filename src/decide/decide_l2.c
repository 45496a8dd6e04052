/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layer 2: who answers for an address (spec speaker-l2 3).
 *
 * The result is stateless. Every speaker computes it alone from the same objects, so it must be the
 * same as MetalLB's to the bit: score first, then SHA-256 over NODE#IP of the first address.
 */
#include "decide/decide_int.h"

/*
 * The plain functions rather than EVP: they start no provider, read no openssl.cnf and take 1.1 MiB
 * less of a process (docs/dependencies.md). OpenSSL 3 marks them as deprecated; all of its releases
 * have them.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static void hash_rank(uint8_t ret[SHA256_DIGEST_LENGTH], const char *node, const char *address)
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    SHA256_Update(&ctx, node, strlen(node));
    SHA256_Update(&ctx, "#", 1);
    SHA256_Update(&ctx, address, strlen(address));
    SHA256_Final(ret, &ctx);
}

void decide_rank(uint8_t ret[32], const char *node, struct ip first_address)
{
    hash_rank(ret, node, ip_format(first_address).s);
}

bool decide_is_local(const struct decide_service *s)
{
    return str_eq(s->service->service.external_traffic_policy, "Local");
}

bool decide_has_address(const struct decide_service *s)
{
    return s->pool != NULL && s->addr_count > 0;
}

bool decide_is_excluded(const struct decide_world *w, size_t node)
{
    return w->nodes[node].exclude_from_lb && !w->ignore_exclude_lb;
}

const struct l2_attachment *const *decide_l2_covering(const struct decide_service *s,
                                                      struct arena *a, size_t *ret_count)
{
    const struct pool *p = s->pool;
    const struct l2_attachment **advs = arena_calloc(a, p->l2_count, sizeof(*advs));
    size_t n = 0;

    for (size_t i = 0; i < p->l2_count; i++) {
        if (service_selected(&p->l2[i].adv->service_selectors, &s->service->meta.labels))
            advs[n++] = &p->l2[i];
    }
    *ret_count = n;
    return advs;
}

/*
 * Two Services on one address must have the same candidates, which serviceSelectors could break. So
 * MetalLB refuses on sight: the annotation's presence is enough, and a selector that matches
 * everything is still a selector (spec speaker-l2 3.2 step 3; 11 #9, #10).
 */
static bool is_shared_refused(const struct l2_verdict *v, const struct decide_service *s)
{
    if (annotation_find(&s->service->meta, "allow-shared-ip") == NULL)
        return false;
    for (size_t i = 0; i < v->adv_count; i++) {
        if (v->advs[i]->adv->service_selectors.count > 0)
            return true;
    }
    return false;
}

static bool lists_node(const struct l2_verdict *v, size_t node)
{
    for (size_t i = 0; i < v->adv_count; i++) {
        if (bitset_has(&v->advs[i]->adv->nodes, node))
            return true;
    }
    return false;
}

/* Over all covering advertisements, also those that do not list the node (spec speaker-l2 11 #6).
 */
static int64_t score_of(const struct l2_verdict *v, size_t node)
{
    int64_t sum = 0;

    for (size_t i = 0; i < v->adv_count; i++) {
        if (v->advs[i]->adv->scores != NULL)
            sum += v->advs[i]->adv->scores[node];
    }
    return sum;
}

static bool reaches(const struct decide_node *n, struct ip address)
{
    for (size_t i = 0; i < n->cut_off_count; i++) {
        if (prefix_contains(n->cut_off[i], address))
            return false;
    }
    return true;
}

static bool lists_name(const struct string_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->items[i], name))
            return true;
    }
    return false;
}

/*
 * Do the advertisements that list the node name interfaces only, of which it has some, and all of
 * these without carrier? What it has not said of an interface is that it works.
 */
static bool is_dark(const struct l2_verdict *v, const struct decide_node *n, size_t node)
{
    bool any = false;

    for (size_t i = 0; i < v->adv_count && n->dark.count > 0; i++) {
        const struct l2_adv *adv = v->advs[i]->adv;

        if (!bitset_has(&adv->nodes, node))
            continue;
        if (adv->interfaces.count == 0)
            return false;
        for (size_t k = 0; k < adv->interfaces.count; k++) {
            if (lists_name(&n->dark, adv->interfaces.items[k]))
                any = true;
            else if (!lists_name(&n->absent, adv->interfaces.items[k]))
                return false;
        }
    }
    return any;
}

/* What all nodes have in common while one Service is decided. */
struct l2_question {
    const struct decide_world *w;
    const struct decide_service *s;
    const struct l2_verdict *v;
    struct endpoint_sum endpoints;
    bool local;
    bool any_link; /* one address that is reached is enough */
};

static bool is_link_down(const struct l2_question *q, const struct decide_node *n)
{
    size_t reached = 0;

    for (size_t i = 0; i < q->s->addr_count; i++)
        reached += reaches(n, q->s->addrs[i]) ? 1 : 0;
    return reached < (q->any_link ? 1 : q->s->addr_count);
}

static enum l2_reason l2_reason_of(const struct l2_question *q, size_t node)
{
    const struct decide_node *n = &q->w->nodes[node];

    if (n->liveness == NODE_NO_SPEAKER)
        return L2_NO_SPEAKER;
    if (n->network_unavailable)
        return L2_NETWORK_UNAVAILABLE;
    if (decide_is_excluded(q->w, node))
        return L2_EXCLUDED;
    if (is_link_down(q, n) || is_dark(q->v, n, node))
        return L2_LINK_DOWN;
    if (!lists_node(q->v, node))
        return L2_NOT_SELECTED;
    if (q->v->shared_refused)
        return L2_SHARED_SELECTORS;
    if (!q->endpoints.any)
        return L2_NO_ENDPOINT;
    if (q->local && !bitset_has(&q->endpoints.nodes, node))
        return L2_NO_LOCAL_ENDPOINT;
    return L2_OK;
}

/* Eligible before not; then by score and rank, or by name, of which the index is the order. */
static int candidate_cmp(const void *x, const void *y)
{
    const struct l2_candidate *a = x, *b = y;
    int c;

    if ((a->reason == L2_OK) != (b->reason == L2_OK))
        return a->reason == L2_OK ? -1 : 1;
    if (a->score != b->score && a->reason == L2_OK)
        return a->score > b->score ? -1 : 1;
    c = a->reason == L2_OK ? memcmp(a->rank, b->rank, sizeof(a->rank)) : 0;
    if (c != 0)
        return c;
    return a->node < b->node ? -1 : a->node > b->node;
}

static void fill_candidates(struct l2_verdict *v, const struct l2_question *q)
{
    const struct string_list *names = &q->w->cfg->nodes;
    struct ip_text text = ip_format(q->s->addrs[0]);

    v->eligible_count = 0;
    for (size_t i = 0; i < names->count; i++) {
        struct l2_candidate *c = &v->candidates[i];

        c->node = i;
        c->reason = l2_reason_of(q, i);
        c->score = score_of(v, i);
        if (c->reason != L2_OK)
            continue;
        hash_rank(c->rank, names->items[i], text.s);
        v->eligible_count++;
    }
    if (names->count > 1)
        qsort(v->candidates, names->count, sizeof(*v->candidates), candidate_cmp);
}

void decide_l2(const struct decide_world *w, const struct decide_service *s, struct arena *a,
               struct l2_verdict *ret)
{
    struct l2_verdict v = {0};
    struct l2_question q = {.w = w, .s = s, .v = &v};

    *ret = v;
    if (!decide_has_address(s))
        return;
    q.local = decide_is_local(s);
    v.advs = decide_l2_covering(s, a, &v.adv_count);
    v.shared_refused = is_shared_refused(&v, s);
    decide_endpoints(&q.endpoints, w, s, ENDPOINT_ANY, a);
    v.no_endpoint = !q.endpoints.any;
    v.candidates = arena_calloc(a, w->cfg->nodes.count, sizeof(*v.candidates));
    v.candidate_count = w->cfg->nodes.count;
    fill_candidates(&v, &q);
    if (v.eligible_count == 0 && s->addr_count > 1) {
        /* Nobody reaches all of them. Better half than nothing. */
        q.any_link = true;
        fill_candidates(&v, &q);
    }
    *ret = v;
}

/* Sorts a list in place and drops repeated names. */
static struct string_list sort_unique(const char **names, size_t count)
{
    size_t n = 0;

    if (count > 1)
        qsort(names, count, sizeof(*names), str_cmp_ptr);
    for (size_t i = 0; i < count; i++) {
        if (n == 0 || !str_eq(names[n - 1], names[i]))
            names[n++] = names[i];
    }
    return (struct string_list){.items = names, .count = n};
}

typedef const struct string_list *list_of_fn(const struct l2_attachment *att);

static const struct string_list *interfaces_of(const struct l2_attachment *att)
{
    return &att->adv->interfaces;
}

static const struct string_list *names_of(const struct l2_attachment *att)
{
    return &att->names;
}

/* The union of one list of every covering advertisement that lists the node. */
static struct string_list union_of(const struct l2_verdict *v, size_t node, list_of_fn *list_of,
                                   struct arena *a)
{
    const char **items;
    size_t room = 0, n = 0;

    for (size_t i = 0; i < v->adv_count; i++)
        room += list_of(v->advs[i])->count;
    items = arena_calloc(a, room, sizeof(*items));
    for (size_t i = 0; i < v->adv_count; i++) {
        const struct string_list *list = list_of(v->advs[i]);

        if (!bitset_has(&v->advs[i]->adv->nodes, node))
            continue;
        for (size_t k = 0; k < list->count; k++)
            items[n++] = list->items[k];
    }
    return sort_unique(items, n);
}

struct string_list decide_l2_interfaces(const struct l2_verdict *v, size_t node, struct arena *a,
                                        bool *ret_all)
{
    for (size_t i = 0; i < v->adv_count; i++) {
        const struct l2_adv *adv = v->advs[i]->adv;

        if (adv->interfaces.count == 0 && bitset_has(&adv->nodes, node)) {
            *ret_all = true;
            return (struct string_list){0};
        }
    }
    *ret_all = false;
    return union_of(v, node, interfaces_of, a);
}

struct string_list decide_l2_adv_names(const struct l2_verdict *v, size_t node, struct arena *a)
{
    return union_of(v, node, names_of, a);
}

const char *l2_reason_metallb(const struct l2_verdict *v, size_t node)
{
    if (v->eligible_count > 0 && v->candidates[0].node == node)
        return "";
    if (v->no_endpoint)
        return "notOwner";
    if (v->shared_refused)
        return "sharedIPWithServiceSelector";
    return lists_node(v, node) ? "notOwner" : "noMatchingAdvertisement";
}
