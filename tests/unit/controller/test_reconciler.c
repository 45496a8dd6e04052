/* SPDX-License-Identifier: Apache-2.0 */
/* From what changes in a cluster to what is written: spec controller 1.3, 1.7, 1.8, 6.3, 6.5. */
#include "world.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE "\"192.0.2.1/32\""
#define TWO "\"192.0.2.0/31\""
#define SIX "\"2001:db8::/127\""
#define CLUSTER_IP "{\"type\":\"ClusterIP\"}"
#define POOL_KEY "metallb.io/ip-allocated-from-pool"
#define OLD_KEY "metallb.universe.tf/ip-allocated-from-pool"

static void check_ips(const struct world *w, const char *name, const char *want)
{
    CLEANUP(xfreep) char *got = world_ips(w, name);

    if (strcmp(got, want) != 0)
        fail_msg("%s has \"%s\", not \"%s\"\n%s", name, got, want, text_str(&w->told));
}

static size_t count_told(const struct world *w, const char *what)
{
    size_t count = 0;

    for (const char *at = text_str(&w->told); (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

/* A world with a pool, past its start. */
static void begin(struct world *w, const char *addresses)
{
    world_init(w, "");
    world_pool(w, "home", addresses);
    world_synced(w);
    world_settle(w);
}

/* With one Service, which has been decided. */
static void begin_with(struct world *w, const char *addresses, const char *name)
{
    begin(w, addresses);
    world_service(w, name, "{}");
    world_settle(w);
}

static void test_assigns(void **state)
{
    struct world w;

    (void)state;
    begin(&w, TWO);
    world_service(&w, "web", "{}");
    world_deliver(&w);
    /* decided, and on its way, before the loop turns */
    assert_int_equal(w.write_count, 1);
    assert_non_null(w.writes[0].read);
    world_settle(&w);
    check_ips(&w, "web", "192.0.2.0");
    assert_string_equal(world_annotation(&w, "web", POOL_KEY), "home");
    assert_int_equal(w.service_puts, 1);
    assert_int_equal(count_told(&w, "web Normal IPAllocated: Assigned IP [\"192.0.2.0\"]"), 1);
    assert_int_equal(w.reads, 1); /* the pool's */
    world_done(&w);
}

/* A part of a burst is handed over at once; the rest follows, from the bytes of the list, as long
 * as it is still wanted. */
static void test_burst(void **state)
{
    enum { COUNT = 300, GONE = 250, CHANGED = 260 };
    char name[16], want[32];
    struct world w;

    (void)state;
    world_init(&w, "");
    world_pool(&w, "home", "\"192.0.2.0/23\"");
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "s%03u", i);
        world_service(&w, name, "{}");
    }
    world_synced(&w);
    world_loop(&w);
    assert_in_range(w.write_count, 64, COUNT / 2);
    world_delete(&w, OBJ_SERVICE, "default", "s250");
    world_service(&w, "s260", CLUSTER_IP);
    world_settle(&w);
    assert_int_equal(w.service_puts, COUNT - 2);
    assert_int_equal(w.reads, 1); /* the pool's */
    for (unsigned i = 0; i < COUNT; i++) {
        if (i == GONE || i == CHANGED)
            continue;
        snprintf(name, sizeof(name), "s%03u", i);
        snprintf(want, sizeof(want), "192.0.%u.%u", 2 + i / 256, i % 256);
        check_ips(&w, name, want);
    }
    check_ips(&w, "s260", "");
    world_done(&w);
}

static void test_gate(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, "");
    world_service(&w, "web", "{}");
    world_deliver(&w);
    world_loop(&w);
    assert_int_equal(w.write_count, 0);
    world_pool(&w, "home", "");
    world_synced(&w);
    /* a faulty configuration at start touches nothing */
    assert_string_equal(w.fault, "parsing address pool home: pool has no prefixes defined");
    assert_int_equal(w.write_count, 0);
    world_service(&w, "api", "{}");
    world_settle(&w);
    assert_int_equal(w.service_puts, 0);
    world_pool(&w, "home", TWO);
    world_settle(&w);
    assert_null(w.fault);
    check_ips(&w, "api", "192.0.2.0"); /* of the same age: by name */
    check_ips(&w, "web", "192.0.2.1");
    /* and a faulty one later replaces nothing */
    world_pool(&w, "more", "\"192.0.2.0/24\"");
    world_settle(&w);
    assert_string_equal(w.fault, "CIDR \"192.0.2.0/24\" in pool \"more\" overlaps "
                                 "with already defined CIDR \"192.0.2.0/31\"");
    check_ips(&w, "web", "192.0.2.1");
    assert_int_equal(w.service_puts, 2);
    world_done(&w);
}

static void test_empty_configuration(void **state)
{
    struct world w;

    (void)state;
    begin_with(&w, TWO, "web");
    world_delete(&w, OBJ_IP_ADDRESS_POOL, "metallb-system", "home");
    world_settle(&w);
    check_ips(&w, "web", "");
    assert_null(world_annotation(&w, "web", POOL_KEY));
    world_pool(&w, "home", TWO);
    world_settle(&w);
    check_ips(&w, "web", "192.0.2.0");
    world_done(&w);
}

/* What a Service gives up goes to the one that waits, and nobody else is written. */
static void check_wakes(void (*give_up)(struct world *))
{
    struct world w;

    begin_with(&w, ONE, "a");
    world_service(&w, "b", "{}");
    world_settle(&w);
    check_ips(&w, "b", "");
    assert_int_equal(count_told(&w, "b Warning AllocationFailed"), 1);
    give_up(&w);
    world_settle(&w);
    check_ips(&w, "b", "192.0.2.1");
    world_done(&w);
}

static void by_deletion(struct world *w)
{
    world_delete(w, OBJ_SERVICE, "default", "a");
}

static void by_type(struct world *w)
{
    world_service(w, "a", CLUSTER_IP);
}

static void by_request(struct world *w)
{
    world_service(w, "a", "{\"loadBalancerIP\":\"192.0.2.77\"}");
}

/* The same name again, before anybody has seen the first one go. */
static void by_replacement(struct world *w)
{
    world_delete(w, OBJ_SERVICE, "default", "a");
    world_lose_last(w);
    world_service(w, "a", CLUSTER_IP);
}

static void test_wakes(void **state)
{
    (void)state;
    check_wakes(by_deletion);
    check_wakes(by_type);
    check_wakes(by_request);
    check_wakes(by_replacement);
}

/* MetalLB loses the wake-up when the write that clears fails (spec controller 7.2 #4). */
static void test_wakes_despite_failure(void **state)
{
    struct world w;

    (void)state;
    begin_with(&w, ONE, "a");
    world_service(&w, "b", "{}");
    world_settle(&w);
    world_service(&w, "a", CLUSTER_IP);
    while (world_deliver(&w))
        ;
    assert_int_equal(w.write_count, 1);
    world_answer(&w, 0, true);
    world_settle(&w);
    check_ips(&w, "b", "192.0.2.1");
    check_ips(&w, "a", "");
    world_done(&w);
}

/* Several failures, and in the end the address that was decided first (7.2 #6). */
static void test_retries(void **state)
{
    struct world w;

    (void)state;
    begin(&w, "\"192.0.2.0/28\"");
    world_service(&w, "a", "{}");
    world_deliver(&w);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w.write_count, 1);
        world_answer(&w, 0, true);
        world_service(&w, i == 0 ? "b" : "c", "{}"); /* must not get it meanwhile */
        while (world_deliver(&w))
            ;
        while (w.write_count > 0 && strcmp(w.writes[0].request.name, "a") != 0)
            world_answer(&w, 0, false);
        while (w.write_count == 0)
            event_base_loop(w.cluster.base, EVLOOP_ONCE);
        while (strcmp(w.writes[0].request.name, "a") != 0)
            world_answer(&w, 0, false);
    }
    world_settle(&w);
    check_ips(&w, "a", "192.0.2.0");
    check_ips(&w, "b", "192.0.2.1");
    check_ips(&w, "c", "192.0.2.2");
    world_done(&w);
}

/* Between our write and its echo the store is old (spec controller 5, "stale cache hazard"). */
static void test_stale_store(void **state)
{
    struct world w;

    (void)state;
    begin(&w, TWO);
    world_service(&w, "a", "{}");
    world_deliver(&w);
    world_service(&w, "a", "{\"ports\":[{\"port\":81}]}"); /* before the PUT: it reads anew */
    world_answer(&w, 0, false);
    world_deliver(&w); /* the ports, without a status */
    world_pool(&w, "more", "\"198.51.100.0/24\"");
    world_loop(&w);
    world_settle(&w);
    check_ips(&w, "a", "192.0.2.0");
    assert_int_equal(w.service_puts, 1);
    assert_int_equal(count_told(&w, "IPAllocated"), 1);
    world_done(&w);
}

#define FOREIGN(status)                                                                            \
    "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"default\","         \
    "\"name\":\"a\"},\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"198.18.0.1\","            \
    "\"clusterIPs\":[\"198.18.0.1\"],\"ports\":[{\"port\":80}]},\"status\":" status "}"
#define INGRESS(ip) "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"" ip "\"}]}}"

static void test_foreign_status(void **state)
{
    struct world w;

    (void)state;
    begin_with(&w, TWO, "a");
    world_put(&w, FOREIGN(INGRESS("203.0.113.9")));
    world_settle(&w);
    check_ips(&w, "a", "192.0.2.0");
    assert_int_equal(count_told(&w, "Normal ClearAssignment"), 1);
    /* another one that the pool has is adopted, as in MetalLB */
    world_put(&w, FOREIGN(INGRESS("192.0.2.1")));
    world_settle(&w);
    check_ips(&w, "a", "192.0.2.1");
    world_done(&w);
}

/* Somebody overwrites what we wrote, and that is seen before the answer to our write. */
static void test_overtaken(void **state)
{
    struct world w;

    (void)state;
    begin(&w, TWO);
    world_service(&w, "a", "{}");
    world_deliver(&w);
    w.holds_replies = true;
    world_answer(&w, 0, false);
    world_put(&w, FOREIGN(INGRESS("203.0.113.9")));
    while (world_deliver(&w))
        ;
    w.holds_replies = false;
    world_settle(&w);
    check_ips(&w, "a", "192.0.2.0");
    assert_int_equal(w.service_puts, 2);
    world_done(&w);
}

/* An emptied status gets its address back, though a lower one is free. */
static void test_emptied_status(void **state)
{
    struct world w;

    (void)state;
    begin_with(&w, TWO, "b");
    world_service(&w, "a", "{}");
    world_settle(&w);
    world_delete(&w, OBJ_SERVICE, "default", "b");
    world_put(&w, FOREIGN("{}"));
    world_settle(&w);
    check_ips(&w, "a", "192.0.2.1");
    world_done(&w);
}

static void test_restart_writes_nothing(void **state)
{
    struct world w, next;

    (void)state;
    begin(&w, "\"192.0.2.0/24\",\"2001:db8::/120\"");
    world_service(&w, "a", "{}");
    world_service(&w, "dual",
                  "{\"clusterIPs\":[\"198.18.0.1\",\"2001:db8:5e::1\"],\"ipFamilyPolicy\":"
                  "\"RequireDualStack\"}");
    world_service_meta(&w, "s1", "{\"annotations\":{\"metallb.io/allow-shared-ip\":\"k\"}}",
                       "{\"externalTrafficPolicy\":\"Local\",\"selector\":{\"a\":\"b\"}}");
    world_service(&w, "inner", CLUSTER_IP);
    world_settle_pools(&w);
    world_restart(&next, &w);
    world_synced(&next);
    world_settle_pools(&next);
    assert_int_equal(next.service_puts + next.pool_puts + next.reads, 0);
    check_ips(&next, "dual", "192.0.2.1 2001:db8::");
    assert_string_equal(text_str(&next.told), "");
    world_done(&w);
    world_done(&next);
}

/* The address of one that is new must not be that of one whose status is adopted later. */
static void test_restart_moves_nothing(void **state)
{
    struct world w, next;

    (void)state;
    begin_with(&w, TWO, "b");
    world_service(&w, "a", "{}"); /* sorts before it */
    world_restart(&next, &w);
    world_synced(&next);
    world_settle(&next);
    check_ips(&next, "b", "192.0.2.0");
    check_ips(&next, "a", "192.0.2.1");
    assert_int_equal(next.service_puts, 1);
    world_done(&w);
    world_done(&next);
}

static void test_repeated_failures_are_told_once(void **state)
{
    struct world w;

    (void)state;
    begin_with(&w, ONE, "a");
    world_service(&w, "b", "{}");
    world_settle(&w);
    for (int i = 0; i < 5; i++) {
        world_put(&w, i % 2 == 0 ? "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":"
                                   "{\"name\":\"n\",\"labels\":{\"a\":\"b\"}}}"
                                 : "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":"
                                   "{\"name\":\"n\"}}");
        world_settle(&w);
        world_service(&w, "c", "{}"); /* waits, and gives up nothing when it goes */
        world_settle(&w);
        world_delete(&w, OBJ_SERVICE, "default", "c");
        world_settle(&w);
    }
    assert_int_equal(count_told(&w, "b Warning AllocationFailed"), 1);
    /* another reason is told, and so is the same one after a change of the Service */
    world_pool(&w, "home", "\"192.0.2.2/32\"");
    world_settle(&w);
    world_service(&w, "b", "{\"ports\":[{\"port\":81}]}");
    world_settle(&w);
    assert_int_equal(count_told(&w, "b Warning AllocationFailed"), 2);
    world_done(&w);
}

static void test_deprecated_annotations(void **state)
{
    struct world w;

    (void)state;
    begin(&w, TWO);
    world_service_meta(&w, "a",
                       "{\"annotations\":{\"" OLD_KEY "\":\"home\","
                       "\"metallb.universe.tf/address-pool\":\"home\"}}",
                       "{}");
    world_settle(&w);
    assert_null(world_annotation(&w, "a", OLD_KEY));
    assert_int_equal(
        count_told(&w, "a Warning deprecatedAnnotation: Service uses deprecated annotation "), 2);
    /* of any type, once */
    world_service_meta(&w, "inner", "{\"annotations\":{\"" OLD_KEY "\":\"home\"}}", CLUSTER_IP);
    world_settle(&w);
    assert_null(world_annotation(&w, "inner", OLD_KEY));
    assert_int_equal(w.service_puts, 2);
    world_done(&w);
}

static const struct {
    const char *name, *flag, *more, *want;
} class_rows[] = {
    {"none, none", "", "{}", "192.0.2.0"},
    {"none, foo", "foo", "{}", ""},
    {"foo, none", "", "{\"loadBalancerClass\":\"foo\"}", ""},
    {"foo, bar", "bar", "{\"loadBalancerClass\":\"foo\"}", ""},
    {"foo, foo", "foo", "{\"loadBalancerClass\":\"foo\"}", "192.0.2.0"},
};

static void test_classes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(class_rows); i++) {
        struct world w;

        world_init(&w, class_rows[i].flag);
        world_pool(&w, "home", TWO);
        world_service(&w, "a", class_rows[i].more);
        world_synced(&w);
        world_settle(&w);
        check_ips(&w, "a", class_rows[i].want);
        world_done(&w);
    }
}

/* Spec controller 7.2 #3: MetalLB keeps the address for ever. */
static void test_class_is_lost_with_the_type(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, "foo");
    world_pool(&w, "home", ONE);
    world_synced(&w);
    world_service(&w, "a", "{\"loadBalancerClass\":\"foo\"}");
    world_settle(&w);
    world_service(&w, "b", "{\"loadBalancerClass\":\"foo\"}");
    world_settle(&w);
    world_service(&w, "a", CLUSTER_IP);
    world_settle(&w);
    check_ips(&w, "a", "");
    check_ips(&w, "b", "192.0.2.1");
    world_done(&w);
}

static void check_counters(const struct world *w, const char *name, const char *want)
{
    const json_t *status = json_object_get(world_document(w, OBJ_IP_ADDRESS_POOL, name), "status");
    CLEANUP(xfreep)
    char *got = xasprintf("%lld/%lld %lld/%lld",
                          json_integer_value(json_object_get(status, "assignedIPv4")),
                          json_integer_value(json_object_get(status, "availableIPv4")),
                          json_integer_value(json_object_get(status, "assignedIPv6")),
                          json_integer_value(json_object_get(status, "availableIPv6")));

    assert_string_equal(got, want);
}

static void test_pool_status(void **state)
{
    struct world w;

    (void)state;
    begin(&w, "\"192.0.2.0/30\"," SIX);
    check_counters(&w, "home", "0/4 0/2");
    for (int i = 0; i < 3; i++) {
        CLEANUP(xfreep) char *name = xasprintf("s%d", i);

        world_service(&w, name, "{}");
        world_settle(&w);
    }
    assert_int_equal(w.pool_puts, 1); /* the rest is due a second later, together */
    world_settle_pools(&w);
    check_counters(&w, "home", "3/1 0/2");
    assert_int_equal(w.pool_puts, 2);
    /* somebody else's figures are put right */
    world_put(&w, "{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":"
                  "{\"namespace\":\"metallb-system\",\"name\":\"home\"},\"spec\":{\"addresses\":"
                  "[\"192.0.2.0/30\"," SIX "]},\"status\":{\"assignedIPv4\":9,\"assignedIPv6\":9,"
                  "\"availableIPv4\":9,\"availableIPv6\":9}}");
    world_settle_pools(&w);
    check_counters(&w, "home", "3/1 0/2");
    /* a pool that is not in force */
    world_pool(&w, "bad", "\"192.0.2.0/24\"");
    world_settle_pools(&w);
    check_counters(&w, "bad", "0/0 0/0");
    assert_int_equal(w.pool_puts, 4);
    world_done(&w);
}

/* MetalLB writes what it can reach of the status; conditions are not its business. */
static void test_keeps_what_is_not_ours(void **state)
{
    struct world w;
    const json_t *status, *metadata;

    (void)state;
    begin(&w, TWO);
    world_put(&w, "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":"
                  "\"default\",\"name\":\"a\",\"labels\":{\"l\":\"v\"},\"finalizers\":[\"f\"],"
                  "\"annotations\":{\"x\":\"y\"}},\"spec\":{\"type\":\"LoadBalancer\","
                  "\"clusterIP\":\"198.18.0.1\",\"ports\":[{\"port\":80}]},\"status\":"
                  "{\"conditions\":[{\"type\":\"T\"}],\"loadBalancer\":{}}}");
    world_settle(&w);
    check_ips(&w, "a", "192.0.2.0");
    status = json_object_get(world_document(&w, OBJ_SERVICE, "a"), "status");
    assert_int_equal(json_array_size(json_object_get(status, "conditions")), 1);
    assert_string_equal(world_annotation(&w, "a", "x"), "y");
    metadata = json_object_get(world_document(&w, OBJ_SERVICE, "a"), "metadata");
    assert_int_equal(json_array_size(json_object_get(metadata, "finalizers")), 1);
    world_done(&w);
}

static void test_unchanged_configuration(void **state)
{
    struct world w;

    (void)state;
    begin(&w, TWO);
    w.reports = 0;
    world_put(&w, "{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"Community\",\"metadata\":"
                  "{\"namespace\":\"metallb-system\",\"name\":\"c\"},\"spec\":{\"communities\":"
                  "[{\"name\":\"n\",\"value\":\"nonsense\"}]}}");
    world_settle(&w);
    assert_non_null(w.fault);
    assert_true(w.reconciler.is_stale);
    world_delete(&w, OBJ_COMMUNITY, "metallb-system", "c");
    world_settle(&w);
    assert_null(w.fault);
    assert_false(w.reconciler.is_stale); /* in MetalLB it stays (7.2 #8) */
    assert_int_equal(w.reports, 2);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assigns),
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_empty_configuration),
        cmocka_unit_test(test_wakes),
        cmocka_unit_test(test_wakes_despite_failure),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_stale_store),
        cmocka_unit_test(test_foreign_status),
        cmocka_unit_test(test_overtaken),
        cmocka_unit_test(test_emptied_status),
        cmocka_unit_test(test_restart_writes_nothing),
        cmocka_unit_test(test_restart_moves_nothing),
        cmocka_unit_test(test_repeated_failures_are_told_once),
        cmocka_unit_test(test_deprecated_annotations),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_class_is_lost_with_the_type),
        cmocka_unit_test(test_pool_status),
        cmocka_unit_test(test_keeps_what_is_not_ours),
        cmocka_unit_test(test_unchanged_configuration),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
