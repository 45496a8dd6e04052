/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_reload.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_file.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define FOLDER_MASK (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB)
#define LOG_INTERVAL_NS (60 * NS_PER_SEC)

enum {
    PARTS = 3,
    POLL_S = 60,
    SETTLE_US = 100 * 1000, /* certificate and key are often written one after the other */
};

struct kube_reload {
    struct kube_reload_options options;
    char *texts[PARTS]; /* owned: of those in files */
    struct kube_tls_pem pem;
    int fd; /* inotify; -1 without */
    struct event readable, settle, poll;
    struct log_limit limit;
};

static const struct kube_material *part(const struct kube_config *c, int i)
{
    const struct kube_material *const parts[PARTS] = {&c->ca, &c->client_cert, &c->client_key};

    return parts[i];
}

static void texts_free(char *texts[PARTS])
{
    for (int i = 0; i < PARTS; i++)
        free(texts[i]);
}

static int texts_read(char *ret[PARTS], const struct kube_config *c, struct err *err)
{
    char *texts[PARTS] = {NULL};

    for (int i = 0; i < PARTS; i++) {
        int r = part(c, i)->file == NULL ? 0 : kube_file_read(&texts[i], part(c, i)->file, err);

        if (r < 0) {
            texts_free(texts);
            return r;
        }
    }
    memcpy(ret, texts, sizeof(texts));
    return 0;
}

static bool texts_eq(char *const a[PARTS], char *const b[PARTS])
{
    for (int i = 0; i < PARTS; i++) {
        if (!str_eq(a[i], b[i]))
            return false;
    }
    return true;
}

static struct kube_tls_pem pem_of(char *const texts[PARTS], const struct kube_config *c)
{
    const char *pem[PARTS];

    for (int i = 0; i < PARTS; i++)
        pem[i] = texts[i] != NULL ? texts[i] : part(c, i)->data;
    return (struct kube_tls_pem){pem[0], pem[1], pem[2]};
}

static void complain(struct kube_reload *r, const char *text)
{
    if (log_limit_pass(&r->limit, mono_now().ns, LOG_INTERVAL_NS))
        log_warn("certificates not read again", F_S("cause", text));
}

static void check(struct kube_reload *r)
{
    CLEANUP(err_done) struct err err = {0};
    char *texts[PARTS];
    struct kube_tls_pem pem;

    if (texts_read(texts, r->options.config, &err) < 0) {
        complain(r, err_text(&err));
        return;
    }
    pem = pem_of(texts, r->options.config);
    if (texts_eq(texts, r->texts) || !r->options.changed(r->options.arg, &pem)) {
        texts_free(texts);
        return;
    }
    texts_free(r->texts);
    memcpy(r->texts, texts, sizeof(texts));
    r->pem = pem;
}

static void on_settled(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    check(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct kube_reload *r = arg;
    struct timeval settle = {0, SETTLE_US};
    char events[4096]; /* which they are does not matter */

    (void)what;
    while (read(fd, events, sizeof(events)) > 0)
        ;
    if (!event_pending(&r->settle, EV_TIMEOUT, NULL))
        event_add(&r->settle, &settle);
}

static void watch_folder_of(const struct kube_reload *r, const char *file)
{
    CLEANUP(xfreep) char *folder = xstrdup(file);
    char *slash = strrchr(folder, '/');

    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    /* Without the watch the poll remains. */
    (void)inotify_add_watch(r->fd, slash != NULL ? folder : ".", FOLDER_MASK);
}

static bool has_files(const struct kube_config *c)
{
    for (int i = 0; i < PARTS; i++) {
        if (part(c, i)->file != NULL)
            return true;
    }
    return false;
}

static void watch_start(struct kube_reload *r)
{
    struct event_base *base = r->options.base;
    const struct kube_config *c = r->options.config;
    struct timeval period = {POLL_S, 0};

    event_assign(&r->settle, base, -1, 0, on_settled, r);
    event_assign(&r->poll, base, -1, EV_PERSIST, on_settled, r);
    event_add(&r->poll, &period);
    r->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (r->fd < 0)
        return;
    for (int i = 0; i < PARTS; i++) {
        if (part(c, i)->file != NULL)
            watch_folder_of(r, part(c, i)->file);
    }
    event_assign(&r->readable, base, r->fd, EV_READ | EV_PERSIST, on_readable, r);
    event_add(&r->readable, NULL);
}

int kube_reload_new(struct kube_reload **ret, const struct kube_reload_options *options,
                    struct err *err)
{
    CLEANUP(kube_reload_freep) struct kube_reload *r = xcalloc(1, sizeof(*r));
    int code;

    r->options = *options;
    r->fd = -1;
    code = texts_read(r->texts, options->config, err);
    if (code < 0)
        return code;
    r->pem = pem_of(r->texts, options->config);
    if (has_files(options->config))
        watch_start(r);
    *ret = TAKE(r);
    return 0;
}

struct kube_reload *kube_reload_free(struct kube_reload *r)
{
    if (r == NULL)
        return NULL;
    if (event_initialized(&r->poll)) {
        event_del(&r->poll);
        event_del(&r->settle);
    }
    if (r->fd >= 0) {
        event_del(&r->readable);
        close(r->fd);
    }
    texts_free(r->texts);
    free(r);
    return NULL;
}

const struct kube_tls_pem *kube_reload_pem(const struct kube_reload *r)
{
    return &r->pem;
}
