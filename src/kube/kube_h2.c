/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_h2.h"

#include "base/delay.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_tls.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event_struct.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

enum {
    STREAM_WINDOW = 1 << 20,
    CONNECTION_WINDOW = 4 << 20,
    OUTPUT_ENOUGH = 64 * 1024, /* bytes that wait for the socket */
    READ_MAX = 64 * 1024,      /* of one callback */
    PSEUDO_HEADERS = 4,
};

static const nghttp2_settings_entry settings[] = {
    {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
};

struct kube_h2_stream {
    LIST_ENTRY(kube_h2_stream) link;
    struct kube_h2 *h2;
    const struct kube_exchange *exchange; /* NULL: cancelled */
    int32_t id;
    size_t body_sent;
    struct kube_head head;
    bool is_sent, has_head, is_complete;
};

struct kube_h2 {
    struct kube_h2_options options;
    struct bufferevent *stream;
    nghttp2_session *session;
    LIST_HEAD(, kube_h2_stream) streams;
    size_t open;                /* streams that the server counts */
    bool is_retired, is_closed; /* closed: the callback was called */
    struct event flush, timer;
    struct mono last_rx, ping_sent; /* ping_sent "never": no ACK is waited for */
    struct kube_h2_counts counts;
};

/* --- ends --- */

static void stream_free(struct kube_h2_stream *s)
{
    LIST_REMOVE(s, link);
    kube_head_done(&s->head);
    free(s);
}

static void stream_end(struct kube_h2_stream *s, int code, bool is_unseen, const char *text)
{
    const struct kube_exchange *e = s->exchange;

    stream_free(s);
    if (e != NULL)
        e->end(e->arg, code, is_unseen, text);
}

/* Ends all streams, then itself. */
static void h2_close(struct kube_h2 *h, int code, const char *text)
{
    CLEANUP(xfreep) char *copy = xstrdup(text);

    if (h->is_closed)
        return;
    h->is_closed = h->is_retired = true;
    event_del(&h->flush);
    event_del(&h->timer);
    bufferevent_setcb(h->stream, NULL, NULL, NULL, NULL);
    bufferevent_disable(h->stream, EV_READ | EV_WRITE);
    while (!LIST_EMPTY(&h->streams)) {
        struct kube_h2_stream *s = LIST_FIRST(&h->streams);

        stream_end(s, code != 0 ? code : -ECONNRESET, !s->is_sent, copy);
    }
    h->options.closed(h->options.arg, h, code, copy);
}

/* Once all is written. When nghttp2 wants nothing more to read, it has found the server breaking
 * the rules and told it so (RFC 9113 section 5.4.1). */
static void close_when_done(struct kube_h2 *h)
{
    if (h->is_closed || nghttp2_session_want_write(h->session) != 0 ||
        evbuffer_get_length(bufferevent_get_output(h->stream)) > 0)
        return;
    if (h->is_retired && LIST_EMPTY(&h->streams))
        h2_close(h, 0, "retired");
    else if (nghttp2_session_want_read(h->session) == 0)
        h2_close(h, -EPROTO, "the server's frames are no HTTP/2");
}

/* --- callbacks of nghttp2; they must not send or receive --- */

static struct kube_h2_stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    struct kube_h2_stream *s = stream_of(session, frame->hd.stream_id);
    struct kube_field field = {(const char *)name, (const char *)value, name_len, value_len};

    (void)flags;
    (void)arg;
    if (s == NULL || s->exchange == NULL || s->has_head)
        return 0; /* trailers say nothing that we need */
    if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
        /* nghttp2 has checked that it is three digits. */
        s->head.status = 0;
        for (size_t i = 0; i < value_len; i++)
            s->head.status = s->head.status * 10 + (unsigned)(value[i] - '0');
        return 0;
    }
    kube_head_add(&s->head, &field, (int64_t)time(NULL));
    return 0;
}

static void on_headers(struct kube_h2_stream *s)
{
    if (s->exchange == NULL || s->has_head)
        return;
    if (s->head.status / 100 == 1) { /* RFC 9110 section 15.2: the answer is still to come */
        kube_head_done(&s->head);
        s->head = kube_head_new();
        return;
    }
    s->has_head = true;
    s->exchange->head(s->exchange->arg, &s->head);
}

static void on_goaway(struct kube_h2 *h)
{
    if (h->is_retired)
        return;
    h->is_retired = true;
    h->options.goaway(h->options.arg, h);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct kube_h2 *h = arg;
    struct kube_h2_stream *s = NULL;

    if (frame->hd.type == NGHTTP2_GOAWAY)
        on_goaway(h);
    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
        h->options.has_room(h->options.arg, h); /* the limit of streams may be another */
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
        h->ping_sent = (struct mono){0};
    if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
        s = stream_of(session, frame->hd.stream_id);
    if (s == NULL)
        return 0;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        s->is_complete = true;
    if (frame->hd.type == NGHTTP2_HEADERS)
        on_headers(s);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *arg)
{
    struct kube_h2_stream *s = stream_of(session, id);

    (void)flags;
    (void)arg;
    if (s != NULL && s->exchange != NULL)
        s->exchange->data(s->exchange->arg, (const char *)bytes, len);
    return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct kube_h2_stream *s;

    (void)arg;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    s = stream_of(session, frame->hd.stream_id);
    if (s != NULL)
        s->is_sent = true;
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
    struct kube_h2 *h = arg;
    struct kube_h2_stream *s = stream_of(session, id);
    CLEANUP(xfreep) char *text = NULL;

    if (s == NULL)
        return 0;
    h->open--;
    if (error == NGHTTP2_NO_ERROR && s->is_complete && s->has_head) {
        stream_end(s, 0, false, "");
    } else {
        bool is_unseen = !s->has_head && (error == NGHTTP2_REFUSED_STREAM || !s->is_sent);

        text = xasprintf("stream reset: %s", nghttp2_http2_strerror(error));
        stream_end(s, -ECONNRESET, is_unseen, text);
    }
    if (!h->is_closed)
        h->options.has_room(h->options.arg, h);
    return 0;
}

static ssize_t on_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room,
                       uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct kube_h2_stream *s = source->ptr;
    const struct kube_exchange *e = s->exchange;
    size_t len;

    (void)session;
    (void)id;
    (void)arg;
    if (e == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* it was cancelled, and is reset */
    len = e->body_len - s->body_sent;
    if (len > room)
        len = room;
    memcpy(buf, (const char *)e->body + s->body_sent, len);
    s->body_sent += len;
    if (s->body_sent == e->body_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

/* --- bytes --- */

static void flush_later(struct kube_h2 *h)
{
    if (!h->is_closed)
        event_active(&h->flush, EV_TIMEOUT, 0);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    struct kube_h2 *h = arg;
    struct evbuffer *output = bufferevent_get_output(h->stream);
    const uint8_t *bytes;
    ssize_t n;

    (void)fd;
    (void)what;
    while (evbuffer_get_length(output) < OUTPUT_ENOUGH) {
        n = nghttp2_session_mem_send(h->session, &bytes);
        if (n < 0) {
            h2_close(h, -EPROTO, nghttp2_strerror((int)n));
            return;
        }
        if (n == 0)
            break;
        evbuffer_add(output, bytes, (size_t)n);
        h->counts.bytes_out += (size_t)n;
    }
    close_when_done(h);
}

static void on_writable(struct bufferevent *stream, void *arg)
{
    (void)stream;
    on_flush(-1, 0, arg);
}

/* At most READ_MAX, then other events have their turn. */
static void on_readable(struct bufferevent *stream, void *arg)
{
    struct kube_h2 *h = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    size_t done = 0;

    h->last_rx = mono_now();
    while (!h->is_closed && done < READ_MAX) {
        struct evbuffer_iovec piece;
        ssize_t n;

        if (evbuffer_peek(input, -1, NULL, &piece, 1) < 1 || piece.iov_len == 0)
            break;
        n = nghttp2_session_mem_recv(h->session, piece.iov_base, piece.iov_len);
        if (n < 0) {
            h2_close(h, -EPROTO, nghttp2_strerror((int)n));
            return;
        }
        evbuffer_drain(input, (size_t)n);
        done += (size_t)n;
    }
    h->counts.bytes_in += done;
    if (h->is_closed)
        return;
    if (evbuffer_get_length(input) > 0)
        bufferevent_trigger(stream, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
    flush_later(h);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct kube_h2 *h = arg;
    CLEANUP(xfreep) char *reason = NULL;
    int code = kube_tls_fault(stream, what, "connection closed by the server", &reason);

    h2_close(h, code, reason);
}

/* --- liveness --- */

static void timer_arm(struct kube_h2 *h, struct mono now)
{
    struct mono at = mono_is_set(h->ping_sent) ? mono_add(h->ping_sent, h->options.ping_timeout_ns)
                                               : mono_add(h->last_rx, h->options.ping_interval_ns);
    struct timeval wait = delay_from_ns(mono_sub(at, now));

    event_add(&h->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct kube_h2 *h = arg;
    struct mono now = mono_now();

    (void)fd;
    (void)what;
    if (mono_is_set(h->ping_sent)) {
        if (mono_sub(now, h->ping_sent) >= h->options.ping_timeout_ns) {
            h->counts.ping_timed_out = true;
            h2_close(h, -ETIMEDOUT, "no answer to PING");
            return;
        }
    } else if (mono_sub(now, h->last_rx) >= h->options.ping_interval_ns) {
        nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
        h->ping_sent = now;
        flush_later(h);
    }
    timer_arm(h, now);
}

/* --- life --- */

static void session_start(struct kube_h2 *h)
{
    nghttp2_session_callbacks *callbacks;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        abort(); /* only without memory */
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    if (nghttp2_session_client_new(&h->session, callbacks, h) != 0)
        abort(); /* only without memory */
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
}

struct kube_h2 *kube_h2_new(const struct kube_h2_options *options)
{
    struct kube_h2 *h = xcalloc(1, sizeof(*h));

    h->options = *options;
    h->stream = options->stream_take;
    LIST_INIT(&h->streams);
    session_start(h);
    event_assign(&h->flush, options->base, -1, 0, on_flush, h);
    event_assign(&h->timer, options->base, -1, 0, on_timer, h);
    h->last_rx = mono_now();
    timer_arm(h, h->last_rx);
    bufferevent_setcb(h->stream, on_readable, on_writable, on_event, h);
    bufferevent_enable(h->stream, EV_READ | EV_WRITE);
    flush_later(h);
    return h;
}

struct kube_h2 *kube_h2_free(struct kube_h2 *h)
{
    if (h == NULL)
        return NULL;
    event_del(&h->flush);
    event_del(&h->timer);
    while (!LIST_EMPTY(&h->streams))
        stream_free(LIST_FIRST(&h->streams));
    bufferevent_free(h->stream);
    nghttp2_session_del(h->session);
    free(h);
    return NULL;
}

bool kube_h2_can_open(const struct kube_h2 *h)
{
    return !h->is_retired && nghttp2_session_check_request_allowed(h->session) != 0 &&
           h->open < nghttp2_session_get_remote_settings(h->session,
                                                         NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

struct kube_h2_counts kube_h2_counts(const struct kube_h2 *h)
{
    return h->counts;
}

static nghttp2_nv name_value(const char *name, const char *value)
{
    /* nghttp2 copies both and writes to neither. */
    union {
        const char *read;
        uint8_t *bytes;
    } n = {name}, v = {value};

    return (nghttp2_nv){
        .name = n.bytes, .value = v.bytes, .namelen = strlen(name), .valuelen = strlen(value)};
}

struct kube_h2_stream *kube_h2_open(struct kube_h2 *h, const struct kube_exchange *exchange)
{
    const struct kube_exchange *e = exchange;
    struct kube_h2_stream *s = xcalloc(1, sizeof(*s));
    nghttp2_data_provider body = {.source.ptr = s, .read_callback = on_body};
    nghttp2_nv nv[PSEUDO_HEADERS + KUBE_HEADERS_MAX];
    size_t count = 0;

    nv[count++] = name_value(":method", e->method);
    nv[count++] = name_value(":scheme", e->scheme);
    nv[count++] = name_value(":authority", e->authority);
    nv[count++] = name_value(":path", e->path);
    for (size_t i = 0; i < e->header_count && i < KUBE_HEADERS_MAX; i++)
        nv[count++] = name_value(e->headers[i].name, e->headers[i].value);
    s->h2 = h;
    s->exchange = e;
    s->head = kube_head_new();
    LIST_INSERT_HEAD(&h->streams, s, link);
    h->open++;
    s->id = nghttp2_submit_request(h->session, NULL, nv, count, e->body_len > 0 ? &body : NULL, s);
    flush_later(h);
    return s;
}

void kube_h2_cancel(struct kube_h2_stream *s)
{
    struct kube_h2 *h = s->h2;

    s->exchange = NULL;
    if (h->is_closed)
        return;
    if (s->id > 0)
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
    flush_later(h);
}

void kube_h2_retire(struct kube_h2 *h)
{
    h->is_retired = true;
    flush_later(h);
}
