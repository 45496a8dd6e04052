/* SPDX-License-Identifier: Apache-2.0 */
#include "builder.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists of text ---- */

static struct string_list split(struct arena *a, const char *text, char separator)
{
    struct string_list list = {.items = arena_calloc(a, strlen(text) + 1, sizeof(*list.items))};

    while (*text != '\0') {
        const char *end = strchrnul(text, separator);

        list.items[list.count++] = arena_strndup(a, text, (size_t)(end - text));
        text = *end == '\0' ? end : end + 1;
    }
    return list;
}

static int label_cmp(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

static void label_add(struct arena *a, struct label_set *set, const char *pair)
{
    const char *eq = strchr(pair, '=');

    assert_non_null(eq);
    set->items[set->count++] = (struct label){.key = arena_strndup(a, pair, (size_t)(eq - pair)),
                                              .value = arena_strdup(a, eq + 1)};
    qsort(set->items, set->count, sizeof(*set->items), label_cmp);
}

static struct label_set labels_of(struct arena *a, const char *text, char separator, size_t room)
{
    struct string_list pairs = split(a, text, separator);
    struct label_set set = {.items = arena_calloc(a, pairs.count + room, sizeof(*set.items))};

    for (size_t i = 0; i < pairs.count; i++)
        label_add(a, &set, pairs.items[i]);
    return set;
}

struct ip ip_of(const char *text)
{
    struct ip a = {0};

    if (strcmp(text, "nil") != 0)
        assert_true(ip_parse(&a, text));
    return a;
}

/* ---- snapshots ---- */

static size_t add_prefixes(struct prefix *to, const char *text)
{
    const char *dash = strchr(text, '-');
    CLEANUP(xfreep) char *first = NULL;

    if (dash == NULL) {
        assert_true(prefix_parse(to, text));
        return 1;
    }
    first = xstrndup(text, (size_t)(dash - text));
    return prefix_cover(to, ip_of(first), ip_of(dash + 1));
}

static struct pool pool_of_row(struct arena *a, const struct pool_row *row)
{
    struct string_list addresses = split(a, row->addresses, ',');
    struct prefix *prefixes =
        arena_calloc(a, addresses.count * PREFIX_RANGE_MAX, sizeof(*prefixes));
    struct pool p = {.name = arena_strdup(a, row->name),
                     .prefixes = prefixes,
                     .avoid_buggy_ips = row->avoid,
                     .auto_assign = !row->manual,
                     .priority = row->priority};

    for (size_t i = 0; i < addresses.count; i++)
        p.prefix_count += add_prefixes(prefixes + p.prefix_count, addresses.items[i]);
    p.is_scoped = row->scoped || row->namespaces != NULL || row->labels != NULL;
    if (row->namespaces != NULL) {
        p.by_namespace = true;
        p.namespaces = split(a, row->namespaces, ',');
    }
    if (row->labels != NULL || (p.is_scoped && row->namespaces == NULL)) {
        p.service_selectors.items = arena_calloc(a, 1, sizeof(*p.service_selectors.items));
        p.service_selectors.count = 1;
        p.service_selectors.items[0].labels =
            labels_of(a, row->labels != NULL ? row->labels : "", ',', 0);
    }
    return p;
}

static int pool_cmp(const void *a, const void *b)
{
    return strcmp(((const struct pool *)a)->name, ((const struct pool *)b)->name);
}

struct snapshot *build_snapshot(const struct pool_row *rows, size_t count)
{
    struct arena *a = arena_new();
    struct snapshot *c = arena_alloc(a, sizeof(*c));
    struct pool *pools = arena_calloc(a, count, sizeof(*pools));

    for (size_t i = 0; i < count; i++)
        pools[i] = pool_of_row(a, &rows[i]);
    if (count > 0)
        qsort(pools, count, sizeof(*pools), pool_cmp);
    c->arena = a;
    c->refs = 1;
    c->pools = pools;
    c->pool_count = count;
    return c;
}

void use_snapshot(struct ipam *m, struct snapshot *cfg_take)
{
    ipam_set_snapshot(m, cfg_take);
    snapshot_unref(cfg_take);
}

/* ---- Services ---- */

static const char *or_default(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static void annotate(struct object *o, const char *key, const char *value)
{
    if (value != NULL)
        label_add(o->arena, &o->meta.annotations, arena_printf(o->arena, "%s=%s", key, value));
}

static void add_ports(struct object *o, const char *text)
{
    struct string_list list = split(o->arena, text, ',');
    struct service *s = &o->service;

    s->ports = arena_calloc(o->arena, list.count, sizeof(*s->ports));
    for (; s->port_count < list.count; s->port_count++) {
        const char *item = list.items[s->port_count], *slash = strchr(item, '/');

        s->ports[s->port_count] =
            (struct service_port){.protocol = arena_strndup(o->arena, item, (size_t)(slash - item)),
                                  .name = "",
                                  .port = (uint16_t)strtoul(slash + 1, NULL, 10)};
    }
}

static void add_status(struct object *o, const char *text)
{
    struct string_list list = split(o->arena, text, ',');
    struct service *s = &o->service;

    s->ingress = arena_calloc(o->arena, list.count, sizeof(*s->ingress));
    for (; s->ingress_count < list.count; s->ingress_count++) {
        const char *item = list.items[s->ingress_count];
        bool is_host = item[0] == '@';

        s->ingress[s->ingress_count] = (struct ingress){
            .ip = is_host ? "" : item, .hostname = is_host ? item + 1 : "", .ip_mode = ""};
    }
}

static void add_addressing(struct object *o, const struct service_row *row)
{
    struct service *s = &o->service;
    const char *cluster = or_default(row->cluster, "1.2.3.4");

    s->cluster_ip = or_default(row->cluster_ip, "");
    if (row->cluster_ip == NULL && strcmp(cluster, "-") != 0) {
        s->cluster_ips = split(o->arena, cluster, ',');
        s->cluster_ip = s->cluster_ips.items[0];
    }
    s->ip_families = split(o->arena, or_default(row->families, ""), ',');
    s->ip_family_policy = or_default(row->policy, "");
    s->load_balancer_ip = or_default(row->lb_ip, "");
    s->external_traffic_policy = row->local != NULL ? "Local" : "Cluster";
    s->selector = labels_of(o->arena, or_default(row->local, ""), ',', 0);
}

struct object *build_service(const struct service_row *row)
{
    struct arena *a = arena_new();
    struct object *o = arena_alloc(a, sizeof(*o));

    o->kind = OBJ_SERVICE;
    o->arena = a;
    o->meta = (struct meta){.namespace = or_default(row->namespace, "default"),
                            .name = or_default(row->name, "s1"),
                            .uid = "",
                            .resource_version = "",
                            .created_ns = row->created};
    o->meta.labels = labels_of(a, or_default(row->labels, ""), ',', 0);
    o->meta.annotations = labels_of(a, or_default(row->annotations, ""), ';', 3);
    annotate(o, "metallb.io/loadBalancerIPs", row->lb_ips);
    annotate(o, "metallb.io/address-pool", row->pool);
    annotate(o, "metallb.io/allow-shared-ip", row->share);
    o->service.type = or_default(row->type, "LoadBalancer");
    add_addressing(o, row);
    add_ports(o, or_default(row->ports, ""));
    add_status(o, or_default(row->status, ""));
    return o;
}

/* ---- texts ---- */

const char *ips_text(struct arena *a, const struct ip *ips, size_t count)
{
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < count; i++)
        text_printf(&t, "%s%s", i > 0 ? " " : "", ip_format(ips[i]).s);
    return arena_strdup(a, text_str(&t));
}

const char *reason_text(struct arena *a, const struct ipam_reason *r)
{
    CLEANUP(text_done) struct text t = {0};

    ipam_reason_text(&t, r);
    return arena_strdup(a, text_str(&t));
}

const char *event_text(struct arena *a, const struct ipam_event *e)
{
    CLEANUP(text_done) struct text t = {0};

    ipam_event_text(&t, e);
    return arena_strdup(a, text_str(&t));
}

const char *holding_text(struct arena *a, const struct ipam *m, const char *namespace,
                         const char *name)
{
    struct ip ips[IPAM_MAX_ADDRS];
    const struct pool *pool = NULL;
    size_t count = ipam_holding(m, namespace, name, ips, &pool);

    if (count == 0)
        return "-";
    return arena_printf(a, "%s: %s", pool->name, ips_text(a, ips, count));
}

void check_text(const char *row, const char *got, const char *want)
{
    if (strcmp(got, want) != 0)
        fail_msg("%s: got \"%s\", want \"%s\"", row, got, want);
}

uint32_t draw(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32) % below;
}
