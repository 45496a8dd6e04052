/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's surface: its life, datagrams in and out, the clock, and the queue of actions.
 *
 * gossip_members.c has the nodes and their states, gossip_probe.c the failure detection,
 * gossip_exchange.c the streams; struct gossip in gossip_int.h is what they share. Nothing in here
 * is kept across a restart: a node that comes back learns from the others what they believe of it,
 * and refutes.
 *
 * Differences from memberlist, all invisible on the wire: messages are handled in the order in
 * which they come (its queues are drained last in, first out), random members are drawn without
 * replacement, the addresses of a join are tried side by side, and the size of what a peer makes us
 * keep is bounded everywhere.
 */
#include "gossip/gossip_fsm.h"

#include "base/mem.h"
#include "base/random.h"
#include "gossip/gossip_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What MetalLB's speakers send (spec speaker-l2 6.3). */
static const struct gossip_vsn own_vsn = {.len = GOSSIP_VSN_LEN, .pmin = 1, .pmax = 5, .pcur = 2};

enum { COMPOUND_HEAD = 2 };

uint64_t gossip_random_below(struct gossip *g, uint64_t n)
{
    return random_below(&g->random_state, n);
}

static struct mono stagger(struct gossip *g, int64_t interval_ns)
{
    return mono_add(g->now, (int64_t)gossip_random_below(g, (uint64_t)interval_ns) + 1);
}

static struct gossip_record own_record(const struct gossip_options *o)
{
    struct gossip_record r = {.addr = o->addr, .incarnation = 1, .vsn = own_vsn};

    assert(o->name[0] != '\0' && strlen(o->name) <= GOSSIP_NAME_MAX);
    memcpy(r.name.s, o->name, strlen(o->name) + 1);
    return r;
}

/* We are a member like any other, made by our own alive message: it is taken, not refuted, because
 * `me` is set only then. */
static void become_member(struct gossip *g)
{
    struct gossip_record self = own_record(&g->options);

    gossip_on_alive(g, &self);
    g->me = gossip_find(g, self.name.s);
    assert(g->me != NULL);
}

struct gossip *gossip_new(const struct gossip_options *options, struct mono now)
{
    struct gossip *g = xcalloc(1, sizeof(*g));
    const struct gossip_profile *p = &g->options.profile;

    g->options = *options;
    g->now = now;
    g->random_state = options->seed;
    g->queue = gossip_queue_new();
    g->scratch_len = p->udp_buffer_size + 2 * GOSSIP_MESSAGE_MAX;
    g->scratch = xmalloc(g->scratch_len);
    become_member(g);
    g->options.name = g->me->name;
    g->next_probe = stagger(g, p->probe_interval_ns);
    g->next_gossip = stagger(g, p->gossip_interval_ns);
    if (p->push_pull_interval_ns > 0)
        g->next_push_pull =
            mono_add(stagger(g, p->push_pull_interval_ns), p->push_pull_interval_ns);
    return g;
}

static void action_done(struct action *a)
{
    free(a->bytes);
    free(a->name);
    free(a->text);
    *a = (struct action){0};
}

struct gossip *gossip_free(struct gossip *g)
{
    if (g == NULL)
        return NULL;
    for (size_t i = g->action_next; i < g->action_count; i++)
        action_done(&g->actions[i]);
    action_done(&g->current);
    free(g->actions);
    gossip_probe_done(g);
    gossip_exchange_done(g);
    gossip_members_done(g);
    gossip_queue_free(g->queue);
    gossip_keyring_wipe(&g->options.keys);
    free(g->scratch);
    free(g);
    return NULL;
}

/* The new last action. What it points to is given to it by the functions below. */
static struct action *act(struct gossip *g, enum gossip_action_kind kind)
{
    struct action *a;

    g->actions = array_grow(g->actions, &g->action_cap, g->action_count + 1, sizeof(struct action));
    a = &g->actions[g->action_count++];
    *a = (struct action){.a = {.kind = kind, .name = "", .text = ""}};
    return a;
}

struct gossip_action *gossip_act(struct gossip *g, enum gossip_action_kind kind)
{
    return &act(g, kind)->a;
}

void gossip_act_bytes(struct gossip *g, struct gossip_blob bytes_take)
{
    struct action *a = &g->actions[g->action_count - 1];

    a->bytes = bytes_take.bytes;
    a->a.bytes = (struct gossip_part){bytes_take.bytes, bytes_take.len};
}

struct gossip_action *gossip_tell(struct gossip *g, enum gossip_action_kind kind, const char *name,
                                  struct gossip_addr addr)
{
    struct action *a = act(g, kind);

    a->name = xstrdup(name);
    a->a.name = a->name;
    a->a.addr = addr;
    return &a->a;
}

void gossip_tell_text(struct gossip *g, enum gossip_action_kind kind, struct gossip_addr addr,
                      const char *text)
{
    struct action *a = act(g, kind);

    a->text = xstrdup(text);
    a->a.text = a->text;
    a->a.addr = addr;
}

bool gossip_next_action(struct gossip *g, struct gossip_action *ret)
{
    action_done(&g->current);
    if (g->action_next == g->action_count) {
        g->action_next = g->action_count = 0;
        return false;
    }
    g->current = g->actions[g->action_next++];
    *ret = g->current.a;
    return true;
}

static struct peer_key *peer_key_find(const struct gossip *g, struct ip ip)
{
    struct ip_key key = ip_key(ip);

    return map_find(&g->peer_keys, key.bytes, sizeof(key.bytes));
}

size_t gossip_key_of(const struct gossip *g, struct ip ip)
{
    const struct peer_key *p = peer_key_find(g, ip);

    return p != NULL ? p->key : 0;
}

static struct peer_key *peer_key_new(struct gossip *g, struct ip ip)
{
    struct peer_key *p;

    if (g->peer_keys.count == GOSSIP_KEY_MEMORY)
        return NULL;
    p = xcalloc(1, sizeof(*p));
    p->ip = ip_key(ip);
    (void)map_put(&g->peer_keys, p->ip.bytes, sizeof(p->ip.bytes), p); /* it is new */
    return p;
}

/* Only what opened a message counts, so a stranger cannot change it. */
void gossip_remember_key(struct gossip *g, struct ip ip, int key)
{
    struct peer_key *p = peer_key_find(g, ip);

    if (key < 0)
        return;
    if (p == NULL)
        p = peer_key_new(g, ip);
    if (p == NULL)
        return;
    g->other_key_peers -= p->key != 0 ? 1 : 0;
    g->other_key_peers += key != 0 ? 1 : 0;
    p->key = (size_t)key;
}

static bool encrypts(const struct gossip *g)
{
    return g->options.keys.count > 0 && g->options.profile.verify_outgoing;
}

struct gossip_wrap gossip_wrap(struct gossip *g, size_t key)
{
    struct gossip_wrap w = {.compress = g->options.profile.compress};

    if (!encrypts(g))
        return w;
    w.key = &g->options.keys.keys[key];
    g->options.random(g->options.arg, w.nonce, sizeof(w.nonce));
    return w;
}

struct gossip_unwrap gossip_unwrap(const struct gossip *g)
{
    return (struct gossip_unwrap){.ring = &g->options.keys,
                                  .verify = g->options.profile.verify_incoming};
}

static void send_with_key(struct gossip *g, struct gossip_addr to, struct gossip_part message,
                          const struct gossip_wrap *wrap)
{
    struct gossip_blob bytes;

    if (gossip_packet_write(&bytes, wrap, message) < 0)
        return; /* a lost datagram, which everything here lives with */
    gossip_act(g, GOSSIP_DO_SEND)->addr = to;
    gossip_act_bytes(g, bytes);
}

/* A peer that was never heard gets it in both keys once there are peers of the other kind: gossip
 * about it must not wait until it speaks to us. Elsewhere that would only fill its log. */
void gossip_send(struct gossip *g, struct gossip_addr to, struct gossip_part message, bool crc)
{
    struct gossip_wrap wrap = gossip_wrap(g, gossip_key_of(g, to.ip));

    wrap.crc = crc;
    send_with_key(g, to, message, &wrap);
    if (!encrypts(g) || g->other_key_peers == 0 || peer_key_find(g, to.ip) != NULL)
        return;
    for (size_t key = 1; key < g->options.keys.count; key++) {
        wrap = gossip_wrap(g, key);
        wrap.crc = crc;
        send_with_key(g, to, message, &wrap);
    }
}

/* Messages that fit beside `used` bytes into one datagram. */
static size_t pick_gossip(struct gossip *g, struct gossip_part *ret, size_t used, size_t max)
{
    size_t taken = used + COMPOUND_HEAD + (encrypts(g) ? GOSSIP_SEAL_OVERHEAD : 0);
    size_t room = g->options.profile.udp_buffer_size;
    struct gossip_pick pick = {
        .budget = room > taken ? room - taken : 0,
        .overhead = GOSSIP_PART_OVERHEAD,
        .limit = gossip_queue_limit(g->options.profile.retransmit_mult, g->count),
        .max = max,
    };

    return gossip_queue_pick(g->queue, ret, &pick);
}

static void send_parts(struct gossip *g, struct gossip_addr to, const struct gossip_part *parts,
                       size_t count, bool crc)
{
    struct wr w = wr_to(g->scratch, g->scratch_len);

    if (count == 1) {
        gossip_send(g, to, parts[0], crc);
        return;
    }
    gossip_write_compound(&w, parts, count);
    assert(!w.bad);
    gossip_send(g, to, (struct gossip_part){g->scratch, w.len}, crc);
}

void gossip_send_with_gossip(struct gossip *g, struct gossip_addr to, struct gossip_part message)
{
    struct gossip_part parts[GOSSIP_PARTS_MAX] = {message};
    size_t extra = pick_gossip(g, parts + 1, message.len, GOSSIP_PARTS_MAX - 1);

    send_parts(g, to, parts, 1 + extra, false);
}

void gossip_send_to_all(struct gossip *g, struct gossip_part message)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct member *m = g->members[i];

        if (m != g->me && gossip_is_live(m->state))
            gossip_send(g, m->addr, message, m->vsn.pmax >= PROTOCOL_CRC);
    }
}

/* The dead for a while too: one that is alive after all can refute. */
static bool is_listener(const struct gossip *g, const struct member *m, const void *arg)
{
    (void)arg;
    if (m == g->me)
        return false;
    switch (m->state) {
    case GOSSIP_IS_ALIVE:
    case GOSSIP_IS_SUSPECT:
        return true;
    case GOSSIP_IS_DEAD:
        return mono_sub(g->now, m->changed) <= g->options.profile.gossip_to_dead_ns;
    case GOSSIP_HAS_LEFT:
        return false;
    }
    return false;
}

static void gossip_round(struct gossip *g)
{
    struct member *to[GOSSIP_CHOICE_MAX];
    size_t count;

    if (gossip_queue_count(g->queue) == 0)
        return;
    count = gossip_choose(g, to, g->options.profile.gossip_nodes, is_listener, NULL);
    for (size_t i = 0; i < count; i++) {
        struct gossip_part parts[GOSSIP_PARTS_MAX];
        size_t n = pick_gossip(g, parts, 0, GOSSIP_PARTS_MAX);

        if (n == 0)
            return;
        send_parts(g, to[i]->addr, parts, n, to[i]->vsn.pmax >= PROTOCOL_CRC);
    }
}

static bool has_gossip(const struct gossip *g)
{
    if (gossip_queue_count(g->queue) == 0)
        return false;
    for (size_t i = 0; i < g->count; i++) {
        if (is_listener(g, g->members[i], NULL))
            return true;
    }
    return false;
}

/* To the first beat after now. */
static void advance_beat(struct gossip *g)
{
    int64_t interval_ns = g->options.profile.gossip_interval_ns;
    int64_t late_ns = mono_sub(g->now, g->next_gossip);

    if (late_ns >= 0)
        g->next_gossip = mono_add(g->next_gossip, (late_ns / interval_ns + 1) * interval_ns);
}

/* Nobody wakes us for a beat without anything to say, and anybody who hears it. What is said next
 * waits for its beat. */
static void keep_rhythm(struct gossip *g)
{
    if (!has_gossip(g))
        advance_beat(g);
}

static void gossip_round_tick(struct gossip *g)
{
    if (mono_before(g->now, g->next_gossip))
        return;
    advance_beat(g);
    gossip_round(g);
}

static bool has_audience(const struct gossip *g)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->members[i] != g->me && gossip_is_live(g->members[i]->state))
            return true;
    }
    return false;
}

static void leave_check(struct gossip *g)
{
    if (!g->leaving || g->left_told)
        return;
    if (gossip_queue_has(g->queue, g->farewell) && has_audience(g))
        return;
    g->left_told = true;
    (void)gossip_act(g, GOSSIP_TELL_LEFT); /* carries nothing */
}

void gossip_leave(struct gossip *g, struct mono now)
{
    struct gossip_accusation a = {.incarnation = g->me->incarnation};

    g->now = now;
    if (g->leaving)
        return;
    g->leaving = true;
    memcpy(a.node.s, g->me->name, strlen(g->me->name) + 1);
    a.from = a.node;
    gossip_on_dead(g, &a);
    leave_check(g);
}

struct arrival {
    struct gossip *g;
    struct gossip_addr from;
};

static void on_alive_message(struct gossip *g, struct rd *body)
{
    struct gossip_record a;

    if (gossip_read_alive(&a, body) < 0) {
        g->dropped[GOSSIP_DROP_MALFORMED]++;
        return;
    }
    if (a.addr.port == 0)
        a.addr.port = g->me->addr.port;
    gossip_on_alive(g, &a);
}

static void on_accusation(struct gossip *g, uint8_t type, struct rd *body)
{
    struct gossip_accusation a;

    if (gossip_read_accusation(&a, body) < 0)
        g->dropped[GOSSIP_DROP_MALFORMED]++;
    else if (type == GOSSIP_SUSPECT)
        gossip_on_suspect(g, &a);
    else
        gossip_on_dead(g, &a);
}

static void on_probing(struct gossip *g, struct gossip_addr from, uint8_t type, struct rd *body)
{
    struct gossip_ping ping;
    struct gossip_indirect_ping indirect;
    uint32_t seq;

    if (type == GOSSIP_PING && gossip_read_ping(&ping, body) == 0)
        gossip_on_ping(g, from, &ping);
    else if (type == GOSSIP_INDIRECT_PING && gossip_read_indirect_ping(&indirect, body) == 0)
        gossip_on_indirect_ping(g, from, &indirect);
    else if (type == GOSSIP_ACK && gossip_read_seq(&seq, body) == 0)
        gossip_on_ack(g, seq);
    else if (type == GOSSIP_NACK && gossip_read_seq(&seq, body) == 0)
        gossip_on_nack(g, seq);
    else
        g->dropped[GOSSIP_DROP_MALFORMED]++;
}

static void on_message(void *arg, uint8_t type, struct rd *body)
{
    const struct arrival *a = arg;

    switch (type) {
    case GOSSIP_PING:
    case GOSSIP_INDIRECT_PING:
    case GOSSIP_ACK:
    case GOSSIP_NACK:
        on_probing(a->g, a->from, type, body);
        return;
    case GOSSIP_ALIVE:
        on_alive_message(a->g, body);
        return;
    case GOSSIP_SUSPECT:
    case GOSSIP_DEAD:
        on_accusation(a->g, type, body);
        return;
    case GOSSIP_USER: /* nobody here takes them */
        return;
    default:
        a->g->dropped[GOSSIP_DROP_TYPE]++;
        return;
    }
}

void gossip_count_unopened(struct gossip *g, enum gossip_opened o)
{
    switch (o) {
    case GOSSIP_OPENED:
        return;
    case GOSSIP_BAD_LABEL:
        g->dropped[GOSSIP_DROP_LABEL]++;
        return;
    case GOSSIP_BAD_KEY:
    case GOSSIP_NOT_ENCRYPTED:
    case GOSSIP_ENCRYPTED_NO_KEYS:
        g->dropped[GOSSIP_DROP_KEY]++;
        return;
    case GOSSIP_BAD_CRC:
        g->dropped[GOSSIP_DROP_CRC]++;
        return;
    case GOSSIP_BAD_FRAME:
        g->dropped[GOSSIP_DROP_MALFORMED]++;
        return;
    }
}

void gossip_on_packet(struct gossip *g, struct mono now, struct gossip_addr from,
                      struct gossip_part bytes)
{
    struct gossip_unwrap u = gossip_unwrap(g);
    CLEANUP(gossip_message_done) struct gossip_message m = {0};
    enum gossip_opened o = gossip_packet_open(&m, &u, bytes);
    struct arrival a = {.g = g, .from = from};

    g->now = now;
    keep_rhythm(g);
    if (o != GOSSIP_OPENED) {
        gossip_count_unopened(g, o);
        return;
    }
    gossip_remember_key(g, from.ip, m.key);
    g->dropped[GOSSIP_DROP_MALFORMED] += gossip_message_each(&m, on_message, &a);
    leave_check(g);
}

void gossip_tick(struct gossip *g, struct mono now)
{
    g->now = now;
    keep_rhythm(g);
    gossip_probe_tick(g);
    gossip_fire_suspicions(g); /* a probe that failed may have been the last confirmation */
    gossip_exchange_tick(g);
    gossip_round_tick(g);
    leave_check(g);
}

struct mono gossip_deadline(const struct gossip *g)
{
    struct mono deadline = gossip_probe_deadline(g);

    if (has_gossip(g))
        deadline = mono_earlier(deadline, g->next_gossip);
    deadline = mono_earlier(deadline, gossip_suspicion_deadline(g));
    return mono_earlier(deadline, gossip_exchange_deadline(g));
}

unsigned gossip_health(const struct gossip *g)
{
    return g->health;
}

uint64_t gossip_dropped(const struct gossip *g, enum gossip_drop why)
{
    return g->dropped[why];
}

const char *gossip_drop_name(enum gossip_drop why)
{
    switch (why) {
    case GOSSIP_DROP_LABEL:
        return "label";
    case GOSSIP_DROP_KEY:
        return "key";
    case GOSSIP_DROP_CRC:
        return "checksum";
    case GOSSIP_DROP_MALFORMED:
        return "malformed";
    case GOSSIP_DROP_TYPE:
        return "type";
    case GOSSIP_DROP_WRONG_NODE:
        return "wrong node";
    case GOSSIP_DROP_FULL:
        return "full";
    }
    return "";
}
