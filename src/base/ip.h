/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses and prefixes as values. Text is parsed once and printed canonically: IPv4 dotted,
 * IPv6 as RFC 5952, which is also the form that the election hash takes (spec speaker-l2 3.4).
 *
 * IPv4-mapped IPv6 text (::ffff:1.2.3.4) is an IPv4 address, as in Go's net package.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

/* As a 128-bit number in host order; IPv4 uses the low 32 bits of `lo`. A zeroed struct is "no
 * address". */
struct ip {
    uint64_t hi, lo;
    enum ip_family family;
};

enum { IP_TEXT_MAX = 46, PREFIX_TEXT_MAX = 50 }; /* with the final NUL */

struct ip_text {
    char s[IP_TEXT_MAX];
};

struct ip ip_v4(uint32_t host_order);
struct ip ip_v6(const uint8_t bytes[16]);
uint32_t ip_to_v4(struct ip a);
void ip_to_v6(struct ip a, uint8_t bytes[16]);

/* Go's net.ParseIP: no zone, no leading zeros in IPv4, no blanks. */
bool ip_parse(struct ip *ret, const char *text);
bool ip_text_is_v4_mapped(const char *text); /* ::ffff:1.2.3.4 in any spelling */
struct ip_text ip_format(struct ip a);

/* For maps: unlike struct ip without padding. */
enum { IP_KEY_LEN = 17 };

struct ip_key {
    uint8_t bytes[IP_KEY_LEN];
};

struct ip_key ip_key(struct ip a);

bool ip_eq(struct ip a, struct ip b);
int ip_cmp(struct ip a, struct ip b); /* IPv4 before IPv6, then by number */
bool ip_is_link_local(struct ip a);   /* fe80::/10 */

/* The following address; false at the end of the family's space. */
bool ip_next(struct ip *ret, struct ip a);
bool ip_prev(struct ip *ret, struct ip a);

/* Ends in .0 or .255 (IPv4 only): what avoidBuggyIPs refuses. */
bool ip_is_buggy(struct ip a);

struct prefix {
    struct ip addr; /* masked */
    uint8_t len;
};

struct prefix_text {
    char s[PREFIX_TEXT_MAX];
};

uint8_t ip_bits(enum ip_family family);            /* 32 or 128 */
struct prefix prefix_of(struct ip a, uint8_t len); /* masks the host bits */

/* Go's net.ParseCIDR: host bits are masked; nothing is trimmed. An IPv4-mapped prefix is refused.
 */
bool prefix_parse(struct prefix *ret, const char *text);
struct prefix_text prefix_format(struct prefix p);

struct ip prefix_first(struct prefix p);
struct ip prefix_last(struct prefix p);
bool prefix_contains(struct prefix p, struct ip a);
bool prefix_overlaps(struct prefix a, struct prefix b);
bool prefix_eq(struct prefix a, struct prefix b);
int prefix_cmp(struct prefix a, struct prefix b); /* by address, then shorter first */

/*
 * The minimal ordered list of prefixes that covers first..last (same family, first <= last). `ret`
 * has room for PREFIX_RANGE_MAX entries. Returns their number.
 */
enum { PREFIX_RANGE_MAX = 254 };
size_t prefix_cover(struct prefix ret[PREFIX_RANGE_MAX], struct ip first, struct ip last);
