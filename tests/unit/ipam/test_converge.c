/* SPDX-License-Identifier: Apache-2.0 */
/* The decision table of one Service: spec controller 6.2, and rows of 1.4 that it leaves out. */
#include "builder.h"

#include "base/text.h"

#define RDS "RequireDualStack"
#define PDS "PreferDualStack"
#define DUAL "1.2.3.4,3000::1"
#define NS1 .namespace = "test-ns1"
#define TEAM .labels = "team=metallb"

static bool has_warning(const struct ipam_verdict *v)
{
    for (size_t i = 0; i < v->event_count; i++) {
        if (ipam_event_is_warning(v->events[i].kind))
            return true;
    }
    return false;
}

/* The reasons of the events, comma-separated. */
static const char *reasons_text(struct arena *a, const struct ipam_verdict *v)
{
    CLEANUP(text_done) struct text t = {0};

    for (size_t i = 0; i < v->event_count; i++)
        text_printf(&t, "%s%s", i > 0 ? "," : "", ipam_event_reason(v->events[i].kind));
    return arena_strdup(a, text_str(&t));
}

static void converge(struct ipam *m, const struct object *o, struct arena *a,
                     struct ipam_verdict *ret)
{
    ipam_converge(m, o, ipam_held_from_status(&o->service, a), a, ret);
}

/* ---- ControllerMutation ---- */

struct mutation {
    const char *name;
    struct service_row service;
    const char *want; /* addresses, "" without */
    bool warns;
};

static const struct pool_row mutation_pools[] = {
    POOL("pool1", "1.2.3.0/31"),
    POOL("pool10", "19.20.21.0/31", .priority = 8, .labels = "team=metallb"),
    POOL("pool11", "22.23.24.0/31", .priority = 8, .namespaces = "test-ns1",
         .labels = "team=metallb"),
    POOL("pool12", "25.26.27.0/31", .priority = 5, .namespaces = "test-ns1",
         .labels = "team=metallb"),
    POOL("pool2", "3.4.5.6/32", .manual = true),
    POOL("pool3", "1000::/127"),
    POOL("pool4", "2000::1/128", .manual = true),
    /* MetalLB's pool5 overlaps pool1 and pool3, which no configuration can */
    POOL("pool5", "1.2.5.0/31,1005::/127"),
    POOL("pool6", "7.8.9.0/31", .priority = 10, .namespaces = "test-ns1"),
    POOL("pool7", "10.11.12.0/31", .priority = 11, .namespaces = "test-ns1"),
    POOL("pool8", "13.14.15.0/31", .priority = 9, .labels = "team=metallb"),
    POOL("pool9", "16.17.18.0/31", .namespaces = "test-ns2"),
};

static const struct mutation mutations[] = {
    {"ClusterIP", {.type = "ClusterIP"}, "", false},
    {"plain", {0}, "1.2.3.0", false},
    {"field", {.lb_ip = "1.2.3.1"}, "1.2.3.1", false},
    {"annotation", {.lb_ips = "1.2.3.1"}, "1.2.3.1", false},
    {"both", {.lb_ips = "1.2.3.1", .lb_ip = "1.2.3.2"}, "", true},
    {"field is garbage", {.lb_ip = "please sir may I have an IP address thank you"}, "", true},
    {"IP outside requested pool", {.lb_ips = "1.2.3.1", .pool = "pool2"}, "", true},
    {"annotation is garbage", {.lb_ips = "please"}, "", true},
    {"two of a family", {.lb_ips = "1.2.3.1,1.2.3.2"}, "", true},
    {"outside, held", {.lb_ip = "1.2.3.4", .status = "1.2.3.1"}, "", true},
    {"pool", {.pool = "pool1"}, "1.2.3.0", false},
    {"other pool", {.pool = "pool2", .status = "1.2.3.0"}, "3.4.5.6", false},
    {"unknown pool", {.pool = "does-not-exist"}, "", true},
    {"foreign status", {.status = "2.3.4.5"}, "1.2.3.0", false},
    {"hostname in status", {.status = "@foo.bar.local,10.10.10.10"}, "1.2.3.0", false},
    {"NodePort, held", {.type = "NodePort", .status = "1.2.3.0"}, "", false},
    {"not automatic", {.lb_ip = "3.4.5.6"}, "3.4.5.6", false},
    {"not automatic, Local", {.lb_ip = "3.4.5.6", .local = ""}, "3.4.5.6", false},
    {"no cluster IP", {.cluster = "-"}, "", true}, /* ours tells; MetalLB does not */
    {"field, v6 cluster", {.lb_ip = "1.2.3.1", .cluster = "3000::1"}, "", true},
    {"annotation, v6 cluster", {.lb_ips = "1.2.3.1", .cluster = "3000::1"}, "", true},
    {"field v6", {.lb_ip = "1000::"}, "", true},
    {"annotation v6", {.lb_ips = "1000::"}, "", true},
    {"held v6, v4 cluster", {.status = "1000::"}, "1.2.3.0", false},
    {"held v4, v6 cluster", {.status = "1.2.3.0", .cluster = "3000::1"}, "1000::", false},
    {"RDS", {.policy = RDS, .cluster = DUAL}, "1.2.5.0 1005::", false},
    {"RDS, pool5", {.policy = RDS, .cluster = DUAL, .pool = "pool5"}, "1.2.5.0 1005::", false},
    {"PDS", {.policy = PDS, .cluster = DUAL}, "1.2.5.0 1005::", false},
    {"PDS, one cluster IP, ns1", {NS1, .policy = PDS}, "7.8.9.0", false},
    {"PDS, pool5", {.policy = PDS, .cluster = DUAL, .pool = "pool5"}, "1.2.5.0 1005::", false},
    {"PDS, pool1", {.policy = PDS, .cluster = "1.2.3.4,1000::", .pool = "pool1"}, "1.2.3.0", 0},
    {"PDS, v6 cluster", {.policy = PDS, .cluster = "1000::1", .pool = "pool3"}, "1000::", false},
    {"PDS, one cluster IP, dual pool", {.policy = PDS, .pool = "pool5"}, "1.2.5.0", false},
    {"RDS, one cluster IP", {.policy = RDS, .pool = "pool5"}, "", true},
    {"single, two cluster IPs", {.cluster = DUAL, .lb_ip = "1.2.3.1"}, "", true},
    {"single, two, annotation", {.cluster = DUAL, .lb_ips = "1.2.3.1"}, "", true},
    {"RDS, pair",
     {.policy = RDS, .cluster = DUAL, .lb_ips = "1.2.5.0,1005::"},
     "1.2.5.0 1005::",
     false},
    {"RDS, held v6",
     {.policy = RDS, .cluster = "3000::1,5.6.7.8", .status = "@foo,1000::"},
     "1.2.5.0 1005::",
     false},
    {"pair, only clusterIP", {.cluster_ip = "1.2.3.4", .lb_ips = "1.2.5.0,1005::"}, "", true},
    {"ns1", {NS1}, "7.8.9.0", false},
    {"ns2", {.namespace = "test-ns2"}, "16.17.18.0", false},
    {"label", {TEAM}, "19.20.21.0", false},
    {"ns1 and label", {NS1, TEAM}, "25.26.27.0", false},
    {"three in status", {.status = "1.2.3.0,1.2.3.1,1.2.3.2"}, "1.2.3.0", true},
    /* spec changes-0.16.2 13 */
    {"kept",
     {.status = "1.2.3.0", .annotations = "metallb.universe.tf/ip-allocated-from-pool=pool1"},
     "1.2.3.0",
     0},
};

static void run_mutation(struct ipam *m, const struct mutation *r)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(object_freep) struct object *o = NULL;
    struct service_row row = r->service;
    struct ipam_verdict v;

    row.name = "test1";
    o = build_service(&row);
    converge(m, o, a, &v);
    check_text(r->name, ips_text(a, v.addrs, v.addr_count), r->want);
    if (has_warning(&v) != r->warns)
        fail_msg("%s: events %s", r->name, reasons_text(a, &v));
    assert_int_equal(v.state == IPAM_ASSIGNED, v.addr_count > 0);
    assert_int_equal(v.pool != NULL, v.addr_count > 0);
    if (v.addr_count == 0)
        check_text(r->name, holding_text(a, m, o->meta.namespace, "test1"), "-");
    /* one Service in three namespaces here; MetalLB's test has one key */
    if (r->service.namespace != NULL)
        ipam_release(m, r->service.namespace, "test1");
}

/* A result does not depend on what came before, except where an invalid request keeps it. */
static void test_mutation(void **state)
{
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    size_t order[ARRAY_SIZE(mutations)];
    uint64_t seed = 42;

    (void)state;
    use_snapshot(m, build_snapshot(mutation_pools, ARRAY_SIZE(mutation_pools)));
    for (size_t i = 0; i < ARRAY_SIZE(order); i++)
        order[i] = i;
    for (int round = 0; round < 100; round++) {
        for (size_t i = ARRAY_SIZE(order) - 1; i > 0; i--) {
            size_t k = draw(&seed, (uint32_t)i + 1), t = order[i];

            order[i] = order[k];
            order[k] = t;
        }
        for (size_t i = 0; i < ARRAY_SIZE(order); i++)
            run_mutation(m, &mutations[order[i]]);
    }
}

/* ---- sequences: one allocator, several Services ---- */

struct turn {
    const char *pools; /* a letter of `pool_sets`: installed before */
    struct service_row service;
    const char *want;    /* "pool: ips", or "-" */
    const char *reasons; /* of the events */
    const char *flags;   /* "k" keeps_old, "r" released */
};

static struct snapshot *pool_set(const char *name)
{
    switch (name[0]) {
    case 'a':
        return POOLS(POOL("default", "1.2.3.0/24,1000::/127"));
    case 'b':
        return POOLS(POOL("default", "1.2.3.0/24,1000::/127"), POOL("second", "4.5.6.0/24"));
    case 'c':
        return POOLS(POOL("second", "4.5.6.0/24"));
    case 'd':
        return POOLS(POOL("one", "1.2.3.0/32"));
    case 'e':
        return POOLS(POOL("one", "1.2.3.0/32"), POOL("six", "1000::/127"));
    case 'f':
        return POOLS(POOL("one", "1.2.3.0/32,1000::/127", .namespaces = "other"));
    default:
        return build_snapshot(NULL, 0);
    }
}

static void run_turns(const char *name, const struct turn *turns, size_t count)
{
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();

    for (size_t i = 0; i < count; i++) {
        const struct turn *t = &turns[i];
        CLEANUP(arena_freep) struct arena *a = arena_new();
        CLEANUP(object_freep) struct object *o = build_service(&t->service);
        const char *row = arena_printf(a, "%s %zu", name, i + 1);
        struct ipam_verdict v;
        const char *got = "-";

        if (t->pools != NULL)
            use_snapshot(m, pool_set(t->pools));
        converge(m, o, a, &v);
        if (v.addr_count > 0)
            got = arena_printf(a, "%s: %s", v.pool->name, ips_text(a, v.addrs, v.addr_count));
        check_text(row, got, t->want);
        check_text(row, holding_text(a, m, o->meta.namespace, o->meta.name), t->want);
        check_text(row, reasons_text(a, &v), t->reasons);
        check_text(row, arena_printf(a, "%s%s", v.keeps_old ? "k" : "", v.released ? "r" : ""),
                   t->flags);
    }
}

#define TURNS(name, ...)                                                                           \
    run_turns(name, (const struct turn[]){__VA_ARGS__},                                            \
              sizeof((const struct turn[]){__VA_ARGS__}) / sizeof(struct turn))

static void test_pool_changes(void **state)
{
    (void)state;
    TURNS("ControllerConfig", {"none", {0}, "-", "NoPools", ""},
          {"a", {0}, "default: 1.2.3.0", "IPAllocated", ""},
          {"none", {.status = "1.2.3.0"}, "-", "NoPools", ""});
    TURNS("DualStackConfig", {"none", {.policy = RDS, .cluster = DUAL}, "-", "NoPools", ""},
          {"a", {.policy = RDS, .cluster = DUAL}, "default: 1.2.3.0 1000::", "IPAllocated", ""});
    TURNS("ControllerReassign", {"a", {0}, "default: 1.2.3.0", "IPAllocated", ""},
          {"b", {.status = "1.2.3.0"}, "default: 1.2.3.0", "", ""},
          {"c", {.status = "1.2.3.0"}, "second: 4.5.6.0", "ClearAssignment,IPAllocated", ""});
    TURNS("DeleteRecyclesIP", {"d", {.name = "s1"}, "one: 1.2.3.0", "IPAllocated", ""},
          {NULL, {.name = "s2"}, "-", "AllocationFailed", ""},
          {NULL, {.name = "s1", .type = "ClusterIP"}, "-", "", "r"},
          {NULL, {.name = "s2"}, "one: 1.2.3.0", "IPAllocated", ""});
    TURNS("scope takes it away", {"d", {0}, "one: 1.2.3.0", "IPAllocated", ""},
          {"f", {.status = "1.2.3.0"}, "-", "ClearAssignment,AllocationFailed", "r"});
}

static void test_requests(void **state)
{
    (void)state;
    TURNS("new request, infeasible", {"a", {0}, "default: 1.2.3.0", "IPAllocated", ""},
          {NULL, {.status = "1.2.3.0", .lb_ip = "9.9.9.9"}, "-", "AllocationFailed", "r"});
    TURNS("new request", {"a", {0}, "default: 1.2.3.0", "IPAllocated", ""},
          {NULL, {.status = "1.2.3.0", .lb_ip = "1.2.3.7"}, "default: 1.2.3.7", "IPAllocated", "r"},
          {NULL, {.status = "1.2.3.7"}, "default: 1.2.3.7", "", ""});
    TURNS(
        "bad request keeps", {"a", {.status = "1.2.3.5"}, "default: 1.2.3.5", "", ""},
        {NULL, {.status = "1.2.3.5", .lb_ip = "x"}, "default: 1.2.3.5", "LoadBalancerFailed", "k"},
        {NULL,
         {.status = "9.9.9.9", .lb_ip = "x"},
         "-",
         "ClearAssignment,LoadBalancerFailed",
         "r"});
    TURNS("requested pool", {"b", {0}, "default: 1.2.3.0", "IPAllocated", ""},
          {NULL, {.status = "1.2.3.0", .pool = "second"}, "second: 4.5.6.0", "IPAllocated", "r"},
          {NULL, {.status = "4.5.6.0"}, "second: 4.5.6.0", "", ""},
          {NULL, {.status = "4.5.6.0", .pool = "gone"}, "-", "AllocationFailed", "r"});
    TURNS(
        "order of a requested pair",
        {"a",
         {.policy = PDS, .cluster = DUAL, .lb_ips = "1.2.3.7, 1000::1"},
         "default: 1.2.3.7 1000::1",
         "IPAllocated",
         ""},
        {NULL,
         {.policy = PDS,
          .cluster = DUAL,
          .lb_ips = "1.2.3.7, 1000::1",
          .status = "1.2.3.7,1000::1"},
         "default: 1.2.3.7 1000::1",
         "",
         ""},
        {NULL,
         {.policy = PDS, .cluster = DUAL, .lb_ips = "1000::1,1.2.3.7", .status = "1000::1,1.2.3.7"},
         "default: 1.2.3.7 1000::1",
         "",
         ""},
        {NULL,
         {.policy = PDS, .cluster = DUAL, .lb_ips = "9.2.3.7,1000::1", .status = "1.2.3.7,1000::1"},
         "-",
         "AllocationFailed",
         "r"});
    TURNS("empty annotation hides the deprecated one",
          {"b",
           {.pool = "", .annotations = "metallb.universe.tf/address-pool=second"},
           "default: 1.2.3.0",
           "IPAllocated",
           ""},
          {NULL,
           {.name = "s2", .annotations = "metallb.universe.tf/address-pool=second"},
           "second: 4.5.6.0",
           "IPAllocated",
           ""});
}

static void test_families(void **state)
{
    (void)state;
    TURNS("PDS gets its second family once",
          {"d", {.policy = PDS, .cluster = DUAL}, "one: 1.2.3.0", "IPAllocated", ""},
          {NULL,
           {.policy = PDS, .cluster = DUAL, .status = "1.2.3.0"},
           "one: 1.2.3.0",
           "AdditionalAssignFailed",
           ""},
          {"e",
           {.policy = PDS, .cluster = DUAL, .status = "1.2.3.0"},
           "one: 1.2.3.0",
           "AdditionalAssignFailed",
           ""},
          {"a",
           {.policy = PDS, .cluster = DUAL, .status = "1.2.3.0"},
           "default: 1.2.3.0 1000::",
           "IPAllocated",
           ""},
          {NULL,
           {.policy = PDS, .cluster = DUAL, .status = "1.2.3.0,1000::"},
           "default: 1.2.3.0 1000::",
           "",
           ""});
    TURNS("the older one stays first", {"a",
                                        {.policy = PDS, .cluster = DUAL, .status = "1000::1"},
                                        "default: 1000::1 1.2.3.0",
                                        "IPAllocated",
                                        ""});
    TURNS("PDS with one cluster IP does not flap",
          {"a", {.policy = PDS}, "default: 1.2.3.0", "IPAllocated", ""},
          {NULL, {.policy = PDS, .status = "1.2.3.0"}, "default: 1.2.3.0", "", ""});
    TURNS(
        "PDS that asks for one address keeps one",
        {"a",
         {.policy = PDS, .cluster = DUAL, .lb_ip = "1.2.3.9", .status = "1.2.3.9"},
         "default: 1.2.3.9",
         "",
         ""},
        {NULL, {.policy = PDS, .cluster = DUAL, .lb_ip = "1.2.3.9"}, "-", "AllocationFailed", "r"});
    TURNS("dual to single",
          {"a", {.policy = RDS, .cluster = DUAL}, "default: 1.2.3.0 1000::", "IPAllocated", ""},
          {NULL, {.status = "1.2.3.0,1000::"}, "default: 1.2.3.0", "IPAllocated", "r"});
    TURNS("bad status",
          {"a", {.status = "junk"}, "default: 1.2.3.0", "nolbIPsIPFamily,IPAllocated", ""});
    TURNS("RDS needs two",
          {"a", {.policy = RDS, .status = "1.2.3.0"}, "-", "not enough clusterips", ""});
    TURNS("no cluster IP", {"a", {.cluster = "-", .status = "1.2.3.0"}, "-", "NoClusterIP", ""});
    TURNS("headless, new", {"a", {.cluster = "None"}, "-", "AllocationFailed", ""});
    /* nothing is cleared, so nobody else may get the address */
    TURNS("headless, held",
          {"a",
           {.cluster = "None", .status = "1.2.3.0"},
           "default: 1.2.3.0",
           "noclusterIPsIPFamily",
           "k"},
          {NULL, {.name = "s2"}, "default: 1.2.3.1", "IPAllocated", ""},
          {NULL,
           {.name = "s3", .cluster = "None", .status = "1.2.3.1"},
           "-",
           "noclusterIPsIPFamily",
           "k"},
          {NULL,
           {.name = "s3", .cluster = "None", .status = "junk"},
           "-",
           "nolbIPsIPFamily,noclusterIPsIPFamily",
           "k"});
}

static void test_sharing(void **state)
{
    (void)state;
    TURNS("what is given up",
          {"d",
           {.name = "a", .share = "k", .ports = "TCP/80,TCP/81"},
           "one: 1.2.3.0",
           "IPAllocated",
           ""},
          {NULL, {.name = "b", .share = "k", .ports = "TCP/80"}, "-", "AllocationFailed", ""},
          {NULL,
           {.name = "a", .share = "k", .ports = "TCP/81,TCP/80", .status = "1.2.3.0"},
           "one: 1.2.3.0",
           "",
           ""},
          {NULL,
           {.name = "a", .share = "k", .ports = "TCP/81", .status = "1.2.3.0"},
           "one: 1.2.3.0",
           "",
           "r"},
          {NULL, {.name = "b", .share = "k", .ports = "TCP/80"}, "one: 1.2.3.0", "IPAllocated", ""},
          /* a conflict with the other one: it loses the address */
          {NULL,
           {.name = "b", .share = "k", .ports = "TCP/81", .status = "1.2.3.0"},
           "-",
           "ClearAssignment,AllocationFailed",
           "r"},
          /* alone again: the identity may change in place */
          {NULL, {.name = "a", .ports = "TCP/81", .status = "1.2.3.0"}, "one: 1.2.3.0", "", "r"},
          {NULL,
           {.name = "a", .share = "k", .ports = "TCP/81", .status = "1.2.3.0"},
           "one: 1.2.3.0",
           "",
           "r"},
          {NULL,
           {.name = "a", .share = "k", .local = "x=y", .ports = "TCP/81", .status = "1.2.3.0"},
           "one: 1.2.3.0",
           "",
           "r"},
          {NULL, {.name = "b", .share = "k", .ports = "TCP/80"}, "-", "AllocationFailed", ""},
          {NULL,
           {.name = "b", .share = "k", .local = "x=y", .ports = "TCP/80"},
           "one: 1.2.3.0",
           "IPAllocated",
           ""},
          {NULL,
           {.name = "b", .share = "other", .local = "x=y", .ports = "TCP/80", .status = "1.2.3.0"},
           "-",
           "ClearAssignment,AllocationFailed",
           "r"});
}

/* ---- class filter (spec controller 1.2) ---- */

static void test_class(void **state)
{
    static const struct {
        const char *have, *want;
        bool ours;
    } rows[] = {
        {NULL, "", true},      {NULL, "foo", false}, {"foo", "", false},
        {"foo", "bar", false}, {"foo", "foo", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct service s = {.load_balancer_class = rows[i].have};

        if (ipam_class_is_ours(&s, rows[i].want) != rows[i].ours)
            fail_msg("row %zu", i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutation), cmocka_unit_test(test_pool_changes),
        cmocka_unit_test(test_requests), cmocka_unit_test(test_families),
        cmocka_unit_test(test_sharing),  cmocka_unit_test(test_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
