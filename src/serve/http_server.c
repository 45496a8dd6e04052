/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evhttp does the protocol. What it lacks is an account of connections: it tells nobody when one
 * ends, and its time-outs begin anew with every byte. So a reference to each connection is kept
 * here, and once a second, while there are any, those that evhttp has freed are let go, and those
 * out of time are shut down below evhttp, who then sees their end.
 */
#include "serve/http_server.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "role/listen.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HEAD_MAX = 16384, /* a token is one or two thousand characters */
    BODY_MAX = 4096,
    REQUEST_S = 10, /* from the connection to the end of the first request's head */
    ANSWER_S = 60,  /* until the answer was taken */
    IDLE_S = 150,   /* until the end of the next request's head */
    SWEEP_S = 1,
};
#define COMPLAINT_INTERVAL_NS (60 * NS_PER_SEC)

struct connection {
    struct bufferevent *bev; /* a reference; NULL: this place is free */
    struct mono deadline;
    bool is_void; /* it was to have TLS, and has not: nothing is answered */
};

struct http_server {
    struct http_server_options options;
    struct evhttp *http;
    struct evconnlistener *listener; /* evhttp's; NULL: not yet, or no longer */
    struct connection connections[HTTP_CONNECTIONS_MAX];
    struct event sweep;
    struct log_limit limit;
};

/* --- connections --- */

static void give_time(struct connection *c, int seconds)
{
    c->deadline = mono_add(mono_now(), seconds * NS_PER_SEC);
}

/* evhttp takes its callbacks away when it frees one. */
static bool has_ended(const struct connection *c)
{
    bufferevent_event_cb on_event;

    bufferevent_getcb(c->bev, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

static void let_go(struct connection *c)
{
    if (c->bev != NULL)
        bufferevent_decref(c->bev);
    *c = (struct connection){0};
}

static void look_at(struct connection *c, struct mono now)
{
    if (has_ended(c))
        let_go(c);
    else if (!mono_before(now, c->deadline)) /* fails only when it has ended already */
        (void)shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

/* Returns how many there still are. */
static unsigned sweep(struct http_server *s)
{
    struct mono now = mono_now();
    unsigned count = 0;

    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        struct connection *c = &s->connections[i];

        if (c->bev != NULL)
            look_at(c, now);
        count += c->bev != NULL;
    }
    return count;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *s = arg;
    const struct timeval soon = {.tv_sec = SWEEP_S};
    unsigned count = sweep(s);

    (void)fd;
    (void)what;
    if (count > 0)
        (void)event_add(&s->sweep, &soon); /* fails only without memory */
    if (count < HTTP_CONNECTIONS_MAX)
        (void)evconnlistener_enable(s->listener); /* as it was at the start */
}

/* There is one: the listener is off when the last is taken. */
static struct connection *free_place(struct http_server *s)
{
    struct connection *c = s->connections;

    while (c->bev != NULL)
        c++;
    return c;
}

/* NULL: TLS cannot be had, which is logged. */
static struct bufferevent *new_tls(struct http_server *s)
{
    CLEANUP(err_done) struct err err = {0};
    struct bufferevent *bev;
    struct ssl_st *ssl;

    if (tls_identity_accept(s->options.tls, &ssl, &err) < 0) {
        if (log_limit_pass(&s->limit, mono_now().ns, COMPLAINT_INTERVAL_NS))
            log_error("no TLS for a connection", F_S("error", err_text(&err)));
        return NULL;
    }
    bev = bufferevent_openssl_socket_new(s->options.base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                         BEV_OPT_CLOSE_ON_FREE);
    if (bev != NULL) /* many clients just close */
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

/* evhttp asks for each connection that it has accepted, and would make one without TLS if it got
 * none. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
    const struct timeval soon = {.tv_sec = SWEEP_S};
    struct http_server *s = arg;
    unsigned others = sweep(s); /* before evhttp has set its callbacks for this one */
    struct connection *c = free_place(s);

    if (s->options.tls != NULL)
        c->bev = new_tls(s);
    c->is_void = s->options.tls != NULL && c->bev == NULL;
    if (c->bev == NULL)
        c->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (c->bev == NULL)
        abort(); /* no memory, as in base/mem.c */
    bufferevent_incref(c->bev);
    give_time(c, c->is_void ? 0 : REQUEST_S);
    if (!event_pending(&s->sweep, EV_TIMEOUT, NULL))
        (void)event_add(&s->sweep, &soon); /* fails only without memory */
    if (others + 1 == HTTP_CONNECTIONS_MAX)
        (void)evconnlistener_disable(s->listener); /* cannot fail for a socket */
    return c->bev;
}

/* --- requests --- */

static struct connection *connection_of(struct http_server *s, struct evhttp_request *request)
{
    const struct bufferevent *bev =
        evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
    struct connection *c = s->connections;

    while (c->bev != bev)
        c++;
    return c;
}

static void on_answered(struct evhttp_request *request, void *arg)
{
    give_time(connection_of(arg, request), IDLE_S);
}

static void on_request(struct evhttp_request *request, void *arg)
{
    struct http_server *s = arg;
    struct connection *c = connection_of(s, request);

    if (c->is_void) {
        http_refuse(request, HTTP_SERVUNAVAIL, "no TLS");
        return;
    }
    give_time(c, ANSWER_S);
    evhttp_request_set_on_complete_cb(request, on_answered, s);
    s->options.request(s->options.arg, request);
}

void http_refuse(struct evhttp_request *request, int code, const char *text)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *body = evbuffer_new();

    (void)evhttp_add_header(headers, "Content-Type", "text/plain; charset=utf-8");
    (void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    (void)evhttp_add_header(headers, "Connection", "close");
    (void)evbuffer_add_printf(body, "%s\n", text); /* these fail only without memory */
    evhttp_send_reply(request, code, NULL, body);
    evbuffer_free(body);
}

/* --- the server --- */

NODISCARD static int start_listening(struct http_server *s, struct err *err)
{
    const struct http_server_options *o = &s->options;
    struct evhttp_bound_socket *bound;
    int fd = listen_open(o->address, o->port);

    if (fd < 0)
        return err_set(err, fd, "metrics on %s:%u: %s", o->address, o->port, strerror(-fd));
    bound = evhttp_accept_socket_with_handle(s->http, fd);
    if (bound == NULL) {
        close(fd);
        return err_set(err, -ENOMEM, "metrics on %s:%u: no memory", o->address, o->port);
    }
    s->listener = evhttp_bound_socket_get_listener(bound);
    return 0;
}

int http_server_new(struct http_server **ret, const struct http_server_options *options,
                    struct err *err)
{
    CLEANUP(http_server_freep) struct http_server *s = xcalloc(1, sizeof(*s));
    int r;

    s->options = *options;
    (void)event_assign(&s->sweep, options->base, -1, 0, on_sweep, s); /* cannot fail */
    s->http = evhttp_new(options->base);
    if (s->http == NULL)
        return err_set(err, -ENOMEM, "no memory for a server");
    evhttp_set_max_headers_size(s->http, HEAD_MAX);
    evhttp_set_max_body_size(s->http, BODY_MAX);
    evhttp_set_timeout(s->http, IDLE_S);
    evhttp_set_bevcb(s->http, on_accept, s);
    evhttp_set_gencb(s->http, on_request, s);
    r = start_listening(s, err);
    if (r < 0)
        return r;
    s->options.address = NULL; /* borrowed for this call */
    *ret = TAKE(s);
    return 0;
}

struct http_server *http_server_free(struct http_server *s)
{
    if (s == NULL)
        return NULL;
    if (s->http != NULL)
        evhttp_free(s->http);
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        let_go(&s->connections[i]);
    (void)event_del(&s->sweep);
    free(s);
    return NULL;
}
