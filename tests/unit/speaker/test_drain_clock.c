/* SPDX-License-Identifier: Apache-2.0 */
/* When the routes of a drained node may go: spec speaker-bgp K7. */
#include "speaker/drain_clock.h"

#include "base/log.h"
#include "base/macro.h"
#include "base/mono.h"
#include "role/loop.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SHORT_NS (20 * NS_PER_MS)
#define LONG_NS (3600 * NS_PER_SEC)

struct fixture {
    struct event_base *base;
    struct drain_clock clock;
    unsigned yielded;
};

static void on_yielded(void *arg)
{
    struct fixture *f = arg;

    f->yielded++;
    assert_true(f->clock.has_yielded); /* it is asked for at once */
}

static void begin(struct fixture *f, int64_t delay_ns)
{
    *f = (struct fixture){.base = loop_new()};
    drain_clock_init(&f->clock, f->base, delay_ns, on_yielded, f);
}

static void end(struct fixture *f)
{
    drain_clock_done(&f->clock);
    event_base_free(f->base);
}

/* Until nothing is left that could happen. */
static void run(const struct fixture *f)
{
    assert_true(event_base_dispatch(f->base) >= 0);
}

static void yields_after_its_delay(void **state)
{
    struct mono before = mono_now();
    struct fixture f;

    (void)state;
    begin(&f, SHORT_NS);
    drain_clock_set(&f.clock, NODE_DRAIN_NO, false);
    assert_false(f.clock.is_draining);
    drain_clock_set(&f.clock, NODE_DRAIN, false);
    assert_true(f.clock.is_draining && !f.clock.has_yielded);
    run(&f);
    assert_int_equal(f.yielded, 1);
    assert_true(f.clock.is_draining && f.clock.has_yielded);
    assert_true(mono_sub(mono_now(), before) >= SHORT_NS);
    end(&f);
}

/* Whoever repeats it, or presses for it, does not make it begin anew. */
static void runs_once(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, SHORT_NS);
    drain_clock_set(&f.clock, NODE_DRAIN, false);
    drain_clock_set(&f.clock, NODE_DRAIN, true);
    drain_clock_set(&f.clock, NODE_DRAIN_FORCE, false);
    assert_false(f.clock.has_yielded);
    run(&f);
    drain_clock_set(&f.clock, NODE_DRAIN, false);
    assert_true(f.clock.has_yielded);
    run(&f);
    assert_int_equal(f.yielded, 1);
    end(&f);
}

static void stops_when_the_node_stays(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, SHORT_NS);
    drain_clock_set(&f.clock, NODE_DRAIN, false);
    drain_clock_set(&f.clock, NODE_DRAIN_NO, false);
    assert_false(f.clock.is_draining || f.clock.has_yielded);
    run(&f);
    assert_int_equal(f.yielded, 0);
    drain_clock_set(&f.clock, NODE_DRAIN, false); /* and begins from the start */
    assert_true(f.clock.is_draining && !f.clock.has_yielded);
    run(&f);
    assert_int_equal(f.yielded, 1);
    drain_clock_set(&f.clock, NODE_DRAIN_NO, false);
    assert_false(f.clock.is_draining || f.clock.has_yielded);
    end(&f);
}

/* Nothing was announced, so that there is nothing to yield slowly. */
static void a_start_waits_for_nothing(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, LONG_NS);
    drain_clock_set(&f.clock, NODE_DRAIN, true);
    assert_true(f.clock.is_draining && f.clock.has_yielded);
    run(&f);
    assert_int_equal(f.yielded, 0); /* nobody has to evaluate anew */
    end(&f);
}

static void without_delay(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 0);
    drain_clock_set(&f.clock, NODE_DRAIN, false);
    assert_int_equal(f.yielded, 0); /* not from inside the call */
    run(&f);
    assert_int_equal(f.yielded, 1);
    end(&f);
}

static void ends_while_it_runs(void **state)
{
    struct drain_clock never = {0};
    struct fixture f;

    (void)state;
    drain_clock_done(&never);
    begin(&f, LONG_NS);
    drain_clock_set(&f.clock, NODE_DRAIN, false);
    drain_clock_done(&f.clock);
    run(&f);
    assert_int_equal(f.yielded, 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yields_after_its_delay),
        cmocka_unit_test(runs_once),
        cmocka_unit_test(stops_when_the_node_stays),
        cmocka_unit_test(a_start_waits_for_nothing),
        cmocka_unit_test(without_delay),
        cmocka_unit_test(ends_while_it_runs),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
