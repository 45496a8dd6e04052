/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/control_child.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_S = 10 }; /* so long the client may take */

/* --- in the child --- */

/* What ends us ends the child, too, and tells nobody. */
static void reset_signals(void)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        (void)signal(ends[i], SIG_DFL);
}

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno != EINTR)
            return; /* the client is gone */
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

/* Connections that we end meanwhile must not stay open for a client that reads slowly: once the
 * answer is there, the child needs none of our descriptors. */
_Noreturn static void child_run(int client, json_t *(*answer)(void *arg), void *arg)
{
    char *body;

    reset_signals();
    (void)alarm(CHILD_S);
    body = json_dumps(answer(arg), JSON_INDENT(2));
    if (body == NULL || dup2(client, STDIN_FILENO) < 0 || fcntl(STDIN_FILENO, F_SETFL, 0) < 0)
        _exit(1);
    (void)close_range(STDERR_FILENO + 1, UINT_MAX, 0); /* a kernel without it: they stay open */
    write_all(STDIN_FILENO, body, strlen(body));
    write_all(STDIN_FILENO, "\n", 1);
    _exit(0);
}

/* --- in the parent --- */

static void on_ended(evutil_socket_t signal_number, short what, void *arg)
{
    struct control_children *c = arg;
    size_t left = 0;

    (void)signal_number;
    (void)what;
    for (size_t i = 0; i < c->count; i++) {
        if (waitpid(c->pids[i], NULL, WNOHANG) == 0)
            c->pids[left++] = c->pids[i];
    }
    c->count = left;
    if (left < CONTROL_CHILDREN_MAX)
        c->has_room(c->arg);
}

void control_children_init(struct control_children *c, struct event_base *base,
                           void (*has_room)(void *arg), void *arg)
{
    *c = (struct control_children){.has_room = has_room, .arg = arg};
    (void)event_assign(&c->ended, base, SIGCHLD, EV_SIGNAL | EV_PERSIST, on_ended, c);
    (void)event_add(&c->ended, NULL); /* fails only without memory */
}

void control_children_done(struct control_children *c)
{
    event_del(&c->ended);
}

int control_children_answer(struct control_children *c, int client, json_t *(*answer)(void *arg),
                            void *arg)
{
    pid_t child;

    if (c->count == CONTROL_CHILDREN_MAX)
        return -EBUSY;
    child = fork();
    if (child < 0)
        return -errno;
    if (child == 0)
        child_run(client, answer, arg);
    c->pids[c->count++] = child;
    return 0;
}
