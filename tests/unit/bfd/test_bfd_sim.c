/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two machines at the ends of a simulated network that delays and loses packets, thousands of times
 * with other seeds. What must hold at every step stands in check_pair and after each event in
 * node_receive and node_tick.
 */
#include "bfd/bfd_fsm.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEEDS = 1000, QUEUE = 4096 };

#define START_NS (1000 * NS_PER_SEC)
#define FOREVER_NS INT64_MAX

struct flight {
    int64_t at_ns;
    struct bfd_packet packet;
};

/* In one direction: first in, first out. */
struct wire {
    struct flight flights[QUEUE];
    size_t first, count;
};

struct node {
    struct bfd_fsm fsm;
    struct wire inbound;
    int64_t awake_ns; /* sleeps until then: reads nothing, does nothing */
    int64_t sent_ns;  /* the last packet of the schedule */
    uint32_t sent_us; /* the interval in force since; 0: it has changed */
    unsigned ups, downs, sent;
    bool polled, answered; /* a Poll went out, a Final came in */
};

struct world {
    uint64_t random;
    uint64_t seed;
    int64_t now_ns;
    int64_t delay_ns, late_ns; /* of the wire; of timers, at most */
    unsigned loss_percent;
    bool cut;
    bool loses_when_asleep;
    struct node nodes[2];
};

static struct mono now_of(const struct world *w)
{
    return (struct mono){w->now_ns};
}

static void require(const struct world *w, bool holds, const char *what)
{
    if (!holds)
        fail_msg("seed %llu at %.6f s: %s", (unsigned long long)w->seed,
                 (double)(w->now_ns - START_NS) / NS_PER_SEC, what);
}

static uint64_t below(struct world *w, uint64_t n)
{
    return random_below(&w->random, n);
}

static struct node *other(struct world *w, const struct node *n)
{
    return n == &w->nodes[0] ? &w->nodes[1] : &w->nodes[0];
}

/* What makes each side wait long enough for the other, whatever is lost in between: nobody sends
 * more rarely, and nobody gives up earlier, than the other side has been told. */
static void check_pair(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        const struct bfd_fsm *f = &w->nodes[i].fsm, *g = &w->nodes[1 - i].fsm;

        require(w, f->state != BFD_UP || f->remote.discriminator == g->discriminator,
                "Up without the other side");
        require(w, f->state == BFD_UP || f->said.tx_us >= BFD_SLOW_US, "quick while not Up");
        require(w, f->state == BFD_UP || !f->polling, "polls while not Up");
        if (f->state != BFD_UP || g->state != BFD_UP)
            continue;
        require(w, f->in_force.rx_us >= g->remote.rx_us, "detects earlier than was told");
        require(w, f->in_force.tx_us <= g->remote.tx_us, "sends more rarely than was told");
    }
}

static void transmit(struct world *w, struct node *from, bool final)
{
    struct node *to = other(w, from);
    struct bfd_packet p = bfd_fsm_packet(&from->fsm, final);
    uint8_t bytes[BFD_PACKET_LEN];
    struct wire *wire = &to->inbound;

    require(w, !(p.poll && p.final), "Poll and Final at once");
    require(w, !p.final || final, "Final without a question");
    from->polled |= p.poll;
    from->sent++;
    bfd_write(bytes, &p);
    if (w->cut || below(w, 100) < w->loss_percent ||
        (w->loses_when_asleep && w->now_ns + w->delay_ns < to->awake_ns))
        return;
    require(w, wire->count < QUEUE, "a flood");
    struct flight *f = &wire->flights[(wire->first + wire->count++) % QUEUE];
    f->at_ns = w->now_ns + w->delay_ns;
    require(w, bfd_read(&f->packet, bytes, sizeof(bytes)) == BFD_TAKE, "a packet that is dropped");
}

static void perform(struct world *w, struct node *n, unsigned acts)
{
    if ((acts & BFD_ACT_FINAL) != 0)
        transmit(w, n, true);
    if ((acts & BFD_ACT_SEND) != 0) {
        transmit(w, n, false);
        bfd_fsm_sent(&n->fsm, now_of(w));
        n->sent_ns = w->now_ns;
        n->sent_us = bfd_fsm_transmit_us(&n->fsm);
    }
    n->ups += (acts & BFD_ACT_UP) != 0 ? 1 : 0;
    n->downs += (acts & BFD_ACT_DOWN) != 0 ? 1 : 0;
    if (bfd_fsm_transmit_us(&n->fsm) != n->sent_us)
        n->sent_us = 0;
    check_pair(w);
}

static void node_receive(struct world *w, struct node *n)
{
    struct wire *wire = &n->inbound;
    const struct bfd_packet p = wire->flights[wire->first].packet;
    uint32_t own = n->fsm.discriminator;
    unsigned acts;

    wire->first = (wire->first + 1) % QUEUE;
    wire->count--;
    if (p.your_discriminator != 0)
        require(w, p.your_discriminator == own, "another's discriminator");
    n->answered |= p.final;
    acts = bfd_fsm_receive(&n->fsm, now_of(w), &p);
    if ((acts & BFD_ACT_UP) != 0)
        require(w, p.your_discriminator == own && (p.state == BFD_INIT || p.state == BFD_UP),
                "Up without consent");
    if ((acts & BFD_ACT_DOWN) != 0)
        require(w, p.state == BFD_DOWN, "down without a word");
    require(w, !p.poll || n->fsm.state == BFD_ADMIN_DOWN || (acts & BFD_ACT_FINAL) != 0,
            "a Poll without answer");
    perform(w, n, acts);
}

static void node_tick(struct world *w, struct node *n)
{
    const struct bfd_fsm before = n->fsm;
    unsigned acts = bfd_fsm_tick(&n->fsm, now_of(w));
    int64_t gap_ns = w->now_ns - n->sent_ns, full_ns = n->sent_us * NS_PER_US;

    if ((acts & BFD_ACT_CHANGED) != 0) {
        require(w, n->fsm.state == BFD_DOWN && n->fsm.diag == BFD_DIAG_EXPIRED, "time says Down");
        require(w, n->fsm.remote.discriminator == 0, "still knows the other side");
    } else if ((acts & BFD_ACT_SEND) != 0 && n->fsm.polling == before.polling && full_ns != 0 &&
               bfd_fsm_transmit_us(&n->fsm) == n->sent_us) {
        bool slept = n->awake_ns > n->sent_ns + full_ns + w->late_ns;

        require(w, gap_ns >= full_ns * 3 / 4, "too early");
        require(w, slept || gap_ns <= full_ns + w->late_ns, "too late");
        require(w, n->fsm.params.multiplier > 1 || gap_ns <= full_ns / 10 * 9 + w->late_ns,
                "too late for a multiplier of 1");
    }
    perform(w, n, acts);
    require(w, !mono_is_set(bfd_fsm_deadline(&n->fsm)) || bfd_fsm_deadline(&n->fsm).ns > w->now_ns,
            "nothing changed by the passing of time");
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Arrivals before timers, when both are due: as the session does it. */
static bool step(struct world *w, int64_t end_ns)
{
    int64_t best_ns = FOREVER_NS;
    struct node *who = NULL;
    bool arrival = false;

    for (int i = 0; i < 2; i++) {
        struct node *n = &w->nodes[i];
        struct mono deadline = bfd_fsm_deadline(&n->fsm);

        if (n->inbound.count > 0) {
            int64_t at_ns = later(n->inbound.flights[n->inbound.first].at_ns, n->awake_ns);

            if (at_ns < best_ns || (at_ns == best_ns && !arrival)) {
                best_ns = at_ns;
                who = n;
                arrival = true;
            }
        }
        if (mono_is_set(deadline)) {
            int64_t at_ns = later(deadline.ns, n->awake_ns);

            if (at_ns < best_ns) {
                best_ns = at_ns;
                who = n;
                arrival = false;
            }
        }
    }
    if (who == NULL || best_ns > end_ns)
        return false;
    w->now_ns = later(w->now_ns, best_ns);
    if (!arrival && who->awake_ns < w->now_ns && w->late_ns > 0) {
        /* A late timer: what arrives before it is read first. */
        who->awake_ns = w->now_ns + (int64_t)below(w, (uint64_t)w->late_ns);
        if (who->awake_ns > w->now_ns)
            return true;
    }
    if (arrival)
        node_receive(w, who);
    else
        node_tick(w, who);
    return true;
}

static void run(struct world *w, int64_t ns)
{
    int64_t end_ns = w->now_ns + ns;

    while (step(w, end_ns))
        ;
    w->now_ns = end_ns;
}

static bool both(const struct world *w, enum bfd_state s)
{
    return w->nodes[0].fsm.state == s && w->nodes[1].fsm.state == s;
}

static struct bfd_params some_params(struct world *w)
{
    static const uint32_t intervals_ms[] = {10, 20, 50, 60, 93, 300, 1000, 2500};
    struct bfd_params p = bfd_params_default();

    p.receive_us = 1000 * intervals_ms[below(w, ARRAY_SIZE(intervals_ms))];
    p.transmit_us = 1000 * intervals_ms[below(w, ARRAY_SIZE(intervals_ms))];
    p.multiplier = (uint8_t)(2 + below(w, 4));
    return p;
}

static void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->seed = w->random = seed;
    w->now_ns = START_NS;
    w->delay_ns = (int64_t)below(w, 40 * NS_PER_MS);
    w->late_ns = (int64_t)below(w, NS_PER_MS);
    for (uint32_t i = 0; i < 2; i++) {
        struct bfd_params p = some_params(w);

        bfd_fsm_init(&w->nodes[i].fsm, &p, 100 + i, random_next(&w->random), now_of(w));
    }
}

static void require_up(struct world *w, int64_t within_ns)
{
    run(w, within_ns);
    require(w, both(w, BFD_UP), "not Up");
}

/* --- */

static void test_come_up_and_stay(void **state)
{
    struct world *w = malloc(sizeof(*w));

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_init(w, seed);
        if (below(w, 8) == 0) { /* the 10 percent less leave no room for late timers */
            w->nodes[0].fsm.params.multiplier = w->nodes[1].fsm.params.multiplier = 1;
            w->late_ns = 0;
        }
        require_up(w, 8 * NS_PER_SEC);
        run(w, 10 * NS_PER_SEC);
        for (int i = 0; i < 2; i++) {
            const struct bfd_fsm *f = &w->nodes[i].fsm, *g = &w->nodes[1 - i].fsm;

            require(w, w->nodes[i].ups == 1 && w->nodes[i].downs == 0, "a flap");
            require(w, !f->polling && f->said.tx_us == f->params.transmit_us, "not said");
            require(w, f->in_force.rx_us == f->params.receive_us, "not in force");
            require(w, g->remote.rx_us == f->params.receive_us, "not heard");
        }
    }
    free(w);
}

static void test_changes_without_loss_never_flap(void **state)
{
    struct world *w = malloc(sizeof(*w));

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_init(w, seed);
        require_up(w, 8 * NS_PER_SEC);
        for (int i = 0; i < 12; i++) {
            struct node *n = &w->nodes[below(w, 2)];
            struct bfd_params p = some_params(w);

            perform(w, n, bfd_fsm_change(&n->fsm, now_of(w), &p));
            run(w, (int64_t)below(w, below(w, 3) == 0 ? 4 * NS_PER_SEC : 100 * NS_PER_MS));
        }
        run(w, 12 * NS_PER_SEC);
        for (int i = 0; i < 2; i++) {
            const struct node *n = &w->nodes[i];

            require(w, n->downs == 0, "a flap");
            require(w, n->fsm.said.rx_us == n->fsm.params.receive_us, "the last change is lost");
            require(w, n->polled && n->answered, "no Poll sequence");
        }
    }
    free(w);
}

/* With loss they may flap, but what check_pair says holds, and they find together again. Unless Up
 * a change counts at once (RFC 5880 6.8.3), and check_pair would not hold for the first packets. */
static void test_lossy(void **state)
{
    struct world *w = malloc(sizeof(*w));

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_init(w, seed);
        w->loss_percent = (unsigned)below(w, 70);
        for (int i = 0; i < 10; i++) {
            struct node *n = &w->nodes[below(w, 2)];
            struct bfd_params p = some_params(w);

            run(w, (int64_t)below(w, 3 * NS_PER_SEC));
            if (n->fsm.state == BFD_UP)
                perform(w, n, bfd_fsm_change(&n->fsm, now_of(w), &p));
        }
        w->loss_percent = 0;
        require_up(w, 60 * NS_PER_SEC);
    }
    free(w);
}

static void test_silence_is_detected(void **state)
{
    struct world *w = malloc(sizeof(*w));

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        int64_t detect_ns[2];

        world_init(w, seed);
        require_up(w, 8 * NS_PER_SEC);
        run(w, 10 * NS_PER_SEC + (int64_t)below(w, NS_PER_SEC));
        for (int i = 0; i < 2; i++) {
            detect_ns[i] = bfd_fsm_detect_ns(&w->nodes[i].fsm);
            require(w,
                    detect_ns[i] == (int64_t)w->nodes[1 - i].fsm.params.multiplier * NS_PER_US *
                                        later(w->nodes[i].fsm.params.receive_us,
                                              w->nodes[1 - i].fsm.params.transmit_us),
                    "detection time");
        }
        w->cut = true;
        run(w, w->delay_ns);
        for (int i = 0; i < 2; i++) {
            int64_t least_ns = w->nodes[i].fsm.heard.ns + detect_ns[i];

            run(w, later(0, least_ns - NS_PER_US - w->now_ns));
            require(w, w->nodes[i].fsm.state == BFD_UP || w->now_ns > least_ns, "too early");
            run(w, later(0, least_ns + 2 * w->late_ns - w->now_ns));
            require(w, w->nodes[i].fsm.state == BFD_DOWN, "not detected");
            require(w, w->nodes[i].fsm.down_diag == BFD_DIAG_EXPIRED, "another reason");
            require(w, bfd_fsm_packet(&w->nodes[i].fsm, false).your_discriminator == 0,
                    "your discriminator");
            require(w, w->nodes[i].downs == 1, "not told once");
        }
        w->cut = false;
        require_up(w, 8 * NS_PER_SEC);
    }
    free(w);
}

/* One sleeps for up to 600 ms, or for 100 to 195 ms where packets are lost meanwhile, while the
 * other goes on. */
static void stalls(bool lossy, uint8_t sleepers_multiplier, uint8_t others_multiplier)
{
    struct world *w = malloc(sizeof(*w));

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct node *sleeper = &w->nodes[0];

        world_init(w, seed);
        w->loses_when_asleep = lossy;
        for (int i = 0; i < 2; i++)
            w->nodes[i].fsm.params.transmit_us = w->nodes[i].fsm.params.receive_us = 50000;
        w->nodes[0].fsm.params.multiplier = sleepers_multiplier;
        w->nodes[1].fsm.params.multiplier = others_multiplier;
        require_up(w, 8 * NS_PER_SEC);
        run(w, 5 * NS_PER_SEC);
        for (int i = 0; i < 5; i++) {
            sleeper->awake_ns =
                w->now_ns + (lossy ? 100 * NS_PER_MS + (int64_t)below(w, 95 * NS_PER_MS)
                                   : (int64_t)below(w, 600 * NS_PER_MS));
            run(w, 10 * NS_PER_SEC);
            require(w, sleeper->fsm.down_diag != BFD_DIAG_EXPIRED, "blames the other side");
            require(w, both(w, BFD_UP), "not Up again");
        }
    }
    free(w);
}

static void test_stall_with_full_queue(void **state)
{
    (void)state;
    stalls(false, 3, 3); /* the other may miss us, and say so */
}

static void test_stall_with_lost_queue(void **state)
{
    (void)state;
    stalls(true, 5, 2); /* the other does not miss us yet */
}

static void test_admin_down_takes_nothing_down(void **state)
{
    struct world *w = malloc(sizeof(*w));

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_init(w, seed);
        require_up(w, 8 * NS_PER_SEC);
        run(w, (int64_t)below(w, 3 * NS_PER_SEC));
        perform(w, &w->nodes[0], bfd_fsm_admin_down(&w->nodes[0].fsm, now_of(w)));
        run(w, w->delay_ns + w->late_ns + NS_PER_MS);
        require(w, w->nodes[1].fsm.state == BFD_DOWN, "not heard");
        run(w, 30 * NS_PER_SEC);
        require(w, w->nodes[0].fsm.state == BFD_ADMIN_DOWN, "left AdminDown");
        require(w, w->nodes[0].downs == 0 && w->nodes[1].downs == 0, "took something down");
        perform(w, &w->nodes[0], bfd_fsm_admin_up(&w->nodes[0].fsm, now_of(w)));
        require_up(w, 8 * NS_PER_SEC);
    }
    free(w);
}

static void test_passive(void **state)
{
    struct world *w = malloc(sizeof(*w));

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS / 10; seed++) {
        for (int active = 0; active < 2; active++) {
            world_init(w, seed);
            for (int i = 0; i < 2; i++) {
                struct bfd_params p = w->nodes[i].fsm.params;

                p.passive = i >= active;
                bfd_fsm_init(&w->nodes[i].fsm, &p, 100 + (uint32_t)i, seed, now_of(w));
            }
            run(w, 10 * NS_PER_SEC);
            require(w, both(w, active == 1 ? BFD_UP : BFD_DOWN), "passive");
            require(w, active == 1 || w->nodes[0].sent + w->nodes[1].sent == 0, "both speak");
            w->cut = true; /* and the passive one falls silent again */
            run(w, 60 * NS_PER_SEC);
            unsigned before = w->nodes[1].sent;
            run(w, 60 * NS_PER_SEC);
            require(w, w->nodes[1].sent == before, "speaks to nobody");
        }
    }
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_come_up_and_stay),
        cmocka_unit_test(test_changes_without_loss_never_flap),
        cmocka_unit_test(test_lossy),
        cmocka_unit_test(test_silence_is_detected),
        cmocka_unit_test(test_stall_with_full_queue),
        cmocka_unit_test(test_stall_with_lost_queue),
        cmocka_unit_test(test_admin_down_takes_nothing_down),
        cmocka_unit_test(test_passive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
