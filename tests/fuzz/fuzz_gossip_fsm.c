/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a script of events for one node, n0: messages about n0 to n7 from n0 to n7, time that
 * passes, streams that succeed or fail, raw datagrams. The invariants stand in check().
 */
#include "gossip/gossip_fsm.h"

#include "base/mem.h"
#include "base/text.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 8, STREAMS = 16 };

struct script {
    struct rd in;
    struct gossip *g;
    struct mono now;
    bool leaving, sees[NODES];
    uint32_t own_incarnation;
    uint32_t streams[STREAMS];
    unsigned stream_count;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct gossip_name name_of(unsigned i)
{
    struct gossip_name n = {{0}};

    snprintf(n.s, sizeof(n.s), "n%u", i % NODES);
    return n;
}

static struct gossip_addr addr_of(unsigned i)
{
    return (struct gossip_addr){ip_v4(UINT32_C(0xc6120000) + i % 16), 7946};
}

/* Small names of our own making only: raw datagrams may have brought others. */
static unsigned index_of(const char *name)
{
    return name[0] == 'n' && name[1] >= '0' && name[1] < '0' + NODES && name[2] == '\0'
               ? (unsigned)(name[1] - '0')
               : NODES;
}

static void drain(struct script *s)
{
    struct gossip_action a;

    while (gossip_next_action(s->g, &a)) {
        if (a.kind == GOSSIP_DO_SEND)
            require(a.bytes.len > 0 && a.bytes.len <= 1400);
        if (a.kind == GOSSIP_DO_CONNECT)
            s->streams[s->stream_count++ % STREAMS] = a.stream;
        if (a.kind == GOSSIP_TELL_JOIN && index_of(a.name) < NODES) {
            require(!s->sees[index_of(a.name)]);
            s->sees[index_of(a.name)] = true;
        }
        if (a.kind == GOSSIP_TELL_LEAVE && index_of(a.name) < NODES) {
            require(s->sees[index_of(a.name)]);
            s->sees[index_of(a.name)] = false;
        }
    }
}

/* We are alive until we leave; our incarnation only grows; the news and the list say the same. */
static void check(struct script *s)
{
    bool live[NODES] = {false};

    for (size_t i = 0; i < gossip_member_count(s->g); i++) {
        struct gossip_member m = gossip_member_at(s->g, i);
        unsigned n = index_of(m.name);

        require(m.name[0] != '\0' && m.addr.ip.family != IP_NONE);
        if (n == NODES)
            continue;
        live[n] = gossip_is_live(m.state);
        if (n != 0)
            continue;
        require(s->leaving ? m.state == GOSSIP_HAS_LEFT : m.state == GOSSIP_IS_ALIVE);
        require(gossip_addr_eq(m.addr, addr_of(0)));
        require(m.incarnation >= s->own_incarnation);
        s->own_incarnation = m.incarnation;
    }
    require(s->own_incarnation > 0);
    require(memcmp(live, s->sees, sizeof(live)) == 0);
    require(gossip_health(s->g) < 8);
}

static void pass_time(struct script *s, int64_t ns)
{
    struct mono end = mono_add(s->now, ns);

    while (!mono_before(end, gossip_deadline(s->g))) {
        if (mono_before(s->now, gossip_deadline(s->g)))
            s->now = gossip_deadline(s->g);
        gossip_tick(s->g, s->now);
        require(mono_before(s->now, gossip_deadline(s->g)));
        drain(s);
    }
    s->now = end;
}

static void hear(struct script *s, unsigned from, struct gossip_part bytes)
{
    gossip_on_packet(s->g, s->now, addr_of(from), bytes);
}

static struct gossip_record read_record(struct script *s)
{
    uint8_t node = rd_u8(&s->in), flags = rd_u8(&s->in);
    struct gossip_record r = {.name = name_of(node),
                              .addr = addr_of((flags & 1) != 0 ? node % NODES + 8u : node % NODES),
                              .incarnation = rd_u8(&s->in),
                              .state = flags >> 1 & 3,
                              .vsn = {6, 1, 5, 2, 0, 0, 0}};

    r.meta.len = (flags & 8) != 0 ? 2 : 0;
    if ((flags & 16) != 0)
        r.incarnation += UINT32_MAX - 255;
    return r;
}

static void hear_about(struct script *s, uint8_t kind)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct gossip_record r = read_record(s);
    uint8_t from = rd_u8(&s->in);
    struct gossip_accusation a = {r.incarnation, r.name, name_of(from)};

    if (kind % 3 == 0)
        gossip_write_alive(&w, &r);
    else
        gossip_write_accusation(&w, kind % 3 == 1 ? GOSSIP_SUSPECT : GOSSIP_DEAD, &a);
    hear(s, from, (struct gossip_part){bytes, w.len});
}

static void hear_probing(struct script *s, uint8_t kind)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX], who = rd_u8(&s->in);
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct gossip_ping p = {rd_u8(&s->in), name_of(who), addr_of(who), name_of(who)};
    struct gossip_indirect_ping q = {p.seq, p.source, p.node, true, p.source, p.node};

    if (kind % 4 == 0)
        gossip_write_ping(&w, &p);
    else if (kind % 4 == 1)
        gossip_write_indirect_ping(&w, &q);
    else if (kind % 4 == 2)
        gossip_write_ack(&w, p.seq);
    else
        gossip_write_nack(&w, p.seq);
    hear(s, who, (struct gossip_part){bytes, w.len});
}

/* A push/pull with up to three nodes, as a request or as the reply on a stream of ours. */
static void exchange(struct script *s, uint8_t kind)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX], count = rd_u8(&s->in) % 4;
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct gossip_blob answer = {0};

    gossip_write_header(&w, &(struct gossip_header){.nodes = count});
    for (uint8_t i = 0; i < count; i++) {
        struct gossip_record r = read_record(s);

        gossip_write_state(&w, &r);
    }
    if (kind % 2 == 0)
        gossip_on_request(s->g, s->now, addr_of(kind), (struct gossip_part){bytes, w.len}, &answer);
    else
        gossip_on_reply(s->g, s->now, s->streams[kind / 2 % STREAMS],
                        (struct gossip_part){bytes, w.len});
    gossip_blob_done(&answer);
}

static void hear_raw(struct script *s)
{
    uint8_t bytes[64];
    size_t len = rd_u8(&s->in) % sizeof(bytes);

    len = len < s->in.left ? len : s->in.left;
    rd_copy(&s->in, bytes, len);
    hear(s, 3, (struct gossip_part){bytes, len});
}

static void step(struct script *s)
{
    uint8_t op = rd_u8(&s->in), kind = op >> 3;
    struct gossip_addr addrs[NODES];

    switch (op & 7) {
    case 0:
    case 1:
        hear_about(s, kind);
        return;
    case 2:
        hear_probing(s, kind);
        return;
    case 3:
        pass_time(s, (int64_t)kind * kind * 100 * NS_PER_MS);
        return;
    case 4:
        exchange(s, kind);
        return;
    case 5:
        gossip_on_stream_lost(s->g, s->now, s->streams[kind % STREAMS]);
        return;
    case 6:
        for (unsigned i = 0; i < NODES; i++)
            addrs[i] = addr_of(i);
        (void)gossip_join(s->g, s->now, addrs, NODES); /* refused while one is under way */
        return;
    default:
        if (kind == 31) {
            gossip_leave(s->g, s->now);
            s->leaving = true;
        } else {
            hear_raw(s);
        }
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct gossip_options o = {.profile = gossip_profile_lan(), .name = "n0", .addr = addr_of(0)};
    struct script s = {.in = rd_from(bytes, len), .now = {NS_PER_SEC}};

    o.seed = len;
    o.profile.compress = false;
    s.g = gossip_new(&o, s.now);
    drain(&s);
    for (int i = 0; i < 200 && s.in.left > 0; i++) {
        step(&s);
        drain(&s);
        check(&s);
    }
    pass_time(&s, 60 * NS_PER_SEC);
    check(&s);
    gossip_free(s.g);
    return 0;
}
