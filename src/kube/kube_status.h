/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer that is no success says (meta/v1 Status). Pure. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct kube_status {
    unsigned code;                /* 0 when absent */
    const char *reason, *message; /* of the document, "" when absent */
    int64_t retry_after_ns;       /* details.retryAfterSeconds, an hour at most; -1 when absent */
};

/* Of a document that is no Status, what it has of one. NULL has nothing. */
struct kube_status kube_status_of(const json_t *doc);

/* The same of a body, which may be anything. */
struct kube_refusal {
    char *text;   /* owned: one line for people */
    char *reason; /* owned: "Conflict"; "" when the body is no Status */
    int64_t retry_after_ns;
};

struct kube_refusal kube_refusal_read(unsigned http_status, const char *body, size_t len);
void kube_refusal_done(struct kube_refusal *r);
