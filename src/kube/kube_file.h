/* SPDX-License-Identifier: Apache-2.0 */
/* Small files as a whole: kubeconfigs, tokens, certificates. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/macro.h"

enum { KUBE_FILE_MAX = 1 << 20 };

/* The bytes with a NUL behind them, which the caller frees. -errno, -EFBIG above KUBE_FILE_MAX, or
 * -EINVAL when there is a NUL among them; `err` names the file. */
NODISCARD int kube_file_read(char **ret, const char *path, struct err *err);
