/* SPDX-License-Identifier: Apache-2.0 */
/* The two forms of a plan (plan-json), and of what an edit changes. */
#pragma once

#include <jansson.h>

#include "cli/diff.h"
#include "cli/input.h"
#include "cli/term.h"

void plan_print_json(FILE *out, const struct input *in);
void plan_print_text(const struct term *t, const struct input *in);

void diff_print_json(FILE *out, const struct diff *d);
void diff_print_text(const struct term *t, const struct diff *d);

/* Adds localPref, communities and asPathPrepend; the arena is for scratch. */
void plan_route_attributes_json(json_t *o, const struct bgp_route *r, struct arena *a);
