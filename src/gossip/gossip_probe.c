/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failure detection (spec speaker-l2 6.12): one node at a time is asked, directly, then through
 * others and over TCP. What nobody could reach becomes suspect.
 */
#include "gossip/gossip_int.h"

#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct gossip_ping gossip_own_ping(const struct gossip *g, uint32_t seq, const char *node)
{
    struct gossip_ping p = {.seq = seq, .source = g->me->addr};

    assert(strlen(node) <= GOSSIP_NAME_MAX);
    memcpy(p.node.s, node, strlen(node) + 1);
    memcpy(p.source_node.s, g->me->name, strlen(g->me->name) + 1);
    return p;
}

static void send_ack(struct gossip *g, struct gossip_addr to, uint32_t seq)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_ack(&w, seq);
    gossip_send_with_gossip(g, to, (struct gossip_part){bytes, w.len});
}

static void send_nack(struct gossip *g, struct gossip_addr to, uint32_t seq)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_nack(&w, seq);
    gossip_send_with_gossip(g, to, (struct gossip_part){bytes, w.len});
}

static void send_ping(struct gossip *g, struct gossip_addr to, const struct gossip_ping *p)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_ping(&w, p);
    assert(!w.bad);
    gossip_send_with_gossip(g, to, (struct gossip_part){bytes, w.len});
}

/* Where an answer goes: to whom the message names, else to who sent it. */
static struct gossip_addr requester(struct gossip_addr named, struct gossip_addr from)
{
    return named.ip.family != IP_NONE && named.port != 0 ? named : from;
}

void gossip_on_ping(struct gossip *g, struct gossip_addr from, const struct gossip_ping *p)
{
    if (p->node.s[0] != '\0' && !str_eq(p->node.s, g->me->name)) {
        g->dropped[GOSSIP_DROP_WRONG_NODE]++;
        return;
    }
    send_ack(g, requester(p->source, from), p->seq);
}

void gossip_on_indirect_ping(struct gossip *g, struct gossip_addr from,
                             const struct gossip_indirect_ping *p)
{
    struct gossip_addr target = p->target;
    struct gossip_ping ping;

    if (target.ip.family == IP_NONE) {
        g->dropped[GOSSIP_DROP_MALFORMED]++;
        return;
    }
    if (g->relay_count == GOSSIP_RELAYS_MAX) {
        g->dropped[GOSSIP_DROP_FULL]++;
        return;
    }
    if (target.port == 0)
        target.port = g->me->addr.port;
    g->relays = array_grow(g->relays, &g->relay_cap, g->relay_count + 1, sizeof(struct relay));
    g->relays[g->relay_count++] =
        (struct relay){.seq = ++g->seq,
                       .their_seq = p->seq,
                       .requester = requester(p->source, from),
                       .nack = p->nack,
                       .deadline = mono_add(g->now, g->options.profile.probe_timeout_ns)};
    ping = gossip_own_ping(g, g->seq, p->node.s);
    send_ping(g, target, &ping);
}

static void relay_del(struct gossip *g, size_t i)
{
    g->relays[i] = g->relays[--g->relay_count];
}

static void probe_end(struct gossip *g)
{
    if (g->probe.stream != 0)
        gossip_stream_forget(g, g->probe.stream);
    free(g->probe.name);
    g->probe = (struct probe){0};
}

void gossip_probe_done(struct gossip *g)
{
    free(g->probe.name);
    free(g->relays);
}

void gossip_on_ack(struct gossip *g, uint32_t seq)
{
    if (g->probe.active && g->probe.seq == seq) {
        gossip_add_health(g, -1);
        probe_end(g);
        return;
    }
    for (size_t i = 0; i < g->relay_count; i++) {
        struct relay r = g->relays[i];

        if (r.seq != seq)
            continue;
        relay_del(g, i);
        send_ack(g, r.requester, r.their_seq);
        return;
    }
}

void gossip_on_nack(struct gossip *g, uint32_t seq)
{
    if (g->probe.active && g->probe.seq == seq)
        g->probe.nacks++;
}

/* A suspect gets the accusation with its ping, so that it can refute at once. */
static void probe_suspect(struct gossip *g, const struct member *m, const struct gossip_ping *p)
{
    uint8_t ping[GOSSIP_MESSAGE_MAX], suspect[GOSSIP_MESSAGE_MAX];
    struct wr w_ping = wr_to(ping, sizeof(ping)), w_suspect = wr_to(suspect, sizeof(suspect));
    struct wr w = wr_to(g->scratch, g->scratch_len);
    struct gossip_accusation a = {.incarnation = m->incarnation, .node = p->node};

    memcpy(a.from.s, g->me->name, strlen(g->me->name) + 1);
    gossip_write_ping(&w_ping, p);
    gossip_write_accusation(&w_suspect, GOSSIP_SUSPECT, &a);
    gossip_write_compound(&w, (struct gossip_part[]){{ping, w_ping.len}, {suspect, w_suspect.len}},
                          2);
    assert(!w_ping.bad && !w_suspect.bad && !w.bad);
    gossip_send(g, m->addr, (struct gossip_part){g->scratch, w.len}, m->vsn.pmax >= PROTOCOL_CRC);
}

static void probe_begin(struct gossip *g, const struct member *m)
{
    const struct gossip_profile *profile = &g->options.profile;
    int64_t period_ns = profile->probe_interval_ns * (g->health + 1);
    struct gossip_ping p = gossip_own_ping(g, ++g->seq, m->name);

    g->probe = (struct probe){.active = true,
                              .name = xstrdup(m->name),
                              .addr = m->addr,
                              .vsn = m->vsn,
                              .incarnation = m->incarnation,
                              .seq = p.seq,
                              .ask_others = mono_add(g->now, profile->probe_timeout_ns),
                              .deadline = mono_add(g->now, period_ns)};
    if (m->state == GOSSIP_IS_SUSPECT)
        probe_suspect(g, m, &p);
    else
        send_ping(g, m->addr, &p);
}

static bool can_help(const struct gossip *g, const struct member *m, const void *arg)
{
    const struct probe *p = arg;

    return m != g->me && m->state == GOSSIP_IS_ALIVE && !str_eq(m->name, p->name);
}

static void probe_ask(struct gossip *g, const struct member *helper)
{
    struct gossip_ping own = gossip_own_ping(g, g->probe.seq, g->probe.name);
    struct gossip_indirect_ping p = {.seq = own.seq,
                                     .target = g->probe.addr,
                                     .node = own.node,
                                     .nack = helper->vsn.pmax >= PROTOCOL_NACK,
                                     .source = own.source,
                                     .source_node = own.source_node};
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_indirect_ping(&w, &p);
    assert(!w.bad);
    g->probe.nacks_expected += p.nack ? 1 : 0;
    gossip_send_with_gossip(g, helper->addr, (struct gossip_part){bytes, w.len});
}

static void probe_ask_others(struct gossip *g)
{
    struct member *helpers[GOSSIP_CHOICE_MAX];
    size_t count =
        gossip_choose(g, helpers, g->options.profile.indirect_checks, can_help, &g->probe);
    struct gossip_ping p = gossip_own_ping(g, g->probe.seq, g->probe.name);

    g->probe.asked_others = true;
    for (size_t i = 0; i < count; i++)
        probe_ask(g, helpers[i]);
    if (!g->options.profile.disable_tcp_pings && g->probe.vsn.pmax >= PROTOCOL_TCP_PING)
        g->probe.stream = gossip_tcp_ping(g, g->probe.addr, &p, g->probe.deadline);
}

/* Helpers that do not even say that they got no answer point at ourselves. */
static int probe_blame(const struct probe *p)
{
    if (p->nacks_expected == 0)
        return 1;
    return p->nacks < p->nacks_expected ? (int)(p->nacks_expected - p->nacks) : 0;
}

static void probe_fail(struct gossip *g)
{
    struct gossip_ping own = gossip_own_ping(g, 0, g->probe.name);
    struct gossip_accusation a = {
        .incarnation = g->probe.incarnation, .node = own.node, .from = own.source_node};

    if (g->probe.tcp_answered) {
        gossip_add_health(g, -1);
        gossip_tell(g, GOSSIP_TELL_TCP_ONLY, g->probe.name, g->probe.addr);
        probe_end(g);
        return;
    }
    gossip_add_health(g, probe_blame(&g->probe));
    gossip_tell(g, GOSSIP_TELL_SUSPECT, g->probe.name, g->probe.addr);
    probe_end(g);
    gossip_on_suspect(g, &a);
}

/* The next live node of the round; NULL when there is nobody but us. */
static struct member *probe_next(struct gossip *g)
{
    for (size_t checked = 0; checked <= g->count; checked++) {
        struct member *m;

        if (g->probe_index >= g->count) {
            gossip_reset_members(g);
            g->probe_index = 0;
            continue;
        }
        m = g->members[g->probe_index++];
        if (m != g->me && gossip_is_live(m->state))
            return m;
    }
    return NULL;
}

static void relays_tick(struct gossip *g)
{
    for (size_t i = 0; i < g->relay_count;) {
        struct relay r = g->relays[i];

        if (mono_before(g->now, r.deadline)) {
            i++;
            continue;
        }
        relay_del(g, i);
        if (r.nack)
            send_nack(g, r.requester, r.their_seq);
    }
}

/* A tick that comes while a probe is under way is kept until that has ended; more are dropped. */
static void probe_start(struct gossip *g)
{
    int64_t interval_ns = g->options.profile.probe_interval_ns;
    int64_t late_ns = mono_sub(g->now, g->next_probe);
    const struct member *m;

    if (g->probe.active || late_ns < 0)
        return;
    g->next_probe = mono_add(g->next_probe, (late_ns / interval_ns + 1) * interval_ns);
    if (g->leaving)
        return;
    m = probe_next(g);
    if (m != NULL)
        probe_begin(g, m);
}

void gossip_probe_tick(struct gossip *g)
{
    relays_tick(g);
    if (g->probe.active && !g->probe.asked_others && !mono_before(g->now, g->probe.ask_others))
        probe_ask_others(g);
    if (g->probe.active && !mono_before(g->now, g->probe.deadline))
        probe_fail(g);
    probe_start(g);
}

struct mono gossip_probe_deadline(const struct gossip *g)
{
    struct mono deadline = g->next_probe;

    if (g->probe.active)
        deadline = g->probe.asked_others ? g->probe.deadline
                                         : mono_earlier(g->probe.ask_others, g->probe.deadline);
    for (size_t i = 0; i < g->relay_count; i++)
        deadline = mono_earlier(deadline, g->relays[i].deadline);
    return deadline;
}
