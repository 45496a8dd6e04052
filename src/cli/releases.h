/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What earlier releases of MetalLB would have made of a Service's endpoints (spec speaker-l2 1.2).
 * People who set publishNotReadyAddresses ask this before an upgrade.
 */
#pragma once

#include <stdbool.h>

#include "base/text.h"
#include "model/object.h"

/*
 * Adds a sentence for each span of releases that would have decided otherwise about the whole
 * Service, or, with externalTrafficPolicy Local, about a node. Adds nothing when all agree.
 * `announced`: does SteelLB announce it?
 */
void releases_text(struct text *t, const struct service *s, struct object_list slices,
                   bool announced);
