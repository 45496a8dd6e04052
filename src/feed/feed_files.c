/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One inotify descriptor with one or two watches: the folder and, while that is away or a symbolic
 * link, the nearest folder above it, where it will turn up again. inotify queues an event before
 * the system call that caused it returns; feed_files_is_settled rests on that.
 *
 * Which changes count: names that the loader reads, and `..data`, the link that kubelet moves to
 * switch a mounted ConfigMap. Editors' temporary names are neither.
 */
#include "feed/feed_files.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "base/wire.h"
#include "feed/manifest.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUIET_NS (2 * NS_PER_SEC)    /* a file not written for so long counts as complete */
#define ABSENCE_NS (100 * NS_PER_MS) /* a name away for so long counts as gone */
#define READ_BATCH 16
#define DRAIN_BATCH 1024
#define SEARCH_TRIES 16
#define CONFIG_MAP_LINK "..data"
#define MOUNT_TABLE "/proc/self/mountinfo"

#define GONE_MASK (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)
#define ABSENT_MASK (IN_MOVED_FROM | IN_DELETE)
#define COMPLETE_MASK (IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB)
#define FOLDER_MASK                                                                                \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_MODIFY |            \
     IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)
#define ABOVE_MASK                                                                                 \
    (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* A file that is being written, or was taken away and may be written anew. */
struct writing {
    char *name;        /* owned */
    struct mono until; /* then it counts as it is */
};

struct feed_files {
    char *dir; /* absolute, no slash at the end */
    feed_files_fn on_change;
    void *arg;

    int fd;
    int folder_wd, above_wd; /* -1 without */
    int mounts_fd;           /* the mount table, once the folder was unmounted; else -1 */
    struct event readable, quiet, deliver, mounts;

    struct map writing; /* name → struct writing */
    bool pending;       /* something has changed since on_change was called */
};

static void writing_end(struct feed_files *f, const char *name)
{
    struct writing *w = map_del_str(&f->writing, name);

    if (w == NULL)
        return;
    free(w->name);
    free(w);
}

static void writing_touch(struct feed_files *f, const char *name, int64_t wait_ns)
{
    struct writing *w = map_find_str(&f->writing, name);

    if (w == NULL) {
        w = xcalloc(1, sizeof(*w));
        w->name = xstrdup(name);
        (void)map_put_str(&f->writing, w->name, w); /* replaces nothing */
    }
    w->until = mono_add(mono_now(), wait_ns);
}

static void writing_forget(struct feed_files *f)
{
    MAP_EACH (&f->writing, e) {
        struct writing *w = e->value;

        free(w->name);
        free(w);
    }
    map_done(&f->writing);
}

/* Puts the callback off until the files are complete, or asks for it in this round of the loop. */
static void schedule(struct feed_files *f)
{
    struct mono earliest = {0};
    struct timeval wait;

    MAP_EACH (&f->writing, e)
        earliest = mono_earlier(earliest, ((const struct writing *)e->value)->until);
    if (!mono_is_set(earliest)) {
        event_del(&f->quiet);
        if (f->pending && f->folder_wd >= 0)
            event_active(&f->deliver, EV_TIMEOUT, 1);
        return;
    }
    wait = delay_from_ns(mono_sub(earliest, mono_now()));
    event_add(&f->quiet, &wait);
}

static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
    struct feed_files *f = arg;
    struct mono now = mono_now();

    (void)fd;
    (void)what;
    MAP_EACH (&f->writing, e) {
        const struct writing *w = e->value;

        if (mono_before(now, w->until))
            continue;
        f->pending = true;
        writing_end(f, w->name);
    }
    schedule(f);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
    struct feed_files *f = arg;

    (void)fd;
    (void)what;
    /* Things may have moved on since it was asked for. */
    if (!f->pending || f->folder_wd < 0 || f->writing.count > 0)
        return;
    f->pending = false;
    f->on_change(f->arg);
}

static void watch_remove(struct feed_files *f, int *wd)
{
    if (*wd >= 0)
        (void)inotify_rm_watch(f->fd, *wd); /* fails when the folder has gone, and the watch too */
    *wd = -1;
}

/* Watches the nearest folder that exists above ours; -1 when there is none that we may watch. */
static int watch_above(const struct feed_files *f)
{
    CLEANUP(xfreep) char *path = xstrdup(f->dir);
    int wd = -1;

    for (char *slash = strrchr(path, '/'); slash != NULL && wd < 0; slash = strrchr(path, '/')) {
        bool is_root = slash == path;

        *slash = '\0';
        wd = inotify_add_watch(f->fd, is_root ? "/" : path, ABOVE_MASK);
    }
    return wd;
}

static bool is_link(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Takes a watch in place of the one before, unless they are one and the same. */
static void watch_replace(struct feed_files *f, int *wd, int to)
{
    if (to == *wd)
        return;
    watch_remove(f, wd);
    *wd = to;
}

/*
 * Watches the folder if it is there, else what is nearest to it. The folder, or one on the way to
 * it, can appear between two system calls: a search is over when it ends where the last one did.
 * 0, or -errno of the folder.
 */
static int folder_search(struct feed_files *f)
{
    int r = -ENOENT;

    for (int i = 0; i < SEARCH_TRIES; i++) {
        bool link = is_link(f->dir);
        int above, wd;

        if (link)
            watch_replace(f, &f->above_wd, watch_above(f)); /* a link can be moved unseen */
        wd = inotify_add_watch(f->fd, f->dir, FOLDER_MASK);
        if (wd >= 0) {
            watch_replace(f, &f->folder_wd, wd);
            if (!link)
                watch_remove(f, &f->above_wd);
            return 0;
        }
        r = -errno;
        above = watch_above(f);
        if (above == f->above_wd)
            break;
        watch_replace(f, &f->above_wd, above);
    }
    return r;
}

static void on_mounts(evutil_socket_t fd, short what, void *arg);

/* A mount over the folder is no event of inotify; the mount table tells (proc_pid_mountinfo(5)). */
static void mounts_watch(struct feed_files *f)
{
    if (f->mounts_fd >= 0)
        return;
    f->mounts_fd = open(MOUNT_TABLE, O_RDONLY | O_CLOEXEC);
    if (f->mounts_fd < 0)
        return; /* then a later mount goes unnoticed until a file is written */
    /* Always readable; a change is an error condition, which "writable" reports too. */
    event_assign(&f->mounts, event_get_base(&f->readable), f->mounts_fd, EV_WRITE | EV_PERSIST,
                 on_mounts, f);
    event_add(&f->mounts, NULL);
}

static void mounts_unwatch(struct feed_files *f)
{
    if (f->mounts_fd < 0)
        return;
    event_del(&f->mounts);
    close(f->mounts_fd);
    f->mounts_fd = -1;
}

/* Looks whether another folder than before stands at the path, and if so reports a change. */
static void folder_check(struct feed_files *f)
{
    int before = f->folder_wd;

    if (folder_search(f) < 0 || f->folder_wd == before)
        return;
    log_info("manifest folder is there again", F_S("folder", f->dir));
    writing_forget(f);
    mounts_unwatch(f);
    f->pending = true;
}

static void on_mounts(evutil_socket_t fd, short what, void *arg)
{
    struct feed_files *f = arg;

    (void)fd;
    (void)what;
    folder_check(f);
    schedule(f);
}

/*
 * What an unmount lays bare is a folder too, most often an empty one. It is watched in case that
 * someone fills it, but it does not count as the folder's return.
 */
static void folder_lost(struct feed_files *f, uint32_t mask)
{
    bool is_unmount = (mask & IN_UNMOUNT) != 0;

    log_warn("manifest folder is gone; its last state stays", F_S("folder", f->dir));
    watch_remove(f, &f->folder_wd);
    writing_forget(f);
    f->pending = false;
    if (!is_unmount) {
        folder_check(f);
        return;
    }
    mounts_watch(f);
    (void)folder_search(f); /* the mount table, or the folder above, tells of a change */
}

/* A new name: a link, or a second name of a file, is complete; a new file is still to be written.
 */
static void on_created(struct feed_files *f, const char *name)
{
    CLEANUP(xfreep) char *path = xasprintf("%s/%s", f->dir, name);
    struct stat st;

    if (lstat(path, &st) < 0)
        return; /* gone again, of which an event follows */
    if (S_ISLNK(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink > 1)) {
        writing_end(f, name);
        f->pending = true;
    } else if (S_ISREG(st.st_mode)) {
        writing_touch(f, name, QUIET_NS);
    }
}

static void on_entry(struct feed_files *f, uint32_t mask, const char *name)
{
    if ((mask & IN_ISDIR) != 0 || !(manifest_is_file_name(name) || str_eq(name, CONFIG_MAP_LINK)))
        return;
    if ((mask & IN_MODIFY) != 0) {
        writing_touch(f, name, QUIET_NS);
    } else if ((mask & ABSENT_MASK) != 0) {
        writing_touch(f, name, ABSENCE_NS);
    } else if ((mask & IN_CREATE) != 0) {
        on_created(f, name);
    } else if ((mask & COMPLETE_MASK) != 0) {
        if ((mask & IN_ATTRIB) == 0)
            writing_end(f, name);
        f->pending = true;
    }
}

/* `name` is "" for what happens to the watched folder itself. */
static void on_event(struct feed_files *f, const struct inotify_event *event, const char *name)
{
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        writing_forget(f);
        folder_check(f);
        f->pending = true;
    } else if (event->wd == f->folder_wd && f->folder_wd >= 0) {
        if ((event->mask & GONE_MASK) != 0)
            folder_lost(f, event->mask);
        else if (*name != '\0')
            on_entry(f, event->mask, name);
        else
            f->pending = true; /* its permissions, perhaps */
    } else if (event->wd == f->above_wd && f->above_wd >= 0) {
        if ((event->mask & GONE_MASK) != 0)
            watch_remove(f, &f->above_wd);
        folder_check(f);
    }
}

/* One read of queued events. False when there are none. */
static bool events_read(struct feed_files *f)
{
    uint8_t buffer[4096];
    ssize_t n = read(f->fd, buffer, sizeof(buffer));
    struct rd r = rd_from(buffer, n > 0 ? (size_t)n : 0);

    while (r.left > 0) {
        struct inotify_event event;
        struct rd name;

        rd_copy(&r, &event, sizeof(event)); /* the kernel's own layout, in host order */
        name = rd_sub(&r, event.len);
        if (!r.bad)
            on_event(f, &event, event.len > 0 ? (const char *)name.pos : ""); /* NUL-padded */
    }
    return n > 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct feed_files *f = arg;

    (void)fd;
    (void)what;
    for (int i = 0; i < READ_BATCH && events_read(f); i++)
        ;
    schedule(f);
}

bool feed_files_is_settled(struct feed_files *f)
{
    int reads = 0;

    while (reads < DRAIN_BATCH && events_read(f))
        reads++;
    schedule(f);
    return reads < DRAIN_BATCH && f->folder_wd >= 0 && !f->pending && f->writing.count == 0;
}

/* Later changes of the working directory must not move the folder. */
static char *absolute(const char *dir)
{
    CLEANUP(xfreep) char *cwd = *dir == '/' ? NULL : getcwd(NULL, 0);
    char *path = cwd != NULL ? xasprintf("%s/%s", cwd, dir) : xstrdup(dir);

    for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    return path;
}

static void events_assign(struct feed_files *f, struct event_base *base)
{
    event_assign(&f->readable, base, f->fd, EV_READ | EV_PERSIST, on_readable, f);
    event_assign(&f->quiet, base, -1, 0, on_quiet, f);
    event_assign(&f->deliver, base, -1, 0, on_deliver, f);
    event_priority_set(&f->deliver, event_base_get_npriorities(base) - 1);
}

int feed_files_new(struct feed_files **ret, struct event_base *base, const char *dir,
                   feed_files_fn on_change, void *arg, struct err *err)
{
    struct feed_files *f;
    int r, fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd < 0)
        return err_set(err, -errno, "inotify: %s", strerror(errno));
    f = xcalloc(1, sizeof(*f));
    f->dir = absolute(dir);
    f->on_change = on_change;
    f->arg = arg;
    f->fd = fd;
    f->folder_wd = f->above_wd = f->mounts_fd = -1;
    events_assign(f, base);
    event_add(&f->readable, NULL);
    r = folder_search(f);
    if (r < 0) {
        feed_files_free(f);
        return err_set(err, r, "%s: %s", dir,
                       r == -ENOSPC ? "no inotify watch is left, see fs.inotify.max_user_watches"
                                    : strerror(-r));
    }
    *ret = f;
    return 0;
}

struct feed_files *feed_files_free(struct feed_files *f)
{
    if (f == NULL)
        return NULL;
    mounts_unwatch(f);
    event_del(&f->readable);
    event_del(&f->quiet);
    event_del(&f->deliver);
    close(f->fd);
    writing_forget(f);
    free(f->dir);
    free(f);
    return NULL;
}
