/* SPDX-License-Identifier: Apache-2.0 */
/* The entry point of every fuzz target: libFuzzer calls it, and so does the driver that replays a
 * saved corpus. */
#pragma once

#include <stddef.h>
#include <stdint.h>

__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
