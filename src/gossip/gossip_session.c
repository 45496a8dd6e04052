/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_session.h"

#include "base/delay.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "gossip/gossip_conn.h"
#include "net/endpoint.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PACKET_BATCH = 16, /* datagrams in one callback */
    ACCEPT_BATCH = 16,
    BACKLOG = 128,
    RECEIVE_BUFFER = 2 * 1024 * 1024, /* a burst of gossip must not push out acks */
};
#define LOG_INTERVAL_NS (1 * NS_PER_SEC)
#define REFUSED_INTERVAL_NS (10 * NS_PER_SEC)

struct gossip_session {
    struct gossip_session_options options;
    struct gossip *machine;
    struct gossip_conns *conns;
    int udp, listener;
    bool events_ready, is_admitted;
    struct event udp_event, listener_event, timer;
    uint8_t *packet; /* GOSSIP_PACKET_MAX bytes to receive into */
    struct log_limit limit_send, limit_peer, limit_drop, limit_refused, limit_conflict;
    uint64_t dropped, refused; /* as logged last */
};

static struct endpoint endpoint_of(struct gossip_addr a)
{
    return (struct endpoint){a.ip, a.port};
}

static struct endpoint_text addr_format(struct gossip_addr a)
{
    return endpoint_format(endpoint_of(a));
}

static struct gossip_addr addr_of(const struct sockaddr_storage *from)
{
    struct endpoint e = endpoint_from_sockaddr(from);

    return (struct gossip_addr){e.ip, e.port};
}

/* Nonces. getrandom gives up to 256 bytes whole once the system has started. */
static void session_random(void *arg, void *bytes, size_t len)
{
    (void)arg;
    if (getrandom(bytes, len, 0) != (ssize_t)len)
        abort();
}

static void session_send(struct gossip_session *s, const struct gossip_action *a)
{
    socklen_t len;
    struct sockaddr_storage to = endpoint_to_sockaddr(endpoint_of(a->addr), &len);

    if (sendto(s->udp, a->bytes.bytes, a->bytes.len, 0, (struct sockaddr *)&to, len) >= 0)
        return;
    if (log_limit_pass(&s->limit_send, mono_now().ns, LOG_INTERVAL_NS))
        log_debug("gossip datagram not sent", F_S("to", addr_format(a->addr).s),
                  F_S("cause", strerror(errno)));
}

static void log_join_done(const struct gossip_action *a)
{
    if (a->count == a->expected)
        log_info("memberlist join successfully", F_U("nodes", a->count));
    else
        log_error("partial join", F_U("joined", a->count), F_U("expected", a->expected));
}

static void log_peer(struct gossip_session *s, const struct gossip_action *a, const char *message)
{
    if (log_limit_pass(&s->limit_peer, mono_now().ns, LOG_INTERVAL_NS))
        log_warn(message, F_S("peer", addr_format(a->addr).s), F_S("cause", a->text));
}

static void log_conflict(struct gossip_session *s, const struct gossip_action *a)
{
    if (log_limit_pass(&s->limit_conflict, mono_now().ns, LOG_INTERVAL_NS))
        log_error("conflicting address for a node", F_S("node", a->name),
                  F_S("theirs", addr_format(a->addr).s));
}

/* The callbacks come last: they may act on the session, and then `a` is no more. */
static void session_perform(struct gossip_session *s, const struct gossip_action *a)
{
    switch (a->kind) {
    case GOSSIP_DO_SEND:
        session_send(s, a);
        return;
    case GOSSIP_DO_CONNECT:
        gossip_conns_open(s->conns, a->stream, a->addr, a->bytes);
        return;
    case GOSSIP_DO_CLOSE:
        gossip_conns_close(s->conns, a->stream);
        return;
    case GOSSIP_TELL_JOIN:
    case GOSSIP_TELL_LEAVE:
    case GOSSIP_TELL_UPDATE:
        s->options.changed(s->options.arg, a->kind, a->name, a->addr);
        return;
    case GOSSIP_TELL_JOIN_DONE:
        log_join_done(a);
        if (s->options.joined != NULL)
            s->options.joined(s->options.arg, a->count, a->expected);
        return;
    case GOSSIP_TELL_LEFT:
        if (s->options.left != NULL)
            s->options.left(s->options.arg);
        return;
    case GOSSIP_TELL_SUSPECT:
        log_info("suspect node has failed, no acks received", F_S("node", a->name));
        return;
    case GOSSIP_TELL_FAILED:
        log_info("marking node as failed, suspect timeout reached", F_S("node", a->name),
                 F_U("confirmations", a->count));
        return;
    case GOSSIP_TELL_REFUTE:
        log_warn("refuting a report about this node", F_S("from", a->name));
        return;
    case GOSSIP_TELL_CONFLICT:
        log_conflict(s, a);
        return;
    case GOSSIP_TELL_TCP_ONLY:
        log_warn("node answers over TCP, but UDP probes failed; the network may be misconfigured",
                 F_S("node", a->name));
        return;
    case GOSSIP_TELL_PEER_ERROR:
        log_peer(s, a, "peer refused to exchange member lists");
        return;
    case GOSSIP_TELL_PEER_FAILED:
        log_peer(s, a, "exchange of member lists failed");
        return;
    }
}

static void log_drops(struct gossip_session *s)
{
    uint64_t sum = 0;

    for (int i = 0; i < GOSSIP_DROPS; i++)
        sum += gossip_dropped(s->machine, (enum gossip_drop)i);
    if (sum == s->dropped || !log_limit_pass(&s->limit_drop, mono_now().ns, LOG_INTERVAL_NS))
        return;
    s->dropped = sum;
    log_debug("gossip messages dropped so far", F_U("count", sum),
              F_U("key", gossip_dropped(s->machine, GOSSIP_DROP_KEY)));
}

/* Another secret on some node, or somebody who has none and should not be here. */
static void log_refused(struct gossip_session *s)
{
    uint64_t count = gossip_dropped(s->machine, GOSSIP_DROP_KEY);

    if (count == s->refused ||
        !log_limit_pass(&s->limit_refused, mono_now().ns, REFUSED_INTERVAL_NS))
        return;
    s->refused = count;
    log_warn("gossip messages refused: they are not made with our secret", F_U("count", count));
}

static void session_arm(struct gossip_session *s)
{
    struct timeval tv = delay_from_ns(mono_sub(gossip_deadline(s->machine), mono_now()));

    (void)evtimer_add(&s->timer, &tv); /* fails only without memory */
}

/* After every call into the machine. */
static void session_act(struct gossip_session *s)
{
    struct gossip_action a;

    while (gossip_next_action(s->machine, &a))
        session_perform(s, &a);
    log_drops(s);
    log_refused(s);
    session_arm(s);
}

static void session_on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct gossip_session *s = arg;

    (void)fd;
    (void)what;
    gossip_tick(s->machine, mono_now());
    session_act(s);
}

static void session_on_packet(evutil_socket_t fd, short what, void *arg)
{
    struct gossip_session *s = arg;

    (void)what;
    for (int i = 0; i < PACKET_BATCH; i++) {
        struct sockaddr_storage from = {0};
        socklen_t from_len = sizeof(from);
        ssize_t n =
            recvfrom(fd, s->packet, GOSSIP_PACKET_MAX, 0, (struct sockaddr *)&from, &from_len);

        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            continue; /* an ICMP error of a datagram that we sent: reading took it off */
        gossip_on_packet(s->machine, mono_now(), addr_of(&from),
                         (struct gossip_part){s->packet, (size_t)n});
    }
    session_act(s);
}

static void session_on_connection(evutil_socket_t fd, short what, void *arg)
{
    struct gossip_session *s = arg;

    (void)what;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage from = {0};
        socklen_t from_len = sizeof(from);
        int c = accept4(fd, (struct sockaddr *)&from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (c < 0)
            return;
        if (!gossip_conns_accept(s->conns, c, addr_of(&from)) &&
            log_limit_pass(&s->limit_peer, mono_now().ns, LOG_INTERVAL_NS))
            log_warn("too many gossip connections", F_S("peer", addr_format(addr_of(&from)).s));
    }
}

static void session_request(void *arg, struct gossip_addr from, struct gossip_part frame,
                            struct gossip_blob *ret_answer)
{
    struct gossip_session *s = arg;

    gossip_on_request(s->machine, mono_now(), from, frame, ret_answer);
    session_act(s);
}

static void session_bad_request(void *arg, enum gossip_reading why, struct gossip_blob *ret_answer)
{
    struct gossip_session *s = arg;

    gossip_on_bad_request(s->machine, why, ret_answer);
    session_act(s);
}

static void session_reply(void *arg, uint32_t stream, struct gossip_part frame)
{
    struct gossip_session *s = arg;

    gossip_on_reply(s->machine, mono_now(), stream, frame);
    session_act(s);
}

static void session_lost(void *arg, uint32_t stream)
{
    struct gossip_session *s = arg;

    gossip_on_stream_lost(s->machine, mono_now(), stream);
    session_act(s);
}

static const struct gossip_conn_ops conn_ops = {
    .request = session_request,
    .bad_request = session_bad_request,
    .reply = session_reply,
    .lost = session_lost,
};

static struct ip own_ip(const struct gossip_session_options *o)
{
    return o->advertise.family != IP_NONE ? o->advertise : o->bind.ip;
}

static bool is_any(struct ip a)
{
    return a.hi == 0 && a.lo == 0;
}

static int session_open(struct gossip_session *s, struct err *err)
{
    const struct gossip_addr at = s->options.bind;
    int size = RECEIVE_BUFFER;

    if (at.port == 0 || at.ip.family == IP_NONE || at.ip.family != own_ip(&s->options).family ||
        is_any(own_ip(&s->options)))
        return err_set(err, -EINVAL, "gossip on %s: the others need an address to find us",
                       addr_format(at).s);
    s->udp = endpoint_bind(endpoint_of(at), SOCK_DGRAM);
    if (s->udp < 0)
        return err_set(err, s->udp, "gossip on UDP %s: %s", addr_format(at).s, strerror(-s->udp));
    /* The kernel takes what it allows; less is no reason to stop. */
    (void)setsockopt(s->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    s->listener = endpoint_bind(endpoint_of(at), SOCK_STREAM);
    if (s->listener < 0)
        return err_set(err, s->listener, "gossip on TCP %s: %s", addr_format(at).s,
                       strerror(-s->listener));
    return 0;
}

static void session_watch(struct gossip_session *s)
{
    struct event_base *base = s->options.base;

    event_assign(&s->udp_event, base, s->udp, EV_READ | EV_PERSIST, session_on_packet, s);
    event_assign(&s->listener_event, base, s->listener, EV_READ | EV_PERSIST, session_on_connection,
                 s);
    evtimer_assign(&s->timer, base, session_on_timer, s);
    s->events_ready = true;
}

int gossip_session_admit(struct gossip_session *s, struct err *err)
{
    if (s->is_admitted)
        return 0;
    if (listen(s->listener, BACKLOG) < 0)
        return err_set(err, -errno, "gossip on TCP %s: %s", addr_format(s->options.bind).s,
                       strerror(errno));
    if (event_add(&s->udp_event, NULL) < 0 || event_add(&s->listener_event, NULL) < 0)
        return err_set(err, -EINVAL, "gossip: event loop");
    s->is_admitted = true;
    return 0;
}

static int session_start(struct gossip_session *s, struct err *err)
{
    const struct gossip_session_options *o = &s->options;
    struct gossip_options options = {
        .profile = o->profile,
        .name = o->name,
        .addr = {own_ip(o), o->bind.port},
        .random = session_random,
    };

    if (gossip_keyring_from_secret(&options.keys, o->secret, o->secret_len) < 0)
        return err_set(err, -EIO, "gossip: no SHA-256");
    if (options.keys.count == 0)
        log_warn("no memberlist secret: gossip is not encrypted");
    session_random(NULL, &options.seed, sizeof(options.seed));
    s->machine = gossip_new(&options, mono_now());
    gossip_keyring_wipe(&options.keys);
    /* Both were the caller's. */
    s->options.secret = NULL;
    s->options.name = NULL;
    return 0;
}

int gossip_session_new(struct gossip_session **ret, const struct gossip_session_options *options,
                       struct err *err)
{
    CLEANUP(gossip_session_freep) struct gossip_session *s = xcalloc(1, sizeof(*s));
    int r;

    s->options = *options;
    s->udp = s->listener = -1;
    s->packet = xmalloc(GOSSIP_PACKET_MAX);
    s->conns = gossip_conns_new(options->base, options->profile.tcp_timeout_ns, &conn_ops, s);
    r = session_open(s, err);
    if (r < 0)
        return r;
    session_watch(s);
    r = options->is_held ? 0 : gossip_session_admit(s, err);
    if (r < 0)
        return r;
    r = session_start(s, err);
    if (r < 0)
        return r;
    session_act(s);
    *ret = TAKE(s);
    return 0;
}

struct gossip_session *gossip_session_free(struct gossip_session *s)
{
    if (s == NULL)
        return NULL;
    if (s->events_ready) {
        event_del(&s->udp_event);
        event_del(&s->listener_event);
        event_del(&s->timer);
    }
    gossip_conns_free(s->conns);
    gossip_free(s->machine);
    fd_closep(&s->udp);
    fd_closep(&s->listener);
    free(s->packet);
    free(s);
    return NULL;
}

bool gossip_session_join(struct gossip_session *s, const struct gossip_addr *addrs, size_t count)
{
    bool begun = gossip_join(s->machine, mono_now(), addrs, count);

    session_act(s);
    return begun;
}

void gossip_session_leave(struct gossip_session *s)
{
    gossip_leave(s->machine, mono_now());
    session_act(s);
}

void gossip_session_set_meta(struct gossip_session *s, struct gossip_part meta)
{
    gossip_set_meta(s->machine, mono_now(), meta);
    session_act(s);
}

const struct gossip *gossip_session_state(const struct gossip_session *s)
{
    return s->machine;
}
