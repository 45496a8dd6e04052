/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of events and reasons as a user meets them: by the Service that causes them. */
#include "builder.h"

#include "base/text.h"

struct text_row {
    const char *name;
    struct service_row service;
    const char *want[3]; /* "reason: message" of each event */
};

#define DUAL "1.2.3.4,3000::1"
#define FAILED "AllocationFailed: Failed to allocate IP for \"default/s1\": "
#define CLEARED                                                                                    \
    "ClearAssignment: current IP for \"default/s1\" not allowed by config, will attempt for new "  \
    "IP assignment: "
#define INVALID "LoadBalancerFailed: invalid requested loadbalancer IPs: "

static const struct text_row rows[] = {
    {"assigned", {0}, {"IPAllocated: Assigned IP [\"1.2.3.0\"]"}},
    {"assigned two",
     {.policy = "RequireDualStack", .cluster = DUAL},
     {"IPAllocated: Assigned IP [\"1.2.3.0\" \"1000::\"]"}},
    {"second",
     {.policy = "PreferDualStack", .cluster = DUAL, .status = "1.2.3.0"},
     {"IPAllocated: Assigned additional IP \"1000::\""}},
    {"no second",
     {.policy = "PreferDualStack", .cluster = DUAL, .status = "9.0.0.0"},
     {"AdditionalAssignFailed: cannot assign additional IP in PreferDualStack: [\"9.0.0.0\" "
      "\"<nil>\"] is not allowed in config: pool b has no IPv6 addresses"}},
    {"dual needed",
     {.policy = "RequireDualStack"},
     {"not enough clusterips: Service requires dual stack but not enough clusterips [1.2.3.4]"}},
    {"dual needed, none listed",
     {.policy = "RequireDualStack", .cluster_ip = "1.2.3.4"},
     {"not enough clusterips: Service requires dual stack but not enough clusterips []"}},
    {"no cluster IP",
     {.cluster = "-"},
     {"NoClusterIP: the Service has no cluster IP, so its IP family is unknown"}},
    {"bad status",
     {.status = "junk,1.2.3.0"},
     {"nolbIPsIPFamily: Failed to retrieve LBIPs IPFamily for [\"<nil>\" \"1.2.3.0\"]: "
      "IPFamilyForAddresses: Invalid address [\"<nil>\" \"1.2.3.0\"]",
      "IPAllocated: Assigned IP [\"1.2.3.0\"]"}},
    {"status of one family",
     {.status = "1.2.3.1,::ffff:1.2.3.0"},
     {"nolbIPsIPFamily: Failed to retrieve LBIPs IPFamily for [\"1.2.3.1\" \"1.2.3.0\"]: "
      "IPFamilyForAddresses: same address family [\"1.2.3.1\" \"1.2.3.0\"]",
      "IPAllocated: Assigned IP [\"1.2.3.0\"]"}},
    {"headless, held",
     {.cluster = "None", .status = "1.2.3.0"},
     {"noclusterIPsIPFamily: Failed to retrieve ClusterIPs IPFamily for [\"None\"] None: "
      "IPFamilyForAddresses: Invalid address [\"None\"]"}},
    {"headless without list, held",
     {.cluster_ip = "None", .status = "1.2.3.0"},
     {"noclusterIPsIPFamily: Failed to retrieve ClusterIPs IPFamily for [] None: "
      "IPFamilyForAddresses: Invalid address [\"None\"]"}},
    {"headless", {.cluster = "None"}, {FAILED "IPFamilyForAddresses: Invalid address [\"None\"]"}},
    {"held, not ours",
     {.status = "8.8.8.8"},
     {CLEARED "[\"8.8.8.8\"] is not allowed in config", "IPAllocated: Assigned IP [\"1.2.3.0\"]"}},
    {"held, scoped",
     {.status = "7.0.0.1"},
     {CLEARED "pool locked not compatible for ip assignment",
      "IPAllocated: Assigned IP [\"1.2.3.0\"]"}},
    {"held, taken, no key",
     {.status = "1.2.3.3"},
     {CLEARED "can't change sharing key for \"default/s1\", address also in use by "
              "default/x,default/y: this Service has no allow-shared-ip annotation",
      "IPAllocated: Assigned IP [\"1.2.3.0\"]"}},
    {"requested, other key",
     {.lb_ip = "1.2.3.3", .share = "z"},
     {FAILED "can't change sharing key for \"default/s1\", address also in use by "
             "default/x,default/y: allow-shared-ip has another value there"}},
    {"requested, other backend",
     {.lb_ip = "1.2.3.3", .share = "k", .local = "a=b"},
     {FAILED "can't change sharing key for \"default/s1\", address also in use by "
             "default/x,default/y: externalTrafficPolicy, or with Local the selector, differs"}},
    {"requested, not shared there",
     {.lb_ip = "1.2.3.2", .share = "k"},
     {FAILED "can't change sharing key for \"default/s1\", address also in use by default/w: they "
             "have no allow-shared-ip annotation"}},
    {"requested, port taken",
     {.lb_ip = "1.2.3.3", .share = "k", .ports = "TCP/443,UDP/53"},
     {FAILED "port UDP/53 is already in use on \"1.2.3.3\" by default/y"}},
    {"both requests",
     {.lb_ip = "1.2.3.0", .lb_ips = "1.2.3.0"},
     {FAILED "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP"}},
    {"bad field", {.lb_ip = " 1.2.3.0"}, {FAILED "invalid spec.loadBalancerIP \" 1.2.3.0\""}},
    {"bad annotation",
     {.lb_ips = "1.2.3.0,"},
     {FAILED "invalid metallb.io/loadBalancerIPs: \"1.2.3.0,\""}},
    {"bad deprecated annotation",
     {.annotations = "metallb.universe.tf/loadBalancerIPs=x"},
     {FAILED "invalid metallb.io/loadBalancerIPs: \"x\""}},
    {"blanks are trimmed",
     {.lb_ips = " 1000::1 ,\t1.2.3.1", .policy = "PreferDualStack", .cluster = DUAL},
     {"IPAllocated: Assigned IP [\"1000::1\" \"1.2.3.1\"]"}},
    {"three requested",
     {.lb_ips = "1.2.3.0,1.2.3.1,1000::"},
     {FAILED "IPFamilyForAddresses: invalid ips length 3 [\"1.2.3.0\" \"1.2.3.1\" \"1000::\"]"}},
    {"bad request, held",
     {.lb_ip = "x", .status = "1.2.3.0"},
     {INVALID "invalid spec.loadBalancerIP \"x\""}},
    {"bad request, bad held",
     {.lb_ips = "1.2.3.0,1.2.3.1", .status = "8.8.8.8"},
     {CLEARED "[\"8.8.8.8\"] is not allowed in config",
      INVALID "IPFamilyForAddresses: same address family [\"1.2.3.0\" \"1.2.3.1\"]"}},
    {"family differs",
     {.lb_ip = "1000::"},
     {FAILED "requested loadBalancer IP(s) [\"1000::\"] does not match the ipFamily of the "
             "service"}},
    {"in another pool",
     {.lb_ip = "::ffff:1.2.3.0", .pool = "b"},
     {FAILED "requested loadBalancer IP(s) [\"1.2.3.0\"] is not compatible with requested address "
             "pool b"}},
    {"unknown pool", {.pool = "x\"y"}, {FAILED "unknown pool \"x\\\"y\""}},
    {"pool of the other family",
     {.pool = "b", .cluster = "3000::1"},
     {FAILED "[\"<nil>\"] is not allowed in config: pool b has no IPv6 addresses"}},
    {"nothing dual",
     {.policy = "RequireDualStack", .cluster = DUAL, .pool = "b"},
     {FAILED "no available IPs in pool b for dual IPFamily: pool b has no IPv6 addresses"}},
};

static void assign(struct ipam *m, const struct service_row *row, const char *ip)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(object_freep) struct object *o = build_service(row);
    const struct ip addr = ip_of(ip);
    struct ipam_reason why;

    assert_int_equal(ipam_assign(m, o, &addr, 1, a, &why), IPAM_OK);
}

static void run_row(const struct text_row *r)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    CLEANUP(object_freep) struct object *o = build_service(&r->service);
    struct ipam_verdict v;

    use_snapshot(m, POOLS(POOL("a", "1.2.3.0/30,1000::/126"), POOL("b", "9.0.0.0/32"),
                          POOL("locked", "7.0.0.0/24", .namespaces = "other")));
    assign(m, &(struct service_row){.name = "w"}, "1.2.3.2");
    assign(m, &(struct service_row){.name = "y", .share = "k", .ports = "UDP/53"}, "1.2.3.3");
    assign(m, &(struct service_row){.name = "x", .share = "k", .ports = "TCP/80"}, "1.2.3.3");
    ipam_converge(m, o, ipam_held_from_status(&o->service, a), a, &v);
    for (size_t i = 0; i < ARRAY_SIZE(r->want) && (i < v.event_count || r->want[i] != NULL); i++) {
        const char *got = "";

        if (i < v.event_count)
            got = arena_printf(a, "%s: %s", ipam_event_reason(v.events[i].kind),
                               event_text(a, &v.events[i]));
        check_text(r->name, got, r->want[i] != NULL ? r->want[i] : "");
    }
}

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        run_row(&rows[i]);
}

static void test_no_pools(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    CLEANUP(object_freep) struct object *o = build_service(&(struct service_row){0});
    struct ipam_verdict v;

    (void)state;
    use_snapshot(m, build_snapshot(NULL, 0));
    ipam_converge(m, o, (struct ipam_held){NULL, 0}, a, &v);
    assert_int_equal(v.event_count, 1);
    assert_int_equal(v.state, IPAM_PENDING);
    check_text("no pools", event_text(a, &v.events[0]),
               "there is no IPAddressPool in the configuration; create one");
}

/* A list of sharers does not outgrow an Event. */
static void test_many_sharers(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    CLEANUP(object_freep) struct object *o = build_service(&(struct service_row){0});
    const struct ip ip = ip_of("1.2.3.0");
    struct ipam_reason why;

    (void)state;
    use_snapshot(m, POOLS(POOL("a", "1.2.3.0/30")));
    for (int i = 0; i < 15; i++)
        assign(m, &(struct service_row){.name = arena_printf(a, "x%02d", i), .share = "k"},
               "1.2.3.0");
    assert_int_equal(ipam_assign(m, o, &ip, 1, a, &why), IPAM_SHARING_KEY_IN_USE);
    assert_int_equal(why.names.count, 15);
    check_text("sharers", reason_text(a, &why),
               "can't change sharing key for \"default/s1\", address also in use by "
               "default/x00,default/x01,default/x02,default/x03,default/x04,default/x05,"
               "default/x06,default/x07,default/x08,default/x09 and 5 more: this Service has no "
               "allow-shared-ip annotation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_no_pools),
        cmocka_unit_test(test_many_sharers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
