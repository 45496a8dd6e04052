/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metallb_bgp_* and metallb_bfd_* (spec speaker-bgp S10): a series for every session of the node,
 * from the time when it is configured.
 */
#pragma once

#include "serve/exposition.h"
#include "speaker/router.h"

struct metric_source bgp_metrics_source(const struct router *owner);
