/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests that were read, and what they lead to. */
#pragma once

#include "base/err.h"
#include "cli/options.h"
#include "feed/manifest.h"
#include "standalone/evaluate.h"

struct input {
    struct manifest manifest;
    struct evaluation *evaluation; /* of manifest.store */
};

/* -errno with `err` when a path cannot be read; *ret is not set then. The strings of `options` must
 * outlive it. */
NODISCARD int input_read(struct input *ret, const struct path_list *paths,
                         const struct evaluation_options *options, struct err *err);
void input_done(struct input *in); /* accepts a zeroed one */
