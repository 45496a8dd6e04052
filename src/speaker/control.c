/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/control.h"

#include "base/log.h"
#include "base/mem.h"
#include "role/loop.h"
#include "speaker/control_child.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS_MAX = 64 };

/* A request comes with the connection, or never. */
static const struct timeval request_timeout = {.tv_usec = 200000};
/* Without taking anything: a person may look at a page of the listing meanwhile. */
static const struct timeval read_timeout = {.tv_sec = 30};
static const struct timeval at_once = {0};
static const struct timeval accept_pause = {.tv_sec = 1};

struct control {
    struct event_base *base;
    struct control_answer *(*ask)(void *arg, const char *request);
    json_t *(*answer)(void *arg);
    void *arg;
    struct evconnlistener *listener;
    struct event resume;                 /* the listener */
    char *path;                          /* owned; the socket file is ours to remove */
    struct client *clients[CLIENTS_MAX]; /* the oldest first */
    size_t client_count;
    struct control_children children;
};

struct client {
    struct control *control;
    struct bufferevent *stream;
    bool has_asked, waits;
    struct control_answer *answer; /* owned; NULL: not asked yet, or all was told */
    struct event turn;             /* of an answer that had nothing to tell yet */
};

/* --- answers of one portion --- */

struct document {
    struct control_answer answer;
    json_t *json; /* a reference */
};

static bool document_next(struct control_answer *a, struct text *out)
{
    struct document *d = container_of(a, struct document, answer);
    char *body = json_dumps(d->json, JSON_INDENT(2));

    if (body != NULL) /* else nothing is told, and the client sees that */
        text_printf(out, "%s\n", body);
    free(body);
    return false;
}

static void document_free(struct control_answer *a)
{
    struct document *d = container_of(a, struct document, answer);

    json_decref(d->json);
    free(d);
}

struct control_answer *control_document_take(json_t *document_take)
{
    struct document *d = xcalloc(1, sizeof(*d));

    d->answer = (struct control_answer){.next = document_next, .free = document_free};
    d->json = document_take;
    return &d->answer;
}

struct control_answer *control_refusal(const char *why)
{
    return control_document_take(json_pack("{s:s}", "error", why));
}

/* --- clients --- */

static void client_free(struct client *k)
{
    struct control *c = k->control;
    size_t i = 0;

    while (c->clients[i] != k)
        i++;
    memmove(&c->clients[i], &c->clients[i + 1], (c->client_count - i - 1) * sizeof(*c->clients));
    c->client_count--;
    if (k->answer != NULL)
        k->answer->free(k->answer);
    event_del(&k->turn);
    bufferevent_free(k->stream);
    free(k);
}

/* At most one portion; the next one when the stream has taken it. */
static void client_go_on(struct client *k)
{
    CLEANUP(text_done) struct text portion = {0};
    bool more = k->answer->next(k->answer, &portion);

    if (!more) {
        k->answer->free(k->answer);
        k->answer = NULL;
    }
    if (portion.len > 0 && bufferevent_write(k->stream, portion.chars, portion.len) < 0) {
        client_free(k);
        return;
    }
    if (portion.len > 0)
        return;
    if (more) /* a timer: an event that is made active here would run before the loop looks up */
        (void)event_add(&k->turn, &at_once);
    else
        client_free(k);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    client_go_on(arg);
}

/* The whole status; when too many are being made, the client waits for one of them to end. */
static void client_hand_over(struct client *k)
{
    struct control *c = k->control;
    int r = control_children_answer(&c->children, bufferevent_getfd(k->stream), c->answer, c->arg);

    k->waits = r == -EBUSY;
    if (k->waits)
        return;
    if (r == 0) {
        client_free(k);
        return;
    }
    k->answer = control_refusal("no process can be started for the answer");
    client_go_on(k);
}

static void on_room(void *arg)
{
    const struct control *c = arg;
    size_t i = 0;

    while (i < c->client_count && c->children.count < CONTROL_CHILDREN_MAX) {
        size_t before = c->client_count;

        if (c->clients[i]->waits)
            client_hand_over(c->clients[i]);
        i += c->client_count == before; /* else the next one has moved up */
    }
}

/* From here on nothing is read. */
static void client_ask(struct client *k, const char *request)
{
    const struct control *c = k->control;

    bufferevent_disable(k->stream, EV_READ);
    bufferevent_set_timeouts(k->stream, NULL, &read_timeout);
    k->has_asked = true;
    k->answer = c->ask(c->arg, request);
    if (k->answer != NULL)
        client_go_on(k);
    else
        client_hand_over(k);
}

static void on_client_request(struct bufferevent *stream, void *arg)
{
    struct evbuffer *input = bufferevent_get_input(stream);
    struct client *k = arg;
    char *line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF);

    if (line != NULL)
        client_ask(k, line);
    else if (evbuffer_get_length(input) >= CONTROL_REQUEST_MAX)
        client_free(k);
    free(line);
}

static void on_client_taken(struct bufferevent *stream, void *arg)
{
    struct client *k = arg;

    (void)stream;
    if (k->answer != NULL)
        client_go_on(k);
    else if (k->has_asked)
        client_free(k);
}

/* Without a line: what there is of one is the request. */
static void ask_without_line(struct client *k)
{
    char request[CONTROL_REQUEST_MAX] = "";

    (void)bufferevent_read(k->stream, request, sizeof(request) - 1); /* most often nothing */
    client_ask(k, request);
}

static void on_client_event(struct bufferevent *stream, short what, void *arg)
{
    struct client *k = arg;
    bool has_ended = (what & BEV_EVENT_EOF) != 0 || what == (BEV_EVENT_READING | BEV_EVENT_TIMEOUT);

    (void)stream;
    if (!k->has_asked && (what & BEV_EVENT_READING) != 0 && has_ended)
        ask_without_line(k);
    else
        client_free(k); /* failed, or it does not read */
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                      int peer_len, void *arg)
{
    struct control *c = arg;
    struct bufferevent *stream = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
    struct client *k;

    (void)listener;
    (void)peer;
    (void)peer_len;
    if (stream == NULL) {
        close(fd);
        return;
    }
    if (c->client_count == CLIENTS_MAX)
        client_free(c->clients[0]); /* the most likely one to be stuck */
    k = xcalloc(1, sizeof(*k));
    k->control = c;
    k->stream = stream;
    c->clients[c->client_count++] = k;
    (void)event_assign(&k->turn, c->base, -1, 0, on_turn, k);
    event_priority_set(&k->turn, LOOP_PRIORITY_WORK);
    bufferevent_priority_set(stream, LOOP_PRIORITY_WORK);
    bufferevent_setwatermark(stream, EV_READ, 0, CONTROL_REQUEST_MAX);
    bufferevent_setcb(stream, on_client_request, on_client_taken, on_client_event, k);
    bufferevent_set_timeouts(stream, &request_timeout, NULL);
    bufferevent_enable(stream, EV_READ);
}

/* Most often no descriptor is free. The client stays in the queue, so that the loop would call
 * again at once. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct control *c = arg;

    log_warn("control socket cannot accept, trying again", F_S("cause", strerror(errno)));
    evconnlistener_disable(listener);
    event_add(&c->resume, &accept_pause);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct control *c = arg;

    (void)fd;
    (void)what;
    evconnlistener_enable(c->listener);
}

static int fill_address(struct sockaddr_un *ret, const char *path, struct err *err)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(ret->sun_path))
        return err_set(err, -ENAMETOOLONG, "control socket %s: the path is longer than %zu bytes",
                       path, sizeof(ret->sun_path) - 1);
    memcpy(ret->sun_path, path, strlen(path));
    return 0;
}

static bool is_socket(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* A socket file that nobody listens on is left over from a process that was killed. Connecting to a
 * file of another kind is refused as well. */
static bool is_stale(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused;

    if (fd < 0)
        return false;
    refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
              errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* Returns the listening descriptor or -errno. The mode is set before the name can be seen. */
static int listen_at(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before;
    int r;

    if (fd < 0)
        return -errno;
    before = umask(0177);
    r = bind(fd, (const struct sockaddr *)address, sizeof(*address));
    umask(before);
    if (r == 0)
        r = listen(fd, 8);
    if (r == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

int control_open(struct control **ret, const struct control_options *options, struct err *err)
{
    const char *path = options->path;
    struct sockaddr_un address;
    struct control *c;
    int fd, r;

    r = fill_address(&address, path, err);
    if (r < 0)
        return r;
    if (is_socket(path) && is_stale(&address))
        (void)unlink(path); /* if that fails, binding says why */
    fd = listen_at(&address);
    if (fd == -EADDRINUSE && !is_socket(path))
        return err_set(err, fd, "control socket %s: there is something else of that name", path);
    if (fd == -EADDRINUSE)
        return err_set(err, fd,
                       "control socket %s: another process answers there; give each its own "
                       "--control-socket",
                       path);
    if (fd < 0)
        return err_set(err, fd, "control socket %s: %s", path, strerror(-fd));
    c = xcalloc(1, sizeof(*c));
    c->base = options->base;
    c->ask = options->ask;
    c->answer = options->answer;
    c->arg = options->arg;
    c->path = xstrdup(path);
    event_assign(&c->resume, c->base, -1, 0, on_resume, c);
    control_children_init(&c->children, c->base, on_room, c);
    c->listener = evconnlistener_new(c->base, on_client, c,
                                     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (c->listener == NULL) {
        close(fd);
        control_close(c);
        return err_set(err, -ENOMEM, "control socket %s: cannot listen", path);
    }
    evconnlistener_set_error_cb(c->listener, on_accept_error);
    *ret = c;
    return 0;
}

struct control *control_close(struct control *c)
{
    if (c == NULL)
        return NULL;
    event_del(&c->resume);
    control_children_done(&c->children);
    while (c->client_count > 0)
        client_free(c->clients[0]);
    if (c->listener != NULL)
        evconnlistener_free(c->listener);
    (void)unlink(c->path); /* after a switch of user the folder may refuse; the next start sees a
                              stale file */
    free(c->path);
    free(c);
    return NULL;
}
