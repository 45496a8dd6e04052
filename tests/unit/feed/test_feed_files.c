/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real folders, a real loop. inotify queues its events before the system call returns, so "nothing
 * is said" needs no waiting: a few rounds of the loop that do not block must stay silent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mono.h"
#include "feed/feed_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_NS (10 * NS_PER_SEC)

struct place {
    char root[64], dir[80];
    struct event_base *base;
    struct feed_files *f;
    unsigned calls;
};

static void on_change(void *arg)
{
    struct place *p = arg;

    p->calls++;
}

static void start(struct place *p, const char *dir)
{
    CLEANUP(err_done) struct err err = {0};

    if (feed_files_new(&p->f, p->base, dir, on_change, p, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    *state = p;
    log_set_level(LOG_ERROR); /* the folder going away is what some tests are about */
    snprintf(p->root, sizeof(p->root), "/tmp/test-feed-files-XXXXXX");
    if (mkdtemp(p->root) == NULL)
        return -1;
    snprintf(p->dir, sizeof(p->dir), "%s/dir", p->root);
    if (mkdir(p->dir, 0700) < 0)
        return -1;
    p->base = event_base_new();
    start(p, p->dir);
    return 0;
}

static int place_remove(void **state)
{
    struct place *p = *state;
    char command[128];

    feed_files_free(p->f);
    event_base_free(p->base);
    snprintf(command, sizeof(command), "rm -rf %s", p->root);
    free(p);
    return system(command);
}

/* Runs the loop until on_change was called, or the deadline. */
static void wait_call(struct place *p)
{
    const struct timeval tick = {.tv_sec = DEADLINE_NS / NS_PER_SEC};
    struct mono end = mono_add(mono_now(), DEADLINE_NS);

    event_base_loopexit(p->base, &tick);
    while (p->calls == 0 && mono_before(mono_now(), end))
        event_base_loop(p->base, EVLOOP_ONCE);
}

/* All that is queued, without waiting for more. Returns the calls since the last time. */
static unsigned calls_now(struct place *p)
{
    unsigned calls;

    for (int i = 0; i < 8; i++)
        event_base_loop(p->base, EVLOOP_NONBLOCK);
    calls = p->calls;
    p->calls = 0;
    return calls;
}

/* Past the time within which a name that went may return. */
static void settle(struct place *p)
{
    while (!feed_files_is_settled(p->f)) {
        wait_call(p);
        (void)calls_now(p);
    }
}

static int open_in(const char *dir, const char *name, int flags)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    return fd;
}

static void write_in(const char *dir, const char *name)
{
    int fd = open_in(dir, name, O_WRONLY | O_CREAT | O_TRUNC);

    assert_int_equal(write(fd, "x\n", 2), 2);
    close(fd);
}

static void shell(const struct place *p, const char *command)
{
    char line[512];

    snprintf(line, sizeof(line), "cd %s && { %s; }", p->root, command);
    assert_int_equal(system(line), 0);
}

enum effect { NEVER, AT_ONCE, LATER };

static const struct {
    const char *name, *before, *command; /* run in the folder above "dir" */
    enum effect effect;
} rows[] = {
    {"a new file", ":", "echo x > dir/a.yaml", AT_ONCE},
    {"another line", "echo x > dir/a.yaml", "echo y >> dir/a.yaml", AT_ONCE},
    {"emptied", "echo x > dir/a.json", ": > dir/a.json", AT_ONCE},
    {"moved here", "echo x > a.yml", "mv a.yml dir/a.yml", AT_ONCE},
    {"moved away", "echo x > dir/a.yaml", "mv dir/a.yaml .", LATER},
    {"renamed to a name that does not count", "echo x > dir/a.yaml", "mv dir/a.yaml dir/a.off",
     LATER},
    {"deleted", "echo x > dir/a.yaml", "rm dir/a.yaml", LATER},
    {"a link", "echo x > a.txt", "ln -s ../a.txt dir/a.yaml", AT_ONCE},
    {"a second name", "echo x > a.txt", "ln a.txt dir/a.yaml", AT_ONCE},
    {"a link deleted", "ln -s nowhere dir/a.yaml", "rm dir/a.yaml", LATER},
    {"made readable", "echo x > dir/a.yaml; chmod 0 dir/a.yaml", "chmod 600 dir/a.yaml", AT_ONCE},
    {"the folder made readable", "chmod 500 dir", "chmod 700 dir", AT_ONCE},
    {"several files", ":", "for i in 1 2 3 4 5 6 7 8 9; do echo x > dir/$i.yaml; done", AT_ONCE},
    {"a mounted ConfigMap switches",
     "mkdir dir/..1 dir/..2; ln -s ..1 dir/..data; ln -s ..data/a.yaml dir/a.yaml",
     "ln -s ..2 dir/..data_tmp; mv -T dir/..data_tmp dir/..data; rm -r dir/..1", AT_ONCE},

    {"an editor's swap file", ":", "echo x > dir/.a.yaml.swp; rm dir/.a.yaml.swp", NEVER},
    {"an editor's backup", ":", "echo x > dir/a.yaml~", NEVER},
    {"an editor's test for write access", ":", "echo x > dir/4913; rm dir/4913", NEVER},
    {"emacs' lock", ":", "ln -s user@host.1 dir/.#a.yaml; rm dir/.#a.yaml", NEVER},
    {"rsync's temporary file", ":", "echo x > dir/.a.yaml.Xy12", NEVER},
    {"a folder", ":", "mkdir dir/a.yaml; rmdir dir/a.yaml", NEVER},
    {"a pipe", ":", "mkfifo dir/a.yaml", NEVER},
    {"a file in a folder below", "mkdir dir/sub", "echo x > dir/sub/a.yaml", NEVER},
    {"reading", "echo x > dir/a.yaml", "cat dir/a.yaml > /dev/null", NEVER},
    {"a file beside the folder", ":", "echo x > a.yaml", NEVER},
    {"the next ConfigMap is only prepared", ":", "mkdir dir/..2; echo x > dir/..2/a.yaml", NEVER},
};

static void test_what_counts(void **state)
{
    struct place *p = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned calls;

        shell(p, rows[i].before);
        (void)calls_now(p);
        assert_true(feed_files_is_settled(p->f));
        shell(p, rows[i].command);
        if (feed_files_is_settled(p->f) != (rows[i].effect == NEVER))
            fail_msg("%s: settled", rows[i].name);
        calls = calls_now(p);
        if (rows[i].effect == LATER && calls == 0) {
            wait_call(p);
            calls = calls_now(p);
        }
        if (calls != (rows[i].effect == NEVER ? 0u : 1u))
            fail_msg("%s: %u calls", rows[i].name, calls);
        assert_true(feed_files_is_settled(p->f));
        shell(p, "rm -f a.*; find dir -mindepth 1 -delete");
        settle(p);
    }
}

static void test_nothing_at_the_start(void **state)
{
    struct place *p = *state;

    feed_files_free(p->f);
    write_in(p->dir, "a.yaml");
    start(p, p->dir);
    assert_int_equal(calls_now(p), 0);
    assert_true(feed_files_is_settled(p->f));
}

static void test_open_file_holds_back(void **state)
{
    struct place *p = *state;
    int fd;

    write_in(p->dir, "a.yaml");
    assert_int_equal(calls_now(p), 1);

    fd = open_in(p->dir, "a.yaml", O_WRONLY | O_TRUNC);
    assert_int_equal(calls_now(p), 0);
    assert_false(feed_files_is_settled(p->f));
    write_in(p->dir, "b.yaml"); /* another file is complete, but reading would read both */
    assert_int_equal(calls_now(p), 0);
    assert_int_equal(write(fd, "x\n", 2), 2);
    assert_int_equal(calls_now(p), 0);
    close(fd);
    assert_int_equal(calls_now(p), 1);
    assert_true(feed_files_is_settled(p->f));

    fd = open_in(p->dir, "new.yaml", O_WRONLY | O_CREAT);
    assert_int_equal(calls_now(p), 0);
    close(fd);
    assert_int_equal(calls_now(p), 1);

    fd = open_in(p->dir, "a.yaml", O_WRONLY | O_TRUNC);
    assert_int_equal(calls_now(p), 0);
    shell(p, "rm dir/a.yaml"); /* nobody will read what is still written */
    wait_call(p);
    assert_int_equal(calls_now(p), 1);
    close(fd);
    assert_int_equal(calls_now(p), 0);
}

static const struct {
    const char *name, *go, *back;
} rewrite_rows[] = {
    {"vim moves the old file aside", "mv dir/a.yaml dir/a.yaml~", "echo y > dir/a.yaml"},
    {"git deletes the old file", "rm dir/a.yaml", "echo y > dir/a.yaml"},
    {"another is moved there", "mv dir/a.yaml away", "echo y > b; mv b dir/a.yaml"},
    {"a link takes its place", "rm dir/a.yaml", "ln -s ../a.txt dir/a.yaml"},
    {"a second name takes its place", "rm dir/a.yaml", "echo y > b; ln b dir/a.yaml"},
};

/* Only the new file is read, at once; its absence in between is not. */
static void test_file_is_written_anew(void **state)
{
    struct place *p = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rewrite_rows); i++) {
        struct mono went;
        unsigned while_away, after;

        shell(p, "rm -f b dir/a.yaml; echo x > dir/a.yaml");
        settle(p);
        went = mono_now();
        shell(p, rewrite_rows[i].go);
        assert_false(feed_files_is_settled(p->f));
        while_away = calls_now(p);
        shell(p, rewrite_rows[i].back);
        if (mono_sub(mono_now(), went) >= 100 * NS_PER_MS)
            continue; /* too slow a machine to tell */
        after = calls_now(p);
        if (while_away != 0 || after != 1)
            fail_msg("%s: %u calls and %u", rewrite_rows[i].name, while_away, after);
        assert_true(feed_files_is_settled(p->f));
    }
}

/* Two seconds after the last write, and not before; the second file begins its own two. */
static void test_file_that_stays_open(void **state)
{
    struct place *p = *state;
    struct mono wrote;
    int64_t took;
    int fd = open_in(p->dir, "a.yaml", O_WRONLY | O_CREAT);

    assert_int_equal(calls_now(p), 0);
    wrote = mono_now();
    assert_int_equal(write(fd, "x\n", 2), 2);
    wait_call(p);
    took = mono_sub(mono_now(), wrote);
    assert_int_equal(calls_now(p), 1);
    assert_true(took >= 2 * NS_PER_SEC);
    assert_true(feed_files_is_settled(p->f));
    close(fd);
    assert_int_equal(calls_now(p), 1);
}

static void test_change_while_reading(void **state)
{
    struct place *p = *state;
    int fd;

    write_in(p->dir, "a.yaml");
    assert_int_equal(calls_now(p), 1);
    fd = open_in(p->dir, "a.yaml", O_WRONLY | O_TRUNC);
    assert_false(feed_files_is_settled(p->f)); /* seen without a round of the loop */
    close(fd);
    assert_false(feed_files_is_settled(p->f));
    assert_int_equal(calls_now(p), 1);
    assert_true(feed_files_is_settled(p->f));
}

static const struct {
    const char *name, *go, *back;
} gone_rows[] = {
    {"deleted and made again", "rm -r dir", "mkdir dir"},
    {"moved away and back", "mv dir away", "mv away dir"},
    {"another in its place", "mv dir away", "mkdir other; mv other dir"},
    {"a file in its place for a while", "rm -r dir; echo x > dir", "rm dir; mkdir dir"},
    {"a link in its place", "mv dir away", "ln -s away dir"},
};

static void test_folder_goes_and_returns(void **state)
{
    struct place *p = *state;

    for (size_t i = 0; i < ARRAY_SIZE(gone_rows); i++) {
        shell(p, "rm -rf dir away other; mkdir dir; echo x > dir/a.yaml");
        (void)calls_now(p);
        assert_true(feed_files_is_settled(p->f));

        shell(p, gone_rows[i].go);
        if (calls_now(p) != 0 || feed_files_is_settled(p->f))
            fail_msg("%s: it does not count as gone", gone_rows[i].name);
        shell(p, gone_rows[i].back);
        if (calls_now(p) != 1 || !feed_files_is_settled(p->f))
            fail_msg("%s: its return was not said once", gone_rows[i].name);
        write_in(p->dir, "b.yaml");
        if (calls_now(p) != 1)
            fail_msg("%s: it is not watched again", gone_rows[i].name);
    }
}

static void test_replaced_at_once(void **state)
{
    struct place *p = *state;

    shell(p, "mkdir other; mv dir away && mv other dir");
    assert_int_equal(calls_now(p), 1);
    write_in(p->dir, "a.yaml");
    assert_int_equal(calls_now(p), 1);
    shell(p, "echo x > away/a.yaml");
    assert_int_equal(calls_now(p), 0);
}

static void test_whole_path_goes(void **state)
{
    struct place *p = *state;
    char deep[128];

    shell(p, "mkdir -p a/b/c");
    feed_files_free(p->f);
    snprintf(deep, sizeof(deep), "%s/a/b/c/", p->root);
    start(p, deep);
    shell(p, "rm -r a");
    assert_int_equal(calls_now(p), 0);
    shell(p, "mkdir a");
    assert_int_equal(calls_now(p), 0);
    shell(p, "mkdir x");
    assert_int_equal(calls_now(p), 0);
    shell(p, "mkdir a/b");
    assert_int_equal(calls_now(p), 0);
    shell(p, "rmdir a/b");
    assert_int_equal(calls_now(p), 0);
    shell(p, "mkdir -p x/b/c; rmdir a; mv x a"); /* several steps at once */
    assert_int_equal(calls_now(p), 1);
    write_in(deep, "a.yaml");
    assert_int_equal(calls_now(p), 1);
}

static void test_folder_is_a_link(void **state)
{
    struct place *p = *state;
    char link[80];

    shell(p, "mkdir one two; ln -s one link");
    feed_files_free(p->f);
    snprintf(link, sizeof(link), "%s/link", p->root);
    start(p, link);
    shell(p, "echo x > one/a.yaml");
    assert_int_equal(calls_now(p), 1);
    shell(p, "touch beside");
    assert_int_equal(calls_now(p), 0);
    shell(p, "ln -s two next; mv -T next link");
    assert_int_equal(calls_now(p), 1);
    shell(p, "echo x > one/a.yaml");
    assert_int_equal(calls_now(p), 0);
    shell(p, "echo x > two/a.yaml");
    assert_int_equal(calls_now(p), 1);
}

/* More events than the kernel queues, none of which counts. */
static void test_overflow(void **state)
{
    struct place *p = *state;
    char a[128], b[128];
    long queue = 16384;
    FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");

    if (limit != NULL) {
        assert_int_equal(fscanf(limit, "%ld", &queue), 1);
        fclose(limit);
    }
    shell(p, "touch dir/a.txt dir/b.txt");
    assert_int_equal(calls_now(p), 0);
    snprintf(a, sizeof(a), "%s/a.txt", p->dir);
    snprintf(b, sizeof(b), "%s/b.txt", p->dir);
    for (long i = 0; i <= queue; i++) { /* two names, for equal events in a row become one */
        assert_int_equal(chmod(i % 2 > 0 ? a : b, 0600), 0);
    }
    wait_call(p); /* the queue is read in batches */
    assert_true(p->calls >= 1);
    write_in(p->dir, "a.yaml");
    assert_true(calls_now(p) >= 1);
    assert_true(feed_files_is_settled(p->f));
}

static void test_new_errors(void **state)
{
    struct place *p = *state;
    CLEANUP(err_done) struct err err = {0};
    struct feed_files *f;
    char path[128], want[160];

    snprintf(path, sizeof(path), "%s/missing", p->dir);
    assert_int_equal(feed_files_new(&f, p->base, path, on_change, p, &err), -ENOENT);
    snprintf(want, sizeof(want), "%s: No such file or directory", path);
    assert_string_equal(err_text(&err), want);

    write_in(p->dir, "file");
    snprintf(path, sizeof(path), "%s/file", p->dir);
    assert_int_equal(feed_files_new(&f, p->base, path, on_change, p, &err), -ENOTDIR);
    assert_null(feed_files_free(NULL));
}

static void test_relative_path(void **state)
{
    struct place *p = *state;
    char before[256];

    assert_non_null(getcwd(before, sizeof(before)));
    feed_files_free(p->f);
    assert_int_equal(chdir(p->root), 0);
    start(p, "dir");
    assert_int_equal(chdir(before), 0);
    shell(p, "rmdir dir");
    assert_int_equal(calls_now(p), 0);
    shell(p, "mkdir dir");
    assert_int_equal(calls_now(p), 1);
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool enter_user_namespace(void)
{
    char uids[64], gids[64];

    snprintf(uids, sizeof(uids), "0 %u 1\n", (unsigned)geteuid());
    snprintf(gids, sizeof(gids), "0 %u 1\n", (unsigned)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", uids) &&
           write_text("/proc/self/gid_map", gids);
}

/* A mount namespace of our own; false where the system does not allow that. */
static bool enter_namespace(void)
{
    if (unshare(CLONE_NEWNS) < 0 && !enter_user_namespace())
        return false;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

enum { MOUNT_OK, MOUNT_SKIPPED, MOUNT_NOT_SILENT, MOUNT_NOT_BACK, MOUNT_NOT_WATCHED };

/* Runs in a child, where no assertion may jump. */
static int mount_scenario(struct place *p)
{
    CLEANUP(err_done) struct err err = {0};
    char file[128];

    snprintf(file, sizeof(file), "%s/a.yaml", p->dir);
    if (!enter_namespace() || mount("none", p->dir, "tmpfs", 0, NULL) < 0)
        return MOUNT_SKIPPED;
    feed_files_free(p->f);
    if (feed_files_new(&p->f, p->base, p->dir, on_change, p, &err) < 0 || !write_text(file, "x") ||
        calls_now(p) != 1 || umount(p->dir) < 0)
        return MOUNT_SKIPPED;
    if (calls_now(p) != 0) /* the empty folder below is not the folder */
        return MOUNT_NOT_SILENT;
    if (mount("none", p->dir, "tmpfs", 0, NULL) < 0)
        return MOUNT_SKIPPED;
    if (calls_now(p) != 1)
        return MOUNT_NOT_BACK;
    return write_text(file, "x") && calls_now(p) == 1 ? MOUNT_OK : MOUNT_NOT_WATCHED;
}

static void test_unmount(void **state)
{
    struct place *p = *state;
    pid_t child = fork(); /* a namespace is entered for good */
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        event_reinit(p->base);
        _exit(mount_scenario(p));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == MOUNT_SKIPPED)
        skip();
    assert_int_equal(WEXITSTATUS(status), MOUNT_OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, place_make, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_counts),
        TEST(test_nothing_at_the_start),
        TEST(test_open_file_holds_back),
        TEST(test_file_is_written_anew),
        TEST(test_file_that_stays_open),
        TEST(test_change_while_reading),
        TEST(test_folder_goes_and_returns),
        TEST(test_replaced_at_once),
        TEST(test_whole_path_goes),
        TEST(test_folder_is_a_link),
        TEST(test_overflow),
        TEST(test_new_errors),
        TEST(test_relative_path),
        TEST(test_unmount),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
