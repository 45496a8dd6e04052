/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences: which link of the chain is missing, and why a node may not announce. */
#include "decide/decide.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Nodes a, b, c; the Service has labels app=web. Advertisements and peers as "NODES;REST", where
 * NODES is a list with +, "all" or "none". */
struct chain_row {
    const char *name;
    const char *l2;    /* NODES;SERVICESELECTORS */
    const char *bgp;   /* NODES;SERVICESELECTORS;PEERS;LOCALPREF */
    const char *peers; /* NODES */
    struct decide_node nodes[3];
    struct service_spec service;
    const char *want[4]; /* the sentence contains each; NULL for the first: no sentence */
};

#define ANY_NODES                                                                                  \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define WEB(endpoints_)                                                                            \
    {                                                                                              \
        .labels = "app=web", .endpoints = endpoints_                                               \
    }

static const struct chain_row chains[] = {
    {"announced by Layer 2", "all", "", "", ANY_NODES, WEB("a/r"), {NULL}},
    {"announced by BGP", "", "all", "all", ANY_NODES, WEB("a/r"), {NULL}},
    {"announced by one of the two", "none", "all", "all", ANY_NODES, WEB("a/r"), {NULL}},
    {"no advertisement",
     "",
     "",
     "all",
     ANY_NODES,
     WEB("a/r"),
     {"no L2Advertisement and no BGPAdvertisement covers pool lan", "ipAddressPools"}},
    {"labels, Layer 2",
     "all;app=db all;app=cache",
     "",
     "",
     ANY_NODES,
     WEB("a/r"),
     {"serviceSelectors of L2Advertisement l2-0, l2-1 do not match the labels", "(app=web)"}},
    {"labels, BGP",
     "",
     "all;app=db",
     "all",
     ANY_NODES,
     WEB("a/r"),
     {"serviceSelectors of BGPAdvertisement bgp-0 do not match the labels", "(app=web)"}},
    {"no labels",
     "all;app=db",
     "",
     "",
     ANY_NODES,
     {.endpoints = "a/r"},
     {"do not match the labels of the Service (it has none)"}},
    {"no node selected, Layer 2",
     "none",
     "",
     "",
     ANY_NODES,
     WEB("a/r"),
     {"nodeSelectors of L2Advertisement l2-0 match no node", "widen nodeSelectors"}},
    {"no node selected, BGP",
     "",
     "none",
     "all",
     ANY_NODES,
     WEB("a/r"),
     {"nodeSelectors of BGPAdvertisement bgp-0 match no node"}},
    {"nodes fail for several reasons",
     "a+b",
     "",
     "",
     {{.liveness = NODE_NO_SPEAKER, .liveness_detail = "no speaker Pod runs there"}, {0}, {0}},
     {.labels = "app=web", .policy = "Local", .endpoints = "c/r"},
     {"no node can announce: 1 without a live speaker, 1 not selected by nodeSelectors, "
      "1 without an endpoint that counts (externalTrafficPolicy: Local)",
      "; run a Pod of the Service there, or set externalTrafficPolicy: Cluster"}},
    {"all excluded",
     "all",
     "",
     "",
     {{.exclude_from_lb = true},
      {.exclude_from_lb = true},
      {.network_unavailable = true, .exclude_from_lb = true}},
     WEB("a/r"),
     {"1 with the condition NetworkUnavailable, 2 with the label "
      "node.kubernetes.io/exclude-from-external-load-balancers",
      "--ignore-exclude-lb"}},
    {"shared address and selectors",
     "all;app=web",
     "",
     "",
     ANY_NODES,
     {.labels = "app=web", .annotations = "metallb.io/allow-shared-ip=k", .endpoints = "a/r"},
     {"allow-shared-ip", "L2Advertisement l2-0 has serviceSelectors"}},
    {"no slice",
     "all",
     "",
     "",
     ANY_NODES,
     WEB(NULL),
     {"no endpoint of the Service counts: it has no EndpointSlice", "see the Pods"}},
    {"none ready, both protocols",
     "all",
     "all",
     "all",
     ANY_NODES,
     WEB("a/n b/n"),
     {"no endpoint of the Service counts: of 2 none is ready or serving"}},
    {"none ready, Local, BGP",
     "",
     "all",
     "all",
     ANY_NODES,
     {.labels = "app=web", .policy = "Local", .endpoints = "a/n"},
     {"no endpoint of the Service counts: of 1 none is ready or serving"}},
    {"none ready, but the advertisement is wrong first",
     "none",
     "",
     "",
     ANY_NODES,
     WEB("a/n"),
     {"match no node"}},
    {"conflict",
     "",
     "all;;;100 all;;;200",
     "all",
     ANY_NODES,
     WEB("a/r"),
     {"advertisements 'bgp-0' and 'bgp-1' have conflicting local preferences (100 vs 200)"}},
    {"no peer", "", "all", "", ANY_NODES, WEB("a/r"), {"there is no BGPPeer"}},
    {"peers that do not exist",
     "",
     "all;;ghost",
     "all",
     ANY_NODES,
     WEB("a/r"),
     {"the peers of the BGPAdvertisements name no BGPPeer that exists"}},
    {"peer for other nodes",
     "",
     "a",
     "b+c",
     ANY_NODES,
     WEB("a/r"),
     {"no BGPPeer selects a node that may announce"}},
    {"peer of the other family",
     "",
     "all",
     "all",
     ANY_NODES,
     {.labels = "app=web", .addrs = "2001:db8::1", .endpoints = "a/r"},
     {"carries IPv6", "dualStackAddressFamily"}},
    {"of two peers, the one that comes further",
     "",
     "a",
     "a b",
     ANY_NODES,
     {.labels = "app=web", .addrs = "2001:db8::1", .endpoints = "a/r"},
     {"carries IPv6"}},
    {"peer for listed nodes that may not announce",
     "",
     "all",
     "b+c",
     ANY_NODES,
     {.labels = "app=web", .policy = "Local", .endpoints = "a/r"},
     {"no BGPPeer selects a node that may announce"}},
    {"both protocols, the same reason",
     "all",
     "all",
     "all",
     {{.liveness = NODE_NO_SPEAKER}, {.liveness = NODE_NO_SPEAKER}, {.liveness = NODE_NO_SPEAKER}},
     WEB("a/r"),
     {"Layer 2 and BGP: no node can announce: 3 without a live speaker; "}},
    {"both protocols, each its own reason",
     "none",
     "all",
     "",
     ANY_NODES,
     WEB("a/r"),
     {"Layer 2: the nodeSelectors of L2Advertisement l2-0 match no node",
      "; BGP: there is no BGPPeer"}},
};

static struct bitset nodes_of(struct fixture *f, const char *text)
{
    char *names = arena_strdup(f->arena, text);

    for (char *c = names; *c != '\0'; c++)
        *c = *c == '+' ? ' ' : *c;
    if (str_eq(names, "all"))
        return fixture_nodes(f, NULL);
    return fixture_nodes(f, str_eq(names, "none") ? "" : names);
}

/* The n-th part of "a;b;c", "" beyond the end. */
static const char *part(struct fixture *f, const char *text, int n)
{
    for (; n > 0 && *text != '\0'; n--) {
        text += strcspn(text, ";");
        text += *text == ';';
    }
    return arena_strndup(f->arena, text, strcspn(text, ";"));
}

static void set_up_chain(struct fixture *f, const struct chain_row *row)
{
    struct string_list words;

    fixture_init(f, "a b c");
    for (size_t i = 0; i < 3; i++)
        f->nodes[i] = row->nodes[i];
    words = fixture_words(f, row->l2);
    for (size_t i = 0; i < words.count; i++) {
        struct l2_adv *adv = fixture_l2(f, arena_printf(f->arena, "l2-%zu", i), "");

        adv->nodes = nodes_of(f, part(f, words.items[i], 0));
        adv->service_selectors = fixture_selectors(f, part(f, words.items[i], 1));
    }
    words = fixture_words(f, row->bgp);
    for (size_t i = 0; i < words.count; i++) {
        struct bgp_adv *adv = fixture_bgp(f, arena_printf(f->arena, "bgp-%zu", i), "");

        adv->nodes = nodes_of(f, part(f, words.items[i], 0));
        adv->service_selectors = fixture_selectors(f, part(f, words.items[i], 1));
        adv->peers = fixture_words(f, part(f, words.items[i], 2));
        adv->local_pref = (uint32_t)strtoul(part(f, words.items[i], 3), NULL, 10);
    }
    words = fixture_words(f, row->peers);
    for (size_t i = 0; i < words.count; i++)
        fixture_peer(f, "tor", "10.9.0.1", "")->nodes = nodes_of(f, words.items[i]);
}

static const char *missing_link(struct fixture *f, const struct decide_service *s)
{
    struct route_table *t;
    struct l2_verdict l2;
    struct bgp_verdict bgp;
    size_t routes;

    decide_l2(&f->world, s, f->arena, &l2);
    decide_bgp(&f->world, s, f->arena, &bgp);
    t = route_table_new(&f->world, s, &bgp, 1, f->arena);
    (void)route_table_of(t, 0, f->arena, &routes); /* only their number */
    return decide_missing_link(&f->world, s, &l2, &bgp, routes, f->arena);
}

static void test_missing_link(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct decide_service s;
        const char *got;

        set_up_chain(&f, &chains[i]);
        s = fixture_service(&f, &chains[i].service);
        got = missing_link(&f, &s);
        if ((got == NULL) != (chains[i].want[0] == NULL))
            fail_msg("%s: %s", chains[i].name, got != NULL ? got : "no sentence");
        for (size_t k = 0; k < 4 && chains[i].want[k] != NULL; k++) {
            if (strstr(got, chains[i].want[k]) == NULL)
                fail_msg("%s: \"%s\" lacks \"%s\"", chains[i].name, got, chains[i].want[k]);
        }
    }
}

static void test_no_address_no_sentence(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.addrs = "", .endpoints = "a/r"};
    struct decide_service s;

    (void)state;
    fixture_init(&f, "a");
    s = fixture_service(&f, &spec);
    s.pool = NULL;
    assert_null(missing_link(&f, &s));
}

static void test_no_node(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "-/r"};
    struct decide_service s;

    (void)state;
    fixture_init(&f, "");
    (void)fixture_l2(&f, "lan", NULL);
    s = fixture_service(&f, &spec);
    assert_string_equal(missing_link(&f, &s), "nobody announces it: there is no Node");
}

/* Node a of a chain, in words. */
static const struct {
    struct chain_row chain;
    const char *l2, *bgp;
} sentences[] = {
    {{"may announce", "all", "all", "all", ANY_NODES, WEB("a/r"), {NULL}},
     "node a may announce: score 0, hash ",
     "node a announces to the peers that select it"},
    {{"not selected", "b", "b", "all", ANY_NODES, WEB("a/r"), {NULL}},
     "node a is not selected by L2Advertisement l2-0 (nodeSelectors); ",
     "node a is not selected by BGPAdvertisement bgp-0 (nodeSelectors); "},
    {{"not selected by any of two", "b c", "b c", "all", ANY_NODES, WEB("a/r"), {NULL}},
     "node a is not selected by L2Advertisement l2-0, l2-1 (nodeSelectors); ",
     "node a is not selected by BGPAdvertisement bgp-0, bgp-1 (nodeSelectors); "},
    {{"labels", "all;app=db", "all;app=db", "all", ANY_NODES, WEB("a/r"), {NULL}},
     "no L2Advertisement of pool lan matches the labels of the Service (serviceSelectors)",
     "no BGPAdvertisement of pool lan that selects node a matches the labels"},
    {{"uncovered", "", "all", "all", ANY_NODES, WEB("a/r"), {NULL}},
     "no L2Advertisement covers pool lan",
     "node a announces"},
    {{"no speaker",
      "all",
      "all",
      "all",
      {{.liveness = NODE_NO_SPEAKER, .liveness_detail = "no speaker Pod runs there"}, {0}, {0}},
      WEB("a/r"),
      {NULL}},
     "node a has no live speaker: no speaker Pod runs there; ",
     "node a has no live speaker: no speaker Pod runs there; "},
    {{"no speaker, no detail",
      "all",
      "all",
      "all",
      {{.liveness = NODE_NO_SPEAKER}, {0}, {0}},
      WEB("a/r"),
      {NULL}},
     "node a has no live speaker; ",
     "node a has no live speaker; "},
    {{"network",
      "all",
      "all",
      "all",
      {{.network_unavailable = true}, {0}, {0}},
      WEB("a/r"),
      {NULL}},
     "node a has the condition NetworkUnavailable; ",
     "node a has the condition NetworkUnavailable; "},
    {{"excluded", "all", "all", "all", {{.exclude_from_lb = true}, {0}, {0}}, WEB("a/r"), {NULL}},
     "node a carries the label node.kubernetes.io/exclude-from-external-load-balancers; ",
     "node a carries the label node.kubernetes.io/exclude-from-external-load-balancers; "},
    {{"no local endpoint",
      "all",
      "all",
      "all",
      ANY_NODES,
      {.labels = "app=web", .policy = "Local", .endpoints = "b/r"},
      {NULL}},
     "node a has no endpoint that counts (externalTrafficPolicy: Local); ",
     "node a has no endpoint that counts (externalTrafficPolicy: Local); "},
    {{"no endpoint", "all", "all", "all", ANY_NODES, WEB("a/n"), {NULL}},
     "no endpoint of the Service counts: of 1 none is ready or serving; ",
     "no endpoint of the Service counts: of 1 none is ready or serving; "},
    {{"shared",
      "all;app=web",
      "all",
      "all",
      ANY_NODES,
      {.labels = "app=web", .annotations = "metallb.io/allow-shared-ip=k", .endpoints = "a/r"},
      {NULL}},
     "the Service carries the annotation allow-shared-ip and L2Advertisement l2-0 has "
     "serviceSelectors: ",
     "node a announces"},
    {{"conflict", "", "all;;;1 all;;;2", "all", ANY_NODES, WEB("a/r"), {NULL}},
     "no L2Advertisement covers pool lan",
     "advertisements 'bgp-0' and 'bgp-1' have conflicting local preferences (1 vs 2); "},
};

static bool starts_with(const struct text *t, const char *start)
{
    return strncmp(text_str(t), start, strlen(start)) == 0;
}

static void test_sentences(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sentences); i++) {
        CLEANUP(fixture_done) struct fixture f;
        CLEANUP(text_done) struct text l2_text = {0};
        CLEANUP(text_done) struct text bgp_text = {0};
        struct decide_service s;
        struct l2_verdict l2;
        struct bgp_verdict bgp;

        set_up_chain(&f, &sentences[i].chain);
        s = fixture_service(&f, &sentences[i].chain.service);
        decide_l2(&f.world, &s, f.arena, &l2);
        decide_bgp(&f.world, &s, f.arena, &bgp);
        for (size_t k = 0; k < l2.candidate_count; k++) {
            if (l2.candidates[k].node == 0)
                l2_candidate_text(&l2_text, &f.world, &s, &l2.candidates[k]);
        }
        bgp_node_text(&bgp_text, &f.world, &s, &bgp, 0);
        if (!starts_with(&l2_text, sentences[i].l2) || !starts_with(&bgp_text, sentences[i].bgp))
            fail_msg("%s: \"%s\", \"%s\"", sentences[i].chain.name, text_str(&l2_text),
                     text_str(&bgp_text));
    }
}

/* MetalLB's own words for a conflict of prepends. */
static void test_prepend_conflict(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    CLEANUP(text_done) struct text t = {0};
    struct service_spec spec = WEB("a/r");
    struct decide_service s;
    struct bgp_verdict v;

    (void)state;
    fixture_init(&f, "a");
    fixture_bgp(&f, "one", NULL)->as_path_prepend = 3;
    fixture_bgp(&f, "two", NULL)->as_path_prepend = 5;
    s = fixture_service(&f, &spec);
    decide_bgp(&f.world, &s, f.arena, &v);
    bgp_node_text(&t, &f.world, &s, &v, 0);
    assert_true(starts_with(
        &t, "advertisements 'one' and 'two' have conflicting as-path prepend (3 vs 5); "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_link),     cmocka_unit_test(test_no_address_no_sentence),
        cmocka_unit_test(test_no_node),          cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_prepend_conflict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
