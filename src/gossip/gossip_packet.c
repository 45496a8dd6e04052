/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_packet.h"

#include "base/mem.h"
#include "gossip/gossip_lzw.h"
#include "gossip/gossip_msgpack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    CRC_OVERHEAD = 5,
    FRAME_HEAD = 5,         /* type byte and length of an encrypted frame */
    COMPRESS_OVERHEAD = 18, /* type byte, map, two keys, an algorithm, a length */
    EXPANSIONS_MAX = 4,     /* a datagram's share of GOSSIP_PACKET_MAX, in all its parts together */
};

void gossip_blob_done(struct gossip_blob *b)
{
    free(b->bytes);
    *b = (struct gossip_blob){0};
}

static struct gossip_part part_of(const struct gossip_blob *b)
{
    return (struct gossip_part){b->bytes, b->len};
}

static struct gossip_blob compress(struct gossip_part message)
{
    CLEANUP(xfreep) uint8_t *lzw = xmalloc(gossip_lzw_bound(message.len));
    size_t lzw_len = gossip_lzw_compress(lzw, message.bytes, message.len);
    struct gossip_blob b = {.bytes = xmalloc(lzw_len + COMPRESS_OVERHEAD)};
    struct wr w = wr_to(b.bytes, lzw_len + COMPRESS_OVERHEAD);

    gossip_write_compressed(&w, lzw, lzw_len);
    assert(!w.bad);
    b.len = w.len;
    return b;
}

static struct gossip_blob add_crc(struct gossip_part message)
{
    struct gossip_blob b = {xmalloc(message.len + CRC_OVERHEAD), message.len + CRC_OVERHEAD};
    struct wr w = wr_to(b.bytes, b.len);

    wr_u8(&w, GOSSIP_CRC);
    wr_u32(&w, gossip_crc(message.bytes, message.len));
    wr_bytes(&w, message.bytes, message.len);
    return b;
}

static struct gossip_blob copy(struct gossip_part message)
{
    struct gossip_blob b = {xmalloc(message.len + 1), message.len};
    struct wr w = wr_to(b.bytes, b.len);

    wr_bytes(&w, message.bytes, message.len);
    return b;
}

int gossip_packet_write(struct gossip_blob *ret, const struct gossip_wrap *wrap,
                        struct gossip_part message)
{
    CLEANUP(gossip_blob_done) struct gossip_blob compressed = {0};
    CLEANUP(gossip_blob_done) struct gossip_blob checked = {0};
    CLEANUP(gossip_blob_done) struct gossip_blob sealed = {0};

    if (wrap->compress)
        compressed = compress(message);
    if (wrap->compress && compressed.len < message.len)
        message = part_of(&compressed);
    if (wrap->crc) {
        checked = add_crc(message);
        message = part_of(&checked);
    }
    if (wrap->key == NULL) {
        *ret = copy(message);
        return 0;
    }
    sealed = (struct gossip_blob){xmalloc(message.len + GOSSIP_SEAL_OVERHEAD),
                                  message.len + GOSSIP_SEAL_OVERHEAD};
    if (gossip_seal(sealed.bytes, wrap->key, wrap->nonce, (struct gossip_part){0}, message) < 0)
        return -EIO;
    *ret = (struct gossip_blob){TAKE(sealed.bytes), sealed.len};
    return 0;
}

/* The header is authenticated with the text (spec speaker-l2 6.5). */
static int seal_frame(struct gossip_blob *ret, const struct gossip_wrap *wrap,
                      struct gossip_part message)
{
    size_t sealed_len = message.len + GOSSIP_SEAL_OVERHEAD;
    CLEANUP(gossip_blob_done)
    struct gossip_blob b = {xmalloc(FRAME_HEAD + sealed_len), FRAME_HEAD + sealed_len};
    struct wr w = wr_to(b.bytes, b.len);

    assert(sealed_len <= UINT32_MAX);
    wr_u8(&w, GOSSIP_ENCRYPTED);
    wr_u32(&w, (uint32_t)sealed_len);
    if (gossip_seal(b.bytes + FRAME_HEAD, wrap->key, wrap->nonce,
                    (struct gossip_part){b.bytes, FRAME_HEAD}, message) < 0)
        return -EIO;
    *ret = (struct gossip_blob){TAKE(b.bytes), b.len};
    return 0;
}

int gossip_frame_write(struct gossip_blob *ret, const struct gossip_wrap *wrap,
                       struct gossip_part message)
{
    CLEANUP(gossip_blob_done) struct gossip_blob compressed = {0};

    if (wrap->compress) {
        compressed = compress(message);
        message = part_of(&compressed);
    }
    if (wrap->key != NULL)
        return seal_frame(ret, wrap, message);
    *ret = copy(message);
    return 0;
}

const char *gossip_opened_text(enum gossip_opened o)
{
    switch (o) {
    case GOSSIP_OPENED:
        return "";
    case GOSSIP_BAD_LABEL:
        return "discarding a message with an unacceptable label";
    case GOSSIP_BAD_KEY:
        return "no installed keys could decrypt the message";
    case GOSSIP_BAD_CRC:
        return "checksum mismatch";
    case GOSSIP_BAD_FRAME:
        return "malformed message";
    case GOSSIP_NOT_ENCRYPTED:
        return "encryption is configured but remote state is not encrypted";
    case GOSSIP_ENCRYPTED_NO_KEYS:
        return "remote state is encrypted and encryption is not configured";
    }
    return "";
}

void gossip_message_done(struct gossip_message *m)
{
    gossip_blob_done(&m->plain);
    gossip_blob_done(&m->expanded);
}

/* The index of the key, with the text in *ret, or -EBADMSG. */
static int decrypt(struct gossip_blob *ret, const struct gossip_keyring *ring,
                   struct gossip_part aad, struct gossip_part sealed)
{
    CLEANUP(gossip_blob_done) struct gossip_blob b = {xmalloc(sealed.len + 1), 0};
    int key = gossip_open(b.bytes, &b.len, ring, aad, sealed);

    if (key >= 0)
        *ret = (struct gossip_blob){TAKE(b.bytes), b.len};
    return key;
}

enum gossip_opened gossip_packet_open(struct gossip_message *ret, const struct gossip_unwrap *u,
                                      struct gossip_part bytes)
{
    struct gossip_message m = {.key = -1, .body = rd_from(bytes.bytes, bytes.len)};
    uint32_t crc;

    if (bytes.len > 0 && bytes.bytes[0] == GOSSIP_LABEL)
        return GOSSIP_BAD_LABEL;
    if (u->ring->count > 0) {
        m.key = decrypt(&m.plain, u->ring, (struct gossip_part){0}, bytes);
        if (m.key < 0 && u->verify)
            return GOSSIP_BAD_KEY;
        if (m.key >= 0)
            m.body = rd_from(m.plain.bytes, m.plain.len);
        else
            m.key = -1;
    }
    if (m.body.left >= CRC_OVERHEAD && m.body.pos[0] == GOSSIP_CRC) {
        rd_skip(&m.body, 1);
        crc = rd_u32(&m.body);
        if (crc != gossip_crc(m.body.pos, m.body.left)) {
            gossip_message_done(&m);
            return GOSSIP_BAD_CRC;
        }
    }
    m.type = rd_u8(&m.body);
    if (m.body.bad) {
        gossip_message_done(&m);
        return GOSSIP_BAD_FRAME;
    }
    *ret = m;
    return GOSSIP_OPENED;
}

/* One walk through the messages of a datagram. */
struct walk {
    gossip_message_fn fn;
    void *arg;
    size_t room; /* bytes that may still be expanded */
    unsigned malformed;
};

static void walk_message(struct walk *walk, struct rd *message, int depth);

static void walk_compound(struct walk *walk, struct rd *body, int depth)
{
    struct gossip_compound c;
    struct rd part;

    if (gossip_read_compound(&c, body) < 0) {
        walk->malformed++;
        return;
    }
    while (gossip_compound_next(&c, &part))
        walk_message(walk, &part, depth - 1);
    walk->malformed += c.parts.bad ? 1 : 0;
}

static void walk_compressed(struct walk *walk, struct rd *body, int depth)
{
    CLEANUP(gossip_blob_done) struct gossip_blob b = {0};
    size_t max = walk->room < GOSSIP_PACKET_MAX ? walk->room : GOSSIP_PACKET_MAX;
    struct rd lzw, message;

    if (gossip_read_compressed(&lzw, body) < 0 ||
        gossip_lzw_expand(&b.bytes, &b.len, lzw.pos, lzw.left, max) < 0) {
        walk->malformed++;
        return;
    }
    walk->room -= b.len;
    message = rd_from(b.bytes, b.len);
    walk_message(walk, &message, depth - 1);
}

static void walk_body(struct walk *walk, uint8_t type, struct rd *body, int depth)
{
    if (depth == 0)
        walk->malformed++;
    else if (type == GOSSIP_COMPOUND)
        walk_compound(walk, body, depth);
    else if (type == GOSSIP_COMPRESSED)
        walk_compressed(walk, body, depth);
    else
        walk->fn(walk->arg, type, body);
}

static void walk_message(struct walk *walk, struct rd *message, int depth)
{
    uint8_t type = rd_u8(message);

    if (message->bad)
        walk->malformed++;
    else
        walk_body(walk, type, message, depth);
}

unsigned gossip_message_each(const struct gossip_message *m, gossip_message_fn fn, void *arg)
{
    struct walk walk = {.fn = fn, .arg = arg, .room = EXPANSIONS_MAX * GOSSIP_PACKET_MAX};
    struct rd body = m->body;

    walk_body(&walk, m->type, &body, GOSSIP_PACKET_DEPTH);
    return walk.malformed;
}

/* Takes the encryption off `m`, whose body is the whole frame. */
static enum gossip_opened open_encrypted(struct gossip_message *m, const struct gossip_unwrap *u,
                                         struct gossip_part frame)
{
    struct rd r = rd_from(frame.bytes, frame.len);
    struct rd sealed;

    if (u->ring->count == 0)
        return GOSSIP_ENCRYPTED_NO_KEYS;
    rd_skip(&r, 1);
    sealed = rd_sub(&r, rd_u32(&r));
    if (r.bad)
        return GOSSIP_BAD_FRAME;
    m->key = decrypt(&m->plain, u->ring, (struct gossip_part){frame.bytes, FRAME_HEAD},
                     (struct gossip_part){sealed.pos, sealed.left});
    m->body = rd_from(m->plain.bytes, m->plain.len);
    return m->key >= 0 ? GOSSIP_OPENED : GOSSIP_BAD_KEY;
}

static enum gossip_opened open_compressed(struct gossip_message *m)
{
    struct rd lzw;

    if (gossip_read_compressed(&lzw, &m->body) < 0 ||
        gossip_lzw_expand(&m->expanded.bytes, &m->expanded.len, lzw.pos, lzw.left,
                          GOSSIP_EXPANDED_MAX) < 0)
        return GOSSIP_BAD_FRAME;
    m->body = rd_from(m->expanded.bytes, m->expanded.len);
    m->type = rd_u8(&m->body);
    return m->body.bad ? GOSSIP_BAD_FRAME : GOSSIP_OPENED;
}

enum gossip_opened gossip_frame_open(struct gossip_message *ret, const struct gossip_unwrap *u,
                                     struct gossip_part frame)
{
    struct gossip_message m = {.key = -1, .body = rd_from(frame.bytes, frame.len)};
    enum gossip_opened o = GOSSIP_OPENED;

    if (frame.len == 0)
        return GOSSIP_BAD_FRAME;
    if (frame.bytes[0] == GOSSIP_LABEL)
        return GOSSIP_BAD_LABEL;
    if (frame.bytes[0] == GOSSIP_ENCRYPTED)
        o = open_encrypted(&m, u, frame);
    else if (u->ring->count > 0 && u->verify)
        o = GOSSIP_NOT_ENCRYPTED;
    if (o == GOSSIP_OPENED) {
        m.type = rd_u8(&m.body);
        if (m.body.bad)
            o = GOSSIP_BAD_FRAME;
        else if (m.type == GOSSIP_COMPRESSED)
            o = open_compressed(&m);
    }
    if (o == GOSSIP_OPENED)
        *ret = m;
    else
        gossip_message_done(&m);
    return o;
}

enum stage {
    STAGE_TYPE,
    STAGE_LENGTH,
    STAGE_MAP,
    STAGE_HEADER,
    STAGE_VALUES,
    STAGE_WHOLE,
    STAGE_BAD,
    STAGE_TOO_LARGE
};

/* A compressed wrapper has two keys; more would be unknown ones. */
enum { WRAPPER_KEYS_MAX = 16 };

void gossip_reader_init(struct gossip_reader *r, size_t max)
{
    *r = (struct gossip_reader){.max = max};
}

void gossip_reader_done(struct gossip_reader *r)
{
    free(r->bytes);
    *r = (struct gossip_reader){0};
}

static void reader_type(struct gossip_reader *r)
{
    if (r->len == 0)
        return;
    r->scanned = 1;
    switch (r->bytes[0]) {
    case GOSSIP_ENCRYPTED:
        r->stage = STAGE_LENGTH;
        return;
    case GOSSIP_COMPRESSED:
        r->stage = STAGE_MAP;
        return;
    case GOSSIP_PUSH_PULL:
    case GOSSIP_USER:
        r->stage = STAGE_HEADER;
        return;
    case GOSSIP_PING:
    case GOSSIP_ACK:
    case GOSSIP_ERROR:
        r->values_left = 1;
        break;
    default: /* refused whatever follows */
        break;
    }
    r->stage = STAGE_VALUES;
}

static void reader_length(struct gossip_reader *r)
{
    struct rd head = rd_from(r->bytes, r->len);

    if (r->len < FRAME_HEAD)
        return;
    rd_skip(&head, 1);
    r->bytes_left = rd_u32(&head);
    r->scanned = FRAME_HEAD;
    r->stage = r->bytes_left > r->max - r->scanned ? STAGE_TOO_LARGE : STAGE_VALUES;
}

/* Whether the value at `scanned` is whole, and its length. Containers have to be small, so that
 * looking at one again and again costs little; looking at a string is cheap at any size. */
static bool reader_value(struct gossip_reader *r, size_t *ret_len)
{
    const uint8_t *at = r->bytes + r->scanned;
    size_t left = r->len - r->scanned;

    switch (msgpack_find_end(ret_len, at, left)) {
    case MSGPACK_WHOLE:
        return true;
    case MSGPACK_MORE:
        if (left > GOSSIP_STATE_MAX && !msgpack_is_string(at[0]))
            r->stage = STAGE_BAD;
        return false;
    case MSGPACK_BAD:
        r->stage = STAGE_BAD;
        return false;
    }
    return false;
}

static void reader_map(struct gossip_reader *r)
{
    struct rd map = rd_from(r->bytes + r->scanned, r->len - r->scanned);
    uint32_t count = msgpack_read_map(&map);

    if (r->len == r->scanned)
        return;
    if (map.bad && msgpack_is_map(r->bytes[r->scanned]))
        return; /* its length is cut off */
    if (map.bad || count > WRAPPER_KEYS_MAX) {
        r->stage = STAGE_BAD;
        return;
    }
    r->scanned = r->len - map.left;
    r->values_left = 2 * (uint64_t)count;
    r->stage = STAGE_VALUES;
}

static void reader_header(struct gossip_reader *r)
{
    struct gossip_header h = {0};
    struct rd header;
    size_t len;
    int e;

    if (!reader_value(r, &len))
        return;
    header = rd_from(r->bytes + r->scanned, len);
    e = r->bytes[0] == GOSSIP_USER ? gossip_read_user_header(&h.user_len, &header)
                                   : gossip_read_header(&h, &header);
    r->scanned += len;
    r->values_left = (uint64_t)h.nodes;
    r->bytes_left = (uint64_t)h.user_len;
    r->stage = e < 0 ? STAGE_BAD : STAGE_VALUES;
}

static void reader_values(struct gossip_reader *r)
{
    size_t len;

    while (r->values_left > 0) {
        if (!reader_value(r, &len))
            return;
        r->scanned += len;
        r->values_left--;
    }
    if (r->bytes_left > r->max - r->scanned) {
        r->stage = STAGE_TOO_LARGE;
    } else if (r->len - r->scanned >= r->bytes_left) {
        r->len = r->scanned + (size_t)r->bytes_left;
        r->stage = STAGE_WHOLE;
    }
}

/* One step; true while it led to another stage. */
static bool reader_step(struct gossip_reader *r)
{
    enum stage before = r->stage;

    switch (before) {
    case STAGE_TYPE:
        reader_type(r);
        break;
    case STAGE_LENGTH:
        reader_length(r);
        break;
    case STAGE_MAP:
        reader_map(r);
        break;
    case STAGE_HEADER:
        reader_header(r);
        break;
    case STAGE_VALUES:
        reader_values(r);
        break;
    case STAGE_WHOLE:
    case STAGE_BAD:
    case STAGE_TOO_LARGE:
        break;
    }
    return r->stage != before;
}

static enum gossip_reading reader_verdict(const struct gossip_reader *r)
{
    switch ((enum stage)r->stage) {
    case STAGE_WHOLE:
        return GOSSIP_READ_WHOLE;
    case STAGE_BAD:
        return GOSSIP_READ_BAD;
    case STAGE_TOO_LARGE:
        return GOSSIP_READ_TOO_LARGE;
    case STAGE_TYPE:
    case STAGE_LENGTH:
    case STAGE_MAP:
    case STAGE_HEADER:
    case STAGE_VALUES:
        break;
    }
    return GOSSIP_READ_MORE;
}

enum gossip_reading gossip_reader_feed(struct gossip_reader *r, const uint8_t *bytes, size_t len)
{
    struct rd in = rd_from(bytes, len);
    size_t fits = len < r->max - r->len ? len : r->max - r->len;

    if (reader_verdict(r) != GOSSIP_READ_MORE)
        return reader_verdict(r);
    r->bytes = array_grow(r->bytes, &r->cap, r->len + fits, 1);
    rd_copy(&in, r->bytes + r->len, fits);
    r->len += fits;
    while (reader_step(r))
        continue;
    if (reader_verdict(r) == GOSSIP_READ_MORE && fits < len)
        r->stage = STAGE_TOO_LARGE;
    return reader_verdict(r);
}
