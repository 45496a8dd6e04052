/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_connect.h"

#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_base64.h"
#include "kube/kube_url.h"

#include <ctype.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_MAX = 16384 };

struct kube_connect {
    struct bufferevent *stream; /* does not own the socket */
    kube_connect_fn done;
    void *arg;
};

struct kube_connect *kube_connect_free(struct kube_connect *c)
{
    int fd;

    if (c == NULL)
        return NULL;
    fd = bufferevent_getfd(c->stream);
    bufferevent_free(c->stream);
    close(fd);
    free(c);
    return NULL;
}

static void fail(struct kube_connect *c, const char *text)
{
    kube_connect_fn done = c->done;
    void *arg = c->arg;

    kube_connect_free(c);
    done(arg, -1, text);
}

static void succeed(struct kube_connect *c)
{
    struct kube_connect was = *c;
    int fd = bufferevent_getfd(c->stream);

    bufferevent_free(c->stream);
    free(c);
    was.done(was.arg, fd, "");
}

/* "HTTP/1.1 200 Connection established" */
static bool is_success(const char *line)
{
    return strncmp(line, "HTTP/1.", 7) == 0 && isdigit((unsigned char)line[7]) && line[8] == ' ' &&
           line[9] == '2' && isdigit((unsigned char)line[10]) && isdigit((unsigned char)line[11]);
}

static void on_readable(struct bufferevent *stream, void *arg)
{
    struct kube_connect *c = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    CLEANUP(xfreep) char *line = NULL;
    CLEANUP(xfreep) char *text = NULL;

    if (end.pos < 0) {
        if (evbuffer_get_length(input) > HEAD_MAX)
            fail(c, "proxy: too long an answer");
        return;
    }
    line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF);
    if (line == NULL || !is_success(line)) {
        text = xasprintf("proxy: %.100s", line != NULL ? line : "no answer");
        str_replace_controls(text);
        fail(c, text);
        return;
    }
    evbuffer_drain(input, (size_t)end.pos + 4 - strlen(line) - 2);
    if (evbuffer_get_length(input) > 0) /* the server speaks first in no protocol of ours */
        fail(c, "proxy: bytes behind its answer");
    else
        succeed(c);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    int error = EVUTIL_SOCKET_ERROR();

    (void)stream;
    fail(arg, (what & BEV_EVENT_ERROR) != 0 ? strerror(error) : "proxy: connection closed");
}

struct kube_connect *kube_connect_new(struct event_base *base, int fd_take,
                                      const struct kube_connect_target *target,
                                      kube_connect_fn done, void *arg)
{
    struct kube_connect *c = xcalloc(1, sizeof(*c));
    CLEANUP(xfreep) char *authority = kube_host_port(target->host, target->port);
    struct evbuffer *output;

    c->done = done;
    c->arg = arg;
    c->stream = bufferevent_socket_new(base, fd_take, 0);
    bufferevent_setcb(c->stream, on_readable, NULL, on_event, c);
    output = bufferevent_get_output(c->stream);
    evbuffer_add_printf(output, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", authority, authority);
    if (*target->userinfo != '\0') {
        CLEANUP(xfreep) char *basic = kube_basic(target->userinfo);

        evbuffer_add_printf(output, "Proxy-Authorization: %s\r\n", basic);
    }
    evbuffer_add(output, "\r\n", 2);
    bufferevent_enable(c->stream, EV_READ | EV_WRITE);
    return c;
}
