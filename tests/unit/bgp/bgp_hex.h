/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as hexadecimal; blanks between the digits are for the reader. */
#pragma once

#include "base/text.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MARKER "ffffffffffffffffffffffffffffffff "

static inline size_t unhex(uint8_t *to, size_t cap, const char *hex)
{
    size_t n = 0;

    for (const char *p = hex; *p != '\0'; p += 2) {
        while (*p == ' ')
            p++;
        if (*p == '\0')
            break;
        assert(n < cap && hex_digit(p[0]) >= 0 && hex_digit(p[1]) >= 0);
        to[n++] = (uint8_t)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
    }
    return n;
}

static inline void add_hex(struct text *t, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text_printf(t, "%02x", bytes[i]);
}

/* For comparisons of what is written with what a table says. */
static inline bool is_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    uint8_t want[1024];

    return unhex(want, sizeof(want), hex) == len && memcmp(bytes, want, len) == 0;
}
