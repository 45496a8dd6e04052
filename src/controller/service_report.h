/* SPDX-License-Identifier: Apache-2.0 */
/* What a decision tells people: Events on the Service, and lines of the log (spec controller 1.4).
 */
#pragma once

#include "ipam/ipam.h"
#include "kube/kube_events.h"

void service_report_verdict(struct kube_events *events, const struct object *service,
                            const struct ipam_verdict *v);

/* S7 of spec controller 1.3: annotations with the old prefix, when the Service is written. */
void service_report_deprecated(struct kube_events *events, const struct object *service);
