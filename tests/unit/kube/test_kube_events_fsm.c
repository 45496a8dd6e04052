/* SPDX-License-Identifier: Apache-2.0 */
/* The first table follows client-go's TestEventCorrelator. */
#include "kube/kube_events_fsm.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WALL INT64_C(1700000000000000000)
#define COMBINED "(combined from similar events): "

struct fixture {
    struct events_fsm *f;
    struct mono now;
};

static int set_up(void **state)
{
    struct fixture *x = xcalloc(1, sizeof(*x));

    x->f = events_fsm_new("metallb-controller", "n1", 1);
    x->now = (struct mono){NS_PER_SEC};
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;

    events_fsm_free(x->f);
    free(x);
    return 0;
}

static void add(struct fixture *x, const char *name, const char *reason, const char *message)
{
    const struct events_input in = {.api_version = "v1",
                                    .kind = "Service",
                                    .namespace = "ns",
                                    .name = name,
                                    .uid = "u",
                                    .resource_version = "5",
                                    .type = "Normal",
                                    .reason = reason,
                                    .message = message,
                                    .wall_ns = WALL + x->now.ns};

    events_fsm_add(x->f, &in);
}

static void reply(struct fixture *x, const struct events_request *r, enum events_reply reply)
{
    events_fsm_on_reply(x->f, x->now, r->slot, reply);
}

/* What is left of the last event after all were written. */
struct last {
    unsigned requests;
    enum events_request_kind kind;
    uint64_t count;
    char message[128], name[EVENTS_NAME_MAX + 1];
};

static struct last write_all(struct fixture *x)
{
    struct last last = {0};
    struct events_request r;

    while (events_fsm_next(x->f, x->now, &r)) {
        last.requests++;
        last.kind = r.kind;
        last.count = r.record->count;
        snprintf(last.message, sizeof(last.message), "%s", r.record->about.message);
        memcpy(last.name, r.record->name, sizeof(last.name));
        reply(x, &r, EVENTS_WRITTEN);
    }
    return last;
}

enum sequence { SAME, UNIQUE, SIMILAR };

static void correlates_as_client_go(void **state)
{
    static const struct {
        const char *name;
        enum sequence before;
        unsigned count_before, interval_s;
        const char *reason, *message, *want_message; /* NULL: skipped */
        uint64_t want_count;
    } rows[] = {
        {"a single event", SAME, 0, 5, "first", "i am first", "i am first", 1},
        {"the same just counts", SAME, 1, 5, "dup", "again", "again", 2},
        {"the same just counts, however often", SAME, 10, 30, "dup", "again", "again", 11},
        {"the same is spam if it comes too often", SAME, 26, 1, "dup", "again", NULL, 0},
        {"many unique events", UNIQUE, 24, 5, "unique", "snowflake", "snowflake", 1},
        {"similar events become one", SIMILAR, 9, 5, "similar", "m", COMBINED "m", 1},
        {"and that is counted", SIMILAR, 10, 5, "similar", "m", COMBINED "m", 2},
        {"similar but few", SIMILAR, 8, 5, "similar", "m", "m", 1},
        {"similar but long ago", SIMILAR, 9, 601, "similar", "m", "m", 1},
        {"similar at the last moment", SIMILAR, 9, 600, "similar", "m", COMBINED "m", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct fixture *x;
        struct last last;
        char text[32];

        set_up((void **)&x);
        for (unsigned j = 0; j < rows[i].count_before; j++) {
            snprintf(text, sizeof(text), "%u", j);
            add(x, "a", rows[i].before == UNIQUE ? text : rows[i].reason,
                rows[i].before == SAME ? rows[i].message : text);
            write_all(x);
            x->now = mono_add(x->now, rows[i].interval_s * NS_PER_SEC);
        }
        add(x, "a", rows[i].reason, rows[i].message);
        last = write_all(x);
        if (last.requests != (rows[i].want_message != NULL) || last.count != rows[i].want_count ||
            strcmp(last.message, rows[i].want_message == NULL ? "" : rows[i].want_message) != 0)
            fail_msg("%s: %u \"%s\" %u", rows[i].name, last.requests, last.message,
                     (unsigned)last.count);
        tear_down((void **)&x);
    }
}

/* Those that were told by themselves go on to be, when others are combined already. */
static void goes_on_with_known_messages(void **state)
{
    struct fixture *x = *state;
    struct last last;
    char text[8];

    for (unsigned i = 0; i < 12; i++) {
        snprintf(text, sizeof(text), "m%u", i);
        add(x, "a", "r", text);
    }
    last = write_all(x);
    assert_string_equal(last.message, COMBINED "m11");
    assert_int_equal(last.count, 3);
    assert_int_equal(last.kind, EVENTS_PATCH);
    add(x, "a", "r", "m2");
    last = write_all(x);
    assert_string_equal(last.message, "m2");
    assert_int_equal(last.count, 2);
    assert_int_equal(events_fsm_stats(x->f).folded, 4);
    assert_int_equal(events_fsm_stats(x->f).sent, 13);
}

/* 25 at once, one every five minutes, and the count tells of those that were swallowed. */
static void limits_spam(void **state)
{
    struct fixture *x = *state;

    for (unsigned i = 0; i < 40; i++)
        add(x, "a", "r", "m");
    assert_int_equal(write_all(x).requests, 25);
    assert_int_equal(events_fsm_stats(x->f).dropped, 15);
    add(x, "b", "r", "m"); /* another object */
    assert_int_equal(write_all(x).requests, 1);
    x->now = mono_add(x->now, 299 * NS_PER_SEC);
    add(x, "a", "r", "m");
    assert_int_equal(write_all(x).requests, 0);
    x->now = mono_add(x->now, 1 * NS_PER_SEC);
    add(x, "a", "r", "m");
    add(x, "a", "r", "m");
    assert_int_equal(write_all(x).count, 42);
    x->now = mono_add(x->now, 1000 * 300 * NS_PER_SEC); /* never more than 25 */
    for (unsigned i = 0; i < 40; i++)
        add(x, "a", "r", "m");
    assert_int_equal(write_all(x).requests, 25);
}

static void names_are_unique_and_valid(void **state)
{
    struct fixture *x = *state;
    char longest[EVENTS_NAME_MAX + 1];
    struct last a, b;

    memset(longest, 'x', sizeof(longest));
    longest[EVENTS_NAME_MAX] = '\0';
    longest[235] = '.';
    longest[234] = '-';
    add(x, "svc", "r1", "m");
    a = write_all(x);
    assert_string_equal(a.name, "svc.17979cfe71c4ca00");
    add(x, "svc", "r2", "m"); /* in the same nanosecond */
    b = write_all(x);
    assert_string_equal(b.name, "svc.17979cfe71c4ca01");
    add(x, longest, "r1", "m");
    a = write_all(x);
    assert_int_equal(strlen(a.name), 234 + 17);
    assert_non_null(strstr(a.name, "x.17979cfe71c4ca02"));
}

static void creates_anew_what_is_gone(void **state)
{
    struct fixture *x = *state;
    struct events_request r;

    add(x, "a", "r", "m");
    write_all(x);
    x->now = mono_add(x->now, 3600 * NS_PER_SEC); /* the time that an API server keeps events */
    add(x, "a", "r", "m");
    assert_true(events_fsm_next(x->f, x->now, &r));
    assert_int_equal(r.kind, EVENTS_PATCH);
    reply(x, &r, EVENTS_MISSING);
    assert_true(events_fsm_next(x->f, x->now, &r));
    assert_int_equal(r.kind, EVENTS_CREATE);
    assert_int_equal(r.record->count, 2);
    assert_int_equal(r.record->last_ns - r.record->first_ns, 3600 * NS_PER_SEC);
    reply(x, &r, EVENTS_MISSING); /* the namespace is gone too */
    assert_false(events_fsm_next(x->f, x->now, &r));
    assert_int_equal(events_fsm_stats(x->f).dropped, 1);
}

static void waits_for_the_server(void **state)
{
    struct fixture *x = *state;
    struct events_request r;
    struct mono begin = x->now;
    unsigned tries = 1;

    add(x, "a", "r", "1");
    add(x, "a", "r", "2");
    assert_true(events_fsm_next(x->f, x->now, &r));
    assert_false(events_fsm_on_reply(x->f, x->now, r.slot, EVENTS_UNREACHABLE));
    assert_false(events_fsm_next(x->f, x->now, &r)); /* the second waits as well */
    for (;; tries++) {
        assert_true(mono_is_set(events_fsm_deadline(x->f)));
        x->now = mono_add(events_fsm_deadline(x->f), -1);
        assert_false(events_fsm_next(x->f, x->now, &r));
        x->now = events_fsm_deadline(x->f);
        assert_true(events_fsm_next(x->f, x->now, &r));
        assert_string_equal(r.record->about.message, "1");
        if (events_fsm_on_reply(x->f, x->now, r.slot, EVENTS_UNREACHABLE))
            break;
    }
    assert_int_equal(tries, 11);
    assert_in_range(mono_sub(x->now, begin), 100 * NS_PER_SEC, 110 * NS_PER_SEC);
    assert_false(mono_is_set(events_fsm_deadline(x->f)));
    assert_true(events_fsm_next(x->f, x->now, &r));
    assert_string_equal(r.record->about.message, "2");
    assert_true(events_fsm_on_reply(x->f, x->now, r.slot, EVENTS_REFUSED));
    assert_int_equal(events_fsm_stats(x->f).dropped, 2);
}

static void queue_is_bounded(void **state)
{
    struct fixture *x = *state;
    char name[16];

    for (unsigned i = 0; i < 1200; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        add(x, name, "r", "m");
    }
    assert_int_equal(events_fsm_stats(x->f).queued, 1000);
    assert_int_equal(events_fsm_stats(x->f).dropped, 200);
    assert_int_equal(write_all(x).requests, 1000);
    assert_int_equal(events_fsm_stats(x->f).queued, 0);
}

/* --- whatever happens --- */

static uint32_t random_below(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* A server of events, which forgets some. */
struct server {
    struct {
        char name[EVENTS_NAME_MAX + 1];
        uint64_t count;
    } events[512];
    size_t count;
};

static enum events_reply serve(struct server *s, const struct events_request *r, uint32_t *seed)
{
    size_t i = 0;

    while (i < s->count && strcmp(s->events[i].name, r->record->name) != 0)
        i++;
    if (random_below(seed, 8) == 0)
        return EVENTS_UNREACHABLE;
    if (r->kind == EVENTS_PATCH) {
        if (i == s->count || random_below(seed, 16) == 0)
            return EVENTS_MISSING;
        assert_true(r->record->count > s->events[i].count);
    } else if (i == s->count && s->count < ARRAY_SIZE(s->events)) {
        memcpy(s->events[s->count++].name, r->record->name, sizeof(r->record->name));
    }
    if (i < s->count)
        s->events[i].count = r->record->count;
    return EVENTS_WRITTEN;
}

/* Nothing is sent while a pause runs, no slot is given twice, names are names, every event is
 * accounted for, and a count that was written never goes back. */
static void holds_its_promises(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 50; seed++) {
        struct server *s = xcalloc(1, sizeof(*s));
        uint32_t random = seed;
        uint64_t added = 0, taken = 0;
        struct fixture *x;

        set_up((void **)&x);
        for (unsigned step = 0; step < 500; step++) {
            struct events_request r;
            struct events_fsm_stats stats;
            char name[8], message[8];

            snprintf(name, sizeof(name), "s%u", random_below(&random, 5));
            snprintf(message, sizeof(message), "m%u", random_below(&random, 15));
            add(x, name, random_below(&random, 2) == 0 ? "r" : "q", message);
            added++;
            x->now = mono_add(x->now, random_below(&random, 40) * NS_PER_SEC);
            while (random_below(&random, 4) != 0 && events_fsm_next(x->f, x->now, &r)) {
                assert_true(r.slot < EVENTS_SLOTS && r.record->count > 0);
                assert_true(r.kind == EVENTS_CREATE || r.record->count > 1);
                assert_true(r.record->first_ns <= r.record->last_ns);
                reply(x, &r, serve(s, &r, &random));
            }
            stats = events_fsm_stats(x->f);
            taken = stats.sent + stats.dropped;
            assert_true(taken + stats.queued <= added);
            assert_true(taken + stats.queued + EVENTS_SLOTS >= added);
        }
        tear_down((void **)&x);
        free(s);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(correlates_as_client_go),
        TEST(goes_on_with_known_messages),
        TEST(limits_spam),
        TEST(names_are_unique_and_valid),
        TEST(creates_anew_what_is_gone),
        TEST(waits_for_the_server),
        TEST(queue_is_bounded),
        cmocka_unit_test(holds_its_promises),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
