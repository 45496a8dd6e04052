/* SPDX-License-Identifier: Apache-2.0 */
/* Assign and SetPools: the tables of spec controller 6.1. */
#include "builder.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

struct step {
    const char *service, *namespace, *labels;
    const char *ips; /* NULL: release */
    const char *ports, *share, *backend;
    const char *want; /* "" is success; otherwise the start of the reason */
};

static struct object *service_of(const struct step *s)
{
    char backend[64];

    snprintf(backend, sizeof(backend), "app=%s", s->backend != NULL ? s->backend : "");
    return build_service(&(struct service_row){.namespace = s->namespace,
                                               .name = s->service,
                                               .labels = s->labels,
                                               .ports = s->ports,
                                               .share = s->share,
                                               .local = s->backend != NULL ? backend : NULL});
}

static void run_step(struct ipam *m, size_t number, const struct step *s)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(object_freep) struct object *o = service_of(s);
    struct ip ips[4];
    const struct pool *pool;
    struct ipam_reason why = {0};
    const char *row = arena_printf(a, "step %zu", number);
    const char *before = holding_text(a, m, o->meta.namespace, o->meta.name);
    size_t count = 0;
    bool ok;

    if (s->ips == NULL) {
        assert_true(ipam_release(m, o->meta.namespace, o->meta.name));
        return;
    }
    for (const char *at = s->ips; *at != '\0'; count++) {
        size_t len = strcspn(at, " ");

        ips[count] = ip_of(arena_strndup(a, at, len));
        at += len + (at[len] == ' ');
    }
    ok = ipam_assign(m, o, ips, count, a, &why) == IPAM_OK;
    if (ok) {
        struct ip now[IPAM_MAX_ADDRS];

        check_text(row, "", s->want);
        assert_int_equal(ipam_holding(m, o->meta.namespace, o->meta.name, now, &pool), count);
        check_text(row, ips_text(a, now, count), s->ips);
    } else {
        const char *text = reason_text(a, &why);

        if (s->want[0] == '\0' || strstr(text, s->want) == NULL)
            fail_msg("%s: refused with \"%s\", want \"%s\"", row, text, s->want);
        check_text(row, holding_text(a, m, o->meta.namespace, o->meta.name), before);
    }
}

#define NO_KEY "can't change sharing key"
#define NOT_ALLOWED "is not allowed in config"
#define TAKEN "is already in use on"

static const struct step assignment[] = {
    {"s1", .ips = "1.2.3.4", .want = ""},
    {"s1", .ips = "1.2.3.4", .want = ""},
    {"s2", .ips = "1.2.3.4", .want = NO_KEY},
    {"s2", .ips = "1.2.3.5", .want = ""},
    {"s1", .ips = "1.2.3.5", .want = NO_KEY},
    {.service = "s1"},
    {"s2", .ips = "1.2.3.4", .want = ""},
    {"s1", .ips = "1.2.3.5", .want = ""},
    {"s3", .ips = "1.2.4.0", .want = NOT_ALLOWED},
    {"s3", .ips = "1.2.4.255", .want = NOT_ALLOWED},
    {"s3", .ips = "1.2.4.254", .want = ""},
    {"s4", NULL, NULL, "1.2.4.3", "TCP/80", "sharing", "backend", ""},
    {"s4", NULL, NULL, "1.2.4.3", "TCP/80", "share", "backend", ""},
    {"s3", NULL, NULL, "1.2.4.3", "TCP/80", "share", "backend", TAKEN},
    {"s3", NULL, NULL, "1.2.4.3", "TCP/443", "othershare", "backend", NO_KEY},
    {"s3", NULL, NULL, "1.2.4.3", "TCP/443", "share", "otherbackend", NO_KEY},
    {"s3", NULL, NULL, "1.2.4.3", "TCP/443", "share", "backend", ""},
    {"s3", NULL, NULL, "1.2.4.3", "UDP/53", "share", "backend", ""},
    {"s3", NULL, NULL, "1.2.4.3", "TCP/443", "othershare", "backend", NO_KEY},
    {"s3", NULL, NULL, "1.2.4.3", "TCP/443", "share", "otherbackend", NO_KEY},
    {"s4", .ips = "1.2.4.254", .want = ""},
    {"s1", .ips = "1000::4", .want = ""},
    {"s1", .ips = "1000::4", .want = ""},
    {"s2", .ips = "1000::4", .want = NO_KEY},
    {"s2", .ips = "1000::4:5", .want = ""},
    {"s1", .ips = "1000::4:5", .want = NO_KEY},
    {.service = "s1"},
    {"s2", .ips = "1000::4", .want = ""},
    {"s1", .ips = "1000::4:5", .want = ""},
    {"s3", .ips = "1000::4:ff", .want = ""},
    {"s4", NULL, NULL, "1000::4:3", "TCP/80", "sharing", "backend", ""},
    {"s4", NULL, NULL, "1000::4:3", "TCP/80", "share", "backend", ""},
    {"s3", NULL, NULL, "1000::4:3", "TCP/80", "share", "backend", TAKEN},
    {"s3", NULL, NULL, "1000::4:3", "TCP/443", "othershare", "backend", NO_KEY},
    {"s3", NULL, NULL, "1000::4:3", "TCP/443", "share", "otherbackend", NO_KEY},
    {"s3", NULL, NULL, "1000::4:3", "TCP/443", "share", "backend", ""},
    {"s3", NULL, NULL, "1000::4:3", "UDP/53", "share", "backend", ""},
    {"s3", NULL, NULL, "1000::4:3", "TCP/443", "othershare", "backend", NO_KEY},
    {"s3", NULL, NULL, "1000::4:3", "TCP/443", "share", "otherbackend", NO_KEY},
    {"s4", .ips = "1000::4:ff", .want = ""},
    {.service = "s2"},
    {"s1", .ips = "1.2.3.4 1000::4", .want = ""},
    {"s1", .ips = "1.2.4.5 1000::4", .want = NOT_ALLOWED},
    {"s1", "test-ns1", .ips = "1.2.5.10", .want = ""},
    {"s1", "testns-not-exist", .ips = "1.2.5.10", .want = "not compatible for ip assignment"},
    {"s1", "testns-not-exist", "team=metallb", .ips = "1.2.6.10", .want = ""},
    {"s1", "testns-not-exist", "team=red", .ips = "1.2.6.10", .want = "pool test4 not compatible"},
    {"s1", "test-ns1", "team=metallb", .ips = "1.2.7.10", .want = ""},
    {"s1", "test-ns2", "team=metallb", .ips = "1.2.8.10", .want = "pool test6 not compatible"},
    {"s1", "testns-not-exist", "foo=bar", .ips = "1.2.8.10", .want = "pool test6 not compatible"},
    /* spec controller 2.4 steps 3 and 4 */
    {"s9", .ips = "1.2.4.9 1.2.4.10 1.2.4.11",
     .want = "more than two addresses [\"1.2.4.9\" \"1.2.4.10\" \"1.2.4.11\"]"},
    {"s9", .ips = "1.2.4.9 1.2.4.10", .want = "\"1.2.4.9\" \"1.2.4.10\" has the same family"},
    {"s9", .ips = "9.9.9.9 9.9.9.8 9.9.9.7", .want = NOT_ALLOWED},
};

static struct snapshot *assignment_pools(void)
{
    return POOLS(POOL("test", "1.2.3.4/31,1000::4/127"),
                 POOL("test2", "1.2.4.0/24,1000::4:0/120", .avoid = true),
                 POOL("test3", "1.2.5.0/24,1000::5:0/120", .avoid = true, .namespaces = "test-ns1"),
                 POOL("test4", "1.2.6.0/24,1000::6:0/120", .avoid = true, .labels = "team=metallb"),
                 POOL("test5", "1.2.7.0/24,1000::7:0/120", .avoid = true, .priority = 20,
                      .namespaces = "test-ns1", .labels = "team=metallb"),
                 POOL("test6", "1.2.8.0/24,1000::9:0/120", .avoid = true, .priority = 20,
                      .namespaces = "test-ns2", .labels = "foo=bar"));
}

static void test_assignment(void **state)
{
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();

    (void)state;
    use_snapshot(m, assignment_pools());
    for (size_t i = 0; i < ARRAY_SIZE(assignment); i++)
        run_step(m, i + 1, &assignment[i]);
}

/* An address stays taken as long as anybody sits on it, ports or not. */
static void test_sharer_without_ports(void **state)
{
    static const struct step steps[] = {
        {"s1", .ips = "1.2.3.4", .share = "k", .want = ""},
        {"s2", .ips = "1.2.3.4", .share = "k", .ports = "TCP/80", .want = ""},
        {.service = "s2"},
        {"s3", .ips = "1.2.3.4", .ports = "TCP/80", .want = NO_KEY},
        {"s3", .ips = "1.2.3.4", .share = "k", .ports = "TCP/80", .want = ""},
        {"s3", .ips = "1.2.3.4", .share = "k", .ports = "TCP/80,TCP/80", .want = ""},
        {"s4", .ips = "1.2.3.4", .share = "k", .ports = "UDP/80", .want = ""},
        {.service = "s3"},
        {"s5", .ips = "1.2.3.4", .share = "k", .ports = "TCP/80", .want = ""},
        {"s4", .ips = "1.2.3.4", .share = "k", .ports = "TCP/80", .want = TAKEN},
    };
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();

    (void)state;
    use_snapshot(m, assignment_pools());
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        run_step(m, i + 1, &steps[i]);
}

/* Local with an empty selector may share with Cluster; Local with one only with its like. */
static void test_backends(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    static const struct {
        const char *name, *local;
        enum ipam_code want;
        enum ipam_sharing_rule rule;
    } rows[] = {
        {"cluster", NULL, IPAM_OK, 0},
        {"local-empty", "", IPAM_OK, 0},
        {"local", "app=x", IPAM_SHARING_KEY_IN_USE, IPAM_SHARING_BACKENDS_DIFFER},
    };
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    const struct ip ip = ip_of("1.2.3.4");

    (void)state;
    use_snapshot(m, assignment_pools());
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(object_freep)
        struct object *o = build_service(
            &(struct service_row){.name = rows[i].name, .share = "k", .local = rows[i].local});
        struct ipam_reason why = {0};

        if (ipam_assign(m, o, &ip, 1, a, &why) != rows[i].want || why.rule != rows[i].rule)
            fail_msg("%s: %s", rows[i].name, reason_text(a, &why));
    }
}

/* ---- SetPools ---- */

struct reload {
    const char *name;
    struct pool_row pools[2];
    const char *s1, *s2;
};

static const struct reload reloads[] = {
    {"same", {POOL("test", "1.2.3.0/30,1000::/126")}, "test: 1.2.3.0", "test: 1000::"},
    {"expanded", {POOL("test", "1.2.3.0/24,1000::/120")}, "test: 1.2.3.0", "test: 1000::"},
    {"shrunk v4", {POOL("test", "1.2.3.2/31,1000::/126")}, "-", "test: 1000::"},
    {"shrunk v6", {POOL("test", "1.2.3.0/30,1000::2/127")}, "test: 1.2.3.0", "-"},
    {"renamed", {POOL("test2", "1.2.3.0/30,1000::/126")}, "test2: 1.2.3.0", "test2: 1000::"},
    {"split",
     {POOL("test", "1.2.3.0/31,1000::2/127"), POOL("test2", "1.2.3.2/31,1000::/127")},
     "test: 1.2.3.0",
     "test2: 1000::"},
    {"buggy", {POOL("test2", "1.2.3.0/31,1000::/127", .avoid = true)}, "-", "test2: 1000::"},
    {"scope is not looked at",
     {POOL("test", "1.2.3.0/30,1000::/126", .namespaces = "other")},
     "test: 1.2.3.0",
     "test: 1000::"},
};

static void assign_one(struct ipam *m, struct arena *a, const char *name, const char *ip)
{
    CLEANUP(object_freep)
    struct object *o = build_service(&(struct service_row){.name = name});
    const struct ip addr = ip_of(ip);
    struct ipam_reason why;

    assert_int_equal(ipam_assign(m, o, &addr, 1, a, &why), IPAM_OK);
}

static void test_config_reload(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(reloads); i++) {
        const struct reload *r = &reloads[i];
        CLEANUP(arena_freep) struct arena *a = arena_new();
        CLEANUP(ipam_freep) struct ipam *m = ipam_new();

        use_snapshot(m, POOLS(POOL("test", "1.2.3.0/30,1000::/126"),
                              POOL("unused", "1.2.4.0/30,1001::/126")));
        assign_one(m, a, "s1", "1.2.3.0");
        assign_one(m, a, "s2", "1000::");
        use_snapshot(m, build_snapshot(r->pools, r->pools[1].name != NULL ? 2 : 1));
        check_text(r->name, holding_text(a, m, "default", "s1"), r->s1);
        check_text(r->name, holding_text(a, m, "default", "s2"), r->s2);
    }
}

/* A pair that is in no single pool any more is given up as a whole; the other sharer stays. */
static void test_reload_splits_a_pair(void **state)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    CLEANUP(ipam_freep) struct ipam *m = ipam_new();
    CLEANUP(object_freep)
    struct object *pair = build_service(&(struct service_row){.name = "pair", .share = "k"});
    CLEANUP(object_freep)
    struct object *single = build_service(&(struct service_row){.name = "single", .share = "k"});
    const struct ip ips[] = {ip_of("1.2.3.0"), ip_of("1000::")};
    struct ipam_counters c;
    struct ipam_reason why;

    (void)state;
    use_snapshot(m, POOLS(POOL("test", "1.2.3.0/30,1000::/126")));
    assert_int_equal(ipam_assign(m, pair, ips, 2, a, &why), IPAM_OK);
    assert_int_equal(ipam_assign(m, single, ips, 1, a, &why), IPAM_OK);
    use_snapshot(m, POOLS(POOL("four", "1.2.3.0/30"), POOL("six", "1000::/126")));
    check_text("pair", holding_text(a, m, "default", "pair"), "-");
    check_text("single", holding_text(a, m, "default", "single"), "four: 1.2.3.0");
    c = ipam_pool_counters(m, &(struct pool){.name = "four"});
    assert_int_equal(c.assigned_v4, 1);
    c = ipam_pool_counters(m, &(struct pool){.name = "six"});
    assert_int_equal(c.assigned_v6, 0);
    assert_true(ipam_release(m, "default", "single"));
    assert_false(ipam_release(m, "default", "single"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assignment),
        cmocka_unit_test(test_sharer_without_ports),
        cmocka_unit_test(test_backends),
        cmocka_unit_test(test_config_reload),
        cmocka_unit_test(test_reload_splits_a_pair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
