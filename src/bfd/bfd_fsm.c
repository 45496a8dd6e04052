/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bfd_fsm.h"

#include "base/random.h"

#include <string.h>

enum { STATES = BFD_UP + 1 };

/* RFC 5880 6.8.6: our state, then the one that the other side reports. */
static const enum bfd_state next_state[STATES][STATES] = {
    [BFD_ADMIN_DOWN] = {BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN},
    [BFD_DOWN] = {BFD_DOWN, BFD_INIT, BFD_UP, BFD_DOWN},
    [BFD_INIT] = {BFD_DOWN, BFD_INIT, BFD_UP, BFD_UP},
    [BFD_UP] = {BFD_DOWN, BFD_DOWN, BFD_UP, BFD_UP},
};

struct bfd_params bfd_params_default(void)
{
    return (struct bfd_params){.receive_us = 300000,
                               .transmit_us = 300000,
                               .echo_us = 50000,
                               .multiplier = 3,
                               .min_ttl = 254};
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool is_due(struct mono at, struct mono now)
{
    return mono_is_set(at) && !mono_before(now, at);
}

/* RFC 5880 6.8.7: 75 to 100 percent after `from`, with a multiplier of 1 at most 90. On a full
 * millisecond where it can be, so that one wake-up serves the sessions that are due together. */
static struct mono with_jitter(struct bfd_fsm *f, struct mono from, uint32_t interval_us)
{
    int64_t full_ns = interval_us * NS_PER_US;
    int64_t spread_ns = f->params.multiplier == 1 ? full_ns / 100 * 15 : full_ns / 4;
    int64_t least_ns = from.ns + full_ns - full_ns / 4;
    int64_t at_ns = least_ns + (int64_t)random_below(&f->random, (uint64_t)spread_ns + 1);
    int64_t even_ns = at_ns - at_ns % NS_PER_MS;

    even_ns += even_ns < least_ns ? NS_PER_MS : 0;
    return (struct mono){even_ns <= least_ns + spread_ns ? even_ns : at_ns};
}

/* --- when to send --- */

/* RFC 5880 6.8.7. */
static bool may_send(const struct bfd_fsm *f)
{
    return f->remote.rx_us != 0 && (!f->params.passive || f->remote.discriminator != 0);
}

static bool sends_periodically(const struct bfd_fsm *f)
{
    bool on_demand = f->remote.demand && f->state == BFD_UP && f->remote.state == BFD_UP;

    return may_send(f) && (!on_demand || f->polling);
}

uint32_t bfd_fsm_transmit_us(const struct bfd_fsm *f)
{
    return sends_periodically(f) ? max_u32(f->in_force.tx_us, f->remote.rx_us) : 0;
}

/* The interval counts from the last packet, so that nobody makes us send faster by changes. */
static void plan_send(struct bfd_fsm *f, struct mono now)
{
    uint32_t interval_us = bfd_fsm_transmit_us(f);

    if (interval_us == f->planned_us)
        return;
    f->planned_us = interval_us;
    f->next_send = (struct mono){0};
    if (interval_us == 0)
        return;
    f->next_send = with_jitter(f, f->sent, interval_us);
    if (mono_before(f->next_send, now))
        f->next_send = now;
}

void bfd_fsm_sent(struct bfd_fsm *f, struct mono now)
{
    f->sent = now;
    if (f->planned_us != 0)
        f->next_send = with_jitter(f, now, f->planned_us);
}

/* --- timers of ours --- */

static struct bfd_timers wanted(const struct bfd_fsm *f)
{
    uint32_t least_us = f->state == BFD_UP ? 1 : BFD_SLOW_US;

    return (struct bfd_timers){.tx_us = max_u32(f->params.transmit_us, least_us),
                               .rx_us = max_u32(f->params.receive_us, least_us)};
}

static bool is_said(const struct bfd_fsm *f)
{
    struct bfd_timers want = wanted(f);

    return want.tx_us == f->said.tx_us && want.rx_us == f->said.rx_us;
}

/* The other side may slow down as soon as it hears of a longer interval, and its answer may be
 * lost: a longer detection time holds from now on. */
static void poll_start(struct bfd_fsm *f, struct mono now)
{
    struct mono silent;

    f->said = wanted(f);
    f->in_force.tx_us = min_u32(f->in_force.tx_us, f->said.tx_us);
    f->in_force.rx_us = max_u32(f->in_force.rx_us, f->said.rx_us);
    silent = mono_add(f->heard, bfd_fsm_detect_ns(f));
    if (mono_before(f->silent, silent))
        f->silent = silent;
    f->polling = true;
    f->poll_began = now;
}

/* A Final that answers an earlier Poll of the same sequence may still be on its way, for as long as
 * a round trip, which took at most as long as the sequence. */
static void poll_end(struct bfd_fsm *f, struct mono now)
{
    int64_t round_trip_ns = mono_sub(now, f->poll_began);

    f->polling = false;
    f->in_force = f->said;
    f->poll_quiet = mono_add(now, round_trip_ns < NS_PER_SEC ? round_trip_ns : NS_PER_SEC);
}

/* Says what is wanted: at once, or by a Poll sequence. True when there is something new to say. */
static bool retime(struct bfd_fsm *f, struct mono now)
{
    bool news = false;

    if (f->state != BFD_UP) {
        news = !is_said(f);
        f->said = f->in_force = wanted(f);
        f->polling = false;
        f->poll_quiet = (struct mono){0};
    } else if (!f->polling && !is_said(f) && !mono_before(now, f->poll_quiet)) {
        poll_start(f, now);
        news = true;
    }
    plan_send(f, now);
    return news;
}

/* --- when to give up --- */

int64_t bfd_fsm_detect_ns(const struct bfd_fsm *f)
{
    if (f->remote.discriminator == 0)
        return 0;
    return (int64_t)f->remote.multiplier * max_u32(f->in_force.rx_us, f->remote.tx_us) * NS_PER_US;
}

int64_t bfd_fsm_remote_detect_ns(const struct bfd_fsm *f)
{
    if (f->remote.discriminator == 0)
        return 0;
    return (int64_t)f->params.multiplier * max_u32(f->said.tx_us, f->remote.rx_us) * NS_PER_US;
}

static uint32_t echo_us(const struct bfd_fsm *f)
{
    return max_u32(f->params.echo_us, f->remote.echo_us);
}

static int64_t echo_detect_ns(const struct bfd_fsm *f)
{
    return (int64_t)f->remote.multiplier * echo_us(f) * NS_PER_US;
}

static void plan_echo(struct bfd_fsm *f, struct mono now)
{
    bool echoing = f->state == BFD_UP && f->params.echo && f->echo_path && f->remote.echo_us != 0;

    if (echoing == f->echoing)
        return;
    f->echoing = echoing;
    f->echo_graced = false;
    f->next_echo = echoing ? now : (struct mono){0};
    f->echo_silent = (struct mono){0}; /* counts from the first that is sent */
}

/* --- states --- */

static unsigned enter(struct bfd_fsm *f, struct mono now, enum bfd_state state, enum bfd_diag diag)
{
    unsigned acts = BFD_ACT_CHANGED;
    bool asked_for = diag == BFD_DIAG_ADMIN_DOWN ||
                     (diag == BFD_DIAG_NEIGHBOR_DOWN && f->remote.state == BFD_ADMIN_DOWN);

    if (f->state == BFD_UP) {
        f->down_diag = diag;
        acts |= asked_for ? 0 : BFD_ACT_DOWN;
    }
    f->from = f->state;
    f->state = state; /* the only line that writes it, but for the start */
    f->diag = diag;
    f->since = now;
    acts |= state == BFD_UP ? BFD_ACT_UP : 0;
    (void)retime(f, now); /* a new state is news in any case */
    plan_echo(f, now);
    return acts | (may_send(f) ? BFD_ACT_SEND : 0);
}

void bfd_fsm_init(struct bfd_fsm *f, const struct bfd_params *params, uint32_t discriminator,
                  uint64_t seed, struct mono now)
{
    *f = (struct bfd_fsm){.params = *params,
                          .discriminator = discriminator,
                          .random = seed,
                          .state = BFD_DOWN,
                          .from = BFD_DOWN,
                          .since = now,
                          .remote = {.state = BFD_DOWN, .rx_us = 1}}; /* RFC 5880 6.8.1 */
    f->said = f->in_force = wanted(f);
    plan_send(f, now);
}

static void forget_remote(struct bfd_fsm *f)
{
    f->silent = (struct mono){0};
    f->remote = (struct bfd_remote){.state = BFD_DOWN, .rx_us = 1};
}

static unsigned on_silence(struct bfd_fsm *f, struct mono now)
{
    forget_remote(f);
    switch (f->state) {
    case BFD_ADMIN_DOWN:
    case BFD_DOWN:
        plan_send(f, now);
        return 0;
    case BFD_INIT:
    case BFD_UP:
        return enter(f, now, BFD_DOWN, BFD_DIAG_EXPIRED);
    }
    return 0;
}

unsigned bfd_fsm_receive(struct bfd_fsm *f, struct mono now, const struct bfd_packet *p)
{
    enum bfd_state to = next_state[f->state][p->state];
    unsigned acts = 0;

    if (f->state == BFD_ADMIN_DOWN)
        return 0;
    f->remote = (struct bfd_remote){.discriminator = p->my_discriminator,
                                    .state = p->state,
                                    .demand = p->demand,
                                    .multiplier = p->multiplier,
                                    .tx_us = p->desired_tx_us,
                                    .rx_us = p->required_rx_us,
                                    .echo_us = p->required_echo_us};
    f->heard = now;
    f->graced = false;
    if (p->final && f->polling)
        poll_end(f, now);
    if (to != f->state)
        acts = enter(f, now, to, to == BFD_DOWN ? BFD_DIAG_NEIGHBOR_DOWN : BFD_DIAG_NONE);
    else if (retime(f, now))
        acts = BFD_ACT_SEND;
    f->silent = mono_add(now, bfd_fsm_detect_ns(f));
    plan_echo(f, now);
    return acts | (p->poll ? BFD_ACT_FINAL : 0);
}

/* --- time --- */

struct mono bfd_fsm_deadline(const struct bfd_fsm *f)
{
    struct mono t = mono_earlier(f->next_send, f->silent);

    t = mono_earlier(t, mono_earlier(f->next_echo, f->echo_silent));
    if (f->state == BFD_UP && !f->polling && !is_said(f))
        t = mono_earlier(t, f->poll_quiet);
    return t;
}

/* Was it us who slept? Then the time that we slept, not more than once the whole, is not theirs. */
static bool grace(struct bfd_fsm *f, struct mono now, int64_t late_ns)
{
    int64_t detect_ns = bfd_fsm_detect_ns(f);

    if (f->graced || f->remote.multiplier == 0 || late_ns < detect_ns / f->remote.multiplier)
        return false;
    f->graced = true;
    f->silent = mono_add(now, late_ns < detect_ns ? late_ns : detect_ns);
    return true;
}

/* While we slept we sent no echoes either: the detection time starts anew. */
static bool grace_echo(struct bfd_fsm *f, struct mono now, int64_t late_ns)
{
    if (f->echo_graced || late_ns < echo_us(f) * NS_PER_US)
        return false;
    f->echo_graced = true;
    f->echo_silent = mono_add(now, echo_detect_ns(f));
    return true;
}

static unsigned check_silence(struct bfd_fsm *f, struct mono now, int64_t late_ns)
{
    if (is_due(f->silent, now) && !grace(f, now, late_ns))
        return on_silence(f, now);
    if (is_due(f->echo_silent, now) && !grace_echo(f, now, late_ns))
        return enter(f, now, BFD_DOWN, BFD_DIAG_ECHO_FAILED);
    return 0;
}

unsigned bfd_fsm_tick(struct bfd_fsm *f, struct mono now)
{
    struct mono deadline = bfd_fsm_deadline(f);
    unsigned acts;

    if (!is_due(deadline, now))
        return 0;
    acts = check_silence(f, now, mono_sub(now, deadline));
    if (is_due(f->poll_quiet, now)) {
        f->poll_quiet = (struct mono){0};
        acts |= retime(f, now) ? BFD_ACT_SEND : 0;
    }
    acts |= is_due(f->next_send, now) ? BFD_ACT_SEND : 0;
    acts |= is_due(f->next_echo, now) ? BFD_ACT_ECHO : 0;
    return acts;
}

struct bfd_packet bfd_fsm_packet(const struct bfd_fsm *f, bool final)
{
    return (struct bfd_packet){
        .diag = (uint8_t)f->diag,
        .state = f->state,
        .poll = f->polling && !final,
        .final = final,
        .multiplier = f->params.multiplier,
        .my_discriminator = f->discriminator,
        .your_discriminator = f->remote.discriminator,
        .desired_tx_us = f->said.tx_us,
        .required_rx_us = f->said.rx_us,
        .required_echo_us = f->echo_rx_us,
    };
}

/* --- what the operator wants --- */

unsigned bfd_fsm_change(struct bfd_fsm *f, struct mono now, const struct bfd_params *params)
{
    bool news = params->multiplier != f->params.multiplier;

    f->params = *params;
    news = retime(f, now) || news;
    plan_echo(f, now);
    return news && may_send(f) ? BFD_ACT_SEND : 0;
}

unsigned bfd_fsm_offer_echo(struct bfd_fsm *f, uint32_t echo_rx_us)
{
    bool news = echo_rx_us != f->echo_rx_us;

    f->echo_rx_us = echo_rx_us;
    return news && may_send(f) ? BFD_ACT_SEND : 0;
}

unsigned bfd_fsm_admin_down(struct bfd_fsm *f, struct mono now)
{
    if (f->state == BFD_ADMIN_DOWN)
        return 0;
    f->silent = (struct mono){0};
    return enter(f, now, BFD_ADMIN_DOWN, BFD_DIAG_ADMIN_DOWN);
}

unsigned bfd_fsm_admin_up(struct bfd_fsm *f, struct mono now)
{
    if (f->state != BFD_ADMIN_DOWN)
        return 0;
    forget_remote(f);
    return enter(f, now, BFD_DOWN, BFD_DIAG_NONE);
}

void bfd_fsm_set_echo_path(struct bfd_fsm *f, struct mono now, bool known)
{
    f->echo_path = known;
    plan_echo(f, now);
}

void bfd_fsm_echo_sent(struct bfd_fsm *f, struct mono now)
{
    if (!f->echoing)
        return;
    f->next_echo = with_jitter(f, now, echo_us(f));
    if (!mono_is_set(f->echo_silent))
        f->echo_silent = mono_add(now, echo_detect_ns(f));
}

void bfd_fsm_echo_received(struct bfd_fsm *f, struct mono now)
{
    if (!f->echoing)
        return;
    f->echo_graced = false;
    f->echo_silent = mono_add(now, echo_detect_ns(f));
}
