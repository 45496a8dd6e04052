/* SPDX-License-Identifier: Apache-2.0 */
/* From votes to verdicts, and back again (pulse_fsm.h). */
#include "pulse/pulse_int.h"

#define HOLD_NS (3 * NS_PER_SEC)      /* how long a node must be steady, the first time */
#define HOLD_MAX_NS (60 * NS_PER_SEC) /* and ever */
#define CALM_NS (300 * NS_PER_SEC)    /* after that long without an outage it is the first time */
#define AMNESTY_NS (1 * NS_PER_SEC)   /* between two of them */

bool node_is_out(const struct node *n)
{
    return (n->epoch & 1) != 0;
}

static int64_t hold_ns(const struct node *n)
{
    int64_t ns = HOLD_NS << n->level;

    return ns < HOLD_MAX_NS ? ns : HOLD_MAX_NS;
}

static void verdict_changed(struct pulse *p, struct node *n, struct mono now)
{
    if (node_is_out(n))
        n->steady = now;
    else
        n->back = now;
    p->version++;
}

void verdict_merge(struct pulse *p, struct node *n, const struct pulse_entry *e, struct mono now)
{
    if (e->epoch < n->epoch)
        return;
    if (e->epoch == n->epoch) {
        n->level = e->level > n->level ? e->level : n->level;
        return;
    }
    n->epoch = e->epoch;
    n->level = e->level;
    verdict_changed(p, n, now);
}

static bool is_flapping(const struct node *n, struct mono now)
{
    return mono_is_set(n->back) && mono_sub(now, n->back) < CALM_NS;
}

/* A verdict of our own. At the end of the counter, which no run of the machine reaches, the last
 * one stays. */
static void verdict_turn(struct pulse *p, struct node *n, struct mono now)
{
    if (n->epoch == UINT32_MAX)
        return;
    if (!node_is_out(n))
        n->level = !is_flapping(n, now)         ? 0
                   : n->level < PULSE_LEVEL_MAX ? (uint8_t)(n->level + 1)
                                                : n->level;
    n->epoch++;
    verdict_changed(p, n, now);
    pulse_urge(p, now);
}

struct count {
    size_t judges, missing;
};

static enum vote vote_of(const struct pulse *p, const struct node *judge, size_t subject)
{
    const struct node *s = &p->nodes[subject];

    if (judge == s || !judge->present)
        return VOTE_NONE;
    if (judge == &p->nodes[0])
        return !s->met ? VOTE_NONE : s->missed ? VOTE_MISSES : VOTE_HEARS;
    if (!judge->met)
        return VOTE_NONE;
    /* What the silent said last is no accusation any more. */
    return judge->votes[subject] == VOTE_MISSES && judge->missed ? VOTE_HEARS
                                                                 : judge->votes[subject];
}

static struct count count_votes(const struct pulse *p, size_t subject, bool of_all)
{
    struct count c = {0};

    for (size_t i = 0; i < p->used; i++) {
        enum vote v = vote_of(p, &p->nodes[i], subject);

        if (v == VOTE_NONE || (node_is_out(&p->nodes[i]) && !of_all))
            continue;
        c.judges++;
        c.missing += v == VOTE_MISSES ? 1 : 0;
    }
    return c;
}

/* Those that are out themselves judge only where nobody else can. */
static bool is_missed(const struct pulse *p, size_t subject)
{
    struct count c = count_votes(p, subject, false);

    if (c.judges == 0)
        c = count_votes(p, subject, true);
    return 2 * c.missing > c.judges;
}

static void put_out(struct pulse *p, struct mono now)
{
    for (size_t i = 0; i < p->used; i++) {
        struct node *n = &p->nodes[i];

        if (!n->present || !is_missed(p, i))
            continue;
        n->steady = now;
        if (!node_is_out(n))
            verdict_turn(p, n, now);
    }
}

static bool hears(const struct pulse *p, const struct node *n)
{
    return n != &p->nodes[0] && n->present && n->met && !n->missed;
}

static void bring_back(struct pulse *p, struct mono now)
{
    for (size_t i = 1; i < p->used; i++) {
        struct node *n = &p->nodes[i];

        if (node_is_out(n) && hears(p, n) && mono_sub(now, n->steady) >= hold_ns(n))
            verdict_turn(p, n, now);
    }
}

static bool all_are_out(const struct pulse *p)
{
    for (size_t i = 0; i < p->used; i++) {
        if (p->nodes[i].present && !node_is_out(&p->nodes[i]))
            return false;
    }
    return true;
}

/* Not again and again, should the votes throw everybody out anew. */
static bool amnesty_is_due(const struct pulse *p, struct mono now)
{
    return all_are_out(p) && (!mono_is_set(p->amnesty) || mono_sub(now, p->amnesty) >= AMNESTY_NS);
}

void verdicts_update(struct pulse *p, struct mono now)
{
    put_out(p, now);
    bring_back(p, now);
    if (!amnesty_is_due(p, now))
        return;
    p->amnesty = now;
    for (size_t i = 0; i < p->used; i++) {
        if (p->nodes[i].present)
            verdict_turn(p, &p->nodes[i], now);
    }
    put_out(p, now);
}

struct mono verdicts_deadline(const struct pulse *p)
{
    struct mono deadline = {0};

    for (size_t i = 1; i < p->used; i++) {
        const struct node *n = &p->nodes[i];

        if (node_is_out(n) && hears(p, n) && n->epoch < UINT32_MAX)
            deadline = mono_earlier(deadline, mono_add(n->steady, hold_ns(n)));
    }
    if (all_are_out(p))
        deadline = mono_earlier(deadline, mono_add(p->amnesty, AMNESTY_NS));
    return deadline;
}
