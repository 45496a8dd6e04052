/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrapped around messages on the wire (spec speaker-l2 6.4, 6.5): compression, checksum and
 * encryption of a datagram; compression, encryption and the end of a frame on a stream.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gossip/gossip_crypt.h"
#include "gossip/gossip_wire.h"

enum {
    GOSSIP_PACKET_MAX = 65536, /* a datagram, and what it may expand to */
    GOSSIP_PACKET_DEPTH = 4,   /* of wrappers in wrappers; memberlist nests two */
};
#define GOSSIP_FRAME_MAX ((size_t)20 << 20)    /* on the wire */
#define GOSSIP_EXPANDED_MAX ((size_t)40 << 20) /* after decompression */

/* Bytes on the heap. Zeroed: none. */
struct gossip_blob {
    uint8_t *bytes; /* owned */
    size_t len;
};

void gossip_blob_done(struct gossip_blob *b); /* the struct can be used again */

struct gossip_wrap {
    bool compress;
    bool crc;                        /* datagrams only */
    const struct gossip_key *key;    /* NULL: no encryption */
    uint8_t nonce[GOSSIP_NONCE_LEN]; /* never twice with one key; unused without */
};

/* A datagram around a message that has its type byte. 0, or -EIO from the crypto library. */
NODISCARD int gossip_packet_write(struct gossip_blob *ret, const struct gossip_wrap *wrap,
                                  struct gossip_part message);
/* A frame for a stream. With `compress` it is always compressed, even when that makes it larger. */
NODISCARD int gossip_frame_write(struct gossip_blob *ret, const struct gossip_wrap *wrap,
                                 struct gossip_part message);

struct gossip_unwrap {
    const struct gossip_keyring *ring;
    bool verify; /* with keys: refuse what is not encrypted with one of them */
};

enum gossip_opened {
    GOSSIP_OPENED,
    GOSSIP_BAD_LABEL, /* a label, and we have none */
    GOSSIP_BAD_KEY,   /* no key of ours opens it */
    GOSSIP_BAD_CRC,
    GOSSIP_BAD_FRAME,         /* malformed, empty, or too large when expanded */
    GOSSIP_NOT_ENCRYPTED,     /* streams: we have keys, it is plain */
    GOSSIP_ENCRYPTED_NO_KEYS, /* streams: it is encrypted, we have no keys */
};

const char *gossip_opened_text(enum gossip_opened o); /* as memberlist words it to the peer */

struct gossip_message {
    uint8_t type;
    struct rd body;
    int key;                            /* index into the keyring, -1: it was not encrypted */
    struct gossip_blob plain, expanded; /* owned: where the body may lie */
};

void gossip_message_done(struct gossip_message *m);

/* One datagram, without expanding it. *ret, whose body borrows from `bytes`, is written for
 * GOSSIP_OPENED only. */
enum gossip_opened gossip_packet_open(struct gossip_message *ret, const struct gossip_unwrap *u,
                                      struct gossip_part bytes);

typedef void (*gossip_message_fn)(void *arg, uint8_t type, struct rd *body);

/* Calls `fn` for every message inside, through compound and compressed ones. Returns how many
 * wrappers were malformed or nested too deep. */
unsigned gossip_message_each(const struct gossip_message *m, gossip_message_fn fn, void *arg);

/* One frame, decrypted and expanded. */
enum gossip_opened gossip_frame_open(struct gossip_message *ret, const struct gossip_unwrap *u,
                                     struct gossip_part frame);

/*
 * Collects a frame from a stream until it is whole. Only encrypted frames announce their length;
 * the end of others is found value by value.
 */
struct gossip_reader {
    uint8_t *bytes; /* owned; the frame is the first `len` once it is whole */
    size_t len, cap;
    size_t max;     /* of the frame */
    size_t scanned; /* bytes known to be whole values */
    uint8_t stage;
    uint64_t values_left; /* to come after `scanned`, */
    uint64_t bytes_left;  /* and then these */
};

enum gossip_reading { GOSSIP_READ_MORE, GOSSIP_READ_WHOLE, GOSSIP_READ_BAD, GOSSIP_READ_TOO_LARGE };

void gossip_reader_init(struct gossip_reader *r, size_t max);
void gossip_reader_done(struct gossip_reader *r);

/* Once the answer is not GOSSIP_READ_MORE it stays, and further bytes are ignored. */
enum gossip_reading gossip_reader_feed(struct gossip_reader *r, const uint8_t *bytes, size_t len);
