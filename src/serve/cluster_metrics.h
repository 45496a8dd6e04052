/* SPDX-License-Identifier: Apache-2.0 */
/* steellb_kube_*: the connection to the API server, and how each watch is; steellb_build_info. */
#pragma once

#include "role/cluster.h"
#include "serve/exposition.h"

struct metric_source cluster_metrics_source(const struct cluster *owner);
struct metric_source build_metrics_source(void);

/* Changes that the watches brought of what a role acts on, as MetalLB counts them: without the
 * status objects that it writes itself. */
uint64_t cluster_updates(const struct cluster *c);
uint64_t cluster_undecodable(const struct cluster *c);
