/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gossip says who is a member. Fast detection only ever takes members out sooner than gossip would,
 * and only while every live member takes part: otherwise we would elect differently from MetalLB's
 * speakers beside us for as long as their own detection takes.
 */
#include "speaker/membership.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/endpoint.h"
#include "pulse/pulse_session.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REJOIN_S = 60, LEAVE_S = 1, SETTLE_S = 2, RETURN_WAIT_US = 500000 };

/* Somebody that was a member at some time. */
struct fellow {
    char *name;
    struct gossip_addr addr;
    bool live;     /* alive or suspect, as gossip sees it */
    bool counted;  /* alive when the caller last heard of a change */
    bool farewell; /* it left by itself */
    struct member_meta meta;
};

struct membership {
    struct membership_options options;
    struct gossip_session *gossip;
    struct pulse_session *pulse; /* NULL: no fast detection */
    struct map fellows;          /* name -> struct fellow, owned here; ourselves too */
    struct fellow *me;
    struct member_meta own;
    struct gossip_addr *peers; /* owned */
    size_t peer_count;
    bool join_again;      /* asked for while a join was under way */
    bool join_ended;      /* the first one */
    bool settled;         /* we may take ourselves for alive */
    struct mono unsure;   /* since when we may not */
    const char *obstacle; /* why fast detection does not count; NULL: it does */
    bool events_ready;
    struct event rejoin, report, settle, returned, leave_bound;
    void (*left)(void *arg); /* NULL: we do not leave, or it was told */
    void *left_arg;
};

/* --- what the caller hears --- */

static void report(struct membership *m)
{
    event_active(&m->report, EV_TIMEOUT, 0);
}

/* Has somebody come back who did not leave by itself? */
static bool count_alive(struct membership *m)
{
    bool returned = false;

    MAP_EACH (&m->fellows, e) {
        struct fellow *f = e->value;
        bool alive = f != m->me && membership_is_alive(m, f->name);

        if (alive && !f->counted && !f->farewell)
            returned = true;
        if (alive)
            f->farewell = false;
        f->counted = alive;
    }
    return returned;
}

static void on_report(evutil_socket_t fd, short what, void *arg)
{
    const struct timeval wait = {.tv_usec = RETURN_WAIT_US};
    struct membership *m = arg;

    (void)fd;
    (void)what;
    if (count_alive(m))
        (void)evtimer_add(&m->returned, &wait); /* fails only without memory */
    m->options.changed(m->options.arg);
}

static void on_returned(evutil_socket_t fd, short what, void *arg)
{
    const struct membership *m = arg;

    (void)fd;
    (void)what;
    if (m->options.returned != NULL)
        m->options.returned(m->options.arg);
}

/* --- fellows --- */

static struct fellow *fellow_find(const struct membership *m, const char *name)
{
    return map_find_str(&m->fellows, name);
}

static struct fellow *fellow_free(struct fellow *f)
{
    free(f->name);
    free(f);
    return NULL;
}

/* Those that gossip has forgotten; else every name that there ever was would stay. */
static void forget_fellows(struct membership *m)
{
    struct gossip_member g;

    MAP_EACH (&m->fellows, e) {
        struct fellow *f = e->value;

        if (f->live || f == m->me || m->gossip == NULL ||
            gossip_member_find(gossip_session_state(m->gossip), f->name, &g))
            continue;
        (void)map_del_str(&m->fellows, f->name); /* it is `f` */
        fellow_free(f);
    }
}

static struct fellow *fellow_get(struct membership *m, const char *name)
{
    struct fellow *f = fellow_find(m, name);

    if (f != NULL)
        return f;
    forget_fellows(m);
    f = xcalloc(1, sizeof(*f));
    f->name = xstrdup(name);
    (void)map_put_str(&m->fellows, f->name, f); /* it is new */
    return f;
}

/* What else gossip knows of it. */
static void fellow_refresh(const struct membership *m, struct fellow *f)
{
    struct gossip_member g;
    struct rd r;

    f->meta = (struct member_meta){0};
    if (f == m->me || m->gossip == NULL ||
        !gossip_member_find(gossip_session_state(m->gossip), f->name, &g))
        return;
    f->farewell = f->farewell || g.state == GOSSIP_HAS_LEFT;
    r = rd_from(g.meta.bytes, g.meta.len);
    if (member_meta_read(&f->meta, &r) < 0)
        return; /* none of ours: it stays empty */
}

/* --- fast detection --- */

static const char *obstacle_of(const struct membership *m, bool fits)
{
    if (m->pulse == NULL)
        return "it is not asked for";
    if (!fits)
        return "there are too many members";
    MAP_EACH (&m->fellows, e) {
        const struct fellow *f = e->value;

        if (f->live && f != m->me && f->meta.fast_port == 0)
            return "not every member takes part";
    }
    return NULL;
}

static bool set_pulse_peers(struct membership *m)
{
    CLEANUP(xfreep)
    struct pulse_peer *peers = xcalloc(m->fellows.count + 1, sizeof(struct pulse_peer));
    size_t count = 0;

    MAP_EACH (&m->fellows, e) {
        const struct fellow *f = e->value;

        if (f->live && f != m->me && f->meta.fast_port != 0)
            peers[count++] = (struct pulse_peer){f->name, {f->addr.ip, f->meta.fast_port}};
    }
    return pulse_session_set_peers(m->pulse, peers, count);
}

static void update_fast(struct membership *m)
{
    bool fits = m->pulse == NULL || set_pulse_peers(m);
    const char *obstacle = obstacle_of(m, fits);

    if (obstacle == m->obstacle)
        return;
    m->obstacle = obstacle;
    if (obstacle != NULL)
        log_warn("fast detection does not count", F_S("cause", obstacle));
    else
        log_info("fast detection counts: every member takes part");
    report(m);
}

static bool pulse_says_out(const struct membership *m, const char *name)
{
    return m->obstacle == NULL && pulse_is_out(pulse_session_state(m->pulse), name);
}

/* --- when we may take ourselves for alive --- */

static bool hears_anybody(const struct membership *m)
{
    bool alone = true;

    MAP_EACH (&m->fellows, e) {
        const struct fellow *f = e->value;
        struct pulse_view v;

        if (f == m->me || !f->live)
            continue;
        alone = false;
        if (pulse_view(pulse_session_state(m->pulse), f->name, &v) && v.met &&
            mono_before(m->unsure, v.heard))
            return true;
    }
    return alone;
}

/* Those who have us for out say so in their first heartbeat. */
static void settle(struct membership *m)
{
    if (m->settled || !m->join_ended || (m->obstacle == NULL && !hears_anybody(m)))
        return;
    m->settled = true;
    event_del(&m->settle);
    report(m);
}

static void arm_settle(struct membership *m)
{
    const struct timeval patience = {.tv_sec = SETTLE_S};

    m->unsure = mono_now();
    (void)evtimer_add(&m->settle, &patience); /* fails only without memory */
}

/* Our network is back, and we do not know yet what the others decided meanwhile. */
static void unsettle(struct membership *m)
{
    if (m->obstacle != NULL)
        return; /* nobody would tell us soon */
    m->settled = false;
    arm_settle(m);
    settle(m);
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
    struct membership *m = arg;

    (void)fd;
    (void)what;
    if (!m->settled)
        report(m);
    m->settled = true;
}

static void on_pulse(void *arg)
{
    struct membership *m = arg;

    settle(m);
    report(m);
}

/* --- gossip --- */

static const char *event_name(enum gossip_action_kind kind)
{
    return kind == GOSSIP_TELL_JOIN    ? "NodeJoin"
           : kind == GOSSIP_TELL_LEAVE ? "NodeLeave"
                                       : "NodeUpdate";
}

/* Spec speaker-l2 5.5, the words of MetalLB. */
static void log_event(const struct fellow *f, enum gossip_action_kind kind)
{
    struct endpoint at = {f->addr.ip, f->addr.port};

    log_info("node event - forcing sync", F_S("node addr", endpoint_format(at).s),
             F_S("node name", f->name), F_S("node event", event_name(kind)));
}

static void on_gossip(void *arg, enum gossip_action_kind kind, const char *name,
                      struct gossip_addr addr)
{
    struct membership *m = arg;
    struct fellow *f = fellow_get(m, name);

    f->addr = addr;
    if (m->me == NULL)
        m->me = f; /* our own name comes first */
    f->live = kind != GOSSIP_TELL_LEAVE;
    fellow_refresh(m, f);
    log_event(f, kind);
    if (m->gossip == NULL)
        return; /* from within gossip_session_new */
    update_fast(m);
    settle(m);
    report(m);
}

static void join(struct membership *m)
{
    m->join_again = !gossip_session_join(m->gossip, m->peers, m->peer_count);
}

static void on_joined(void *arg, size_t count, size_t expected)
{
    struct membership *m = arg;

    (void)count;
    (void)expected;
    m->join_ended = true;
    settle(m);
    if (m->join_again)
        event_active(&m->rejoin, EV_TIMEOUT, 0);
}

static void arm_rejoin(struct membership *m)
{
    const struct timeval minute = {.tv_sec = REJOIN_S};

    (void)evtimer_add(&m->rejoin, &minute); /* fails only without memory */
}

static void on_rejoin(evutil_socket_t fd, short what, void *arg)
{
    struct membership *m = arg;

    (void)fd;
    (void)what;
    arm_rejoin(m);
    join(m);
}

static bool is_member_at(const struct membership *m, struct gossip_addr addr)
{
    MAP_EACH (&m->fellows, e) {
        const struct fellow *f = e->value;

        if ((f->live || f == m->me) && gossip_addr_eq(f->addr, addr))
            return true;
    }
    return false;
}

/* Nobody, when we are alone, or when all others were faster and have joined us. */
static bool has_somebody_to_join(const struct membership *m)
{
    for (size_t i = 0; i < m->peer_count; i++) {
        if (!is_member_at(m, m->peers[i]))
            return true;
    }
    return false;
}

void membership_admit(struct membership *m)
{
    CLEANUP(err_done) struct err err = {0};

    if (gossip_session_admit(m->gossip, &err) < 0)
        log_error("cannot hear other members", F_S("error", err_text(&err)));
}

void membership_set_peers(struct membership *m, const struct gossip_addr *addrs, size_t count)
{
    free(m->peers);
    m->peers = xcalloc(count + 1, sizeof(*m->peers));
    m->peer_count = count;
    for (size_t i = 0; i < count; i++)
        m->peers[i] = addrs[i];
    if (!m->join_ended && !has_somebody_to_join(m)) {
        m->join_ended = true;
        settle(m);
    }
    membership_rejoin(m);
}

void membership_rejoin(struct membership *m)
{
    arm_rejoin(m);
    join(m);
}

/* --- questions --- */

bool membership_is_alive(const struct membership *m, const char *node)
{
    const struct fellow *f = fellow_find(m, node);

    return f != NULL && f->live && (f != m->me || m->settled) && !pulse_says_out(m, node);
}

const struct member_links *membership_links(const struct membership *m, const char *node)
{
    const struct fellow *f = fellow_find(m, node);

    if (f == NULL)
        return NULL;
    return f == m->me ? &m->own.links : &f->meta.links;
}

const char *membership_fast_obstacle(const struct membership *m)
{
    return m->obstacle;
}

void membership_each(const struct membership *m, membership_peer_fn fn, void *arg)
{
    struct mono now = mono_now();

    MAP_EACH (&m->fellows, e) {
        const struct fellow *f = e->value;
        struct membership_peer p = {.node = f->name,
                                    .addr = f->addr,
                                    .alive = membership_is_alive(m, f->name),
                                    .last_heartbeat_age_ns = -1};
        struct pulse_view v;

        if (m->pulse != NULL && pulse_view(pulse_session_state(m->pulse), f->name, &v) && v.met) {
            p.fast = true;
            p.last_heartbeat_age_ns = mono_sub(now, v.heard);
        }
        fn(&p, arg);
    }
}

void membership_each_drop(const struct membership *m, membership_drop_fn fn, void *arg)
{
    const struct gossip *gossip = gossip_session_state(m->gossip);

    for (int i = 0; i < GOSSIP_DROPS; i++)
        fn(arg, "gossip", gossip_drop_name((enum gossip_drop)i),
           gossip_dropped(gossip, (enum gossip_drop)i));
    for (int i = 0; m->pulse != NULL && i < PULSE_DROPS; i++)
        fn(arg, "heartbeat", pulse_drop_name((enum pulse_drop)i),
           pulse_dropped(pulse_session_state(m->pulse), (enum pulse_drop)i));
}

/* --- what we tell --- */

static void tell_meta(struct membership *m)
{
    uint8_t bytes[MEMBER_META_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    if (m->own.fast_port != 0 || m->own.links.cut_off_count > 0 || m->own.links.dark.count > 0)
        member_meta_write(&w, &m->own);
    gossip_session_set_meta(m->gossip, (struct gossip_part){bytes, w.len});
}

static bool has_prefix(const struct member_links *l, struct prefix p)
{
    for (size_t i = 0; i < l->cut_off_count; i++) {
        if (prefix_eq(l->cut_off[i], p))
            return true;
    }
    return false;
}

static bool has_names(const struct member_names *in, const struct member_names *of)
{
    for (size_t i = 0; i < of->count; i++) {
        if (!member_names_has(in, of->names[i]))
            return false;
    }
    return true;
}

/* Is all that was lost in `of` lost in `in`? */
static bool has_all(const struct member_links *in, const struct member_links *of)
{
    for (size_t i = 0; i < of->cut_off_count; i++) {
        if (!has_prefix(in, of->cut_off[i]))
            return false;
    }
    return has_names(&in->dark, &of->dark) && has_names(&in->absent, &of->absent);
}

void membership_set_links(struct membership *m, const struct member_links *links, bool returns)
{
    bool less = !has_all(links, &m->own.links);

    if (!less && has_all(&m->own.links, links))
        return;
    m->own.links = *links;
    tell_meta(m);
    if (less && returns)
        unsettle(m);
    report(m);
}

/* --- the end --- */

static void tell_left(struct membership *m, const char *how)
{
    void (*left)(void *arg) = m->left;

    if (left == NULL)
        return;
    m->left = NULL;
    event_del(&m->leave_bound);
    log_info("left memberlist cluster", F_S("how", how));
    left(m->left_arg);
}

static void on_gossip_left(void *arg)
{
    tell_left(arg, "farewell sent");
}

static void on_leave_bound(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell_left(arg, "timeout");
}

void membership_leave(struct membership *m, void (*left)(void *arg), void *arg)
{
    const struct timeval bound = {.tv_sec = LEAVE_S};

    log_info("leaving memberlist cluster");
    m->left = left;
    m->left_arg = arg;
    (void)evtimer_add(&m->leave_bound, &bound); /* fails only without memory */
    gossip_session_leave(m->gossip);
}

struct membership *membership_free(struct membership *m)
{
    if (m == NULL)
        return NULL;
    if (m->events_ready) {
        event_del(&m->rejoin);
        event_del(&m->report);
        event_del(&m->settle);
        event_del(&m->returned);
        event_del(&m->leave_bound);
    }
    pulse_session_free(m->pulse);
    if (m->gossip != NULL)
        log_info("memberlist shutdown");
    gossip_session_free(m->gossip);
    MAP_EACH (&m->fellows, e)
        fellow_free(e->value);
    map_done(&m->fellows);
    free(m->peers);
    free(m);
    return NULL;
}

/* --- the beginning --- */

static void watch(struct membership *m)
{
    struct event_base *base = m->options.base;

    evtimer_assign(&m->rejoin, base, on_rejoin, m);
    evtimer_assign(&m->report, base, on_report, m);
    evtimer_assign(&m->settle, base, on_settle, m);
    evtimer_assign(&m->returned, base, on_returned, m);
    evtimer_assign(&m->leave_bound, base, on_leave_bound, m);
    /* After everything else that the round brings. */
    event_priority_set(&m->report, event_base_get_npriorities(base) - 1);
    m->events_ready = true;
    arm_settle(m);
}

static int open_gossip(struct membership *m, struct err *err)
{
    const struct membership_options *o = &m->options;
    const struct gossip_session_options options = {
        .base = o->base,
        .profile = o->profile,
        .name = o->node,
        .bind = o->bind,
        .advertise = o->advertise,
        .is_held = true, /* until membership_admit */
        .secret = o->secret,
        .secret_len = o->secret_len,
        .changed = on_gossip,
        .joined = on_joined,
        .left = on_gossip_left,
        .arg = m,
    };

    return gossip_session_new(&m->gossip, &options, err);
}

static int open_pulse(struct membership *m, struct err *err)
{
    const struct membership_options *o = &m->options;
    struct pulse_session_options options = {
        .base = o->base,
        .name = o->node,
        .bind = {o->bind.ip, (uint16_t)(o->bind.port + 1)},
        .secret = o->secret,
        .secret_len = o->secret_len,
        .interval_ns = o->fast.interval_ns,
        .count = o->fast.count,
        .changed = on_pulse,
        .arg = m,
    };

    if (options.bind.port == 0)
        return err_set(err, -EINVAL, "fast detection needs the port after the gossip's");
    m->own.fast_port = options.bind.port;
    return pulse_session_new(&m->pulse, &options, err);
}

int membership_new(struct membership **ret, const struct membership_options *options,
                   struct err *err)
{
    CLEANUP(membership_freep) struct membership *m = xcalloc(1, sizeof(*m));
    int r;

    m->options = *options;
    watch(m);
    r = open_gossip(m, err);
    if (r == 0 && options->fast.interval_ns > 0)
        r = open_pulse(m, err);
    if (r < 0)
        return r;
    m->obstacle = obstacle_of(m, true);
    tell_meta(m);
    /* Both were the caller's. */
    m->options.node = NULL;
    m->options.secret = NULL;
    report(m);
    *ret = TAKE(m);
    return 0;
}
