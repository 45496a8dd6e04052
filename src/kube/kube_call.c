/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_client_int.h"

#include "base/delay.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STALL_NS (60 * NS_PER_SEC)

enum { UNAUTHORIZED = 401 };

/* --- queues --- */

static struct kube_calls *queue_of(struct kube_call *call)
{
    switch (call->state) {
    case KUBE_CALL_WAITING:
        return &call->client->waiting;
    case KUBE_CALL_SENT:
        return &call->client->sent;
    case KUBE_CALL_DEAD:
        return &call->client->dead;
    }
    abort();
}

static void call_move(struct kube_call *call, enum kube_call_state state)
{
    TAILQ_REMOVE(queue_of(call), call, link);
    call->state = state;
    TAILQ_INSERT_TAIL(queue_of(call), call, link);
}

/* Cuts it off from its connection. */
static void call_detach(struct kube_call *call)
{
    struct kube_h1 *h1 = TAKE(call->h1);
    struct kube_h2_stream *stream = TAKE(call->stream);

    if (stream != NULL)
        kube_h2_cancel(stream);
    if (h1 != NULL)
        kube_h1_cancel(h1);
}

static void call_die(struct kube_call *call)
{
    event_del(&call->stall);
    call_detach(call);
    call_move(call, KUBE_CALL_DEAD);
    kube_client_pump(call->client); /* frees it */
}

static void call_end(struct kube_call *call, int code, const char *text)
{
    struct kube_end end = {code, text};

    log_debug("API call ended", F_S("method", call->request.method),
              F_S("path", call->request.path), F_I("code", code), F_S("cause", text));
    call_die(call);
    if (call->handlers.end != NULL)
        call->handlers.end(call->arg, &end);
}

void kube_call_fail(struct kube_call *call, int code, const char *text)
{
    if (call->state != KUBE_CALL_DEAD)
        call_end(call, code, text);
}

/* To the front: it was there before those that wait. */
static void call_again(struct kube_call *call)
{
    struct kube_client *c = call->client;

    call->client->stats.retried++;
    event_del(&call->stall);
    call_detach(call);
    TAILQ_REMOVE(queue_of(call), call, link);
    call->state = KUBE_CALL_WAITING;
    TAILQ_INSERT_HEAD(&c->waiting, call, link);
    kube_client_pump(c);
}

/* --- the answer --- */

static void on_head(void *arg, const struct kube_head *head)
{
    struct kube_call *call = arg;
    struct kube_answer answer = {.status = head->status,
                                 .retry_after_ns = head->retry_after_ns,
                                 .warning = text_str(&head->warning)};

    call->last_rx = mono_now();
    if (head->status == UNAUTHORIZED && !call->is_second &&
        kube_auth_refresh(call->client->auth, call->last_rx)) {
        call->is_second = true;
        call_again(call);
        return;
    }
    if (head->unknown_encoding) {
        call_end(call, -EPROTO, "an answer in an encoding that was not asked for");
        return;
    }
    if (head->gzip)
        call->inflate = kube_inflate_new();
    if (call->handlers.head != NULL)
        call->handlers.head(call->arg, &answer);
}

static void give_data(struct kube_call *call, const char *bytes, size_t len)
{
    if (call->handlers.data != NULL)
        call->handlers.data(call->arg, bytes, len);
}

static void give_inflated(struct kube_call *call, const char *bytes, size_t len)
{
    kube_inflate_feed(call->inflate, bytes, len);
    for (;;) {
        int r = kube_inflate_next(call->inflate, &bytes, &len);

        if (r == 0)
            return;
        if (r < 0) {
            call_end(call, -EPROTO, r == -EMSGSIZE ? "too long an answer" : "damaged gzip");
            return;
        }
        give_data(call, bytes, len);
        if (call->state != KUBE_CALL_SENT)
            return; /* cancelled */
    }
}

static void on_data(void *arg, const char *bytes, size_t len)
{
    struct kube_call *call = arg;

    call->last_rx = mono_now();
    if (call->inflate != NULL)
        give_inflated(call, bytes, len);
    else
        give_data(call, bytes, len);
}

static void on_end(void *arg, int code, bool is_unseen, const char *text)
{
    struct kube_call *call = arg;
    struct kube_client *c = call->client;
    bool is_cut = code == 0 && call->inflate != NULL && !kube_inflate_is_complete(call->inflate);

    call->stream = NULL;
    call->h1 = NULL;
    if (is_unseen && mono_sub(mono_now(), call->started) < c->options.connect_patience_ns)
        call_again(call);
    else if (is_cut)
        call_end(call, -EPROTO, "gzip is cut off");
    else
        call_end(call, code, text);
}

/* --- sending --- */

static void stall_arm(struct kube_call *call, int64_t ns)
{
    struct timeval delay = delay_from_ns(ns);

    event_add(&call->stall, &delay);
}

static void on_stall(evutil_socket_t fd, short what, void *arg)
{
    struct kube_call *call = arg;
    int64_t left = call->request.stall_ns - mono_sub(mono_now(), call->last_rx);

    (void)fd;
    (void)what;
    if (left > 0)
        stall_arm(call, left);
    else
        call_end(call, -ETIMEDOUT, "nothing came from the server");
}

static void add_header(struct kube_call *call, struct kube_header *headers, const char *name,
                       const char *value)
{
    headers[call->exchange.header_count++] = (struct kube_header){name, value};
}

/* Anew for every sending, since the token may be another. */
static void build_exchange(struct kube_call *call)
{
    struct kube_client *c = call->client;
    const struct kube_config *config = c->options.config;
    const struct kube_request *q = &call->request;
    struct kube_header *headers;

    call->head_arena = arena_new();
    headers = arena_calloc(call->head_arena, KUBE_HEADERS_MAX, sizeof(*headers));
    call->exchange = (struct kube_exchange){
        .method = q->method,
        .path = *config->base_path == '\0'
                    ? q->path
                    : arena_printf(call->head_arena, "%s%s", config->base_path, q->path),
        .scheme = config->tls ? "https" : "http",
        .authority = c->authority,
        .headers = headers,
        .body = q->body,
        .body_len = q->body_len,
        .head = on_head,
        .data = on_data,
        .end = on_end,
        .arg = call,
    };
    add_header(call, headers, "user-agent", c->user_agent);
    add_header(call, headers, "accept", q->accept);
    if (!config->disable_compression)
        add_header(call, headers, "accept-encoding", "gzip");
    if (q->body_len > 0)
        add_header(call, headers, "content-type", q->content_type);
    call->exchange.header_count = kube_auth_headers(c->auth, mono_now(), call->head_arena, headers,
                                                    call->exchange.header_count);
}

void kube_call_send(struct kube_call *call, struct kube_conn *conn)
{
    build_exchange(call);
    call_move(call, KUBE_CALL_SENT);
    call->last_rx = mono_now();
    stall_arm(call, call->request.stall_ns);
    if (conn->h2 != NULL)
        call->stream = kube_h2_open(conn->h2, &call->exchange);
    else
        call->h1 = kube_conn_open_h1(conn, &call->exchange);
    call->head_arena = arena_free(call->head_arena);
}

/* --- life --- */

struct kube_request kube_request_copy(struct arena *a, const struct kube_request *q)
{
    struct kube_request copy = *q;

    copy.method = arena_strdup(a, q->method);
    copy.path = arena_strdup(a, q->path);
    copy.accept = arena_strdup(a, q->accept != NULL ? q->accept : "application/json");
    copy.content_type =
        arena_strdup(a, q->content_type != NULL ? q->content_type : "application/json");
    copy.body = arena_memdup(a, q->body, q->body_len);
    if (copy.stall_ns == 0)
        copy.stall_ns = STALL_NS;
    return copy;
}

struct kube_call *kube_call_start(struct kube_client *c, const struct kube_request *request,
                                  const struct kube_handlers *handlers, void *arg)
{
    struct kube_call *call = xcalloc(1, sizeof(*call));

    call->client = c;
    call->serial = ++c->stats.calls;
    call->state = KUBE_CALL_WAITING;
    call->arena = arena_new();
    call->request = kube_request_copy(call->arena, request);
    call->handlers = *handlers;
    call->arg = arg;
    call->started = mono_now();
    event_assign(&call->stall, c->options.base, -1, 0, on_stall, call);
    TAILQ_INSERT_TAIL(&c->waiting, call, link);
    log_debug("API call", F_S("method", call->request.method), F_S("path", call->request.path));
    kube_client_pump(c);
    return call;
}

void kube_call_cancel(struct kube_call *call)
{
    if (call->state != KUBE_CALL_DEAD)
        call_die(call);
}

void kube_call_free(struct kube_call *call)
{
    TAILQ_REMOVE(queue_of(call), call, link);
    event_del(&call->stall);
    kube_inflate_free(call->inflate);
    arena_free(call->arena);
    free(call);
}
