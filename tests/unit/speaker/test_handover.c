/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a speaker: addresses and routes are both given away before the loop ends, in whatever
 * order. This file stands in for the announcer and the membership. */
#include "speaker/handover.h"

#include "base/log.h"
#include "fake_router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct {
    size_t addresses;
    void (*left)(void *arg);
    void *left_arg;
} seen; /* the stand-ins have no argument for it */

size_t announcer_count(const struct announcer *a)
{
    (void)a;
    return seen.addresses;
}

void announcer_withdraw(struct announcer *a, struct ip ip)
{
    (void)a;
    (void)ip;
    if (seen.addresses > 0)
        seen.addresses--;
}

void membership_leave(struct membership *m, void (*left)(void *arg), void *arg)
{
    (void)m;
    seen.left = left;
    seen.left_arg = arg;
}

/* --- tests --- */

struct fixture {
    struct event_base *base;
    struct handover h;
};

static int set_up(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof(f));
    memset(&seen, 0, sizeof(seen));
    memset(&fake_router, 0, sizeof(fake_router));
    f.base = event_base_new();
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    handover_done(&f->h);
    event_base_free(f->base);
    return 0;
}

static void begin(struct fixture *f, bool among_others, enum bgp_shutdown routes)
{
    char part; /* never looked into */

    handover_begin(&f->h, f->base,
                   &(struct handover_parts){
                       .announcer = (void *)&part,
                       .membership = among_others ? (void *)&part : NULL,
                       .router = (void *)&part,
                       .routes = routes,
                   });
}

/* One turn of the loop; whether it was told to end. */
static bool ends(const struct fixture *f)
{
    (void)event_base_loop(f->base, EVLOOP_NONBLOCK);
    return event_base_got_break(f->base);
}

static void routes_end_last(void **state)
{
    struct fixture *f = *state;

    begin(f, true, BGP_SHUTDOWN_RESTART);
    assert_true(f->h.is_leaving);
    assert_int_equal(fake_router.how, BGP_SHUTDOWN_RESTART);
    seen.left(seen.left_arg); /* nothing was announced by Layer 2 */
    assert_false(event_base_got_break(f->base));
    fake_router.shutdown_done(fake_router.shutdown_arg);
    assert_true(event_base_got_break(f->base));
}

static void addresses_end_last(void **state)
{
    struct fixture *f = *state;

    seen.addresses = 2;
    begin(f, true, BGP_SHUTDOWN_CEASE);
    assert_int_equal(fake_router.how, BGP_SHUTDOWN_CEASE);
    fake_router.shutdown_done(fake_router.shutdown_arg);
    seen.left(seen.left_arg);
    assert_false(ends(f));
    handover_on_rival(&f->h, (struct ip){.family = IP_V4, .lo = 1});
    assert_false(event_base_got_break(f->base));
    handover_on_rival(&f->h, (struct ip){.family = IP_V4, .lo = 2});
    assert_true(event_base_got_break(f->base));
}

static void nobody_takes_over(void **state)
{
    struct fixture *f = *state;

    seen.addresses = 1;
    begin(f, false, BGP_SHUTDOWN_RESTART);
    assert_null(seen.left);
    assert_false(event_base_got_break(f->base));
    fake_router.shutdown_done(fake_router.shutdown_arg);
    assert_true(event_base_got_break(f->base));
}

static void the_second_signal_ends_it(void **state)
{
    struct fixture *f = *state;

    begin(f, true, BGP_SHUTDOWN_RESTART);
    assert_false(event_base_got_break(f->base));
    begin(f, true, BGP_SHUTDOWN_RESTART);
    assert_true(event_base_got_break(f->base));
    assert_int_equal(fake_router.shutdowns, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes_end_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses_end_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_takes_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_second_signal_ends_it, set_up, tear_down),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
