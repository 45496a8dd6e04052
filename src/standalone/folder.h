/* SPDX-License-Identifier: Apache-2.0 */
/* One reading of a folder: the objects and what follows from them. */
#pragma once

#include "base/err.h"
#include "standalone/evaluate.h"

struct folder_state {
    struct store *store;           /* owned */
    struct evaluation *evaluation; /* owned; borrows the store's objects */
};

struct folder_state *folder_state_free(struct folder_state *f);
DEFINE_CLEANUP(struct folder_state, folder_state_free);

/* Reads and evaluates. -errno with `err` when the folder cannot be read; faults of the objects are
 * in the evaluation. */
NODISCARD int folder_read(struct folder_state **ret, const char *folder,
                          const struct evaluation_options *how, struct err *err);
