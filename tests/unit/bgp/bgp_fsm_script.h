/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One machine under a script of words, and a trace of what it does.
 *
 * Words: "start", "stop", "silence", "reset", "connected", "accept", "unreachable", "reachable",
 * "bfd-up", "bfd-down", "wait=SECONDS" (ticks at each deadline on the way), "stall=SECONDS" (time
 * passes, no tick), "tick"; with a connection in front, as in "out:open": "open", "keepalive",
 * "update", "bad-update", "refresh", "cease" (6/2 "maintenance"), "collided" (6/7), "bad-open"
 * (version 3), "bad-header", "eof", "reset-by-peer", "refused", "took-all", "took-some".
 *
 * The trace: "dial", "out:open", "out:keepalive", "out:6/7" (a NOTIFICATION), "out:close",
 * "out:up", "out:down", "refresh-ipv4", "refresh-ipv4+" (enhanced), and the names of states.
 */
#pragma once

#include "base/text.h"
#include "bgp/bgp_fsm.h"

struct script {
    struct bgp_fsm *fsm;
    struct mono now;
    struct bgp_open peer; /* its OPEN */
    struct text trace;
    struct bgp_open sent_open; /* our last OPEN */
    struct bgp_error sent_error;
    struct bgp_error refusal; /* of "accept" */
    bool refused;
};

struct bgp_fsm_options script_options(void); /* AS 65001, ID 192.0.2.2, IPv4, 90/30 */
struct bgp_open script_peer(void);           /* AS 65002, ID 192.0.2.1, what FRR offers */

void script_begin(struct script *s, const struct bgp_fsm_options *o, bool restarted);
void script_end(struct script *s);
/* Runs the words; the trace of these alone is left. */
void script_run(struct script *s, const char *words);
