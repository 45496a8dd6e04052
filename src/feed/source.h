/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of one input: a file, standard input, or borrowed memory.
 *
 * A file is read, not mapped: an editor may truncate it at any moment, and the next touch of a
 * mapped page would then be SIGBUS. The bytes of a large one lie in pages of their own, so that a
 * long list gives them back while its objects take shape.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/macro.h"

#define SOURCE_MAX ((size_t)1 << 30)

struct source {
    const char *name;  /* in messages; borrowed */
    const char *path;  /* borrowed; NULL for standard input and borrowed memory */
    const char *bytes; /* without a byte order mark */
    size_t len;
    char *heap;  /* owned; a small file */
    char *pages; /* owned; anything else that was read */
    size_t page_len, released;
    bool can_rewind; /* a regular file of a name */
};

enum source_kind {
    SOURCE_ANY,       /* what the user named, so a pipe will do */
    SOURCE_FILE_ONLY, /* an entry of a folder: anything but a regular file is -ENOTSUP */
};

/* `path` is borrowed until source_done; "-" is standard input. "PATH: No such file or directory" */
NODISCARD int source_open(struct source *ret, const char *path, enum source_kind kind,
                          struct err *err);
struct source source_borrow(const char *name, const char *bytes, size_t len);
void source_done(struct source *s);

/* The bytes before `upto` are not needed again, unless source_rewind fetches them once more. What
 * could not be fetched is kept. */
void source_release(struct source *s, const char *upto);
NODISCARD int source_rewind(struct source *s, struct err *err);
