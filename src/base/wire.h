/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursors over network bytes. No other file copies from, or casts over, received bytes.
 *
 * Both cursors know their end and have a sticky error: a failed read returns 0 and sets `bad`,
 * which also sets `left` to 0 so that loops over `left > 0` end. One check at the end is enough.
 * All integers are big-endian.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
    const uint8_t *pos;
    size_t left;
    bool bad;
};

struct rd rd_from(const void *bytes, size_t len);
bool rd_done(const struct rd *r); /* no error and nothing left over */

uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
void rd_copy(struct rd *r, void *to, size_t n); /* zeroes `to` when it fails */
void rd_skip(struct rd *r, size_t n);
struct rd rd_sub(struct rd *r, size_t n); /* a child limited to the next n bytes */

struct wr {
    uint8_t *start;
    size_t len, cap;
    bool bad; /* capacity exceeded; nothing more is written */
};

struct wr wr_to(void *bytes, size_t cap);

void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_bytes(struct wr *w, const void *bytes, size_t n);
void wr_zeros(struct wr *w, size_t n);

/* A hole for a 16-bit length or checksum, filled when its value is known. `at` is what wr_hole16
 * returned. */
size_t wr_hole16(struct wr *w);
void wr_fill16(struct wr *w, size_t at, uint16_t v);
