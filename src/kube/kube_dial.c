/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_dial.h"

#include "base/delay.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_connect.h"
#include "kube/kube_tls.h"
#include "kube/kube_url.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    USER_TIMEOUT_MS = 45000, /* spec kubernetes-client 2: a second net below PING */
    KEEPALIVE_IDLE_S = 30,
};

struct kube_dial {
    struct kube_dial_options options;
    struct mono deadline;
    const char *host; /* of the server, or of the proxy */
    char port[8];
    struct arena *arena;
    struct kube_url proxy; /* host NULL without */

    struct kube_lookup *lookup;
    struct evutil_addrinfo *addresses, *at; /* owned; the one that is tried */
    char *address;                          /* owned; `at` as text */
    int fd;                                 /* while it connects; -1 */
    struct event start, connected, timer;   /* timer: of everything */
    struct kube_connect *connect;           /* of the proxy */
    struct bufferevent *stream;             /* TLS */
    SSL *ssl;                               /* of the stream */
    struct kube_tls_refusal refusal;
    struct err last; /* of the address before */
};

static void dial_end(struct kube_dial *d, int code, const char *text)
{
    struct kube_dial_result result = {
        .code = code, .text = text, .address = d->address != NULL ? d->address : ""};

    event_del(&d->timer);
    d->options.done(d->options.arg, d, &result);
}

static void dial_succeed(struct kube_dial *d, struct bufferevent *stream, bool h2)
{
    struct kube_dial_result result = {
        .text = "", .address = d->address, .stream = stream, .h2 = h2};

    event_del(&d->timer);
    bufferevent_setcb(stream, NULL, NULL, NULL, NULL);
    d->options.done(d->options.arg, d, &result);
}

/* --- TLS --- */

static void tls_failed(struct kube_dial *d, short what)
{
    CLEANUP(xfreep) char *reason = NULL;
    int code =
        kube_tls_fault(d->stream, what, "connection closed during the TLS handshake", &reason);

    if (d->refusal.text != NULL)
        dial_end(d, -EACCES, d->refusal.text);
    else
        dial_end(d, code, reason);
}

static void on_tls_event(struct bufferevent *stream, short what, void *arg)
{
    struct kube_dial *d = arg;

    if ((what & BEV_EVENT_CONNECTED) == 0) {
        tls_failed(d, what);
        return;
    }
    bufferevent_disable(stream, EV_READ | EV_WRITE);
    SSL_set_app_data(d->ssl, NULL);
    d->stream = NULL;
    dial_succeed(d, stream, kube_tls_chose_h2(d->ssl));
}

static void tls_start(struct kube_dial *d, int fd)
{
    const struct kube_dial_options *o = &d->options;

    if (o->tls == NULL) {
        struct bufferevent *plain = bufferevent_socket_new(o->base, fd, BEV_OPT_CLOSE_ON_FREE);

        bufferevent_disable(plain, EV_READ | EV_WRITE);
        dial_succeed(d, plain, false);
        return;
    }
    d->ssl = kube_tls_connect(o->tls, o->config, &d->refusal);
    d->stream = bufferevent_openssl_socket_new(o->base, fd, d->ssl, BUFFEREVENT_SSL_CONNECTING,
                                               BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(d->stream, NULL, NULL, on_tls_event, d);
    bufferevent_enable(d->stream, EV_READ | EV_WRITE);
}

/* --- the proxy --- */

static void on_tunnel(void *arg, int fd, const char *text)
{
    struct kube_dial *d = arg;

    d->connect = NULL;
    if (fd < 0)
        dial_end(d, -ECONNREFUSED, text);
    else
        tls_start(d, fd);
}

static void tunnel_start(struct kube_dial *d, int fd)
{
    const struct kube_config *config = d->options.config;

    if (d->proxy.host == NULL) {
        tls_start(d, fd);
        return;
    }
    d->connect = kube_connect_new(d->options.base, fd,
                                  &(struct kube_connect_target){.host = config->host,
                                                                .port = config->port,
                                                                .userinfo = d->proxy.userinfo},
                                  on_tunnel, d);
}

/* --- TCP --- */

static void set_socket_options(int fd)
{
    int yes = 1, idle = KEEPALIVE_IDLE_S, timeout = USER_TIMEOUT_MS;

    /* None of them is needed to work. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

static void address_failed(struct kube_dial *d, int code)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
    err_set(&d->last, code, "%s", strerror(-code));
    d->at = d->at->ai_next;
}

static void address_next(struct kube_dial *d);

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
    struct kube_dial *d = arg;
    int error = 0, ready;
    socklen_t len = sizeof(error);

    if ((what & EV_TIMEOUT) != 0) {
        address_failed(d, -ETIMEDOUT);
        address_next(d);
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error != 0) {
        address_failed(d, -error);
        address_next(d);
        return;
    }
    ready = d->fd;
    d->fd = -1;
    tunnel_start(d, ready);
}

/* The part of the time that is left for one address. */
static struct timeval address_time(const struct kube_dial *d)
{
    int64_t ns = mono_sub(d->deadline, mono_now());
    int count = 0;

    for (const struct evutil_addrinfo *a = d->at; a != NULL; a = a->ai_next)
        count++;
    return delay_from_ns(ns / count);
}

static char *address_text(const struct evutil_addrinfo *a, const char *port)
{
    const struct sockaddr_in *v4 = (const void *)a->ai_addr;
    const struct sockaddr_in6 *v6 = (const void *)a->ai_addr;
    char text[INET6_ADDRSTRLEN] = "?";

    if (a->ai_family == AF_INET)
        evutil_inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    else
        evutil_inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    return xasprintf(a->ai_family == AF_INET ? "%s:%s" : "[%s]:%s", text, port);
}

/* 0 when the address is being tried, else -errno. */
static int address_try(struct kube_dial *d)
{
    struct timeval time = address_time(d);

    free(d->address);
    d->address = address_text(d->at, d->port);
    d->fd = socket(d->at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0)
        return -errno;
    set_socket_options(d->fd);
    if (connect(d->fd, d->at->ai_addr, (socklen_t)d->at->ai_addrlen) < 0 && errno != EINPROGRESS)
        return -errno;
    event_assign(&d->connected, d->options.base, d->fd, EV_WRITE, on_connected, d);
    event_add(&d->connected, &time);
    return 0;
}

static void address_next(struct kube_dial *d)
{
    while (d->at != NULL) {
        int r = address_try(d);

        if (r == 0)
            return;
        address_failed(d, r);
    }
    dial_end(d, d->last.code, err_text(&d->last));
}

static void on_addresses(void *arg, struct evutil_addrinfo *addresses, const char *text)
{
    struct kube_dial *d = arg;

    d->lookup = NULL;
    if (addresses == NULL) {
        CLEANUP(xfreep) char *whole = xasprintf("name \"%s\": %s", d->host, text);

        dial_end(d, -EHOSTUNREACH, whole);
        return;
    }
    d->addresses = d->at = addresses;
    address_next(d);
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
    struct kube_dial *d = arg;
    struct kube_lookup *lookup;

    (void)fd;
    (void)what;
    d->lookup = NULL;
    lookup = kube_dns_lookup(d->options.dns, d->host, d->port, on_addresses, d);
    if (lookup != NULL)
        d->lookup = lookup;
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct kube_dial *d = arg;

    (void)fd;
    (void)what;
    if (d->stream != NULL)
        dial_end(d, -ETIMEDOUT, "no end of the TLS handshake");
    else if (d->connect != NULL)
        dial_end(d, -ETIMEDOUT, "no answer of the proxy");
    else
        dial_end(d, -ETIMEDOUT, d->lookup != NULL ? "no answer of the resolver" : "no connection");
}

/* Configurations are checked when they are loaded; here both kinds of URL are sound. */
static void choose_peer(struct kube_dial *d)
{
    const struct kube_config *config = d->options.config;
    uint16_t port = config->port;
    CLEANUP(err_done) struct err ignored = {0};

    d->host = config->host;
    if (*config->proxy_url != '\0' &&
        kube_url_parse(&d->proxy, d->arena, config->proxy_url, &ignored) == 0) {
        d->host = d->proxy.host;
        port = d->proxy.port != 0 ? d->proxy.port : 80;
    }
    (void)snprintf(d->port, sizeof(d->port), "%u", port); /* it fits */
}

struct kube_dial *kube_dial_new(const struct kube_dial_options *options)
{
    struct kube_dial *d = xcalloc(1, sizeof(*d));
    struct timeval limit = delay_from_ns(options->timeout_ns);

    d->options = *options;
    d->fd = -1;
    d->deadline = mono_add(mono_now(), options->timeout_ns);
    d->arena = arena_new();
    choose_peer(d);
    if (d->options.tls != NULL)
        SSL_CTX_up_ref(d->options.tls);
    event_assign(&d->start, options->base, -1, 0, on_start, d);
    event_assign(&d->timer, options->base, -1, 0, on_timeout, d);
    event_assign(&d->connected, options->base, -1, 0, on_connected, d);
    event_active(&d->start, EV_TIMEOUT, 0);
    event_add(&d->timer, &limit);
    return d;
}

struct kube_dial *kube_dial_free(struct kube_dial *d)
{
    if (d == NULL)
        return NULL;
    event_del(&d->start);
    event_del(&d->timer);
    event_del(&d->connected);
    if (d->lookup != NULL)
        kube_lookup_cancel(d->lookup);
    kube_connect_free(d->connect);
    if (d->stream != NULL)
        bufferevent_free(d->stream);
    if (d->fd >= 0)
        close(d->fd);
    if (d->addresses != NULL)
        evutil_freeaddrinfo(d->addresses);
    SSL_CTX_free(d->options.tls);
    arena_free(d->arena);
    free(d->refusal.text);
    free(d->address);
    err_done(&d->last);
    free(d);
    return NULL;
}
