/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The announcer without sockets: this file stands in for net/links.c, arp/arp_session.c and
 * ndp/ndp_session.c. A session here is a record of what it was told.
 */
#include "speaker/announcer.h"

#include "arp/arp_session.h"
#include "base/mem.h"
#include "base/mono.h"
#include "ndp/ndp_session.h"
#include "net/links.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINKS = 3, MANY = 700 };

struct world {
    struct link links[LINKS];
    const char *networks[LINKS]; /* of each of them; NULL: none */
    size_t count;
    links_fn fn;
    void *arg;
    int open_error;  /* of new sessions */
    int send_error;  /* of rounds */
    unsigned credit; /* rounds that are sent before send_error */
    unsigned attempts;
    int sessions;                  /* open ones */
    unsigned link_changes, rivals; /* that the announcer told of */
    struct announcer *gives_up;    /* what rivals claim */
};

static struct world world; /* shared with the stand-ins, which have no argument for it */

struct arp_session {
    struct arp_session_options o;
    unsigned rounds;
};

struct ndp_session {
    struct ndp_session_options o;
    unsigned rounds;
    int groups;
};

static struct arp_session *arps[16]; /* by ifindex */
static struct ndp_session *ndps[16];

int links_new(struct links **ret, struct event_base *base, links_fn fn, void *arg, struct err *err)
{
    (void)base;
    (void)err;
    world.fn = fn;
    world.arg = arg;
    *ret = NULL;
    return 0;
}

struct links *links_free(struct links *l)
{
    (void)l;
    return NULL;
}

void links_each(const struct links *l, link_fn fn, void *arg)
{
    (void)l;
    for (size_t i = 0; i < world.count; i++)
        fn(&world.links[i], arg);
}

void links_each_network(const struct links *l, uint32_t ifindex, link_network_fn fn, void *arg)
{
    (void)l;
    for (size_t i = 0; i < world.count; i++) {
        struct prefix network;

        if (world.links[i].ifindex != ifindex || world.networks[i] == NULL)
            continue;
        assert_true(prefix_parse(&network, world.networks[i]));
        fn(network, arg);
    }
}

static int send_round(unsigned *rounds)
{
    world.attempts++;
    if (world.send_error < 0 && world.credit == 0)
        return world.send_error;
    world.credit -= world.credit > 0;
    (*rounds)++;
    return 0;
}

int arp_session_new(struct arp_session **ret, const struct arp_session_options *o, struct err *err)
{
    struct arp_session *s;

    if (world.open_error < 0)
        return err_set(err, world.open_error, "no");
    s = xcalloc(1, sizeof(*s));
    s->o = *o;
    arps[o->ifindex] = *ret = s;
    world.sessions++;
    return 0;
}

struct arp_session *arp_session_free(struct arp_session *s)
{
    if (s == NULL)
        return NULL;
    arps[s->o.ifindex] = NULL;
    world.sessions--;
    free(s);
    return NULL;
}

int arp_session_announce(struct arp_session *s, struct ip ip, uint64_t *frames)
{
    int r = send_round(&s->rounds);

    (void)ip;
    *frames += r == 0 ? 2 : 0;
    return r;
}

uint64_t arp_session_count(const struct arp_session *s, enum arp_result result)
{
    (void)s;
    (void)result;
    return 0;
}

uint64_t arp_session_dropped(const struct arp_session *s)
{
    return s->o.ifindex;
}

int ndp_session_new(struct ndp_session **ret, const struct ndp_session_options *o, struct err *err)
{
    struct ndp_session *s;

    if (world.open_error < 0)
        return err_set(err, world.open_error, "no");
    s = xcalloc(1, sizeof(*s));
    s->o = *o;
    ndps[o->ifindex] = *ret = s;
    world.sessions++;
    return 0;
}

struct ndp_session *ndp_session_free(struct ndp_session *s)
{
    if (s == NULL)
        return NULL;
    ndps[s->o.ifindex] = NULL;
    world.sessions--;
    free(s);
    return NULL;
}

void ndp_session_join(struct ndp_session *s, struct ip ip)
{
    (void)ip;
    s->groups++;
}

void ndp_session_leave(struct ndp_session *s, struct ip ip)
{
    (void)ip;
    s->groups--;
    assert_true(s->groups >= 0);
}

int ndp_session_announce(struct ndp_session *s, struct ip ip, uint64_t *frames)
{
    int r = send_round(&s->rounds);

    (void)ip;
    *frames += r == 0;
    return r;
}

uint64_t ndp_session_count(const struct ndp_session *s, enum ndp_result result)
{
    (void)s;
    (void)result;
    return 0;
}

uint64_t ndp_session_dropped(const struct ndp_session *s)
{
    (void)s;
    return 0;
}

/* --- the tests' tools --- */

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    assert_true(ip_parse(&ip, text));
    return ip;
}

static struct link ethernet(uint32_t ifindex)
{
    struct link l = {
        .ifindex = ifindex,
        .generation = ifindex,
        .mac = {2, 0, 0, 0, 0, (uint8_t)ifindex},
        .ethernet = true,
        .up = true,
        .carrier = true,
        .broadcast = true,
        .link_local = ip("fe80::1"),
    };

    snprintf(l.name, sizeof(l.name), "eth%u", ifindex);
    return l;
}

struct fixture {
    struct event_base *base;
    struct announcer *a;
};

static void links_changed(void *arg)
{
    assert_ptr_equal(arg, &world);
    world.link_changes++;
}

static void rival(void *arg, struct ip ip)
{
    assert_ptr_equal(arg, &world);
    world.rivals++;
    if (world.gives_up != NULL)
        announcer_withdraw(world.gives_up, ip);
}

static int set_up(void **state)
{
    static const char *excluded[] = {"^docker"};
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct announcer_options o = {
        .exclude = {excluded, 1}, .links_changed = links_changed, .rival = rival, .arg = &world};
    struct err err = {0};

    world = (struct world){.count = 1, .links = {ethernet(1)}};
    f->base = event_base_new();
    o.base = f->base;
    assert_int_equal(announcer_new(&f->a, &o, &err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    announcer_free(f->a);
    event_base_free(f->base);
    free(f);
    return world.sessions == 0 ? 0 : -1;
}

static void declare(struct fixture *f, size_t count, ...)
{
    struct announcement entries[4] = {0};
    va_list args;

    va_start(args, count);
    for (size_t i = 0; i < count; i++)
        entries[i] =
            (struct announcement){.ip = ip(va_arg(args, const char *)), .all_interfaces = true};
    va_end(args);
    announcer_set(f->a, entries, count);
}

static void declare_on(struct fixture *f, const char *address, const char *name)
{
    struct announcement a = {.ip = ip(address), .interfaces = {&name, 1}};

    announcer_set(f->a, &a, 1);
}

static void events(struct fixture *f)
{
    (void)f;
    world.fn(world.arg);
}

static void turn(struct fixture *f)
{
    event_base_loop(f->base, EVLOOP_NONBLOCK);
}

struct wanted {
    const char *name, *reason;
    bool found;
};

static void compare_reason(const struct announcer_link_status *s, void *arg)
{
    struct wanted *w = arg;

    if (strcmp(s->name, w->name) != 0)
        return;
    w->found = true;
    if (w->reason == NULL)
        assert_null(s->reason);
    else
        assert_string_equal(s->reason, w->reason);
}

static void check_reason(struct fixture *f, const char *name, const char *reason)
{
    struct wanted w = {.name = name, .reason = reason};

    announcer_each_link(f->a, compare_reason, &w);
    assert_true(w.found);
}

static void take_status(const struct announcer_address_status *s, void *arg)
{
    *(struct announcer_address_status *)arg = *s;
}

static void take_link(const struct announcer_link_status *s, void *arg)
{
    *(struct announcer_link_status *)arg = *s;
}

/* --- tests --- */

static void sends_in_the_call(void **state)
{
    struct fixture *f = *state;
    struct announcer_address_status s = {0};

    declare(f, 2, "198.18.0.1", "2001:db8::1");
    assert_int_equal(arps[1]->rounds, 1);
    assert_int_equal(ndps[1]->rounds, 1);
    assert_int_equal(ndps[1]->groups, 1);
    declare(f, 2, "198.18.0.1", "2001:db8::1"); /* unchanged */
    turn(f);
    assert_int_equal(arps[1]->rounds, 1);
    assert_int_equal(ndps[1]->groups, 1);
    declare(f, 1, "198.18.0.1");
    assert_int_equal(ndps[1]->groups, 0);
    announcer_each_address(f->a, take_status, &s);
    assert_true(ip_eq(s.ip, ip("198.18.0.1")));
    assert_int_equal(s.gratuitous_sent, 2);
    assert_true(s.since_ns >= 0);
}

static void claims_by_rule(void **state)
{
    struct fixture *f = *state;
    struct arp_session_options *o = &arps[1]->o;
    struct announcer_address_status s = {0};

    assert_int_equal(o->claim(o->arg, ip("198.18.0.1")), ARP_DROP_ANNOUNCE_IP);
    declare_on(f, "198.18.0.1", "eth9");
    assert_int_equal(arps[1]->rounds, 0);
    assert_int_equal(o->claim(o->arg, ip("198.18.0.1")), ARP_DROP_INTERFACE);
    declare_on(f, "198.18.0.1", "eth1"); /* a changed rule is news */
    assert_int_equal(o->claim(o->arg, ip("198.18.0.1")), ARP_ANSWER);
    o->answered(o->arg, ip("198.18.0.1"), true);
    o->answered(o->arg, ip("198.18.0.1"), false);
    o->answered(o->arg, ip("198.18.0.2"), true); /* no longer there */
    announcer_each_address(f->a, take_status, &s);
    assert_int_equal(s.requests_received, 2);
    assert_int_equal(s.responses_sent, 1);
    assert_false(s.all_interfaces);
    assert_int_equal(s.interfaces.count, 1);
    assert_string_equal(s.interfaces.items[0], "eth1");

    declare_on(f, "2001:db8::1", "eth1");
    assert_int_equal(ndps[1]->groups, 1);
    declare_on(f, "2001:db8::1", "eth2");
    assert_int_equal(ndps[1]->groups, 0);
    assert_int_equal(ndps[1]->o.claim(ndps[1]->o.arg, ip("2001:db8::1")), NDP_DROP_INTERFACE);
}

static void chooses_interfaces(void **state)
{
    struct fixture *f = *state;
    struct link *l = &world.links[0];

    check_reason(f, "eth1", NULL);
    l->link_local = (struct ip){0};
    events(f);
    assert_null(ndps[1]);
    assert_non_null(arps[1]);
    check_reason(f, "eth1", "no link-local address");
    l->link_local = ip("fe80::1");
    l->broadcast = false;
    events(f);
    assert_null(arps[1]);
    assert_non_null(ndps[1]);
    check_reason(f, "eth1", "not broadcast");
    l->ethernet = false;
    events(f);
    check_reason(f, "eth1", "not Ethernet");
    l->noarp = true;
    events(f);
    check_reason(f, "eth1", "noarp");
    l->master = 7;
    events(f);
    check_reason(f, "eth1", "enslaved");
    l->up = false;
    events(f);
    check_reason(f, "eth1", "down");
    assert_true(announcer_has_interface(f->a, "eth1"));
    snprintf(l->name, sizeof(l->name), "docker0");
    events(f);
    check_reason(f, "docker0", "excluded");
    assert_false(announcer_has_interface(f->a, "docker0"));
    assert_int_equal(world.sessions, 0);
    world.count = 0;
    events(f);
    assert_false(announcer_has_interface(f->a, "docker0"));
}

static void bursts_on_a_new_interface(void **state)
{
    struct fixture *f = *state;

    declare(f, 3, "198.18.0.1", "198.18.0.2", "2001:db8::1");
    assert_int_equal(arps[1]->rounds, 2);
    world.links[1] = ethernet(2);
    world.links[1].carrier = false;
    world.count = 2;
    events(f);
    assert_int_equal(arps[2]->rounds, 0);
    assert_int_equal(ndps[2]->groups, 1);
    world.links[1].carrier = true;
    events(f);
    assert_int_equal(arps[2]->rounds, 2);
    assert_int_equal(ndps[2]->rounds, 1);
    assert_int_equal(arps[1]->rounds, 2); /* no news for its neighbours */
    events(f);
    assert_int_equal(arps[2]->rounds, 2);
    world.links[1].carrier_ups++; /* lost and back within one event */
    events(f);
    assert_int_equal(arps[2]->rounds, 4);
    world.links[1].mac[5] = 99;
    events(f);
    assert_int_equal(arps[2]->rounds, 2); /* of a new session */
    assert_int_equal(arps[2]->o.mac[5], 99);
    world.links[1].generation = 50;
    events(f);
    assert_int_equal(arps[2]->rounds, 2);
}

static void retries_when_it_cannot_open(void **state)
{
    struct fixture *f = *state;

    world.open_error = -EPERM;
    world.links[1] = ethernet(2);
    world.count = 2;
    events(f);
    assert_null(arps[2]);
    check_reason(f, "eth2", "cannot open a socket");
    world.open_error = 0;
    events(f);
    assert_non_null(arps[2]);
    assert_non_null(ndps[2]);
    check_reason(f, "eth2", NULL);
}

static void declare_many(struct fixture *f, size_t count)
{
    struct announcement *entries = xcalloc(count + 1, sizeof(*entries));

    for (size_t i = 0; i < count; i++)
        entries[i] =
            (struct announcement){.ip = ip_v4(0xc6120000 + (uint32_t)i), .all_interfaces = true};
    announcer_set(f->a, entries, count);
    free(entries);
}

static void sends_in_bounded_turns(void **state)
{
    struct fixture *f = *state;
    unsigned before, turns = 0;

    declare_many(f, MANY);
    assert_in_range(arps[1]->rounds, 1, 256);
    while (arps[1]->rounds < MANY && turns++ < MANY) {
        before = arps[1]->rounds;
        event_base_loop(f->base, EVLOOP_ONCE); /* other events get their chance in between */
        assert_true(arps[1]->rounds - before <= 256);
    }
    assert_int_equal(arps[1]->rounds, MANY);
    assert_int_equal(world.attempts, MANY);
    assert_true(turns < 20);
}

static void waits_when_the_socket_is_full(void **state)
{
    struct fixture *f = *state;
    struct announcer_link_status s = {0};
    struct mono start = mono_now();

    world.send_error = -ENOBUFS;
    world.credit = 5;
    declare_many(f, 20);
    assert_int_equal(arps[1]->rounds, 5);
    assert_int_equal(world.attempts, 6);
    turn(f);
    assert_true(world.attempts <= 7); /* it does not spin */
    declare_many(f, 10);              /* what is withdrawn meanwhile is not sent */
    world.send_error = 0;
    while (arps[1]->rounds < 10 && mono_sub(mono_now(), start) < NS_PER_SEC)
        event_base_loop(f->base, EVLOOP_ONCE);
    assert_int_equal(arps[1]->rounds, 10);
    turn(f);
    assert_int_equal(arps[1]->rounds, 10);
    announcer_each_link(f->a, take_link, &s);
    assert_true(s.failed >= 1);
    assert_int_equal(s.dropped, 1);
}

static void keeps_to_a_rule_that_changed(void **state)
{
    struct fixture *f = *state;
    struct mono start = mono_now();

    world.links[1] = ethernet(2);
    world.count = 2;
    events(f);
    world.send_error = -ENOBUFS;
    declare(f, 1, "198.18.0.1"); /* a round waits in both outboxes */
    declare_on(f, "198.18.0.1", "eth2");
    world.send_error = 0;
    while (arps[2]->rounds < 1 && mono_sub(mono_now(), start) < NS_PER_SEC)
        event_base_loop(f->base, EVLOOP_ONCE);
    assert_int_equal(arps[2]->rounds, 1);
    assert_int_equal(arps[1]->rounds, 0);
}

static void gives_up_on_other_errors(void **state)
{
    struct fixture *f = *state;

    world.send_error = -ENETDOWN;
    declare_many(f, 20);
    assert_int_equal(world.attempts, 20);
    turn(f);
    assert_int_equal(world.attempts, 20);
}

static const struct {
    const char *name;
    const char *networks[LINKS];
    bool carrier[LINKS];
    const char *want[LINKS];
} cuts[] = {
    {"all well", {"10.0.0.0/8", "10.1.0.0/16"}, {true, true}, {NULL}},
    {"one of two networks", {"10.1.0.0/16", "10.2.0.0/16"}, {false, true}, {"10.1.0.0/16"}},
    {"another link into it", {"10.1.0.0/16", "10.1.0.0/16"}, {false, true}, {NULL}},
    {"another link into a part of it", {"10.1.0.0/16", "10.1.2.0/24"}, {false, true}, {NULL}},
    {"both links into it", {"10.1.0.0/16", "10.1.0.0/16"}, {false, false}, {"10.1.0.0/16"}},
    {"all, sorted",
     {"2001:db8::/64", "10.2.0.0/16", "10.1.0.0/16"},
     {false, false, false},
     {"10.1.0.0/16", "10.2.0.0/16", "2001:db8::/64"}},
    {"no network", {NULL, "10.2.0.0/16"}, {false, true}, {NULL}},
};

static void knows_cut_networks(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
        struct prefix cut[LINKS];
        size_t count, want = 0;

        world.count = LINKS;
        for (size_t k = 0; k < LINKS; k++) {
            world.links[k] = ethernet((uint32_t)k + 1);
            world.links[k].carrier = cuts[i].carrier[k];
            world.networks[k] = cuts[i].networks[k];
        }
        events(f);
        assert_int_equal(world.link_changes, i + 1);
        count = announcer_cut_off(f->a, cut, LINKS);
        while (want < LINKS && cuts[i].want[want] != NULL)
            want++;
        if (count != want)
            fail_msg("%s: %zu cut, not %zu", cuts[i].name, count, want);
        for (size_t k = 0; k < want; k++)
            assert_string_equal(prefix_format(cut[k]).s, cuts[i].want[k]);
        assert_int_equal(announcer_cut_off(f->a, cut, 0), 0);
    }
}

/* Neither what is excluded nor what is part of another interface is a way to anywhere. */
static void cut_networks_of_usable_links_only(void **state)
{
    struct fixture *f = *state;
    struct prefix cut[LINKS];

    world.count = LINKS;
    for (size_t k = 0; k < LINKS; k++)
        world.links[k] = ethernet((uint32_t)k + 1);
    world.networks[0] = world.networks[1] = world.networks[2] = "10.1.0.0/16";
    world.links[0].carrier = false;
    snprintf(world.links[1].name, sizeof(world.links[1].name), "docker0");
    world.links[2].master = 9;
    events(f);
    assert_int_equal(announcer_cut_off(f->a, cut, LINKS), 1);
    assert_int_equal(announcer_link_state(f->a, world.links[0].name), ANNOUNCER_LINK_DARK);
    assert_int_equal(announcer_link_state(f->a, "docker0"), ANNOUNCER_LINK_ABSENT);
    assert_int_equal(announcer_link_state(f->a, world.links[2].name), ANNOUNCER_LINK_ABSENT);
    assert_int_equal(announcer_link_state(f->a, "nowhere"), ANNOUNCER_LINK_ABSENT);
    world.links[0].carrier = true;
    world.links[1].carrier = world.links[2].carrier = false;
    events(f);
    assert_int_equal(announcer_cut_off(f->a, cut, LINKS), 0);
    assert_int_equal(announcer_link_state(f->a, world.links[0].name), ANNOUNCER_LINK_WELL);
}

/* That it announces it again is seen in tests/net: a burst takes its time. */
static void keeps_its_address_from_a_rival(void **state)
{
    struct fixture *f = *state;

    declare(f, 1, "192.0.2.80");
    for (unsigned i = 0; i < 3; i++)
        arps[1]->o.rival(arps[1]->o.arg, ip("192.0.2.80"));
    arps[1]->o.rival(arps[1]->o.arg, ip("192.0.2.81")); /* nobody's */
    assert_int_equal(world.rivals, 4);
    turn(f);
    assert_int_equal(arps[1]->rounds, 1); /* not at once */
    assert_int_equal(announcer_count(f->a), 1);
}

static void gives_an_address_away(void **state)
{
    struct fixture *f = *state;

    declare(f, 2, "192.0.2.80", "192.0.2.81");
    world.gives_up = f->a;
    arps[1]->o.rival(arps[1]->o.arg, ip("192.0.2.80"));
    assert_int_equal(announcer_count(f->a), 1);
    assert_int_equal(arps[1]->o.claim(arps[1]->o.arg, ip("192.0.2.80")), ARP_DROP_ANNOUNCE_IP);
    assert_int_equal(arps[1]->o.claim(arps[1]->o.arg, ip("192.0.2.81")), ARP_ANSWER);
    announcer_withdraw(f->a, ip("192.0.2.99"));
    assert_int_equal(announcer_count(f->a), 1);
}

/* --- one at a time --- */

static void put(struct fixture *f, const char *holder, const char *address, const char *name)
{
    const struct announcement entry = {
        .ip = ip(address),
        .all_interfaces = name == NULL,
        .interfaces = {&name, name != NULL},
    };

    announcer_put(f->a, holder, &entry);
    announcer_flush(f->a);
}

static void drop(struct fixture *f, const char *holder, const char *address)
{
    announcer_drop(f->a, holder, ip(address));
    announcer_flush(f->a);
}

static bool answers(uint32_t ifindex, const char *address)
{
    const struct arp_session_options *o = &arps[ifindex]->o;

    return o->claim(o->arg, ip(address)) == ARP_ANSWER;
}

static void counts_holders(void **state)
{
    struct fixture *f = *state;
    static const char web[] = "web", db[] = "db";

    put(f, web, "198.18.0.1", NULL);
    assert_int_equal(arps[1]->rounds, 1); /* in the call */
    put(f, web, "198.18.0.2", NULL);
    put(f, web, "2001:db8::1", NULL);
    put(f, db, "198.18.0.1", NULL);
    put(f, db, "2001:db8::1", NULL);
    assert_int_equal(arps[1]->rounds, 2); /* db has brought nothing new */
    assert_int_equal(ndps[1]->groups, 1);
    drop(f, web, "198.18.0.1");
    drop(f, web, "198.18.0.1"); /* not twice */
    drop(f, web, "2001:db8::1");
    drop(f, db, "198.18.0.9"); /* never held */
    assert_true(answers(1, "198.18.0.1"));
    assert_int_equal(ndps[1]->groups, 1);
    drop(f, db, "198.18.0.1");
    drop(f, db, "2001:db8::1");
    assert_false(answers(1, "198.18.0.1"));
    assert_true(answers(1, "198.18.0.2"));
    assert_int_equal(ndps[1]->groups, 0);
}

/* changes-0.16.2 2: all interfaces if anybody says so, else the union. */
static void merges_rules(void **state)
{
    struct fixture *f = *state;
    static const char web[] = "web", db[] = "db", ui[] = "ui";
    struct announcer_address_status s = {0};

    world.links[1] = ethernet(2);
    world.links[2] = ethernet(3);
    world.count = 3;
    events(f);
    put(f, web, "198.18.0.1", "eth1");
    assert_true(answers(1, "198.18.0.1"));
    assert_false(answers(2, "198.18.0.1"));
    put(f, db, "198.18.0.1", "eth2");
    assert_true(answers(1, "198.18.0.1"));
    assert_true(answers(2, "198.18.0.1"));
    assert_false(answers(3, "198.18.0.1"));
    put(f, ui, "198.18.0.1", NULL);
    assert_true(answers(3, "198.18.0.1"));
    put(f, ui, "198.18.0.1", "eth1"); /* another rule of the same holder */
    assert_false(answers(3, "198.18.0.1"));
    drop(f, db, "198.18.0.1");
    assert_false(answers(2, "198.18.0.1"));
    assert_true(answers(1, "198.18.0.1"));
    announcer_each_address(f->a, take_status, &s);
    assert_int_equal(s.interfaces.count, 1); /* both say eth1, which is one name */
}

int main(void)
{
#define ANNOUNCER_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ANNOUNCER_TEST(knows_cut_networks),
        ANNOUNCER_TEST(cut_networks_of_usable_links_only),
        ANNOUNCER_TEST(keeps_its_address_from_a_rival),
        ANNOUNCER_TEST(gives_an_address_away),
        ANNOUNCER_TEST(sends_in_the_call),
        ANNOUNCER_TEST(claims_by_rule),
        ANNOUNCER_TEST(chooses_interfaces),
        ANNOUNCER_TEST(bursts_on_a_new_interface),
        ANNOUNCER_TEST(retries_when_it_cannot_open),
        ANNOUNCER_TEST(sends_in_bounded_turns),
        ANNOUNCER_TEST(waits_when_the_socket_is_full),
        ANNOUNCER_TEST(keeps_to_a_rule_that_changed),
        ANNOUNCER_TEST(gives_up_on_other_errors),
        ANNOUNCER_TEST(counts_holders),
        ANNOUNCER_TEST(merges_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
