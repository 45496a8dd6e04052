/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client with a server of libevent in the same loop, over plain HTTP/1.1: what callers may do
 * in handlers, and what they are told. HTTP/2 and TLS are tested with the real API server.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_client.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { TOO_LONG_S = 60, BIG = 300000, SETTLE_US = 50000 };

struct world {
    struct event_base *base;
    struct evhttp *server;
    struct event guard; /* ends a test that hangs */
    struct kube_config config;
    struct kube_client *client;
    char token_path[64];

    int proxied;                 /* the last that the silent proxy accepted */
    unsigned requests;           /* that the server got */
    struct evhttp_request *held; /* of /hold, never answered */
    struct evbuffer *got;        /* the body of the last PUT */

    struct kube_call *call;
    struct text log; /* what the handlers saw */
    char *text;      /* of the last end or reply */
    int code;
    unsigned status;
    size_t len;
    unsigned left; /* to come before the loop ends */
};

/* --- the server --- */

static void answer(struct evhttp_request *q, int status, const char *body)
{
    struct evbuffer *b = evbuffer_new();

    evbuffer_add(b, body, strlen(body));
    evhttp_send_reply(q, status, NULL, b);
    evbuffer_free(b);
}

static void answer_gzip(struct evhttp_request *q, size_t cut)
{
    CLEANUP(xfreep) unsigned char *plain = xcalloc(1, BIG);
    unsigned char packed[4096];
    z_stream z = {
        .next_in = plain, .avail_in = BIG, .next_out = packed, .avail_out = sizeof(packed)};
    struct evbuffer *b = evbuffer_new();

    memset(plain, 'a', BIG);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    evbuffer_add(b, packed, z.total_out - cut);
    deflateEnd(&z);
    evhttp_add_header(evhttp_request_get_output_headers(q), "Content-Encoding", "gzip");
    evhttp_send_reply(q, 200, NULL, b);
    evbuffer_free(b);
}

static void answer_chunks(struct evhttp_request *q)
{
    struct evbuffer *b = evbuffer_new();

    evhttp_send_reply_start(q, 200, NULL);
    for (int i = 0; i < 3; i++) {
        evbuffer_add_printf(b, "line %d\n", i);
        evhttp_send_reply_chunk(q, b);
    }
    evhttp_send_reply_end(q);
    evbuffer_free(b);
}

/* 401 unless the token is "good". */
static void answer_whoami(struct evhttp_request *q)
{
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(q), "Authorization");

    answer(q, str_eq(given, "Bearer good") ? 200 : 401, given != NULL ? given : "nobody");
}

static void answer_busy(struct world *w, struct evhttp_request *q)
{
    if (w->requests == 3) {
        answer(q, 200, "at last");
        return;
    }
    evhttp_add_header(evhttp_request_get_output_headers(q), "Retry-After", "0");
    answer(q, w->requests == 1 ? 429 : 503, "");
}

static void on_request(struct evhttp_request *q, void *arg)
{
    struct world *w = arg;
    const char *path = evhttp_request_get_uri(q);

    w->requests++;
    evbuffer_drain(w->got, evbuffer_get_length(w->got));
    evbuffer_add_buffer(w->got, evhttp_request_get_input_buffer(q));
    if (str_eq(path, "/hold"))
        w->held = q;
    else if (str_eq(path, "/gzip"))
        answer_gzip(q, 0);
    else if (str_eq(path, "/cut"))
        answer_gzip(q, 8);
    else if (str_eq(path, "/chunks"))
        answer_chunks(q);
    else if (str_eq(path, "/whoami"))
        answer_whoami(q);
    else if (str_eq(path, "/busy"))
        answer_busy(w, q);
    else if (str_eq(path, "/forbidden"))
        answer(q, 403,
               "{\"kind\":\"Status\",\"message\":\"you may not\",\"reason\":\"Forbidden\"}");
    else
        answer(q, 200, path);
}

/* --- the world --- */

static void on_guard(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    fail_msg("the test hangs");
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    char host[64], port[16];

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port,
                                 sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV),
                     0);
    return (uint16_t)strtoul(port, NULL, 10);
}

static uint16_t listen_anywhere(struct evhttp *server)
{
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);

    assert_non_null(bound);
    return port_of(evhttp_bound_socket_get_fd(bound));
}

static void write_token(const struct world *w, const char *token)
{
    FILE *f = fopen(w->token_path, "we");

    assert_non_null(f);
    fputs(token, f);
    fclose(f);
}

static void client_start(struct world *w, int64_t connect_timeout_ns)
{
    CLEANUP(err_done) struct err err = {0};

    assert_int_equal(
        kube_client_new(&w->client,
                        &(struct kube_client_options){.base = w->base,
                                                      .config = &w->config,
                                                      .user_agent = "test",
                                                      .connect_timeout_ns = connect_timeout_ns,
                                                      .connect_patience_ns = 1},
                        &err),
        0);
}

static int world_new(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));

    w->base = event_base_new();
    w->proxied = -1;
    w->server = evhttp_new(w->base);
    w->got = evbuffer_new();
    evhttp_set_gencb(w->server, on_request, w);
    event_assign(&w->guard, w->base, -1, 0, on_guard, NULL);
    event_add(&w->guard, &(struct timeval){TOO_LONG_S, 0});
    (void)snprintf(w->token_path, sizeof(w->token_path), "/tmp/test_kube_client.%d", getpid());
    w->config = (struct kube_config){.host = "127.0.0.1", .server_name = "127.0.0.1"};
    w->config.port = listen_anywhere(w->server);
    w->config.base_path = w->config.username = w->config.password = w->config.as = "";
    w->config.as_uid = w->config.proxy_url = w->config.namespace = w->config.source = "";
    client_start(w, 0);
    *state = w;
    return 0;
}

static int world_free(void **state)
{
    struct world *w = *state;

    kube_client_free(w->client);
    evhttp_free(w->server);
    evbuffer_free(w->got);
    event_del(&w->guard);
    event_base_free(w->base);
    text_done(&w->log);
    free(w->text);
    (void)unlink(w->token_path); /* not every test has one */
    free(w);
    return 0;
}

static void done(struct world *w)
{
    if (--w->left == 0)
        event_base_loopbreak(w->base);
}

static void on_head(void *arg, const struct kube_answer *a)
{
    struct world *w = arg;

    text_printf(&w->log, "head %u;", a->status);
}

static void on_data(void *arg, const char *bytes, size_t len)
{
    struct world *w = arg;

    (void)bytes;
    w->len += len;
}

static void on_end(void *arg, const struct kube_end *end)
{
    struct world *w = arg;

    text_printf(&w->log, "end %d;", end->code);
    free(w->text);
    w->text = xstrdup(end->text);
    done(w);
}

static const struct kube_handlers plain = {on_head, on_data, on_end};

static struct kube_call *start(struct world *w, const char *path, const struct kube_handlers *h)
{
    return kube_call_start(w->client, &(struct kube_request){.method = "GET", .path = path}, h, w);
}

static void run(struct world *w, unsigned count)
{
    w->left = count;
    event_base_dispatch(w->base);
}

/* Time for everything that is still under way. */
static void settle(struct world *w)
{
    event_base_loopexit(w->base, &(struct timeval){0, SETTLE_US});
    event_base_dispatch(w->base);
}

static void on_reply(void *arg, const struct kube_reply *reply)
{
    struct world *w = arg;

    free(w->text);
    w->text = xasprintf("%s|%s|%s", reply->text, reply->reason, reply->bytes);
    w->code = reply->code;
    w->status = reply->status;
    w->len = reply->len;
    done(w);
}

static void fetch(struct world *w, const char *path)
{
    (void)kube_fetch_start(w->client, &(struct kube_request){.method = "GET", .path = path},
                           on_reply, w);
    run(w, 1);
}

/* --- answers --- */

static void test_chunks(void **state)
{
    struct world *w = *state;

    start(w, "/chunks", &plain);
    assert_null(w->log.chars); /* nothing from within the call */
    run(w, 1);
    assert_string_equal(text_str(&w->log), "head 200;end 0;");
    assert_int_equal(w->len, 21);
}

static void test_gzip(void **state)
{
    struct world *w = *state;

    start(w, "/gzip", &plain);
    run(w, 1);
    assert_string_equal(text_str(&w->log), "head 200;end 0;");
    assert_int_equal(w->len, BIG);
}

static void test_gzip_cut(void **state)
{
    struct world *w = *state;

    start(w, "/cut", &plain);
    run(w, 1);
    assert_string_equal(w->text, "gzip is cut off");
}

static void test_put(void **state)
{
    struct world *w = *state;
    CLEANUP(xfreep) char *body = xmalloc(BIG);

    memset(body, 'b', BIG);
    (void)kube_fetch_start(
        w->client,
        &(struct kube_request){.method = "PUT", .path = "/x", .body = body, .body_len = BIG},
        on_reply, w);
    run(w, 1);
    assert_int_equal(w->status, 200);
    assert_int_equal(evbuffer_get_length(w->got), BIG);
}

static void test_status(void **state)
{
    struct world *w = *state;

    fetch(w, "/forbidden");
    assert_int_equal(w->code, 0);
    assert_int_equal(w->status, 403);
    assert_int_equal(strncmp(w->text, "you may not|Forbidden|{", 23), 0);
}

static void test_retry_after(void **state)
{
    struct world *w = *state;

    fetch(w, "/busy");
    assert_int_equal(w->requests, 3);
    assert_string_equal(w->text, "||at last");
}

static void test_token_rotation(void **state)
{
    struct world *w = *state;

    write_token(w, "old\n");
    w->config.token.file = w->token_path;
    fetch(w, "/whoami");
    assert_int_equal(w->status, 401); /* sent again once, not for ever */
    assert_int_equal(w->requests, 2);
    write_token(w, "good\n");
    fetch(w, "/whoami");
    assert_int_equal(w->status, 200);
    assert_int_equal(w->requests, 4); /* with the old one first, which is kept for a while */
    fetch(w, "/whoami");
    assert_int_equal(w->requests, 5);
}

/* --- certificates that change --- */

/* A proxy that accepts, and says nothing. */
static void on_silent_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from,
                             int len, void *arg)
{
    struct world *w = arg;

    (void)l;
    (void)from;
    (void)len;
    evutil_closesocket(w->proxied); /* -1 at first */
    w->proxied = fd;
    write_token(w, "another");
    done(w);
}

/* What is being dialled with the certificates of before is dialled anew. */
static void test_certificates_change_while_dialling(void **state)
{
    struct world *w = *state;
    struct sockaddr_storage at;
    int len = sizeof(at);
    struct evconnlistener *proxy;
    char url[64];

    evutil_parse_sockaddr_port("127.0.0.1", (struct sockaddr *)&at, &len);
    proxy = evconnlistener_new_bind(w->base, on_silent_accept, w, LEV_OPT_CLOSE_ON_FREE, 4,
                                    (struct sockaddr *)&at, len);
    assert_non_null(proxy);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", port_of(evconnlistener_get_fd(proxy)));
    w->config.proxy_url = url;
    write_token(w, "first");
    w->config.ca.file = w->token_path;
    kube_client_free(w->client);
    client_start(w, 600 * NS_PER_SEC);
    start(w, "/x", &plain);
    run(w, 2);
    evutil_closesocket(w->proxied);
    evconnlistener_free(proxy);
}

static void test_refused(void **state)
{
    struct world *w = *state;

    w->config.port = 1; /* nobody listens there */
    fetch(w, "/x");
    assert_int_equal(w->code, -ECONNREFUSED);
    assert_int_equal(w->status, 0);
    assert_string_equal(w->text, "127.0.0.1:1: Connection refused||");
}

static void test_stall(void **state)
{
    struct world *w = *state;
    struct kube_request q = {.method = "GET", .path = "/hold", .stall_ns = 20 * NS_PER_MS};

    (void)kube_call_start(w->client, &q, &plain, w);
    run(w, 1);
    assert_string_equal(text_str(&w->log), "end -110;");
}

static void test_many(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 200; i++)
        start(w, "/x", &plain);
    run(w, 200);
    assert_int_equal(w->requests, 200);
    settle(w);
    assert_int_equal(kube_client_stats(w->client).open_calls, 0);
    assert_int_equal(kube_client_stats(w->client).calls, 200);
}

/* --- what handlers may do --- */

static void cancel_in_head(void *arg, const struct kube_answer *a)
{
    struct world *w = arg;

    (void)a;
    text_add(&w->log, "head;");
    kube_call_cancel(w->call);
    event_base_loopbreak(w->base);
}

static void cancel_in_data(void *arg, const char *bytes, size_t len)
{
    struct world *w = arg;

    text_add(&w->log, "data;");
    kube_call_cancel(w->call);
    assert_true(bytes[len - 1] == '\n' ||
                bytes[len - 1] == 'a'); /* they live as long as the call */
    event_base_loopbreak(w->base);
}

static void cancel_in_end(void *arg, const struct kube_end *end)
{
    struct world *w = arg;

    (void)end;
    text_add(&w->log, "end;");
    kube_call_cancel(w->call);
    event_base_loopbreak(w->base);
}

static const struct {
    const char *path;
    struct kube_handlers handlers;
    const char *log;
} cancels[] = {
    {"/chunks", {cancel_in_head, on_data, on_end}, "head;"},
    {"/chunks", {on_head, cancel_in_data, on_end}, "head 200;data;"},
    {"/gzip", {on_head, cancel_in_data, on_end}, "head 200;data;"},
    {"/chunks", {on_head, on_data, cancel_in_end}, "head 200;end;"},
};

static void test_cancel_in_handlers(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cancels); i++) {
        text_done(&w->log);
        w->call = start(w, cancels[i].path, &cancels[i].handlers);
        event_base_dispatch(w->base);
        settle(w);
        assert_string_equal(text_str(&w->log), cancels[i].log);
        assert_int_equal(kube_client_stats(w->client).open_calls, 0);
    }
}

static void start_in_end(void *arg, const struct kube_end *end)
{
    struct world *w = arg;

    (void)end;
    if (--w->left == 0)
        event_base_loopbreak(w->base);
    else
        start(w, "/x", &(struct kube_handlers){on_head, on_data, start_in_end});
}

static void test_start_in_handlers(void **state)
{
    struct world *w = *state;

    start(w, "/x", &(struct kube_handlers){on_head, on_data, start_in_end});
    run(w, 20);
    assert_int_equal(w->requests, 20);
}

/* Also when every attempt fails at once. */
static void test_start_in_failures(void **state)
{
    struct world *w = *state;

    w->config.port = 1;
    start(w, "/x", &(struct kube_handlers){on_head, on_data, start_in_end});
    run(w, 3);
    assert_int_equal(w->left, 0);
}

static void cancel_other_in_end(void *arg, const struct kube_end *end)
{
    struct world *w = arg;

    (void)end;
    text_add(&w->log, "first;");
    kube_call_cancel(w->call);
    event_base_loopbreak(w->base);
}

static void test_cancel_other_that_fails_too(void **state)
{
    struct world *w = *state;

    w->config.port = 1;
    start(w, "/x", &(struct kube_handlers){on_head, on_data, cancel_other_in_end});
    w->call = start(w, "/x", &plain);
    event_base_dispatch(w->base);
    settle(w);
    assert_string_equal(text_str(&w->log), "first;");
}

static void test_cancel_before_anything(void **state)
{
    struct world *w = *state;

    kube_call_cancel(start(w, "/x", &plain));
    settle(w);
    assert_string_equal(text_str(&w->log), "");
    assert_int_equal(w->requests, 0);
}

/* Nobody is called after the end of the client: calls that wait, that are sent, fetches, and one
 * that waits for its next try. */
static void test_end_of_client(void **state)
{
    struct world *w = *state;

    start(w, "/hold", &plain);
    while (w->held == NULL)
        event_base_loop(w->base, EVLOOP_ONCE);
    start(w, "/x", &plain);
    (void)kube_fetch_start(w->client, &(struct kube_request){.method = "GET", .path = "/busy"},
                           on_reply, w);
    w->client = kube_client_free(w->client);
    settle(w);
    assert_string_equal(text_str(&w->log), "");
    assert_null(w->text);
}

static void test_fetch_cancel(void **state)
{
    struct world *w = *state;

    kube_fetch_cancel(kube_fetch_start(
        w->client, &(struct kube_request){.method = "GET", .path = "/x"}, on_reply, w));
    settle(w);
    assert_null(w->text);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_new, world_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_chunks),
        TEST(test_gzip),
        TEST(test_gzip_cut),
        TEST(test_put),
        TEST(test_status),
        TEST(test_retry_after),
        TEST(test_token_rotation),
        TEST(test_certificates_change_while_dialling),
        TEST(test_refused),
        TEST(test_stall),
        TEST(test_many),
        TEST(test_cancel_in_handlers),
        TEST(test_start_in_handlers),
        TEST(test_start_in_failures),
        TEST(test_cancel_other_that_fails_too),
        TEST(test_cancel_before_anything),
        TEST(test_end_of_client),
        TEST(test_fetch_cancel),
    };

    log_set_silent();
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
