/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams (spec speaker-l2 6.5, 6.10): push/pull, which makes two nodes know the same, and the ping
 * over TCP. Joining is a push/pull with a node that we only have the address of.
 *
 * A peer that has only the other key cannot read what we send first. It answers with an error in
 * its own key, which we can open: the exchange is then repeated in that key (changes-0.16.2 3.2).
 */
#include "gossip/gossip_int.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Encoded, without its name and metadata. */
enum { STATE_ROOM = 192, HEADER_ROOM = 64, PUSH_PULL_SCALE_FROM = 32 };

/* Everything that we know. */
static struct gossip_blob local_state(const struct gossip *g, bool join)
{
    const struct gossip_header h = {.nodes = (int64_t)g->count, .join = join};
    size_t room = HEADER_ROOM;
    struct wr w;

    for (size_t i = 0; i < g->count; i++)
        room += STATE_ROOM + strlen(g->members[i]->name) + GOSSIP_META_MAX;
    w = wr_to(xmalloc(room), room);
    gossip_write_header(&w, &h);
    for (size_t i = 0; i < g->count; i++) {
        struct gossip_record r = gossip_record_of(g->members[i]);

        gossip_write_state(&w, &r);
    }
    assert(!w.bad);
    return (struct gossip_blob){w.start, w.len};
}

/* Nothing when the crypto library fails: the stream is then closed without an answer. */
static struct gossip_blob frame_of(struct gossip *g, size_t key, struct gossip_part message)
{
    struct gossip_wrap wrap = gossip_wrap(g, key);
    struct gossip_blob frame = {0};

    if (gossip_frame_write(&frame, &wrap, message) < 0)
        return (struct gossip_blob){0};
    return frame;
}

static uint32_t exchange_open(struct gossip *g, const struct exchange *e,
                              struct gossip_part message)
{
    struct gossip_action *a = gossip_act(g, GOSSIP_DO_CONNECT);
    struct exchange *added;

    g->exchanges =
        array_grow(g->exchanges, &g->exchange_cap, g->exchange_count + 1, sizeof(struct exchange));
    added = &g->exchanges[g->exchange_count++];
    *added = *e;
    added->stream = ++g->streams;
    if (added->stream == 0) /* it went once around, and 0 is none */
        added->stream = ++g->streams;
    a->stream = added->stream;
    a->addr = e->addr;
    gossip_act_bytes(g, frame_of(g, e->key, message));
    return added->stream;
}

static void push_pull(struct gossip *g, struct exchange e)
{
    CLEANUP(gossip_blob_done)
    struct gossip_blob state = local_state(g, e.kind == EXCHANGE_JOIN);

    e.deadline = mono_add(g->now, g->options.profile.tcp_timeout_ns);
    (void)exchange_open(g, &e, (struct gossip_part){state.bytes, state.len}); /* found by address */
}

static uint32_t tcp_ping(struct gossip *g, struct exchange e, const struct gossip_ping *p)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_ping(&w, p);
    assert(!w.bad);
    return exchange_open(g, &e, (struct gossip_part){bytes, w.len});
}

uint32_t gossip_tcp_ping(struct gossip *g, struct gossip_addr to, const struct gossip_ping *p,
                         struct mono deadline)
{
    struct exchange e = {.kind = EXCHANGE_PING,
                         .seq = p->seq,
                         .addr = to,
                         .deadline = deadline,
                         .key = gossip_key_of(g, to.ip)};

    return tcp_ping(g, e, p);
}

static struct exchange *exchange_find(struct gossip *g, uint32_t stream)
{
    for (size_t i = 0; i < g->exchange_count; i++) {
        if (g->exchanges[i].stream == stream)
            return &g->exchanges[i];
    }
    return NULL;
}

static struct exchange exchange_del(struct gossip *g, struct exchange *e)
{
    struct exchange deleted = *e;

    *e = g->exchanges[--g->exchange_count];
    return deleted;
}

void gossip_stream_forget(struct gossip *g, uint32_t stream)
{
    struct exchange *e = exchange_find(g, stream);

    if (e == NULL)
        return;
    (void)exchange_del(g, e); /* a ping: nobody waits for its end */
    gossip_act(g, GOSSIP_DO_CLOSE)->stream = stream;
}

void gossip_exchange_done(struct gossip *g)
{
    free(g->exchanges);
    free(g->join.todo);
    MAP_EACH (&g->peer_keys, entry)
        free(entry->value);
    map_done(&g->peer_keys);
}

static bool has_live_member_at(const struct gossip *g, struct gossip_addr addr)
{
    for (size_t i = 0; i < g->count; i++) {
        if (gossip_is_live(g->members[i]->state) && gossip_addr_eq(g->members[i]->addr, addr))
            return true;
    }
    return false;
}

/* Begins as many exchanges as may run, and ends the join with the last. A node that an exchange
 * before has told of needs none of its own. */
static void join_go_on(struct gossip *g)
{
    struct join *j = &g->join;
    struct gossip_action *done;

    while (j->next < j->count && j->under_way < GOSSIP_JOIN_PARALLEL) {
        struct gossip_addr addr = j->todo[j->next++];

        if (has_live_member_at(g, addr)) {
            j->joined++;
            continue;
        }
        j->under_way++;
        push_pull(g, (struct exchange){
                         .kind = EXCHANGE_JOIN, .addr = addr, .key = gossip_key_of(g, addr.ip)});
    }
    if (!j->active || j->under_way > 0)
        return;
    done = gossip_act(g, GOSSIP_TELL_JOIN_DONE);
    done->count = j->joined;
    done->expected = j->count;
    free(j->todo);
    *j = (struct join){0};
}

static bool is_listed(const struct join *j, struct gossip_addr addr)
{
    for (size_t i = 0; i < j->count; i++) {
        if (gossip_addr_eq(j->todo[i], addr))
            return true;
    }
    return false;
}

bool gossip_join(struct gossip *g, struct mono now, const struct gossip_addr *addrs, size_t count)
{
    struct join *j = &g->join;

    g->now = now;
    if (j->active)
        return false;
    j->todo = xcalloc(count + 1, sizeof(*j->todo));
    for (size_t i = 0; i < count; i++) {
        if (!has_live_member_at(g, addrs[i]) && !is_listed(j, addrs[i]))
            j->todo[j->count++] = addrs[i];
    }
    j->active = j->count > 0;
    if (j->active) {
        join_go_on(g);
    } else {
        free(j->todo);
        *j = (struct join){0};
    }
    return true;
}

static void exchange_ended(struct gossip *g, const struct exchange *e, bool well)
{
    if (e->kind != EXCHANGE_JOIN)
        return;
    g->join.under_way--;
    g->join.joined += well ? 1 : 0;
    join_go_on(g);
}

static void exchange_failed(struct gossip *g, const struct exchange *e, const char *why)
{
    if (e->kind != EXCHANGE_PING)
        gossip_tell_text(g, GOSSIP_TELL_PEER_FAILED, e->addr, why);
    exchange_ended(g, e, false);
}

/* The common range of versions, of protocol and delegate (spec speaker-l2 6.9). */
struct range {
    uint8_t pmin, pmax, dmin, dmax;
};

static void range_narrow(struct range *r, const struct gossip_vsn *v)
{
    r->pmin = v->pmin > r->pmin ? v->pmin : r->pmin;
    r->pmax = v->pmax < r->pmax ? v->pmax : r->pmax;
    r->dmin = v->dmin > r->dmin ? v->dmin : r->dmin;
    r->dmax = v->dmax < r->dmax ? v->dmax : r->dmax;
}

static bool range_has(const struct range *r, const struct gossip_vsn *v)
{
    return v->pcur >= r->pmin && v->pcur <= r->pmax && v->dcur >= r->dmin && v->dcur <= r->dmax;
}

static bool speaks_with(const struct gossip_vsn *v, int64_t state)
{
    return state == GOSSIP_IS_ALIVE && v->len == GOSSIP_VSN_LEN;
}

static int read_header(struct rd *ret_states, int64_t *ret_nodes, bool *ret_join, struct rd body)
{
    struct gossip_header h;

    if (gossip_read_header(&h, &body) < 0)
        return -EBADMSG;
    *ret_states = body;
    *ret_nodes = h.nodes;
    *ret_join = h.join;
    return 0;
}

/* 0, -EBADMSG for a malformed state, -EPROTONOSUPPORT when we and they cannot all understand each
 * other. Nothing is merged until all was seen. */
static int check_remote_state(const struct gossip *g, struct rd states, int64_t nodes)
{
    struct range range = {.pmax = UINT8_MAX, .dmax = UINT8_MAX};
    struct rd again = states;
    struct gossip_record s;

    for (size_t i = 0; i < g->count; i++) {
        if (g->members[i]->state == GOSSIP_IS_ALIVE)
            range_narrow(&range, &g->members[i]->vsn);
    }
    for (int64_t i = 0; i < nodes; i++) {
        if (gossip_read_state(&s, &states) < 0)
            return -EBADMSG;
        if (speaks_with(&s.vsn, s.state))
            range_narrow(&range, &s.vsn);
    }
    for (int64_t i = 0; i < nodes; i++) {
        if (gossip_read_state(&s, &again) < 0)
            return -EBADMSG;
        if (!range_has(&range, &s.vsn))
            return -EPROTONOSUPPORT;
    }
    for (size_t i = 0; i < g->count; i++) {
        if (!range_has(&range, &g->members[i]->vsn))
            return -EPROTONOSUPPORT;
    }
    return 0;
}

/* A node that the peer takes for dead is only suspected by us, in our own name: it can refute. */
static void merge_state(struct gossip *g, const struct gossip_record *s)
{
    struct gossip_accusation a = {.incarnation = s->incarnation, .node = s->name, .from = s->name};
    struct gossip_record alive = *s;

    switch (s->state) {
    case GOSSIP_IS_ALIVE:
        if (alive.addr.port == 0)
            alive.addr.port = g->me->addr.port;
        gossip_on_alive(g, &alive);
        return;
    case GOSSIP_IS_SUSPECT:
    case GOSSIP_IS_DEAD:
        memcpy(a.from.s, g->me->name, strlen(g->me->name) + 1);
        gossip_on_suspect(g, &a);
        return;
    case GOSSIP_HAS_LEFT:
        gossip_on_dead(g, &a);
        return;
    default: /* of a later version */
        return;
    }
}

/* The states were checked. */
static void merge(struct gossip *g, struct rd states, int64_t nodes)
{
    struct gossip_record s;

    for (int64_t i = 0; i < nodes && gossip_read_state(&s, &states) == 0; i++)
        merge_state(g, &s);
}

static const char *refusal(int e)
{
    return e == -EPROTONOSUPPORT ? "protocol versions do not match" : "malformed state";
}

static void on_state(struct gossip *g, const struct exchange *e, struct rd body)
{
    struct rd states;
    int64_t nodes;
    bool join;
    int r = read_header(&states, &nodes, &join, body);

    if (r == 0)
        r = check_remote_state(g, states, nodes);
    if (r < 0) {
        exchange_failed(g, e, refusal(r));
        return;
    }
    merge(g, states, nodes);
    exchange_ended(g, e, true);
}

static void on_error(struct gossip *g, const struct exchange *e, struct rd body)
{
    struct gossip_error error;

    if (gossip_read_error(&error, &body) == 0)
        gossip_tell_text(g, GOSSIP_TELL_PEER_ERROR, e->addr, error.s);
    exchange_ended(g, e, false);
}

static void on_tcp_ack(struct gossip *g, const struct exchange *e, const struct gossip_message *m)
{
    struct rd body = m->body;
    uint32_t seq;

    if (m->type == GOSSIP_ACK && gossip_read_seq(&seq, &body) == 0 && seq == e->seq &&
        g->probe.active && g->probe.seq == seq)
        g->probe.tcp_answered = true;
}

/* An error in another key than ours was: the peer could not read us. */
static bool is_key_error(const struct exchange *e, const struct gossip_message *m)
{
    return m->type == GOSSIP_ERROR && m->key >= 0 && (size_t)m->key != e->key && !e->retried;
}

static void exchange_retry(struct gossip *g, struct exchange e, size_t key)
{
    bool probed = g->probe.active && g->probe.seq == e.seq;
    struct gossip_ping p;

    e.key = key;
    e.retried = true;
    if (e.kind != EXCHANGE_PING) {
        push_pull(g, e);
    } else if (probed) {
        p = gossip_own_ping(g, e.seq, g->probe.name);
        g->probe.stream = tcp_ping(g, e, &p);
    }
}

void gossip_on_reply(struct gossip *g, struct mono now, uint32_t stream, struct gossip_part frame)
{
    struct gossip_unwrap u = gossip_unwrap(g);
    struct exchange *found = exchange_find(g, stream), e;
    CLEANUP(gossip_message_done) struct gossip_message m = {0};
    enum gossip_opened o;

    g->now = now;
    if (found == NULL)
        return;
    e = exchange_del(g, found);
    o = gossip_frame_open(&m, &u, frame);
    if (o != GOSSIP_OPENED) {
        exchange_failed(g, &e, gossip_opened_text(o));
        return;
    }
    gossip_remember_key(g, e.addr.ip, m.key);
    if (is_key_error(&e, &m))
        exchange_retry(g, e, (size_t)m.key);
    else if (e.kind == EXCHANGE_PING)
        on_tcp_ack(g, &e, &m);
    else if (m.type == GOSSIP_ERROR)
        on_error(g, &e, m.body);
    else if (m.type == GOSSIP_PUSH_PULL)
        on_state(g, &e, m.body);
    else
        exchange_failed(g, &e, "unexpected answer");
}

void gossip_on_stream_lost(struct gossip *g, struct mono now, uint32_t stream)
{
    struct exchange *found = exchange_find(g, stream), e;

    g->now = now;
    if (found == NULL)
        return;
    e = exchange_del(g, found);
    exchange_failed(g, &e, "no answer");
}

static struct gossip_blob error_frame(struct gossip *g, size_t key, const char *text)
{
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    gossip_write_error(&w, text);
    assert(!w.bad);
    return frame_of(g, key, (struct gossip_part){bytes, w.len});
}

void gossip_on_bad_request(struct gossip *g, enum gossip_reading why,
                           struct gossip_blob *ret_answer)
{
    g->dropped[GOSSIP_DROP_MALFORMED]++;
    *ret_answer = error_frame(
        g, 0, why == GOSSIP_READ_TOO_LARGE ? "remote state is too large" : "malformed message");
}

static void serve_ping(struct gossip *g, size_t key, struct rd body, struct gossip_blob *ret_answer)
{
    struct gossip_ping p;
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    if (gossip_read_ping(&p, &body) < 0) {
        g->dropped[GOSSIP_DROP_MALFORMED]++;
        return;
    }
    if (p.node.s[0] != '\0' && strcmp(p.node.s, g->me->name) != 0) {
        g->dropped[GOSSIP_DROP_WRONG_NODE]++;
        return;
    }
    gossip_write_ack(&w, p.seq);
    *ret_answer = frame_of(g, key, (struct gossip_part){bytes, w.len});
}

/* The answer is what we knew before we learn from the request (spec speaker-l2 6.10). */
static void serve_push_pull(struct gossip *g, struct gossip_addr from, size_t key, struct rd body,
                            struct gossip_blob *ret_answer)
{
    CLEANUP(gossip_blob_done) struct gossip_blob state = {0};
    struct rd states;
    int64_t nodes;
    bool join;
    int r = read_header(&states, &nodes, &join, body);

    if (r == 0)
        r = check_remote_state(g, states, nodes);
    if (r == -EBADMSG) {
        g->dropped[GOSSIP_DROP_MALFORMED]++;
        return;
    }
    state = local_state(g, join);
    *ret_answer = frame_of(g, key, (struct gossip_part){state.bytes, state.len});
    if (r < 0)
        gossip_tell_text(g, GOSSIP_TELL_PEER_FAILED, from, refusal(r));
    else
        merge(g, states, nodes);
}

void gossip_on_request(struct gossip *g, struct mono now, struct gossip_addr from,
                       struct gossip_part frame, struct gossip_blob *ret_answer)
{
    struct gossip_unwrap u = gossip_unwrap(g);
    CLEANUP(gossip_message_done) struct gossip_message m = {0};
    enum gossip_opened o = gossip_frame_open(&m, &u, frame);
    size_t key = gossip_key_of(g, from.ip);

    g->now = now;
    *ret_answer = (struct gossip_blob){0};
    if (o != GOSSIP_OPENED) {
        gossip_count_unopened(g, o);
        if (o != GOSSIP_BAD_LABEL)
            *ret_answer = error_frame(g, key, gossip_opened_text(o));
        return;
    }
    gossip_remember_key(g, from.ip, m.key);
    key = m.key >= 0 ? (size_t)m.key : key;
    switch (m.type) {
    case GOSSIP_PING:
        serve_ping(g, key, m.body, ret_answer);
        return;
    case GOSSIP_PUSH_PULL:
        serve_push_pull(g, from, key, m.body, ret_answer);
        return;
    case GOSSIP_USER: /* nobody here takes them */
        return;
    default:
        g->dropped[GOSSIP_DROP_TYPE]++;
        return;
    }
}

static bool is_partner(const struct gossip *g, const struct member *m, const void *arg)
{
    (void)arg;
    return m != g->me && m->state == GOSSIP_IS_ALIVE;
}

static int64_t push_pull_interval_ns(const struct gossip *g)
{
    int64_t interval_ns = g->options.profile.push_pull_interval_ns;

    if (g->count <= PUSH_PULL_SCALE_FROM)
        return interval_ns;
    return interval_ns *
           ((int64_t)ceil(log2((double)g->count) - log2((double)PUSH_PULL_SCALE_FROM)) + 1);
}

static void push_pull_tick(struct gossip *g)
{
    struct member *m;

    if (!mono_is_set(g->next_push_pull) || mono_before(g->now, g->next_push_pull))
        return;
    g->next_push_pull = mono_add(g->now, push_pull_interval_ns(g));
    if (!g->leaving && gossip_choose(g, &m, 1, is_partner, NULL) == 1)
        push_pull(g, (struct exchange){.kind = EXCHANGE_PERIODIC,
                                       .addr = m->addr,
                                       .key = gossip_key_of(g, m->addr.ip)});
}

void gossip_exchange_tick(struct gossip *g)
{
    for (size_t i = 0; i < g->exchange_count;) {
        struct exchange e = g->exchanges[i];

        if (mono_before(g->now, e.deadline)) {
            i++;
            continue;
        }
        (void)exchange_del(g, &g->exchanges[i]); /* copied above */
        gossip_act(g, GOSSIP_DO_CLOSE)->stream = e.stream;
        exchange_failed(g, &e, "no answer in time");
    }
    push_pull_tick(g);
}

struct mono gossip_exchange_deadline(const struct gossip *g)
{
    struct mono deadline = g->next_push_pull;

    for (size_t i = 0; i < g->exchange_count; i++)
        deadline = mono_earlier(deadline, g->exchanges[i].deadline);
    return deadline;
}
