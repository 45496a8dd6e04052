/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the client share. kube_client.c owns everything and decides what is sent where;
 * kube_conn.c has the connections, kube_call.c the calls, kube_fetch.c the whole answers.
 *
 * Nothing is freed in the callback of anything: what has ended waits for the next round.
 */
#pragma once

#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "kube/kube_auth.h"
#include "kube/kube_client.h"
#include "kube/kube_dial.h"
#include "kube/kube_dns.h"
#include "kube/kube_exchange.h"
#include "kube/kube_h1.h"
#include "kube/kube_h2.h"
#include "kube/kube_inflate.h"
#include "kube/kube_reload.h"

/* A connection: first it dials, then it is of one of the two protocols. */
struct kube_conn {
    LIST_ENTRY(kube_conn) link;
    struct kube_client *client;
    struct kube_dial *dial;
    struct kube_h2 *h2;
    struct bufferevent *fresh; /* HTTP/1.1 without its exchange, for a moment */
    struct kube_h1 *h1;
    char *address; /* owned; NULL while it dials */
    bool is_dead;
};

LIST_HEAD(kube_conns, kube_conn);

enum kube_call_state {
    KUBE_CALL_WAITING, /* for a connection */
    KUBE_CALL_SENT,
    KUBE_CALL_DEAD, /* ended or cancelled */
};

struct kube_call {
    TAILQ_ENTRY(kube_call) link;
    struct kube_client *client;
    enum kube_call_state state;
    struct arena *arena;      /* of the request */
    struct arena *head_arena; /* of the head, while it is sent; a watch needs it no more */
    struct kube_request request;
    struct kube_handlers handlers;
    void *arg;
    uint64_t serial; /* from 1 */
    struct mono started, last_rx;
    struct event stall;
    bool is_second; /* sent again after a 401 */

    struct kube_exchange exchange;
    struct kube_h2_stream *stream; /* one of the two, while it is sent */
    struct kube_h1 *h1;
    struct kube_inflate *inflate; /* NULL for an answer that is not compressed */
};

TAILQ_HEAD(kube_calls, kube_call);
TAILQ_HEAD(kube_fetches, kube_fetch);

struct kube_client {
    struct kube_client_options options;
    char *user_agent, *authority;
    struct kube_dns *dns;
    struct kube_auth *auth;
    struct kube_reload *reload;
    SSL_CTX *tls; /* NULL for plain HTTP */

    struct kube_calls waiting, sent, dead;
    struct kube_fetches fetches;
    struct event pump;

    struct kube_conns conns;
    struct kube_conn *current; /* the one for new streams; NULL without */
    bool http1;                /* as the last connection said */
    struct event redial;       /* pending: no dialling before */
    int64_t redial_ns;
    struct log_limit limit_up, limit_lost, limit_failed;

    struct kube_client_stats stats; /* of what is over; kube_client_stats adds what is open */
};

/* Asks for a round of sending and freeing before the loop sleeps. */
void kube_client_pump(struct kube_client *c);
/* Ends the calls that wait, of those started so long ago. */
void kube_client_fail_waiting(struct kube_client *c, int64_t age_ns, int code, const char *text);

/* --- kube_conn.c --- */

void kube_conn_dial(struct kube_client *c);
void kube_conn_reap(struct kube_client *c); /* frees those that are dead */
struct kube_h1 *kube_conn_open_h1(struct kube_conn *conn, const struct kube_exchange *exchange);
void kube_conn_free_all(struct kube_client *c);
struct kube_conn_counts {
    size_t dialling, http1; /* alive */
};
struct kube_conn_counts kube_conn_counts(const struct kube_client *c);
void kube_conn_count_bytes(const struct kube_conn *conn, struct kube_client_stats *stats);
/* New calls go elsewhere, what is under way ends where it is; dialling is given up. Not from within
 * a dial. */
void kube_conn_retire_all(struct kube_client *c);

/* --- kube_call.c --- */

void kube_call_send(struct kube_call *call, struct kube_conn *conn); /* takes it off `waiting` */
/* Ends it with an error. */
void kube_call_fail(struct kube_call *call, int code, const char *text);
void kube_call_free(struct kube_call *call);
struct kube_request kube_request_copy(struct arena *a, const struct kube_request *q);

/* --- kube_fetch.c --- */

void kube_fetch_free_all(struct kube_client *c);
