/* SPDX-License-Identifier: Apache-2.0 */
/* L2 advertisements (spec 2.10). */
#include "config/config_int.h"
#include "model/selector.h"

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum;

    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t score_of(const struct l2_advertisement *in, const struct label_set *labels)
{
    int64_t score = 0;

    for (size_t i = 0; i < in->preferred_count; i++) {
        if (selector_matches(&in->preferred[i].preference, labels))
            score = add_saturated(score, in->preferred[i].weight);
    }
    return score;
}

static bool check_preferences(struct subject *s)
{
    const struct l2_advertisement *in = &s->o->l2_adv;
    bool good = true;

    for (size_t i = 0; i < in->preferred_count; i++)
        good =
            config_check_selector(s, SELECTS_PREFERRED_NODES, &in->preferred[i].preference) && good;
    return good;
}

/* Only nodes that may announce at all are scored; NULL when no preference matches one of them. */
static const int64_t *scores_of(struct subject *s, const struct bitset *eligible)
{
    const struct object_list *nodes = &s->b->nodes;
    int64_t *scores = arena_calloc(s->b->arena, nodes->count, sizeof(*scores));
    bool any = false;

    for (size_t i = 0; i < nodes->count; i++) {
        if (bitset_has(eligible, i))
            scores[i] = score_of(&s->o->l2_adv, &nodes->items[i]->meta.labels);
        any = any || scores[i] != 0;
    }
    return any ? scores : NULL;
}

static void add_adv(struct builder *b, size_t index, struct l2_adv *adv)
{
    struct subject s = {.b = b, .o = b->l2_advs.items[index], .wrapper = ""};
    const struct l2_advertisement *in = &s.o->l2_adv;
    struct bitset pools;

    config_check_names(&s, "ipAddressPools", &in->pools);
    config_check_duplicates(&s, "ipAddressPoolSelectors", &in->pool_selectors);
    config_check_duplicates(&s, "nodeSelectors", &in->node_selectors);
    config_check_duplicates(&s, "serviceSelectors", &in->service_selectors);
    adv->name = arena_strdup(b->arena, s.o->meta.name);
    adv->interfaces = config_copy_names(b, &in->interfaces);
    if (config_check_selectors(&s, SELECTS_ADV_SERVICES, &in->service_selectors))
        adv->service_selectors = config_copy_selectors(b, &in->service_selectors);
    if (config_node_set(&adv->nodes, &s, SELECTS_ADV_NODES, &in->node_selectors) &&
        check_preferences(&s))
        adv->scores = scores_of(&s, &adv->nodes);
    pools = config_reach(&s, &in->pools, &in->pool_selectors);
    for (size_t i = 0; i < b->pool_count; i++) {
        if (bitset_has(&pools, i))
            bitset_add(&b->pools[i].l2, index);
    }
}

static bool names_equal(const struct string_list *a, const struct string_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!str_eq(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

static bool selectors_equal(const struct selector_list *a, const struct selector_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        CLEANUP(text_done) struct text x = {0};
        CLEANUP(text_done) struct text y = {0};

        selector_print(&x, &a->items[i]);
        selector_print(&y, &b->items[i]);
        if (!str_eq(text_str(&x), text_str(&y)))
            return false;
    }
    return true;
}

/* Scores add up at election time, so advertisements that have some are never equal. */
static bool advs_equal(const struct l2_adv *a, const struct l2_adv *b)
{
    return a->scores == NULL && b->scores == NULL && bitset_eq(&a->nodes, &b->nodes) &&
           names_equal(&a->interfaces, &b->interfaces) &&
           selectors_equal(&a->service_selectors, &b->service_selectors);
}

/* For each advertisement the first one that is equal to it, perhaps itself. */
static const size_t *classes_of(struct builder *b, const struct l2_adv *advs, size_t count)
{
    size_t *classes = arena_calloc(b->scratch, count, sizeof(*classes));

    for (size_t i = 0; i < count; i++) {
        while (classes[i] < i &&
               !(classes[classes[i]] == classes[i] && advs_equal(&advs[classes[i]], &advs[i])))
            classes[i]++;
    }
    return classes;
}

static bool has_twin_before(const struct bitset *set, const size_t *classes, size_t index)
{
    for (size_t i = classes[index]; i < index; i++) {
        if (bitset_has(set, i) && classes[i] == classes[index])
            return true;
    }
    return false;
}

/* The names of all advertisements in the set that equal the first one. */
static struct string_list class_names(struct builder *b, const struct bitset *set,
                                      const size_t *classes, size_t first)
{
    CLEANUP(xfreep) const char **items = xcalloc(b->l2_advs.count - first, sizeof(*items));
    struct string_list names = {.items = items};

    for (size_t i = first; i < b->l2_advs.count; i++) {
        if (bitset_has(set, i) && classes[i] == classes[first])
            names.items[names.count++] = b->l2_advs.items[i]->meta.name;
    }
    return config_copy_names(b, &names);
}

static void attach(struct builder *b, struct pool_draft *d, const struct l2_adv *advs,
                   const size_t *classes)
{
    struct l2_attachment *list = arena_calloc(b->arena, config_count(&d->l2), sizeof(*list));
    size_t count = 0;

    for (size_t i = 0; i < b->l2_advs.count; i++) {
        if (!bitset_has(&d->l2, i) || has_twin_before(&d->l2, classes, i))
            continue;
        list[count++] = (struct l2_attachment){
            .adv = &advs[i],
            .names = class_names(b, &d->l2, classes, i),
        };
    }
    d->pool->l2 = list;
    d->pool->l2_count = count;
}

void config_add_l2_advs(struct builder *b)
{
    struct object_list sorted = config_sorted(b, b->in->l2_advs);
    struct l2_adv *advs = arena_calloc(b->arena, sorted.count, sizeof(*advs));
    const size_t *classes;

    b->l2_advs = sorted;
    for (size_t i = 0; i < sorted.count; i++)
        add_adv(b, i, &advs[i]);
    classes = classes_of(b, advs, sorted.count);
    for (size_t i = 0; i < b->pool_count; i++)
        attach(b, &b->pools[i], advs, classes);
}
