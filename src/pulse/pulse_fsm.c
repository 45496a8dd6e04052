/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's surface: who takes part, heartbeats in and out, the clock. pulse_verdict.c has the
 * verdicts.
 *
 * Against replay: a heartbeat counts only if it is addressed to this process (to_boot is our boot)
 * and newer than the last one of its sender (seq). A new process on the other side is believed when
 * it answers (echo) a heartbeat that we sent after the old one was believed: nobody can have
 * recorded that. Before two processes have met, each takes what the other says of itself, only to
 * address it.
 */
#include "pulse/pulse_fsm.h"

#include "base/mem.h"
#include "base/text.h"
#include "pulse/pulse_int.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLACK_DIV = 2,  /* of an interval: how late the last heartbeat may be */
    LATE_DIV = 4,   /* more than that part of an interval, and we were stalled */
    URGENT_DIV = 20 /* at most so many urgent rounds in an interval */
};

static void node_init(struct node *n, const char *name, uint64_t id, uint64_t seq)
{
    *n = (struct node){.id = id, .name = xstrdup(name), .echo_floor = seq};
}

struct pulse *pulse_new(const struct pulse_options *options, struct mono now)
{
    struct pulse *p = xcalloc(1, sizeof(*p));

    assert(options->boot != 0 && options->count > 0);
    assert(options->interval_ns >= PULSE_INTERVAL_MIN_US * NS_PER_US &&
           options->interval_ns <= PULSE_INTERVAL_MAX_US * NS_PER_US);
    p->options = *options;
    node_init(&p->nodes[0], options->name, pulse_id(options->name), 0);
    p->options.name = p->nodes[0].name;
    p->nodes[0].present = true;
    p->used = 1;
    p->next_beat = now;
    return p;
}

struct pulse *pulse_free(struct pulse *p)
{
    if (p == NULL)
        return NULL;
    for (size_t i = 0; i < p->used; i++)
        free(p->nodes[i].name);
    OPENSSL_cleanse(&p->options.key, sizeof(p->options.key));
    free(p);
    return NULL;
}

static struct node *node_find(struct pulse *p, uint64_t id)
{
    for (size_t i = 0; i < p->used; i++) {
        if (p->nodes[i].id == id)
            return &p->nodes[i];
    }
    return NULL;
}

static size_t slot_of(const struct pulse *p, const struct node *n)
{
    return (size_t)(n - p->nodes);
}

/* Nobody's old votes may be taken for votes about who gets the slot next. */
static void forget_votes(struct pulse *p, struct node *n)
{
    memset(n->votes, 0, sizeof(n->votes));
    for (size_t i = 0; i < p->used; i++)
        p->nodes[i].votes[slot_of(p, n)] = VOTE_NONE;
}

static void node_leave(struct pulse *p, struct node *n, struct mono now)
{
    n->present = n->met = n->missed = n->due = false;
    n->gone = now;
    forget_votes(p, n);
    p->version++;
}

static bool is_listed(const struct node *n, const struct pulse_peer *peers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(n->name, peers[i].name))
            return true;
    }
    return false;
}

/* A slot that is free, or that of the node that is gone for longest. There is one: the caller saw
 * that all who take part fit. */
static struct node *slot_take(struct pulse *p)
{
    struct node *oldest = NULL;

    if (p->used < PULSE_NODES_MAX)
        return &p->nodes[p->used++];
    for (size_t i = 1; i < p->used; i++) {
        struct node *n = &p->nodes[i];

        if (!n->present && (oldest == NULL || mono_before(n->gone, oldest->gone)))
            oldest = n;
    }
    assert(oldest != NULL);
    free(oldest->name);
    return oldest;
}

static void node_enter(struct pulse *p, const struct pulse_peer *peer)
{
    uint64_t id = pulse_id(peer->name);
    struct node *n = node_find(p, id);

    if (n == NULL) {
        n = slot_take(p);
        node_init(n, peer->name, id, p->seq);
    }
    n->addr = peer->addr;
    if (n->present)
        return;
    n->present = true;
    p->version++;
}

bool pulse_set_peers(struct pulse *p, struct mono now, const struct pulse_peer *peers, size_t count)
{
    bool fits = count < PULSE_NODES_MAX;

    if (!fits)
        count = 0;
    for (size_t i = 1; i < p->used; i++) {
        if (p->nodes[i].present && !is_listed(&p->nodes[i], peers, count))
            node_leave(p, &p->nodes[i], now);
    }
    for (size_t i = 0; i < count; i++)
        node_enter(p, &peers[i]);
    verdicts_update(p, now);
    return fits;
}

/* --- heartbeats in --- */

static void drop(struct pulse *p, enum pulse_drop why)
{
    p->dropped[why]++;
}

static void meet(struct pulse *p, struct node *n, const struct pulse_packet *k, struct mono now)
{
    forget_votes(p, n);
    n->met = true;
    n->boot = k->boot;
    n->echo_floor = n->sent_seq;
    n->steady = now;
    p->version++;
}

/* Is it a heartbeat of now, for us? Then the sender's process is known afterwards. */
static bool is_fresh(struct pulse *p, struct node *n, const struct pulse_packet *k, struct mono now)
{
    if (k->to_boot != p->options.boot) {
        if (!n->met) {
            n->boot = k->boot;
            n->seq = k->seq;
        }
        return false;
    }
    if (n->met && k->boot == n->boot)
        return k->seq > n->seq;
    if (k->echo <= n->echo_floor || k->echo > n->sent_seq)
        return false;
    meet(p, n, k, now);
    return true;
}

static void take_entries(struct pulse *p, struct node *from, const struct pulse_packet *k,
                         struct mono now)
{
    memset(from->votes, 0, sizeof(from->votes));
    for (size_t i = 0; i < k->count; i++) {
        const struct pulse_entry *e = &k->entries[i];
        struct node *n = node_find(p, e->id);

        if (n == NULL || !n->present)
            continue;
        if (e->judges)
            from->votes[slot_of(p, n)] = e->missed ? VOTE_MISSES : VOTE_HEARS;
        verdict_merge(p, n, e, now);
    }
}

static void take_heartbeat(struct pulse *p, struct node *n, const struct pulse_packet *k,
                           struct mono now)
{
    n->seq = k->seq;
    n->heard = now;
    n->interval_ns = k->interval_us * NS_PER_US;
    if (n->missed) {
        n->missed = false;
        n->steady = now;
        p->version++;
        pulse_urge(p, now);
    }
    take_entries(p, n, k, now);
    verdicts_update(p, now);
}

void pulse_on_packet(struct pulse *p, struct mono now, const uint8_t *bytes, size_t len)
{
    struct pulse_packet k;
    enum pulse_reading r = pulse_read(&k, bytes, len, &p->options.key);
    struct node *n;

    if (r != PULSE_READ) {
        drop(p, r == PULSE_BAD_TAG ? PULSE_DROP_TAG : PULSE_DROP_FORM);
        return;
    }
    if (k.to != p->nodes[0].id || k.from == p->nodes[0].id) {
        drop(p, PULSE_DROP_REFLECTED);
        return;
    }
    n = node_find(p, k.from);
    if (n == NULL || !n->present)
        drop(p, PULSE_DROP_STRANGER);
    else if (is_fresh(p, n, &k, now))
        take_heartbeat(p, n, &k, now);
    else if (k.to_boot != 0 || n->met)
        drop(p, PULSE_DROP_OLD); /* else: the first word of a process that has not heard us yet */
}

/* --- the clock --- */

/* How long nothing may be heard of a node. */
static struct mono missed_at(const struct pulse *p, const struct node *n)
{
    return mono_add(n->heard, p->options.count * n->interval_ns + n->interval_ns / SLACK_DIV);
}

static bool is_awaited(const struct node *n)
{
    return n->present && n->met && !n->missed;
}

struct mono pulse_deadline(const struct pulse *p)
{
    struct mono deadline = mono_earlier(p->next_beat, p->urgent_at);

    for (size_t i = 1; i < p->used; i++) {
        if (is_awaited(&p->nodes[i]))
            deadline = mono_earlier(deadline, missed_at(p, &p->nodes[i]));
    }
    return mono_earlier(deadline, verdicts_deadline(p));
}

/* Called late: our time stood still, and so did what we have heard. */
static void forgive_stall(struct pulse *p, struct mono now)
{
    int64_t late_ns = mono_sub(now, pulse_deadline(p));

    if (late_ns <= p->options.interval_ns / LATE_DIV)
        return;
    for (size_t i = 1; i < p->used; i++) {
        struct node *n = &p->nodes[i];
        struct mono shifted = mono_add(n->heard, late_ns);

        if (is_awaited(n))
            n->heard = mono_before(now, shifted) ? now : shifted;
    }
}

static void notice_silence(struct pulse *p, struct mono now)
{
    for (size_t i = 1; i < p->used; i++) {
        struct node *n = &p->nodes[i];

        if (!is_awaited(n) || mono_before(now, missed_at(p, n)))
            continue;
        n->missed = true;
        p->version++;
        pulse_urge(p, now);
    }
}

static void send_to_all(struct pulse *p, struct mono now)
{
    for (size_t i = 1; i < p->used; i++)
        p->nodes[i].due = p->nodes[i].present;
    p->last_beat = now;
    p->urgent_at = (struct mono){0};
}

void pulse_urge(struct pulse *p, struct mono now)
{
    struct mono at = mono_add(p->last_beat, p->options.interval_ns / URGENT_DIV);

    if (mono_before(now, at))
        p->urgent_at = at;
    else
        send_to_all(p, now);
}

void pulse_beat(struct pulse *p, struct mono now)
{
    int64_t interval_ns = p->options.interval_ns, late_ns = mono_sub(now, p->next_beat);

    if (late_ns >= 0) {
        p->next_beat = mono_add(p->next_beat, (late_ns / interval_ns + 1) * interval_ns);
        send_to_all(p, now);
    }
    if (mono_is_set(p->urgent_at) && !mono_before(now, p->urgent_at))
        send_to_all(p, now);
}

void pulse_tick(struct pulse *p, struct mono now)
{
    forgive_stall(p, now);
    notice_silence(p, now);
    verdicts_update(p, now);
    pulse_beat(p, now);
}

/* --- heartbeats out --- */

static struct pulse_entry entry_of(const struct pulse *p, const struct node *n)
{
    return (struct pulse_entry){.id = n->id,
                                .epoch = n->epoch,
                                .level = n->level,
                                .judges = n != &p->nodes[0] && n->met,
                                .missed = n->missed};
}

static void heartbeat_to(struct pulse *p, struct node *n, struct pulse_datagram *ret)
{
    struct pulse_packet k = {
        .from = p->nodes[0].id,
        .to = n->id,
        .boot = p->options.boot,
        .seq = ++p->seq,
        .to_boot = n->boot,
        .echo = n->seq,
        .interval_us = (uint32_t)(p->options.interval_ns / NS_PER_US),
    };

    for (size_t i = 0; i < p->used; i++) {
        if (p->nodes[i].present)
            k.entries[k.count++] = entry_of(p, &p->nodes[i]);
    }
    n->sent_seq = p->seq;
    ret->to = n->addr;
    ret->len = pulse_write(ret->bytes, &k, &p->options.key);
}

bool pulse_next(struct pulse *p, struct pulse_datagram *ret)
{
    for (size_t i = 1; i < p->used; i++) {
        struct node *n = &p->nodes[i];

        if (!n->due)
            continue;
        n->due = false;
        heartbeat_to(p, n, ret);
        return true;
    }
    return false;
}

/* --- questions --- */

uint64_t pulse_version(const struct pulse *p)
{
    return p->version;
}

static const struct node *present_node(const struct pulse *p, const char *name)
{
    for (size_t i = 0; i < p->used; i++) {
        if (p->nodes[i].present && str_eq(p->nodes[i].name, name))
            return &p->nodes[i];
    }
    return NULL;
}

bool pulse_is_out(const struct pulse *p, const char *name)
{
    const struct node *n = present_node(p, name);

    return n != NULL && node_is_out(n);
}

bool pulse_view(const struct pulse *p, const char *name, struct pulse_view *ret)
{
    const struct node *n = present_node(p, name);

    if (n == NULL)
        return false;
    *ret = (struct pulse_view){.name = n->name,
                               .met = n->met,
                               .missed = n->missed,
                               .out = node_is_out(n),
                               .level = n->level};
    if (n->met)
        ret->heard = n->heard;
    return true;
}

uint64_t pulse_dropped(const struct pulse *p, enum pulse_drop why)
{
    return p->dropped[why];
}

const char *pulse_drop_name(enum pulse_drop why)
{
    switch (why) {
    case PULSE_DROP_FORM:
        return "malformed";
    case PULSE_DROP_TAG:
        return "tag";
    case PULSE_DROP_REFLECTED:
        return "reflected";
    case PULSE_DROP_STRANGER:
        return "stranger";
    case PULSE_DROP_OLD:
        return "old";
    }
    return "";
}
