/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/token_gate.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "serve/review_wire.h"
#include "serve/token_cache.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_QUESTIONS_MAX = 16 };
#define REVIEW_PATIENCE_NS (10 * NS_PER_SEC)
#define COMPLAINT_INTERVAL_NS (60 * NS_PER_SEC)

struct token_gate {
    struct event_base *base;
    struct kube_client *client;
    const char *path;
    struct token_cache cache;
    unsigned open; /* questions */
    struct log_limit limit;
};

struct token_question {
    struct token_gate *gate;
    struct token_digest digest;
    json_t *user; /* owned; NULL until it is known */
    struct kube_fetch *fetch;
    struct event patience;
    token_fn fn;
    void *arg;
};

struct token_gate *token_gate_new(struct event_base *base, struct kube_client *client,
                                  const char *path)
{
    struct token_gate *g = xcalloc(1, sizeof(*g));

    g->base = base;
    g->client = client;
    g->path = path;
    return g;
}

struct token_gate *token_gate_free(struct token_gate *g)
{
    if (g == NULL)
        return NULL;
    token_cache_done(&g->cache);
    free(g);
    return NULL;
}

/* --- the end of a question --- */

void token_question_cancel(struct token_question *q)
{
    if (q->fetch != NULL)
        kube_fetch_cancel(q->fetch);
    (void)event_del(&q->patience);
    q->gate->open--;
    json_decref(q->user);
    free(q);
}

static void conclude(struct token_question *q, enum token_verdict verdict)
{
    json_t *user = json_incref(q->user);
    token_fn fn = q->fn;
    void *arg = q->arg;

    token_question_cancel(q);
    fn(arg, verdict, review_user_name(user));
    json_decref(user);
}

static void fail(struct token_question *q, const char *why)
{
    bool is_user = q->user == NULL;

    if (log_limit_pass(&q->gate->limit, mono_now().ns, COMPLAINT_INTERVAL_NS))
        log_warn(is_user ? "Authentication failed" : "Authorization failed", F_S("op", "metrics"),
                 F_S("error", why));
    conclude(q, is_user ? TOKEN_USER_NOT_TOLD : TOKEN_RIGHT_NOT_TOLD);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    fail(arg, "the API server did not answer in time");
}

/* --- what is asked --- */

static bool is_good(const struct kube_reply *reply)
{
    return reply->code == 0 && reply->status >= 200 && reply->status < 300;
}

static void ask(struct token_question *q, const char *path, char *body_take, kube_reply_fn done)
{
    struct timeval tv = delay_from_ns(REVIEW_PATIENCE_NS);
    const struct kube_request post = {
        .method = "POST",
        .path = path,
        .body = body_take,
        .body_len = strlen(body_take),
    };

    q->fetch = kube_fetch_start(q->gate->client, &post, done, q);
    (void)event_add(&q->patience, &tv); /* fails only without memory */
    free(body_take);
}

static void on_access(void *arg, const struct kube_reply *reply)
{
    CLEANUP(err_done) struct err err = {0};
    struct token_question *q = arg;
    bool allowed;

    q->fetch = NULL;
    if (!is_good(reply)) {
        fail(q, reply->text);
        return;
    }
    if (review_read_access(&allowed, reply->bytes, reply->len, &err) < 0) {
        fail(q, err_text(&err));
        return;
    }
    token_cache_put_access(&q->gate->cache, &q->digest, allowed, mono_now());
    conclude(q, allowed ? TOKEN_MAY : TOKEN_MAY_NOT);
}

static void ask_access(struct token_question *q)
{
    ask(q, "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        review_of_access(q->user, "get", q->gate->path), on_access);
}

static void on_user(void *arg, const struct kube_reply *reply)
{
    CLEANUP(err_done) struct err err = {0};
    struct token_question *q = arg;
    json_t *user;

    q->fetch = NULL;
    if (!is_good(reply)) {
        fail(q, reply->text);
        return;
    }
    if (review_read_token(&user, reply->bytes, reply->len, &err) < 0) {
        fail(q, err_text(&err));
        return;
    }
    token_cache_put(&q->gate->cache, &q->digest, json_incref(user), mono_now());
    q->user = user;
    if (user != NULL)
        ask_access(q);
    else
        conclude(q, TOKEN_NOBODY);
}

/* RFC 6750 2.1 has no other characters. */
static bool is_token(const char *token)
{
    for (const char *c = token; *c != '\0'; c++) {
        if (*c < '!' || *c > '~')
            return false;
    }
    return *token != '\0';
}

/* What is known already ends it. */
static bool is_known(enum token_verdict *ret, const struct token_entry *e)
{
    enum token_access access;

    if (e == NULL)
        return false;
    access = token_entry_access(e, mono_now());
    if (e->user != NULL && access == TOKEN_ACCESS_UNKNOWN)
        return false;
    *ret = e->user == NULL                  ? TOKEN_NOBODY
           : access == TOKEN_ACCESS_ALLOWED ? TOKEN_MAY
                                            : TOKEN_MAY_NOT;
    return true;
}

static struct token_question *new_question(struct token_gate *g, const struct token_digest *digest)
{
    struct token_question *q = xcalloc(1, sizeof(*q));

    q->gate = g;
    q->digest = *digest;
    (void)event_assign(&q->patience, g->base, -1, 0, on_patience, q); /* cannot fail */
    g->open++;
    return q;
}

struct token_question *token_gate_ask(struct token_gate *g, const char *token, token_fn fn,
                                      void *arg)
{
    const struct token_entry *e;
    enum token_verdict verdict = TOKEN_NOBODY;
    struct token_question *q;
    struct token_digest digest;

    if (EVP_Digest(token, strlen(token), digest.bytes, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* no memory, as in base/mem.c */
    e = token_cache_find(&g->cache, &digest, mono_now());
    if (!is_token(token) || is_known(&verdict, e)) {
        fn(arg, verdict, e != NULL ? review_user_name(e->user) : "");
        return NULL;
    }
    if (g->open >= OPEN_QUESTIONS_MAX) {
        fn(arg, TOKEN_USER_NOT_TOLD, "");
        return NULL;
    }
    q = new_question(g, &digest);
    q->fn = fn;
    q->arg = arg;
    q->user = e != NULL ? json_incref(e->user) : NULL;
    if (q->user != NULL)
        ask_access(q);
    else
        ask(q, "/apis/authentication.k8s.io/v1/tokenreviews", review_of_token(token), on_user);
    return q;
}
