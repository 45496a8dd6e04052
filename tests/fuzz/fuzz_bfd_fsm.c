/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a script of events for one machine: packets with any fields, time that passes, late
 * timers, changes, echoes. The invariants stand in check() and in perform().
 */
#include "bfd/bfd_fsm.h"

#include "base/wire.h"
#include "fuzz.h"

#include <stdlib.h>

struct script {
    struct rd in;
    struct bfd_fsm f;
    struct mono now;
    bool told_up; /* the last of UP and DOWN that came */
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct script *s)
{
    const struct bfd_fsm *f = &s->f;
    struct bfd_packet p = bfd_fsm_packet(f, false), final = bfd_fsm_packet(f, true);

    require(f->state != BFD_UP || (f->remote.discriminator != 0 && s->told_up));
    require(f->state == BFD_UP ||
            (p.desired_tx_us >= BFD_SLOW_US && p.required_rx_us >= BFD_SLOW_US));
    require(f->state == BFD_UP || !p.poll);
    require(!p.final && final.final && !final.poll);
    require(f->in_force.tx_us <= f->said.tx_us && f->in_force.rx_us >= f->said.rx_us);
    require(f->polling ||
            (f->in_force.tx_us == f->said.tx_us && f->in_force.rx_us == f->said.rx_us));
    require(!f->echoing || (f->state == BFD_UP && f->remote.echo_us != 0));
    require(f->echoing || !mono_is_set(f->next_echo));
    require((bfd_fsm_transmit_us(f) != 0) == mono_is_set(f->next_send));
    require(f->state == BFD_ADMIN_DOWN || f->remote.discriminator == 0 || mono_is_set(f->silent));
}

static void perform(struct script *s, unsigned acts)
{
    require((acts & (BFD_ACT_UP | BFD_ACT_DOWN)) != (BFD_ACT_UP | BFD_ACT_DOWN));
    if ((acts & BFD_ACT_UP) != 0)
        require(s->f.state == BFD_UP);
    if ((acts & BFD_ACT_DOWN) != 0)
        require(s->told_up && s->f.state == BFD_DOWN);
    if ((acts & (BFD_ACT_UP | BFD_ACT_DOWN)) != 0)
        s->told_up = (acts & BFD_ACT_UP) != 0;
    if ((acts & BFD_ACT_SEND) != 0) {
        bfd_fsm_sent(&s->f, s->now);
        require(!mono_is_set(s->f.next_send) ||
                mono_sub(s->f.next_send, s->now) >= bfd_fsm_transmit_us(&s->f) * NS_PER_US * 3 / 4);
    }
    if ((acts & BFD_ACT_ECHO) != 0)
        bfd_fsm_echo_sent(&s->f, s->now);
    check(s);
}

/* Intervals of all sizes from one byte. */
static uint32_t interval(struct script *s)
{
    uint8_t b = rd_u8(&s->in);

    return b >= 0xf0 ? UINT32_MAX >> (b & 15) : (uint32_t)b * b * 1000;
}

static void hear(struct script *s, uint8_t kind)
{
    const struct bfd_packet p = {.state = (enum bfd_state)(kind & 3),
                                 .poll = (kind & 4) != 0,
                                 .final = (kind & 8) != 0,
                                 .demand = (kind & 16) != 0,
                                 .multiplier = (uint8_t)(rd_u8(&s->in) | 1),
                                 .my_discriminator = 2,
                                 .your_discriminator = 1,
                                 .desired_tx_us = interval(s),
                                 .required_rx_us = interval(s),
                                 .required_echo_us = interval(s)};
    enum bfd_state before = s->f.state;
    unsigned acts = bfd_fsm_receive(&s->f, s->now, &p);

    require(!p.poll || before == BFD_ADMIN_DOWN || (acts & BFD_ACT_FINAL) != 0);
    require((acts & BFD_ACT_UP) == 0 || p.state == BFD_INIT || p.state == BFD_UP);
    perform(s, acts);
}

/* Timers in time, but for the last one, which is as late as the script says. */
static void pass_time(struct script *s, int64_t ns)
{
    struct mono end = mono_add(s->now, ns);

    for (int i = 0; i < 100; i++) {
        struct mono deadline = bfd_fsm_deadline(&s->f);

        if (!mono_is_set(deadline) || mono_before(end, deadline))
            break;
        s->now = mono_before(deadline, s->now) ? s->now : deadline;
        perform(s, bfd_fsm_tick(&s->f, s->now));
        deadline = bfd_fsm_deadline(&s->f);
        require(!mono_is_set(deadline) || mono_before(s->now, deadline));
    }
    s->now = end;
}

static void change(struct script *s)
{
    uint8_t flags = rd_u8(&s->in);
    struct bfd_params p = {.receive_us = interval(s),
                           .transmit_us = interval(s),
                           .echo_us = interval(s),
                           .multiplier = (uint8_t)(rd_u8(&s->in) | 1),
                           .echo = (flags & 1) != 0,
                           .passive = (flags & 2) != 0};

    p.echo_us = p.echo_us > 0 ? p.echo_us : 1;
    perform(s, bfd_fsm_change(&s->f, s->now, &p));
    perform(s, bfd_fsm_offer_echo(&s->f, p.echo_us));
}

static void step(struct script *s)
{
    uint8_t op = rd_u8(&s->in), kind = op >> 3;

    switch (op & 7) {
    case 0:
    case 1:
    case 2:
        hear(s, kind);
        return;
    case 3:
        pass_time(s, (int64_t)kind * kind * kind * NS_PER_MS / 4);
        return;
    case 4:
        s->now = mono_add(s->now, (int64_t)kind * kind * 4 * NS_PER_MS); /* asleep */
        perform(s, bfd_fsm_tick(&s->f, s->now));
        return;
    case 5:
        change(s);
        return;
    case 6:
        bfd_fsm_echo_received(&s->f, s->now);
        check(s);
        return;
    default:
        if (kind < 4)
            perform(s, bfd_fsm_admin_down(&s->f, s->now));
        else if (kind < 8)
            perform(s, bfd_fsm_admin_up(&s->f, s->now));
        else
            bfd_fsm_set_echo_path(&s->f, s->now, (kind & 1) != 0);
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct script s = {.in = rd_from(bytes, len), .now = {1000 * NS_PER_SEC}};
    struct bfd_params params = bfd_params_default();

    bfd_fsm_init(&s.f, &params, 1, len, s.now);
    check(&s);
    for (int i = 0; i < 300 && s.in.left > 0; i++)
        step(&s);
    return 0;
}
