/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a JSON string. Names of files, folders and interfaces may be any bytes. */
#pragma once

#include <jansson.h>

/* A new reference; what is not UTF-8 has its odd bytes replaced by '?'. */
json_t *json_text(const char *s);
