/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as the controller sees it: pools, communities and namespaces; no advertisements
 * and no peers (spec api-and-config 2.1). A fault there concerns speakers only.
 */
#pragma once

#include "base/text.h"
#include "model/snapshot.h"
#include "model/store.h"

enum pools_outcome {
    POOLS_CHANGED, /* *ret is set, with one reference */
    POOLS_SAME,    /* as the one in force */
    POOLS_FAULTY,  /* `fault` says why; the one in force stays */
};

/* `now`: in force, or NULL. The texts of the faults are MetalLB's, one a line; MetalLB reports the
 * first alone. */
enum pools_outcome pools_read(struct snapshot **ret, struct store *store, const char *namespace,
                              const struct snapshot *now, struct text *fault);
