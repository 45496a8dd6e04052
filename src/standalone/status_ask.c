/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/status_ask.h"

#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"
#include "speaker/speaker_options.h"
#include "standalone/options.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* 2,000 addresses take about 600 KiB. */
#define ANSWER_MAX ((size_t)64 << 20)

static int read_all(int fd, struct text *answer)
{
    char chunk[4096];

    while (answer->len < ANSWER_MAX) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n == 0)
            return 0;
        text_add_n(answer, chunk, (size_t)n);
    }
    return -EMSGSIZE;
}

static int ask(const char *path, struct text *answer, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = 10};
    CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r;

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
    r = read_all(fd, answer);
    return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

static int ask_any(const char *path, struct text *answer, struct err *err)
{
    CLEANUP(err_done) struct err no_speaker = {0};

    if (path != NULL)
        return ask(path, answer, err);
    if (ask(DEFAULT_CONTROL_SOCKET, answer, err) == 0)
        return 0;
    text_done(answer);
    if (ask(SPEAKER_CONTROL_SOCKET, answer, &no_speaker) < 0)
        return err->code; /* the first says as much */
    err_done(err);
    return 0;
}

int status_ask(json_t **ret, const char *path, struct err *err)
{
    CLEANUP(text_done) struct text answer = {0};
    int r = ask_any(path, &answer, err);
    json_t *status;

    if (r < 0)
        return r;
    status = json_loadb(text_str(&answer), answer.len, 0, NULL);
    if (status == NULL)
        return err_set(err, -EBADMSG, "the answer was cut short");
    *ret = status;
    return 0;
}
