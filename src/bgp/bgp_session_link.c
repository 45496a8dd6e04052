/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_int.h"

#include "base/mem.h"
#include "net/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    LEN_AT = 16,            /* in the header of a message */
    URGENT_MAX = 16 * 1024, /* more KEEPALIVEs say nothing more */
};

/* --- lists --- */

static void list_add(struct bgp_link **list, struct bgp_link *l)
{
    l->prev = NULL;
    l->next = *list;
    if (*list != NULL)
        (*list)->prev = l;
    *list = l;
}

static void list_del(struct bgp_link **list, struct bgp_link *l)
{
    if (l->prev != NULL)
        l->prev->next = l->next;
    else
        *list = l->next;
    if (l->next != NULL)
        l->next->prev = l->prev;
}

static struct bgp_link *list_last(struct bgp_link *list)
{
    while (list->next != NULL)
        list = list->next;
    return list;
}

/* --- queues --- */

static size_t queue_waits(const struct bgp_queue *q)
{
    return q->len - q->sent;
}

/* A queue without capacity has borrowed its bytes. */
static void queue_clear(struct bgp_queue *q)
{
    if (q->cap > 0)
        free(q->bytes);
    *q = (struct bgp_queue){0};
}

static void queue_add(struct bgp_queue *q, const uint8_t *bytes, size_t len)
{
    q->bytes = array_grow(q->bytes, &q->cap, q->len + len, 1);
    memcpy(q->bytes + q->len, bytes, len);
    q->len += len;
}

static size_t message_len(const uint8_t *message)
{
    struct rd r = rd_from(message, BGP_HEADER_LEN);

    rd_skip(&r, LEN_AT);
    return rd_u16(&r);
}

static uint8_t message_type(const uint8_t *message)
{
    struct rd r = rd_from(message, BGP_HEADER_LEN);

    rd_skip(&r, LEN_AT + 2);
    return rd_u8(&r);
}

/* What is left of an UPDATE that has been begun: nothing can go ahead of it. */
static size_t begun_waits(const struct bgp_link *l)
{
    const struct bgp_queue *q = &l->updates;

    if (q->sent == l->message_at)
        return 0;
    return l->message_at + message_len(q->bytes + l->message_at) - q->sent;
}

static void updates_clear(struct bgp_link *l)
{
    queue_clear(&l->updates);
    l->message_at = 0;
}

/* Nothing that follows a NOTIFICATION is read. */
static void updates_cut(struct bgp_link *l)
{
    l->updates.len = l->updates.sent + begun_waits(l);
    if (queue_waits(&l->updates) == 0)
        updates_clear(l);
}

static void updates_sent(struct bgp_link *l, size_t n)
{
    struct bgp_queue *q = &l->updates;

    q->sent += n;
    while (l->message_at < q->len &&
           l->message_at + message_len(q->bytes + l->message_at) <= q->sent)
        l->message_at += message_len(q->bytes + l->message_at);
    if (q->sent == q->len)
        updates_clear(l);
}

/* Copies what waits of borrowed bytes, from the beginning of a message. */
static void updates_own(struct bgp_link *l)
{
    struct bgp_queue own = {0};

    if (l->updates.cap > 0 || queue_waits(&l->updates) == 0)
        return;
    queue_add(&own, l->updates.bytes + l->message_at, l->updates.len - l->message_at);
    own.sent = l->updates.sent - l->message_at;
    l->updates = own;
    l->message_at = 0;
}

/* --- the end of a connection --- */

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
    struct bgp *b = arg;

    (void)fd;
    (void)what;
    while (b->dead != NULL) {
        struct bgp_link *l = b->dead;

        list_del(&b->dead, l);
        free(l);
    }
}

static void link_detach(struct bgp_link *l)
{
    struct bgp_session *s = l->session;

    if (s == NULL)
        return;
    if (s->link[l->which] == l)
        s->link[l->which] = NULL;
    l->session = NULL;
}

static bool is_last_to_leave(const struct bgp *b)
{
    return b->linger_count == 0 && b->shutdown_done != NULL;
}

void bgp_link_drop(struct bgp_link *l)
{
    struct bgp *b = l->engine;

    link_detach(l);
    if (event_initialized(&l->expiry)) {
        event_del(&l->expiry);
        list_del(&b->lingering, l);
        b->linger_count--;
    }
    event_del(&l->readable);
    event_del(&l->writable);
    close(l->fd);
    free(l->partial);
    queue_clear(&l->urgent);
    updates_clear(l);
    list_add(&b->dead, l);
    event_active(&b->reap, EV_TIMEOUT, 0);
    if (is_last_to_leave(b))
        event_active(&b->shutdown_event, EV_TIMEOUT, 0);
}

static void link_lost(struct bgp_link *l, int error)
{
    struct bgp_session *s = l->session;
    enum bgp_conn which = l->which;

    bgp_link_drop(l);
    if (s == NULL)
        return;
    bgp_fsm_lost(s->machine, mono_now(), which, error);
    bgp_session_run(s);
}

/* --- writing --- */

/* `n` bytes of what waits, after the first `skip`. */
static struct iovec queue_part(const struct bgp_queue *q, size_t skip, size_t n)
{
    if (n == 0)
        return (struct iovec){0};
    return (struct iovec){q->bytes + q->sent + skip, n};
}

static ssize_t link_push(struct bgp_link *l)
{
    size_t begun = begun_waits(l);
    struct iovec parts[] = {
        queue_part(&l->updates, 0, begun),
        queue_part(&l->urgent, 0, queue_waits(&l->urgent)),
        queue_part(&l->updates, begun, queue_waits(&l->updates) - begun),
    };
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)};

    return sendmsg(l->fd, &m, MSG_NOSIGNAL);
}

/* The bytes left in the order of link_push. */
static void link_pushed(struct bgp_link *l, size_t n)
{
    size_t begun = begun_waits(l), urgent = queue_waits(&l->urgent);
    size_t first = n < begun ? n : begun, second = n - first < urgent ? n - first : urgent;

    updates_sent(l, n - second);
    l->urgent.sent += second;
    if (queue_waits(&l->urgent) == 0)
        queue_clear(&l->urgent);
}

static bool link_waits(const struct bgp_link *l)
{
    return queue_waits(&l->urgent) + queue_waits(&l->updates) > 0;
}

/* The peer may have said why before it hung up: the rest is read first. */
static void link_broken(struct bgp_link *l, int error)
{
    l->error = error;
    queue_clear(&l->urgent);
    updates_clear(l);
    event_active(&l->readable, EV_READ, 0);
}

/* The send hold timer runs from when the socket took bytes for the last time. Once nothing waits
 * any more, the RIB may have more, whoever emptied the queues: an urgent message does so, too. */
static void link_tell_sent(struct bgp_link *l, bool took)
{
    bool waits = link_waits(l);

    if (l->session != NULL && (took || waits != l->waits))
        bgp_fsm_sent(l->session->machine, mono_now(), l->which, waits);
    if (waits && !l->waits) {
        event_add(&l->writable, NULL);
    } else if (!waits && l->waits) {
        event_del(&l->writable);
        bgp_send_later(l->engine);
    }
    l->waits = waits;
}

static void link_write(struct bgp_link *l)
{
    bool took = false;

    while (link_waits(l)) {
        size_t want = queue_waits(&l->urgent) + queue_waits(&l->updates);
        ssize_t n = link_push(l);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            link_broken(l, errno);
        if (n < 0)
            break;
        took = true;
        link_pushed(l, (size_t)n);
        if ((size_t)n < want)
            break;
    }
    link_tell_sent(l, took);
}

void bgp_link_send(struct bgp_link *l, const uint8_t *bytes, size_t len)
{
    uint8_t type = message_type(bytes);

    if (l->error != 0 || (type == BGP_KEEPALIVE && queue_waits(&l->urgent) > URGENT_MAX))
        return;
    if (type == BGP_NOTIFICATION)
        updates_cut(l);
    queue_add(&l->urgent, bytes, len);
    link_write(l);
}

bool bgp_link_is_full(const struct bgp_link *l)
{
    return l->error != 0 || queue_waits(&l->updates) > 0;
}

void bgp_link_send_updates(struct bgp_link *l, const uint8_t *bytes, size_t len)
{
    /* Borrowed for the time of the call; a queue never writes. */
    l->updates = (struct bgp_queue){.bytes = (uint8_t *)(uintptr_t)bytes, .len = len};
    l->message_at = 0;
    link_write(l);
    updates_own(l);
}

/* --- reading --- */

/* Hands whole messages to the machine. Returns how many bytes they were. */
static size_t link_take_messages(struct bgp_link *l, const uint8_t *bytes, size_t len)
{
    struct bgp_session *s = l->session;
    size_t at = 0;

    while (l->session != NULL && len - at >= BGP_HEADER_LEN) {
        struct bgp_header h;
        struct bgp_error e;

        if (!bgp_header_read(&h, bytes + at, bgp_fsm_extended(s->machine, l->which), &e)) {
            bgp_fsm_bad_header(s->machine, mono_now(), l->which, &e);
            bgp_session_run(s);
            return len;
        }
        if (h.len > len - at)
            break;
        bgp_fsm_message(s->machine, mono_now(), l->which, h.type, bytes + at + BGP_HEADER_LEN,
                        (size_t)h.len - BGP_HEADER_LEN);
        bgp_session_run(s);
        at += h.len;
    }
    return at;
}

static void link_keep(struct bgp_link *l, const uint8_t *bytes, size_t len)
{
    free(l->partial);
    l->partial = NULL;
    l->partial_len = len;
    if (len == 0)
        return;
    l->partial = xmalloc(len);
    memcpy(l->partial, bytes, len);
}

void bgp_link_read(struct bgp_link *l)
{
    uint8_t *chunk = l->engine->in + BGP_EXTENDED_MAX, *bytes = chunk - l->partial_len;
    ssize_t n = recv(l->fd, chunk, READ_CHUNK, 0);
    size_t len, used;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        link_lost(l, l->error != 0 || n == 0 ? l->error : errno);
        return;
    }
    if (l->session == NULL) /* it lingers: nobody listens any more */
        return;
    if (l->partial_len > 0)
        memcpy(bytes, l->partial, l->partial_len);
    len = (size_t)(chunk + n - bytes);
    used = link_take_messages(l, bytes, len);
    if (l->session != NULL)
        link_keep(l, bytes + used, len - used);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct bgp_link *l = arg;
    struct bgp_session *s = l->session;

    (void)fd;
    (void)what;
    bgp_link_read(l);
    if (s != NULL)
        bgp_session_act(s);
}

/* --- dialling, and closing --- */

static void link_dialled(struct bgp_link *l)
{
    struct bgp_session *s = l->session;
    int r = tcp_dialled(l->fd);

    if (r < 0) {
        bgp_session_log_dial(s, strerror(-r));
        link_lost(l, -r);
        return;
    }
    free(TAKE(s->dial_error));
    l->dialling = false;
    event_del(&l->writable);
    event_add(&l->readable, NULL);
    bgp_fsm_connected(s->machine, mono_now());
}

/* All is sent: the peer sees the end, and closes. */
static void link_shut(struct bgp_link *l)
{
    if (link_waits(l) || l->shut)
        return;
    l->shut = true;
    if (shutdown(l->fd, SHUT_WR) < 0)
        bgp_link_drop(l);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct bgp_link *l = arg;
    struct bgp_session *s = l->session;

    (void)fd;
    (void)what;
    if (l->dialling) {
        link_dialled(l);
    } else {
        link_write(l);
        if (s == NULL)
            link_shut(l);
    }
    if (s != NULL)
        bgp_session_act(s);
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    bgp_link_drop(arg);
}

/* The one that has had the longest time; NULL: there is room for `l`. */
static struct bgp_link *link_to_give_way(const struct bgp_link *l)
{
    const struct bgp *b = l->engine;
    struct bgp_link *oldest = NULL;
    size_t count = 0;

    for (struct bgp_link *other = b->lingering; other != NULL; other = other->next) {
        if (other->peer != l->peer)
            continue;
        oldest = other; /* new ones come first */
        count++;
    }
    if (count >= LINGER_PEER_MAX)
        return oldest;
    return b->linger_count >= LINGER_MAX ? list_last(b->lingering) : NULL;
}

void bgp_link_close(struct bgp_link *l)
{
    const struct timeval limit = {.tv_sec = LINGER_S};
    struct bgp *b = l->engine;
    struct bgp_link *give_way;

    link_detach(l);
    if (l->dialling || l->error != 0) {
        bgp_link_drop(l);
        return;
    }
    give_way = link_to_give_way(l);
    if (give_way != NULL)
        bgp_link_drop(give_way);
    list_add(&b->lingering, l);
    b->linger_count++;
    evtimer_assign(&l->expiry, b->options.base, on_expiry, l);
    event_add(&l->expiry, &limit);
    event_add(&l->readable, NULL); /* an accepted one that was refused did not read so far */
    link_write(l);
    link_shut(l);
}

struct bgp_link *bgp_link_new(const struct bgp_session *s, int fd_take, enum bgp_conn which)
{
    struct bgp_link *l = xcalloc(1, sizeof(*l));
    struct event_base *base = s->engine->options.base;

    l->engine = s->engine;
    l->peer = s->id;
    l->fd = fd_take;
    l->which = which;
    event_assign(&l->readable, base, fd_take, EV_READ | EV_PERSIST, on_readable, l);
    event_assign(&l->writable, base, fd_take, EV_WRITE | EV_PERSIST, on_writable, l);
    event_priority_set(&l->readable, PRIORITY_WORK);
    event_priority_set(&l->writable, PRIORITY_WORK);
    return l;
}

void bgp_link_attach(struct bgp_session *s, struct bgp_link *l)
{
    l->session = s;
    s->link[l->which] = l;
    if (!l->dialling)
        event_add(&l->readable, NULL);
    else
        event_add(&l->writable, NULL);
}

void bgp_link_init(struct bgp *b)
{
    event_assign(&b->reap, b->options.base, -1, 0, on_reap, b);
    event_priority_set(&b->reap, PRIORITY_WORK);
}

void bgp_link_done(struct bgp *b)
{
    while (b->lingering != NULL)
        bgp_link_drop(b->lingering);
    event_del(&b->reap);
    on_reap(-1, 0, b);
}
