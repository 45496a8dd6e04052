/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any set of objects through config_build: it must not crash, it must either build or complain, and
 * a snapshot keeps the promises that ipam, decide and the engines rely on. The input is one JSON
 * document a line.
 */
#include "fuzz.h"

#include "config/config.h"
#include "model/decode.h"

#include <assert.h>
#include <string.h>

#define HOLD_MAX_NS (UINT16_MAX * INT64_C(1000000000))

static void load_line(struct store *s, const char *line, size_t len)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(err_done) struct err err = {0};
    json_error_t error;
    json_t *doc = json_loadb(line, len, JSON_ALLOW_NUL, &error);
    struct object *o = NULL;

    if (doc == NULL)
        return;
    if (object_decode(&o, doc, (struct origin){.file = ""}, &faults, &err) == DECODE_OK)
        store_put_take(s, o);
    json_decref(doc);
}

static void check_sorted(const struct string_list *names)
{
    for (size_t i = 1; i < names->count; i++)
        assert(strcmp(names->items[i - 1], names->items[i]) < 0);
}

static void check_prefixes(const struct pool *p)
{
    size_t sum = 0;

    for (size_t i = 0; i < p->entry_count; i++) {
        assert(p->entries[i].prefix_count > 0);
        sum += p->entries[i].prefix_count;
    }
    assert(p->entry_count > 0 && sum == p->prefix_count);
    for (size_t i = 0; i < p->prefix_count; i++) {
        assert(prefix_eq(p->prefixes[i], prefix_of(p->prefixes[i].addr, p->prefixes[i].len)));
        for (size_t k = 0; k < i; k++)
            assert(!prefix_overlaps(p->prefixes[i], p->prefixes[k]));
    }
}

static void check_pool(const struct snapshot *c, const struct pool *p)
{
    check_prefixes(p);
    check_sorted(&p->namespaces);
    for (size_t i = 0; i < p->l2_count; i++) {
        assert(p->l2[i].names.count > 0);
        assert(p->l2[i].adv->nodes.size == c->nodes.count);
        check_sorted(&p->l2[i].names);
        check_sorted(&p->l2[i].adv->interfaces);
    }
    for (size_t i = 0; i < p->bgp_count; i++) {
        const struct bgp_adv *a = p->bgp[i];

        assert(a->aggregation_length <= 32 && a->aggregation_length_v6 <= 128);
        check_sorted(&a->peers);
        for (size_t k = 1; k < a->community_count; k++)
            assert(bgp_community_cmp(a->communities[k - 1], a->communities[k]) < 0);
    }
}

static void check_peer(const struct peer *p)
{
    assert((p->address.family == IP_NONE) != (*p->interface == '\0'));
    assert(p->my_asn != 0 && p->port != 0 && p->password != NULL && p->vrf != NULL);
    assert((p->peer_asn == 0) == (p->dynamic_asn != ASN_FIXED));
    assert(p->hold_time.set == p->keepalive_time.set);
    assert(p->hold_time.ns >= 0 && p->hold_time.ns <= HOLD_MAX_NS);
    assert(p->keepalive_time.ns >= 0 && p->keepalive_time.ns <= p->hold_time.ns);
}

static void check_snapshot(const struct snapshot *c)
{
    CLEANUP(text_done) struct text t = {0};

    check_sorted(&c->nodes);
    for (size_t i = 0; i < c->pool_count; i++)
        check_pool(c, &c->pools[i]);
    for (size_t i = 0; i < c->peer_count; i++)
        check_peer(&c->peers[i]);
    config_print(&t, c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    CLEANUP(store_freep) struct store *s = store_new();
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(fault_list_done) struct fault_list warnings = {0};
    CLEANUP(snapshot_unrefp) struct snapshot *c = NULL;
    CLEANUP(xfreep) char *text = xstrndup((const char *)bytes, len);
    struct config_input in;
    int r;

    for (const char *line = text; *line != '\0';) {
        size_t n = strcspn(line, "\n");

        load_line(s, line, n);
        line += n + (line[n] == '\n');
    }
    in = config_input_from(s, "metallb-system");
    r = config_build(&c, &in, &faults, &warnings);
    assert((r == 0) == (c != NULL) && (r == 0) == (faults.count == 0));
    if (c != NULL)
        check_snapshot(c);
    return 0;
}
