/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a: to notice that a text is another one. Never against somebody who wants two to be equal.
 */
#pragma once

#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_text(uint64_t hash, const char *text)
{
    do /* the NUL too, so that texts in a row do not run together */
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    while (*text++ != '\0');
    return hash;
}
