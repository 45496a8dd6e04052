/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes manifests from files, folders or standard input: YAML as Kubernetes reads it, or JSON, any number of
 * documents, `List` kinds expanded. YAML nodes become jansson values, so that there is one decoder a kind. The items of a
 * JSON list are decoded one at a time: there is never a tree of a whole list.
 *
 * A folder is read without its sub-folders: files named *.yaml, *.yml or *.json whose name does not begin with a dot, in
 * name order. `pins.yaml` in a folder holds Services with a status and no spec (annotation steellb.io/pinned); their
 * addresses are laid over the Services of the same name (design 5, "files feed").
 */
#pragma once

#include "base/err.h"
#include "model/fault.h"
#include "model/store.h"

#define MANIFEST_PINS_FILE "pins.yaml"
#define MANIFEST_PINNED_ANNOTATION "steellb.io/pinned"

struct manifest {
    struct store *store;        /* owned */
    struct fault_list faults;   /* what the decoder found; also the same object defined twice */
    struct fault_list warnings; /* pins without a Service, MetalLB objects outside the namespace, ignored kinds */
    const char *namespace;      /* of MetalLB; borrowed */
    size_t ignored;             /* documents of kinds that are not read */
};

void manifest_init(struct manifest *m, const char *namespace);
void manifest_done(struct manifest *m);

/* A file, a folder, or "-". -errno with `err` when it cannot be read, is not YAML or JSON, or holds something that is no
 * Kubernetes object ("dir/pool.yaml:12: …"). */
NODISCARD int manifest_load(struct manifest *m, const char *path, struct err *err);

/* The same for bytes in memory; `name` stands for the file in messages. For tests, fuzzing and standard input. */
NODISCARD int manifest_load_bytes(struct manifest *m, const char *name, const char *bytes, size_t len,
                                  struct err *err);

/* After the last load: lays pins over Services and adds the summary warnings. */
void manifest_finish(struct manifest *m);
