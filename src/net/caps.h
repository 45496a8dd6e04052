/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up privileges, once, before the process reads anything from a network. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/macro.h"

#define CAPS_BIT(cap) (UINT64_C(1) << (cap)) /* CAP_NET_RAW ... from <linux/capability.h> */

/* The user to become; its supplementary groups are none. */
struct caps_user {
    uid_t uid;
    gid_t gid;
};

/*
 * Keeps the capabilities in `keep` and drops all others from every set, for this process and what
 * it may execute (without SETPCAP the bounding set stays, which no_new_privs makes harmless).
 * `user` may be NULL: the user stays. Fails with -EPERM, and a text that names it, when the process
 * does not have a capability that is to be kept; nothing has changed then.
 */
NODISCARD int caps_drop(uint64_t keep, const struct caps_user *user, struct err *err);
