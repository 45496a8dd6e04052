/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_lease_fsm.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S NS_PER_SEC

struct fixture {
    struct lease_fsm *f;
    struct mono now;
    struct lease_request sent;
};

static struct lease_fsm *machine(const char *identity, struct mono now, uint64_t seed)
{
    const struct lease_fsm_options o = {.identity = identity,
                                        .duration_ns = 15 * S,
                                        .renew_deadline_ns = 10 * S,
                                        .retry_ns = 2 * S,
                                        .seed = seed};

    return lease_fsm_new(&o, now);
}

static int set_up(void **state)
{
    struct fixture *x = xcalloc(1, sizeof(*x));

    x->now = (struct mono){100 * S};
    x->f = machine("a", x->now, 1);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;

    lease_fsm_free(x->f);
    free(x);
    return 0;
}

static void expect(struct fixture *x, enum lease_request_kind kind)
{
    assert_true(lease_fsm_next(x->f, x->now, &x->sent));
    assert_int_equal(x->sent.kind, kind);
    assert_false(lease_fsm_next(x->f, x->now, &x->sent) && x->sent.kind != kind);
}

static void expect_none(struct fixture *x)
{
    struct lease_request r;

    assert_false(lease_fsm_next(x->f, x->now, &r));
}

static void answer(struct fixture *x, enum lease_reply reply)
{
    lease_fsm_on_reply(x->f, x->now, reply, NULL);
}

static struct lease_record record(const char *holder, const char *renewed)
{
    struct lease_record r = {.duration_s = 15, .transitions = 3, .acquired = "t0"};

    snprintf(r.holder, sizeof(r.holder), "%s", holder);
    snprintf(r.renewed, sizeof(r.renewed), "%s", renewed);
    return r;
}

static void answer_with(struct fixture *x, struct lease_record r)
{
    lease_fsm_on_reply(x->f, x->now, LEASE_OK, &r);
}

/* The write went through. */
static void answer_written(struct fixture *x)
{
    answer_with(x, x->sent.record);
}

static void pass(struct fixture *x, int64_t ns)
{
    x->now = mono_add(x->now, ns);
}

static void at_deadline(struct fixture *x)
{
    assert_true(mono_is_set(lease_fsm_deadline(x->f)));
    x->now = lease_fsm_deadline(x->f);
}

static enum lease_state state_of(const struct fixture *x)
{
    return lease_fsm_state(x->f, x->now);
}

static void hold(struct fixture *x)
{
    expect(x, LEASE_READ);
    answer(x, LEASE_MISSING);
    expect(x, LEASE_CREATE);
    answer_written(x);
    assert_int_equal(state_of(x), LEASE_HELD);
}

static void creates_and_renews(void **state)
{
    struct fixture *x = *state;

    hold(x);
    assert_string_equal(x->sent.record.holder, "a");
    assert_int_equal(x->sent.record.duration_s, 15);
    assert_int_equal(x->sent.record.transitions, 0);
    expect_none(x);
    for (int i = 0; i < 50; i++) {
        at_deadline(x);
        expect(x, LEASE_UPDATE);
        pass(x, S);
        answer_written(x);
        assert_int_equal(state_of(x), LEASE_HELD);
    }
    assert_int_equal(mono_sub(x->now, (struct mono){100 * S}), 50 * 3 * S);
}

/* Whatever the times in the Lease say: only that it does not change counts. */
static void takes_what_does_not_change(void **state)
{
    struct fixture *x = *state;
    struct mono seen;

    expect(x, LEASE_READ);
    answer_with(x, record("b", "2001-01-01T00:00:00.000000Z"));
    for (int i = 0; i < 20; i++) { /* it is renewed, though its clock goes back */
        char renewed[8];

        at_deadline(x);
        expect(x, LEASE_READ);
        snprintf(renewed, sizeof(renewed), "%d", 20 - i);
        answer_with(x, record("b", renewed));
        assert_int_equal(state_of(x), LEASE_WAITING);
    }
    seen = x->now;
    for (;;) {
        at_deadline(x);
        expect(x, LEASE_READ);
        answer_with(x, record("b", "1"));
        if (lease_fsm_next(x->f, x->now, &x->sent))
            break;
    }
    assert_in_range(mono_sub(x->now, seen), 15 * S, 15 * S + 4400 * NS_PER_MS);
    assert_int_equal(x->sent.kind, LEASE_UPDATE);
    assert_int_equal(x->sent.record.transitions, 4);
    assert_string_equal(x->sent.record.acquired, "");
    answer_written(x);
    assert_int_equal(state_of(x), LEASE_HELD);
}

static void takes_at_once(void **state)
{
    static const struct {
        const char *name, *holder;
        int64_t transitions; /* of the claim */
    } rows[] = {{"released", "", 4}, {"ours, of a former life", "a", 3}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture *x;

        set_up((void **)&x);
        expect(x, LEASE_READ);
        answer_with(x, record(rows[i].holder, "1"));
        assert_int_equal(state_of(x), LEASE_WAITING);
        expect(x, LEASE_UPDATE);
        if (x->sent.record.transitions != rows[i].transitions)
            fail_msg("%s", rows[i].name);
        answer_written(x);
        assert_int_equal(state_of(x), LEASE_HELD);
        tear_down((void **)&x);
    }
}

static void others_duration_counts(void **state)
{
    struct fixture *x = *state;
    struct lease_record r = record("b", "1");
    struct mono begin = x->now;

    r.duration_s = 60;
    do {
        at_deadline(x);
        expect(x, LEASE_READ);
        answer_with(x, r);
    } while (!lease_fsm_next(x->f, x->now, &x->sent));
    assert_in_range(mono_sub(x->now, begin), 60 * S, 65 * S);
}

static void loses_in_time(void **state)
{
    struct fixture *x = *state;
    struct mono sent;

    hold(x);
    sent = x->now;
    for (;;) {
        at_deadline(x);
        if (lease_fsm_is_overdue(x->f, x->now)) {
            answer(x, LEASE_FAILED);
        } else if (state_of(x) == LEASE_HELD) {
            assert_true(lease_fsm_next(x->f, x->now, &x->sent));
        } else {
            break;
        }
    }
    assert_int_equal(state_of(x), LEASE_LOST);
    assert_int_equal(mono_sub(x->now, sent), 10 * S);
    /* It goes on to compete, and nobody has taken it. */
    assert_int_equal(x->sent.kind, LEASE_READ);
    answer_with(x, record("a", "9"));
    expect(x, LEASE_UPDATE);
    assert_int_equal(state_of(x), LEASE_LOST);
    answer_written(x);
    assert_int_equal(state_of(x), LEASE_HELD);
}

/* A process that was stopped must not believe what it knew. */
static void loses_while_stopped(void **state)
{
    struct fixture *x = *state;

    hold(x);
    at_deadline(x);
    expect(x, LEASE_UPDATE);
    pass(x, 3600 * S);
    assert_int_equal(state_of(x), LEASE_LOST);
    answer_written(x); /* sent an hour ago: no proof */
    assert_int_equal(state_of(x), LEASE_LOST);
    expect(x, LEASE_UPDATE);
    answer(x, LEASE_CONFLICT);
    at_deadline(x);
    expect(x, LEASE_READ);
    answer_with(x, record("b", "1"));
    assert_int_equal(state_of(x), LEASE_LOST);
}

static void sees_that_it_was_taken(void **state)
{
    struct fixture *x = *state;

    hold(x);
    at_deadline(x);
    expect(x, LEASE_UPDATE);
    answer(x, LEASE_CONFLICT);
    assert_int_equal(state_of(x), LEASE_HELD);
    at_deadline(x);
    expect(x, LEASE_READ);
    answer_with(x, record("b", "1"));
    assert_int_equal(state_of(x), LEASE_LOST);
    expect_none(x);
}

static void survives_a_foreign_edit(void **state)
{
    struct fixture *x = *state;
    struct lease_record r;

    hold(x);
    r = x->sent.record;
    at_deadline(x);
    expect(x, LEASE_UPDATE);
    answer(x, LEASE_CONFLICT);
    at_deadline(x);
    expect(x, LEASE_READ);
    answer_with(x, r);
    expect(x, LEASE_UPDATE);
    answer_written(x);
    assert_int_equal(state_of(x), LEASE_HELD);
}

static void deleted_lease(void **state)
{
    struct fixture *x = *state;
    struct mono begin;

    expect(x, LEASE_READ);
    answer_with(x, record("b", "1"));
    at_deadline(x);
    begin = x->now;
    do { /* its holder may not have noticed yet */
        expect(x, LEASE_READ);
        answer(x, LEASE_MISSING);
        if (lease_fsm_next(x->f, x->now, &x->sent))
            break;
        at_deadline(x);
    } while (true);
    assert_int_equal(x->sent.kind, LEASE_CREATE);
    assert_in_range(mono_sub(x->now, begin), 15 * S, 20 * S);
    answer_written(x);
    at_deadline(x);
    expect(x, LEASE_UPDATE);
    answer(x, LEASE_MISSING);
    assert_int_equal(state_of(x), LEASE_HELD);
    expect(x, LEASE_CREATE);
    answer_written(x);
    assert_int_equal(state_of(x), LEASE_HELD);
}

static void without_rights(void **state)
{
    struct fixture *x = *state;
    struct mono begin = x->now;

    expect(x, LEASE_READ);
    answer(x, LEASE_DENIED);
    assert_int_equal(state_of(x), LEASE_FORBIDDEN);
    at_deadline(x);
    assert_int_equal(mono_sub(x->now, begin), 60 * S);
    expect(x, LEASE_READ); /* now it may read, but not write */
    answer(x, LEASE_MISSING);
    expect(x, LEASE_CREATE);
    answer(x, LEASE_DENIED);
    assert_int_equal(state_of(x), LEASE_FORBIDDEN);
    at_deadline(x);
    expect(x, LEASE_READ);
    answer_with(x, record("b", "1"));
    assert_int_equal(state_of(x), LEASE_WAITING); /* somebody else has the right */
}

static void rights_that_are_lost(void **state)
{
    struct fixture *x = *state;

    hold(x);
    at_deadline(x);
    expect(x, LEASE_UPDATE);
    answer(x, LEASE_DENIED);
    assert_int_equal(state_of(x), LEASE_HELD);
    while (state_of(x) == LEASE_HELD) {
        at_deadline(x);
        if (lease_fsm_next(x->f, x->now, &x->sent))
            answer(x, LEASE_DENIED);
    }
    assert_int_equal(state_of(x), LEASE_LOST);
}

static void releases(void **state)
{
    struct fixture *x = *state;

    hold(x);
    lease_fsm_release(x->f, x->now);
    assert_int_equal(state_of(x), LEASE_WAITING);
    expect(x, LEASE_UPDATE);
    assert_string_equal(x->sent.record.holder, "");
    assert_int_equal(x->sent.record.duration_s, 1);
    assert_false(lease_fsm_is_done(x->f));
    answer(x, LEASE_CONFLICT);
    expect_none(x);
    assert_true(lease_fsm_is_done(x->f));
    assert_false(mono_is_set(lease_fsm_deadline(x->f)));
}

static void releases_after_the_request_under_way(void **state)
{
    struct fixture *x = *state;

    hold(x);
    at_deadline(x);
    expect(x, LEASE_UPDATE);
    lease_fsm_release(x->f, x->now);
    expect_none(x);
    answer_written(x);
    expect(x, LEASE_UPDATE);
    assert_string_equal(x->sent.record.holder, "");
    answer_written(x);
    expect_none(x);
    assert_true(lease_fsm_is_done(x->f));
}

static void releases_nothing(void **state)
{
    struct fixture *x = *state;

    expect(x, LEASE_READ);
    answer_with(x, record("b", "1"));
    lease_fsm_release(x->f, x->now);
    expect_none(x);
    assert_true(lease_fsm_is_done(x->f));
}

/* --- several machines, one server --- */

enum { MACHINES = 3, STEP_MS = 50 };

struct server {
    bool exists;
    unsigned version;
    struct lease_record record;
    unsigned stamp; /* makes every written time another one */
};

struct node {
    struct lease_fsm *f;
    char identity[4];
    unsigned version; /* of what it read or wrote last */
    struct lease_request request;
    bool waits, is_applied; /* for an answer; the server has done it */
    int64_t apply_at, answer_at;
    enum lease_reply reply;
    struct lease_record record;
    unsigned reply_version;
    int64_t stopped_until;
};

/* Requests whose senders have given up waiting: they may still arrive. */
struct stray {
    struct node sent[64];
    size_t count;
};

static uint32_t random_below(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* Mostly quick; now and then as slow as anything. */
static int64_t delay(uint32_t *seed)
{
    uint32_t ms = random_below(seed, 20) == 0 ? random_below(seed, 30000) : random_below(seed, 300);

    return ms * NS_PER_MS;
}

static void apply(struct server *s, struct node *n)
{
    bool is_write = n->request.kind != LEASE_READ;

    n->is_applied = true;
    n->reply = LEASE_OK;
    if (n->request.kind == LEASE_CREATE
            ? s->exists
            : n->request.kind == LEASE_UPDATE && s->exists && s->version != n->version)
        n->reply = LEASE_CONFLICT;
    else if (n->request.kind != LEASE_CREATE && !s->exists)
        n->reply = LEASE_MISSING;
    if (n->reply == LEASE_OK && is_write) {
        s->exists = true;
        s->version++;
        s->record = n->request.record;
        snprintf(s->record.renewed, sizeof(s->record.renewed), "%u", ++s->stamp);
    }
    n->record = s->record;
    n->reply_version = s->version;
}

static void node_send(struct node *n, int64_t now, uint32_t *seed)
{
    if (!lease_fsm_next(n->f, (struct mono){now}, &n->request))
        return;
    n->waits = true;
    n->is_applied = false;
    n->apply_at = now + delay(seed);
    n->answer_at = n->apply_at + delay(seed);
}

static void stray_add(struct stray *stray, const struct node *n)
{
    if (!n->is_applied && stray->count < sizeof(stray->sent) / sizeof(stray->sent[0]))
        stray->sent[stray->count++] = *n;
}

static void stray_step(struct stray *stray, struct server *s, int64_t now)
{
    for (size_t i = 0; i < stray->count;) {
        if (now < stray->sent[i].apply_at) {
            i++;
            continue;
        }
        apply(s, &stray->sent[i]);
        stray->sent[i] = stray->sent[--stray->count];
    }
}

static void node_step(struct node *n, struct stray *stray, int64_t now, uint32_t *seed)
{
    struct mono t = {now};

    if (now < n->stopped_until)
        return;
    if (lease_fsm_is_overdue(n->f, t)) {
        stray_add(stray, n);
        lease_fsm_on_reply(n->f, t, LEASE_FAILED, NULL);
        n->waits = false;
    } else if (n->waits && n->is_applied && now >= n->answer_at) {
        bool is_lost = random_below(seed, 25) == 0;

        if (!is_lost && n->reply == LEASE_OK)
            n->version = n->reply_version;
        n->waits = false;
        lease_fsm_on_reply(n->f, t, is_lost ? LEASE_FAILED : n->reply,
                           !is_lost && n->reply == LEASE_OK ? &n->record : NULL);
    }
    if (!n->waits)
        node_send(n, now, seed);
    if (random_below(seed, 4000) == 0)
        n->stopped_until = now + random_below(seed, 60000) * NS_PER_MS;
}

/*
 * Requests and answers are late, lost, done but not answered; processes are stopped for a minute;
 * the Lease is deleted. Never do two hold it at the same time, where one that is stopped does
 * nothing with it; and it is held most of the time.
 */
static void never_two(void **state)
{
    (void)state;
    for (uint32_t run = 1; run <= 40; run++) {
        struct server s = {0};
        struct node nodes[MACHINES] = {0};
        struct stray *stray = xcalloc(1, sizeof(*stray));
        uint32_t seed = run;
        unsigned held = 0, steps = 40000;
        int64_t now = 1000 * S;

        for (unsigned i = 0; i < MACHINES; i++) {
            snprintf(nodes[i].identity, sizeof(nodes[i].identity), "n%u", i);
            nodes[i].f = machine(nodes[i].identity, (struct mono){now}, run * 10 + i);
        }
        for (unsigned step = 0; step < steps; step++) {
            unsigned holders = 0;

            now += STEP_MS * NS_PER_MS;
            for (unsigned i = 0; i < MACHINES; i++) {
                struct node *n = &nodes[(i + step) % MACHINES];

                if (n->waits && !n->is_applied && now >= n->apply_at)
                    apply(&s, n);
                node_step(n, stray, now, &seed);
            }
            stray_step(stray, &s, now);
            for (unsigned i = 0; i < MACHINES; i++)
                holders += now >= nodes[i].stopped_until &&
                           lease_fsm_state(nodes[i].f, (struct mono){now}) == LEASE_HELD;
            if (holders > 1)
                fail_msg("run %u step %u: %u holders", run, step, holders);
            held += holders;
            if (step % 4000 == 3999)
                s.exists = false;
        }
        assert_true(held > steps / 2);
        for (unsigned i = 0; i < MACHINES; i++)
            lease_fsm_free(nodes[i].f);
        free(stray);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(creates_and_renews),
        TEST(takes_what_does_not_change),
        cmocka_unit_test(takes_at_once),
        TEST(others_duration_counts),
        TEST(loses_in_time),
        TEST(loses_while_stopped),
        TEST(sees_that_it_was_taken),
        TEST(survives_a_foreign_edit),
        TEST(deleted_lease),
        TEST(without_rights),
        TEST(rights_that_are_lost),
        TEST(releases),
        TEST(releases_after_the_request_under_way),
        TEST(releases_nothing),
        cmocka_unit_test(never_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
