/* SPDX-License-Identifier: Apache-2.0 */
/* metallb_layer2_* of the addresses that are announced, and what the interfaces did not take. */
#pragma once

#include "serve/exposition.h"
#include "speaker/announcer.h"

struct metric_source l2_metrics_source(const struct announcer *owner);
