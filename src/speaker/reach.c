/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/reach.h"

static struct string_list copy_names(const struct member_names *n, struct arena *a)
{
    const char **items = arena_calloc(a, n->count, sizeof(*items));

    for (size_t i = 0; i < n->count; i++)
        items[i] = arena_strdup(a, n->names[i]);
    return (struct string_list){.items = items, .count = n->count};
}

void reach_heard(struct decide_node *ret, const struct membership *m, const char *node,
                 struct arena *a)
{
    const struct member_links *l = membership_links(m, node);

    if (l == NULL)
        return;
    ret->cut_off = arena_memdup(a, l->cut_off, l->cut_off_count * sizeof(*l->cut_off));
    ret->cut_off_count = l->cut_off_count;
    ret->dark = copy_names(&l->dark, a);
    ret->absent = copy_names(&l->absent, a);
}

static void add_name(struct member_links *l, const struct announcer *a, const char *name)
{
    struct member_names *list = &l->absent;

    if (member_names_has(&l->dark, name) || member_names_has(&l->absent, name))
        return;
    switch (announcer_link_state(a, name)) {
    case ANNOUNCER_LINK_WELL:
        return;
    case ANNOUNCER_LINK_DARK:
        list = &l->dark;
        break;
    case ANNOUNCER_LINK_ABSENT:
        break;
    }
    (void)member_names_add(list, name); /* what is not told is taken to work */
}

static void add_named(struct member_links *l, const struct announcer *a, const struct pool *p)
{
    for (size_t i = 0; i < p->l2_count; i++) {
        const struct string_list *names = &p->l2[i].adv->interfaces;

        for (size_t k = 0; k < names->count; k++)
            add_name(l, a, names->items[k]);
    }
}

void reach_tell(struct membership *m, const struct announcer *a, const struct snapshot *cfg,
                bool links_changed)
{
    struct member_links l = {0};

    l.cut_off_count = announcer_cut_off(a, l.cut_off, MEMBER_CUT_OFF_MAX);
    for (size_t i = 0; cfg != NULL && i < cfg->pool_count; i++)
        add_named(&l, a, &cfg->pools[i]);
    if (l.dark.count == 0)
        l.absent.count = 0;
    membership_set_links(m, &l, links_changed);
}
