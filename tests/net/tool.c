/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "base/mem.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <unistd.h>

struct tool_input {
    struct event_base *base;
    struct event *readable;
    struct evbuffer *bytes;
    void (*on_line)(void *arg, char *line);
    void *arg;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct tool_input *t = arg;
    char *line, bytes[4096]; /* evbuffer_read would ask first how much there is */
    ssize_t n = read(fd, bytes, sizeof(bytes));

    (void)what;
    if (n <= 0) {
        event_base_loopbreak(t->base);
        return;
    }
    evbuffer_add(t->bytes, bytes, (size_t)n);
    while ((line = evbuffer_readln(t->bytes, NULL, EVBUFFER_EOL_LF)) != NULL) {
        if (t->on_line != NULL)
            t->on_line(t->arg, line);
        free(line);
    }
}

struct tool_input *tool_input_new(struct event_base *base, void (*on_line)(void *arg, char *line),
                                  void *arg)
{
    struct tool_input *t = xcalloc(1, sizeof(*t));

    *t = (struct tool_input){.base = base, .bytes = evbuffer_new(), .on_line = on_line, .arg = arg};
    t->readable = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_readable, t);
    event_priority_set(t->readable, LOOP_PRIORITY_WORK);
    event_add(t->readable, NULL);
    return t;
}

void tool_input_free(struct tool_input *t)
{
    event_free(t->readable);
    evbuffer_free(t->bytes);
    free(t);
}
