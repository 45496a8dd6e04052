/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of addresses that a protocol answers for, kept inside the kernel: a socket that has this
 * filter is not woken by requests for anybody else's addresses. One object per protocol serves any
 * number of sockets.
 *
 * Small sets become a classic BPF program. Larger ones live in a BPF hash map, made at the start
 * while the privileges for it are still there; where bpf(2) is not to be had, a classic program
 * lets through a little more than the set, and the user of the socket sorts out the rest.
 */
#pragma once

#include <stddef.h>

#include "base/ip.h"
#include "base/macro.h"
#include "net/filter_prog.h"

struct addr_filter;

/* Make it before privileges are dropped. */
struct addr_filter *addr_filter_new(enum filter_kind kind);
struct addr_filter *addr_filter_free(struct addr_filter *f);
DEFINE_CLEANUP(struct addr_filter, addr_filter_free);

/* Attaches the current set to a socket and keeps it current. 0 or -errno. */
NODISCARD int addr_filter_attach(struct addr_filter *f, int fd);
void addr_filter_detach(struct addr_filter *f, int fd); /* before fd is closed; unknown ones do */

/*
 * Replaces the set; addresses of the other family are left out. A socket that cannot be given the
 * new program loses its filter, so that it is never deaf.
 */
void addr_filter_set(struct addr_filter *f, const struct ip *ips, size_t count);

/* One address more, or less, without a look at the others. One of the other family, one that is
 * there already, or is not, changes nothing. */
void addr_filter_add(struct addr_filter *f, struct ip ip);
void addr_filter_del(struct addr_filter *f, struct ip ip);

enum addr_filter_mode {
    ADDR_FILTER_CLASSIC, /* exact */
    ADDR_FILTER_MAP,     /* exact */
    ADDR_FILTER_COVER,   /* lets through neighbours of the addresses */
};
enum addr_filter_mode addr_filter_mode(const struct addr_filter *f);
