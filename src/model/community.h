/* SPDX-License-Identifier: Apache-2.0 */
/* BGP communities as values (RFC 1997, RFC 8092, RFC 4360, RFC 5668). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum bgp_community_kind {
    BGP_COMMUNITY_STANDARD, /* 4 bytes, in a */
    BGP_COMMUNITY_LARGE,    /* 12 bytes */
    BGP_COMMUNITY_EXTENDED, /* 8 bytes, in a and b; the first two are type and subtype */
};

struct bgp_community {
    enum bgp_community_kind kind;
    uint32_t a, b, c; /* what a kind does not use is 0 */
};

/* What an extended community means (RFC 4360 4, 5): the second byte. */
enum bgp_extended_subtype {
    BGP_ROUTE_TARGET = 2,
    BGP_ROUTE_ORIGIN = 3,
};

/* "65000:100", "large:1:2:3", "rt:65000:100", "soo:192.0.2.1:7", "ext:0x4004fde800000000" */
struct community_text {
    char s[40];
};
struct community_text bgp_community_format(struct bgp_community c);

/* By value, where a standard one counts as (value, 0, 0); extended ones come behind all others. */
int bgp_community_cmp(struct bgp_community a, struct bgp_community b);

/*
 * A route target or a route origin: of an AS with a number (4 bytes beside an AS of 2 bytes, else
 * 2), or of an IPv4 address with a number of 2 bytes. False when the number is too large.
 */
bool bgp_community_of_as(struct bgp_community *ret, enum bgp_extended_subtype subtype, uint32_t asn,
                         uint32_t number);
bool bgp_community_of_v4(struct bgp_community *ret, enum bgp_extended_subtype subtype, uint32_t v4,
                         uint32_t number);
