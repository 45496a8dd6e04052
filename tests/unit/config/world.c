/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "base/duration.h"
#include "model/decode.h"
#include "model/selector.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word, *api_version, *kind;
} kinds[] = {
    {"pool", "metallb.io/v1beta1", "IPAddressPool"},
    {"l2", "metallb.io/v1beta1", "L2Advertisement"},
    {"bgp", "metallb.io/v1beta1", "BGPAdvertisement"},
    {"peer", "metallb.io/v1beta2", "BGPPeer"},
    {"peer1", "metallb.io/v1beta1", "BGPPeer"},
    {"bfd", "metallb.io/v1beta1", "BFDProfile"},
    {"community", "metallb.io/v1beta1", "Community"},
    {"secret", "v1", "Secret"},
    {"ns", "v1", "Namespace"},
    {"node", "v1", "Node"},
};

_Noreturn static void die(const char *what, const char *line)
{
    fprintf(stderr, "world: %s: %s\n", what, line);
    abort();
}

static size_t kind_of(const char *word, size_t len, const char *line)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strlen(kinds[i].word) == len && strncmp(kinds[i].word, word, len) == 0)
            return i;
    }
    die("unknown kind", line);
}

/* The JSON value at *pos, which moves behind it; NULL at the end of the line. */
static json_t *next_json(const char **pos, const char *line)
{
    json_error_t error;
    json_t *value;

    *pos += strspn(*pos, " ");
    if (**pos == '\0')
        return NULL;
    value = json_loads(*pos, JSON_DISABLE_EOF_CHECK, &error);
    if (value == NULL)
        die(error.text, line);
    *pos += error.position;
    return value;
}

static json_t *document(size_t kind, const char *name, json_t *body, json_t *labels)
{
    const char *word = kinds[kind].word;
    bool cluster_scoped = str_eq(word, "ns") || str_eq(word, "node");
    json_t *doc = str_eq(word, "secret") ? json_deep_copy(body) : json_object();
    json_t *meta = json_pack("{s:s}", "name", name);

    if (cluster_scoped)
        labels = body;
    else
        json_object_set_new(meta, "namespace", json_string(WORLD_NAMESPACE));
    if (labels != NULL)
        json_object_set(meta, "labels", labels);
    json_object_set_new(doc, "apiVersion", json_string(kinds[kind].api_version));
    json_object_set_new(doc, "kind", json_string(kinds[kind].kind));
    json_object_set_new(doc, "metadata", meta);
    if (!cluster_scoped && !str_eq(word, "secret"))
        json_object_set(doc, "spec", body);
    return doc;
}

/* The schema's faults are not of interest here: the API server or the decoder reports them. */
static struct object *decode(const json_t *doc, const char *line)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    struct object *o = NULL;

    if (object_decode(&o, doc, (struct origin){.file = ""}, &faults, &err) != DECODE_OK)
        die(faults.count > 0 ? faults.items[0].message : err_text(&err), line);
    return o;
}

static struct object *parse_line(char *line)
{
    size_t word_len = strcspn(line, " "), name_len, kind;
    const char *pos = line + word_len + strspn(line + word_len, " ");
    char name[64];
    json_t *body, *labels, *doc;
    struct object *o;

    kind = kind_of(line, word_len, line);
    name_len = strcspn(pos, " ");
    snprintf(name, sizeof(name), "%.*s", (int)name_len, pos);
    pos += name_len;
    for (char *p = line; *p != '\0'; p++) {
        if (*p == '\'')
            *p = '"';
    }
    body = next_json(&pos, line);
    labels = next_json(&pos, line);
    doc = document(kind, str_eq(name, "-") ? "unnamed" : name, body, labels);
    o = decode(doc, line);
    if (str_eq(name, "-"))
        o->meta.name = "";
    json_decref(doc);
    json_decref(body);
    json_decref(labels);
    return o;
}

void world_init(struct world *w, const char *lines)
{
    *w = (struct world){0};
    while (*lines != '\0') {
        size_t len = strcspn(lines, "\n");
        CLEANUP(xfreep) char *line = xstrndup(lines, len);

        lines += len + (lines[len] == '\n');
        if (len == 0)
            continue;
        w->objects = array_grow(w->objects, &w->cap, w->count + 1, sizeof(struct object *));
        w->objects[w->count++] = parse_line(line);
    }
}

void world_done(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        object_free(w->objects[i]);
    free(w->objects);
    free(w->views);
    *w = (struct world){0};
}

static struct object_list view(const struct world *w, enum object_kind kind)
{
    return (struct object_list){
        .items = w->views + w->starts[kind],
        .count = w->starts[kind + 1] - w->starts[kind],
    };
}

struct config_input world_input(struct world *w)
{
    size_t n = 0;

    free(w->views);
    w->views = xcalloc(w->count + 1, sizeof(struct object *));
    for (size_t kind = 0; kind < OBJECT_KINDS; kind++) {
        w->starts[kind] = n;
        for (size_t i = 0; i < w->count; i++) {
            if (w->objects[i]->kind == (enum object_kind)kind)
                w->views[n++] = w->objects[i];
        }
    }
    w->starts[OBJECT_KINDS] = n;
    return (struct config_input){
        .namespace = WORLD_NAMESPACE,
        .pools = view(w, OBJ_IP_ADDRESS_POOL),
        .l2_advs = view(w, OBJ_L2_ADVERTISEMENT),
        .bgp_advs = view(w, OBJ_BGP_ADVERTISEMENT),
        .peers = view(w, OBJ_BGP_PEER),
        .bfd_profiles = view(w, OBJ_BFD_PROFILE),
        .communities = view(w, OBJ_COMMUNITY),
        .secrets = view(w, OBJ_SECRET),
        .namespaces = view(w, OBJ_NAMESPACE),
        .nodes = view(w, OBJ_NODE),
    };
}

void world_shuffle(struct world *w, unsigned seed)
{
    uint64_t state = seed * UINT64_C(2654435761) + 1;

    for (size_t i = w->count; i > 1; i--) {
        struct object *o = w->objects[i - 1];
        size_t k;

        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        k = (size_t)(state >> 33) % i;
        w->objects[i - 1] = w->objects[k];
        w->objects[k] = o;
    }
}

/* --- printing --- */

static void dump_names(struct text *t, const char *key, const struct string_list *names)
{
    text_printf(t, " %s=[", key);
    for (size_t i = 0; i < names->count; i++)
        text_printf(t, "%s%s", i > 0 ? "," : "", names->items[i]);
    text_add(t, "]");
}

static void dump_selectors(struct text *t, const char *key, const struct selector_list *list)
{
    text_printf(t, " %s=[", key);
    for (size_t i = 0; i < list->count; i++) {
        text_add(t, i > 0 ? "; " : "");
        selector_print_short(t, &list->items[i]);
    }
    text_add(t, "]");
}

static void dump_nodes(struct text *t, const struct snapshot *c, const struct bitset *set)
{
    const char *comma = "";

    text_add(t, " nodes=[");
    for (size_t i = 0; i < c->nodes.count; i++) {
        if (!bitset_has(set, i))
            continue;
        text_printf(t, "%s%s", comma, c->nodes.items[i]);
        comma = ",";
    }
    text_add(t, "]");
}

static void dump_scores(struct text *t, const struct snapshot *c, const int64_t *scores)
{
    if (scores == NULL) {
        text_add(t, " scores=none");
        return;
    }
    text_add(t, " scores=");
    for (size_t i = 0; i < c->nodes.count; i++)
        text_printf(t, "%s%s:%" PRId64, i > 0 ? "," : "", c->nodes.items[i], scores[i]);
}

static void dump_l2(struct text *t, const struct snapshot *c, const struct pool *p)
{
    for (size_t i = 0; i < p->l2_count; i++) {
        const struct l2_attachment *at = &p->l2[i];

        text_printf(t, "  l2 %s", at->adv->name);
        dump_names(t, "names", &at->names);
        dump_nodes(t, c, &at->adv->nodes);
        dump_names(t, "interfaces", &at->adv->interfaces);
        dump_selectors(t, "services", &at->adv->service_selectors);
        dump_scores(t, c, at->adv->scores);
        text_add(t, "\n");
    }
}

static void dump_bgp(struct text *t, const struct snapshot *c, const struct pool *p)
{
    for (size_t i = 0; i < p->bgp_count; i++) {
        const struct bgp_adv *a = p->bgp[i];

        text_printf(t, "  bgp %s lengths=%u/%u pref=%" PRIu32 " prepend=%u communities=[", a->name,
                    a->aggregation_length, a->aggregation_length_v6, a->local_pref,
                    a->as_path_prepend);
        for (size_t k = 0; k < a->community_count; k++)
            text_printf(t, "%s%s", k > 0 ? "," : "", bgp_community_format(a->communities[k]).s);
        text_add(t, "]");
        dump_nodes(t, c, &a->nodes);
        dump_names(t, "peers", &a->peers);
        dump_selectors(t, "services", &a->service_selectors);
        text_add(t, "\n");
    }
}

static void dump_pool(struct text *t, const struct snapshot *c, const struct pool *p)
{
    text_printf(t, "pool %s auto=%d buggy=%d prefixes=[", p->name, p->auto_assign,
                p->avoid_buggy_ips);
    for (size_t i = 0; i < p->prefix_count; i++)
        text_printf(t, "%s%s", i > 0 ? "," : "", prefix_format(p->prefixes[i]).s);
    text_add(t, "]");
    for (size_t i = 0; i < p->entry_count; i++)
        text_printf(t, " %s(%zu)", p->entries[i].text, p->entries[i].prefix_count);
    if (p->is_scoped) {
        text_printf(t, " scoped priority=%" PRId64 " by_namespace=%d", p->priority,
                    p->by_namespace);
        dump_names(t, "namespaces", &p->namespaces);
        dump_selectors(t, "services", &p->service_selectors);
    }
    text_add(t, "\n");
    dump_l2(t, c, p);
    dump_bgp(t, c, p);
}

static void dump_time(struct text *t, const char *key, struct opt_duration d)
{
    text_printf(t, " %s=%s", key, d.set ? duration_format(d.ns).s : "unset");
}

static void dump_ip(struct text *t, const char *key, struct ip a)
{
    if (a.family != IP_NONE)
        text_printf(t, " %s=%s", key, ip_format(a).s);
}

static void dump_peer(struct text *t, const struct snapshot *c, const struct peer *p)
{
    static const char *const dynamic[] = {
        [ASN_FIXED] = "fixed", [ASN_INTERNAL] = "internal", [ASN_EXTERNAL] = "external"};

    text_printf(t, "peer %s asn=%" PRIu32 "/%" PRIu32 "/%" PRIu32 " %s", p->name, p->my_asn,
                p->peer_asn, p->local_asn, dynamic[p->dynamic_asn]);
    dump_ip(t, "address", p->address);
    dump_ip(t, "source", p->source_address);
    dump_ip(t, "router", p->router_id);
    text_printf(t, " interface=%s port=%u", p->interface, p->port);
    dump_time(t, "hold", p->hold_time);
    dump_time(t, "keepalive", p->keepalive_time);
    dump_time(t, "connect", p->connect_time);
    dump_nodes(t, c, &p->nodes);
    text_printf(t, " password=%s bfd=%s vrf=%s flags=%d%d%d\n", p->password,
                p->bfd != NULL ? p->bfd->name : "none", p->vrf, p->graceful_restart,
                p->ebgp_multi_hop, p->dual_stack_address_family);
}

static void dump_opt(struct text *t, const char *key, struct opt_int v)
{
    if (v.set)
        text_printf(t, " %s=%" PRId64, key, v.v);
    else
        text_printf(t, " %s=unset", key);
}

static void dump_bfd(struct text *t, const struct bfd *b)
{
    text_printf(t, "bfd %s", b->name);
    dump_opt(t, "rx", b->values.receive_interval);
    dump_opt(t, "tx", b->values.transmit_interval);
    dump_opt(t, "mult", b->values.detect_multiplier);
    dump_opt(t, "echo", b->values.echo_interval);
    dump_opt(t, "ttl", b->values.minimum_ttl);
    text_printf(t, " flags=%d%d\n", b->values.echo_mode, b->values.passive_mode);
}

void snapshot_dump(struct text *t, const struct snapshot *c)
{
    text_add(t, "nodes");
    dump_names(t, "names", &c->nodes);
    text_add(t, "\n");
    for (size_t i = 0; i < c->pool_count; i++)
        dump_pool(t, c, &c->pools[i]);
    for (size_t i = 0; i < c->peer_count; i++)
        dump_peer(t, c, &c->peers[i]);
    for (size_t i = 0; i < c->bfd_profile_count; i++)
        dump_bfd(t, &c->bfd_profiles[i]);
}

/* --- rows --- */

static bool differs(const struct world_row *row, const char *what, const char *got)
{
    fprintf(stderr, "%s: %s; got:\n%s\n", row->name, what, got);
    return false;
}

static void print_faults(struct text *t, const struct fault_list *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        text_printf(t, "%s %s: %s\n", faults->items[i].kind, faults->items[i].name,
                    faults->items[i].message);
}

static void print_on_one_line(struct text *t, const struct fault_list *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        for (char *p = faults->items[i].message; *p != '\0'; p++) {
            if (*p == '\n')
                *p = '|';
        }
    }
    print_faults(t, faults);
}

int world_faults(struct text *t, const char *lines)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(fault_list_done) struct fault_list warnings = {0};
    CLEANUP(snapshot_unrefp) struct snapshot *c = NULL;
    CLEANUP(world_done) struct world w;
    struct config_input in;
    int r;

    world_init(&w, lines);
    in = world_input(&w);
    r = config_build(&c, &in, &faults, &warnings);
    print_on_one_line(t, &faults);
    return r;
}

void world_warnings(struct text *t, const char *lines)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(fault_list_done) struct fault_list warnings = {0};
    CLEANUP(snapshot_unrefp) struct snapshot *c = NULL;
    CLEANUP(world_done) struct world w;
    struct config_input in;

    world_init(&w, lines);
    in = world_input(&w);
    if (config_build(&c, &in, &faults, &warnings) < 0)
        text_add(t, "(faults)\n");
    print_on_one_line(t, &warnings);
}

static bool check_snapshot(const struct world_row *row, const struct snapshot *c)
{
    CLEANUP(text_done) struct text dump = {0};

    snapshot_dump(&dump, c);
    for (size_t i = 0; i < WORLD_WANTS && row->want[i] != NULL; i++) {
        if (strstr(text_str(&dump), row->want[i]) == NULL)
            return differs(row, row->want[i], text_str(&dump));
    }
    return true;
}

static bool check_result(const struct world_row *row, const struct snapshot *c, int r,
                         const struct fault_list *faults)
{
    CLEANUP(text_done) struct text told = {0};

    print_faults(&told, faults);
    if ((r == 0) != (c != NULL) || (r == 0) != (faults->count == 0))
        return differs(row, "result, snapshot and faults disagree", text_str(&told));
    if (row->fault == NULL)
        return r == 0 ? check_snapshot(row, c) : differs(row, "must parse", text_str(&told));
    if (strstr(text_str(&told), row->fault) == NULL)
        return differs(row, row->fault, text_str(&told));
    return true;
}

bool world_check(const struct world_row *row)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(fault_list_done) struct fault_list warnings = {0};
    CLEANUP(snapshot_unrefp) struct snapshot *c = NULL;
    CLEANUP(world_done) struct world w;
    struct config_input in;
    int r;

    world_init(&w, row->lines);
    in = world_input(&w);
    r = config_build(&c, &in, &faults, &warnings);
    return check_result(row, c, r, &faults);
}
