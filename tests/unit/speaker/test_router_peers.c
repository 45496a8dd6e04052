/* SPDX-License-Identifier: Apache-2.0 */
/* What the engines are told about peers, as the configuration and the links change: spec
 * speaker-bgp 1.2, F15, F20, F22, F25, F26, F35 to F42. */
#include "speaker/router.h"

#include "../decide/fixture.h"
#include "base/log.h"
#include "fake_engines.h"
#include "role/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The node A with lo and eth0 in 198.18.0.0/24 and 2001:db8::/64. */
struct world {
    struct event_base *base;
    struct router *router;
    struct fixture f;
    struct bfd profile;
};

static struct router *new_router(struct event_base *base)
{
    struct router_options options = {.base = base, .node = "A", .defaults = {180, 60, 1}};
    struct router *r = NULL;
    struct err err = {0};

    assert_int_equal(router_new(&r, &options, &err), 0);
    return r;
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));

    fake_link_put("lo", 1, "127.0.0.1/8 ::1/128");
    fake_link_put("eth0", 2, "198.18.0.1/24 2001:db8::1/64 fe80::1/64");
    w->base = loop_new();
    w->router = new_router(w->base);
    fixture_init(&w->f, "A B");
    w->f.cfg.refs = 1; /* it is part of the fixture */
    w->profile.name = "fast";
    assert_string_equal(fake_calls(), "addresses 5");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    router_free(w->router);
    assert_int_equal(w->f.cfg.refs, 1);
    fixture_done(&w->f);
    event_base_free(w->base);
    free(w);
    fake_reset();
    return 0;
}

static struct peer *peer(struct world *w, const char *name, const char *address)
{
    return fixture_peer(&w->f, name, address, NULL);
}

static struct peer *unnumbered(struct world *w, const char *name, const char *interface)
{
    struct peer *p = peer(w, name, NULL);

    p->interface = interface;
    return p;
}

/* In the next configuration the last peer stands in the place of the first. */
static void replace_first(struct world *w)
{
    w->f.cfg.peers++;
    w->f.cfg.peer_count--;
}

static void make_ibgp(struct peer *p)
{
    p->peer_asn = p->my_asn;
}

static void expect_config(struct world *w, const char *calls)
{
    router_set_config(w->router, &w->f.cfg, 0, fixture_ip("198.18.0.1"), fixture_ip("2001:db8::1"));
    assert_string_equal(fake_calls(), calls);
}

static void expect_links(struct world *w, const char *calls)
{
    router_on_links(w->router);
    assert_string_equal(fake_calls(), calls);
}

static void test_selection(void **state)
{
    struct world *w = *state;

    peer(w, "all", "198.18.0.2");
    fixture_peer(&w->f, "here", "198.18.0.3", "A");
    fixture_peer(&w->f, "there", "198.18.0.4", "B");
    expect_config(w, "peers all here");
    assert_true(ip_eq(fake_node_v6(), fixture_ip("2001:db8::1")));
    expect_links(w, "");
    router_set_config(w->router, &w->f.cfg, -1, (struct ip){0}, (struct ip){0});
    assert_string_equal(fake_calls(), "peers");
    router_complete(w->router);
    assert_string_equal(fake_calls(), "complete");
}

static void test_router_id(void **state)
{
    struct world *w = *state;

    peer(w, "tor", "198.18.0.2");
    expect_config(w, "peers tor");
    assert_int_equal(fake_peer("tor")->fsm.id, 0x7f000001); /* the stand-in takes any of lo */
    /* It stays what it was, whatever addresses come. */
    fake_link_del("lo");
    fake_link_put("lo", 1, "192.0.2.1/32");
    expect_links(w, "addresses 4");
    expect_config(w, "peers tor");
    assert_int_equal(fake_peer("tor")->fsm.id, 0x7f000001);
}

/* Fast external failover: for eBGP on the link, and nobody else. */
static void test_interface_down(void **state)
{
    struct world *w = *state;

    peer(w, "a", "198.18.0.2");
    make_ibgp(peer(w, "b", "198.18.0.3"));
    peer(w, "c", "198.18.0.4")->ebgp_multi_hop = true;
    peer(w, "d", "192.0.2.1");
    expect_config(w, "peers a b c d");
    fake_link("eth0")->carrier = false;
    expect_links(w, "blocked a: the interface towards the peer is down");
    expect_links(w, "");
    fake_link("eth0")->carrier = true;
    expect_links(w, "blocked a: -");
    fake_link("eth0")->up = false;
    expect_links(w, "blocked a: the interface towards the peer is down");
    /* Another interface leads there, too. */
    fake_link_put("eth1", 3, "198.18.0.9/24");
    expect_links(w, "addresses 6; blocked a: -");
    fake_link_del("eth1");
    fake_link_del("eth0");
    expect_links(w, "addresses 2; blocked a: the interface towards the peer is gone; blocked a: -");
    expect_links(w, "");
}

static void test_unnumbered(void **state)
{
    struct world *w = *state;

    unnumbered(w, "a", "eth0");
    unnumbered(w, "b", "eth9");
    expect_config(w, "peers a b; ra eth0/2 eth9/0/down; blocked b: the interface does not exist");
    fake_ra_says("eth0", "fe80::99");
    assert_string_equal(fake_calls(), "found a fe80::99 2");
    fake_ra_says("eth0", "fe80::98");
    assert_string_equal(fake_calls(), "found a fe80::98 2");
    fake_ra_says("eth0", "");
    assert_string_equal(fake_calls(), "found a - 2");
    fake_link_put("eth9", 9, "fe80::9/64");
    expect_links(w, "addresses 6; ra eth0/2 eth9/9; blocked b: -");
    fake_ra_says("eth9", "fe80::77");
    assert_string_equal(fake_calls(), "found b fe80::77 9");
    fake_link("eth9")->carrier = false;
    expect_links(w, "ra eth0/2 eth9/9/down; blocked b: the interface is down");
    fake_link_del("eth9");
    expect_links(w, "addresses 5; ra eth0/2 eth9/0/down; blocked b: the interface does not exist; "
                    "found b - 0");
}

/* A second peer behind the interface need not wait for the next advertisement. */
static void test_second_behind_interface(void **state)
{
    struct world *w = *state;

    unnumbered(w, "a", "eth0");
    expect_config(w, "peers a; ra eth0/2");
    fake_ra_says("eth0", "fe80::99");
    assert_string_equal(fake_calls(), "found a fe80::99 2");
    unnumbered(w, "b", "eth0")->port = 1179;
    expect_config(w, "peers a b; ra eth0/2; found b fe80::99 2");
}

/* The advertisements told of the router before this peer was there, and need not tell it again. */
static void test_replaced_behind_interface(void **state)
{
    struct world *w = *state;

    unnumbered(w, "a", "eth0");
    expect_config(w, "peers a; ra eth0/2");
    fake_ra_says("eth0", "fe80::99");
    (void)fake_calls();
    unnumbered(w, "b", "eth0")->port = 1179;
    replace_first(w);
    expect_config(w, "peers b; ra eth0/2; found b fe80::99 2");
}

/* F36, and that another peer may have that address. */
static void test_network_of_two(void **state)
{
    struct world *w = *state;

    unnumbered(w, "a", "eth1");
    peer(w, "b", "198.19.0.1");
    fake_link_put("eth1", 3, "fe80::3/64");
    expect_config(w, "peers a b; ra eth1/3");
    fake_ra_says("eth1", "fe80::99");
    assert_string_equal(fake_calls(), "found a fe80::99 3");
    fake_link_del("eth1");
    fake_link_put("eth1", 3, "fe80::3/64 203.0.113.1/31");
    expect_links(w, "addresses 7; peers a b; ra");
    assert_true(ip_eq(fake_peer("a")->key.address, fixture_ip("203.0.113.0")));
    assert_string_equal(fake_peer("a")->key.interface, "");
    fake_link("eth1")->up = false;
    expect_links(w, "ra; blocked a: the interface is down");
    fake_link_del("eth1");
    fake_link_put("eth1", 3, "198.19.0.2/30");
    expect_links(w, "addresses 6; peers b; ra");
    fake_link_del("eth1");
    fake_link_put("eth1", 3, "fe80::3/64");
    expect_links(w, "addresses 6; peers a b; ra eth1/3; blocked b: the interface towards the peer "
                    "is gone; blocked b: -");
}

static void test_password(void **state)
{
    struct world *w = *state;

    peer(w, "a", "198.18.0.2");
    peer(w, "b", "198.18.0.3")->password = "secret";
    expect_config(w, "peers a b");
    assert_null(fake_peer("b")->refused);
    router_free(w->router);
    fake_no_passwords();
    w->router = new_router(w->base);
    expect_config(w, "addresses 5; peers a b");
    assert_null(fake_peer("a")->refused);
    assert_string_equal(fake_peer("b")->refused,
                        "it has a password, and the kernel has no support for TCP MD5 signatures");
}

static void test_vrf(void **state)
{
    struct world *w = *state;
    struct peer *p = peer(w, "a", "198.18.1.2");

    p->vrf = "red";
    expect_config(w, "peers a; blocked a: the VRF device does not exist");
    assert_non_null(fake_peer("a")->refused);
    fake_link_put("red", 7, "192.0.2.7/32");
    fake_link_put("eth1", 8, "198.18.1.1/24");
    fake_link("eth1")->master = 7;
    expect_links(w, "addresses 7; peers a; blocked a: -");
    assert_int_equal(fake_peer("a")->fsm.id, 0xc0000207);
    fake_link("eth1")->carrier = false;
    expect_links(w, "blocked a: the interface towards the peer is down");
    fake_link("red")->up = false;
    expect_links(w, "blocked a: the VRF device is down");
}

static void test_bfd(void **state)
{
    struct world *w = *state;
    struct peer *p = peer(w, "a", "198.18.0.2");

    p->bfd = &w->profile;
    p->source_address = fixture_ip("198.18.0.1");
    expect_config(w, "peers a; bfd join 198.18.0.2 from 198.18.0.1 dev 2 300000/300000 x3 ttl 254");
    fake_bfd_says(true);
    assert_string_equal(fake_calls(), "bfd of a is up");
    fake_bfd_says(false);
    assert_string_equal(fake_calls(), "bfd of a is down");
    expect_config(w, "peers a");
    w->profile.values.receive_interval = (struct opt_int){true, 50};
    w->profile.values.echo_mode = true;
    expect_config(w, "peers a; bfd change 50000/300000 x3 ttl 254 echo");
    p->ebgp_multi_hop = true;
    expect_config(w, "peers a; bfd leave; bfd join 198.18.0.2 from 198.18.0.1 multihop 0 "
                     "50000/300000 x3 ttl 254");
    p->bfd = NULL;
    expect_config(w, "peers a; bfd leave");
    p->bfd = &w->profile;
    expect_config(w, "peers a; bfd join 198.18.0.2 from 198.18.0.1 multihop 0 50000/300000 x3 "
                     "ttl 254");
    w->f.cfg.peer_count = 0;
    expect_config(w, "bfd leave; peers");
}

/* F26: iBGP to a peer that is on no connected network is multihop without a flag. */
static void test_bfd_of_ibgp(void **state)
{
    struct world *w = *state;
    struct peer *p = peer(w, "a", "198.18.1.2");

    make_ibgp(p);
    p->bfd = &w->profile;
    expect_config(w, "peers a; bfd join 198.18.1.2 multihop 0 300000/300000 x3 ttl 254");
    fake_link_put("eth1", 3, "198.18.1.1/24");
    expect_links(w, "addresses 6; bfd leave; "
                    "bfd join 198.18.1.2 dev 3 300000/300000 x3 ttl 254");
    /* Its interface is down: it is on the link nevertheless. */
    fake_link("eth1")->up = false;
    expect_links(w, "");
}

static void test_bfd_of_unnumbered(void **state)
{
    struct world *w = *state;

    unnumbered(w, "a", "eth0")->bfd = &w->profile;
    expect_config(w, "peers a; ra eth0/2");
    fake_ra_says("eth0", "fe80::99");
    assert_string_equal(fake_calls(), "found a fe80::99 2; bfd join fe80::99 from fe80::1 dev 2 "
                                      "300000/300000 x3 ttl 254");
    fake_ra_says("eth0", "fe80::98");
    assert_string_equal(fake_calls(), "found a fe80::98 2; bfd leave; bfd join fe80::98 from "
                                      "fe80::1 dev 2 300000/300000 x3 ttl 254");
    fake_ra_says("eth0", "");
    assert_string_equal(fake_calls(), "found a - 2; bfd leave");
}

/* A BGPPeer with another name and the same content keeps its BFD session. */
static void test_renamed(void **state)
{
    struct world *w = *state;

    peer(w, "a", "198.18.0.2")->bfd = &w->profile;
    expect_config(w, "peers a; bfd join 198.18.0.2 dev 2 300000/300000 x3 ttl 254");
    peer(w, "z", "198.18.0.2")->bfd = &w->profile;
    replace_first(w);
    expect_config(w, "peers z");
    fake_bfd_says(true);
    assert_string_equal(fake_calls(), "bfd of z is up");
}

/* Dialled in another way it is the same router, which need not be found again. */
static void test_changed(void **state)
{
    struct world *w = *state;
    struct peer *p = unnumbered(w, "a", "eth0");

    p->bfd = &w->profile;
    expect_config(w, "peers a; ra eth0/2");
    fake_ra_says("eth0", "fe80::99");
    (void)fake_calls();
    p = unnumbered(w, "a", "eth0");
    p->bfd = &w->profile;
    p->port = 1179;
    p->source_address = fixture_ip("fe80::1");
    replace_first(w);
    expect_config(w, "peers a; ra eth0/2");
    assert_int_equal(fake_peer("a")->key.port, 1179);
}

static void on_done(void *arg)
{
    *(bool *)arg = true;
}

static void test_shutdown(void **state)
{
    struct world *w = *state;
    bool done = false;

    peer(w, "a", "198.18.0.2")->bfd = &w->profile;
    expect_config(w, "peers a; bfd join 198.18.0.2 dev 2 300000/300000 x3 ttl 254");
    router_shutdown(w->router, BGP_SHUTDOWN_RESTART, "upgrade", on_done, &done);
    assert_string_equal(fake_calls(), "shutdown 1 upgrade; bfd admin down");
    assert_true(done);
}

static void on_view(void *arg, const struct router_peer_view *v)
{
    text_printf(arg, "%s%s %s, ", v->bgp.name, v->has_bfd ? " bfd" : "",
                v->hint != NULL ? v->hint : "-");
}

static void test_view(void **state)
{
    CLEANUP(text_done) struct text t = {0};
    struct world *w = *state;

    peer(w, "a", "198.18.0.2")->bfd = &w->profile;
    peer(w, "b", "198.18.1.2");
    make_ibgp(peer(w, "c", "198.18.1.3"));
    peer(w, "d", "198.18.1.4")->ebgp_multi_hop = true;
    router_set_config(w->router, &w->f.cfg, 0, fixture_ip("198.18.0.1"), (struct ip){0});
    router_each_peer(w->router, on_view, &t);
    assert_string_equal(text_str(&t),
                        "a bfd -, b the peer is not on a connected network and ebgpMultiHop is "
                        "false, c -, d -, ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_selection),
        TEST(test_router_id),
        TEST(test_interface_down),
        TEST(test_unnumbered),
        TEST(test_second_behind_interface),
        TEST(test_replaced_behind_interface),
        TEST(test_network_of_two),
        TEST(test_vrf),
        TEST(test_password),
        TEST(test_bfd),
        TEST(test_bfd_of_ibgp),
        TEST(test_bfd_of_unnumbered),
        TEST(test_renamed),
        TEST(test_changed),
        TEST(test_shutdown),
        TEST(test_view),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
