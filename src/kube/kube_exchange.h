/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer as HTTP/2 and HTTP/1.1 have them in common. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kube/kube_head.h"

struct kube_header {
    const char *name; /* lower case */
    const char *value;
};

enum { KUBE_HEADERS_MAX = 48 }; /* KUBE_GROUPS_MAX and what else a request has */

/* The body is borrowed until the end, as is the struct; the head is written, or copied, at once. */
struct kube_exchange {
    const char *method, *path, *scheme, *authority;
    const struct kube_header *headers;
    size_t header_count;
    const void *body;
    size_t body_len;

    /*
     * `head` once, then `data`, then `end` last; nothing after a cancellation. `is_unseen`: the
     * server has not worked on it, so that it may be sent again.
     */
    void (*head)(void *arg, const struct kube_head *head);
    void (*data)(void *arg, const char *bytes, size_t len);
    void (*end)(void *arg, int code, bool is_unseen, const char *text);
    void *arg;
};
