/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/source.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RELEASE_STEP ((size_t)1 << 20) /* a multiple of every page size */
#define FIRST_ROOM ((size_t)1 << 16)   /* also for what has no size of its own */

static void skip_bom(struct source *s)
{
    if (s->len >= 3 && memcmp(s->bytes, "\xef\xbb\xbf", 3) == 0) {
        s->bytes += 3;
        s->len -= 3;
    }
}

struct source source_borrow(const char *name, const char *bytes, size_t len)
{
    struct source s = {.name = name, .bytes = bytes, .len = len};

    skip_bom(&s);
    return s;
}

void source_done(struct source *s)
{
    free(s->heap);
    if (s->pages != NULL)
        munmap(s->pages, s->page_len);
    *s = (struct source){0};
}

static int more_room(struct source *s)
{
    void *pages = mremap(s->pages, s->page_len, s->page_len * 2, MREMAP_MAYMOVE);

    if (pages == MAP_FAILED)
        return -errno;
    s->pages = pages;
    s->page_len *= 2;
    return 0;
}

/* 1 when the whole file was read into s->heap; 0 when it has grown meanwhile; -errno. */
static int read_small(struct source *s, int fd, size_t size)
{
    CLEANUP(xfreep) char *heap = xmalloc(size + 1);
    size_t len = 0;

    while (len <= size) {
        ssize_t n = read(fd, heap + len, size + 1 - len);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    if (len > size)
        return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
    s->heap = TAKE(heap);
    s->bytes = s->heap;
    s->len = len;
    skip_bom(s);
    return 1;
}

/* Reads to the end into s->pages, which has room for `room` bytes. */
static int read_all(struct source *s, int fd, size_t room)
{
    void *pages = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        return -errno;
    s->pages = pages;
    s->page_len = room;
    for (;;) {
        ssize_t n = read(fd, s->pages + s->len, s->page_len - s->len);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        s->len += n > 0 ? (size_t)n : 0;
        if (s->len > SOURCE_MAX)
            return -EFBIG;
        if (s->len == s->page_len) {
            int r = more_room(s);

            if (r < 0)
                return r;
        }
    }
    s->bytes = s->pages;
    skip_bom(s);
    return 0;
}

static int read_open(struct source *s, int fd, enum source_kind kind)
{
    size_t room = FIRST_ROOM;
    struct stat st;
    bool is_file;

    if (fstat(fd, &st) < 0)
        return -errno;
    is_file = S_ISREG(st.st_mode);
    if (!is_file && kind == SOURCE_FILE_ONLY)
        return -ENOTSUP;
    if (is_file && (uintmax_t)st.st_size > SOURCE_MAX)
        return -EFBIG;
    if (is_file && (size_t)st.st_size >= room)
        room = (size_t)st.st_size + 1; /* the last read then sees the end at once */
    s->can_rewind = is_file && s->path != NULL;
    if (is_file && (size_t)st.st_size < FIRST_ROOM) {
        int r = read_small(s, fd, (size_t)st.st_size);

        if (r != 0)
            return r < 0 ? r : 0;
    }
    return read_all(s, fd, room);
}

static int open_path(const char *path, enum source_kind kind)
{
    /* A pipe in a folder must not block us before we know that it is one. */
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (kind == SOURCE_FILE_ONLY ? O_NONBLOCK : 0);
    int fd = str_eq(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, flags);

    return fd < 0 ? -errno : fd;
}

int source_open(struct source *ret, const char *path, enum source_kind kind, struct err *err)
{
    bool is_stdin = str_eq(path, "-");
    struct source s = {.name = is_stdin ? "stdin" : path, .path = is_stdin ? NULL : path};
    int fd = open_path(path, kind);
    int r = fd;

    if (fd >= 0) {
        r = read_open(&s, fd, kind);
        close(fd);
    }
    if (r == -EFBIG)
        r = err_set(err, r, "%s: larger than 1 GiB", s.name);
    else if (r < 0)
        r = err_set(err, r, "%s: %s", s.name, strerror(-r));
    if (r < 0) {
        source_done(&s);
        return r;
    }
    *ret = s;
    return 0;
}

void source_release(struct source *s, const char *upto)
{
    size_t done;

    if (s->pages == NULL || !s->can_rewind)
        return;
    done = (size_t)(upto - s->pages) / RELEASE_STEP * RELEASE_STEP;
    if (done <= s->released)
        return;
    (void)madvise(s->pages + s->released, done - s->released, MADV_DONTNEED); /* only a saving */
    s->released = done;
}

int source_rewind(struct source *s, struct err *err)
{
    struct source fresh;
    int r;

    if (s->released == 0)
        return 0;
    r = source_open(&fresh, s->path, SOURCE_ANY, err);
    if (r < 0)
        return r;
    source_done(s);
    *s = fresh;
    return 0;
}
