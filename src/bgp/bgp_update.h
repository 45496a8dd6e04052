/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes UPDATE messages (spec speaker-bgp 5.3): as many prefixes of equal attributes as fit,
 * attributes in ascending order but for MP_REACH_NLRI and MP_UNREACH_NLRI, which come first.
 */
#pragma once

#include "bgp/bgp_wire.h"
#include "model/community.h"

/* What is announced with a prefix, the same for every session of a class. */
struct bgp_attrs {
    bool has_local_pref;
    uint32_t local_pref; /* iBGP only; without one 100 is sent */
    uint32_t med;
    uint8_t prepend;                         /* further copies of the own AS; eBGP only */
    const struct bgp_community *communities; /* sorted, unique, of every kind */
    size_t community_count;
};

/* An IPv4 address (4 bytes), or IPv6: global, or global and link-local, or link-local twice. */
struct bgp_next_hop {
    uint8_t len; /* 0: none that could be used; else 4, 16 or 32 */
    uint8_t bytes[32];
};

/* What the session adds. */
struct bgp_path {
    bool ibgp, as4; /* as4: the peer reads 4-byte AS numbers */
    uint32_t local_as;
    struct bgp_next_hop next_hop[BGP_FAMILIES]; /* IPv4 with 16 or 32 bytes: by RFC 8950 */
};

/*
 * One message under construction. The attributes are written at once; prefixes are added while they
 * fit. `max` is BGP_MESSAGE_MAX, or what was agreed (RFC 8654).
 */
struct bgp_update {
    struct wr w;
    enum bgp_family family;
    bool mp, withdraws;
    size_t mp_at, prefix_count;
    size_t tail_len; /* attributes behind MP_REACH_NLRI: they wait beyond w.cap */
};

/* An announcement. False when the attributes and one prefix do not fit; *ret is untouched then. */
bool bgp_update_begin(struct bgp_update *ret, uint8_t *bytes, size_t max, enum bgp_family family,
                      const struct bgp_attrs *attrs, const struct bgp_path *path);
/* A withdrawal. `mp`: with MP_UNREACH_NLRI; always for IPv6, for IPv4 when its next hop is IPv6. */
void bgp_update_begin_withdraw(struct bgp_update *ret, uint8_t *bytes, size_t max,
                               enum bgp_family family, bool mp);
/* False when the message is full: end it, and begin the next one. */
bool bgp_update_add(struct bgp_update *u, struct prefix p);
/* The length of the message. */
size_t bgp_update_end(struct bgp_update *u);

/* End-of-RIB (RFC 4724 2). Returns the length, at most 30. */
size_t bgp_update_end_of_rib(uint8_t *bytes, enum bgp_family family);
