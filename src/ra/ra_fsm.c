/* SPDX-License-Identifier: Apache-2.0 */
#include "ra/ra_fsm.h"

#include "base/random.h"

#include <errno.h>
#include <string.h>

#define QUICK_COUNT 4 /* F35 */
#define QUICK_NS (1 * NS_PER_SEC)
#define INTERVAL_NS (10 * NS_PER_SEC)
#define JITTER_NS (1 * NS_PER_SEC)        /* taken off, so that nodes do not send in step */
#define ANSWER_DELAY_NS (500 * NS_PER_MS) /* RFC 4861 10: MAX_RA_DELAY_TIME */
#define ANSWER_GAP_NS (3 * NS_PER_SEC)    /* MIN_DELAY_BETWEEN_RAS */
#define SOLICIT_GAP_NS (1 * NS_PER_SEC)

static bool is_due(struct mono t, struct mono now)
{
    return mono_is_set(t) && !mono_before(now, t);
}

void ra_fsm_init(struct ra_fsm *f, uint64_t seed)
{
    *f = (struct ra_fsm){.random = seed};
}

void ra_fsm_start(struct ra_fsm *f, struct ip own, struct mono now)
{
    f->running = true;
    f->own = own;
    f->quick_left = QUICK_COUNT;
    f->advertise_at = now;
    f->solicited = (struct mono){0};
}

void ra_fsm_stop(struct ra_fsm *f)
{
    f->running = false;
    f->sender_count = 0;
    f->advertised = f->advertise_at = f->solicited = (struct mono){0};
}

/* --- the other side --- */

static const struct ra_sender *newest(const struct ra_fsm *f)
{
    const struct ra_sender *found = NULL;

    for (size_t i = 0; i < f->sender_count; i++) {
        if (found == NULL || f->senders[i].appeared > found->appeared)
            found = &f->senders[i];
    }
    return found;
}

struct ip ra_fsm_router(const struct ra_fsm *f)
{
    const struct ra_sender *s = newest(f);

    return s != NULL ? s->ip : (struct ip){0};
}

static struct mono gone_at(const struct ra_sender *s)
{
    return mono_add(s->silent_at, RA_PATIENCE_NS);
}

static void remove_sender(struct ra_fsm *f, size_t i)
{
    f->sender_count--;
    memmove(&f->senders[i], &f->senders[i + 1], (f->sender_count - i) * sizeof(f->senders[0]));
}

static void remove_gone(struct ra_fsm *f, struct mono now)
{
    for (size_t i = f->sender_count; i-- > 0;) {
        if (is_due(gone_at(&f->senders[i]), now))
            remove_sender(f, i);
    }
}

/* Room for one more. The newest stays; of the others the one that was silent for longest goes. */
static void make_room(struct ra_fsm *f)
{
    const struct ra_sender *keep = newest(f);
    size_t oldest = f->sender_count;

    if (f->sender_count < RA_SENDERS_MAX)
        return;
    for (size_t i = 0; i < f->sender_count; i++) {
        if (&f->senders[i] != keep &&
            (oldest == f->sender_count ||
             mono_before(f->senders[i].silent_at, f->senders[oldest].silent_at)))
            oldest = i;
    }
    remove_sender(f, oldest);
}

static struct ra_sender *find_sender(struct ra_fsm *f, struct ip ip)
{
    for (size_t i = 0; i < f->sender_count; i++) {
        if (ip_eq(f->senders[i].ip, ip))
            return &f->senders[i];
    }
    return NULL;
}

static void advertise_soon(struct ra_fsm *f, struct mono now)
{
    struct mono at = mono_add(now, (int64_t)random_below(&f->random, ANSWER_DELAY_NS));

    if (mono_is_set(f->advertised) && mono_before(at, mono_add(f->advertised, ANSWER_GAP_NS)))
        at = mono_add(f->advertised, ANSWER_GAP_NS);
    if (mono_before(at, f->advertise_at))
        f->advertise_at = at;
}

/* A lifetime of 0 says that it is no default router, not that it is gone: ours say so too. */
static void hear_router(struct ra_fsm *f, struct ip from, uint16_t lifetime_s, struct mono now)
{
    int64_t lifetime_ns = lifetime_s * NS_PER_SEC;
    struct ra_sender *s = find_sender(f, from);

    if (s == NULL) {
        make_room(f);
        s = &f->senders[f->sender_count++];
        *s = (struct ra_sender){.ip = from, .appeared = ++f->appearances};
        advertise_soon(f, now); /* it has probably just started, and waits for us */
    }
    s->silent_at = mono_add(now, lifetime_ns > RA_SILENCE_NS ? lifetime_ns : RA_SILENCE_NS);
}

static enum ra_result hear_valid(struct ra_fsm *f, const struct ra_message *m, struct ip from,
                                 struct mono now)
{
    bool unspecified = from.hi == 0 && from.lo == 0;

    switch (m->kind) {
    case RA_ADVERTISEMENT:
        if (!ip_is_link_local(from))
            return RA_DROP_SENDER;
        hear_router(f, from, m->lifetime_s, now);
        return RA_ROUTER;
    case RA_SOLICITATION:
        if (unspecified && m->has_source_mac)
            return RA_DROP_SENDER;
        advertise_soon(f, now);
        return RA_SOLICITED;
    }
    return RA_DROP_OTHER;
}

enum ra_result ra_fsm_hear(struct ra_fsm *f, const struct ra_packet *p, struct mono now)
{
    struct ra_message m;
    int r;

    if (!f->running)
        return RA_DROP_STOPPED;
    if (p->hop_limit != RA_HOP_LIMIT)
        return RA_DROP_HOP_LIMIT;
    if (ip_eq(p->from, f->own))
        return RA_DROP_OWN;
    r = ra_read(&m, p->bytes, p->len);
    if (r < 0)
        return r == -ENOMSG ? RA_DROP_OTHER : RA_DROP_MALFORMED;
    return hear_valid(f, &m, p->from, now);
}

const char *ra_result_name(enum ra_result result)
{
    switch (result) {
    case RA_ROUTER:
        return "router";
    case RA_SOLICITED:
        return "solicited";
    case RA_DROP_STOPPED:
        return "interface not served";
    case RA_DROP_HOP_LIMIT:
        return "hop limit";
    case RA_DROP_MALFORMED:
        return "malformed";
    case RA_DROP_OTHER:
        return "other type";
    case RA_DROP_OWN:
        return "own";
    case RA_DROP_SENDER:
        return "sender";
    }
    return "unknown";
}

/* --- what is sent --- */

static bool may_solicit(const struct ra_fsm *f, struct mono now)
{
    return !mono_is_set(f->solicited) || !mono_before(now, mono_add(f->solicited, SOLICIT_GAP_NS));
}

static unsigned advertise(struct ra_fsm *f, struct mono now)
{
    unsigned acts = RA_DO_ADVERTISE;
    int64_t wait = INTERVAL_NS - (int64_t)random_below(&f->random, JITTER_NS);

    if (f->quick_left > 0) {
        f->quick_left--;
        acts |= f->sender_count == 0 && may_solicit(f, now) ? RA_DO_SOLICIT : 0;
    }
    if (f->quick_left > 0)
        wait = QUICK_NS;
    f->advertised = now;
    f->advertise_at = mono_add(now, wait);
    return acts;
}

/* When the router is silent; then again and again. */
static struct mono solicit_at(const struct ra_fsm *f)
{
    const struct ra_sender *s = newest(f);
    struct mono again = mono_add(f->solicited, SOLICIT_GAP_NS);

    if (s == NULL)
        return (struct mono){0};
    return mono_before(s->silent_at, again) ? again : s->silent_at;
}

unsigned ra_fsm_tick(struct ra_fsm *f, struct mono now)
{
    unsigned acts = 0;

    if (!f->running)
        return 0;
    remove_gone(f, now);
    if (is_due(f->advertise_at, now))
        acts |= advertise(f, now);
    if (is_due(solicit_at(f), now))
        acts |= RA_DO_SOLICIT;
    if ((acts & RA_DO_SOLICIT) != 0)
        f->solicited = now;
    return acts;
}

struct mono ra_fsm_deadline(const struct ra_fsm *f)
{
    struct mono next = {0};

    if (!f->running)
        return next;
    next = mono_earlier(f->advertise_at, solicit_at(f));
    for (size_t i = 0; i < f->sender_count; i++)
        next = mono_earlier(next, gone_at(&f->senders[i]));
    return next;
}
