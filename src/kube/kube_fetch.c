/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_client_int.h"

#include "base/delay.h"
#include "base/text.h"
#include "kube/kube_status.h"

#include <errno.h>
#include <stdlib.h>

enum { TRIES_MAX = 10, TOO_MANY_REQUESTS = 429 };

struct kube_fetch {
    TAILQ_ENTRY(kube_fetch) link;
    struct kube_client *client;
    struct arena *arena; /* of the request */
    struct kube_request request;
    kube_reply_fn done;
    void *arg;
    struct kube_call *call; /* NULL while it waits */
    struct event again;
    unsigned tries;
    unsigned status;
    int64_t retry_after_ns;
    struct text body;
};

static void fetch_free(struct kube_fetch *f)
{
    TAILQ_REMOVE(&f->client->fetches, f, link);
    event_del(&f->again);
    text_done(&f->body);
    arena_free(f->arena);
    free(f);
}

/* The last that happens to it. */
static void fetch_end(struct kube_fetch *f, int code, const char *text)
{
    struct kube_refusal status = {0};
    struct kube_reply reply = {.code = code,
                               .status = f->status,
                               .text = text,
                               .reason = "",
                               .bytes = text_str(&f->body),
                               .len = f->body.len,
                               .retry_after_ns = f->retry_after_ns};

    f->call = NULL;
    if (code == 0 && f->status / 100 != 2) {
        status = kube_refusal_read(f->status, reply.bytes, reply.len);
        reply.text = status.text;
        reply.reason = status.reason;
        if (reply.retry_after_ns < 0)
            reply.retry_after_ns = status.retry_after_ns;
    }
    f->done(f->arg, &reply);
    kube_refusal_done(&status);
    fetch_free(f);
}

static void on_head(void *arg, const struct kube_answer *answer)
{
    struct kube_fetch *f = arg;

    f->status = answer->status;
    f->retry_after_ns = answer->retry_after_ns;
    if (*answer->warning != '\0')
        log_debug("the API server warns", F_S("path", f->request.path),
                  F_S("text", answer->warning));
}

static void on_data(void *arg, const char *bytes, size_t len)
{
    struct kube_fetch *f = arg;

    if (len <= KUBE_BODY_MAX - f->body.len) {
        text_add_n(&f->body, bytes, len);
        return;
    }
    kube_call_cancel(f->call);
    text_done(&f->body);
    fetch_end(f, -EMSGSIZE, "too long an answer");
}

/* Spec kubernetes-client 1.1 item 9: only when the server says how long. */
static bool is_to_wait(const struct kube_fetch *f, int code)
{
    return code == 0 && f->retry_after_ns >= 0 && f->tries < TRIES_MAX &&
           (f->status == TOO_MANY_REQUESTS || f->status / 100 == 5);
}

static void on_end(void *arg, const struct kube_end *end)
{
    struct kube_fetch *f = arg;
    struct timeval pause;

    f->call = NULL;
    if (!is_to_wait(f, end->code)) {
        fetch_end(f, end->code, end->text);
        return;
    }
    log_debug("the API server asks to wait", F_S("path", f->request.path), F_U("status", f->status),
              F_I("seconds", f->retry_after_ns / NS_PER_SEC));
    pause = delay_from_ns(f->retry_after_ns);
    event_add(&f->again, &pause);
}

static const struct kube_handlers handlers = {on_head, on_data, on_end};

static void fetch_send(struct kube_fetch *f)
{
    f->tries++;
    f->status = 0;
    f->retry_after_ns = -1;
    text_done(&f->body);
    f->call = kube_call_start(f->client, &f->request, &handlers, f);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    fetch_send(arg);
}

struct kube_fetch *kube_fetch_start(struct kube_client *c, const struct kube_request *request,
                                    kube_reply_fn done, void *arg)
{
    struct kube_fetch *f = xcalloc(1, sizeof(*f));

    f->client = c;
    f->arena = arena_new();
    f->request = kube_request_copy(f->arena, request);
    f->done = done;
    f->arg = arg;
    event_assign(&f->again, c->options.base, -1, 0, on_again, f);
    TAILQ_INSERT_TAIL(&c->fetches, f, link);
    fetch_send(f);
    return f;
}

void kube_fetch_cancel(struct kube_fetch *f)
{
    if (f->call != NULL)
        kube_call_cancel(f->call);
    fetch_free(f);
}

void kube_fetch_free_all(struct kube_client *c)
{
    while (!TAILQ_EMPTY(&c->fetches))
        fetch_free(TAILQ_FIRST(&c->fetches));
}
