/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_lease.h"

#include "base/delay.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_lease_fsm.h"
#include "kube/kube_lease_wire.h"
#include "kube/kube_time.h"

#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LEAVE_NS (2 * NS_PER_SEC) /* how long a release may take */

struct kube_lease {
    struct kube_client *client;
    char *namespace, *name, *path, *collection;
    void (*changed)(void *arg, enum kube_lease_state state);
    void *arg;
    struct lease_fsm *machine;
    enum kube_lease_state told;
    char *bytes; /* the Lease as it was read or written last; NULL before */
    size_t len;
    struct kube_fetch *fetch;
    struct event timer;
    void (*left)(void *arg); /* set by a release, NULL once called */
    void *left_arg;
    struct event leave_timer;
};

static const char *const state_names[] = {
    [KUBE_LEASE_WAITING] = "waiting",
    [KUBE_LEASE_HELD] = "held",
    [KUBE_LEASE_LOST] = "lost",
    [KUBE_LEASE_FORBIDDEN] = "forbidden",
};

enum kube_lease_state kube_lease_state(const struct kube_lease *l)
{
    switch (lease_fsm_state(l->machine, mono_now())) {
    case LEASE_WAITING:
        return KUBE_LEASE_WAITING;
    case LEASE_HELD:
        return KUBE_LEASE_HELD;
    case LEASE_LOST:
        return KUBE_LEASE_LOST;
    case LEASE_FORBIDDEN:
        return KUBE_LEASE_FORBIDDEN;
    }
    return KUBE_LEASE_WAITING;
}

/* --- requests --- */

static void lease_step(struct kube_lease *l);

static void keep(struct kube_lease *l, const struct kube_reply *reply)
{
    free(l->bytes);
    l->bytes = memcpy(xmalloc(reply->len + 1), reply->bytes, reply->len);
    l->len = reply->len;
}

static enum lease_reply judge(struct kube_lease *l, struct lease_record *ret,
                              const struct kube_reply *reply)
{
    CLEANUP(err_done) struct err err = {0};

    if (reply->code == 0 && reply->status / 100 == 2) {
        if (lease_read(ret, reply->bytes, reply->len, &err) < 0) {
            log_warn("lease not read", F_S("lease", l->name), F_S("error", err_text(&err)));
            return LEASE_FAILED;
        }
        keep(l, reply);
        return LEASE_OK;
    }
    log_debug("lease request failed", F_S("lease", l->name), F_S("error", reply->text));
    if (reply->status == 404)
        return LEASE_MISSING;
    if (reply->status == 409)
        return LEASE_CONFLICT;
    return reply->status == 403 ? LEASE_DENIED : LEASE_FAILED;
}

static void on_reply(void *arg, const struct kube_reply *reply)
{
    struct kube_lease *l = arg;
    struct lease_record record;
    enum lease_reply verdict = judge(l, &record, reply);

    l->fetch = NULL;
    lease_fsm_on_reply(l->machine, mono_now(), verdict, verdict == LEASE_OK ? &record : NULL);
    lease_step(l);
}

static void fill_times(struct lease_record *r)
{
    struct kube_time_text now = kube_time_format_micro(kube_time_now());

    _Static_assert(sizeof(r->renewed) == sizeof(now.s), "a time must fit");
    memcpy(r->renewed, now.s, sizeof(r->renewed));
    if (str_empty(r->acquired))
        memcpy(r->acquired, now.s, sizeof(r->acquired));
}

/* The body is NULL when what the server sent cannot be written back. */
static char *request_body(const struct kube_lease *l, const struct lease_request *r,
                          size_t *ret_len)
{
    CLEANUP(err_done) struct err err = {0};
    struct lease_record record = r->record;
    char *body = NULL;

    fill_times(&record);
    if (r->kind == LEASE_CREATE)
        return lease_write_new(l->namespace, l->name, &record, ret_len);
    if (lease_write_changed(&body, ret_len, l->bytes, l->len, &record, &err) < 0)
        log_warn("lease not written", F_S("lease", l->name), F_S("error", err_text(&err)));
    return body;
}

static void send_request(struct kube_lease *l, const struct lease_request *r)
{
    struct kube_request request = {.method = "GET", .path = l->path};
    CLEANUP(xfreep) char *body = NULL;

    if (r->kind != LEASE_READ) {
        bool is_new = r->kind == LEASE_CREATE;

        body = request_body(l, r, &request.body_len);
        if (body == NULL) {
            lease_fsm_on_reply(l->machine, mono_now(), LEASE_FAILED, NULL);
            return;
        }
        request.method = is_new ? "POST" : "PUT";
        request.path = is_new ? l->collection : l->path;
        request.body = body;
    }
    l->fetch = kube_fetch_start(l->client, &request, on_reply, l);
}

/* --- the loop --- */

static void log_state(const struct kube_lease *l, enum kube_lease_state state)
{
    switch (state) {
    case KUBE_LEASE_LOST:
        log_warn("lease lost", F_S("lease", l->name));
        return;
    case KUBE_LEASE_FORBIDDEN:
        log_info("no right to the lease: running as the only one", F_S("lease", l->name));
        return;
    case KUBE_LEASE_WAITING:
    case KUBE_LEASE_HELD:
        log_info("lease", F_S("lease", l->name), F_S("state", state_names[state]));
    }
}

static void tell_state(struct kube_lease *l)
{
    enum kube_lease_state state = kube_lease_state(l);

    if (state == l->told)
        return;
    l->told = state;
    log_state(l, state);
    if (l->changed != NULL)
        l->changed(l->arg, state);
}

static void arm(struct event *timer, int64_t ns)
{
    struct timeval tv = delay_from_ns(ns);

    (void)event_add(timer, &tv); /* fails only without memory */
}

static void lease_step(struct kube_lease *l)
{
    struct lease_request r;
    struct mono deadline;

    while (lease_fsm_next(l->machine, mono_now(), &r))
        send_request(l, &r);
    deadline = lease_fsm_deadline(l->machine);
    if (mono_is_set(deadline))
        arm(&l->timer, mono_sub(deadline, mono_now()));
    else
        (void)event_del(&l->timer); /* fails only for an event that was never set up */
    if (l->left != NULL && lease_fsm_is_done(l->machine))
        arm(&l->leave_timer, 0);
    tell_state(l);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct kube_lease *l = arg;

    (void)fd;
    (void)what;
    if (lease_fsm_is_overdue(l->machine, mono_now())) {
        kube_fetch_cancel(TAKE(l->fetch));
        lease_fsm_on_reply(l->machine, mono_now(), LEASE_FAILED, NULL);
    }
    lease_step(l);
}

static void on_leave(evutil_socket_t fd, short what, void *arg)
{
    struct kube_lease *l = arg;

    (void)fd;
    (void)what;
    TAKE(l->left)(l->left_arg);
}

struct kube_lease *kube_lease_new(const struct kube_lease_options *o)
{
    struct kube_lease *l = xcalloc(1, sizeof(*l));
    struct lease_fsm_options m = {
        .identity = o->identity,
        .duration_ns = o->duration_ns != 0 ? o->duration_ns : 15 * NS_PER_SEC,
        .renew_deadline_ns = o->renew_deadline_ns != 0 ? o->renew_deadline_ns : 10 * NS_PER_SEC,
        .retry_ns = o->retry_ns != 0 ? o->retry_ns : 2 * NS_PER_SEC,
    };

    if (getrandom(&m.seed, sizeof(m.seed), 0) != (ssize_t)sizeof(m.seed))
        abort(); /* never for so few bytes */
    l->client = o->client;
    l->namespace = xstrdup(o->namespace);
    l->name = xstrdup(o->name);
    l->collection = xasprintf("/apis/coordination.k8s.io/v1/namespaces/%s/leases", o->namespace);
    l->path = xasprintf("%s/%s", l->collection, o->name);
    l->changed = o->changed;
    l->arg = o->arg;
    l->machine = lease_fsm_new(&m, mono_now());
    (void)event_assign(&l->timer, o->base, -1, 0, on_timer, l);       /* cannot fail */
    (void)event_assign(&l->leave_timer, o->base, -1, 0, on_leave, l); /* cannot fail */
    arm(&l->timer, 0);
    return l;
}

void kube_lease_release(struct kube_lease *l, void (*left)(void *arg), void *arg)
{
    l->left = left;
    l->left_arg = arg;
    arm(&l->leave_timer, LEAVE_NS);
    lease_fsm_release(l->machine, mono_now());
    arm(&l->timer, 0);
}

struct kube_lease *kube_lease_free(struct kube_lease *l)
{
    if (l == NULL)
        return NULL;
    if (l->fetch != NULL)
        kube_fetch_cancel(l->fetch);
    (void)event_del(&l->timer);
    (void)event_del(&l->leave_timer);
    lease_fsm_free(l->machine);
    free(l->namespace);
    free(l->name);
    free(l->path);
    free(l->collection);
    free(l->bytes);
    free(l);
    return NULL;
}
