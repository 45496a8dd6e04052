/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the machine share. Nobody else includes this. */
#pragma once

#include "pulse/pulse_fsm.h"

enum vote { VOTE_NONE, VOTE_HEARS, VOTE_MISSES };

struct node {
    uint64_t id;
    char *name; /* owned; NULL: the slot is free */
    struct pulse_addr addr;
    bool present;     /* takes part now; of others only the verdict is kept */
    struct mono gone; /* since when it is not */

    /* What we hear of it. */
    bool met;            /* from the process `boot`, which has heard us */
    bool missed;         /* for too long */
    uint64_t boot, seq;  /* the last that was heard; before `met` anybody could have said it */
    uint64_t echo_floor; /* only what answers a later heartbeat of ours makes us believe a boot */
    uint64_t sent_seq;
    int64_t interval_ns; /* as it says */
    struct mono heard;
    struct mono steady; /* heard without a gap since then */
    bool due;           /* a heartbeat to it */

    /* The verdict. */
    uint32_t epoch; /* odd: out */
    uint8_t level;
    struct mono back; /* when it last came back; never: it was not out */

    enum vote votes[PULSE_NODES_MAX]; /* what it says of the node in that slot */
};

struct pulse {
    struct pulse_options options;
    struct node nodes[PULSE_NODES_MAX]; /* the first is ourselves */
    size_t used;                        /* slots that were ever used */
    uint64_t seq;                       /* of the last heartbeat to anybody */
    struct mono next_beat;
    struct mono last_beat, urgent_at; /* urgent: news that does not wait for the next beat */
    struct mono amnesty;              /* when all were last brought back */
    uint64_t version;
    uint64_t dropped[PULSE_DROPS];
};

/* --- pulse_fsm.c --- */

void pulse_urge(struct pulse *p, struct mono now); /* others should hear of something at once */

/* --- pulse_verdict.c --- */

bool node_is_out(const struct node *n);
/* Takes over what a heartbeat says of a node. */
void verdict_merge(struct pulse *p, struct node *n, const struct pulse_entry *e, struct mono now);
/* Counts the votes about everybody. */
void verdicts_update(struct pulse *p, struct mono now);
/* When a node that is out may be back, if nothing happens until then. Never: not by itself. */
struct mono verdicts_deadline(const struct pulse *p);
