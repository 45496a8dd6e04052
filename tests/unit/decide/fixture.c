/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what, const char *text)
{
    if (ok)
        return;
    fprintf(stderr, "fixture: %s: %s\n", what, text);
    abort();
}

/* Cuts at any of the separators; empty pieces are dropped. */
static struct string_list cut(struct fixture *f, const char *text, const char *separators)
{
    struct string_list list = {0};

    list.items = arena_calloc(f->arena, strlen(text) + 1, sizeof(*list.items));
    for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
        size_t len = strcspn(text, separators);

        list.items[list.count++] = arena_strndup(f->arena, text, len);
        text += len;
    }
    return list;
}

struct string_list fixture_words(struct fixture *f, const char *words)
{
    return cut(f, words, " ");
}

void fixture_init(struct fixture *f, const char *node_names)
{
    struct prefix *range;

    memset(f, 0, sizeof(*f));
    f->arena = arena_new();
    f->cfg.nodes = fixture_words(f, node_names);
    if (f->cfg.nodes.count > 1)
        qsort(f->cfg.nodes.items, f->cfg.nodes.count, sizeof(char *), str_cmp_ptr);
    range = arena_calloc(f->arena, 1, sizeof(*range));
    must(prefix_parse(range, "10.20.30.0/24"), "prefix", "10.20.30.0/24");
    f->pool = (struct pool){.name = "lan", .prefixes = range, .prefix_count = 1};
    f->pool.l2 = f->attachments;
    f->pool.bgp = f->bgp_list;
    f->cfg.pools = &f->pool;
    f->cfg.pool_count = 1;
    f->cfg.peers = f->peers;
    f->nodes = arena_calloc(f->arena, f->cfg.nodes.count, sizeof(*f->nodes));
    f->world = (struct decide_world){.cfg = &f->cfg, .nodes = f->nodes};
}

void fixture_done(struct fixture *f)
{
    arena_free(f->arena);
}

size_t fixture_node(const struct fixture *f, const char *name)
{
    int at = snapshot_node_index(&f->cfg, name);

    must(at >= 0, "no such node", name);
    return (size_t)at;
}

struct bitset fixture_nodes(struct fixture *f, const char *names)
{
    struct string_list list = names != NULL ? fixture_words(f, names) : f->cfg.nodes;
    struct bitset set = bitset_new(f->arena, f->cfg.nodes.count);

    for (size_t i = 0; i < list.count; i++)
        bitset_add(&set, fixture_node(f, list.items[i]));
    return set;
}

struct ip fixture_ip(const char *text)
{
    struct ip a;

    must(ip_parse(&a, text), "address", text);
    return a;
}

static int label_cmp(const void *x, const void *y)
{
    return strcmp(((const struct label *)x)->key, ((const struct label *)y)->key);
}

struct label_set fixture_labels(struct fixture *f, const char *text)
{
    struct string_list pairs = cut(f, text != NULL ? text : "", " ");
    struct label_set set = {arena_calloc(f->arena, pairs.count, sizeof(*set.items)), pairs.count};

    for (size_t i = 0; i < pairs.count; i++) {
        const char *equals = strchr(pairs.items[i], '=');

        must(equals != NULL, "label", pairs.items[i]);
        set.items[i].key =
            arena_strndup(f->arena, pairs.items[i], (size_t)(equals - pairs.items[i]));
        set.items[i].value = equals + 1;
    }
    if (set.count > 1)
        qsort(set.items, set.count, sizeof(*set.items), label_cmp);
    return set;
}

struct selector_list fixture_selectors(struct fixture *f, const char *text)
{
    struct string_list parts = cut(f, text, "|");
    struct selector_list list = {arena_calloc(f->arena, parts.count, sizeof(*list.items)),
                                 parts.count};

    for (size_t i = 0; i < parts.count; i++) {
        if (!str_eq(parts.items[i], "*"))
            list.items[i].labels = fixture_labels(f, parts.items[i]);
    }
    return list;
}

struct l2_adv *fixture_l2(struct fixture *f, const char *name, const char *nodes)
{
    size_t at = f->pool.l2_count++;

    must(at < FIXTURE_MAX, "too many advertisements", name);
    f->l2[at] = (struct l2_adv){.name = name, .nodes = fixture_nodes(f, nodes)};
    f->attachments[at] = (struct l2_attachment){&f->l2[at], fixture_words(f, name)};
    return &f->l2[at];
}

struct bgp_adv *fixture_bgp(struct fixture *f, const char *name, const char *nodes)
{
    size_t at = f->pool.bgp_count++;

    must(at < FIXTURE_MAX, "too many advertisements", name);
    f->bgp[at] = (struct bgp_adv){.name = name,
                                  .aggregation_length = 32,
                                  .aggregation_length_v6 = 128,
                                  .nodes = fixture_nodes(f, nodes)};
    f->bgp_list[at] = &f->bgp[at];
    return &f->bgp[at];
}

struct peer *fixture_peer(struct fixture *f, const char *name, const char *address,
                          const char *nodes)
{
    size_t at = f->cfg.peer_count++;

    must(at < FIXTURE_MAX, "too many peers", name);
    f->peers[at] = (struct peer){.name = name,
                                 .my_asn = 64512,
                                 .peer_asn = 64500,
                                 .interface = address == NULL ? "eth0" : "",
                                 .nodes = fixture_nodes(f, nodes)};
    if (address != NULL)
        f->peers[at].address = fixture_ip(address);
    return &f->peers[at];
}

void fixture_scores(struct fixture *f, struct l2_adv *adv, const char *scores)
{
    struct label_set set = fixture_labels(f, scores);
    int64_t *values = arena_calloc(f->arena, f->cfg.nodes.count, sizeof(*values));

    for (size_t i = 0; i < set.count; i++)
        values[fixture_node(f, set.items[i].key)] = strtoll(set.items[i].value, NULL, 10);
    adv->scores = values;
}

static int community_cmp(const void *x, const void *y)
{
    return bgp_community_cmp(*(const struct bgp_community *)x, *(const struct bgp_community *)y);
}

void fixture_communities(struct fixture *f, struct bgp_adv *adv, const char *communities)
{
    struct string_list list = fixture_words(f, communities);
    struct bgp_community *out = arena_calloc(f->arena, list.count, sizeof(*out));

    for (size_t i = 0; i < list.count; i++) {
        unsigned a, b, c;

        if (sscanf(list.items[i], "large:%u:%u:%u", &a, &b, &c) == 3)
            out[i] = (struct bgp_community){BGP_COMMUNITY_LARGE, a, b, c};
        else if (sscanf(list.items[i], "%u:%u", &a, &b) == 2)
            out[i] = (struct bgp_community){BGP_COMMUNITY_STANDARD, a << 16 | b, 0, 0};
        else
            must(false, "community", list.items[i]);
    }
    if (list.count > 1)
        qsort(out, list.count, sizeof(*out), community_cmp);
    adv->communities = out;
    adv->community_count = list.count;
}

static struct endpoint endpoint_of(struct fixture *f, const char *text)
{
    const char *slash = strchr(text, '/');
    struct endpoint e = {.addresses = fixture_words(f, "10.244.0.1")};

    must(slash != NULL, "endpoint", text);
    e.node = arena_strndup(f->arena, text, (size_t)(slash - text));
    if (str_eq(e.node, "-"))
        e.node = "";
    for (const char *c = slash + 1; *c != '\0'; c++) {
        switch (*c) {
        case 'r':
            e.ready = TRI_TRUE;
            break;
        case 'n':
            e.ready = TRI_FALSE;
            break;
        case 's':
            e.ready = TRI_FALSE;
            e.serving = TRI_TRUE;
            break;
        case 'x':
            e.ready = TRI_TRUE;
            e.serving = TRI_FALSE;
            break;
        case 'f':
            e.serving = TRI_FALSE;
            break;
        case 'a':
            break;
        case '0':
            e.addresses.count = 0;
            break;
        default:
            must(false, "condition", text);
        }
    }
    return e;
}

static struct object *slice_of(struct fixture *f, const char *text)
{
    struct string_list list = fixture_words(f, text);
    struct object *o = arena_calloc(f->arena, 1, sizeof(*o));

    o->kind = OBJ_ENDPOINT_SLICE;
    o->slice.endpoints = arena_calloc(f->arena, list.count, sizeof(struct endpoint));
    o->slice.endpoint_count = list.count;
    for (size_t i = 0; i < list.count; i++)
        o->slice.endpoints[i] = endpoint_of(f, list.items[i]);
    return o;
}

static struct object_list slices_of(struct fixture *f, const char *text)
{
    struct string_list parts = cut(f, text, "|");
    const struct object **items = arena_calloc(f->arena, parts.count, sizeof(*items));

    for (size_t i = 0; i < parts.count; i++)
        items[i] = slice_of(f, parts.items[i]);
    return (struct object_list){items, parts.count};
}

struct decide_service fixture_service(struct fixture *f, const struct service_spec *spec)
{
    struct object *o = arena_calloc(f->arena, 1, sizeof(*o));
    struct string_list addrs = fixture_words(f, spec->addrs != NULL ? spec->addrs : "10.20.30.1");
    struct ip *ips = arena_calloc(f->arena, addrs.count, sizeof(*ips));

    o->kind = OBJ_SERVICE;
    o->meta.namespace = "default";
    o->meta.name = "web";
    o->meta.labels = fixture_labels(f, spec->labels);
    o->meta.annotations = fixture_labels(f, spec->annotations);
    o->service.type = "LoadBalancer";
    o->service.external_traffic_policy = spec->policy != NULL ? spec->policy : "Cluster";
    for (size_t i = 0; i < addrs.count; i++)
        ips[i] = fixture_ip(addrs.items[i]);
    return (struct decide_service){
        .service = o,
        .slices = slices_of(f, spec->endpoints != NULL ? spec->endpoints : ""),
        .pool = &f->pool,
        .addrs = ips,
        .addr_count = addrs.count,
    };
}

const char *fixture_join(struct fixture *f, const struct string_list *list)
{
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < list->count; i++)
        text_printf(&t, "%s%s", i > 0 ? "," : "", list->items[i]);
    return arena_strdup(f->arena, text_str(&t));
}
