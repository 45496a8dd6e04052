/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the answer to `steellb status`, as text. */
#pragma once

#include <jansson.h>

#include "base/text.h"

const char *value_text(const json_t *object, const char *key); /* "" when it has none */
long long value_number(const json_t *object, const char *key); /* 0 when it has none */
/* "eth0,eth1" of an array of strings. */
void value_add_names(struct text *out, const json_t *array, const char *when_empty);
