/* SPDX-License-Identifier: Apache-2.0 */
#include "pulse/pulse_wire.h"

/* The plain functions rather than EVP: a heartbeat is tagged within a microsecond, and nothing is
 * fetched or allocated. OpenSSL 3 marks them as deprecated; all of its releases have them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#define MAGIC UINT32_C(0x534c4250) /* "SLBP" */

enum { VERSION = 1, FLAG_NO_SECRET = 1, HMAC_BLOCK = 64 };
enum { ENTRY_JUDGES = 1, ENTRY_MISSED = 2, ENTRY_LEVEL_SHIFT = 4, ENTRY_KNOWN = 0x73 };

uint64_t pulse_id(const char *name)
{
    uint8_t digest[SHA256_DIGEST_LENGTH] = {0};
    struct rd r = rd_from(digest, sizeof(digest));

    SHA256((const uint8_t *)name, strlen(name), digest);
    return rd_u64(&r);
}

/* RFC 2104. Keys here are never longer than a block. */
static void hmac(uint8_t ret[SHA256_DIGEST_LENGTH], const uint8_t *key, size_t key_len,
                 const void *bytes, size_t len)
{
    uint8_t pad[HMAC_BLOCK] = {0}, inner[SHA256_DIGEST_LENGTH];
    struct rd k = rd_from(key, key_len);
    SHA256_CTX ctx;

    assert(key_len <= sizeof(pad));
    rd_copy(&k, pad, key_len);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36;
    SHA256_Init(&ctx);
    SHA256_Update(&ctx, pad, sizeof(pad));
    SHA256_Update(&ctx, bytes, len);
    SHA256_Final(inner, &ctx);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(&ctx);
    SHA256_Update(&ctx, pad, sizeof(pad));
    SHA256_Update(&ctx, inner, sizeof(inner));
    SHA256_Final(ret, &ctx);
    OPENSSL_cleanse(pad, sizeof(pad));
    OPENSSL_cleanse(&ctx, sizeof(ctx));
}

/* Gossip encrypts with SHA-256(secret), so the way from the secret to this key is another one: the
 * label separates them. */
struct pulse_key pulse_key_from_secret(const uint8_t *secret, size_t len)
{
    static const char label[] = "steellb heartbeat 1";
    struct pulse_key key = {.secret = len > 0};
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256(secret != NULL ? secret : (const uint8_t *)"", len, digest);
    hmac(key.bytes, digest, sizeof(digest), label, sizeof(label) - 1);
    OPENSSL_cleanse(digest, sizeof(digest));
    return key;
}

static void add_tag(struct wr *w, const struct pulse_key *key)
{
    uint8_t tag[SHA256_DIGEST_LENGTH];

    hmac(tag, key->bytes, sizeof(key->bytes), w->start, w->len);
    wr_bytes(w, tag, PULSE_TAG_LEN);
}

void pulse_tag(uint8_t *ret, const uint8_t *bytes, size_t len, const struct pulse_key *key)
{
    struct wr w = wr_to(ret, len + PULSE_TAG_LEN);

    wr_bytes(&w, bytes, len);
    add_tag(&w, key);
}

static void write_entry(struct wr *w, const struct pulse_entry *e)
{
    assert(e->level <= PULSE_LEVEL_MAX);
    wr_u64(w, e->id);
    wr_u32(w, e->epoch);
    wr_u8(w, (uint8_t)((e->judges ? ENTRY_JUDGES : 0) | (e->missed ? ENTRY_MISSED : 0) |
                       e->level << ENTRY_LEVEL_SHIFT));
}

size_t pulse_write(uint8_t *ret, const struct pulse_packet *p, const struct pulse_key *key)
{
    struct wr w = wr_to(ret, PULSE_PACKET_MAX);

    assert(p->count <= PULSE_NODES_MAX);
    wr_u32(&w, MAGIC);
    wr_u8(&w, VERSION);
    wr_u8(&w, key->secret ? 0 : FLAG_NO_SECRET);
    wr_u16(&w, (uint16_t)p->count);
    wr_u64(&w, p->from);
    wr_u64(&w, p->to);
    wr_u64(&w, p->boot);
    wr_u64(&w, p->seq);
    wr_u64(&w, p->to_boot);
    wr_u64(&w, p->echo);
    wr_u32(&w, p->interval_us);
    for (size_t i = 0; i < p->count; i++)
        write_entry(&w, &p->entries[i]);
    add_tag(&w, key);
    assert(!w.bad);
    return w.len;
}

static bool read_entry(struct pulse_entry *ret, struct rd *r)
{
    uint8_t flags;

    ret->id = rd_u64(r);
    ret->epoch = rd_u32(r);
    flags = rd_u8(r);
    ret->judges = (flags & ENTRY_JUDGES) != 0;
    ret->missed = (flags & ENTRY_MISSED) != 0;
    ret->level = (uint8_t)(flags >> ENTRY_LEVEL_SHIFT);
    return (flags & ~ENTRY_KNOWN) == 0;
}

/* After the flags. The tag was seen to be right. */
static bool read_fields(struct pulse_packet *p, struct rd *r)
{
    bool ok;

    p->count = rd_u16(r);
    p->from = rd_u64(r);
    p->to = rd_u64(r);
    p->boot = rd_u64(r);
    p->seq = rd_u64(r);
    p->to_boot = rd_u64(r);
    p->echo = rd_u64(r);
    p->interval_us = rd_u32(r);
    ok = p->count <= PULSE_NODES_MAX && p->boot != 0 && p->interval_us >= PULSE_INTERVAL_MIN_US &&
         p->interval_us <= PULSE_INTERVAL_MAX_US;
    for (size_t i = 0; ok && i < p->count; i++)
        ok = read_entry(&p->entries[i], r);
    return ok && rd_done(r);
}

enum pulse_reading pulse_read(struct pulse_packet *ret, const uint8_t *bytes, size_t len,
                              const struct pulse_key *key)
{
    struct pulse_packet p;
    uint8_t tag[SHA256_DIGEST_LENGTH];
    size_t tagged;
    struct rd r;

    if (len < PULSE_HEAD_LEN + PULSE_TAG_LEN || len > PULSE_PACKET_MAX)
        return PULSE_BAD_FORM;
    tagged = len - PULSE_TAG_LEN;
    r = rd_from(bytes, tagged);
    if (rd_u32(&r) != MAGIC || rd_u8(&r) != VERSION)
        return PULSE_BAD_FORM;
    if (rd_u8(&r) != (key->secret ? 0 : FLAG_NO_SECRET))
        return PULSE_BAD_TAG;
    hmac(tag, key->bytes, sizeof(key->bytes), bytes, tagged);
    if (CRYPTO_memcmp(tag, bytes + tagged, PULSE_TAG_LEN) != 0)
        return PULSE_BAD_TAG;
    if (!read_fields(&p, &r))
        return PULSE_BAD_FORM;
    *ret = p;
    return PULSE_READ;
}
