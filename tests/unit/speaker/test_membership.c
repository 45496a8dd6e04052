/* SPDX-License-Identifier: Apache-2.0 */
/* Members on real sockets, each with a loopback address of its own, in one loop. */
#include "speaker/membership.h"

#include "base/log.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define MS NS_PER_MS
/* Loopback addresses of this process alone: another run may use the same port. */
#define HOST (UINT32_C(0x7f000000) | ((uint32_t)getpid() & 0xffff) << 8 | 0x30u)

enum { NODES = 3, PORT = 28946 };

static const char *const names[NODES] = {"n0", "n1", "n2"};

struct fixture;

struct member {
    struct fixture *f;
    struct membership *m;
    unsigned changes, returns;
    bool left;
};

struct fixture {
    struct event_base *base;
    struct member members[NODES];
    char newest[8]; /* a name */
};

static void changed(void *arg)
{
    ((struct member *)arg)->changes++;
}

static void returned(void *arg)
{
    ((struct member *)arg)->returns++;
}

static void left(void *arg)
{
    ((struct member *)arg)->left = true;
}

static struct gossip_addr addr_of(size_t i)
{
    return (struct gossip_addr){ip_v4(HOST + (uint32_t)i), PORT};
}

static void open_named(struct fixture *f, size_t i, const char *name, bool fast)
{
    struct membership_options o = {
        .base = f->base,
        .node = name,
        .bind = addr_of(i),
        .profile = gossip_profile_lan(),
        .secret = (const uint8_t *)"secret",
        .secret_len = 6,
        .changed = changed,
        .returned = returned,
        .arg = &f->members[i],
    };
    struct err err = {0};

    if (fast)
        o.fast = (struct fast_detect){20 * MS, 3};
    o.profile.gossip_interval_ns = 20 * MS;
    o.profile.gossip_to_dead_ns = 100 * MS;
    f->members[i].f = f;
    if (membership_new(&f->members[i].m, &o, &err) < 0)
        fail_msg("%s", err_text(&err));
    membership_admit(f->members[i].m);
}

static void open_member(struct fixture *f, size_t i, bool fast)
{
    open_named(f, i, names[i], fast);
}

static void join_all(struct fixture *f, size_t i)
{
    struct gossip_addr all[NODES];

    for (size_t k = 0; k < NODES; k++)
        all[k] = addr_of(k);
    membership_set_peers(f->members[i].m, all, NODES);
}

static void set_up(struct fixture *f, unsigned fast)
{
    log_set_silent();
    *f = (struct fixture){.base = event_base_new()};
    event_base_priority_init(f->base, 3);
    for (size_t i = 0; i < NODES; i++) {
        open_member(f, i, (fast >> i & 1) != 0);
        assert_false(membership_is_alive(f->members[i].m, names[i])); /* not settled */
        join_all(f, i);
    }
}

static void tear_down(struct fixture *f)
{
    for (size_t i = 0; i < NODES; i++)
        f->members[i].m = membership_free(f->members[i].m);
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

static void run_for(struct fixture *f, int64_t ns)
{
    const struct timeval tv = {.tv_usec = ns / NS_PER_US};

    event_base_loopexit(f->base, &tv);
    event_base_dispatch(f->base);
}

static bool all_alive(const struct fixture *f)
{
    for (size_t by = 0; by < NODES; by++) {
        for (size_t of = 0; of < NODES; of++) {
            if (f->members[by].m != NULL && !membership_is_alive(f->members[by].m, names[of]))
                return false;
        }
    }
    return true;
}

static bool all_fast(const struct fixture *f)
{
    for (size_t i = 0; i < NODES; i++) {
        if (membership_fast_obstacle(f->members[i].m) != NULL)
            return false;
    }
    return true;
}

static void count_fast(const struct membership_peer *p, void *arg)
{
    unsigned *count = arg;

    *count += p->fast ? 1 : 0;
    assert_true(p->fast == (p->last_heartbeat_age_ns >= 0));
}

static bool all_exchange_heartbeats(const struct fixture *f)
{
    unsigned count = 0;

    for (size_t i = 0; i < NODES; i++)
        membership_each(f->members[i].m, count_fast, &count);
    return count == NODES * (NODES - 1) && all_fast(f) && all_alive(f);
}

static bool last_is_gone(const struct fixture *f)
{
    return !membership_is_alive(f->members[0].m, names[2]) &&
           !membership_is_alive(f->members[1].m, names[2]);
}

static void members_find_each_other(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 0);
    run_until(&f, all_alive, "all are alive");
    assert_false(membership_is_alive(f.members[0].m, "nobody"));
    assert_string_equal(membership_fast_obstacle(f.members[0].m), "it is not asked for");
    tear_down(&f);
}

/* Gossip alone would need five seconds. */
static void a_silent_member_is_out_fast(void **state)
{
    struct fixture f;
    struct mono since;

    (void)state;
    set_up(&f, 7);
    run_until(&f, all_exchange_heartbeats, "heartbeats");
    f.members[0].changes = 0;
    f.members[2].m = membership_free(f.members[2].m);
    since = mono_now();
    run_until(&f, last_is_gone, "it is out");
    assert_true(mono_sub(mono_now(), since) < 4 * NS_PER_SEC);
    run_for(&f, 10 * MS); /* the report comes at the end of the round */
    assert_true(f.members[0].changes > 0);
    open_member(&f, 2, true);
    join_all(&f, 2);
    run_until(&f, all_alive, "it is back");
    assert_true(mono_sub(mono_now(), since) > 3 * NS_PER_SEC);
    tear_down(&f);
}

static bool is_obstructed(const struct fixture *f)
{
    return str_eq(membership_fast_obstacle(f->members[0].m), "not every member takes part") &&
           str_eq(membership_fast_obstacle(f->members[1].m), "not every member takes part");
}

static bool first_two_fast(const struct fixture *f)
{
    return membership_fast_obstacle(f->members[0].m) == NULL &&
           membership_fast_obstacle(f->members[1].m) == NULL;
}

static void one_that_takes_no_part_obstructs(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 3);
    run_until(&f, all_alive, "all are alive");
    run_until(&f, is_obstructed, "fast detection does not count");
    membership_leave(f.members[2].m, left, &f.members[2]);
    run_until(&f, first_two_fast, "it counts without the one");
    tear_down(&f);
}

static bool can_serve(const struct membership *m, const char *node, struct ip ip)
{
    const struct member_links *l = membership_links(m, node);

    for (size_t i = 0; l != NULL && i < l->cut_off_count; i++) {
        if (prefix_contains(l->cut_off[i], ip))
            return false;
    }
    return true;
}

static bool second_knows_cut(const struct fixture *f)
{
    return !can_serve(f->members[1].m, names[0], ip_v4(UINT32_C(0xc6120a05))) &&
           !can_serve(f->members[2].m, names[0], ip_v4(UINT32_C(0xc6120a05)));
}

static bool second_knows_well(const struct fixture *f)
{
    return can_serve(f->members[1].m, names[0], ip_v4(UINT32_C(0xc6120a05)));
}

static void a_cut_link_is_told(void **state)
{
    struct member_links cut = {.cut_off_count = 2}, well = {0};
    const struct member_links *heard;
    struct fixture f;

    (void)state;
    set_up(&f, 0);
    run_until(&f, all_alive, "all are alive");
    assert_true(prefix_parse(&cut.cut_off[0], "198.18.10.0/24") &&
                prefix_parse(&cut.cut_off[1], "2001:db8::/64"));
    assert_true(member_names_add(&cut.dark, "eth1") && member_names_add(&cut.absent, "ens3"));
    f.members[1].changes = 0;
    membership_set_links(f.members[0].m, &cut, true);
    assert_false(can_serve(f.members[0].m, names[0], ip_v4(UINT32_C(0xc6120a05))));
    assert_true(can_serve(f.members[0].m, names[0], ip_v4(UINT32_C(0xc6120b05))));
    assert_true(can_serve(f.members[0].m, names[1], ip_v4(UINT32_C(0xc6120a05))));
    run_until(&f, second_knows_cut, "the others know");
    run_for(&f, 10 * MS);
    assert_true(f.members[1].changes > 0);
    heard = membership_links(f.members[1].m, names[0]);
    assert_int_equal(heard->cut_off_count, 2);
    assert_true(prefix_eq(heard->cut_off[1], cut.cut_off[1]));
    assert_true(member_names_has(&heard->dark, "eth1") && heard->dark.count == 1);
    assert_true(member_names_has(&heard->absent, "ens3") && heard->absent.count == 1);
    assert_null(membership_links(f.members[1].m, "stranger"));
    assert_true(can_serve(f.members[1].m, "stranger", ip_v4(UINT32_C(0xc6120a05))));
    assert_true(all_alive(&f)); /* it is not dead */
    membership_set_links(f.members[0].m, &well, true);
    run_until(&f, second_knows_well, "the others know that it is well");
    tear_down(&f);
}

/* One network comes back in the same moment as another is lost: the same number of them, and yet
 * the others may have given away what we held in the first. */
static void a_link_that_returns_unsettles(void **state)
{
    struct member_links one = {.cut_off_count = 1}, other = one, both = {.cut_off_count = 2};
    struct fixture f;

    (void)state;
    set_up(&f, 7);
    run_until(&f, all_exchange_heartbeats, "heartbeats");
    assert_true(prefix_parse(&one.cut_off[0], "198.18.10.0/24") &&
                prefix_parse(&other.cut_off[0], "198.18.11.0/24"));
    both.cut_off[0] = one.cut_off[0];
    both.cut_off[1] = other.cut_off[0];
    membership_set_links(f.members[0].m, &one, true);
    assert_true(membership_is_alive(f.members[0].m, names[0]));
    membership_set_links(f.members[0].m, &other, true);
    assert_false(membership_is_alive(f.members[0].m, names[0]));
    run_until(&f, all_alive, "it has heard what the others think");
    membership_set_links(f.members[0].m, &both, true);
    assert_true(membership_is_alive(f.members[0].m, names[0])); /* one more was lost */
    assert_true(member_names_add(&both.dark, "eth1"));
    membership_set_links(f.members[0].m, &both, true);
    assert_true(membership_is_alive(f.members[0].m, names[0]));
    both.dark.count = 0;
    membership_set_links(f.members[0].m, &both, false); /* nobody names it any longer */
    assert_true(membership_is_alive(f.members[0].m, names[0]));
    assert_true(member_names_add(&both.dark, "eth1"));
    membership_set_links(f.members[0].m, &both, true);
    both.dark.count = 0;
    membership_set_links(f.members[0].m, &both, true);
    assert_false(membership_is_alive(f.members[0].m, names[0]));
    tear_down(&f);
}

static bool first_left(const struct fixture *f)
{
    return f->members[0].left;
}

static bool others_know_it_left(const struct fixture *f)
{
    return !membership_is_alive(f->members[1].m, names[0]) &&
           !membership_is_alive(f->members[2].m, names[0]);
}

static void a_farewell_is_heard(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 7);
    run_until(&f, all_exchange_heartbeats, "heartbeats");
    membership_leave(f.members[0].m, left, &f.members[0]);
    assert_false(membership_is_alive(f.members[0].m, names[0]));
    run_until(&f, others_know_it_left, "the others hear it");
    run_until(&f, first_left, "the farewell is out");
    tear_down(&f);
}

/* Nobody else in the list: no reason to wait. */
static void alone_is_alive_at_once(void **state)
{
    struct gossip_addr own = addr_of(0);
    struct fixture f = {.base = event_base_new()};

    (void)state;
    log_set_silent();
    open_member(&f, 0, true);
    assert_false(membership_is_alive(f.members[0].m, names[0]));
    membership_set_peers(f.members[0].m, &own, 1);
    assert_true(membership_is_alive(f.members[0].m, names[0]));
    run_for(&f, 10 * MS);
    assert_int_equal(f.members[0].changes, 1); /* one report for all of it */
    membership_leave(f.members[0].m, left, &f.members[0]);
    assert_true(f.members[0].left);
    tear_down(&f);
}

static bool second_is_known(const struct fixture *f)
{
    return membership_is_alive(f->members[0].m, names[1]);
}

/* Who was found by all others has nobody to join, and so no join to wait for. */
static void found_by_the_others_is_alive_at_once(void **state)
{
    struct gossip_addr both[] = {addr_of(0), addr_of(1)};
    struct fixture f = {.base = event_base_new()};

    (void)state;
    log_set_silent();
    open_member(&f, 0, false);
    open_member(&f, 1, false);
    membership_set_peers(f.members[1].m, both, 2);
    run_until(&f, second_is_known, "the other has joined");
    assert_false(membership_is_alive(f.members[0].m, names[0]));
    membership_set_peers(f.members[0].m, both, 2);
    assert_true(membership_is_alive(f.members[0].m, names[0]));
    tear_down(&f);
}

static void count_peer(const struct membership_peer *p, void *arg)
{
    unsigned *count = arg;

    (void)p;
    (*count)++;
}

static bool third_left(const struct fixture *f)
{
    return f->members[2].left;
}

static unsigned known_to_first(const struct fixture *f)
{
    unsigned count = 0;

    membership_each(f->members[0].m, count_peer, &count);
    return count;
}

static bool first_heard_of_a_return(const struct fixture *f)
{
    return f->members[0].returns > 0;
}

/* Of one that was taken for dead, not of one that left and came again. */
static void a_return_is_told(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 7);
    run_until(&f, all_exchange_heartbeats, "heartbeats");
    run_for(&f, NS_PER_SEC); /* those that are new might be back, too */
    f.members[0].returns = 0;
    membership_leave(f.members[2].m, left, &f.members[2]);
    run_until(&f, third_left, "the farewell is out");
    f.members[2].m = membership_free(f.members[2].m);
    run_until(&f, last_is_gone, "the others know");
    open_member(&f, 2, true);
    join_all(&f, 2);
    run_until(&f, all_exchange_heartbeats, "it has come again");
    run_for(&f, NS_PER_SEC);
    assert_int_equal(f.members[0].returns, 0);
    f.members[2].m = membership_free(f.members[2].m);
    run_until(&f, last_is_gone, "it is out");
    open_member(&f, 2, true);
    join_all(&f, 2);
    run_until(&f, first_heard_of_a_return, "it is back");
    tear_down(&f);
}

static bool newest_is_known(const struct fixture *f)
{
    return membership_is_alive(f->members[0].m, f->newest);
}

/* Nodes come and go for years, each with a name of its own. Gossip looks for those that it may
 * forget after each round of probes. */
static void forgets_who_left_long_ago(void **state)
{
    enum { CHANGES = 6 };
    struct fixture f;

    (void)state;
    set_up(&f, 0);
    run_until(&f, all_alive, "all are alive");
    for (int i = 0; i < CHANGES; i++) {
        f.members[2].left = false;
        membership_leave(f.members[2].m, left, &f.members[2]);
        run_until(&f, third_left, "the farewell is out");
        f.members[2].m = membership_free(f.members[2].m);
        run_for(&f, NS_PER_SEC);
        snprintf(f.newest, sizeof(f.newest), "other%d", i);
        open_named(&f, 2, f.newest, false);
        join_all(&f, 2);
        run_until(&f, newest_is_known, "the next one has joined");
    }
    assert_in_range(known_to_first(&f), NODES, NODES + CHANGES - 1);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_find_each_other),
        cmocka_unit_test(a_silent_member_is_out_fast),
        cmocka_unit_test(one_that_takes_no_part_obstructs),
        cmocka_unit_test(a_cut_link_is_told),
        cmocka_unit_test(a_farewell_is_heard),
        cmocka_unit_test(alone_is_alive_at_once),
        cmocka_unit_test(a_link_that_returns_unsettles),
        cmocka_unit_test(found_by_the_others_is_alive_at_once),
        cmocka_unit_test(forgets_who_left_long_ago),
        cmocka_unit_test(a_return_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
