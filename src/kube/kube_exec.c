/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_exec.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_file.h"
#include "kube/kube_spawn.h"
#include "kube/kube_time.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EARLY_NS (30 * NS_PER_SEC) /* a run before they expire */
#define FRESH_NS (10 * NS_PER_SEC)
#define PAUSE_NS (5 * NS_PER_SEC) /* between a failure and the next run */

enum { RUN_LIMIT_S = 60, OUTPUT_MAX = 1 << 20 };

struct kube_exec_plugin {
    struct kube_auth_options options;
    struct kube_exec_credentials credentials;
    bool has_credentials;
    struct mono got, expires; /* expires "never": they do not */
    struct mono retry;        /* after a failure */
    struct err failure;

    struct kube_spawned run; /* pid 0: none */
    struct event readable, exited, limit;
    struct text output;
};

/* --- a run --- */

static void run_done(struct kube_exec_plugin *p)
{
    event_del(&p->readable);
    event_del(&p->exited);
    event_del(&p->limit);
    kube_spawned_done(&p->run);
    text_done(&p->output);
}

static void failed(struct kube_exec_plugin *p)
{
    const struct kube_exec *exec = p->options.config->exec;

    err_wrap(&p->failure, "exec plugin %s", exec->command);
    p->retry = mono_add(mono_now(), PAUSE_NS);
    log_warn("no credentials", F_S("cause", err_text(&p->failure)),
             F_S("hint", exec->install_hint));
}

static void accept_credentials(struct kube_exec_plugin *p, struct kube_exec_credentials *fresh)
{
    kube_exec_credentials_done(&p->credentials);
    p->credentials = *fresh;
    p->has_credentials = true;
    p->got = mono_now();
    p->expires = (struct mono){0};
    if (fresh->expires_ns != 0)
        p->expires = mono_add(p->got, fresh->expires_ns - kube_time_now());
    err_done(&p->failure);
}

static bool is_too_long(const struct kube_exec_plugin *p)
{
    return p->output.len > OUTPUT_MAX;
}

/* What the program printed, once it has ended. */
static int read_result(struct kube_exec_plugin *p, int status, struct kube_exec_credentials *ret)
{
    if (is_too_long(p))
        return err_set(&p->failure, -EMSGSIZE, "too long an output");
    if (WIFSIGNALED(status))
        return err_set(&p->failure, -EACCES, "ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return err_set(&p->failure, -EACCES, "exit status %d", WEXITSTATUS(status));
    return kube_exec_parse(ret, p->options.config->exec->api_version, text_str(&p->output),
                           p->output.len, &p->failure);
}

/* False at the end of the output, or when it is too long. */
static bool read_some(struct kube_exec_plugin *p)
{
    char bytes[4096];
    ssize_t n = read(p->run.output, bytes, sizeof(bytes));

    if (n <= 0 || is_too_long(p))
        return false;
    text_add_n(&p->output, bytes, (size_t)n);
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct kube_exec_plugin *p = arg;

    (void)fd;
    (void)what;
    if (read_some(p))
        return;
    event_del(&p->readable);
    if (is_too_long(p))
        kill(p->run.pid, SIGKILL); /* else it waits for us to read on */
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
    struct kube_exec_plugin *p = arg;
    struct kube_exec_credentials fresh = {0};
    bool other_cert;
    int status = 0;

    (void)fd;
    (void)what;
    if (waitpid(p->run.pid, &status, WNOHANG) == 0)
        return;
    p->run.is_reaped = true;
    while (read_some(p))
        ;
    if (read_result(p, status, &fresh) < 0) {
        failed(p);
        run_done(p);
        p->options.changed(p->options.arg, false);
        return;
    }
    other_cert = !str_eq(fresh.cert, p->credentials.cert) || !str_eq(fresh.key, p->credentials.key);
    accept_credentials(p, &fresh);
    run_done(p);
    p->options.changed(p->options.arg, other_cert);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    struct kube_exec_plugin *p = arg;

    (void)fd;
    (void)what;
    kill(p->run.pid, SIGKILL);
}

static char *exec_info(const struct kube_config *config)
{
    CLEANUP(err_done) struct err ignored = {0};
    CLEANUP(xfreep) char *ca = NULL;

    if (config->ca.file != NULL && kube_file_read(&ca, config->ca.file, &ignored) == 0)
        return kube_exec_info(config, ca);
    return kube_exec_info(config, config->ca.data);
}

static void run_start(struct kube_exec_plugin *p)
{
    const struct kube_config *config = p->options.config;
    struct event_base *base = p->options.base;
    CLEANUP(xfreep) char *info = exec_info(config);
    struct timeval limit = {RUN_LIMIT_S, 0};

    if (kube_spawn(&p->run, config->exec, info, &p->failure) < 0) {
        failed(p);
        return;
    }
    event_assign(&p->readable, base, p->run.output, EV_READ | EV_PERSIST, on_readable, p);
    event_assign(&p->exited, base, p->run.pidfd, EV_READ | EV_PERSIST, on_exited, p);
    event_assign(&p->limit, base, -1, 0, on_limit, p);
    event_add(&p->readable, NULL);
    event_add(&p->exited, NULL);
    event_add(&p->limit, &limit);
}

/* --- what there is --- */

static bool is_running(const struct kube_exec_plugin *p)
{
    return p->run.pid != 0;
}

/* What was just printed is used whatever its date: the server decides, and a run at once would
 * print the same. */
static bool is_fresh(const struct kube_exec_plugin *p, struct mono now)
{
    return p->has_credentials && mono_sub(now, p->got) < FRESH_NS;
}

static bool good_until(const struct kube_exec_plugin *p, struct mono at)
{
    return p->has_credentials && (!mono_is_set(p->expires) || mono_before(at, p->expires));
}

enum kube_auth_state kube_exec_plugin_prepare(struct kube_exec_plugin *p, struct mono now)
{
    bool is_good = good_until(p, now) || is_fresh(p, now);

    if (!good_until(p, mono_add(now, EARLY_NS)) && !is_fresh(p, now) && !is_running(p) &&
        !(mono_is_set(p->retry) && mono_before(now, p->retry)))
        run_start(p);
    if (is_good)
        return KUBE_AUTH_READY;
    return is_running(p) ? KUBE_AUTH_BUSY : KUBE_AUTH_FAILED;
}

const char *kube_exec_plugin_text(const struct kube_exec_plugin *p)
{
    return err_text(&p->failure);
}

bool kube_exec_plugin_refresh(struct kube_exec_plugin *p, struct mono now)
{
    if (is_running(p))
        return true;
    if (is_fresh(p, now))
        return false;
    p->has_credentials = false; /* the certificate stays, to be compared with the next one */
    return true;
}

const struct kube_exec_credentials *kube_exec_plugin_credentials(const struct kube_exec_plugin *p)
{
    return &p->credentials;
}

struct kube_exec_plugin *kube_exec_plugin_new(const struct kube_auth_options *options)
{
    struct kube_exec_plugin *p = xcalloc(1, sizeof(*p));

    p->options = *options;
    p->run = (struct kube_spawned){.output = -1, .pidfd = -1};
    return p;
}

struct kube_exec_plugin *kube_exec_plugin_free(struct kube_exec_plugin *p)
{
    if (p == NULL)
        return NULL;
    if (is_running(p))
        run_done(p);
    kube_exec_credentials_done(&p->credentials);
    err_done(&p->failure);
    free(p);
    return NULL;
}
