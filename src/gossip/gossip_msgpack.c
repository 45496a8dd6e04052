/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_msgpack.h"

#include <assert.h>
#include <string.h>

/* The first byte of a value, https://github.com/msgpack/msgpack/blob/master/spec.md */
enum {
    FIXMAP = 0x80,
    FIXARRAY = 0x90,
    FIXRAW = 0xa0,
    NIL = 0xc0,
    RESERVED = 0xc1,
    FALSE = 0xc2,
    TRUE = 0xc3,
    BIN8 = 0xc4,
    BIN16 = 0xc5,
    BIN32 = 0xc6,
    EXT8 = 0xc7,
    EXT16 = 0xc8,
    EXT32 = 0xc9,
    FLOAT32 = 0xca,
    FLOAT64 = 0xcb,
    UINT8 = 0xcc,
    UINT16 = 0xcd,
    UINT32 = 0xce,
    UINT64 = 0xcf,
    INT8 = 0xd0,
    INT16 = 0xd1,
    INT32 = 0xd2,
    INT64 = 0xd3,
    FIXEXT1 = 0xd4,
    FIXEXT16 = 0xd8,
    STR8 = 0xd9,
    RAW16 = 0xda,
    RAW32 = 0xdb,
    ARRAY16 = 0xdc,
    ARRAY32 = 0xdd,
    MAP16 = 0xde,
    MAP32 = 0xdf,
    FIXNEG = 0xe0,
};

/* What is skipped may be nested, but nothing that memberlist sends is nested deeper than two. */
enum { DEPTH_MAX = 8 };

void msgpack_write_map(struct wr *w, unsigned count)
{
    assert(count < 16);
    wr_u8(w, (uint8_t)(FIXMAP | count));
}

void msgpack_write_raw(struct wr *w, const void *bytes, size_t len)
{
    assert(len <= UINT32_MAX);
    if (len < 32) {
        wr_u8(w, (uint8_t)(FIXRAW | len));
    } else if (len <= UINT16_MAX) {
        wr_u8(w, RAW16);
        wr_u16(w, (uint16_t)len);
    } else {
        wr_u8(w, RAW32);
        wr_u32(w, (uint32_t)len);
    }
    wr_bytes(w, bytes, len);
}

void msgpack_write_str(struct wr *w, const char *text)
{
    msgpack_write_raw(w, text, strlen(text));
}

void msgpack_write_nil(struct wr *w)
{
    wr_u8(w, NIL);
}

void msgpack_write_bool(struct wr *w, bool v)
{
    wr_u8(w, v ? TRUE : FALSE);
}

void msgpack_write_uint(struct wr *w, uint32_t v)
{
    if (v <= INT8_MAX) {
        wr_u8(w, (uint8_t)v);
    } else if (v <= UINT8_MAX) {
        wr_u8(w, UINT8);
        wr_u8(w, (uint8_t)v);
    } else if (v <= UINT16_MAX) {
        wr_u8(w, UINT16);
        wr_u16(w, (uint16_t)v);
    } else {
        wr_u8(w, UINT32);
        wr_u32(w, v);
    }
}

void msgpack_write_int(struct wr *w, int64_t v)
{
    if (v >= -32 && v <= INT8_MAX) {
        wr_u8(w, (uint8_t)v);
    } else if (v >= INT8_MIN && v <= INT8_MAX) {
        wr_u8(w, INT8);
        wr_u8(w, (uint8_t)v);
    } else if (v >= INT16_MIN && v <= INT16_MAX) {
        wr_u8(w, INT16);
        wr_u16(w, (uint16_t)v);
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        wr_u8(w, INT32);
        wr_u32(w, (uint32_t)v);
    } else {
        wr_u8(w, INT64);
        wr_u64(w, (uint64_t)v);
    }
}

static void fail(struct rd *r)
{
    r->bad = true;
    r->left = 0;
}

uint32_t msgpack_read_map(struct rd *r)
{
    uint8_t tag = rd_u8(r);

    if (r->bad)
        return 0;
    if (tag >= FIXMAP && tag < FIXARRAY)
        return tag & 0x0f;
    if (tag == MAP16)
        return rd_u16(r);
    if (tag == MAP32)
        return rd_u32(r);
    if (tag != NIL)
        fail(r);
    return 0;
}

/* An integer as its sign and its 64 bits in two's complement. */
static uint64_t read_integer(struct rd *r, bool *ret_negative)
{
    uint8_t tag = rd_u8(r);
    int64_t v = 0;

    *ret_negative = false;
    if (r->bad || tag == NIL)
        return 0;
    if (tag <= INT8_MAX)
        return tag;
    switch (tag) {
    case UINT8:
        return rd_u8(r);
    case UINT16:
        return rd_u16(r);
    case UINT32:
        return rd_u32(r);
    case UINT64:
        return rd_u64(r);
    case INT8:
        v = (int8_t)rd_u8(r);
        break;
    case INT16:
        v = (int16_t)rd_u16(r);
        break;
    case INT32:
        v = (int32_t)rd_u32(r);
        break;
    case INT64:
        v = (int64_t)rd_u64(r);
        break;
    default:
        if (tag < FIXNEG)
            fail(r);
        else
            v = (int8_t)tag;
        break;
    }
    *ret_negative = v < 0;
    return (uint64_t)v;
}

uint64_t msgpack_read_uint(struct rd *r, uint64_t max)
{
    bool negative;
    uint64_t v = read_integer(r, &negative);

    if (negative || v > max)
        fail(r);
    return r->bad ? 0 : v;
}

int64_t msgpack_read_int(struct rd *r)
{
    bool negative;
    uint64_t v = read_integer(r, &negative);

    if (!negative && v > INT64_MAX)
        fail(r);
    return r->bad ? 0 : (int64_t)v;
}

bool msgpack_read_bool(struct rd *r)
{
    uint8_t tag = rd_u8(r);

    if (r->bad || tag == FALSE || tag == NIL || tag == 0)
        return false;
    if (tag == TRUE || tag == 1)
        return true;
    fail(r);
    return false;
}

/* The length of a raw, str or bin value of that tag; false for other tags. */
static bool read_raw_len(struct rd *r, uint8_t tag, size_t *ret)
{
    if (tag >= FIXRAW && tag < NIL) {
        *ret = tag & 0x1f;
        return true;
    }
    switch (tag) {
    case STR8:
    case BIN8:
        *ret = rd_u8(r);
        return true;
    case RAW16:
    case BIN16:
        *ret = rd_u16(r);
        return true;
    case RAW32:
    case BIN32:
        *ret = rd_u32(r);
        return true;
    default:
        return false;
    }
}

struct rd msgpack_read_slice(struct rd *r)
{
    uint8_t tag = rd_u8(r);
    size_t len;

    if (!r->bad && tag == NIL)
        return rd_from(NULL, 0);
    if (r->bad || !read_raw_len(r, tag, &len)) {
        fail(r);
        return rd_sub(r, 1); /* a bad cursor has bad children */
    }
    return rd_sub(r, len);
}

/* The number of elements of an array of that tag; false for other tags. */
static bool read_array_count(struct rd *r, uint8_t tag, uint32_t *ret)
{
    if (tag >= FIXARRAY && tag < FIXRAW) {
        *ret = tag & 0x0f;
        return true;
    }
    if (tag != ARRAY16 && tag != ARRAY32)
        return false;
    *ret = tag == ARRAY16 ? rd_u16(r) : rd_u32(r);
    return true;
}

size_t msgpack_read_bytes(struct rd *r, uint8_t *ret, size_t max)
{
    uint8_t tag = rd_u8(r);
    uint32_t count;
    size_t len;

    if (r->bad || tag == NIL)
        return 0;
    if (read_array_count(r, tag, &count)) {
        if (count > max)
            fail(r);
        for (uint32_t i = 0; !r->bad && i < count; i++)
            ret[i] = (uint8_t)msgpack_read_uint(r, UINT8_MAX);
        return r->bad ? 0 : count;
    }
    if (!read_raw_len(r, tag, &len) || len > max) {
        fail(r);
        return 0;
    }
    rd_copy(r, ret, len);
    return r->bad ? 0 : len;
}

static bool read_map_count(struct rd *r, uint8_t tag, uint32_t *ret)
{
    if (tag >= FIXMAP && tag < FIXARRAY) {
        *ret = tag & 0x0f;
        return true;
    }
    if (tag != MAP16 && tag != MAP32)
        return false;
    *ret = tag == MAP16 ? rd_u16(r) : rd_u32(r);
    return true;
}

/* The bytes that follow the tag of a value without children. */
static size_t scalar_len(struct rd *r, uint8_t tag)
{
    size_t len;

    if (read_raw_len(r, tag, &len))
        return len;
    if (tag >= FIXEXT1 && tag <= FIXEXT16)
        return 1 + ((size_t)1 << (tag - FIXEXT1));
    switch (tag) {
    case EXT8:
        return 1 + (size_t)rd_u8(r);
    case EXT16:
        return 1 + (size_t)rd_u16(r);
    case EXT32:
        return 1 + (size_t)rd_u32(r);
    case UINT8:
    case INT8:
        return 1;
    case UINT16:
    case INT16:
        return 2;
    case UINT32:
    case INT32:
    case FLOAT32:
        return 4;
    case UINT64:
    case INT64:
    case FLOAT64:
        return 8;
    default:
        return 0;
    }
}

/* Steps over one value. `depth` bounds the recursion; every child takes at least a byte. */
static enum msgpack_extent walk(struct rd *r, int depth)
{
    uint8_t tag = rd_u8(r);
    uint64_t children = 0;
    uint32_t count = 0;

    if (r->bad)
        return MSGPACK_MORE;
    if (tag == RESERVED || depth == 0)
        return MSGPACK_BAD;
    if (read_array_count(r, tag, &count))
        children = count;
    else if (read_map_count(r, tag, &count))
        children = 2 * (uint64_t)count;
    else
        rd_skip(r, scalar_len(r, tag));
    for (uint64_t i = 0; !r->bad && i < children; i++) {
        enum msgpack_extent e = walk(r, depth - 1);

        if (e != MSGPACK_WHOLE)
            return e;
    }
    return r->bad ? MSGPACK_MORE : MSGPACK_WHOLE;
}

bool msgpack_is_string(uint8_t first_byte)
{
    return (first_byte >= FIXRAW && first_byte < NIL) ||
           (first_byte >= BIN8 && first_byte <= BIN32) ||
           (first_byte >= STR8 && first_byte <= RAW32);
}

bool msgpack_is_map(uint8_t first_byte)
{
    return (first_byte >= FIXMAP && first_byte < FIXARRAY) || first_byte == MAP16 ||
           first_byte == MAP32;
}

void msgpack_skip(struct rd *r)
{
    if (walk(r, DEPTH_MAX) != MSGPACK_WHOLE)
        fail(r);
}

enum msgpack_extent msgpack_find_end(size_t *ret_len, const uint8_t *bytes, size_t len)
{
    struct rd r = rd_from(bytes, len);
    enum msgpack_extent e = walk(&r, DEPTH_MAX);

    if (e == MSGPACK_WHOLE)
        *ret_len = len - r.left;
    return e;
}
