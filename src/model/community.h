/* SPDX-License-Identifier: Apache-2.0 */
/* BGP communities as values (RFC 1997, RFC 8092). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A standard community is {false, value, 0, 0}. */
struct bgp_community {
    bool large;
    uint32_t a, b, c;
};

/* "65000:100", "large:1:2:3" */
struct community_text {
    char s[40];
};
struct community_text bgp_community_format(struct bgp_community c);
int bgp_community_cmp(struct bgp_community a, struct bgp_community b);
