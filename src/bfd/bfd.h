/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BFD engine (RFC 5880, 5881, 5883; spec speaker-bgp 3.3 and 5.10): asynchronous mode, single
 * and multihop, passive, echo. A session is shared by all who ask for the same one.
 *
 * Sockets and timers have the urgent priority of the loop (LOOP_PRIORITY_URGENT is 0: see
 * role/loop.h), and what has arrived is read before anybody is judged: a stall of our own process
 * is not silence of the others.
 */
#pragma once

#include <event2/event.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/macro.h"
#include "base/mono.h"
#include "bfd/bfd_params.h"

struct bfd_engine;

struct bfd_key {
    struct ip peer, local; /* local IP_NONE: what the kernel would choose */
    uint32_t ifindex; /* single hop: of the interface; 0: by the route, and always for multihop */
    const char *vrf;  /* "": the default one */
    bool multihop;
};

/* Up, or no longer up; not for AdminDown of the other side, which takes nothing down. `diagnostic`
 * is a constant for people: "control detection time expired". Must not free the engine. */
typedef void (*bfd_fn)(void *arg, bool up, const char *diagnostic);

NODISCARD int bfd_engine_new(struct bfd_engine **ret, struct event_base *base, struct err *err);
struct bfd_engine *bfd_engine_free(struct bfd_engine *e);
DEFINE_CLEANUP(struct bfd_engine, bfd_engine_free);

struct bfd_user;

/*
 * Joins, or starts, the session with that key. If it is up already, `fn` says so soon. Users of one
 * session share its parameters: those that were given last count, by a Poll sequence.
 */
struct bfd_user *bfd_join(struct bfd_engine *e, const struct bfd_key *key,
                          const struct bfd_params *params, bfd_fn fn, void *arg);
void bfd_change(struct bfd_user *u, const struct bfd_params *params);
/* The last one to leave ends the session: AdminDown for at least a detection time, then silence. */
void bfd_leave(struct bfd_user *u);
/* AdminDown on all sessions, now: a planned end (spec F29b). They stay so. */
void bfd_admin_down(struct bfd_engine *e);

struct bfd_view {
    struct bfd_key key;
    struct bfd_params params;
    enum bfd_state state, remote_state;
    struct mono since;
    const char *diagnostic; /* ours: why it last went down; "" without */
    uint32_t local_discriminator, remote_discriminator;
    uint32_t transmit_us, detect_us;                                /* in force; 0: none */
    uint32_t remote_receive_us, remote_transmit_us, remote_echo_us; /* as it says */
    uint8_t remote_multiplier;
    uint64_t control_in, control_out, echo_in, echo_out;
    uint64_t ups, downs, notifications; /* notifications: callbacks about changes */
    uint64_t dropped;                   /* packets for it that were not taken */
};

/* A copy of what is now. */
bool bfd_view(const struct bfd_user *u, struct bfd_view *ret);
/* Packets that belong to no session. */
uint64_t bfd_engine_dropped(const struct bfd_engine *e);
/* All that were dropped, those of sessions too, for each reason that there was. */
typedef void (*bfd_drop_fn)(void *arg, const char *reason, uint64_t count);
void bfd_engine_each_drop(const struct bfd_engine *e, bfd_drop_fn fn, void *arg);
