/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_lease_fsm.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much longer than `retry` a pause of those who wait may be: client-go's JitterFactor, 1.2. */
enum { JITTER_PERCENT = 120 };
#define FORBIDDEN_RETRY_NS (60 * NS_PER_SEC)

struct lease_fsm {
    char *identity;
    int64_t duration_ns, renew_deadline_ns, retry_ns;
    uint64_t random_state;

    struct lease_record record; /* as it was read or written last; meaningful if `is_known` */
    bool is_known, is_missing;
    struct mono changed; /* when a change of it was seen last */

    bool is_holding, is_lost, is_forbidden;
    bool can_read, can_write; /* it worked once */
    struct mono valid_until;  /* while holding */

    enum lease_request_kind want; /* the next request, */
    struct mono next;             /* and when */
    bool is_sent;
    struct mono sent; /* of the request under way */
    bool is_releasing, is_release_sent, is_done;
};

struct lease_fsm *lease_fsm_new(const struct lease_fsm_options *o, struct mono now)
{
    struct lease_fsm *f = xcalloc(1, sizeof(*f));

    assert(strlen(o->identity) <= LEASE_HOLDER_MAX && o->identity[0] != '\0');
    assert(o->renew_deadline_ns < o->duration_ns && o->retry_ns < o->renew_deadline_ns);
    f->identity = xstrdup(o->identity);
    f->duration_ns = o->duration_ns;
    f->renew_deadline_ns = o->renew_deadline_ns;
    f->retry_ns = o->retry_ns;
    f->random_state = o->seed;
    f->want = LEASE_READ;
    f->next = now;
    return f;
}

struct lease_fsm *lease_fsm_free(struct lease_fsm *f)
{
    if (f == NULL)
        return NULL;
    free(f->identity);
    free(f);
    return NULL;
}

/* --- what is known --- */

static bool is_ours(const struct lease_fsm *f)
{
    return f->is_known && str_eq(f->record.holder, f->identity);
}

static bool record_eq(const struct lease_record *a, const struct lease_record *b)
{
    return str_eq(a->holder, b->holder) && a->duration_s == b->duration_s &&
           a->transitions == b->transitions && str_eq(a->acquired, b->acquired) &&
           str_eq(a->renewed, b->renewed);
}

static void learn(struct lease_fsm *f, struct mono now, const struct lease_record *record)
{
    if (!f->is_known || f->is_missing || !record_eq(&f->record, record))
        f->changed = now;
    f->record = *record;
    f->is_known = true;
    f->is_missing = false;
}

/* The duration is that of its writer. */
static bool has_run_out(const struct lease_fsm *f, struct mono now)
{
    int64_t duration_ns = f->duration_ns;

    if (f->record.duration_s > 0 && f->record.duration_s <= INT32_MAX)
        duration_ns = f->record.duration_s * NS_PER_SEC;
    return !mono_before(now, mono_add(f->changed, duration_ns));
}

static bool is_taken(const struct lease_fsm *f, struct mono now)
{
    return !is_ours(f) && !str_empty(f->record.holder) && !has_run_out(f, now);
}

static void plan(struct lease_fsm *f, enum lease_request_kind want, struct mono when)
{
    f->want = want;
    f->next = when;
}

static void plan_retry(struct lease_fsm *f, struct mono now)
{
    uint64_t limit = (uint64_t)(f->retry_ns / 100 * JITTER_PERCENT + 1);
    int64_t jitter = f->is_holding ? 0 : (int64_t)random_below(&f->random_state, limit);

    plan(f, LEASE_READ, mono_add(now, f->retry_ns + jitter));
}

/* --- the state --- */

static void lose(struct lease_fsm *f)
{
    f->is_holding = false;
    f->is_lost = true;
}

static void expire(struct lease_fsm *f, struct mono now)
{
    if (!f->is_holding || mono_before(now, f->valid_until))
        return;
    lose(f);
    if (!f->is_sent)
        plan(f, LEASE_READ, now);
}

enum lease_state lease_fsm_state(const struct lease_fsm *f, struct mono now)
{
    if (f->is_releasing)
        return LEASE_WAITING;
    if (f->is_forbidden)
        return LEASE_FORBIDDEN;
    if (f->is_holding)
        return mono_before(now, f->valid_until) ? LEASE_HELD : LEASE_LOST;
    return f->is_lost ? LEASE_LOST : LEASE_WAITING;
}

/* --- requests --- */

static struct lease_record claim(const struct lease_fsm *f)
{
    struct lease_record r = {.duration_s = (f->duration_ns + NS_PER_SEC - 1) / NS_PER_SEC};

    if (f->want == LEASE_UPDATE) {
        r.transitions = f->record.transitions + (is_ours(f) ? 0 : 1);
        if (is_ours(f))
            memcpy(r.acquired, f->record.acquired, sizeof(r.acquired));
    }
    (void)snprintf(r.holder, sizeof(r.holder), "%s", f->identity); /* it fits */
    return r;
}

/* As client-go releases: free at once, for whoever looks. */
static struct lease_record release(const struct lease_fsm *f)
{
    return (struct lease_record){.duration_s = 1, .transitions = f->record.transitions};
}

static void send_request(struct lease_fsm *f, struct mono now, struct lease_request *ret)
{
    f->is_sent = true;
    f->sent = now;
    *ret = (struct lease_request){.kind = f->want};
    if (f->is_releasing) {
        ret->record = release(f);
        f->is_release_sent = true;
    } else if (f->want != LEASE_READ) {
        ret->record = claim(f);
    }
}

bool lease_fsm_next(struct lease_fsm *f, struct mono now, struct lease_request *ret)
{
    expire(f, now);
    if (f->is_sent || f->is_done)
        return false;
    if (f->is_releasing) {
        if (!f->is_holding || f->is_missing || f->is_release_sent) {
            f->is_done = true;
            return false;
        }
        plan(f, LEASE_UPDATE, now);
    }
    if (mono_before(now, f->next))
        return false;
    send_request(f, now, ret);
    return true;
}

/* --- replies --- */

static void on_read(struct lease_fsm *f, struct mono now)
{
    f->can_read = true;
    if (f->is_holding && !is_ours(f))
        lose(f);
    if (is_taken(f, now)) {
        f->is_forbidden = false;
        plan_retry(f, now);
    } else {
        plan(f, LEASE_UPDATE, now);
    }
}

static void on_written(struct lease_fsm *f, struct mono now)
{
    f->can_read = f->can_write = true;
    f->is_forbidden = false;
    f->valid_until = mono_add(f->sent, f->renew_deadline_ns);
    f->is_holding = mono_before(now, f->valid_until);
    if (f->is_holding)
        f->is_lost = false;
    plan(f, LEASE_UPDATE, f->is_holding ? mono_add(now, f->retry_ns) : now);
}

/* Who held it last may not know yet that it is gone, and may be another one than we saw. */
static void on_missing(struct lease_fsm *f, struct mono now)
{
    if (!f->is_missing)
        f->changed = now;
    f->is_missing = true;
    if (f->is_known && !f->is_holding && !has_run_out(f, now))
        plan_retry(f, now);
    else
        plan(f, LEASE_CREATE, now);
}

static void on_denied(struct lease_fsm *f, struct mono now, enum lease_request_kind kind)
{
    if (kind == LEASE_READ ? f->can_read : f->can_write) {
        plan_retry(f, now);
        return;
    }
    f->is_forbidden = true;
    f->is_lost = false;
    plan(f, LEASE_READ, mono_add(now, FORBIDDEN_RETRY_NS));
}

/* What we have is out of date. The holder looks soon, as its time runs. */
static void on_conflict(struct lease_fsm *f, struct mono now)
{
    if (f->is_holding)
        plan(f, LEASE_READ, mono_add(now, f->retry_ns / 4));
    else
        plan_retry(f, now);
}

void lease_fsm_on_reply(struct lease_fsm *f, struct mono now, enum lease_reply reply,
                        const struct lease_record *record)
{
    enum lease_request_kind kind = f->want;

    assert(f->is_sent);
    expire(f, now);
    f->is_sent = false;
    if (f->is_release_sent)
        return;
    switch (reply) {
    case LEASE_OK:
        learn(f, now, record);
        if (kind == LEASE_READ)
            on_read(f, now);
        else
            on_written(f, now);
        break;
    case LEASE_MISSING:
        on_missing(f, now);
        break;
    case LEASE_CONFLICT:
        on_conflict(f, now);
        break;
    case LEASE_DENIED:
        on_denied(f, now, kind);
        break;
    case LEASE_FAILED:
        plan_retry(f, now);
        break;
    }
}

/* --- time --- */

static struct mono reply_deadline(const struct lease_fsm *f)
{
    return mono_add(f->sent, f->renew_deadline_ns / 2);
}

bool lease_fsm_is_overdue(const struct lease_fsm *f, struct mono now)
{
    return f->is_sent && !mono_before(now, reply_deadline(f));
}

struct mono lease_fsm_deadline(const struct lease_fsm *f)
{
    struct mono t = f->is_sent ? reply_deadline(f) : f->next;

    if (f->is_done)
        return (struct mono){0};
    return f->is_holding ? mono_earlier(t, f->valid_until) : t;
}

/* --- the end --- */

void lease_fsm_release(struct lease_fsm *f, struct mono now)
{
    expire(f, now);
    f->is_releasing = true;
}

bool lease_fsm_is_done(const struct lease_fsm *f)
{
    return f->is_done;
}
