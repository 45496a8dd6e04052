/* SPDX-License-Identifier: Apache-2.0 */
/* Pools: their addresses, overlap, and whom they serve (spec 2.4, 2.5; changes-0.16.2 6). */
#include "config/config_int.h"
#include "model/selector.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- addresses --- */

/* One entry of spec.addresses. `error` is what stands behind "invalid CIDR "…" in pool "…": ". */
struct address {
    struct builder *b;
    const char *text;
    const char *error;
    struct prefix *prefixes; /* in the snapshot's arena */
    size_t count;
};

static bool address_error(struct address *a, const char *error)
{
    a->error = error;
    return false;
}

static void set_prefixes(struct address *a, const struct prefix *prefixes, size_t count)
{
    a->prefixes = arena_memdup(a->b->arena, prefixes, count * sizeof(*prefixes));
    a->count = count;
}

/* ::ffff:192.0.2.0/120 as IPv4; false when it is no such prefix. Shorter ones than /96 hold more
 * than IPv4 addresses, and `ret` says nothing then. */
static bool parse_mapped_cidr(struct ip *ret_addr, int *ret_len, const char *text)
{
    CLEANUP(xfreep) char *addr = xstrdup(text);
    char *slash = strchr(addr, '/');
    int len = 0;

    if (slash == NULL)
        return false;
    *slash = '\0';
    for (const char *p = slash + 1; *p != '\0' && len <= 128; p++) {
        if (!isdigit((unsigned char)*p))
            return false;
        len = len * 10 + (*p - '0');
    }
    if (slash[1] == '\0' || len > 128 || !ip_text_is_v4_mapped(addr) || !ip_parse(ret_addr, addr))
        return false;
    *ret_len = len - 96;
    return true;
}

static bool parse_cidr(struct address *a)
{
    struct prefix p;
    struct ip v4;
    int len;

    if (parse_mapped_cidr(&v4, &len, a->text)) {
        const char *instead = len < 0 ? "IPv4 prefixes"
                                      : arena_printf(a->b->scratch, "%s",
                                                     prefix_format(prefix_of(v4, (uint8_t)len)).s);

        return address_error(
            a, arena_printf(a->b->scratch, "IPv4-mapped IPv6 addresses are not supported, write %s",
                            instead));
    }
    if (!prefix_parse(&p, a->text))
        return address_error(
            a, arena_printf(a->b->scratch, "invalid CIDR %s", config_quote(a->b, a->text)));
    set_prefixes(a, &p, 1);
    return true;
}

/* Without blanks at both ends. */
static const char *trimmed(struct builder *b, const char *s)
{
    size_t len;

    while (isspace((unsigned char)*s))
        s++;
    len = strlen(s);
    while (len > 0 && isspace((unsigned char)s[len - 1]))
        len--;
    return arena_strndup(b->scratch, s, len);
}

static bool range_error(struct address *a, const char *error)
{
    return address_error(a, arena_printf(a->b->scratch, "invalid IP range %s: %s",
                                         config_quote(a->b, a->text), error));
}

static bool parse_range_end(struct address *a, struct ip *ret, const char *which, const char *text)
{
    if (ip_parse(ret, trimmed(a->b, text)))
        return true;
    return range_error(
        a, arena_printf(a->b->scratch, "invalid %s IP %s", which, config_quote(a->b, text)));
}

static bool parse_range(struct address *a, const char *dash)
{
    CLEANUP(xfreep) struct prefix *cover = xcalloc(PREFIX_RANGE_MAX, sizeof(*cover));
    struct arena *scratch = a->b->scratch;
    const char *from = arena_strndup(scratch, a->text, (size_t)(dash - a->text)), *to = dash + 1;
    struct ip first, last;

    if (!parse_range_end(a, &first, "start", from) || !parse_range_end(a, &last, "end", to))
        return false;
    if (first.family != last.family)
        return range_error(a, "start and end IPs must be the same family");
    if (ip_cmp(first, last) > 0)
        return range_error(a, arena_printf(scratch, "start IP \"%s\" is after the end IP \"%s\"",
                                           ip_format(first).s, ip_format(last).s));
    if (ip_text_is_v4_mapped(trimmed(a->b, from)) || ip_text_is_v4_mapped(trimmed(a->b, to)))
        return address_error(
            a, arena_printf(scratch, "IPv4-mapped IPv6 addresses are not supported, write %s-%s",
                            ip_format(first).s, ip_format(last).s));
    set_prefixes(a, cover, prefix_cover(cover, first, last));
    return true;
}

static bool parse_address(struct address *a)
{
    const char *dash = strchr(a->text, '-');

    return dash == NULL ? parse_cidr(a) : parse_range(a, dash);
}

/* Entries that do not parse are left out. */
static void add_entries(struct subject *s, struct pool *p)
{
    const struct string_list *addresses = &s->o->pool.addresses;
    struct pool_entry *entries = arena_calloc(s->b->arena, addresses->count, sizeof(*entries));
    struct prefix *all;
    size_t n = 0;

    p->entries = entries;
    for (size_t i = 0; i < addresses->count; i++) {
        struct address a = {.b = s->b, .text = addresses->items[i]};

        if (!parse_address(&a)) {
            subject_fault(s, "invalid CIDR %s in pool \"%s\": %s", config_quote(s->b, a.text),
                          p->name, a.error);
            continue;
        }
        entries[p->entry_count++] = (struct pool_entry){
            .text = arena_strdup(s->b->arena, a.text),
            .prefixes = a.prefixes,
            .prefix_count = a.count,
        };
        p->prefix_count += a.count;
    }
    all = arena_calloc(s->b->arena, p->prefix_count, sizeof(*all));
    for (size_t i = 0; i < p->entry_count; i++) {
        for (size_t k = 0; k < entries[i].prefix_count; k++)
            all[n++] = entries[i].prefixes[k];
    }
    p->prefixes = all;
}

/* --- overlap --- */

/* All prefixes of the pools so far, in their order. */
struct space {
    struct prefix *prefixes;
    size_t count, cap;
};

static void space_done(struct space *sp)
{
    free(sp->prefixes);
}

static void space_add(struct space *sp, struct prefix p)
{
    sp->prefixes = array_grow(sp->prefixes, &sp->cap, sp->count + 1, sizeof(*sp->prefixes));
    sp->prefixes[sp->count++] = p;
}

static const struct prefix *find_overlap(const struct space *sp, struct prefix p)
{
    for (size_t i = 0; i < sp->count; i++) {
        if (prefix_overlaps(sp->prefixes[i], p))
            return &sp->prefixes[i];
    }
    return NULL;
}

/* The first overlap of each entry is told: a range over another pool would repeat it many times. */
static void check_entry_overlap(struct subject *s, struct space *sp, const struct pool_entry *e)
{
    bool told = false;

    for (size_t i = 0; i < e->prefix_count; i++) {
        const struct prefix *old = told ? NULL : find_overlap(sp, e->prefixes[i]);

        if (old != NULL) {
            subject_fault_bare(
                s, "CIDR \"%s\" in pool \"%s\" overlaps with already defined CIDR \"%s\"",
                prefix_format(e->prefixes[i]).s, s->o->meta.name, prefix_format(*old).s);
            told = true;
        }
        space_add(sp, e->prefixes[i]);
    }
}

/* --- service allocation --- */

static void check_namespaces_field(struct subject *s)
{
    const struct string_list *names = &s->o->pool.namespaces;

    for (size_t i = 1; i < names->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (str_eq(names->items[i], names->items[k])) {
                subject_fault(s, "duplicate definition in namespaces field");
                return;
            }
        }
    }
}

/* Names as given, and those of the namespaces that the selectors choose. */
static void resolve_namespaces(struct subject *s, struct pool *p)
{
    const struct ip_address_pool *in = &s->o->pool;
    const struct object_list *known = &s->b->in->namespaces;
    size_t room = in->namespaces.count + known->count;
    struct string_list names = {.items = arena_calloc(s->b->scratch, room, sizeof(*names.items))};

    for (size_t i = 0; i < in->namespaces.count; i++)
        names.items[names.count++] = in->namespaces.items[i];
    for (size_t i = 0; i < known->count; i++) {
        if (selector_list_matches(&in->namespace_selectors, &known->items[i]->meta.labels))
            names.items[names.count++] = known->items[i]->meta.name;
    }
    p->namespaces = config_copy_names(s->b, &names);
    if (in->namespace_selectors.count > 0 && names.count == in->namespaces.count)
        subject_warn(s,
                     "serviceAllocation.namespaceSelectors match no namespace, so %s: correct "
                     "them, or label the namespaces",
                     names.count == 0 ? "this pool serves nobody"
                                      : "this pool serves only those that it names");
}

static void add_allocation(struct subject *s, struct pool *p)
{
    const struct ip_address_pool *in = &s->o->pool;
    bool good;

    p->is_scoped = in->has_allocation;
    if (!p->is_scoped)
        return;
    p->priority = in->priority;
    if (p->priority < 0)
        subject_warn(s,
                     "serviceAllocation.priority %" PRId64 " is negative, which has no defined "
                     "place: use 1 (first) and up; 0 comes last",
                     p->priority);
    check_namespaces_field(s);
    config_check_duplicates(s, "namespaceSelectors", &in->namespace_selectors);
    config_check_duplicates(s, "serviceSelectors", &in->service_selectors);
    good = config_check_selectors(s, SELECTS_POOL_NAMESPACES, &in->namespace_selectors);
    p->by_namespace = in->namespaces.count > 0 || in->namespace_selectors.count > 0;
    if (good)
        resolve_namespaces(s, p);
    if (config_check_selectors(s, SELECTS_POOL_SERVICES, &in->service_selectors))
        p->service_selectors = config_copy_selectors(s->b, &in->service_selectors);
    if (!p->by_namespace && in->service_selectors.count == 0) {
        struct selector everything = {0};

        p->service_selectors =
            config_copy_selectors(s->b, &(struct selector_list){.items = &everything, .count = 1});
    }
}

/* --- pools --- */

static void add_pool(struct builder *b, size_t i, struct space *sp)
{
    struct pool_draft *d = &b->pools[i];
    struct pool *p = d->pool;
    struct subject s = {
        .b = b,
        .o = d->o,
        .wrapper = arena_printf(b->scratch, "parsing address pool %s: ", d->o->meta.name),
    };

    p->name = arena_strdup(b->arena, d->o->meta.name);
    p->avoid_buggy_ips = d->o->pool.avoid_buggy_ips;
    p->auto_assign = d->o->pool.auto_assign != TRI_FALSE;
    if (str_empty(p->name))
        subject_fault(&s, "missing pool name");
    if (d->o->pool.addresses.count == 0)
        subject_fault(&s, "pool has no prefixes defined");
    add_entries(&s, p);
    d->has_all_prefixes = p->entry_count == d->o->pool.addresses.count;
    add_allocation(&s, p);
    if (i > 0 && str_eq(p->name, b->pools[i - 1].pool->name) && !str_empty(p->name)) {
        subject_fault_bare(&s, "duplicate definition of pool \"%s\"", p->name);
        return;
    }
    for (size_t k = 0; k < p->entry_count; k++)
        check_entry_overlap(&s, sp, &p->entries[k]);
}

void config_add_pools(struct builder *b)
{
    struct object_list sorted = config_sorted(b, b->in->pools);
    struct pool *pools = arena_calloc(b->arena, sorted.count, sizeof(*pools));
    CLEANUP(space_done) struct space sp = {0};

    b->pools = arena_calloc(b->scratch, sorted.count, sizeof(*b->pools));
    b->pool_count = sorted.count;
    for (size_t i = 0; i < sorted.count; i++) {
        b->pools[i] = (struct pool_draft){
            .o = sorted.items[i],
            .pool = &pools[i],
            .l2 = bitset_new(b->scratch, b->in->l2_advs.count),
            .bgp = bitset_new(b->scratch, b->in->bgp_advs.count),
        };
        add_pool(b, i, &sp);
    }
    b->snap->pools = pools;
    b->snap->pool_count = sorted.count;
}
