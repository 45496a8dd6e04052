/* SPDX-License-Identifier: Apache-2.0 */
#include "role/health.h"

#include "base/mem.h"
#include "base/text.h"
#include "role/listen.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    HEAD_MAX = 8192,
    BODY_MAX = 4096,
    PATIENCE_S = 10, /* with a client that neither asks nor reads */
};

struct health {
    struct evhttp *http;
};

/* --- answers --- */

static void answer(struct evhttp_request *request, int code, const char *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *buffer = evbuffer_new();

    (void)evhttp_add_header(headers, "Content-Type", "text/plain; charset=utf-8");
    (void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    (void)evbuffer_add(buffer, body, strlen(body)); /* these fail only without memory */
    evhttp_send_reply(request, code, NULL, buffer);
    evbuffer_free(buffer);
}

/* With or without a value; libevent's parser refuses names without one. */
static bool is_verbose(const char *query)
{
    static const char name[] = "verbose";

    for (; query != NULL; query = strchr(query, '&')) {
        query += *query == '&';
        if (strncmp(query, name, strlen(name)) == 0 && strchr("=&", query[strlen(name)]) != NULL)
            return true; /* strchr finds the end of the text too */
    }
    return false;
}

/*
 * As controller-runtime: all checks of one kind, of which there is one here, of the same name;
 * below it each check by itself.
 */
static void on_request(struct evhttp_request *request, void *arg)
{
    static const char *const checks[] = {"healthz", "readyz"};
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = evhttp_uri_get_path(uri);

    (void)arg;
    for (size_t i = 0; path != NULL && i < ARRAY_SIZE(checks); i++) {
        const char *name = checks[i], *rest = path + 1 + strlen(name);
        char verbose[80];

        if (path[0] != '/' || strncmp(path + 1, name, strlen(name)) != 0)
            continue;
        if (rest[0] == '/' && str_eq(rest + 1, name)) {
            answer(request, HTTP_OK, "ok");
            return;
        }
        if (!str_eq(rest, "") && !str_eq(rest, "/"))
            continue;
        (void)snprintf(verbose, sizeof(verbose), "[+]%s ok\nhealthz check passed\n",
                       name); /* it fits */
        answer(request, HTTP_OK, is_verbose(evhttp_uri_get_query(uri)) ? verbose : "ok");
        return;
    }
    answer(request, HTTP_NOTFOUND, "404 page not found\n");
}

int health_new(struct health **ret, struct event_base *base, const char *address, uint16_t port,
               struct err *err)
{
    CLEANUP(health_freep) struct health *h = NULL;
    int fd;

    if (port == 0) {
        *ret = NULL;
        return 0;
    }
    fd = listen_open(address, port);
    if (fd < 0)
        return err_set(err, fd, "probes on %s:%u: %s", address, port, strerror(-fd));
    h = xcalloc(1, sizeof(*h));
    h->http = evhttp_new(base);
    if (h->http == NULL || evhttp_accept_socket(h->http, fd) < 0) {
        close(fd);
        return err_set(err, -ENOMEM, "probes on %s:%u: no memory", address, port);
    }
    evhttp_set_max_headers_size(h->http, HEAD_MAX);
    evhttp_set_max_body_size(h->http, BODY_MAX);
    evhttp_set_timeout(h->http, PATIENCE_S);
    evhttp_set_gencb(h->http, on_request, NULL);
    *ret = TAKE(h);
    return 0;
}

struct health *health_free(struct health *h)
{
    if (h == NULL)
        return NULL;
    if (h->http != NULL)
        evhttp_free(h->http);
    free(h);
    return NULL;
}
