/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of HTTP/1.1 (RFC 9112), in pieces. Pure.
 *
 * Refused, where the RFC leaves a choice: folded lines, a length beside chunks, any transfer coding
 * but chunked, a switch of protocols. Interim answers (1xx) are skipped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "base/wire.h"
#include "kube/kube_head.h"

enum {
    KUBE_H1_HEAD_MAX = 64 * 1024, /* all lines that are no data, of one answer */
};

enum kube_h1_state {
    KUBE_H1_STATUS_LINE,
    KUBE_H1_FIELDS,
    KUBE_H1_BODY, /* of a known length, or until the connection ends */
    KUBE_H1_CHUNK_SIZE,
    KUBE_H1_CHUNK,
    KUBE_H1_CHUNK_END,
    KUBE_H1_TRAILERS,
    KUBE_H1_DONE,
};

struct kube_h1_reader {
    enum kube_h1_state state;
    unsigned status;
    bool is_chunked, has_length;
    uint64_t left;    /* of the body or the chunk */
    size_t lines_len; /* so far */
    struct text line; /* what has come of the next one */
};

void kube_h1_reader_done(struct kube_h1_reader *r); /* a zeroed reader is ready to read */

enum kube_h1_event {
    KUBE_H1_MORE, /* all of the input is used up */
    KUBE_H1_FIELD,
    KUBE_H1_HEAD, /* its end; `status` of the reader counts from here on */
    KUBE_H1_DATA,
    KUBE_H1_END, /* no more is expected; what is left of the input is not looked at */
    KUBE_H1_BAD, /* the reader is of no further use */
};

/* Valid until the next call. */
struct kube_h1_item {
    struct kube_field field;
    const char *bytes;
    size_t len;
};

/* Takes from the input what makes up one event. */
enum kube_h1_event kube_h1_next(struct kube_h1_reader *r, struct rd *in, struct kube_h1_item *ret);

/* The connection has ended: whether the answer is whole. */
bool kube_h1_is_whole(const struct kube_h1_reader *r);
