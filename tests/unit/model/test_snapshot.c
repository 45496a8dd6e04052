/* SPDX-License-Identifier: Apache-2.0 */
#include "decode_case.h"

#include "model/snapshot.h"

#define NODES 4

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena = arena_free(arena);
    return 0;
}

/* "a b c" as a list; "" is the empty one. */
static struct string_list words(const char *text)
{
    struct string_list list = {.items = arena_calloc(arena, strlen(text) + 1, sizeof(char *))};
    char *copy = arena_strdup(arena, text);

    for (char *rest = copy, *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word != '\0')
            list.items[list.count++] = word;
    }
    return list;
}

static struct ip ip_of(const char *text)
{
    struct ip a;

    if (!ip_parse(&a, text))
        fail_msg("not an address: %s", text);
    return a;
}

static struct pool pool_new(const char *name, const char *prefixes)
{
    struct string_list texts = words(prefixes);
    struct prefix *p = arena_calloc(arena, texts.count, sizeof(*p));

    for (size_t i = 0; i < texts.count; i++) {
        if (!prefix_parse(&p[i], texts.items[i]))
            fail_msg("not a prefix: %s", texts.items[i]);
    }
    return (struct pool){.name = name, .prefixes = p, .prefix_count = texts.count};
}

static struct snapshot *snapshot_new(void)
{
    struct arena *own = arena_new();
    struct snapshot *c = arena_alloc(own, sizeof(*c));

    c->arena = own;
    c->refs = 1;
    return c;
}

/* The sanitizer build sees a use after free, or a leak. */
static void test_references(void **state)
{
    CLEANUP(snapshot_unrefp) struct snapshot *c = snapshot_new();
    struct snapshot *other = snapshot_ref(c);

    (void)state;
    assert_ptr_equal(other, c);
    assert_int_equal(c->refs, 2);
    assert_null(snapshot_unref(other));
    assert_int_equal(c->refs, 1);
    assert_null(snapshot_unref(NULL));
}

static void test_find(void **state)
{
    const struct pool pools[] = {{.name = "a"}, {.name = "b"}};
    const struct peer peers[] = {{.name = "tor"}};
    const struct snapshot c = {.nodes = words("n1 n2 n3"),
                               .pools = pools,
                               .pool_count = 2,
                               .peers = peers,
                               .peer_count = 1};
    const struct snapshot empty = {0};

    (void)state;
    assert_ptr_equal(snapshot_pool_find(&c, "b"), &pools[1]);
    assert_null(snapshot_pool_find(&c, "c"));
    assert_ptr_equal(snapshot_peer_find(&c, "tor"), &peers[0]);
    assert_null(snapshot_peer_find(&c, "a"));
    assert_int_equal(snapshot_node_index(&c, "n1"), 0);
    assert_int_equal(snapshot_node_index(&c, "n2"), 1);
    assert_int_equal(snapshot_node_index(&c, "n3"), 2);
    assert_int_equal(snapshot_node_index(&c, "n"), -1);
    assert_int_equal(snapshot_node_index(&c, "n4"), -1);
    assert_int_equal(snapshot_node_index(&empty, "n1"), -1);
    assert_null(snapshot_pool_find(&empty, "a"));
    assert_null(snapshot_peer_find(&empty, "a"));
}

static const struct {
    const char *name, *ips, *pool; /* NULL: none */
} pools_of[] = {
    {"first address", "192.0.2.0", "plain"},
    {"last address", "192.0.2.63", "plain"},
    {"behind it", "192.0.2.64", NULL},
    {"second prefix", "198.18.0.9", "plain"},
    {"IPv6", "2001:db8::5", "plain"},
    {"both families", "192.0.2.1 2001:db8::5", "plain"},
    {"both families, one outside", "192.0.2.1 2001:db8:1::5", NULL},
    {"of two pools", "192.0.2.1 203.0.113.1", NULL},
    {"avoidBuggyIPs", "203.0.113.1", "careful"},
    {"avoidBuggyIPs: .0", "203.0.113.0", NULL},
    {"avoidBuggyIPs: .255", "203.0.113.255", NULL},
    {"avoidBuggyIPs: IPv6 has none", "2001:db8:2::ff", "careful"},
    {"nowhere", "10.0.0.1", NULL},
};

static void test_pool_of(void **state)
{
    struct pool pools[] = {pool_new("careful", "203.0.113.0/24 2001:db8:2::/120"),
                           pool_new("plain", "192.0.2.0/26 198.18.0.8/31 2001:db8::/64")};
    const struct snapshot c = {.pools = pools, .pool_count = ARRAY_SIZE(pools)};

    (void)state;
    pools[0].avoid_buggy_ips = true;
    for (size_t i = 0; i < ARRAY_SIZE(pools_of); i++) {
        struct string_list texts = words(pools_of[i].ips);
        struct ip ips[2];
        const struct pool *p;

        for (size_t j = 0; j < texts.count; j++)
            ips[j] = ip_of(texts.items[j]);
        p = snapshot_pool_of(&c, ips, texts.count);
        if (!str_eq(p != NULL ? p->name : NULL, pools_of[i].pool))
            fail_msg("%s: %s", pools_of[i].name, p != NULL ? p->name : "none");
    }
}

static struct label app_label[] = {{"app", "web"}};
static struct selector selects_web = {.labels = {.items = app_label, .count = 1}};
static struct selector selects_all;

static const struct {
    const char *name;
    bool is_scoped, by_namespace;
    const char *namespaces;
    struct selector *selector; /* NULL: no serviceSelectors */
    const char *namespace, *app;
    bool want;
} serves[] = {
    {"unscoped", false, false, "", NULL, "x", "db", true},
    {"namespace", true, true, "a b", NULL, "b", "db", true},
    {"other namespace", true, true, "a b", NULL, "x", "web", false},
    {"no namespace matched: nobody", true, true, "", NULL, "a", "web", false},
    {"no namespace matched, Service selected", true, true, "", &selects_web, "a", "web", false},
    {"Service selected", true, false, "", &selects_web, "x", "web", true},
    {"other Service", true, false, "", &selects_web, "x", "db", false},
    {"both", true, true, "a", &selects_web, "a", "web", true},
    {"namespace only", true, true, "a", &selects_web, "a", "db", false},
    {"selector only", true, true, "a", &selects_web, "b", "web", false},
    {"priority alone", true, false, "", &selects_all, "x", "db", true},
};

static void test_pool_serves(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(serves); i++) {
        struct label labels[] = {{"app", serves[i].app}};
        struct meta service = {
            .namespace = serves[i].namespace, .name = "s", .labels = {.items = labels, .count = 1}};
        struct pool p = {.is_scoped = serves[i].is_scoped,
                         .by_namespace = serves[i].by_namespace,
                         .namespaces = words(serves[i].namespaces),
                         .service_selectors = {.items = serves[i].selector,
                                               .count = serves[i].selector != NULL}};

        if (pool_serves(&p, &service) != serves[i].want)
            fail_msg("%s", serves[i].name);
    }
}

static void test_service_selected(void **state)
{
    const struct selector_list none = {0}, web = {.items = &selects_web, .count = 1};
    struct label db[] = {{"app", "db"}};
    const struct label_set is_web = {.items = app_label, .count = 1},
                           is_db = {.items = db, .count = 1};

    (void)state;
    assert_true(service_selected(&none, &is_db));
    assert_true(service_selected(&web, &is_web));
    assert_false(service_selected(&web, &is_db));
}

struct adv_row {
    uint8_t len, len_v6;
    uint32_t local_pref;
    uint8_t prepend;
    const char *peers, *nodes; /* nodes: digits of indexes */
};

#define V4 "192.0.2.0/24"
#define V6 "2001:db8::/64"
#define BOTH V4 " " V6

/* Spec api-and-config 2.11 and changes-0.16.2 1.3. */
static const struct {
    const char *name, *prefixes;
    struct adv_row a, b;
    enum adv_conflict want;
} conflicts[] = {
    {"equal", V4, {32, 128, 100, 2, "", "01"}, {32, 128, 100, 2, "", "01"}, ADV_CONFLICT_NONE},
    {"local preference",
     V4,
     {32, 128, 100, 0, "", "0"},
     {32, 128, 200, 0, "", "0"},
     ADV_CONFLICT_LOCAL_PREF},
    {"local preference against none",
     V4,
     {32, 128, 0, 0, "", "0"},
     {32, 128, 200, 0, "", "0"},
     ADV_CONFLICT_LOCAL_PREF},
    {"prepend",
     V4,
     {32, 128, 100, 2, "", "0"},
     {32, 128, 100, 3, "", "0"},
     ADV_CONFLICT_AS_PATH_PREPEND},
    {"prepend against none",
     V4,
     {32, 128, 0, 0, "", "0"},
     {32, 128, 0, 1, "", "0"},
     ADV_CONFLICT_AS_PATH_PREPEND},
    {"both: local preference first",
     V4,
     {32, 128, 100, 2, "", "0"},
     {32, 128, 200, 3, "", "0"},
     ADV_CONFLICT_LOCAL_PREF},
    {"IPv4 pool: other IPv4 length",
     V4,
     {32, 128, 100, 1, "", "0"},
     {24, 128, 200, 2, "", "0"},
     ADV_CONFLICT_NONE},
    {"IPv4 pool: other IPv6 length",
     V4,
     {32, 128, 100, 0, "", "0"},
     {32, 64, 200, 0, "", "0"},
     ADV_CONFLICT_LOCAL_PREF},
    {"IPv6 pool: other IPv6 length",
     V6,
     {32, 128, 100, 0, "", "0"},
     {32, 64, 200, 0, "", "0"},
     ADV_CONFLICT_NONE},
    {"IPv6 pool: other IPv4 length",
     V6,
     {32, 128, 100, 0, "", "0"},
     {24, 128, 200, 0, "", "0"},
     ADV_CONFLICT_LOCAL_PREF},
    {"both families: other IPv4 length",
     BOTH,
     {32, 128, 100, 0, "", "0"},
     {24, 128, 200, 0, "", "0"},
     ADV_CONFLICT_LOCAL_PREF},
    {"both families: other IPv6 length",
     BOTH,
     {32, 128, 0, 1, "", "0"},
     {32, 64, 0, 2, "", "0"},
     ADV_CONFLICT_AS_PATH_PREPEND},
    {"both families: both lengths",
     BOTH,
     {32, 128, 100, 0, "", "0"},
     {24, 64, 200, 0, "", "0"},
     ADV_CONFLICT_NONE},
    {"other peers",
     V4,
     {32, 128, 100, 0, "p1 p2", "0"},
     {32, 128, 200, 0, "p3", "0"},
     ADV_CONFLICT_NONE},
    {"a shared peer",
     V4,
     {32, 128, 100, 0, "p1 p2", "0"},
     {32, 128, 200, 0, "p3 p2", "0"},
     ADV_CONFLICT_LOCAL_PREF},
    {"a peer and all",
     V4,
     {32, 128, 100, 0, "p1", "0"},
     {32, 128, 200, 0, "", "0"},
     ADV_CONFLICT_LOCAL_PREF},
    {"all and a peer",
     V4,
     {32, 128, 0, 1, "", "0"},
     {32, 128, 0, 2, "p1", "0"},
     ADV_CONFLICT_AS_PATH_PREPEND},
    {"other nodes",
     V4,
     {32, 128, 100, 1, "", "01"},
     {32, 128, 200, 2, "", "23"},
     ADV_CONFLICT_NONE},
    {"a shared node",
     V4,
     {32, 128, 100, 0, "", "01"},
     {32, 128, 200, 0, "", "13"},
     ADV_CONFLICT_LOCAL_PREF},
    {"no nodes", V4, {32, 128, 100, 0, "", ""}, {32, 128, 200, 0, "", ""}, ADV_CONFLICT_NONE},
};

static struct bgp_adv adv_new(const struct adv_row *row)
{
    struct bgp_adv a = {.aggregation_length = row->len,
                        .aggregation_length_v6 = row->len_v6,
                        .local_pref = row->local_pref,
                        .as_path_prepend = row->prepend,
                        .peers = words(row->peers),
                        .nodes = bitset_new(arena, NODES)};

    for (const char *c = row->nodes; *c != '\0'; c++)
        bitset_add(&a.nodes, (size_t)(*c - '0'));
    return a;
}

static void test_conflicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++) {
        struct pool p = pool_new("p", conflicts[i].prefixes);
        struct bgp_adv a = adv_new(&conflicts[i].a), b = adv_new(&conflicts[i].b);

        if (bgp_adv_conflict(&p, &a, &b) != conflicts[i].want ||
            bgp_adv_conflict(&p, &b, &a) != conflicts[i].want)
            fail_msg("%s: %d and %d", conflicts[i].name, bgp_adv_conflict(&p, &a, &b),
                     bgp_adv_conflict(&p, &b, &a));
    }
}

static const struct {
    const char *name;
    uint32_t my_asn, peer_asn, local_asn;
    enum dynamic_asn dynamic_asn;
    bool want;
} sessions[] = {
    {"same", 64512, 64512, 0, ASN_FIXED, true},
    {"other", 64512, 64513, 0, ASN_FIXED, false},
    {"localASN makes it internal", 64512, 64513, 64513, ASN_FIXED, true},
    {"localASN makes it external", 64512, 64512, 64513, ASN_FIXED, false},
    {"internal", 64512, 0, 0, ASN_INTERNAL, true},
    {"external", 64512, 0, 0, ASN_EXTERNAL, false},
    {"external with localASN", 64512, 0, 64512, ASN_EXTERNAL, false},
};

static void test_peer_is_ibgp(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sessions); i++) {
        const struct peer p = {.my_asn = sessions[i].my_asn,
                               .peer_asn = sessions[i].peer_asn,
                               .local_asn = sessions[i].local_asn,
                               .dynamic_asn = sessions[i].dynamic_asn};

        if (peer_is_ibgp(&p) != sessions[i].want)
            fail_msg("%s", sessions[i].name);
    }
}

static void test_peer_carries(void **state)
{
    const struct peer v4 = {.address = ip_v4(0xc0000201)}, v6 = {.address = ip_of("2001:db8::1")};
    const struct peer dual = {.address = ip_v4(0xc0000201), .dual_stack_address_family = true};
    const struct peer by_interface = {.interface = "eth0"};

    (void)state;
    assert_true(peer_carries(&v4, IP_V4));
    assert_false(peer_carries(&v4, IP_V6));
    assert_true(peer_carries(&v6, IP_V6));
    assert_false(peer_carries(&v6, IP_V4));
    assert_true(peer_carries(&dual, IP_V4) && peer_carries(&dual, IP_V6));
    assert_true(peer_carries(&by_interface, IP_V4) && peer_carries(&by_interface, IP_V6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),       cmocka_unit_test(test_find),
        cmocka_unit_test(test_pool_of),          cmocka_unit_test(test_pool_serves),
        cmocka_unit_test(test_service_selected), cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_peer_is_ibgp),     cmocka_unit_test(test_peer_carries),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
