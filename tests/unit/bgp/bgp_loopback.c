/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp_loopback.h"

#include "base/mem.h"
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

const struct bgp_capabilities v4_caps = {.family = {true, false}, .refresh = true};
const struct bgp_capabilities graceful_caps = {.family = {true, false},
                                               .graceful = true,
                                               .with_notification = true,
                                               .restart_s = 120,
                                               .graceful_family = {true, false}};

/* --- the engine's side --- */

static void on_event(void *arg, enum bgp_event event, const char *peer, const char *text)
{
    struct fixture *f = arg;
    struct event_seen *e = &f->events[f->event_count++ % EVENTS_MAX];

    e->event = event;
    snprintf(e->peer, sizeof(e->peer), "%s", peer);
    snprintf(e->text, sizeof(e->text), "%s", text);
}

size_t engine_seen(const struct fixture *f, enum bgp_event event, const char *peer)
{
    size_t count = 0;

    for (size_t i = 0; i < f->event_count && i < EVENTS_MAX; i++)
        count += f->events[i].event == event && strcmp(f->events[i].peer, peer) == 0;
    return count;
}

uint16_t router_free_port(void)
{
    int fd = endpoint_bind((struct endpoint){ip_v4(0x7f000001), 0}, SOCK_STREAM);
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);

    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return endpoint_from_sockaddr(&at).port;
}

struct fixture *engine_new(uint16_t listen_port)
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

void engine_free(struct fixture *f)
{
    bgp_free(f->bgp);
    event_base_free(f->base);
    free(f);
}

static void engine_turn(struct fixture *f, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    event_base_loop(f->base, EVLOOP_NONBLOCK);
    (void)poll(&p, 1, 1);
}

struct bgp_peer_view engine_view(struct fixture *f, const char *name)
{
    struct bgp_peer_view v = {0};

    assert_true(bgp_peer_view(f->bgp, name, &v));
    return v;
}

bool engine_wait(struct fixture *f, const char *name, enum bgp_state state)
{
    struct mono end = mono_add(mono_now(), PATIENCE_NS);

    while (engine_view(f, name).state != state && mono_before(mono_now(), end))
        engine_turn(f, -1);
    return engine_view(f, name).state == state;
}

void engine_idle(struct fixture *f, int64_t ns)
{
    for (struct mono end = mono_add(mono_now(), ns); mono_before(mono_now(), end);)
        engine_turn(f, -1);
}

struct bgp_peer_options peer_of(const char *name, uint16_t port)
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

void engine_put(struct fixture *f, uint32_t first, size_t count)
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

struct router router_new(uint16_t *ret_port)
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

struct router router_dialling(void)
{
    return (struct router){.listener = -1, .fd = -1, .in = xmalloc(IN_MAX)};
}

void router_free(struct router *r)
{
    if (r->fd >= 0)
        close(r->fd);
    if (r->listener >= 0)
        close(r->listener);
    free(r->in);
}

void router_accept(struct fixture *f, struct router *r)
{
    struct mono end = mono_add(mono_now(), PATIENCE_NS);

    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    r->len = 0;
    r->ended = false;
    while (r->fd < 0 && mono_before(mono_now(), end)) {
        r->fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK);
        engine_turn(f, r->listener);
    }
    assert_true(r->fd >= 0);
}

void router_send(const struct router *r, const void *bytes, size_t len)
{
    assert_int_equal(send(r->fd, bytes, len, MSG_NOSIGNAL), len);
}

struct wr router_open(uint8_t bytes[BGP_MESSAGE_MAX], struct bgp_capabilities caps)
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

void router_read(struct router *r)
{
    ssize_t n = recv(r->fd, r->in + r->len, IN_MAX - r->len, 0);

    if (n > 0)
        r->len += (size_t)n;
    else if (n == 0 || errno != EAGAIN)
        r->ended = true;
}

bool router_take(struct fixture *f, struct router *r, struct message *ret)
{
    struct mono end = mono_add(mono_now(), PATIENCE_NS);
    struct bgp_error e;

    while (r->len < BGP_HEADER_LEN || r->len < ret->header.len) {
        if (r->ended || !mono_before(mono_now(), end))
            return false;
        engine_turn(f, r->fd);
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

bool router_expect(struct fixture *f, struct router *r, enum bgp_type type, struct message *ret)
{
    do {
        ret->header.len = 0;
        if (!router_take(f, r, ret))
            return false;
    } while (ret->header.type == BGP_KEEPALIVE && type != BGP_KEEPALIVE);
    return ret->header.type == type;
}

bool router_quiet(struct fixture *f, struct router *r)
{
    engine_idle(f, QUIET_NS);
    router_read(r);
    return r->len == 0 && !r->ended;
}

static void greet(struct fixture *f, struct router *r, const char *name,
                  struct bgp_capabilities caps)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct wr w = router_open(bytes, caps);
    struct message *m = xcalloc(1, sizeof(*m));

    assert_true(router_expect(f, r, BGP_OPEN, m));
    router_send(r, w.start, w.len);
    assert_true(router_expect(f, r, BGP_KEEPALIVE, m));
    assert_true(engine_wait(f, name, BGP_STATE_ESTABLISHED));
    free(m);
}

void router_establish(struct fixture *f, struct router *r, const char *name,
                      struct bgp_capabilities caps)
{
    router_accept(f, r);
    greet(f, r, name, caps);
}

void router_establish_from(struct fixture *f, struct router *r, const char *name, uint32_t source,
                           uint16_t port)
{
    r->fd = router_connect(source, port);
    greet(f, r, name, v4_caps);
}

struct router router_with_session(struct fixture *f, struct bgp_peer_options *p,
                                  struct bgp_capabilities caps)
{
    struct router r = router_new(&p->key.port);

    bgp_set_peers(f->bgp, p, 1);
    router_establish(f, &r, p->name, caps);
    return r;
}

struct router router_slow(struct fixture *f, struct bgp_peer_options *p, size_t routes)
{
    int small = 4096;
    struct router r = router_new(&p->key.port);

    assert_int_equal(setsockopt(r.listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    bgp_set_peers(f->bgp, p, 1);
    router_establish(f, &r, p->name, v4_caps);
    engine_put(f, 0x0a000000, routes);
    engine_idle(f, QUIET_NS);
    assert_true(bgp_rib_peer_pending(bgp_routes(f->bgp), 0));
    return r;
}

struct bgp_update_sum router_update(const struct message *m)
{
    struct bgp_update_sum sum = {0};
    struct bgp_error e;

    assert_int_equal(
        bgp_update_check(&sum, m->body, m->header.len - (size_t)BGP_HEADER_LEN, true, false, &e),
        BGP_UPDATE_GOOD);
    return sum;
}

bool router_expect_error(struct fixture *f, struct router *r, uint8_t code, uint8_t subcode)
{
    struct message *m = xcalloc(1, sizeof(*m));
    bool is =
        router_expect(f, r, BGP_NOTIFICATION, m) && m->body[0] == code && m->body[1] == subcode;

    free(m);
    return is;
}

int router_connect(uint32_t source, uint16_t port)
{
    int fd = endpoint_bind((struct endpoint){ip_v4(source), 0}, SOCK_STREAM);
    socklen_t len;
    struct sockaddr_storage to =
        endpoint_to_sockaddr((struct endpoint){ip_v4(0x7f000001), port}, &len);

    assert_true(fd >= 0);
    assert_true(connect(fd, (struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS);
    return fd;
}
