/* SPDX-License-Identifier: Apache-2.0 */
/* PoolCount, PoolMetrics (spec controller 6.1) and large pools (spec changes-0.16.2 13). */
#include "builder.h"

#include "base/text.h"

#define MAX INT64_MAX

struct capacity_row {
    const char *name;
    struct pool_row pool;
    int64_t total, v4, v6;
};

static const struct capacity_row capacities[] = {
    {"/24", POOL("p", "1.2.3.0/24"), 256, 256, 0},
    {"two", POOL("p", "1.2.3.0/24,2.3.4.128/25"), 384, 384, 0},
    {"avoid", POOL("p", "1.2.3.0/24,2.3.4.128/25", .avoid = true), 381, 381, 0},
    {"avoid, v6 last", POOL("p", "1.2.3.0/24,2.3.4.128/25,1000::/64", .avoid = true), MAX, 381,
     MAX},
    {"avoid, small", POOL("p", "1.2.3.0/31,1000::/127", .avoid = true), 3, 1, 2},
    {"huge first", POOL("p", "1000::/64,1.2.3.0/24"), MAX, 256, MAX},
    {"huge last", POOL("p", "1.2.3.0/24,1000::/64"), MAX, 256, MAX},
    {"huge and one", POOL("p", "1000::/64,2000::/128"), MAX, 0, MAX},
    {"one and huge", POOL("p", "2000::/128,1000::/64"), MAX, 0, MAX},
    {"four /67", POOL("p", "1000::/67,2000::/67,3000::/67,4000::/67"), MAX, 0, MAX},
    {"three /67", POOL("p", "1000::/67,2000::/67,3000::/67"), 3 * (INT64_C(1) << 61), 0,
     3 * (INT64_C(1) << 61)},
    {"avoid, only buggy ones", POOL("p", "1.2.3.0/32,1.2.3.255/32", .avoid = true), 0, 0, 0},
    {"everything", POOL("p", "0.0.0.0/0", .avoid = true), 254 * (INT64_C(1) << 24),
     254 * (INT64_C(1) << 24), 0},
};

static void test_capacity(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
        const struct capacity_row *r = &capacities[i];
        CLEANUP(ipam_freep) struct ipam *m = ipam_new();
        struct ipam_counters c;

        use_snapshot(m, build_snapshot(&r->pool, 1));
        c = ipam_pool_counters(m, &(struct pool){.name = "p"});
        if (c.total != r->total || c.available_v4 != r->v4 || c.available_v6 != r->v6 ||
            c.assigned_v4 != 0 || c.assigned_v6 != 0)
            fail_msg("%s: total %jd v4 %jd v6 %jd", r->name, (intmax_t)c.total,
                     (intmax_t)c.available_v4, (intmax_t)c.available_v6);
    }
}

/* ip NULL: release. */
static const struct {
    const char *service, *ip, *share, *ports;
    int64_t assigned;
} metrics[] = {
    {"s1", "1.2.3.4", NULL, NULL, 1},      {"s2", "1.2.3.5", NULL, NULL, 2},
    {"s1", NULL, NULL, NULL, 1},           {"s2", NULL, NULL, NULL, 0},
    {"s1", "1.2.3.4", "key", "TCP/80", 1}, {"s2", "1.2.3.4", "key", "TCP/443", 1},
    {"s3", "1.2.3.4", "key", "TCP/23", 1}, {"s1", NULL, NULL, NULL, 1},
    {"s2", NULL, NULL, NULL, 1},           {"s3", NULL, NULL, NULL, 0},
    {"s1", "1.2.3.4", NULL, NULL, 1},
};

static void test_metrics(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    const struct pool test = {.name = "test"};
    struct ipam_counters c;
    struct ipam_reason why;

    (void)state;
    c = ipam_pool_counters(m, &test);
    assert_int_equal(c.total, 0);
    use_snapshot(m, POOLS(POOL("test", "1.2.3.4/30,1000::4/126")));
    c = ipam_pool_counters(m, &test);
    assert_int_equal(c.total, 8);
    for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
        CLEANUP(object_freep)
        struct object *o = build_service(&(struct service_row){
            .name = metrics[i].service, .share = metrics[i].share, .ports = metrics[i].ports});

        if (metrics[i].ip != NULL) {
            const struct ip ip = ip_of(metrics[i].ip);

            assert_int_equal(ipam_assign(m, o, &ip, 1, a, &why), IPAM_OK);
        } else {
            assert_true(ipam_release(m, "default", metrics[i].service));
        }
        c = ipam_pool_counters(m, &test);
        if (c.assigned_v4 != metrics[i].assigned || c.available_v4 != 4 - metrics[i].assigned ||
            c.assigned_v6 != 0 || c.available_v6 != 4)
            fail_msg("step %zu: assigned %jd", i + 1, (intmax_t)c.assigned_v4);
    }
    use_snapshot(m, build_snapshot(NULL, 0));
    c = ipam_pool_counters(m, &test);
    assert_int_equal(c.total + c.assigned_v4 + c.available_v4 + c.assigned_v6 + c.available_v6, 0);
    assert_false(ipam_release(m, "default", "s1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_metrics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
