/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_conn.h"

#include "base/delay.h"
#include "base/mem.h"
#include "base/mono.h"
#include "net/endpoint.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 4096, CHUNKS_MAX = 16 /* of one callback: 64 KiB */ };

struct gossip_conn {
    struct gossip_conns *all;
    struct gossip_conn *next, *prev;
    struct bufferevent *stream_events;
    struct event timer; /* of the whole exchange, which slow bytes do not prolong */
    struct gossip_reader reader;
    struct gossip_addr from; /* accepted ones */
    uint32_t stream;         /* ours; 0: accepted */
    bool answering;          /* what remains is to send the answer */
};

struct gossip_conns {
    struct event_base *base;
    struct timeval timeout;
    const struct gossip_conn_ops *ops;
    void *arg;
    struct gossip_conn *open, *closed; /* lists; the closed are freed after the round */
    struct event reap;
    size_t accepted;
    size_t buffered;
};

static void list_add(struct gossip_conn **list, struct gossip_conn *c)
{
    c->prev = NULL;
    c->next = *list;
    if (*list != NULL)
        (*list)->prev = c;
    *list = c;
}

static void list_del(struct gossip_conn **list, struct gossip_conn *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        *list = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
}

static void conn_free(struct gossip_conn *c)
{
    bufferevent_free(c->stream_events);
    gossip_reader_done(&c->reader);
    free(c);
}

static void reap(evutil_socket_t fd, short what, void *arg)
{
    struct gossip_conns *all = arg;

    (void)fd;
    (void)what;
    while (all->closed != NULL) {
        struct gossip_conn *c = all->closed;

        list_del(&all->closed, c);
        conn_free(c);
    }
}

/* Unhooks it; the memory goes after the round, since this may be one of its own callbacks. */
static void conn_close(struct gossip_conn *c)
{
    struct gossip_conns *all = c->all;

    bufferevent_setcb(c->stream_events, NULL, NULL, NULL, NULL);
    (void)bufferevent_disable(c->stream_events, EV_READ | EV_WRITE); /* it is on its way out */
    event_del(&c->timer);
    all->accepted -= c->stream == 0 ? 1 : 0;
    all->buffered -= c->reader.len;
    list_del(&all->open, c);
    list_add(&all->closed, c);
    event_active(&all->reap, EV_TIMEOUT, 0);
}

static void conn_fail(struct gossip_conn *c)
{
    struct gossip_conns *all = c->all;
    uint32_t stream = c->stream;

    conn_close(c);
    if (stream != 0)
        all->ops->lost(all->arg, stream);
}

/* Sends the answer and closes once it is out; without one closes at once. The peer has no more to
 * say, and may have shut down its side. */
static void conn_answer(struct gossip_conn *c, struct gossip_blob *answer)
{
    c->answering = true;
    (void)bufferevent_disable(c->stream_events, EV_READ); /* else the peer's end cuts the answer */
    if (answer->len == 0 || bufferevent_write(c->stream_events, answer->bytes, answer->len) < 0)
        conn_close(c);
    gossip_blob_done(answer);
}

static void conn_whole(struct gossip_conn *c)
{
    const struct gossip_conns *all = c->all;
    struct gossip_part frame = {c->reader.bytes, c->reader.len};
    struct gossip_blob answer = {0};

    if (c->stream == 0) {
        all->ops->request(all->arg, c->from, frame, &answer);
        conn_answer(c, &answer);
        return;
    }
    conn_close(c); /* the frame stays until the round is over */
    all->ops->reply(all->arg, c->stream, frame);
}

static void conn_bad(struct gossip_conn *c, enum gossip_reading why)
{
    struct gossip_blob answer = {0};

    if (c->stream != 0) {
        conn_fail(c);
        return;
    }
    c->all->ops->bad_request(c->all->arg, why, &answer);
    conn_answer(c, &answer);
}

static void conn_on_readable(struct bufferevent *b, void *arg)
{
    struct gossip_conn *c = arg;
    struct gossip_conns *all = c->all;
    uint8_t chunk[CHUNK];

    for (int i = 0; i < CHUNKS_MAX; i++) {
        size_t n = bufferevent_read(b, chunk, sizeof(chunk)), before = c->reader.len;
        enum gossip_reading reading;

        if (n == 0)
            return;
        reading = gossip_reader_feed(&c->reader, chunk, n);
        all->buffered += c->reader.len - before; /* the end of a frame may lie before it */
        if (reading == GOSSIP_READ_MORE && all->buffered > GOSSIP_BUFFERED_MAX)
            reading = GOSSIP_READ_TOO_LARGE;
        if (reading == GOSSIP_READ_MORE)
            continue;
        if (reading == GOSSIP_READ_WHOLE)
            conn_whole(c);
        else
            conn_bad(c, reading);
        return;
    }
    if (evbuffer_get_length(bufferevent_get_input(b)) > 0)
        bufferevent_trigger(b, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

static void conn_on_written(struct bufferevent *b, void *arg)
{
    struct gossip_conn *c = arg;

    if (c->answering && evbuffer_get_length(bufferevent_get_output(b)) == 0)
        conn_close(c);
}

static void conn_on_event(struct bufferevent *b, short what, void *arg)
{
    (void)b;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) != 0)
        conn_fail(arg);
}

static void conn_on_timeout(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    conn_fail(arg);
}

/* With fd -1: still to be connected. NULL when the loop has no room. */
static struct gossip_conn *conn_new(struct gossip_conns *all, int fd_take)
{
    struct bufferevent *b = bufferevent_socket_new(all->base, fd_take, BEV_OPT_CLOSE_ON_FREE);
    struct gossip_conn *c;

    if (b == NULL) {
        if (fd_take >= 0)
            close(fd_take);
        return NULL;
    }
    c = xcalloc(1, sizeof(*c));
    c->all = all;
    c->stream_events = b;
    gossip_reader_init(&c->reader, GOSSIP_FRAME_MAX);
    bufferevent_setcb(b, conn_on_readable, conn_on_written, conn_on_event, c);
    bufferevent_setwatermark(b, EV_READ, 0, (size_t)CHUNK * CHUNKS_MAX);
    evtimer_assign(&c->timer, all->base, conn_on_timeout, c);
    (void)evtimer_add(&c->timer, &all->timeout); /* fails only without memory */
    list_add(&all->open, c);
    return c;
}

struct gossip_conns *gossip_conns_new(struct event_base *base, int64_t timeout_ns,
                                      const struct gossip_conn_ops *ops, void *arg)
{
    struct gossip_conns *all = xcalloc(1, sizeof(*all));

    all->base = base;
    all->timeout = delay_from_ns(timeout_ns);
    all->ops = ops;
    all->arg = arg;
    event_assign(&all->reap, base, -1, 0, reap, all);
    return all;
}

struct gossip_conns *gossip_conns_free(struct gossip_conns *all)
{
    if (all == NULL)
        return NULL;
    while (all->open != NULL)
        conn_close(all->open);
    event_del(&all->reap);
    reap(-1, 0, all);
    free(all);
    return NULL;
}

bool gossip_conns_accept(struct gossip_conns *all, int fd_take, struct gossip_addr from)
{
    struct gossip_conn *c;

    if (all->accepted == GOSSIP_ACCEPTED_MAX) {
        close(fd_take);
        return false;
    }
    c = conn_new(all, fd_take);
    if (c == NULL)
        return false;
    all->accepted++;
    c->from = from;
    (void)bufferevent_enable(c->stream_events,
                             EV_READ | EV_WRITE); /* without it, the timer ends it */
    return true;
}

void gossip_conns_open(struct gossip_conns *all, uint32_t stream, struct gossip_addr to,
                       struct gossip_part bytes)
{
    socklen_t len;
    struct sockaddr_storage at = endpoint_to_sockaddr((struct endpoint){to.ip, to.port}, &len);
    struct gossip_conn *c = conn_new(all, -1);

    if (c == NULL)
        return; /* the machine has a deadline of its own */
    c->stream = stream;
    if (bufferevent_socket_connect(c->stream_events, (struct sockaddr *)&at, (int)len) < 0) {
        event_active(&c->timer, EV_TIMEOUT, 0);
        return;
    }
    (void)bufferevent_write(c->stream_events, bytes.bytes, bytes.len);
    (void)bufferevent_enable(c->stream_events, EV_READ | EV_WRITE); /* as above */
}

void gossip_conns_close(struct gossip_conns *all, uint32_t stream)
{
    struct gossip_conn *c = all->open;

    while (c != NULL && (c->stream != stream || stream == 0))
        c = c->next;
    if (c != NULL)
        conn_close(c);
}
