/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error a person will read: a negative errno and a sentence that grows context on the way up
 * ("pool edge: bad prefix 10.0.0.0/33"). Functions take `struct err *err` last; it is never NULL.
 */
#pragma once

#include "base/macro.h"

struct err {
    int code;   /* negative errno, 0 while unset */
    char *text; /* owned; NULL while unset */
};

/* Replaces what was there. Returns `code`, so that a caller can `return err_set(...)`. */
PRINTF_LIKE(3, 4) int err_set(struct err *err, int code, const char *fmt, ...);

/* Puts context in front of the text and returns the code that is already set. */
PRINTF_LIKE(2, 3) int err_wrap(struct err *err, const char *fmt, ...);

/* Never NULL; "unknown error" while unset. */
const char *err_text(const struct err *err);

void err_done(struct err *err); /* frees the text; the struct can be used again */
