/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client of the control socket may ask of BGP:
 *
 *     bgp                                       {"peers": [...], "prefixes": N}
 *     routes [within PREFIX] [peer NAME]        [ROUTE, ...], by prefix and peer, one a line
 *
 * PREFIX may be an address; routes are listed that have an address in common with it.
 */
#pragma once

#include "speaker/control.h"
#include "speaker/router.h"

/* NULL: the request is none of these, and empty. A request that nobody knows is refused. The router
 * must outlive the answer. */
struct control_answer *bgp_answer(const struct router *r, const char *request);

/* An address, or a prefix. */
bool bgp_answer_parse_prefix(struct prefix *ret, const char *text);
