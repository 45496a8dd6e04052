/* SPDX-License-Identifier: Apache-2.0 */
/* What we read of the head of an answer. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct kube_head {
    unsigned status;        /* 0 until it is known */
    int64_t retry_after_ns; /* -1 without */
    bool gzip;              /* Content-Encoding */
    bool unknown_encoding;  /* one that we did not ask for */
    struct text warning;    /* of the first Warning header */
};

struct kube_head kube_head_new(void);
void kube_head_done(struct kube_head *h);

/* One header. `name` in any case; neither text ends in NUL. `wall_s`: seconds since 1970, for a
 * Retry-After that is a date. */
struct kube_field {
    const char *name, *value;
    size_t name_len, value_len;
};
bool kube_field_is(const struct kube_field *f, const char *name); /* in any case */
void kube_head_add(struct kube_head *h, const struct kube_field *field, int64_t wall_s);

/* RFC 9110 section 10.2.3: seconds, or a date in the form of section 5.6.7. -1 when it is neither;
 * at most KUBE_RETRY_AFTER_MAX_S, as nobody means longer. */
enum { KUBE_RETRY_AFTER_MAX_S = 3600 };
int64_t kube_retry_after_parse(const char *value, int64_t wall_s);
