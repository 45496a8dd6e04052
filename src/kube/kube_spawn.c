/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_spawn.h"

#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define INFO_NAME "KUBERNETES_EXEC_INFO"

/* NULL-terminated lists of argv and envp. */
struct words {
    char **items; /* owned, and so is each */
    size_t count, cap;
};

static void words_add(struct words *w, char *text_take)
{
    w->items = array_grow(w->items, &w->cap, w->count + 2, sizeof(*w->items));
    w->items[w->count++] = text_take;
    w->items[w->count] = NULL;
}

static void words_done(struct words *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->items[i]);
    free(w->items);
}

static bool is_replaced(const char *entry, const struct kube_exec *exec)
{
    size_t len = strcspn(entry, "=");

    if (len == strlen(INFO_NAME) && strncmp(entry, INFO_NAME, len) == 0)
        return true;
    for (size_t i = 0; i < exec->env_count; i++) {
        if (strlen(exec->env[i].name) == len && strncmp(entry, exec->env[i].name, len) == 0)
            return true;
    }
    return false;
}

static struct words environment(const struct kube_exec *exec, const char *info)
{
    struct words w = {0};

    for (char **entry = environ; *entry != NULL; entry++) {
        if (!is_replaced(*entry, exec))
            words_add(&w, xstrdup(*entry));
    }
    for (size_t i = 0; i < exec->env_count; i++)
        words_add(&w, xasprintf("%s=%s", exec->env[i].name, exec->env[i].value));
    words_add(&w, xasprintf(INFO_NAME "=%s", info));
    return w;
}

static struct words arguments(const struct kube_exec *exec)
{
    struct words w = {0};

    words_add(&w, xstrdup(exec->command));
    for (size_t i = 0; i < exec->args.count; i++)
        words_add(&w, xstrdup(exec->args.items[i]));
    return w;
}

/* Signals as a program expects them: none blocked, SIGPIPE as usual. 0 or a positive errno. */
static int spawn(pid_t *ret, const struct words *argv, const struct words *envp, int output)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, pipe_signal;
    int r;

    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &pipe_signal);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    r = posix_spawnp(ret, argv->items[0], &files, &attr, argv->items, envp->items);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return r;
}

int kube_spawn(struct kube_spawned *ret, const struct kube_exec *exec, const char *info,
               struct err *err)
{
    CLEANUP(words_done) struct words argv = arguments(exec);
    CLEANUP(words_done) struct words envp = environment(exec, info);
    struct kube_spawned s = {.output = -1, .pidfd = -1};
    int ends[2], r;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return err_set(err, -errno, "%s", strerror(errno));
    r = fcntl(ends[1], F_SETFL, 0) < 0 ? errno : spawn(&s.pid, &argv, &envp, ends[1]);
    close(ends[1]);
    if (r != 0) {
        close(ends[0]);
        return err_set(err, -r, "%s", strerror(r));
    }
    s.output = ends[0];
    s.pidfd = pidfd_open(s.pid, 0);
    if (s.pidfd < 0) {
        r = errno;
        kube_spawned_done(&s);
        return err_set(err, -r, "pidfd: %s", strerror(r));
    }
    *ret = s;
    return 0;
}

void kube_spawned_done(struct kube_spawned *s)
{
    if (s->pid != 0 && !s->is_reaped) {
        kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0); /* at once, after SIGKILL */
    }
    fd_closep(&s->output);
    fd_closep(&s->pidfd);
    *s = (struct kube_spawned){.output = -1, .pidfd = -1};
}
