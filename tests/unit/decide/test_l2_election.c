/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of spec speaker-l2 3.4 and 9.2. */
#include "decide/decide.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OK ""
#define NOT_OWNER "notOwner"
#define NO_MATCH "noMatchingAdvertisement"
#define SHARED "sharedIPWithServiceSelector"

static struct l2_verdict decide(struct fixture *f, const struct decide_service *s)
{
    struct l2_verdict v;

    decide_l2(&f->world, s, f->arena, &v);
    return v;
}

/* "b a c": the eligible nodes in election order. */
static const char *order(struct fixture *f, const struct l2_verdict *v)
{
    struct string_list names = {arena_calloc(f->arena, v->eligible_count, sizeof(char *)), 0};

    for (size_t i = 0; i < v->eligible_count; i++)
        names.items[names.count++] = f->cfg.nodes.items[v->candidates[i].node];
    return fixture_join(f, &names);
}

static const struct l2_candidate *candidate(const struct fixture *f, const struct l2_verdict *v,
                                            const char *node)
{
    for (size_t i = 0; i < v->candidate_count; i++) {
        if (v->candidates[i].node == fixture_node(f, node))
            return &v->candidates[i];
    }
    fail_msg("no candidate %s", node);
    return NULL;
}

static const struct {
    const char *node, *address, *digest; /* or its beginning */
} vectors[] = {
    {"iris1", "10.20.30.1", "e42ad61a4159fa2d143f5233840565a80f498b6a1e7998d68190d2a357882e2b"},
    {"iris2", "10.20.30.1", "af6cb4e7605814d2f0ccb427ae44f1981dca8e59f928a994747b78ef36224c1a"},
    {"iris1", "10.20.30.2", "610c5b6d22f60ca55d3f21b86505c255e5a8710679810df960257023f0768b1b"},
    {"iris2", "10.20.30.2", "6429fb4c07eeae897218a34f4c3c10b511ef354ec20ee85af64a31a6f0fca822"},
    {"node-b", "10.0.0.1", "2acae885"},
    {"node-a", "10.0.0.1", "dd41591f"},
    {"node-c", "10.0.0.1", "f949561f"},
    {"node-b", "2001:db8::1", "1aee61dd"},
    {"node-a", "2001:db8::1", "3c9f88a7"},
    {"node-a", "2001:0DB8:0:0:0:0:0:1", "3c9f88a7"}, /* the text that is hashed is canonical */
    {"node-b", "::ffff:10.0.0.1", "2acae885"},
};

static void test_rank_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        char hex[65];
        uint8_t rank[32];

        decide_rank(rank, vectors[i].node, fixture_ip(vectors[i].address));
        for (size_t k = 0; k < sizeof(rank); k++)
            snprintf(hex + 2 * k, 3, "%02x", rank[k]);
        hex[strlen(vectors[i].digest)] = '\0';
        if (!str_eq(hex, vectors[i].digest))
            fail_msg("%s#%s: %s", vectors[i].node, vectors[i].address, hex);
    }
}

/* Two speakers, iris1 and iris2; what each of them concludes. */
struct election_row {
    const char *name;
    const char *advs; /* "NODES;SERVICESELECTORS" parted by blanks: "iris1+iris2;app=web"; NODES
                         "all", "none" */
    struct service_spec service;
    const char *excluded; /* nodes with the label */
    bool ignore_label;
    const char *c1, *c2;
};

#define LOCAL(endpoints_)                                                                          \
    {                                                                                              \
        .policy = "Local", .endpoints = endpoints_                                                 \
    }
#define CLUSTER(endpoints_)                                                                        \
    {                                                                                              \
        .endpoints = endpoints_                                                                    \
    }
#define LOCAL_2(endpoints_)                                                                        \
    {                                                                                              \
        .policy = "Local", .addrs = "10.20.30.2", .endpoints = endpoints_                          \
    }
#define NGINX(annotations_)                                                                        \
    {                                                                                              \
        .labels = "app=nginx", .annotations = annotations_, .endpoints = "iris1/r"                 \
    }

static const struct election_row elections[] = {
    /* nodes with endpoint, and the Local policy */
    {"local, endpoints on iris1 only", "all", LOCAL("iris1/r"), "", false, OK, NOT_OWNER},
    {"two ready on iris1", "all", LOCAL("iris1/r iris1/r"), "", false, OK, NOT_OWNER},
    {"two not ready on iris1", "all", LOCAL("iris1/n iris1/n"), "", false, NOT_OWNER, NOT_OWNER},
    {"iris1 ready, iris2 serving", "all", LOCAL("iris1/r iris2/s"), "", false, NOT_OWNER, OK},
    {"both not ready", "all", LOCAL("iris1/n iris2/n"), "", false, NOT_OWNER, NOT_OWNER},
    {"iris1 ready, iris2 not", "all", LOCAL("iris1/r iris2/n"), "", false, OK, NOT_OWNER},
    {"both ready, .1", "all", LOCAL("iris1/r iris2/r"), "", false, NOT_OWNER, OK},
    {"both ready, .2", "all", LOCAL_2("iris1/r iris2/r"), "", false, OK, NOT_OWNER},
    {".2 not ready on iris2", "all", LOCAL_2("iris1/r iris2/n"), "", false, OK, NOT_OWNER},
    {".1 on iris2 only", "all", LOCAL("iris2/r"), "", false, NOT_OWNER, OK},
    {".2 on iris1 only", "all", LOCAL_2("iris1/r"), "", false, OK, NOT_OWNER},
    {"two slices", "all", LOCAL("iris1/r iris2/r|iris2/r"), "", false, NOT_OWNER, OK},
    {"two on iris1, one on iris2", "all", LOCAL("iris1/r iris1/r iris2/r"), "", false, NOT_OWNER,
     OK},
    {"one on iris1, two on iris2", "all", LOCAL("iris1/r iris2/r iris2/r"), "", false, NOT_OWNER,
     OK},
    {"iris1 half ready, iris2 ready", "all", LOCAL("iris1/r iris1/n iris2/r"), "", false, NOT_OWNER,
     OK},
    {"iris1 ready, iris2 two not", "all", LOCAL("iris1/r iris2/n iris2/n"), "", false, OK,
     NOT_OWNER},
    {"both serving only", "all", LOCAL("iris1/s iris2/s"), "", false, NOT_OWNER, OK},
    {"both ready but not serving", "all", LOCAL("iris1/x iris2/x"), "", false, NOT_OWNER, OK},
    {"local, endpoint without node", "all", LOCAL("-/r"), "", false, NOT_OWNER, NOT_OWNER},
    {"local, endpoint on an unknown node", "all", LOCAL("ghost/r"), "", false, NOT_OWNER,
     NOT_OWNER},
    {"cluster, endpoint without node", "all", CLUSTER("-/r"), "", false, NOT_OWNER, OK},
    {"cluster, endpoint without address", "all", CLUSTER("iris1/r0"), "", false, NOT_OWNER, OK},
    {"cluster, no slice", "all", CLUSTER(NULL), "", false, NOT_OWNER, NOT_OWNER},
    {"policy empty is Cluster",
     "all",
     {.policy = "", .endpoints = "iris1/r"},
     "",
     false,
     NOT_OWNER,
     OK},

    /* node selection and exclusion */
    {"listed: iris1", "iris1", CLUSTER("iris1/r"), "", false, OK, NO_MATCH},
    {"an advertisement a node", "iris1 iris2", LOCAL("iris1/r"), "", false, OK, NOT_OWNER},
    {"listed: both", "all", CLUSTER("iris1/r"), "", false, NOT_OWNER, OK},
    {"endpoints on both, listed: iris1", "iris1", CLUSTER("iris1/r iris2/r"), "", false, OK,
     NO_MATCH},
    {"listed: iris2, local", "iris2", LOCAL("iris1/r"), "", false, NO_MATCH, NOT_OWNER},
    {"iris2 excluded", "all", CLUSTER("iris1/r"), "iris2", false, OK, NOT_OWNER},
    {"iris1 excluded", "all", CLUSTER("iris1/r"), "iris1", false, NOT_OWNER, OK},
    {"both excluded", "all", CLUSTER("iris1/r"), "iris1 iris2", false, NOT_OWNER, NOT_OWNER},
    {"both excluded, ignored", "all", LOCAL("iris1/r"), "iris1 iris2", true, OK, NOT_OWNER},
    {"no advertisement", "", CLUSTER("iris1/r"), "", false, NO_MATCH, NO_MATCH},

    /* service selectors */
    {"selector matches", "all;app=nginx", NGINX(NULL), "", false, NOT_OWNER, OK},
    {"selector differs", "all;app=apache", NGINX(NULL), "", false, NO_MATCH, NO_MATCH},
    {"one of two selectors", "all;app=apache|app=nginx", NGINX(NULL), "", false, NOT_OWNER, OK},
    {"other Service, or other node", "all;app=apache none;app=nginx", NGINX(NULL), "", false,
     NO_MATCH, NO_MATCH},
    {"selectors restrict candidates",
     "iris1;app=foo iris2;app=bar",
     {.labels = "app=foo", .endpoints = "iris1/r"},
     "",
     false,
     OK,
     NO_MATCH},
    {"selectors restrict candidates, the other",
     "iris1;app=foo iris2;app=bar",
     {.labels = "app=bar", .endpoints = "iris1/r"},
     "",
     false,
     NO_MATCH,
     OK},

    /* shared addresses */
    {"shared, selector", "all;app=nginx", NGINX("metallb.io/allow-shared-ip=k"), "", false, SHARED,
     SHARED},
    {"shared, plain", "all", NGINX("metallb.io/allow-shared-ip=k"), "", false, NOT_OWNER, OK},
    {"shared, deprecated spelling", "all;app=nginx", NGINX("metallb.universe.tf/allow-shared-ip=k"),
     "", false, SHARED, SHARED},
    {"shared, empty value", "all;app=nginx", NGINX("metallb.io/allow-shared-ip="), "", false,
     SHARED, SHARED},
    {"shared, plain and selector", "all all;app=nginx", NGINX("metallb.io/allow-shared-ip=k"), "",
     false, SHARED, SHARED},
    {"shared, plain and one that does not match", "all all;app=apache",
     NGINX("metallb.io/allow-shared-ip=k"), "", false, NOT_OWNER, OK},
    {"shared, a selector for everything", "all;*", NGINX("metallb.io/allow-shared-ip=k"), "", false,
     SHARED, SHARED},
    {"shared, refused before nodes are asked", "iris1;app=nginx",
     NGINX("metallb.io/allow-shared-ip=k"), "", false, SHARED, SHARED},
    {"shared, no endpoint comes first",
     "all;app=nginx",
     {.labels = "app=nginx", .annotations = "metallb.io/allow-shared-ip=k"},
     "",
     false,
     NOT_OWNER,
     NOT_OWNER},
};

/* One word of election_row.advs. */
static void add_adv(struct fixture *f, const char *word)
{
    struct string_list names = {0};
    char *nodes = arena_strdup(f->arena, word);
    char *selectors = strchr(nodes, ';');
    struct l2_adv *adv;

    if (selectors != NULL)
        *selectors++ = '\0';
    if (str_eq(nodes, "all"))
        names = f->cfg.nodes;
    else if (!str_eq(nodes, "none"))
        names = fixture_words(f, nodes);
    adv = fixture_l2(f, word, "");
    for (size_t i = 0; i < names.count; i++)
        bitset_add(&adv->nodes, fixture_node(f, names.items[i]));
    if (selectors != NULL)
        adv->service_selectors = fixture_selectors(f, selectors);
}

static void set_up_row(struct fixture *f, const struct election_row *row)
{
    struct string_list advs, excluded;

    fixture_init(f, "iris1 iris2");
    advs = fixture_words(f, row->advs);
    for (size_t i = 0; i < advs.count; i++)
        add_adv(f, advs.items[i]);
    excluded = fixture_words(f, row->excluded);
    for (size_t i = 0; i < excluded.count; i++)
        f->nodes[fixture_node(f, excluded.items[i])].exclude_from_lb = true;
    f->world.ignore_exclude_lb = row->ignore_label;
}

static void test_elections(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(elections); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct decide_service s;
        struct l2_verdict v;
        const char *c1, *c2;

        set_up_row(&f, &elections[i]);
        s = fixture_service(&f, &elections[i].service);
        v = decide(&f, &s);
        c1 = l2_reason_metallb(&v, 0);
        c2 = l2_reason_metallb(&v, 1);
        if (!str_eq(c1, elections[i].c1) || !str_eq(c2, elections[i].c2))
            fail_msg("%s: \"%s\" / \"%s\", want \"%s\" / \"%s\"", elections[i].name, c1, c2,
                     elections[i].c1, elections[i].c2);
    }
}

/* One node; what the plan says about it. Reasons in the order in which they are tested. */
/* Networks without carrier: all of IPv4. */
static const struct prefix everything[] = {{.addr = {.family = IP_V4}, .len = 0}};

static const struct {
    const char *name;
    struct decide_node node;
    const char *advs, *annotations, *endpoints, *policy;
    enum l2_reason reason;
    const char *text;
} reasons[] = {
    {"fine", {0}, "all", "", "n1/r", "Cluster", L2_OK, "ok"},
    {"no speaker first",
     {.liveness = NODE_NO_SPEAKER, .network_unavailable = true, .exclude_from_lb = true},
     "none",
     "",
     NULL,
     "Local",
     L2_NO_SPEAKER,
     "no-speaker"},
    {"network before label",
     {.network_unavailable = true, .exclude_from_lb = true},
     "none",
     "",
     NULL,
     "Local",
     L2_NETWORK_UNAVAILABLE,
     "network-unavailable"},
    {"label before link",
     {.exclude_from_lb = true, .cut_off = everything, .cut_off_count = 1},
     "none",
     "",
     NULL,
     "Local",
     L2_EXCLUDED,
     "excluded-from-load-balancers"},
    {"link before selection",
     {.cut_off = everything, .cut_off_count = 1},
     "none",
     "",
     NULL,
     "Local",
     L2_LINK_DOWN,
     "link-down"},
    {"selection before sharing",
     {0},
     "none;*",
     "metallb.io/allow-shared-ip=k",
     NULL,
     "Local",
     L2_NOT_SELECTED,
     "not-selected"},
    {"sharing before endpoints",
     {0},
     "all;*",
     "metallb.io/allow-shared-ip=k",
     NULL,
     "Local",
     L2_SHARED_SELECTORS,
     "not-selected"},
    {"local, endpoint elsewhere",
     {0},
     "all",
     "",
     "-/r",
     "Local",
     L2_NO_LOCAL_ENDPOINT,
     "no-local-endpoint"},
    {"local, no endpoint at all", {0}, "all", "", "n1/n", "Local", L2_NO_ENDPOINT, "no-endpoint"},
    {"cluster, no endpoint", {0}, "all", "", "n1/n", "Cluster", L2_NO_ENDPOINT, "no-endpoint"},
};

static void test_reasons(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {.annotations = reasons[i].annotations,
                                    .policy = reasons[i].policy,
                                    .endpoints = reasons[i].endpoints};
        struct decide_service s;
        struct l2_verdict v;

        fixture_init(&f, "n1");
        add_adv(&f, reasons[i].advs);
        f.nodes[0] = reasons[i].node;
        s = fixture_service(&f, &spec);
        v = decide(&f, &s);
        assert_int_equal(v.candidate_count, 1);
        if (v.candidates[0].reason != reasons[i].reason ||
            !str_eq(l2_reason_name(v.candidates[0].reason), reasons[i].text))
            fail_msg("%s: %s", reasons[i].name, l2_reason_name(v.candidates[0].reason));
    }
}

/* Two addresses on two links, and which of them each node has lost: "4", "6", both or none. */
static const struct {
    const char *name, *lost_by_a, *lost_by_b, *order;
} links[] = {
    {"all well", "", "", "node-b,node-a"},
    {"b has lost both", "", "46", "node-a"},
    {"b has lost one", "", "6", "node-a"},
    {"a has lost one", "4", "", "node-b"},
    {"each has lost one: half is better than nothing", "4", "6", "node-b,node-a"},
    {"a has lost both, b one", "46", "4", "node-b"},
    {"both have lost both", "46", "46", ""},
};

static size_t lose(struct prefix *ret, const char *which)
{
    size_t count = 0;

    if (strchr(which, '4') != NULL)
        assert_true(prefix_parse(&ret[count++], "10.0.0.0/24"));
    if (strchr(which, '6') != NULL)
        assert_true(prefix_parse(&ret[count++], "2001:db8::/64"));
    return count;
}

static void test_links(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {.addrs = "10.0.0.1 2001:db8::1", .endpoints = "-/r"};
        struct prefix a[2], b[2];
        struct decide_service s;
        struct l2_verdict v;

        fixture_init(&f, "node-a node-b");
        fixture_l2(&f, "lan", NULL);
        f.nodes[0].cut_off = a;
        f.nodes[0].cut_off_count = lose(a, links[i].lost_by_a);
        f.nodes[1].cut_off = b;
        f.nodes[1].cut_off_count = lose(b, links[i].lost_by_b);
        s = fixture_service(&f, &spec);
        v = decide(&f, &s);
        if (!str_eq(order(&f, &v), links[i].order))
            fail_msg("%s: %s, want %s", links[i].name, order(&f, &v), links[i].order);
    }
}

/* Interfaces of two advertisements, "all" for one that names none, and of which node-a has some
 * without carrier or lacks some. */
static const struct {
    const char *name, *one, *two, *dark, *absent;
    bool is_down;
} darks[] = {
    {"all well", "eth1", NULL, "", "", false},
    {"the only one", "eth1", NULL, "eth1", "", true},
    {"another one", "eth1", NULL, "eth2", "", false},
    {"one of two", "eth1 eth2", NULL, "eth1", "", false},
    {"both", "eth1 eth2", NULL, "eth1 eth2", "", true},
    {"the one of two that it has", "eth1 ens3", NULL, "eth1", "ens3", true},
    {"none that it has", "ens3", NULL, "eth1", "ens3", false},
    {"of two advertisements", "eth1", "eth2", "eth1 eth2", "", true},
    {"of one of them", "eth1", "eth2", "eth1", "", false},
    {"the other takes all", "eth1", "all", "eth1", "", false},
    {"no names", "all", NULL, "eth1", "", false},
};

static struct string_list words_of(struct fixture *f, const char *words)
{
    return str_eq(words, "all") ? (struct string_list){0} : fixture_words(f, words);
}

static void test_dark_interfaces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(darks); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {.addrs = "10.0.0.1", .endpoints = "-/r"};
        struct decide_service s;
        struct l2_verdict v;

        fixture_init(&f, "node-a node-b");
        fixture_l2(&f, "one", NULL)->interfaces = words_of(&f, darks[i].one);
        if (darks[i].two != NULL)
            fixture_l2(&f, "two", NULL)->interfaces = words_of(&f, darks[i].two);
        fixture_l2(&f, "other node", "node-b");
        f.nodes[0].dark = fixture_words(&f, darks[i].dark);
        f.nodes[0].absent = fixture_words(&f, darks[i].absent);
        s = fixture_service(&f, &spec);
        v = decide(&f, &s);
        if (!str_eq(order(&f, &v), darks[i].is_down ? "node-b" : "node-b,node-a"))
            fail_msg("%s: %s", darks[i].name, order(&f, &v));
        if (darks[i].is_down)
            assert_int_equal(v.candidates[1].reason, L2_LINK_DOWN);
    }
}

/* Scores and hashes together (spec speaker-l2 9.2 "Sorting" and "Preferred failover"). */
static const struct {
    const char *name, *nodes, *scores, *address, *gone, *order;
} sortings[] = {
    {"single", "a", "", "10.0.0.1", "", "a"},
    {"no scores, .1", "node-a node-b node-c", "", "10.0.0.1", "", "node-b,node-a,node-c"},
    {"no scores, .2", "node-a node-b node-c", "", "10.0.0.2", "", "node-b,node-c,node-a"},
    {"given in another order", "node-c node-a node-b", "", "10.0.0.1", "", "node-b,node-a,node-c"},
    {"one preferred", "edge-a edge-b worker-a worker-b", "edge-a=100", "10.20.30.1", "",
     "edge-a,edge-b,worker-a,worker-b"},
    {"equal scores", "node-a node-b", "node-a=100 node-b=100", "10.20.30.1", "", "node-b,node-a"},
    {"two preferred", "edge-a edge-b worker-a", "edge-a=100 edge-b=100", "10.20.30.1", "",
     "edge-b,edge-a,worker-a"},
    {"higher score beats better hash", "node-a node-b", "node-a=2 node-b=1", "10.20.30.1", "",
     "node-a,node-b"},
    {"failover: edge-a gone", "edge-a edge-b worker-a", "edge-a=100 edge-b=100", "10.20.30.1",
     "edge-a", "edge-b,worker-a"},
    {"failover: edge-b gone", "edge-a edge-b worker-a", "edge-a=100 edge-b=100", "10.20.30.1",
     "edge-b", "edge-a,worker-a"},
    {"failover: both edges gone", "edge-a edge-b worker-a worker-b", "edge-a=100 edge-b=100",
     "10.20.30.1", "edge-a edge-b", "worker-a,worker-b"},
};

static void test_sorting(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sortings); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {.addrs = sortings[i].address, .endpoints = "-/r"};
        struct decide_service s;
        struct string_list gone;
        struct l2_verdict v;

        fixture_init(&f, sortings[i].nodes);
        fixture_scores(&f, fixture_l2(&f, "lan", NULL), sortings[i].scores);
        gone = fixture_words(&f, sortings[i].gone);
        for (size_t k = 0; k < gone.count; k++)
            f.nodes[fixture_node(&f, gone.items[k])].liveness = NODE_NO_SPEAKER;
        s = fixture_service(&f, &spec);
        v = decide(&f, &s);
        if (!str_eq(order(&f, &v), sortings[i].order))
            fail_msg("%s: %s, want %s", sortings[i].name, order(&f, &v), sortings[i].order);
        assert_int_equal(v.candidate_count, f.cfg.nodes.count);
    }
}

static void test_others_by_name(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "b/r", .policy = "Local"};
    struct decide_service s;
    struct l2_verdict v;

    (void)state;
    fixture_init(&f, "d b c a");
    fixture_scores(&f, fixture_l2(&f, "lan", NULL), "d=100 c=50");
    s = fixture_service(&f, &spec);
    v = decide(&f, &s);
    assert_int_equal(v.eligible_count, 1);
    assert_string_equal(f.cfg.nodes.items[v.candidates[0].node], "b");
    assert_string_equal(f.cfg.nodes.items[v.candidates[1].node], "a");
    assert_string_equal(f.cfg.nodes.items[v.candidates[2].node], "c");
    assert_string_equal(f.cfg.nodes.items[v.candidates[3].node], "d");
}

/* a=70 plus (a=30, b=50) gives a=100, b=50; what does not match the Service adds nothing; what does
 * not list the node adds. */
static void test_scores_add_up(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.labels = "app=web", .endpoints = "a/r"};
    struct decide_service s;
    struct l2_adv *other;
    struct l2_verdict v;

    (void)state;
    fixture_init(&f, "a b c");
    (void)fixture_l2(&f, "plain", NULL);
    fixture_scores(&f, fixture_l2(&f, "one", NULL), "a=70");
    fixture_scores(&f, fixture_l2(&f, "two", "a"), "a=30 b=50");
    other = fixture_l2(&f, "other", NULL);
    other->service_selectors = fixture_selectors(&f, "app=db");
    fixture_scores(&f, other, "c=1000");
    s = fixture_service(&f, &spec);
    v = decide(&f, &s);
    assert_int_equal(candidate(&f, &v, "a")->score, 100);
    assert_int_equal(candidate(&f, &v, "b")->score, 50);
    assert_int_equal(candidate(&f, &v, "c")->score, 0);
}

static void test_mixed_advertisements(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.labels = "app=web", .endpoints = "worker-a/r"};
    struct decide_service s;
    struct l2_adv *other;
    struct l2_verdict v;

    (void)state;
    fixture_init(&f, "edge-a worker-a");
    fixture_scores(&f, fixture_l2(&f, "ad1", "edge-a"), "edge-a=100");
    (void)fixture_l2(&f, "ad2", NULL);
    other = fixture_l2(&f, "ad3", NULL);
    other->service_selectors = fixture_selectors(&f, "app=db");
    fixture_scores(&f, other, "worker-a=1000");
    s = fixture_service(&f, &spec);
    v = decide(&f, &s);
    assert_string_equal(order(&f, &v), "edge-a,worker-a");
}

static void test_preferred_without_local_endpoint(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.policy = "Local", .endpoints = "worker-a/r"};
    struct decide_service s;
    struct l2_verdict v;

    (void)state;
    fixture_init(&f, "preferred-a worker-a");
    fixture_scores(&f, fixture_l2(&f, "lan", NULL), "preferred-a=100");
    s = fixture_service(&f, &spec);
    v = decide(&f, &s);
    assert_string_equal(order(&f, &v), "worker-a");
}

/* Cluster policy: 10.20.30.1 to 255 spread over both speakers, and where the endpoint is does not
 * matter. */
static void test_spread(void **state)
{
    size_t wins[2] = {0};

    (void)state;
    for (unsigned i = 1; i <= 255; i++) {
        CLEANUP(fixture_done) struct fixture f;
        char address[32];
        struct service_spec on1 = {.addrs = address, .endpoints = "iris1/r"};
        struct service_spec on2 = {.addrs = address, .endpoints = "iris2/r"};
        struct decide_service s1, s2;
        struct l2_verdict v1, v2;

        snprintf(address, sizeof(address), "10.20.30.%u", i);
        fixture_init(&f, "iris1 iris2");
        (void)fixture_l2(&f, "lan", NULL);
        s1 = fixture_service(&f, &on1);
        s2 = fixture_service(&f, &on2);
        v1 = decide(&f, &s1);
        v2 = decide(&f, &s2);
        assert_int_equal(v1.eligible_count, 2);
        assert_int_equal(v1.candidates[0].node, v2.candidates[0].node);
        wins[v1.candidates[0].node]++;
    }
    assert_true(wins[0] > 0 && wins[1] > 0);
}

static void test_first_address_elects(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec one = {.addrs = "10.20.30.2 10.20.30.1", .endpoints = "-/r"};
    struct decide_service s;
    struct l2_verdict v;

    (void)state;
    fixture_init(&f, "iris1 iris2");
    (void)fixture_l2(&f, "lan", NULL);
    s = fixture_service(&f, &one);
    v = decide(&f, &s);
    assert_string_equal(order(&f, &v), "iris1,iris2"); /* as .2 alone would elect */
}

static const struct {
    const char *name, *interfaces[2], *nodes[2];
    bool all;
    const char *want, *advs; /* on iris1 */
} rules[] = {
    {"all", {"", NULL}, {NULL}, true, "", "adv0"},
    {"listed", {"eth1 eth2", NULL}, {NULL}, false, "eth1,eth2", "adv0"},
    {"union", {"eth0 eth1", "eth0 eth2"}, {NULL}, false, "eth0,eth1,eth2", "adv0,adv1"},
    {"union is sorted", {"eth9 eth1", "eth5"}, {NULL}, false, "eth1,eth5,eth9", "adv0,adv1"},
    {"all wins", {"eth0 eth1", ""}, {NULL}, true, "", "adv0,adv1"},
    {"only what lists the node", {"eth0", "eth1"}, {"iris1", "iris2"}, false, "eth0", "adv0"},
    {"all for the other node", {"eth0", ""}, {"iris1", "iris2"}, false, "eth0", "adv0"},
};

static void test_interfaces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {.endpoints = "-/r"};
        struct string_list interfaces, names;
        struct decide_service s;
        struct l2_verdict v;
        bool all;

        fixture_init(&f, "iris1 iris2");
        for (size_t k = 0; k < 2 && rules[i].interfaces[k] != NULL; k++)
            fixture_l2(&f, k == 0 ? "adv0" : "adv1", rules[i].nodes[k])->interfaces =
                fixture_words(&f, rules[i].interfaces[k]);
        s = fixture_service(&f, &spec);
        v = decide(&f, &s);
        interfaces = decide_l2_interfaces(&v, 0, f.arena, &all);
        names = decide_l2_adv_names(&v, 0, f.arena);
        if (all != rules[i].all || !str_eq(fixture_join(&f, &interfaces), rules[i].want) ||
            !str_eq(fixture_join(&f, &names), rules[i].advs))
            fail_msg("%s: all %d, %s by %s", rules[i].name, all, fixture_join(&f, &interfaces),
                     fixture_join(&f, &names));
    }
}

/* Equal advertisements are one attachment with several names. */
static void test_names_of_one_attachment(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "-/r"};
    struct string_list names;
    struct decide_service s;
    struct l2_verdict v;

    (void)state;
    fixture_init(&f, "iris1");
    (void)fixture_l2(&f, "zebra lan", NULL);
    (void)fixture_l2(&f, "home lan", NULL);
    s = fixture_service(&f, &spec);
    v = decide(&f, &s);
    names = decide_l2_adv_names(&v, 0, f.arena);
    assert_string_equal(fixture_join(&f, &names), "home,lan,zebra");
}

static void test_covering(void **state)
{
    static const struct {
        const char *name, *advs, *want;
    } rows[] = {
        {"plain", "all", "all"},
        {"matching", "all;app=nginx", "all;app=nginx"},
        {"other", "all;app=apache", ""},
        {"of another node", "iris2", "iris2"},
        {"three", "all;app=apache all;app=nginx all", "all;app=nginx,all"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(fixture_done) struct fixture f;
        CLEANUP(text_done) struct text t = {0};
        struct service_spec spec = {.labels = "app=nginx", .endpoints = "-/r"};
        struct string_list advs;
        struct decide_service s;
        struct l2_verdict v;

        fixture_init(&f, "iris1 iris2");
        advs = fixture_words(&f, rows[i].advs);
        for (size_t k = 0; k < advs.count; k++)
            add_adv(&f, advs.items[k]);
        s = fixture_service(&f, &spec);
        v = decide(&f, &s);
        for (size_t k = 0; k < v.adv_count; k++)
            text_printf(&t, "%s%s", k > 0 ? "," : "", v.advs[k]->adv->name);
        if (!str_eq(text_str(&t), rows[i].want))
            fail_msg("%s: %s", rows[i].name, text_str(&t));
    }
}

static void test_without_address(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.addrs = "", .endpoints = "iris1/r"};
    struct decide_service s;
    struct l2_verdict v;

    (void)state;
    fixture_init(&f, "iris1");
    (void)fixture_l2(&f, "lan", NULL);
    s = fixture_service(&f, &spec);
    s.pool = NULL;
    v = decide(&f, &s);
    assert_int_equal(v.adv_count, 0);
    assert_int_equal(v.candidate_count, 0);
    assert_int_equal(v.eligible_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rank_vectors),
        cmocka_unit_test(test_elections),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_dark_interfaces),
        cmocka_unit_test(test_sorting),
        cmocka_unit_test(test_others_by_name),
        cmocka_unit_test(test_scores_add_up),
        cmocka_unit_test(test_mixed_advertisements),
        cmocka_unit_test(test_preferred_without_local_endpoint),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_first_address_elects),
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_names_of_one_attachment),
        cmocka_unit_test(test_covering),
        cmocka_unit_test(test_without_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
