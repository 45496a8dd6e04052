/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the wire. Who holds it when is in test_kube_lease_fsm.c. */
#include "kube/kube_lease.h"

#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "fake_client.h"
#include "kube/kube_lease_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEASE(spec)                                                                                \
    "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"4\"},\"spec\":" spec "}"
#define NAME255                                                                                    \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901"  \
    "2345678901234567890123456789012345678901234567890123456789012345678901234"

static void reads_leases(void **state)
{
    static const struct {
        const char *name, *bytes;
        int want;
        struct lease_record record;
    } rows[] = {
        {"whole",
         LEASE("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":15,\"acquireTime\":\"t1\","
               "\"renewTime\":\"t2\",\"leaseTransitions\":3,\"strategy\":\"x\"}"),
         0,
         {.holder = "b", .duration_s = 15, .transitions = 3, .acquired = "t1", .renewed = "t2"}},
        {"empty spec", LEASE("{}"), 0, {.holder = ""}},
        {"no spec", "{\"kind\":\"Lease\"}", 0, {.holder = ""}},
        {"nulls",
         LEASE("{\"holderIdentity\":null,\"leaseDurationSeconds\":null}"),
         0,
         {.holder = ""}},
        {"another kind", "{\"kind\":\"Status\"}", -EBADMSG, {.holder = ""}},
        {"no JSON", "Lease", -EBADMSG, {.holder = ""}},
        {"spec is a text", LEASE("\"x\""), -EBADMSG, {.holder = ""}},
        {"holder is a number", LEASE("{\"holderIdentity\":1}"), -EBADMSG, {.holder = ""}},
        {"NUL in the holder", LEASE("{\"holderIdentity\":\"a\\u0000\"}"), -EBADMSG, {.holder = ""}},
        {"too long a holder",
         LEASE("{\"holderIdentity\":\"" NAME255 "\"}"),
         -EBADMSG,
         {.holder = ""}},
        {"a real", LEASE("{\"leaseDurationSeconds\":1.5}"), -EBADMSG, {.holder = ""}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(err_done) struct err err = {0};
        struct lease_record r = {0};
        int got = lease_read(&r, rows[i].bytes, strlen(rows[i].bytes), &err);

        if (got != rows[i].want || memcmp(&r, &rows[i].record, sizeof(r)) != 0)
            fail_msg("%s: %d %s", rows[i].name, got, err_text(&err));
    }
}

struct fixture {
    struct event_base *base;
    struct kube_lease *l;
    enum kube_lease_state told;
    unsigned tellings;
    bool has_left;
};

static void on_changed(void *arg, enum kube_lease_state state)
{
    struct fixture *f = arg;

    f->told = state;
    f->tellings++;
}

static void on_left(void *arg)
{
    struct fixture *f = arg;

    f->has_left = true;
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct kube_lease_options o = {.namespace = "ns",
                                   .name = "steellb",
                                   .identity = "a",
                                   .duration_ns = 400 * NS_PER_MS,
                                   .renew_deadline_ns = 300 * NS_PER_MS,
                                   .retry_ns = 50 * NS_PER_MS,
                                   .changed = on_changed,
                                   .arg = f};

    f->base = event_base_new();
    o.base = f->base;
    f->l = kube_lease_new(&o);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    kube_lease_free(f->l);
    fake_reset();
    event_base_free(f->base);
    free(f);
    return 0;
}

static const struct kube_fetch *await(struct fixture *f)
{
    while (fake_first() == NULL)
        assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
    return fake_first();
}

static void hold(struct fixture *f)
{
    CLEANUP(xfreep) char *made = NULL;

    assert_string_equal(await(f)->method, "GET");
    assert_string_equal(fake_first()->path,
                        "/apis/coordination.k8s.io/v1/namespaces/ns/leases/steellb");
    fake_answer(fake_first(), 404, "{}");
    assert_string_equal(fake_first()->method, "POST");
    assert_string_equal(fake_first()->path, "/apis/coordination.k8s.io/v1/namespaces/ns/leases");
    made = xstrdup(fake_first()->body);
    assert_non_null(strstr(made, "\"holderIdentity\":\"a\",\"leaseDurationSeconds\":1,"));
    fake_answer(fake_first(), 201, made);
    assert_int_equal(f->told, KUBE_LEASE_HELD);
    assert_int_equal(kube_lease_state(f->l), KUBE_LEASE_HELD);
}

static void creates_renews_and_releases(void **state)
{
    struct fixture *f = *state;

    hold(f);
    assert_string_equal(await(f)->method, "PUT");
    fake_answer(fake_first(), 200,
                LEASE("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":1,\"strategy\":\"x\"}"));
    kube_lease_release(f->l, on_left, f);
    assert_int_equal(kube_lease_state(f->l), KUBE_LEASE_WAITING);
    assert_string_equal(await(f)->method, "PUT");
    assert_non_null(strstr(fake_first()->body, "\"metadata\":{\"resourceVersion\":\"4\"}"));
    assert_non_null(strstr(fake_first()->body, "\"strategy\":\"x\""));
    assert_non_null(strstr(fake_first()->body, "\"holderIdentity\":\"\""));
    assert_false(f->has_left);
    fake_answer(fake_first(), 200, LEASE("{}"));
    assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
    assert_true(f->has_left);
    assert_int_equal(f->told, KUBE_LEASE_WAITING);
    assert_int_equal(event_base_loop(f->base, EVLOOP_NONBLOCK), 1); /* nothing is left to do */
}

/* The server takes requests and answers none: they are given up, and the lease in time. */
static void loses_it_when_nobody_answers(void **state)
{
    struct fixture *f = *state;
    struct mono begin;

    hold(f);
    begin = mono_now();
    while (f->told == KUBE_LEASE_HELD) {
        assert_true(fake_count() <= 1);
        assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
    }
    assert_int_equal(f->told, KUBE_LEASE_LOST);
    assert_true(mono_sub(mono_now(), begin) > 250 * NS_PER_MS);
    while (fake_first() != NULL)
        fake_break(fake_first());
}

static void without_rights(void **state)
{
    struct fixture *f = *state;

    await(f);
    fake_answer(fake_first(), 403, "{}");
    assert_int_equal(f->told, KUBE_LEASE_FORBIDDEN);
    kube_lease_release(f->l, on_left, f);
    assert_false(f->has_left);
    while (!f->has_left)
        assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
    assert_null(fake_first());
}

static void what_it_cannot_read(void **state)
{
    struct fixture *f = *state;

    await(f);
    fake_answer(fake_first(), 200, "{\"kind\":\"Lease\",\"spec\":7}");
    assert_string_equal(await(f)->method, "GET");
    assert_int_equal(kube_lease_state(f->l), KUBE_LEASE_WAITING);
    fake_break(fake_first());
    assert_string_equal(await(f)->method, "GET");
    fake_answer(fake_first(), 500, "{}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_leases),     TEST(creates_renews_and_releases),
        TEST(loses_it_when_nobody_answers), TEST(without_rights),
        TEST(what_it_cannot_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
