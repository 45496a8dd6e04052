/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The solicited-node groups that one interface listens to. The kernel then tells switches that
 * prune multicast by MLD, and the interface's own filter, to let solicitations through.
 */
#pragma once

#include <stdint.h>

#include "base/ip.h"
#include "base/macro.h"

struct ndp_groups;

struct ndp_groups *ndp_groups_new(uint32_t ifindex);
struct ndp_groups *ndp_groups_free(struct ndp_groups *g); /* leaves all */
DEFINE_CLEANUP(struct ndp_groups, ndp_groups_free);

/*
 * Addresses with the same last 24 bits share a group, so each join needs its leave. 0 or -errno;
 * after a failure the next join of that group tries again, and the leave is still due.
 */
NODISCARD int ndp_groups_join(struct ndp_groups *g, struct ip ip);
void ndp_groups_leave(struct ndp_groups *g, struct ip ip);
