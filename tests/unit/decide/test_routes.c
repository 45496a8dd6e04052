/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of one Service, and how Services that share a prefix share a route: spec speaker-bgp C25
 * to C27, 7.1; changes-0.16.2 1.4, 13. */
#include "decide/decide.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SERVICES_MAX = 6 };

/* Some Services with their table, as the evaluation of a cluster holds them. */
struct cluster {
    struct decide_service services[SERVICES_MAX];
    struct bgp_verdict verdicts[SERVICES_MAX];
    size_t count;
    struct route_table *table;
};

static void add_service(struct cluster *c, struct fixture *f, const struct service_spec *spec)
{
    c->services[c->count++] = fixture_service(f, spec);
}

static void decide_all(struct cluster *c, struct fixture *f)
{
    for (size_t i = 0; i < c->count; i++)
        decide_bgp(&f->world, &c->services[i], f->arena, &c->verdicts[i]);
    c->table = route_table_new(&f->world, c->services, c->verdicts, c->count, f->arena);
}

static void print_route(struct text *t, const struct fixture *f, const struct bgp_route *r)
{
    text_printf(t, "%s>%s %s", f->cfg.nodes.items[r->node], r->peer->name,
                prefix_format(r->prefix).s);
    if (r->local_pref != 0)
        text_printf(t, " lp=%u", r->local_pref);
    if (r->as_path_prepend != 0)
        text_printf(t, " pp=%u", r->as_path_prepend);
    for (size_t i = 0; i < r->community_count; i++)
        text_printf(t, " %s", bgp_community_format(r->communities[i]).s);
    text_add(t, r->local_pref_ignored ? " !lp" : "");
    text_add(t, r->as_path_prepend_ignored ? " !pp" : "");
    text_add(t, r->values_differ ? " !differ" : "");
}

/* "A>tor 10.20.30.1/32 lp=100, …" */
static const char *routes(struct cluster *c, struct fixture *f, size_t service)
{
    CLEANUP(text_done) struct text t = {0};
    size_t count;
    struct bgp_route *list = route_table_of(c->table, service, f->arena, &count);

    for (size_t i = 0; i < count; i++) {
        text_add(&t, i > 0 ? ", " : "");
        print_route(&t, f, &list[i]);
    }
    return arena_strdup(f->arena, text_str(&t));
}

static struct peer *ibgp(struct peer *p)
{
    p->peer_asn = p->my_asn;
    return p;
}

/* One Service on node A; one peer "tor" (eBGP) and the advertisement "main", changed by the row. */
struct one_row {
    const char *name, *addrs;
    void (*change)(struct fixture *f, struct bgp_adv *adv, struct peer *tor);
    const char *want;
};

static void change_nothing(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    (void)f;
    (void)adv;
    (void)tor;
}

static void aggregate_both(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    (void)f;
    adv->aggregation_length = 24;
    adv->aggregation_length_v6 = 64;
    tor->dual_stack_address_family = true;
}

static void values_on_ebgp(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    (void)tor;
    adv->local_pref = 100;
    adv->as_path_prepend = 3;
    fixture_communities(f, adv, "large:1:2:3 65000:2 0:1234 65000:1");
}

static void values_on_ibgp(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    values_on_ebgp(f, adv, ibgp(tor));
}

static void local_asn_makes_ibgp(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    values_on_ebgp(f, adv, tor);
    tor->local_asn = tor->peer_asn;
}

static void dynamic_external(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    values_on_ebgp(f, adv, tor);
    tor->dynamic_asn = ASN_EXTERNAL;
    tor->peer_asn = 0;
}

static void dynamic_internal(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    values_on_ebgp(f, adv, tor);
    tor->dynamic_asn = ASN_INTERNAL;
    tor->peer_asn = 0;
}

static void peer_by_interface(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    (void)f;
    (void)adv;
    tor->address = (struct ip){0};
    tor->interface = "eth0";
}

static void peer_of_v6(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    (void)f;
    (void)adv;
    tor->address = fixture_ip("2001:db8::1");
}

static void peer_of_other_node(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    (void)adv;
    tor->nodes = fixture_nodes(f, "B");
}

static void adv_for_named_peer(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    (void)tor;
    adv->peers = fixture_words(f, "ghost tor");
}

static void adv_for_unknown_peer(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    (void)tor;
    adv->peers = fixture_words(f, "ghost");
}

static void adv_for_other_node(struct fixture *f, struct bgp_adv *adv, struct peer *tor)
{
    (void)tor;
    adv->nodes = fixture_nodes(f, "B");
}

#define V4 "10.20.30.1"
#define V6 "2001:db8:1::1"

static const struct one_row ones[] = {
    {"plain", V4, change_nothing, "A>tor 10.20.30.1/32"},
    {"IPv6 over an IPv4 peer is skipped", V4 " " V6, change_nothing, "A>tor 10.20.30.1/32"},
    {"IPv4 over an IPv6 peer is skipped", V4 " " V6, peer_of_v6, "A>tor 2001:db8:1::1/128"},
    {"a peer by interface takes both", V6 " " V4, peer_by_interface,
     "A>tor 10.20.30.1/32, A>tor 2001:db8:1::1/128"},
    {"aggregated", V4 " " V6, aggregate_both, "A>tor 10.20.30.0/24, A>tor 2001:db8:1::/64"},
    {"eBGP", V4, values_on_ebgp, "A>tor 10.20.30.1/32 pp=3 large:1:2:3 0:1234 65000:1 65000:2 !lp"},
    {"iBGP", V4, values_on_ibgp,
     "A>tor 10.20.30.1/32 lp=100 large:1:2:3 0:1234 65000:1 65000:2 !pp"},
    {"iBGP by localASN", V4, local_asn_makes_ibgp,
     "A>tor 10.20.30.1/32 lp=100 large:1:2:3 0:1234 65000:1 65000:2 !pp"},
    {"dynamicASN external", V4, dynamic_external,
     "A>tor 10.20.30.1/32 pp=3 large:1:2:3 0:1234 65000:1 65000:2 !lp"},
    {"dynamicASN internal", V4, dynamic_internal,
     "A>tor 10.20.30.1/32 lp=100 large:1:2:3 0:1234 65000:1 65000:2 !pp"},
    {"the peer does not select the node", V4, peer_of_other_node, ""},
    {"peers names it, and one that is not there", V4, adv_for_named_peer, "A>tor 10.20.30.1/32"},
    {"peers names one that is not there", V4, adv_for_unknown_peer, ""},
    {"the advertisement lists another node", V4, adv_for_other_node, ""},
};

static void test_one_service(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ones); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {.addrs = ones[i].addrs, .policy = "Local", .endpoints = "A/r"};
        struct cluster c = {0};
        const char *got;

        fixture_init(&f, "A B");
        ones[i].change(&f, fixture_bgp(&f, "main", NULL),
                       fixture_peer(&f, "tor", "10.9.0.1", NULL));
        add_service(&c, &f, &spec);
        decide_all(&c, &f);
        got = routes(&c, &f, 0);
        if (!str_eq(got, ones[i].want))
            fail_msg("%s: %s, want %s", ones[i].name, got, ones[i].want);
    }
}

static void test_sorted_by_node_peer_prefix(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.addrs = "10.20.30.9 10.20.30.1", .endpoints = "-/r"};
    struct cluster c = {0};

    (void)state;
    fixture_init(&f, "B A");
    (void)fixture_bgp(&f, "main", NULL);
    (void)fixture_peer(&f, "p1", "10.9.0.1", NULL);
    (void)fixture_peer(&f, "p2", "10.9.0.2", "A");
    add_service(&c, &f, &spec);
    decide_all(&c, &f);
    assert_string_equal(routes(&c, &f, 0),
                        "A>p1 10.20.30.1/32, A>p1 10.20.30.9/32, A>p2 10.20.30.1/32, "
                        "A>p2 10.20.30.9/32, B>p1 10.20.30.1/32, B>p1 10.20.30.9/32");
}

/* Steps 13 to 15 of TestBGPSpeakerEPSlices: two advertisements of different lengths. */
static void test_two_advertisements(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "A/r"};
    struct bgp_adv *host, *net;
    struct cluster c = {0};

    (void)state;
    fixture_init(&f, "A");
    host = fixture_bgp(&f, "host", NULL);
    host->local_pref = 100;
    host->as_path_prepend = 3;
    fixture_communities(&f, host, "0:2345 0:1234");
    net = fixture_bgp(&f, "net", NULL);
    net->aggregation_length = 24;
    net->local_pref = 1000;
    (void)fixture_peer(&f, "ext", "10.9.0.1", NULL);
    (void)ibgp(fixture_peer(&f, "int", "10.9.0.2", NULL));
    add_service(&c, &f, &spec);
    decide_all(&c, &f);
    assert_string_equal(routes(&c, &f, 0),
                        "A>ext 10.20.30.0/24 !lp, A>ext 10.20.30.1/32 pp=3 0:1234 0:2345 !lp, "
                        "A>int 10.20.30.0/24 lp=1000, "
                        "A>int 10.20.30.1/32 lp=100 0:1234 0:2345 !pp");

    host->peers = fixture_words(&f, "ext");
    decide_all(&c, &f);
    assert_string_equal(routes(&c, &f, 0),
                        "A>ext 10.20.30.0/24 !lp, A>ext 10.20.30.1/32 pp=3 0:1234 0:2345 !lp, "
                        "A>int 10.20.30.0/24 lp=1000");
}

/* C27: each peer sees only the attributes of the advertisement that is for it. */
static void test_advertisement_a_peer(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "A/r"};
    struct bgp_adv *one, *two;
    struct cluster c = {0};

    (void)state;
    fixture_init(&f, "A");
    one = fixture_bgp(&f, "one", NULL);
    one->peers = fixture_words(&f, "p1");
    one->local_pref = 100;
    fixture_communities(&f, one, "1:1");
    two = fixture_bgp(&f, "two", NULL);
    two->peers = fixture_words(&f, "p2");
    two->local_pref = 200;
    fixture_communities(&f, two, "2:2");
    (void)ibgp(fixture_peer(&f, "p1", "10.9.0.1", NULL));
    (void)ibgp(fixture_peer(&f, "p2", "10.9.0.2", NULL));
    add_service(&c, &f, &spec);
    decide_all(&c, &f);
    assert_string_equal(routes(&c, &f, 0),
                        "A>p1 10.20.30.1/32 lp=100 1:1, A>p2 10.20.30.1/32 lp=200 2:2");
}

/* Advertisements of one Service with equal values: the communities add up, each once. */
static void test_union_of_communities(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "A/r"};
    struct cluster c = {0};

    (void)state;
    fixture_init(&f, "A B");
    fixture_communities(&f, fixture_bgp(&f, "one", NULL), "1:1 3:3");
    fixture_communities(&f, fixture_bgp(&f, "two", NULL), "2:2 3:3 large:1:1:1");
    fixture_communities(&f, fixture_bgp(&f, "zzz", "B"), "9:9");
    (void)fixture_bgp(&f, "bare", NULL);
    (void)fixture_peer(&f, "p", "10.9.0.1", NULL);
    add_service(&c, &f, &spec);
    decide_all(&c, &f);
    assert_string_equal(routes(&c, &f, 0), "A>p 10.20.30.1/32 large:1:1:1 1:1 2:2 3:3, "
                                           "B>p 10.20.30.1/32 large:1:1:1 1:1 2:2 3:3 9:9");
}

/*
 * Of one Service two advertisements, each for some of the nodes and with a community of its own; of
 * a node with neither there is no route (spec speaker-bgp 7.5, node selectors).
 */
static const struct {
    const char *name, *nodes[2]; /* NULL: all */
    const char *want;
} node_sets[] = {
    {"the same two", {"A B", "A B"}, "A>p 10.20.30.1/32 1:1 2:2, B>p 10.20.30.1/32 1:1 2:2"},
    {"one of two", {"A", "A B"}, "A>p 10.20.30.1/32 1:1 2:2, B>p 10.20.30.1/32 2:2"},
    {"all, and two",
     {NULL, "A B"},
     "A>p 10.20.30.1/32 1:1 2:2, B>p 10.20.30.1/32 1:1 2:2, C>p 10.20.30.1/32 1:1"},
    {"apart", {"A", "B C"}, "A>p 10.20.30.1/32 1:1, B>p 10.20.30.1/32 2:2, C>p 10.20.30.1/32 2:2"},
    {"none, and one", {"", "C"}, "C>p 10.20.30.1/32 2:2"},
};

static void test_node_sets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(node_sets); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {.endpoints = "A/r"};
        struct cluster c = {0};
        const char *got;

        fixture_init(&f, "A B C");
        fixture_communities(&f, fixture_bgp(&f, "one", node_sets[i].nodes[0]), "1:1");
        fixture_communities(&f, fixture_bgp(&f, "two", node_sets[i].nodes[1]), "2:2");
        (void)fixture_peer(&f, "p", "10.9.0.1", NULL);
        add_service(&c, &f, &spec);
        decide_all(&c, &f);
        got = routes(&c, &f, 0);
        if (!str_eq(got, node_sets[i].want))
            fail_msg("%s: %s, want %s", node_sets[i].name, got, node_sets[i].want);
    }
}

/* Which nodes tell which peers, by the nodes that the peers select (7.5, peer node selectors). */
static const struct {
    const char *name, *nodes[3]; /* of the peers p0, p1, p2; NULL: there are no more */
    const char *want;
} peer_sets[] = {
    {"each node one", {"A", "B C"}, "A>p0, B>p1, C>p1"},
    {"one has all", {"A", "B", "A B C"}, "A>p0, A>p2, B>p1, B>p2, C>p2"},
    {"one node has none", {"A", "B", "A"}, "A>p0, A>p2, B>p1"},
};

static const char *who_tells_whom(struct cluster *c, struct fixture *f)
{
    CLEANUP(text_done) struct text t = {0};
    size_t count;
    struct bgp_route *list = route_table_of(c->table, 0, f->arena, &count);

    for (size_t i = 0; i < count; i++)
        text_printf(&t, "%s%s>%s", i > 0 ? ", " : "", f->cfg.nodes.items[list[i].node],
                    list[i].peer->name);
    return arena_strdup(f->arena, text_str(&t));
}

static void test_peer_sets(void **state)
{
    const char *const names[] = {"p0", "p1", "p2"}, *const at[] = {"10.9.0.1", "10.9.0.2",
                                                                   "10.9.0.3"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(peer_sets); i++) {
        CLEANUP(fixture_done) struct fixture f;
        struct service_spec spec = {.endpoints = "A/r"};
        struct cluster c = {0};
        const char *got;

        fixture_init(&f, "A B C");
        (void)fixture_bgp(&f, "main", NULL);
        for (size_t k = 0; k < ARRAY_SIZE(names) && peer_sets[i].nodes[k] != NULL; k++)
            (void)fixture_peer(&f, names[k], at[k], peer_sets[i].nodes[k]);
        add_service(&c, &f, &spec);
        decide_all(&c, &f);
        got = who_tells_whom(&c, &f);
        if (!str_eq(got, peer_sets[i].want))
            fail_msg("%s: %s, want %s", peer_sets[i].name, got, peer_sets[i].want);
    }
}

/*
 * Two Services, app=x and app=y, each with its own advertisement: what they wish for an address
 * that they share, or a prefix in which they meet.
 */
static const struct {
    const char *name;
    const char *addrs[2], *endpoints[2]; /* policy Local */
    uint8_t length[2];
    uint32_t local_pref[2];
    uint8_t prepend[2];
    const char *communities[2];
    bool internal;
    const char *want[2];
} pairs[] = {
    {"apart",
     {"10.20.30.1", "10.20.30.2"},
     {"A/r", "A/r"},
     {32, 32},
     {0, 0},
     {1, 2},
     {"1:1", "2:2"},
     false,
     {"A>p 10.20.30.1/32 pp=1 1:1", "A>p 10.20.30.2/32 pp=2 2:2"}},
    {"shared address",
     {"10.20.30.1", "10.20.30.1"},
     {"A/r", "A/r"},
     {32, 32},
     {0, 0},
     {0, 0},
     {"1:1", "2:2"},
     false,
     {"A>p 10.20.30.1/32 1:1 2:2", "A>p 10.20.30.1/32 1:1 2:2"}},
    {"shared aggregate",
     {"10.20.30.1", "10.20.30.200"},
     {"A/r", "A/r"},
     {24, 24},
     {0, 0},
     {0, 0},
     {"1:1", "2:2"},
     false,
     {"A>p 10.20.30.0/24 1:1 2:2", "A>p 10.20.30.0/24 1:1 2:2"}},
    {"lengths differ: no meeting",
     {"10.20.30.0", "10.20.30.0"},
     {"A/r", "A/r"},
     {24, 32},
     {0, 0},
     {0, 0},
     {"1:1", "2:2"},
     false,
     {"A>p 10.20.30.0/24 1:1", "A>p 10.20.30.0/32 2:2"}},
    {"meets only where both announce",
     {"10.20.30.1", "10.20.30.1"},
     {"A/r B/r", "B/r"},
     {32, 32},
     {0, 0},
     {1, 2},
     {"1:1", "2:2"},
     false,
     {"A>p 10.20.30.1/32 pp=1 1:1, B>p 10.20.30.1/32 pp=1 1:1 2:2 !differ",
      "B>p 10.20.30.1/32 pp=1 1:1 2:2 !differ"}},
    {"one announces nowhere",
     {"10.20.30.1", "10.20.30.1"},
     {"A/r", "A/n"},
     {32, 32},
     {0, 0},
     {1, 2},
     {"1:1", "2:2"},
     false,
     {"A>p 10.20.30.1/32 pp=1 1:1", ""}},
    {"the smallest prepend wins",
     {"10.20.30.1", "10.20.30.1"},
     {"A/r", "A/r"},
     {32, 32},
     {0, 0},
     {5, 3},
     {"", ""},
     false,
     {"A>p 10.20.30.1/32 pp=3 !differ", "A>p 10.20.30.1/32 pp=3 !differ"}},
    {"no prepend is no wish",
     {"10.20.30.1", "10.20.30.1"},
     {"A/r", "A/r"},
     {32, 32},
     {0, 0},
     {5, 0},
     {"", ""},
     false,
     {"A>p 10.20.30.1/32 pp=5 !differ", "A>p 10.20.30.1/32 pp=5 !differ"}},
    {"the highest local preference wins",
     {"10.20.30.1", "10.20.30.1"},
     {"A/r", "A/r"},
     {32, 32},
     {100, 300},
     {0, 0},
     {"", ""},
     true,
     {"A>p 10.20.30.1/32 lp=300 !differ", "A>p 10.20.30.1/32 lp=300 !differ"}},
    {"equal wishes",
     {"10.20.30.1", "10.20.30.1"},
     {"A/r", "A/r"},
     {32, 32},
     {300, 300},
     {2, 2},
     {"", ""},
     true,
     {"A>p 10.20.30.1/32 lp=300 !pp", "A>p 10.20.30.1/32 lp=300 !pp"}},
    {"a difference that is not sent is none",
     {"10.20.30.1", "10.20.30.1"},
     {"A/r", "A/r"},
     {32, 32},
     {100, 300},
     {2, 2},
     {"", ""},
     false,
     {"A>p 10.20.30.1/32 pp=2 !lp", "A>p 10.20.30.1/32 pp=2 !lp"}},
};

static void add_pair(struct fixture *f, struct cluster *c, size_t row, size_t k)
{
    struct service_spec spec = {.labels = k == 0 ? "app=x" : "app=y",
                                .policy = "Local",
                                .addrs = pairs[row].addrs[k],
                                .endpoints = pairs[row].endpoints[k]};
    struct bgp_adv *adv = fixture_bgp(f, k == 0 ? "x" : "y", NULL);

    adv->service_selectors = fixture_selectors(f, spec.labels);
    adv->aggregation_length = pairs[row].length[k];
    adv->local_pref = pairs[row].local_pref[k];
    adv->as_path_prepend = pairs[row].prepend[k];
    fixture_communities(f, adv, pairs[row].communities[k]);
    add_service(c, f, &spec);
}

static void test_two_services(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        for (size_t first = 0; first < 2; first++) { /* in either order */
            CLEANUP(fixture_done) struct fixture f;
            struct cluster c = {0};
            struct peer *p;

            fixture_init(&f, "A B");
            p = fixture_peer(&f, "p", "10.9.0.1", NULL);
            if (pairs[i].internal)
                (void)ibgp(p);
            add_pair(&f, &c, i, first);
            add_pair(&f, &c, i, 1 - first);
            decide_all(&c, &f);
            for (size_t k = 0; k < 2; k++) {
                const char *got = routes(&c, &f, k == first ? 0 : 1);

                if (!str_eq(got, pairs[i].want[k]))
                    fail_msg("%s: %s, want %s", pairs[i].name, got, pairs[i].want[k]);
            }
        }
    }
}

/* Steps 18 to 20: a Service leaves, the route of the other stays. */
static void test_last_contributor(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "A/r"};
    struct cluster c = {0}, alone = {0};

    (void)state;
    fixture_init(&f, "A");
    (void)fixture_bgp(&f, "main", NULL);
    (void)fixture_peer(&f, "p", "10.9.0.1", NULL);
    add_service(&c, &f, &spec);
    add_service(&c, &f, &spec);
    decide_all(&c, &f);
    assert_string_equal(routes(&c, &f, 0), "A>p 10.20.30.1/32");
    assert_string_equal(routes(&c, &f, 1), "A>p 10.20.30.1/32");
    add_service(&alone, &f, &spec);
    decide_all(&alone, &f);
    assert_string_equal(routes(&alone, &f, 0), "A>p 10.20.30.1/32");
}

static void test_service_without_routes(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    struct service_spec spec = {.endpoints = "A/r"};
    struct cluster c = {0};

    (void)state;
    fixture_init(&f, "A");
    (void)fixture_bgp(&f, "main", NULL);
    (void)fixture_peer(&f, "p", "10.9.0.1", NULL);
    add_service(&c, &f, &spec);
    add_service(&c, &f, &spec);
    c.services[0].pool = NULL; /* waits for an address */
    c.services[0].addr_count = 0;
    decide_all(&c, &f);
    assert_string_equal(routes(&c, &f, 0), "");
    assert_string_equal(routes(&c, &f, 1), "A>p 10.20.30.1/32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_service),
        cmocka_unit_test(test_sorted_by_node_peer_prefix),
        cmocka_unit_test(test_two_advertisements),
        cmocka_unit_test(test_advertisement_a_peer),
        cmocka_unit_test(test_union_of_communities),
        cmocka_unit_test(test_node_sets),
        cmocka_unit_test(test_peer_sets),
        cmocka_unit_test(test_two_services),
        cmocka_unit_test(test_last_contributor),
        cmocka_unit_test(test_service_without_routes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
