/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One BFD session as a pure machine (RFC 5880 6.8): asynchronous mode, with the remote side in
 * Demand mode if it wishes; echo as RFC 5881 has it. Packets and the time in, actions out.
 *
 * Timers have three forms. Wanted: what the parameters ask for in this state, at least a second
 * unless Up. Said: what our packets carry. In force: what we hold ourselves to. While Up a change
 * of `said` is a Poll sequence, and until its end a longer transmit interval and a shorter
 * detection time are not in force (6.8.3). Changes that come during a Poll sequence wait for the
 * next.
 */
#pragma once

#include "base/macro.h"
#include "base/mono.h"
#include "bfd/bfd_params.h"
#include "bfd/bfd_wire.h"

#define BFD_SLOW_US UINT32_C(1000000) /* shortest interval unless Up (RFC 5880 6.8.3, spec F27) */

/* What the caller has to do, in this order. */
enum bfd_act {
    BFD_ACT_FINAL = 1 << 0,   /* send bfd_fsm_packet(f, true), outside the schedule */
    BFD_ACT_SEND = 1 << 1,    /* send bfd_fsm_packet(f, false), then call bfd_fsm_sent */
    BFD_ACT_ECHO = 1 << 2,    /* send an echo, then call bfd_fsm_echo_sent */
    BFD_ACT_CHANGED = 1 << 3, /* the state has changed: for the log */
    BFD_ACT_UP = 1 << 4,
    BFD_ACT_DOWN = 1 << 5, /* was Up, and nobody asked for the end of it */
};

struct bfd_timers {
    uint32_t tx_us, rx_us;
};

/* As the other side says. */
struct bfd_remote {
    uint32_t discriminator; /* 0: not heard of for a detection time */
    enum bfd_state state;
    bool demand;
    uint8_t multiplier;
    uint32_t tx_us, rx_us, echo_us;
};

struct bfd_fsm {
    struct bfd_params params; /* as asked for */
    uint32_t discriminator;   /* ours, not 0 */
    uint32_t echo_rx_us;      /* Required Min Echo RX to be told; 0: echoes do not come back */
    uint64_t random;          /* state of random_next */

    enum bfd_state state, from; /* from: the one before */
    enum bfd_diag diag;         /* of the last change: what packets carry */
    enum bfd_diag down_diag;    /* of the last end of Up */
    struct mono since;
    struct bfd_remote remote;

    struct bfd_timers said, in_force;
    bool polling;
    struct mono poll_began;
    struct mono poll_quiet; /* a Final until then may answer the last sequence */

    struct mono sent, next_send;
    uint32_t planned_us; /* the interval behind next_send; 0: no periodic packets */
    struct mono heard;
    struct mono silent; /* when the detection time ends */
    bool graced;        /* it was extended for our own lateness, once */

    bool echo_path; /* echoes can be sent: single hop, IPv4, where to is known */
    bool echoing;
    struct mono next_echo, echo_silent;
    bool echo_graced;
};

void bfd_fsm_init(struct bfd_fsm *f, const struct bfd_params *params, uint32_t discriminator,
                  uint64_t seed, struct mono now);

/* A packet that was taken for this session. Held AdminDown it takes none: ask the state before. */
NODISCARD unsigned bfd_fsm_receive(struct bfd_fsm *f, struct mono now, const struct bfd_packet *p);

/*
 * The time of bfd_fsm_deadline has come, or less. What had arrived before `now` must have been
 * received before. If the call comes late by more than a packet of the other side takes to come, we
 * were the ones who slept, and the other side is given that time once.
 */
NODISCARD unsigned bfd_fsm_tick(struct bfd_fsm *f, struct mono now);
struct mono bfd_fsm_deadline(const struct bfd_fsm *f); /* may be never */

struct bfd_packet bfd_fsm_packet(const struct bfd_fsm *f, bool final);
void bfd_fsm_sent(struct bfd_fsm *f, struct mono now); /* or tried to */

NODISCARD unsigned bfd_fsm_change(struct bfd_fsm *f, struct mono now,
                                  const struct bfd_params *params);
/* Required Min Echo RX, which the wire may carry at once. */
NODISCARD unsigned bfd_fsm_offer_echo(struct bfd_fsm *f, uint32_t echo_rx_us);

NODISCARD unsigned bfd_fsm_admin_down(struct bfd_fsm *f, struct mono now);
NODISCARD unsigned bfd_fsm_admin_up(struct bfd_fsm *f, struct mono now);

/* Echoes: whether they can be sent; one was; one of them came back. */
void bfd_fsm_set_echo_path(struct bfd_fsm *f, struct mono now, bool known);
void bfd_fsm_echo_sent(struct bfd_fsm *f, struct mono now);
void bfd_fsm_echo_received(struct bfd_fsm *f, struct mono now);

/* In force now; 0: none. */
uint32_t bfd_fsm_transmit_us(const struct bfd_fsm *f);
int64_t bfd_fsm_detect_ns(const struct bfd_fsm *f);
/* After how long the other side gives us up, at most. 0 when it was not heard of. */
int64_t bfd_fsm_remote_detect_ns(const struct bfd_fsm *f);
