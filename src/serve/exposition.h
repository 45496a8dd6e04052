/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics as Prometheus reads them, in its text format 0.0.4. No value is kept for this purpose: a
 * family is a name with a function that reads its samples off their owners when somebody asks.
 */
#pragma once

#include <stdint.h>

#include "base/text.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct exposition;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric_family {
    const char *name;
    enum metric_type type;
    const char *help;
    /* Adds the samples, each with other labels; none: the family is left out. */
    void (*emit)(struct exposition *x, unsigned which, const void *owner);
    unsigned which; /* for a function that serves several families */
};

/* Families of one owner, who outlives whoever was given this. */
struct metric_source {
    const struct metric_family *families;
    size_t count;
    const void *owner;
};

struct metric_label {
    const char *name; /* NULL ends a list */
    const char *value;
};

/* One family, with a sample that its function adds: exposition_uint(x, 1, {"peer", "192.0.2.1"}) */
#define exposition_uint(x, value, ...)                                                             \
    exposition_uint_of(x, value, (const struct metric_label[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define exposition_int(x, value, ...)                                                              \
    exposition_int_of(x, value, (const struct metric_label[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define exposition_seconds(x, ns, ...)                                                             \
    exposition_seconds_of(x, ns, (const struct metric_label[]){__VA_ARGS__ __VA_OPT__(, ){0}})

void exposition_uint_of(struct exposition *x, uint64_t value, const struct metric_label *labels);
void exposition_int_of(struct exposition *x, int64_t value, const struct metric_label *labels);
/* `ns` 0 or more; printed in seconds. */
void exposition_seconds_of(struct exposition *x, int64_t ns, const struct metric_label *labels);

/* Appends the family to `out`. */
void exposition_family(struct text *out, const struct metric_family *family, const void *owner);
