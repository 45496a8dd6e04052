/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of addresses as a sorted array of maximal runs. Neighbours merge, so its size follows the
 * number of gaps, not of addresses, and the lowest address outside the set is found without a walk.
 */
#pragma once

#include "base/ip.h"

struct ip_run {
    struct ip first, last;
};

struct ip_set {
    struct ip_run *runs; /* ascending; no two touch */
    size_t count, cap;
};

void ip_set_done(struct ip_set *s);
bool ip_set_has(const struct ip_set *s, struct ip a);
void ip_set_add(struct ip_set *s, struct ip a); /* nothing to do when it is there */
void ip_set_del(struct ip_set *s, struct ip a); /* nothing to do when it is not */

/* The lowest address in from..last (one family) that is not, or that is, in the set. */
bool ip_set_next_absent(struct ip *ret, const struct ip_set *s, struct ip from, struct ip last);
bool ip_set_next_present(struct ip *ret, const struct ip_set *s, struct ip from, struct ip last);
