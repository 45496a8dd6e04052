/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 server of few and small requests, with TLS or without. A client that is slow, or
 * silent, or one of too many, harms nobody: heads and bodies are limited, every connection has a
 * time by which its request must be there and its answer taken, and beyond HTTP_CONNECTIONS_MAX
 * those who come wait in the kernel's queue.
 */
#pragma once

#include <event2/event.h>
#include <event2/http.h>

#include "base/err.h"
#include "serve/tls_identity.h"

enum { HTTP_CONNECTIONS_MAX = 32 };

struct http_server;

struct http_server_options {
    struct event_base *base;
    const char *address; /* "": all addresses */
    uint16_t port;
    struct tls_identity *tls; /* outlives the server; NULL: without TLS */
    /* Answers now or later. Later, the connection may have ended: evhttp_connection_set_closecb
     * tells. Must not free the server. */
    void (*request)(void *arg, struct evhttp_request *request);
    void *arg;
};

NODISCARD int http_server_new(struct http_server **ret, const struct http_server_options *options,
                              struct err *err);
struct http_server *http_server_free(struct http_server *s);
DEFINE_CLEANUP(struct http_server, http_server_free);

/* A line of text, as Go's http.Error. The connection ends, so that nobody who is refused keeps one.
 */
void http_refuse(struct evhttp_request *request, int code, const char *text);
