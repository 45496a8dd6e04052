/* SPDX-License-Identifier: Apache-2.0 */
/* What the router does, for `steellb status`. */
#pragma once

#include <jansson.h>

#include "speaker/router.h"

enum { BGP_REPORT_ROUTES = 1000 };

/* {"peers": [...], "prefixes": how many have routes}; a new reference. */
json_t *bgp_report(const struct router *r);
/* Of the first prefixes: [...], about BGP_REPORT_ROUTES at most; a new reference. */
json_t *bgp_report_routes(const struct router *r);
json_t *bgp_report_route(const struct router_route_view *v); /* a new reference */
