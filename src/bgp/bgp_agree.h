/* SPDX-License-Identifier: Apache-2.0 */
/* What our OPEN offers, what two OPENs agree on, and which of two connections stays. Pure. */
#pragma once

#include "bgp/bgp_fsm.h"

struct bgp_restart_bits {
    bool restarting, forwarding; /* R and F of RFC 4724 3 */
};

struct bgp_open bgp_agree_offer(const struct bgp_fsm_options *o, struct bgp_restart_bits bits);

/* Why an OPEN is not acceptable. */
struct bgp_refusal {
    struct bgp_error error;
    char why[128]; /* for people */
};

/* Whether this is the peer that we want, and what was agreed. `as_field`: the 2-byte AS of the
 * OPEN, which a NOTIFICATION returns. */
bool bgp_agree(struct bgp_agreement *ret, const struct bgp_fsm_options *o,
               const struct bgp_open *theirs, uint16_t as_field, struct bgp_refusal *ret_refusal);

bool bgp_agree_as_fits(const struct bgp_fsm_options *o, uint32_t asn); /* spec F11 */
bool bgp_agree_is_ibgp(const struct bgp_fsm_options *o);               /* spec F13 */

/* RFC 4271 6.8, RFC 6286 2.3: the connection that the side with the larger identifier, between
 * equal ones with the larger AS, has opened. */
enum bgp_conn bgp_agree_winner(const struct bgp_fsm_options *o, const struct bgp_agreement *a);
