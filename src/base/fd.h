/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors are -1 when absent. */
#pragma once

#include <stddef.h>

#include "base/macro.h"

void fd_closep(int *fd); /* close() for CLEANUP; ignores -1 */

/* Writes all of it, through interruptions; 0 or -errno. */
NODISCARD int fd_write_all(int fd, const void *bytes, size_t len);
