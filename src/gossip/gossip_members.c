/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The known nodes and what makes them change state (spec speaker-l2 6.13). Messages arrive in any
 * order and more than once; incarnations, which only the node itself raises, decide what is news.
 */
#include "gossip/gossip_int.h"

#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct member *member_free(struct member *m)
{
    gossip_suspicion_free(m->suspicion);
    free(m->meta);
    free(m->name);
    free(m);
    return NULL;
}

void gossip_members_done(struct gossip *g)
{
    for (size_t i = 0; i < g->count; i++)
        member_free(g->members[i]);
    free(g->members);
    map_done(&g->by_name);
}

struct member *gossip_find(const struct gossip *g, const char *name)
{
    return map_find_str(&g->by_name, name);
}

bool gossip_is_live(enum gossip_state state)
{
    return state == GOSSIP_IS_ALIVE || state == GOSSIP_IS_SUSPECT;
}

static void member_enter(struct gossip *g, struct member *m, enum gossip_state to)
{
    m->state = to; /* the only line that writes it after the member was made */
    m->changed = g->now;
}

static void member_unsuspect(struct member *m)
{
    m->suspicion = gossip_suspicion_free(m->suspicion);
}

static bool meta_eq(const struct gossip_meta *a, const struct gossip_meta *b)
{
    size_t a_len = a != NULL ? a->len : 0, b_len = b != NULL ? b->len : 0;

    return a_len == b_len && (a_len == 0 || memcmp(a->bytes, b->bytes, a_len) == 0);
}

static bool vsn_eq(const struct gossip_vsn *a, const struct gossip_vsn *b)
{
    return a->len == b->len && a->pmin == b->pmin && a->pmax == b->pmax && a->pcur == b->pcur &&
           a->dmin == b->dmin && a->dmax == b->dmax && a->dcur == b->dcur;
}

struct gossip_record gossip_record_of(const struct member *m)
{
    struct gossip_record r = {
        .addr = m->addr, .incarnation = m->incarnation, .state = m->state, .vsn = m->vsn};

    memcpy(r.name.s, m->name, strlen(m->name) + 1); /* names are checked when they come in */
    if (m->meta != NULL)
        r.meta = *m->meta;
    return r;
}

static void broadcast_accusation(struct gossip *g, enum gossip_type type,
                                 const struct gossip_accusation *a)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_accusation(&w, type, a);
    assert(!w.bad);
    (void)gossip_queue_put(g->queue, a->node.s, (struct gossip_part){bytes, w.len});
}

/* Ours, which all hear at once: else a leave takes some rounds of gossip to be known. */
static void broadcast_farewell(struct gossip *g, const struct gossip_accusation *a)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct gossip_part message;

    gossip_write_accusation(&w, GOSSIP_DEAD, a);
    assert(!w.bad);
    message = (struct gossip_part){bytes, w.len};
    g->farewell = gossip_queue_put(g->queue, a->node.s, message);
    gossip_send_to_all(g, message);
}

static void broadcast_alive(struct gossip *g, const char *subject, const struct gossip_record *a)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_alive(&w, a);
    assert(!w.bad);
    (void)gossip_queue_put(g->queue, subject, (struct gossip_part){bytes, w.len});
}

void gossip_add_health(struct gossip *g, int delta)
{
    int max = (int)g->options.profile.awareness_max_mult - 1;
    int health = (int)g->health + delta;

    g->health = (unsigned)(health < 0 ? 0 : health > max ? max : health);
}

/* `accused` is not less than our incarnation. Queued under our address, not our name: peers must
 * still hear the accusation from us if that is what waits there, as memberlist has it. */
static void refute(struct gossip *g, uint32_t accused, const char *from)
{
    struct gossip_record a;

    if (accused == UINT32_MAX)
        return; /* nothing beats it: we could only fall back behind what is known of us */
    g->me->incarnation = accused + 1;
    gossip_add_health(g, 1);
    a = gossip_record_of(g->me);
    broadcast_alive(g, ip_format(g->me->addr.ip).s, &a);
    gossip_tell(g, GOSSIP_TELL_REFUTE, from, g->me->addr);
}

/* A node that nobody spoke of before: dead, for the message that follows to bring it to life. Its
 * random place keeps the time until its first probe short on average. */
static struct member *member_new(struct gossip *g, const char *name)
{
    struct member *m;
    size_t at;

    if (g->count == GOSSIP_KNOWN_MAX) {
        g->dropped[GOSSIP_DROP_FULL]++;
        return NULL;
    }
    m = xcalloc(1, sizeof(*m));
    m->name = xstrdup(name);
    m->state = GOSSIP_IS_DEAD;
    m->changed = g->now;
    g->members = array_grow(g->members, &g->cap, g->count + 1, sizeof(struct member *));
    at = gossip_random_below(g, g->count + 1);
    g->members[g->count++] = g->members[at];
    g->members[at] = m;
    (void)map_put_str(&g->by_name, m->name, m); /* it is new */
    return m;
}

/* May the message speak for the member, whose address differs? Only if its old owner has left. */
static bool may_move(struct gossip *g, const struct member *m, const struct gossip_record *a)
{
    if (m->state == GOSSIP_HAS_LEFT)
        return true;
    gossip_tell(g, GOSSIP_TELL_CONFLICT, m->name, a->addr);
    return false;
}

static void member_set_meta(struct member *m, const struct gossip_meta *meta)
{
    free(m->meta);
    m->meta = NULL;
    if (meta->len == 0)
        return;
    m->meta = xmalloc(sizeof(*m->meta));
    *m->meta = *meta;
}

static void member_take(struct gossip *g, struct member *m, const struct gossip_record *a)
{
    enum gossip_state before = m->state;
    bool same_meta = meta_eq(m->meta, &a->meta);

    broadcast_alive(g, m->name, a);
    if (a->vsn.len > 0)
        m->vsn = a->vsn;
    m->incarnation = a->incarnation;
    m->addr = a->addr;
    if (!same_meta)
        member_set_meta(m, &a->meta);
    if (before != GOSSIP_IS_ALIVE)
        member_enter(g, m, GOSSIP_IS_ALIVE);
    if (!gossip_is_live(before))
        gossip_tell(g, GOSSIP_TELL_JOIN, m->name, m->addr);
    else if (!same_meta)
        gossip_tell(g, GOSSIP_TELL_UPDATE, m->name, m->addr);
}

/* Protocol versions of which no speaker could exist (spec speaker-l2 6.9), or fewer than six. */
static bool has_wrong_vsn(const struct gossip_vsn *v)
{
    return v->len != 0 &&
           (v->len < GOSSIP_VSN_LEN || v->pmin == 0 || v->pmax == 0 || v->pmin > v->pmax);
}

static void on_alive_self(struct gossip *g, const struct gossip_record *a)
{
    if (a->incarnation < g->me->incarnation)
        return;
    if (a->incarnation == g->me->incarnation && meta_eq(&a->meta, g->me->meta) &&
        vsn_eq(&a->vsn, &g->me->vsn))
        return;
    refute(g, a->incarnation, g->me->name);
}

void gossip_on_alive(struct gossip *g, const struct gossip_record *a)
{
    struct member *m = gossip_find(g, a->name.s);
    bool moves = false;

    if (a->name.s[0] == '\0' || a->addr.ip.family == IP_NONE || has_wrong_vsn(&a->vsn)) {
        g->dropped[GOSSIP_DROP_MALFORMED]++;
        return;
    }
    if (m != NULL && m == g->me && g->leaving)
        return; /* heard too late to bring us back */
    if (m != NULL && !gossip_addr_eq(m->addr, a->addr)) {
        if (!may_move(g, m, a))
            return;
        moves = true;
    }
    if (m == NULL && a->incarnation > 0) /* 0 is older than anything that a node says of itself */
        m = member_new(g, a->name.s);
    if (m == NULL)
        return;
    if (m == g->me) {
        on_alive_self(g, a);
        return;
    }
    if (a->incarnation <= m->incarnation && !moves)
        return;
    member_unsuspect(m);
    member_take(g, m, a);
}

static void suspicion_start(struct gossip *g, struct member *m, const char *from)
{
    const struct gossip_profile *p = &g->options.profile;
    unsigned k = gossip_suspicion_k(p->suspicion_mult, g->count);
    int64_t min_ns = gossip_suspicion_min_ns(p->suspicion_mult, g->count, p->probe_interval_ns);

    m->suspicion =
        gossip_suspicion_new(from, k, min_ns, p->suspicion_max_timeout_mult * min_ns, g->now);
}

void gossip_on_suspect(struct gossip *g, const struct gossip_accusation *a)
{
    struct member *m = gossip_find(g, a->node.s);

    if (m == NULL || a->incarnation < m->incarnation)
        return;
    if (m->suspicion != NULL) {
        if (gossip_suspicion_confirm(m->suspicion, a->from.s))
            broadcast_accusation(g, GOSSIP_SUSPECT, a);
        return;
    }
    if (m->state != GOSSIP_IS_ALIVE)
        return;
    if (m == g->me) {
        refute(g, a->incarnation, a->from.s);
        return;
    }
    broadcast_accusation(g, GOSSIP_SUSPECT, a);
    m->incarnation = a->incarnation;
    member_enter(g, m, GOSSIP_IS_SUSPECT);
    suspicion_start(g, m, a->from.s);
}

void gossip_on_dead(struct gossip *g, const struct gossip_accusation *a)
{
    struct member *m = gossip_find(g, a->node.s);
    bool by_itself = str_eq(a->node.s, a->from.s);

    if (m == NULL || a->incarnation < m->incarnation)
        return;
    member_unsuspect(m);
    if (!gossip_is_live(m->state))
        return;
    if (m == g->me && !g->leaving) {
        refute(g, a->incarnation, a->from.s);
        return;
    }
    if (m == g->me)
        broadcast_farewell(g, a);
    else
        broadcast_accusation(g, GOSSIP_DEAD, a);
    m->incarnation = a->incarnation;
    member_enter(g, m, by_itself ? GOSSIP_HAS_LEFT : GOSSIP_IS_DEAD);
    gossip_tell(g, GOSSIP_TELL_LEAVE, m->name, m->addr);
}

static void suspicion_fire(struct gossip *g, struct member *m)
{
    struct gossip_accusation a = {.incarnation = m->incarnation};

    gossip_tell(g, GOSSIP_TELL_FAILED, m->name, m->addr)->count = m->suspicion->confirmations;
    memcpy(a.node.s, m->name, strlen(m->name) + 1);
    memcpy(a.from.s, g->me->name, strlen(g->me->name) + 1);
    gossip_on_dead(g, &a);
}

void gossip_fire_suspicions(struct gossip *g)
{
    for (size_t i = 0; i < g->count; i++) {
        struct member *m = g->members[i];

        if (m->suspicion != NULL && !mono_before(g->now, m->suspicion->deadline))
            suspicion_fire(g, m);
    }
}

struct mono gossip_suspicion_deadline(const struct gossip *g)
{
    struct mono deadline = {0};

    for (size_t i = 0; i < g->count; i++) {
        const struct member *m = g->members[i];

        if (m->suspicion != NULL)
            deadline = mono_earlier(deadline, m->suspicion->deadline);
    }
    return deadline;
}

static bool is_reaped(const struct gossip *g, const struct member *m)
{
    return m != g->me && !gossip_is_live(m->state) &&
           mono_sub(g->now, m->changed) > g->options.profile.gossip_to_dead_ns;
}

void gossip_reset_members(struct gossip *g)
{
    size_t kept = 0;

    for (size_t i = 0; i < g->count; i++) {
        struct member *m = g->members[i];

        if (!is_reaped(g, m)) {
            g->members[kept++] = m;
            continue;
        }
        (void)map_del_str(&g->by_name, m->name);
        member_free(m);
    }
    g->count = kept;
    for (size_t i = g->count; i > 1; i--) {
        size_t j = gossip_random_below(g, i);
        struct member *m = g->members[j];

        g->members[j] = g->members[i - 1];
        g->members[i - 1] = m;
    }
}

/* A reservoir: one pass, every candidate as likely as any other. */
size_t gossip_choose(struct gossip *g, struct member **ret, size_t max, gossip_choice_fn choice,
                     const void *arg)
{
    size_t seen = 0;

    for (size_t i = 0; i < g->count; i++) {
        struct member *m = g->members[i];
        size_t at;

        if (!choice(g, m, arg))
            continue;
        at = seen < max ? seen : gossip_random_below(g, seen + 1);
        if (at < max)
            ret[at] = m;
        seen++;
    }
    return seen < max ? seen : max;
}

/* As memberlist's UpdateNode: the same node with a higher incarnation. Queued under the name, where
 * it takes the place of what was said before. */
void gossip_set_meta(struct gossip *g, struct mono now, struct gossip_part meta)
{
    struct gossip_meta next = {.len = (uint16_t)meta.len};
    struct rd in = rd_from(meta.bytes, meta.len);
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct gossip_record a;

    g->now = now;
    assert(meta.len <= GOSSIP_META_MAX);
    rd_copy(&in, next.bytes, meta.len);
    if (g->leaving || meta_eq(g->me->meta, &next) || g->me->incarnation == UINT32_MAX)
        return;
    member_set_meta(g->me, &next);
    g->me->incarnation++;
    a = gossip_record_of(g->me);
    gossip_write_alive(&w, &a);
    assert(!w.bad);
    (void)gossip_queue_put(g->queue, g->me->name, (struct gossip_part){bytes, w.len});
    gossip_send_to_all(g, (struct gossip_part){bytes, w.len});
}

size_t gossip_member_count(const struct gossip *g)
{
    return g->count;
}

static struct gossip_member describe(const struct member *m)
{
    struct gossip_member d = {m->name, m->addr, m->state, m->incarnation, {0}};

    if (m->meta != NULL)
        d.meta = (struct gossip_part){m->meta->bytes, m->meta->len};
    return d;
}

struct gossip_member gossip_member_at(const struct gossip *g, size_t i)
{
    return describe(g->members[i]);
}

bool gossip_member_find(const struct gossip *g, const char *name, struct gossip_member *ret)
{
    const struct member *m = gossip_find(g, name);

    if (m != NULL)
        *ret = describe(m);
    return m != NULL;
}
