/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/status_ask.h"

#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"
#include "speaker/speaker_options.h"
#include "standalone/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* 2,000 addresses take about 600 KiB. */
#define ANSWER_MAX ((size_t)64 << 20)

static int connect_to(int *ret_fd, const char *path, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = 10};
    CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return err_set(err, -errno, "%s", strerror(errno));
    if (strlen(path) >= sizeof(address.sun_path))
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
                     sizeof(patience)); /* else we wait longer */
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return err_set(
            err, -errno,
            "%s: %s; is `steellb run` running, or `steellb speaker`, with this --control-socket?",
            path, strerror(errno));
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int connect_to_any(int *ret_fd, const char *path, struct err *err)
{
    CLEANUP(err_done) struct err no_speaker = {0};

    if (path != NULL)
        return connect_to(ret_fd, path, err);
    if (connect_to(ret_fd, DEFAULT_CONTROL_SOCKET, err) == 0)
        return 0;
    if (connect_to(ret_fd, SPEAKER_CONTROL_SOCKET, &no_speaker) < 0)
        return err->code; /* the first says as much */
    err_done(err);
    return 0;
}

/* A speaker that did not wait for the request has closed already; its answer is there. */
static void send_request(int fd, const char *request)
{
    CLEANUP(xfreep) char *line = xasprintf("%s\n", request);

    (void)send(fd, line, strlen(line), MSG_NOSIGNAL); /* if that fails, so does the answer */
}

/* Into `t`; 0 at the end. */
static ssize_t read_some(int fd, struct text *t)
{
    char chunk[4096];
    ssize_t n;

    do
        n = read(fd, chunk, sizeof(chunk));
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == ECONNRESET)
        return 0; /* an end as well: it closed before it had read the request */
    if (n < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    text_add_n(t, chunk, (size_t)n);
    return n;
}

static int refusal_of(const json_t *answer, struct err *err)
{
    const char *why = json_string_value(json_object_get(answer, "error"));

    return why != NULL ? err_set(err, -EINVAL, "the speaker says: %s", why) : 0;
}

/* --- documents --- */

int status_ask(json_t **ret, const char *path, const char *request, struct err *err)
{
    CLEANUP(text_done) struct text answer = {0};
    CLEANUP(fd_closep) int fd = -1;
    ssize_t n = 1;
    json_t *document;
    int r = connect_to_any(&fd, path, err);

    if (r < 0)
        return r;
    send_request(fd, request);
    while (n > 0 && answer.len < ANSWER_MAX)
        n = read_some(fd, &answer);
    if (n != 0)
        return err_set(err, n < 0 ? (int)n : -EMSGSIZE, "the answer: %s",
                       strerror(n < 0 ? (int)-n : EMSGSIZE));
    document = json_loadb(text_str(&answer), answer.len, 0, NULL);
    if (document == NULL)
        return err_set(err, -EBADMSG, "the answer was cut short");
    r = refusal_of(document, err);
    if (r < 0) {
        json_decref(document);
        return r;
    }
    *ret = document;
    return 0;
}

/* --- listings --- */

struct lines {
    FILE *stream;
    char *line; /* owned */
    size_t cap;
};

static void lines_done(struct lines *l)
{
    if (l->stream != NULL)
        fclose(l->stream);
    free(l->line);
}

/* The next line without its end; NULL at the end, or when none comes. */
static char *lines_next(struct lines *l)
{
    ssize_t n = getline(&l->line, &l->cap, l->stream);

    if (n < 0)
        return NULL;
    if (n > 0 && l->line[n - 1] == '\n')
        l->line[n - 1] = '\0';
    return l->line;
}

/* What came instead of a list: a document that begins with this line. */
static int no_list(struct lines *l, const char *line, struct err *err)
{
    CLEANUP(text_done) struct text answer = {0};
    json_t *document;
    int r;

    for (; line != NULL && answer.len < ANSWER_MAX; line = lines_next(l))
        text_add(&answer, line);
    document = json_loadb(text_str(&answer), answer.len, 0, NULL);
    r = refusal_of(document, err);
    json_decref(document);
    return r < 0 ? r : err_set(err, -EBADMSG, "the answer was cut short");
}

int status_list(const char *path, const char *request, void (*fn)(void *arg, char *line), void *arg,
                struct err *err)
{
    CLEANUP(lines_done) struct lines l = {0};
    char *line;
    int fd, r = connect_to_any(&fd, path, err);

    if (r < 0)
        return r;
    send_request(fd, request);
    l.stream = fdopen(fd, "r");
    if (l.stream == NULL) {
        close(fd);
        return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
    }
    line = lines_next(&l);
    if (!str_eq(line, "["))
        return no_list(&l, line, err);
    while (line != NULL) {
        bool is_last = str_eq(line, "]");

        fn(arg, line);
        if (is_last)
            return 0;
        line = lines_next(&l);
    }
    return err_set(err, -EBADMSG, "the answer was cut short");
}
