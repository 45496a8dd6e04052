/* SPDX-License-Identifier: Apache-2.0 */
/* AllocateFromPool and Allocate: the tables of spec controller 6.1, and the order of pools. */
#include "builder.h"

#include "base/text.h"
#include "ipam/ipam_int.h"

#include <string.h>

#define V4 "1.2.3.4"
#define V6 "3000::1"
#define DUAL "1.2.3.4,3000::1"
#define REQUIRE "RequireDualStack"
#define PREFER "PreferDualStack"

enum verb { GIVE, GIVE_FROM, RELEASE };

struct op {
    enum verb verb;
    const char *service;
    const char *cluster, *policy;
    const char *pool;
    const char *ports, *share;
    const char *want; /* "pool: ip ip", or what the refusal contains */
};

static void run_op(struct ipam *m, const char *table, size_t number, const struct op *op)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(object_freep)
    struct object *o = build_service(&(struct service_row){.name = op->service,
                                                           .cluster = op->cluster,
                                                           .policy = op->policy,
                                                           .ports = op->ports,
                                                           .share = op->share});
    const char *row = arena_printf(a, "%s %zu", table, number);
    struct ipam_reason why = {0};
    enum ipam_code code = IPAM_OK;

    switch (op->verb) {
    case RELEASE:
        ipam_release(m, "default", op->service);
        return;
    case GIVE:
        code = ipam_allocate(m, o, a, &why);
        break;
    case GIVE_FROM:
        code = ipam_allocate_from_pool(m, o, op->pool, a, &why);
        break;
    }
    if (code == IPAM_OK)
        check_text(row, holding_text(a, m, "default", op->service), op->want);
    else
        check_text(row, reason_text(a, &why), op->want);
}

#define RUN(m, table)                                                                              \
    for (size_t i_ = 0; i_ < ARRAY_SIZE(table); i_++)                                              \
    run_op(m, #table, i_ + 1, &(table)[i_])

/* ---- AllocateFromPool ---- */

#define FROM4(s) GIVE_FROM, s, V4, NULL, "test", NULL, NULL
#define FROM6(s) GIVE_FROM, s, V6, NULL, "test", NULL, NULL
#define FROM46(s) GIVE_FROM, s, DUAL, REQUIRE, "test", NULL, NULL
#define FULL "no available IPs in pool test for dual IPFamily"
#define NIL4 "[\"<nil>\"] is not allowed in config: pool test has no free IPv4 address"
#define NIL6 "[\"<nil>\"] is not allowed in config: pool test has no free IPv6 address"

static const struct op from_v4[] = {
    {FROM4("s1"), "test: 1.2.3.4"},
    {FROM4("s2"), "test: 1.2.3.5"},
    {FROM4("s3"), "test: 1.2.3.10"},
    {FROM4("s4"), "test: 1.2.3.11"},
    {FROM4("s5"), NIL4},
    {FROM4("s6"), NIL4},
    {RELEASE, "s1", .want = ""},
    {FROM4("s5"), "test: 1.2.3.4"},
    {FROM4("s6"), NIL4},
    {RELEASE, "s5", .want = ""},
    {GIVE_FROM, "s5", V4, NULL, "test", "TCP/80", "share", "test: 1.2.3.4"},
    {GIVE_FROM, "s6", V4, NULL, "test", "TCP/443", "share", "test: 1.2.3.4"},
    {GIVE_FROM, "s7", V4, NULL, "test", "TCP/443", "share",
     "[\"<nil>\"] is not allowed in config: pool test has no IPv4 address that is free or can be "
     "shared"},
};

static const struct op from_v6[] = {
    {FROM6("s1"), "test: 1000::"},
    {FROM6("s2"), "test: 1000::1"},
    {FROM6("s3"), "test: 2000::"},
    {FROM6("s4"), "test: 2000::1"},
    {FROM6("s5"), NIL6},
    {FROM6("s6"), NIL6},
    {RELEASE, "s1", .want = ""},
    {FROM6("s5"), "test: 1000::"},
    {FROM6("s6"), NIL6},
    {RELEASE, "s5", .want = ""},
    {GIVE_FROM, "s5", V6, NULL, "test", "TCP/80", "share", "test: 1000::"},
    {GIVE_FROM, "s6", V6, NULL, "test", "TCP/443", "share", "test: 1000::"},
    /* wrong family */
    {RELEASE, "s1", .want = ""},
    {FROM4("s1"), "test: 1.2.3.4"},
    {FROM6("s1"), "IP for wrong family assigned alloc ipv4 service family ipv6"},
    {FROM4("s1"), "test: 1.2.3.4"},
};

static const struct op from_require[] = {
    {FROM46("s1"), "test: 1.2.3.4 1000::"},
    {FROM46("s2"), "test: 1.2.3.5 1000::1"},
    {FROM46("s3"), "test: 1.2.3.10 2000::"},
    {FROM46("s4"), "test: 1.2.3.11 2000::1"},
    {FROM46("s5"), "no available IPs in pool test"},
    {FROM46("s6"), "no available IPs in pool test"},
    {RELEASE, "s1", .want = ""},
    {FROM4("s0"), "test: 1.2.3.4"},
    {FROM46("s5"), "no available IPs in pool test for dual IPFamily: pool test has no free IPv4 "
                   "address"},
    {RELEASE, "s0", .want = ""},
    {FROM46("s5"), "test: 1.2.3.4 1000::"},
    {FROM46("s6"), "no available IPs in pool test"},
    {RELEASE, "s5", .want = ""},
    {GIVE_FROM, "s5", DUAL, REQUIRE, "test", "TCP/80", "share", "test: 1.2.3.4 1000::"},
    {GIVE_FROM, "s6", DUAL, REQUIRE, "test", "TCP/443", "share", "test: 1.2.3.4 1000::"},
};

/* MetalLB's table has overlapping pools here, which no configuration can have. */
static const struct op from_prefer[] = {
    {GIVE_FROM, "s1", DUAL, PREFER, "test", NULL, NULL, "test: 1.2.3.4 1000::"},
    {GIVE_FROM, "s2", V4, PREFER, "test-v4", NULL, NULL, "test-v4: 5.0.0.0"},
    {GIVE_FROM, "s3", V6, PREFER, "test-v6", NULL, NULL, "test-v6: 6000::"},
    {GIVE_FROM, "s4", DUAL, PREFER, "test-v4", NULL, NULL, "test-v4: 5.0.0.1"},
    {GIVE_FROM, "s5", DUAL, PREFER, "test-v6", NULL, NULL, "test-v6: 6000::1"},
    {RELEASE, "s2", .want = ""},
    {GIVE_FROM, "s3", DUAL, PREFER, "test-dualstack", NULL, NULL, "test-v6: 6000::"},
    {GIVE_FROM, "s2", V4, NULL, "test-v6", NULL, NULL,
     "no available IPs in pool test-v6"}, /* neither family has one left */
    {GIVE_FROM, "s2", DUAL, NULL, "test-dualstack", NULL, NULL,
     "no available IPs in pool test-dualstack for dual IPFamily: the Service has cluster IPs of "
     "both families, but its ipFamilyPolicy is SingleStack"},
    {GIVE_FROM, "s2", V6, NULL, "test-v4", NULL, NULL,
     "[\"<nil>\"] is not allowed in config: pool test-v4 has no IPv6 addresses"},
    {GIVE_FROM, "s6", DUAL, REQUIRE, "test-v4", NULL, NULL,
     "no available IPs in pool test-v4 for dual IPFamily: pool test-v4 has no IPv6 addresses"},
    {GIVE_FROM, "s6", V4, NULL, "nonexistentpool", NULL, NULL, "unknown pool \"nonexistentpool\""},
    {GIVE_FROM, "s6", V4, NULL, "test-locked", NULL, NULL,
     "pool test-locked not compatible for ip assignment"},
    {GIVE_FROM, "s6", "None", NULL, "test", NULL, NULL,
     "IPFamilyForAddresses: Invalid address [\"None\"]"},
};

static void test_from_pool(void **state)
{
    static const struct pool_row rows[] = {
        POOL("test", "1.2.3.4/31,1.2.3.10/31,1000::/127,2000::/127"),
        POOL("not_this_one", "192.168.0.0/16,fc00::1:0/112"),
        POOL("test2", "10.20.30.0/24,fc00::2:0/120"),
        POOL("test-v4", "5.0.0.0/31"),
        POOL("test-v6", "6000::/127"),
        POOL("test-dualstack", "7.0.0.0/31,7000::/127"),
        POOL("test-locked", "8.0.0.0/31", .namespaces = "other"),
    };
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();

    (void)state;
    use_snapshot(m, build_snapshot(rows, ARRAY_SIZE(rows)));
    RUN(m, from_v4);
    for (size_t i = 0; i < ARRAY_SIZE(from_v4); i++)
        ipam_release(m, "default", from_v4[i].service);
    RUN(m, from_v6);
    for (size_t i = 0; i < ARRAY_SIZE(from_v6); i++)
        ipam_release(m, "default", from_v6[i].service);
    RUN(m, from_require);
    for (size_t i = 0; i < ARRAY_SIZE(from_require); i++)
        ipam_release(m, "default", from_require[i].service);
    RUN(m, from_prefer);
}

/* ---- Allocate ---- */

#define NONE_FREE(f) "no available IPs: pool test1 has no free " f "; pool test2 has no free " f
#define NONE_SHARED(f)                                                                             \
    "no available IPs: pool test1 has no " f                                                       \
    " that is free or can be shared; pool test2 has no " f " that is free or can be shared"

static const struct op any_v4[] = {
    {GIVE, "s1", V4, .want = "test1: 1.2.3.4"},
    {GIVE, "s2", V4, .want = "test1: 1.2.3.5"},
    {GIVE, "s3", V4, .want = "test2: 1.2.3.10"},
    {GIVE, "s4", V4, .want = "test2: 1.2.3.11"},
    {GIVE, "s5", V4, .want = NONE_FREE("IPv4 address")},
    {RELEASE, "s1", .want = ""},
    {GIVE, "s5", V4, NULL, NULL, "TCP/80", "share", "test1: 1.2.3.4"},
    {GIVE, "s6", V4, NULL, NULL, NULL, NULL, NONE_FREE("IPv4 address")},
    {GIVE, "s6", V4, NULL, NULL, "TCP/80", "share", NONE_SHARED("IPv4 address")},
    {GIVE, "s6", V4, NULL, NULL, "TCP/443", "other", NONE_SHARED("IPv4 address")},
    {GIVE, "s6", V4, NULL, NULL, "TCP/443", "share", "test1: 1.2.3.4"},
    {GIVE, "s6", V4, NULL, NULL, "TCP/443", "share", "test1: 1.2.3.4"},
    {GIVE, "s9", DUAL, NULL, NULL, NULL, NULL,
     "no available IPs: the Service has cluster IPs of both families, but its ipFamilyPolicy is "
     "SingleStack"},
    {GIVE, "s9", "1.2.3.4,5.6.7.8", NULL, NULL, NULL, NULL,
     "IPFamilyForAddresses: same address family [\"1.2.3.4\" \"5.6.7.8\"]"},
    {GIVE, "s9", "1.2.3.4,::1,x", NULL, NULL, NULL, NULL,
     "IPFamilyForAddresses: invalid ips length 3 [\"1.2.3.4\" \"::1\" \"x\"]"},
};

static const struct op any_v6[] = {
    {GIVE, "s1", V6, .want = "test1: 1000::4"},
    {GIVE, "s2", V6, .want = "test1: 1000::5"},
    {GIVE, "s3", V6, .want = "test2: 1000::10"},
    {GIVE, "s4", V6, .want = "test2: 1000::11"},
    {GIVE, "s5", V6, .want = NONE_FREE("IPv6 address")},
    {RELEASE, "s1", .want = ""},
    {GIVE, "s5", V6, NULL, NULL, "TCP/80", "share", "test1: 1000::4"},
    {GIVE, "s6", V6, NULL, NULL, NULL, NULL, NONE_FREE("IPv6 address")},
    {GIVE, "s6", V6, NULL, NULL, "TCP/443", "share", "test1: 1000::4"},
};

static const struct op any_dual[] = {
    {GIVE, "s1", DUAL, REQUIRE, .want = "test1: 1.2.3.4 1000::4"},
    {GIVE, "s2", DUAL, REQUIRE, .want = "test1: 1.2.3.5 1000::5"},
    {GIVE, "s3", DUAL, REQUIRE, .want = "test2: 1.2.3.10 1000::10"},
    {GIVE, "s4", DUAL, REQUIRE, .want = "test2: 1.2.3.11 1000::11"},
    {GIVE, "s5", DUAL, REQUIRE, .want = NONE_FREE("IPv4 address")},
    {GIVE, "s6", DUAL, PREFER, .want = NONE_FREE("address")},
    {RELEASE, "s1", .want = ""},
    {GIVE, "s5", DUAL, REQUIRE, NULL, "TCP/80", "share", "test1: 1.2.3.4 1000::4"},
    {GIVE, "s6", DUAL, REQUIRE, NULL, NULL, NULL, NONE_FREE("IPv4 address")},
    {GIVE, "s6", DUAL, REQUIRE, NULL, "TCP/443", "share", "test1: 1.2.3.4 1000::4"},
};

static void test_any_pool(void **state)
{
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();

    (void)state;
    use_snapshot(m, POOLS(POOL("test1", "1.2.3.4/31,1000::4/127"),
                          POOL("test2", "1.2.3.10/31,1000::10/127")));
    RUN(m, any_v4);
    for (size_t i = 0; i < ARRAY_SIZE(any_v4); i++)
        ipam_release(m, "default", any_v4[i].service);
    RUN(m, any_v6);
    for (size_t i = 0; i < ARRAY_SIZE(any_v6); i++)
        ipam_release(m, "default", any_v6[i].service);
    RUN(m, any_dual);
}

/* ---- avoidBuggyIPs ---- */

static const struct op buggy[] = {
    {GIVE, "s1", V4, .want = "test: 1.2.3.0"},
    {GIVE, "s2", V4, .want = "test: 1.2.3.1"},
    {GIVE, "s3", V4, .want = "test2: 1.2.3.254"},
    {GIVE, "s4", V4, .want = "test2: 1.2.3.255"},
    {GIVE, "s5", V4, .want = "test3: 1.2.4.1"},
    {GIVE, "s6", V4, .want = "test4: 1.2.4.254"},
    {GIVE, "s7", V4,
     .want = "no available IPs: pool test has no free IPv4 address; pool test2 has no free IPv4 "
             "address; pool test3 has no free IPv4 address; pool test4 has no free IPv4 address; "
             "pool test5 has no free IPv4 address; and 2 more"},
};

static void test_buggy(void **state)
{
    static const struct pool_row rows[] = {
        POOL("test", "1.2.3.0/31"),
        POOL("test2", "1.2.3.254/31"),
        POOL("test3", "1.2.4.0/31", .avoid = true),
        POOL("test4", "1.2.4.254/31", .avoid = true),
        POOL("test5", "1.2.5.0/32", .avoid = true), /* no usable address at all */
        POOL("test6", "1.2.5.255/32,0.0.0.0/32,255.255.255.255/32", .avoid = true),
        POOL("test7", "1.2.6.0/24", .manual = true),
    };
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();

    (void)state;
    use_snapshot(m, build_snapshot(rows, ARRAY_SIZE(rows)));
    RUN(m, buggy);
}

/* ---- autoAssign ---- */

static const struct op auto_assign[] = {
    {GIVE, "s1", V4, .want = "test2: 1.2.3.10"},
    {GIVE, "s2", V4, .want = "test2: 1.2.3.11"},
    {GIVE, "s3", V4,
     .want = "no available IPs: pool test2 has no free IPv4 address; pool test1 has autoAssign "
             "false"},
    {RELEASE, "s1", .want = ""},
    {RELEASE, "s2", .want = ""},
    {GIVE, "s1", V6, .want = "test2: 1000::10"},
    {GIVE, "s2", V6, .want = "test2: 1000::11"},
    {GIVE, "s3", V6,
     .want = "no available IPs: pool test2 has no free IPv6 address; pool test1 has autoAssign "
             "false"},
    {GIVE, "s1", DUAL, REQUIRE, .want = "test2: 1000::10"},
    {GIVE, "s2", DUAL, REQUIRE, .want = "test2: 1000::11"},
    {GIVE, "s3", DUAL, REQUIRE,
     .want = "no available IPs: pool test2 has no free IPv6 address; pool test1 has autoAssign "
             "false"},
    {GIVE, "s3", DUAL, PREFER, .want = "test2: 1.2.3.10"},
    {GIVE_FROM, "s4", V4, NULL, "test1", NULL, NULL, "test1: 1.2.3.4"},
};

static void test_auto_assign(void **state)
{
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();

    (void)state;
    use_snapshot(m, POOLS(POOL("test1", "1.2.3.4/31,1000::4/127", .manual = true),
                          POOL("test2", "1.2.3.10/31,1000::10/127")));
    RUN(m, auto_assign);
}

/* ---- which pool ---- */

struct scope_row {
    const char *name;
    struct pool_row pools[5];
    struct service_row service;
    const char *want; /* names of the pools that Services after Services get, then the refusal */
};

#define PLAIN POOL("plain", "9.0.0.0/32")

static const struct scope_row scopes[] = {
    {"smaller priority first, none last, then plain",
     {POOL("a", "1.0.0.0/32", .scoped = true), POOL("b", "1.0.0.1/32", .priority = 20, .scoped = 1),
      POOL("c", "1.0.0.2/32", .priority = 3, .scoped = true), PLAIN},
     {0},
     "c b a plain"},
    {"equal priorities by name",
     {POOL("b", "1.0.0.0/32", .priority = 7, .scoped = true),
      POOL("a", "1.0.0.1/32", .priority = 7, .scoped = true),
      POOL("d", "1.0.0.2/32", .scoped = true), POOL("c", "1.0.0.3/32", .scoped = true)},
     {0},
     "a b c d"},
    {"negative priorities are as good as none",
     {POOL("a", "1.0.0.0/32", .priority = -5, .scoped = true),
      POOL("b", "1.0.0.1/32", .priority = 0, .scoped = true),
      POOL("c", "1.0.0.2/32", .priority = -9, .scoped = true),
      POOL("d", "1.0.0.3/32", .priority = 100, .scoped = true)},
     {0},
     "d a b c"},
    {"a namespace set that is empty serves nobody",
     {POOL("none", "1.0.0.0/32", .namespaces = ""), PLAIN},
     {0},
     "plain"},
    {"namespace and labels must both hold",
     {POOL("both", "1.0.0.0/32", .namespaces = "default", .labels = "team=x"),
      POOL("ns", "1.0.0.1/32", .namespaces = "default"),
      POOL("other", "1.0.0.2/32", .namespaces = "other", .labels = "team=y"), PLAIN},
     {.labels = "team=y"},
     "ns plain"},
    {"Service labels, not the selector",
     {POOL("labels", "1.0.0.0/32", .labels = "team=x"), PLAIN},
     {.local = "team=x"},
     "plain"},
    {"not automatic",
     {POOL("ns", "1.0.0.0/32", .namespaces = "default", .manual = true), PLAIN},
     {0},
     "plain"},
    {"PreferDualStack: a dual pool later in the list wins",
     {POOL("a", "1.0.0.0/30,1::/128", .priority = 1, .scoped = true),
      POOL("b", "2.0.0.0/32,2::/128", .priority = 2, .scoped = true),
      POOL("c", "3.0.0.0/30,3::/128")},
     {.cluster = DUAL, .policy = PREFER},
     "a b a a a c c c c"},
    {"PreferDualStack: the primary family is the first of ipFamilies",
     {POOL("four", "1.0.0.0/32"), POOL("six", "1::/127")},
     {.cluster = DUAL, .policy = PREFER, .families = "IPv6,IPv4"},
     "six six four"},
    {"PreferDualStack: IPv4 otherwise",
     {POOL("four", "1.0.0.0/32"), POOL("a-six", "1::/128")},
     {.cluster = DUAL, .policy = PREFER},
     "four a-six"},
    {"RequireDualStack: both from one pool",
     {POOL("four", "1.0.0.0/32"), POOL("six", "1::/128"), POOL("dual", "2.0.0.0/31,2::/128")},
     {.cluster = DUAL, .policy = REQUIRE},
     "dual"},
    {"a scoped pool that is full spills to plain ones, never to those of others",
     {POOL("mine", "1.0.0.0/32", .namespaces = "default"),
      POOL("theirs", "1.0.0.1/32", .namespaces = "other"), PLAIN},
     {0},
     "mine plain"},
};

static void run_scope(const struct scope_row *r)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    CLEANUP(text_done) struct text got = {0};
    struct ipam_reason why;
    size_t pools = 0;

    while (pools < ARRAY_SIZE(r->pools) && r->pools[pools].name != NULL)
        pools++;
    use_snapshot(m, build_snapshot(r->pools, pools));
    for (int i = 0;; i++) {
        struct service_row row = r->service;
        CLEANUP(object_freep) struct object *o = NULL;
        struct ip ips[IPAM_MAX_ADDRS];
        const struct pool *pool = NULL;

        row.name = arena_printf(a, "s%d", i);
        o = build_service(&row);
        if (ipam_allocate(m, o, a, &why) != IPAM_OK)
            break;
        assert_true(ipam_holding(m, "default", row.name, ips, &pool) > 0);
        text_printf(&got, "%s%s", i > 0 ? " " : "", pool->name);
    }
    check_text(r->name, text_str(&got), r->want);
    assert_int_equal(why.code, IPAM_EXHAUSTED);
    assert_int_equal(why.tried_count + why.tried_more, pools);
}

static void test_scopes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
        run_scope(&scopes[i]);
}

static void test_why_skipped(void **state)
{
    static const struct op ops[] = {
        {GIVE, "s1", V4,
         .want = "no available IPs: pool full has no IPv4 addresses; pool labels does not select "
                 "the Service; pool manual has autoAssign false; pool ns does not serve the "
                 "namespace"},
    };
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();

    (void)state;
    use_snapshot(m, POOLS(POOL("full", "1::/64"), POOL("labels", "1.0.0.0/24", .labels = "a=b"),
                          POOL("manual", "1.0.1.0/24", .manual = true, .scoped = true),
                          POOL("ns", "1.0.2.0/24", .namespaces = "x")));
    RUN(m, ops);
}

/* ---- sharing within the search (spec controller 2.7) ---- */

static const struct op sharing[] = {
    {GIVE, "s0", V4, .want = "p: 1.2.3.0"},
    {GIVE, "s1", V4, NULL, NULL, "TCP/1", "k", "p: 1.2.3.1"},
    {GIVE, "s2", V4, NULL, NULL, "TCP/1", "k", "p: 1.2.3.2"},
    {GIVE, "s3", V4, NULL, NULL, "TCP/1,TCP/2", "k", "p: 1.2.3.3"},
    {GIVE, "s4", V4, NULL, NULL, "TCP/2", "k", "p: 1.2.3.1"},
    {GIVE, "s5", V4, NULL, NULL, "TCP/2,UDP/9", "k", "p: 1.2.3.2"},
    {GIVE, "s6", V4, NULL, NULL, "UDP/9", "k", "p: 1.2.3.1"},
    {GIVE, "s7", V4, NULL, NULL, "UDP/9,TCP/3", "k", "p: 1.2.3.3"},
    {RELEASE, "s0", .want = ""},
    /* a free address that comes first is taken, though others could be shared */
    {GIVE, "s8", V4, NULL, NULL, "TCP/99", "k", "p: 1.2.3.0"},
    {GIVE, "s9", V4, NULL, NULL, "TCP/99", "k", "p: 1.2.3.1"},
    {RELEASE, "s1", .want = ""},
    {GIVE, "s1", V4, NULL, NULL, "TCP/1", "k", "p: 1.2.3.0"},
    {GIVE, "t1", V4, NULL, NULL, "TCP/1", "k", "p: 1.2.3.1"},
    /* another prefix only when this one has nothing */
    {GIVE, "t2", V4, NULL, NULL, "TCP/1", "k", "p: 1.2.2.0"},
};

static void test_sharing_search(void **state)
{
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();

    (void)state;
    use_snapshot(m, POOLS(POOL("p", "1.2.3.0/30,1.2.2.0/24")));
    RUN(m, sharing);
}

/* ---- size and speed of the search ---- */

enum { MANY = 10000 };

static void give_many(struct ipam *m, const char *cluster, const char *share, bool one_port)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();

    for (unsigned i = 0; i < MANY; i++) {
        CLEANUP(object_freep)
        struct object *o = build_service(
            &(struct service_row){.name = arena_printf(a, "s%u", i),
                                  .cluster = cluster,
                                  .share = share,
                                  .ports = arena_printf(a, "TCP/%u", one_port ? 80 : i + 1)});
        struct ipam_reason why;

        assert_int_equal(ipam_allocate(m, o, a, &why), IPAM_OK);
    }
}

/* However many are in use, the set of used addresses has one run, which ends where the next free
 * one is. */
static void test_many(void **state)
{
    static const struct {
        const char *name, *pool, *cluster, *share;
        bool one_port, avoid;
        const char *last;
    } rows[] = {
        {"/8", "10.0.0.0/8", V4, NULL, true, false, "10.0.39.15"},
        {"/8, avoidBuggyIPs", "10.0.0.0/8", V4, NULL, true, true, "10.0.39.94"},
        {"/64", "2001:db8::/64", V6, NULL, true, false, "2001:db8::270f"},
        {"one key, one port", "10.0.0.0/8", V4, "k", true, false, "10.0.39.15"},
        {"one key, many ports", "10.0.0.0/8", V4, "k", false, false, "10.0.0.0"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(arena_freep) struct arena *a = arena_new();
        CLEANUP(ipam_freep) struct ipam *m = ipam_new();
        const char *want = arena_printf(a, "p: %s", rows[i].last);

        use_snapshot(m, POOLS(POOL("p", rows[i].pool, .avoid = rows[i].avoid)));
        give_many(m, rows[i].cluster, rows[i].share, rows[i].one_port);
        check_text(rows[i].name, holding_text(a, m, "default", "s9999"), want);
        assert_int_equal(m->spans[0].used.count, 1);
        assert_true(m->spans[0].used.cap <= 8);
    }
}

/* Scattered addresses cost one run each, and leave nothing behind. */
static void test_scattered(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    CLEANUP(object_freep)
    struct object *last = build_service(&(struct service_row){.name = "last"});
    struct ipam_reason why;
    uint64_t seed = 7;

    (void)state;
    use_snapshot(m, POOLS(POOL("p", "10.0.0.0/8")));
    for (unsigned i = 0; i < MANY; i++) {
        CLEANUP(object_freep)
        struct object *o = build_service(&(struct service_row){.name = arena_printf(a, "s%u", i)});
        const struct ip ip = ip_v4(0x0a000000u + i * 1600 + draw(&seed, 1500));

        assert_int_equal(ipam_assign(m, o, &ip, 1, a, &why), IPAM_OK);
    }
    assert_true(m->spans[0].used.count <= MANY);
    assert_int_equal(ipam_allocate(m, last, a, &why), IPAM_OK);
    check_text("lowest", holding_text(a, m, "default", "last"), "p: 10.0.0.0");
    for (unsigned i = 0; i < MANY; i++)
        assert_true(ipam_release(m, "default", arena_printf(a, "s%u", i)));
    assert_int_equal(m->spans[0].used.count, 1);
    assert_true(ipam_release(m, "default", "last"));
    assert_int_equal(m->spans[0].used.count, 0);
    assert_int_equal(m->seats.count + m->holders.count + m->ports.count + m->groups.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_pool),      cmocka_unit_test(test_any_pool),
        cmocka_unit_test(test_buggy),          cmocka_unit_test(test_auto_assign),
        cmocka_unit_test(test_scopes),         cmocka_unit_test(test_why_skipped),
        cmocka_unit_test(test_sharing_search), cmocka_unit_test(test_many),
        cmocka_unit_test(test_scattered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
