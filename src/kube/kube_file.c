/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_file.h"

#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_ROOM = 4096 };

/* Its length, or -errno. */
static int read_all(char **ret, int fd)
{
    CLEANUP(xfreep) char *bytes = NULL;
    size_t len = 0, cap = 0;

    for (;;) {
        ssize_t n;

        if (cap - len < 2)
            bytes = array_grow(bytes, &cap, len + FIRST_ROOM, 1);
        n = read(fd, bytes + len, cap - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > KUBE_FILE_MAX)
            return -EFBIG;
    }
    bytes[len] = '\0';
    *ret = TAKE(bytes);
    return (int)len;
}

int kube_file_read(char **ret, const char *path, struct err *err)
{
    /* A pipe must not block the loop. */
    CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    CLEANUP(xfreep) char *bytes = NULL;
    int r;

    if (fd < 0)
        return err_set(err, -errno, "%s: %s", path, strerror(errno));
    r = read_all(&bytes, fd);
    if (r < 0)
        return err_set(err, r, "%s: %s", path, strerror(-r));
    if (strlen(bytes) != (size_t)r)
        return err_set(err, -EINVAL, "%s: not a text", path);
    *ret = TAKE(bytes);
    return 0;
}
