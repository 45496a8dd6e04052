/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat of fast failure detection: one small UDP datagram from one node to another, with a
 * tag that only holders of the secret can make. Ours alone; MetalLB's speakers never get one.
 *
 *     magic 4 "SLBP" | version 1 | flags 1 | entries 2 | from 8 | to 8 | boot 8 | seq 8 |
 *     to_boot 8 | echo 8 | interval in us 4 | entries, 13 each: id 8, epoch 4, flags 1 | tag 16
 *
 * The tag is HMAC-SHA-256 over all before it, cut to 16 bytes (RFC 2104 5), with a key derived from
 * the memberlist secret. Without a secret the key is public and the tag only a checksum: the flag
 * says so, and a node that has a secret does not take it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/wire.h"

enum {
    PULSE_NODES_MAX = 96, /* what fits into a datagram: with more, there is no fast detection */
    PULSE_TAG_LEN = 16,
    PULSE_KEY_LEN = 32,
    PULSE_HEAD_LEN = 60,
    PULSE_ENTRY_LEN = 13,
    PULSE_PACKET_MAX = PULSE_HEAD_LEN + PULSE_NODES_MAX * PULSE_ENTRY_LEN + PULSE_TAG_LEN,
    PULSE_LEVEL_MAX = 7,
};

/* Bounds of the interval that a sender may announce. */
#define PULSE_INTERVAL_MIN_US 1000u
#define PULSE_INTERVAL_MAX_US 10000000u

/* A node, by the first eight bytes of SHA-256 of its name. */
uint64_t pulse_id(const char *name);

struct pulse_key {
    uint8_t bytes[PULSE_KEY_LEN];
    bool secret; /* nobody else has it */
};

/* The secret as in the file; no bytes: a key that everybody knows. */
struct pulse_key pulse_key_from_secret(const uint8_t *secret, size_t len);

/* What the sender says of one node. */
struct pulse_entry {
    uint64_t id;
    uint32_t epoch; /* of the verdict: it grows by one with each change, odd is "out" */
    uint8_t level;  /* how often it went out of late, 0 to PULSE_LEVEL_MAX */
    bool judges;    /* the sender exchanges heartbeats with it, */
    bool missed;    /* and misses too many of them */
};

struct pulse_packet {
    uint64_t from, to;
    uint64_t boot;    /* a random number of the sending process */
    uint64_t seq;     /* grows with every heartbeat to that receiver */
    uint64_t to_boot; /* the receiver's boot as the sender heard it, 0: never */
    uint64_t echo;    /* the last seq that the sender heard from it */
    uint32_t interval_us;
    size_t count;
    struct pulse_entry entries[PULSE_NODES_MAX];
};

/* Returns the length; `ret` has room for PULSE_PACKET_MAX bytes. */
size_t pulse_write(uint8_t *ret, const struct pulse_packet *p, const struct pulse_key *key);

/* Copies `len` bytes and puts their tag behind them. For tests that make heartbeats by hand. */
void pulse_tag(uint8_t *ret, const uint8_t *bytes, size_t len, const struct pulse_key *key);

enum pulse_reading {
    PULSE_READ,
    PULSE_BAD_FORM, /* not a heartbeat, of another version, or with values out of bounds */
    PULSE_BAD_TAG,  /* forged, damaged, or made with another secret */
};

/* *ret is written for PULSE_READ only. */
enum pulse_reading pulse_read(struct pulse_packet *ret, const uint8_t *bytes, size_t len,
                              const struct pulse_key *key);
