/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object of the API server as a tree that can be changed and written back without harm to what
 * was not touched: the order of keys, NULs in strings, and numbers that neither int64 nor double
 * hold as they are written (2^64 - 1, 0.1, 1e400). Such numbers are strings in the tree that begin
 * with a control character, and become what they were when it is written.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/macro.h"

struct kube_body {
    json_t *value; /* owned: a JSON object */
    char mark;     /* in front of a number that is kept as text; 0: there is none */
};

/* -EBADMSG when the bytes are no JSON object. */
NODISCARD int kube_body_read(struct kube_body *ret, const char *bytes, size_t len, struct err *err);
void kube_body_done(struct kube_body *j);

/* In one line, NUL-terminated; the caller frees it. */
char *kube_body_write(const struct kube_body *j, size_t *ret_len);
