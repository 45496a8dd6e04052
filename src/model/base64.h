/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as Kubernetes writes bytes into JSON (RFC 4648 section 4). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * Padding is required and its spare bits must be zero; line ends are skipped, as Go does, since
 * YAML block texts have them. The bytes go into the arena, with a NUL behind them that is not
 * counted.
 */
bool base64_decode(uint8_t **ret, size_t *ret_len, struct arena *a, const char *text);
