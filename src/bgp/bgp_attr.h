/* SPDX-License-Identifier: Apache-2.0 */
/* Path attributes of UPDATE messages (RFC 4271 4.3), as they are written and as they are checked.
 */
#pragma once

enum {
    BGP_ATTR_OPTIONAL = 0x80,
    BGP_ATTR_TRANSITIVE = 0x40,
    BGP_ATTR_EXTENDED = 0x10, /* the length has 16 bits */
};

enum bgp_attr_type {
    BGP_ATTR_ORIGIN = 1,
    BGP_ATTR_AS_PATH = 2,
    BGP_ATTR_NEXT_HOP = 3,
    BGP_ATTR_MED = 4,
    BGP_ATTR_LOCAL_PREF = 5,
    BGP_ATTR_ATOMIC_AGGREGATE = 6,
    BGP_ATTR_AGGREGATOR = 7,
    BGP_ATTR_COMMUNITIES = 8,
    BGP_ATTR_ORIGINATOR_ID = 9,
    BGP_ATTR_CLUSTER_LIST = 10,
    BGP_ATTR_MP_REACH = 14,
    BGP_ATTR_MP_UNREACH = 15,
    BGP_ATTR_EXTENDED_COMMUNITIES = 16,
    BGP_ATTR_AS4_PATH = 17,
    BGP_ATTR_AS4_AGGREGATOR = 18,
    BGP_ATTR_IPV6_COMMUNITIES = 25,
    BGP_ATTR_LARGE_COMMUNITIES = 32,
    BGP_ATTR_ONLY_TO_CUSTOMER = 35,
};

/* Types of segments in AS_PATH and AS4_PATH (RFC 4271 4.3, RFC 5065 3). */
enum { BGP_AS_SET = 1, BGP_AS_SEQUENCE = 2, BGP_AS_CONFED_SEQUENCE = 3, BGP_AS_CONFED_SET = 4 };
