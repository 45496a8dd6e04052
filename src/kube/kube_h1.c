/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_h1.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/wire.h"
#include "kube/kube_h1_wire.h"
#include "kube/kube_tls.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <time.h>

struct kube_h1 {
    struct kube_h1_options options;
    const struct kube_exchange *exchange; /* NULL: ended or cancelled */
    struct bufferevent *stream;
    struct kube_h1_reader reader;
    struct kube_head head;
    struct kube_h1_counts counts;
    bool is_closed;
};

static void h1_close(struct kube_h1 *h)
{
    if (h->is_closed)
        return;
    h->is_closed = true;
    bufferevent_setcb(h->stream, NULL, NULL, NULL, NULL);
    bufferevent_disable(h->stream, EV_READ | EV_WRITE);
    h->options.closed(h->options.arg, h);
}

static void h1_end(struct kube_h1 *h, int code, const char *text)
{
    const struct kube_exchange *e = TAKE(h->exchange);

    if (e != NULL)
        e->end(e->arg, code, false, text);
    h1_close(h);
}

static void on_item(struct kube_h1 *h, enum kube_h1_event event, const struct kube_h1_item *item)
{
    const struct kube_exchange *e = h->exchange;

    switch (event) {
    case KUBE_H1_FIELD:
        kube_head_add(&h->head, &item->field, (int64_t)time(NULL));
        return;
    case KUBE_H1_HEAD:
        h->head.status = h->reader.status;
        e->head(e->arg, &h->head);
        return;
    case KUBE_H1_DATA:
        e->data(e->arg, item->bytes, item->len);
        return;
    case KUBE_H1_END:
        h1_end(h, 0, "");
        return;
    case KUBE_H1_BAD:
        h1_end(h, -EPROTO, "the answer is no HTTP/1.1");
        return;
    case KUBE_H1_MORE:
        return;
    }
}

static void read_piece(struct kube_h1 *h, struct rd in)
{
    while (!h->is_closed) {
        struct kube_h1_item item;
        enum kube_h1_event event = kube_h1_next(&h->reader, &in, &item);

        if (event == KUBE_H1_MORE)
            return;
        on_item(h, event, &item);
    }
}

static void on_readable(struct bufferevent *stream, void *arg)
{
    struct kube_h1 *h = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    struct evbuffer_iovec piece;

    h->counts.bytes_in += evbuffer_get_length(input);
    while (!h->is_closed && evbuffer_peek(input, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
        read_piece(h, rd_from(piece.iov_base, piece.iov_len));
        evbuffer_drain(input, piece.iov_len);
    }
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct kube_h1 *h = arg;
    CLEANUP(xfreep) char *reason = NULL;
    int code = kube_tls_fault(stream, what, "connection closed by the server", &reason);

    if ((what & BEV_EVENT_EOF) != 0 && kube_h1_is_whole(&h->reader)) {
        h1_end(h, 0, "");
        return;
    }
    h1_end(h, code, reason);
}

static void request_write(struct kube_h1 *h)
{
    const struct kube_exchange *e = h->exchange;
    struct evbuffer *output = bufferevent_get_output(h->stream);

    evbuffer_add_printf(output, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", e->method,
                        e->path, e->authority);
    for (size_t i = 0; i < e->header_count; i++)
        evbuffer_add_printf(output, "%s: %s\r\n", e->headers[i].name, e->headers[i].value);
    if (e->body_len > 0)
        evbuffer_add_printf(output, "Content-Length: %zu\r\n", e->body_len);
    evbuffer_add(output, "\r\n", 2);
    evbuffer_add(output, e->body, e->body_len);
    h->counts.bytes_out = evbuffer_get_length(output);
}

struct kube_h1 *kube_h1_new(const struct kube_h1_options *options)
{
    struct kube_h1 *h = xcalloc(1, sizeof(*h));

    h->options = *options;
    h->exchange = options->exchange;
    h->stream = options->stream_take;
    h->head = kube_head_new();
    bufferevent_setcb(h->stream, on_readable, NULL, on_event, h);
    request_write(h);
    bufferevent_enable(h->stream, EV_READ | EV_WRITE);
    return h;
}

struct kube_h1 *kube_h1_free(struct kube_h1 *h)
{
    if (h == NULL)
        return NULL;
    bufferevent_free(h->stream);
    kube_h1_reader_done(&h->reader);
    kube_head_done(&h->head);
    free(h);
    return NULL;
}

void kube_h1_cancel(struct kube_h1 *h)
{
    h->exchange = NULL;
    h1_close(h);
}

struct kube_h1_counts kube_h1_counts(const struct kube_h1 *h)
{
    return h->counts;
}
