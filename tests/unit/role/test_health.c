/* SPDX-License-Identifier: Apache-2.0 */
#include "role/health.h"

#include "base/macro.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* One that nobody has now. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void on_event(struct bufferevent *b, short what, void *arg)
{
    bool *ended = arg;

    (void)b;
    *ended = (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0;
}

/* The whole answer to one request. */
static void ask(struct event_base *base, uint16_t port, const char *request, struct text *ret)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct bufferevent *b = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bool ended = false;
    char bytes[2048];
    size_t len;

    bufferevent_setcb(b, NULL, NULL, on_event, &ended);
    bufferevent_enable(b, EV_READ | EV_WRITE);
    assert_int_equal(bufferevent_socket_connect(b, (struct sockaddr *)&a, sizeof(a)), 0);
    bufferevent_write(b, request, strlen(request));
    while (!ended)
        event_base_loop(base, EVLOOP_ONCE);
    while ((len = bufferevent_read(b, bytes, sizeof(bytes))) > 0)
        text_add_n(ret, bytes, len);
    bufferevent_free(b);
}

static void answers(void **state)
{
    static const struct {
        const char *path;
        int code;
        const char *body;
    } rows[] = {
        {"/healthz", 200, "ok"},
        {"/readyz", 200, "ok"},
        {"/healthz/", 200, "ok"},
        {"/healthz?verbose", 200, "[+]healthz ok\nhealthz check passed\n"},
        {"/readyz?a=b&verbose=1", 200, "[+]readyz ok\nhealthz check passed\n"},
        {"/readyz/?verbose", 200, "[+]readyz ok\nhealthz check passed\n"},
        {"/healthz?verbos", 200, "ok"},
        {"/healthz/healthz", 200, "ok"},
        {"/readyz/readyz?verbose", 200, "ok"},
        {"/healthz/readyz", 404, "404 page not found\n"},
        {"/healthzz", 404, "404 page not found\n"},
        {"/", 404, "404 page not found\n"},
        {"/metrics", 404, "404 page not found\n"},
    };
    static const char *const addresses[] = {"", "127.0.0.1"};

    (void)state;
    for (size_t a = 0; a < ARRAY_SIZE(addresses); a++) {
        struct event_base *base = event_base_new();
        uint16_t port = free_port();
        CLEANUP(err_done) struct err err = {0};
        struct health *h = NULL;

        assert_int_equal(health_new(&h, base, addresses[a], port, &err), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            CLEANUP(text_done) struct text got = {0};
            char request[128], head[32];
            const char *body;

            snprintf(request, sizeof(request),
                     "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", rows[i].path);
            snprintf(head, sizeof(head), "HTTP/1.1 %d ", rows[i].code);
            ask(base, port, request, &got);
            body = strstr(text_str(&got), "\r\n\r\n");
            if (strncmp(text_str(&got), head, strlen(head)) != 0 || body == NULL ||
                strcmp(body + 4, rows[i].body) != 0)
                fail_msg("%s: %s", rows[i].path, text_str(&got));
        }
        health_free(h);
        event_base_free(base);
    }
}

static void says_what_is_wrong(void **state)
{
    struct event_base *base = event_base_new();
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(health_freep) struct health *h = NULL;
    struct health *second = NULL;
    uint16_t port = free_port();

    (void)state;
    assert_int_equal(health_new(&second, base, "", 0, &err), 0);
    assert_null(second);
    assert_int_equal(health_new(&second, base, "nowhere", 80, &err), -EINVAL);
    assert_int_equal(health_new(&h, base, "", port, &err), 0);
    assert_int_equal(health_new(&second, base, "", port, &err), -EADDRINUSE);
    assert_non_null(strstr(err_text(&err), "Address already in use"));
    assert_null(second);
    h = health_free(h);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(says_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
