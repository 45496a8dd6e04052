/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP to the API server (spec kubernetes-client 2). One HTTP/2 connection carries all watches and
 * writes; a server or proxy that speaks only HTTP/1.1 gets one connection a call.
 *
 * The client reconnects by itself: calls that no server has seen (GOAWAY, REFUSED_STREAM, a
 * connection that never came up) are sent again on the next connection, within connect_patience_ns;
 * all others end with an error and their owner decides. A dead peer is noticed by PING after 30 s
 * without a frame and 15 s without its ACK. Tokens, client certificates and the CA are read again
 * when their files change; a 401 reads the token at once and sends the call a second time.
 *
 * The process must ignore SIGPIPE: servers close connections while we write.
 */
#pragma once

#include <event2/event.h>

#include "base/err.h"
#include "base/macro.h"
#include "kube/kube_config.h"

struct kube_client;

struct kube_client_options {
    struct event_base *base;                   /* borrowed */
    const struct kube_config *config;          /* borrowed until kube_client_free */
    const char *user_agent;                    /* copied */
    int64_t ping_interval_ns, ping_timeout_ns; /* 0: 30 s and 15 s */
    int64_t connect_timeout_ns;                /* 0: 10 s, of TCP, proxy and TLS together */
    int64_t connect_patience_ns;               /* 0: 3 s from the start of a call */
};

/* Nothing is connected until the first call. */
NODISCARD int kube_client_new(struct kube_client **ret, const struct kube_client_options *options,
                              struct err *err);
/* Ends what is open, fetches too; no handler is called any more. Not from within a handler. */
struct kube_client *kube_client_free(struct kube_client *c);
DEFINE_CLEANUP(struct kube_client, kube_client_free);

struct kube_request {
    const char *method;       /* "GET" */
    const char *path;         /* with its query, percent-encoded; "/api/v1/services?watch=1" */
    const char *accept;       /* NULL: application/json */
    const char *content_type; /* NULL: application/json if there is a body */
    const void *body;         /* copied; NULL for none */
    size_t body_len;
    int64_t stall_ns; /* no byte of the answer for so long ends the call with -ETIMEDOUT; 0: 60 s */
};

struct kube_answer {
    unsigned status;        /* HTTP status */
    int64_t retry_after_ns; /* of the header Retry-After; -1 without one */
    const char *warning;    /* the text of the first Warning header (299), "" without one */
};

/* `code` 0: the answer is complete. Else negative errno, and text for a person: -ECONNREFUSED,
 * -ETIMEDOUT, -ECONNRESET (the stream or the connection broke), -EPROTO, -EACCES (TLS: the server
 * is not who it should be). */
struct kube_end {
    int code;
    const char *text;
};

/* head comes once at most, before data; end comes once and last. Any of them may start and cancel
 * calls, their own too. */
struct kube_handlers {
    void (*head)(void *arg, const struct kube_answer *answer);
    void (*data)(void *arg, const char *bytes, size_t len); /* decompressed */
    void (*end)(void *arg, const struct kube_end *end);
};

struct kube_call;

/* Never fails at once: errors come through `end`, from the loop and not from within this call. The
 * call belongs to the client and is gone after `end`. */
struct kube_call *kube_call_start(struct kube_client *c, const struct kube_request *request,
                                  const struct kube_handlers *handlers, void *arg);
void kube_call_cancel(struct kube_call *call); /* no handler of it is called any more */

/* --- whole answers --- */

struct kube_reply {
    int code;           /* as in kube_end */
    unsigned status;    /* 0 when there was no answer */
    const char *text;   /* one line for people: what failed, with the message of a Status object; ""
                           when the status is 2xx */
    const char *reason; /* of a Status object: "Conflict", "AlreadyExists"; "" otherwise */
    const char *bytes;  /* the body, NUL-terminated */
    size_t len;
    int64_t retry_after_ns;
};

typedef void (*kube_reply_fn)(void *arg, const struct kube_reply *reply);

enum { KUBE_BODY_MAX = 16 << 20 };

/*
 * Collects the answer. 429 and 5xx with Retry-After are waited for and sent again, up to ten times
 * (spec 1.1 item 9); everything else is reported as it comes.
 */
struct kube_fetch;
struct kube_fetch *kube_fetch_start(struct kube_client *c, const struct kube_request *request,
                                    kube_reply_fn done, void *arg);
void kube_fetch_cancel(struct kube_fetch *f); /* not after `done` */

/* --- for logs, metrics and tests --- */

struct kube_client_stats {
    bool connected, http2;
    uint64_t connects, calls, retried, goaways, ping_timeouts, bytes_in, bytes_out;
    size_t open_calls;
};
struct kube_client_stats kube_client_stats(const struct kube_client *c);
