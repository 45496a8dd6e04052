/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions with trouble: peers that flood or do not read, connections that fail, stalls of ours. */
#include "bgp_loopback.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/tcp.h"

#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

/* A KEEPALIVE that takes the last updates of the queue along: the RIB goes on all the same. */
static void test_keepalive_empties_queue(void **state)
{
    enum { ROUTES = 200000 };
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", 0);
    struct message *m = xcalloc(1, sizeof(*m));
    struct mono end;
    struct router r;

    (void)state;
    p.fsm.keepalive_s = 1;
    r = router_slow(f, &p, ROUTES);
    end = mono_add(mono_now(), 3 * NS_PER_SEC / 2);
    while (mono_before(mono_now(), end)) { /* the engine stands still, its timer falls due */
        struct pollfd wait = {.fd = r.fd, .events = POLLIN};

        if (poll(&wait, 1, 10) > 0)
            router_read(&r);
    }
    for (size_t announced = 0; announced < ROUTES;) {
        m->header.len = 0;
        assert_true(router_take(f, &r, m));
        if (m->header.type == BGP_UPDATE)
            announced += router_update(m).announced[BGP_IPV4];
    }
    free(m);
    engine_free(f);
    router_free(&r);
}

/* A large burst leaves in pieces: between them the loop sees to other events. */
static void test_burst_in_pieces(void **state)
{
    enum { PEERS = 8, ROUTES = 20000 };
    struct fixture *f = engine_new(0);
    struct router r[PEERS];
    struct bgp_peer_options p[PEERS];
    struct bgp_share shares[PEERS];
    char names[PEERS][2];
    struct bgp_offer *offer;
    size_t pending = 0;

    (void)state;
    for (int i = 0; i < PEERS; i++) {
        snprintf(names[i], sizeof(names[i]), "%d", i);
        p[i] = peer_of(names[i], 0);
        r[i] = router_new(&p[i].key.port);
        shares[i] = (struct bgp_share){.peer = (uint32_t)i};
    }
    bgp_set_peers(f->bgp, p, PEERS);
    for (int i = 0; i < PEERS; i++)
        router_establish(f, &r[i], names[i], v4_caps);
    engine_idle(f, QUIET_NS);
    offer = bgp_offer_get(bgp_routes(f->bgp), shares, PEERS);
    for (uint32_t i = 0; i < ROUTES; i++)
        bgp_rib_put(bgp_routes(f->bgp), prefix_of(ip_v4(0x0a000000 + i), 32), offer);
    bgp_offer_unref(bgp_routes(f->bgp), offer);
    bgp_routes_changed(f->bgp);
    event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    for (uint32_t i = 0; i < PEERS; i++)
        pending += bgp_rib_peer_pending(bgp_routes(f->bgp), i);
    assert_in_range(pending, 1, PEERS);
    engine_idle(f, QUIET_NS);
    for (uint32_t i = 0; i < PEERS; i++) {
        assert_false(bgp_rib_peer_pending(bgp_routes(f->bgp), i));
        router_free(&r[i]);
    }
    engine_free(f);
}

static bool says_restarting(struct fixture *f, struct router *r)
{
    struct message *m = xcalloc(1, sizeof(*m));
    struct bgp_open o = {0};
    struct bgp_error e;

    router_accept(f, r);
    assert_true(router_expect(f, r, BGP_OPEN, m));
    assert_true(bgp_open_read(&o, m->body, m->header.len - (size_t)BGP_HEADER_LEN, &e));
    free(m);
    return o.caps.restarting;
}

/* RFC 4724: R is of the process, so a peer that is configured long after its start is not told. */
static void test_restarting_ends(void **state)
{
    uint16_t ports[2];
    struct router a = router_new(&ports[0]), b = router_new(&ports[1]);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p[2] = {peer_of("a", ports[0]), peer_of("b", ports[1])};

    (void)state;
    p[0].fsm.graceful = p[1].fsm.graceful = true;
    p[1].fsm.restart_s = 1;
    bgp_set_peers(f->bgp, p, 1);
    assert_true(says_restarting(f, &a));
    engine_idle(f, NS_PER_SEC);
    bgp_set_peers(f->bgp, p, 2);
    assert_false(says_restarting(f, &b));
    engine_free(f);
    router_free(&a);
    router_free(&b);
}

static const char *last_text(const struct fixture *f, enum bgp_event event)
{
    for (size_t i = f->event_count; i > 0; i--) {
        if (f->events[(i - 1) % EVENTS_MAX].event == event)
            return f->events[(i - 1) % EVENTS_MAX].text;
    }
    return "";
}

/* That our dials failed earlier is not why the session, which the peer had opened, ended. */
static void test_why_it_ended(void **state)
{
    uint16_t port = router_free_port();
    uint8_t bytes[64];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct bgp_error cease = bgp_error_of(BGP_ERR_CEASE, BGP_CEASE_RESET);
    struct fixture *f = engine_new(port);
    struct bgp_peer_options p = peer_of("r", router_free_port());
    struct router r = router_dialling();

    (void)state;
    p.key.address = ip_v4(0x7f000003);
    bgp_set_peers(f->bgp, &p, 1);
    engine_idle(f, QUIET_NS);
    assert_string_equal(engine_view(f, "r").last_error, "Connection refused");
    router_establish_from(f, &r, "r", 0x7f000003, port);
    bgp_notification_write(&w, &cease);
    router_send(&r, w.start, w.len);
    engine_idle(f, QUIET_NS);
    assert_non_null(strstr(last_text(f, BGP_PEER_DOWN), "peer said 0x0604"));
    assert_non_null(strstr(engine_view(f, "r").last_error, "peer said 0x0604"));
    engine_free(f);
    router_free(&r);
}

/* A peer that is not the one we want, and then no longer there. */
static void test_wrong_as(void **state)
{
    static const char reason[] = "AS is 64513, want 64514";
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct wr w = router_open(bytes, v4_caps);
    uint16_t port;
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    p.fsm.asn = THEIR_AS + 1;
    bgp_set_peers(f->bgp, &p, 1);
    router_accept(f, &r);
    assert_true(router_expect(f, &r, BGP_OPEN, m));
    router_send(&r, w.start, w.len);
    assert_true(router_expect_error(f, &r, BGP_ERR_OPEN, 2));
    assert_string_equal(engine_view(f, "r").last_error, reason);
    close(r.listener);
    r.listener = -1;
    while (engine_view(f, "r").counts->transitions < 6) /* another dial has failed */
        engine_idle(f, QUIET_NS);
    assert_string_equal(engine_view(f, "r").last_error, reason);
    free(m);
    engine_free(f);
    router_free(&r);
}

/* A password that the kernel does not take as a key keeps the peer out; it opens no door. */
static void test_no_key_no_session(void **state)
{
    uint16_t port = router_free_port();
    char password[82] = {0};
    struct fixture *f = engine_new(port);
    struct bgp_peer_options p = peer_of("r", 1);
    struct router r = router_dialling();
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    memset(password, 'x', sizeof(password) - 1);
    p.password = password;
    p.key.address = ip_v4(0x7f000003);
    p.fsm.dials = false;
    bgp_set_peers(f->bgp, &p, 1);
    r.fd = router_connect(0x7f000003, port);
    assert_false(router_take(f, &r, m));
    assert_true(r.ended);
    free(m);
    engine_free(f);
    router_free(&r);
}

/* Spec F28: the port is where we dial; a session needs no dial. */
static void test_port_changes(void **state)
{
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", 0);
    struct router r = router_with_session(f, &p, v4_caps);

    (void)state;
    p.key.port = router_free_port();
    bgp_set_peers(f->bgp, &p, 1);
    assert_true(router_quiet(f, &r));
    assert_int_equal(engine_view(f, "r").state, BGP_STATE_ESTABLISHED);
    engine_free(f);
    router_free(&r);
}

static void connect_often(struct fixture *f, uint16_t port, int *ret, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ret[i] = router_connect(0x7f000003, port);
        event_base_loop(f->base, EVLOOP_NONBLOCK);
    }
}

/* Connections that are refused and stay open make nobody else's last message fall out, whether it
 * was there before them or comes later. */
static void check_refused_flood(bool before)
{
    enum { ROUTES = 200000, FLOOD = 300 };
    uint16_t port = router_free_port();
    struct fixture *f = engine_new(port);
    struct bgp_peer_options p[2] = {peer_of("b", 0), peer_of("flood", 1)};
    struct router r = router_slow(f, &p[0], ROUTES);
    struct message *m = xcalloc(1, sizeof(*m));
    int flood[FLOOD];

    p[1].key.address = ip_v4(0x7f000003);
    p[1].refused = "for the test";
    bgp_set_peers(f->bgp, p, 2);
    if (before)
        connect_often(f, port, flood, FLOOD);
    bgp_set_peers(f->bgp, p + 1, 1);
    if (!before)
        connect_often(f, port, flood, FLOOD);
    do {
        m->header.len = 0;
        assert_true(router_take(f, &r, m));
    } while (m->header.type != BGP_NOTIFICATION);
    for (size_t i = 0; i < FLOOD; i++)
        close(flood[i]);
    free(m);
    engine_free(f);
    router_free(&r);
}

static void test_refused_flood(void **state)
{
    (void)state;
    check_refused_flood(true);
    check_refused_flood(false);
}

/* A peer may ask as often as it likes; it is answered once. */
static void test_many_refreshes(void **state)
{
    enum { REQUESTS = 100 };
    uint8_t bytes[REQUESTS * 23];
    uint16_t port;
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    bgp_set_peers(f->bgp, &p, 1);
    engine_put(f, 0xc6120000, 5);
    router_establish(f, &r, "r", v4_caps);
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    for (int i = 0; i < REQUESTS; i++)
        bgp_refresh_write(&w, BGP_IPV4, BGP_REFRESH_REQUEST);
    router_send(&r, w.start, w.len);
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    assert_int_equal(router_update(m).announced[BGP_IPV4], 5);
    assert_true(router_quiet(f, &r));
    free(m);
    engine_free(f);
    router_free(&r);
}

/* Our own stall is no silence of the peer's, whoever is the first to ask for the session then. */
static void test_own_stall(void **state)
{
    uint8_t bytes[64];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", 0);
    struct router r;

    (void)state;
    p.fsm.hold_s = 3;
    p.fsm.keepalive_s = 1;
    r = router_with_session(f, &p, v4_caps);
    bgp_keepalive_write(&w);
    router_send(&r, w.start, w.len);
    (void)poll(NULL, 0, 3200);
    bgp_set_peers(f->bgp, &p, 1);
    engine_idle(f, QUIET_NS);
    assert_int_equal(engine_view(f, "r").state, BGP_STATE_ESTABLISHED);
    engine_free(f);
    router_free(&r);
}

/* RFC 7313 5 */
static void test_long_refresh(void **state)
{
    uint8_t bytes[64];
    struct wr w = wr_to(bytes, sizeof(bytes));
    size_t len_at = bgp_message_begin(&w, BGP_ROUTE_REFRESH);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", 0);
    struct router r = router_with_session(f, &p, v4_caps);

    (void)state;
    wr_u32(&w, 0x00010101);
    wr_u32(&w, 0);
    bgp_message_end(&w, len_at);
    router_send(&r, w.start, w.len);
    assert_true(router_expect_error(f, &r, BGP_ERR_REFRESH, 1));
    engine_free(f);
    router_free(&r);
}

/* The listener asks for the new password as soon as it is known, and for none once there is none.
 */
static void test_password_changes(void **state)
{
    static const char *const passwords[] = {"old", "new", ""};
    uint16_t port = router_free_port();
    struct fixture *f = engine_new(port);
    struct bgp_peer_options p = peer_of("r", 1);
    struct router r = router_dialling();
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    if (!tcp_has_md5())
        skip();
    p.key.address = ip_v4(0x7f000003);
    p.fsm.dials = false;
    for (size_t i = 0; i < ARRAY_SIZE(passwords); i++) {
        const struct endpoint engine = {ip_v4(0x7f000001), port};
        const struct tcp_how how = {.source = p.key.address, .md5 = passwords[i], .ttl = 1};
        struct err err = {0};

        p.password = passwords[i];
        bgp_set_peers(f->bgp, &p, 1);
        r.fd = tcp_dial(engine, &how, &err);
        assert_true(r.fd >= 0);
        if (!router_expect(f, &r, BGP_OPEN, m))
            fail_msg("password \"%s\"", passwords[i]);
        close(r.fd);
        r.fd = -1;
        r.len = 0;
    }
    free(m);
    engine_free(f);
    router_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keepalive_empties_queue),
        cmocka_unit_test(test_burst_in_pieces),
        cmocka_unit_test(test_restarting_ends),
        cmocka_unit_test(test_why_it_ended),
        cmocka_unit_test(test_wrong_as),
        cmocka_unit_test(test_no_key_no_session),
        cmocka_unit_test(test_password_changes),
        cmocka_unit_test(test_port_changes),
        cmocka_unit_test(test_refused_flood),
        cmocka_unit_test(test_many_refreshes),
        cmocka_unit_test(test_own_stall),
        cmocka_unit_test(test_long_refresh),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
