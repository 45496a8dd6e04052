/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/2 connection: nghttp2 on a bufferevent. Streams share it; each has a window of 1 MB, all
 * together one of 4 MB, so that a long list leaves room for the others (spec kubernetes-client 2).
 */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "kube/kube_exchange.h"

struct kube_h2;
struct kube_h2_stream;

struct kube_h2_options {
    struct event_base *base;
    struct bufferevent *stream_take; /* connected */
    int64_t ping_interval_ns, ping_timeout_ns;
    void (*goaway)(void *arg, struct kube_h2 *h);   /* no new streams from here on */
    void (*has_room)(void *arg, struct kube_h2 *h); /* a stream has ended, or may be opened */
    /* Once and last, after the ends of its streams. `code` 0: it was retired and is done. The
     * receiver frees it after the round. */
    void (*closed)(void *arg, struct kube_h2 *h, int code, const char *text);
    void *arg;
};

struct kube_h2 *kube_h2_new(const struct kube_h2_options *options);
struct kube_h2 *kube_h2_free(struct kube_h2 *h); /* not from within its callbacks; none any more */

bool kube_h2_can_open(const struct kube_h2 *h); /* below the server's limit of streams */

/* Only when kube_h2_can_open. The exchange is borrowed until its end or its cancellation. */
struct kube_h2_stream *kube_h2_open(struct kube_h2 *h, const struct kube_exchange *exchange);
void kube_h2_cancel(struct kube_h2_stream *s);

void kube_h2_retire(struct kube_h2 *h); /* opens no more; closes after the last stream */

struct kube_h2_counts {
    uint64_t bytes_in, bytes_out;
    bool ping_timed_out;
};
struct kube_h2_counts kube_h2_counts(const struct kube_h2 *h);
