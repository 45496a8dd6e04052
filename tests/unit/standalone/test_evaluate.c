/* SPDX-License-Identifier: Apache-2.0 */
/* From text to verdicts, as plan and run do it: what is held stays, and faults replace nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "feed/manifest.h"
#include "standalone/evaluate.h"
#include "standalone/pins.h"

#include <string.h>

#define POOL(name, addresses)                                                                      \
    "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: " name "}\n"       \
    "spec: {addresses: [" addresses "]}\n"
#define L2 "---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: lan}\n"
#define NODE(name) "---\napiVersion: v1\nkind: Node\nmetadata: {name: " name "}\n"
#define SERVICE(name, more)                                                                        \
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n"                             \
    "spec: {type: LoadBalancer, clusterIP: 198.18.0.1, clusterIPs: [198.18.0.1]," more             \
    " ports: [{port: 80}]}\n"
#define HOLDS(ip) "status: {loadBalancer: {ingress: [{ip: " ip "}]}}\n"
#define PIN(name, ip)                                                                              \
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", annotations: "                 \
    "{steellb.io/pinned: 'true'}}\n" HOLDS(ip)
#define SLICE(name, node)                                                                          \
    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"               \
    "metadata: {name: " name "-1, labels: {kubernetes.io/service-name: " name "}}\n"               \
    "endpoints: [{addresses: [198.18.1.1], nodeName: " node "}]\n"

/* One reading; the evaluation borrows the objects of the store. */
struct reading {
    struct store *store;
    struct evaluation *evaluation;
};

static void reading_done(struct reading *r)
{
    evaluation_free(r->evaluation);
    store_free(r->store);
}

static struct reading read_text(const char *yaml, const struct evaluation *held_from)
{
    CLEANUP(manifest_done) struct manifest m;
    CLEANUP(err_done) struct err err = {0};
    struct evaluation_options options = {
        .namespace = "metallb-system", .lb_class = "", .held_from = held_from};
    struct reading r;

    manifest_init(&m, options.namespace);
    if (manifest_load_bytes(&m, "test.yaml", yaml, strlen(yaml), &err) < 0)
        fail_msg("%s", err_text(&err));
    manifest_finish(&m);
    r.store = TAKE(m.store);
    r.evaluation = evaluation_new(r.store, &options, &m.faults, &m.warnings);
    return r;
}

static const char *address_of(const struct evaluation *e, const char *name, struct ip_text *ret)
{
    int i = evaluation_find(e, "default", name);

    assert_true(i >= 0);
    if (e->allocations[i].verdict.addr_count == 0)
        return "none";
    *ret = ip_format(e->allocations[i].verdict.addrs[0]);
    return ret->s;
}

static const struct {
    const char *name, *before, *after, *service, *want;
} kept_rows[] = {
    {"an earlier name does not push it away", POOL("home", "192.0.2.0/29") SERVICE("web", ""),
     POOL("home", "192.0.2.0/29") SERVICE("app", "") SERVICE("web", ""), "web", "192.0.2.0"},
    {"the newcomer gets the next one", POOL("home", "192.0.2.0/29") SERVICE("web", ""),
     POOL("home", "192.0.2.0/29") SERVICE("app", "") SERVICE("web", ""), "app", "192.0.2.1"},
    {"a pin wins over what is held", POOL("home", "192.0.2.0/29") SERVICE("web", ""),
     POOL("home", "192.0.2.0/29") SERVICE("web", "") PIN("web", "192.0.2.5"), "web", "192.0.2.5"},
    {"a pin wins over the status of the file", "",
     POOL("home", "192.0.2.0/29") SERVICE("web", "") HOLDS("192.0.2.3") PIN("web", "192.0.2.5"),
     "web", "192.0.2.5"},
    {"an address that is in no pool any more is replaced",
     POOL("home", "192.0.2.0/29") SERVICE("web", ""),
     POOL("home", "203.0.113.0/29") SERVICE("web", ""), "web", "203.0.113.0"},
    {"a pool that moves to another name keeps it", POOL("home", "192.0.2.0/29") SERVICE("web", ""),
     POOL("away", "192.0.2.0/28") SERVICE("web", ""), "web", "192.0.2.0"},
    {"a Service that was away starts anew", POOL("home", "192.0.2.0/29") SERVICE("app", ""),
     POOL("home", "192.0.2.0/29") SERVICE("app", "") SERVICE("web", ""), "web", "192.0.2.1"},
};

static void test_held_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kept_rows); i++) {
        CLEANUP(reading_done) struct reading before = read_text(kept_rows[i].before, NULL);
        CLEANUP(reading_done)
        struct reading after = read_text(kept_rows[i].after, before.evaluation);
        struct ip_text text;
        const char *got = address_of(after.evaluation, kept_rows[i].service, &text);

        if (!str_eq(got, kept_rows[i].want))
            fail_msg("%s: %s, want %s", kept_rows[i].name, got, kept_rows[i].want);
    }
}

/* A bad set replaces nothing: the status is still shown, and nothing is decided. */
static void test_faults_keep_the_status(void **state)
{
    CLEANUP(reading_done)
    struct reading r = read_text(POOL("home", "192.0.2.0/33") SERVICE("web", "") HOLDS("192.0.2.7")
                                     SERVICE("new", ""),
                                 NULL);
    struct ip_text text;

    (void)state;
    assert_null(r.evaluation->cfg);
    assert_int_equal(r.evaluation->faults.count, 1);
    assert_string_equal(address_of(r.evaluation, "web", &text), "192.0.2.7");
    assert_string_equal(address_of(r.evaluation, "new", &text), "none");
}

static bool is_warned(const struct evaluation *e, const char *name, const char *words)
{
    for (size_t i = 0; i < e->warnings.count; i++) {
        if (str_eq(e->warnings.items[i].name, name) &&
            strstr(e->warnings.items[i].message, words) != NULL)
            return true;
    }
    return false;
}

static void test_missing_links_are_warnings(void **state)
{
    CLEANUP(reading_done)
    struct reading bare =
        read_text(POOL("home", "192.0.2.0/29") NODE("oak") SERVICE("web", ""), NULL);
    CLEANUP(reading_done)
    struct reading whole = read_text(
        POOL("home", "192.0.2.0/29") L2 NODE("oak") SERVICE("web", "") SLICE("web", "oak"), NULL);

    (void)state;
    assert_true(is_warned(bare.evaluation, "web", "dvertisement"));
    assert_int_equal(whole.evaluation->warnings.count, 0);
    assert_int_equal(whole.evaluation->l2[0].eligible_count, 1);
}

static const struct {
    const char *name, *yaml;
    bool want;
} pin_rows[] = {
    {"no status", POOL("home", "192.0.2.0/29") SERVICE("web", ""), false},
    {"the same address", POOL("home", "192.0.2.0/29") SERVICE("web", "") HOLDS("192.0.2.2"), true},
    {"a pin", POOL("home", "192.0.2.0/29") SERVICE("web", "") PIN("web", "192.0.2.2"), true},
    {"an address that could not stay",
     POOL("home", "192.0.2.0/29") SERVICE("web", "") HOLDS("203.0.113.9"), false},
};

static void test_pins_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pin_rows); i++) {
        CLEANUP(reading_done) struct reading r = read_text(pin_rows[i].yaml, NULL);

        if (pins_hold(&r.evaluation->allocations[0]) != pin_rows[i].want)
            fail_msg("%s: not %d", pin_rows[i].name, pin_rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_addresses),
        cmocka_unit_test(test_faults_keep_the_status),
        cmocka_unit_test(test_missing_links_are_warnings),
        cmocka_unit_test(test_pins_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
