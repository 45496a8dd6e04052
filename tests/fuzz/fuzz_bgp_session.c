/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a script of what a router does to the engine over connections of loopback: messages, some
 * of them with changed bytes, pieces, silence, the end; and of changes to routes and to the peer
 * meanwhile. What the engine writes must be whole and valid. Once all has come to rest, the router
 * of a session has exactly the routes that are announced. The clock is the real one, so no timer
 * comes into it.
 */
#include "bgp/bgp.h"

#include "base/log.h"
#include "base/macro.h"
#include "fuzz.h"
#include "net/endpoint.h"
#include "rib_message.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STEPS = 200,
    BLOCKS = 64,       /* of routes; the second half are IPv6 */
    BLOCK_ROUTES = 64, /* a few dumps fill the sockets; a family still fits into one message */
    IN_MAX = 2 * BGP_EXTENDED_MAX,
    RECEIVE_BUFFER = 4096,
    ROUNDS = 10000, /* to come to rest */
    PATIENCE_MS = 5000,
};

/* The router's end of a connection. */
struct end {
    int fd; /* -1: none */
    size_t len;
    uint8_t in[IN_MAX];
    bool has[BLOCKS * BLOCK_ROUTES]; /* routes that it was told */
};

struct script {
    struct rd in;
    struct event_base *base;
    struct bgp *bgp;
    struct bgp_peer_options options;
    int listener;
    uint16_t port; /* of the engine */
    bool there[BLOCKS];
    struct end ends[BGP_CONNS];
    struct rib_message message;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* --- routes --- */

static struct prefix prefix_at(size_t i)
{
    struct ip v6 = {.hi = UINT64_C(0x20010db800000000), .lo = i, .family = IP_V6};

    if (i >= BLOCKS * BLOCK_ROUTES / 2)
        return prefix_of(v6, 128);
    return prefix_of(ip_v4(0xc6120000 + (uint32_t)i), 32);
}

static size_t route_at(struct prefix p)
{
    size_t i = p.addr.family == IP_V6 ? (size_t)p.addr.lo : ip_to_v4(p.addr) - 0xc6120000;

    require(i < BLOCKS * BLOCK_ROUTES && prefix_eq(prefix_at(i), p));
    return i;
}

static void turn_block(struct script *s, size_t block, uint8_t med)
{
    struct bgp_rib *rib = bgp_routes(s->bgp);
    struct bgp_share share = {.peer = 0, .attrs = {.med = med}};
    struct bgp_offer *offer = bgp_offer_get(rib, &share, 1);

    s->there[block] = med != 0;
    for (size_t i = block * BLOCK_ROUTES; i < (block + 1) * BLOCK_ROUTES; i++) {
        if (s->there[block])
            bgp_rib_put(rib, prefix_at(i), offer);
        else
            bgp_rib_del(rib, prefix_at(i));
    }
    bgp_offer_unref(rib, offer);
    bgp_routes_changed(s->bgp);
}

/* --- what the router reads --- */

static void end_close(struct end *e)
{
    if (e->fd >= 0)
        close(e->fd);
    e->fd = -1;
    e->len = 0;
    memset(e->has, 0, sizeof(e->has));
}

/* An OPEN with changed bytes may have lost the capability of 4-byte AS numbers. */
static bool is_good(const struct end *e, size_t len, struct bgp_update_sum *ret)
{
    const uint8_t *body = e->in + BGP_HEADER_LEN;
    struct bgp_error error;

    return bgp_update_check(ret, body, len - BGP_HEADER_LEN, true, false, &error) ==
               BGP_UPDATE_GOOD ||
           bgp_update_check(ret, body, len - BGP_HEADER_LEN, false, false, &error) ==
               BGP_UPDATE_GOOD;
}

static void read_update(struct script *s, struct end *e, size_t len)
{
    struct bgp_update_sum sum;

    require(is_good(e, len, &sum));
    if (sum.end_of_rib[BGP_IPV4] || sum.end_of_rib[BGP_IPV6])
        return;
    require(rib_message_read(&s->message, e->in, len) && s->message.count > 0);
    for (size_t i = 0; i < s->message.count; i++)
        e->has[route_at(s->message.prefixes[i])] = !s->message.withdraw;
}

static void read_messages(struct script *s, struct end *e)
{
    struct bgp_header h = {0};
    struct bgp_error error;

    while (e->len >= BGP_HEADER_LEN) {
        require(bgp_header_read(&h, e->in, true, &error));
        if (h.len > e->len)
            return;
        if (h.type == BGP_UPDATE)
            read_update(s, e, h.len);
        e->len -= h.len;
        memmove(e->in, e->in + h.len, e->len);
    }
}

/* False when there was nothing. */
static bool end_read(struct script *s, struct end *e)
{
    ssize_t n = e->fd >= 0 ? recv(e->fd, e->in + e->len, IN_MAX - e->len, 0) : -1;

    if (n > 0) {
        e->len += (size_t)n;
        read_messages(s, e);
    } else if (e->fd >= 0 && (n == 0 || errno != EAGAIN)) {
        end_close(e);
    }
    return n > 0;
}

static void accept_dial(struct script *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    end_close(&s->ends[BGP_CONN_OUT]);
    s->ends[BGP_CONN_OUT].fd = fd;
}

static void come_to_rest(struct script *s)
{
    size_t rounds = 0, quiet = 0;

    for (; quiet < 3; quiet++) {
        event_base_loop(s->base, EVLOOP_NONBLOCK);
        accept_dial(s);
        for (size_t c = 0; c < BGP_CONNS; c++)
            quiet = end_read(s, &s->ends[c]) ? 0 : quiet;
        require(rounds++ < ROUNDS);
    }
}

/* --- what the router sends --- */

static void end_send(struct script *s, struct end *e, const uint8_t *bytes, size_t len)
{
    if (e->fd < 0)
        return;
    (void)send(e->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT); /* what does not fit is lost */
    event_base_loop(s->base, EVLOOP_NONBLOCK);
}

static void write_open(struct script *s, struct wr *w)
{
    uint8_t flags = rd_u8(&s->in);
    struct bgp_open o = {
        .asn = 64513,
        .hold_s = 90,
        .id = 1 + (flags & 1) * 2u,
        .caps = {.family = {(flags & 2) == 0, (flags & 4) == 0},
                 .multiprotocol = true,
                 .as4 = true,
                 .asn = 64513,
                 .refresh = true,
                 .enhanced_refresh = (flags & 8) != 0,
                 .extended_message = (flags & 16) != 0,
                 .graceful = (flags & 32) != 0,
                 .with_notification = (flags & 64) != 0},
    };

    bgp_open_write(w, &o);
    if ((flags & 128) == 0)
        bgp_keepalive_write(w);
}

static void write_raw(struct script *s, struct wr *w, uint8_t type)
{
    size_t len_at, len = rd_u8(&s->in);
    uint8_t body[UINT8_MAX];

    len = len < s->in.left ? len : s->in.left;
    rd_copy(&s->in, body, len);
    len_at = bgp_message_begin(w, (enum bgp_type)type);
    wr_bytes(w, body, len);
    bgp_message_end(w, len_at);
}

static void write_refreshes(struct wr *w, uint8_t kind)
{
    for (unsigned i = 0; i < 1u + (kind & 3); i++)
        bgp_refresh_write(w, (kind & 4) != 0 ? BGP_IPV6 : BGP_IPV4, BGP_REFRESH_REQUEST);
}

static void say(struct script *s, struct end *e, uint8_t kind)
{
    uint8_t bytes[1024];
    struct wr w = wr_to(bytes, sizeof(bytes));

    switch (kind & 7) {
    case 0:
    case 1:
        write_open(s, &w);
        break;
    case 2:
        bgp_keepalive_write(&w);
        break;
    case 3:
        write_refreshes(&w, rd_u8(&s->in));
        break;
    default:
        write_raw(s, &w, kind & 7);
        break;
    }
    if ((kind & 8) != 0)
        bytes[rd_u8(&s->in) % w.len] ^= rd_u8(&s->in);
    if ((kind & 16) != 0) { /* in two pieces */
        size_t first = rd_u8(&s->in) % w.len;

        end_send(s, e, bytes, first);
        end_send(s, e, bytes + first, w.len - first);
    } else {
        end_send(s, e, bytes, w.len);
    }
}

static void connect_in(struct script *s)
{
    struct end *e = &s->ends[BGP_CONN_IN];
    socklen_t len;
    struct sockaddr_storage at =
        endpoint_to_sockaddr((struct endpoint){ip_v4(0x7f000001), s->port}, &len);

    end_close(e);
    e->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    require(e->fd >= 0);
    if (connect(e->fd, (struct sockaddr *)&at, len) < 0 && errno != EINPROGRESS)
        end_close(e);
    event_base_loop(s->base, EVLOOP_NONBLOCK);
}

/* --- what the engine's owner wishes --- */

static void declare(struct script *s, uint8_t kind)
{
    s->options.fsm.graceful = (kind & 1) != 0;
    s->options.fsm.family[BGP_IPV6] = (kind & 2) != 0;
    s->options.ttl = (kind & 4) != 0 ? 255 : 64;
    bgp_set_peers(s->bgp, &s->options, 1);
}

static void wish(struct script *s, uint8_t kind)
{
    switch (kind & 7) {
    case 0:
        bgp_peer_bfd(s->bgp, "r", true); /* ends any wait */
        return;
    case 1:
        bgp_peer_bfd(s->bgp, "r", false);
        return;
    case 2:
        require(bgp_reset_peer(s->bgp, "r", "fuzz") == 0);
        return;
    case 3:
        bgp_peer_blocked(s->bgp, "r", (kind & 8) != 0 ? "fuzz" : NULL);
        return;
    case 4:
        bgp_routes_complete(s->bgp);
        return;
    case 5:
        bgp_set_peers(s->bgp, NULL, 0);
        bgp_set_peers(s->bgp, &s->options, 1);
        for (size_t i = 0; i < BLOCKS; i++)
            turn_block(s, i, s->there[i]); /* the peer that went took its shares along */
        return;
    default:
        declare(s, kind >> 3);
        return;
    }
}

static void step(struct script *s)
{
    uint8_t op = rd_u8(&s->in), kind = op >> 3;

    switch (op & 7) {
    case 0:
    case 1:
        say(s, &s->ends[op & 1], kind);
        return;
    case 2:
        turn_block(s, rd_u8(&s->in) % BLOCKS, kind & 3);
        return;
    case 3:
        for (size_t i = 0; i < BLOCKS; i++)
            turn_block(s, i, kind & 3);
        return;
    case 4:
        (void)end_read(s, &s->ends[kind & 1]);
        event_base_loop(s->base, EVLOOP_NONBLOCK);
        return;
    case 5:
        if ((kind & 2) != 0)
            end_close(&s->ends[kind & 1]);
        else
            connect_in(s);
        return;
    case 6:
        come_to_rest(s);
        return;
    default:
        wish(s, kind);
        return;
    }
}

/* --- the whole --- */

/* The router's end of the session; NULL: there is none, or it is not known which one it is. */
static const struct end *session_end(const struct script *s, const struct bgp_peer_view *v)
{
    const struct end *out = &s->ends[BGP_CONN_OUT], *in = &s->ends[BGP_CONN_IN];

    if (v->state != BGP_STATE_ESTABLISHED || (out->fd >= 0) == (in->fd >= 0))
        return NULL;
    return out->fd >= 0 ? out : in;
}

static bool routes_are_right(const struct script *s)
{
    struct bgp_peer_view v;
    const struct end *e;

    require(bgp_peer_view(s->bgp, "r", &v));
    e = session_end(s, &v);
    for (size_t i = 0; e != NULL && i < BLOCKS * BLOCK_ROUTES; i++) {
        enum bgp_family f = i < BLOCKS * BLOCK_ROUTES / 2 ? BGP_IPV4 : BGP_IPV6;

        if (e->has[i] != (v.agreement->family[f] && s->there[i / BLOCK_ROUTES]))
            return false;
    }
    return true;
}

/* A window that was full takes TCP some time to open. */
static void check_routes(struct script *s)
{
    int tries = 0;

    come_to_rest(s);
    while (!routes_are_right(s)) {
        require(tries++ < PATIENCE_MS);
        (void)poll(NULL, 0, 1);
        come_to_rest(s);
    }
}

static uint16_t listen_port_of(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);

    require(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    return endpoint_from_sockaddr(&at).port;
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    int fd = endpoint_bind((struct endpoint){ip_v4(0), 0}, SOCK_STREAM);
    uint16_t port;

    require(fd >= 0);
    port = listen_port_of(fd);
    close(fd);
    return port;
}

static void router_listen(struct script *s)
{
    int small = RECEIVE_BUFFER;

    s->listener = endpoint_bind((struct endpoint){ip_v4(0x7f000001), 0}, SOCK_STREAM);
    require(s->listener >= 0 && listen(s->listener, 8) == 0);
    (void)setsockopt(s->listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    s->options = (struct bgp_peer_options){
        .name = "r",
        .key = {.address = ip_v4(0x7f000001), .interface = "", .vrf = ""},
        .fsm = {.my_as = 64512,
                .local_as = 64512,
                .asn = 64513,
                .id = 2,
                .hold_s = 90,
                .keepalive_s = 30,
                .family = {true, true},
                .restart_s = 120,
                .dials = true},
        .password = "",
        .ttl = 64,
    };
    s->options.key.port = listen_port_of(s->listener);
}

static void engine_start(struct script *s)
{
    const struct bgp_local_address addresses[] = {
        {.ip = ip_v4(0x7f000001), .prefix_len = 8, .ifindex = 1, .usable = true},
        {.ip = prefix_at(BLOCKS * BLOCK_ROUTES / 2).addr,
         .prefix_len = 64,
         .ifindex = 1,
         .usable = true},
    };

    bgp_set_addresses(s->bgp, addresses, ARRAY_SIZE(addresses));
    bgp_set_peers(s->bgp, &s->options, 1);
    event_base_loop(s->base, EVLOOP_NONBLOCK);
    accept_dial(s);
}

static void script_free(struct script *s)
{
    bgp_free(s->bgp);
    event_base_free(s->base);
    for (size_t c = 0; c < BGP_CONNS; c++)
        end_close(&s->ends[c]);
    close(s->listener);
    free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct script *s = calloc(1, sizeof(*s));
    struct bgp_options options = {.seed = 1};
    struct err err = {0};

    require(s != NULL);
    log_set_silent();
    s->in = rd_from(bytes, len);
    s->base = options.base = event_base_new();
    require(s->base != NULL && event_base_priority_init(s->base, 3) == 0);
    s->port = options.listen_port = free_port();
    for (size_t c = 0; c < BGP_CONNS; c++)
        s->ends[c].fd = -1;
    router_listen(s);
    if (bgp_new(&s->bgp, &options, &err) == 0) { /* else somebody else has taken the port */
        engine_start(s);
        for (int i = 0; i < STEPS && s->in.left > 0; i++)
            step(s);
        check_routes(s);
    }
    err_done(&err);
    script_free(s);
    return 0;
}
