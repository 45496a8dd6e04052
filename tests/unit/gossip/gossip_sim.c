/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip_sim.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum delivery_kind { DATAGRAM, REQUEST, REPLY, REFUSAL };

struct delivery {
    enum delivery_kind kind;
    struct mono due;
    size_t from, to;
    struct gossip *opener; /* of a stream: the process that opened it may be gone */
    uint32_t stream;
    struct gossip_blob bytes;
};

uint64_t sim_random(struct sim *s, uint64_t below)
{
    return random_below(&s->random_state, below);
}

void sim_random_bytes(void *arg, void *bytes, size_t len)
{
    uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)sim_random(arg, 256);
}

struct sim *sim_new(uint64_t seed, size_t count)
{
    struct sim *s = xcalloc(1, sizeof(*s));

    assert(count <= SIM_NODES_MAX);
    s->now = (struct mono){SIM_START};
    s->random_state = seed;
    s->profile = gossip_profile_lan();
    s->count = count;
    s->delay_ns = 2 * NS_PER_MS;
    for (size_t i = 0; i < count; i++) {
        snprintf(s->nodes[i].name, sizeof(s->nodes[i].name), "n%zu", i);
        s->nodes[i].addr = (struct gossip_addr){ip_v4(0xc6120001 + (uint32_t)i), 7946};
    }
    return s;
}

void sim_free(struct sim *s)
{
    for (size_t i = 0; i < s->count; i++)
        gossip_free(s->nodes[i].g);
    for (size_t i = 0; i < s->delivery_count; i++)
        gossip_blob_done(&s->deliveries[i].bytes);
    free(s->deliveries);
    free(s);
}

static size_t sim_index(const struct sim *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (str_eq(s->nodes[i].name, name))
            return i;
    }
    abort();
}

static size_t sim_at(const struct sim *s, struct gossip_addr addr)
{
    for (size_t i = 0; i < s->count; i++) {
        if (gossip_addr_eq(s->nodes[i].addr, addr))
            return i;
    }
    return SIM_NODES_MAX;
}

static struct delivery *sim_deliver(struct sim *s, enum delivery_kind kind, size_t from, size_t to)
{
    struct delivery *d;

    s->deliveries =
        array_grow(s->deliveries, &s->delivery_cap, s->delivery_count + 1, sizeof(struct delivery));
    d = &s->deliveries[s->delivery_count++];
    *d = (struct delivery){.kind = kind, .from = from, .to = to};
    d->due = mono_add(s->now, 1 + (int64_t)sim_random(s, (uint64_t)s->delay_ns));
    return d;
}

static void set_bytes(struct delivery *d, struct gossip_part bytes)
{
    struct rd in = rd_from(bytes.bytes, bytes.len);

    d->bytes = (struct gossip_blob){xmalloc(bytes.len + 1), bytes.len};
    rd_copy(&in, d->bytes.bytes, bytes.len);
}

static bool is_cut(const struct sim *s, size_t from, size_t to)
{
    return s->nodes[from].state == SIM_SILENT || s->nodes[to].state == SIM_SILENT ||
           s->cut[from][to];
}

static void sim_send(struct sim *s, size_t from, const struct gossip_action *a)
{
    size_t to = sim_at(s, a->addr);

    s->datagrams++;
    assert(a->bytes.len <= s->profile.udp_buffer_size);
    if (to == SIM_NODES_MAX || s->nodes[from].udp_blocked || s->nodes[to].udp_blocked ||
        is_cut(s, from, to) || sim_random(s, 100) < s->loss_percent)
        return;
    set_bytes(sim_deliver(s, DATAGRAM, from, to), a->bytes);
}

static void sim_connect(struct sim *s, size_t from, const struct gossip_action *a)
{
    size_t to = sim_at(s, a->addr);
    struct delivery *d;

    if (to == SIM_NODES_MAX || is_cut(s, from, to) || is_cut(s, to, from))
        return; /* it runs into its time-out */
    d = sim_deliver(s, REQUEST, from, to);
    d->stream = a->stream;
    d->opener = s->nodes[from].g;
    set_bytes(d, a->bytes);
}

static void sim_tell(struct sim *s, struct sim_node *n, const struct gossip_action *a)
{
    n->told[a->kind]++;
    switch (a->kind) {
    case GOSSIP_TELL_JOIN:
        n->sees[sim_index(s, a->name)] = true;
        n->join_at[sim_index(s, a->name)] = s->now;
        return;
    case GOSSIP_TELL_LEAVE:
        n->sees[sim_index(s, a->name)] = false;
        n->leave_at[sim_index(s, a->name)] = s->now;
        return;
    case GOSSIP_TELL_JOIN_DONE:
        n->joined = a->count;
        n->expected = a->expected;
        return;
    case GOSSIP_TELL_LEFT:
        n->left_at = s->now;
        return;
    case GOSSIP_DO_SEND:
    case GOSSIP_DO_CONNECT:
    case GOSSIP_DO_CLOSE:
    case GOSSIP_TELL_UPDATE:
    case GOSSIP_TELL_SUSPECT:
    case GOSSIP_TELL_FAILED:
    case GOSSIP_TELL_REFUTE:
    case GOSSIP_TELL_CONFLICT:
    case GOSSIP_TELL_TCP_ONLY:
    case GOSSIP_TELL_PEER_ERROR:
    case GOSSIP_TELL_PEER_FAILED:
        return;
    }
}

static void sim_act(struct sim *s, size_t node)
{
    struct sim_node *n = &s->nodes[node];
    struct gossip_action a;

    while (n->g != NULL && gossip_next_action(n->g, &a)) {
        if (a.kind == GOSSIP_DO_SEND)
            sim_send(s, node, &a);
        else if (a.kind == GOSSIP_DO_CONNECT)
            sim_connect(s, node, &a);
        else
            sim_tell(s, n, &a);
    }
}

void sim_start(struct sim *s, size_t node)
{
    struct sim_node *n = &s->nodes[node];
    struct gossip_options o = {.profile = s->profile,
                               .name = n->name,
                               .addr = n->addr,
                               .keys = n->keys,
                               .seed = sim_random(s, UINT64_MAX),
                               .random = sim_random_bytes,
                               .arg = s};

    assert(n->g == NULL);
    memset(n->sees, 0, sizeof(n->sees));
    n->state = SIM_RUNNING;
    n->g = gossip_new(&o, s->now);
    sim_act(s, node);
}

void sim_stop(struct sim *s, size_t node)
{
    s->nodes[node].g = gossip_free(s->nodes[node].g);
    s->nodes[node].state = SIM_STOPPED;
}

void sim_join(struct sim *s, size_t node)
{
    struct gossip_addr addrs[SIM_NODES_MAX];

    for (size_t i = 0; i < s->count; i++)
        addrs[i] = s->nodes[i].addr;
    assert(gossip_join(s->nodes[node].g, s->now, addrs, s->count));
    sim_act(s, node);
}

void sim_leave(struct sim *s, size_t node)
{
    gossip_leave(s->nodes[node].g, s->now);
    sim_act(s, node);
}

static void sim_serve(struct sim *s, const struct delivery *d)
{
    struct sim_node *to = &s->nodes[d->to];
    struct gossip_reader r;
    struct gossip_blob answer = {0};
    struct gossip_addr from = {s->nodes[d->from].addr.ip, 40000};
    struct delivery *back;

    gossip_reader_init(&r, GOSSIP_FRAME_MAX);
    assert(gossip_reader_feed(&r, d->bytes.bytes, d->bytes.len) == GOSSIP_READ_WHOLE);
    assert(r.len == d->bytes.len);
    gossip_on_request(to->g, s->now, from, (struct gossip_part){r.bytes, r.len}, &answer);
    gossip_reader_done(&r);
    sim_act(s, d->to);
    back = sim_deliver(s, answer.len > 0 ? REPLY : REFUSAL, d->to, d->from);
    back->stream = d->stream;
    back->opener = d->opener;
    back->bytes = answer;
}

static void sim_arrive(struct sim *s, const struct delivery *d)
{
    struct sim_node *to = &s->nodes[d->to];
    struct gossip_part bytes = {d->bytes.bytes, d->bytes.len};

    if (is_cut(s, d->from, d->to))
        return;
    switch (d->kind) {
    case DATAGRAM:
        if (to->g != NULL)
            gossip_on_packet(to->g, s->now, s->nodes[d->from].addr, bytes);
        break;
    case REQUEST:
        if (to->g != NULL) {
            sim_serve(s, d);
        } else {
            struct delivery *back = sim_deliver(s, REFUSAL, d->to, d->from);

            back->stream = d->stream;
            back->opener = d->opener;
        }
        break;
    case REPLY:
        if (to->g != NULL && to->g == d->opener)
            gossip_on_reply(to->g, s->now, d->stream, bytes);
        break;
    case REFUSAL:
        if (to->g != NULL && to->g == d->opener)
            gossip_on_stream_lost(to->g, s->now, d->stream);
        break;
    }
    sim_act(s, d->to);
}

/* The time of the next event, and what it is: a delivery or a node's deadline. */
static struct mono sim_next(const struct sim *s, size_t *ret_delivery, size_t *ret_node)
{
    struct mono next = {INT64_MAX};

    *ret_delivery = *ret_node = SIZE_MAX;
    for (size_t i = 0; i < s->delivery_count; i++) {
        if (mono_before(s->deliveries[i].due, next)) {
            next = s->deliveries[i].due;
            *ret_delivery = i;
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        if (s->nodes[i].g != NULL && mono_before(gossip_deadline(s->nodes[i].g), next)) {
            next = gossip_deadline(s->nodes[i].g);
            *ret_node = i;
        }
    }
    return next;
}

/* One event, unless it is later than `until`. */
static bool sim_step(struct sim *s, struct mono until)
{
    size_t delivery, node;
    struct mono next = sim_next(s, &delivery, &node);

    if (mono_before(until, next)) {
        s->now = until;
        return false;
    }
    if (mono_before(s->now, next))
        s->now = next;
    if (node != SIZE_MAX) {
        gossip_tick(s->nodes[node].g, s->now);
        assert(mono_before(s->now, gossip_deadline(s->nodes[node].g))); /* or it would spin */
        sim_act(s, node);
    } else if (delivery != SIZE_MAX) {
        struct delivery d = s->deliveries[delivery];

        s->deliveries[delivery] = s->deliveries[--s->delivery_count];
        sim_arrive(s, &d);
        gossip_blob_done(&d.bytes);
    }
    return true;
}

void sim_run(struct sim *s, int64_t ns)
{
    struct mono until = mono_add(s->now, ns);

    while (sim_step(s, until))
        continue;
}

struct gossip_member sim_view(const struct sim *s, size_t by, size_t of)
{
    const struct gossip *g = s->nodes[by].g;

    for (size_t i = 0; i < gossip_member_count(g); i++) {
        struct gossip_member m = gossip_member_at(g, i);

        if (str_eq(m.name, s->nodes[of].name))
            return m;
    }
    return (struct gossip_member){0};
}

bool sim_agrees(const struct sim *s)
{
    for (size_t by = 0; by < s->count; by++) {
        if (s->nodes[by].state != SIM_RUNNING)
            continue;
        for (size_t of = 0; of < s->count; of++) {
            struct gossip_member m = sim_view(s, by, of);
            bool is_member = m.name != NULL && gossip_is_live(m.state);

            assert(is_member == s->nodes[by].sees[of]); /* events tell the same as the list */
            if (is_member != (s->nodes[of].state == SIM_RUNNING))
                return false;
        }
    }
    return true;
}

int64_t sim_run_until_agreed(struct sim *s, int64_t max_ns)
{
    struct mono start = s->now, end = mono_add(s->now, max_ns);

    while (!sim_agrees(s)) {
        if (!mono_before(s->now, end))
            return -1;
        sim_run(s, 20 * NS_PER_MS);
    }
    return mono_sub(s->now, start);
}
