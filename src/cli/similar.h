/* SPDX-License-Identifier: Apache-2.0 */
/* Did you mean … ? */
#pragma once

#include <stdbool.h>

/* At most two letters put in, left out, replaced or swapped with their neighbour. */
bool similar_to(const char *a, const char *b);
