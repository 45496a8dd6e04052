/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 (RFC 9112): one exchange on a connection of its own, which it closes. */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdint.h>

#include "kube/kube_exchange.h"

struct kube_h1;

struct kube_h1_options {
    struct event_base *base;
    struct bufferevent *stream_take;      /* connected */
    const struct kube_exchange *exchange; /* borrowed until its end or its cancellation */
    /* Once and last. The receiver frees it after the round. */
    void (*closed)(void *arg, struct kube_h1 *h);
    void *arg;
};

struct kube_h1 *kube_h1_new(const struct kube_h1_options *options);
struct kube_h1 *kube_h1_free(struct kube_h1 *h); /* not from within its callbacks; none any more */
void kube_h1_cancel(struct kube_h1 *h); /* closes; `closed` is called, the exchange is not */

struct kube_h1_counts {
    uint64_t bytes_in, bytes_out;
};
struct kube_h1_counts kube_h1_counts(const struct kube_h1 *h);
