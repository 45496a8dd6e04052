/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "config/config_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A namespace is one run of the store's sorted list. */
static struct object_list of_namespace(struct object_list all, const char *namespace)
{
    size_t start = 0, end;

    while (start < all.count && !str_eq(all.items[start]->meta.namespace, namespace))
        start++;
    end = start;
    while (end < all.count && str_eq(all.items[end]->meta.namespace, namespace))
        end++;
    if (start == end)
        return (struct object_list){0};
    return (struct object_list){.items = all.items + start, .count = end - start};
}

struct config_input config_input_from(struct store *s, const char *namespace)
{
    return (struct config_input){
        .namespace = namespace,
        .pools = of_namespace(store_list(s, OBJ_IP_ADDRESS_POOL), namespace),
        .l2_advs = of_namespace(store_list(s, OBJ_L2_ADVERTISEMENT), namespace),
        .bgp_advs = of_namespace(store_list(s, OBJ_BGP_ADVERTISEMENT), namespace),
        .peers = of_namespace(store_list(s, OBJ_BGP_PEER), namespace),
        .bfd_profiles = of_namespace(store_list(s, OBJ_BFD_PROFILE), namespace),
        .communities = of_namespace(store_list(s, OBJ_COMMUNITY), namespace),
        .secrets = of_namespace(store_list(s, OBJ_SECRET), namespace),
        .namespaces = store_list(s, OBJ_NAMESPACE),
        .nodes = store_list(s, OBJ_NODE),
    };
}

PRINTF_LIKE(4, 0)
static void report(struct fault_list *list, const struct subject *s, const char *wrapper,
                   const char *fmt, va_list ap)
{
    CLEANUP(xfreep) char *message = xvasprintf(fmt, ap);

    fault_add(list, s->o, "%s%s", wrapper, message);
}

void subject_fault(struct subject *s, const char *fmt, ...)
{
    va_list ap;

    s->faults++;
    va_start(ap, fmt);
    report(s->b->faults, s, s->wrapper, fmt, ap);
    va_end(ap);
}

void subject_fault_bare(struct subject *s, const char *fmt, ...)
{
    va_list ap;

    s->faults++;
    va_start(ap, fmt);
    report(s->b->faults, s, "", fmt, ap);
    va_end(ap);
}

void subject_warn(struct subject *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report(s->b->warnings, s, "", fmt, ap);
    va_end(ap);
}

const char *config_quote(struct builder *b, const char *s)
{
    CLEANUP(text_done) struct text t = {0};

    text_quote(&t, s);
    return arena_strdup(b->scratch, text_str(&t));
}

static int by_name(const void *a, const void *b)
{
    const struct object *const *x = a, *const *y = b;
    int cmp = strcmp((*x)->meta.name, (*y)->meta.name);

    return cmp != 0 ? cmp : strcmp((*x)->meta.namespace, (*y)->meta.namespace);
}

struct object_list config_sorted(struct builder *b, struct object_list list)
{
    const struct object **items = arena_calloc(b->scratch, list.count, sizeof(*items));

    for (size_t i = 0; i < list.count; i++)
        items[i] = list.items[i];
    qsort(items, list.count, sizeof(*items), by_name);
    return (struct object_list){.items = items, .count = list.count};
}

void config_add_nodes(struct builder *b)
{
    struct object_list sorted = config_sorted(b, b->in->nodes);
    const struct object **nodes = arena_calloc(b->scratch, sorted.count, sizeof(*nodes));
    const char **names = arena_calloc(b->arena, sorted.count, sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; i < sorted.count; i++) {
        const char *name = sorted.items[i]->meta.name;

        if (n > 0 && str_eq(name, names[n - 1]))
            continue;
        nodes[n] = sorted.items[i];
        names[n++] = arena_strdup(b->arena, name);
    }
    b->nodes = (struct object_list){.items = nodes, .count = n};
    b->snap->nodes = (struct string_list){.items = names, .count = n};
}

static void builder_done(struct builder *b)
{
    map_done(&b->aliases);
    arena_free(b->scratch);
}

int config_build(struct snapshot **ret, const struct config_input *in, struct fault_list *faults,
                 struct fault_list *warnings)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    struct snapshot *snap = arena_alloc(arena, sizeof(*snap));
    CLEANUP(builder_done)
    struct builder b = {
        .in = in,
        .arena = arena,
        .scratch = arena_new(),
        .snap = snap,
        .faults = faults,
        .warnings = warnings,
    };
    size_t faults_before = faults->count;

    config_add_nodes(&b);
    config_add_bfd_profiles(&b);
    config_add_peers(&b);
    config_add_aliases(&b);
    config_add_pools(&b);
    config_add_l2_advs(&b);
    config_add_bgp_advs(&b);
    config_warn_uncovered(&b);
    if (faults->count > faults_before)
        return -EINVAL;
    snap->refs = 1;
    snap->arena = TAKE(arena);
    *ret = snap;
    return 0;
}
