/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The msgpack dialect of memberlist (spec speaker-l2 6.2) on top of the wire cursors.
 *
 * Written is the old "raw" dialect, without str8, bin and ext: strings and byte arrays look alike.
 * Read is whatever a msgpack library could send for the same value. All errors are the cursors'
 * sticky one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

void msgpack_write_map(struct wr *w, unsigned count); /* at most 15 entries */
void msgpack_write_raw(struct wr *w, const void *bytes, size_t len);
void msgpack_write_str(struct wr *w, const char *text);
void msgpack_write_nil(struct wr *w);
void msgpack_write_bool(struct wr *w, bool v);
void msgpack_write_uint(struct wr *w, uint32_t v); /* fields that are unsigned in Go */
void msgpack_write_int(struct wr *w, int64_t v);   /* fields that are signed in Go */

/* The number of entries that follow, a key and a value each; nil is an empty map. Loop while
 * entries are left and the cursor is not bad. */
uint32_t msgpack_read_map(struct rd *r);

/* Any integer encoding; bad when outside 0..max, 0 for nil. */
uint64_t msgpack_read_uint(struct rd *r, uint64_t max);
int64_t msgpack_read_int(struct rd *r);
bool msgpack_read_bool(struct rd *r); /* also from 0 and 1, false for nil */

/* The bytes in place, of a raw, str or bin value; empty for nil. */
struct rd msgpack_read_slice(struct rd *r);

/*
 * A copy of at most `max` bytes, of a raw, str or bin value, nil or an array of small integers.
 * Returns the length; longer values are bad.
 */
size_t msgpack_read_bytes(struct rd *r, uint8_t *ret, size_t max);

void msgpack_skip(struct rd *r); /* one value of any kind */

/* What kind of value it begins. */
bool msgpack_is_string(uint8_t first_byte); /* raw, str or bin */
bool msgpack_is_map(uint8_t first_byte);

enum msgpack_extent {
    MSGPACK_WHOLE, /* the value is complete */
    MSGPACK_MORE,  /* it is cut off */
    MSGPACK_BAD,   /* no byte that could follow makes it a value that we read */
};

/* Looks for the end of the value that starts at `bytes`; *ret_len is written for MSGPACK_WHOLE. */
enum msgpack_extent msgpack_find_end(size_t *ret_len, const uint8_t *bytes, size_t len);
