/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for jitter and shuffles from a seed: the same seed, the same numbers. Nothing for
 * secrets. */
#pragma once

#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood 2014): any seed will do, and every state is as good as any. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 .. n - 1; n > 0 */
static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
    return random_next(state) % n;
}
