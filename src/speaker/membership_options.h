/* SPDX-License-Identifier: Apache-2.0 */
/* Where the options of the membership come from: MetalLB's files (spec speaker-l2 5.2, 5.3), and
 * addresses on a command line. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gossip/gossip_profile.h"
#include "gossip/gossip_wire.h"

enum { MEMBERSHIP_PORT = 7946 };

struct membership_secret {
    uint8_t *bytes; /* owned; as in the file, nothing trimmed */
    size_t len;
};

void membership_secret_done(struct membership_secret *s); /* wipes it; can be used again */

/* The file itself, and file `secretkey` in a folder as MetalLB mounts it. */
NODISCARD int membership_secret_read(struct membership_secret *ret, const char *file,
                                     struct err *err);
NODISCARD int membership_secret_read_in(struct membership_secret *ret, const char *folder,
                                        struct err *err);

/* The file, if there is one; it takes the place of the whole profile (--ml-wan-config has no effect
 * then). Else the profile for LAN or WAN. */
NODISCARD int membership_profile_read(struct gossip_profile *ret, const char *file, bool wan,
                                      struct err *err);

/* "192.0.2.1", "192.0.2.1:7946", "2001:db8::1", "[2001:db8::1]:7946". */
NODISCARD int membership_addr_parse(struct gossip_addr *ret, const char *text,
                                    uint16_t default_port, struct err *err);
/* Several of them, with commas between. *ret is an array that the caller frees. */
NODISCARD int membership_addrs_parse(struct gossip_addr **ret, size_t *ret_count, const char *text,
                                     uint16_t default_port, struct err *err);
