/* SPDX-License-Identifier: Apache-2.0 */
/* The BGP part of a status (speaker/bgp_report.h) for people. */
#pragma once

#include <jansson.h>

#include "base/text.h"

void status_bgp_peers(struct text *out, const json_t *bgp);
void status_bgp_route(struct text *out, const json_t *route); /* without a line break */
