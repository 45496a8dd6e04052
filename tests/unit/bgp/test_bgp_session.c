/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine over loopback against a router that is this test: it reads and writes messages as
 * bytes. The loop of the engine runs while the test waits for something.
 */
#include "base/log.h"
#include "base/mem.h"
#include "bgp/bgp.h"
#include "net/endpoint.h"

#include <errno.h>
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

enum { OUR_AS = 64512, THEIR_AS = 64513, IN_MAX = 1 << 20, EVENTS_MAX = 256 };
#define PATIENCE_NS (20 * NS_PER_SEC)
#define QUIET_NS (200 * NS_PER_MS) /* to see that nothing comes */

/* One connection as the router sees it. */
struct router {
    int listener, fd;
    uint8_t *in;
    size_t len;
    bool ended;
};

struct event_seen {
    enum bgp_event event;
    char peer[32], text[128];
};

struct fixture {
    struct event_base *base;
    struct bgp *bgp;
    struct event_seen events[EVENTS_MAX];
    size_t event_count;
    int done;
};

/* --- the engine's side --- */

static void on_event(void *arg, enum bgp_event event, const char *peer, const char *text)
{
    struct fixture *f = arg;
    struct event_seen *e = &f->events[f->event_count++ % EVENTS_MAX];

    e->event = event;
    snprintf(e->peer, sizeof(e->peer), "%s", peer);
    snprintf(e->text, sizeof(e->text), "%s", text);
}

static size_t seen(const struct fixture *f, enum bgp_event event, const char *peer)
{
    size_t count = 0;

    for (size_t i = 0; i < f->event_count && i < EVENTS_MAX; i++)
        count += f->events[i].event == event && strcmp(f->events[i].peer, peer) == 0;
    return count;
}

static uint16_t free_port(void)
{
    int fd = endpoint_bind((struct endpoint){ip_v4(0x7f000001), 0}, SOCK_STREAM);
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);

    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return endpoint_from_sockaddr(&at).port;
}

static struct fixture *engine_new(uint16_t listen_port)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct bgp_options options = {
        .seed = 1, .restarted = true, .listen_port = listen_port, .event = on_event, .arg = f};
    struct err err = {0};

    f->base = event_base_new();
    event_base_priority_init(f->base, 3);
    options.base = f->base;
    assert_int_equal(bgp_new(&f->bgp, &options, &err), 0);
    return f;
}

static void engine_free(struct fixture *f)
{
    bgp_free(f->bgp);
    event_base_free(f->base);
    free(f);
}

static void turn(struct fixture *f, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    event_base_loop(f->base, EVLOOP_NONBLOCK);
    (void)poll(&p, 1, 1);
}

static struct bgp_peer_view view(struct fixture *f, const char *name)
{
    struct bgp_peer_view v = {0};

    assert_true(bgp_peer_view(f->bgp, name, &v));
    return v;
}

static bool wait_state(struct fixture *f, const char *name, enum bgp_state state)
{
    struct mono end = mono_add(mono_now(), PATIENCE_NS);

    while (view(f, name).state != state && mono_before(mono_now(), end))
        turn(f, -1);
    return view(f, name).state == state;
}

static void idle(struct fixture *f, int64_t ns)
{
    for (struct mono end = mono_add(mono_now(), ns); mono_before(mono_now(), end);)
        turn(f, -1);
}

static struct bgp_peer_options peer_of(const char *name, uint16_t port)
{
    return (struct bgp_peer_options){
        .name = name,
        .key = {.address = ip_v4(0x7f000001), .interface = "", .vrf = "", .port = port},
        .fsm = {.my_as = OUR_AS,
                .local_as = OUR_AS,
                .asn = THEIR_AS,
                .id = 1,
                .hold_s = 90,
                .keepalive_s = 30,
                .connect_s = 1,
                .family = {true, false},
                .restart_s = 120,
                .forwarding = true,
                .dials = true},
        .password = "",
        .ttl = 64,
    };
}

static void put_routes(struct fixture *f, uint32_t first, size_t count)
{
    struct bgp_rib *rib = bgp_routes(f->bgp);
    struct bgp_share share = {.peer = 0};
    struct bgp_offer *offer = bgp_offer_get(rib, &share, 1);

    for (size_t i = 0; i < count; i++)
        bgp_rib_put(rib, prefix_of(ip_v4(first + (uint32_t)i), 32), offer);
    bgp_offer_unref(rib, offer);
    bgp_routes_changed(f->bgp);
}

/* --- the router's side --- */

static struct router router_new(uint16_t *ret_port)
{
    struct router r = {.fd = -1, .in = xmalloc(IN_MAX)};
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);

    r.listener = endpoint_bind((struct endpoint){ip_v4(0x7f000001), 0}, SOCK_STREAM);
    assert_true(r.listener >= 0);
    assert_int_equal(listen(r.listener, 8), 0);
    assert_int_equal(getsockname(r.listener, (struct sockaddr *)&at, &len), 0);
    *ret_port = endpoint_from_sockaddr(&at).port;
    return r;
}

static void router_free(struct router *r)
{
    if (r->fd >= 0)
        close(r->fd);
    if (r->listener >= 0)
        close(r->listener);
    free(r->in);
}

static void router_accept(struct fixture *f, struct router *r)
{
    struct mono end = mono_add(mono_now(), PATIENCE_NS);

    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    r->len = 0;
    r->ended = false;
    while (r->fd < 0 && mono_before(mono_now(), end)) {
        r->fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK);
        turn(f, r->listener);
    }
    assert_true(r->fd >= 0);
}

static void router_send(const struct router *r, const void *bytes, size_t len)
{
    assert_int_equal(send(r->fd, bytes, len, MSG_NOSIGNAL), len);
}

static struct wr router_open(uint8_t bytes[BGP_MESSAGE_MAX], struct bgp_capabilities caps)
{
    struct bgp_open o = {.asn = THEIR_AS, .hold_s = 60, .id = 2, .caps = caps};
    struct wr w = wr_to(bytes, BGP_MESSAGE_MAX);

    o.caps.as4 = true;
    o.caps.asn = THEIR_AS;
    o.caps.multiprotocol = true;
    bgp_open_write(&w, &o);
    bgp_keepalive_write(&w);
    assert_false(w.bad);
    return w;
}

static void router_read(struct router *r)
{
    ssize_t n = recv(r->fd, r->in + r->len, IN_MAX - r->len, 0);

    if (n > 0)
        r->len += (size_t)n;
    else if (n == 0 || errno != EAGAIN)
        r->ended = true;
}

struct message {
    struct bgp_header header;
    uint8_t body[BGP_EXTENDED_MAX];
};

/* The next message; false at the end of the connection. */
static bool router_take(struct fixture *f, struct router *r, struct message *ret)
{
    struct mono end = mono_add(mono_now(), PATIENCE_NS);
    struct bgp_error e;

    while (r->len < BGP_HEADER_LEN || r->len < ret->header.len) {
        if (r->ended || !mono_before(mono_now(), end))
            return false;
        turn(f, r->fd);
        router_read(r);
        ret->header.len = 0;
        if (r->len >= BGP_HEADER_LEN)
            assert_true(bgp_header_read(&ret->header, r->in, true, &e));
    }
    assert_true(bgp_header_read(&ret->header, r->in, true, &e));
    if (r->len < ret->header.len)
        return router_take(f, r, ret);
    memcpy(ret->body, r->in + BGP_HEADER_LEN, ret->header.len - (size_t)BGP_HEADER_LEN);
    r->len -= ret->header.len;
    memmove(r->in, r->in + ret->header.len, r->len);
    return true;
}

/* The next one of that type; KEEPALIVEs are passed over. */
static bool router_expect(struct fixture *f, struct router *r, enum bgp_type type,
                          struct message *ret)
{
    do {
        ret->header.len = 0;
        if (!router_take(f, r, ret))
            return false;
    } while (ret->header.type == BGP_KEEPALIVE && type != BGP_KEEPALIVE);
    return ret->header.type == type;
}

static bool router_quiet(struct fixture *f, struct router *r)
{
    idle(f, QUIET_NS);
    router_read(r);
    return r->len == 0 && !r->ended;
}

static void router_establish(struct fixture *f, struct router *r, const char *name,
                             struct bgp_capabilities caps)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct wr w = router_open(bytes, caps);
    struct message *m = xcalloc(1, sizeof(*m));

    router_accept(f, r);
    assert_true(router_expect(f, r, BGP_OPEN, m));
    router_send(r, w.start, w.len);
    assert_true(router_expect(f, r, BGP_KEEPALIVE, m));
    assert_true(wait_state(f, name, BGP_STATE_ESTABLISHED));
    free(m);
}

static struct bgp_update_sum router_update(const struct message *m)
{
    struct bgp_update_sum sum = {0};
    struct bgp_error e;

    assert_int_equal(
        bgp_update_check(&sum, m->body, m->header.len - (size_t)BGP_HEADER_LEN, true, false, &e),
        BGP_UPDATE_GOOD);
    return sum;
}

static bool router_expect_error(struct fixture *f, struct router *r, uint8_t code, uint8_t subcode)
{
    struct message *m = xcalloc(1, sizeof(*m));
    bool is =
        router_expect(f, r, BGP_NOTIFICATION, m) && m->body[0] == code && m->body[1] == subcode;

    free(m);
    return is;
}

static const struct bgp_capabilities v4_caps = {.family = {true, false}, .refresh = true};
static const struct bgp_capabilities graceful_caps = {.family = {true, false},
                                                      .graceful = true,
                                                      .with_notification = true,
                                                      .restart_s = 120,
                                                      .graceful_family = {true, false}};

/* --- tests --- */

static void test_end_of_rib_waits(void **state)
{
    uint16_t port;
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    bgp_set_peers(f->bgp, &p, 1);
    router_establish(f, &r, "r", v4_caps);
    put_routes(f, 0xc6120000, 3);
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    assert_int_equal(router_update(m).announced[BGP_IPV4], 3);
    assert_true(router_quiet(f, &r));
    bgp_routes_complete(f->bgp);
    assert_true(router_expect(f, &r, BGP_UPDATE, m));
    assert_true(router_update(m).end_of_rib[BGP_IPV4]);
    assert_int_equal(view(f, "r").end_of_rib_sent, 1);
    assert_int_equal(view(f, "r").updates_sent, 1);
    assert_int_equal(seen(f, BGP_PEER_UP, "r"), 1);
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
    assert_true(wait_state(f, "r", BGP_STATE_ESTABLISHED));
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
    assert_int_equal(seen(f, BGP_PEER_SENT_ERROR, "r"), 1);
    free(m);
    engine_free(f);
    router_free(&r);
}

/* A router that does not read: what waits stays in the RIB, urgent messages find a message's
 * boundary, and all comes in order. */
static void test_slow_router(void **state)
{
    enum { ROUTES = 200000 };
    uint16_t port;
    int small = 4096;
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);
    struct message *m = xcalloc(1, sizeof(*m));
    size_t announced = 0, before_keepalive = 0;

    (void)state;
    p.fsm.hold_s = 60;
    p.fsm.keepalive_s = 1;
    assert_int_equal(setsockopt(r.listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    bgp_set_peers(f->bgp, &p, 1);
    router_establish(f, &r, "r", v4_caps);
    put_routes(f, 0x0a000000, ROUTES);
    idle(f, 2 * NS_PER_SEC);
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
    assert_int_equal(view(f, "r").routes.sent, ROUTES);
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
    put_routes(f, 0xc6120000, 5);
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
    assert_int_equal(view(f, "z").state, BGP_STATE_ESTABLISHED);

    p[0].fsm.id = 77;
    bgp_set_peers(f->bgp, p, 2);
    assert_true(router_expect_error(f, &a, BGP_ERR_CEASE, BGP_CEASE_CHANGED));
    router_establish(f, &a, "z", v4_caps);
    assert_int_equal(bgp_peer_id(f->bgp, "z"), id_a);

    bgp_set_peers(f->bgp, p, 1);
    assert_true(router_expect_error(f, &b, BGP_ERR_CEASE, BGP_CEASE_DECONFIGURED));
    assert_int_equal(bgp_peer_id(f->bgp, "b"), -1);
    assert_true(router_quiet(f, &a));
    assert_int_equal(seen(f, BGP_PEER_DOWN, "b"), 1);
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
        uint16_t port;
        struct router r = router_new(&port);
        struct fixture *f = engine_new(0);
        struct bgp_peer_options p = peer_of("r", port);

        p.fsm.graceful = endings[i].graceful;
        bgp_set_peers(f->bgp, &p, 1);
        router_establish(f, &r, "r", endings[i].graceful ? graceful_caps : v4_caps);
        bgp_shutdown(f->bgp, endings[i].how, "maintenance", on_done, f);
        assert_int_equal(f->done, 0);
        if (!ends_as_it_should(f, &r, endings[i].subcode))
            fail_msg("%s", endings[i].name);
        close(r.fd);
        r.fd = -1;
        idle(f, QUIET_NS);
        assert_int_equal(f->done, 1);
        engine_free(f);
        router_free(&r);
    }
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
    idle(f, QUIET_NS);
    assert_int_equal(accept4(r.listener, NULL, NULL, SOCK_NONBLOCK), -1);
    assert_int_equal(view(f, "r").state, BGP_STATE_IDLE);
    assert_string_equal(view(f, "r").last_error, "VRF red: the kernel has no VRFs");
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
    idle(f, QUIET_NS);
    assert_int_equal(view(f, "r").state, BGP_STATE_IDLE);
    bgp_peer_found(f->bgp, "r", ip_v4(0x7f000001), 1);
    router_establish(f, &r, "r", v4_caps);
    bgp_peer_found(f->bgp, "r", (struct ip){0}, 0);
    assert_int_equal(view(f, "r").state, BGP_STATE_IDLE);
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
    assert_int_equal(seen(f, BGP_PEER_NO_NEXT_HOP, "r"), 1);
    assert_non_null(view(f, "r").no_next_hop[BGP_IPV6]);
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

static int connect_from(uint32_t source, uint16_t port)
{
    int fd = endpoint_bind((struct endpoint){ip_v4(source), 0}, SOCK_STREAM);
    socklen_t len;
    struct sockaddr_storage to =
        endpoint_to_sockaddr((struct endpoint){ip_v4(0x7f000001), port}, &len);

    assert_true(fd >= 0);
    assert_true(connect(fd, (struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS);
    return fd;
}

static void test_listener(void **state)
{
    uint16_t port = free_port();
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct wr w = router_open(bytes, v4_caps);
    struct fixture *f = engine_new(port);
    struct bgp_peer_options p = peer_of("r", 1);
    struct router r = {.listener = -1, .in = xmalloc(IN_MAX)};
    struct message *m = xcalloc(1, sizeof(*m));

    (void)state;
    p.key.address = ip_v4(0x7f000003);
    p.fsm.dials = false;
    bgp_set_peers(f->bgp, &p, 1);
    r.fd = connect_from(0x7f000002, port);
    assert_false(router_take(f, &r, m)); /* a stranger */
    assert_true(r.ended);
    close(r.fd);
    r.ended = false;
    r.fd = connect_from(0x7f000003, port);
    assert_true(router_expect(f, &r, BGP_OPEN, m));
    router_send(&r, w.start, w.len);
    assert_true(wait_state(f, "r", BGP_STATE_ESTABLISHED));
    free(m);
    engine_free(f);
    router_free(&r);
}

static void test_reset(void **state)
{
    uint16_t port;
    struct router r = router_new(&port);
    struct fixture *f = engine_new(0);
    struct bgp_peer_options p = peer_of("r", port);

    (void)state;
    bgp_set_peers(f->bgp, &p, 1);
    router_establish(f, &r, "r", v4_caps);
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
        cmocka_unit_test(test_shutdown),         cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unnumbered),       cmocka_unit_test(test_next_hops),
        cmocka_unit_test(test_listener),         cmocka_unit_test(test_reset),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
