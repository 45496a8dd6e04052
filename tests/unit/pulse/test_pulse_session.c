/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions on real sockets, each with a loopback address of its own, in one loop. */
#include "pulse/pulse_session.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define MS NS_PER_MS
/* Loopback addresses of this process alone: another run may use the same port. */
#define HOST (UINT32_C(0x7f000000) | ((uint32_t)getpid() & 0xffff) << 8 | 0x20u)

enum { NODES = 3, PORT = 27947 };

struct fixture {
    struct event_base *base;
    struct pulse_session *nodes[NODES];
    unsigned changes;
};

static const char *const names[NODES] = {"n0", "n1", "n2"};

static void changed(void *arg)
{
    ((struct fixture *)arg)->changes++;
}

static struct pulse_addr addr_of(size_t i)
{
    return (struct pulse_addr){ip_v4(HOST + (uint32_t)i), PORT};
}

static int open_node(struct fixture *f, size_t i, const char *secret, struct err *err)
{
    struct pulse_session_options o = {.base = f->base,
                                      .name = names[i],
                                      .bind = addr_of(i),
                                      .secret = (const uint8_t *)secret,
                                      .secret_len = 1,
                                      .interval_ns = 20 * MS,
                                      .count = 3,
                                      .changed = changed,
                                      .arg = f};

    return pulse_session_new(&f->nodes[i], &o, err);
}

static void introduce(struct fixture *f, size_t i)
{
    struct pulse_peer peers[NODES];
    size_t count = 0;

    for (size_t k = 0; k < NODES; k++) {
        if (k != i)
            peers[count++] = (struct pulse_peer){names[k], addr_of(k)};
    }
    assert_true(pulse_session_set_peers(f->nodes[i], peers, count));
}

static void set_up(struct fixture *f, const char *secret_of_last)
{
    struct err err = {0};

    log_set_silent();
    *f = (struct fixture){.base = event_base_new()};
    for (size_t i = 0; i < NODES; i++) {
        if (open_node(f, i, i == NODES - 1 ? secret_of_last : "s", &err) < 0)
            fail_msg("%s", err_text(&err));
        introduce(f, i);
    }
}

static void tear_down(struct fixture *f)
{
    for (size_t i = 0; i < NODES; i++)
        f->nodes[i] = pulse_session_free(f->nodes[i]);
    event_base_free(f->base);
}

typedef bool (*condition_fn)(const struct fixture *f);

static void run_until(struct fixture *f, condition_fn condition, const char *what)
{
    struct mono end = mono_add(mono_now(), 20 * NS_PER_SEC);

    while (!condition(f)) {
        const struct timeval tick = {.tv_usec = 5000};

        event_base_loopexit(f->base, &tick);
        event_base_dispatch(f->base);
        if (!mono_before(mono_now(), end))
            fail_msg("not in time: %s", what);
    }
}

static bool met(const struct fixture *f, size_t by, size_t of)
{
    struct pulse_view v;

    return pulse_view(pulse_session_state(f->nodes[by]), names[of], &v) && v.met;
}

static bool all_met(const struct fixture *f)
{
    for (size_t i = 0; i < NODES; i++) {
        for (size_t k = 0; k < NODES; k++) {
            if (i != k && !met(f, i, k))
                return false;
        }
    }
    return true;
}

static bool first_two_met(const struct fixture *f)
{
    return met(f, 0, 1) && met(f, 1, 0);
}

static bool last_is_out(const struct fixture *f)
{
    return pulse_is_out(pulse_session_state(f->nodes[0]), names[NODES - 1]) &&
           pulse_is_out(pulse_session_state(f->nodes[1]), names[NODES - 1]);
}

static bool stranger_knocked(const struct fixture *f)
{
    return pulse_dropped(pulse_session_state(f->nodes[0]), PULSE_DROP_TAG) > 0;
}

static void notices_a_silent_node(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, "s");
    run_until(&f, all_met, "all exchange heartbeats");
    f.changes = 0;
    f.nodes[NODES - 1] = pulse_session_free(f.nodes[NODES - 1]);
    run_until(&f, last_is_out, "the closed one is out");
    assert_true(f.changes > 0);
    tear_down(&f);
}

static void keeps_strangers_out(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, "x");
    run_until(&f, first_two_met, "those of one secret exchange heartbeats");
    run_until(&f, stranger_knocked, "the other one sends, too");
    assert_false(met(&f, 0, NODES - 1) || met(&f, NODES - 1, 0));
    tear_down(&f);
}

static void tells_why_it_cannot_start(void **state)
{
    struct fixture f;
    struct pulse_session *first;
    struct err err = {0};
    CLEANUP(xfreep)
    char *text = xasprintf("heartbeats on UDP %s port %d: Address already in use",
                           ip_format(addr_of(0).ip).s, PORT);

    (void)state;
    set_up(&f, "s");
    first = f.nodes[0];
    assert_int_equal(open_node(&f, 0, "s", &err), -EADDRINUSE);
    assert_string_equal(err_text(&err), text);
    assert_ptr_equal(f.nodes[0], first);
    err_done(&err);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notices_a_silent_node),
        cmocka_unit_test(keeps_strangers_out),
        cmocka_unit_test(tells_why_it_cannot_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
