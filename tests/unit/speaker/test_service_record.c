/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of objects, and what they are when they are made anew. */
#include "speaker/rule.h"
#include "speaker/service_record.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void keeps_what_decides_on_a_service(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct label labels[] = {{"app", "web"}, {"tier", ""}},
                 shared = {"metallb.io/allow-shared-ip", "k"};
    struct ingress ingress[] = {{.ip = "192.0.2.1"}, {.ip = "2001:db8::1"}};
    const struct object from = {
        .kind = OBJ_SERVICE,
        .meta = {.uid = "u",
                 .resource_version = "7",
                 .labels = {labels, 2},
                 .annotations = {&shared, 1}},
        .service = {.type = "LoadBalancer",
                    .external_traffic_policy = "Local",
                    .load_balancer_class = "",
                    .ingress = ingress,
                    .ingress_count = 2},
    };
    CLEANUP(xfreep) struct service_record *r = service_record_new(&from);
    const struct object *o = service_record_read(r, a);

    (void)state;
    assert_string_equal(o->meta.uid, "u");
    assert_string_equal(o->meta.resource_version, "7");
    assert_int_equal(o->meta.labels.count, 2);
    assert_string_equal(label_find(&o->meta.labels, "app"), "web");
    assert_string_equal(label_find(&o->meta.labels, "tier"), "");
    assert_non_null(annotation_find(&o->meta, "allow-shared-ip"));
    assert_string_equal(o->service.type, "LoadBalancer");
    assert_string_equal(o->service.external_traffic_policy, "Local");
    assert_string_equal(o->service.load_balancer_class, ""); /* which is not absent */
    assert_int_equal(o->service.ingress_count, 2);
    assert_string_equal(o->service.ingress[1].ip, "2001:db8::1");
}

static void keeps_absence(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct object from = {.kind = OBJ_SERVICE,
                                .service = {.type = "ClusterIP", .external_traffic_policy = ""}};
    CLEANUP(xfreep) struct service_record *r = service_record_new(&from);
    const struct object *o = service_record_read(r, a);

    (void)state;
    assert_null(o->service.load_balancer_class);
    assert_null(annotation_find(&o->meta, "allow-shared-ip"));
    assert_int_equal(o->meta.labels.count, 0);
    assert_int_equal(o->service.ingress_count, 0);
    assert_string_not_equal(o->service.type, "LoadBalancer");
}

static void keeps_each_condition_of_an_endpoint(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 27; i++) {
        CLEANUP(arena_freep) struct arena *a = arena_new();
        const char *address = "192.0.2.9";
        struct endpoint e[] = {
            {.node = "oak",
             .ready = i % 3,
             .serving = i / 3 % 3,
             .terminating = i / 9,
             .addresses = {&address, i % 2}},
            {.node = "elm", .ready = TRI_TRUE},
        };
        const struct object from = {
            .kind = OBJ_ENDPOINT_SLICE,
            .meta = {.namespace = "default", .name = "web-1"},
            .slice = {.endpoints = e, .endpoint_count = 2},
        };
        CLEANUP(xfreep) struct slice_record *r = slice_record_new(&from);
        struct object_list all = slice_records_read(&r->link, a);
        const struct endpoint *is = all.items[0]->slice.endpoints;

        assert_int_equal(all.count, 1);
        assert_string_equal(all.items[0]->meta.name, "web-1");
        assert_int_equal(is[0].ready, e[0].ready);
        assert_int_equal(is[0].serving, e[0].serving);
        assert_int_equal(is[0].terminating, e[0].terminating);
        assert_int_equal(is[0].addresses.count, e[0].addresses.count);
        assert_string_equal(is[0].node, "oak");
        assert_string_equal(is[1].node, "elm");
    }
}

static void equal_rules_are_one(void **state)
{
    const char *names[] = {"eth0", "eth1"}, *one[] = {"eth0eth1"};
    struct map set = {0};
    struct rule *r = rule_ref(&set, false, &(struct string_list){names, 2}),
                *same = rule_ref(&set, false, &(struct string_list){names, 2}),
                *other = rule_ref(&set, false, &(struct string_list){one, 1}),
                *all = rule_ref(&set, true, &(struct string_list){0});

    (void)state;
    assert_ptr_equal(r, same);
    assert_ptr_not_equal(r, other);
    assert_true(all->all_interfaces && !r->all_interfaces);
    assert_string_equal(r->interfaces.items[1], "eth1");
    rule_unref(r);
    assert_int_equal(set.count, 3);
    rule_unref(same);
    rule_unref(other);
    rule_unref(all);
    assert_int_equal(set.count, 0);
    map_done(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_decides_on_a_service),
        cmocka_unit_test(keeps_absence),
        cmocka_unit_test(keeps_each_condition_of_an_endpoint),
        cmocka_unit_test(equal_rules_are_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
