/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the speaker on this machine about itself. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/macro.h"

/* `path` of its control socket; NULL: that of `steellb run`, else that of `steellb speaker`. Waits
 * for it. A new reference. */
NODISCARD int status_ask(json_t **ret, const char *path, struct err *err);
