/* SPDX-License-Identifier: Apache-2.0 */
/* gzip (RFC 1952) in pieces: bytes in, bytes out, a bounded number of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

struct kube_inflate;

/* More than an API server sends in one answer. */
#define KUBE_INFLATE_MAX (UINT64_C(1) << 30)

struct kube_inflate *kube_inflate_new(void);
struct kube_inflate *kube_inflate_free(struct kube_inflate *i);
DEFINE_CLEANUP(struct kube_inflate, kube_inflate_free);

/* Hands bytes over, which are borrowed until kube_inflate_next returns 0. */
void kube_inflate_feed(struct kube_inflate *i, const char *bytes, size_t len);

/* 1 with bytes that are valid until the next call; 0 when more input is needed; -EBADMSG for what
 * is not gzip; -EMSGSIZE above KUBE_INFLATE_MAX. */
NODISCARD int kube_inflate_next(struct kube_inflate *i, const char **ret, size_t *ret_len);

bool kube_inflate_is_complete(const struct kube_inflate *i);
