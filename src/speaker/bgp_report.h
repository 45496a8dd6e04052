/* SPDX-License-Identifier: Apache-2.0 */
/* What the router does, for `steellb status`. */
#pragma once

#include <jansson.h>

#include "speaker/router.h"

/* {"peers": [...], "routes": [...]}; a new reference. */
json_t *bgp_report(const struct router *r);
