/* SPDX-License-Identifier: Apache-2.0 */
#include "pulse/pulse_session.h"

#include "base/delay.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/endpoint.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PACKET_BATCH = 4 * PULSE_NODES_MAX, /* in one callback: a few intervals of everybody's */
    RECEIVE_BUFFER = 1024 * 1024,       /* what arrives while we are stalled must not be lost */
};
#define LOG_INTERVAL_NS (10 * NS_PER_SEC)

struct pulse_session {
    struct pulse_session_options options;
    struct pulse *machine;
    int fd;
    bool events_ready;
    struct event readable, timer;
    struct log_limit limit_send, limit_drop;
    uint64_t version, dropped; /* as told last */
};

static struct endpoint endpoint_of(struct pulse_addr a)
{
    return (struct endpoint){a.ip, a.port};
}

static void session_send(struct pulse_session *s, const struct pulse_datagram *d)
{
    socklen_t len;
    struct sockaddr_storage to = endpoint_to_sockaddr(endpoint_of(d->to), &len);

    if (sendto(s->fd, d->bytes, d->len, 0, (struct sockaddr *)&to, len) >= 0)
        return;
    if (log_limit_pass(&s->limit_send, mono_now().ns, LOG_INTERVAL_NS))
        log_debug("heartbeat not sent", F_S("to", ip_format(d->to.ip).s),
                  F_S("cause", strerror(errno)));
}

static void log_drops(struct pulse_session *s)
{
    uint64_t sum = 0;

    for (int i = 0; i < PULSE_DROPS; i++)
        sum += pulse_dropped(s->machine, (enum pulse_drop)i);
    if (sum == s->dropped || !log_limit_pass(&s->limit_drop, mono_now().ns, LOG_INTERVAL_NS))
        return;
    s->dropped = sum;
    log_debug("heartbeats dropped so far", F_U("count", sum),
              F_U("tag", pulse_dropped(s->machine, PULSE_DROP_TAG)),
              F_U("old", pulse_dropped(s->machine, PULSE_DROP_OLD)));
}

static void session_arm(struct pulse_session *s)
{
    struct timeval tv = delay_from_ns(mono_sub(pulse_deadline(s->machine), mono_now()));

    (void)evtimer_add(&s->timer, &tv); /* fails only without memory */
}

/* After every call into the machine. What it has to say leaves before anybody acts on it. */
static void session_act(struct pulse_session *s)
{
    struct pulse_datagram d;

    while (pulse_next(s->machine, &d))
        session_send(s, &d);
    log_drops(s);
    session_arm(s);
    if (s->version == pulse_version(s->machine))
        return;
    s->version = pulse_version(s->machine);
    s->options.changed(s->options.arg);
}

/* False when there may be more. */
static bool session_read(struct pulse_session *s)
{
    uint8_t bytes[PULSE_PACKET_MAX + 1]; /* a longer datagram is cut, and so too long */

    for (int i = 0; i < PACKET_BATCH; i++) {
        ssize_t n = recv(s->fd, bytes, sizeof(bytes), 0);

        if (n < 0 && errno == EAGAIN)
            return true;
        if (n >= 0) /* else an ICMP error of what we sent: reading took it off */
            pulse_on_packet(s->machine, mono_now(), bytes, (size_t)n);
    }
    return false;
}

static void session_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct pulse_session *s = arg;

    (void)fd;
    (void)what;
    (void)session_read(s); /* the loop calls again */
    session_act(s);
}

/* Nobody is missed whose heartbeat lies in the socket. */
static void session_on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct pulse_session *s = arg;

    (void)fd;
    (void)what;
    if (session_read(s))
        pulse_tick(s->machine, mono_now());
    else
        pulse_beat(s->machine, mono_now());
    session_act(s);
}

static int session_open(struct pulse_session *s, struct err *err)
{
    const struct pulse_addr at = s->options.bind;
    int size = RECEIVE_BUFFER;

    s->fd = endpoint_bind(endpoint_of(at), SOCK_DGRAM);
    if (s->fd < 0)
        return err_set(err, s->fd, "heartbeats on UDP %s port %u: %s", ip_format(at.ip).s, at.port,
                       strerror(-s->fd));
    /* The kernel takes what it allows; less is no reason to stop. */
    (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    return 0;
}

/* Before most others in the loop: what waits here is what the others wait for. */
static int session_watch(struct pulse_session *s, struct err *err)
{
    struct event_base *base = s->options.base;

    event_assign(&s->readable, base, s->fd, EV_READ | EV_PERSIST, session_on_readable, s);
    evtimer_assign(&s->timer, base, session_on_timer, s);
    event_priority_set(&s->readable, 0);
    event_priority_set(&s->timer, 0);
    s->events_ready = true;
    if (event_add(&s->readable, NULL) < 0)
        return err_set(err, -EINVAL, "heartbeats: event loop");
    return 0;
}

static uint64_t random_boot(void)
{
    uint64_t boot = 0;

    while (boot == 0) {
        if (getrandom(&boot, sizeof(boot), 0) != (ssize_t)sizeof(boot))
            abort();
    }
    return boot;
}

static void session_start(struct pulse_session *s)
{
    const struct pulse_session_options *o = &s->options;
    struct pulse_options options = {
        .name = o->name,
        .interval_ns = o->interval_ns,
        .count = o->count,
        .boot = random_boot(),
        .key = pulse_key_from_secret(o->secret, o->secret_len),
    };

    if (!options.key.secret)
        log_warn("no memberlist secret: heartbeats are not authenticated");
    s->machine = pulse_new(&options, mono_now());
    OPENSSL_cleanse(&options.key, sizeof(options.key)); /* the machine has its own */
    /* Both were the caller's. */
    s->options.secret = NULL;
    s->options.name = NULL;
}

int pulse_session_new(struct pulse_session **ret, const struct pulse_session_options *options,
                      struct err *err)
{
    CLEANUP(pulse_session_freep) struct pulse_session *s = xcalloc(1, sizeof(*s));
    int r;

    s->options = *options;
    s->fd = -1;
    r = session_open(s, err);
    if (r < 0)
        return r;
    r = session_watch(s, err);
    if (r < 0)
        return r;
    session_start(s);
    session_arm(s);
    *ret = TAKE(s);
    return 0;
}

struct pulse_session *pulse_session_free(struct pulse_session *s)
{
    if (s == NULL)
        return NULL;
    if (s->events_ready) {
        event_del(&s->readable);
        event_del(&s->timer);
    }
    pulse_free(s->machine);
    fd_closep(&s->fd);
    free(s);
    return NULL;
}

bool pulse_session_set_peers(struct pulse_session *s, const struct pulse_peer *peers, size_t count)
{
    bool fits = pulse_set_peers(s->machine, mono_now(), peers, count);

    session_act(s);
    return fits;
}

const struct pulse *pulse_session_state(const struct pulse_session *s)
{
    return s->machine;
}
