/* SPDX-License-Identifier: Apache-2.0 */
/* One machine and what it does about single messages. Whole clusters are in test_gossip_cluster.c.
 */
#include "gossip/gossip_fsm.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS NS_PER_MS
#define START (1000 * NS_PER_SEC)

static const struct gossip_vsn metallb = {6, 1, 5, 2, 0, 0, 0};

static struct gossip_addr addr(unsigned i)
{
    return (struct gossip_addr){ip_v4(UINT32_C(0xc6120000) | i), 7946};
}

static struct gossip_name name(unsigned i)
{
    struct gossip_name n = {{0}};

    snprintf(n.s, sizeof(n.s), "n%u", i);
    return n;
}

/* We are n0. */
struct fixture {
    struct gossip *g;
    struct mono now;
    struct gossip_profile profile;
    unsigned told[GOSSIP_TELL_PEER_FAILED + 1];
    char last_text[64]; /* of the last peer that refused */
    size_t joined, expected;
    /* What was sent last, of each type, and how many: datagrams. */
    unsigned sent[256];
    struct gossip_addr to[256];
    uint8_t bodies[256][512];
    size_t body_len[256];
    uint8_t last_datagram; /* the first byte of the last one */
    bool last_crc;
    struct gossip_addr connects[32];
    uint32_t streams[32];
    unsigned connect_count;
    uint8_t connect_bytes[2048];
};

static void see(void *arg, uint8_t type, struct rd *body)
{
    struct fixture *f = arg;

    assert_true(body->left <= sizeof(f->bodies[type]));
    f->sent[type]++;
    f->body_len[type] = body->left;
    rd_copy(body, f->bodies[type], body->left);
}

static void saw_datagram(struct fixture *f, const struct gossip_action *a)
{
    const struct gossip_keyring none = {0};
    const struct gossip_unwrap u = {.ring = &none};
    struct gossip_message m;
    unsigned before[256];

    memcpy(before, f->sent, sizeof(before));
    f->last_crc = a->bytes.bytes[0] == GOSSIP_CRC;
    assert_int_equal(gossip_packet_open(&m, &u, a->bytes), GOSSIP_OPENED);
    f->last_datagram = m.type;
    assert_int_equal(gossip_message_each(&m, see, f), 0);
    gossip_message_done(&m);
    for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
        if (f->sent[i] > before[i])
            f->to[i] = a->addr;
    }
}

static void act(struct fixture *f)
{
    struct gossip_action a;

    while (gossip_next_action(f->g, &a)) {
        f->told[a.kind]++;
        if (a.kind == GOSSIP_DO_SEND)
            saw_datagram(f, &a);
        if (a.kind == GOSSIP_DO_CONNECT) {
            struct rd in = rd_from(a.bytes.bytes, a.bytes.len);

            f->connects[f->connect_count % 32] = a.addr;
            f->streams[f->connect_count++ % 32] = a.stream;
            rd_copy(&in, f->connect_bytes, a.bytes.len < 2048 ? a.bytes.len : 2048);
        }
        if (a.kind == GOSSIP_TELL_JOIN_DONE) {
            f->joined = a.count;
            f->expected = a.expected;
        }
        if (*a.text != '\0')
            snprintf(f->last_text, sizeof(f->last_text), "%s", a.text);
    }
}

static struct fixture *set_up(void)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct gossip_options o = {.profile = gossip_profile_lan(), .name = "n0", .addr = addr(0)};

    f->now = (struct mono){START};
    o.profile.compress = false;
    f->profile = o.profile;
    f->g = gossip_new(&o, f->now);
    act(f);
    assert_int_equal(f->told[GOSSIP_TELL_JOIN], 1); /* ourselves */
    return f;
}

static void tear_down(struct fixture *f)
{
    gossip_free(f->g);
    free(f);
}

/* Lets time pass, from deadline to deadline. */
static void run(struct fixture *f, int64_t ns)
{
    struct mono end = mono_add(f->now, ns);

    while (!mono_before(end, gossip_deadline(f->g))) {
        if (mono_before(f->now, gossip_deadline(f->g)))
            f->now = gossip_deadline(f->g);
        gossip_tick(f->g, f->now);
        act(f);
    }
    f->now = end;
}

static void hear(struct fixture *f, unsigned from, const struct wr *w)
{
    assert_false(w->bad);
    gossip_on_packet(f->g, f->now, addr(from), (struct gossip_part){w->start, w->len});
    act(f);
}

static struct gossip_record record(unsigned i, uint32_t incarnation)
{
    return (struct gossip_record){
        .name = name(i), .addr = addr(i), .incarnation = incarnation, .vsn = metallb};
}

static void hear_alive(struct fixture *f, const struct gossip_record *a)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_alive(&w, a);
    hear(f, 9, &w);
}

static void hear_accusation(struct fixture *f, enum gossip_type type, unsigned of, unsigned from,
                            uint32_t incarnation)
{
    const struct gossip_accusation a = {incarnation, name(of), name(from)};
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_accusation(&w, type, &a);
    hear(f, from, &w);
}

static void meet(struct fixture *f, unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        struct gossip_record a = record(i, 1);

        hear_alive(f, &a);
    }
    memset(f->told, 0, sizeof(f->told));
}

static struct gossip_member view(const struct fixture *f, unsigned of)
{
    for (size_t i = 0; i < gossip_member_count(f->g); i++) {
        struct gossip_member m = gossip_member_at(f->g, i);

        if (str_eq(m.name, name(of).s))
            return m;
    }
    return (struct gossip_member){0};
}

static void answers_pings(void **state)
{
    struct fixture *f = set_up();
    struct gossip_ping p = {.seq = 77, .node = name(0)};
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct rd body;
    uint32_t seq;

    (void)state;
    gossip_write_ping(&w, &p);
    hear(f, 5, &w);
    assert_int_equal(f->sent[GOSSIP_ACK], 1);
    assert_true(gossip_addr_eq(f->to[GOSSIP_ACK], addr(5))); /* the sender */
    body = rd_from(f->bodies[GOSSIP_ACK], f->body_len[GOSSIP_ACK]);
    assert_int_equal(gossip_read_seq(&seq, &body), 0);
    assert_int_equal(seq, 77);
    assert_int_equal(f->sent[GOSSIP_ALIVE], 1); /* our own waits in the queue, and rides along */

    p.source = addr(6);
    p.node = (struct gossip_name){{0}};
    w = wr_to(bytes, sizeof(bytes));
    gossip_write_ping(&w, &p);
    hear(f, 5, &w);
    assert_int_equal(f->sent[GOSSIP_ACK], 2);
    assert_true(gossip_addr_eq(f->to[GOSSIP_ACK], addr(6))); /* whom the ping names */

    p.node = name(3);
    w = wr_to(bytes, sizeof(bytes));
    gossip_write_ping(&w, &p);
    hear(f, 5, &w);
    assert_int_equal(f->sent[GOSSIP_ACK], 2);
    assert_int_equal(gossip_dropped(f->g, GOSSIP_DROP_WRONG_NODE), 1);
    tear_down(f);
}

/* One message about n1, which is known at 198.18.0.1 with incarnation 5, in a state. */
enum message { ALIVE, ALIVE_ELSEWHERE, ALIVE_META, SUSPECT, DEAD, LEAVE };
enum { NO_CHANGE = -1 };

static const struct {
    const char *label;
    enum gossip_state known;
    enum message message;
    uint32_t incarnation;
    int want_state; /* NO_CHANGE */
    uint32_t want_incarnation;
    int told; /* -1: nothing */
} rules[] = {
    {"alive, older", GOSSIP_IS_ALIVE, ALIVE, 4, NO_CHANGE, 5, -1},
    {"alive, known", GOSSIP_IS_ALIVE, ALIVE, 5, NO_CHANGE, 5, -1},
    {"alive, newer", GOSSIP_IS_ALIVE, ALIVE, 6, NO_CHANGE, 6, -1},
    {"metadata", GOSSIP_IS_ALIVE, ALIVE_META, 6, NO_CHANGE, 6, GOSSIP_TELL_UPDATE},
    {"metadata, known incarnation", GOSSIP_IS_ALIVE, ALIVE_META, 5, NO_CHANGE, 5, -1},
    {"alive, elsewhere", GOSSIP_IS_ALIVE, ALIVE_ELSEWHERE, 6, NO_CHANGE, 5, GOSSIP_TELL_CONFLICT},
    {"alive, the last", GOSSIP_IS_ALIVE, ALIVE, UINT32_MAX, NO_CHANGE, UINT32_MAX, -1},
    {"suspect", GOSSIP_IS_ALIVE, SUSPECT, 5, GOSSIP_IS_SUSPECT, 5, -1},
    {"suspect, older", GOSSIP_IS_ALIVE, SUSPECT, 4, NO_CHANGE, 5, -1},
    {"suspect, newer", GOSSIP_IS_ALIVE, SUSPECT, 9, GOSSIP_IS_SUSPECT, 9, -1},
    {"suspect, the last", GOSSIP_IS_ALIVE, SUSPECT, UINT32_MAX, GOSSIP_IS_SUSPECT, UINT32_MAX, -1},
    {"dead", GOSSIP_IS_ALIVE, DEAD, 5, GOSSIP_IS_DEAD, 5, GOSSIP_TELL_LEAVE},
    {"dead, older", GOSSIP_IS_ALIVE, DEAD, 4, NO_CHANGE, 5, -1},
    {"leave", GOSSIP_IS_ALIVE, LEAVE, 5, GOSSIP_HAS_LEFT, 5, GOSSIP_TELL_LEAVE},
    {"refutes", GOSSIP_IS_SUSPECT, ALIVE, 6, GOSSIP_IS_ALIVE, 6, -1},
    {"does not refute", GOSSIP_IS_SUSPECT, ALIVE, 5, NO_CHANGE, 5, -1},
    {"suspect, dead", GOSSIP_IS_SUSPECT, DEAD, 5, GOSSIP_IS_DEAD, 5, GOSSIP_TELL_LEAVE},
    {"dead, alive", GOSSIP_IS_DEAD, ALIVE, 6, GOSSIP_IS_ALIVE, 6, GOSSIP_TELL_JOIN},
    {"dead, alive as known", GOSSIP_IS_DEAD, ALIVE, 5, NO_CHANGE, 5, -1},
    {"dead, alive elsewhere", GOSSIP_IS_DEAD, ALIVE_ELSEWHERE, 9, NO_CHANGE, 5,
     GOSSIP_TELL_CONFLICT},
    {"dead, suspect", GOSSIP_IS_DEAD, SUSPECT, 5, NO_CHANGE, 5, -1},
    {"dead, dead", GOSSIP_IS_DEAD, DEAD, 6, NO_CHANGE, 5, -1},
    {"dead, leave", GOSSIP_IS_DEAD, LEAVE, 6, NO_CHANGE, 5, -1},
    {"left, alive", GOSSIP_HAS_LEFT, ALIVE, 6, GOSSIP_IS_ALIVE, 6, GOSSIP_TELL_JOIN},
    {"left, alive as known", GOSSIP_HAS_LEFT, ALIVE, 5, NO_CHANGE, 5, -1},
    {"left, alive elsewhere", GOSSIP_HAS_LEFT, ALIVE_ELSEWHERE, 1, GOSSIP_IS_ALIVE, 1,
     GOSSIP_TELL_JOIN},
};

static void make_known(struct fixture *f, enum gossip_state as)
{
    struct gossip_record a = record(1, 5);

    hear_alive(f, &a);
    switch (as) {
    case GOSSIP_IS_ALIVE:
        break;
    case GOSSIP_IS_SUSPECT:
        hear_accusation(f, GOSSIP_SUSPECT, 1, 2, 5);
        break;
    case GOSSIP_IS_DEAD:
        hear_accusation(f, GOSSIP_DEAD, 1, 2, 5);
        break;
    case GOSSIP_HAS_LEFT:
        hear_accusation(f, GOSSIP_DEAD, 1, 1, 5);
        break;
    }
    assert_int_equal(view(f, 1).state, as);
    memset(f->told, 0, sizeof(f->told));
}

static void hear_message(struct fixture *f, enum message message, uint32_t incarnation)
{
    struct gossip_record a = record(1, incarnation);

    switch (message) {
    case ALIVE_ELSEWHERE:
        a.addr = addr(200);
        hear_alive(f, &a);
        return;
    case ALIVE_META:
        a.meta.len = 3;
        hear_alive(f, &a);
        return;
    case ALIVE:
        hear_alive(f, &a);
        return;
    case SUSPECT:
        hear_accusation(f, GOSSIP_SUSPECT, 1, 2, incarnation);
        return;
    case DEAD:
        hear_accusation(f, GOSSIP_DEAD, 1, 2, incarnation);
        return;
    case LEAVE:
        hear_accusation(f, GOSSIP_DEAD, 1, 1, incarnation);
        return;
    }
}

static void follows_the_rules_of_states(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        struct fixture *f = set_up();
        int want = rules[i].want_state == NO_CHANGE ? (int)rules[i].known : rules[i].want_state;
        unsigned told = 0;
        struct gossip_member m;

        make_known(f, rules[i].known);
        hear_message(f, rules[i].message, rules[i].incarnation);
        m = view(f, 1);
        if ((int)m.state != want || m.incarnation != rules[i].want_incarnation)
            fail_msg("%s: state %d, incarnation %u", rules[i].label, m.state, m.incarnation);
        for (size_t k = 0; k < ARRAY_SIZE(f->told); k++)
            told += f->told[k];
        if (told != (rules[i].told < 0 ? 0u : 1u) ||
            (rules[i].told >= 0 && f->told[rules[i].told] != 1))
            fail_msg("%s: told %u", rules[i].label, told);
        tear_down(f);
    }
}

static void ignores_strangers_that_are_accused(void **state)
{
    struct fixture *f = set_up();
    struct gossip_record a = record(1, 0);

    (void)state;
    hear_accusation(f, GOSSIP_SUSPECT, 1, 2, 5);
    hear_accusation(f, GOSSIP_DEAD, 1, 2, 5);
    hear_accusation(f, GOSSIP_DEAD, 1, 1, 5);
    hear_alive(f, &a); /* no node ever had that incarnation */
    assert_int_equal(gossip_member_count(f->g), 1);
    tear_down(f);
}

static const struct {
    const char *label;
    struct gossip_vsn vsn;
    bool taken;
} versions[] = {
    {"as MetalLB", {6, 1, 5, 2, 0, 0, 0}, true},
    {"none", {0, 0, 0, 0, 0, 0, 0}, true},
    {"too short", {5, 1, 5, 2, 0, 0, 0}, false},
    {"minimum 0", {6, 0, 5, 2, 0, 0, 0}, false},
    {"maximum 0", {6, 1, 0, 2, 0, 0, 0}, false},
    {"minimum above maximum", {6, 4, 3, 2, 0, 0, 0}, false},
};

/* A short one is made by hand: our writer makes none. */
static void judges_versions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct fixture *f = set_up();
        struct gossip_record a = record(1, 1);
        uint8_t bytes[GOSSIP_MESSAGE_MAX];
        struct wr w = wr_to(bytes, sizeof(bytes));

        a.vsn = versions[i].vsn;
        a.vsn.len = a.vsn.len == 5 ? 6 : a.vsn.len;
        gossip_write_alive(&w, &a);
        if (versions[i].vsn.len == 5) {
            w.len--;
            bytes[w.len - 6] = 0xa5;
        }
        hear(f, 1, &w);
        if ((view(f, 1).name != NULL) != versions[i].taken)
            fail_msg("%s", versions[i].label);
        tear_down(f);
    }
}

/* Whatever is said about us, we raise our incarnation above it and say so. */
static void refutes(void **state)
{
    static const enum gossip_type types[] = {GOSSIP_SUSPECT, GOSSIP_DEAD};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct fixture *f = set_up();
        struct gossip_record a;
        struct rd body;

        meet(f, 3);
        hear_accusation(f, types[i], 0, 1, 7);
        assert_int_equal(f->told[GOSSIP_TELL_REFUTE], 1);
        assert_int_equal(view(f, 0).state, GOSSIP_IS_ALIVE);
        assert_int_equal(view(f, 0).incarnation, 8);
        assert_int_equal(gossip_health(f->g), 1);
        hear_accusation(f, types[i], 0, 1, 7); /* old news */
        assert_int_equal(f->told[GOSSIP_TELL_REFUTE], 1);
        run(f, 200 * MS);
        body = rd_from(f->bodies[GOSSIP_ALIVE], f->body_len[GOSSIP_ALIVE]);
        assert_int_equal(gossip_read_alive(&a, &body), 0);
        assert_true(f->sent[GOSSIP_ALIVE] > 0);
        hear_accusation(f, types[i], 0, 1, UINT32_MAX); /* which nothing beats */
        assert_int_equal(view(f, 0).state, GOSSIP_IS_ALIVE);
        assert_int_equal(view(f, 0).incarnation, 8);
        tear_down(f);
    }
}

/* A restarted node hears of its old life: an alive message with a higher incarnation. */
static void outdoes_its_former_self(void **state)
{
    struct fixture *f = set_up();
    struct gossip_record a = record(0, 1);

    (void)state;
    hear_alive(f, &a); /* our own, come back */
    assert_int_equal(f->told[GOSSIP_TELL_REFUTE], 0);
    a.incarnation = 12;
    hear_alive(f, &a);
    assert_int_equal(view(f, 0).incarnation, 13);
    a = record(0, 20);
    a.addr = addr(4); /* somebody has our name */
    hear_alive(f, &a);
    assert_int_equal(view(f, 0).incarnation, 13);
    assert_int_equal(f->told[GOSSIP_TELL_CONFLICT], 1);
    tear_down(f);
}

static uint32_t sent_seq(const struct fixture *f, enum gossip_type type)
{
    struct rd body = rd_from(f->bodies[type], f->body_len[type]);
    struct gossip_ping p = {0};
    struct gossip_indirect_ping q = {0};

    if (type == GOSSIP_PING)
        assert_int_equal(gossip_read_ping(&p, &body), 0);
    else
        assert_int_equal(gossip_read_indirect_ping(&q, &body), 0);
    return type == GOSSIP_PING ? p.seq : q.seq;
}

static void hear_ack(struct fixture *f, unsigned from, uint32_t seq)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_ack(&w, seq);
    hear(f, from, &w);
}

static void run_until_sent(struct fixture *f, enum gossip_type type)
{
    unsigned before = f->sent[type];

    for (int i = 0; i < 3000 && f->sent[type] == before; i++)
        run(f, 1 * MS);
    assert_true(f->sent[type] > before);
}

static void probes(void **state)
{
    struct fixture *f = set_up();
    uint32_t seq;

    (void)state;
    meet(f, 1);
    run_until_sent(f, GOSSIP_PING);
    assert_true(gossip_addr_eq(f->to[GOSSIP_PING], addr(1)));
    assert_false(f->last_crc); /* spec speaker-l2 6.4 */
    hear_ack(f, 1, sent_seq(f, GOSSIP_PING));
    run(f, 990 * MS);
    assert_int_equal(f->connect_count, 0);
    assert_int_equal(view(f, 1).state, GOSSIP_IS_ALIVE);

    run_until_sent(f, GOSSIP_PING);
    seq = sent_seq(f, GOSSIP_PING);
    hear_ack(f, 1, seq + 1); /* of no probe */
    run(f, 490 * MS);
    assert_int_equal(f->connect_count, 0);
    run(f, 20 * MS);
    assert_int_equal(f->connect_count, 1); /* the ping over TCP; there is nobody to ask */
    assert_true(gossip_addr_eq(f->connects[0], addr(1)));
    assert_int_equal(f->connect_bytes[0], GOSSIP_PING);
    run(f, 480 * MS);
    assert_int_equal(view(f, 1).state, GOSSIP_IS_ALIVE);
    run(f, 20 * MS);
    assert_int_equal(view(f, 1).state, GOSSIP_IS_SUSPECT);
    assert_int_equal(f->told[GOSSIP_TELL_SUSPECT], 1);
    assert_int_equal(gossip_health(f->g), 1);
    assert_int_equal(f->told[GOSSIP_DO_CLOSE], 1); /* the stream */

    run_until_sent(f, GOSSIP_SUSPECT); /* with the next ping */
    run_until_sent(f, GOSSIP_PING);
    assert_int_equal(f->last_datagram, GOSSIP_COMPOUND);
    assert_true(f->last_crc);
    run(f, 4000 * MS);
    assert_int_equal(view(f, 1).state, GOSSIP_IS_DEAD);
    assert_int_equal(f->told[GOSSIP_TELL_FAILED], 1);
    assert_int_equal(f->told[GOSSIP_TELL_LEAVE], 1);
    tear_down(f);
}

static void asks_others(void **state)
{
    struct fixture *f = set_up();
    unsigned before;
    uint32_t seq;

    (void)state;
    meet(f, 6);
    run_until_sent(f, GOSSIP_PING);
    seq = sent_seq(f, GOSSIP_PING);
    before = f->sent[GOSSIP_INDIRECT_PING];
    run(f, 510 * MS);
    assert_int_equal(f->sent[GOSSIP_INDIRECT_PING] - before, 3);
    assert_int_equal(sent_seq(f, GOSSIP_INDIRECT_PING), seq);
    assert_false(gossip_addr_eq(f->to[GOSSIP_INDIRECT_PING], f->to[GOSSIP_PING]));
    hear_ack(f, 9, seq); /* relayed */
    run(f, 400 * MS);
    assert_int_equal(f->told[GOSSIP_TELL_SUSPECT], 0);
    assert_int_equal(gossip_health(f->g), 0);
    tear_down(f);
}

/* Helpers that say that they got no answer either show that the trouble is not ours. */
static void blames_itself_for_silent_helpers(void **state)
{
    (void)state;
    for (unsigned nacks = 0; nacks <= 3; nacks++) {
        struct fixture *f = set_up();
        uint8_t bytes[GOSSIP_MESSAGE_MAX];
        struct wr w = wr_to(bytes, sizeof(bytes));

        meet(f, 6);
        run_until_sent(f, GOSSIP_PING);
        gossip_write_nack(&w, sent_seq(f, GOSSIP_PING));
        run(f, 510 * MS);
        for (unsigned i = 0; i < nacks; i++)
            hear(f, 9, &w);
        run(f, 500 * MS);
        assert_int_equal(f->told[GOSSIP_TELL_SUSPECT], 1);
        assert_int_equal(gossip_health(f->g), 3 - nacks);
        tear_down(f);
    }
}

static void helps_others(void **state)
{
    struct gossip_indirect_ping p = {.seq = 900, .target = addr(2), .node = name(2), .nack = true};
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct fixture *f = set_up();
    struct rd body;
    uint32_t seq;

    (void)state;
    gossip_write_indirect_ping(&w, &p);
    hear(f, 1, &w);
    assert_int_equal(f->sent[GOSSIP_PING], 1);
    assert_true(gossip_addr_eq(f->to[GOSSIP_PING], addr(2)));
    assert_int_not_equal(sent_seq(f, GOSSIP_PING), 900);
    hear_ack(f, 2, sent_seq(f, GOSSIP_PING));
    assert_int_equal(f->sent[GOSSIP_ACK], 1);
    assert_true(gossip_addr_eq(f->to[GOSSIP_ACK], addr(1)));
    body = rd_from(f->bodies[GOSSIP_ACK], f->body_len[GOSSIP_ACK]);
    assert_int_equal(gossip_read_seq(&seq, &body), 0);
    assert_int_equal(seq, 900);
    run(f, 600 * MS);
    assert_int_equal(f->sent[GOSSIP_NACK], 0);

    hear(f, 1, &w); /* again, and now there is no answer */
    run(f, 490 * MS);
    assert_int_equal(f->sent[GOSSIP_NACK], 0);
    run(f, 20 * MS);
    assert_int_equal(f->sent[GOSSIP_NACK], 1);
    body = rd_from(f->bodies[GOSSIP_NACK], f->body_len[GOSSIP_NACK]);
    assert_int_equal(gossip_read_seq(&seq, &body), 0);
    assert_int_equal(seq, 900);

    p.nack = false;
    w = wr_to(bytes, sizeof(bytes));
    gossip_write_indirect_ping(&w, &p);
    hear(f, 1, &w);
    run(f, 600 * MS);
    assert_int_equal(f->sent[GOSSIP_NACK], 1);
    for (int i = 0; i < 300; i++)
        hear(f, 1, &w);
    assert_true(gossip_dropped(f->g, GOSSIP_DROP_FULL) > 0); /* there is an end to help */
    tear_down(f);
}

static struct gossip_blob push_pull(const struct gossip_record *states, size_t count)
{
    struct gossip_blob b = {xmalloc(8192), 0};
    struct wr w = wr_to(b.bytes, 8192);

    gossip_write_header(&w, &(struct gossip_header){.nodes = (int64_t)count, .join = true});
    for (size_t i = 0; i < count; i++)
        gossip_write_state(&w, &states[i]);
    b.len = w.len;
    return b;
}

/* Returns the number of nodes in the answer, -1 without one. */
static int64_t exchange(struct fixture *f, const struct gossip_record *states, size_t count)
{
    CLEANUP(gossip_blob_done) struct gossip_blob request = push_pull(states, count);
    CLEANUP(gossip_blob_done) struct gossip_blob answer = {0};
    struct gossip_header h;
    struct rd r;

    gossip_on_request(f->g, f->now, addr(1), (struct gossip_part){request.bytes, request.len},
                      &answer);
    act(f);
    if (answer.len == 0)
        return -1;
    r = rd_from(answer.bytes, answer.len);
    assert_int_equal(rd_u8(&r), GOSSIP_PUSH_PULL);
    assert_int_equal(gossip_read_header(&h, &r), 0);
    assert_true(h.join);
    return h.nodes;
}

static void merges(void **state)
{
    struct gossip_record states[] = {record(1, 3), record(2, 3), record(3, 3), record(4, 3),
                                     record(5, 3)};
    struct fixture *f = set_up();

    (void)state;
    states[1].addr.port = 0;                     /* "the port that all have" */
    states[4].state = 9;                         /* of a later version */
    assert_int_equal(exchange(f, states, 5), 1); /* what we knew before */
    assert_int_equal(gossip_member_count(f->g), 5);
    assert_int_equal(view(f, 2).addr.port, 7946);
    states[0].state = GOSSIP_IS_SUSPECT;
    states[1].state = GOSSIP_IS_DEAD;
    states[2].state = GOSSIP_HAS_LEFT;
    assert_int_equal(exchange(f, states, 3), 5);
    assert_int_equal(view(f, 1).state, GOSSIP_IS_SUSPECT);
    assert_int_equal(view(f, 2).state, GOSSIP_IS_SUSPECT); /* it may refute */
    assert_int_equal(view(f, 3).state, GOSSIP_HAS_LEFT);
    assert_int_equal(view(f, 4).state, GOSSIP_IS_ALIVE);
    tear_down(f);
}

static void refuses_other_protocols(void **state)
{
    struct gossip_record states[] = {record(1, 3), record(2, 3)};
    struct fixture *f = set_up();

    (void)state;
    states[1].vsn.pcur = 6;
    states[1].vsn.pmax = 6;
    assert_int_equal(exchange(f, states, 2), 1); /* an answer, but nothing is taken */
    assert_int_equal(gossip_member_count(f->g), 1);
    assert_string_equal(f->last_text, "protocol versions do not match");
    states[1].vsn = (struct gossip_vsn){0};
    assert_int_equal(exchange(f, states, 2), 1);
    assert_int_equal(gossip_member_count(f->g), 1);
    tear_down(f);
}

/* All or nothing: a state that is cut off makes the whole exchange void. */
static void refuses_half_a_state(void **state)
{
    struct gossip_record states[] = {record(1, 3), record(2, 3)};
    struct fixture *f = set_up();
    CLEANUP(gossip_blob_done) struct gossip_blob request = push_pull(states, 2);

    (void)state;
    for (size_t cut = 0; cut < request.len; cut++) {
        struct gossip_blob answer;

        gossip_on_request(f->g, f->now, addr(1), (struct gossip_part){request.bytes, cut}, &answer);
        assert_int_equal(gossip_member_count(f->g), 1);
        gossip_blob_done(&answer);
    }
    tear_down(f);
}

static void joins(void **state)
{
    struct gossip_addr addrs[20];
    struct gossip_record states[] = {record(1, 1), record(2, 1), record(3, 1)};
    CLEANUP(gossip_blob_done) struct gossip_blob reply = push_pull(states, 3);
    struct fixture *f = set_up();

    (void)state;
    assert_true(gossip_join(f->g, f->now, (struct gossip_addr[]){addr(0)}, 1));
    act(f);
    assert_int_equal(f->connect_count, 0); /* that is us */
    assert_int_equal(f->told[GOSSIP_TELL_JOIN_DONE], 0);

    for (unsigned i = 0; i < 20; i++)
        addrs[i] = addr(i < 12 ? i : 1); /* one of them again and again */
    assert_true(gossip_join(f->g, f->now, addrs, 20));
    act(f);
    assert_int_equal(f->connect_count, 8); /* side by side */
    assert_int_equal(f->connect_bytes[0], GOSSIP_PUSH_PULL);
    assert_false(gossip_join(f->g, f->now, addrs, 20));
    gossip_on_reply(f->g, f->now, f->streams[0], (struct gossip_part){reply.bytes, reply.len});
    act(f);
    assert_int_equal(gossip_member_count(f->g), 4);
    assert_int_equal(f->connect_count, 9);
    for (unsigned i = 1; i < f->connect_count; i++) {
        gossip_on_stream_lost(f->g, f->now, f->streams[i]);
        act(f);
    }
    assert_int_equal(f->connect_count, 11);
    assert_int_equal(f->told[GOSSIP_TELL_JOIN_DONE], 1);
    assert_int_equal(f->expected, 11);
    assert_int_equal(f->joined, 1);

    assert_true(gossip_join(f->g, f->now, addrs, 20)); /* a second time: only who is missing */
    act(f);
    assert_int_equal(f->connect_count, 19);
    run(f, 25 * NS_PER_SEC); /* nobody answers */
    assert_int_equal(f->told[GOSSIP_TELL_JOIN_DONE], 2);
    assert_int_equal(f->expected, 8);
    assert_int_equal(f->joined, 0);
    tear_down(f);
}

static void tells_what_the_peer_said(void **state)
{
    uint8_t bytes[128];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct gossip_addr to = addr(1);
    struct fixture *f = set_up();

    (void)state;
    gossip_write_error(&w, "no room");
    assert_true(gossip_join(f->g, f->now, &to, 1));
    act(f);
    gossip_on_reply(f->g, f->now, f->streams[0], (struct gossip_part){bytes, w.len});
    act(f);
    assert_int_equal(f->told[GOSSIP_TELL_PEER_ERROR], 1);
    assert_string_equal(f->last_text, "no room");
    assert_int_equal(f->told[GOSSIP_TELL_JOIN_DONE], 1);
    assert_int_equal(f->connect_count, 1);
    gossip_on_reply(f->g, f->now, f->streams[0], (struct gossip_part){bytes, w.len}); /* late */
    act(f);
    assert_int_equal(f->told[GOSSIP_TELL_PEER_ERROR], 1);
    tear_down(f);
}

/* The first after a random time of up to one interval and an interval. */
static void exchanges_from_time_to_time(void **state)
{
    struct fixture *f = set_up();
    unsigned exchanges = 0, before = 0;

    (void)state;
    for (int second = 1; second <= 95; second++) {
        struct gossip_record a = record(1, (uint32_t)second + 1);

        hear_alive(f, &a); /* so that the silent node is not given up */
        run(f, 1 * NS_PER_SEC);
        if (f->connect_count > before && f->connect_bytes[0] == GOSSIP_PUSH_PULL)
            exchanges++;
        before = f->connect_count;
        if (second == 29)
            assert_int_equal(exchanges, 0);
        if (second == 62)
            assert_in_range(exchanges, 1, 2);
    }
    assert_in_range(exchanges, 2, 3);
    tear_down(f);
}

static void tolerates_what_it_does_not_use(void **state)
{
    static const uint8_t user[] = {GOSSIP_USER, 1, 2, 3}, unknown[] = {99, 1},
                         error[] = {GOSSIP_ERROR, 0x80}, cut[] = {GOSSIP_ALIVE, 0x81};
    struct fixture *f = set_up();

    (void)state;
    gossip_on_packet(f->g, f->now, addr(1), (struct gossip_part){user, sizeof(user)});
    assert_int_equal(gossip_dropped(f->g, GOSSIP_DROP_TYPE), 0);
    gossip_on_packet(f->g, f->now, addr(1), (struct gossip_part){unknown, sizeof(unknown)});
    gossip_on_packet(f->g, f->now, addr(1), (struct gossip_part){error, sizeof(error)});
    assert_int_equal(gossip_dropped(f->g, GOSSIP_DROP_TYPE), 2);
    gossip_on_packet(f->g, f->now, addr(1), (struct gossip_part){cut, sizeof(cut)});
    assert_int_equal(gossip_dropped(f->g, GOSSIP_DROP_MALFORMED), 1);
    act(f);
    assert_int_equal(f->told[GOSSIP_DO_SEND], 0);
    tear_down(f);
}

static struct gossip_part text_part(const char *text)
{
    return (struct gossip_part){(const uint8_t *)text, strlen(text)};
}

static struct gossip_record last_alive(const struct fixture *f)
{
    struct rd body = rd_from(f->bodies[GOSSIP_ALIVE], f->body_len[GOSSIP_ALIVE]);
    struct gossip_record a;

    assert_int_equal(gossip_read_alive(&a, &body), 0);
    return a;
}

/* As memberlist's UpdateNode, but for the datagrams that go to everybody at once. */
static void tells_its_metadata(void **state)
{
    struct fixture *f = set_up();
    struct gossip_record a;

    (void)state;
    meet(f, 5);
    run(f, 5 * NS_PER_SEC); /* what is gossiped about those that joined */
    f->sent[GOSSIP_ALIVE] = 0;
    gossip_set_meta(f->g, f->now, text_part("one"));
    act(f);
    assert_int_equal(f->sent[GOSSIP_ALIVE], 5); /* to each, without waiting */
    a = last_alive(f);
    assert_string_equal(a.name.s, "n0");
    assert_int_equal(a.incarnation, 2);
    assert_int_equal(a.meta.len, 3);
    assert_memory_equal(a.meta.bytes, "one", 3);
    assert_int_equal(view(f, 0).meta.len, 3);
    gossip_set_meta(f->g, f->now, text_part("one"));
    act(f);
    assert_int_equal(f->sent[GOSSIP_ALIVE], 5); /* no news */
    run(f, NS_PER_SEC);
    assert_true(f->sent[GOSSIP_ALIVE] > 5); /* gossiped, too */
    gossip_set_meta(f->g, f->now, text_part(""));
    act(f);
    assert_int_equal(last_alive(f).meta.len, 0);
    assert_int_equal(last_alive(f).incarnation, 3);
    tear_down(f);
}

static void hears_metadata(void **state)
{
    struct fixture *f = set_up();
    struct gossip_record a = record(1, 1);
    struct gossip_member m;

    (void)state;
    a.meta = (struct gossip_meta){.len = 2, .bytes = {7, 8}};
    hear_alive(f, &a);
    assert_int_equal(f->told[GOSSIP_TELL_JOIN], 2); /* ourselves, and the other */
    assert_true(gossip_member_find(f->g, "n1", &m));
    assert_int_equal(m.meta.len, 2);
    assert_int_equal(m.meta.bytes[1], 8);
    assert_false(gossip_member_find(f->g, "n2", &m));
    a.incarnation = 2;
    a.meta.bytes[1] = 9;
    hear_alive(f, &a);
    assert_int_equal(f->told[GOSSIP_TELL_UPDATE], 1);
    assert_int_equal(view(f, 1).meta.bytes[1], 9);
    tear_down(f);
}

/* What an earlier process of ours told is outdone with what this one has to tell. */
static void refutes_old_metadata(void **state)
{
    struct fixture *f = set_up();
    struct gossip_record a = record(0, 7);

    (void)state;
    meet(f, 1);
    run(f, 5 * NS_PER_SEC); /* what is gossiped about it */
    gossip_set_meta(f->g, f->now, text_part("new"));
    run(f, 5 * NS_PER_SEC);
    a.meta = (struct gossip_meta){.len = 3, .bytes = {'o', 'l', 'd'}};
    hear_alive(f, &a);
    assert_int_equal(view(f, 0).incarnation, 8);
    run(f, NS_PER_SEC);
    assert_int_equal(last_alive(f).incarnation, 8);
    assert_memory_equal(last_alive(f).meta.bytes, "new", 3);
    tear_down(f);
}

static unsigned count_wakeups(struct fixture *f, int64_t ns)
{
    struct mono end = mono_add(f->now, ns);
    unsigned count = 0;

    for (; !mono_before(end, gossip_deadline(f->g)); count++) {
        f->now = gossip_deadline(f->g);
        gossip_tick(f->g, f->now);
        act(f);
    }
    f->now = end;
    return count;
}

/* What is left then are the probes, once a second. */
static void sleeps_when_all_is_said(void **state)
{
    struct fixture *f = set_up();
    int64_t interval_ns = f->profile.gossip_interval_ns;
    struct mono beat;

    (void)state;
    assert_in_range(count_wakeups(f, 10 * NS_PER_SEC), 8, 12); /* nobody is there to be told */
    meet(f, 1);
    beat = gossip_deadline(f->g);
    assert_true(mono_sub(beat, f->now) <= interval_ns);
    memset(f->sent, 0, sizeof(f->sent));
    (void)count_wakeups(f, mono_sub(beat, f->now));
    assert_true(f->sent[GOSSIP_ALIVE] > 0);
    tear_down(f);
}

static void says_farewell_to_all(void **state)
{
    struct fixture *f = set_up();

    (void)state;
    meet(f, 5);
    gossip_leave(f->g, f->now);
    act(f);
    assert_int_equal(f->sent[GOSSIP_DEAD], 5);
    assert_int_equal(f->told[GOSSIP_TELL_LEFT], 0); /* it is still gossiped */
    gossip_set_meta(f->g, f->now, text_part("late"));
    act(f);
    assert_int_equal(f->sent[GOSSIP_ALIVE], 0);
    tear_down(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_its_metadata),
        cmocka_unit_test(hears_metadata),
        cmocka_unit_test(refutes_old_metadata),
        cmocka_unit_test(says_farewell_to_all),
        cmocka_unit_test(sleeps_when_all_is_said),
        cmocka_unit_test(answers_pings),
        cmocka_unit_test(follows_the_rules_of_states),
        cmocka_unit_test(ignores_strangers_that_are_accused),
        cmocka_unit_test(judges_versions),
        cmocka_unit_test(refutes),
        cmocka_unit_test(outdoes_its_former_self),
        cmocka_unit_test(probes),
        cmocka_unit_test(asks_others),
        cmocka_unit_test(blames_itself_for_silent_helpers),
        cmocka_unit_test(helps_others),
        cmocka_unit_test(merges),
        cmocka_unit_test(refuses_other_protocols),
        cmocka_unit_test(refuses_half_a_state),
        cmocka_unit_test(joins),
        cmocka_unit_test(tells_what_the_peer_said),
        cmocka_unit_test(exchanges_from_time_to_time),
        cmocka_unit_test(tolerates_what_it_does_not_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
