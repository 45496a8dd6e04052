/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Socket filter programs for ARP requests, Neighbor Solicitations and Advertisements, as pure
 * builders of instruction arrays. A frame passes when it is well-formed in its fixed fields, not
 * addressed to another host, and asks for one of the given addresses or claims it; all else never
 * wakes the process.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

enum filter_kind { FILTER_ARP, FILTER_ND };

enum {
    FILTER_PREFIXES = 32,     /* in a classic program */
    FILTER_CLASSIC_MAX = 480, /* instructions */
    FILTER_EBPF_MAX = 64,
    FILTER_KEY_WORDS = 4, /* of the hash map's key: one word for ARP, four for ND */
};

/*
 * Classic BPF for at most FILTER_PREFIXES prefixes of the kind's family; with none nothing passes.
 * Returns the number of instructions.
 */
size_t filter_classic(struct sock_filter ret[FILTER_CLASSIC_MAX], enum filter_kind kind,
                      const struct prefix *prefixes, size_t count);

/* eBPF that looks the target up in a hash map of filter_key. Returns the number of instructions. */
size_t filter_ebpf(struct bpf_insn ret[FILTER_EBPF_MAX], enum filter_kind kind, int map_fd);
uint32_t filter_key(uint32_t ret[FILTER_KEY_WORDS], struct ip ip); /* returns its size in bytes */

/*
 * At most FILTER_PREFIXES prefixes that cover all the addresses and little else: the sorted list is
 * cut where neighbours have the least in common. All of one family; duplicates are allowed. Returns
 * the number of prefixes.
 */
size_t filter_cover(struct prefix ret[FILTER_PREFIXES], const struct ip *sorted, size_t count);
