/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines on a network that exists only here: time jumps from event to event, datagrams are lost
 * and late as a seed wants it, streams are late but whole. The same seed gives the same run.
 */
#pragma once

#include "gossip/gossip_fsm.h"

enum { SIM_NODES_MAX = 64 };

#define SIM_START (1000 * NS_PER_SEC)

enum sim_state {
    SIM_STOPPED, /* the process is gone: connections are refused */
    SIM_RUNNING,
    SIM_SILENT, /* the machine lost its power or its cable: nothing goes in or out */
};

struct sim_node {
    struct gossip *g; /* NULL when stopped */
    enum sim_state state;
    char name[16];
    struct gossip_addr addr;
    struct gossip_keyring keys;
    bool udp_blocked; /* a firewall drops its datagrams */
    /* What it told, by the number of the node that it told of. */
    bool sees[SIM_NODES_MAX]; /* the last was join, not leave */
    struct mono join_at[SIM_NODES_MAX], leave_at[SIM_NODES_MAX];
    struct mono left_at; /* its farewell was out */
    unsigned told[GOSSIP_TELL_PEER_FAILED + 1];
    size_t joined, expected; /* of the last join */
};

struct delivery;

struct sim {
    struct mono now;
    uint64_t random_state;
    struct gossip_profile profile;
    struct sim_node nodes[SIM_NODES_MAX];
    size_t count;
    unsigned loss_percent;
    int64_t delay_ns;            /* the most */
    struct delivery *deliveries; /* an array, in no order */
    size_t delivery_count, delivery_cap;
    uint64_t datagrams;
    bool cut[SIM_NODES_MAX][SIM_NODES_MAX]; /* no datagram or stream from the one to the other */
};

struct sim *sim_new(uint64_t seed, size_t count);
void sim_free(struct sim *s);
uint64_t sim_random(struct sim *s, uint64_t below);

void sim_start(struct sim *s, size_t node); /* a new process under the old name */
void sim_stop(struct sim *s, size_t node);  /* SIGKILL */
void sim_join(struct sim *s, size_t node);  /* with the addresses of all */
void sim_leave(struct sim *s, size_t node);

void sim_run(struct sim *s, int64_t ns);

/* Every running node has exactly the running nodes as members. */
bool sim_agrees(const struct sim *s);
/* Runs until then. The time it took, or -1 when it took longer than `max_ns`. */
int64_t sim_run_until_agreed(struct sim *s, int64_t max_ns);

/* What `by` knows of `of`; NULL name: nothing. */
struct gossip_member sim_view(const struct sim *s, size_t by, size_t of);

void sim_random_bytes(void *arg, void *bytes, size_t len); /* a gossip_random_fn; arg: struct sim */
