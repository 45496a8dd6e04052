/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines on a network that exists only here: time jumps from event to event, heartbeats are lost
 * and late as a seed wants it, processes stall. The same seed gives the same run.
 */
#pragma once

#include "pulse/pulse_fsm.h"

enum { SIM_NODES_MAX = 8, SIM_SECRET_LEN = 6 };

#define SIM_SECRET ((const uint8_t *)"secret")

struct sim_node {
    struct pulse *p; /* NULL: the process is gone */
    char name[8];
    struct mono stalled_until; /* it gets no time; what comes waits in its socket */
    bool silent;               /* the machine lost its power or its cable */
    uint64_t version;          /* as seen last */
    struct mono out_at[SIM_NODES_MAX], back_at[SIM_NODES_MAX]; /* as it saw it */
    unsigned outs; /* how often it saw anybody go out, itself included */
    bool sees_out[SIM_NODES_MAX];
};

struct delivery {
    struct mono due;
    size_t from, to;
    struct pulse_datagram d;
};

struct sim {
    struct mono now;
    uint64_t random_state;
    int64_t interval_ns;
    unsigned count;
    struct sim_node nodes[SIM_NODES_MAX];
    size_t node_count;
    unsigned loss_percent;
    int64_t delay_ns; /* the most */
    bool cut[SIM_NODES_MAX][SIM_NODES_MAX];
    struct delivery *deliveries; /* an array, in no order */
    size_t delivery_count, delivery_cap;
    uint64_t sent;
};

struct sim *sim_new(uint64_t seed, size_t nodes);
void sim_free(struct sim *s);
uint64_t sim_random(struct sim *s, uint64_t below);

void sim_start(struct sim *s, size_t node); /* a new process that knows the names of all */
void sim_stop(struct sim *s, size_t node);  /* the others are not told */
void sim_stall(struct sim *s, size_t node, int64_t ns);
void sim_cut(struct sim *s, size_t a, size_t b, bool cut);        /* both ways */
void sim_set_peers(struct sim *s, size_t node, unsigned members); /* a bit each */

void sim_run(struct sim *s, int64_t ns);

/* Those that run and are not silent have the same verdicts. */
bool sim_agrees(const struct sim *s);
/* Runs until then. The time it took, or -1 when it took longer than `max_ns`. */
int64_t sim_run_until_agreed(struct sim *s, int64_t max_ns);
/* `of` is out with everybody that runs, but itself. */
bool sim_all_say_out(const struct sim *s, size_t of);
unsigned sim_outs(const struct sim *s);
