/* SPDX-License-Identifier: Apache-2.0 */
/* What advertisements have in common, and peers in part: selectors, node sets, duplicates, the
 * pools they reach (spec 2.9). */
#include "base/err.h"
#include "config/config_int.h"
#include "model/selector.h"

#include <stdlib.h>
#include <string.h>

static const char **sorted_copy(struct builder *b, const struct string_list *list)
{
    const char **items = arena_calloc(b->arena, list->count, sizeof(*items));

    for (size_t i = 0; i < list->count; i++)
        items[i] = arena_strdup(b->arena, list->items[i]);
    if (list->count > 0)
        qsort(items, list->count, sizeof(*items), str_cmp_ptr);
    return items;
}

struct string_list config_copy_names(struct builder *b, const struct string_list *names)
{
    struct string_list copy = {.items = sorted_copy(b, names)};

    for (size_t i = 0; i < names->count; i++) {
        if (copy.count == 0 || !str_eq(copy.items[i], copy.items[copy.count - 1]))
            copy.items[copy.count++] = copy.items[i];
    }
    return copy;
}

static struct selector copy_selector(struct builder *b, const struct selector *s)
{
    struct selector copy = {
        .labels = {.items = arena_calloc(b->arena, s->labels.count, sizeof(*copy.labels.items)),
                   .count = s->labels.count},
        .exprs = arena_calloc(b->arena, s->expr_count, sizeof(*copy.exprs)),
        .expr_count = s->expr_count,
    };

    for (size_t i = 0; i < s->labels.count; i++) {
        copy.labels.items[i].key = arena_strdup(b->arena, s->labels.items[i].key);
        copy.labels.items[i].value = arena_strdup(b->arena, s->labels.items[i].value);
    }
    for (size_t i = 0; i < s->expr_count; i++) {
        const struct selector_expr *e = &s->exprs[i];

        copy.exprs[i].key = arena_strdup(b->arena, e->key);
        copy.exprs[i].op = arena_strdup(b->arena, e->op);
        copy.exprs[i].values =
            (struct string_list){.items = sorted_copy(b, &e->values), .count = e->values.count};
    }
    return copy;
}

static const char *selector_text(struct builder *b, const struct selector *s)
{
    CLEANUP(text_done) struct text t = {0};

    selector_print(&t, s);
    return arena_strdup(b->scratch, text_str(&t));
}

static const char *expr_text(struct builder *b, const struct selector_expr *e)
{
    CLEANUP(text_done) struct text t = {0};

    selector_expr_print(&t, e);
    return arena_strdup(b->scratch, text_str(&t));
}

struct printed_selector {
    const char *text;
    struct selector selector;
};

static int by_text(const void *a, const void *b)
{
    const struct printed_selector *x = a, *y = b;

    return strcmp(x->text, y->text);
}

struct selector_list config_copy_selectors(struct builder *b, const struct selector_list *list)
{
    struct printed_selector *printed = arena_calloc(b->scratch, list->count, sizeof(*printed));
    struct selector_list copy = {
        .items = arena_calloc(b->arena, list->count, sizeof(*copy.items)),
        .count = list->count,
    };

    for (size_t i = 0; i < list->count; i++) {
        printed[i].text = selector_text(b, &list->items[i]);
        printed[i].selector = copy_selector(b, &list->items[i]);
    }
    qsort(printed, list->count, sizeof(*printed), by_text);
    for (size_t i = 0; i < list->count; i++)
        copy.items[i] = printed[i].selector;
    return copy;
}

/* True for the second of several equal texts only: each duplicate is told once. */
static bool is_second(const char *const *texts, size_t i)
{
    size_t before = 0;

    for (size_t k = 0; k < i; k++)
        before += str_eq(texts[k], texts[i]);
    return before == 1;
}

void config_check_names(struct subject *s, const char *type, const struct string_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (is_second(names->items, i))
            subject_fault(s, "duplicate definition of %s %s", type,
                          config_quote(s->b, names->items[i]));
    }
}

static void check_expr_values(struct subject *s, const struct selector_expr *e)
{
    for (size_t i = 0; i < e->values.count; i++) {
        if (is_second(e->values.items, i))
            subject_fault(s, "duplicate definition of match expression value in label selector %s",
                          config_quote(s->b, e->values.items[i]));
    }
}

static void check_exprs(struct subject *s, const struct selector *sel)
{
    const char **texts = arena_calloc(s->b->scratch, sel->expr_count, sizeof(*texts));

    for (size_t i = 0; i < sel->expr_count; i++) {
        check_expr_values(s, &sel->exprs[i]);
        texts[i] = expr_text(s->b, &sel->exprs[i]);
        if (is_second(texts, i))
            subject_fault(s, "duplicate definition of match expressions %s", texts[i]);
    }
}

void config_check_duplicates(struct subject *s, const char *type, const struct selector_list *list)
{
    const char **texts = arena_calloc(s->b->scratch, list->count, sizeof(*texts));

    for (size_t i = 0; i < list->count; i++) {
        check_exprs(s, &list->items[i]);
        texts[i] = selector_text(s->b, &list->items[i]);
        if (is_second(texts, i))
            subject_fault(s, "duplicate definition of %s %s", type, texts[i]);
    }
}

static void refuse_selector(struct subject *s, enum selector_use use, const char *sel,
                            const char *error)
{
    const char *name = s->o->meta.name;

    switch (use) {
    case SELECTS_POOL_NAMESPACES:
        subject_fault(s, "%s\ninvalid namespace label selector %s in ip pool %s", error, sel, name);
        return;
    case SELECTS_POOL_SERVICES:
        subject_fault(s, "%s\ninvalid service label selector %s in ip pool %s", error, sel, name);
        return;
    case SELECTS_PEER_NODES:
        subject_fault(s, "%s\nfailed to convert peer %s node selector", error, name);
        return;
    case SELECTS_ADV_NODES:
        subject_fault(s, "%s\ninvalid label selector %s\nfailed to parse node selector for %s",
                      error, sel, name);
        return;
    case SELECTS_ADV_POOLS:
        subject_fault(s, "%s\ninvalid label selector %s", error, sel);
        return;
    case SELECTS_ADV_SERVICES:
        subject_fault(s, "invalid service selector %s: %s\nfailed to parse service selector for %s",
                      sel, error, name);
        return;
    case SELECTS_PREFERRED_NODES:
        subject_fault(s,
                      "%s\ninvalid preferred node selector %s\nfailed to parse preferred node "
                      "selectors for %s",
                      error, sel, name);
        return;
    }
}

bool config_check_selector(struct subject *s, enum selector_use use, const struct selector *sel)
{
    CLEANUP(err_done) struct err err = {0};

    if (selector_check(sel, &err) == 0)
        return true;
    refuse_selector(s, use, selector_text(s->b, sel), err_text(&err));
    return false;
}

bool config_check_selectors(struct subject *s, enum selector_use use,
                            const struct selector_list *list)
{
    bool good = true;

    for (size_t i = 0; i < list->count; i++)
        good = config_check_selector(s, use, &list->items[i]) && good;
    return good;
}

bool config_node_set(struct bitset *ret, struct subject *s, enum selector_use use,
                     const struct selector_list *selectors)
{
    const struct object_list *nodes = &s->b->nodes;
    bool good = config_check_selectors(s, use, selectors);

    *ret = bitset_new(s->b->arena, nodes->count);
    if (!good)
        return false;
    for (size_t i = 0; i < nodes->count; i++) {
        if (selectors->count == 0 ||
            selector_list_matches(selectors, &nodes->items[i]->meta.labels))
            bitset_add(ret, i);
    }
    if (nodes->count > 0 && bitset_is_empty(ret))
        subject_warn(s,
                     "nodeSelectors match no node, so this %s is used nowhere: correct them, or "
                     "label the nodes",
                     object_kind_name(s->o->kind));
    return true;
}

size_t config_count(const struct bitset *set)
{
    size_t count = 0;

    for (size_t i = 0; i < set->size; i++)
        count += bitset_has(set, i);
    return count;
}

static void reach(struct builder *b, struct bitset *set, size_t i)
{
    b->pools[i].is_covered = true;
    bitset_add(set, i);
}

static void reach_by_name(struct subject *s, struct bitset *set, const char *name)
{
    bool found = false;

    for (size_t i = 0; i < s->b->pool_count; i++) {
        if (str_eq(s->b->pools[i].o->meta.name, name)) {
            reach(s->b, set, i);
            found = true;
        }
    }
    if (!found)
        subject_warn(s,
                     "ipAddressPools names %s, and there is no such IPAddressPool: create it, or "
                     "correct the name",
                     config_quote(s->b, name));
}

static void reach_by_selector(struct subject *s, struct bitset *set, const struct selector *sel)
{
    CLEANUP(text_done) struct text t = {0};
    bool found = false;

    for (size_t i = 0; i < s->b->pool_count; i++) {
        if (selector_matches(sel, &s->b->pools[i].o->meta.labels)) {
            reach(s->b, set, i);
            found = true;
        }
    }
    if (found)
        return;
    selector_print_short(&t, sel);
    subject_warn(s,
                 "the ipAddressPoolSelectors entry %s matches no IPAddressPool: correct it, or "
                 "label the pools",
                 text_str(&t));
}

struct bitset config_reach(struct subject *s, const struct string_list *names,
                           const struct selector_list *selectors)
{
    struct bitset set = bitset_new(s->b->scratch, s->b->pool_count);

    if (names->count == 0 && selectors->count == 0) {
        for (size_t i = 0; i < s->b->pool_count; i++)
            reach(s->b, &set, i);
    }
    for (size_t i = 0; i < names->count; i++)
        reach_by_name(s, &set, names->items[i]);
    for (size_t i = 0; i < selectors->count; i++) {
        if (config_check_selector(s, SELECTS_ADV_POOLS, &selectors->items[i]))
            reach_by_selector(s, &set, &selectors->items[i]);
        else
            s->b->is_reach_unknown = true;
    }
    if (bitset_is_empty(&set) && !s->b->is_reach_unknown)
        subject_warn(s, "this advertisement reaches no IPAddressPool and announces nothing: %s",
                     s->b->pool_count == 0
                         ? "create a pool"
                         : "name a pool that exists, or remove ipAddressPools and "
                           "ipAddressPoolSelectors to reach all pools");
    return set;
}

void config_warn_uncovered(struct builder *b)
{
    if (b->is_reach_unknown)
        return;
    for (size_t i = 0; i < b->pool_count; i++) {
        struct subject s = {.b = b, .o = b->pools[i].o, .wrapper = ""};

        if (!b->pools[i].is_covered)
            subject_warn(&s, "no L2Advertisement or BGPAdvertisement reaches this pool, so its "
                             "addresses will not be announced: create one");
    }
}
