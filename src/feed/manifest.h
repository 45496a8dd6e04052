/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes manifests from files, folders or standard input: YAML as Kubernetes reads it, or JSON,
 * any number of documents, `List` kinds expanded. YAML nodes become jansson values, so that there
 * is one decoder a kind. The items of a JSON list are decoded one at a time: there is never a tree
 * of a whole list.
 *
 * A folder is read without its sub-folders: files named *.yaml, *.yml or *.json whose name does not
 * begin with a dot, in name order. `pins.yaml` in a folder holds Services with a status and no spec
 * (annotation steellb.io/pinned); their addresses are laid over the Services of the same name
 * (design 5, "files feed").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/macro.h"
#include "base/map.h"
#include "model/fault.h"
#include "model/store.h"

#define MANIFEST_PINS_FILE "pins.yaml"
#define MANIFEST_PINNED_ANNOTATION "steellb.io/pinned"

enum { MANIFEST_KINDS_SHOWN = 5 };

struct manifest {
    struct store *store;      /* owned */
    struct fault_list faults; /* what the decoder found; also the same object defined twice */
    /* Pins without a Service, MetalLB objects outside the namespace, ignored kinds, empty folders.
     */
    struct fault_list warnings;
    const char *namespace; /* of MetalLB; borrowed */
    size_t ignored;        /* documents of kinds that are not read */

    /* Of the loader alone. */
    char *ignored_kinds[MANIFEST_KINDS_SHOWN + 1]; /* distinct, in order of appearance; owned */
    size_t ignored_kind_count;
    struct map services; /* "namespace/name" → Service of the store, which pins may change */
    struct map pins;     /* the same key → pinned Service; values owned */
};

/* Is a file of that name read in a folder? */
bool manifest_is_file_name(const char *name);

void manifest_init(struct manifest *m, const char *namespace);
void manifest_done(struct manifest *m);

/* A file, a folder, or "-". What was in a file before its error is not loaded. -errno with `err`
 * when it cannot be read, is not YAML or JSON, or holds something that is no Kubernetes object
 * ("dir/pool.yaml:12: …"). */
NODISCARD int manifest_load(struct manifest *m, const char *path, struct err *err);

/* The same for bytes in memory; `name` stands for the file in messages. For tests and fuzzing. */
NODISCARD int manifest_load_bytes(struct manifest *m, const char *name, const char *bytes,
                                  size_t len, struct err *err);

/* After the last load: lays pins over Services and adds the summary warnings. */
void manifest_finish(struct manifest *m);
