/* SPDX-License-Identifier: Apache-2.0 */
/* --log-level and --log-format of both roles (spec api-and-config 6.6). */
#pragma once

#include "base/macro.h"

/*
 * Levels: all, debug, info, warn, error, none. Formats: json, as MetalLB, and text. -1 after a line
 * on stdout, as MetalLB writes it: the process ends with 1.
 */
NODISCARD int log_flags_apply(const char *level, const char *format);
