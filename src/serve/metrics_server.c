/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scrape goes from its token to the families. These are written a piece at a time, the next one
 * when the client has taken the last, so that an answer never lies in memory as a whole, and no
 * turn of the loop is long.
 */
#include "serve/metrics_server.h"

#include "base/mem.h"
#include "serve/http_server.h"
#include "serve/token_gate.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define METRICS_PATH "/metrics"

enum {
    SCRAPES_MAX = 4,     /* answers under way */
    PIECE_LEN = 16384,   /* families up to there leave together */
    REASON_LEN_MAX = 512 /* with the name of a user */
};

struct metrics_server {
    struct metric_source *sources; /* owned */
    size_t source_count;
    struct tls_identity *tls; /* NULL: none */
    struct token_gate *gate;  /* NULL: everybody may */
    struct http_server *http;
    unsigned scrapes;
    bool is_ending;
};

/* From a request to the end of its answer, or of its connection. */
struct scrape {
    struct metrics_server *server;
    struct evhttp_request *request;
    struct token_question *question; /* NULL: not asked, or answered */
    bool is_answering;               /* counted in server->scrapes */
    size_t source, family;           /* the next one */
};

/* --- its end --- */

static void drop(struct scrape *s)
{
    if (s->question != NULL)
        token_question_cancel(s->question);
    if (s->is_answering)
        s->server->scrapes--;
    free(s);
}

static void end_scrape(struct scrape *s)
{
    evhttp_connection_set_closecb(evhttp_request_get_connection(s->request), NULL, NULL);
    drop(s);
}

/* A client that goes leaves its request to us, since we have not ended it; the end of the server
 * takes it along. */
static void on_closed(struct evhttp_connection *connection, void *arg)
{
    struct scrape *s = arg;

    (void)connection;
    if (!s->server->is_ending)
        evhttp_request_free(s->request);
    drop(s);
}

static void refuse(struct scrape *s, int code, const char *text)
{
    struct evhttp_request *request = s->request;

    end_scrape(s);
    http_refuse(request, code, text);
}

/* --- the answer --- */

static void free_chars(const void *chars, size_t len, void *arg)
{
    (void)len;
    (void)arg;
    free((void *)(uintptr_t)chars);
}

/* Whole families, until it is long enough or they are at their end. */
static struct text next_piece(struct scrape *s)
{
    struct text piece = {0};

    while (s->source < s->server->source_count && piece.len < PIECE_LEN) {
        const struct metric_source *from = &s->server->sources[s->source];

        if (s->family < from->count)
            exposition_family(&piece, &from->families[s->family++], from->owner);
        if (s->family >= from->count) {
            s->family = 0;
            s->source++;
        }
    }
    return piece;
}

static void send_next(struct evhttp_connection *connection, void *arg)
{
    struct scrape *s = arg;
    struct evhttp_request *request = s->request;
    struct text piece = next_piece(s);
    size_t len = piece.len;
    struct evbuffer *out;

    (void)connection;
    if (len == 0) {
        text_done(&piece);
        end_scrape(s);
        evhttp_send_reply_end(request);
        return;
    }
    out = evbuffer_new();
    if (out == NULL || evbuffer_add_reference(out, text_take(&piece), len, free_chars, NULL) < 0)
        abort(); /* no memory, as in base/mem.c */
    evhttp_send_reply_chunk_with_cb(request, out, send_next, s);
    evbuffer_free(out);
}

static void answer(struct scrape *s)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(s->request);

    if (s->server->scrapes >= SCRAPES_MAX) {
        refuse(s, HTTP_SERVUNAVAIL, "too many scrapes at once");
        return;
    }
    s->server->scrapes++;
    s->is_answering = true;
    (void)evhttp_add_header(headers, "Content-Type",
                            EXPOSITION_CONTENT_TYPE); /* fails only without memory */
    evhttp_send_reply_start(s->request, HTTP_OK, "OK");
    send_next(NULL, s);
}

/* --- who asks --- */

static void on_verdict(void *arg, enum token_verdict verdict, const char *user)
{
    struct scrape *s = arg;
    char text[REASON_LEN_MAX];

    s->question = NULL;
    switch (verdict) {
    case TOKEN_MAY:
        answer(s);
        return;
    case TOKEN_NOBODY:
        refuse(s, 401, "Unauthorized");
        return;
    case TOKEN_MAY_NOT:
        (void)snprintf(text, sizeof(text), "Authorization denied for user %s", user); /* or cut */
        refuse(s, 403, text);
        return;
    case TOKEN_USER_NOT_TOLD:
        refuse(s, HTTP_INTERNAL, "Authentication failed");
        return;
    case TOKEN_RIGHT_NOT_TOLD:
        (void)snprintf(text, sizeof(text), "Authorization for user %s failed", user);
        refuse(s, HTTP_INTERNAL, text);
        return;
    }
}

/* RFC 6750 2.1; the word in any case, as Kubernetes takes it. */
static const char *bearer_token(struct evhttp_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *header =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");

    if (header == NULL || strncasecmp(header, scheme, strlen(scheme)) != 0)
        return NULL;
    return header + strlen(scheme) + strspn(header + strlen(scheme), " ");
}

static void begin_scrape(struct metrics_server *server, struct evhttp_request *request)
{
    struct scrape *s = xcalloc(1, sizeof(*s));
    struct token_question *question;

    *s = (struct scrape){.server = server, .request = request};
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_closed, s);
    if (server->gate == NULL) {
        answer(s);
        return;
    }
    question = token_gate_ask(server->gate, bearer_token(request), on_verdict, s);
    if (question != NULL) /* else it has been answered, and `s` is perhaps no more */
        s->question = question;
}

static void on_request(void *arg, struct evhttp_request *request)
{
    struct metrics_server *s = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));

    if (!str_eq(path, METRICS_PATH))
        http_refuse(request, HTTP_NOTFOUND, "404 page not found");
    else if (evhttp_request_get_command(request) != EVHTTP_REQ_GET)
        http_refuse(request, HTTP_BADMETHOD, "Method Not Allowed");
    else if (s->gate != NULL && bearer_token(request) == NULL)
        http_refuse(request, 401, "Unauthorized");
    else
        begin_scrape(s, request);
}

/* --- the server --- */

int metrics_server_new(struct metrics_server **ret, const struct metrics_server_options *o,
                       struct err *err)
{
    CLEANUP(metrics_server_freep) struct metrics_server *s = NULL;
    struct http_server_options how = {
        .base = o->base,
        .address = o->address,
        .port = o->port,
        .request = on_request,
    };
    int r;

    if (o->port == 0) {
        *ret = NULL;
        return 0;
    }
    s = xcalloc(1, sizeof(*s));
    s->sources = xcalloc(o->source_count, sizeof(*s->sources));
    memcpy(s->sources, o->sources, o->source_count * sizeof(*s->sources));
    s->source_count = o->source_count;
    if (o->tls != NULL)
        s->tls = tls_identity_new(o->tls);
    if (o->client != NULL)
        s->gate = token_gate_new(o->base, o->client, METRICS_PATH);
    how.tls = s->tls;
    how.arg = s;
    r = http_server_new(&s->http, &how, err);
    if (r < 0)
        return r;
    *ret = TAKE(s);
    return 0;
}

struct metrics_server *metrics_server_free(struct metrics_server *s)
{
    if (s == NULL)
        return NULL;
    s->is_ending = true;
    http_server_free(s->http); /* scrapes end with their connections */
    token_gate_free(s->gate);
    tls_identity_free(s->tls);
    free(s->sources);
    free(s);
    return NULL;
}
