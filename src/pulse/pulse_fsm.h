/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the nodes have fallen silent, as a passive machine: bytes and the time go in, heartbeats
 * and verdicts come out. No socket, no clock, no log.
 *
 * Every node sends a heartbeat to every other at each interval. Who hears none of a node for
 * `count` intervals misses it and says so at once. A node is out when it is missed by more than
 * half of those that can judge it: the others that exchange heartbeats with it and are not out
 * themselves. One of them that is silent, too, has no vote against anybody. So of two nodes the
 * other one alone decides; of three or more, one that lost its own network decides nothing.
 *
 * A verdict is a counter that only grows (odd: out), carried in every heartbeat; the highest
 * counter wins, so that nodes which hear each other cannot stay of two minds. It also reaches the
 * node that it is about, which then must not take itself for well. A node is back when somebody has
 * heard it without a gap for 3 s; twice as long for each time that it went out lately, up to 60 s.
 * If all nodes are out, all are back: then it was the network that failed, and nobody would serve.
 *
 * A stall of our own process is not silence of the others: what has arrived is read before it is
 * judged (the caller sees to that), and if the machine was called late, everybody gets that time.
 */
#pragma once

#include "base/ip.h"
#include "base/mono.h"
#include "pulse/pulse_wire.h"

struct pulse;

struct pulse_addr {
    struct ip ip;
    uint16_t port;
};

struct pulse_options {
    const char *name;    /* copied */
    int64_t interval_ns; /* within PULSE_INTERVAL_MIN_US and _MAX_US */
    unsigned count;      /* at least 1 */
    uint64_t boot;       /* at random, not 0 */
    struct pulse_key key;
};

struct pulse *pulse_new(const struct pulse_options *options, struct mono now);
struct pulse *pulse_free(struct pulse *p);
DEFINE_CLEANUP(struct pulse, pulse_free);

struct pulse_peer {
    const char *name;
    struct pulse_addr addr;
};

/*
 * The others that take part, without ourselves; copied. Verdicts about nodes that come back are
 * remembered. False when there are more than PULSE_NODES_MAX with us: then it works with none.
 */
bool pulse_set_peers(struct pulse *p, struct mono now, const struct pulse_peer *peers,
                     size_t count);

void pulse_on_packet(struct pulse *p, struct mono now, const uint8_t *bytes, size_t len);

/* Does what is due. Call when pulse_deadline, which is never "never", has come, and after every
 * datagram that had arrived was handed in. */
void pulse_tick(struct pulse *p, struct mono now);
/* Only sends the heartbeats that are due and judges nobody: for when there is no end of what
 * arrives. Whoever floods us must not silence us. */
void pulse_beat(struct pulse *p, struct mono now);
struct mono pulse_deadline(const struct pulse *p);

struct pulse_datagram {
    struct pulse_addr to;
    uint8_t bytes[PULSE_PACKET_MAX];
    size_t len;
};

/* The next heartbeat to send; false when there is none. To ask after every call above. */
bool pulse_next(struct pulse *p, struct pulse_datagram *ret);

/* Grows whenever a verdict, or whether we hear somebody, has changed. */
uint64_t pulse_version(const struct pulse *p);

/* False for names that take no part. Our own name may be asked, too. */
bool pulse_is_out(const struct pulse *p, const char *name);

struct pulse_view {
    const char *name;
    bool met;    /* heartbeats were exchanged with the process that runs there now */
    bool missed; /* by us, now */
    bool out;
    struct mono heard; /* the last heartbeat; never without `met` */
    uint8_t level;
};

/* How we see a peer; false when it takes no part. */
bool pulse_view(const struct pulse *p, const char *name, struct pulse_view *ret);

enum pulse_drop {
    PULSE_DROP_FORM,
    PULSE_DROP_TAG,
    PULSE_DROP_REFLECTED, /* our own, or for somebody else */
    PULSE_DROP_STRANGER,  /* of nobody that takes part */
    PULSE_DROP_OLD,       /* replayed or overtaken */
};
enum { PULSE_DROPS = PULSE_DROP_OLD + 1 };

uint64_t pulse_dropped(const struct pulse *p, enum pulse_drop why);
const char *pulse_drop_name(enum pulse_drop why);
