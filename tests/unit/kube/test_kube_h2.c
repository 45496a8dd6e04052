/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP/2 connection does when its server breaks the rules: raw frames (RFC 9113) go in. */
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_h2.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TOO_LONG_S = 30 };

struct world {
    struct event_base *base;
    struct event guard; /* ends a test that hangs */
    struct kube_h2 *h2;
    struct kube_exchange exchange;
    int server;
    struct text log; /* what was called back */
    bool is_closed;
};

static void on_guard(evutil_socket_t fd, short what, void *arg)
{
    struct world *w = arg;

    (void)fd;
    (void)what;
    event_base_loopbreak(w->base);
}

static void on_head(void *arg, const struct kube_head *head)
{
    struct world *w = arg;

    text_printf(&w->log, "head %u;", head->status);
}

static void on_data(void *arg, const char *bytes, size_t len)
{
    struct world *w = arg;

    (void)bytes;
    text_printf(&w->log, "data %zu;", len);
}

static void on_end(void *arg, int code, bool is_unseen, const char *text)
{
    struct world *w = arg;

    (void)text;
    text_printf(&w->log, "end %d %s;", code, is_unseen ? "unseen" : "seen");
}

static void on_last_end(void *arg, int code, bool is_unseen, const char *text)
{
    struct world *w = arg;

    on_end(arg, code, is_unseen, text);
    event_base_loopbreak(w->base);
}

static void on_news(void *arg, struct kube_h2 *h)
{
    (void)arg;
    (void)h;
}

static void on_closed(void *arg, struct kube_h2 *h, int code, const char *text)
{
    struct world *w = arg;

    (void)h;
    (void)text;
    text_printf(&w->log, "closed %d;", code);
    w->is_closed = true;
    event_base_loopbreak(w->base);
}

static int world_new(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    w->base = event_base_new();
    w->server = ends[1];
    event_assign(&w->guard, w->base, -1, 0, on_guard, w);
    event_add(&w->guard, &(struct timeval){TOO_LONG_S, 0});
    w->h2 = kube_h2_new(&(struct kube_h2_options){
        .base = w->base,
        .stream_take = bufferevent_socket_new(w->base, ends[0], BEV_OPT_CLOSE_ON_FREE),
        .ping_interval_ns = 600 * NS_PER_SEC,
        .ping_timeout_ns = 600 * NS_PER_SEC,
        .goaway = on_news,
        .has_room = on_news,
        .closed = on_closed,
        .arg = w,
    });
    w->exchange = (struct kube_exchange){.method = "GET",
                                         .path = "/",
                                         .scheme = "https",
                                         .authority = "test",
                                         .head = on_head,
                                         .data = on_data,
                                         .end = on_end,
                                         .arg = w};
    *state = w;
    return 0;
}

static int world_free(void **state)
{
    struct world *w = *state;

    kube_h2_free(w->h2);
    close(w->server);
    event_del(&w->guard);
    event_base_free(w->base);
    text_done(&w->log);
    free(w);
    return 0;
}

/* Length, type, flags, stream. */
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define DATA_OF_NO_STREAM "\0\0\1\0\0\0\0\0\0x"
#define WINDOW_TOO_LARGE "\0\0\4\10\0\0\0\0\0\x7f\xff\xff\xff"

static const struct {
    const char *name, *bytes;
    size_t len;
} faults[] = {
    {"data of stream 0", SETTINGS DATA_OF_NO_STREAM, 19},
    {"a window beyond 2^31", SETTINGS WINDOW_TOO_LARGE, 22},
};

/* The connection is of no use any more, though the server keeps it open and says nothing. */
static void test_broken_rules(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        struct world *w = *state;

        assert_true(kube_h2_can_open(w->h2));
        kube_h2_open(w->h2, &w->exchange);
        assert_int_equal(write(w->server, faults[i].bytes, faults[i].len), faults[i].len);
        event_base_dispatch(w->base);
        if (!w->is_closed)
            fail_msg("%s: the connection stays", faults[i].name);
        assert_string_equal(text_str(&w->log), "end -71 seen;closed -71;"); /* -EPROTO */
        world_free(state);
        world_new(state);
    }
}

#define HEAD_200 "\0\0\1\1\4\0\0\0\1\x88"
#define REFUSED "\0\0\4\3\0\0\0\0\1\0\0\0\7"

/* A head comes once: what has one is not sent again, whatever the server says of it later. */
static void test_refused_after_its_head(void **state)
{
    static const char bytes[] = SETTINGS HEAD_200 REFUSED;
    struct world *w = *state;

    w->exchange.end = on_last_end;
    kube_h2_open(w->h2, &w->exchange);
    assert_int_equal(write(w->server, bytes, sizeof(bytes) - 1), sizeof(bytes) - 1);
    event_base_dispatch(w->base);
    assert_string_equal(text_str(&w->log), "head 200;end -104 seen;"); /* -ECONNRESET */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_new, world_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_broken_rules),
        TEST(test_refused_after_its_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
