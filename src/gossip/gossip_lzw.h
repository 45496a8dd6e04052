/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZW as memberlist compresses with it (spec speaker-l2 6.7): Go's compress/lzw with 8-bit
 * literals, least significant bit first, codes of 9 to 12 bits, a clear code at the start and an
 * end code.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

/* Room that is enough for the stream of `len` bytes. */
size_t gossip_lzw_bound(size_t len);

/* Returns the length of the stream. `ret` has room for gossip_lzw_bound(len) bytes. */
size_t gossip_lzw_compress(uint8_t *ret, const uint8_t *bytes, size_t len);

/*
 * The bytes in memory that the caller frees, at most `max` of them. 0, -EBADMSG for a malformed
 * stream or one without its end code, -E2BIG when there are more. What follows the end code is
 * ignored.
 */
NODISCARD int gossip_lzw_expand(uint8_t **ret, size_t *ret_len, const uint8_t *lzw, size_t lzw_len,
                                size_t max);
