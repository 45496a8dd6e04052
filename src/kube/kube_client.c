/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_client_int.h"

#include "kube/kube_url.h"

#include <errno.h>
#include <stdlib.h>

#define PING_INTERVAL_NS (30 * NS_PER_SEC) /* client-go's figures */
#define PING_TIMEOUT_NS (15 * NS_PER_SEC)
#define CONNECT_TIMEOUT_NS (10 * NS_PER_SEC)
#define CONNECT_PATIENCE_NS (3 * NS_PER_SEC)

enum { HTTP1_CONNECTIONS_MAX = 64 };

void kube_client_pump(struct kube_client *c)
{
    event_active(&c->pump, EV_TIMEOUT, 0);
}

/* Sends what the connection takes; false when calls are left over. */
static bool send_waiting(struct kube_client *c)
{
    while (!TAILQ_EMPTY(&c->waiting)) {
        if (c->current == NULL || !kube_h2_can_open(c->current->h2))
            return false;
        kube_call_send(TAILQ_FIRST(&c->waiting), c->current);
    }
    return true;
}

static void dial_http1(struct kube_client *c)
{
    struct kube_conn_counts counts = kube_conn_counts(c);
    size_t dialling = counts.dialling, open = counts.dialling + counts.http1;
    const struct kube_call *call;

    TAILQ_FOREACH(call, &c->waiting, link)
    {
        if (dialling > 0) {
            dialling--; /* that one is under way */
            continue;
        }
        if (open++ >= HTTP1_CONNECTIONS_MAX)
            return;
        kube_conn_dial(c);
    }
}

/* The first that waits, is among the `upto` that were started first, and has waited so long. */
static struct kube_call *waiting_before(struct kube_client *c, uint64_t upto, int64_t age_ns)
{
    struct mono now = mono_now();
    struct kube_call *call;

    TAILQ_FOREACH(call, &c->waiting, link)
    {
        if (call->serial <= upto && mono_sub(now, call->started) >= age_ns)
            return call;
    }
    return NULL;
}

void kube_client_fail_waiting(struct kube_client *c, int64_t age_ns, int code, const char *text)
{
    CLEANUP(xfreep) char *copy = xstrdup(text);
    uint64_t upto = c->stats.calls; /* what the handlers start is not for us to end */
    struct kube_call *call;

    while ((call = waiting_before(c, upto, age_ns)) != NULL)
        kube_call_fail(call, code, copy);
}

/* Whether there are credentials to send something with. */
static bool auth_ready(struct kube_client *c)
{
    switch (kube_auth_prepare(c->auth, mono_now())) {
    case KUBE_AUTH_READY:
        return true;
    case KUBE_AUTH_BUSY:
        return false;
    case KUBE_AUTH_FAILED:
        kube_client_fail_waiting(c, 0, -EACCES, kube_auth_text(c->auth));
        return false;
    }
    return false;
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
    struct kube_client *c = arg;

    (void)fd;
    (void)what;
    kube_conn_reap(c);
    while (!TAILQ_EMPTY(&c->dead))
        kube_call_free(TAILQ_FIRST(&c->dead));
    if (TAILQ_EMPTY(&c->waiting) || !auth_ready(c) || send_waiting(c))
        return;
    if (event_pending(&c->redial, EV_TIMEOUT, NULL))
        return;
    if (c->http1)
        dial_http1(c);
    else if (c->current == NULL && kube_conn_counts(c).dialling == 0)
        kube_conn_dial(c);
}

static void on_redial(evutil_socket_t fd, short what, void *arg)
{
    on_pump(fd, what, arg);
}

/* --- TLS --- */

static int tls_replace(struct kube_client *c, const struct kube_tls_pem *pem, struct err *err)
{
    struct kube_tls_pem all = *pem;
    SSL_CTX *tls;
    int r;

    if (!c->options.config->tls)
        return 0;
    if (kube_auth_cert(c->auth) != NULL) {
        all.cert = kube_auth_cert(c->auth);
        all.key = kube_auth_key(c->auth);
    }
    r = kube_tls_new(&tls, c->options.config, &all, err);
    if (r < 0)
        return r;
    SSL_CTX_free(c->tls);
    c->tls = tls;
    return 0;
}

/* New streams move to a new connection; the one before drains. */
static bool tls_change(struct kube_client *c, const struct kube_tls_pem *pem)
{
    CLEANUP(err_done) struct err err = {0};

    if (tls_replace(c, pem, &err) < 0) {
        log_warn("certificates not used", F_S("cause", err_text(&err)));
        return false;
    }
    log_info("certificates for the API server have changed");
    kube_conn_retire_all(c);
    kube_client_pump(c);
    return true;
}

static bool on_reload(void *arg, const struct kube_tls_pem *pem)
{
    return tls_change(arg, pem);
}

static void on_auth(void *arg, bool has_other_cert)
{
    struct kube_client *c = arg;

    if (has_other_cert)
        (void)tls_change(c, kube_reload_pem(c->reload)); /* it has logged why not */
    kube_client_pump(c);
}

/* --- life --- */

static int64_t or_default(int64_t ns, int64_t if_zero)
{
    return ns != 0 ? ns : if_zero;
}

static void set_options(struct kube_client *c, const struct kube_client_options *options)
{
    const struct kube_config *config = options->config;

    c->options = *options;
    c->options.ping_interval_ns = or_default(options->ping_interval_ns, PING_INTERVAL_NS);
    c->options.ping_timeout_ns = or_default(options->ping_timeout_ns, PING_TIMEOUT_NS);
    c->options.connect_timeout_ns = or_default(options->connect_timeout_ns, CONNECT_TIMEOUT_NS);
    c->options.connect_patience_ns = or_default(options->connect_patience_ns, CONNECT_PATIENCE_NS);
    c->user_agent = xstrdup(options->user_agent);
    c->authority = kube_host_port(config->host, config->port);
}

static void init_lists(struct kube_client *c)
{
    TAILQ_INIT(&c->waiting);
    TAILQ_INIT(&c->sent);
    TAILQ_INIT(&c->dead);
    TAILQ_INIT(&c->fetches);
    LIST_INIT(&c->conns);
    event_assign(&c->pump, c->options.base, -1, 0, on_pump, c);
    event_assign(&c->redial, c->options.base, -1, 0, on_redial, c);
}

int kube_client_new(struct kube_client **ret, const struct kube_client_options *options,
                    struct err *err)
{
    CLEANUP(kube_client_freep) struct kube_client *c = xcalloc(1, sizeof(*c));
    int r;

    set_options(c, options);
    init_lists(c);
    c->dns = kube_dns_new(options->base);
    c->auth = kube_auth_new(&(struct kube_auth_options){
        .base = options->base, .config = options->config, .changed = on_auth, .arg = c});
    r = kube_reload_new(
        &c->reload,
        &(struct kube_reload_options){
            .base = options->base, .config = options->config, .changed = on_reload, .arg = c},
        err);
    if (r >= 0)
        r = tls_replace(c, kube_reload_pem(c->reload), err);
    if (r < 0)
        return err_wrap(err, "%s", options->config->source);
    *ret = TAKE(c);
    return 0;
}

static void free_calls(struct kube_calls *calls)
{
    while (!TAILQ_EMPTY(calls))
        kube_call_free(TAILQ_FIRST(calls));
}

struct kube_client *kube_client_free(struct kube_client *c)
{
    if (c == NULL)
        return NULL;
    event_del(&c->pump);
    event_del(&c->redial);
    kube_conn_free_all(c);
    free_calls(&c->waiting);
    free_calls(&c->sent);
    free_calls(&c->dead);
    kube_fetch_free_all(c);
    kube_reload_free(c->reload);
    kube_auth_free(c->auth);
    kube_dns_free(c->dns);
    SSL_CTX_free(c->tls);
    free(c->user_agent);
    free(c->authority);
    free(c);
    return NULL;
}

/* --- for logs, metrics and tests --- */

static size_t count_calls(const struct kube_calls *calls)
{
    const struct kube_call *call;
    size_t count = 0;

    TAILQ_FOREACH(call, calls, link)
    count++;
    return count;
}

struct kube_client_stats kube_client_stats(const struct kube_client *c)
{
    struct kube_client_stats stats = c->stats;
    const struct kube_conn *conn;

    LIST_FOREACH(conn, &c->conns, link)
    kube_conn_count_bytes(conn, &stats);
    stats.http2 = c->current != NULL;
    stats.connected = stats.http2 || kube_conn_counts(c).http1 > 0;
    stats.open_calls = count_calls(&c->waiting) + count_calls(&c->sent);
    return stats;
}
