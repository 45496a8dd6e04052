/* SPDX-License-Identifier: Apache-2.0 */
#include "model/base64.h"

#include <string.h>

/* A symbol's place here is its value; padding and the final NUL come after the 64 values. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
enum { SYMBOL_PAD = 64, SYMBOL_BAD = 65 };

static unsigned symbol(char c)
{
    const char *at = strchr(alphabet, c);

    return at != NULL ? (unsigned)(at - alphabet) : SYMBOL_BAD;
}

static void skip_line_ends(const char **text)
{
    *text += strspn(*text, "\r\n");
}

/* One group of four symbols: the number of bytes that it made, 0 when malformed. Padding ends the
 * text. */
static size_t decode_group(uint8_t to[3], const char **text)
{
    uint32_t bits = 0;
    size_t pads = 0;

    for (size_t i = 0; i < 4; i++) {
        unsigned v = symbol(**text);

        if (v == SYMBOL_BAD || (v == SYMBOL_PAD ? i < 2 : pads > 0))
            return 0;
        (*text)++;
        skip_line_ends(text);
        pads += v == SYMBOL_PAD;
        bits = bits << 6 | (v & 63);
    }
    if (pads > 0 && (**text != '\0' || (bits & ((1u << 8 * pads) - 1)) != 0))
        return 0;
    to[0] = (uint8_t)(bits >> 16);
    to[1] = (uint8_t)(bits >> 8);
    to[2] = (uint8_t)bits;
    return 3 - pads;
}

bool base64_decode(uint8_t **ret, size_t *ret_len, struct arena *a, const char *text)
{
    uint8_t *bytes = arena_alloc(a, strlen(text) / 4 * 3 + 1);
    size_t len = 0;

    skip_line_ends(&text);
    while (*text != '\0') {
        size_t n = decode_group(bytes + len, &text);

        if (n == 0)
            return false;
        len += n;
    }
    bytes[len] = '\0';
    *ret = bytes;
    *ret_len = len;
    return true;
}
