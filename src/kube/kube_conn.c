/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_client_int.h"

#include "base/delay.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>

#define LOG_INTERVAL_NS (10 * NS_PER_SEC)
#define REDIAL_FIRST_NS (200 * NS_PER_MS)
#define REDIAL_MAX_NS (2 * NS_PER_SEC)

/* --- logs --- */

static void log_up(struct kube_conn *conn)
{
    struct kube_client *c = conn->client;
    const char *protocol = conn->h2 != NULL ? "HTTP/2" : "HTTP/1.1";

    if (conn->h2 == NULL || !log_limit_pass(&c->limit_up, mono_now().ns, LOG_INTERVAL_NS))
        log_debug("connected to the API server", F_S("address", conn->address),
                  F_S("protocol", protocol));
    else
        log_info("connected to the API server", F_S("address", conn->address),
                 F_S("protocol", protocol));
}

static void log_lost(struct kube_client *c, const char *address, const char *text)
{
    if (log_limit_pass(&c->limit_lost, mono_now().ns, LOG_INTERVAL_NS))
        log_info("connection to the API server lost", F_S("address", address), F_S("cause", text),
                 F_U("unlogged", c->limit_lost.suppressed));
}

static void log_failed(struct kube_client *c, const struct kube_dial_result *result)
{
    if (log_limit_pass(&c->limit_failed, mono_now().ns, LOG_INTERVAL_NS))
        log_info(
            "no connection to the API server",
            F_S("address", *result->address != '\0' ? result->address : c->options.config->host),
            F_S("cause", result->text), F_U("unlogged", c->limit_failed.suppressed));
}

/* --- life --- */

void kube_conn_count_bytes(const struct kube_conn *conn, struct kube_client_stats *stats)
{
    if (conn->h2 != NULL) {
        struct kube_h2_counts counts = kube_h2_counts(conn->h2);

        stats->bytes_in += counts.bytes_in;
        stats->bytes_out += counts.bytes_out;
    } else if (conn->h1 != NULL) {
        struct kube_h1_counts counts = kube_h1_counts(conn->h1);

        stats->bytes_in += counts.bytes_in;
        stats->bytes_out += counts.bytes_out;
    }
}

static void conn_die(struct kube_conn *conn)
{
    struct kube_client *c = conn->client;

    conn->is_dead = true;
    if (c->current == conn)
        c->current = NULL;
    kube_client_pump(c);
}

static void conn_free(struct kube_conn *conn)
{
    LIST_REMOVE(conn, link);
    kube_conn_count_bytes(conn, &conn->client->stats);
    kube_dial_free(conn->dial);
    kube_h2_free(conn->h2);
    kube_h1_free(conn->h1);
    free(conn->address);
    free(conn);
}

void kube_conn_reap(struct kube_client *c)
{
    struct kube_conn *next;

    for (struct kube_conn *conn = LIST_FIRST(&c->conns); conn != NULL; conn = next) {
        next = LIST_NEXT(conn, link);
        if (conn->is_dead)
            conn_free(conn);
    }
}

void kube_conn_free_all(struct kube_client *c)
{
    c->current = NULL;
    while (!LIST_EMPTY(&c->conns))
        conn_free(LIST_FIRST(&c->conns));
}

struct kube_conn_counts kube_conn_counts(const struct kube_client *c)
{
    struct kube_conn_counts counts = {0};
    const struct kube_conn *conn;

    LIST_FOREACH(conn, &c->conns, link)
    {
        if (conn->is_dead)
            continue;
        counts.dialling += conn->dial != NULL;
        counts.http1 += conn->h1 != NULL;
    }
    return counts;
}

static void retire_current(struct kube_client *c)
{
    struct kube_conn *conn = c->current;

    c->current = NULL;
    if (conn != NULL)
        kube_h2_retire(conn->h2);
}

void kube_conn_retire_all(struct kube_client *c)
{
    struct kube_conn *conn;

    retire_current(c);
    LIST_FOREACH(conn, &c->conns, link)
    {
        if (conn->dial == NULL)
            continue;
        conn->dial = kube_dial_free(conn->dial);
        conn_die(conn);
    }
}

/* --- HTTP/2 --- */

static void on_h2_goaway(void *arg, struct kube_h2 *h)
{
    struct kube_conn *conn = arg;
    struct kube_client *c = conn->client;

    (void)h;
    c->stats.goaways++;
    log_debug("the API server asks to leave the connection", F_S("address", conn->address));
    if (c->current == conn)
        c->current = NULL;
    kube_client_pump(c);
}

static void on_h2_room(void *arg, struct kube_h2 *h)
{
    struct kube_conn *conn = arg;

    (void)h;
    kube_client_pump(conn->client);
}

static void on_h2_closed(void *arg, struct kube_h2 *h, int code, const char *text)
{
    struct kube_conn *conn = arg;

    if (kube_h2_counts(h).ping_timed_out)
        conn->client->stats.ping_timeouts++;
    if (code != 0)
        log_lost(conn->client, conn->address, text);
    else
        log_debug("connection to the API server closed", F_S("address", conn->address));
    conn_die(conn);
}

static void h2_start(struct kube_conn *conn, struct bufferevent *stream)
{
    struct kube_client *c = conn->client;

    retire_current(c); /* of two that were dialled at the same time */
    c->http1 = false;
    c->current = conn;
    conn->h2 = kube_h2_new(&(struct kube_h2_options){
        .base = c->options.base,
        .stream_take = stream,
        .ping_interval_ns = c->options.ping_interval_ns,
        .ping_timeout_ns = c->options.ping_timeout_ns,
        .goaway = on_h2_goaway,
        .has_room = on_h2_room,
        .closed = on_h2_closed,
        .arg = conn,
    });
}

/* --- HTTP/1.1 --- */

static void on_h1_closed(void *arg, struct kube_h1 *h)
{
    (void)h;
    conn_die(arg);
}

struct kube_h1 *kube_conn_open_h1(struct kube_conn *conn, const struct kube_exchange *exchange)
{
    conn->h1 = kube_h1_new(&(struct kube_h1_options){
        .base = conn->client->options.base,
        .stream_take = TAKE(conn->fresh),
        .exchange = exchange,
        .closed = on_h1_closed,
        .arg = conn,
    });
    return conn->h1;
}

/* It is for one call, whichever waits longest by now. */
static void h1_start(struct kube_conn *conn, struct bufferevent *stream)
{
    struct kube_client *c = conn->client;

    c->http1 = true;
    if (TAILQ_EMPTY(&c->waiting)) {
        bufferevent_free(stream);
        conn_die(conn);
        return;
    }
    conn->fresh = stream;
    kube_call_send(TAILQ_FIRST(&c->waiting), conn);
}

/* --- dialling --- */

/* Calls wait on for a while, unless waiting cannot help. */
static void dial_failed(struct kube_client *c, const struct kube_dial_result *result)
{
    CLEANUP(xfreep)
    char *text = *result->address != '\0' ? xasprintf("%s: %s", result->address, result->text)
                                          : xstrdup(result->text);
    struct timeval pause;

    log_failed(c, result);
    c->redial_ns = c->redial_ns == 0 ? REDIAL_FIRST_NS : c->redial_ns * 2;
    if (c->redial_ns > REDIAL_MAX_NS)
        c->redial_ns = REDIAL_MAX_NS;
    pause = delay_from_ns(c->redial_ns);
    event_add(&c->redial, &pause);
    kube_client_fail_waiting(c, result->code == -EACCES ? 0 : c->options.connect_patience_ns,
                             result->code, text);
}

static void on_dialled(void *arg, struct kube_dial *d, const struct kube_dial_result *result)
{
    struct kube_conn *conn = arg;
    struct kube_client *c = conn->client;

    if (result->code != 0) {
        dial_failed(c, result);
        conn->dial = kube_dial_free(d);
        conn_die(conn);
        return;
    }
    c->redial_ns = 0;
    c->stats.connects++;
    conn->address = xstrdup(result->address);
    if (result->h2)
        h2_start(conn, result->stream);
    else
        h1_start(conn, result->stream);
    log_up(conn);
    conn->dial = kube_dial_free(d);
    kube_client_pump(c);
}

void kube_conn_dial(struct kube_client *c)
{
    struct kube_conn *conn = xcalloc(1, sizeof(*conn));

    conn->client = c;
    LIST_INSERT_HEAD(&c->conns, conn, link);
    conn->dial = kube_dial_new(&(struct kube_dial_options){
        .base = c->options.base,
        .dns = c->dns,
        .config = c->options.config,
        .tls = c->tls,
        .timeout_ns = c->options.connect_timeout_ns,
        .done = on_dialled,
        .arg = conn,
    });
}
