/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as they should be: what is said, in which order, and what changes cost. */
#include "bgp_loopback.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static void test_end_of_rib_waits(void **state)
{
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", 0);
    struct router r = router_with_session(f, &p, v4_caps);
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    engine_put(f, 0xc6120000, 3);
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    assert_int_equal(router_update(m).announced[BGP_IPV4], 3);
    assert_true(router_quiet(f, &r));
    bgp_routes_complete(f->bgp);
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    assert_true(router_update(m).end_of_rib[BGP_IPV4]);
    assert_int_equal(engine_view(f, "r").end_of_rib_sent, 1);
    assert_int_equal(engine_view(f, "r").updates_sent, 1);
    assert_int_equal(engine_seen(f, BGP_PEER_UP, "r"), 1);
    free(m);
    engine_free(f);
    router_free(&r);
}

static void test_bytes_one_by_one(void **state)
{
    uint16_t port;
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct wr w = router_open(bytes, v4_caps);
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);

    (void)state;
    bgp_set_peers(f->bgp, &p, 1);
    router_accept(f, &r);
    for (size_t i = 0; i < w.len; i++) {
        router_send(&r, w.start + i, 1);
        event_base_loop(f->base, EVLOOP_NONBLOCK);
    }
    assert_true(engine_wait(f, "r", BGP_STATE_ESTABLISHED));
    engine_free(f);
    router_free(&r);
}

static void test_bad_marker(void **state)
{
    static const uint8_t garbage[64] = "GET / HTTP/1.1\r\n";
    uint16_t port;
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    bgp_set_peers(f->bgp, &p, 1);
    router_accept(f, &r);
    assert_true(router_expect(f, &r, BGP_OPEN, m));
    router_send(&r, garbage, sizeof(garbage));
    assert_true(router_expect_error(f, &r, BGP_ERR_HEADER, 1));
    m->header.len = 0;
    assert_false(router_take(f, &r, m));
    assert_true(r.ended);
    assert_int_equal(engine_seen(f, BGP_PEER_SENT_ERROR, "r"), 1);
    free(m);
    engine_free(f);
    router_free(&r);
}

/* Urgent messages find a message's boundary, and all comes in order. */
static void test_slow_router(void **state)
{
    enum { ROUTES = 200000 };
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", 0);
    struct router r;
    struct message *m = xcalloc(1, sizeof(*m));
    size_t announced = 0, before_keepalive = 0;

    (void)state;
    p.fsm.hold_s = 60;
    p.fsm.keepalive_s = 1;
    r = router_slow(f, &p, ROUTES);
    engine_idle(f, 2 * NS_PER_SEC);
    assert_true(bgp_rib_peer_pending(bgp_routes(f->bgp), 0));
    while (announced < ROUTES) {
        m->header.len = 0;
        assert_true(router_take(f, &r, m));
        if (m->header.type == BGP_UPDATE)
            announced += router_update(m).announced[BGP_IPV4];
        else if (m->header.type == BGP_KEEPALIVE && announced > 0 && before_keepalive == 0)
            before_keepalive = announced;
    }
    assert_int_equal(announced, ROUTES);
    assert_in_range(before_keepalive, 1, ROUTES - 1);
    assert_int_equal(engine_view(f, "r").routes.sent, ROUTES);
    free(m);
    engine_free(f);
    router_free(&r);
}

static void test_refresh(void **state)
{
    struct bgp_capabilities caps = v4_caps;
    uint8_t bytes[64];
    uint16_t port;
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    caps.enhanced_refresh = true;
    bgp_set_peers(f->bgp, &p, 1);
    bgp_routes_complete(f->bgp);
    engine_put(f, 0xc6120000, 5);
    router_establish(f, &r, "r", caps);
    assert_true(router_expect(f, &r, BGP_UPDATE, m)); /* routes */
    assert_true(router_expect(f, &r, BGP_UPDATE, m)); /* End-of-RIB */
    bgp_refresh_write(&w, BGP_IPV4, BGP_REFRESH_REQUEST);
    router_send(&r, w.start, w.len);
    assert_true(router_expect(f, &r, BGP_ROUTE_REFRESH, m));
    assert_int_equal(m->body[2], 1); /* BoRR */
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    assert_int_equal(router_update(m).announced[BGP_IPV4], 5);
    assert_true(router_expect(f, &r, BGP_ROUTE_REFRESH, m));
    assert_int_equal(m->body[2], 2); /* EoRR */
    assert_true(router_quiet(f, &r));
    free(m);
    engine_free(f);
    router_free(&r);
}

/* Of two peers one is changed at a time; the other must not notice. */
static void test_changes(void **state)
{
    uint16_t ports[2];
    struct router a = router_new(&ports[0]), b = router_new(&ports[1]);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p[2] = {peer_of("a", ports[0]), peer_of("b", ports[1])};
    int id_a, id_b;

    (void)state;
    bgp_set_peers(f->bgp, p, 2);
    router_establish(f, &a, "a", v4_caps);
    router_establish(f, &b, "b", v4_caps);
    id_a = bgp_peer_id(f->bgp, "a");
    id_b = bgp_peer_id(f->bgp, "b");
    assert_int_not_equal(id_a, id_b);

    p[0].name = "z"; /* another order, too */
    p[0].ttl = 255;
    p[0].fsm.hold_s = 30;
    p[0].fsm.keepalive_s = 10;
    bgp_set_peers(f->bgp, p, 2);
    assert_true(router_quiet(f, &a));
    assert_true(router_quiet(f, &b));
    assert_int_equal(bgp_peer_id(f->bgp, "z"), id_a);
    assert_int_equal(bgp_peer_id(f->bgp, "a"), -1);
    assert_int_equal(engine_view(f, "z").state, BGP_STATE_ESTABLISHED);

    p[0].fsm.id = 77;
    bgp_set_peers(f->bgp, p, 2);
    assert_true(router_expect_error(f, &a, BGP_ERR_CEASE, BGP_CEASE_CHANGED));
    router_establish(f, &a, "z", v4_caps);
    assert_int_equal(bgp_peer_id(f->bgp, "z"), id_a);

    bgp_set_peers(f->bgp, p, 1);
    assert_true(router_expect_error(f, &b, BGP_ERR_CEASE, BGP_CEASE_DECONFIGURED));
    assert_int_equal(bgp_peer_id(f->bgp, "b"), -1);
    assert_true(router_quiet(f, &a));
    assert_int_equal(engine_seen(f, BGP_PEER_DOWN, "b"), 1);
    assert_int_equal(engine_seen(f, BGP_PEER_SENT_ERROR, "b"), 0); /* as we wished */
    engine_free(f);
    router_free(&a);
    router_free(&b);
}

static void on_done(void *arg)
{
    struct fixture *f = arg;

    f->done++;
}

static const struct {
    const char *name;
    enum bgp_shutdown how;
    bool graceful;
    uint8_t subcode; /* of the cease; 0: silence */
} endings[] = {
    {"cease without graceful restart", BGP_SHUTDOWN_CEASE, false, BGP_CEASE_SHUTDOWN},
    {"cease with graceful restart", BGP_SHUTDOWN_CEASE, true, BGP_CEASE_HARD_RESET},
    {"restart without graceful restart", BGP_SHUTDOWN_RESTART, false, BGP_CEASE_SHUTDOWN},
    {"restart with graceful restart", BGP_SHUTDOWN_RESTART, true, 0},
};

static bool ends_as_it_should(struct fixture *f, struct router *r, uint8_t subcode)
{
    struct message *m = xcalloc(1, sizeof(*m));
    bool as_it_should = subcode == 0 || router_expect_error(f, r, BGP_ERR_CEASE, subcode);

    m->header.len = 0;
    as_it_should = as_it_should && !router_take(f, r, m) && r->ended;
    free(m);
    return as_it_should;
}

static void test_shutdown(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
        struct fixture *f = engine_new(0);
        struct bgp_peer_options p = peer_of("r", 0);
        struct router r;

        p.fsm.graceful = endings[i].graceful;
        r = router_with_session(f, &p, endings[i].graceful ? graceful_caps : v4_caps);
        bgp_shutdown(f->bgp, endings[i].how, "maintenance", on_done, f);
        assert_int_equal(f->done, 0);
        if (!ends_as_it_should(f, &r, endings[i].subcode))
            fail_msg("%s", endings[i].name);
        close(r.fd);
        r.fd = -1;
        engine_idle(f, QUIET_NS);
        assert_int_equal(f->done, 1);
        engine_free(f);
        router_free(&r);
    }
}

/* What the peer keeps while we are away is the latest state, and the options of a later
 * configuration are not what it was told. */
static void test_silent_end_is_up_to_date(void **state)
{
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", 0);
    struct router r;
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    p.fsm.graceful = true;
    r = router_with_session(f, &p, graceful_caps);
    p.fsm.graceful = false;
    bgp_set_peers(f->bgp, &p, 1);
    engine_put(f, 0xc6120000, 3);
    bgp_shutdown(f->bgp, BGP_SHUTDOWN_RESTART, "maintenance", on_done, f);
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    assert_int_equal(router_update(m).announced[BGP_IPV4], 3);
    m->header.len = 0;
    while (router_take(f, &r, m))
        assert_int_not_equal(m->header.type, BGP_NOTIFICATION);
    free(m);
    engine_free(f);
    router_free(&r);
}

static void test_bfd_down_is_told(void **state)
{
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", 0);
    struct router r = router_with_session(f, &p, v4_caps);

    (void)state;
    bgp_peer_bfd(f->bgp, "r", false);
    assert_int_equal(engine_seen(f, BGP_PEER_SENT_ERROR, "r"), 1);
    engine_free(f);
    router_free(&r);
}

static void test_refused(void **state)
{
    uint16_t port;
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);

    (void)state;
    p.refused = "VRF red: the kernel has no VRFs";
    bgp_set_peers(f->bgp, &p, 1);
    engine_idle(f, QUIET_NS);
    assert_int_equal(accept4(r.listener, NULL, NULL, SOCK_NONBLOCK), -1);
    assert_int_equal(engine_view(f, "r").state, BGP_STATE_IDLE);
    assert_string_equal(engine_view(f, "r").last_error, "VRF red: the kernel has no VRFs");
    p.refused = NULL;
    bgp_set_peers(f->bgp, &p, 1);
    router_establish(f, &r, "r", v4_caps);
    engine_free(f);
    router_free(&r);
}

static void test_unnumbered(void **state)
{
    uint16_t port;
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);

    (void)state;
    p.key.address = (struct ip){0};
    p.key.interface = "lo";
    bgp_set_peers(f->bgp, &p, 1);
    engine_idle(f, QUIET_NS);
    assert_int_equal(engine_view(f, "r").state, BGP_STATE_IDLE);
    bgp_peer_found(f->bgp, "r", ip_v4(0x7f000001), 1);
    router_establish(f, &r, "r", v4_caps);
    bgp_peer_found(f->bgp, "r", (struct ip){0}, 0);
    assert_int_equal(engine_view(f, "r").state, BGP_STATE_IDLE);
    engine_free(f);
    router_free(&r);
}

/* IPv6 on an IPv4 session has a next hop once an interface has an address that can be one. */
static void test_next_hops(void **state)
{
    static const uint8_t global[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    struct bgp_local_address addresses[2] = {
        {.ip = ip_v4(0x7f000001), .prefix_len = 8, .ifindex = 1, .usable = true},
        {.ip = ip_v6(global), .prefix_len = 64, .ifindex = 1, .usable = true},
    };
    struct bgp_capabilities caps = {.family = {true, true}};
    uint16_t port;
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);
    struct bgp_share share = {.peer = 0};
    struct bgp_offer *offer;
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    p.fsm.family[BGP_IPV6] = true;
    bgp_set_peers(f->bgp, &p, 1);
    bgp_set_addresses(f->bgp, addresses, 1);
    offer = bgp_offer_get(bgp_routes(f->bgp), &share, 1);
    bgp_rib_put(bgp_routes(f->bgp), prefix_of(ip_v6(global), 128), offer);
    bgp_offer_unref(bgp_routes(f->bgp), offer);
    router_establish(f, &r, "r", caps);
    assert_true(router_quiet(f, &r));
    assert_int_equal(engine_seen(f, BGP_PEER_NO_NEXT_HOP, "r"), 1);
    assert_non_null(engine_view(f, "r").no_next_hop[BGP_IPV6]);
    bgp_set_addresses(f->bgp, addresses, 2);
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    assert_int_equal(router_update(m).announced[BGP_IPV6], 1);
    bgp_set_addresses(f->bgp, addresses, 2);
    assert_true(router_quiet(f, &r));
    bgp_set_addresses(f->bgp, addresses, 1);
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    assert_int_equal(router_update(m).withdrawn[BGP_IPV6], 1);
    free(m);
    engine_free(f);
    router_free(&r);
}

static void test_listener(void **state)
{
    uint16_t port = router_free_port();
    struct fixture *f = engine_new(port);
    struct bgp_peer_options p = peer_of("r", 1);
    struct router r = router_dialling();
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    p.key.address = ip_v4(0x7f000003);
    p.fsm.dials = false;
    bgp_set_peers(f->bgp, &p, 1);
    r.fd = router_connect(0x7f000002, port);
    assert_false(router_take(f, &r, m)); /* a stranger */
    assert_true(r.ended);
    close(r.fd);
    r.ended = false;
    router_establish_from(f, &r, "r", 0x7f000003, port);
    free(m);
    engine_free(f);
    router_free(&r);
}

static void test_reset(void **state)
{
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", 0);
    struct router r = router_with_session(f, &p, v4_caps);

    (void)state;
    assert_int_equal(bgp_reset_peer(f->bgp, "x", ""), -ENOENT);
    assert_int_equal(bgp_reset_peer(f->bgp, "r", "by hand"), 0);
    assert_true(router_expect_error(f, &r, BGP_ERR_CEASE, BGP_CEASE_RESET));
    router_establish(f, &r, "r", v4_caps);
    engine_free(f);
    router_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_of_rib_waits), cmocka_unit_test(test_bytes_one_by_one),
        cmocka_unit_test(test_bad_marker),       cmocka_unit_test(test_slow_router),
        cmocka_unit_test(test_refresh),          cmocka_unit_test(test_changes),
        cmocka_unit_test(test_shutdown),         cmocka_unit_test(test_silent_end_is_up_to_date),
        cmocka_unit_test(test_bfd_down_is_told), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unnumbered),       cmocka_unit_test(test_next_hops),
        cmocka_unit_test(test_listener),         cmocka_unit_test(test_reset),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
