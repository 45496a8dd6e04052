/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer that is no success says (meta/v1 Status). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct kube_status {
    char *text;             /* owned: one line for people */
    char *reason;           /* owned: "Conflict"; "" when the body is no Status */
    int64_t retry_after_ns; /* details.retryAfterSeconds; -1 without */
};

/* `body` may be anything. */
struct kube_status kube_status_read(unsigned http_status, const char *body, size_t len);
void kube_status_done(struct kube_status *s);
