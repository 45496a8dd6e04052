/* SPDX-License-Identifier: Apache-2.0 */
/* The few macros of the house. Anything that could be a function is one. */
#pragma once

#include <stddef.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Moves ownership out of a variable: yields its value and leaves NULL behind. */
#define TAKE(v)                                                                                    \
    ({                                                                                             \
        __typeof__(v) took_ = (v);                                                                 \
        (v) = NULL;                                                                                \
        took_;                                                                                     \
    })

/* Makes fn##p, the form of a destructor that CLEANUP wants. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
    static inline void fn##p(type **p_)                                                            \
    {                                                                                              \
        fn(*p_);                                                                                   \
    }                                                                                              \
    struct define_cleanup_needs_a_semicolon

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The step over void * keeps -Wcast-align quiet: the member proves the alignment. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
