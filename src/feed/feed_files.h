/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches a folder of manifests with inotify and says when it is worth reading again. It reads
 * nothing itself; manifest_load does.
 *
 * A file that is being written holds everything back until it is closed, or until two seconds after
 * the last write: a half-written or truncated file must not look as if objects had vanished. For
 * the same reason a name that goes counts as gone only after a tenth of a second: editors, and git,
 * take the old file away before they write the new one. When the folder itself goes (unmounted,
 * moved, deleted) nothing is said, so that the last state stays; its return is noticed.
 *
 * A write can begin between on_change and the end of the reading. Hence:
 *
 *     on_change:  manifest_load(&m, dir, &err);
 *                 if (!feed_files_is_settled(f))
 *                     drop m; on_change is called again
 */
#pragma once

#include <stdbool.h>

#include <event2/event.h>

#include "base/err.h"
#include "base/macro.h"

/* Once for a burst of changes, at the end of the loop's round. It must not free the watch. */
typedef void (*feed_files_fn)(void *arg);

struct feed_files;

/*
 * `base` and `arg` are borrowed until feed_files_free. -errno with `err` when `dir` is no folder or
 * cannot be watched. on_change is not called for what is there already.
 */
NODISCARD int feed_files_new(struct feed_files **ret, struct event_base *base, const char *dir,
                             feed_files_fn on_change, void *arg, struct err *err);
struct feed_files *feed_files_free(struct feed_files *f); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct feed_files, feed_files_free);

/*
 * True when the folder is there, no file of it is being written, and nothing has changed since
 * on_change was last called (or since feed_files_new): what was read in between is whole.
 */
bool feed_files_is_settled(struct feed_files *f);
