/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the objects in a body that arrives in pieces, so that no list is ever held as a whole (spec
 * kubernetes-client 1.1): the lines of a watch, and the elements of "items" of a list. Pure: bytes
 * in, spans out. An object larger than `max` ends the reading with -EMSGSIZE.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/macro.h"
#include "base/text.h"

enum { KUBE_OBJECT_MAX = 8 << 20 }; /* etcd's limit is 1.5 MiB a request */

enum kube_scan_kind {
    KUBE_SCAN_WATCH, /* one JSON value a line */
    KUBE_SCAN_LIST,  /* one object; its "items" are told apart, the rest is kept for the end */
};

struct kube_scan;

struct kube_scan *kube_scan_new(enum kube_scan_kind kind, size_t max);
struct kube_scan *kube_scan_free(struct kube_scan *s);
DEFINE_CLEANUP(struct kube_scan, kube_scan_free);

/* Hands bytes over; they are borrowed until kube_scan_next says that it needs more. */
void kube_scan_feed(struct kube_scan *s, const char *bytes, size_t len);

/*
 * 1 with the text of the next value, valid until the next call; 0 when more bytes are needed;
 * -EBADMSG or -EMSGSIZE with `err`, after which the scan is of no further use. Only the borders are
 * found: the text of a value may still be no valid JSON.
 */
NODISCARD int kube_scan_next(struct kube_scan *s, const char **ret, size_t *ret_len,
                             struct err *err);

/* The body has ended: 0 when it ended between values; -EBADMSG when something is cut off. */
NODISCARD int kube_scan_finish(struct kube_scan *s, struct err *err);

/* KUBE_SCAN_LIST, after the end: the list object with an empty "items", for its metadata. */
const char *kube_scan_rest(const struct kube_scan *s, size_t *ret_len);
