/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_agree.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OPEN_BAD_AS = 2, OPEN_BAD_ID = 3, OPEN_NO_CAPABILITY = 7 }; /* RFC 4271 6.2, RFC 5492 5 */

struct bgp_open bgp_agree_offer(const struct bgp_fsm_options *o, struct bgp_restart_bits bits)
{
    struct bgp_open open = {
        .asn = o->local_as,
        .hold_s = o->hold_s,
        .id = o->id,
        .caps = {.refresh = true,
                 .enhanced_refresh = true,
                 .extended_message = true,
                 .v4_over_v6 = o->v4_over_v6 && o->family[BGP_IPV4],
                 .as4 = true,
                 .asn = o->local_as,
                 .graceful = true, /* without families that tells only that we understand it */
                 .restarting = o->graceful && bits.restarting,
                 .with_notification = true,
                 .restart_s = o->restart_s,
                 .multiprotocol = true},
    };

    for (unsigned i = 0; i < BGP_FAMILIES; i++) {
        open.caps.family[i] = o->family[i];
        open.caps.graceful_family[i] = o->graceful && o->family[i];
        open.caps.forwarding[i] = open.caps.graceful_family[i] && bits.forwarding;
    }
    memcpy(open.caps.hostname, o->hostname, sizeof(open.caps.hostname));
    return open;
}

bool bgp_agree_as_fits(const struct bgp_fsm_options *o, uint32_t asn)
{
    switch (o->peer_as) {
    case BGP_AS_IS:
        return asn == o->asn;
    case BGP_AS_INTERNAL:
        return asn == o->my_as;
    case BGP_AS_EXTERNAL:
        return asn != o->my_as;
    }
    return false;
}

bool bgp_agree_is_ibgp(const struct bgp_fsm_options *o)
{
    switch (o->peer_as) {
    case BGP_AS_IS:
        return o->asn == o->local_as;
    case BGP_AS_INTERNAL:
        return true;
    case BGP_AS_EXTERNAL:
        return false;
    }
    return false;
}

static bool refuse_as(const struct bgp_fsm_options *o, uint32_t asn, uint16_t as_field,
                      struct bgp_refusal *ret)
{
    struct bgp_refusal r = {.error = bgp_error_of(BGP_ERR_OPEN, OPEN_BAD_AS)};

    r.error.data[0] = (uint8_t)(as_field >> 8);
    r.error.data[1] = (uint8_t)as_field;
    r.error.data_len = 2;
    switch (o->peer_as) {
    case BGP_AS_IS:
        snprintf(r.why, sizeof(r.why), "AS is %" PRIu32 ", want %" PRIu32, asn, o->asn);
        break;
    case BGP_AS_INTERNAL:
        snprintf(r.why, sizeof(r.why), "AS is %" PRIu32 ", want our own, %" PRIu32, asn, o->my_as);
        break;
    case BGP_AS_EXTERNAL:
        snprintf(r.why, sizeof(r.why), "AS is our own, %" PRIu32 ", want another", asn);
        break;
    }
    *ret = r;
    return false;
}

static bool refuse_id(uint32_t id, struct bgp_refusal *ret)
{
    struct bgp_refusal r = {.error = bgp_error_of(BGP_ERR_OPEN, OPEN_BAD_ID)};

    snprintf(r.why, sizeof(r.why), "the router ID of the peer, %s, is our own",
             ip_format(ip_v4(id)).s);
    *ret = r;
    return false;
}

static void print_families(char *to, size_t size, const bool family[BGP_FAMILIES])
{
    bool both = family[BGP_IPV4] && family[BGP_IPV6];

    if (!family[BGP_IPV4] && !family[BGP_IPV6]) {
        snprintf(to, size, "others");
        return;
    }
    snprintf(to, size, "%s%s%s", family[BGP_IPV4] ? bgp_family_name(BGP_IPV4) : "",
             both ? " and " : "", family[BGP_IPV6] ? bgp_family_name(BGP_IPV6) : "");
}

/* RFC 5492 5: the data are the capabilities that we miss. */
static bool refuse_families(const bool ours[BGP_FAMILIES], const bool theirs[BGP_FAMILIES],
                            struct bgp_refusal *ret)
{
    static const uint8_t multiprotocol[BGP_FAMILIES][6] = {
        [BGP_IPV4] = {1, 4, 0, 1, 0, 1},
        [BGP_IPV6] = {1, 4, 0, 2, 0, 1},
    };
    struct bgp_refusal r = {.error = bgp_error_of(BGP_ERR_OPEN, OPEN_NO_CAPABILITY)};
    char we[16], they[16];

    for (unsigned i = 0; i < BGP_FAMILIES; i++) {
        if (!ours[i])
            continue;
        memcpy(r.error.data + r.error.data_len, multiprotocol[i], sizeof(multiprotocol[i]));
        r.error.data_len += sizeof(multiprotocol[i]);
    }
    print_families(we, sizeof(we), ours);
    print_families(they, sizeof(they), theirs);
    snprintf(r.why, sizeof(r.why), "no address family in common: the peer has %s, we have %s", they,
             we);
    *ret = r;
    return false;
}

static uint16_t keepalive_of(const struct bgp_fsm_options *o, uint16_t hold_s)
{
    uint16_t third = hold_s / 3;

    return o->keepalive_s > 0 && o->keepalive_s < third ? o->keepalive_s : third;
}

bool bgp_agree(struct bgp_agreement *ret, const struct bgp_fsm_options *o,
               const struct bgp_open *theirs, uint16_t as_field, struct bgp_refusal *ret_refusal)
{
    const struct bgp_capabilities *caps = &theirs->caps;
    struct bgp_agreement a = {
        .ibgp = bgp_agree_is_ibgp(o),
        .as4 = caps->as4,
        .extended_message = caps->extended_message,
        .enhanced_refresh = caps->enhanced_refresh,
        .hold_s = theirs->hold_s < o->hold_s ? theirs->hold_s : o->hold_s,
        .peer_as = theirs->asn,
        .peer_id = theirs->id,
        .peer_caps = *caps,
    };
    bool has[BGP_FAMILIES] = {[BGP_IPV4] = !caps->multiprotocol || caps->family[BGP_IPV4],
                              [BGP_IPV6] = caps->multiprotocol && caps->family[BGP_IPV6]};

    if (!bgp_agree_as_fits(o, theirs->asn))
        return refuse_as(o, theirs->asn, as_field, ret_refusal);
    if (a.ibgp && theirs->id == o->id)
        return refuse_id(theirs->id, ret_refusal);
    for (unsigned i = 0; i < BGP_FAMILIES; i++)
        a.family[i] = o->family[i] && has[i];
    if (!a.family[BGP_IPV4] && !a.family[BGP_IPV6])
        return refuse_families(o->family, has, ret_refusal);
    a.v4_over_v6 = o->v4_over_v6 && caps->v4_over_v6 && a.family[BGP_IPV4];
    a.keepalive_s = keepalive_of(o, a.hold_s);
    *ret = a;
    return true;
}

enum bgp_conn bgp_agree_winner(const struct bgp_fsm_options *o, const struct bgp_agreement *a)
{
    bool ours = o->id != a->peer_id ? o->id > a->peer_id : o->local_as > a->peer_as;

    return ours ? BGP_CONN_OUT : BGP_CONN_IN;
}
