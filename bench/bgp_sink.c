/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver of the benchmark: it takes every session that is dialled to port 179, on any of its
 * addresses, and keeps of the routes only which of 198.18.0.0/15 it holds, a bit each. So it is
 * faster than what it measures, and the same for all.
 *
 *     established N     answered "established T" when N sessions are, with the time of the Nth
 *     holds N ROUTES    answered "holds T" when N sessions hold so many routes each, with the time
 *                       of the last change
 *
 * Lines on stdin; times are CLOCK_MONOTONIC in ns. One question at a time.
 */
#include "base/ip.h"
#include "base/mem.h"
#include "base/mono.h"
#include "bgp_bytes.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BGP_PORT = 179,
    SINK_AS = 64513,
    SINK_ID = 0x0a000001,
    HOLD_S = 90,
    KEEPALIVE_MS = 20000,
    SESSIONS_MAX = 64,
    ROUTES_MAX = 1 << 17, /* 198.18.0.0/15 */
    BUFFER = 1 << 16
};

struct session {
    int fd;
    bool established;
    size_t len;
    uint8_t buffer[BUFFER];
    uint32_t routes;
    uint8_t held[ROUTES_MAX / 8];
};

enum question { ASKS_NOTHING, ASKS_ESTABLISHED, ASKS_HOLDS };

struct sink {
    int listener;
    struct session *sessions[SESSIONS_MAX];
    size_t count;
    struct mono established, changed; /* the last of these */
    struct mono kept_alive;
    enum question question;
    size_t want_sessions;
    uint32_t want_routes;
};

/* --- routes --- */

static void set_route(struct session *s, uint32_t address, bool held)
{
    uint32_t i = address % ROUTES_MAX;
    uint8_t bit = (uint8_t)(1 << i % 8);

    if (((s->held[i / 8] & bit) != 0) == held)
        return;
    s->held[i / 8] ^= bit;
    s->routes = held ? s->routes + 1 : s->routes - 1;
}

static void read_prefixes(struct session *s, struct rd r, bool held)
{
    while (r.left > 0) {
        uint8_t bits = rd_u8(&r);

        if (bits == 32)
            set_route(s, rd_u32(&r), held);
        else
            rd_skip(&r, (bits + 7U) / 8);
    }
}

static void read_update(struct session *s, struct rd r)
{
    read_prefixes(s, rd_sub(&r, rd_u16(&r)), false);
    rd_skip(&r, rd_u16(&r));
    read_prefixes(s, r, true);
}

/* --- sessions --- */

static void answer(struct session *s, bool open)
{
    uint8_t bytes[128];
    struct wr w = wr_to(bytes, sizeof(bytes));

    if (open)
        bytes_open(&w, SINK_AS, SINK_ID, HOLD_S);
    else
        bytes_keepalive(&w);
    (void)!send(s->fd, bytes, w.len, MSG_NOSIGNAL);
}

static void accept_session(struct sink *k)
{
    int fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC);
    struct session *s;

    if (fd < 0 || k->count == SESSIONS_MAX) {
        close(fd);
        return;
    }
    s = xcalloc(1, sizeof(*s));
    s->fd = fd;
    k->sessions[k->count++] = s;
    answer(s, true);
}

static void end_session(struct sink *k, size_t i)
{
    close(k->sessions[i]->fd);
    free(k->sessions[i]);
    k->sessions[i] = k->sessions[--k->count];
    k->changed = mono_now();
}

static void take_message(struct sink *k, struct session *s, struct rd r, uint8_t type)
{
    if (type == BGP_BYTES_OPEN)
        answer(s, false);
    if (type == BGP_BYTES_KEEPALIVE && !s->established) {
        s->established = true;
        k->established = mono_now();
    }
    if (type == BGP_BYTES_UPDATE) {
        read_update(s, r);
        k->changed = mono_now();
    }
}

static void take_messages(struct sink *k, struct session *s)
{
    struct rd r = rd_from(s->buffer, s->len);

    while (r.left >= BGP_BYTES_HEADER) {
        struct rd head = r;
        size_t len;
        uint8_t type;

        rd_skip(&head, 16);
        len = rd_u16(&head);
        type = rd_u8(&head);
        if (len < BGP_BYTES_HEADER || len > r.left)
            break;
        rd_skip(&r, BGP_BYTES_HEADER);
        take_message(k, s, rd_sub(&r, len - BGP_BYTES_HEADER), type);
    }
    memmove(s->buffer, r.pos, r.left);
    s->len = r.left;
}

static bool read_session(struct sink *k, struct session *s)
{
    ssize_t n = recv(s->fd, s->buffer + s->len, sizeof(s->buffer) - s->len, MSG_DONTWAIT);

    if (n <= 0)
        return false;
    s->len += (size_t)n;
    take_messages(k, s);
    return true;
}

/* --- questions --- */

static size_t count_sessions(const struct sink *k)
{
    size_t count = 0;

    for (size_t i = 0; i < k->count; i++)
        if (k->question == ASKS_ESTABLISHED ? k->sessions[i]->established
                                            : k->sessions[i]->routes == k->want_routes)
            count++;
    return count;
}

static void answer_question(struct sink *k)
{
    if (k->question == ASKS_NOTHING || count_sessions(k) < k->want_sessions)
        return;
    if (k->question == ASKS_ESTABLISHED)
        printf("established %" PRId64 "\n", k->established.ns);
    else
        printf("holds %" PRId64 "\n", k->changed.ns);
    fflush(stdout);
    k->question = ASKS_NOTHING;
}

/* False at the end of the input. */
static bool read_question(struct sink *k)
{
    char line[128], *rest;
    ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);

    if (n <= 0)
        return false;
    line[n] = '\0';
    rest = strchr(line, ' ');
    if (rest == NULL)
        return false;
    k->question = line[0] == 'e' ? ASKS_ESTABLISHED : ASKS_HOLDS;
    k->want_sessions = strtoul(rest, &rest, 10);
    k->want_routes = (uint32_t)strtoul(rest, NULL, 10);
    return true;
}

/* --- the program --- */

static int listen_everywhere(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(BGP_PORT)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, SESSIONS_MAX) < 0)
        return -1;
    return fd;
}

static void keep_alive(struct sink *k)
{
    struct mono now = mono_now();

    if (mono_sub(now, k->kept_alive) < KEEPALIVE_MS * NS_PER_MS)
        return;
    k->kept_alive = now;
    for (size_t i = 0; i < k->count; i++)
        if (k->sessions[i]->established)
            answer(k->sessions[i], false);
}

static bool turn(struct sink *k)
{
    struct pollfd p[SESSIONS_MAX + 2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                         {.fd = k->listener, .events = POLLIN}};

    for (size_t i = 0; i < k->count; i++)
        p[i + 2] = (struct pollfd){.fd = k->sessions[i]->fd, .events = POLLIN};
    if (poll(p, k->count + 2, KEEPALIVE_MS) < 0)
        return false;
    for (size_t i = k->count; i-- > 0;) /* from the end: one that ends is replaced by the last */
        if (p[i + 2].revents != 0 && !read_session(k, k->sessions[i]))
            end_session(k, i);
    if (p[1].revents != 0)
        accept_session(k);
    if (p[0].revents != 0 && !read_question(k))
        return false;
    answer_question(k);
    keep_alive(k);
    return true;
}

int main(void)
{
    struct sink k = {.listener = listen_everywhere()};

    if (k.listener < 0) {
        perror("bgp_sink");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    while (turn(&k))
        ;
    return 0;
}
