/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of hashicorp/memberlist (spec speaker-l2 6.1-6.3, 6.6): bodies only. What is wrapped
 * around them on the wire is in gossip_packet.h.
 *
 * Readers start after the type byte, take the keys of a body in any order, skip unknown ones, leave
 * absent ones zero and ignore what follows the body. Writers put the type byte first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/macro.h"
#include "base/wire.h"

enum gossip_type {
    GOSSIP_PING = 0,
    GOSSIP_INDIRECT_PING = 1,
    GOSSIP_ACK = 2,
    GOSSIP_SUSPECT = 3,
    GOSSIP_ALIVE = 4,
    GOSSIP_DEAD = 5,
    GOSSIP_PUSH_PULL = 6,
    GOSSIP_COMPOUND = 7,
    GOSSIP_USER = 8,
    GOSSIP_COMPRESSED = 9,
    GOSSIP_ENCRYPTED = 10, /* streams only; a datagram starts with the encryption's version */
    GOSSIP_NACK = 11,
    GOSSIP_CRC = 12,
    GOSSIP_ERROR = 13,
    GOSSIP_LABEL = 244,
};

enum {
    GOSSIP_NAME_MAX = 255, /* a Kubernetes node name has at most 253 */
    GOSSIP_META_MAX = 512, /* memberlist's MetaMaxSize */
    GOSSIP_VSN_LEN = 6,
    GOSSIP_ERROR_MAX = 255,
    GOSSIP_PARTS_MAX = 255,
    GOSSIP_MESSAGE_MAX = 2048, /* any message that we write, but for push/pull */
    GOSSIP_STATE_MAX = 8192,   /* one encoded node of a push/pull, and other values in a stream */
};

/* Limits on what a stream may announce (changes-0.16.2 12, spec speaker-l2 6.20). */
#define GOSSIP_NODES_MAX INT64_C(1048576)
#define GOSSIP_USER_MAX (INT64_C(20) << 20)

struct gossip_name {
    char s[GOSSIP_NAME_MAX + 1]; /* without NUL inside; "" is absent */
};

struct gossip_addr {
    struct ip ip; /* IP_NONE: absent */
    uint16_t port;
};

bool gossip_addr_eq(struct gossip_addr a, struct gossip_addr b);

struct gossip_meta {
    uint16_t len;
    uint8_t bytes[GOSSIP_META_MAX];
};

/* Protocol and delegate versions (spec speaker-l2 6.9). */
struct gossip_vsn {
    uint8_t len; /* 0: absent. Else what was sent, at most GOSSIP_VSN_LEN */
    uint8_t pmin, pmax, pcur, dmin, dmax, dcur;
};

struct gossip_ping {
    uint32_t seq;
    struct gossip_name node;        /* the intended receiver; absent: whoever gets it */
    struct gossip_addr source;      /* where the ack goes; absent: to the sender */
    struct gossip_name source_node; /* may be absent */
};

struct gossip_indirect_ping {
    uint32_t seq;
    struct gossip_addr target;
    struct gossip_name node;
    bool nack; /* tell the requester when there is no ack */
    struct gossip_addr source;
    struct gossip_name source_node;
};

/* Suspect and dead: `from` says so of `node`. A dead message from the node itself is its leave. */
struct gossip_accusation {
    uint32_t incarnation;
    struct gossip_name node, from;
};

enum gossip_state { GOSSIP_IS_ALIVE, GOSSIP_IS_SUSPECT, GOSSIP_IS_DEAD, GOSSIP_HAS_LEFT };

/* An alive message, or one node of a push/pull. */
struct gossip_record {
    struct gossip_name name;
    struct gossip_addr addr;
    struct gossip_meta meta;
    uint32_t incarnation;
    int64_t state; /* enum gossip_state, or one to ignore. Not in alive messages */
    struct gossip_vsn vsn;
};

struct gossip_header {
    int64_t nodes, user_len; /* read: within the limits above */
    bool join;
};

struct gossip_error {
    char s[GOSSIP_ERROR_MAX + 1]; /* the beginning of the text */
};

/* 0, or -EBADMSG with nothing written. */
NODISCARD int gossip_read_ping(struct gossip_ping *ret, struct rd *r);
NODISCARD int gossip_read_indirect_ping(struct gossip_indirect_ping *ret, struct rd *r);
NODISCARD int gossip_read_seq(uint32_t *ret, struct rd *r); /* ack and nack */
NODISCARD int gossip_read_accusation(struct gossip_accusation *ret, struct rd *r);
NODISCARD int gossip_read_alive(struct gossip_record *ret, struct rd *r);
NODISCARD int gossip_read_header(struct gossip_header *ret, struct rd *r);
NODISCARD int gossip_read_state(struct gossip_record *ret, struct rd *r);
NODISCARD int gossip_read_user_header(int64_t *ret_len, struct rd *r);
NODISCARD int gossip_read_error(struct gossip_error *ret, struct rd *r);

void gossip_write_ping(struct wr *w, const struct gossip_ping *p);
void gossip_write_indirect_ping(struct wr *w, const struct gossip_indirect_ping *p);
void gossip_write_ack(struct wr *w, uint32_t seq);
void gossip_write_nack(struct wr *w, uint32_t seq);
/* `type` is GOSSIP_SUSPECT or GOSSIP_DEAD. */
void gossip_write_accusation(struct wr *w, enum gossip_type type,
                             const struct gossip_accusation *a);
void gossip_write_alive(struct wr *w, const struct gossip_record *a);
void gossip_write_header(struct wr *w, const struct gossip_header *h); /* GOSSIP_PUSH_PULL */
void gossip_write_state(struct wr *w, const struct gossip_record *s);  /* has no type byte */
void gossip_write_error(struct wr *w, const char *text);

/* The LZW stream of a compressed wrapper, in place. */
NODISCARD int gossip_read_compressed(struct rd *ret_lzw, struct rd *r);
void gossip_write_compressed(struct wr *w, const uint8_t *lzw, size_t len);

/* Parts of a compound message, each with its own type byte. */
struct gossip_compound {
    struct rd lengths, parts;
};

NODISCARD int gossip_read_compound(struct gossip_compound *ret, struct rd *r);
/* The next part; false at the end and at a part that is cut off, which ends the message. */
bool gossip_compound_next(struct gossip_compound *c, struct rd *ret);

struct gossip_part {
    const uint8_t *bytes;
    size_t len;
};

void gossip_write_compound(struct wr *w, const struct gossip_part *parts, size_t count);

uint32_t gossip_crc(const uint8_t *bytes, size_t len); /* CRC-32/IEEE */
