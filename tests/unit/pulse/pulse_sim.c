/* SPDX-License-Identifier: Apache-2.0 */
#include "pulse_sim.h"

#include "base/mem.h"
#include "base/random.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t sim_random(struct sim *s, uint64_t below)
{
    return random_below(&s->random_state, below);
}

struct sim *sim_new(uint64_t seed, size_t nodes)
{
    struct sim *s = xcalloc(1, sizeof(*s));

    assert(nodes <= SIM_NODES_MAX);
    s->now = (struct mono){1000 * NS_PER_SEC};
    s->random_state = seed;
    s->interval_ns = 50 * NS_PER_MS;
    s->count = 3;
    s->delay_ns = 2 * NS_PER_MS;
    s->node_count = nodes;
    for (size_t i = 0; i < nodes; i++)
        snprintf(s->nodes[i].name, sizeof(s->nodes[i].name), "n%zu", i);
    return s;
}

void sim_free(struct sim *s)
{
    for (size_t i = 0; i < s->node_count; i++)
        pulse_free(s->nodes[i].p);
    free(s->deliveries);
    free(s);
}

static size_t sim_at(const struct sim *s, struct pulse_addr a)
{
    size_t i = a.port;

    assert(i < s->node_count);
    return i;
}

static void sim_send(struct sim *s, size_t from, const struct pulse_datagram *d)
{
    size_t to = sim_at(s, d->to);
    struct delivery *v;

    s->sent++;
    if (s->nodes[from].silent || s->nodes[to].silent || s->cut[from][to] ||
        sim_random(s, 100) < s->loss_percent)
        return;
    s->deliveries = array_grow(s->deliveries, &s->delivery_cap, s->delivery_count + 1, sizeof(*v));
    v = &s->deliveries[s->delivery_count++];
    *v = (struct delivery){.from = from, .to = to, .d = *d};
    v->due = mono_add(s->now, 1 + (int64_t)sim_random(s, (uint64_t)s->delay_ns));
}

static void note_verdicts(struct sim *s, size_t node)
{
    struct sim_node *n = &s->nodes[node];

    for (size_t i = 0; i < s->node_count; i++) {
        bool out = pulse_is_out(n->p, s->nodes[i].name);

        if (out == n->sees_out[i])
            continue;
        n->sees_out[i] = out;
        n->outs += out ? 1 : 0;
        *(out ? &n->out_at[i] : &n->back_at[i]) = s->now;
    }
}

static void sim_act(struct sim *s, size_t node)
{
    struct sim_node *n = &s->nodes[node];
    struct pulse_datagram d;

    while (pulse_next(n->p, &d))
        sim_send(s, node, &d);
    if (n->version == pulse_version(n->p))
        return;
    n->version = pulse_version(n->p);
    note_verdicts(s, node);
}

void sim_set_peers(struct sim *s, size_t node, unsigned members)
{
    struct pulse_peer peers[SIM_NODES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < s->node_count; i++) {
        if (i == node || (members >> i & 1) == 0)
            continue;
        peers[count++] = (struct pulse_peer){s->nodes[i].name, {ip_v4(1), (uint16_t)i}};
    }
    assert(pulse_set_peers(s->nodes[node].p, s->now, peers, count));
    sim_act(s, node);
}

void sim_start(struct sim *s, size_t node)
{
    struct sim_node *n = &s->nodes[node];
    struct pulse_options o = {.name = n->name,
                              .interval_ns = s->interval_ns,
                              .count = s->count,
                              .boot = 1 + sim_random(s, UINT64_MAX),
                              .key = pulse_key_from_secret(SIM_SECRET, SIM_SECRET_LEN)};

    assert(n->p == NULL);
    n->p = pulse_new(&o, s->now);
    n->version = 0;
    memset(n->sees_out, 0, sizeof(n->sees_out));
    sim_set_peers(s, node, UINT32_MAX);
}

void sim_stop(struct sim *s, size_t node)
{
    s->nodes[node].p = pulse_free(s->nodes[node].p);
}

void sim_stall(struct sim *s, size_t node, int64_t ns)
{
    s->nodes[node].stalled_until = mono_add(s->now, ns);
}

void sim_cut(struct sim *s, size_t a, size_t b, bool cut)
{
    s->cut[a][b] = s->cut[b][a] = cut;
}

/* A stalled process finds what came meanwhile when it wakes up, before it looks at the clock. */
static struct mono not_before(struct mono t, struct mono wake)
{
    return mono_before(t, wake) ? wake : t;
}

/* The next event: a delivery or a node's deadline. Deliveries first, as the session does. */
static struct mono sim_next(const struct sim *s, size_t *ret_delivery, size_t *ret_node)
{
    struct mono next = {INT64_MAX};

    *ret_delivery = *ret_node = SIZE_MAX;
    for (size_t i = 0; i < s->delivery_count; i++) {
        const struct delivery *d = &s->deliveries[i];
        struct mono due = not_before(d->due, s->nodes[d->to].stalled_until);

        if (mono_before(due, next) ||
            (due.ns == next.ns && mono_before(d->due, s->deliveries[*ret_delivery].due))) {
            next = due;
            *ret_delivery = i;
        }
    }
    for (size_t i = 0; i < s->node_count; i++) {
        const struct sim_node *n = &s->nodes[i];
        struct mono due;

        if (n->p == NULL)
            continue;
        due = not_before(pulse_deadline(n->p), n->stalled_until);
        if (mono_before(due, next)) {
            next = due;
            *ret_node = i;
        }
    }
    return next;
}

static void sim_arrive(struct sim *s, size_t delivery)
{
    struct delivery v = s->deliveries[delivery];
    struct sim_node *to = &s->nodes[v.to];

    s->deliveries[delivery] = s->deliveries[--s->delivery_count];
    if (to->p == NULL || to->silent)
        return;
    pulse_on_packet(to->p, s->now, v.d.bytes, v.d.len);
    sim_act(s, v.to);
}

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
        pulse_tick(s->nodes[node].p, s->now);
        assert(mono_before(s->now, pulse_deadline(s->nodes[node].p))); /* or it would spin */
        sim_act(s, node);
    } else if (delivery != SIZE_MAX) {
        sim_arrive(s, delivery);
    }
    return true;
}

void sim_run(struct sim *s, int64_t ns)
{
    struct mono until = mono_add(s->now, ns);

    while (sim_step(s, until))
        continue;
}

static bool counts(const struct sim_node *n)
{
    return n->p != NULL && !n->silent;
}

bool sim_agrees(const struct sim *s)
{
    const struct sim_node *first = NULL;

    for (size_t i = 0; i < s->node_count; i++) {
        const struct sim_node *n = &s->nodes[i];

        if (!counts(n))
            continue;
        first = first != NULL ? first : n;
        if (memcmp(first->sees_out, n->sees_out, sizeof(n->sees_out)) != 0)
            return false;
    }
    return true;
}

int64_t sim_run_until_agreed(struct sim *s, int64_t max_ns)
{
    struct mono start = s->now, end = mono_add(s->now, max_ns);

    while (!sim_agrees(s)) {
        if (!mono_before(s->now, end))
            return -1;
        sim_run(s, NS_PER_MS);
    }
    return mono_sub(s->now, start);
}

bool sim_all_say_out(const struct sim *s, size_t of)
{
    for (size_t i = 0; i < s->node_count; i++) {
        if (i != of && counts(&s->nodes[i]) && !s->nodes[i].sees_out[of])
            return false;
    }
    return true;
}

unsigned sim_outs(const struct sim *s)
{
    unsigned sum = 0;

    for (size_t i = 0; i < s->node_count; i++)
        sum += s->nodes[i].outs;
    return sum;
}
