/* SPDX-License-Identifier: Apache-2.0 */
/* The interfaces that are left alone (spec speaker-l2 4.3). */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/macro.h"
#include "model/object.h"

struct exclude;

/*
 * POSIX extended expressions, each searched unanchored; an interface that any of them matches is
 * excluded. -EINVAL, with a text that names the expression, when one does not compile.
 */
NODISCARD int exclude_new(struct exclude **ret, const struct string_list *expressions,
                          struct err *err);
struct exclude *exclude_free(struct exclude *x);
DEFINE_CLEANUP(struct exclude, exclude_free);

bool exclude_has(const struct exclude *x, const char *name);
