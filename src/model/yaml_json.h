/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML documents as jansson values, one at a time, read as Kubernetes reads them: anchors, aliases
 * and merge keys are resolved, keys that are no strings become strings, the same key twice in a
 * mapping is an error.
 *
 * Aliases share the value of their anchor, so that the result must not be changed in place. What
 * they would expand to is bounded all the same, since readers walk the result as a tree.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/macro.h"

enum {
    YAML_DEPTH_MAX = 512,
    /* Of one document, aliases counted as what they stand for: a value weighs 1, and a string 1
     * more for every 64 bytes. */
    YAML_WEIGHT_MAX = 4000000,
};

struct yaml_doc {
    json_t *value;        /* owned */
    unsigned line;        /* where its content begins, from 1 */
    unsigned *item_lines; /* owned; where each element of its top-level "items" begins */
    size_t item_count, item_cap;
};

void yaml_doc_done(struct yaml_doc *d); /* the struct can be used again */

struct yaml_reader;

/* Both texts are borrowed until yaml_reader_free; `name` stands for the file in messages. */
struct yaml_reader *yaml_reader_new(const char *name, const char *bytes, size_t len);
struct yaml_reader *yaml_reader_free(struct yaml_reader *r); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct yaml_reader, yaml_reader_free);

/*
 * 1 with the next document, an empty one being JSON null; 0 after the last; -EBADMSG with
 * "NAME:LINE: …", after which the reader is of no further use.
 */
NODISCARD int yaml_reader_next(struct yaml_reader *r, struct yaml_doc *ret, struct err *err);
