/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/control.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

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

/* A client that does not read is dropped after this long. */
static const struct timeval client_timeout = {.tv_sec = 5};
static const struct timeval accept_pause = {.tv_sec = 1};

struct control {
    struct event_base *base;
    json_t *(*answer)(void *arg);
    void *arg;
    struct evconnlistener *listener;
    struct event resume; /* the listener */
    char *path;          /* owned; the socket file is ours to remove */
};

static void on_client_done(struct bufferevent *client, void *arg)
{
    (void)arg;
    bufferevent_free(client); /* everything was written */
}

static void on_client_event(struct bufferevent *client, short what, void *arg)
{
    (void)what; /* closed, failed or too slow: all the same to us */
    (void)arg;
    bufferevent_free(client);
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                      int peer_len, void *arg)
{
    struct control *c = arg;
    struct bufferevent *client = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
    json_t *status;
    char *body;

    (void)listener;
    (void)peer;
    (void)peer_len;
    if (client == NULL) {
        close(fd);
        return;
    }
    status = c->answer(c->arg);
    body = json_dumps(status, JSON_INDENT(2));
    json_decref(status);
    bufferevent_setcb(client, NULL, on_client_done, on_client_event, NULL);
    bufferevent_set_timeouts(client, &client_timeout, &client_timeout);
    bufferevent_enable(client, EV_WRITE);
    if (body == NULL || evbuffer_add_printf(bufferevent_get_output(client), "%s\n", body) < 0)
        bufferevent_free(client);
    free(body);
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
    c->answer = options->answer;
    c->arg = options->arg;
    c->path = xstrdup(path);
    event_assign(&c->resume, c->base, -1, 0, on_resume, c);
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
    if (c->listener != NULL)
        evconnlistener_free(c->listener);
    (void)unlink(c->path); /* after a switch of user the folder may refuse; the next start sees a
                              stale file */
    free(c->path);
    free(c);
    return NULL;
}
