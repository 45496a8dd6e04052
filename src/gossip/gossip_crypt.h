/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, and AES-GCM around a message (spec speaker-l2 6.8, changes-0.16.2 3).
 *
 * MetalLB 0.16.2 takes SHA-256(secret) as its key; 0.14.0 to 0.16.1 took the first 32 bytes of the
 * secret followed by SHA-256(""). A keyring holds both, the new one first: what a peer sends is
 * tried with each, and a peer of the older kind is answered in its own key.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "gossip/gossip_wire.h"

enum {
    GOSSIP_KEY_MAX = 32,
    GOSSIP_KEYS_MAX = 2,
    GOSSIP_NONCE_LEN = 12,
    GOSSIP_TAG_LEN = 16,
    GOSSIP_SEAL_OVERHEAD = 1 + GOSSIP_NONCE_LEN + GOSSIP_TAG_LEN,
};

struct gossip_key {
    uint8_t bytes[GOSSIP_KEY_MAX];
    size_t len; /* 16, 24 or 32: AES-128, AES-192 or AES-256 */
};

struct gossip_keyring {
    struct gossip_key keys[GOSSIP_KEYS_MAX]; /* the first is ours */
    size_t count;                            /* 0: no encryption */
};

/* The bytes of the file as they are. An empty secret makes an empty keyring. 0, or -EIO when the
 * library has no SHA-256. */
NODISCARD int gossip_keyring_from_secret(struct gossip_keyring *ret, const uint8_t *secret,
                                         size_t len);
void gossip_keyring_wipe(struct gossip_keyring *k);

/* Writes plain.len + GOSSIP_SEAL_OVERHEAD bytes, of version 1. 0, or -EIO from the library. */
NODISCARD int gossip_seal(uint8_t *ret, const struct gossip_key *key,
                          const uint8_t nonce[GOSSIP_NONCE_LEN], struct gossip_part aad,
                          struct gossip_part plain);

/*
 * Opens version 1 and version 0 (with its padding taken off). `ret` has room for sealed.len bytes,
 * of which *ret_len are the message. The index of the key that fits, or -EBADMSG.
 */
NODISCARD int gossip_open(uint8_t *ret, size_t *ret_len, const struct gossip_keyring *ring,
                          struct gossip_part aad, struct gossip_part sealed);
