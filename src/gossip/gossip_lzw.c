/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_lzw.h"

#include "base/mem.h"
#include "base/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    LITERALS = 256, /* codes below are bytes */
    CLEAR = 256,
    END = 257,
    WIDTH_MIN = 9,
    WIDTH_MAX = 12,
    CODES = 1 << WIDTH_MAX,
    CODE_LAST = CODES - 1,
    NO_CODE = 0xffff,
    SLOT_BITS = 14,
    SLOTS = 1 << SLOT_BITS, /* of the encoder's hash: at most a quarter is in use */
};

struct encoder {
    uint8_t *out;
    size_t len;
    uint32_t held; /* the low `held_count` bits are still to go out */
    unsigned held_count, width;
    uint16_t next;         /* what the last code that went out made known, or END */
    uint32_t slots[SLOTS]; /* prefix code, byte and code of a known string, + 1; 0: free */
};

static void encoder_put(struct encoder *e, uint16_t code, unsigned width)
{
    e->held |= (uint32_t)code << e->held_count;
    e->held_count += width;
    for (; e->held_count >= 8; e->held_count -= 8) {
        e->out[e->len++] = (uint8_t)e->held;
        e->held >>= 8;
    }
}

static void encoder_clear(struct encoder *e)
{
    e->width = WIDTH_MIN;
    e->next = END;
    memset(e->slots, 0, sizeof(e->slots));
}

/* Codes widen as soon as the next could need it; a full table starts anew. False in that case. */
static bool encoder_advance(struct encoder *e)
{
    e->next++;
    if (e->next == 1 << e->width)
        e->width++;
    if (e->next < CODE_LAST)
        return true;
    encoder_put(e, CLEAR, e->width);
    encoder_clear(e);
    return false;
}

/* The slot of the string `prefix` + `byte`, or the free one where it belongs. */
static uint32_t *encoder_slot(struct encoder *e, uint16_t prefix, uint8_t byte)
{
    uint32_t key = (uint32_t)prefix << 8 | byte;
    uint32_t at = key * UINT32_C(0x9e3779b1) >> (32 - SLOT_BITS);

    while (e->slots[at] != 0 && (e->slots[at] - 1) >> WIDTH_MAX != key)
        at = (at + 1) & (SLOTS - 1);
    return &e->slots[at];
}

static void encoder_run(struct encoder *e, const uint8_t *bytes, size_t len)
{
    uint16_t code = bytes[0];

    for (size_t i = 1; i < len; i++) {
        uint32_t *slot = encoder_slot(e, code, bytes[i]);

        if (*slot != 0) {
            code = (uint16_t)((*slot - 1) & CODE_LAST);
            continue;
        }
        encoder_put(e, code, e->width);
        if (encoder_advance(e))
            *slot = ((uint32_t)code << 20 | (uint32_t)bytes[i] << WIDTH_MAX | e->next) + 1;
        code = bytes[i];
    }
    encoder_put(e, code, e->width);
    (void)encoder_advance(e); /* only the width still matters */
}

size_t gossip_lzw_bound(size_t len)
{
    return len + len / 2 + len / 1024 + 16; /* 12 bits a byte, clear codes, start and end */
}

size_t gossip_lzw_compress(uint8_t *ret, const uint8_t *bytes, size_t len)
{
    CLEANUP(xfreep) struct encoder *e = xcalloc(1, sizeof(*e));

    e->out = ret;
    encoder_clear(e);
    encoder_put(e, CLEAR, e->width);
    if (len > 0)
        encoder_run(e, bytes, len);
    encoder_put(e, END, e->width);
    encoder_put(e, 0, 7); /* zeros up to the end of the byte */
    assert(e->len <= gossip_lzw_bound(len));
    return e->len;
}

struct decoder {
    struct rd in;
    uint32_t held;
    unsigned held_count, width;
    uint8_t *out;
    size_t len, cap, max;
    uint16_t next, last;    /* the next code to become known; the code before, or NO_CODE */
    uint16_t prefix[CODES]; /* of every known code from END + 1 on: its string is that of */
    uint8_t suffix[CODES];  /* `prefix`, which is smaller, and this byte, */
    uint16_t length[CODES]; /* and so long */
};

static uint16_t decoder_take(struct decoder *d)
{
    uint16_t code;

    while (d->held_count < d->width) {
        if (d->in.left == 0)
            return NO_CODE;
        d->held |= (uint32_t)rd_u8(&d->in) << d->held_count;
        d->held_count += 8;
    }
    code = (uint16_t)(d->held & ((1u << d->width) - 1));
    d->held >>= d->width;
    d->held_count -= d->width;
    return code;
}

static void decoder_clear(struct decoder *d)
{
    d->width = WIDTH_MIN;
    d->next = END;
    d->last = NO_CODE;
}

static uint16_t decoder_length(const struct decoder *d, uint16_t code)
{
    return code < LITERALS ? 1 : d->length[code];
}

static uint8_t decoder_first(const struct decoder *d, uint16_t code)
{
    while (code >= LITERALS)
        code = d->prefix[code];
    return (uint8_t)code;
}

/* The string before and the first byte of this one become a code. It may be this very one. */
static void decoder_learn(struct decoder *d, uint16_t code)
{
    d->prefix[d->next] = d->last;
    d->suffix[d->next] = decoder_first(d, code == d->next ? d->last : code);
    d->length[d->next] = (uint16_t)(decoder_length(d, d->last) + 1);
}

static int decoder_emit(struct decoder *d, uint16_t code)
{
    uint16_t n = decoder_length(d, code);

    if (n > d->max - d->len)
        return -E2BIG;
    d->out = array_grow(d->out, &d->cap, d->len + n, 1);
    for (size_t at = d->len + n - 1; code >= LITERALS; code = d->prefix[code])
        d->out[at--] = d->suffix[code];
    d->out[d->len] = (uint8_t)code;
    d->len += n;
    return 0;
}

/* Mirrors encoder_advance, but a full table only stops learning: clearing is the encoder's step. */
static void decoder_advance(struct decoder *d, uint16_t code)
{
    d->last = code;
    d->next++;
    if (d->next < 1 << d->width)
        return;
    if (d->width < WIDTH_MAX) {
        d->width++;
        return;
    }
    d->last = NO_CODE;
    d->next = CODE_LAST;
}

static int decoder_run(struct decoder *d)
{
    for (;;) {
        uint16_t code = decoder_take(d);
        int r;

        if (code == END)
            return 0;
        if (code == CLEAR) {
            decoder_clear(d);
            continue;
        }
        /* NO_CODE too is larger than any. After a clear `next` is END, so only bytes are known. */
        if (code > d->next)
            return -EBADMSG;
        if (d->last != NO_CODE)
            decoder_learn(d, code);
        r = decoder_emit(d, code);
        if (r < 0)
            return r;
        decoder_advance(d, code);
    }
}

int gossip_lzw_expand(uint8_t **ret, size_t *ret_len, const uint8_t *lzw, size_t lzw_len,
                      size_t max)
{
    CLEANUP(xfreep) struct decoder *d = xcalloc(1, sizeof(*d));
    int r;

    d->in = rd_from(lzw, lzw_len);
    d->max = max;
    decoder_clear(d);
    r = decoder_run(d);
    if (r < 0) {
        free(d->out);
        return r;
    }
    *ret = d->out != NULL ? d->out : xmalloc(1);
    *ret_len = d->len;
    return 0;
}
